"""Versions of a rate card: which holds, and what is missing or doubled."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.cards import Card, CardLine, card_faults, card_on, scaled, share_of_month
from services.billing.pricing.models import read_price
from services.billing.pricing.rating import Conversion, Terms
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN
from tests.billing.pricing.a_price import per_unit, thorough

SINCE, UNTIL = date(2026, 1, 1), date(2026, 2, 10)
days = st.none() | st.dates(date(2025, 12, 20), date(2026, 2, 20))


BY_EVENT = read_price({"model": "percentage", "rate_pct": "2", "free_events": "1"})


@pytest.mark.parametrize(
    ("agreed", "aggregation", "field"),
    [
        (Terms(), "max", "aggregation"),
        (Terms(free_quantity=3), "sum", "free_quantity"),
        (Terms(convert=Conversion("divide", 60)), "sum", "convert"),
    ],
)
def test_what_speaks_of_a_quantity_is_not_agreed_where_each_fact_is_priced(agreed, aggregation, field):
    with pytest.raises(PricingRefused) as refused:
        CardLine(BY_EVENT, agreed, aggregation)
    assert refused.value.field == field
    assert CardLine(per_unit(), agreed, aggregation).terms is agreed
    assert CardLine(BY_EVENT, Terms(minimum=5, maximum=9, discount_pct=10)).aggregation == "sum"


@thorough
@given(st.lists(st.tuples(days, days), max_size=4))
def test_there_are_faults_exactly_when_some_day_of_the_term_has_not_one_card(spans):
    cards = [Card(version, since, until) for version, (since, until) in enumerate(spans, 1)]
    held = [sum(card.holds_on(SINCE + timedelta(days=day)) for card in cards) for day in range((UNTIL - SINCE).days)]
    codes = {fault.code for fault in card_faults(cards, SINCE, UNTIL)}
    assert ("gap" in codes) == (0 in held)
    if any(count > 1 for count in held):
        assert "overlap" in codes


def test_gaps_and_overlaps_are_named_with_their_days_and_versions():
    cards = [
        Card(1, date(2026, 1, 5), date(2026, 1, 20)),
        Card(2, date(2026, 1, 15), date(2026, 2, 1)),
        Card(3, date(2026, 2, 3), date(2026, 2, 5)),
        Card(4, date(2026, 2, 9), date(2026, 2, 8)),
    ]
    assert [
        (fault.code, fault.since.isoformat(), fault.until.isoformat(), fault.versions)
        for fault in card_faults(cards, SINCE, UNTIL)
    ] == [
        ("gap", "2026-01-01", "2026-01-05", (1,)),
        ("overlap", "2026-01-15", "2026-01-20", (1, 2)),
        ("gap", "2026-02-01", "2026-02-03", (2, 3)),
        ("gap", "2026-02-05", "2026-02-10", (3,)),
        ("backwards", "2026-02-09", "2026-02-08", (4,)),
    ]
    assert card_faults(cards, SINCE, UNTIL)[1].message == "v1 and v2 both hold from 2026-01-15 until 2026-01-20"


def test_a_term_without_cards_is_one_gap():
    (fault,) = card_faults([], SINCE, UNTIL)
    assert (fault.code, fault.since, fault.until) == ("gap", SINCE, UNTIL)


def test_the_first_day_is_in_and_the_last_is_out():
    card = Card(1, date(2026, 1, 5), date(2026, 1, 20))
    assert card_on([card], date(2026, 1, 5)) is card
    for day in (date(2026, 1, 4), date(2026, 1, 20)):
        with pytest.raises(PricingRefused) as refused:
            card_on([card], day)
        assert refused.value.code == "gap"


def test_two_cards_on_one_day_are_refused():
    with pytest.raises(PricingRefused) as refused:
        card_on([Card(1), Card(2)], SINCE)
    assert refused.value.code == "overlap"


def test_the_shares_of_a_month_that_cards_divide_add_up_to_one():
    middle = date(2026, 2, 11)
    assert share_of_month(Card(1, None, middle), "2026-02") == Fraction(10, 28)
    assert share_of_month(Card(1, None, middle), "2026-02") + share_of_month(Card(2, middle), "2026-02") == 1
    assert share_of_month(Card(2, middle), "2026-01") == 0
    assert share_of_month(Card(1), "2026-02", fixed_days_in_month=30) == 1


def test_monthly_sums_are_scaled_and_rounded_as_money_and_tiers_are_left():
    line = CardLine(per_unit(), Terms(free_quantity=10, minimum=100, maximum=200, rounding=FEN))
    third = scaled(line, Fraction(1, 3))
    assert third.terms.free_quantity == Fraction(10, 3)
    assert (third.terms.minimum, third.terms.maximum) == (Fraction("33.33"), Fraction("66.67"))
    assert scaled(line, Fraction(1)) is line
