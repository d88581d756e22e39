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
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import psycopg2
import sqlalchemy
from psycopg2.extensions import STATUS_READY
from sqlalchemy import BigInteger, DateTime, Integer, String, event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator

from shared.clock import from_text, to_text
from shared.errors import Crossed, OutOfSpace, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence

    from sqlalchemy import Connection, Engine, RootTransaction, Table

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


_INSERT = re.compile(r"INSERT INTO \w+ \([\w, ]+\) VALUES \((?:%s|[0-9]+|''|'\w+')(?:, (?:%s|[0-9]+|''|'\w+'))*\)")


class Sql:
    """A statement written once with ``:named`` parameters, run without SQLAlchemy's compilation.

    For the hot paths only: intake, outbox, inbox, relay, log. Everything else uses Core. Instants may be passed as
    aware datetimes and come back as each driver gives them (:func:`as_moment`).
    """

    _NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")

    def __init__(self, text: str, *, postgresql: str | None = None, prepare: bool = False) -> None:
        self.sqlite = " ".join(text.split())
        other = " ".join((postgresql or text).split()).replace("%", "%%")
        self.names = tuple(self._NAME.findall(other))
        self.postgresql = self._NAME.sub("%s", other)
        # A plain insert says by its columns of what types its values are; others must say it themselves.
        self.prepared = self.preparing = self.executing = ""
        if prepare or _INSERT.fullmatch(self.postgresql):
            places = iter(range(1, len(self.names) + 1))
            self.prepared = f"houqin_{sha256(self.postgresql.encode()).hexdigest()[:16]}"
            text = re.sub("%s", lambda _: f"${next(places)}", self.postgresql)
            self.preparing = f"PREPARE {self.prepared} AS {text}; "
            given = f" ({', '.join(['%s'] * len(self.names))})" if self.names else ""
            self.executing = f"EXECUTE {self.prepared}{given}"
        names = self.names
        #: Of one set of parameters, the values in the order of the text.
        self.values: Callable[[dict[str, Any]], tuple[Any, ...]] = (
            itemgetter(*names) if len(names) > 1 else lambda given: tuple([given[name] for name in names])
        )

    def run(self, connection: Connection, **parameters: Any) -> sqlalchemy.CursorResult[*tuple[Any, ...]]:
        """Run it once on ``connection``."""
        if connection.dialect.name == "sqlite":
            return connection.exec_driver_sql(self.sqlite, parameters)
        return connection.exec_driver_sql(self.postgresql, self.values(parameters))


def run_last(
    connection: Connection, statements: Sequence[tuple[Sql, dict[str, Any]]]
) -> sqlalchemy.CursorResult[*tuple[Any, ...]] | None:
    """Run the last statements of a transaction, in order, on PostgreSQL in one round trip; the result of the last one.

    On PostgreSQL they are committed with it when nothing was sent before them: the statements of one simple query are
    one transaction (PostgreSQL manual, 55.2.2.1), so that neither BEGIN nor COMMIT is a round trip of its own. The caller
    commits in any case and does nothing in between.
    """
    result = None
    if not statements:
        return result
    if connection.dialect.name == "sqlite":
        for statement, parameters in statements:
            result = connection.exec_driver_sql(statement.sqlite, parameters)
        return result
    pooled = connection.connection
    text, values, ready = _message(pooled.info, statements)
    driver: Any = pooled.dbapi_connection
    if driver.status != STATUS_READY:
        result = connection.exec_driver_sql(text, values)
    else:
        driver.autocommit = True
        try:
            result = connection.exec_driver_sql(text, values)
        finally:
            if not driver.closed:
                driver.autocommit = False
    pooled.info[PREPARED] = ready
    return result


def texts(values: Sequence[str]) -> str:
    """``values`` as the one literal that PostgreSQL casts to ``text[]``.

    A list as a parameter becomes an expression with a constant for each element, which the server parses, types and
    plans: a thousand rows take twice as long that way.
    """
    if not values:
        return "{}"
    text = '","'.join(values)
    if "\\" in text or text.count('"') != 2 * (len(values) - 1):
        text = '","'.join([each.replace("\\", "\\\\").replace('"', '\\"') for each in values])
    return f'{{"{text}"}}'


def numbers(values: Iterable[int]) -> str:
    """``values`` as the one literal that PostgreSQL casts to ``bigint[]``; see ``texts``."""
    return f"{{{','.join(map(str, values))}}}"


class Rows:
    """Inserts many rows into one table; on PostgreSQL each column is one literal, which costs both sides a fraction of a
    constant for each value. For hot paths, as ``Sql`` is; texts, whole numbers, decimals, instants and None.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._statements: dict[tuple[str, ...], str] = {}

    def insert(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Insert ``rows``, of which all have the columns of the first.

        Raises:
            sqlalchemy.exc.IntegrityError: a constraint refuses one; none was inserted.
        """
        if not rows:
            return
        if connection.dialect.name == "sqlite":
            connection.execute(self.table.insert(), list(rows))
            return
        names = tuple(rows[0])
        statement = self._statements.get(names)
        if statement is None:
            statement = self._statements[names] = self._statement(names, connection)
        connection.exec_driver_sql(statement, tuple([_literal([row[name] for row in rows]) for name in names]))

    def _statement(self, names: tuple[str, ...], connection: Connection) -> str:
        kinds = [self.table.c[name].type.compile(dialect=connection.dialect) for name in names]
        given = ", ".join(f"CAST(%s AS {kind}[])" for kind in kinds)
        return f"INSERT INTO {self.table.name} ({', '.join(names)}) SELECT * FROM unnest({given})"


def _literal(values: list[Any]) -> str:
    """A column's values as the literal of an array."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return texts(values)
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return texts([value])[1:-1]
    if isinstance(value, datetime):
        return f'"{_with_zone(value).isoformat()}"'
    if isinstance(value, (int, Decimal)):
        return str(value)
    raise TypeError(f"no column holds {type(value).__name__}")


def _with_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return value


PREPARED = "houqin_prepared"  # names of the statements that a connection has; absent = nobody knows


def _message(
    info: MutableMapping[Any, Any], statements: Sequence[tuple[Sql, dict[str, Any]]]
) -> tuple[str, tuple[Any, ...], set[str]]:
    """One text for all and its values in order, for the connection of which the pool keeps ``info``; what it has then.

    What can be prepared is prepared once on each connection, so that PostgreSQL neither parses nor plans it again. Until
    whoever sends the message notes that it went through, it is unknown what the connection has.
    """
    known: set[str] | None = info.pop(PREPARED, None)
    ready = known or set()
    new = {each.prepared: each.preparing for each, _ in statements if each.prepared and each.prepared not in ready}
    values: list[Any] = []
    for statement, parameters in statements:
        values += statement.values(parameters)
    text = _joined(tuple([statement for statement, _ in statements]))
    if new or known is None:
        text = "".join(["DEALLOCATE ALL; " if known is None else "", *new.values(), text])
        ready = ready | set(new)
    return text, tuple(values), ready


@lru_cache(maxsize=1024)
def _joined(statements: tuple[Sql, ...]) -> str:
    return "; ".join(each.executing or each.postgresql for each in statements)


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
                "pool_reset_on_return": None,  # a connection comes back after a commit or a rollback of ours, always
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

    def write_at_once(self, statements: Sequence[tuple[Sql, dict[str, Any]]]) -> None:
        """One write transaction of nothing but ``statements``, in order; on PostgreSQL one round trip.

        The hottest path there is: the pool's connection is used as the driver gives it.

        Raises:
            Transient: as ``write``. sqlalchemy.exc.IntegrityError: a constraint refuses one; nothing was written.
        """
        if self.is_sqlite:
            with self.write() as connection:
                run_last(connection, statements)
            return
        with _translated():
            pooled: Any = self.engine.raw_connection()
            driver = pooled.dbapi_connection
            text, values, ready = _message(pooled.info, statements)
            try:
                driver.autocommit = True
                driver.cursor().execute(text, values)
                pooled.info[PREPARED] = ready
                driver.autocommit = False
            except psycopg2.Error as error:
                gone = bool(driver.closed) or self.engine.dialect.is_disconnect(error, driver, None)  # type: ignore[arg-type]
                if gone:
                    pooled.invalidate(error)
                else:
                    driver.autocommit = False
                raise exc.DBAPIError.instance(
                    text, values, error, psycopg2.Error, hide_parameters=True, connection_invalidated=gone,
                    dialect=self.engine.dialect,
                ) from error  # fmt: skip
            except BaseException as error:
                pooled.invalidate(error)  # ended in the middle of a conversation
                raise
            finally:
                pooled.close()

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
    except psycopg2.Error as error:  # while connecting, which SQLAlchemy leaves as it is for a raw connection
        raise Transient(str(error)) from error


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
