"""Hard constraints: the one place that says whether a crew may do a job. Suggestions, the console, the automatic
engine and manual choices all ask here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.dispatch.assignment.model import (
    BREAK,
    BUSY,
    IDLE,
    INTERRUPTIBLE,
    OFF,
    URGENT,
    URGENT_OVERTIME,
    Message,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.dispatch.assignment.model import Area, Crew, CrewState, Job


def unable(job: Job, crew: Crew) -> Message | None:
    """Why ``crew`` can never do ``job``, whatever the hour; None when it can."""
    for skill, level in job.skills.items():
        has = crew.skills.get(skill, 0)
        if has == 0:
            return Message("dispatch.why.skill", {"skill": skill})
        if has < level:
            return Message("dispatch.why.level", {"skill": skill, "level": level, "has": has})
    if job.site not in crew.sites:
        return Message("dispatch.why.site", {"site": job.site})
    if crew.items is not None and job.item not in crew.items:
        return Message("dispatch.why.contract", {"item": job.item})
    if job.is_trip:
        if job.seats > crew.seats:
            return Message("dispatch.why.seats", {"seats": job.seats, "has": crew.seats})
    elif job.headcount > crew.size:
        return Message("dispatch.why.size", {"people": job.headcount, "has": crew.size})
    if crew.id in job.conflicts:
        return Message("dispatch.why.conflict", {})
    if job.pinned and job.pinned != crew.id:
        return Message("dispatch.why.pinned", {"crew": job.pinned})
    if crew.id in job.refused_by:
        return Message("dispatch.why.refused", {})
    return None


def poolable(jobs: Sequence[Job], seats: int) -> bool:
    """Whether these trips may share one vehicle with ``seats``."""
    return (
        all(job.is_trip and job.pool for job in jobs)
        and len({(job.place, job.to) for job in jobs}) == 1
        and max(job.earliest for job in jobs) <= min(job.due for job in jobs)
        and sum(job.seats for job in jobs) <= seats
    )


def available_at(crew: Crew, state: CrewState, now: int) -> int | None:
    """When ``crew`` can next be sent, as far as is known; None when its shift is over."""
    if state.status == OFF:
        return crew.shift[0] if now < crew.shift[0] else None
    return now if state.status == IDLE else max(now, state.free_at)


def timing(area: Area, crew: Crew, place: int, jobs: Sequence[Job], sent_at: int) -> tuple[int, int, int]:
    """Expected (arrival, start, end) of ``jobs`` when ``crew`` is sent from ``place`` at ``sent_at``."""
    arrive = sent_at + crew.accept + crew.lead + area.travel[place][jobs[0].place]
    start = max(arrive, *(job.earliest for job in jobs))
    return arrive, start, start + max(job.est for job in jobs)


def why_not(
    area: Area,
    crew: Crew,
    state: CrewState,
    jobs: Sequence[Job],
    sent_at: int,
    *,
    interrupting: Job | None = None,
    later: bool = False,
) -> Message | None:
    """Why ``crew`` may not be sent to ``jobs`` at ``sent_at``; None when it may.

    ``interrupting`` is the job in hand that a priority 1 would put off; ``later`` asks about a crew that will be free
    by ``sent_at``, whatever it does now.
    """
    for job in jobs:
        if (why := unable(job, crew)) is not None:
            return why
    if len(jobs) > 1 and not poolable(jobs, crew.seats):
        return Message("dispatch.why.pool", {})
    if state.status != IDLE and not later:
        lawful = (
            interrupting is not None
            and state.status == BUSY
            and jobs[0].priority == URGENT
            and interrupting.preemptible
            and interrupting.priority >= INTERRUPTIBLE
        )
        if not lawful:
            key = {BUSY: "dispatch.why.busy", BREAK: "dispatch.why.break_now", OFF: "dispatch.why.off"}[state.status]
            return Message(key, {"until": state.free_at})
    if crew.max_orders is not None and state.orders + len(jobs) > crew.max_orders:
        return Message("dispatch.why.cap", {"orders": crew.max_orders})
    end = timing(area, crew, state.place, jobs, sent_at)[2]
    urgent = jobs[0].priority == URGENT
    resting = crew.rest is not None and not state.break_taken
    if resting and not urgent and crew.rest is not None and end > crew.rest.until:
        return Message("dispatch.why.break", {"until": crew.rest.until})
    if end > crew.shift[1] + crew.overtime_max + (URGENT_OVERTIME if urgent else 0):
        return Message("dispatch.why.shift", {"until": crew.shift[1]})
    return None
