"""The search for a free room: 34 rooms over four weeks, full calendars, a year of past bookings beside.

Each room has eight bookings on each of 28 days, 7,616 in all, and as many in each four weeks of the year before.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from benchmarks.house import ground
from services.requests import tables
from services.requests.bookings import model, store
from services.requests.compound import load_compound
from shared.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BEGIN = datetime(2026, 11, 30, 23, tzinfo=UTC)  # Monday 7:00 at the site
DAYS, A_DAY = 28, 8
ROUNDS, WEEKS_BEFORE = 200, 52
LIMIT = 10  # milliseconds of database time


def _rows(resources: Sequence[model.Resource], first_day: int, days: int) -> Iterator[dict[str, Any]]:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    for resource in resources:
        for day in range(days):
            for slot in range(A_DAY):
                start = BEGIN + timedelta(days=first_day + day, minutes=30 + 105 * slot)
                begins, ends = resource.claim(start, start + timedelta(minutes=45))
                yield {
                    "id": f"{resource.number}-{first_day + day}-{slot}", "version": 1, "resource": resource.number, "state": "booked",
                    "starts_at": start, "ends_at": start + timedelta(minutes=45), "claimed_from": begins, "claimed_until": ends,
                    "account": "a", "name": "", "name_en": "", "department": "", "organisation": "", "made_by": "", "subject": "x",
                    "headcount": 4, "equipment": "", "details": "", "level": "", "series": "", "until": None, "checked_in_at": None,
                    "made_at": made, "changed_at": made, "reason": "",
                }  # fmt: skip


def _measured(
    database: Database, resources: Sequence[model.Resource], rounds: int
) -> tuple[list[float], list[float], int]:
    """Seconds of the query with its rows read, of the whole search, and how many claims were found."""
    numbers = [each.number for each in resources]
    queries, searches, claims = [], [], 0
    latest = BEGIN + timedelta(days=DAYS)
    for _ in range(rounds):
        began = time.perf_counter()
        with database.read() as connection:
            inside = time.perf_counter()
            busy = store.claims(connection, numbers, BEGIN - timedelta(days=1), latest + timedelta(days=4))
            queries.append(time.perf_counter() - inside)
        for each in resources:
            next(model.free_starts(each, busy[each.number], BEGIN, latest, timedelta(hours=1)), None)
        searches.append(time.perf_counter() - began)
        claims = sum(map(len, busy.values()))
    return queries, searches, claims


def _executed(database: Database, resources: Sequence[model.Resource]) -> float:
    """What PostgreSQL itself says the query of the search takes, in milliseconds: the median of nine."""
    text = (
        "EXPLAIN (ANALYZE, FORMAT JSON) SELECT resource, claimed_from, claimed_until FROM booking WHERE resource = ANY(%s) AND claimed_until > %s"
        " AND claimed_until < %s AND claimed_from < %s AND state IN ('offered', 'pending', 'booked', 'in_use')"
    )
    begin, end = BEGIN - timedelta(days=1), BEGIN + timedelta(days=DAYS + 4)
    values = ([each.number for each in resources], begin, end + store.LONGEST_CLAIM, end)
    with database.read() as connection:
        return statistics.median(
            connection.exec_driver_sql(text, values).scalar_one()[0]["Execution Time"] for _ in range(9)
        )


def run(scale: ground.Scale) -> str:
    """The figure as Markdown.

    Raises:
        Unmeasured: PostgreSQL is absent.
    """
    rounds, weeks = (ROUNDS, WEEKS_BEFORE) if scale.pairs > 3 else (20, 4)
    with ExitStack() as stack:
        database = Database(stack.enter_context(ground.postgres()))
        stack.callback(database.close)
        tables.metadata.create_all(database.engine)
        with database.write() as connection:
            store.settle_resources(connection, load_compound().places)
            rooms = store.resources(connection, "room")
            for week in range(-weeks, 0):
                connection.execute(insert(tables.booking), list(_rows(rooms, 7 * week - 7, 7)))
            connection.execute(insert(tables.booking), list(_rows(rooms, 0, DAYS)))
            connection.exec_driver_sql("ANALYZE booking")
        queries, searches, claims = _measured(database, rooms, rounds)
        inside = _executed(database, rooms)
    lines = [
        f"{len(rooms)} rooms, {claims:,} claims in the four weeks and the days around them, {weeks} weeks of bookings before; {rounds} searches.", "",
        "| | median ms | p95 ms |", "| --- | --- | --- |",
        *(
            f"| {name} | {statistics.median(each) * 1000:.1f} | {ground.quantile(each, 0.95) * 1000:.1f} |"
            for name, each in (("the query, its rows read", queries), ("the whole search", searches))
        ),
        "", f"Inside PostgreSQL the query takes {inside:.1f} ms (EXPLAIN ANALYZE, median of 9; goal: at most {LIMIT} ms of database time; "
        f"{'met' if inside <= LIMIT else '**missed**'}).",
    ]  # fmt: skip
    return "\n".join(lines)
