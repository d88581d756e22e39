"""Clock times, and how a half day or the other end of a range settles them. Seconds count from the day's midnight."""

from __future__ import annotations

from dataclasses import dataclass

from services.requests.chat.times.conventions import AFTERNOON_HOURS, DayPart
from services.requests.chat.times.expression import Grain

HALF = 12 * 3600
DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock time as said.

    Attributes:
        settled: the half day is known: 13点, 8 am, 08:00, noon.
        daily: it belongs to a day, today when none is said: 下班, "end of day".
    """

    hour: int
    minute: int = 0
    second: int = 0
    settled: bool = False
    grain: Grain = Grain.HOUR
    approximate: bool = False
    daily: bool = False

    @property
    def seconds(self) -> int:
        return self.hour * 3600 + self.minute * 60 + self.second


DAY_ENDS = Clock(23, 59, 59, settled=True, grain=Grain.DAY, daily=True)


def clock(
    hour: float, minute: int = 0, second: int = 0, *, settled: bool = False, grain: Grain = Grain.HOUR
) -> Clock | None:
    """A clock time, None when no clock shows it."""
    if not (hour == int(hour) and 0 <= hour <= 24 and 0 <= minute < 60 and 0 <= second < 60):
        return None
    if hour == 24 and (minute or second):
        return None
    return Clock(int(hour), minute, second, settled or hour > 12 or hour == 0, grain)


def in_part(said: Clock, part: DayPart) -> int:
    """``said`` in that half day; past 24 hours it is the small hours of the next day.

    A time that cannot lie in the half day (上午15点) is taken as said.
    """
    low, high = (hour * 3600 for hour in part.span)
    seconds = said.seconds
    if said.settled:
        return seconds + DAY if high > DAY and seconds < high - DAY else seconds
    for candidate in (seconds % HALF, seconds % HALF + HALF, seconds % HALF + DAY):
        if low <= candidate < high:
            return candidate
    return seconds


def assumed(said: Clock) -> int:
    """``said`` with its half day taken by convention 2 when it was not said."""
    return said.seconds + HALF if not said.settled and said.hour in AFTERNOON_HOURS else said.seconds


def range_of(start: Clock, end: Clock, start_part: DayPart | None, end_part: DayPart | None) -> tuple[int, int]:
    """Both ends, each settled by its half day, or by the other end (convention 3); the end is after the start."""
    if end_part is not None or end.settled:
        last = in_part(end, end_part) if end_part else end.seconds
        if start_part is not None or start.settled:
            first = in_part(start, start_part) if start_part else start.seconds
        else:
            first = _last_before(start, last)
        if last <= first and not (end_part and last >= DAY):
            last += DAY
        return first, last
    first = in_part(start, start_part) if start_part else assumed(start)
    return first, _first_after(end, first)


def _first_after(said: Clock, moment: int) -> int:
    candidate = said.seconds % HALF
    while candidate <= moment:
        candidate += HALF
    return candidate


def _last_before(said: Clock, moment: int) -> int:
    candidate = said.seconds % HALF
    if candidate >= moment:
        return said.seconds
    while candidate + HALF < moment and candidate < HALF:
        candidate += HALF
    return candidate
