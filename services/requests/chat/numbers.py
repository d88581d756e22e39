"""Numbers in a sentence, with their places, before anybody decides what they count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.requests.chat.times.numerals import EN_ONES, EN_ORDINALS, EN_TENS, chinese_number, english_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.requests.chat.text import Sentence

_ARABIC = re.compile(r"(?<![A-Za-z\d.])\d{1,3}(?:,\d{3})+(?!\d)|\d+")
_CHINESE = re.compile("[零〇一二两三四五六七八九十百千万廿卅]+|俩|仨")
_ORDINAL_DIGITS = re.compile(r"(\d{1,2})(st|nd|rd|th)\b")
# 五六个 is "five or six": the room must hold the larger number. 十五六, 二三十 likewise.
_ABOUT = re.compile("([一二两三四五六七八九])([二三四五六七八九])(?=十|百|个|位|人|名|辆|份|盆|张|台|本|套|桌|号人|来)")
_DIGIT = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
_WORD = re.compile("[a-z]+")
_COLLECTIVE = {"dozen": 12, "couple": 2}
_STARTS = frozenset([*EN_ONES, *EN_TENS, *EN_ORDINALS])


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a sentence.

    Attributes:
        written: its digits, leading zeros kept; "" when it was written in words with a scale (二十).
        ordinal: it numbers a place in a row: 3rd, third.
    """

    value: int
    start: int
    end: int
    written: str = ""
    ordinal: bool = False


def numbers(sentence: Sentence) -> list[Number]:
    """Every number in ``sentence``, in order of appearance."""
    found = list(_arabic(sentence.low))
    found += _chinese(sentence.low) if sentence.lang == "zh" else []
    found += _english(sentence.low)
    return sorted(found, key=lambda number: number.start)


def _arabic(text: str) -> Iterator[Number]:
    ordinals = {match.start() for match in _ORDINAL_DIGITS.finditer(text)}
    for match in _ARABIC.finditer(text):
        digits = match.group().replace(",", "")
        if len(digits) <= 9:
            yield Number(int(digits), *match.span(), digits, match.start() in ordinals)


def _chinese(text: str) -> Iterator[Number]:
    for match in _CHINESE.finditer(text):
        numeral = match.group()
        start, end = match.span()
        if numeral in "俩仨":
            yield Number(2 if numeral == "俩" else 3, start, end)
            continue
        plain = _larger(text, start, end).replace("〇", "零")
        value = chinese_number(plain)
        if value is not None and value.whole >= 0:
            written = "".join(str(_DIGIT[c]) for c in plain) if all(c in _DIGIT for c in plain) else ""
            yield Number(value.whole, start, end, written)


def _larger(text: str, start: int, end: int) -> str:
    """The numeral at ``start``, with "five or six" read as six."""
    for match in _ABOUT.finditer(text, start, end + 2):
        low, high = (_DIGIT[digit] for digit in match.groups())
        if match.end() <= end and high == low + 1:
            return text[start : match.start()] + text[match.start() + 1 : end]
    return text[start:end]


def _english(text: str) -> Iterator[Number]:
    pieces = [(match.group(), *match.span()) for match in _WORD.finditer(text)]
    at = 0
    while at < len(pieces):
        word, start, end = pieces[at]
        if word in _COLLECTIVE:
            half = at >= 2 and [piece[0] for piece in pieces[at - 2 : at]] == ["half", "a"]
            yield Number(6 if half and word == "dozen" else _COLLECTIVE[word], start, end)
        elif word in _STARTS:
            read = english_number([piece[0] for piece in pieces[at : at + 8]])
            if read is not None:
                number, ordinal, used = read
                yield Number(number.whole, start, pieces[at + used - 1][2], ordinal=ordinal)
                at += used
                continue
        at += 1
