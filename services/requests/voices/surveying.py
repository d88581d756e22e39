"""Surveys as they are kept and held: written, opened, answered once and without a name, closed, counted."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select, tuple_, update

from services.requests import model as requests_model
from services.requests import tables as requests_tables
from services.requests.voices import surveys, tables, telling
from services.requests.voices.store import between_blanks
from services.requests.voices.surveys import Question
from shared.clock import SITE_ZONE
from shared.contracts.requests import SurveyClosed, SurveyOpened
from shared.database import Sql
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from services.requests.desk import Desk
    from services.requests.requester import Requester
    from services.requests.store import Seen
    from services.requests.voices.store import After
    from services.requests.voices.surveys import Result
    from shared.work import Work

LONGEST = timedelta(days=92)
FURTHEST = timedelta(days=366)
REMIND = timedelta(days=2)  # before it closes, whoever has not answered is told once more


class Answered(Conflict):
    """The person has answered before; nobody can say what, so it cannot be changed."""

    key = "voices.error.answered"


class NotOpen(Conflict):
    """It takes no answers, not yet or no longer."""

    key = "voices.error.not_open"


class NotDraft(Conflict):
    """It was published: what people have answered to is not changed any more."""

    key = "voices.error.not_draft"


@dataclass(frozen=True)
class Survey:
    """A survey as it is kept."""

    id: str
    state: str
    title: str
    title_en: str
    intro: str
    intro_en: str
    questions: tuple[Question, ...]
    next_question: int
    departments: tuple[str, ...]  # empty = all
    organisation: str
    opens_on: date
    closes_on: date
    made_by: str
    made_at: datetime
    opened_at: datetime | None = None
    reminded_at: datetime | None = None
    closed_at: datetime | None = None

    def asks(self, department: str) -> bool:
        """Whether people of this department are asked."""
        return bool(department) and (not self.departments or department in self.departments)

    @property
    def closes_at(self) -> datetime:
        """The end of its last day at the site; UTC."""
        return datetime.combine(self.closes_on + timedelta(days=1), time(), SITE_ZONE).astimezone(UTC)


def _survey(row: RowMapping) -> Survey:
    found = dict(row)
    found["questions"] = tuple(Question.restored(each) for each in json.loads(found["questions"]))
    found["departments"] = tuple(found["departments"].split())
    return Survey(**found)


def survey_by_id(connection: Connection, survey_id: str, *, lock: bool = False, share: bool = False) -> Survey | None:
    """The survey of this id; ``lock`` keeps others from changing it in this transaction, ``share`` from closing it."""
    query = select(tables.survey).where(tables.survey.c.id == survey_id)
    if lock or share:
        query = query.with_for_update(read=share)
    row = connection.execute(query).mappings().first()
    return _survey(row) if row is not None else None


def list_surveys(
    connection: Connection, seen: Seen, department: str, *, manages: bool, after: After = None, limit: int = 50
) -> list[Survey]:
    """Surveys, newest first: all of the body for whoever writes them, else the open ones that ask this department."""
    row = tables.survey.c
    query = select(tables.survey)
    if manages:
        query = query.where(or_(row.organisation == seen.organisation, row.organisation.startswith(seen.organisation + "/", autoescape=True)))  # fmt: skip
    else:
        asked = or_(row.departments == "", row.departments.contains(f" {department} ", autoescape=True))
        query = query.where(row.state.in_(("open", "closed")), row.organisation == seen.organisation, asked)
    if after is not None:
        query = query.where(tuple_(row.made_at, row.id) < after)
    query = query.order_by(row.made_at.desc(), row.id.desc()).limit(limit)
    return [_survey(each) for each in connection.execute(query).mappings()]


# ---- writing


def write(
    work: Work, desk: Desk, person: Requester, *, title: str, title_en: str, intro: str, intro_en: str,
    departments: Sequence[str], opens_on: date, closes_on: date, questions: Sequence[Mapping[str, Any]] = (),
) -> Survey:  # fmt: skip
    """A draft that nobody is asked yet.

    Raises:
        Invalid: unknown departments, dates in the wrong order or out of reach, a question that does not hold.
    """
    today = requests_model.day_of(work.now)
    wrong: dict[str, list[str]] = {}
    if set(departments) - set(desk.departments(work.connection)):
        wrong["departments"] = ["voices.field.department"]
    if closes_on < max(opens_on, today):
        wrong["closes_on"] = ["voices.field.closes_on"]
    elif closes_on - opens_on > LONGEST:
        wrong["closes_on"] = ["voices.field.too_long"]
    if opens_on > today + FURTHEST:
        wrong["opens_on"] = ["requests.field.far"]
    if wrong:
        raise Invalid(fields=wrong)
    survey = Survey(
        id=work.new_id(), state="draft", title=title, title_en=title_en, intro=intro, intro_en=intro_en, questions=(),
        next_question=1, departments=tuple(sorted(set(departments))), organisation=person.organisation, opens_on=opens_on,
        closes_on=closes_on, made_by=person.account, made_at=work.now,
    )  # fmt: skip
    made = [_question(number, each) for number, each in enumerate(questions, 1)]
    row = survey.__dict__ | {
        "questions": _stored(made), "next_question": len(made) + 1, "departments": between_blanks(survey.departments)
    }  # fmt: skip
    work.connection.execute(insert(tables.survey).values(row))
    return survey


def _question(number: int, given: Mapping[str, Any]) -> Question:
    return surveys.question(number, given["kind"], given["zh"], given["en"], given["options_zh"], given["options_en"])


def _stored(questions: Sequence[Question]) -> str:
    return json.dumps([each.stored() for each in questions], ensure_ascii=False)


def _draft(work: Work, survey_id: str) -> Survey:
    found = survey_by_id(work.connection, survey_id, lock=True)
    if found is None:
        raise Absent
    if found.state != "draft":
        raise NotDraft
    return found


def _change(work: Work, survey_id: str, **values: Any) -> None:
    work.connection.execute(update(tables.survey).where(tables.survey.c.id == survey_id).values(**values))


def add_question(work: Work, survey_id: str, given: Mapping[str, Any]) -> Question:
    """The draft has one more question, at its end.

    Raises:
        Absent: no such survey. NotDraft: it was published. Invalid: the question does not hold, or there are too many.
    """
    survey = _draft(work, survey_id)
    if len(survey.questions) >= surveys.MOST_QUESTIONS:
        raise Invalid(fields={"zh": ["voices.field.questions"]})
    made = _question(survey.next_question, given)
    _change(work, survey_id, questions=_stored([*survey.questions, made]), next_question=survey.next_question + 1)
    return made


def drop_question(work: Work, survey_id: str, code: str) -> None:
    """The draft does not ask this.

    Raises:
        Absent: no such survey or question. NotDraft: it was published.
    """
    survey = _draft(work, survey_id)
    kept = [each for each in survey.questions if each.code != code]
    if len(kept) == len(survey.questions):
        raise Absent
    _change(work, survey_id, questions=_stored(kept))


def drop(work: Work, survey_id: str) -> None:
    """The draft is gone.

    Raises:
        Absent: no such survey. NotDraft: it was published.
    """
    _draft(work, survey_id)
    work.connection.execute(tables.survey.delete().where(tables.survey.c.id == survey_id))


def publish(work: Work, survey_id: str) -> None:
    """People are asked from its first day on; at once when that has come.

    Raises:
        Absent: no such survey. NotDraft: it was published before. Invalid: it asks nothing, or its days are over.
    """
    survey = _draft(work, survey_id)
    if not survey.questions:
        raise Invalid(fields={"zh": ["voices.field.no_question"]})
    if survey.closes_on < requests_model.day_of(work.now):
        raise Invalid(fields={"closes_on": ["voices.field.closes_on"]})
    if survey.opens_on > requests_model.day_of(work.now):
        _change(work, survey_id, state="planned")
    else:
        _open(work, survey)


def _open(work: Work, survey: Survey) -> None:
    """Whoever is asked is counted now, by department, and told."""
    people = _asked(work, survey)
    counted = Counter(department for _, department in people)
    groups = [
        {"survey_id": survey.id, "department": department, "invited": count, "answered": 0}
        for department, count in sorted(counted.items())
    ]
    if groups:
        work.connection.execute(insert(tables.survey_group), groups)
    _change(work, survey.id, state="open", opened_at=work.now)
    telling.of_survey(work, "survey_opened", survey, [account for account, _ in people])
    work.say(
        SurveyOpened(
            survey_id=survey.id, invited=len(people), questions=len(survey.questions), closes_at=survey.closes_at, opened_at=work.now
        ),
        sequence=1,
    )  # fmt: skip


def _asked(work: Work, survey: Survey) -> list[tuple[str, str]]:
    """(account, department) of everybody who is asked, as the office stands now: its staff who can sign in."""
    account = requests_tables.account.c
    # Roles are words between blanks.
    query = select(account.id, account.department).where(
        account.organisation == survey.organisation, account.enabled.is_(True), account.department != "",
        (" " + account.roles + " ").contains(" staff "), or_(account.until.is_(None), account.until > work.now),
    )  # fmt: skip
    return [(id_, department) for id_, department in work.connection.execute(query) if survey.asks(department)]


def _remind(work: Work, survey: Survey) -> None:
    """Whoever has not answered is told once more."""
    row = tables.survey_answered.c
    done = set(work.connection.execute(select(row.account).where(row.survey_id == survey.id)).scalars())
    _change(work, survey.id, reminded_at=work.now)
    telling.of_survey(
        work, "survey_reminder", survey, [account for account, _ in _asked(work, survey) if account not in done]
    )


def close(work: Work, survey_id: str) -> None:
    """It takes no more answers; results are shown from now on.

    Raises:
        Absent: no such survey. NotOpen: it is not open.
    """
    survey = survey_by_id(work.connection, survey_id, lock=True)
    if survey is None:
        raise Absent
    if survey.state != "open":
        raise NotOpen
    groups = groups_of(work.connection, survey_id)
    _change(work, survey_id, state="closed", closed_at=work.now)
    work.say(
        SurveyClosed(
            survey_id=survey_id, invited=sum(each.invited for each in groups), answered=sum(each.answered for each in groups),
            closed_at=work.now,
        ),
        sequence=2,
    )  # fmt: skip


def watch(work: Work) -> None:
    """Surveys open on their first day, remind two days before their end, and close after their last."""
    row, today = tables.survey.c, requests_model.day_of(work.now)
    coming = select(row.id).where(row.state == "planned", row.opens_on <= today).limit(50)
    for (survey_id,) in work.connection.execute(coming).all():
        survey = survey_by_id(work.connection, survey_id, lock=True)
        if survey is not None and survey.state == "planned":
            _open(work, survey)
    soon = today + REMIND
    ending = select(row.id).where(row.state == "open", row.reminded_at.is_(None), row.closes_on < soon).limit(50)
    for (survey_id,) in work.connection.execute(ending).all():
        survey = survey_by_id(work.connection, survey_id, lock=True)
        long_enough = survey is not None and survey.closes_on - survey.opens_on > REMIND
        if survey is not None and survey.state == "open" and survey.reminded_at is None and long_enough:
            _remind(work, survey)
    over = select(row.id).where(row.state == "open", row.closes_on < today).limit(50)
    for (survey_id,) in work.connection.execute(over).all():
        survey = survey_by_id(work.connection, survey_id, lock=True)
        if survey is not None and survey.state == "open":
            close(work, survey_id)


# ---- answering

_ONCE = Sql("INSERT INTO survey_answered (survey_id, account) VALUES (:survey_id, :account) ON CONFLICT DO NOTHING")
_GROUP = Sql(
    """INSERT INTO survey_group (survey_id, department, invited, answered) VALUES (:survey_id, :department, 1, 1)
       ON CONFLICT (survey_id, department) DO UPDATE SET answered = survey_group.answered + 1"""
)
_COUNT = Sql(
    """INSERT INTO survey_tally (survey_id, department, question, value, people)
       VALUES (:survey_id, :department, :question, :value, 1)
       ON CONFLICT (survey_id, department, question, value) DO UPDATE SET people = survey_tally.people + 1"""
)
_WRITE = Sql("INSERT INTO survey_text (survey_id, id, question, words) VALUES (:survey_id, :id, :question, :words)")


def answer(work: Work, survey: Survey, person: Requester, given: Mapping[str, Any]) -> None:
    """The answers count; that the person has answered is kept apart from them, and neither has a time.

    Nothing is said of it to anybody: an event would carry when and by whom.

    Raises:
        NotOpen: it takes no answers. Absent: the person is not asked. Answered: he has answered before.
        Invalid: by question what is missing or wrong.
    """
    if survey.state != "open" or work.now >= survey.closes_at:
        raise NotOpen
    if not survey.asks(person.department) or "staff" not in person.roles or person.organisation != survey.organisation:
        raise Absent
    found = surveys.read_answers(survey.questions, given)
    if not _ONCE.run(work.connection, survey_id=survey.id, account=person.account).rowcount:
        raise Answered
    here = {"survey_id": survey.id, "department": person.department}
    _GROUP.run(work.connection, **here)
    texts = {each.code for each in survey.questions if each.kind == "text"}
    for code, value in sorted(found.items()):  # one order for all, so that two at once cannot lock each other out
        if code in texts:
            _WRITE.run(work.connection, survey_id=survey.id, id=uuid.uuid4().hex, question=code, words=value)
        else:
            _COUNT.run(work.connection, **here, question=code, value=str(value))


def has_answered(connection: Connection, survey_id: str, account: str) -> bool:
    """Whether the person has answered."""
    row = tables.survey_answered.c
    return connection.execute(select(row.account).where(row.survey_id == survey_id, row.account == account)).first() is not None  # fmt: skip


def answered_among(connection: Connection, survey_ids: Sequence[str], account: str) -> set[str]:
    """Which of these surveys the person has answered."""
    row = tables.survey_answered.c
    query = select(row.survey_id).where(row.survey_id.in_(list(survey_ids)), row.account == account)
    return {survey_id for (survey_id,) in connection.execute(query)}


# ---- counting


@dataclass(frozen=True)
class Group:
    """A department in a survey."""

    department: str
    invited: int
    answered: int

    @property
    def rate(self) -> float:
        """Answered of invited, 0 to 1; somebody who came to the department later counts as invited."""
        return self.answered / max(self.invited, self.answered, 1)


def groups_of(connection: Connection, survey_id: str) -> list[Group]:
    """How many were asked and answered, by department."""
    row = tables.survey_group.c
    query = select(row.department, row.invited, row.answered).where(row.survey_id == survey_id).order_by(row.department)
    return [Group(*each) for each in connection.execute(query)]


def totals(connection: Connection, survey_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """By survey how many were asked and have answered."""
    row = tables.survey_group.c
    query = select(row.survey_id, func.sum(row.invited), func.sum(row.answered)).where(row.survey_id.in_(list(survey_ids))).group_by(row.survey_id)  # fmt: skip
    return {survey_id: (int(invited), int(answered)) for survey_id, invited, answered in connection.execute(query)}


def results_of(connection: Connection, survey: Survey) -> tuple[list[Result] | None, dict[str, list[str]]]:
    """What was answered and written, by question; None while it is open, and when too few took part.

    While people answer, two looks one answer apart would show that answer.
    """
    if survey.state != "closed":
        return None, {}
    row = tables.survey_tally.c
    tally = {
        (department, question, value): int(count)
        for department, question, value, count in connection.execute(
            select(row.department, row.question, row.value, row.people).where(row.survey_id == survey.id)
        )
    }
    answered = {each.department: each.answered for each in groups_of(connection, survey.id) if each.answered}
    found = surveys.results(survey.questions, tally, answered)
    if found is None:
        return None, {}
    text = tables.survey_text.c
    written: dict[str, list[str]] = {}
    for question, words in connection.execute(
        select(text.question, text.words).where(text.survey_id == survey.id).order_by(text.id).limit(2000)
    ):
        written.setdefault(question, []).append(words)
    return found, written
