"""Routes of upkeep: assets with their history, plans and rounds, the QR page of a checkpoint, alarms, drills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from services.dispatch import api, store, tables, upkeep, views
from services.dispatch.access import DISPATCH, QUEUE, WORK, scoped
from shared.errors import Absent, Conflict, Invalid
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.intake import load, read_json
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Access, Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from shared.language import Language
    from shared.web.context import Context

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


def assets(context: Context) -> Answer:
    """The assets, and what is open for each."""
    lang = context.language
    A, T = tables.asset.c, tables.work_order.c  # noqa: N806
    with context.read() as connection:
        rows = list(connection.execute(select(tables.asset).order_by(A.kind, A.code)))
        open_ = [row.asset for row in connection.execute(select(T.asset).where(T.open == 1, T.asset != ""))]
    shown = [{"name": _named(row, lang), "href": context.url("asset", code=row.code), "place": _place(row.place, lang),
              "since": row.since, "open": open_.count(row.code)} for row in rows]  # fmt: skip
    return page("dispatch/assets.html", rows=shown)


def _place(code: str, lang: Language) -> str:
    return lang(f"dispatch.place.{code}") if lang.has(f"dispatch.place.{code}") else code


def asset(context: Context, code: str) -> Answer:
    """One asset: its orders, readings and alarms, newest first."""
    lang, now = context.language, context.now
    T, C, P = tables.work_order.c, tables.checkpoint.c, tables.passing.c  # noqa: N806
    with context.read() as connection:
        row = connection.execute(select(tables.asset).where(tables.asset.c.code == code)).first()
        if row is None:
            raise Absent
        roster = store.roster(connection)
        found = [store.order_of(each) for each in connection.execute(
            select(tables.work_order).where(T.asset == code).order_by(T.opened_at.desc()).limit(100))]  # fmt: skip
        readings = list(connection.execute(
            select(C.name, C.name_en, C.unit, P.at, P.who, P.reading, P.outside).join(tables.passing, P.checkpoint == C.code)
            .where(C.asset == code).order_by(P.at.desc()).limit(100)))  # fmt: skip
    return page(
        "dispatch/asset.html", name=_named(row, lang), place=_place(row.place, lang), since=row.since,
        orders=[views.row(each, roster, now, lang, context.url("order", ref=each.reference)) for each in found],
        readings=[{"at": each.at, "what": lang.named(each.name, each.name_en), "value": f"{each.reading} {each.unit}",
                   "who": each.who, "outside": each.outside} for each in readings],
    )  # fmt: skip


def plans(context: Context) -> Answer:
    """Preventive plans and rounds: when each comes next, and their checkpoints with QR labels."""
    lang = context.language
    P, C = tables.plan.c, tables.checkpoint.c  # noqa: N806
    with context.read() as connection:
        rows = list(connection.execute(select(tables.plan).order_by(P.next_at, P.code)))
        points = list(connection.execute(select(tables.checkpoint).order_by(C.plan, C.position)))
    return page("dispatch/plans.html", rows=[
        {"name": _named(row, lang), "place": _place(row.place, lang), "rule": row.rule, "next": row.next_at,
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
    context: Context, *, given: dict[str, Any] | None = None, errors: dict[str, Any] | None = None, status: int = 200
) -> Answer:
    """Emergency plans: who is called in which order, what is done; and the drills."""
    lang = context.language
    with context.read() as connection:
        rows = list(connection.execute(select(tables.drill).order_by(tables.drill.c.at.desc()).limit(200)))
    shown = [
        {"code": each["code"], "name": lang.named(each["name"]["zh"], each["name"]["en"]),
         "calls": [lang.named(one["zh"], one["en"]) for one in each["calls"]],
         "steps": [lang.named(one["zh"], one["en"]) for one in each["steps"]]}
        for each in upkeep.known()["emergency"]
    ]  # fmt: skip
    names = {each["code"]: each["name"] for each in shown}
    return page(
        "dispatch/drills.html",
        status=status,
        plans=shown,
        rows=rows,
        names=names,
        given=given or {},
        errors=errors or {},
    )


def note_drill(context: Context) -> Answer:
    """The drill stands in the register."""
    try:
        given = context.form()
        with context.work() as work:
            upkeep.note_drill(work, **given, who=context.principal.name)
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
    Route("POST", "/api/alarms", "api_alarm", alarm, allow=PUBLIC, kind="api", accepts=Alarm, answers=AlarmForm, limit=LOUD,
          max_body=20_000, summary="An alarm of a device, signed."),
    Route("GET", "/alarms", "alarms", alarms, allow=QUEUE, sample={}, summary="Alarms."),
    Route("GET", "/drills", "drills", drills, allow=QUEUE, sample={}, summary="Emergency plans and drills."),
    Route("POST", "/drills", "note_drill", note_drill, allow=DISPATCH, accepts=Drill, creates=True, summary="Note a drill."),
)  # fmt: skip
