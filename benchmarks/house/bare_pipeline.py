"""The limit of the pipeline, written by hand: psycopg2 and py-amqp, everything in batches, no care for anything.

``bare_pipeline.py relay URL BROKER`` and ``bare_pipeline.py consumer URL BROKER``, a process each. The relay takes the
highest confirmed tag as proof for all below and ignores refusals: allowed for a limit, never in production.
"""

from __future__ import annotations

import json
import select
import sys
import time
from contextlib import suppress

import amqp
import psycopg2
from psycopg2.extras import execute_values

SCHEMA = """
CREATE TABLE IF NOT EXISTS bare_outbox (id bigserial PRIMARY KEY, body text NOT NULL, sent_at timestamptz);
CREATE INDEX IF NOT EXISTS bare_unsent ON bare_outbox (id) WHERE sent_at IS NULL;
CREATE TABLE IF NOT EXISTS bare_inbox (event_id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS bare_effect (event_id bigint NOT NULL, subject text NOT NULL, body text NOT NULL);
"""
EXCHANGE, QUEUE = "bare.events", "bare.effect"
FILL = """INSERT INTO bare_outbox (body) SELECT replace(%s, %s, gen_random_uuid()::text) FROM generate_series(1, %s)"""


def declare(broker: amqp.Connection) -> amqp.Channel:
    """Exchange, quorum queue and binding exist."""
    channel = broker.channel()
    channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
    channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(QUEUE, EXCHANGE, "#")
    return channel


def relay(database: psycopg2.extensions.connection, broker: amqp.Connection) -> None:
    """Publish what is unsent, 500 at a time, and mark it when all are confirmed; woken by NOTIFY."""
    channel = declare(broker)
    channel.confirm_select()
    confirmed = 0
    tag = 0

    def confirm(delivery_tag: int, multiple: bool) -> None:
        nonlocal confirmed
        confirmed = max(confirmed, delivery_tag) if multiple else confirmed + 1

    channel.events["basic_ack"].add(confirm)
    listening = psycopg2.connect(database.dsn)
    listening.autocommit = True
    listening.cursor().execute("LISTEN bare")
    cursor = database.cursor()
    while True:
        cursor.execute(
            "SELECT id, body FROM bare_outbox WHERE sent_at IS NULL ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED"
        )
        rows = cursor.fetchall()
        for number, body in rows:
            channel.basic_publish(amqp.Message(body, delivery_mode=2, message_id=str(number)), EXCHANGE, "filed")
            tag += 1
        while confirmed < tag:
            broker.drain_events(timeout=30)
        if rows:
            cursor.execute("UPDATE bare_outbox SET sent_at = now() WHERE id = ANY(%s)", ([row[0] for row in rows],))
        database.commit()
        if not rows:
            select.select([listening], [], [], 0.05)
            listening.poll()
            listening.notifies.clear()


def consumer(database: psycopg2.extensions.connection, broker: amqp.Connection) -> None:
    """Claim and bring about, up to 200 or whatever came within half a millisecond, one commit, one acknowledgement."""
    channel = declare(broker)
    channel.basic_qos(0, 400, False)
    came: list[amqp.Message] = []
    channel.basic_consume(QUEUE, callback=came.append)
    cursor = database.cursor()
    while True:
        with suppress(TimeoutError):
            broker.drain_events(timeout=30)
        until = time.perf_counter() + 0.0005
        with suppress(TimeoutError):
            while len(came) < 200 and (left := until - time.perf_counter()) > 0:
                broker.drain_events(timeout=left)
        if not came:
            continue
        batch, came[:] = came[:200], came[200:]
        _effect(cursor, batch)
        database.commit()
        channel.basic_ack(batch[-1].delivery_tag, multiple=True)
        while len(came) >= 200:
            batch, came[:] = came[:200], came[200:]
            _effect(cursor, batch)
            database.commit()
            channel.basic_ack(batch[-1].delivery_tag, multiple=True)
        if came:
            batch, came[:] = came[:], []
            _effect(cursor, batch)
            database.commit()
            channel.basic_ack(batch[-1].delivery_tag, multiple=True)


def _effect(cursor: psycopg2.extensions.cursor, batch: list[amqp.Message]) -> None:
    by_id = {int(each.properties["message_id"]): each.body for each in batch}
    new = execute_values(cursor, "INSERT INTO bare_inbox (event_id) VALUES %s ON CONFLICT DO NOTHING RETURNING event_id",
                         [(number,) for number in by_id], page_size=500, fetch=True)  # fmt: skip
    bodies = [(number, by_id[number]) for (number,) in new]
    rows = [(number, json.loads(body)["subject"], body) for number, body in bodies]
    if rows:
        execute_values(cursor, "INSERT INTO bare_effect (event_id, subject, body) VALUES %s", rows, page_size=500)


def main(role: str, url: str, broker_url: str) -> None:
    """Run until ended."""
    from urllib.parse import urlsplit

    parts = urlsplit(broker_url)
    broker = amqp.Connection(
        f"{parts.hostname}:{parts.port or 5672}", userid=parts.username or "guest", password=parts.password or "guest",
        virtual_host=parts.path[1:] or "/",
    )  # fmt: skip
    broker.connect()
    (relay if role == "relay" else consumer)(psycopg2.connect(url), broker)


if __name__ == "__main__":
    main(*sys.argv[1:])
