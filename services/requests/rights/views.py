"""Pages and JSON routes of cases about personal data: one's own, and those that administrators answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests.access import ADMINISTER
from services.requests.requester import oneself
from services.requests.rights import handling
from services.requests.voices import api as voices
from services.requests.voices.model import SOON, Own, Past, short
from shared.clock import from_text, to_text
from shared.contracts.base import SERVICES
from shared.errors import Absent, Invalid, Refused
from shared.web.answers import Answer, Said, answer, nothing, page, see_other
from shared.web.limits import Limit
from shared.web.routes import SIGNED_IN, Route, Scoped
from shared.web.schemas import Instant, Text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.rights.handling import Case
    from shared.web.context import Context

PAGE = 50
ASKING = Limit(per_minute=6, burst=6)


class AskForm(Schema):
    """What is asked, and about what."""

    kind = fields.String(required=True, validate=validate.OneOf(handling.KINDS))
    words = Text(2000, lines=True, required=True)


class AnswerForm(Schema):
    """What was done, or why not; both are read by the person."""

    outcome = fields.String(required=True, validate=validate.OneOf(handling.OUTCOMES))
    words = Text(2000, lines=True, required=True)


class Bare(Schema):
    """A form of one button."""


class ListQuery(Schema):
    """From where the list of closed cases goes on."""

    cursor = fields.String(load_default="", metadata={"maxLength": 400})


class CaseOut(Schema):
    """A case about personal data."""

    reference = fields.String()
    state = fields.String(metadata={"description": "open, granted, in_part, refused, withdrawn"})
    kind = fields.String()
    words = fields.String()
    account = fields.String(metadata={"description": "whose data"})
    made_at = Instant()
    due_at = Instant()
    late = fields.Boolean()
    answer = fields.String()
    closed_at = Instant(allow_none=True)
    touched = fields.Integer(metadata={"description": "rows of requests that were deleted or emptied"})


class CasesOut(Schema):
    """Cases."""

    items = fields.List(fields.Nested(CaseOut))


def _out(context: Context, case: Case) -> dict[str, Any]:
    return {**case.__dict__, "late": case.late(context.now)}


def _row(context: Context, case: Case) -> dict[str, Any]:
    """A case as a line of a list."""
    promise = ""
    if case.state == "open":
        near = case.due_at - context.now <= SOON
        promise = "breached" if case.late(context.now) else "soon" if near else "running"
    return {
        "case": case, "short": short(case.reference), "promise": promise, "name": context.language.named(case.name, case.name_en),
        "answered_by": context.language.named(case.answered_name, case.answered_name_en),
    }  # fmt: skip


def _found(context: Context, connection: Connection, reference: str, *, lock: bool = False) -> Case:
    """The case of this reference, if the person may use this route on it.

    Raises:
        Absent: there is none, or it is somebody else's.
    """
    found = handling.by_reference(connection, voices.full(context, reference), lock=lock)
    context.check(Scoped(owners=frozenset({found.account})) if found else None)
    if found is None:
        raise Absent
    return found


# ---- one's own


def my_data(context: Context) -> Answer:
    """Where one's data can be seen, and what one asked about it."""
    return _mine(context)


def _mine(context: Context, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        cases = handling.of_account(connection, context.principal.account)
    return page(
        "requests/rights/mine.html",
        status=error.status if error else 200,
        rows=[_row(context, each) for each in cases], kinds=handling.KINDS, services=SERVICES, days=handling.ANSWER_IN,
        given=context.posted if error else {}, errors=context.errors(error) if error else {},
        problem=context.language(error.key, **error.parameters) if error and not error.fields else "",
    )  # fmt: skip


def ask(context: Context) -> Answer:
    """The case has a day by which it is answered."""
    try:
        form = context.form()
        with context.work() as work:
            handling.ask(work, oneself(context.principal), form["kind"], form["words"])
    except (Invalid, handling.OpenAlready) as error:
        context.give_up()
        return _mine(context, error)
    return see_other(context.url("my_data"), said=Said("rights.said.asked"))


def take_back(context: Context, reference: str) -> Answer:
    """The person wants no answer any more."""
    context.form()
    try:
        with context.work() as work:
            handling.take_back(work, _found(context, work.connection, reference, lock=True))
    except Past as error:
        return _mine(context, error)
    return see_other(context.url("my_data"), said=Said("rights.said.taken_back"))


def list_own(context: Context) -> Answer:
    """One's own cases, newest first."""
    with context.read() as connection:
        found = handling.of_account(connection, context.principal.account)
    return answer({"items": [_out(context, each) for each in found]})


def ask_by_api(context: Context) -> Answer:
    """The case has a day by which it is answered."""
    body = context.json()
    with context.work() as work:
        made = handling.ask(work, oneself(context.principal), body["kind"], body["words"])
    return answer(_out(context, made), 201)


# ---- administrators


def cases(context: Context) -> Answer:
    """What awaits an answer, by its day, and what was answered."""
    cursor = context.query()["cursor"]
    key = context.application.cursors.read("data cases", cursor)
    with context.read() as connection:
        waiting = handling.waiting(connection)
        found = handling.closed(connection, (from_text(key[0]), key[1]) if key else None, PAGE + 1)
    shown, onward = voices.paged(context, "data cases", found, PAGE, lambda each: to_text(each.closed_at))
    return page(
        "requests/rights/cases.html", waiting=[] if cursor else [_row(context, each) for each in waiting],
        closed=[_row(context, each) for each in shown], late=sum(each.late(context.now) for each in waiting),
        onward=context.url("data_cases", cursor=onward) if onward else "", first=context.url("data_cases") if cursor else "",
    )  # fmt: skip


def one_case(context: Context, reference: str) -> Answer:
    """One case, and the answer to it."""
    return _case(context, reference)


def _case(context: Context, reference: str, error: Refused | None = None) -> Answer:
    with context.read() as connection:
        found = _found(context, connection, reference)
    return page(
        "requests/rights/case.html",
        status=error.status if error else 200,
        row=_row(context, found), case=found, own=found.account == context.principal.account, outcomes=handling.OUTCOMES,
        given=context.posted if error else {}, errors=context.errors(error) if error else {},
        problem=context.language(error.key, **error.parameters) if error and not error.fields else "",
    )  # fmt: skip


def answer_case(context: Context, reference: str) -> Answer:
    """The person reads the answer; what was granted to be erased is erased."""
    try:
        form = context.form()
        with context.work() as work:
            found = _found(context, work.connection, reference, lock=True)
            handling.answer(work, found, oneself(context.principal), form["outcome"], form["words"])
    except (Invalid, Past, Own) as error:
        return _case(context, reference, error)
    return see_other(context.url("data_case", reference=reference), said=Said("rights.said.answered"))


def list_waiting(context: Context) -> Answer:
    """Cases that await an answer, the one that is due first at the top."""
    with context.read() as connection:
        found = handling.waiting(connection)
    return answer({"items": [_out(context, each) for each in found]})


def answer_by_api(context: Context, reference: str) -> Answer:
    """The person reads the answer; what was granted to be erased is erased."""
    body = context.json()
    with context.work() as work:
        found = _found(context, work.connection, reference, lock=True)
        handling.answer(work, found, oneself(context.principal), body["outcome"], body["words"])
    return nothing()


ROUTES = (
    Route("GET", "/me/data", "my_data", my_data, allow=SIGNED_IN, summary="The data kept of me, and what I asked about it.", sample={}),
    Route("POST", "/me/data", "ask_about_data", ask, allow=SIGNED_IN, accepts=AskForm, creates=True, limit=ASKING,
          summary="Ask to see, correct or erase what is kept of me, or object to its use."),
    Route("POST", "/me/data/<reference>/take-back", "take_data_case_back", take_back, allow=SIGNED_IN, accepts=Bare,
          summary="Take a case about my data back."),
    Route("GET", "/api/me/data-cases", "api_my_data_cases", list_own, allow=SIGNED_IN, kind="api", answers=CasesOut,
          summary="My cases about the data kept of me."),
    Route("POST", "/api/me/data-cases", "api_ask_about_data", ask_by_api, allow=SIGNED_IN, kind="api", accepts=AskForm, answers=CaseOut,
          creates=True, status=201, limit=ASKING, summary="Ask to see, correct or erase what is kept of me, or object to its use."),
    Route("GET", "/admin/data-cases", "data_cases", cases, allow=ADMINISTER, accepts=ListQuery, noted="person",
          summary="Cases about personal data.", sample={}),
    Route("GET", "/admin/data-cases/<reference>", "data_case", one_case, allow=ADMINISTER, noted="person",
          summary="One case about personal data."),
    Route("POST", "/admin/data-cases/<reference>/answer", "answer_data_case", answer_case, allow=ADMINISTER, accepts=AnswerForm, fresh=True,
          summary="Answer a case about personal data."),
    Route("GET", "/api/data-cases", "api_data_cases", list_waiting, allow=ADMINISTER, kind="api", answers=CasesOut, noted="person",
          summary="Cases about personal data that await an answer."),
    Route("POST", "/api/data-cases/<reference>/answer", "api_answer_data_case", answer_by_api, allow=ADMINISTER, kind="api",
          accepts=AnswerForm, creates=True, status=204, summary="Answer a case about personal data."),
)  # fmt: skip
