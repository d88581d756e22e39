"""What becomes of a request: the requester's acts, and what dispatch tells of the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.requests import approvals, model, notices, quotas, store
from services.requests.bookings import claiming
from services.requests.handlers import escalating, joining
from services.requests.handlers.acts import NOBODY, Who, act, others, tell
from services.requests.notices.telling import about_request
from shared.contracts import billing, dispatch
from shared.contracts.base import parse
from shared.contracts.requests import RequestConfirmed, RequestReopened, RequestUrged, RequestWithdrawn
from shared.errors import NotYet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.requests.store import KnownOrder, Request
    from shared.bus.base import Delivery
    from shared.contracts.base import Envelope
    from shared.work import Work


TOLD = frozenset({"assigned", "under_way", "paused", "to_confirm", "refused"})  # states of the work with a notice
# Of the tasks of a booking nobody is told that they go as they should: a series would ring ten times.
UNTOLD = frozenset({"assigned", "under_way"})


# ---- the requester


def withdraw(work: Work, request: Request, who: Who, reason: str = "not_needed") -> None:
    """Nobody is to do it any more; a booking that it stands for ends with it. Where others ask for it too, it is theirs.

    Raises:
        NotInThisState: it is finished or has ended.
    """
    model.need("withdraw", request.state)
    if request.joined > 1 and joining.hand_over(work, request, who):
        return
    act(work, request, "withdrawn", who, reason, withdrawn_at=work.now, state="withdrawn")
    if who != NOBODY:  # what withdrew it by itself tells of itself
        notices.tell(work, "request.withdrawn", about_request(request), who=who)
    quotas.release(work, request.id)
    if request.state == "awaiting_approval":  # nobody has heard of it
        approvals.close(work, request.id, "withdrawn")
    else:
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
    act(work, request, "urged", who, urged=request.urged + 1, urged_at=work.now)
    event = RequestUrged(request_id=request.id, urged_at=work.now, times=request.urged + 1)
    work.say(event, sequence=request.version + 1)


def confirm(
    work: Work,
    request: Request,
    who: Who,
    stars: int = 0,
    tags: tuple[str, ...] = (),
    words: str = "",
    *,
    account: str = "",
) -> None:
    """The work is accepted and the request closed, perhaps with stars; so few that they escalate are shown to those above.

    Each of those who joined may say so too, the later ones after it was closed: their stars stand beside the first.

    Raises:
        NotInThisState: it is not waiting to be confirmed, or the person has said so already.
    """
    joined = bool(account) and request.joined > 1 and account in others(work.connection, request.id)
    if joined and not joining.confirmed(work, request.id, account, stars):
        raise model.NotInThisState
    if joined and request.state == "closed":
        act(work, request, "confirmed", who, str(stars or ""))
        work.say(_confirmed(work, request, stars, tags, words), sequence=request.version + 1)
    else:
        model.need("confirm", request.state)
        act(
            work, request, "confirmed", who, str(stars or ""),
            closed_at=work.now, state="closed", stars=stars, tags=" ".join(tags), words=words,
        )  # fmt: skip
        work.say(_confirmed(work, request, stars, tags, words), sequence=request.version + 1)
    if escalating.is_low(stars):
        escalating.escalate(work, request, "low_rating", stars=stars)


def _confirmed(work: Work, request: Request, stars: int, tags: tuple[str, ...], words: str) -> RequestConfirmed:
    return RequestConfirmed(
        request_id=request.id, confirmed_at=work.now, stars=stars, tags=tags, words="" if request.restricted else words
    )


def reopen(work: Work, request: Request, who: Who, words: str = "", reason: str = "not_mended") -> None:
    """The work starts again in a new round; from the second time on those above the crew are shown it.

    Raises:
        NotInThisState: it is not finished, or was closed more than thirty days ago.
    """
    model.need("reopen", request.state)
    if request.closed_at is not None and work.now > request.closed_at + model.REOPEN_WITHIN:
        raise model.NotInThisState
    act(
        work, request, "reopened", who, f"{reason} {words}".strip(),
        round=request.round + 1, state="reopened", closed_at=None, finished_at=None, due_at=None, stars=0, tags="", words="",
    )  # fmt: skip
    notices.tell(work, "request.reopened", about_request(request), who=who)
    if request.joined > 1:
        joining.unconfirmed(work, request.id)
    event = RequestReopened(
        request_id=request.id, reopened_at=work.now, times=request.round, words="" if request.restricted else words,
        reason=reason,
    )  # fmt: skip
    work.say(event, sequence=request.version + 1)
    if request.round + 1 >= model.ESCALATING_ROUND:
        escalating.escalate(work, request, "reopened_again", times=request.round)


def close_unanswered(work: Work, before: datetime, limit: int = 200) -> int:
    """Requests finished before ``before`` that nobody answered are closed without stars; how many."""
    ids = store.unanswered(work.connection, before, limit)
    closed = 0
    for request_id in ids:
        request = store.request_by_id(work.connection, request_id, lock=True)
        # Another replica may have been here, or the requester.
        if request is not None and model.may("confirm", request.state):
            confirm(work, request, NOBODY)
            notices.tell(work, "request.closed_by_itself", about_request(request))
            closed += 1
    return closed


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


def follow_orders(work: Work, deliveries: Sequence[Delivery]) -> None:
    """Each request shows how its work orders stand. Latest sequence wins, so events may come in any order.

    The statements do not grow with the number of events.

    Raises:
        NotYet: a request is not known here, which only a restored database can cause.
    """
    heard = [(parse(each.envelope.type, each.envelope.data), each.envelope) for each in deliveries]
    # Work that nobody asked for, a plan's, an alarm's, a part, names no request.
    told_of = [(event, envelope) for event, envelope in heard if isinstance(event, OrderEvent) and event.request_id]
    ids = {event.request_id for event, _ in told_of}
    if not ids:
        return
    requests = store.requests_by_id(work.connection, ids)
    if missing := ids - set(requests):
        raise NotYet(min(missing))
    known: dict[str, dict[str, KnownOrder]] = {each: {} for each in ids}
    for order in store.orders(work.connection, *ids).values():
        known[order.request_id][order.order_id] = order
    changed: dict[str, KnownOrder] = {}
    for event, envelope in told_of:
        work.correlation_id, work.causation_id = envelope.correlationid, envelope.id
        work.traceparent = envelope.traceparent
        orders = known[event.request_id]
        what, field = HAPPENINGS[type(event)]
        at = getattr(event, field)
        order = told(orders.get(event.order_id) or _empty(event), event, envelope.sequence, what, at)
        orders[order.order_id] = changed[order.order_id] = order
        store.happen(
            work, event.request_id, what, at=at, who=order.crew_name, who_en=order.crew_name_en,
            detail=getattr(event, "reason", ""), order_id=order.order_id, sequence=envelope.sequence, event_id=envelope.id,
        )  # fmt: skip
        requests[event.request_id] = _settled(work, requests[event.request_id], orders)
    for order in changed.values():
        store.save_order(work, order)
    store.follow(work, requests.values())
    for request in requests.values():
        tell(work, request)


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
    order = known.get(event.order_id) or _empty(event)
    broken = sorted({*order.breached.split(), event.promise})
    order = replace(order, breached=" ".join(broken), happening=order.happening or "opened")
    store.save_order(work, order)
    store.happen(
        work, request.id, "breached", at=event.noticed_at, detail=event.promise, order_id=event.order_id,
        sequence=envelope.sequence, event_id=envelope.id,
    )  # fmt: skip
    work.flush()  # the next event of this transaction reads it
    tell(work, request)
    notices.tell(work, "request.breached", about_request(request), promise={"key": f"requests.promise.{event.promise}"})


def note_question(work: Work, event: dispatch.RequesterAsked, envelope: Envelope) -> None:
    """The request's page shows what a dispatcher asks, and whoever asked for it is told. Commutes with everything else.

    Raises:
        NotYet: the request is not known here.
    """
    request = store.request_by_id(work.connection, event.request_id, lock=True)
    if request is None:
        raise NotYet(event.request_id)
    store.happen(
        work, request.id, "asked", at=event.asked_at, detail=event.words, order_id=event.order_id,
        sequence=envelope.sequence, event_id=envelope.id,
    )  # fmt: skip
    tell(work, request)
    notices.tell(work, "request.asked", about_request(request), why=event.words)


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


def _settled(work: Work, request: Request, known: dict[str, KnownOrder]) -> Request:
    """The request as its orders have it; whoever follows it has a notice of a state that is new."""
    state, latest = model.state_of(
        request.round,
        [order.fact() for order in known.values()],
        withdrawn=request.withdrawn_at is not None,
        closed=request.closed_at is not None,
    )
    order = known.get(latest.order_id) if latest else None
    if state == "refused" and request.state != "refused":
        quotas.release(work, request.id)
    if state != request.state and state in TOLD - (UNTOLD if request.channel == "booking" else frozenset()):
        crew = (order.crew_name, order.crew_name_en) if order else NOBODY
        notices.tell(work, f"request.{state}", about_request(request), crew=crew)
    return replace(
        request, state=state, changed_at=work.now,
        crew_name=order.crew_name if order else "",
        crew_name_en=order.crew_name_en if order else "",
        due_at=(order.finish_due_at or order.arrival_due_at or order.response_due_at) if order else None,
        finished_at=order.finished_at if order and state in {"to_confirm", "closed"} else None,
    )  # fmt: skip
