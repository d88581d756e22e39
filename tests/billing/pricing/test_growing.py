"""Facts added one by one cost what ``rate`` says, for every model of a sum and every term."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.cards import CardLine, scaled
from services.billing.pricing.exact import ZERO
from services.billing.pricing.explanation import total
from services.billing.pricing.growing import Growing
from services.billing.pricing.models import MODELS, amount_of, edges
from services.billing.pricing.rating import Terms, rate
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN
from tests.billing.pricing.a_price import MODEL_DATA, per_unit, prices, quantities, quick, terms, thorough, tiered

F = Fraction
# A percentage is no function of the sum.
SUMS = sorted(model for model in MODEL_DATA if not MODELS[model].by_event)
of_sums = st.sampled_from(SUMS).flatmap(prices)
changes = st.lists(quantities.map(lambda quantity: quantity / 8), min_size=1, max_size=12)


@thorough
@given(of_sums, terms, quantities, changes, st.booleans())
def test_each_fact_more_costs_what_a_rating_with_its_ladder_says(price, agreed, before, more, final):
    line = CardLine(price, agreed)
    billed = total(rate(price, before, agreed, final=final).steps)
    growing, sofar = Growing(line, before, billed, final=final), before
    for each in more:
        rated = rate(price, each, agreed, prior_quantity=sofar, prior_billed=billed, final=final)
        assert growing.add(each) == rated.amount
        sofar, billed = sofar + each, billed + total(rated.steps)
        assert (growing.quantity, growing.billed) == (sofar, billed)


@quick
@given(of_sums, terms, st.fractions(F(1, 31), 1, max_denominator=31), changes)
def test_it_holds_for_a_part_of_a_month_too(price, agreed, share, more):
    line = scaled(CardLine(price, agreed), share)
    growing = Growing(line, 0, 0, final=False)
    for each in more:
        growing.add(each)
    assert growing.billed == total(rate(line.price, sum(more), line.terms, final=False).steps)


@thorough
@given(st.sampled_from([model for model in SUMS if MODELS[model].straight]).flatmap(prices), quantities, quantities)
def test_a_straight_model_is_straight_between_two_ends_of_tiers(price, one, other):
    inside = sorted((one, other))
    if any(inside[0] <= end < inside[1] for end in edges(price)):
        return
    middle = sum(inside, ZERO) / 2
    assert 2 * amount_of(price, middle) == amount_of(price, one) + amount_of(price, other)


@pytest.mark.parametrize("edge", ["0", "10", "10.5"])
def test_the_end_of_a_tier_belongs_to_it_when_a_sum_comes_to_lie_on_it(edge):
    price = tiered("volume", (edge, "3", "7"), (None, "2", "1"))
    growing = Growing(CardLine(price), 0, 0, final=True)
    for quantity in (F(edge), F(0), F("0.001"), F(5)):
        growing.add(quantity)
        assert growing.billed == amount_of(price, growing.quantity)


def test_a_sum_below_zero_is_refused_and_changes_nothing():
    growing = Growing(CardLine(per_unit("2")), 3, 6, final=True)
    with pytest.raises(PricingRefused):
        growing.add(-4)
    assert growing.add(-3) == -6


def test_what_is_no_plain_sum_does_not_grow():
    with pytest.raises(ValueError, match="plain sum"):
        Growing(replace(CardLine(per_unit()), aggregation="max"), 0, 0, final=True)


def test_amounts_have_the_places_of_the_contract():
    assert str(Growing(CardLine(per_unit("2"), Terms(rounding=FEN)), 0, 0, final=True).add(F(1, 2))) == "1.00"
    assert str(Growing(CardLine(per_unit("2")), 0, 0, final=True).add(F(1, 2))) == "1"
