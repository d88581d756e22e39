"""Changing what was asked for: the form of the item again, with what may still be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.requests import access, api, following_api, forms, model, pictures
from services.requests.catalogue import PARTS
from services.requests.handlers import amending, following, joining
from services.requests.pages.asking import MOST_SENT, open_words, wall
from services.requests.pages.one import answer_words
from shared.apart import apart
from shared.clock import SITE_ZONE
from shared.errors import Absent, Invalid, Refused
from shared.photos import drawn
from shared.web.answers import Answer, Said, page, see_other
from shared.web.intake import single
from shared.web.routes import Route

if TYPE_CHECKING:
    from services.requests.catalogue import Item
    from services.requests.desk import Desk
    from services.requests.model import Filing
    from services.requests.store import Request
    from shared.web.context import Context


def show(context: Context, reference: str) -> Answer:
    """The form with what was asked for."""
    with context.read() as connection:
        request = api.wanted(context, connection, reference, joiners=False)
    return _page(context, request, None)


def change(context: Context, reference: str) -> Answer:
    """The request is as wanted; where it has changed meanwhile, both versions are shown and nothing is lost."""
    desk: Desk = context.own
    with context.read() as connection:
        request = api.wanted(context, connection, reference, joiners=False)
        item = _item(context, request)
        places = desk.places(connection)
    posted = single(context.request.form, forms.list_fields(item))
    for name in ("_csrf", "_key"):
        posted.pop(name, None)
    anyway, token = bool(posted.pop("anyway", "")), str(posted.pop("join", ""))
    version = str(posted.pop("version", ""))
    words = str(posted.pop("place_words", "")).strip()
    pick = posted.pop("place_pick", "")
    if pick:
        return _page(context, request, None, {**posted, "place": pick}, version=version)
    try:
        if token:
            return _join_instead(context, reference, token)
        if words and len(words) <= 60:
            found = api.find_places(places, words, item, 2)
            if not found:
                raise Invalid(fields={"place": ["requests.field.place_words"]})
            posted["place"] = found[0].code
        wanted = _wish(item, request, posted)
        drawings = [apart(drawn, body) for body in following_api.sent(context)]
        with context.work() as work:
            request = api.wanted(context, work.connection, reference, lock=True, joiners=False)
            sent = tuple(pictures.put(work, context.principal.account, each).id for each in drawings)
            done = amending.amend(
                work, desk, request, api.who(context), wanted,
                version=int(version) if version.isdigit() and len(version) < 10 else -1, photos=sent,
                alike=None if anyway else following_api.alike_to(context, work, request),
            )  # fmt: skip
    except model.NotInThisState as error:
        return _page(context, request, error, posted, version=version)
    except (Invalid, amending.ChangedMeanwhile, model.Alike) as error:
        if isinstance(error, amending.ChangedMeanwhile):
            with context.read() as connection:
                request = api.wanted(context, connection, reference, joiners=False)
            version = str(request.version)  # sent again it replaces what is shown beside it
        return _page(context, request, error, posted, version=version)
    said = Said("following.said.amended" if done else "following.said.nothing_changed")
    return see_other(context.url("request", reference=reference), said=said)


def _join_instead(context: Context, reference: str, token: str) -> Answer:
    """The other request is asked for together, and this one is withdrawn, both or neither."""
    with context.work() as work:
        request = api.wanted(context, work.connection, reference, lock=True, joiners=False)
        other = following_api.joined(context, work, token)
        following.withdraw(work, request, api.who(context))
    target = context.url("request", reference=model.short(other.reference))
    return see_other(target, said=Said("following.said.joined_instead"))


def _item(context: Context, request: Request) -> Item:
    item: Item | None = context.own.catalogue.get(request.item)
    if item is None:
        raise Absent
    return item


def _wish(item: Item, request: Request, posted: dict[str, Any]) -> Filing:
    """What was posted over what is there: the page posts only what may still be changed."""
    now = _given(item, request)
    merged = {**now, **{name: value for name, value in posted.items() if name != "priority"}}
    for each in item.fields:  # what is ticked off is not posted at all
        if each.type in {"choices", "yes_no"} and each.name not in posted and _open(request, item, each.name):
            merged.pop(each.name, None)
    return forms.from_form(item, {name: value for name, value in merged.items() if value not in (None, "", [])})


def _given(item: Item, request: Request) -> dict[str, Any]:
    """The request as its form would post it."""
    found: dict[str, Any] = {
        "place": request.place,
        "level": request.level,
        "contact": request.contact,
        "asset": request.asset,
    }
    if request.priority in item.accepted:
        found["priority"] = str(request.priority)
    for each in item.fields:
        value = getattr(request, each.name) if each.name in PARTS else request.answers.get(each.name)
        if value in (None, "", [], 0, False):
            continue
        found[each.name] = (
            "on"
            if value is True
            else wall(value)
            if each.type == "moment"
            else value
            if isinstance(value, list)
            else str(value)
        )
    return found


def _open(request: Request, item: Item, name: str) -> bool:
    each = item.field(name)
    if each is None or name in PARTS:
        return amending.may_change(request, item, name)
    return amending.may_change(request, item, "words" if each.type in {"text", "lines"} else "answers")


def _page(
    context: Context,
    request: Request,
    error: Refused | None,
    given: dict[str, Any] | None = None,
    *,
    version: str = "",
) -> Answer:
    desk: Desk = context.own
    item, code = _item(context, request), context.language.code
    if not model.may("amend", request.state) and error is None:
        error = model.NotInThisState()
    with context.read() as connection:
        places = desk.places(connection)
        photos = pictures.of_request(connection, request.id)
        now = _given(item, request)
        shown = {**now, **(given or {})}
        place = places.get(str(shown.get("place") or ""))
        alike = []
        if isinstance(error, model.Alike) and place is not None:
            wish = _wish(item, request, {**shown, "place": place.code})
            alike = [each for each in joining.open_here(connection, item, place.code, wish) if each.id != request.id]
    names = [
        *(("place",) if item.place != "fixed" else ()),
        *(("level",) if item.levels else ()),
        *(each.name for each in item.fields),
    ]
    stale = isinstance(error, amending.ChangedMeanwhile)
    differing = [
        {"label": _label(context, item, name), "yours": _said(context, item, request, places, name, shown.get(name)),
         "theirs": _said(context, item, request, places, name, now.get(name))}
        for name in (*names, "contact", "asset") if stale and str(shown.get(name) or "") != str(now.get(name) or "")
    ]  # fmt: skip
    return page(
        "requests/amend.html",
        status=error.status if error else 200,
        request=request,
        item=item,
        code=code,
        short=model.short(request.reference),
        version=version or str(request.version),
        given=shown,
        errors=context.errors(error) if error else {},
        problem=context.language(error.key, **error.parameters) if error and not error.fields and not alike else "",
        stale=stale,
        alike=[open_words(context, item, each) for each in alike],
        differing=differing,
        open={name for name in (*names, "contact", "asset") if _open(request, item, name)},
        fields=[each for each in item.fields if _open(request, item, each.name)],
        chosen={"id": place.code, "words": place.name.in_(code), "note": ""} if place else None,
        labels={name: _label(context, item, name) for name in (*names, "contact", "asset", "photo", "photos")},
        earliest="",
        wall=wall,
        photos=photos,
        most_photos=model.MOST_PHOTOS,
        zone=SITE_ZONE,
        may_change=model.may("amend", request.state),
    )  # fmt: skip


def _label(context: Context, item: Item, name: str) -> str:
    each = item.field(name)
    if each is not None:
        return each.label.in_(context.language.code)
    area = "requests.form" if context.language.has(f"requests.form.{name}") else "following.form"
    return context.language(f"{area}.{'photos' if name == 'photo' else name}")


def _said(context: Context, item: Item, request: Request, places: Any, name: str, value: Any) -> str:
    """One part as a person reads it; a dash where there is nothing."""
    code = context.language.code
    if value in (None, "", []):
        return "–"
    if name == "place":
        return str(places[value].name.in_(code)) if value in places else str(value)
    if name == "level":
        level = item.level(str(value))
        return level.name.in_(code) if level else str(value)
    each = item.field(name)
    return answer_words(context, item, each, value) if each else str(value)


ROUTES = (
    Route("GET", "/<reference>/amend", "amend", show, allow=access.ACT, summary="Change what was asked for."),
    Route("POST", "/<reference>/amend", "do_amend", change, allow=access.ACT, max_body=MOST_SENT, summary="Change what was asked for."),
)  # fmt: skip
