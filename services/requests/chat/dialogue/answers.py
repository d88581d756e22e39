"""Short answers: yes, no, leave it, all of it, start over, a person please."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.lexicon import Lexicon, table

if TYPE_CHECKING:
    from services.requests.chat.text import Sentence

_PUNCTUATION = frozenset(",.;:!?。，！？~～、…")


@cache
def _words() -> Lexicon:
    words = Lexicon()
    for kind, thing in table("dialogue").items():
        for phrase in thing["words"]:
            words.add(phrase, kind, kind)
    return words


def kinds(sentence: Sentence) -> set[str]:
    """What the whole of ``sentence`` says, when short answers cover it from end to end; else the empty set.

    好的，谢谢 is {"yes", "polite"}; 好，再加个投影 is empty, for it says more.
    """
    found = [
        match
        for match in _words().matches(sentence)
        if match.kind in ("yes", "no", "drop", "all", "polite", "restart", "person")
    ]
    reach: dict[int, frozenset[str]] = {0: frozenset()}
    for token in sentence.tokens:
        here = reach.get(token.start)
        if here is None:
            continue
        steps = [(match.end, match.kind) for match in found if match.start == token.start]
        if token.key in _PUNCTUATION:
            steps.append((token.end, ""))
        for end, kind in steps:
            after = _next(sentence, end)
            said = here | {kind} if kind else here
            # The reading with the fewest kinds wins: 不用了 is one refusal, not 不 and 用了.
            if after not in reach or len(said) < len(reach[after]):
                reach[after] = said
    return set(reach.get(len(sentence.text), frozenset()))


def _next(sentence: Sentence, end: int) -> int:
    """The start of the token at or after ``end``; the length of the text when there is none."""
    return next((token.start for token in sentence.tokens if token.start >= end), len(sentence.text))


def mentions(sentence: Sentence, kind: str) -> bool:
    """True when ``sentence`` says ``kind`` somewhere in it."""
    return any(match.kind == kind for match in _words().matches(sentence))


_GIVES_UP = re.compile("^(?:那)?(?:还是)?算了")


def gives_up(sentence: Sentence) -> bool:
    """True when the sentence begins by giving up, whatever reason follows."""
    return bool(_GIVES_UP.match(sentence.text)) and len(sentence.text) <= 20
