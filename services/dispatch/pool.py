"""What departments and suppliers share, with bookings and split costs; vehicles with drivers, seats and their journeys.

Two claims on one thing never overlap: a claim is written under the thing's lock. A journey is a claim of its order.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from services.dispatch import choices, model, store, views, work_tables, workforce
from services.dispatch.access import WORK, scoped
from services.dispatch.acts import Nothing, both, table_file
from services.dispatch.api import own_supplier
from services.dispatch.store import T
from services.dispatch.workforce_pages import Month, month_of
from shared.clock import SITE_ZONE, to_text
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Number
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from services.dispatch.model import Order
    from shared.web.context import Context
    from shared.work import Work

G, K, J = work_tables.shared_thing.c, work_tables.shared_booking.c, work_tables.trip.c
KINDS = ("vehicle", "storage", "equipment")
LONGEST = timedelta(days=31)
AHEAD = timedelta(days=366)
CENT = Decimal("0.01")
USE = Access.to(
    dispatcher="all", supplier="supplier", contract_manager="all", supervisor="all", auditor="all", administrator="all"
)
BOOK = Access.to(dispatcher="all", supplier="supplier", administrator="all")
EDIT = Access.to(dispatcher="all", administrator="all")


class Taken(Conflict):
    """The thing is taken in that time."""

    key = "pool.field.taken"


def keep(
    work: Work, *, code: str, name: str, name_en: str, kind: str, place: str, seats: int, crew: str, hourly: Decimal | None,
    odometer: Decimal | None,
) -> str:  # fmt: skip
    """The thing may be booked; the same code again changes what is said of it.

    Raises:
        Invalid: no such crew, or a vehicle without a seat for its driver.
    """
    wrong: dict[str, list[str]] = {}
    if crew and crew not in store.read_roster(work.connection).teams:
        wrong["crew"] = ["dispatch.field.crew"]
    if kind == "vehicle" and seats < 1:
        wrong["seats"] = ["pool.field.seats"]
    if wrong:
        raise Invalid(fields=wrong)
    values = {"name": name, "name_en": name_en or name, "kind": kind, "place": place, "seats": seats, "crew": crew, "active": 1,
              "hourly": format(hourly, "f") if hourly is not None else ""}  # fmt: skip
    if odometer is not None:
        values["odometer"] = format(odometer, "f")
    if work.connection.execute(update(work_tables.shared_thing).where(G.code == code).values(**values)).rowcount == 0:
        work.connection.execute(insert(work_tables.shared_thing).values(**({"odometer": ""} | values | {"code": code})))
    return code


def split(cost: Decimal, percents: Sequence[int]) -> list[Decimal]:
    """The cost in shares that add up to it exactly; cents left over go to the largest remainders, the first of equals."""
    exact = [cost * each / 100 for each in percents]
    shares = [each.quantize(CENT, "ROUND_DOWN") for each in exact]
    left = int((cost - sum(shares)) / CENT)
    for place in sorted(range(len(shares)), key=lambda place: (shares[place] - exact[place], place))[:left]:
        shares[place] += CENT
    return shares


def _locked(work: Work, code: str) -> Row[Any]:
    row = work.connection.execute(select(work_tables.shared_thing).where(G.code == code).with_for_update()).first()
    if row is None or not row.active:
        raise Invalid(fields={"code": ["pool.field.thing"]})
    return row


def _free(work: Work, code: str, starts_at: datetime, ends_at: datetime, but: str = "") -> None:
    """Return when nobody else holds the thing between the two; a journey whose order has ended holds it no longer.

    Raises:
        Taken: somebody does; the message says until when.
    """
    query = (
        select(K.ends_at, K.booking_id).outerjoin(T, T.c.order_id == K.order_id)
        .where(K.code == code, K.starts_at < ends_at, K.ends_at > starts_at, K.cancelled_at.is_(None))
        .where(or_(K.order_id == "", T.c.open == 1), K.order_id != (but or "-"))
        .order_by(K.ends_at.desc())
    )  # fmt: skip
    row = work.connection.execute(query).first()
    if row is not None:
        until = row.ends_at.astimezone(SITE_ZONE)
        raise Taken(until=f"{until:%m-%d %H:%M}")


def book(
    work: Work, *, code: str, starts_at: datetime, ends_at: datetime, purpose: str, parties: Sequence[str],
    percents: Sequence[int], supplier: str, who: str,
) -> str:  # fmt: skip
    """The thing is theirs for that time, at the cost that each party bears; the booking's id.

    Raises:
        Invalid: no such thing, a time that cannot be, or shares that do not add up to a hundred. Taken: somebody holds it.
    """
    wrong: dict[str, list[str]] = {}
    if ends_at <= starts_at:
        wrong["ends_at"] = ["dispatch.field.backwards"]
    elif ends_at - starts_at > LONGEST:
        wrong["ends_at"] = ["pool.field.long"]
    if starts_at < work.now - timedelta(hours=1) or starts_at > work.now + AHEAD:
        wrong["starts_at"] = ["pool.field.when"]
    if not parties or len(parties) != len(percents) or sum(percents) != 100 or len(set(parties)) != len(parties):
        wrong["percents"] = ["pool.field.shares"]
    if wrong:
        raise Invalid(fields=wrong)
    thing = _locked(work, code)
    _free(work, code, starts_at, ends_at)
    minutes = Decimal(round((ends_at - starts_at) / timedelta(minutes=1)))
    cost = (Decimal(thing.hourly or 0) * minutes / 60).quantize(CENT, ROUND_HALF_UP)
    shares = [[party, percent, format(part, "f")] for party, percent, part in
              zip(parties, percents, split(cost, percents), strict=True)]  # fmt: skip
    ident = work.new_id()
    work.connection.execute(insert(work_tables.shared_booking).values(
        booking_id=ident, code=code, starts_at=starts_at, ends_at=ends_at, purpose=purpose, supplier=supplier,
        parties=json.dumps(shares, ensure_ascii=False), cost=format(cost, "f"), order_id="", booked_by=who,
        booked_at=work.now))  # fmt: skip
    return ident


def cancel(work: Work, booking_id: str, supplier: str | None) -> None:
    """The time is free again and costs nothing; what has begun stays.

    Raises:
        Absent: there is none, or it is another supplier's. Conflict: it has begun, or was cancelled.
    """
    row = work.connection.execute(
        select(work_tables.shared_booking).where(K.booking_id == booking_id).with_for_update()
    ).first()
    if row is None or row.order_id or (supplier is not None and row.supplier != supplier):
        raise Absent
    if row.starts_at <= work.now or row.cancelled_at is not None:
        raise Conflict("pool.field.begun")
    work.connection.execute(
        update(work_tables.shared_booking).where(K.booking_id == booking_id).values(cancelled_at=work.now)
    )


# ---- journeys


def send(work: Work, order: Order, vehicle: str, driver: str, who: str) -> None:
    """The order's journey is made with this vehicle and driver; naming others replaces them.

    Raises:
        Invalid: the order is no journey or nobody has it, no such vehicle, too few seats, another crew's, or a driver who is
            not of the crew. Taken: vehicle or driver are away at that time.
    """
    if order.item != "vehicle" or order.state not in model.HELD:
        raise Invalid(fields={"vehicle": ["pool.field.journey"]})
    thing = _locked(work, vehicle)
    wrong: dict[str, list[str]] = {}
    if thing.kind != "vehicle" or (thing.crew and thing.crew != order.crew):
        wrong["vehicle"] = ["pool.field.thing"]
    elif thing.seats < order.headcount + 1:
        wrong["vehicle"] = ["pool.field.seats"]
    if driver not in {each.person_id for each in workforce.people_at(work.connection, work.now, crew=order.crew)}:
        wrong["driver"] = ["workforce.field.of_crew"]
    if wrong:
        raise Invalid(fields=wrong)
    begin = order.starts_at or order.planned_at or work.now
    end = order.ends_at if order.ends_at and order.ends_at > begin else begin + timedelta(minutes=order.minutes)
    _free(work, vehicle, begin, end, but=order.order_id)
    # Drivers are claimed too; locked in order of id, after the vehicle.
    work.connection.execute(
        select(work_tables.person.c.person_id).where(work_tables.person.c.person_id == driver).with_for_update()
    )
    other = (
        select(K.ends_at).join(work_tables.trip, J.order_id == K.order_id).join(T, T.c.order_id == K.order_id)
        .where(J.driver == driver, K.starts_at < end, K.ends_at > begin, K.cancelled_at.is_(None), T.c.open == 1)
        .where(K.order_id != order.order_id)
    )  # fmt: skip
    row = work.connection.execute(other).first()
    if row is not None:
        raise Taken("pool.field.driver", until=f"{row.ends_at.astimezone(SITE_ZONE):%m-%d %H:%M}")
    work.connection.execute(work_tables.shared_booking.delete().where(K.order_id == order.order_id))
    work.connection.execute(work_tables.trip.delete().where(J.order_id == order.order_id))
    work.connection.execute(insert(work_tables.shared_booking).values(
        booking_id=work.new_id(), code=vehicle, starts_at=begin, ends_at=end, purpose="", supplier=order.supplier,
        parties="[]", cost="0", order_id=order.order_id, booked_by=who, booked_at=work.now))  # fmt: skip
    work.connection.execute(insert(work_tables.trip).values(
        order_id=order.order_id, vehicle=vehicle, driver=driver, km_from=thing.odometer, km_until="", words=""))  # fmt: skip


def log_trip(work: Work, order: Order, km_from: Decimal, km_until: Decimal | None, words: str) -> None:
    """What the odometer said at leaving and, once back, at the return; the vehicle goes on from there.

    Raises:
        Invalid: no journey is planned, or the odometer would run backwards.
    """
    row = work.connection.execute(
        select(work_tables.trip).where(J.order_id == order.order_id).with_for_update()
    ).first()
    if row is None:
        raise Invalid(fields={"km_from": ["pool.field.unplanned"]})
    thing = work.connection.execute(
        select(work_tables.shared_thing).where(G.code == row.vehicle).with_for_update()
    ).first()
    before = Decimal(thing.odometer) if thing is not None and thing.odometer and not row.km_until else Decimal(0)
    if km_from < before:
        raise Invalid(fields={"km_from": ["pool.field.backwards"]})
    if km_until is not None and km_until < km_from:
        raise Invalid(fields={"km_until": ["pool.field.backwards"]})
    values: dict[str, Any] = {"km_from": format(km_from, "f"), "left_at": row.left_at or work.now, "words": words}
    if km_until is not None:
        values |= {"km_until": format(km_until, "f"), "back_at": row.back_at or work.now}
        change = update(work_tables.shared_thing).where(G.code == row.vehicle)
        work.connection.execute(change.values(odometer=format(km_until, "f")))
        K_ = update(work_tables.shared_booking).where(K.order_id == order.order_id, K.ends_at > work.now)  # noqa: N806
        work.connection.execute(K_.values(ends_at=work.now))
    work.connection.execute(update(work_tables.trip).where(J.order_id == order.order_id).values(**values))


def kilometres(row: Row[Any]) -> Decimal | None:
    """What a journey drove; None while it is out."""
    try:
        return Decimal(row.km_until) - Decimal(row.km_from)
    except InvalidOperation:
        return None


def on_order(connection: Connection, order: Order, lang: Any) -> dict[str, Any] | None:
    """What the page of a vehicle's order shows: the journey, and who and what may make it."""
    if order.item != "vehicle":
        return None
    row = connection.execute(
        select(work_tables.trip, G.name, G.name_en, work_tables.person.c.name.label("who"))
        .join(work_tables.shared_thing, G.code == J.vehicle)
        .join(work_tables.person, work_tables.person.c.person_id == J.driver).where(J.order_id == order.order_id)
    ).first()  # fmt: skip
    held = order.state in model.HELD
    query = (
        select(work_tables.shared_thing)
        .where(G.kind == "vehicle", G.active == 1, G.crew.in_(("", order.crew)))
        .order_by(G.code)
    )
    vehicles = [each for each in connection.execute(query) if each.seats >= order.headcount + 1] if held else []
    drivers = workforce.people_at(connection, order.changed_at, crew=order.crew) if held and order.crew else []
    km = kilometres(row) if row else None
    return {
        "row": row,
        "words": f"{lang.named(row.name, row.name_en)} · {row.who}" if row else "",
        "km": format(km, "f") if km is not None else "",
        "vehicles": [
            (each.code, lang("pool.vehicle", name=lang.named(each.name, each.name_en), n=each.seats))
            for each in vehicles
        ],
        "drivers": [(each.person_id, each.name) for each in drivers],
    }


# ---- routes


class Thing(Schema):
    """Something that is shared."""

    code = Key(required=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    place = Text(40, load_default="")
    seats = Whole(0, 100, load_default=0)
    crew = Key(load_default="")
    hourly = Number(2, least="0", most="100000", load_default=None, allow_none=True)
    odometer = Number(1, least="0", most="5000000", load_default=None, allow_none=True)


class Booking(Schema):
    """A claim: instants with an offset, or local ones at the site as a form gives them."""

    code = Key(required=True)
    starts_at = fields.DateTime(required=True)
    ends_at = fields.DateTime(required=True)
    purpose = Text(100, required=True)
    parties = fields.List(Text(40), required=True, validate=validate.Length(min=1, max=10, error="pool.field.shares"))
    percents = fields.List(
        Whole(1, 100), required=True, validate=validate.Length(min=1, max=10, error="pool.field.shares")
    )


class Journey(Schema):
    """With which vehicle and driver."""

    vehicle = Key(required=True)
    driver = Key(required=True)


class Log(Schema):
    """The odometer at leaving and at the return."""

    km_from = Number(1, least="0", most="5000000", required=True)
    km_until = Number(1, least="0", most="5000000", load_default=None, allow_none=True)
    words = Text(200, load_default="")


class ThingForm(Schema):
    """A shared thing and when it is taken; by whom only for one's own and for dispatchers."""

    code = fields.String()
    name = fields.String()
    kind = fields.String()
    seats = fields.Integer()
    hourly = fields.String()
    odometer = fields.String()
    taken = fields.List(fields.Dict())


class PoolForm(Schema):
    """Everything that is shared."""

    things = fields.List(fields.Nested(ThingForm))


def _read(context: Context) -> tuple[list[Any], dict[str, list[Any]]]:
    with context.read() as connection:
        things = list(
            connection.execute(select(work_tables.shared_thing).where(G.active == 1).order_by(G.kind, G.code))
        )
        rows = connection.execute(
            select(work_tables.shared_booking, T.c.reference).outerjoin(T, T.c.order_id == K.order_id)
            .where(K.ends_at > context.now, K.cancelled_at.is_(None), or_(K.order_id == "", T.c.open == 1))
            .order_by(K.starts_at).limit(1000)
        )  # fmt: skip
        taken: dict[str, list[Any]] = {row.code: [] for row in things}
        for row in rows:
            taken.setdefault(row.code, []).append(row)
    return things, taken


def _mine(context: Context, row: Any) -> bool:
    own = own_supplier(context)
    return own is None or (bool(row.supplier) and row.supplier == own)


def pool_page(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200, **_: str
) -> Answer:
    """What is shared, when it is taken, and what it costs whom."""
    lang, now = context.language, context.now
    things, taken = _read(context)
    own = own_supplier(context)
    with context.read() as connection:
        roster = store.read_roster(connection)
        parties = choices.parties(connection, roster, lang, own)
    called = dict(parties)
    shown = [
        {"code": row.code, "name": lang.named(row.name, row.name_en), "kind": lang(f"pool.kind.{row.kind}"), "place": row.place,
         "seats": row.seats, "hourly": lang.number(Decimal(row.hourly)) if row.hourly else "",
         "odometer": lang.number(Decimal(row.odometer)) if row.odometer else "",
         "taken": [
             {"words": lang.span(each.starts_at, each.ends_at, now), "id": each.booking_id,
              "what": _what(each, called, lang) if _mine(context, each) else lang("pool.taken"),
              "href": context.url("order", ref=each.reference) if each.reference and _mine(context, each) else "",
              "may_cancel": not each.order_id and each.starts_at > now and _mine(context, each)}
             for each in taken[row.code]]}
        for row in things
    ]  # fmt: skip
    given = context.posted if problem else {}
    return page(
        "dispatch/pool.html", parties=parties, crews=choices.crews(roster, lang) if own is None else [], status=status, things=shown, problem=problem, errors=errors or {}, given=given,
        kinds=[(kind, lang(f"pool.kind.{kind}")) for kind in KINDS], choices=[(each["code"], each["name"]) for each in shown],
    )  # fmt: skip


def _what(row: Any, called: dict[str, str], lang: Any) -> str:
    if row.order_id:
        return lang("pool.journey", ref=views.short(row.reference or ""))  # type: ignore[no-any-return]
    shares = [
        f"{called.get(party, party)} {percent}% {lang.number(Decimal(yuan))}"
        for party, percent, yuan in json.loads(row.parties)
    ]
    return f"{row.purpose} · {lang.listed(shares)}"


def api_pool(context: Context) -> Answer:
    """Everything that is shared."""
    things, taken = _read(context)
    return answer({"things": [
        {"code": row.code, "name": row.name, "kind": row.kind, "seats": row.seats, "hourly": row.hourly, "odometer": row.odometer,
         "taken": [
             {"starts_at": to_text(each.starts_at), "ends_at": to_text(each.ends_at)}
             | ({"booking_id": each.booking_id, "purpose": each.purpose, "cost": each.cost, "parties": json.loads(each.parties)}
                if _mine(context, each) else {})
             for each in taken[row.code]]}
        for row in things
    ]})  # fmt: skip


def pool_file(context: Context) -> Answer:
    """A month's bookings with each party's share, as CSV."""
    lang = context.language
    since, until, text = month_of(context)
    with context.read() as connection:
        rows = [row for row in connection.execute(
            select(work_tables.shared_booking).where(K.starts_at >= since, K.starts_at < until, K.cancelled_at.is_(None), K.order_id == "")
            .order_by(K.starts_at, K.booking_id).limit(10000)) if _mine(context, row)]  # fmt: skip
    head = [lang(f"pool.{name}") for name in ("code", "starts", "ends", "purpose", "party", "percent", "yuan")]
    lines = [
        [row.code, f"{row.starts_at.astimezone(SITE_ZONE):%Y-%m-%d %H:%M}", f"{row.ends_at.astimezone(SITE_ZONE):%Y-%m-%d %H:%M}",
         row.purpose, party, percent, Decimal(yuan)]
        for row in rows for party, percent, yuan in json.loads(row.parties)
    ]  # fmt: skip
    return table_file(f"pool-{text}.csv", head, lines)


def _at(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=SITE_ZONE)


def _keep(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        return keep(work, **given)


def _book(context: Context, given: dict[str, Any]) -> str:
    given |= {"starts_at": _at(given["starts_at"]), "ends_at": _at(given["ends_at"])}
    with context.work() as work:
        return book(work, **given, supplier=own_supplier(context) or "", who=context.principal.name)


def _cancel(context: Context, given: dict[str, Any], booking_id: str) -> None:
    with context.work() as work:
        cancel(work, booking_id, own_supplier(context))


def _order(context: Context, work: Work, ref: str) -> Order:
    order = store.order(work.connection, views.full(ref, context.now), lock=True)
    context.check(scoped(order))
    assert order is not None
    return order


def _send(context: Context, given: dict[str, Any], ref: str) -> None:
    with context.work() as work:
        send(work, _order(context, work, ref), given["vehicle"], given["driver"], context.principal.name)


def _log(context: Context, given: dict[str, Any], ref: str) -> None:
    with context.work() as work:
        log_trip(work, _order(context, work, ref), given["km_from"], given["km_until"], given["words"])


def _back(context: Context, **_: str) -> str:
    return context.url("pool")


def _again(context: Context, ref: str, **more: Any) -> Answer:
    from services.dispatch.pages import order_page

    return order_page(context, ref, problem=more["problem"], status=more["status"])


def _to_order(context: Context, ref: str) -> str:
    return context.url("order", ref=ref)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/pool", "pool", pool_page, allow=USE, sample={}, summary="What is shared, and when it is taken."),
    Route("GET", "/pool.csv", "pool_file", pool_file, allow=USE, kind="file", accepts=Month, summary="A month's shares as CSV."),
    Route("GET", "/api/pool", "api_pool", api_pool, allow=USE, kind="api", answers=PoolForm, summary="What is shared."),
    *both("/pool", "keep_shared", _keep, Thing, EDIT, "Share a thing, or change what is said of it.", again=pool_page, back=_back,
          said="pool.said.kept"),
    *both("/pool/bookings", "book_shared", _book, Booking, BOOK, "Claim a shared thing for a time, with shares of the cost.",
          again=pool_page, back=_back, said="pool.said.booked"),
    *both("/pool/bookings/<booking_id>/cancel", "cancel_shared", _cancel, Nothing, BOOK, "Give a claim back before it begins.",
          again=pool_page, back=_back, said="pool.said.cancelled"),
    *both("/orders/<ref>/journey", "send_vehicle", _send, Journey, WORK, "Name the vehicle and driver of a journey.",
          again=_again, back=_to_order, said="pool.said.sent"),
    *both("/orders/<ref>/trip", "log_trip", _log, Log, WORK, "Note the odometer of a journey.", again=_again, back=_to_order,
          said="pool.said.logged"),
)  # fmt: skip

THINGS = (
    ("car-1", "1号轿车", "Car 1", "vehicle", "6", 5, "in-car-1", "60.00", "48210.0"),
    ("car-2", "2号商务车", "Van 2", "vehicle", "6", 7, "in-car-2", "80.00", "91344.0"),
    ("bus-1", "1号中巴", "Minibus 1", "vehicle", "6", 22, "in-car-3", "120.00", "130502.0"),
    ("store-a", "物资库房A区", "Store room A", "storage", "6", 0, "", "5.00", ""),
    ("lift-1", "升降作业平台", "Lifting platform", "equipment", "6", 0, "", "35.00", ""),
)


def demonstrate(work: Work) -> None:
    """What the demonstration's departments and suppliers share."""
    for code, name, name_en, kind, place, seats, crew, hourly, odometer in THINGS:
        keep(work, code=code, name=name, name_en=name_en, kind=kind, place=place, seats=seats, crew=crew, hourly=Decimal(hourly),
             odometer=Decimal(odometer) if odometer else None)  # fmt: skip
