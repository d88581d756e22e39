"""Figures of billing on PostgreSQL: taking facts, closing a month, from a fact to the feed.

    python -m benchmarks.money                     about two minutes
    python -m benchmarks.money --facts 20000 --contracts 20
    python -m benchmarks.money --write            and keep what comes out in benchmarks/RESULTS.md

Ingest: batches of 500 over the application (everything but the socket), in turn with a raw batched insert of the same
rows into a table of the same shape. Close: every contract's month is drawn, then drawn again from its facts and compared
byte by byte.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2.extras
from sqlalchemy import insert, select
from werkzeug.test import Client

from benchmarks.__main__ import conditions, keep
from benchmarks.house.ground import postgres, quantile
from services.billing import store, tables
from services.billing.handlers import feeding, statements
from services.billing.handlers.contracts import put_contract_in_force
from services.billing.service import SERVICE
from shared import process, settings
from shared.clock import ManualClock
from shared.database import Database
from shared.service import Running
from shared.web import assembly
from shared.web.principal import Principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.test import TestResponse

NAME, TITLE = "money", "Billing: facts taken, months closed, from a fact to the feed"
NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BATCH = 500
TIERS = [
    {"up_to": "100", "unit_price": "85"}, {"up_to": "300", "unit_price": "78"}, {"up_to": None, "unit_price": "72"},
]  # fmt: skip


def a_service(url: str, folder: Path, contracts: int) -> Running:
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    running = Running(SERVICE, Database(url, statement_timeout_ms=60_000), loaded, ManualClock(NOON))
    SERVICE.metadata.create_all(running.database.engine)
    with running.work() as work:
        work.connection.execute(insert(tables.supplier), [{"code": "S", "name": "s", "name_en": "s", "short": "s"}])
        line = {"code": "B", "year": 2026, "name": "b", "name_en": "b", "amount": 10**9}
        work.connection.execute(insert(tables.budget_line), [line])
        for number in range(contracts):
            put_contract_in_force(
                work,
                {"ref": f"C-{number}", "supplier": "S", "budget_line": "B", "title": "t", "title_en": "t", "items": ["repair"],
                 "starts_on": date(2026, 1, 1), "ends_on": date(2027, 1, 1)},
                [{"version": 1, "starts_on": date(2026, 1, 1), "lines": [
                    {"item": "repair", "meter": "hours", "price": {"model": "graduated", "tiers": TIERS}},
                    {"item": "repair", "meter": "materials", "price": {"model": "multiplier", "multiplier": "1.08"}}]}],
            )  # fmt: skip
    return running


def headers(running: Running) -> dict[str, str]:
    person = Principal(account="f", name="f", roles=frozenset({"finance"}), role="finance", session="s", epoch=1, signed_in_at=NOON,
                       kind="api", organisation="cn/site", department="d", supplier="", crew="")  # fmt: skip
    token = assembly.signer(running.settings).sign(person, NOON, audience=["billing"])
    return {"Authorization": f"Bearer {token}"}


def items(first: int, count: int, contracts: int, chance: random.Random) -> list[dict[str, str]]:
    found = []
    contract = chance.randrange(contracts)
    for number in range(first, first + count):
        meter, unit = chance.choice((("hours", "hours"), ("materials", "yuan")))
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(24 * 86_400))
        found.append({"id": f"f{number}", "contract": f"C-{contract}", "item": "repair", "meter": meter, "unit": unit,
                      "quantity": f"{chance.randint(1, 900) / 100:.2f}", "service_at": at.isoformat()})  # fmt: skip
    return found


def raw(connection: psycopg2.extensions.connection, rows: list[tuple[object, ...]]) -> float:
    began = time.perf_counter()
    with connection, connection.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, f"INSERT INTO raw_fact VALUES {'%s'}", rows, page_size=BATCH)
    return time.perf_counter() - began


@dataclass
class Ground:
    """The service under measurement and what is beside it."""

    running: Running
    client: Client
    head: dict[str, str]
    bare: psycopg2.extensions.connection
    contracts: int
    chance: random.Random

    def post(self, source: str, facts: list[dict[str, str]]) -> TestResponse:
        body = json.dumps({"source": source, "facts": facts})
        return self.client.post("/billing/api/facts", data=body, content_type="application/json", headers=self.head)


def ingest(ground: Ground, count: int) -> Iterator[str]:
    """Batches of new facts, every fourth in turn with a raw insert of the same rows; then one again."""
    columns = ", ".join(column.name for column in tables.fact.columns)
    ours, limit, ratios, spent = [], [], [], []
    for number, start in enumerate(range(0, count, BATCH)):
        batch = items(start, BATCH, ground.contracts, ground.chance)
        began, processor = time.perf_counter(), time.process_time()
        answer = ground.post("bench", batch)
        spent.append(time.process_time() - processor)
        ours.append(time.perf_counter() - began)
        assert all(each["status"] == 201 for each in answer.json["results"]), answer.text[:500]
        if number % 4 == 0:
            ids = [each["fact_id"] for each in answer.json["results"]]
            with ground.running.database.read() as connection:
                kept = connection.exec_driver_sql(f"SELECT {columns} FROM fact WHERE fact_id = ANY(%s)", (ids,))
                limit.append(raw(ground.bare, [tuple(row) for row in kept]))
            ratios.append(limit[-1] / ours[-1])
    low, middle, high = (quantile(ratios, part) for part in (0.25, 0.5, 0.75))
    yield (
        f"ingest: {BATCH / statistics.median(ours):,.0f} facts/s in batches of {BATCH}, raw insert of the same rows "
        f"{BATCH / statistics.median(limit):,.0f}/s; ratio {middle:.2f} ({low:.2f}–{high:.2f}); "
        f"{statistics.median(spent) * 1000:.0f} ms of processor time a batch"
    )
    again = ground.post("bench", batch)
    assert all(each["status"] == 200 for each in again.json["results"])


def lag(ground: Ground, seconds: float) -> Iterator[str]:
    """From the post of a fact until it stands in the feed, at 100 a second."""
    lags = []
    for number in range(int(seconds * 100)):
        began = time.perf_counter()
        one = items(10**8 + number, 1, ground.contracts, ground.chance)
        ground.post("lag", one)
        with ground.running.database.read() as connection:
            last, _ = store.feed_head(connection, one[0]["contract"])
            assert store.feed(connection, one[0]["contract"], last - 1, 1)
        spent = time.perf_counter() - began
        lags.append(spent)
        time.sleep(max(0.0, 0.01 - spent))
    half, most = (quantile(lags, part) * 1000 for part in (0.5, 0.99))
    yield f"fact to feed at 100 a second: p50 {half:.1f} ms, p99 {most:.1f} ms"


def closing(ground: Ground, count: int) -> Iterator[str]:
    """Every contract's month is drawn, then drawn again from its facts and compared byte by byte."""
    running = ground.running
    running.clock = ManualClock(datetime(2026, 12, 2, tzinfo=UTC))
    began = time.perf_counter()
    for number in range(ground.contracts):
        with running.work() as work:
            statements.draw(work, f"C-{number}", "2026-11")
    took = time.perf_counter() - began
    began = time.perf_counter()
    with running.database.read() as connection:
        kept = {row.contract: row.document for row in connection.execute(select(tables.statement))}
        same = all(statements.redrawn(connection, ref, "2026-11") == text for ref, text in kept.items())
    yield (
        f"close: {count:,} facts of {len(kept)} contracts in {took:.1f} s; drawn again in {time.perf_counter() - began:.1f} s: "
        f"{'byte for byte the same' if same else 'NOT THE SAME'}"
    )


def pages(ground: Ground) -> Iterator[str]:
    """A page of the feed at its beginning and at its end."""
    for at_end in (False, True):
        took = []
        for _ in range(20):
            ref = f"C-{ground.chance.randrange(ground.contracts)}"
            with ground.running.database.read() as connection:
                last, _ = store.feed_head(connection, ref)
                place = max(0, last - 5) if at_end else 0
                cursor = feeding.write_place(ref, place, store.feed_head_at(connection, ref, place))
            began = time.perf_counter()
            ground.client.get(f"/billing/api/feed/{ref}?cursor={cursor}&limit=5", headers=ground.head)
            took.append(time.perf_counter() - began)
        yield f"feed page of 5 at the {'end' if at_end else 'beginning'}: {statistics.median(took) * 1000:.1f} ms"


@contextlib.contextmanager
def the_ground(contracts: int) -> Iterator[Ground]:
    with postgres() as url, tempfile.TemporaryDirectory() as folder:
        running = a_service(url, Path(folder), contracts)
        bare = psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
        with bare, bare.cursor() as cursor:
            cursor.execute("CREATE TABLE raw_fact (LIKE fact INCLUDING ALL)")
        yield Ground(running, Client(SERVICE.application(running)), headers(running), bare, contracts, random.Random(1))
        bare.close()
        running.database.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.money")
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--contracts", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10, help="how long facts come at 100 a second")
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/RESULTS.md")
    asked = parser.parse_args(arguments)
    before = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {before:.1f}", flush=True)
    said = []
    with the_ground(asked.contracts) as ground:
        for part in (
            ingest(ground, asked.facts),
            lag(ground, asked.seconds),
            closing(ground, asked.facts),
            pages(ground),
        ):
            for line in part:
                print(line, flush=True)
                said.append(f"* {line}")
    if asked.write:
        load = f"{before:.1f} → {os.getloadavg()[0]:.1f}"
        keep(NAME, f"## {TITLE}\n\n{conditions(load, short=False)}\n\n" + "\n".join(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
