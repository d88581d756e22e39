"""Intake: one requests process, everything included, against a bare endpoint with one INSERT and COMMIT."""

from __future__ import annotations

import statistics
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.house import ground
from benchmarks.house.client import Client
from deploy import local
from deploy.client import Person

if TYPE_CHECKING:
    from benchmarks.house.ground import Scale

GOAL = 0.40


def run(scale: Scale) -> str:
    """Ratio and p99 of both, slices in turn."""
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
        ours.run(scale.seconds), bare.run(scale.seconds)  # warm: plans, caches, pools
        first, second = [], []
        before = [ground.busy(each.pid) for each in processes]
        for _ in range(scale.pairs):
            first.append(ours.run(scale.seconds))
            second.append(bare.run(scale.seconds))
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
        " django-helpdesk was not measured beside it. [Where the time goes](../docs/explanation/speed.md)."
    )
