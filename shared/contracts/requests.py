"""What the requests service says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  read at run time to derive the schema
from typing import ClassVar

from shared.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One filled-in field of an item's form; ``value`` as the person would read it."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class RequestFiled(Event):
    """Somebody asked for something; nobody has promised it yet.

    Published when the form or a chat channel accepts a request, in the same transaction as the request itself.
    Consumers: dispatch, audit.
    """

    TYPE: ClassVar[str] = "requests.request_filed.v1"
    SUBJECT: ClassVar[str] = "request_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("summary", "answers", "contact")

    request_id: str
    reference: str  # full spoken reference, 2026-1124-087
    item: str  # catalogue code: repair, meeting, ...
    item_version: int  # version of the catalogue entry it was filed under
    level: str = ""  # service level within the item; empty = the only one
    priority: int  # 1 emergency, 2 high, 3 normal, 4 low
    place: str  # place code, e.g. B2-302
    building: str  # "2"
    floor: str  # "3"
    room: str  # "302"; empty for a whole floor or the square
    department: str  # department code
    requester: str  # account id
    filed_at: datetime  # UTC
    starts_at: datetime | None = None  # when it is wanted, UTC; None = as soon as can be
    ends_at: datetime | None = None
    headcount: int = 0  # people served; 0 = not said
    quantity: int = 1  # what is asked for, in the item's unit
    restricted: bool = False  # clinic, residence, security: content only for those who do it
    summary: str = ""  # one line for the crew; never leaves requests for restricted items
    answers: tuple[Answer, ...] = ()
    contact: str = ""  # extension or mobile for the crew
    channel: str = "form"  # form, chat, phone, api
    joined: int = 1  # how many people asked for it together
    response_due_at: datetime | None = None  # UTC; what the standard promises, None = nothing
    arrival_due_at: datetime | None = None
    finish_due_at: datetime | None = None
    skills: tuple[str, ...] = ()  # what the crew must know for these answers; empty = what the item needs


@dataclass(frozen=True, kw_only=True)
class RequestWithdrawn(Event):
    """The requester no longer wants it. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.request_withdrawn.v1"
    SUBJECT: ClassVar[str] = "request_id"

    request_id: str
    withdrawn_at: datetime  # UTC
    reason: str = ""  # a code of the list, never free text


@dataclass(frozen=True, kw_only=True)
class RequestUrged(Event):
    """The requester asked again for haste (催办). Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.request_urged.v1"
    SUBJECT: ClassVar[str] = "request_id"

    request_id: str
    urged_at: datetime  # UTC
    times: int  # how often by now


@dataclass(frozen=True, kw_only=True)
class RequestConfirmed(Event):
    """The requester says the work is done, perhaps with stars. Consumers: dispatch, billing, audit."""

    TYPE: ClassVar[str] = "requests.request_confirmed.v1"
    SUBJECT: ClassVar[str] = "request_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    request_id: str
    confirmed_at: datetime  # UTC
    stars: int = 0  # 1 to 5; 0 = not rated
    tags: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class RequestReopened(Event):
    """The requester says it is not mended: the work starts again. Consumers: dispatch, billing, audit."""

    TYPE: ClassVar[str] = "requests.request_reopened.v1"
    SUBJECT: ClassVar[str] = "request_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    request_id: str
    reopened_at: datetime  # UTC
    times: int  # how often by now
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class BookingMade(Event):
    """Somebody has claimed a room, vehicle or slot for a time. What for stays in requests. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.booking_made.v1"
    SUBJECT: ClassVar[str] = "booking_id"

    booking_id: str
    resource: str  # code of the room, vehicle or chair
    kind: str  # room, vehicle, slot
    starts_at: datetime  # UTC
    ends_at: datetime
    account: str  # whose it is; empty for slots, whose visitors stay in requests
    department: str = ""
    state: str = "booked"  # booked, pending (approval is awaited), offered (kept for whoever waited)
    series: str = ""  # id of the series it belongs to
    headcount: int = 0


@dataclass(frozen=True, kw_only=True)
class BookingConfirmed(Event):
    """A booking that awaited approval, or was offered, is definite. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.booking_confirmed.v1"
    SUBJECT: ClassVar[str] = "booking_id"

    booking_id: str
    confirmed_at: datetime  # UTC
    by: str = ""  # account of whoever approved; empty when the person accepted an offer


@dataclass(frozen=True, kw_only=True)
class BookingMoved(Event):
    """A booking has another time or resource; its tasks were withdrawn and filed anew. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.booking_moved.v1"
    SUBJECT: ClassVar[str] = "booking_id"

    booking_id: str
    resource: str
    starts_at: datetime  # UTC
    ends_at: datetime
    moved_at: datetime


@dataclass(frozen=True, kw_only=True)
class BookingCheckedIn(Event):
    """Somebody has come: the booking is in use. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.booking_checked_in.v1"
    SUBJECT: ClassVar[str] = "booking_id"

    booking_id: str
    checked_in_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class BookingEnded(Event):
    """A booking claims its time no longer. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.booking_ended.v1"
    SUBJECT: ClassVar[str] = "booking_id"

    booking_id: str
    ended_at: datetime  # UTC
    reason: str  # ended, cancelled, released (nobody came), refused, lapsed (an offer nobody took)


@dataclass(frozen=True, kw_only=True)
class AccountChanged(Event):
    """An account was made, changed, disabled or given other roles; passes of an earlier epoch end. Consumers: all."""

    TYPE: ClassVar[str] = "requests.account_changed.v1"
    SUBJECT: ClassVar[str] = "account_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("name",)

    account_id: str
    epoch: int  # passes signed for a lower epoch are no longer good
    name: str
    roles: tuple[str, ...]
    department: str = ""
    organisation: str = ""  # the office itself, or a supplier's code
    crew: str = ""  # crew code for crew members
    enabled: bool = True
    changed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    """A session was ended before its time; its passes are no longer good. Consumers: all."""

    TYPE: ClassVar[str] = "requests.session_ended.v1"
    SUBJECT: ClassVar[str] = "session_id"

    session_id: str
    account_id: str
    ended_at: datetime  # UTC
    reason: str = "signed_out"  # signed_out, password_changed, disabled, ended_elsewhere


@dataclass(frozen=True, kw_only=True)
class SecurityNoticed(Event):
    """Something about access worth keeping: a sign-in, a refused one, a changed right. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.security_noticed.v1"
    SUBJECT: ClassVar[str] = "account_id"

    account_id: str  # "unknown" when no account was recognised
    what: str  # signed_in, sign_in_failed, token_made, second_factor_set, rights_changed, ...: audit.what in the language files
    noticed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class RequestsResendWanted(Event):
    """The requests service misses numbers of another service and asks for them again. Consumers: the source named."""

    TYPE: ClassVar[str] = "requests.resend_wanted.v1"
    SUBJECT: ClassVar[str] = "source"

    source: str
    epoch: int
    type: str  # event type, or "*" for numbers of the source
    numbers: tuple[int, ...]  # at most 1,000


@dataclass(frozen=True, kw_only=True)
class RequestsWaitingSettled(Event):
    """An event that the requests service had put aside was sent again or given up by a person. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.waiting_settled.v1"
    SUBJECT: ClassVar[str] = "event_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("reason",)

    event_id: str  # "unreadable" where no id could be read
    event_type: str
    handler: str
    act: str  # sent_again, discarded
    reason: str = ""
    settled_at: datetime  # UTC
