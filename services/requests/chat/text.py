"""A sentence, cleaned and cut into tokens.

Everything after this file works on :class:`Sentence`: half-width, simplified, without invisible characters, at most
``LONGEST`` characters, each token with its place in that text.
"""

from __future__ import annotations

import gc
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Built = TypeVar("Built")

LEXICON = Path(__file__).parent / "lexicon"
LONGEST = 500  # characters of a sentence that are read
REFUSED = 4_000  # characters above which a text is not a sentence at all

# Bidirectional overrides and isolates make a text look unlike what it says: such a text is never acted on.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
# C0 and C1 controls other than tab and line ends, and halves of surrogate pairs.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_SPACES = re.compile(r"\s+")
_HAN = re.compile("[\u3400-\u9fff]")
_HAN_SPACE = re.compile("(?<=[\u3400-\u9fff,，。；])[ ](?=[\u3400-\u9fff])")
_LATIN = re.compile("[A-Za-z]")
_SILENT = frozenset("-'’\"“”‘")  # signs within and around words: double-sided is double sided
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d+|[^\sA-Za-z\d]")


class Unreadable(ValueError):
    """The text cannot be a sentence: ``args[0]`` is a message key under ``chat.unreadable``."""


@dataclass(frozen=True, slots=True)
class Token:
    """One Han character, Latin word, number or sign; ``key`` is what the lexicon is looked up by."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was said, cleaned.

    Attributes:
        text: cleaned text with its letters' case; every span of this package points into it.
        low: the same in lower case, character for character.
        lang: "zh" when any Han character is in it, else "en".
    """

    text: str
    low: str
    lang: str
    tokens: tuple[Token, ...]


def read(text: str) -> Sentence:
    """``text`` as a sentence.

    Raises:
        Unreadable: it is too long, or carries control characters or bidirectional overrides.
    """
    if len(text) > REFUSED:
        raise Unreadable("too_long")
    if _CONTROL.search(text):
        raise Unreadable("control")
    if _BIDI.search(text):
        raise Unreadable("disguised")
    clean = normalise(text)
    low = "".join(c.lower() if len(c.lower()) == 1 else c for c in clean)
    return Sentence(clean, low, language(clean), tuple(_tokens(clean)))


def built_once(build: Callable[[], Built]) -> Callable[[], Built]:
    """``build``, run once and without the garbage collector, which looks in vain through what is all kept."""

    @cache
    @wraps(build)
    def built() -> Built:
        collects = gc.isenabled()
        gc.disable()
        try:
            return build()
        finally:
            if collects:
                gc.enable()

    return built


def normalise(text: str) -> str:
    """``text`` half-width (NFKC), simplified, with single spaces, none of them between Han characters."""
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_simplified())
    return _HAN_SPACE.sub("", _SPACES.sub(" ", text).strip())[:LONGEST]


def language(text: str) -> str:
    """ "zh" when there is a Han character in ``text``, "en" when there is none but a Latin letter, else "zh"."""
    return "zh" if _HAN.search(text) or not _LATIN.search(text) else "en"


def keys_of(text: str) -> tuple[str, ...]:
    """The token keys of a phrase that needs no cleaning, such as one of the lexicon."""
    return tuple(_key(word) for word in _WORD.findall(text) if word not in _SILENT)


def _tokens(text: str) -> Iterator[Token]:
    for found in _WORD.finditer(text):
        if found.group() not in _SILENT:
            yield Token(_key(found.group()), *found.span())


def _key(word: str) -> str:
    return stem(word) if word[0].isascii() and word[0].isalpha() else word


# Words that end like an inflected form and are none, or whose stem means something else here.
_WHOLE = frozenset(
    "meeting building ceiling lighting heating parking morning evening during king thing something anything nothing "
    "everything wing ring bring string spring being king sing red bed need feed speed bleed bus gas plus this his its "
    "us is was has does as yes less always thus focus campus status canvas premises news series besides perhaps "
    "towards afterwards upstairs downstairs catering opening training booking printing cleaning wedding screening "
    "binding bedding hundred shared embed seed weed indeed exceed mixed bored tired used wifi pass glass class across "
    "address press access mess business express princess sms pass process assess hotdog outing briefing filing paving "
    "thursday wednesday sitting landing setting standing rating dining fitting ceilings tiling clothing".split()
)

_UNMARKED = {
    word.replace("'", ""): word
    for word in "don't doesn't didn't won't can't isn't aren't wasn't weren't hasn't haven't couldn't wouldn't shouldn't i'm i'd i've".split()
    if word != "i'd"
}


@cache
def stem(word: str) -> str:
    """The form under which the lexicon lists an English ``word``: lower case, without -s, -ed, -ing, -'s."""
    word = word.lower().replace("’", "'")
    word = _UNMARKED.get(word, word)
    word = word.removesuffix("'s")
    if word in _WHOLE or len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
        if word in _WHOLE:
            return word
    for ending in ("ing", "ed"):
        bare = word.removesuffix(ending)
        if bare != word and len(bare) >= 3 and re.search("[aeiouy]", bare):
            if bare[-1] == bare[-2] and bare[-1] not in "lsz":
                bare = bare[:-1]
            return bare.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


@cache
def _simplified() -> dict[int, str]:
    """Traditional character to simplified, from ``lexicon/traditional.txt``: two characters a pair."""
    lines = (LEXICON / "traditional.txt").read_text(encoding="utf-8").splitlines()
    pairs = " ".join(line for line in lines if not line.startswith("#")).split()
    return {ord(pair[0]): pair[1] for pair in pairs}
