"""Codes, quantities and steps of billing in the reader's words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.billing.pricing.explanation import WORDS, Step, say

if TYPE_CHECKING:
    from shared.language import Language


def named(language: Language, area: str, code: str) -> str:
    """The word of a code, or the code where there is none."""
    key = f"{area}.{code}"
    return language(key) if language.has(key) else code


def item_name(language: Language, code: str) -> str:
    """What an item is called."""
    return named(language, "item", code)


def meter_name(language: Language, code: str) -> str:
    """What is measured."""
    return named(language, "dispatch.meter", code)


def quantity(language: Language, value: Decimal, unit: str) -> str:
    """3.5小时 / 3.5 hours; an empty unit gives the number alone."""
    words = named(language, "dispatch.unit", unit) if unit else ""
    text = language.number(plain(value))
    return f"{text}{words}" if language.chinese else f"{text} {words}".strip()


def plain(value: Decimal) -> Decimal:
    """The number without the zeros behind it."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def step_words(language: Language, step: dict[str, Any]) -> str:
    """One step of an explanation as a sentence; a key that this version does not know is shown as it is."""
    if step["key"] not in WORDS:
        return str(step["key"])
    return say(Step(step["key"], step.get("params", {})), "zh" if language.chinese else "en")


def rates(language: Language, line: dict[str, Any]) -> list[tuple[str, str]]:
    """(range, rate) of each row of a card's line."""
    price = line["price"]
    every = language("billing.contracts.every")
    if price["model"] in {"graduated", "volume"}:
        return _tiers(language, price["tiers"])
    if price["model"] == "per_unit":
        return [(every, language.amount(Decimal(price["unit_price"])))]
    if price["model"] == "multiplier":
        return [(every, language("billing.contracts.percent", factor=price["multiplier"]))]
    if price["model"] == "package":
        return [
            (every, language("billing.contracts.package", size=price["size"], unit="", price=language.amount(Decimal(price["price"]))))
        ]  # fmt: skip
    return [(every, price["model"])]


def _tiers(language: Language, tiers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found, since = [], ""
    for tier in tiers:
        upto = tier.get("up_to") or ""
        if not upto:
            words = (
                language("billing.contracts.tier_open", **{"from": since})
                if since
                else language("billing.contracts.every")
            )
        elif since:
            words = language("billing.contracts.tier", **{"from": since}, to=upto)
        else:
            words = language("billing.contracts.tier_first", to=upto)
        found.append((words, language.amount(Decimal(tier["unit_price"]))))
        since = upto
    return found


def rate_shown(language: Language, line: dict[str, Any] | None) -> str:
    """The rates of a line in one cell: 85.00 / 78.00 / 72.00."""
    return " / ".join(rate for _, rate in rates(language, line)) if line else ""
