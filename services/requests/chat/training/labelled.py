"""Labelled sentences and dialogues: reading them, and scoring answers against them."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SETS = frozenset({"equipment"})
NUMBERS = frozenset({"headcount", "quantity", "rating"})
ANY = "*"  # as the value of an optional slot: whatever the answer says is right


@dataclass(frozen=True)
class Gold:
    """A frame as labelled; ``optional`` slots may be absent or hold any of the values listed, ``*`` any at all."""

    item: str | None
    slots: dict[str, Any]
    optional: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    text: str
    lang: str
    reference: str
    intent: str
    frames: tuple[Gold, ...]


@dataclass(frozen=True)
class Dialogue:
    turns: tuple[str, ...]
    reference: str
    state: str
    frames: tuple[Gold, ...]


def frames(written: str) -> tuple[Gold, ...]:
    """Frames as the files write them: ``meeting start=... headcount=8 ?floor=3 ; cleaning room=302``."""
    found = []
    for part in written.split(" ; "):
        words = shlex.split(part)
        if not words:
            continue
        slots: dict[str, Any] = {}
        optional: dict[str, list[Any]] = {}
        for word in words[1:]:
            slot, _, text = word.removeprefix("?").partition("=")
            value: Any = text
            if slot in SETS:
                value = sorted(text.split(","))
            elif slot in NUMBERS and text != ANY:
                value = int(text)
            if word.startswith("?"):
                optional.setdefault(slot, []).append(value)
            else:
                slots[slot] = value
        found.append(Gold(None if words[0] == "null" else words[0], slots, optional))
    return tuple(found)


def sentences(path: Path) -> list[Example]:
    """The examples of a file of sentences; its name ends in the language."""
    lang = path.stem.rpartition("_")[2]
    reference = ""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            reference = line[2:].strip()
        elif line.strip() and not line.startswith("# "):
            text, intent, *rest = line.rsplit(" | ", 2)
            found.append(Example(text, lang, reference, intent.strip(" |"), frames(" ".join(rest))))
    return found


def dialogues(path: Path) -> list[Dialogue]:
    """The dialogues of a file."""
    reference = ""
    turns: list[str] = []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("@ "):
            reference = line[2:].strip()
        elif line.startswith("- "):
            turns.append(line[2:])
        elif line.startswith("= "):
            state, _, rest = line[2:].partition(" ")
            found.append(Dialogue(tuple(turns), reference, state, frames(rest)))
            turns = []
    return found


def same(slot: str, gold: Any, answer: Any) -> bool:
    """True when ``answer`` says what ``gold`` says."""
    if slot in SETS:
        return set(gold) == set(answer or ())
    return str(gold).casefold().replace("'", "") == str(answer).casefold().replace("'", "")


def wanted_slots(slots: dict[str, Any], intent: str) -> dict[str, Any]:
    """``slots`` without what the label rules ignore on both sides."""
    return {
        slot: value
        for slot, value in slots.items()
        if not (slot == "quantity" and value == 1)
        and not (slot == "urgency" and (value == "normal" or intent != "file_request"))
        and value not in ("人民广场", "会议室", "办公室")
    }


def compare(gold: Gold, item: str | None, slots: dict[str, Any], intent: str) -> tuple[bool, int, int, int]:
    """Whether the frame is exact, and true positives, false positives and false negatives of its slots."""
    expected, answered = wanted_slots(gold.slots, intent), wanted_slots(slots, intent)
    right = sum(slot in answered and same(slot, value, answered[slot]) for slot, value in expected.items())
    extra = 0
    for slot, value in answered.items():
        if slot in expected:
            extra += not same(slot, expected[slot], value)
        else:
            extra += not any(
                allowed in (ANY, [ANY]) or same(slot, allowed, value) for allowed in gold.optional.get(slot, [])
            )
    return gold.item == item and right == len(expected) and not extra, right, extra, len(expected) - right


@dataclass
class Score:
    """Figures over a set of examples."""

    total: int = 0
    intent: int = 0
    item: int = 0
    exact: int = 0
    right: int = 0
    extra: int = 0
    missed: int = 0
    emergencies: int = 0
    emergencies_heard: int = 0
    hostile_filed: int = 0
    by_slot: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(1, 2 * self.right + self.extra + self.missed)

    def line(self) -> str:
        """One line for a report."""
        total = max(1, self.total)
        return (
            f"n {self.total}  intent {self.intent / total:.3f}  item {self.item / total:.3f}  slot F1 {self.f1:.3f}  "
            f"exact {self.exact / total:.3f}  emergencies {self.emergencies_heard}/{self.emergencies}  hostile filed {self.hostile_filed}"
        )


def add(score: Score, example: Example, intent: str, answer: Sequence[tuple[str | None, dict[str, Any]]]) -> list[str]:
    """Count one answer into ``score``; what was wrong with it, in words."""
    wrong = []
    score.total += 1
    if intent == example.intent:
        score.intent += 1
    else:
        wrong.append(f"intent {intent}")
    gold_items = [gold.item for gold in example.frames if gold.item or gold.slots]
    items = [item for item, slots in answer if item or slots]
    if gold_items == items:
        score.item += 1
    else:
        wrong.append(f"items {items}")
    exact = intent == example.intent and gold_items == items
    if any(gold.slots.get("urgency") == "emergency" for gold in example.frames):
        score.emergencies += 1
        score.emergencies_heard += any(slots.get("urgency") == "emergency" for _, slots in answer)
    score.hostile_filed += example.intent == "other" and intent == "file_request"
    pairs = list(zip(example.frames, answer, strict=False))
    for gold, (item, slots) in pairs:
        frame_exact, right, extra, missed = compare(gold, item, slots, example.intent)
        exact = exact and frame_exact
        score.right, score.extra, score.missed = score.right + right, score.extra + extra, score.missed + missed
        if not frame_exact:
            wrong.append(f"got {item} {wanted_slots(slots, example.intent)}")
    for gold in example.frames[len(pairs) :]:
        score.missed += len(wanted_slots(gold.slots, example.intent))
    for _, slots in answer[len(pairs) :]:
        score.extra += len(wanted_slots(slots, example.intent))
    score.exact += exact
    return wrong


def lines(found: Iterable[str]) -> str:
    return "\n".join(found)
