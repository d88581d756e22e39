"""What the log itself says about the days: filed, finished, late; what is open; what needs an eye."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from services.audit import store
from services.audit.bodies import EVERYTHING
from services.audit.wording import fact_of
from shared.clock import SITE_ZONE
from shared.database import Sql, as_moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.audit.bodies import Reads

DAYS = 14
FILED, FINISHED, LATE = "requests.request_filed", "dispatch.work_order_finished", "dispatch.promise_breached"
OPENED, CANCELLED = "dispatch.work_order_opened", "dispatch.work_order_cancelled"
# What a supervisor looks at first, by fact.
UNUSUAL = (
    "requests.request_reopened",
    "dispatch.work_order_refused",
    "audit.conflict_noticed",
    "requests.security_noticed",
)

_RECEIVED = Sql("SELECT received_at FROM log_entry WHERE seq = :seq")
_OF_TYPES = Sql("SELECT count(*) FROM log_entry WHERE type >= :fact AND type < :beyond")


def midnight(day: date) -> datetime:
    """The beginning of a day at the site."""
    return datetime.combine(day, time(tzinfo=SITE_ZONE))


def first_since(connection: Connection, moment: datetime, size: int) -> int:
    """Number of the first entry received at or after ``moment``; entries are received in their order."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        row = _RECEIVED.run(connection, seq=middle).first()
        at = as_moment(row[0]) if row else None
        if at is not None and at < moment:
            low = middle + 1
        else:
            high = middle
    return low


def by_day(
    connection: Connection, last: date, size: int, days: int = DAYS, reads: Reads = EVERYTHING
) -> dict[date, dict[str, int]]:
    """How many entries of each fact were received on each day up to ``last``."""
    first = first_since(connection, midnight(last - timedelta(days=days - 1)), size)
    beyond = first_since(connection, midnight(last + timedelta(days=1)), size)
    scope, more = reads.where()
    sql = Sql(
        f"""SELECT date(e.received_at, '+8 hours') AS day, e.type, count(*) FROM log_entry e
            WHERE e.seq >= :first AND e.seq < :beyond{scope} GROUP BY 1, 2""",
        postgresql=f"""SELECT CAST(e.received_at AT TIME ZONE 'Asia/Shanghai' AS date) AS day, e.type, count(*)
            FROM log_entry e WHERE e.seq >= :first AND e.seq < :beyond{scope} GROUP BY 1, 2""",
    )
    found: dict[date, dict[str, int]] = {last - timedelta(days=back): {} for back in range(days - 1, -1, -1)}
    for day, type_, count in sql.run(connection, first=first, beyond=beyond, **more):
        on = date.fromisoformat(day) if isinstance(day, str) else day
        if on in found:
            fact = fact_of(type_)
            found[on][fact] = found[on].get(fact, 0) + int(count)
    return found


def total(connection: Connection, fact: str) -> int:
    """How many entries of a fact the log holds, in all its versions."""
    return int(_OF_TYPES.run(connection, fact=f"{fact}.v", beyond=f"{fact}.w").scalar_one())


def backlog(connection: Connection) -> int:
    """Work orders that were opened and neither finished nor cancelled, as the log knows it."""
    return max(0, total(connection, OPENED) - total(connection, FINISHED) - total(connection, CANCELLED))


def size_at(connection: Connection, moment: datetime) -> int:
    """How many entries had been received before ``moment``."""
    return first_since(connection, moment, store.head(connection).size)
