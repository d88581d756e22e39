"""What comes out of the bureau's own store and pool, told to billing as its own cost: parts that went into an order, shares of
what was booked. Never a supplier's to be paid for: such costs belong to no contract.
"""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from services.dispatch import work_tables
from shared.contracts import dispatch

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row

    from services.dispatch.model import Order
    from shared.work import Work

S, V = work_tables.stock.c, work_tables.stock_move.c
G, K = work_tables.shared_thing.c, work_tables.shared_booking.c
CENT = Decimal("0.01")
ITEMS = {"vehicle": "vehicle"}  # kind of shared thing -> the item whose cost its use is


def issued(connection: Connection, reference: str) -> list[Row[Any]]:
    """Moves of an order's parts, oldest first, each with its part's names, unit and price."""
    query = (
        select(work_tables.stock_move, S.name, S.name_en, S.unit, S.price)
        .join(work_tables.stock, S.code == V.code)
        .where(V.reference == reference, V.kind.in_(("issued", "returned")))
    )
    return list(connection.execute(query.order_by(V.at, V.move_id)))


def worth(rows: list[Row[Any]]) -> Decimal:
    """What was issued costs, yuan, by the last price of each part."""
    total = sum((-Decimal(row.quantity) * Decimal(row.price) for row in rows if row.price), Decimal(0))
    return total.quantize(CENT, ROUND_HALF_UP)


def say_parts(work: Work, order: Order, counted: Collection[str]) -> None:
    """What went from the store into an order that has ended is said, once.

    An order of our own that counts its materials has said so by its usage. A supplier's usage is what the supplier is paid
    for; our parts in it are our cost all the same.
    """
    if not order.supplier and "materials" in counted:
        return
    yuan = worth(issued(work.connection, order.reference))
    if yuan > 0:
        work.say(dispatch.CostMeasured(
            cost_id=f"parts/{order.order_id}", kind="parts", meter="materials", yuan=yuan, item=order.item,
            department=order.department, crew="" if order.supplier else order.crew, order_id=order.order_id,
            order_reference=order.reference, request_id=order.asked, at=work.now))  # fmt: skip


def settle_shares(work: Work, limit: int = 100) -> int:
    """Each party's share of a booking that is over is said, once; how many bookings were looked at."""
    query = (
        select(work_tables.shared_booking, G.kind.label("thing"), G.crew.label("owner"))
        .join(work_tables.shared_thing, G.code == K.code)
        .where(K.ends_at <= work.now, K.cancelled_at.is_(None), K.order_id == "", K.told == 0)
        .order_by(K.ends_at, K.booking_id)
        .limit(limit)
    )
    rows = list(work.connection.execute(query.with_for_update(skip_locked=True, of=work_tables.shared_booking)))
    for row in rows:
        for place, (party, _, yuan) in enumerate(json.loads(row.parties)):
            if Decimal(yuan) > 0:
                work.say(dispatch.CostMeasured(
                    cost_id=f"shared/{row.booking_id}/{place}", kind="shared", meter="shared", yuan=Decimal(yuan),
                    item=ITEMS.get(row.thing, ""), department=party, crew=row.owner, at=row.ends_at))  # fmt: skip
        change = update(work_tables.shared_booking).where(K.booking_id == row.booking_id)
        work.connection.execute(change.values(told=1))
    return len(rows)
