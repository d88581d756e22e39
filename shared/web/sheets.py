"""Tables for spreadsheets: CSV that no program takes for formulas."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DANGER = tuple("=+-@\t\r\n＝＋－＠")  # what makes a cell a formula somewhere, CWE-1236


def safe_text(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; numbers are left alone."""
    if isinstance(value, str) and (value.startswith(_DANGER) or value.lstrip().startswith(_DANGER)):
        return f"'{value}"
    return value


def csv_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows as CSV, UTF-8 with a byte order mark; texts are safe, numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([safe_text(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
