"""A unit of work: one transaction, what it says, and who caused it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared import outbox
from shared.contracts.base import MAX_EVENT_BYTES, Envelope, Event, seal
from shared.database import Database, Sql, run_last
from shared.ids import Ids, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.clock import Clock


class EventTooLarge(ValueError):
    """An event would not fit into a log entry: a bound is missing where its data came in."""


@dataclass
class Work:
    """One transaction of one service.

    State changes go through ``connection`` (SQLAlchemy Core) or ``later`` (hot paths); what happened is told with
    ``say``. All of it is committed together, or none of it.

    Attributes:
        now: the instant of this work, aware UTC; the same for everything in it.
        actor: pseudonym of who acts: ``account:<id>``, ``crew:<code>``, ``system:<service>``.
        correlation_id: the same from the first HTTP request to the last consumer.
        causation_id: id of the event that is being handled; empty for a person's act.
    """

    service: str
    connection: Connection
    now: datetime
    actor: str
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    new_id: Ids = new_id
    said: int = 0
    revoked: bool = False  # passes died in this work; the process that did it looks again at once
    _later: list[tuple[Sql, dict[str, Any]]] = field(default_factory=list)

    def say(self, event: Event, sequence: int = 0) -> str:
        """Record ``event`` in this transaction; the relay publishes it after the commit.

        ``sequence`` is the version of the aggregate after this event, from 1; 0 where there is no order.

        Returns:
            The event's id.

        Raises:
            EventTooLarge: it would not fit into one log entry.
        """
        event_id = self.new_id()
        sealed = seal(
            Envelope(
                id=event_id,
                source=self.service,
                type=event.TYPE,
                subject=event.subject,
                time=self.now,
                data=event.data(),
                sequence=sequence,
                correlationid=self.correlation_id,
                causationid=self.causation_id,
                actor=self.actor,
                traceparent=self.traceparent,
            )
        )
        if len(sealed) > MAX_EVENT_BYTES // 3 and len(sealed.encode()) > MAX_EVENT_BYTES:
            raise EventTooLarge(event.TYPE)
        self.later(outbox.PUT, type=event.TYPE, sealed=sealed)
        self.said += 1
        return event_id

    def later(self, statement: Sql, **parameters: Any) -> None:
        """Write ``statement`` at the end of this transaction, together with the others, in one round trip.

        A constraint it breaks raises when the work ends. Use ``connection`` where the result matters.
        """
        self._later.append((statement, parameters))

    def flush(self) -> None:
        """Write now what was put off; called by the owner of the transaction as the last act before the commit."""
        statements, self._later = self._later, []
        run_last(self.connection, statements)


@contextmanager
def work(
    service: str,
    database: Database,
    clock: Clock,
    *,
    actor: str = "",
    correlation_id: str = "",
    causation_id: str = "",
    traceparent: str = "",
    ids: Ids = new_id,
) -> Iterator[Work]:
    """Open one unit of work; committed when the block ends, rolled back when it raises.

    Raises:
        Transient: the database is away, full or busy; nothing was written.
    """
    with database.write() as connection:
        unit = Work(
            service=service,
            connection=connection,
            now=clock.now(),
            actor=actor or f"system:{service}",
            correlation_id=correlation_id,
            causation_id=causation_id,
            traceparent=traceparent,
            new_id=ids,
        )
        yield unit
        unit.flush()
    if unit.said:
        database.committed()
