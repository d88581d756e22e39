"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

Role = Literal[
    "staff", "dispatcher", "crew", "supplier", "finance", "contract_manager", "supervisor", "auditor", "administrator"
]
ROLES: tuple[Role, ...] = (
    "staff",
    "dispatcher",
    "crew",
    "supplier",
    "finance",
    "contract_manager",
    "supervisor",
    "auditor",
    "administrator",
)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A signed-in person, or a program acting with that person's token.

    Attributes:
        account: the account's id; ``actor`` is what goes into events.
        name, name_en: as shown to others, in Chinese and English; not for logs.
        role: the one whose navigation is shown; rights come from all of ``roles``.
        organisation: a path in the tree of bodies, as ``cn/zj/city/compound``; a scope covers what lies below it.
        supplier: id of the employer, for crews and managers of suppliers; empty for others.
        crew: id of the person or team as dispatch knows it; empty for others.
        session: id of the session (or of the API token) that can be ended.
        epoch: raised by one whenever the account's rights or password change; older passes die.
        kind: ``session`` came by cookie, ``api`` by bearer.
        verbs: what an API token may do: ``read``, ``write`` or both; a session may do both.
        proof: the form token of this session (CSRF).
        until: when the pass that said all this ends; a live stream does not outlast it.
        signed_in_at: when the password was last asked for.
    """

    account: str
    name: str
    roles: frozenset[Role]
    role: Role
    session: str
    epoch: int
    signed_in_at: datetime
    department: str = ""
    department_name: str = ""
    name_en: str = ""
    department_name_en: str = ""
    organisation: str = ""
    supplier: str = ""
    crew: str = ""
    kind: Literal["session", "api"] = "session"
    verbs: frozenset[str] = frozenset({"read", "write"})
    proof: str = ""
    until: datetime | None = None

    @property
    def actor(self) -> str:
        """The pseudonym under which events name this person."""
        return f"account:{self.account}"
