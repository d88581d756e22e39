"""A dispatcher's day: load, promises kept, waits by item, crews side by side, every promise that was broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from services.dispatch import tables
from services.dispatch.promises import ARRIVAL, FINISH, RESPONSE
from services.dispatch.store import T, order_of
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from services.dispatch.model import Order
    from services.dispatch.roster import Roster

MOST_LATE = 200  # broken promises that are listed one by one


def middle(values: Iterable[float]) -> float | None:
    """The median; None of nothing."""
    ordered = sorted(values)
    return None if not ordered else (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


@dataclass
class Line:
    """What one item or crew did on a day.

    Attributes:
        waits: minutes from filing to the first crew, of orders opened on the day; ``arrivals``: from assignment to being
            there, of orders finished on it.
        on_time: finished orders none of whose promises was broken.
        worked: hours. ``cost``: what suppliers are expected to charge for them, yuan; an estimate, never billed.
    """

    name: str
    opened: int = 0
    finished: int = 0
    on_time: int = 0
    breaches: int = 0
    refused: int = 0
    redone: int = 0
    worked: float = 0.0
    cost: float = 0.0
    waits: list[float] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)

    @property
    def wait(self) -> float | None:
        """The middle wait; None where nobody waited."""
        return middle(self.waits)

    @property
    def arrival(self) -> float | None:
        """The middle time to be there; None where nobody came."""
        return middle(self.arrivals)

    @property
    def share(self) -> float | None:
        """Percent of finished orders that were on time; None when nothing was finished."""
        return 100 * self.on_time / self.finished if self.finished else None


@dataclass(frozen=True)
class Late:
    """One promise that was broken on the day; ``by``: how late it was kept, or is by now; ``kept``: that it was."""

    order: Order
    promise: str
    due_at: datetime
    by: timedelta
    kept: bool
    reason: str  # the last refusal or pause before it, as a word key; empty when there was none


@dataclass(frozen=True)
class Report:
    """A dispatcher's day: by hour, item and crew."""

    hours: list[tuple[int, int, int]]  # hour at the site, opened, finished
    items: list[Line]
    crews: list[Line]
    late: list[Late]
    opened: int
    finished: int
    breaches: int
    redone: int
    left: int  # of those opened on the day, still open
    in_hand: int  # open at the day's end, or now
    share: float | None  # percent of finished orders that were on time
    before: float | None  # the same of the day before


def report(connection: Connection, since: datetime, until: datetime, now: datetime, roster: Roster) -> Report:
    """What happened between two instants of one day at the site."""
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
    items: dict[str, Line] = {}
    crews: dict[str, Line] = {}
    hours = {hour: [0, 0] for hour in range(24)}

    def line(where: dict[str, Line], name: str) -> Line:
        return where.setdefault(name, Line(name))

    redone = 0
    for order in opened:
        hours[order.opened_at.astimezone(SITE_ZONE).hour][0] += 1
        again = order.round > 1 or order.origin == "redo"
        redone += again
        for each in [line(items, order.item), *([line(crews, order.crew)] if order.crew else [])]:
            each.opened += 1
            each.redone += again
            if order.responded_at is not None:
                each.waits.append(max(0.0, (order.responded_at - order.filed_at).total_seconds() / 60))
    for order in ended:
        assert order.finished_at is not None
        hours[order.finished_at.astimezone(SITE_ZONE).hour][1] += 1
        in_time = all(order.judged(kind) is not False for kind in (RESPONSE, ARRIVAL, FINISH))
        team = roster.teams.get(order.crew)
        for each in (line(items, order.item), line(crews, order.crew)):
            each.finished += 1
            each.on_time += in_time
            if order.arrived_at is not None and order.assigned_at is not None:
                each.arrivals.append(max(0.0, (order.arrived_at - order.assigned_at).total_seconds() / 60))
            if order.started_at is not None:
                worked = (order.finished_at - order.started_at).total_seconds() / 3600
                each.worked += worked
                if team is not None and team.supplier and team.hourly:
                    each.cost += worked * float(team.hourly)
    for row in broken:
        line(items, row.item).breaches += row.n
        if row.crew:
            line(crews, row.crew).breaches += row.n
    for row in refused:
        line(crews, row.crew).refused += row.n
    finished = sum(each.finished for each in items.values())
    on_time = sum(each.on_time for each in items.values())
    return Report(
        hours=[(hour, *counts) for hour, counts in hours.items()],  # type: ignore[misc]
        items=_sorted(items.values()),
        crews=_sorted(crews.values()),
        late=_late(connection, since, until, now),
        opened=len(opened),
        finished=len(ended),
        breaches=sum(row.n for row in broken),
        redone=redone,
        left=sum(1 for order in opened if order.open),
        in_hand=_in_hand(connection, until),
        share=100 * on_time / finished if finished else None,
        before=_share(connection, since - timedelta(days=1), since),
    )


def _sorted(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-line.opened - line.finished, line.name))


def _in_hand(connection: Connection, until: datetime) -> int:
    ended = func.coalesce(T.c.finished_at, T.c.cancelled_at)
    query = select(func.count()).where(T.c.opened_at < until, or_(T.c.open == 1, ended >= until))
    return int(connection.execute(query).scalar_one())


def _share(connection: Connection, since: datetime, until: datetime) -> float | None:
    """Percent of the orders finished between two instants none of whose promises was broken."""
    kept = and_(*(func.coalesce(T.c[f"{kind}_kept"], 1) == 1 for kind in (RESPONSE, ARRIVAL, FINISH)))
    query = select(func.count(), func.count().filter(kept)).where(T.c.finished_at >= since, T.c.finished_at < until)
    finished, on_time = connection.execute(query).one()
    return 100 * on_time / finished if finished else None


def _late(connection: Connection, since: datetime, until: datetime, now: datetime) -> list[Late]:
    """Promises broken on the day, the worst first."""
    B, H = tables.breach.c, tables.happening.c  # noqa: N806
    query = (
        select(T, B.promise.label("broken"), B.due_at.label("was_due")).join(tables.breach, T.c.order_id == B.order_id)
        .where(B.due_at >= since, B.due_at < until).order_by(B.due_at, T.c.order_id).limit(MOST_LATE)
    )  # fmt: skip
    rows = connection.execute(query).all()
    reasons: dict[str, list[tuple[datetime, str]]] = {}
    why = select(H.order_id, H.kind, H.at, H.detail).where(
        H.order_id.in_([row.order_id for row in rows]), H.kind.in_(("refused", "paused"))
    )
    for each in connection.execute(why.order_by(H.order_id, H.sequence)):
        word = "refusal" if each.kind == "refused" else "pause"
        reasons.setdefault(each.order_id, []).append((each.at, f"dispatch.{word}.{each.detail}"))
    found = []
    for row in rows:
        order = order_of(row)
        settled = {RESPONSE: order.responded_at, ARRIVAL: order.arrived_at, FINISH: order.finished_at}[row.broken]
        until_then = settled or order.cancelled_at or min(now, max(until, row.was_due))
        said = [key for at, key in reasons.get(order.order_id, ()) if at <= until_then]
        by = max(timedelta(0), until_then - row.was_due)
        found.append(Late(order, row.broken, row.was_due, by, settled is not None, said[-1] if said else ""))
    return sorted(found, key=lambda late: (-late.by, late.order.order_id))
