"""The registers through the API, and what a page adds to them: certificates, days away, interests, plans, assets, drills."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from services.dispatch import emergency_plans, people, tables, upkeep, upkeep_pages
from services.dispatch.access import DISPATCH, QUEUE
from services.dispatch.acts import Nothing, both
from services.dispatch.standards import items
from services.dispatch.store import forget_roster
from services.dispatch.upkeep_pages import KINDS, Drill
from shared.clock import SITE_ZONE, to_text
from shared.errors import Absent, Invalid
from shared.web.answers import Answer, answer
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.web.context import Context
    from shared.work import Work

MOST_POINTS = 50


def withdraw(work: Work, crew: str, about: str) -> None:
    """The crew no longer has this interest; from now on it may be sent there.

    Raises:
        Absent: it declared none.
    """
    I = tables.interest.c  # noqa: E741, N806
    if work.connection.execute(delete(tables.interest).where(I.crew == crew, I.about == about)).rowcount == 0:
        raise Absent
    forget_roster()


def put_asset(
    work: Work, *, code: str, name: str, name_en: str, kind: str, place: str, contract: str, since: Any
) -> str:
    """The asset stands in the register; the same code again changes what is said of it, its history stays."""
    values = {
        "name": name,
        "name_en": name_en or name,
        "kind": kind,
        "place": place,
        "contract": contract,
        "since": since,
    }
    if work.connection.execute(update(tables.asset).where(tables.asset.c.code == code).values(**values)).rowcount == 0:
        work.connection.execute(insert(tables.asset).values(code=code, **values))
    return code


def stop_plan(work: Work, code: str) -> None:
    """The plan makes no more orders.

    Raises:
        Absent: there is none.
    """
    change = update(tables.plan).where(tables.plan.c.code == code).values(active=0, next_at=None)
    if work.connection.execute(change).rowcount == 0:
        raise Absent


def put_point(
    work: Work, plan: str, *, code: str, name: str, name_en: str, unit: str, low: str, high: str, asset: str
) -> str:
    """The plan's round passes this checkpoint last; the same code again changes it.

    Raises:
        Absent: no such plan. Invalid: another plan's checkpoint, too many, or limits that are none.
    """
    from decimal import Decimal, InvalidOperation

    C = tables.checkpoint.c  # noqa: N806
    if work.connection.execute(select(tables.plan.c.code).where(tables.plan.c.code == plan)).first() is None:
        raise Absent
    rows = list(work.connection.execute(select(tables.checkpoint).where((C.plan == plan) | (C.code == code))))
    if any(row.code == code and row.plan != plan for row in rows) or len(rows) >= MOST_POINTS:
        raise Invalid(fields={"code": ["register.field.point"]})
    try:
        bounds = [Decimal(each) for each in (low, high) if each]
    except InvalidOperation as error:
        raise Invalid(fields={"low": ["field.number"]}) from error
    if (
        any(not each.is_finite() for each in bounds)
        or (len(bounds) == 2 and bounds[0] > bounds[1])
        or (bounds and not unit)
    ):
        raise Invalid(fields={"high": ["register.field.limits"]})
    values = {"name": name, "name_en": name_en or name, "unit": unit, "low": low, "high": high, "asset": asset}
    if work.connection.execute(update(tables.checkpoint).where(C.code == code).values(**values)).rowcount == 0:
        position = max((row.position for row in rows), default=0) + 1
        work.connection.execute(insert(tables.checkpoint).values(code=code, plan=plan, position=position, **values))
    return code


# ---- routes


class Unwanted(Schema):
    """Which interest is no longer one."""

    crew = Key(required=True)
    about = Key(required=True)


class Asset(Schema):
    """Something that is looked after."""

    code = Key(required=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    kind = fields.String(load_default="other", validate=validate.OneOf(KINDS))
    place = Key(load_default="")
    contract = Key(load_default="")
    since = fields.Date(required=True)


class Plan(Schema):
    """Work that comes again: an RFC 5545 rule in the site's wall clock, counted from an instant."""

    code = Key(required=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    item = Key(required=True)
    place = Key(required=True)
    skills = fields.List(Key(), load_default=list, validate=validate.Length(max=10))
    minutes = Whole(5, 1440, load_default=60)
    rule = Text(upkeep.MOST_RULE, load_default="FREQ=WEEKLY")
    other = Text(upkeep.MOST_RULE, load_default="")  # none of the usual ones; counts before ``rule``
    starts_at = fields.DateTime(required=True)
    asset = Key(load_default="")


class Point(Schema):
    """A checkpoint of a round, with the limits of what is read there."""

    code = Key(required=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    unit = Text(10, load_default="")
    low = Text(20, load_default="")
    high = Text(20, load_default="")
    asset = Key(load_default="")


class RowsForm(Schema):
    """A register."""

    rows = fields.List(fields.Dict())


def _rows(table: Any, *order: Any) -> Any:
    def view(context: Context) -> Answer:
        with context.read() as connection:
            rows = connection.execute(select(table).order_by(*order).limit(500))
            return answer({"rows": [{key: _plain(value) for key, value in row._mapping.items()} for row in rows]})  # noqa: SLF001

    view.__name__ = f"{table.name}_rows"
    view.__doc__ = "A register as JSON."
    return view


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_text(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


def _with(do: Any) -> Any:
    def act(context: Context, given: dict[str, Any], **places: str) -> Any:
        with context.work() as work:
            return do(work, context, given, **places)

    return act


def _plan(work: Work, _context: Context, given: dict[str, Any]) -> str:
    at = given["starts_at"]
    starts = at if at.tzinfo else at.replace(tzinfo=SITE_ZONE)
    _known(work.connection, given)
    other = given.pop("other")
    upkeep.put_plan(
        work,
        **(given | {"rule": other or given["rule"], "starts_at": starts, "name_en": given["name_en"] or given["name"]}),
    )
    return str(given["code"])


def _known(connection: Connection, given: dict[str, Any]) -> None:
    if given["item"] not in items():
        raise Invalid(fields={"item": ["dispatch.field.item"]})
    if (
        given["asset"]
        and connection.execute(select(tables.asset.c.code).where(tables.asset.c.code == given["asset"])).first() is None
    ):
        raise Invalid(fields={"asset": ["register.field.asset"]})


def _page(name: str) -> Any:
    def again(context: Context, code: str = "", **more: Any) -> Answer:
        if code:
            more["of"] = code
        if name == "crews":
            return people.crews_page(context, problem=more["problem"], status=more["status"])
        return getattr(upkeep_pages, name)(context, **more)  # type: ignore[no-any-return]

    return again


def _at(name: str) -> Any:
    return lambda context, **_: context.url(name)


def api_certify(work: Work, _context: Context, given: dict[str, Any]) -> None:
    """As the page of crews notes it."""
    people.certify(work, **given)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/certificates", "api_certificates", _rows(tables.certificate, tables.certificate.c.expires_on), noted="person", allow=QUEUE,
          kind="api", answers=RowsForm, summary="Certificates, those that end first."),
    Route("GET", "/api/leave", "api_leave", _rows(tables.leave, tables.leave.c.from_on.desc()), noted="person", allow=QUEUE, kind="api",
          answers=RowsForm, summary="Days away, newest first."),
    Route("GET", "/api/interests", "api_interests", _rows(tables.interest, tables.interest.c.crew), noted="person", allow=QUEUE, kind="api",
          answers=RowsForm, summary="Declared interests."),
    Route("GET", "/api/assets", "api_assets", _rows(tables.asset, tables.asset.c.code), allow=QUEUE, kind="api", answers=RowsForm,
          summary="Assets."),
    Route("GET", "/api/plans", "api_plans", _rows(tables.plan, tables.plan.c.code), allow=QUEUE, kind="api", answers=RowsForm,
          summary="Plans and rounds."),
    Route("GET", "/api/checkpoints", "api_checkpoints", _rows(tables.checkpoint, tables.checkpoint.c.plan, tables.checkpoint.c.position),
          allow=QUEUE, kind="api", answers=RowsForm, summary="Checkpoints of rounds."),
    Route("GET", "/api/alarms", "api_alarms", _rows(tables.alarm, tables.alarm.c.last_at.desc()), allow=QUEUE, kind="api",
          answers=RowsForm, summary="Alarms, newest first."),
    Route("GET", "/api/drills", "api_drills", _rows(tables.drill, tables.drill.c.at.desc()), allow=QUEUE, kind="api", answers=RowsForm,
          summary="Drills and emergencies that are over."),
    both("/crews/certificates/note", "note_certificate", _with(api_certify), people.Certificate, DISPATCH, "Note a certificate.",
         again=_page("crews"), back=_at("crews"), said="dispatch.said.certified", api="/api/certificates")[1],
    both("/crews/leave/note", "note_leave", _with(lambda w, c, g: people.take_leave(w, **g, who=c.principal.name)), people.Leave, DISPATCH,
         "Note days away.", again=_page("crews"), back=_at("crews"), said="dispatch.said.leave", api="/api/leave")[1],
    both("/crews/interests/note", "note_interest", _with(lambda w, c, g: people.declare(w, **g, who=c.principal.name)), people.Interest,
         DISPATCH, "Note a declared interest.", again=_page("crews"), back=_at("crews"), said="dispatch.said.declared",
         api="/api/interests")[1],
    *both("/crews/interests/withdraw", "withdraw_interest", _with(lambda w, _c, g: withdraw(w, **g)), Unwanted, DISPATCH,
          "An interest is no longer one.", again=_page("crews"), back=_at("crews"), said="register.said.withdrawn",
          api="/api/interests/withdraw"),
    *both("/assets", "put_asset", _with(lambda w, _c, g: put_asset(w, **g)), Asset, DISPATCH, "Enter an asset, or change it.",
          again=_page("assets"), back=_at("assets"), said="register.said.asset"),
    *both("/plans", "put_plan", _with(_plan), Plan, DISPATCH, "Enter a plan, or change it.", again=_page("plans"), back=_at("plans"),
          said="register.said.plan"),
    *both("/plans/<code>/stop", "stop_plan", _with(lambda w, _c, _g, code: stop_plan(w, code)), Nothing, DISPATCH,
          "The plan makes no more orders.", again=_page("plans"), back=_at("plans"), said="register.said.stopped"),
    *both("/plans/<code>/points", "put_point", _with(lambda w, _c, g, code: put_point(w, code, **g)), Point, DISPATCH,
          "Add a checkpoint to a round, or change it.", again=_page("plans"), back=_at("plans"), said="register.said.point"),
    both("/drills/note", "api_drill", _with(lambda w, c, g: emergency_plans.note_drill(w, **g, who=c.principal.name)), Drill, DISPATCH, "Note a drill.",
         again=_page("drills"), back=_at("drills"), said="dispatch.said.drill", api="/api/drills")[1],
)  # fmt: skip
