"""The rules of a tender: which bids are admitted by hard criteria, and how those that are compare. No database here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from services.billing.pricing.rounding import Rounding, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

METHODS = ("open", "invited")
WEIGHTS = ("quality", "experience", "price")
LEAST_BIDS = 3  # admitted bids below which an open tender cannot be awarded; 招标投标法 art. 28, 42
LEAST_MARKS = 2  # people who mark every admitted bid
HUNDREDTH = Rounding("half_up", 2)


@dataclass(frozen=True)
class Company:
    """What the file of a supplier says on the day of the opening.

    Attributes:
        licences: kinds of papers that are good on that day.
        hindered: whether nothing may be agreed with it.
    """

    capital: Decimal | None
    licences: frozenset[str]
    hindered: bool


@dataclass(frozen=True)
class Offer:
    """A bid as it counts."""

    supplier: str
    amount: Decimal
    references: int


def faults(criteria: Mapping[str, Any], company: Company, offer: Offer) -> list[str]:
    """The hard criteria that a bid misses, by name; none means that it is admitted."""
    found = []
    least = criteria.get("capital")
    if least is not None and (company.capital is None or company.capital < Decimal(least)):
        found.append("capital")
    found += [f"licence_{kind}" for kind in criteria.get("licences", []) if kind not in company.licences]
    if offer.references < int(criteria.get("references", 0)):
        found.append("references")
    most = criteria.get("most")
    if most is not None and offer.amount > Decimal(most):
        found.append("most")
    if company.hindered:
        found.append("hindered")
    return found


@dataclass(frozen=True)
class Place:
    """How a bid stands among those admitted; None where nobody has marked it yet."""

    supplier: str
    quality: Fraction | None
    experience: Fraction | None
    price: Fraction
    total: Fraction | None


def places(
    offers: Sequence[Offer], marks: Mapping[str, Sequence[tuple[Decimal, Decimal]]], weights: Mapping[str, Any]
) -> list[Place]:
    """Admitted bids, the best first: the mean of the marks, and lowest price / price × 100, each by its weight."""
    lowest = min((offer.amount for offer in offers), default=Decimal(0))
    found = []
    for offer in offers:
        given = marks.get(offer.supplier, ())
        price = rounded(Fraction(lowest) * 100 / Fraction(offer.amount), HUNDREDTH)
        means: list[Fraction | None] = [None, None]
        if given:
            means = [
                rounded(sum((Fraction(each[index]) for each in given), Fraction(0)) / len(given), HUNDREDTH)
                for index in (0, 1)
            ]
        quality, experience = means
        total = None
        if quality is not None and experience is not None:
            parts = zip((quality, experience, price), WEIGHTS, strict=True)
            total = rounded(
                sum((part * Fraction(str(weights[name])) for part, name in parts), Fraction(0)) / 100, HUNDREDTH
            )
        found.append(Place(offer.supplier, quality, experience, price, total))
    return sorted(
        found, key=lambda each: (-(each.total if each.total is not None else Fraction(-1)), -each.price, each.supplier)
    )


def good_on(licences: Sequence[Any], day: date) -> frozenset[str]:
    """The kinds of papers that are good on a day."""
    return frozenset(
        each.kind for each in licences if each.ended_at is None and each.issued_on <= day < each.expires_on
    )
