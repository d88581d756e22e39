"""Splitting a sum so that the parts add up to it, and the two ways to round one."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO, Exact, fraction
from services.billing.pricing.explanation import Step, Steps
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

TIE_BREAKS = ("order", "key")


def allocate(
    amount: Exact, weights: Sequence[tuple[str, Exact]], digits: int = 2, tie_break: str = "order"
) -> tuple[dict[str, Fraction], Steps]:
    """``amount`` split by weight at ``digits`` places: largest remainder, so the shares add up to it exactly.

    Each key gets its quota rounded towards zero; the units left over go to the largest remainders, among equal ones to
    the first in the given order, or to the first key. A negative amount is split as its positive, so that a credit
    undoes a charge share by share.

    Raises:
        PricingRefused: nothing to split by, a negative weight, a key given twice, or an amount finer than ``digits``.
    """
    if tie_break not in TIE_BREAKS:
        raise PricingRefused("unknown_mode", f"ties are broken by {' or '.join(TIE_BREAKS)}", "tie_break")
    amount = fraction(amount)
    if rounded(amount, Rounding("floor", digits)) != amount:
        raise PricingRefused("too_fine", f"the amount has more than {digits} digits", "amount")
    parts = [(key, fraction(weight)) for key, weight in weights]
    if len({key for key, _ in parts}) < len(parts):
        raise PricingRefused("twice", "a key is given twice", "weights")
    if any(weight < 0 for _, weight in parts):
        raise PricingRefused("negative", "a weight must not be negative", "weights")
    whole = sum((weight for _, weight in parts), ZERO)
    if not whole:
        if amount:
            raise PricingRefused("zero", "the weights add up to nothing", "weights")
        return {key: ZERO for key, _ in parts}, ()
    unit = Fraction(10) ** -digits * (-1 if amount < 0 else 1)
    units = int(amount / unit)
    # In whole numbers: each key's quota is units * weight / all, of which the quotient is certain and the rest competes.
    scale = lcm(*(weight.denominator for _, weight in parts))
    scaled = [int(weight * scale) for _, weight in parts]
    every = sum(scaled)
    halves = [divmod(units * weight, every) for weight in scaled]
    counts = [certain for certain, _ in halves]
    ranked = sorted(
        range(len(parts)), key=lambda index: (-halves[index][1], parts[index][0] if tie_break == "key" else "", index)
    )
    steps = []
    for (key, weight), number, (certain, _) in zip(parts, scaled, halves, strict=True):
        quota = Fraction(units * number, every) * unit
        steps.append(
            Step("quota", {"key": key, "weight": weight, "quota": quota, "base": certain * unit}, certain * unit)
        )
    for index in ranked[: units - sum(counts)]:
        counts[index] += 1
        steps.append(Step("largest_remainder", {"key": parts[index][0], "unit": unit}, unit))
    return {key: count * unit for (key, _), count in zip(parts, counts, strict=True)}, tuple(steps)


def sum_round(lines: Sequence[Exact], rounding: Rounding | None) -> tuple[Fraction, Fraction, Steps]:
    """The sum of the rounded lines, and the rounded sum: what a statement shows against what a total alone would."""
    steps = tuple(
        Step("line", {"line": number, "value": fraction(line)}, rounded(line, rounding))
        for number, line in enumerate(lines, 1)
    )
    exact = sum((fraction(line) for line in lines), ZERO)
    return sum((step.amount or ZERO for step in steps), ZERO), rounded(exact, rounding), steps
