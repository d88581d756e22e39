"""The engine on small days of its own: lawful, repeatable, and never stopped by what nobody can do."""

from random import Random

import pytest

from services.dispatch.assignment import Area, Crew, CrewState, Job, Pay, why_not
from services.dispatch.assignment.engine import Engine
from services.dispatch.assignment.route import Tuning

TRAVEL = [[1 if a == b else 3 + abs(a - b) for b in range(6)] for a in range(6)]


def a_day(seed, jobs=60, crews=8):
    """Crews of two trades, one of them a supplier, and jobs through the day."""
    chance = Random(seed)
    made = tuple(
        Crew(
            id=f"c{n}", skills={("wood", "pipe")[n % 2]: 1 + n % 3}, shift=(480, 1080), sites=frozenset({0}), place=n % 6,
            supplier="S" if n == 7 else None, group=None if n == 7 else f"g{n % 2}", overtime_max=30, accept=1,
            pay=Pay("per_order", default=90.0) if n == 7 else Pay(), max_orders=5 if n == 7 else None,
        )
        for n in range(crews)
    )  # fmt: skip
    asked = []
    for n in range(jobs):
        release = chance.randrange(480, 900)
        priority = chance.choice((1, 2, 3, 3, 4))
        job = Job(
            id=f"j{n}", item="repair", skills={chance.choice(("wood", "pipe")): chance.choice((1, 1, 2))}, site=0,
            place=chance.randrange(6), earliest=0, due=release + (40, 90, 200, 400)[priority - 1],
            est=chance.randrange(10, 60), priority=priority, preemptible=priority > 2,
        )  # fmt: skip
        asked.append((release, job))
    return Area(made, TRAVEL, 1320), asked


def play(area, asked, tuning=None):
    """Every five minutes to the end of the day; what was sent, as (minute, crew, job). Fails on an unlawful dispatch."""
    engine = Engine(area, tuning or Tuning(effort=300))
    states = {crew.id: CrewState(crew.id, "idle", crew.place, crew.shift[0]) for crew in area.crews}
    by_id = {job.id: job for _, job in asked}
    gone, sent = set(), []
    for now in range(480, 1080, 5):
        for state in states.values():
            if state.status == "busy" and state.free_at <= now:
                state.status, state.doing = "idle", ()
        open_ = [job for release, job in asked if release <= now and job.id not in gone]
        for each in engine.decide(now, open_, list(states.values())):
            state, crew = states[each.crew], area.by_id[each.crew]
            jobs = [by_id[job] for job in each.jobs]
            put_off = by_id[each.interrupts] if each.interrupts else None
            assert why_not(area, crew, state, jobs, now, interrupting=put_off) is None
            if put_off is not None:
                gone.discard(put_off.id)
            gone.update(each.jobs)
            state.status, state.doing = "busy", each.jobs
            state.free_at = now + 5 + jobs[0].est
            state.place, state.orders = jobs[0].place, state.orders + 1
            sent.append((now, each.crew, each.jobs, each.interrupts))
    return sent


@pytest.mark.parametrize("seed", range(4))
def test_every_dispatch_is_lawful_and_the_day_is_served(seed):
    area, asked = a_day(seed)
    sent = play(area, asked)
    assert len({job for _, _, jobs, _ in sent for job in jobs}) >= 50


def test_the_same_day_is_decided_the_same_way_twice():
    assert play(*a_day(5)) == play(*a_day(5))


def test_jobs_that_nobody_can_do_stop_nothing():
    """Only they are left, several of them: the search has nothing to draw rivals from."""
    area, _ = a_day(1)
    nobody = [
        Job(id=f"n{n}", item="repair", skills={"magic": 1}, site=0, place=0, earliest=0, due=600, est=20, priority=2)
        for n in range(5)
    ]
    able = Job(id="able", item="repair", skills={"wood": 1}, site=0, place=0, earliest=0, due=600, est=20, priority=2)
    engine = Engine(area)
    states = [CrewState(crew.id, "idle", crew.place, 480) for crew in area.crews]
    assert engine.decide(480, nobody, states) == []
    assert [each.jobs for each in engine.decide(485, [*nobody, able], states)] == [("able",)]


def test_a_job_refused_by_everybody_waits_and_others_go_on():
    area, _ = a_day(1)
    everybody = frozenset(crew.id for crew in area.crews)
    jobs = [
        Job(id=f"r{n}", item="repair", skills={"wood": 1}, site=0, place=0, earliest=0, due=600, est=20, priority=2,
            refused_by=everybody if n else frozenset())
        for n in range(4)
    ]  # fmt: skip
    states = [CrewState(crew.id, "idle", crew.place, 480) for crew in area.crews]
    assert [each.jobs for each in Engine(area).decide(480, jobs, states)] == [("r0",)]


def test_an_emergency_puts_off_preemptible_work():
    """One crew, an hour of cleaning in hand, and an emergency due at once."""
    crew = Crew(id="one", skills={"wood": 1}, shift=(480, 1080), sites=frozenset({0}), place=0)
    area = Area((crew,), TRAVEL, 1320)
    slow = Job(id="slow", item="cleaning", skills={"wood": 1}, site=0, place=0, earliest=0, due=900, est=120, priority=4,
               preemptible=True)  # fmt: skip
    fire = Job(id="fire", item="repair", skills={"wood": 1}, site=0, place=1, earliest=0, due=520, due_on_start=True,
               est=20, priority=1)  # fmt: skip
    engine = Engine(area)
    assert [each.jobs for each in engine.decide(480, [slow], [CrewState("one", "idle", 0, 480)])] == [("slow",)]
    busy = CrewState("one", "busy", 0, 602, ("slow",))
    sent = engine.decide(485, [fire], [busy])
    assert [(each.jobs, each.interrupts) for each in sent] == [(("fire",), "slow")]
