"""What a service listens to, as data; the hosts, the topology and the documents all read the same lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.contracts.base import Envelope, Event
    from shared.outbox import Outgoing
    from shared.work import Work


@dataclass(frozen=True)
class Delivery:
    """One event as it came: read, and as bytes.

    Attributes:
        redelivered: the broker has handed it out before; perhaps somebody died of it.
    """

    envelope: Envelope
    body: bytes
    redelivered: bool = False


@dataclass(frozen=True)
class Subscription:
    """One handler's interest.

    Attributes:
        name: ``<service>.<handler>``; also the queue.
        events: the types it takes; empty for everything that ``sources`` say.
        handler: ``handler(work, event, envelope)``; where ``whole`` is true ``handler(work, deliveries)``.
        batch: how many events at most share one transaction. A batch that fails is tried one by one, so a handler
            needs no care for it.
        gather: seconds that the first event of a small batch waits for others, where nobody waits for the handler: each
            transaction costs both sides more than an event in it.
    """

    name: str
    handler: Callable[..., None]
    events: tuple[type[Event], ...] = ()
    sources: tuple[str, ...] = ()
    whole: bool = False
    batch: int = 50
    gather: float = 0.0

    @property
    def service(self) -> str:
        return self.name.partition(".")[0]

    def bindings(self) -> list[tuple[str, str]]:
        """(exchange, routing key) pairs that bring it its events."""
        if not self.events:
            return [(f"{source}.events", "#") for source in self.sources]
        return [(f"{event.TYPE.partition('.')[0]}.events", event.TYPE) for event in self.events]

    def place(self, envelope: Envelope) -> tuple[str, str, int, int]:
        """(source, type, epoch, number) under which this handler remembers an event.

        A handler of some types sees gaps in the numbers of those types; one of everything in those of the source.
        """
        if self.events:
            return (envelope.source, envelope.type, envelope.sourceepoch, envelope.typenumber)
        return (envelope.source, "*", envelope.sourceepoch, envelope.sourcenumber)


def on(
    *events: type[Event], do: Callable[[Work, Any, Envelope], None], service: str = "", batch: int = 50
) -> Subscription:
    """A subscription of ``do`` to ``events``; the service is taken from the handler's module."""
    owner = service or do.__module__.split(".")[1]
    return Subscription(name=f"{owner}.{do.__name__}", handler=do, events=events, batch=batch)


def on_everything(
    sources: Sequence[str], *, do: Callable[[Work, Sequence[Delivery]], None], service: str = "", batch: int = 200,
    gather: float = 0.0,
) -> Subscription:  # fmt: skip
    """A subscription of ``do`` to every event of ``sources``; it takes whole batches."""
    owner = service or do.__module__.split(".")[1]
    return Subscription(
        name=f"{owner}.{do.__name__}", handler=do, sources=tuple(sources), whole=True, batch=batch, gather=gather
    )


class Publisher(Protocol):
    """The relay's way to the broker."""

    def publish(self, service: str, events: Sequence[Outgoing]) -> set[int]:
        """Hand ``events`` over, in order; the numbers that the broker has taken on.

        Numbers that are absent from the answer are in doubt and must be sent again.
        """
        ...
