"""What an amount says of itself: a ladder of steps whose amounts add up to it.

A step is a key with parameters, so that a page can say it in either language: ``WORDS`` holds both sentences of every
key. Steps of one ladder stand in the order in which they happened: facts, quantity, card version, tiers, rounding, amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO, is_decimal, plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction


Params = Mapping[str, "Fraction | int | str"]


@dataclass(frozen=True)
class Step:
    """One rung.

    Attributes:
        key: of ``WORDS``.
        params: numbers stay exact until they are shown.
        amount: what this rung adds to the result, in the result's unit; None for rungs that only tell.
    """

    key: str
    params: Params = field(default_factory=dict)
    amount: Fraction | None = None

    def shown(self) -> dict[str, str]:
        """The parameters as text, numbers as plain decimals."""
        return {name: _text(value) for name, value in self.params.items()}

    def data(self) -> dict[str, object]:
        """The step as JSON."""
        body: dict[str, object] = {"key": self.key, "params": self.shown()}
        if self.amount is not None:
            body["amount"] = _text(self.amount)
        return body


Steps = tuple[Step, ...]


def total(steps: Iterable[Step]) -> Fraction:
    """What the rungs add up to: the amount that they explain."""
    return sum((step.amount for step in steps if step.amount is not None), ZERO)


def inexact(value: Fraction) -> Steps:
    """A rung that names the fraction itself where no decimal can hold it; none otherwise."""
    return () if is_decimal(value) else (Step("inexact", {"fraction": f"{value.numerator}/{value.denominator}"}),)


def say(step: Step, language: str) -> str:
    """The step as a sentence, ``language`` being ``zh`` or ``en``."""
    shown = step.shown()
    for name, words in NAMED.items():
        if name in shown:
            shown[name] = words.get(shown[name], (shown[name],) * 2)[0 if language == "zh" else 1]
    return WORDS[step.key][0 if language == "zh" else 1].format(**shown)


def _text(value: Fraction | int | str) -> str:
    return value if isinstance(value, str) else plain(value)


MODE_WORDS: dict[str, tuple[str, str]] = {
    "half_up": ("四舍五入", "half up"),
    "half_even": ("四舍六入五成双", "half even"),
    "ceiling": ("向上取整", "up"),
    "floor": ("向下取整", "down"),
}
AGGREGATION_WORDS: dict[str, tuple[str, str]] = {
    "sum": ("合计", "sum"),
    "count": ("计数", "count"),
    "max": ("最大值", "greatest"),
    "min": ("最小值", "least"),
    "latest": ("最近一次", "latest"),
    "unique": ("去重计数", "different ones"),
    "prorated_sum": ("按天折算合计", "sum by days"),
    "time_weighted": ("时间加权", "time-weighted level"),
}
NAMED = {"mode": MODE_WORDS, "aggregation": AGGREGATION_WORDS}  # parameters that are names, not numbers
WORDS: dict[str, tuple[str, str]] = {
    # quantity
    "facts": ("{count} 笔用量记录", "{count} usage facts"),
    "quantity": ("数量 {quantity}", "quantity {quantity}"),
    "cumulative": (
        "本期累计 {prior} + {quantity} = {total}",
        "cumulative in the period: {prior} + {quantity} = {total}",
    ),
    "meter": ("计量项 {meter}", "meter {meter}"),
    "converted": ("换算：{quantity} {op} {factor} = {to}", "converted: {quantity} {op} {factor} = {to}"),
    "quantity_rounded": (
        "数量取整：{value} → {to}（{mode}，{digits} 位）",
        "quantity rounded: {value} → {to} ({mode}, {digits} digits)",
    ),
    "free": ("减免费数量 {free}，余 {left}", "less {free} free, {left} left"),
    "card": ("价目 v{version}，自 {since} 起", "rate card v{version}, in force from {since}"),
    # price models
    "flat": ("固定价 {price}", "flat price {price}"),
    "per_unit": ("{quantity} × 单价 {unit_price}", "{quantity} × unit price {unit_price}"),
    "multiplier": ("{quantity} × 系数 {multiplier}", "{quantity} × multiplier {multiplier}"),
    "packages": (
        "{packages} 包 × {price}（每包 {size}，免费 {free_units}）",
        "{packages} packages × {price} (of {size} each, {free_units} free)",
    ),
    "tier": ("第{tier}档：{quantity} × {unit_price}", "tier {tier}: {quantity} × {unit_price}"),
    "tier_percentage": ("第{tier}档：{quantity} × {rate_pct}%", "tier {tier}: {quantity} × {rate_pct}%"),
    "tier_fee": ("第{tier}档固定费 {flat_fee}", "flat fee of tier {tier}: {flat_fee}"),
    "blocks": (
        "第{tier}档：{blocks} 块 × {block_price}（每块 {block_size}）",
        "tier {tier}: {blocks} blocks × {block_price} (of {block_size} each)",
    ),
    "beyond_last_block": ("超出末档 {quantity}，不计价", "{quantity} beyond the last tier, not priced"),
    "capacity": ("峰值落在第{tier}档", "the peaks fall into tier {tier}"),
    # one line
    "rounded": ("舍入：{value} → {to}（{mode}，{digits} 位）", "rounded: {value} → {to} ({mode}, {digits} digits)"),
    "discount": ("折扣 {pct}%", "discount of {pct}%"),
    "cap": ("封顶 {maximum}", "capped at {maximum}"),
    "prior_billed": ("减已出账 {prior}", "less {prior} already billed"),
    "prior_deducted": ("减本月前几次已提出 {prior}", "less {prior} proposed for earlier findings of the month"),
    "minimum": ("保底 {minimum}，补足差额", "made up to the minimum of {minimum}"),
    "amount": ("金额 {amount}", "amount {amount}"),
    "inexact": ("精确值为分数 {fraction}", "exactly the fraction {fraction}"),
    # percentage of events
    "percentage": ("{quantity} × {rate_pct}%", "{quantity} × {rate_pct}%"),
    "fixed_fees": ("{events} 笔 × 每笔 {fixed_fee}", "{events} events × {fixed_fee} each"),
    "free_events": ("免费 {events} 笔、{quantity}", "{events} events and {quantity} free"),
    "event": (
        "第{event}笔：{quantity} × {rate_pct}% + {fixed_fee}",
        "event {event}: {quantity} × {rate_pct}% + {fixed_fee}",
    ),
    "event_free": ("第{event}笔免费", "event {event} is free"),
    "event_clamped": ("第{event}笔收费限于 {to}", "charge of event {event} held to {to}"),
    # aggregation, proration, calendar
    "aggregate": ("{events} 笔，按 {aggregation} 汇总 = {quantity}", "{aggregation} of {events} events = {quantity}"),
    "opening": ("期初 {quantity}", "opening {quantity}"),
    "share": ("{value} × {part} / {whole}", "{value} × {part} / {whole}"),
    "outside": ("{events} 笔在期间之外，不计", "{events} events outside the period, left out"),
    "day_ratio": ("{since} 至 {until}：{part} / {whole} 天", "{since} to {until}: {part} / {whole} days"),
    "whole_cycles": ("整期 {cycles}", "{cycles} whole cycles"),
    "days": ("{since} 至 {until}：{days} 天", "{since} to {until}: {days} days"),
    "local_month": ("{zone} 时间 {local}", "{local} in {zone}"),
    "elapsed": ("{since} 至 {until}（世界时）", "{since} to {until} (UTC)"),
    # shares and sums
    "quota": (
        "{key}：按权重 {weight} 应得 {quota}，先分 {base}",
        "{key}: weight {weight}, quota {quota}, first {base}",
    ),
    "largest_remainder": ("余数最大，{key} 加 {unit}", "largest remainder: {unit} to {key}"),
    "line": ("第{line}行：{value}", "line {line}: {value}"),
    "line_product": ("第{line}行：{value} × {factor}", "line {line}: {value} × {factor}"),
    # tax
    "tax": ("税率 {rate_pct}% × {base}", "tax of {rate_pct}% on {base}"),
    "included_tax": ("含税 {gross}，税率 {rate_pct}%", "{gross} with {rate_pct}% tax included"),
    # commitments, discounts, deductions
    "commitment": ("保底 {minimum} × {fraction}", "minimum {minimum} × {fraction}"),
    "charges": ("已计费 {charges}", "charges of {charges}"),
    "nothing_due": ("无需补足", "nothing to make up"),
    "fixed_discount": ("优惠 {amount}，余 {left}", "discount of {amount}, {left} left"),
    "held_to_base": ("以 {base} 为限", "held to {base}"),
    "ratchet": (
        "扣分第{band}档：{points} 分 × {point_value} × {multiplier}",
        "points band {band}: {points} points × {point_value} × {multiplier}",
    ),
    "below_threshold": (
        "{points} 分未超过起扣线 {threshold}",
        "{points} points are not above the threshold of {threshold}",
    ),
    "at_risk": ("考核金额 {charges} × {pct}% = {amount}", "amount at risk: {charges} × {pct}% = {amount}"),
    "credit": ("{amount} × {pool_pct}% × {credit_pct}%", "{amount} × {pool_pct}% × {credit_pct}%"),
    "service_deduction": ("服务 {service}：扣减 {deduction}", "service {service}: deduction {deduction}"),
    "service_cap": ("服务 {service} 封顶 {cap}", "service {service} capped at {cap}"),
    "aggregate_cap": ("合计封顶 {cap}", "capped at {cap} in total"),
    "incident_cap": ("单次封顶 {cap}", "capped at {cap} an incident"),
    "full_pay": ("{score} 分，全额支付", "score {score}: paid in full"),
    "linear_pay": ("{score} 分，按 {pct}% 支付", "score {score}: {pct}% is paid"),
    "band_pay": ("{score} 分，按 {pct}% 支付", "score {score}: {pct}% is paid"),
    "fine": ("罚款第{fine}项：{amount}", "fine {fine}: {amount}"),
    "withheld": ("应付 {payable}，扣减 {deduction}", "{payable} payable, {deduction} deducted"),
    "due": ("到期日 {due_on}，逾期 {days} 天", "due on {due_on}, {days} days late"),
    "interest": ("{amount} × 日利率 {daily_rate} × {days} 天", "{amount} × {daily_rate} a day × {days} days"),
    # assessment
    "indicator": (
        "{indicator}：实测 {measure}，得 {points} 分 × {weight} / {weights}",
        "{indicator}: measured {measure}, {points} points × {weight} / {weights}",
    ),
    "indicator_left_out": ("{indicator}：本期无可考核事项，不计", "{indicator}: nothing to measure, left out"),
    "score_adjustment": ("加减分 {points}", "{points} points added"),
    "score_held": ("得分限于 {to}", "score held to {to}"),
    "fines": ("{amount} × {count} 次", "{amount} × {count} times"),
    "unavailable": ("{area} 平方米 × {hours} 小时 × {rate}", "{area} m² × {hours} h × {rate}"),
    "used_all_the_same": ("仍在使用，按 {pct}% 扣减", "used all the same: {pct}% is deducted"),
    # full cost
    "labour": ("人工 {grade}：{hours} 小时 × {hourly}", "labour {grade}: {hours} h × {hourly}"),
    "material": ("材料 {name}：{quantity} × {unit_cost}", "material {name}: {quantity} × {unit_cost}"),
    "asset": (
        "资产 {name}：月折旧 {monthly} × {months} × {pct}%",
        "asset {name}: {monthly} a month × {months} × {pct}%",
    ),
    "overhead": ("分摊 {name}：{amount} × {part} / {whole}", "overhead {name}: {amount} × {part} / {whole}"),
    # ledger
    "statement": ("{period} 已结账 {amount}", "{period} closed at {amount}"),
    "adjustment": ("{booked_in} 更正 {period}：{amount}", "adjustment of {period} booked in {booked_in}: {amount}"),
    "final": ("{period} 终值 {amount}", "{period} comes to {amount}"),
    "any_order": ("{orders} 种到达顺序，结果相同", "{orders} orders of arrival, one result"),
    "order_matters": (
        "到达顺序影响结果：相同标识的内容不同",
        "the order of arrival matters: one identity came with different bodies",
    ),
}
