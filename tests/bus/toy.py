"""Two toy services on the real floor: one says numbered facts, the other counts them. Run as a process of its own.

``toy.py embedded PORT`` runs both over the in-memory bus; ``toy.py listener PORT``, ``toy.py relay`` and ``toy.py
relay dispatch`` are processes on RabbitMQ. Addresses come from TOY_* in the environment; with TOY_ASK_SECONDS the gaps
are asked for after so many seconds and heads announced each second. The subject says what happens to an event:
``poison`` raises, ``deadly`` ends the process, ``block`` stops the event loop for two seconds.
"""

from __future__ import annotations

import json
import os
import sys
from urllib.parse import parse_qs

if sys.argv[1] != "relay":
    import shared.bus.nameko_host as host  # patches: first

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Column, Integer, Table, Text, func, select

from shared import observe, process, settings, upkeep
from shared.bus.base import on, on_everything
from shared.contracts.requests import RequestUrged, RequestWithdrawn
from shared.database import Database, Sql
from shared.service import Running, Service, metadata_of_floor

observe.start_logging("toy", "WARNING")
says_metadata = metadata_of_floor()
hears_metadata = metadata_of_floor()
effects = Table(
    "effects", hears_metadata, Column("id", Integer, primary_key=True), Column("what", Text), Column("subject", Text)
)
PUT = Sql("INSERT INTO effects (what, subject) VALUES (:what, :subject)")


def count_one(work, event, envelope):
    if event.request_id == "poison":
        raise RuntimeError("poison")
    if event.request_id == "deadly":
        os._exit(137)
    if event.request_id == "block":
        host.eventlet.patcher.original("time").sleep(2)
    work.later(PUT, what="one", subject=event.request_id)


def count_all(work, deliveries):
    for each in deliveries:
        work.later(PUT, what="all", subject=each.envelope.subject)


def says(environ, start_response):
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    now = datetime.now(UTC)
    first, count = int(query.get("first", 0)), int(query.get("count", 1))
    for start in range(first, first + count, 50):
        with SAYS.work(correlation_id="toy") as work:
            for number in range(start, min(start + 50, first + count)):
                subject = query.get("subject", str(number))
                work.say(RequestUrged(request_id=subject, urged_at=now, times=1))
                if number % 10 == 0:
                    work.say(RequestWithdrawn(request_id=subject, withdrawn_at=now))
    start_response("201 Created", [])
    return [b"{}"]


def hears(environ, start_response):
    with HEARS.database.read() as connection:
        rows = connection.execute(
            select(effects.c.what, func.count(), func.count(effects.c.subject.distinct())).group_by(effects.c.what)
        ).all()
        states = dict(connection.exec_driver_sql("SELECT state, count(*) FROM waiting GROUP BY state").all())
        inbox = connection.exec_driver_sql("SELECT count(*) FROM inbox").scalar_one()
    body = {"effects": {what: [count, distinct] for what, count, distinct in rows}, "put_aside": states, "inbox": inbox}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]


def _running(name, metadata, subscriptions, application):
    service = Service(name, (), metadata, Path(), subscriptions, lambda _running: application, lambda _running: None)
    loaded = settings.load((*settings.COMMON, *settings.of_service(name, 0)), {})
    return Running(service, Database(os.environ[f"TOY_{name.upper()}"]), loaded)


SUBSCRIPTIONS = (
    on(RequestUrged, do=count_one, service="dispatch"),
    on_everything(["requests"], do=count_all, service="dispatch"),
)


def ask_soon(seconds):
    """Gaps are noticed and asked for in seconds instead of minutes."""
    import shared.bus.rabbit

    upkeep.ASK_AFTER = upkeep.ASK_AGAIN = timedelta(seconds=seconds)
    shared.bus.rabbit.HEADS_EVERY = 1.0
    if sys.argv[1] != "relay":
        host.UPKEEP = tuple(replace(each, every=min(each.every, 1.0)) for each in upkeep.UPKEEP)


SAYS = _running("requests", says_metadata, (), says)
HEARS = _running("dispatch", hears_metadata, SUBSCRIPTIONS, hears)


def application(environ, start_response):
    return (says if environ["PATH_INFO"] == "/say" else hears)(environ, start_response)


def main():
    mode, url = sys.argv[1], os.environ.get("TOY_BROKER", "memory://")
    if os.environ.get("TOY_ASK_SECONDS"):
        ask_soon(float(os.environ["TOY_ASK_SECONDS"]))
    if mode == "prepare":
        says_metadata.create_all(SAYS.database.engine)
        hears_metadata.create_all(HEARS.database.engine)
        if url != "memory://":
            from shared.bus.topology import declare

            declare(url, [*HEARS.subscriptions, *SAYS.subscriptions], ["requests", "dispatch", "billing", "audit"])
        return 0
    if mode == "relay":
        import signal

        from shared.bus.rabbit import RabbitRelay

        who = {"requests": SAYS, "dispatch": HEARS}[sys.argv[2] if len(sys.argv) > 2 else "requests"]
        relay = RabbitRelay(who.name, who.database, url)
        signal.signal(signal.SIGTERM, lambda *_: relay.stop())
        relay.run()
        return 0
    # What is missed is asked for over the bus, so that whoever says must listen too.
    running = [HEARS, SAYS] if mode == "embedded" or os.environ.get("TOY_ASK_SECONDS") else [HEARS]
    if mode == "embedded":
        from shared.bus.topology import declare

        declare("memory://", [*SAYS.subscriptions, *HEARS.subscriptions])
    hosts = [host.Host(each, url) for each in running]
    if mode == "listener":
        host.start_waking(SAYS)
    gate = host.Gate(process.with_operations(application, hosts), "toy", 64)
    return process.run_hosts(hosts, ("127.0.0.1", int(sys.argv[2])), gate, 200)


if __name__ == "__main__":
    sys.exit(main())
