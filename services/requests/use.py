"""How rooms, vehicles and appointments are used, and what of quotas is left: figures of a month, bounded by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from services.requests import hours, quotas, tables
from services.requests.bookings import store as bookings
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from services.requests.bookings.model import Resource

USED = ("booked", "in_use", "ended")
LONGEST = timedelta(days=4)  # of one booking, with its buffers


@dataclass(frozen=True)
class Use:
    """One resource in a month.

    Attributes:
        minutes: booked, without set-up and clean-down.
        share: of the site's working time in the month; None where there was none.
        seats: of those paid for by its size, how many were wanted; None where nobody said how many came.
        lost: minutes that were released because nobody came.
    """

    resource: Resource
    bookings: int
    minutes: int
    share: float | None
    seats: float | None
    no_shows: int
    lost: int


@dataclass(frozen=True)
class Left:
    """A quota's holder in a period, against the period before."""

    quota: quotas.Quota
    holder: str
    used: int
    before: int

    @property
    def saved(self) -> int:
        """What is left of it."""
        return max(self.quota.most - self.used, 0)


def month_of(text: str, today: date) -> date:
    """The first day of a month written ``2026-11``; of this one where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=SITE_ZONE).date()
    except ValueError:
        return today.replace(day=1)


def next_month(first: date) -> date:
    """The first day of the month after."""
    return (first + timedelta(days=32)).replace(day=1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SITE_ZONE)


def of_month(connection: Connection, kind: str, first: date) -> list[Use]:
    """Every resource of a kind in the month that begins on ``first``, the most used first."""
    begin, end = _midnight(first), _midnight(next_month(first))
    resources = bookings.resources(connection, kind)
    booking = tables.booking.c
    query = select(booking.resource, booking.state, booking.starts_at, booking.ends_at, booking.headcount).where(
        booking.resource.in_([each.number for each in resources]),
        booking.claimed_until > begin,
        booking.claimed_until < end + LONGEST,
        booking.starts_at < end,
        booking.state.in_((*USED, "released")),
    )
    found: dict[int, list[tuple[str, int, int]]] = {each.number: [] for each in resources}
    for resource, state, starts_at, ends_at, headcount in connection.execute(query):
        minutes = int((min(ends_at, end) - max(starts_at, begin)).total_seconds() // 60)
        if minutes > 0:
            found[resource].append((state, minutes, headcount))
    working = int(hours.SITE.between(begin, end).total_seconds() // 60)
    rows = [_use(each, found[each.number], working) for each in resources]
    return sorted(rows, key=lambda use: (-use.minutes, use.resource.number))


def _use(resource: Resource, found: Iterable[tuple[str, int, int]], working: int) -> Use:
    used = [(minutes, people) for state, minutes, people in found if state in USED]
    lost = [minutes for state, minutes, _ in found if state == "released"]
    counted = [people for _, people in used if people]
    minutes = sum(each for each, _ in used)
    return Use(
        resource=resource, bookings=len(used), minutes=minutes, share=100 * minutes / working if working else None,
        seats=100 * sum(counted) / (len(counted) * resource.capacity) if counted and resource.capacity else None,
        no_shows=len(lost), lost=sum(lost),
    )  # fmt: skip


def quotas_left(connection: Connection, day: date, most: int = 60) -> list[Left]:
    """Quotas with their holders in the periods that the day lies in, those nearest to their end first."""
    found: list[Left] = []
    for rule in quotas.all_quotas(connection):
        now, earlier = quotas.period_of(rule.period, day), quotas.period_of(rule.period, _before(rule.period, day))
        periods = {
            now: quotas.used_by(connection, rule.item, day),
            earlier: quotas.used_by(connection, rule.item, _before(rule.period, day)),
        }
        used = {
            period: {holder: count for holder, of, count in rows if of == period} for period, rows in periods.items()
        }
        holders = [rule.holder] if rule.holder else list(used[now])
        found += [Left(rule, each, used[now].get(each, 0), used[earlier].get(each, 0)) for each in holders]
    return sorted(found, key=lambda left: left.saved / left.quota.most)[:most]


def _before(period: str, day: date) -> date:
    """A day of the period before."""
    if period == "year":
        return date(day.year - 1, 12, 31)
    month = day.month - (day.month - 1) % 3 if period == "quarter" else day.month
    return date(day.year, month, 1) - timedelta(days=1)
