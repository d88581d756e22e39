"""Full cost beside the contractor's price, centres with their own ledgers, and charging back to departments."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing import store, wording
from services.billing.api import PURSE, safe_text
from services.billing.handlers import accounting as acts
from services.billing.handlers import agreeing, costing
from services.billing.model import period_of, service_day
from services.billing.pages import contracting, reading
from services.billing.pages.acting import Done, pair
from services.billing.pages.settling import last_month
from services.billing.pricing.exact import decimal, read_number
from services.billing.pricing.refusal import PricingRefused
from shared.errors import Invalid
from shared.web.answers import Answer, answer, file, page
from shared.web.chart import Series, bars, lines
from shared.web.intake import Said
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, validate

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.language import Language
    from shared.web.context import Context

WRITES = Access.to(contract_manager="all")
FINANCE = Access.to(finance="all")
CLOSES = Access.to(finance="all", contract_manager="all")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
ZERO = Decimal("0.00")


class Month(Schema):
    """Which month; empty is the one before this."""

    period = Key(load_default="")


class BasisForm(Schema):
    """The bases of cost: a line for each, cells by |."""

    starts_in = Key(required=True)
    hourly = Text(
        2_000, lines=True, required=True, metadata={"description": "a line each: crew | yuan; `default` for the others"}
    )
    assets = Text(
        8_000,
        lines=True,
        load_default="",
        metadata={"description": "name | item | cost | residual | months of life | per cent used"},
    )
    overheads = Text(
        8_000,
        lines=True,
        load_default="",
        metadata={"description": "name | yuan a month | item=part, item=part (empty: by hours)"},
    )


class CentreForm(Schema):
    """A centre as it is to be."""

    code = Key(required=True)
    name = Text(60, required=True)
    name_en = Text(80, required=True)
    kind = fields.String(required=True, validate=validate.OneOf(acts.UNIT_KINDS))
    funding = fields.String(required=True, validate=validate.OneOf(acts.FUNDING))
    yearly = Money(2, least="0", required=True)
    items = fields.List(Key(), load_default=[], validate=validate.Length(max=40))
    fees = Text(
        2_000, lines=True, load_default="", metadata={"description": "target fees, a line each: item/meter | yuan"}
    )


class EntryForm(Schema):
    """Income or expense."""

    side = fields.String(required=True, validate=validate.OneOf(["income", "expense"]))
    category = fields.String(
        required=True, validate=validate.OneOf([each for both in acts.CATEGORIES.values() for each in both])
    )
    period = Key(required=True)
    amount = Money(2, least="0.01", required=True)
    words = Text(200, required=True)
    reference = Text(60, required=True)


class ReverseForm(Schema):
    """Why an entry is taken back."""

    words = Text(200, required=True)


class CloseForm(Schema):
    """Which month of a centre is closed."""

    period = Key(required=True)


# ---- full cost


def _period(context: Context) -> str:
    period = context.query()["period"] or last_month(service_day(context.now))
    reading.first_day(period)
    return str(period)


def costs(context: Context) -> Answer:
    """What our own crews' work cost in a month, with everything it used, beside the contractor's price."""
    period, language = _period(context), context.language
    with context.read() as connection:
        version, found = costing.costs(connection, period)
        done = len(costing.done_in_house(connection, period)) if not found else 0
    rows = [_cost(language, each) for each in found]
    priced = [each for each in found if each.price is not None]
    figure = None
    if priced:
        far = max(priced, key=lambda each: abs(each.difference or ZERO))
        key = "accounting.chart_dearer" if (far.difference or ZERO) > 0 else "accounting.chart_cheaper"
        figure = bars(
            language(key, item=wording.item_name(language, far.item), amount=language.money(abs(far.difference or ZERO))),
            [pair_ for each in priced for pair_ in (
                (f"{wording.item_name(language, each.item)} {language('accounting.own')}", float(each.amount)),
                (f"{wording.item_name(language, each.item)} {language('accounting.contractor')}", float(each.price or ZERO)))],
            head=(language("billing.usage.item"), language("billing.amount")), source=reading.month_name(language, period),
        )  # fmt: skip
    return page(
        "billing/costs.html", period=period, month=reading.month_name(language, period), rows=rows, version=version, done=done, figure=figure,
        total=sum((each.amount for each in found), ZERO), kinds=costing.KINDS, may_write=context.may("basis"),
    )  # fmt: skip


def _cost(language: Language, each: costing.Cost) -> dict[str, Any]:
    unit = each.cost.unit_cost
    return {
        "item": wording.item_name(language, each.item), "kinds": [costing.fen(each.cost.by_kind[kind]) for kind in costing.KINDS],
        "amount": each.amount, "hours": language.number(wording.plain(decimal(sum(each.done.hours.values(), read_number("0"))))),
        "unit": costing.fen(unit) if unit is not None else None, "contract": each.contract, "price": each.price,
        "difference": each.difference, "avoidable": each.avoidable,
        "steps": [{"words": wording.step_words(language, step.data()), "number": reading.number_of(step.data().get("amount"), language)} for step in each.cost.steps],  # type: ignore[arg-type]
    }  # fmt: skip


class CostsForm(Schema):
    """Full costs of a month."""

    period = fields.String()
    basis = fields.Integer(metadata={"description": "version of the bases of cost; 0 = none agreed"})
    costs = fields.List(fields.Dict())


def api_costs(context: Context) -> Answer:
    """What our own crews' work cost in a month, beside the contractor's price, in yuan."""
    period = _period(context)
    with context.read() as connection:
        version, found = costing.costs(connection, period)

    def text(value: Decimal | None) -> str | None:
        return None if value is None else format(value, "f")

    return answer(
        {
            "period": period, "basis": version,
            "costs": [
                {"item": each.item, "amount": text(each.amount), **{kind: text(costing.fen(each.cost.by_kind[kind])) for kind in costing.KINDS},
                 "contract": each.contract, "price": text(each.price), "difference": text(each.difference), "avoidable": text(each.avoidable),
                 "steps": [step.data() for step in each.cost.steps]}
                for each in found
            ],
        }
    )  # fmt: skip


def basis(context: Context) -> Answer:
    """The form of the bases of cost, as they are."""
    return _basis(context)


def _basis(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language, now = context.language, period_of(context.now)
    with context.read() as connection:
        agreed = agreeing.agreed_in(connection, "cost", "", now)
        versions = agreeing.versions(connection, "cost", "")
        waiting = agreeing.waiting(connection, "", "cost")
    body = agreed[1] if agreed else {"hourly": {}, "assets": [], "overheads": []}
    typed = {
        "starts_in": now, "hourly": "\n".join(f"{crew} | {value}" for crew, value in body["hourly"].items()),
        "assets": "\n".join(" | ".join(str(each[name]) for name in ASSET) for each in body["assets"]),
        "overheads": "\n".join(f"{each['name']} | {each['amount']} | {', '.join(f'{item}={part}' for item, part in each.get('key', {}).items())}" for each in body["overheads"]),
    }  # fmt: skip
    return page(
        "billing/basis.html", typed=typed | (context.posted if errors or problem else {}), problem=problem, errors=errors or {},
        status=422 if problem or errors else 200, may_write=context.may("basis_write"),
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at} for each in waiting],
        versions=[{"version": each.version, "month": reading.month_name(language, each.starts_in), "at": each.at} for each in versions],
        held=_held(language, body),
    )  # fmt: skip


def _held(language: Language, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The bases of cost as tables, for those who read them."""

    def item(code: str) -> str:
        return wording.item_name(language, code)

    def parts(key: dict[str, str]) -> str:
        return "; ".join(f"{item(code)} {part}" for code, part in key.items()) or language("accounting.by_hours")

    rows = {
        "hourly": [[language("accounting.others") if crew == "default" else crew, language.amount(Decimal(value))]
                   for crew, value in body["hourly"].items()],
        "assets": [[each["name"], item(each["item"]), *(language.amount(Decimal(each[name])) for name in ("cost", "residual")),
                    each["life_months"], each["share_pct"]] for each in body["assets"]],
        "overheads": [[each["name"], language.amount(Decimal(each["amount"])), parts(each.get("key", {}))] for each in body["overheads"]],
    }  # fmt: skip
    texts = {"name", "crew", "item", "parts"}
    return [
        {
            "words": language(f"contracting.name.{name}"),
            "columns": [
                {"key": each, "words": language(f"accounting.column.{each}"), "num": each not in texts}
                for each in COLUMNS[name]
            ],
            "rows": rows[name],
        }
        for name in COLUMNS
    ]


COLUMNS = {
    "hourly": ("crew", "hour"),
    "assets": ("name", "item", "cost", "residual", "life_months", "share_pct"),
    "overheads": ("name", "monthly", "parts"),
}
ASSET = ("name", "item", "cost", "residual", "life_months", "share_pct")


def _cells(text: str, field: str, most: int) -> list[list[str]]:
    """Lines of cells.

    Raises:
        Invalid: a line has another number of cells, or its first is empty; it is named.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.replace("｜", "|").split("|")]
        cells += [""] * (most - len(cells)) if field == "overheads" else []
        if len(cells) != most or not cells[0]:
            raise Invalid(fields={field: [Said("accounting.line", n=number)]})
        found.append(cells)
    return found


def basis_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The bases of cost in the form in which they are kept.

    Raises:
        Invalid: a line cannot be read. PricingRefused: a number is none.
    """
    overheads = []
    for number, (name, amount, key) in enumerate(_cells(asked["overheads"], "overheads", 3), 1):
        parts = {}
        for each in filter(None, (part.strip() for part in key.replace("，", ",").split(","))):
            item, equals, value = each.partition("=")
            if not equals:
                raise Invalid(fields={"overheads": [Said("accounting.line", n=number)]})
            if read_number(value.strip(), "overheads") < 0:
                raise PricingRefused("negative", "must not be negative", "overheads")
            parts[item.strip()] = value.strip()
        overheads.append({"name": name, "amount": amount, "key": parts})
    return {
        "hourly": {cells[0]: cells[1] for cells in _cells(asked["hourly"], "hourly", 2)},
        "assets": [dict(zip(ASSET, cells, strict=True)) for cells in _cells(asked["assets"], "assets", len(ASSET))],
        "overheads": overheads,
    }


def write_basis(context: Context, asked: dict[str, Any]) -> Done:
    """The bases of cost are written down for a second person."""
    if not MONTH.fullmatch(asked["starts_in"]):
        raise Invalid(fields={"starts_in": ["contracting.agree.month"]})
    body = basis_of(asked)
    costing.check_basis(body)
    with context.work() as work:
        made = agreeing.propose(
            work, "cost", "", body, context.principal.name, base=agreeing.latest(work.connection, "cost", ""), starts_in=asked["starts_in"]
        )  # fmt: skip
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


contracting.APPLIES["cost"] = agreeing.keep_version


# ---- centres


def centres(context: Context) -> Answer:
    """All centres with this year's income, expense and support."""
    return _centres(context)


def _centres(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language = context.language
    with context.read() as connection:
        rows = acts.centres(connection)
        done = {row.code: acts.months(connection, row.code) for row in rows}
        waiting = agreeing.waiting(connection, None, "centre")
    year = f"{service_day(context.now).year}-"
    typed: dict[str, Any] = dict.fromkeys(CentreForm().fields, "") | (context.posted if errors or problem else {})
    return page(
        "billing/centres.html", problem=problem, errors=errors or {}, typed=typed, status=422 if problem or errors else 200,
        rows=[
            {"href": context.url("centre", code=row.code), "name": language.named(row.name, row.name_en), "kind": language(f"accounting.kind.{row.kind}"),
             "funding": language(f"accounting.funding.{row.funding}"),
             **{name: sum((getattr(each, name) for each in done[row.code] if each.period.startswith(year)), ZERO) for name in ("income", "expense", "support", "result")}}
            for row in rows
        ],
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at} for each in waiting],
        may_write=context.may("centre_write"), **_choices(language, typed.get("items", [])),
    )  # fmt: skip


def _choices(language: Language, chosen: Any) -> dict[str, Any]:
    return {
        "kinds": [(each, language(f"accounting.kind.{each}")) for each in acts.UNIT_KINDS],
        "fundings": [(each, language(f"accounting.funding.{each}")) for each in acts.FUNDING],
        "items": [(code, wording.item_name(language, code)) for code in wording.items(language)],
        "chosen": chosen if isinstance(chosen, list) else [chosen],
    }


def write_centre(context: Context, asked: dict[str, Any]) -> Done:
    """A centre, new or changed, is written down for a second person."""
    fees = {}
    for number, (key, fee) in enumerate(_cells(asked["fees"], "fees", 2), 1):
        if not re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", key):
            raise Invalid(fields={"fees": [Said("accounting.line", n=number)]})
        fees[key] = fee
    body = {name: asked[name] for name in ("name", "name_en", "kind", "funding")}
    body |= {"yearly": format(asked["yearly"], "f"), "items": sorted(set(asked["items"])), "fees": fees}
    acts.check_centre(body)
    with context.work() as work:
        there = next((row for row in acts.centres(work.connection) if row.code == asked["code"]), None)
        made = agreeing.propose(
            work, "centre", asked["code"], body, context.principal.name, base=there.version if there else 0
        )
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


def _centre_changes(connection: Connection, row: Any) -> list[tuple[str, Any, Any]]:
    body = json.loads(row.body)
    there = next((each for each in acts.centres(connection) if each.code == row.about), None)
    old = {} if there is None else {
        "name": there.name, "name_en": there.name_en, "kind": there.kind, "funding": there.funding, "yearly": format(there.yearly, "f"),
        "items": json.loads(there.items), "fees": json.loads(there.fees),
    }  # fmt: skip
    return [(name, old.get(name), body.get(name)) for name in sorted(body) if old.get(name) != body.get(name)]


contracting.APPLIES["centre"] = acts.apply_centre
contracting.SHOWS["centre"] = _centre_changes


def one(context: Context, code: str) -> Answer:
    """A centre's month: income and expense apart, the support line, the result."""
    return _one(context, code, _period(context))


def again(
    context: Context, code: str, *, problem: str = "", errors: dict[str, list[str]] | None = None, **_: str
) -> Answer:
    """The page with what was typed and what is wrong with it."""
    period = str(context.posted.get("period", ""))
    return _one(
        context,
        code,
        period if MONTH.fullmatch(period) else last_month(service_day(context.now)),
        problem=problem,
        errors=errors,
    )


def _one(
    context: Context, code: str, period: str, *, problem: str = "", errors: dict[str, list[str]] | None = None
) -> Answer:
    language = context.language
    with context.read() as connection:
        row = acts.centre(connection, code)
        rows = acts.entries(connection, code, period)
        is_closed = acts.closed(connection, code, period)
        found = acts.sums(rows)
        due = (
            []
            if is_closed
            else [(category, amount) for category, amount in acts.support(connection, row, period, found) if amount]
        )
        done = acts.months(connection, code)
    back = {each.reverses for each in rows if each.reverses}
    ledgers = {
        side: [
            {"id": each.entry_id, "number": each.number, "category": language(f"accounting.category.{each.category}"), "words": each.words, "reference": each.reference,
             "amount": each.amount, "name": each.name, "may_reverse": not each.reverses and each.entry_id not in back and each.category not in acts.SUPPORT}
            for each in rows
            if each.side == side
        ]
        for side in ("income", "expense")
    }  # fmt: skip
    figure = None
    if len(done) > 1:
        ordered = done[::-1]
        figure = lines(
            language("accounting.chart_months", name=language.named(row.name, row.name_en), amount=language.money(ordered[-1].result)),
            [each.period for each in ordered],
            [Series(language(f"accounting.{name}"), [float(getattr(each, name)) for each in ordered]) for name in ("income", "expense", "support")],
            head=language("billing.period"), source=language("accounting.closed_months"),
        )  # fmt: skip
    return page(
        "billing/centre.html", row=row, name=language.named(row.name, row.name_en), period=period, month=reading.month_name(language, period),
        kind=language(f"accounting.kind.{row.kind}"), funding=language(f"accounting.funding.{row.funding}"), ledgers=ledgers, found=found, closed=is_closed,
        due=[(language(f"accounting.category.{category}"), amount) for category, amount in due], figure=figure, problem=problem, errors=errors or {},
        posted=context.posted if errors or problem else {}, months=[{"month": reading.month_name(language, each.period), "row": each} for each in done],
        categories=[(each, f"{language(f'accounting.{side}')} {language(f'accounting.category.{each}')}") for side, all_ in acts.CATEGORIES.items() for each in all_],
        own=any(each.by == context.principal.actor for each in rows), over=period < period_of(context.now), items=[wording.item_name(language, each) for each in json.loads(row.items)],
        may_book=context.may("entry_book") and not is_closed, may_close=context.may("centre_close") and not is_closed, may_reverse=context.may("entry_reverse"),
    )  # fmt: skip


def book(context: Context, asked: dict[str, Any], code: str) -> Done:
    """Income or expense is booked."""
    reading.first_day(asked["period"])
    with context.work() as work:
        made = acts.book(work, code, asked, context.principal.name)
    return Done(context.url("centre", code=code, period=asked["period"]), "accounting.booked", made)


def reverse(context: Context, asked: dict[str, Any], code: str, entry_id: str) -> Done:
    """An entry is taken back by another."""
    with context.work() as work:
        made = acts.reverse(work, code, entry_id, asked["words"], context.principal.name)
    return Done(context.url("centre", code=code, period=period_of(context.now)), "accounting.reversed", made)


def close(context: Context, asked: dict[str, Any], code: str) -> Done:
    """A centre's month is closed."""
    reading.first_day(asked["period"])
    with context.work() as work:
        acts.close(work, code, asked["period"], context.principal.name)
    return Done(context.url("centre", code=code, period=asked["period"]), "accounting.closed_now", code, "closed")


class CentresForm(Schema):
    """Centres with a month of each."""

    period = fields.String()
    centres = fields.List(fields.Dict())


def api_centres(context: Context) -> Answer:
    """All centres with a month's income, expense, support and entries, in yuan."""
    period = _period(context)
    found = []
    with context.read() as connection:
        for row in acts.centres(connection):
            rows = acts.entries(connection, row.code, period)
            found.append(
                {"code": row.code, "name": row.name, "name_en": row.name_en, "kind": row.kind, "funding": row.funding, "yearly": format(row.yearly, "f"),
                 "closed": acts.closed(connection, row.code, period), **{name: format(value, "f") for name, value in acts.sums(rows).items()},
                 "entries": [{"id": each.entry_id, "number": each.number, "side": each.side, "category": each.category, "amount": format(each.amount, "f"),
                              "words": each.words, "reference": each.reference, "reverses": each.reverses} for each in rows]}
            )  # fmt: skip
    return answer({"period": period, "centres": found})


# ---- charge-back


class ChargebackForm(Schema):
    """What each department's orders cost in a month."""

    period = fields.String()
    lines = fields.List(fields.Dict())
    total = fields.String()


def charged(connection: Connection, period: str) -> list[tuple[str, str, int, Decimal, str]]:
    """(department, item, facts, amount, by whom): contractors' charges, and our own crews' full cost by use."""
    found = [(*each, "contractor") for each in store.chargeback(connection, period)]
    found += [(*each, "own") for each in costing.in_house_by_department(costing.costs(connection, period)[1])]
    return sorted(found)


def chargeback(context: Context) -> Answer:
    """What each department's orders cost in a month, contractors' and our own crews', for charging it back."""
    asked = context.query()["period"]
    period = asked or period_of(context.now)
    reading.first_day(period)
    with context.read() as connection:
        found = charged(connection, period)
        months = sorted({period_of(context.now), *store.months(connection)}, reverse=True)
    language = context.language
    by_department: dict[str, Decimal] = {}
    for department, _, _, amount, _ in found:
        by_department[department] = by_department.get(department, ZERO) + amount
    ordered = sorted(by_department.items(), key=lambda each: -each[1])

    def named(department: str) -> str:
        words = wording.named(language, "billing.department", department) if department else ""
        return words or language("billing.chargeback.nobody")

    return page(
        "billing/chargeback.html",
        month=reading.month_name(language, period), period=period, months=[(each, reading.month_name(language, each)) for each in months],
        rows=[
            {"department": named(department), "item": wording.item_name(language, item), "facts": count or "", "amount": amount,
             "by": language(f"accounting.{by}")}
            for department, item, count, amount, by in found
        ],
        total=sum(by_department.values(), ZERO),
        figure=bars(
            language("billing.chargeback.chart", name=named(ordered[0][0]), amount=language.money(ordered[0][1])),
            [(named(name), float(amount)) for name, amount in ordered[:12]],
            head=(language("billing.chargeback.department"), language("billing.amount")), source=reading.month_name(language, period),
        ) if ordered else None,
    )  # fmt: skip


def api_chargeback(context: Context) -> Answer:
    """What each department's orders cost in a month, in yuan."""
    period = _period(context)
    with context.read() as connection:
        found = charged(connection, period)
    return answer(
        {
            "period": period, "total": format(sum((each[3] for each in found), ZERO), "f"),
            "lines": [{"department": d, "item": i, "facts": n, "amount": format(a, "f"), "by": by} for d, i, n, a, by in found],
        }
    )  # fmt: skip


def chargeback_csv(context: Context) -> Answer:
    """The same as CSV, UTF-8 with a byte order mark."""
    period = _period(context)
    with context.read() as connection:
        found = charged(connection, period)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("period", "department", "item", "by", "facts", "amount"))
    for department, item, count, amount, by in found:
        writer.writerow((period, safe_text(department), safe_text(item), by, count, amount))
    return file(out.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", name=f"chargeback-{period}.csv")


ONE = {"code": "canteen"}
ROUTES = (
    Route("GET", "/costs", "costs", costs, allow=PURSE, accepts=Month, summary="Full cost beside the contractor's price.", sample={}),
    Route("GET", "/api/costs", "api_costs", api_costs, allow=PURSE, kind="api", accepts=Month, answers=CostsForm, summary="Full costs of a month."),
    Route("GET", "/costs/basis", "basis", basis, allow=PURSE, summary="The bases of cost.", sample={}),
    *pair("/costs/basis", "basis_write", BasisForm, write_basis, _basis, allow=WRITES, creates=True, summary="Propose bases of cost."),
    Route("GET", "/centres", "centres", centres, allow=PURSE, summary="Centres and their accounts.", sample={}),
    Route("GET", "/api/centres", "api_centres", api_centres, allow=PURSE, kind="api", accepts=Month, answers=CentresForm, summary="Centres with a month of each."),
    *pair("/centres", "centre_write", CentreForm, write_centre, _centres, allow=WRITES, creates=True, summary="Propose a centre."),
    Route("GET", "/centres/<code>", "centre", one, allow=PURSE, accepts=Month, summary="A centre's month.", sample=ONE),
    *pair("/centres/<code>/entries", "entry_book", EntryForm, book, again, allow=FINANCE, creates=True, summary="Book income or expense."),
    *pair("/centres/<code>/entries/<entry_id>/reverse", "entry_reverse", ReverseForm, reverse, again, allow=FINANCE, summary="Take an entry back."),
    *pair("/centres/<code>/close", "centre_close", CloseForm, close, again, allow=CLOSES, fresh=True, summary="Close a centre's month."),
    Route("GET", "/chargeback", "chargeback", chargeback, allow=PURSE, accepts=Month, summary="What each department's orders cost.", sample={}),
    Route("GET", "/api/chargeback", "api_chargeback", api_chargeback, allow=PURSE, kind="api", accepts=Month, answers=ChargebackForm,
          summary="What each department's orders cost."),
    Route("GET", "/chargeback.csv", "chargeback_csv", chargeback_csv, allow=PURSE, kind="file", accepts=Month, summary="Charge-back as CSV.", sample={}),
)  # fmt: skip
