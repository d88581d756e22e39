"""Facts each delivered one to five times, shuffled, while the process that takes them is killed: the statements are the same to the fen.

    python -m benchmarks.redelivery                                     100,000 facts of 100 contracts, 20 kills
    python -m benchmarks.redelivery --facts 5000 --contracts 20 --kills 5
    python -m benchmarks.redelivery --write             and keep what comes out in benchmarks/RESULTS.md

One database takes every fact once, in order; the other takes the shuffled deliveries in batches of 500 from a process that is
ended by SIGKILL at random moments and started again some batches before where it was. Then every month is closed on both, and
the canonical texts of all statements are compared. No delivery may be answered otherwise than 200 or 201.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from werkzeug.test import Client

from benchmarks.__main__ import conditions, keep
from benchmarks.house.ground import postgres
from benchmarks.money import BATCH, NOON, a_service, headers
from services.billing import tables
from services.billing.handlers import statements
from services.billing.service import SERVICE
from shared import process, settings
from shared.clock import ManualClock
from shared.database import Database
from shared.service import Running

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 5  # deliveries of one fact
NAME, TITLE = "redelivery", "Billing: facts delivered again and again, the process killed"


def facts(count: int, contracts: int, seed: int) -> list[dict[str, str]]:
    """The facts, in order."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        meter, unit = chance.choice((("hours", "hours"), ("materials", "yuan")))
        at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(24 * 86_400))
        found.append({"id": f"f{number}", "contract": f"C-{chance.randrange(contracts)}", "item": "repair", "meter": meter, "unit": unit,
                      "quantity": f"{chance.randint(1, 900) / 100:.2f}", "service_at": at.isoformat()})  # fmt: skip
    return found


def deliveries(count: int, contracts: int, seed: int) -> list[list[dict[str, str]]]:
    """Every fact one to five times, shuffled, in batches."""
    chance = random.Random(seed + 1)
    every = [fact for fact in facts(count, contracts, seed) for _ in range(chance.randint(1, MOST))]
    chance.shuffle(every)
    return [every[start : start + BATCH] for start in range(0, len(every), BATCH)]


def again(url: str, folder: Path) -> Running:
    """The service on a database that is there."""
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    return Running(SERVICE, Database(url, statement_timeout_ms=60_000), loaded, ManualClock(NOON))


def take(running: Running, batches: list[list[dict[str, str]]], first: int = 0, *, tell: bool = False) -> None:
    """Deliver batches from ``first`` on over the application; each fact is answered 200 or 201."""
    client, head = Client(SERVICE.application(running)), headers(running)
    for number, batch in enumerate(batches[first:], first):
        answer = client.post("/billing/api/facts", json={"source": "bench", "facts": batch}, headers=head)
        if answer.status_code != 200 or any(each["status"] not in {200, 201} for each in answer.json["results"]):
            raise SystemExit(f"batch {number}: {answer.text[:500]}")
        if tell:
            print(number, flush=True)


def killed(url: str, folder: Path, asked: argparse.Namespace) -> tuple[int, int]:
    """Deliver everything from a process that is killed; how often it was, and how many batches were delivered again."""
    chance = random.Random(asked.seed + 2)
    command = [sys.executable, "-m", "benchmarks.redelivery", "--facts", str(asked.facts), "--contracts", str(asked.contracts),
               "--seed", str(asked.seed), "--worker", url, "--folder", str(folder)]  # fmt: skip
    whole = len(deliveries(asked.facts, asked.contracts, asked.seed))
    first = kills = repeated = 0
    while True:
        worker = subprocess.Popen([*command, "--first", str(first)], stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        ends_after = chance.randint(1, max(1, whole // (asked.kills + 1))) if kills < asked.kills else whole + 1
        done = first - 1
        for line in worker.stdout:
            done = int(line)
            if done - first + 1 >= ends_after:
                time.sleep(chance.random() * 0.05)  # somewhere within the next batch
                worker.send_signal(signal.SIGKILL)
                break
        worker.wait()
        worker.stdout.close()
        if done == whole - 1 and worker.returncode == 0:
            return kills, repeated
        if worker.returncode not in {-signal.SIGKILL, 0}:
            raise SystemExit(f"the worker ended with {worker.returncode}")
        kills += 1
        back = max(0, done + 1 - chance.randint(0, 2))
        repeated += done + 1 - back
        first = back


def stated(running: Running, contracts: int) -> dict[str, str]:
    """Close the month of every contract; the canonical texts."""
    running.clock = ManualClock(datetime(2026, 12, 2, tzinfo=UTC))
    for number in range(contracts):
        with running.work() as work:
            statements.draw(work, f"C-{number}", "2026-11")
    with running.database.read() as connection:
        return {row.contract: row.document for row in connection.execute(select(tables.statement))}


def compared(urls: tuple[str, str], folder: Path, asked: argparse.Namespace) -> str:
    """Both ways to the statements; what is to be said of it.

    Raises:
        SystemExit: they differ.
    """
    kept = []
    for url, name in zip(urls, ("once", "again"), strict=True):
        (folder / name).mkdir()
        running = a_service(url, folder / name, asked.contracts)
        if name == "once":
            ordered = facts(asked.facts, asked.contracts, asked.seed)
            take(running, [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)])
        else:
            running.database.close()
            kills, repeated = killed(url, folder / name, asked)
            running = again(url, folder / name)
        kept.append(stated(running, asked.contracts))
        running.database.close()
    differing = [ref for ref in kept[0] if kept[0][ref] != kept[1].get(ref)]
    if differing or kept[0].keys() != kept[1].keys():
        raise SystemExit(f"NOT THE SAME: {differing[:10]}")
    total = sum(len(batch) for batch in deliveries(asked.facts, asked.contracts, asked.seed))
    return (
        f"{asked.facts:,} facts in {total:,} deliveries, the process killed {kills} times, {repeated} batches delivered again: "
        f"{len(kept[0])} statements identical to the fen"
    )


@contextlib.contextmanager
def two_databases() -> Iterator[tuple[str, str]]:
    """Two empty databases of a PostgreSQL of our own."""
    with postgres() as url:
        other = f"{url.rpartition('/')[0]}/again"
        database = Database(url)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CREATE DATABASE again"))
        database.close()
        yield url, other


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.redelivery")
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--contracts", type=int, default=100)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="keep the result in benchmarks/RESULTS.md")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.worker:
        running = again(asked.worker, asked.folder)
        take(running, deliveries(asked.facts, asked.contracts, asked.seed), asked.first, tell=True)
        running.database.close()
        return 0
    before = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {before:.1f}", flush=True)
    began = time.perf_counter()
    with two_databases() as urls, tempfile.TemporaryDirectory() as folder:
        said = compared(urls, Path(folder), asked)
    took = time.perf_counter() - began
    print(said, f"({took:.0f} s)")
    if asked.write:
        load = f"{before:.1f} → {os.getloadavg()[0]:.1f}"
        keep(NAME, f"## {TITLE}\n\n{conditions(load, short=False)} Took {took:.0f} s.\n\n{said[0].upper()}{said[1:]}. (PostgreSQL; no "
                   "delivery was answered otherwise than 200 or 201.)")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
