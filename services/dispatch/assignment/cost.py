"""The objective: what a choice costs, term by term, in yuan-equivalents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.dispatch.assignment.model import Area, Crew, Job, Weights


@dataclass(frozen=True, slots=True)
class Cost:
    """The terms of one choice; ``total`` is what choices are ranked by.

    Attributes:
        late: minutes late and the breach itself.
        lost: the request becomes worthless.
        price: what the supplier charges, estimated.
        balance: making the loads of a group more uneven (negative: more even).
        interruption: putting off the work in hand.
        others: what it does to the rest of the plan.
    """

    late: float = 0.0
    lost: float = 0.0
    price: float = 0.0
    travel: float = 0.0
    overtime: float = 0.0
    quality: float = 0.0
    balance: float = 0.0
    interruption: float = 0.0
    others: float = 0.0

    @property
    def total(self) -> float:
        """All terms together, rounded to a cent so that equal choices compare equal."""
        return round(
            self.late
            + self.lost
            + self.price
            + self.travel
            + self.overtime
            + self.quality
            + self.balance
            + self.interruption
            + self.others,
            2,
        )


def late_cost(weights: Weights, job: Job, at: int) -> float:
    """Tardiness and breach when ``job`` is finished (or begun, if that is what is promised) at ``at``."""
    if at <= job.due:
        return 0.0
    return weights.breach[job.priority - 1] + weights.tardy_per_min[job.priority - 1] * (at - job.due)


def unserved_cost(weights: Weights, job: Job, horizon: int) -> float:
    """What it costs to leave ``job`` undone today."""
    breach = weights.breach[job.priority - 1]
    if job.expire is not None and job.expire <= horizon:
        return breach + weights.lost
    if job.due > horizon:
        return weights.carry * breach
    return breach + weights.tardy_per_min[job.priority - 1] * (horizon + 60 - job.due)


def price(crew: Crew, job: Job, minutes: float, travel: float) -> float:
    """What the supplier of ``crew`` charges for ``minutes`` of work after ``travel`` minutes; in house: nothing."""
    pay = crew.pay
    if pay.kind == "per_order":
        return pay.prices.get(job.item, pay.default)
    if pay.kind == "per_hour":
        return pay.rate * max(pay.min_minutes, minutes + travel) / 60.0
    return 0.0


def least_cost(weights: Weights, crew: Crew, item: str) -> float:
    """What any job of ``item`` costs with ``crew`` at least, near and in time as it may be."""
    pay, quality = crew.pay, weights.quality * (1 - crew.score)
    if pay.kind == "per_order":
        return quality + pay.prices.get(item, pay.default)
    return quality + (pay.rate * pay.min_minutes / 60.0 if pay.kind == "per_hour" else 0.0)


def dispatch_cost(area: Area, crew: Crew, job: Job, sent_at: int, arrive: int, start: int, end: int) -> Cost:
    """The terms of sending ``crew`` to ``job`` alone, balance and the rest of the plan apart."""
    weights = area.weights
    travel = arrive - sent_at - crew.accept - crew.lead
    lost = job.expire is not None and start > job.expire
    at = start if job.due_on_start else end
    return Cost(
        late=0.0 if lost else late_cost(weights, job, at),
        lost=weights.breach[job.priority - 1] + weights.lost if lost else 0.0,
        price=price(crew, job, end - start, travel),
        travel=weights.travel_per_min * travel,
        overtime=weights.overtime_per_min * max(0, end - max(crew.shift[1], arrive - travel))
        if crew.supplier is None
        else 0.0,
        quality=weights.quality * (1 - crew.score),
    )
