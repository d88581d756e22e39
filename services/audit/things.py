"""Which entries concern a thing: a request, a work order, a contract, a supplier, a person by pseudonym.

An index beside the log, made from its entries alone and made anew at any time. Making it is a timer's work and never
holds up the log; an answer says how far the index reaches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.audit import store
from shared.apart import by_the_piece
from shared.database import Sql, numbers, texts

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.service import Running

BATCH = 500  # entries indexed in one transaction
TURN = 1_000  # entries indexed in one turn of the timer

# Fields by which an entry is found again, beside the event's own subject.
FIELDS = frozenset(
    ("request_id", "request_reference", "reference", "order_id", "fact_id", "contract", "supplier", "crew",
     "account_id", "requester", "statement", "deduction_id", "corrects", "complaint_id", "scored")
)  # fmt: skip

ACTORS = frozenset(("account", "crew"))  # kinds of actor whose own acts are in their timeline; an author keeps unnamed

_UPTO = Sql("SELECT upto FROM search_progress WHERE one = 2")
_BEGIN = Sql("INSERT INTO search_progress (one, upto) VALUES (2, 0) ON CONFLICT DO NOTHING")
_MOVE = Sql("UPDATE search_progress SET upto = :upto WHERE one = 2 AND upto = :old")
_PUT = Sql(
    """INSERT INTO about (thing, seq) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]')
       FROM json_each(:rows) WHERE true ON CONFLICT DO NOTHING""",
    postgresql="""INSERT INTO about (thing, seq)
       SELECT * FROM unnest(CAST(:things AS text[]), CAST(:seqs AS bigint[])) ON CONFLICT DO NOTHING""",
)
_FORGET = Sql("DELETE FROM about")


def of(leaf: bytes) -> list[str]:
    """The things that an entry concerns, whoever acted among them."""
    body: dict[str, Any] = json.loads(leaf)
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    found = {str(body.get("subject", "")), *(str(data[name]) for name in FIELDS & data.keys() if data[name])}
    kind, _, name = str(body.get("actor", "")).partition(":")
    if kind in ACTORS:
        found.add(name)
    return sorted(store.column(each) for each in found if each)


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
            found = store.leaves(connection, old, BATCH)
        rows = [(thing, old + at) for at, leaf in enumerate(by_the_piece(found)) for thing in of(leaf)]
        with running.database.write() as connection:
            _BEGIN.run(connection)
            if not _MOVE.run(connection, upto=old + len(found), old=old).rowcount:
                return added  # another process is at it
            if connection.dialect.name == "sqlite":
                _PUT.run(connection, rows=json.dumps(rows))
            else:
                _PUT.run(connection, things=texts([thing for thing, _ in rows]), seqs=numbers([seq for _, seq in rows]))
        added += len(found)
    return added


def forget(connection: Connection) -> None:
    """Empty the index; the timer, or ``reindex``, makes it anew from the log."""
    _BEGIN.run(connection)
    _FORGET.run(connection)
    _MOVE.run(connection, upto=0, old=reach(connection))
