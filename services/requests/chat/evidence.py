"""How strongly a stretch of a sentence speaks for each service item."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.lexicon import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.lexicon import Match

ITEMS = (
    "security", "meeting", "canteen", "barber", "clinic", "repair", "cleaning", "vehicle", "landscaping", "residence",
    "printing", "square",
)  # fmt: skip
ALSO_BREAKS = frozenset({"microphone", "sound", "screen", "video_conf", "laptop"})
NEED = 4.0  # evidence from which a clause asks for an item of its own


@cache
def codes_of(item: str) -> frozenset[str]:
    """The equipment codes a frame of ``item`` may carry."""
    return frozenset(code for code, thing in table("things").items() if item in thing["for"])


@cache
def items_of(code: str) -> frozenset[str]:
    """The items whose frames may carry ``code``."""
    return frozenset(table("things")[code]["for"])


def evidence(matches: Iterable[Match], *, judged: bool = False) -> dict[str, float]:
    """Weight by item: the strongest word counts whole, each further one a little.

    In a sentence that judges or asks in general (``judged``) 食堂 is what, not where.
    """
    words: dict[str, dict[tuple[int, int], int]] = {}
    things: set[str] = set()
    broken = 0
    reported = False
    matches = list(matches)
    spots = {(match.start, match.end) for match in matches if match.kind == "place"}
    for match in matches:
        if match.kind == "item":
            spans = words.setdefault(match.name, {})
            span = (match.start, match.end)
            # 食堂 in 食堂的灯坏了 is where, not what.
            weight = min(match.weight, 3) if span in spots and not judged else match.weight
            spans[span] = max(spans.get(span, 0), weight)
        elif match.kind == "thing":
            things.add(match.name)
        elif match.kind == "fault":
            broken += 1
        elif match.kind == "reported":
            reported = True
    for thing in things:
        homes = items_of(thing)
        for item in homes & {"meeting"} if "repair" in homes else homes:
            words.setdefault(item, {})[-1, hash(thing)] = 4 if len(homes) == 1 and item != "meeting" else 2
    scores = {item: _sum(list(spans.values())) for item, spans in words.items()}
    if "access_card" in things and broken:
        scores["security"] = scores.get("security", 0.0) + 3.0  # a badge that opens no door is issued anew
    faulty = things & (codes_of("repair") | ALSO_BREAKS)
    if "repair" in scores and not faulty and not broken and max(scores.values()) >= NEED:
        scores["repair"] = min(scores["repair"], 3.0)  # 修 alone: hedges are trimmed, hair is cut
    if broken or (reported and faulty):
        # Something broken is a repair, whatever room or event it is needed for.
        scores["repair"] = scores.get("repair", 0.0) + (
            6.0 if faulty else 3.2 if max(scores.values(), default=0.0) < NEED else 2.0
        )
    elif faulty - codes_of("meeting"):
        scores["repair"] = scores.get("repair", 0.0) + 2.0
    return scores


def _sum(weights: list[int]) -> float:
    weights.sort(reverse=True)
    return weights[0] + 0.3 * sum(weights[1:4])
