"""Claiming a time: the one place where a booking comes into being.

The resource's row is locked first, so that claims on it stand in one line; PostgreSQL's exclusion constraint and
SQLite's single writer hold even if that line were missing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from services.requests import approvals, notices
from services.requests.bookings import model, store
from services.requests.bookings.model import Taken, Wish
from services.requests.bookings.store import Booking
from services.requests.catalogue import USUAL_RULE, Step
from services.requests.notices.telling import about_booking
from services.requests.requester import Requester
from shared.contracts.requests import BookingEnded, BookingMade

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from services.requests.bookings.model import Resource
    from services.requests.bookings.store import Waiter
    from services.requests.compound import Place
    from services.requests.model import Filing
    from shared.work import Work

# Items whose requests claim a resource of their own place, when filed for a time.
CLAIMED = frozenset({model.kinds()["room"].item})
WINDOW = timedelta(days=15)  # in which the next free times are looked for


def claim(
    work: Work,
    resource: Resource,
    person: Requester,
    wish: Wish,
    *,
    state: str = "",
    series: str = "",
    until: datetime | None = None,
    made_by: str = "",
    steps: Sequence[Step] = USUAL_RULE.steps,
) -> Booking:
    """The time is this person's. The caller holds the resource's lock (``store.lock``).

    ``steps``: who approves it, where the resource needs that.

    Raises:
        Taken: it is somebody else's.
    """
    begins, ends = resource.claim(wish.starts_at, wish.ends_at)
    made = Booking(
        id=work.new_id(), version=1, resource=resource.number,
        state=state or ("pending" if resource.approval else "booked"),
        starts_at=wish.starts_at, ends_at=wish.ends_at, claimed_from=begins, claimed_until=ends,
        account=person.account, name=person.name, name_en=person.name_en, department=person.department,
        organisation=person.organisation, made_by=made_by, subject=wish.subject, headcount=wish.headcount,
        equipment=" ".join(wish.equipment), details=wish.details, level=wish.level, layout=wish.layout, series=series, until=until,
        checked_in_at=None, made_at=work.now, changed_at=work.now,
    )  # fmt: skip
    need_free(work.connection, resource, wish, work.now)
    try:
        store.save_booking(work.connection, made)
    except IntegrityError as error:
        raise Taken(name=resource.name.zh) from error
    work.say(
        BookingMade(
            booking_id=made.id, resource=resource.code, kind=resource.kind, starts_at=made.starts_at, ends_at=made.ends_at,
            account="" if resource.kind == "slot" else made.account, department=made.department, state=made.state,
            series=series, headcount=made.headcount, layout=made.layout,
        ),
        sequence=1,
    )  # fmt: skip
    ask_approval(work, made, steps)
    if not series:
        tell_made(work, made, resource)
    return made


def ask_approval(work: Work, made: Booking, steps: Sequence[Step] = USUAL_RULE.steps) -> None:
    """A booking that awaits approval may be decided by those of ``steps``, before it begins."""
    if made.state == "pending":
        approvals.ask(
            work, made.id, kind="booking", causes=["chosen"], organisation=made.organisation, requester=made.account,
            filed_by=made.made_by, why=made.details[:200], steps=steps, until=made.starts_at,
        )  # fmt: skip


def tell_made(work: Work, made: Booking, resource: Resource) -> None:
    """Whoever must know of a booking in this state is told: its owner, or whoever approves it."""
    asked = approvals.of(work.connection, made.id) if made.state == "pending" else None
    about = about_booking(made, resource, approver=approvals.audience(asked) if asked else ())
    if made.state == "pending":
        notices.tell(work, "approval.booking", replace(about, address=approvals.PAGE), who=(made.name, made.name_en))
    elif made.state == "offered":
        notices.tell(work, "booking.offered", about, until=made.until)
    else:
        notices.tell(work, "booking.made", about)


def need_free(
    connection: Connection, resource: Resource, wish: Wish, now: datetime, *, without: Iterable[str] = ()
) -> None:
    """Return when nobody has claimed the time.

    Raises:
        Taken: somebody has; with the next free times and the other resources that are free.
    """
    span = resource.claim(wish.starts_at, wish.ends_at)
    found = store.claims(connection, [resource.number], *span, without=without)[resource.number]
    if not any(model.overlaps(span, other) for other in found):
        return
    raise taken(connection, resource, wish, now)


def taken(connection: Connection, resource: Resource, wish: Wish, now: datetime) -> Taken:
    """The refusal of a time that somebody has, with the next free times and what else is free."""
    others = like(connection, resource, wish)
    busy = store.claims(
        connection, sorted({resource.number, *(each.number for each in others)}), wish.starts_at - timedelta(days=1),
        wish.starts_at + WINDOW,
    )  # fmt: skip
    return Taken(
        model.next_free(resource, busy[resource.number], wish, now),
        [each.code for each in free_at(others, busy, wish) if each.code != resource.code][:3],
        name=resource.name.zh, name_en=resource.name.en,
    )  # fmt: skip


def like(connection: Connection, resource: Resource, wish: Wish) -> list[Resource]:
    """Those of its kind, itself among them, that hold as many in the layout that is wanted."""
    return [
        each
        for each in store.resources(connection, resource.kind)
        if each.enabled and each.item == resource.item and each.seats(wish.layout) >= max(wish.headcount, 1)
    ]


def free_at(resources: Sequence[Resource], busy: dict[int, list[model.Span]], wish: Wish) -> list[Resource]:
    """Those that are free at the time wished, the smallest first."""
    found = []
    for each in resources:
        span = each.claim(wish.starts_at, wish.ends_at)
        if not any(model.overlaps(span, other) for other in busy.get(each.number, ())):
            found.append(each)
    return sorted(found, key=lambda each: (each.approval, each.capacity, each.number))


def claim_for_request(work: Work, person: Requester, filing: Filing, place: Place, request_id: str) -> None:
    """A request for a meeting room at a time is its booking too.

    Raises:
        Taken: the room is somebody else's then.
    """
    found = store.resource_by_code(work.connection, place.code)
    if found is None or filing.starts_at is None or filing.ends_at is None:
        return
    resource = store.lock(work.connection, [found.number])[found.number]
    wish = Wish(
        resource=resource.code, starts_at=filing.starts_at, ends_at=filing.ends_at,
        subject=str(filing.answers.get("subject") or "")[:60], headcount=filing.headcount,
        equipment=tuple(filing.answers.get("equipment") or ()), level=filing.level,
    )  # fmt: skip
    made = claim(work, resource, person, wish)
    store.save_task(work.connection, request_id, made.id, 0)


def release_for_request(work: Work, request_id: str) -> list[str]:
    """The booking whose main request this is has ended with it; ids of its other requests, to be withdrawn too."""
    booking_id = store.booking_of_request(work.connection, request_id, part=0)
    found = store.booking(work.connection, booking_id, lock=True) if booking_id else None
    if found is None or found.state not in model.CLAIMING:
        return []
    resource = store.lock(work.connection, [found.resource])[found.resource]
    store.change_booking(work.connection, found.id, version=found.version + 1, state="cancelled", changed_at=work.now)
    approvals.close(work, found.id, "withdrawn")
    work.say(BookingEnded(booking_id=found.id, ended_at=work.now, reason="cancelled"), sequence=found.version + 1)
    notices.tell(work, "booking.cancelled", about_booking(found, resource), n=1)
    if found.ends_at > work.now:
        offer(work, resource, max(found.claimed_from, work.now), found.claimed_until)
    return [each for each, _ in store.tasks_of(work.connection, found.id) if each != request_id]


def offer(work: Work, resource: Resource, begin: datetime, end_: datetime) -> int:
    """Whoever waited longest for a time that fits into what is free now is offered it; how many offers were made."""
    made = 0
    for waiter in store.waiters(work.connection, resource.number, begin, end_):
        if waiter.starts_at <= work.now:
            store.change_waiter(work.connection, waiter.id, state="over")
            continue
        wish = Wish(
            resource=resource.code, starts_at=waiter.starts_at, ends_at=waiter.ends_at, subject=waiter.subject,
            headcount=waiter.headcount, equipment=tuple(waiter.equipment.split()), layout=waiter.layout,
        )  # fmt: skip
        until = min(work.now + model.OFFER, waiter.starts_at)
        try:
            made_one = claim(work, resource, person_of(waiter), wish, state="offered", until=until)
        except Taken:
            continue
        store.change_waiter(work.connection, waiter.id, state="offered", booking=made_one.id)
        made += 1
    return made


def person_of(found: Booking | Waiter) -> Requester:
    """For whom it is; with the rights of everybody who works here, because the booking was allowed when it was made."""
    return Requester(
        found.account, found.name, found.name_en, found.department, found.organisation,
        frozenset({"staff", "dispatcher", "administrator"}),
    )  # fmt: skip


def moved(wish: Wish, starts_at: datetime, ends_at: datetime) -> Wish:
    """The same wish at another time."""
    return replace(wish, starts_at=starts_at, ends_at=ends_at)
