"""Parts of a period by days."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO
from services.billing.pricing.explanation import Params, Step, Steps
from services.billing.pricing.periods import days_between
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.billing.pricing.rounding import Rounding


@dataclass(frozen=True)
class Part:
    """Days ``since`` (in) to ``until`` (out) of the billing period ``period_since`` to ``period_until``."""

    since: date
    until: date
    period_since: date
    period_until: date

    def ratio(self, fixed_days_in_month: int | None) -> tuple[int, int]:
        """The days that count and the days of the whole.

        With fixed months the whole is always that many days, and a part that runs across a month end is lengthened or
        shortened by what its first month has less or more than that. (So 1 February to 1 March is one whole month.)
        """
        days = days_between(self.since, self.until)
        if fixed_days_in_month is None:
            whole = days_between(self.period_since, self.period_until, "period_to")
            if whole == 0:
                raise PricingRefused("zero", "the period has no days", "period_to")
            return days, whole
        if (self.since.year, self.since.month) != (self.until.year, self.until.month):
            days -= monthrange(self.since.year, self.since.month)[1] - fixed_days_in_month
        return days, fixed_days_in_month


def cycles(
    parts: Sequence[Part | Fraction], rounding: Rounding | None = None, fixed_days_in_month: int | None = None
) -> tuple[Fraction, Steps]:
    """How many billing cycles ``parts`` come to: each day ratio rounded by itself, whole cycles (numbers) as they are."""
    steps = []
    for part in parts:
        if isinstance(part, Fraction):
            steps.append(Step("whole_cycles", {"cycles": part}, part))
            continue
        days, whole = part.ratio(fixed_days_in_month)
        params: Params = {
            "since": part.since.isoformat(),
            "until": part.until.isoformat(),
            "part": days,
            "whole": whole,
        }
        steps.append(Step("day_ratio", params, rounded(Fraction(days, whole), rounding)))
    return sum((step.amount or ZERO for step in steps), ZERO), tuple(steps)
