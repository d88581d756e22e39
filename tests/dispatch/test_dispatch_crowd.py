"""Two at once, and many at once: nobody overwrites another, and statements do not grow with the batch."""

import json
import threading

import pytest
import sqlalchemy

from services.dispatch.roster import demonstration
from services.dispatch.standards import items
from tests.dispatch.world import HEJING, a_person, a_request

ONE = "/dispatch/api/orders/2026-1125-087-1"


def race(*calls):
    """All of them at once; their answers."""
    answers, gate = [None] * len(calls), threading.Barrier(len(calls))

    def one(place, call):
        gate.wait()
        answers[place] = call()

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_two_dispatchers_at_once_one_wins_and_the_other_is_told(world):
    world.file()
    crews = ("hy-air-1", "in-elec-2")
    people = [HEJING, a_person(name="周强", account="account-2", session="s-2")]
    callers = [world.client(person) for person in people]
    answers = race(
        *(
            lambda c=caller, crew=crew: c.post(f"{ONE}/assign", {"crew": crew, "version": 2})
            for caller, crew in zip(callers, crews, strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    winner = next(place for place, answer in enumerate(answers) if answer.status_code == 200)
    assert people[winner].name in answers[1 - winner].json["detail"]
    assert world.order().crew == crews[winner]
    assert len(world.said("work_order_assigned")) == 2


def test_of_ten_finishes_at_once_one_counts(on_postgres):
    world = on_postgres
    world.file()
    world.do("accept")
    world.do("start")
    callers = [world.client(HEJING) for _ in range(10)]
    answers = race(*(lambda c=caller: c.post(f"{ONE}/finish") for caller in callers))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert len(world.said("work_order_finished")) == 1
    assert world.loads()["in-elec-1"].orders == 0


def test_batches_taken_at_once_leave_the_loads_right(on_postgres):
    world = on_postgres
    batches = [
        [world.delivery(a_request(20 * batch + n, skills=("general",))) for n in range(20)] for batch in range(4)
    ]
    race(*(lambda batch=batch: world.take(batch) for batch in batches))
    assert len(world.said("work_order_assigned")) == 80
    with world.running.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT crew, count(*) FROM work_order WHERE open = 1 GROUP BY crew").all()
    assert {crew: load.orders for crew, load in world.loads().items() if load.orders} == {
        crew: int(n) for crew, n in rows
    }


@pytest.mark.parametrize("size", [1, 50])
def test_the_statements_of_a_batch_do_not_grow_with_it(on_postgres, size):
    world = on_postgres
    world.hear(a_request(999))  # crews and contracts are read
    statements = []
    sqlalchemy.event.listen(
        world.running.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    world.hear(*(a_request(number) for number in range(size)))
    # Known requests, loads, and everything written, the claim with it, in one round trip.
    assert len(statements) == 3, [each[:60] for each in statements]
    assert len(world.said("work_order_assigned")) == size + 1


def test_a_step_costs_few_statements(on_postgres):
    world = on_postgres
    world.file()
    statements = []
    sqlalchemy.event.listen(
        world.running.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    world.do("accept")
    assert len(statements) == 3, [each[:60] for each in statements]  # read, write, and this test's own look


def test_the_demonstration_crews_are_eighty_people_for_all_twelve_items():
    given = demonstration()
    assert sum(team.size for team in given.teams) == len(given.members) == 80
    assert given == demonstration()
    assert len({member.name for member in given.members}) == 80
    skills = {skill for team in given.teams for skill in team.skills}
    assert all(skill in skills for item in items().values() for skill in item.skills)


def test_every_item_finds_a_crew(quick):
    for number, code in enumerate(items()):
        order = quick.file(number, item=code, skills=())
        assert order.crew, json.dumps(order.reasons, ensure_ascii=False)


@pytest.mark.parametrize("hours", [8, 13, 16, 80, 90])
def test_at_night_and_on_days_off_work_is_given_all_the_same(quick, hours):
    quick.later(hours=hours)
    for number, code in enumerate(items()):
        assert quick.file(number, item=code, skills=()).crew
    night = quick.file(100, priority=1, skills=("electric",))
    assert night.crew in {"in-elec-1", "in-elec-2", "hy-duty-1", "hy-fix-1", "hy-air-1"}
    assert (night.planned_at - quick.clock.now()).total_seconds() < 1800
