"""Intake: one requests process, everything included, against a bare endpoint with one INSERT and COMMIT."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.house import ground, helpdesk
from benchmarks.house.client import Client
from deploy import local
from deploy.client import Person

if TYPE_CHECKING:
    from benchmarks.house.client import Slice
    from benchmarks.house.ground import Scale

GOAL = 0.40
PEER_GOAL = 0.25  # p99, of django-helpdesk's


def run(scale: Scale) -> str:
    """Ratio and p99 of both, slices in turn; and of django-helpdesk, where ``HOUQIN_BENCH_HELPDESK`` names its folder."""
    where = Path(os.environ.get("HOUQIN_BENCH_HELPDESK") or "absent")
    with ExitStack() as stack:
        server = stack.enter_context(ground.postgres())
        broker = stack.enter_context(ground.virtual_host())
        folder = stack.enter_context(ground.folder())
        ports = {name: ground.free_port() for name in local.SERVICES}
        settings = local.environment(server, broker, str(folder), ports, "bench")
        address = f"http://127.0.0.1:{ports['requests']}"
        settings |= {
            "HOUQIN_PUBLIC_URL": address,
            "REQUESTS_FILINGS_PER_MINUTE": "10000000",
            "HOUQIN_LOG_LEVEL": "WARNING",
        }
        local.make_databases(server, "bench")
        subprocess.run([sys.executable, "-W", "ignore", "-m", "services.requests", "migrate", "--demonstration"],
                       env=settings, cwd=ground.ROOT, check=True)  # fmt: skip
        bare_port = ground.free_port()
        plain = server.replace("+psycopg2", "")
        serving = ground.process(["-m", "services.requests", "serve"], settings, folder / "ours.log")
        plainly = ground.process(
            ["benchmarks/house/bare_intake.py", str(bare_port), plain], settings, folder / "bare.log"
        )
        processes = [stack.enter_context(each) for each in (serving, plainly)]
        ground.ready(ports["requests"])
        bearer = Person(address, "hanbing").sign_in().bearer()
        ours = Client(ports["requests"], "/requests/api/requests", ground.REPAIR, bearer)
        bare = ground.until(lambda: Client(bare_port, "/", ground.REPAIR), "the bare endpoint")
        stack.callback(ours.close)
        stack.callback(bare.close)
        beside = helpdesk.installed(where)
        peer = stack.enter_context(helpdesk.served(where, server, folder / "peer.log")) if beside else None
        ours.run(scale.seconds), bare.run(scale.seconds)  # warm: plans, caches, pools
        if peer:
            peer.run(2 * scale.seconds)
        first, second, third = [], [], []
        before = [ground.busy(each.pid) for each in processes]
        for _ in range(scale.pairs):
            first.append(ours.run(scale.seconds))
            second.append(bare.run(scale.seconds))
            if peer:
                third.append(peer.run(scale.seconds))
        used = [ground.busy(each.pid) - start for each, start in zip(processes, before, strict=True)]
        refused = sum(sum(each.statuses.values()) - each.statuses[201] for each in first)
        filed = ground.value(ground.connect(settings["REQUESTS_DATABASE_URL"]), "SELECT count(*) FROM outbox")
    paired = ground.Paired([each.rate for each in first], [each.rate for each in second])
    worst = [
        statistics.median(ground.quantile(each.latencies, 0.99) for each in side) * 1000 for side in (first, second)
    ]
    cost = [
        seconds / sum(each.statuses[201] for each in side) * 1000
        for seconds, side in zip(used, (first, second), strict=True)
    ]
    return (
        f"{ground.PAIRED_HEAD}\n{paired.line('POST of a request, 16 connections', GOAL)}\n\n"
        f"p99 (median of the slices): {worst[0]:.1f} ms, bare {worst[1]:.1f} ms. "
        f"Processor time of the serving process: {cost[0]:.2f} ms a post, bare {cost[1]:.2f} ms"
        f" (a ratio of {cost[1] / cost[0]:.2f}, which other work on the machine moves less). "
        f"Answers other than 201: {refused}. Rows in the outbox afterwards: {filed}."
        f" {_beside(first, third)} [Where the time goes](../docs/explanation/speed.md)."
    )


def _beside(ours: list[Slice], peer: list[Slice]) -> str:
    """A sentence on the p99 of both."""
    if not peer:
        return "django-helpdesk beside it: left out (HOUQIN_BENCH_HELPDESK names no folder that holds it)."
    if not all(each.statuses[201] for each in peer):
        raise ground.Unmeasured("django-helpdesk took no ticket")
    # All slices together: a slice of the peer alone has too few answers for a p99.
    times = [[seconds * 1000 for each in side for seconds in each.latencies] for side in (ours, peer)]
    ends = [ground.quantile(each, 0.99) for each in times]
    refused = sum(sum(each.statuses.values()) - each.statuses[201] for each in peer)
    return (
        f"django-helpdesk ({helpdesk.PINS[1].partition('==')[2]}, gunicorn with a process a core) beside it, slices in turn:"
        f" {statistics.median(each.rate for each in peer):,.0f} tickets a second; p99 of all {len(times[1])} answers"
        f" {ends[1]:.1f} ms, of our {len(times[0])} {ends[0]:.1f} ms, a ratio of {ends[0] / ends[1]:.2f} (goal: at most"
        f" {PEER_GOAL:.2f}; {'met' if ends[0] <= PEER_GOAL * ends[1] else 'not met'}); its answers other than 201: {refused}."
    )
