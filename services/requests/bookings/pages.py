"""Pages of bookings: the calendars, one booking, my bookings, the secret calendar addresses."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, validate

from services.requests import access, forms
from services.requests import store as requests_store
from services.requests.bookings import api, handlers, ics, model, store
from services.requests.bookings.api import Ending, acts_of, layout_field, where
from services.requests.bookings.model import Taken, Wish
from services.requests.compound import LAYOUTS
from services.requests.handlers import deciding
from services.requests.model import day_of, digest, short
from services.requests.requester import oneself
from shared.clock import SITE_ZONE
from shared.errors import Absent, Invalid, Refused
from shared.language import language
from shared.web.answers import Answer, Said, file, page, see_other
from shared.web.intake import load, single
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Route
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from services.requests.bookings.model import Resource
    from services.requests.bookings.store import Booking
    from services.requests.desk import Desk
    from shared.web.context import Context

FIRST, HOURS = 7, 15  # what a day's lane shows: 7:00 to 22:00, in quarters
VIEWS = ("", "day", "week", "list")  # none asked for: the day's lanes, on a phone the list
LENGTHS = (30, 60, 90, 120, 180, 240, 480)  # minutes
LOOKING = timedelta(days=14)  # no holiday is longer
ADDRESS = {"room": "rooms", "vehicle": "vehicles", "slot": "slots"}
REPEATS = {
    "daily": "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "weekly": "FREQ=WEEKLY", "fortnightly": "FREQ=WEEKLY;INTERVAL=2", "monthly": "FREQ=MONTHLY",
}  # fmt: skip


class CalendarQuery(Schema):
    """Which day and view; a free resource searched for; what the form starts with."""

    day = fields.Date(load_default=None)
    view = fields.String(load_default="", validate=validate.OneOf(VIEWS))
    resource = Key(load_default="")
    at = fields.String(
        load_default="", validate=validate.Regexp(r"^([01]\d:[0-5]\d|2[0-3]:[0-5]\d)?$", error="field.date")
    )
    minutes = Whole(15, 4320, load_default=60)
    people = Whole(0, 100_000, load_default=0)
    equipment = Key(load_default="")
    layout = layout_field()
    find = fields.String(load_default="", validate=validate.OneOf(["", "1"]))
    starts_at = forms.SiteTime(load_default=None)
    ends_at = forms.SiteTime(load_default=None)


class BookForm(Schema):
    """The form below the calendar."""

    resource = Key(required=True)
    starts_at = forms.SiteTime(required=True)
    ends_at = forms.SiteTime(required=True)
    subject = Text(60, required=True)
    headcount = Whole(0, 100_000, load_default=0)
    equipment = fields.List(Key(), load_default=list, validate=validate.Length(max=30))
    details = Text(500, lines=True, load_default="")
    layout = layout_field()
    repeat = fields.String(load_default="", validate=validate.OneOf(["", *REPEATS]))
    until = fields.Date(load_default=None, allow_none=True)
    days_off = forms.Tick(load_default=False)
    wait = forms.Tick(load_default=False)


class MoveForm(Schema):
    """Another time or resource."""

    resource = Key(required=True)
    starts_at = forms.SiteTime(required=True)
    ends_at = forms.SiteTime(required=True)
    subject = Text(60, load_default="")
    layout = layout_field(None)
    scope = fields.String(load_default="this", validate=validate.OneOf(handlers.SCOPES))
    leave_conflicts = forms.Tick(load_default=False)
    version = Whole(1, load_default=0)


class DecisionForm(Schema):
    """May it stand?"""

    granted = fields.String(required=True, validate=validate.OneOf(["yes", "no"]))
    reason = Text(200, load_default="")


class FeedForm(Schema):
    """Whose calendar: one's own, or a resource's."""

    resource = Key(load_default="")


class Bare(Schema):
    """A form of one button."""


# ---- the calendar of a kind


def rooms(context: Context) -> Answer:
    """Meeting rooms."""
    return _calendar(context, "room", context.query())


def vehicles(context: Context) -> Answer:
    """Vehicles."""
    return _calendar(context, "vehicle", context.query())


def slots(context: Context) -> Answer:
    """Appointments."""
    return _calendar(context, "slot", context.query())


def _calendar(
    context: Context,
    kind: str,
    asked: dict[str, Any],
    *,
    given: dict[str, Any] | None = None,
    error: Refused | None = None,
    dates: list[model.Date] | None = None,
) -> Answer:
    model.near(context.now, starts_at=asked["starts_at"], ends_at=asked["ends_at"])
    day: date = asked["day"] or day_of(asked["starts_at"] or context.now)
    if abs(day - day_of(context.now)) > 2 * model.HORIZON:
        raise Invalid(fields={"day": ["requests.field.far"]})
    with context.read() as connection:
        known = [each for each in store.resources(connection, kind) if each.enabled]
        by_code = {each.code: each for each in known}
        chosen = by_code.get(asked["resource"]) or known[0] if known else None
        weekly = asked["view"] == "week" and chosen is not None
        days = [day - timedelta(days=day.weekday()) + timedelta(days=n) for n in range(7)] if weekly else [day]
        begin, end = api.site_midnight(days[0]), api.site_midnight(days[-1] + timedelta(days=1))
        shown = [chosen] if weekly and chosen else known
        found = store.between(connection, [each.number for each in shown], begin, end)
        waiting = store.count_waiting(connection, [each.number for each in shown], begin, end)
    lanes = [
        _lane(context, each, on, [one for one in found if one.resource == each.number], waiting.get(each.number, 0), weekly=weekly)
        for each in shown for on in days
    ]  # fmt: skip
    rules = model.kinds()[kind]
    minutes = min(max(asked["minutes"], rules.least), rules.most)
    begins = asked["starts_at"] or _begins(chosen, day, asked["at"], minutes, context.now)
    at = asked["at"] or begins.astimezone(SITE_ZONE).strftime("%H:%M")
    search = asked["find"] or asked["view"] == "list" or (not asked["view"] and not error and not asked["starts_at"])
    free = []
    if search:
        start = datetime.combine(day, time.fromisoformat(at), SITE_ZONE).astimezone(UTC)
        wanted = {"kind": kind, "starts_at": start, "minutes": minutes, "headcount": asked["people"],
                  "equipment": asked["equipment"], "layout": asked["layout"], "days": 1}  # fmt: skip
        length = timedelta(minutes=minutes)
        free = [
            {"resource": each, "starts_at": from_, "now": from_ == model.round_up(start, each.rules.step),
             "href": context.url(ADDRESS[kind], day=day.isoformat(), resource=each.code, starts_at=forms_time(from_),
                                 ends_at=forms_time(from_ + length), people=asked["people"] or None, layout=asked["layout"] or None) + "#book"}
            for each, from_ in api.free(context, wanted)
        ]  # fmt: skip
    given = given or {
        "resource": chosen.code if chosen else "", "starts_at": begins,
        "ends_at": asked["ends_at"] or begins + timedelta(minutes=minutes), "headcount": asked["people"],
        "layout": asked["layout"],
    }  # fmt: skip
    item = context.own.catalogue.get("meeting") if kind == "room" else None
    equipment = item.field("equipment") if item else None
    code = context.language.code
    return page(
        "requests/calendar.html",
        status=error.status if error else 200,
        kind=kind, address=ADDRESS[kind], view=asked["view"], day=day, days=days, lanes=lanes, chosen=chosen, weekly=weekly,
        hours=range(FIRST, FIRST + HOURS), resources=known, asked={**asked, "at": at, "minutes": minutes}, free=free, search=bool(search),
        lengths=[n for n in LENGTHS if rules.least <= n <= rules.most],
        before=day - timedelta(days=7 if weekly else 1), after=day + timedelta(days=7 if weekly else 1), today=day_of(context.now),
        given=given, errors=context.errors(error) if error and not isinstance(error, Taken) else {},
        taken=_taken(context, error, given, kind) if isinstance(error, Taken) else None, dates=dates or [],
        equipment_options=[(option.code, option.words.in_(code)) for option in equipment.options] if equipment else [],
        whats=_whats(context, known) if kind == "slot" else [], repeats=REPEATS, wall=forms_time, code=code,
        workday=model.SITE.days.is_workday(day), room_equipment=sorted({each for one in known for each in one.equipment}) if kind == "room" else [],
        layouts=LAYOUTS if kind == "room" else (), layouts_of=_layouts_of(context, known),
    )  # fmt: skip


def forms_time(value: Any) -> str:
    """An instant as a form field shows it."""
    try:
        return (
            value.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M") if hasattr(value, "astimezone") else str(value or "")
        )
    except OverflowError:  # the last hours of the year 9999
        return ""


def _begins(resource: Resource | None, day: date, at: str, minutes: int, now: datetime) -> datetime:
    """What the form begins with: the first start on ``day``, from ``at`` and from now on, that the hours allow."""
    asked = datetime.combine(day, time.fromisoformat(at or "00:00"), SITE_ZONE).astimezone(UTC)
    earliest = max(asked, model.round_up(now, 15))
    if resource is None:
        return earliest
    allowed = model.free_starts(resource, (), earliest, earliest + LOOKING, timedelta(minutes=minutes))
    return next(allowed, earliest)


def _layouts_of(context: Context, known: list[Resource]) -> dict[str, list[tuple[str, str]]]:
    """By the code of a room how it can be laid out, as options of a form: as it stands first."""
    words = context.language
    found = {}
    for each in known:
        options = [
            (code, words("booking.layout_seats", layout=words(f"booking.layout.{code}"), n=n))
            for code, n in each.layouts.items()
        ]
        if options:
            found[each.code] = [("", words("booking.as_it_stands_so", layout=options[0][1])), *options]
    return found


def _whats(context: Context, known: list[Resource]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for code in dict.fromkeys(each.item for each in known):
        item = context.own.catalogue.get(code)
        what = item.field("what") if item else None
        if what and item:
            found |= {
                option.code: f"{item.name.in_(context.language.code)} – {option.words.in_(context.language.code)}"
                for option in what.options
            }
    return list(found.items())


def _taken(context: Context, error: Taken, given: dict[str, Any], kind: str) -> dict[str, Any]:
    """What else can be had, as links that fill the form."""
    length = timedelta(hours=1)
    if hasattr(given.get("starts_at"), "astimezone") and hasattr(given.get("ends_at"), "astimezone"):
        length = given["ends_at"] - given["starts_at"]

    def link(resource: str, start: datetime) -> str:
        return context.url(ADDRESS[kind], resource=resource, starts_at=forms_time(start), ends_at=forms_time(start + length), layout=given.get("layout") or None) + "#book"  # fmt: skip

    with context.read() as connection:
        names = {each.code: each.name.in_(context.language.code) for each in store.resources(connection, kind)}
    return {
        "free": [(context.language.when(each, context.now), link(given["resource"], each)) for each in error.free],
        "others": [(names[each], link(each, given["starts_at"])) for each in error.others if each in names],
    }


def _lane(
    context: Context, resource: Resource, day: date, found: list[Booking], waiting: int, *, weekly: bool
) -> dict[str, Any]:
    begin = api.site_midnight(day) + timedelta(hours=FIRST)
    bars = []
    for each in found:
        bar = _bar(context, resource, each, begin)
        if bar:
            bars.append(bar)
    return {
        "resource": resource, "day": day, "bars": bars, "waiting": waiting,
        "name": context.language.day(day) if weekly else resource.name.in_(context.language.code),
        "off": weekly and not model.SITE.days.is_workday(day),
    }  # fmt: skip


def _bar(context: Context, resource: Resource, each: Booking, begin: datetime) -> dict[str, Any] | None:
    quarters = HOURS * 4

    def column(moment: datetime) -> int:
        return round((moment - begin) / timedelta(minutes=15))

    outer = (max(column(each.claimed_from), 0), min(column(each.claimed_until), quarters))
    inner = (max(column(each.starts_at), 0), min(column(each.ends_at), quarters))
    if outer[0] >= outer[1]:
        return None
    mine = context.principal.account in {each.account, each.made_by}
    words = context.language
    return {
        "outer": (outer[0] + 1, outer[1] - outer[0]),
        "inner": (inner[0] + 1, inner[1] - inner[0]) if inner[0] < inner[1] else None,
        "mine": mine,
        "tone": "plan" if each.state in {"pending", "offered"} else "move" if mine else "done",
        "words": (ics.subject(words, each, resource) if mine else words("booking.busy")),
        "title": words.span(each.starts_at, each.ends_at, context.now),
        "href": context.url("booking", booking_id=each.id) if mine else "",
        "id": each.id if mine else "", "version": each.version,
        "movable": mine and "move" in acts_of(each, context.now),
        "quarters": round((each.ends_at - each.starts_at) / timedelta(minutes=15)),
    }  # fmt: skip


def book(context: Context) -> Answer:
    """The time is claimed, or the calendar is shown again with what can be had instead."""
    desk: Desk = context.own
    posted = single(context.request.form, {"equipment"})
    choices = {
        name.removeprefix("on_"): str(posted.pop(name))
        for name in list(posted)
        if re.fullmatch(r"on_\d{4}-\d{2}-\d{2}", name)
    }
    for name in ("_csrf", "_key"):
        posted.pop(name, None)
    kind, form = "room", dict(posted)
    dates: list[model.Date] = []
    try:
        form = load(BookForm, {name: value for name, value in posted.items() if value not in ("", [])})
        wish = Wish(
            resource=form["resource"], starts_at=form["starts_at"], ends_at=form["ends_at"], subject=form["subject"],
            headcount=form["headcount"], equipment=tuple(dict.fromkeys(form["equipment"])), details=form["details"],
            layout=form["layout"],
        )  # fmt: skip
        model.near(context.now, starts_at=wish.starts_at, ends_at=wish.ends_at)
        person = oneself(context.principal)
        with context.work() as work:
            kind = handlers.resource_of(work.connection, wish.resource).kind
            if form["wait"]:
                handlers.wait(work, desk, person, wish)
                return see_other(context.url("my_bookings"), said=Said("booking.said.waiting"))
            if form["repeat"]:
                rule = rule_of(form, wish)
                made = handlers.book_series(
                    work, desk, person, wish, rule, chosen(wish, choices), days_off=form["days_off"]
                )
                context.after_commit(desk.numbers.refill)
                return see_other(context.url("my_bookings"), said=Said("booking.said.series", {"n": len(made)}))
            one_made = handlers.book(work, desk, person, wish)
    except (Invalid, Taken) as error:
        context.give_up()
        if isinstance(error, handlers.Conflicts):
            with context.read() as connection:
                dates = handlers.plan(
                    connection, handlers.resource_of(connection, wish.resource), wish, rule_of(form, wish), days_off=form["days_off"]
                )  # fmt: skip
        return _again(context, kind, form, error, dates)
    context.after_commit(desk.numbers.refill)
    said = "booking.said.asked" if one_made.state == "pending" else "booking.said.made"
    return see_other(context.url("booking", booking_id=one_made.id), said=Said(said))


def rule_of(form: dict[str, Any], wish: Wish) -> str:
    """The rule that the form's words mean.

    Raises:
        Invalid: it has no end.
    """
    if form["until"] is None:
        raise Invalid(fields={"until": ["field.required"]})
    rule = f"{REPEATS[form['repeat']]};UNTIL={form['until']:%Y%m%d}"
    if form["repeat"] == "monthly":
        rule += f";BYMONTHDAY={wish.starts_at.astimezone(SITE_ZONE).day}"
    return rule


def chosen(wish: Wish, choices: dict[str, str]) -> dict[date, Wish | None]:
    """By date what was chosen instead: ``skip``, ``at:<instant>``, ``in:<resource>``.

    Raises:
        Invalid: a choice cannot be read.
    """
    found: dict[date, Wish | None] = {}
    for day_text, text in choices.items():
        try:
            day = date.fromisoformat(day_text)
            what, _, value = text.partition(":")
            if what == "skip":
                found[day] = None
            elif what == "at":
                at = {
                    "on": day,
                    "skip": False,
                    "starts_at": datetime.fromisoformat(value).astimezone(UTC),
                    "resource": "",
                }
                found |= api.choices_of(wish, [at])
            elif what == "in":
                found |= api.choices_of(wish, [{"on": day, "skip": False, "starts_at": None, "resource": value[:64]}])
        except ValueError as error:
            raise Invalid(fields={"repeat": ["field.invalid"]}) from error
    return found


def _again(context: Context, kind: str, form: dict[str, Any], error: Refused, dates: list[model.Date]) -> Answer:
    start = form.get("starts_at")
    if not hasattr(start, "astimezone"):
        try:
            start = forms.SiteTime().deserialize(start)
        except ValidationError:  # what was typed is no time: today's calendar is shown
            start = None
    if start and abs(start - context.now) > model.HORIZON:
        start = None
    with context.read() as connection:
        found = store.resource_by_code(connection, str(form.get("resource") or ""))
    kind = found.kind if found else kind
    asked = {"day": day_of(start) if start else None, "view": "", "resource": found.code if found else "", "at": "", "minutes": 60,
             "people": 0, "equipment": "", "layout": "", "find": "", "starts_at": start, "ends_at": None}  # fmt: skip
    return _calendar(context, kind, asked, given=form, error=error, dates=dates)


# ---- my bookings


def mine(context: Context) -> Answer:
    """What I have booked, what I am offered, what I wait for, what awaits my approval, and my calendar addresses."""
    return _mine(context)


def _mine(context: Context, feed: str = "") -> Answer:
    account = context.principal.account
    decides = context.may("decide_booking")
    with context.read() as connection:
        known = {each.number: each for each in store.resources(connection)}
        found = store.of_account(connection, account, after=context.now)
        waiting = store.waiting_of(connection, account, context.now)
        feeds = store.feeds_of(connection, account)
        pending = store.pending(connection, context.principal.organisation) if decides else []
    rows = [_row(context, each, known[each.resource]) for each in found]
    return page(
        "requests/bookings.html",
        offered=[row for row in rows if row["booking"].state == "offered"],
        coming=[row for row in rows if row["booking"].state != "offered"],
        waiting=[(each, _subject(context, each.subject, known[each.resource]), known[each.resource].name.in_(context.language.code)) for each in waiting],
        pending=[_row(context, each, known[each.resource]) for each in pending],
        feeds=[(each, known[each.resource].name.in_(context.language.code) if each.resource else "") for each in feeds],
        resources=list(known.values()), feed=feed, code=context.language.code, addresses=ADDRESS,
    )  # fmt: skip


def _row(context: Context, found: Booking, resource: Resource) -> dict[str, Any]:
    words = context.language
    item = context.own.catalogue.get(resource.item)
    return {
        "booking": found, "resource": resource, "place": resource.name.in_(words.code), "subject": _subject(context, found.subject, resource),
        "mark": item.mark.in_(words.code) if item else "·", "when": words.span(found.starts_at, found.ends_at, context.now),
        "acts": acts_of(found, context.now), "who": found.name if words.chinese else found.name_en,
    }  # fmt: skip


def _subject(context: Context, said: str, resource: Resource) -> str:
    """What is booked, in words: an appointment keeps the code of what is done there."""
    item = context.own.catalogue.get(resource.item) if resource.kind == "slot" else None
    what = item.field("what") if item else None
    option = what.option(said) if what else None
    return option.words.in_(context.language.code) if option else said or resource.name.in_(context.language.code)


# ---- one booking


def one(context: Context, booking_id: str) -> Answer:
    """One booking: when, where, its requests, and what may be done."""
    return _one(context, booking_id)


def _one(context: Context, booking_id: str, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = store.booking(connection, booking_id)
        context.check(where(found) if found else None)
        if found is None:
            raise Absent
        known = store.resources(connection)
        resource = next(each for each in known if each.number == found.resource)
        tasks = [
            request for request_id, _ in store.tasks_of(connection, found.id)
            if (request := requests_store.request_by_id(connection, request_id))
        ]  # fmt: skip
    mine_ = context.principal.account in {found.account, found.made_by}
    row = _row(context, found, resource)
    if not mine_:
        row["acts"] = frozenset()
    code = context.language.code
    problem = context.language(error.key, **error.parameters) if error and not error.fields else ""
    return page(
        "requests/booking.html",
        status=error.status if error else 200,
        row=row, booking=found, resource=resource, mine=mine_, problem=problem, errors=context.errors(error) if error else {},
        tasks=[(request, short(request.reference), (item.name.in_(code) if (item := context.own.item_of(request)) else request.item)) for request in tasks],
        resources=[each for each in known if each.kind == resource.kind and each.item == resource.item and each.enabled],
        wall=forms_time, address=ADDRESS[resource.kind], code=code, layouts=LAYOUTS if resource.kind == "room" else (),
        layouts_of=_layouts_of(context, [each for each in known if each.kind == resource.kind and each.enabled]),
        given=context.posted if error else {},
        taken=_taken(context, error, {"resource": resource.code, "starts_at": found.starts_at, "ends_at": found.ends_at, "layout": found.layout}, resource.kind) if isinstance(error, Taken) and not isinstance(error, handlers.Conflicts) else None,
        conflicts=error.dates if isinstance(error, handlers.Conflicts) else (),
        decides=found.state == "pending" and context.may("decide_booking", where(found)),
    )  # fmt: skip


def _acted(context: Context, booking_id: str, act: Any, said: str) -> Answer:
    try:
        with context.work() as work:
            found = handlers.wanted(work.connection, booking_id)
            context.check(where(found))
            act(work, found)
    except (Invalid, Taken, model.NotInThisState, model.TooEarly) as error:
        context.give_up()
        return _one(context, booking_id, error)
    context.after_commit(context.own.numbers.refill)
    return see_other(context.url("booking", booking_id=booking_id), said=Said(said))


def move(context: Context, booking_id: str) -> Answer:
    """The booking has another time or resource."""
    try:
        form = context.form()
        model.near(context.now, starts_at=form["starts_at"], ends_at=form["ends_at"])
    except Invalid as error:
        return _one(context, booking_id, error)

    def act(work: Any, found: Booking) -> None:
        handlers.wanted(work.connection, booking_id, form["version"] or None)
        wish = Wish(
            resource=form["resource"], starts_at=form["starts_at"], ends_at=form["ends_at"], subject=form["subject"] or found.subject,
            headcount=found.headcount, equipment=tuple(found.equipment.split()), details=found.details, level=found.level,
            layout=found.layout if form["layout"] is None else form["layout"],
        )  # fmt: skip
        handlers.move(work, context.own, found, wish, scope=form["scope"], leave_conflicts=form["leave_conflicts"])

    return _acted(context, booking_id, act, "booking.said.moved")


def cancel(context: Context, booking_id: str) -> Answer:
    """The booking is cancelled."""
    form = context.form()
    return _acted(
        context, booking_id, lambda work, found: handlers.cancel(work, context.own, found, form["scope"], form["reason"]), "booking.said.cancelled"
    )  # fmt: skip


def check_in(context: Context, booking_id: str) -> Answer:
    """Somebody has come."""
    context.form()
    return _acted(context, booking_id, handlers.check_in, "booking.said.checked_in")


def end(context: Context, booking_id: str) -> Answer:
    """The room is empty before its time."""
    context.form()

    def act(work: Any, found: Booking) -> None:
        handlers.need("end", found)
        handlers.end(work, context.own, found, "ended")

    return _acted(context, booking_id, act, "booking.said.ended")


def accept(context: Context, booking_id: str) -> Answer:
    """The offer is taken."""
    context.form()
    return _acted(
        context, booking_id, lambda work, found: handlers.accept(work, context.own, found), "booking.said.made"
    )


def decide(context: Context, booking_id: str) -> Answer:
    """The booking may stand, or not."""
    form = context.form()
    return _acted(
        context, booking_id,
        lambda work, found: deciding.decide(work, context.own, found.id, context.principal, granted=form["granted"] == "yes", words=form["reason"]),
        "booking.said.decided",
    )  # fmt: skip


def leave(context: Context, waiter_id: str) -> Answer:
    """I wait no longer."""
    context.form()
    with context.work() as work:
        handlers.leave(work, waiter_id, context.principal.account)
    return see_other(context.url("my_bookings"))


# ---- calendar addresses


def make_feed(context: Context) -> Answer:
    """A new secret calendar address, shown this once."""
    wanted = context.form()["resource"]
    with context.work() as work:
        resource = handlers.resource_of(work.connection, wanted) if wanted else None
        _, secret = handlers.make_feed(work, context.principal.account, resource.number if resource else 0)
    return _mine(context, context.application.public_url + context.url("feed", secret=secret))


def revoke_feed(context: Context, feed_id: str) -> Answer:
    """The address shows nothing any more."""
    context.form()
    with context.work() as work:
        handlers.revoke_feed(work, context.principal.account, feed_id)
    return see_other(context.url("my_bookings"))


def feed(context: Context, secret: str) -> Answer:
    """A calendar for programs that subscribe; whoever knows the address may read it."""
    with context.read() as connection:
        found = store.feed_by_secret(connection, digest(secret))
        account = requests_store.account_by_id(connection, found.account) if found else None
        if found is None or found.revoked_at is not None or account is None or not account.may_sign_in(context.now):
            raise Absent
        known = {each.number: each for each in store.resources(connection)}
        since = context.now - timedelta(days=30)
        if found.resource:
            bookings = store.between(connection, [found.resource], since, context.now + model.HORIZON, states=("pending", "booked", "in_use", "ended"))  # fmt: skip
            name = known[found.resource].name.in_(context.language.code)
        else:
            bookings = store.of_account(
                connection,
                found.account,
                after=since,
                states=("offered", "pending", "booked", "in_use", "ended"),
                limit=2000,
            )
            name = account.name
    words = language("zh-Hans") if context.language.chinese else language("en")
    host = urlsplit(context.application.public_url).hostname or "houqin"
    body = ics.calendar(
        words, name, [(each, known[each.resource]) for each in bookings], host=host, private=not found.resource
    )
    return file(body, ics.CONTENT_TYPE, "houqin.ics")


ROUTES = (
    Route("GET", "/rooms", "rooms", rooms, allow=access.ASK, accepts=CalendarQuery, summary="Meeting rooms.", sample={}),
    Route("GET", "/vehicles", "vehicles", vehicles, allow=access.ASK, accepts=CalendarQuery, summary="Vehicles.", sample={}),
    Route("GET", "/slots", "slots", slots, allow=access.ASK, accepts=CalendarQuery, summary="Appointments.", sample={}),
    Route("GET", "/bookings", "my_bookings", mine, allow=access.ASK, summary="My bookings.", sample={}),
    Route("POST", "/bookings", "book", book, allow=access.ASK, creates=True, limit=Limit(per_minute=120, burst=120), summary="Book."),
    Route("GET", "/bookings/<booking_id>", "booking", one, allow=access.BOOKINGS, summary="One booking."),
    Route("POST", "/bookings/<booking_id>/move", "move_booking", move, allow=access.ACT, accepts=MoveForm, summary="Move a booking."),
    Route("POST", "/bookings/<booking_id>/cancel", "cancel_booking", cancel, allow=access.ACT, accepts=Ending, summary="Cancel a booking."),
    Route("POST", "/bookings/<booking_id>/check-in", "check_in", check_in, allow=access.ACT, accepts=Bare, summary="Check in."),
    Route("POST", "/bookings/<booking_id>/end", "end_booking", end, allow=access.ACT, accepts=Bare, summary="Leave before the end."),
    Route("POST", "/bookings/<booking_id>/accept", "accept_offer", accept, allow=access.ACT, accepts=Bare, summary="Take a freed time."),
    Route("POST", "/bookings/<booking_id>/decision", "decide_booking", decide, allow=access.DECIDE, accepts=DecisionForm,
          summary="Approve or refuse a booking."),
    Route("POST", "/waiting/<waiter_id>/leave", "leave", leave, allow=access.ASK, accepts=Bare, summary="Wait no longer."),
    Route("POST", "/feeds", "make_feed", make_feed, allow=access.ASK, accepts=FeedForm, limit=Limit(per_minute=10, burst=10),
          summary="Make a calendar address."),
    Route("POST", "/feeds/<feed_id>/revoke", "revoke_feed", revoke_feed, allow=access.ASK, accepts=Bare, summary="Revoke a calendar address."),
    Route("GET", "/feeds/<secret>.ics", "feed", feed, allow=PUBLIC, kind="file", limit=Limit(per_minute=60, burst=60, peers=10),
          summary="A calendar for programs that subscribe."),
)  # fmt: skip
