"""Routes of the chat: the page, its JSON, and the calls that wait for a person."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, notices
from services.requests.chat import arrivals, conversation, links, records
from services.requests.chat.channels.base import MOST_BODY, Challenge, Rejected
from services.requests.chat.conversation import Message, Overtaken
from services.requests.letters import arrivals as mail_arrivals
from services.requests.notices.telling import About
from shared.clock import SITE_ZONE
from shared.errors import Absent, Malformed
from shared.web.answers import Answer, File, answer, page, see_other
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Access, Route, Scoped
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from services.requests.chat.understanding import Understanding
    from services.requests.desk import Desk
    from shared.language import Code
    from shared.web.context import Context

log = logging.getLogger("houqin.requests.chat")
MOST_TRIES = 4  # of a message that another one of the same conversation overtook
PAGE = 40
OFTEN = Limit(per_minute=60, burst=20)
DISPATCHERS = Access.to(dispatcher="organisation", administrator="all")


class Saying(Schema):
    """One message of the conversation. ``key`` is the sender's own id of it: sent again, it changes nothing."""

    text = fields.String(required=True, validate=validate.Length(1, 8000))
    key = Key(load_default="")


class SayingForm(Schema):
    """The same from the page's form."""

    text = fields.String(required=True, validate=validate.Length(1, 8000))
    key = Key(load_default="")


class Spoken(Schema):
    """A short answer as a button."""

    words = fields.String()
    say = fields.String()


class Row(Schema):
    """One line of a draft."""

    slot = fields.String()
    label = fields.String()
    value = fields.String()
    missing = fields.Boolean()


class DraftOut(Schema):
    """A request being put together."""

    item = fields.String()
    name = fields.String()
    mark = fields.String()
    rows = fields.List(fields.Nested(Row))
    ready = fields.Boolean()
    missing = fields.String()
    current = fields.Boolean()


class FiledOut(Schema):
    """A request that was filed by this message."""

    reference = fields.String()
    item = fields.String()


class Reply(Schema):
    """What the chat answers."""

    texts = fields.List(fields.String())
    choices = fields.List(fields.Nested(Spoken))
    drafts = fields.List(fields.Nested(DraftOut))
    filed = fields.List(fields.Nested(FiledOut))
    asked = fields.String()


class ExchangeOut(Schema):
    """One message and its answer."""

    id = fields.Integer()
    said = fields.String()
    at = fields.AwareDateTime()
    answer = fields.Nested(Reply)


class HistoryOut(Schema):
    """Messages of this conversation, oldest first; ``before`` gives the ones before them."""

    items = fields.List(fields.Nested(ExchangeOut))
    drafts = fields.List(fields.Nested(DraftOut))


class HistoryQuery(Schema):
    """Which messages."""

    before = Whole(0, 2**53 - 1, load_default=0)


class CallAnswer(Schema):
    """What the dispatcher answers."""

    answer = Text(1000, lines=True, required=True)


class Unlinking(Schema):
    """Which link ends."""

    platform = fields.String(required=True, validate=validate.OneOf(links.PLATFORMS))


class Bare(Schema):
    """A form of one button."""


# ---- talking


def say(context: Context) -> Answer:
    """One message is answered, and done."""
    return answer(_heard(context, context.json()))


def say_form(context: Context) -> Answer:
    """The same for the page's form: the page follows."""
    _heard(context, context.form())
    return see_other(context.url("chat") + "#end")


def _heard(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    desk: Desk = context.own
    text = body["text"]
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Malformed from error
    message = Message("web", body["key"] or secrets.token_hex(16), text.replace("\x00", "\x01"), _code(context))
    second = None
    if desk.second is not None:
        with context.read() as connection:
            elsewhere = conversation.asks_elsewhere(connection, desk, context.principal, message, context.now)
        if elsewhere:  # up to three seconds, in which nothing is locked and no connection is held
            local = context.now.astimezone(SITE_ZONE).replace(tzinfo=None, second=0, microsecond=0)
            second = desk.second.opinion(message.text, local)
    for _ in range(MOST_TRIES - 1):
        try:
            return _once(context, desk, message, second)
        except Overtaken:
            continue
    return _once(context, desk, message, second)


def _code(context: Context) -> Code:
    return "en" if context.language.code == "en" else "zh-Hans"


def _once(context: Context, desk: Desk, message: Message, second: Understanding | None) -> dict[str, Any]:
    with context.work() as work:
        found = conversation.hear(work, desk, context.principal, message, second)
    desk.numbers.refill()
    return found


def history(context: Context) -> Answer:
    """What was said before."""
    asked = context.query()
    desk: Desk = context.own
    with context.read() as connection:
        now_ = conversation.standing(connection, desk, context.principal, "web", _code(context), context.now)
        found = records.history(connection, now_["id"], asked["before"], PAGE) if now_["id"] else []
    return answer({"items": found, "drafts": now_["drafts"]})


def show(context: Context) -> Answer:
    """The conversation."""
    asked = context.query()
    desk: Desk = context.own
    with context.read() as connection:
        now_ = conversation.standing(connection, desk, context.principal, "web", _code(context), context.now)
        found = records.history(connection, now_["id"], asked["before"], PAGE) if now_["id"] else []
        linked = links.of_account(connection, context.principal.account)
    return page(
        "requests/chat.html",
        exchanges=found,
        drafts=now_["drafts"],
        key=secrets.token_hex(16),
        earlier=found[0].id if len(found) == PAGE else 0,
        linked=linked,
        emergency=desk.emergency,
        items=[(item.code, item.name.in_(context.language.code)) for item in desk.catalogue],
    )


# ---- calls for a person


def calls(context: Context) -> Answer:
    """Who waits for a person, the longest first."""
    with context.read() as connection:
        waiting = records.waiting_calls(connection, context.principal.organisation)
    return page("requests/chat_calls.html", calls=waiting)


def answer_call(context: Context, call_id: str) -> Answer:
    """The call is answered; who asked reads it in the conversation."""
    given = context.form()
    with context.work() as work:
        call = records.one_call(work.connection, call_id, lock=True)
        context.check(Scoped(organisation=call.organisation) if call else None)
        if call is None:
            raise Absent
        if call.answered_at is None:
            records.answer_call(work.connection, call.id, context.principal.account, given["answer"], work.now)
            told = context.language("chat.calls.answered", name=context.principal.name, answer=given["answer"])
            reply = {"texts": [told], "choices": [], "drafts": [], "filed": [], "asked": ""}
            if call.conversation:
                records.note(work.connection, call.conversation, f"call-{call.id}", "", reply, work.now)
                links.tell(work, call.conversation, told)
                if mail_arrivals.tell(work, context.own.office, call.conversation, told):
                    return see_other(context.url("chat_calls"))  # the bell would lead to another conversation
            about = About(subject="call", id=call.id, address="/requests/chat", people={"asker": (call.account,)})
            who = (context.principal.name, context.principal.name_en)
            notices.tell(work, "chat.answered", about, who=who)
    return see_other(context.url("chat_calls"))


# ---- linking


def show_links(context: Context) -> Answer:
    """Which chat programs speak for me."""
    with context.read() as connection:
        linked = links.of_account(connection, context.principal.account)
    return page("requests/chat_links.html", linked=linked, code="")


def make_code(context: Context) -> Answer:
    """A code that binds the chat account it is sent from."""
    context.form()
    with context.work() as work:
        code = links.make_code(work, context.principal.account)
        linked = links.of_account(work.connection, context.principal.account)
    return page("requests/chat_links.html", linked=linked, code=code)


def unlink(context: Context) -> Answer:
    """Chat accounts of a platform no longer speak for me."""
    platform = context.form()["platform"]
    with context.work() as work:
        links.unlink(work.connection, context.principal.account, platform)
    return see_other(context.url("chat_links"))


# ---- chat programs


def arrive(context: Context, platform: str) -> Answer:
    """A call of a chat program: checked over its raw bytes, taken once, acknowledged at once."""
    desk: Desk = context.own
    channel = desk.channels.get(platform)
    if channel is None:
        raise Absent
    request = context.request
    query = {name: request.args[name] for name in request.args}
    headers = {name: request.headers.get(name, "") for name in _HEADERS}
    body = request.get_data(cache=False)
    for tries in range(MOST_TRIES):
        try:
            with context.work() as work:
                told = arrivals.arrive(work, desk, channel, headers, query, body)
            break
        except Overtaken:
            if tries == MOST_TRIES - 1:
                raise
        except Rejected as error:
            log.warning("call refused", extra={"platform": platform, "why": error.why})
            raise
    desk.numbers.refill()
    if isinstance(told, Challenge):
        return File(body=told.body, content_type=told.content_type)
    return File(body=told, content_type="text/plain; charset=utf-8")


_HEADERS = ("timestamp", "sign", "X-Lark-Request-Timestamp", "X-Lark-Request-Nonce", "X-Lark-Signature")
KEPT = timedelta(days=180)

ROUTES = (
    Route("GET", "/chat", "chat", show, allow=access.ASK, accepts=HistoryQuery, summary="The conversation.", sample={}),
    Route("POST", "/chat", "chat_say", say_form, allow=access.ASK, accepts=SayingForm, limit=OFTEN, summary="Say something."),
    Route("GET", "/chat/links", "chat_links", show_links, allow=access.ASK, summary="Linked chat programs.", sample={}),
    Route("POST", "/chat/links", "chat_make_code", make_code, allow=access.ASK, accepts=Bare, limit=Limit(per_minute=6, burst=6),
          summary="A code that links a chat program."),
    Route("POST", "/chat/links/end", "chat_unlink", unlink, allow=access.ASK, accepts=Unlinking, summary="Unlink a chat program."),
    Route("GET", "/chat/calls", "chat_calls", calls, allow=DISPATCHERS, summary="Conversations waiting for a person.", sample={}),
    Route("POST", "/chat/calls/<call_id>", "chat_answer", answer_call, allow=DISPATCHERS, accepts=CallAnswer, summary="Answer somebody who waits."),
    Route("GET", "/api/chat/from/<platform>", "chat_challenge", arrive, allow=PUBLIC, kind="api", limit=Limit(per_minute=60, burst=30),
          summary="A chat program asks whether the address is ours."),
    Route("POST", "/api/chat/from/<platform>", "chat_arrive", arrive, allow=PUBLIC, kind="api", proof=False, max_body=MOST_BODY,
          limit=Limit(per_minute=3000, burst=600), summary="A message from a chat program, signed by it."),
    Route("POST", "/api/chat", "api_chat", say, allow=access.ASK, kind="api", accepts=Saying, answers=Reply, limit=OFTEN,
          summary="Say something to the chat."),
    Route("GET", "/api/chat", "api_chat_history", history, allow=access.ASK, kind="api", accepts=HistoryQuery, answers=HistoryOut,
          summary="What was said before."),
)  # fmt: skip


def forget(work: Any) -> None:
    """What was said half a year ago is gone, and what was kept against replays until now."""
    records.forget(work.connection, work.now, work.now - KEPT)
