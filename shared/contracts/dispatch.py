"""What the dispatch service says. The aggregate is the work order; its version is the envelope's ``sequence``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  read at run time to derive the schema
from decimal import Decimal  # noqa: TC003
from typing import ClassVar

from shared.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class WorkOrderOpened(Event):
    """A request became a piece of work with promises. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_opened.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    reference: str  # request reference + "-1"
    request_id: str
    request_reference: str
    item: str
    priority: int
    place: str
    department: str
    opened_at: datetime  # UTC
    response_due_at: datetime | None = None  # UTC; what the standard promises
    arrival_due_at: datetime | None = None
    finish_due_at: datetime | None = None
    round: int = 1  # 2 and more after a reopening


@dataclass(frozen=True, kw_only=True)
class WorkOrderAssigned(Event):
    """The order was given to a crew; assigning again moves it, its promises stay. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_assigned.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    crew: str  # crew code
    crew_name: str  # as shown, in Chinese
    crew_name_en: str = ""
    supplier: str = ""  # supplier code; empty = in-house
    contract: str = ""  # contract reference it is done under; empty = in-house
    assigned_at: datetime  # UTC
    by: str = "automatic"  # automatic, plan (of the whole area), suggestion, dispatcher, transfer
    reasons: tuple[str, ...] = ()  # keys of the reasons of the choice
    previous_crew: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkOrderAccepted(Event):
    """The crew took the order. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_accepted.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    crew: str
    accepted_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class WorkOrderRefused(Event):
    """The crew did not take the order; it will be given to another. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_refused.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    crew: str
    refused_at: datetime  # UTC
    reason: str  # a code of the list


@dataclass(frozen=True, kw_only=True)
class WorkOrderSetOff(Event):
    """The crew is on its way. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_set_off.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    crew: str
    set_off_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class WorkOrderArrived(Event):
    """The crew is on site. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_arrived.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    crew: str
    arrived_at: datetime  # UTC, server's receipt


@dataclass(frozen=True, kw_only=True)
class WorkOrderStarted(Event):
    """Work began. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_started.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    crew: str
    started_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class WorkOrderPaused(Event):
    """The clock stands, for a reason of the list. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_paused.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    paused_at: datetime  # UTC
    reason: str
    by: str


@dataclass(frozen=True, kw_only=True)
class WorkOrderResumed(Event):
    """The clock runs again. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_resumed.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    resumed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What was used, measured in one meter of the catalogue: hours, kilometres, pages, m2, people, orders."""

    meter: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, kw_only=True)
class WorkOrderFinished(Event):
    """The crew says it is done, with what was used. Consumers: requests, billing, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_finished.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    reference: str
    request_id: str
    request_reference: str
    item: str
    level: str = ""
    place: str
    department: str
    crew: str
    supplier: str = ""  # empty = in-house
    contract: str = ""
    started_at: datetime  # UTC
    finished_at: datetime  # UTC; the service time that rates apply to
    usage: tuple[Usage, ...]
    evidence: tuple[str, ...] = ()  # SHA-256 of each photo, hexadecimal
    response_kept: bool | None = None  # None = nothing was promised
    arrival_kept: bool | None = None
    finish_kept: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CostMeasured(Event):
    """Something of the bureau's own was used up: parts of its store that went into an order, a party's share of a shared
    thing's use. No supplier is paid for it. Consumers: billing, audit.
    """

    TYPE: ClassVar[str] = "dispatch.cost_measured.v1"
    SUBJECT: ClassVar[str] = "cost_id"

    cost_id: str  # the same cost is said once
    kind: str  # parts, shared
    meter: str  # materials, shared
    yuan: Decimal
    item: str = ""  # empty = of no item
    department: str = ""  # who bears it
    crew: str = ""  # of our own, whose work or thing it was
    order_id: str = ""
    order_reference: str = ""
    request_id: str = ""
    at: datetime  # UTC; when it was used


@dataclass(frozen=True, kw_only=True)
class WorkOrderCancelled(Event):
    """Nobody will do it: the request was withdrawn or a dispatcher ended it. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_cancelled.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    cancelled_at: datetime  # UTC
    reason: str


@dataclass(frozen=True, kw_only=True)
class PromiseBreached(Event):
    """A promise passed its due time unkept; said once for each promise. Consumers: requests, billing, audit."""

    TYPE: ClassVar[str] = "dispatch.promise_breached.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str
    promise: str  # response, arrival, finish
    due_at: datetime  # UTC
    noticed_at: datetime  # UTC
    crew: str = ""
    supplier: str = ""
    contract: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkOrderScheduled(Event):
    """A dispatcher set the hour at which the order's crew is to begin, or left it to the plan again. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.work_order_scheduled.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str  # empty for work that nobody asked for
    crew: str
    planned_at: datetime  # UTC; when it is to begin
    fixed: bool = True  # the plan keeps to it; false = the hour is the plan's again
    scheduled_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class OfferLapsed(Event):
    """A crew did not answer an offer in the time it has for that (OLA); said once for each offer. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.offer_lapsed.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str  # empty for work that nobody asked for
    crew: str
    supplier: str = ""
    contract: str = ""
    offered_at: datetime  # UTC
    due_at: datetime  # UTC
    lapsed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class PromiseEscalated(Event):
    """Somebody was told that a promise is in danger or broken; said once for each rung. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.promise_escalated.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str  # empty for work that nobody asked for
    promise: str  # response, arrival, finish
    role: str  # crew_leader, dispatcher, supervisor
    rung: str
    message: str
    crew: str = ""
    supplier: str = ""
    at: datetime  # UTC; when it was due to be said


@dataclass(frozen=True, kw_only=True)
class RequesterAsked(Event):
    """A dispatcher asked the requester something about the order. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "dispatch.requester_asked.v1"
    SUBJECT: ClassVar[str] = "order_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    order_id: str
    request_id: str
    words: str
    crew: str = ""
    asked_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class StepClaimed(Event):
    """A crew's step came later than its phone says it was done: the claim stands beside the time of receipt, by which
    alone promises are judged. Consumers: audit.
    """

    TYPE: ClassVar[str] = "dispatch.step_claimed.v1"
    SUBJECT: ClassVar[str] = "order_id"

    order_id: str
    request_id: str  # empty for work that nobody asked for
    crew: str
    step: str  # accepted, arrived, finished, ...
    claimed_at: datetime  # UTC; what the phone said
    received_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class PersonMoved(Event):
    """A person belongs to another crew, employer, post or grade from an instant on, or to none. Consumers: audit.

    ``person_id`` is a pseudonym: who it is stays in dispatch.
    """

    TYPE: ClassVar[str] = "dispatch.person_moved.v1"
    SUBJECT: ClassVar[str] = "person_id"

    person_id: str
    from_crew: str
    to_crew: str  # empty = has left
    from_employer: str  # supplier code; empty = the bureau itself
    to_employer: str
    at: datetime  # UTC; from when it holds
    reason: str


@dataclass(frozen=True, kw_only=True)
class EmergencyChanged(Event):
    """An emergency plan began to be followed, in earnest or as a drill, or is over. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.emergency_changed.v1"
    SUBJECT: ClassVar[str] = "emergency_id"

    emergency_id: str
    plan: str
    kind: str  # drill, real
    place: str
    what: str  # begun, ended
    called: int  # of the chain, so far
    answered: int
    at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class EmergencyPlanChanged(Event):
    """An emergency plan was written, changed or ended; each is a version of its own. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.emergency_plan_changed.v1"
    SUBJECT: ClassVar[str] = "plan"

    plan: str
    version: int
    name: str
    calls: int  # who is called
    steps: int  # what is done
    active: bool = True
    at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class CrewChanged(Event):
    """A crew was made, changed or retired; each is a version of its own. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.crew_changed.v1"
    SUBJECT: ClassVar[str] = "crew"

    crew: str
    version: int
    name: str
    supplier: str = ""  # empty = in-house
    skills: tuple[str, ...] = ()
    retired: bool = False
    changed: tuple[str, ...] = ()  # names of the fields that differ
    at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class DispatchAccessNoted(Event):
    """Somebody was given an export or shown sensitive data, or changed what administrators set. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.access_noted.v1"
    SUBJECT: ClassVar[str] = "account_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    account_id: str
    what: str  # export, photo, contact, person, change, refused
    route: str  # name of the route
    of: str  # ids and references of what it was about
    noted_at: datetime  # UTC
    count: int = 0  # rows that were given; 0 for what is not made of rows
    words: str = ""  # what was asked or set, JSON


@dataclass(frozen=True, kw_only=True)
class DispatchResendWanted(Event):
    """The dispatch service misses numbers of another service and asks for them again. Consumers: the source named."""

    TYPE: ClassVar[str] = "dispatch.resend_wanted.v1"
    SUBJECT: ClassVar[str] = "source"

    source: str
    epoch: int
    type: str  # event type, or "*" for numbers of the source
    numbers: tuple[int, ...]  # at most 1,000


@dataclass(frozen=True, kw_only=True)
class DispatchWaitingSettled(Event):
    """An event that the dispatch service had put aside was sent again or given up by a person. Consumers: audit."""

    TYPE: ClassVar[str] = "dispatch.waiting_settled.v1"
    SUBJECT: ClassVar[str] = "event_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("reason",)

    event_id: str  # "unreadable" where no id could be read
    event_type: str
    handler: str
    act: str  # sent_again, discarded
    reason: str = ""
    settled_at: datetime  # UTC
