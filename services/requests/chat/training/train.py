"""Learn the weights: ``python -m services.requests.chat.training.train`` writes ``lexicon/weights.txt``.

The sentences are those of the grammars, of ``examples_*.txt``, ``labelled*.txt``, ``corpus_*.txt`` and ``terms_*.txt``
(a few words about one thing each), for dangers those of ``alarms_*`` beside them; the same files and seed give the same
weights.
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
INVERSE_PENALTY = 1.0
INVERSE_PENALTY_ALARM = 2.0
# What a sentence of each kind of file counts, in sentences of the grammar.
WEIGHTS = {"examples": 3, "labelled": 3, "corpus": 2, "terms": 1}
BLURRED = 2  # times a sentence of alarms_*.txt is learned again with features left out
LEFT_OUT = 0.3  # of them
LEAST = 2  # how many sentences must have a feature
LEAST_ALARM = 4
SMALLEST = 2 * linear.STEP  # weights below this in every class are left out


def written(kind: str) -> list[Made]:
    """The sentences of a kind of file: ``sentence | intent | item``, ``-`` for none."""
    found = []
    for lang in ("zh", "en"):
        for line in (HERE / f"{kind}_{lang}.txt").read_text(encoding="utf-8").splitlines():
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


def _alarm_rows(ordinary: Sequence[tuple[Made, float]]) -> tuple[list[list[str]], list[str], list[float]]:
    """Features and answers of the dangers and of what is none, and what each counts: together the dangers as much as the rest.

    Blurred copies beside them, so that no one word decides.
    """
    chance = random.Random(SEED)
    rows = [(alarm_features(one.text), (one.urgent and one.item) or alarm.CALM, count) for one, count in ordinary]
    for text, answer, blurred in [
        *((*one, BLURRED) for one in alarms()),
        *((*one, 1) for one in made_alarms(EACH_ALARM)),
    ]:
        row = alarm_features(text)
        copies = [row] + [[each for each in row if chance.random() > LEFT_OUT] for _ in range(blurred)]
        rows += [(copy, answer, 1) for copy in copies]
    calm = sum(count for _, answer, count in rows if answer == alarm.CALM)
    urgent = sum(count for *_, count in rows) - calm
    half = (calm + urgent) / 2
    counts = [count * half / (calm if answer == alarm.CALM else urgent) for _, answer, count in rows]
    return [row for row, *_ in rows], [answer for _, answer, _ in rows], counts


def learned(
    name: str,
    rows: Sequence[list[str]],
    answers: Sequence[str],
    counts: Sequence[float],
    inverse_penalty: float = INVERSE_PENALTY,
    least: int = LEAST,
) -> list[str]:
    """The lines of one model in the form of :class:`linear.Model`; a row counts as so many as ``counts`` says."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    known = Counter(feature for row in rows for feature in row)
    kept = [{feature: 1 for feature in row if known[feature] >= least} for row in rows]
    vectors = DictVectorizer()
    table = vectors.fit_transform(kept)
    # So near to the end that rounding, not the machine's order of adding, decides a weight.
    fitted = LogisticRegression(C=inverse_penalty, max_iter=5000, tol=1e-6).fit(table, answers, sample_weight=counts)
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
    counted = [(one, 1) for one in made(EACH)] + [(one, WEIGHTS["labelled"]) for one in labelled()]
    for kind in ("examples", "corpus", "terms"):
        counted += [(one, WEIGHTS[kind]) for one in written(kind)]
    named = [each for each in counted if each[0].intent != "other"]
    lines = [
        f"# Learned by services.requests.chat.training.train from {digest()}; do not edit. See services/requests/chat/linear.py."
    ]
    rows = [features(one.text) for one, _ in counted]
    lines += learned("intent", rows, [one.intent for one, _ in counted], [count for _, count in counted])
    rows = [item_features(one.text) for one, _ in named]
    lines += learned("item", rows, [one.item or items.NONE for one, _ in named], [count for _, count in named])
    ordinary = [(one, count) for one, count in counted if one.urgent or not _tells_danger(one.text)]
    ordinary += [(one, WEIGHTS["labelled"]) for one in answers()]
    lines += learned("alarm", *_alarm_rows(ordinary), INVERSE_PENALTY_ALARM, LEAST_ALARM)
    linear.FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(counted)} sentences, {len(lines)} lines, {linear.FILE.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
