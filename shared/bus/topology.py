"""Exchanges and queues, declared with kombu by ``migrate`` and never by a host.

A service speaks to the topic exchange ``<service>.events``; each subscription has the quorum queue of its name. What
may change later (delivery limit, dead-letter strategy) is set by policy, because arguments cannot be changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kombu import Connection, Exchange, Queue

from shared.bus import tls
from shared.contracts.base import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.bus.base import Subscription
    from shared.database import Database

LISTEN = "houqin_outbox"  # the channel on which PostgreSQL tells relays of a commit


def events_exchange(service: str) -> Exchange:
    """Where ``service`` says its events."""
    return Exchange(f"{service}.events", type="topic", durable=True)


def dead_exchange(service: str) -> Exchange:
    """Where bodies go that ``service`` can neither read nor store."""
    return Exchange(f"{service}.dead", type="fanout", durable=True)


def heads_key(source: str) -> str:
    """Routing key of the announcement of a source's last numbers; it is no event and has no number."""
    return f"{source}.heads.v1"


def heads_body(database: Database, service: str) -> bytes:
    """The announcement of a service's last numbers, by type and under ``*`` for the source."""
    from shared import outbox

    with database.read() as connection:
        epoch, _, _ = outbox.sent(connection)
        return json.dumps({"source": service, "epoch": epoch, "heads": outbox.heads(connection)}).encode()


def queue_of(subscription: Subscription) -> Queue:
    """The queue of a subscription, with nothing but its type and its dead letters as arguments."""
    return Queue(
        subscription.name,
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": f"{subscription.service}.dead",
            # Death is counted by us, per event: the broker's limit would punish the neighbours of a poisonous one.
            "x-delivery-limit": 1_000_000,
        },
    )


def declare(url: str, subscriptions: Iterable[Subscription], services: Iterable[str] = SERVICES) -> None:
    """Make every exchange, queue and binding exist; declaring again changes nothing.

    Raises:
        OSError, amqp.AMQPError: the broker is away or refuses.
    """
    subscriptions = list(subscriptions)
    with Connection(**tls.for_kombu(url), connect_timeout=5) as connection:
        connection.ensure_connection(max_retries=3, interval_start=0.2)
        channel = connection.channel()
        for service in services:
            events_exchange(service)(channel).declare()
            dead = dead_exchange(service)(channel)
            dead.declare()
            Queue(f"{service}.dead", dead, durable=True, queue_arguments={"x-queue-type": "quorum"})(channel).declare()
        for subscription in subscriptions:
            queue = queue_of(subscription)(channel)
            queue.queue_declare()
            sources = set()
            for exchange, key in subscription.bindings():
                queue.bind_to(exchange, key)
                sources.add(exchange.partition(".")[0])
            for source in sources:
                queue.bind_to(f"{source}.events", heads_key(source))
