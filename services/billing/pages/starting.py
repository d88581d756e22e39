"""What is looked at before a contract's work begins; energy and water month by month."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing import store, wording
from services.billing.api import PURSE
from services.billing.handlers import energy
from services.billing.handlers import starting as acts
from services.billing.model import service_day
from services.billing.pages import reading
from services.billing.pages.acting import Done, pair
from services.billing.pricing.exact import decimal, fraction
from services.billing.pricing.rounding import Rounding, rounded
from shared.errors import Invalid
from shared.web.answers import Answer, answer, page
from shared.web.chart import Series, lines
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, Whole, validate

if TYPE_CHECKING:
    from fractions import Fraction

    from sqlalchemy import Row

    from shared.web.context import Context

SEES = Access.to(contract_manager="all", finance="all", supervisor="all", auditor="all")
NOTES = Access.to(contract_manager="all", supervisor="all")
WRITES = Access.to(contract_manager="all", finance="all")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
TENTH = Rounding("half_up", 1)
THOUSANDTH = Rounding("half_up", 3)


class CheckForm(Schema):
    """What was found of one check."""

    check = fields.String(
        required=True, validate=validate.OneOf([each for each in acts.CHECKS if each not in acts.WRITTEN])
    )
    passed = fields.Boolean(required=True)
    words = Text(400, required=True)


class ConfirmForm(Schema):
    """The whole list is confirmed."""

    words = Text(400, required=True)


class ReadingForm(Schema):
    """What a month used."""

    resource = fields.String(required=True, validate=validate.OneOf(list(energy.RESOURCES)))
    scored = Key(load_default="", metadata={"description": "contract or crew that is answerable; empty: the house"})
    period = Key(required=True)
    quantity = Money(3, least="0", required=True)
    cost = Money(2, least="0", required=True)
    words = Text(200, load_default="")


class Year(Schema):
    """Which year; none is this one."""

    year = Whole(2000, 2199, load_default=None, allow_none=True)


# ---- start-up


def startup(context: Context, ref: str) -> Answer:
    """The list of a contract's start-up: what the contract answers, what was found, what is open."""
    return _startup(context, ref)


def _startup(context: Context, ref: str, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language = context.language
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        said, own, left = (
            acts.checked(connection, ref),
            acts.written(connection, row),
            acts.open_checks(connection, row),
        )
    ready = said.get(acts.READY)
    return page(
        "billing/startup.html", contract=row, title=reading.title_of(context, row), problem=problem, errors=errors or {}, ready=ready, left=len(left),
        posted=context.posted if errors or problem else {}, status=422 if problem or errors else 200,
        rows=[_check(language, each, own, said.get(each)) for each in acts.CHECKS],
        choices=[(each, language(f"starting.check.{each}")) for each in acts.CHECKS if each not in acts.WRITTEN],
        may_note=context.may("startup_note") and ready is None, own=any(each.by == context.principal.actor for each in said.values()),
        may_confirm=context.may("startup_confirm") and ready is None and not left,
    )  # fmt: skip


def _check(language: Any, name: str, own: dict[str, bool], said: Row[Any] | None) -> dict[str, Any]:
    if name in acts.WRITTEN:
        return {
            "words": language(f"starting.check.{name}"),
            "state": "passed" if own[name] else "failed",
            "by": language("starting.contract_says"),
            "at": None,
            "found": "",
        }
    return {
        "words": language(f"starting.check.{name}"), "state": "open" if said is None else "passed" if said.passed else "failed",
        "by": said.name if said else "–", "at": said.at if said else None, "found": said.words if said else "",
    }  # fmt: skip


def note(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """Something was looked at."""
    with context.work() as work:
        number = acts.note_check(work, ref, asked["check"], asked["passed"], asked["words"], context.principal.name)
    return Done(context.url("startup", ref=ref), "starting.noted", f"{asked['check']}-{number}", "passed" if asked["passed"] else "failed")  # fmt: skip


def confirm(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """The whole list is confirmed by somebody who looked at none of it."""
    with context.work() as work:
        acts.confirm(work, ref, asked["words"], context.principal.name)
    return Done(context.url("startup", ref=ref), "starting.confirmed", ref, "ready")


class StartupAnswer(Schema):
    """A contract's start-up."""

    contract = fields.String()
    ready = fields.Boolean()
    open = fields.List(fields.String(), metadata={"description": "checks that have not passed"})
    checks = fields.List(fields.Dict())


def api_startup(context: Context, ref: str) -> Answer:
    """What was found before a contract's work begins, and what is open."""
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        said, own, left = (
            acts.checked(connection, ref),
            acts.written(connection, row),
            acts.open_checks(connection, row),
        )
    return answer({
        "contract": ref, "ready": acts.READY in said, "open": left,
        "checks": [{"check": each, "passed": own[each] if each in acts.WRITTEN else (None if each not in said else bool(said[each].passed)),
                    "words": said[each].words if each in said else ""} for each in acts.CHECKS],
    })  # fmt: skip


# ---- energy and water


def resources(context: Context) -> Answer:
    """What each month of a year used, for each m², and against the year before."""
    return _resources(context, context.query()["year"])


def again(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    """The page with what was typed and what is wrong with it."""
    return _resources(context, None, problem=problem, errors=errors)


def figures(context: Context, year: int) -> list[dict[str, Any]]:
    """Each resource and month of a year, with the use for each m² and the saving against the year before."""
    area = Decimal(context.own.running.settings["BILLING_FLOOR_AREA"])
    with context.read() as connection:
        found = energy.readings(connection, f"{year - 1}-01", f"{year}-12")
    rows = []
    for (resource, scored, period), row in sorted(found.items(), key=lambda each: (each[0][2], each[0][0], each[0][1])):
        if not period.startswith(f"{year}-"):
            continue
        old = found.get((resource, scored, energy.year_before(period)))
        saved = None
        if old is not None and old.quantity:
            saved = 100 * (fraction(old.quantity) - fraction(row.quantity)) / fraction(old.quantity)
        rows.append({
            "period": period, "resource": resource, "scored": scored, "unit": energy.RESOURCES[resource], "quantity": row.quantity, "cost": row.cost,
            "per_m2": decimal(rounded(fraction(row.quantity) / fraction(area), THOUSANDTH), 3) if area else None, "saved_pct": _tenth(saved), "words": row.words,
        })  # fmt: skip
    return rows


def _tenth(value: Fraction | None) -> Decimal | None:
    return None if value is None else decimal(rounded(value, TENTH), 1)


def _resources(
    context: Context, year: int | None, *, problem: str = "", errors: dict[str, list[str]] | None = None
) -> Answer:
    language, year = context.language, year or service_day(context.now).year
    rows = figures(context, year)
    with context.read() as connection:
        contracts = store.contracts(connection)
    house = language("energy.house")
    names = {row.ref: f"{row.ref} {reading.title_of(context, row)}" for row in contracts}
    months = [f"{year}-{month:02}" for month in range(1, 13)]
    series = []
    for resource in energy.RESOURCES:
        values = [_sum(rows, resource, month) for month in months]
        if any(value is not None for value in values):
            series.append(Series(language(f"energy.resource.{resource}"), values))
    figure = None
    if series:
        saved = [row["saved_pct"] for row in rows if row["saved_pct"] is not None]
        told = (
            language("energy.chart_saved", n=language.number(wording.plain(sum(saved, Decimal(0)) / len(saved)), 1))
            if saved
            else language("energy.chart")
        )
        figure = lines(
            told,
            [month[5:] for month in months],
            series,
            head=language("billing.period"),
            source=language("energy.source", year=year),
        )
    return page(
        "billing/resources.html", year=year, problem=problem, errors=errors or {}, posted=context.posted if errors or problem else {},
        status=422 if problem or errors else 200, figure=figure, may_write=context.may("resource_read"),
        area=Decimal(context.own.running.settings["BILLING_FLOOR_AREA"]),
        rows=[row | {"month": reading.month_name(language, row["period"]), "name": language(f"energy.resource.{row['resource']}"), "whose": names.get(row["scored"], row["scored"]) or house} for row in rows],
        choices=[(code, f"{language(f'energy.resource.{code}')} ({unit})") for code, unit in energy.RESOURCES.items()], whose=list(names.items()),
        month=f"{service_day(context.now):%Y-%m}", total=sum((row["cost"] for row in rows), Decimal("0.00")),
    )  # fmt: skip


def _sum(rows: list[dict[str, Any]], resource: str, period: str) -> float | None:
    found = [row["quantity"] for row in rows if row["resource"] == resource and row["period"] == period]
    return float(sum(found, Decimal(0))) if found else None


def read(context: Context, asked: dict[str, Any]) -> Done:
    """What a month used is written down."""
    if not MONTH.fullmatch(asked["period"]):
        raise Invalid(fields={"period": ["contracting.agree.month"]})
    with context.work() as work:
        made = energy.read(work, asked, context.principal.name)
    return Done(context.url("resources", year=int(asked["period"][:4])), "energy.noted", made, "counts")


class ResourcesForm(Schema):
    """What each month used."""

    year = fields.Integer()
    area_m2 = fields.String()
    readings = fields.List(fields.Dict())


def api_resources(context: Context) -> Answer:
    """What each month of a year used, for each m², and against the year before."""
    year = context.query()["year"] or service_day(context.now).year
    found = [
        {name: format(value, "f") if isinstance(value, Decimal) else value for name, value in row.items()} for row in figures(context, year)
    ]  # fmt: skip
    return answer({"year": year, "area_m2": context.own.running.settings["BILLING_FLOOR_AREA"], "readings": found})


REF = {"ref": "HY-2026-01"}
ROUTES = (
    Route("GET", "/contracts/<ref>/startup", "startup", startup, allow=SEES, summary="What is looked at before a contract's work begins.", sample=REF),
    Route("GET", "/api/contracts/<ref>/startup", "api_startup", api_startup, allow=SEES, kind="api", answers=StartupAnswer,
          summary="What is looked at before a contract's work begins.", sample=REF),
    *pair("/contracts/<ref>/startup", "startup_note", CheckForm, note, _startup, allow=NOTES, creates=True, summary="Note what was found."),
    *pair("/contracts/<ref>/startup/confirm", "startup_confirm", ConfirmForm, confirm, _startup, allow=WRITES, fresh=True,
          summary="Confirm the whole list."),
    Route("GET", "/resources", "resources", resources, allow=PURSE, accepts=Year, summary="Energy and water of a year.", sample={}),
    Route("GET", "/api/resources", "api_resources", api_resources, allow=PURSE, kind="api", accepts=Year, answers=ResourcesForm, summary="Energy and water of a year."),
    *pair("/resources", "resource_read", ReadingForm, read, again, allow=WRITES, creates=True, summary="Write down what a month used."),
)  # fmt: skip
