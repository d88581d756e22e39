"""Lengths of time: 两个半小时, "three weeks", half a year."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from services.requests.chat.times.expression import Grain

MONTH_DAYS, YEAR_DAYS = 30, 365  # the suites' convention for lengths in seconds


@dataclass(frozen=True, slots=True)
class Length:
    """A length that keeps its units, since a month is not a number of days until it is laid on the calendar.

    Attributes:
        grain: the finest unit said.
        workdays: days on which the office works; no other field is set then.
    """

    years: float = 0
    months: float = 0
    days: float = 0
    seconds: float = 0
    workdays: int = 0
    grain: Grain = Grain.DAY
    approximate: bool = False

    def __add__(self, other: Length) -> Length:
        return Length(
            self.years + other.years,
            self.months + other.months,
            self.days + other.days,
            self.seconds + other.seconds,
            self.workdays + other.workdays,
            min(self.grain, other.grain),
            self.approximate or other.approximate,
        )

    def times(self, factor: float) -> Length:
        """``factor`` of these: 2.5 hours from one hour."""
        return replace(
            self,
            years=self.years * factor,
            months=self.months * factor,
            days=self.days * factor,
            seconds=self.seconds * factor,
            workdays=round(self.workdays * factor),
        )

    @property
    def timed(self) -> bool:
        """True when it counts hours, minutes or seconds."""
        return self.grain <= Grain.HOUR

    def total(self) -> timedelta:
        """The length with months of 30 and years of 365 days.

        Raises:
            OverflowError: longer than Python can count.
        """
        days = self.years * YEAR_DAYS + self.months * MONTH_DAYS + self.days + self.workdays
        return timedelta(days=days, seconds=self.seconds)

    def shift(self, moment: datetime, sign: int) -> datetime:
        """``moment`` moved by this length on the calendar; 31 January plus a month is the last of February.

        Raises:
            OverflowError, ValueError: the result is outside the years 1 to 9999.
        """
        months = self.years * 12 + self.months
        whole = int(months)
        moved = add_months(moment.date(), sign * whole)
        rest = timedelta(days=(months - whole) * MONTH_DAYS + self.days, seconds=self.seconds)
        if not self.timed:
            rest = timedelta(days=round(rest / timedelta(days=1)))
        return datetime.combine(moved, moment.time()) + sign * rest


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day.

    Raises:
        ValueError: outside the years 1 to 9999.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ValueError(f"year {year}")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


UNIT_LENGTHS = {
    "second": Length(seconds=1, grain=Grain.SECOND),
    "minute": Length(seconds=60, grain=Grain.MINUTE),
    "quarter hour": Length(seconds=900, grain=Grain.MINUTE),
    "hour": Length(seconds=3600, grain=Grain.HOUR),
    "day": Length(days=1),
    "workday": Length(workdays=1),
    "weekend": Length(days=2),
    "week": Length(days=7, grain=Grain.WEEK),
    "work week": Length(days=7, grain=Grain.WEEK),
    "fortnight": Length(days=14, grain=Grain.WEEK),
    "month": Length(months=1, grain=Grain.MONTH),
    "quarter": Length(months=3, grain=Grain.QUARTER),
    "half year": Length(months=6, grain=Grain.QUARTER),
    "year": Length(years=1, grain=Grain.YEAR),
    "decade": Length(years=10, grain=Grain.YEAR),
    "century": Length(years=100, grain=Grain.YEAR),
}


def length_unit(length: Length) -> tuple[str, int]:
    """The unit of a length of one unit and how many; ("", 0) when it mixes units or has fractions."""
    for name in ("year", "month", "week", "workday", "day", "hour", "minute"):
        unit = UNIT_LENGTHS[name]
        for field in ("years", "months", "days", "seconds", "workdays"):
            size, total = getattr(unit, field), getattr(length, field)
            if size and total and total % size == 0 and unit.times(total / size) == replace(length, grain=unit.grain):
                return name, int(total // size)
    return "", 0
