"""Use cases beyond the plain steps of an order: handing it on, no-shows, parts and redos, evidence, warnings, silence.

As in ``handlers``: one function, one transaction; a change of an order is said with the order's version as sequence.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from services.dispatch import handlers, model, store
from services.dispatch.handlers import Desk
from services.dispatch.model import HELD, Order, Term
from services.dispatch.promises import alerts, next_change
from services.dispatch.roster import why_unable
from services.dispatch.standards import Item
from services.dispatch.standards import item as item_of
from shared import photos
from shared.contracts import dispatch
from shared.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from services.dispatch.promises import Alert
    from shared.contracts.base import Event
    from shared.work import Work

LOOK_AGAIN = timedelta(hours=1)  # at the warnings of an order whose clocks stand
LATE = timedelta(minutes=2)  # between a step and its receipt, from which it is pointed out
MOST_PARTS = 20
MOST_PHOTOS = 20


class TooManyPauses(Conflict):
    """The order has been paused as often as it may be."""

    key = "dispatch.field.pauses"


class PartsOpen(Conflict):
    """The order has parts that have not ended."""

    key = "dispatch.field.parts_open"


# ---- handing on


def transfer(work: Work, order: Order, crew: str, who: str, reason: str, version: int | None = None) -> None:
    """Another crew of the same employer has the order now; its promises stay.

    Raises:
        Overtaken, NotNow: somebody was faster. Invalid: no such crew or reason, another employer's, or it may never do it.
    """
    handlers.need(work, "transfer", order, version)
    if reason not in model.TRANSFERS:
        raise Invalid(fields={"reason": ["dispatch.field.reason"]})
    roster = store.roster(work.connection)
    team = roster.teams.get(crew)
    if team is None or team.code == order.crew or team.supplier != order.supplier:
        raise Invalid(fields={"crew": ["dispatch.field.employer"]})
    why = why_unable(order, team, roster, work.now)
    if why is not None:
        raise Invalid(fields={"crew": [f"dispatch.field.{why.key.rpartition('.')[2]}"]})
    desk = Desk(roster, store.loads(work.connection))
    found, start = handlers.suggestion_now(work, order, roster, desk.loads)
    handlers.give(work, desk, order, team, by="transfer", found=found, start=start, who=who)
    handlers.settled(work, order, desk)


def no_show(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The crew did not come: it may not be offered the order again, and the next crew is asked at once.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has begun.
    """
    handlers.need(work, "no_show", order, version)
    _next_crew(work, order, who, model.NO_SHOW)


def _next_crew(work: Work, order: Order, who: str, reason: str) -> None:
    desk = Desk(store.roster(work.connection), store.loads(work.connection))
    order.refused_by = [*order.refused_by, [order.crew, reason]]
    handlers.drop(work, desk, order, "refused", who, reason)
    handlers.give_automatically(work, desk, order)
    handlers.settled(work, order, desk)


def redispatch_silent(work: Work, limit: int = 100) -> int:
    """Offers that nobody answered in time go to the next crew, each once; how many were looked at.

    Only what assignment itself had offered moves: a dispatcher's own choice waits for the dispatcher, who is told.
    """
    orders = store.unanswered(work.connection, work.now, limit)
    for order in orders:
        due, order.answer_by = order.answer_by, None
        lapsed = dispatch.OfferLapsed(
            order_id=order.order_id, request_id=order.asked, crew=order.crew, supplier=order.supplier,
            contract=order.contract, offered_at=order.assigned_at or work.now, due_at=due or work.now,
            lapsed_at=work.now,
        )  # fmt: skip
        work.say(lapsed)
        if order.assigned_by == "automatic":
            _next_crew(work, order, "", model.NO_ANSWER)
        else:
            store.note_alert(
                work,
                order.order_id,
                f"answer.{order.version}",
                "dispatcher",
                "promise.unanswered",
                "response",
                work.now,
            )
            store.save_order(work, order)
            store.tell(work, "queue", "alert", {"ref": order.reference})
    return len(orders)


# ---- parts and redos


def split(work: Work, order: Order, crew: str, who: str, words: str, version: int | None = None) -> Order:
    """A part of the order is an order of its own, for another crew; the whole cannot be finished before its parts.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has ended. Invalid: too many parts, or the crew may never do it.
    """
    handlers.need(work, "split", order, version)
    number = len(store.parts(work.connection, order.order_id)) + 1
    if number > MOST_PARTS:
        raise Invalid(fields={"words": ["dispatch.field.parts"]})
    roster = store.roster(work.connection)
    team = roster.teams.get(crew)
    if crew and team is None:
        raise Invalid(fields={"crew": ["dispatch.field.crew"]})
    if team is not None and (why := why_unable(order, team, roster, work.now)) is not None:
        raise Invalid(fields={"crew": [f"dispatch.field.{why.key.rpartition('.')[2]}"]})
    part = _child(work, order, "part", f"{order.reference}.{number}", words)
    for kind in ("response", "arrival", "finish"):
        setattr(part, f"{kind}_due_at", getattr(order, f"{kind}_due_at"))
    part.terms = list(order.terms)
    _open_child(work, order, part, who, team.code if team else "")
    return part


def redo(work: Work, order: Order, who: str, reason: str, version: int | None = None) -> Order:
    """A check found the work wanting: it is done again as an order of its own, with the standard's promises from now.

    Raises:
        Overtaken, NotNow: it has not been finished. Invalid: no such reason.
    """
    handlers.need(work, "redo", order, version)
    if reason not in model.REDOS:
        raise Invalid(fields={"reason": ["dispatch.field.reason"]})
    number = len(store.parts(work.connection, order.order_id)) + 1
    again = _child(work, order, "redo", f"{order.reference}.{number}", order.summary)
    again.state = model.REDO
    handlers.promise(again, work.now, store.roster(work.connection).calendar, None)
    _open_child(work, order, again, who, order.crew)
    return again


def _child(work: Work, order: Order, origin: str, reference: str, words: str) -> Order:
    kept = {name: getattr(order, name) for name in store.FIXED}
    ident = model.own_id(origin, reference)
    kept |= {
        "order_id": ident, "request_id": ident, "reference": reference, "round": 1, "opened_at": work.now,
        "origin": origin, "parent": order.order_id, "summary": words or order.summary, "starts_at": None, "ends_at": None,
    }  # fmt: skip
    return Order(**kept, state=model.TO_ASSIGN, open=True, version=0, urgency_at=model.FAR, changed_at=work.now)


def _open_child(work: Work, order: Order, child: Order, who: str, crew: str) -> None:
    roster = store.roster(work.connection)
    desk = Desk(roster, store.loads(work.connection))
    handlers.open_order(work, desk, child, crew=crew)
    handlers.changed(work, order, child.origin, who, detail=child.reference)
    handlers.settled(work, order, desk)


def open_own(
    work: Work, *, ident: str, reference: str, origin: str, item: str, place: str, priority: int, summary: str,
    skills: Sequence[str] = (), minutes: int = 0, asset: str = "", starts_at: datetime | None = None,
) -> Order | None:  # fmt: skip
    """Work that dispatch orders itself (a plan's, an alarm's) is there, once for each ``ident``; None when it was."""
    if store.order_by_id(work.connection, ident) is not None:
        return None
    known = item_of(item)
    building, floor, room = store.where(place)
    order = Order(
        order_id=ident, reference=reference, request_id=ident, request_reference="", round=1, item=item, level="",
        priority=priority, place=place, building=building, floor=floor, room=room, department="", requester="",
        filed_at=work.now, starts_at=starts_at, ends_at=None, headcount=1, quantity=1, restricted=False, summary=summary,
        answers=[], contact="", skills=list(skills) or list(known.skills), minutes=minutes or known.minutes,
        state=model.TO_ASSIGN, open=True, version=0, opened_at=work.now, urgency_at=model.FAR, changed_at=work.now,
        origin=origin, asset=asset,
    )  # fmt: skip
    roster = store.roster(work.connection)
    handlers.promise(order, work.now, roster.calendar, None)
    desk = Desk(roster, store.loads(work.connection))
    handlers.open_order(work, desk, order)
    store.add_loads(work, desk.changes)
    return order


# ---- asking and telling by hand


def escalate(work: Work, order: Order, who: str, role: str, words: str = "", version: int | None = None) -> None:
    """The crew's leader or the supervisor has been told that the order needs them now, whatever the ladder says.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has ended. Invalid: no such rung, or there is no crew to tell.
    """
    handlers.need(work, "escalate", order, version)
    if role not in model.RUNGS:
        raise Invalid(fields={"role": ["dispatch.field.rung"]})
    if role == "crew_leader" and not order.crew:
        raise Invalid(fields={"role": ["dispatch.field.crew"]})
    promise = order.next_promise()[0] or "response"
    key = f"by_hand.{order.version + 1}"
    store.note_alert(work, order.order_id, key, role, f"promise.by_hand_{role}", promise, work.now)
    event = dispatch.PromiseEscalated(
        order_id=order.order_id, request_id=order.asked, promise=promise, role=role, rung=key, message="promise.by_hand",
        crew=order.crew, supplier=order.supplier, at=work.now,
    )  # fmt: skip
    _written(work, order, "escalated", who, f"{role} {words}".strip(), event)
    said: Mapping[str, str] = {"ref": order.reference, "role": role}
    store.tell(work, "queue", "alert", said)
    if role == "crew_leader":
        store.tell(work, f"crew:{order.crew}", "alert", said)


def ask(work: Work, order: Order, who: str, words: str, version: int | None = None) -> None:
    """The requester has been asked; the answer comes as a change of the request.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has ended. Invalid: it is work that nobody asked for.
    """
    handlers.need(work, "ask", order, version)
    if not order.asked:
        raise Invalid(fields={"words": ["dispatch.field.nobody_asked"]})
    event = dispatch.RequesterAsked(
        order_id=order.order_id, request_id=order.asked, words=words, crew=order.crew, asked_at=work.now
    )
    _written(work, order, "asked", who, words, event)


def _written(work: Work, order: Order, kind: str, who: str, detail: str, event: Event) -> None:
    handlers.changed(work, order, kind, who, detail=detail)
    work.say(event, sequence=order.version)
    handlers.settled(work, order, Desk(store.roster(work.connection), {}))


# ---- evidence


def keep_photo(
    work: Work, order: Order, who: str, kind: str, body: bytes, claimed_at: datetime | None = None
) -> tuple[str, list[str]]:
    """The photo is evidence of the order; its SHA-256 and the references of other orders that hold the same picture.

    What the camera wrote beside the picture (place, device, comments) is not kept. The same photo again changes nothing.

    Raises:
        NotNow: the order has ended, or nobody has it. Invalid: it is no photo, or there are too many.
    """
    if order.state not in HELD:
        handlers.need(work, "finish", order)
    held = store.photos(work.connection, order.order_id)
    if len(held) >= MOST_PHOTOS:
        raise Invalid(fields={"photo": ["dispatch.field.photos"]})
    kept = photos.cleaned(body)
    others = store.orders_with_photo(work.connection, kept.sha256, order.order_id)
    if store.put_photo(work, order.order_id, kept, kind, who, claimed_at):
        detail = kind if not others else f"{kind} {others[0]}"
        handlers.changed(work, order, "photo", who, detail=detail)
        handlers.settled(work, order, Desk(store.roster(work.connection), {}))
    return kept.sha256, others


def finish_shown(
    work: Work, order: Order, who: str, usage: Sequence[tuple[str, Decimal]], *, evidence: Sequence[str] = (),
    checks: Sequence[int] = (), signed_by: str = "", version: int | None = None, demanded: bool = True,
) -> None:  # fmt: skip
    """The work is done with what was used and the evidence that the item's standard demands.

    ``demanded``: what is missing refuses the act; otherwise (a dispatcher finishes for a crew) the history says so.

    Raises:
        PartsOpen: a part of it has not ended. Invalid: as ``handlers.finish``, or evidence is missing.
    """
    handlers.need(work, "finish", order, version)
    if any(part.open and part.origin == "part" for part in store.parts(work.connection, order.order_id)):
        raise PartsOpen
    item = item_of(order.item, order.filed_at)
    held = store.photos(work.connection, order.order_id)
    missing = wanting(item, [row.kind for row in held], checks, signed_by)
    if missing and demanded:
        raise Invalid(fields=missing)
    order.checks = sorted({each for each in checks if 0 <= each < len(item.checklist)})
    order.signed_by = signed_by
    shown = list(dict.fromkeys([*evidence, *(row.sha256 for row in held)]))
    handlers.finish(work, order, who, usage, shown, version, without=",".join(sorted(missing)))


def wanting(known: Item, kinds: Sequence[str], checks: Sequence[int], signed_by: str) -> dict[str, list[str]]:
    """What of the evidence that the item demands is missing, by field."""
    missing: dict[str, list[str]] = {}
    if len({each for each in checks if 0 <= each < len(known.checklist)}) < len(known.checklist):
        missing["checks"] = ["dispatch.field.checks"]
    for kind in ("before", "after"):
        if kinds.count(kind) < known.photos.get(kind, 0):
            missing[f"photo_{kind}"] = [f"dispatch.field.photo_{kind}"]
    if known.signature and not signed_by and "signature" not in kinds:
        missing["signed_by"] = ["dispatch.field.signature"]
    return missing


# ---- what a phone says it did while it had no signal


def claim(work: Work, order: Order, sequence: int, step: str, claimed_at: datetime) -> None:
    """The step under ``sequence`` was done at ``claimed_at``, as the device says; nothing else moves by it.

    A claim that differs from the time of receipt by more than LATE is said, so that supervision sees it.
    """
    store.claim(work, order, sequence, claimed_at)
    if abs(work.now - claimed_at) > LATE:
        event = dispatch.StepClaimed(
            order_id=order.order_id, request_id=order.asked, crew=order.crew or order.previous_crew,
            step=step, claimed_at=claimed_at, received_at=work.now,
        )  # fmt: skip
        work.say(event)


# ---- warnings


def raise_alerts(work: Work, limit: int = 100) -> int:
    """Everybody whom the ladder names has been told of promises in danger, each once; how many orders were looked at."""
    orders = store.to_warn(work.connection, work.now, limit)
    calendar = store.roster(work.connection).calendar
    history = store.happenings_of(work.connection, [order.order_id for order in orders])
    for order in orders:
        clocks = model.promises(
            [Term.of(each) for each in order.terms], store.heard_by_clock(history[order.order_id]), work.now, calendar
        )
        for alert in alerts(clocks.values(), calendar):
            if alert.at <= work.now and store.note_alert(
                work, order.order_id, alert.key, alert.role, alert.message, alert.promise, alert.at
            ):
                _escalated(work, order, alert)
        order.alert_at = next_change(clocks.values(), calendar, work.now)
        if order.alert_at is None and order.open and any(clock.state == "stopped" for clock in clocks.values()):
            order.alert_at = work.now + LOOK_AGAIN
        store.save_order(work, order)
    return len(orders)


def _escalated(work: Work, order: Order, alert: Alert) -> None:
    work.say(
        dispatch.PromiseEscalated(
            order_id=order.order_id, request_id=order.asked, promise=alert.promise, role=alert.role, rung=alert.key,
            message=alert.message, crew=order.crew, supplier=order.supplier, at=alert.at,
        )
    )  # fmt: skip
    said: Mapping[str, str] = {"ref": order.reference, "role": alert.role}
    store.tell(work, "queue", "alert", said)
    if order.crew and alert.role == "crew_leader":
        store.tell(work, f"crew:{order.crew}", "alert", said)
