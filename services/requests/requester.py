"""For whom something is asked for; not always whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.requests.store import Account
    from shared.web.principal import Principal


@dataclass(frozen=True)
class Requester:
    """For whom something is asked for."""

    account: str
    name: str
    name_en: str
    department: str
    organisation: str
    roles: frozenset[str]


def oneself(person: Principal) -> Requester:
    """The person who asks, as the one for whom it is."""
    return Requester(
        person.account, person.name, person.name_en or person.name, person.department, person.organisation,
        frozenset(person.roles),
    )  # fmt: skip


def another(account: Account) -> Requester:
    """The holder of an account, as the one for whom it is."""
    return Requester(
        account.id, account.name, account.name_en or account.name, account.department, account.organisation,
        frozenset(account.roles),
    )  # fmt: skip
