"""Figures of a year for other compounds to compare with: by item, without anybody's name."""

from __future__ import annotations

import re
from collections import defaultdict
from decimal import Decimal as Number
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import func, select

from services.billing import tables, wording
from services.billing.api import PURSE
from services.billing.handlers import costing
from services.billing.model import service_day
from services.billing.pricing.exact import decimal
from services.billing.pricing.rounding import FEN, Rounding, rounded
from shared.errors import Invalid, Malformed, Refused
from shared.web.answers import Answer, answer, file, page
from shared.web.intake import read_json
from shared.web.routes import Route
from shared.web.schemas import Key, Whole
from shared.web.sheets import csv_bytes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.language import Language
    from shared.web.context import Context

LEAST = 5  # finished rounds below which an item is left out: fewer could be recognised
TENTH = Rounding("half_up", 1)


class Year(Schema):
    """Which year; none is this one."""

    year = Whole(2000, 2199, load_default=None, allow_none=True)


class BenchmarkForm(Schema):
    """Figures by item."""

    year = fields.Integer()
    items = fields.List(fields.Dict())


def _text(value: Fraction | None, rounding: Rounding) -> str | None:
    return None if value is None else format(decimal(rounded(value, rounding), max(0, rounding.digits)), "f")


def figures(connection: Connection, year: int) -> list[dict[str, Any]]:
    """What a year came to by item: how much was outsourced, what a unit cost, how many promises were kept.

    No contract, supplier, crew, department or place is named, and an item with fewer than ``LEAST`` finished rounds is left out.
    """
    jobs, opinions = tables.job_record.c, tables.opinion.c
    like = f"{year}-%"
    rounds: dict[str, Any] = {
        row.item: row
        for row in connection.execute(
            select(
                jobs.item, func.count().label("count"), func.sum(jobs.promises).label("promises"), func.sum(jobs.kept).label("kept")
            ).where(jobs.period.like(like)).group_by(jobs.item)
        )
    }  # fmt: skip
    stars = dict(
        connection.execute(
            select(jobs.item, func.avg(opinions.stars))
            .join(tables.opinion, opinions.request_id == jobs.request_id)
            .where(jobs.period.like(like), opinions.stars > 0)
            .group_by(jobs.item)
        ).all()
    )
    bought: dict[str, dict[str, list[Fraction]]] = defaultdict(dict)
    total = tables.period_total.c
    for item, meter, quantity, billed in connection.execute(
        select(total.item, total.meter, total.quantity, total.billed).where(total.period.like(like))
    ):
        sums = bought[item].setdefault(meter, [Fraction(0), Fraction(0)])
        sums[0], sums[1] = sums[0] + Fraction(quantity), sums[1] + Fraction(billed)
    own: dict[str, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for month in range(1, 13):
        for each in costing.costs(connection, f"{year}-{month:02}")[1]:
            own[each.item][0] += sum(each.done.hours.values(), Fraction(0))
            own[each.item][1] += Fraction(each.amount)
    found = []
    for item, row in sorted(rounds.items()):
        if row.count < LEAST:
            continue
        hours = bought.get(item, {}).get("hours", [Fraction(0)])[0]
        mine, cost = own.get(item, [Fraction(0), Fraction(0)])
        found.append(
            {
                "item": item, "finished": int(row.count),
                "promises_kept_pct": _text(Fraction(100 * int(row.kept), int(row.promises)) if row.promises else None, TENTH),
                "stars": _text(Fraction(str(stars[item])) if item in stars else None, TENTH),
                "outsourced_hours_pct": _text(100 * hours / (hours + mine) if hours + mine else None, TENTH),
                "own_hour_yuan": _text(cost / mine if mine else None, FEN),
                "contractor_unit_yuan": {meter: _text(amount / quantity if quantity else None, FEN) for meter, (quantity, amount) in sorted(bought.get(item, {}).items())},
            }
        )  # fmt: skip
    return found


def benchmark(context: Context) -> Answer:
    """Figures of a year by item, without names, for other compounds to compare with."""
    year = context.query()["year"] or service_day(context.now).year
    with context.read() as connection:
        found = figures(connection, year)
    return answer({"year": year, "items": found})


class CompareForm(Schema):
    """The file of another compound; it is shown beside ours and not kept."""


MEASURES = ("promises_kept_pct", "stars", "outsourced_hours_pct", "own_hour_yuan")
MOST_BYTES = 200_000
MOST_ITEMS = 100
NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")


def comparison(context: Context) -> Answer:
    """Figures of a year by item; beside those of another compound, where its file is handed in."""
    return _page(context, context.query()["year"])


def _page(
    context: Context, year: int | None, *, theirs: list[dict[str, Any]] | None = None, errors: dict[str, list[str]] | None = None
) -> Answer:  # fmt: skip
    year = year or service_day(context.now).year
    with context.read() as connection:
        ours = {each["item"]: each for each in figures(connection, year)}
    other = {each["item"]: each for each in theirs or []}
    language = context.language
    return page(
        "billing/benchmark.html", year=year, least=LEAST, errors=errors or {}, compared=theirs is not None, status=422 if errors else 200,
        rows=[
            {"item": wording.item_name(language, item),
             "measures": [(_shown(language, ours.get(item, {}).get(name)), _shown(language, other.get(item, {}).get(name))) for name in MEASURES],
             "units": _units(language, ours.get(item, {})), "their_units": _units(language, other.get(item, {}))}
            for item in sorted(ours.keys() | other.keys())
        ],
    )  # fmt: skip


def _shown(language: Language, value: Any) -> str:
    return "–" if value is None else language.number(Number(value))


def _units(language: Language, each: dict[str, Any]) -> str:
    return language.listed(
        [f"{wording.meter_name(language, meter)} {_shown(language, price)}" for meter, price in each.get("contractor_unit_yuan", {}).items()]
    ) or "–"  # fmt: skip


def compare(context: Context) -> Answer:
    """The figures of another compound beside ours; nothing of them is kept."""
    try:
        context.form()
        upload = context.request.files.get("file")
        body = upload.read(MOST_BYTES + 1) if upload else b""
        if not body:
            raise Invalid(fields={"file": ["field.required"]})
        theirs, year = read_figures(body)
    except Refused as fault:
        if fault.status != 422:
            raise
        return _page(context, None, errors=context.errors(fault))
    return _page(context, year, theirs=theirs)


def read_figures(body: bytes) -> tuple[list[dict[str, Any]], int]:
    """(figures by item, year) of a file as ``GET /billing/api/benchmark`` gives it.

    Raises:
        Invalid: it is none; of its numbers only those we know are taken.
    """
    wrong = Invalid(fields={"file": ["comparing.not_figures"]})
    if len(body) > MOST_BYTES:
        raise wrong
    try:
        data = read_json(body)
    except Malformed as fault:
        raise wrong from fault
    if not isinstance(data, dict) or not isinstance(data.get("items"), list) or type(data.get("year")) is not int:
        raise wrong
    if len(data["items"]) > MOST_ITEMS or not 2000 <= data["year"] <= 2199:
        raise wrong
    found = []
    for each in data["items"]:
        if (
            not isinstance(each, dict)
            or not isinstance(each.get("item"), str)
            or not Key.PATTERN.fullmatch(each["item"])
        ):
            raise wrong
        prices = each.get("contractor_unit_yuan") or {}
        numbers = {name: each.get(name) for name in MEASURES}
        if not isinstance(prices, dict) or not all(Key.PATTERN.fullmatch(str(meter)) for meter in prices):
            raise wrong
        for value in (*numbers.values(), *prices.values()):
            if value is not None and not (isinstance(value, str) and NUMBER.fullmatch(value)):
                raise wrong
        found.append({"item": each["item"], "contractor_unit_yuan": prices, **numbers})
    return found, data["year"]


def as_csv(context: Context) -> Answer:
    """The same figures as CSV."""
    year = context.query()["year"] or service_day(context.now).year
    with context.read() as connection:
        found = figures(connection, year)
    head = ("item", "finished", *MEASURES, "meter", "contractor_unit_yuan")
    rows: list[tuple[Any, ...]] = [head]
    for each in found:
        plain = (each["item"], each["finished"], *(each[name] or "" for name in MEASURES))
        rows += [(*plain, meter, price) for meter, price in each["contractor_unit_yuan"].items()] or [(*plain, "", "")]
    return file(csv_bytes(rows), "text/csv; charset=utf-8", name=f"benchmark-{year}.csv")


ROUTES = (
    Route("GET", "/benchmark", "benchmark", comparison, allow=PURSE, accepts=Year, summary="Figures to compare compounds by.", sample={}),
    Route("POST", "/benchmark", "benchmark_compare", compare, allow=PURSE, accepts=CompareForm, max_body=MOST_BYTES + 100_000,
          summary="Another compound's figures beside ours; nothing is kept."),
    Route("GET", "/benchmark.csv", "benchmark_csv", as_csv, allow=PURSE, kind="file", accepts=Year, noted="export", summary="Figures of a year by item as CSV."),
    Route("GET", "/api/benchmark", "api_benchmark", benchmark, allow=PURSE, kind="api", accepts=Year, answers=BenchmarkForm,
          summary="Figures of a year by item, without names."),
)  # fmt: skip
