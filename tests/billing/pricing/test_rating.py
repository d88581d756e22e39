"""A quantity under a price and terms: the order of the steps, parts and wholes, minimum and cap."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.exact import HUNDREDTH, decimal, is_decimal
from services.billing.pricing.explanation import WORDS, say, total
from services.billing.pricing.models import amount_of
from services.billing.pricing.rating import Conversion, Terms, deltas, due, net, rate, rate_many
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, Rounding, rounded
from tests.billing.pricing.a_price import per_unit, prices, quantities, quick, terms, thorough, tiered

F = Fraction


def written_out(price, quantity, agreed):
    """The definition, step by step, as the form states it."""
    if agreed.convert:
        factor = F(agreed.convert.factor)
        quantity = quantity * factor if agreed.convert.op == "multiply" else quantity / factor
        quantity = rounded(quantity, agreed.convert.rounding)
    quantity = quantity - F(agreed.free_quantity)
    amount = rounded(amount_of(price, quantity if quantity > 0 else F(0)), agreed.rounding)
    if agreed.discount_pct:
        amount = rounded(amount * (100 - F(agreed.discount_pct)) * HUNDREDTH, agreed.rounding)
    return amount if agreed.maximum is None or amount <= agreed.maximum else F(agreed.maximum)


@thorough
@given(prices(), quantities, terms)
def test_net_is_convert_free_price_round_discount_round_cap_in_this_order(price, quantity, agreed):
    assert net(price, quantity, agreed) == written_out(price, quantity, agreed)


@thorough
@given(prices(), terms, st.lists(quantities, min_size=1, max_size=5))
def test_the_parts_of_a_period_add_up_to_the_whole_for_every_model_and_every_term(price, agreed, parts):
    billed = before = F(0)
    exact = F(0)
    for index, part in enumerate(parts):
        final = index == len(parts) - 1
        rated = rate(price, part, agreed, prior_quantity=before, prior_billed=billed, final=final)
        before += part
        exact += total(rated.steps)
        billed = net(price, before, agreed)
    whole = rate(price, before, agreed)
    assert exact == total(whole.steps) == due(price, before, agreed)


@thorough
@given(prices("percentage"), terms, st.lists(quantities, min_size=1, max_size=6))
def test_the_events_of_a_period_billed_one_by_one_add_up_to_all_of_them(price, agreed, events):
    agreed = replace(agreed, convert=None, free_quantity=0)
    billed = exact = F(0)
    for count, event in enumerate(events, 1):
        rated = rate(
            price, event, agreed, prior_quantity=sum(events[: count - 1], F(0)), prior_billed=billed,
            final=count == len(events), events=events[:count],
        )  # fmt: skip
        exact += total(rated.steps)
        billed = rated_alone(price, events[:count], agreed)
    assert exact == total(rate(price, sum(events), agreed, events=events).steps)


def rated_alone(price, events, agreed):
    """The period's amount of these events, without minimum and prior bills."""
    return total(rate(price, sum(events, F(0)), agreed, final=False, events=events).steps)


@thorough
@given(prices(), quantities, terms, quantities, quantities, st.booleans())
def test_every_amount_is_the_sum_of_its_steps(price, quantity, agreed, prior, billed, final):
    rated = rate(price, quantity, agreed, prior_quantity=prior, prior_billed=billed, final=final)
    explained = total(rated.steps)
    assert rated.amount == decimal(explained)
    inexact = [step for step in rated.steps if step.key == "inexact"]
    assert bool(inexact) is not is_decimal(explained)


@quick
@given(prices(), quantities, terms)
def test_every_step_can_be_said_in_both_languages(price, quantity, agreed):
    for step in rate(price, quantity, agreed, prior_quantity=1, prior_billed=1).steps:
        assert step.key in WORDS
        assert "{" not in say(step, "zh") + say(step, "en")


@thorough
@given(prices(), quantities, terms)
def test_the_minimum_is_made_up_with_the_final_part_only(price, quantity, agreed):
    last, more_to_come = rate(price, quantity, agreed), rate(price, quantity, agreed, final=False)
    missing = max(F(0), F(agreed.minimum or 0) - net(price, quantity, agreed))
    assert more_to_come.true_up == 0
    assert last.true_up == decimal(missing)
    assert total(last.steps) - total(more_to_come.steps) == missing


@thorough
@given(prices(), st.lists(quantities, min_size=1, max_size=5), terms)
def test_deltas_of_readings_add_up_to_what_the_last_reading_costs(price, readings, agreed):
    found = deltas(price, readings, agreed)
    assert sum(total(rated.steps) for rated in found) == due(price, readings[-1], agreed)
    assert all(rated.true_up == 0 for rated in found[:-1])


def test_the_published_example_of_a_rate():
    price = tiered("graduated", ("100", "0.80", "0"), (None, "0.65", "5"))
    rated = rate(price, 180, Terms(free_quantity=10, minimum=200, maximum=500, rounding=FEN))
    assert (str(rated.amount), str(rated.true_up), str(rated.net), rated.quantity) == ("200.00", "69.50", "130.50", 170)


def test_money_is_rounded_before_and_after_the_discount():
    agreed = Terms(discount_pct=50, rounding=FEN)
    # 0.005 -> 0.01, half of it 0.005 -> 0.01; rounding once would give 0.00.
    assert rate(per_unit("0.005"), 1, agreed).amount == Decimal("0.01")


def test_the_cap_comes_after_the_discount():
    assert rate(per_unit("10"), 10, Terms(discount_pct=20, maximum=80)).amount == 80
    assert rate(per_unit("10"), 10, Terms(discount_pct=20, maximum=79)).amount == 79


def test_free_quantity_beyond_the_quantity_leaves_nothing_and_not_less():
    assert rate(per_unit("3"), 5, Terms(free_quantity=8)).amount == 0


def test_free_quantity_is_in_converted_units():
    hours = Terms(convert=Conversion("divide", 60), free_quantity=2)
    assert rate(per_unit("10"), 180, hours).amount == 10


def test_a_converted_quantity_is_rounded_as_a_whole_and_not_part_by_part():
    # 1.4 and 1.3 thousand: part by part 2 + 2, together 3.
    agreed = Terms(convert=Conversion("divide", 1000, Rounding("ceiling", 0)))
    first = rate(per_unit("10"), 1400, agreed, final=False)
    second = rate(per_unit("10"), 1300, agreed, prior_quantity=1400, prior_billed=first.amount)
    assert (first.amount, second.amount) == (20, 10)


def test_a_third_survives_until_the_contracts_rounding():
    agreed = Terms(convert=Conversion("divide", 3), rounding=FEN)
    assert rate(per_unit("3"), 100, agreed).amount == 100


def test_without_a_rounding_a_third_is_shown_with_its_fraction():
    rated = rate(per_unit("1"), 1, Terms(convert=Conversion("divide", 3)))
    assert rated.steps[-1].shown() == {"fraction": "1/3"}


def test_a_correction_below_what_was_billed_gives_money_back():
    assert rate(per_unit("2"), -3, prior_quantity=10, prior_billed=20).amount == -6


def test_a_period_below_zero_is_refused():
    with pytest.raises(PricingRefused) as refused:
        rate(per_unit("2"), -3, prior_quantity=2)
    assert refused.value.code == "negative"


def test_an_overbilled_period_comes_back_to_its_minimum():
    rated = rate(per_unit("1"), 0, Terms(minimum=50), prior_quantity=10, prior_billed=70)
    assert (rated.amount, rated.true_up) == (-20, 40)


def test_amounts_carry_the_places_of_the_rounding_and_without_one_only_what_they_need():
    assert str(rate(per_unit("2"), 1).amount) == "2"
    assert str(rate(per_unit("2"), 1, Terms(rounding=FEN)).net) == "2.00"
    assert str(rate(per_unit("2"), 149, Terms(rounding=Rounding("half_up", -2))).amount) == "300"


def test_a_minimum_above_the_maximum_still_counts_as_written():
    assert rate(per_unit("1"), 100, Terms(minimum=30, maximum=20)).amount == 30


@pytest.mark.parametrize("wrong", [{"free_quantity": -1}, {"minimum": -1}, {"maximum": -1}, {"discount_pct": -1}])
def test_negative_terms_are_refused(wrong):
    with pytest.raises(PricingRefused):
        Terms(**wrong)


def test_a_discount_above_everything_is_refused():
    with pytest.raises(PricingRefused):
        Terms(discount_pct=101)


@pytest.mark.parametrize(("op", "factor"), [("add", 1), ("divide", 0), ("multiply", -1)])
def test_a_conversion_by_nothing_or_another_operation_is_refused(op, factor):
    with pytest.raises(PricingRefused):
        Conversion(op, factor)


def test_several_meters_are_summed_exactly_and_rounded_once():
    thirds = {"a": per_unit("0.004"), "b": per_unit("0.004")}
    amount, steps = rate_many(thirds, {"a": 1, "b": 1}, FEN)
    assert amount == Decimal("0.01")
    assert total(steps) == amount


@quick
@given(st.dictionaries(st.sampled_from("abc"), prices(), min_size=1), quantities, quantities, st.none() | st.just(FEN))
def test_several_meters_less_what_was_billed_explain_themselves(meters, quantity, billed, rounding):
    amount, steps = rate_many(meters, dict.fromkeys(meters, quantity), rounding, prior_billed=billed)
    exact = rounded(sum(amount_of(price, quantity) for price in meters.values()), rounding) - billed
    assert total(steps) == exact
    assert amount == decimal(exact)


def test_a_priced_meter_without_a_quantity_counts_with_zero():
    assert rate_many({"a": per_unit("2"), "b": tiered("volume", (None, "1", "7"))}, {"a": 3})[0] == 13


@pytest.mark.parametrize("quantities_", [{"b": 1}, {"a": -1}])
def test_a_quantity_without_a_price_or_below_zero_is_refused(quantities_):
    with pytest.raises(PricingRefused):
        rate_many({"a": per_unit("2")}, quantities_)
