"""Sentences made from the grammars: the same seed gives the same sentences."""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.requests.chat.alarm import CALM

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SEED = 20261124
_CHOICE = re.compile(r"\(([^()]*)\)")
_PART = re.compile("<([a-z]+)>")
_NEIGHBOURS = {
    "a": "s",
    "e": "r",
    "i": "o",
    "n": "m",
    "t": "r",
    "o": "p",
    "s": "a",
    "r": "t",
}  # keys that lie side by side


@dataclass(frozen=True)
class Made:
    """One sentence to learn from with its labels; ``item`` is None where none is named."""

    text: str
    lang: str
    intent: str
    item: str | None
    urgent: bool = False


def made(each: int, seed: int = SEED) -> list[Made]:
    """About ``each`` sentences for every language, intent and item; duplicates are left out."""
    chance = random.Random(seed)
    found: dict[str, Made] = {}
    for lang in ("zh", "en"):
        grammar = tomllib.loads((HERE / f"grammar_{lang}.toml").read_text(encoding="utf-8"))
        for one in _of_language(grammar, lang, each, chance):
            found.setdefault(one.text, one)
    return list(found.values())


def made_alarms(each: int, seed: int = SEED) -> list[tuple[str, str]]:
    """About ``each`` dangers for every language and item with its name, and twice as many that only sound like one."""
    chance = random.Random(seed)
    found: dict[str, str] = {}
    for lang in ("zh", "en"):
        grammar = tomllib.loads((HERE / f"alarms_{lang}.toml").read_text(encoding="utf-8"))
        for answer, shapes in grammar["shapes"].items():
            for _ in range(each * 2 if answer == CALM else each):
                text = _fill(chance.choice(shapes), grammar["parts"], {}, chance)
                found.setdefault(_noisy(text, lang, chance), answer)
    return list(found.items())


def _of_language(grammar: dict[str, Any], lang: str, each: int, chance: random.Random) -> Iterator[Made]:
    parts, intents = grammar["parts"], grammar["intents"]
    for item, words in grammar["items"].items():
        for _ in range(each * 3):
            yield Made(
                _noisy(
                    _fill(chance.choice(words["wants"]), parts, {}, chance)
                    + _fill(chance.choice(parts["polite"]), parts, {}, chance),
                    lang,
                    chance,
                ),
                lang,
                "file_request",
                item,
            )
        for _ in range(each):
            shape = chance.choice(parts["tersely"])
            text = _fill(shape, parts, {"terse": words["terse"]}, chance)
            yield Made(_noisy(text, lang, chance), lang, "file_request", item)
        for intent, shapes in intents.items():
            if intent == "other":
                continue
            for _ in range(each):
                shape = chance.choice(shapes)
                own = {"name": words["names"], "complaint": words["complaints"], "question": words["questions"]}
                spoken = any(f"<{name}>" in shape for name in own)
                text = _fill(shape, parts, own, chance)
                # A choice such as (<ticket>|<name>) may have left the item unnamed.
                named = spoken and (
                    "<name>" not in shape
                    or "<ticket>" not in shape
                    or not any(ticket in text for ticket in parts["ticket"])
                )
                yield Made(_noisy(text, lang, chance), lang, intent, item if named else None)
    for _ in range(each * 8):
        yield Made(_noisy(_fill(chance.choice(intents["other"]), parts, {}, chance), lang, chance), lang, "other", None)


def _fill(shape: str, parts: dict[str, list[str]], own: dict[str, list[str]], chance: random.Random) -> str:
    """``shape`` with every choice taken and every part filled."""
    for _ in range(12):
        choice = _CHOICE.search(shape)
        if choice:
            shape = shape[: choice.start()] + chance.choice(choice.group(1).split("|")) + shape[choice.end() :]
            continue
        part = _PART.search(shape)
        if part:
            shape = (
                shape[: part.start()]
                + chance.choice(own.get(part.group(1)) or parts[part.group(1)])
                + shape[part.end() :]
            )
            continue
        break
    while choice := _CHOICE.search(shape):
        shape = shape[: choice.start()] + chance.choice(choice.group(1).split("|")) + shape[choice.end() :]
    return re.sub("<[a-z]+>", "", re.sub(" +", " ", shape))


def _noisy(text: str, lang: str, chance: random.Random) -> str:
    """``text``, now and then as people type it: no punctuation, lower case, a slip of a key."""
    text = text.strip(" ，,")
    roll = chance.random()
    if roll < 0.1:
        return re.sub("[，。！？,.!?]", " ", text).strip()
    if lang == "en" and roll < 0.4:
        text = text.lower()
        if roll < 0.15 and len(text) > 12:
            at = chance.randrange(len(text))
            text = text[:at] + _NEIGHBOURS.get(text[at], text[at]) + text[at + 1 :]
    elif lang == "en":
        text = text[:1].upper() + text[1:]
    return text
