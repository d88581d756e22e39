"""Named days, and which days the office works."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from services.requests.chat.times import lunar

ONE_DAY = timedelta(days=1)

SOLAR = {
    "new year": (1, 1), "valentine": (2, 14), "st patrick": (3, 17), "women": (3, 8), "arbor": (3, 12),
    "april fools": (4, 1), "earth": (4, 22), "labour": (5, 1), "youth": (5, 4), "children": (6, 1), "party": (7, 1),
    "us independence": (7, 4), "army": (8, 1), "teachers": (9, 10), "national": (10, 1), "halloween": (10, 31),
    "singles": (11, 11), "christmas eve": (12, 24), "christmas": (12, 25), "boxing": (12, 26), "new year eve": (12, 31),
}  # fmt: skip
LUNAR = {
    "spring": (1, 1), "lantern": (1, 15), "dragon boat": (5, 5), "qixi": (7, 7), "ghost": (7, 15),
    "mid-autumn": (8, 15), "double ninth": (9, 9), "laba": (12, 8), "small new year": (12, 23),
}  # fmt: skip
NTH_WEEKDAY = {  # month, weekday, which one (-1 the last), days after it
    "martin luther king": (1, 0, 3, 0), "presidents": (2, 0, 3, 0), "mothers": (5, 6, 2, 0), "memorial": (5, 0, -1, 0),
    "fathers": (6, 6, 3, 0), "us labor": (9, 0, 1, 0), "columbus": (10, 0, 2, 0), "thanksgiving": (11, 3, 4, 0),
    "black friday": (11, 3, 4, 1),
}  # fmt: skip

# 全国年节及纪念日放假办法 (2024-11-10) and the breaks usually arranged around it: first and last day off, counted from
# the holiday itself. Used only for years whose arrangement is not yet published.
USUAL_BREAKS = {
    "new year": (0, 0), "spring": (-1, 6), "qingming": (0, 0), "labour": (0, 4), "dragon boat": (0, 0),
    "mid-autumn": (0, 0), "national": (0, 6),
}  # fmt: skip


def day_of(name: str, year: int) -> date:
    """The day on which a holiday falls in ``year``.

    Raises:
        ValueError: the lunar table does not reach that year.
    """
    if name in SOLAR:
        return date(year, *SOLAR[name])
    if name in LUNAR:
        month, day = LUNAR[name]
        # The twelfth lunar month falls into the next Gregorian year, or at the end of this one.
        candidates = [lunar.gregorian(each, month, day) for each in ((year - 1, year) if month == 12 else (year,))]
        return next(each for each in candidates if each.year == year or each is candidates[-1])
    if name in NTH_WEEKDAY:
        month, weekday, which, later = NTH_WEEKDAY[name]
        return nth_weekday(date(year, month, 1), month_after(date(year, month, 1)), weekday, which) + later * ONE_DAY
    if name == "new year's eve, lunar":
        return lunar.gregorian(year, 1, 1) - ONE_DAY
    if name == "qingming":
        return date(year, 4, qingming_day(year))
    if name in {"easter", "good friday", "easter monday"}:
        return easter(year) + {"good friday": -2, "easter": 0, "easter monday": 1}[name] * ONE_DAY
    raise ValueError(name)


def qingming_day(year: int) -> int:
    """The day of April on which 清明 falls, 1901 to 2099 (寿星公式: Y·0.2422 + C - leap days)."""
    century = 4.81 if year >= 2000 else 5.59
    in_century = year % 100
    return int(in_century * 0.2422 + century) - in_century // 4


def easter(year: int) -> date:
    """Western Easter Sunday (the anonymous Gregorian algorithm, Meeus, Astronomical Algorithms, ch. 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    month, day = divmod(h + m - 7 * ((a + 11 * h + 22 * m) // 451) + 114, 31)
    return date(year, month, day + 1)


def month_after(first: date) -> date:
    """The first day of the month after ``first``'s."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def nth_weekday(first: date, after: date, weekday: int, which: int) -> date:
    """The ``which``-th such weekday in ``[first, after)``, -1 for the last.

    Raises:
        ValueError: there are not so many.
    """
    if which > 0:
        day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
    else:
        last = after - ONE_DAY
        day = last - timedelta(days=(last.weekday() - weekday) % 7 - 7 * (which + 1))
    if not first <= day < after:
        raise ValueError(f"no {which}. weekday {weekday}")
    return day


@lru_cache(maxsize=4096)
def is_workday(day: date) -> bool:
    """True when offices in China work on ``day``: by the published arrangement, else by the usual one."""
    # Imported here because it costs 17 ms and few sentences need it.
    import chinese_calendar
    from chinese_calendar import constants

    if min(constants.holidays).year <= day.year <= max(constants.holidays).year:
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5 and day not in _usual_days_off(day.year)


@lru_cache(maxsize=64)
def _usual_days_off(year: int) -> frozenset[date]:
    days: set[date] = set()
    for name, (first, last) in USUAL_BREAKS.items():
        try:
            holiday = day_of(name, year)
        except ValueError:
            continue
        days.update(holiday + each * ONE_DAY for each in range(first, last + 1))
    return frozenset(days)


def break_around(holiday: date) -> tuple[date, date]:
    """The days off around a holiday, ``[first, after)``; the day alone when the office works on it."""
    if is_workday(holiday):
        return holiday, holiday + ONE_DAY
    first = after = holiday
    while not is_workday(first - ONE_DAY):
        first -= ONE_DAY
    while not is_workday(after):
        after += ONE_DAY
    return first, after


def next_break(today: date) -> tuple[date, date]:
    """The next public holiday's days off that start after ``today``.

    Raises:
        ValueError: beyond the lunar table.
    """
    starts = sorted(day_of(name, year) for year in (today.year, today.year + 1) for name in USUAL_BREAKS)
    breaks = [break_around(each) for each in starts]
    return next(each for each in breaks if each[0] > today)


def shift_workdays(day: date, count: int) -> date:
    """``day`` moved by ``count`` working days, not counting itself.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    if abs(count) > 500:
        raise OverflowError(f"{count} working days")
    step = ONE_DAY if count > 0 else -ONE_DAY
    left = abs(count)
    while left:
        day += step
        left -= is_workday(day)
    return day
