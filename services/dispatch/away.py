"""Whom to send, where journeys count too: a crew whose vehicles are all promised for that time is asked last."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from services.dispatch import roster as crews
from services.dispatch import work_tables
from services.dispatch.store import T

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from services.dispatch.assignment import Suggestion
    from services.dispatch.model import Order
    from services.dispatch.roster import Load, Roster
    from shared.work import Work

G, K = work_tables.shared_thing.c, work_tables.shared_booking.c
LONGEST = timedelta(days=31)  # a journey or a booking; what began before can no longer last


def away(connection: Connection, order: Order) -> frozenset[str]:
    """Crews of which no vehicle is left while the order's journey takes place; none where it is no journey at an hour.

    A vehicle is promised to the journey of another open order or to a booking. A crew without vehicles of its own in the
    register drives one.
    """
    if not counts(order):
        return frozenset()
    assert order.starts_at is not None
    begin, end = span(order.starts_at, order.ends_at, order.minutes)
    taken: dict[str, int] = {}
    near = (T.c.open == 1, T.c.crew != "", T.c.item == "vehicle", T.c.starts_at < end, T.c.starts_at > begin - LONGEST)
    journeys = select(T.c.crew, T.c.starts_at, T.c.ends_at, T.c.minutes).where(*near, T.c.order_id != order.order_id)
    for row in connection.execute(journeys):
        if span(row.starts_at, row.ends_at, row.minutes)[1] > begin:
            taken[row.crew] = taken.get(row.crew, 0) + 1
    if not taken:
        return frozenset()
    own = (G.kind == "vehicle", G.active == 1, G.crew.in_(taken))
    booked = (
        select(G.crew, func.count()).join(work_tables.shared_booking, K.code == G.code)
        .where(*own, K.order_id == "", K.cancelled_at.is_(None), K.starts_at < end, K.ends_at > begin).group_by(G.crew)
    )  # fmt: skip
    for crew, count in connection.execute(booked):
        taken[crew] += count
    there: dict[str, int] = dict(connection.execute(select(G.crew, func.count()).where(*own).group_by(G.crew)).all())
    return frozenset(crew for crew, count in taken.items() if count >= there.get(crew, 1))


def counts(order: Order) -> bool:
    """Whether the order is a journey at an hour."""
    return order.item == "vehicle" and order.starts_at is not None


def span(starts_at: datetime, ends_at: datetime | None, minutes: int) -> tuple[datetime, datetime]:
    """From when until when a journey takes its vehicle; by the usual time where nobody said when it is back."""
    return starts_at, ends_at if ends_at is not None and ends_at > starts_at else starts_at + timedelta(minutes=minutes)


def suggestion(
    connection: Connection, order: Order, roster: Roster, loads: Mapping[str, Load], now: datetime
) -> tuple[Suggestion, datetime]:
    """Whom to send, why, and who comes next; with the instant from which its minutes count."""
    return crews.suggestion(order, roster, loads, now, away=away(connection, order))


def suggestion_now(work: Work, order: Order, roster: Roster, loads: Mapping[str, Load]) -> tuple[Suggestion, datetime]:
    """The same within a transaction, where what it put off counts."""
    if counts(order):
        work.flush()
    return suggestion(work.connection, order, roster, loads, work.now)
