"""The checking form: every kind, its edges, and what it says to input that it cannot answer."""

import json
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pytest

import services.billing
from services.billing.pricing.cases import KINDS, answer
from services.billing.pricing.explanation import WORDS
from tests.billing.pricing.documented import EXAMPLES, REFERENCE

FEN = {"mode": "half_up", "digits": 2}
BILLING = Path(services.billing.__file__).parent


def ask(kind, params=None, rounding=None, **given):
    case = {"id": "x", "kind": kind, "params": params or {}, "input": given}
    return answer(json.dumps(case if rounding is None else {**case, "rounding": rounding}))


def result(*arguments, **given):
    said = ask(*arguments, **given)
    assert "error" not in said, said["error"]
    return said["result"]


def refusal(*arguments, **given):
    return ask(*arguments, **given)["error"]["code"]


def same(one, other):
    """Equal, decimal texts by value."""
    if isinstance(other, dict):
        return (
            isinstance(one, dict) and one.keys() == other.keys() and all(same(one[name], other[name]) for name in other)
        )
    if isinstance(other, list):
        return isinstance(one, list) and len(one) == len(other) and all(map(same, one, other))
    try:
        return type(one) is type(other) and (one == other or Decimal(one) == Decimal(other))
    except (InvalidOperation, TypeError):
        return False


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["case"]["id"])
def test_every_published_example_is_answered_as_published(example):
    said = answer(json.dumps(example["case"]))
    assert same(said["result"], example["result"])
    assert said["id"] == example["case"]["id"]
    assert all(step["key"] in WORDS for step in said["explain"])
    assert said["explain"]


def test_every_kind_has_an_example_or_shares_one():
    assert {example["case"]["kind"] for example in EXAMPLES} | {"ledger_order"} == set(KINDS)


def test_the_examples_differ_from_what_a_wrong_comparison_would_pass():
    assert not same({"amount": "4"}, {"amount": "4.01"})
    assert not same({"amount": "4", "more": "1"}, {"amount": "4"})
    assert same({"amount": "4.0"}, {"amount": "4"})


# Percentages of events. Figures of a published test suite, as facts.

RUNNING = {"events": ["50", "100", "250", "400"]}


@pytest.mark.parametrize(
    ("allowance", "amount"),
    [
        ({"free_events": 3, "free_amount": "250"}, "11.15"),
        ({"free_amount": "250"}, "11.15"),
        ({"free_events": 3}, "7.2"),
        ({}, "18.4"),
        ({"free_events": 3, "free_amount": "500"}, "7.2"),
        ({"free_events": 9}, "0"),
        ({"free_amount": "9999"}, "0"),
        ({"free_events": 0, "free_amount": "0"}, "18.4"),
        ({"free_events": None, "free_amount": "250"}, "11.15"),
    ],
)
def test_percentages_with_allowances(allowance, amount):
    assert same(result("percentage", {"rate_pct": "1.3", "fixed_fee": "2", **allowance}, **RUNNING), {"amount": amount})


def test_an_allowance_of_zero_is_no_allowance_in_both_ways_of_reckoning():
    both = {"rate_pct": "10", "free_events": 1, "free_amount": "0"}
    assert result("percentage", both, events=["40", "60"]) == {"amount": "6"}
    assert result("percentage", {**both, "event_max": "100"}, events=["40", "60"]) == {"amount": "6"}


@pytest.mark.parametrize(
    ("extra", "amount"),
    [
        ({}, "16.142"),
        ({"fixed_fee": "2"}, "18.691"),
        ({"free_events": 2}, "12"),
        ({"free_amount": "30"}, "13.794"),
        ({"free_events": 3, "free_amount": "10000"}, "2.691"),
    ],
)
def test_percentages_with_limits_on_each_event(extra, amount):
    params = {"rate_pct": "2.99", "event_min": "1.75", "event_max": "12", **extra}
    assert same(result("percentage", params, events=["10", "80", "10000"]), {"amount": amount})


def test_in_the_walk_an_event_equal_to_the_free_amount_is_charged_as_the_part_above_it_which_is_nothing():
    params = {"rate_pct": "10", "fixed_fee": "1", "free_amount": "50", "event_max": "100"}
    assert result("percentage", params, events=["50", "10"]) == {"amount": "3"}


def test_in_the_walk_the_free_amount_lives_on_when_the_free_events_are_used_up():
    params = {"rate_pct": "10", "free_events": 1, "free_amount": "100", "event_min": "0"}
    assert result("percentage", params, events=["60", "30", "20"]) == {"amount": "1"}


def test_in_the_walk_the_event_that_exceeds_the_free_amount_ends_the_allowance():
    params = {"rate_pct": "10", "free_events": 3, "free_amount": "50", "event_max": "999"}
    assert result("percentage", params, events=["60", "10", "10"]) == {"amount": "3"}


def test_events_below_the_free_amount_are_counted_by_their_running_total():
    # 40, 80: two totals below 80 would be wrong, the second is not below.
    params = {"rate_pct": "0", "fixed_fee": "1", "free_amount": "80"}
    assert result("percentage", params, events=["40", "40", "40"]) == {"amount": "2"}


def test_a_limit_that_contradicts_itself_is_refused():
    assert refusal("percentage", {"rate_pct": "1", "event_min": "5", "event_max": "4"}, events=[]) == "backwards"


# Capacity.

GUARDS = {
    "tiers": [
        {"limits": {"guards": "4", "dogs": "1"}, "price": "900"},
        {"limits": {"guards": "8", "dogs": None}, "price": "1500"},
    ]
}


@pytest.mark.parametrize(
    ("peaks", "amount"),
    [
        ({"guards": "4", "dogs": "1"}, "900"),
        ({"guards": "4.5"}, "1500"),
        ({"dogs": "2"}, "1500"),
        ({"guards": "8", "dogs": "99"}, "1500"),
        ({}, "900"),
    ],
)
def test_the_first_tier_that_holds_every_peak(peaks, amount):
    assert result("capacity", GUARDS, peaks=peaks) == {"amount": amount}


def test_peaks_that_no_tier_holds_are_refused():
    assert refusal("capacity", GUARDS, peaks={"guards": "9"}) == "gap"


def test_a_meter_that_a_tier_does_not_limit_is_not_limited():
    assert result("capacity", GUARDS, peaks={"cats": "99"}) == {"amount": "900"}


# Aggregation.

EVENTS = [
    {"time": "2026-03-01T00:00:00Z", "value": "3"},
    {"time": "2026-03-21T00:00:00Z", "value": "-1.5"},
    {"time": "2026-03-11T00:00:00Z", "value": "3.0"},
]


@pytest.mark.parametrize(
    ("aggregation", "quantity"), [("sum", "4.5"), ("count", "3"), ("max", "3"), ("min", "-1.5"), ("latest", "-1.5")]
)
def test_aggregations(aggregation, quantity):
    assert same(result("aggregate", {"aggregation": aggregation}, events=EVENTS), {"quantity": quantity})


@pytest.mark.parametrize("aggregation", ["sum", "count", "max", "min", "latest", "unique", "prorated_sum"])
def test_nothing_comes_to_zero(aggregation):
    assert result("aggregate", {"aggregation": aggregation}, events=[]) == {"quantity": "0"}


def test_unique_counts_identities_and_not_numbers():
    events = [{"value": "何静"}, {"value": "王建国"}, {"value": "何静"}]
    assert result("aggregate", {"aggregation": "unique"}, events=events) == {"quantity": "2"}


def test_of_two_latest_at_one_moment_the_one_given_last_counts():
    at = "2026-03-01T00:00:00Z"
    assert result(
        "aggregate", {"aggregation": "latest"}, events=[{"time": at, "value": "1"}, {"time": at, "value": "2"}]
    ) == {"quantity": "2"}


def test_a_prorated_sum_of_active_days():
    events = [
        {"value": "10", "active_days": 15, "days_in_period": 30},
        {"value": "4", "active_days": "30", "days_in_period": "30"},
    ]
    assert result("aggregate", {"aggregation": "prorated_sum"}, events=events) == {"quantity": "9"}
    shared = [{"value": "10", "active_days": 1}]
    assert result("aggregate", {"aggregation": "prorated_sum"}, events=shared, days_in_period=31) == {
        "quantity": "0.3225806451612903225806451613"
    }
    rounded = {"aggregation": "prorated_sum", "round": {"mode": "ceiling", "digits": 5}}
    assert result("aggregate", rounded, events=shared, days_in_period=31) == {"quantity": "0.32259"}


def test_a_time_weighted_level_with_its_opening_in_a_half_open_period():
    period = {"from": "2026-03-01T00:00:00Z", "end": "2026-03-31T00:00:00Z", "opening": "2"}
    events = [
        {"time": "2026-03-01T00:00:00Z", "value": "1"},
        {"time": "2026-03-16T00:00:00Z", "value": "4"},
        {"time": "2026-03-31T00:00:00Z", "value": "100"},
        {"time": "2026-02-28T23:59:59Z", "value": "100"},
    ]
    assert result("aggregate", {"aggregation": "time_weighted"}, events=events, **period) == {"quantity": "5"}


AUGUST = {"from": "2023-08-01T00:00:00Z", "end": "2023-09-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "quantity"),
    [
        # Figures of a published test suite, as facts.
        (
            [
                ("00:00", "2"),
                ("01:00", "3"),
                ("01:30", "1"),
                ("02:00", "-4"),
                ("04:00", "-2"),
                ("05:00", "10"),
                ("05:30", "-10"),
            ],
            "0.02218",
        ),
        ([("00:00", "2"), ("02:00", "-1")], "1.00269"),
        ([("01:00", "3")], "2.99597"),
        ([("00:00", "1000")], "1000"),
        ([], "0"),
    ],
)
def test_time_weighted_sums_of_a_month(changes, quantity):
    events = [{"time": f"2023-08-01T{clock}:00Z", "value": value} for clock, value in changes]
    params = {"aggregation": "time_weighted", "round": {"mode": "half_up", "digits": 5}}
    assert same(result("aggregate", params, events=events, **AUGUST), {"quantity": quantity})


def test_a_period_given_by_dates_is_on_the_contracts_clock():
    said = result(
        "aggregate",
        {"aggregation": "count", "timezone": "Asia/Shanghai"},
        events=[{"time": "2026-02-28T15:59:59Z"}, {"time": "2026-02-28T16:00:00Z"}, {"time": "2026-03-31T16:00:00Z"}],
        period={"from": "2026-03-01", "to": "2026-04-01"},
    )
    assert said == {"quantity": "1"}


def test_an_optional_rounding_of_the_quantity_and_none_by_the_money_rounding():
    half = [{"value": "2.345"}]
    assert result("aggregate", {"aggregation": "sum"}, FEN, events=half) == {"quantity": "2.345"}
    assert result("aggregate", {"aggregation": "sum", "round": {"mode": "floor", "digits": 1}}, FEN, events=half) == {
        "quantity": "2.3"
    }
    assert result("aggregate", {"aggregation": "sum", "round": {"mode": "ceiling"}}, events=half) == {"quantity": "3"}


@pytest.mark.parametrize(
    ("params", "events", "code"),
    [
        ({"aggregation": "median"}, [], "unknown_aggregation"),
        ({}, [], "missing"),
        ({"aggregation": "sum"}, [{}], "missing"),
        ({"aggregation": "latest"}, [{"value": "1"}], "missing"),
        ({"aggregation": "time_weighted"}, [], "missing"),
        ({"aggregation": "prorated_sum"}, [{"value": "1", "active_days": 1}], "missing"),
        ({"aggregation": "prorated_sum"}, [{"value": "1", "active_days": 1, "days_in_period": 0}], "too_small"),
        ({"aggregation": "sum"}, [{"value": "1", "time": "yesterday"}], "not_a_time"),
        ({"aggregation": "sum"}, "1", "not_a_list"),
    ],
)
def test_aggregations_that_cannot_be_answered(params, events, code):
    assert refusal("aggregate", params, events=events) == code


# Sharing out.


@pytest.mark.parametrize(
    ("params", "amount", "weights", "shares"),
    [
        ({"digits": 2}, "0.05", [["C", "1"], ["A", "1"], ["B", "1"]], {"C": "0.02", "A": "0.02", "B": "0.01"}),
        (
            {"digits": 2, "tie_break": "key"},
            "0.05",
            [["C", "1"], ["A", "1"], ["B", "1"]],
            {"C": "0.01", "A": "0.02", "B": "0.02"},
        ),
        (
            {"digits": 2, "tie_break": "order"},
            "100.00",
            [["A", "1"], ["B", "2"], ["C", "3"]],
            {"A": "16.67", "B": "33.33", "C": "50.00"},
        ),
        ({"digits": 0}, "5", [["A", "1"], ["B", "1"], ["C", "1"]], {"A": "2", "B": "2", "C": "1"}),
        ({"digits": 4}, "0.0005", [["A", "1"], ["B", "1"]], {"A": "0.0003", "B": "0.0002"}),
        ({"digits": -1}, "100", [["A", "1"], ["B", "2"]], {"A": "30", "B": "70"}),
        ({"digits": 2}, "0.01", [["A", "100"], ["B", "1"]], {"A": "0.01", "B": "0.00"}),
        ({"digits": 2}, "-0.05", [["A", "1"], ["B", "1"], ["C", "1"]], {"A": "-0.02", "B": "-0.02", "C": "-0.01"}),
        ({"digits": 2}, "1", [["A", "0"], ["B", "0.001"], ["C", "0.002"]], {"A": "0", "B": "0.33", "C": "0.67"}),
        ({"digits": 2}, "0", [], {}),
    ],
)
def test_largest_remainder(params, amount, weights, shares):
    assert same(result("allocate", params, amount=amount, weights=weights), {"shares": shares})


def test_shares_take_the_digits_of_the_money_rounding_where_they_have_none_of_their_own():
    weights = [["A", "1"], ["B", "2"]]
    assert result("allocate", {}, {"mode": "floor", "digits": 0}, amount="10", weights=weights)["shares"] == {
        "A": "3",
        "B": "7",
    }
    assert result("allocate", {"digits": 1}, {"mode": "floor", "digits": 0}, amount="10", weights=weights)[
        "shares"
    ] == {"A": "3.3", "B": "6.7"}
    assert refusal("allocate", {}, amount="10", weights=weights) == "missing"


@pytest.mark.parametrize(
    ("amount", "weights", "code"),
    [
        ("0.005", [["A", "1"]], "too_fine"),
        ("1", [], "zero"),
        ("1", [["A", "0"]], "zero"),
        ("1", [["A", "-1"], ["B", "3"]], "negative"),
        ("1", [["A", "1"], ["A", "3"]], "twice"),
        ("1", [["A"]], "not_a_pair"),
        ("1", [[1, "1"]], "not_a_pair"),
        ("1", "A", "not_a_list"),
    ],
)
def test_shares_that_cannot_be_made(amount, weights, code):
    assert refusal("allocate", {"digits": 2}, amount=amount, weights=weights) == code


def test_rounded_lines_and_the_rounded_sum():
    assert result("sum_round", {}, FEN, lines=["-0.005", "-0.005", "0.004"]) == {
        "sum_of_rounded": "-0.02",
        "rounded_sum": "-0.01",
    }
    assert result("sum_round", {}, lines=["0.005", "1"]) == {"sum_of_rounded": "1.005", "rounded_sum": "1.005"}


# Proration. Figures of a published test suite, as facts.

NINE = {"round": {"mode": "half_up", "digits": 9}}


def segment(since, until, first="2026-01-01", last="2026-02-01"):
    return {"from": since, "to": until, "period_from": first, "period_to": last}


@pytest.mark.parametrize(
    ("since", "until", "cycles"),
    [
        ("2023-05-23", "2023-06-15", "0.733333333"),
        ("2023-06-23", "2023-07-15", "0.733333333"),
        ("2023-02-23", "2023-03-15", "0.733333333"),
        ("2024-02-23", "2024-03-15", "0.733333333"),
        ("2023-05-15", "2023-05-23", "0.266666667"),
        ("2024-02-01", "2024-03-01", "1"),
        ("2026-01-01", "2026-02-01", "1"),
        ("2026-01-31", "2026-02-01", "0"),
        ("2025-12-15", "2026-01-15", "1"),
        ("2026-03-05", "2026-03-05", "0"),
    ],
)
def test_months_of_thirty_days(since, until, cycles):
    said = result("prorate", {"fixed_days_in_month": 30, **NINE}, segments=[segment(since, until, since, until)])
    assert same(said, {"cycles": cycles})


def test_each_ratio_is_rounded_by_itself_and_whole_cycles_are_whole():
    third = segment("2026-01-01", "2026-01-11", "2026-01-01", "2026-01-31")
    said = result(
        "prorate", {"round": {"mode": "half_up", "digits": 2}}, segments=[third, third, third, {"cycles": "2"}]
    )
    assert said == {"cycles": "2.99"}


def test_without_a_rounding_the_ratio_shows_28_digits_and_its_fraction():
    said = ask("prorate", segments=[segment("2026-01-10", "2026-02-01")])
    assert said["result"] == {"cycles": "0.7096774193548387096774193548"}
    assert said["explain"][-1] == {"key": "inexact", "params": {"fraction": "22/31"}}


@pytest.mark.parametrize(
    ("segments", "code"),
    [
        ([segment("2026-01-10", "2026-01-01")], "backwards"),
        ([segment("2026-01-01", "2026-01-10", "2026-01-01", "2026-01-01")], "zero"),
        ([segment("2026-01-01", "2026-02-30")], "not_a_date"),
        ([{"from": "2026-01-01", "to": "2026-01-10"}], "missing"),
        ([{"cycles": "-1"}], "negative"),
        (None, "missing"),
    ],
)
def test_parts_of_a_period_that_make_no_sense(segments, code):
    assert refusal("prorate", NINE, segments=segments) == code


# Tax, commitments, discounts, deductions.


def test_tax_on_the_exact_sum_and_on_the_rounded_net():
    lines = [["0.125", "1"], ["0.125", "1"], ["0.125", "1"], ["0.125", "1"]]
    assert result("tax", {"rates_pct": ["100"], "tax_on": "exact"}, FEN, lines=lines) == {
        "net": "0.52",
        "tax": "0.50",
        "total": "1.02",
    }
    assert result("tax", {"rates_pct": ["100"], "tax_on": "net"}, FEN, lines=lines) == {
        "net": "0.52",
        "tax": "0.52",
        "total": "1.04",
    }


def test_net_and_tax_are_rounded_apart_so_that_the_total_is_their_sum():
    assert result("tax", {"rates_pct": ["25"]}, {"mode": "half_up", "digits": 0}, lines=[["19333.2", "1"]]) == {
        "net": "19333",
        "tax": "4833",
        "total": "24166",
    }


def test_several_rates_are_rounded_once():
    assert result("tax", {"rates_pct": ["0.4", "0.4"]}, FEN, lines=[["1", "1"]])["tax"] == "0.01"
    assert result("tax", {"rates_pct": []}, FEN, lines=[["1.005", "2"]]) == {
        "net": "2.01",
        "tax": "0.00",
        "total": "2.01",
    }
    assert result("tax", {"rates_pct": ["6"]}, FEN, lines=[["-100", "1"]]) == {
        "net": "-100.00",
        "tax": "-6.00",
        "total": "-106.00",
    }


@pytest.mark.parametrize(
    ("params", "lines", "code"),
    [
        ({"rates_pct": ["-6"]}, [], "negative"),
        ({"rates_pct": ["6"], "tax_on": "gross"}, [], "unknown_mode"),
        ({"rates_pct": ["6"]}, [["1", "1", "1"]], "not_a_pair"),
        ({"rates_pct": ["6"]}, [[]], "not_a_pair"),
        ({"rates_pct": ["6"]}, ["1"], "not_a_pair"),
        ({}, [], "missing"),
    ],
)
def test_taxes_that_cannot_be_answered(params, lines, code):
    assert refusal("tax", params, FEN, lines=lines) == code


@pytest.mark.parametrize(
    ("charges", "part", "amount"),
    [
        (["730.50"], "1", "269.50"),
        (["1000"], "1", "0.00"),
        (["1200"], "1", "0.00"),
        (["300", "300"], "0.5", "0.00"),
        ([], "0.3333333333333333333333333333", "333.33"),
        (["-20"], "1", "1020.00"),
    ],
)
def test_true_ups(charges, part, amount):
    assert result("true_up", {"minimum": "1000"}, FEN, charges=charges, period_fraction=part) == {"amount": amount}


@pytest.mark.parametrize(
    ("params", "given", "amount"),
    [
        ({"amount": "50"}, {"base": "30", "used": "0"}, "30.00"),
        ({"amount": "50"}, {"base": "80", "used": "0"}, "50.00"),
        ({"amount": "50"}, {"base": "80", "used": "35.5"}, "14.50"),
        ({"amount": "50"}, {"base": "80", "used": "60"}, "0.00"),
        ({"amount": "50"}, {"base": "80"}, "50.00"),
        ({"pct": "15"}, {"base": "33.33"}, "5.00"),
        ({"percentage": "10"}, {"base": "0.05"}, "0.01"),
        ({"discount_pct": "100"}, {"base": "7"}, "7.00"),
    ],
)
def test_discounts(params, given, amount):
    assert result("discount", params, FEN, **given) == {"amount": amount}


UK = {
    "threshold": "20",
    "point_value": "3",
    "bands": [
        {"up_to": "100", "multiplier": "1"},
        {"up_to": "200", "multiplier": "1.2"},
        {"up_to": None, "multiplier": "1.5"},
    ],
}


@pytest.mark.parametrize(
    ("points", "deduction"),
    [
        ("0", "0.00"),
        ("20", "0.00"),
        ("21", "3.00"),
        ("100", "240.00"),
        ("120", "312.00"),
        ("200", "600.00"),
        ("210", "645.00"),
    ],
)
def test_a_ratchet_of_failure_points(points, deduction):
    assert result("points", UK, FEN, points=points) == {"deduction": deduction}


def test_bands_below_the_threshold_are_passed_over():
    params = {
        "threshold": "60",
        "point_value": "1",
        "bands": [{"up_to": "50", "multiplier": "9"}, {"up_to": None, "multiplier": "2"}],
    }
    assert result("points", params, FEN, points="61") == {"deduction": "2.00"}


@pytest.mark.parametrize("bands", [[{"up_to": "5", "multiplier": "1"}], [{"up_to": None, "multiplier": "1"}] * 2])
def test_bands_without_an_open_end_or_with_two_are_refused(bands):
    assert refusal("points", {**UK, "bands": bands}, FEN, points="1") == "tiers_open"


@pytest.mark.parametrize(
    ("pct", "charges", "defaults", "deduction"),
    [
        ("10", "100000", [("50", "40")], "2000.00"),
        ("8", "50000", [("40", "25")], "400.00"),
        ("8", "50000", [("40", "25"), ("60", "100")], "2800.00"),
        ("10", "100", [("100", "100"), ("50", "100")], "10.00"),
        ("10", "100", [], "0.00"),
    ],
)
def test_the_amount_at_risk(pct, charges, defaults, deduction):
    asked = [{"pool_pct": pool, "credit_pct": credit} for pool, credit in defaults]
    assert result("at_risk", {"at_risk_pct": pct}, FEN, charges=charges, defaults=asked) == {"deduction": deduction}


@pytest.mark.parametrize(
    ("params", "services", "deduction"),
    [
        ({"service_cap_pct": "10", "aggregate_cap_pct": "15"}, [("1000", "300"), ("500", "20")], "120.00"),
        # MoD Main Building: 20 % a service, 10 % together.
        ({"service_cap_pct": "20", "aggregate_cap_pct": "10"}, [("1000", "300"), ("500", "20")], "150.00"),
        ({"service_cap_pct": "10"}, [("1000", "300"), ("500", "200")], "150.00"),
        ({"aggregate_cap_pct": "10"}, [("1000", "300")], "100.00"),
        ({}, [("1000", "300")], "300.00"),
        ({"service_cap_pct": "0"}, [("1000", "300")], "0.00"),
    ],
)
def test_caps_by_service_and_together(params, services, deduction):
    asked = [{"fee": fee, "deduction": lost} for fee, lost in services]
    assert result("capped", params, FEN, services=asked) == {"deduction": deduction}


@pytest.mark.parametrize(
    ("score", "payable"),
    [("85", "10000.00"), ("84.99", "9999.00"), ("80", "9500.00"), ("0", "1500.00"), ("100", "10000.00")],
)
def test_linear_pay_below_the_full_score(score, payable):
    assert (
        result("score", {"full_from": "85", "add_points": "15"}, FEN, score=score, period_fee="10000")["payable"]
        == payable
    )


QUARTERLY = [("95", "100"), ("85", "98"), ("75", "95"), ("65", "90"), ("60", "80"), (None, "70")]


@pytest.mark.parametrize(
    ("score", "pct"),
    [("95", 100), ("94.9", 98), ("85", 98), ("84", 95), ("74", 90), ("60", 80), ("59.9", 70), ("0", 70)],
)
def test_pay_by_band_whatever_the_order_of_the_bands(score, pct):
    bands = [{"from": at_least, "pay_pct": paid} for at_least, paid in QUARTERLY]
    for order in (bands, bands[::-1], QUARTERLY):
        said = result("score", {"bands": order}, FEN, score=score, period_fee="1000")
        assert said == {"payable": f"{pct * 10}.00", "deduction": f"{1000 - pct * 10}.00"}


def test_pay_by_band_with_upper_ends():
    bands = [{"up_to": "59", "pct": "70"}, {"up_to": "84", "pct": "90"}, {"up_to": None, "pct": "100"}]
    paid = [
        result("score", {"bands": bands}, score=score, period_fee="100")["payable"]
        for score in ("59", "59.5", "84", "85")
    ]
    assert paid == ["70", "90", "90", "100"]


def test_fixed_fines_come_off_what_the_score_earns():
    said = result(
        "score", {"full_from": "80"}, FEN, score="90", period_fee="10000", fines=["500", {"amount": "800", "count": 2}]
    )
    assert said == {"payable": "7900.00", "deduction": "2100.00"}
    assert (
        result("score", {"full_from": "80"}, FEN, score="90", period_fee="10000", fines="500")["deduction"] == "500.00"
    )


def test_a_fine_may_exceed_what_the_score_earns_since_nothing_written_holds_it():
    said = result("score", {"full_from": "80"}, FEN, score="90", period_fee="100", fines=["500"])
    assert said == {"payable": "-400.00", "deduction": "500.00"}


def test_payable_and_deduction_add_up_to_the_fee():
    said = result("score", {"full_from": "85", "add_points": "15"}, FEN, score="80", period_fee="0.05")
    assert Decimal(said["payable"]) + Decimal(said["deduction"]) == Decimal("0.05")


def test_a_score_below_every_band_is_refused():
    assert refusal("score", {"bands": [{"from": "60", "pay_pct": "80"}]}, score="59", period_fee="1") == "gap"


@pytest.mark.parametrize(
    ("accepted_on", "paid_on", "late", "interest"),
    [
        ("2026-01-01", "2026-02-10", "10", "50.00"),
        ("2026-01-01", "2026-01-31", "0", "0.00"),
        ("2026-01-01", "2026-02-01", "1", "5.00"),
        ("2026-01-01", "2025-12-31", "0", "0.00"),
        ("2028-02-01", "2028-03-03", "1", "5.00"),
    ],
)
def test_late_interest_after_the_term(accepted_on, paid_on, late, interest):
    said = result(
        "late_interest",
        {"term_days": 30, "daily_rate": "0.0005"},
        FEN,
        amount="10000",
        accepted_on=accepted_on,
        paid_on=paid_on,
    )
    assert said == {"days_late": late, "interest": interest}


# Ledger.


def op(name, key=None, now="2026-06-01T00:00:00Z", **more):
    return {"op": name, **({"source": "d", "id": key} if key else {}), **({"now": now} if now else {}), **more}


def ledger(*ops, kind="ledger", price=None, **params):
    price = price or {"model": "per_unit", "unit_price": "2"}
    return result(kind, {"timezone": "Asia/Shanghai", "price": price, **params}, FEN, ops=list(ops))


@pytest.mark.parametrize("term", [{"free_quantity": "5"}, {"convert": {"op": "divide", "factor": "60"}}])
def test_a_term_that_single_events_cannot_follow_is_refused_and_not_passed_over(term):
    params = {"price": {"model": "percentage", "rate_pct": "2"}, **term}
    answer = ask("ledger", params, FEN, ops=[op("ingest", time="2026-03-02T00:00:00Z", quantity="50")])
    assert answer["error"]["field"] == f"params.{next(iter(term))}"


def test_a_months_terms_hold_in_the_ledger_too():
    said = ledger(
        op("ingest", "a", time="2026-03-02T00:00:00Z", quantity="5"), op("close", period="2026-03"), minimum="50"
    )
    assert said["statements"] == {"2026-03": "50.00"}


def test_open_months_are_rated_and_closed_ones_are_final():
    said = ledger(
        op("ingest", "a", now=None, time="2026-03-31T15:59:59Z", quantity="1"),
        op("ingest", "b", now=None, time="2026-03-31T16:00:00Z", quantity="2"),
        op("ingest", "b", now=None, time="2026-04-01T00:00:00+08:00", quantity="2.0"),
        op("close", period="2026-03"),
        op("close", period="2026-03"),
        op("correct", "a", quantity="1.001"),
    )
    assert said == {
        "accepted": 2,
        "duplicates": 1,
        "conflicts": 0,
        "adjustments": [],
        "statements": {"2026-03": "2.00"},
        "open": {"2026-04": "4.00"},
        "final": {"2026-03": "2.00"},
    }


def test_booked_in_is_the_local_month_of_now():
    said = ledger(
        op("close", period="2026-03"),
        op("ingest", "a", now="2026-04-30T16:00:00Z", time="2026-03-02T00:00:00Z", quantity="1"),
    )
    assert said["adjustments"] == [{"booked_in": "2026-05", "for_period": "2026-03", "amount": "2.00"}]


def test_ingests_in_any_order_come_to_the_same():
    ops = [op("ingest", str(n), time=f"2026-03-{n + 1:02d}T00:00:00Z", quantity=str(n)) for n in range(6)]
    falling = {"model": "volume", "tiers": [{"up_to": "10", "unit_price": "3"}, {"unit_price": "1"}]}
    answers = [
        ledger(*order, op("close", period="2026-03"), kind="ledger_order", price=falling)
        for order in (ops, ops[::-1], ops[3:] + ops[:3])
    ]
    assert answers[0] == answers[1] == answers[2]


def verdict(*ops):
    """What the explanation says about other orders."""
    return ask("ledger_order", {"price": {"model": "per_unit", "unit_price": "2"}}, FEN, ops=list(ops))["explain"][-1]


def test_an_order_that_matters_is_pointed_out():
    first, second = (op("ingest", "a", time="2026-03-02T00:00:00Z", quantity=quantity) for quantity in ("1", "2"))
    assert verdict(first, second)["key"] == "order_matters"
    assert verdict(first, first, first) == {"key": "any_order", "params": {"orders": "6"}}
    # Only one of many orders shows it: the last two of a long row.
    others = [op("ingest", f"b{n}", time="2026-03-02T00:00:00Z", quantity="1") for n in range(5)]
    assert verdict(*others, first, second)["key"] == "order_matters"
    assert verdict(*others) == {"key": "any_order", "params": {"orders": "4"}}


def test_a_redelivery_that_only_works_second_makes_the_order_matter():
    with_now = op("ingest", "a", time="2026-03-02T00:00:00Z", quantity="1")
    assert (
        verdict(
            op("close", period="2026-03"),
            with_now,
            op("ingest", "a", now=None, time=with_now["time"], quantity="1"),
        )["key"]
        == "order_matters"
    )


def test_amounts_beyond_what_may_be_given_may_still_come_out():
    huge = op("ingest", "a", time="2026-03-02T00:00:00Z", quantity="9" * 17)
    said = ledger(
        op("close", period="2026-03"), huge, kind="ledger_order", price={"model": "per_unit", "unit_price": "9" * 17}
    )
    assert said["final"] == {"2026-03": f"{int('9' * 17) ** 2}.00"}


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        (op("burn", "a"), "unknown_op", "input.ops[0].op"),
        (op("ingest", "a", time="2026-03-02T00:00:00Z"), "missing", "input.ops[0].quantity"),
        (op("ingest", "a", quantity="1"), "missing", "input.ops[0].time"),
        (op("ingest", "", time="2026-03-02T00:00:00Z", quantity="1"), "missing", "input.ops[0].source"),
        (op("ingest", "a", time="2026-03-02T00:00:00", quantity="1"), "not_a_time", "input.ops[0].time"),
        (op("ingest", "a", time="2026-03-02T00:00:00Z", quantity="-1"), "negative", "input.ops[0].quantity"),
        (op("ingest", "a", time="2026-03-02T00:00:00Z", quantity="1", now="soon"), "not_a_time", "input.ops[0].now"),
        (op("void", "a"), "unknown_fact", "input.ops[0].id"),
        (op("correct", "a", quantity="1"), "unknown_fact", "input.ops[0].id"),
        (op("close"), "missing", "input.ops[0].period"),
        (op("close", period="2026-3"), "not_a_month", "input.ops[0].period"),
        ("close", "not_an_object", "input.ops[0]"),
    ],
)
def test_operations_that_are_refused_are_named(wrong, code, field):
    said = ask("ledger", {"price": {"model": "per_unit", "unit_price": "2"}}, FEN, ops=[wrong])
    assert (said["error"]["code"], said["error"]["field"]) == (code, field)


# Calendar.


def test_months_of_one_instant_in_many_zones():
    said = result(
        "month", time="2026-12-31T16:30:00Z", zones=["Asia/Shanghai", "UTC", "Pacific/Kiritimati", "America/New_York"]
    )
    assert said == {
        "Asia/Shanghai": "2027-01",
        "UTC": "2026-12",
        "Pacific/Kiritimati": "2027-01",
        "America/New_York": "2026-12",
    }


def test_summer_time_of_the_past_moves_the_month():
    # In June 1988 clocks in Shanghai stood at +09:00.
    assert result("month", time="1988-06-30T15:30:00Z", zones=["Asia/Shanghai"]) == {"Asia/Shanghai": "1988-07"}
    assert result("month", time="1992-06-30T15:30:00Z", zones=["Asia/Shanghai"]) == {"Asia/Shanghai": "1992-06"}


def test_days_between_dates_or_moments_of_a_zone():
    assert result("days", {}, **{"from": "2028-02-01", "to": "2028-03-01"}) == {"days": "29"}
    assert result(
        "days", {"timezone": "Asia/Shanghai"}, **{"from": "2026-02-28T15:59:59Z", "to": "2026-02-28T16:00:00Z"}
    ) == {"days": "1"}
    assert refusal("days", {}, **{"from": "2028-02-02", "to": "2028-02-01"}) == "backwards"


def test_the_reference_lists_every_code_that_a_refusal_can_have():
    sources = [
        *(BILLING / "pricing").glob("*.py"),
        BILLING / "assessment.py",
        BILLING / "budget.py",
        BILLING / "full_cost.py",
    ]
    text = "".join(source.read_text() for source in sources)
    raised = (
        set(re.findall(r'PricingRefused\(\s*"(\w+)"', text))
        | set(re.findall(r'\("(\w+)", "must', text))
        | {"too_small", "too_long"}
    )
    documented = set(re.findall(r"`(\w+)`", REFERENCE.partition("## Errors")[2]))
    assert raised == documented


# What is not a case.


@pytest.mark.parametrize(
    ("line", "identity", "code"),
    [
        ("", None, "not_json"),
        ("{", None, "not_json"),
        ("[]", None, "not_an_object"),
        ("null", None, "not_an_object"),
        ('"x"', None, "not_an_object"),
        ("[" * 100_000, None, "not_json"),
        ('{"a":' * 100_000, None, "not_json"),
        (b"\xff\xfe", None, "not_json"),
        ("{}", None, "missing"),
        ('{"id": 7}', 7, "missing"),
        ('{"id": "k", "kind": "magic", "input": {}}', "k", "unknown_kind"),
        ('{"id": "k", "kind": 5, "input": {}}', "k", "not_text"),
        ('{"id": "k", "kind": "round", "params": [], "input": {}}', "k", "not_an_object"),
        ('{"id": "k", "kind": "round", "params": {}, "input": {"value": "1"}}', "k", "missing"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": 0}}', "k", "missing"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": "x"}, "input": {"value": "1"}}', "k", "not_a_number"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": 0.5}, "input": {"value": "1"}}', "k", "not_whole"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": 0}, "input": {"value": NaN}}', "k", "not_a_number"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": 0}, "input": {"value": -Infinity}}', "k", "not_a_number"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": 0}, "input": {"value": 1e999999999}}', "k", "out_of_range"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "digits": 0}, "input": {"value": ' + "9" * 9999 + "}}", "k", "out_of_range"),
        ('{"id": "k", "kind": "round", "params": {"mode": "floor", "mode": "ceiling"}, "input": {"value": 1}}', "k", "twice"),
        ('{"id": "k é", "kind": ', "k é", "not_json"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_answered_with_a_reason_and_the_id_if_it_has_one(line, identity, code):
    said = answer(line)
    assert said["id"] == identity
    assert said["error"]["code"] == code
    assert said["error"]["message"]


def test_json_numbers_are_read_as_they_are_written():
    line = '{"id": 1, "kind": "round", "params": {"mode": "half_up", "digits": 2}, "input": {"value": 1.005}}'
    assert answer(line)["result"] == {"value": "1.01"}


@pytest.mark.parametrize(
    ("kind", "params", "given", "code"),
    [
        ("rate", {"price": {"model": "per_unit", "unit_price": "1"}}, {}, "missing"),
        ("rate", {}, {"quantity": "1"}, "missing"),
        ("rate", {"price": {"model": "per_unit", "unit_price": "1"}}, {"quantity": "-1"}, "negative"),
        (
            "rate",
            {"price": {"model": "per_unit", "unit_price": "1"}, "free_quantity": "-1"},
            {"quantity": "1"},
            "negative",
        ),
        (
            "rate",
            {"price": {"model": "per_unit", "unit_price": "1"}, "discount_pct": "101"},
            {"quantity": "1"},
            "too_large",
        ),
        (
            "rate",
            {"price": {"model": "per_unit", "unit_price": "1"}, "minimum": "Infinity"},
            {"quantity": "1"},
            "not_a_number",
        ),
        (
            "rate",
            {"price": {"model": "per_unit", "unit_price": "1"}, "convert": {"op": "divide", "factor": "0"}},
            {"quantity": "1"},
            "zero",
        ),
        (
            "rate",
            {"price": {"model": "per_unit", "unit_price": "1"}, "convert": {"op": "power", "factor": "2"}},
            {"quantity": "1"},
            "unknown_op",
        ),
        ("rate", {"price": {"model": "per_unit", "unit_price": "1"}}, {"quantity": "1", "final": "no"}, "not_a_flag"),
        (
            "rate_many",
            {"prices": {"km": {"model": "per_unit", "unit_price": "1"}}},
            {"quantities": {"h": "1"}},
            "unknown_meter",
        ),
        ("rate_many", {"prices": {"km": {"model": "steps"}}}, {"quantities": {}}, "unknown_model"),
        (
            "rate_many",
            {"prices": {"km": {"model": "per_unit", "unit_price": "1"}}},
            {"quantities": {"km": "-1"}},
            "negative",
        ),
        ("delta", {"price": {"model": "per_unit", "unit_price": "1"}}, {"cumulative": ["-1"]}, "negative"),
        ("month", {}, {"time": "2026-01-01T00:00:00Z", "zones": ["Mars/Base"]}, "unknown_zone"),
        (
            "hours",
            {"timezone": "Mars/Base"},
            {"from_local": "2026-01-01T00:00:00", "to_local": "2026-01-02T00:00:00"},
            "unknown_zone",
        ),
        (
            "hours",
            {"timezone": "UTC"},
            {"from_local": "2026-01-02T00:00:00", "to_local": "2026-01-01T00:00:00"},
            "backwards",
        ),
        (
            "late_interest",
            {"term_days": 30, "daily_rate": "-1"},
            {"amount": "1", "accepted_on": "2026-01-01", "paid_on": "2026-01-01"},
            "negative",
        ),
        (
            "late_interest",
            {"term_days": 10**9, "daily_rate": "1"},
            {"amount": "1", "accepted_on": "2026-01-01", "paid_on": "2026-01-01"},
            "too_large",
        ),
    ],
)
def test_bad_input_is_refused_in_words(kind, params, given, code):
    said = ask(kind, params, **given)
    assert said["error"]["code"] == code
    assert said["error"]["field"].startswith(("params", "input"))


@pytest.mark.parametrize(
    "rounding",
    [
        {},
        {"mode": "up", "digits": 2},
        {"mode": "floor"},
        {"mode": "floor", "digits": 99},
        {"digits": 2},
        {"mode": None, "digits": 2},
    ],
)
def test_a_rounding_that_is_none_is_refused(rounding):
    said = ask("sum_round", {}, rounding, lines=[])
    assert said["error"]["field"].startswith("rounding")


def test_rates_convert_with_a_rounding_of_their_own():
    params = {"price": {"model": "per_unit", "unit_price": "10"}}
    for convert in (
        {"op": "divide", "factor": "60", "round": {"mode": "ceiling", "digits": 0}},
        {"op": "divide", "factor": "60", "rounding": "ceiling"},
    ):
        assert result("rate", {**params, "convert": convert}, quantity="61") == {"amount": "20", "true_up": "0"}
    assert result("rate", {**params, "convert": {"op": "multiply", "factor": "0.5"}}, quantity="61") == {
        "amount": "305",
        "true_up": "0",
    }
