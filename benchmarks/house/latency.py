"""Latency at a steady rate through the whole house, from commit to commit, beside a hop written by hand.

PostgreSQL notes when each transaction was committed (``track_commit_timestamp``); all databases are of one cluster and
share its clock, so nothing is polled and no clock differs.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import sqlalchemy

from benchmarks.house import ground
from benchmarks.house.client import Client
from benchmarks.house.pipeline import by_hand
from deploy import local
from deploy.client import Person

if TYPE_CHECKING:
    from benchmarks.house.ground import Scale

RATE = 100
GOAL_ASSIGNED, GOAL_AUDITED, GOAL_TIMES = 25, 75, 3
IDLE = 80  # MiB

FILED = "SELECT request_id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM benchmark_filed"
# The instant of a filing's commit, kept aside: the row of a request itself changes when its order is assigned.
WATCH = """CREATE TABLE benchmark_filed (request_id text);
CREATE FUNCTION benchmark_note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO benchmark_filed VALUES (NEW.{key}); RETURN NULL; END $$;
CREATE TRIGGER benchmark_note AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION benchmark_note()"""
ASSIGNED = """SELECT request_id, extract(epoch FROM pg_xact_commit_timestamp(happening.xmin)) FROM happening
              JOIN work_order USING (order_id) WHERE kind = 'assigned'"""
AUDITED = """SELECT convert_from(leaf, 'UTF8')::json -> 'data' ->> 'request_id',
             extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM log_entry WHERE type = %s"""


def run(scale: Scale) -> str:
    """p50 and p99 of filed → assigned and filed → audited; memory of the idle services beside it."""
    seconds = 5 * scale.seconds * min(scale.pairs, 6) / 3
    with ExitStack() as stack:
        server = stack.enter_context(ground.postgres())
        broker = stack.enter_context(ground.virtual_host())
        folder = stack.enter_context(ground.folder())
        ports = {name: ground.free_port() for name in local.SERVICES}
        settings = local.environment(server, broker, str(folder), ports, "bench")
        address = f"http://127.0.0.1:{ports['requests']}"
        settings |= {
            "HOUQIN_PUBLIC_URL": address,
            "REQUESTS_FILINGS_PER_MINUTE": "10000000",
            "HOUQIN_LOG_LEVEL": "WARNING",
        }
        local.make_databases(server, "bench")
        local.migrate(settings)
        processes = local.start(settings, folder)
        stack.callback(local.stop, processes)
        for port in ports.values():
            ground.ready(port)
        person = Person(address, "hanbing").sign_in()
        idle = {name: ground.memory(process.pid) for name, process in processes.items()}
        requests, dispatch, audit = (
            ground.connect(settings[f"{name}_DATABASE_URL"]) for name in ("REQUESTS", "DISPATCH", "AUDIT")
        )
        client = Client(ports["requests"], "/requests/api/requests", ground.REPAIR, person.bearer())
        stack.callback(client.close)
        client.run(2, RATE)  # warm
        _settled(requests, dispatch)
        requests.cursor().execute(WATCH.format(table="request", key="id"))
        answered = client.run(seconds, RATE)
        filed = _instants(requests, FILED)
        _settled(requests, dispatch)
        ground.until(lambda: set(filed) <= set(_instants(audit, AUDITED, "dispatch.work_order_assigned.v1")),
                     "the audit of all assignments", pause=0.5)  # fmt: skip
        hops = {
            "filed → assigned": _spans(filed, _instants(dispatch, ASSIGNED)),
            "filed → its entry in the log": _spans(filed, _instants(audit, AUDITED, "requests.request_filed.v1")),
            "filed → assigned → audited": _spans(filed, _instants(audit, AUDITED, "dispatch.work_order_assigned.v1")),
        }
        local.stop(processes)
        hand = _hand(stack, server, broker, folder, seconds)
    lines = [_line(name, spans) for name, spans in {**hops, "hop written by hand": hand}.items()]
    ratio = ground.quantile(hops["filed → assigned"], 0.99) / ground.quantile(hand, 0.99)
    pss = ", ".join(f"{name} {size:.0f}" for name, size in idle.items())
    return "\n".join([
        "| | p50 ms | p99 ms | samples |", "| --- | --- | --- | --- |", *lines, "",
        f"p99 of filed → assigned is {ratio:.1f} times that of the hand-written hop (goal: at most {GOAL_TIMES}, and"
        f" {GOAL_ASSIGNED} ms; filed → assigned → audited {GOAL_AUDITED} ms; metering is not in it: nothing was finished)."
        f" Posts answered 201: {answered.statuses[201]} of {sum(answered.statuses.values())} in {seconds:.0f} s.", "",
        f"Memory idle (PSS, MiB; goal ≤ {IDLE} a service): {pss}.",
    ])  # fmt: skip


def _settled(requests: Any, dispatch: Any) -> None:
    """Every request has its order."""
    wanted = ground.value(requests, "SELECT count(*) FROM request")
    ground.until(
        lambda: ground.value(dispatch, "SELECT count(*) FROM work_order") >= wanted, "an order for each request", 120
    )


def _instants(connection: Any, statement: str, *parameters: Any) -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return {key: float(at) for key, at in cursor.fetchall()}


def _spans(first: dict[str, float], second: dict[str, float]) -> list[float]:
    found = [(second[key] - at) * 1000 for key, at in first.items() if key in second]
    if not found:
        raise ground.Unmeasured("no request came through")
    return found


def _line(name: str, spans: list[float]) -> str:
    return f"| {name} | {ground.quantile(spans, 0.5):.1f} | {ground.quantile(spans, 0.99):.1f} | {len(spans)} |"


def _hand(stack: ExitStack, server: str, broker: str, folder: Any, seconds: float) -> list[float]:
    """Milliseconds from the commit of an outbox row to that of its effect, at the same rate."""
    drain = stack.enter_context(by_hand(server, broker, folder))
    drain(50)  # queue and connections exist
    database = ground.connect(sqlalchemy.make_url(server).set(database="bare").render_as_string(False))
    database.cursor().execute(WATCH.format(table="bare_outbox", key="id"))
    body = ground.sealed_body()

    def insert() -> None:
        cursor, start = database.cursor(), time.perf_counter()
        for number in range(int(seconds * RATE)):
            time.sleep(max(start + number / RATE - time.perf_counter(), 0))
            cursor.execute("BEGIN; INSERT INTO bare_outbox (body) VALUES (%s); NOTIFY bare; COMMIT", (body,))

    inserting = threading.Thread(target=insert)
    inserting.start()
    inserting.join()
    wanted = int(seconds * RATE) + 50
    ground.until(lambda: ground.value(database, "SELECT count(*) FROM bare_effect") >= wanted, "the effects by hand")
    effects = "SELECT event_id::text, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM bare_effect"
    return _spans(_instants(database, FILED), _instants(database, effects))
