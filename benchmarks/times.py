"""How often the time engine is right, and how fast it is: ``python -m benchmarks.times [SUITE...]``.

A suite is a ``.jsonl`` file in the form of the open suites or a ``.txt`` file in the form of the sentences under
``tests/requests/chat/times/data``; without arguments, those eight. ``--wrong`` lists the misses.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

started = time.process_time()
from services.requests.chat.times import main_expression  # noqa: E402
from services.requests.chat.times.answers import answer  # noqa: E402

IMPORT_SECONDS = time.process_time() - started
DATA = Path(__file__).parents[1] / "tests" / "requests" / "chat" / "times" / "data"


@dataclass(frozen=True)
class Case:
    text: str
    reference: datetime
    kind: str | None
    expected: dict[str, str]
    others: tuple[tuple[str | None, dict[str, str]], ...] = ()  # readings that are right as well


def cases(path: Path) -> list[Case]:
    """The cases of a suite, in either form."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return _from_json(lines) if path.suffix == ".jsonl" else _from_text(lines)


def _from_json(lines: list[str]) -> list[Case]:
    rows = [json.loads(line) for line in lines]
    return [Case(row["text"], datetime.fromisoformat(row["reference"]), row["kind"], row["expected"]) for row in rows]


def _from_text(lines: list[str]) -> list[Case]:
    found: list[Case] = []
    reference = datetime(1, 1, 1)  # noqa: DTZ001 - a wall-clock time, as everywhere in the engine
    for line in lines:
        if line.startswith("@ "):
            reference = datetime.fromisoformat(line[2:].strip())
        elif line and not line.startswith("#"):
            text, _, gold = line.rpartition(" => ")
            (kind, expected), *others = map(_reading, gold.split(" | "))
            found.append(Case(text, reference, kind, expected, tuple(others)))
    return found


def _reading(gold: str) -> tuple[str | None, dict[str, str]]:
    kind, _, values = gold.strip().partition(" ")
    return None if kind == "-" else kind, _values(values)


def _values(values: str) -> dict[str, str]:
    if values.startswith("<= "):
        return {"value": values[3:], "end": values[3:]}
    start, tilde, end = values.partition(" ~ ")
    if tilde:
        return {"start": start, "end": end}
    return {"value": values} if values else {}


def right(case: Case, got: dict[str, Any]) -> bool:
    """True when the kind and every value of one reading agree."""
    return any(
        got["kind"] == kind and all(got.get(name) == value for name, value in expected.items())
        for kind, expected in ((case.kind, case.expected), *case.others)
    )


def read(case: Case) -> dict[str, Any]:
    return answer(main_expression(case.text, case.reference))


def _report(path: Path, wrong: bool) -> None:
    suite = cases(path)
    began = time.process_time()
    answers = [read(case) for case in suite]
    seconds = time.process_time() - began
    good = [right(case, got) for case, got in zip(suite, answers, strict=True)]
    kinds, hits = (
        Counter(case.kind for case in suite),
        Counter(case.kind for case, each in zip(suite, good, strict=True) if each),
    )
    by_kind = "  ".join(f"{kind or 'none'} {hits[kind]}/{kinds[kind]}" for kind in sorted(kinds, key=str))
    print(f"{path.name:<14} {sum(good)}/{len(suite)} = {sum(good) / len(suite):.3f}   {by_kind}")
    print(f"{'':<14} {len(suite) / seconds:,.0f} sentences a second of processor time")
    if wrong:
        for case, got, each in zip(suite, answers, good, strict=True):
            if not each:
                print(f"    {case.text} | {case.reference:%Y-%m-%dT%H:%M} | {case.kind} {case.expected} | {got}")


def main(arguments: list[str]) -> int:
    """Print the figures of each suite and the cost of importing."""
    wrong = "--wrong" in arguments
    suites = [Path(each) for each in arguments if each != "--wrong"]
    print(f"import {IMPORT_SECONDS * 1000:.0f} ms of processor time")
    for path in suites or [
        DATA / f"{half}_{lang}.txt" for half in ("dev", "dev2", "test", "test2") for lang in ("zh", "en")
    ]:
        _report(path, wrong)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
