"""The plan of a whole area: who does each open job and when, with what it would gain to move one.

The search is the engine's. Work that a crew has already stays there unless moving it gains more than stirring people
up costs; what a dispatcher chose or a crew has begun is given as pinned or as time that is taken, and never moves.
Steps are counted: the same input gives the same plan, unless the caller says that its time is up; then the best plan found
until then is given, with what had no turn left as it is. Pure: no clock of its own, no database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.dispatch.assignment.cost import dispatch_cost
from services.dispatch.assignment.model import CrewState, Message
from services.dispatch.assignment.plan import Plan
from services.dispatch.assignment.route import FAR, Route, Tuning
from services.dispatch.assignment.suggestion import NEXT, Choice, group_means, reasons_for, versus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.dispatch.assignment.model import Area, Job
    from services.dispatch.assignment.route import Stop

PLACED, SEARCHED, EXPLAINED = 0.45, 0.65, 0.8  # shares of the caller's time by which each part ends
STEPS_LEAST, STEPS_EACH, STEPS_MOST = 50_000, 400, 3_000_000  # of search: at least, for each job, at most


@dataclass(frozen=True, slots=True)
class Home:
    """The crew that has a job already, and the yuan that giving it to another must gain."""

    crew: str
    stir: float


@dataclass(frozen=True, slots=True)
class Hand:
    """One pair of hands of a crew: from when on and where it is free; None = as the crew's shift begins."""

    crew: str
    free: int | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A job's place in the plan.

    Attributes:
        hand: which of the crew's hands, from 0.
        send_at, start, end: minutes on the area's axis.
        moves: the plan gives it to another crew than has it now.
        gain: yuan-equivalents saved by the move, stirring people up not counted; 0 where nothing moves.
        best, next_two: with reasons, for those that were asked to be explained; else None.
    """

    job: str
    crew: str
    hand: int
    send_at: int
    start: int
    end: int
    moves: bool = False
    gain: float = 0.0
    best: Choice | None = None
    next_two: tuple[Choice, ...] = ()


def plan_area(
    area: Area,
    hands: Sequence[Hand],
    jobs: Sequence[Job],
    homes: Mapping[str, Home],
    now: int,
    *,
    explain: int = 500,
    steps: int | None = None,
    tuning: Tuning | None = None,
    late: Callable[[float], bool] = lambda _share: False,
) -> list[Slot]:
    """Slots for the jobs that fit into the crews' shifts, by crew and time; jobs without one are left for later.

    ``jobs`` are in the caller's order, which counts for ties; ``explain`` bounds how many moves and first assignments
    carry reasons and alternatives, those due first. ``late(share)``: whether so much of the caller's time has gone.
    """
    counts: dict[str, int] = {}
    for hand in hands:
        counts[hand.crew] = counts.get(hand.crew, 0) + 1
    plan = Plan(area, tuning or Tuning(), 1, {crew.id: counts.get(crew.id, 0) for crew in area.crews})
    plan.now = now
    plan.homes = {job: (home.crew, home.stir) for job, home in homes.items()}
    routes: dict[str, list[Route]] = {}
    for route in plan.routes:
        routes.setdefault(route.crew.id, []).append(route)
    taken: dict[str, int] = {}
    for hand in hands:
        number = taken.get(hand.crew, 0)
        taken[hand.crew] = number + 1
        route = routes[hand.crew][number]
        route.free = max(now, route.crew.shift[0], hand.free or 0)
        route.place = route.crew.place if hand.place is None else hand.place
        route.touch()
    for job in jobs:
        plan.add(job)
    plan.look()
    begun = Route.steps
    for stop in sorted(plan.stops.values(), key=lambda each: (each.key[3], each.jobs[0].id)):
        if stop.home and not late(PLACED):
            _at_home(plan, stop, routes.get(stop.home, ()))
    plan.place_left_out(lambda: late(PLACED))
    if steps is None:
        steps = min(STEPS_MOST, STEPS_LEAST + STEPS_EACH * len(jobs))
    plan.improve(max(0, steps - (Route.steps - begun) // 4), lambda: late(SEARCHED))
    return _slots(plan, routes, explain, lambda: late(EXPLAINED))


def _at_home(plan: Plan, stop: Stop, routes: Sequence[Route]) -> None:
    """Put a stop where its crew can do it cheapest, at whatever price; nowhere when the crew cannot do it today."""
    best: tuple[float, Route, int] | None = None
    for route in routes:
        found = route.insertion(stop, plan.now, float("inf") if best is None else best[0])
        if found is not None and (best is None or found[0] < best[0]):
            best = (found[0], route, found[1])
    if best is not None:
        plan.put(stop, best[1], best[2])


def _slots(plan: Plan, routes: Mapping[str, Sequence[Route]], explain: int, late: Callable[[], bool]) -> list[Slot]:
    found: list[tuple[Slot, Stop]] = []
    for crew in sorted(routes):
        for number, route in enumerate(routes[crew]):
            route.walk(plan.now)
            for at, stop in enumerate(route.stops):
                found.append((_slot(stop, route, number, at), stop))
    asked = [
        place for place, (slot, stop) in enumerate(found) if slot.moves or (not stop.home and not stop.jobs[0].pinned)
    ]
    asked.sort(key=lambda place: (found[place][1].key[3], found[place][0].job))
    busy: dict[str, int] = {}
    for slot, _ in found:
        busy[slot.crew] = busy.get(slot.crew, 0) + slot.end - slot.send_at
    states = {
        crew: CrewState(crew, "", each[0].place, 0, busy_min=busy.get(crew, 0) // len(each))
        for crew, each in routes.items()
    }
    means = group_means(plan.area, states)
    for place in asked[:explain]:
        if late():
            break
        slot, stop = found[place]
        found[place] = (_explained(plan, slot, stop, states, means), stop)
    return [slot for slot, _ in found]


def _slot(stop: Stop, route: Route, number: int, at: int) -> Slot:
    crew, job = route.crew, stop.jobs[0]
    end = route.points[at + 1][0]
    start = end - job.est
    send_at = start - crew.accept - crew.lead - stop.key[0][route.points[at][1]]
    return Slot(job.id, crew.id, number, send_at, start, end, moves=bool(stop.home) and stop.home != crew.id)


def _explained(plan: Plan, slot: Slot, stop: Stop, states: Mapping[str, CrewState], means: Mapping[str, float]) -> Slot:
    """The slot with why, what it gains and who comes next, everything else staying as planned."""
    job, here = stop.jobs[0], stop.route
    assert here is not None
    now, at = plan.now, here.stops.index(stop)
    with_it = here.cost
    here.stops.pop(at)
    here.touch()
    here.walk(now)
    own = with_it - here.cost
    # By crew the cheapest place: of its home whatever that costs, and of the next two.
    ways: dict[str, tuple[float, Route, int]] = {}
    routes = sorted(
        (route for route in stop.able.routes if route is not here and route.free < FAR),
        key=lambda route: (route.crew.id != stop.home, route.row),
    )
    for route in routes:
        crew = route.crew.id
        known = sorted(extra for code, (extra, _, _) in ways.items() if code not in {slot.crew, stop.home})
        bound = ways[crew][0] if crew in ways else float("inf")
        if crew != stop.home and len(known) >= NEXT:
            bound = min(bound, known[NEXT - 1])
        found = route.insertion(stop, now, bound)
        if found is not None:
            ways[crew] = (found[0], route, found[1])
    chosen = {crew: (extra, _choice(plan, stop, route, place, extra)) for crew, (extra, route, place) in ways.items()}
    here.stops.insert(at, stop)
    here.touch()
    here.walk(now)
    best = _choice(plan, stop, here, at, own)
    best = replace(
        best,
        reasons=reasons_for(
            job, plan.area, here.crew, states[slot.crew], best, now, means,
            nearest=-1, alone=all(route.crew is here.crew for route in stop.able.routes),
        ),
    )  # fmt: skip
    gain = 0.0
    if slot.moves:
        at_home = chosen.get(stop.home)
        if at_home is None:
            best = replace(best, reasons=(Message("dispatch.reason.plan_cannot", {"crew": stop.home}), *best.reasons))
            gain = stop.unserved - own
        else:
            gain = at_home[0] - own
            said = [Message("dispatch.reason.plan_gain", {"yuan": round(gain), "crew": stop.home})]
            if at_home[1].start > slot.start:
                said.append(Message("dispatch.reason.plan_sooner", {"minutes": at_home[1].start - slot.start}))
            best = replace(best, reasons=(*said, *best.reasons))
    others = sorted(
        ((extra, choice) for crew, (extra, choice) in chosen.items() if crew != slot.crew),
        key=lambda each: (round(each[0], 2), each[1].start, each[1].crew),
    )
    crews = plan.area.by_id
    next_two = tuple(
        replace(
            choice,
            difference=round(extra - own, 2),
            reasons=versus(best, choice, here.crew, crews[choice.crew]),
        )
        for extra, choice in others[:NEXT]
    )
    return replace(slot, gain=round(gain, 2), best=best, next_two=next_two)


def _choice(plan: Plan, stop: Stop, route: Route, at: int, extra: float) -> Choice:
    """The crew of ``route`` doing the stop at ``at``; what the rest of its plan loses by it counts among the costs."""
    free, place, rested, _ = route.points[at]
    done = route.step(free, place, rested, stop.key, plan.now)
    assert done is not None
    crew, job = route.crew, stop.jobs[0]
    end = done[1]
    start = end - job.est
    way = stop.key[0][place]
    send_at = start - crew.accept - crew.lead - way
    cost = dispatch_cost(plan.area, crew, job, send_at, send_at + crew.accept + crew.lead + way, start, end)
    cost = replace(cost, others=round(max(0.0, extra - done[0]), 2))
    return Choice(crew.id, cost, send_at, send_at + crew.accept + crew.lead + way, start, end)
