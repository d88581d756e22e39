"""Working time: which days are worked in China, which hours a site keeps, and adding working time to an instant.

Days follow the State Council's yearly notices (statutory holidays and make-up workdays, 调休), read from
``chinesecalendar``, and may be overridden one by one. Sums are exact to the microsecond. Dispatch counts its promises
with it and requests shows the same instants before filing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from shared.clock import SITE_ZONE
from shared.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

log = logging.getLogger(__name__)

DAY = 1440  # minutes
# Adding working time to a calendar that is never open must end: nobody promises anything further away.
FURTHEST = 20_000  # days
KEPT = 800  # days remembered by a calendar

Spans = tuple[tuple[int, int], ...]  # minutes since midnight, [open, closed), ascending and apart

# 全国年节及纪念日放假办法 (State Council order 795, in force 2025-01-01), art. 2: the holidays whose date does not
# move with the moon. Used only for years whose notice is not known yet.
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


class NeverOpen(Refused):
    """The calendar has no working time within reach, so nothing can be due in it."""

    status = 422
    key = "error.never_open"


@lru_cache(maxsize=1)
def published_years() -> tuple[int, int]:
    """First and last year whose State Council notice is known."""
    from chinese_calendar.constants import holidays

    return min(holidays).year, max(holidays).year


@lru_cache(maxsize=8192)
def published_workday(day: date) -> bool | None:
    """Whether ``day`` is worked by the published notice; None for a year without one."""
    first, last = published_years()
    if not first <= day.year <= last:
        return None
    from chinese_calendar import is_workday

    return bool(is_workday(day))


_site: dict[date, bool] = {}  # what this installation's setting says


def overrides_of(text: str) -> dict[date, bool]:
    """Dates with whether they are worked, from ``2027-02-06=worked, 2027-02-08=free``.

    Raises:
        ValueError: something is no date, or neither worked nor free.
    """
    found = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        day, _, word = part.partition("=")
        if word.strip() not in {"worked", "free"}:
            raise ValueError(f"{part!r} is not of the form 2027-02-06=worked or 2027-02-08=free")
        try:
            found[date.fromisoformat(day.strip())] = word.strip() == "worked"
        except ValueError as error:
            raise ValueError(f"{part!r}: {error}") from error
    return found


def settle(text: str) -> None:
    """Every calendar made from here on takes a site's own word on single dates into account.

    Raises:
        ValueError: as ``overrides_of``.
    """
    found = overrides_of(text)
    _site.clear()
    _site.update(found)


@dataclass(frozen=True)
class Days:
    """Which dates are worked.

    Attributes:
        overrides: a site's own word on single dates, True = worked; it stands above the published table.
    """

    overrides: Mapping[date, bool] = field(default_factory=lambda: dict(_site))

    def is_workday(self, day: date) -> bool:
        """Whether ``day`` is worked; for an unknown year: Monday to Friday without the fixed statutory holidays."""
        said = self.overrides.get(day)
        if said is None:
            said = published_workday(day)
        if said is None:
            return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS
        return said

    def is_known(self, year: int) -> bool:
        """Whether ``year`` has a published notice, or overrides that show somebody entered its table by hand."""
        first, last = published_years()
        return first <= year <= last or any(day.year == year for day in self.overrides)


@dataclass(frozen=True)
class Hours:
    """When a site works.

    Attributes:
        workday: hours of a worked day.
        day_off: hours of a weekend or holiday; empty = closed.
        special: hours of single dates, above everything else (an empty tuple = closed that day).

    Raises:
        ValueError: spans that overlap, run backwards or leave the day.
    """

    workday: Spans
    day_off: Spans = ()
    special: Mapping[date, Spans] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for spans in (self.workday, self.day_off, *self.special.values()):
            edge = 0
            for opens, closes in spans:
                if not edge <= opens < closes <= DAY:
                    raise ValueError(f"hours must be ascending spans within one day, in minutes: {spans}")
                edge = closes


OFFICE = Hours(workday=((510, 720), (840, 1080)))  # 08:30-12:00, 14:00-18:00
ALWAYS = Hours(workday=((0, DAY),), day_off=((0, DAY),))


@dataclass(frozen=True)
class Calendar:
    """Working time of one site: days, hours and the zone its clocks show."""

    hours: Hours = OFFICE
    days: Days = field(default_factory=Days)
    zone: tzinfo = SITE_ZONE
    # Spans of days already counted, as instants: hours, days and zone of a calendar never change.
    _known: dict[date, tuple[tuple[datetime, datetime], ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def always(self) -> Calendar:
        """The same place counted around the clock, for 24-hour items."""
        return Calendar(ALWAYS, self.days, self.zone)

    def spans(self, day: date) -> Spans:
        """Working hours of ``day``, in minutes since its midnight."""
        special = self.hours.special.get(day)
        if special is not None:
            return special
        if self.hours.workday == self.hours.day_off:
            return self.hours.workday
        return self.hours.workday if self.days.is_workday(day) else self.hours.day_off

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The first instant by which ``amount`` of working time has passed since ``start``, UTC.

        Work that ends with the day is due at closing time, not at the next opening. Nothing to wait for outside
        working time is due at the next opening.

        Raises:
            NeverOpen: no working time lies ahead.
            ValueError: ``start`` is naive or ``amount`` negative.
        """
        if amount < timedelta(0):
            raise ValueError("working time cannot be added backwards")
        left = amount
        for opens, closes in self._open_from(start):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        raise NeverOpen(start=start.isoformat(), days=FURTHEST)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """Working time from ``start`` to ``end``; nothing when ``end`` comes first."""
        total = timedelta(0)
        if end <= start:
            return total
        for opens, closes in self._open_from(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def unknown_years(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """Years touched from ``start`` to ``end`` whose holidays nobody has entered; the log says so once each."""
        if self.hours.workday == self.hours.day_off:
            return ()
        first, last = start.astimezone(self.zone).year, max(start, end).astimezone(self.zone).year
        unknown = tuple(year for year in range(first, last + 1) if not self.days.is_known(year))
        for year in unknown:
            warn_unknown(year)
        return unknown

    def _open_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working spans from ``start`` on, UTC, ascending, the first one cut at ``start``."""
        if start.tzinfo is None:
            raise ValueError(f"{start.isoformat()} has no zone")
        start = start.astimezone(UTC)
        first = start.astimezone(self.zone).date()
        for ahead in range(FURTHEST):
            for opens, closes in self._instants(first + timedelta(ahead)):
                if closes > start:
                    yield max(start, opens), closes

    def _instants(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """Working hours of ``day`` as instants, UTC."""
        found = self._known.get(day)
        if found is None:
            found = tuple((self._instant(day, opens), self._instant(day, closes)) for opens, closes in self.spans(day))
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[day] = found
        return found

    def _instant(self, day: date, minute: int) -> datetime:
        """Wall-clock ``minute`` of ``day`` at the site, UTC; minute 1440 is the next midnight."""
        if minute == DAY:
            day, minute = day + timedelta(1), 0
        return datetime.combine(day, time(minute // 60, minute % 60), self.zone).astimezone(UTC)


@lru_cache(maxsize=64)
def warn_unknown(year: int) -> str:
    """Log, once a year number, that its holidays are guessed; the answer is the sentence logged."""
    text = (
        f"the public holidays and make-up workdays of {year} are not known: counting Monday to Friday without the fixed "
        f"statutory holidays; enter the State Council's table for {year} or update chinesecalendar"
    )
    log.warning(text)
    return text


def overrides(rows: Iterable[Mapping[str, str]]) -> dict[date, bool]:
    """Override table from rows ``{"date": "2027-02-06", "kind": "work" | "off"}``.

    Raises:
        ValueError: a date that is none, another kind, or one date said twice in different ways.
    """
    table: dict[date, bool] = {}
    for row in rows:
        day, kind = date.fromisoformat(row["date"]), row["kind"]
        if kind not in {"work", "off"}:
            raise ValueError(f"{day}: a day is 'work' or 'off', not {kind!r}")
        if table.setdefault(day, kind == "work") != (kind == "work"):
            raise ValueError(f"{day} is said to be both worked and off")
    return table
