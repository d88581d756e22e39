"""Rate cards: which price and which terms hold for a meter on a day."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from services.billing.pricing.exact import fraction
from services.billing.pricing.models import Price, by_event
from services.billing.pricing.periods import month_days
from services.billing.pricing.proration import Part
from services.billing.pricing.rating import NO_TERMS, Terms
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from services.billing.pricing.exact import Exact


@dataclass(frozen=True)
class CardLine:
    """How one meter is priced.

    Attributes:
        terms: free quantity, minimum, maximum, a flat amount, the prices of capacity and the free amount of a percentage
            are meant for a whole month; in a month in which the card holds for some days only, they count for those
            days. Other tiers are not scaled.
        aggregation: key of ``aggregation.AGGREGATIONS``: how a month's facts become one quantity.

    Raises:
        PricingRefused: a price that looks at each fact with terms or an aggregation that speak of their quantity.
    """

    price: Price
    terms: Terms = NO_TERMS
    aggregation: str = "sum"

    def __post_init__(self) -> None:
        if not by_event(self.price):
            return
        model = self.price.model
        if self.aggregation != "sum":
            raise PricingRefused(
                "unknown_aggregation", f"{model} prices each fact, not their {self.aggregation}", "aggregation"
            )
        if self.terms.free_quantity:
            raise PricingRefused("unknown_field", f"{model} has free events and a free amount instead", "free_quantity")
        if self.terms.convert:
            raise PricingRefused("unknown_field", f"{model} prices each fact as it was reported", "convert")

    @property
    def is_plain_sum(self) -> bool:
        """Whether a running sum is all that its amount depends on."""
        return self.aggregation == "sum" and not by_event(self.price)


@dataclass(frozen=True)
class Card:
    """One version of a contract's prices.

    Attributes:
        since: first service date it holds for; None = from the beginning.
        until: first service date it no longer holds for; None = open.
        lines: by meter.
    """

    version: int
    since: date | None = None
    until: date | None = None
    lines: Mapping[str, CardLine] = field(default_factory=dict)

    def holds_on(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def days_in(self, month: str) -> tuple[date, date] | None:
        """The days of that month on which it holds, half-open; None if there are none."""
        first, last = month_days(month)
        since = first if self.since is None else max(first, self.since)
        until = last if self.until is None else min(last, self.until)
        return (since, until) if since < until else None


@dataclass(frozen=True)
class CardFault:
    """Something wrong with a sequence of card versions: ``gap``, ``overlap`` or ``backwards``.

    Attributes:
        since: first day it concerns.
        until: first day it no longer concerns.
        versions: the versions on both sides of it.
    """

    code: str
    since: date
    until: date
    versions: tuple[int, ...]

    @property
    def message(self) -> str:
        names = " and ".join(f"v{version}" for version in self.versions)
        words = {"gap": "no card holds", "overlap": f"{names} both hold", "backwards": f"{names} ends before it starts"}
        return f"{words[self.code]} from {self.since} until {self.until}"


def card_on(cards: Sequence[Card], day: date, field: str = "time") -> Card:
    """The card that holds on a service date.

    Raises:
        PricingRefused: ``gap``: none does; ``overlap``: several do.
    """
    found = [card for card in cards if card.holds_on(day)]
    if not found:
        raise PricingRefused("gap", f"no rate card holds on {day}", field)
    if len(found) > 1:
        raise PricingRefused("overlap", f"{len(found)} rate cards hold on {day}", field)
    return found[0]


def card_faults(cards: Sequence[Card], term_since: date, term_until: date) -> list[CardFault]:
    """Every gap and overlap of ``cards`` within the term of the contract, by date."""
    faults: list[CardFault] = []
    sound: list[tuple[date, date, int]] = []
    for card in cards:
        since = term_since if card.since is None else card.since
        until = term_until if card.until is None else card.until
        if until <= since and card.until is not None:
            faults.append(CardFault("backwards", since, until, (card.version,)))
        else:
            sound.append((since, until, card.version))
    reached, by = term_since, 0
    for since, until, version in sorted(sound):
        if since > reached and reached < term_until:
            faults.append(CardFault("gap", reached, min(since, term_until), (by, version) if by else (version,)))
        if since < reached and by:
            faults.append(CardFault("overlap", since, min(reached, until), (by, version)))
        if until > reached or not by:
            reached, by = max(reached, until), version
    if reached < term_until:
        faults.append(CardFault("gap", reached, term_until, (by,) if by else ()))
    return sorted(faults, key=lambda fault: fault.since)


def share_of_month(card: Card, month: str, fixed_days_in_month: int | None = None) -> Fraction:
    """The part of that month, by days, in which the card holds."""
    days = card.days_in(month)
    if days is None:
        return Fraction(0)
    part, whole = Part(*days, *month_days(month)).ratio(fixed_days_in_month)
    return Fraction(part, whole)


def scaled(line: CardLine, share: Fraction) -> CardLine:
    """The line as it counts for that part of a month: its monthly sums scaled, rounded as the contract rounds money."""
    if share == 1:
        return line

    def money(value: Exact | None) -> Fraction | None:
        return None if value is None else rounded(fraction(value) * share, line.terms.rounding)

    terms = replace(
        line.terms,
        free_quantity=fraction(line.terms.free_quantity) * share,
        minimum=money(line.terms.minimum),
        maximum=money(line.terms.maximum),
    )
    return replace(line, price=_scaled_price(line.price, share), terms=terms)


def _scaled_price(price: Price, share: Fraction) -> Price:
    if price.model == "flat":
        return replace(price, values={"amount": price.values["amount"] * share})
    if price.model == "capacity":
        tiers = tuple(replace(tier, values={"price": tier.values["price"] * share}) for tier in price.tiers)
        return replace(price, tiers=tiers)
    if price.model == "percentage":
        return replace(price, values={**price.values, "free_amount": price.values["free_amount"] * share})
    return price
