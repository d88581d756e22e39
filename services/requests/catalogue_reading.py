"""Items from data and back: what is read is checked whole, and everything that is wrong is said at once.

The shipped catalogue is TOML, later versions are JSON of the same shape. Each fault knows its place (``field.0.label.en``),
so that the editor shows it beside the field, and its line for whoever edits the file.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.requests.catalogue import (
    CAUSES,
    LANGUAGES,
    LONGEST,
    METERS,
    PARTS,
    PLACE_IN_WORDS,
    PLACES,
    PRIORITIES,
    PURPOSES,
    RESERVED,
    TYPES,
    USUAL_RULE,
    Catalogue,
    Field,
    Item,
    Level,
    Option,
    Point,
    Rule,
    Standard,
    Step,
    Times,
    Urgency,
    Words,
)
from shared.language import language
from shared.web.intake import Said, clean_text
from shared.web.principal import ROLES

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).parent / "data" / "catalogue.toml"
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
PLACE_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
APPROVER = re.compile(r"(role|department|person):([A-Za-z0-9][A-Za-z0-9._-]{0,63})")
MOST_ROWS = {
    "field": 30,
    "options": 40,
    "level": 12,
    "urgency": 4,
    "time": 4,
    "steps": 20,
    "evidence": 10,
    "checklist": 20,
    "step": 5,
}
MOST_PRICE = Decimal(1_000_000)
_NO_WORDS = Words("", "")


class BadCatalogue(Exception):
    """The catalogue cannot be used; the message has one line for each fault."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        where: the item, and the part of it, for a line of text.
        path: the place within the item, as the editor names its fields.
        words: message key with its parameters.
    """

    where: str
    path: str
    words: Said

    @property
    def line(self) -> str:
        name = (
            self.path.rpartition(".")[2]
            if not self.path.endswith((".zh", ".en"))
            else ".".join(self.path.split(".")[-2:])
        )
        return f"{self.where}: {name}: {language('en')(str(self.words), **self.words.parameters)}"


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
    rows = found.get("item")
    if not isinstance(rows, list) or not rows or set(found) != {"item"}:
        raise BadCatalogue("a catalogue is a list of [[item]] and nothing else")
    wrong: list[Fault] = []
    items = tuple(_Reader(row, f"item {number}", wrong).item() for number, row in enumerate(rows, 1))
    lines = [fault.line for fault in wrong]
    for what, values in (
        ("code", [item.code for item in items]),
        ("mark.zh", [item.mark.zh for item in items]),
        ("mark.en", [item.mark.en for item in items]),
    ):
        lines += [
            f"{what} {value!r} is given to two items" for value in sorted({v for v in values if values.count(v) > 1})
        ]
    if lines:
        raise BadCatalogue("\n".join(lines))
    return Catalogue(items)


def read_item(body: Mapping[str, Any], *, version: int, since: date) -> tuple[Item, list[Fault]]:
    """The item in ``body``, which says neither its version nor its day, and what is wrong with it."""
    wrong = [Fault("", name, Said("catalogue.fault.unknown")) for name in sorted({"version", "since"} & set(body))]
    known = {**body, "version": version, "since": since}
    item = _Reader(known, "item", wrong).item()
    return item, wrong


@dataclass
class _Reader:
    """Reads one table and notes every fault in ``wrong``; what it returns counts only when there is none."""

    row: Any
    where: str
    wrong: list[Fault]
    path: str = ""
    seen: set[str] = field(default_factory=set)

    def fault(self, name: str, key: str, **parameters: Any) -> None:
        self.wrong.append(Fault(self.where, f"{self.path}{name}", Said(f"catalogue.fault.{key}", **parameters)))

    def take(self, name: str, kind: type | tuple[type, ...], standard: Any = None) -> Any:
        self.seen.add(name)
        value = self.row.get(name, standard) if isinstance(self.row, dict) else standard
        if value is None and standard is None:
            self.fault(name, "missing")
        elif not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            self.fault(name, "kind")
            return standard
        return value

    def one_of(self, name: str, allowed: tuple[Any, ...], kind: type = str) -> Any:
        value = self.take(name, kind)
        if value is not None and value not in allowed:
            self.fault(name, "one_of", allowed=", ".join(map(str, allowed)))
        return value if value in allowed else allowed[0]

    def code(self, name: str) -> str:
        value = str(self.take(name, str) or "")
        if value and not CODE.fullmatch(value):
            self.fault(name, "code")
            return ""
        return value

    def flag(self, name: str) -> bool:
        return bool(self.take(name, bool, standard=False))

    def price(self, name: str) -> Decimal | None:
        """Yuan with at most four decimals, written as text so that no float touches them."""
        value = self.take(name, str, "")
        if not value:
            return None
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite() or not 0 < found <= MOST_PRICE or -int(found.as_tuple().exponent) > 4:
            self.fault(name, "price")
            return None
        return found

    def words(self, name: str, most: int = 200) -> Words:
        return self._words(self.take(name, dict), f"{name}.", most)

    def words_or_none(self, name: str) -> Words | None:
        return self.words(name) if isinstance(self.row, dict) and name in self.row else None

    def points(self, name: str) -> tuple[Point, ...]:
        found = []
        for reader in self.tables(name):
            reader.seen |= set(LANGUAGES)
            words = reader.own_words(200)
            found.append(Point(words.zh, words.en, reader.flag("key")))
            reader.done()
        return tuple(found)

    def own_words(self, most: int) -> Words:
        """The two languages of a row that is a text itself."""
        self.seen |= set(LANGUAGES)
        found = {each: self.row.get(each) for each in LANGUAGES} if isinstance(self.row, dict) else None
        return self._words(found, "", most)

    def _words(self, value: Any, name: str, most: int) -> Words:
        if not isinstance(value, dict):
            if value is not None:
                self.fault(f"{name}zh", "words")
            return _NO_WORDS
        clean = {}
        for each in LANGUAGES:
            text = value.get(each)
            if not isinstance(text, str) or not text.strip():
                self.fault(f"{name}{each}", f"missing_{each}")
                continue
            try:
                clean[each] = clean_text(text)
            except ValueError as error:
                self.wrong.append(Fault(self.where, f"{self.path}{name}{each}", Said(str(error))))
                continue
            if len(clean[each]) > most:
                self.fault(f"{name}{each}", "long", most=most)
        if set(value) - set(LANGUAGES):
            self.fault(f"{name}zh", "words")
        return Words(clean.get("zh", ""), clean.get("en", ""))

    def texts(self, name: str, pattern: re.Pattern[str], key: str) -> tuple[str, ...]:
        values = self.take(name, list, []) or []
        if not all(isinstance(value, str) and pattern.fullmatch(value) for value in values) or len(values) > 40:
            self.fault(name, key)
            return ()
        return tuple(dict.fromkeys(values))

    def tables(self, name: str) -> list[_Reader]:
        rows = self.take(name, list, []) or []
        if len(rows) > MOST_ROWS[name]:
            self.fault(name, "many", most=MOST_ROWS[name])
            rows = rows[: MOST_ROWS[name]]
        return [
            _Reader(row, f"{self.where}, {name} {n}", self.wrong, f"{self.path}{name}.{n - 1}.")
            for n, row in enumerate(rows, 1)
        ]

    def done(self) -> None:
        if not isinstance(self.row, dict):
            self.fault("", "kind")
            return
        for name in sorted(set(self.row) - self.seen):
            self.fault(str(name), "unknown")

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
            places=self.texts("places", PLACE_CODE, "place_codes"),
            meter=self.one_of("meter", METERS),
            skills=self.texts("skills", CODE, "codes"),
            restricted=self.flag("restricted"),
            public=self.flag("public"),
            alike=self.texts("alike", CODE, "codes"),
            departments=self.texts("departments", PLACE_CODE, "place_codes"),
            roles=self.texts("roles", CODE, "codes") or Item.roles,
            summary=self.words("summary"),
            cost=self.words_or_none("cost"),
            price=self.price("price"),
            standard=self._standard(),
            levels=tuple(self._level(row) for row in self.tables("level")),
            urgencies=tuple(self._urgency(row) for row in self.tables("urgency")),
            fields=tuple(self._field(row) for row in self.tables("field")),
            rule=self._rule(),
            retired=self.flag("retired"),
        )
        self.done()
        self._check(item)
        return item

    def _inside(self, name: str) -> _Reader:
        return _Reader(self.take(name, dict), f"{self.where}, {name}", self.wrong, f"{self.path}{name}.")

    def _standard(self) -> Standard:
        reader = self._inside("standard")
        standard = Standard(
            scope=reader.words("scope", 400),
            steps=reader.points("steps"),
            evidence=reader.points("evidence"),
            checklist=reader.points("checklist"),
            times=tuple(self._times(row) for row in reader.tables("time")),
        )
        reader.done()
        if not standard.times:
            reader.fault("time", "no_times")
        if len({times.by for times in standard.times}) != len(standard.times):
            reader.fault("time", "twice")
        return standard

    @staticmethod
    def _times(reader: _Reader) -> Times:
        minutes: dict[str, int | None] = {}
        for name in ("response", "arrival", "finish"):
            value = reader.take(name, int, standard=-1)
            if value is not None and value != -1 and not 0 < value <= 100_000:
                reader.fault(name, "minutes")
            minutes[name] = value if value and value > 0 else None
        given = [value for value in minutes.values() if value is not None]
        if not given:
            reader.fault("response", "promises_nothing")
        if given != sorted(given):
            reader.fault("arrival", "order")
        times = Times(by=reader.one_of("by", PRIORITIES, int), always=reader.flag("always"), **minutes)
        reader.done()
        return times

    @staticmethod
    def _level(reader: _Reader) -> Level:
        level = Level(
            code=reader.code("code"),
            name=reader.words("name", 40),
            note=reader.words_or_none("note"),
            above=reader.flag("above"),
            price=reader.price("price"),
            standard=reader._standard() if isinstance(reader.row, dict) and "standard" in reader.row else None,
        )
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
        options = tuple(_Reader._option(row) for row in reader.tables("options"))
        most = reader.take("most", int, standard=0) or 0
        found = Field(
            name=name,
            type=type_,
            label=reader.words("label", 60),
            required=reader.flag("required"),
            help=reader.words_or_none("help"),
            options=options,
            least=reader.take("least", int, standard=0) or 0,
            most=most or LONGEST.get(type_, 0),
            usual=reader.take("usual", int, standard=0) or 0,
        )
        reader.done()
        if name in RESERVED:
            reader.fault("name", "taken")
        if PARTS.get(name, type_) != type_:
            reader.fault("type", "part", type=PARTS[name])
        if bool(options) != (type_ in {"choice", "choices"}):
            reader.fault("options", "options")
        codes = [option.code for option in options]
        if len(set(codes)) != len(codes):
            reader.fault("options", "twice")
        if type_ in LONGEST and not 0 < found.most <= LONGEST[type_]:
            reader.fault("most", "most", most=LONGEST[type_])
        if type_ == "whole" and not 0 <= found.least < found.most <= 1_000_000:
            reader.fault("most", "bounds")
        if found.usual and not (type_ == "whole" and found.least <= found.usual < found.most):
            reader.fault("usual", "usual")
        return found

    @staticmethod
    def _option(reader: _Reader) -> Option:
        words = reader.own_words(40)
        skill = reader.code("skill") if isinstance(reader.row, dict) and reader.row.get("skill") else ""
        reader.seen.add("skill")
        option = Option(code=reader.code("code"), words=words, skill=skill, above=reader.flag("above"))
        reader.done()
        return option

    def _rule(self) -> Rule:
        if not isinstance(self.row, dict) or "approval" not in self.row:
            self.seen.add("approval")
            return USUAL_RULE
        reader = self._inside("approval")
        causes = reader.texts("for", CODE, "codes")
        if set(causes) - set(CAUSES):
            reader.fault("for", "one_of", allowed=", ".join(CAUSES))
        steps = tuple(self._step(row) for row in reader.tables("step")) or USUAL_RULE.steps
        reader.done()
        return Rule(causes, steps)

    @staticmethod
    def _step(reader: _Reader) -> Step:
        by = reader.texts("by", APPROVER, "approvers")
        step = Step(
            by=by,
            need=reader.take("need", int, standard=1) or 0,
            within=reader.take("within", int, standard=72) or 0,
            then=reader.texts("then", APPROVER, "approvers"),
        )
        reader.done()
        if not by:
            reader.fault("by", "approvers")
        for name, listed in (("by", by), ("then", step.then)):
            if any(each.startswith("role:") and each[5:] not in ROLES for each in listed):
                reader.fault(name, "approvers")
        if not 1 <= step.need <= 9:
            reader.fault("need", "between", least=1, most=9)
        if not 1 <= step.within <= 720:
            reader.fault("within", "between", least=1, most=720)
        return step

    def _check(self, item: Item) -> None:
        if item.version < 1:
            self.fault("version", "version")
        if not item.skills:
            self.fault("skills", "no_skills")
        if set(item.roles) - set(ROLES):
            self.fault("roles", "one_of", allowed=", ".join(ROLES))
        if item.place == "fixed" and len(item.places) != 1:
            self.fault("places", "one_place")
        for what, values in (
            ("level", [level.code for level in item.levels]),
            ("urgency", [urgency.by for urgency in item.urgencies]),
            ("field", [each.name for each in item.fields]),
        ):
            if len(set(values)) != len(values):
                self.fault(what, "twice")
        names = {each.name for each in item.fields}
        for each in LANGUAGES:
            unknown = set(PLACE_IN_WORDS.findall(getattr(item.summary, each))) - names
            if unknown:
                self.fault(f"summary.{each}", "summary", names=", ".join(sorted(unknown)))
        named = [item.field(each) for each in item.alike]
        if named and (
            item.restricted or item.place == "fixed" or any(each is None or each.type != "choice" for each in named)
        ):
            self.fault("alike", "alike")
        end = item.field("ends_at")
        if end and end.required and "starts_at" not in names:
            self.fault("field", "end_needs_start")


# ---- and back


def body_of(item: Item) -> dict[str, Any]:
    """The item as data of the shape that is read, without version and day; what says nothing is left out."""
    found: dict[str, Any] = {
        "code": item.code, "name": _both(item.name), "mark": _both(item.mark), "pledge": _both(item.pledge),
        "purpose": item.purpose, "place": item.place, "places": list(item.places), "meter": item.meter,
        "skills": list(item.skills), "restricted": item.restricted, "public": item.public, "alike": list(item.alike),
        "departments": list(item.departments), "roles": list(item.roles) if item.roles != Item.roles else [],
        "summary": _both(item.summary), "cost": _both(item.cost), "price": _money(item.price), "retired": item.retired,
        "standard": _standard_of(item.standard),
        "level": [
            _some({"code": each.code, "name": _both(each.name), "note": _both(each.note), "above": each.above, "price": _money(each.price), "standard": _standard_of(each.standard) if each.standard else None})
            for each in item.levels
        ],
        "urgency": [_some({"by": each.by, "words": _both(each.words), "more": _both(each.more)}) for each in item.urgencies],
        "field": [
            _some({
                "name": each.name, "type": each.type, "label": _both(each.label), "required": each.required, "help": _both(each.help),
                "options": [_some({"code": one.code, **_both(one.words), "skill": one.skill, "above": one.above}) for one in each.options],
                "least": each.least, "most": each.most, "usual": each.usual,
            })
            for each in item.fields
        ],
        "approval": _rule_of(item.rule) if item.rule != USUAL_RULE else None,
    }  # fmt: skip
    return _some(found)


def _both(words: Words | None) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en} if words else {}


def _money(price: Decimal | None) -> str:
    return format(price, "f") if price is not None else ""


def _some(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in (None, "", False, 0, [], {})}


def _standard_of(standard: Standard) -> dict[str, Any]:
    points = {
        name: [_some({**_both(each), "key": each.key}) for each in getattr(standard, name)]
        for name in ("steps", "evidence", "checklist")
    }
    times = [
        _some(
            {
                "by": each.by,
                "always": each.always,
                "response": each.response,
                "arrival": each.arrival,
                "finish": each.finish,
            }
        )
        for each in sorted(standard.times, key=lambda each: each.by)
    ]
    return _some({"scope": _both(standard.scope), **points, "time": times})


def _rule_of(rule: Rule) -> dict[str, Any]:
    steps = [
        _some({"by": list(each.by), "need": each.need, "within": each.within, "then": list(each.then)})
        for each in rule.steps
    ]
    return {"for": list(rule.causes), "step": steps}
