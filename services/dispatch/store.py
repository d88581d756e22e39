"""What dispatch reads and writes. Hot statements are ``Sql``; lists go by key, never by offset."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sqlalchemy import and_, func, insert, literal, or_, select, tuple_, update

from services.dispatch import standards, tables, work_tables  # noqa: F401  the schema is whole once all are read
from services.dispatch.model import Order
from services.dispatch.promises import Happening
from services.dispatch.roster import Cover, Load, Member, Roster, Team
from shared.contracts.base import parse
from shared.contracts.requests import CatalogueChanged
from shared.database import Sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

    from shared.photos import Photo
    from shared.work import Work

T = tables.work_order
_NAMES = tuple(each.name for each in fields(Order))
_JSON = frozenset(
    {"answers", "skills", "reasons", "next_crews", "refused_by", "usage", "evidence", "terms", "checks", "photos"}
)
_FLAGS = frozenset({"open", "restricted", "response_kept", "arrival_kept", "finish_kept"})
FIXED = frozenset(
    [
        "order_id",
        "reference",
        "request_id",
        "request_reference",
        "round",
        "item",
        "level",
        "priority",
        "place",
        "building",
        "floor",
        "room",
        "department",
        "requester",
        "filed_at",
        "starts_at",
        "ends_at",
        "headcount",
        "quantity",
        "restricted",
        "summary",
        "answers",
        "contact",
        "skills",
        "minutes",
        "opened_at",
        "origin",
        "parent",
        "asset",
    ]
)
_CHANGING = tuple(name for name in _NAMES if name not in FIXED)

_PUT = Sql(f"INSERT INTO work_order ({', '.join(_NAMES)}) VALUES ({', '.join(f':{name}' for name in _NAMES)})")
_SAVE = Sql(f"UPDATE work_order SET {', '.join(f'{name} = :{name}' for name in _CHANGING)} WHERE order_id = :order_id")
_REWRITE = Sql(
    f"UPDATE work_order SET {', '.join(f'{name} = :{name}' for name in _NAMES if name != 'order_id')} WHERE order_id = :order_id"
)
_HAPPEN = Sql(
    """INSERT INTO happening (order_id, sequence, kind, at, who, crew, detail)
       VALUES (:order_id, :sequence, :kind, :at, :who, :crew, :detail)"""
)
_CLAIM = Sql("UPDATE happening SET claimed_at = :claimed_at WHERE order_id = :order_id AND sequence = :sequence")
_KNOWN = Sql(
    "SELECT request_id FROM work_order WHERE round = 1 AND request_id IN (SELECT value FROM json_each(:ids))",
    postgresql="SELECT request_id FROM work_order WHERE round = 1 AND request_id = ANY(:ids)",
)
_LOADS = Sql("SELECT crew, orders, minutes, running FROM crew_load")
_ADD_LOAD = Sql(
    """INSERT INTO crew_load (crew, orders, minutes, running) VALUES (:crew, :orders, :minutes, :running)
       ON CONFLICT (crew) DO UPDATE SET orders = crew_load.orders + excluded.orders,
       minutes = crew_load.minutes + excluded.minutes, running = crew_load.running + excluded.running"""
)
_TELL = Sql("INSERT INTO live_row (channel, event, data, at) VALUES (:channel, :event, :data, :at)")
_FORGET_TOLD = Sql("DELETE FROM live_row WHERE at < :before")
_HEAR = Sql(
    """INSERT INTO heard (request_id, sequence, kind, at, detail) VALUES (:request_id, :sequence, :kind, :at, :detail)
       ON CONFLICT DO NOTHING"""
)
_BREACH = Sql(
    """INSERT INTO breach (order_id, promise, due_at, noticed_at) VALUES (:order_id, :promise, :due_at, :noticed_at)
       ON CONFLICT DO NOTHING"""
)
_ALERT = Sql(
    """INSERT INTO alert (order_id, key, role, message, promise, at, told_at)
       VALUES (:order_id, :key, :role, :message, :promise, :at, :told_at) ON CONFLICT DO NOTHING"""
)


# ---- orders


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _row_of(order: Order) -> dict[str, Any]:
    row = {name: getattr(order, name) for name in _NAMES}
    for name in _JSON:
        row[name] = _encoded(row[name]) if row[name] else "[]"
    for name in _FLAGS:
        row[name] = None if row[name] is None else int(row[name])
    return row


def order_of(row: Row[Any]) -> Order:
    """An order from its row."""
    values = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's documented name
    for name in _JSON:
        values[name] = [] if values[name] == "[]" else json.loads(values[name])
    for name in _FLAGS:
        values[name] = None if values[name] is None else bool(values[name])
    return Order(**{name: values[name] for name in _NAMES})


def known_requests(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these requests have an order already."""
    given: Any = json.dumps(ids) if connection.dialect.name == "sqlite" else list(ids)
    return {row[0] for row in _KNOWN.run(connection, ids=given)}


def put_order(work: Work, order: Order) -> None:
    """Write a new order at the end of the transaction."""
    work.later(_PUT, **_row_of(order))


def save_order(work: Work, order: Order) -> None:
    """Write what may change of an order, at the end of the transaction."""
    row = _row_of(order)
    work.later(_SAVE, order_id=order.order_id, **{name: row[name] for name in _CHANGING})


def is_department(connection: Connection, code: str) -> bool:
    """Whether a department of this code has asked for something."""
    return connection.execute(select(T.c.order_id).where(T.c.department == code).limit(1)).first() is not None


def rewrite_order(work: Work, order: Order) -> None:
    """Write all of an order, what was asked for included, at the end of the transaction."""
    work.later(_REWRITE, **_row_of(order))


def happen(work: Work, order: Order, kind: str, *, who: str = "", crew: str = "", detail: str = "") -> None:
    """Append to what happened to the order, under its version."""
    work.later(
        _HAPPEN, order_id=order.order_id, sequence=order.version, kind=kind, at=work.now, who=who,
        crew=crew or order.crew, detail=detail,
    )  # fmt: skip


def claim(work: Work, order: Order, sequence: int, claimed_at: datetime) -> None:
    """Write beside what happened under ``sequence`` when the phone says it was done."""
    work.later(_CLAIM, order_id=order.order_id, sequence=sequence, claimed_at=claimed_at)


def had_order(connection: Connection, order_id: str, crew: str) -> bool:
    """Whether the crew has, or ever had, the order."""
    H = tables.happening.c  # noqa: N806
    query = select(H.sequence).where(H.order_id == order_id, H.crew == crew).limit(1)
    return connection.execute(query).first() is not None


def order(connection: Connection, reference: str, *, lock: bool = False) -> Order | None:
    """The order of this reference; with ``lock`` nobody else changes it until the transaction ends."""
    query = select(T).where(T.c.reference == reference)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return order_of(row) if row else None


def orders_of_request(connection: Connection, request_id: str, *, lock: bool = False) -> dict[int, Order]:
    """A request's orders by round."""
    query = select(T).where(T.c.request_id == request_id).order_by(T.c.round)
    return {row.round: order_of(row) for row in connection.execute(query.with_for_update() if lock else query)}


def happenings(connection: Connection, order_id: str) -> list[Row[Any]]:
    """What happened to an order, oldest first."""
    H = tables.happening.c  # noqa: N806
    return list(connection.execute(select(tables.happening).where(H.order_id == order_id).order_by(H.sequence)))


def happenings_of(connection: Connection, order_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """What happened to each of these orders, oldest first."""
    H = tables.happening.c  # noqa: N806
    found: dict[str, list[Row[Any]]] = {each: [] for each in order_ids}
    query = select(tables.happening).where(H.order_id.in_(order_ids)).order_by(H.order_id, H.sequence)
    for row in connection.execute(query):
        found[row.order_id].append(row)
    return found


def heard_by_clock(rows: Iterable[Row[Any]]) -> list[Happening]:
    """Rows of ``happenings`` as the promise clock takes them."""
    return [Happening(row.kind, row.at, row.detail, row.sequence) for row in rows]


def to_look_at(connection: Connection, now: datetime, limit: int) -> list[Order]:
    """Open orders with a promise whose due instant has come, locked; those that another timer holds are left out."""
    query = select(T).where(T.c.look_at <= now).order_by(T.c.look_at).limit(limit).with_for_update(skip_locked=True)
    return [order_of(row) for row in connection.execute(query)]


def breaches(connection: Connection, order_ids: Sequence[str]) -> dict[str, set[str]]:
    """Which promises of these orders have been said to be broken."""
    found: dict[str, set[str]] = {}
    B = tables.breach.c  # noqa: N806
    for row in connection.execute(select(B.order_id, B.promise).where(B.order_id.in_(order_ids))):
        found.setdefault(row.order_id, set()).add(row.promise)
    return found


def breaches_of(connection: Connection, order_id: str) -> list[Row[Any]]:
    """The broken promises of an order."""
    B = tables.breach.c  # noqa: N806
    return list(connection.execute(select(tables.breach).where(B.order_id == order_id).order_by(B.noticed_at)))


def told_crew(connection: Connection, crew: str, since: datetime, limit: int = 50) -> list[tuple[Any, ...]]:
    """(kind, instant, reference, item, summary) of what a crew should know of, newest first."""
    H, B, S = tables.happening.c, tables.breach.c, tables.heard.c  # noqa: N806
    order = (T.c.reference, T.c.item, T.c.summary)
    urged = select(S.kind, S.at, *order).join(T, T.c.request_id == S.request_id).where(
        T.c.crew == crew, S.kind == "urged", S.at >= since)  # fmt: skip
    taken = select(H.kind, H.at, *order).join(T, T.c.order_id == H.order_id).where(
        H.crew == crew, H.kind.in_(("recalled", "cancelled")), H.at >= since)  # fmt: skip
    raised = select(H.kind, H.at, *order).join(T, T.c.order_id == H.order_id).where(
        T.c.crew == crew, H.crew == crew, H.kind == "escalated", H.detail.startswith("crew_leader"), H.at >= since)  # fmt: skip
    late = select(literal("breached"), B.noticed_at, *order).join(T, T.c.order_id == B.order_id).where(
        T.c.crew == crew, B.noticed_at >= since)  # fmt: skip
    rows = [tuple(row) for query in (urged, taken, raised, late) for row in connection.execute(query.limit(limit))]
    return sorted(rows, key=lambda row: row[1], reverse=True)[:limit]


def note_breach(work: Work, order_id: str, promise: str, due_at: datetime) -> bool:
    """Write down that a promise was broken; false when somebody had."""
    found = _BREACH.run(work.connection, order_id=order_id, promise=promise, due_at=due_at, noticed_at=work.now)
    return found.rowcount == 1


def unanswered(connection: Connection, now: datetime, limit: int) -> list[Order]:
    """Offers whose time to answer has passed, locked; those that another timer holds are left out."""
    query = select(T).where(T.c.answer_by <= now, T.c.state == "offered").order_by(T.c.answer_by, T.c.order_id)
    return [order_of(row) for row in connection.execute(query.limit(limit).with_for_update(skip_locked=True))]


def to_warn(connection: Connection, now: datetime, limit: int) -> list[Order]:
    """Open orders of which somebody may have to be told, locked; those that another timer holds are left out."""
    query = select(T).where(T.c.alert_at <= now, T.c.open == 1).order_by(T.c.alert_at, T.c.order_id)
    return [order_of(row) for row in connection.execute(query.limit(limit).with_for_update(skip_locked=True))]


def note_alert(work: Work, order_id: str, key: str, role: str, message: str, promise: str, at: datetime) -> bool:
    """Write down that somebody was told; false when it had been."""
    found = _ALERT.run(
        work.connection,
        order_id=order_id,
        key=key,
        role=role,
        message=message,
        promise=promise,
        at=at,
        told_at=work.now,
    )
    return found.rowcount == 1


def alerts_of(connection: Connection, order_id: str) -> list[Row[Any]]:
    """Who was told what of an order's promises, oldest first."""
    A = tables.alert.c  # noqa: N806
    return list(connection.execute(select(tables.alert).where(A.order_id == order_id).order_by(A.told_at, A.key)))


def parts(connection: Connection, order_id: str) -> list[Order]:
    """Parts and redos of an order, in the order of their opening."""
    query = select(T).where(T.c.parent == order_id).order_by(T.c.opened_at, T.c.reference)
    return [order_of(row) for row in connection.execute(query)]


def order_by_id(connection: Connection, order_id: str) -> Order | None:
    """The order of this id, if there is one."""
    row = connection.execute(select(T).where(T.c.order_id == order_id)).first()
    return order_of(row) if row else None


def running(connection: Connection, crew: str) -> list[Order]:
    """What a crew has under way, locked."""
    query = select(T).where(T.c.crew == crew, T.c.state == "under_way").order_by(T.c.order_id).with_for_update()
    return [order_of(row) for row in connection.execute(query)]


def paused_times(connection: Connection, order_id: str) -> int:
    """How often people have paused an order; emergencies that came between do not count."""
    H = tables.happening.c  # noqa: N806
    query = select(func.count()).where(H.order_id == order_id, H.kind == "paused", H.detail != "preempted")
    return int(connection.execute(query).scalar_one())


def where(place: str) -> tuple[str, str, str]:
    """(building, floor, room) of a place code such as B2-302; empty where it is none of these."""
    head, _, rest = place.partition("-")
    if not head.startswith("B") or not head[1:].isdecimal():
        return "", "", ""
    return head[1:], rest[:1] if rest[:1].isdecimal() else "", rest if rest.isdecimal() else ""


def photos(connection: Connection, order_id: str) -> list[Row[Any]]:
    """The photos of an order without their bytes, oldest first."""
    P = tables.photo.c  # noqa: N806
    names = (P.order_id, P.sha256, P.kind, P.content_type, P.who, P.claimed_at, P.received_at, P.removed_at)
    return list(connection.execute(select(*names).where(P.order_id == order_id).order_by(P.received_at, P.sha256)))


def photo(connection: Connection, order_id: str, sha256: str) -> Row[Any] | None:
    """One photo of an order with its bytes, while they are kept."""
    P = tables.photo.c  # noqa: N806
    query = select(tables.photo).where(P.order_id == order_id, P.sha256 == sha256, P.removed_at.is_(None))
    return connection.execute(query).first()


def remove_photos(work: Work, before: datetime, limit: int) -> int:
    """Pictures of orders that ended before ``before`` are gone, at most ``limit``; their rows and hashes stay. How many."""
    P = tables.photo.c  # noqa: N806
    ended = func.coalesce(T.c.finished_at, T.c.cancelled_at)
    query = (
        select(P.order_id, P.sha256)
        .join(T, P.order_id == T.c.order_id)
        .where(P.removed_at.is_(None), P.received_at < before, T.c.open == 0, ended < before)
        .order_by(P.received_at)
        .limit(limit)
    )
    gone = update(tables.photo).where(tuple_(P.order_id, P.sha256).in_(query)).values(body=b"", removed_at=work.now)
    return work.connection.execute(gone).rowcount


def orders_with_photo(connection: Connection, sha256: str, but: str) -> list[str]:
    """References of other orders that hold the same photo."""
    P = tables.photo.c  # noqa: N806
    query = (
        select(T.c.reference)
        .join(tables.photo, P.order_id == T.c.order_id)
        .where(P.sha256 == sha256, P.order_id != but)
    )
    return [row.reference for row in connection.execute(query.order_by(T.c.reference))]


def put_photo(work: Work, order_id: str, kept: Photo, kind: str, who: str, claimed_at: datetime | None) -> bool:
    """Keep a photo; false when the order had it."""
    held = select(tables.photo.c.sha256).where(
        tables.photo.c.order_id == order_id, tables.photo.c.sha256 == kept.sha256
    )  # the order is locked, so nobody else adds to it meanwhile
    if work.connection.execute(held).first() is not None:
        return False
    row = {
        "order_id": order_id, "sha256": kept.sha256, "kind": kind, "content_type": kept.content_type, "body": kept.body,
        "who": who, "claimed_at": claimed_at, "received_at": work.now,
    }  # fmt: skip
    work.connection.execute(insert(tables.photo).values(row))
    return True


# ---- lists


def listed(
    connection: Connection, *, view: str = "open", item: str = "", crew: str = "", supplier: str | None = None,
    building: str = "", priority: int = 0, words: str = "", now: datetime | None = None,
    after: tuple[datetime, str] | None = None, limit: int = 60,
) -> list[Order]:  # fmt: skip
    """A part of the queue, most urgent first; ended orders newest first. ``after`` is the last row's sort key."""
    ended = view == "ended"
    key = T.c.changed_at if ended else T.c.urgency_at
    query = select(T).where(_view(view, now))
    for column, value in ((T.c.item, item), (T.c.crew, crew), (T.c.building, building), (T.c.priority, priority)):
        if value:
            query = query.where(column == value)
    if supplier is not None:
        query = query.where(T.c.supplier == supplier)
    if words:
        like = f"%{words.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
        query = query.where(
            or_(*(column.like(like, escape="!") for column in (T.c.summary, T.c.reference, T.c.place, T.c.room)))
        )
    if after:
        place = tuple_(key, T.c.order_id)
        query = query.where(place < after if ended else place > after)
    order_by = (key.desc(), T.c.order_id.desc()) if ended else (key, T.c.order_id)
    return [order_of(row) for row in connection.execute(query.order_by(*order_by).limit(limit))]


VIEWS = ("open", "late", "to_assign", "proposed", "offered", "under_way", "paused", "ended", "all")


def _view(view: str, now: datetime | None) -> Any:
    """The condition of a view of the queue."""
    if view == "all":
        return T.c.open >= 0
    if view == "ended":
        return T.c.open == 0
    open_ = T.c.open == 1
    if view == "proposed":
        slot = tables.plan_slot
        planned = select(slot.c.order_id).where(slot.c.act == "propose", slot.c.version == T.c.version)
        return and_(open_, T.c.order_id.in_(planned.correlate(T)))
    if view == "late":
        return and_(open_, T.c.urgency_at <= now, T.c.state != "paused")
    if view == "to_assign":
        return and_(open_, T.c.state.in_(("to_assign", "redo")))
    if view == "under_way":
        return and_(open_, T.c.state.in_(("accepted", "on_the_way", "on_site", "under_way")))
    if view in {"offered", "paused"}:
        return and_(open_, T.c.state == view)
    return open_


def counts(connection: Connection, now: datetime, supplier: str | None = None) -> dict[str, int]:
    """How many orders each view of the queue holds, the ended ones aside."""
    states = select(T.c.state, func.count()).where(T.c.open == 1).group_by(T.c.state)
    late = select(func.count()).select_from(T).where(_view("late", now))
    if supplier is not None:
        states, late = states.where(T.c.supplier == supplier), late.where(T.c.supplier == supplier)
    proposed = select(func.count()).select_from(T).where(_view("proposed", now))
    by_state = {state: int(count) for state, count in connection.execute(states)}
    return {
        "open": sum(by_state.values()),
        "late": int(connection.execute(late).scalar_one()),
        "to_assign": by_state.get("to_assign", 0) + by_state.get("redo", 0),
        "proposed": int(connection.execute(proposed).scalar_one()) if supplier is None else 0,
        "offered": by_state.get("offered", 0),
        "under_way": sum(by_state.get(each, 0) for each in ("accepted", "on_the_way", "on_site", "under_way")),
        "paused": by_state.get("paused", 0),
    }


def of_crew(connection: Connection, crew: str, since: datetime, limit: int = 60) -> list[Order]:
    """What a crew has in hand, and what it ended since ``since``: emergencies first, then by urgency."""
    query = (
        select(T)
        .where(T.c.crew == crew, or_(T.c.open == 1, T.c.changed_at >= since))
        .order_by(T.c.open.desc(), (T.c.priority == 1).desc(), T.c.urgency_at, T.c.order_id)
        .limit(limit)
    )
    return [order_of(row) for row in connection.execute(query)]


def on_day(connection: Connection, since: datetime, until: datetime, limit: int = 1000) -> list[Order]:
    """Orders with a crew that were or will be worked on between two instants."""
    begin = func.coalesce(T.c.started_at, T.c.planned_at)
    query = (
        select(T)
        .where(T.c.crew != "", T.c.state != "cancelled", begin < until, or_(T.c.open == 1, T.c.finished_at >= since))
        .order_by(begin, T.c.order_id)
        .limit(limit)
    )
    return [order_of(row) for row in connection.execute(query)]


# ---- what requests said


def hear(work: Work, request_id: str, sequence: int, kind: str, at: datetime, detail: str = "") -> None:
    """Keep what was said of a request; the same again changes nothing."""
    _HEAR.run(work.connection, request_id=request_id, sequence=sequence, kind=kind, at=at, detail=detail)


def heard(connection: Connection, request_id: str) -> list[Row[Any]]:
    """Everything said of a request after its filing, in its order."""
    H = tables.heard.c  # noqa: N806
    return list(connection.execute(select(tables.heard).where(H.request_id == request_id).order_by(H.sequence)))


# ---- live pages


def tell(work: Work, channel: str, event: str, data: Mapping[str, Any]) -> None:
    """Pages that listen to ``channel`` are told with this transaction's commit, in every replica."""
    work.later(_TELL, channel=channel, event=event, data=json.dumps(data, separators=(",", ":")), at=work.now)


def forget_told(work: Work, before: datetime) -> None:
    """What live pages were told before is forgotten."""
    work.later(_FORGET_TOLD, before=before)


# ---- crews

STALE = 5.0  # seconds after which crews, contracts and modes are read again
_rosters: WeakKeyDictionary[Engine, tuple[float, Roster]] = WeakKeyDictionary()


def roster(connection: Connection) -> Roster:
    """All crews and contracts, at most five seconds old."""
    kept = _rosters.get(connection.engine)
    now = time.monotonic()
    if kept is not None and now - kept[0] < STALE:
        return kept[1]
    found = read_roster(connection)
    _rosters[connection.engine] = (now, found)
    return found


def forget_roster() -> None:
    """Crews and contracts are read anew at their next use in this process, by readers and writers alike."""
    _rosters.clear()


_ITEM_VERSION = Sql(
    """INSERT INTO item_version (item, version, said) VALUES (:item, :version, :said) ON CONFLICT (item, version) DO NOTHING"""
)


def put_item_version(connection: Connection, event: CatalogueChanged) -> None:
    """A published version of an item is known; hearing it twice changes nothing."""
    said = json.dumps(event.data(), ensure_ascii=False)
    _ITEM_VERSION.run(connection, item=event.item, version=event.version, said=said)
    forget_roster()


def _know_items(connection: Connection) -> None:
    rows = connection.execute(select(tables.item_version.c.said))
    standards.know(parse(CatalogueChanged.TYPE, json.loads(said)) for (said,) in rows)  # type: ignore[misc]


def read_roster(connection: Connection) -> Roster:
    """All crews and contracts as they are stored now; what is published of items is known with them."""
    _know_items(connection)
    teams = {row.code: _team(row) for row in connection.execute(select(tables.crew).order_by(tables.crew.c.code))}
    covers = tuple(
        Cover(row.contract, row.supplier, frozenset(json.loads(row.items)), row.starts_on, row.ends_on)
        for row in connection.execute(select(tables.cover).order_by(tables.cover.c.contract))
    )
    suppliers = {row.code: (row.name, row.name_en) for row in connection.execute(select(tables.supplier))}
    modes = {row.item: row.mode for row in connection.execute(select(tables.item_mode))}
    leaves = tuple(
        (row.crew, row.number, row.from_on, row.until_on) for row in connection.execute(select(tables.leave))
    )
    papers = tuple(
        (row.crew, row.number, row.skill, row.expires_on) for row in connection.execute(select(tables.certificate))
    )
    interests = frozenset((row.crew, row.about) for row in connection.execute(select(tables.interest)))
    scores = {
        row.scored: (row.tenths / 1000, row.consequence) for row in connection.execute(select(tables.performance))
    }
    return Roster(teams, covers, suppliers, modes, leaves=leaves, papers=papers, interests=interests, scores=scores)


def _team(row: Row[Any]) -> Team:
    return Team(
        code=row.code, name=row.name, name_en=row.name_en, leader=row.leader, leader_en=row.leader_en,
        account=row.account, supplier=row.supplier, size=row.size, seats=row.seats, skills=json.loads(row.skills),
        shift=(row.shift_from, row.shift_until), days=row.days, base=row.base, hourly=row.hourly,
        active=bool(row.active), retired=bool(row.retired),
    )  # fmt: skip


def loads(connection: Connection) -> dict[str, Load]:
    """What each crew has in hand."""
    return {crew: Load(orders, minutes, running) for crew, orders, minutes, running in _LOADS.run(connection)}


def add_loads(work: Work, changes: Mapping[str, Load]) -> None:
    """Change what crews have in hand; in order of code, so that two transactions never wait for each other."""
    for crew in sorted(changes):
        change = changes[crew]
        if crew and change != Load():
            work.later(_ADD_LOAD, crew=crew, orders=change.orders, minutes=change.minutes, running=change.running)


def members(connection: Connection, crews: Iterable[str]) -> list[Member]:
    """The people of some crews."""
    M = tables.member.c  # noqa: N806
    query = select(tables.member).where(M.crew.in_(list(crews))).order_by(M.crew, M.number)
    return [Member(row.crew, row.number, row.name, row.post) for row in connection.execute(query)]


def has_crews(connection: Connection) -> bool:
    """Whether any crew is known."""
    return connection.execute(select(tables.crew.c.code).limit(1)).first() is not None


def put_crews(
    connection: Connection, teams: Iterable[Team], people: Iterable[Member], suppliers: Mapping[str, tuple[str, str]]
) -> None:
    """Write new crews with their people and their employers."""
    rows = [
        {
            "code": team.code, "name": team.name, "name_en": team.name_en, "leader": team.leader,
            "leader_en": team.leader_en, "account": team.account, "supplier": team.supplier, "size": team.size,
            "seats": team.seats, "skills": json.dumps(dict(team.skills)), "shift_from": team.shift[0],
            "shift_until": team.shift[1], "days": team.days, "base": team.base, "hourly": team.hourly,
            "active": int(team.active),
        }
        for team in teams
    ]  # fmt: skip
    connection.execute(insert(tables.crew), rows)
    connection.execute(
        insert(tables.member), [{"crew": m.crew, "number": m.number, "name": m.name, "post": m.post} for m in people]
    )
    for code, (name, name_en) in suppliers.items():
        put_supplier(connection, code, name, name_en)
    forget_roster()


_SUPPLIER = Sql(
    """INSERT INTO supplier (code, name, name_en) VALUES (:code, :name, :name_en)
       ON CONFLICT (code) DO NOTHING"""
)
_COVER = Sql(
    """INSERT INTO cover (contract, supplier, items, starts_on, ends_on, sequence)
       VALUES (:contract, :supplier, :items, :starts_on, :ends_on, :sequence)
       ON CONFLICT (contract) DO UPDATE SET supplier = excluded.supplier, items = excluded.items,
       starts_on = excluded.starts_on, ends_on = excluded.ends_on, sequence = excluded.sequence
       WHERE excluded.sequence > cover.sequence"""
)
_PERFORMANCE = Sql(
    """INSERT INTO performance (scored, period, tenths, consequence) VALUES (:scored, :period, :tenths, :consequence)
       ON CONFLICT (scored) DO UPDATE SET period = excluded.period, tenths = excluded.tenths,
       consequence = excluded.consequence WHERE excluded.period > performance.period"""
)
_BELONGS = Sql(
    """INSERT INTO crew_account (account, crew, name, department, epoch) VALUES (:account, :crew, :name, :department, :epoch)
       ON CONFLICT (account) DO UPDATE SET crew = excluded.crew, name = excluded.name, department = excluded.department,
       epoch = excluded.epoch WHERE excluded.epoch >= crew_account.epoch"""
)
_DEPARTMENT = Sql(
    """INSERT INTO department (code, name, name_en, at) VALUES (:code, :name, :name_en, :at)
       ON CONFLICT (code) DO UPDATE SET name = excluded.name, name_en = excluded.name_en, at = excluded.at
       WHERE excluded.at >= department.at"""
)


def put_supplier(connection: Connection, code: str, name: str, name_en: str) -> None:
    """A supplier is known by this name, unless it had one."""
    _SUPPLIER.run(connection, code=code, name=name, name_en=name_en)


def put_cover(connection: Connection, cover: Cover, sequence: int) -> None:
    """A contract covers these items; an older word on it changes nothing."""
    sqlite = connection.dialect.name == "sqlite"
    _COVER.run(
        connection, contract=cover.contract, supplier=cover.supplier, items=json.dumps(sorted(cover.items)),
        starts_on=cover.starts_on.isoformat() if sqlite else cover.starts_on,
        ends_on=cover.ends_on.isoformat() if sqlite else cover.ends_on, sequence=sequence,
    )  # fmt: skip
    forget_roster()


def put_performance(connection: Connection, scored: str, period: str, tenths: int, consequence: str) -> None:
    """The score of a month is known here; that of an earlier month changes nothing."""
    _PERFORMANCE.run(connection, scored=scored, period=period, tenths=tenths, consequence=consequence)
    forget_roster()


def put_account(connection: Connection, account: str, crew: str, name: str, epoch: int, department: str = "") -> None:
    """An account belongs to a crew (or to none) and to a department; latest epoch wins."""
    _BELONGS.run(connection, account=account, crew=crew, name=name, epoch=epoch, department=department)


def put_department(connection: Connection, code: str, name: str, name_en: str, at: datetime) -> None:
    """A department is called so; the latest word wins."""
    _DEPARTMENT.run(connection, code=code, name=name, name_en=name_en, at=at)


def people_of(connection: Connection, crew: str) -> list[str]:
    """Accounts that belong to a crew."""
    C = tables.crew_account.c  # noqa: N806
    return [row.account for row in connection.execute(select(C.account).where(C.crew == crew))]
