"""Commitments, discounts and deductions: what is added to or taken off a period's charges.

Each function gives the amount and the ladder whose amounts add up to it. Percentages are numbers like ``8`` for 8 %.
Where a scheme comes from published contract practice, the source stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from services.billing.pricing.exact import HUNDREDTH, ZERO, Exact, fraction
from services.billing.pricing.explanation import Params, Step, Steps
from services.billing.pricing.rating import round_step
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from fractions import Fraction

Explained = tuple["Fraction", Steps]


def true_up(
    minimum: Exact, charges: Sequence[Exact], period_fraction: Exact = 1, rounding: Rounding | None = None
) -> Explained:
    """What is missing to the agreed minimum for this part of a period; never negative."""
    minimum, part = fraction(minimum), fraction(period_fraction)
    charged = sum((fraction(charge) for charge in charges), ZERO)
    steps = [
        Step("commitment", {"minimum": minimum, "fraction": part}, minimum * part),
        Step("charges", {"charges": charged}, -charged),
    ]
    missing = round_step(minimum * part - charged, rounding, steps)
    if missing < 0:
        steps.append(Step("nothing_due", {}, -missing))
    return max(ZERO, missing), tuple(steps)


def percentage_discount(base: Exact, pct: Exact, rounding: Rounding | None = None) -> Explained:
    """``pct`` percent of ``base``."""
    off = fraction(base) * fraction(pct) * HUNDREDTH
    steps = [Step("discount", {"pct": fraction(pct)}, off)]
    return round_step(off, rounding, steps), tuple(steps)


def fixed_discount(base: Exact, amount: Exact, used: Exact = 0, rounding: Rounding | None = None) -> Explained:
    """A sum of money off, as far as it is not used up and ``base`` reaches."""
    left = max(ZERO, fraction(amount) - fraction(used))
    off = max(ZERO, min(left, fraction(base)))
    steps = [Step("fixed_discount", {"amount": fraction(amount), "left": left}, left)]
    if off < left:
        steps.append(Step("held_to_base", {"base": fraction(base)}, off - left))
    return round_step(off, rounding, steps), tuple(steps)


@dataclass(frozen=True)
class Band:
    """Failure points up to and including ``up_to`` (None = open) count ``multiplier`` times."""

    up_to: Exact | None
    multiplier: Exact = 1


def check_bands(bands: Sequence[Band]) -> None:
    """Refuse bands that are out of order or do not end open."""
    below: Exact | None = None
    for index, band in enumerate(bands):
        last = index == len(bands) - 1
        if (band.up_to is None) != last:
            words = "the last band must be open: up_to null" if last else "only the last band may be open"
            raise PricingRefused("tiers_open", words, f"bands[{index}].up_to")
        if band.up_to is not None and below is not None and band.up_to <= below:
            raise PricingRefused("tiers_order", "a band must end above the one before it", f"bands[{index}].up_to")
        below = band.up_to


def points(
    scored: Exact, threshold: Exact, point_value: Exact, bands: Sequence[Band], rounding: Rounding | None = None
) -> Explained:
    """The price of failure points above a threshold, dearer band by band (ratchet).

    UK facilities contracts: threshold 20, £3 a point, 1.0/1.2/1.5 up to 100/200/above: 120 points cost £312.
    """
    check_bands(bands)
    scored, threshold, value = fraction(scored), fraction(threshold), fraction(point_value)
    if scored <= threshold:
        return ZERO, (Step("below_threshold", {"points": scored, "threshold": threshold}),)
    steps: list[Step] = []
    below = threshold
    for number, band in enumerate(bands, 1):
        reach = scored if band.up_to is None else min(scored, fraction(band.up_to))
        if reach <= below:
            continue
        part, times = reach - below, fraction(band.multiplier)
        params: Params = {"band": number, "points": part, "point_value": value, "multiplier": times}
        steps.append(Step("ratchet", params, part * value * times))
        below = reach
    exact = sum((step.amount or ZERO for step in steps), ZERO)
    return round_step(exact, rounding, steps), tuple(steps)


@dataclass(frozen=True)
class Default:
    """One service level that was missed: its share of the pool, and how much of that share is credited."""

    pool_pct: Exact
    credit_pct: Exact


def at_risk(
    charges: Exact, at_risk_pct: Exact, defaults: Sequence[Default], rounding: Rounding | None = None
) -> Explained:
    """Service credits out of the part of the charges that is at risk, at most that part.

    US outsourcing contracts: 10 % at risk, pool 50 %, credit 40 %: 2,000 of 100,000.
    """
    charges, pct = fraction(charges), fraction(at_risk_pct)
    pool = charges * pct * HUNDREDTH
    steps: list[Step] = [Step("at_risk", {"charges": charges, "pct": pct, "amount": pool})]
    credit = ZERO
    for each in defaults:
        share, part = fraction(each.pool_pct), fraction(each.credit_pct)
        value = pool * share * part * HUNDREDTH * HUNDREDTH
        steps.append(Step("credit", {"amount": pool, "pool_pct": share, "credit_pct": part}, value))
        credit += value
    if credit > pool:
        steps.append(Step("aggregate_cap", {"cap": pool}, pool - credit))
        credit = pool
    return round_step(credit, rounding, steps), tuple(steps)


@dataclass(frozen=True)
class ServiceDeduction:
    """What one service loses, and the fee that its cap is a share of."""

    fee: Exact
    deduction: Exact
    name: str = ""


def capped(
    services: Sequence[ServiceDeduction],
    service_cap_pct: Exact | None = None,
    aggregate_cap_pct: Exact | None = None,
    rounding: Rounding | None = None,
) -> Explained:
    """Deductions held to a share of each service's fee, and their sum to a share of all fees."""
    steps: list[Step] = []
    total = fees = ZERO
    for number, service in enumerate(services, 1):
        name = service.name or str(number)
        fee, deduction = fraction(service.fee), fraction(service.deduction)
        steps.append(Step("service_deduction", {"service": name, "deduction": deduction}, deduction))
        if service_cap_pct is not None and deduction > fee * fraction(service_cap_pct) * HUNDREDTH:
            cap = fee * fraction(service_cap_pct) * HUNDREDTH
            steps.append(Step("service_cap", {"service": name, "cap": cap}, cap - deduction))
            deduction = cap
        total, fees = total + deduction, fees + fee
    if aggregate_cap_pct is not None and total > fees * fraction(aggregate_cap_pct) * HUNDREDTH:
        cap = fees * fraction(aggregate_cap_pct) * HUNDREDTH
        steps.append(Step("aggregate_cap", {"cap": cap}, cap - total))
        total = cap
    return round_step(total, rounding, steps), tuple(steps)


@dataclass(frozen=True)
class PayBand:
    """A score of at least ``at_least`` (None = any) pays ``pct`` percent of the fee."""

    at_least: Exact | None
    pct: Exact


@dataclass(frozen=True)
class LinearPay:
    """Full pay from ``full_from`` points on, below it ``score + add_points`` percent (≥ 85 分全额，否则 (15+得分)%)."""

    full_from: Exact
    add_points: Exact = 0


def share_paid(score: Exact, rule: LinearPay | Sequence[PayBand]) -> tuple[Fraction, Step]:
    """The percentage of the fee that a score earns.

    Raises:
        PricingRefused: ``gap``: the score lies below every band.
    """
    score = fraction(score)
    if isinstance(rule, LinearPay):
        if score >= rule.full_from:
            return fraction(100), Step("full_pay", {"score": score})
        pct = score + fraction(rule.add_points)
        return pct, Step("linear_pay", {"score": score, "pct": pct})
    reached = [band for band in rule if band.at_least is None or score >= band.at_least]
    if not reached:
        raise PricingRefused("gap", "the score lies below every band", "score")
    best = max(reached, key=lambda band: (band.at_least is not None, band.at_least or 0))
    return fraction(best.pct), Step("band_pay", {"score": score, "pct": fraction(best.pct)})


def scored(
    score: Exact,
    fee: Exact,
    rule: LinearPay | Sequence[PayBand],
    fines: Sequence[Exact] = (),
    rounding: Rounding | None = None,
) -> tuple[Fraction, Fraction, Steps]:
    """What is paid of a period's fee, and what is not; the two add up to the fee.

    Fines come off the share that the score earns; they may exceed it.
    """
    fee = fraction(fee)
    pct, told = share_paid(score, rule)
    steps = [told, Step("percentage", {"quantity": fee, "rate_pct": pct}, fee * pct * HUNDREDTH)]
    for number, fine in enumerate(fines, 1):
        steps.append(Step("fine", {"fine": number, "amount": fraction(fine)}, -fraction(fine)))
    exact = sum((step.amount or ZERO for step in steps), ZERO)
    payable = round_step(exact, rounding, steps)
    deduction = rounded(fee - payable, rounding)
    steps.append(Step("withheld", {"payable": payable, "deduction": deduction}))
    return payable, deduction, tuple(steps)


# State Council Decree 802 (in force 2025-06-01): 30 days from acceptance, and 0.05 % a day where the contract is silent.
DECREE_TERM_DAYS = 30
DECREE_DAILY_RATE = fraction(5) / 10_000


def late_interest(
    amount: Exact,
    accepted_on: date,
    paid_on: date,
    term_days: int = DECREE_TERM_DAYS,
    daily_rate: Exact = DECREE_DAILY_RATE,
    rounding: Rounding | None = None,
) -> tuple[int, Fraction, Steps]:
    """Days after the term until payment, and simple interest for them."""
    due_on = accepted_on + timedelta(days=term_days)
    late = max(0, (paid_on - due_on).days)
    amount, rate = fraction(amount), fraction(daily_rate)
    steps = [
        Step("due", {"due_on": due_on.isoformat(), "days": late}),
        Step("interest", {"amount": amount, "daily_rate": rate, "days": late}, amount * rate * late),
    ]
    return late, round_step(amount * rate * late, rounding, steps), tuple(steps)
