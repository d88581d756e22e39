"""The plan of the whole area over time: what is planned, what becomes of it, and orders set to an hour by a dispatcher.

``plan_once`` is computed by a process of its own (``planner``); everything else is short. A slot counts only as long as
its order has the version that was planned, so nothing that a person did since is overruled.
"""

from __future__ import annotations

import json
import math
import resource
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from services.dispatch import handlers, model, store, tables
from services.dispatch.assignment import Area
from services.dispatch.assignment.area import Hand, Home, plan_area
from services.dispatch.handlers import Desk
from services.dispatch.roster import AHEAD, ALLOTTED, DAY, TRAVEL, job_of, midnight, place_of, why_unable
from services.dispatch.store import T, order_of
from shared.contracts import dispatch
from shared.database import Sql
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from services.dispatch.assignment import Crew, Job
    from services.dispatch.assignment.area import Slot
    from services.dispatch.model import Order
    from services.dispatch.roster import Roster, Team
    from shared.database import Database
    from shared.work import Work

R, S = tables.plan_run, tables.plan_slot

STIR = 20.0  # yuan-equivalents that moving an offer must gain: people have been told
STIR_MORE = 60.0  # the same for what a crew has accepted, or what the plan has moved before
PLANNED = (*model.WAITING, model.OFFERED, model.ACCEPTED)  # states that the plan may give another crew or hour
TAKEN = (model.ON_THE_WAY, model.ON_SITE, model.UNDER_WAY)  # states that take a pair of hands
OWN = frozenset({"", "automatic", "plan"})  # ways of assignment in which no person chose the crew
OVERRUN = 0.12  # share of the expected work still to come when it should have been finished
KEPT = timedelta(days=14)  # how long it is remembered when plans were made
FURTHEST = timedelta(days=AHEAD)  # that an order may be set ahead
BEHIND = timedelta(minutes=15)  # an hour this little in the past is now
MOST_EXPLAINED = 500  # proposals of one plan
CHUNK = 500

_CLAIM = Sql(
    """INSERT INTO plan_run (run_id, state, who, started_at) VALUES (:run_id, 'running', '', :at) ON CONFLICT DO NOTHING"""
)


class NothingPlanned(Conflict):
    """The plan proposes nothing for the order as it is now."""

    key = "schedule.nothing"


# ---- runs


def claim(work: Work, every: int, lasts: timedelta) -> str:
    """The run that is to be made now, by this caller alone; empty when none is due.

    ``lasts``: a run that is said to be under way for longer has lost its maker and is called failed, also where a clock
    jumped back.
    """
    running = work.connection.execute(select(R.c.run_id, R.c.started_at).where(R.c.state == "running")).all()
    for row in running:
        if abs(work.now - row.started_at) <= lasts:
            return ""
        end_run(work, row.run_id, "failed")
    wanted = select(R.c.run_id).where(R.c.state == "wanted").order_by(R.c.started_at, R.c.run_id).limit(1)
    asked = work.connection.execute(wanted.with_for_update(skip_locked=True)).first()
    if asked is not None:
        change = update(R).where(R.c.run_id == asked.run_id, R.c.state == "wanted")
        claimed = work.connection.execute(change.values(state="running", started_at=work.now)).rowcount == 1
        return str(asked.run_id) if claimed else ""
    open_ = select(T.c.order_id).where(T.c.open == 1, T.c.state.in_(PLANNED)).limit(1)
    if not every or work.connection.execute(open_).first() is None:
        return ""
    run_id = f"every-{every}-{math.floor(work.now.timestamp() / every)}"
    return run_id if _CLAIM.run(work.connection, run_id=run_id, at=work.now).rowcount == 1 else ""


def ask(work: Work, who: str) -> str:
    """A plan is to be made as soon as there is somebody to make it; asking twice asks once."""
    row = work.connection.execute(select(R.c.run_id).where(R.c.state.in_(("wanted", "running")))).first()
    if row is not None:
        return str(row.run_id)
    run_id = work.new_id()
    work.connection.execute(insert(R).values(run_id=run_id, state="wanted", who=who, started_at=work.now))
    return run_id


def end_run(work: Work, run_id: str, state: str) -> bool:
    """The run did not come to its end; false when it had."""
    change = update(R).where(R.c.run_id == run_id, R.c.state == "running").values(state=state, ended_at=work.now)
    ended = work.connection.execute(change).rowcount == 1
    if ended:
        store.tell(work, "queue", "say", {"plan": state})
    return ended


def runs(connection: Connection, limit: int = 20) -> list[Row[Any]]:
    """The latest runs, newest first."""
    return list(connection.execute(select(R).order_by(R.c.started_at.desc(), R.c.run_id.desc()).limit(limit)))


def forget(work: Work) -> None:
    """Runs of long ago are forgotten."""
    work.connection.execute(delete(R).where(R.c.started_at < work.now - KEPT))


def standing(connection: Connection) -> dict[str, Any]:
    """How planning stands: when the last plan was made, and whether the latest try failed since."""
    rows = runs(connection, 10)
    done = next((row for row in rows if row.state == "done"), None)
    bad = next((row for row in rows if row.state in {"late", "failed"}), None)
    if bad is not None and done is not None and bad.ended_at <= done.ended_at:
        bad = None
    return {
        "made_at": done.ended_at if done else None,
        "failed_at": bad.ended_at if bad else None,
        "why": bad.state if bad else "",
        "under_way": any(row.state in {"wanted", "running"} for row in rows),
    }


# ---- the plan itself


def plan_once(
    database: Database, now: datetime, steps: int | None = None, *, seconds: float = 0, began: float | None = None
) -> dict[str, Any]:
    """The plan as of ``now``: rows for ``plan_slot`` and figures of the run; reads, and changes nothing.

    With ``seconds``, counted from ``began`` on the monotonic clock, the best plan found in that time, what it takes to read
    and to keep it included: the search ends early, never the process.
    """
    began = time.monotonic() if began is None else began

    def late(share: float) -> bool:
        return seconds > 0 and time.monotonic() - began >= share * seconds

    with database.read() as connection:
        roster = store.read_roster(connection)
        query = select(T).where(T.c.open == 1, T.c.state.in_((*PLANNED, *TAKEN))).order_by(T.c.order_id)
        start = midnight(now)
        jobs: list[Job] = []
        homes: dict[str, Home] = {}
        facts: dict[str, tuple[int, str, str, str, str]] = {}
        taken: list[Order] = []
        for row in connection.execution_options(yield_per=CHUNK).execute(query):
            order = order_of(row)
            if order.state in TAKEN:
                taken.append(order)
                continue
            if order.state in model.WAITING and roster.modes.get(order.item) == "manual":
                continue
            job = _job(order, roster, now)
            jobs.append(job)
            facts[order.order_id] = (order.version, order.state, order.item, order.crew, order.assigned_by)
            if order.crew and not job.pinned:
                calm = order.state == model.OFFERED and order.assigned_by == "automatic"
                homes[order.order_id] = Home(order.crew, STIR if calm else STIR_MORE)
    area, hands = _crews(roster, taken, now)
    slots = plan_area(area, hands, jobs, homes, _minute(now, start), explain=MOST_EXPLAINED, steps=steps, late=late)
    rows = [_row(slot, facts[slot.job], roster, start) for slot in slots]
    return {
        "slots": rows,
        "orders": len(jobs),
        "crews": len(area.crews),
        "placed": len(rows),
        "proposed": sum(row["act"] == "propose" for row in rows),
        "milliseconds": round((time.monotonic() - began) * 1000),
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _minute(at: datetime, start: datetime) -> int:
    return math.floor((at - start) / timedelta(minutes=1))


def _job(order: Order, roster: Roster, now: datetime) -> Job:
    """The order as the plan sees it: what a person chose stays with its crew and its hour.

    Crews that are held back for what they did are given nothing more.
    """
    today = midnight(now).date()
    job = job_of(order, now)
    held = {team.code for team, _, back in roster.able_on(today, job, today)[0] if back}
    job = replace(job, conflicts=roster.conflicts_of(order) | held - {order.crew})
    if order.crew and order.assigned_by not in OWN:
        # A person's choice stands above an earlier refusal and a conflict that was declared since.
        job = replace(job, pinned=order.crew, refused_by=job.refused_by - {order.crew},
                      conflicts=job.conflicts - {order.crew})  # fmt: skip
    if order.pinned_at is not None:
        job = replace(job, earliest=max(job.earliest, _minute(order.pinned_at, midnight(now))))
    return job


def _crews(roster: Roster, taken: Sequence[Order], now: datetime) -> tuple[Area, list[Hand]]:
    """The crews in their present or next shift, and their hands: what is under way takes one of them until its end."""
    start = midnight(now)
    at = _minute(now, start)
    crews: list[Crew] = []
    hands: list[Hand] = []
    horizon = at
    busy: dict[str, list[tuple[int, int]]] = {}
    for order in taken:
        begin = _minute(order.started_at or now, start)
        until = max(begin + order.minutes, at + max(1, math.ceil(OVERRUN * order.minutes)))
        if order.state != model.UNDER_WAY:
            until = max(until, at + order.minutes)
        busy.setdefault(order.crew, []).append((until, place_of(order.building)))
    for code in sorted(roster.teams):
        team = roster.teams[code]
        shift = next_shift(team, at, roster, now)
        if not team.active or shift is None:
            continue
        crew = next(
            each for _, each in roster.crews_on((start + timedelta(minutes=shift[0])).date()) if each.id == code
        )
        if crew.size < 1:
            continue
        item = next((each for each in sorted(crew.items or ())), "")
        score, consequence = roster.performance(team, item, start.date())
        crews.append(replace(crew, shift=shift, score=score * ALLOTTED.get(consequence, 1.0)))
        horizon = max(horizon, shift[1])
        own = sorted(busy.get(code, ()))
        count = 1 if team.seats else crew.size  # a vehicle is in one place
        for number in range(count):
            mine = own[number::count]  # more under way than hands: one after another
            free = max((until for until, _ in mine), default=None)
            hands.append(Hand(code, free, mine[-1][1] if mine else None))
    return Area(tuple(crews), TRAVEL, horizon), hands


def next_shift(team: Team, at: int, roster: Roster, now: datetime) -> tuple[int, int] | None:
    """The shift that is on at minute ``at`` of today or comes next, in minutes of today; None within a fortnight."""
    today = midnight(now).date()
    for day in range(-1, AHEAD):
        date = today + timedelta(day)
        if team.days != "all" and not roster.calendar.days.is_workday(date):
            continue
        begins, ends = day * DAY + team.shift[0], day * DAY + team.shift[1]
        if ends > at:
            return begins, ends
    return None


def _row(slot: Slot, known: tuple[int, str, str, str, str], roster: Roster, start: datetime) -> dict[str, Any]:
    version, state, item, crew, by = known
    act = ""
    best = slot.best
    if best is not None and (slot.moves or not crew):
        enough = slot.gain >= (STIR if state == model.OFFERED and by == "automatic" else STIR_MORE)
        by_rule = roster.automatic(item) and state in {model.OFFERED, *model.WAITING} and by in OWN
        if not crew or enough:
            act = "rule" if by_rule else "propose"
    return {
        "order_id": slot.job,
        "version": version,
        "crew": slot.crew,
        "starts_at": (start + timedelta(minutes=slot.start)).astimezone(UTC),
        "ends_at": (start + timedelta(minutes=slot.end)).astimezone(UTC),
        "act": act if act or not slot.moves else "none",  # a move that gains too little is no slot to show
        "gain": round(slot.gain),
        "reasons": json.dumps(
            [handlers.keyed(each) for each in best.reasons] if act and best else [], ensure_ascii=False
        ),
        "next_crews": json.dumps(
            [handlers.advice(each, start) for each in slot.next_two] if act else [], ensure_ascii=False
        ),
    }


def keep_plan(work: Work, run_id: str, found: Mapping[str, Any]) -> None:
    """The plan is the one that counts from now on.

    Raises:
        Absent: the run has been given up meanwhile; nothing is kept.
    """
    figures = {name: found[name] for name in ("orders", "crews", "placed", "proposed", "milliseconds", "mebibytes")}
    change = update(R).where(R.c.run_id == run_id, R.c.state == "running")
    if work.connection.execute(change.values(state="done", ended_at=work.now, **figures)).rowcount != 1:
        raise Absent
    work.connection.execute(delete(S))
    rows = [{**row, "run_id": run_id} for row in found["slots"] if row["act"] != "none"]
    for place in range(0, len(rows), CHUNK):
        work.connection.execute(insert(S), rows[place : place + CHUNK])
    store.tell(work, "queue", "say", {"plan": "done"})


# ---- what becomes of it


def apply(work: Work, run_id: str, limit: int = 20) -> int:
    """Orders that the plan moves by rule have their new crew, each as it was planned or not at all; how many were looked at."""
    query = (
        select(S, S.c.version.label("planned_version"))
        .where(S.c.act == "rule", S.c.run_id == run_id)
        .order_by(S.c.order_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(work.connection.execute(query))
    if not rows:
        return 0
    orders = {
        order.order_id: order
        for order in (
            order_of(row)
            for row in work.connection.execute(
                select(T)
                .where(T.c.order_id.in_([row.order_id for row in rows]))
                .order_by(T.c.order_id)
                .with_for_update()
            )
        )
    }
    desk = Desk(store.roster(work.connection), store.loads(work.connection))
    moved = 0
    for row in rows:
        order = orders.get(row.order_id)
        team = desk.roster.teams.get(row.crew)
        if (
            order is not None
            and team is not None
            and order.version == row.planned_version
            and order.state in {model.OFFERED, *model.WAITING}
            and order.assigned_by in OWN
            and row.crew != order.crew
            and desk.roster.automatic(order.item)
            and row.crew not in {crew for crew, _ in order.refused_by}
            and why_unable(order, team, desk.roster, work.now) is None
        ):
            _give(work, desk, order, team, row, by="plan")
            order.settle_urgency(work.now)
            store.save_order(work, order)
            handlers.tell_of(work, order)
            moved += 1
    store.add_loads(work, desk.changes)
    given = [row.order_id for row in rows]
    work.connection.execute(update(S).where(S.c.order_id.in_(given), S.c.run_id == run_id).values(act="given"))
    work.connection.execute(update(R).where(R.c.run_id == run_id).values(moved=R.c.moved + moved))
    return len(rows)


def _give(work: Work, desk: Desk, order: Order, team: Team, row: Row[Any], *, by: str, who: str = "") -> None:
    handlers.give_at(
        work, desk, order, team, by=by, planned_at=max(row.starts_at, work.now), reasons=json.loads(row.reasons),
        next_crews=json.loads(row.next_crews), who=who,
    )  # fmt: skip


def slot_of(connection: Connection, order: Order) -> Row[Any] | None:
    """Where the plan has the order as it is now; None when it was not planned, or has changed since."""
    query = select(S).where(S.c.order_id == order.order_id, S.c.version == order.version)
    return connection.execute(query).first()


def slots_of(connection: Connection, orders: Iterable[Order]) -> dict[str, Row[Any]]:
    """The same for many, by order id."""
    versions = {order.order_id: order.version for order in orders}
    query = select(S).where(S.c.order_id.in_(list(versions)))
    return {row.order_id: row for row in connection.execute(query) if versions[row.order_id] == row.version}


def proposals(connection: Connection, limit: int = 200) -> list[tuple[Order, Row[Any]]]:
    """What the plan proposes to a person, what gains most first."""
    query = (
        select(S.c.order_id).join(T, (T.c.order_id == S.c.order_id) & (T.c.version == S.c.version))
        .where(S.c.act == "propose", T.c.open == 1).order_by(S.c.gain.desc(), S.c.order_id).limit(limit)
    )  # fmt: skip
    ids = [row.order_id for row in connection.execute(query)]
    orders = {row.order_id: order_of(row) for row in connection.execute(select(T).where(T.c.order_id.in_(ids)))}
    slots = {row.order_id: row for row in connection.execute(select(S).where(S.c.order_id.in_(ids)))}
    return [(orders[each], slots[each]) for each in ids if each in orders and each in slots]


def follow(work: Work, order: Order, who: str, version: int | None = None) -> None:
    """The order is given as the plan proposes.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has begun. NothingPlanned: there is no proposal for it as it is now.
        Invalid: the crew may no longer do it.
    """
    handlers.need(work, "follow", order, version)
    row = slot_of(work.connection, order)
    if row is None or row.act not in {"propose", "rule"} or row.crew == order.crew:
        raise NothingPlanned
    desk = Desk(store.roster(work.connection), store.loads(work.connection))
    team = desk.roster.teams.get(row.crew)
    why = why_unable(order, team, desk.roster, work.now) if team else None
    if team is None or why is not None:
        raise Invalid(
            fields={"crew": [f"dispatch.field.{why.key.rpartition('.')[2]}" if why else "dispatch.field.crew"]}
        )
    _give(work, desk, order, team, row, by="suggestion", who=who)
    handlers.settled(work, order, desk)


# ---- an order set to an hour


def pin(work: Work, order: Order, crew: str, at: datetime | None, who: str, version: int | None = None) -> None:
    """The order is this crew's at this hour, and the plan keeps to both; ``at`` None leaves the hour to the plan again.

    Raises:
        Overtaken, NotNow: somebody was faster, or it has begun.
        Invalid: the hour is past or too far away, or the crew may never do it.
    """
    handlers.need(work, "pin", order, version)
    if at is not None and not work.now - BEHIND <= at <= work.now + FURTHEST:
        raise Invalid(fields={"at": ["schedule.field.at"]})
    if at is not None:
        at = max(at, work.now)
    if crew and crew != order.crew:
        handlers.assign(work, order, crew, who, version, at=at)
        return
    if not order.crew:
        raise Invalid(fields={"crew": ["dispatch.field.crew"]})
    before = order.pinned_at
    _set(work, order, at, who, f"{before.isoformat() if before else ''}>{at.isoformat() if at else ''}")


def undo_pin(work: Work, order: Order, who: str) -> None:
    """The order's hour is what it was before it was last set.

    Raises:
        Overtaken: something has happened since.
    """
    if order.changed_what != "scheduled":
        handlers.need(work, "pin", order, version=0)
    last = store.happenings(work.connection, order.order_id)[-1]
    before = last.detail.partition(">")[0]
    _set(work, order, datetime.fromisoformat(before) if before else None, who, f">{before}")


def _set(work: Work, order: Order, at: datetime | None, who: str, detail: str) -> None:
    order.pinned_at = at
    if at is not None:
        order.planned_at = at
        if order.state == model.OFFERED:
            order.answer_by = handlers.answer_until(order, work.now)
    handlers.changed(work, order, "scheduled", who, detail=detail)
    work.say(
        dispatch.WorkOrderScheduled(
            order_id=order.order_id, request_id=order.asked, crew=order.crew, planned_at=order.planned_at or work.now,
            fixed=at is not None, scheduled_at=work.now,
        ),
        sequence=order.version,
    )  # fmt: skip
    handlers.settled(work, order, Desk(store.roster(work.connection), {}))
