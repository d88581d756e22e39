"""Use cases of bookings: one function, one transaction."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from services.requests import approvals, notices
from services.requests import model as requests_model
from services.requests import store as requests_store
from services.requests.bookings import claiming, model, store
from services.requests.bookings.model import Date, NotInThisState, Taken, TooEarly, Wish
from services.requests.bookings.store import Feed, Waiter
from services.requests.catalogue import USUAL_RULE, Step
from services.requests.handlers import filing, following
from services.requests.handlers.acts import NOBODY
from services.requests.model import Filing, digest
from services.requests.notices.telling import about_booking
from shared.contracts.requests import BookingCheckedIn, BookingConfirmed, BookingEnded, BookingMoved
from shared.errors import Absent, Invalid, Stale
from shared.language import language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from services.requests.bookings.model import Resource
    from services.requests.bookings.store import Booking
    from services.requests.desk import Desk
    from services.requests.requester import Requester
    from shared.work import Work

SCOPES = ("this", "following", "all")


def resource_of(connection: Connection, code: str) -> Resource:
    """The resource of this code.

    Raises:
        Invalid: there is none.
    """
    found = store.resource_by_code(connection, code)
    if found is None:
        raise Invalid(fields={"resource": ["booking.field.resource"]})
    return found


def check(desk: Desk, person: Requester, wish: Wish, resource: Resource, now: datetime) -> None:
    """Return when the wish is what the resource's rules allow this person.

    Raises:
        Invalid: message keys by field.
    """
    wrong = model.refusals(wish, resource, now)
    item = desk.catalogue.get(resource.item)
    refused = item.may_ask(person.roles, person.department) if item else ""
    if refused:
        wrong.setdefault("resource", []).append(refused)
    if resource.kind == "slot" and item:
        what = item.field("what")
        if what is not None and what.option(wish.subject) is None:
            wrong.setdefault("subject", []).append("field.choice")
    if resource.kind == "room" and item:
        known = item.field("equipment")
        if known is not None and any(known.option(each) is None for each in wish.equipment):
            wrong.setdefault("equipment", []).append("field.choice")
    if wrong:
        raise Invalid(fields=wrong)


def steps_of(desk: Desk, resource: Resource) -> Sequence[Step]:
    """Who approves bookings of this resource, where it needs that: by the rule of its item."""
    item = desk.catalogue.get(resource.item)
    return item.rule.steps if item else USUAL_RULE.steps


def book(work: Work, desk: Desk, person: Requester, wish: Wish, *, made_by: str = "") -> Booking:
    """The time is this person's and its tasks are filed; in rooms that need it, approval is awaited first.

    Raises:
        Invalid: the wish is not what the rules allow. Taken: somebody else has that time.
    """
    found = resource_of(work.connection, wish.resource)
    resource = store.lock(work.connection, [found.number])[found.number]
    check(desk, person, wish, resource, work.now)
    made = claiming.claim(work, resource, person, wish, made_by=made_by, steps=steps_of(desk, resource))
    if made.state == "booked":
        file_tasks(work, desk, person, made, resource)
    return made


# ---- series


def plan(
    connection: Connection,
    resource: Resource,
    wish: Wish,
    rule: str,
    *,
    without: Sequence[str] = (),
    days_off: bool = False,
) -> list[Date]:
    """Each date of the rule and what stands in its way: the same that :func:`book_series` will meet.

    Raises:
        Invalid: the rule cannot be read or goes too far.
    """  # fmt: skip
    days = model.dates(rule, wish.starts_at)
    length = wish.ends_at - wish.starts_at
    starts = [model.on_day(wish.starts_at, day) for day in days]
    others = claiming.like(connection, resource, wish)
    numbers = sorted({resource.number, *(each.number for each in others)})
    busy = store.claims(connection, numbers, starts[0] - timedelta(days=1), starts[-1] + timedelta(days=2), without=without)  # fmt: skip
    found = []
    for day, start in zip(days, starts, strict=True):
        end = start + length
        span = resource.claim(start, end)
        at = claiming.moved(wish, start, end)
        if not days_off and not model.SITE.days.is_workday(day):
            found.append(Date(day, start, end, "day_off"))
        elif not model.within_hours(resource, start, end):
            found.append(Date(day, start, end, "hours"))
        elif any(model.overlaps(span, other) for other in busy[resource.number]):
            latest = model.on_day(start.replace(hour=0, minute=0), day) + timedelta(hours=14)
            free = model.free_starts(resource, busy[resource.number], start - timedelta(hours=3), latest, length)
            near = sorted(free, key=lambda each: abs(each - start))[:3]
            free_others = [each.code for each in claiming.free_at(others, busy, at) if each.code != resource.code]
            found.append(Date(day, start, end, "taken", tuple(sorted(near)), tuple(free_others[:3])))
        else:
            found.append(Date(day, start, end))
    return found


class Conflicts(Taken):
    """Some dates of a series are taken and it was not said what to do about them."""

    key = "booking.error.conflicts"

    def __init__(self, dates: Sequence[Date], **parameters: Any) -> None:
        super().__init__(n=len(dates), **parameters)
        self.dates = tuple(dates)


def book_series(
    work: Work,
    desk: Desk,
    person: Requester,
    wish: Wish,
    rule: str,
    choices: Mapping[date, Wish | None],
    *,
    days_off: bool = False,
) -> list[Booking]:
    """A booking on every date of the rule; a date in ``choices`` is skipped (None) or moved to what it says.

    Raises:
        Invalid: the wish or the rule is not allowed.
        Conflicts: dates are taken or days off, and ``choices`` does not say what to do about them.
    """
    home = resource_of(work.connection, wish.resource)
    wanted = {home.number}
    for other in choices.values():
        if other is not None:
            wanted.add(resource_of(work.connection, other.resource).number)
    locked = {each.code: each for each in store.lock(work.connection, sorted(wanted)).values()}
    home = locked[home.code]
    check(desk, person, wish, home, work.now)
    planned = plan(work.connection, home, wish, rule, days_off=days_off)
    open_ = [each for each in planned if each.problem and each.day not in choices]
    if open_:
        raise Conflicts(open_)
    series = work.new_id()
    store.save_series(work.connection, series, rule, person.account, work.now)
    made = []
    for each in planned:
        at = choices.get(each.day, claiming.moved(wish, each.starts_at, each.ends_at))
        if at is None:
            continue
        resource = locked[at.resource]
        check(desk, person, at, resource, work.now)
        one = claiming.claim(work, resource, person, at, series=series, steps=steps_of(desk, resource))
        if one.state == "booked":
            file_tasks(work, desk, person, one, resource)
        made.append(one)
    if not made:
        raise Invalid(fields={"repeat": ["booking.rule.nothing"]})
    notices.tell(work, "booking.series", about_booking(made[0], home), n=len(made))
    awaiting = next((one for one in made if one.state == "pending"), None)
    if awaiting is not None:
        claiming.tell_made(work, awaiting, store.lock(work.connection, [awaiting.resource])[awaiting.resource])
    return made


# ---- tasks: requests that follow their booking


def file_tasks(work: Work, desk: Desk, person: Requester, made: Booking, resource: Resource) -> None:
    """The requests that make the booking happen are filed, those that lie in the past excepted."""
    for part, task in enumerate(resource.rules.task):
        file_task(work, desk, person, made, resource, part, task)
    if resource.kind == "slot":
        file_task(work, desk, person, made, resource, 0, model.Task(resource.item, "whole", {"what": "{subject}"}))


def set_up(made: Booking, resource: Resource) -> str:
    """What the crew reads about the layout, in both languages, since a crew's is not known; nothing for one as it stands."""
    if not made.layout:
        return ""
    said = []
    for words in (language("zh-Hans"), language("en")):
        layout = words(f"booking.layout.{made.layout}")
        said.append(words("booking.set_up", layout=layout, n=resource.seats(made.layout)))
    return "\n".join(said) + "\n"


def file_task(
    work: Work, desk: Desk, person: Requester, made: Booking, resource: Resource, part: int, task: model.Task
) -> None:
    """One of them."""
    item = desk.catalogue.get(task.item)
    if item is None:
        return
    words = {
        "subject": made.subject, "details": made.details,
        "car": resource.equipment[0] if resource.equipment else "", "set_up": set_up(made, resource),
    }  # fmt: skip
    answers: dict[str, Any] = {}
    for name, text in task.answers.items():
        each = item.field(name)
        if each is None:
            continue
        if text == "{equipment}":
            answers[name] = [code for code in made.equipment.split() if each.option(code)]
        else:
            value = text.format_map(words)[: each.most or None]
            if each.type != "choice" or each.option(value):
                answers[name] = value
    whole = task.at == "whole"
    wanted = Filing(
        item=task.item,
        place=resource.place,
        level=made.level if whole and item.level(made.level) else "",
        starts_at=max(made.starts_at if whole else made.ends_at, work.now) if item.field("starts_at") else None,
        ends_at=made.ends_at if whole and item.field("ends_at") else None,
        headcount=made.headcount if whole and item.field("headcount") else 0,
        answers=answers,
    )
    filed = filing.file_request(work, desk, person, wanted, "booking", filed_by=made.made_by, claimed=True)
    store.save_task(work.connection, filed.id, made.id, part)


def withdraw_tasks(
    work: Work, booking_id: str, *, only_after: bool = False, reason: str = "not_needed", anew: bool = False
) -> None:
    """The booking's requests that are not finished are withdrawn; ``anew``: others will take their place."""
    for request_id, part in store.tasks_of(work.connection, booking_id):
        if only_after and part == 0:
            continue
        if anew:
            store.drop_task(work.connection, request_id)
        request = requests_store.request_by_id(work.connection, request_id, lock=True)
        if request is not None and requests_model.may("withdraw", request.state):
            following.withdraw(work, request, NOBODY, reason)


# ---- what becomes of a booking


def wanted(connection: Connection, booking_id: str, version: int | None = None) -> Booking:
    """The booking, locked.

    Raises:
        Absent: there is none. Stale: it is not at ``version`` any more.
    """
    found = store.booking(connection, booking_id, lock=True)
    if found is None:
        raise Absent
    if version is not None and found.version != version:
        raise Stale
    return found


def need(act: str, found: Booking) -> None:
    """Return when the act is possible in the booking's state.

    Raises:
        NotInThisState: it is not.
    """
    if act not in model.ACTS.get(found.state, frozenset()):
        raise NotInThisState


def _change(work: Work, found: Booking, **values: Any) -> int:
    version = found.version + 1
    store.change_booking(work.connection, found.id, version=version, changed_at=work.now, **values)
    return version


def _of(work: Work, found: Booking) -> Resource:
    return store.lock(work.connection, [found.resource])[found.resource]


def end(work: Work, desk: Desk, found: Booking, reason: str, *, words: str = "") -> None:
    """The booking claims its time no longer, its unfinished tasks are withdrawn, and whoever waits is offered the time.

    ``reason``: ended, cancelled, released, refused, lapsed.
    """
    resource = _of(work, found)
    state = {"ended": "ended", "cancelled": "cancelled", "released": "released", "refused": "refused", "lapsed": "lapsed"}[reason]  # fmt: skip
    values: dict[str, Any] = {"state": state, "reason": words}
    if reason == "ended" and work.now < found.ends_at:
        values |= {"ends_at": max(work.now, found.starts_at)}
    version = _change(work, found, **values)
    if found.state == "pending":
        approvals.close(work, found.id, "withdrawn")
    work.say(BookingEnded(booking_id=found.id, ended_at=work.now, reason=reason), sequence=version)
    if reason in {"released", "refused", "lapsed"}:
        notices.tell(work, f"booking.{reason}", about_booking(found, resource), why=words)
    if reason == "ended":
        if work.now < found.ends_at:  # cleaning comes as soon as the room is empty
            follow(work, desk, replace(found, ends_at=work.now), resource, only_after=True)
    else:
        withdraw_tasks(work, found.id)
    if found.ends_at > work.now:
        claiming.offer(work, resource, max(found.claimed_from, work.now), found.claimed_until)


def cancel(work: Work, desk: Desk, found: Booking, scope: str = "this", words: str = "") -> int:
    """The booking, those of its series that follow it, or all to come, are cancelled; how many.

    Raises:
        NotInThisState: it is over or in use.
    """
    need("cancel", found)
    chosen = _scope(work, found, scope)
    for each in chosen:
        end(work, desk, each, "lapsed" if each.state == "offered" else "cancelled", words=words)
        if each.state == "offered":
            _leave(work, each)
    taken_back = [each for each in chosen if each.state != "offered"]
    if taken_back:
        first = min(taken_back, key=lambda each: each.starts_at)
        notices.tell(work, "booking.cancelled", about_booking(first, _of(work, first)), n=len(taken_back))
    return len(chosen)


def _scope(work: Work, found: Booking, scope: str) -> list[Booking]:
    if scope == "this" or not found.series:
        return [found]
    since = found.starts_at if scope == "following" else work.now
    several = store.of_series(work.connection, found.series, since=since)
    return several if any(each.id == found.id for each in several) else [found, *several]


def check_in(work: Work, found: Booking) -> None:
    """Somebody has come.

    Raises:
        NotInThisState: it is not a definite booking. TooEarly: it does not begin within a quarter of an hour.
    """
    need("check_in", found)
    if work.now < found.starts_at - model.EARLY:
        raise TooEarly
    version = _change(work, found, state="in_use", checked_in_at=work.now)
    work.say(BookingCheckedIn(booking_id=found.id, checked_in_at=work.now), sequence=version)


def move(
    work: Work,
    desk: Desk,
    found: Booking,
    wish: Wish,
    *,
    scope: str = "this",
    leave_conflicts: bool = False,
) -> list[Booking]:
    """The booking has the time, resource and details of ``wish``; in a wider scope its series moves by as much.

    Tasks are withdrawn and filed anew. Dates of the series that are taken refuse the whole, or stay as they are when
    ``leave_conflicts``.

    Raises:
        NotInThisState: it is over or in use. Invalid: the rules do not allow it.
        Taken: somebody else has that time. Conflicts: so it is with some dates of the series.
    """
    need("move", found)
    target = resource_of(work.connection, wish.resource)
    locked = store.lock(work.connection, [target.number, found.resource])
    target = locked[target.number]
    several = _scope(work, found, scope)
    shift = wish.starts_at - found.starts_at
    length = wish.ends_at - wish.starts_at
    ids = [each.id for each in several]
    person = claiming.person_of(found)
    wishes: list[tuple[Booking, Wish]] = []
    conflicts: list[Date] = []
    for each in several:
        start = each.starts_at + shift
        at = claiming.moved(wish, start, start + length)
        check(desk, person, at, target, work.now)
        try:
            claiming.need_free(work.connection, target, at, work.now, without=ids)
        except Taken as error:
            if scope == "this":
                raise
            conflicts.append(
                Date(requests_model.day_of(start), start, start + length, "taken", error.free, error.others)
            )
            continue
        wishes.append((each, at))
    if conflicts and (not leave_conflicts or not wishes):
        raise Conflicts(conflicts)
    left = {each.id for each in several} - {each.id for each, _ in wishes}
    # Out of the way first: a series that moves by a day would otherwise meet itself.
    for each, _ in wishes:
        store.change_booking(work.connection, each.id, state="moving")
    if left:
        for _, at in wishes:
            claiming.need_free(work.connection, target, at, work.now)
    done = []
    for each, at in wishes:
        done.append(_moved(work, desk, each, at, target))
    for each, _ in wishes:
        claiming.offer(work, locked[each.resource], max(each.claimed_from, work.now), each.claimed_until)
    notices.tell(work, "booking.moved", about_booking(min(done, key=lambda each: each.starts_at), target), n=len(done))
    awaiting = next((one for one in done if one.state == "pending"), None)
    if awaiting is not None:
        claiming.tell_made(work, awaiting, target)
    return done


def _moved(work: Work, desk: Desk, each: Booking, at: Wish, target: Resource) -> Booking:
    begins, ends = target.claim(at.starts_at, at.ends_at)
    state = "pending" if target.approval and (each.resource != target.number or each.state == "pending") else "booked"
    after = replace(
        each, version=each.version + 1, resource=target.number, state=state, starts_at=at.starts_at, ends_at=at.ends_at,
        claimed_from=begins, claimed_until=ends, subject=at.subject, headcount=at.headcount,
        equipment=" ".join(at.equipment), details=at.details, level=at.level, layout=at.layout, changed_at=work.now,
    )  # fmt: skip
    try:
        store.change_booking(
            work.connection, each.id, **{name: value for name, value in after.__dict__.items() if name != "id"}
        )
    except IntegrityError as error:
        raise Taken(name=target.name.zh) from error
    event = BookingMoved(booking_id=each.id, resource=target.code, starts_at=at.starts_at, ends_at=at.ends_at, moved_at=work.now, layout=at.layout)  # fmt: skip
    work.say(event, sequence=after.version)
    if state == "booked":
        approvals.close(work, each.id, "withdrawn")
        follow(work, desk, after, target)
    else:
        claiming.ask_approval(work, after, steps_of(desk, target))
        withdraw_tasks(work, each.id)
    return after


def follow(work: Work, desk: Desk, after: Booking, resource: Resource, *, only_after: bool = False) -> None:
    """The booking's tasks are those of the booking as it is now."""
    withdraw_tasks(work, after.id, only_after=only_after, reason="moved", anew=True)
    person = claiming.person_of(after)
    if not only_after:
        file_tasks(work, desk, person, after, resource)
        return
    for part, task in enumerate(resource.rules.task):
        if task.at == "after":
            file_task(work, desk, person, after, resource, part, task)


def decide(work: Work, desk: Desk, found: Booking, by: str, *, granted: bool, words: str = "") -> None:
    """A booking that awaited approval is definite, or refused.

    Raises:
        NotInThisState: it awaits none.
    """
    if found.state != "pending":
        raise NotInThisState
    resource = _of(work, found)
    if not granted:
        end(work, desk, found, "refused", words=words)
        return
    version = _change(work, found, state="booked")
    work.say(BookingConfirmed(booking_id=found.id, confirmed_at=work.now, by=by), sequence=version)
    notices.tell(work, "booking.approved", about_booking(found, resource))
    if not store.tasks_of(work.connection, found.id):
        file_tasks(work, desk, claiming.person_of(found), found, resource)


# ---- the waiting list


def wait(work: Work, desk: Desk, person: Requester, wish: Wish) -> Waiter:
    """The person is told, and has half an hour, when the time becomes free.

    Raises:
        Invalid: the wish is not allowed, or the time is free now.
    """
    resource = resource_of(work.connection, wish.resource)
    check(desk, person, wish, resource, work.now)
    try:
        claiming.need_free(work.connection, resource, wish, work.now)
    except Taken:
        pass
    else:
        raise Invalid(fields={"starts_at": ["booking.field.free_now"]})
    if len(store.waiting_of(work.connection, person.account, work.now)) >= 20:
        raise Invalid(fields={"starts_at": ["booking.field.many_waits"]})
    waiter = Waiter(
        id=work.new_id(), resource=resource.number, state="waiting", starts_at=wish.starts_at, ends_at=wish.ends_at,
        account=person.account, name=person.name, name_en=person.name_en, department=person.department,
        organisation=person.organisation, subject=wish.subject, headcount=wish.headcount,
        equipment=" ".join(wish.equipment), made_at=work.now, layout=wish.layout,
    )  # fmt: skip
    store.save_waiter(work.connection, waiter)
    return waiter


def leave(work: Work, waiter_id: str, account: str) -> None:
    """The person waits no longer.

    Raises:
        Absent: nobody waits under this id.
    """
    found = store.waiter(work.connection, waiter_id, lock=True)
    if found is None or found.account != account:
        raise Absent
    if found.state == "waiting":
        store.change_waiter(work.connection, waiter_id, state="left")


def accept(work: Work, desk: Desk, found: Booking) -> None:
    """The offer is taken: the booking is definite, or awaits its approval.

    Raises:
        NotInThisState: it is no offer, or has lapsed.
    """
    need("accept", found)
    if found.until is not None and work.now >= found.until:
        raise NotInThisState
    resource = _of(work, found)
    state = "pending" if resource.approval else "booked"
    version = _change(work, found, state=state, until=None)
    waiter = store.waiter_offered(work.connection, found.id)
    if waiter:
        store.change_waiter(work.connection, waiter.id, state="taken")
    if state == "booked":
        work.say(BookingConfirmed(booking_id=found.id, confirmed_at=work.now), sequence=version)
        file_tasks(work, desk, claiming.person_of(found), found, resource)
    taken = replace(found, state=state, version=version, until=None)
    claiming.ask_approval(work, taken, steps_of(desk, resource))
    claiming.tell_made(work, taken, resource)


def _leave(work: Work, found: Booking) -> None:
    waiter = store.waiter_offered(work.connection, found.id)
    if waiter:
        store.change_waiter(work.connection, waiter.id, state="left")


# ---- by itself


def watch(work: Work, desk: Desk, limit: int = 100) -> dict[str, int]:
    """What time has decided: nobody came, an offer lapsed, a booking is over. How many of each; any replica may do it."""
    done = {"released": 0, "lapsed": 0, "ended": 0}
    for state, before in (
        ("booked", work.now - timedelta(minutes=min(kind.grace for kind in model.kinds().values() if kind.grace))),
        ("offered", work.now),
        ("in_use", work.now),
    ):
        for booking_id in store.overdue(work.connection, state, before, limit):
            found = store.booking(work.connection, booking_id, lock=True)
            if found is None or found.state != state:
                continue
            resource = _of(work, found)
            grace = resource.rules.grace
            if state == "booked" and grace and work.now >= found.starts_at + timedelta(minutes=grace):
                end(work, desk, found, "released")
                done["released"] += 1
            elif state == "booked" and not grace and found.ends_at <= work.now:
                end(work, desk, found, "ended")
                done["ended"] += 1
            elif state == "offered":
                end(work, desk, found, "lapsed")
                _leave(work, found)
                done["lapsed"] += 1
            elif state == "in_use":
                end(work, desk, found, "ended")
                done["ended"] += 1
    return done


# ---- feeds


def make_feed(work: Work, account: str, resource: int = 0) -> tuple[Feed, str]:
    """A new secret calendar address; the secret is told once.

    Raises:
        Invalid: the account has twenty already.
    """
    if len(store.feeds_of(work.connection, account)) >= 20:
        raise Invalid("booking.error.feeds")
    secret = secrets.token_urlsafe(24)
    made = Feed(work.new_id(), digest(secret), account, resource, work.now)
    store.save_feed(work.connection, made)
    return made, secret


def revoke_feed(work: Work, account: str, feed_id: str) -> None:
    """The address shows nothing any more.

    Raises:
        Absent: the account has no such feed.
    """
    if not store.change_feed(work.connection, feed_id, account, revoked_at=work.now):
        raise Absent
