"""What a service costs in house with everything it uses up, beside a contractor's price."""

from decimal import Decimal
from fractions import Fraction

import pytest

from services.billing.full_cost import Asset, InHouse, Labour, Material, Overhead, compare, full_cost
from services.billing.pricing.explanation import say, total
from services.billing.pricing.refusal import PricingRefused

MANAGEMENT = Overhead("management", Decimal("1000.00"), {"cleaning": 3, "repairs": 2, "catering": 2})

CLEANING = InHouse(
    "cleaning",
    quantity=5000,
    labour=(Labour("cleaner", 320, 28), Labour("foreman", 40, Decimal("41.5"))),
    materials=(Material("detergent", 60, Decimal("12.4")),),
    assets=(Asset("scrubber", cost=36_000, residual=3_600, life_months=60, months=1, share_pct=50),),
)


def test_full_cost_is_labour_material_assets_and_a_part_of_the_overheads():
    found = full_cost(CLEANING, [MANAGEMENT])
    assert found.by_kind == {
        "labour": 320 * 28 + 1660,
        "material": 744,
        "assets": 270,
        "overhead": Decimal("428.57"),
    }
    assert found.amount == sum(found.by_kind.values()) == total(found.steps)
    assert found.unit_cost == found.amount / 5000
    assert all(say(step, "zh") for step in found.steps)


def test_all_services_together_carry_the_overhead_whole():
    carried = [full_cost(InHouse(service, 1), [MANAGEMENT]).amount for service in MANAGEMENT.key]
    assert sum(carried) == 1000
    assert full_cost(InHouse("gardens", 1), [MANAGEMENT]).amount == 0


def test_the_comparison_shows_what_stays_when_the_service_goes():
    cost = full_cost(CLEANING, [MANAGEMENT])
    beside = compare(cost, 12_000)
    assert beside.difference == cost.amount - 12_000 == Decimal("62.57")
    assert beside.avoidable_difference == Decimal("-366.00")
    assert beside.cheaper == "contractor"
    assert compare(cost, 13_000).cheaper == "in_house"
    assert compare(cost, cost.amount).cheaper == "equal"


def test_nothing_done_has_no_unit_cost_and_an_asset_needs_a_life():
    assert full_cost(InHouse("cleaning", 0)).unit_cost is None
    with pytest.raises(PricingRefused):
        full_cost(InHouse("cleaning", 1, assets=(Asset("x", 1, 0, 0),)))
    with pytest.raises(PricingRefused):
        full_cost(InHouse("cleaning", 1), [Overhead("o", 1, {})])


def test_a_third_of_a_month_of_wear_stays_exact():
    work = InHouse("cleaning", 1, assets=(Asset("x", 100, 0, 30, Fraction(1, 3)),))
    assert full_cost(work).amount == Fraction(10, 9)


def test_every_rung_says_its_part_and_an_asset_counts_for_one_month_unless_more_is_said():
    work = InHouse("repairs", 1, assets=(Asset("lift", 24, 0, 1),))
    found = full_cost(work, [MANAGEMENT])
    assert found.by_kind["assets"] == 24
    assert found.steps[1].shown() == {"name": "management", "amount": "1000", "part": "2", "whole": "7"}
    assert full_cost(InHouse("gardens", 1), [MANAGEMENT]).steps[0].shown()["part"] == "0"
