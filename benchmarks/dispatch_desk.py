"""``python -m benchmarks.dispatch_desk``: the plan of a whole area beside single decisions, and the console in a browser.

10,000 open orders and 400 crews are planned by the child process that the service starts, while requests go on being given
to crews one by one in this process; then a console with 1,000 open orders is opened in Chromium. Without ``--database``
(an empty PostgreSQL database) it runs on SQLite files of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import dispatch_sim
from services.dispatch import handlers, planner, schedule, store, tables
from services.dispatch.roster import Member, demonstration
from services.dispatch.service import SERVICE
from shared import process, settings
from shared.clock import ManualClock
from shared.contracts.requests import RequestFiled
from shared.database import Database
from shared.service import Running

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "dispatch_desk"
NOW = datetime(2026, 11, 25, 0, 42, tzinfo=UTC)  # Wednesday 8:42 at the site
CREWS, ORDERS, DECISIONS, SHOWN, PRESSES = 400, 10_000, 100, 1_000, 40
SKILLS = ("electric", "hvac", "plumbing", "carpentry", "general")
# From the beginning of the navigation to the first paint of content, ms.
PAINTED = (
    "() => new Promise((done) => new PerformanceObserver((list) => {"
    " for (const each of list.getEntriesByName('first-contentful-paint')) done(each.startTime); })"
    ".observe({ type: 'paint', buffered: true }))"
)
# From the key to the frame after the one in which another row is selected, ms; null when none is.
PRESSED = (
    "() => new Promise((done) => { const began = performance.now();"
    " const chosen = () => document.querySelector('[data-rows] [aria-selected=\"true\"]'), before = chosen();"
    " const target = document.querySelector('[data-rows] [tabindex=\"0\"]') ?? document.body;"
    " target.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true, cancelable: true}));"
    " requestAnimationFrame(() => requestAnimationFrame(() =>"
    " done(chosen() === before ? null : performance.now() - began))); })"
)


@dataclass
class Times:
    """Milliseconds of single decisions, by the clock on the wall and of this process."""

    wall: list[float]
    own: list[float]

    def words(self) -> str:
        def of(values: list[float], share: float) -> float:
            return sorted(values)[min(len(values) - 1, int(len(values) * share))]

        return (f"{of(self.wall, 0.5):.1f} / {of(self.wall, 0.99):.1f} "
                f"(processor {of(self.own, 0.5):.1f} / {of(self.own, 0.99):.1f})")  # fmt: skip


def service(url: str, folder: Path) -> Running:
    """An empty dispatch service at a fixed instant."""
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    running = Running(SERVICE, Database(url), loaded, ManualClock(NOW))
    SERVICE.metadata.drop_all(running.database.engine)
    SERVICE.metadata.create_all(running.database.engine)
    return running


def crews(running: Running, count: int) -> None:
    """The demonstration's crews over and over, each under a code of its own, until there are ``count``."""
    given = demonstration()
    teams = [replace(given.teams[n % len(given.teams)], code=f"c{n:03}") for n in range(count)]
    members = [Member(team.code, number, "甲", "worker") for team in teams for number in range(1, team.size + 1)]
    with running.work() as work:
        store.put_crews(work.connection, teams, members, given.suppliers)
        for cover in given.covers:
            store.put_cover(work.connection, cover, 0)


def a_request(number: int, chance: random.Random) -> RequestFiled:
    """A repair somewhere in the compound."""
    building = str(chance.randint(1, 7))
    return RequestFiled(
        request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"bench {number}")), reference=f"2026-1125-{number:05}", item="repair",
        item_version=1, priority=chance.choice((2, 2, 3, 3, 3, 4)), place=f"B{building}-302", building=building, floor="3",
        room="302", department="secretariat", requester="account", filed_at=NOW, summary="空调：不制冷", answers=(),
        contact="8302", skills=(chance.choice(SKILLS),),
    )  # fmt: skip


def fill(running: Running, count: int, chance: random.Random) -> None:
    """``count`` open orders, each given to a crew as the service gives them."""
    for start in range(0, count, 200):
        with running.work() as work:
            desk = handlers.Desk(store.roster(work.connection), store.loads(work.connection))
            for number in range(start, min(count, start + 200)):
                order = handlers.order_for(a_request(number, chance), work.now, desk.roster.calendar)
                handlers.open_order(work, desk, order)
            store.add_loads(work, desk.changes)


def decisions(running: Running, first: int, chance: random.Random, until: Callable[[], bool] = lambda: False) -> Times:
    """Requests given to crews one by one, a transaction each."""
    times = Times([], [])
    for number in range(first, first + DECISIONS):
        event = a_request(number, chance)
        wall, own = time.perf_counter(), time.thread_time()
        with running.work() as work:
            desk = handlers.Desk(store.roster(work.connection), store.loads(work.connection))
            handlers.open_order(work, desk, handlers.order_for(event, work.now, desk.roster.calendar))
            store.add_loads(work, desk.changes)
        times.wall.append((time.perf_counter() - wall) * 1000)
        times.own.append((time.thread_time() - own) * 1000)
        if until():
            break
        time.sleep(0.01)
    return times


def planned(url: str, folder: Path, say: Callable[[str], None]) -> list[str]:
    """Lines of the result about planning."""
    running, chance = service(url, folder), random.Random(7)
    crews(running, CREWS)
    fill(running, ORDERS, chance)
    say("filled")
    alone = decisions(running, ORDERS, chance)
    with running.work() as work:
        schedule.ask(work, "")
    outcome: list[str] = []
    child = threading.Thread(target=lambda: outcome.append(planner.run_due(running)))
    child.start()
    beside = decisions(running, ORDERS + DECISIONS, chance)
    child.join()
    with running.database.read() as connection:
        run = schedule.runs(connection)[0]
        slots = connection.execute(tables.plan_slot.select()).all()
    running.database.close()
    return [
        f"| plan of {run.orders:,} open orders, {run.crews} crews | {outcome[0]}: {run.milliseconds / 1000:.0f} s, "
        f"{run.mebibytes} MiB at most; {run.placed:,} placed, {run.moved} moved by rule, "
        f"{sum(row.act == 'propose' for row in slots)} proposed |",
        f"| one decision alone, ms p50 / p99 | {alone.words()} |",
        f"| one decision while it is planned, ms p50 / p99 | {beside.words()} |",
    ]


def seen(folder: Path) -> list[str]:
    """Lines of the result about the console."""
    from playwright.sync_api import sync_playwright
    from werkzeug.serving import make_server

    from shared.web import passes
    from shared.web.principal import Principal

    running = service(f"sqlite:///{folder / 'console.db'}", folder)
    crews(running, 27)
    fill(running, SHOWN, random.Random(8))
    private, _ = passes.keep_key(folder / "keys")
    application: Any = SERVICE.application(running)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = application.public_url = f"http://127.0.0.1:{server.server_port}"
    person = Principal(account="account-1", name="何静", roles=frozenset({"dispatcher"}), role="dispatcher", session="s-1", epoch=1,
                       signed_in_at=NOW, proof="p" * 32, department="logistics",
                       organisation="cn/zj/city/compound")  # fmt: skip
    signed = passes.Signer.of(private.read_bytes()).sign(person, running.clock.now())
    paints, filters, acts = [], [], []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("HOUQIN_TEST_CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies([{"name": "houqin-pass", "value": signed, "url": address}])
        page = context.new_page()
        for _ in range(4):
            page.goto(f"{address}/dispatch/")
            paints.append(page.evaluate(PAINTED))
        for _ in range(3):
            for query in ("view=to_assign", "words=302", "item=repair&building=2"):
                page.goto(f"{address}/dispatch/?{query}")
                filters.append(page.evaluate(PAINTED))
        page.goto(f"{address}/dispatch/")
        while page.locator("[data-more]").count():
            page.evaluate("document.querySelector('[data-more]')?.scrollIntoView()")
            page.wait_for_timeout(50)
        rows = page.locator("tr[data-ref]").count()
        keys = [page.evaluate(PRESSED) for _ in range(PRESSES)]
        if None in keys:
            raise AssertionError("J selected no other row")
        page.wait_for_timeout(1000)
        for _ in range(5):
            began = time.perf_counter()
            page.keyboard.press("2")
            page.wait_for_selector(".toast")
            acts.append((time.perf_counter() - began) * 1000)
            page.evaluate("document.querySelector('#toasts').replaceChildren()")
            page.keyboard.press("j")
            page.wait_for_timeout(800)
        chromium.close()
    application.own.hub.stop()
    server.shutdown()
    running.database.close()
    return [
        f"| console with {rows:,} open orders: first paint, ms (first visit; then) | {paints[0]:.0f}; "
        f"{sorted(paints[1:])[1]:.0f} (≤ 1000) |",
        f"| the same filtered (a view, a word, item and building), ms, median / worst of {len(filters)} | "
        f"{sorted(filters)[len(filters) // 2]:.0f} / {max(filters):.0f} |",
        f"| J to the row being selected and painted, all rows there, ms p50 / worst of {PRESSES} | "
        f"{sorted(keys)[PRESSES // 2]:.0f} / {max(keys):.0f} (≤ 100) |",
        f"| 2 to the order being with another crew and said, ms, median of {len(acts)} | {sorted(acts)[2]:.0f} |",
    ]


def main() -> int:
    """Measure and, with ``--write``, keep the table in ``benchmarks/RESULTS.md``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch_desk", description=__doc__)
    parser.add_argument(
        "--database", default="", help="URL of an empty PostgreSQL database for the plan; its tables are dropped"
    )
    parser.add_argument("--only", choices=("plan", "console"), help="one part alone")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    options = parser.parse_args()
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = options.database or f"sqlite:///{folder / 'plan.db'}"
        if options.only != "console":
            lines += planned(url, folder, lambda words: print(words, flush=True))
        if options.only != "plan":
            lines += seen(folder)
    where = "PostgreSQL" if options.database else "SQLite"
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    text = "\n".join(
        ["## Dispatch: the plan of a whole area, and the console", "",
         f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores, load {load}; the plan on {where} in a process of low "
         "priority, decisions in another; the console on SQLite, server and browser on the same machine.", "",
         "| what | measured |", "| --- | --- |", *lines]
    )  # fmt: skip
    print(text)
    if options.write:
        dispatch_sim.keep(text, NAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
