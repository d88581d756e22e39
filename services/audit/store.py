"""The log in a database: appending, and reading what proofs and pages need."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from services.audit import logs
from services.audit.bodies import EVERYTHING
from services.audit.log.note import parse_signatures
from services.audit.log.sequencer import Batch, Head, LogState, load_state
from services.audit.log.tiles import FULL, Tile, TileId
from services.audit.log.tree import EMPTY_ROOT, HASH_SIZE
from services.audit.logs import Log
from shared.database import Sql, as_moment, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from services.audit.log.envelope import Opening
    from services.audit.log.note import SignatureLine

_HEAD = Sql(
    "SELECT number, first, size, root FROM log_head WHERE one = 1",
    postgresql="SELECT number, first, size, root FROM log_head WHERE one = 1 FOR UPDATE",
)
_READ_HEAD = Sql("SELECT number, first, size, root FROM log_head WHERE one = 1")
_FIRST_HEAD = Sql(
    "INSERT INTO log_head (one, size, root, number, first) VALUES (1, 0, :root, 0, 0) ON CONFLICT DO NOTHING"
)
_MOVE_HEAD = Sql("UPDATE log_head SET size = :size, root = :root WHERE one = 1 AND size = :old AND number = :number")
_NEXT_HEAD = Sql(
    """UPDATE log_head SET size = 0, root = :root, number = :number, first = :first
       WHERE one = 1 AND size = :old AND number = :before"""
)
_KNOWN = Sql(
    "SELECT event_id FROM log_entry WHERE event_id IN (SELECT value FROM json_each(:ids))",
    postgresql="SELECT event_id FROM log_entry WHERE event_id = ANY(CAST(:ids AS text[]))",
)
_ENTRY = Sql(
    """INSERT INTO log_entry (seq, event_id, source, sourcenumber, type, subject, actor, time, received_at, leaf)
       VALUES (:seq, :event_id, :source, :sourcenumber, :type, :subject, :actor, :time, :received_at, :leaf)"""
)
# Each column is one literal; the leaves are one text, cut at the line ends that no canonical JSON has.
_ENTRIES = Sql(
    "SELECT 1",
    postgresql="""INSERT INTO log_entry (seq, event_id, source, sourcenumber, type, subject, actor, time, received_at, leaf)
       SELECT :first + e.place - 1, e.event_id, e.source, e.sourcenumber, e.type, e.subject, e.actor, e.time, :received_at,
              convert_to(e.leaf, 'UTF8')
       FROM unnest(CAST(:event_id AS text[]), CAST(:source AS text[]), CAST(:sourcenumber AS bigint[]), CAST(:type AS text[]),
              CAST(:subject AS text[]), CAST(:actor AS text[]), CAST(:time AS timestamptz[]), string_to_array(:leaves, chr(10)))
            WITH ORDINALITY AS e(event_id, source, sourcenumber, type, subject, actor, time, leaf, place)""",
)
_TILE = Sql(
    """INSERT INTO log_tile (level, number, width, data) VALUES (:level, :number, :width, :data)
       ON CONFLICT (level, number) DO UPDATE SET width = excluded.width, data = excluded.data"""
)
_TILES = Sql(
    "SELECT 1",
    postgresql="""INSERT INTO log_tile (level, number, width, data) SELECT * FROM unnest(CAST(:level AS integer[]),
       CAST(:number AS bigint[]), CAST(:width AS integer[]), CAST(:data AS bytea[]))
       ON CONFLICT (level, number) DO UPDATE SET width = excluded.width, data = excluded.data""",
)
_SECRET = Sql("INSERT INTO vault (seq, field, salt, value, person) VALUES (:seq, :field, :salt, :value, :person)")
_SECRETS = Sql(
    "SELECT 1",
    postgresql="""INSERT INTO vault (seq, field, salt, value, person) SELECT * FROM unnest(CAST(:seq AS bigint[]),
       CAST(:field AS text[]), CAST(:salt AS bytea[]), CAST(:value AS text[]), CAST(:person AS text[]))""",
)
_CONFLICT = Sql(
    """INSERT INTO log_conflict (event_id, sha256, noticed_at, body) VALUES (:event_id, :sha256, :noticed_at, :body)
       ON CONFLICT DO NOTHING"""
)
_LEAVES = Sql("SELECT leaf FROM log_entry WHERE seq >= :first AND seq < :beyond ORDER BY seq")
# A checkpoint is kept under the number after its last entry: ``first`` of its log plus the size that it states.
_CHECKPOINT = Sql(
    """SELECT size, note, signed_at FROM log_checkpoint WHERE size >= :least AND size <= :most
       ORDER BY size DESC LIMIT 1"""
)
_COVERED = Sql("SELECT max(size) FROM log_checkpoint")
_KEEP_CHECKPOINT = Sql(
    "INSERT INTO log_checkpoint (size, note, signed_at) VALUES (:size, :note, :signed_at) ON CONFLICT DO NOTHING"
)

LEVELS = 64  # tiles of a log are kept under their level plus this for each log before it; no tree has as many levels
MOST_ENTRIES = 2**62


class NewEntry(NamedTuple):  # made for every event; a frozen dataclass costs five times as much to make
    """What is kept of an event beside its leaf."""

    event_id: str
    source: str
    sourcenumber: int
    type: str
    subject: str
    actor: str
    time: datetime
    leaf: bytes
    openings: tuple[Opening, ...]
    person: str = ""  # account that the openings are about, as far as the event tells


@dataclass(frozen=True)
class Entry:
    """One entry as it is read back."""

    seq: int
    event_id: str
    source: str
    sourcenumber: int
    type: str
    subject: str
    actor: str
    time: datetime
    received_at: datetime
    leaf: bytes


class TwoSequencers(Exception):
    """The head moved under a batch: another sequencer is at work, and this one must end its turn."""

    def __init__(self) -> None:
        super().__init__("the log was moved on by another process; try again")


class Tiles:
    """Tiles and entries of one log, for proofs and for those who mirror it; of the current one unless told otherwise."""

    def __init__(self, connection: Connection, log: Log | None = None) -> None:
        self._connection = connection
        self._log = logs.current(connection) if log is None else log

    def read_tiles(self, tiles: Sequence[TileId]) -> Mapping[TileId, bytes]:
        """The data of each of ``tiles`` that is kept; a partial one is the beginning of what is there."""
        found: dict[TileId, bytes] = {}
        if not tiles:
            return found
        low = LEVELS * self._log.number
        places = ", ".join(f"({tile.level + low}, {tile.index})" for tile in tiles)
        rows = self._connection.exec_driver_sql(
            f"SELECT level, number, width, data FROM log_tile WHERE (level, number) IN (VALUES {places})"
        )
        kept = {(level, number): (width, bytes(data)) for level, number, width, data in rows}
        for tile in tiles:
            width, data = kept.get((tile.level + low, tile.index), (0, b""))
            if width >= tile.width:
                found[tile] = data[: tile.width * HASH_SIZE]
        return found

    def read_entries(self, first: int, count: int) -> Sequence[bytes]:
        """The leaves ``first`` to ``first + count``, in order; fewer where the log ends."""
        return leaves(self._connection, self._log.first + first, count)


def lock_head(connection: Connection) -> tuple[Log, Head]:
    """The current log and its committed head, held until this transaction ends: one sequencer at a time."""
    row = _HEAD.run(connection).first()
    if row is None:
        _FIRST_HEAD.run(connection, root=EMPTY_ROOT)
        row = _HEAD.run(connection).one()
    return _head(row)


def _head(row: Any) -> tuple[Log, Head]:
    number, first, size, root = row
    return Log(int(number), int(first)), Head(int(size), bytes(root))


def current(connection: Connection) -> tuple[Log, Head]:
    """The current log and its committed head."""
    row = _READ_HEAD.run(connection).first()
    return (Log(), Head()) if row is None else _head(row)


def head(connection: Connection) -> Head:
    """The committed head of the current log."""
    return current(connection)[1]


def begin_next(connection: Connection, log: Log, at: Head) -> Log:
    """The log that follows ``log``, empty, in its place; the caller holds the head.

    Raises:
        TwoSequencers: the head has moved.
    """
    after = Log(log.number + 1, log.first + at.size)
    moved = _NEXT_HEAD.run(
        connection, root=EMPTY_ROOT, number=after.number, first=after.first, old=at.size, before=log.number
    )
    if moved.rowcount != 1:
        raise TwoSequencers
    return after


def count(connection: Connection) -> int:
    """How many entries there are in all logs; the number of the next one."""
    log, at = current(connection)
    return log.first + at.size


def leaves(connection: Connection, first: int, count: int) -> list[bytes]:
    """The leaves of entries ``first`` to ``first + count``, in order; fewer where the log ends."""
    return [bytes(leaf) for (leaf,) in _LEAVES.run(connection, first=first, beyond=first + count)]


def column(text: str) -> str:
    """``text`` as any database keeps it in a column; the leaf alone holds it as it was said."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def state_of(connection: Connection, log: Log, at: Head, cached: LogState | None) -> LogState:
    """The log's right edge at ``at``; read from its tiles unless the cached one is it.

    Raises:
        RootMismatch: the tiles do not give the head's root; the log must not go on.
    """
    if cached is not None and cached.head == at:
        return cached
    return load_state(at, Tiles(connection, log))


def known(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of ``ids`` that are entries already."""
    wanted = list(ids)
    parameter = json.dumps(wanted) if connection.dialect.name == "sqlite" else texts(wanted)
    return {event_id for (event_id,) in _KNOWN.run(connection, ids=parameter)}


def keep(
    connection: Connection,
    log: Log,
    batch: Batch,
    entries: Sequence[NewEntry],
    now: datetime,
    hide: Callable[[Opening], str],
) -> None:
    """Write a batch: entries, openings as ``hide`` writes them, tiles, and the head last.

    Raises:
        TwoSequencers: the head has moved since the batch was made.
    """
    first = log.first + batch.first
    seqs = range(first, first + len(entries))
    if connection.dialect.name == "sqlite":
        for seq, each in zip(seqs, entries, strict=True):
            _ENTRY.run(
                connection, seq=seq, event_id=each.event_id, source=each.source, sourcenumber=each.sourcenumber,
                type=each.type, subject=each.subject, actor=each.actor, time=each.time, received_at=now, leaf=each.leaf,
            )  # fmt: skip
    else:
        _ENTRIES.run(
            connection, first=first, received_at=now, event_id=texts([each.event_id for each in entries]),
            source=texts([each.source for each in entries]), sourcenumber=numbers([each.sourcenumber for each in entries]),
            type=texts([each.type for each in entries]), subject=texts([each.subject for each in entries]),
            actor=texts([each.actor for each in entries]), time=texts([each.time.isoformat() for each in entries]),
            leaves=b"\n".join([each.leaf for each in entries]).decode(),
        )  # fmt: skip
    secrets = [
        {"seq": first + at, "field": opening.field, "salt": opening.salt,
         "value": hide(opening), "person": each.person}
        for at, each in enumerate(entries)
        for opening in each.openings
    ]  # fmt: skip
    if secrets and connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_SECRET.sqlite, secrets)
    elif secrets:
        _SECRETS.run(connection, **{name: [row[name] for row in secrets] for name in secrets[0]})
    _keep_tiles(connection, log, batch.tiles)
    moved = _MOVE_HEAD.run(connection, size=batch.head.size, root=batch.head.root, old=batch.first, number=log.number)
    if moved.rowcount != 1:
        raise TwoSequencers


def _keep_tiles(connection: Connection, log: Log, tiles: Sequence[Tile]) -> None:
    low = LEVELS * log.number
    if connection.dialect.name != "sqlite":
        _TILES.run(
            connection, level=numbers([each.id.level + low for each in tiles]), number=numbers([each.id.index for each in tiles]),
            width=numbers([each.id.width or FULL for each in tiles]), data=[each.data for each in tiles],
        )  # fmt: skip
        return
    for tile in tiles:
        _TILE.run(
            connection, level=tile.id.level + low, number=tile.id.index, width=tile.id.width or FULL, data=tile.data
        )


def note_conflict(connection: Connection, event_id: str, sha256: str, body: str, now: datetime) -> bool:
    """Keep the evidence of an event id that came again with other bytes; false when it was kept before."""
    kept = _CONFLICT.run(connection, event_id=event_id, sha256=sha256, noticed_at=now, body=body)
    return bool(kept.rowcount)


def checkpoint(connection: Connection, log: Log | None = None) -> tuple[int, bytes, datetime] | None:
    """(size, note, when) of the newest signed checkpoint of a log, the current one unless told otherwise."""
    now = logs.current(connection)
    if log is None or log == now:
        return newest_checkpoint(connection, now, None)
    return newest_checkpoint(connection, log, next(each for each in logs.closed(connection) if each.log == log))


def newest_checkpoint(
    connection: Connection, log: Log, closed: logs.Closed | None
) -> tuple[int, bytes, datetime] | None:
    """As ``checkpoint``, for a log of which it is known how it was closed; None for the current one."""
    most = closed.beyond if closed else MOST_ENTRIES
    row = _CHECKPOINT.run(connection, least=log.first + min(log.number, 1), most=most).first()
    if row is None:
        return None
    signed_at = as_moment(row[2])
    assert signed_at is not None
    return int(row[0]) - log.first, bytes(row[1]), signed_at


def covered(connection: Connection) -> int:
    """Entries 0 to this number - 1 are covered by a signed checkpoint of their log."""
    return int(_COVERED.run(connection).scalar_one() or 0)


def keep_checkpoint(connection: Connection, log: Log, size: int, note: bytes, now: datetime) -> None:
    """Keep a signed checkpoint; one of a size is enough."""
    _KEEP_CHECKPOINT.run(connection, size=log.first + size, note=note, signed_at=now)


_COSIGNED = Sql(
    """SELECT size, note, signed_at FROM log_checkpoint WHERE size IN
       (SELECT DISTINCT size FROM log_cosignature WHERE size > :first ORDER BY size DESC LIMIT 4) ORDER BY size DESC"""
)
_COSIGNATURES = Sql("SELECT line FROM log_cosignature WHERE size = :size ORDER BY key")
_KEEP_COSIGNATURE = Sql(
    "INSERT INTO log_cosignature (size, key, line, at) VALUES (:size, :key, :line, :at) ON CONFLICT DO NOTHING"
)
_WITNESSES = Sql(
    "SELECT url, names, size, asked_at, answered_at, problem, detail FROM witness_seen ORDER BY names, url"
)
_KEEP_WITNESS = Sql(
    """INSERT INTO witness_seen (url, names, size, asked_at, answered_at, problem, detail)
       VALUES (:url, :names, :size, :asked_at, :answered_at, :problem, :detail)
       ON CONFLICT (url) DO UPDATE SET names = excluded.names,
       size = CASE WHEN excluded.size > 0 THEN excluded.size ELSE witness_seen.size END, asked_at = excluded.asked_at,
       answered_at = COALESCE(excluded.answered_at, witness_seen.answered_at), problem = excluded.problem,
       detail = excluded.detail"""
)


def cosigned(connection: Connection, log: Log) -> list[tuple[int, bytes, datetime]]:
    """(size, note, when) of the newest checkpoints of the current log that a witness cosigned, newest first."""
    found = []
    for size, note, at in _COSIGNED.run(connection, first=log.first):
        signed_at = as_moment(at)
        assert signed_at is not None
        found.append((int(size) - log.first, bytes(note), signed_at))
    return found


def cosignatures(connection: Connection, log: Log, size: int) -> tuple[SignatureLine, ...]:
    """The witnesses' lines under the checkpoint of ``size``."""
    found = _COSIGNATURES.run(connection, size=log.first + size)
    text = b"".join(bytes(line) for (line,) in found).decode()
    return parse_signatures(text) if text else ()


def keep_cosignatures(
    connection: Connection, log: Log, size: int, lines: Iterable[SignatureLine], now: datetime
) -> None:
    """Keep lines that were checked; a second one of the same key is not kept."""
    for line in lines:
        key = f"{line.name}+{line.key_id:08x}"
        _KEEP_COSIGNATURE.run(connection, size=log.first + size, key=key, line=str(line).encode(), at=now)


@dataclass(frozen=True)
class WitnessSeen:
    """What is known of a witness now; ``problem`` is unreachable, refused, ahead, fork or empty."""

    url: str
    names: str
    size: int
    asked_at: datetime
    answered_at: datetime | None
    problem: str
    detail: str


def witnesses(connection: Connection) -> list[WitnessSeen]:
    """The witnesses that were asked."""
    found = []
    for url, names, size, asked, answered, problem, detail in _WITNESSES.run(connection):
        asked_at = as_moment(asked)
        assert asked_at is not None
        found.append(WitnessSeen(url, names, int(size), asked_at, as_moment(answered), problem, detail))
    return found


def keep_witness(
    connection: Connection, url: str, names: str, size: int, problem: str, detail: str, now: datetime
) -> None:
    """Note how a witness answered; a size of 0 leaves the one known."""
    _KEEP_WITNESS.run(
        connection, url=url, names=names, size=size, problem=problem, detail=detail, asked_at=now,
        answered_at=now if problem != "unreachable" else None,
    )  # fmt: skip


COLUMNS = "seq, event_id, source, sourcenumber, type, subject, actor, time, received_at, leaf"
_FOLLOWING = Sql(f"SELECT {COLUMNS} FROM log_entry WHERE seq >= :first AND seq < :beyond ORDER BY seq")
_ONE = Sql(f"SELECT {COLUMNS} FROM log_entry WHERE seq = :seq")
_OF_EVENT = Sql(f"SELECT {COLUMNS} FROM log_entry WHERE event_id = :event_id")
_ABOUT_IT = "e.seq IN (SELECT seq FROM about WHERE thing = :thing)"


@lru_cache(maxsize=256)
def _listed(about: str, scope: str) -> Sql:
    """Entries below a number, newest first, of a thing or of all, within what a person may read."""
    columns = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
    condition = f" AND {about}" if about else ""
    return Sql(
        f"SELECT {columns} FROM log_entry e WHERE e.seq < :before{condition}{scope} ORDER BY e.seq DESC LIMIT :limit"
    )


_COMPLETENESS = Sql(
    """SELECT source, epoch, upto, head FROM watermark WHERE handler = :handler AND type = '*' ORDER BY source, epoch"""
)


def _entry(row: Any) -> Entry:
    time, received = as_moment(row[7]), as_moment(row[8])
    assert time is not None
    assert received is not None
    seq, event_id, source, sourcenumber, type_, subject, actor = row[:7]
    return Entry(seq, event_id, source, sourcenumber, type_, subject, actor, time, received, bytes(row[9]))


def entry(connection: Connection, seq: int) -> Entry | None:
    """The entry with this number."""
    row = _ONE.run(connection, seq=seq).first()
    return None if row is None else _entry(row)


def entry_of_event(connection: Connection, event_id: str) -> Entry | None:
    """The entry that holds this event."""
    row = _OF_EVENT.run(connection, event_id=event_id).first()
    return None if row is None else _entry(row)


def entries_from(rows: Iterable[Any]) -> list[Entry]:
    """Rows of ``COLUMNS`` as entries."""
    return [_entry(row) for row in rows]


def may_read(connection: Connection, seq: int, reads: Reads) -> bool:
    """Whether the entry lies within what a person may read."""
    scope, parameters = reads.where()
    if not scope:
        return True
    found = _listed("e.seq = :seq", scope).run(connection, before=seq + 1, seq=seq, limit=1, **parameters)
    return found.first() is not None


def following(connection: Connection, first: int, count: int) -> list[Entry]:
    """Entries from number ``first`` on, in order."""
    return entries_from(_FOLLOWING.run(connection, first=first, beyond=first + count))


def timeline(connection: Connection, thing: str, before: int, limit: int, reads: Reads = EVERYTHING) -> list[Entry]:
    """Entries about ``thing`` below number ``before``, newest first."""
    scope, more = reads.where()
    sql = _listed(_ABOUT_IT, scope)
    return entries_from(sql.run(connection, thing=thing, before=before, limit=limit, **more))


_OF_EVENTS = Sql(
    f"SELECT {COLUMNS} FROM log_entry WHERE event_id IN (SELECT value FROM json_each(:ids)) ORDER BY seq",
    postgresql=f"SELECT {COLUMNS} FROM log_entry WHERE event_id = ANY(:ids) ORDER BY seq",
)
_OF_TYPE = Sql(
    f"""SELECT {COLUMNS} FROM log_entry WHERE type = :type AND seq IN (SELECT seq FROM about WHERE thing = :thing)
       ORDER BY seq DESC LIMIT :limit"""
)


def entries_of_events(connection: Connection, ids: Iterable[str]) -> list[Entry]:
    """The entries that hold these events, as far as they are there."""
    wanted = sorted(ids)
    parameter: Any = json.dumps(wanted) if connection.dialect.name == "sqlite" else wanted
    return [_entry(row) for row in _OF_EVENTS.run(connection, ids=parameter)]


def timeline_of_type(connection: Connection, thing: str, type_: str, limit: int) -> list[Entry]:
    """Entries of one type about ``thing``, newest first."""
    return [_entry(row) for row in _OF_TYPE.run(connection, thing=thing, type=type_, limit=limit)]


def newest(connection: Connection, before: int, limit: int, reads: Reads = EVERYTHING) -> list[Entry]:
    """Entries below number ``before``, newest first."""
    scope, more = reads.where()
    return entries_from(_listed("", scope).run(connection, before=before, limit=limit, **more))


def completeness(connection: Connection, handler: str) -> list[tuple[str, int, int, int]]:
    """(source, epoch, complete up to, last number known) for each source of the log."""
    return [tuple(row) for row in _COMPLETENESS.run(connection, handler=handler)]


_COUNTS = Sql("SELECT source, count(*) FROM log_entry GROUP BY source")
_CONFLICTS = Sql("SELECT count(*) FROM log_conflict")
_PUT_ASIDE = Sql("SELECT count(*) FROM waiting WHERE state <> 'waiting'")


def counts(connection: Connection) -> dict[str, int]:
    """How many entries came from each source."""
    return {source: int(count) for source, count in _COUNTS.run(connection)}


def conflicts(connection: Connection) -> int:
    """How many times an event id came again under another number or with other bytes."""
    return int(_CONFLICTS.run(connection).scalar_one())


def put_aside(connection: Connection) -> int:
    """How many events could not become entries and wait for a person."""
    return int(_PUT_ASIDE.run(connection).scalar_one())


_ABOVE = Sql(
    """SELECT source, epoch, count(*), max(number) FROM inbox WHERE handler = :handler AND type = '*'
       GROUP BY source, epoch"""
)


def missing(connection: Connection, handler: str) -> dict[tuple[str, int], tuple[int, int]]:
    """(last number known, numbers below it that never came) of each (source, epoch), exact at this moment.

    Numbers above a watermark are single rows of the inbox until they are folded into it; one that was folded between
    is counted by its watermark.
    """
    found = {(source, epoch): (last, last - upto) for source, epoch, upto, last in completeness(connection, handler)}
    marks = {(source, epoch): upto for source, epoch, upto, _ in completeness(connection, handler)}
    for source, epoch, count, highest in _ABOVE.run(connection, handler=handler):
        upto = marks.get((source, epoch), 0)
        last = max(found.get((source, epoch), (0, 0))[0], int(highest))
        found[source, epoch] = (last, last - upto - int(count))
    return found
