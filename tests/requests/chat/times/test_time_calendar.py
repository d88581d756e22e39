"""The calendars behind the words: lunar days, holidays, working days, months."""

from datetime import date, datetime, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.requests.chat.times import holidays, lunar
from services.requests.chat.times.lengths import add_months
from services.requests.chat.times.numerals import chinese_number, english_number


@pytest.mark.parametrize("year", range(2004, 2027))
def test_lunar_new_year_lies_in_the_published_spring_festival(year):
    new_year = lunar.gregorian(year, 1, 1)
    assert chinese_calendar.get_holiday_detail(new_year) == (True, "Spring Festival")


@pytest.mark.parametrize(
    ("name", "published"),
    [("qingming", "Tomb-sweeping Day"), ("dragon boat", "Dragon Boat Festival"), ("mid-autumn", "Mid-autumn Festival")],
)
@pytest.mark.parametrize("year", range(2008, 2027))
def test_a_holiday_lies_in_or_beside_its_published_break(name, published, year):
    day = holidays.day_of(name, year)
    around = [chinese_calendar.get_holiday_detail(day + timedelta(days=each)) for each in (-1, 0, 1, 2)]
    assert around[1][0]
    assert {published, "National Day", "Labour Day"} & {each for _, each in around}


@pytest.mark.parametrize(
    ("lunar_day", "expected"),
    [
        ((2026, 8, 15), date(2026, 9, 25)),
        ((2027, 1, 1), date(2027, 2, 6)),
        ((2025, 7, 1), date(2025, 8, 23)),  # behind the leap sixth month
        ((2033, 12, 1), date(2034, 1, 20)),  # behind the leap eleventh month
    ],
)
def test_lunar_days_known_from_almanacs(lunar_day, expected):
    assert lunar.gregorian(*lunar_day) == expected


@pytest.mark.parametrize("bad", [(1989, 1, 1), (2099, 1, 1), (2026, 13, 1), (2026, 1, 31), (2026, 0, 1)])
def test_lunar_days_outside_the_table_are_refused(bad):
    with pytest.raises(ValueError):
        lunar.gregorian(*bad)


def test_lunar_years_follow_each_other_without_a_gap():
    for year in range(lunar.FIRST_YEAR, 2097):
        last = lunar.gregorian(year, 12, 30)
        assert lunar.gregorian(year + 1, 1, 1) - last == timedelta(days=1)


def test_easter_and_thanksgiving_fall_where_they_are_known_to():
    assert [holidays.easter(year) for year in (2018, 2027, 2038)] == [
        date(2018, 4, 1),
        date(2027, 3, 28),
        date(2038, 4, 25),
    ]
    assert holidays.day_of("thanksgiving", 2026) == date(2026, 11, 26)
    assert holidays.day_of("memorial", 2026) == date(2026, 5, 25)


def test_working_days_are_the_published_ones_and_usual_ones_beyond():
    assert not holidays.is_workday(date(2026, 10, 7))
    assert holidays.is_workday(date(2026, 10, 10))  # a Saturday worked to make up for it
    assert not holidays.is_workday(date(2030, 10, 4))
    assert holidays.is_workday(date(2030, 10, 8))


def test_the_break_of_a_holiday_takes_in_the_weekend_beside_it():
    assert holidays.break_around(date(2027, 1, 1)) == (date(2027, 1, 1), date(2027, 1, 4))
    assert holidays.next_break(date(2026, 11, 23)) == (date(2027, 1, 1), date(2027, 1, 4))


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(-600, 600))
def test_adding_months_and_taking_them_away_returns_within_a_month_end(day, months):
    there = add_months(day, months)
    assert (there.year * 12 + there.month) - (day.year * 12 + day.month) == months
    assert day.day - 3 <= there.day <= day.day


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("十", 10),
        ("二十一", 21),
        ("廿四", 24),
        ("一百零五", 105),
        ("两千零四", 2004),
        ("二零二六", 2026),
        ("三万", 30000),
    ],
)
def test_chinese_numerals(numeral, value):
    assert chinese_number(numeral).value == value


@pytest.mark.parametrize("numeral", ["万一", "十百", "三二十"])
def test_what_only_looks_like_a_numeral_is_none(numeral):
    assert chinese_number(numeral) is None


@pytest.mark.parametrize(
    ("words", "value", "ordinal"),
    [
        ("twenty five", 25, False),
        ("twenty fourth", 24, True),
        ("two thousand and fifteen", 2015, False),
        ("nineteen hundred ninety three", 1993, False),
    ],
)
def test_english_number_words(words, value, ordinal):
    number, is_ordinal, used = english_number(words.split())
    assert (number.value, is_ordinal, used) == (value, ordinal, len(words.split()))


def test_nine_thirty_stays_two_numbers():
    assert english_number(["nine", "thirty"])[2] == 1


def test_times_are_wall_clock_times_of_the_reference():
    from services.requests.chat.times import main_expression

    aware = datetime.fromisoformat("2026-11-23T09:30:00+08:00")
    assert main_expression("明天下午三点", aware) == main_expression("明天下午三点", aware.replace(tzinfo=None))
