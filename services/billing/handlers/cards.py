"""A change of prices: written by one person, previewed, put in force by another; closed months get adjustments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from services.billing import tables
from services.billing.handlers.contracts import agreements, counting, say_card
from services.billing.handlers.feed import Writer, closed_periods
from services.billing.handlers.settling import NOTHING, differences, settle
from services.billing.model import agreement_of, gaps
from services.billing.pricing.refusal import PricingRefused
from services.billing.purses import series
from shared.contracts.billing import ContractInForce
from shared.errors import Absent, Conflict, Forbidden

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from sqlalchemy import Connection

    from services.billing.model import Agreement
    from shared.work import Work


@dataclass(frozen=True)
class Change:
    """What a card would change of one line of a month."""

    period: str
    closed: bool
    meter: str
    version: int
    amount: Decimal


def with_card(
    connection: Connection, contract: str, starts_on: date, lines: list[dict[str, Any]]
) -> tuple[Agreement, int]:
    """The contract as it would be with one card more, and that card's version.

    Raises:
        Absent: no such contract. PricingRefused: a line is unsound, the day lies outside the term, or a gap would open.
    """
    row = connection.execute(select(tables.contract).where(tables.contract.c.ref == contract)).first()
    if row is None:
        raise Absent
    if not row.starts_on <= starts_on < row.ends_on:
        raise PricingRefused("out_of_range", "the day lies outside the contract's term", "starts_on")
    cards = [
        (each.starts_on, each.version, json.loads(each.lines))
        for each in connection.execute(select(tables.card).where(tables.card.c.contract == contract))
        if each.starts_on != starts_on
    ]
    version = next_version(connection, contract)
    agreement = agreement_of(
        ref=row.ref, supplier=row.supplier, budget_line=row.budget_line, starts_on=row.starts_on, ends_on=row.ends_on,
        zone=row.zone, terms=json.loads(row.terms), cards=[*cards, (starts_on, version, lines)],
        budget_lines=series(connection)[row.budget_line],
    )  # fmt: skip
    for fault in gaps(agreement):
        raise PricingRefused("gap", fault, "starts_on")
    return agreement, version


def next_version(connection: Connection, contract: str) -> int:
    """The number of the next card."""
    found = [
        connection.execute(select(func.max(table.c.version)).where(table.c.contract == contract)).scalar() or 0
        for table in (tables.card, tables.card_replaced)
    ]
    return int(max(found)) + 1


def touched_periods(connection: Connection, contract: str, since: date) -> list[str]:
    """Months with anything rated or closed on or after the month of that day."""
    first = f"{since:%Y-%m}"
    table = tables.period_total
    rated = connection.execute(
        select(table.c.period).where(table.c.contract == contract, table.c.period >= first).distinct()
    ).scalars()
    unrated = connection.execute(
        select(tables.fact.c.period).where(tables.fact.c.contract == contract, tables.fact.c.period >= first).distinct()
    ).scalars()
    stated = connection.execute(
        select(tables.statement.c.period).where(
            tables.statement.c.contract == contract, tables.statement.c.period >= first
        )
    ).scalars()
    return sorted({*rated, *unrated, *stated})


def preview(connection: Connection, contract: str, starts_on: date, lines: list[dict[str, Any]]) -> list[Change]:
    """What putting the card in force would book, month by month; nothing is changed."""
    agreement, _ = with_card(connection, contract, starts_on, lines)
    closed = set(connection.execute(select(tables.statement.c.period).where(tables.statement.c.contract == contract)).scalars())  # fmt: skip
    return [
        Change(period, period in closed, place.meter, place.version, amount)
        for period in touched_periods(connection, contract, starts_on)
        for place, _, _, amount in differences(connection, agreement, period, final=period in closed)
        if amount
    ]


def propose_card(work: Work, contract: str, starts_on: date, lines: list[dict[str, Any]], name: str) -> str:
    """A card is written down for another person to put in force; its id.

    Raises:
        PricingRefused: as :func:`with_card`.
    """
    with_card(work.connection, contract, starts_on, lines)
    draft_id = work.new_id()
    work.connection.execute(
        insert(tables.card_draft),
        {
            "draft_id": draft_id, "contract": contract, "starts_on": starts_on,
            "lines": json.dumps(lines, ensure_ascii=False), "state": "proposed", "proposed_by": work.actor,
            "proposed_name": name, "proposed_at": work.now,
        },
    )  # fmt: skip
    return draft_id


def put_card_in_force(work: Work, contract: str, draft_id: str) -> Decimal:
    """A second person puts a card in force; everything it prices is rated again. What was booked by it.

    Raises:
        Absent: no such draft. Conflict: it is past that. Forbidden: by whoever wrote it.
    """
    table = tables.card_draft
    mine = select(table).where(table.c.draft_id == draft_id, table.c.contract == contract)
    draft = work.connection.execute(mine).first()
    if draft is None:
        raise Absent
    old = agreements(work.connection, [draft.contract])[draft.contract]
    writer = Writer(work, draft.contract, old)  # everything about one contract waits here
    draft = work.connection.execute(mine).one()
    if draft.state != "proposed":
        raise Conflict("billing.cards.past")
    if draft.proposed_by == work.actor:
        raise Forbidden("billing.cards.own")
    lines = json.loads(draft.lines)
    agreement, version = with_card(work.connection, draft.contract, draft.starts_on, lines)
    cards = tables.card
    same_day = work.connection.execute(
        select(cards).where(cards.c.contract == draft.contract, cards.c.starts_on == draft.starts_on)
    ).first()
    if same_day is not None:
        work.connection.execute(
            insert(tables.card_replaced),
            {"contract": same_day.contract, "version": same_day.version, "starts_on": same_day.starts_on,
             "lines": same_day.lines, "said": same_day.said, "replaced_by": version},
        )  # fmt: skip
        work.connection.execute(
            delete(cards).where(cards.c.contract == draft.contract, cards.c.starts_on == draft.starts_on)
        )
    body = {"version": version, "starts_on": draft.starts_on, "lines": lines}
    said = say_card(
        work, draft.contract, body, replaces=same_day.version if same_day else 0, by=draft.proposed_by, approved_by=work.actor
    )  # fmt: skip
    work.connection.execute(
        insert(cards), {"contract": draft.contract, "version": version, "starts_on": draft.starts_on, "lines": draft.lines, "said": said}
    )  # fmt: skip
    work.connection.execute(
        update(table).where(table.c.draft_id == draft_id).values(state="in_force", decided_by=work.actor)
    )
    writer.agreement = agreement
    booked = NOTHING
    for period in touched_periods(work.connection, draft.contract, draft.starts_on):
        booked += settle(
            work, writer, agreement, period, final=period in writer.closed, kind="charge", cause="card", said=said
        )  # fmt: skip
    writer.save()
    say_contract(work, draft.contract, version)
    return booked


def drop_card(work: Work, contract: str, draft_id: str) -> None:
    """A written card is dropped.

    Raises:
        Absent: no such draft of the contract. Conflict: it is past that.
    """
    table = tables.card_draft
    mine = (table.c.draft_id == draft_id, table.c.contract == contract)
    if work.connection.execute(select(table.c.draft_id).where(*mine)).first() is None:
        raise Absent
    done = work.connection.execute(
        update(table).where(*mine, table.c.state == "proposed").values(state="dropped", decided_by=work.actor)
    )
    if not done.rowcount:
        raise Conflict("billing.cards.past")


def say_contract(work: Work, ref: str, version: int) -> None:
    row = work.connection.execute(
        select(tables.contract, tables.supplier.c.name, tables.supplier.c.name_en)
        .join(tables.supplier, tables.supplier.c.code == tables.contract.c.supplier)
        .where(tables.contract.c.ref == ref)
    ).one()
    work.connection.execute(
        update(tables.contract).where(tables.contract.c.ref == ref).values(version=tables.contract.c.version + 1)
    )
    work.say(
        ContractInForce(
            contract=ref, supplier=row.supplier, supplier_name=row.name, supplier_name_en=row.name_en,
            items=tuple(json.loads(row.items)), starts_on=row.starts_on, ends_on=row.ends_on, card_version=version,
            **counting(agreements(work.connection, [ref])[ref]),
        ),
        sequence=row.version + 1,
    )  # fmt: skip


__all__ = [
    "Change",
    "closed_periods",
    "drop_card",
    "preview",
    "propose_card",
    "put_card_in_force",
    "with_card",
]
