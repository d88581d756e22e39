"""Emergency plans as they are followed, in earnest or as a drill: who is called in which order, who answered when, what was done.

The next is called when somebody answers, and all the same when nobody has for a while; nobody in the chain is left out. A real
emergency also has its order at once, before which other work stands back.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.dispatch import choices, emergency_plans, model, orders, store, tables, work_tables
from services.dispatch.access import KEEP, QUEUE
from services.dispatch.acts import Nothing, both
from shared.clock import SITE_ZONE, to_text
from shared.contracts import dispatch
from shared.errors import Absent, Conflict
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route, Scoped
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.web.context import Context
    from shared.work import Work

Y, C, S = work_tables.emergency.c, work_tables.emergency_call.c, work_tables.emergency_step.c
UNANSWERED = timedelta(minutes=3)  # after which the next is called too
KINDS = ("drill", "real")
BEGIN = KEEP
ANSWER = Access.to(dispatcher="all", crew="own", administrator="all")
SEE = Access.to(dispatcher="all", crew="own", supervisor="all", auditor="all", administrator="all")


def begin(work: Work, *, plan: str, kind: str, place: str, words: str, who: str) -> str:
    """The plan is followed from now on and its first call is made; its id.

    Raises:
        Invalid: no such plan. Conflict: it is being followed already.
    """
    known = emergency_plans.plan_of(work.connection, plan)
    running = select(Y.emergency_id).where(Y.plan == plan, Y.kind == kind, Y.ended_at.is_(None))
    if work.connection.execute(running).first() is not None:
        raise Conflict("emergency.field.running")
    ident = work.new_id()
    work.connection.execute(insert(work_tables.emergency).values(
        emergency_id=ident, plan=plan, kind=kind, place=place, words=words, begun_at=work.now, begun_by=who, ended_by="",
        outcome="", next_at=None))  # fmt: skip
    calls = [{"emergency_id": ident, "position": place_, "name": each["name"], "name_en": each["name_en"], "crew": each["crew"],
              "answered_by": ""} for place_, each in enumerate(known["calls"], 1)]  # fmt: skip
    steps = [{"emergency_id": ident, "position": place_, "name": each["name"], "name_en": each["name_en"], "done_by": ""}
             for place_, each in enumerate(known["steps"], 1)]  # fmt: skip
    work.connection.execute(insert(work_tables.emergency_call), calls)
    work.connection.execute(insert(work_tables.emergency_step), steps)
    _call(work, ident)
    if kind == "real":
        local = work.now.astimezone(SITE_ZONE)
        orders.open_own(
            work, ident=model.own_id("emergency", ident), origin="alarm", item=known["item"], place=place, priority=1,
            reference=f"{local:%Y-%m%d}-E{hashlib.sha256(ident.encode()).hexdigest()[:6]}",
            summary=f"{known['name']}：{words}"[:200] if words else known["name"], skills=known["skills"],
        )  # fmt: skip
    _say(work, ident, plan, kind, place, "begun")
    return ident


def _say(work: Work, ident: str, plan: str, kind: str, place: str, what: str) -> None:
    count = select(func.count()).where(C.emergency_id == ident)
    called = work.connection.execute(count.where(C.called_at.is_not(None))).scalar_one()
    answered = work.connection.execute(count.where(C.answered_at.is_not(None))).scalar_one()
    work.say(dispatch.EmergencyChanged(
        emergency_id=ident, plan=plan, kind=kind, place=place, what=what, called=called, answered=answered, at=work.now))  # fmt: skip
    store.tell(work, "queue", "alert", {"ref": ident, "role": "dispatcher"})


def _call(work: Work, ident: str) -> None:
    """The next in the chain is called; when nobody is left, nothing waits."""
    query = (
        select(work_tables.emergency_call).where(C.emergency_id == ident, C.called_at.is_(None)).order_by(C.position)
    )
    row = work.connection.execute(query.limit(1)).first()
    if row is None:
        work.connection.execute(update(work_tables.emergency).where(Y.emergency_id == ident).values(next_at=None))
        return
    change = update(work_tables.emergency_call).where(C.emergency_id == ident, C.position == row.position)
    work.connection.execute(change.values(called_at=work.now))
    following = update(work_tables.emergency).where(Y.emergency_id == ident)
    work.connection.execute(following.values(next_at=work.now + UNANSWERED))
    if row.crew:
        store.tell(work, f"crew:{row.crew}", "alert", {"ref": ident, "role": "emergency"})


def _open(work: Work, ident: str) -> Row[Any]:
    row = work.connection.execute(
        select(work_tables.emergency).where(Y.emergency_id == ident).with_for_update()
    ).first()
    if row is None:
        raise Absent
    if row.ended_at is not None:
        raise Conflict("emergency.field.ended")
    return row


def answer_call(work: Work, ident: str, position: int, who: str) -> None:
    """Somebody has answered this call, the first who says so counts; the next is called at once.

    Raises:
        Absent: there is no such call. Conflict: it has not been made, or the emergency is over.
    """
    row = _open(work, ident)
    call = work.connection.execute(
        select(work_tables.emergency_call).where(C.emergency_id == ident, C.position == position)
    ).first()
    if call is None:
        raise Absent
    if call.called_at is None:
        raise Conflict("emergency.field.uncalled")
    if call.answered_at is not None:
        return
    change = update(work_tables.emergency_call).where(C.emergency_id == ident, C.position == position)
    work.connection.execute(change.values(answered_at=work.now, answered_by=who))
    if row.next_at is not None:
        _call(work, ident)


def call_next(work: Work, limit: int = 100) -> int:
    """Where nobody answered in time the next is called; how many emergencies were looked at."""
    query = select(Y.emergency_id).where(Y.next_at <= work.now, Y.ended_at.is_(None)).order_by(Y.next_at).limit(limit)
    rows = list(work.connection.execute(query.with_for_update(skip_locked=True)))
    for row in rows:
        _call(work, row.emergency_id)
    return len(rows)


def do_step(work: Work, ident: str, position: int, who: str) -> None:
    """The step is done; the first who says so counts.

    Raises:
        Absent: there is no such step. Conflict: the emergency is over.
    """
    _open(work, ident)
    where = (S.emergency_id == ident, S.position == position)
    if work.connection.execute(select(S.position).where(*where)).first() is None:
        raise Absent
    change = update(work_tables.emergency_step).where(*where, S.done_at.is_(None))
    work.connection.execute(change.values(done_at=work.now, done_by=who))


def end(work: Work, ident: str, outcome: str, people: int, who: str) -> None:
    """It is over and stands in the register, with how long it took.

    Raises:
        Absent, Conflict: there is none, or it is over already.
    """
    row = _open(work, ident)
    values = {"ended_at": work.now, "ended_by": who, "outcome": outcome, "next_at": None}
    work.connection.execute(update(work_tables.emergency).where(Y.emergency_id == ident).values(**values))
    minutes = max(1, round((work.now - row.begun_at) / timedelta(minutes=1)))
    work.connection.execute(insert(tables.drill).values(
        drill_id=ident, plan=row.plan, kind=row.kind, at=row.begun_at, led_by=row.begun_by, people=people, minutes=minutes,
        words=outcome, noted_by=who))  # fmt: skip
    _say(work, ident, row.plan, row.kind, row.place, "ended")


def calls_for(connection: Connection, crew: str) -> list[Row[Any]]:
    """Calls to a crew that nobody has answered, of emergencies that go on."""
    query = (
        select(work_tables.emergency_call, Y.plan, Y.kind, Y.place).join(work_tables.emergency, Y.emergency_id == C.emergency_id)
        .where(C.crew == crew, C.called_at.is_not(None), C.answered_at.is_(None), Y.ended_at.is_(None))
        .order_by(C.called_at)
    )  # fmt: skip
    return list(connection.execute(query)) if crew else []


# ---- routes


class Begin(Schema):
    """Which plan is followed."""

    plan = Key(required=True)
    kind = fields.String(load_default="drill", validate=validate.OneOf(KINDS))
    place = Key(load_default="")
    words = Text(200, load_default="")


class Ended(Schema):
    """How it went."""

    outcome = Text(500, required=True, lines=True)
    people = Whole(1, 10_000, required=True)


class CallForm(Schema):
    """Somebody in the chain."""

    position = fields.Integer()
    name = fields.String()
    crew = fields.String()
    called_at = fields.String(allow_none=True)
    answered_at = fields.String(allow_none=True)
    answered_by = fields.String()


class EmergencyForm(Schema):
    """A plan being followed, or that was."""

    emergency_id = fields.String()
    plan = fields.String()
    kind = fields.String()
    place = fields.String()
    begun_at = fields.String()
    ended_at = fields.String(allow_none=True)
    calls = fields.List(fields.Nested(CallForm))
    steps = fields.List(fields.Dict())


class EmergenciesForm(Schema):
    """Emergencies, newest first."""

    emergencies = fields.List(fields.Nested(EmergencyForm))


def _text(at: datetime | None) -> str | None:
    return to_text(at) if at is not None else None


def _read(connection: Connection, ident: str) -> tuple[Row[Any], list[Row[Any]], list[Row[Any]]]:
    row = connection.execute(select(work_tables.emergency).where(Y.emergency_id == ident)).first()
    if row is None:
        raise Absent
    calls = list(
        connection.execute(select(work_tables.emergency_call).where(C.emergency_id == ident).order_by(C.position))
    )
    steps = list(
        connection.execute(select(work_tables.emergency_step).where(S.emergency_id == ident).order_by(S.position))
    )
    return row, calls, steps


def _scope(calls: list[Row[Any]]) -> Scoped:
    return Scoped(crews=frozenset(each.crew for each in calls if each.crew and each.called_at is not None))


def one(
    context: Context,
    emergency_id: str,
    *,
    problem: str = "",
    errors: dict[str, Any] | None = None,
    status: int = 200,
    **_: Any,
) -> Answer:
    """One emergency: whom it calls and who answered, what is to be done, and its end."""
    lang = context.language
    place = context.own.hub.place()
    with context.read() as connection:
        row, calls, steps = _read(connection, emergency_id)
        context.check(_scope(calls))
        roster = store.roster(connection)
        name = emergency_plans.name_of(connection, row.plan, lang)
    crew = context.principal.crew
    may_end = context.may("end_emergency")
    return page(
        "dispatch/emergency.html", status=status, problem=problem, errors=errors or {}, given=context.posted if problem else {},
        row=row, name=name, place=place, at=choices.place_name(row.place, lang),
        calls=[
            {"position": each.position, "name": lang.named(each.name, each.name_en), "crew": roster.crew_name(each.crew, lang.code) if each.crew else "",
             "called": each.called_at, "answered": each.answered_at, "by": each.answered_by,
             "late": bool(each.called_at and not each.answered_at and context.now - each.called_at > UNANSWERED),
             "may": bool(each.called_at and not each.answered_at and row.ended_at is None and (may_end or (crew and each.crew == crew)))}
            for each in calls
        ],
        steps=[{"position": each.position, "name": lang.named(each.name, each.name_en), "done": each.done_at, "by": each.done_by,
                "may": each.done_at is None and row.ended_at is None} for each in steps],
        may_end=may_end and row.ended_at is None,
    )  # fmt: skip


def api_emergencies(context: Context) -> Answer:
    """Emergencies, newest first."""
    with context.read() as connection:
        rows = list(
            connection.execute(select(work_tables.emergency).order_by(Y.begun_at.desc(), Y.emergency_id).limit(50))
        )
        idents = [row.emergency_id for row in rows]
        calls: dict[str, list[Any]] = {ident: [] for ident in idents}
        steps: dict[str, list[Any]] = {ident: [] for ident in idents}
        for call in connection.execute(
            select(work_tables.emergency_call).where(C.emergency_id.in_(idents)).order_by(C.position)
        ):
            calls[call.emergency_id].append(call)
        for step in connection.execute(
            select(work_tables.emergency_step).where(S.emergency_id.in_(idents)).order_by(S.position)
        ):
            steps[step.emergency_id].append(step)
    return answer({"emergencies": [
        {"emergency_id": row.emergency_id, "plan": row.plan, "kind": row.kind, "place": row.place, "begun_at": to_text(row.begun_at),
         "ended_at": _text(row.ended_at),
         "calls": [{"position": each.position, "name": each.name, "crew": each.crew, "called_at": _text(each.called_at),
                    "answered_at": _text(each.answered_at), "answered_by": each.answered_by} for each in calls[row.emergency_id]],
         "steps": [{"position": each.position, "name": each.name, "done_at": _text(each.done_at)} for each in steps[row.emergency_id]]}
        for row in rows
    ]})  # fmt: skip


def _begin(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        return begin(work, **given, who=context.principal.name)


def _checked(context: Context, work: Work, ident: str, position: int = 0) -> None:
    """Return when the reader may act here: a crew only on its own calls.

    Raises:
        Absent: there is none, or it is not theirs.
    """
    _, calls, _ = _read(work.connection, ident)
    context.check(_scope([each for each in calls if not position or each.position == position] or calls))


def _answer(context: Context, given: dict[str, Any], emergency_id: str, position: int) -> None:
    with context.work() as work:
        _checked(context, work, emergency_id, position)
        answer_call(work, emergency_id, position, context.principal.name)


def _step(context: Context, given: dict[str, Any], emergency_id: str, position: int) -> None:
    with context.work() as work:
        _checked(context, work, emergency_id)
        do_step(work, emergency_id, position, context.principal.name)


def _end(context: Context, given: dict[str, Any], emergency_id: str) -> None:
    with context.work() as work:
        end(work, emergency_id, given["outcome"], given["people"], context.principal.name)


def _to_one(context: Context, emergency_id: str, **_: Any) -> str:
    return context.url("emergency", emergency_id=emergency_id)


def _drills(context: Context, **more: Any) -> Answer:
    from services.dispatch.upkeep_pages import drills

    return drills(context, status=more["status"], problem=more["problem"])


ROUTES: tuple[Route, ...] = (
    Route("GET", "/emergencies/<emergency_id>", "emergency", one, allow=SEE, summary="One emergency and its chain of calls."),
    Route("GET", "/api/emergencies", "api_emergencies", api_emergencies, allow=QUEUE, kind="api", answers=EmergenciesForm,
          summary="Emergencies, newest first."),
    *both("/emergencies", "begin_emergency", _begin, Begin, BEGIN, "Follow an emergency plan, in earnest or as a drill.",
          again=_drills, back=lambda context: context.url("drills"), said="emergency.said.begun"),
    *both("/emergencies/<emergency_id>/calls/<int:position>/answer", "answer_call", _answer, Nothing, ANSWER,
          "Somebody has answered this call.", again=one, back=_to_one, said="emergency.said.answered"),
    *both("/emergencies/<emergency_id>/steps/<int:position>/done", "emergency_step", _step, Nothing, ANSWER, "A step is done.",
          again=one, back=_to_one, said="emergency.said.done"),
    *both("/emergencies/<emergency_id>/end", "end_emergency", _end, Ended, BEGIN, "It is over, and stands in the register.",
          again=one, back=_to_one, said="emergency.said.ended"),
)  # fmt: skip
