"""A contract's assessment rules, read from the data they are agreed in.

``{"version", "rules": {code: {"kind", ...}}, "caps": {...}, "indicators": [...], "consequences": {what: mark}, "praise"}``. Kinds of rules:
``fine`` (amount), ``points`` (threshold, point_value, bands), ``at_risk`` (pct), ``linear`` (full_from, add_points),
``bands`` (bands of at_least and pct), ``availability`` (rate, used_pct).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.billing.assessment import (
    AtRisk,
    Availability,
    Caps,
    FixedFine,
    Indicator,
    Ratchet,
    Rule,
    Scheme,
    ScorePay,
)
from services.billing.pricing.deductions import Band, LinearPay, PayBand
from services.billing.pricing.exact import read_number
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction

# What every contract that says nothing is scored by; weights and marks are the bureau's to change.
INDICATORS: tuple[dict[str, str], ...] = (
    {"code": "promises", "weight": "40", "full_at": "98", "zero_at": "70"},  # kept, per cent
    {"code": "quality", "weight": "20", "full_at": "95", "zero_at": "60"},  # mean mark of checks
    {"code": "reopened", "weight": "10", "full_at": "0", "zero_at": "20"},  # per cent of requests
    {"code": "complaints", "weight": "10", "full_at": "0", "zero_at": "10"},  # per hundred requests
    {"code": "stars", "weight": "10", "full_at": "4.5", "zero_at": "2"},  # mean
    {"code": "safety", "weight": "10", "full_at": "0", "zero_at": "3"},  # accidents
)
# Measured too, and without a weight where nobody agrees one: energy and water saved against the same month of last year, per cent.
CODES = (*(each["code"] for each in INDICATORS), "saving")
CONSEQUENCES: tuple[tuple[str, str], ...] = (("60", "end_of_contract"), ("70", "no_new_orders"), ("80", "fewer_orders"))


def _n(data: Mapping[str, Any], name: str, default: str | None = None) -> Fraction:
    value = data.get(name, default)
    if value is None:
        raise PricingRefused("missing", f"{name} is missing", name)
    return read_number(value, name)


def _optional(data: Mapping[str, Any], name: str) -> Fraction | None:
    return None if data.get(name) is None else read_number(data[name], name)


RULES: dict[str, Callable[[Mapping[str, Any]], Rule]] = {
    "fine": lambda data: FixedFine(_n(data, "amount")),
    "points": lambda data: Ratchet(
        _n(data, "threshold"), _n(data, "point_value"),
        tuple(Band(_optional(each, "up_to"), _n(each, "multiplier", "1")) for each in data.get("bands", [{}])),
    ),
    "at_risk": lambda data: AtRisk(_n(data, "pct")),
    "linear": lambda data: ScorePay(LinearPay(_n(data, "full_from"), _n(data, "add_points", "0"))),
    "bands": lambda data: ScorePay(
        tuple(PayBand(_optional(each, "at_least"), _n(each, "pct")) for each in _bands(data))
    ),
    "availability": lambda data: Availability(_n(data, "rate"), _n(data, "used_pct", "100")),
}  # fmt: skip
# What a person states for a finding under each kind of rule; "number" is the form's one field for the first three.
ASKED = {
    "fine": ("count",), "points": ("points",), "linear": ("score",), "bands": ("score",),
    "at_risk": ("pool_pct", "credit_pct"), "availability": ("area", "hours"),
}  # fmt: skip


def read_scheme(data: Mapping[str, Any]) -> Scheme:
    """The deduction rules.

    Raises:
        PricingRefused: a rule of no known kind, or a number that is missing or none.
    """
    rules = {}
    for code, each in data.get("rules", {}).items():
        if each.get("kind") not in RULES:
            raise PricingRefused("unknown_rule", f"there is no kind of rule {each.get('kind')!r}", f"rules.{code}.kind")
        rules[code] = RULES[each["kind"]](each)
    caps = data.get("caps", {})
    return Scheme(
        int(data.get("version", 1)), rules,
        Caps(_optional(caps, "incident"), _optional(caps, "service_pct"), _optional(caps, "month_pct")),
    )  # fmt: skip


def _bands(data: Mapping[str, Any]) -> list[Any]:
    found = data.get("bands")
    if not isinstance(found, list) or not found:
        raise PricingRefused("missing", "bands are missing", "bands")
    return found


def read_indicators(data: Mapping[str, Any]) -> tuple[Indicator, ...]:
    """What is measured, and with which weight."""
    return tuple(
        Indicator(each["code"], _n(each, "weight"), _n(each, "full_at"), _n(each, "zero_at"))
        for each in data.get("indicators", INDICATORS)
    )


def consequences_of(data: Mapping[str, Any]) -> list[tuple[Fraction, str]]:
    """(mark, what a score below it leads to), the gravest first."""
    agreed = data.get("consequences")
    found = (
        CONSEQUENCES if not agreed else tuple((str(agreed[what]), what) for _, what in CONSEQUENCES if what in agreed)
    )
    return [(read_number(below, f"consequences.{what}"), what) for below, what in found]


def consequence(score: Fraction, data: Mapping[str, Any]) -> str:
    """What a score leads to; people still decide."""
    return next((what for below, what in consequences_of(data) if score < below), "none")
