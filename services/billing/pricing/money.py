"""How money is written: figures, sentences, and the capitals of Chinese documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.billing.pricing.exact import fraction
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from services.billing.pricing.exact import Exact

MINUS = "\N{MINUS SIGN}"
HUGE = 10**16  # 元; capitals end below 亿亿

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")


def figure(amount: Exact) -> str:
    """``8,359.91``: two decimals, thousands by comma, U+2212 for minus, zero without a sign.

    Raises:
        PricingRefused: the amount is finer than a fen; what is written is always exactly what is owed.
    """
    fen = _fen(amount)
    sign = MINUS if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}{yuan:,}.{rest:02d}"


def money(amount: Exact, language: str) -> str:
    """``8,359.91元`` in Chinese text, ``CNY 8,359.91`` in English."""
    return f"{figure(amount)}元" if language == "zh" else f"CNY {figure(amount)}"


def capitals(amount: Exact) -> str:
    """``人民币捌仟叁佰伍拾玖元玖角壹分``, as a document states it.

    中国人民银行《支付结算办法》附一: 整 after 元 and not after 分 (after 角 it may be left out, and is); zeros within the number
    are one 零; a zero at 万 or 元 before a figure at 仟 or 角 needs none; no 角 before 分 needs one.

    Raises:
        PricingRefused: finer than a fen, or 10^16 yuan and more.
    """
    fen = _fen(amount)
    if abs(fen) >= HUGE * 100:
        raise PricingRefused("out_of_range", "more than capitals are written for", "amount")
    yuan, rest = divmod(abs(fen), 100)
    jiao, ones = divmod(rest, 10)
    text = "人民币" + ("负" if fen < 0 else "")
    if yuan or not rest:
        text += f"{_whole(yuan) or _DIGITS[0]}元"
    if not rest:
        return text + "整"
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif yuan:
        text += _DIGITS[0]
    return text + (f"{_DIGITS[ones]}分" if ones else "")


def _fen(amount: Exact) -> int:
    fen = fraction(amount) * 100
    if fen.denominator != 1:
        raise PricingRefused("too_fine", "the amount is finer than a fen", "amount")
    return fen.numerator


def _whole(number: int) -> str:
    """A whole number in capitals; empty for zero."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if number >= unit:
            high, low = divmod(number, unit)
            gap = _DIGITS[0] if 0 < low < unit // 10 else ""
            return f"{_whole(high)}{name}{gap}{_whole(low)}"
    text = ""
    for place, digit in zip(_PLACES, f"{number:04d}", strict=True):
        if digit == "0":
            text += _DIGITS[0] if text and not text.endswith(_DIGITS[0]) else ""
        else:
            text += _DIGITS[int(digit)] + place
    return text.rstrip(_DIGITS[0])
