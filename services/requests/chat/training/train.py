"""Learn the weights: ``python -m services.requests.chat.training.train`` writes ``lexicon/weights.txt``.

The sentences are those of the grammars, of ``examples_*.txt`` and ``labelled*.txt``, for dangers those of ``alarms_*``
beside them; the same files and seed give the same weights.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from services.requests.chat import alarm, emergencies, hazards, intents, items, linear, slots
from services.requests.chat.evidence import evidence
from services.requests.chat.lexicon import lexicon
from services.requests.chat.text import Unreadable, read
from services.requests.chat.training.labelled import dialogues
from services.requests.chat.training.labelled import sentences as labelled_sentences
from services.requests.chat.training.sentences import HERE, SEED, Made, made, made_alarms
from services.requests.chat.understanding import details_of, hear

if TYPE_CHECKING:
    from collections.abc import Sequence

REFERENCE = datetime(2026, 11, 24, 10, 30)
EACH = 24  # sentences of the grammar for each language, intent and item
EACH_ALARM = 450  # the same of dangers
INVERSE_PENALTY = 2.0
WEIGHT = 3  # of a sentence written by hand, in sentences of the grammar
BLURRED = 2  # times a sentence of alarms_*.txt is learned again with features left out
LEFT_OUT = 0.3  # of them
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


def labelled() -> list[Made]:
    """The sentences of ``labelled*.txt`` with at most one need."""
    found = []
    for path in sorted(HERE.glob("labelled*_*.txt")):
        for one in labelled_sentences(path):
            if len(one.frames) > 1:
                continue
            said = one.frames[0] if one.frames else None
            urgent = said is not None and said.slots.get("urgency") == "emergency"
            found.append(Made(one.text, one.lang, one.intent, said.item if said else None, urgent))
    return found


def answers() -> list[Made]:
    """What people say in the middle of the conversations of ``dialogues*.txt`` about nothing urgent."""
    calm = (
        one
        for path in sorted(HERE.glob("dialogues*.txt"))
        for one in dialogues(path)
        if not any(frame.slots.get("urgency") == "emergency" for frame in one.frames)
    )
    return [Made(turn, "", "other", None) for one in calm for turn in one.turns if not _tells_danger(turn)]


def item_features(sentence: str) -> list[str]:
    """The features by which the item of ``sentence`` is told; none for what is no sentence."""
    try:
        heard = hear(read(sentence), REFERENCE)
    except Unreadable:
        return []
    removed = slots.without(heard.sentence, heard.matches)
    return list(items.features(heard.sentence, slots.left(heard.matches, removed)))


def features(sentence: str) -> list[str]:
    """The features by which the intent of ``sentence`` is told; none for what is no sentence."""
    try:
        heard = hear(read(sentence), REFERENCE)
    except Unreadable:
        return []
    return list(intents.features(heard.sentence, heard.matches, evidence(heard.matches), details_of(heard)))


def alarms() -> list[tuple[str, str]]:
    """The dangers with their items, and what only sounds like one."""
    found = []
    for lang in ("zh", "en"):
        for line in (HERE / f"alarms_{lang}.txt").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                text, item = line.rsplit(" | ", 1)
                found.append((text, alarm.CALM if item == "-" else item))
    return found


def alarm_features(sentence: str) -> list[str]:
    """The features by which danger is told in ``sentence``; none for what is no sentence."""
    try:
        heard = read(sentence)
    except Unreadable:
        return []
    matches = lexicon().matches(heard)
    parts = hazards.hazards(heard, [match for match in matches if match.name == "unless_here"])
    return list(alarm.features(heard, matches, parts.classes))


def _tells_danger(sentence: str) -> bool:
    """True when a phrase or a scene tells danger in ``sentence``."""
    try:
        heard = read(sentence)
    except Unreadable:
        return False
    matches = lexicon().matches(heard)
    figures = [match for match in matches if match.name == "unless_here"]
    return bool(emergencies.told(heard, matches, hazards.hazards(heard, figures)))


def _alarm_rows(ordinary: Sequence[Made]) -> tuple[list[list[str]], list[str]]:
    """Features and answers of the dangers and of what is none, and blurred copies, so that no one word decides."""
    chance = random.Random(SEED)
    rows: list[list[str]] = [alarm_features(one.text) for one in ordinary]
    answers = [(one.urgent and one.item) or alarm.CALM for one in ordinary]
    for text, answer, blurred in [
        *((*one, BLURRED) for one in alarms()),
        *((*one, 1) for one in made_alarms(EACH_ALARM)),
    ]:
        row = alarm_features(text)
        copies = [row] + [[each for each in row if chance.random() > LEFT_OUT] for _ in range(blurred)]
        rows += copies
        answers += [answer] * len(copies)
    return rows, answers


def _even(answers: Sequence[str]) -> list[float]:
    """Shares with which the dangers together count as much as what is calm."""
    calm = answers.count(alarm.CALM)
    return [0.5 / calm if answer == alarm.CALM else 0.5 / (len(answers) - calm) for answer in answers]


def learned(
    name: str, rows: Sequence[list[str]], answers: Sequence[str], shares: Sequence[float] | None = None
) -> list[str]:
    """The lines of one model in the form of :class:`linear.Model`."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    known = Counter(feature for row in rows for feature in row)
    kept = [{feature: 1 for feature in row if known[feature] >= LEAST} for row in rows]
    vectors = DictVectorizer()
    table = vectors.fit_transform(kept)
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(
        table, answers, sample_weight=None if shares is None else [share * len(answers) for share in shares]
    )
    lines = [f"= {name} {' '.join(fitted.classes_)}", f"{_written(fitted.intercept_)} "]
    for feature, weights in zip(vectors.get_feature_names_out(), fitted.coef_.T, strict=True):
        if max(abs(weight) for weight in weights) >= SMALLEST:
            lines.append(f"{_written(weights)} {feature}")
    return lines


def _written(weights: Sequence[float]) -> str:
    return "".join(f"{max(0, min(255, 128 + round(weight / linear.STEP))):02x}" for weight in weights)


def digest() -> str:
    """Of everything that is learned from: the shipped weights name the files that they were learned from."""
    found = hashlib.sha256()
    for path in sorted([*HERE.glob("*.txt"), *HERE.glob("*.toml")]):
        found.update(path.name.encode() + b"\n" + path.read_bytes())
    return found.hexdigest()[:16]


def main() -> int:
    sentences = [*made(EACH), *examples() * WEIGHT, *labelled() * WEIGHT]
    intent_rows = [features(one.text) for one in sentences]
    named = [one for one in sentences if one.intent != "other"]
    item_rows = [item_features(one.text) for one in named]
    lines = [
        f"# Learned by services.requests.chat.training.train from {digest()}; do not edit. See services/requests/chat/linear.py."
    ]
    lines += learned("intent", intent_rows, [one.intent for one in sentences])
    lines += learned("item", item_rows, [one.item or items.NONE for one in named])
    ordinary = [one for one in sentences if one.urgent or not _tells_danger(one.text)]
    rows, told = _alarm_rows([*ordinary, *answers() * WEIGHT])
    lines += learned("alarm", rows, told, _even(told))
    linear.FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(sentences)} sentences, {len(lines)} lines, {linear.FILE.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
