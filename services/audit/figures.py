"""What the log itself says about the days: filed, finished, late; what is open; what needs an eye."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from services.audit import store, things
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


def total(connection: Connection, fact: str, reads: Reads = EVERYTHING) -> int:
    """How many entries of a fact the log holds, in all its versions, of those that may be read."""
    scope, more = reads.where()
    sql = Sql(f"SELECT count(*) FROM log_entry e WHERE e.type >= :fact AND e.type < :beyond{scope}")
    return int(sql.run(connection, fact=f"{fact}.v", beyond=f"{fact}.w", **more).scalar_one())


def backlog(connection: Connection, reads: Reads = EVERYTHING) -> int:
    """Work orders that were opened and neither finished nor cancelled, as far as the log may be read."""
    opened, finished, cancelled = (total(connection, fact, reads) for fact in (OPENED, FINISHED, CANCELLED))
    return max(0, opened - finished - cancelled)


AGES = (1, 3, 7, 28)  # days: open work orders are counted by the first of these that they are younger than
WEEKS = 12
KEPT = tuple(
    f'"{each}_kept":' for each in ("response", "arrival", "finish")
)  # in a canonical leaf, whose keys are sorted

_OPEN = {"opened": OPENED, "finished": FINISHED, "cancelled": CANCELLED}


_lately: dict[tuple[str, Reads], tuple[datetime, list[int]]] = {}
ANEW = timedelta(minutes=1)
MOST_LATELY = 1_000


def open_by_age_lately(connection: Connection, now: datetime, reads: Reads = EVERYTHING) -> list[int]:
    """As ``open_by_age`` less than a minute ago: a page that is open looks again each time the log has grown."""
    place = str(connection.engine.url), reads
    at, found = _lately.get(place, (None, []))
    if at is None or not timedelta(0) <= now - at < ANEW:
        found = open_by_age(connection, now, reads)
        if len(_lately) >= MOST_LATELY:
            _lately.clear()
        _lately[place] = now, found
    return found


def open_by_age(connection: Connection, now: datetime, reads: Reads = EVERYTHING) -> list[int]:
    """How many work orders are open that were opened less than each of ``AGES`` days ago, and how many before.

    Orders of the last days are looked at one by one; whatever else is open, by the totals, is older.
    """
    first = first_since(connection, now - timedelta(days=AGES[-1]), store.count(connection))
    scope, more = reads.where()
    of = {name: f"(e.type >= :{name} AND e.type < :beyond_{name})" for name in _OPEN}
    sql = Sql(
        f"""SELECT max(CASE WHEN {of["opened"]} THEN e.received_at END) FROM log_entry e
            WHERE e.seq >= :first AND ({" OR ".join(of.values())}){scope} GROUP BY e.subject
            HAVING max(CASE WHEN {of["opened"]} THEN e.seq END) > coalesce(max(CASE WHEN {of["opened"]} THEN NULL ELSE e.seq END), -1)"""
    )
    names = {name: f"{fact}.v" for name, fact in _OPEN.items()} | {
        f"beyond_{name}": f"{fact}.w" for name, fact in _OPEN.items()
    }
    found = [0] * (len(AGES) + 1)
    for (opened,) in sql.run(connection, first=first, **names, **more):
        at = as_moment(opened)
        assert at is not None
        days = (now - at) / timedelta(days=1)
        found[next((place for place, age in enumerate(AGES) if days < age), len(AGES))] += 1
    found[-1] = max(found[-1], backlog(connection, reads) - sum(found[:-1]))
    return found


Kept = dict[str, tuple[int, int]]  # by side: promises kept, promises made

_past: dict[tuple[str, Reads, date], Kept] = {}  # weeks that nothing is received in any more, by database and scope
MOST_PAST = 5_000
WORDS = {f"{word}{place}": f"{key}{word}" for place, key in enumerate(KEPT) for word in ("true", "false")} | {
    "outside": '"supplier":"', "inside": '"supplier":""',
}  # fmt: skip
_HOLDS = {"sqlite": "instr(e.leaf, CAST(:{} AS BLOB)) > 0", "postgresql": "position(convert_to(:{}, 'UTF8') in e.leaf) > 0"}  # fmt: skip


@lru_cache(maxsize=64)
def _counted(scope: str) -> Sql:
    """Of finished work between two entries: who did it, and how many promises of each kind were kept and broken."""

    def text(holds: str) -> str:
        has = holds.format
        kept = ", ".join(f"sum(CASE WHEN {has(name)} THEN 1 ELSE 0 END)" for name in WORDS if name[-1].isdigit())
        return f"""SELECT CASE WHEN {has("outside")} AND NOT {has("inside")} THEN 1 ELSE 0 END, {kept} FROM log_entry e
            WHERE e.type >= :fact AND e.type < :beyond_fact AND e.seq >= :first AND e.seq < :beyond{scope} GROUP BY 1"""

    return Sql(text(_HOLDS["sqlite"]), postgresql=text(_HOLDS["postgresql"]))


def kept_by_week(connection: Connection, today: date, reads: Reads = EVERYTHING) -> list[tuple[date, Kept]]:
    """Of each of the last weeks, by its Monday: promises kept and promises made of what was finished, by who did the work.

    ``own`` are crews of the office, ``supplier`` those of suppliers. The leaves are asked as they are, without being read:
    a key with its quotation marks stands in canonical JSON nowhere but as a key. Weeks that are over are counted once.
    """
    url, size = str(connection.engine.url), store.count(connection)
    whole = reads == EVERYTHING or things.reach(connection) == size  # a scope is asked of the index of things
    this = today - timedelta(days=today.weekday())
    found = []
    for monday in (this - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)):
        kept = _past.get((url, reads, monday))
        if kept is None:
            first = first_since(connection, midnight(monday), size)
            beyond = first_since(connection, midnight(monday + timedelta(weeks=1)), size)
            kept = _kept(connection, first, beyond, reads)
            if whole and monday < this - timedelta(weeks=1):
                if len(_past) >= MOST_PAST:
                    _past.clear()
                _past[url, reads, monday] = kept
        found.append((monday, kept))
    return found


def _kept(connection: Connection, first: int, beyond: int, reads: Reads) -> Kept:
    """Promises kept and made of the work that entries ``first`` to ``beyond`` finish, by who did it."""
    scope, more = reads.where()
    found = {"own": (0, 0), "supplier": (0, 0)}
    for outside, *counts in _counted(scope).run(
        connection, first=first, beyond=beyond, fact=f"{FINISHED}.v", beyond_fact=f"{FINISHED}.w", **WORDS, **more
    ):
        kept, broken = sum(map(int, counts[::2])), sum(map(int, counts[1::2]))
        found["supplier" if outside else "own"] = kept, kept + broken
    return found


MOST_COMPLAINTS = 2_000
COMPLAINED = "requests.complaint_opened"
_COMPLAINTS = """SELECT e.leaf FROM log_entry e WHERE e.type >= :fact AND e.type < :beyond AND e.seq >= :first{}
    ORDER BY e.seq DESC LIMIT :limit"""


def complaints_by_item(connection: Connection, today: date, reads: Reads = EVERYTHING) -> list[tuple[str, int]]:
    """How many complaints of the last weeks were about each item, the most first; of all the newest ``MOST_COMPLAINTS``."""
    begin = midnight(today - timedelta(days=today.weekday(), weeks=WEEKS - 1))
    scope, more = reads.where()
    rows = Sql(_COMPLAINTS.format(scope)).run(
        connection, first=first_since(connection, begin, store.count(connection)), fact=f"{COMPLAINED}.v",
        beyond=f"{COMPLAINED}.w", limit=MOST_COMPLAINTS, **more,
    )  # fmt: skip
    items = Counter(str(json.loads(bytes(leaf))["data"].get("item", "")) for (leaf,) in rows)
    return sorted(items.items(), key=lambda row: (-row[1], row[0]))


def size_at(connection: Connection, moment: datetime) -> int:
    """How many entries had been received before ``moment``."""
    return first_since(connection, moment, store.count(connection))
