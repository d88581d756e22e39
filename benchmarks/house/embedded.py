"""Embedded: one process on SQLite; rate through the whole chain, memory, time to start, time of a page."""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.house import ground
from benchmarks.house.client import Client
from deploy import local
from deploy.client import Person

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.house.ground import Scale

PAGES = {  # by who may see them
    "hanbing": ("/requests/", "/requests/me"),
    "hejing": ("/dispatch/",),
    "sunli": ("/billing/",),
    "chenguang": ("/audit/",),
}
GOALS = {
    "requests a second through the chain": "≥ 50",
    "resident, MiB": "≤ 250",
    "second start, s": "≤ 3",
    "slowest page, ms": "≤ 100",
}


def run(scale: Scale) -> str:
    """Four figures; the data lies in memory, so commits cost no disk."""
    count = scale.rows // 20
    with ExitStack() as stack:
        folder = stack.enter_context(ground.folder())
        port = ground.free_port()
        address = f"http://127.0.0.1:{port}"
        settings = {key: value for key, value in os.environ.items() if not key.startswith("HOUQIN_")} | {
            "HOUQIN_DATA": str(folder / "data"), "HOUQIN_PUBLIC_URL": address, "REQUESTS_FILINGS_PER_MINUTE": "10000000",
            "HOUQIN_LOG_LEVEL": "WARNING",
        }  # fmt: skip
        words = ["-m", "services", "--listen", f"127.0.0.1:{port}"]
        starts = []
        for _ in range(2):
            began = time.perf_counter()
            with ground.process(words, settings, folder / "log"):
                ground.ready(port)
                starts.append(time.perf_counter() - began)
        process = stack.enter_context(ground.process(words, settings, folder / "log"))
        ground.ready(port)
        client = Client(port, "/requests/api/requests", ground.REPAIR, Person(address, "hanbing").sign_in().bearer(), 8)
        stack.callback(client.close)
        _through(folder / "data")
        began, filed = time.perf_counter(), 0
        while filed < count:
            slice_ = client.run(scale.seconds)
            if not slice_.statuses[201]:
                raise ground.Unmeasured(f"no request was taken on: {dict(slice_.statuses)}")
            filed += slice_.statuses[201]
        _through(folder / "data")
        rate = filed / (time.perf_counter() - began)
        pages = {page: took for user, paths in PAGES.items() for page, took in _pages(address, user, paths).items()}
        size = ground.memory(process.pid)
    if not pages:
        raise ground.Unmeasured("no page answered 200")
    slowest = max(pages, key=lambda page: pages[page])
    found = (f"{rate:.0f}", f"{size:.0f}", f"{starts[1]:.2f}", f"{pages[slowest]:.0f} ({slowest})")
    rows = [f"| {name} | {value} | {goal} |" for (name, goal), value in zip(GOALS.items(), found, strict=True)]
    listed = ", ".join(f"`{page}` {took:.0f}" for page, took in pages.items())
    return "\n".join(["| | found | goal |", "| --- | --- | --- |", *rows, "",
                      f"{filed} requests; a request is through when it has its order and all events of all services are in the"
                      f" log. First start, with the demonstration compound: {starts[0]:.2f} s."
                      f" Pages (ms, median of 5): {listed}."])  # fmt: skip


def _through(data: Path) -> None:
    """Every request has an order and every event an entry, and it stays so."""

    def once() -> tuple[int, ...] | None:
        said = sum(_one(data, name, "SELECT count(*) FROM outbox") for name in local.SERVICES)
        kept = _one(data, "audit", "SELECT size FROM log_head")
        requests, orders = (
            _one(data, "requests", "SELECT count(*) FROM request"),
            _one(data, "dispatch", "SELECT count(*) FROM work_order"),
        )
        return (said,) if said == kept and requests <= orders else None

    ground.until(once, "the end of the chain", 300, 0.1)


def _one(data: Path, name: str, statement: str) -> int:
    connection = sqlite3.connect(f"file:{data / name}.db?mode=ro", uri=True, timeout=5)
    try:
        row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0
    finally:
        connection.close()


def _pages(address: str, user: str, paths: tuple[str, ...]) -> dict[str, float]:
    """Milliseconds by page, of those that answer 200 to ``user``."""
    session: Any = Person(address, user).sign_in().session
    found = {}
    for path in paths:
        took = []
        for _ in range(6):
            began = time.perf_counter()
            answer = session.get(f"{address}{path}", timeout=20)
            took.append((time.perf_counter() - began) * 1000)
        if answer.status_code == 200:
            found[path] = statistics.median(took[1:])
    return found
