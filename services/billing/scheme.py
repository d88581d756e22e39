"""A contract's assessment rules, read from the data they are agreed in.

``{"version", "rules": {code: {"kind", ...}}, "caps": {...}, "indicators": [...], "consequences": [...]}``. Kinds of rules:
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
    {"code": "promises", "weight": "50", "full_at": "98", "zero_at": "70"},
    {"code": "reopened", "weight": "25", "full_at": "0", "zero_at": "20"},
    {"code": "stars", "weight": "25", "full_at": "4.5", "zero_at": "2"},
)
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
    "bands": lambda data: ScorePay(tuple(PayBand(_optional(each, "at_least"), _n(each, "pct")) for each in data["bands"])),
    "availability": lambda data: Availability(_n(data, "rate"), _n(data, "used_pct", "100")),
}  # fmt: skip
# What a person states for a finding under each kind of rule.
ASKED = {"fine": "count", "points": "points", "linear": "score", "bands": "score"}


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


def read_indicators(data: Mapping[str, Any]) -> tuple[Indicator, ...]:
    """What is measured, and with which weight."""
    return tuple(
        Indicator(each["code"], _n(each, "weight"), _n(each, "full_at"), _n(each, "zero_at"))
        for each in data.get("indicators", INDICATORS)
    )


def consequence(score: Fraction) -> str:
    """What a score leads to; people still decide."""
    return next((what for below, what in CONSEQUENCES if score < int(below)), "none")
