"""The promise clock as a pure function over what happened."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.dispatch.promises import (
    ARRIVAL,
    FINISH,
    RESPONSE,
    Calendar,
    Due,
    Happening,
    Limit,
    Standard,
    Terms,
    alerts,
    due_times,
    next_change,
    promise_state,
)
from shared.clock import SITE_ZONE

SITE = Calendar()
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=SITE_ZONE).astimezone(UTC)  # a Monday
USUAL = Standard(
    code="repair",
    terms={
        1: Terms(Limit(5, always=True), Limit(30, always=True), Limit(240, always=True)),
        3: Terms(Limit(30), Limit(120), Limit(240)),
    },
    pause_caps={"awaiting_parts": 300, "requester_absent": 60},
)


def at(minutes):
    return NINE + timedelta(minutes=minutes)


def happened(*what):
    return [Happening("filed", NINE), *(Happening(kind, at(minutes), *rest) for kind, minutes, *rest in what)]


def stand(kind, happenings, minutes, standard=USUAL, priority=3):
    states = promise_state(standard, priority, happenings, at(minutes), SITE)
    return next(promise for promise in states if promise.kind == kind)


def clock(hour, minute=0, day=23):
    return datetime(2026, 11, day, hour, minute, tzinfo=SITE_ZONE).astimezone(UTC)


def test_a_request_is_promised_three_times_from_its_priority():
    due = due_times(USUAL, 3, NINE, SITE)
    assert due == Due(clock(9, 30), clock(11), clock(15), ())


def test_an_emergency_counts_around_the_clock():
    night = clock(23)
    assert due_times(USUAL, 1, night, SITE).arrival_at == night + timedelta(minutes=30)


def test_a_priority_without_terms_has_those_of_the_next_less_urgent():
    assert due_times(USUAL, 2, NINE, SITE) == due_times(USUAL, 3, NINE, SITE)
    assert due_times(USUAL, 4, NINE, SITE) == due_times(USUAL, 3, NINE, SITE)


def test_a_standard_without_terms_promises_nothing_and_says_so():
    with pytest.raises(ValueError, match="no terms"):
        due_times(Standard(terms={}, code="tea"), 3, NINE, SITE)


def test_what_is_not_promised_is_none():
    assert due_times(Standard({3: Terms(finish=Limit(60))}), 3, NINE, SITE) == Due(None, None, clock(10))


def test_a_due_time_in_an_unknown_year_carries_the_warning():
    standard = Standard({3: Terms(finish=Limit(9000))})
    assert due_times(standard, 3, datetime(2026, 12, 28, 1, tzinfo=UTC), SITE).unknown_years == (2027,)


def test_before_it_is_filed_nothing_is_promised():
    assert promise_state(USUAL, 3, happened(), at(-1), SITE) == ()


def test_a_promise_runs_then_nears_its_end_then_is_broken():
    assert [stand(RESPONSE, happened(), minutes).state for minutes in (0, 22, 23, 30, 31)] == [
        "running",
        "running",
        "soon",
        "soon",
        "breached",
    ]


def test_a_promise_is_broken_at_its_instant_although_no_working_time_passes_after_closing():
    states = happened(("assigned", 5), ("arrived", 10))
    filed_late = [Happening("filed", clock(14))]
    assert stand(FINISH, states, 12 * 60).state == "breached"
    promise = next(p for p in promise_state(USUAL, 3, filed_late, clock(19), SITE) if p.kind == FINISH)
    assert (promise.state, promise.due_at, promise.remaining) == ("breached", clock(18), timedelta(0))


def test_a_promise_kept_stays_kept():
    promise = stand(RESPONSE, happened(("assigned", 10)), 5000)
    assert (promise.state, promise.elapsed, promise.settled_at) == ("kept", timedelta(minutes=10), at(10))


def test_a_promise_fulfilled_too_late_stays_broken():
    promise = stand(RESPONSE, happened(("assigned", 40)), 5000)
    assert (promise.state, promise.remaining, promise.breached_at) == ("breached", timedelta(minutes=-10), at(30))


def test_giving_the_work_to_another_crew_does_not_move_the_promise():
    once = happened(("assigned", 10))
    again = happened(("assigned", 10), ("assigned", 100), ("accepted", 110))
    assert stand(FINISH, once, 130) == stand(FINISH, again, 130)


def test_work_that_is_finished_has_also_been_answered_and_attended():
    states = promise_state(USUAL, 3, happened(("finished", 20)), at(25), SITE)
    assert [promise.state for promise in states] == ["kept"] * 3


def test_while_it_waits_for_parts_the_clock_stands_and_the_due_time_moves_along():
    paused = happened(("paused", 60, "awaiting_parts"))
    early, late = stand(FINISH, paused, 70), stand(FINISH, paused, 100)
    assert (early.state, early.paused_for, early.elapsed) == ("stopped", "awaiting_parts", timedelta(minutes=60))
    assert late.due_at - early.due_at == timedelta(minutes=30)


def test_a_pause_for_no_listed_reason_stops_nothing():
    assert stand(FINISH, happened(("paused", 60, "tea")), 100) == stand(FINISH, happened(), 100)


def test_a_pause_ends_when_its_cap_is_used_up():
    paused = happened(("paused", 30, "requester_absent"))
    assert stand(ARRIVAL, paused, 89).state == "stopped"
    promise = stand(ARRIVAL, paused, 100)
    assert (promise.state, promise.elapsed, promise.due_at) == ("running", timedelta(minutes=40), clock(12))


def test_many_short_pauses_share_the_cap_of_their_reason():
    pauses = [
        each for start in range(0, 200, 20) for each in (("paused", start, "requester_absent"), ("resumed", start + 10))
    ]
    assert stand(FINISH, happened(*pauses), 0).due_at == due_times(USUAL, 3, NINE, SITE).finish_at
    moved = SITE.between(due_times(USUAL, 3, NINE, SITE).finish_at, stand(FINISH, happened(*pauses), 240).due_at)
    assert moved == timedelta(minutes=60)


def test_a_broken_promise_is_not_mended_by_a_pause():
    promise = stand(RESPONSE, happened(("paused", 40, "awaiting_parts")), 50)
    assert (promise.state, promise.due_at) == ("breached", at(30))


def test_starting_work_ends_the_pause():
    states = happened(("paused", 60, "awaiting_parts"), ("started", 80))
    assert stand(FINISH, states, 90).elapsed == timedelta(minutes=70)


def test_withdrawn_is_over_without_a_breach():
    assert stand(FINISH, happened(("withdrawn", 20)), 5000).state == "stopped"


def test_reopened_goes_on_with_what_was_left_and_the_wait_is_not_counted():
    states = happened(("finished", 100), ("reopened", 160))
    promise = stand(FINISH, states, 170)
    assert (promise.round, promise.elapsed) == (2, timedelta(minutes=110))


def test_reopened_has_a_fresh_limit_when_the_standard_has_one_for_rework_and_the_old_breach_stays():
    standard = Standard(USUAL.terms, rework=Limit(120))
    promise = stand(FINISH, happened(("finished", 500), ("reopened", 520)), 530, standard)
    assert promise.round == 2
    assert promise.state == "running"
    assert promise.breached_at == clock(15)


def test_a_suppliers_own_clock_starts_with_the_offer():
    ola = Standard({3: Terms(response=Limit(10))}, began_by="offered", settled_by={RESPONSE: frozenset({"accepted"})})
    states = happened(("assigned", 5), ("offered", 20), ("accepted", 28))
    assert stand(RESPONSE, states, 40, ola).elapsed == timedelta(minutes=8)


def test_a_clock_that_jumps_back_cannot_leave_the_pause_open():
    jumped = [
        Happening("filed", NINE),
        Happening("paused", at(60), "awaiting_parts", sequence=4),
        Happening("resumed", at(55), sequence=5),
    ]
    promise = stand(FINISH, jumped, 100)
    assert (promise.state, promise.elapsed) == ("running", timedelta(minutes=100))


def test_the_ladder_tells_leader_dispatcher_and_supervisor_in_turn():
    promises = promise_state(USUAL, 3, happened(("assigned", 1), ("arrived", 2)), at(3), SITE)
    told = alerts(promises, SITE)
    assert [(alert.role, alert.at, alert.promise) for alert in told] == [
        ("crew_leader", clock(12), FINISH),
        ("dispatcher", clock(15), FINISH),
        ("supervisor", clock(16), FINISH),
    ]


def test_after_a_restart_the_alerts_have_the_same_keys():
    before = alerts(promise_state(USUAL, 3, happened(), at(3), SITE), SITE)
    after = alerts(promise_state(USUAL, 3, happened(), at(2000), SITE), SITE)
    assert [alert.key for alert in before] == [alert.key for alert in after]
    assert len({alert.key for alert in after}) == len(after) == 9


def test_nobody_is_told_about_a_promise_that_is_kept():
    done = promise_state(USUAL, 3, happened(("finished", 3)), at(3), SITE)
    assert alerts(done, SITE) == []
    assert next_change(done, SITE, at(3)) is None


def test_what_was_fulfilled_late_still_gives_the_alerts_before_it():
    late = promise_state(USUAL, 3, happened(("assigned", 40), ("finished", 50)), at(60), SITE)
    assert [alert.role for alert in alerts(late, SITE)] == ["crew_leader", "dispatcher"]


def test_the_next_change_is_the_next_alert():
    assert next_change(promise_state(USUAL, 3, happened(), at(0), SITE), SITE, at(0)) == at(22.5)


IRRELEVANT = st.tuples(st.sampled_from(["noted", "urged", "rated", "transferred"]), st.integers(0, 3000))
minutes = st.integers(0, 3000)
pauses = st.lists(minutes, max_size=8, unique=True).map(
    lambda marks: [
        ("paused", mark, "awaiting_parts") if place % 2 == 0 else ("resumed", mark)
        for place, mark in enumerate(sorted(marks))
    ]
)


@settings(max_examples=80)
@given(pauses, st.lists(IRRELEVANT, max_size=5), minutes, st.randoms())
def test_the_order_of_telling_and_irrelevant_happenings_change_nothing(pauses, irrelevant, now, chance):
    plain = happened(("assigned", 7), *pauses)
    mixed = [*plain, *happened(*irrelevant)]
    chance.shuffle(mixed)
    assert promise_state(USUAL, 3, plain, at(now), SITE) == promise_state(USUAL, 3, mixed, at(now), SITE)


@settings(max_examples=80)
@given(st.integers(0, 230), st.integers(0, 290))
def test_a_pause_within_its_cap_moves_the_due_time_by_exactly_the_paused_working_time(start, length):
    begun = SITE.add(NINE, timedelta(minutes=start))
    resumed = begun + timedelta(minutes=length)
    states = [Happening("filed", NINE), Happening("paused", begun, "awaiting_parts"), Happening("resumed", resumed)]
    plain = due_times(USUAL, 3, NINE, SITE).finish_at
    promise = next(p for p in promise_state(USUAL, 3, states, resumed, SITE) if p.kind == FINISH)
    assert SITE.between(plain, promise.due_at) == SITE.between(begun, resumed)


@settings(max_examples=80)
@given(pauses, minutes, minutes)
def test_as_time_passes_elapsed_only_grows_and_breached_never_heals(pauses, one, other):
    early, late = sorted((one, other))
    states = happened(*pauses)
    for before, after in zip(
        promise_state(USUAL, 3, states, at(early), SITE), promise_state(USUAL, 3, states, at(late), SITE), strict=True
    ):
        assert before.elapsed <= after.elapsed
        assert before.due_at <= after.due_at
        assert before.state != "breached" or after.state == "breached"


@settings(max_examples=80)
@given(pauses, minutes)
def test_used_and_left_add_up_to_the_limit(pauses, now):
    for promise in promise_state(USUAL, 3, happened(*pauses), at(now), SITE):
        limit = USUAL.terms[3].of(promise.kind)
        assert promise.elapsed + promise.remaining == timedelta(minutes=limit.minutes)


@settings(max_examples=80)
@given(pauses, minutes)
def test_however_it_is_paused_it_is_never_due_before_it_was_promised_nor_later_than_the_cap_allows(pauses, now):
    plain = due_times(USUAL, 3, NINE, SITE).finish_at
    promise = stand(FINISH, happened(*pauses), now)
    assert plain <= promise.due_at
    assert SITE.between(plain, promise.due_at) <= timedelta(minutes=300)
