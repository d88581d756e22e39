"""Use and saving of what is shared, month by month; what a request would cost by the norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, model, quotas, use
from services.requests.bookings.model import KINDS
from services.requests.model import Filing
from shared.errors import Absent
from shared.web import chart
from shared.web.answers import Answer, answer, page
from shared.web.routes import Route
from shared.web.schemas import Key, Whole

if TYPE_CHECKING:
    from datetime import date

    from services.requests.desk import Desk
    from services.requests.use import Left, Use
    from shared.web.context import Context

SHOWN = 12  # bars of the chart


class UseQuery(Schema):
    """Which month (2026-11; empty = this one) of which kind."""

    month = fields.String(
        load_default="", validate=validate.Regexp(r"^([0-9]{4}-(0[1-9]|1[0-2]))?$", error="field.date")
    )
    kind = fields.String(load_default="room", validate=validate.OneOf(list(KINDS)))


class UseOut(Schema):
    """One resource in the month; minutes, and percent of the working time and of its seats."""

    resource = fields.String()
    bookings = fields.Integer()
    minutes = fields.Integer()
    share = fields.Float(allow_none=True)
    seats = fields.Float(allow_none=True)
    no_shows = fields.Integer()
    lost_minutes = fields.Integer()


class EstimateQuery(Schema):
    """What is asked for, as far as its cost depends on it."""

    level = Key(load_default="")
    quantity = Whole(0, 1_000_000, load_default=0)
    pages = Whole(0, 1_000_000, load_default=0)


class EstimateOut(Schema):
    """What it would cost the department by the norm, in yuan; null = nothing is charged. The words are the reader's."""

    amount = fields.Integer()
    yuan = fields.String(allow_none=True)
    words = fields.String()


def api_use(context: Context) -> Answer:
    """How the resources of a kind were used in a month, the most used first."""
    asked = context.query()
    first = use.month_of(asked["month"], model.day_of(context.now))
    with context.read() as connection:
        found = use.of_month(connection, asked["kind"], first)
    return answer({
        "items": [
            {"resource": each.resource.code, "bookings": each.bookings, "minutes": each.minutes, "share": _rounded(each.share),
             "seats": _rounded(each.seats), "no_shows": each.no_shows, "lost_minutes": each.lost}
            for each in found
        ],
        "next": "",
    })  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def using(context: Context) -> Answer:
    """How the resources of a kind were used in a month, against the month before, and what is left of quotas."""
    asked = context.query()
    desk: Desk = context.own
    today = model.day_of(context.now)
    first = use.month_of(asked["month"], today)
    earlier = _month_before(first)
    words, code = context.language, context.language.code
    with context.read() as connection:
        found = use.of_month(connection, asked["kind"], first)
        before = {each.resource.number: each for each in use.of_month(connection, asked["kind"], earlier)}
        left = use.quotas_left(connection, today)
        departments = desk.departments(connection)
    busiest = found[0] if found and found[0].minutes else None
    title = (
        words("charge.chart", name=busiest.resource.name.in_(code), part=_part(context, busiest.share))
        if busiest
        else words("charge.chart_none")
    )
    figure = chart.bars(
        title,
        [(each.resource.name.in_(code), round(each.share or 0, 1)) for each in found[:SHOWN]],
        head=(words(f"booking.title.{asked['kind']}"), words("charge.share")),
        source=words("charge.source"),
        unit="%",
    )
    return page(
        "requests/using.html",
        kind=asked["kind"], kinds=KINDS, first=first, earlier=earlier, later=use.next_month(first) if use.next_month(first) <= today else None,
        figure=figure, rows=[_row(context, each, before.get(each.resource.number)) for each in found],
        totals=_totals(context, found),
        left=[(_left_item(context, each), departments[each.holder].name.in_(code) if each.holder in departments else each.holder[:8], each) for each in left],
        code=code,
    )  # fmt: skip


def _month_before(first: date) -> date:
    return use.month_of(f"{first.year - 1}-12" if first.month == 1 else f"{first.year}-{first.month - 1:02}", first)


def _row(context: Context, each: Use, before: Use | None) -> dict[str, Any]:
    change = None if before is None or each.share is None or before.share is None else each.share - before.share
    return {"name": each.resource.name.in_(context.language.code), "use": each, "change": change,
            "part": _part(context, each.share), "seats": _part(context, each.seats)}  # fmt: skip


def _part(context: Context, percent: float | None) -> str:
    return context.language.percent(None if percent is None else percent / 100)


def _totals(context: Context, found: list[Use]) -> dict[str, Any]:
    shares = [each.share for each in found if each.share is not None]
    return {
        "part": _part(context, sum(shares) / len(shares)) if shares else "",
        "bookings": sum(each.bookings for each in found),
        "no_shows": sum(each.no_shows for each in found),
        "lost": sum(each.lost for each in found),
        "idle": sum(not each.minutes for each in found),
    }


def _left_item(context: Context, each: Left) -> str:
    item = context.own.shelf.item(each.quota.item)
    return str(item.name.in_(context.language.code)) if item else each.quota.item


def estimate(context: Context, code: str) -> Answer:
    """What a request would cost the department by the norm."""
    asked = context.query()
    item = context.own.catalogue.get(code)
    if item is None:
        raise Absent
    level = asked["level"] or (item.levels[0].code if item.levels else "")
    amount = quotas.amount_of(Filing(item=code, quantity=asked["quantity"], answers={"pages": asked["pages"]}))
    yuan = item.estimate(level, amount)
    words = context.language("charge.estimate", amount=context.language.money(yuan)) if yuan is not None else ""
    return answer({"amount": amount, "yuan": format(yuan, "f") if yuan is not None else None, "words": words})


ROUTES = (
    Route("GET", "/api/use", "api_use", api_use, allow=access.OVERSEE, kind="api", accepts=UseQuery, answers=(UseOut,),
          summary="How rooms, vehicles and appointments are used in a month."),
    Route("GET", "/api/catalogue/<code>/estimate", "api_estimate", estimate, allow=access.ASK, kind="api", accepts=EstimateQuery,
          answers=EstimateOut, summary="What a request would cost by the norm."),
    Route("GET", "/use", "using", using, allow=access.OVERSEE, accepts=UseQuery, summary="Use and saving.", sample={}),
)  # fmt: skip
