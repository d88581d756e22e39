"""marshmallow without its bookkeeping, for data that is right.

The fields of a schema do the checking either way. Whatever is wrong in any way, and every schema with hooks or rules of
its own, is loaded by marshmallow itself, so that messages and meaning are always its own. Loading a filing or an event
so costs a third.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import marshmallow
from marshmallow import EXCLUDE, RAISE, missing

if TYPE_CHECKING:
    from marshmallow import Schema


class Reader:
    """Loads with ``schema``; made once and kept, because loading keeps nothing in it."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        fields = [
            (each.attribute or name, each.data_key if each.data_key is not None else name, each)
            for name, each in schema.load_fields.items()
        ]
        self._fields = [(name, key, each, each.required, each.load_default) for name, key, each in fields]
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
        for name, key, field, required, default in self._fields:
            value = data.get(key, missing)
            if value is missing:
                if required:
                    return None
                if default is not missing:
                    found[name] = default() if callable(default) else default
                continue
            seen += 1
            try:
                value = field.deserialize(value, key, data)
            except marshmallow.ValidationError:
                return None
            if value is not missing:
                found[name] = value
        return None if self._strict and seen != len(data) else found
