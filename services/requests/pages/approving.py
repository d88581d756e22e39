"""What awaits somebody's approval, and who decides while they are away: page and API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, approvals, forms, model, store
from services.requests.bookings import store as booking_store
from services.requests.handlers import deciding, filing
from services.requests.pages.one import facts_of
from shared.errors import Conflict, Invalid, Refused
from shared.web.answers import Answer, Said, answer, nothing, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Instant, Key, Text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.approvals import Approval
    from services.requests.bookings.store import Booking
    from services.requests.compound import Place
    from services.requests.store import Request
    from shared.web.context import Context
    from shared.work import Work


class DecisionForm(Schema):
    """May it be filed?"""

    granted = fields.String(required=True, validate=validate.OneOf(["yes", "no"]))
    reason = Text(200, load_default="")


class Decision(Schema):
    """Whether it may be filed or booked; a refusal says why."""

    granted = fields.Boolean(required=True)
    reason = Text(200, load_default="")


class Bare(Schema):
    """A form of one button."""


class DeputyForm(Schema):
    """Who decides for the person, from when to when."""

    deputy = Text(64, required=True)
    from_at = forms.SiteTime(load_default=None, blank=True)
    until_at = forms.SiteTime(required=True)


class DeputyBody(Schema):
    """Who decides for the caller: a user name; ``from_at`` null = from now."""

    deputy = Key(required=True)
    from_at = Instant(load_default=None, allow_none=True)
    until_at = Instant(required=True)


class DeputyOut(Schema):
    """A deputy of the caller."""

    id = fields.String()
    deputy = fields.String(attribute="name")
    from_at = Instant()
    until_at = Instant()


class MadeDeputy(Schema):
    """The deputy that was named."""

    id = fields.String()


class VoteOut(Schema):
    """What somebody decided."""

    step = fields.Integer()
    name = fields.String()
    deputy = fields.Boolean()
    granted = fields.Boolean()
    words = fields.String()
    at = Instant()


class ApprovalOut(Schema):
    """What awaits the caller's approval; ``subject`` is the id that a decision names."""

    subject = fields.String()
    kind = fields.String()
    reference = fields.String()
    causes = fields.List(fields.String())
    why = fields.String()
    summary = fields.String()
    department = fields.String()
    step = fields.Integer()
    steps = fields.Integer()
    due_at = Instant()
    votes = fields.List(fields.Nested(VoteOut))


class Outcome(Schema):
    """``open``: others must decide too; ``next``: the next step begins; ``granted``; ``refused``."""

    outcome = fields.String()


def _waiting(context: Context, connection: Connection) -> list[tuple[Approval, Request | Booking]]:
    found: list[tuple[Approval, Request | Booking]] = []
    for each in approvals.waiting_for(connection, context.principal, context.now):
        thing = (
            store.request_by_id(connection, each.request_id)
            if each.kind == "request"
            else booking_store.booking(connection, each.request_id)
        )
        if thing is not None:
            found.append((each, thing))
    return found


def _subject(context: Context, work: Work, named: str) -> str:
    """The id of the request or booking that a decision names, by its reference or its id."""
    full = model.full_reference(named, model.day_of(context.now))
    request = store.request_by_reference(work.connection, full)
    return request.id if request is not None else named


def list_approvals(context: Context) -> Answer:
    """What awaits the caller's approval, the most urgent first."""
    with context.read() as connection:
        found = _waiting(context, connection)
        given = approvals.votes(connection, [each.request_id for each, _ in found])
    items = []
    for each, thing in found:
        request = each.kind == "request"
        hidden = bool(request and thing.restricted)  # type: ignore[union-attr]
        items.append({
            "subject": each.request_id, "kind": each.kind, "reference": thing.reference if request else "",  # type: ignore[union-attr]
            "causes": each.causes, "why": each.why, "summary": "" if hidden else thing.summary if request else thing.subject,  # type: ignore[union-attr]
            "department": thing.department, "step": each.step + 1, "steps": len(each.steps), "due_at": each.due_at,
            "votes": given[each.request_id],
        })  # fmt: skip
    return answer({"items": items, "next": ""})


def api_decide(context: Context, subject: str) -> Answer:
    """The caller's decision counts."""
    body = context.json()
    with context.work() as work:
        outcome = deciding.decide(
            work,
            context.own,
            _subject(context, work, subject),
            context.principal,
            granted=body["granted"],
            words=body["reason"],
        )
    return answer({"outcome": outcome})


def api_decide_request(context: Context, reference: str) -> Answer:
    """The same for a request by its reference."""
    body = context.json()
    with context.work() as work:
        subject = _subject(context, work, reference)
        deciding.decide(work, context.own, subject, context.principal, granted=body["granted"], words=body["reason"])
    return nothing()


def awaiting(context: Context) -> Answer:
    """What awaits the person's approval: over a quota, above the standard, chosen rooms; and their deputies."""
    return _page(context)


def _page(context: Context, error: Refused | None = None, at: str = "") -> Answer:
    code, words = context.language.code, context.language
    with context.read() as connection:
        found = _waiting(context, connection)
        given = approvals.votes(connection, [each.request_id for each, _ in found])
        departments = context.own.departments(connection)
        places = context.own.places(connection) if found else {}
        names = {each.number: each.name.in_(code) for each in booking_store.resources(connection)}
        deputies = approvals.deputies_of(connection, context.principal.account, context.now)
    rows: list[dict[str, Any]] = []
    for each, thing in found:
        department = departments.get(thing.department)
        rows.append({
            "approval": each, "votes": given[each.request_id],
            "department": department.name.in_(code) if department else thing.department,
            **(_request_row(context, thing, places) if each.kind == "request" else _booking_row(context, thing, names)),  # type: ignore[arg-type]
        })  # fmt: skip
    errors = context.errors(error) if error else {}
    return page(
        "requests/approvals.html",
        status=error.status if error else 200,
        rows=rows,
        deputies=[(each, each.name if words.chinese else each.name_en) for each in deputies],
        problem=words(error.key, **error.parameters) if error and not error.fields else "",
        errors=errors,
        labels={name: words(f"approval.{name}") for name in ("deputy", "from_at", "until_at")}
        | {f"reason-{at}": words("quota.reason")},
        at=at,
        given=context.posted if error and not at else {},
    )


def _request_row(context: Context, request: Request, places: dict[str, Place]) -> dict[str, Any]:
    code = context.language.code
    item = context.own.item_of(request)
    return {
        "id": model.short(request.reference), "short": model.short(request.reference), "mark": item.mark.in_(code) if item else "·",
        "title": item.name.in_(code) if item and request.restricted else request.summary,
        "facts": [] if request.restricted else facts_of(context, request, places, ""),
        "who": request.requester_name if context.language.chinese else request.requester_name_en,
    }  # fmt: skip


def _booking_row(context: Context, booking: Booking, names: dict[int, str]) -> dict[str, Any]:
    words = context.language
    facts = [
        (words("booking.when"), words.span(booking.starts_at, booking.ends_at, context.now)),
        (words("booking.which"), names.get(booking.resource, "")),
        (words("booking.people"), words.number(booking.headcount) if booking.headcount else ""),
        (words("booking.layout_word"), words(f"booking.layout.{booking.layout}") if booking.layout else ""),
        (words("booking.details"), booking.details),
    ]
    return {
        "id": booking.id, "short": "", "mark": "", "title": booking.subject, "facts": [each for each in facts if each[1]],
        "who": booking.name if context.language.chinese else booking.name_en,
    }  # fmt: skip


def decide(context: Context, subject: str) -> Answer:
    """The person's decision counts."""
    try:
        form = context.form()
        with context.work() as work:
            outcome = deciding.decide(
                work,
                context.own,
                _subject(context, work, subject),
                context.principal,
                granted=form["granted"] == "yes",
                words=form["reason"],
            )
    except (Invalid, Conflict) as error:
        context.give_up()
        shown = (
            Invalid(fields={f"reason-{subject}": error.fields.get("reason", ["field.required"])})
            if error.fields
            else error
        )
        return _page(context, shown, subject)
    return see_other(context.url("approvals"), said=Said(f"approval.said.{outcome}"))


# ---- deputies


def _name(context: Context, work: Work, form: dict[str, Any]) -> str:
    account = filing.somebody(work, form["deputy"], context.principal.organisation, "deputy")
    return approvals.name_deputy(
        work, context.principal.account, account.id, form["from_at"] or work.now, form["until_at"]
    )


def name_deputy(context: Context) -> Answer:
    """Somebody decides for the person in that time."""
    try:
        form = context.form()
        with context.work() as work:
            _name(context, work, form)
    except Invalid as error:
        context.give_up()
        return _page(context, error)
    return see_other(context.url("approvals"), said=Said("approval.said.deputy"))


def end_deputy(context: Context, deputy_id: str) -> Answer:
    """The deputy decides no longer."""
    context.form()
    with context.work() as work:
        approvals.end_deputy(work, context.principal.account, deputy_id)
    return see_other(context.url("approvals"))


def list_deputies(context: Context) -> Answer:
    """The caller's deputies, now and to come."""
    with context.read() as connection:
        found = approvals.deputies_of(connection, context.principal.account, context.now)
    return answer({"items": found, "next": ""})


def api_name_deputy(context: Context) -> Answer:
    """Somebody decides for the caller in that time."""
    body = context.json()
    with context.work() as work:
        made = _name(context, work, body)
    return answer({"id": made}, 201)


def api_end_deputy(context: Context, deputy_id: str) -> Answer:
    """The deputy decides no longer."""
    with context.work() as work:
        approvals.end_deputy(work, context.principal.account, deputy_id)
    return nothing()


ROUTES = (
    Route("GET", "/api/approvals", "api_approvals", list_approvals, allow=access.APPROVE, kind="api", answers=(ApprovalOut,),
          summary="What awaits the caller's approval."),
    Route("POST", "/api/approvals/<subject>/decision", "api_decide_approval", api_decide, allow=access.APPROVE, kind="api", accepts=Decision,
          answers=Outcome, creates=True, summary="Approve or refuse a request or booking."),
    Route("POST", "/api/requests/<reference>/decision", "api_decide", api_decide_request, allow=access.APPROVE, kind="api", accepts=Decision,
          creates=True, status=204, summary="Approve or refuse a request."),
    Route("GET", "/api/deputies", "api_deputies", list_deputies, allow=access.APPROVE, kind="api", answers=(DeputyOut,),
          summary="The caller's deputies."),
    Route("POST", "/api/deputies", "api_name_deputy", api_name_deputy, allow=access.APPROVE, kind="api", accepts=DeputyBody, answers=MadeDeputy,
          creates=True, status=201, summary="Name a deputy for a time."),
    Route("DELETE", "/api/deputies/<deputy_id>", "api_end_deputy", api_end_deputy, allow=access.APPROVE, kind="api", status=204,
          summary="End a deputy."),
    Route("GET", "/approvals", "approvals", awaiting, allow=access.APPROVE, summary="What awaits approval.", sample={}),
    Route("POST", "/approvals/deputies", "name_deputy", name_deputy, allow=access.APPROVE, accepts=DeputyForm, creates=True,
          summary="Name a deputy."),
    Route("POST", "/approvals/deputies/<deputy_id>/end", "end_deputy", end_deputy, allow=access.APPROVE, accepts=Bare, summary="End a deputy."),
    Route("POST", "/approvals/<subject>", "decide", decide, allow=access.APPROVE, accepts=DecisionForm, summary="Approve or refuse."),
)  # fmt: skip
