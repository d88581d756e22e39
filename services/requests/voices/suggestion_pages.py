"""Pages of suggestions, minutes of forums, and improvements on their way from finding to verified."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access as requests_access
from services.requests import model as requests_model
from services.requests.forms import Tick
from services.requests.requester import oneself
from services.requests.voices import access, api, model, schemas, store, suggestions, tables
from services.requests.voices.pages import PAGE, Bare, CursorQuery
from shared.clock import to_text
from shared.errors import Invalid, Refused
from shared.web.answers import Answer, Said, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.voices.store import Improvement, Suggestion
    from shared.web.context import Context

MOST_OWNERS = 100


class SuggestionsPageQuery(Schema):
    """Which list, and from where."""

    view = fields.String(load_default="all", validate=validate.OneOf(["all", "mine", "waiting"]))
    cursor = fields.String(load_default="", metadata={"maxLength": 400})


class ImprovementsPageQuery(Schema):
    """Which list, and from where."""

    view = fields.String(load_default="", validate=validate.OneOf(["", "open", "mine", "all"]))
    cursor = fields.String(load_default="", metadata={"maxLength": 400})


class SuggestionForm(Schema):
    """A suggestion."""

    title = Text(80, required=True)
    words = Text(2000, lines=True, load_default="")
    item = Key(load_default="")
    named = Tick(load_default=False)


class ForumForm(Schema):
    """Minutes; what was suggested stands one in a line."""

    held_on = fields.Date(required=True)
    topic = Text(80, required=True)
    place = Text(80, load_default="")
    people = Text(400, load_default="")
    minutes = Text(10_000, lines=True, required=True)
    suggested = Text(3000, lines=True, load_default="")


class MoveForm(Schema):
    """One step of an improvement."""

    move = fields.String(required=True, validate=validate.OneOf(sorted(model.OWNERS_MOVES | model.LEADERS_MOVES)))
    words = Text(1000, lines=True, load_default="")


# ---- suggestions


def suggestion_list(context: Context) -> Answer:
    """Suggestions and their replies, and a form for one more."""
    asked = context.query()
    return _suggestions(context, asked["view"], asked["cursor"])


def _suggestions(context: Context, view: str = "all", cursor: str = "", error: Refused | None = None) -> Answer:
    purpose = f"suggestions {view}"
    everything = context.may("reply_suggestion")
    code = context.language.code
    with context.read() as connection:
        found = store.list_suggestions(
            connection, requests_access.seen(context.principal, frozenset({"organisation"})), view=view, everything=everything,
            after=api.after_of(context, purpose, cursor), limit=PAGE + 1,
        )  # fmt: skip
    shown, onward = api.paged(context, purpose, found, PAGE, lambda each: to_text(each.made_at))
    return page(
        "requests/voices/suggestions.html",
        status=error.status if error else 200,
        view=view, views=["all", "waiting", "mine"] if everything else ["all", "mine"], rows=[_row(context, each) for each in shown],
        shown=len(shown), onward=context.url("suggestions", view=view, cursor=onward) if onward else "",
        first=context.url("suggestions", view=view) if cursor else "",
        items=[(item.code, item.name.in_(code)) for item in context.own.catalogue], may_suggest=context.may("suggest"),
        given=context.posted if error else {}, errors=context.errors(error) if error else {},
        due=model.due(context.now, model.REPLY_IN),
    )  # fmt: skip


def _row(context: Context, suggestion: Suggestion) -> dict[str, Any]:
    item = context.own.catalogue.get(suggestion.item)
    code = context.language.code
    waiting = suggestion.state == "received"
    return {
        "short": model.short(suggestion.reference), "suggestion": suggestion, "mark": item.mark.in_(code) if item else context.language("voices.mark.suggestion"),
        "item": item.name.in_(code) if item else "", "author": api.author_of(context, suggestion),
        "promise": ("breached" if context.now > suggestion.reply_by else "soon" if suggestion.reply_by - context.now <= model.SOON else "running") if waiting else "",
    }  # fmt: skip


def suggest(context: Context) -> Answer:
    """The suggestion has a date by which it is replied to."""
    try:
        form = context.form()
        with context.work() as work:
            made = suggestions.make_suggestion(work, context.own, oneself(context.principal), **form)
    except Invalid as error:
        context.give_up()
        return _suggestions(context, error=error)
    return see_other(
        context.url("suggestion", reference=model.short(made.reference)),
        said=Said("voices.said.suggested", draft="suggestion"),
    )


def one_suggestion(context: Context, reference: str) -> Answer:
    """One suggestion, its reply, and what came of it."""
    return _suggestion(context, reference)


def _suggestion(context: Context, reference: str, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = api.the_suggestion(context, connection, reference)
        made = store.improvements_of(connection, [found.id])
        forum = _forum_of(connection, found)
        owners = _owners(context, connection)
    mine = bool(found.author) and found.author == context.principal.account
    leads = context.may("reply_suggestion", access.of_suggestion(found))
    return page(
        "requests/voices/suggestion.html",
        status=error.status if error else 200,
        row=_row(context, found), suggestion=found, mine=mine, forum=forum,
        replied_by=context.language.named(found.replied_name, found.replied_name_en),
        may_reply=leads and found.state == "received" and not mine, may_take_back=mine and found.state == "received",
        leads=leads, improvements=[improvement_row(context, each) for each in made], owners=owners, today=requests_model.day_of(context.now),
        problem=context.language(error.key, **error.parameters) if error and not error.fields else "",
        given=context.posted if error else {}, errors=context.errors(error) if error else {}, outcomes=model.SUGGESTION_OUTCOMES,
    )  # fmt: skip


def _forum_of(connection: Connection, suggestion: Suggestion) -> store.Forum | None:
    if not suggestion.forum_id:
        return None
    return store.forum_by_id(connection, suggestion.forum_id)


def _owners(context: Context, connection: Connection) -> list[tuple[str, str]]:
    """Colleagues of one's own department who may be asked to see to something: user name and name."""
    if not context.may("improve"):
        return []
    found = store.colleagues(connection, context.principal.organisation, context.principal.department, MOST_OWNERS)
    return [(each.user_name, context.language.named(each.name, each.name_en)) for each in found]


def reply(context: Context, reference: str) -> Answer:
    """Everybody reads the reply."""
    try:
        form = context.form()
        with context.work() as work:
            found = api.the_suggestion(context, work.connection, reference, lock=True)
            suggestions.reply(work, found, oneself(context.principal), form["outcome"], form["words"])
    except (Invalid, model.Past, model.Own) as error:
        return _suggestion(context, reference, error)
    return see_other(context.url("suggestion", reference=reference), said=Said("voices.said.replied"))


def take_back(context: Context, reference: str) -> Answer:
    """The author takes it back."""
    context.form()
    try:
        with context.work() as work:
            suggestions.take_back(work, api.the_suggestion(context, work.connection, reference, lock=True))
    except model.Past as error:
        return _suggestion(context, reference, error)
    return see_other(context.url("suggestions"), said=Said("voices.said.taken_back"))


# ---- forums


def forum_list(context: Context) -> Answer:
    """Minutes, the last held first."""
    cursor = context.query()["cursor"]
    key = context.application.cursors.read("forums", cursor)
    with context.read() as connection:
        found = store.list_forums(
            connection, context.principal.organisation, after=(date.fromisoformat(key[0]), key[1]) if key else None,
            limit=PAGE + 1,
        )  # fmt: skip
    shown, onward = api.paged(context, "forums", found, PAGE, lambda each: each.held_on.isoformat())
    return page(
        "requests/voices/forums.html", rows=[(model.short(each.reference), each) for each in shown], shown=len(shown),
        onward=context.url("forums", cursor=onward) if onward else "", first=context.url("forums") if cursor else "",
        leads=context.may("new_forum"),
    )  # fmt: skip


def new_forum(context: Context) -> Answer:
    """The form of minutes."""
    return _forum_form(context)


def _forum_form(context: Context, error: Refused | None = None) -> Answer:
    return page(
        "requests/voices/forum_form.html", status=error.status if error else 200, given=context.posted if error else {},
        errors=context.errors(error) if error else {}, today=requests_model.day_of(context.now),
    )  # fmt: skip


def keep_minutes(context: Context) -> Answer:
    """The minutes are kept, with what was suggested."""
    try:
        form = context.form()
        suggested = [line.strip() for line in form.pop("suggested").splitlines() if line.strip()]
        if len(suggested) > 40 or any(len(line) > 80 for line in suggested):
            raise Invalid(fields={"suggested": ["voices.field.suggested"]})
        with context.work() as work:
            made = suggestions.keep_minutes(work, context.own, oneself(context.principal), **form, suggested=suggested)
    except Invalid as error:
        context.give_up()
        return _forum_form(context, error)
    return see_other(context.url("forum", reference=model.short(made.reference)), said=Said("voices.said.minutes"))


def one_forum(context: Context, reference: str) -> Answer:
    """The minutes of one forum, what was suggested, and what came of it."""
    return _forum(context, reference)


def _forum(context: Context, reference: str, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = api.the_forum(context, connection, reference)
        made = store.suggestions_of_forum(connection, found.id)
        come = store.improvements_of(connection, [found.id, *(each.id for each in made)])
        owners = _owners(context, connection)
    return page(
        "requests/voices/forum.html",
        status=error.status if error else 200,
        forum=found, short=model.short(found.reference), rows=[_row(context, each) for each in made],
        improvements=[improvement_row(context, each) for each in come], owners=owners, leads=context.may("improve"),
        today=requests_model.day_of(context.now), given=context.posted if error else {}, errors=context.errors(error) if error else {},
    )  # fmt: skip


def suggest_from_forum(context: Context, reference: str) -> Answer:
    """A forum suggested something more."""
    try:
        form = context.form()
        with context.work() as work:
            forum = api.the_forum(context, work.connection, reference)
            suggestions.make_suggestion(work, context.own, oneself(context.principal), **form, named=False, forum=forum)
    except Invalid as error:
        context.give_up()
        return _forum(context, reference, error)
    return see_other(context.url("forum", reference=reference), said=Said("voices.said.suggested"))


# ---- improvements


def improvement_row(context: Context, improvement: Improvement) -> dict[str, Any]:
    """An improvement as a line of a list."""
    return {
        "short": model.short(improvement.reference), "improvement": improvement,
        "owner": context.language.named(improvement.owner_name, improvement.owner_name_en),
        "late": improvement.late(requests_model.day_of(context.now)),
    }  # fmt: skip


def improvement_list(context: Context) -> Answer:
    """Improvements: under way, mine, all."""
    asked = context.query()
    return _improvements(context, asked["view"], asked["cursor"])


def _improvements(context: Context, view: str = "", cursor: str = "", error: Refused | None = None) -> Answer:
    leads = context.may("improve") or "supervisor" in context.principal.roles
    view = (view or "open") if leads else "mine"
    purpose = f"improvements {view}"
    with context.read() as connection:
        found = store.list_improvements(
            connection, requests_access.seen(context.principal, frozenset({"organisation"})), view=view,
            after=api.after_of(context, purpose, cursor), limit=PAGE + 1,
        )  # fmt: skip
        owners = _owners(context, connection)
    shown, onward = api.paged(context, purpose, found, PAGE, lambda each: to_text(each.made_at))
    return page(
        "requests/voices/improvements.html",
        status=error.status if error else 200,
        view=view, views=["open", "mine", "all"] if leads else ["mine"], rows=[improvement_row(context, each) for each in shown],
        shown=len(shown), onward=context.url("improvements", view=view, cursor=onward) if onward else "",
        first=context.url("improvements", view=view) if cursor else "", leads=context.may("improve"), owners=owners,
        today=requests_model.day_of(context.now), given=context.posted if error else {}, errors=context.errors(error) if error else {},
    )  # fmt: skip


def improve(context: Context) -> Answer:
    """Somebody is to see to it by a day."""
    try:
        form = context.form()
        with context.work() as work:
            made = api.begin_improvement(context, work, form)
    except Invalid as error:
        context.give_up()
        return _improvements(context, error=error)
    return see_other(
        context.url("improvement", reference=model.short(made.reference)), said=Said("voices.said.improving")
    )


def one_improvement(context: Context, reference: str) -> Answer:
    """One improvement: finding, cause, action, result, and the next step."""
    return _improvement(context, reference)


def _improvement(context: Context, reference: str, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = api.the_improvement(context, connection, reference)
        timeline = store.steps(connection, tables.improvement_step, found.id)
    words, mine = context.language, found.owner == context.principal.account
    own = mine or found.acted_by == context.principal.account
    moves = [
        move
        for move in model.MOVES[found.state]
        if (mine and move in model.OWNERS_MOVES) or (api.leads(context) and move in model.LEADERS_MOVES and not (move == "verify" and own))
    ]  # fmt: skip
    kind = {"suggestion": "suggestion", "forum": "forum", "complaint": "complaint"}.get(found.origin, "")
    return page(
        "requests/voices/improvement.html",
        status=error.status if error else 200,
        row=improvement_row(context, found), improvement=found, moves=moves, worded=model.WORDED,
        origin_href=context.url(kind, reference=model.short(found.origin_reference)) if kind and _reads_origin(context, kind) else "",
        origin=model.short(found.origin_reference) if kind else "",
        timeline=[_line(context, each) for each in timeline],
        problem=words(error.key, **error.parameters) if error and not error.fields else "",
        given=context.posted if error else {}, errors=context.errors(error) if error else {},
    )  # fmt: skip


def _reads_origin(context: Context, kind: str) -> bool:
    """A complaint is opened by few; the others by everybody who has the route."""
    return kind != "complaint" and context.may(kind)


def _line(context: Context, each: store.StepTaken) -> dict[str, Any]:
    words = context.language
    text = words(f"voices.moved.{each.what}", who=words.named(each.who, each.who_en))
    return {"at": each.at, "words": text, "note": each.detail, "id": "", "seal": None}


def move(context: Context, reference: str) -> Answer:
    """The improvement goes one step on."""
    try:
        form = context.form()
        with context.work() as work:
            found = api.the_improvement(context, work.connection, reference, lock=True)
            suggestions.move(
                work, found, oneself(context.principal), form["move"], form["words"], leads=api.leads(context)
            )
    except (Invalid, model.Past, model.NotYours, model.Own) as error:
        return _improvement(context, reference, error)
    return see_other(context.url("improvement", reference=reference), said=Said("voices.said.moved"))


ROUTES = (
    Route("GET", "/suggestions", "suggestions", suggestion_list, allow=access.READ, accepts=SuggestionsPageQuery, summary="Suggestions.", sample={}),
    Route("POST", "/suggestions", "suggest", suggest, allow=access.SUGGEST, accepts=SuggestionForm, creates=True, limit=api.SPOKEN,
          summary="Suggest something."),
    Route("GET", "/suggestions/<reference>", "suggestion", one_suggestion, allow=access.READ, summary="One suggestion."),
    Route("POST", "/suggestions/<reference>/reply", "reply_suggestion", reply, allow=access.LEAD, accepts=schemas.ReplyBody,
          summary="Reply to a suggestion before everybody."),
    Route("POST", "/suggestions/<reference>/take-back", "take_suggestion_back", take_back, allow=access.SUGGEST, accepts=Bare,
          summary="Take a suggestion back."),
    Route("GET", "/forums", "forums", forum_list, allow=access.READ, accepts=CursorQuery, summary="Minutes of forums.", sample={}),
    Route("GET", "/forums/new", "new_forum", new_forum, allow=access.LEAD, summary="The form of minutes.", sample={}),
    Route("POST", "/forums", "keep_minutes", keep_minutes, allow=access.LEAD, accepts=ForumForm, creates=True, limit=api.SPOKEN,
          summary="Keep minutes of a forum."),
    Route("GET", "/forums/<reference>", "forum", one_forum, allow=access.READ, summary="Minutes of one forum."),
    Route("POST", "/forums/<reference>/suggestions", "suggest_from_forum", suggest_from_forum, allow=access.LEAD,
          accepts=schemas.ForumSuggestionBody, creates=True, summary="Note what a forum suggested."),
    Route("GET", "/improvements", "improvements", improvement_list, allow=access.IMPROVE, accepts=ImprovementsPageQuery,
          summary="Improvements.", sample={}),
    Route("POST", "/improvements", "improve", improve, allow=access.LEAD, accepts=schemas.ImprovementBody, creates=True, limit=api.SPOKEN,
          summary="Begin an improvement."),
    Route("GET", "/improvements/<reference>", "improvement", one_improvement, allow=access.IMPROVE, summary="One improvement."),
    Route("POST", "/improvements/<reference>/moves", "move_improvement", move, allow=access.IMPROVE, accepts=MoveForm,
          summary="Take an improvement one step on."),
)  # fmt: skip
