"""``python -m benchmarks [NAME...]``: take the house's figures and write them to ``benchmarks/RESULTS.md``.

Each figure is a section; a section that is not asked for stays as it was. ``--short`` only proves that it runs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.house.ground import Scale, Unmeasured

RESULTS = Path(__file__).parent / "RESULTS.md"
READMES = (RESULTS.parents[1] / "README.md", RESULTS.parents[1] / "README.zh-CN.md")
FIGURES = {
    "intake": "Intake: a request is filed over HTTP",
    "relay": "Relay: from the outbox to the broker",
    "pipeline": "Pipeline: outbox, relay, RabbitMQ, inbox, handler",
    "latency": "Latency at 100 requests a second",
    "log": "Log: against the raw insert and against pymerkle",
    "sealing": "Sealing: from a commit into a signed checkpoint; a long log",
    "embedded": "Embedded: all services in one process on SQLite",
    "lists": "Lists and calendars: 10,000 requests against a million",
    "rooms": "Rooms: a free one among 34 in four weeks",
}
HEAD = """# Figures

Written by `python -m benchmarks`; do not edit. PostgreSQL's data and SQLite's files lie on a RAM disk; RabbitMQ's lie
where it keeps them. Where there is a limit, slices of ours and of the limit were taken in turn and the median of the
paired ratios counts, with its quartiles: absolute rates move with the machine, ratios hardly. A goal is met when the
median reaches it and the lower quartile reaches 0.85 of it.
"""


def sections(text: str) -> dict[str, str]:
    """The sections of an earlier run, by name."""
    parts = re.split(r"^<!-- (\w+) -->\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (each.strip() for each in parts[2::2]), strict=True))


def conditions(load: str, short: bool) -> str:
    """One line on when, where and beside what a figure was taken."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = os.cpu_count() or 1
    busy = float(load.split(" → ", maxsplit=1)[0]) > cores / 2
    words = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", f"{cores} cores", f"{total:.0f} GiB", f"Python {platform.python_version()}",
        f"load {load}" + (" (the machine was busy with other work: absolute figures are low)" if busy else ""),
    ]  # fmt: skip
    if short:
        words.append("**short run: proves that it runs, measures nothing**")
    return "; ".join(words) + "."


def take(name: str, scale: Scale, short: bool) -> str:
    """One figure as a section."""
    before = os.getloadavg()[0]
    began = time.monotonic()
    text = importlib.import_module(f"benchmarks.house.{name}").run(scale)
    load = f"{before:.1f} → {os.getloadavg()[0]:.1f}"
    return f"## {FIGURES[name]}\n\n{conditions(load, short)} Took {time.monotonic() - began:.0f} s.\n\n{text}"


def keep(name: str, section: str) -> None:
    """The section stands in the results in place of the one that was there, its rows in the READMEs that show them."""
    found = sections(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    found[name] = section
    body = "\n\n".join(f"<!-- {each} -->\n{found[each]}" for each in dict.fromkeys((*FIGURES, *found)) if each in found)
    RESULTS.write_text(f"{HEAD}\n{body}\n", encoding="utf-8")
    rows = {row.split(" | ")[0]: row for row in section.splitlines() if re.match(r"\| [^|-]+ \| ", row)}
    for page in READMES:
        lines = page.read_text(encoding="utf-8").split("\n")
        page.write_text("\n".join(rows.get(line.split(" | ")[0], line) for line in lines), encoding="utf-8")


def main() -> int:
    """Take the figures asked for; 1 when one could not be taken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--short", action="store_true", help="small sizes")
    parser.add_argument("--long", action="store_true", help="also with a million unsent rows")
    parser.add_argument("--pairs", type=int, default=9, help="paired slices; 9")
    parser.add_argument("--rows", type=int, default=20_000, help="events of a drain; 20000")
    options = parser.parse_args()
    if unknown := set(options.names) - set(FIGURES):
        parser.error(f"no figure is called {', '.join(sorted(unknown))}")
    scale = (
        Scale(pairs=3, rows=2000, seconds=0.5, long=options.long)
        if options.short
        else Scale(options.pairs, options.rows, long=options.long)
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    failed = 0
    for name in options.names or FIGURES:
        print(f"{name} …", flush=True)
        try:
            section = take(name, scale, options.short)
        except Unmeasured as error:
            failed = 1
            print(f"{name}: {error}", file=sys.stderr)
            continue
        print(section, flush=True)
        keep(name, section)
    return failed


if __name__ == "__main__":
    sys.exit(main())
