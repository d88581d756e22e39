"""The lines of a card as a form: one set of fields for each price model. Over the API the same lines are JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

from services.billing import wording
from services.billing.intake import UNITS
from services.billing.model import lines_of
from services.billing.pages.entries import Column, Entry, Plan, Shape, entries_of, number_text, values_of
from services.billing.pricing import checks
from services.billing.pricing.aggregation import ON_CARDS
from services.billing.pricing.models import MODELS, inspect
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN
from shared.errors import Invalid, Malformed
from shared.web.intake import Said, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.billing.pricing.models import Model
    from services.billing.pricing.rounding import Rounding
    from shared.language import Language
    from shared.web.context import Context

TERMS = ("free_quantity", "minimum", "maximum", "discount_pct")


def _shape(model: Model) -> Shape:
    numbers = tuple(Column(each.name, each.optional) for each in model.numbers)
    if model.tiers is None:
        return Shape(numbers)
    rows = (
        Column(model.tiers.limit, optional=True),
        *(Column(each.name, each.optional) for each in model.tiers.numbers),
    )
    return Shape(numbers, rows, "tiers")


PLAN = Plan(
    "l", "model", {name: _shape(model) for name, model in MODELS.items()}, "pricing", head=("item", "meter"),
    more=("aggregation", *TERMS),
)  # fmt: skip
FRESH = {"model": "per_unit"}
MOST_TEXT = 20_000


class Lines(fields.Field[list[dict[str, Any]]]):
    """The lines of a card: a list of objects, or its JSON as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "array", "items": {"type": "object"}, "description": "lines of a card: item, meter and price"}, **kwargs)  # fmt: skip

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, Any]]:
        if isinstance(value, str):
            if len(value) > MOST_TEXT:
                raise ValidationError(Said("field.long", most=MOST_TEXT))
            try:
                value = read_json(value.encode("utf-8", "replace"))
            except Malformed as fault:
                raise ValidationError("pricing.not_json") from fault
        if not isinstance(value, list) or not all(isinstance(each, dict) and each for each in value):
            raise ValidationError("pricing.not_lines")
        if not 0 < len(value) <= PLAN.most:
            raise ValidationError("pricing.no_lines" if not value else "field.range")
        return value


def lines_from(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The lines in the form in which a card keeps them."""
    found = []
    for entry in entries:
        values = entry.values
        line: dict[str, Any] = {"item": values.get("item", ""), "meter": values.get("meter", "")}
        price = values_of(PLAN, entry)
        if "tiers" in price:  # the open end is said, not left out
            limit = PLAN.kinds[entry.kind].rows[0].name
            price["tiers"] = [{limit: None, **tier} for tier in price["tiers"]]
        line["price"] = price
        if values.get("aggregation"):
            line["aggregation"] = values["aggregation"]
        line |= {name: number_text(values[name]) for name in TERMS if values.get(name)}
        found.append(line)
    return found


def entries_from(lines: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """The form's entries for lines as a card keeps them."""
    flat = []
    for line in lines:
        price = line.get("price")
        flat.append(
            {name: value for name, value in line.items() if name != "price"}
            | (price if isinstance(price, dict) else {})
        )
    return entries_of(PLAN, flat)


def field_of(place: str) -> str:
    """The form's field for a place such as ``lines[2].price.tiers[1].up_to``."""
    found = re.fullmatch(r"lines\[(\d+)\](?:\.price)?(?:\.tiers\[(\d+)\])?(?:\.(\w+))?", place)
    if not found:
        return place.removeprefix("terms.").partition("[")[0].partition(".")[0] or "lines"
    number, row, name = found.groups()
    if row is not None:
        return f"l{number}_t{row}_{name or 'up_to'}"
    return f"l{number}_{({'tiers': 'model', 'price': 'model'}.get(name, name)) if name else 'item'}"


def faults(lines: Sequence[Mapping[str, Any]], rounding: Rounding = FEN) -> list[PricingRefused]:
    """Everything that is wrong with the lines, by its place."""
    found: list[PricingRefused] = []
    for number, line in enumerate(lines):
        path = f"lines[{number}]"
        wrong = inspect(line.get("price"), f"{path}.price")[1]
        try:
            if not wrong:
                lines_of([line], rounding)
        except PricingRefused as fault:
            wrong = [PricingRefused(fault.code, fault.message, fault.field.replace("lines[0]", path, 1))]
        else:
            wrong += [
                PricingRefused("missing", f"{name} is missing", f"{path}.{name}")
                for name in ("item", "meter")
                if wrong and not line.get(name)
            ]
        found += wrong
    if not found:
        try:
            lines_of(lines, rounding)
        except PricingRefused as fault:
            found.append(fault)
    return found


def unsound(context: Context, faults: Sequence[PricingRefused]) -> Invalid:
    """The faults beside the form's fields, in the reader's words; over the API beside their places."""
    language = context.language
    found: dict[str, list[Any]] = {}
    for fault in faults:
        name = field_of(fault.field)
        last = re.sub(r"^l\d+_(t\d+_)?", "", name)
        where = language(f"pricing.field.{last}") if language.has(f"pricing.field.{last}") else fault.field
        place = fault.field if context.route.kind == "api" else name
        found.setdefault(place, []).append(Said(f"refusal.{fault.code}", where=where))
    return Invalid(fields=found)


def warnings(language: Language, lines: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """(number of the line, what is surprising about its price): 16 units cheaper than 15, for one."""
    found = []
    for number, line in enumerate(lines):
        for problem in checks.problems(line.get("price"), f"lines[{number}].price"):
            key = f"pricing.warning.{problem.code}"
            found.append((number + 1, language(key, **problem.params) if language.has(key) else problem.message))
    return found


def choices(language: Language, items: Sequence[str] = ()) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen in a line."""
    return {
        "item": [(code, wording.item_name(language, code)) for code in (items or wording.items(language))],
        "meter": [(code, wording.meter_name(language, code)) for code in UNITS],
        "aggregation": [("", language("pricing.aggregation.usual")), *((each, language(f"pricing.aggregation.{each}")) for each in ON_CARDS)],
    }  # fmt: skip
