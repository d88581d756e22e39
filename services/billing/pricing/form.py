"""What the kinds of the checking form share: a case, and reading its terms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.billing.pricing.exact import ZERO, plain
from services.billing.pricing.periods import CONTRACT_ZONE, read_zone
from services.billing.pricing.rating import Conversion, Terms
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FARTHEST, Rounding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from fractions import Fraction

    from services.billing.pricing.explanation import Steps
    from services.billing.pricing.reading import Fields

Result = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One line of the form."""

    params: Fields
    input: Fields
    rounding: Rounding | None

    @property
    def places(self) -> int:
        return self.rounding.places if self.rounding else 0

    def money(self, value: Fraction) -> str:
        return plain(value, self.places)

    def holding(self, *names: str) -> Fields:
        """``input`` or ``params``, whichever has one of ``names``."""
        return self.params if self.params.has(*names) and not self.input.has(*names) else self.input

    def zone(self) -> tzinfo:
        fields = self.holding("timezone", "zone")
        return read_zone(fields.raw("timezone", "zone") or CONTRACT_ZONE, fields.at("timezone"))


Answer = tuple[Result, "Steps"]
Kind = Callable[[Case], Answer]


def read_rounding(fields: Fields, digits: int | None = None) -> Rounding:
    """Mode and digits; ``digits`` may be left out only where a default is given."""
    mode = fields.text("mode")
    places = digits if digits is not None and not fields.has("digits") else fields.whole("digits", least=None)
    try:
        return Rounding(mode, places)
    except PricingRefused as fault:
        raise PricingRefused(fault.code, fault.message, fields.at(fault.field.rpartition(".")[2])) from fault


def read_terms(case: Case) -> Terms:
    params = case.params
    with located("params"):
        return Terms(
            convert=_conversion(params),
            free_quantity=params.optional("free_quantity") or ZERO,
            minimum=params.optional("minimum"),
            maximum=params.optional("maximum"),
            discount_pct=params.optional("discount_pct", most=100) or ZERO,
            rounding=case.rounding,
        )


SHORT_OPS = {"*": "multiply", "mul": "multiply", "/": "divide", "div": "divide"}


def _conversion(params: Fields) -> Conversion | None:
    if not params.has("convert", "op"):
        return None
    fields = params.record("convert") if params.has("convert") else params
    op = fields.text("op", "operation")
    op = SHORT_OPS.get(op, op)
    rounding: Rounding | None = None
    mode = fields.raw("round", "rounding")
    if isinstance(mode, str):
        digits = fields.whole("digits", "precision", least=-FARTHEST) if fields.has("digits", "precision") else 0
        rounding = None if mode == "none" else Rounding(mode, digits)
    elif mode is not None:
        rounding = read_rounding(fields.record("round", "rounding"), digits=0)
    return Conversion(op, fields.number("factor", "conversion_factor"), rounding)


@contextmanager
def located(path: str) -> Iterator[None]:
    """Refusals inside name their field from the line's top."""
    try:
        yield
    except PricingRefused as fault:
        if fault.field.startswith(("params", "input", "rounding")):
            raise
        raise PricingRefused(fault.code, fault.message, f"{path}.{fault.field}".rstrip(".")) from fault
