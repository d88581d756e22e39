"""What the audit service says. It never says anything about an entry as such: that would feed the log with itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  read at run time to derive the schema
from decimal import Decimal  # noqa: TC003
from typing import ClassVar

from shared.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class LogRead(Event):
    """A person read sensitive entries or took an export. Consumers: audit itself, as an entry."""

    TYPE: ClassVar[str] = "audit.log_read.v1"
    SUBJECT: ClassVar[str] = "account_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    account_id: str
    what: str  # overview, entry, timeline, search, export, disclosure
    filter: str  # number, thing or day that was asked for
    count: int  # entries shown
    read_at: datetime  # UTC
    words: str = ""  # words that were searched for; they may name a person


@dataclass(frozen=True, kw_only=True)
class ConflictNoticed(Event):
    """An event id came again under another number or with other bytes; the first stays. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.conflict_noticed.v1"
    SUBJECT: ClassVar[str] = "event_id"

    event_id: str
    sha256: str  # of the bytes that came, hexadecimal; they are kept as evidence
    noticed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class ValuesErased(Event):
    """Personal values behind commitments were erased; the entries stay provable. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.values_erased.v1"
    SUBJECT: ClassVar[str] = "erasure_id"

    erasure_id: str
    entries: tuple[int, ...]  # numbers of the entries, at most 500
    values: int  # how many values
    ground: str  # request_of_person, consent_withdrawn, purpose_met, term_over, order_of_authority
    erased_at: datetime  # UTC
    account_id: str = ""  # pseudonym whose values they were; empty = several persons


@dataclass(frozen=True, kw_only=True)
class KeyRotated(Event):
    """The log's keys changed; for a stated time it is signed with the old and the new. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.key_rotated.v1"
    SUBJECT: ClassVar[str] = "origin"

    origin: str
    added: tuple[str, ...]  # vkeys
    retired: tuple[str, ...]  # vkeys
    rotated_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class LogOpened(Event):
    """A log was closed and this one follows it; the final checkpoint of the one before is named. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.log_opened.v1"
    SUBJECT: ClassVar[str] = "origin"

    origin: str
    number: int  # how many logs came before
    first: int  # number of its first entry
    before: str  # origin of the log that was closed
    before_size: int  # entries that its final checkpoint states
    before_root: str  # root that it states, base64
    opened_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class MandateChanged(Event):
    """An account may read for a supervising body until a stated instant. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.mandate_changed.v1"
    SUBJECT: ClassVar[str] = "account_id"

    account_id: str
    body: str  # code of the supervising body
    starts_at: datetime  # UTC
    ends_at: datetime  # UTC; not after starts_at = ended


@dataclass(frozen=True, kw_only=True)
class BodyChanged(Event):
    """A supervising body was set up or its scope changed. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.body_changed.v1"
    SUBJECT: ClassVar[str] = "body"

    body: str
    parent: str  # code; empty = a root
    kind: str  # government, industry, third
    level: str  # nation, province, city, unit
    sources: tuple[str, ...]  # services whose entries it reads; empty = all
    things: tuple[str, ...]  # only entries about these; empty = all


@dataclass(frozen=True, kw_only=True)
class TargetSet(Event):
    """A figure of the office has a target from a month or a year on. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.target_set.v1"
    SUBJECT: ClassVar[str] = "kpi"
    PERSONAL: ClassVar[tuple[str, ...]] = ("reason",)

    kpi: str  # response, arrival, finish, complaints, rating, reopened
    starts: str  # the first month (2026-12) or year (2027); months and years have targets of their own
    value: Decimal  # per cent or stars, two decimals
    version: int  # from 1, of the figure's months or years
    reason: str
    set_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class AuditWaitingSettled(Event):
    """An event that the audit service had put aside was sent again or given up by a person. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.waiting_settled.v1"
    SUBJECT: ClassVar[str] = "event_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("reason",)

    event_id: str  # "unreadable" where no id could be read
    event_type: str
    handler: str
    act: str  # sent_again, discarded
    reason: str = ""
    settled_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class AuditAccessNoted(Event):
    """Somebody changed what the audit service keeps beside the log, as where digests are sent. Consumers: audit itself."""

    TYPE: ClassVar[str] = "audit.access_noted.v1"
    SUBJECT: ClassVar[str] = "account_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("words",)

    account_id: str
    what: str  # change, refused
    route: str  # name of the route
    of: str  # ids and references of what it was about
    noted_at: datetime  # UTC
    count: int = 0
    words: str = ""  # what was set, JSON


@dataclass(frozen=True, kw_only=True)
class AuditResendWanted(Event):
    """The audit service misses numbers of another service and asks for them again. Consumers: the source named."""

    TYPE: ClassVar[str] = "audit.resend_wanted.v1"
    SUBJECT: ClassVar[str] = "source"

    source: str
    epoch: int
    type: str  # event type, or "*" for numbers of the source
    numbers: tuple[int, ...]  # at most 1,000
