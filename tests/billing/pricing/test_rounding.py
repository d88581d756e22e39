"""Rounding against the decimal module, which rounds by its own code."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import MODES, Rounding, rounded
from tests.billing.pricing.a_price import thorough

THEIRS = {
    "half_up": decimal.ROUND_HALF_UP,
    "half_even": decimal.ROUND_HALF_EVEN,
    "ceiling": decimal.ROUND_CEILING,
    "floor": decimal.ROUND_FLOOR,
}
WIDE = decimal.Context(prec=200)


def test_there_is_an_oracle_for_every_mode():
    assert MODES.keys() == THEIRS.keys()


@thorough
@given(st.sampled_from(sorted(MODES)), st.integers(-6, 9), st.decimals(-(10**9), 10**9, places=6, allow_nan=False))
def test_every_mode_rounds_as_the_decimal_module_does(mode, digits, value):
    theirs = value.quantize(Decimal(1).scaleb(-digits), THEIRS[mode], context=WIDE)
    assert rounded(value, Rounding(mode, digits)) == Fraction(theirs)


@thorough
@given(st.sampled_from(sorted(MODES)), st.integers(-3, 4), st.integers(-(10**5), 10**5))
def test_ties_round_as_the_decimal_module_does(mode, digits, halves):
    value = Decimal(halves).scaleb(-digits) / 2
    theirs = value.quantize(Decimal(1).scaleb(-digits), THEIRS[mode], context=WIDE)
    assert rounded(value, Rounding(mode, digits)) == Fraction(theirs)


@pytest.mark.parametrize(
    ("mode", "digits", "value", "to"),
    [
        ("half_up", 0, "0.5", "1"),
        ("half_up", 0, "-0.5", "-1"),
        ("half_up", 0, "2.5", "3"),
        ("half_up", 0, "-2.5", "-3"),
        ("half_up", 2, "-0.005", "-0.01"),
        ("half_up", 2, "0.0049999", "0"),
        ("half_even", 0, "0.5", "0"),
        ("half_even", 0, "-0.5", "0"),
        ("half_even", 0, "1.5", "2"),
        ("half_even", 0, "2.5", "2"),
        ("half_even", 0, "3.5", "4"),
        ("half_even", 0, "-2.5", "-2"),
        ("half_even", 0, "-3.5", "-4"),
        ("ceiling", 0, "-2.5", "-2"),
        ("ceiling", 2, "0.001", "0.01"),
        ("floor", 0, "-2.1", "-3"),
        ("floor", 2, "0.009", "0"),
        ("half_up", -2, "150", "200"),
        ("half_up", -2, "-150", "-200"),
        ("half_even", -2, "250", "200"),
        ("ceiling", -3, "1", "1000"),
        ("floor", -3, "-1", "-1000"),
    ],
)
def test_known_roundings(mode, digits, value, to):
    assert rounded(Decimal(value), Rounding(mode, digits)) == Decimal(to)


def test_a_third_is_rounded_from_what_it_is_and_not_from_a_cut_off_decimal():
    assert rounded(Fraction(1, 3) * 3, Rounding("floor", 2)) == 1
    assert rounded(Fraction(5, 10**40 * 3), Rounding("ceiling", 2)) == Fraction(1, 100)


@thorough
@given(st.sampled_from(sorted(MODES)), st.integers(-3, 6), st.fractions(-1000, 1000))
def test_rounding_twice_changes_nothing_more(mode, digits, value):
    rounding = Rounding(mode, digits)
    assert rounded(rounded(value, rounding), rounding) == rounded(value, rounding)


@pytest.mark.parametrize("digits", [-18, 18])
def test_the_farthest_places_are_still_places(digits):
    assert rounded(Fraction(1, 10**18), Rounding("ceiling", digits)) == Fraction(10) ** -digits


def test_without_a_rounding_nothing_changes():
    assert rounded(Fraction(1, 3), None) == Fraction(1, 3)


@pytest.mark.parametrize(
    ("mode", "digits", "code"),
    [("up", 2, "unknown_mode"), ("half_up", 19, "out_of_range"), ("half_up", -19, "out_of_range")],
)
def test_an_unknown_mode_or_a_far_place_is_refused(mode, digits, code):
    with pytest.raises(PricingRefused) as refused:
        Rounding(mode, digits)
    assert refused.value.code == code
