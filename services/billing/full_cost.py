"""Full cost (全额核算): what a service costs in house, with everything it uses up, beside the contractor's price.

Living labour, materialised labour (material and assets), and the parts of organisation and management that would not
exist without it: only then is the comparison with a price fair.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO, Exact, fraction
from services.billing.pricing.explanation import Params, Step, Steps, total
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.shares import allocate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction


@dataclass(frozen=True)
class Labour:
    """Hours of one grade; ``hourly`` includes social insurance and paid leave."""

    grade: str
    hours: Exact
    hourly: Exact


@dataclass(frozen=True)
class Material:
    name: str
    quantity: Exact
    unit_cost: Exact


@dataclass(frozen=True)
class Asset:
    """Straight-line wear of something used for part of the period.

    Attributes:
        cost: of purchase.
        residual: what it will still be worth.
        life_months: above zero.
        months: of this period.
        share_pct: how much of its use falls to this service.
    """

    name: str
    cost: Exact
    residual: Exact
    life_months: int
    months: Exact = 1
    share_pct: Exact = 100


@dataclass(frozen=True)
class Overhead:
    """A common cost and the key by which services carry it, such as heads, m² or hours.

    Attributes:
        key: the key's amount for each service.
    """

    name: str
    amount: Exact
    key: Mapping[str, Exact]


@dataclass(frozen=True)
class InHouse:
    """What one service used in a period."""

    service: str
    quantity: Exact
    labour: Sequence[Labour] = ()
    materials: Sequence[Material] = ()
    assets: Sequence[Asset] = ()


@dataclass(frozen=True)
class FullCost:
    """What the service cost, and why.

    Attributes:
        by_kind: ``labour``, ``material``, ``assets``, ``overhead``; adds up to ``amount``.
        unit_cost: of one unit of quantity; None when nothing was done.
    """

    amount: Fraction
    by_kind: Mapping[str, Fraction]
    unit_cost: Fraction | None
    steps: Steps = field(compare=False)


def full_cost(work: InHouse, overheads: Sequence[Overhead] = (), digits: int = 2) -> FullCost:
    """Everything that ``work`` used up; overheads are split by largest remainder, so all services together carry them whole.

    Raises:
        PricingRefused: an asset without a life, or an overhead without a key.
    """
    labour = tuple(
        Step(
            "labour",
            {"grade": each.grade, "hours": fraction(each.hours), "hourly": fraction(each.hourly)},
            _product(each.hours, each.hourly),
        )
        for each in work.labour
    )
    material = tuple(
        Step(
            "material",
            {"name": each.name, "quantity": fraction(each.quantity), "unit_cost": fraction(each.unit_cost)},
            _product(each.quantity, each.unit_cost),
        )
        for each in work.materials
    )
    assets = tuple(_worn(each) for each in work.assets)
    overhead = tuple(_carried(each, work.service, digits) for each in overheads)
    kinds = {"labour": labour, "material": material, "assets": assets, "overhead": overhead}
    by_kind = {kind: total(steps) for kind, steps in kinds.items()}
    amount = sum(by_kind.values(), ZERO)
    quantity = fraction(work.quantity)
    return FullCost(amount, by_kind, amount / quantity if quantity else None, (*labour, *material, *assets, *overhead))


def _product(quantity: Exact, price: Exact) -> Fraction:
    return fraction(quantity) * fraction(price)


def _worn(asset: Asset) -> Step:
    if asset.life_months <= 0:
        raise PricingRefused("zero", "life_months must be above zero", f"{asset.name}.life_months")
    monthly = (fraction(asset.cost) - fraction(asset.residual)) / asset.life_months
    params: Params = {
        "name": asset.name,
        "monthly": monthly,
        "months": fraction(asset.months),
        "pct": fraction(asset.share_pct),
    }
    return Step("asset", params, monthly * fraction(asset.months) * fraction(asset.share_pct) / 100)


def _carried(overhead: Overhead, service: str, digits: int) -> Step:
    shares, _ = allocate(overhead.amount, sorted(overhead.key.items()), digits, "key")
    params: Params = {
        "name": overhead.name,
        "amount": fraction(overhead.amount),
        "part": fraction(overhead.key.get(service, 0)),
        "whole": sum((fraction(part) for part in overhead.key.values()), ZERO),
    }
    return Step("overhead", params, shares.get(service, ZERO))


@dataclass(frozen=True)
class Comparison:
    """In house beside outsourced, for the same quantity.

    Attributes:
        difference: in-house cost less the contractor's price; positive = the contractor is cheaper.
        avoidable_difference: the same without overheads, which stay when the service goes.
    """

    in_house: Fraction
    contractor: Fraction
    difference: Fraction
    avoidable_difference: Fraction

    @property
    def cheaper(self) -> str:
        """``in_house``, ``contractor`` or ``equal``."""
        return "equal" if not self.difference else "contractor" if self.difference > 0 else "in_house"


def compare(cost: FullCost, contractor_price: Exact) -> Comparison:
    """Both figures of one period side by side."""
    price = fraction(contractor_price)
    avoidable = cost.amount - cost.by_kind.get("overhead", ZERO)
    return Comparison(cost.amount, price, cost.amount - price, avoidable - price)
