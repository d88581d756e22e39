"""``python -m benchmarks.rooms URL`` measures the search for a free room: 34 rooms over four weeks, full calendars.

Each room has 8 bookings on each of 28 days, 7,616 in all, and as many in the past for each ``--history``. Printed are the
median and the 95th percentile of the database's part (one query, rows read) and of the whole search, in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from services.requests import tables
from services.requests.bookings import model, store
from services.requests.compound import load_compound
from shared.database import Database

BEGIN = datetime(2026, 11, 30, 23, tzinfo=UTC)  # Monday 7:00 at the site
DAYS, A_DAY = 28, 8


def rows(resources, first_day, days):
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


def measured(database, resources, rounds):
    numbers = [each.number for each in resources]
    queries, searches = [], []
    latest = BEGIN + timedelta(days=DAYS)
    for _ in range(rounds):
        began = time.perf_counter()
        with database.read() as connection:
            inside = time.perf_counter()
            busy = store.claims(connection, numbers, BEGIN - timedelta(days=1), latest + timedelta(days=4))
            queries.append((time.perf_counter() - inside) * 1000)
        for each in resources:
            next(model.free_starts(each, busy[each.number], BEGIN, latest, timedelta(hours=1)), None)
        searches.append((time.perf_counter() - began) * 1000)
    return queries, searches, sum(map(len, busy.values()))


def executed(database, resources):
    """What PostgreSQL itself says the query of the search takes, in milliseconds."""
    found = []
    text = (
        "EXPLAIN (ANALYZE, FORMAT JSON) SELECT resource, claimed_from, claimed_until FROM booking WHERE resource = ANY(%s) AND claimed_until > %s"
        " AND claimed_until < %s AND claimed_from < %s AND state IN ('offered', 'pending', 'booked', 'in_use')"
    )
    begin, end = BEGIN - timedelta(days=1), BEGIN + timedelta(days=DAYS + 4)
    with database.read() as connection:
        for _ in range(9):
            values = ([each.number for each in resources], begin, end + store.LONGEST_CLAIM, end)
            plan = connection.exec_driver_sql(text, values).scalar_one()
            found.append(plan[0]["Execution Time"])
    return statistics.median(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--history", type=int, default=0, help="weeks of past bookings beside")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(options.url or f"sqlite:///{folder}/rooms.db")
        tables.metadata.create_all(database.engine)
        with database.write() as connection:
            store.settle_resources(connection, load_compound().places)
            rooms = store.resources(connection, "room")
            connection.execute(insert(tables.booking), list(rows(rooms, 0, DAYS)))
            if options.history:
                for week in range(options.history):
                    connection.execute(insert(tables.booking), list(rows(rooms, -7 * (week + 1) - 7, 7)))
            if not database.is_sqlite:
                connection.exec_driver_sql("ANALYZE booking")
        queries, searches, found = measured(database, rooms, options.rounds)
        if not database.is_sqlite:
            print(f"execution time in PostgreSQL (EXPLAIN ANALYZE, median of 9): {executed(database, rooms):.2f} ms")
        for name, figures in (("query", queries), ("search", searches)):
            high = statistics.quantiles(figures, n=20)[-1]
            print(
                f"{name}: median {statistics.median(figures):.2f} ms, p95 {high:.2f} ms ({len(rooms)} rooms, {found} claims)"
            )
        database.close()


if __name__ == "__main__":
    main()
