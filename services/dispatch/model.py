"""The rules of a work order: which act is possible when, what it was promised, what is counted at its end.

Plain functions and dataclasses; no database, no clock.
"""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from services.dispatch.promises import (
    ARRIVAL,
    FINISH,
    KINDS,
    RESPONSE,
    Calendar,
    Happening,
    Limit,
    Promise,
    Standard,
    Terms,
    due_times,
    promise_state,
)
from services.dispatch.promises.clock import PAUSE_CAPS
from services.dispatch.standards import MEASURED, Item
from shared.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TO_ASSIGN, OFFERED, ACCEPTED, ON_THE_WAY, ON_SITE = "to_assign", "offered", "accepted", "on_the_way", "on_site"
UNDER_WAY, PAUSED, FINISHED, CHECKED, REDO, CANCELLED = (
    "under_way",
    "paused",
    "finished",
    "checked",
    "redo",
    "cancelled",
)
WAITING = frozenset({TO_ASSIGN, REDO})  # nobody has it; a redo is an order of a later round
ENDED = frozenset({FINISHED, CHECKED, CANCELLED})
OPEN = frozenset({TO_ASSIGN, REDO, OFFERED, ACCEPTED, ON_THE_WAY, ON_SITE, UNDER_WAY, PAUSED})
HELD = OPEN - WAITING  # some crew has it

# Which states each act is possible in.
ACTS: dict[str, frozenset[str]] = {
    "assign": OPEN,
    "recall": HELD - {UNDER_WAY},
    "accept": frozenset({OFFERED}),
    "refuse": HELD,
    "set_off": frozenset({ACCEPTED}),
    "arrive": frozenset({ACCEPTED, ON_THE_WAY}),
    "start": frozenset({ACCEPTED, ON_THE_WAY, ON_SITE}),
    "pause": frozenset({ACCEPTED, ON_THE_WAY, ON_SITE, UNDER_WAY}),
    "resume": frozenset({PAUSED}),
    "finish": frozenset({UNDER_WAY}),
    "cancel": OPEN,
    "transfer": HELD - {PAUSED},
    "pin": frozenset({TO_ASSIGN, REDO, OFFERED, ACCEPTED}),
    "follow": frozenset({TO_ASSIGN, REDO, OFFERED, ACCEPTED}),
    "no_show": frozenset({OFFERED, ACCEPTED, ON_THE_WAY}),
    "split": OPEN,
    "redo": frozenset({FINISHED, CHECKED}),
    "escalate": OPEN,
    "ask": OPEN,
}
# The crew's next step, and what may be done beside it, in the order of the page.
STEPS: dict[str, str] = {
    OFFERED: "accept",
    ACCEPTED: "set_off",
    ON_THE_WAY: "arrive",
    ON_SITE: "start",
    UNDER_WAY: "finish",
    PAUSED: "resume",
}
REFUSALS = ("busy", "skill", "tools", "access", "unsafe", "not_ours")  # reasons a crew may give
RECALLED = "recalled"  # the dispatcher took it back
NO_SHOW, NO_ANSWER = "no_show", "no_answer"  # reasons that a dispatcher or the timer gives for a crew
PREEMPTED = "preempted"  # an emergency came between: no pause reason, so the promises' clocks go on
TRANSFERS = ("busy", "skill", "nearer", "shift_ends")  # reasons for handing an order to another crew of one's own
REDOS = ("not_mended", "came_back", "untidy", "wrong_place")  # what a failed check found
RUNGS = ("crew_leader", "supervisor")  # whom a dispatcher may tell by hand that an order needs them
MOST_PAUSES = 3  # of one order; the fourth is refused
ANSWER_MINUTES = {1: 5, 2: 15, 3: 60, 4: 240}  # by priority: from the offer, or from the hour the crew is to begin
WARN_SHARE, WARN_MOST = 0.25, timedelta(minutes=60)  # as promises.clock.Standard has them
PAUSES = tuple(PAUSE_CAPS)
CANCELS = ("withdrawn", "duplicate", "not_needed")

FAR = datetime(2999, 12, 31, tzinfo=UTC)  # urgency of what has no promise left
LOOK_PAUSED = timedelta(hours=1)  # how often a standing clock is looked at: its cap may be used up
APPOINTED = timedelta(minutes=1)  # an appointment less than this after filing is none

_NAMES = uuid.UUID("7d2f8c63-2026-5468-8034-000000000000")


def order_id(request_id: str, round_: int) -> str:
    """The id of a request's order of one round: derived, so that nothing can open it twice."""
    return str(uuid.uuid5(_NAMES, f"{request_id}/{round_}"))


def own_id(kind: str, of: str) -> str:
    """The id of an order that dispatch opens by itself, derived from what it is for."""
    return str(uuid.uuid5(_NAMES, f"{kind}/{of}"))


def reference(request_reference: str, round_: int) -> str:
    """The spoken reference of an order: the request's and the round."""
    return f"{request_reference}-{round_}"


class NotNow(Conflict):
    """The order is in a state in which this is not possible; the message says who brought it there."""


class Overtaken(Conflict):
    """Somebody else acted since the caller looked; the message says who, when and what."""


def may(act: str, state: str) -> bool:
    """Whether ``act`` is possible in ``state``."""
    return state in ACTS[act]


# ---- promises


@dataclass(frozen=True)
class Term:
    """One promise as it was given: from when it counts, how many minutes, around the clock or in working hours.

    The due instant of :func:`terms_of` is exactly ``began_at`` plus ``minutes``.
    """

    kind: str
    began_at: datetime
    minutes: int
    always: bool

    def data(self) -> list[Any]:
        return [self.kind, self.began_at.astimezone(UTC).isoformat(), self.minutes, self.always]

    @classmethod
    def of(cls, data: Sequence[Any]) -> Term:
        return cls(data[0], datetime.fromisoformat(data[1]), int(data[2]), bool(data[3]))


def terms_of(
    item: Item,
    priority: int,
    begins_at: datetime,
    calendar: Calendar,
    *,
    promised: Mapping[str, datetime | None] | None = None,
    starts_at: datetime | None = None,
    level: str = "",
) -> tuple[tuple[Term, datetime], ...]:
    """What is promised for an order, each with its due instant.

    ``promised`` are the instants that the requester was told; without them the level's standard counts from ``begins_at``.
    Work wanted for a later time is an appointment: the crew arrives by then (the item's lead before it), and what
    must be finished counts from it; neither is ever earlier than what was promised.
    """
    standard = item.standard_of(level)
    terms = standard.terms_for(priority)
    if promised is not None and any(promised.values()):
        due = {kind: promised.get(kind) for kind in KINDS}
    else:
        own = due_times(standard, priority, begins_at, calendar)
        due = {RESPONSE: own.response_at, ARRIVAL: own.arrival_at, FINISH: own.finish_at}
    found = []
    appointed = starts_at is not None and starts_at > begins_at + APPOINTED
    for kind in KINDS:
        at, limit = due[kind], terms.of(kind)
        if at is None:
            continue
        always = limit is not None and limit.always
        if appointed and kind != RESPONSE:
            assert starts_at is not None
            wanted = starts_at - timedelta(minutes=item.lead)
            if kind == FINISH and limit is not None:
                wanted = (calendar.always() if always else calendar).add(starts_at, timedelta(minutes=limit.minutes))
            if wanted > at:
                at, always = wanted, True
        found.append((_term(kind, begins_at, at, calendar, always=always), at))
    return tuple(found)


def _term(kind: str, begins_at: datetime, due_at: datetime, calendar: Calendar, *, always: bool) -> Term:
    """The term that is due at ``due_at``; counted around the clock where working hours do not lead there exactly."""
    if not always:
        minutes = round(calendar.between(begins_at, due_at) / timedelta(minutes=1))
        if calendar.add(begins_at, timedelta(minutes=minutes)) == due_at:
            return Term(kind, begins_at, minutes, always=False)
    minutes = max(0, math.ceil((due_at - begins_at) / timedelta(minutes=1)))
    return Term(kind, due_at - timedelta(minutes=minutes), minutes, always=True)


def promises(
    terms: Iterable[Term], happenings: Sequence[Happening], now: datetime, calendar: Calendar
) -> dict[str, Promise]:
    """How each promise stands at ``now``, by kind; pauses are counted as the clock's rules say."""
    found = {}
    for term in terms:
        standard = Standard({1: Terms(**{term.kind: Limit(term.minutes, term.always)})})
        clock = promise_state(
            standard, 1, [Happening("filed", term.began_at), *happenings], max(now, term.began_at), calendar
        )
        found[term.kind] = clock[0]
    return found


def urgency(
    due: Mapping[str, datetime | None], *, responded: bool, arrived: bool, finished: bool
) -> tuple[str, datetime | None]:
    """The next promise that is still to be kept, and when it is due; ``("", None)`` when there is none."""
    settled = {RESPONSE: responded or arrived or finished, ARRIVAL: arrived or finished, FINISH: finished}
    open_ = [(at, kind) for kind in KINDS if not settled[kind] and (at := due.get(kind)) is not None]
    if not open_:
        return "", None
    at, kind = min(open_, key=lambda pair: (pair[0], KINDS.index(pair[1])))
    return kind, at


# ---- what was used


@dataclass(frozen=True)
class Used:
    """One counted quantity."""

    meter: str
    quantity: Decimal
    unit: str


def usage_of(item: Item, given: Sequence[tuple[str, Decimal]], measured: Decimal) -> tuple[Used, ...]:
    """What an order used, checked against the item's meters; hours that nobody gave are those measured.

    Raises:
        Invalid: a meter that the item does not have or that comes twice, a quantity outside its bounds, or the item's
            own meter missing.
    """
    meters = {meter.code: meter for meter in item.meters}
    wrong: dict[str, Any] = {}
    found: dict[str, Used] = {}
    for place, (code, quantity) in enumerate(given):
        meter = meters.get(code)
        name = f"usage.{place}"
        if meter is None or code in found:
            wrong[f"{name}.meter"] = ["dispatch.field.meter"]
        elif not (meter.least <= quantity <= meter.most):
            wrong[f"{name}.quantity"] = ["dispatch.field.quantity"]
        elif quantity % meter.step:
            wrong[f"{name}.quantity"] = ["dispatch.field.step"]
        else:
            found[code] = Used(code, quantity, meter.unit)
    own = item.meters[0]
    if own.code not in found and not wrong:
        if own.code not in MEASURED:
            wrong["usage"] = ["dispatch.field.usage"]
        else:
            found[own.code] = Used(own.code, min(max(measured, own.least), own.most), own.unit)
    if wrong:
        raise Invalid(fields=wrong)
    return tuple(found[meter.code] for meter in item.meters if meter.code in found)


def hours_worked(happenings: Iterable[Happening], until: datetime) -> Decimal:
    """Hours from the first start to ``until`` without the pauses in between, to a hundredth, half up."""
    total, since = timedelta(0), None
    started = False
    for each in sorted(happenings, key=lambda each: each.sequence):
        if each.kind == "started":
            started, since = True, since or each.at
        elif each.kind == "paused" and since is not None:
            total, since = total + (each.at - since), None
        elif each.kind == "resumed" and started and since is None:
            since = each.at
        elif each.kind == "assigned" and since is not None:  # another crew starts anew; what was done counts
            total, since = total + (each.at - since), None
    if since is not None:
        total += until - since
    seconds = Decimal(max(0, round(total.total_seconds())))
    return (seconds / 3600).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


# ---- the order as its page and its rules see it


@dataclass
class Order:
    """A work order, as stored; see ``tables.work_order`` for what each value means."""

    order_id: str
    reference: str
    request_id: str
    request_reference: str
    round: int
    item: str
    level: str
    priority: int
    place: str
    building: str
    floor: str
    room: str
    department: str
    requester: str
    filed_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    headcount: int
    quantity: int
    restricted: bool
    summary: str
    answers: list[list[str]]
    contact: str
    skills: list[str]
    minutes: int
    state: str
    open: bool
    version: int
    opened_at: datetime
    urgency_at: datetime
    changed_at: datetime
    crew: str = ""
    supplier: str = ""
    contract: str = ""
    assigned_by: str = ""
    previous_crew: str = ""
    reasons: list[Any] = field(default_factory=list)
    next_crews: list[Any] = field(default_factory=list)
    refused_by: list[list[str]] = field(default_factory=list)
    planned_at: datetime | None = None
    assigned_at: datetime | None = None
    accepted_at: datetime | None = None
    set_off_at: datetime | None = None
    arrived_at: datetime | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    paused_from: str = ""
    pause_reason: str = ""
    finished_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str = ""
    confirmed_at: datetime | None = None
    stars: int = 0
    urged: int = 0
    urged_at: datetime | None = None
    usage: list[list[str]] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    terms: list[Any] = field(default_factory=list)
    response_due_at: datetime | None = None
    arrival_due_at: datetime | None = None
    finish_due_at: datetime | None = None
    responded_at: datetime | None = None
    response_kept: bool | None = None
    arrival_kept: bool | None = None
    finish_kept: bool | None = None
    look_at: datetime | None = None
    changed_by: str = ""
    changed_what: str = ""
    origin: str = "request"
    parent: str = ""
    asset: str = ""
    checks: list[int] = field(default_factory=list)
    signed_by: str = ""
    answer_by: datetime | None = None
    alert_at: datetime | None = None
    pinned_at: datetime | None = None
    amended: int = 0
    amended_at: datetime | None = None
    joined: int = 1
    photos: list[str] = field(default_factory=list)

    @property
    def asked(self) -> str:
        """The request this is done for; empty for work that nobody asked for."""
        return self.request_id if self.origin == "request" else ""

    def due(self) -> dict[str, datetime | None]:
        """The due instants, by kind of promise."""
        return {RESPONSE: self.response_due_at, ARRIVAL: self.arrival_due_at, FINISH: self.finish_due_at}

    def next_promise(self) -> tuple[str, datetime | None]:
        """The next promise that is still to be kept."""
        return urgency(
            self.due(),
            responded=self.responded_at is not None,
            arrived=self.arrived_at is not None,
            finished=not self.open,
        )

    def judged(self, kind: str) -> bool | None:
        """Whether a promise was kept; None while that is open."""
        found: bool | None = getattr(self, f"{kind}_kept")
        return found

    def warn_at(self, kind: str, due: datetime) -> datetime:
        """When a promise becomes worth a warning, by the plain clock; the ladder says exactly."""
        began = next((Term.of(each).began_at for each in self.terms if each[0] == kind), self.filed_at)
        return due - min((due - began) * WARN_SHARE, WARN_MOST)

    def settle_urgency(self, now: datetime) -> None:
        """Bring the sort key and the next look at the promises up to date with the rest.

        A promise that is fulfilled in time is judged here; one that is late waits for the timer to say so.
        """
        settled = {RESPONSE: self.responded_at, ARRIVAL: self.arrived_at}
        for kind, at in settled.items():
            due = self.due()[kind]
            if at is not None and due is not None and at <= due and self.judged(kind) is None:
                setattr(self, f"{kind}_kept", True)
        self.urgency_at = self.next_promise()[1] or FAR
        open_ = [at for kind, at in self.due().items() if at is not None and self.judged(kind) is None]
        self.alert_at = min((self.warn_at(kind, due) for kind, due in self.due().items()
                             if due is not None and self.judged(kind) is None), default=None)  # fmt: skip
        if self.state == CANCELLED:
            self.alert_at = None
        if self.state == PAUSED and open_:
            self.look_at = now + LOOK_PAUSED
        else:
            self.look_at = min(open_, default=None) if self.state != CANCELLED else None

    @property
    def running(self) -> bool:
        """Whether somebody's hands are on it."""
        return self.state == UNDER_WAY
