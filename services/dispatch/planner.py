"""The process that plans: started by the service every so often, at low priority, with bounds on time and memory.

Planning takes seconds of computing, so it never happens in the process that answers requests and takes events. That one
only looks after it: a child that takes too long is ended, one that dies is noted, and dispatchers see both; single
decisions go on in any case, because they do not know of it. The child writes its plan in one transaction, and only while
its run still counts.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import Counter

from services.dispatch import schedule
from shared.clock import from_text, to_text
from shared.errors import Absent, Transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.service import Running

log = logging.getLogger("houqin.plan")

RUNS = Counter("houqin_dispatch_plans_total", "Plans of the whole area, by how they ended.", ["outcome"])
LOOK = 0.05  # seconds between looks at the child
GRACE = 30  # seconds beyond its time after which a run has lost its maker
NICE = 10
TRIES, PAUSE = 20, 0.25  # to keep the plan, with seconds between
ROOT = Path(__file__).parents[2]
BEGAN = time.monotonic()  # of the child: what it takes to get going is part of its time


def run_due(running: Running, command: Sequence[str] | None = None) -> str:
    """Make the plan that is due, if one is; how it ended: "" (none due), done, late or failed.

    ``command`` replaces the child's, for tests of children that hang or die.
    """
    seconds = int(running.settings["DISPATCH_PLAN_SECONDS"])
    with running.work() as work:
        run_id = schedule.claim(work, int(running.settings["DISPATCH_PLAN_EVERY"]), timedelta(seconds=seconds + GRACE))
    if not run_id:
        return ""
    at = to_text(running.clock.now())
    most = str(running.settings["DISPATCH_PLAN_MEMORY"])
    child = [sys.executable, "-m", "services.dispatch", "plan", "--run", run_id, "--at", at, "--seconds", str(seconds),
             "--memory", most]  # fmt: skip
    outcome = supervise(command or child, seconds, {**os.environ, "DISPATCH_DATABASE_URL": running.database.url})
    if outcome != "done":
        with running.work() as work:
            schedule.end_run(work, run_id, outcome)
    RUNS.labels(outcome).inc()
    if outcome == "done":
        carry_out(running, run_id)
    return outcome


def supervise(command: Sequence[str], seconds: float, environment: Mapping[str, str]) -> str:
    """Run a program for at most ``seconds``; done, late or failed. Nothing of it is left running."""
    ends = time.monotonic() + seconds
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, env=dict(environment), cwd=ROOT,
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            log.exception("the planner could not be started")
            return "failed"
        try:
            while (status := child.poll()) is None and time.monotonic() < ends:
                time.sleep(LOOK)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if status is None:
            log.error("the planner was ended after %s s; orders are given one by one as before", seconds)
            return "late"
        if status:
            said.seek(0)
            end = said.read()[-2000:].decode("utf-8", "replace")
            log.error("the planner ended with status %s; orders are given one by one as before\n%s", status, end)
            return "failed"
    return "done"


def carry_out(running: Running, run_id: str) -> None:
    """What the plan moves by rule is moved, a few orders a transaction, so that nobody waits long for their rows."""
    while True:
        with running.work() as work:
            looked = schedule.apply(work, run_id)
        if not looked:
            return


def plan(arguments: Sequence[str]) -> int:
    """``python -m services.dispatch plan``: the child; 0 when its plan is kept, or no longer wanted."""
    parser = argparse.ArgumentParser(
        prog="python -m services.dispatch plan",
        description="Plan all open orders once; the service starts this by itself.",
    )
    parser.add_argument("--run", default="", help="the run that this plan is for; without it nothing is kept")
    parser.add_argument("--at", default="", help="the instant it is planned for, RFC 3339; now when absent")
    parser.add_argument("--seconds", type=int, default=0, help="time allowed, by the clock and of the processor")
    parser.add_argument("--memory", type=int, default=0, help="address space allowed, MiB")
    options = parser.parse_args(arguments)
    bound(options.seconds, options.memory)
    from shared import process, settings

    service = process.of("dispatch")
    running = process.assemble(service, settings.load(process.declared(service), process.mine("dispatch")))
    now = from_text(options.at) if options.at else running.clock.now()
    try:
        found = schedule.plan_once(running.database, now, seconds=options.seconds, began=BEGAN)
        print({name: value for name, value in found.items() if name != "slots"})
        for left in range(TRIES if options.run else 0, 0, -1):
            try:
                with running.work() as work:
                    work.now = now if options.at else work.now
                    schedule.keep_plan(work, options.run, found)
                break
            except Transient:  # the file is locked for a moment
                if left == 1:
                    raise
                time.sleep(PAUSE)
    except Absent:
        return 0  # given up meanwhile
    finally:
        running.database.close()
    return 0


def bound(seconds: int, mebibytes: int) -> None:
    """Let this process give way to others, and end by itself when it takes more than it may."""
    import resource

    os.nice(NICE)
    if seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    if mebibytes:
        resource.setrlimit(resource.RLIMIT_AS, (mebibytes << 20, mebibytes << 20))
