"""What a handler has seen, exact for ever in a few rows.

For each handler, source, type and epoch there is a watermark: every number up to it has been seen. Numbers above it
are single rows until the gap before them closes and they are folded into the watermark.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, PrimaryKeyConstraint, Table, Text

from shared.database import Moment, RowId, Sql, as_moment, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.work import Work

FEW = 64  # places that are claimed in one round trip; looking more of them up again costs more than a second one

Place = tuple[str, str, int, int]  # source, type (or "*"), epoch, number


def add_tables(metadata: MetaData) -> None:
    """Put the inbox, the waiting events and the count of starts into a service's schema."""
    Table(
        "inbox",
        metadata,
        Column("handler", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("number", BigInteger, nullable=False),
        PrimaryKeyConstraint("handler", "source", "type", "epoch", "number"),
    )
    Table(
        "watermark",
        metadata,
        Column("handler", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("upto", BigInteger, nullable=False),
        # The greatest number known to exist: seen here, or announced by the source.
        Column("head", BigInteger, nullable=False),
        # Since when upto has been below head; null while nothing is missing.
        Column("behind_since", Moment),
        Column("asked_at", Moment),
        PrimaryKeyConstraint("handler", "source", "type", "epoch"),
    )
    # Events that failed (waiting), failed for good (parked) or cannot be read (dead). They count as seen.
    waiting = Table(
        "waiting",
        metadata,
        Column("row_id", RowId, primary_key=True),
        Column("handler", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("state", Text, nullable=False),  # waiting, parked, dead
        Column("attempt", Integer, nullable=False),
        Column("since", Moment, nullable=False),
        Column("not_before", Moment, nullable=False),
        Column("error", Text, nullable=False),
        Column("body", Text, nullable=False),
    )
    Index("waiting_due", waiting.c.state, waiting.c.not_before)
    # How often a redelivered event was begun: five starts without an end mean that it kills.
    Table(
        "starts",
        metadata,
        Column("handler", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        PrimaryKeyConstraint("handler", "event_id"),
    )


_CLAIM = Sql(
    """INSERT INTO inbox (handler, source, type, epoch, number)
       SELECT :handler, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
              json_extract(value, '$[3]') FROM json_each(:places) WHERE true
       ON CONFLICT DO NOTHING RETURNING source, type, epoch, number""",
    postgresql="""INSERT INTO inbox (handler, source, type, epoch, number)
       SELECT :handler, p.s, p.t, p.e, p.n FROM unnest(CAST(:sources AS text[]), CAST(:types AS text[]),
              CAST(:epochs AS integer[]), CAST(:numbers AS bigint[])) AS p(s, t, e, n)
       ON CONFLICT DO NOTHING RETURNING source, type, epoch, number""",
)
# Two statements, so that the second sees what was folded while the first waited, and one round trip: what this very
# transaction has inserted and no watermark covers.
_CLAIM_BOTH = Sql(
    "",
    postgresql="""INSERT INTO inbox (handler, source, type, epoch, number)
       SELECT :handler, p.s, p.t, p.e, p.n FROM unnest(CAST(:sources AS text[]), CAST(:types AS text[]),
              CAST(:epochs AS integer[]), CAST(:numbers AS bigint[])) AS p(s, t, e, n)
       ON CONFLICT DO NOTHING;
       SELECT i.source, i.type, i.epoch, i.number FROM unnest(CAST(:sources AS text[]), CAST(:types AS text[]),
              CAST(:epochs AS integer[]), CAST(:numbers AS bigint[])) AS p(s, t, e, n)
       JOIN inbox i ON i.handler = :handler AND i.source = p.s AND i.type = p.t AND i.epoch = p.e AND i.number = p.n
       LEFT JOIN watermark w ON w.handler = i.handler AND w.source = i.source AND w.type = i.type AND w.epoch = i.epoch
       WHERE i.xmin = CAST(pg_current_xact_id() AS xid) AND i.number > coalesce(w.upto, 0)""",
)
# A claim that breaks its whole transaction where one of the places was seen before: it needs no answer of its own. The
# guard reads the watermark after the insert, as above.
_TAKE = Sql(
    "INSERT INTO inbox (handler, source, type, epoch, number) VALUES (:handler, :source, :type, :epoch, :number)"
)
_GUARD = Sql(
    "",
    postgresql="""SELECT CAST(CASE WHEN EXISTS (SELECT FROM watermark WHERE handler = :handler AND source = :source
       AND type = :type AND epoch = :epoch AND upto >= :number) THEN 'seen' ELSE '0' END AS integer)""",
    prepare=True,
)
_TAKE_MANY = Sql(
    "",
    postgresql="""INSERT INTO inbox (handler, source, type, epoch, number)
       SELECT CAST(:handler AS text), p.s, p.t, p.e, p.n FROM unnest(CAST(:sources AS text[]), CAST(:types AS text[]),
              CAST(:epochs AS integer[]), CAST(:numbers AS bigint[])) AS p(s, t, e, n)""",
    prepare=True,
)
_GUARD_MANY = Sql(
    "",
    postgresql="""SELECT CAST(CASE WHEN EXISTS (SELECT FROM unnest(CAST(:sources AS text[]), CAST(:types AS text[]),
              CAST(:epochs AS integer[]), CAST(:numbers AS bigint[])) AS p(s, t, e, n)
       JOIN watermark w ON w.handler = :handler AND w.source = p.s AND w.type = p.t AND w.epoch = p.e
       WHERE w.upto >= p.n) THEN 'seen' ELSE '0' END AS integer)""",
    prepare=True,
)
_WATERMARKS = Sql("SELECT source, type, epoch, upto FROM watermark WHERE handler = :handler")


def claim(connection: Connection, handler: str, places: Sequence[Place]) -> set[Place]:
    """Mark ``places`` as seen by ``handler``; the ones that were not seen before.

    A concurrent claim of the same place waits for this transaction and then finds it taken. The rows are inserted
    before the watermark is read: a place that was folded away in between is found below it.
    """
    if not places:
        return set()
    wanted = list(dict.fromkeys(places))
    if connection.dialect.name == "sqlite":
        new = _CLAIM.run(connection, handler=handler, places=json.dumps(wanted)).all()
    else:
        columns = _columns(wanted)
        if len(wanted) <= FEW:
            fresh = _CLAIM_BOTH.run(connection, handler=handler, **columns)
            return {(source, type_, epoch, number) for source, type_, epoch, number in fresh}
        new = _CLAIM.run(connection, handler=handler, **columns).all()
    if not new:
        return set()
    upto = {
        (source, type_, epoch): number for source, type_, epoch, number in _WATERMARKS.run(connection, handler=handler)
    }
    return {
        (source, type_, epoch, number)
        for source, type_, epoch, number in new
        if number > upto.get((source, type_, epoch), 0)
    }


_ALL = Sql("SELECT handler, source, type, epoch, number FROM inbox ORDER BY number LIMIT 50000")
_MARKS = Sql("SELECT handler, source, type, epoch, upto, head, behind_since FROM watermark")
_SET_MARK = Sql(
    """INSERT INTO watermark (handler, source, type, epoch, upto, head, behind_since)
       VALUES (:handler, :source, :type, :epoch, :upto, :head, :behind_since)
       ON CONFLICT (handler, source, type, epoch) DO UPDATE SET
       upto = CASE WHEN excluded.upto > watermark.upto THEN excluded.upto ELSE watermark.upto END,
       head = CASE WHEN excluded.head > watermark.head THEN excluded.head ELSE watermark.head END,
       behind_since = excluded.behind_since"""
)
_FOLDED = Sql(
    """DELETE FROM inbox WHERE handler = :handler AND source = :source AND type = :type AND epoch = :epoch
       AND number <= :upto"""
)


def fold(connection: Connection, now: datetime) -> int:
    """Move every watermark over the numbers that have closed up; how many rows it took away.

    One process of a service at a time: the caller holds the service's fold lock or is the only writer.
    """
    marks = {
        (handler, source, type_, epoch): (upto, head, as_moment(since))
        for handler, source, type_, epoch, upto, head, since in _MARKS.run(connection)
    }
    numbers: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
    for handler, source, type_, epoch, number in _ALL.run(connection):
        numbers[handler, source, type_, epoch].append(number)
    gone = 0
    for key in set(numbers) | {key for key, (upto, head, since) in marks.items() if head > upto or since is not None}:
        upto, head, since = marks.get(key, (0, 0, None))
        before = upto
        for number in numbers.get(key, ()):
            if number == upto + 1:
                upto = number
            head = max(head, number)
        behind = (since or now) if upto < head else None
        handler, source, type_, epoch = key
        place: dict[str, Any] = {"handler": handler, "source": source, "type": type_, "epoch": epoch}
        if (upto, head, behind) != marks.get(key):
            _SET_MARK.run(connection, **place, upto=upto, head=head, behind_since=behind)
        if upto > before or numbers.get(key):
            gone += _FOLDED.run(connection, **place, upto=upto).rowcount
    return gone


def take(work: Work, handler: str, places: Sequence[Place]) -> None:
    """Mark ``places`` as seen by ``handler`` with the last message of ``work``; PostgreSQL only.

    The work ends with an error, and nothing of it holds, where one of them was seen before or stands there twice.
    """
    if len(places) == 1:
        source, type_, epoch, number = places[0]
        place = {"handler": handler, "source": source, "type": type_, "epoch": epoch, "number": number}
        work.later(_TAKE, **place)
        work.later(_GUARD, **place)
        return
    least: dict[tuple[str, str, int], int] = {}
    for source, type_, epoch, number in places:
        least[source, type_, epoch] = min(number, least.get((source, type_, epoch), number))
    work.later(_TAKE_MANY, handler=handler, **_columns(places))
    work.later(_GUARD_MANY, handler=handler, **_columns([(*place, number) for place, number in least.items()]))


def _columns(places: Sequence[Place]) -> dict[str, str]:
    """Places as four arrays."""
    sources, types, epochs, given = zip(*places, strict=True)
    return {"sources": texts(sources), "types": texts(types), "epochs": numbers(epochs), "numbers": numbers(given)}


@dataclass(frozen=True)
class Gap:
    """Numbers that a handler should have seen and has not."""

    handler: str
    source: str
    type: str
    epoch: int
    missing: tuple[int, ...]
    since: datetime


_ABOVE = Sql(
    """SELECT number FROM inbox WHERE handler = :handler AND source = :source AND type = :type AND epoch = :epoch
       AND number > :upto ORDER BY number LIMIT 50000"""
)


def gaps(connection: Connection, limit: int = 1000) -> list[Gap]:
    """What is missing, by handler, source, type and epoch; at most ``limit`` numbers each."""
    found = []
    for handler, source, type_, epoch, upto, head, since in _MARKS.run(connection).all():
        moment = as_moment(since)
        if upto >= head or moment is None:
            continue
        there = {
            number
            for (number,) in _ABOVE.run(connection, handler=handler, source=source, type=type_, epoch=epoch, upto=upto)
        }
        missing = []
        for number in range(upto + 1, head + 1):
            if number not in there:
                missing.append(number)
                if len(missing) == limit:
                    break
        if missing:
            found.append(Gap(handler, source, type_, epoch, tuple(missing), moment))
    return found


def announce(
    connection: Connection, handler: str, source: str, epoch: int, heads: dict[str, int], now: datetime
) -> dict[str, int]:
    """Note the last numbers that ``source`` says it has given, so that a lost tail is seen.

    Returns:
        By type, the number up to which this handler had seen everything before.
    """
    marks = {
        (source_, type_, epoch_): (upto, head, as_moment(since))
        for handler_, source_, type_, epoch_, upto, head, since in _MARKS.run(connection)
        if handler_ == handler
    }
    for type_, head in heads.items():
        upto, known, since = marks.get((source, type_, epoch), (0, 0, None))
        if head > known:
            _SET_MARK.run(connection, handler=handler, source=source, type=type_, epoch=epoch, upto=upto, head=head,
                          behind_since=since or now)  # fmt: skip
    return {type_: marks.get((source, type_, epoch), (0, 0, None))[0] for type_ in heads}


_UPTO = Sql("SELECT type, upto FROM watermark WHERE handler = :handler AND source = :source AND epoch = :epoch")


def complete_to(connection: Connection, handler: str, source: str, epoch: int) -> dict[str, int]:
    """By type (or under ``*``), the number up to which a handler has seen everything of a source."""
    return {type_: int(upto) for type_, upto in _UPTO.run(connection, handler=handler, source=source, epoch=epoch)}
