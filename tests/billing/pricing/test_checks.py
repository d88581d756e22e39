"""Looking over a price before anybody is billed by it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.checks import not_monotonic, problems, terms_problems
from services.billing.pricing.models import amount_of
from services.billing.pricing.rating import Terms
from services.billing.pricing.rounding import FEN
from tests.billing.pricing.a_price import MODEL_DATA, blocks, price_data, prices, quick, tiered

F = Fraction
# One tier prices everything: where the next one is cheaper, more costs less.
MAY_FALL = ("volume", "volume_blocks", "capacity")
MOST = 450  # beyond the last edge of most drawn prices


@quick
@given(prices())
def test_a_price_gets_cheaper_exactly_where_the_witnesses_say(price):
    amounts = [amount_of(price, F(quantity)) for quantity in range(MOST + 1)]
    drops = {quantity for quantity in range(MOST) if amounts[quantity + 1] < amounts[quantity]}
    witnesses = not_monotonic(price)
    assert {witness.lower for witness in witnesses if witness.lower < MOST} == drops
    for witness in witnesses:
        assert witness.higher == witness.lower + 1
        assert (
            amount_of(price, witness.lower)
            == witness.lower_amount
            > witness.higher_amount
            == amount_of(price, witness.higher)
        )


@quick
@given(st.sampled_from(sorted(MODEL_DATA.keys() - set(MAY_FALL))).flatmap(prices), st.integers(0, 2))
def test_only_prices_of_the_tier_that_is_reached_can_get_cheaper(price, digits):
    assert not_monotonic(price, digits) == []


def test_sixteen_units_cheaper_than_fifteen_are_named():
    (witness,) = not_monotonic(tiered("volume", ("15", "10", "0"), (None, "9", "0")))
    assert witness.params == {"lower": "15", "higher": "16", "lower_amount": "150", "higher_amount": "144"}


def test_the_next_quantity_depends_on_how_finely_it_is_measured():
    price = tiered("volume", ("15", "10", "0"), (None, "9.9", "0"))
    assert not_monotonic(price, 0) == []
    assert [witness.higher for witness in not_monotonic(price, 1)] == [F("15.1")]


def test_an_edge_between_two_units_is_found_too():
    (witness,) = not_monotonic(tiered("volume", ("15.5", "10", "0"), (None, "8", "0")))
    assert (witness.lower, witness.higher) == (15, 16)


def test_cheaper_blocks_are_named():
    (witness,) = not_monotonic(blocks("volume_blocks", ("10", "2", "5"), ("10", None, "3")))
    assert (witness.lower_amount, witness.higher_amount) == (10, 9)


def test_all_faults_come_first_and_a_surprise_is_only_a_warning():
    falling = {"model": "volume", "tiers": [{"up_to": "15", "unit_price": "10"}, {"unit_price": "9"}]}
    (problem,) = problems(falling)
    assert (problem.code, problem.blocking) == ("not_monotonic", False)
    assert problem.message == "16 units cost 144, less than 15 units: 150"


def test_a_misspelt_field_blocks_a_card_although_rating_would_ignore_it():
    data = {"model": "graduated", "tiers": [{"unit_price": "1", "flat_fe": "5"}], "currency": "CNY"}
    assert [(problem.code, problem.field) for problem in problems(data)] == [
        ("unknown_field", "price.currency"),
        ("unknown_field", "price.tiers[0].flat_fe"),
    ]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("graduated_blocks", "the last tier is not open: what lies beyond it costs nothing"),
        ("volume_blocks", "the last tier is not open"),
    ],
)
def test_a_closed_last_block_tier_is_pointed_out(model, message):
    tiers = [
        {"block_size": "1", "max_blocks": "5", "block_price": "1"},
        {"block_size": "1", "max_blocks": "6", "block_price": "1"},
    ]
    (problem,) = problems({"model": model, "tiers": tiers})
    assert (problem.code, problem.blocking, problem.message) == ("last_tier_closed", False, message)
    assert problem.field == "price.tiers[1].max_blocks"


def test_an_unsound_price_lists_its_faults_as_blocking():
    assert [(problem.code, problem.blocking) for problem in problems({"model": "per_unit"})] == [("missing", True)]
    assert [problem.code for problem in problems("x")] == ["not_an_object"]


@quick
@given(st.sampled_from(sorted(MODEL_DATA)).flatmap(price_data))
def test_a_sound_price_has_no_blocking_problem(data):
    assert not [problem for problem in problems(data) if problem.blocking]


def test_contradicting_terms_are_found():
    agreed = Terms(minimum=F("10.005"), maximum=F(9), discount_pct=100, rounding=FEN)
    assert [problem.code for problem in terms_problems(agreed)] == [
        "minimum_above_maximum",
        "finer_than_rounding",
        "everything_free",
    ]
    assert [problem.code for problem in terms_problems(Terms(maximum=0))] == ["no_rounding", "everything_free"]
    assert terms_problems(Terms(minimum=10, maximum=90, rounding=FEN)) == []
