"""The shipped linear models: a word's weight for each class, added up. Standard library only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from services.requests.chat.text import LEXICON, built_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

FILE = LEXICON / "weights.txt"
STEP = 1 / 16  # one unit of a stored weight


class Model:
    """Weights of features for classes.

    The file has one block for each model: a line ``= name class class ...`` and then one line for each feature, its
    weights as two hexadecimal digits for each class (128 is nothing, one more is ``STEP`` more), a space, the feature.
    """

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self._weights: dict[str, str] = {}

    @property
    def known(self) -> Collection[str]:
        """The features that have a weight."""
        return self._weights.keys()

    def learn(self, feature: str, weights: str) -> None:
        self._weights[feature] = weights

    def scores(self, features: Iterable[str]) -> dict[str, float]:
        """The sum of the weights of ``features`` for each class, as a log-probability up to a constant."""
        totals = [0] * len(self.classes)
        for feature in ("", *features):  # the empty feature is always there
            weights = self._weights.get(feature)
            if weights is not None:
                for number, byte in enumerate(bytes.fromhex(weights)):
                    totals[number] += byte - 128
        return {name: total * STEP for name, total in zip(self.classes, totals, strict=True)}


def probability(scores: dict[str, float], name: str) -> float:
    """How likely ``name`` is among the classes of ``scores``."""
    most = max(scores.values())
    return math.exp(scores[name] - most) / sum(math.exp(score - most) for score in scores.values())


@built_once
def models() -> dict[str, Model]:
    """The models of the shipped file by name; read once."""
    found: dict[str, Model] = {}
    model = Model(())
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("= "):
            _, name, *classes = line.split(" ")
            model = found[name] = Model(tuple(classes))
        elif not line.startswith("#"):
            weights, _, feature = line.partition(" ")
            model.learn(feature, weights)
    return found
