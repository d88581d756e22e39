"""A month's sum while it grows: what each quantity more comes to, without the ladder that explains it.

To the last digit the amounts of ``rate``; what is left out is only what nobody reads while thousands of facts come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO, decimal, fraction
from services.billing.pricing.models import MODELS, amount_of, edges
from services.billing.pricing.rating import agreed
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

    from services.billing.pricing.cards import CardLine
    from services.billing.pricing.exact import Exact
    from services.billing.pricing.models import Price


@dataclass(frozen=True)
class _Stretch:
    """Where the amount is a straight line: above ``above`` (None = from zero on), up to ``upto`` (None = without end)."""

    above: Fraction | None
    upto: Fraction | None
    slope: Fraction
    start: Fraction

    def holds(self, quantity: Fraction) -> bool:
        return (self.above is None or quantity > self.above) and (self.upto is None or quantity <= self.upto)


class Growing:
    """One line of a card in one month, moved on fact by fact.

    Attributes:
        quantity: the sum so far.
        billed: what it costs so far.
        final: it is made up to the minimum, as the sum of a closed month is.
    """

    def __init__(self, line: CardLine, quantity: Exact, billed: Exact, *, final: bool) -> None:
        if not line.is_plain_sum:
            raise ValueError("only a plain sum grows by its facts alone")
        self.quantity, self.billed = fraction(quantity), fraction(billed)
        self.final = final
        self._price, self._terms = line.price, line.terms
        self._free = fraction(line.terms.free_quantity)
        self._least = fraction(line.terms.minimum) if final and line.terms.minimum is not None else None
        self._places = line.terms.rounding.places if line.terms.rounding else 0
        self._stretch: _Stretch | None = None

    def add(self, quantity: Exact) -> Decimal:
        """What this quantity more costs.

        Raises:
            PricingRefused: the sum would be negative; nothing has changed.
        """
        total = self.quantity + fraction(quantity)
        if total < 0:
            raise PricingRefused("negative", "the cumulative quantity of the period must not be negative", "quantity")
        due = agreed(self._exact(self._billable(total)), self._terms)
        if self._least is not None and due < self._least:
            due = self._least
        amount = decimal(due - self.billed, self._places)
        self.quantity, self.billed = total, due
        return amount

    def _billable(self, quantity: Fraction) -> Fraction:
        if self._terms.convert:
            quantity, _ = self._terms.convert.apply(quantity)
        return max(ZERO, quantity - self._free) if self._free else quantity

    def _exact(self, quantity: Fraction) -> Fraction:
        if not MODELS[self._price.model].straight:
            return amount_of(self._price, quantity)
        if self._stretch is None or not self._stretch.holds(quantity):
            self._stretch = _stretch(self._price, quantity)
        return self._stretch.slope * quantity + self._stretch.start


def _stretch(price: Price, quantity: Fraction) -> _Stretch:
    """The straight line on which ``quantity`` lies, drawn through its amount and another one's."""
    ends = edges(price)
    above = max((end for end in ends if end < quantity), default=None)
    upto = min((end for end in ends if end >= quantity), default=None)
    if upto is None:
        other = quantity + 1
    else:
        other = upto if upto > quantity else (quantity + (above or ZERO)) / 2
    here = amount_of(price, quantity)
    slope = (amount_of(price, other) - here) / (other - quantity) if other != quantity else ZERO
    return _Stretch(above, upto, slope, here - slope * quantity)
