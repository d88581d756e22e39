"""What the billing service says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003  read at run time to derive the schema
from decimal import Decimal
from typing import ClassVar

from shared.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class ContractInForce(Event):
    """A contract covers these items from a day on. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "billing.contract_in_force.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str  # contract reference, e.g. HY-2026-01
    supplier: str  # supplier code
    supplier_name: str
    supplier_name_en: str
    items: tuple[str, ...]  # catalogue codes
    starts_on: date  # at the site
    ends_on: date  # the first day it no longer covers
    card_version: int
    zone: str = "Asia/Shanghai"  # IANA name: whose wall clock the months are read from
    fixed_days_in_month: int = 0  # 30 where every month counts as 30 days; 0 = by the calendar
    rounding_mode: str = "half_up"  # of money: half_up, half_even, ceiling, floor
    rounding_digits: int = 2


@dataclass(frozen=True, kw_only=True)
class UsageRecorded(Event):
    """Something countable that happened was written down and, where a card covers it, rated. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "billing.usage_recorded.v1"
    SUBJECT: ClassVar[str] = "fact_id"

    fact_id: str
    order_id: str
    request_id: str
    contract: str  # empty = in-house
    supplier: str
    meter: str
    quantity: Decimal
    unit: str
    service_at: datetime  # UTC
    recorded_at: datetime  # UTC
    state: str  # recorded, unpriced, over_budget
    amount: Decimal | None = None  # yuan; None = unpriced
    card_version: int = 0
    budget_line: str = ""
    kind: str = "fact"  # fact, void, correct; since 2026-11
    corrects: str = ""  # fact_id of what it voids or corrects
    period: str = ""  # month of the service on the contract's wall clock, 2026-11
    item: str = ""  # catalogue code
    event: str = ""  # id of the sealed event that reported it; empty = entered or imported here
    source: str = ""  # who reported it; with source_id its identity for ever
    source_id: str = ""
    counted_as: str = ""  # fact_id of the meter's first fact that counted the same person or thing


@dataclass(frozen=True, kw_only=True)
class FeedExtended(Event):
    """An entry was added to a contract's gapless feed for finance. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.feed_extended.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    number: int  # gapless from 1 within the contract
    fact_id: str  # empty = no single fact is behind it
    amount: Decimal  # yuan
    head: str  # SHA-256 chain head after this entry, hexadecimal
    kind: str = "charge"  # charge, closing, adjustment, deduction, bonus, retention_held, retention_released, interest
    period: str = ""  # month that it is for
    booked_in: str = ""  # month in which it is stated
    facts: int = 1  # how many facts it sums


@dataclass(frozen=True, kw_only=True)
class RecordedFact:
    """One fact of a batch."""

    fact_id: str
    source_id: str
    quantity: Decimal
    service_at: datetime  # UTC
    amount: Decimal | None = None  # yuan; what it adds to its month; None = unpriced


@dataclass(frozen=True, kw_only=True)
class UsageBatchRecorded(Event):
    """Facts of one meter and month that came in together were written down and rated. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.usage_batch_recorded.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    source: str  # with each fact's source_id its identity for ever
    item: str
    meter: str
    unit: str
    period: str  # month of the service on the contract's wall clock
    card_version: int
    recorded_at: datetime  # UTC
    facts: tuple[RecordedFact, ...]  # at most 150


@dataclass(frozen=True, kw_only=True)
class CardLineInForce:
    """The price of one meter of one item."""

    item: str
    meter: str
    terms: str  # canonical JSON: price, free quantity, minimum, maximum, discount, aggregation


@dataclass(frozen=True, kw_only=True)
class CardInForce(Event):
    """A version of a contract's prices holds from a day on, until the next one's. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "billing.card_in_force.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    card_version: int
    starts_on: date  # at the site
    lines: tuple[CardLineInForce, ...]
    replaces: int = 0  # the version that never holds because of it; 0 = none
    by: str = ""  # pseudonym of who put it in force
    approved_by: str = ""  # pseudonym of the second person


@dataclass(frozen=True, kw_only=True)
class AdjustmentBooked(Event):
    """A closed month came to another sum: the difference is booked in an open one. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.adjustment_booked.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    number: int  # of the entry in the contract's feed
    statement: str  # reference of the closed month's statement that it corrects
    for_period: str
    booked_in: str
    item: str
    meter: str
    card_version: int
    amount: Decimal  # yuan
    cause: str  # late, void, correct, card, dispute
    fact_id: str = ""
    corrects: str = ""  # fact_id that was voided or corrected
    event: str = ""  # id of the sealed event of the fact or card that caused it


@dataclass(frozen=True, kw_only=True)
class StatementLineDrawn(Event):
    """One line of a statement, with the sealed events behind it; a line with many events takes several parts.

    Said with StatementDrawn, in the same transaction. Consumers: audit.
    """

    TYPE: ClassVar[str] = "billing.statement_line_drawn.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str  # reference, e.g. S-202610-HY-2026-01
    contract: str
    line: int  # from 1
    kind: str  # charge, adjustment, deduction, bonus, retention_held, retention_released, interest
    item: str
    meter: str
    card_version: int
    for_period: str
    facts: int
    quantity: Decimal
    unit: str
    amount: Decimal  # yuan
    events: tuple[str, ...]  # ids of the sealed events behind it, at most 1,000 a part
    part: int = 1
    parts: int = 1
    corrects: str = ""  # statement that an adjustment corrects
    card_event: str = ""  # id of the CardInForce event that priced it


@dataclass(frozen=True, kw_only=True)
class StatementDrawn(Event):
    """A month was closed and its statement drawn; from now on differences are adjustments. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.statement_drawn.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str
    contract: str
    supplier: str
    period: str
    lines: int
    total: Decimal  # yuan
    document: str  # SHA-256 of the statement's canonical text, hexadecimal
    feed_number: int  # last entry of the contract's feed that it sums
    feed_head: str
    drawn_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class StatementLineDisputed(Event):
    """The supplier does not agree with a line; the rest falls due all the same. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.statement_line_disputed.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str
    contract: str
    line: int
    amount: Decimal  # yuan, of the line
    disputed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class StatementDisputeDecided(Event):
    """A disputed line was decided. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.statement_dispute_decided.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str
    contract: str
    line: int
    decision: str  # upheld: the line stands; conceded: a difference was booked
    difference: Decimal  # yuan, booked as an adjustment; 0 where the line stands
    decided_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class StatementSigned(Event):
    """One of the signatures that a statement needs; each by another person. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.statement_signed.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str
    contract: str
    role: str  # finance, contract_manager
    document: str  # SHA-256 of what was signed
    signatures: int  # so far
    needed: int
    signed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class StatementIssued(Event):
    """The last signature was given: the statement is stated and its undisputed part falls due. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "billing.statement_issued.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str
    contract: str
    supplier: str
    period: str
    lines: int
    total: Decimal  # yuan
    undisputed: Decimal  # yuan; what falls due on due_on
    document: str  # SHA-256 of the statement's canonical text, hexadecimal
    drawn_event: str  # id of the StatementDrawn event
    line_events: tuple[str, ...]  # ids of the StatementLineDrawn events, at most 1,000
    accepted_on: date  # at the site
    due_on: date
    issued_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class StatementPaid(Event):
    """Money of a statement was paid. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.statement_paid.v1"
    SUBJECT: ClassVar[str] = "statement"

    statement: str
    contract: str
    amount: Decimal  # yuan, of this payment
    paid: Decimal  # yuan so far
    paid_on: date
    days_late: int = 0
    interest: Decimal = Decimal(0)  # yuan, booked in the open month


@dataclass(frozen=True, kw_only=True)
class DeductionProposed(Event):
    """A deduction or bonus was proposed, with its evidence; nothing is booked yet. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.deduction_proposed.v1"
    SUBJECT: ClassVar[str] = "deduction_id"

    deduction_id: str
    contract: str
    supplier: str
    period: str
    rule: str
    amount: Decimal  # yuan; above zero is taken from the supplier, below zero given
    evidence: tuple[str, ...]  # ids of sealed events, references of orders and reports
    proposed_at: datetime  # UTC
    contest_until: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class DeductionContested(Event):
    """The supplier contests a proposed deduction. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.deduction_contested.v1"
    SUBJECT: ClassVar[str] = "deduction_id"

    deduction_id: str
    contract: str
    contested_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class DeductionDecided(Event):
    """Somebody other than the proposer decided. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.deduction_decided.v1"
    SUBJECT: ClassVar[str] = "deduction_id"

    deduction_id: str
    contract: str
    decision: str  # upheld, reduced, dropped
    amount: Decimal  # yuan, as decided
    decided_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class DeductionPosted(Event):
    """A decided deduction was booked in the contract's feed. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.deduction_posted.v1"
    SUBJECT: ClassVar[str] = "deduction_id"

    deduction_id: str
    contract: str
    number: int  # of the entry in the contract's feed
    booked_in: str
    amount: Decimal  # yuan, as booked: negative = taken from the supplier
    decided_event: str  # id of the DeductionDecided event


@dataclass(frozen=True, kw_only=True)
class RetentionMoved(Event):
    """Retention money (质保金) was held back or released. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.retention_moved.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    move: str  # held, released
    amount: Decimal  # yuan, above zero
    balance: Decimal  # yuan held after it
    number: int  # of the entry in the contract's feed
    statement: str = ""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What one indicator came to."""

    indicator: str
    measure: Decimal | None  # None = there was nothing to measure


@dataclass(frozen=True, kw_only=True)
class PerformanceScored(Event):
    """The score of a supplier's contract or of a crew of our own for a month. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "billing.performance_scored.v1"
    SUBJECT: ClassVar[str] = "scored"

    scored: str  # contract reference, or crew code for a crew of our own
    supplier: str  # empty = in-house
    period: str
    score: Decimal  # 0 to 100
    scheme_version: int
    measures: tuple[Measure, ...]
    consequence: str  # none, fewer_orders, no_new_orders, end_of_contract
    scored_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class FeedAcknowledged(Event):
    """Finance says how far it has taken a contract's feed. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.feed_acknowledged.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    number: int
    head: str
    acknowledged_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class FeedCompared(Event):
    """Finance compared its entries of a month with ours. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.feed_compared.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    period: str
    equal: bool
    count: int  # ours
    total: Decimal  # ours, yuan
    differing: int  # entries that differ
    compared_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class BillingAccessNoted(Event):
    """Somebody was given an export or shown sensitive data, or changed what administrators set. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.access_noted.v1"
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
class BillingResendWanted(Event):
    """The billing service misses numbers of another service and asks for them again. Consumers: the source named."""

    TYPE: ClassVar[str] = "billing.resend_wanted.v1"
    SUBJECT: ClassVar[str] = "source"

    source: str
    epoch: int
    type: str  # event type, or "*" for numbers of the source
    numbers: tuple[int, ...]  # at most 1,000


@dataclass(frozen=True, kw_only=True)
class BillingWaitingSettled(Event):
    """An event that the billing service had put aside was sent again or given up by a person. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.waiting_settled.v1"
    SUBJECT: ClassVar[str] = "event_id"
    PERSONAL: ClassVar[tuple[str, ...]] = ("reason",)

    event_id: str  # "unreadable" where no id could be read
    event_type: str
    handler: str
    act: str  # sent_again, discarded
    reason: str = ""
    settled_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class AgreementInForce(Event):
    """What one person wrote another put in force: a contract's terms, a scheme of assessment, the bases of cost, a centre.

    Consumers: audit.
    """

    TYPE: ClassVar[str] = "billing.agreement_in_force.v1"
    SUBJECT: ClassVar[str] = "about"

    about: str  # contract reference, centre; "office" = the office's own
    kind: str  # contract, scheme, cost, centre, budget, override, tender, award
    version: int
    starts_in: str  # month from which it holds; empty = at once
    document: str  # SHA-256 of its canonical text, hexadecimal
    changed: tuple[str, ...]  # names of what is another than before
    by: str  # pseudonym of who wrote it
    approved_by: str  # pseudonym of the second person


@dataclass(frozen=True, kw_only=True)
class SupplierFileChanged(Event):
    """A paper or a bad record was put into a supplier's file, or taken out of force. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.supplier_file_changed.v1"
    SUBJECT: ClassVar[str] = "supplier"

    supplier: str
    what: str  # licence_added, licence_ended, bad_record, bad_record_lifted, barred, unbarred, registered
    paper: str = ""  # kind of the licence
    until: date | None = None  # the first day on which it no longer counts
    grave: bool = False


@dataclass(frozen=True, kw_only=True)
class SupplierReviewed(Event):
    """Logistics, legal and finance have looked at a supplier together. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.supplier_reviewed.v1"
    SUBJECT: ClassVar[str] = "supplier"

    supplier: str
    result: str  # qualified, rejected
    score: Decimal
    seats: tuple[str, ...]  # logistics, legal, finance: who agreed
    good_until: date | None  # the first day on which it no longer counts
    reviewed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class BondMoved(Event):
    """Money of a contract's performance bond came in, went back or was claimed. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.bond_moved.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    move: str  # received, returned, claimed
    amount: Decimal  # yuan
    balance: Decimal  # yuan, after it
    on: date


@dataclass(frozen=True, kw_only=True)
class ObservationNoted(Event):
    """A quality check, an accident, a complaint or praise counts towards a score, or no longer does. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.observation_noted.v1"
    SUBJECT: ClassVar[str] = "observation_id"

    observation_id: str
    kind: str  # quality, safety, complaint, praise
    scored: str  # contract, or crew of our own
    period: str
    value: Decimal  # quality: marks 0 to 100; else how often
    evidence: tuple[str, ...]
    counts: bool = True  # false = it was struck


@dataclass(frozen=True, kw_only=True)
class LedgerEntryBooked(Event):
    """Income or expense of a centre was booked in its own account. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.ledger_entry_booked.v1"
    SUBJECT: ClassVar[str] = "centre"

    centre: str
    number: int  # gapless within the centre
    side: str  # income, expense
    category: str
    period: str
    amount: Decimal  # yuan
    reverses: int = 0  # number of the entry that it takes back


@dataclass(frozen=True, kw_only=True)
class CentreMonthClosed(Event):
    """A centre's month was closed: income, expense and what the office adds. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.centre_month_closed.v1"
    SUBJECT: ClassVar[str] = "centre"

    centre: str
    period: str
    income: Decimal  # yuan, without support
    expense: Decimal
    support: Decimal  # grant, subsidy and target fees
    result: Decimal
    closed_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class BidReceived(Event):
    """A supplier handed in a bid; until the opening only its digest is known. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.bid_received.v1"
    SUBJECT: ClassVar[str] = "tender"

    tender: str
    supplier: str
    number: int  # from 1 for each supplier; the newest counts
    document: str  # SHA-256 of its canonical text, hexadecimal
    received_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class BidsOpened(Event):
    """The bids of a tender were opened and held against its hard criteria. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.bids_opened.v1"
    SUBJECT: ClassVar[str] = "tender"

    tender: str
    admitted: tuple[str, ...]  # suppliers
    refused: tuple[str, ...]
    opened_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class BidMarked(Event):
    """One person marked an admitted bid. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.bid_marked.v1"
    SUBJECT: ClassVar[str] = "tender"

    tender: str
    supplier: str
    quality: Decimal  # 0 to 100
    experience: Decimal
    marked_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class TenderEnded(Event):
    """A tender was awarded, or ended without an award. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.tender_ended.v1"
    SUBJECT: ClassVar[str] = "tender"

    tender: str
    result: str  # awarded, failed
    ended_at: datetime  # UTC
    supplier: str = ""
    amount: Decimal | None = None  # yuan a year
    score: Decimal | None = None  # 0 to 100


@dataclass(frozen=True, kw_only=True)
class StartupChecked(Event):
    """Before a contract's work begins something was looked at; ``ready`` is the whole list. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.startup_checked.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    check: str
    number: int  # the newest of a check counts
    passed: bool
    checked_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class ResourceRead(Event):
    """What a month used of electricity, water, gas or heat was written down. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.resource_read.v1"
    SUBJECT: ClassVar[str] = "reading_id"

    reading_id: str
    resource: str
    scored: str  # contract or crew that is answerable; empty = the house
    period: str
    quantity: Decimal
    cost: Decimal  # yuan
