"""Routes of upkeep: assets with their history, plans and rounds, the QR page of a checkpoint, alarms, drills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from services.dispatch import api, choices, emergency_plans, recurrence, store, tables, upkeep, views, work_tables
from services.dispatch.access import DISPATCH, QUEUE, WORK, scoped
from shared.clock import to_text
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.intake import load, read_json
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Access, Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.dispatch.roster import Roster
    from shared.language import Language
    from shared.web.context import Context

KINDS = ("chiller", "generator", "transformer", "security", "fire", "lift", "other")  # of assets
LOUD = Limit(per_minute=1200, burst=600)  # an alarm storm is heard; more is answered 429


class Reading(Schema):
    """What the meter at a checkpoint shows; empty where nothing is read."""

    reading = Text(20, load_default="")


class Alarm(Schema):
    """An alarm of a device."""

    source = Key(required=True)
    key = Key(required=True)
    severity = fields.String(load_default="major", validate=validate.OneOf(tuple(upkeep.SEVERITIES)))
    words = Text(200, required=True)
    place = Key(load_default="")
    asset = Key(load_default="")


class AlarmForm(Schema):
    """The order that is open for it."""

    order = fields.String()


class PassedForm(Schema):
    """The round that passed, and whether what was read there broke a limit: then an order is open for it."""

    order = fields.String()
    outside = fields.Boolean()


class AssetForm(Schema):
    """One asset with its contract, the plans for it, its orders, readings and alarms, newest first."""

    code = fields.String()
    name = fields.String()
    name_en = fields.String()
    kind = fields.String()
    place = fields.String()
    contract = fields.String()
    supplier = fields.String()
    since = fields.String()
    plans = fields.List(fields.Dict())
    orders = fields.List(fields.Dict())
    readings = fields.List(fields.Dict())
    alarms = fields.List(fields.Dict())


class Drill(Schema):
    """What was exercised."""

    plan = Key(required=True)
    kind = fields.String(load_default="drill", validate=validate.OneOf(("drill", "real")))
    on = fields.Date(required=True)
    led_by = Text(40, required=True)
    people = Whole(1, 10_000, required=True)
    minutes = Whole(1, 10_000, required=True)
    words = Text(500, load_default="", lines=True)


def _named(row: Any, lang: Language) -> str:
    return lang.named(row.name, row.name_en)


def assets(context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200) -> Answer:
    """The assets, and what is open for each."""
    lang = context.language
    A, T = tables.asset.c, tables.work_order.c  # noqa: N806
    with context.read() as connection:
        rows = list(connection.execute(select(tables.asset).order_by(A.kind, A.code)))
        open_ = [row.asset for row in connection.execute(select(T.asset).where(T.open == 1, T.asset != ""))]
        roster = store.roster(connection)
        places = choices.places(connection, lang)
    shown = [{"name": _named(row, lang), "href": context.url("asset", code=row.code), "place": choices.place_name(row.place, lang),
              "since": row.since, "open": open_.count(row.code), "contract": row.contract,
              "keeper": _keeper(row.contract, roster, lang)} for row in rows]  # fmt: skip
    return page(
        "dispatch/assets.html", rows=shown, problem=problem, status=status, given=context.posted if problem else {},
        errors=errors or {}, known_places=places, contracts=choices.contracts(roster, lang),
        kinds=[(kind, lang(f"register.kind.{kind}")) for kind in KINDS],
    )  # fmt: skip


MOST = 100  # of an asset's orders, readings and alarms that are shown


def _history(connection: Connection, code: str) -> dict[str, Any]:
    """An asset and all that concerns it: plans by when they come next, the rest newest first.

    Raises:
        Absent: there is none.
    """
    A, T, C, P = tables.alarm.c, tables.work_order.c, tables.checkpoint.c, tables.passing.c  # noqa: N806
    D = tables.device_reading.c  # noqa: N806
    row = connection.execute(select(tables.asset).where(tables.asset.c.code == code)).first()
    if row is None:
        raise Absent
    rounds = select(C.plan).where(C.asset == code)
    due = select(tables.plan).where(or_(tables.plan.c.asset == code, tables.plan.c.code.in_(rounds)))
    found = select(tables.work_order).where(T.asset == code).order_by(T.opened_at.desc()).limit(MOST)
    readings = (
        select(C.name, C.name_en, C.unit, P.at, P.who, P.reading, P.outside).join(tables.passing, P.checkpoint == C.code)
        .where(C.asset == code).order_by(P.at.desc()).limit(MOST)
    )  # fmt: skip
    devices = (
        select(C.name, C.name_en, C.unit, D.at, D.reading, D.outside).join(tables.device_reading, D.checkpoint == C.code)
        .where(C.asset == code).order_by(D.at.desc()).limit(MOST)
    )  # fmt: skip
    read = [(row, row.who) for row in connection.execute(readings)] + [(row, "") for row in connection.execute(devices)]
    alarms = select(tables.alarm, T.reference).join(tables.work_order, T.order_id == A.order_id).where(A.asset == code)
    return {
        "asset": row,
        "plans": list(connection.execute(due.where(tables.plan.c.active == 1).order_by(tables.plan.c.next_at))),
        "orders": [store.order_of(each) for each in connection.execute(found)],
        "readings": sorted(read, key=lambda pair: pair[0].at, reverse=True)[:MOST],
        "alarms": list(connection.execute(alarms.order_by(A.last_at.desc()).limit(MOST))),
    }


def _keeper(contract: str, roster: Roster, lang: Language) -> str:
    """The supplier of a contract by name; empty where dispatch does not know the contract."""
    supplier = next((each.supplier for each in roster.covers if each.contract == contract), "")
    return roster.supplier_name(supplier, lang.code) if supplier else ""


def asset(context: Context, code: str) -> Answer:
    """One asset: its contract, what is planned for it, its orders, readings and alarms, newest first."""
    lang, now = context.language, context.now
    with context.read() as connection:
        found = _history(connection, code)
        roster = store.roster(connection)
    row = found["asset"]
    return page(
        "dispatch/asset.html", name=_named(row, lang), place=choices.place_name(row.place, lang), since=row.since,
        kind=lang(f"register.kind.{row.kind}"), contract=row.contract, keeper=_keeper(row.contract, roster, lang),
        plans=[{"name": _named(each, lang), "next": each.next_at} for each in found["plans"]],
        orders=[views.row(each, roster, now, lang, context.url("order", ref=each.reference)) for each in found["orders"]],
        readings=[{"at": each.at, "what": lang.named(each.name, each.name_en), "value": f"{each.reading} {each.unit}",
                   "who": who or lang("dispatch.upkeep.device"), "outside": each.outside} for each, who in found["readings"]],
        alarms=[{"words": each.words, "severity": each.severity, "times": each.times, "last": each.last_at,
                 "href": context.url("order", ref=each.reference)} for each in found["alarms"]],
    )  # fmt: skip


def asset_by_api(context: Context, code: str) -> Answer:
    """One asset's history as JSON."""
    with context.read() as connection:
        found = _history(connection, code)
        roster = store.roster(connection)
    row = found["asset"]
    return answer({
        "code": row.code, "name": row.name, "name_en": row.name_en, "kind": row.kind, "place": row.place,
        "contract": row.contract, "supplier": _keeper(row.contract, roster, context.language), "since": row.since.isoformat(),
        "plans": [{"code": each.code, "name": each.name, "rule": each.rule,
                   "next_at": to_text(each.next_at) if each.next_at else None} for each in found["plans"]],
        "orders": [{"reference": each.reference, "state": each.state, "summary": each.summary, "opened_at": to_text(each.opened_at)}
                   for each in found["orders"]],
        "readings": [{"what": each.name, "reading": each.reading, "unit": each.unit, "outside": bool(each.outside),
                      "at": to_text(each.at), "who": who} for each, who in found["readings"]],
        "alarms": [{"words": each.words, "severity": each.severity, "times": each.times, "last_at": to_text(each.last_at),
                    "order": each.reference} for each in found["alarms"]],
    })  # fmt: skip


def plans(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200, of: str = ""
) -> Answer:
    """Preventive plans and rounds: when each comes next, and their checkpoints with QR labels; ``of`` whose points is what is wrong."""
    lang = context.language
    P, C = tables.plan.c, tables.checkpoint.c  # noqa: N806
    with context.read() as connection:
        rows = list(connection.execute(select(tables.plan).order_by(P.next_at, P.code)))
        points = list(connection.execute(select(tables.checkpoint).order_by(C.plan, C.position)))
        places, known = choices.places(connection, lang), choices.assets(connection, lang)
    given = context.posted if problem else {}
    return page("dispatch/plans.html", problem=problem, status=status, given=given, errors=errors or {}, of=of,
                items=views.item_options(lang), known_places=places, assets=known, usual=recurrence.options(lang), rows=[
        {"code": row.code, "active": row.active, "name": _named(row, lang), "place": choices.place_name(row.place, lang), "rule": recurrence.said(row.rule, row.starts_at, lang), "next": row.next_at,
         "points": [(each.code, _named(each, lang), context.url("point", code=each.code))
                    for each in points if each.plan == row.code]}
        for row in rows
    ])  # fmt: skip


def point(context: Context, code: str, *, problem: str = "", status: int = 200) -> Answer:
    """The page behind a checkpoint's QR label: what to read, and whether the round has passed it."""
    lang = context.language
    with context.read() as connection:
        row, order = upkeep.round_of(connection, code)
        points = upkeep.points_of(connection, order) if order else []
    mine = order is not None and context.may("pass_point", scoped(order))
    return page(
        "dispatch/point.html", status=status, code=code, name=_named(row, lang), unit=row.unit, low=row.low, high=row.high,
        order=order if mine else None, problem=problem,
        points=[(_named(each, lang), passed) for each, passed in points] if mine else [],
        mine=next((passed for each, passed in points if each.code == code), None) if mine else None,
    )  # fmt: skip


def pass_point(context: Context, code: str) -> Answer:
    """The round has passed the checkpoint."""
    try:
        given = context.form()
        with context.work() as work:
            row, order = upkeep.round_of(work.connection, code)
            context.check(scoped(order))
            assert order is not None
            outside = upkeep.pass_point(work, order, row, context.principal.name, given["reading"])
    except (Conflict, Invalid) as error:
        words = [each for found in context.errors(error).values() for each in found]
        return point(context, code, problem="; ".join(words) or context.language(error.key), status=error.status)
    said = Said("dispatch.said.outside" if outside else "dispatch.said.passed")
    return see_other(context.url("point", code=code), said=said)


def pass_point_by_api(context: Context, code: str) -> Answer:
    """The round has passed the checkpoint; whether the reading broke a limit."""
    given = context.json()
    with context.work() as work:
        row, order = upkeep.round_of(work.connection, code)
        context.check(scoped(order))
        assert order is not None
        outside = upkeep.pass_point(work, order, row, context.principal.name, given["reading"])
    return answer({"order": order.reference, "outside": outside})


def alarm(context: Context) -> Answer:
    """A device's alarm, signed as Standard Webhooks are; the same delivery twice counts once."""
    body = context.request.get_data(cache=True)
    ident = upkeep.signed(context.own.alarm_secret, dict(_lower(context)), body, context.now)
    given = load(Alarm, read_json(body))
    with context.work() as work:
        if upkeep.first_time(work, ident):
            upkeep.sound_alarm(work, **given)
        A = tables.alarm.c  # noqa: N806
        row = work.connection.execute(
            select(A.order_id).where(A.source == given["source"], A.key == given["key"])
        ).first()
    return answer({"order": row.order_id if row else ""})


def _lower(context: Context) -> Any:
    return ((name.lower(), value) for name, value in context.request.headers.items())


def alarms(context: Context) -> Answer:
    """Alarms, newest first, each with its order."""
    A, T = tables.alarm.c, tables.work_order.c  # noqa: N806
    with context.read() as connection:
        rows = list(connection.execute(
            select(tables.alarm, T.reference, T.state).join(tables.work_order, T.order_id == A.order_id)
            .order_by(A.last_at.desc()).limit(200)))  # fmt: skip
    return page("dispatch/alarms.html", rows=[
        {"words": row.words, "times": row.times, "last": row.last_at, "severity": row.severity, "state": row.state,
         "href": context.url("order", ref=row.reference), "ref": views.short(row.reference)} for row in rows
    ])  # fmt: skip


def drills(
    context: Context,
    *,
    given: dict[str, Any] | None = None,
    errors: dict[str, Any] | None = None,
    status: int = 200,
    problem: str = "",
) -> Answer:
    """Emergency plans: who is called in which order, what is done; and the drills."""
    lang = context.language
    with context.read() as connection:
        rows = list(connection.execute(select(tables.drill).order_by(tables.drill.c.at.desc()).limit(200)))
        Y = work_tables.emergency.c  # noqa: N806
        running = list(
            connection.execute(select(work_tables.emergency).where(Y.ended_at.is_(None)).order_by(Y.begun_at))
        )
        found = emergency_plans.plans(connection, also_ended=True)
    shown = [
        {"code": each["code"], "name": lang.named(each["name"], each["name_en"]), "version": each["version"], "who": each["who"], "at": each["at"],
         "calls": [lang.named(one["name"], one["name_en"]) for one in each["calls"]],
         "steps": [lang.named(one["name"], one["name_en"]) for one in each["steps"]]}
        for each in found.values() if each["active"]
    ]  # fmt: skip
    names = {code: lang.named(each["name"], each["name_en"]) for code, each in found.items()}
    return page(
        "dispatch/drills.html",
        status=status,
        plans=shown,
        rows=rows,
        names=names,
        choices=[(each["code"], each["name"]) for each in shown],
        given=given or {},
        errors=errors or {},
        problem=problem,
        running=[
            (names.get(row.plan, row.plan), row.kind, context.url("emergency", emergency_id=row.emergency_id))
            for row in running
        ],
    )


def note_drill(context: Context) -> Answer:
    """The drill stands in the register."""
    try:
        given = context.form()
        with context.work() as work:
            emergency_plans.note_drill(work, **given, who=context.principal.name)
    except Invalid as error:
        return drills(context, given=context.posted, errors=context.errors(error), status=error.status)
    return see_other(context.url("drills"), said=Said("dispatch.said.drill"))


SEEN = Access.to(dispatcher="all", crew="own", supplier="supplier")
ROUTES: tuple[Route, ...] = (
    Route("GET", "/assets", "assets", assets, allow=QUEUE, sample={}, summary="The assets."),
    Route("GET", "/assets/<code>", "asset", asset, allow=QUEUE, sample={"code": "chiller-1"}, summary="One asset's history."),
    Route("GET", "/plans", "plans", plans, allow=QUEUE, sample={}, summary="Preventive plans and rounds."),
    Route("GET", "/at/<code>", "point", point, allow=SEEN, sample={"code": "pt-tr1"}, summary="A checkpoint of a round."),
    Route("POST", "/at/<code>", "pass_point", pass_point, allow=WORK, accepts=Reading, limit=api.WORKING,
          summary="The round has passed a checkpoint."),
    Route("POST", "/api/checkpoints/<code>/pass", "api_pass_point", pass_point_by_api, allow=WORK, kind="api", accepts=Reading,
          answers=PassedForm, creates=True, limit=api.WORKING, sample={"code": "pt-tr1"}, summary="The round has passed a checkpoint."),
    Route("GET", "/api/assets/<code>", "api_asset", asset_by_api, allow=QUEUE, kind="api", answers=AssetForm,
          sample={"code": "chiller-1"}, summary="One asset's history."),
    Route("POST", "/api/alarms", "api_alarm", alarm, allow=PUBLIC, kind="api", accepts=Alarm, answers=AlarmForm, limit=LOUD,
          max_body=20_000, summary="An alarm of a device, signed."),
    Route("GET", "/alarms", "alarms", alarms, allow=QUEUE, sample={}, summary="Alarms."),
    Route("GET", "/drills", "drills", drills, allow=QUEUE, sample={}, summary="Emergency plans and drills."),
    Route("POST", "/drills", "note_drill", note_drill, allow=DISPATCH, accepts=Drill, creates=True, summary="Note a drill."),
)  # fmt: skip
