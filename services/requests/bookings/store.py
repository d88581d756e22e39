"""Loading and saving bookings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, type_coerce, update
from sqlalchemy.types import NullType

from services.requests import tables
from services.requests.bookings.model import CLAIMING, Resource, kinds, read_layouts, write_layouts
from services.requests.compound import layouts
from shared.bilingual import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from services.requests.bookings.model import Kind, Span
    from services.requests.compound import Place

# The longest claim there can be: earlier ones need not be looked at.
LONGEST_CLAIM = timedelta(minutes=max(kind.most + kind.before + kind.after for kind in kinds().values()))


@dataclass(frozen=True)
class Booking:
    """One booking as it is kept."""

    id: str
    version: int
    resource: int
    state: str
    starts_at: datetime
    ends_at: datetime
    claimed_from: datetime
    claimed_until: datetime
    account: str
    name: str
    name_en: str
    department: str
    organisation: str
    made_by: str
    subject: str
    headcount: int
    equipment: str
    details: str
    level: str
    series: str
    until: datetime | None
    checked_in_at: datetime | None
    made_at: datetime
    changed_at: datetime
    reason: str = ""
    layout: str = ""


@dataclass(frozen=True)
class Waiter:
    """Somebody who waits for a time to become free."""

    id: str
    resource: int
    state: str
    starts_at: datetime
    ends_at: datetime
    account: str
    name: str
    name_en: str
    department: str
    organisation: str
    subject: str
    headcount: int
    equipment: str
    made_at: datetime
    booking: str = ""
    layout: str = ""


# ---- resources


def _resource(row: RowMapping) -> Resource:
    return Resource(
        row["number"], row["code"], row["kind"], row["item"], row["place"], Words(row["name"], row["name_en"]),
        row["capacity"], tuple(row["equipment"].split()), row["approval"], row["enabled"],
        read_layouts(row["layouts"]),
    )  # fmt: skip


def resources(connection: Connection, kind: str = "") -> list[Resource]:
    """Everything that can be booked, rooms first."""
    query = select(tables.resource).order_by(tables.resource.c.number)
    if kind:
        query = query.where(tables.resource.c.kind == kind)
    return [_resource(row) for row in connection.execute(query).mappings()]


def resource_by_code(connection: Connection, code: str) -> Resource | None:
    """The resource of this code."""
    row = connection.execute(select(tables.resource).where(tables.resource.c.code == code)).mappings().first()
    return _resource(row) if row is not None else None


def lock(connection: Connection, numbers: Iterable[int]) -> dict[int, Resource]:
    """These resources, kept from every other booking until the transaction ends; always in the same order."""
    query = select(tables.resource).where(tables.resource.c.number.in_(sorted(set(numbers))))
    rows = connection.execute(query.order_by(tables.resource.c.number).with_for_update()).mappings()
    return {row["number"]: _resource(row) for row in rows}


def settle_resources(connection: Connection, places: Iterable[Place]) -> None:
    """Every meeting room and everything that ``resources.toml`` lists can be booked, rooms in the compound's layouts."""
    can_be = {code: write_layouts(found) for code, found in layouts().items()}
    rooms = [
        {"code": place.code, "zh": place.name.zh, "en": place.name.en, "seats": place.capacity, "place": place.code,
         "equipment": " ".join(place.equipment), "layouts": can_be.get(place.code, "")}
        for place in places if place.kind == "meeting"
    ]  # fmt: skip
    for kind in kinds().values():
        make_bookable(connection, kind, [*kind.listed, *(rooms if kind.code == "room" else ())])
    for each in resources(connection, "room"):  # those that were there before rooms had layouts
        if not each.layouts and each.capacity == next(iter(layouts().get(each.code, {}).values()), 0):
            there = tables.resource.c.number == each.number
            connection.execute(update(tables.resource).where(there).values(layouts=can_be[each.code]))


def make_bookable(connection: Connection, kind: Kind, listed: Iterable[Mapping[str, Any]]) -> None:
    """What ``listed`` names, as ``resources.toml`` does, can be booked; what could be booked before stays as it was."""
    there = resources(connection)
    known = {each.code for each in there}
    number = 1 + max((each.number for each in there), default=0)
    rows = []
    for number, each in enumerate((each for each in listed if each["code"] not in known), number):  # noqa: B020
        large = bool(kind.approval_from) and each["seats"] >= kind.approval_from
        rows.append({
            "number": number, "code": each["code"], "kind": kind.code, "item": each.get("item", kind.item),
            "place": each.get("place", "carpool"), "name": each["zh"], "name_en": each["en"], "capacity": each["seats"],
            "equipment": each.get("equipment", each.get("car", "")), "approval": each.get("approval", large), "enabled": True,
            "layouts": each.get("layouts", ""),
        })  # fmt: skip
    if rows:
        connection.execute(insert(tables.resource), rows)


# ---- bookings


def _booking(row: RowMapping) -> Booking:
    return Booking(**row)


def booking(connection: Connection, booking_id: str, *, lock: bool = False) -> Booking | None:
    """The booking of this id."""
    query = select(tables.booking).where(tables.booking.c.id == booking_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _booking(row) if row is not None else None


def claims(
    connection: Connection, numbers: Sequence[int], begin: datetime, end: datetime, *, without: Iterable[str] = ()
) -> dict[int, list[Span]]:
    """By resource the claimed spans that touch [begin, end); without these bookings."""
    booked = tables.booking.c
    # Read as the driver gives them: four weeks of 34 rooms are thousands of instants, turned into UTC below.
    plain = (type_coerce(column, NullType()) for column in (booked.claimed_from, booked.claimed_until))
    query = select(booked.resource, *plain).where(
        booked.resource.in_(numbers), booked.claimed_until > begin, booked.claimed_until < end + LONGEST_CLAIM,
        booked.claimed_from < end, booked.state.in_(CLAIMING),
    )  # fmt: skip
    leave = list(without)
    if leave:
        query = query.where(booked.id.not_in(leave))
    found: dict[int, list[Span]] = {number: [] for number in numbers}
    for number, begins, ends in connection.execute(query).all():
        if isinstance(begins, str):
            begins, ends = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
        found[number].append((begins, ends))
    return found


def between(
    connection: Connection, numbers: Sequence[int], begin: datetime, end: datetime, *, states: Sequence[str] = CLAIMING
) -> list[Booking]:
    """Bookings of these resources that touch [begin, end), in order of time."""
    booked = tables.booking.c
    query = (
        select(tables.booking)
        .where(
            booked.resource.in_(numbers), booked.claimed_until > begin, booked.claimed_until < end + LONGEST_CLAIM,
            booked.claimed_from < end, booked.state.in_(states),
        )
        .order_by(booked.starts_at, booked.id)
    )  # fmt: skip
    return [_booking(row) for row in connection.execute(query).mappings()]


def of_account(
    connection: Connection, account: str, *, after: datetime, states: Sequence[str] = CLAIMING, limit: int = 100
) -> list[Booking]:
    """The account's bookings that end after then, the next first."""
    booked = tables.booking.c
    query = (
        select(tables.booking)
        .where(booked.account == account, booked.ends_at > after, booked.state.in_(states))
        .order_by(booked.ends_at, booked.id)
        .limit(limit)
    )
    return [_booking(row) for row in connection.execute(query).mappings()]


def pending(connection: Connection, organisation: str, limit: int = 100) -> list[Booking]:
    """Bookings below a body that await approval, the next first."""
    booked = tables.booking.c
    query = (
        select(tables.booking)
        .where(
            booked.state == "pending",
            or_(
                booked.organisation == organisation, booked.organisation.startswith(organisation + "/", autoescape=True)
            ),
        )
        .order_by(booked.starts_at)
        .limit(limit)
    )
    return [_booking(row) for row in connection.execute(query).mappings()]


def of_series(
    connection: Connection, series: str, *, since: datetime, states: Sequence[str] = ("pending", "booked")
) -> list[Booking]:
    """The bookings of a series that start at ``since`` or later and are in these states, locked, earliest first."""
    booked = tables.booking.c
    query = (
        select(tables.booking)
        .where(booked.series == series, booked.starts_at >= since, booked.state.in_(states))
        .order_by(booked.starts_at)
        .with_for_update()
    )
    return [_booking(row) for row in connection.execute(query).mappings()]


def save_booking(connection: Connection, made: Booking) -> None:
    """Write a new booking."""
    connection.execute(insert(tables.booking).values(made.__dict__))


def change_booking(connection: Connection, booking_id: str, **values: Any) -> None:
    """Write some columns of one booking."""
    connection.execute(update(tables.booking).where(tables.booking.c.id == booking_id).values(**values))


def save_series(connection: Connection, series: str, rule: str, account: str, now: datetime) -> None:
    """Write a new series."""
    connection.execute(insert(tables.booking_series).values(id=series, rule=rule, account=account, made_at=now))


def overdue(connection: Connection, state: str, before: datetime, limit: int = 200) -> list[str]:
    """Ids of bookings in ``state`` that started before then; of offers: that lapsed before then."""
    booked = tables.booking.c
    column = booked.until if state == "offered" else booked.ends_at if state == "in_use" else booked.starts_at
    query = select(booked.id).where(booked.state == state, column < before).order_by(booked.starts_at).limit(limit)
    return [id_ for (id_,) in connection.execute(query)]


# ---- tasks


def save_task(connection: Connection, request_id: str, booking_id: str, part: int) -> None:
    """The request belongs to the booking."""
    connection.execute(insert(tables.booking_task).values(request_id=request_id, booking=booking_id, part=part))


def tasks_of(connection: Connection, booking_id: str) -> list[tuple[str, int]]:
    """(request id, part) of the requests that a booking filed."""
    task = tables.booking_task.c
    return [(id_, part) for id_, part in connection.execute(select(task.request_id, task.part).where(task.booking == booking_id))]  # fmt: skip


def drop_task(connection: Connection, request_id: str) -> None:
    """The request follows no booking any more."""
    connection.execute(tables.booking_task.delete().where(tables.booking_task.c.request_id == request_id))


def booking_of_request(connection: Connection, request_id: str, part: int | None = None) -> str:
    """Id of the booking that this request follows (as its ``part``); empty when it follows none."""
    task = tables.booking_task.c
    query = select(task.booking).where(task.request_id == request_id)
    if part is not None:
        query = query.where(task.part == part)
    return connection.execute(query).scalar() or ""


# ---- waiting


def save_waiter(connection: Connection, waiter: Waiter) -> None:
    """Write somebody who waits."""
    connection.execute(insert(tables.waiting_for).values(waiter.__dict__))


def waiters(connection: Connection, resource: int, begin: datetime, end: datetime) -> list[Waiter]:
    """Who waits for a time of this resource that touches [begin, end), first come first."""
    row = tables.waiting_for.c
    query = (
        select(tables.waiting_for)
        .where(row.resource == resource, row.state == "waiting", row.starts_at < end, row.ends_at > begin)
        .order_by(row.made_at, row.id)
        .with_for_update()
    )
    return [Waiter(**each) for each in connection.execute(query).mappings()]


def waiter(connection: Connection, waiter_id: str, *, lock: bool = False) -> Waiter | None:
    """The one who waits under this id."""
    query = select(tables.waiting_for).where(tables.waiting_for.c.id == waiter_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Waiter(**row) if row is not None else None


def waiter_offered(connection: Connection, booking_id: str) -> Waiter | None:
    """Who was offered this booking."""
    query = select(tables.waiting_for).where(tables.waiting_for.c.booking == booking_id)
    row = connection.execute(query).mappings().first()
    return Waiter(**row) if row is not None else None


def waiting_of(connection: Connection, account: str, now: datetime) -> list[Waiter]:
    """What an account waits for."""
    row = tables.waiting_for.c
    query = select(tables.waiting_for).where(row.account == account, row.state == "waiting", row.ends_at > now)
    return [Waiter(**each) for each in connection.execute(query.order_by(row.starts_at)).mappings()]


def count_waiting(connection: Connection, numbers: Sequence[int], begin: datetime, end: datetime) -> dict[int, int]:
    """By resource how many wait for a time in [begin, end)."""
    row = tables.waiting_for.c
    query = select(row.resource).where(
        row.resource.in_(numbers), row.state == "waiting", row.starts_at < end, row.ends_at > begin
    )
    found: dict[int, int] = {}
    for (number,) in connection.execute(query):
        found[number] = found.get(number, 0) + 1
    return found


def change_waiter(connection: Connection, waiter_id: str, **values: Any) -> None:
    """Write some columns of somebody who waits."""
    connection.execute(update(tables.waiting_for).where(tables.waiting_for.c.id == waiter_id).values(**values))


# ---- feeds


@dataclass(frozen=True)
class Feed:
    """A secret calendar address; ``resource`` 0 is the person's own calendar."""

    id: str
    secret: str
    account: str
    resource: int
    made_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None


def save_feed(connection: Connection, feed: Feed) -> None:
    """Write a new feed."""
    connection.execute(insert(tables.feed).values(feed.__dict__))


def feed_by_secret(connection: Connection, secret: str) -> Feed | None:
    """The feed whose secret has this digest."""
    row = connection.execute(select(tables.feed).where(tables.feed.c.secret == secret)).mappings().first()
    return Feed(**row) if row is not None else None


def feeds_of(connection: Connection, account: str) -> list[Feed]:
    """The account's feeds that are not revoked."""
    row = tables.feed.c
    query = select(tables.feed).where(row.account == account, row.revoked_at.is_(None))
    return [Feed(**each) for each in connection.execute(query.order_by(row.made_at)).mappings()]


def change_feed(connection: Connection, feed_id: str, account: str, **values: Any) -> int:
    """Write some columns of one feed of the account; how many there were."""
    row = tables.feed.c
    return connection.execute(update(tables.feed).where(row.id == feed_id, row.account == account).values(**values)).rowcount  # fmt: skip
