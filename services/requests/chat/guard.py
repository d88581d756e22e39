"""Which texts are never acted on: injections, markup, and plain abuse."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.lexicon import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.lexicon import Match
    from services.requests.chat.text import Sentence


@cache
def _markup() -> tuple[str, ...]:
    return tuple(mark.lower() for mark in table("hostile")["markup"]["words"])


def is_injection(sentence: Sentence, matches: Iterable[Match]) -> bool:
    """True when ``sentence`` carries code, or tries to give the system orders it does not take from anyone."""
    return any(match.kind == "hostile" and match.name == "injection" for match in matches) or any(
        mark in sentence.low for mark in _markup()
    )


def is_wordless(sentence: Sentence) -> bool:
    """True when ``sentence`` has neither a letter nor a figure."""
    return not any(character.isalnum() for character in sentence.text)


def is_abuse(matches: Iterable[Match]) -> bool:
    """True when the sentence insults; it may still carry a wish."""
    return any(match.kind == "hostile" and match.name == "insult" for match in matches)
