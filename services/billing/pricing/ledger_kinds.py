"""The kinds of the checking form about facts over time: ledgers, and the calendar they stand on."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import groupby, permutations
from typing import TYPE_CHECKING

from services.billing.pricing.cards import Card, CardLine
from services.billing.pricing.exact import fraction, plain, shown
from services.billing.pricing.explanation import Params, Step, inexact
from services.billing.pricing.form import located, read_terms
from services.billing.pricing.ledger import Book, Contract, Fact, Outcome
from services.billing.pricing.models import read_price
from services.billing.pricing.periods import (
    days_between,
    hours_between,
    month_of,
    read_day,
    read_instant,
    read_local,
    read_month,
    read_zone,
)
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from services.billing.pricing.form import Answer, Case, Kind, Result
    from services.billing.pricing.reading import Fields

# Ledger.


def _ledger(case: Case) -> Answer:
    contract = _contract(case)
    return _kept(case, contract, list(case.input.records("ops")))


def _contract(case: Case) -> Contract:
    price = read_price(case.params.required("price"), case.params.at("price"))
    terms = read_terms(case)
    with located("params"):
        card = Card(1, lines={"": CardLine(price, terms)})
    return Contract(case.zone(), (card,))


def _kept(case: Case, contract: Contract, ops: list[Fields]) -> Answer:
    book = Book(contract)
    counts = dict.fromkeys(Outcome, 0)
    for op in ops:
        with located(op.path):
            outcome = _operate(book, op)
        if outcome:
            counts[outcome] += 1

    def money(amount: Decimal) -> str:
        return case.money(fraction(amount))

    statements = {period: statement.total for period, statement in sorted(book.statements.items())}
    final = book.final()
    steps = [
        Step("statement", {"period": period, "amount": fraction(amount)}, fraction(amount))
        for period, amount in statements.items()
    ]
    adjustments = []
    for each in book.adjustments:
        change = fraction(each.amount)
        params: Params = {"booked_in": each.booked_in, "period": each.for_period, "amount": change}
        steps.append(Step("adjustment", params, change))
        adjustments.append({"booked_in": each.booked_in, "for_period": each.for_period, "amount": money(each.amount)})
    steps += [Step("final", {"period": period, "amount": fraction(amount)}) for period, amount in final.items()]
    return {
        "accepted": counts[Outcome.ACCEPTED],
        "duplicates": counts[Outcome.DUPLICATE],
        "conflicts": counts[Outcome.CONFLICT],
        "adjustments": adjustments,
        "statements": {period: money(amount) for period, amount in statements.items()},
        "open": {period: money(amount) for period, amount in book.open_periods().items()},
        "final": {period: money(amount) for period, amount in final.items()},
    }, tuple(steps)


def _operate(book: Book, op: Fields) -> Outcome | None:
    name = op.text("op")
    if name == "close":
        book.close(read_month(op.required("period"), "period"))
        return None
    if name not in {"ingest", "void", "correct"}:
        raise PricingRefused("unknown_op", f"there is no operation {shown(name)}", "op")
    key = op.name("source"), op.name("id")
    now = read_instant(op.raw("now"), "now") if op.has("now") else None
    at = read_instant(op.required("time"), "time") if op.has("time") or name == "ingest" else None
    if name == "ingest":
        assert at is not None
        return book.ingest(Fact(*key, at, op.number("quantity")), now)
    if name == "void":
        book.void(key, now)
    else:
        book.correct(key, now, quantity=op.optional("quantity", least=None), at=at)
    return None


def _ledger_order(case: Case) -> Answer:
    """The ledger, and whether other orders of the ingests come to the same."""
    contract = _contract(case)
    ops = list(case.input.records("ops"))
    answer = _kept(case, contract, ops)
    orders = _orders(ops)[: MOST_REPLAYED // max(1, len(ops))]
    same = all(_same_outcome(case, contract, order, answer) for order in orders)
    told = Step("any_order", {"orders": len(orders) + 1}) if same else Step("order_matters")
    return answer[0], (*answer[1], told)


MOST_SHUFFLED = 4  # ingests in a row of which every order is tried: 24
MOST_REPLAYED = 50_000  # operations in all the other orders together


def _orders(ops: list[Fields]) -> list[list[Fields]]:
    """Other orders of ``ops`` in which only ingests in a row change places."""
    runs = [list(run) for _, run in groupby(ops, key=lambda op: op.raw("op") == "ingest")]
    reordered: list[list[list[Fields]]] = []
    for run in runs:
        if run[0].raw("op") != "ingest":
            reordered.append([run])
        elif len(run) <= MOST_SHUFFLED:
            reordered.append([list(order) for order in permutations(run)])
        else:
            half = len(run) // 2
            reordered.append([run, run[::-1], run[half:] + run[:half], run[::2] + run[1::2]])
    width = max((len(orders) for orders in reordered), default=1)
    return [[op for orders in reordered for op in orders[turn % len(orders)]] for turn in range(1, width)]


def _same_outcome(case: Case, contract: Contract, order: list[Fields], answer: Answer) -> bool:
    try:
        return _outcome(_kept(case, contract, order)) == _outcome(answer)
    except PricingRefused:  # such as a redelivery without ``now`` that comes first in this order
        return False


def _outcome(answer: Answer) -> Result:
    """A ledger's result with the adjustments of each pair of months added up: their number depends on the order."""
    booked: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for each in answer[0]["adjustments"]:
        booked[each["booked_in"], each["for_period"]] += Fraction(each["amount"])
    return {**answer[0], "adjustments": {months: amount for months, amount in booked.items() if amount}}


# Calendar.


def _month(case: Case) -> Answer:
    at = read_instant(case.input.required("time"), case.input.at("time"))
    steps, result = [], {}
    for name, where in case.input.items("zones"):
        zone = read_zone(name, where)
        result[name] = month_of(at, zone)
        local = at.astimezone(zone).isoformat(timespec="seconds")
        steps.append(Step("local_month", {"zone": name, "local": local}))
    return result, tuple(steps)


def _days(case: Case) -> Answer:
    since, until = (_day(case, name) for name in ("from", "to"))
    days = days_between(since, until, "input.to")
    params: Params = {"since": since.isoformat(), "until": until.isoformat(), "days": days}
    return {"days": str(days)}, (Step("days", params),)


def _day(case: Case, name: str) -> date:
    """A date, or the date of an instant on the wall of the case's zone."""
    text = case.input.required(name)
    if isinstance(text, str) and len(text) > len("2026-03-31"):
        return read_instant(text, case.input.at(name)).astimezone(case.zone()).date()
    return read_day(text, case.input.at(name))


def _hours(case: Case) -> Answer:
    zone = case.zone()
    since, until = (
        read_local(case.input.required(name), zone, case.input.at(name)) for name in ("from_local", "to_local")
    )
    hours = hours_between(since, until, "input.to_local")
    params: Params = {"since": since.isoformat(), "until": until.isoformat()}
    return {"hours": plain(hours)}, (Step("elapsed", params), *inexact(hours))


KINDS: dict[str, Kind] = {
    "ledger": _ledger,
    "ledger_order": _ledger_order,
    "month": _month,
    "days": _days,
    "hours": _hours,
}
