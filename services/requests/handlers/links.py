"""Links that let somebody in once: the first administrator, and whoever has forgotten a password."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from services.requests import model, store, tables
from services.requests.handlers import accounts
from shared.errors import Absent, Conflict

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.requests.store import Account
    from shared.work import Work

LINK_LIFE = timedelta(minutes=30)


class AdministratorThere(Conflict):
    """Somebody can already sign in as administrator."""

    key = "gate.error.administrator"


def invite(work: Work, account_id: str) -> str:
    """The code of a link by which the person chooses a password; good once, for half an hour. Older links end.

    Raises:
        Absent: there is no such account.
    """
    if store.account_by_id(work.connection, account_id) is None:
        raise Absent
    code = secrets.token_urlsafe(32)
    table = tables.invitation
    work.connection.execute(delete(table).where(table.c.account_id == account_id))
    work.connection.execute(
        insert(table).values(digest=model.digest(code), account_id=account_id, until=work.now + LINK_LIFE)
    )
    return code


def invited(connection: Connection, code: str, now: datetime) -> Account | None:
    """Whom this link lets in; None when it was used, is too old or never was."""
    table = tables.invitation.c
    query = select(table.account_id).where(table.digest == model.digest(code), table.until > now)
    account_id = connection.execute(query).scalar()
    found = store.account_by_id(connection, str(account_id)) if account_id else None
    return found if found is not None and found.may_sign_in(now) else None


def welcome(work: Work, code: str, password: str) -> Account:
    """The person has this password and the link is used up; a second factor, if there is one, stays.

    Raises:
        Absent: the link lets nobody in.
        Invalid: the password is too weak; the link stays good.
    """
    account = invited(work.connection, code, work.now)
    if account is None:
        raise Absent
    accounts.set_password(work, account.id, password)
    gone = work.connection.execute(delete(tables.invitation).where(tables.invitation.c.digest == model.digest(code)))
    if gone.rowcount != 1:
        raise Absent
    return account


def first_administrator(work: Work, user: str, name: str, name_en: str, organisation: str) -> str:
    """An account with the role administrator exists under this user name; the code of its link.

    Raises:
        AdministratorThere: another one can sign in already; that one makes accounts on a page.
    """
    wanted = user.lower()
    there = [each for each in _administrators(work) if each.user_name != wanted and each.password]
    if there:
        raise AdministratorThere(user=there[0].user_name)
    account = store.account_by_user(work.connection, wanted)
    if account is None:
        account = accounts.make_account(
            work,
            store.Account(
                id="", user_name=wanted, name=name, name_en=name_en, roles=("administrator",), department="",
                organisation=organisation, supplier="", crew="", office="", phone="", password="",
            ),
        )  # fmt: skip
    elif "administrator" not in account.roles:
        raise AdministratorThere(user=wanted)
    return invite(work, account.id)


def _administrators(work: Work) -> list[Account]:
    found = store.list_accounts(work.connection, role="administrator", limit=1000)
    return [each for each in found if each.may_sign_in(work.now)]


def prune(work: Work) -> None:
    """Links that are too old are forgotten."""
    work.connection.execute(delete(tables.invitation).where(tables.invitation.c.until <= work.now))
