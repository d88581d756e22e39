"""Stretches of days as they are said: 下周, Q1, "the last week of July", the next 3 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from services.requests.chat.times.days import CalendarDay, Days, Following, Placed, Weekday, monday
from services.requests.chat.times.expression import Grain
from services.requests.chat.times.holidays import (
    ONE_DAY,
    break_around,
    next_break,
    nth_weekday,
    shift_workdays,
)
from services.requests.chat.times.lengths import Length, add_months

_GRAINS = {
    "day": Grain.DAY, "workday": Grain.DAY, "week": Grain.WEEK, "work week": Grain.WEEK, "weekend": Grain.WEEK,
    "fortnight": Grain.WEEK, "month": Grain.MONTH, "quarter": Grain.QUARTER, "half year": Grain.QUARTER,
    "year": Grain.YEAR, "decade": Grain.YEAR, "century": Grain.YEAR,
}  # fmt: skip
_MONTHS = {"month": 1, "quarter": 3, "half year": 6, "year": 12, "decade": 120, "century": 1200}
CALENDAR_UNITS = frozenset(_GRAINS) - {"workday"}
_DAYS = {"day": (0, 1), "week": (0, 7), "work week": (0, 5), "weekend": (5, 7), "fortnight": (0, 14)}


def unit_around(day: date, unit: str, offset: int = 0, count: int = 1) -> Placed:
    """The calendar unit that holds ``day``, ``offset`` units later, ``count`` of them."""
    if unit == "day":
        return day + offset * ONE_DAY, day + (offset + count) * ONE_DAY
    if unit in _DAYS:
        first, after = _DAYS[unit]
        step = 14 if unit == "fortnight" else 7
        start = monday(day) + timedelta(days=step * offset)
        return start + timedelta(days=first), start + timedelta(days=after + step * (count - 1))
    months = _MONTHS[unit]
    index = (day.year * 12 + day.month - 1) // months * months + offset * months
    origin = date(1, 1, 1)
    return add_months(origin, index - 12), add_months(origin, index + months * count - 12)


@dataclass(frozen=True)
class Unit:
    """A calendar unit, counted from the present one: 下下周, last quarter."""

    unit: str
    offset: int = 0
    count: int = 1
    floats: bool = False

    @property
    def grain(self) -> Grain:
        return _GRAINS[self.unit]

    def place(self, today: date, floor: date) -> Placed:
        return unit_around(today, self.unit, self.offset, self.count)


@dataclass(frozen=True)
class Year:
    """A year by its number, or a run of them (a decade, a century)."""

    year: int
    count: int = 1
    grain: Grain = Grain.YEAR
    floats: bool = False

    def place(self, today: date, floor: date) -> Placed:
        return date(self.year, 1, 1), date(self.year + self.count, 1, 1)


@dataclass(frozen=True)
class InYear:
    """Months by number, a quarter or a half: ``length`` months from the ``month``-th; the year may float."""

    month: int
    length: int = 1
    year: int | None = None
    of: Days | None = None

    @property
    def grain(self) -> Grain:
        return Grain.MONTH if self.length == 1 else Grain.QUARTER

    @property
    def floats(self) -> bool:
        return self.year is None and self.of is None

    def place(self, today: date, floor: date) -> Placed:
        year = self.year
        if self.of is not None:
            year = self.of.place(today, today)[0].year
        if year is not None:
            first = date(year, self.month, 1)
            return first, add_months(first, self.length)
        first = date(floor.year, self.month, 1)
        if add_months(first, self.length) <= floor:
            first = first.replace(year=first.year + 1)
        return first, add_months(first, self.length)


@dataclass(frozen=True)
class Nth:
    """The nth unit (or weekday) of a period, or ``count`` of them: 十月的第一周, the last four months of 2021.

    ``which`` counts from 1, or from -1 at the end. Weeks belong to the period that holds their Thursday.
    """

    which: int
    unit: str
    of: Days
    count: int = 1
    weekday: int = 0

    @property
    def grain(self) -> Grain:
        return _GRAINS.get(self.unit, Grain.DAY)

    @property
    def floats(self) -> bool:
        return self.of.floats

    def place(self, today: date, floor: date) -> Placed:
        first, after = self.of.place(today, floor)
        if self.unit == "weekday":
            day = nth_weekday(first, after, self.weekday, self.which)
            return day, day + ONE_DAY
        if self.unit == "workday":
            day = shift_workdays(first - ONE_DAY, self.which) if self.which > 0 else shift_workdays(after, self.which)
            return (day, day + ONE_DAY) if self.count == 1 else (first, shift_workdays(first, self.count) + ONE_DAY)
        if self.unit in {"week", "work week", "weekend"}:
            starts = (
                nth_weekday(first, first + timedelta(days=7), 3, 1),
                nth_weekday(after - 7 * ONE_DAY, after, 3, 1),
            )
        else:
            starts = (first, after - ONE_DAY)
        if self.which > 0:
            return unit_around(starts[0], self.unit, self.which - 1, self.count)
        return unit_around(starts[1], self.unit, self.which + 1 - (self.count - 1), self.count)


@dataclass(frozen=True)
class Rolling:
    """A length that starts tomorrow (sign 1) or ends today (-1); months and longer by the calendar's count of days."""

    length: Length
    sign: int
    floats: bool = False

    @property
    def grain(self) -> Grain:
        return Grain.DAY

    def place(self, today: date, floor: date) -> Placed:
        if self.length.workdays:
            count = self.length.workdays
            if self.sign < 0:
                return shift_workdays(today, -count), today
            first = shift_workdays(today, 1)
            return first, shift_workdays(today, count) + ONE_DAY
        start = today + ONE_DAY if self.sign > 0 else today
        other = self.length.shift(datetime.combine(start, time()), self.sign).date()
        return (start, other) if self.sign > 0 else (other, start)


@dataclass(frozen=True)
class Around:
    """The calendar unit that holds other days: the week of 18 December, the weekend of a holiday."""

    unit: str
    anchor: Days

    @property
    def grain(self) -> Grain:
        return _GRAINS[self.unit]

    @property
    def floats(self) -> bool:
        return self.anchor.floats

    def place(self, today: date, floor: date) -> Placed:
        day = self.anchor.place(today, floor)[0]
        if self.unit != "weekend":
            return unit_around(day, self.unit)
        first, after = (
            unit_around(day + timedelta(days=-3), "weekend") if day.weekday() == 0 else unit_around(day, "weekend")
        )
        return min(first, day), max(after, day + ONE_DAY)


@dataclass(frozen=True)
class Portion:
    """A share of a period: first or second half, what is left of it, or ten days of a month.

    ``which``: "first", "second", "earlier", "later", "rest", "to date", or 上旬 as "0", 中旬 as "1", 下旬 as "2".
    """

    of: Days
    which: str

    @property
    def grain(self) -> Grain:
        return Grain.DAY

    @property
    def floats(self) -> bool:
        return self.of.floats

    def place(self, today: date, floor: date) -> Placed:
        first, after = self.of.place(today, floor)
        middle = half_way(first, after)
        if self.which in "012":
            bounds = (first, first + 10 * ONE_DAY, first + 20 * ONE_DAY, after)
            return bounds[int(self.which)], bounds[int(self.which) + 1]
        return {
            "first": (first, middle),
            "second": (middle, after),
            "earlier": (first, min(middle, today) if first < today else middle),
            "later": (max(middle, today) if today < after else middle, after),
            "rest": (max(first, today), after),
            "to date": (first, today),
        }[self.which]


@dataclass(frozen=True)
class Edge:
    """The start, middle or end of a period (convention 9)."""

    of: Days
    which: str
    grain: Grain = Grain.DAY

    @property
    def floats(self) -> bool:
        return self.of.floats

    def place(self, today: date, floor: date) -> Placed:
        first, after = self.of.place(today, floor)
        if self.which == "start":
            day = first
        elif self.which == "middle":
            day = self.boundary(today, floor) - (ONE_DAY if self.of.grain is Grain.MONTH else 0 * ONE_DAY)
        elif self.of.grain is Grain.WEEK and after - first == 7 * ONE_DAY:
            day = first + 4 * ONE_DAY
        else:
            day = after - ONE_DAY
        return day, day + ONE_DAY

    def boundary(self, today: date, floor: date) -> date:
        """The edge as the end of a range: where the period starts, its middle, or the day after its last."""
        first, after = self.of.place(today, floor)
        middle = first + (after - first) // 2 if self.of.grain is Grain.YEAR else half_way(first, after)
        return {"start": first, "middle": middle, "end": after}[self.which]


@dataclass(frozen=True)
class Break:
    """The days off around a holiday, or around the next public holiday; its own length is the calendar's."""

    holiday: Days | None = None

    @property
    def grain(self) -> Grain:
        return Grain.DAY

    @property
    def floats(self) -> bool:
        return False

    def place(self, today: date, floor: date) -> Placed:
        if self.holiday is None:
            return next_break(today)
        return break_around(self.holiday.place(today, floor)[0])


@dataclass(frozen=True)
class Span:
    """From one day through another, both named and both included: 本周三到周五."""

    first: Days
    last: Days
    grain: Grain = Grain.DAY
    floats: bool = False

    def place(self, today: date, floor: date) -> Placed:
        start, end = self.placed_ends(today, floor)
        return start[0], end[1]

    def placed_ends(self, today: date, floor: date) -> tuple[Placed, Placed]:
        """Both ends; where the year floats, the first range that is not yet over (convention 1)."""
        if self.first.floats and leans(self.last):
            start = self.first.place(today, floor - timedelta(days=31))
            end = self.last.place(today, start[0])
            if end[1] > floor:
                return start, end
        elif self.first.floats:
            end = self.last.place(today, floor)
            return self.first.place(today, end[0] - timedelta(days=364)), end
        start = self.first.place(today, floor)
        return start, self.last.place(today, start[0])


def leans(days: Days) -> bool:
    """True for an end that is said only by its number or weekday, and so follows the start: the 5 of 12月3日到5日."""
    if isinstance(days, Weekday):
        return days.week is None and days.of is None and not days.past
    if isinstance(days, Following):
        return True
    return isinstance(days, CalendarDay) and days.year is None and days.month is None and days.of is None


def half_way(first: date, after: date) -> date:
    """Where a week, month, half year or year turns: its Thursday, its 16th, its middle month."""
    length = (after - first).days
    if length <= 7:
        return first + 3 * ONE_DAY
    if length <= 31:
        return first + 15 * ONE_DAY
    months = round(length / 30.44)
    return add_months(first, months // 2) if months % 2 == 0 else first + timedelta(days=length // 2)
