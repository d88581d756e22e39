"""Of open requests that are the same one holds what makes them so, in a column with a unique index.

So the next one that is filed meets it, however the others came to be: by form, chat or Open311, filed all the same,
changed into what another asked for, or opened again. It passes on when its holder is done. Where two stand in each
other's way at that moment, whoever is left takes it with the next word of its work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from services.requests.model import OPEN_STATES
from services.requests.tables import LIVE
from shared.database import Sql

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.work import Work


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{each}'" for each in states)


_HELD = Sql("SELECT 1 FROM request WHERE alone = :key")
_HOLDS = Sql("SELECT 1 FROM request WHERE alone = :key AND id = :id")
_TAKE = Sql("UPDATE request SET alone = :key WHERE id = :id")
_DROP = Sql("UPDATE request SET alone = NULL WHERE id = :id")
# LIVE is written as in the index of what is open at a place: SQLite uses it only so.
_PASS_ON = Sql(
    f"""UPDATE request SET alone = alike WHERE state IN ({_listed(OPEN_STATES)}) AND id =
        (SELECT id FROM request WHERE place = :place AND item = :item AND state IN ({_listed(LIVE)})
         AND state <> 'to_confirm' AND alike = :key ORDER BY filed_at, id LIMIT 1)"""
)


def settle(connection: Connection, row: Row[Any]) -> None:
    """A request that was changed to ``row`` (id, state, alike, alone) holds what makes it the same, or lets it go.

    The caller holds the request's row. It lets go before it takes, so that no two wait for each other.
    """
    wanted = row.alike if row.state in OPEN_STATES else None
    if row.alone == wanted:
        return
    if row.alone is not None:
        _DROP.run(connection, id=row.id)
        item, place = row.alone.split("|", 2)[:2]  # as model.alike writes them
        _PASS_ON.run(connection, item=item, place=place, key=row.alone)
    if wanted is not None:
        _take(connection, row.id, wanted)


def holds(connection: Connection, request_id: str, key: str) -> bool:
    """Whether this request is the one that stands in the way of others with ``key``."""
    return _HOLDS.run(connection, id=request_id, key=key).first() is not None


def take(work: Work, request_id: str, key: str) -> None:
    """The request that is filed with this work stands in the way of the same, unless another does already."""
    if _HELD.run(work.connection, key=key).first() is None:
        work.flush()
        _take(work.connection, request_id, key)


def _take(connection: Connection, request_id: str, key: str) -> None:
    if _HELD.run(connection, key=key).first() is not None:
        return
    try:
        with connection.begin_nested():
            _TAKE.run(connection, key=key, id=request_id)
    except IntegrityError:
        return  # another was first
