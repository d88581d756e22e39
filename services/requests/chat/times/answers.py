"""Time expressions as JSON, in the form of the open suites."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.requests.chat.times.expression import Bound, Grain, Kind, TimeExpression
from services.requests.chat.times.reading import main_expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE = 32_000_000  # bytes; a longer line is answered with an error

_DATE, _TIME, _MOMENT = "%Y-%m-%d", "%H:%M:%S", "%Y-%m-%d %H:%M:%S"
_FORMS = {
    Kind.DATE: _DATE,
    Kind.DATERANGE: _DATE,
    Kind.TIME: _TIME,
    Kind.TIMERANGE: _TIME,
    Kind.DATETIME: _MOMENT,
    Kind.DATETIMERANGE: _MOMENT,
}


def answer(one: TimeExpression | None) -> dict[str, Any]:
    """``kind`` with ``value``, or with ``start`` and ``end`` (half-open; of days named as ends, the named day).

    A deadline has its last day or moment both as ``value`` and as ``end``. ``bound``, ``recurrence`` and
    ``approximate`` are there only when they say something.
    """
    if one is None:
        return {"kind": None}
    said: dict[str, Any] = {"kind": one.kind.value}
    if one.kind is Kind.DURATION:
        said["value"] = _seconds(one.length or timedelta())
    elif one.start is None:
        said["value"] = said["end"] = _written(one.end, one.kind)
    elif one.kind in {Kind.DATE, Kind.TIME, Kind.DATETIME}:
        said["value"] = _written(one.start, one.kind)
    else:
        said["start"] = _written(one.start, one.kind)
        said["end"] = _written(one.end, one.kind) if one.end_named is None else one.end_named.isoformat()
        if one.grain is Grain.PART and one.end is not None and one.end.hour == 0:
            # The suites end a night at 23:59:59.
            said["end"] = _written(one.end - timedelta(seconds=1), one.kind)
    if one.bound is not Bound.AT:
        said["bound"] = one.bound.value
    if one.recurrence is not None:
        said["recurrence"] = {"unit": one.recurrence.unit, "every": one.recurrence.every}
        if one.recurrence.weekdays:
            said["recurrence"]["weekdays"] = list(one.recurrence.weekdays)
    if one.approximate:
        said["approximate"] = True
    return said


def _written(moment: datetime | None, kind: Kind) -> str | None:
    if moment is None:
        return None
    text = moment.strftime(_FORMS[kind])
    # strftime does not pad years before 1000 everywhere.
    return text if kind in {Kind.TIME, Kind.TIMERANGE} else text.zfill(10 if _FORMS[kind] is _DATE else 19)


def _seconds(length: timedelta) -> str:
    total = length.total_seconds()
    return str(int(total)) if total == int(total) else f"{total:.6f}".rstrip("0")


def answers(lines: Iterable[bytes]) -> Iterator[str]:
    """One JSON line for each line of input, in order; a line that cannot be read is answered with ``error``."""
    for line in lines:
        yield json.dumps(_answer_line(line), ensure_ascii=False)


def _answer_line(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        return {"id": None, "kind": None, "error": f"the line is longer than {LONGEST_LINE} bytes"}
    try:
        case = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        return {"id": None, "kind": None, "error": f"not JSON in UTF-8: {str(problem)[:200]}"}
    if not isinstance(case, dict):
        return {"id": None, "kind": None, "error": "not a JSON object"}
    known = {"id": case.get("id")}
    text, said_at, lang = case.get("text"), case.get("reference"), case.get("lang")
    if not isinstance(text, str):
        return {**known, "kind": None, "error": "text is missing or no string"}
    if not isinstance(said_at, str):
        return {**known, "kind": None, "error": "reference is missing or no string"}
    try:
        reference = datetime.fromisoformat(said_at.strip())
    except ValueError:
        return {**known, "kind": None, "error": "reference is no ISO 8601 time"}
    return {**known, **answer(main_expression(text, reference, lang if lang in {"zh", "en"} else None))}
