"""Dangers told in parts that are harmless apart: somebody and a fall, a cable and the ground, a wall and a groan.

``lexicon/hazards.toml`` holds classes of words and the scenes they make together, so that a danger is heard in wordings
that no list of phrases has, and the words that turn what is said into a drill, a question or an event that is over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.requests.chat.lexicon import Lexicon, Match, table
from services.requests.chat.text import built_once

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.text import Sentence

_NEAR = {"zh": 26, "en": 75}  # characters that a scene may stretch over
_MASK = "mask"
_SCENE = "scene"
_DENIED = re.compile(
    r"(?:没有|没|无|未|并未|并没有|不是|别|勿|避免|以免)(?:人|再|看到|闻到|听到|发现|出现|发生|任何|明显|什么|有|被|谁)*$"
    r"|\b(?:no|not|never|without|nobody|none|n't|nothing)(?: (?:is|was|were|been|any|one|sign|signs|of|or|seen|yet|really|"
    r"visible|actual|a|an|the|got|has|real|big))*\s*$"
)


@dataclass(frozen=True, slots=True)
class Hazards:
    """What a sentence tells of danger in parts.

    Attributes:
        kinds: kinds of emergency, as ``lexicon/emergency.toml`` names them; none when the sentence is calm.
        topic: danger is what a drill, a lesson or a document is about, a question or a figure of speech; or it is over.
        booking: something is to be booked.
        classes: the classes of words that are said.
    """

    kinds: frozenset[str]
    topic: bool
    booking: bool
    classes: frozenset[str]


def hazards(sentence: Sentence, figures: Iterable[Match] = ()) -> Hazards:
    """The dangers that ``sentence`` puts together; ``figures`` are turns of phrase that only sound like one."""
    said = _said(sentence, list(figures))
    calm = {name for name in said if name.startswith("calm_")}
    if "setting" in said:
        calm.discard("calm_topic")
    if "real" in said:
        calm -= {"calm_past", "calm_upkeep", "calm_planned"}
    near = _NEAR[sentence.lang]
    kinds = {
        scene["kind"]
        for scene in table("hazards")[_SCENE]
        if all(name in said for name in scene["all"])
        and not any(name in said for name in scene.get("none", ()))
        and _together([said[name] for name in scene["all"]], near)
    }
    topic = bool(calm & {"calm_topic", "calm_asked", "calm_over", "calm_figure"})
    return Hazards(frozenset() if calm else frozenset(kinds), topic, "booking" in said, frozenset(said))


def _said(sentence: Sentence, figures: list[Match]) -> dict[str, list[Match]]:
    """What is said of each class: nothing denied, no longer word's part, no turn of phrase."""
    matches = _lexicon().matches(sentence)
    masks = [match for match in matches if match.name == _MASK]
    said: dict[str, list[Match]] = {}
    for match in matches:
        if match.name == _MASK or any(_cut(match, one) for one in masks if one.kind == match.kind):
            continue
        guard = match.kind.startswith("calm_") or match.kind in ("real", "setting", "booking")
        if not guard and (
            any(one.start < match.end and match.start < one.end for one in figures) or denied(sentence, match.start)
        ):
            continue
        said.setdefault(match.kind, []).append(match)
    return said


def denied(sentence: Sentence, at: int) -> bool:
    """True when what begins at ``at`` is said not to be: no smoke, 没有冒烟."""
    return _DENIED.search(sentence.low[max(0, at - 30) : at]) is not None


def _cut(match: Match, mask: Match) -> bool:
    """True when the last of ``match`` is a part of the longer ``mask``: 烟 of 烟头 in 全是烟头."""
    return mask.start < match.end <= mask.end


def _together(classes: list[list[Match]], near: int) -> bool:
    """True when ``near`` characters somewhere hold one of each of ``classes``."""
    starts = {match.start for matches in classes for match in matches}
    return any(
        all(any(start <= match.start and match.end <= start + near for match in matches) for matches in classes)
        for start in starts
    )


@built_once
def _lexicon() -> Lexicon:
    words = Lexicon()
    listed: dict[str, Any] = table("hazards")
    for name, entry in listed.items():
        if name == _SCENE:
            continue
        for phrase in entry["words"]:
            words.add(phrase, name, name)
        for phrase in entry.get(_MASK, ()):
            words.add(phrase, name, _MASK)
    return words
