"""Prices that look at single events or at peaks instead of at one quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import Exact, fraction
from services.billing.pricing.explanation import Step, Steps, total
from services.billing.pricing.percentages import PercentagePrice, percentage_steps
from services.billing.pricing.rating import round_step
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from services.billing.pricing.rounding import Rounding


def percentage(
    price: PercentagePrice, events: Sequence[Exact], rounding: Rounding | None = None
) -> tuple[Fraction, Steps]:
    """The amount of ``events``, in their order."""
    steps = percentage_steps(price, [fraction(event) for event in events])
    return round_step(total(steps), rounding, steps), tuple(steps)


@dataclass(frozen=True)
class CapacityTier:
    """A price for all peaks within ``limits``; a limit of None, or none at all for a meter, holds any peak."""

    limits: Mapping[str, Exact | None]
    price: Exact


def capacity(
    tiers: Sequence[CapacityTier], peaks: Mapping[str, Exact], rounding: Rounding | None = None
) -> tuple[Fraction, Steps]:
    """The price of the first tier that holds every peak.

    Raises:
        PricingRefused: ``gap``: no tier does.
    """
    for number, tier in enumerate(tiers, 1):
        limits = {meter: tier.limits.get(meter) for meter in peaks}
        if all(limit is None or peaks[meter] <= limit for meter, limit in limits.items()):
            price = fraction(tier.price)
            steps = [Step("capacity", {"tier": number}, price)]
            return round_step(price, rounding, steps), tuple(steps)
    raise PricingRefused("gap", "no tier holds these peaks", "tiers")


__all__ = ["CapacityTier", "PercentagePrice", "capacity", "percentage"]
