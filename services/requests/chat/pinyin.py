"""How Chinese characters in common use are read, without tones."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from services.requests.chat.text import LEXICON

if TYPE_CHECKING:
    from collections.abc import Iterator


def sounds(word: str) -> Iterator[tuple[str, ...]]:
    """Every way to read ``word``, a syllable for each character; none where a character is not in common use."""
    readings = _readings()
    found: list[tuple[str, ...]] = [()]
    for character in word:
        found = [(*sound, syllable) for sound in found for syllable in readings.get(character, ())]
    yield from found


@cache
def _readings() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in (LEXICON / "pinyin.txt").read_text(encoding="utf-8").splitlines():
        syllable, _, characters = line.partition(" ")
        if not syllable.startswith("#"):
            for character in characters.strip():
                found[character] = (*found.get(character, ()), syllable)
    return found
