"""Budget lines: made and changed by two people; the hard stop of one, and what lets more be committed all the same.

A stop holds back commitments only. What was done is recorded whatever the line says, and flagged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.billing import budget as rules
from services.billing import office_tables, purses, store, tables
from services.billing.handlers import agreeing
from services.billing.handlers.feed import Writer, spend
from services.billing.pricing.exact import decimal
from services.billing.pricing.rounding import FEN, rounded
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.work import Work

L, F = tables.budget_line.c, tables.fact.c
NOTHING = Decimal("0.00")
HELD = ("retention_held", "retention_released")  # money of charges that is paid later: it accrued with them
FIELDS = ("name", "name_en", "year", "amount", "hard", "warn_pct", "follows")


def line(connection: Connection, code: str) -> Row[Any]:
    """One budget line.

    Raises:
        Absent: there is none.
    """
    row = connection.execute(select(tables.budget_line).where(L.code == code)).first()
    if row is None:
        raise Absent
    return row


def body_of(row: Row[Any] | None) -> dict[str, Any]:
    """A line in the form in which it is proposed; empty where there is none."""
    if row is None:
        return {}
    return {"name": row.name, "name_en": row.name_en, "year": row.year, "amount": format(row.amount, "f"),
            "hard": bool(row.hard), "warn_pct": format(row.warn_pct, "f"), "follows": row.follows}  # fmt: skip


def cannot_follow(connection: Connection, code: str, year: int) -> str:
    """Why a line of that year cannot continue the line ``code``, as a message key; empty if it can."""
    there = connection.execute(select(L.year).where(L.code == code)).first()
    if there is None:
        return "contracting.terms.no_line"
    if there.year >= year:
        return "budgeting.follows_later"
    if connection.execute(select(L.code).where(L.follows == code)).first() is not None:
        return "budgeting.followed"
    return ""


def apply_line(work: Work, row: Row[Any], body: dict[str, Any]) -> tuple[int, list[str]]:
    """A line is made, or is from now on as it was proposed.

    Raises:
        Conflict: it was changed since, its year can no longer be another, or another line continues the same one.
    """
    follows = body.get("follows", "")
    there = work.connection.execute(select(tables.budget_line).where(L.code == row.about)).first()
    if there is not None and there.year != body["year"] and bound(work.connection, row.about):
        raise Conflict("budgeting.year_stays")
    if there is None and follows and (why := cannot_follow(work.connection, follows, body["year"])):
        raise Conflict(why)
    version, _ = agreeing.keep_version(work, row, body)
    before = body_of(there)
    values = {"name": body["name"], "name_en": body["name_en"], "year": body["year"], "amount": Decimal(body["amount"]),
              "hard": int(body["hard"]), "warn_pct": Decimal(body["warn_pct"])}  # fmt: skip
    if there is None:
        work.connection.execute(insert(tables.budget_line), {"code": row.about, "follows": follows, **values})
        if follows:
            _take_over(work, row.about, body["year"])
    else:
        work.connection.execute(update(tables.budget_line).where(L.code == row.about).values(**values))
    return version, sorted(name for name in body if body[name] != before.get(name))


def _take_over(work: Work, code: str, year: int) -> None:
    """What was done in the line's year before the line was there has accrued on it."""
    refs = [row.ref for row in paid_from(work.connection, code)]
    for ref in refs:
        Writer(work, ref, None)  # what is being booked of a contract is there, or waits and finds the line
    entry = tables.feed_entry.c
    booked = select(entry.amount).where(
        entry.contract.in_(refs), entry.period.startswith(f"{year}-"), entry.kind.not_in(HELD)
    )  # fmt: skip
    spend(work, code, list(work.connection.execute(booked).scalars()))


def paid_from(connection: Connection, code: str) -> list[Row[Any]]:
    """The contracts whose work in the line's year is paid from it."""
    row, years = line(connection, code), purses.series(connection)[code]
    table = tables.contract
    query = select(table).where(
        table.c.budget_line.in_(list(years.values())), table.c.starts_on < date(row.year + 1, 1, 1),
        table.c.ends_on > date(row.year, 1, 1),
    )  # fmt: skip
    return list(connection.execute(query.order_by(table.c.ref)))


def unfunded(connection: Connection, code: str) -> dict[int, Decimal]:
    """What was booked of contracts of the line's series for years that have no line in it."""
    years = purses.series(connection)[code]
    table = tables.contract.c
    refs = select(table.ref).where(table.budget_line.in_(list(years.values())))
    found: dict[int, Decimal] = {}
    for period, amount in store.booked(connection, refs, HELD).items():
        year = int(period[:4])
        if year not in years:
            found[year] = found.get(year, NOTHING) + amount
    return dict(sorted(found.items()))


def bound(connection: Connection, code: str) -> bool:
    """Whether a contract names the line, or is paid from it because it continues the one that is named."""
    years = purses.series(connection)[code]
    named = select(tables.contract.c.ref).where(tables.contract.c.budget_line.in_(list(years.values())))
    return connection.execute(named.limit(1)).first() is not None


# ---- the hard stop


@dataclass(frozen=True)
class Override:
    """How far above its sum a line may be committed, why, and who agreed."""

    version: int
    amount: Decimal
    words: str
    by: str
    approved_by: str
    at: Any


def overrides(connection: Connection, code: str) -> list[Override]:
    """Those in force, oldest first. Their sums add up."""
    table, proposal = office_tables.agreed, office_tables.proposal.c
    names = {
        row.base + 1: (row.proposed_name, row.decided_name)
        for row in connection.execute(
            select(proposal.base, proposal.proposed_name, proposal.decided_name).where(
                proposal.kind == "override", proposal.about == code, proposal.state == "in_force"
            )
        )
    }
    query = select(table).where(table.c.kind == "override", table.c.about == code).order_by(table.c.version)
    found = []
    for row in connection.execute(query):
        body = json.loads(row.body)
        by, approved = names.get(row.version, ("", ""))
        found.append(Override(int(row.version), Decimal(body["amount"]), str(body["words"]), by, approved, row.at))
    return found


def beyond(connection: Connection, ref: str, code: str, commitment: Decimal, today: date) -> Decimal:
    """How much a contract's commitment in the line's year would take a line with a hard stop above its sum and its overrides;
    0 = it may be committed.

    A contract that binds no more of the line than it did is not stopped.
    """
    row = line(connection, code)
    moves = store.movements(connection, today).get(code, [])
    before = sum(
        (each.amount for each in moves if each.stage is rules.Stage.COMMITTED and each.obligation == ref), NOTHING
    )
    if not row.hard or commitment <= before:
        return NOTHING
    others = [each for each in moves if not (each.stage is rules.Stage.COMMITTED and each.obligation == ref)]
    ceiling = row.amount + sum((each.amount for each in overrides(connection, code)), NOTHING)
    purse = rules.BudgetLine(code, row.year, ceiling, row.warn_pct, hard=True)
    more = rules.Movement(rules.Stage.COMMITTED, commitment, today, ref)
    told = rules.check(purse, others, more)
    return decimal(rounded(told.over_by, FEN), 2) if told.verdict is rules.Verdict.STOPPED else NOTHING


def hold(connection: Connection, ref: str, body: dict[str, Any], today: date) -> None:
    """Return if the line of every year of the term lets the contract be committed as ``body`` has it.

    Raises:
        Invalid: a line has a hard stop, and this would go beyond it; which, and how far, is said beside the field.
    """
    from shared.web.intake import Said

    wanted = Decimal(str(body["terms"].get("commitment") or 0))
    term = date.fromisoformat(body["starts_on"]), date.fromisoformat(body["ends_on"])
    said = []
    for year, code in sorted(purses.series(connection)[body["budget_line"]].items()):
        over = beyond(connection, ref, code, purses.bound_in(wanted, *term, year), today)
        if over:
            said.append(Said("budgeting.stopped", line=code, amount=format(over, "f")))
    if said:
        raise Invalid(fields={"commitment": said})


def flagged(connection: Connection, code: str, limit: int = 20) -> tuple[int, list[Row[Any]]]:
    """How many facts were recorded with the line over its sum, and the newest of them."""
    where = (F.budget_line == code, F.state == "over_budget")
    count = connection.execute(select(func.count()).where(*where)).scalar_one()
    query = select(tables.fact).where(*where).order_by(F.recorded_at.desc(), F.fact_id.desc()).limit(limit)
    return int(count), list(connection.execute(query))
