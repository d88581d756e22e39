"""The tables of both languages, looked up: the longest Chinese word, English phrases, likely typing errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from services.requests.chat.times import lexicon_en as en
from services.requests.chat.times import lexicon_zh as zh
from services.requests.chat.times.numerals import EN_ONES, EN_ORDINALS, EN_TENS, ZH_NUMERAL, chinese_number

if TYPE_CHECKING:
    from collections.abc import Iterable

Meaning = tuple[tuple[str, Any], ...]

GAP: Meaning = (("_", None),)
_NUMBER_WORDS = frozenset({*EN_ONES, *EN_TENS, *EN_ORDINALS, "hundred", "thousand"})
_NUMERAL = re.compile(ZH_NUMERAL + "+")
_FIRST_WORD = re.compile("[a-z]+|[0-9]+")


def _meanings(words: dict[str, dict[str, Any]], compounds: dict[str, Meaning]) -> dict[str, Meaning]:
    single = {word: ((letter, value),) for letter, table in words.items() for word, value in table.items()}
    return single | compounds


_ZH: dict[str, Meaning] = _meanings(zh.WORDS, zh.COMPOUNDS) | dict.fromkeys(zh.NOT_TIME, GAP)
_EN: dict[str, Meaning] = _meanings(en.WORDS, en.COMPOUNDS)
_CORRECTABLE = [word for word in (*en.WEEKDAYS, *en.MONTHS) if len(word) >= 6] + [
    "tomorrow", "yesterday", "morning", "afternoon", "evening", "tonight", "weekend", "midnight",
]  # fmt: skip
_NO_TYPO = frozenset(
    {
        "sundae",
        "sundaes",
        "mourning",
        "mooring",
        "moaning",
        "morning's",
        "money",
        "moneys",
        "monkey",
        "mooned",
        "saturated",
        "weekly",
        "marsh",
        "tomorrows",
    }
)


def _without_one(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


_TYPOS = {typo: word for word in _CORRECTABLE for typo in (*_without_one(word), word)}


def _sizes(words: Iterable[str]) -> dict[str, list[int]]:
    """By first character, the lengths of the words that start with it, the longest first."""
    sizes: dict[str, set[int]] = {}
    for word in words:
        sizes.setdefault(word[0], set()).add(len(word))
    return {first: sorted(each, reverse=True) for first, each in sizes.items()}


def _phrases(words: Iterable[str]) -> dict[str, list[str]]:
    """By first word or number, the phrases that start with it, the longest first."""
    phrases: dict[str, list[str]] = {}
    for phrase in sorted(words, key=len, reverse=True):
        first = _FIRST_WORD.match(phrase)
        if first is not None and first[0] != phrase:
            phrases.setdefault(first[0], []).append(phrase)
    return phrases


_ZH_SIZES = _sizes(_ZH)
_EN_PHRASES = _phrases(_EN)


def _chinese_word(text: str, at: int) -> str:
    """The longest word of the tables that stands at ``at``, empty when there is none."""
    for size in _ZH_SIZES.get(text[at], ()):
        word = text[at : at + size]
        if word in _ZH and _fits(word, text, at):
            return word
    return ""


def _fits(word: str, text: str, at: int) -> bool:
    end = at + len(word)
    if word in zh.NOT_AFTER and at and text[at - 1] in zh.NOT_AFTER[word]:
        return False
    if word in zh.NOT_BEFORE and text[end : end + 1] and text[end] in zh.NOT_BEFORE[word]:
        return False
    return word not in zh.ONLY_BEFORE or text.startswith(zh.ONLY_BEFORE[word], end)


def english_phrase(text: str, at: int) -> tuple[Meaning, int] | None:
    """The longest phrase of the tables at ``at`` and where it ends, None when there is none."""
    first = _FIRST_WORD.match(text, at)
    for phrase in _EN_PHRASES.get(first[0], ()) if first else ():
        end = at + len(phrase)
        if text.startswith(phrase, at) and not (text[end : end + 1].isascii() and text[end : end + 1].isalnum()):
            return _EN[phrase], end
    return None


def chinese(text: str, at: int) -> tuple[Meaning, int]:
    """The word or number at ``at`` and where it ends; a gap of one character when it is neither."""
    word = _chinese_word(text, at)
    if word:
        return _ZH[word], at + len(word)
    numeral = _NUMERAL.match(text, at)
    if numeral is not None:
        number = chinese_number(numeral[0])
        return ((("N", number),) if number is not None else GAP), numeral.end()
    return GAP, at + 1


def english(word: str, behind_figure: bool) -> Meaning:
    """What an English word means, also when it has one letter wrong, too many or too few, or two exchanged."""
    meaning = _EN.get(word)
    if meaning is not None:
        return meaning
    if word in _NUMBER_WORDS:
        return (("N", word),)
    if behind_figure and word in en.GLUED_UNITS:
        return (("u", en.GLUED_UNITS[word]),)
    stem = word.removesuffix("'s")
    if stem in _EN:
        return _EN[stem]
    if stem.endswith("s") and stem[:-1] in en.WEEKDAYS and len(stem) > 4:
        return (("v", 1), ("W", en.WEEKDAYS[stem[:-1]]))
    if len(stem) >= 5 and stem not in _NO_TYPO:
        for each in (stem, *_without_one(stem)):
            if each in _TYPOS:
                return _EN[_TYPOS[each]]
    return GAP
