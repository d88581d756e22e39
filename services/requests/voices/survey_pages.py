"""Pages of surveys: written, answered, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access as requests_access
from services.requests import model as requests_model
from services.requests.requester import oneself
from services.requests.voices import access, surveying, surveys
from services.requests.voices.api import after_of, paged
from services.requests.voices.pages import PAGE, Bare, CursorQuery
from services.requests.voices.survey_api import note_drafts, oversees, wanted
from shared.clock import to_text
from shared.errors import Conflict, Invalid, Refused
from shared.web import chart
from shared.web.answers import Answer, Said, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Text

if TYPE_CHECKING:
    from services.requests.voices.surveying import Group, Survey
    from services.requests.voices.surveys import Result
    from shared.web.context import Context


class SurveyForm(Schema):
    """A survey without its questions."""

    title = Text(80, required=True)
    title_en = Text(80, required=True)
    intro = Text(500, lines=True, load_default="")
    intro_en = Text(500, lines=True, load_default="")
    departments = fields.List(Key(required=True), load_default=list, validate=validate.Length(max=200))
    opens_on = fields.Date(required=True)
    closes_on = fields.Date(required=True)


class QuestionForm(Schema):
    """A question; options stand one in a line, in the same order in both languages."""

    kind = fields.String(required=True, validate=validate.OneOf(surveys.KINDS))
    zh = Text(200, required=True)
    en = Text(200, required=True)
    options_zh = Text(1000, lines=True, load_default="")
    options_en = Text(1000, lines=True, load_default="")


def survey_list(context: Context) -> Answer:
    """Surveys that ask me; all for whoever writes them."""
    cursor = context.query()["cursor"]
    manages = context.may("save_survey")
    sight = requests_access.seen(context.principal, frozenset({"organisation"}))
    with context.read() as connection:
        found = surveying.list_surveys(
            connection, sight, context.principal.department, manages=manages or "supervisor" in context.principal.roles,
            after=after_of(context, "surveys", cursor), limit=PAGE + 1,
        )  # fmt: skip
        ids = [each.id for each in found]
        done = surveying.answered_among(connection, ids, context.principal.account)
        counts = surveying.totals(connection, ids) if manages else {}
    shown, onward = paged(context, "surveys", found, PAGE, lambda each: to_text(each.made_at))
    rows = [
        {"survey": each, "title": _title(context, each), "done": each.id in done, "counts": counts.get(each.id), "asks": _asks_me(context, each)}
        for each in shown
        if manages or each.state in ("open", "closed")
    ]  # fmt: skip
    return page(
        "requests/voices/surveys.html", rows=rows, shown=len(rows), manages=manages,
        onward=context.url("surveys", cursor=onward) if onward else "", first=context.url("surveys") if cursor else "",
    )  # fmt: skip


def _title(context: Context, survey: Survey) -> str:
    return context.language.named(survey.title, survey.title_en)


def _asks_me(context: Context, survey: Survey) -> bool:
    person = context.principal
    return (
        survey.state == "open" and context.now < survey.closes_at and "staff" in person.roles
        and survey.organisation == person.organisation and survey.asks(person.department)
    )  # fmt: skip


# ---- writing


def new_survey(context: Context) -> Answer:
    """The form of a survey."""
    return _form(context)


def _form(context: Context, error: Refused | None = None) -> Answer:
    code = context.language.code
    with context.read() as connection:
        departments = context.own.departments(connection)
    given = dict(context.posted) if error else {}
    chosen = given.get("departments", [])
    return page(
        "requests/voices/survey_form.html",
        status=error.status if error else 200,
        given=given, chosen=[chosen] if isinstance(chosen, str) else chosen, errors=context.errors(error) if error else {},
        departments=[{"value": each.code, "words": each.name.in_(code)} for each in departments.values()],
        today=requests_model.day_of(context.now),
    )  # fmt: skip


def save_survey(context: Context) -> Answer:
    """A draft that nobody is asked yet."""
    try:
        form = context.form()
        with context.work() as work:
            made = surveying.write(work, context.own, oneself(context.principal), **form)
    except Invalid as error:
        context.give_up()
        return _form(context, error)
    return see_other(context.url("survey", survey_id=made.id), said=Said("voices.said.survey_saved"))


def add_question(context: Context, survey_id: str) -> Answer:
    """The draft has one more question."""
    try:
        form = context.form()
        given = {
            **form, "options_zh": _lines("options_zh", form["options_zh"]), "options_en": _lines("options_en", form["options_en"])
        }  # fmt: skip
        with context.work() as work:
            wanted(context, work.connection, survey_id)
            surveying.add_question(work, survey_id, given)
    except (Invalid, Conflict) as error:
        context.give_up()
        return _one(context, survey_id, error)
    return see_other(f"{context.url('survey', survey_id=survey_id)}#add-title")


def _lines(name: str, text: str) -> list[str]:
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if any(len(line) > 80 for line in found):
        raise Invalid(fields={name: ["voices.field.suggested"]})
    return found


def _changed(context: Context, survey_id: str, act: Any, said: str) -> Answer:
    context.form()
    try:
        with context.work() as work:
            wanted(context, work.connection, survey_id)
            act(work)
    except (Invalid, Conflict) as error:
        return _one(context, survey_id, error)
    return see_other(context.url("survey", survey_id=survey_id), said=Said(said))


def drop_question(context: Context, survey_id: str, code: str) -> Answer:
    """The draft does not ask this."""
    return _changed(
        context, survey_id, lambda work: surveying.drop_question(work, survey_id, code), "voices.said.question_dropped"
    )


def publish(context: Context, survey_id: str) -> Answer:
    """People are asked from its first day on."""
    return _changed(context, survey_id, lambda work: surveying.publish(work, survey_id), "voices.said.survey_published")


def close(context: Context, survey_id: str) -> Answer:
    """It takes no more answers."""
    return _changed(context, survey_id, lambda work: surveying.close(work, survey_id), "voices.said.survey_closed")


def drop(context: Context, survey_id: str) -> Answer:
    """The draft is gone."""
    context.form()
    with context.work() as work:
        wanted(context, work.connection, survey_id)
        surveying.drop(work, survey_id)
    return see_other(context.url("surveys"), said=Said("voices.said.survey_dropped"))


# ---- one survey


def one(context: Context, survey_id: str) -> Answer:
    """One survey: the draft, the questions to answer, or the results."""
    return _one(context, survey_id)


def _one(context: Context, survey_id: str, error: Refused | None = None) -> Answer:
    words, code = context.language, context.language.code
    with context.read() as connection:
        found = wanted(context, connection, survey_id)
        done = surveying.has_answered(connection, survey_id, context.principal.account)
        departments = context.own.departments(connection)
        groups = surveying.groups_of(connection, survey_id)
        results, written = surveying.results_of(connection, found)
    if error is None:
        note_drafts(context, [found])

    def named(group: str) -> str:
        return departments[group].name.in_(code) if group in departments else group

    sees_groups = oversees(context, found)
    return page(
        "requests/voices/survey.html",
        status=error.status if error else 200,
        survey=found, title=_title(context, found), intro=words.named(found.intro, found.intro_en), done=done,
        asked=_asks_me(context, found) and not done, manages=context.may("save_survey", access.of_body(found)),
        to=[named(each) for each in found.departments],
        questions=[
            {"question": each, "words": each.words.in_(code), "other": each.words.in_("en" if words.chinese else "zh-Hans"),
             "options": [{"value": value, "words": said.in_(code)} for value, said in each.options]}
            for each in found.questions
        ],
        groups=[(named(each.department), each) for each in sorted(groups, key=lambda one: (-one.rate, one.department))] if sees_groups else [],
        invited=sum(each.invited for each in groups), answered=sum(each.answered for each in groups), sees_groups=sees_groups,
        rates=_rates(context, groups, named) if sees_groups and any(each.answered for each in groups) else None,
        results=[_shown(context, each, written.get(each.question.code, []), named) for each in results or ()],
        hidden=found.state == "closed" and results is None, least=surveys.LEAST_GROUP, scale=range(1, surveys.SCALE + 1),
        labels=_labels(context, found), kinds=surveys.KINDS, given=context.posted if error else {}, errors=context.errors(error) if error else {},
        problem=words(error.key, **error.parameters) if error and not error.fields else "",
    )  # fmt: skip


def _labels(context: Context, survey: Survey) -> dict[str, str]:
    """What the summary of mistakes calls each field of the page."""
    words = context.language
    fixed = {"zh": "question_zh", "en": "question_en", "options_zh": "options_zh", "options_en": "options_en"}
    asked = {each.code: each.words.in_(words.code) for each in survey.questions}
    return asked | {name: words(f"voices.survey.{key}") for name, key in fixed.items()}


def _rates(context: Context, groups: list[Group], named: Any) -> chart.Figure:
    """Response by department, the highest first."""
    words = context.language
    invited, answered = sum(each.invited for each in groups), sum(each.answered for each in groups)
    title = words(
        "voices.survey.rate_title",
        answered=answered,
        invited=invited,
        rate=words.percent(answered / max(invited, answered, 1)),
    )
    rows = sorted(
        ((named(each.department), round(each.rate * 100, 1)) for each in groups), key=lambda row: (-row[1], row[0])
    )
    return chart.bars(title, rows, head=(words("voices.survey.department"), words("voices.survey.rate")), unit="%")


def _shown(context: Context, result: Result, written: list[str], named: Any) -> dict[str, Any]:
    """The result of a question as a figure and, by department, as a table."""
    words, code = context.language, context.language.code
    question = result.question
    asked = question.words.in_(code)
    if question.kind == "text":
        return {"words": asked, "texts": written, "figure": None, "groups": []}
    options = {value: said.in_(code) for value, said in question.options}
    values = [
        (words(f"voices.scale.{value}") if question.kind == "scale" else options[value], count)
        for value, count in result.counts
    ]
    if result.average is not None:
        title = words("voices.survey.average_title", question=asked, average=f"{result.average:.1f}", n=result.total)
    else:
        most = max(result.counts, key=lambda each: each[1])
        title = words(
            "voices.survey.choice_title", question=asked, option=options.get(most[0], ""), n=most[1], total=result.total
        )
    figure = chart.bars(title, values, head=(words("voices.csv.answer"), words("voices.csv.people")))
    groups = []
    for group, counts in result.by_group:
        average = surveys.average_of(counts) if question.kind == "scale" else None
        most = max(counts, key=lambda each: each[1])
        groups.append((
            named(group), sum(count for _, count in counts),
            f"{average:.1f}" if average is not None else options.get(most[0], "–"),
        ))  # fmt: skip
    return {"words": asked, "texts": [], "figure": figure, "groups": groups, "scale": question.kind == "scale"}


def answer(context: Context, survey_id: str) -> Answer:
    """The answers count, without a name."""
    given = {name: value for name, value in context.posted.items() if name not in {"_csrf", "_key"}}
    try:
        with context.work() as work:
            found = wanted(context, work.connection, survey_id, share=True)
            surveying.answer(work, found, oneself(context.principal), given)
    except (Invalid, Conflict) as error:
        return _one(context, survey_id, error)
    return see_other(context.url("survey", survey_id=survey_id), said=Said("voices.said.survey_answered"))


ROUTES = (
    Route("GET", "/surveys", "surveys", survey_list, allow=access.READ, accepts=CursorQuery, summary="Surveys.", sample={}),
    Route("GET", "/surveys/new", "new_survey", new_survey, allow=access.SURVEY, summary="The form of a survey.", sample={}),
    Route("POST", "/surveys", "save_survey", save_survey, allow=access.SURVEY, accepts=SurveyForm, creates=True, summary="Write a survey."),
    Route("GET", "/surveys/<survey_id>", "survey", one, allow=access.READ, summary="One survey."),
    Route("POST", "/surveys/<survey_id>/questions", "add_question", add_question, allow=access.SURVEY, accepts=QuestionForm, creates=True,
          summary="Add a question to a draft."),
    Route("POST", "/surveys/<survey_id>/questions/<code>/drop", "drop_question", drop_question, allow=access.SURVEY, accepts=Bare,
          summary="Take a question out of a draft."),
    Route("POST", "/surveys/<survey_id>/publish", "publish_survey", publish, allow=access.SURVEY, accepts=Bare,
          summary="Ask people from the survey's first day on."),
    Route("POST", "/surveys/<survey_id>/close", "close_survey", close, allow=access.SURVEY, accepts=Bare, summary="Take no more answers."),
    Route("POST", "/surveys/<survey_id>/drop", "drop_survey", drop, allow=access.SURVEY, accepts=Bare, summary="Drop a draft."),
    # Without a key of its own: see the route of the interface.
    Route("POST", "/surveys/<survey_id>/answers", "answer_survey", answer, allow=access.ANSWER, summary="Answer a survey, once and without a name."),
)  # fmt: skip
