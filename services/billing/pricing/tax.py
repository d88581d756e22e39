"""Value added tax on top of a statement, or contained in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import HUNDREDTH, ZERO, Exact, fraction
from services.billing.pricing.explanation import Params, Step, Steps
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

BASES = ("exact", "net")


@dataclass(frozen=True)
class Taxed:
    """``net + tax == total``, always."""

    net: Fraction
    tax: Fraction
    total: Fraction
    steps: Steps


def taxed(
    lines: Sequence[tuple[Exact, Exact]], rates_pct: Sequence[Exact], rounding: Rounding | None, base: str = "exact"
) -> Taxed:
    """Tax on top of lines that are an amount times a factor.

    The net is the sum of the rounded lines. The tax of all rates together is rounded once; it is taken on the exact sum
    of the products (``exact``) or on the rounded net (``net``).

    Raises:
        PricingRefused: a negative rate, or another base.
    """
    if base not in BASES:
        raise PricingRefused("unknown_mode", f"tax is taken on {' or '.join(BASES)}", "tax_on")
    if any(rate < 0 for rate in rates_pct):
        raise PricingRefused("negative", "a tax rate must not be negative", "rates_pct")
    steps: list[Step] = []
    exact = net = ZERO
    for number, (amount, factor) in enumerate(lines, 1):
        product = fraction(amount) * fraction(factor)
        shown = rounded(product, rounding)
        params: Params = {"line": number, "value": fraction(amount), "factor": fraction(factor)}
        steps.append(Step("line_product", params, shown))
        exact, net = exact + product, net + shown
    taken_on = exact if base == "exact" else net
    rate = sum((fraction(rate) for rate in rates_pct), ZERO)
    tax = rounded(taken_on * rate * HUNDREDTH, rounding)
    steps.append(Step("tax", {"rate_pct": rate, "base": taken_on}, tax))
    return Taxed(net, tax, net + tax, tuple(steps))


def included(gross: Exact, rate_pct: Exact, rounding: Rounding | None) -> Taxed:
    """The tax inside a price that contains it (含税价): gross × rate / (100 + rate), rounded once; the net is the rest.

    Raises:
        PricingRefused: a negative rate.
    """
    gross, rate = fraction(gross), fraction(rate_pct)
    if rate < 0:
        raise PricingRefused("negative", "a tax rate must not be negative", "rate_pct")
    tax = rounded(gross * rate / (100 + rate), rounding)
    return Taxed(gross - tax, tax, gross, (Step("included_tax", {"gross": gross, "rate_pct": rate}, gross),))
