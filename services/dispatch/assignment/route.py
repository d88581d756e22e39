"""Routes: the work planned for one crew, in order, and what it is expected to cost.

This is the innermost loop of planning, so everything a walk needs lies in flat tuples and closures made beforehand.
The rules are those of ``constraints`` and ``cost``; a dispatch is checked against ``constraints`` before it leaves.

A due time that will probably be met still has a price: the finish is taken as spread evenly over a span around its
expected minute, and the price is the mean over that span. The span widens with the length of the work and with the
minutes until it begins, because earlier work overruns and new requests push in.
"""

# ruff: noqa: FURB136, PLR1730 - calling max and min takes a fifth of the time of the loops below

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.dispatch.assignment.model import URGENT, URGENT_OVERTIME

if TYPE_CHECKING:
    from services.dispatch.assignment.model import Area, Crew, Job
    from services.dispatch.assignment.plan import Able

FAR = 1 << 30  # a minute that never comes
INFINITE = float("inf")

# Flattened stop: minutes to it from each place, place where it ends, earliest, due, due on start, expire, est, breach,
# tardy a minute, lost, urgent, item, half width of the finish, yuan a minute for waiting.
Key = tuple[Sequence[int], int, int, int, bool, int, int, float, float, float, bool, str, float, float]
# (free at, place, rested, stop, now) -> (cost, done at, rested); None when the crew may not.
Step = Callable[[int, int, bool, Key, int], tuple[float, int, bool] | None]
# Before each stop: free at, place, rested, cost so far.
Point = tuple[int, int, bool, float]


@dataclass(frozen=True)
class Tuning:
    """How the future is guessed and how hard a plan is searched; found on generated days, not on the printed ones.

    Attributes:
        work_spread: half width of the finish per expected working minute (log-normal, sigma 0.25: 0.43 covers nine
            in ten).
        ahead_spread: the same per minute until the planned start, at most ``ahead_max`` minutes in all.
        floor: minutes of half width that are always there.
        eager: yuan a minute for starting later, per hundred yuan of breach: settles ties for early and urgent work.
        hold: yuan that five minutes of waiting may cost before an outsourced crew is called: until then somebody in
            house may become free, or the request may be withdrawn.
        early: minutes a crew may be sent before it has to leave.
        effort: steps of search at each decision, times one and the open jobs for each crew: long queues need more.
        batch: stops taken out in one round.
        overrun: share of the expected work that is still to come when a job should have been finished by now.
    """

    work_spread: float = 0.43
    ahead_spread: float = 0.3
    ahead_max: float = 60.0
    floor: float = 2.0
    eager: float = 0.01
    hold: float = 6.0
    early: int = 2
    effort: int = 3000
    batch: int = 10
    overrun: float = 0.12


class Stop:
    """One dispatch in a plan: a job, or trips that share a vehicle.

    Attributes:
        unserved: what it costs to leave all of it undone.
        able: the crews that may do it at all; ``mask`` has their rows as bits.
        route: where it is planned; None = nowhere.
        home: the crew that has it already, else empty; ``stir``: yuan for giving it to another.
        memo: cheapest insertion by route, with the version of the route it holds for.
    """

    __slots__ = ("able", "home", "jobs", "key", "mask", "memo", "route", "seats", "stir", "unserved", "urgent")

    def __init__(self, jobs: tuple[Job, ...], key: Key, unserved: float, able: Able) -> None:
        self.jobs = jobs
        self.key = key
        self.unserved = unserved
        self.able = able
        self.route: Route | None = None
        self.home, self.stir = "", 0.0
        self.mask = able.mask
        self.seats = sum(job.seats for job in jobs)
        self.urgent = key[10]
        self.memo: dict[int, tuple[int, float, tuple[float, int] | None]] = {}


def flattened(area: Area, ways: Sequence[int], tuning: Tuning, jobs: Sequence[Job]) -> Key:
    """What a walk needs to know of ``jobs`` done together: the strictest window and everything that is at stake.

    ``ways`` are the minutes from each place to theirs.
    """
    weights = area.weights
    first = jobs[0]
    breach = sum(weights.breach[job.priority - 1] for job in jobs)
    est = max(job.est for job in jobs)
    return (
        ways,
        first.place if first.to is None else first.to,
        max(job.earliest for job in jobs),
        min(job.due for job in jobs),
        first.due_on_start,
        min(FAR if job.expire is None else job.expire for job in jobs),
        est,
        breach,
        sum(weights.tardy_per_min[job.priority - 1] for job in jobs),
        breach + weights.lost * len(jobs),
        first.priority == URGENT,
        first.item,
        tuning.floor + (0.0 if first.due_on_start else tuning.work_spread * est),
        tuning.eager * breach / 100.0,
    )


def stepper(area: Area, crew: Crew, tuning: Tuning) -> Step:
    """The function that says what one more stop costs ``crew`` and when it is done with it."""
    weights, pay = area.weights, crew.pay
    setup = crew.accept + crew.lead
    shift_end = crew.shift[1]
    limit = shift_end + crew.overtime_max
    urgent_limit = limit + URGENT_OVERTIME
    rest_from, rest_until, rest_minutes = (
        (crew.rest.from_, crew.rest.until, crew.rest.minutes) if crew.rest else (FAR, FAR, 0)
    )
    in_house = crew.supplier is None
    by_order, by_hour = pay.kind == "per_order", pay.kind == "per_hour"
    prices, default, rate, least = pay.prices, pay.default, pay.rate / 60.0, pay.min_minutes
    per_trip_minute, per_overtime_minute = weights.travel_per_min, weights.overtime_per_min
    quality = weights.quality * (1 - crew.score)
    ahead_spread, ahead_max = tuning.ahead_spread, tuning.ahead_max

    def step(free: int, place: int, rested: bool, key: Key, now: int) -> tuple[float, int, bool] | None:
        ways, _, earliest, due, on_start, expire, est, breach, tardy, lost, urgent, item, width, eager = key
        way = ways[place]
        go = setup + way
        depart = earliest - go
        if depart < free:
            depart = free
        if not rested and (depart >= rest_from or (depart + go + est > rest_until and not urgent)):
            # Idle in its break window the crew rests by itself; work that would cut into the break comes after it.
            free = (free if free > rest_from else rest_from) + rest_minutes
            rested = True
            depart = earliest - go
            if depart < free:
                depart = free
        start = depart + go
        end = start + est
        ahead = start - now
        cost = quality + per_trip_minute * way + eager * ahead
        if end > shift_end:
            if depart >= shift_end or (end > limit and (end > urgent_limit or not urgent)):
                return None
            if in_house:
                cost += per_overtime_minute * (end - shift_end)
        slack = due - (start if on_start else end)
        if slack < width + ahead_max:
            spread = ahead_spread * ahead
            if spread > ahead_max:
                spread = ahead_max
            if start > expire - spread - 2:
                if start > expire:
                    cost += lost
                elif expire > due or not on_start:
                    cost += lost * 0.25 * (start - expire + spread + 2) / (spread + 2)
            width += spread
            if slack < width:
                if slack <= -width:
                    cost += breach - tardy * slack
                else:
                    under = (width - slack) / width
                    cost += under * (0.5 * breach + 0.25 * tardy * under * width)
        if by_order:
            cost += prices.get(item, default)
        elif by_hour:
            billed = est + way
            cost += rate * (billed if billed > least else least)
        return cost, end, rested

    return step


class Route:
    """What one crew is planned to do, from the moment and place where it is next free.

    Attributes:
        free, place, rested: where it stands; ``free`` is FAR when it is not coming back today.
        room: orders its contract still allows.
        points: state before each stop and after the last one, valid at minute ``valid_at``.
        version: changes whenever ``points`` are computed anew; equal versions mean equal routes.
    """

    __slots__ = (
        "cost",
        "crew",
        "free",
        "place",
        "points",
        "rested",
        "room",
        "row",
        "status",
        "step",
        "stops",
        "valid_at",
        "version",
    )
    versions = 0
    steps = 0  # taken in insertions: the measure of work done

    def __init__(self, row: int, crew: Crew, step: Step) -> None:
        self.row = row
        self.crew = crew
        self.step = step
        self.stops: list[Stop] = []
        self.status = ""
        self.free, self.place, self.rested, self.room = FAR, crew.place, True, FAR
        self.points: list[Point] = []
        self.cost = 0.0
        self.valid_at = self.version = -1

    def touch(self) -> None:
        """The stops or the standing changed: ``points`` hold no longer."""
        self.valid_at = -1

    def walk(self, now: int) -> bool:
        """Compute ``points`` and ``cost`` at ``now``; false when a stop is not possible (``points`` end before it)."""
        if self.valid_at == now:
            return self.cost < INFINITE
        Route.versions += 1
        self.version, self.valid_at = Route.versions, now
        free, place, rested, cost = self.free, self.place, self.rested, 0.0
        self.points = points = [(free, place, rested, cost)]
        step = self.step
        for stop in self.stops:
            key = stop.key
            done = step(free, place, rested, key, now)
            if done is None:
                self.cost = INFINITE
                return False
            cost += done[0]
            free, rested, place = done[1], done[2], key[1]
            points.append((free, place, rested, cost))
        self.cost = cost
        return True

    def share(self, stop: Stop) -> float:
        """What ``stop`` adds to the cost of this route where it stands."""
        at = self.stops.index(stop)
        if at + 1 >= len(self.points):
            return INFINITE
        return self.points[at + 1][3] - self.points[at][3]

    def insertion(self, stop: Stop, now: int, bound: float) -> tuple[float, int] | None:
        """Cheapest (extra cost, position) for ``stop`` below ``bound``; None when there is none."""
        stops = self.stops
        last = len(stops)
        if self.room <= last or self.free >= FAR:
            return None
        if self.valid_at != now:
            self.walk(now)
        base = self.cost
        if base == INFINITE:
            return None
        memo = stop.memo
        known = memo.get(self.row)
        if known is not None and known[0] == self.version:
            found = known[2]
            if found is not None:
                return found if found[0] < bound else None
            if known[1] >= bound:
                return None
        step, points, key = self.step, self.points, stop.key
        best, least = None, bound + base
        steps = last + 1
        for at in range(last, -1, -1):
            free, place, rested, cost = points[at]
            done = step(free, place, rested, key, now)
            if done is None:
                continue
            cost += done[0]
            if cost >= least:
                continue
            if at < last:
                # Waiting never makes a later stop cheaper; only the way to the next one may become shorter.
                if cost + base - points[at + 1][3] >= least:
                    continue
                _, free, rested = done
                place = key[1]
                for behind in range(at, last):
                    other = stops[behind].key
                    done = step(free, place, rested, other, now)
                    steps += 1
                    if done is None:
                        break
                    was_free, _, was_rested, was_cost = points[behind + 1]
                    more, free, rested = done
                    cost += more
                    if cost + base - was_cost >= least:
                        done = None
                        break
                    if free <= was_free and rested == was_rested:
                        cost += base - was_cost
                        break
                    place = other[1]
                if done is None:
                    continue
            if cost < least:
                least, best = cost, (cost - base, at)
        Route.steps += steps
        memo[self.row] = (self.version, bound, best)
        return best
