"""The bell: its list on a page and through the API, its count, its stream."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests.notices import store, wording
from services.requests.notices.rules import RULES
from shared.errors import Absent, Invalid, TooMany
from shared.language import CODES, language
from shared.web.answers import Answer, Said, answer, events, page, see_other
from shared.web.limits import Limit
from shared.web.routes import SIGNED_IN, Route
from shared.web.schemas import Instant, Key, Page, Text

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from services.requests.notices.store import Notice
    from shared.web.context import Context
    from shared.work import Work

PAGE = 40
KEPT = timedelta(days=180)
# Every open page may listen; a process keeps room for those who do something. Whoever finds none asks now and then.
MOST_LISTENING = 300
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class ListQuery(Schema):
    """Which notices."""

    view = fields.String(load_default="all", validate=validate.OneOf(["all", "unread"]))
    cursor = fields.String(load_default="", validate=validate.Length(max=400))


class Marking(Schema):
    """One notice, or all up to the newest that the page shows."""

    notice = Key(load_default="")
    until = Key(load_default="")


class Bare(Schema):
    """A form of one button."""


class Listening(Schema):
    """Where a stream goes on."""

    last = Text(20, load_default="")


class ApiQuery(Page):
    """How many notices, from where; unread ones only, if wanted."""

    unread = fields.Boolean(load_default=False)


class NoticeOut(Schema):
    """One notice in the caller's language; ``address`` is the page it leads to."""

    id = fields.String()
    kind = fields.String()
    text = fields.String()
    subject = fields.String()
    address = fields.String()
    made_at = Instant()
    read_at = Instant(allow_none=True)


class CountOut(Schema):
    """How many are unread; ``most`` means that or more. ``words`` by language for the bell."""

    unread = fields.Integer()
    most = fields.Integer()
    words = fields.Dict(keys=fields.String(), values=fields.String())


class MarkingBody(Schema):
    """These notices, or all up to the one of id ``until``."""

    ids = fields.List(Key(), load_default=list, validate=validate.Length(max=200))
    until = Key(load_default="")


class Marked(Schema):
    """How many changed."""

    changed = fields.Integer()


# ---- the page


def show(context: Context) -> Answer:
    """My notices, newest first."""
    asked = context.query()
    desk: Desk = context.own
    account = context.principal.account
    cursors = context.application.cursors
    key = cursors.read("notices", asked["cursor"])
    place = desk.hub.place()
    unread_only = asked["view"] == "unread"
    with context.read() as connection:
        places = desk.places(connection)
        found = store.of_account(connection, account, unread=unread_only, after=key[0] if key else "", limit=PAGE + 1)
        unread = store.unread(connection, account)
    shown = found[:PAGE]
    days: list[tuple[str, list[tuple[Notice, str]]]] = []
    for each in shown:
        day = context.language.day(each.made_at, context.now)
        if not days or days[-1][0] != day:
            days.append((day, []))
        days[-1][1].append((each, wording.said(context.language, each, desk.catalogue, places, context.now)))
    onward = cursors.write("notices", shown[-1].id) if len(found) > PAGE else ""
    return page(
        "requests/notices.html", view=asked["view"], place=place, days=days, unread=unread, shown=len(shown), most=store.MOST_COUNTED,
        until=shown[0].id if shown else "", topics={kind: rule.topic for kind, rule in RULES.items()},
        onward=context.url("notices", view=asked["view"], cursor=onward) if onward else "",
        first=context.url("notices", view=asked["view"]) if key else "",
    )  # fmt: skip


def mark(context: Context) -> Answer:
    """One, or all that the page shows and older ones, are read; this can be undone."""
    form = context.form()
    with context.work() as work:
        ids = [form["notice"]] if form["notice"] else []
        changed = store.mark(
            work.connection, context.principal.account, work.now, ids=ids, until="" if ids else form["until"]
        )
        moment = (work.now - _EPOCH) // _MICROSECOND
    if not changed:
        return see_other(context.url("notices"))
    return see_other(
        context.url("notices"),
        said=Said("notice.said.marked", {"n": changed}, undo=context.url("unmark_notices", moment=moment)),
    )


def unmark(context: Context, moment: int) -> Answer:
    """What was marked at this instant is unread again."""
    context.form()
    try:
        at = _EPOCH + moment * _MICROSECOND
    except OverflowError as error:
        raise Absent from error
    with context.work() as work:
        changed = store.unmark(work.connection, context.principal.account, read_at=at)
    return see_other(context.url("notices"), said=Said("notice.said.unmarked") if changed else None)


def open_(context: Context, notice_id: str) -> Answer:
    """The notice is read, and the page it leads to follows."""
    with context.work() as work:
        found = store.one(work.connection, context.principal.account, notice_id)
        if found is None:
            raise Absent
        store.mark(work.connection, found.account, work.now, ids=[found.id])
    return see_other(found.address)


# ---- the API and the bell


def list_api(context: Context) -> Answer:
    """My notices, newest first."""
    asked = context.query()
    desk: Desk = context.own
    cursors = context.application.cursors
    key = cursors.read("notices", asked["cursor"])
    with context.read() as connection:
        places = desk.places(connection)
        found = store.of_account(
            connection, context.principal.account, unread=asked["unread"], after=key[0] if key else "", limit=asked["limit"] + 1
        )  # fmt: skip
    shown = found[: asked["limit"]]
    items = [
        {**each.__dict__, "text": wording.said(context.language, each, desk.catalogue, places, context.now)} for each in shown
    ]  # fmt: skip
    return answer({"items": items, "next": cursors.write("notices", shown[-1].id) if len(found) > len(shown) else ""})


def count(context: Context) -> Answer:
    """How many I have not read."""
    with context.read() as connection:
        unread = store.unread(connection, context.principal.account)
    shown: Any = unread
    words = {}
    for code in CODES:
        of = language(code)
        if unread >= store.MOST_COUNTED:
            shown = of("notice.bell_more")
        words[code] = of("notice.bell_n", n=shown) if unread else of("notice.bell")
    return answer({"unread": unread, "most": store.MOST_COUNTED, "words": words})


def mark_api(context: Context) -> Answer:
    """These are read."""
    body = _which(context.json())
    with context.work() as work:
        changed = store.mark(work.connection, context.principal.account, work.now, ids=body["ids"], until=body["until"])
    return answer({"changed": changed})


def unmark_api(context: Context) -> Answer:
    """These are unread again."""
    body = context.json()
    if not body["ids"]:
        raise Invalid(fields={"ids": ["field.required"]})
    with context.work() as work:
        changed = store.unmark(work.connection, context.principal.account, ids=body["ids"])
    return answer({"changed": changed})


def _which(body: dict[str, Any]) -> dict[str, Any]:
    if bool(body["ids"]) == bool(body["until"]):
        raise Invalid(fields={"ids": ["field.required"]})
    return body


def listen(context: Context) -> Answer:
    """Something new for me, as it happens."""
    context.query()
    desk: Desk = context.own
    if desk.hub.listening >= MOST_LISTENING:
        raise TooMany(60)
    return events(desk.hub.stream(context, [f"account:{context.principal.account}"]))


def forget(work: Work) -> None:
    """Notices of half a year ago are gone."""
    store.forget(work.connection, work.now - KEPT)


ROUTES = (
    Route("GET", "/notices", "notices", show, allow=SIGNED_IN, accepts=ListQuery, summary="My notices.", sample={}),
    Route("POST", "/notices/read", "mark_notices", mark, allow=SIGNED_IN, accepts=Marking, summary="Mark notices as read."),
    Route("POST", "/notices/unread/<int:moment>", "unmark_notices", unmark, allow=SIGNED_IN, accepts=Bare,
          summary="Undo marking notices as read."),
    Route("POST", "/notices/<notice_id>/open", "open_notice", open_, allow=SIGNED_IN, accepts=Bare, summary="Open what a notice is about."),
    Route("GET", "/notices/live", "bell", listen, allow=SIGNED_IN, kind="events", accepts=Listening,
          limit=Limit(per_minute=60, burst=60), summary="New notices, as they come."),
    Route("GET", "/api/notices", "api_notices", list_api, allow=SIGNED_IN, kind="api", accepts=ApiQuery, answers=(NoticeOut,),
          summary="My notices, newest first."),
    Route("GET", "/api/notices/count", "api_notices_count", count, allow=SIGNED_IN, kind="api", answers=CountOut,
          summary="How many notices I have not read."),
    Route("POST", "/api/notices/read", "api_mark_notices", mark_api, allow=SIGNED_IN, kind="api", accepts=MarkingBody, answers=Marked,
          summary="Mark notices as read."),
    Route("POST", "/api/notices/unread", "api_unmark_notices", unmark_api, allow=SIGNED_IN, kind="api", accepts=MarkingBody,
          answers=Marked, summary="Mark notices as unread."),
)  # fmt: skip
