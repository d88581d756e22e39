"""Price models against the plainest reading of their definitions: unit by unit, block by block."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.explanation import total
from services.billing.pricing.models import MODELS, amount_of, edges, inspect, read_price, steps_of
from services.billing.pricing.refusal import PricingRefused
from tests.billing.pricing.a_price import MODEL_DATA, blocks, price_data, prices, quantities, thorough, tiered

F = Fraction
HUNDRED = F(100)


def by_unit(data, quantity, rate, unit):
    """Graduated pricing of whole units, one at a time: each unit at the price of the tier that it lies in."""
    tiers = [
        (None if tier["up_to"] is None else int(tier["up_to"]), F(tier[rate]) * unit, F(tier["flat_fee"]))
        for tier in data["tiers"]
    ]
    amount = tiers[0][2]
    for unit_number in range(1, quantity + 1):
        amount += next(price for up_to, price, _ in tiers if up_to is None or unit_number <= up_to)
    bounds = [up_to for up_to, _, _ in tiers if up_to is not None]
    return amount + sum(fee for bound, (_, _, fee) in zip(bounds, tiers[1:], strict=True) if quantity > bound)


@thorough
@given(price_data("graduated"), st.integers(0, 450))
def test_graduated_is_the_sum_of_the_marginal_prices_of_its_units_and_the_fees_entered(data, quantity):
    assert amount_of(read_price(data), F(quantity)) == by_unit(data, quantity, "unit_price", 1)


@thorough
@given(price_data("graduated_percentage"), st.integers(0, 450))
def test_graduated_percentage_is_graduated_with_hundredths(data, quantity):
    assert amount_of(read_price(data), F(quantity)) == by_unit(data, quantity, "rate_pct", 1 / HUNDRED)


shares = st.fractions(F(1, 1000), 1, max_denominator=1000)


@thorough
@given(price_data("graduated"), st.integers(0, 3), shares, shares)
def test_within_a_tier_graduated_grows_by_its_unit_price(data, index, one, other):
    tier = data["tiers"][index % len(data["tiers"])]
    below = max((F(each["up_to"]) for each in data["tiers"][: index % len(data["tiers"])]), default=F(0))
    width = (below + 100 if tier["up_to"] is None else F(tier["up_to"])) - below
    low, high = below + width * min(one, other), below + width * max(one, other)
    price = read_price(data)
    assert amount_of(price, high) - amount_of(price, low) == (high - low) * F(tier["unit_price"])


@thorough
@given(price_data("volume"), quantities)
def test_volume_prices_everything_at_the_first_tier_that_reaches_it(data, quantity):
    tier = next(tier for tier in data["tiers"] if tier["up_to"] is None or quantity <= F(tier["up_to"]))
    assert amount_of(read_price(data), quantity) == quantity * F(tier["unit_price"]) + F(tier["flat_fee"])


def unpacked(tiers, quantity):
    """Blocks opened one after the other, tier by tier, until the quantity is held: (blocks by tier, tier that holds the rest)."""
    rest, opened = quantity, [0] * len(tiers)
    for index, tier in enumerate(tiers):
        size, most = F(tier["block_size"]), tier["max_blocks"]
        while rest > 0 and (most is None or opened[index] < int(most)):
            opened[index] += 1
            rest -= size
        if rest <= 0:
            return opened, index
    return opened, len(tiers) - 1


@thorough
@given(price_data("graduated_blocks"), quantities)
def test_graduated_blocks_are_opened_one_after_the_other(data, quantity):
    opened, _ = unpacked(data["tiers"], quantity)
    wanted = sum(count * F(tier["block_price"]) for count, tier in zip(opened, data["tiers"], strict=True))
    assert amount_of(read_price(data), quantity) == wanted


@thorough
@given(price_data("volume_blocks"), quantities)
def test_volume_blocks_price_everything_in_blocks_of_the_tier_that_holds_the_rest(data, quantity):
    _, index = unpacked(data["tiers"], quantity)
    size, price = F(data["tiers"][index]["block_size"]), F(data["tiers"][index]["block_price"])
    count = 0
    while count * size < quantity:
        count += 1
    assert amount_of(read_price(data), quantity) == count * price


@thorough
@given(price_data("package"), quantities)
def test_packages_are_opened_until_they_hold_what_is_left(data, quantity):
    count, left = 0, quantity - F(data["free_units"])
    while left > 0:
        count, left = count + 1, left - F(data["size"])
    assert amount_of(read_price(data), quantity) == count * F(data["price"])


@thorough
@given(price_data("capacity"), quantities)
def test_capacity_costs_what_the_first_tier_costs_that_holds_the_peak(data, quantity):
    holding = [tier for tier in data["tiers"] if tier["up_to"] is None or quantity <= F(tier["up_to"])]
    assert amount_of(read_price(data), quantity) == F(holding[0]["price"])


def by_event_one_after_the_other(data, events):
    """The published definition of a percentage with limits on an event."""
    rate, fee = F(data["rate_pct"]) / 100, F(data["fixed_fee"])
    events_left, amount_left = int(data["free_events"]), F(data["free_amount"])
    amount = F(0)
    for event in events:
        charged = event
        if events_left > 0 or amount_left > 0:
            events_left -= 1
            if amount_left == 0 or event < amount_left:
                amount_left = max(F(0), amount_left - event)
                continue
            charged, events_left, amount_left = event - amount_left, 0, F(0)
        charge = charged * rate + fee
        charge = max(charge, F(data["event_min"])) if "event_min" in data else charge
        amount += min(charge, F(data["event_max"])) if "event_max" in data else charge
    return amount


def by_both_allowances(data, events):
    """The published definition of a percentage without limits: units and events that are free, each by the smaller allowance."""
    free_events, free_amount = int(data["free_events"]), F(data["free_amount"])
    running = [sum(events[: count + 1], F(0)) for count in range(len(events))]
    units, count = [sum(events, F(0))], [len(events)]
    if free_events:
        units.append(sum(events[:free_events], F(0)))
        count.append(free_events)
    if free_amount:
        units.append(free_amount)
        count.append(sum(total < free_amount for total in running))
    if not free_events and not free_amount:
        units, count = [F(0)], [0]
    charged = sum(events, F(0)) - min(units)
    return charged * F(data["rate_pct"]) / 100 + (len(events) - min(count)) * F(data["fixed_fee"])


events_of_a_month = st.lists(quantities.map(lambda quantity: quantity / 20), max_size=8)


@thorough
@given(price_data("percentage"), events_of_a_month)
def test_a_percentage_is_taken_of_each_event_less_the_allowances(data, events):
    limited = "event_min" in data or "event_max" in data
    wanted = by_event_one_after_the_other(data, events) if limited else by_both_allowances(data, events)
    assert total(steps_of(read_price(data), sum(events, F(0)), events)) == wanted


@thorough
@given(price_data("percentage"), quantities)
def test_where_no_events_are_named_a_quantity_is_one_event_and_nothing_is_none(data, quantity):
    price = read_price(data)
    assert amount_of(price, quantity) == total(steps_of(price, quantity, [quantity] if quantity else []))


@thorough
@given(st.sampled_from(["flat", "per_unit", "multiplier"]).flatmap(price_data), quantities)
def test_the_plain_models_are_one_product(data, quantity):
    wanted = {
        "flat": lambda: F(data["amount"]),
        "per_unit": lambda: quantity * F(data["unit_price"]),
        "multiplier": lambda: quantity * F(data["multiplier"]),
    }[data["model"]]()
    assert amount_of(read_price(data), quantity) == wanted


# Figures of published tests of other billing engines, as facts.

THREE = (("10", "10", "2"), ("20", "5", "3"), (None, "5", "3"))


@pytest.mark.parametrize(
    ("quantity", "amount"), [(0, 2), (1, 12), (10, 102), (11, 110), (12, 115), (20, 155), (21, 163)]
)
def test_graduated_tiers_are_inclusive_and_charge_their_fee_when_entered(quantity, amount):
    assert amount_of(tiered("graduated", *THREE), F(quantity)) == amount


@pytest.mark.parametrize(("quantity", "amount"), [(0, "200"), (1, "200.01"), (10, "200.1"), (11, "500.12")])
def test_graduated_percentages(quantity, amount):
    tiers = (("10", "1", "200"), ("20", "2", "300"), (None, "3", "400"))
    assert amount_of(tiered("graduated_percentage", *tiers, rate="rate_pct"), F(quantity)) == F(amount)


def test_graduated_blocks_stop_at_the_first_tier_that_holds_the_rest():
    assert amount_of(
        blocks("graduated_blocks", ("1", "10", "1.5"), ("1", "100", "1.0"), ("1", "1000", "0.5")), F(111)
    ) == F("115.5")
    assert amount_of(blocks("graduated_blocks", ("100", "10", "1"), ("1000", None, "1")), F(5325)) == 15


@pytest.mark.parametrize(("quantity", "amount"), [(1000, 10), (101_000, 101), (101_001, 51), (300_000, 150)])
def test_volume_blocks_of_the_tier_that_holds_the_rest_or_of_the_last(quantity, amount):
    price = blocks("volume_blocks", ("100", "10", "1"), ("1000", "100", "1"), ("1000", "100", "0.5"))
    assert amount_of(price, F(quantity)) == amount


# Edges.


def test_volume_charges_the_first_tiers_fee_at_zero():
    assert amount_of(tiered("volume", ("10", "1", "7"), (None, "1", "9")), F(0)) == 7


def test_nothing_left_in_a_package_costs_nothing():
    price = read_price({"model": "package", "size": "10", "price": "3", "free_units": "5"})
    assert [amount_of(price, F(quantity)) for quantity in (0, 5, "5.001", 15, "15.001")] == [0, 0, 3, 3, 6]


def test_a_first_tier_up_to_zero_holds_only_zero():
    price = tiered("graduated", ("0", "9", "4"), (None, "1", "2"))
    assert [amount_of(price, F(quantity)) for quantity in (0, "0.5", 1)] == [4, F("6.5"), 7]


def test_what_lies_beyond_a_closed_last_block_tier_is_not_priced():
    assert amount_of(blocks("graduated_blocks", ("10", "2", "3")), F(1000)) == 6


@thorough
@given(prices())
def test_edges_ascend(price):
    assert edges(price) == sorted(edges(price))


# Reading.


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (None, "not_an_object", "price"),
        ([], "not_an_object", "price"),
        ({}, "missing", "price.model"),
        ({"model": "stairs"}, "unknown_model", "price.model"),
        ({"model": ["flat"]}, "unknown_model", "price.model"),
        ({"model": "per_unit"}, "missing", "price.unit_price"),
        ({"model": "per_unit", "unit_price": "-1"}, "negative", "price.unit_price"),
        ({"model": "per_unit", "unit_price": "NaN"}, "not_a_number", "price.unit_price"),
        ({"model": "flat", "amount": "1" + "0" * 30}, "out_of_range", "price.amount"),
        ({"model": "package", "size": "0", "price": "1"}, "zero", "price.size"),
        ({"model": "graduated"}, "missing", "price.tiers"),
        ({"model": "graduated", "tiers": []}, "missing", "price.tiers"),
        ({"model": "graduated", "tiers": {}}, "not_a_list", "price.tiers"),
        ({"model": "graduated", "tiers": ["x"]}, "not_an_object", "price.tiers[0]"),
        ({"model": "graduated", "tiers": [{"up_to": None}]}, "missing", "price.tiers[0].unit_price"),
        ({"model": "volume", "tiers": [{"up_to": "5", "unit_price": "1"}]}, "tiers_open", "price.tiers[0].up_to"),
        (
            {"model": "volume", "tiers": [{"up_to": None, "unit_price": "1"}, {"up_to": None, "unit_price": "1"}]},
            "tiers_open",
            "price.tiers[0].up_to",
        ),
        (
            {
                "model": "graduated",
                "tiers": [{"up_to": "5", "unit_price": "1"}, {"up_to": "5", "unit_price": "1"}, {"unit_price": "1"}],
            },
            "tiers_order",
            "price.tiers[1].up_to",
        ),
        (
            {
                "model": "graduated",
                "tiers": [{"up_to": "9", "unit_price": "1"}, {"up_to": "5", "unit_price": "1"}, {"unit_price": "1"}],
            },
            "tiers_order",
            "price.tiers[1].up_to",
        ),
        (
            {"model": "volume_blocks", "tiers": [{"block_size": "0", "block_price": "1"}]},
            "zero",
            "price.tiers[0].block_size",
        ),
        (
            {"model": "volume_blocks", "tiers": [{"block_size": "1", "max_blocks": "1.5", "block_price": "1"}]},
            "not_whole",
            "price.tiers[0].max_blocks",
        ),
        (
            {"model": "graduated_blocks", "tiers": [{"block_size": "1", "block_price": "1"}] * 2},
            "tiers_open",
            "price.tiers[0].max_blocks",
        ),
        (
            {"model": "volume", "tiers": [{"up_to": str(n), "unit_price": "1"} for n in range(1001)]},
            "too_many",
            "price.tiers",
        ),
    ],
)
def test_an_unsound_price_is_refused_with_its_place(data, code, field):
    with pytest.raises(PricingRefused) as refused:
        read_price(data)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_every_fault_of_a_price_is_found_and_not_only_the_first():
    _, faults = inspect({"model": "graduated", "tiers": [{"up_to": "9", "unit_price": "-1"}, {"up_to": "5"}]})
    assert [(fault.code, fault.field) for fault in faults] == [
        ("negative", "price.tiers[0].unit_price"),
        ("tiers_order", "price.tiers[1].up_to"),
        ("missing", "price.tiers[1].unit_price"),
    ]


def test_a_tier_with_a_flat_fee_alone_has_no_unit_price():
    price = read_price({"model": "graduated", "tiers": [{"up_to": "5", "flat_fee": "10"}, {"unit_price": "2"}]})
    assert amount_of(price, F(7)) == 14


def test_there_are_prices_of_every_model_to_draw():
    assert MODEL_DATA.keys() == MODELS.keys()
