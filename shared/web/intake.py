"""Reading what came from outside: bodies, forms, queries. Strict, bounded, and never a crash.

Python's JSON parser alone accepts NaN and duplicate keys, raises ``ValueError`` on a number of 5,000 digits and
``RecursionError`` on depth, and lets an unpaired surrogate through to fail at encoding. This one refuses all of them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import marshmallow

from shared.errors import Invalid, Malformed
from shared.loading import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marshmallow import Schema
    from werkzeug.datastructures import MultiDict

MAX_JSON_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1
MAX_DIGITS = 40  # of a decimal; money and quantities need far fewer

# Unicode 16, property Bidi_Control: they can make a line read differently from what is stored.
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Said(str):
    """A message key with parameters, carried where marshmallow wants a string."""

    __slots__ = ("parameters",)
    parameters: dict[str, Any]

    def __new__(cls, key: str, **parameters: Any) -> Self:
        said = super().__new__(cls, key)
        said.parameters = parameters
        return said


def clean_text(text: str, *, lines: bool = False) -> str:
    """``text`` in NFC without outer blanks and with LF line ends.

    Raises:
        ValueError: it holds a character that no field may hold; the argument is the message key.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n") if lines else text
    if text.isascii() and text.isprintable():
        return text.strip()
    for character in text:
        code = ord(character)
        if code < 0x20 and not (lines and character in "\n\t"):
            raise ValueError("field.control")
        if 0x7F <= code <= 0x9F or character in BIDI or code in {0x2028, 0x2029, 0xFEFF}:
            raise ValueError("field.control")
        if 0xD800 <= code <= 0xDFFF or code & 0xFFFE == 0xFFFE:
            raise ValueError("field.control")
    return unicodedata.normalize("NFC", text).strip()


def read_json(body: bytes) -> Any:
    """The JSON value in ``body``.

    Raises:
        Malformed: it is none, or goes beyond the limits above.
    """
    if len(body) > MAX_JSON_BYTES:
        raise Malformed("error.json_size")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise Malformed("error.json_depth")
    try:
        value = _decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed("error.json_utf8") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("error.json") from error
    if b"\\u" in body:
        _no_surrogates(value)
    return value


# A string, also one that does not end: what stands in it is no nesting.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def _depth(body: bytes) -> int:
    """The deepest nesting in ``body``, counted without parsing; stops at the limit."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRING.sub(b"", body)):
        if bracket in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        else:
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("error.json_twice")
    return found


def _no_constant(name: str) -> Any:
    raise Malformed("error.json_number", number=name)


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(value := int(digits)) > MAX_INTEGER:
        raise Malformed("error.json_number", number=digits[:24])
    return value


def _number(text: str) -> float:
    if len(text) > MAX_DIGITS or (value := float(text)) in {float("inf"), float("-inf")}:
        raise Malformed("error.json_number", number=text[:24])
    return value


# Made once: it keeps nothing of what it reads.
_decode = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer, parse_float=_number
).decode


def _no_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Malformed("error.json_utf8") from error


def single(values: MultiDict[str, str], lists: Iterable[str] = ()) -> dict[str, Any]:
    """Parameters as a dictionary; only names in ``lists`` may occur more than once.

    Raises:
        Malformed: a scalar parameter was given twice.
    """
    many = set(lists)
    found: dict[str, Any] = {}
    for name, given in values.lists():
        if name in many:
            found[name] = given
        elif len(given) > 1:
            raise Malformed("error.twice", name=name[:40])
        else:
            found[name] = given[0]
    return found


@cache
def list_names(schema: type[Schema]) -> frozenset[str]:
    """Names of the schema's fields that take several values."""
    return frozenset(
        each.data_key or name
        for name, each in schema._declared_fields.items()  # noqa: SLF001  marshmallow's documented-in-code registry
        if isinstance(each, marshmallow.fields.List)
    )


@cache
def _reader(schema: type[Schema]) -> Reader:
    return Reader(schema(unknown=marshmallow.RAISE))


def load(schema: type[Schema], data: Any) -> dict[str, Any]:
    """``data`` checked and converted by ``schema``; unknown and read-only names are refused.

    Raises:
        Invalid: with the messages by field.
    """
    if not isinstance(data, dict):
        raise Invalid(fields={"": ["error.json_object"]})
    try:
        return _reader(schema).load(data)
    except marshmallow.ValidationError as error:
        messages = error.messages
        raise Invalid(fields=messages if isinstance(messages, dict) else {"": messages}) from error
    except (OverflowError, ArithmeticError) as error:  # int("1e999") and its like inside marshmallow's fields
        raise Invalid(fields={"": ["field.number"]}) from error
