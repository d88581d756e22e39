"""Days as they are said, not yet on the calendar: 周五, 下个月3号, "the day after Christmas".

Every class here and in ``periods`` answers ``place(today, floor)`` with ``[first, after)``. What floats (no year or
week was said) takes the first occurrence that is not over at ``floor``, normally today. Impossible days raise
ValueError or OverflowError, which the reading turns into "no expression".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol

from services.requests.chat.times import lunar
from services.requests.chat.times.expression import Grain
from services.requests.chat.times.holidays import ONE_DAY, day_of, is_workday, month_after, shift_workdays

if TYPE_CHECKING:
    from services.requests.chat.times.lengths import Length

Placed = tuple[date, date]


class Days(Protocol):
    """One or more days that can be found on the calendar."""

    @property
    def grain(self) -> Grain: ...

    @property
    def floats(self) -> bool:
        """True when only the year was left open."""
        ...

    def place(self, today: date, floor: date) -> Placed:
        """First day and the day after the last."""
        ...


def monday(day: date) -> date:
    """The Monday of that day's week."""
    return day - timedelta(days=day.weekday())


class _OneDay:
    grain: ClassVar[Grain] = Grain.DAY
    floats: bool = False


@dataclass(frozen=True)
class Offset(_OneDay):
    """So many days from today: 大后天, yesterday."""

    days: int

    def place(self, today: date, floor: date) -> Placed:
        day = today + timedelta(days=self.days)
        return day, day + ONE_DAY


@dataclass(frozen=True)
class Following(_OneDay):
    """The day after the one spoken of: 次日; tomorrow when none was."""

    def place(self, today: date, floor: date) -> Placed:
        return floor + ONE_DAY, floor + 2 * ONE_DAY


@dataclass(frozen=True)
class CalendarDay(_OneDay):
    """A numbered day; what was not said is None. ``of`` is the month or year it was said with (下个月3号).

    ``weekday`` narrows a bare number: "Monday 21" is the first 21st that is a Monday.
    """

    day: int
    month: int | None = None
    year: int | None = None
    of: Days | None = None
    weekday: int | None = None

    @property
    def floats(self) -> bool:  # type: ignore[override]
        return self.year is None and self.of is None and self.month is not None

    def place(self, today: date, floor: date) -> Placed:
        day = self._find(today, floor)
        return day, day + ONE_DAY

    def _find(self, today: date, floor: date) -> date:
        year, month = self.year, self.month
        if self.of is not None:
            first = self.of.place(today, today)[0]
            year, month = first.year, month or first.month
        if year is not None and month is not None:
            return date(year, month, self.day)
        # 8 years reach the next 29 February and the next Monday the 21st.
        tries = 9 if month else 12 * 8
        first = date(floor.year, month or floor.month, 1)
        for _ in range(tries):
            if self.day <= (month_after(first) - first).days:
                day = first.replace(day=self.day)
                if day >= floor and self.weekday in {None, day.weekday()}:
                    return day
            first = first.replace(year=first.year + 1) if month else month_after(first)
        raise ValueError(f"no day {month}-{self.day}")


@dataclass(frozen=True)
class Weekday(_OneDay):
    """A weekday; ``week`` counts weeks from this one, None means the nearest to come.

    Attributes:
        of: the week, month or other days it was said with; the first such day in them, or with a single day the
            nearest one.
        past: the nearest before today.
    """

    weekday: int
    week: int | None = None
    of: Days | None = None
    past: bool = False

    def place(self, today: date, floor: date) -> Placed:
        day = self._find(today, floor)
        return day, day + ONE_DAY

    def _find(self, today: date, floor: date) -> date:
        if self.of is not None:
            first, after = self.of.place(today, floor)
            if after - first == ONE_DAY:
                first -= timedelta(days=3)
            return first + timedelta(days=(self.weekday - first.weekday()) % 7)
        if self.week is not None:
            return monday(today) + timedelta(days=7 * self.week + self.weekday)
        if self.past:
            return today - timedelta(days=(today.weekday() - self.weekday - 1) % 7 + 1)
        return floor + timedelta(days=(self.weekday - floor.weekday()) % 7)


@dataclass(frozen=True)
class LunarDay(_OneDay):
    """A day of the lunar calendar: 农历八月十五, 腊月二十三; without a month, the next such day of any."""

    day: int
    month: int | None = None
    year: int | None = None
    of: Days | None = None

    @property
    def floats(self) -> bool:  # type: ignore[override]
        return self.year is None and self.of is None

    def place(self, today: date, floor: date) -> Placed:
        day = self._find(today, floor)
        return day, day + ONE_DAY

    def _find(self, today: date, floor: date) -> date:
        year = self.year if self.of is None else self.of.place(today, today)[0].year
        years = range(floor.year - 1, floor.year + 2) if year is None else (year,)
        months = (self.month,) if self.month is not None else range(1, 13)
        days = [lunar.gregorian(each, month, self.day) for each in years for month in months]
        return days[0] if year is not None else min(day for day in days if day >= floor)


@dataclass(frozen=True)
class Holiday(_OneDay):
    """A named day; ``step`` -1 is the one before today."""

    name: str
    year: int | None = None
    of: Days | None = None
    step: int = 1

    @property
    def floats(self) -> bool:  # type: ignore[override]
        return self.year is None and self.of is None

    def place(self, today: date, floor: date) -> Placed:
        day = self._find(today, floor)
        return day, day + ONE_DAY

    def _find(self, today: date, floor: date) -> date:
        if self.year is not None:
            return day_of(self.name, self.year)
        if self.of is not None:
            return day_of(self.name, self.of.place(today, today)[0].year)
        days = [day_of(self.name, year) for year in range(floor.year - 1, floor.year + 3)]
        if self.step < 0:
            return max(day for day in days if day < today)
        return min(day for day in days if day >= floor)


@dataclass(frozen=True)
class Shifted(_OneDay):
    """So long before (sign -1) or after other days: 国庆后三天, "two weeks from Friday"."""

    anchor: Days
    length: Length
    sign: int

    @property
    def floats(self) -> bool:  # type: ignore[override]
        return self.anchor.floats

    def place(self, today: date, floor: date) -> Placed:
        start = self.anchor.place(today, floor)[0]
        if self.length.workdays:
            day = shift_workdays(start, self.sign * self.length.workdays)
        else:
            day = self.length.shift(datetime.combine(start, time()), self.sign).date()
        return day, day + ONE_DAY


@dataclass(frozen=True)
class Beside(_OneDay):
    """The nth day, working day or weekday before or after other days: 国庆节后第一个工作日."""

    anchor: Days
    unit: str  # "day", "workday" or "weekday"
    nth: int
    sign: int
    weekday: int = 0

    def place(self, today: date, floor: date) -> Placed:
        first, after = self.anchor.place(today, floor)
        day = after - ONE_DAY if self.sign > 0 else first
        left = self.nth if self.nth > 0 else 1
        for _ in range(400):
            day += self.sign * ONE_DAY
            left -= self._counts(day)
            if not left:
                return day, day + ONE_DAY
        raise ValueError(f"no {self.nth}. {self.unit}")

    def _counts(self, day: date) -> bool:
        if self.unit == "workday":
            return is_workday(day)
        return self.unit == "day" or day.weekday() == self.weekday


@dataclass(frozen=True)
class FirstOf(_OneDay):
    """Whichever of several days comes first: 周一、三、五."""

    days: tuple[Days, ...]

    def place(self, today: date, floor: date) -> Placed:
        return min(each.place(today, floor) for each in self.days)
