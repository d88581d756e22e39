"""Accounts and their rights: made, changed, disabled, given another password; and the demonstration's people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from services.requests import model, passwords, store, tables
from services.requests.handlers import signing
from shared.contracts.requests import AccountChanged, SecurityNoticed
from shared.errors import Absent, Conflict, Invalid
from shared.web import revocation
from shared.web.principal import ROLES

if TYPE_CHECKING:
    from services.requests.compound import Compound
    from services.requests.store import Account
    from shared.work import Work

DEMONSTRATION_PASSWORD = model.DEMONSTRATION_PASSWORD

# Who decides about suppliers, their money or their work is employed by none: the second pair of eyes is another house's.
OFFICES = frozenset({"finance", "contract_manager", "supervisor", "auditor", "administrator"})


class UserTaken(Conflict):
    """Another account signs in under this name."""

    key = "requests.error.user_taken"


class OwnAccount(Conflict):
    """Nobody takes rights from himself, so that an office cannot shut itself out."""

    key = "requests.error.own_account"


def make_account(work: Work, account: Account) -> Account:
    """The account exists under a new id.

    Raises:
        UserTaken: the user name is in use. Invalid: such roles beside that employer.
    """
    check_roles(account.roles, account.supplier)
    made = replace(
        account, id=account.id or work.new_id(), user_name=account.user_name.lower(), epoch=1, changed_at=work.now
    )
    if store.account_by_user(work.connection, made.user_name) is not None:
        raise UserTaken
    try:
        store.save_account(work.connection, made, new=True)
    except IntegrityError as error:  # two at once
        raise UserTaken from error
    say_changed(work, made)
    return made


def change_account(work: Work, account_id: str, by: str, **changes: object) -> Account:
    """The account has these rights or details from now on; passes and sessions that say otherwise are dead.

    Raises:
        Absent: there is no such account. Invalid: such roles beside that employer.
        OwnAccount: an administrator disables himself or gives up the role.
    """
    before = store.account_by_id(work.connection, account_id, lock=True)
    if before is None:
        raise Absent
    after = replace(before, **changes, epoch=before.epoch + 1, changed_at=work.now)  # type: ignore[arg-type]
    if account_id == by and (not after.enabled or "administrator" not in after.roles):
        raise OwnAccount
    check_roles(after.roles, after.supplier)
    store.save_account(work.connection, after, new=False)
    revocation.change_account(work, account_id, after.epoch)
    if not after.enabled or set(before.roles) - set(after.roles):
        signing.end_sessions(work, store.sessions_of(work.connection, account_id), "disabled")
    say_changed(work, after)
    work.say(SecurityNoticed(account_id=account_id, what="rights_changed", noticed_at=work.now))
    return after


def set_password(work: Work, account_id: str, password: str, *, keep_session: str = "") -> None:
    """The account has another password; every session but ``keep_session`` is dead.

    Raises:
        Absent: there is no such account.
        Invalid: the password is too weak.
    """
    account = store.account_by_id(work.connection, account_id, lock=True)
    if account is None:
        raise Absent
    fault = passwords.fault(password, (account.user_name, account.name, account.name_en))
    if fault:
        raise Invalid(fields={"password": [fault]})
    store.save_account(
        work.connection, replace(account, password=signing.hash_password(password), changed_at=work.now), new=False
    )
    others = [each for each in store.sessions_of(work.connection, account_id) if each.id != keep_session]
    signing.end_sessions(work, others, "password_changed")
    work.say(SecurityNoticed(account_id=account_id, what="password_changed", noticed_at=work.now))


def say_changed(work: Work, account: Account) -> None:
    """Everyone who keeps a copy of the account is told how it stands."""
    name, name_en = store.department_name(work.connection, account.department)
    work.say(
        AccountChanged(
            account_id=account.id,
            epoch=account.epoch,
            name=account.name,
            roles=account.roles,
            department=account.department,
            organisation=account.supplier or account.organisation,
            crew=account.crew,
            enabled=account.enabled,
            department_name=name,
            department_name_en=name_en,
            changed_at=work.now,
        ),
        sequence=account.epoch,
    )


def check_roles(roles: tuple[str, ...], supplier: str = "") -> None:
    """Return when an account of somebody whom ``supplier`` employs, empty for the office's own people, may have these roles.

    Raises:
        Invalid: none, one that is not known, or one that decides about suppliers for somebody employed by one.
    """
    if not roles or set(roles) - set(ROLES):
        raise Invalid(fields={"roles": ["field.choice"]})
    if supplier and not OFFICES.isdisjoint(roles):
        raise Invalid(fields={"roles": ["requests.field.contractor"]})


def settle_compound(work: Work, compound: Compound) -> bool:
    """Places, departments and people of the demonstration are there; false when some were there before."""
    if store.places(work.connection):
        return False
    work.connection.execute(
        insert(tables.place),
        [
            {
                "code": place.code, "kind": place.kind, "building": place.building, "floor": place.floor,
                "room": place.room, "name": place.name.zh, "name_en": place.name.en, "capacity": place.capacity,
                "equipment": " ".join(place.equipment), "search": place.search,
            }
            for place in compound.places
        ],
    )  # fmt: skip
    work.connection.execute(
        insert(tables.department),
        [
            {"code": each.code, "name": each.name.zh, "name_en": each.name.en, "building": each.building}
            for each in compound.departments
        ],
    )
    # One hash for all: they share one published password, and three hundred hashes would take ten seconds.
    password = signing.hash_password(DEMONSTRATION_PASSWORD)
    for number, person in enumerate(compound.people):
        account = store.Account(
            id=person.id, user_name=person.user, name=person.name.zh, name_en=person.name.en, roles=person.roles,
            department=person.department, organisation=person.organisation, supplier=person.supplier,
            crew=person.crew, office=person.office, phone=person.phone, password=password,
            until=work.now + timedelta(days=person.days) if person.days else None, shown=person.shown,
            changed_at=work.now + timedelta(microseconds=number),
        )  # fmt: skip
        store.save_account(work.connection, account, new=True)
        say_changed(work, account)
    return True
