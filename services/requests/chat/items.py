"""Which item a sentence with one need asks for: the words of the lexicon and the sentence as a whole, weighed together.

The lexicon alone names the item of a room before that of what is broken in it, and knows no word that nobody listed; how
much each word and each list counts was learned (see ``training``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.requests.chat.evidence import evidence
from services.requests.chat.intents import words
from services.requests.chat.linear import models, probability

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.requests.chat.lexicon import Match
    from services.requests.chat.text import Sentence

NONE = "none"
_MOST = 9  # evidence above this counts alike
_APART = 3


def features(sentence: Sentence, matches: Sequence[Match]) -> Iterator[str]:
    """What speaks for one item or another, each once."""
    said = {f"says {match.kind} {match.name} {match.weight}" for match in matches if match.kind in ("item", "thing")}
    yield from sorted(
        said | {f"says {match.kind}" for match in matches if match.kind in ("fault", "reported", "place")}
    )
    found = evidence(matches)
    ranked = sorted(found, key=lambda item: (-found[item], item))
    yield from (f"evidence {item} {min(int(found[item]), _MOST)}" for item in ranked)
    if ranked:
        yield f"first {ranked[0]}"
    if len(ranked) > 1:
        first, second = ranked[:2]
        yield f"first {first} {second} {min(int(found[first] - found[second]), _APART)}"
    yield from words(sentence)
    yield from pieces(sentence)


_PIECES = (3, 4, 5)  # letters, by which forms of a word, its compounds and slips in it are alike


def pieces(sentence: Sentence) -> Iterator[str]:
    """What the English words of ``sentence`` are made of, their ends marked by ``<`` and ``>``."""
    marked = (f"<{token.key}>" for token in sentence.tokens if token.key.isascii() and token.key.isalpha())
    yield from dict.fromkeys(
        f"{word[start : start + length]}-"
        for word in marked
        for length in _PIECES
        for start in range(len(word) - length + 1)
    )


def likely(sentence: Sentence, matches: Sequence[Match]) -> tuple[str | None, float]:
    """The item that ``sentence`` is most likely about, None for none of them, and how likely, 0 to 1."""
    scores = models()["item"].scores(features(sentence, matches))
    best = max(scores, key=lambda name: scores[name])
    return (None if best == NONE else best), probability(scores, best)
