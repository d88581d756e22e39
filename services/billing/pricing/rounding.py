"""Rounding as a term of the contract: a mode and a place."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from services.billing.pricing.exact import fraction
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.billing.pricing.exact import Exact

FARTHEST = 18  # digits to either side of the point; beyond it every amount we accept is 0 or unchanged


# Each mode says by how much the whole number below is raised, when something is left above it. ``half`` is the sign of
# what is left less one half: -1, 0 (a tie) or 1.
MODES: dict[str, Callable[[int, int], bool]] = {
    # Away from zero on a tie: up for positives, and for negatives down, to the whole number below itself.
    "half_up": lambda below, half: half > 0 or (half == 0 and below >= 0),
    "half_even": lambda below, half: half > 0 or (half == 0 and below % 2 == 1),
    "ceiling": lambda _below, _half: True,
    "floor": lambda _below, _half: False,
}


@dataclass(frozen=True)
class Rounding:
    """How money (or a quantity) is rounded.

    Attributes:
        mode: a key of ``MODES``; ``half_up`` is half away from zero, for negatives too (四舍五入).
        digits: places after the point, 2 = fen; negative = tens, hundreds.
    """

    mode: str = "half_up"
    digits: int = 2

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise PricingRefused("unknown_mode", f"there is no rounding mode {self.mode!r}", "rounding.mode")
        if abs(self.digits) > FARTHEST:
            raise PricingRefused("out_of_range", f"digits lie between -{FARTHEST} and {FARTHEST}", "rounding.digits")

    @property
    def places(self) -> int:
        """Digits to show after the point."""
        return max(self.digits, 0)


FEN = Rounding("half_up", 2)


def rounded(value: Exact, rounding: Rounding | None) -> Fraction:
    """``value`` at the contract's place; unchanged where no rounding is agreed."""
    value = fraction(value)
    if rounding is None:
        return value
    scale = 10 ** abs(rounding.digits)
    numerator, denominator = value.numerator, value.denominator
    if rounding.digits >= 0:
        numerator *= scale
    else:
        denominator *= scale
    whole, rest = divmod(numerator, denominator)
    if rest:
        half = (2 * rest > denominator) - (2 * rest < denominator)
        whole += MODES[rounding.mode](whole, half)
    return Fraction(whole, scale) if rounding.digits >= 0 else Fraction(whole * scale)
