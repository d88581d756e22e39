"""Properties of splitting, taxing and deducting; single figures are in ``test_form``."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.aggregation import Use, aggregate
from services.billing.pricing.deductions import (
    DECREE_DAILY_RATE,
    DECREE_TERM_DAYS,
    Band,
    Default,
    LinearPay,
    PayBand,
    ServiceDeduction,
    at_risk,
    capped,
    fixed_discount,
    late_interest,
    percentage_discount,
    points,
    scored,
    share_paid,
    true_up,
)
from services.billing.pricing.events import PercentagePrice, percentage
from services.billing.pricing.explanation import total
from services.billing.pricing.proration import Part, cycles
from services.billing.pricing.rounding import FEN, rounded
from services.billing.pricing.shares import allocate, sum_round
from services.billing.pricing.tax import included, taxed
from tests.billing.pricing.a_price import decimals, quick, roundings, thorough

F = Fraction
money = decimals("-900", "900", 2).map(F)
positive = decimals("0", "900", 2).map(F)
weights = st.lists(decimals("0", "9", 2), min_size=1, max_size=8).map(
    lambda found: [(f"k{index}", weight) for index, weight in enumerate(found)]
)


@thorough
@given(st.integers(-(10**6), 10**6), weights, st.integers(-2, 4), st.sampled_from(["order", "key"]))
def test_shares_add_up_to_the_amount_and_lie_within_one_unit_of_their_quota(units, parts, digits, tie_break):
    unit = F(10) ** -digits
    amount, whole = units * unit, sum(weight for _, weight in parts)
    if not whole:
        return
    shares, steps = allocate(amount, parts, digits, tie_break)
    assert sum(shares.values()) == amount == total(steps)
    assert list(shares) == [key for key, _ in parts]
    for key, weight in parts:
        assert abs(shares[key] - amount * F(weight) / F(whole)) < unit
        assert (shares[key] / unit).denominator == 1
        assert weight or not shares[key]


@thorough
@given(st.integers(1, 10**6), weights, st.randoms())
def test_ties_by_key_make_the_order_of_the_weights_irrelevant(units, parts, chance):
    if not sum(weight for _, weight in parts):
        return
    shuffled = list(parts)
    chance.shuffle(shuffled)
    assert allocate(F(units, 100), parts, 2, "key")[0] == allocate(F(units, 100), shuffled, 2, "key")[0]


@thorough
@given(st.integers(0, 10**6), weights)
def test_a_credit_undoes_a_charge_share_by_share(units, parts):
    if not sum(weight for _, weight in parts):
        return
    charge, credit = allocate(F(units, 100), parts)[0], allocate(F(-units, 100), parts)[0]
    assert {key: -share for key, share in credit.items()} == charge


@quick
@given(st.lists(decimals("-9", "9", 4), max_size=9), roundings)
def test_the_sum_of_rounded_lines_is_within_a_unit_for_each_line_of_the_rounded_sum(lines, rounding):
    of_rounded, rounded_sum, steps = sum_round(lines, rounding)
    assert of_rounded == total(steps)
    assert abs(of_rounded - rounded_sum) < (len(lines) + 1) * F(10) ** -rounding.digits


@quick
@given(
    st.lists(st.tuples(decimals("-99", "99", 3), decimals("0", "2", 2)), max_size=6),
    st.lists(decimals("0", "20", 1), max_size=3),
    st.sampled_from(["exact", "net"]),
)
def test_net_and_tax_add_up_to_the_total_and_the_steps_to_it(lines, rates, base):
    found = taxed(lines, rates, FEN, base)
    assert found.net + found.tax == found.total == total(found.steps)
    taken_on = sum((F(amount) * F(factor) for amount, factor in lines), F(0)) if base == "exact" else found.net
    assert found.tax == rounded(taken_on * sum(map(F, rates), F(0)) / 100, FEN)


@quick
@given(positive, st.sampled_from([0, 1, 3, 6, 9, 13]))
def test_the_tax_in_a_price_and_the_rest_make_the_price(gross, rate):
    found = included(gross, rate, FEN)
    assert found.net + found.tax == gross == total(found.steps)
    assert abs(found.net * rate / 100 - found.tax) <= F("0.02")


def test_the_tax_in_a_price_of_106_at_6_percent_is_6():
    assert included(106, 6, FEN).tax == 6
    assert included(100, 6, FEN).tax == Decimal("5.66")


@quick
@given(positive, st.lists(money, max_size=4), st.fractions(0, 1))
def test_charges_and_their_true_up_reach_the_minimum_and_no_more(minimum, charges, part):
    missing, steps = true_up(minimum, charges, part, FEN)
    assert missing == total(steps) >= 0
    assert missing == 0 or abs(sum(charges) + missing - minimum * part) <= F("0.005")


@quick
@given(positive, positive, positive)
def test_a_fixed_discount_never_exceeds_the_base_or_what_is_left(base, amount, used):
    off, steps = fixed_discount(base, amount, used)
    assert off == total(steps)
    assert 0 <= off <= base
    assert off in {base, max(F(0), amount - used)}
    assert percentage_discount(base, 10)[0] * 10 == base


@thorough
@given(positive, positive, positive, st.lists(st.tuples(positive, positive), max_size=4))
def test_the_ratchet_is_the_integral_of_its_multiplier_above_the_threshold(scored_, threshold, value, drawn):
    ends = sorted({end for end, _ in drawn})
    bands = [Band(end, times) for end, (_, times) in zip(ends, drawn, strict=False)] + [Band(None, F(7, 2))]
    found, steps = points(scored_, threshold, value, bands)
    # The multiplier is constant between these marks; the middle of each stretch stands for it.
    marks = sorted({threshold, scored_, *(end for end in ends if threshold < end < scored_)})
    wanted = F(0)
    if scored_ > threshold:
        for low, high in pairwise(marks):
            middle = (low + high) / 2
            times = next(band.multiplier for band in bands if band.up_to is None or middle <= band.up_to)
            wanted += (high - low) * times * value
    assert found == wanted == total(steps)


@quick
@given(
    positive, decimals("0", "30", 1), st.lists(st.tuples(decimals("0", "100", 0), decimals("0", "100", 0)), max_size=4)
)
def test_credits_never_exceed_the_amount_at_risk(charges, pct, drawn):
    found, steps = at_risk(charges, pct, [Default(*each) for each in drawn])
    exact = sum((charges * F(pct) * F(pool) * F(credit) / 10**6 for pool, credit in drawn), F(0))
    assert found == min(exact, charges * F(pct) / 100) == total(steps)


@quick
@given(st.lists(st.tuples(positive, positive), max_size=4), decimals("0", "50", 0), decimals("0", "50", 0))
def test_caps_hold_for_each_service_and_for_all(drawn, service_cap, aggregate_cap):
    found, steps = capped([ServiceDeduction(*each) for each in drawn], service_cap, aggregate_cap)
    fees = sum(fee for fee, _ in drawn)
    each = sum((min(lost, fee * F(service_cap) / 100) for fee, lost in drawn), F(0))
    assert found == min(each, fees * F(aggregate_cap) / 100) == total(steps)


@quick
@given(decimals("0", "100", 1), positive, st.lists(positive, max_size=3))
def test_what_is_paid_and_what_is_not_make_the_fee(score, fee, fines):
    payable, deduction, steps = scored(score, fee, LinearPay(85, 15), fines, FEN)
    assert payable + deduction == fee
    assert total(steps) == payable
    assert payable <= fee


def test_interest_by_the_decree_where_the_contract_is_silent():
    late, interest, steps = late_interest(100_000, date(2026, 1, 1), date(2026, 3, 2), rounding=FEN)
    assert DECREE_TERM_DAYS == 30
    assert F(5, 10_000) == DECREE_DAILY_RATE
    assert (late, interest) == (30, 1500)
    assert total(steps) == interest


days = st.dates(date(2026, 1, 1), date(2028, 12, 31))


@quick
@given(days, st.integers(1, 400), st.lists(st.integers(0, 400), max_size=4))
def test_the_parts_of_a_period_make_one_cycle(first, length, cuts):
    last = first + timedelta(days=length)
    marks = sorted({first, last, *(first + timedelta(days=cut) for cut in cuts if cut < length)})
    parts = [Part(since, until, first, last) for since, until in pairwise(marks)]
    found, steps = cycles(parts)
    assert found == 1 == total(steps)


@quick
@given(days)
def test_a_natural_month_from_its_first_is_one_month_of_thirty_days(day):
    first = day.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    assert cycles([Part(first, after, first, after)], None, 30)[0] == 1


@pytest.mark.parametrize("first", [date(2026, 1, 15), date(2026, 2, 15), date(2028, 2, 15), date(2026, 4, 15)])
def test_any_date_to_the_same_date_of_the_next_month_is_one_month_of_thirty_days(first):
    after = (first.replace(day=1) + timedelta(days=32)).replace(day=first.day)
    assert cycles([Part(first, after, first, after)], None, 30)[0] == 1


def test_what_is_left_out_of_a_rule_changes_nothing():
    assert percentage(PercentagePrice(10), [100, 50])[0] == 15
    assert allocate(F("0.03"), [("a", 1), ("b", 1)])[0] == {"a": F("0.02"), "b": F("0.01")}
    assert aggregate("prorated_sum", [Use(F(5))])[0] == 0
    assert points(3, 0, 2, [Band(None)])[0] == 6
    assert taxed([(1, 1), (2, 1)], [], None).steps[1].params["line"] == 2


def test_a_band_from_zero_lies_below_a_band_from_a_half():
    bands = [PayBand(0, 10), PayBand(F(1, 2), 20)]
    assert [share_paid(score, bands)[0] for score in (0, F(1, 4), F(1, 2), 1)] == [10, 10, 20, 20]
