"""``python -m services.billing rate``: the checking form on standard input and output."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from services.billing.pricing.cases import KINDS, answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

LONGEST_LINE = 16 * 1024 * 1024  # bytes; a longer line is refused without being kept

USAGE = f"""usage: python -m services.billing rate < cases.jsonl

Reads one JSON object a line:
    {{"id", "kind", "params", "input", "rounding"?}}
and writes for each, in order, one line:
    {{"id", "result", "explain"}}    or    {{"id", "error": {{"code", "message", "field", "line"}}}}
Numbers are decimal texts. Kinds: {", ".join(KINDS)}.
"""


def rate(arguments: Sequence[str]) -> int:
    """Answer every line of standard input; the status is 0 whatever the lines hold, 2 for wrong arguments."""
    if arguments:
        wanted = arguments[0] in {"-h", "--help"}
        print(USAGE, end="", file=sys.stdout if wanted else sys.stderr)
        return 0 if wanted else 2
    try:
        for number, line in lines(sys.stdin.buffer):
            sys.stdout.write(written(line, number))
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone. Standard output is pointed elsewhere so that the interpreter's last flush is silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def written(line: bytes | None, number: int) -> str:
    """The answer to one line as a line; ``None`` stands for one that is too long. An error names the line."""
    if line is None:
        words = f"the line is longer than {LONGEST_LINE} bytes"
        found: dict[str, Any] = {"id": None, "error": {"code": "too_long", "message": words, "field": ""}}
    else:
        found = answer(line)
    if "error" in found:
        found["error"] = {**found["error"], "line": number}
    return json.dumps(found, default=str) + "\n"


def lines(source: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """(number from 1, line) of the lines that hold anything; None for each that is longer than ``LONGEST_LINE``."""
    number = 0
    while line := source.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(LONGEST_LINE)
            yield number, None
        elif line.strip():
            yield number, line
