"""Training: what is planned, who came, which certificates follow from it, and whose certificates end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from services.dispatch import people, store, tables, work_tables, workforce
from services.dispatch.acts import both
from services.dispatch.api import own_supplier
from services.dispatch.views import skill_words
from services.dispatch.workforce_pages import EDIT, SEE, crew_words
from shared.clock import SITE_ZONE
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, answer, page
from shared.web.routes import Route
from shared.web.schemas import Decimal as Number
from shared.web.schemas import Key, Schema, Text, fields, validate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from shared.web.context import Context
    from shared.work import Work

G, A = work_tables.training.c, work_tables.attendance.c
YEAR = timedelta(days=365)
MOST = 200


def plan(
    work: Work, *, name: str, skill: str, on_day: date, hours: Decimal, held_by: str, people: Sequence[str], who: str
) -> str:
    """The training is planned for these people; its id.

    Raises:
        Invalid: no such person, or no crew has the skill.
    """
    roster = store.read_roster(work.connection)
    wrong: dict[str, list[str]] = {}
    known = {each.person_id for each in workforce.people_at(work.connection, work.now, ids=people)}
    if not people or set(people) - known:
        wrong["people"] = ["workforce.field.people"]
    if skill and not any(skill in team.skills for team in roster.teams.values()):
        wrong["skill"] = ["dispatch.field.skill"]
    if wrong:
        raise Invalid(fields=wrong)
    ident = work.new_id()
    work.connection.execute(insert(work_tables.training).values(
        training_id=ident, name=name, skill=skill, on_day=on_day, hours=format(hours, "f"), held_by=held_by, noted_by=who))  # fmt: skip
    rows = [{"training_id": ident, "person_id": each, "state": "planned"} for each in dict.fromkeys(people)]
    work.connection.execute(insert(work_tables.attendance), rows)
    return ident


def attend(work: Work, training_id: str, came: Sequence[str], paper: str, expires_on: date | None) -> None:
    """These people came and the others did not; with a paper each who came is certified for the training's skill until then.

    A certificate needs the skill in the person's crew; where the crew does not have it, only the attendance is noted.

    Raises:
        Absent: there is no such training. Conflict: its day has not come. Invalid: somebody was not planned, a paper without
            a day it ends.
    """
    row = work.connection.execute(
        select(work_tables.training).where(G.training_id == training_id).with_for_update()
    ).first()
    if row is None:
        raise Absent
    today = work.now.astimezone(SITE_ZONE).date()
    if row.on_day > today:
        raise Conflict("training.field.early")
    planned = {
        each.person_id for each in work.connection.execute(select(A.person_id).where(A.training_id == training_id))
    }
    wrong = {}
    if set(came) - planned:
        wrong["people"] = ["workforce.field.people"]
    if paper and row.skill and (expires_on is None or expires_on <= row.on_day):
        wrong["expires_on"] = ["dispatch.field.backwards"]
    if wrong:
        raise Invalid(fields=wrong)
    for state, some in (("attended", set(came)), ("absent", planned - set(came))):
        change = update(work_tables.attendance).where(A.training_id == training_id, A.person_id.in_(some))
        work.connection.execute(change.values(state=state))
    if not (paper and row.skill and expires_on):
        return
    M = tables.member.c  # noqa: N806
    skills = {code: team.skills for code, team in store.read_roster(work.connection).teams.items()}
    for member in list(
        work.connection.execute(select(tables.member).where(M.person.in_(came)).order_by(M.crew, M.number))
    ):
        if row.skill in skills.get(member.crew, {}):
            people.certify(work, member.crew, member.number, row.skill, paper, expires_on)


def coverage(connection: Connection, someone: Sequence[workforce.Someone], today: date) -> tuple[int, int]:
    """(trained within a year, all) of some people."""
    query = (
        select(A.person_id).join(work_tables.training, G.training_id == A.training_id)
        .where(A.state == "attended", G.on_day > today - YEAR).distinct()
    )  # fmt: skip
    trained = {row.person_id for row in connection.execute(query)}
    return sum(each.person_id in trained for each in someone), len(someone)


def ending(connection: Connection, crews: Sequence[str], today: date) -> list[Row[Any]]:
    """Certificates of some crews that have ended or end within the time in which they are pointed out, soonest first."""
    C, M = tables.certificate.c, tables.member.c  # noqa: N806
    query = (
        select(C.crew, C.skill, C.paper, C.expires_on, M.name)
        .join(tables.member, (M.crew == C.crew) & (M.number == C.number))
        .where(C.crew.in_(crews), C.expires_on <= today + timedelta(days=people.SOON))
        .order_by(C.expires_on, C.crew, C.number)
    )
    return list(connection.execute(query))


# ---- routes


class Plan(Schema):
    """A training that is planned."""

    name = Text(60, required=True)
    skill = Key(load_default="")
    on_day = fields.Date(required=True)
    hours = Number(1, least="0.5", most="500", required=True)
    held_by = Text(40, load_default="")
    people = fields.List(
        Key(), required=True, validate=validate.Length(min=1, max=MOST, error="workforce.field.people")
    )


class Attendance(Schema):
    """Who came; a paper certifies them until the day before it ends."""

    people = fields.List(Key(), load_default=list, validate=validate.Length(max=MOST))
    paper = Text(60, load_default="")
    expires_on = fields.Date(load_default=None, allow_none=True)


class TrainingForm(Schema):
    """A training and who was planned, came or stayed away."""

    training_id = fields.String()
    name = fields.String()
    skill = fields.String()
    on_day = fields.String()
    hours = fields.String()
    people = fields.Dict(keys=fields.String(), values=fields.String())


class TrainingsForm(Schema):
    """Trainings, newest first, and how many people were trained within a year."""

    trainings = fields.List(fields.Nested(TrainingForm))
    trained = fields.Integer()
    people = fields.Integer()


def _read(context: Context) -> tuple[list[Any], dict[str, dict[str, str]], list[workforce.Someone], tuple[int, int]]:
    today = context.now.astimezone(SITE_ZONE).date()
    with context.read() as connection:
        someone = workforce.people_at(connection, context.now, supplier=own_supplier(context))
        mine = {each.person_id for each in someone}
        rows = list(
            connection.execute(select(work_tables.training).order_by(G.on_day.desc(), G.training_id).limit(100))
        )
        states: dict[str, dict[str, str]] = {row.training_id: {} for row in rows}
        for row in connection.execute(select(work_tables.attendance).where(A.training_id.in_(list(states)))):
            if row.person_id in mine or own_supplier(context) is None:
                states[row.training_id][row.person_id] = row.state
        figures = coverage(connection, someone, today)
    if own_supplier(context) is not None:
        rows = [row for row in rows if states[row.training_id]]
    return rows, states, someone, figures


def trainings(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200, **_: str
) -> Answer:
    """Trainings and who came, how much of the workforce is trained, and certificates that end."""
    lang = context.language
    today = context.now.astimezone(SITE_ZONE).date()
    rows, states, someone, (trained, whole) = _read(context)
    names = {each.person_id: each.name for each in someone}
    with context.read() as connection:
        roster = store.read_roster(connection)
        own = own_supplier(context)
        crews = [code for code, team in roster.teams.items() if own is None or team.supplier == own]
        papers = ending(connection, crews, today)
    shown = [
        {"id": row.training_id, "name": row.name, "day": row.on_day, "hours": row.hours, "by": row.held_by, "skilled": bool(row.skill),
         "skill": skill_words(row.skill, lang) if row.skill else "", "due": row.on_day <= today,
         "noted": any(state != "planned" for state in states[row.training_id].values()),
         "people": [(ident, names.get(ident, "–"), state) for ident, state in sorted(states[row.training_id].items(), key=lambda pair: names.get(pair[0], ""))]}
        for row in rows
    ]  # fmt: skip
    return page(
        "dispatch/training.html", status=status, rows=shown, problem=problem, errors=errors or {},
        given=context.posted if problem else {}, trained=trained, whole=whole,
        percent=str(round(100 * trained / whole)) if whole else "0",
        people=[(each.person_id, f"{each.name} · {crew_words(each.crew, roster, lang)}") for each in someone],
        skills=[(skill, skill_words(skill, lang)) for skill in sorted({s for t in roster.teams.values() for s in t.skills})],
        papers=[{"name": row.name, "crew": crew_words(row.crew, roster, lang), "skill": skill_words(row.skill, lang),
                 "paper": row.paper, "until": row.expires_on, "over": row.expires_on <= today} for row in papers],
    )  # fmt: skip


def api_trainings(context: Context) -> Answer:
    """The same as JSON."""
    rows, states, _, (trained, whole) = _read(context)
    return answer({"trained": trained, "people": whole, "trainings": [
        {"training_id": row.training_id, "name": row.name, "skill": row.skill, "on_day": row.on_day.isoformat(),
         "hours": row.hours, "people": states[row.training_id]}
        for row in rows
    ]})  # fmt: skip


def _plan(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        return plan(work, **given, who=context.principal.name)


def _attend(context: Context, given: dict[str, Any], training_id: str) -> None:
    with context.work() as work:
        attend(work, training_id, given["people"], given["paper"], given["expires_on"])


def _back(context: Context, **_: str) -> str:
    return context.url("training")


ROUTES: tuple[Route, ...] = (
    Route("GET", "/training", "training", trainings, noted="person", allow=SEE, sample={}, summary="Training and certificates."),
    Route("GET", "/api/training", "api_training", api_trainings, noted="person", allow=SEE, kind="api", answers=TrainingsForm, summary="Trainings."),
    *both("/training", "plan_training", _plan, Plan, EDIT, "Plan a training.", again=trainings, back=_back, said="training.said.planned"),
    *both("/training/<training_id>/attendance", "attend_training", _attend, Attendance, EDIT,
          "Note who came, and certify them.", again=trainings, back=_back, said="training.said.noted"),
)  # fmt: skip
