"""Pages of complaints: file one, follow it, look into it; and what the one complained about may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access as requests_access
from services.requests import lists as requests_lists
from services.requests import model as requests_model
from services.requests import store as requests_store
from services.requests.voices import access, api, complaints, model, schemas, store, tables
from shared.clock import to_text
from shared.errors import Absent, Invalid, Refused
from shared.web.answers import Answer, Said, events, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.requests.desk import Desk
    from services.requests.store import Request
    from services.requests.voices.store import Complaint
    from shared.web.context import Context
    from shared.work import Work

PAGE = 25
RECENT = 10  # of one's requests offered where a complaint names one


class Bare(Schema):
    """A form of one button."""


class ListQuery(Schema):
    """Which list, and from where."""

    view = fields.String(load_default="", validate=validate.OneOf(["", "mine", "handling", "all"]))
    cursor = fields.String(load_default="", metadata={"maxLength": 400})


class CursorQuery(Schema):
    """From where a list goes on."""

    cursor = fields.String(load_default="", metadata={"maxLength": 400})


class NewQuery(Schema):
    """Which request it is about."""

    request = Key(load_default="")


class AnswerForm(Schema):
    """What was found, and what is said to the complainant."""

    outcome = fields.String(required=True, validate=validate.OneOf(model.OUTCOMES))
    words = Text(2000, lines=True, required=True)


class Listening(Schema):
    """Where the stream goes on."""

    last = Text(20, load_default="")


# ---- lists


def complaint_list(context: Context) -> Answer:
    """My complaints, those I look into, or all of the body."""
    asked = context.query()
    desk: Desk = context.own
    place = desk.hub.place()
    views = _views(context)
    with context.read() as connection:
        counts = store.count_complaints(connection, context.principal.account)
        orphans = (
            store.count_without_handler(connection, context.principal.organisation)
            if context.may("admin_people")
            else 0
        )
        view = asked["view"] or ("handling" if "handling" in views and counts["handling"] else views[0])
        if view not in views:
            raise Absent
        purpose = f"complaints {view}"
        found = store.list_complaints(
            connection, view, requests_access.seen(context.principal, context.scopes),
            after=api.after_of(context, purpose, asked["cursor"]), limit=PAGE + 1,
        )  # fmt: skip
    shown, onward = api.paged(context, purpose, found, PAGE, lambda each: to_text(each.opened_at))
    return page(
        "requests/voices/complaints.html",
        place=place, view=view, rows=[row_of(context, each) for each in shown], shown=len(shown),
        tabs=[{"key": each, "count": counts.get(each)} for each in views],
        onward=context.url("complaints", view=view, cursor=onward) if onward else "",
        first=context.url("complaints", view=view) if asked["cursor"] else "",
        may_complain=context.may("new_complaint"), orphans=orphans,
    )  # fmt: skip


def _views(context: Context) -> list[str]:
    """The lists that this person has, the first of which is shown when none is asked for."""
    found = []
    if context.may("complain"):
        found.append("mine")
    if context.may("answer_complaint"):
        found.append("handling")
    if "organisation" in context.scopes:
        found.append("all")
    return found if "mine" in found else [*(each for each in ("all", "handling") if each in found)]


def row_of(context: Context, complaint: Complaint) -> dict[str, Any]:
    """A complaint as a line of a list."""
    item = context.own.catalogue.get(complaint.item)
    code = context.language.code
    return {
        "short": model.short(complaint.reference), "complaint": complaint, "mark": item.mark.in_(code) if item else context.language("voices.mark.complaint"),
        "item": item.name.in_(code) if item else "", "promise": model.standing(complaint.state, complaint.due_at, context.now),
        "title": context.language("voices.complaint.title", about=context.language(f"voices.about.{complaint.about}"), category=context.language(f"voices.category.{complaint.category}")),
    }  # fmt: skip


def follow(context: Context) -> Answer:
    """What changes on complaints and suggestions of mine, as it happens."""
    context.query()
    return events(context.own.hub.stream(context, [f"account:{context.principal.account}"]))


def about_us(context: Context) -> Answer:
    """Complaints about one's own company or crew."""
    asked = context.query()
    person, words = context.principal, context.language
    with context.read() as connection:
        found = store.about_us(
            connection, supplier=person.supplier if "supplier" in context.scopes else "", crew=person.crew,
            after=api.after_of(context, "about-us", asked["cursor"]), limit=PAGE + 1,
        )  # fmt: skip
    shown, onward = api.paged(context, "about-us", found, PAGE, lambda each: to_text(each.opened_at))
    rows = []
    for each in shown:
        row = api.about_us_row(each)
        item = context.own.catalogue.get(each.item)
        year, month = row["month"].split("-")
        rows.append({
            **row, "month": words.month(int(year), int(month)), "item": item.name.in_(words.code) if item else "–",
            "category": words(f"voices.category.{each.category}"),
            "outcome": words(f"voices.outcome.{each.outcome}") if each.outcome else "–",
        })  # fmt: skip
    return page(
        "requests/voices/about_us.html", rows=rows, shown=len(rows),
        onward=context.url("about_us", cursor=onward) if onward else "", first=context.url("about_us") if asked["cursor"] else "",
    )  # fmt: skip


# ---- a new one


def new_complaint(context: Context) -> Answer:
    """The form of a complaint."""
    reference = context.query()["request"]
    return _form(context, {"request": reference, "about": "work" if reference else ""})


def _form(context: Context, given: dict[str, Any], error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    code, account = context.language.code, context.principal.account
    request, errors = None, context.errors(error) if error else {}
    with context.read() as connection:
        departments = desk.departments(connection)
        recent = requests_lists.list_requests(connection, requests_store.Seen(account=account), limit=RECENT)
        try:
            request = api.request_of(context, connection, str(given.get("request", "")))
        except Invalid as wrong:
            errors = {**context.errors(wrong), **errors}
    return page(
        "requests/voices/complaint_form.html",
        status=error.status if error else 200,
        given=given, errors=errors, request=request, summary=_summary(context, request) if request else "",
        short=requests_model.short(request.reference) if request else "",
        departments=sorted((each.code, each.name.in_(code)) for each in departments.values()),
        recent=[(requests_model.short(each.reference), _summary(context, each)) for each in recent if account in {each.requester, each.filed_by}],
        abouts=model.ABOUT, categories=model.CATEGORIES, due=model.due(context.now, model.ANSWER_IN),
    )  # fmt: skip


def _summary(context: Context, request: Request) -> str:
    item = context.own.catalogue.get(request.item)
    return str(item.name.in_(context.language.code)) if request.restricted and item else request.summary


def complain(context: Context) -> Answer:
    """The complaint is filed."""
    try:
        form = context.form()
        with context.work() as work:
            made = api.complain(context, work, form, "form")
    except Invalid as error:
        context.give_up()
        return _form(context, context.posted, error)
    return see_other(
        context.url("complaint", reference=model.short(made.reference)),
        said=Said("voices.said.complained", draft="complaint"),
    )


# ---- one complaint


def one(context: Context, reference: str) -> Answer:
    """One complaint: what was said, who looks into it and why, what happened, what may be done."""
    return _one(context, reference)


def _one(context: Context, reference: str, error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    place = desk.hub.place()
    words, code = context.language, context.language.code
    with context.read() as connection:
        found = store.complaint_by_reference(connection, api.full(context, reference))
        context.check(access.of_complaint(found) if found else None)
        if found is None:
            raise Absent
        request = requests_store.request_by_id(connection, found.request_id) if found.request_id else None
        story = requests_store.happenings(connection, request.id) if request and _handles(context, found) else []
        timeline = store.steps(connection, tables.complaint_step, found.id)
        departments = desk.departments(connection)
        places = desk.places(connection) if request else {}
        improvements = store.improvements_of(connection, [found.id]) if context.may("improvement") else []
    api.note_names(context, [found])
    row = row_of(context, found)
    mine = context.principal.account == found.complainant
    facts = [(words("voices.form.category"), words(f"voices.category.{found.category}"))]
    if found.department:
        named = departments.get(found.department)
        facts.append((words("voices.form.department"), named.name.in_(code) if named else found.department))
    if api.knows_complainant(context, found) and not mine:
        facts.append(
            (words("voices.complaint.complainant"), words.named(found.complainant_name, found.complainant_name_en))
        )
    if request and not (request.restricted and not api.knows_complainant(context, found)):
        spot = places.get(request.place)
        facts.append(
            (
                words("voices.complaint.request"),
                f"{requests_model.short(request.reference)} {_summary(context, request)}",
            )
        )
        facts.append((words("requests.form.place"), spot.name.in_(code) if spot else request.place))
        if _handles(context, found) and request.crew_name:
            facts.append((words("voices.complaint.crew"), words.named(request.crew_name, request.crew_name_en)))
    return page(
        "requests/voices/complaint.html",
        status=error.status if error else 200,
        place=place, row=row, complaint=found, mine=mine, handles=_handles(context, found), acts=api.acts_of(context, found), facts=facts,
        request_href=context.url("request", reference=requests_model.short(found.request_reference)) if mine and request else "",
        reasons=[words(f"voices.why.{key}", n=number) for key, number in found.reasons],
        timeline=[_line(context, each) for each in timeline],
        story=[{"at": each.at, "words": words(f"requests.happened.{each.what}"), "note": "", "id": "", "seal": None} for each in story],
        problem=words(error.key, **error.parameters) if error and not error.fields else "",
        errors=context.errors(error) if error else {}, given=context.posted if error else {}, outcomes=model.OUTCOMES,
        digest=complaints.digest(found.salt, found.words) if mine else "",
        improvements=improvements, leads=context.may("improve"), today=requests_model.day_of(context.now),
    )  # fmt: skip


def _handles(context: Context, complaint: Complaint) -> bool:
    return bool(complaint.handler) and context.principal.account == complaint.handler


def _line(context: Context, each: store.StepTaken) -> dict[str, Any]:
    words = context.language
    text = words(f"voices.step.{each.what}", who=words.named(each.who, each.who_en))
    note = ""
    if each.what == "answered":
        note = words(f"voices.outcome.{each.detail}")
    elif each.what == "given" and each.detail:
        note = words(f"voices.kind.{each.detail}")
    elif each.what == "closed":
        note = words(f"voices.closed.{each.detail}")
    return {"at": each.at, "words": text, "note": note, "id": "", "seal": None}


def _acted(
    context: Context,
    reference: str,
    scope: Callable[[Complaint], Any],
    act: Callable[[Work, Complaint], None],
    said: str,
) -> Answer:
    try:
        with context.work() as work:
            act(work, api.wanted(context, work.connection, reference, scope, lock=True))
    except (Invalid, model.Past, model.NotYours) as error:
        return _one(context, reference, error)
    return see_other(context.url("complaint", reference=reference), said=Said(said))


def acknowledge(context: Context, reference: str) -> Answer:
    """The handler has begun to look into it."""
    context.form()
    account = context.principal.account
    return _acted(
        context, reference, access.to_handler, lambda work, it: complaints.acknowledge(work, it, account), "voices.said.acknowledged"
    )  # fmt: skip


def answer(context: Context, reference: str) -> Answer:
    """The handler answers."""
    account = context.principal.account
    try:
        form = context.form()
    except Invalid as error:
        return _refused(context, reference, access.to_handler, error)
    return _acted(
        context, reference, access.to_handler,
        lambda work, it: complaints.answer(work, it, account, form["outcome"], form["words"]), "voices.said.answered",
    )  # fmt: skip


def step_aside(context: Context, reference: str) -> Answer:
    """The handler has an interest in it: another one looks into it, and this person reads it no longer."""
    context.form()
    with context.work() as work:
        found = api.wanted(context, work.connection, reference, access.to_handler, lock=True)
        complaints.step_aside(work, found, context.principal.account)
    return see_other(context.url("complaints"), said=Said("voices.said.stepped_aside"))


def accept(context: Context, reference: str) -> Answer:
    """The complainant accepts the answer."""
    context.form()
    return _acted(context, reference, access.to_complainant, complaints.accept, "voices.said.accepted")


def appeal(context: Context, reference: str) -> Answer:
    """The complainant does not accept the answer."""
    try:
        words = context.form()["words"]
    except Invalid as error:
        return _refused(context, reference, access.to_complainant, error)
    return _acted(
        context, reference, access.to_complainant, lambda work, it: complaints.appeal(work, it, words), "voices.said.appealed"
    )  # fmt: skip


def take_back(context: Context, reference: str) -> Answer:
    """The complainant takes it back."""
    context.form()
    return _acted(context, reference, access.to_complainant, complaints.take_back, "voices.said.taken_back")


def _refused(context: Context, reference: str, scope: Callable[[Complaint], Any], error: Invalid) -> Answer:
    """The page again with what is wrong, for whoever may do this at all."""
    with context.read() as connection:
        api.wanted(context, connection, reference, scope)
    return _one(context, reference, error)


def _post(path: str, name: str, view: Any, allow: Any, summary: str, accepts: Any = Bare) -> Route:
    return Route("POST", f"/complaints/<reference>/{path}", name, view, allow=allow, accepts=accepts, summary=summary)


ROUTES = (
    Route("GET", "/complaints", "complaints", complaint_list, allow=access.READ_COMPLAINTS, accepts=ListQuery, summary="Complaints.", sample={}),
    Route("GET", "/complaints/live", "complaints_live", follow, allow=access.READ_COMPLAINTS, kind="events", accepts=Listening,
          summary="What changes on complaints and suggestions."),
    Route("GET", "/complaints/new", "new_complaint", new_complaint, allow=access.COMPLAIN, accepts=NewQuery,
          summary="The form of a complaint.", sample={}),
    Route("GET", "/complaints/about-us", "about_us", about_us, allow=access.ABOUT_US, accepts=CursorQuery,
          summary="Complaints about one's own company or crew.", sample={}),
    Route("POST", "/complaints", "complain", complain, allow=access.COMPLAIN, accepts=schemas.ComplaintBody, creates=True, limit=api.SPOKEN,
          summary="Complain."),
    Route("GET", "/complaints/<reference>", "complaint", one, allow=access.READ_COMPLAINTS, summary="One complaint."),
    _post("acknowledge", "acknowledge_complaint", acknowledge, access.HANDLE, "Begin to look into a complaint."),
    _post("answer", "answer_complaint", answer, access.HANDLE, "Answer a complaint.", AnswerForm),
    _post("step-aside", "step_aside", step_aside, access.HANDLE, "Leave a complaint to another handler."),
    _post("accept", "accept_answer", accept, access.COMPLAIN, "Accept the answer to a complaint."),
    _post("appeal", "appeal", appeal, access.COMPLAIN, "Appeal against the answer, once.", schemas.AppealBody),
    _post("take-back", "take_complaint_back", take_back, access.COMPLAIN, "Take a complaint back."),
)  # fmt: skip
