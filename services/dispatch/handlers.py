"""Use cases: what dispatch does with what it hears, and what dispatchers, crews and suppliers do. One function, one
transaction; every change of an order is said with the order's version as sequence.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.dispatch import costs, model, store
from services.dispatch.assignment.model import INTERRUPTIBLE
from services.dispatch.away import suggestion_now
from services.dispatch.model import HELD, Order, Term
from services.dispatch.promises import KINDS, Calendar, Happening
from services.dispatch.roster import NOTHING, Load, Roster, Team, midnight, why_unable
from services.dispatch.standards import item as item_of
from shared.clock import SITE_ZONE
from shared.contracts import dispatch
from shared.errors import Absent, Invalid
from shared.web import idempotency, revocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.dispatch.assignment import Choice, Message, Suggestion
    from shared.contracts.base import Event
    from shared.contracts.requests import (
        RequestFiled,
    )
    from shared.work import Work


# ---- orders open and are given


@dataclass
class Desk:
    """Crews and what they have in hand while orders of one transaction are given out."""

    roster: Roster
    loads: dict[str, Load]
    changes: dict[str, Load] = field(default_factory=dict)

    def moved(self, before: Mapping[str, Load], after: Mapping[str, Load]) -> None:
        """Note that an order's burden has moved from one crew to another, or changed."""
        for crew in {*before, *after}:
            had, has = before.get(crew, NOTHING), after.get(crew, NOTHING)
            change = Load(has.orders - had.orders, has.minutes - had.minutes, has.running - had.running)
            self.changes[crew] = self.changes.get(crew, NOTHING) + change
            self.loads[crew] = self.loads.get(crew, NOTHING) + change


def burden(order: Order) -> dict[str, Load]:
    """What the order means for the crew that has it."""
    if order.state not in HELD or not order.crew:
        return {}
    return {order.crew: Load(1, order.minutes, int(order.running))}


def order_for(event: RequestFiled, now: datetime, calendar: Calendar) -> Order:
    """The first order of a request."""
    item = item_of(event.item, event.filed_at)
    promised = {kind: getattr(event, f"{kind}_due_at") for kind in KINDS}
    order = Order(
        order_id=model.order_id(event.request_id, 1),
        reference=model.reference(event.reference, 1),
        request_id=event.request_id,
        request_reference=event.reference,
        round=1,
        item=event.item,
        level=event.level,
        priority=event.priority,
        place=event.place,
        building=event.building,
        floor=event.floor,
        room=event.room,
        department=event.department,
        requester=event.requester,
        filed_at=event.filed_at,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        headcount=event.headcount,
        quantity=event.quantity,
        restricted=event.restricted,
        summary=event.summary,
        answers=[[each.name, each.value] for each in event.answers],
        contact=event.contact,
        skills=list(event.skills or item.skills),
        asset=event.asset,
        photos=list(event.photos),
        joined=event.joined,
        minutes=item.minutes,
        state=model.TO_ASSIGN,
        open=True,
        version=0,
        opened_at=now,
        urgency_at=model.FAR,
        changed_at=now,
    )
    promise(order, event.filed_at, calendar, promised)
    return order


def promise(
    order: Order, begins_at: datetime, calendar: Calendar, promised: Mapping[str, datetime | None] | None
) -> None:
    """Write into the order what is promised for it."""
    terms = model.terms_of(
        item_of(order.item, order.filed_at),
        order.priority,
        begins_at,
        calendar,
        promised=promised,
        starts_at=order.starts_at,
        level=order.level,
    )
    order.terms = [term.data() for term, _ in terms]
    for term, at in terms:
        setattr(order, f"{term.kind}_due_at", at)


def open_order(work: Work, desk: Desk, order: Order, crew: str = "") -> None:
    """The order is there and given to ``crew`` or, unless its item waits for a dispatcher, to the best one."""
    order.version = 1
    order.changed_what = "opened"
    store.happen(work, order, "opened")
    work.say(
        dispatch.WorkOrderOpened(
            order_id=order.order_id, reference=order.reference, request_id=order.asked,
            request_reference=order.request_reference, item=order.item, priority=order.priority, place=order.place,
            department=order.department, opened_at=work.now, response_due_at=order.response_due_at,
            arrival_due_at=order.arrival_due_at, finish_due_at=order.finish_due_at, round=order.round,
        ),
        sequence=1,
    )  # fmt: skip
    if crew:
        found, start = suggestion_now(work, order, desk.roster, desk.loads)
        give(work, desk, order, desk.roster.teams[crew], by="dispatcher", found=found, start=start)
    elif desk.roster.automatic(order.item):
        give_automatically(work, desk, order)
    order.settle_urgency(work.now)
    store.put_order(work, order)
    tell_of(work, order, new=True)


def give_automatically(work: Work, desk: Desk, order: Order) -> bool:
    """The order is offered to the best crew; false when nobody can, and it waits for a dispatcher."""
    found, start = suggestion_now(work, order, desk.roster, desk.loads)
    if found.best is None:
        order.reasons = [keyed(found.refusal)] if found.refusal else []
        return False
    give(work, desk, order, desk.roster.teams[found.crew], by="automatic", found=found, start=start)
    return True


def give(
    work: Work, desk: Desk, order: Order, team: Team, *, by: str, found: Suggestion, start: datetime, who: str = ""
) -> None:
    """Offer the order to a crew and say so; promises stay where they are."""
    choice = next((each for each in (found.best, *found.next_two) if each and each.crew == team.code), None)
    others = [each for each in (found.best, *found.next_two) if each and each.crew != team.code]
    reasons = [keyed(each) for each in choice.reasons] if choice else []
    planned_at = start + timedelta(minutes=choice.start) if choice else work.now
    give_at(work, desk, order, team, by=by, planned_at=planned_at, reasons=reasons,
            next_crews=[advice(each, start) for each in others[:2]], who=who)  # fmt: skip


def give_at(
    work: Work, desk: Desk, order: Order, team: Team, *, by: str, planned_at: datetime, reasons: list[Any],
    next_crews: list[Any], who: str = "",
) -> None:  # fmt: skip
    """Offer the order to a crew that is to begin at ``planned_at``, with reasons as they are kept; a crew that had it is told."""
    before = burden(order)
    if before and order.crew != team.code:
        store.tell(work, f"crew:{order.crew}", "gone", {"ref": order.reference})
        if order.supplier and order.supplier != team.supplier:
            store.tell(work, f"supplier:{order.supplier}", "gone", {"ref": order.reference})
    today = midnight(work.now).date()
    order.previous_crew = order.crew or order.previous_crew
    order.crew, order.supplier = team.code, team.supplier
    order.contract = desk.roster.contract_for(team.supplier, order.item, today) if team.supplier else ""
    order.state, order.assigned_by = model.OFFERED, by
    order.reasons, order.next_crews = reasons, next_crews
    order.planned_at, order.pinned_at = planned_at, None
    order.assigned_at = work.now
    order.responded_at = order.responded_at or work.now
    order.accepted_at = order.set_off_at = order.paused_at = None
    order.paused_from = order.pause_reason = ""
    order.answer_by = answer_until(order, work.now)
    changed(work, order, "assigned", who, detail=by)
    work.say(
        dispatch.WorkOrderAssigned(
            order_id=order.order_id, request_id=order.asked, crew=team.code, crew_name=team.shown,
            crew_name_en=team.shown_en, supplier=team.supplier, contract=order.contract, assigned_at=work.now, by=by,
            reasons=tuple(key for key, _ in order.reasons), previous_crew=order.previous_crew,
        ),
        sequence=order.version,
    )  # fmt: skip
    desk.moved(before, burden(order))


def answer_until(order: Order, now: datetime) -> datetime:
    """By when the crew has to answer its offer (OLA)."""
    minutes = model.ANSWER_MINUTES.get(order.priority, max(model.ANSWER_MINUTES.values()))
    return max(now, order.planned_at or now) + timedelta(minutes=minutes)


def keyed(message: Message) -> list[Any]:
    parameters = {
        name: [keyed(each) for each in value] if isinstance(value, list) else value
        for name, value in message.params.items()
    }
    return [message.key, parameters]


def advice(choice: Choice, start: datetime) -> dict[str, Any]:
    return {
        "crew": choice.crew,
        "difference": choice.difference,
        "arrive_at": (start + timedelta(minutes=choice.arrive)).isoformat(),
        "reasons": [keyed(each) for each in choice.reasons],
    }


# ---- what people do


def found(work: Work, reference: str) -> Order:
    """The order, locked until the transaction ends.

    Raises:
        Absent: there is none.
    """
    order = store.order(work.connection, reference, lock=True)
    if order is None:
        raise Absent
    return order


def need(work: Work, act: str, order: Order, version: int | None = None) -> None:
    """Return when ``act`` is possible on ``order`` as the caller saw it.

    Raises:
        Overtaken: ``version`` is given and the order has changed since. NotNow: it is in another state. Both say who
            brought it there, and when.
    """
    if (version is None or version == order.version) and model.may(act, order.state):
        return
    crew = store.roster(work.connection).teams.get(order.crew)
    at = order.changed_at.astimezone(SITE_ZONE)
    said = f"{at:%H:%M}" if at.date() == midnight(work.now).date() else f"{at:%m-%d %H:%M}"
    error = model.NotNow if version is None or version == order.version else model.Overtaken
    raise error(
        f"dispatch.conflict.{order.changed_what}",
        who=order.changed_by or ("系统", "The system"),
        at=said,
        crew=(crew.shown, crew.shown_en) if crew else ("", ""),
    )


def assign(
    work: Work, order: Order, crew: str, who: str, version: int | None = None, at: datetime | None = None
) -> None:
    """The order is offered to the crew a dispatcher chose; ``at``: for the hour he set.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has ended.
        Invalid: there is no such crew, it has the order already, or it may never do it (skills, contract, seats).
    """
    need(work, "assign", order, version)
    roster = store.roster(work.connection)
    team = roster.teams.get(crew)
    if team is None:
        raise Invalid(fields={"crew": ["dispatch.field.crew"]})
    if order.crew == crew and order.state in HELD:
        raise Invalid(fields={"crew": ["dispatch.field.same_crew"]})
    why = why_unable(order, team, roster, work.now)
    if why is not None:
        raise Invalid(fields={"crew": [f"dispatch.field.{why.key.rpartition('.')[2]}"]})
    desk = Desk(roster, store.loads(work.connection))
    best, start = suggestion_now(work, replace(order, refused_by=[]), roster, desk.loads)
    by = "suggestion" if best.crew == crew and at is None else "dispatcher"
    give(work, desk, order, team, by=by, found=best, start=start, who=who)
    if at is not None:
        order.planned_at = order.pinned_at = at
        order.answer_by = answer_until(order, work.now)
    settled(work, order, desk)


def recall(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The order is taken back from its crew and waits for a dispatcher.

    Raises:
        Overtaken, NotNow: somebody was faster, or it is under way or has ended.
    """
    need(work, "recall", order, version)
    desk = Desk(store.roster(work.connection), {})
    drop(work, desk, order, "recalled", who, model.RECALLED)
    settled(work, order, desk)


def undo_assign(work: Work, order: Order, who: str) -> None:
    """The last assignment or taking back is undone: the order is with the crew before again, or waits for a dispatcher.

    Raises:
        Overtaken: something has happened since.
    """
    if order.changed_what == "recalled" and order.previous_crew:
        assign(work, order, order.previous_crew, who)
        return
    if order.changed_what != "assigned":
        need(work, "recall", order, version=0)
    before = order.previous_crew
    if before and before != order.crew and before not in {crew for crew, _ in order.refused_by}:
        assign(work, order, before, who)
    else:
        recall(work, order, who)


def accept(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The crew will do it."""
    need(work, "accept", order, version)
    order.state, order.accepted_at, order.answer_by = model.ACCEPTED, work.now, None
    if order.priority == 1:
        put_off(work, order, who)
    _step(work, order, "accepted", who, dispatch.WorkOrderAccepted(
        order_id=order.order_id, request_id=order.asked, crew=order.crew, accepted_at=work.now))  # fmt: skip


def put_off(work: Work, order: Order, who: str) -> None:
    """For an emergency that needs all of a crew's hands, its least urgent work under way stands still.

    The promises' clocks of that work go on: an emergency elsewhere is no reason that its requester gave.
    """
    team = store.roster(work.connection).teams.get(order.crew)
    held = [each for each in store.running(work.connection, order.crew) if each.order_id != order.order_id]
    if team is None or len(held) < team.size:
        return
    able = [each for each in held if each.priority >= INTERRUPTIBLE]
    if not able:
        return
    other = max(able, key=lambda each: (each.priority, each.started_at or work.now))
    other.paused_from, other.state = other.state, model.PAUSED
    other.paused_at, other.pause_reason = work.now, model.PREEMPTED
    _step(work, other, "paused", who, dispatch.WorkOrderPaused(
        order_id=other.order_id, request_id=other.asked, paused_at=work.now, reason=model.PREEMPTED, by=work.actor,
    ), detail=model.PREEMPTED, running_before=True)  # fmt: skip


def refuse(work: Work, order: Order, who: str, reason: str, version: int | None = None) -> None:
    """The crew will not do it; it goes to the next crew at once, or waits for a dispatcher when there is none.

    Raises:
        Overtaken, NotNow: somebody was faster, or the crew no longer has it.
        Invalid: no such reason.
    """
    need(work, "refuse", order, version)
    if reason not in model.REFUSALS:
        raise Invalid(fields={"reason": ["dispatch.field.reason"]})
    desk = Desk(store.roster(work.connection), store.loads(work.connection))
    order.refused_by = [*order.refused_by, [order.crew, reason]]
    drop(work, desk, order, "refused", who, reason)
    give_automatically(work, desk, order)
    settled(work, order, desk)


def drop(work: Work, desk: Desk, order: Order, kind: str, who: str, reason: str) -> None:
    """The crew no longer has the order."""
    before, crew, supplier = burden(order), order.crew, order.supplier
    order.state = model.REDO if order.round > 1 else model.TO_ASSIGN
    order.previous_crew, order.crew, order.supplier, order.contract = crew, "", "", ""
    order.assigned_by, order.reasons, order.next_crews, order.planned_at, order.pinned_at = "", [], [], None, None
    order.assigned_at = order.accepted_at = order.set_off_at = order.paused_at = order.answer_by = None
    order.paused_from = order.pause_reason = ""
    changed(work, order, kind, who, detail=reason, crew=crew)
    event = dispatch.WorkOrderRefused(
        order_id=order.order_id, request_id=order.asked, crew=crew, refused_at=work.now, reason=reason
    )
    work.say(event, sequence=order.version)
    desk.moved(before, burden(order))
    store.tell(work, f"crew:{crew}", "gone", {"ref": order.reference})
    if supplier:
        store.tell(work, f"supplier:{supplier}", "gone", {"ref": order.reference})


def set_off(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The crew is on its way."""
    need(work, "set_off", order, version)
    order.state, order.set_off_at = model.ON_THE_WAY, work.now
    _step(work, order, "set_off", who, dispatch.WorkOrderSetOff(
        order_id=order.order_id, request_id=order.asked, crew=order.crew, set_off_at=work.now))  # fmt: skip


def arrive(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The crew is on site."""
    need(work, "arrive", order, version)
    order.state, order.arrived_at = model.ON_SITE, order.arrived_at or work.now
    _step(work, order, "arrived", who, dispatch.WorkOrderArrived(
        order_id=order.order_id, request_id=order.asked, crew=order.crew, arrived_at=work.now))  # fmt: skip


def start(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """Work has begun; who works is also there."""
    need(work, "start", order, version)
    order.state = model.UNDER_WAY
    order.started_at, order.arrived_at = order.started_at or work.now, order.arrived_at or work.now
    _step(work, order, "started", who, dispatch.WorkOrderStarted(
        order_id=order.order_id, request_id=order.asked, crew=order.crew, started_at=work.now))  # fmt: skip


def pause(work: Work, order: Order, who: str, reason: str, version: int | None = None) -> None:
    """The clock stands, for a reason of the list and as long as its cap allows.

    Raises:
        Overtaken, NotNow: somebody was faster, or there is nothing to pause.
        Invalid: no such reason.
    """
    need(work, "pause", order, version)
    if reason not in model.PAUSES:
        raise Invalid(fields={"reason": ["dispatch.field.reason"]})
    if store.paused_times(work.connection, order.order_id) >= model.MOST_PAUSES:
        raise Invalid(fields={"reason": ["dispatch.field.pauses"]})
    order.paused_from, order.state = order.state, model.PAUSED
    order.paused_at, order.pause_reason = work.now, reason
    _step(work, order, "paused", who, dispatch.WorkOrderPaused(
        order_id=order.order_id, request_id=order.asked, paused_at=work.now, reason=reason, by=work.actor,
    ), detail=reason, running_before=order.paused_from == model.UNDER_WAY)  # fmt: skip


def resume(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The clock runs again; what is still promised has moved by the time it stood."""
    need(work, "resume", order, version)
    order.state, order.paused_from, order.pause_reason = order.paused_from or model.ACCEPTED, "", ""
    order.paused_at = None
    history = store.heard_by_clock(store.happenings(work.connection, order.order_id))
    resumed = Happening("resumed", work.now, sequence=order.version + 1)
    _judge(work, order, [*history, resumed])
    _step(work, order, "resumed", who, dispatch.WorkOrderResumed(
        order_id=order.order_id, request_id=order.asked, resumed_at=work.now), running_before=False)  # fmt: skip


def finish(
    work: Work, order: Order, who: str, usage: Sequence[tuple[str, Decimal]], evidence: Sequence[str] = (),
    version: int | None = None, without: str = "",
) -> None:  # fmt: skip
    """The work is done, with what was used and whether each promise was kept; ``without`` names evidence that is missing.

    Raises:
        Overtaken, NotNow: somebody was faster, or it is not under way.
        Invalid: the usage is not what the item counts, or outside its bounds.
    """
    need(work, "finish", order, version)
    item = item_of(order.item, order.filed_at)
    history = store.heard_by_clock(store.happenings(work.connection, order.order_id))
    used = model.usage_of(item, usage, _measured(order, item.meters[0].code, history, work.now))
    _judge(work, order, [*history, Happening("finished", work.now, sequence=order.version + 1)])
    before = burden(order)
    order.state = model.CHECKED if order.confirmed_at else model.FINISHED
    order.open, order.finished_at = False, work.now
    order.usage = [[each.meter, format(each.quantity, "f"), each.unit] for each in used]
    order.evidence = list(evidence)
    order.answer_by = order.alert_at = None
    changed(work, order, "finished", who, detail=without)
    work.say(
        dispatch.WorkOrderFinished(
            order_id=order.order_id, reference=order.reference, request_id=order.asked,
            request_reference=order.request_reference, item=order.item, level=order.level, place=order.place,
            department=order.department, crew=order.crew, supplier=order.supplier, contract=order.contract,
            started_at=order.started_at or work.now, finished_at=work.now,
            usage=tuple(dispatch.Usage(meter=u.meter, quantity=u.quantity, unit=u.unit) for u in used),
            evidence=tuple(evidence), response_kept=order.response_kept, arrival_kept=order.arrival_kept,
            finish_kept=order.finish_kept,
        ),
        sequence=order.version,
    )  # fmt: skip
    costs.say_parts(work, order, {each.meter for each in used})
    desk = Desk(store.roster(work.connection), {})
    desk.moved(before, burden(order))
    settled(work, order, desk)


def _measured(order: Order, meter: str, history: Sequence[Happening], now: datetime) -> Decimal:
    """Hours that the events say: of a room those booked, of a crew those worked."""
    if meter == "room_hours" and order.starts_at and order.ends_at and order.ends_at > order.starts_at:
        seconds = Decimal(round((order.ends_at - order.starts_at).total_seconds()))
        return (seconds / 3600).quantize(Decimal("0.01"))
    return model.hours_worked(history, now)


def cancel(work: Work, order: Order, reason: str, who: str = "", version: int | None = None) -> None:
    """Nobody will do it.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has ended already.
    """
    need(work, "cancel", order, version)
    before = burden(order)
    order.state, order.open = model.CANCELLED, False
    order.cancelled_at, order.cancel_reason, order.answer_by = work.now, reason, None
    changed(work, order, "cancelled", who, detail=reason)
    event = dispatch.WorkOrderCancelled(
        order_id=order.order_id, request_id=order.asked, cancelled_at=work.now, reason=reason
    )
    work.say(event, sequence=order.version)
    costs.say_parts(work, order, ())
    desk = Desk(store.roster(work.connection), {})
    desk.moved(before, burden(order))
    settled(work, order, desk)


# ---- promises that pass


def notice_breaches(work: Work, limit: int = 100) -> int:
    """Every promise that has passed unkept is said to be broken, once; how many orders were looked at."""
    orders = store.to_look_at(work.connection, work.now, limit)
    if not orders:
        return 0
    history = store.happenings_of(work.connection, [order.order_id for order in orders])
    for order in orders:
        _judge(work, order, store.heard_by_clock(history[order.order_id]))
        store.save_order(work, order)
        tell_of(work, order)
    return len(orders)


def _judge(work: Work, order: Order, history: Sequence[Happening]) -> None:
    """Due instants, verdicts and the next look are what the clock says now; new breaches are said."""
    calendar = store.roster(work.connection).calendar
    clocks = model.promises([Term.of(each) for each in order.terms], history, work.now, calendar)
    later = []
    for kind, clock in clocks.items():
        setattr(order, f"{kind}_due_at", clock.due_at)
        if clock.breached_at is not None:
            setattr(order, f"{kind}_kept", False)
            if store.note_breach(work, order.order_id, kind, clock.due_at):
                work.say(
                    dispatch.PromiseBreached(
                        order_id=order.order_id, request_id=order.asked, promise=kind, due_at=clock.due_at,
                        noticed_at=work.now, crew=order.crew, supplier=order.supplier, contract=order.contract,
                    )
                )  # fmt: skip
        elif clock.state == "kept":
            setattr(order, f"{kind}_kept", True)
        else:
            later.append(
                work.now + model.LOOK_PAUSED
                if clock.state == "stopped"
                else max(clock.due_at, work.now) + timedelta(microseconds=1)
            )
    order.urgency_at = order.next_promise()[1] or model.FAR
    order.look_at = min(later, default=None)


# ---- shared by the above


def changed(work: Work, order: Order, kind: str, who: str, *, detail: str = "", crew: str = "") -> None:
    """The order has a new version, made by ``who``."""
    order.version += 1
    order.changed_at, order.changed_by, order.changed_what = work.now, who, kind
    store.happen(work, order, kind, who=who, crew=crew, detail=detail)


def _step(
    work: Work, order: Order, kind: str, who: str, event: Event, *, detail: str = "", running_before: bool = False
) -> None:
    """A crew's step is written and said; the crew keeps the order."""
    changed(work, order, kind, who, detail=detail)
    work.say(event, sequence=order.version)
    desk = Desk(store.roster(work.connection), {})
    desk.moved({order.crew: Load(1, order.minutes, int(running_before))}, burden(order))
    settled(work, order, desk)


def settled(work: Work, order: Order, desk: Desk) -> None:
    order.settle_urgency(work.now)
    store.save_order(work, order)
    store.add_loads(work, desk.changes)
    tell_of(work, order)


def tell_of(work: Work, order: Order, *, new: bool = False) -> None:
    """Pages that show the order are told to look again."""
    said = {"ref": order.reference, "href": f"/dispatch/rows/{order.reference}", "fresh": new}
    if new and order.priority == 1:
        said["urgent"] = True
    store.tell(work, "queue", "row", said)
    said = {"ref": order.reference}
    if order.crew:
        store.tell(work, f"crew:{order.crew}", "row", said)
    if order.supplier:
        store.tell(work, f"supplier:{order.supplier}", "row", said)


def forget(work: Work) -> None:
    """What live pages were told ten minutes ago, expired revocations and old answers are forgotten."""
    store.forget_told(work, work.now - timedelta(minutes=10))
    revocation.prune(work)
    idempotency.prune(work)
