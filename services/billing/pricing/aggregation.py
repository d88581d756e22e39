"""From the events of a period to the one quantity that is priced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO
from services.billing.pricing.explanation import Params, Step, Steps
from services.billing.pricing.periods import seconds
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from fractions import Fraction


@dataclass(frozen=True)
class Use:
    """One event as the aggregations see it.

    Attributes:
        value: the measured number; zero where only the event or its identity counts.
        time: when it happened, UTC; needed by ``latest`` and ``time_weighted``.
        identity: what ``unique`` counts: a person, a room, a plate.
        active_days: for ``prorated_sum``: days of the period in which the value held.
        days_in_period: for ``prorated_sum``, above zero.
    """

    value: Fraction
    time: datetime | None = None
    identity: str = ""
    active_days: int = 0
    days_in_period: int = 1


@dataclass(frozen=True)
class Window:
    """A half-open span of time and what was there when it opened."""

    since: datetime
    until: datetime
    opening: Fraction = ZERO

    def __post_init__(self) -> None:
        if self.until <= self.since:
            raise PricingRefused("backwards", "the period ends before it starts", "end")


def aggregate(kind: str, uses: Sequence[Use], window: Window | None = None) -> tuple[Fraction, Steps]:
    """The quantity of ``uses``, and why. With a window, what happened outside it does not count.

    Nothing at all comes to zero, whatever the aggregation (for ``time_weighted``: to the opening).

    Raises:
        PricingRefused: no such aggregation, or one that needs a window (times) without one.
    """
    if kind not in AGGREGATIONS:
        raise PricingRefused("unknown_aggregation", f"there is no aggregation {kind!r}", "aggregation")
    steps: list[Step] = []
    counted = list(uses)
    if window:
        counted = [use for use in uses if use.time is None or window.since <= use.time < window.until]
        if len(counted) < len(uses):
            steps.append(Step("outside", {"events": len(uses) - len(counted)}))
    quantity, told = AGGREGATIONS[kind](counted, window)
    params: Params = {"events": len(counted), "aggregation": kind, "quantity": quantity}
    return quantity, (*steps, *told, Step("aggregate", params))


Aggregated = tuple["Fraction", Steps]


def _sum(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    return sum((use.value for use in uses), ZERO), ()


def _count(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    return ZERO + len(uses), ()


def _max(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    return max((use.value for use in uses), default=ZERO), ()


def _min(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    return min((use.value for use in uses), default=ZERO), ()


def _latest(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    """Of several at the same moment the one that was given last."""
    found, newest = ZERO, None
    for use in uses:
        if use.time is None:
            raise PricingRefused("missing", "latest needs the time of every event", "time")
        if newest is None or use.time >= newest:
            found, newest = use.value, use.time
    return found, ()


def _unique(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    return ZERO + len({use.identity for use in uses}), ()


def _prorated_sum(uses: Sequence[Use], _window: Window | None) -> Aggregated:
    steps = []
    for use in uses:
        if use.days_in_period <= 0:
            raise PricingRefused("zero", "days_in_period must be above zero", "days_in_period")
        share = use.value * use.active_days / use.days_in_period
        params: Params = {"value": use.value, "part": use.active_days, "whole": use.days_in_period}
        steps.append(Step("share", params, share))
    return sum((step.amount or ZERO for step in steps), ZERO), tuple(steps)


def _time_weighted(uses: Sequence[Use], window: Window | None) -> Aggregated:
    """The opening level plus each change for the part of the period that it lasted."""
    if window is None:
        raise PricingRefused("missing", "time_weighted needs the period's from and end", "from")
    whole = seconds(window.until - window.since)
    steps = [Step("opening", {"quantity": window.opening}, window.opening)]
    for use in uses:
        if use.time is None:
            raise PricingRefused("missing", "time_weighted needs the time of every event", "time")
        part = seconds(window.until - use.time)
        steps.append(Step("share", {"value": use.value, "part": part, "whole": whole}, use.value * part / whole))
    return sum((step.amount or ZERO for step in steps), ZERO), tuple(steps)


AGGREGATIONS: dict[str, Callable[[Sequence[Use], Window | None], Aggregated]] = {
    "sum": _sum,
    "count": _count,
    "max": _max,
    "min": _min,
    "latest": _latest,
    "unique": _unique,
    "prorated_sum": _prorated_sum,
    "time_weighted": _time_weighted,
}
# A fact says nothing of days in which it held, so no card can agree on it.
ON_CARDS = tuple(each for each in AGGREGATIONS if each != "prorated_sum")
