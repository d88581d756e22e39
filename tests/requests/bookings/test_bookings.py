"""Bookings as use cases: what may be claimed, what collides, what follows."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from services.requests import store as requests_store
from services.requests.bookings import handlers, model, store
from services.requests.bookings.model import Taken, Wish
from services.requests.handlers import filing, following
from services.requests.model import Filing
from services.requests.requester import oneself
from shared.clock import SITE_ZONE
from shared.errors import Invalid, Stale, Transient
from tests.requests.conftest import NOON, person, said

TEN = datetime(2026, 11, 26, 10, tzinfo=SITE_ZONE).astimezone(UTC)  # a Thursday
HOUR = timedelta(hours=1)


def a_wish(starts_at=TEN, hours=1.5, **changes):
    values = {"resource": "B2-305", "subject": "周例会", "headcount": 8}
    return Wish(**{**values, **changes}, starts_at=starts_at, ends_at=starts_at + hours * HOUR)


def book(running, desk, wish=None, user="hanbing"):
    with running.work() as work:
        return handlers.book(work, desk, oneself(person(user)), wish or a_wish())


def change(running, do):
    with running.work() as work:
        return do(work)


def kept(running, booking):
    with running.database.read() as connection:
        return store.booking(connection, booking.id)


def tasks(running, booking):
    """(item, state, starts_at) of the booking's requests."""
    with running.database.read() as connection:
        found = [requests_store.request_by_id(connection, id_) for id_, _ in store.tasks_of(connection, booking.id)]
    return sorted((each.item, each.state, each.starts_at) for each in found)


# ---- nobody collides


def test_of_two_hundred_at_once_one_gets_the_room_and_the_others_are_told_when_it_is_free(running, desk):
    start = threading.Barrier(40)
    offsets = [timedelta(minutes=15 * (number % 5)) for number in range(200)]  # all overlap at 11:00

    def claim(number):
        if number < 40:
            start.wait(20)
        while True:
            try:
                with running.work() as work:
                    return handlers.book(work, desk, oneself(person()), a_wish(TEN + offsets[number], 2))
            except Taken as error:
                return error
            except Transient:  # the pool or a lock was full: a client tries again after 503
                continue

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(claim, range(200)))
    won = [each for each in answers if not isinstance(each, Taken)]
    assert len(won) == 1
    lost = [each for each in answers if isinstance(each, Taken)]
    assert len(lost) == 199
    assert all(each.free and each.free[0] >= won[0].claimed_until + timedelta(minutes=30) for each in lost)
    with running.database.read() as connection:
        found = store.between(connection, [won[0].resource], TEN - HOUR, TEN + 5 * HOUR)
    assert [each.id for each in found] == [won[0].id]
    assert len(said(running, "requests.booking_made")) == 1


def test_the_database_itself_refuses_an_overlap(running, desk):
    made = book(running, desk)
    if running.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time: the look and the claim are one step there")
    with pytest.raises(IntegrityError, match="no_double_booking"), running.database.write() as connection:
        store.save_booking(connection, replace(made, id="other", starts_at=made.ends_at))


def test_set_up_and_clean_down_are_claimed_too(running, desk):
    made = book(running, desk)
    assert (made.claimed_from, made.claimed_until) == (TEN - HOUR / 2, TEN + 2 * HOUR)
    with pytest.raises(Taken) as refusal:
        book(running, desk, a_wish(TEN + 1.75 * HOUR, 1), "sunli")
    assert refusal.value.free[0] == TEN + 2.5 * HOUR
    assert refusal.value.others
    book(running, desk, a_wish(TEN + 2.5 * HOUR, 1), "sunli")


def test_a_request_for_a_meeting_room_claims_it_and_gives_it_back_when_withdrawn(running, desk):
    wanted = Filing(
        item="meeting", place="B2-305", starts_at=TEN, ends_at=TEN + HOUR, headcount=9, answers={"subject": "处务会"}
    )
    with running.work() as work:
        filed = filing.file_request(work, desk, person(), wanted, "form")
    with pytest.raises(Taken):
        book(running, desk, a_wish(TEN + HOUR / 2), "sunli")
    with pytest.raises(Taken), running.work() as work:
        filing.file_request(work, desk, person("sunli"), wanted, "form")
    with running.work() as work:
        following.withdraw(
            work, requests_store.request_by_id(work.connection, filed.id, lock=True), ("韩冰", "Han Bing")
        )
    book(running, desk, a_wish(TEN + HOUR / 2), "sunli")
    assert [each["data"]["reason"] for each in said(running, "requests.booking_ended")] == ["cancelled"]


# ---- what is allowed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"starts_at": NOON - HOUR}, "starts_at"),
        ({"starts_at": TEN + timedelta(days=400)}, "starts_at"),
        ({"starts_at": TEN + timedelta(minutes=7)}, "starts_at"),
        ({"starts_at": TEN + 11 * HOUR, "hours": 2}, "starts_at"),  # past closing time
        ({"hours": -1}, "ends_at"),
        ({"hours": 0.1}, "ends_at"),
        ({"hours": 13, "starts_at": TEN - 3 * HOUR}, "ends_at"),
        ({"headcount": 2000}, "headcount"),
        ({"subject": ""}, "subject"),
        ({"resource": "B9-999"}, "resource"),
        ({"equipment": ("cannon",)}, "equipment"),
        ({"resource": "barber-1", "subject": "cut", "headcount": 1, "starts_at": TEN, "hours": 1}, "ends_at"),
        (
            {"resource": "barber-1", "subject": "cut", "headcount": 1, "starts_at": TEN + 2 * HOUR, "hours": 0.5},
            "starts_at",
        ),  # noon
        ({"resource": "barber-1", "subject": "dance", "headcount": 1, "hours": 0.5}, "subject"),
    ],
)
def test_what_the_rules_do_not_allow_is_said_by_field(quick, changes, field):
    from services.requests.service import desk_of

    with pytest.raises(Invalid) as refusal:
        book(quick, desk_of(quick), a_wish(**changes))
    assert field in refusal.value.fields


# ---- tasks


def test_a_booking_files_its_tasks_and_takes_them_along(running, desk):
    made = book(running, desk, a_wish(equipment=("tea", "projector")))
    assert tasks(running, made) == [("cleaning", "filed", TEN + 1.5 * HOUR), ("meeting", "filed", TEN)]
    later = a_wish(TEN + 3 * HOUR, 2, resource="B2-405")
    moved = change(running, lambda work: handlers.move(work, desk, handlers.wanted(work.connection, made.id), later))
    assert moved[0].version == 2
    assert tasks(running, made) == [("cleaning", "filed", TEN + 5 * HOUR), ("meeting", "filed", TEN + 3 * HOUR)]
    withdrawn = said(running, "requests.request_withdrawn")
    assert [each["data"]["reason"] for each in withdrawn] == ["moved", "moved"]
    change(running, lambda work: handlers.cancel(work, desk, handlers.wanted(work.connection, made.id)))
    assert {state for _, state, _ in tasks(running, made)} == {"withdrawn"}
    assert kept(running, made).state == "cancelled"


def test_a_change_made_from_an_old_picture_is_refused(running, desk):
    made = book(running, desk)
    change(
        running,
        lambda work: handlers.move(work, desk, handlers.wanted(work.connection, made.id, 1), a_wish(TEN + HOUR)),
    )
    with pytest.raises(Stale):
        change(running, lambda work: handlers.wanted(work.connection, made.id, 1))


def test_a_booking_may_move_into_its_own_old_time(running, desk):
    made = book(running, desk)
    change(
        running,
        lambda work: handlers.move(work, desk, handlers.wanted(work.connection, made.id), a_wish(TEN + HOUR / 2)),
    )
    assert kept(running, made).starts_at == TEN + HOUR / 2


# ---- series


def test_conflicts_of_a_series_are_told_by_date_and_skipped_or_moved(running, desk):
    book(running, desk, a_wish(TEN + timedelta(days=7)), "sunli")
    book(running, desk, a_wish(TEN + timedelta(days=14)), "sunli")
    rule = "FREQ=WEEKLY;COUNT=4"
    with pytest.raises(handlers.Conflicts) as refusal, running.work() as work:
        handlers.book_series(work, desk, oneself(person()), a_wish(), rule, {})
    assert [each.day for each in refusal.value.dates] == [date(2026, 12, 3), date(2026, 12, 10)]
    second = refusal.value.dates[1]
    assert second.problem == "taken" and second.free and second.others
    choices = {date(2026, 12, 3): None, date(2026, 12, 10): a_wish(TEN + timedelta(days=14), resource=second.others[0])}
    with running.work() as work:
        made = handlers.book_series(work, desk, oneself(person()), a_wish(), rule, choices)
    assert [each.starts_at for each in made] == [TEN, TEN + timedelta(days=14), TEN + timedelta(days=21)]
    assert len({each.series for each in made}) == 1 and made[1].resource != made[0].resource


def test_days_off_stand_in_the_way_of_a_series_and_make_up_days_do_not(quick):
    from services.requests.service import desk_of

    desk = desk_of(quick)
    first = datetime(2026, 12, 28, 10, tzinfo=SITE_ZONE).astimezone(UTC)
    with quick.database.read() as connection:
        resource = handlers.resource_of(connection, "B2-305")
        found = handlers.plan(connection, resource, a_wish(first), "FREQ=DAILY;COUNT=7")
    assert {each.day: each.problem for each in found if each.problem} == {
        date(2027, 1, 1): "day_off", date(2027, 1, 2): "day_off", date(2027, 1, 3): "day_off"
    }  # fmt: skip
    assert desk


@pytest.mark.parametrize(("scope", "left"), [("this", 3), ("following", 2), ("all", 0)])
def test_this_the_following_or_all_are_cancelled(quick, scope, left):
    from services.requests.service import desk_of

    desk = desk_of(quick)
    with quick.work() as work:
        made = handlers.book_series(work, desk, oneself(person()), a_wish(), "FREQ=WEEKLY;COUNT=4", {})
    change(quick, lambda work: handlers.cancel(work, desk, handlers.wanted(work.connection, made[2].id), scope))
    assert sum(kept(quick, each).state == "booked" for each in made) == left


def test_a_series_moves_by_a_day_through_itself(running, desk):
    with running.work() as work:
        made = handlers.book_series(
            work, desk, oneself(person()), a_wish(datetime(2026, 11, 30, 2, tzinfo=UTC)), "FREQ=DAILY;COUNT=4", {}
        )
    shifted = a_wish(made[0].starts_at + timedelta(days=1))
    change(
        running,
        lambda work: handlers.move(work, desk, handlers.wanted(work.connection, made[0].id), shifted, scope="all"),
    )
    assert [kept(running, each).starts_at for each in made] == [each.starts_at + timedelta(days=1) for each in made]
    assert {kept(running, each).state for each in made} == {"booked"}


def test_dates_that_cannot_move_refuse_the_series_or_stay(running, desk):
    with running.work() as work:
        made = handlers.book_series(work, desk, oneself(person()), a_wish(), "FREQ=WEEKLY;COUNT=3", {})
    book(running, desk, a_wish(TEN + timedelta(days=7, hours=4)), "sunli")
    later = a_wish(TEN + 4 * HOUR)

    def move(work, **options):
        return handlers.move(work, desk, handlers.wanted(work.connection, made[0].id), later, scope="all", **options)

    with pytest.raises(handlers.Conflicts) as refusal:
        change(running, move)
    assert [each.day for each in refusal.value.dates] == [date(2026, 12, 3)]
    change(running, lambda work: move(work, leave_conflicts=True))
    assert [kept(running, each).starts_at - each.starts_at for each in made] == [4 * HOUR, 0 * HOUR, 4 * HOUR]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY", "FREQ=SECONDLY;COUNT=9", "FREQ=HOURLY;COUNT=9", "FREQ=DAILY;COUNT=100000", "FREQ=DAILY;UNTIL=99991231",
        "FREQ=DAILY;COUNT=5;UNTIL=20270101", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2", "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=60",
        "FREQ=WEEKLY;BYDAY=MO;COUNT=5", "FREQ=WEEKLY;BYSETPOS=9;COUNT=5", "FREQ=DAILY;INTERVAL=0;COUNT=2", "FREQ=DAILY;COUNT=0",
        "FREQ=MONTHLY;BYDAY=9TH;COUNT=2", "FREQ=DAILY;BYHOUR=1,2,3,4,5;COUNT=4", "FREQ=DAILY;COUNT=٣", "RRULE:RRULE:X", "DTSTART:2026",
        "FREQ=DAILY;COUNT=5\nEXRULE:FREQ=SECONDLY", "FREQ=MONTHLY;BYEASTER=1;COUNT=3", "A=B" * 90,
    ],
)  # fmt: skip
def test_recurrence_bombs_and_riddles_are_refused_at_once(rule):
    with pytest.raises(Invalid) as refusal:
        model.dates(rule, TEN)
    assert refusal.value.fields["repeat"][0].startswith("booking.rule.")


@settings(max_examples=300)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]), st.integers(1, 53), st.integers(1, 60),
    st.sets(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "2TH", "-1TH"])), st.sets(st.integers(-31, 31)),
    st.sampled_from(["", "1", "-1", "4"]),
)  # fmt: skip
def test_every_rule_ends_soon_or_is_refused(freq, interval, count, days, in_month, position):
    rule = f"FREQ={freq};INTERVAL={interval};COUNT={count}"
    rule += f";BYDAY={','.join(sorted(days))}" if days else ""
    rule += f";BYMONTHDAY={','.join(map(str, sorted(in_month)))}" if in_month else ""
    rule += f";BYSETPOS={position}" if position else ""
    try:
        found = model.dates(rule, TEN)
    except Invalid:
        return
    assert found == sorted(set(found)) and found[0] == date(2026, 11, 26) and len(found) <= count


# ---- checking in, no-shows, the waiting list, approval


def at(running, moment):
    running.clock.set(moment)


def test_nobody_came_so_the_room_is_free_again(running, desk):
    made = book(running, desk)
    at(running, TEN + timedelta(minutes=14))
    assert change(running, lambda work: handlers.watch(work, desk))["released"] == 0
    at(running, TEN + timedelta(minutes=15))
    assert change(running, lambda work: handlers.watch(work, desk))["released"] == 1
    assert kept(running, made).state == "released"
    assert {state for _, state, _ in tasks(running, made)} == {"withdrawn"}
    assert change(running, lambda work: handlers.watch(work, desk))["released"] == 0


def test_whoever_checks_in_keeps_the_room_and_may_leave_early(running, desk):
    made = book(running, desk, a_wish(hours=3))
    with pytest.raises(model.TooEarly):
        change(running, lambda work: handlers.check_in(work, handlers.wanted(work.connection, made.id)))
    at(running, TEN - timedelta(minutes=10))
    change(running, lambda work: handlers.check_in(work, handlers.wanted(work.connection, made.id)))
    at(running, TEN + HOUR)
    assert change(running, lambda work: handlers.watch(work, desk)) == {"released": 0, "lapsed": 0, "ended": 0}
    change(running, lambda work: handlers.end(work, desk, handlers.wanted(work.connection, made.id), "ended"))
    assert (kept(running, made).state, kept(running, made).ends_at) == ("ended", TEN + HOUR)
    assert ("cleaning", "filed", TEN + HOUR) in tasks(running, made)
    book(running, desk, a_wish(TEN + 2 * HOUR), "sunli")


def test_a_freed_time_is_offered_to_whoever_waited_longest_and_then_to_the_next(running, desk):
    made = book(running, desk)
    with pytest.raises(Invalid):
        change(running, lambda work: handlers.wait(work, desk, oneself(person("sunli")), a_wish(TEN + 5 * HOUR)))
    first = change(running, lambda work: handlers.wait(work, desk, oneself(person("sunli")), a_wish(subject="一")))
    at(running, NOON + timedelta(minutes=1))
    second = change(
        running,
        lambda work: handlers.wait(work, desk, oneself(person("zhaomin")), a_wish(TEN + HOUR / 2, 1, subject="二")),
    )
    change(running, lambda work: handlers.cancel(work, desk, handlers.wanted(work.connection, made.id)))
    with running.database.read() as connection:
        offered = store.waiter(connection, first.id)
        assert (offered.state, store.waiter(connection, second.id).state) == ("offered", "waiting")
        booking = store.booking(connection, offered.booking)
    assert (booking.state, booking.account) == ("offered", person("sunli").account)
    with pytest.raises(Taken):
        book(running, desk)  # kept for her
    at(running, NOON + timedelta(minutes=32))
    assert change(running, lambda work: handlers.watch(work, desk))["lapsed"] == 1
    with running.database.read() as connection:
        booking = store.booking(connection, store.waiter(connection, second.id).booking)
    change(running, lambda work: handlers.accept(work, desk, handlers.wanted(work.connection, booking.id)))
    assert kept(running, booking).state == "booked"
    assert [item for item, *_ in tasks(running, booking)] == ["cleaning", "meeting"]


def test_a_chosen_room_waits_for_approval_while_its_time_is_kept(running, desk):
    made = book(running, desk, a_wish(resource="B4-101", headcount=300))
    assert made.state == "pending" and tasks(running, made) == []
    with pytest.raises(Taken):
        book(running, desk, a_wish(resource="B4-101"), "sunli")
    change(
        running, lambda work: handlers.decide(work, desk, handlers.wanted(work.connection, made.id), "x", granted=True)
    )
    assert kept(running, made).state == "booked" and len(tasks(running, made)) == 2
    with pytest.raises(model.NotInThisState):
        change(
            running,
            lambda work: handlers.decide(work, desk, handlers.wanted(work.connection, made.id), "x", granted=False),
        )
    other = book(running, desk, a_wish(TEN + 4 * HOUR, resource="B4-101"))
    change(
        running,
        lambda work: handlers.decide(
            work, desk, handlers.wanted(work.connection, other.id), "x", granted=False, words="检修"
        ),
    )
    assert (kept(running, other).state, kept(running, other).reason) == ("refused", "检修")
    book(running, desk, a_wish(TEN + 4 * HOUR, resource="B4-101"), "sunli")


# ---- free times


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), max_size=12), st.integers(1, 16))
def test_free_starts_are_exactly_those_that_collide_with_nothing(busy, quarters):
    room = model.Resource(1, "B2-305", "room", "meeting", "B2-305", None, 20, (), False)
    begin = datetime(2026, 11, 25, 23, tzinfo=UTC)  # 7:00
    quarter = timedelta(minutes=15)
    spans = [(begin + a * quarter, begin + (a + b) * quarter) for a, b in busy]
    latest = begin + timedelta(days=2)
    found = list(model.free_starts(room, spans, begin, latest, quarters * quarter))
    slow, start = [], begin
    while start <= latest:
        claim = room.claim(start, start + quarters * quarter)
        if model.within_hours(room, start, start + quarters * quarter) and not any(
            model.overlaps(claim, each) for each in spans
        ):
            slow.append(start)
        start += quarter
    assert found == slow


def test_appointments_lie_in_working_time(quick):
    from services.requests.service import desk_of

    desk = desk_of(quick)
    friday = datetime(2026, 11, 27, 17, 30, tzinfo=SITE_ZONE).astimezone(UTC)
    made = book(quick, desk, a_wish(friday, 0.5, resource="barber-1", subject="cut", headcount=1))
    assert tasks(quick, made) == [("barber", "filed", friday)]
    with pytest.raises(Taken) as refusal:
        book(quick, desk, a_wish(friday, 0.5, resource="barber-1", subject="cut", headcount=1), "sunli")
    assert refusal.value.free[0].astimezone(SITE_ZONE).isoformat() == "2026-11-30T08:30:00+08:00"
    assert refusal.value.others == ("barber-2",)
    assert said(quick, "requests.booking_made")[0]["data"]["account"] == ""
