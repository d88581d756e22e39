"""What dispatchers keep beside the orders: modes of items, saved views, hand-over notes, the map and the day's figures."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from services.dispatch import tables
from services.dispatch.standards import items
from services.dispatch.store import T, forget_roster, order_of
from shared.errors import Absent, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
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


def hand_over(work: Work, who: str, words: str, reference: str) -> None:
    """The next shift will read this note.

    Raises:
        Invalid: there is no such order.
    """
    if reference and work.connection.execute(select(T.c.order_id).where(T.c.reference == reference)).first() is None:
        raise Invalid(fields={"reference": ["dispatch.field.order"]})
    row = {"note_id": work.new_id(), "at": work.now, "who": who, "words": words, "reference": reference, "done_by": ""}
    work.connection.execute(insert(tables.handover).values(row))


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


# ---- the day's report


@dataclass
class Line:
    """What one item or crew did on a day; waits in minutes from filing to the first crew, medians of those known."""

    name: str
    opened: int = 0
    finished: int = 0
    breaches: int = 0
    refused: int = 0
    worked: float = 0.0  # hours
    waits: list[float] = field(default_factory=list)

    @property
    def wait(self) -> float | None:
        """The middle wait; None where nobody waited."""
        waits = sorted(self.waits)
        return None if not waits else (waits[(len(waits) - 1) // 2] + waits[len(waits) // 2]) / 2


@dataclass(frozen=True)
class Report:
    """A dispatcher's day: by hour, item and crew."""

    hours: list[tuple[int, int, int]]  # hour at the site, opened, finished
    items: list[Line]
    crews: list[Line]
    opened: int
    finished: int
    breaches: int
    left: int  # of those opened on the day, still open


def report(connection: Connection, since: datetime, until: datetime) -> Report:
    """What happened between two instants of one day at the site."""
    from shared.clock import SITE_ZONE

    H, B = tables.happening.c, tables.breach.c  # noqa: N806
    opened = [order_of(row) for row in connection.execute(
        select(T).where(T.c.opened_at >= since, T.c.opened_at < until))]  # fmt: skip
    ended = [order_of(row) for row in connection.execute(
        select(T).where(T.c.finished_at >= since, T.c.finished_at < until))]  # fmt: skip
    broken = connection.execute(
        select(T.c.item, T.c.crew, func.count().label("n")).select_from(tables.breach).join(T, T.c.order_id == B.order_id)
        .where(B.due_at >= since, B.due_at < until).group_by(T.c.item, T.c.crew)
    ).all()  # fmt: skip
    refused = connection.execute(
        select(H.crew, func.count().label("n")).where(H.kind == "refused", H.at >= since, H.at < until).group_by(H.crew)
    ).all()
    by_item: dict[str, Line] = {}
    by_crew: dict[str, Line] = {}
    hours = {hour: [0, 0] for hour in range(24)}

    def line(where: dict[str, Line], name: str) -> Line:
        return where.setdefault(name, Line(name))

    for order in opened:
        hours[order.opened_at.astimezone(SITE_ZONE).hour][0] += 1
        lines = [line(by_item, order.item), *([line(by_crew, order.crew)] if order.crew else [])]
        for each in lines:
            each.opened += 1
            if order.responded_at is not None:
                each.waits.append(max(0.0, (order.responded_at - order.filed_at).total_seconds() / 60))
    for order in ended:
        assert order.finished_at is not None
        hours[order.finished_at.astimezone(SITE_ZONE).hour][1] += 1
        for each in (line(by_item, order.item), line(by_crew, order.crew)):
            each.finished += 1
            if order.started_at is not None:
                each.worked += (order.finished_at - order.started_at).total_seconds() / 3600
    for row in broken:
        line(by_item, row.item).breaches += row.n
        if row.crew:
            line(by_crew, row.crew).breaches += row.n
    for row in refused:
        line(by_crew, row.crew).refused += row.n
    return Report(
        hours=[(hour, *counts) for hour, counts in hours.items()],  # type: ignore[misc]
        items=_sorted(by_item.values()),
        crews=_sorted(by_crew.values()),
        opened=len(opened),
        finished=len(ended),
        breaches=sum(row.n for row in broken),
        left=sum(1 for order in opened if order.open),
    )


def _sorted(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.opened - line.finished, line.name))
