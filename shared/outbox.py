"""What a service has said and not yet told the broker.

A row is written in the transaction of the state it speaks of. The relay alone numbers rows; a number, once
committed, never changes, and the bytes of an event are a pure function of its row.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

from shared.clock import from_text
from shared.contracts.base import numbered
from shared.database import RowId, Sql, run_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection


def add_tables(metadata: MetaData) -> None:
    """Put the outbox, its heads and the relay's progress into a service's schema."""
    outbox = Table(
        "outbox",
        metadata,
        Column("row_id", RowId, primary_key=True),
        Column("type", Text, nullable=False),
        Column("sealed", Text, nullable=False),
        # Written only by the relay, once, in its own commit before the first publish.
        Column("sourcenumber", BigInteger),
        Column("typenumber", BigInteger),
        Column("epoch", Integer),
    )
    Index("outbox_unnumbered", outbox.c.row_id, sqlite_where=outbox.c.sourcenumber.is_(None),
          postgresql_where=outbox.c.sourcenumber.is_(None))  # fmt: skip
    Index("outbox_by_source", outbox.c.epoch, outbox.c.sourcenumber)
    Index("outbox_by_type", outbox.c.type, outbox.c.epoch, outbox.c.typenumber)
    # Last number given for each type, and for the source under type "*".
    Table("heads", metadata, Column("type", Text, primary_key=True), Column("last", BigInteger, nullable=False))
    # Numbers up to ``upto`` have been confirmed by the broker, and those in ``ahead`` (JSON list, bounded by the
    # relay's window). Each number gets in by its own confirm only. Written only by the relay.
    Table(
        "sent",
        metadata,
        Column("epoch", Integer, primary_key=True),
        Column("upto", BigInteger, nullable=False),
        Column("ahead", Text, nullable=False),
    )
    # Asked for again by a consumer; the relay publishes them and deletes the row.
    Table(
        "resend",
        metadata,
        Column("row_id", RowId, primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("type", Text, nullable=False),
        Column("numbers", Text, nullable=False),
    )


PUT = Sql("INSERT INTO outbox (type, sealed) VALUES (:type, :sealed)")

_UNNUMBERED = Sql("SELECT row_id, type, sealed FROM outbox WHERE sourcenumber IS NULL ORDER BY row_id LIMIT :limit")
_HEADS = Sql("SELECT type, last FROM heads")
_SET_HEAD = Sql(
    "INSERT INTO heads (type, last) VALUES (:type, :last) ON CONFLICT (type) DO UPDATE SET last = excluded.last"
)
_NUMBER = Sql(
    """UPDATE outbox SET epoch = :epoch, sourcenumber = json_extract(given.value, '$[1]'),
       typenumber = json_extract(given.value, '$[2]')
       FROM json_each(:given) AS given WHERE outbox.row_id = json_extract(given.value, '$[0]')"""
)
# The same in one statement, one round trip: all of it sees the heads as they were before.
_NUMBER_AT_ONCE = Sql(
    "",
    postgresql="""WITH due AS MATERIALIZED (
       SELECT row_id, type, row_number() OVER (ORDER BY row_id) AS s,
              row_number() OVER (PARTITION BY type ORDER BY row_id) AS t
       FROM (SELECT row_id, type FROM outbox WHERE sourcenumber IS NULL ORDER BY row_id LIMIT :limit) AS few),
     given AS (
       UPDATE outbox SET epoch = :epoch, typenumber = coalesce(own.last, 0) + due.t,
              sourcenumber = coalesce((SELECT last FROM heads WHERE type = '*'), 0) + due.s
       FROM due LEFT JOIN heads own ON own.type = due.type WHERE outbox.row_id = due.row_id
       RETURNING outbox.sourcenumber AS s, outbox.typenumber AS t, outbox.type, outbox.sealed),
     noted AS (
       INSERT INTO heads (type, last)
       SELECT type, max(t) FROM given GROUP BY type UNION ALL SELECT '*', max(s) FROM given HAVING count(*) > 0
       ON CONFLICT (type) DO UPDATE SET last = excluded.last)
     SELECT s, t, type, sealed FROM given ORDER BY s""",
    prepare=True,
)


class Outgoing(NamedTuple):
    """One numbered event, ready to publish."""

    number: int
    type: str
    body: bytes


def number_rows(
    connection: Connection, epoch: int, limit: int, first: Sequence[tuple[Sql, dict[str, Any]]] = ()
) -> list[Outgoing]:
    """Give the next numbers to the oldest unnumbered rows; at most ``limit``; and do ``first`` before, in one message.

    Rows are chosen by "not numbered", never by "id above the last", so that a transaction that commits late is found.
    Only the relay that holds the service's lock may call it, as the last act of its transaction.
    """
    if connection.dialect.name != "sqlite":
        found = run_last(connection, [*first, (_NUMBER_AT_ONCE, {"epoch": epoch, "limit": limit})])
        return _outgoing(found or (), epoch)
    run_last(connection, first)
    rows = _UNNUMBERED.run(connection, limit=limit).all()
    if not rows:
        return []
    heads = {type_: int(last) for type_, last in _HEADS.run(connection)}
    touched = {"*"}
    given: list[list[int]] = []
    out: list[Outgoing] = []
    for row_id, type_, sealed in rows:
        heads["*"] = source = heads.get("*", 0) + 1
        heads[type_] = place = heads.get(type_, 0) + 1
        touched.add(type_)
        given.append([row_id, source, place])
        out.append(Outgoing(source, type_, numbered(sealed, epoch, source, place)))
    _NUMBER.run(connection, epoch=epoch, given=json.dumps(given))
    for type_ in touched:
        _SET_HEAD.run(connection, type=type_, last=heads[type_])
    return out


_BY_SOURCE = Sql(
    """SELECT sourcenumber, typenumber, type, sealed FROM outbox
       WHERE epoch = :epoch AND sourcenumber > :after ORDER BY sourcenumber LIMIT :limit"""
)
_BY_SOURCE_LIST = Sql(
    """SELECT sourcenumber, typenumber, type, sealed FROM outbox WHERE epoch = :epoch
       AND sourcenumber IN (SELECT value FROM json_each(:numbers)) ORDER BY sourcenumber""",
    postgresql="""SELECT sourcenumber, typenumber, type, sealed FROM outbox WHERE epoch = :epoch AND sourcenumber IN
       (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:numbers AS json))) ORDER BY sourcenumber""",
)
_BY_TYPE_LIST = Sql(
    """SELECT sourcenumber, typenumber, type, sealed FROM outbox WHERE type = :type AND epoch = :epoch
       AND typenumber IN (SELECT value FROM json_each(:numbers)) ORDER BY sourcenumber""",
    postgresql="""SELECT sourcenumber, typenumber, type, sealed FROM outbox WHERE type = :type AND epoch = :epoch
       AND typenumber IN (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:numbers AS json)))
       ORDER BY sourcenumber""",
)


def _outgoing(rows: Iterable[Any], epoch: int) -> list[Outgoing]:
    return [Outgoing(source, type_, numbered(sealed, epoch, source, place)) for source, place, type_, sealed in rows]


def after(connection: Connection, epoch: int, number: int, limit: int) -> list[Outgoing]:
    """Numbered events above ``number``, oldest first, with the bytes they always had."""
    return _outgoing(_BY_SOURCE.run(connection, epoch=epoch, after=number, limit=limit), epoch)


def of_numbers(connection: Connection, epoch: int, type_: str, numbers: Sequence[int]) -> list[Outgoing]:
    """The events with these numbers: of the source where ``type_`` is ``*``, else of the type."""
    wanted = json.dumps(list(numbers))
    if type_ == "*":
        return _outgoing(_BY_SOURCE_LIST.run(connection, epoch=epoch, numbers=wanted), epoch)
    return _outgoing(_BY_TYPE_LIST.run(connection, epoch=epoch, type=type_, numbers=wanted), epoch)


def heads(connection: Connection) -> dict[str, int]:
    """The last number given for each type, and for the source under ``*``."""
    return {type_: int(last) for type_, last in _HEADS.run(connection)}


_SENT = Sql("SELECT epoch, upto, ahead FROM sent ORDER BY epoch DESC LIMIT 1")
_SET_SENT = Sql(
    """INSERT INTO sent (epoch, upto, ahead) VALUES (:epoch, :upto, :ahead)
       ON CONFLICT (epoch) DO UPDATE SET upto = excluded.upto, ahead = excluded.ahead""",
    prepare=True,
)
_RESENDS = Sql("SELECT row_id, epoch, type, numbers FROM resend ORDER BY row_id LIMIT 20")
_RESENT = Sql("DELETE FROM resend WHERE row_id = :row_id")
WANT = Sql("INSERT INTO resend (epoch, type, numbers) VALUES (:epoch, :type, :numbers)")
_WAITING = Sql(
    """SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE sourcenumber IS NULL LIMIT 100000) AS few)"""
)


def sent(connection: Connection) -> tuple[int, int, set[int]]:
    """(epoch, upto, ahead): what the broker has taken on so far."""
    row = _SENT.run(connection).first()
    return (1, 0, set()) if row is None else (int(row[0]), int(row[1]), set(json.loads(row[2])))


def set_sent(epoch: int, upto: int, ahead: set[int]) -> tuple[Sql, dict[str, Any]]:
    """What notes that the broker has taken on so much."""
    return _SET_SENT, {"epoch": epoch, "upto": upto, "ahead": json.dumps(sorted(ahead))}


def take_resends(connection: Connection) -> list[Outgoing]:
    """What consumers asked to have again; asking is forgotten with this transaction."""
    found: list[Outgoing] = []
    for row_id, epoch, type_, numbers in _RESENDS.run(connection).all():
        found += of_numbers(connection, epoch, type_, json.loads(numbers))
        _RESENT.run(connection, row_id=row_id)
    return found


def unnumbered(connection: Connection) -> int:
    """How many events the relay has not yet taken up; counts to 100,000."""
    return int(_WAITING.run(connection).scalar_one())


# The oldest rows only, so that it is quick whatever is kept; one that the broker has not taken yet, or that is younger,
# keeps what lies behind it.
_OLDEST = Sql(
    """SELECT row_id, epoch, sourcenumber, json_extract(sealed, '$.time') FROM outbox ORDER BY row_id LIMIT :limit""",
    postgresql="""SELECT row_id, epoch, sourcenumber, CAST(sealed AS json) ->> 'time' FROM outbox
       ORDER BY row_id LIMIT :limit""",
)
_DROP = Sql(
    "DELETE FROM outbox WHERE row_id IN (SELECT value FROM json_each(:rows))",
    postgresql="""DELETE FROM outbox WHERE row_id IN
       (SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:rows AS json)))""",
)


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """The oldest events that the broker has taken and that are older than ``before`` are deleted; how many, at most ``limit``."""
    epoch, upto, ahead = sent(connection)
    gone: list[int] = []
    for row_id, of_epoch, number, time in _OLDEST.run(connection, limit=limit):
        taken = number is not None and (of_epoch < epoch or (of_epoch == epoch and (number <= upto or number in ahead)))
        if not taken or from_text(time) >= before:
            break
        gone.append(row_id)
    if gone:
        _DROP.run(connection, rows=json.dumps(gone))
    return len(gone)


_FIRST_AFTER = Sql(
    "SELECT min(sourcenumber) FROM outbox WHERE type = :type AND epoch = :epoch AND typenumber > :typenumber"
)


def first_after(connection: Connection, epoch: int, type_: str, typenumber: int) -> int | None:
    """Number in the source of the first event of a type above a number of that type; None when there is none."""
    found = _FIRST_AFTER.run(connection, epoch=epoch, type=type_, typenumber=typenumber).scalar()
    return None if found is None else int(found)
