"""``python -m services.billing rate``: the checking form on standard input and output."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from services.billing.pricing.cases import KINDS, answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

LONGEST_LINE = 16 * 1024 * 1024  # bytes; a longer line is refused without being kept

USAGE = f"""usage: python -m services.billing rate < cases.jsonl

Reads one JSON object a line:
    {{"id", "kind", "params", "input", "rounding"?}}
and writes for each, in order, one line:
    {{"id", "result", "explain"}}    or    {{"id", "error": {{"code", "message", "field"}}}}
Numbers are decimal texts. Kinds: {", ".join(KINDS)}.
"""


def rate(arguments: Sequence[str]) -> int:
    """Answer every line of standard input; the status is 0 whatever the lines hold, 2 for wrong arguments."""
    if arguments:
        wanted = arguments[0] in {"-h", "--help"}
        print(USAGE, end="", file=sys.stdout if wanted else sys.stderr)
        return 0 if wanted else 2
    try:
        for line in lines(sys.stdin.buffer):
            sys.stdout.write(written(line))
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone. Standard output is pointed elsewhere so that the interpreter's last flush is silent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    return 0


def written(line: bytes | None) -> str:
    """The answer to one line as a line; ``None`` stands for one that is too long."""
    if line is None:
        words = f"the line is longer than {LONGEST_LINE} bytes"
        return json.dumps({"id": None, "error": {"code": "too_long", "message": words, "field": ""}}) + "\n"
    return json.dumps(answer(line), default=str) + "\n"


def lines(source: BinaryIO) -> Iterator[bytes | None]:
    """The lines of ``source`` that hold anything; None for each that is longer than ``LONGEST_LINE``."""
    while line := source.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(LONGEST_LINE)
            yield None
        elif line.strip():
            yield line
