"""Working time with public holidays and make-up workdays."""

import json
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import SITE_ZONE
from shared.working_time import (
    ALWAYS,
    OFFICE,
    Calendar,
    Days,
    Hours,
    NeverOpen,
    overrides,
    warn_unknown,
)

CASES = json.loads((Path(__file__).parent / "data/calendar_cases.json").read_text())
SITE = Calendar()


def local(text):
    return datetime.fromisoformat(text).replace(tzinfo=SITE_ZONE)


def added(start, minutes, calendar=SITE):
    due = calendar.add(local(start), timedelta(minutes=minutes))
    return due.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M")


def test_every_published_case_comes_out_as_printed():
    assert [added(case["start"], case["minutes"]) for case in CASES] == [case["due"] for case in CASES]


def test_a_make_up_saturday_is_worked():
    assert added("2026-02-14T16:00", 60) == "2026-02-14T17:00"


def test_a_holiday_week_is_skipped_to_the_make_up_day():
    assert added("2025-09-30T17:30", 60) == "2025-10-09T09:00"


def test_work_that_ends_with_the_day_is_due_at_closing_and_not_at_the_next_opening():
    assert added("2026-11-23T17:00", 60) == "2026-11-23T18:00"


def test_nothing_to_wait_for_at_night_is_due_at_the_next_opening():
    assert added("2026-11-23T20:00", 0) == "2026-11-24T08:30"


def test_a_day_item_counts_around_the_clock_even_on_a_holiday():
    assert added("2026-10-01T23:30", 60, SITE.always()) == "2026-10-02T00:30"


def test_a_site_may_overrule_a_single_day():
    closed = Calendar(days=Days({date(2026, 11, 24): False}))
    assert added("2026-11-23T17:30", 60, closed) == "2026-11-25T09:00"


def test_a_site_may_keep_other_hours_at_weekends_and_on_single_dates():
    canteen = Hours(workday=((420, 1200),), day_off=((600, 840),), special={date(2026, 11, 22): ()})
    assert added("2026-11-21T13:30", 60, Calendar(canteen)) == "2026-11-23T07:30"


def test_an_unknown_year_counts_weekdays_without_the_fixed_holidays_and_says_so(caplog):
    warn_unknown.cache_clear()
    with caplog.at_level(logging.WARNING):
        start = local("2029-12-31T17:00")
        due = SITE.add(start, timedelta(minutes=120))
        assert SITE.unknown_years(start, due) == (2029, 2030)
    assert due == local("2030-01-02T09:30")  # Tuesday 1 January is a holiday by law
    assert "make-up workdays of 2030 are not known" in caplog.text


def test_a_table_entered_by_hand_makes_a_year_known():
    calendar = Calendar(days=Days(overrides([{"date": "2029-02-24", "kind": "work"}])))
    assert calendar.unknown_years(local("2029-02-20T09:00"), local("2029-02-24T09:00")) == ()
    assert added("2029-02-24T09:00", 30, calendar) == "2029-02-24T09:30"


def test_around_the_clock_no_year_is_unknown():
    assert SITE.always().unknown_years(local("2035-01-01T00:00"), local("2036-01-01T00:00")) == ()


def test_a_day_said_twice_in_different_ways_is_refused():
    rows = [{"date": "2027-02-06", "kind": "work"}, {"date": "2027-02-06", "kind": "off"}]
    with pytest.raises(ValueError, match="both worked and off"):
        overrides(rows)


def test_a_kind_of_day_that_is_none_is_refused():
    with pytest.raises(ValueError, match="'work' or 'off'"):
        overrides([{"date": "2027-02-06", "kind": "half"}])


@pytest.mark.parametrize("spans", [((600, 540),), ((0, 60), (30, 90)), ((0, 1441),), ((60, 60),)])
def test_hours_that_make_no_sense_are_refused(spans):
    with pytest.raises(ValueError, match="ascending spans"):
        Hours(workday=spans)


def test_a_site_that_never_opens_promises_nothing():
    with pytest.raises(NeverOpen):
        Calendar(Hours(workday=())).add(local("2026-11-23T09:00"), timedelta(minutes=1))


def test_a_start_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no zone"):
        SITE.add(datetime(2026, 11, 23, 9, 0), timedelta(minutes=1))


def test_a_day_with_a_clock_change_has_its_real_length():
    berlin = Calendar(ALWAYS, zone=ZoneInfo("Europe/Berlin"))
    start = datetime(2026, 3, 28, 23, 0, tzinfo=UTC)  # local midnight before the clocks go forward
    assert berlin.add(start, timedelta(hours=23)) == start + timedelta(hours=23)


instants = st.integers(0, 700 * 1440).map(lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
amounts = st.integers(0, 4000).map(lambda minutes: timedelta(minutes=minutes))
calendars = st.sampled_from([SITE, SITE.always(), Calendar(Hours(workday=((540, 1050),), day_off=((600, 660),)))])


@settings(max_examples=150)
@given(instants, amounts, calendars)
def test_what_is_added_lies_between(start, amount, calendar):
    assert calendar.between(start, calendar.add(start, amount)) == amount


@settings(max_examples=100)
@given(instants, amounts, amounts, calendars)
def test_adding_twice_is_adding_the_sum(start, first, second, calendar):
    if second:
        assert calendar.add(calendar.add(start, first), second) == calendar.add(start, first + second)


@settings(max_examples=100)
@given(instants, instants, amounts, calendars)
def test_a_later_start_is_never_due_earlier(one, other, amount, calendar):
    early, late = sorted((one, other))
    assert calendar.add(early, amount) <= calendar.add(late, amount)


@settings(max_examples=100)
@given(instants, st.integers(1, 1000), calendars)
def test_a_due_time_always_falls_into_working_time(start, minutes, calendar):
    due = calendar.add(start, timedelta(minutes=minutes))
    assert calendar.between(due - timedelta(microseconds=1), due) == timedelta(microseconds=1)


def test_office_hours_are_seven_and_a_half_a_day():
    day = SITE.between(local("2026-11-23T00:00"), local("2026-11-24T00:00"))
    assert day == timedelta(minutes=450) == sum((timedelta(minutes=b - a) for a, b in OFFICE.workday), timedelta())
