"""JSON routes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, forms, model, store
from services.requests.bookings.model import Taken
from services.requests.handlers import filing, following, signing
from shared.clock import from_text, to_text
from shared.contracts.base import SERVICES
from shared.errors import Absent, Invalid, SignInNeeded
from shared.web.answers import Answer, answer, nothing
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, SIGNED_IN, Route
from shared.web.schemas import Instant, Key, Page, Text, Whole

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.catalogue import Item, Words
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.store import Request
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
    stars = fields.Integer()
    tags = fields.List(fields.String())
    words = fields.String()
    may = fields.List(fields.String())


class RequestWithTimeline(RequestOut):
    """A request with what happened to it, newest first."""

    timeline = fields.List(fields.Nested(Happened))


class ListQuery(Page):
    """Which requests: in these states, of this item."""

    state = Text(200, load_default="")
    item = Key(load_default="")
    mine = fields.Boolean(load_default=False)


class Withdrawal(Schema):
    """Why it is not wanted any more."""

    reason = fields.String(load_default="not_needed", validate=validate.OneOf(model.WITHDRAWAL_REASONS))


class Rating(Schema):
    """Stars, words and tags; all optional."""

    stars = Whole(0, 5, load_default=0)
    tags = fields.List(
        fields.String(validate=validate.OneOf(model.TAGS)),
        load_default=list,
        validate=validate.Length(max=len(model.TAGS)),
    )
    words = Text(500, lines=True, load_default="")


class Reopening(Schema):
    """What is still wrong."""

    words = Text(500, lines=True, load_default="")


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
    """The request is filed."""
    body = context.json()
    desk: Desk = context.own
    item = desk.catalogue.get(body["item"])
    if item is None:
        raise Invalid(fields={"item": ["requests.field.item"]})
    wanted = forms.from_json(item, body)
    try:
        with context.work() as work:
            requester, filed_by = filing.on_behalf(work, context.principal, body["on_behalf_of"])
            filed = filing.file_request(work, desk, requester, wanted, "api", filed_by=filed_by)
    except Taken as error:
        raise error.told() from None
    context.after_commit(desk.numbers.refill)
    promise = (
        desk.promises.promise(filed.event_id, filed.filed_at, LOGGED_WITHIN) if desk.promises and filed.event_id else ""
    )
    return answer(
        {**asdict(filed), "promise": promise}, 201, Location=context.url("api_request", reference=filed.reference)
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
        found = store.list_requests(
            connection, sight, states=states, item=asked["item"], limit=asked["limit"] + 1,
            after=(from_text(key[0]), key[1]) if key else None,
        )  # fmt: skip
    shown = found[: asked["limit"]]
    last = shown[-1] if len(found) > asked["limit"] else None
    onward = cursors.write("requests", to_text(last.filed_at), last.id) if last else ""
    return answer({"items": [seen_as(context, request) for request in shown], "next": onward})


def one_request(context: Context, reference: str) -> Answer:
    """One request with its timeline."""
    with context.read() as connection:
        request = wanted(context, connection, reference)
        timeline = store.happenings(connection, request.id)
    return answer({**seen_as(context, request), "timeline": timeline})


def wanted(context: Context, connection: Connection, reference: str, *, lock: bool = False) -> Request:
    """The request of this reference, full or short, if the person may see it on this route.

    Raises:
        Absent: there is none, or it lies outside the person's scope; the answers are equal.
    """
    full = model.full_reference(reference, model.day_of(context.now))
    request = store.request_by_reference(connection, full, lock=lock)
    context.check(access.where(request) if request else None)
    if request is None:
        raise Absent
    return request


def seen_as(context: Context, request: Request) -> dict[str, Any]:
    """A request as the person may read it: telephone and words of a restricted one go to its own people only."""
    mine = context.principal.account in {request.requester, request.filed_by}
    acts = sorted(act for act in model.ACTS.get(request.state, ())) if mine else []
    return {
        **request.__dict__,
        "tags": request.tags.split(),
        "may": acts,
        "contact": request.contact if mine else masked(request.contact),
    }


def who(context: Context) -> tuple[str, str]:
    """The person's name as timelines show it, in Chinese and English."""
    return context.principal.name, context.principal.name_en or context.principal.name


def masked(phone: str) -> str:
    """138****1234; an extension is no secret."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) > 6 else phone


def withdraw(context: Context, reference: str) -> Answer:
    """The request is withdrawn."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.withdraw(work, request, who(context), body["reason"])
    return nothing()


def confirm(context: Context, reference: str) -> Answer:
    """The work is accepted, perhaps with stars."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.confirm(work, request, who(context), body["stars"], tuple(body["tags"]), body["words"])
    return nothing()


def reopen(context: Context, reference: str) -> Answer:
    """The work starts again."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.reopen(work, request, who(context), body["words"])
    return nothing()


def urge(context: Context, reference: str) -> Answer:
    """The crew hears that it is waited for."""
    context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.urge(work, request, who(context))
    return nothing()


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
        "skills": list(item.skills),
        "restricted": item.restricted,
        "may_ask": not refused,
        "priorities": list(item.accepted),
        "levels": [
            {"code": level.code, "name": _words(level.name), "note": _words(level.note)} for level in item.levels
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
                "options": [{"code": option.code, **(_words(option.words) or {})} for option in each.options],
            }
            for each in item.fields
        ],
        "standard": {
            "scope": _words(item.standard.scope),
            "steps": [_words(each) for each in item.standard.steps],
            "evidence": [_words(each) for each in item.standard.evidence],
            "checklist": [_words(each) for each in item.standard.checklist],
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
    words = text.lower().replace("，", " ").replace("号楼", "号楼 ").replace("层", "层 ").split()
    ranked = []
    for place in known.values():
        if item is not None and not model.place_fits(item, place.kind, place.code):
            continue
        if all(word in place.search for word in words):
            exact = text.lower().strip() in {
                place.room,
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
    Route("POST", "/api/requests/<reference>/withdraw", "api_withdraw", withdraw, allow=access.ACT, kind="api", accepts=Withdrawal,
          creates=True, status=204, summary="Withdraw a request."),
    Route("POST", "/api/requests/<reference>/confirm", "api_confirm", confirm, allow=access.ACT, kind="api", accepts=Rating,
          creates=True, status=204, summary="Accept the work and rate it."),
    Route("POST", "/api/requests/<reference>/reopen", "api_reopen", reopen, allow=access.ACT, kind="api", accepts=Reopening,
          creates=True, status=204, summary="Say that it is not mended."),
    Route("POST", "/api/requests/<reference>/urge", "api_urge", urge, allow=access.ACT, kind="api", accepts=Nothing,
          creates=True, status=204, summary="Ask for haste."),
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
