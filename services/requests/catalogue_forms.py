"""The editor's form: fields named by their place in the item (``field.0.label.en``), read into the item's shape.

A row that says nothing is no row; so the empty rows at the end of each list add one without a script.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

    from shared.language import Language

_PATH = re.compile(r"[a-z_]{1,20}(\.([a-z_]{1,20}|[0-9]{1,2})){0,6}")
_LISTS = frozenset({"places", "skills", "departments", "roles", "alike", "for", "by", "then"})
_NUMBERS = frozenset({"by", "response", "arrival", "finish", "least", "most", "usual", "need", "within"})
_FLAGS = frozenset({"required", "always", "above", "restricted", "public", "retired", "key"})
_MAY_BE_EMPTY = frozenset(
    {"cost", "note", "help", "more", "standard"}
)  # dictionaries that are left out when they say nothing
_SILENT = frozenset({"type", "by", "need", "within", *_FLAGS})  # what alone makes no row
_OWN = frozenset({"_csrf", "_key", "revision", "act"})  # the form's own
MOST_NAMES = 4000


def read(posted: MultiDict[str, str]) -> dict[str, Any]:
    """The item as it was typed; what cannot be a number stays text, for the check to refuse."""
    tree: dict[str, Any] = {}
    for number, (path, values) in enumerate(posted.lists()):
        if path in _OWN or number > MOST_NAMES or not _PATH.fullmatch(path):
            continue
        *parents, leaf = path.split(".")
        place: dict[str, Any] = tree
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            listed = leaf in _LISTS and (leaf != "by" or "step" in parents)
            place[leaf] = _leaf(leaf, values, listed=listed)
    found = _settled(tree)
    return found if isinstance(found, dict) else {}


def _leaf(name: str, values: list[str], *, listed: bool) -> Any:
    if listed:
        return [each for value in values for each in re.split(r"[\s,，、;；]+", value) if each]
    text = values[-1].strip()
    if name in _FLAGS:
        return text in {"on", "true", "1"}
    if name in _NUMBERS and re.fullmatch(r"[0-9]{1,7}", text):
        return int(text)
    return text


def _settled(node: Any, name: str = "") -> Any:
    """The tree with lists for numbered rows, without what says nothing."""
    if not isinstance(node, dict):
        return node
    inner = {key: _settled(value, key) for key, value in node.items()}
    if inner and all(key.isdigit() for key in inner):
        return [
            row
            for _, row in sorted(((int(key), row) for key, row in inner.items()), key=lambda each: each[0])
            if _says(row)
        ]
    return {key: value for key, value in inner.items() if not _nothing(key, value)}


def _nothing(name: str, value: Any) -> bool:
    if isinstance(value, dict):
        return name in _MAY_BE_EMPTY and not _says(value)
    return value in ("", [], False)


def _says(row: Any) -> bool:
    """Whether a row says anything beyond what its selects and ticks say by themselves."""
    if isinstance(row, dict):
        return any(
            _says(value)
            for key, value in row.items()
            if key not in _SILENT or (key == "by" and isinstance(value, list))
        )
    if isinstance(row, list):
        return bool(row)
    return row not in ("", None, False)


def act(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The item after a button of the editor: ``add:field``, ``remove:field.2``, ``up:field.2``."""
    verb, _, path = name.partition(":")
    if not _PATH.fullmatch(path or "x"):
        return body
    *parents, last = path.split(".")
    if verb == "add":
        rows = _at(body, path.split("."), make=True)
        if isinstance(rows, list):
            rows.append({})
        return body
    rows = _at(body, parents)
    if isinstance(rows, list) and last.isdigit() and int(last) < len(rows):
        place = int(last)
        if verb == "remove":
            rows.pop(place)
        elif verb == "up" and place:
            rows[place - 1], rows[place] = rows[place], rows[place - 1]
    return body


def _at(body: Any, path: list[str], *, make: bool = False) -> Any:
    place = body
    for number, step in enumerate(path):
        if isinstance(place, list):
            if not step.isdigit() or int(step) >= len(place):
                return None
            place = place[int(step)]
        elif isinstance(place, dict):
            if step not in place and make:
                place[step] = [] if number == len(path) - 1 else {}
            place = place.get(step)
        else:
            return None
    return place


def said(words: Language, path: str) -> str:
    """A place within an item as a person reads it: 表单 2 › 名称 › 英文."""
    parts: list[str] = []
    for part in path.split("."):
        if part.isdigit():
            number = words("catalogue.number", n=int(part) + 1)
            parts[-1:] = [f"{parts[-1]}{number}" if parts else number]
        else:
            parts.append(words(f"catalogue.part.{part}") if words.has(f"catalogue.part.{part}") else part)
    return " › ".join(parts)
