"""Write ``lexicon/pinyin.txt``: ``python -m services.requests.chat.training.readings``.

GB 2312's first level is the 3,755 characters in common use, so the table is small and its order is fixed.
"""

from __future__ import annotations

import sys
from collections import defaultdict

from services.requests.chat.text import LEXICON

MOST_READINGS = 2  # of one character; rarer readings are no help with slips of the keyboard


def readings() -> str:
    """The table: a syllable without its tone, a space, the characters that are read so."""
    from pypinyin import Style, pinyin

    found: dict[str, list[str]] = defaultdict(list)
    for high in range(0xB0, 0xD8):
        for low in range(0xA1, 0xFF):
            try:
                character = bytes([high, low]).decode("gb2312")
            except UnicodeDecodeError:
                continue
            said = pinyin(character, style=Style.NORMAL, heteronym=True)[0]
            for syllable in list(dict.fromkeys(said))[:MOST_READINGS]:
                found[syllable.replace("ü", "v")].append(character)
    first = "# Syllables without tones and the characters of GB 2312 level 1 that are read so, by training.readings.\n"
    return first + "".join(f"{syllable} {''.join(found[syllable])}\n" for syllable in sorted(found))


if __name__ == "__main__":
    (LEXICON / "pinyin.txt").write_text(readings(), encoding="utf-8")
    sys.exit(0)
