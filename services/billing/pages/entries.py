"""Forms of several entries, such as the lines of a card or the rules of a scheme, each with the fields of its kind.

An entry's fields are named ``l0_unit_price``, those of its rows ``l0_t1_up_to``. Buttons named ``change`` add and take away
entries and rows, or show the fields of another kind: they post the form and get it again, so no script is needed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.billing.pricing.exact import read_number
from services.billing.pricing.refusal import PricingRefused
from shared.errors import Invalid
from shared.web.intake import list_names, load, single

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.language import Language
    from shared.web.context import Context

LONGEST = 80  # characters of one field
MOST_ROWS = 50


@dataclass(frozen=True)
class Column:
    """One field of a kind or of its rows; ``optional`` ones may stay empty."""

    name: str
    optional: bool = False


@dataclass(frozen=True)
class Shape:
    """What an entry of one kind asks for.

    Attributes:
        rows: columns of its rows; none for kinds without.
        rows_in: what the rows are called where they are kept.
    """

    fields: tuple[Column, ...] = ()
    rows: tuple[Column, ...] = ()
    rows_in: str = ""


@dataclass(frozen=True)
class Plan:
    """A form of several entries.

    Attributes:
        prefix: one letter before the number of an entry.
        kind: the field that names an entry's kind.
        head: fields of every entry before its kind, ``more`` those after it; (name, choices), None for what is typed.
        words: where the language files name fields, columns and kinds: ``<words>.field.<name>``.
    """

    prefix: str
    kind: str
    kinds: Mapping[str, Shape]
    words: str
    head: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    most: int = 60


@dataclass
class Entry:
    """One entry as it was typed."""

    kind: str
    values: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)


def divided(context: Context, plan: Plan) -> tuple[dict[str, Any], list[Entry], str]:
    """The posted form without its entries; the entries as they were typed; and which change of the form was asked for.

    Raises:
        Malformed: a scalar was given twice. Invalid: a field that the plan does not know, too many entries, or a long text.
    """
    accepts = context.route.accepts
    posted = single(context.request.form, list_names(accepts) if accepts else ())
    rest: dict[str, Any] = {}
    numbered: dict[int, dict[str, str]] = {}
    pattern = re.compile(rf"{plan.prefix}([0-9]{{1,3}})_([a-z0-9_]{{1,40}})")
    change = str(posted.pop("change", ""))
    for name, value in posted.items():
        found = pattern.fullmatch(name)
        if found and isinstance(value, str):
            if len(value) > LONGEST:
                raise Invalid(fields={name: ["field.invalid"]})
            numbered.setdefault(int(found[1]), {})[found[2]] = value.strip()
        elif name not in {"_csrf", "_key"}:
            rest[name] = value
    if len(numbered) > plan.most:
        raise Invalid(fields={"": ["field.range"]})
    return rest, [_entry(plan, number, numbered[number]) for number in sorted(numbered)], change


def _entry(plan: Plan, number: int, typed: dict[str, str]) -> Entry:
    shapes = plan.kinds.values()
    columns = {column.name for shape in shapes for column in shape.rows}
    names = {plan.kind, *plan.head, *plan.more, *(column.name for shape in shapes for column in shape.fields)}
    rows: dict[int, dict[str, str]] = {}
    entry = Entry(typed.get(plan.kind, ""))
    for name, value in typed.items():
        row = re.fullmatch(r"t([0-9]{1,3})_([a-z_]+)", name)
        if row and row[2] in columns:
            rows.setdefault(int(row[1]), {})[row[2]] = value
        elif name in names:
            entry.values[name] = value
        else:
            raise Invalid(fields={f"{plan.prefix}{number}_{name}": ["field.unknown"]})
    if len(rows) > MOST_ROWS:
        raise Invalid(fields={f"{plan.prefix}{number}_{plan.kind}": ["field.range"]})
    entry.rows = [rows[index] for index in sorted(rows)]
    return entry


def changed(plan: Plan, entries: list[Entry], change: str, fresh: Entry) -> list[Entry]:
    """The entries after a button of the form was pressed; one that makes no sense changes nothing."""
    what, *numbers = change.split(".")
    places = [int(each) for each in numbers if re.fullmatch(r"[0-9]{1,3}", each)]
    if what == "add" and len(entries) < plan.most:
        return [*entries, fresh]
    if len(places) != len(numbers) or not places or places[0] >= len(entries):
        return entries
    entry = entries[places[0]]
    if what == "drop":
        return [each for each in entries if each is not entry]
    if what == "row" and len(entry.rows) < MOST_ROWS:
        entry.rows.append({})
    if what == "unrow" and len(places) == 2 and places[1] < len(entry.rows):
        entry.rows.pop(places[1])
    return entries


def shown(
    language: Language, plan: Plan, entries: list[Entry], errors: Mapping[str, list[str]], choices: Mapping[str, list[tuple[str, str]]]
) -> list[dict[str, Any]]:  # fmt: skip
    """The entries as the template draws them; ``choices`` are what may be chosen in the fields that are not typed."""
    kinds = [(kind, language(f"{plan.words}.kind.{kind}")) for kind in plan.kinds]
    found = []
    for number, entry in enumerate(entries):
        shape = plan.kinds.get(entry.kind, Shape())
        rows = entry.rows or ([{}] if shape.rows else [])

        def cell(name: str, value: str, label: str, *, optional: bool, number: int = number) -> dict[str, Any]:
            full = f"{plan.prefix}{number}_{name}"
            return {"name": full, "label": label, "value": value, "optional": optional, "errors": errors.get(full, []),
                    "options": None, "hint": "", "mode": "decimal"}  # fmt: skip

        def plain(name: str, optional: bool, entry: Entry = entry, cell: Any = cell) -> dict[str, Any]:
            made: dict[str, Any] = cell(
                name, entry.values.get(name, ""), language(f"{plan.words}.field.{name}"), optional=optional
            )
            hint = f"{plan.words}.hint.{name}"
            return made | {"options": _choices(choices, name, made["value"]), "hint": language(hint) if language.has(hint) else ""}  # fmt: skip

        kind = cell(plan.kind, entry.kind, language(f"{plan.words}.field.{plan.kind}"), optional=False)
        hint = f"{plan.words}.about.{entry.kind}"
        found.append({
            "number": number, "legend": language(f"{plan.words}.entry", n=number + 1),
            "head": [plain(name, False) | {"mode": ""} for name in plan.head], "kind": kind | {"options": kinds, "hint": language(hint) if language.has(hint) else ""},
            "fields": [plain(column.name, column.optional) for column in shape.fields],
            "more": [plain(name, True) for name in plan.more],
            "columns": [language(f"{plan.words}.field.{column.name}") for column in shape.rows],
            "rows": [
                [cell(f"t{index}_{column.name}", row.get(column.name, ""),
                      language(f"{plan.words}.cell", n=number + 1, row=index + 1, name=language(f"{plan.words}.field.{column.name}")), optional=True)
                 for column in shape.rows]
                for index, row in enumerate(rows)
            ] if shape.rows else [],
        })  # fmt: skip
    return found


def _choices(choices: Mapping[str, list[tuple[str, str]]], name: str, value: str) -> list[tuple[str, str]] | None:
    known = choices.get(name)
    if known is None:
        return None
    return known if not value or value in {code for code, _ in known} else [*known, (value, value)]


def labels(language: Language, plan: Plan, entries: list[Entry]) -> dict[str, str]:
    """What each field of the form is called in a list of errors."""
    found = {}
    for each in shown(language, plan, entries, {}, {}):
        for one in (*each["head"], each["kind"], *each["fields"], *each["more"]):
            found[one["name"]] = f"{each['legend']}{language('parts.colon')}{one['label']}"
        for row in each["rows"]:
            found |= {one["name"]: one["label"] for one in row}
    return found


def values_of(plan: Plan, entry: Entry) -> dict[str, Any]:
    """What was typed for the entry's kind, and its rows; what is empty is left out."""
    shape = plan.kinds.get(entry.kind, Shape())
    body: dict[str, Any] = {plan.kind: entry.kind}
    body |= {each.name: number_text(entry.values[each.name]) for each in shape.fields if entry.values.get(each.name)}
    if shape.rows:
        body[shape.rows_in] = [
            {column.name: number_text(row[column.name]) for column in shape.rows if row.get(column.name)}
            for row in entry.rows
        ]
    return body


def number_text(typed: str) -> str:
    """A number as it was typed, without the commas that group it."""
    return typed.replace(",", "").replace("，", "").strip()


def number_faults(plan: Plan, number: int, entry: Entry) -> dict[str, list[Any]]:
    """What is missing or no number among the fields of the entry's kind, by field."""
    shape, at = plan.kinds.get(entry.kind), f"{plan.prefix}{number}_"
    if shape is None:
        return {f"{at}{plan.kind}": ["field.choice"]}
    found: dict[str, list[Any]] = {}
    cells = [(column, entry.values, f"{at}{column.name}") for column in shape.fields]
    cells += [
        (column, row, f"{at}t{index}_{column.name}") for index, row in enumerate(entry.rows) for column in shape.rows
    ]
    if shape.rows and not entry.rows:
        cells += [(column, {}, f"{at}t0_{column.name}") for column in shape.rows]
    for column, typed, name in cells:
        text = number_text(typed.get(column.name, ""))
        if not text:
            if not column.optional:
                found[name] = ["field.required"]
            continue
        try:
            if read_number(text) < 0:
                found[name] = ["field.range"]
        except PricingRefused:
            found[name] = ["field.number"]
    return found


def entries_of(plan: Plan, data: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """The form's entries for what is kept; ``data`` holds a flat dictionary for each, rows under their name."""
    found = []
    for each in data:
        shape = plan.kinds.get(str(each.get(plan.kind)), Shape())
        rows = each.get(shape.rows_in) if shape.rows_in else None
        values = {name: _text(value) for name, value in each.items() if not isinstance(value, (list, dict))}
        known = [
            {name: _text(value) for name, value in row.items()}
            for row in (rows if isinstance(rows, list) else ())
            if isinstance(row, dict)
        ]
        found.append(Entry(str(each.get(plan.kind, "")), values, known))
    return found


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def loaded(context: Context, rest: dict[str, Any]) -> dict[str, Any]:
    """The form without its entries, checked by the route's schema.

    Raises:
        Invalid: the schema refuses it.
    """
    assert context.route.accepts is not None
    return load(context.route.accepts, rest)
