"""Whatever the order in which events come, and however often: the same orders in the same states."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.dispatch.store import read_roster
from shared.contracts.billing import ContractInForce
from tests.dispatch.world import NOON, World, a_request, confirmed, reopened, urged, withdrawn


def histories():
    """Lives of requests as (event, the request's sequence); dispatch's crews do nothing meanwhile."""
    return [
        [(a_request(1), 1), (withdrawn(a_request(1)), 2)],
        [(a_request(2), 1), (urged(a_request(2), 1), 2), (urged(a_request(2), 2), 3), (withdrawn(a_request(2)), 4)],
        [(a_request(3), 1), (confirmed(a_request(3), 4), 2)],
        [(a_request(4), 1), (confirmed(a_request(4), 3), 2), (reopened(a_request(4)), 3), (urged(a_request(4), 1), 4)],
        [(a_request(5), 1), (reopened(a_request(5), 1), 2), (confirmed(a_request(5), 5), 3)],
        [(a_request(6), 1), (urged(a_request(6), 1), 2)],
    ]


def state(world):
    """What stands at the end, without when and to whom it was given."""
    with world.running.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT reference, round, state, open, urged, stars, confirmed_at IS NULL, cancel_reason FROM work_order"
            " ORDER BY reference"
        ).all()
        heard = connection.exec_driver_sql("SELECT request_id, sequence, kind FROM heard ORDER BY 1, 2").all()
    return [(*row[:6], bool(row[6]), row[7]) for row in rows], [tuple(row) for row in heard]


def settle(world):
    """Until nothing waits."""
    for _ in range(20):
        if not world.waiting():
            return
        world.retry()
    raise AssertionError(world.waiting())


def play(world, deliveries):
    for delivery in deliveries:
        world.take([delivery])
    settle(world)


def loads_agree(world):
    """What crews are said to have in hand is what the orders say."""
    with world.running.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT crew, count(*), sum(minutes) FROM work_order WHERE open = 1 AND crew <> '' GROUP BY crew"
        ).all()
    counted = {crew: (int(orders), int(minutes)) for crew, orders, minutes in rows}
    kept = {crew: (load.orders, load.minutes) for crew, load in world.loads().items() if load.orders or load.minutes}
    return kept == counted


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """What the histories come to when every event comes once and in order."""
    folder = tmp_path_factory.mktemp("straight")
    world = World(f"sqlite:///{folder / 'a.db'}", folder)
    for history in histories():
        play(world, [world.delivery(event, sequence) for event, sequence in history])
    found = state(world)
    assert loads_agree(world)
    world.close()
    return found


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_shuffled_and_doubled_events_come_to_the_same_state(seed, straight, template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shuffled")
    world = World(template.copy("sqlite", folder)[0], folder, new=False)
    chance = random.Random(seed)
    deliveries = [world.delivery(event, sequence) for history in histories() for event, sequence in history]
    deliveries += chance.sample(deliveries, chance.randrange(len(deliveries)))
    chance.shuffle(deliveries)
    play(world, deliveries)
    assert state(world) == straight
    assert loads_agree(world)
    world.close()


def test_events_shuffled_on_postgresql_come_to_the_same_state_too(world, straight):
    deliveries = [world.delivery(event, sequence) for history in histories() for event, sequence in history]
    play(world, [*reversed(deliveries), *deliveries])
    assert state(world) == straight
    assert loads_agree(world)


def test_a_withdrawal_that_comes_first_waits_for_its_request(world):
    request = a_request()
    world.hear(withdrawn(request), sequence=2)
    assert world.waiting() == [("dispatch.follow_request", "waiting")]
    world.hear(request)
    world.retry()
    assert world.order().state == "cancelled"
    assert [kind for kind, _, _ in world.said()] == ["work_order_opened", "work_order_assigned", "work_order_cancelled"]
    assert loads_agree(world)


def test_a_withdrawal_after_the_work_is_done_changes_nothing(quick):
    quick.file()
    quick.do("accept")
    quick.do("start")
    quick.do("finish", [])
    quick.hear(withdrawn(a_request()), sequence=2)
    assert quick.order().state == "finished"


def test_a_reopened_request_has_a_second_order_with_its_own_promises(world):
    world.file()
    world.do("accept")
    world.do("start")
    world.do("finish", [])
    world.later(hours=1)
    world.hear(confirmed(a_request(), stars=2), sequence=2)
    assert world.order().state == "checked"
    world.hear(reopened(a_request(), at=world.clock.now()), sequence=3)
    again = world.order("2026-1125-087-2")
    assert (again.round, again.state, again.crew) == (2, "offered", "in-elec-1")
    assert again.finish_due_at > world.order().finish_due_at
    opened = world.said("work_order_opened")[-1]
    assert (opened[1]["round"], opened[1]["reference"], opened[2]) == (2, "2026-1125-087-2", 1)
    assert loads_agree(world)


@pytest.mark.parametrize(("level", "minutes"), [("deep", 240), ("routine", 120), ("", 120)])
def test_a_reopened_request_is_promised_what_its_level_is(world, level, minutes):
    asked = {"item": "cleaning", "level": level, "skills": ("cleaning",)}
    order = world.file(**asked)
    for act in ("accept", "start"):
        world.do(act, reference=order.reference)
    world.do("finish", [("m2", Decimal(20))], reference=order.reference)
    world.hear(reopened(a_request(**asked), at=world.clock.now()), sequence=2)
    again = world.order("2026-1125-087-2")
    assert [(kind, length, always) for kind, _, length, always in again.terms] == [
        ("response", 15, False), ("arrival", 60, False), ("finish", minutes, False)
    ]  # fmt: skip
    with world.running.database.read() as connection:
        calendar = read_roster(connection).calendar
    assert again.finish_due_at == calendar.add(world.clock.now(), timedelta(minutes=minutes))


def test_an_order_of_a_later_round_that_nobody_takes_is_to_redo(quick):
    quick.file(item="printing", skills=("printing",))
    quick.do("accept")
    quick.do("start")
    quick.do("finish", [("pages", Decimal(20))])
    quick.hear(reopened(a_request()), sequence=2)
    order = quick.do("refuse", "tools", reference="2026-1125-087-2")
    assert order.state == "redo"


def test_a_contract_in_force_covers_and_a_later_word_stands_above(world):
    def contract(items, ends_on=date(2028, 1, 1)):
        return ContractInForce(contract="HY-2026-01", supplier="HY", supplier_name="恒岳机电工程有限公司", supplier_name_en="Hengyue",
                               items=items, starts_on=date(2026, 1, 1), ends_on=ends_on, card_version=1)  # fmt: skip

    world.hear(contract(("repair", "printing")), sequence=2)
    world.hear(contract(("cleaning",)), sequence=1)
    with world.running.database.read() as connection:
        roster = read_roster(connection)
    assert roster.contract_for("HY", "printing", NOON.date()) == "HY-2026-01"
    assert roster.contract_for("HY", "cleaning", NOON.date()) == ""
    world.hear(contract((), ends_on=date(2026, 1, 2)), sequence=3)
    world.file(skills=("lift",))  # only the supplier has it
    assert world.order().state == "to_assign"
