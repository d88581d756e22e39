"""What dispatchers keep beside the orders: modes of items, saved views, hand-over notes, the map and the day's figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from services.dispatch import tables
from services.dispatch.standards import items
from services.dispatch.store import T, forget_roster, order_of
from shared.errors import Absent, Invalid

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from services.dispatch.model import Order
    from shared.work import Work

MODES = ("automatic", "suggest", "manual")
MOST_VIEWS = 20  # saved by one person
MOST_NOTES = 200  # shown at once


def set_mode(work: Work, item: str, mode: str) -> None:
    """From now on orders of ``item`` find their crew this way.

    Raises:
        Invalid: no such item or mode.
    """
    if item not in items() or mode not in MODES:
        raise Invalid(fields={"mode": ["dispatch.field.mode"]})
    work.connection.execute(delete(tables.item_mode).where(tables.item_mode.c.item == item))
    work.connection.execute(insert(tables.item_mode).values(item=item, mode=mode))
    forget_roster()


# ---- saved views


def views_of(connection: Connection, account: str) -> list[tuple[str, dict[str, str]]]:
    """The views that a person saved, by name."""
    V = tables.saved_view.c  # noqa: N806
    rows = connection.execute(select(tables.saved_view).where(V.account == account).order_by(V.name))
    return [(row.name, json.loads(row.query)) for row in rows]


def save_view(work: Work, account: str, name: str, query: dict[str, str]) -> None:
    """The view is there under this name; the same name again replaces it.

    Raises:
        Invalid: the person has too many.
    """
    V = tables.saved_view.c  # noqa: N806
    work.connection.execute(delete(tables.saved_view).where(V.account == account, V.name == name))
    if len(views_of(work.connection, account)) >= MOST_VIEWS:
        raise Invalid(fields={"name": ["dispatch.field.views"]})
    work.connection.execute(
        insert(tables.saved_view).values(account=account, name=name, query=json.dumps(query, ensure_ascii=False))
    )


def drop_view(work: Work, account: str, name: str) -> None:
    """The view is gone."""
    V = tables.saved_view.c  # noqa: N806
    work.connection.execute(delete(tables.saved_view).where(V.account == account, V.name == name))


# ---- hand-over


def hand_over(work: Work, who: str, words: str, reference: str) -> str:
    """The next shift will read this note; its id.

    Raises:
        Invalid: there is no such order.
    """
    if reference and work.connection.execute(select(T.c.order_id).where(T.c.reference == reference)).first() is None:
        raise Invalid(fields={"reference": ["dispatch.field.order"]})
    row = {"note_id": work.new_id(), "at": work.now, "who": who, "words": words, "reference": reference, "done_by": ""}
    work.connection.execute(insert(tables.handover).values(row))
    return str(row["note_id"])


def settle_note(work: Work, note_id: str, who: str) -> None:
    """The note has been seen to; the first who says so counts.

    Raises:
        Absent: there is no such note.
    """
    N = tables.handover.c  # noqa: N806
    if work.connection.execute(select(N.note_id).where(N.note_id == note_id)).first() is None:
        raise Absent
    change = update(tables.handover).where(N.note_id == note_id, N.done_by == "")
    work.connection.execute(change.values(done_at=work.now, done_by=who))


def open_note(work: Work, note_id: str) -> None:
    """The note has not been seen to after all.

    Raises:
        Absent: there is no such note.
    """
    change = update(tables.handover).where(tables.handover.c.note_id == note_id)
    if work.connection.execute(change.values(done_at=None, done_by="")).rowcount != 1:
        raise Absent


def take_over(work: Work, who: str, counts: dict[str, int]) -> str:
    """``who`` has the desk from now on, knowing what stands open."""
    N = tables.handover.c  # noqa: N806
    left = work.connection.execute(select(func.count()).where(N.done_by == "")).scalar_one()
    row = {"change_id": work.new_id(), "at": work.now, "who": who, "counts": json.dumps(counts), "notes": int(left)}
    work.connection.execute(insert(tables.shift_change).values(row))
    return str(row["change_id"])


def shifts(connection: Connection, limit: int = 6) -> list[Row[Any]]:
    """Who took the desk over lately, newest first."""
    C = tables.shift_change.c  # noqa: N806
    return list(connection.execute(select(tables.shift_change).order_by(C.at.desc(), C.change_id.desc()).limit(limit)))


def notes(connection: Connection, since: datetime) -> list[Row[Any]]:
    """Notes not seen to, and those of late, newest first."""
    N = tables.handover.c  # noqa: N806
    query = select(tables.handover).where(or_(N.done_by == "", N.at >= since)).order_by(N.at.desc()).limit(MOST_NOTES)
    return list(connection.execute(query))


# ---- the map


def by_place(connection: Connection) -> dict[str, dict[str, list[Order]]]:
    """Open orders by building and floor; "" is outside, or no floor."""
    found: dict[str, dict[str, list[Order]]] = {}
    query = select(T).where(T.c.open == 1).order_by(T.c.urgency_at, T.c.order_id).limit(2000)
    for row in connection.execute(query):
        order = order_of(row)
        found.setdefault(order.building, {}).setdefault(order.floor, []).append(order)
    return found
