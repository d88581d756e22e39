"""The assignment engine: keeps a plan for one area up to date and says whom to send now.

Nothing is committed before it is dispatched. At each call the plan takes in what has changed, is improved by a bounded
search, and gives out only the first stop of crews that are idle and have to leave. Outsourced crews are called as late
as their due times allow: until then somebody in house may become free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.dispatch.assignment.constraints import why_not
from services.dispatch.assignment.model import BREAK, BUSY, IDLE, INTERRUPTIBLE, OFF, CrewState, Dispatch
from services.dispatch.assignment.plan import Plan
from services.dispatch.assignment.route import FAR, Route, Stop, Tuning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.dispatch.assignment.model import Area, Job

SENT = "sent"  # a route's status after its dispatch in this decision
WORTH_INTERRUPTING = 60.0  # yuan an emergency must cost as planned before anybody is interrupted for it
GAIN = 20.0  # yuan an interruption must gain
RETURN_MINUTES = 5  # what an interrupted job takes longer


class Engine:
    """Decides for one area, call by call.

    The plan is a guess that only saves work: an engine made anew from the same open jobs and states decides just as
    lawfully. Raises nothing for odd input: a job nobody may do stays in no route.
    """

    def __init__(self, area: Area, tuning: Tuning | None = None, seed: int = 1) -> None:
        self.area = area
        self.tuning = tuning or Tuning()
        self.plan = Plan(area, self.tuning, seed)
        self.open: dict[str, Job] = {}
        self.in_hand: dict[str, Job] = {}

    def decide(
        self,
        now: int,
        jobs: Sequence[Job],
        states: Iterable[CrewState],
        in_hand: Mapping[str, Job] | None = None,
    ) -> list[Dispatch]:
        """Whom to send at ``now``.

        ``jobs`` are all open ones; a job that changed is another object. ``in_hand`` adds jobs being done that this
        engine did not give out itself.
        """
        plan = self.plan
        plan.now = now
        by_crew = {state.id: state for state in states}
        self._take_in(jobs, by_crew.values(), in_hand or {})
        for state in by_crew.values():
            self._stand(self.plan.by_crew[state.id], state, now)
        plan.look()
        begun = Route.steps
        plan.make_possible()
        plan.place_left_out()
        plan.improve(self._effort() - (Route.steps - begun))
        sent = self._interrupt(by_crew, now)
        return sent + self._send(by_crew, now)

    def _effort(self) -> int:
        """Steps of search at this decision, placing included: more for long queues."""
        return int(self.tuning.effort * (1 + len(self.open) / max(1, len(self.plan.routes))))

    # -- taking in

    def _take_in(self, jobs: Sequence[Job], states: Iterable[CrewState], in_hand: Mapping[str, Job]) -> None:
        """Know new and changed jobs, forget those no longer open, remember those in hand."""
        fresh = {job.id: job for job in jobs}
        doing = {job_id for state in states for job_id in state.doing}
        known = {**self.in_hand, **self.open, **in_hand}
        self.in_hand = {job_id: known[job_id] for job_id in doing if job_id in known}
        for job_id in [job_id for job_id, job in self.open.items() if fresh.get(job_id) is not job]:
            self.plan.forget(job_id)
        for job_id, job in fresh.items():
            if job_id not in self.plan.stops:
                self.plan.add(job)
        self.open = fresh

    def _stand(self, route: Route, state: CrewState, now: int) -> None:
        """Where and when the crew is next free."""
        crew = route.crew
        route.status, route.place, route.rested = state.status, state.place, state.break_taken
        route.room = FAR if crew.max_orders is None else crew.max_orders - state.orders
        if state.status == IDLE:
            route.free = now
        elif state.status == OFF:
            route.free = crew.shift[0] if now < crew.shift[0] else FAR
        else:
            route.free = max(state.free_at, now + 1)
            job = self.in_hand.get(state.doing[0]) if state.doing else None
            if job is not None:
                route.place = job.place if job.to is None else job.to
                if state.free_at <= now:
                    route.free = now + max(1, int(self.tuning.overrun * job.est))
        route.touch()

    # -- giving out

    def _send(self, states: Mapping[str, CrewState], now: int) -> list[Dispatch]:
        """The first stops of idle crews that have to leave."""
        sent = []
        for route in self.plan.routes:
            if route.status != IDLE or not route.stops:
                continue
            stop = route.stops[0]
            if self._may_wait(route, stop, now):
                continue
            if why_not(self.area, route.crew, states[route.crew.id], stop.jobs, now) is not None:
                continue  # its break comes first, for example
            sent.append(Dispatch(route.crew.id, tuple(job.id for job in stop.jobs)))
            self.plan.drop(stop)
            route.status = SENT
        return sent

    def _may_wait(self, route: Route, stop: Stop, now: int) -> bool:
        """Whether nothing is lost by looking again later."""
        crew = route.crew
        way = crew.accept + crew.lead + stop.key[0][route.place]
        if stop.key[2] - way > now + self.tuning.early:
            return True
        if crew.supplier is None:
            return False
        route.walk(now)
        at_once = route.cost
        route.free += 5
        route.touch()
        possible = route.walk(now)
        later = route.cost
        route.free -= 5
        route.touch()
        return possible and later - at_once < self.tuning.hold

    def _interrupt(self, states: Mapping[str, CrewState], now: int) -> list[Dispatch]:
        """Emergencies that would come too late put off preemptible work of little urgency."""
        sent = []
        for stop in [each for each in self.plan.stops.values() if each.urgent]:
            planned = self.plan.price(stop)
            if planned < WORTH_INTERRUPTING:
                continue
            best: tuple[float, Route, Job] | None = None
            for route in stop.able.routes:
                job = self._interruptible(route, states)
                if job is None:
                    continue
                done = route.step(now, job.place, True, stop.key, now)
                if done is None or not self._lawful(route, states[route.crew.id], stop, job, now):
                    continue
                breach = self.area.weights.breach[job.priority - 1]
                cost = done[0] + self.area.weights.preempt + 0.25 * breach
                if cost < planned - GAIN and (best is None or cost < best[0]):
                    best = (cost, route, job)
            if best is None:
                continue
            _, route, job = best
            sent.append(Dispatch(route.crew.id, tuple(each.id for each in stop.jobs), interrupts=job.id))
            self.plan.drop(stop)
            route.status = SENT
            route.free = now + stop.key[6] + RETURN_MINUTES
            route.touch()
        return sent

    def _interruptible(self, route: Route, states: Mapping[str, CrewState]) -> Job | None:
        """What the crew is doing, if it may be put off."""
        if route.status != BUSY:
            return None
        doing = states[route.crew.id].doing
        job = self.in_hand.get(doing[0]) if len(doing) == 1 else None
        return job if job is not None and job.preemptible and job.priority >= INTERRUPTIBLE else None

    def _lawful(self, route: Route, state: CrewState, stop: Stop, job: Job, now: int) -> bool:
        """Whether the interruption holds wherever on its way the crew is."""
        for place in {state.place, job.place}:
            here = CrewState(
                state.id,
                state.status,
                place,
                state.free_at,
                state.doing,
                state.break_taken,
                state.orders,
                state.busy_min,
            )
            if why_not(self.area, route.crew, here, stop.jobs, now, interrupting=job) is not None:
                return False
        return True


__all__ = ["BREAK", "Engine", "Tuning"]
