"""The registry of price models: each is one pure function (price, quantity) -> steps whose amounts add up to the amount.

A new model is one function and one line of ``MODELS``. Prices are data (``read_price`` says what they look like); quantities
are what is left to bill, zero or more. Definitions as published in the checking form of billing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from services.billing.pricing.exact import HUNDREDTH, ZERO, shown
from services.billing.pricing.explanation import Params, Step, Steps, total
from services.billing.pricing.percentages import PercentagePrice, percentage_steps
from services.billing.pricing.reading import Fields
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Tier:
    """One tier of a price.

    Attributes:
        limit: up to which quantity it reaches, inclusive (``up_to``), or how many blocks it holds; None = open.
        values: its prices by field name.
    """

    limit: Fraction | None
    values: Mapping[str, Fraction]


@dataclass(frozen=True)
class Price:
    """A price object that was read and found sound.

    Attributes:
        model: key of ``MODELS``.
        values: its numbers by field name.
    """

    model: str
    values: Mapping[str, Fraction] = field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()


# The functions. ``quantity`` is never negative here: rating sees to it.


def flat(price: Price, quantity: Fraction) -> Steps:
    """The amount itself, whatever the quantity."""
    return (Step("flat", {"price": price.values["amount"]}, price.values["amount"]),)


def per_unit(price: Price, quantity: Fraction) -> Steps:
    unit_price = price.values["unit_price"]
    return (Step("per_unit", {"quantity": quantity, "unit_price": unit_price}, quantity * unit_price),)


def multiplier(price: Price, quantity: Fraction) -> Steps:
    """Cost-plus: the quantity is the supplier's own cost."""
    factor = price.values["multiplier"]
    return (Step("multiplier", {"quantity": quantity, "multiplier": factor}, quantity * factor),)


def package(price: Price, quantity: Fraction) -> Steps:
    """Started packages of what is left after the free units."""
    values = price.values
    packages = _blocks(max(quantity - values["free_units"], ZERO), values["size"])
    return (Step("packages", {"packages": packages, **values}, packages * values["price"]),)


def graduated(price: Price, quantity: Fraction) -> Steps:
    """Each slice at its own tier's unit price, plus the flat fee of every tier entered."""
    return tuple(_graduated(price, quantity, "tier", "unit_price", Fraction(1)))


def graduated_percentage(price: Price, quantity: Fraction) -> Steps:
    return tuple(_graduated(price, quantity, "tier_percentage", "rate_pct", HUNDREDTH))


def volume(price: Price, quantity: Fraction) -> Steps:
    """The whole quantity at the tier it falls in, plus that tier's flat fee, at zero too."""
    for number, tier in enumerate(price.tiers, 1):
        if tier.limit is None or quantity <= tier.limit:
            unit_price = tier.values["unit_price"]
            params: Params = {"tier": number, "quantity": quantity, "unit_price": unit_price}
            return (Step("tier", params, quantity * unit_price), *_fee(number, tier))
    raise AssertionError("the last tier is open")


def graduated_blocks(price: Price, quantity: Fraction) -> Steps:
    """Started blocks tier by tier; stops at the first tier that holds the rest."""
    steps: list[Step] = []
    rest = quantity
    for number, tier in enumerate(price.tiers, 1):
        blocks = _blocks(rest, tier.values["block_size"])
        if tier.limit is None or blocks <= tier.limit:
            return (*steps, _block_step(number, tier, Fraction(blocks)))
        steps.append(_block_step(number, tier, tier.limit))
        rest -= tier.limit * tier.values["block_size"]
    return (*steps, Step("beyond_last_block", {"quantity": rest}))


def volume_blocks(price: Price, quantity: Fraction) -> Steps:
    """The whole quantity in blocks of the tier that holds the rest (the last one if none does)."""
    number = _holding(price, quantity)
    tier = price.tiers[number - 1]
    return (_block_step(number, tier, Fraction(_blocks(quantity, tier.values["block_size"]))),)


def capacity(price: Price, quantity: Fraction) -> Steps:
    """What the first tier costs that holds the quantity, which is the month's peak."""
    for number, tier in enumerate(price.tiers, 1):
        if tier.limit is None or quantity <= tier.limit:
            return (Step("capacity", {"tier": number}, tier.values["price"]),)
    raise AssertionError("the last tier is open")


def percentage(price: Price, events: Sequence[Fraction]) -> Steps:
    """A share of each event and a fee for each, less the allowances; the events in the order of their service."""
    return tuple(percentage_steps(_share(price.values), events))


def _share(values: Mapping[str, Fraction]) -> PercentagePrice:
    return PercentagePrice(
        values["rate_pct"], values["fixed_fee"], int(values["free_events"]), values["free_amount"],
        values.get("event_min"), values.get("event_max"),
    )  # fmt: skip


def _holding(price: Price, quantity: Fraction) -> int:
    """The number of the first tier that holds what the tiers before it left; the last one if none does."""
    rest = quantity
    for number, tier in enumerate(price.tiers, 1):
        if tier.limit is None or _blocks(rest, tier.values["block_size"]) <= tier.limit:
            return number
        rest -= tier.limit * tier.values["block_size"]
    return len(price.tiers)


def _graduated(price: Price, quantity: Fraction, key: str, rate: str, unit: Fraction) -> Iterator[Step]:
    below = ZERO
    for number, tier in enumerate(price.tiers, 1):
        if number > 1 and quantity <= below:
            return
        part = (quantity if tier.limit is None else min(quantity, tier.limit)) - below
        params: Params = {"tier": number, "quantity": part, rate: tier.values[rate]}
        yield Step(key, params, part * tier.values[rate] * unit)
        yield from _fee(number, tier)
        below = tier.limit if tier.limit is not None else quantity


def _fee(number: int, tier: Tier) -> Steps:
    fee = tier.values["flat_fee"]
    return (Step("tier_fee", {"tier": number, "flat_fee": fee}, fee),) if fee else ()


def _block_step(number: int, tier: Tier, blocks: Fraction) -> Step:
    params: Params = {"tier": number, "blocks": blocks, **tier.values}
    return Step("blocks", params, blocks * tier.values["block_price"])


def _blocks(quantity: Fraction, size: Fraction) -> int:
    """How many blocks of ``size`` are started."""
    return -((-quantity) // size)


# What prices look like as data.


@dataclass(frozen=True)
class Number:
    """One number of a price object.

    Attributes:
        default: what its absence means; None = it must be there.
        positive: zero is refused too.
        instead: where this other field is present, absence means zero.
        absent: it may be left out, which is another thing than zero.
        whole: no fractions.
    """

    name: str
    default: Fraction | None = None
    positive: bool = False
    instead: str = ""
    absent: bool = False
    whole: bool = False

    @property
    def optional(self) -> bool:
        """Whether a price may leave it out."""
        return self.default is not None or bool(self.instead) or self.absent


@dataclass(frozen=True)
class Tiers:
    """What each tier looks like, and the name of its limit."""

    limit: str
    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class Model:
    """One price model.

    Attributes:
        steps: the function of the quantity; where ``by_event``, of the events one by one.
        numbers: the fields of the price object.
        tiers: what its tiers look like; None for models without.
        aggregation: how a month's facts become the quantity where the card does not say.
        by_event: it prices each fact, not their sum; no other aggregation can be agreed.
        straight: from the end of one tier to the end of the next its amount is a straight line of the quantity.
        sound: refuses numbers that contradict each other.
    """

    steps: Callable[[Price, Any], Steps]
    numbers: tuple[Number, ...] = ()
    tiers: Tiers | None = None
    aggregation: str = "sum"
    by_event: bool = False
    straight: bool = False
    sound: Callable[[Mapping[str, Fraction]], object] | None = None


FLAT_FEE = Number("flat_fee", default=ZERO)
UNIT_TIERS = Tiers("up_to", (Number("unit_price", instead="flat_fee"), FLAT_FEE))
PERCENT_TIERS = Tiers("up_to", (Number("rate_pct", instead="flat_fee"), FLAT_FEE))
BLOCK_TIERS = Tiers("max_blocks", (Number("block_size", positive=True), Number("block_price")))

MODELS: dict[str, Model] = {
    "flat": Model(flat, (Number("amount"),), straight=True),
    "per_unit": Model(per_unit, (Number("unit_price"),), straight=True),
    "multiplier": Model(multiplier, (Number("multiplier"),), straight=True),
    "package": Model(package, (Number("size", positive=True), Number("price"), Number("free_units", default=ZERO))),
    "graduated": Model(graduated, tiers=UNIT_TIERS, straight=True),
    "volume": Model(volume, tiers=UNIT_TIERS, straight=True),
    "graduated_percentage": Model(graduated_percentage, tiers=PERCENT_TIERS, straight=True),
    "graduated_blocks": Model(graduated_blocks, tiers=BLOCK_TIERS),
    "volume_blocks": Model(volume_blocks, tiers=BLOCK_TIERS),
    "capacity": Model(capacity, tiers=Tiers("up_to", (Number("price"),)), aggregation="max", straight=True),
    "percentage": Model(
        percentage,
        (Number("rate_pct"), Number("fixed_fee", default=ZERO), Number("free_events", default=ZERO, whole=True),
         Number("free_amount", default=ZERO), Number("event_min", absent=True), Number("event_max", absent=True)),
        by_event=True, sound=_share,
    ),
}  # fmt: skip

MOST_TIERS = 1000


def by_event(price: Price) -> bool:
    """Whether it prices each fact by itself."""
    return MODELS[price.model].by_event


def steps_of(price: Price, quantity: Fraction, events: Sequence[Fraction] | None = None) -> Steps:
    """The explained, unrounded amount of ``quantity`` at ``price``. Where events are priced and none are named, the
    quantity is one event.
    """
    if not by_event(price):
        return MODELS[price.model].steps(price, quantity)
    return MODELS[price.model].steps(price, events if events is not None else ([quantity] if quantity else []))


def amount_of(price: Price, quantity: Fraction) -> Fraction:
    """The unrounded amount of ``quantity`` at ``price``."""
    return total(steps_of(price, quantity))


def edges(price: Price) -> list[Fraction]:
    """The quantities at which a tier ends; between two of them no model gets cheaper as the quantity grows."""
    found: list[Fraction] = []
    for tier in price.tiers:
        if tier.limit is None:
            break
        size = tier.values.get("block_size")
        found.append(tier.limit if size is None else (found[-1] if found else ZERO) + tier.limit * size)
    return found


def read_price(data: object, path: str = "price") -> Price:
    """The price that ``data`` describes.

    Raises:
        PricingRefused: the first thing that is wrong with it; ``checks.problems`` lists all of them.
    """
    price, faults = inspect(data, path)
    if faults:
        raise faults[0]
    assert price is not None
    return price


def inspect(data: object, path: str = "price") -> tuple[Price | None, list[PricingRefused]]:
    """The price (None when unsound) and everything that is wrong with it, in reading order."""
    if not isinstance(data, dict):
        return None, [PricingRefused("not_an_object", f"{shown(data)} is not a price object", path)]
    faults: list[PricingRefused] = []
    fields = Fields(data, path)
    name = data.get("model")
    if name is None:
        return None, [PricingRefused("missing", "model is missing", f"{path}.model")]
    model = MODELS.get(name) if isinstance(name, str) else None
    if model is None:
        return None, [PricingRefused("unknown_model", f"there is no price model {shown(name)}", f"{path}.model")]
    values = _numbers(fields, model.numbers, faults)
    tiers = _tiers(fields, model.tiers, faults) if model.tiers else ()
    if model.sound and not faults:
        try:
            model.sound(values)
        except PricingRefused as fault:
            faults.append(PricingRefused(fault.code, fault.message, fields.at(fault.field)))
    return (None if faults else Price(name, values, tiers)), faults


def _numbers(fields: Fields, numbers: tuple[Number, ...], faults: list[PricingRefused]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for number in numbers:
        try:
            if number.absent and not fields.has(number.name):
                continue
            found[number.name] = _number(fields, number)
        except PricingRefused as fault:
            faults.append(fault)
    return found


def _number(fields: Fields, number: Number) -> Fraction:
    if not fields.has(number.name):
        if number.instead and fields.has(number.instead):
            return ZERO
        if number.default is not None:
            return number.default
    value = Fraction(fields.whole(number.name)) if number.whole else fields.amount(number.name)
    if number.positive and value == 0:
        raise PricingRefused("zero", f"{number.name} must be above zero", fields.at(number.name))
    return value


def _tiers(fields: Fields, shape: Tiers, faults: list[PricingRefused]) -> tuple[Tier, ...]:
    try:
        records = list(fields.records("tiers"))
    except PricingRefused as fault:
        faults.append(fault)
        return ()
    if not records:
        faults.append(PricingRefused("missing", "there are no tiers", fields.at("tiers")))
    if len(records) > MOST_TIERS:
        faults.append(PricingRefused("too_many", f"more than {MOST_TIERS} tiers", fields.at("tiers")))
        return ()
    limit = _up_to if shape.limit == "up_to" else _max_blocks
    tiers: list[Tier] = []
    below: Fraction | None = None
    for each in records:
        reach: Fraction | None = None
        try:
            reach = limit(each, below, last=each is records[-1])
        except PricingRefused as fault:
            faults.append(fault)
        below = below if reach is None else reach
        tiers.append(Tier(reach, _numbers(each, shape.numbers, faults)))
    return tuple(tiers)


def _up_to(tier: Fields, below: Fraction | None, *, last: bool) -> Fraction | None:
    where = tier.at("up_to")
    if not tier.has("up_to"):
        if last:
            return None
        raise PricingRefused("tiers_open", "only the last tier may be open", where)
    up_to = tier.amount("up_to")
    if below is not None and up_to <= below:
        raise PricingRefused("tiers_order", "a tier must end above the one before it", where)
    if last:
        raise PricingRefused("tiers_open", "the last tier must be open: up_to null", where)
    return up_to


def _max_blocks(tier: Fields, _below: Fraction | None, *, last: bool) -> Fraction | None:
    """The last tier may be open or hold a number of blocks."""
    if tier.has("max_blocks"):
        return Fraction(tier.whole("max_blocks"))
    if last:
        return None
    raise PricingRefused("tiers_open", "only the last tier may be open", tier.at("max_blocks"))
