"""``python -m benchmarks.dispatch_sim --simulator FOLDER``: what the dispatch engine is worth on simulated days.

The simulator (``generate.py``, ``sim.py``, ``model.py``) prices a day in yuan-equivalents; the program under test is the
command ``python -m services.dispatch decide`` as it is. *Gap closed* is (greedy - ours) / (greedy - hindsight): greedy sends
the nearest idle crew to what is due first, hindsight plans the whole day knowing every release, duration, refusal and
no-show. Both are computed here for every seed, so seeds that nobody has seen can be drawn; ``--seeds`` names them instead.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import random
import shlex
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import RESULTS, sections
from services.dispatch.assignment import plan as planning
from services.dispatch.assignment import simulation
from services.dispatch.assignment.engine import Engine
from services.dispatch.assignment.route import FAR, Tuning, stepper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.dispatch.assignment import Area, Crew, Job
    from services.dispatch.assignment.route import Key, Step, Stop

NAME = "dispatch_sim"
TITLE = "Dispatch: simulated days on unseen seeds"
GOALS = {  # gap closed in % (must, aim), p95 of a decision in ms
    "compound": (65, 75, 25),
    "storm": (57, 65, 50),
    "city10": (74, 82, 50),
    "snapshot": (62, 80, 150),
}
FIRST = 300  # ms for the first decision on 1,000 requests and 100 crews
STEPS = {"compound": 40_000_000, "storm": 40_000_000, "city10": 60_000_000, "snapshot": 60_000_000}
ROUNDS = 60  # of the hindsight search, from hot to cold
HEAT = 60.0  # yuan a hot search may lose in one move
EXACT = Tuning(work_spread=0.0, ahead_spread=0.0, ahead_max=0.0, floor=0.0, eager=0.0, batch=12)


class Simulator:
    """The simulator's modules, loaded from its folder."""

    def __init__(self, folder: Path) -> None:
        sys.path.insert(0, str(folder))
        self.generate: Any = importlib.import_module("generate")
        self.sim: Any = importlib.import_module("sim")
        self.rules: Any = importlib.import_module("model")


def greedy(house: Simulator, instance: Mapping[str, Any]) -> float:
    """The total of sending the nearest idle crew, in-house before outsourced, to what is due first.

    A crew leaves at most a quarter of an hour before it could begin, the simulator's booking grid.
    """
    crews = {crew["id"]: crew for crew in instance["crews"]}
    travel = instance["travel"]

    def decide(now: int, asked: Any, states: Any, _events: Any) -> list[dict[str, str]]:
        standing = {state["id"]: state for state in states}
        idle = {state["id"] for state in states if state["status"] == "idle"}
        sent = []
        for request in sorted(asked, key=lambda each: (each["priority"] != 1, each["due"], each["id"])):
            able = []
            for code in idle:
                crew, state = crews[code], standing[code]
                way = travel[state["place"]][request["place"]]
                ready = now + crew["accept"] + crew["lead"] + way
                if (
                    request["earliest"] - ready <= 15
                    and house.rules.why_not(instance, crew, state, [request], now) is None
                ):
                    able.append((crew["supplier"] is not None, way, code))
            if able:
                code = min(able)[2]
                idle.discard(code)
                sent.append({"request": request["id"], "crew": code})
        return sent

    return float(house.sim.Sim(instance).run(decide)["total"])


class Known(planning.Plan):
    """A plan of a whole day in which nobody leaves for a job before it was asked for."""

    def __init__(self, area: Area, released: Mapping[str, int], seed: int) -> None:
        self.released = released
        self.from_: dict[int, int] = {}
        self.keys: list[Key] = []  # kept, so that an id stays one key's own
        super().__init__(area, EXACT, seed)
        for route in self.routes:
            route.step = self._after_release(area, route.crew)

    def stop(self, jobs: tuple[Job, ...]) -> Stop:
        made = super().stop(jobs)
        self.from_[id(made.key)] = max(self.released[job.id] for job in jobs)
        self.keys.append(made.key)
        return made

    def _after_release(self, area: Area, crew: Crew) -> Step:
        step, known = stepper(area, crew, EXACT), self.from_
        rest_from, rest_minutes = (crew.rest.from_, crew.rest.minutes) if crew.rest else (FAR, 0)

        def later(free: int, place: int, rested: bool, key: Key, now: int) -> tuple[float, int, bool] | None:
            released = known[id(key)]
            if free < released:
                if not rested and released >= rest_from:
                    free, rested = max(free, rest_from) + rest_minutes, True
                free = max(free, released)
            return step(free, place, rested, key, now)

        return later


def hindsight(house: Simulator, instance: Mapping[str, Any], steps: int, seed: int = 1) -> float:
    """The best total found for the day by somebody who knows all of it; annealed, reproducible, no proven optimum."""
    day, start = house.sim.Sim(instance), instance["start"]
    hidden = instance["hidden"]
    released = {each["id"]: max(each["release"], start) for each in instance["requests"]}
    known = Known(simulation.area_of(instance, house.rules.WEIGHTS), released, seed)
    known.now = start
    for route in known.routes:
        crew = route.crew
        route.status, route.place, route.rested = "idle", crew.place, crew.rest is None
        route.room = FAR if crew.max_orders is None else crew.max_orders
        route.free = max(start, crew.shift[0])
        route.touch()
    for request in instance["requests"]:
        missing = [
            code
            for code, (refuses, absent) in hidden["p"].items()
            if day.draw("refuse", code, request["id"]) < refuses or day.draw("noshow", code, request["id"]) < absent
        ]
        job = {**request, "est": hidden["actual"][request["id"]], "refused_by": missing}
        known.add(simulation.job_of(job))
    known.place_left_out()
    best = total(known)
    for number in range(ROUNDS):
        known.heat = HEAT * (1 - number / (ROUNDS - 1)) ** 2
        known.improve(steps // ROUNDS)
        best = min(best, total(known))
    return best


def total(known: Known) -> float:
    """The objective of a plan, the evenness of loads included."""
    found = sum(stop.unserved for stop in known.left_out)
    groups: dict[str, list[int]] = {}
    for route in known.routes:
        route.walk(known.now)
        found += route.cost
        busy, place = 0, route.place
        for stop in route.stops:
            busy += stop.key[0][place] + stop.key[6]
            place = stop.key[1]
        if route.crew.group:
            groups.setdefault(route.crew.group, []).append(busy)
    uneven = sum(abs(load - sum(loads) / len(loads)) for loads in groups.values() for load in loads)
    return found + known.area.weights.imbalance_per_min * uneven


def played(house: Simulator, instance: Any, command: str) -> dict[str, Any]:
    """The day played by an external program over JSON lines; its score."""
    policy = house.sim.ExecPolicy(instance, command)
    score: dict[str, Any] = house.sim.Sim(instance).run(policy)
    policy.close(score)
    return score


class InProcess:
    """The engine behind ``decide``, played in this process; ``own`` is the processor's time of each decision, ms."""

    def __init__(self, house: Simulator, instance: Any) -> None:
        self.engine = Engine(simulation.area_of(house.sim.public(instance), house.rules.WEIGHTS))
        self.reader = simulation.Reader()
        self.own: list[float] = []
        gc.collect()
        gc.freeze()  # as the command does

    def __call__(self, now: int, asked: Any, states: Any, _events: Any) -> list[dict[str, Any]]:
        began = time.thread_time()
        found = simulation.actions(self.engine.decide(now, self.reader.jobs(asked), self.reader.states(states)))
        self.own.append((time.thread_time() - began) * 1000)
        return found

    @classmethod
    def played(cls, house: Simulator, instance: Any) -> tuple[float, float]:
        """Of a day: the 95th percentile of its decisions, and the first, in ms of the processor's time."""
        policy = cls(house, instance)
        house.sim.Sim(instance).run(policy)
        gc.unfreeze()
        return sorted(policy.own)[int(len(policy.own) * 0.95)], policy.own[0]


def calendar(folder: Path) -> str:
    """The calendar cases answered by ``python -m services.dispatch due``, as a line of the table."""
    import json

    from services.dispatch.assignment.commands import due_answer

    cases = json.loads((folder / "calendar_cases.json").read_text(encoding="utf-8"))
    cases = cases["cases"] if isinstance(cases, dict) else cases
    right = sum(
        due_answer({"start": each["start"], "minutes": each["minutes"]})["due"] == each["due"] for each in cases
    )
    return f"Calendar cases right: {right} of {len(cases)}."


def same_twice(house: Simulator, kind: str, seed: int, command: str) -> bool:
    """Whether two runs of one day end with the same total."""
    totals = {played(house, house.generate.generate(kind, seed), command)["total"] for _ in range(2)}
    return len(totals) == 1


def measured(
    house: Simulator, kind: str, seeds: Sequence[int], command: str, steps: int, say: Callable[[str], None]
) -> str:
    """One scenario as a row of the table."""
    gaps, p95, first, own, own_first, sla, valid = [], [], [], [], [], [], 0
    for seed in seeds:
        instance = house.generate.generate(kind, seed)
        score = played(house, instance, command)
        words = "gap not computed"
        if steps:
            low = greedy(house, house.generate.generate(kind, seed))
            high = min(hindsight(house, house.generate.generate(kind, seed), steps), score["total"])
            gaps.append(100 * (low - score["total"]) / (low - high))
            words = f"greedy {low:.0f}, hindsight {high:.0f}, gap closed {gaps[-1]:.1f} %"
        busy, busy_first = InProcess.played(house, house.generate.generate(kind, seed))
        own.append(busy)
        own_first.append(busy_first)
        p95.append(score["latency_ms"]["p95"])
        first.append(score["latency_ms"]["first"])
        sla.append(score["sla_pct"])
        valid += score["valid"]
        say(f"{kind}-{seed}: ours {score['total']:.0f}, {words}, p95 {p95[-1]} ms (processor {busy:.0f}), "
            f"first {first[-1]} ms (processor {busy_first:.0f}), valid {score['valid']}")  # fmt: skip
    must, aim, most = GOALS[kind]
    closed, met = "–", "–"
    if gaps:
        middle = statistics.median(gaps)
        closed = f"**{middle:.1f}** ({min(gaps):.1f}–{max(gaps):.1f})"
        met = "aim" if middle >= aim else "yes" if middle >= must else "no"
    quick = statistics.median(p95) <= most and (kind != "snapshot" or max(first) <= FIRST)
    within = f" (≤ {FIRST})" if kind == "snapshot" else ""
    return (
        f"| {kind} | {', '.join(map(str, seeds))} | {closed} | ≥ {must} ({aim}) | {statistics.median(sla):.1f} "
        f"| {valid} of {len(seeds)} | {statistics.median(p95):.1f} (≤ {most}); processor {statistics.median(own):.1f} "
        f"| {statistics.median(first):.0f}, worst {max(first):.0f}{within}; processor {max(own_first):.0f} "
        f"| gap {met}, time {'yes' if quick else 'no'} |"
    )


def main() -> int:
    """Play the days and, with ``--write``, keep the table in ``benchmarks/RESULTS.md``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch_sim", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=", ".join(GOALS))
    parser.add_argument("--simulator", type=Path, required=True, help="folder of generate.py, sim.py and model.py")
    parser.add_argument("--seeds", help="1,2,3 for every scenario; without it seeds are drawn at random")
    parser.add_argument("--days", type=int, default=5, help="seeds drawn for each scenario")
    parser.add_argument(
        "--effort", type=float, default=1.0, help="share of the usual hindsight search; 0: no gap, times alone"
    )
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m services.dispatch decide")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    options = parser.parse_args()
    house, began = Simulator(options.simulator), time.monotonic()
    rows = []
    for kind in options.kinds or GOALS:
        seeds = (
            [int(each) for each in options.seeds.split(",")]
            if options.seeds
            else random.SystemRandom().sample(range(10_000, 1_000_000), options.days)
        )
        steps = int(STEPS[kind] * options.effort)
        rows.append(measured(house, kind, seeds, options.command, steps, lambda words: print(words, flush=True)))
    text = "\n".join(
        [
            f"## {TITLE}",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load {os.getloadavg()[0]:.1f}; seeds "
            f"{'named' if options.seeds else 'drawn at random for this run'}; greedy and hindsight computed for each "
            f"seed by `benchmarks/dispatch_sim.py` (hindsight is the best plan found with "
            f"`--effort {options.effort:g}`, no proven optimum). Took "
            f"{time.monotonic() - began:.0f} s.",
            "",
            "| scenario | seeds | gap closed %, median (range) | goal (aim) | promises kept % | valid | p95 of a decision, ms | "
            "first decision, ms | met |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"{calendar(options.simulator)} The same day twice gives the same total: "
            f"{'yes' if same_twice(house, 'compound', 77, options.command) else 'no'}.",
        ]
    )
    print(text)
    if options.write:
        keep(text)
    return 0


def keep(text: str, name: str = NAME) -> None:
    """Put the section into the file of results beside those of others."""
    marker = f"<!-- {name} -->"
    whole = RESULTS.read_text(encoding="utf-8")
    old = sections(whole).get(name)
    whole = whole.replace(old, text) if old else f"{whole.rstrip()}\n\n{marker}\n{text}\n"
    RESULTS.write_text(whole, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
