"""Finding entries by words: an index beside the log, made from it alone and made anew at any time.

PostgreSQL's own full-text index and SQLite's FTS5 hold the same tokens, cut here, so that both find the same: runs of
letters and digits as they are, runs of Chinese in overlapping pairs. What is personal is not in a leaf and therefore not
in the index. Indexing is a timer's work and never holds up the log; an answer says how far the index reaches.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from services.audit import store, wording
from services.audit.bodies import EVERYTHING
from shared.apart import by_the_piece
from shared.database import Sql, numbers, texts
from shared.language import CODES, language

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from shared.service import Running

BATCH = 100  # entries indexed in one transaction
TURN = 2_000  # entries indexed in one turn of the timer
MOST_TOKENS = 2_000  # of one entry
MOST_VALUE = 400  # characters of one value that are indexed

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_PART = re.compile(rf"{_HAN.pattern}|[^\W_]+")
_PLAIN = re.compile("[a-z0-9]+")
_UPTO = Sql("SELECT upto FROM search_progress WHERE one = 1")
_BEGIN = Sql("INSERT INTO search_progress (one, upto) VALUES (1, 0) ON CONFLICT DO NOTHING")
_MOVE = Sql("UPDATE search_progress SET upto = :upto WHERE one = 1 AND upto = :old")
_PUT = Sql(
    """INSERT INTO entry_words (rowid, words) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')
       FROM json_each(:rows)""",
    postgresql="""INSERT INTO entry_words (seq, words)
       SELECT seq, CAST(words AS tsvector) FROM unnest(CAST(:seqs AS bigint[]), CAST(:words AS text[])) AS a (seq, words)
       ON CONFLICT DO NOTHING""",
)
_FORGET = Sql("INSERT INTO entry_words (entry_words) VALUES ('delete-all')", postgresql="DELETE FROM entry_words")


def parts(text: str) -> list[str]:
    """The runs of letters, digits and Chinese in ``text``, in small letters and in full width's plain form."""
    if text.isascii():
        return _PLAIN.findall(text.lower())
    found: list[str] = []
    for each in _PART.findall(unicodedata.normalize("NFKC", text).casefold()):
        if each.isascii() or is_chinese(each):
            found.append(each)
            continue
        at = 0
        for run in _HAN.finditer(each):  # [^\W_] takes Chinese too: cut it out of mixed runs
            found += [each[at : run.start()], run.group()]
            at = run.end()
        found.append(each[at:])
    return [each for each in found if each]


def is_chinese(part: str) -> bool:
    """Whether a part begins with Chinese; it then is nothing else."""
    return part[0] >= "\u3400" and _HAN.match(part) is not None


def tokens(text: str) -> list[str]:
    """What stands in the index for ``text``."""
    if text.isascii():
        return [part[:64] for part in _PLAIN.findall(text.lower())]
    found: list[str] = []
    for part in parts(text):
        if is_chinese(part):
            found += [part[at : at + 2] for at in range(len(part))]  # the last is a single character
        else:
            found.append(part[:64])
    return found


@lru_cache(maxsize=1024)
def _titles(type_: str) -> tuple[tuple[str, ...], ...]:
    """The tokens of a type's name in each language."""
    return tuple(tuple(tokens(wording.title_of(type_, words))) for words in map(language, CODES))


def words_of(entry: store.Entry) -> list[str]:
    """Everything an entry is found by: its sentence in both languages, its identifiers and its values."""
    body = json.loads(entry.leaf)
    found: list[str] = []
    for text in (entry.type, entry.subject, entry.actor, entry.event_id, str(body.get("correlationid", ""))):
        found += tokens(text)
    for code, title in zip(CODES, _titles(entry.type), strict=True):
        found += title
        found += tokens(wording.sentence(entry, language(code), body))
    for value in _values(body.get("data")):
        if len(found) >= MOST_TOKENS:
            break
        found += tokens(value[:MOST_VALUE])
    return found[:MOST_TOKENS]


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            if isinstance(each, str):
                yield each
            else:
                yield from _values(each)
    elif isinstance(value, list):
        for each in value[:200]:
            yield from _values(each)


def _vector(found: list[str], dialect: str) -> str:
    if dialect == "sqlite":
        return " ".join(found)
    return " ".join([f"'{token}':{place}" for place, token in enumerate(found, 1)])  # places end at 16383


def query_of(text: str, dialect: str) -> str:
    """``text`` as a query: every run must occur, each as a phrase. Empty when nothing can be looked for."""
    phrases = []
    for part in parts(text):
        pairs = [part[at : at + 2] for at in range(len(part) - 1)] if is_chinese(part) else [part[:64]]
        single = not pairs
        pairs = pairs or [part]
        if dialect == "sqlite":
            phrases.append(f'"{" ".join(pairs)}"{" *" if single else ""}')
        else:
            phrases.append("(" + " <-> ".join(f"'{pair}'{':*' if single else ''}" for pair in pairs) + ")")
    return (" AND " if dialect == "sqlite" else " & ").join(phrases[:20])


def reach(connection: Connection) -> int:
    """The index covers entries 0 to this number - 1."""
    row = _UPTO.run(connection).first()
    return int(row[0]) if row else 0


def index(running: Running) -> int:
    """Bring the index nearer to the log; how many entries were added."""
    added = 0
    while added < TURN:
        with running.database.read() as connection:
            old = reach(connection)
            if store.count(connection) <= old:
                return added
            found = store.following(connection, old, BATCH)
        dialect = running.database.engine.dialect.name
        rows = [(each.seq, _vector(words_of(each), dialect)) for each in by_the_piece(found)]
        with running.database.write() as connection:
            _BEGIN.run(connection)
            if not _MOVE.run(connection, upto=old + len(rows), old=old).rowcount:
                return added  # another process is at it
            if dialect == "sqlite":
                _PUT.run(connection, rows=json.dumps(rows))
            else:
                _PUT.run(connection, seqs=numbers([seq for seq, _ in rows]), words=texts([words for _, words in rows]))
        added += len(rows)
    return added


def forget(connection: Connection) -> None:
    """Empty the index; the timer, or ``reindex``, makes it anew from the log."""
    _BEGIN.run(connection)
    _FORGET.run(connection)
    _MOVE.run(connection, upto=0, old=reach(connection))


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty fields ask for nothing."""

    text: str = ""
    source: str = ""
    fact: str = ""  # dispatch.work_order_finished
    actor: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def anything(self) -> bool:
        """Whether anything was asked for."""
        return any((self.text, self.source, self.fact, self.actor, self.since, self.until))


@lru_cache(maxsize=256)
def _compiled(conditions: tuple[str, ...]) -> Sql:
    columns = ", ".join(f"e.{name}" for name in store.COLUMNS.split(", "))
    return Sql(f"SELECT {columns} FROM log_entry e WHERE {' AND '.join(conditions)} ORDER BY e.seq DESC LIMIT :limit")


def search(
    connection: Connection, wanted: Wanted, before: int, limit: int, reads: Reads = EVERYTHING
) -> list[store.Entry]:
    """Entries below number ``before`` that fit, newest first; with words only as far as the index reaches."""
    conditions, given = ["e.seq < :before"], {"before": before, "limit": limit}
    parameters: dict[str, Any] = dict(given)
    if wanted.text:
        query = query_of(wanted.text, connection.dialect.name)
        if not query:
            return []
        conditions.append(
            "e.seq IN (SELECT rowid FROM entry_words WHERE entry_words MATCH :query)"
            if connection.dialect.name == "sqlite"
            else "e.seq IN (SELECT seq FROM entry_words WHERE words @@ CAST(:query AS tsquery))"
        )
        parameters["query"] = query
    for name, column in (("source", "source"), ("actor", "actor")):
        if getattr(wanted, name):
            conditions.append(f"e.{column} = :{name}")
            parameters[name] = getattr(wanted, name)
    if wanted.fact:
        conditions.append("e.type >= :fact AND e.type < :beyond_fact")
        parameters |= {"fact": f"{wanted.fact}.v", "beyond_fact": f"{wanted.fact}.w"}
    if wanted.since:
        conditions.append("e.received_at >= :since")
        parameters["since"] = wanted.since
    if wanted.until:
        conditions.append("e.received_at < :until")
        parameters["until"] = wanted.until
    scope, more = reads.where()
    if scope:
        conditions.append(scope.removeprefix(" AND "))
    return store.entries_from(_compiled(tuple(conditions)).run(connection, **parameters, **more))
