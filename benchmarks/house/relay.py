"""Relay: rows drained from the outbox against a bare publisher of the same bodies to the same quorum queue."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import amqp
from kombu import Connection, Exchange, Queue

from benchmarks.house import ground
from deploy import local
from shared.contracts.base import numbered
from shared.relay import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.house.ground import Scale

GOAL, GOAL_LONG = 0.60, 0.90
KEY = "requests.request_filed.v1"


def run(scale: Scale) -> str:
    """Ratio to the bare publisher; with ``scale.long`` also the rate before a million unsent rows."""
    count = scale.rows // 2
    with ExitStack() as stack:
        server = stack.enter_context(ground.postgres())
        broker = stack.enter_context(ground.virtual_host())
        folder = stack.enter_context(ground.folder())
        settings = prepared(server, broker, str(folder))
        body = numbered(ground.sealed_body(), 1, 12345, 12345).decode()
        stack.enter_context(ground.process(["-m", "services.requests", "relay"], settings, folder / "relay.log"))
        bare = stack.enter_context(publisher(broker, body))
        outbox = stack.enter_context(_closing(ground.connect(settings["REQUESTS_DATABASE_URL"])))
        queue = Connection(broker)
        stack.callback(queue.release)
        _drain(outbox, 1000), bare(1000)
        first, second = [], []
        for _ in range(scale.pairs):
            _purge(queue)
            first.append(count / _drain(outbox, count))
            _purge(queue)
            second.append(count / bare(count))
        text = f"{ground.PAIRED_HEAD}\n{ground.Paired(first, second).line(f'{count:,} rows, quorum queue', GOAL)}"
        if scale.long:
            text += "\n" + _long(outbox, queue, scale)
    return f"{text}\n\nBodies of {len(body.encode())} bytes; a row counts when its mark is committed."


def prepared(server: str, broker: str, data: str) -> dict[str, str]:
    """Settings of a requests service with a schema and no data; one quorum queue takes all it says."""
    ports = {name: ground.free_port() for name in local.SERVICES}
    settings = local.environment(server, broker, data, ports, "bench")
    local.make_databases(server, "bench")
    quiet = settings | {"HOUQIN_BROKER_URL": "memory://"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "services.requests", "migrate"], env=quiet, cwd=ground.ROOT, check=True
    )
    exchange = Exchange("requests.events", type="topic", durable=True)
    with Connection(broker) as connection:
        Queue("bench", exchange, "#", durable=True, queue_arguments={"x-queue-type": "quorum"})(
            connection.channel()
        ).declare()
    return settings


@contextmanager
def publisher(broker: str, body: str) -> Iterator[Any]:
    """A bare publisher in a process of its own: called with a count, it answers seconds."""
    words = [
        sys.executable,
        "-W",
        "ignore",
        "benchmarks/house/bare_publisher.py",
        broker,
        "requests.events",
        KEY,
        str(WINDOW),
    ]
    started = subprocess.Popen(
        words,
        env=os.environ | {"BODY": body},
        cwd=ground.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def publish(count: int) -> float:
        started.stdin.write(f"{count}\n")
        started.stdin.flush()
        answer = started.stdout.readline()
        if not answer:
            raise ground.Unmeasured("the bare publisher ended")
        return float(answer)

    try:
        yield publish
    finally:
        started.terminate()
        started.communicate(timeout=10)


@contextmanager
def _closing(connection: Any) -> Iterator[Any]:
    try:
        yield connection
    finally:
        connection.close()


def _sent(outbox: Any) -> int:
    return int(ground.value(outbox, "SELECT max(upto) FROM sent") or 0)


def _drain(outbox: Any, count: int) -> float:
    """Seconds from the commit of ``count`` rows until all are marked as sent."""
    wanted = _sent(outbox) + count
    ground.fill(outbox, count)
    began = time.perf_counter()
    ground.until(lambda: _sent(outbox) >= wanted, f"a drain of {count} rows", 120, 0.01)
    return time.perf_counter() - began


def _purge(queue: Any) -> None:
    try:
        queue.default_channel.queue_purge("bench")
    except (amqp.AMQPError, OSError) as error:
        raise ground.Unmeasured(f"the queue could not be emptied: {error}") from error


def _long(outbox: Any, queue: Any, scale: Scale) -> str:
    """The first 10,000 rows of 10,000 and of 1,000,000."""
    rates = []
    for backlog in (10_000, 1_000_000):
        found = []
        for _ in range(scale.pairs if backlog == 10_000 else 1):
            _purge(queue)
            start = _sent(outbox)
            ground.fill(outbox, backlog)
            for step in range(1, (1 if backlog == 10_000 else scale.pairs) + 1):
                began = time.perf_counter()
                ground.until(
                    lambda upto=start + 10_000 * step: _sent(outbox) >= upto, "a part of the backlog", 120, 0.01
                )
                found.append(10_000 / (time.perf_counter() - began))
        rates.append(found)
    return ground.Paired(rates[1], rates[0]).line("before 1,000,000 unsent rows, limit: before 10,000", GOAL_LONG)
