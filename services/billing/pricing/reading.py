"""Reading a JSON object: each accessor gives a typed value or refuses with the place and the reason in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.billing.pricing.exact import ZERO, read_number, shown
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from fractions import Fraction

LONGEST_TEXT = 200  # characters of a name, an identifier or a time


@dataclass(frozen=True)
class Fields:
    """One JSON object and where it stands.

    Accessors take the name and its synonyms; the first that is present (and not null) counts, the first name is
    the one that messages use.
    """

    data: Mapping[str, Any]
    path: str = ""

    def at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def raw(self, *names: str) -> Any:
        """The value of the first present name; None when all are absent or null."""
        for name in names:
            value = self.data.get(name)
            if value is not None:
                return value
        return None

    def has(self, *names: str) -> bool:
        return self.raw(*names) is not None

    def required(self, *names: str) -> Any:
        value = self.raw(*names)
        if value is None:
            raise PricingRefused("missing", f"{names[0]} is missing", self.at(names[0]))
        return value

    def number(self, *names: str, least: Fraction | int | None = None, most: Fraction | int | None = None) -> Fraction:
        """A required number within bounds (both inclusive)."""
        value = read_number(self.required(*names), self.at(names[0]))
        within(value, self.at(names[0]), least, most)
        return value

    def optional(
        self, *names: str, least: Fraction | int | None = ZERO, most: Fraction | int | None = None
    ) -> Fraction | None:
        """A number or None; not negative unless said otherwise."""
        return self.number(*names, least=least, most=most) if self.has(*names) else None

    def amount(self, *names: str) -> Fraction:
        """A required number that must not be negative."""
        return self.number(*names, least=ZERO)

    def whole(self, *names: str, least: int | None = 0, most: int | None = None) -> int:
        value = self.number(*names, least=least, most=most)
        if value.denominator != 1:
            raise PricingRefused("not_whole", f"{names[0]} must be a whole number", self.at(names[0]))
        return value.numerator

    def text(self, *names: str) -> str:
        value = self.required(*names)
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise PricingRefused(
                "not_text", f"{shown(value)} is not a text of at most {LONGEST_TEXT} characters", self.at(names[0])
            )
        return value

    def name(self, *names: str) -> str:
        """A text that is not empty."""
        value = self.text(*names)
        if not value.strip():
            raise PricingRefused("missing", f"{names[0]} is empty", self.at(names[0]))
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise PricingRefused("not_a_flag", f"{shown(value)} is neither true nor false", self.at(name))
        return value

    def record(self, *names: str) -> Fields:
        return as_fields(self.required(*names), self.at(names[0]))

    def child(self, *names: str) -> Fields:
        """The object of that name, or an empty one when it is absent."""
        return self.record(*names) if self.has(*names) else Fields({}, self.at(names[0]))

    def items(self, *names: str) -> list[tuple[Any, str]]:
        """A required list as pairs of value and place."""
        value = self.required(*names)
        where = self.at(names[0])
        if not isinstance(value, list):
            raise PricingRefused("not_a_list", f"{shown(value)} is not a list", where)
        return [(each, f"{where}[{index}]") for index, each in enumerate(value)]

    def records(self, *names: str) -> Iterator[Fields]:
        for each, where in self.items(*names):
            yield as_fields(each, where)

    def numbers(self, *names: str, least: Fraction | int | None = None) -> list[Fraction]:
        found = []
        for each, where in self.items(*names):
            value = read_number(each, where)
            within(value, where, least, None)
            found.append(value)
        return found


def as_fields(value: Any, path: str) -> Fields:
    if not isinstance(value, dict):
        raise PricingRefused("not_an_object", f"{shown(value)} is not an object", path)
    return Fields(value, path)


def within(value: Fraction, field: str, least: Fraction | int | None, most: Fraction | int | None) -> None:
    """Refuse ``value`` outside ``least``..``most``."""
    if least is not None and value < least:
        code, words = ("negative", "must not be negative") if least == 0 else ("too_small", f"must be at least {least}")
        raise PricingRefused(code, words, field)
    if most is not None and value > most:
        raise PricingRefused("too_large", f"must be at most {most}", field)
