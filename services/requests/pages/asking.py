"""Pages of whoever asks for something: home, the form of an item, my requests, one request."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, api, forms, hours, model, quotas, store
from services.requests.bookings.model import Taken
from services.requests.handlers import filing, following
from services.requests.requester import oneself
from shared.clock import SITE_ZONE, from_text, to_text
from shared.errors import Absent, Invalid, Refused
from shared.web.answers import Answer, events, page, see_other
from shared.web.intake import Said, single
from shared.web.routes import Route
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.requests.catalogue import Field, Item
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.store import Happening, KnownOrder, Request
    from shared.web.context import Context

PAGE = 40
VIEWS: dict[str, tuple[str, ...]] = {
    "all": (),
    "waiting": ("to_confirm",),
    "open": model.OPEN_STATES,
    "ended": model.ENDED_STATES,
}
SOON = 0.75  # share of a promise's time after which it is shown as soon


class MineQuery(Schema):
    """Which of my requests."""

    view = fields.String(load_default="all", validate=validate.OneOf(list(VIEWS)))
    cursor = fields.String(load_default="", validate=validate.Length(max=400))


class FormQuery(Schema):
    """What a link to a form may fill in already: the place of a door label, what was said elsewhere."""

    place = Key(load_default="")
    level = Key(load_default="")
    what = Key(load_default="")


class Listening(Schema):
    """Where a stream goes on."""

    last = Text(20, load_default="")


class ConfirmForm(Schema):
    """Stars, words and tags."""

    stars = Whole(0, 5, load_default=0)
    tags = fields.List(fields.String(validate=validate.OneOf(model.TAGS)), load_default=list)
    words = Text(500, lines=True, load_default="")


class ReopenForm(Schema):
    """What is still wrong."""

    words = Text(500, lines=True, load_default="")


class WithdrawForm(Schema):
    """Why it is not wanted."""

    reason = fields.String(load_default="not_needed", validate=validate.OneOf(model.WITHDRAWAL_REASONS))


class Bare(Schema):
    """A form of one button."""


# ---- what templates show of a request


@dataclass(frozen=True)
class Row:
    """A request as one line shows it."""

    request: Request
    title: str
    mark: str
    place: str
    promise: str  # running, soon, breached, kept; empty = nothing to show
    crew: str


def row_of(context: Context, request: Request, places: dict[str, Place]) -> Row:
    """A request in the reader's words."""
    code = context.language.code
    item = context.own.catalogue.get(request.item)
    place = places.get(request.place)
    return Row(
        request=request,
        title=item.summarise(spoken(item, request), code) if item else request.summary,
        mark=item.mark.in_(code) if item else "·",
        place=place.name.in_(code) if place else request.place,
        promise=promise_of(request.due_at, request.filed_at, context.now) if request.state in model.OPEN_STATES else "",
        crew=request.crew_name if context.language.chinese else request.crew_name_en,
    )


def spoken(item: Item, request: Request) -> dict[str, Any]:
    """The answers together with the numbers that the summary may name."""
    numbers = {
        name: getattr(request, name)
        for name in ("headcount", "quantity")
        if item.field(name) and getattr(request, name)
    }
    return {**request.answers, **numbers}


def promise_of(due: datetime | None, started: datetime, now: datetime) -> str:
    """How a promise that is not kept yet stands."""
    if due is None:
        return ""
    if now > due:
        return "breached"
    whole = (due - started).total_seconds()
    return "soon" if whole > 0 and (now - started).total_seconds() / whole > SOON else "running"


# ---- home


def home(context: Context) -> Answer:
    """The question, the twelve items, and what waits for me."""
    desk: Desk = context.own
    person = context.principal
    mine = store.Seen(account=person.account)
    with context.read() as connection:
        places = desk.places(connection)
        waiting = store.list_requests(connection, mine, states=("to_confirm",), limit=3)
        under_way = store.list_requests(connection, mine, states=model.OPEN_STATES, limit=4)
        counts = store.count_own(connection, person.account)
        favourites = store.most_asked(connection, person.account)
    first = [item for code in favourites if (item := desk.catalogue.get(code))]
    items = [*first, *(item for item in desk.catalogue if item not in first)]
    code = context.language.code
    return page(
        "requests/home.html",
        items=[
            {
                "code": item.code, "mark": item.mark.in_(code), "name": item.name.in_(code), "pledge": item.pledge.in_(code),
                "refused": item.may_ask(person.roles, person.department),
            }
            for item in items
        ],
        workday=hours.is_workday(model.day_of(context.now)),
        waiting=[row_of(context, request, places) for request in waiting],
        under_way=[row_of(context, request, places) for request in under_way],
        waiting_count=counts.get("to_confirm", 0),
        count=sum(counts.values()),
        emergency=desk.emergency,
    )  # fmt: skip


# ---- the form of an item


def show_form(context: Context, code: str) -> Answer:
    """The form of an item with what is known already."""
    item = _item(context, code)
    asked = context.query()
    given: dict[str, Any] = {"place": asked["place"], "level": asked["level"]}
    if asked["what"] and item.field("what"):
        given["what"] = asked["what"]
    return _form_page(context, item, given)


def _item(context: Context, code: str) -> Item:
    desk: Desk = context.own
    item = desk.catalogue.get(code)
    if item is None:
        raise Absent
    return item


def file_form(context: Context, code: str) -> Answer:
    """The request is filed and its page follows; or the form is shown again with what needs changing."""
    item = _item(context, code)
    desk: Desk = context.own
    posted = single(context.request.form, forms.list_fields(item))
    for name in ("_csrf", "_key"):
        posted.pop(name, None)
    user = str(posted.pop("on_behalf_of", "")).strip()[:64]
    words, pick = str(posted.pop("place_words", "")).strip(), posted.pop("place_pick", "")
    if pick:
        return _form_page(context, item, {**posted, "place": pick})
    if words and len(words) <= 60:
        with context.read() as connection:
            found = api.find_places(desk.places(connection), words, item, 2)
        if not found:
            return _form_page(
                context, item, {**posted, "place": ""}, Invalid(fields={"place": ["requests.field.place_words"]})
            )
        posted["place"] = found[0].code
    try:
        wanted = forms.from_form(item, posted)
        with context.work() as work:
            requester, filed_by = filing.on_behalf(work, context.principal, user)
            filed = filing.file_request(
                work, desk, requester, wanted, "phone" if filed_by else "form", filed_by=filed_by
            )
    except (Invalid, Taken) as error:
        context.held.close()
        if isinstance(error, Taken):
            fault = Said(
                "booking.field.taken",
                free=context.language.listed([context.language.when(each, context.now) for each in error.free]),
            )
            error = Invalid(fields={"starts_at": [fault]})
        return _form_page(context, item, posted, error)
    context.after_commit(desk.numbers.refill)
    return see_other(context.url("request", reference=model.short(filed.reference), filed=1))


def _form_page(context: Context, item: Item, given: dict[str, Any], error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    person, code = context.principal, context.language.code
    with context.read() as connection:
        places = desk.places(connection)
        account = store.account_by_id(connection, person.account)
        rule = quotas.of_item(desk, connection, item.code, oneself(person))
        standing = quotas.standing(connection, rule, oneself(person), context.now) if rule else None
        recent = [places[each] for each in store.last_places(connection, person.account) if each in places]
    office = places.get(account.office) if account else None
    chosen = places.get(str(given.get("place") or "")) or (
        places.get(item.places[0]) if item.place == "fixed" else None
    )
    if chosen is None and error is None and office and model.place_fits(item, office.kind, office.code):
        chosen = office
    recent = [each for each in recent if model.place_fits(item, each.kind, each.code) and each is not chosen]
    return page(
        "requests/form.html",
        status=error.status if error else 200,
        item=item,
        code=code,
        refused=item.may_ask(person.roles, person.department),
        given=given,
        errors=context.errors(error) if error else {},
        labels={**{each.name: each.label.in_(code) for each in item.fields}, **{name: context.language(f"requests.form.{name}") for name in ("place", "level", "priority", "contact")}},
        chosen=_picked(context, chosen, office),
        recent=[{"id": each.code, "words": each.name.in_(code)} for each in recent[:3]],
        contact=given.get("contact", account.phone if account else ""),
        priority=int(given["priority"]) if str(given.get("priority", "")).isdigit() else item.usual,
        promises=promises_shown(item, context.now),
        standing=standing,
        for_others=bool(filing.ON_BEHALF & set(person.roles)),
        on_behalf_of=context.request.form.get("on_behalf_of", "")[:64],
        earliest=context.now.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M"),
        wall=wall,
    )  # fmt: skip


def wall(value: Any) -> str:
    """An instant as a form field shows it: the site's wall clock."""
    return value.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M") if hasattr(value, "astimezone") else str(value or "")


def _picked(context: Context, place: Place | None, office: Place | None) -> dict[str, str] | None:
    if place is None:
        return None
    note = context.language("requests.form.your_office") if place is office else api.place_note(context, place)
    return {"id": place.code, "words": place.name.in_(context.language.code), "note": note}


def promises_shown(item: Item, now: datetime) -> list[tuple[int, list[tuple[str, datetime]]]]:
    """By priority the clock times that would be promised now, in the order in which they fall due."""
    return [(by, list(hours.promised(item.times(by), now).items())) for by in item.priorities]


# ---- my requests


def mine(context: Context) -> Answer:
    """My requests: what waits for me, what is under way, what is done by month."""
    asked = context.query()
    desk: Desk = context.own
    cursors = context.application.cursors
    key = cursors.read("mine", asked["cursor"])
    place = desk.hub.place()
    who = store.Seen(account=context.principal.account)
    with context.read() as connection:
        places = desk.places(connection)
        counts = store.count_own(connection, context.principal.account)
        found = store.list_requests(
            connection,
            who,
            states=VIEWS[asked["view"]],
            limit=PAGE + 1,
            after=(from_text(key[0]), key[1]) if key else None,
        )
    shown = found[:PAGE]
    rows = [row_of(context, request, places) for request in shown]
    last = shown[-1] if len(found) > PAGE else None
    totals = {
        view: sum(counts.get(state, 0) for state in states) if states else sum(counts.values())
        for view, states in VIEWS.items()
    }
    return page(
        "requests/mine.html",
        view=asked["view"],
        place=place,
        totals=totals,
        groups=_groups(rows),
        shown=len(shown),
        onward=context.url("mine", view=asked["view"], cursor=cursors.write("mine", to_text(last.filed_at), last.id))
        if last
        else "",
        first=context.url("mine", view=asked["view"]) if key else "",
    )


def follow(context: Context) -> Answer:
    """What changes on requests of mine, as it happens."""
    context.query()
    desk: Desk = context.own
    return events(desk.hub.stream(context, [f"account:{context.principal.account}"]))


def _groups(rows: list[Row]) -> list[dict[str, Any]]:
    """Waiting for me, under way, and what has ended by month."""
    waiting = [row for row in rows if row.request.state == "to_confirm"]
    under_way = [row for row in rows if row.request.state in model.OPEN_STATES]
    ended = [row for row in rows if row.request.state in model.ENDED_STATES]
    found: list[dict[str, Any]] = []
    if waiting:
        found.append({"key": "waiting", "rows": waiting, "month": None})
    if under_way:
        found.append({"key": "open", "rows": under_way, "month": None})
    for month, inside in groupby(ended, key=lambda row: model.day_of(row.request.filed_at).strftime("%Y-%m")):
        year, number = month.split("-")
        found.append({"key": "ended", "rows": list(inside), "month": (int(year), int(number))})
    return found


# ---- one request


class RequestQuery(Schema):
    """Whether it has just been filed."""

    filed = fields.String(load_default="", validate=validate.OneOf(["", "1"]))


def one(context: Context, reference: str) -> Answer:
    """One request: how it stands, what happened, what may be done."""
    return _one_page(context, reference, filed=bool(context.query()["filed"]))


def _one_page(context: Context, reference: str, *, filed: bool = False, error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    place = desk.hub.place()
    with context.read() as connection:
        request = api.wanted(context, connection, reference)
        places = desk.places(connection)
        departments = desk.departments(connection)
        timeline = store.happenings(connection, request.id)
        orders = store.orders(connection, request.id)
        usage = store.usage_of(connection, request.id)
    code = context.language.code
    mine_ = context.principal.account in {request.requester, request.filed_by}
    order = max(
        (each for each in orders.values() if (each.round or request.round) == request.round),
        key=lambda each: (each.sequence, each.order_id), default=None,
    )  # fmt: skip
    department = departments.get(request.department)
    return page(
        "requests/request.html",
        status=error.status if error else 200,
        place=place,
        row=row_of(context, request, places),
        request=request,
        item=desk.catalogue.get(request.item),
        order=order,
        mine=mine_,
        acts=model.ACTS.get(request.state, frozenset()) if mine_ else frozenset(),
        facts=facts_of(context, request, places, department.name.in_(code) if department else ""),
        timeline=[_line(context, each, request) for each in timeline],
        promises=standing(request, order, context.now),
        chain=chain_of(context, request, order, usage),
        code=model.tracking_code(desk.secret, request.id) if mine_ else "",
        filed=filed and mine_,
        problem=context.language(error.key, **error.parameters) if error else "",
        errors=context.errors(error) if error else {},
        tags=model.TAGS,
        reasons=model.WITHDRAWAL_REASONS,
        short=model.short(request.reference),
    )


def facts_of(context: Context, request: Request, places: dict[str, Place], department: str) -> list[tuple[str, str]]:
    """What was asked for, as label and words, in the order of the form."""
    words, code = context.language, context.language.code
    item = context.own.catalogue.get(request.item)
    place = places.get(request.place)
    found = [(words("requests.form.place"), place.name.in_(code) if place else request.place)]
    if item:
        level = item.level(request.level)
        if level:
            found.append((words("requests.form.level"), level.name.in_(code)))
        found += [
            (each.label.in_(code), text) for each in item.fields if (text := _answer(context, item, each, request))
        ]
    found.append((words("requests.form.priority"), words(f"requests.priority.{request.priority}")))
    mine_ = context.principal.account in {request.requester, request.filed_by}
    if request.contact:
        found.append((words("requests.form.contact"), request.contact if mine_ else api.masked(request.contact)))
    found.append(
        (
            words("requests.page.by"),
            request.requester_name if words.chinese else request.requester_name_en or request.requester_name,
        )
    )
    if department:
        found.append((words("requests.page.department"), department))
    return found


def _answer(context: Context, item: Item, each: Field, request: Request) -> str:
    if each.name in {"starts_at", "ends_at"}:
        moment = getattr(request, each.name)
        return context.language.when(moment, context.now) if moment else ""
    value = getattr(request, each.name) if each.name in {"headcount", "quantity"} else request.answers.get(each.name)
    if each.type == "moment":
        return context.language.when(from_text(value), context.now) if value else ""
    return item.said(each, value or "", context.language.code)


def _line(context: Context, each: Happening, request: Request) -> dict[str, Any]:
    words = context.language
    who = each.who if words.chinese else each.who_en or each.who
    key = f"requests.happened.{each.what}"
    text = words(f"{key}_by", who=who) if who and words.has(f"{key}_by") else words(key)
    note = ""
    if each.what == "confirmed" and each.detail:
        note = "★" * int(each.detail)
    elif each.what == "reopened":
        note = each.detail
    elif each.what == "breached":
        note = words(f"requests.promise.{each.detail}") if words.has(f"requests.promise.{each.detail}") else ""
    elif each.detail and words.has(f"requests.reason.{each.detail}"):
        note = words(f"requests.reason.{each.detail}")
    return {"at": each.at, "words": text, "note": note, "id": "", "seal": None}


def standing(request: Request, order: KnownOrder | None, now: datetime) -> list[dict[str, Any]]:
    """The promises of the current order and how each stands."""
    if order is None:
        return []
    broken = order.breached.split()
    found = []
    for name, due, kept_at in (
        ("response", order.response_due_at, order.responded_at),
        ("arrival", order.arrival_due_at, order.arrived_at),
        ("finish", order.finish_due_at, order.finished_at),
    ):
        if due is None:
            continue
        started = order.opened_at or request.filed_at
        if kept_at is not None:
            key = "breached" if kept_at > due or name in broken else "kept"
        elif request.state in {"withdrawn", "refused"} or request.state == "paused":
            key = "stopped"
        else:
            key = promise_of(due, started, now)
        found.append({"name": name, "key": key, "due": due, "started": started, "kept_at": kept_at})
    return found


def chain_of(
    context: Context, request: Request, order: KnownOrder | None, usage: Sequence[store.Usage] = ()
) -> list[dict[str, str]]:
    """Where the request stands in the chain; steps of other services link there."""
    words = context.language
    done = request.state in {"to_confirm", "closed"}
    standard = words("requests.page.version", n=request.item_version)
    measured = words.listed(
        [
            f"{fact.quantity} {words(f'requests.meter.{fact.meter}')}"
            if words.has(f"requests.meter.{fact.meter}")
            else f"{fact.quantity} {fact.unit}"
            for fact in usage
        ]
    )
    steps = (
        (
            "standard",
            standard,
            True,
            context.url("form", code=request.item) if context.own.catalogue.get(request.item) else "",
        ),
        ("request", model.short(request.reference), True, ""),
        ("order", model.short(order.reference) if order else "", order is not None, ""),
        ("evidence", words("requests.page.finished") if done else "", done, ""),
        ("usage", measured, bool(usage), ""),
        ("statement", "", False, ""),
    )
    return [
        {
            "key": key,
            "value": value,
            "step": "here" if key == "request" else "sealed" if there else "ahead",
            "href": href,
        }
        for key, value, there, href in steps
    ]


# ---- what the requester does


def withdraw(context: Context, reference: str) -> Answer:
    """The request is withdrawn."""
    reason = context.form()["reason"]
    return _acted(context, reference, lambda work, request: following.withdraw(work, request, api.who(context), reason))


def confirm(context: Context, reference: str) -> Answer:
    """The work is accepted, perhaps with stars."""
    form = context.form()
    return _acted(
        context, reference,
        lambda work, request: following.confirm(work, request, api.who(context), form["stars"], tuple(dict.fromkeys(form["tags"])), form["words"]),
    )  # fmt: skip


def reopen(context: Context, reference: str) -> Answer:
    """The work starts again."""
    words = context.form()["words"]
    return _acted(context, reference, lambda work, request: following.reopen(work, request, api.who(context), words))


def urge(context: Context, reference: str) -> Answer:
    """The crew hears that it is waited for."""
    context.form()
    return _acted(context, reference, lambda work, request: following.urge(work, request, api.who(context)))


def _acted(context: Context, reference: str, act: Any) -> Answer:
    try:
        with context.work() as work:
            act(work, api.wanted(context, work.connection, reference, lock=True))
    except (model.NotInThisState, model.UrgedJustNow) as error:
        return _one_page(context, reference, error=error)
    return see_other(context.url("request", reference=reference))


ROUTES = (
    Route("GET", "/", "home", home, allow=access.ASK, summary="What do you need today?", sample={}),
    Route("GET", "/new/<code>", "form", show_form, allow=access.ASK, accepts=FormQuery, summary="The form of an item.",
          sample={"code": "repair"}),
    Route("POST", "/new/<code>", "file_form", file_form, allow=access.ASK, creates=True, summary="File a request."),
    Route("GET", "/live", "live", follow, allow=access.ASK, kind="events", accepts=Listening, summary="What changes on my requests."),
    Route("GET", "/mine", "mine", mine, allow=access.ASK, accepts=MineQuery, summary="My requests.", sample={}),
    Route("GET", "/<reference>", "request", one, allow=access.READ, accepts=RequestQuery, summary="One request."),
    Route("POST", "/<reference>/withdraw", "withdraw", withdraw, allow=access.ACT, accepts=WithdrawForm, summary="Withdraw."),
    Route("POST", "/<reference>/confirm", "confirm", confirm, allow=access.ACT, accepts=ConfirmForm, summary="Accept and rate."),
    Route("POST", "/<reference>/reopen", "reopen", reopen, allow=access.ACT, accepts=ReopenForm, summary="Not mended."),
    Route("POST", "/<reference>/urge", "urge", urge, allow=access.ACT, accepts=Bare, summary="Ask for haste."),
)  # fmt: skip
