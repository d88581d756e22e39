"""How much a sentence as a whole sounds like danger, for what no phrase and no scene tells.

A linear model learned from dangers and from what only sounds like one (``training/alarms_*.txt``): the classes of
``lexicon/hazards.toml``, what is asked for and the words are its features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.requests.chat.intents import shapes, words
from services.requests.chat.linear import models, probability

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from services.requests.chat.lexicon import Match
    from services.requests.chat.text import Sentence

CALM = "calm"
LIKELY = 0.4  # from which danger is heard although no rule tells of it
LEAST = 5  # different words or characters; what has fewer answers a question, unless it is plain
SURE = 0.7  # the same where little is said, or a drill, a question or what is over is spoken of
ABSURD = 0.003  # below which what tells danger is taken for something else
UNLIKELY = 0.02  # the same where the rest is a plain request
_TOLD = frozenset({"emergency", "danger", "place", "hostile"})  # what the rules say of danger, and names


def features(sentence: Sentence, matches: Sequence[Match], classes: Collection[str]) -> Iterator[str]:
    """What speaks for danger or against it, each once; ``classes`` are those of the hazards said."""
    yield from (f"class {name}" for name in sorted(classes))
    yield from sorted({f"said {match.kind} {match.name}" for match in matches if match.kind not in _TOLD})
    yield from (f"shape {name}" for name in shapes(sentence))
    yield f"length {min(len(sentence.tokens) // 4, 6)}"
    yield from words(sentence)


def alarm(features_said: Iterable[str]) -> tuple[float, str]:
    """How likely there is danger, 0 to 1, and the item that would take it."""
    scores = models()["alarm"].scores(features_said)
    item = max((name for name in scores if name != CALM), key=lambda name: scores[name])
    return 1 - probability(scores, CALM), item
