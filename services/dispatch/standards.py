"""What dispatch knows of the twelve items: promises by priority, skills, expected effort, what is counted at the end."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.dispatch.promises import Limit, Standard, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@lru_cache(maxsize=1)
def items() -> dict[str, Item]:
    """All items by code, in the order of the file."""
    return {each["code"]: _item(each) for each in tomllib.loads(FILE.read_text("utf-8"))["item"]}


def item(code: str) -> Item:
    """The item of this code; one that is not known here is promised nothing and needs a skill of its own name."""
    return items().get(code) or Item(
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
    )


def _terms(row: dict[str, Any]) -> Terms:
    always = row.get("always", False)
    return Terms(**{kind: Limit(row[kind], always) for kind in ("response", "arrival", "finish") if kind in row})
