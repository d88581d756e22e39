"""Numbers written in words: Chinese numerals and English number words."""

from __future__ import annotations

from dataclasses import dataclass

from services.requests.chat.times.conventions import YEAR_PIVOT

ZH_DIGITS = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
ZH_TENS = {"廿": 20, "卅": 30}
ZH_SCALES = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}
ZH_NUMERAL = "[" + "".join([*ZH_DIGITS, *ZH_TENS, *ZH_SCALES]) + "]"

EN_ONES = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
EN_TENS = {
    word: 10 * value
    for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)
}
EN_ORDINALS = {
    word: value
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(),
        start=1,
    )
} | {"thirtieth": 30}
EN_SCALES = {"hundred": 100, "thousand": 1_000}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written.

    Attributes:
        digits: how many Arabic digits it had, 0 when written in words; a year has four, 08 is not 8.
        literal: written digit by digit, as 二零二六.
        least: the smaller of two neighbouring numbers said together, as the 3 of 三四天; the value is the larger.
        fraction: the digits behind the point: 6.45 may be a clock time.
    """

    value: float
    digits: int = 0
    literal: bool = False
    fraction: str = ""
    least: float | None = None

    @property
    def whole(self) -> int:
        """The value as an integer, -1 when it is none."""
        return int(self.value) if self.value == int(self.value) else -1


def full_year(short: int) -> int:
    """The year two digits name (convention 6)."""
    return short + (2000 if short < YEAR_PIVOT else 1900)


def chinese_number(numeral: str) -> Number | None:
    """The value of a run of Chinese numerals, None when the run is no number (万一, 十百).

    Digits without a scale are read one by one: 二零二六 is 2026, 一五 is 15.
    """
    if len(numeral) > 12:
        return None
    if not any(character in ZH_SCALES or character in ZH_TENS for character in numeral):
        if len(numeral) == 2 and 1 <= ZH_DIGITS[numeral[0]] == ZH_DIGITS[numeral[1]] - 1:
            return Number(ZH_DIGITS[numeral[1]], least=ZH_DIGITS[numeral[0]])
        value = int("".join(str(ZH_DIGITS[character]) for character in numeral))
        return Number(value, literal=len(numeral) > 1)
    total = section = 0
    digit: int | None = None
    last_scale = 100_000
    for character in numeral:
        if character in ZH_TENS:
            section, digit = section + ZH_TENS[character], None
        elif character in ZH_DIGITS:
            if digit:
                return None
            digit = ZH_DIGITS[character]
        else:
            scale = ZH_SCALES[character]
            if scale == 10_000:
                total, section, digit, last_scale = (section + (digit or 0)) * scale, 0, None, 100_000
                if total == 0:
                    return None
                continue
            if scale >= last_scale or digit == 0:
                return None
            section, digit, last_scale = section + (1 if digit is None else digit) * scale, None, scale
    return Number(total + section + (digit or 0))


def english_number(words: list[str]) -> tuple[Number, bool, int] | None:
    """The number that starts ``words``: its value, whether it is an ordinal, and how many words it takes.

    Number words that do not compose stay apart, so that "nine thirty" can be a clock time and "nineteen eighty" a year.
    """
    head = _below_hundred(words)
    if head is None:
        return None
    value, ordinal, used = head
    scale = EN_SCALES.get(words[used]) if used < len(words) and not ordinal else None
    if scale is None:
        return Number(value), ordinal, used
    value, used = value * scale, used + 1
    rest = used + 1 if words[used : used + 1] == ["and"] else used
    tail = english_number(words[rest : rest + 3]) if scale == 1_000 else _below_hundred(words[rest:])
    if tail is None:
        return Number(value), False, used
    added = tail[0].whole if isinstance(tail[0], Number) else tail[0]
    return (Number(value + added), tail[1], rest + tail[2]) if added < scale else (Number(value), False, used)


def _below_hundred(words: list[str]) -> tuple[int, bool, int] | None:
    word = words[0] if words else ""
    if word in EN_ONES:
        return EN_ONES[word], False, 1
    if word in EN_ORDINALS:
        return EN_ORDINALS[word], True, 1
    if word not in EN_TENS:
        return None
    value = EN_TENS[word]
    used = 2 if words[1:2] == ["and"] else 1
    if 1 <= EN_ONES.get(words[used] if used < len(words) else "", 0) <= 9:
        return value + EN_ONES[words[used]], False, used + 1
    if used == 1 and EN_ORDINALS.get(words[1] if len(words) > 1 else "", 99) <= 9:
        return value + EN_ORDINALS[words[1]], True, 2
    return value, False, 1
