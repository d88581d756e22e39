"""What the requests service says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003  read at run time to derive the schema
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
    channel: str = "form"  # form, chat, phone, api, booking, mail, open311, or a chat program
    joined: int = 1  # how many people asked for it together
    response_due_at: datetime | None = None  # UTC; what the standard promises, None = nothing
    arrival_due_at: datetime | None = None
    finish_due_at: datetime | None = None
    skills: tuple[str, ...] = ()  # what the crew must know for these answers; empty = what the item needs
    asset: str = ""  # tag of the thing it is about, where it was named
    photos: tuple[str, ...] = ()  # SHA-256 of each photo that came with it, hexadecimal; none for restricted items


@dataclass(frozen=True, kw_only=True)
class RequestAmended(Event):
    """The requester changed what is asked for; the whole of it as it is now. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.request_amended.v1"
    SUBJECT: ClassVar[str] = "request_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("summary", "answers", "contact")

    request_id: str
    amended_at: datetime  # UTC
    parts: tuple[str, ...]  # which of the fields below changed; "answers" for any of the form's own
    level: str = ""
    place: str
    building: str
    floor: str
    room: str
    starts_at: datetime | None = None  # UTC
    ends_at: datetime | None = None
    headcount: int = 0
    quantity: int = 1
    summary: str = ""  # empty for restricted items, as are the answers
    answers: tuple[Answer, ...] = ()
    contact: str = ""
    skills: tuple[str, ...] = ()
    asset: str = ""
    photos: tuple[str, ...] = ()  # SHA-256 of each photo, hexadecimal


@dataclass(frozen=True, kw_only=True)
class RequestJoined(Event):
    """Somebody else asks for the very same thing and will be told with the requester. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.request_joined.v1"
    SUBJECT: ClassVar[str] = "request_id"

    request_id: str
    account: str
    joined_at: datetime  # UTC
    joined: int  # how many people ask for it by now, the requester counted


@dataclass(frozen=True, kw_only=True)
class RequestLeft(Event):
    """Somebody who had asked for it too does so no longer; the others go on. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.request_left.v1"
    SUBJECT: ClassVar[str] = "request_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("contact",)

    request_id: str
    account: str
    left_at: datetime  # UTC
    joined: int  # how many people ask for it by now
    requester: str = ""  # account that the request passed to, when its requester left
    contact: str = ""  # that person's extension or mobile, for the crew


@dataclass(frozen=True, kw_only=True)
class RequestEscalated(Event):
    """Those above the crew must look at it: rated two stars or fewer, or not mended for the second time.

    Consumers: audit; whoever opens cases of complaint.
    """

    TYPE: ClassVar[str] = "requests.request_escalated.v1"
    SUBJECT: ClassVar[str] = "request_id"

    request_id: str
    reference: str
    item: str
    place: str
    department: str
    escalated_at: datetime  # UTC
    why: str  # low_rating, reopened_again
    stars: int = 0  # 1 or 2 where it was rated
    times: int = 0  # how often it was reopened by now


@dataclass(frozen=True, kw_only=True)
class EscalationAnswered(Event):
    """A dispatcher has said what was done about an escalated request. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.escalation_answered.v1"
    SUBJECT: ClassVar[str] = "request_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    request_id: str
    answered_at: datetime  # UTC
    words: str = ""


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
    reason: str = ""  # not_mended, came_back, half_done, messy, other


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
    layout: str = ""  # boardroom, u_shape, classroom, theatre, round; empty = as the room stands


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
    layout: str = ""  # as of BookingMade


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
class ComplaintOpened(Event):
    """Somebody complained (投诉). Who, and in which words, stays in requests; what was said can be proven by its digest.

    Consumers: billing, audit.
    """

    TYPE: ClassVar[str] = "requests.complaint_opened.v1"
    SUBJECT: ClassVar[str] = "complaint_id"

    complaint_id: str
    reference: str  # full spoken reference, C-2026-1124-003
    about: str  # work, dispatch, department, item, other
    category: str  # late, quality, attitude, safety, cost, other
    request_id: str = ""  # empty = about no request
    order_id: str = ""  # the work order complained about; empty = none
    item: str = ""
    crew: str = ""  # crew complained about
    supplier: str = ""  # supplier complained about; empty = in-house or none
    department: str = ""  # department complained about
    handler_kind: str = ""  # dispatcher, contract_manager, supervisor, administrator; empty = nobody independent yet
    words_digest: str  # SHA-256 of a salt kept with the complaint and its words
    opened_at: datetime  # UTC
    due_at: datetime  # when the answer is due, in working time


@dataclass(frozen=True, kw_only=True)
class ComplaintAnswered(Event):
    """A handler who had no part in it has answered a complaint. Consumers: billing, audit."""

    TYPE: ClassVar[str] = "requests.complaint_answered.v1"
    SUBJECT: ClassVar[str] = "complaint_id"

    complaint_id: str
    outcome: str  # upheld, partly, not_upheld
    round: int  # 1, or 2 after an appeal
    order_id: str = ""
    item: str = ""
    crew: str = ""
    supplier: str = ""
    handler_kind: str
    late: bool  # after it was due
    opened_at: datetime  # UTC
    answered_at: datetime


@dataclass(frozen=True, kw_only=True)
class ComplaintAppealed(Event):
    """The complainant does not accept the answer: another handler, of a higher kind, looks into it. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.complaint_appealed.v1"
    SUBJECT: ClassVar[str] = "complaint_id"

    complaint_id: str
    handler_kind: str = ""  # empty = nobody independent yet
    appealed_at: datetime  # UTC
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class ComplaintEscalated(Event):
    """A complaint was not answered when it was due, and went higher; once. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.complaint_escalated.v1"
    SUBJECT: ClassVar[str] = "complaint_id"

    complaint_id: str
    handler_kind: str = ""  # who has it now
    due_at: datetime  # UTC
    escalated_at: datetime


@dataclass(frozen=True, kw_only=True)
class ComplaintClosed(Event):
    """Nothing more will be said about a complaint. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.complaint_closed.v1"
    SUBJECT: ClassVar[str] = "complaint_id"

    complaint_id: str
    reason: str  # accepted, no_appeal (in time), decided (after an appeal), taken_back
    outcome: str = ""  # as last answered; empty when it was taken back before
    closed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class SuggestionMade(Event):
    """Somebody suggested something, or a forum did. Who and what stays in requests. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.suggestion_made.v1"
    SUBJECT: ClassVar[str] = "suggestion_id"

    suggestion_id: str
    reference: str  # J-2026-1124-003
    item: str = ""  # service item it is about; empty = in general
    forum_id: str = ""  # the forum whose minutes it comes from
    made_at: datetime  # UTC
    reply_by: datetime


@dataclass(frozen=True, kw_only=True)
class SuggestionReplied(Event):
    """A suggestion was answered before everybody: adopted, or declined with a reason. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.suggestion_replied.v1"
    SUBJECT: ClassVar[str] = "suggestion_id"

    suggestion_id: str
    outcome: str  # adopted, declined
    late: bool
    replied_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class DataCaseOpened(Event):
    """Somebody asked to see, correct or erase the data kept of him, or objected to its use. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.data_case_opened.v1"
    SUBJECT: ClassVar[str] = "case_id"

    case_id: str
    reference: str  # D-2026-1124-003
    account_id: str  # whose data
    kind: str  # see, correct, erase, object
    opened_at: datetime  # UTC
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class DataCaseLate(Event):
    """A case about personal data was not answered when it was due; once. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.data_case_late.v1"
    SUBJECT: ClassVar[str] = "case_id"

    case_id: str
    reference: str
    kind: str
    due_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class DataCaseClosed(Event):
    """A case about personal data was answered or taken back. An erasure that is granted is done by all. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.data_case_closed.v1"
    SUBJECT: ClassVar[str] = "case_id"

    case_id: str
    reference: str
    account_id: str  # whose data
    kind: str  # see, correct, erase, object
    outcome: str  # granted, in_part, refused, withdrawn
    late: bool
    closed_at: datetime  # UTC

    @property
    def erases(self) -> bool:
        """Whether what may be erased of the person is to be erased."""
        return self.kind in ("erase", "object") and self.outcome in ("granted", "in_part")


@dataclass(frozen=True, kw_only=True)
class ImprovementMoved(Event):
    """An improvement went a step on its way from finding over cause and action to verified (PDCA). Consumers: audit."""

    TYPE: ClassVar[str] = "requests.improvement_moved.v1"
    SUBJECT: ClassVar[str] = "improvement_id"

    improvement_id: str
    reference: str  # G-2026-1124-003
    state: str  # found, analysed, acting, acted, verified, dropped
    origin: str  # suggestion, forum, complaint, own
    origin_id: str = ""
    due_on: date  # day at the site
    moved_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class SurveyOpened(Event):
    """People are asked how satisfied they are. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.survey_opened.v1"
    SUBJECT: ClassVar[str] = "survey_id"

    survey_id: str
    invited: int  # people
    questions: int
    closes_at: datetime  # UTC
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class SurveyClosed(Event):
    """A survey takes no more answers; its results are shown. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.survey_closed.v1"
    SUBJECT: ClassVar[str] = "survey_id"

    survey_id: str
    invited: int  # people
    answered: int
    closed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class CatalogueTimes:
    """What an item's standard promises for one priority, in minutes; 0 = nothing."""

    priority: int
    level: str = ""  # empty = every level without rows of its own
    always: bool = False  # counted around the clock, else in working hours
    response: int = 0
    arrival: int = 0
    finish: int = 0


@dataclass(frozen=True, kw_only=True)
class CataloguePoint:
    """One line of an item's checklist, in both languages; ``key`` = a point of control nobody may pass over."""

    zh: str
    en: str
    key: bool = False


@dataclass(frozen=True, kw_only=True)
class CatalogueChanged(Event):
    """A version of a service item was published, to hold from an instant on. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "requests.catalogue_changed.v1"
    SUBJECT: ClassVar[str] = "item"

    item: str  # code
    version: int
    effective_at: datetime  # UTC; later than the publishing
    published_at: datetime
    published_by: str  # account
    drafted_by: str = ""  # account that changed the draft last
    retired: bool = False  # nobody may ask for it from then on
    digest: str = ""  # SHA-256 of the whole version as stored, hexadecimal
    changes: tuple[str, ...] = ()  # places that differ from the version before, at most 100
    name: str = ""
    name_en: str = ""
    mark: str = ""
    mark_en: str = ""
    meter: str = ""
    skills: tuple[str, ...] = ()
    times: tuple[CatalogueTimes, ...] = ()
    checklist: tuple[CataloguePoint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OfficeChanged(Event):
    """Departments, places and vehicles are as the office's own tables say. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.office_changed.v1"
    SUBJECT: ClassVar[str] = "digest"

    digest: str  # SHA-256 over the files that were taken
    departments: int  # rows in them
    places: int
    vehicles: int
    changed: int  # rows that are new or other than before
    changed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class ResourceChanged(Event):
    """Bookings of a room or vehicle need approval from now on, or no more; it can be booked, or not. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.resource_changed.v1"
    SUBJECT: ClassVar[str] = "resource"

    resource: str  # code
    kind: str  # room, vehicle, slot
    approval: bool
    enabled: bool
    changed_by: str  # account
    changed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided(Event):
    """Something over a quota, above the standard or of a chosen room was granted, refused, or left too long.

    Consumers: audit.
    """

    TYPE: ClassVar[str] = "requests.approval_decided.v1"
    SUBJECT: ClassVar[str] = "subject_id"

    subject_id: str  # id of the request or booking
    kind: str  # request, booking
    causes: tuple[str, ...]  # over_quota, above, outside, always, chosen
    outcome: str  # granted, refused, late (nobody decided in time)
    steps: int  # how many steps were decided
    decided_by: str = ""  # account of the last decision; empty when late
    asked_at: datetime  # UTC
    decided_at: datetime


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
    department_name: str = ""  # since 2026-11-30; so that others can offer departments by name
    department_name_en: str = ""  # since 2026-11-30
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
class RequestsAccessNoted(Event):
    """Somebody was given an export or shown sensitive data, or changed what administrators set. Consumers: audit."""

    TYPE: ClassVar[str] = "requests.access_noted.v1"
    SUBJECT: ClassVar[str] = "account_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    account_id: str
    what: str  # export, photo, contact, person, draft, change, refused
    route: str  # name of the route
    of: str  # ids and references of what it was about
    noted_at: datetime  # UTC
    count: int = 0  # rows that were given; 0 for what is not made of rows
    words: str = ""  # what was asked or set, JSON


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
