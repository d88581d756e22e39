"""The uniform social credit code of a Chinese body (GB 32100-2015): 18 characters, the last of which checks the others."""

from __future__ import annotations

import re

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# GB 32100-2015, table 3: 3 to the power of the place, modulo 31.
WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


def check_character(first: str) -> str:
    """The eighteenth character of a code that begins with these seventeen."""
    total = sum(ALPHABET.index(each) * weight for each, weight in zip(first, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def is_credit_code(text: str) -> bool:
    """Whether the code is well formed; nothing is asked of a register."""
    return bool(re.fullmatch(f"[{ALPHABET}]{{18}}", text)) and check_character(text[:17]) == text[17]
