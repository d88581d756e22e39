"""Is this a matter that cannot wait for a conversation?"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.alarm import ABSURD, LEAST, LIKELY, SURE, UNLIKELY, alarm, features
from services.requests.chat.evidence import evidence
from services.requests.chat.hazards import denied, hazards
from services.requests.chat.lexicon import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.hazards import Hazards
    from services.requests.chat.lexicon import Match
    from services.requests.chat.text import Sentence

# The first that is heard takes the request: people before things, and what spreads before what has happened.
_ORDER = (
    "blaze",
    "fire",
    "gas",
    "violence",
    "collapse",
    "ill",
    "trapped",
    "sparks",
    "outage",
    "scorch",
    "burst",
    "flood",
    "tree",
    "cry",
)


@cache
def _items() -> dict[str, str]:
    return {name: thing["item"] for name, thing in table("emergency").items() if name != "together" and "item" in thing}


@cache
def _codes(*kinds: str) -> frozenset[str]:
    return frozenset(code for kind in kinds for code in table("emergency")[kind].get("codes", ()))


def emergency(sentence: Sentence, matches: Iterable[Match]) -> tuple[str, frozenset[str]] | None:
    """The item an emergency in ``sentence`` goes to, and the equipment it may be about; None when there is none.

    It is named by a phrase among ``matches``, told in parts, or sounds like one as a whole. A drill, an extinguisher, a
    question about what one would do and an event long past are none, unless two different kinds of danger are named.
    """
    matches = list(matches)
    parts = hazards(sentence, [match for match in matches if match.name == "unless_here"])
    kinds = told(sentence, matches, parts)
    likely, item = alarm(features(sentence, matches, parts.classes))
    plain = _plain(matches)
    if kinds and likely >= (UNLIKELY if plain else ABSURD):
        kind = min(kinds, key=_ORDER.index)
        return _items()[kind], _codes(kind)
    little = len({token.key for token in sentence.tokens}) < LEAST
    quiet = plain or parts.topic or little or any(match.name == "unless" for match in matches)
    if likely < (SURE if quiet else LIKELY):
        return None
    return item, _codes(*(kind for kind, goes_to in _items().items() if goes_to == item))


# Evidence from which a sentence plainly asks for something ordinary.
_PLAINLY = {"repair": 6.0, "landscaping": 4.0, "meeting": 5.0, "vehicle": 5.0, "barber": 5.0, "printing": 5.0}


def _plain(matches: list[Match]) -> bool:
    """True when a fault is told of a thing that breaks, or something is booked: then only what is all but certain counts."""
    found = evidence(matches)
    best = max(found, key=lambda item: found[item], default="")
    return found.get(best, 0.0) >= _PLAINLY.get(best, math.inf)


def told(sentence: Sentence, matches: list[Match], parts: Hazards) -> set[str]:
    """The kinds of danger that phrases name and scenes tell."""
    phrases = [match for match in matches if match.kind == "emergency" and not denied(sentence, match.start)]
    kinds = {match.name for match in phrases}
    said = {match.name for match in matches if match.kind == "danger"}
    for number, rule in enumerate(table("emergency")["together"]):
        if all(f"{number}.{part}" in said for part in range(len(rule["all"]))):
            kinds.add(rule["kind"])
    told = set(parts.kinds)
    reasons = {match.name for match in matches if match.kind == "unless"}
    if "unless_ill" in reasons:
        kinds -= {"ill", "trapped"}
        told -= {"ill", "trapped"}
    if "unless_fire" in reasons and "blaze" not in kinds:
        kinds -= {"fire", "scorch"}
        told -= {"scorch"}
    calm = "unless" in reasons or parts.topic
    if calm and "blaze" in kinds:
        kinds -= {"fire"}  # one danger, not two
    if parts.booking and kinds == {"cry"}:
        kinds = set()  # a lifesaver is asked for a room
    if calm:
        return kinds if len(kinds) > 1 and _apart(phrases) else set()
    return kinds | told


def _apart(phrases: list[Match]) -> bool:
    """True when two dangers are named in two places, not one by two lists."""
    return any(one.end <= other.start and one.name != other.name for one in phrases for other in phrases)
