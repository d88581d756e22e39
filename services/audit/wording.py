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
from shared.contracts import REGISTRY
from shared.contracts.base import SERVICES

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
# Places that are left out with their space where the event has nothing for them; the others are then a dash.
OPTIONAL = frozenset({"filter", "of", "rows"})


class _Filled(Mapping[str, str]):
    """The places of a sentence; one that the event does not have is a dash, or nothing where it may be absent.

    Only what the sentence names is ever put into words: an event has many more fields than its sentence has places.
    """

    def __init__(self, data: dict[str, Any], language: Language) -> None:
        self._data, self._language = data, language

    def __getitem__(self, name: str) -> str:
        value = self._said(name)
        if name in OPTIONAL:
            return (value if value[0] in " （" else f" {value}") if value else ""
        return value or "–"

    def _said(self, name: str) -> str:
        data, language = self._data, self._language
        count = data.get("count") if name == "rows" else None
        if isinstance(count, int) and count > 0:
            return language("audit.noted.rows", n=count)
        if name not in data:
            return ""
        said = _value(name, data[name], language)
        english = f"{name}_en"
        return language.named(said, _value(english, data[english], language)) if english in data else said

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)


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
    """The entry as a sentence and who acted."""
    return Said(sentence(entry, language, json.loads(entry.leaf)), who(entry.actor, language))


_NOTED = {"change": "audit.noted.changed", "refused": "audit.noted.refused"}  # where nothing was given


def sentence(entry: Entry, language: Language, body: dict[str, Any]) -> str:
    """The entry, whose leaf is ``body``, as a sentence; a type that this version does not know is named as it is."""
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    fact = fact_of(entry.type)
    own = _NOTED.get(str(data.get("what"))) if fact.endswith(".access_noted") else None
    words = language.words.get(own or f"audit.says.{fact}")
    if not isinstance(words, str):
        return language("audit.says.unknown", type=entry.type, subject=entry.subject[:MOST])
    return words.format_map(_Filled(data, language))


def who(actor: str, language: Language) -> str:
    """The pseudonym of whoever acted, with what kind of actor it is."""
    kind, _, name = actor.partition(":")
    words = f"audit.actor.{kind}"
    return language(words, name=name[:MOST]) if language.has(words) else actor[:MOST]


def title_of(type_: str, language: Language) -> str:
    """What kind of entry this is, in two or three words."""
    key = f"audit.kind.{fact_of(type_)}"
    return language(key) if language.has(key) else type_


def kinds(language: Language) -> list[tuple[str, str]]:
    """The kinds of entry that the four services say, each with its name after its service's, in the order of names.

    A type that some other program registered is in the log by its own name, but is no choice: nothing is called that.
    """
    named = {
        fact_of(type_): named_in_full(type_, language) for type_ in REGISTRY if type_.partition(".")[0] in SERVICES
    }
    return sorted(named.items(), key=lambda each: each[1])


def named_in_full(type_: str, language: Language) -> str:
    """The kind of entry after the name of its service, for lists in which two services may have kinds of one name."""
    source = type_.partition(".")[0]
    if source not in SERVICES:
        return title_of(type_, language)
    return f"{language(f'audit.source.{source}')}{'：' if language.chinese else ': '}{title_of(type_, language)}"


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
    if name.endswith(("_at", "_until", "reply_by")) and isinstance(value, str):
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


def item_of(code: str, language: Language) -> str:
    """What an item is called; by its code where this version has no word for it."""
    return _named(code, CODES["item"], language)


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
