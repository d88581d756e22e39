"""Before a contract's work begins: a list of what is looked at, and who confirms it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from services.billing import procurement_tables as own
from services.billing import tables
from services.billing.handlers.outlook import bond_moves
from services.billing.handlers.terms import bond_balance
from shared.contracts.billing import StartupChecked
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.work import Work

K = own.startup_check.c
# What the plan asks for: what is bought is clear (the first three and the bond follow from the contract itself), and what is
# there has been assessed before it is handed over.
WRITTEN = ("content", "standards", "term", "bond")
CHECKS = (*WRITTEN, "facilities", "records", "people", "keys", "safety", "emergency", "insurance")
READY = "ready"


def written(connection: Connection, row: Row[Any]) -> dict[str, bool]:
    """What the contract itself answers."""
    parts, terms = json.loads(row.parts), json.loads(row.terms)
    bond = Decimal(str(terms.get("bond") or 0))
    return {
        "content": bool(parts.get("content")), "standards": bool(parts.get("standards")), "term": row.starts_on < row.ends_on,
        "bond": bond_balance(bond_moves(connection, row.ref)) >= bond,
    }  # fmt: skip


def checked(connection: Connection, ref: str) -> dict[str, Row[Any]]:
    """The newest word on each check."""
    found = {}
    for row in connection.execute(select(own.startup_check).where(K.contract == ref).order_by(K.number)):
        found[row.check] = row
    return found


def open_checks(connection: Connection, contract: Row[Any]) -> list[str]:
    """What has not passed yet."""
    said, own_words = checked(connection, contract.ref), written(connection, contract)
    return [
        check for check in CHECKS
        if not (own_words[check] if check in WRITTEN else check in said and said[check].passed)
    ]  # fmt: skip


def _contract(work: Work, ref: str) -> Row[Any]:
    table = tables.contract
    if work.connection.execute(select(table.c.ref).where(table.c.ref == ref).with_for_update()).first() is None:
        raise Absent
    return work.connection.execute(select(table).where(table.c.ref == ref)).one()


def _note(work: Work, ref: str, check: str, passed: bool, words: str, name: str) -> int:
    last = work.connection.execute(select(func.max(K.number)).where(K.contract == ref, K.check == check)).scalar()
    number = int(last or 0) + 1
    work.connection.execute(
        insert(own.startup_check),
        {"contract": ref, "check": check, "number": number, "passed": int(passed), "words": words, "by": work.actor, "name": name, "at": work.now},
    )  # fmt: skip
    work.say(StartupChecked(contract=ref, check=check, number=number, passed=passed, checked_at=work.now))
    return number


def note_check(work: Work, ref: str, check: str, passed: bool, words: str, name: str) -> int:
    """Something was looked at; its number.

    Raises:
        Absent: no such contract. Invalid: the contract itself answers this. Conflict: the list was confirmed.
    """
    _contract(work, ref)
    if check not in CHECKS or check in WRITTEN:
        raise Invalid(fields={"check": ["field.choice"]})
    if READY in checked(work.connection, ref):
        raise Conflict("starting.confirmed_before")
    return _note(work, ref, check, passed, words, name)


def confirm(work: Work, ref: str, words: str, name: str) -> int:
    """A person who looked at nothing of it confirms the whole list.

    Raises:
        Conflict: something has not passed, or it was confirmed before. Forbidden: by whoever looked at any of it.
    """
    row = _contract(work, ref)
    said = checked(work.connection, ref)
    if READY in said:
        raise Conflict("starting.confirmed_before")
    if open_checks(work.connection, row):
        raise Conflict("starting.not_ready")
    if any(each.by == work.actor for each in said.values()):
        raise Forbidden("starting.own")
    return _note(work, ref, READY, True, words, name)
