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
    params = dict(step.get("params", {}))
    if "indicator" in params:
        params["indicator"] = named(language, "assessing.indicator", str(params["indicator"]))
    return say(Step(step["key"], params), "zh" if language.chinese else "en")


def rates(language: Language, line: dict[str, Any]) -> list[tuple[str, str]]:
    """(range, rate) of each row of a card's line."""
    price = line["price"]
    model, every = price["model"], language("billing.contracts.every")
    if model in {"graduated", "volume", "graduated_percentage", "capacity"}:
        return _tiers(language, price)
    if model in {"graduated_blocks", "volume_blocks"}:
        return _blocks(language, price["tiers"])
    if model == "per_unit":
        rate = money(language, price["unit_price"])
    elif model == "flat":
        rate = language("pricing.rate.month", amount=money(language, price["amount"]))
    elif model == "multiplier":
        rate = language("billing.contracts.percent", factor=price["multiplier"])
    elif model == "package":
        rate = language(
            "pricing.rate.block", size=number(language, price["size"]), price=money(language, price["price"])
        )
    else:
        fee = price.get("fixed_fee")
        key = "share_each" if fee and Decimal(str(fee)) else "share"
        rate = language(f"pricing.rate.{key}", pct=number(language, price["rate_pct"]), fee=money(language, fee or 0))
    return [(every, rate)]


def _tiers(language: Language, price: dict[str, Any]) -> list[tuple[str, str]]:
    found, since = [], ""
    for tier in price["tiers"]:
        upto = tier.get("up_to")
        upto = "" if upto in (None, "") else number(language, upto)
        if upto:
            key = "tier" if since else "tier_first"
        else:
            key = "tier_open" if since else "every"
        found.append(
            (
                language(f"billing.contracts.{key}", **{"from": since}, to=upto),
                _tier_rate(language, price["model"], tier),
            )
        )
        since = upto
    return found


def _tier_rate(language: Language, model: str, tier: dict[str, Any]) -> str:
    fee = tier.get("flat_fee")
    fee = money(language, fee) if fee and Decimal(str(fee)) else ""
    if model == "capacity":
        return language("pricing.rate.month", amount=money(language, tier["price"]))
    if model == "graduated_percentage":
        rate = language("pricing.rate.share", pct=number(language, tier.get("rate_pct") or 0))
    else:
        rate = money(language, tier.get("unit_price") or 0)
    return language("pricing.rate.with_fee", rate=rate, fee=fee) if fee else rate


def _blocks(language: Language, tiers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for index, tier in enumerate(tiers):
        most = tier.get("max_blocks")
        if most in (None, ""):
            key = "blocks_rest" if index else "blocks_any"
        else:
            key = "blocks_next" if index else "blocks"
        price = language(
            "pricing.rate.block", size=number(language, tier["block_size"]), price=money(language, tier["block_price"])
        )
        found.append((language(f"pricing.rate.{key}", n=most), price))
    return found


def conditions(language: Language, line: dict[str, Any]) -> list[str]:
    """What was agreed around the price of a line: what is free, least, most, discount, and how a month is counted."""
    price = line["price"]
    found = []
    free = [line.get("free_quantity"), price.get("free_units")]
    found += [
        language("pricing.rate.free", quantity=number(language, each)) for each in free if each and Decimal(str(each))
    ]
    if price.get("free_events") and Decimal(str(price["free_events"])):
        found.append(language("pricing.rate.free_events", n=price["free_events"]))
    if price.get("free_amount") and Decimal(str(price["free_amount"])):
        found.append(language("pricing.rate.free_amount", amount=money(language, price["free_amount"])))
    least, most = price.get("event_min"), price.get("event_max")
    if least is not None or most is not None:
        key = "between" if least is not None and most is not None else "at_least" if most is None else "at_most"
        found.append(
            language(f"pricing.rate.{key}", least=money(language, least or 0), most=money(language, most or 0))
        )
    for name in ("minimum", "maximum"):
        if line.get(name) not in (None, ""):
            found.append(language(f"pricing.rate.{name}", amount=money(language, line[name])))
    if line.get("discount_pct") and Decimal(str(line["discount_pct"])):
        found.append(language("pricing.rate.discount", pct=number(language, line["discount_pct"])))
    if line.get("aggregation") and line["aggregation"] != "sum":
        found.append(language("pricing.rate.counted", how=named(language, "pricing.aggregation", line["aggregation"])))
    return found


def number(language: Language, value: Any) -> str:
    """A number of a price as it was agreed, without zeros behind it."""
    return str(language.number(plain(Decimal(str(value)))))


def money(language: Language, value: Any) -> str:
    """A price: at least two decimals, and as many more as were agreed."""
    exact = Decimal(str(value))
    places = max(2, -int(exact.normalize().as_tuple().exponent))
    return str(language.amount(exact)) if places == 2 else str(language.number(exact, places))


def rate_shown(language: Language, line: dict[str, Any] | None) -> str:
    """The rates of a line in one cell: 85.00 / 78.00 / 72.00."""
    return " / ".join(rate for _, rate in rates(language, line)) if line else ""


def items(language: Language) -> list[str]:
    """The codes of all items that have a name."""
    return [key.removeprefix("item.") for key in language.words if key.startswith("item.")]
