"""Exact numbers: decimal text in, fractions inside, decimal text out.

Inside the rules every number is a ``Fraction``: a day ratio of 22/31 or a third of an hour stays what it is until the
contract's rounding says otherwise, and no decimal context can lose a digit on the way.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from services.billing.pricing.refusal import PricingRefused

Exact = Fraction | Decimal | int

# Bounds for anything that comes from outside: far above any contract, far below what makes arithmetic slow.
WHOLE_DIGITS = 18
DECIMAL_DIGITS = 40
# What a result that no decimal can hold (1/3) is shown with; explanations carry the fraction itself.
SHOWN_DIGITS = 28

ZERO = Fraction(0)
HUNDREDTH = Fraction(1, 100)

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_LONGEST = 100  # characters


def fraction(value: Exact) -> Fraction:
    """``value`` without loss."""
    return value if isinstance(value, Fraction) else Fraction(value)


def read_number(value: object, field: str = "") -> Fraction:
    """The number that a decimal text (or a JSON integer) names.

    Raises:
        PricingRefused: ``not_a_number`` for anything else, NaN and Infinity included; ``out_of_range`` beyond
            ``WHOLE_DIGITS`` digits before or ``DECIMAL_DIGITS`` after the point.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise PricingRefused("not_a_number", f"{shown(value)} is not a decimal number", field)
    if isinstance(value, str):
        if len(value) > _LONGEST or not _PLAIN.match(value):
            raise PricingRefused("not_a_number", f"{shown(value)} is not a decimal number", field)
        value = Decimal(value)
    if isinstance(value, int):
        if abs(value) >= 10**WHOLE_DIGITS:
            raise PricingRefused("out_of_range", f"more than {WHOLE_DIGITS} digits before the point", field)
        return Fraction(value)
    if not value.is_finite():
        raise PricingRefused("not_a_number", f"{value} is not a decimal number", field)
    exponent = value.as_tuple().exponent
    if value and value.adjusted() >= WHOLE_DIGITS:
        raise PricingRefused("out_of_range", f"more than {WHOLE_DIGITS} digits before the point", field)
    if isinstance(exponent, int) and exponent < -DECIMAL_DIGITS:
        raise PricingRefused("out_of_range", f"more than {DECIMAL_DIGITS} digits after the point", field)
    return Fraction(value) if value else ZERO


def shown(value: object) -> str:
    """``value`` as an error message may quote it: at most 40 characters, one line."""
    kinds = {dict: "an object", list: "a list", bool: str(value).lower(), type(None): "null"}
    text = kinds.get(type(value)) or (repr(value) if isinstance(value, str) else str(value))
    return text if len(text) <= 40 else text[:37] + "..."


def is_decimal(value: Fraction) -> bool:
    """Whether a finite decimal equals ``value``."""
    return _scale(value.denominator) is not None


def decimal(value: Exact, places: int = 0) -> Decimal:
    """``value`` with at least ``places`` digits after the point, exactly.

    A value that no decimal can hold comes back with ``SHOWN_DIGITS`` significant digits, half even; whoever prices
    without a rounding has to look at ``is_decimal`` (explanations do, and say so).
    """
    number, scale = _scaled(fraction(value), places)
    return Decimal(f"{number}E{-scale}")


def plain(value: Exact, places: int = 0) -> str:
    """``value`` as decimal text without an exponent; never ``-0``. Like ``decimal`` where no decimal can hold it."""
    number, scale = _scaled(fraction(value), places)
    if scale <= 0:
        return str(number * 10**-scale)
    digits = str(abs(number)).rjust(scale + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


@lru_cache(maxsize=4096)  # nearly every denominator is a power of ten
def _scale(denominator: int) -> int | None:
    """How many digits after the point a fraction with this denominator needs; None if no number of them is enough."""
    twos = (denominator & -denominator).bit_length() - 1
    fives, rest = 0, denominator >> twos
    while rest % 5 == 0:
        fives, rest = fives + 1, rest // 5
    return max(twos, fives) if rest == 1 else None


def _scaled(value: Fraction, places: int) -> tuple[int, int]:
    """A whole number and how many of its digits stand after the point."""
    needed = _scale(value.denominator)
    if needed is not None:
        scale = max(needed, places)
        return value.numerator * 10**scale // value.denominator, scale
    size, whole = abs(value.numerator), value.denominator
    # Digits before the point, or minus the zeros behind it.
    before = len(str(size // whole)) if size >= whole else 1 - len(str(whole // size))
    scale = SHOWN_DIGITS - before
    number, rest = divmod(size * 10**scale, whole) if scale >= 0 else divmod(size, whole * 10**-scale)
    number += 2 * rest > whole  # never a tie: then a decimal would hold it
    return number if value > 0 else -number, scale
