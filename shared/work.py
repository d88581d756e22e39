"""A unit of work: one transaction, what it says, and who caused it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from shared import outbox
from shared.contracts.base import MAX_EVENT_BYTES, Event, sealed
from shared.database import Database, Sql, run_last
from shared.ids import Ids, new_id

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
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
    database: Database
    now: datetime
    actor: str
    correlation_id: str = ""
    causation_id: str = ""
    traceparent: str = ""
    new_id: Ids = new_id
    said: int = 0
    revoked: bool = False  # passes died in this work; the process that did it looks again at once
    _later: list[tuple[Sql, dict[str, Any]]] = field(default_factory=list)
    _connection: Connection | None = None
    _open: AbstractContextManager[Connection] | None = None

    @property
    def connection(self) -> Connection:
        """The connection of this transaction, which begins at its first use.

        Raises:
            Transient: the database is away, full or busy.
        """
        if self._connection is None:
            self._open = self.database.write()
            self._connection = self._open.__enter__()
        return self._connection

    @property
    def begun(self) -> bool:
        """Whether this work has touched the database, or will."""
        return self._open is not None or bool(self._later)

    def say(self, event: Event, sequence: int = 0) -> str:
        """Record ``event`` in this transaction; the relay publishes it after the commit.

        ``sequence`` is the version of the aggregate after this event, from 1; 0 where there is no order.

        Returns:
            The event's id.

        Raises:
            EventTooLarge: it would not fit into one log entry.
        """
        event_id = self.new_id()
        text = sealed(
            event,
            id=event_id,
            source=self.service,
            time=self.now,
            sequence=sequence,
            correlationid=self.correlation_id,
            causationid=self.causation_id,
            actor=self.actor,
            traceparent=self.traceparent,
        )
        if len(text) > MAX_EVENT_BYTES // 3 and len(text.encode()) > MAX_EVENT_BYTES:
            raise EventTooLarge(event.TYPE)
        self.later(outbox.PUT, type=event.TYPE, sealed=text)
        self.said += 1
        return event_id

    def later(self, statement: Sql, **parameters: Any) -> None:
        """Write ``statement`` at the end of this transaction, together with the others, in one round trip.

        A constraint it breaks raises when the work ends. Use ``connection`` where the result matters.
        """
        self._later.append((statement, parameters))

    def flush(self) -> None:
        """Write now what was put off, in this transaction."""
        statements, self._later = self._later, []
        run_last(self.connection, statements)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self.end(error)
        if error is None and self.said:
            self.database.committed()

    def end(self, error: BaseException | None = None) -> None:
        """Commit everything, what was put off last; or, with an ``error``, nothing. Called by the work's owner alone.

        A work that only put writes off is one round trip.

        Raises:
            Transient: the database is away, full or busy; nothing was written.
        """
        if self._open is None:
            if error is None and self._later:
                self.database.write_at_once(self._later)
            return
        opened, self._open = self._open, None
        try:
            if error is None:
                self.flush()
        except BaseException as failure:
            opened.__exit__(type(failure), failure, failure.__traceback__)
            raise
        opened.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)


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
) -> Work:
    """One unit of work, used with ``with``; committed when the block ends, rolled back when it raises.

    Leaving the block raises:
        Transient: the database is away, full or busy; nothing was written.
    """
    return Work(
        service, database, clock.now(), actor or f"system:{service}", correlation_id, causation_id, traceparent, ids
    )
