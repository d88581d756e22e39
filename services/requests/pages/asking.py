"""Pages of whoever asks for something: home, and the form of an item."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from marshmallow import Schema

from services.requests import (
    access,
    api,
    following_api,
    forms,
    hours,
    lists,
    model,
    pictures,
    preferences,
    quotas,
    store,
)
from services.requests.bookings.model import Taken
from services.requests.handlers import filing, joining
from services.requests.pages.rows import row_of
from services.requests.requester import oneself
from services.requests.standing import may_need_reason
from shared.apart import apart
from shared.clock import SITE_ZONE
from shared.errors import Absent, Invalid, Refused
from shared.photos import Drawn, drawn
from shared.web.answers import Answer, page, see_other
from shared.web.answers import Said as Done
from shared.web.intake import Said, single
from shared.web.routes import Route
from shared.web.schemas import Key
from shared.work import work as work_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.requests.catalogue import Item
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.store import Request
    from shared.web.context import Context


MOST_SENT = 26_000_000  # bytes: six photos as telephones make them


class FormQuery(Schema):
    """What a link to a form may fill in already: the place of a door label, what was said elsewhere."""

    place = Key(load_default="")
    level = Key(load_default="")
    what = Key(load_default="")
    asset = Key(load_default="")


# ---- home


def home(context: Context) -> Answer:
    """The question, the twelve items, and what waits for me."""
    desk: Desk = context.own
    person = context.principal
    mine = store.Seen(account=person.account)
    with context.read() as connection:
        places = desk.places(connection)
        waiting = lists.list_requests(connection, mine, states=("to_confirm",), limit=3)
        under_way = lists.list_requests(connection, mine, states=model.OPEN_STATES, limit=4)
        counts = lists.count_own(connection, person.account, {"waiting": ("to_confirm",), "all": ()})
        favourites = store.most_asked(connection, person.account)
    first = [item for code in favourites if (item := desk.catalogue.get(code))]
    items = [*first, *(item for item in desk.catalogue if item not in first)]
    code = context.language.code
    return page(
        "requests/home.html",
        key=secrets.token_hex(16),
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
        waiting_count=lists.counted(counts["waiting"]),
        count=lists.counted(counts["all"]),
        emergency=desk.emergency,
    )  # fmt: skip


# ---- the form of an item


def show_form(context: Context, code: str) -> Answer:
    """The form of an item with what is known already: from the address, else as the person likes it."""
    item = _item(context, code)
    asked = context.query()
    with context.read() as connection:
        liked = preferences.of(connection, context.principal.account, item)
    given: dict[str, Any] = {**liked, **{name: asked[name] for name in ("place", "level", "asset") if asked[name]}}
    if asked["what"] and item.field("what"):
        given["what"] = asked["what"]
    return _form_page(context, item, given, liked=bool(liked))


def _item(context: Context, code: str) -> Item:
    desk: Desk = context.own
    item = desk.catalogue.get(code)
    if item is None:
        raise Absent
    return item


LISTS = ("kept", "drop")  # photos that wait: those of the form, and those not wanted after all


def file_form(context: Context, code: str) -> Answer:
    """The request is filed and its page follows; or the form is shown again with what needs changing.

    Photos of a form that is refused wait for it, so that nobody sends them twice.
    """
    item = _item(context, code)
    desk: Desk = context.own
    posted = single(context.request.form, {*forms.list_fields(item), *LISTS})
    for name in ("_csrf", "_key"):
        posted.pop(name, None)
    dropped = posted.pop("drop", [])
    kept = [each for each in posted.pop("kept", []) if each not in dropped]
    anyway, token = bool(posted.pop("anyway", "")), str(posted.pop("join", ""))
    remember = bool(posted.pop("remember", ""))
    user = str(posted.pop("on_behalf_of", "")).strip()[:64]
    words, pick = str(posted.pop("place_words", "")).strip(), posted.pop("place_pick", "")
    if token:
        with context.work() as work:
            request = following_api.joined(context, work, token)
            pictures.drop(work, context.principal.account, kept)
        target = context.url("request", reference=model.short(request.reference))
        return see_other(target, said=Done("following.said.joined"))
    drawings: list[Drawn] = []
    try:
        drawings = [apart(drawn, body) for body in following_api.sent(context)]
        if pick:
            return _form_page(context, item, {**posted, "place": pick}, kept=_keep(context, drawings, kept, dropped))
        if words and len(words) <= 60:
            with context.read() as connection:
                found = api.find_places(desk.places(connection), words, item, 2)
            if not found:
                posted["place"] = ""
                raise Invalid(fields={"place": ["requests.field.place_words"]})
            posted["place"] = found[0].code
        wanted = forms.from_form(item, posted)
        with context.work() as work:
            requester, filed_by = filing.on_behalf(work, context.principal, user)
            if filed_by and wanted.contact == store.phone_of(work.connection, context.principal.account):
                wanted = replace(wanted, contact="")  # the form began with the desk's own
            if not anyway:
                joining.need_none(
                    work.connection, item, wanted, lambda request: api.alike_out(context, request, requester)
                )
            pictures.drop(work, context.principal.account, dropped)
            sent = [pictures.put(work, context.principal.account, each).id for each in drawings]
            filed = filing.file_request(
                work, desk, requester, wanted, "phone" if filed_by else "form", filed_by=filed_by,
                same_open="anyway" if anyway else "refuse", photos=(*kept, *sent),
            )  # fmt: skip
            if remember:
                preferences.save(work, context.principal.account, item, wanted)
    except (Invalid, Taken, model.Alike) as error:
        context.give_up()
        if isinstance(error, Taken):
            fault = Said(
                "booking.field.taken",
                free=context.language.listed([context.language.when(each, context.now) for each in error.free]),
            )
            error = Invalid(fields={"starts_at": [fault]})
        kept = _keep(context, drawings, kept, dropped)
        return _form_page(context, item, posted, error, kept=kept, remember=remember)
    context.after_commit(desk.numbers.refill)
    return see_other(context.url("request", reference=model.short(filed.reference), filed=1))


def _keep(context: Context, drawings: list[Drawn], kept: list[str], dropped: list[str]) -> list[str]:
    """The ids of photos that wait for the form, those that came with it among them; written whatever becomes of the form."""
    if not drawings and not dropped:
        return kept
    application, account = context.application, context.principal.account
    with work_of(application.service, application.database, application.clock, actor=context.principal.actor) as work:
        pictures.drop(work, account, dropped)
        return [*kept, *(pictures.put(work, account, each).id for each in drawings)]


def _form_page(
    context: Context,
    item: Item,
    given: dict[str, Any],
    error: Refused | None = None,
    *,
    kept: Sequence[str] = (),
    liked: bool = False,
    remember: bool = False,
) -> Answer:
    desk: Desk = context.own
    person, code = context.principal, context.language.code
    refused = item.may_ask(person.roles, person.department)
    with context.read() as connection:
        places = desk.places(connection)
        account = store.account_by_id(connection, person.account)
        rule = quotas.of_item(desk, connection, item.code, oneself(person))
        standing = quotas.standing(connection, rule, oneself(person), context.now) if rule else None
        recent = [places[each] for each in store.last_places(connection, person.account) if each in places]
        photos = pictures.pending(connection, person.account, kept) if kept else []
        office = places.get(account.office) if account else None
        chosen = places.get(str(given.get("place") or "")) or (
            places.get(item.places[0]) if item.place == "fixed" else None
        )
        if chosen is None and error is None and office and model.place_fits(item, office.kind, office.code):
            chosen = office
        here = joining.open_here(connection, item, chosen.code) if chosen else []
    recent = [each for each in recent if model.place_fits(item, each.kind, each.code) and each is not chosen]
    alike = isinstance(error, model.Alike)
    return page(
        "requests/form.html",
        status=error.status if error else 200,
        item=item,
        code=code,
        refused="" if "outside" in item.rule.causes else refused,
        outside=bool(refused),
        priced=item.price is not None or any(level.price is not None for level in item.levels),
        needs_reason=may_need_reason(item, outside=bool(refused)),
        given=given,
        errors=context.errors(error) if error else {},
        labels={**{each.name: each.label.in_(code) for each in item.fields}, **{name: context.language(f"requests.form.{name}") for name in ("place", "level", "priority", "contact", "on_behalf_of")}, "photo": context.language("following.form.photos"), "photos": context.language("following.form.photos"), "exception": context.language("approval.exception"), "asset": context.language("following.form.asset")},
        chosen=_picked(context, chosen, office),
        recent=[{"id": each.code, "words": each.name.in_(code)} for each in recent[:3]],
        contact=given.get("contact", account.phone if account else ""),
        priority=int(given["priority"]) if str(given.get("priority", "")).isdigit() else item.usual,
        promises=promises_shown(item, context.now),
        level=_own_standard(item, str(given.get("level") or "")),
        standing=standing,
        for_others=bool(filing.ON_BEHALF & set(person.roles)),
        on_behalf_of=context.request.form.get("on_behalf_of", "")[:64],
        earliest=context.now.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M"),
        wall=wall,
        alike=alike,
        open_here=[open_words(context, item, each) for each in here],
        photos=photos,
        most_photos=model.MOST_PHOTOS,
        liked=liked,
        remember=remember,
    )  # fmt: skip


def open_words(context: Context, item: Item, request: Request) -> dict[str, Any]:
    """What the form shows of something that is open already: what it is about, its hour, and how it is joined."""
    told = api.alike_out(context, request, oneself(context.principal))
    said = api.alike_answers(item, request, context.language.code)[1]
    own = model.short(told["reference"]) if "reference" in told else ""
    return {"words": said, "at": request.filed_at, "state": request.state, "join": told.get("join", ""), "own": own}


def wall(value: Any) -> str:
    """An instant as a form field shows it: the site's wall clock."""
    return value.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M") if hasattr(value, "astimezone") else str(value or "")


def _picked(context: Context, place: Place | None, office: Place | None) -> dict[str, str] | None:
    if place is None:
        return None
    note = context.language("requests.form.your_office") if place is office else api.place_note(context, place)
    return {"id": place.code, "words": place.name.in_(context.language.code), "note": note}


def promises_shown(item: Item, now: datetime) -> list[tuple[str, int, list[tuple[str, datetime]]]]:
    """(level, priority, clock times promised now in the order in which they fall due) for every choice that matters.

    The level is empty for all those that have no standard of their own.
    """
    own = [level.code for level in item.levels if level.standard]
    return [
        (level, by, list(hours.promised(item.times(by, level), now).items()))
        for level in ("", *own)
        for by in item.priorities
    ]


def _own_standard(item: Item, level: str) -> str:
    """The level that is chosen, where it has a standard of its own; else empty."""
    found = item.level(level) or (item.levels[0] if item.levels else None)
    return found.code if found and found.standard else ""


class Bare(Schema):
    """A form of one button."""


def forget_liked(context: Context, code: str) -> Answer:
    """The form is no longer filled in as the person liked it."""
    item = _item(context, code)
    context.form()
    with context.work() as work:
        preferences.forget(work, context.principal.account, item.code)
    return see_other(context.url("form", code=item.code), said=Done("following.said.forgotten"))


ROUTES = (
    Route("GET", "/", "home", home, allow=access.ASK, summary="What do you need today?", sample={}),
    Route("GET", "/new/<code>", "form", show_form, allow=access.ASK, accepts=FormQuery, summary="The form of an item.",
          sample={"code": "repair"}),
    Route("POST", "/new/<code>", "file_form", file_form, allow=access.ASK, creates=True,
          max_body=MOST_SENT, summary="File a request."),
    Route("POST", "/new/<code>/forget", "forget_liked", forget_liked, allow=access.ASK, accepts=Bare,
          summary="Fill in nothing by itself any more."),
)  # fmt: skip
