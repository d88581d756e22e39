"""The plan of the whole area in the running service: what it may move, when it counts, and what happens when it fails."""

import resource
import sys
import threading
import time
from datetime import timedelta

import pytest

from services.dispatch import handlers, planner, schedule, store, tables
from services.dispatch.model import NotNow, Overtaken
from services.dispatch.roster import suggestion
from shared.errors import Absent, Invalid
from tests.dispatch.test_dispatch_crowd import race
from tests.dispatch.world import NOON

ODD = {"milliseconds", "mebibytes"}  # figures of the machine, not of the plan


def plan(world):
    """A plan is made and carried out, in this process."""
    with world.running.work() as work:
        run = schedule.ask(work, "何静")
        assert schedule.claim(work, 300, timedelta(minutes=2)) == run
    found = schedule.plan_once(world.running.database, world.clock.now())
    with world.running.work() as work:
        schedule.keep_plan(work, run, found)
    planner.carry_out(world.running, run)
    return found


def crowded(world, count=12):
    """All electricians' orders at one crew, by rule; the other crew is idle."""
    orders = [world.file(number, skills=("electric",), summary=f"灯{number}") for number in range(1, count + 1)]
    for order in orders:
        with world.running.work() as work:
            fresh = handlers.found(work, order.reference)
            roster = store.roster(work.connection)
            desk = handlers.Desk(roster, store.loads(work.connection))
            if fresh.crew != "in-elec-2":
                found, start = suggestion(fresh, roster, desk.loads, work.now)
                handlers.give(work, desk, fresh, roster.teams["in-elec-2"], by="automatic", found=found, start=start)
                handlers.settled(work, fresh, desk)
    return [world.order(order.reference) for order in orders]


def slots(world):
    with world.running.database.read() as connection:
        return {row.order_id: row for row in connection.execute(tables.plan_slot.select())}


def test_offers_that_wait_behind_one_crew_are_spread_by_rule_and_say_why(world):
    before = crowded(world)
    plan(world)
    after = [world.order(order.reference) for order in before]
    moved = [order for order in after if order.crew != "in-elec-2"]
    assert moved
    assert {order.assigned_by for order in moved} == {"plan"}
    for order in moved:
        assert order.reasons[0][0] in {"dispatch.reason.plan_gain", "dispatch.reason.plan_cannot"}
        assert 1 <= len(order.next_crews) <= 2
        assert order.planned_at >= world.clock.now()
        assert order.finish_due_at == next(each.finish_due_at for each in before if each.reference == order.reference)
    said = [data for _, data, _ in world.said("work_order_assigned") if data["by"] == "plan"]
    assert {data["order_id"] for data in said} == {order.order_id for order in moved}
    assert sum(load.orders for load in world.loads().values()) == len(before)


def test_what_has_begun_and_what_a_person_chose_never_moves(world):
    orders = crowded(world)
    for act in ("accept", "start"):
        world.do(act, reference=orders[0].reference, who="王建国")
    world.do("recall", reference=orders[1].reference)
    world.do("assign", "in-elec-2", reference=orders[1].reference)
    kept = [world.order(order.reference) for order in orders[:2]]
    plan(world)
    assert [world.order(order.reference) for order in orders[:2]] == kept
    shown = slots(world)
    assert kept[0].order_id not in shown
    assert shown[kept[1].order_id].crew == "in-elec-2"


def test_what_a_crew_has_accepted_is_proposed_and_a_person_follows(quick):
    orders = crowded(quick)
    for order in orders:
        quick.do("accept", reference=order.reference, who="王建国")
    plan(quick)
    assert all(quick.order(order.reference).crew == "in-elec-2" for order in orders)
    with quick.running.database.read() as connection:
        proposed = schedule.proposals(connection)
        assert store.counts(connection, quick.clock.now())["proposed"] == len(proposed) > 0
    order, row = proposed[0]
    assert row.gain >= schedule.STIR_MORE
    with quick.running.work() as work:
        schedule.follow(work, handlers.found(work, order.reference), "何静", order.version)
    after = quick.order(order.reference)
    assert (after.crew, after.assigned_by, after.state) == (row.crew, "suggestion", "offered")
    with quick.running.work() as work, pytest.raises(Overtaken):
        schedule.follow(work, handlers.found(work, order.reference), "周强", order.version)
    quick.do("undo_assign", reference=order.reference)
    assert quick.order(order.reference).crew == "in-elec-2"
    with quick.running.work() as work, pytest.raises(schedule.NothingPlanned):
        schedule.follow(work, handlers.found(work, order.reference), "何静")


def test_an_item_that_only_suggests_is_proposed_and_a_manual_one_left_alone(quick):
    from services.dispatch import desk

    with quick.running.work() as work:
        desk.set_mode(work, "repair", "suggest")
        desk.set_mode(work, "printing", "manual")
    asked = quick.file(1, skills=("electric",))
    alone = quick.file(2, item="printing", skills=("printing",))
    plan(quick)
    assert (quick.order(asked.reference).crew, quick.order(alone.reference).crew) == ("", "")
    assert slots(quick)[asked.order_id].act == "propose"
    assert alone.order_id not in slots(quick)


def test_the_same_orders_give_the_same_plan(quick):
    crowded(quick)
    found = [schedule.plan_once(quick.running.database, quick.clock.now()) for _ in range(2)]
    one, other = ({name: value for name, value in each.items() if name not in ODD} for each in found)
    assert one == other


def test_whoever_acts_while_it_is_planned_is_not_overruled(world):
    """Crews change and a person assigns between the plan and its carrying out."""
    orders = crowded(world)
    with world.running.work() as work:
        run = schedule.ask(work, "")
        schedule.claim(work, 300, timedelta(minutes=2))
    found = schedule.plan_once(world.running.database, world.clock.now())
    ruled = [row["order_id"] for row in found["slots"] if row["act"] == "rule"]
    assert ruled
    first = next(order for order in orders if order.order_id == ruled[0])
    world.do("assign", "hy-fix-1", reference=first.reference)
    gone = {row["crew"] for row in found["slots"] if row["act"] == "rule"}
    with world.running.work() as work:
        change = tables.crew.update().where(tables.crew.c.code.in_(gone)).values(active=0)
        work.connection.execute(change)
    store.forget_roster()
    with world.running.work() as work:
        schedule.keep_plan(work, run, found)
    planner.carry_out(world.running, run)
    assert world.order(first.reference).crew == "hy-fix-1"
    assert all(world.order(order.reference).crew == "in-elec-2" for order in orders if order is not first)


def settings(world, **values):
    world.running.settings = world.running.settings.with_(**values)


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("import time; time.sleep(60)", "late"),
        ("raise SystemExit(3)", "failed"),
        ("import os; os.kill(os.getpid(), 9)", "failed"),
    ],
)
def test_a_planner_that_hangs_or_dies_is_shown_and_orders_go_on(quick, command, outcome):
    from tests.dispatch.world import HEJING

    crowded(quick, 2)
    settings(quick, DISPATCH_PLAN_SECONDS=1)
    quick.later(minutes=10)
    assert planner.run_due(quick.running, [sys.executable, "-c", command]) == outcome
    assert quick.file(90, skills=("plumbing",)).crew == "in-pipe-1"
    with quick.running.database.read() as connection:
        assert schedule.standing(connection)["why"] == outcome
    assert "排程没有算完" in quick.client(HEJING).get("/dispatch/").text
    plan(quick)
    assert "排程没有算完" not in quick.client(HEJING).get("/dispatch/").text


def test_the_child_plans_within_its_bounds(world):
    crowded(world)
    assert planner.run_due(world.running) == "done"
    with world.running.database.read() as connection:
        run = schedule.runs(connection)[0]
    assert (run.state, run.orders, run.moved > 0) == ("done", 12, True)
    # Linux counts the largest size since the fork, the tests' own process before it included.
    assert 0 < run.mebibytes < max(300, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + 50)
    assert planner.run_due(world.running) == ""  # not again in the same interval
    world.later(minutes=5)
    settings(world, DISPATCH_PLAN_MEMORY=64)
    assert planner.run_due(world.running) == "failed"


def test_one_of_many_replicas_plans(on_postgres):
    crowded(on_postgres, 2)

    def claim():
        with on_postgres.running.work() as work:
            return schedule.claim(work, 300, timedelta(minutes=2))

    assert sorted(race(*[claim] * 4))[:3] == ["", "", ""]
    with on_postgres.running.database.read() as connection:
        assert len(schedule.runs(connection)) == 1


@pytest.mark.parametrize("jump", [timedelta(minutes=10), -timedelta(hours=1)])
def test_a_run_whose_maker_is_gone_is_called_failed_also_when_the_clock_jumps(quick, jump):
    crowded(quick, 1)
    lasts = timedelta(minutes=2)
    with quick.running.work() as work:
        lost = schedule.claim(work, 300, lasts)
        assert lost
        assert schedule.claim(work, 300, lasts) == ""
    quick.clock.set(NOON + jump)
    with quick.running.work() as work:
        assert schedule.claim(work, 300, lasts) not in {"", lost}
    with quick.running.work() as work, pytest.raises(Absent):
        schedule.keep_plan(
            work, lost, {"slots": [], **dict.fromkeys(("orders", "crews", "placed", "proposed", *ODD), 0)}
        )


def test_an_hour_that_is_set_is_kept_and_undone(world):
    orders = crowded(world, 4)
    at = world.clock.now() + timedelta(hours=3)

    def pin(crew, when, version=None):
        with world.running.work() as work:
            schedule.pin(work, handlers.found(work, orders[0].reference), crew, when, "何静", version)
        return world.order(orders[0].reference)

    kept = pin("in-elec-1", at)
    assert (kept.crew, kept.planned_at, kept.pinned_at, kept.assigned_by) == ("in-elec-1", at, at, "dispatcher")
    assert kept.answer_by == at + timedelta(minutes=15)
    plan(world)
    assert world.order(orders[0].reference) == kept
    assert slots(world)[kept.order_id].starts_at == at
    later = pin("in-elec-1", at + timedelta(minutes=30), kept.version)
    assert later.planned_at == at + timedelta(minutes=30)
    assert [data["planned_at"] for _, data, _ in world.said("work_order_scheduled")]
    with world.running.work() as work:
        schedule.undo_pin(work, handlers.found(work, orders[0].reference), "何静")
    assert world.order(orders[0].reference).pinned_at == at
    assert pin("", None).pinned_at is None
    for wrong in (world.clock.now() - timedelta(hours=1), world.clock.now() + timedelta(days=30)):
        with pytest.raises(Invalid):
            pin("in-elec-1", wrong)
    with pytest.raises(Overtaken):
        pin("in-elec-2", at, kept.version)
    world.do("accept", reference=orders[0].reference)
    world.do("start", reference=orders[0].reference)
    with pytest.raises(NotNow):
        pin("in-elec-2", at)


def test_a_plan_whose_time_is_up_is_the_best_until_then_and_moves_nothing_it_had_no_turn_for(world):
    crowded(world)
    whole = schedule.plan_once(world.running.database, world.clock.now())
    none = schedule.plan_once(world.running.database, world.clock.now(), seconds=0.000001)
    assert none["placed"] == 0
    assert none["proposed"] == 0
    roomy = schedule.plan_once(world.running.database, world.clock.now(), seconds=600)
    assert {name: value for name, value in roomy.items() if name not in ODD} == {
        name: value for name, value in whole.items() if name not in ODD
    }


def test_a_search_that_ends_early_leaves_a_plan_that_holds(quick, monkeypatch):
    crowded(quick, 20)
    looks = [0]

    class Clock:
        """Time goes by looks at the clock, so that it is up in the middle of each part in turn."""

        @staticmethod
        def monotonic():
            looks[0] += 1
            return looks[0]

    for allowed in (5, 25, 60, 200):
        looks[0] = 0
        monkeypatch.setattr(schedule, "time", Clock)
        found = schedule.plan_once(quick.running.database, quick.clock.now(), seconds=allowed)
        monkeypatch.undo()
        crews = {}
        for row in found["slots"]:
            crews.setdefault(row["crew"], []).append((row["starts_at"], row["ends_at"]))
        assert all(start < end for spans in crews.values() for start, end in spans)
        assert {row["act"] for row in found["slots"]} <= {"", "none", "rule", "propose"}
        assert all(row["reasons"] != "[]" for row in found["slots"] if row["act"] in {"rule", "propose"})


def test_requests_are_given_to_crews_while_a_plan_is_being_made(world, tmp_path):
    """A planner that has begun and does not end before it is told holds up no decision."""
    crowded(world, 2)
    begun, told = tmp_path / "begun", tmp_path / "told"
    waits = (
        "import pathlib, sys, time\n"
        "begun, told = map(pathlib.Path, sys.argv[1:])\n"
        "begun.touch()\n"
        "while not told.exists(): time.sleep(0.01)\n"
        "raise SystemExit(3)\n"
    )
    outcome = []
    child = threading.Thread(
        target=lambda: outcome.append(
            planner.run_due(world.running, [sys.executable, "-c", waits, str(begun), str(told)])
        )
    )
    child.start()
    try:
        while not begun.exists():
            assert child.is_alive()
            time.sleep(0.01)
        given = [world.file(number, skills=("plumbing",)).crew for number in range(91, 94)]
        assert child.is_alive()
    finally:
        told.touch()
        child.join()
    assert given == ["in-pipe-1"] * 3
    assert outcome == ["failed"]
