"""Calendar facts of a zone: instants, months, days, hours. Everything is half-open: from is in, until is not."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from services.billing.pricing.exact import shown
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from datetime import tzinfo

CONTRACT_ZONE = "Asia/Shanghai"  # unless the contract says otherwise

# Years outside are typing errors, and near the ends of datetime's own range a change of zone overflows.
FIRST_YEAR, LAST_YEAR = 1900, 2199

_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_LOCAL = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}\Z")
_INSTANT = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})\Z")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])\Z")
_MICROSECOND = timedelta(microseconds=1)


def read_zone(name: object, field: str = "timezone") -> ZoneInfo:
    """The zone of that IANA name.

    Raises:
        PricingRefused: ``unknown_zone``.
    """
    found = _zone(name) if isinstance(name, str) else None
    if found is None:
        raise PricingRefused("unknown_zone", f"there is no time zone {shown(name)}", field)
    return found


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}", name) or name in {"localtime", "Factory"}:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # a folder, a file that is no zone, no such key
        return None


def read_day(text: object, field: str = "") -> date:
    """The date that ``2026-03-31`` names."""
    if not isinstance(text, str) or not _DAY.match(text):
        raise PricingRefused("not_a_date", f"{shown(text)} is not a date like 2026-03-31", field)
    try:
        found = date.fromisoformat(text)
    except ValueError as fault:
        raise PricingRefused("not_a_date", f"{text} is not in the calendar", field) from fault
    _check_year(found.year, field)
    return found


def read_instant(text: object, field: str = "") -> datetime:
    """The moment that ``2026-03-31T15:00:00Z`` names, in UTC.

    Raises:
        PricingRefused: ``not_a_time`` also when the offset is missing: such a time names a different moment in each zone.
    """
    if not isinstance(text, str) or not _INSTANT.match(text):
        raise PricingRefused(
            "not_a_time", f"{shown(text)} is not a time with an offset like 2026-03-31T15:00:00Z", field
        )
    try:
        found = datetime.fromisoformat(text)
        _check_year(found.year, field)
        return found.astimezone(UTC)
    except ValueError as fault:
        if isinstance(fault, PricingRefused):
            raise
        raise PricingRefused("not_a_time", f"{text} is not on the clock or in the calendar", field) from fault


def read_local(text: object, zone: tzinfo, field: str = "") -> datetime:
    """The moment that a wall clock in ``zone`` calls ``2026-02-01T00:00:00``, in UTC.

    An hour that the clock shows twice is its first occurrence. A time that the clock skips is refused, except the very
    first one skipped: a day that starts with a skipped hour still has a start, the moment of the change.

    Raises:
        PricingRefused: ``not_a_time``, or ``skipped_time``.
    """
    if isinstance(text, str) and _DAY.match(text):
        text = f"{text}T00:00:00"
    if not isinstance(text, str) or not _LOCAL.match(text):
        raise PricingRefused("not_a_time", f"{shown(text)} is not a local time like 2026-02-01T00:00:00", field)
    try:
        naive = datetime.fromisoformat(text)
    except ValueError as fault:
        raise PricingRefused("not_a_time", f"{text} is not on the clock or in the calendar", field) from fault
    _check_year(naive.year, field)
    found = naive.replace(tzinfo=zone).astimezone(UTC)
    before = (found - _MICROSECOND).astimezone(zone).replace(tzinfo=None)
    if found.astimezone(zone).replace(tzinfo=None) != naive and before != naive - _MICROSECOND:
        raise PricingRefused("skipped_time", f"clocks in {zone} skip {text}", field)
    return found


def read_month(text: object, field: str = "") -> str:
    """A month like ``2026-03``."""
    if not isinstance(text, str) or not _MONTH.match(text):
        raise PricingRefused("not_a_month", f"{shown(text)} is not a month like 2026-03", field)
    _check_year(int(text[:4]), field)
    return text


def _check_year(year: int, field: str) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise PricingRefused("out_of_range", f"years lie between {FIRST_YEAR} and {LAST_YEAR}", field)


def month_of(at: datetime, zone: tzinfo) -> str:
    """The month on the wall of ``zone`` at that moment, like ``2026-03``."""
    local = at.astimezone(zone)
    return f"{local.year:04d}-{local.month:02d}"


def month_days(month: str) -> tuple[date, date]:
    """First day of the month and first day of the next."""
    year, number = int(month[:4]), int(month[5:])
    return date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)


def days_between(since: date, until: date, field: str = "to") -> int:
    """Days of the half-open range.

    Raises:
        PricingRefused: it ends before it starts.
    """
    if until < since:
        raise PricingRefused("backwards", f"{until} lies before {since}", field)
    return (until - since).days


def hours_between(since: datetime, until: datetime, field: str = "to") -> Fraction:
    """Hours that really pass between two moments, whatever the clocks on the wall do.

    Raises:
        PricingRefused: the range ends before it starts.
    """
    if until < since:
        raise PricingRefused("backwards", "the range ends before it starts", field)
    return seconds(until - since) / 3600


def seconds(span: timedelta) -> Fraction:
    """``span`` without loss."""
    return Fraction(span // _MICROSECOND, 1_000_000)
