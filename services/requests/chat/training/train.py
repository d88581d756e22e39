"""Learn the weights: ``python -m services.requests.chat.training.train`` writes ``lexicon/weights.txt``.

The sentences are those of the grammars and those of ``examples_*.txt``; the same files and seed give the same weights.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from services.requests.chat import intents, linear
from services.requests.chat.evidence import evidence
from services.requests.chat.text import Unreadable, read
from services.requests.chat.training.sentences import HERE, Made, made
from services.requests.chat.understanding import details_of, hear

if TYPE_CHECKING:
    from collections.abc import Sequence

REFERENCE = datetime(2026, 11, 24, 10, 30)
EACH = 24  # sentences of the grammar for each language, intent and item
INVERSE_PENALTY = 2.0
WEIGHT = 3  # of a sentence written by hand, in sentences of the grammar
LEAST = 4  # how many sentences must have a feature
SMALLEST = 2 * linear.STEP  # weights below this in every class are left out


def examples() -> list[Made]:
    """The sentences written by hand: ``sentence | intent | item``, ``-`` for none."""
    found = []
    for lang in ("zh", "en"):
        for line in (HERE / f"examples_{lang}.txt").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                text, intent, item = line.rsplit(" | ", 2)
                found.append(Made(text, lang, intent, None if item == "-" else item))
    return found


def features(sentence: str) -> list[str]:
    """The features by which the intent of ``sentence`` is told; none for what is no sentence."""
    try:
        heard = hear(read(sentence), REFERENCE)
    except Unreadable:
        return []
    return list(intents.features(heard.sentence, heard.matches, evidence(heard.matches), details_of(heard)))


def learned(name: str, rows: Sequence[list[str]], answers: Sequence[str]) -> list[str]:
    """The lines of one model in the form of :class:`linear.Model`."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    known = Counter(feature for row in rows for feature in row)
    kept = [{feature: 1 for feature in row if known[feature] >= LEAST} for row in rows]
    vectors = DictVectorizer()
    table = vectors.fit_transform(kept)
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(table, answers)
    lines = [f"= {name} {' '.join(fitted.classes_)}", f"{_written(fitted.intercept_)} "]
    for feature, weights in zip(vectors.get_feature_names_out(), fitted.coef_.T, strict=True):
        if max(abs(weight) for weight in weights) >= SMALLEST:
            lines.append(f"{_written(weights)} {feature}")
    return lines


def _written(weights: Sequence[float]) -> str:
    return "".join(f"{max(0, min(255, 128 + round(weight / linear.STEP))):02x}" for weight in weights)


def main() -> int:
    sentences = [*made(EACH), *examples() * WEIGHT]
    intent_rows = [features(one.text) for one in sentences]
    named = [one for one in sentences if one.intent != "other"]
    item_rows = [list(intents.words(read(one.text))) for one in named]
    lines = [
        "# Learned by services.requests.chat.training.train; do not edit. See services/requests/chat/linear.py for the form."
    ]
    lines += learned("intent", intent_rows, [one.intent for one in sentences])
    lines += learned("item", item_rows, [one.item or "none" for one in named])
    linear.FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(sentences)} sentences, {len(lines)} lines, {linear.FILE.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
