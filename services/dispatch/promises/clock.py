"""The promise clock: what was promised for a request, and how each promise stands, from what happened.

Everything here is a pure function of a standard, a priority, the happenings so far and an instant. A promise belongs
to the request: no happening about who does the work moves it. Happenings may be given in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.working_time import Calendar

RESPONSE, ARRIVAL, FINISH = "response", "arrival", "finish"
KINDS = (RESPONSE, ARRIVAL, FINISH)
NOTHING = timedelta(0)

# Which happenings settle a promise: somebody who is working has also arrived, and so on upwards.
SETTLED_BY: dict[str, frozenset[str]] = {
    RESPONSE: frozenset({"assigned", "accepted", "arrived", "started", "finished"}),
    ARRIVAL: frozenset({"arrived", "started", "finished"}),
    FINISH: frozenset({"finished"}),
}
# Happenings the clock hears; every other kind is ignored. The order breaks ties at one instant.
HEARD = (
    "filed",
    "assigned",
    "accepted",
    "arrived",
    "started",
    "paused",
    "resumed",
    "finished",
    "reopened",
    "withdrawn",
)

# Why a clock may stand, and for how long at most (working minutes of the promise's own clock, all pauses of that
# reason together). A standard may bring its own table; a reason that is not in it does not stop the clock.
PAUSE_CAPS: dict[str, int] = {
    "requester_absent": 480,
    "awaiting_requester": 960,
    "awaiting_approval": 960,
    "awaiting_parts": 2400,
    "access_denied": 480,
    "unsafe": 480,
}
PAUSE_CAP_TOTAL = 4800  # working minutes


@dataclass(frozen=True)
class Limit:
    """How long a promise allows.

    Attributes:
        minutes: working minutes of the site, or of any hour when ``always``.
        always: counted around the clock (24-hour items, emergencies).
    """

    minutes: int
    always: bool = False

    def __post_init__(self) -> None:
        if self.minutes < 0:
            raise ValueError("a promise cannot allow less than no time")


@dataclass(frozen=True)
class Terms:
    """What one priority is promised; None = nothing."""

    response: Limit | None = None
    arrival: Limit | None = None
    finish: Limit | None = None

    def of(self, kind: str) -> Limit | None:
        """The limit of one kind of promise."""
        return {RESPONSE: self.response, ARRIVAL: self.arrival, FINISH: self.finish}[kind]


@dataclass(frozen=True)
class Standard:
    """The service standard (服务标准) of an item, as far as time is concerned.

    Attributes:
        terms: by priority, 1 emergency to 4 low; a priority that is absent has the terms of the nearest lower one.
        began_by: the happening that starts the clocks: "filed" for our promise, "offered" for a supplier's own (OLA).
        settled_by: happenings that settle each kind of promise.
        pause_caps: working minutes by pause reason; ``pause_cap_total`` bounds all reasons together.
        warn_share: share of the limit that is left when a promise becomes "soon" ...
        warn_minutes: ... but never earlier than these working minutes before it is due.
        rework: limit of the finish promise after a reopening; None = the first clock goes on with what it had left.
    """

    terms: Mapping[int, Terms]
    code: str = ""
    began_by: str = "filed"
    settled_by: Mapping[str, frozenset[str]] = field(default_factory=lambda: SETTLED_BY)
    pause_caps: Mapping[str, int] = field(default_factory=lambda: PAUSE_CAPS)
    pause_cap_total: int = PAUSE_CAP_TOTAL
    warn_share: float = 0.25
    warn_minutes: int = 60
    rework: Limit | None = None

    def terms_for(self, priority: int) -> Terms:
        """Terms of ``priority``; of the next less urgent one when it has none, else of the least urgent.

        Raises:
            ValueError: the standard promises nothing at all for any priority.
        """
        if not self.terms:
            raise ValueError(f"standard {self.code!r} has no terms")
        below = [known for known in sorted(self.terms) if known >= priority]
        return self.terms[below[0] if below else max(self.terms)]


@dataclass(frozen=True)
class Due:
    """When a request was promised what, UTC; None = not promised.

    Attributes:
        unknown_years: years on the way whose public holidays are not known: show a warning beside the times.
    """

    response_at: datetime | None = None
    arrival_at: datetime | None = None
    finish_at: datetime | None = None
    unknown_years: tuple[int, ...] = ()


@dataclass(frozen=True)
class Happening:
    """Something that happened to a request: ``kind`` is the past tense of the house's events (HEARD lists ours).

    Attributes:
        sequence: version of the aggregate that said it; 0 = not known. When every happening carries one, it is the
            order, so that a clock that jumped back changes nothing but the length of a span.
    """

    kind: str
    at: datetime
    reason: str = ""
    sequence: int = 0


@dataclass(frozen=True)
class Promise:
    """How one promise stands at one instant.

    Attributes:
        kind: response, arrival or finish.
        state: running, soon, breached, stopped or kept.
        due_at: UTC; while the clock stands: when it would be due if the clock went on now.
        soon_at: when it is (or was) to be called "soon".
        elapsed: working time used, pauses not counted.
        remaining: working time left; negative = late by so much.
        settled_at: when it was kept, or fulfilled too late.
        breached_at: the instant it passed unkept, also of an earlier round: a breach stays a breach.
        paused_for: the reason why the clock stands, else empty.
        round: 1, and one more after each reopening (finish only).
    """

    kind: str
    state: str
    due_at: datetime
    soon_at: datetime
    elapsed: timedelta
    remaining: timedelta
    settled_at: datetime | None = None
    breached_at: datetime | None = None
    paused_for: str = ""
    round: int = 1


def due_times(standard: Standard, priority: int, filed_at: datetime, calendar: Calendar) -> Due:
    """When each promise of a request filed at ``filed_at`` is due, before any pause.

    Raises:
        calendar.NeverOpen: the site has no working time ahead.
    """
    terms = standard.terms_for(priority)
    due: dict[str, datetime | None] = {}
    unknown: set[int] = set()
    for kind in KINDS:
        limit = terms.of(kind)
        if limit is None:
            due[kind] = None
            continue
        own = calendar.always() if limit.always else calendar
        at = own.add(filed_at, timedelta(minutes=limit.minutes))
        unknown.update(own.unknown_years(filed_at, at))
        due[kind] = at
    return Due(due[RESPONSE], due[ARRIVAL], due[FINISH], tuple(sorted(unknown)))


def promise_state(
    standard: Standard, priority: int, happenings: Iterable[Happening], now: datetime, calendar: Calendar
) -> tuple[Promise, ...]:
    """How each promise stands at ``now``; happenings after ``now`` are not known yet.

    Empty before the request was filed. Happenings before the filing (a clock that jumped back) count as at the filing.
    """
    now = now.astimezone(UTC)
    heard = in_order(happenings, now, standard.began_by)
    if not heard:
        return ()
    terms = standard.terms_for(priority)
    promises = []
    for kind in KINDS:
        limit = terms.of(kind)
        if limit is not None:
            clock = _Clock(kind, limit, standard, calendar, heard[0].at)
            for each in heard[1:]:
                clock.hear(each)
            promises.append(clock.state_at(now))
    return tuple(promises)


def in_order(happenings: Iterable[Happening], now: datetime, began_by: str) -> list[Happening]:
    """What the clock hears up to ``now``, in order, starting with the (first) beginning; instants never go back."""
    rank = {kind: place for place, kind in enumerate(HEARD)} | {began_by: -1}
    known = {replace(each, at=each.at.astimezone(UTC)) for each in happenings if each.kind in rank}
    known = {each for each in known if each.at <= now}
    begins = min((each.at for each in known if each.kind == began_by), default=None)
    if begins is None:
        return []
    rest = [each for each in known if each.kind != began_by]
    if all(each.sequence for each in rest):
        rest.sort(key=lambda each: (each.sequence, each.at, rank[each.kind], each.reason))
    else:
        rest.sort(key=lambda each: (each.at, each.sequence, rank[each.kind], each.reason))
    order = [Happening(began_by, begins)]
    for each in rest:
        order.append(replace(each, at=max(each.at, order[-1].at)))
    return order


class _Clock:
    """The clock of one promise; ``hear`` takes happenings in order of time."""

    def __init__(self, kind: str, limit: Limit, standard: Standard, calendar: Calendar, began: datetime) -> None:
        self.kind, self.standard, self.site = kind, standard, calendar
        self.round = 1
        self.caps = {reason: timedelta(minutes=cap) for reason, cap in standard.pause_caps.items()}
        self.cap_total = timedelta(minutes=standard.pause_cap_total)
        self.breached_at: datetime | None = None
        self._begin(limit, began)

    def _begin(self, limit: Limit, began: datetime) -> None:
        self.calendar = self.site.always() if limit.always else self.site
        self.limit = timedelta(minutes=limit.minutes)
        warn = min(self.limit * self.standard.warn_share, timedelta(minutes=self.standard.warn_minutes))
        self.soon = self.limit - warn
        self.at, self.used = began.astimezone(UTC), NOTHING
        self.due_at: datetime | None = None
        self.soon_at: datetime | None = None
        self.paused_for = ""
        self.settled_at: datetime | None = None
        self.withdrawn = False

    def hear(self, each: Happening) -> None:
        """Move to ``each`` and let it take effect."""
        if self.withdrawn:
            return
        if each.kind == "reopened":
            self._reopen(each.at)
            return
        if self.settled_at is not None:
            return
        self._move(each.at)
        if each.kind in self.standard.settled_by[self.kind]:
            self.settled_at = each.at
        elif each.kind == "paused" and each.reason in self.caps:
            self.paused_for = each.reason
        elif each.kind == "resumed" or (each.kind in {"started", "arrived"} and self.paused_for):
            self.paused_for = ""
        elif each.kind == "withdrawn":
            self.withdrawn = True

    def _reopen(self, at: datetime) -> None:
        """A finished request goes on: with a rework limit afresh, else where the clock stood (the wait is not ours)."""
        if self.kind != FINISH or self.settled_at is None:
            return
        self.round += 1
        if self.standard.rework is not None:
            self._begin(self.standard.rework, at)
            return
        self.settled_at, self.paused_for, self.at = None, "", at

    def _move(self, to: datetime) -> None:
        """Count the time up to ``to``: a pause first uses up what its cap has left, then the clock runs again."""
        if self.paused_for:
            allowed = min(self.caps[self.paused_for], self.cap_total)
            stood = min(self.calendar.between(self.at, to), allowed)
            self.caps[self.paused_for] -= stood
            self.cap_total -= stood
            if stood < allowed:
                self.at = to
                return
            # The cap is used up at this instant; what follows of the pause counts.
            self.at = min(to, self.calendar.add(self.at, stood)) if stood else self.at
        # Due is an instant: work done at 19:00 is late for 18:00, although no working time lies between.
        if self.due_at is None and to > (due := self._reaches(self.limit)):
            self.due_at = due
            self.breached_at = self.breached_at or due
        if self.soon_at is None and to >= (soon := self._reaches(self.soon)):
            self.soon_at = soon
        self.used += self.calendar.between(self.at, to)
        self.at = to

    def _reaches(self, used: timedelta) -> datetime:
        """When ``used`` is reached if the clock runs on from here."""
        return self.calendar.add(self.at, used - self.used) if used >= self.used else self.at

    def _stands(self) -> bool:
        return bool(self.paused_for) and min(self.caps[self.paused_for], self.cap_total) > NOTHING

    def state_at(self, now: datetime) -> Promise:
        """The promise at ``now``."""
        if self.settled_at is None and not self.withdrawn:
            self._move(now)
        if self.due_at is not None:
            state = "breached"
        elif self.settled_at is not None:
            state = "kept"
        elif self.withdrawn or self._stands():
            state = "stopped"
        else:
            state = "running" if self.soon_at is None else "soon"
        return Promise(
            kind=self.kind,
            state=state,
            due_at=self.due_at or self._reaches(self.limit),
            soon_at=self.soon_at or self._reaches(self.soon),
            elapsed=self.used,
            remaining=self.limit - self.used,
            settled_at=self.settled_at,
            breached_at=self.breached_at,
            paused_for=self.paused_for if self._stands() and self.settled_at is None else "",
            round=self.round,
        )
