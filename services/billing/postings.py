"""Double-entry lines of a statement, by a mapping that is data and has versions."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from decimal import Decimal

STANDARD = Path(__file__).parent / "data" / "postings.toml"


@dataclass(frozen=True)
class Posting:
    """One side of a double entry; the debits of a line equal its credits.

    Attributes:
        line: number of the statement's line.
        debit, credit: yuan, one of them zero, none below it.
        mapping: version of the mapping that was used.
    """

    line: int
    account: str
    debit: Decimal
    credit: Decimal
    cost_centre: str
    project: str
    economic_class: str
    mapping: int


class Unmapped(Exception):
    """Lines for which the mapping has no rule; nothing is exported. The argument lists (number, kind, item)."""

    def __init__(self, lines: list[tuple[int, str, str]]) -> None:
        super().__init__(lines)
        self.lines = lines


def read_mapping(path: str = "") -> list[dict[str, Any]]:
    """The versions of the mapping, oldest first."""
    versions: list[dict[str, Any]] = tomllib.loads((Path(path) if path else STANDARD).read_text("utf-8"))["version"]
    return sorted(versions, key=lambda each: each["starts_on"])


def postings(
    versions: list[dict[str, Any]], lines: Iterable[Any], on: date, *, cost_centre: str, project: str
) -> list[Posting]:
    """Two postings for each line of a statement stated on a day; a negative line changes the sides.

    Raises:
        Unmapped: no version holds on that day, or it has no rule for some of the lines.
    """
    held = [each for each in versions if each["starts_on"] <= on]
    rules = held[-1]["rule"] if held else []
    found, missing = [], []
    for line in lines:
        rule = next((each for each in rules if _fits(each, line)), None)
        if rule is None:
            missing.append((line.number, line.kind, line.item))
            continue
        sides = [rule["debit"], rule["credit"]] if line.amount >= 0 else [rule["credit"], rule["debit"]]
        amount, nothing = abs(line.amount), line.amount * 0
        rest = (cost_centre, project, str(rule.get("economic_class", "")), int(held[-1]["number"]))
        found += [
            Posting(line.number, str(sides[0]), amount, nothing, *rest),
            Posting(line.number, str(sides[1]), nothing, amount, *rest),
        ]
    if missing:
        raise Unmapped(missing)
    return found


def _fits(rule: dict[str, Any], line: Any) -> bool:
    return bool(rule.get("kind", line.kind) == line.kind and rule.get("item", line.item) == line.item)
