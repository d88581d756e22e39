"""Figures of billing on PostgreSQL: taking facts, closing a month, from a fact to the feed.

    python -m benchmarks.money                     about two minutes
    python -m benchmarks.money --facts 20000 --contracts 20

Ingest: batches of 500 over the application (everything but the socket), in turn with a raw batched insert of the same
rows into a table of the same shape. Close: every contract's month is drawn, then drawn again from its facts and compared
byte by byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg2.extras
from sqlalchemy import insert, select
from werkzeug.test import Client

from benchmarks.house.ground import postgres, quantile
from services.billing import store, tables
from services.billing.handlers import statements
from services.billing.handlers.contracts import put_contract_in_force
from services.billing.service import SERVICE
from shared import process, settings
from shared.clock import ManualClock
from shared.database import Database
from shared.service import Running
from shared.web import assembly
from shared.web.principal import Principal

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


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.money")
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--contracts", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10, help="how long facts come at 100 a second")
    asked = parser.parse_args(arguments)
    chance = random.Random(1)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with postgres() as url, tempfile.TemporaryDirectory() as folder:
        running = a_service(url, Path(folder), asked.contracts)
        client, head = Client(SERVICE.application(running)), headers(running)
        bare = psycopg2.connect(url.replace("postgresql+psycopg2", "postgresql"))
        with bare, bare.cursor() as cursor:
            cursor.execute("CREATE TABLE raw_fact (LIKE fact INCLUDING ALL)")
        columns = [column.name for column in tables.fact.columns]
        ours, limit = [], []
        for start in range(0, asked.facts, BATCH):
            batch = items(start, BATCH, asked.contracts, chance)
            body = json.dumps({"source": "bench", "facts": batch})
            began = time.perf_counter()
            answer = client.post("/billing/api/facts", data=body, content_type="application/json", headers=head)
            ours.append(time.perf_counter() - began)
            assert all(each["status"] == 201 for each in answer.json["results"]), answer.text[:500]
            if start % (BATCH * 4) == 0:
                ids = [each["fact_id"] for each in answer.json["results"]]
                with running.database.read() as connection:
                    kept = connection.exec_driver_sql(
                        f"SELECT {', '.join(columns)} FROM fact WHERE fact_id = ANY(%s)", (ids,)
                    )
                    limit.append(raw(bare, [tuple(row) for row in kept]))
        rate, most = BATCH / statistics.median(ours), BATCH / statistics.median(limit)
        print(
            f"ingest: {rate:,.0f} facts/s in batches of {BATCH}; raw insert of the same rows {most:,.0f}/s; ratio {rate / most:.2f}"
        )
        again = client.post("/billing/api/facts", data=body, content_type="application/json", headers=head)
        assert all(each["status"] == 200 for each in again.json["results"])

        lags = []
        for number in range(int(asked.seconds * 100)):
            began = time.perf_counter()
            one = items(10**8 + number, 1, asked.contracts, chance)
            client.post("/billing/api/facts", json={"source": "lag", "facts": one}, headers=head)
            with running.database.read() as connection:
                last, _ = store.feed_head(connection, one[0]["contract"])
                assert store.feed(connection, one[0]["contract"], last - 1, 1)
            spent = time.perf_counter() - began
            lags.append(spent)
            time.sleep(max(0.0, 0.01 - spent))
        print(
            f"fact to feed at 100 a second: p50 {quantile(lags, 0.5) * 1000:.1f} ms, p99 {quantile(lags, 0.99) * 1000:.1f} ms"
        )

        running.clock = ManualClock(datetime(2026, 12, 2, tzinfo=UTC))
        began = time.perf_counter()
        for number in range(asked.contracts):
            with running.work() as work:
                statements.draw(work, f"C-{number}", "2026-11")
        closing = time.perf_counter() - began
        began = time.perf_counter()
        with running.database.read() as connection:
            kept = {row.contract: row.document for row in connection.execute(select(tables.statement))}
            same = all(statements.redrawn(connection, ref, "2026-11") == text for ref, text in kept.items())
        print(f"close: {asked.facts:,} facts of {len(kept)} contracts in {closing:.1f} s; drawn again in {time.perf_counter() - began:.1f} s: "
              f"{'byte for byte the same' if same else 'NOT THE SAME'}")  # fmt: skip

        for size in (0, 1):
            took = []
            for _ in range(20):
                ref = f"C-{chance.randrange(asked.contracts)}"
                with running.database.read() as connection:
                    last, _ = store.feed_head(connection, ref)
                after = max(0, last - 5) if size else 0
                began = time.perf_counter()
                client.get(f"/billing/api/feed/{ref}?after={after}&limit=5", headers=head)
                took.append(time.perf_counter() - began)
            print(f"feed page of 5 at the {'end' if size else 'beginning'}: {statistics.median(took) * 1000:.1f} ms")
        bare.close()
        running.database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
