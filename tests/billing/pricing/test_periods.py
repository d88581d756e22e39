"""Months, days and hours on the walls of different zones."""

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.periods import (
    days_between,
    hours_between,
    month_days,
    month_of,
    read_day,
    read_instant,
    read_local,
    read_month,
    read_zone,
)
from services.billing.pricing.refusal import PricingRefused
from tests.billing.pricing.a_price import thorough

ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "UTC",
    "Asia/Urumqi",
)


def refusal(read, *arguments):
    """The code with which ``read`` refuses; None when it does not."""
    try:
        read(*arguments)
    except PricingRefused as refused:
        return refused.code
    return None


def hours(zone, since, until):
    place = read_zone(zone)
    return hours_between(read_local(since, place), read_local(until, place))


@pytest.mark.parametrize(
    ("zone", "since", "until", "wanted"),
    [
        ("Asia/Shanghai", "2026-02-01T00:00:00", "2026-02-03T12:00:00", 60),
        ("America/New_York", "2026-03-08T00:00:00", "2026-03-09T00:00:00", 23),
        ("America/New_York", "2026-11-01T00:00:00", "2026-11-02T00:00:00", 25),
        ("Australia/Lord_Howe", "2026-04-05T00:00:00", "2026-04-06T00:00:00", Fraction(49, 2)),
        # China had summer time from 1986 to 1991.
        ("Asia/Shanghai", "1986-05-04T00:00:00", "1986-05-05T00:00:00", 23),
        ("Asia/Shanghai", "1986-09-14T00:00:00", "1986-09-15T00:00:00", 25),
        ("Asia/Shanghai", "1991-04-14T00:00:00", "1991-04-15T00:00:00", 23),
        ("Asia/Shanghai", "1991-09-15T00:00:00", "1991-09-16T00:00:00", 25),
        ("Asia/Shanghai", "1992-04-12T00:00:00", "1992-04-13T00:00:00", 24),
        ("Asia/Shanghai", "1988-04-01T00:00:00", "1988-05-01T00:00:00", 719),
        ("UTC", "2026-01-01T00:00:00", "2026-01-01T00:20:00", Fraction(1, 3)),
        ("UTC", "2026-01-01", "2026-01-02", 24),
        # An hour shown twice is its first occurrence: 01:30 summer time to 02:30 winter time.
        ("America/New_York", "2026-11-01T01:30:00", "2026-11-01T02:30:00", 2),
        # A day whose midnight is skipped starts with the change itself.
        ("America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-05T00:00:00", 23),
        ("America/New_York", "2026-03-08T02:00:00", "2026-03-08T03:00:00", 0),
    ],
)
def test_hours_that_really_pass(zone, since, until, wanted):
    assert hours(zone, since, until) == wanted


@pytest.mark.parametrize("skipped", ["2026-03-08T02:00:01", "2026-03-08T02:30:00", "2026-03-08T02:59:59.999999"])
def test_a_time_that_the_clock_skips_is_refused(skipped):
    with pytest.raises(PricingRefused) as refused:
        read_local(skipped, read_zone("America/New_York"), "input.from_local")
    assert (refused.value.code, refused.value.field) == ("skipped_time", "input.from_local")


def walls(first, last):
    """Times as a clock on the wall shows them, without a zone."""
    span = (last - first).days * 86_400
    return st.integers(0, span).map(lambda seconds: datetime.combine(first, time()) + timedelta(seconds=seconds))


@thorough
@given(st.sampled_from(ZONES), walls(date(1985, 1, 1), date(2030, 1, 1)))
def test_a_local_time_reads_as_what_the_clock_shows_then_or_is_refused_as_skipped(zone, naive):
    place = ZoneInfo(zone)
    skipped = naive.replace(tzinfo=place).astimezone(UTC).astimezone(place).replace(tzinfo=None) != naive
    if skipped:
        assert refusal(read_local, naive.isoformat(), place) in {"skipped_time", None}
    else:
        assert read_local(naive.isoformat(), place).astimezone(place).replace(tzinfo=None) == naive


@thorough
@given(st.sampled_from(ZONES), walls(date(1980, 1, 1), date(2035, 1, 1)))
def test_an_instant_lies_in_the_month_that_contains_its_local_date(zone, wall):
    place, at = ZoneInfo(zone), wall.replace(tzinfo=UTC)
    first, after = month_days(month_of(at, place))
    assert first <= at.astimezone(place).date() < after
    assert read_month(month_of(at, place)) == f"{first:%Y-%m}"


@pytest.mark.parametrize(
    "text",
    ["2026-03-31T15:00:00Z", "2026-03-31T23:00:00+08:00", "2026-03-31 23:00+0800", "2026-03-31T15:00:00.000000Z"],
)
def test_one_instant_in_many_spellings(text):
    assert read_instant(text) == datetime(2026, 3, 31, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["", None, 5, "2026-03-31", "2026-03-31T15:00:00", "2026-03-31T15Z", "2026-02-30T00:00:00Z", "2026-03-31T24:00:00Z", "2026-03-31T23:59:60Z",
     "2026-W10-1T00:00Z", "２０２６-03-31T15:00:00Z", "2026-03-31T15:00:00.1234567Z", "1899-12-31T23:00:00Z", "2200-01-01T00:00:00Z", "x" * 1000],
)  # fmt: skip
def test_what_names_no_instant_is_refused(text):
    with pytest.raises(PricingRefused):
        read_instant(text, "input.time")


@pytest.mark.parametrize(
    "text",
    ["", None, 20260331, "2026-3-1", "2026-02-29", "2026-13-01", "0000-01-01", "1800-01-01", "2026-03-31T00:00:00"],
)
def test_what_names_no_day_is_refused(text):
    with pytest.raises(PricingRefused):
        read_day(text)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "2026", "0000-01", None, "2026-03-01", "9999-01"])
def test_what_names_no_month_is_refused(text):
    with pytest.raises(PricingRefused):
        read_month(text)


@pytest.mark.parametrize(
    "name",
    [
        "Asia/Nowhere",
        "",
        "+08:00",
        "../../etc/passwd",
        "/etc/localtime",
        "Asia",
        "localtime",
        None,
        8,
        "a" * 300,
        "Asia/Shang\0hai",
    ],
)
def test_what_names_no_zone_is_refused(name):
    with pytest.raises(PricingRefused) as refused:
        read_zone(name)
    assert refused.value.code == "unknown_zone"


def test_days_of_leap_years_and_ranges_that_end_before_they_start():
    assert days_between(date(2028, 2, 1), date(2028, 3, 1)) == 29
    assert days_between(date(2027, 2, 1), date(2027, 3, 1)) == 28
    assert days_between(date(2026, 3, 1), date(2026, 3, 1)) == 0
    with pytest.raises(PricingRefused):
        days_between(date(2026, 3, 2), date(2026, 3, 1))
    with pytest.raises(PricingRefused):
        hours_between(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC) - timedelta(microseconds=1))


def test_december_ends_with_the_year():
    assert month_days("2026-12") == (date(2026, 12, 1), date(2027, 1, 1))
