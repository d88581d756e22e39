"""The service catalogue: what may be asked for, with which form and to which standard.

An item is data (``data/catalogue.toml``). Loading checks all of it and says everything that is wrong at once, so that
whoever edits the file mends it in one go.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FILE = Path(__file__).parent / "data" / "catalogue.toml"
LANGUAGES = {"zh": "zh-Hans", "en": "en"}
TYPES = ("choice", "choices", "text", "lines", "whole", "yes_no", "moment")
PLACES = ("required", "optional", "fixed")
PURPOSES = ("personal", "work")
METERS = ("hours", "m2", "km", "pages", "room_hours", "meals", "visits")
PARTS = {"starts_at": "moment", "ends_at": "moment", "headcount": "whole", "quantity": "whole"}
PRIORITIES = (1, 2, 3, 4)  # emergency, soon, normal, low
LONGEST = {"text": 200, "lines": 2000}
RESERVED = {"item", "level", "place", "priority", "contact", "language", "key"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class BadCatalogue(Exception):
    """The catalogue cannot be used; the message has one line for each fault."""


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str

    def in_(self, language: str) -> str:
        """The text in ``language`` (``zh-Hans`` or ``en``)."""
        return self.en if language.startswith("en") else self.zh


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen; ``skill`` is what its crew must know beside the item's own."""

    code: str
    words: Words
    skill: str = ""


@dataclass(frozen=True)
class Field:
    """One question of an item's form.

    Attributes:
        type: choice, choices, text, lines, whole, yes_no, moment.
        least, most: bounds of a whole number, or most characters of a text.
    """

    name: str
    type: str
    label: Words
    required: bool = False
    help: Words | None = None
    options: tuple[Option, ...] = ()
    least: int = 0
    most: int = 0

    def option(self, code: str) -> Option | None:
        """The option of this code; None when there is none."""
        return next((option for option in self.options if option.code == code), None)


@dataclass(frozen=True)
class Level:
    """One degree of service within an item, with its own price."""

    code: str
    name: Words
    note: Words | None = None


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
    steps: tuple[Words, ...]
    times: tuple[Times, ...]
    evidence: tuple[Words, ...] = ()
    checklist: tuple[Words, ...] = ()


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
        departments: who may ask for it; empty = every department.
        roles: who may ask for it, for themselves or for others.
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
    departments: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("staff", "dispatcher", "administrator")
    levels: tuple[Level, ...] = ()
    urgencies: tuple[Urgency, ...] = ()
    fields: tuple[Field, ...] = ()

    def field(self, name: str) -> Field | None:
        """The question of this name; None when there is none."""
        return next((each for each in self.fields if each.name == name), None)

    def level(self, code: str) -> Level | None:
        """The level of this code; None when there is none."""
        return next((level for level in self.levels if level.code == code), None)

    @property
    def priorities(self) -> tuple[int, ...]:
        """Priorities that may be asked for; the normal one alone where nothing is asked."""
        return tuple(each.by for each in self.urgencies) or (3,)

    @property
    def accepted(self) -> tuple[int, ...]:
        """Priorities a request may carry: those the form asks for and those the standard has times for."""
        return tuple(sorted({*self.priorities, *(times.by for times in self.standard.times)}))

    @property
    def usual(self) -> int:
        """The priority of someone who says nothing: normal, or what comes nearest to it."""
        return min(self.priorities, key=lambda by: (abs(by - 3), by))

    def times(self, priority: int) -> Times:
        """What is promised for ``priority``; the next less urgent where it has no row of its own."""
        rows = sorted(self.standard.times, key=lambda row: row.by)
        return next((row for row in rows if row.by >= priority), rows[-1])

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
        parts = {each.name: self.said(each, answers.get(each.name), language) for each in self.fields}
        parts = {name: " ".join(text.split()) for name, text in parts.items()}
        line = _PLACE.sub(lambda match: parts.get(match[1], ""), self.summary.in_(language)).strip(" ：:，,")
        line = line or self.name.in_(language)
        return line if len(line) <= most else line[: most - 1] + "…"


_PLACE = re.compile(r"\{([a-z_0-9]+)\}")


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


@cache
def load_catalogue(path: Path = FILE) -> Catalogue:
    """The catalogue in ``path``, read once: what it holds never changes while a process runs.

    Raises:
        BadCatalogue: it is no TOML, or items in it do not hold; every fault has its line.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCatalogue(f"{path.name}: {error}") from error
    return read_catalogue(found)


def read_catalogue(found: Mapping[str, Any]) -> Catalogue:
    """The catalogue in a loaded document.

    Raises:
        BadCatalogue: items in it do not hold; every fault has its line.
    """
    wrong: list[str] = []
    rows = found.get("item")
    if not isinstance(rows, list) or not rows or set(found) != {"item"}:
        raise BadCatalogue("a catalogue is a list of [[item]] and nothing else")
    items = tuple(_Reader(row, f"item {number}", wrong).item() for number, row in enumerate(rows, 1))
    for what, values in (
        ("code", [item.code for item in items]),
        ("mark.zh", [item.mark.zh for item in items]),
        ("mark.en", [item.mark.en for item in items]),
    ):
        wrong += [
            f"{what} {value!r} is given to two items" for value in sorted({v for v in values if values.count(v) > 1})
        ]
    if wrong:
        raise BadCatalogue("\n".join(wrong))
    return Catalogue(items)


_NO_WORDS = Words("", "")


@dataclass
class _Reader:
    """Reads one table and notes every fault in ``wrong``; what it returns counts only when there is none."""

    row: Any
    where: str
    wrong: list[str]
    seen: set[str] = field(default_factory=set)

    def fault(self, text: str) -> None:
        self.wrong.append(f"{self.where}: {text}")

    def take(self, name: str, kind: type | tuple[type, ...], standard: Any = None) -> Any:
        self.seen.add(name)
        value = self.row.get(name, standard) if isinstance(self.row, dict) else standard
        if value is None and standard is None:
            self.fault(f"{name} is missing")
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            self.fault(f"{name} is of the wrong kind")
            return standard
        return value

    def one_of(self, name: str, allowed: tuple[Any, ...], kind: type = str) -> Any:
        value = self.take(name, kind)
        if value is not None and value not in allowed:
            self.fault(f"{name} must be one of {', '.join(map(str, allowed))}")
        return value if value in allowed else allowed[0]

    def code(self, name: str) -> str:
        value = str(self.take(name, str) or "")
        if value and not _NAME.fullmatch(value):
            self.fault(f"{name} {value!r} must be small letters, digits and _")
        return value

    def words(self, name: str, most: int = 200) -> Words:
        return self._words(self.take(name, dict), name, most)

    def words_or_none(self, name: str) -> Words | None:
        return self.words(name) if isinstance(self.row, dict) and name in self.row else None

    def many_words(self, name: str) -> tuple[Words, ...]:
        return tuple(self._words(each, f"{name} {n}", 200) for n, each in enumerate(self.take(name, list, []) or [], 1))

    def _words(self, value: Any, name: str, most: int) -> Words:
        if not isinstance(value, dict):
            if value is not None:
                self.fault(f"{name} needs zh and en")
            return _NO_WORDS
        for language in LANGUAGES:
            text = value.get(language)
            if not isinstance(text, str) or not text.strip():
                self.fault(f"{name}.{language} is missing")
            elif len(text) > most:
                self.fault(f"{name}.{language} is longer than {most} characters")
        if set(value) - set(LANGUAGES):
            self.fault(f"{name} has more than zh and en")
        return Words(str(value.get("zh", "")), str(value.get("en", "")))

    def texts(self, name: str) -> tuple[str, ...]:
        values = self.take(name, list, []) or []
        if not all(isinstance(value, str) and value for value in values):
            self.fault(f"{name} must be a list of texts")
            return ()
        return tuple(values)

    def tables(self, name: str, called: str = "") -> list[_Reader]:
        rows = self.take(name, list, []) or []
        return [_Reader(row, f"{self.where}, {called or name} {n}", self.wrong) for n, row in enumerate(rows, 1)]

    def done(self) -> None:
        if not isinstance(self.row, dict):
            self.fault("must be a table")
            return
        for name in sorted(set(self.row) - self.seen):
            self.fault(f"{name} is not known")

    def item(self) -> Item:
        code = self.code("code")
        self.where = f"item {code!r}" if code else self.where
        item = Item(
            code=code,
            version=self.take("version", int) or 0,
            since=self.take("since", date) or date.min,
            name=self.words("name", 40),
            mark=self.words("mark", 2),
            pledge=self.words("pledge", 40),
            purpose=self.one_of("purpose", PURPOSES),
            place=self.one_of("place", PLACES),
            places=self.texts("places"),
            meter=self.one_of("meter", METERS),
            skills=self.texts("skills"),
            restricted=bool(self.take("restricted", bool, standard=False)),
            public=bool(self.take("public", bool, standard=False)),
            departments=self.texts("departments"),
            roles=self.texts("roles") or Item.roles,
            summary=self.words("summary"),
            cost=self.words_or_none("cost"),
            standard=self._standard(),
            levels=tuple(self._level(row) for row in self.tables("level")),
            urgencies=tuple(self._urgency(row) for row in self.tables("urgency")),
            fields=tuple(self._field(row) for row in self.tables("field")),
        )
        self.done()
        self._check(item)
        return item

    def _standard(self) -> Standard:
        reader = _Reader(self.take("standard", dict), f"{self.where}, standard", self.wrong)
        standard = Standard(
            scope=reader.words("scope", 400),
            steps=reader.many_words("steps"),
            evidence=reader.many_words("evidence"),
            checklist=reader.many_words("checklist"),
            times=tuple(self._times(row) for row in reader.tables("time")),
        )
        reader.done()
        return standard

    @staticmethod
    def _times(reader: _Reader) -> Times:
        minutes: dict[str, int | None] = {}
        for name in ("response", "arrival", "finish"):
            value = reader.take(name, int, standard=-1)
            if value is not None and value != -1 and not 0 < value <= 100_000:
                reader.fault(f"{name} must be minutes between 1 and 100000")
            minutes[name] = value if value and value > 0 else None
        given = [value for value in minutes.values() if value is not None]
        if not given:
            reader.fault("promises nothing")
        if given != sorted(given):
            reader.fault("response, arrival and finish must not come one before the other")
        times = Times(
            by=reader.one_of("by", PRIORITIES, int), always=bool(reader.take("always", bool, standard=False)), **minutes
        )
        reader.done()
        return times

    @staticmethod
    def _level(reader: _Reader) -> Level:
        level = Level(code=reader.code("code"), name=reader.words("name", 40), note=reader.words_or_none("note"))
        reader.done()
        return level

    @staticmethod
    def _urgency(reader: _Reader) -> Urgency:
        urgency = Urgency(
            by=reader.one_of("by", PRIORITIES, int), words=reader.words("words", 80), more=reader.words_or_none("more")
        )
        reader.done()
        return urgency

    @staticmethod
    def _field(reader: _Reader) -> Field:
        name = reader.code("name")
        reader.where = f"{reader.where.rpartition(', ')[0]}, field {name!r}" if name else reader.where
        type_ = reader.one_of("type", TYPES)
        options = tuple(_Reader._option(row) for row in reader.tables("options", "option"))
        most = reader.take("most", int, standard=0) or 0
        found = Field(
            name=name,
            type=type_,
            label=reader.words("label", 60),
            required=bool(reader.take("required", bool, standard=False)),
            help=reader.words_or_none("help"),
            options=options,
            least=reader.take("least", int, standard=0) or 0,
            most=most or LONGEST.get(type_, 0),
        )
        reader.done()
        if name in RESERVED:
            reader.fault("the name is taken by the form itself")
        if PARTS.get(name, type_) != type_:
            reader.fault(f"must be of type {PARTS[name]}")
        if bool(options) != (type_ in {"choice", "choices"}):
            reader.fault("options belong to choice and choices, and they need some")
        codes = [option.code for option in options]
        if len(set(codes)) != len(codes):
            reader.fault("an option is given twice")
        if type_ in LONGEST and not 0 < found.most <= LONGEST[type_]:
            reader.fault(f"most must be between 1 and {LONGEST[type_]}")
        if type_ == "whole" and not 0 <= found.least < found.most <= 1_000_000:
            reader.fault("a whole number needs least < most, at most 1000000")
        return found

    @staticmethod
    def _option(reader: _Reader) -> Option:
        reader.seen |= {"zh", "en"}
        words = reader._words(
            {key: reader.row.get(key) for key in LANGUAGES} if isinstance(reader.row, dict) else None, "words", 40
        )
        option = Option(code=reader.code("code"), words=words, skill=str(reader.take("skill", str, standard="")))
        reader.done()
        return option

    def _check(self, item: Item) -> None:
        if item.version < 1:
            self.fault("version must be at least 1")
        if not item.standard.times:
            self.fault("the standard promises no times")
        if not item.skills:
            self.fault("skills is empty: nobody could do it")
        if item.place == "fixed" and len(item.places) != 1:
            self.fault("place = fixed needs exactly one place")
        for what, values in (
            ("level", [level.code for level in item.levels]),
            ("urgency", [urgency.by for urgency in item.urgencies]),
            ("field", [each.name for each in item.fields]),
            ("time", [times.by for times in item.standard.times]),
        ):
            if len(set(values)) != len(values):
                self.fault(f"two of {what} are the same")
        names = {each.name for each in item.fields}
        for language in LANGUAGES:
            unknown = set(_PLACE.findall(getattr(item.summary, language))) - names
            if unknown:
                self.fault(f"summary.{language} names no field of the form: {', '.join(sorted(unknown))}")
        if "ends_at" in names and item.code and "starts_at" not in names and item.field("ends_at").required:  # type: ignore[union-attr]
            self.fault("a required end needs a start")
