"""What a time expression means once it has been read: the types every caller sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """The shape of an answer, named as in the open suites."""

    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    DATERANGE = "daterange"
    TIMERANGE = "timerange"
    DATETIMERANGE = "datetimerange"
    DURATION = "duration"


class Grain(IntEnum):
    """The finest unit the speaker named; a smaller value is finer."""

    SECOND = 1
    MINUTE = 2
    HOUR = 3
    PART = 4
    DAY = 5
    WEEK = 6
    MONTH = 7
    QUARTER = 8
    YEAR = 9


class Part(StrEnum):
    """A half day, by the code the chat labels use."""

    MORNING = "MO"  # to 12
    MIDDAY = "MI"  # 11 to 14
    AFTERNOON = "AF"  # 12 to 18
    EVENING = "EV"  # 17 to 24


class Bound(StrEnum):
    """Which side of the named time is meant."""

    AT = "at"
    BEFORE = "before"  # a deadline: 周五前, by Friday noon
    AFTER = "after"  # 三点以后, after 3 pm


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How often something repeats: every ``every`` times ``unit``.

    Attributes:
        unit: day, workday, week, month, quarter or year.
        weekdays: 0 (Monday) to 6, when weekdays were named.
    """

    unit: str
    every: int = 1
    weekdays: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """One time expression, resolved against the moment it was said.

    Moments are wall-clock times of the place where the reference was given (Asia/Shanghai in this product) and
    carry no offset.

    Attributes:
        text: the words as the caller wrote them.
        span: where they stand in the caller's text, as ``text[span[0]:span[1]]``.
        start: the first moment. A date begins at 00:00; a clock time without a date is the next such time after
            the reference. None for a bare duration and for a deadline, unless it runs from a start (三天内, 本周内).
        end: the first moment after a range; the named day or moment of a deadline; None for a single point.
        end_named: the day, or first day of the month or year, that was named as the end of a range of days;
            ``end`` then lies one such unit later (周三到周五 names Friday and ends on Saturday at 00:00).
        length: how long, for a duration and for a range said by its length (2pm for 2 hours). A month counts 30
            days and a year 365.
        grain: the finest unit that was said.
        part: the half day, when one was said and no clock time; that of the meal for "lunch on Tuesday", a DATE.
        bound: BEFORE for a deadline, AFTER for 以后 and "after".
        recurrence: set for 每周五 and "every Monday"; ``start`` is then the first occurrence.
        approximate: 大约, 左右, around, "ish".
        assumed: the half day of the clock time was not said but taken by rule (三点 as 15:00).
        dated: a day was said; false for 下午三点 alone.
    """

    text: str
    span: tuple[int, int]
    kind: Kind
    start: datetime | None
    end: datetime | None = None
    end_named: date | None = None
    length: timedelta | None = None
    grain: Grain = Grain.DAY
    part: Part | None = None
    bound: Bound = Bound.AT
    recurrence: Recurrence | None = None
    approximate: bool = False
    assumed: bool = False
    dated: bool = True

    @property
    def deadline(self) -> bool:
        """True when the time is the last one allowed."""
        return self.bound is Bound.BEFORE

    @property
    def start_label(self) -> str | None:
        """``start`` as the chat labels write it: a date, a date and time, or a half day such as 2026-11-24TMO."""
        if self.start is None:
            return None
        if self.part is not None:
            return f"{self.start.date()}T{self.part.value}"
        return _label(self.start, self.grain)

    @property
    def end_label(self) -> str | None:
        """``end`` as the chat labels write it; a date alone names the last day."""
        if self.end is None or (self.part is not None and not self.deadline):
            return None
        if self.part is not None:
            return f"{(self.end - timedelta(microseconds=1)).date()}T{self.part.value}"
        if self.grain >= Grain.DAY and self.start is not None:
            return (self.end - timedelta(microseconds=1)).date().isoformat()
        return _label(self.end, self.grain)


def _label(moment: datetime, grain: Grain) -> str:
    return moment.date().isoformat() if grain >= Grain.DAY else moment.isoformat(timespec="minutes")
