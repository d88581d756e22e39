"""Deduction rules as a form: one set of fields for each kind of rule. Over the API the same rules are JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields

from services.billing.pages.entries import Column, Entry, Plan, Shape, entries_of, number_faults, values_of
from services.billing.pricing.refusal import PricingRefused
from services.billing.scheme import RULES
from shared.errors import Invalid, Malformed
from shared.web.intake import Said, read_json
from shared.web.schemas import Key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.language import Language

SHAPES = {
    "fine": Shape((Column("amount"),)),
    "points": Shape((Column("threshold"), Column("point_value")), (Column("up_to", optional=True), Column("multiplier", optional=True)), "bands"),
    "at_risk": Shape((Column("pct"),)),
    "linear": Shape((Column("full_from"), Column("add_points", optional=True))),
    "bands": Shape((), (Column("at_least", optional=True), Column("pct")), "bands"),
    "availability": Shape((Column("rate"), Column("used_pct", optional=True))),
}  # fmt: skip
PLAN = Plan("r", "kind", {kind: SHAPES[kind] for kind in RULES}, "rules", head=("code",), most=40)
MOST_TEXT = 8_000


class Rules(fields.Field[dict[str, dict[str, Any]]]):
    """Deduction rules by code: an object of objects, or its JSON as text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"type": "object", "description": "deduction rules by code"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, dict[str, Any]]:
        if isinstance(value, str):
            if len(value) > MOST_TEXT:
                raise ValidationError(Said("field.long", most=MOST_TEXT))
            try:
                value = read_json(value.encode("utf-8", "replace"))
            except Malformed as fault:
                raise ValidationError("rules.not_json") from fault
        if not isinstance(value, dict) or not all(isinstance(each, dict) and each for each in value.values()):
            raise ValidationError("rules.not_rules")
        if not all(Key.PATTERN.fullmatch(name) for name in value):
            raise ValidationError("field.key")
        if len(value) > PLAN.most:
            raise ValidationError("field.range")
        return value


def rules_from(entries: Sequence[Entry], language: Language) -> dict[str, dict[str, Any]]:
    """The rules as a scheme keeps them.

    Raises:
        Invalid: everything that is wrong with them, beside the form's fields.
    """
    errors: dict[str, list[Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        code = entry.values.get("code", "")
        if not Key.PATTERN.fullmatch(code):
            errors[f"r{number}_code"] = ["field.key" if code else "field.required"]
        elif code in found:
            errors[f"r{number}_code"] = ["rules.twice"]
        wrong = number_faults(PLAN, number, entry)
        body = values_of(PLAN, entry)
        if not body.get("bands", True):
            del body["bands"]
        if not wrong:
            try:
                RULES[entry.kind](body)
            except PricingRefused as fault:
                name = re.sub(r"\W.*", "", fault.field)
                known = name in {column.name for column in PLAN.kinds[entry.kind].fields}
                label = language(f"rules.field.{name}") if language.has(f"rules.field.{name}") else fault.field
                wrong[f"r{number}_{name if known else 'kind'}"] = [Said(f"refusal.{fault.code}", where=label)]
        errors |= wrong
        found[code] = body
    if errors:
        raise Invalid(fields=errors)
    return found


def entries_from(rules: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
    """The form's entries for the rules of a scheme."""
    return entries_of(PLAN, [{"code": code, **each} for code, each in rules.items()])
