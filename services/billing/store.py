"""What pages, API and feed read; lists go by key, never by offset."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import Float, cast, func, select, tuple_

from services.billing import tables
from services.billing.budget import BudgetLine as Purse
from services.billing.budget import Forecast, Movement, Position, Stage, forecast, position
from services.billing.purses import bound_in, line_of, series

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

F = tables.fact.c


def facts(
    connection: Connection, *, supplier: str = "", contract: str = "", order_id: str = "",
    before: tuple[datetime, str] | None = None, limit: int = 50,
) -> list[Row[Any]]:  # fmt: skip
    """Usage facts, newest first; only a supplier's, a contract's or an order's where one is named."""
    query = select(tables.fact).order_by(F.recorded_at.desc(), F.fact_id.desc()).limit(limit)
    for column, value in ((F.supplier, supplier), (F.contract, contract), (F.order_id, order_id)):
        if value:
            query = query.where(column == value)
    if before:
        query = query.where(tuple_(F.recorded_at, F.fact_id) < before)
    return list(connection.execute(query))


def fact(connection: Connection, fact_id: str) -> Row[Any] | None:
    """One fact."""
    return connection.execute(select(tables.fact).where(F.fact_id == fact_id)).first()


def contracts(connection: Connection, supplier: str = "") -> list[Row[Any]]:
    """Contracts with their supplier's names; only one supplier's where it is named."""
    query = (
        select(tables.contract, tables.supplier.c.name, tables.supplier.c.name_en, tables.supplier.c.short)
        .join(tables.supplier, tables.supplier.c.code == tables.contract.c.supplier)
        .order_by(tables.contract.c.ref)
    )
    return list(connection.execute(query.where(tables.contract.c.supplier == supplier) if supplier else query))


def contract(connection: Connection, ref: str) -> Row[Any] | None:
    """One contract with its supplier's names."""
    return next((row for row in contracts(connection) if row.ref == ref), None)


def cards(connection: Connection, ref: str) -> list[tuple[Any, list[dict[str, Any]]]]:
    """(row, lines) of each card version of a contract, oldest first."""
    query = select(tables.card).where(tables.card.c.contract == ref).order_by(tables.card.c.starts_on)
    return [(row, json.loads(row.lines)) for row in connection.execute(query)]


@dataclass(frozen=True)
class BudgetLine:
    """A yearly amount and what has been used of it."""

    code: str
    year: int
    name: str
    name_en: str
    amount: Decimal
    accrued: Decimal


def budget(connection: Connection) -> list[BudgetLine]:
    """Every budget line with what has accrued."""
    query = (
        select(tables.budget_line, tables.budget_use.c.accrued)
        .outerjoin(tables.budget_use, tables.budget_use.c.line == tables.budget_line.c.code)
        .order_by(tables.budget_line.c.code)
    )
    return [
        BudgetLine(row.code, row.year, row.name, row.name_en, row.amount, row.accrued or Decimal("0.00"))
        for row in connection.execute(query)
    ]


def totals(connection: Connection, ref: str) -> list[Row[Any]]:
    """Quantity, amount and number of facts of a contract by period, item and meter."""
    table = tables.period_total
    query = select(table).where(table.c.contract == ref).order_by(table.c.period.desc(), table.c.item, table.c.meter)
    return list(connection.execute(query))


def feed(connection: Connection, ref: str, after: int, limit: int) -> list[Row[Any]]:
    """Entries of a contract's feed above number ``after``, in order."""
    table = tables.feed_entry
    query = select(table).where(table.c.contract == ref, table.c.number > after).order_by(table.c.number).limit(limit)
    return list(connection.execute(query))


def feed_head(connection: Connection, ref: str) -> tuple[int, str]:
    """(last number, head) of a contract's feed."""
    row = connection.execute(select(tables.feed_head).where(tables.feed_head.c.contract == ref)).first()
    from services.billing.model import FIRST_HEAD

    return (0, FIRST_HEAD) if row is None else (int(row.number), str(row.head))


def feed_head_at(connection: Connection, ref: str, number: int) -> str:
    """The head after entry ``number`` of a contract's feed; that of nothing for 0."""
    from services.billing.model import FIRST_HEAD

    table = tables.feed_entry
    query = select(table.c.head).where(table.c.contract == ref, table.c.number == number)
    return str(connection.execute(query).scalar_one()) if number else FIRST_HEAD


def periods(connection: Connection, ref: str) -> list[tuple[str, int, Decimal]]:
    """(month, facts, amount) of a contract, newest first; the control totals."""
    found: dict[str, tuple[int, Decimal]] = {}
    for row in totals(connection, ref):
        count, amount = found.get(row.period, (0, Decimal("0.00")))
        found[row.period] = (count + row.facts, amount + row.billed)
    return [(period, count, amount) for period, (count, amount) in found.items()]


def unpriced(connection: Connection) -> int:
    """How many facts no card covers."""
    return int(connection.execute(select(func.count()).where(F.state == "unpriced")).scalar_one())


def all_cards(connection: Connection, refs: list[str]) -> dict[str, list[tuple[Any, list[dict[str, Any]]]]]:
    """(row, lines) of each card version of each of ``refs``, oldest first."""
    found: dict[str, list[tuple[Any, list[dict[str, Any]]]]] = {ref: [] for ref in refs}
    query = select(tables.card).where(tables.card.c.contract.in_(refs)).order_by(tables.card.c.starts_on)
    for row in connection.execute(query):
        found[row.contract].append((row, json.loads(row.lines)))
    return found


def unpriced_by_contract(connection: Connection, refs: list[str]) -> dict[str, int]:
    """How many facts of each contract no card covers."""
    query = select(F.contract, func.count()).where(F.state == "unpriced", F.contract.in_(refs)).group_by(F.contract)
    return {ref: int(count) for ref, count in connection.execute(query)}


def facts_of_line(connection: Connection, ref: str, period: str, item: str, meter: str, limit: int) -> list[Row[Any]]:
    """The newest priced facts of one line of a month."""
    query = (
        select(tables.fact)
        .where(F.contract == ref, F.period == period, F.item == item, F.meter == meter, F.state != "unpriced")
        .order_by(F.recorded_at.desc(), F.fact_id.desc())
        .limit(limit)
    )
    return list(connection.execute(query))


def units(connection: Connection, ref: str, period: str) -> dict[tuple[str, str], str]:
    """The unit in which each (item, meter) of a month is counted."""
    query = (
        select(F.item, F.meter, func.max(F.unit)).where(F.contract == ref, F.period == period).group_by(F.item, F.meter)
    )
    return {(item, meter): unit for item, meter, unit in connection.execute(query)}


def accrued_by_month(connection: Connection) -> dict[tuple[str, str], Decimal]:
    """What accrued on each budget line in each month of service."""
    found: dict[tuple[str, str], Decimal] = {}
    table = tables.period_total
    years = series(connection)
    query = select(tables.contract.c.budget_line, table.c.period, table.c.billed).join(
        tables.contract, tables.contract.c.ref == table.c.contract
    )
    for named, period, billed in connection.execute(query):
        line = line_of(years[named], period)
        if line:
            found[line, period] = found.get((line, period), Decimal("0.00")) + billed
    return found


def accrued_by_mode(connection: Connection) -> dict[str, tuple[Decimal, Decimal]]:
    """(lump sums, metered) that accrued on each budget line: a line of a card with a flat price is a lump sum (包干)."""
    flat: set[tuple[str, int, str, str]] = set()
    for table in (tables.card, tables.card_replaced):
        for ref, version, lines in connection.execute(select(table.c.contract, table.c.version, table.c.lines)):
            flat |= {
                (ref, version, each["item"], each["meter"])
                for each in json.loads(lines)
                if each["price"]["model"] == "flat"
            }
    total = tables.period_total.c
    years = series(connection)
    query = select(
        tables.contract.c.budget_line, total.period, total.contract, total.card_version, total.item, total.meter, total.billed
    ).join(tables.contract, tables.contract.c.ref == total.contract)  # fmt: skip
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for named, period, ref, version, item, meter, billed in connection.execute(query):
        line = line_of(years[named], period)
        lump, metered = found.get(line, (Decimal("0.00"), Decimal("0.00")))
        is_lump = (ref, version, item, meter) in flat
        found[line] = (lump + billed, metered) if is_lump else (lump, metered + billed)
    return found


# ---- statements


def statement(connection: Connection, contract: str, period: str) -> Row[Any] | None:
    """The statement of a closed month; None while it is open."""
    table = tables.statement
    return connection.execute(select(table).where(table.c.contract == contract, table.c.period == period)).first()


def statements_of(connection: Connection, refs: list[str]) -> list[Row[Any]]:
    """The statements of contracts, newest month first."""
    table = tables.statement
    query = select(table).where(table.c.contract.in_(refs)).order_by(table.c.period.desc(), table.c.contract)
    return list(connection.execute(query))


def statement_lines(connection: Connection, ref: str) -> list[Row[Any]]:
    """The lines of a statement."""
    table = tables.statement_line
    return list(connection.execute(select(table).where(table.c.statement == ref).order_by(table.c.number)))


def signatures(connection: Connection, ref: str) -> list[Row[Any]]:
    """Who signed a statement, in order."""
    table = tables.signature
    return list(connection.execute(select(table).where(table.c.statement == ref).order_by(table.c.at)))


def payments(connection: Connection, ref: str) -> list[Row[Any]]:
    """What was paid of a statement."""
    table = tables.payment
    return list(connection.execute(select(table).where(table.c.statement == ref).order_by(table.c.at)))


def entries_of_line(
    connection: Connection, contract: str, period: str, line: Row[Any], limit: int = 100
) -> list[Row[Any]]:
    """The newest feed entries that a statement's line sums."""
    table = tables.feed_entry
    kinds = ("charge", "closing") if line.kind == "charge" else (line.kind,)
    query = (
        select(table)
        .where(
            table.c.contract == contract, table.c.booked_in == period, table.c.period == line.for_period,
            table.c.kind.in_(kinds), table.c.item == line.item, table.c.meter == line.meter,
            table.c.card_version == line.card_version,
        )
        .order_by(table.c.number.desc())
        .limit(limit)
    )  # fmt: skip
    return list(connection.execute(query))


def every_card(connection: Connection, ref: str) -> list[tuple[Any, list[dict[str, Any]]]]:
    """(row, lines) of each version of a contract's cards, replaced ones too."""
    table = tables.card_replaced
    old = [(row, json.loads(row.lines)) for row in connection.execute(select(table).where(table.c.contract == ref))]
    return [*old, *cards(connection, ref)]


def positions(connection: Connection, today: date) -> dict[str, tuple[Position, Forecast | None]]:
    """Where each budget line's money stands (committed, accrued, stated, paid), and where its year is heading."""
    moves = movements(connection, today)
    found = {}
    for line in connection.execute(select(tables.budget_line)):
        purse, moved = Purse(line.code, line.year, line.amount), moves.get(line.code, [])
        ahead = forecast(purse, moved, today) if today.year == line.year else None
        found[line.code] = (position(purse, moved), ahead)
    return found


def movements(connection: Connection, today: date) -> dict[str, list[Movement]]:
    """What moved on each budget line this far.

    Commitments are what contracts bind in the line's year; what was done in it, stated and paid comes out of the same
    contract's commitment. What belongs to a year without a line of the contract's series moves none.
    """
    from services.billing.pricing.periods import month_days

    found: dict[str, list[Movement]] = {}
    contracts_ = {row.ref: row for row in connection.execute(select(tables.contract))}
    years = series(connection)
    for ref, row in contracts_.items():
        yearly = json.loads(row.terms).get("commitment")
        for year, line in years[row.budget_line].items() if yearly else ():
            bound = bound_in(Decimal(yearly), row.starts_on, row.ends_on, year)
            if bound:
                found.setdefault(line, []).append(Movement(Stage.COMMITTED, bound, date(year, 1, 1), ref))
    entry, stated = tables.feed_entry.c, tables.statement.c
    query = select(entry.contract, entry.period, func.sum(_money(entry.amount, connection))).group_by(
        entry.contract, entry.period
    )
    for ref, period, amount in connection.execute(query):
        line = line_of(years[contracts_[ref].budget_line], period) if ref in contracts_ else ""
        if line:
            on = min(month_days(period)[0], today)
            found.setdefault(line, []).append(Movement(Stage.ACCRUED, _exact(amount), on, ref))
    for row in connection.execute(select(stated.contract, stated.period, stated.state, stated.total, stated.paid)):
        line = line_of(years[contracts_[row.contract].budget_line], row.period)
        if not line:
            continue
        if row.state in {"stated", "paid"}:
            found.setdefault(line, []).append(Movement(Stage.STATED, row.total, today, row.contract))
        if row.paid:
            found.setdefault(line, []).append(Movement(Stage.PAID, row.paid, today, row.contract))
    return found


def booked(connection: Connection, refs: Any, without: Sequence[str]) -> dict[str, Decimal]:
    """What was booked for each month of the contracts that ``refs`` selects, kinds ``without`` left out."""
    entry = tables.feed_entry.c
    query = select(entry.period, func.sum(_money(entry.amount, connection))).group_by(entry.period)
    query = query.where(entry.contract.in_(refs), entry.kind.not_in(without))
    return {period: _exact(amount) for period, amount in connection.execute(query)}


def _money(column: Any, connection: Connection) -> Any:
    """Sums must stay exact: SQLite keeps amounts as text, so they are summed as whole fen."""
    return func.round(cast(column, Float) * 100) if connection.dialect.name == "sqlite" else column * 100


def _exact(fen: Any) -> Decimal:
    return Decimal(str(fen)).quantize(Decimal(1)) / 100


def chargeback(connection: Connection, period: str) -> list[tuple[str, str, int, Decimal]]:
    """(department, item, facts, amount) of a month: what each department's orders cost, corrections included."""
    sums: dict[tuple[str, str], tuple[int, Decimal]] = {}
    query = select(F.department, F.item, F.amount, F.kind).where(F.period == period, F.amount.is_not(None))
    for row in connection.execute(query):
        count, amount = sums.get((row.department, row.item), (0, Decimal("0.00")))
        sums[row.department, row.item] = (count + (row.kind == "fact"), amount + row.amount)
    return sorted((department, item, count, amount) for (department, item), (count, amount) in sums.items())


def months(connection: Connection) -> list[str]:
    """The months that have facts."""
    return list(connection.execute(select(F.period).distinct()).scalars())
