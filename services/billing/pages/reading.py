"""Pages of money: what this month comes to, contracts and rates, usage, where an amount comes from, budget, feed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema

from services.billing import store, wording
from services.billing.api import CONTRACT, FEED, MONEY, PURSE, Slice, list_facts, own_supplier
from services.billing.explaining import ladder
from services.billing.handlers.feeding import MOST
from services.billing.model import period_of, service_day
from services.billing.pricing.exact import decimal
from services.billing.pricing.rounding import FEN, rounded
from services.billing.purses import line_of, series
from shared.errors import Absent
from shared.web.answers import Answer, page
from shared.web.chart import Figure, Series, lines
from shared.web.routes import Route, Scoped
from shared.web.schemas import Key, Whole

if TYPE_CHECKING:
    from fractions import Fraction

    from sqlalchemy import Connection, Row

    from shared.language import Language
    from shared.web.context import Context

ZERO = Decimal("0.00")
PAGE = 50
SHOWN_FACTS = 8  # under an explanation; the rest is behind a link


class LineQuery(Schema):
    """Which line of a statement is explained, as item.meter."""

    line = Key(load_default="")


class FeedQuery(Schema):
    """Up to which number a feed is shown."""

    before = Whole(1, MOST, load_default=MOST)


def sees_log(context: Context) -> bool:
    """Whether the reader may follow a link into the log."""
    return bool(context.principal.roles & {"supervisor", "auditor", "administrator"})


def name_of(context: Context, row: Any) -> str:
    return context.language.named(row.name, row.name_en)


def title_of(context: Context, row: Any) -> str:
    return context.language.named(row.title, row.title_en)


def month_name(language: Language, period: str) -> str:
    """2026年11月 / November 2026."""
    year, month = period.split("-")
    return language.month(int(year), int(month))


def first_day(period: str) -> date:
    try:
        found = date.fromisoformat(f"{period}-01")
    except ValueError as error:
        raise Absent from error
    if f"{found:%Y-%m}" != period:
        raise Absent
    return found


def wanted(context: Context, connection: Connection, ref: str) -> Row[Any]:
    """The contract, if this reader may see it; otherwise it looks as if there were none."""
    row = store.contract(connection, ref)
    context.check(None if row is None else Scoped(supplier=row.supplier))
    assert row is not None
    return row


# ---- what the months come to


def statements(context: Context) -> Answer:
    """Each contract with what this month comes to so far, and the months before."""
    return statements_page(context)


def statements_page(context: Context, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    """The list; ``problem`` says why a month could not be closed."""
    now = period_of(context.now)
    with context.read() as connection:
        found = store.contracts(connection, own_supplier(context))
        months = {row.ref: store.periods(connection, row.ref) for row in found}
        unpriced = store.unpriced_by_contract(connection, [row.ref for row in found])
        drawn = {(row.contract, row.period): row for row in store.statements_of(connection, [row.ref for row in found])}
    this, earlier = [], []
    for row in found:
        count, amount = next(((count, amount) for period, count, amount in months[row.ref] if period == now), (0, ZERO))
        this.append(_month(context, row, now, count, amount))
        past = {period: (count, amount) for period, count, amount in months[row.ref] if period != now}
        past |= {
            period: (past.get(period, (0, ZERO))[0], each.total)
            for (ref, period), each in drawn.items()
            if ref == row.ref
        }
        earlier += [
            _month(context, row, period, *past[period]) | {"statement": drawn.get((row.ref, period))} for period in past
        ]
    return page(
        "billing/statements.html",
        month=month_name(context.language, now),
        this=this,
        total=sum((each["amount"] for each in this), ZERO),
        earlier=sorted(earlier, key=lambda each: each["period"], reverse=True),
        unpriced=sum(unpriced.values()),
        may_close=context.may("statement_close"),
        last_month=_month_before(now),
        contracts=[(row.ref, f"{row.ref} {title_of(context, row)}") for row in found],
        problem=problem,
        errors=errors or {},
        status=422 if problem or errors else 200,
    )


def _month_before(period: str) -> str:
    year, month = int(period[:4]), int(period[5:])
    return f"{year - (month == 1)}-{(month - 2) % 12 + 1:02}"


def _month(context: Context, row: Any, period: str, count: int, amount: Decimal) -> dict[str, Any]:
    return {
        "ref": row.ref, "title": title_of(context, row), "supplier": row.short if context.language.chinese else row.name_en, "period": period,
        "month": month_name(context.language, period), "facts": count, "amount": amount,
        "href": context.url("statement", ref=row.ref, period=period),
    }  # fmt: skip


def statement(context: Context, ref: str, period: str) -> Answer:
    """The charges of one contract in one month, and beside them what one line is made of."""
    first = first_day(period)
    chosen = context.query()["line"]
    language = context.language
    with context.read() as connection:
        row = wanted(context, connection, ref)
        drawn = store.statement(connection, ref, period)
    if drawn is not None:
        from services.billing.pages.settling import show

        return show(context, row, drawn)
    with context.read() as connection:
        totals = sorted(
            (each for each in store.totals(connection, ref) if each.period == period),
            key=lambda each: (each.item, each.meter, each.card_version),
        )
        cards = {
            card.version: {(line["item"], line["meter"]): line for line in lines_}
            for card, lines_ in store.cards(connection, ref)
        }
        keys = [f"{each.item}.{each.meter}" for each in totals]
        chosen = chosen if chosen in keys else next(iter(keys), "")
        item, _, meter = chosen.partition(".")
        facts = store.facts_of_line(connection, ref, period, item, meter, SHOWN_FACTS + 1) if chosen else []
        budget = paying(connection, row, period)
        units = store.units(connection, ref, period)
    rows = [
        {
            "words": f"{wording.item_name(language, each.item)} {wording.meter_name(language, each.meter)}",
            "note": language("billing.statements.note", count=each.facts, version=each.card_version),
            "href": context.url("statement", ref=ref, period=period, line=f"{each.item}.{each.meter}"),
            "on": f"{each.item}.{each.meter}" == chosen,
            "quantity": wording.quantity(language, each.quantity, units.get((each.item, each.meter), "")),
            "rate": wording.rate_shown(language, cards.get(each.card_version, {}).get((each.item, each.meter))),
            "amount": each.billed,
            "seal": {"key": "sealed", "entry": None, "href": ""} if each.facts else None,
        }
        for each in totals
    ]
    shown = sum((each.billed for each in totals if f"{each.item}.{each.meter}" == chosen), ZERO)
    count = sum(each.facts for each in totals if f"{each.item}.{each.meter}" == chosen)
    return page(
        "billing/statement.html",
        contract=row,
        title=title_of(context, row),
        supplier=name_of(context, row),
        month=month_name(language, period),
        span=(first, date(first.year + first.month // 12, first.month % 12 + 1, 1)),
        rows=rows,
        total=sum((each["amount"] for each in rows), ZERO),
        facts=[_fact(context, each) for each in facts[:SHOWN_FACTS]],
        beyond=max(0, count - SHOWN_FACTS),
        shown=shown,
        budget=_purse(context, budget) if budget and context.may("budget") else None,
        sees_log=sees_log(context),
    )


def _fact(context: Context, row: Any) -> dict[str, Any]:
    language = context.language
    return {
        "id": row.fact_id,
        "href": context.url("explain", fact_id=row.fact_id),
        # What came over the API or in a file has no order: it is known by its own id.
        "order": row.order_reference.partition("-")[2] or row.order_reference or row.source_id,
        "item": wording.item_name(language, row.item),
        "meter": wording.meter_name(language, row.meter),
        "quantity": wording.quantity(language, row.quantity, row.unit),
        "service_at": row.service_at,
        "contract": row.contract,
        "state": row.state,
        "amount": row.amount,
    }


# ---- contracts and rates


def contracts(context: Context) -> Answer:
    """The contracts that this reader may see."""
    with context.read() as connection:
        found = store.contracts(connection, own_supplier(context))
        cards = store.all_cards(connection, [row.ref for row in found])
    today = service_day(context.now)
    return page(
        "billing/contracts.html",
        may_new=context.may("contract_new"), sees_files=context.may("suppliers"),
        rows=[
            {
                "ref": row.ref, "title": title_of(context, row), "supplier": name_of(context, row), "starts_on": row.starts_on,
                "ends_on": row.ends_on, "items": [wording.item_name(context.language, each) for each in json.loads(row.items)],
                "version": max((card.version for card, _ in cards[row.ref] if card.starts_on <= today), default=0),
            }
            for row in found
        ],
    )  # fmt: skip


def contract(context: Context, ref: str) -> Answer:
    """One contract: parties, term, budget line, every version of its rate card."""
    language, today = context.language, service_day(context.now)
    now = period_of(context.now)
    with context.read() as connection:
        row = wanted(context, connection, ref)
        versions = store.cards(connection, ref)
        count, amount = next(
            ((count, amount) for period, count, amount in store.periods(connection, ref) if period == now), (0, ZERO)
        )
        last, _ = store.feed_head(connection, ref)
        paid = sum((each.paid for each in store.statements_of(connection, [ref])), ZERO)
        budget = paying(connection, row, now)
    newest = max((card.version for card, _ in versions if card.starts_on <= today), default=0)
    held = json.loads(row.parts)
    return page(
        "billing/contract.html",
        contract=row,
        title=title_of(context, row),
        supplier=name_of(context, row),
        items=[wording.item_name(language, each) for each in json.loads(row.items)],
        cards=[
            {
                "version": card.version, "since": card.starts_on,
                "state": "in_force" if card.version == newest else ("later" if card.starts_on > today else "before"),
                "lines": [
                    priced(language, line) for line in lines_
                ],
            }
            for card, lines_ in reversed(versions)
        ],
        facts=count,
        amount=amount,
        period=now,
        month=month_name(language, now),
        last=last,
        budget=f"{language.named(budget.name, budget.name_en)} {budget.year}" if budget else row.budget_line,
        sees_feed=context.may("feed"),
        sees_cards=context.may("card_edit"),
        may_edit=context.may("terms_edit"), sees_standing=context.may("standing"), paid=paid, terms=terms_of(language, json.loads(row.terms)),
        parts=[(name, held[name].splitlines()) for name in ("content", "standards", "liabilities", "payment") if held.get(name)],
        schedule=[each | {"on": date.fromisoformat(each["on"]), "amount": Decimal(each["amount"])} for each in held.get("schedule", [])],
        sees_log=sees_log(context),
    )  # fmt: skip


def paying(connection: Connection, contract: Row[Any], period: str) -> store.BudgetLine | None:
    """The budget line from which a month of a contract is paid."""
    code = line_of(series(connection)[contract.budget_line], period)
    return next((each for each in store.budget(connection) if each.code == code), None)


def priced(language: Language, line: dict[str, Any]) -> dict[str, Any]:
    """A line of a card as a table shows it: what is counted, its rates by range, and what was agreed around them."""
    words = f"{wording.item_name(language, line['item'])} {wording.meter_name(language, line['meter'])}"
    return {"words": words, "rates": wording.rates(language, line), "conditions": wording.conditions(language, line)}


def terms_of(language: Language, held: dict[str, Any]) -> list[tuple[str, str]]:
    """What was agreed on money, as a person reads it; the law's rule where the contract is silent."""
    rounding = held.get("rounding", {"mode": "half_up", "digits": 2})
    rate = Decimal(str(held.get("daily_rate", "0.0005"))) * 100
    kind = language(f"contracting.tax.{held.get('tax_mode', 'included')}")
    found = [
        ("term_days", language.number(int(held.get("term_days", 30)))),
        ("daily_rate_pct", language.number(wording.plain(rate))),
        ("tax_mode", f"{kind} {language.number(wording.plain(Decimal(str(held.get('tax_pct', '6')))))}%"),
        ("rounding_mode", language(f"contracting.mode.{rounding['mode']}")),
        ("retention_pct", language.number(wording.plain(Decimal(str(held.get("retention_pct") or 0))))),
        ("contest_days", language.number(int(held.get("contest_days", 5)))),
        ("signatures", language.number(int(held.get("signatures", 2)))),
    ]
    found += [
        (name, language.money(Decimal(str(held[name]))))
        for name in ("third_above", "commitment", "bond")
        if held.get(name)
    ]
    return [(language(f"contracting.name.{name}"), words) for name, words in found]


# ---- usage, and where an amount comes from


def usage(context: Context) -> Answer:
    """Usage facts, newest first, of all contracts or of one."""
    asked = context.query()
    found, following = list_facts(context, asked)
    with context.read() as connection:
        listed = store.contracts(connection, own_supplier(context))
    kept = {name: asked[name] for name in ("contract", "order") if asked[name]}
    return page(
        "billing/usage.html",
        may_import=context.may("import_form"),
        rows=[_fact(context, row) for row in found],
        contracts=[(row.ref, f"{row.ref} {title_of(context, row)}") for row in listed],
        asked=asked,
        onward=context.url("usage", **kept, cursor=following) if following else "",
        first=context.url("usage", **kept) if asked["cursor"] else "",
    )


def explain(context: Context, fact_id: str) -> Answer:
    """The ladder under one amount: fact, quantity, card, tiers, rounding, amount."""
    language = context.language
    with context.read() as connection:
        row = store.fact(connection, fact_id)
        context.check(None if row is None else Scoped(supplier=row.supplier))
        assert row is not None
        cards = store.cards(connection, row.contract) if row.contract else []
        rungs = ladder(connection, row)
    fact = _fact(context, row)
    steps = [
        {
            "words": language("billing.explain.facts"),
            "number": "",
            "note": language(
                "billing.explain.facts_note" if row.order_id else "billing.explain.reported_note",
                order=language("billing.explain.order", reference=fact["order"]),
                source=row.source,
                id=row.source_id,
                time=language.when(row.service_at, context.now),
            ),
        },
        {"words": language("billing.explain.quantity", meter=fact["meter"], quantity=fact["quantity"])},
    ]
    since = next((card.starts_on for card, _ in cards if card.version == row.card_version), None)
    if since is not None and row.amount is not None:
        steps.append(
            {
                "words": language("billing.explain.card", version=row.card_version),
                "note": language("billing.explain.card_note", since=language.date(since)),
            }
        )
    steps += [
        {"words": wording.step_words(language, step), "number": number_of(step.get("amount"), language)}
        for step in rungs
        if step["key"] not in {"quantity", "amount"}
    ]
    if row.amount is not None:
        steps.append({"words": language("billing.explain.result"), "number": language.amount(row.amount)})
    return page(
        "billing/explain.html",
        fact=fact,
        row=row,
        why=("over_budget" if row.budget_line else "no_line")
        if row.state == "over_budget"
        else ("unpriced" if row.state == "unpriced" else ("in_house" if row.amount is None else "")),
        steps=steps,
        period=row.period,
        sealed={
            "event": row.event_id or row.said,
            # A batch is told as an event about its contract, a fact alone as one about itself.
            "about": row.order_id or (row.contract if isinstance(json.loads(row.steps), dict) else row.fact_id),
            "words": language("billing.explain.sealed_words" if row.order_id else "billing.explain.sealed_reported"),
            "head": language("billing.explain.order", reference=fact["order"])
            if row.order_id
            else language("billing.explain.reported", source=row.source, id=row.source_id),
        },
        sees_log=sees_log(context),
    )


def number_of(amount: str | None, language: Language) -> str:
    """A step's part of the amount, exact: more than two decimals where it has them."""
    if amount is None:
        return ""
    value = Decimal(amount)
    return language.amount(value) if value == value.quantize(ZERO) else language.number(wording.plain(value))


# ---- budget


def _purse(context: Context, line: store.BudgetLine) -> dict[str, Any]:
    return {
        "code": line.code, "year": line.year, "name": context.language.named(line.name, line.name_en), "amount": line.amount,
        "accrued": line.accrued, "left": line.amount - line.accrued,
        "part": line.accrued / line.amount if line.amount else Decimal(0),
    }  # fmt: skip


def budget(context: Context) -> Answer:
    """Each budget line: what it holds, what has accrued, what is left, and how fast it is used."""
    with context.read() as connection:
        found = [_purse(context, each) for each in store.budget(connection)]
        months = store.accrued_by_month(connection)
        standing = store.positions(connection, service_day(context.now))
        modes = store.accrued_by_mode(connection)
    several = len({each["year"] for each in found}) > 1
    for each in found:
        each["words"] = f"{each['name']} {each['year']}" if several else each["name"]
        now, ahead = standing[each["code"]]
        each |= {name: _yuan(getattr(now, name)) for name in ("committed", "stated", "paid", "available")}
        each |= {
            "done": _yuan(now.accrued),
            "year_end": _yuan(ahead.year_end) if ahead else None,
            "gap": _yuan(ahead.gap) if ahead else None,
            "exhausted_on": ahead.exhausted_on if ahead else None,
        }
    for each in found:
        each |= {"lump": modes.get(each["code"], (ZERO, ZERO))[0], "metered": modes.get(each["code"], (ZERO, ZERO))[1]}
    return page(
        "billing/budget.html",
        purses=found,
        figure=_burn(context, [each for each in found if each["year"] == service_day(context.now).year], months),
        sees_costs=context.may("costs"),
        may_new=context.may("budget_new"),
    )


def _yuan(value: Fraction) -> Decimal:
    """A forecast to the fen; what is counted is exact already."""
    return decimal(rounded(value, FEN), 2)


def _burn(context: Context, purses: list[dict[str, Any]], months: dict[tuple[str, str], Decimal]) -> Figure | None:
    """Cumulative use of each line by month of this year in per cent of its amount, and where its year is heading."""
    language, today = context.language, service_day(context.now)
    periods = [f"{today.year}-{month:02}" for month in range(1, 13)]
    series, ahead, named, running = [], [], [], {}
    for purse in sorted(purses, key=lambda each: -each["part"])[:3]:  # the most used; the table has all
        used, values = ZERO, []
        for month, period in enumerate(periods, 1):
            used += months.get((purse["code"], period), ZERO)
            values.append(_pct(used, purse["amount"]) if month <= today.month else None)
        series.append(Series(purse["name"], values))
        now, end = values[today.month - 1], _pct(purse["year_end"], purse["amount"])
        if now is not None and end is not None and today.month < 12:
            step = (end - now) / (12 - today.month)
            path = [
                None if month < today.month else round(now + step * (month - today.month), 1) for month in range(1, 13)
            ]
            ahead.append(Series(language("billing.budget.to", part=f"{end:.0f}%"), path))
            named.append(language("billing.budget.ahead", name=purse["name"]))
        running[purse["name"]] = purse["part"]
    if not any(running.values()):
        return None
    fastest = max(running, key=lambda name: running[name])
    labels = [
        language.short_day(date(today.year, month, 1)).split("月")[0] + "月"
        if language.chinese
        else language.short_day(date(today.year, month, 1)).split()[1]
        for month in range(1, 13)
    ]
    figure = lines(
        language("billing.budget.chart", name=fastest, part=language.percent(running[fastest])), labels, [*series, *ahead],
        head=language("billing.budget.month"), source=language("billing.budget.source"), unit="%",
    )  # fmt: skip
    # Beside its line a forecast says only where it leads; the table names whose it is.
    return replace(figure, head=[language("billing.budget.month"), *(each.name for each in series), *named])


def _pct(part: Decimal | None, whole: Decimal) -> float | None:
    return float((part / whole * 100).quantize(Decimal("0.1"))) if whole and part is not None else None


# ---- feed


def feeds(context: Context) -> Answer:
    """Each contract's feed: how far it goes and its head."""
    with context.read() as connection:
        found = [
            (row, *store.feed_head(connection, row.ref)) for row in store.contracts(connection, own_supplier(context))
        ]
    return page(
        "billing/feeds.html",
        rows=[
            {"ref": row.ref, "title": title_of(context, row), "last": last, "head": head} for row, last, head in found
        ],
    )


def feed(context: Context, contract: str) -> Answer:
    """One contract's feed, newest first, with every head of the chain."""
    before = context.query()["before"]
    with context.read() as connection:
        row = wanted(context, connection, contract)
        last, head = store.feed_head(connection, contract)
        top = min(before - 1, last)
        found = store.feed(connection, contract, max(0, top - PAGE), PAGE)
    shown = [each for each in reversed(found) if each.number <= top]
    entries = []
    for each in shown:
        body = json.loads(each.body)
        entries.append(
            {
                "number": each.number, "at": each.at, "amount": each.amount, "head": each.head,
                "order": body["order"].partition("-")[2] or body["order"], "fact_id": each.fact_id,
                "words": f"{wording.item_name(context.language, body['item'])} {wording.meter_name(context.language, body['meter'])}",
                "quantity": wording.quantity(context.language, Decimal(body["quantity"]), body["unit"]),
            }
        )  # fmt: skip
    onward = shown[-1].number if shown and shown[-1].number > 1 else 0
    return page(
        "billing/feed.html",
        contract=row,
        title=title_of(context, row),
        rows=entries,
        last=last,
        head=head,
        onward=context.url("feed", contract=contract, before=onward) if onward else "",
        first=context.url("feed", contract=contract) if before != MOST else "",
    )


REF = {"ref": CONTRACT["contract"]}
ROUTES = (
    Route("GET", "/statements/", "statements", statements, allow=MONEY, summary="What each month comes to.", sample={}),
    Route("GET", "/statements/<ref>/<period>", "statement", statement, allow=MONEY, accepts=LineQuery,
          summary="The charges of one contract in one month.", sample={**REF, "period": "2026-11"}),
    Route("GET", "/contracts/", "contracts", contracts, allow=MONEY, summary="Contracts and rates.", sample={}),
    Route("GET", "/contracts/<ref>", "contract", contract, allow=MONEY, summary="One contract with its rate cards.", sample=REF),
    Route("GET", "/usage", "usage", usage, allow=MONEY, accepts=Slice, summary="Usage facts, newest first.", sample={}),
    Route("GET", "/explain/<fact_id>", "explain", explain, allow=MONEY, summary="Where an amount comes from."),
    Route("GET", "/budget", "budget", budget, allow=PURSE, summary="What is left of each budget line.", sample={}),
    Route("GET", "/feed", "feeds", feeds, allow=FEED, summary="The feeds of all contracts.", sample={}),
    Route("GET", "/feed/<contract>", "feed", feed, allow=FEED, accepts=FeedQuery, summary="A contract's feed.", sample=CONTRACT),
)  # fmt: skip
