"""The service catalogue: what may be asked for, with which form and to which standard.

An item is data: the shipped ones lie in ``data/catalogue.toml``, later versions in the database. ``catalogue_reading``
makes items of either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.bilingual import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

LANGUAGES = {"zh": "zh-Hans", "en": "en"}
TYPES = ("choice", "choices", "text", "lines", "whole", "yes_no", "moment")
PLACES = ("required", "optional", "fixed")
PURPOSES = ("personal", "work")
METERS = ("hours", "m2", "km", "pages", "room_hours", "meals", "visits")
PARTS = {"starts_at": "moment", "ends_at": "moment", "headcount": "whole", "quantity": "whole"}
PRIORITIES = (1, 2, 3, 4)  # emergency, soon, normal, low
LONGEST = {"text": 200, "lines": 2000}
RESERVED = {"item", "level", "place", "priority", "contact", "language", "key", "exception", "asset", "photos"}
CAUSES = ("above", "outside", "always")  # what an item's rule may send to approval; over the quota goes there by itself
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Point(Words):
    """A step or a line of a checklist; ``key`` marks a point of control that nobody may pass over."""

    key: bool = False


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen; ``skill`` is what its crew must know beside the item's own.

    Attributes:
        above: it is more than the standard holds.
    """

    code: str
    words: Words
    skill: str = ""
    above: bool = False


@dataclass(frozen=True)
class Field:
    """One question of an item's form.

    Attributes:
        type: choice, choices, text, lines, whole, yes_no, moment.
        least, most: bounds of a whole number, or most characters of a text.
        usual: the most of a whole number that the standard holds; 0 = all up to ``most``.
    """

    name: str
    type: str
    label: Words
    required: bool = False
    help: Words | None = None
    options: tuple[Option, ...] = ()
    least: int = 0
    most: int = 0
    usual: int = 0

    def option(self, code: str) -> Option | None:
        """The option of this code; None when there is none."""
        return self._by_code.get(code)

    @cached_property
    def _by_code(self) -> dict[str, Option]:
        return {option.code: option for option in reversed(self.options)}


@dataclass(frozen=True)
class Urgency:
    """One answer to "how urgent"; it sets the priority."""

    by: int
    words: Words
    more: Words | None = None


@dataclass(frozen=True)
class Times:
    """What the standard promises for one priority, in minutes; None = nothing.

    Attributes:
        always: counted around the clock, else in the site's working hours.
    """

    by: int
    always: bool = False
    response: int | None = None
    arrival: int | None = None
    finish: int | None = None


@dataclass(frozen=True)
class Standard:
    """What the item promises: scope, steps, times by priority, evidence and checklist."""

    scope: Words
    steps: tuple[Point, ...]
    times: tuple[Times, ...]
    evidence: tuple[Point, ...] = ()
    checklist: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Level:
    """One degree of service within an item.

    Attributes:
        above: it is more than the standard holds.
        price: yuan for one of the item's unit; None = the item's own.
        standard: what this degree promises; None = what the item does.
    """

    code: str
    name: Words
    note: Words | None = None
    above: bool = False
    price: Decimal | None = None
    standard: Standard | None = None


@dataclass(frozen=True)
class Step:
    """One step of an approval.

    Attributes:
        by: who may decide: ``role:<role>``, ``department:<code>``, ``person:<user name>``.
        need: 1 = whoever comes first decides; more = so many must agree.
        within: hours after which it passes to ``then`` and to the deputies; at the second end it is refused.
    """

    by: tuple[str, ...]
    need: int = 1
    within: int = 72
    then: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """Which requests of an item need approval, by the causes in ``CAUSES``, and by whom, step after step."""

    causes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = (Step(("role:dispatcher",)),)


USUAL_RULE = Rule()


@dataclass(frozen=True, eq=False)  # compared by identity: schemas are remembered by item on the hot path
class Item:
    """One service item.

    Attributes:
        version: raised with every change; a request keeps the version it was filed under.
        since: first day of this version.
        purpose: ``personal`` or ``work`` (面向个人, 面向工作).
        place: ``required``, ``optional``, or ``fixed`` to the one place in ``places``.
        places: kinds of places it may be asked for at (empty = any), or the fixed place's code.
        meter: what its usage is counted in.
        restricted: content is for those who do it; it never leaves this service.
        alike: fields whose answers, with the place, say that two requests are about the same thing; empty = none ever are.
        departments: who may ask for it; empty = every department.
        roles: who may ask for it, for themselves or for others.
        price: yuan for one of its unit, for the estimate before filing; None = nothing is charged.
        rule: what needs whose approval.
        retired: nobody may ask for it any more.
    """

    code: str
    version: int
    since: date
    name: Words
    mark: Words
    pledge: Words
    purpose: str
    place: str
    meter: str
    summary: Words
    standard: Standard
    cost: Words | None = None
    places: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    restricted: bool = False
    public: bool = False
    alike: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("staff", "dispatcher", "administrator")
    levels: tuple[Level, ...] = ()
    urgencies: tuple[Urgency, ...] = ()
    fields: tuple[Field, ...] = ()
    price: Decimal | None = None
    rule: Rule = USUAL_RULE
    retired: bool = False

    def field(self, name: str) -> Field | None:
        """The question of this name; None when there is none."""
        return self.by_name.get(name)

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The questions by name."""
        return {each.name: each for each in reversed(self.fields)}

    def level(self, code: str) -> Level | None:
        """The level of this code; None when there is none."""
        return next((level for level in self.levels if level.code == code), None) if code else None

    @cached_property
    def priorities(self) -> tuple[int, ...]:
        """Priorities that may be asked for; the normal one alone where nothing is asked."""
        return tuple(each.by for each in self.urgencies) or (3,)

    @cached_property
    def accepted(self) -> tuple[int, ...]:
        """Priorities a request may carry: those the form asks for and those the standard has times for."""
        return tuple(sorted({*self.priorities, *(times.by for times in self.standard.times)}))

    def standard_of(self, level: str) -> Standard:
        """What is promised at this level; the item's own standard where the level has none."""
        found = self.level(level)
        return found.standard if found and found.standard else self.standard

    @cached_property
    def usual(self) -> int:
        """The priority of someone who says nothing: normal, or what comes nearest to it."""
        return min(self.priorities, key=lambda by: (abs(by - 3), by))

    def times(self, priority: int, level: str = "") -> Times:
        """What is promised for ``priority``; the next less urgent where it has no row of its own."""
        found = self._times.get((priority, level))
        if found is None:
            rows = sorted(self.standard_of(level).times, key=lambda row: row.by)
            found = self._times[priority, level] = next((row for row in rows if row.by >= priority), rows[-1])
        return found

    @cached_property
    def _times(self) -> dict[tuple[int, str], Times]:
        return {}

    def estimate(self, level: str, amount: int) -> Decimal | None:
        """Yuan that ``amount`` of the item's unit costs by the norm; None where there is no norm."""
        found = self.level(level)
        price = found.price if found and found.price is not None else self.price
        return None if price is None else (price * amount).quantize(_CENT)

    def may_ask(self, roles: Iterable[str], department: str) -> str:
        """Empty when the person may ask for it, else the message key of the reason."""
        if not set(roles) & set(self.roles):
            return "requests.ask.role"
        if self.departments and department not in self.departments:
            return "requests.ask.department"
        return ""

    def skills_for(self, answers: Mapping[str, Any]) -> tuple[str, ...]:
        """What the crew must know for these answers: the option's own skill, else the item's."""
        named = [
            option.skill
            for each in self.fields
            if each.type == "choice" and (option := each.option(str(answers.get(each.name, "")))) and option.skill
        ]
        return tuple(named) or self.skills

    def said(self, each: Field, value: Any, language: str) -> str:
        """One answer as a person reads it, without instants (they need the site's zone)."""
        if value is None or value in ("", [], ()):
            return ""
        if each.type == "choice":
            option = each.option(str(value))
            return option.words.in_(language) if option else str(value)
        if each.type == "choices":
            words = [option.words.in_(language) for code in value if (option := each.option(str(code)))]
            return (", " if language.startswith("en") else "、").join(words)
        if each.type == "yes_no":
            return ("yes" if value else "") if language.startswith("en") else ("是" if value else "")
        return str(value)

    def summarise(self, answers: Mapping[str, Any], language: str, most: int = 60) -> str:
        """One line that says what is wanted, in ``language``, at most ``most`` characters."""

        def part(match: re.Match[str]) -> str:
            each = self.field(match[1])
            return " ".join(self.said(each, answers.get(each.name), language).split()) if each else ""

        line = PLACE_IN_WORDS.sub(part, self.summary.in_(language)).strip(" ：:，,")
        line = line or self.name.in_(language)
        return line if len(line) <= most else line[: most - 1] + "…"


PLACE_IN_WORDS = re.compile(r"\{([a-z_0-9]+)\}")


@dataclass(frozen=True)
class Catalogue:
    """All items, in the order in which pages show them."""

    items: tuple[Item, ...]
    by_code: Mapping[str, Item] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_code", {item.code: item for item in self.items})

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def get(self, code: str) -> Item | None:
        """The item of this code; None when there is none."""
        return self.by_code.get(code)
