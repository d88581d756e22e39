"""JSON routes of whoever follows a request: its requester, those who joined, and the dispatcher whom it escalated to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, forms, model, pictures, preferences, store
from services.requests.api import Nothing, alike_out, etag, wanted, who
from services.requests.catalogue import PARTS
from services.requests.handlers import amending, escalating, filing, following, joining
from services.requests.requester import another, oneself
from shared.apart import apart
from shared.errors import Absent, Forbidden, Invalid
from shared.photos import MOST_BYTES, drawn
from shared.web.answers import Answer, answer, file, nothing
from shared.web.limits import Limit
from shared.web.routes import Route
from shared.web.schemas import Instant, Key, Text, Whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.requests.desk import Desk
    from services.requests.store import Request
    from shared.web.context import Context
    from shared.work import Work

SENDING = Limit(per_minute=20, burst=20)


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
    """Why it has to be done again, and what is still wrong."""

    reason = fields.String(load_default="not_mended", validate=validate.OneOf(model.REOPENING_REASONS))
    words = Text(500, lines=True, load_default="")


class OpenQuery(Schema):
    """Which item, and where."""

    item = Key(required=True)
    place = Key(required=True)


class AlikeOut(Schema):
    """An open request for the same thing: ``join`` joins it; one's own has its reference instead."""

    item = fields.String()
    place = fields.String()
    filed_at = fields.String()
    join = fields.String()
    reference = fields.String()


class Joining(Schema):
    """What a 409 or the list of what is open gave as ``join``."""

    join = fields.String(required=True, validate=validate.Length(max=400))


class Joined(Schema):
    """The request that one follows from now on."""

    reference = fields.String()
    joined = fields.Integer()


class AmendBody(Schema):
    """What is to be changed; what is absent stays. ``answers`` replaces the answers that it names."""

    place = Key()
    level = Key()
    starts_at = Instant(allow_none=True)
    ends_at = Instant(allow_none=True)
    headcount = Whole(0, 1_000_000)
    quantity = Whole(0, 1_000_000)
    contact = forms.Phone()
    asset = Key()
    answers = fields.Dict(keys=fields.String(), values=fields.Raw())
    photos = fields.List(
        fields.String(validate=validate.Length(max=64)), validate=validate.Length(max=model.MOST_PHOTOS),
        metadata={"description": "Ids of photos sent to /requests/api/photos, to be added."},
    )  # fmt: skip
    anyway = fields.Boolean(
        metadata={"description": "Change it although the very same is open then; else 409 names what is."}
    )


class Amended(Schema):
    """The version after the change."""

    version = fields.Integer()


class PhotoOut(Schema):
    """A photo that waits for a request: name ``id`` among ``photos`` when filing, within three days."""

    id = fields.String()
    sha256 = fields.String()
    width = fields.Integer()
    height = fields.Integer()


class EscalationOut(Schema):
    """A request that those above the crew must look at."""

    reference = fields.String()
    item = fields.String()
    place = fields.String()
    state = fields.String()
    crew = fields.String(attribute="crew_name")
    why = fields.String(attribute="escalated")
    escalated_at = Instant()
    stars = fields.Integer()
    words = fields.String()
    round = fields.Integer()


class EscalationAnswer(Schema):
    """What was done about it."""

    words = Text(500, lines=True, required=True)


# ---- what the requester does


def withdraw(context: Context, reference: str) -> Answer:
    """The request is withdrawn; where others ask for it too it goes on as theirs."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True, joiners=False)
        following.withdraw(work, request, who(context), body["reason"])
    return nothing()


def confirm(context: Context, reference: str) -> Answer:
    """The work is accepted, perhaps with stars."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.confirm(
            work, request, who(context), body["stars"], tuple(body["tags"]), body["words"],
            account=context.principal.account,
        )  # fmt: skip
    return nothing()


def reopen(context: Context, reference: str) -> Answer:
    """The work starts again."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.reopen(work, request, who(context), body["words"], body["reason"])
    return nothing()


def urge(context: Context, reference: str) -> Answer:
    """The crew hears that it is waited for."""
    context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        following.urge(work, request, who(context))
    return nothing()


def version_wanted(context: Context) -> int | None:
    """The version that ``If-Match`` names; None when it names none.

    Raises:
        ChangedMeanwhile: it names something that never was a version of ours.
    """
    header = context.request.headers.get("If-Match", "").strip()
    if header in {"", "*"}:
        return None
    found = re.fullmatch(r'"([0-9]{1,9})"', header)
    if found is None:
        raise amending.ChangedMeanwhile
    return int(found[1])


def amend(context: Context, reference: str) -> Answer:
    """The request is as wanted; with ``If-Match`` only while it still is what was read, else 412 with what it is now."""
    body = context.json()
    desk: Desk = context.own
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True, joiners=False)
        item = desk.catalogue.get(request.item)
        if item is None:
            raise Absent
        now = amending.filing_of(request)
        given = {name: body.get(name, getattr(now, name)) for name in (*amending.COLUMNS, *PARTS)}
        if not item.field("quantity") and "quantity" not in body:
            given["quantity"] = 0
        given["answers"] = {
            name: value
            for name, value in {**now.answers, **body.get("answers", {})}.items()
            if value not in (None, "", [], False)
        }
        wish = forms.from_json(item, given)
        try:
            amending.amend(
                work, desk, request, who(context), wish, version=version_wanted(context),
                photos=tuple(body.get("photos", ())), alike=None if body.get("anyway") else alike_to(context, work, request),
            )  # fmt: skip
        except amending.ChangedMeanwhile as error:
            error.extra["now"] = seen_now(request)
            raise
        after = store.request_by_id(work.connection, request.id)
    assert after is not None
    return answer({"version": after.version}, ETag=etag(after))


def alike_to(context: Context, work: Work, request: Request) -> Callable[[Request], dict[str, Any]]:
    """What may be said to the one for whom ``request`` is, of another that is open."""
    person = oneself(context.principal)
    if person.account != request.requester:
        account = store.account_by_id(work.connection, request.requester)
        person = another(account) if account else person
    return lambda other: alike_out(context, other, person)


def seen_now(request: Request) -> dict[str, Any]:
    """The parts that may be changed as they are now, with their version."""
    found = amending.described(request)
    shown = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in found.items()}
    return {"version": request.version, **shown}


# ---- together


def open_here(context: Context) -> Answer:
    """What is open of an item at a place: place, item and hour, never more."""
    asked = context.query()
    desk: Desk = context.own
    item = desk.catalogue.get(asked["item"])
    if item is None:
        raise Invalid(fields={"item": ["requests.field.item"]})
    with context.read() as connection:
        found = joining.open_here(connection, item, asked["place"])
    person = oneself(context.principal)
    return answer({"items": [alike_out(context, each, person) for each in found], "next": ""})


def join(context: Context) -> Answer:
    """The person follows the request too."""
    body = context.json()
    with context.work() as work:
        request = joined(context, work, body["join"])
    return answer({"reference": request.reference, "joined": request.joined}, 201)


def joined(context: Context, work: Any, token: str) -> Request:
    """The request of ``token``, joined by the person it was given for.

    Raises:
        Absent: it is no such text of ours. Forbidden: it was given for somebody else. NotInThisState: it has ended.
    """
    key = context.application.cursors.read("join", token)
    if len(key) != 2:
        raise Absent
    request_id, account = key
    person = oneself(context.principal)
    if account != person.account:
        if not filing.ON_BEHALF & person.roles:
            raise Forbidden
        other = store.account_by_id(work.connection, account)
        if other is None:
            raise Absent
        person = another(other)
    request = store.request_by_id(work.connection, request_id, lock=True)
    if request is None:
        raise Absent
    joining.join(work, request, person)
    after = store.request_by_id(work.connection, request_id)
    assert after is not None
    return after


def leave(context: Context, reference: str) -> Answer:
    """The person follows it no longer."""
    context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        joining.leave(work, request, context.principal.account, who(context))
    return nothing()


# ---- photos


class PhotoBody(Schema):
    """One file named ``photo``, as ``multipart/form-data``."""


def sent(context: Context) -> list[bytes]:
    """The files named ``photo`` of a posted form, each at most as large as a photo may be."""
    found = [each.read(MOST_BYTES + 1) for each in context.request.files.getlist("photo")[: model.MOST_PHOTOS + 1]]
    return [body for body in found if body]


def send_photo(context: Context) -> Answer:
    """A photo waits for a request of this account."""
    bodies = sent(context)
    if len(bodies) != 1:
        raise Invalid(fields={"photo": ["field.required"]})
    found = apart(drawn, bodies[0])
    with context.work() as work:
        made = pictures.put(work, context.principal.account, found)
    return answer(made.__dict__, 201)


class PhotoQuery(Schema):
    """``small=1``: the thumbnail."""

    small = fields.String(load_default="", validate=validate.OneOf(["", "1"]))


def photo(context: Context, reference: str, sha256: str) -> Answer:
    """One photo, reached only through its request: by its people, its dispatchers, and who does the work now."""
    small = bool(context.query()["small"])
    desk: Desk = context.own
    with context.read() as connection:
        full = model.full_reference(reference, model.day_of(context.now))
        request = store.request_by_reference(connection, full)
        context.check(access.with_workers(request, store.orders(connection, request.id)) if request else None)
        assert request is not None
        body = pictures.body(connection, small=small, request_id=request.id, sha256=sha256)
    if body is None or desk is None:
        raise Absent
    return file(body, "image/jpeg")


def waiting_photo(context: Context, photo_id: str) -> Answer:
    """The thumbnail of a photo that waits for its form; to whoever sent it."""
    with context.read() as connection:
        body = pictures.body(connection, small=True, waiting=photo_id, account=context.principal.account)
    if body is None:
        raise Absent
    return file(body, "image/jpeg")


def drop_photo(context: Context, photo_id: str) -> Answer:
    """A waiting photo is no more."""
    with context.work() as work:
        pictures.drop(work, context.principal.account, [photo_id])
    return nothing()


# ---- preferences


class PreferenceBody(Schema):
    """What the form of an item is to begin with: level, telephone, and answers that are choices or numbers."""

    level = Key(load_default="")
    contact = forms.Phone(load_default="")
    answers = fields.Dict(keys=fields.String(), values=fields.Raw(), load_default=dict)


def liked(context: Context) -> Answer:
    """By item what the caller's forms begin with."""
    with context.read() as connection:
        found = preferences.of_all(connection, context.principal.account)
    return answer({"items": [{"item": item, "answers": answers} for item, answers in found.items()], "next": ""})


def like(context: Context, code: str) -> Answer:
    """The form of the item begins with this from now on."""
    body = context.json()
    item = context.own.catalogue.get(code)
    if item is None:
        raise Absent
    wanted = preferences.filing(item, body)
    with context.work() as work:
        preferences.save(work, context.principal.account, item, wanted)
    return nothing()


def forget(context: Context, code: str) -> Answer:
    """The form of the item begins empty again."""
    with context.work() as work:
        preferences.forget(work, context.principal.account, code)
    return nothing()


# ---- escalation


def escalations(context: Context) -> Answer:
    """What was escalated and nobody has answered yet, the oldest first."""
    with context.read() as connection:
        found = escalating.unanswered(connection, context.principal.organisation)
    return answer({"items": found, "next": ""})


def answer_escalation(context: Context, reference: str) -> Answer:
    """What was done about it is said, and it leaves the list."""
    body = context.json()
    with context.work() as work:
        request = wanted(context, work.connection, reference, lock=True)
        escalating.answer(work, request, who(context), body["words"])
    return nothing()


ROUTES = (
    Route("POST", "/api/requests/<reference>/withdraw", "api_withdraw", withdraw, allow=access.ACT, kind="api", accepts=Withdrawal,
          creates=True, status=204, summary="Withdraw a request."),
    Route("POST", "/api/requests/<reference>/confirm", "api_confirm", confirm, allow=access.ACT, kind="api", accepts=Rating,
          creates=True, status=204, summary="Accept the work and rate it."),
    Route("POST", "/api/requests/<reference>/reopen", "api_reopen", reopen, allow=access.ACT, kind="api", accepts=Reopening,
          creates=True, status=204, summary="Say that it is not mended."),
    Route("POST", "/api/requests/<reference>/urge", "api_urge", urge, allow=access.ACT, kind="api", accepts=Nothing,
          creates=True, status=204, summary="Ask for haste."),
    Route("PATCH", "/api/requests/<reference>", "api_amend", amend, allow=access.ACT, kind="api", accepts=AmendBody, answers=Amended,
          creates=True, summary="Change what was asked for; honours If-Match."),
    Route("GET", "/api/open", "api_open", open_here, allow=access.ASK, kind="api", accepts=OpenQuery, answers=(AlikeOut,),
          summary="What is open of an item at a place."),
    Route("POST", "/api/joins", "api_join", join, allow=access.ASK, kind="api", accepts=Joining, answers=Joined, creates=True, status=201,
          summary="Ask for an open request together with its requester."),
    Route("POST", "/api/requests/<reference>/leave", "api_leave_request", leave, allow=access.ACT, kind="api", accepts=Nothing, creates=True,
          status=204, summary="Follow a request no longer."),
    Route("POST", "/api/photos", "api_send_photo", send_photo, allow=access.ASK, kind="api", accepts=PhotoBody, answers=PhotoOut,
          creates=True, status=201, limit=SENDING, max_body=MOST_BYTES + 100_000, summary="Send a photo before filing."),
    Route("DELETE", "/api/photos/<photo_id>", "api_drop_photo", drop_photo, allow=access.ASK, kind="api", status=204,
          summary="Drop a photo that was sent before filing."),
    Route("GET", "/waiting-photos/<photo_id>", "waiting_photo", waiting_photo, allow=access.ASK, kind="file",
          summary="A photo that waits for its form."),
    Route("GET", "/<reference>/photos/<sha256>", "photo", photo, allow=access.PHOTOS, kind="file", accepts=PhotoQuery,
          summary="A photo of a request."),
    Route("GET", "/api/preferences", "api_preferences", liked, allow=access.ASK, kind="api", summary="What one's forms begin with."),
    Route("PUT", "/api/preferences/<code>", "api_like", like, allow=access.ASK, kind="api", accepts=PreferenceBody, status=204,
          summary="What the form of an item is to begin with."),
    Route("DELETE", "/api/preferences/<code>", "api_forget", forget, allow=access.ASK, kind="api", status=204,
          summary="Begin the form of an item empty again."),
    Route("GET", "/api/escalations", "api_escalations", escalations, allow=access.ESCALATED, kind="api", answers=(EscalationOut,),
          summary="What was escalated and awaits an answer."),
    Route("POST", "/api/requests/<reference>/escalation", "api_answer_escalation", answer_escalation, allow=access.DECIDE, kind="api",
          accepts=EscalationAnswer, creates=True, status=204, summary="Say what was done about an escalated request."),
)  # fmt: skip
