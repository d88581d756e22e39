"""Demand: what is asked for how often, by whom, before somebody decides how it is best provided; counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate
from sqlalchemy import case, func, or_, select

from services.requests import tables
from services.requests.model import day_of
from shared.clock import SITE_ZONE
from shared.errors import Invalid, Refused
from shared.web import chart, sheets
from shared.web.answers import Answer, answer, file, page
from shared.web.routes import Access, Route
from shared.web.schemas import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from shared.web.context import Context

USUAL, LONGEST = timedelta(days=90), timedelta(days=366)
BY = ("item", "department")
READERS = Access.to(
    dispatcher="organisation", contract_manager="organisation", administrator="organisation", supervisor="organisation"
)


@dataclass(frozen=True)
class Count:
    """How often something was asked for in a period.

    Attributes:
        code: of the item or department.
        people: how many different people asked.
        refused: what could not be done or was not approved.
        staff: people who could have asked.
    """

    code: str
    requests: int
    people: int
    refused: int
    withdrawn: int
    staff: int

    @property
    def per_hundred(self) -> float | None:
        """Requests for each hundred of the staff; None where there is none."""
        return round(100 * self.requests / self.staff, 1) if self.staff else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SITE_ZONE).astimezone(UTC)


def _within(organisation: str, since: date, until: date) -> Any:
    row = tables.request.c
    below = or_(row.organisation == organisation, row.organisation.startswith(organisation + "/", autoescape=True))
    return below & (row.filed_at >= _midnight(since)) & (row.filed_at < _midnight(until + timedelta(days=1)))


def counts(
    connection: Connection, organisation: str, since: date, until: date, *, by: str = "item", item: str = ""
) -> list[Count]:
    """What was asked for from ``since`` to ``until``, both included, the most first."""
    row = tables.request.c
    key = row.department if by == "department" else row.item
    query = (
        select(
            key, func.count(), func.count(row.requester.distinct()), func.sum(case((row.state == "refused", 1), else_=0)),
            func.sum(case((row.state == "withdrawn", 1), else_=0)),
        )
        .where(_within(organisation, since, until), *([row.item == item] if item else []))
        .group_by(key)
    )  # fmt: skip
    staff = staff_by_department(connection, organisation)
    everybody = sum(staff.values())
    found = [
        Count(
            code,
            int(n),
            int(people),
            int(refused),
            int(withdrawn),
            staff.get(code, 0) if by == "department" else everybody,
        )
        for code, n, people, refused, withdrawn in connection.execute(query)
    ]
    return sorted(found, key=lambda each: (-each.requests, each.code))


def staff_by_department(connection: Connection, organisation: str) -> dict[str, int]:
    """How many can ask, by department."""
    account = tables.account.c
    below = or_(
        account.organisation == organisation, account.organisation.startswith(organisation + "/", autoescape=True)
    )
    staff = (" " + account.roles + " ").contains(" staff ")
    query = (
        select(account.department, func.count())
        .where(below, account.enabled.is_(True), staff, account.department != "")
        .group_by(account.department)
    )
    return {department: int(count) for department, count in connection.execute(query)}


def by_month(
    connection: Connection, organisation: str, since: date, until: date, *, item: str = ""
) -> list[tuple[int, int, int]]:
    """(year, month, requests) for every month that the period touches."""
    row = tables.request.c
    months = [(since.year, since.month)]
    while months[-1] < (until.year, until.month):
        year, month = months[-1]
        months.append((year + month // 12, month % 12 + 1))
    edges = [_midnight(date(year, month, 1)) for year, month in months]
    beyond = [*edges[1:], _midnight(until + timedelta(days=1))]
    sums = [
        func.sum(case(((row.filed_at >= begin) & (row.filed_at < end), 1), else_=0))
        for begin, end in zip(edges, beyond, strict=True)
    ]
    query = select(*sums).where(_within(organisation, since, until), *([row.item == item] if item else []))
    found = connection.execute(query).one()
    return [(year, month, int(count or 0)) for (year, month), count in zip(months, found, strict=True)]


# ---- over HTTP


class DemandQuery(Schema):
    """From which day to which (both included; the last ninety when not said), by what, and of which item."""

    since = fields.Date(load_default=None, allow_none=True)
    until = fields.Date(load_default=None, allow_none=True)
    by = fields.String(load_default="item", validate=validate.OneOf(BY))
    item = Key(load_default="")


class CountOut(Schema):
    """How often something was asked for."""

    code = fields.String()
    requests = fields.Integer()
    people = fields.Integer()
    refused = fields.Integer()
    withdrawn = fields.Integer()
    per_hundred = fields.Float(allow_none=True)


@dataclass(frozen=True)
class Asked:
    """A question about demand that holds."""

    since: date
    until: date
    by: str
    item: str


def _asked(context: Context, raw: dict[str, Any]) -> Asked:
    """What was asked, with what was not said filled in.

    Raises:
        Invalid: the days are in the wrong order or too far apart, there is no such item, or its people must not be told
            apart by department.
    """
    today = day_of(context.now)
    until = raw["until"] or today
    since = raw["since"] or (until - USUAL if until > date.min + USUAL else until)
    wrong: dict[str, list[str]] = {}
    if not date(2000, 1, 1) <= until <= date(9000, 1, 1):
        wrong["until"] = ["field.date"]
    elif since > until:
        wrong["since"] = ["voices.demand.order"]
    elif until - since > LONGEST:
        wrong["since"] = ["voices.demand.too_long"]
    item = context.own.catalogue.get(raw["item"]) if raw["item"] else None
    if raw["item"] and item is None:
        wrong["item"] = ["requests.field.item"]
    elif item is not None and item.restricted and raw["by"] == "department":
        wrong["item"] = ["voices.demand.restricted"]
    if wrong:
        raise Invalid(fields=wrong)
    return Asked(since, until, raw["by"], raw["item"])


def _read(context: Context, asked: Asked) -> tuple[list[Count], list[tuple[int, int, int]]]:
    body = context.principal.organisation
    with context.read() as connection:
        found = counts(connection, body, asked.since, asked.until, by=asked.by, item=asked.item)
        return found, by_month(connection, body, asked.since, asked.until, item=asked.item)


def api_demand(context: Context) -> Answer:
    """Demand of a period, the most first."""
    found, _ = _read(context, _asked(context, context.query()))
    return answer({"items": [CountOut().dump(each) for each in found], "next": ""})


def show(context: Context) -> Answer:
    """Demand of a period as figures and a table."""
    today, problem = day_of(context.now), None
    asked = Asked(today - USUAL, today, "item", "")
    try:
        asked = _asked(context, context.query())
    except Invalid as error:
        problem = error
    found, months = _read(context, asked)
    words, code = context.language, context.language.code
    names = _names(context, asked.by)
    total = sum(each.requests for each in found)
    top = found[0] if found else None
    figure = trend = None
    if top is not None:
        title = words("voices.demand.title_most", what=names.get(top.code, top.code), n=top.requests, total=total)
        rows = [(names.get(each.code, each.code), each.requests) for each in found[:15]]
        figure = chart.bars(title, rows, head=(words(f"voices.demand.by_{asked.by}"), words("voices.demand.requests")))
    if total and len(months) > 1:
        most = max(months, key=lambda each: each[2])
        title = words("voices.demand.title_month", month=words.month(most[0], most[1]), n=most[2])
        labels = [f"{year}-{month:02}" for year, month, _ in months]
        series = [chart.Series(words("voices.demand.requests"), [count for *_, count in months])]
        trend = chart.lines(title, labels, series, head=words("voices.demand.month"))
    return page(
        "requests/voices/demand.html",
        status=problem.status if isinstance(problem, Refused) else 200,
        asked=asked, rows=[(names.get(each.code, each.code), each) for each in found], total=total, figure=figure, trend=trend,
        items=[(item.code, item.name.in_(code)) for item in context.own.catalogue], errors=context.errors(problem) if problem else {},
        csv=context.url("demand_csv", since=asked.since.isoformat(), until=asked.until.isoformat(), by=asked.by, item=asked.item),
    )  # fmt: skip


def _names(context: Context, by: str) -> dict[str, str]:
    code = context.language.code
    if by == "item":
        return {item.code: item.name.in_(code) for item in context.own.catalogue}
    with context.read() as connection:
        return {each.code: each.name.in_(code) for each in context.own.departments(connection).values()}


def as_csv(context: Context) -> Answer:
    """The same table for a spreadsheet."""
    asked = _asked(context, context.query())
    found, _ = _read(context, asked)
    words, names = context.language, _names(context, asked.by)

    def rows() -> Iterator[list[object]]:
        yield [
            words(f"voices.demand.{name}")
            for name in (f"by_{asked.by}", "requests", "people", "refused", "withdrawn", "per_hundred")
        ]
        for each in found:
            per = "" if each.per_hundred is None else each.per_hundred
            yield [names.get(each.code, each.code), each.requests, each.people, each.refused, each.withdrawn, per]

    return file(sheets.csv_bytes(rows()), "text/csv; charset=utf-8", f"demand-{asked.since}-{asked.until}.csv")


ROUTES = (
    Route("GET", "/demand", "demand", show, allow=READERS, accepts=DemandQuery, summary="Demand by item and department.", sample={}),
    Route("GET", "/demand.csv", "demand_csv", as_csv, allow=READERS, kind="file", accepts=DemandQuery, summary="Demand as CSV."),
    Route("GET", "/api/demand", "api_demand", api_demand, allow=READERS, kind="api", accepts=DemandQuery, answers=(CountOut,),
          summary="Demand by item or department in a period."),
)  # fmt: skip
