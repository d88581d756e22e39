"""Which budget line pays for which year: each year's line continues the one of the year before, and a service is paid from the
line of the year in which it was done.

A contract names one line of such a series, whichever was there when it was made; it need not be changed at New Year.
"""

from __future__ import annotations

import json
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from services.billing import tables
from services.billing.pricing.exact import decimal, fraction
from services.billing.pricing.rounding import FEN, rounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from sqlalchemy import Connection

    from services.billing.pricing.exact import Exact

L = tables.budget_line.c


def series(connection: Connection) -> dict[str, dict[int, str]]:
    """Of each line, the line of every year of its series, its own among them."""
    return _series([(row.code, row.year, row.follows) for row in connection.execute(select(L.code, L.year, L.follows))])


def _series(lines: Iterable[Sequence[Any]]) -> dict[str, dict[int, str]]:
    found: dict[str, dict[int, str]] = {}
    for code, year, follows in sorted(
        lines, key=lambda each: (each[1], each[0])
    ):  # what a line follows comes before it
        mine = found.get(follows, {})
        mine[year] = code
        found[code] = mine
    return found


def beside(connection: Connection) -> Any:
    """Every line as one more column of another query, which so costs no message of its own; ``read`` reads it."""
    if connection.dialect.name == "sqlite":
        return select(func.json_group_array(func.json_array(L.code, L.year, L.follows))).scalar_subquery()
    return select(func.json_agg(func.json_build_array(L.code, L.year, L.follows))).scalar_subquery()


def read(lines: Any) -> dict[str, dict[int, str]]:
    """The series from the column that ``beside`` made."""
    return _series(json.loads(lines) if isinstance(lines, str) else lines)


def line_of(years: Mapping[int, str], period: str) -> str:
    """The line that pays for what was done in that month; empty where its year has none yet."""
    return years.get(int(period[:4]), "")


def bound_in(commitment: Exact, starts_on: date, ends_on: date, year: int) -> Decimal:
    """What a yearly commitment binds in one year: for the days of the contract's term that lie in it."""
    first, end = date(year, 1, 1), date(year + 1, 1, 1)
    days = (min(ends_on, end) - max(starts_on, first)).days
    return decimal(rounded(fraction(commitment) * Fraction(max(days, 0), (end - first).days), FEN), 2)
