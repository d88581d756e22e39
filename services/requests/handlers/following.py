"""What becomes of a request: the requester's acts, and what dispatch tells of the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.requests import model, quotas, store
from services.requests.bookings import claiming
from shared.contracts import billing, dispatch
from shared.contracts.requests import RequestConfirmed, RequestReopened, RequestUrged, RequestWithdrawn
from shared.errors import NotYet
from shared.web import live

if TYPE_CHECKING:
    from datetime import datetime

    from services.requests.store import KnownOrder, Request
    from shared.contracts.base import Envelope
    from shared.work import Work


Who = tuple[str, str]  # a name as shown in Chinese and in English
NOBODY: Who = ("", "")

# ---- the requester


def withdraw(work: Work, request: Request, who: Who, reason: str = "not_needed") -> None:
    """Nobody is to do it any more; a booking that it stands for ends with it.

    Raises:
        NotInThisState: it is finished or has ended.
    """
    model.need("withdraw", request.state)
    _act(work, request, "withdrawn", who, reason, withdrawn_at=work.now, state="withdrawn")
    quotas.release(work, request.id)
    if request.state == "awaiting_approval":  # nobody has heard of it
        quotas.withdrawn(work, request.id)
        return
    work.say(
        RequestWithdrawn(request_id=request.id, withdrawn_at=work.now, reason=reason), sequence=request.version + 1
    )
    for other_id in claiming.release_for_request(work, request.id):
        other = store.request_by_id(work.connection, other_id, lock=True)
        if other is not None and model.may("withdraw", other.state):
            withdraw(work, other, who, reason)


def urge(work: Work, request: Request, who: Who) -> None:
    """The crew and the dispatcher will hear that it is waited for.

    Raises:
        NotInThisState: nobody is working for it any more.
        UrgedJustNow: less than ten minutes have passed since the last time.
    """
    model.need("urge", request.state)
    if request.urged_at is not None and work.now < request.urged_at + model.URGE_PAUSE:
        raise model.UrgedJustNow(minutes=int(model.URGE_PAUSE.total_seconds() // 60))
    _act(work, request, "urged", who, urged=request.urged + 1, urged_at=work.now)
    event = RequestUrged(request_id=request.id, urged_at=work.now, times=request.urged + 1)
    work.say(event, sequence=request.version + 1)


def confirm(
    work: Work, request: Request, who: Who, stars: int = 0, tags: tuple[str, ...] = (), words: str = ""
) -> None:
    """The work is accepted and the request closed, perhaps with stars.

    Raises:
        NotInThisState: it is not waiting to be confirmed.
    """
    model.need("confirm", request.state)
    _act(
        work, request, "confirmed", who, str(stars or ""),
        closed_at=work.now, state="closed", stars=stars, tags=" ".join(tags), words=words,
    )  # fmt: skip
    event = RequestConfirmed(
        request_id=request.id, confirmed_at=work.now, stars=stars, tags=tags, words="" if request.restricted else words
    )
    work.say(event, sequence=request.version + 1)


def reopen(work: Work, request: Request, who: Who, words: str = "") -> None:
    """The work starts again in a new round.

    Raises:
        NotInThisState: it is not finished, or was closed more than thirty days ago.
    """
    model.need("reopen", request.state)
    if request.closed_at is not None and work.now > request.closed_at + model.REOPEN_WITHIN:
        raise model.NotInThisState
    _act(
        work, request, "reopened", who, words,
        round=request.round + 1, state="reopened", closed_at=None, finished_at=None, due_at=None, stars=0, tags="", words="",
    )  # fmt: skip
    event = RequestReopened(
        request_id=request.id, reopened_at=work.now, times=request.round, words="" if request.restricted else words
    )
    work.say(event, sequence=request.version + 1)


def close_unanswered(work: Work, before: datetime, limit: int = 200) -> int:
    """Requests finished before ``before`` that nobody answered are closed without stars; how many."""
    ids = store.unanswered(work.connection, before, limit)
    closed = 0
    for request_id in ids:
        request = store.request_by_id(work.connection, request_id, lock=True)
        # Another replica may have been here, or the requester.
        if request is not None and model.may("confirm", request.state):
            confirm(work, request, NOBODY)
            closed += 1
    return closed


def _act(work: Work, request: Request, what: str, who: Who, detail: str = "", **values: object) -> None:
    store.change_request(work.connection, request.id, version=request.version + 1, changed_at=work.now, **values)
    store.happen(work, request.id, what, who=who[0], who_en=who[1], detail=detail, sequence=request.version + 1)
    _tell(work, request)


def _tell(work: Work, request: Request) -> None:
    """Open pages of the requester, and of whoever filed it for him, look again."""
    for account in sorted({request.requester, request.filed_by} - {""}):
        live.tell(work, f"account:{account}", "row", {"ref": model.short(request.reference)})


# ---- dispatch

OrderEvent = (
    dispatch.WorkOrderOpened
    | dispatch.WorkOrderAssigned
    | dispatch.WorkOrderAccepted
    | dispatch.WorkOrderRefused
    | dispatch.WorkOrderSetOff
    | dispatch.WorkOrderArrived
    | dispatch.WorkOrderStarted
    | dispatch.WorkOrderPaused
    | dispatch.WorkOrderResumed
    | dispatch.WorkOrderFinished
    | dispatch.WorkOrderCancelled
)
HAPPENINGS: dict[type, tuple[str, str]] = {  # event -> (happening, the field with its instant)
    dispatch.WorkOrderOpened: ("opened", "opened_at"),
    dispatch.WorkOrderAssigned: ("assigned", "assigned_at"),
    dispatch.WorkOrderAccepted: ("accepted", "accepted_at"),
    dispatch.WorkOrderRefused: ("refused", "refused_at"),
    dispatch.WorkOrderSetOff: ("set_off", "set_off_at"),
    dispatch.WorkOrderArrived: ("arrived", "arrived_at"),
    dispatch.WorkOrderStarted: ("started", "started_at"),
    dispatch.WorkOrderPaused: ("paused", "paused_at"),
    dispatch.WorkOrderResumed: ("resumed", "resumed_at"),
    dispatch.WorkOrderFinished: ("finished", "finished_at"),
    dispatch.WorkOrderCancelled: ("cancelled", "cancelled_at"),
}


def follow_order(work: Work, event: OrderEvent, envelope: Envelope) -> None:
    """The request shows how its work order stands. Latest sequence wins, so events may come in any order.

    Raises:
        NotYet: the request is not known here, which only a restored database can cause.
    """
    if not event.request_id:  # work that nobody asked for: a plan's, an alarm's, a part
        return
    request = store.request_by_id(work.connection, event.request_id, lock=True)
    if request is None:
        raise NotYet(event.request_id)
    what, field = HAPPENINGS[type(event)]
    at = getattr(event, field)
    known = store.orders(work.connection, request.id)
    before = known.get(event.order_id)
    order = told(before or _empty(event), event, envelope.sequence, what, at)
    store.save_order(work.connection, order, new=before is None)
    known[order.order_id] = order
    store.happen(
        work, request.id, what, at=at, who=order.crew_name, who_en=order.crew_name_en, detail=getattr(event, "reason", ""),
        order_id=order.order_id, sequence=envelope.sequence, event_id=envelope.id,
    )  # fmt: skip
    _settle(work, request, known)


def note_breach(work: Work, event: dispatch.PromiseBreached, envelope: Envelope) -> None:
    """The request's page says which promise was broken. Commutes with everything else.

    Raises:
        NotYet: the request is not known here.
    """
    if not event.request_id:  # work that nobody asked for: a plan's, an alarm's, a part
        return
    request = store.request_by_id(work.connection, event.request_id, lock=True)
    if request is None:
        raise NotYet(event.request_id)
    known = store.orders(work.connection, request.id)
    before = known.get(event.order_id)
    order = before or _empty(event)
    broken = sorted({*order.breached.split(), event.promise})
    order = replace(order, breached=" ".join(broken), happening=order.happening or "opened")
    store.save_order(work.connection, order, new=before is None)
    store.happen(
        work, request.id, "breached", at=event.noticed_at, detail=event.promise, order_id=event.order_id,
        sequence=envelope.sequence, event_id=envelope.id,
    )  # fmt: skip
    _tell(work, request)


def note_usage(work: Work, event: billing.UsageRecorded, envelope: Envelope) -> None:
    """The request's page says what was metered. Latest sequence wins; a fact of a work that is no request's is left."""
    if not event.request_id:
        return
    store.note_usage(
        work,
        store.Usage(
            fact_id=event.fact_id, request_id=event.request_id, order_id=event.order_id, contract=event.contract,
            meter=event.meter, quantity=format(event.quantity, "f"), unit=event.unit, state=event.state,
            amount="" if event.amount is None else format(event.amount, "f"), recorded_at=event.recorded_at,
            sequence=envelope.sequence,
        ),
    )  # fmt: skip


def _empty(event: OrderEvent | dispatch.PromiseBreached) -> KnownOrder:
    return store.KnownOrder(order_id=event.order_id, request_id=event.request_id)


def told(order: KnownOrder, event: OrderEvent, sequence: int, what: str, at: datetime) -> KnownOrder:
    """Our copy of an order after ``event``; the same for every order in which events come."""
    if sequence > order.sequence:
        order = replace(order, happening=what, sequence=sequence)
    if isinstance(event, dispatch.WorkOrderOpened):
        order = replace(
            order, reference=event.reference, round=event.round, opened_at=event.opened_at,
            response_due_at=event.response_due_at, arrival_due_at=event.arrival_due_at, finish_due_at=event.finish_due_at,
        )  # fmt: skip
    if isinstance(event, dispatch.WorkOrderAssigned) and sequence > order.crew_sequence:
        order = replace(
            order, crew=event.crew, crew_name=event.crew_name, crew_name_en=event.crew_name_en or event.crew_name,
            supplier=event.supplier, crew_sequence=sequence,
        )  # fmt: skip
    if what in {"assigned", "accepted", "set_off", "arrived", "started", "finished"}:
        order = replace(order, responded_at=_earlier(order.responded_at, at))
    if what in {"arrived", "started", "finished"}:
        order = replace(order, arrived_at=_earlier(order.arrived_at, at))
    if what == "finished":
        order = replace(order, finished_at=at)
    return order


def _earlier(a: datetime | None, b: datetime) -> datetime:
    return b if a is None else min(a, b)


def _settle(work: Work, request: Request, known: dict[str, KnownOrder]) -> None:
    state, latest = model.state_of(
        request.round,
        [order.fact() for order in known.values()],
        withdrawn=request.withdrawn_at is not None,
        closed=request.closed_at is not None,
    )
    order = known.get(latest.order_id) if latest else None
    if state == "refused" and request.state != "refused":
        quotas.release(work, request.id)
    store.change_request(
        work.connection, request.id, state=state, changed_at=work.now,
        crew_name=order.crew_name if order else "",
        crew_name_en=order.crew_name_en if order else "",
        due_at=(order.finish_due_at or order.arrival_due_at or order.response_due_at) if order else None,
        finished_at=order.finished_at if order and state in {"to_confirm", "closed"} else None,
    )  # fmt: skip
    _tell(work, request)
