"""A text in both languages, as data carries it; texts of pages lie in ``shared/language``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str

    def in_(self, language: str) -> str:
        """The text in ``language`` (``zh-Hans`` or ``en``)."""
        return self.en if language.startswith("en") else self.zh
