"""marshmallow fields with this house's rules, and the words for marshmallow's own messages.

Use ``Text`` wherever a person's words come in; ``fields.String`` has no bound and takes control characters.
"""

from __future__ import annotations

import re
from decimal import Decimal as Number
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from shared.contracts.base import Instant
from shared.web.intake import MAX_INTEGER, Said, clean_text

__all__ = ["Decimal", "Instant", "Key", "Page", "Reference", "Schema", "Text", "Whole", "fields", "validate"]


class Text(fields.String):
    """A person's words: NFC, trimmed, bounded in code points, no control or direction characters.

    Args:
        most: most code points.
        lines: line breaks and tabs are kept.
        blank: an empty text is a value; otherwise a required text must have a character.
    """

    def __init__(self, most: int, *, lines: bool = False, blank: bool | None = None, **kwargs: Any) -> None:
        self.most = most
        self.lines = lines
        self.blank = blank if blank is not None else not kwargs.get("required", False)
        kwargs.setdefault("metadata", {})
        kwargs["metadata"] = {"maxLength": most, **({} if self.blank else {"minLength": 1}), **kwargs["metadata"]}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("field.text")
        if len(value) > self.most * 4:
            raise ValidationError(Said("field.long", most=self.most))
        try:
            text = clean_text(value, lines=self.lines)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if len(text) > self.most:
            raise ValidationError(Said("field.long", most=self.most))
        if not text and not self.blank:
            raise ValidationError("field.required")
        return text


class Key(fields.String):
    """A short technical name: letters, digits, ``. _ : -``; at most 64."""

    PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

    def __init__(self, **kwargs: Any) -> None:
        pattern = f"^{self.PATTERN.pattern}$" if kwargs.get("required") else f"^({self.PATTERN.pattern})?$"
        kwargs["metadata"] = {"maxLength": 64, "pattern": pattern, **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if value == "" and not self.required:
            return ""
        if not isinstance(value, str) or not self.PATTERN.fullmatch(value):
            raise ValidationError("field.key")
        return value


class Reference(Key):
    """A spoken reference such as ``1124-087`` or ``S-202610-HY2``."""


class Whole(fields.Integer):
    """A whole number between ``least`` and ``most``; digits in a form, a JSON integer in a body."""

    def __init__(self, least: int = 0, most: int = MAX_INTEGER, **kwargs: Any) -> None:
        self.least, self.most = least, most
        kwargs["metadata"] = {"minimum": least, "maximum": most, **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str):
            value = value.strip()
            if not re.fullmatch(r"[+-]?[0-9]{1,17}", value):
                raise ValidationError("field.whole")
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("field.whole")
        if not self.least <= value <= self.most:
            raise ValidationError(Said("field.between", least=self.least, most=self.most))
        return value


class Decimal(fields.Decimal):
    """An exact number with at most ``places`` decimals; text in JSON, so that no float touches it."""

    def __init__(self, places: int = 2, least: str | None = None, most: str = "999999999999", **kwargs: Any) -> None:
        self.decimals, self.least, self.most = places, None if least is None else Number(least), Number(most)
        kwargs.setdefault("as_string", True)
        kwargs["metadata"] = {"pattern": r"^-?[0-9]+(\.[0-9]+)?$", **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Number:
        text = value.strip().replace(",", "") if isinstance(value, str) else value
        if isinstance(text, int) and not isinstance(text, bool):
            text = str(text)
        if not isinstance(text, str) or not re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{1,12})?", text, re.ASCII):
            raise ValidationError("field.number")
        number = Number(text)
        if -int(number.as_tuple().exponent) > self.decimals:
            raise ValidationError(Said("field.decimals", places=self.decimals))
        if (self.least is not None and number < self.least) or abs(number) > self.most:
            raise ValidationError("field.range")
        return number


class Page(Schema):
    """The query of a list: how many, from where."""

    limit = Whole(1, 200, load_default=50)
    cursor = fields.String(load_default="", metadata={"maxLength": 400})


# marshmallow's own English messages and ours; the numbers in them become parameters.
_TRANSLATED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"Missing data for required field\.", "field.required"),
        (r"Field may not be null\.", "field.required"),
        (r"Unknown field\.", "field.unknown"),
        (r"Not a valid (string|UTF-8 string)\.|Not a valid utf-8 string\.", "field.text"),
        (r"Not a valid integer\.", "field.whole"),
        (r"Not a valid (number|decimal)\.|Special numeric values .*|Number too large\.", "field.number"),
        (r"Not a valid boolean\.", "field.yes_no"),
        (r"Not a valid (naive |aware )?(datetime|date|time|period of time|timedelta)\.", "field.date"),
        (r"Not a valid list\.|Not a valid mapping type\.|Invalid input type\.|Invalid type\.", "field.kind"),
        (r"Must be one of: .*\.|Not a valid choice.*|Not a valid enum.*|One or more of .*", "field.choice"),
        (r"Longer than maximum length (?P<most>\d+)\.", "field.long"),
        (r"Shorter than minimum length (?P<least>\d+)\.", "field.short"),
        (r"Length must be between (?P<least>\d+) and (?P<most>\d+)\.", "field.length"),
        (r"Must be .*", "field.range"),
    )
)


def message_of(said: Any) -> tuple[str, dict[str, Any]]:
    """The message key and its parameters for one message of marshmallow or of ours."""
    if isinstance(said, Said):
        return str(said), said.parameters
    text = str(said)
    for pattern, key in _TRANSLATED:
        found = pattern.fullmatch(text)
        if found:
            return key, found.groupdict()
    return (text if re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", text) else "field.invalid"), {}
