"""An entry said in plain words, in the reader's language.

Each event type has a sentence ``audit.says.<service>.<fact>``; its places are filled from the event's data. Erased or
committed values are not in the leaf and are never looked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from shared.clock import from_text

if TYPE_CHECKING:
    from services.audit.store import Entry
    from shared.language import Language

# Fields whose values are codes, and the area of words in which each code has its name.
CODES: dict[str, tuple[str, ...]] = {
    "item": ("item",),
    "promise": ("audit.promise",),
    "reason": ("dispatch.pause", "dispatch.refusal", "dispatch.cancel", "requests.reason", "audit.reason"),
    "by": ("audit.by",),
    "what": ("audit.what",),
    "state": ("state.usage",),
    "meter": ("dispatch.meter",),
    "unit": ("dispatch.unit",),
}
MONEY = frozenset({"amount", "total", "undisputed", "paid", "difference", "balance", "interest"})
MOST = 120  # characters of one value in a sentence


class _Filled(Mapping[str, str]):
    """The places of a sentence; one that the event does not have is a dash."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values.get(name) or "–"

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Said:
    """A sentence and what stands under it in small type."""

    words: str
    note: str


def fact_of(type_: str) -> str:
    """``dispatch.work_order_finished.v1`` without its version."""
    name, _, version = type_.rpartition(".")
    return name if name and version[:1] == "v" else type_


def say(entry: Entry, language: Language) -> Said:
    """The entry as a sentence; a type that this version does not know is named as it is."""
    data = json.loads(entry.leaf).get("data")
    data = data if isinstance(data, dict) else {}
    key = f"audit.says.{fact_of(entry.type)}"
    sentence = language.words.get(key)
    if not isinstance(sentence, str):
        return Said(
            language("audit.says.unknown", type=entry.type, subject=entry.subject[:MOST]), who(entry.actor, language)
        )
    values = {name: _value(name, value, language) for name, value in data.items()}
    for name in [each for each in values if f"{each}_en" in values]:
        values[name] = language.named(values[name], values[f"{name}_en"])
    return Said(sentence.format_map(_Filled(values)), who(entry.actor, language))


def who(actor: str, language: Language) -> str:
    """The pseudonym of whoever acted, with what kind of actor it is."""
    kind, _, name = actor.partition(":")
    words = f"audit.actor.{kind}"
    return language(words, name=name[:MOST]) if language.has(words) else actor[:MOST]


def title_of(type_: str, language: Language) -> str:
    """What kind of entry this is, in two or three words."""
    key = f"audit.kind.{fact_of(type_)}"
    return language(key) if language.has(key) else type_


def _value(name: str, value: Any, language: Language) -> str:
    if value is None or value in ("", []):
        return ""
    if isinstance(value, bool):
        return language("audit.yes" if value else "audit.no")
    if isinstance(value, str) and language.has(f"audit.code.{name}.{value}"):
        return language(f"audit.code.{name}.{value}")
    if name in CODES:
        return _named(str(value), CODES[name], language)
    if name in MONEY:
        return _money(str(value), language)
    if name.endswith("_at") and isinstance(value, str):
        return _moment(value, language)
    if name == "usage" and isinstance(value, list):
        return language.listed([_used(each, language) for each in value if isinstance(each, dict)])
    if isinstance(value, int):
        return language.number(value)
    if isinstance(value, list):
        return language.listed([str(each)[:MOST] for each in value[:12]])
    return str(value)[:MOST]


def _named(code: str, areas: tuple[str, ...], language: Language) -> str:
    return next((language(f"{area}.{code}") for area in areas if language.has(f"{area}.{code}")), code[:MOST])


def _money(text: str, language: Language) -> str:
    try:
        return language.money(Decimal(text))
    except InvalidOperation:
        return text[:MOST]


def _moment(text: str, language: Language) -> str:
    try:
        at = from_text(text)
    except ValueError:
        return text[:MOST]
    return f"{language.short_day(at)} {language.time(at)}"


def _used(usage: dict[str, Any], language: Language) -> str:
    unit = _named(str(usage.get("unit", "")), CODES["unit"], language)
    meter = _named(str(usage.get("meter", "")), CODES["meter"], language)
    return f"{meter} {usage.get('quantity', '')}{'' if language.chinese else ' '}{unit}".strip()
