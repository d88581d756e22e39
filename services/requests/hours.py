"""When the standard's minutes are over: clock times that the form shows before filing.

Dispatch counts the promise that holds, with the same calendar.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.working_time import Calendar

if TYPE_CHECKING:
    from datetime import date, datetime

    from services.requests.catalogue import Times

SITE = Calendar()
ALWAYS = SITE.always()


def is_workday(day: date) -> bool:
    """Whether the compound works on ``day``."""
    return SITE.days.is_workday(day)


def promised(times: Times, start: datetime) -> dict[str, datetime]:
    """By promise (response, arrival, finish) the clock time it would be due when filed at ``start``; UTC."""
    calendar = ALWAYS if times.always else SITE
    return {
        name: calendar.add(start, timedelta(minutes=minutes))
        for name in ("response", "arrival", "finish")
        if (minutes := getattr(times, name)) is not None
    }
