"""JSON routes of complaints, suggestions, forums and improvements."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from services.requests import access as requests_access
from services.requests import api as requests_api
from services.requests import model as requests_model
from services.requests import store as requests_store
from services.requests.requester import oneself
from services.requests.voices import access, complaints, model, schemas, store, suggestions
from shared.clock import from_text, to_text
from shared.errors import Absent, Forbidden, Invalid
from shared.web import noting
from shared.web.answers import Answer, answer, nothing
from shared.web.limits import Limit
from shared.web.routes import Route
from shared.web.schemas import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from services.requests.store import Request
    from services.requests.voices.store import Complaint, Forum, Improvement, Suggestion
    from shared.web.context import Context
    from shared.work import Work

SPOKEN = Limit(per_minute=30, burst=30)  # complaints, suggestions and the like of one account

# ---- what the views of pages and routes share


def full(context: Context, reference: str) -> str:
    """The full reference of what stands in an address."""
    return model.full_reference(reference, requests_model.day_of(context.now))


def wanted(
    context: Context, connection: Connection, reference: str, scope: Callable[[Complaint], Any] = access.of_complaint,
    *, lock: bool = False,
) -> Complaint:  # fmt: skip
    """The complaint of this reference, if the person may use this route on it.

    Raises:
        Absent: there is none, or it is somebody else's; the answers are equal.
    """
    found = store.complaint_by_reference(connection, full(context, reference), lock=lock)
    context.check(scope(found) if found else None)
    if found is None:
        raise Absent
    return found


def request_of(context: Context, connection: Connection, reference: str) -> Request | None:
    """The request that is complained about; one's own.

    Raises:
        Invalid: there is none, or it is somebody else's.
    """
    if not reference:
        return None
    found = requests_store.request_by_reference(
        connection, requests_model.full_reference(reference, requests_model.day_of(context.now))
    )
    if found is None or context.principal.account not in requests_access.where(found).owners:
        raise Invalid(fields={"request": ["voices.field.request"]})
    return found


def complain(context: Context, work: Work, body: dict[str, Any], channel: str) -> Complaint:
    """The complaint of this form or body is filed."""
    return complaints.open_complaint(
        work, context.own, oneself(context.principal), about=body["about"], category=body["category"], words=body["words"],
        request=request_of(context, work.connection, body["request"]), department=body["department"], channel=channel,
    )  # fmt: skip


def acts_of(context: Context, complaint: Complaint) -> frozenset[str]:
    """What this person may do to the complaint next."""
    found: frozenset[str] = frozenset()
    if context.principal.account == complaint.complainant:
        found |= model.complainant_may(complaint.state, complaint.round, complaint.appeal_until, context.now)
    if complaint.handler and context.principal.account == complaint.handler:
        found |= model.handler_may(complaint.state)
    return found


def knows_complainant(context: Context, complaint: Complaint) -> bool:
    """Whether this person may read who complained."""
    return context.principal.account in {complaint.complainant, complaint.handler}


def note_names(context: Context, given: Sequence[Complaint]) -> None:
    """That the person was given the complainants' names of these complaints stands in the log; outside any transaction."""
    me = context.principal.account
    noting.note_each(
        context, "person", [each.reference for each in given if each.handler == me and each.complainant != me]
    )


def seen_as(context: Context, complaint: Complaint) -> dict[str, Any]:
    """A complaint as this person may read it."""
    return {
        **complaint.__dict__,
        "request": complaint.request_reference,
        "complainant": complaint.complainant_name if knows_complainant(context, complaint) else "",
        "handler": complaint.handler_name,
        "reasons": [{"key": key, "number": number} for key, number in complaint.reasons],
        "overdue": model.standing(complaint.state, complaint.due_at, context.now) == "breached",
        "salt": complaint.salt if context.principal.account == complaint.complainant else "",
        "may": sorted(acts_of(context, complaint)),
    }


def the_suggestion(context: Context, connection: Connection, reference: str, *, lock: bool = False) -> Suggestion:
    """The suggestion of this reference, if the person may read it: before the reply only its author and whoever replies.

    Raises:
        Absent: there is none, or it is not to be read yet.
    """
    found = store.suggestion_by_reference(connection, full(context, reference), lock=lock)
    context.check(access.of_suggestion(found) if found else None)
    if found is None or not readable(context, found):
        raise Absent
    return found


def readable(context: Context, suggestion: Suggestion) -> bool:
    """Whether this person may read it today."""
    if suggestion.author and suggestion.author == context.principal.account:
        return True
    if context.may("reply_suggestion", access.of_suggestion(suggestion)):
        return True
    return suggestion.state != "withdrawn" and (suggestion.state != "received" or not suggestion.author)


def author_of(context: Context, suggestion: Suggestion) -> str:
    """The author's name, where this person may read it."""
    mine = suggestion.author == context.principal.account
    if suggestion.named or mine or context.may("reply_suggestion", access.of_suggestion(suggestion)):
        return context.language.named(suggestion.author_name, suggestion.author_name_en)
    return ""


def the_forum(context: Context, connection: Connection, reference: str) -> Forum:
    """The forum of this reference.

    Raises:
        Absent: there is none in the person's scope.
    """
    found = store.forum_by_reference(connection, full(context, reference))
    context.check(access.of_body(found) if found else None)
    if found is None:
        raise Absent
    return found


def the_improvement(context: Context, connection: Connection, reference: str, *, lock: bool = False) -> Improvement:
    """The improvement of this reference.

    Raises:
        Absent: there is none in the person's scope.
    """
    found = store.improvement_by_reference(connection, full(context, reference), lock=lock)
    context.check(access.of_improvement(found) if found else None)
    if found is None:
        raise Absent
    return found


def leads(context: Context) -> bool:
    """Whether the person may verify, send back and drop improvements of others."""
    return "organisation" in context.scopes


def begin_improvement(context: Context, work: Work, body: dict[str, Any]) -> Improvement:
    """An improvement is begun from this form or body.

    Raises:
        Invalid: what it is of is not there, or not for this person.
    """
    origin, origin_id, reference = "own", "", full(context, body["of"]) if body["of"] else ""
    if reference:
        kind = {"C": "complaint", "J": "suggestion", "F": "forum"}.get(reference[:1], "")
        found: Any = None
        if kind == "complaint":
            found = store.complaint_by_reference(work.connection, reference)
            found = found if found and found.handler == context.principal.account else None
        elif kind == "suggestion":
            found = store.suggestion_by_reference(work.connection, reference)
        elif kind == "forum":
            found = store.forum_by_reference(work.connection, reference)
        if found is None or not _within(context, found.organisation):
            raise Invalid(fields={"of": ["voices.field.of"]})
        origin, origin_id = kind, found.id
    return suggestions.begin_improvement(
        work, oneself(context.principal), finding=body["finding"], action=body["action"], owner=body["owner"], due_on=body["due_on"],
        origin=origin, origin_id=origin_id, origin_reference=reference,
    )  # fmt: skip


def _within(context: Context, organisation: str) -> bool:
    own = context.principal.organisation
    return bool(own) and (organisation == own or organisation.startswith(own + "/"))


def paged(
    context: Context, purpose: str, found: Sequence[Any], limit: int, key: Callable[[Any], str]
) -> tuple[list[Any], str]:
    """The rows of one page, and the cursor of the next; ``found`` holds one row more where there is one."""
    shown = list(found[:limit])
    last = shown[-1] if len(found) > limit else None
    return shown, context.application.cursors.write(purpose, key(last), last.id) if last else ""


def after_of(context: Context, purpose: str, cursor: str) -> Any:
    """The sort key after which a page of moments goes on."""
    key = context.application.cursors.read(purpose, cursor)
    return (from_text(key[0]), key[1]) if key else None


# ---- complaints


def list_complaints(context: Context) -> Answer:
    """Complaints, newest first."""
    asked = context.query()
    if asked["view"] == "all" and "organisation" not in context.scopes:
        raise Forbidden
    purpose = f"complaints {asked['view']}"
    sight = requests_access.seen(context.principal, context.scopes)
    with context.read() as connection:
        found = store.list_complaints(
            connection,
            asked["view"],
            sight,
            after=after_of(context, purpose, asked["cursor"]),
            limit=asked["limit"] + 1,
        )
    shown, onward = paged(context, purpose, found, asked["limit"], lambda each: to_text(each.opened_at))
    note_names(context, shown)
    return answer({"items": [seen_as(context, each) for each in shown], "next": onward})


def make_complaint(context: Context) -> Answer:
    """The complaint is filed, and somebody independent looks into it."""
    body = context.json()
    with context.work() as work:
        made = complain(context, work, body, "api")
    return answer(
        seen_as(context, made), 201, Location=context.url("api_complaint", reference=model.short(made.reference))
    )


def one_complaint(context: Context, reference: str) -> Answer:
    """One complaint."""
    with context.read() as connection:
        found = wanted(context, connection, reference)
    note_names(context, [found])
    return answer(seen_as(context, found))


def about_us(context: Context) -> Answer:
    """Complaints about one's own company or crew, without anything that tells who complained."""
    asked = context.query()
    person = context.principal
    with context.read() as connection:
        found = store.about_us(
            connection, supplier=person.supplier if "supplier" in context.scopes else "", crew=person.crew,
            after=after_of(context, "about-us", asked["cursor"]), limit=asked["limit"] + 1,
        )  # fmt: skip
    shown, onward = paged(context, "about-us", found, asked["limit"], lambda each: to_text(each.opened_at))
    return answer({"items": [about_us_row(each) for each in shown], "next": onward})


def about_us_row(complaint: Complaint) -> dict[str, Any]:
    """What the one complained about may read."""
    return {
        "month": f"{requests_model.day_of(complaint.opened_at):%Y-%m}", "state": complaint.state, "category": complaint.category,
        "item": complaint.item, "outcome": complaint.outcome,
    }  # fmt: skip


def _handled(context: Context, reference: str, act: Callable[[Work, Complaint], None]) -> Answer:
    with context.work() as work:
        act(work, wanted(context, work.connection, reference, access.to_handler, lock=True))
    return nothing()


def _spoken(context: Context, reference: str, act: Callable[[Work, Complaint], None]) -> Answer:
    with context.work() as work:
        act(work, wanted(context, work.connection, reference, access.to_complainant, lock=True))
    return nothing()


def acknowledge(context: Context, reference: str) -> Answer:
    """The handler has begun to look into it."""
    context.json()
    return _handled(context, reference, lambda work, it: complaints.acknowledge(work, it, context.principal.account))


def answer_complaint(context: Context, reference: str) -> Answer:
    """The handler answers."""
    body = context.json()
    return _handled(
        context, reference,
        lambda work, it: complaints.answer(work, it, context.principal.account, body["outcome"], body["words"]),
    )  # fmt: skip


def step_aside(context: Context, reference: str) -> Answer:
    """The handler has an interest in it: another one looks into it."""
    context.json()
    return _handled(context, reference, lambda work, it: complaints.step_aside(work, it, context.principal.account))


def accept(context: Context, reference: str) -> Answer:
    """The complainant accepts the answer."""
    context.json()
    return _spoken(context, reference, complaints.accept)


def appeal(context: Context, reference: str) -> Answer:
    """The complainant does not accept the answer."""
    body = context.json()
    return _spoken(context, reference, lambda work, it: complaints.appeal(work, it, body["words"]))


def take_back(context: Context, reference: str) -> Answer:
    """The complainant takes it back."""
    context.json()
    return _spoken(context, reference, complaints.take_back)


# ---- suggestions


def suggestion_out(context: Context, suggestion: Suggestion) -> dict[str, Any]:
    """A suggestion as this person may read it."""
    return {
        **suggestion.__dict__,
        "author": author_of(context, suggestion),
        "replied_by": context.language.named(suggestion.replied_name, suggestion.replied_name_en),
        "overdue": suggestion.state == "received" and context.now > suggestion.reply_by,
    }


def list_suggestions(context: Context) -> Answer:
    """Suggestions, newest first."""
    asked = context.query()
    purpose = f"suggestions {asked['view']}"
    sight = requests_access.seen(context.principal, context.scopes)
    with context.read() as connection:
        found = store.list_suggestions(
            connection, sight, view=asked["view"], everything=context.may("reply_suggestion"),
            after=after_of(context, purpose, asked["cursor"]), limit=asked["limit"] + 1,
        )  # fmt: skip
    shown, onward = paged(context, purpose, found, asked["limit"], lambda each: to_text(each.made_at))
    return answer({"items": [suggestion_out(context, each) for each in shown], "next": onward})


def make_suggestion(context: Context) -> Answer:
    """The suggestion has a date by which it is replied to."""
    body = context.json()
    with context.work() as work:
        made = suggestions.make_suggestion(work, context.own, oneself(context.principal), **body)
    return answer(
        suggestion_out(context, made),
        201,
        Location=context.url("api_suggestion", reference=model.short(made.reference)),
    )


def one_suggestion(context: Context, reference: str) -> Answer:
    """One suggestion."""
    with context.read() as connection:
        return answer(suggestion_out(context, the_suggestion(context, connection, reference)))


def reply(context: Context, reference: str) -> Answer:
    """Everybody reads the reply."""
    body = context.json()
    with context.work() as work:
        found = the_suggestion(context, work.connection, reference, lock=True)
        suggestions.reply(work, found, oneself(context.principal), body["outcome"], body["words"])
    return nothing()


def take_suggestion_back(context: Context, reference: str) -> Answer:
    """The author takes it back."""
    context.json()
    with context.work() as work:
        suggestions.take_back(work, the_suggestion(context, work.connection, reference, lock=True))
    return nothing()


# ---- forums


def forum_out(forum: Forum, made: Sequence[Suggestion] = ()) -> dict[str, Any]:
    """Minutes with the references of what was suggested."""
    return {**forum.__dict__, "suggestions": [each.reference for each in made]}


def list_forums(context: Context) -> Answer:
    """Minutes, the last held first."""
    asked = context.query()
    key = context.application.cursors.read("forums", asked["cursor"])
    with context.read() as connection:
        found = store.list_forums(
            connection, context.principal.organisation, after=(date.fromisoformat(key[0]), key[1]) if key else None,
            limit=asked["limit"] + 1,
        )  # fmt: skip
    shown, onward = paged(context, "forums", found, asked["limit"], lambda each: each.held_on.isoformat())
    return answer({"items": [forum_out(each) for each in shown], "next": onward})


def make_forum(context: Context) -> Answer:
    """The minutes are kept, with what was suggested."""
    body = context.json()
    suggested = body.pop("suggestions")
    with context.work() as work:
        made = suggestions.keep_minutes(work, context.own, oneself(context.principal), **body, suggested=suggested)
        rows = store.suggestions_of_forum(work.connection, made.id)
    return answer(forum_out(made, rows), 201, Location=context.url("api_forum", reference=model.short(made.reference)))


def one_forum(context: Context, reference: str) -> Answer:
    """The minutes of one forum."""
    with context.read() as connection:
        found = the_forum(context, connection, reference)
        return answer(forum_out(found, store.suggestions_of_forum(connection, found.id)))


def suggest_from_forum(context: Context, reference: str) -> Answer:
    """A forum suggested something more."""
    body = context.json()
    with context.work() as work:
        forum = the_forum(context, work.connection, reference)
        made = suggestions.make_suggestion(
            work, context.own, oneself(context.principal), **body, named=False, forum=forum
        )
    return answer(suggestion_out(context, made), 201)


# ---- improvements


def improvement_out(context: Context, improvement: Improvement) -> dict[str, Any]:
    """An improvement as JSON."""
    return {**improvement.__dict__, "late": improvement.late(requests_model.day_of(context.now))}


def list_improvements(context: Context) -> Answer:
    """Improvements, newest first."""
    asked = context.query()
    view = asked["view"] if leads(context) else "mine"
    purpose = f"improvements {view}"
    sight = requests_access.seen(context.principal, context.scopes)
    with context.read() as connection:
        found = store.list_improvements(
            connection, sight, view=view, after=after_of(context, purpose, asked["cursor"]), limit=asked["limit"] + 1
        )
    shown, onward = paged(context, purpose, found, asked["limit"], lambda each: to_text(each.made_at))
    return answer({"items": [improvement_out(context, each) for each in shown], "next": onward})


def make_improvement(context: Context) -> Answer:
    """Somebody is to see to it by a day."""
    body = context.json()
    with context.work() as work:
        made = begin_improvement(context, work, body)
    return answer(
        improvement_out(context, made),
        201,
        Location=context.url("api_improvement", reference=model.short(made.reference)),
    )


def one_improvement(context: Context, reference: str) -> Answer:
    """One improvement."""
    with context.read() as connection:
        return answer(improvement_out(context, the_improvement(context, connection, reference)))


def move(context: Context, reference: str) -> Answer:
    """The improvement goes one step on."""
    body = context.json()
    with context.work() as work:
        found = the_improvement(context, work.connection, reference, lock=True)
        suggestions.move(work, found, oneself(context.principal), body["move"], body["words"], leads=leads(context))
    return nothing()


def _complaint(path: str, name: str, view: Any, allow: Any, summary: str, accepts: Any = requests_api.Nothing) -> Route:
    return Route("POST", f"/api/complaints/<reference>/{path}", name, view, allow=allow, kind="api", accepts=accepts,
                 creates=True, status=204, summary=summary)  # fmt: skip


ROUTES = (
    Route("GET", "/api/complaints", "api_complaints", list_complaints, allow=access.READ_COMPLAINTS, kind="api", accepts=schemas.ComplaintsQuery,
          answers=(schemas.ComplaintOut,), summary="Complaints: own, to look into, or of the body."),
    Route("POST", "/api/complaints", "api_complain", make_complaint, allow=access.COMPLAIN, kind="api", accepts=schemas.ComplaintBody,
          answers=schemas.ComplaintOut, creates=True, status=201, limit=SPOKEN, summary="Complain."),
    Route("GET", "/api/complaints/about-us", "api_about_us", about_us, allow=access.ABOUT_US, kind="api", accepts=Page,
          answers=(schemas.AboutUsOut,), summary="Complaints about one's own company or crew, without names."),
    Route("GET", "/api/complaints/<reference>", "api_complaint", one_complaint, allow=access.READ_COMPLAINTS, kind="api",
          answers=schemas.ComplaintOut, summary="One complaint."),
    _complaint("acknowledge", "api_acknowledge", acknowledge, access.HANDLE, "Begin to look into a complaint."),
    _complaint("answer", "api_answer_complaint", answer_complaint, access.HANDLE, "Answer a complaint.", schemas.AnswerBody),
    _complaint("step-aside", "api_step_aside", step_aside, access.HANDLE, "Leave a complaint to another handler."),
    _complaint("accept", "api_accept_answer", accept, access.COMPLAIN, "Accept the answer to a complaint."),
    _complaint("appeal", "api_appeal", appeal, access.COMPLAIN, "Appeal against the answer, once.", schemas.AppealBody),
    _complaint("take-back", "api_take_back", take_back, access.COMPLAIN, "Take a complaint back."),
    Route("GET", "/api/suggestions", "api_suggestions", list_suggestions, allow=access.READ, kind="api", accepts=schemas.SuggestionsQuery,
          answers=(schemas.SuggestionOut,), summary="Suggestions."),
    Route("POST", "/api/suggestions", "api_suggest", make_suggestion, allow=access.SUGGEST, kind="api", accepts=schemas.SuggestionBody,
          answers=schemas.SuggestionOut, creates=True, status=201, limit=SPOKEN, summary="Suggest something."),
    Route("GET", "/api/suggestions/<reference>", "api_suggestion", one_suggestion, allow=access.READ, kind="api", answers=schemas.SuggestionOut,
          summary="One suggestion."),
    Route("POST", "/api/suggestions/<reference>/reply", "api_reply", reply, allow=access.LEAD, kind="api", accepts=schemas.ReplyBody,
          creates=True, status=204, summary="Reply to a suggestion before everybody."),
    Route("POST", "/api/suggestions/<reference>/take-back", "api_take_suggestion_back", take_suggestion_back, allow=access.SUGGEST,
          kind="api", accepts=requests_api.Nothing, creates=True, status=204, summary="Take a suggestion back."),
    Route("GET", "/api/forums", "api_forums", list_forums, allow=access.READ, kind="api", accepts=Page, answers=(schemas.ForumOut,),
          summary="Minutes of forums."),
    Route("POST", "/api/forums", "api_make_forum", make_forum, allow=access.LEAD, kind="api", accepts=schemas.ForumBody, answers=schemas.ForumOut,
          creates=True, status=201, limit=SPOKEN, summary="Keep minutes of a forum."),
    Route("GET", "/api/forums/<reference>", "api_forum", one_forum, allow=access.READ, kind="api", answers=schemas.ForumOut,
          summary="Minutes of one forum."),
    Route("POST", "/api/forums/<reference>/suggestions", "api_forum_suggest", suggest_from_forum, allow=access.LEAD, kind="api",
          accepts=schemas.ForumSuggestionBody, answers=schemas.SuggestionOut, creates=True, status=201, summary="Note what a forum suggested."),
    Route("GET", "/api/improvements", "api_improvements", list_improvements, allow=access.IMPROVE, kind="api", accepts=schemas.ImprovementsQuery,
          answers=(schemas.ImprovementOut,), summary="Improvements: own, under way, all."),
    Route("POST", "/api/improvements", "api_improve", make_improvement, allow=access.LEAD, kind="api", accepts=schemas.ImprovementBody,
          answers=schemas.ImprovementOut, creates=True, status=201, limit=SPOKEN, summary="Begin an improvement."),
    Route("GET", "/api/improvements/<reference>", "api_improvement", one_improvement, allow=access.IMPROVE, kind="api",
          answers=schemas.ImprovementOut, summary="One improvement."),
    Route("POST", "/api/improvements/<reference>/moves", "api_move_improvement", move, allow=access.IMPROVE, kind="api", accepts=schemas.MoveBody,
          creates=True, status=204, summary="Take an improvement one step on."),
)  # fmt: skip
