"""Rules for days and periods: what names a day, a week, a month or a longer stretch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.requests.chat.times.cascade import Pass
from services.requests.chat.times.conventions import PLAUSIBLE_YEARS
from services.requests.chat.times.days import Beside, CalendarDay, Days, FirstOf, Holiday, LunarDay, Offset, Weekday
from services.requests.chat.times.expression import Grain, Recurrence
from services.requests.chat.times.lengths import UNIT_LENGTHS, length_unit
from services.requests.chat.times.numerals import Number, full_year
from services.requests.chat.times.periods import (
    CALENDAR_UNITS,
    Break,
    Edge,
    InYear,
    Nth,
    Portion,
    Rolling,
    Span,
    Unit,
    Year,
)
from services.requests.chat.times.points import Repeated
from services.requests.chat.times.rules_atoms import is_year, unit_of
from services.requests.chat.times.tokens import Modifier, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    Tokens = Sequence[Token]

NAMED = Pass()


def only(tokens: Tokens, letters: str) -> list[Token]:
    """The tokens of those letters, in order."""
    return [token for token in tokens if token.letter in letters]


def _month(number: Number) -> int | None:
    return number.whole if 1 <= number.whole <= 12 and number.digits <= 2 else None


def _day(token: Token) -> int | None:
    value = token.value if token.letter == "O" else token.value.whole
    figures = 0 if token.letter == "O" else token.value.digits
    return value if 1 <= value <= 31 and figures <= 2 else None


def year_of(number: Number) -> int:
    """The year a number before 年 names; 08 is 2008."""
    return full_year(number.whole) if number.value < 100 else number.whole


def _spoken_year(tokens: Tokens) -> int | None:
    """A year behind a month: 2026, "nineteen eighty six", "two thousand and fifteen"."""
    first = tokens[0].value
    if len(tokens) == 1:
        return first.whole if first.whole in range(1000, 3000) and not first.fraction else None
    second = tokens[1].value
    if first.digits or second.digits or not (16 <= first.whole <= 20 and 10 <= second.whole <= 99):
        return None
    return int(first.whole * 100 + second.whole)


# --- numbered days and months ------------------------------------------------------------------------------------------


@NAMED.rule("D", "~(?:NY|R)?NM(?:j|NJ?)", "~?(?:NY|R)?~?U(?:j|NJ?)", "(?:NY|R)?NMj", "j(?![uK])")
def lunar_day(tokens: Tokens) -> LunarDay | None:
    """农历八月十五, 腊月二十三, 正月初一, 初八."""
    year = next((year_of(tokens[i].value) for i, each in enumerate(tokens[:-1]) if tokens[i + 1].letter == "Y"), None)
    if year is None and any(token.letter == "R" for token in tokens):
        return None
    at = next((i for i, token in enumerate(tokens) if token.letter in "MU"), None)
    month = None if at is None else tokens[at].value if tokens[at].letter == "U" else _month(tokens[at - 1].value)
    last = next(token for token in reversed(tokens) if token.letter in "jN")
    day = last.value if last.letter == "j" else last.value.whole
    return LunarDay(day, month, year) if 1 <= day <= 30 and (at is None or month) else None


@NAMED.rule("_", "NMNJ")
def impossible_day(tokens: Tokens) -> bool | None:
    """12月32日."""
    return None if _month(tokens[0].value) and _day(tokens[2]) else True


@NAMED.rule("D", "NYNMNJ?", "NMNJ", "NMN(?![KMJYuqFhHk%,]|t[NcC])", "NMN(?=,[^N]|,$)")
def month_day(tokens: Tokens) -> CalendarDay | None:
    """2026年12月3日, 12月3号, 十二月三."""
    year = year_of(tokens[0].value) if tokens[1].letter == "Y" else None
    at = next(index for index, token in enumerate(tokens) if token.letter == "M")
    month, day = _month(tokens[at - 1].value), _day(tokens[at + 1])
    return CalendarDay(day, month, year) if month and day else None


@NAMED.rule("D", "NtN(?=[CcW])", "NtN(?=p)")
def dashed_date(tokens: Tokens) -> CalendarDay | None:
    """11-30 in front of a clock time, a weekday or a half day."""
    month, day = _month(tokens[0].value), _day(tokens[2])
    glued = tokens[1].text == "-" and tokens[0].end == tokens[1].start and tokens[1].end == tokens[2].start
    return CalendarDay(day, month) if glued and month and day and (day > 12 or tokens[2].text[0] == "0") else None


@NAMED.rule("D", "NMN[t,&]NJ", "N[t,&]NJ", "NMNJ[t&]N(?![KMJYuqFhHkL]|t)")
def days_of_month(tokens: Tokens) -> Span | None:
    """12月3-5号, 3到5号, 12月3日-5."""
    numbers = only(tokens, "N")
    month = _month(numbers[0].value) if tokens[1].letter == "M" else None
    first, last = (_day(token) for token in numbers[-2:])
    if not first or not last or (tokens[1].letter == "M" and not month):
        return None
    return Span(CalendarDay(first, month), CalendarDay(last))


@NAMED.rule("R", "NYNM", "NM", "NY")
def year_month(tokens: Tokens) -> Days | None:
    """2026年12月, 三月, 2026年."""
    if tokens[-1].letter == "Y":
        return Year(year_of(tokens[0].value)) if is_year(tokens[0].value) else None
    month = _month(tokens[-2].value)
    year = year_of(tokens[0].value) if len(tokens) == 4 else None
    return InYear(month, year=year) if month else None


@NAMED.rule("D", "NJ", "N(?=[pW]|,?C)")
def day_number(tokens: Tokens) -> CalendarDay | None:
    """3号; with a point it is a month and a day: 12.8号, 12.8下午."""
    number = tokens[0].value
    if number.fraction and not tokens[0].text.startswith("0"):
        month, day = int(number.value), int(number.fraction)
        return CalendarDay(day, month) if 1 <= month <= 12 and 1 <= day <= 31 else None
    found = _day(tokens[0]) if len(tokens) == 2 else None
    return CalendarDay(found) if found else None


# --- English months ----------------------------------------------------------------------------------------------------


@NAMED.rule("D", "[Nm]t[Nm]t[Nm]", "[Nm]/[Nm]/[Nm]", "NNN")
def written_date(tokens: Tokens) -> CalendarDay | None:
    """05-Aug-2016, 2020/23/Sep, 2016 10 16."""
    parts = only(tokens, "Nm")
    months = [token.value for token in parts if token.letter == "m"]
    numbers = [token.value for token in parts if token.letter == "N"]
    years = [number.whole for number in numbers if number.digits == 4]
    days = [number.whole for number in numbers if number.digits in {1, 2}]
    if not months and numbers[0].digits == 4 and len(days) == 2:
        months, days = days[:1], days[1:]
    if len(months) != 1 or len(days) != 1 or len(years) != 1 or not 1 <= months[0] <= 12:
        return None
    return CalendarDay(days[0], months[0], years[0]) if 1 <= days[0] <= 31 else None


@NAMED.rule("D", "ml?[NO][t&]l?[NO](?![aKMJYuqLNt/m])", "[NO][t&]l?[NO]l*m")
def days_of_english_month(tokens: Tokens) -> Span | None:
    """Nov 18-19, "between 3 and 12 of Sept", "April ninth through seventeenth"."""
    month = next(token.value for token in tokens if token.letter == "m")
    first, last = (_day(token) for token in only(tokens, "NO"))
    if not first or not last:
        return None
    if tokens[0].letter == "m":
        return Span(CalendarDay(first, month), CalendarDay(last))
    return (
        Span(CalendarDay(first), CalendarDay(last, month))
        if first > last
        else Span(CalendarDay(first, month), CalendarDay(last, month))
    )


@NAMED.rule(
    "D",
    "ml?[NO](?![aKc])[,l]*N(?:N(?![aKNu]))?(?![aKNuC])",
    "[NO]l*m[,l]*N(?:N(?![aKNu]))?(?![aKNuC])",
    "ml?,?[NO](?![aKMJYuqL])",
    "m/N",
    "[NO]l*m",
    "mtN(?!t)",
)
def english_date(tokens: Tokens) -> CalendarDay | None:
    """ "Dec 3", "3rd of May 2027", "May/22", "January twenty five nineteen eighty six"."""
    at = next(index for index, token in enumerate(tokens) if token.letter == "m")
    numbers = only(tokens, "NO")
    if len(tokens) == 3 and tokens[1].letter == "t" and tokens[1].end != tokens[2].start:
        return None  # "Dec - 5" with blanks is no date
    day = _day(numbers[0])
    if day is None or (tokens[0].letter == "N" and tokens[0].value.fraction):
        return None
    if len(numbers) == 1:
        return CalendarDay(day, tokens[at].value)
    year = _spoken_year(numbers[1:])
    if year is None and len(numbers) == 2 and numbers[1].value.digits == 2 and any(t.text == "of" for t in tokens):
        year = full_year(numbers[1].value.whole)
    return CalendarDay(day, tokens[at].value, year) if year else None


@NAMED.rule("R", "m[t,/li]*N(?:N(?![aKNu]))?(?![aKNuCm])", "N[tl]*m(?![tl]*[NO])", "m")
def english_month(tokens: Tokens) -> InYear | None:
    """ "May", "Dec, 2018", "April of 87", "2017 april"."""
    month = next(token.value for token in tokens if token.letter == "m")
    numbers = only(tokens, "N")
    if not numbers:
        return InYear(month)
    year = _spoken_year(numbers)
    if year is None and numbers[0].value.digits == 2 and any(token.text == "of" for token in tokens):
        year = full_year(numbers[0].value.whole)
    return InYear(month, year=year) if year else None


@NAMED.rule("D", "O(?![uWkMmq#LK])", "(?<=t)O(?![uWkMmq#LK])", "lN(?=[f@Ci,_pdW]|$)")
def bare_ordinal(tokens: Tokens) -> CalendarDay | None:
    """ "the 18th"; a word such as "first" needs a month or a weekday instead."""
    token = tokens[-1]
    if token.letter == "N":
        number = token.value
        if number.fraction and tokens[0].text == "on" and number.value < 13 and 1 <= int(number.fraction) <= 31:
            return CalendarDay(int(number.fraction), int(number.value))  # on 5.12
        if number.fraction or tokens[0].text != "the" or number.digits not in {1, 2}:
            return None
    if token.letter == "O" and not token.text[:1].isdigit():
        return None
    day = _day(token)
    return CalendarDay(day) if day else None


# --- relative days and units -------------------------------------------------------------------------------------------


@NAMED.rule("D", "d")
def relative_day(tokens: Tokens) -> Days:
    value: Days = tokens[0].value
    return value


@NAMED.rule("D", "r(?=p)")
def day_of_part(tokens: Tokens) -> Offset | None:
    """The "this" of "this evening", the "last" of "last night"; the half day follows by itself."""
    modifier: Modifier = tokens[0].value
    return None if modifier.rolling or abs(modifier.offset) > 1 else Offset(modifier.offset)


@NAMED.rule("R", "[NO]u(?!q)")
def numbered_quarter(tokens: Tokens) -> InYear | None:
    """三季度, 第一季度."""
    number = tokens[0].value.whole if tokens[0].letter == "N" else tokens[0].value
    return InYear(3 * number - 2, 3) if tokens[1].text == "季度" and 1 <= number <= 4 else None


@NAMED.rule("D", "ru(?!l)")
def next_day(tokens: Tokens) -> Offset | None:
    """ "next day": one day, though said like a period."""
    modifier: Modifier = tokens[0].value
    return Offset(modifier.offset) if tokens[1].value == "day" and not modifier.rolling else None


@NAMED.rule("R", "rL(?!l)", "Nr[uk]")
def rolling(tokens: Tokens) -> Rolling | Unit | None:
    """ "next 3 days", 过去十年, "5 upcoming years"; quarters and longer units go by the calendar."""
    modifier: Modifier = next(token.value for token in tokens if token.letter == "r")
    if tokens[0].letter == "N":
        count, name = tokens[0].value.value, unit_of(tokens[2])
        if count > 1 and tokens[2].text.isascii() and not tokens[2].text.endswith("s"):
            return None  # "only 3 next week"
        length = UNIT_LENGTHS[name].times(count) if name in UNIT_LENGTHS else None
    else:
        length = next(token.value for token in tokens if token.letter == "L")
    if length is None or abs(modifier.offset) != 1:
        return None
    if length.grain is Grain.QUARTER and length.months % 3 == 0:
        count = int(length.months) // 3
        return Unit("quarter", 1 if modifier.offset > 0 else -count, count)
    return Rolling(length, modifier.offset)


@NAMED.rule("R", "rh?[uYMk](?!l)", "l[uk](?![lsbSGfLONR])", "[MYu](?=E)", "E[YuM]")
def unit(tokens: Tokens) -> Days | None:
    """下下周, "next quarter", "the week", the 月 of 月底, 上半年, 下半周."""
    mark = next(token for token in tokens if token.letter in "uYMk")
    name = {"Y": "year", "M": "month"}.get(mark.letter) or unit_of(mark)
    first = tokens[0]
    modifier: Modifier = first.value if first.letter == "r" else Modifier(0)
    if first.letter == "l" and (not first.text.endswith("the") or name == "day"):
        return None
    if len(tokens) == 3:
        name = "half year" if name == "year" else ""
    if name in {"second", "minute", "hour"}:
        return Rolling(UNIT_LENGTHS[name], modifier.offset) if modifier.offset else None
    if name not in CALENDAR_UNITS:
        return None
    if first.letter == "E":
        if first.value not in {"first", "second"}:
            return None
        return (
            InYear(1 if first.value == "first" else 7, 6, of=Unit("year"))
            if name == "year"
            else Portion(Unit(name), first.value)
        )
    return Unit(name, modifier.offset)


@NAMED.rule("R", "rm")
def month_of_year(tokens: Tokens) -> InYear:
    """May said with "this" is this year's, with "next" the one to come."""
    offset = tokens[0].value.offset
    return InYear(tokens[1].value, of=None if offset > 0 else Unit("year", offset))


@NAMED.rule("R", "(?<!@)N[t&]N(?![aKuYMkHhLq#tNJF/])")
def years(tokens: Tokens) -> Span | None:
    """2014-2018, "between 2007 and 2009"."""
    first, last = (token.value for token in only(tokens, "N"))
    return Span(Year(first.whole), Year(last.whole), Grain.YEAR) if plain_year(first) and plain_year(last) else None


@NAMED.rule("R", "(?<![@N])N(?![aKuYMkHhLq#NJF/]|tc|tN(?![mMtY/]))")
def bare_year(tokens: Tokens) -> Year | None:
    number = tokens[0].value
    return Year(number.whole) if plain_year(number) else None


def plain_year(number: Number) -> bool:
    """True for a number that can be a year by itself: 2026, "two thousand and twenty"."""
    spoken = not number.digits and number.whole in range(2000, 2100)
    return not number.fraction and (spoken or (number.digits == 4 and number.whole in PLAUSIBLE_YEARS))


@NAMED.rule("R", "R")
def named_period(tokens: Tokens) -> Days:
    value: Days = tokens[0].value
    return value


# --- holidays ------------------------------------------------------------------------------------------------------------


@NAMED.rule("R", "yE+(?=[BS])")
def break_beside(tokens: Tokens) -> Break | None:
    """The 元旦放假 of 元旦放假前."""
    return Break(Holiday(tokens[0].value)) if all(token.value in {"break", "off"} for token in tokens[1:]) else None


@NAMED.rule("R", "yE+")
def holiday_break(tokens: Tokens) -> Break | None:
    """国庆期间, 春节假期."""
    return Break(Holiday(tokens[0].value)) if all(token.value == "break" for token in tokens[1:]) else None


@NAMED.rule("R", "E(?=[BS])")
def next_break(tokens: Tokens) -> Break | None:
    """The 放假 of 放假前: the next public holiday."""
    return Break() if tokens[0].value in {"break", "off"} else None


@NAMED.rule("D", "r?y")
def holiday(tokens: Tokens) -> Holiday:
    step = tokens[0].value.offset if tokens[0].letter == "r" else 1
    return Holiday(tokens[-1].value, step=step or 1)


# --- what comes again ------------------------------------------------------------------------------------------------------


@NAMED.rule("Q", "Q", "v(?=p)", "v[uYMk](?![WNEDO])", "vL")
def every_unit(tokens: Tokens) -> Repeated | None:
    """每天, daily, every morning, every two weeks; the first time is today or in this unit."""
    if tokens[0].letter == "Q":
        name, every = tokens[0].value
    else:
        name, every = "day", tokens[0].value
        mark = tokens[-1]
        if mark.letter == "L":
            length = mark.value
            name, count = length_unit(length)
            every = count + (every - 1)
        elif mark.letter != "v":
            name = {"Y": "year", "M": "month"}.get(mark.letter) or unit_of(mark)
    if not name:
        return None
    first: Days = Unit("weekend") if name == "weekend" else Offset(0)
    if name == "workday":
        first = Beside(Offset(-1), "workday", 1, 1)
    return Repeated(first, Recurrence("week" if name == "weekend" else name, int(every)))


@NAMED.rule("Q", "vu?W(?:[,&]*v?[WN](?![KMJYuqFhHkLatC@c]))*")
def every_weekday(tokens: Tokens) -> Repeated | None:
    """每周五, 每周一、三、五, "every Monday and Thursday"."""
    days: list[int] = []
    for token in tokens[1:]:
        if token.letter == "W":
            days.append(token.value)
        elif token.letter == "N":
            figures = f"{token.value.whole}"
            if not set(figures) <= set("1234567"):
                return None
            days.extend(int(figure) - 1 for figure in figures)
    every = tokens[0].value
    first = Weekday(days[0]) if len(days) == 1 else FirstOf(tuple(Weekday(day) for day in days))
    return Repeated(first, Recurrence("week", every, tuple(sorted(set(days)))))


@NAMED.rule("Q", "vM(?:NJ|O[Wu]|E)", "vNMNJ?")
def every_month(tokens: Tokens) -> Repeated | None:
    """每月15号, 每月第一个周一, 每月底."""
    if tokens[-1].letter == "u":
        if tokens[-1].value not in {"day", "workday", "weekend"}:
            return None
        days: Days = Nth(tokens[2].value, tokens[-1].value, Unit("month"))
    elif tokens[-1].letter == "W":
        days = Nth(tokens[2].value, "weekday", Unit("month"), weekday=tokens[-1].value)
    elif tokens[-1].letter == "E":
        days = Edge(Unit("month"), tokens[-1].value)
    else:
        day = _day(tokens[-2] if tokens[-1].letter == "J" else tokens[-1])
        if day is None:
            return None
        days = CalendarDay(day)
    return Repeated(days, Recurrence("month", tokens[0].value))
