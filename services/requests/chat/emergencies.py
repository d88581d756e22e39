"""Is this a matter that cannot wait for a conversation?"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.lexicon import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.lexicon import Match

# The first that is heard takes the request: people before things, and what spreads before what has happened.
_ORDER = ("fire", "gas", "violence", "collapse", "ill", "trapped", "sparks", "scorch", "burst", "flood", "tree")


@cache
def _items() -> dict[str, str]:
    return {name: thing["item"] for name, thing in table("emergency").items() if "item" in thing}


@cache
def codes(kind: str) -> frozenset[str]:
    """The equipment an emergency of ``kind`` may be about."""
    return frozenset(table("emergency")[kind].get("codes", ()))


def emergency(matches: Iterable[Match]) -> tuple[str, str] | None:
    """The item an emergency in ``matches`` goes to, and its kind; None when there is none.

    A drill, an extinguisher, a question about what one would do and an event long past are none, unless two different
    kinds of danger are heard.
    """
    kinds = {match.name for match in matches if match.kind == "emergency"}
    calm = any(match.kind == "unless" for match in matches)
    if not kinds or (calm and len(kinds) == 1):
        return None
    kind = min(kinds, key=_ORDER.index)
    return _items()[kind], kind
