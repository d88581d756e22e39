"""Assessment: from indicators to a score, and from findings to proposed deductions, by rules that are data.

Nothing here decides: what comes out is a proposal with its evidence and its arithmetic, for the supplier to contest and
for people to decide. Rules belong to a version of the rate card, because credits lose their force when the schedule of
services changes and they do not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from services.billing.pricing.deductions import Band, Default, LinearPay, PayBand, at_risk, points, share_paid
from services.billing.pricing.exact import HUNDREDTH, ZERO, Exact, decimal, fraction
from services.billing.pricing.explanation import Params, Step, Steps, total
from services.billing.pricing.rating import round_step
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from decimal import Decimal

FULL_SCORE = Fraction(100)


# Scores.


@dataclass(frozen=True)
class Indicator:
    """One thing that is measured, such as promises kept in per cent or complaints per hundred orders.

    Attributes:
        weight: its part in the score, relative to the other indicators.
        full_at: from this measure on it earns 100.
        zero_at: from this measure on it earns nothing; may lie on either side of ``full_at``.
    """

    code: str
    weight: Exact
    full_at: Exact
    zero_at: Exact

    def __post_init__(self) -> None:
        if self.full_at == self.zero_at:
            raise PricingRefused("zero", "full_at and zero_at must differ", f"{self.code}.full_at")
        if self.weight <= 0:
            raise PricingRefused("zero", "a weight must be above zero", f"{self.code}.weight")

    def points(self, measure: Exact) -> Fraction:
        """0 to 100, straight between ``zero_at`` and ``full_at``."""
        zero, full = fraction(self.zero_at), fraction(self.full_at)
        share = (fraction(measure) - zero) / (full - zero)
        return min(max(share, ZERO), Fraction(1)) * FULL_SCORE


def score(
    indicators: Sequence[Indicator],
    measures: Mapping[str, Exact | None],
    adjustments: Sequence[Exact] = (),
    rounding: Rounding | None = None,
) -> tuple[Fraction, Steps]:
    """The weighted score of a period, plus praise and blame in points, held to 0..100.

    A measure of None (nothing happened that could be measured) leaves its indicator out; the others share its weight.

    Raises:
        PricingRefused: a measure is absent, or nothing at all could be measured.
    """
    for indicator in indicators:
        if indicator.code not in measures:
            raise PricingRefused("missing", f"there is no measure of {indicator.code}", indicator.code)
    known = [(each, measures[each.code]) for each in indicators]
    weight = sum((fraction(each.weight) for each, measure in known if measure is not None), ZERO)
    if not weight:
        raise PricingRefused("missing", "nothing was measured", "measures")
    steps: list[Step] = []
    for each, measure in known:
        if measure is None:
            steps.append(Step("indicator_left_out", {"indicator": each.code}))
            continue
        earned, share = each.points(measure), fraction(each.weight) / weight
        params: Params = {
            "indicator": each.code,
            "measure": fraction(measure),
            "points": earned,
            "weight": fraction(each.weight),
            "weights": weight,
        }
        steps.append(Step("indicator", params, earned * share))
    steps += [Step("score_adjustment", {"points": fraction(points)}, fraction(points)) for points in adjustments]
    raw = round_step(total(steps), rounding, steps)
    held = min(max(raw, ZERO), FULL_SCORE)
    if held != raw:
        steps.append(Step("score_held", {"to": held}, held - raw))
    return held, tuple(steps)


def lowest(scores: Mapping[str, Exact]) -> tuple[str, Fraction]:
    """The site whose score counts where a contract covers several: the lowest, among equals the first by name."""
    if not scores:
        raise PricingRefused("missing", "there are no scores", "scores")
    site = min(sorted(scores), key=lambda name: scores[name])
    return site, fraction(scores[site])


# Findings and rules.


@dataclass(frozen=True)
class Finding:
    """Something established about a service, with the evidence for it.

    Attributes:
        rule: code of the rule that it falls under.
        service: whose fee pays for it.
        evidence: references to sealed events, reports, photographs.
        numbers: what the rule asks for: ``points``, ``count``, ``score``, ``area`` and ``hours``, ``pool_pct`` and ``credit_pct``.
        used: for availability: the room was used although it was not as agreed.
    """

    id: str
    rule: str
    service: str
    evidence: tuple[str, ...] = ()
    numbers: Mapping[str, Exact] = field(default_factory=dict)
    used: bool = False

    def number(self, name: str) -> Fraction:
        value = self.numbers.get(name)
        if value is None:
            raise PricingRefused("missing", f"{name} is missing", f"{self.id}.{name}")
        if value < 0:
            raise PricingRefused("negative", f"{name} must not be negative", f"{self.id}.{name}")
        return fraction(value)


@dataclass(frozen=True)
class FixedFine:
    """A sum for each occurrence (500, 800, 1,000, 2,000, 5,000 in published schedules)."""

    amount: Exact


@dataclass(frozen=True)
class Ratchet:
    """Failure points of the month above a threshold, dearer band by band."""

    threshold: Exact
    point_value: Exact
    bands: tuple[Band, ...] = (Band(None),)


@dataclass(frozen=True)
class AtRisk:
    """Credits out of the share of the fee that is at risk."""

    pct: Exact


@dataclass(frozen=True)
class ScorePay:
    """The share of the fee that the month's score does not earn."""

    pay: LinearPay | tuple[PayBand, ...]


@dataclass(frozen=True)
class Availability:
    """Area times hours without the agreed condition.

    Attributes:
        rate: money a square metre and hour.
        used_pct: what is deducted of it when the area was used all the same.
    """

    rate: Exact
    used_pct: Exact = 100


Rule = FixedFine | Ratchet | AtRisk | ScorePay | Availability


@dataclass(frozen=True)
class Caps:
    """What deductions are held to; None = no cap.

    Attributes:
        incident: money for one finding.
        service_pct: of one service's fee, per month.
        month_pct: of all fees together, per month.
    """

    incident: Exact | None = None
    service_pct: Exact | None = None
    month_pct: Exact | None = None


@dataclass(frozen=True)
class Scheme:
    """One version of a contract's deduction rules."""

    version: int
    rules: Mapping[str, Rule]
    caps: Caps = Caps()
    rounding: Rounding = FEN


@dataclass(frozen=True)
class Deduction:
    """One proposed line. Negative amounts give back what a cap takes off the lines before them.

    Attributes:
        rule: code of the rule, or ``service_cap`` or ``month_cap``.
        findings: ids of what it rests on.
        steps: its arithmetic; the amounts add up to ``amount``.
    """

    rule: str
    service: str
    amount: Decimal
    findings: tuple[str, ...]
    evidence: tuple[str, ...]
    steps: Steps


def propose(scheme: Scheme, findings: Sequence[Finding], fees: Mapping[str, Exact]) -> list[Deduction]:
    """The deductions that ``findings`` lead to in one month, capped by incident, service and month.

    Raises:
        PricingRefused: a finding names an unknown rule or service, lacks a number, or doubles another's id.
    """
    _check(scheme, findings, fees)
    grouped: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        grouped[finding.service, finding.rule].append(finding)
    lines: list[Deduction] = []
    for service in fees:
        mine = [
            line
            for (name, code), group in sorted(grouped.items())
            if name == service
            for line in _lines(scheme, code, group, fraction(fees[service]))
        ]
        lines += mine
        if scheme.caps.service_pct is not None:
            cap = fraction(fees[service]) * fraction(scheme.caps.service_pct) * HUNDREDTH
            lines += _held("service_cap", service, mine, cap, scheme.rounding)
    if scheme.caps.month_pct is not None:
        cap = sum((fraction(fee) for fee in fees.values()), ZERO) * fraction(scheme.caps.month_pct) * HUNDREDTH
        lines += _held("month_cap", "", lines, cap, scheme.rounding)
    return lines


def deducted(lines: Iterable[Deduction]) -> Decimal:
    """What the lines come to."""
    return decimal(sum((fraction(line.amount) for line in lines), ZERO), 2)


def _check(scheme: Scheme, findings: Sequence[Finding], fees: Mapping[str, Exact]) -> None:
    seen: set[str] = set()
    for finding in findings:
        if finding.id in seen:
            raise PricingRefused("twice", "a finding is given twice", finding.id)
        seen.add(finding.id)
        if finding.rule not in scheme.rules:
            raise PricingRefused("unknown_rule", f"there is no rule {finding.rule!r}", finding.id)
        if finding.service not in fees:
            raise PricingRefused("unknown_service", f"there is no fee of the service {finding.service!r}", finding.id)
    for service, fee in fees.items():
        if fee < 0:
            raise PricingRefused("negative", "a fee must not be negative", service)


def _lines(scheme: Scheme, code: str, findings: list[Finding], fee: Fraction) -> list[Deduction]:
    """The lines of one service under one rule: one a finding, or one for all where the rule looks at the month."""
    rule = scheme.rules[code]
    if isinstance(rule, (FixedFine, Availability)):
        price = _fine if isinstance(rule, FixedFine) else _unavailable
        return [_line(scheme, code, [finding], _single(price, rule, finding, scheme.caps)) for finding in findings]
    if isinstance(rule, Ratchet):
        scored = sum((finding.number("points") for finding in findings), ZERO)
        return [_line(scheme, code, findings, points(scored, rule.threshold, rule.point_value, rule.bands)[1])]
    if isinstance(rule, AtRisk):
        defaults = [Default(finding.number("pool_pct"), finding.number("credit_pct")) for finding in findings]
        return [_line(scheme, code, findings, at_risk(fee, rule.pct, defaults)[1])]
    # Where several sites were scored, the lowest counts.
    worst = min(findings, key=lambda finding: (finding.number("score"), finding.id))
    pct, told = share_paid(worst.number("score"), rule.pay)
    lost = max(ZERO, FULL_SCORE - pct)
    withheld = Step("percentage", {"quantity": fee, "rate_pct": lost}, fee * lost * HUNDREDTH)
    return [_line(scheme, code, findings, (told, withheld))]


def _single(price: Callable[..., Steps], rule: Rule, finding: Finding, caps: Caps) -> Steps:
    steps = price(rule, finding)
    exact = total(steps)
    if caps.incident is not None and exact > caps.incident:
        cap = fraction(caps.incident)
        steps = (*steps, Step("incident_cap", {"cap": cap}, cap - exact))
    return steps


def _fine(rule: FixedFine, finding: Finding) -> Steps:
    count = finding.number("count") if "count" in finding.numbers else Fraction(1)
    return (Step("fines", {"amount": fraction(rule.amount), "count": count}, fraction(rule.amount) * count),)


def _unavailable(rule: Availability, finding: Finding) -> Steps:
    area, hours, rate = finding.number("area"), finding.number("hours"), fraction(rule.rate)
    whole = area * hours * rate
    steps = [Step("unavailable", {"area": area, "hours": hours, "rate": rate}, whole)]
    if finding.used:
        pct = fraction(rule.used_pct)
        steps.append(Step("used_all_the_same", {"pct": pct}, whole * (pct * HUNDREDTH - 1)))
    return tuple(steps)


def _line(scheme: Scheme, code: str, findings: Sequence[Finding], steps: Steps) -> Deduction:
    ladder = list(steps)
    amount = round_step(total(steps), scheme.rounding, ladder)
    return Deduction(
        rule=code,
        service=findings[0].service,
        amount=decimal(amount, scheme.rounding.places),
        findings=tuple(finding.id for finding in findings),
        evidence=tuple(dict.fromkeys(each for finding in findings for each in finding.evidence)),
        steps=tuple(ladder),
    )


def _held(rule: str, service: str, lines: Sequence[Deduction], cap: Fraction, rounding: Rounding) -> list[Deduction]:
    """A line that gives back what ``lines`` exceed ``cap`` by; the cap is rounded down, so that it is never passed."""
    limit = rounded(cap, replace(rounding, mode="floor"))
    excess = sum((fraction(line.amount) for line in lines), ZERO) - limit
    if excess <= 0:
        return []
    step = Step("aggregate_cap", {"cap": limit}, -excess)
    return [Deduction(rule, service, decimal(-excess, rounding.places), (), (), (step,))]
