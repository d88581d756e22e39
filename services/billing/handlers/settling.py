"""Bringing a month to what its facts and cards now come to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from services.billing import tables
from services.billing.handlers.facts import _SET_TOTAL, live_facts
from services.billing.handlers.feed import Entry, Writer, spend
from services.billing.model import Place
from services.billing.pricing.exact import decimal
from services.billing.pricing.ledger import rate_period

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from services.billing.model import Agreement
    from services.billing.pricing.ledger import Fact, Line
    from shared.work import Work

NOTHING = Decimal("0.00")


def fresh(agreement: Agreement, period: str, facts: Sequence[Fact], *, final: bool) -> dict[Place, Line]:
    """A month's lines rated from nothing but facts in force and the cards.

    An open month (not ``final``) has no minimums and no lines without facts.
    """
    statement = rate_period(agreement.full if final else agreement.running, period, facts)
    return {Place(period, line.meter, line.version): line for line in statement.lines if final or line.facts}


def month_facts(
    connection: Connection, agreement: Agreement, period: str, known_at: datetime | None = None
) -> list[Fact]:
    """The facts that a month is rated from; all of them where a level is carried over from earlier months."""
    carried = any(line.aggregation == "time_weighted" for card in agreement.full.cards for line in card.lines.values())
    return live_facts(connection, agreement, period="" if carried else period, known_at=known_at)


def totals_of(connection: Connection, contract: str, period: str) -> dict[Place, Any]:
    """What was rated so far, by line."""
    table = tables.period_total
    query = select(table).where(table.c.contract == contract, table.c.period == period)
    return {Place(period, f"{row.item}/{row.meter}", row.card_version): row for row in connection.execute(query)}


def differences(
    connection: Connection, agreement: Agreement, period: str, *, final: bool
) -> list[tuple[Place, Line | None, Decimal, Decimal]]:
    """(line, as rated afresh, change of quantity, change of amount) wherever a month is not what it now comes to."""
    there = totals_of(connection, agreement.ref, period)
    now = fresh(agreement, period, month_facts(connection, agreement, period), final=final)
    found = []
    for place in sorted(there.keys() | now.keys(), key=lambda each: (each.meter, each.version)):
        line, row = now.get(place), there.get(place)
        quantity = (line.quantity if line else Decimal(0)) - (row.quantity if row else Decimal(0))
        amount = (line.amount if line else NOTHING) - (row.billed if row else NOTHING)
        facts = (line.facts if line else 0) - (row.facts if row else 0)
        if quantity or amount or facts:
            found.append((place, line, quantity, decimal(amount, 2)))
    return found


def settle(
    work: Work, writer: Writer, agreement: Agreement, period: str, *, final: bool, kind: str, cause: str, said: str = ""
) -> Decimal:
    """Book what a month differs from its fresh rating by; what was booked."""
    booked = NOTHING
    for place, line, quantity, amount in differences(work.connection, agreement, period, final=final):
        if amount:
            writer.book(
                Entry(
                    kind=kind, period=period, amount=amount, item=place.item, meter=place.name, card_version=place.version,
                    quantity=quantity, cause=cause, said=said, more={"budget_line": agreement.paid_from(period)},
                )
            )  # fmt: skip
        _SET_TOTAL.run(
            work.connection, contract=agreement.ref, item=place.item, meter=place.name, card_version=place.version,
            period=period, quantity=format(line.quantity if line else Decimal(0), "f"),
            billed=format(line.amount if line else NOTHING, "f"), facts=line.facts if line else 0,
        )  # fmt: skip
        booked += amount
    if booked:
        spend(work, agreement.paid_from(period), [booked])
    return booked
