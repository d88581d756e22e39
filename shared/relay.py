"""From the outbox to the broker: number, publish, and mark each row by its own confirm.

``Relay`` knows no broker: rows come in, events to publish go out, confirms come back. RabbitMQ, the in-memory bus and
the simulation drive the same object. One relay of a service is active at a time; the others stand by.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc

from shared import outbox
from shared.database import Sql, run_last
from shared.faults import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from shared.database import Database
    from shared.outbox import Outgoing

log = logging.getLogger(__name__)

WINDOW = 2000  # events handed over and not yet confirmed, at most
BATCH = 500  # rows numbered in one commit, at most
SELDOM = 50  # takes from one look for what was asked for again to the next, while there is always something new


@dataclass
class Relay:
    """The state of one service's relay.

    Attributes:
        begin: opens a write transaction; on PostgreSQL on the very connection that holds the relay's lock, so that a
            relay that lost the lock cannot write either.
        in_flight: published and in doubt, by number.
        more: whether the last ``take`` perhaps left something; of what comes later a commit tells.
    """

    service: str
    begin: Callable[[], AbstractContextManager[Connection]]
    window: int = WINDOW
    batch: int = BATCH
    in_flight: dict[int, Outgoing] = field(default_factory=dict)
    more: bool = False
    _epoch: int = 0
    _upto: int = 0
    _ahead: set[int] = field(default_factory=set)
    _read: int = 0  # the greatest number taken into memory since the start
    _head: int = 0  # the greatest number given
    _dirty: bool = False
    _takes: int = 0
    _again: deque[Outgoing] = field(default_factory=deque)

    def start(self) -> None:
        """Read where the last relay stopped; whatever it left in doubt will be published again."""
        with self.begin() as connection:
            self._epoch, self._upto, self._ahead = outbox.sent(connection)
            self._head = outbox.heads(connection).get("*", 0)
        self._read = self._upto
        self.in_flight.clear()
        self._again.clear()

    def take(self) -> list[Outgoing]:
        """The next events to publish, numbered and committed; empty when there is nothing or the window is full.

        What was confirmed since is noted in the same commit.
        """
        room = min(self.batch, self.window - len(self.in_flight))
        if room <= 0:
            self.note()
            return []
        self.more = True
        if self._again:
            events = [self._again.popleft() for _ in range(min(room, len(self._again)))]
        elif self._read < self._head:
            events = self._leftover(room)
        else:
            events = self._number(room)
            self.more = len(events) >= room or bool(self._again)
        for event in events:
            self.in_flight[event.number] = event
        return events

    def _leftover(self, room: int) -> list[Outgoing]:
        with self.begin() as connection:
            found = outbox.after(connection, self._epoch, self._read, room)
            run_last(connection, self._progress())
        self._noted()
        self._read = found[-1].number if found else self._head
        return [event for event in found if event.number not in self._ahead]

    def _number(self, room: int) -> list[Outgoing]:
        fault("relay.before_numbering")
        with self.begin() as connection:
            events = outbox.number_rows(connection, self._epoch, room, self._progress())
        self._noted()
        fault("relay.numbered")
        if events:
            self._read = self._head = events[-1].number
        # What was asked for again is looked for when there is nothing new, and now and then when there always is.
        self._takes += 1
        if not events or self._takes % SELDOM == 0:
            with self.begin() as connection:
                again = outbox.take_resends(connection)
            self._again.extend(event for event in again if event.number not in self.in_flight)
        return events

    def confirm(self, numbers: Iterable[int]) -> None:
        """The broker has taken these on."""
        for number in numbers:
            if self.in_flight.pop(number, None) is not None and number > self._upto:
                self._ahead.add(number)
                self._dirty = True
        while self._upto + 1 in self._ahead:
            self._upto += 1
            self._ahead.discard(self._upto)

    def refuse(self, numbers: Iterable[int]) -> None:
        """The broker did not take these; they will be published again."""
        for number in numbers:
            event = self.in_flight.pop(number, None)
            if event is not None:
                self._again.append(event)

    def lose(self) -> None:
        """The connection is gone: everything in flight is in doubt and will be published again, oldest first."""
        doubtful = [self.in_flight[number] for number in sorted(self.in_flight)]
        self.in_flight.clear()
        self._again.extendleft(reversed(doubtful))

    def note(self) -> None:
        """Write what was confirmed since the last commit, if anything was."""
        if self._dirty:
            with self.begin() as connection:
                run_last(connection, self._progress())
            self._noted()

    def _progress(self) -> list[tuple[Sql, dict[str, Any]]]:
        return [outbox.set_sent(self._epoch, self._upto, self._ahead)] if self._dirty else []

    def _noted(self) -> None:
        if self._dirty:
            self._dirty = False
            fault("relay.marked")

    def rewind(self, number: int) -> None:
        """Publish again everything above ``number``: the bus forgot it."""
        self._read = self._upto = min(number, self._upto)
        self._ahead.clear()
        self._dirty = True

    @property
    def idle(self) -> bool:
        """Nothing is in flight and nothing waits in memory."""
        return not self.in_flight and not self._again and self._read >= self._head and not self._dirty


_TRY_LOCK = Sql("SELECT 1", postgresql="SELECT pg_try_advisory_lock(720001)")
_UNLOCK = Sql("SELECT 1", postgresql="SELECT pg_advisory_unlock(720001)")


class StandBy(Exception):
    """Another relay of this service is active."""


@contextmanager
def sole_writer(database: Database) -> Iterator[Callable[[], AbstractContextManager[Connection]]]:
    """Hold the relay's lock; yields the way to open transactions under it.

    On SQLite the process is the only one (it holds the folder's lock), so the database's own writer is used.

    Raises:
        StandBy: another relay holds it.
        sqlalchemy.exc.DBAPIError: the database is away, now or later: the lock is then lost, and nothing can be written.
    """
    if database.is_sqlite:
        yield database.write
        return
    with database.engine.connect() as connection:
        if not _TRY_LOCK.run(connection).scalar_one():
            raise StandBy
        connection.commit()

        @contextmanager
        def begin() -> Iterator[Connection]:
            with connection.begin():
                yield connection

        try:
            yield begin
        finally:
            with suppress(exc.SQLAlchemyError):
                connection.rollback()
                _UNLOCK.run(connection)  # at once; the server notices a closed session only in a moment
            connection.invalidate()  # closes the session and with it the lock
