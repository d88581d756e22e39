"""The commands ``decide`` and ``due`` of ``python -m services.dispatch``: JSON lines in, JSON lines out."""

from __future__ import annotations

import gc
import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch.assignment import simulation
from services.dispatch.assignment.engine import Engine
from shared.clock import SITE_ZONE
from shared.errors import Refused
from shared.working_time import ALWAYS, OFFICE, Calendar, Hours

if TYPE_CHECKING:
    from collections.abc import Sequence

DECIDE_USAGE = """usage: python -m services.dispatch decide

Speaks the dispatch simulator's protocol on standard input and output, one JSON object a line: reads "start", then
"decide" lines, each answered by {"actions": [...]}, until "end". The engine is the one the service runs."""

DUE_USAGE = """usage: python -m services.dispatch due < cases.jsonl

Each line in is one case:
  {"start": "2026-02-14T16:00", "minutes": 240}
start    local wall clock, Asia/Shanghai (an offset is honoured; the answer is local all the same)
minutes  working minutes to add, at least 0
hours    optional: "office" (08:30-12:00 and 14:00-18:00 of worked days, the default), "always" (around the clock),
         or spans such as [["09:00", "17:30"]]
id       optional, any value; comes back unchanged
Each line out answers the line in: {"id": ..., "due": "2026-02-24T10:30"}, in the form of the cases' own "due". A year
whose holidays are not known adds "unknown_years" and a warning on the error output. A line that cannot be
read gives {"error": ...}; the exit status is then 1."""


def decide(arguments: Sequence[str]) -> int:
    """Play the simulator's policy until its input ends; 1 when a line is not the protocol."""
    if arguments:
        print(DECIDE_USAGE, file=sys.stdout if arguments[0] in {"-h", "--help"} else sys.stderr)
        return 0 if arguments[0] in {"-h", "--help"} else 2
    engine: Engine | None = None
    reader = simulation.Reader()
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            message = json.loads(line)
            kind = message["type"]
            if kind == "start":
                engine, reader = (
                    Engine(simulation.area_of(message["instance"], message["weights"])),
                    simulation.Reader(),
                )
                # What the day keeps is never garbage: the collector need not look at it again.
                gc.collect()
                gc.freeze()
            elif kind == "decide":
                if engine is None:
                    raise ValueError('"decide" before "start"')
                jobs, states = reader.jobs(message["open"]), reader.states(message["crews"])
                answer = {"actions": simulation.actions(engine.decide(message["now"], jobs, states))}
                sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
                sys.stdout.flush()
            elif kind == "end":
                engine = None
            else:
                raise ValueError(f"no such message: {kind!r}")
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            print(f"decide: line {number}: {described(error)}", file=sys.stderr)
            return 1
    return 0


def due(arguments: Sequence[str]) -> int:
    """Answer each calendar case on the standard input; 1 when a line could not be answered."""
    if arguments:
        print(DUE_USAGE, file=sys.stdout if arguments[0] in {"-h", "--help"} else sys.stderr)
        return 0 if arguments[0] in {"-h", "--help"} else 2
    status = 0
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            answer = due_answer(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, Refused) as error:
            status = 1
            answer = {"error": f"line {number}: {described(error)}"}
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    return status


def described(error: Exception) -> str:
    """What is wrong with a line, in words."""
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    if isinstance(error, Refused):
        return f"{error.key} {error.parameters}"
    return str(error)


def due_answer(case: dict[str, Any]) -> dict[str, Any]:
    """The answer to one case.

    Raises:
        ValueError, TypeError, KeyError: the case cannot be read.
        NeverOpen: its hours are never open.
    """
    if not isinstance(case, dict):
        raise TypeError("a case is a JSON object")
    minutes = case["minutes"]
    if isinstance(minutes, bool) or not isinstance(minutes, int | float):
        raise TypeError("minutes must be a number")
    start = datetime.fromisoformat(case["start"])
    if start.tzinfo is None:
        start = start.replace(tzinfo=SITE_ZONE)
    calendar = Calendar(read_hours(case.get("hours", "office")))
    at = calendar.add(start, timedelta(minutes=minutes))
    answer: dict[str, Any] = {"id": case["id"]} if "id" in case else {}
    local = at.astimezone(SITE_ZONE).replace(tzinfo=None)
    answer["due"] = local.isoformat(timespec="minutes" if local.second == local.microsecond == 0 else "seconds")
    unknown = calendar.unknown_years(start, at)
    if unknown:
        answer["unknown_years"] = list(unknown)
    return answer


def read_hours(hours: str | list[list[str]]) -> Hours:
    """Hours by name, or from spans of wall-clock times; "24:00" ends a day.

    Raises:
        ValueError: no such name, or a time that is none.
    """
    if isinstance(hours, str):
        try:
            return {"office": OFFICE, "always": ALWAYS}[hours]
        except KeyError:
            raise ValueError(f'hours are "office", "always" or spans, not {hours!r}') from None
    return Hours(workday=tuple((minute_of(opens), minute_of(closes)) for opens, closes in hours))


def minute_of(clock: str) -> int:
    """Minutes since midnight of ``"HH:MM"``."""
    hour, minute = (int(part) for part in clock.split(":"))
    if not (0 <= minute < 60 and 0 <= hour * 60 + minute <= 1440):
        raise ValueError(f"{clock!r} is no time of day")
    return hour * 60 + minute
