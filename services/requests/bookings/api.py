"""JSON routes of bookings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access
from services.requests.bookings import claiming, handlers, model, store
from services.requests.bookings.model import Date, Taken, Wish
from services.requests.compound import LAYOUTS
from services.requests.handlers import deciding
from services.requests.model import day_of
from services.requests.requester import oneself
from shared.errors import Absent, Invalid, Malformed
from shared.web.answers import Answer, answer, nothing
from shared.web.limits import Limit
from shared.web.routes import Route, Scoped
from shared.web.schemas import Instant, Key, Text, Whole

if TYPE_CHECKING:
    from services.requests.bookings.model import Resource
    from services.requests.bookings.store import Booking
    from services.requests.desk import Desk
    from shared.bilingual import Words
    from shared.web.context import Context

MOST_SHOWN = timedelta(days=35)  # of a calendar at once

# ---- schemas


def layout_field(load_default: str | None = "") -> fields.String:
    """How a room is to be laid out; empty: as it stands."""
    one_of = validate.OneOf(["", *LAYOUTS])
    return fields.String(load_default=load_default, allow_none=load_default is None, validate=one_of)


class Choice(Schema):
    """What to do on one date of a series that cannot be had as it is: skip it, or another time or resource."""

    on = fields.Date(required=True)
    skip = fields.Boolean(load_default=False)
    resource = Key(load_default="")
    starts_at = Instant(load_default=None, allow_none=True)


class BookingBody(Schema):
    """A time to be claimed. ``repeat`` is a rule of RFC 5545 with an end; ``choices`` say what to do on single dates."""

    resource = Key(required=True)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True)
    subject = Text(60, required=True)
    headcount = Whole(0, 100_000, load_default=0)
    equipment = fields.List(Key(), load_default=list, validate=validate.Length(max=30))
    details = Text(500, lines=True, load_default="")
    level = Key(load_default="")
    layout = layout_field()
    repeat = Text(model.LONGEST_RULE, load_default="")
    choices = fields.List(fields.Nested(Choice), load_default=list, validate=validate.Length(max=model.MOST_DATES))
    days_off = fields.Boolean(load_default=False)


class MoveBody(Schema):
    """What a booking shall be; what is not said stays."""

    resource = Key(load_default="")
    starts_at = Instant(load_default=None, allow_none=True)
    ends_at = Instant(load_default=None, allow_none=True)
    subject = Text(60, load_default=None, allow_none=True)
    headcount = Whole(0, 100_000, load_default=None, allow_none=True)
    layout = layout_field(None)
    scope = fields.String(load_default="this", validate=validate.OneOf(handlers.SCOPES))
    leave_conflicts = fields.Boolean(load_default=False)


class Ending(Schema):
    """How much of the series, and why."""

    scope = fields.String(load_default="this", validate=validate.OneOf(handlers.SCOPES))
    reason = Text(200, load_default="")


class Decision(Schema):
    """Whether the booking may stand, and why not."""

    granted = fields.Boolean(required=True)
    reason = Text(200, load_default="")


class Nothing(Schema):
    """An empty object."""


class WordsOut(Schema):
    """One text in both languages."""

    zh = fields.String()
    en = fields.String()


class LayoutOut(Schema):
    """A layout of a room and how many then sit in it."""

    layout = fields.String(validate=validate.OneOf(LAYOUTS))
    seats = fields.Integer()


class ResourceOut(Schema):
    """Something that can be booked."""

    code = fields.String()
    kind = fields.String()
    name = fields.Nested(WordsOut)
    capacity = fields.Integer()
    equipment = fields.List(fields.String())
    layouts = fields.List(fields.Nested(LayoutOut), metadata={"description": "of a room; the first is how it stands"})
    approval = fields.Boolean()


class FreeOut(ResourceOut):
    """A resource and when it is free next for as long as asked."""

    starts_at = Instant()


class BookingOut(Schema):
    """A booking; of other people's only the time and the resource are told."""

    id = fields.String()
    version = fields.Integer()
    resource = fields.String()
    state = fields.String()
    starts_at = Instant()
    ends_at = Instant()
    claimed_from = Instant()
    claimed_until = Instant()
    mine = fields.Boolean()
    subject = fields.String()
    headcount = fields.Integer()
    equipment = fields.List(fields.String())
    layout = fields.String(metadata={"description": "empty: as the room stands"})
    series = fields.String()
    may = fields.List(fields.String())
    requests = fields.List(fields.String())


class MadeOut(Schema):
    """What was booked."""

    items = fields.List(fields.Nested(BookingOut))


class DateOut(Schema):
    """One date of a series and what stands in its way."""

    on = fields.Date(attribute="day")
    starts_at = Instant()
    ends_at = Instant()
    problem = fields.String()
    free = fields.List(Instant())
    others = fields.List(fields.String())


class PlanOut(Schema):
    """The dates of a series."""

    items = fields.List(fields.Nested(DateOut))


class KindQuery(Schema):
    """Of which kind."""

    kind = fields.String(load_default="", validate=validate.OneOf(["", *model.KINDS]))


class FreeQuery(Schema):
    """From when on, for how many minutes, for how many people, with what, how laid out; ``days``: how far to look."""

    kind = fields.String(load_default="room", validate=validate.OneOf(model.KINDS))
    starts_at = Instant(required=True)
    minutes = Whole(15, 4320, load_default=60)
    headcount = Whole(0, 100_000, load_default=0)
    equipment = Text(200, load_default="")
    layout = layout_field()
    days = Whole(0, model.LONGEST_SEARCH.days, load_default=0)


class CalendarQuery(Schema):
    """Which time of which resources: at most five weeks."""

    kind = fields.String(load_default="room", validate=validate.OneOf(model.KINDS))
    resource = Key(load_default="")
    begin = Instant(required=True)
    end = Instant(required=True)
    mine = fields.Boolean(load_default=False)


class WaiterOut(Schema):
    """A place in the waiting list."""

    id = fields.String()
    resource = fields.String()
    state = fields.String()
    starts_at = Instant()
    ends_at = Instant()


class FeedBody(Schema):
    """Which calendar: of a resource, or one's own when empty."""

    resource = Key(load_default="")


class FeedOut(Schema):
    """A calendar address without its secret."""

    id = fields.String()
    resource = fields.String()
    made_at = Instant()
    used_at = Instant(allow_none=True)


class MadeFeedOut(Schema):
    """A new calendar address, shown this once."""

    id = fields.String()
    path = fields.String()


# ---- what is shown


def where(found: Booking) -> Scoped:
    """Where a booking belongs."""
    return Scoped(
        owners=frozenset({found.account, found.made_by} - {""}),
        department=found.department,
        organisation=found.organisation,
    )


def seen_as(context: Context, found: Booking, resource: Resource, requests: list[str] | None = None) -> dict[str, Any]:
    """A booking as the person may read it (security B5: busy, never subject or owner, for others)."""
    mine = context.principal.account in {found.account, found.made_by}
    shown = {
        "id": found.id if mine else "", "version": found.version if mine else 0, "resource": resource.code, "state": found.state,
        "starts_at": found.starts_at, "ends_at": found.ends_at, "claimed_from": found.claimed_from,
        "claimed_until": found.claimed_until, "mine": mine, "subject": "", "headcount": 0, "equipment": [], "layout": "", "series": "",
        "may": [], "requests": requests or [],
    }  # fmt: skip
    if mine:
        shown |= {
            "subject": found.subject, "headcount": found.headcount, "equipment": found.equipment.split(),
            "layout": found.layout, "series": found.series, "may": sorted(acts_of(found, context.now)),
        }  # fmt: skip
    return shown


def acts_of(found: Booking, now: datetime) -> frozenset[str]:
    """What its people may do to a booking now."""
    acts = model.ACTS.get(found.state, frozenset())
    if now < found.starts_at - model.EARLY:
        acts -= {"check_in"}
    return acts


def resource_out(resource: Resource) -> dict[str, Any]:
    """A resource as JSON."""
    return {
        "code": resource.code, "kind": resource.kind, "name": words_out(resource.name), "capacity": resource.capacity,
        "equipment": list(resource.equipment),
        "layouts": [{"layout": layout, "seats": seats} for layout, seats in resource.layouts.items()], "approval": resource.approval,
    }  # fmt: skip


def words_out(words: Words) -> dict[str, str]:
    """A text in both languages."""
    return {"zh": words.zh, "en": words.en}


def told(error: Taken) -> Taken:
    """The refusal with what the caller can do instead, of a series by date."""
    error.told()
    if isinstance(error, handlers.Conflicts):
        error.extra["dates"] = [DateOut().dump(each) for each in error.dates]
    return error


# ---- views


def list_resources(context: Context) -> Answer:
    """Rooms, vehicles and slots."""
    with context.read() as connection:
        found = store.resources(connection, context.query()["kind"])
    return answer({"items": [resource_out(each) for each in found if each.enabled]})


def search(context: Context) -> Answer:
    """What is free at a time, or next within some days, the smallest that fits first."""
    asked = context.query()
    found = [FreeOut().dump({**resource_out(each), "starts_at": start}) for each, start in free(context, asked)]
    return answer({"items": found})


def free(context: Context, asked: dict[str, Any]) -> list[tuple[Resource, datetime]]:
    """Resources that fit, with the first start from the one asked on at which each is free; one query."""
    model.near(context.now, starts_at=asked["starts_at"])
    length = timedelta(minutes=asked["minutes"])
    needed = set(asked["equipment"].replace(",", " ").split())
    latest = asked["starts_at"] + timedelta(days=asked["days"])
    with context.read() as connection:
        fitting = [
            each for each in store.resources(connection, asked["kind"])
            if each.enabled and each.seats(asked["layout"]) >= max(asked["headcount"], 1) and needed <= set(each.equipment)
        ]  # fmt: skip
        busy = store.claims(
            connection,
            [each.number for each in fitting],
            asked["starts_at"] - timedelta(days=1),
            latest + timedelta(days=4),
        )
    found = []
    for each in fitting:
        starts = model.free_starts(
            each, busy[each.number], max(asked["starts_at"], context.now - model.LATENESS), latest, length
        )
        start = next(starts, None)
        if start is not None:
            found.append((each, start))
    return sorted(found, key=lambda pair: (pair[1], pair[0].approval, pair[0].capacity, pair[0].number))


def calendar(context: Context) -> Answer:
    """Bookings of a time, in order; others' without their words."""
    asked = context.query()
    model.near(context.now, begin=asked["begin"], end=asked["end"])
    if not timedelta(0) < asked["end"] - asked["begin"] <= MOST_SHOWN:
        raise Invalid(fields={"end": ["field.range"]})
    with context.read() as connection:
        known = {each.number: each for each in store.resources(connection, "" if asked["mine"] else asked["kind"])}
        if asked["mine"]:
            found = [
                each for each in store.of_account(connection, context.principal.account, after=asked["begin"], limit=200)
                if each.starts_at < asked["end"]
            ]  # fmt: skip
        else:
            numbers = [each.number for each in known.values() if asked["resource"] in {"", each.code}]
            found = store.between(connection, numbers, asked["begin"], asked["end"])
    return answer({"items": [seen_as(context, each, known[each.resource]) for each in found], "next": ""})


def wish_of(body: dict[str, Any], now: datetime) -> Wish:
    """The body as a wish.

    Raises:
        Invalid: its times, or those of its choices, lie years away.
    """
    model.near(now, starts_at=body["starts_at"], ends_at=body["ends_at"])
    for each in body["choices"]:
        model.near(now, choices=each["starts_at"])
        if abs(each["on"] - day_of(now)) > 2 * model.HORIZON:
            raise Invalid(fields={"choices": ["requests.field.far"]})
    return Wish(
        resource=body["resource"], starts_at=body["starts_at"], ends_at=body["ends_at"], subject=body["subject"],
        headcount=body["headcount"], equipment=tuple(dict.fromkeys(body["equipment"])), details=body["details"],
        level=body["level"], layout=body["layout"],
    )  # fmt: skip


def choices_of(wish: Wish, choices: list[dict[str, Any]]) -> dict[date, Wish | None]:
    """By date what was chosen instead."""
    found: dict[date, Wish | None] = {}
    for each in choices:
        if each["on"] in found:
            raise Invalid(fields={"choices": ["booking.field.twice"]})
        if each["skip"]:
            found[each["on"]] = None
            continue
        start = each["starts_at"] or model.on_day(wish.starts_at, each["on"])
        at = claiming.moved(wish, start, start + (wish.ends_at - wish.starts_at))
        found[each["on"]] = replace(at, resource=each["resource"] or wish.resource)
    return found


def make(context: Context) -> Answer:
    """The time is claimed; of a series, every date."""
    body = context.json()
    desk: Desk = context.own
    wish = wish_of(body, context.now)
    person = oneself(context.principal)
    try:
        with context.work() as work:
            if body["repeat"]:
                made = handlers.book_series(
                    work,
                    desk,
                    person,
                    wish,
                    body["repeat"],
                    choices_of(wish, body["choices"]),
                    days_off=body["days_off"],
                )
            else:
                made = [handlers.book(work, desk, person, wish)]
            known = {each.number: each for each in store.resources(work.connection)}
    except Taken as error:
        raise told(error) from None
    context.after_commit(desk.numbers.refill)
    return answer(
        {"items": [seen_as(context, each, known[each.resource]) for each in made]}, 201,
        Location=context.url("api_booking", booking_id=made[0].id), ETag=f'"{made[0].version}"',
    )  # fmt: skip


def preview(context: Context) -> Answer:
    """The dates of a rule, each with what stands in its way."""
    body = context.json()
    wish = wish_of(body, context.now)
    with context.read() as connection:
        resource = handlers.resource_of(connection, wish.resource)
        handlers.check(context.own, oneself(context.principal), wish, resource, context.now)
        if body["repeat"]:
            dates = handlers.plan(connection, resource, wish, body["repeat"], days_off=body["days_off"])
        else:
            dates = [Date(day_of(wish.starts_at), wish.starts_at, wish.ends_at)]
            try:
                claiming.need_free(connection, resource, wish, context.now)
            except Taken as error:
                dates = [replace(dates[0], problem="taken", free=error.free, others=error.others)]
    return answer({"items": dates})


def _own(context: Context, found: Booking | None) -> Booking:
    context.check(where(found) if found else None)
    if found is None:
        raise Absent
    return found


def one(context: Context, booking_id: str) -> Answer:
    """One booking with its requests."""
    with context.read() as connection:
        found = _own(context, store.booking(connection, booking_id))
        resource = next(each for each in store.resources(connection) if each.number == found.resource)
        requests = [request_id for request_id, _ in store.tasks_of(connection, found.id)]
    return answer(seen_as(context, found, resource, requests), ETag=f'"{found.version}"')


def version_of(context: Context) -> int | None:
    """The version that the caller has seen (If-Match); None when it does not say.

    Raises:
        Malformed: it is no version of ours.
    """
    text = context.request.headers.get("If-Match", "").strip()
    if not text or text == "*":
        return None
    number = text.removeprefix("W/").strip('"')
    if not number.isdigit() or len(number) > 9:
        raise Malformed
    return int(number)


def move(context: Context, booking_id: str) -> Answer:
    """The booking has another time, resource or subject."""
    body = context.json()
    desk: Desk = context.own
    model.near(context.now, starts_at=body["starts_at"], ends_at=body["ends_at"])
    try:
        with context.work() as work:
            found = _own(context, handlers.wanted(work.connection, booking_id, version_of(context)))
            resource = next(each for each in store.resources(work.connection) if each.number == found.resource)
            start = body["starts_at"] or found.starts_at
            wish = Wish(
                resource=body["resource"] or resource.code, starts_at=start,
                ends_at=body["ends_at"] or start + (found.ends_at - found.starts_at),
                subject=found.subject if body["subject"] is None else body["subject"],
                headcount=found.headcount if body["headcount"] is None else body["headcount"],
                equipment=tuple(found.equipment.split()), details=found.details, level=found.level,
                layout=found.layout if body["layout"] is None else body["layout"],
            )  # fmt: skip
            done = handlers.move(work, desk, found, wish, scope=body["scope"], leave_conflicts=body["leave_conflicts"])
            known = {each.number: each for each in store.resources(work.connection)}
    except Taken as error:
        raise told(error) from None
    context.after_commit(desk.numbers.refill)
    return answer(
        {"items": [seen_as(context, each, known[each.resource]) for each in done]}, ETag=f'"{done[0].version}"'
    )


def cancel(context: Context, booking_id: str) -> Answer:
    """The booking is cancelled."""
    body = context.json()
    with context.work() as work:
        found = _own(context, handlers.wanted(work.connection, booking_id, version_of(context)))
        handlers.cancel(work, context.own, found, body["scope"], body["reason"])
    return nothing()


def check_in(context: Context, booking_id: str) -> Answer:
    """Somebody has come."""
    context.json()
    with context.work() as work:
        handlers.check_in(work, _own(context, handlers.wanted(work.connection, booking_id)))
    return nothing()


def end(context: Context, booking_id: str) -> Answer:
    """The room is empty before its time."""
    context.json()
    with context.work() as work:
        found = _own(context, handlers.wanted(work.connection, booking_id))
        handlers.need("end", found)
        handlers.end(work, context.own, found, "ended")
    return nothing()


def accept(context: Context, booking_id: str) -> Answer:
    """The offer is taken."""
    context.json()
    with context.work() as work:
        handlers.accept(work, context.own, _own(context, handlers.wanted(work.connection, booking_id)))
    return nothing()


def decide(context: Context, booking_id: str) -> Answer:
    """A booking that awaits approval may stand, or not."""
    body = context.json()
    with context.work() as work:
        found = _own(context, handlers.wanted(work.connection, booking_id))
        deciding.decide(work, context.own, found.id, context.principal, granted=body["granted"], words=body["reason"])
    return nothing()


def wait(context: Context) -> Answer:
    """The person waits for the time."""
    body = context.json()
    with context.work() as work:
        made = handlers.wait(work, context.own, oneself(context.principal), wish_of(body, context.now))
    return answer({**made.__dict__, "resource": body["resource"]}, 201)


def leave(context: Context, waiter_id: str) -> Answer:
    """The person waits no longer."""
    with context.work() as work:
        handlers.leave(work, waiter_id, context.principal.account)
    return nothing()


def list_feeds(context: Context) -> Answer:
    """The person's calendar addresses."""
    with context.read() as connection:
        found = store.feeds_of(connection, context.principal.account)
        codes = {each.number: each.code for each in store.resources(connection)}
    return answer(
        {"items": [{**each.__dict__, "resource": codes.get(each.resource, "")} for each in found], "next": ""}
    )


def make_feed(context: Context) -> Answer:
    """A new secret calendar address."""
    body = context.json()
    with context.work() as work:
        resource = handlers.resource_of(work.connection, body["resource"]) if body["resource"] else None
        made, secret = handlers.make_feed(work, context.principal.account, resource.number if resource else 0)
    return answer({"id": made.id, "path": context.url("feed", secret=secret)}, 201)


def revoke_feed(context: Context, feed_id: str) -> Answer:
    """The address shows nothing any more."""
    with context.work() as work:
        handlers.revoke_feed(work, context.principal.account, feed_id)
    return nothing()


def site_midnight(day: date) -> datetime:
    """When a day of the site begins; UTC."""
    return datetime.combine(day, datetime.min.time(), model.SITE.zone).astimezone(UTC)


ROUTES = (
    Route("GET", "/api/resources", "api_resources", list_resources, allow=access.LOOK, kind="api", accepts=KindQuery,
          summary="Rooms, vehicles and slots."),
    Route("GET", "/api/resources/free", "api_free", search, allow=access.ASK, kind="api", accepts=FreeQuery, summary="What is free."),
    Route("GET", "/api/bookings", "api_bookings", calendar, allow=access.ASK, kind="api", accepts=CalendarQuery, answers=(BookingOut,),
          summary="A calendar."),
    Route("POST", "/api/bookings", "api_book", make, allow=access.ASK, kind="api", accepts=BookingBody, answers=MadeOut, creates=True,
          status=201, limit=Limit(per_minute=120, burst=120), summary="Book a time, or a series."),
    Route("POST", "/api/bookings/preview", "api_book_preview", preview, allow=access.ASK, kind="api", accepts=BookingBody, answers=PlanOut,
          summary="What a series would meet."),
    Route("GET", "/api/bookings/<booking_id>", "api_booking", one, allow=access.BOOKINGS, kind="api", answers=BookingOut,
          summary="One booking."),
    Route("PATCH", "/api/bookings/<booking_id>", "api_move_booking", move, allow=access.ACT, kind="api", accepts=MoveBody, answers=MadeOut,
          summary="Move or change a booking; If-Match."),
    Route("POST", "/api/bookings/<booking_id>/cancel", "api_cancel_booking", cancel, allow=access.ACT, kind="api", accepts=Ending,
          creates=True, status=204, summary="Cancel a booking."),
    Route("POST", "/api/bookings/<booking_id>/check-in", "api_check_in", check_in, allow=access.ACT, kind="api", accepts=Nothing,
          creates=True, status=204, summary="Check in."),
    Route("POST", "/api/bookings/<booking_id>/end", "api_end_booking", end, allow=access.ACT, kind="api", accepts=Nothing, creates=True,
          status=204, summary="Leave before the end."),
    Route("POST", "/api/bookings/<booking_id>/accept", "api_accept_offer", accept, allow=access.ACT, kind="api", accepts=Nothing,
          creates=True, status=204, summary="Take a freed time that is offered."),
    Route("POST", "/api/bookings/<booking_id>/decision", "api_decide_booking", decide, allow=access.DECIDE, kind="api", accepts=Decision,
          creates=True, status=204, summary="Approve or refuse a booking."),
    Route("POST", "/api/waiting", "api_wait", wait, allow=access.ASK, kind="api", accepts=BookingBody, answers=WaiterOut, creates=True,
          status=201, summary="Wait for a time."),
    Route("DELETE", "/api/waiting/<waiter_id>", "api_leave", leave, allow=access.ASK, kind="api", status=204, summary="Wait no longer."),
    Route("GET", "/api/feeds", "api_feeds", list_feeds, allow=access.ASK, kind="api", answers=(FeedOut,), summary="Own calendar addresses."),
    Route("POST", "/api/feeds", "api_make_feed", make_feed, allow=access.ASK, kind="api", accepts=FeedBody, answers=MadeFeedOut,
          status=201, limit=Limit(per_minute=10, burst=10), summary="Make a calendar address."),
    Route("DELETE", "/api/feeds/<feed_id>", "api_revoke_feed", revoke_feed, allow=access.ASK, kind="api", status=204,
          summary="Revoke a calendar address."),
)  # fmt: skip
