"""The checking form: one JSON object in, result and explanation out, by the code that the service rates with.

``{"id", "kind", "params", "input", "rounding"?}`` -> ``{"id", "result", "explain"}``, or ``{"id", "error"}`` with a code, a
message in words and the field. One function a kind.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from services.billing.pricing import kinds, ledger_kinds
from services.billing.pricing.exact import shown
from services.billing.pricing.form import Case, read_rounding
from services.billing.pricing.reading import Fields, as_fields
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from services.billing.pricing.form import Answer

KINDS = kinds.KINDS | ledger_kinds.KINDS


def answer(line: bytes | str) -> dict[str, Any]:
    """What the form answers to one line; never raises for anything a line can hold."""
    identity: Any = None
    try:
        data = _parsed(line)
        fields = as_fields(data, "line")
        identity = fields.data.get("id")
        result, steps = _solved(fields)
    except PricingRefused as fault:
        error = {"code": fault.code, "message": fault.message, "field": fault.field}
        return {"id": _identity(line) if identity is None else identity, "error": error}
    return {"id": identity, "result": result, "explain": [step.data() for step in steps]}


_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?[0-9]{1,18}\b)')
_SEARCHED = 10_000  # characters


def _identity(line: bytes | str) -> Any:
    """The id that a line seems to carry though it cannot be read as a whole; None if none is found."""
    text = line[:_SEARCHED].decode("utf-8", "replace") if isinstance(line, bytes) else line[:_SEARCHED]
    found = _ID.search(text)
    try:
        return json.loads(found[1]) if found else None
    except ValueError:
        return None


def _solved(fields: Fields) -> Answer:
    top = Fields(fields.data)
    kind = top.text("kind")
    if kind not in KINDS:
        raise PricingRefused("unknown_kind", f"there is no kind {shown(kind)}", "kind")
    params = top.child("params")
    rounding = next(
        (each for each in (top, params) if each.has("rounding") and isinstance(each.raw("rounding"), dict)), top
    )
    return KINDS[kind](
        Case(
            params,
            top.record("input"),
            read_rounding(rounding.record("rounding")) if rounding.has("rounding") else None,
        )
    )


def _parsed(line: bytes | str) -> Any:
    """The JSON value of a line, numbers kept exact.

    Raises:
        PricingRefused: ``not_json``, also for bottomless nesting; ``twice``: a name is given twice in one object.
    """
    try:
        text = line.decode("utf-8-sig") if isinstance(line, bytes) else line
        return json.loads(
            text, parse_float=Decimal, parse_int=_exact_int, parse_constant=Decimal, object_pairs_hook=_once
        )
    except PricingRefused:
        raise
    except (ValueError, RecursionError) as fault:
        words = "nested too deeply" if isinstance(fault, RecursionError) else str(fault)
        raise PricingRefused("not_json", f"the line is not JSON: {words}") from fault


def _exact_int(text: str) -> int | Decimal:
    """Python turns no text of more than some thousand digits into an integer; such a number is refused later, by name."""
    return int(text) if len(text) <= 100 else Decimal(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise PricingRefused("twice", "a name is given twice in one object")
    return found
