"""When the standard's minutes are over: clock times that the form shows before filing.

Dispatch counts the promise that holds; this is the same sum over the same working hours, shown beforehand.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from services.requests.catalogue import Times

SPANS = ((time(8, 30), time(12, 0)), (time(14, 0), time(18, 0)))
FURTHEST = 400  # days
# 全国年节及纪念日放假办法 (State Council order 795), art. 2; for years whose notice is not published yet.
_FIXED = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


@lru_cache(maxsize=2048)
def is_workday(day: date) -> bool:
    """Whether the compound works on ``day``: the State Council's notice where it is known, else Monday to Friday."""
    from chinese_calendar import is_workday as published

    try:
        return bool(published(day))
    except NotImplementedError:
        return day.weekday() < 5 and (day.month, day.day) not in _FIXED


def due(start: datetime, minutes: int, *, always: bool) -> datetime:
    """The instant ``minutes`` after ``start``, in working time unless ``always``; UTC."""
    if always:
        return start + timedelta(minutes=minutes)
    left = timedelta(minutes=minutes)
    local = start.astimezone(SITE_ZONE)
    day = local.date()
    for _ in range(FURTHEST):
        if is_workday(day):
            for opens, closes in SPANS:
                begin = max(local, datetime.combine(day, opens, SITE_ZONE))
                end = datetime.combine(day, closes, SITE_ZONE)
                if begin < end:
                    if left <= end - begin:
                        return (begin + left).astimezone(UTC)
                    left -= end - begin
        day += timedelta(days=1)
    return start + timedelta(days=FURTHEST)


def promised(times: Times, start: datetime) -> dict[str, datetime]:
    """By promise (response, arrival, finish) the clock time it would be due when filed at ``start``."""
    found = {}
    for name in ("response", "arrival", "finish"):
        minutes = getattr(times, name)
        if minutes is not None:
            found[name] = due(start, minutes, always=times.always)
    return found
