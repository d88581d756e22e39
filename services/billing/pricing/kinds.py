"""The kinds of the checking form that answer about one amount: each a function from a case to its result and ladder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.billing.pricing.aggregation import AGGREGATIONS, Use, Window, aggregate
from services.billing.pricing.deductions import (
    Band,
    Default,
    LinearPay,
    PayBand,
    ServiceDeduction,
    at_risk,
    capped,
    check_bands,
    fixed_discount,
    late_interest,
    percentage_discount,
    points,
    scored,
    true_up,
)
from services.billing.pricing.events import CapacityTier, PercentagePrice, capacity, percentage
from services.billing.pricing.exact import ZERO, plain, read_number, shown
from services.billing.pricing.explanation import Params, Step, inexact
from services.billing.pricing.form import located, read_rounding, read_terms
from services.billing.pricing.models import read_price
from services.billing.pricing.periods import read_day, read_instant, read_local
from services.billing.pricing.proration import Part, cycles
from services.billing.pricing.rating import deltas, rate, rate_many
from services.billing.pricing.reading import Fields, as_fields
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FARTHEST, rounded
from services.billing.pricing.shares import allocate, sum_round
from services.billing.pricing.tax import taxed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo
    from fractions import Fraction

    from services.billing.pricing.form import Answer, Case, Kind

LONGEST_TERM = 36_500  # days

# One quantity.


def _rate(case: Case) -> Answer:
    price = read_price(case.params.required("price"), case.params.at("price"))
    with located("input"):
        found = rate(
            price,
            case.input.number("quantity"),
            read_terms(case),
            prior_quantity=case.holding("prior_quantity").optional("prior_quantity") or ZERO,
            prior_billed=case.holding("prior_billed").optional("prior_billed", least=None) or ZERO,
            final=case.holding("final").flag("final", default=True),
        )
    return {"amount": format(found.amount, "f"), "true_up": format(found.true_up, "f")}, found.steps


def _delta(case: Case) -> Answer:
    price = read_price(case.params.required("price"), case.params.at("price"))
    found = deltas(price, case.input.numbers("cumulative", least=0), read_terms(case))
    steps = tuple(step for rated in found for step in rated.steps)
    return {"deltas": [format(rated.amount, "f") for rated in found]}, steps


def _rate_many(case: Case) -> Answer:
    fields = case.params.record("prices")
    prices = {meter: read_price(data, fields.at(meter)) for meter, data in fields.data.items()}
    asked = case.input.record("quantities")
    quantities = {meter: asked.number(meter) for meter in asked.data}
    billed = case.input.optional("prior_billed", least=None) or ZERO
    with located("input"):
        amount, steps = rate_many(prices, quantities, case.rounding, prior_billed=billed)
    return {"amount": format(amount, "f")}, steps


def _capacity(case: Case) -> Answer:
    tiers = []
    for each in case.params.records("tiers"):
        limits = each.record("limits")
        held = {meter: limits.optional(meter) for meter in limits.data}
        tiers.append(CapacityTier(held, each.amount("price")))
    peaks = case.input.record("peaks")
    with located("params"):
        amount, steps = capacity(tiers, {meter: peaks.amount(meter) for meter in peaks.data}, case.rounding)
    return {"amount": case.money(amount)}, steps


def _percentage(case: Case) -> Answer:
    params = case.params
    with located("params"):
        price = PercentagePrice(
            rate_pct=params.amount("rate_pct"),
            fixed_fee=params.optional("fixed_fee") or ZERO,
            free_events=params.whole("free_events") if params.has("free_events") else 0,
            free_amount=params.optional("free_amount") or ZERO,
            event_min=params.optional("event_min"),
            event_max=params.optional("event_max"),
        )
    amount, steps = percentage(price, case.input.numbers("events", least=0), case.rounding)
    return {"amount": case.money(amount)}, (*steps, *inexact(amount))


def _aggregate(case: Case) -> Answer:
    kind = case.params.text("aggregation")
    if kind not in AGGREGATIONS:
        raise PricingRefused("unknown_aggregation", f"there is no aggregation {shown(kind)}", "params.aggregation")
    window = _window(case)
    uses = [_use(case, kind, each) for each in case.input.records("events")]
    with located("input"):
        quantity, steps = aggregate(kind, uses, window)
    rounding = (
        read_rounding(case.params.record("round", "rounding"), digits=0)
        if case.params.has("round", "rounding")
        else None
    )
    to = rounded(quantity, rounding)
    return {"quantity": plain(to, rounding.places if rounding else 0)}, (*steps, *inexact(to))


def _use(case: Case, kind: str, event: Fields) -> Use:
    time = _moment(event, case.zone(), "time") if event.has("time") else None
    if kind == "count":
        return Use(ZERO, time)
    if kind == "unique":
        value = event.required("value")
        return Use(ZERO, time, identity=value if isinstance(value, str) else json.dumps(value, default=str))
    if kind != "prorated_sum":
        return Use(event.number("value"), time)
    whole = next((each for each in (event, case.input, case.params) if each.has("days_in_period")), event)
    days = event.whole("active_days"), whole.whole("days_in_period", least=1)
    return Use(event.number("value"), time, active_days=days[0], days_in_period=days[1])


SINCE = ("from", "period_from", "start")
UNTIL = ("end", "to", "period_to", "period_end")


def _window(case: Case) -> Window | None:
    """The period, when the case names one: ``from`` and ``end`` of its input, its params, or of a ``period`` there."""
    nested = case.holding("period", "window")
    within = nested.record("period", "window") if nested.has("period", "window") else None
    begin, end = within or case.holding(*SINCE), within or case.holding(*UNTIL)
    if within is None and not begin.has(*SINCE) and not end.has(*UNTIL):
        return None
    opening = case.holding("opening").optional("opening", least=None) or ZERO
    with located("input"):
        return Window(_moment(begin, case.zone(), *SINCE), _moment(end, case.zone(), *UNTIL), opening)


def _moment(fields: Fields, zone: tzinfo, *names: str) -> datetime:
    """An instant, or a plain date: its midnight on the contract's wall clock."""
    text = fields.required(*names)
    if isinstance(text, str) and len(text) == len("2026-03-31"):
        return read_local(text, zone, fields.at(names[0]))
    return read_instant(text, fields.at(names[0]))


# Rounding, splitting, parts of periods.


def _round(case: Case) -> Answer:
    rounding = (
        read_rounding(case.params) if case.params.has("mode", "digits") or case.rounding is None else case.rounding
    )
    value = case.input.number("value")
    to = rounded(value, rounding)
    params: Params = {"value": value, "to": to, "mode": rounding.mode, "digits": rounding.digits}
    return {"value": plain(to, rounding.places)}, (Step("rounded", params, to - value),)


def _allocate(case: Case) -> Answer:
    fallback = case.rounding.digits if case.rounding and not case.params.has("digits") else None
    digits = case.params.whole("digits", least=-FARTHEST, most=FARTHEST) if fallback is None else fallback
    tie_break = case.params.text("tie_break") if case.params.has("tie_break") else "order"
    with located("input"):
        shares, steps = allocate(case.input.number("amount"), _weights(case.input), digits, tie_break)
    return {"shares": {key: plain(share, max(digits, 0)) for key, share in shares.items()}}, steps


def _weights(fields: Fields) -> list[tuple[str, Fraction]]:
    if isinstance(fields.raw("weights"), dict):
        by_key = fields.record("weights")
        return [(key, by_key.amount(key)) for key in by_key.data]
    found = []
    for each, where in fields.items("weights"):
        if not isinstance(each, list) or len(each) != 2 or not isinstance(each[0], str):
            raise PricingRefused("not_a_pair", f"{shown(each)} is not a pair of key and weight", where)
        found.append((each[0], Fields({"weight": each[1]}, where).amount("weight")))
    return found


def _sum_round(case: Case) -> Answer:
    of_rounded, rounded_sum, steps = sum_round(case.input.numbers("lines"), case.rounding)
    return {"sum_of_rounded": case.money(of_rounded), "rounded_sum": case.money(rounded_sum)}, steps


def _prorate(case: Case) -> Answer:
    params = case.params
    rounding = read_rounding(params.record("round", "rounding")) if params.has("round", "rounding") else case.rounding
    fixed = params.whole("fixed_days_in_month", least=1, most=31) if params.has("fixed_days_in_month") else None
    parts: list[Part | Fraction] = []
    for each in case.input.records("segments"):
        if each.has("cycles"):
            parts.append(each.amount("cycles"))
            continue
        since, until = read_day(each.required("from"), each.at("from")), read_day(each.required("to"), each.at("to"))
        if fixed is None or each.has("period_from", "period_to"):
            first, last = (read_day(each.required(name), each.at(name)) for name in ("period_from", "period_to"))
        else:
            first, last = since, until
        part = Part(since, until, first, last)
        with located(each.path):
            part.ratio(fixed)
        parts.append(part)
    found, steps = cycles(parts, rounding, fixed)
    return {"cycles": plain(found, rounding.places if rounding else 0)}, (*steps, *inexact(found))


def _tax(case: Case) -> Answer:
    params = case.params
    rates = params.numbers("rates_pct", least=0) if params.has("rates_pct") else [params.amount("rate_pct")]
    lines = [_tax_line(each, where) for each, where in case.input.items("lines")]
    with located("params"):
        base = params.text("tax_on") if params.has("tax_on") else "exact"
        found = taxed(lines, rates, case.rounding, "net" if base in {"rounded", "rounded_net"} else base)
    return {name: case.money(getattr(found, name)) for name in ("net", "tax", "total")}, found.steps


def _tax_line(each: Any, where: str) -> tuple[Fraction, Fraction]:
    if isinstance(each, list) and 1 <= len(each) <= 2:
        amount, factor = (read_number(value, f"{where}[{index}]") for index, value in enumerate([*each, "1"][:2]))
        return amount, factor
    if isinstance(each, dict):
        fields = Fields(each, where)
        return fields.number("amount"), fields.number("factor") if fields.has("factor") else ZERO + 1
    raise PricingRefused("not_a_pair", f"{shown(each)} is not a pair of amount and factor", where)


# Commitments and deductions.


def _true_up(case: Case) -> Answer:
    part = case.holding("period_fraction").optional("period_fraction")
    charges = case.input.numbers("charges")
    amount, steps = true_up(case.params.amount("minimum"), charges, 1 if part is None else part, case.rounding)
    return {"amount": case.money(amount)}, (*steps, *inexact(amount))


def _discount(case: Case) -> Answer:
    pct = ("pct", "discount_pct", "percentage", "percent", "rate_pct")
    base = case.input.amount("base")
    if case.params.has(*pct):
        amount, steps = percentage_discount(base, case.params.number(*pct, least=0, most=100), case.rounding)
    else:
        used = case.input.optional("used") or ZERO
        amount, steps = fixed_discount(base, case.params.amount("amount"), used, case.rounding)
    return {"amount": case.money(amount)}, (*steps, *inexact(amount))


def _points(case: Case) -> Answer:
    params = case.params
    bands = [Band(None)]
    if params.has("bands"):
        bands = [Band(each.optional("up_to"), each.amount("multiplier")) for each in params.records("bands")]
    with located("params"):
        found = points(
            case.input.amount("points"), params.amount("threshold"), params.amount("point_value"), bands, case.rounding
        )
    return {"deduction": case.money(found[0])}, found[1]


def _at_risk(case: Case) -> Answer:
    defaults = [Default(each.amount("pool_pct"), each.amount("credit_pct")) for each in case.input.records("defaults")]
    amount, steps = at_risk(case.input.amount("charges"), case.params.amount("at_risk_pct"), defaults, case.rounding)
    return {"deduction": case.money(amount)}, steps


def _capped(case: Case) -> Answer:
    services = [
        ServiceDeduction(each.amount("fee"), each.amount("deduction"), each.text("name") if each.has("name") else "")
        for each in case.input.records("services")
    ]
    caps = case.params.optional("service_cap_pct"), case.params.optional("aggregate_cap_pct")
    amount, steps = capped(services, *caps, case.rounding)
    return {"deduction": case.money(amount)}, steps


def _score(case: Case) -> Answer:
    params, score = case.params, case.input.amount("score")
    rule: LinearPay | Sequence[PayBand]
    if params.has("bands"):
        rule = _pay_bands(params, score)
    else:
        rule = LinearPay(params.amount("full_from"), params.optional("add_points") or ZERO)
    fines = _fines(case.holding("fines")) if case.holding("fines").has("fines") else []
    with located("input"):
        payable, deduction, steps = scored(score, case.input.amount("period_fee"), rule, fines, case.rounding)
    return {"payable": case.money(payable), "deduction": case.money(deduction)}, steps


PAY = ("pay_pct", "pct", "pay", "payable_pct", "percent", "percentage", "rate_pct")
AT_LEAST = ("from", "at_least", "min", "score_from", "min_score", "from_score", "lower", "threshold")


def _pay_bands(params: Fields, score: Fraction) -> list[PayBand]:
    """Bands by lower bound (``from``, inclusive, in any order), or by ``up_to`` (inclusive, ascending, null = open).

    A pair is a lower bound and a percentage.
    """
    records = [_pay_band(each, where) for each, where in params.items("bands")]
    if any(each.has("up_to") for each in records) and not any(each.has(*AT_LEAST) for each in records):
        with located("params"):
            check_bands([Band(each.optional("up_to")) for each in records])
        held = next(each for each in records if not each.has("up_to") or score <= each.amount("up_to"))
        return [PayBand(None, held.amount(*PAY))]
    return [PayBand(each.optional(*AT_LEAST), each.amount(*PAY)) for each in records]


def _pay_band(each: Any, where: str) -> Fields:
    pair = isinstance(each, list) and len(each) == 2
    return Fields(dict(zip(("from", "pay_pct"), each, strict=True)), where) if pair else as_fields(each, where)


def _fines(fields: Fields) -> list[Fraction]:
    """Fixed sums: a number, or a list of numbers and ``{amount, count}``."""
    if not isinstance(fields.raw("fines"), list):
        return [fields.amount("fines")]
    found: list[Fraction] = []
    for each, where in fields.items("fines"):
        if isinstance(each, dict):
            fine = Fields(each, where)
            times = fine.whole("count", "times", most=10_000) if fine.has("count", "times") else 1
            found += [fine.amount("amount", "fine")] * times
        else:
            found.append(Fields({"fine": each}, where).amount("fine"))
    return found


def _late_interest(case: Case) -> Answer:
    accepted_on, paid_on = (read_day(case.input.required(name), f"input.{name}") for name in ("accepted_on", "paid_on"))
    late, interest, steps = late_interest(
        case.input.amount("amount"),
        accepted_on,
        paid_on,
        case.params.whole("term_days", most=LONGEST_TERM),
        case.params.amount("daily_rate"),
        case.rounding,
    )
    return {"days_late": str(late), "interest": case.money(interest)}, steps


KINDS: dict[str, Kind] = {
    "rate": _rate,
    "rate_many": _rate_many,
    "delta": _delta,
    "capacity": _capacity,
    "percentage": _percentage,
    "aggregate": _aggregate,
    "round": _round,
    "allocate": _allocate,
    "sum_round": _sum_round,
    "prorate": _prorate,
    "tax": _tax,
    "true_up": _true_up,
    "discount": _discount,
    "points": _points,
    "at_risk": _at_risk,
    "capped": _capped,
    "score": _score,
    "late_interest": _late_interest,
}
