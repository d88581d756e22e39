"""What a phrase says before it is laid on the calendar: a day, a half day, a clock time, a length, in any order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from services.requests.chat.times.conventions import DAY_PARTS, DayPart
from services.requests.chat.times.days import CalendarDay, Days, Holiday, LunarDay, Offset, Shifted, Weekday
from services.requests.chat.times.expression import Bound, Grain, Recurrence
from services.requests.chat.times.lengths import Length
from services.requests.chat.times.periods import InYear, Nth, Portion, Rolling, Span, Unit, Year

if TYPE_CHECKING:
    from services.requests.chat.times.clocks import Clock


@dataclass(frozen=True)
class Repeated:
    """Days that come again: the first of them, and how often."""

    days: Days
    recurrence: Recurrence


@dataclass(frozen=True, slots=True)
class Clocks:
    """From one clock time to another, or for a length, each with the half day said at it."""

    start: Clock
    end: Clock | None
    start_part: DayPart | None = None
    end_part: DayPart | None = None
    length: Length | None = None


NO_TIME = Length(grain=Grain.SECOND)


@dataclass(frozen=True, slots=True)
class Instant:
    """So long from now (sign 1) or ago (-1); no length is now. ``through``: the whole time until then."""

    length: Length = NO_TIME
    sign: int = 1
    through: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One phrase. What was not said is None.

    Attributes:
        part_last: the half day was said after the clock times (9 to 11 in the morning).
        meal: a half day only hinted at (晚餐7点); it settles a clock time and says nothing by itself.
        end: the other end of a range.
        through: the whole of what is named, up to its end (本周内).
        inclusive: the bound holds the whole of what is named: "by next week", but not 下周前.
    """

    days: Days | None = None
    part: DayPart | None = None
    part_last: bool = False
    meal: DayPart | None = None
    clock: Clock | None = None
    clocks: Clocks | None = None
    length: Length | None = None
    instant: Instant | None = None
    end: Point | None = None
    bound: Bound = Bound.AT
    inclusive: bool = False
    through: bool = False
    recurrence: Recurrence | None = None
    approximate: bool = False

    @property
    def timed(self) -> bool:
        """True when the clock or the half day is known."""
        return self.clock is not None or self.clocks is not None or self.part is not None


def absorb(point: Point, letter: str, value: Any) -> Point | None:
    """``point`` with one more thing said; None when it contradicts what was said."""
    if letter == "Q":
        if point.recurrence is not None:
            return None
        return replace(point, days=point.days or value.days, recurrence=value.recurrence)
    if letter in "DR" and point.recurrence is not None and point.days == Offset(0):
        return replace(point, days=value)  # weekly on Monday
    if letter in "DR":
        both = value if point.days is None else together(point.days, value)
        return None if both is None else replace(point, days=both)
    if letter == "p":
        part = DAY_PARTS[value]
        if point.part is not None and point.part.code is not part.code:
            return None
        return replace(point, part=part, part_last=point.clock is not None or point.clocks is not None)
    if letter == "%":
        return replace(point, meal=DAY_PARTS[value])
    if point.clock is not None or point.clocks is not None or point.instant is not None:
        return None
    return replace(point, clock=value) if letter == "C" else replace(point, clocks=value)


def together(first: Days, second: Days) -> Days | None:
    """Two days said of one: Friday 7/6, 下周 + 周三, 明年 + 12月3日; None when they are two."""
    for one, other in ((first, second), (second, first)):
        joined = _joined(one, other)
        if joined is not None:
            return joined
    return first if first == second else None


def _joined(one: Days, other: Days) -> Days | None:
    if isinstance(one, Weekday):
        return _with_weekday(one, other)
    if isinstance(one, Holiday) and isinstance(other, CalendarDay) and other.month is not None:
        return other  # 12月24号平安夜 names one day twice
    if isinstance(one, Offset):
        # 明天,11月24日 is one day said twice; the date is the surer.
        return other if isinstance(other, CalendarDay | Holiday) else None
    if isinstance(one, Unit) and not one.offset and _same_unit(one, other):
        return other  # 去年年底: the second year is the first
    if isinstance(one, Unit) and one.unit == "week" and other == Unit("weekend"):
        return Unit("weekend", one.offset)
    if _is_year(one):
        return _in_year(other, one)
    if isinstance(one, InYear | Unit) and one.grain is Grain.MONTH:
        if isinstance(other, CalendarDay) and other.month is None and other.of is None:
            return replace(other, of=one)
        if isinstance(other, Span) and isinstance(other.first, CalendarDay) and other.first.month is None:
            return replace(other, first=replace(other.first, of=one))
        return replace(other, of=one) if isinstance(other, Portion) and other.which in {"0", "1", "2"} else None
    return None


def _same_unit(one: Unit, other: Days) -> bool:
    if one.unit == "year":
        return _is_year(other)
    return one.unit == "month" and other.grain is Grain.MONTH and not isinstance(other, Nth)


def _with_weekday(one: Weekday, other: Days) -> Days | None:
    if isinstance(other, CalendarDay):
        if other.month is None and other.of is None and one.week is None:
            return replace(other, weekday=one.weekday)
        return other
    if isinstance(other, Unit) and other.grain is Grain.WEEK and one.of is None:
        return replace(one, week=other.offset, past=False)
    if isinstance(other, Offset | Holiday) and one.week is None:
        return other
    if isinstance(other, Shifted | Nth | InYear | Unit) and one.week is None and one.of is None:
        return replace(one, of=other)
    return None


def _is_year(days: Days) -> bool:
    return (isinstance(days, Year) and days.count == 1) or (isinstance(days, Unit) and days.unit == "year")


def _in_year(other: Days, year: Days) -> Days | None:
    """``other`` placed in that year, when it names a day or months without one."""
    if isinstance(other, InYear | Holiday | LunarDay) and other.floats:
        return replace(other, year=year.year) if isinstance(year, Year) else replace(other, of=year)
    if isinstance(other, InYear) and other.length == 6 and isinstance(year, Year):
        return replace(other, year=year.year, of=None)
    if isinstance(other, InYear) and other.length == 6:
        return replace(other, of=year)
    if isinstance(other, CalendarDay) and other.floats:
        return replace(other, year=year.year) if isinstance(year, Year) else replace(other, of=year)
    if isinstance(other, Span) and other.first.floats:
        first = _in_year(other.first, year)
        last = _in_year(other.last, year) if other.last.floats else other.last
        return replace(other, first=first, last=last) if first is not None and last is not None else None
    return None


def rolls(days: Days | None) -> bool:
    """True for a stretch counted in hours or minutes from now."""
    return isinstance(days, Rolling) and days.length.timed
