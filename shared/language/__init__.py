"""Chinese and English by key, and how each writes dates, durations, numbers and money.

Words live beside this file, one file for each area and language: ``<area>.zh-Hans.toml`` and ``<area>.en.toml``. The
area is the first part of every key in it: ``requests.home.question`` is ``question`` under ``[home]`` in
``requests.*.toml``. A value is text with ``{places}``, or a table of plural forms ``{one = "...", other = "..."}``
chosen by the parameter ``n``; Chinese needs ``other`` only. Key sets are equal by test.
"""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

from shared.language import formats

Code = Literal["zh-Hans", "en"]
CODES: tuple[Code, ...] = ("zh-Hans", "en")
FOLDER = Path(__file__).parent


class MissingWord(KeyError):
    """A key that no language file has; a mistake in a template or view."""


class Language(formats.Formats):
    """One language: ``words(key, **parameters)`` and the formats of ``formats.Formats``."""

    def __init__(self, code: Code, words: dict[str, str | dict[str, str]]) -> None:
        super().__init__(code)
        self.words = words

    def __call__(self, key: str, /, **parameters: Any) -> str:
        """The words of ``key`` with its places filled; numbers are written as this language writes them.

        Raises:
            MissingWord: there is no such key. KeyError: a place has no parameter.
        """
        found = self.words.get(key)
        if found is None:
            raise MissingWord(key)
        if isinstance(found, dict):
            found = found["one"] if "one" in found and parameters.get("n") == 1 else found["other"]
        return found.format_map({name: self.plain(value) for name, value in parameters.items()})

    def has(self, key: str) -> bool:
        return key in self.words

    def state(self, thing: str, key: str) -> str:
        """The word of one state: ``state("request", "under_way")`` is 办理中 / Under way."""
        return self(f"state.{thing}.{key}")


@cache
def language(code: Code) -> Language:
    """The language ``code``, read once."""
    words: dict[str, str | dict[str, str]] = {}
    for path in sorted(FOLDER.glob(f"*.{code}.toml")):
        area = path.name.removesuffix(f".{code}.toml")
        with path.open("rb") as file:
            _flatten(area, tomllib.load(file), words)
    return Language(code, words)


def _flatten(prefix: str, table: dict[str, Any], into: dict[str, str | dict[str, str]]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if isinstance(value, str) or ("other" in value and set(value) <= {"one", "other"}):
            into[key] = value
        else:
            _flatten(key, value, into)


def choose(cookie: str | None, accepted: str) -> Code:
    """The language for a reader: as chosen before, else as the browser asks (RFC 9110 section 12.5.4), else Chinese."""
    if cookie in CODES:
        return cookie
    return _asked(accepted) if accepted else "zh-Hans"


@lru_cache(maxsize=256)  # a browser says the same each time
def _asked(accepted: str) -> Code:
    best: tuple[float, Code] | None = None
    for part in accepted.split(",")[:20]:
        name, _, quality = part.strip().partition(";")
        code: Code | None = (
            "zh-Hans" if name.lower().startswith("zh") else "en" if name.lower().startswith("en") else None
        )
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        if code and weight > 0 and (best is None or weight > best[0]):
            best = (weight, code)
    return best[1] if best else "zh-Hans"
