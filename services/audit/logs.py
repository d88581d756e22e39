"""The logs that follow each other: one is closed with a final checkpoint, the next begins where it ended.

Each is a C2SP log of its own, with its own name and keys. Entries are numbered through: the first entry of a log has the
number after the last one of the log before, and that number names an entry for ever. Within its log an entry has an
index, which counts from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.database import Sql, as_moment

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.settings import Settings


@dataclass(frozen=True)
class Log:
    """One of the logs.

    Attributes:
        number: 0 for the first.
        first: number of its first entry.
    """

    number: int = 0
    first: int = 0


@dataclass(frozen=True)
class Closed:
    """A log that takes no more entries; its final checkpoint states ``size`` and ``root``."""

    log: Log
    origin: str
    size: int
    root: bytes
    next_origin: str
    closed_at: datetime

    @property
    def beyond(self) -> int:
        """Number of the first entry of the next log."""
        return self.log.first + self.size


_CURRENT = Sql("SELECT number, first FROM log_head WHERE one = 1")
_CLOSED = Sql("SELECT number, origin, first, size, root, next_origin, closed_at FROM closed_log ORDER BY number")
_CLOSE = Sql(
    """INSERT INTO closed_log (number, origin, first, size, root, next_origin, closed_at)
       VALUES (:number, :origin, :first, :size, :root, :next_origin, :closed_at)"""
)


def current(connection: Connection) -> Log:
    """The log that takes entries."""
    row = _CURRENT.run(connection).first()
    return Log() if row is None else Log(int(row[0]), int(row[1]))


def closed(connection: Connection) -> list[Closed]:
    """Every closed log, in order."""
    found = []
    for number, origin, first, size, root, next_origin, closed_at in _CLOSED.run(connection):
        at = as_moment(closed_at)
        assert at is not None
        found.append(Closed(Log(int(number), int(first)), origin, int(size), bytes(root), next_origin, at))
    return found


def holding(connection: Connection, number: int) -> tuple[Log, Closed | None]:
    """The log in which entry ``number`` stands or will stand, and how it was closed."""
    now = current(connection)
    if number >= now.first:
        return now, None
    return next((each.log, each) for each in closed(connection) if number < each.beyond)


def origin_of(connection: Connection, settings: Settings, log: Log) -> str:
    """The name of a log: the setting for the first, for each other one what was said when the one before was closed."""
    if log.number == 0:
        return str(settings["AUDIT_ORIGIN"])
    return next(each.next_origin for each in closed(connection) if each.log.number == log.number - 1)


def keep_closed(connection: Connection, found: Closed) -> None:
    """Note that a log is closed; nobody changes it afterwards."""
    _CLOSE.run(
        connection, number=found.log.number, origin=found.origin, first=found.log.first, size=found.size, root=found.root,
        next_origin=found.next_origin, closed_at=found.closed_at,
    )  # fmt: skip
