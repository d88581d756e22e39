"""What billing does with what it hears: finished work becomes usage facts, rated and fed, each exactly once."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.billing import tables
from services.billing.model import FIRST_HEAD, Agreement, chained, feed_body, lines_of, period_of, service_day
from services.billing.pricing.rating import rate
from services.billing.tables import as_decimal
from shared.clock import to_text
from shared.contracts.billing import ContractInForce, FeedExtended, UsageRecorded
from shared.database import Sql
from shared.web import revocation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from shared.contracts.base import Envelope
    from shared.contracts.dispatch import Usage, WorkOrderFinished
    from shared.contracts.requests import AccountChanged, SessionEnded
    from shared.work import Work

_KNOWN = Sql("SELECT fact_id FROM fact WHERE source = :source AND source_id = :source_id")
_FACT = Sql(
    """INSERT INTO fact (fact_id, source, source_id, order_id, order_reference, request_id, contract, supplier, crew,
       department, item, meter, quantity, unit, service_at, recorded_at, period, state, amount, card_version,
       budget_line, steps, event_id)
       VALUES (:fact_id, :source, :source_id, :order_id, :order_reference, :request_id, :contract, :supplier, :crew,
       :department, :item, :meter, :quantity, :unit, :service_at, :recorded_at, :period, :state, :amount,
       :card_version, :budget_line, :steps, :event_id)"""
)
# The first fact of a period makes its row; from then on the row lock orders those that follow.
_TOTAL_ROW = Sql(
    """INSERT INTO period_total (contract, item, meter, card_version, period, quantity, billed, facts)
       VALUES (:contract, :item, :meter, :card_version, :period, '0', '0', 0) ON CONFLICT DO NOTHING"""
)
_TOTAL = Sql(
    """SELECT quantity, billed FROM period_total WHERE contract = :contract AND item = :item AND meter = :meter
       AND card_version = :card_version AND period = :period""",
    postgresql="""SELECT quantity, billed FROM period_total WHERE contract = :contract AND item = :item
       AND meter = :meter AND card_version = :card_version AND period = :period FOR UPDATE""",
)
_SET_TOTAL = Sql(
    """UPDATE period_total SET quantity = :quantity, billed = :billed, facts = facts + 1 WHERE contract = :contract
       AND item = :item AND meter = :meter AND card_version = :card_version AND period = :period"""
)
_USE_ROW = Sql("INSERT INTO budget_use (line, accrued) VALUES (:line, '0') ON CONFLICT DO NOTHING")
_USE = Sql(
    """SELECT budget_use.accrued, budget_line.amount FROM budget_use JOIN budget_line ON budget_line.code = line
       WHERE line = :line""",
    postgresql="""SELECT budget_use.accrued, budget_line.amount FROM budget_use
       JOIN budget_line ON budget_line.code = line WHERE line = :line FOR UPDATE OF budget_use""",
)
_SET_USE = Sql("UPDATE budget_use SET accrued = :accrued WHERE line = :line")
_HEAD_ROW = Sql("INSERT INTO feed_head (contract, number, head) VALUES (:contract, 0, :head) ON CONFLICT DO NOTHING")
_HEAD = Sql(
    "SELECT number, head FROM feed_head WHERE contract = :contract",
    postgresql="SELECT number, head FROM feed_head WHERE contract = :contract FOR UPDATE",
)
_SET_HEAD = Sql("UPDATE feed_head SET number = :number, head = :head WHERE contract = :contract")
_ENTRY = Sql(
    """INSERT INTO feed_entry (contract, number, fact_id, at, amount, body, head)
       VALUES (:contract, :number, :fact_id, :at, :amount, :body, :head)"""
)


def record_usage(work: Work, event: WorkOrderFinished, envelope: Envelope) -> None:
    """Each meter of a finished order is one fact, rated under the card that holds on the service date.

    The identity of a fact is (dispatch, order, meter, round of the order): the same event again, under whatever
    number, records nothing. A fact that no card covers is recorded all the same, as unpriced.
    """
    for position, usage in enumerate(event.usage):
        identity = f"{event.order_id}/{envelope.sequence}/{position}/{usage.meter}"
        if _KNOWN.run(work.connection, source="dispatch", source_id=identity).first() is None:
            _record(work, event, envelope, usage, identity)


def _record(work: Work, event: WorkOrderFinished, envelope: Envelope, usage: Usage, identity: str) -> None:
    agreement = agreements(work.connection, [event.contract]).get(event.contract) if event.contract else None
    rated = _rated(work, event, usage, agreement)
    fact_id = work.new_id()
    fact: dict[str, Any] = {
        "fact_id": fact_id,
        "source": "dispatch",
        "source_id": identity,
        "order_id": event.order_id,
        "order_reference": event.reference,
        "request_id": event.request_id,
        "contract": event.contract,
        "supplier": event.supplier,
        "crew": event.crew,
        "department": event.department,
        "item": event.item,
        "meter": usage.meter,
        "quantity": format(usage.quantity, "f"),
        "unit": usage.unit,
        "service_at": event.finished_at,
        "recorded_at": work.now,
        "period": period_of(event.finished_at),
        "event_id": envelope.id,
        **rated,
    }
    amount = rated["amount"]
    _FACT.run(work.connection, **fact)
    work.say(
        UsageRecorded(
            fact_id=fact_id, order_id=event.order_id, request_id=event.request_id, contract=event.contract,
            supplier=event.supplier, meter=usage.meter, quantity=usage.quantity, unit=usage.unit,
            service_at=event.finished_at, recorded_at=work.now, state=rated["state"],
            amount=None if amount is None else Decimal(amount), card_version=rated["card_version"],
            budget_line=rated["budget_line"],
        ),
        sequence=1,
    )  # fmt: skip
    if amount is not None:
        _feed(work, fact)


def _rated(work: Work, event: WorkOrderFinished, usage: Usage, agreement: Agreement | None) -> dict[str, Any]:
    """State, amount, card version, budget line and steps of a fact; totals moved on."""
    nothing = {"state": "recorded", "amount": None, "card_version": 0, "budget_line": "", "steps": "[]"}
    if not event.contract:
        return nothing
    held = agreement.card_on(service_day(event.finished_at)) if agreement else None
    line = held[1].get((event.item, usage.meter)) if held else None
    if agreement is None or held is None or line is None:
        return nothing | {"state": "unpriced", "card_version": held[0] if held else 0}
    place = {"contract": event.contract, "item": event.item, "meter": usage.meter, "card_version": held[0],
             "period": period_of(event.finished_at)}  # fmt: skip
    _TOTAL_ROW.run(work.connection, **place)
    prior, billed = (as_decimal(value) or Decimal(0) for value in _TOTAL.run(work.connection, **place).one())
    found = rate(line.price, usage.quantity, line.terms, prior_quantity=prior, prior_billed=billed, final=False)
    _SET_TOTAL.run(
        work.connection,
        **place,
        quantity=format(prior + usage.quantity, "f"),
        billed=format(billed + found.amount, "f"),
    )
    _USE_ROW.run(work.connection, line=agreement.budget_line)
    accrued, budget = (as_decimal(value) for value in _USE.run(work.connection, line=agreement.budget_line).one())
    assert accrued is not None
    assert budget is not None
    accrued += found.amount
    _SET_USE.run(work.connection, line=agreement.budget_line, accrued=format(accrued, "f"))
    return {
        "state": "over_budget" if accrued > budget else "recorded",
        "amount": format(found.amount, "f"),
        "card_version": held[0],
        "budget_line": agreement.budget_line,
        "steps": json.dumps([step.data() for step in found.steps], ensure_ascii=False),
    }


def _feed(work: Work, fact: dict[str, Any]) -> None:
    """Add the fact to its contract's feed: the next number, chained to the one before."""
    contract = fact["contract"]
    _HEAD_ROW.run(work.connection, contract=contract, head=FIRST_HEAD)
    number, previous = _HEAD.run(work.connection, contract=contract).one()
    number += 1
    body = feed_body(
        contract=contract, number=number, fact=fact["fact_id"], order=fact["order_reference"], item=fact["item"],
        meter=fact["meter"], quantity=fact["quantity"], unit=fact["unit"], amount=fact["amount"], currency="CNY",
        service_at=to_text(fact["service_at"]), period=fact["period"], card_version=fact["card_version"],
        budget_line=fact["budget_line"], event=fact["event_id"],
    )  # fmt: skip
    head = chained(previous, body)
    _ENTRY.run(work.connection, contract=contract, number=number, fact_id=fact["fact_id"], at=work.now,
               amount=fact["amount"], body=body, head=head)  # fmt: skip
    _SET_HEAD.run(work.connection, contract=contract, number=number, head=head)
    work.say(
        FeedExtended(
            contract=contract, number=number, fact_id=fact["fact_id"], amount=Decimal(fact["amount"]), head=head
        ),
        sequence=number,
    )


def agreements(connection: Connection, refs: Iterable[str]) -> dict[str, Agreement]:
    """The contracts named, with all their cards."""
    refs = list(refs)
    cards: dict[str, list[Any]] = {ref: [] for ref in refs}
    for row in connection.execute(
        select(tables.card).where(tables.card.c.contract.in_(refs)).order_by(tables.card.c.starts_on)
    ):
        cards[row.contract].append((row.starts_on, row.version, lines_of(json.loads(row.lines))))
    return {
        row.ref: Agreement(row.ref, row.supplier, row.budget_line, row.starts_on, row.ends_on, tuple(cards[row.ref]))
        for row in connection.execute(select(tables.contract).where(tables.contract.c.ref.in_(refs)))
    }


def put_contract_in_force(work: Work, contract: dict[str, Any], cards: list[dict[str, Any]]) -> None:
    """Write down a contract with its cards and tell dispatch of it; a contract that is there stays as it is.

    Raises:
        PricingRefused: a price of a card is unsound.
    """
    there = work.connection.execute(
        select(tables.contract.c.ref).where(tables.contract.c.ref == contract["ref"])
    ).first()
    if there is not None:
        return
    for each in cards:
        lines_of(each["lines"])
    work.connection.execute(insert(tables.contract), {**contract, "version": 1, "items": json.dumps(contract["items"])})
    work.connection.execute(
        insert(tables.card),
        [
            {**each, "contract": contract["ref"], "lines": json.dumps(each["lines"], ensure_ascii=False)}
            for each in cards
        ],
    )
    supplier = work.connection.execute(
        select(tables.supplier).where(tables.supplier.c.code == contract["supplier"])
    ).one()
    work.say(
        ContractInForce(
            contract=contract["ref"], supplier=supplier.code, supplier_name=supplier.name,
            supplier_name_en=supplier.name_en, items=tuple(contract["items"]), starts_on=contract["starts_on"],
            ends_on=contract["ends_on"], card_version=cards[-1]["version"],
        ),
        sequence=1,
    )  # fmt: skip


def end_session(work: Work, event: SessionEnded, _envelope: Envelope) -> None:
    """Passes of the session are no longer good here."""
    revocation.end_session(work, event.session_id)


def change_account(work: Work, event: AccountChanged, _envelope: Envelope) -> None:
    """Passes of an earlier epoch of the account are no longer good here."""
    revocation.change_account(work, event.account_id, event.epoch)
