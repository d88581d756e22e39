"""From a commit in another service into a signed checkpoint at a steady rate; then a long log: its start, proofs over HTTP.

PostgreSQL notes when each transaction was committed (``track_commit_timestamp``), so nothing is polled.
"""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.house import ground
from benchmarks.house.log import BATCH, Speaker, take_in
from benchmarks.house.pipeline import _relayed
from services.audit import searching, store, things, vault
from services.audit.service import SERVICE
from shared import process, settings
from shared.database import Database
from shared.service import Running

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.house.ground import Scale

RATE, STEP = 500, 0.02  # events a second, seconds between two commits
GOAL_SEALED, GOAL_START, GOAL_PROOF = 1000, 2000, 10  # milliseconds, of the slowest hundredth where there are many
LONG, SHORT = 1_000_000, 100_000

WORDS_MADE = "INSERT INTO search_progress (one, upto) SELECT 1, size FROM log_head ON CONFLICT (one) DO UPDATE SET upto = excluded.upto"
POINTS = "SELECT size, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM log_checkpoint ORDER BY size"


def run(scale: Scale) -> str:
    """Both figures as a section."""
    lines = ["| | p50 ms | p99 ms | goal | met |", "| --- | --- | --- | --- | --- |"]
    with ExitStack() as stack:
        server = stack.enter_context(ground.postgres())
        broker = stack.enter_context(ground.virtual_host())
        folder = stack.enter_context(ground.folder())
        environment = stack.enter_context(_relayed(server, broker, folder, "services.audit"))
        with ground.process(["-m", "services.audit", "serve"], environment, folder / "audit.log"):
            ground.ready(_port(environment))
            _steady(environment, 1.0)
            lines.append(_line(f"committed → in a signed checkpoint, {RATE} events a second",
                               _steady(environment, 10 * scale.seconds), GOAL_SEALED))  # fmt: skip
        size = LONG if scale.long else SHORT
        _lengthen(environment, folder, size)
        began = time.perf_counter()
        with ground.process(["-m", "services.audit", "serve"], environment, folder / "audit.log"):
            ground.ready(_port(environment))
            start = (time.perf_counter() - began) * 1000
            (meanwhile, bare_meanwhile), made = _proofs(_port(environment)), _made(environment)
        _index(environment)
        with ground.process(["-m", "services.audit", "serve"], environment, folder / "audit.log"):
            ground.ready(_port(environment))
            after, bare_after = _proofs(_port(environment))
    lines += [
        _line(f"a proof over HTTP, {size:,} entries, while the indexes are being made ({made})", meanwhile, GOAL_PROOF),
        _bare(bare_meanwhile),
        _line("the same once they are made", after, GOAL_PROOF),
        _bare(bare_after),
    ]
    imports = _imports(environment)
    lines.append(f"| the service's start until it is ready, {size:,} entries | {start:,.0f} | – | ≤ {GOAL_START:,} after its imports"
                 f" ({imports:,.0f}) | {'yes' if start - imports <= GOAL_START else 'no'} |")  # fmt: skip
    return "\n".join(lines)


def _port(environment: dict[str, str]) -> int:
    return int(environment["AUDIT_LISTEN"].rpartition(":")[2])


def _line(name: str, found: list[float], goal: float) -> str:
    slow = ground.quantile(found, 0.99)
    return f"| {name} | {ground.quantile(found, 0.5):,.1f} | {slow:,.1f} | ≤ {goal:,} | {'yes' if slow <= goal else 'no'} |"


def _bare(found: list[float]) -> str:
    return (
        "| – beside it, in turn: an address that is not there, which asks no database |"
        f" {ground.quantile(found, 0.5):,.1f} | {ground.quantile(found, 0.99):,.1f} | – | – |"
    )


def _steady(environment: dict[str, str], seconds: float) -> list[float]:
    """Milliseconds from each event's commit to that of the first checkpoint that covers its entry."""
    outbox, log = (ground.connect(environment[f"{name}_DATABASE_URL"]) for name in ("REQUESTS", "AUDIT"))
    first = int(ground.value(log, "SELECT coalesce(max(size), 0) FROM log_head"))
    each, committed = round(RATE * STEP), []
    began = time.perf_counter()
    for turn in range(round(seconds / STEP)):
        time.sleep(max(0.0, began + turn * STEP - time.perf_counter()))
        ground.fill(outbox, each)
        committed += [time.time()] * each
    wanted = first + len(committed)
    ground.until(
        lambda: int(ground.value(log, "SELECT coalesce(max(size), 0) FROM log_checkpoint")) >= wanted,
        "the last checkpoint",
    )
    with log.cursor() as cursor:
        cursor.execute(POINTS)
        points = [(int(size), float(at)) for size, at in cursor.fetchall()]
    found, at = [], 0
    for number, moment in enumerate(committed, first):
        while points[at][0] <= number:
            at += 1
        found.append((points[at][1] - moment) * 1000)
    outbox.close()
    log.close()
    return found


def _lengthen(environment: dict[str, str], folder: Path, size: int) -> None:
    """The log has at least ``size`` entries, taken in and signed as always; the indexes have all of them to catch up with."""
    running = _running(environment)
    vault.use(running)
    speaker = Speaker()
    for _ in range(-(-size // (10 * BATCH))):
        take_in(running, [speaker.deliveries(BATCH) for _ in range(10)])
        running.consumer.fold()
    running.database.close()


def _running(environment: dict[str, str]) -> Running:
    mine = {name: value for name, value in environment.items() if name.startswith(("AUDIT_", "HOUQIN_"))}
    return Running(SERVICE, Database(environment["AUDIT_DATABASE_URL"]), settings.load(process.declared(SERVICE), mine))


def _made(environment: dict[str, str]) -> str:
    """How far both indexes are.

    Raises:
        Unmeasured: that of words has nothing to catch up with any more.
    """
    running = _running(environment)
    with running.database.read() as connection:
        size, found = store.count(connection), (searching.reach(connection), things.reach(connection))
    running.database.close()
    if size == found[0]:
        raise ground.Unmeasured("the words were indexed before all proofs were asked for; measure a longer log")
    return "words {:,}, things {:,}".format(*found)


def _index(environment: dict[str, str]) -> None:
    """No index has anything to catch up with: that of things is made, that of words only said to be; proofs read neither."""
    running = _running(environment)
    while things.index(running):
        pass
    with running.database.write() as connection:
        connection.exec_driver_sql(WORDS_MADE)
    running.database.close()


def _proofs(port: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each of a thousand proofs, one after the other over one connection; and of the barest answer after each.

    The barest answer waits for the same process and the same processors: what it takes longer than usual is not the log's.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    choose, proofs, bare = random.Random(1), [], []

    def asked(path: str, status: int, times: list[float]) -> bytes:
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != status:
            raise ground.Unmeasured(f"{path} was answered with {answer.status}")
        return body

    size = json.loads(asked("/audit/api/entries/0/proof", 200, []))["size"]
    for _ in range(1000):
        asked(f"/audit/api/entries/{choose.randrange(size)}/proof", 200, proofs)
        asked("/nothing-there", 404, bare)
    connection.close()
    return proofs, bare


def _imports(environment: dict[str, str]) -> float:
    """Milliseconds that an interpreter needs to import the service and do nothing."""
    words = [sys.executable, "-W", "ignore", "-c", "import shared.bus.nameko_host, services.audit.service"]
    began = time.perf_counter()
    subprocess.run(words, env=environment, cwd=ground.ROOT, check=True)
    return (time.perf_counter() - began) * 1000
