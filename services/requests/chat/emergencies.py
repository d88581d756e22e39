"""Is this a matter that cannot wait for a conversation?"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.lexicon import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.lexicon import Match

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
def codes(kind: str) -> frozenset[str]:
    """The equipment an emergency of ``kind`` may be about."""
    return frozenset(table("emergency")[kind].get("codes", ()))


def emergency(matches: Iterable[Match]) -> tuple[str, str] | None:
    """The item an emergency in ``matches`` goes to, and its kind; None when there is none.

    A drill, an extinguisher, a question about what one would do and an event long past are none, unless two different
    kinds of danger are heard.
    """
    matches = list(matches)
    kinds = {match.name for match in matches if match.kind == "emergency"}
    said = {match.name for match in matches if match.kind == "danger"}
    for number, rule in enumerate(table("emergency")["together"]):
        if all(f"{number}.{part}" in said for part in range(len(rule["all"]))):
            kinds.add(rule["kind"])
    reasons = {match.name for match in matches if match.kind == "unless"}
    if "unless_ill" in reasons:
        kinds -= {"ill", "trapped"}
    if "unless_fire" in reasons and "blaze" not in kinds:
        kinds -= {"fire", "scorch"}
    calm = "unless" in reasons
    if calm and "blaze" in kinds:
        kinds -= {"fire"}  # one danger, not two
    if not kinds or (calm and len(kinds) == 1):
        return None
    kind = min(kinds, key=_ORDER.index)
    return _items()[kind], kind
