"""One database for each service, PostgreSQL or SQLite, with the same promises.

Every write is one short transaction. On SQLite writers queue on one lock a file, because a writer that yields inside
a transaction while another waits for the file would stop the whole process for the busy timeout.
"""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlalchemy
from psycopg2.extensions import STATUS_READY
from sqlalchemy import BigInteger, DateTime, Integer, String, event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator

from shared.clock import from_text, to_text
from shared.errors import Crossed, OutOfSpace, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection, Engine, RootTransaction

sqlite3.register_adapter(datetime, to_text)

TRIES = (0.02, 0.05)  # seconds between tries to begin on a SQLite file that another program has locked

# A 64-bit row id that also counts up by itself on SQLite, where only INTEGER does.
RowId = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware UTC instant: ``timestamptz`` on PostgreSQL, fixed-width RFC 3339 text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Any) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        return to_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        return as_moment(value)


def as_moment(value: Any) -> datetime | None:
    """An instant as a raw statement returns it, from either database, as aware UTC."""
    if value is None:
        return None
    if isinstance(value, str):
        return from_text(value)
    from datetime import UTC

    return value.astimezone(UTC)  # type: ignore[no-any-return]


class Sql:
    """A statement written once with ``:named`` parameters, run without SQLAlchemy's compilation.

    For the hot paths only: intake, outbox, inbox, relay, log. Everything else uses Core. Instants may be passed as
    aware datetimes and come back as each driver gives them (:func:`as_moment`).
    """

    _NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")

    def __init__(self, text: str, *, postgresql: str | None = None) -> None:
        self.sqlite = " ".join(text.split())
        other = " ".join((postgresql or text).split()).replace("%", "%%")
        self.names = tuple(self._NAME.findall(other))
        self.postgresql = self._NAME.sub("%s", other)

    def run(self, connection: Connection, **parameters: Any) -> sqlalchemy.CursorResult[*tuple[Any, ...]]:
        """Run it once on ``connection``."""
        if connection.dialect.name == "sqlite":
            return connection.exec_driver_sql(self.sqlite, parameters)
        return connection.exec_driver_sql(self.postgresql, tuple(parameters[name] for name in self.names))


def run_last(connection: Connection, statements: Sequence[tuple[Sql, dict[str, Any]]]) -> None:
    """Run the last writes of a transaction, in order; on PostgreSQL in one round trip. Results are not available.

    On PostgreSQL they are committed with it when nothing was sent before them: the statements of one simple query are
    one transaction (PostgreSQL manual, 55.2.2.1), so that neither BEGIN nor COMMIT is a round trip of its own. The caller
    commits in any case and does nothing in between.
    """
    if not statements:
        return
    if connection.dialect.name == "sqlite":
        for statement, parameters in statements:
            connection.exec_driver_sql(statement.sqlite, parameters)
        return
    text = _joined(tuple(statement for statement, _ in statements))
    values = tuple(parameters[name] for statement, parameters in statements for name in statement.names)
    driver: Any = connection.connection.dbapi_connection
    if driver.status != STATUS_READY:
        connection.exec_driver_sql(text, values)
        return
    driver.autocommit = True
    try:
        connection.exec_driver_sql(text, values)
    finally:
        if not driver.closed:
            driver.autocommit = False


@lru_cache(maxsize=1024)
def _joined(statements: tuple[Sql, ...]) -> str:
    return "; ".join(statement.postgresql for statement in statements)


class Database:
    """Where one service keeps its state.

    Attributes:
        url: SQLAlchemy URL, ``sqlite:///...`` or ``postgresql+psycopg2://...``.
        after_commit: called after each committed write that asked for it (see ``Work``); must not block.
    """

    def __init__(self, url: str, *, pool_size: int = 20, statement_timeout_ms: int = 5000) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._write_lock = threading.RLock()  # SQLite only: held around every write transaction
        self.after_commit: list[Callable[[], None]] = []
        options: dict[str, Any] = {"future": True}
        if self.is_sqlite:
            memory = make_url(url).database in {None, "", ":memory:"}
            options["connect_args"] = {"check_same_thread": False, "timeout": 0 if not memory else 5}
            options["poolclass"] = sqlalchemy.StaticPool if memory else sqlalchemy.QueuePool
            if not memory:
                options["pool_size"] = pool_size
        else:
            options |= {
                "pool_size": pool_size,
                "max_overflow": 0,
                "pool_timeout": 1,
                "pool_reset_on_return": "rollback",
                "connect_args": {
                    "connect_timeout": 5,
                    # A peer that vanished without a word is given up on both sides, and with it the relay's lock.
                    "keepalives_idle": 10,
                    "keepalives_interval": 5,
                    "keepalives_count": 3,
                    "tcp_user_timeout": 25000,
                    "options": f"-c statement_timeout={statement_timeout_ms} -c lock_timeout=2000"
                    " -c idle_in_transaction_session_timeout=30000 -c timezone=UTC"
                    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3",
                },
            }
        self.engine: Engine = sqlalchemy.create_engine(url, **options)
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        self._writing = self.engine.execution_options(houqin_begin="BEGIN IMMEDIATE")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: committed when the block ends, rolled back when it raises.

        Raises:
            Transient: the database is away, full or locked for too long; nothing was written, except that a commit
                whose answer was lost is in doubt (idempotency keys and the inbox decide).
        """
        if self.is_sqlite:
            self._write_lock.acquire()
        try:
            with _translated(), self._writing.connect() as connection, self._begun(connection):
                yield connection
        finally:
            if self.is_sqlite:
                self._write_lock.release()

    def _begun(self, connection: Connection) -> RootTransaction:
        """A transaction; where another program holds the SQLite file it is asked for three times."""
        for pause in TRIES if self.is_sqlite else ():
            try:
                return connection.begin()
            except exc.OperationalError as error:
                if "locked" not in str(error.orig):
                    raise
                time.sleep(pause)
        return connection.begin()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading one consistent picture; nothing is ever written on it."""
        with _translated(), self.engine.connect() as connection:
            yield connection

    def committed(self) -> None:
        """Tell those who wait that a write with something to send was committed."""
        for wake in self.after_commit:
            wake()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
        detail = str(getattr(error, "orig", error))
        code = getattr(getattr(error, "orig", None), "pgcode", None)
        if code == "53100" or "disk is full" in detail or "No space left" in detail:
            raise OutOfSpace(detail) from error
        if code in {"40001", "40P01"}:
            raise Crossed(detail) from error
        if code in {"42P01", "42703"} or "no such table" in detail or "no such column" in detail:
            raise
        raise Transient(detail) from error
    except exc.DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "pgcode", None) in {"57P01", "53300"}:
            raise Transient(str(error.orig)) from error
        raise


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            "busy_timeout=0",
            "trusted_schema=OFF",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("houqin_begin", "BEGIN"))
