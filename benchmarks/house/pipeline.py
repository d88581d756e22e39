"""Pipeline: rows drained through relay, RabbitMQ, inbox and a real handler, against a drain written by hand."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy

from benchmarks.house import bare_pipeline, ground
from deploy import local

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.house.ground import Scale

GOALS = {"audit.keep_entries, in batches": 0.50, "a plain handler, one by one": 0.25}


def run(scale: Scale) -> str:
    """Both kinds of handler, each with its own broker host and databases."""
    few = replace(scale, rows=scale.rows // 8)  # one by one a fraction of the rows tells the same, in bounded time
    (whole, goal), (single, goal_single) = GOALS.items()
    lines = [_compared(scale, whole, goal, _audit), _compared(few, single, goal_single, _one_by_one)]
    return (
        "\n".join([ground.PAIRED_HEAD, *lines])
        + f"\n\nRows of a drain: {scale.rows:,}, one by one {scale.rows // 8:,}; from their commit to the last effect."
    )


def _compared(scale: Scale, name: str, goal: float, handler: Callable[..., Any]) -> str:
    with ExitStack() as stack:
        server = stack.enter_context(ground.postgres())
        broker = stack.enter_context(ground.virtual_host())
        folder = stack.enter_context(ground.folder())
        ours = stack.enter_context(handler(server, broker, folder))
        bare = stack.enter_context(by_hand(server, broker, folder))
        warm = max(scale.rows // 20, 100)
        ours(warm), bare(warm)
        first, second = [], []
        for _ in range(scale.pairs):
            first.append(scale.rows / ours(scale.rows))
            second.append(scale.rows / bare(scale.rows))
    return ground.Paired(first, second).line(name, goal)


def _drained(fill: Callable[[], Any], count: Callable[[], int], rows: int) -> float:
    wanted = count() + rows
    fill()
    began = time.perf_counter()
    ground.until(lambda: count() >= wanted, f"a drain of {rows} rows", 120, 0.01)
    return time.perf_counter() - began


@contextmanager
def _audit(server: str, broker: str, folder: Any) -> Iterator[Callable[[int], float]]:
    """Requests' relay and the audit service."""
    with _relayed(server, broker, folder, "services.audit") as settings, ExitStack() as stack:
        stack.enter_context(ground.process(["-m", "services.audit", "serve"], settings, folder / "audit.log"))
        ground.ready(int(settings["AUDIT_LISTEN"].rpartition(":")[2]))
        yield _counting(settings, settings["AUDIT_DATABASE_URL"], "SELECT size FROM log_head")


@contextmanager
def _one_by_one(server: str, broker: str, folder: Any) -> Iterator[Callable[[int], float]]:
    """Requests' relay and a host with a plain handler."""
    with _relayed(server, broker, folder) as settings, ExitStack() as stack:
        url, port = settings["DISPATCH_DATABASE_URL"], settings["DISPATCH_LISTEN"].rpartition(":")[2]
        words = ["-m", "benchmarks.house.one_by_one"]
        subprocess.run(
            [sys.executable, "-W", "ignore", *words, "prepare", url, broker, port],
            env=settings,
            cwd=ground.ROOT,
            check=True,
        )
        stack.enter_context(ground.process([*words, "serve", url, broker, port], settings, folder / "plain.log"))
        ground.ready(int(port))
        yield _counting(settings, url, "SELECT count(*) FROM effect")


@contextmanager
def _relayed(server: str, broker: str, folder: Any, *more: str) -> Iterator[dict[str, str]]:
    """Settings of services of which requests has a schema and a relay that runs, and ``more`` a schema and queues."""
    settings = local.environment(
        server, broker, str(folder), {name: ground.free_port() for name in local.SERVICES}, "bench"
    )
    settings["HOUQIN_LOG_LEVEL"] = "WARNING"
    local.make_databases(server, "bench")
    for name in more or ("services.requests",):
        broker_url = broker if name in more else "memory://"
        subprocess.run([sys.executable, "-W", "ignore", "-m", name, "migrate"], cwd=ground.ROOT, check=True,
                       env=settings | {"HOUQIN_BROKER_URL": broker_url})  # fmt: skip
    if more:
        subprocess.run([sys.executable, "-W", "ignore", "-m", "services.requests", "migrate"], cwd=ground.ROOT, check=True,
                       env=settings | {"HOUQIN_BROKER_URL": "memory://"})  # fmt: skip
    with ground.process(["-m", "services.requests", "relay"], settings, folder / "relay.log"):
        yield settings


def _counting(settings: dict[str, str], url: str, statement: str) -> Callable[[int], float]:
    outbox, effects = ground.connect(settings["REQUESTS_DATABASE_URL"]), ground.connect(url)
    return lambda rows: _drained(
        lambda: ground.fill(outbox, rows), lambda: int(ground.value(effects, statement) or 0), rows
    )


@contextmanager
def by_hand(server: str, broker: str, folder: Any) -> Iterator[Callable[[int], float]]:
    """The hand-written drain, in two processes, on a database of its own."""
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE bare")
    engine.dispose()
    url = sqlalchemy.make_url(server).set(database="bare", drivername="postgresql").render_as_string(False)
    database = ground.connect(url)
    cursor = database.cursor()
    cursor.execute(bare_pipeline.SCHEMA)

    def fill(rows: int) -> None:
        cursor.execute("BEGIN")
        cursor.execute(bare_pipeline.FILL, (ground.sealed_body(), ground.MARK, rows))
        cursor.execute("NOTIFY bare")
        cursor.execute("COMMIT")

    settings = local.environment(server, broker, str(folder), dict.fromkeys(local.SERVICES, 1), "bench")
    with ExitStack() as stack:
        for role in ("relay", "consumer"):
            words = ["benchmarks/house/bare_pipeline.py", role, url, broker]
            stack.enter_context(ground.process(words, settings, folder / f"bare-{role}.log"))
        yield lambda rows: _drained(
            lambda: fill(rows), lambda: int(ground.value(database, "SELECT count(*) FROM bare_effect")), rows
        )
