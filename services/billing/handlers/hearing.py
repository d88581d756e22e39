"""What billing does with the events it hears: finished work becomes facts, opinions become measures, sessions end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from services.billing import tables
from services.billing.handlers.facts import Report, record
from services.billing.model import period_of
from shared.web import revocation

if TYPE_CHECKING:
    from shared.contracts.base import Envelope
    from shared.contracts.dispatch import CostMeasured, WorkOrderFinished
    from shared.contracts.requests import (
        AccountChanged,
        ComplaintAnswered,
        RequestConfirmed,
        RequestReopened,
        SessionEnded,
    )
    from shared.work import Work


def record_usage(work: Work, event: WorkOrderFinished, envelope: Envelope) -> None:
    """Each meter of a finished order is one fact, rated under the card that holds on the service date.

    The identity of a fact is (dispatch, order, meter, round of the order): the same event again, under whatever
    number, records nothing. A fact that no card covers is recorded all the same, as unpriced.
    """
    record(
        work,
        [
            Report(
                source="dispatch", id=f"{event.order_id}/{envelope.sequence}/{position}/{usage.meter}",
                service_at=event.finished_at, quantity=usage.quantity, contract=event.contract, item=event.item,
                meter=usage.meter, unit=usage.unit, supplier=event.supplier, crew=event.crew, department=event.department,
                order_id=event.order_id, order_reference=event.reference, request_id=event.request_id, event_id=envelope.id,
            )
            for position, usage in enumerate(event.usage)
        ],
    )  # fmt: skip


def record_cost(work: Work, event: CostMeasured, envelope: Envelope) -> None:
    """What our own store and pool gave is a fact of no contract, in yuan; the same cost again records nothing."""
    record(
        work,
        [
            Report(
                source="dispatch", id=event.cost_id, service_at=event.at, quantity=event.yuan, item=event.item, meter=event.meter,
                unit="yuan", crew=event.crew, department=event.department, order_id=event.order_id,
                order_reference=event.order_reference, request_id=event.request_id, event_id=envelope.id,
            )
        ],
    )  # fmt: skip


def note_promises(work: Work, event: WorkOrderFinished, envelope: Envelope) -> None:
    """How many promises of a finished round were given and kept is counted once for its month."""
    table = tables.job_record
    given = [kept for kept in (event.response_kept, event.arrival_kept, event.finish_kept) if kept is not None]
    here = (table.c.order_id == event.order_id) & (table.c.round == envelope.sequence)
    if work.connection.execute(select(table.c.order_id).where(here)).first() is not None:
        return
    work.connection.execute(
        insert(table),
        {
            "order_id": event.order_id, "round": envelope.sequence, "request_id": event.request_id,
            "scored": event.contract or event.crew, "supplier": event.supplier, "item": event.item,
            "period": period_of(event.finished_at), "promises": len(given), "kept": sum(given), "event_id": envelope.id,
        },
    )  # fmt: skip


def note_stars(work: Work, event: RequestConfirmed, envelope: Envelope) -> None:
    """The newest stars of a request count; no stars say nothing."""
    if event.stars:
        _opinion(work, event.request_id, envelope.id, stars=event.stars)


def note_reopening(work: Work, event: RequestReopened, envelope: Envelope) -> None:
    """A request that was reopened counts as work done badly."""
    _opinion(work, event.request_id, envelope.id, reopened=event.times)


def note_complaint(work: Work, event: ComplaintAnswered, envelope: Envelope) -> None:
    """What was found of a complaint about somebody's work; after an appeal the later answer counts, whichever came first."""
    if not event.order_id:
        return
    table = tables.complaint
    here = table.c.complaint_id == event.complaint_id
    there = work.connection.execute(select(table.c.sequence).where(here)).scalar()
    row = {"outcome": event.outcome, "sequence": envelope.sequence, "event_id": envelope.id}
    if there is None:
        work.connection.execute(insert(table), {"complaint_id": event.complaint_id, "order_id": event.order_id, **row})
    elif envelope.sequence > there:
        work.connection.execute(update(table).where(here).values(**row))


def _opinion(work: Work, request_id: str, event_id: str, **said: int) -> None:
    table = tables.opinion
    there = work.connection.execute(select(table).where(table.c.request_id == request_id)).first()
    if there is None:
        work.connection.execute(
            insert(table), {"request_id": request_id, "stars": 0, "reopened": 0, "event_id": event_id, **said}
        )
        return
    if "reopened" in said:
        said["reopened"] = max(said["reopened"], there.reopened)
    work.connection.execute(update(table).where(table.c.request_id == request_id).values(**said, event_id=event_id))


def end_session(work: Work, event: SessionEnded, _envelope: Envelope) -> None:
    """Passes of the session are no longer good here."""
    revocation.end_session(work, event.session_id)


def change_account(work: Work, event: AccountChanged, _envelope: Envelope) -> None:
    """Passes of an earlier epoch of the account are no longer good here."""
    revocation.change_account(work, event.account_id, event.epoch)
