"""Numbers in and out."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.exact import decimal, is_decimal, plain, read_number, shown
from services.billing.pricing.refusal import PricingRefused
from tests.billing.pricing.a_price import thorough

sane = st.decimals(Decimal(-(10**17)), Decimal(10**17), places=12, allow_nan=False, allow_infinity=False)


@thorough
@given(sane)
def test_what_is_written_reads_as_the_same_number(value):
    assert read_number(plain(value)) == Fraction(value)
    assert set(plain(value)) <= set("-0123456789.")


@thorough
@given(sane, st.integers(0, 6))
def test_a_decimal_shows_at_least_the_places_asked_for_and_loses_none(value, places):
    text = plain(value, places)
    assert Fraction(text) == Fraction(value)
    assert len(text.partition(".")[2]) >= places


@thorough
@given(st.integers(-(10**6), 10**6), st.integers(1, 10**6))
def test_a_fraction_that_no_decimal_holds_shows_28_significant_digits(numerator, denominator):
    value = Fraction(numerator, denominator)
    shown = decimal(value)
    if is_decimal(value):
        assert Fraction(shown) == value
    else:
        assert len(shown.as_tuple().digits) in {27, 28, 29}
        assert abs(Fraction(shown) - value) <= abs(value) / 10**27


def test_a_single_division_shows_what_a_decimal_context_of_28_digits_gives():
    for numerator, denominator in ((22, 31), (1, 3), (-2, 3), (200, 7), (1, 36), (10**9, 7)):
        assert decimal(Fraction(numerator, denominator)) == Decimal(numerator) / Decimal(denominator)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-0", 0),
        ("+5.", 5),
        (".5", Fraction(1, 2)),
        ("1e3", 1000),
        ("1E-3", Fraction(1, 1000)),
        (7, 7),
        (Decimal("1.5"), Fraction(3, 2)),
    ],
)
def test_plain_decimals_are_read(text, value):
    assert read_number(text) == value


@pytest.mark.parametrize(
    "value",
    ["", " 5", "5 ", "1_000", "1,000", "0x1f", "１２", "五", "NaN", "sNaN", "Infinity", "-inf", "1e", "1e1000", "--1", "1.2.3",
     True, None, [], {}, 1.5, "9" * 101, Decimal("NaN"), Decimal("Infinity"), "5\n"],
)  # fmt: skip
def test_anything_else_is_not_a_number(value):
    with pytest.raises(PricingRefused) as refused:
        read_number(value, "input.quantity")
    assert refused.value.code == "not_a_number"
    assert refused.value.field == "input.quantity"


@pytest.mark.parametrize(
    "value",
    [
        "1e400",
        "1" + "0" * 30,
        10**30,
        -(10**18),
        "1000000000000000000",
        "1e-50",
        Decimal("1e999999"),
        "0." + "0" * 40 + "1",
    ],
)
def test_numbers_beyond_any_contract_are_out_of_range(value):
    with pytest.raises(PricingRefused) as refused:
        read_number(value)
    assert refused.value.code == "out_of_range"


def test_the_largest_and_finest_accepted_numbers_stay_exact():
    assert plain(read_number("999999999999999999.9999")) == "999999999999999999.9999"
    assert plain(read_number("0." + "0" * 39 + "1")) == "0." + "0" * 39 + "1"


def test_zero_has_no_sign():
    assert plain(Fraction(0), 2) == "0.00"
    assert plain(Decimal("-0.00")) == "0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ({}, "an object"),
        ([1], "a list"),
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        ("b" * 38, repr("b" * 38)),
        ("b" * 39, "'" + "b" * 36 + "..."),
    ],
)
def test_messages_quote_a_value_in_at_most_forty_characters(value, text):
    assert shown(value) == text
    assert len(text) <= 40
