"""marshmallow without its bookkeeping, for data that is right.

The fields of a schema do the checking and the writing either way. Whatever is wrong in any way, and every schema with
hooks or rules of its own, is loaded and dumped by marshmallow itself, so that messages and meaning are always its own.
Loading a filing or an event so costs a third.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import marshmallow
from marshmallow import EXCLUDE, RAISE, Schema, missing
from marshmallow.fields import Field

if TYPE_CHECKING:
    from collections.abc import Callable


class Reader:
    """Loads with ``schema``; made once and kept, because loading keeps nothing in it."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        fields = [
            (each.attribute or name, each.data_key if each.data_key is not None else name, each)
            for name, each in schema.load_fields.items()
        ]
        self._fields = [(name, key, _read_by(each), each.required, each.load_default) for name, key, each in fields]
        self._strict = schema.unknown == RAISE
        # What a schema adds to its fields is marshmallow's to run.
        self._plain = (
            not any(schema._hooks.values())  # noqa: SLF001  where marshmallow keeps a schema's hooks and validators
            and schema.unknown in {RAISE, EXCLUDE}
            and not schema.many
            and not schema.partial
            and schema.dict_class is dict
            and not any("." in name for name, _, _ in fields)
            and len({key for _, key, _ in fields}) == len(fields)
        )

    def load(self, data: Any) -> dict[str, Any]:
        """``data`` as the schema loads it.

        Raises:
            marshmallow.ValidationError: it is not what the schema wants.
        """
        if self._plain and type(data) is dict and (found := self._quickly(data)) is not None:
            return found
        loaded: dict[str, Any] = self.schema.load(data)
        return loaded

    def _quickly(self, data: dict[str, Any]) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        seen = 0
        for name, key, read, required, default in self._fields:
            value = data.get(key, missing)
            if value is missing:
                if required:
                    return None
                if default is not missing:
                    found[name] = default() if callable(default) else default
                continue
            seen += 1
            try:
                value = read(value, key, data)
            except marshmallow.ValidationError:
                return None
            if value is not missing:
                found[name] = value
        return None if self._strict and seen != len(data) else found


def _read_by(field: Field[Any]) -> Callable[[Any, str, Any], Any]:
    """What reads a value that is there: the field's own conversion where nothing else would be done."""
    if field.validators or field.pre_load or field.post_load or type(field).deserialize is not Field.deserialize:
        return field.deserialize
    convert = field._deserialize  # noqa: SLF001  what a field class is made of
    if type(field)._validate_missing is not Field._validate_missing:  # noqa: SLF001
        return field.deserialize

    def read(value: Any, key: str, data: Any) -> Any:
        return field.deserialize(value, key, data) if value is None else convert(value, key, data)

    return read


class Writer:
    """Dumps with ``schema``; made once and kept."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._fields = [
            (name, each.data_key if each.data_key is not None else name, each._serialize)  # noqa: SLF001
            for name, each in schema.dump_fields.items()
        ]
        self._plain = (
            not any(schema._hooks.values())  # noqa: SLF001
            and schema.dict_class is dict
            and type(schema).get_attribute is Schema.get_attribute
            and all(
                each.attribute is None
                and "." not in name
                and each._CHECK_ATTRIBUTE  # noqa: SLF001
                and type(each).serialize is Field.serialize
                and type(each).get_value is Field.get_value
                for name, each in schema.dump_fields.items()
            )
        )

    def dump(self, data: Any) -> Any:
        """``data`` as the schema dumps it."""
        if not self._plain or type(data) is not dict:
            return self.schema.dump(data)
        try:
            return {key: write(data[name], name, data) for name, key, write in self._fields}
        except KeyError:  # absent values have defaults, or are left out
            return self.schema.dump(data)
