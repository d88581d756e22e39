"""Which passwords are too easy to guess (security A1): short, common, or built from a name, also in pinyin."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from services.requests.chat.pinyin import sounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST, MOST = 8, 128  # characters
FILE = Path(__file__).parent / "data" / "common_passwords.txt"
PRODUCT = ("houqin", "后勤")
LONGEST_NAME = 6  # Han characters of a name that is read; each may have two readings
LEAST_READ = 4  # letters of a reading that is looked for anywhere in a password
_HAN = re.compile(rf"[\u4e00-\u9fff]{{2,{LONGEST_NAME}}}")


def fault(password: str, names: Iterable[str]) -> str:
    """Empty when somebody of these names may use the password, else the message key."""
    if len(password) < LEAST:
        return "requests.password.short"
    if len(password) > MOST:
        return "requests.password.long"
    plain = password.casefold()
    letters = "".join(character for character in plain if character.isalpha())
    rest = [character for character in plain if not character.isalpha()]
    few = len(rest) < LEAST or all(
        character.isdigit() for character in rest
    )  # beside the letters: no password by itself
    if plain in common() or (few and letters in common()) or len(set(plain)) < 3:
        return "requests.password.common"
    for name in names:
        folded = "".join(name.casefold().split())
        read = set(readings(folded))
        inside = {each for each in read if len(each) >= LEAST_READ} | ({folded} if len(folded) >= 2 else set())
        if (few and letters in read) or any(each in plain and len(plain) - len(each) < LEAST for each in inside):
            return "requests.password.name"
    return "requests.password.name" if few and letters in PRODUCT else ""


@cache
def common() -> frozenset[str]:
    """The list, in lower case."""
    return frozenset(line for line in FILE.read_text("utf-8").splitlines() if not line.startswith("# "))


def readings(name: str) -> Iterator[str]:
    """A Chinese name in pinyin, the family name first and last, and its initials; nothing for other names."""
    if not _HAN.fullmatch(name):
        return
    for syllables in sounds(name):
        yield "".join(syllables)
        yield "".join((*syllables[1:], syllables[0]))
        yield "".join(each[0] for each in syllables)
