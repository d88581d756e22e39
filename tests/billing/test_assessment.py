"""Scores from indicators, deductions from findings, and the caps that hold them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.assessment import (
    AtRisk,
    Availability,
    Caps,
    Finding,
    FixedFine,
    Indicator,
    Ratchet,
    Scheme,
    ScorePay,
    deducted,
    lowest,
    propose,
    score,
)
from services.billing.pricing.deductions import Band, LinearPay, PayBand
from services.billing.pricing.explanation import say, total
from services.billing.pricing.refusal import PricingRefused
from tests.billing.pricing.a_price import decimals, thorough

F = Fraction

INDICATORS = (
    Indicator("kept", weight=40, full_at=98, zero_at=80),  # promises kept, per cent
    Indicator("complaints", weight=20, full_at=0, zero_at=5),  # per hundred orders
    Indicator("rating", weight=40, full_at=5, zero_at=1),
)

RULES = {
    "late": FixedFine(500),
    "response": Ratchet(20, 3, (Band(100, 1), Band(200, Decimal("1.2")), Band(None, Decimal("1.5")))),
    "levels": AtRisk(10),
    "score": ScorePay(LinearPay(85, 15)),
    "rooms": Availability(rate=Decimal("0.4"), used_pct=25),
}
FEES = {"cleaning": 10_000, "guards": 20_000}


def finding(name, rule, service="cleaning", used=False, **numbers):
    return Finding(name, rule, service, (f"event-{name}",), numbers, used)


def amounts(lines):
    return {(line.rule, line.service): line.amount for line in lines}


def refusal(action, *arguments):
    with pytest.raises(PricingRefused) as refused:
        action(*arguments)
    return refused.value.code


def test_a_score_weighs_its_indicators():
    found, steps = score(INDICATORS, {"kept": 89, "complaints": 1, "rating": Decimal("4.2")})
    # 50 points × 40 %, 80 × 20 %, 80 × 40 %.
    assert found == 20 + 16 + 32
    assert total(steps) == found


def test_an_indicator_earns_nothing_below_its_zero_and_no_more_than_all_above_its_full():
    assert [INDICATORS[0].points(measure) for measure in (0, 80, 98, 100)] == [0, 0, 100, 100]
    assert [INDICATORS[1].points(measure) for measure in (0, 5, 50)] == [100, 0, 0]


def test_what_could_not_be_measured_leaves_its_weight_to_the_others():
    found, steps = score(INDICATORS, {"kept": 98, "complaints": None, "rating": 1})
    assert found == 50
    assert [step.key for step in steps] == ["indicator", "indicator_left_out", "indicator"]


def test_praise_and_blame_count_in_points_and_the_score_stays_within_a_hundred():
    full = {"kept": 98, "complaints": 0, "rating": 5}
    assert score(INDICATORS, full, [2])[0] == 100
    assert score(INDICATORS, full, [2, Decimal("-3.5")])[0] == Decimal("98.5")
    found, steps = score(INDICATORS, {"kept": 0, "complaints": 9, "rating": 1}, [-5])
    assert found == 0 == total(steps)


def test_a_score_without_measures_is_refused():
    assert refusal(score, INDICATORS, {"kept": 1, "complaints": 1}) == "missing"
    assert refusal(score, INDICATORS, dict.fromkeys(("kept", "complaints", "rating"))) == "missing"
    assert refusal(lambda: Indicator("x", 1, 5, 5)) == "zero"
    assert refusal(lambda: Indicator("x", 0, 5, 6)) == "zero"


def test_of_several_sites_the_lowest_score_counts():
    assert lowest({"north": 91, "east": 88, "annex": 88}) == ("annex", 88)
    assert refusal(lowest, {}) == "missing"


def test_every_rule_makes_its_lines_with_evidence_and_arithmetic():
    lines = propose(
        Scheme(3, RULES),
        [
            finding("1", "late"),
            finding("2", "late", count=2),
            finding("3", "response", points=70),
            finding("4", "response", points=50),
            finding("5", "levels", "guards", pool_pct=50, credit_pct=40),
            finding("6", "score", "guards", score=80),
            finding("7", "score", "guards", score=82),
            finding("8", "rooms", area=50, hours=6),
            finding("9", "rooms", area=50, hours=6, used=True),
        ],
        FEES,
    )
    assert [(line.rule, line.service, str(line.amount), line.findings) for line in lines] == [
        ("late", "cleaning", "500.00", ("1",)),
        ("late", "cleaning", "1000.00", ("2",)),
        ("response", "cleaning", "312.00", ("3", "4")),
        ("rooms", "cleaning", "120.00", ("8",)),
        ("rooms", "cleaning", "30.00", ("9",)),
        ("levels", "guards", "400.00", ("5",)),
        ("score", "guards", "1000.00", ("6", "7")),
    ]
    assert lines[2].evidence == ("event-3", "event-4")
    for line in lines:
        assert total(line.steps) == line.amount
        assert all(say(step, language) for step in line.steps for language in ("zh", "en"))


def test_pay_bands_withhold_what_they_do_not_pay():
    bands = ScorePay((PayBand(95, 100), PayBand(85, 98), PayBand(None, 70)))
    assert amounts(propose(Scheme(1, {"s": bands}), [finding("1", "s", score=90)], FEES)) == {
        ("s", "cleaning"): Decimal("200.00")
    }


def test_a_full_score_and_points_below_the_threshold_make_lines_of_nothing():
    lines = propose(Scheme(1, RULES), [finding("1", "score", score=99), finding("2", "response", points=5)], FEES)
    assert [line.amount for line in lines] == [0, 0]


def test_one_finding_is_capped_by_itself():
    (line,) = propose(Scheme(1, RULES, Caps(incident=800)), [finding("1", "late", count=9)], FEES)
    assert line.amount == 800
    assert line.steps[1].key == "incident_cap"


def test_caps_by_service_and_month_are_lines_of_their_own():
    caps = Caps(service_pct=20, month_pct=10)
    lines = propose(
        Scheme(1, RULES, caps), [finding("1", "late", count=9), finding("2", "late", "guards", count=4)], FEES
    )
    assert [(line.rule, line.service, line.amount) for line in lines] == [
        ("late", "cleaning", 4500),
        ("service_cap", "cleaning", -2500),
        ("late", "guards", 2000),
        ("month_cap", "", -1000),
    ]
    assert deducted(lines) == Decimal("3000.00")


@thorough
@given(
    st.lists(st.tuples(st.sampled_from(sorted(FEES)), st.integers(0, 60)), max_size=8),
    st.none() | decimals("0", "40", 1),
    st.none() | decimals("0", "40", 1),
    st.none() | decimals("0", "900", 2),
)
def test_no_cap_is_ever_passed_and_none_takes_more_than_it_must(drawn, service_pct, month_pct, incident):
    findings = [finding(str(number), "late", service, count=count) for number, (service, count) in enumerate(drawn)]
    lines = propose(Scheme(1, RULES, Caps(incident, service_pct, month_pct)), findings, FEES)
    each = {
        number: F(500) * count if incident is None else min(F(500) * count, F(incident))
        for number, (_, count) in enumerate(drawn)
    }
    wanted = F(0)
    for service, fee in FEES.items():
        lost = sum((amount for number, amount in each.items() if drawn[number][0] == service), F(0))
        wanted += lost if service_pct is None else min(lost, fee * F(service_pct) / 100)
    if month_pct is not None:
        wanted = min(wanted, sum(FEES.values()) * F(month_pct) / 100)
    assert F(deducted(lines)) == wanted


def test_a_cap_between_two_fen_is_rounded_down():
    (_, cap) = propose(
        Scheme(1, RULES, Caps(service_pct=Decimal("0.033"))), [finding("1", "late")], {"cleaning": Decimal("100.01")}
    )
    assert Decimal("500.00") + cap.amount == Decimal("0.03")


def test_findings_that_fall_under_nothing_are_refused():
    scheme = Scheme(1, RULES)
    assert refusal(propose, scheme, [finding("1", "rudeness")], FEES) == "unknown_rule"
    assert refusal(propose, scheme, [finding("1", "late", "gardens")], FEES) == "unknown_service"
    assert refusal(propose, scheme, [finding("1", "response")], FEES) == "missing"
    assert refusal(propose, scheme, [finding("1", "response", points=-1)], FEES) == "negative"
    assert refusal(propose, scheme, [finding("1", "late")] * 2, FEES) == "twice"
    assert refusal(propose, scheme, [], {"cleaning": -1}) == "negative"
