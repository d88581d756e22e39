"""From a quantity to an amount, under a price and the terms of a contract.

The order is fixed: convert -> less free quantity -> price -> round -> discount -> round -> cap. The minimum is made up
once, at the end of the period. All of it works on the period's cumulative quantity, so whatever the parts in which a
period is billed, they add up to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import HUNDREDTH, ZERO, Exact, decimal, fraction
from services.billing.pricing.explanation import Params, Step, Steps, inexact, total
from services.billing.pricing.models import steps_of
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from fractions import Fraction

    from services.billing.pricing.models import Price

OPS = ("multiply", "divide")


@dataclass(frozen=True)
class Conversion:
    """From the meter's unit to the price's unit, such as minutes to started hours.

    Attributes:
        op: ``multiply`` or ``divide``.
        factor: above zero.
        rounding: of the converted, cumulative quantity; None = exact.
    """

    op: str
    factor: Exact
    rounding: Rounding | None = None

    def __post_init__(self) -> None:
        if self.op not in OPS:
            raise PricingRefused(
                "unknown_op", f"there is no conversion {self.op!r}, only {' and '.join(OPS)}", "convert.op"
            )
        if self.factor <= 0:
            raise PricingRefused("zero", "factor must be above zero", "convert.factor")

    def apply(self, quantity: Fraction) -> tuple[Fraction, Steps]:
        factor = fraction(self.factor)
        exact = quantity * factor if self.op == "multiply" else quantity / factor
        sign = "×" if self.op == "multiply" else "÷"
        steps = [Step("converted", {"quantity": quantity, "op": sign, "factor": factor, "to": exact})]
        result = rounded(exact, self.rounding)
        if self.rounding:
            steps.append(_rounding_step("quantity_rounded", exact, result, self.rounding, counts=False))
        return result, tuple(steps)


@dataclass(frozen=True)
class Terms:
    """What a contract agrees on around a price; every absent term changes nothing.

    Attributes:
        free_quantity: per period, in converted units.
        minimum: what the period costs at least; made up with the final part only.
        maximum: what the period costs at most.
        discount_pct: off the rounded price, 0 to 100.
        rounding: of money; None = exact.
    """

    convert: Conversion | None = None
    free_quantity: Exact = 0
    minimum: Exact | None = None
    maximum: Exact | None = None
    discount_pct: Exact = 0
    rounding: Rounding | None = None

    def __post_init__(self) -> None:
        for name in ("free_quantity", "minimum", "maximum", "discount_pct"):
            if (getattr(self, name) or 0) < 0:
                raise PricingRefused("negative", f"{name} must not be negative", name)
        if self.discount_pct > 100:
            raise PricingRefused("too_large", "discount_pct must be at most 100", "discount_pct")


NO_TERMS = Terms()


@dataclass(frozen=True)
class Rated:
    """What a quantity costs.

    Attributes:
        amount: to be billed now; ``true_up`` is part of it.
        true_up: what the minimum added.
        net: the whole period's amount before the minimum.
        quantity: billable: cumulative, converted, less what is free.
        steps: the ladder; its amounts add up to ``amount``, exactly.
    """

    amount: Decimal
    true_up: Decimal
    net: Decimal
    quantity: Decimal
    steps: Steps


def rate(
    price: Price,
    quantity: Exact,
    terms: Terms = NO_TERMS,
    *,
    prior_quantity: Exact = 0,
    prior_billed: Exact = 0,
    final: bool = True,
    events: Sequence[Fraction] | None = None,
) -> Rated:
    """The amount of ``quantity`` more in a period of which ``prior_quantity`` was billed with ``prior_billed``.

    ``events`` are all events of the period, for prices that look at each.

    Raises:
        PricingRefused: the period's cumulative quantity is negative.
    """
    prior, more, billed = fraction(prior_quantity), fraction(quantity), fraction(prior_billed)
    told: Steps = (
        (Step("cumulative", {"prior": prior, "quantity": more, "total": prior + more}),)
        if prior
        else (Step("quantity", {"quantity": more}),)
    )
    net, billable, ladder = _net(price, prior + more, terms, events)
    steps = [*told, *ladder]
    if billed:
        steps.append(Step("prior_billed", {"prior": billed}, -billed))
    minimum = fraction(terms.minimum) if terms.minimum is not None and final else ZERO
    true_up = max(ZERO, minimum - net)
    if true_up:
        steps.append(Step("minimum", {"minimum": minimum}, true_up))
    amount = net - billed + true_up
    places = terms.rounding.places if terms.rounding else 0
    steps += [Step("amount", {"amount": amount}), *inexact(amount)]
    return Rated(
        amount=decimal(amount, places),
        true_up=decimal(true_up, places),
        net=decimal(net, places),
        quantity=decimal(billable),
        steps=tuple(steps),
    )


def net(price: Price, quantity: Exact, terms: Terms = NO_TERMS) -> Fraction:
    """The period's amount before minimum and prior bills."""
    return _net(price, fraction(quantity), terms)[0]


def due(price: Price, quantity: Exact, terms: Terms = NO_TERMS) -> Fraction:
    """What a whole period with this cumulative quantity costs, minimum included."""
    amount = net(price, quantity, terms)
    return amount if terms.minimum is None else max(amount, fraction(terms.minimum))


def _net(
    price: Price, quantity: Fraction, terms: Terms, events: Sequence[Fraction] | None = None
) -> tuple[Fraction, Fraction, Steps]:
    """The amount before minimum and prior bills, the billable quantity, and the rungs that add up to the amount."""
    if quantity < 0:
        raise PricingRefused("negative", "the cumulative quantity of the period must not be negative", "quantity")
    steps: list[Step] = []
    if terms.convert:
        quantity, told = terms.convert.apply(quantity)
        steps += told
    free = fraction(terms.free_quantity)
    if free:
        quantity = max(ZERO, quantity - free)
        steps.append(Step("free", {"free": free, "left": quantity}))
    steps += steps_of(price, quantity, events)
    return agreed(total(steps), terms, steps), quantity, tuple(steps)


def agreed(exact: Fraction, terms: Terms, steps: list[Step] | None = None) -> Fraction:
    """What the terms make of a period's priced amount: rounded, less the discount, at most the maximum."""
    amount = round_step(exact, terms.rounding, steps)
    discount = fraction(terms.discount_pct)
    if discount:
        off = amount * discount * HUNDREDTH
        if steps is not None:
            steps.append(Step("discount", {"pct": discount}, -off))
        amount = round_step(amount - off, terms.rounding, steps)
    if terms.maximum is not None and amount > terms.maximum:
        maximum = fraction(terms.maximum)
        if steps is not None:
            steps.append(Step("cap", {"maximum": maximum}, maximum - amount))
        amount = maximum
    return amount


def round_step(value: Fraction, rounding: Rounding | None, steps: list[Step] | None) -> Fraction:
    """``value`` rounded, with the rung that says so appended to ``steps`` (if given) where a rounding is agreed."""
    result = rounded(value, rounding)
    if rounding and steps is not None:
        steps.append(_rounding_step("rounded", value, result, rounding, counts=True))
    return result


def _rounding_step(key: str, value: Fraction, to: Fraction, rounding: Rounding, *, counts: bool) -> Step:
    params: Params = {"value": value, "to": to, "mode": rounding.mode, "digits": rounding.digits}
    return Step(key, params, to - value if counts else None)


def rate_many(
    prices: Mapping[str, Price],
    quantities: Mapping[str, Exact],
    rounding: Rounding | None = None,
    *,
    prior_billed: Exact = 0,
) -> tuple[Decimal, Steps]:
    """The exact amounts of several meters, summed, then rounded once, less what was billed. A priced meter without a
    quantity counts with zero.

    Raises:
        PricingRefused: a quantity without a price, or a negative one.
    """
    for meter in quantities:
        if meter not in prices:
            raise PricingRefused("unknown_meter", f"there is no price for the meter {meter!r}", f"quantities.{meter}")
    steps: list[Step] = []
    for meter, price in prices.items():
        quantity = fraction(quantities.get(meter, 0))
        if quantity < 0:
            raise PricingRefused("negative", "the quantity must not be negative", f"quantities.{meter}")
        steps += [Step("meter", {"meter": meter}), Step("quantity", {"quantity": quantity}), *steps_of(price, quantity)]
    amount = round_step(total(steps), rounding, steps)
    billed = fraction(prior_billed)
    if billed:
        steps.append(Step("prior_billed", {"prior": billed}, -billed))
        amount -= billed
    steps += [Step("amount", {"amount": amount}), *inexact(amount)]
    return decimal(amount, rounding.places if rounding else 0), tuple(steps)


def deltas(price: Price, cumulative: Sequence[Exact], terms: Terms = NO_TERMS) -> list[Rated]:
    """What each cumulative reading adds to the bill; the minimum counts with the last one."""
    found: list[Rated] = []
    prior = ZERO
    for index, reading in enumerate(cumulative):
        final = index == len(cumulative) - 1
        found.append(rate(price, reading, terms, prior_billed=prior, final=final))
        # Without a true-up, which only the last one has, the steps add up to the growth of the exact net.
        prior += total(found[-1].steps)
    return found
