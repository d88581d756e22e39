"""Promises that pass are said to be broken, once; what stood does not count; what was kept stays kept."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from shared import working_time
from shared.contracts.base import from_text
from tests.dispatch.world import HEJING, NOON, World, a_request, reopened


def broken(world):
    return [(data["promise"], data["crew"]) for _, data, _ in world.said("promise_breached")]


def test_a_promise_that_passes_unkept_is_said_to_be_broken_once(world):
    world.file()  # priority 2: on site within an hour of work
    world.later(minutes=59)
    assert world.notice() == 0
    world.later(minutes=2)
    world.notice()
    world.notice()
    assert broken(world) == [("arrival", "in-elec-1")]
    order = world.order()
    assert order.arrival_kept is False
    assert order.response_kept is True


def test_two_timers_at_once_say_it_once(on_postgres):
    world = on_postgres
    for number in range(20):
        world.file(number)
    world.later(hours=6)
    threads = [threading.Thread(target=world.notice) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.notice()
    said = [(data["order_id"], data["promise"]) for _, data, _ in world.said("promise_breached")]
    assert len(said) == len(set(said)) == 40


def test_the_timer_survives_a_restart(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    first = World(url, tmp_path)
    first.file()
    first.close()
    second = World(url, tmp_path, new=False)
    second.later(hours=4)
    second.notice()
    second.close()
    third = World(url, tmp_path, new=False)
    third.later(hours=5)
    third.notice()
    assert sorted(promise for promise, _ in broken(third)) == ["arrival", "finish"]
    third.close()


def test_a_crew_that_comes_late_is_noticed_even_if_it_came_before_the_timer(world):
    world.file()
    world.do("accept")
    world.later(minutes=61)
    world.do("arrive")
    world.notice()
    assert broken(world) == [("arrival", "in-elec-1")]


def test_a_pause_moves_what_is_due_by_the_time_it_stood(world):
    before = world.file()
    world.do("accept")
    world.do("start")
    world.do("pause", "awaiting_parts")
    world.later(minutes=30)
    assert world.order().state == "paused"
    order = world.do("resume")
    assert order.finish_due_at == before.finish_due_at + timedelta(minutes=30)
    assert order.arrival_due_at == before.arrival_due_at


def test_a_paused_order_is_not_broken_while_it_stands(world):
    world.file()
    world.do("accept")
    world.do("start")
    world.do("pause", "awaiting_parts")
    world.later(hours=6)
    world.notice()
    assert broken(world) == []


def test_the_finish_says_which_promises_were_kept(world):
    world.file()
    world.do("accept")
    world.later(minutes=90)
    world.do("start")
    world.later(hours=8)
    world.do("finish", [])
    data = world.said("work_order_finished")[0][1]
    assert (data["response_kept"], data["arrival_kept"], data["finish_kept"]) == (True, False, False)
    assert sorted(promise for promise, _ in broken(world)) == ["arrival", "finish"]
    world.notice()
    assert len(broken(world)) == 2


def test_what_the_requester_was_told_is_what_is_promised(quick):
    told = {
        "response_due_at": NOON + timedelta(minutes=7),
        "arrival_due_at": NOON + timedelta(minutes=31),
        "finish_due_at": datetime(2026, 11, 25, 7, 0, tzinfo=UTC),
    }
    order = quick.file(**told)
    assert order.due() == {kind.removesuffix("_due_at"): at for kind, at in told.items()}
    opened = quick.said("work_order_opened")[0][1]
    assert {name: from_text(opened[name]) for name in told} == told


def test_an_appointment_is_kept_by_being_there_in_time(quick):
    starts = NOON + timedelta(days=2)
    order = quick.file(
        item="meeting", skills=("meeting",), starts_at=starts, ends_at=starts + timedelta(hours=2), priority=3
    )
    assert order.arrival_due_at == starts - timedelta(minutes=30)
    quick.later(days=1)
    quick.notice()
    assert broken(quick) == []


def test_room_hours_are_those_booked(quick):
    starts = NOON + timedelta(hours=2)
    quick.file(
        item="meeting",
        skills=("meeting",),
        starts_at=starts,
        ends_at=starts + timedelta(hours=2, minutes=30),
        priority=3,
    )
    quick.do("accept")
    quick.do("start")
    assert quick.do("finish", []).usage == [["room_hours", "2.50", "hours"]]


def test_reassigning_does_not_move_a_promise(quick):
    before = quick.file()
    quick.later(minutes=20)
    after = quick.do("assign", "hy-air-1")
    assert after.due() == before.due()


def test_a_cancelled_order_is_never_late(quick):
    quick.file()
    quick.cancel()
    quick.later(days=1)
    quick.notice()
    assert broken(quick) == []


def test_a_second_round_counts_from_the_reopening(quick):
    quick.file()
    quick.do("accept")
    quick.do("start")
    quick.do("finish", [])
    quick.later(hours=1)
    quick.hear(reopened(a_request(), at=quick.clock.now()), sequence=2)
    quick.later(hours=9)
    quick.notice()
    assert {data["order_id"] for _, data, _ in quick.said("promise_breached")} == {
        quick.order("2026-1125-087-2").order_id
    }


def test_a_promise_in_a_year_without_a_published_calendar_says_so(quick):
    assert "还没有公布" not in quick.client(HEJING).get(f"/dispatch/orders/{quick.file(1).reference}").text
    quick.clock.set(datetime(2041, 11, 25, 2, 42, tzinfo=UTC))
    late = quick.file(2, reference="2041-1125-002")
    assert "2041年的放假安排还没有公布" in quick.client(HEJING).get(f"/dispatch/orders/{late.reference}").text


def test_a_sites_own_word_on_a_day_stands_above_the_notice():
    day = date(2026, 11, 26)
    working_time.settle("2026-11-26=free, 2026-11-28 = worked")
    try:
        calendar = working_time.Calendar()
        start = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)  # 17:30 at the site; half an hour is left of the day
        assert calendar.add(start, timedelta(hours=1)) == datetime(2026, 11, 27, 1, 0, tzinfo=UTC)
        assert not calendar.days.is_workday(day)
        assert calendar.days.is_workday(date(2026, 11, 28))
        for wrong in ("2026-13-01=free", "2026-11-26", "2026-11-26=perhaps"):
            with pytest.raises(ValueError, match="2026-"):
                working_time.settle(wrong)
        assert not working_time.Calendar().days.is_workday(day)  # what was wrong changed nothing
    finally:
        working_time.settle("")


def test_a_clock_that_jumps_breaks_no_promise_twice_and_none_that_was_kept(world):
    order = world.file()
    world.later(days=3)
    assert world.notice() == 1
    broken = world.said("promise_breached")
    assert broken
    world.clock.set(order.filed_at)  # back to the filing
    for act in ("accept", "start"):
        world.do(act)
    world.notice()
    world.later(days=3)
    world.notice()
    said = world.said("promise_breached")
    kinds = [data["promise"] for _, data, _ in said]
    assert len(kinds) == len(set(kinds))
    assert said[: len(broken)] == broken
