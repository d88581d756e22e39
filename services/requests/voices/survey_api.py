"""JSON routes of surveys, and their results as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access as requests_access
from services.requests import api as requests_api
from services.requests.requester import oneself
from services.requests.voices import access, surveying, surveys
from services.requests.voices.api import after_of, paged
from shared.clock import to_text
from shared.errors import Absent
from shared.web import noting, sheets
from shared.web.answers import Answer, answer, file, nothing
from shared.web.routes import Route
from shared.web.schemas import Key, Page, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from services.requests.voices.surveying import Survey
    from services.requests.voices.surveys import Result
    from shared.web.context import Context


class QuestionBody(Schema):
    """A question in both languages; a choice has its options in both, in the same order."""

    kind = fields.String(required=True, validate=validate.OneOf(surveys.KINDS))
    zh = Text(200, required=True)
    en = Text(200, required=True)
    options_zh = fields.List(
        Text(80, required=True), load_default=list, validate=validate.Length(max=surveys.MOST_OPTIONS)
    )
    options_en = fields.List(
        Text(80, required=True), load_default=list, validate=validate.Length(max=surveys.MOST_OPTIONS)
    )


class SurveyBody(Schema):
    """A survey: title and introduction in both languages, days from first to last, departments (none = all), questions."""

    title = Text(80, required=True)
    title_en = Text(80, required=True)
    intro = Text(500, lines=True, load_default="")
    intro_en = Text(500, lines=True, load_default="")
    departments = fields.List(Key(required=True), load_default=list, validate=validate.Length(max=200))
    opens_on = fields.Date(required=True)
    closes_on = fields.Date(required=True)
    questions = fields.List(
        fields.Nested(QuestionBody), load_default=list, validate=validate.Length(max=surveys.MOST_QUESTIONS)
    )


class AnswersBody(Schema):
    """By question's code what is answered: 1 to 5, an option's code, or words."""

    answers = fields.Dict(keys=fields.String(), values=fields.Raw(), required=True)


class OptionOut(Schema):
    """An option of a choice."""

    code = fields.String()
    zh = fields.String()
    en = fields.String()


class QuestionOut(Schema):
    """A question."""

    code = fields.String()
    kind = fields.String()
    zh = fields.String()
    en = fields.String()
    options = fields.List(fields.Nested(OptionOut))


class SurveyOut(Schema):
    """A survey; ``answered`` says whether the caller has answered it."""

    id = fields.String()
    state = fields.String()
    title = fields.String()
    title_en = fields.String()
    intro = fields.String()
    intro_en = fields.String()
    departments = fields.List(fields.String())
    opens_on = fields.Date()
    closes_on = fields.Date()
    questions = fields.List(fields.Nested(QuestionOut))
    answered = fields.Boolean()


class GroupOut(Schema):
    """How many of a department were asked and have answered."""

    department = fields.String()
    invited = fields.Integer()
    answered = fields.Integer()


class ResultOut(Schema):
    """What was answered to one question; ``by_department`` holds those departments of which enough have answered."""

    code = fields.String()
    kind = fields.String()
    average = fields.Float(allow_none=True)
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    by_department = fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String(), values=fields.Integer()))
    words = fields.List(fields.String())


class ResultsOut(Schema):
    """Results once the survey is closed and at least five have answered; ``shown`` says whether they are there."""

    shown = fields.Boolean()
    groups = fields.List(fields.Nested(GroupOut))
    results = fields.List(fields.Nested(ResultOut))


def wanted(context: Context, connection: Connection, survey_id: str, *, lock: bool = False, share: bool = False) -> Survey:  # fmt: skip
    """The survey of this id, if the person may use this route on it; drafts are for those who write them.

    Raises:
        Absent: there is none that this person may know of.
    """
    found = surveying.survey_by_id(connection, survey_id, lock=lock, share=share)
    context.check(access.of_body(found) if found else None)
    if found is None:
        raise Absent
    if not oversees(context, found):
        asked = found.organisation == context.principal.organisation and found.asks(context.principal.department)
        if found.state not in ("open", "closed") or not asked:
            raise Absent
    return found


def oversees(context: Context, survey: Survey) -> bool:
    """Whether the person writes surveys, or supervises, and so reads those that do not ask him."""
    supervises = "supervisor" in context.principal.roles and survey.state in ("open", "closed")
    return supervises or context.may("save_survey", access.of_body(survey))


def note_drafts(context: Context, given: Sequence[Survey]) -> None:
    """That the person was given what others mean to ask stands in the log, until it is asked; outside any transaction."""
    me = context.principal.account
    noting.note_each(
        context, "draft", [each.id for each in given if each.state in {"draft", "planned"} and each.made_by != me]
    )


def survey_out(survey: Survey, *, answered: bool) -> dict[str, Any]:
    """A survey as JSON."""
    return {**survey.__dict__, "questions": [each.stored() for each in survey.questions], "answered": answered}


def list_surveys(context: Context) -> Answer:
    """Surveys, newest first."""
    asked = context.query()
    sight = requests_access.seen(context.principal, context.scopes)
    with context.read() as connection:
        found = surveying.list_surveys(
            connection, sight, context.principal.department, manages=context.may("save_survey"),
            after=after_of(context, "surveys", asked["cursor"]), limit=asked["limit"] + 1,
        )  # fmt: skip
        done = surveying.answered_among(connection, [each.id for each in found], context.principal.account)
    shown, onward = paged(context, "surveys", found, asked["limit"], lambda each: to_text(each.made_at))
    note_drafts(context, shown)
    return answer({"items": [survey_out(each, answered=each.id in done) for each in shown], "next": onward})


def make_survey(context: Context) -> Answer:
    """A draft that nobody is asked yet."""
    body = context.json()
    with context.work() as work:
        made = surveying.write(work, context.own, oneself(context.principal), **body)
        made = wanted(context, work.connection, made.id)
    return answer(survey_out(made, answered=False), 201, Location=context.url("api_survey", survey_id=made.id))


def one_survey(context: Context, survey_id: str) -> Answer:
    """One survey."""
    with context.read() as connection:
        found = wanted(context, connection, survey_id)
        done = surveying.has_answered(connection, survey_id, context.principal.account)
    note_drafts(context, [found])
    return answer(survey_out(found, answered=done))


def drop_survey(context: Context, survey_id: str) -> Answer:
    """The draft is gone."""
    with context.work() as work:
        wanted(context, work.connection, survey_id)
        surveying.drop(work, survey_id)
    return nothing()


def add_question(context: Context, survey_id: str) -> Answer:
    """The draft has one more question."""
    body = context.json()
    with context.work() as work:
        wanted(context, work.connection, survey_id)
        made = surveying.add_question(work, survey_id, body)
    return answer(made.stored(), 201)


def drop_question(context: Context, survey_id: str, code: str) -> Answer:
    """The draft does not ask this."""
    with context.work() as work:
        wanted(context, work.connection, survey_id)
        surveying.drop_question(work, survey_id, code)
    return nothing()


def publish(context: Context, survey_id: str) -> Answer:
    """People are asked from its first day on."""
    context.json()
    with context.work() as work:
        wanted(context, work.connection, survey_id)
        surveying.publish(work, survey_id)
    return nothing()


def close(context: Context, survey_id: str) -> Answer:
    """It takes no more answers."""
    context.json()
    with context.work() as work:
        wanted(context, work.connection, survey_id)
        surveying.close(work, survey_id)
    return nothing()


def answer_survey(context: Context, survey_id: str) -> Answer:
    """The answers count, without a name."""
    body = context.json()
    with context.work() as work:
        found = wanted(context, work.connection, survey_id, share=True)
        surveying.answer(work, found, oneself(context.principal), body["answers"])
    return nothing()


def result_out(result: Result, written: list[str]) -> dict[str, Any]:
    """What was answered to one question, as JSON."""
    return {
        "code": result.question.code, "kind": result.question.kind, "average": result.average, "counts": dict(result.counts),
        "by_department": {group: dict(counts) for group, counts in result.by_group}, "words": written,
    }  # fmt: skip


def results(context: Context, survey_id: str) -> Answer:
    """What was answered, once it is closed; how many answered, at any time."""
    with context.read() as connection:
        found = wanted(context, connection, survey_id)
        groups = surveying.groups_of(connection, survey_id)
        counted, written = surveying.results_of(connection, found)
    rows = [result_out(each, written.get(each.question.code, [])) for each in counted or ()]
    return answer({"shown": counted is not None, "groups": groups if oversees(context, found) else [], "results": rows})


def results_csv(context: Context, survey_id: str) -> Answer:
    """The same numbers as a table for a spreadsheet."""
    words, code = context.language, context.language.code
    with context.read() as connection:
        found = wanted(context, connection, survey_id)
        departments = context.own.departments(connection)
        counted, written = surveying.results_of(connection, found)
    if counted is None:
        raise Absent("voices.error.no_results")

    def named(group: str) -> str:
        return departments[group].name.in_(code) if group in departments else group

    def rows() -> Iterator[list[object]]:
        yield [words(f"voices.csv.{name}") for name in ("question", "group", "answer", "people")]
        for each in counted or ():
            asked = each.question.words.in_(code)
            options = {option: said.in_(code) for option, said in each.question.options}
            for group, counts in (("", each.counts), *each.by_group):
                for value, people in counts:
                    yield [asked, named(group) if group else words("voices.csv.all"), options.get(value, value), people]
            for text in written.get(each.question.code, ()):
                yield [asked, words("voices.csv.all"), text, 1]

    return file(sheets.csv_bytes(rows()), "text/csv; charset=utf-8", f"survey-{found.closes_on}.csv")


ROUTES = (
    Route("GET", "/api/surveys", "api_surveys", list_surveys, allow=access.READ, kind="api", accepts=Page, answers=(SurveyOut,),
          summary="Surveys that ask the caller; all for whoever writes them."),
    Route("POST", "/api/surveys", "api_write_survey", make_survey, allow=access.SURVEY, kind="api", accepts=SurveyBody,
          answers=SurveyOut, creates=True, status=201, summary="Write a survey."),
    Route("GET", "/api/surveys/<survey_id>", "api_survey", one_survey, allow=access.READ, kind="api", answers=SurveyOut,
          summary="One survey."),
    Route("DELETE", "/api/surveys/<survey_id>", "api_drop_survey", drop_survey, allow=access.SURVEY, kind="api", status=204,
          summary="Drop a draft."),
    Route("POST", "/api/surveys/<survey_id>/questions", "api_add_question", add_question, allow=access.SURVEY, kind="api",
          accepts=QuestionBody, answers=QuestionOut, creates=True, status=201, summary="Add a question to a draft."),
    Route("DELETE", "/api/surveys/<survey_id>/questions/<code>", "api_drop_question", drop_question, allow=access.SURVEY, kind="api",
          status=204, summary="Take a question out of a draft."),
    Route("POST", "/api/surveys/<survey_id>/publish", "api_publish_survey", publish, allow=access.SURVEY, kind="api",
          accepts=requests_api.Nothing, status=204, summary="Ask people from the survey's first day on."),
    Route("POST", "/api/surveys/<survey_id>/close", "api_close_survey", close, allow=access.SURVEY, kind="api",
          accepts=requests_api.Nothing, status=204, summary="Take no more answers."),
    # Without Idempotency-Key: what is kept under one tells for two days whose body it was. A second answer is refused anyway.
    Route("POST", "/api/surveys/<survey_id>/answers", "api_answer_survey", answer_survey, allow=access.ANSWER, kind="api",
          accepts=AnswersBody, status=204, summary="Answer a survey, once and without a name."),
    Route("GET", "/api/surveys/<survey_id>/results", "api_survey_results", results, allow=access.READ, kind="api", answers=ResultsOut,
          summary="Results of a closed survey."),
    Route("GET", "/surveys/<survey_id>/results.csv", "survey_csv", results_csv, allow=access.READ, kind="file",
          summary="Results as CSV."),
)  # fmt: skip
