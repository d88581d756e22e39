"""The chat's commands: JSON lines in, JSON lines out, one for one and in order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.requests.chat.site import Site


def understand(arguments: list[str]) -> int:
    """Intent and frames of each ``{"id", "text", "reference", "lang"?}`` from stdin."""
    from services.requests.chat.lines import understood

    return _at_site(arguments, understood)


def converse(arguments: list[str]) -> int:
    """What each dialogue ``{"id", "reference", "turns"}`` from stdin files."""
    from services.requests.chat.lines import conversed

    return _at_site(arguments, conversed)


def times(arguments: list[str]) -> int:
    """The time expression of each ``{"id", "text", "reference"}`` from stdin; a bad line gets an ``error``, not an end."""
    from services.requests.chat.times.answers import answers

    return _printed(answers(sys.stdin.buffer))


def _at_site(arguments: list[str], answers: Callable[[Iterable[bytes], Site | None], Iterable[str]]) -> int:
    """The answers to stdin; ``--site NAME`` checks places against a compound, ``demonstration`` or a seed file."""
    import argparse

    from services.requests.chat.lines import site_of

    parser = argparse.ArgumentParser(prog="python -m services.requests understand|converse")
    parser.add_argument(
        "--site", metavar="NAME", help="check places: demonstration, or the path of a compound's seed file"
    )
    asked = parser.parse_args(arguments)
    try:
        site = site_of(asked.site) if asked.site else None
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return _printed(answers(sys.stdin.buffer, site))


def _printed(lines: Iterable[str]) -> int:
    """Each line written and flushed as it comes, so that a caller may wait for it."""
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    for line in lines:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0
