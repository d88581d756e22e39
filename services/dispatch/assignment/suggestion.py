"""A suggestion for one job: the best crew with its reasons, the next two with what they cost more, or why nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.dispatch.assignment.constraints import available_at, timing, unable, why_not
from services.dispatch.assignment.cost import Cost, dispatch_cost
from services.dispatch.assignment.model import BUSY, IDLE, INTERRUPTIBLE, URGENT, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.dispatch.assignment.model import Area, Crew, CrewState, Job

NEXT = 2  # alternatives shown beside the suggestion


@dataclass(frozen=True, slots=True)
class Choice:
    """One crew that could do the job.

    Attributes:
        send_at: when it would be sent: now, or when it is free; ``arrive``, ``start``, ``end``: expected minutes.
        interrupts: the job in hand that would be put off, else empty.
        difference: yuan-equivalents above the suggestion (0 for the suggestion itself).
        reasons: in the order they should be read.
    """

    crew: str
    cost: Cost
    send_at: int
    arrive: int
    start: int
    end: int
    interrupts: str = ""
    difference: float = 0.0
    reasons: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What assignment says about one job.

    Attributes:
        best: None when nobody can do it: then ``refusal`` says why.
        next_two: the next best, with their price difference and what is worse about them.
        refusal: "dispatch.suggest.none" with ``because``: messages "dispatch.suggest.count" (why, count), most
            frequent first.
        excluded: why each of the other crews cannot, by crew id.
    """

    job: str
    best: Choice | None
    next_two: tuple[Choice, ...] = ()
    refusal: Message | None = None
    excluded: Mapping[str, Message] | None = None

    @property
    def crew(self) -> str:
        """The crew suggested; empty when nobody can."""
        return self.best.crew if self.best else ""


def suggest(
    job: Job,
    area: Area,
    states: Mapping[str, CrewState],
    now: int,
    in_hand: Mapping[str, Job] | None = None,
) -> Suggestion:
    """The best crew for ``job`` at ``now``.

    ``states`` are by crew id; a crew without a state is left out. ``in_hand`` are the jobs being done, by id: they let
    a priority 1 interrupt preemptible work of priority 3 or 4.
    """
    found: list[tuple[Choice, Crew]] = []
    excluded: dict[str, Message] = {}
    means = group_means(area, states)
    for crew in area.crews:
        state = states.get(crew.id)
        if state is None:
            continue
        choice = _choice(job, area, crew, state, now, means, in_hand or {})
        if isinstance(choice, Message):
            excluded[crew.id] = choice
        else:
            found.append((choice, crew))
    if not found:
        return Suggestion(job.id, None, (), refusal(excluded.values()), excluded)
    found.sort(key=lambda pair: (pair[0].cost.total, pair[0].start, pair[0].crew))
    best, crew = found[0]
    nearest = min(choice.arrive - choice.send_at for choice, _ in found)
    reasons = reasons_for(job, area, crew, states[crew.id], best, now, means, nearest=nearest, alone=len(found) == 1)
    best = replace(best, reasons=reasons)
    others = []
    for choice, other in found[1 : 1 + NEXT]:
        difference = round(choice.cost.total - best.cost.total, 2)
        others.append(replace(choice, difference=difference, reasons=versus(best, choice, crew, other)))
    return Suggestion(job.id, best, tuple(others), None, excluded)


def _choice(
    job: Job,
    area: Area,
    crew: Crew,
    state: CrewState,
    now: int,
    means: Mapping[str, float],
    in_hand: Mapping[str, Job],
) -> Choice | Message:
    """How ``crew`` would do ``job``, the cheaper of waiting for it and interrupting it; or why it cannot."""
    if (never := unable(job, crew)) is not None:
        return never
    choices: list[Choice] = []
    send_at = available_at(crew, state, now)
    why: Message | None
    if send_at is None:
        why = Message("dispatch.why.off", {"until": crew.shift[0]})
    else:
        why = why_not(area, crew, state, (job,), send_at, later=state.status != IDLE)
        if why is None:
            choices.append(priced(job, area, crew, state, send_at, means))
    old = in_hand.get(state.doing[0]) if state.doing else None
    if (
        old is not None
        and state.status == BUSY
        and job.priority == URGENT
        and old.preemptible
        and old.priority >= INTERRUPTIBLE
    ):
        here = replace(state, place=old.place)
        if why_not(area, crew, here, (job,), now, interrupting=old) is None:
            choices.append(priced(job, area, crew, here, now, means, interrupts=old))
    if not choices:
        return why or Message("dispatch.why.busy", {"until": state.free_at})
    return min(choices, key=lambda choice: choice.cost.total)


def priced(
    job: Job,
    area: Area,
    crew: Crew,
    state: CrewState,
    send_at: int,
    means: Mapping[str, float],
    interrupts: Job | None = None,
) -> Choice:
    """The choice of sending ``crew`` at ``send_at``, with its cost."""
    arrive, start, end = timing(area, crew, state.place, (job,), send_at)
    cost = dispatch_cost(area, crew, job, send_at, arrive, start, end)
    balance = area.weights.imbalance_per_min * _unevenness(crew, state, means, end - send_at)
    interruption = area.weights.preempt if interrupts is not None else 0.0
    cost = replace(cost, balance=balance, interruption=interruption)
    return Choice(crew.id, cost, send_at, arrive, start, end, interrupts.id if interrupts is not None else "")


def group_means(area: Area, states: Mapping[str, CrewState]) -> dict[str, float]:
    """Mean minutes worked today, by group."""
    loads: dict[str, list[int]] = {}
    for crew in area.crews:
        if crew.group is not None and crew.id in states:
            loads.setdefault(crew.group, []).append(states[crew.id].busy_min)
    return {group: sum(each) / len(each) for group, each in loads.items()}


def _unevenness(crew: Crew, state: CrewState, means: Mapping[str, float], minutes: int) -> float:
    """Change of the crew's distance from its group's mean when it works ``minutes`` more."""
    if crew.group is None or crew.group not in means:
        return 0.0
    mean = means[crew.group]
    return abs(state.busy_min + minutes - mean) - abs(state.busy_min - mean)


def reasons_for(
    job: Job,
    area: Area,
    crew: Crew,
    state: CrewState,
    choice: Choice,
    now: int,
    means: Mapping[str, float],
    *,
    nearest: int,
    alone: bool,
) -> tuple[Message, ...]:
    """Why ``choice``, most important first."""
    said: list[Message] = []
    if job.pinned == crew.id:
        said.append(Message("dispatch.reason.pinned"))
    elif alone:
        said.append(Message("dispatch.reason.only"))
    promised = choice.start if job.due_on_start else choice.end
    if choice.cost.lost:
        said.append(Message("dispatch.reason.lost"))
    elif promised > job.due:
        said.append(Message("dispatch.reason.late", {"minutes": promised - job.due}))
    else:
        said.append(Message("dispatch.reason.in_time", {"minutes": job.due - promised}))
    if choice.interrupts:
        said.append(Message("dispatch.reason.interrupts", {"job": choice.interrupts}))
    elif choice.send_at <= now:
        said.append(Message("dispatch.reason.idle"))
    else:
        said.append(Message("dispatch.reason.free_in", {"minutes": choice.send_at - now}))
    way = choice.arrive - choice.send_at - crew.accept - crew.lead
    key = "dispatch.reason.near" if choice.arrive - choice.send_at <= nearest else "dispatch.reason.travel"
    said.append(Message(key, {"minutes": way}))
    if crew.supplier is None:
        said.append(Message("dispatch.reason.in_house"))
    else:
        said.append(Message("dispatch.reason.price", {"yuan": round(choice.cost.price), "supplier": crew.supplier}))
        said.append(Message("dispatch.reason.score", {"score": round(crew.score, 2)}))
    overtime = choice.end - crew.shift[1]
    if choice.cost.overtime > 0:
        said.append(Message("dispatch.reason.overtime", {"minutes": overtime}))
    if crew.group is not None and crew.group in means:
        under = round(means[crew.group] - state.busy_min)
        if under >= 10:
            said.append(Message("dispatch.reason.less_loaded", {"minutes": under}))
        elif under <= -30:
            said.append(Message("dispatch.reason.more_loaded", {"minutes": -under}))
    if choice.cost.others >= 1:
        said.append(Message("dispatch.reason.others", {"yuan": round(choice.cost.others)}))
    return tuple(said)


def versus(best: Choice, choice: Choice, crew: Crew, other: Crew) -> tuple[Message, ...]:
    """What is worse about ``choice`` than about ``best``."""
    said: list[Message] = []
    if choice.end > best.end:
        said.append(Message("dispatch.versus.later", {"minutes": choice.end - best.end}))
    farther = (choice.arrive - choice.send_at - other.accept - other.lead) - (
        best.arrive - best.send_at - crew.accept - crew.lead
    )
    if farther > 0:
        said.append(Message("dispatch.versus.farther", {"minutes": farther}))
    if choice.cost.price > best.cost.price:
        said.append(Message("dispatch.versus.dearer", {"yuan": round(choice.cost.price - best.cost.price)}))
    if choice.cost.overtime > best.cost.overtime:
        more = max(0, choice.end - other.shift[1]) - max(0, best.end - crew.shift[1])
        said.append(Message("dispatch.versus.overtime", {"minutes": max(1, more)}))
    if choice.interrupts and not best.interrupts:
        said.append(Message("dispatch.versus.interrupts", {"job": choice.interrupts}))
    if other.score < crew.score:
        said.append(Message("dispatch.versus.worse_score", {"points": round(crew.score - other.score, 2)}))
    return tuple(said) or (Message("dispatch.versus.equal"),)


def refusal(why: Iterable[Message]) -> Message:
    """Why nobody can, most frequent reason first."""
    counts = Counter(message.key for message in why)
    if not counts:
        return Message("dispatch.suggest.no_crews")
    because = [
        Message("dispatch.suggest.count", {"why": key, "count": count})
        for key, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return Message("dispatch.suggest.none", {"because": because})
