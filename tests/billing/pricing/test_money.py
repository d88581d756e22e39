"""Figures and capitals on documents."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.money import capitals, figure, money
from services.billing.pricing.refusal import PricingRefused
from tests.billing.pricing.a_price import thorough

DIGIT = {character: value for value, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNIT = {"拾": 10, "佰": 100, "仟": 1000}


def read_capitals(text):
    """The fen that capitals say, read as a person reads them: digit times unit, sections by 万 and 亿."""
    assert text.startswith("人民币")
    rest = text.removeprefix("人民币")
    sign = -1 if rest.startswith("负") else 1
    yuan, _, small = rest.removeprefix("负").rpartition("元")
    if small == "整":
        small = ""
    total = section = digit = 0
    for character in yuan:
        if character in DIGIT:
            digit = DIGIT[character]
        elif character in UNIT:
            section, digit = section + digit * UNIT[character], 0
        else:
            size = {"万": 10**4, "亿": 10**8}[character]
            total, section, digit = (
                (total + section + digit) * size if character == "亿" else total + (section + digit) * size,
                0,
                0,
            )
    fen = (total + section + digit) * 100
    jiao, _, after = small.rpartition("角")
    fen += (DIGIT[jiao[-1]] if jiao else 0) * 10
    fen += DIGIT[after.removesuffix("分")[-1]] if after.endswith("分") else 0
    return sign * fen


amounts = st.one_of(
    st.integers(-(10**18) + 1, 10**18 - 1),
    # Numbers full of zeros, where the rules are.
    st.lists(st.sampled_from("00000019"), min_size=1, max_size=17).map("".join).map(int),
)


@thorough
@given(amounts)
def test_capitals_say_the_amount(fen):
    assert read_capitals(capitals(Fraction(fen, 100))) == fen


@thorough
@given(amounts)
def test_capitals_never_double_a_zero_or_leave_one_dangling(fen):
    text = capitals(Fraction(fen, 100))
    assert "零零" not in text
    assert not any(f"零{unit}" in text for unit in "拾佰仟万亿角分")
    assert ("零元" in text) == (fen == 0)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        # 《支付结算办法》附一, its own examples.
        ("1409.50", "人民币壹仟肆佰零玖元伍角"),
        ("6007.14", "人民币陆仟零柒元壹角肆分"),
        ("1680.32", "人民币壹仟陆佰捌拾元叁角贰分"),
        ("107000.53", "人民币壹拾万柒仟元伍角叁分"),
        ("16409.02", "人民币壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "人民币叁佰贰拾伍元零肆分"),
        ("8359.91", "人民币捌仟叁佰伍拾玖元玖角壹分"),
        ("0", "人民币零元整"),
        ("0.01", "人民币壹分"),
        ("0.10", "人民币壹角"),
        ("0.11", "人民币壹角壹分"),
        ("1", "人民币壹元整"),
        ("10", "人民币壹拾元整"),
        ("15.05", "人民币壹拾伍元零伍分"),
        ("100.10", "人民币壹佰元壹角"),
        ("1001", "人民币壹仟零壹元整"),
        ("1010", "人民币壹仟零壹拾元整"),
        ("1100", "人民币壹仟壹佰元整"),
        ("10000", "人民币壹万元整"),
        ("10001", "人民币壹万零壹元整"),
        ("10100", "人民币壹万零壹佰元整"),
        ("11000", "人民币壹万壹仟元整"),
        ("100000", "人民币壹拾万元整"),
        ("100500", "人民币壹拾万零伍佰元整"),
        ("780000", "人民币柒拾捌万元整"),
        ("1000000", "人民币壹佰万元整"),
        ("10000001", "人民币壹仟万零壹元整"),
        ("100000000", "人民币壹亿元整"),
        ("100000001", "人民币壹亿零壹元整"),
        ("100010000", "人民币壹亿零壹万元整"),
        ("110000000", "人民币壹亿壹仟万元整"),
        ("900007092", "人民币玖亿零柒仟零玖拾贰元整"),
        ("1000000000000", "人民币壹万亿元整"),
        ("1000000001234", "人民币壹万亿零壹仟贰佰叁拾肆元整"),
        ("-300.00", "人民币负叁佰元整"),
    ],
)
def test_capitals_by_the_rules_of_the_central_bank(amount, text):
    assert capitals(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("8359.91", "8,359.91"), ("-8359.91", "\u22128,359.91"), ("0", "0.00"), ("-0.00", "0.00"), ("-0.05", "\u22120.05"),
     ("999", "999.00"), ("1000", "1,000.00"), ("12345678.9", "12,345,678.90")],
)  # fmt: skip
def test_figures_have_two_decimals_commas_and_a_true_minus(amount, text):
    assert figure(Decimal(amount)) == text


@thorough
@given(amounts)
def test_figures_copy_exactly(fen):
    assert Fraction(figure(Fraction(fen, 100)).replace(",", "").replace("\u2212", "-")) * 100 == fen


def test_money_in_sentences_carries_its_unit():
    assert money(Decimal("8359.91"), "zh") == "8,359.91元"
    assert money(Decimal("8359.91"), "en") == "CNY 8,359.91"
    assert money(Decimal(-1), "en") == "CNY \u22121.00"


@pytest.mark.parametrize("write", [figure, capitals, lambda amount: money(amount, "zh")])
def test_what_is_finer_than_a_fen_is_never_rounded_in_silence(write):
    with pytest.raises(PricingRefused):
        write(Decimal("0.001"))


def test_capitals_end_below_ten_thousand_times_ten_to_the_twelfth():
    with pytest.raises(PricingRefused):
        capitals(10**16)
