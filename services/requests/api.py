"""JSON routes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, forms, lists, model, pictures, quotas, store
from services.requests.bookings.model import Taken
from services.requests.handlers import filing, joining, signing
from services.requests.handlers.acts import others
from shared.clock import from_text, to_text
from shared.contracts.base import SERVICES
from shared.errors import Absent, Invalid, SignInNeeded
from shared.web.answers import Answer, answer, nothing
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, SIGNED_IN, Route, covers
from shared.web.schemas import Instant, Key, Page, Text, Whole

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from services.requests.catalogue import Item
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.requester import Requester
    from services.requests.store import Request
    from shared.bilingual import Words
    from shared.web.context import Context

LOGGED_WITHIN = timedelta(minutes=10)  # what is promised to whoever files

# ---- schemas


class FilingBody(Schema):
    """A request to be filed. ``answers`` by field name: see the item's form under /requests/api/catalogue."""

    item = Key(required=True)
    place = Key(load_default="")
    level = Key(load_default="")
    priority = Whole(1, 4, load_default=0)
    starts_at = Instant(load_default=None, allow_none=True)
    ends_at = Instant(load_default=None, allow_none=True)
    headcount = Whole(0, 1_000_000, load_default=0)
    quantity = Whole(0, 1_000_000, load_default=0)
    contact = forms.Phone(load_default="")
    exception = Text(
        200,
        load_default="",
        metadata={"description": "Why it should be more than the standard holds; needed where it is."},
    )
    asset = Key(load_default="", metadata={"description": "Tag of the thing it is about, as its label says."})
    photos = fields.List(
        fields.String(validate=validate.Length(max=64)),
        load_default=list,
        validate=validate.Length(max=model.MOST_PHOTOS),
        metadata={"description": "Ids of photos sent to /requests/api/photos before."},
    )
    anyway = fields.Boolean(
        load_default=False, metadata={"description": "File it although the very same is open; else 409 names what is."}
    )
    on_behalf_of = Key(
        load_default="", metadata={"description": "User name of the person for whom it is; dispatchers only."}
    )
    answers = fields.Dict(keys=fields.String(), values=fields.Raw(), load_default=dict)


class Filed(Schema):
    """What was filed; ``code`` shows its state without sign-in, together with the reference."""

    id = fields.String()
    reference = fields.String()
    code = fields.String()
    filed_at = Instant()
    event_id = fields.String(
        metadata={"description": "of the event; /audit/api/sealed says where it stands in the log"}
    )
    promise = fields.String(metadata={"description": "signed: the log will hold the event within ten minutes; keep it"})


class FiledKey(Schema):
    """The public key of the promises, as the verifier takes it with ``--filed-by``."""

    vkey = fields.String()


class Happened(Schema):
    """One line of a request's timeline."""

    at = Instant()
    what = fields.String()
    who = fields.String()
    detail = fields.String()
    event_id = fields.String()


class RequestOut(Schema):
    """A request as those who may see it read it."""

    id = fields.String()
    reference = fields.String()
    state = fields.String()
    item = fields.String()
    item_version = fields.Integer()
    level = fields.String()
    priority = fields.Integer()
    place = fields.String()
    department = fields.String()
    summary = fields.String()
    filed_at = Instant()
    starts_at = Instant(allow_none=True)
    ends_at = Instant(allow_none=True)
    headcount = fields.Integer()
    quantity = fields.Integer()
    answers = fields.Dict()
    contact = fields.String()
    channel = fields.String()
    round = fields.Integer()
    urged = fields.Integer()
    crew = fields.String(attribute="crew_name")
    due_at = Instant(allow_none=True)
    finished_at = Instant(allow_none=True)
    estimate = fields.String(
        allow_none=True, metadata={"description": "yuan by the norm of its version; null = nothing is charged"}
    )
    stars = fields.Integer()
    tags = fields.List(fields.String())
    words = fields.String()
    may = fields.List(fields.String())
    asset = fields.String()
    joined = fields.Integer(metadata={"description": "how many people ask for it together"})
    mine = fields.String(metadata={"description": "own, joined, or empty: somebody else's"})
    version = fields.Integer(metadata={"description": "of what was asked for; the ETag"})


class RequestWithTimeline(RequestOut):
    """A request with what happened to it, newest first."""

    timeline = fields.List(fields.Nested(Happened))
    photos = fields.List(fields.String(), metadata={"description": "addresses of the photos"})


class ListQuery(Page):
    """Which requests: in these states, of this item."""

    state = Text(200, load_default="")
    item = Key(load_default="")
    mine = fields.Boolean(load_default=False)


class Nothing(Schema):
    """An empty object."""


class WordsOut(Schema):
    """One text in both languages."""

    zh = fields.String()
    en = fields.String()


class PlaceOut(Schema):
    """A place that requests can be about."""

    code = fields.String()
    kind = fields.String()
    name = fields.Nested(WordsOut)
    building = fields.String()
    floor = fields.String()
    room = fields.String()
    capacity = fields.Integer()
    equipment = fields.List(fields.String())


class PlaceQuery(Schema):
    """Words of a place: number, name, or pinyin initials."""

    q = Text(60, load_default="")
    item = Key(load_default="")
    limit = Whole(1, 100, load_default=20)


class PickQuery(Schema):
    """What is typed into the place picker."""

    q = Text(60, load_default="")


class TokenBody(Schema):
    """A token to be made."""

    name = Text(60, required=True)
    verbs = fields.List(
        fields.String(validate=validate.OneOf(["read", "write"])),
        load_default=lambda: ["read"],
        validate=validate.Length(1, 2),
    )
    services = fields.List(
        fields.String(validate=validate.OneOf(SERVICES)),
        load_default=lambda: ["requests"],
        validate=validate.Length(1, len(SERVICES)),
    )
    days = Whole(1, signing.MOST_TOKEN_DAYS, load_default=90)


class TokenOut(Schema):
    """A token without its text."""

    id = fields.String()
    name = fields.String()
    verbs = fields.Function(lambda token: token.verbs.split())
    services = fields.Function(lambda token: token.services.split())
    made_at = Instant()
    expires_at = Instant()
    used_at = Instant(allow_none=True)
    revoked_at = Instant(allow_none=True)


class MadeTokenOut(Schema):
    """A new token; ``token`` is shown this once."""

    id = fields.String()
    token = fields.String()
    expires_at = Instant()


class Exchange(Schema):
    """An API token."""

    token = fields.String(required=True, validate=validate.Length(max=100))


class PassOut(Schema):
    """A pass for ``Authorization: Bearer``, good until ``expires_at`` (at most ten minutes)."""

    token_type = fields.String()
    access_token = fields.String()
    expires_at = Instant()


class SessionOut(Schema):
    """Who is signed in."""

    account = fields.String()
    name = fields.String()
    role = fields.String()
    roles = fields.List(fields.String())
    department = fields.String()
    kind = fields.String()


# ---- requests


def file_request(context: Context) -> Answer:
    """The request is filed; where the very same is open already, 409 names it with what joins it."""
    body = context.json()
    desk: Desk = context.own
    item = desk.catalogue.get(body["item"])
    if item is None:
        raise Invalid(fields={"item": ["requests.field.item"]})
    wanted = forms.from_json(item, body)
    try:
        with context.work() as work:
            requester, filed_by = filing.on_behalf(work, context.principal, body["on_behalf_of"])
            if context.again and not body["anyway"]:  # something stood in the way of the first attempt
                joining.need_none(work.connection, item, wanted, lambda request: alike_out(context, request, requester))
            filed = filing.file_request(
                work, desk, requester, wanted, "api", filed_by=filed_by, same_open="anyway" if body["anyway"] else "refuse",
                photos=tuple(body["photos"]),
            )  # fmt: skip
    except Taken as error:
        raise error.told() from None
    context.after_commit(desk.numbers.refill)
    promise = (
        desk.promises.promise(filed.event_id, filed.filed_at, LOGGED_WITHIN) if desk.promises and filed.event_id else ""
    )
    return answer(
        {**vars(filed), "promise": promise}, 201, Location=context.url("api_request", reference=filed.reference)
    )


def filed_key(context: Context) -> Answer:
    """The public key that the promises to whoever files are signed with."""
    desk: Desk = context.own
    if desk.promises is None:
        raise Absent
    return answer({"vkey": desk.promises.vkey})


def list_requests(context: Context) -> Answer:
    """Requests that the person may see, newest first."""
    asked = context.query()
    cursors = context.application.cursors
    key = cursors.read("requests", asked["cursor"])
    states = [state for state in asked["state"].split(",") if state]
    if set(states) - set(model.ACTS):
        raise Invalid(fields={"state": ["field.choice"]})
    sight = access.seen(context.principal, frozenset() if asked["mine"] else context.scopes)
    with context.read() as connection:
        found = lists.list_requests(
            connection, sight, states=states, item=asked["item"], limit=asked["limit"] + 1,
            after=(from_text(key[0]), key[1]) if key else None,
        )  # fmt: skip
        joined = joining.joined_of(
            connection, context.principal.account, [each.id for each in found if each.joined > 1]
        )
    shown = found[: asked["limit"]]
    last = shown[-1] if len(found) > asked["limit"] else None
    onward = cursors.write("requests", to_text(last.filed_at), last.id) if last else ""
    return answer({"items": [seen_as(context, request, joined) for request in shown], "next": onward})


def one_request(context: Context, reference: str) -> Answer:
    """One request with its timeline."""
    with context.read() as connection:
        request = wanted(context, connection, reference)
        timeline = store.happenings(connection, request.id)
        joined = joining.joined_of(connection, context.principal.account, [request.id])
        photos = dict.fromkeys(
            each.sha256 for each in pictures.of_request(connection, request.id) if not each.removed_at
        )
    found = seen_as(context, request, joined)
    shown = [context.url("photo", reference=model.short(request.reference), sha256=each) for each in photos]
    return answer(
        {**found, "timeline": timeline, "photos": shown if sees_words(context, request) else []}, ETag=etag(request)
    )


def etag(request: Request) -> str:
    """The version of what was asked for, as a header; the work's own progress does not change it."""
    return f'"{request.version}"'


def wanted(
    context: Context, connection: Connection, reference: str, *, lock: bool = False, joiners: bool = True
) -> Request:
    """The request of this reference, full or short, if the person may see it on this route.

    ``joiners``: whoever joined it may use the route as its requester may.

    Raises:
        Absent: there is none, or it lies outside the person's scope; the answers are equal.
    """
    full = model.full_reference(reference, model.day_of(context.now))
    request = store.request_by_reference(connection, full, lock=lock)
    joined = others(connection, request.id) if request and joiners and request.joined > 1 else ()
    context.check(access.where(request, joined) if request else None)
    if request is None:
        raise Absent
    return request


def sees_words(context: Context, request: Request) -> bool:
    """Whether the person reads all that was asked; one who only joined reads what made it the same as his own."""
    thing = access.where(request)
    return any(covers(scope, context.principal, thing) for scope in context.scopes)


def alike_out(context: Context, request: Request, person: Requester) -> dict[str, Any]:
    """What is said of an open request to somebody who wants the same: place, item, hour (security B5).

    ``join`` joins it, for this person alone; whose own it is gets its reference instead.
    """
    own = person.account in {request.requester, request.filed_by}
    token = context.application.cursors.write("join", request.id, person.account)
    return {
        "item": request.item, "place": request.place, "filed_at": to_text(request.filed_at),
        **({"reference": request.reference} if own else {"join": token}),
    }  # fmt: skip


def seen_as(context: Context, request: Request, joined: Collection[str] = ()) -> dict[str, Any]:
    """A request as the person may read it: telephone and words of a restricted one go to its own people only.

    ``joined``: ids of requests that the person joined.
    """
    person = context.principal
    mine = (
        "own" if person.account in {request.requester, request.filed_by} else "joined" if request.id in joined else ""
    )
    acts = set(model.ACTS.get(request.state, ())) if mine else set()
    if mine == "joined":
        acts = (acts & model.JOINERS_ACTS) | {"leave"}
    item = context.own.item_of(request)
    cost = item.estimate(request.level, quotas.amount_asked(request.quantity, request.answers)) if item else None
    found = {
        **request.__dict__,
        "estimate": format(cost, "f") if cost is not None else None,
        "tags": request.tags.split(),
        "may": sorted(acts),
        "mine": mine,
        "contact": request.contact if mine == "own" else masked(request.contact),
    }
    if mine != "joined" or sees_words(context, request):
        return found
    same = alike_answers(item, request)
    return {**found, "answers": same[0], "summary": same[1], "contact": "", "words": "", "tags": []}


def alike_answers(item: Item | None, request: Request, code: str = "zh-Hans") -> tuple[dict[str, Any], str]:
    """What whoever joined reads of the answers: those that made it the same as his own; and its one line."""
    same = {name: value for name, value in request.answers.items() if item and name in item.alike}
    return same, item.summarise(same, code) if item else ""


def who(context: Context) -> tuple[str, str]:
    """The person's name as timelines show it, in Chinese and English."""
    return context.principal.name, context.principal.name_en or context.principal.name


def masked(phone: str) -> str:
    """138****1234; an extension is no secret."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 6 else phone


# ---- catalogue and places


def catalogue(context: Context) -> Answer:
    """All items with their forms and standards."""
    desk: Desk = context.own
    person = context.principal
    return answer({"items": [item_out(item, item.may_ask(person.roles, person.department)) for item in desk.catalogue]})


def one_item(context: Context, code: str) -> Answer:
    """One item with its form and standard."""
    desk: Desk = context.own
    item = desk.catalogue.get(code)
    if item is None:
        raise Absent
    return answer(item_out(item, item.may_ask(context.principal.roles, context.principal.department)))


def _words(words: Words | None) -> dict[str, str] | None:
    return {"zh": words.zh, "en": words.en} if words else None


def item_out(item: Item, refused: str) -> dict[str, Any]:
    """An item as JSON; ``may_ask`` says whether this person may."""
    return {
        "code": item.code,
        "version": item.version,
        "since": item.since.isoformat(),
        "name": _words(item.name),
        "mark": _words(item.mark),
        "pledge": _words(item.pledge),
        "purpose": item.purpose,
        "place": item.place,
        "places": list(item.places),
        "meter": item.meter,
        "price": format(item.price, "f") if item.price is not None else None,
        "approval": list(item.rule.causes),
        "skills": list(item.skills),
        "restricted": item.restricted,
        "may_ask": not refused,
        "priorities": list(item.accepted),
        "levels": [
            {
                "code": level.code,
                "name": _words(level.name),
                "note": _words(level.note),
                "above": level.above,
                "price": format(level.price, "f") if level.price is not None else None,
            }
            for level in item.levels
        ],
        "urgency": [
            {"priority": each.by, "words": _words(each.words), "more": _words(each.more)} for each in item.urgencies
        ],
        "fields": [
            {
                "name": each.name,
                "type": each.type,
                "required": each.required,
                "label": _words(each.label),
                "help": _words(each.help),
                "least": each.least,
                "most": each.most,
                "usual": each.usual,
                "options": [
                    {"code": option.code, **(_words(option.words) or {}), "above": option.above}
                    for option in each.options
                ],
            }
            for each in item.fields
        ],
        "standard": {
            "scope": _words(item.standard.scope),
            "steps": [{**(_words(each) or {}), "key": each.key} for each in item.standard.steps],
            "evidence": [_words(each) for each in item.standard.evidence],
            "checklist": [{**(_words(each) or {}), "key": each.key} for each in item.standard.checklist],
            "times": [each.__dict__ for each in sorted(item.standard.times, key=lambda times: times.by)],
        },
    }


def places(context: Context) -> Answer:
    """Places by number, name or pinyin initials, the nearest first."""
    asked = context.query()
    desk: Desk = context.own
    item = desk.catalogue.get(asked["item"]) if asked["item"] else None
    with context.read() as connection:
        known = desk.places(connection)
    found = find_places(known, asked["q"], item, asked["limit"])
    return answer({"items": [PlaceOut().dump(place) for place in found]})


def pick_place(context: Context, item: str) -> Answer:
    """The same for the place picker of an item: id, words and a note in the reader's language."""
    asked = context.query()
    desk: Desk = context.own
    with context.read() as connection:
        known = desk.places(connection)
    found = find_places(known, asked["q"], desk.catalogue.get(item), 8)
    code = context.language.code
    return answer(
        {
            "items": [
                {"id": place.code, "words": place.name.in_(code), "note": place_note(context, place)} for place in found
            ]
        }
    )


def place_note(context: Context, place: Place) -> str:
    """What stands small beside a place: how many a room holds."""
    return context.language("requests.place.holds", n=place.capacity) if place.capacity else ""


def find_places(known: dict[str, Place], text: str, item: Item | None, limit: int) -> list[Place]:
    """Places that fit ``item`` and hold every word of ``text``: those that begin with it first, then by code."""
    typed = text.lower().strip()
    words = text.lower().replace("，", " ").replace("号楼", "号楼 ").replace("层", "层 ").split()
    ranked = []
    for place in known.values():
        if item is not None and not model.place_fits(item, place.kind, place.code):
            continue
        number = f"{place.building}{place.room}"  # 2302 for office 302 of building 2
        if all(word in place.search for word in words) or (place.room and typed == number):
            exact = typed in {
                place.room,
                number,
                f"{place.building}-{place.room}",
                place.code.lower(),
                place.name.zh,
                place.name.en.lower(),
            }
            ranked.append((not exact, _KINDS.get(place.kind, 9), len(place.code), place.code, place))
    return [place for *_, place in sorted(ranked, key=lambda row: row[:4])[:limit]]


_KINDS = {"office": 0, "meeting": 0, "service": 1, "square": 1, "outside": 2, "common": 3, "floor": 4, "building": 5}


# ---- tokens and sessions


def list_tokens(context: Context) -> Answer:
    """The person's API tokens, newest first."""
    with context.read() as connection:
        found = store.tokens_of(connection, context.principal.account)
    return answer({"items": found, "next": ""})


def make_token(context: Context) -> Answer:
    """A new token; its text is in this answer and nowhere else."""
    body = context.json()
    if context.principal.kind != "session":  # a token cannot beget tokens
        raise SignInNeeded
    with context.work() as work:
        made = signing.make_token(work, context.principal, body["name"], body["verbs"], body["services"], body["days"])
    return answer({"id": made.token.id, "token": made.text, "expires_at": made.token.expires_at}, 201)


def revoke_token(context: Context, token_id: str) -> Answer:
    """The token is revoked."""
    with context.work() as work:
        signing.revoke_token(work, context.principal.account, token_id)
    return nothing()


def exchange(context: Context) -> Answer:
    """A pass for an API token."""
    body = context.json()
    with context.work() as work:
        found = signing.exchange(work, context.own, body["token"])
    if found is None:
        raise SignInNeeded("error.bearer")
    return answer({"token_type": "Bearer", "access_token": found[0], "expires_at": found[1]}, 201)


def session(context: Context) -> Answer:
    """Who is signed in."""
    person = context.principal
    return answer({**person.__dict__, "roles": sorted(person.roles)})


ROUTES = (
    Route("GET", "/api/filed-key", "api_filed_key", filed_key, allow=PUBLIC, kind="api", answers=FiledKey,
          summary="The key of the promises that filers are given."),
    Route("POST", "/api/requests", "api_file", file_request, allow=access.ASK, kind="api", accepts=FilingBody, answers=Filed,
          creates=True, status=201, summary="File a request."),
    Route("GET", "/api/requests", "api_requests", list_requests, allow=access.READ, kind="api", accepts=ListQuery, answers=(RequestOut,),
          summary="Requests, newest first."),
    Route("GET", "/api/requests/<reference>", "api_request", one_request, allow=access.READ, kind="api", answers=RequestWithTimeline,
          summary="One request with its timeline."),
    Route("GET", "/api/catalogue", "api_catalogue", catalogue, allow=access.LOOK, kind="api", summary="All items."),
    Route("GET", "/api/catalogue/<code>", "api_item", one_item, allow=access.LOOK, kind="api", summary="One item."),
    Route("GET", "/api/places", "api_places", places, allow=access.LOOK, kind="api", accepts=PlaceQuery, summary="Find places."),
    Route("GET", "/api/places/pick/<item>", "api_pick", pick_place, allow=access.LOOK, kind="api", accepts=PickQuery,
          summary="Find places for the place picker."),
    Route("GET", "/api/tokens", "api_tokens", list_tokens, allow=SIGNED_IN, kind="api", answers=(TokenOut,), summary="Own API tokens."),
    Route("POST", "/api/tokens", "api_make_token", make_token, allow=SIGNED_IN, kind="api", accepts=TokenBody, answers=MadeTokenOut,
          fresh=True, status=201, limit=Limit(per_minute=6, burst=6), summary="Make an API token."),
    Route("DELETE", "/api/tokens/<token_id>", "api_revoke_token", revoke_token, allow=SIGNED_IN, kind="api", status=204,
          summary="Revoke an API token."),
    Route("POST", "/api/passes", "api_exchange", exchange, allow=PUBLIC, kind="api", accepts=Exchange, answers=PassOut, status=201,
          limit=Limit(per_minute=60, burst=30, peers=2), summary="Exchange an API token for a pass."),
    Route("GET", "/api/session", "api_session", session, allow=SIGNED_IN, kind="api", answers=SessionOut, summary="Who is signed in."),
)  # fmt: skip
