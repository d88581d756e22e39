"""What is wrong, or surprising, with a price or its terms before anybody is billed by it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO, fraction, plain
from services.billing.pricing.models import MODELS, amount_of, edges, inspect
from services.billing.pricing.rounding import Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal
    from fractions import Fraction

    from services.billing.pricing.models import Model, Price
    from services.billing.pricing.rating import Terms


@dataclass(frozen=True)
class Problem:
    """One thing to mend or to know.

    Attributes:
        code: for the language files.
        message: in words, English.
        field: where, such as ``price.tiers[1].up_to``.
        blocking: False for a warning.
        params: the numbers of the message, as text.
    """

    code: str
    message: str
    field: str
    blocking: bool = True
    params: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Cheaper:
    """A witness that more costs less: ``higher`` is the very next quantity after ``lower``."""

    lower: Fraction
    higher: Fraction
    lower_amount: Fraction
    higher_amount: Fraction

    @property
    def params(self) -> dict[str, str]:
        return {name: plain(getattr(self, name)) for name in ("lower", "higher", "lower_amount", "higher_amount")}


def problems(data: object, path: str = "price", digits: int = 0) -> list[Problem]:
    """Everything wrong with a price object, then what is surprising about it.

    ``digits`` is how finely its quantity is measured: 0 for whole units.
    """
    price, faults = inspect(data, path)
    found = [Problem(fault.code, fault.message, fault.field) for fault in faults]
    if isinstance(data, dict) and data.get("model") in MODELS:
        found += _unknown(data, MODELS[data["model"]], path)
    if price is None:
        return found
    for each in not_monotonic(price, digits):
        words = "{higher} units cost {higher_amount}, less than {lower} units: {lower_amount}".format(**each.params)
        found.append(Problem("not_monotonic", words, path, blocking=False, params=each.params))
    if price.tiers and "block_size" in price.tiers[0].values and price.tiers[-1].limit is not None:
        words = "the last tier is not open"
        if price.model == "graduated_blocks":
            words += ": what lies beyond it costs nothing"
        found.append(
            Problem("last_tier_closed", words, f"{path}.tiers[{len(price.tiers) - 1}].max_blocks", blocking=False)
        )
    return found


def _unknown(data: Mapping[str, object], model: Model, path: str) -> Iterable[Problem]:
    """Fields that the model would ignore: most likely a slip of the pen in one that it would not."""
    known = {"model", *(number.name for number in model.numbers)}
    if model.tiers is None:
        yield from _strange(data, known, path)
        return
    yield from _strange(data, known | {"tiers"}, path)
    tiers = data.get("tiers")
    for index, tier in enumerate(tiers if isinstance(tiers, list) else []):
        if isinstance(tier, dict):
            allowed = {model.tiers.limit, *(number.name for number in model.tiers.numbers)}
            yield from _strange(tier, allowed, f"{path}.tiers[{index}]")


def _strange(data: Mapping[str, object], known: set[str], path: str) -> Iterable[Problem]:
    for name in data:
        if name not in known:
            yield Problem("unknown_field", f"there is no field {name!r} here", f"{path}.{name}")


def not_monotonic(price: Price, digits: int = 0) -> list[Cheaper]:
    """Every place at which the next quantity, ``digits`` places fine, costs less.

    No model gets cheaper within a tier, so only the steps across the ends of tiers have to be looked at; a price for which
    this finds nothing never gets cheaper as the quantity grows.
    """
    step = fraction(10) ** -digits
    found = []
    for lower in sorted({rounded(edge, Rounding("floor", digits)) for edge in edges(price)}):
        before, after = amount_of(price, lower), amount_of(price, lower + step)
        if after < before:
            found.append(Cheaper(lower, lower + step, before, after))
    return found


def terms_problems(terms: Terms, path: str = "terms") -> list[Problem]:
    """Terms that contradict each other, or the place to which the contract rounds."""
    found = []
    if terms.minimum is not None and terms.maximum is not None and terms.minimum > terms.maximum:
        found.append(Problem("minimum_above_maximum", "the minimum lies above the maximum", f"{path}.minimum"))
    for name in ("minimum", "maximum"):
        value: Fraction | Decimal | int | None = getattr(terms, name)
        if value is not None and rounded(value, terms.rounding) != value:
            words = f"the {name} is finer than the contract's rounding"
            found.append(Problem("finer_than_rounding", words, f"{path}.{name}"))
    if terms.discount_pct == 100:
        found.append(
            Problem(
                "everything_free", "a discount of 100 % leaves nothing to pay", f"{path}.discount_pct", blocking=False
            )
        )
    if terms.rounding is None:
        found.append(
            Problem("no_rounding", "no rounding is agreed: amounts may be finer than a fen", path, blocking=False)
        )
    if terms.maximum is not None and terms.maximum == ZERO:
        found.append(
            Problem("everything_free", "a maximum of 0 leaves nothing to pay", f"{path}.maximum", blocking=False)
        )
    return found
