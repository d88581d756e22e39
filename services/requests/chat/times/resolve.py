"""A phrase laid on the calendar and the clock, from the moment it was said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from services.requests.chat.times.clocks import DAY as DAY_SECONDS
from services.requests.chat.times.clocks import HALF, Clock, assumed, in_part, range_of
from services.requests.chat.times.conventions import PART_ENDS, DayPart
from services.requests.chat.times.days import CalendarDay, Days, Following, Holiday, Offset, Placed, Weekday
from services.requests.chat.times.expression import Bound, Grain, Kind, Part
from services.requests.chat.times.holidays import ONE_DAY, USUAL_BREAKS, break_around, shift_workdays
from services.requests.chat.times.lengths import add_months
from services.requests.chat.times.periods import Edge, Rolling, Span
from services.requests.chat.times.points import Clocks, Instant, Point


@dataclass(frozen=True, slots=True)
class Resolved:
    """The fields of a :class:`TimeExpression` that the calendar decides; the names are the same."""

    kind: Kind
    start: datetime | None
    end: datetime | None = None
    end_named: date | None = None
    length: timedelta | None = None
    grain: Grain = Grain.DAY
    part: Part | None = None
    assumed: bool = False
    dated: bool = True


def resolve(point: Point, now: datetime) -> Resolved:
    """What ``point`` means when said at ``now``.

    Raises:
        ValueError, OverflowError: no calendar has such a day.
    """
    if point.end is not None:
        found = _range(point, point.end, now)
    elif point.instant is not None:
        found = _instant(point.instant, now)
    elif point.clocks is not None:
        found = _clock_range(point, point.clocks, now)
    elif point.clock is not None:
        found = _moment(point, point.clock, now)
    elif point.part is not None:
        found = _half_day(point, point.part, now)
    elif point.days is not None:
        found = _days(point, point.days, now)
    elif point.length is not None:
        return Resolved(Kind.DURATION, None, length=point.length.total(), grain=point.length.grain, dated=False)
    else:
        raise ValueError("nothing was said")
    if point.bound is Bound.BEFORE:
        return _deadline(point, found)
    return _opening(point, found, now) if point.bound is Bound.AFTER else found


# --- days ----------------------------------------------------------------------------------------------------------------


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _at(day: date, seconds: int) -> datetime:
    return _midnight(day) + timedelta(seconds=seconds)


def _days(point: Point, days: Days, now: datetime) -> Resolved:
    today = now.date()
    if isinstance(days, Rolling) and days.length.timed:
        edge = days.length.shift(now, days.sign)
        start, end = (now, edge) if days.sign > 0 else (edge, now)
        return Resolved(Kind.DATETIMERANGE, start, end, length=days.length.total(), grain=days.length.grain)
    if isinstance(days, Span):
        return _span(days, today)
    first, after = days.place(today, today)
    if point.recurrence is not None and after <= today:
        later = add_months(today.replace(day=1), 1)
        first, after = days.place(later, later)
    if point.length is not None:
        end = point.length.shift(_midnight(first), 1)
        return Resolved(Kind.DATERANGE, _midnight(first), end, length=point.length.total())
    if after - first == ONE_DAY and days.grain <= Grain.DAY:
        return Resolved(Kind.DATE, _midnight(first), part=point.meal.code if point.meal else None)
    return Resolved(Kind.DATERANGE, _midnight(first), _midnight(after), grain=days.grain)


def _span(span: Span, today: date) -> Resolved:
    first, last = span.placed_ends(today, today)
    if last[1] <= first[0]:
        raise ValueError("a range that ends before it starts")
    end, named = last[1], last[0]
    if isinstance(span.last, Edge) and span.last.of.grain > Grain.WEEK:
        end = named = span.last.boundary(today, max(today, first[0]))
    grain = min(span.first.grain, span.last.grain)
    return Resolved(Kind.DATERANGE, _midnight(first[0]), _midnight(end), end_named=named, grain=max(grain, Grain.DAY))


def _day_with_time(point: Point, seconds: int, now: datetime) -> date:
    """The day of a clock time: where the day floats or comes again, the first on which that time is still to come."""
    days = point.days
    today = now.date()
    if days is None:
        return today if _at(today, seconds) >= now else today + ONE_DAY
    day = days.place(today, today)[0]
    if _at(day, seconds) < now and (point.recurrence is not None or _floats(days)):
        said_on = today + ONE_DAY if point.recurrence is not None else today
        return days.place(said_on, today + ONE_DAY)[0]
    return day


def _floats(days: Days) -> bool:
    if isinstance(days, Weekday):
        return days.week is None and days.of is None and not days.past
    return days.floats or (isinstance(days, CalendarDay) and days.year is None and days.of is None)


# --- clock times -----------------------------------------------------------------------------------------------------------


def _settled(said: Clock, part: DayPart | None, days: Days | None, now: datetime) -> tuple[int, bool]:
    """Seconds from midnight, and whether the half day was taken by rule (conventions 2 and 3)."""
    today = days == Offset(0)
    if part is not None:
        seconds = in_part(said, part)
        if today and seconds >= DAY_SECONDS and now.hour < 6 and _at(now.date(), seconds - DAY_SECONDS) > now:
            seconds -= DAY_SECONDS  # said in the small hours, tonight is the night that is
        return seconds, False
    if said.settled:
        return said.seconds, False
    seconds = assumed(said)
    if today and _at(now.date(), seconds) <= now < _at(now.date(), seconds + HALF) and seconds < HALF:
        seconds += HALF
    return seconds, True


def _moment(point: Point, said: Clock, now: datetime) -> Resolved:
    days = point.days
    if days is None and said.daily and point.part is None:
        days = Offset(0)
    seconds, guessed = _settled(said, point.part or point.meal, days, now)
    if days is not None and (days.grain > Grain.DAY or isinstance(days, Span)):
        return _moment_in_stretch(days, seconds, said, now)
    at = _at(_day_with_time(replace(point, days=days), seconds, now), seconds)
    kind = Kind.TIME if days is None else Kind.DATETIME
    return Resolved(kind, at, grain=said.grain, assumed=guessed, dated=days is not None)


def _moment_in_stretch(days: Days, seconds: int, said: Clock, now: datetime) -> Resolved:
    """The same clock time on each of several days: the first of them."""
    first = days.place(now.date(), now.date())[0]
    return Resolved(Kind.DATETIME, _at(first, seconds), grain=said.grain)


def _clock_range(point: Point, said: Clocks, now: datetime) -> Resolved:
    whole = point.part or point.meal
    start_part, end_part = said.start_part, said.end_part
    if whole is not None and start_part is None and end_part is None:
        start_part, end_part = (None, whole) if point.part_last else (whole, None)
    guessed = False
    if said.end is None:
        assert said.length is not None
        first, guessed = _settled(said.start, start_part or end_part, point.days, now)
        last = first + round(said.length.total().total_seconds())
        grain = said.start.grain
    else:
        first, last = range_of(said.start, said.end, start_part, end_part)
        guessed = not (said.start.settled or said.end.settled or start_part or end_part)
        grain = min(said.start.grain, said.end.grain)
    if guessed and point.days == Offset(0) and _at(now.date(), last) <= now and first < HALF:
        first, last = first + HALF, last + HALF
    day = _day_with_time(point, first, now)
    kind = Kind.TIMERANGE if point.days is None else Kind.DATETIMERANGE
    last_day = day
    if isinstance(point.days, Span):
        last_day = point.days.place(now.date(), now.date())[1] - ONE_DAY
    length = said.length.total() if said.length else None
    dated = point.days is not None
    return Resolved(
        kind, _at(day, first), _at(last_day, last), length=length, grain=grain, assumed=guessed, dated=dated
    )


def _half_day(point: Point, part: DayPart, now: datetime) -> Resolved:
    first, last = (hour * 3600 for hour in part.window)
    day = _day_with_time(point, max(last, PART_ENDS[part.code] * 3600) - 1, now)
    last_day = day
    if isinstance(point.days, Span):
        last_day = point.days.place(now.date(), now.date())[1] - ONE_DAY
    kind = Kind.TIMERANGE if point.days is None else Kind.DATETIMERANGE
    dated = point.days is not None
    return Resolved(kind, _at(day, first), _at(last_day, last), grain=Grain.PART, part=part.code, dated=dated)


def _instant(said: Instant, now: datetime) -> Resolved:
    at = said.length.shift(now, said.sign)
    if said.length.workdays:
        at = _midnight(shift_workdays(now.date(), said.sign * said.length.workdays))
    if said.through:
        kind = Kind.DATETIMERANGE if said.length.timed else Kind.DATERANGE
        if kind is Kind.DATERANGE:
            last = at.date()
            return Resolved(kind, _midnight(now.date()), _midnight(last + ONE_DAY), last, said.length.total())
        return Resolved(kind, now, at, length=said.length.total(), grain=said.length.grain)
    return Resolved(Kind.DATETIME, at, grain=Grain.MINUTE)


# --- ranges of phrases -------------------------------------------------------------------------------------------------------


def _range(first: Point, last: Point, now: datetime) -> Resolved:
    untimed = not (first.timed or last.timed)
    if untimed and not _counts_hours(first) and not _counts_hours(last):
        return _span(Span(_days_of(first), _days_of(last)), now.date())
    if first.days is not None and last.days is not None and not first.timed and first.instant is None:
        # 周一到周五上午9点: the same time on each day.
        return resolve(replace(last, days=Span(first.days, last.days), end=None), now)
    if first.clock is not None and last.clock is not None and (last.days is None or first.days == last.days):
        both = Clocks(first.clock, last.clock, first.part, last.part)
        return _clock_range(Point(days=first.days, clocks=both), both, now)
    first, last = _days_fixed(first, last, now.date())
    start = resolve(replace(first, end=None), now)
    if isinstance(last.days, Following) and start.start is not None:
        last = replace(last, days=_calendar_day(start.start.date() + ONE_DAY))
    if last.clock is not None and start.start is not None and _next_morning(start.start, last):
        last = replace(last, clock=replace(last.clock, settled=True))
    end = resolve(last, now)
    if start.start is None or end.start is None:
        raise ValueError("a range without ends")
    if last.instant is not None and first.days is None and start.start > end.start:
        start = replace(start, start=start.start - ONE_DAY)  # "between eight and now" is today's eight
    assert start.start is not None
    close = end.end or (end.start + ONE_DAY if end.kind is Kind.DATE else end.start)
    if close <= start.start:
        raise ValueError("a range that ends before it starts")
    grain = min(start.grain, end.grain)
    part = start.part if start.part is end.part and start.start.date() == end.start.date() else None
    return Resolved(
        Kind.DATETIMERANGE, start.start, close, grain=grain, part=part, assumed=start.assumed or end.assumed
    )


def _next_morning(start: datetime, last: Point) -> bool:
    """晚十点至次日六点: from an evening, an hour of the next day is in its morning."""
    day = last.days
    return day == _calendar_day(start.date() + ONE_DAY) and last.part is None and start.hour >= 17


def _calendar_day(day: date) -> CalendarDay:
    return CalendarDay(day.day, day.month, day.year)


def _counts_hours(point: Point) -> bool:
    return point.instant is not None and point.instant.length.seconds > 0


def _days_of(point: Point) -> Days:
    if point.instant is not None:
        return Offset(0)
    if point.days is None:
        raise ValueError("a range of days without a day")
    return point.days


def _days_fixed(first: Point, last: Point, today: date) -> tuple[Point, Point]:
    """Both ends with their days on the calendar, the end's not before the start's; an end without a day has the start's."""
    if first.days is None:
        return first, last
    if last.days is None:
        start = end = first.days.place(today, today)[0]
    else:
        start, end = (each[0] for each in Span(first.days, last.days).placed_ends(today, today))
    first = replace(first, days=_calendar_day(start))
    return first, last if last.instant else replace(last, days=_calendar_day(end))


# --- bounds ------------------------------------------------------------------------------------------------------------------


def _deadline(point: Point, found: Resolved) -> Resolved:
    """The last day or moment allowed (convention 7)."""
    if found.start is None or (point.inclusive and point.through):
        return found if found.kind is not Kind.DATE else replace(found, start=None, end=found.start)
    if found.kind is Kind.DATERANGE:
        day = (found.end or found.start) if point.inclusive else found.start
        return replace(found, kind=Kind.DATE, start=None, end=day - ONE_DAY, end_named=None, grain=Grain.DAY)
    if found.kind is Kind.DATE:
        early = isinstance(point.days, Holiday) and not point.inclusive
        return replace(found, start=None, end=found.start - ONE_DAY if early else found.start)
    if found.part is Part.MIDDAY:
        noon = found.start.replace(hour=12)
        kind = Kind.DATETIME if found.dated else Kind.TIME
        return replace(found, kind=kind, start=None, end=noon, part=None, grain=Grain.HOUR)
    kind = {Kind.DATETIMERANGE: Kind.DATETIME, Kind.TIMERANGE: Kind.TIME}.get(found.kind, found.kind)
    return replace(found, kind=kind, start=None, end=found.end or found.start)


def _opening(point: Point, found: Resolved, now: datetime) -> Resolved:
    """The first day or moment allowed; behind a period or a holiday it is the day after."""
    if point.inclusive or found.start is None:
        return found
    if found.kind is Kind.DATERANGE and found.end is not None:
        return replace(found, kind=Kind.DATE, start=found.end, end=None, end_named=None, grain=Grain.DAY)
    if isinstance(point.days, Holiday) and found.kind is Kind.DATE:
        day = found.start.date()
        after = break_around(day)[1] if point.days.name in USUAL_BREAKS else day + ONE_DAY
        return replace(found, start=_midnight(after))
    return found


def placed(days: Days, now: datetime) -> Placed:
    """Where ``days`` lie when said at ``now``."""
    return days.place(now.date(), now.date())
