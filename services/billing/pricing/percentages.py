"""A share of single events: what each rung of the ladder comes to. No rounding here; whoever prices rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import HUNDREDTH, ZERO, Exact, fraction
from services.billing.pricing.explanation import Params, Step
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction


@dataclass(frozen=True)
class PercentagePrice:
    """A share of each event's value plus a fixed fee an event.

    Attributes:
        free_events: how many events the allowance covers; 0 = no allowance by number.
        free_amount: how much value it covers; 0 = no allowance by value.
        event_min: what a charged event costs at least.
        event_max: what it costs at most.
    """

    rate_pct: Exact
    fixed_fee: Exact = 0
    free_events: int = 0
    free_amount: Exact = 0
    event_min: Exact | None = None
    event_max: Exact | None = None

    def __post_init__(self) -> None:
        if self.event_min is not None and self.event_max is not None and self.event_min > self.event_max:
            raise PricingRefused("backwards", "event_min lies above event_max", "event_min")


def percentage_steps(price: PercentagePrice, values: Sequence[Fraction]) -> list[Step]:
    """The rungs of ``values``, the events in their order.

    Without limits on an event both allowances hold together: the smaller of the two in value, and in number. With
    limits the events are walked in order, because each charge is clamped by itself.
    """
    limited = price.event_min is not None or price.event_max is not None
    return (_walked if limited else _summed)(price, values)


def _summed(price: PercentagePrice, values: Sequence[Fraction]) -> list[Step]:
    whole = sum(values, ZERO)
    units, count = whole, len(values)
    if price.free_events:
        units = min(units, sum(values[: price.free_events], ZERO))
        count = min(count, price.free_events)
    if price.free_amount:
        free_amount = fraction(price.free_amount)
        units = min(units, free_amount)
        running, below = ZERO, 0
        for value in values:
            running += value
            below += running < free_amount
        count = min(count, below)
    if not price.free_events and not price.free_amount:
        units, count = ZERO, 0
    rate, fee = fraction(price.rate_pct), fraction(price.fixed_fee)
    charged, paid = whole - units, len(values) - count
    return [
        *([Step("free_events", {"events": count, "quantity": units})] if units or count else []),
        Step("percentage", {"quantity": charged, "rate_pct": rate}, charged * rate * HUNDREDTH),
        Step("fixed_fees", {"events": paid, "fixed_fee": fee}, paid * fee),
    ]


def _walked(price: PercentagePrice, values: Sequence[Fraction]) -> list[Step]:
    steps: list[Step] = []
    free_events, free_amount = price.free_events, fraction(price.free_amount)
    rate, fee = fraction(price.rate_pct), fraction(price.fixed_fee)
    for number, value in enumerate(values, 1):
        part = value
        if free_events > 0 or free_amount > 0:
            free_events -= 1
            if free_amount == 0 or free_amount > value:
                free_amount = max(ZERO, free_amount - value)
                steps.append(Step("event_free", {"event": number}))
                continue
            part = value - free_amount
            free_events, free_amount = 0, ZERO
        charge = part * rate * HUNDREDTH + fee
        params: Params = {"event": number, "quantity": part, "rate_pct": rate, "fixed_fee": fee}
        steps.append(Step("event", params, charge))
        held = _clamped(charge, price)
        if held != charge:
            steps.append(Step("event_clamped", {"event": number, "to": held}, held - charge))
    return steps


def _clamped(charge: Fraction, price: PercentagePrice) -> Fraction:
    if price.event_min is not None and charge < price.event_min:
        return fraction(price.event_min)
    if price.event_max is not None and charge > price.event_max:
        return fraction(price.event_max)
    return charge
