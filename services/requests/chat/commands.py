"""The chat's commands: JSON lines in, JSON lines out, one for one and in order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def understand(arguments: list[str]) -> int:
    """Intent and frames of each ``{"id", "text", "reference", "lang"?}`` from stdin."""
    from services.requests.chat.lines import understood

    return _printed(understood(sys.stdin.buffer))


def converse(arguments: list[str]) -> int:
    """What each dialogue ``{"id", "reference", "turns"}`` from stdin files."""
    from services.requests.chat.lines import conversed

    return _printed(conversed(sys.stdin.buffer))


def times(arguments: list[str]) -> int:
    """The time expression of each ``{"id", "text", "reference"}`` from stdin; a bad line gets an ``error``, not an end."""
    from services.requests.chat.times.answers import answers

    return _printed(answers(sys.stdin.buffer))


def _printed(lines: Iterable[str]) -> int:
    """Each line written and flushed as it comes, so that a caller may wait for it."""
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    for line in lines:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0
