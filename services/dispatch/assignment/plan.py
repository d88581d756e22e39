"""A plan: every open job in some crew's route or, where that is too dear, in none; and the search that improves it."""

from __future__ import annotations

from math import log
from random import Random
from typing import TYPE_CHECKING

from services.dispatch.assignment.constraints import poolable, unable
from services.dispatch.assignment.cost import least_cost, unserved_cost
from services.dispatch.assignment.route import FAR, INFINITE, Route, Stop, Tuning, flattened, stepper

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from services.dispatch.assignment.model import Area, Job, Weights
    from services.dispatch.assignment.route import Point

EQUAL = 1e-9  # yuan: below this two plans cost the same
ROUND = 12  # steps that the rest of a round of search is worth
WINDOW = 2  # a stop's rivals are drawn from so many times the wanted number, before and after it


def never() -> bool:
    """Whether the time is up, where it never is."""
    return False


class Rivals:
    """Stops by the crews they compete for, each list in order of due time; those that nobody can do are left aside."""

    def __init__(self, stops: Iterable[Stop]) -> None:
        self._all = sorted(
            (stop for stop in dict.fromkeys(stops) if stop.mask), key=lambda stop: (stop.key[3], stop.jobs[0].id)
        )
        self._of: dict[int, tuple[list[Stop], dict[Stop, int]]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def any(self, chance: Random) -> Stop:
        """A stop drawn at random."""
        return self._all[int(chance.random() * len(self._all))]

    def near(self, seed: Stop, count: int, chance: Random) -> list[Stop]:
        """``count`` others that compete for crews of ``seed``, mostly due at about the same time."""
        known = self._of.get(seed.mask)
        if known is None:
            stops = [stop for stop in self._all if stop.mask & seed.mask]
            known = self._of[seed.mask] = (stops, {stop: place for place, stop in enumerate(stops)})
        stops, place = known
        width = WINDOW * count
        low = max(0, min(place[seed] - width, len(stops) - 2 * width))
        window = stops[low : low + 2 * width + 1]
        found = [stop for stop in chance.sample(window, min(len(window), count + 1)) if stop is not seed]
        return found[:count]


class Able:
    """The crews that may do a kind of job at all, cheapest first; shared by all jobs of the kind.

    Attributes:
        routes: all of them; ``mask`` has their rows as bits.
        ready: (least cost, route) of those that are coming today, by least cost: what the crew charges however near it
            is, so that a search may stop at the first that cannot be cheaper.
    """

    __slots__ = ("costs", "mask", "ready", "routes")

    def __init__(self, routes: list[Route], item: str, weights: Weights) -> None:
        costs = [(least_cost(weights, route.crew, item), route.row, route) for route in routes]
        self.costs = sorted(costs, key=lambda each: each[:2])
        self.routes = [route for _, _, route in self.costs]
        self.mask = sum(1 << route.row for route in routes)
        self.ready: list[tuple[float, Route]] = []
        self.look()

    def look(self) -> None:
        """See anew who is coming."""
        self.ready = [(cost, route) for cost, _, route in self.costs if route.free < FAR and route.room > 0]


class Plan:
    """Routes for the crews of one area. All work is counted in steps, and chance is seeded: the same calls give the same
    plan. Only a caller who passes ``late`` ends a search by the clock.

    Attributes:
        stops: by job id, planned or not.
        left_out: stops in no route.
        now: the minute the plan is priced at.
        heat: yuan that a move of the search may lose, drawn anew each time; 0 keeps only what is not worse.
    """

    def __init__(self, area: Area, tuning: Tuning, seed: int, hands: Mapping[str, int] | None = None) -> None:
        """``hands``: how many jobs a crew can do at once, each in a route of its own; one where it is not said."""
        self.area, self.tuning = area, tuning
        self.chance = Random(seed)
        # Minutes to each place from everywhere: a walk asks "how far to the next stop", one look-up.
        self.ways = [list(column) for column in zip(*area.travel, strict=True)]
        self.routes: list[Route] = []
        for crew in area.crews:
            step = stepper(area, crew, tuning)
            for _ in range((hands or {}).get(crew.id, 1)):
                self.routes.append(Route(len(self.routes), crew, step))
        self.by_crew = {route.crew.id: route for route in self.routes}
        self.stops: dict[str, Stop] = {}
        self.left_out: dict[Stop, None] = {}  # a set that keeps its order, so that chance stays seeded
        self.kinds: dict[Hashable, Able] = {}  # who may do what, by what the question depends on
        self.homes: dict[str, tuple[str, float]] = {}  # by job id: the crew that has it, and yuan for moving it
        self.now = 0
        self.heat = 0.0
        # While a round of search is under way: the routes it changed as they were, and what left-out and
        # moved stops cost more.
        self.before: dict[int, tuple[Route, list[Stop], list[Point], float, int]] | None = None
        self.change = 0.0

    # -- stops

    def stop(self, jobs: tuple[Job, ...]) -> Stop:
        """A stop for ``jobs``, not yet planned."""
        unserved = sum(unserved_cost(self.area.weights, job, self.area.horizon) for job in jobs)
        key = flattened(self.area, self.ways[jobs[0].place], self.tuning, jobs)
        stop = Stop(jobs, key, unserved, self._able(jobs))
        if self.homes and len(jobs) == 1:
            stop.home, stop.stir = self.homes.get(jobs[0].id, ("", 0.0))
        return stop

    def _able(self, jobs: tuple[Job, ...]) -> Able:
        """Who may do ``jobs``; asked once for each kind."""
        kind = tuple(
            (
                tuple(sorted(job.skills.items())), job.site, job.item, job.is_trip, job.headcount, job.seats,
                job.refused_by, job.conflicts, job.pinned,
            )
            for job in jobs
        )  # fmt: skip
        known = self.kinds.get(kind)
        if known is None:
            routes = [
                route
                for route in self.routes
                if all(unable(job, route.crew) is None for job in jobs)
                and (len(jobs) == 1 or sum(job.seats for job in jobs) <= route.crew.seats)
            ]
            known = self.kinds[kind] = Able(routes, jobs[0].item, self.area.weights)
        return known

    def look(self) -> None:
        """The crews stand elsewhere: see who is coming today."""
        for able in self.kinds.values():
            able.look()

    def add(self, job: Job) -> Stop:
        """Know ``job``; it is in no route yet."""
        stop = self.stop((job,))
        self.stops[job.id] = stop
        self.left_out[stop] = None
        return stop

    def forget(self, job_id: str) -> None:
        """``job_id`` is no longer open; trips that would have shared its vehicle are left out for now."""
        stop = self.stops.pop(job_id, None)
        if stop is None:
            return
        self._detach(stop)
        rest = tuple(job for job in stop.jobs if job.id != job_id)
        if rest:
            alone = self.stop(rest)
            for job in rest:
                self.stops[job.id] = alone
            self.left_out[alone] = None

    def drop(self, stop: Stop) -> None:
        """All jobs of ``stop`` have left the plan: they are being done."""
        self._detach(stop)
        for job in stop.jobs:
            self.stops.pop(job.id, None)

    def _detach(self, stop: Stop) -> None:
        if stop.route is not None:
            self._keep(stop.route)
            stop.route.stops.remove(stop)
            stop.route.touch()
            if stop.home and stop.route.crew.id != stop.home:
                self.change -= stop.stir
            stop.route = None
        elif stop in self.left_out:
            del self.left_out[stop]
            self.change -= stop.unserved

    def price(self, stop: Stop) -> float:
        """What ``stop`` costs as things are planned."""
        if stop.route is None:
            return stop.unserved
        stop.route.walk(self.now)
        return stop.route.share(stop)

    # -- putting in and taking out

    def insert(self, stop: Stop) -> None:
        """Put ``stop`` where it costs least, sharing a vehicle if that is cheaper; nowhere if leaving it is cheaper."""
        least = stop.unserved
        best: tuple[Route, int] | None = None
        now = self.now
        for floor, route in stop.able.ready:
            if floor >= least:
                break  # and so are all behind it
            stir = stop.stir if stop.home and route.crew.id != stop.home else 0.0
            found = route.insertion(stop, now, least - stir)
            if found is not None:
                least, best = found[0] + stir, (route, found[1])
        if len(stop.jobs) == 1 and stop.jobs[0].pool and self._share_vehicle(stop, least):
            return
        if best is None:
            self.left_out[stop] = None
            self.change += stop.unserved
            return
        self.put(stop, *best)

    def put(self, stop: Stop, route: Route, at: int) -> None:
        """``stop``, which is in no route, is the one at ``at`` of ``route``."""
        self._keep(route)
        route.stops.insert(at, stop)
        route.touch()
        stop.route = route
        self.left_out.pop(stop, None)
        if stop.home and route.crew.id != stop.home:
            self.change += stop.stir

    def _share_vehicle(self, stop: Stop, bound: float) -> bool:
        """Join a planned trip if that costs less than ``bound``."""
        job = stop.jobs[0]
        best: tuple[Route, int, Stop] | None = None
        for _, route in stop.able.ready:
            for at, other in enumerate(route.stops):
                shared = (*other.jobs, job)
                if other.jobs[0].place != job.place or not poolable(shared, route.crew.seats):
                    continue
                if route.room < sum(len(each.jobs) for each in route.stops) + 1 or not route.walk(self.now):
                    continue
                together = self.stop(shared)
                if route not in together.able.routes:
                    continue
                before = route.cost
                route.stops[at] = together
                route.touch()
                extra = route.cost - before if route.walk(self.now) else INFINITE
                route.stops[at] = other
                route.touch()
                if extra < bound:
                    bound, best = extra, (route, at, together)
        if best is None:
            return False
        route, at, together = best
        self._keep(route)
        route.stops[at].route = None
        route.stops[at] = together
        route.touch()
        together.route = route
        self.left_out.pop(stop, None)
        for each in together.jobs:
            self.stops[each.id] = together
        return True

    def take_out(self, stop: Stop) -> list[Stop]:
        """The stops that remain of ``stop`` outside any route: shared trips come apart. They are in no list."""
        self._detach(stop)
        if len(stop.jobs) == 1:
            return [stop]
        parts = []
        for job in stop.jobs:
            part = self.stop((job,))
            self.stops[job.id] = part
            parts.append(part)
        return parts

    def make_possible(self) -> None:
        """Leave out what the crews can no longer do: they are late, off, resting or have no order left."""
        for route in self.routes:
            while route.stops:
                orders = sum(len(stop.jobs) for stop in route.stops)
                if route.free >= FAR:
                    bad = route.stops[0]
                elif not route.walk(self.now):
                    bad = route.stops[len(route.points) - 1]
                elif orders > route.room:
                    bad = route.stops[-1]
                else:
                    break
                for part in self.take_out(bad):
                    self.left_out[part] = None

    def place_left_out(self, late: Callable[[], bool] = never) -> None:
        """Try again to plan everything that is in no route, emergencies and early due times first, until it is ``late``."""
        waiting = sorted(self.left_out, key=lambda stop: (not stop.urgent, stop.key[3], stop.jobs[0].id))
        self.left_out.clear()
        for stop in waiting:
            if late():
                self.left_out[stop] = None
            else:
                self.insert(stop)

    # -- search

    def improve(self, steps: int, late: Callable[[], bool] = never) -> None:
        """Take a few related stops out and put them back otherwise, until ``steps`` are spent or it is ``late``; keep what is
        not worse.
        """
        rivals = Rivals(self.stops.values())
        limit = Route.steps + steps
        while len(rivals) > 1 and Route.steps < limit and not late():
            Route.steps += ROUND
            seed = self._pick(rivals)
            if seed is None:
                rivals = Rivals(self.stops.values())
                continue
            group = [
                seed,
                *(stop for stop in rivals.near(seed, self.tuning.batch - 1, self.chance) if self._is_current(stop)),
            ]
            self._reshuffle(group)

    def _is_current(self, stop: Stop) -> bool:
        return self.stops.get(stop.jobs[0].id) is stop

    def _pick(self, rivals: Rivals) -> Stop | None:
        """The dearest of three drawn at random."""
        best, most = None, -1.0
        for _ in range(3):
            stop = rivals.any(self.chance)
            if self._is_current(stop) and (price := self.price(stop)) > most:
                best, most = stop, price
        return best

    def _keep(self, route: Route) -> None:
        """Remember a route before its stops change, while something may have to be undone."""
        before = self.before
        if before is not None and route.row not in before:
            route.walk(self.now)
            before[route.row] = (route, list(route.stops), route.points, route.cost, route.version)

    def _reshuffle(self, group: list[Stop]) -> None:
        """Put ``group`` back in another order; undo it when the plan becomes dearer."""
        now = self.now
        before = self.before = {}
        left_out, self.change = dict(self.left_out), 0.0
        parts = [part for stop in group for part in self.take_out(stop)]
        for part in self._in_some_order(parts):
            self.insert(part)
        self.before = None
        change = self.change
        for route, _, _, cost, _ in before.values():
            route.walk(now)
            change += route.cost - cost
        if change <= EQUAL or (self.heat and change < -self.heat * log(1.0 - self.chance.random())):
            return
        for route, stops, points, cost, version in before.values():
            route.stops, route.points, route.cost = stops, points, cost
            route.version, route.valid_at = version, now
            for stop in stops:
                self._restore(stop, route)
        self.left_out = left_out
        for stop in left_out:
            self._restore(stop, None)

    def _restore(self, stop: Stop, route: Route | None) -> None:
        stop.route = route
        for job in stop.jobs:
            self.stops[job.id] = stop

    def _in_some_order(self, parts: list[Stop]) -> list[Stop]:
        chance = self.chance.random
        way = chance()
        if way < 0.4:
            keyed = [(-part.unserved * (0.7 + 0.6 * chance()), place) for place, part in enumerate(parts)]
        elif way < 0.8:
            keyed = [(part.key[3] + 60 * chance(), place) for place, part in enumerate(parts)]
        else:
            keyed = [(chance(), place) for place in range(len(parts))]
        return [parts[place] for _, place in sorted(keyed)]
