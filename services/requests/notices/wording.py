"""A notice in the reader's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.clock import from_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.requests.catalogue import Catalogue
    from services.requests.compound import Place
    from services.requests.notices.store import Notice
    from shared.language import Language


def said(words: Language, notice: Notice, catalogue: Catalogue, places: Mapping[str, Place], now: datetime) -> str:
    """The sentence of the notice; ``<kind>_bare`` where something it could name is empty.

    A kind that this version does not know is said in general words.
    """
    key = f"notice.{notice.kind}"
    if not words.has(key):
        return words("notice.unknown")

    def shown(value: Any) -> Any:
        inner: Any
        if isinstance(value, list) and len(value) == 2:
            return words.named(str(value[0]), str(value[1]))
        if not isinstance(value, dict):
            return value
        kind, inner = next(iter(value.items()), ("", ""))
        match kind:
            case "item":
                item = catalogue.get(str(inner))
                return item.name.in_(words.code) if item else inner
            case "place":
                place = places.get(str(inner))
                return place.name.in_(words.code) if place else inner
            case "moment":
                return words.when(from_text(inner), now)
            case "span":
                begin, end = (from_text(each["moment"]) for each in inner)
                return words.span(begin, end, now)
            case "key":
                return words(inner) if words.has(inner) else ""
            case "of":
                return " · ".join(str(each) for each in map(shown, inner) if each)
        return ""

    if words.has(f"{key}_bare") and any(each in ("", ["", ""]) for each in notice.words.values()):
        key += "_bare"
    try:
        return words(key, **{name: shown(value) for name, value in notice.words.items()})
    except (KeyError, ValueError, TypeError):  # written by another version
        return words("notice.unknown")
