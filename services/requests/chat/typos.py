"""Slips of the keyboard mended: 空条 is 空调, printr is printer.

Only what no list explains is touched, and only where it becomes a word of the lexicon: in Chinese by the sound of the
characters, in English by one letter too many, too few, wrong or changed with its neighbour.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from services.requests.chat import text
from services.requests.chat.lexicon import chinese_words, table
from services.requests.chat.linear import models
from services.requests.chat.pinyin import sounds
from services.requests.chat.text import LEXICON, Sentence, built_once, stem

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 5  # letters of an English word that is mended
_WORD = re.compile(rf"(?<![A-Za-z\d@./_'’-])[A-Za-z]{{{SHORTEST},}}(?![A-Za-z\d@_'’-])")
_RUN = re.compile("[\u4e00-\u9fff]{2,}")
_OF_TIME = (
    "monday tuesday wednesday thursday friday saturday sunday january february august september october november december "
    "tomorrow today tonight morning afternoon evening please people"
).split()
LONGEST = 7  # characters of a Chinese word
_VOWELS = frozenset("aeiou")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_NAMES = frozenset({"item", "thing", "place"})  # lists whose Chinese words are restored
_THINGS = frozenset({"thing", "place"})
_SMALL = frozenset(
    "了的一不有没在个人上下点这那我你他着过来去到就都也很太好大小多少几半二三四五六七八九十"
)  # too common to be a slip


# Beside a number nothing else is meant.
_STOREY = re.compile(r"(?<=[\d一二三四五六七八九十号])(?:搂|褛|娄)")
_FLOOR = re.compile(r"(?<=\d(?:st|nd|rd|th) )(?:flor|foor|flooor|florr|fllor)\b", re.IGNORECASE)


def read(said: str) -> Sentence:
    """``said`` as a sentence, its slips mended.

    Raises:
        Unreadable: as :func:`services.requests.chat.text.read`.
    """
    sentence = text.read(said)
    mended = mend(sentence)
    return sentence if mended == sentence.text else replace(text.read(mended), lang=sentence.lang)


def mend(sentence: Sentence) -> str:
    """The text of ``sentence`` with its slips mended."""
    mended = sentence.text
    if sentence.lang == "zh":
        mended = _RUN.sub(lambda run: _characters(run.group()), _STOREY.sub("楼", mended))
    mended = _FLOOR.sub("floor", mended)
    return _WORD.sub(lambda word: _word(word.group(), word.start() == 0), mended)


# -- English ----------------------------------------------------------------------------------------------------------


def _word(word: str, first: bool) -> str:
    """``word``, or the one word of the lexicon that is a slip away; a capital inside a sentence begins a name."""
    known, targets = _english()
    low = word.lower()
    if stem(low) in known or low in known or (word[0].isupper() and not first and not word.isupper()):
        return word
    near = {other for other in _one_slip(low) if other in targets and other[0] == low[0]}
    if not near or len({other[:4] for other in near}) > 1:
        return word
    return min(near, key=lambda other: (-len(other), other))  # a letter is left out more often than doubled


def _one_slip(word: str) -> set[str]:
    """What was meant when a letter is missing, doubled, changed with its neighbour, or one vowel for another."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    doubled = {before + after[1:] for before, after in cuts if before and after and before[-1] == after[0]}
    swapped = {before + after[1] + after[0] + after[2:] for before, after in cuts if len(after) > 1}
    vowels = {before + vowel + after[1:] for before, after in cuts if after[:1] in _VOWELS for vowel in "aeiou"}
    missing = {before + letter + after for before, after in cuts for letter in _LETTERS}
    return doubled | swapped | vowels | missing


@built_once
def _english() -> tuple[frozenset[str], frozenset[str]]:
    """The words (or their stems) that are right as they are, and the words that a slip may have been."""
    known = {token for feature in models()["intent"].known for token in feature.split("~") if token.isalpha()}
    known |= {word for word in _right() if word.isascii()}
    targets = set(_OF_TIME)
    for name in ("items", "things", "places", "emergency", "hazards", "cues", "hostile", "dialogue"):
        for heading, entry in table(name).items():
            words = set(re.findall("[a-z]{3,}", " ".join(_phrases(entry))))
            known |= words | {stem(word) for word in words}
            if name in ("items", "things", "places", "emergency") or heading in ("fault", "request"):
                targets |= {word for word in words if len(word) >= SHORTEST}
    many = {word + "s" for word in targets if not word.endswith(("s", "y", "ed", "ing", "ch", "sh", "x"))}
    return frozenset(known), frozenset(targets | many)


def _phrases(entry: Any) -> Iterator[str]:
    for value in entry.values() if isinstance(entry, dict) else ():
        yield from (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


# -- Chinese ----------------------------------------------------------------------------------------------------------


def _characters(run: str) -> str:
    """``run`` of Han characters with each stretch that only sounds like a word of the lexicon replaced by it."""
    words, by_sound = _chinese()
    covered = [False] * len(run)
    for length in range(LONGEST, 1, -1):
        for at in range(len(run) - length + 1):
            if run[at : at + length] in words:
                covered[at : at + length] = [True] * length
    found = run
    for length in range(5, 1, -1):
        for at in range(len(run) - length + 1):
            part = found[at : at + length]
            if any(covered[at : at + length]) or part in words or _SMALL & set(part) or _usual(part):
                continue
            meant = {word for sound in sounds(part) for word in by_sound.get(sound, ())}
            meant = {word for word in meant if _shared(word, part) >= length - 1 or length > 3}
            if len(meant) == 1:
                found = found[:at] + meant.pop() + found[at + length :]
                covered[at : at + length] = [True] * length
    return found


def _shared(word: str, part: str) -> int:
    return sum(one == other for one, other in zip(word, part, strict=True))


def _usual(part: str) -> bool:
    """True when two characters of ``part`` were often seen side by side: then it is likely meant."""
    known = models()["intent"].known
    return any(f"{one}~{other}" in known for one, other in pairwise(part))


@cache
def _right() -> frozenset[str]:
    """Words near to one of the lexicon that are meant as they are."""
    lines = (LEXICON / "right.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@built_once
def _chinese() -> tuple[frozenset[str], dict[tuple[str, ...], set[str]]]:
    """The Chinese words of the lexicon, and by their sound those that a slip may have been."""
    words = {word for word in _right() if _RUN.fullmatch(word)}
    by_sound: dict[tuple[str, ...], set[str]] = {}
    for word, kind in chinese_words(LONGEST):
        words.add(word)
        if kind in (_NAMES if len(word) > 2 else _THINGS) and len(word) <= 5 and not _SMALL & set(word):
            for sound in sounds(word):
                by_sound.setdefault(sound, set()).add(word)
    return frozenset(words), by_sound
