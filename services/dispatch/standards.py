"""What dispatch knows of the twelve items: promises by priority, skills, expected effort, what is counted at the end."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.dispatch.promises import KINDS, Limit, Standard, Terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.contracts.requests import CatalogueChanged

FILE = Path(__file__).parent / "data" / "standards.toml"


@dataclass(frozen=True)
class Meter:
    """What is counted when an order is finished; ``least``, ``most`` and ``step`` bound one quantity."""

    code: str
    least: Decimal
    most: Decimal
    step: Decimal

    @property
    def unit(self) -> str:
        return UNITS.get(self.code, self.code)


# Where the meter is counted in something that has a name of its own.
UNITS = {"materials": "yuan", "room_hours": "hours"}
MATERIALS = Meter("materials", Decimal("0.01"), Decimal(100000), Decimal("0.01"))
MEASURED = frozenset({"hours", "room_hours"})  # taken from the events where the crew gives none


@dataclass(frozen=True)
class Item:
    """One of the twelve services, as far as dispatch is concerned.

    Attributes:
        minutes: expected effort of one order.
        lead: minutes before the time asked for by which the crew is to be there.
        at_place: people come to the crew, which has no way to go.
        meters: what may be counted; the first must be.
        levels: standards of those levels that have one of their own.
    """

    code: str
    name: str
    name_en: str
    mark: str
    mark_en: str
    skills: tuple[str, ...]
    minutes: int
    lead: int
    at_place: bool
    meters: tuple[Meter, ...]
    standard: Standard
    checklist: tuple[tuple[str, str], ...] = ()  # what must be done, in Chinese and English
    photos: Mapping[str, int] = field(default_factory=dict)  # how many at least: before, after
    signature: bool = False  # somebody signs for it
    levels: Mapping[str, Standard] = field(default_factory=dict)

    def standard_of(self, level: str) -> Standard:
        """What is promised at this level; the item's own standard where the level has none."""
        return self.levels.get(level, self.standard)


_published: dict[str, list[tuple[datetime, int, Item]]] = {}  # by item: from when, version, what it says; newest first


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Item]:
    return {each["code"]: _item(each) for each in tomllib.loads(FILE.read_text("utf-8"))["item"]}


def know(versions: Iterable[CatalogueChanged]) -> None:
    """These are the versions that the catalogue of requests has published since the shipped ones, and no others."""
    found: dict[str, list[tuple[datetime, int, Item]]] = {}
    for each in versions:
        found.setdefault(each.item, []).append((each.effective_at, each.version, _published_item(each)))
    for rows in found.values():
        rows.sort(key=lambda row: -row[1])
    _published.clear()
    _published.update(found)


def items() -> dict[str, Item]:
    """All items by code as they are now, in the order of the file; those made since stand last."""
    return {code: item(code) for code in [*_shipped(), *(each for each in _published if each not in _shipped())]}


def item(code: str, at: datetime | None = None) -> Item:
    """The item of this code as it stood at ``at``, or stands now.

    One that is not known here is promised nothing and needs a skill of its own name.
    """
    if rows := _published.get(code):
        moment = at or datetime.now(UTC)
        for effective_at, _, found in rows:
            if effective_at <= moment:
                return found
    return _shipped().get(code) or _unknown(code)


def _unknown(code: str) -> Item:
    return Item(
        code,
        code,
        code,
        code[:1],
        code[:2],
        (code,),
        60,
        0,
        False,
        (Meter("orders", *_ONE),),
        Standard({3: Terms()}, code),
    )


def _published_item(event: CatalogueChanged) -> Item:
    """What the event says, and for the rest what was shipped."""
    base = _shipped().get(event.item) or _unknown(event.item)
    meters = base.meters
    if event.meter and event.meter != meters[0].code:
        meters = (Meter(event.meter, Decimal("0.01"), Decimal(100_000), Decimal("0.01")), *meters[1:])
    levels: dict[str, dict[int, Terms]] = {}
    for each in event.times:
        limits = {kind: Limit(getattr(each, kind), each.always) for kind in KINDS if getattr(each, kind)}
        levels.setdefault(each.level, {})[each.priority] = Terms(**limits)
    terms = levels.pop("", {})
    return replace(
        base,
        name=event.name or base.name,
        name_en=event.name_en or base.name_en,
        mark=event.mark or base.mark,
        mark_en=event.mark_en or base.mark_en,
        skills=event.skills or base.skills,
        meters=meters,
        standard=Standard(terms, event.item) if terms else base.standard,
        levels={level: Standard(rows, f"{event.item}.{level}") for level, rows in levels.items()}
        if terms
        else base.levels,
        checklist=tuple(
            (f"{each.zh}（关键控制点）", f"{each.en} (point of control)") if each.key else (each.zh, each.en)
            for each in event.checklist
        ),
    )


_ONE = (Decimal(1), Decimal(1000), Decimal(1))


def _item(row: dict[str, Any]) -> Item:
    usage = row["usage"]
    meter = Meter(usage["meter"], Decimal(usage["least"]), Decimal(usage["most"]), Decimal(usage["step"]))
    terms = {each["by"]: _terms(each) for each in row["time"]}
    return Item(
        code=row["code"],
        name=row["name"]["zh"],
        name_en=row["name"]["en"],
        mark=row["mark"]["zh"],
        mark_en=row["mark"]["en"],
        skills=tuple(row["skills"]),
        minutes=row["minutes"],
        lead=row.get("lead", 0),
        at_place=row.get("at_place", False),
        meters=(meter, MATERIALS) if row.get("materials") else (meter,),
        standard=Standard(terms, row["code"]),
        checklist=tuple((each["zh"], each["en"]) for each in row.get("checklist", ())),
        photos=row.get("photos", {}),
        signature=row.get("signature", False),
        levels={
            level["code"]: Standard(
                {each["by"]: _terms(each) for each in level["time"]}, f"{row['code']}.{level['code']}"
            )
            for level in row.get("level", ())
        },
    )


def _terms(row: dict[str, Any]) -> Terms:
    always = row.get("always", False)
    return Terms(**{kind: Limit(row[kind], always) for kind in ("response", "arrival", "finish") if kind in row})
