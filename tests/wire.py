"""What a piece of work costs on the wire: counts, which a busy machine cannot move."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest import mock

import kombu
import pika.channel
import psycopg2.extensions
import psycopg2.extras
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.database import Database


@dataclass
class Cost:
    """Counts of one piece of work.

    Attributes:
        messages: what psycopg2 sent and waited for, BEGIN and COMMIT among them: round trips to PostgreSQL.
        commits: transactions of SQLAlchemy that ended well.
        connections: opened to the database, or to anything else by a socket of Python's.
        publishes: to a broker, by kombu or pika.
        statements: texts in the order they were sent, for the message of an assertion; no BEGIN, no COMMIT.
    """

    messages: int = 0
    commits: int = 0
    connections: int = 0
    publishes: int = 0
    statements: list[str] = field(default_factory=list)

    def within(self, messages: int, commits: int, publishes: int = 0) -> bool:
        """At most so many, and no connection; it did something."""
        return (
            0 < self.messages <= messages
            and self.commits <= commits
            and self.publishes <= publishes
            and self.connections == 0
        )


@contextmanager
def counted(database: Database) -> Iterator[Cost]:
    """Count what the block does through ``database`` (on PostgreSQL) and to brokers."""
    cost = Cost()

    def wait(connection):
        cost.messages += 1
        psycopg2.extras.wait_select(connection)

    def counting(name, original):
        def call(*arguments, **options):
            setattr(cost, name, getattr(cost, name) + 1)
            return original(*arguments, **options)

        return call

    def committed(_connection):
        cost.commits += 1

    def connected(*_):
        cost.connections += 1

    def sent(_connection, _cursor, statement, *_):
        cost.statements.append(statement)

    heard = [("commit", committed), ("connect", connected), ("before_cursor_execute", sent)]
    for name, function in heard:
        event.listen(database.engine, name, function)
    psycopg2.extensions.set_wait_callback(wait)
    try:
        with (
            mock.patch.object(socket.socket, "connect", counting("connections", socket.socket.connect)),
            mock.patch.object(kombu.Producer, "publish", counting("publishes", kombu.Producer.publish)),
            mock.patch.object(
                pika.channel.Channel, "basic_publish", counting("publishes", pika.channel.Channel.basic_publish)
            ),
        ):
            yield cost
    finally:
        psycopg2.extensions.set_wait_callback(None)
        for name, function in heard:
            event.remove(database.engine, name, function)
