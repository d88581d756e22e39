"""The bus of embedded mode: kombu's in-memory transport within one process. It forgets everything when that ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kombu import Connection

from shared import inbox, outbox
from shared.bus.topology import events_exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.outbox import Outgoing
    from shared.service import Running

URL = "memory://"
# kombu looks at its in-memory queues once a second unless told otherwise; this is in seconds.
TRANSPORT = {"polling_interval": 0.01}


def first_unseen(source: Running, listeners: Sequence[Running]) -> int:
    """The number after which somebody has not seen everything: from there the source must be published again.

    The in-memory queues died with the process before, so this is asked once, at the start; what is published twice is
    known by its number.
    """
    with source.database.read() as connection:
        epoch, upto, _ = outbox.sent(connection)
    least = upto
    for listener in listeners:
        listener.consumer.fold()
        for subscription in listener.subscriptions:
            with listener.database.read() as connection:
                seen = inbox.complete_to(connection, subscription.name, source.name, epoch)
            if not subscription.events and source.name in subscription.sources:
                least = min(least, seen.get("*", 0))
            types = [each.TYPE for each in subscription.events if each.TYPE.startswith(f"{source.name}.")]
            with source.database.read() as connection:
                first = [outbox.first_after(connection, epoch, each, seen.get(each, 0)) for each in types]
            least = min([least, *(number - 1 for number in first if number is not None)])
    return least


class MemoryPublisher:
    """Hands events to the queues of this process; they are taken on as soon as the call returns."""

    def __init__(self) -> None:
        self._connection = Connection(URL, transport_options=TRANSPORT)
        self._channel = self._connection.channel()
        self._producer = self._connection.Producer(channel=self._channel, auto_declare=False)

    def publish(self, service: str, events: Sequence[Outgoing]) -> set[int]:
        """Put ``events`` into every queue bound to their types; all of them are taken on."""
        exchange = events_exchange(service).name
        for event in events:
            self._producer.publish(
                event.body,
                exchange=exchange,
                routing_key=event.type,
                content_type="application/cloudevents+json",
                content_encoding="utf-8",
            )
        return {event.number for event in events}

    def publish_raw(self, service: str, key: str, body: bytes) -> None:
        """Send something that is no event: an announcement."""
        self._producer.publish(
            body,
            exchange=f"{service}.events",
            routing_key=key,
            content_type="application/json",
            content_encoding="utf-8",
        )

    def close(self) -> None:
        """Give the connection back."""
        self._connection.release()
