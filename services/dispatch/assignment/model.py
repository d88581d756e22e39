"""What assignment knows: jobs, crews, where crews stand, and the weights that put everything into one sum.

All times are whole minutes on one axis of the caller's choice (the simulator's starts at midnight); places are
indices into ``Area.travel``. Costs are yuan-equivalents: estimates that rank choices, never money that is billed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OFF, IDLE, BUSY, BREAK = "off", "idle", "busy", "break"
URGENT = 1  # the priority that may interrupt others
INTERRUPTIBLE = 3  # ... and the most urgent priority that may be interrupted


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work for one crew.

    Attributes:
        skills: least level by skill.
        site: the compound it lies in; crews cover sites.
        place: where it is done, or where a trip begins; ``to``: where a trip ends.
        earliest: work may not start before.
        due: when it must be finished, or begun when ``due_on_start``.
        expire: a start after this is worthless (the meeting has begun); None = never.
        est: expected working minutes.
        headcount: people needed; ``seats``: passengers of a trip.
        pool: the trip may be shared.
        refused_by: crews that may not be offered it again.
        conflicts: crews that must not do it although they could (declared conflict of interest).
        pinned: the crew a dispatcher chose; nobody else is considered.
    """

    id: str
    item: str
    skills: Mapping[str, int]
    site: int | str
    place: int
    earliest: int
    due: int
    est: int
    priority: int
    to: int | None = None
    due_on_start: bool = False
    expire: int | None = None
    headcount: int = 1
    seats: int = 0
    pool: bool = False
    preemptible: bool = False
    refused_by: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()
    pinned: str = ""

    @property
    def is_trip(self) -> bool:
        """Whether it carries passengers from ``place`` to ``to``."""
        return self.to is not None


@dataclass(frozen=True, slots=True)
class Pay:
    """What a dispatch costs: nothing beyond overtime in house, else by order or by hour."""

    kind: str = "in_house"  # in_house, per_order, per_hour
    prices: Mapping[str, float] = field(default_factory=dict)  # by item
    default: float = 0.0
    rate: float = 0.0  # an hour
    min_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Rest:
    """A break: it begins when the crew is idle at or after ``from_``; earlier work must end by ``until``."""

    from_: int
    until: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Crew:
    """People (and perhaps a vehicle) that are sent together.

    Attributes:
        supplier: None = in house.
        group: crews whose load is kept even; None = nobody compares.
        skills: level by skill.
        shift: start and end.
        sites: compounds covered; ``items``: items of the contract, None = all.
        place: where it starts the day.
        accept: minutes until it answers an offer; ``lead``: minutes until it sets out.
        score: 0 to 1, how well it has done so far.
        max_orders: contract cap on orders a day.
    """

    id: str
    skills: Mapping[str, int]
    shift: tuple[int, int]
    sites: frozenset[int | str]
    place: int
    supplier: str | None = None
    group: str | None = None
    size: int = 1
    seats: int = 0
    rest: Rest | None = None
    overtime_max: int = 0
    items: frozenset[str] | None = None
    accept: int = 0
    lead: int = 0
    score: float = 1.0
    max_orders: int | None = None
    pay: Pay = field(default_factory=Pay)


@dataclass(slots=True)
class CrewState:
    """Where a crew stands now; ``free_at`` and ``place``: when and where it is expected to be free."""

    id: str
    status: str
    place: int
    free_at: int
    doing: tuple[str, ...] = ()
    break_taken: bool = True
    orders: int = 0
    busy_min: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """Prices that make unlike things comparable; per-priority tables start at priority 1."""

    tardy_per_min: tuple[float, ...] = (10.0, 4.0, 1.5, 0.5)
    breach: tuple[float, ...] = (600.0, 200.0, 80.0, 30.0)
    lost: float = 400.0
    carry: float = 0.5
    travel_per_min: float = 0.3
    overtime_per_min: float = 1.5
    quality: float = 20.0
    preempt: float = 15.0
    imbalance_per_min: float = 0.1


NO_SHOW_GRACE = 15  # minutes after the expected arrival at which a crew counts as not coming
URGENT_OVERTIME = 120  # minutes a shift may be overrun further for priority 1


@dataclass(frozen=True)
class Area:
    """What is planned together: crews, the places between them, and the day.

    Attributes:
        travel: minutes from place to place.
        horizon: the minute at which open work is counted as left over.
    """

    crews: tuple[Crew, ...]
    travel: Sequence[Sequence[int]]
    horizon: int
    weights: Weights = field(default_factory=Weights)
    by_id: dict[str, Crew] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {crew.id: crew for crew in self.crews})
        if len(self.by_id) != len(self.crews):
            raise ValueError("two crews have the same id")


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be said to a person: a key with a text in each language (``reasons.TEXTS``), and its parameters."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send this crew now; several jobs are trips that share the vehicle."""

    crew: str
    jobs: tuple[str, ...]
    interrupts: str = ""  # the job in hand that is put off for it
