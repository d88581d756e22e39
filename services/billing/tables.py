"""The billing service's schema. Facts and feed entries are append-only; what changes is only heads and totals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from shared.database import Moment
from shared.service import metadata_of_floor

metadata = metadata_of_floor()


class Exact(TypeDecorator[Decimal]):
    """A decimal kept digit for digit: ``numeric`` on PostgreSQL, text on SQLite, which has only floats."""

    impl = Numeric(38, 12)
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric(38, 12))

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> Any:
        return None if value is None else (format(value, "f") if dialect.name == "sqlite" else value)

    def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
        return as_decimal(value)


def as_decimal(value: Any) -> Decimal | None:
    """An amount as a raw statement returns it, without the zeros that the column's scale adds beyond the fen."""
    if value is None:
        return None
    found = Decimal(str(value)).normalize()
    exponent = found.as_tuple().exponent
    return found.quantize(Decimal("0.01")) if isinstance(exponent, int) and exponent > -2 else found


supplier = Table(
    "supplier",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("short", Text, nullable=False),
    Column("credit_code", Text, nullable=False, server_default=""),  # uniform social credit code, 18 characters
    Column("capital", Exact),  # registered, yuan
    Column("capability", Text, nullable=False, server_default=""),  # trades, references, people, in words
    Column("barred", Text, nullable=False, server_default=""),  # why nothing more is agreed with it; empty = it is not
)

budget_line = Table(
    "budget_line",
    metadata,
    Column("code", Text, primary_key=True),
    Column("year", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("hard", Integer, nullable=False, server_default="0"),  # 1 = commitments stop at the sum
    Column("warn_pct", Exact, nullable=False, server_default="90"),  # from this share of use on people are warned
    Column("follows", Text, nullable=False, server_default=""),  # the line of a year before that it continues
)
Index(
    "budget_line_followed_once",
    budget_line.c.follows,
    unique=True,
    sqlite_where=budget_line.c.follows != "",
    postgresql_where=budget_line.c.follows != "",
)

contract = Table(
    "contract",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("budget_line", Text, ForeignKey("budget_line.code"), nullable=False),
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("items", Text, nullable=False),  # JSON list of catalogue codes
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),  # the first day it no longer holds
    Column("zone", Text, nullable=False, server_default="Asia/Shanghai"),  # whose wall clock its months are read from
    Column("terms", Text, nullable=False, server_default="{}"),  # JSON: see model.ContractTerms
    Column(
        "parts", Text, nullable=False, server_default="{}"
    ),  # JSON: content, standards, liabilities, payment, schedule
    CheckConstraint("starts_on < ends_on", name="contract_has_a_term"),
)

# A version holds from its day until the next one's: no gap and no overlap can be written down.
card = Table(
    "card",
    metadata,
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("version", Integer, nullable=False),
    Column("lines", Text, nullable=False),  # JSON: item and meter -> price and terms
    Column("said", Text, nullable=False, server_default=""),  # id of the sealed CardInForce event
    PrimaryKeyConstraint("contract", "starts_on"),
    UniqueConstraint("contract", "version"),
)

# A version that another one with the same first day took the place of. Kept for explanations; prices nothing.
card_replaced = Table(
    "card_replaced",
    metadata,
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("lines", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("replaced_by", Integer, nullable=False),
    PrimaryKeyConstraint("contract", "version"),
)

# A card that one person wrote and another has not yet put in force.
card_draft = Table(
    "card_draft",
    metadata,
    Column("draft_id", Text, primary_key=True),
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("lines", Text, nullable=False),
    Column("state", Text, nullable=False),  # proposed, in_force, dropped
    Column("proposed_by", Text, nullable=False),
    Column("proposed_name", Text, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("decided_by", Text, nullable=False, server_default=""),
)

fact = Table(
    "fact",
    metadata,
    Column("fact_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("order_reference", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("contract", Text, nullable=False),  # empty = in-house
    Column("supplier", Text, nullable=False),
    Column("crew", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("unit", Text, nullable=False),
    Column("service_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("period", Text, nullable=False),  # month of the service at the site, 2026-11
    Column("state", Text, nullable=False),  # recorded, unpriced, over_budget
    Column("amount", Exact),
    Column("card_version", Integer, nullable=False),
    Column("budget_line", Text, nullable=False),
    Column("steps", Text, nullable=False),  # JSON: how the amount came about
    Column("event_id", Text, nullable=False),  # the sealed event behind it
    Column("kind", Text, nullable=False, server_default="fact"),  # fact, void, correct
    Column("corrects", Text, nullable=False, server_default=""),  # fact_id of what it voids or corrects
    Column("digest", Text, nullable=False, server_default=""),  # SHA-256 of the body: the same again, or another
    Column("counted", Text, nullable=False, server_default=""),  # who or what was counted, for ``unique``
    Column("said", Text, nullable=False, server_default=""),  # id of the sealed event in which we told of it
    UniqueConstraint("source", "source_id"),
)
# A fact is voided or corrected once; the next correction names the newer fact.
Index(
    "fact_corrected_once",
    fact.c.corrects,
    unique=True,
    sqlite_where=fact.c.corrects != "",
    postgresql_where=fact.c.corrects != "",
)
Index("fact_month", fact.c.contract, fact.c.period, fact.c.item, fact.c.meter)
Index("fact_recorded", fact.c.recorded_at, fact.c.fact_id)
Index("fact_contract", fact.c.contract, fact.c.recorded_at, fact.c.fact_id)
Index("fact_order", fact.c.order_id)

# Cumulative quantity and amount of a period: what the next fact of it is rated on.
period_total = Table(
    "period_total",
    metadata,
    Column("contract", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("card_version", Integer, nullable=False),
    Column("period", Text, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("billed", Exact, nullable=False),
    Column("facts", Integer, nullable=False),
    PrimaryKeyConstraint("contract", "item", "meter", "card_version", "period"),
)

budget_use = Table(
    "budget_use",
    metadata,
    Column("line", Text, primary_key=True),
    Column("accrued", Exact, nullable=False),
)

# One gapless sequence for each contract: the head row is locked by whoever adds an entry.
feed_head = Table(
    "feed_head",
    metadata,
    Column("contract", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("head", Text, nullable=False),
)
feed_entry = Table(
    "feed_entry",
    metadata,
    Column("contract", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("fact_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON: the bytes that are chained
    Column("head", Text, nullable=False),  # SHA-256 of the head before and of the body, hexadecimal
    # charge, closing, adjustment, deduction, bonus, retention_held, retention_released, interest
    Column("kind", Text, nullable=False, server_default="charge"),
    Column("period", Text, nullable=False, server_default=""),  # month that it is for
    Column("booked_in", Text, nullable=False, server_default=""),  # month in whose statement it stands
    Column("item", Text, nullable=False, server_default=""),
    Column("meter", Text, nullable=False, server_default=""),
    Column("card_version", Integer, nullable=False, server_default="0"),
    Column("facts", Integer, nullable=False, server_default="1"),
    Column("cause", Text, nullable=False, server_default=""),
    Column("said", Text, nullable=False, server_default=""),  # id of the sealed event behind it
    PrimaryKeyConstraint("contract", "number"),
)
Index("feed_entry_booked", feed_entry.c.contract, feed_entry.c.booked_in, feed_entry.c.number)
Index("feed_entry_period", feed_entry.c.contract, feed_entry.c.period, feed_entry.c.number)

# What finance says of the feed.
feed_ack = Table(
    "feed_ack",
    metadata,
    Column("contract", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("head", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("by", Text, nullable=False),
)
feed_comparison = Table(
    "feed_comparison",
    metadata,
    Column("contract", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("equal", Integer, nullable=False),
    Column("theirs", Text, nullable=False),  # JSON: count, sum, head
    Column("ours", Text, nullable=False),
    Column("by", Text, nullable=False),
    PrimaryKeyConstraint("contract", "period"),
)

# One statement for each contract and month, made when the month is closed. Its lines and sums never change afterwards.
statement = Table(
    "statement",
    metadata,
    Column("ref", Text, primary_key=True),  # S-202610-HY-2026-01
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("period", Text, nullable=False),
    Column("state", Text, nullable=False),  # draft, with_supplier, in_approval, stated, paid
    Column("version", Integer, nullable=False),  # of the aggregate: goes up with each act
    Column("total", Exact, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("document", Text, nullable=False),  # canonical text
    Column("digest", Text, nullable=False),  # its SHA-256
    Column("feed_number", BigInteger, nullable=False),
    Column("feed_head", Text, nullable=False),
    Column("drawn_at", Moment, nullable=False),
    Column("drawn_by", Text, nullable=False),
    Column("drawn_event", Text, nullable=False),
    Column("line_events", Text, nullable=False),  # JSON
    Column("signatures", Integer, nullable=False),  # how many it needs
    Column("agreed_by", Text, nullable=False, server_default=""),  # of the supplier
    Column("accepted_on", Date),
    Column("accepted_by", Text, nullable=False, server_default=""),
    Column("due_on", Date),
    Column("issued_at", Moment),
    Column("paid", Exact, nullable=False),
    UniqueConstraint("contract", "period"),
)
statement_line = Table(
    "statement_line",
    metadata,
    Column("statement", Text, ForeignKey("statement.ref"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("meter", Text, nullable=False),
    Column("card_version", Integer, nullable=False),
    Column("for_period", Text, nullable=False),
    Column("facts", Integer, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", Exact, nullable=False),
    Column("corrects", Text, nullable=False),  # statement that an adjustment corrects
    Column("steps", Text, nullable=False),  # JSON: how the amount came about
    Column("said", Text, nullable=False),  # id of the sealed event, of its first part
    # Written by the supplier and by who decides; the line itself stays.
    Column("dispute", Text, nullable=False, server_default=""),  # disputed, upheld, conceded
    Column("dispute_words", Text, nullable=False, server_default=""),
    Column("disputed_by", Text, nullable=False, server_default=""),
    Column("disputed_at", Moment),
    Column("decided_words", Text, nullable=False, server_default=""),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("difference", Exact),
    PrimaryKeyConstraint("statement", "number"),
)
# The key makes each signatory another person.
signature = Table(
    "signature",
    metadata,
    Column("statement", Text, ForeignKey("statement.ref"), nullable=False),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("said", Text, nullable=False),
    PrimaryKeyConstraint("statement", "account"),
)
payment = Table(
    "payment",
    metadata,
    Column("payment_id", Text, primary_key=True),
    Column("statement", Text, ForeignKey("statement.ref"), nullable=False),
    Column("amount", Exact, nullable=False),
    Column("paid_on", Date, nullable=False),
    Column("reference", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("interest", Exact, nullable=False),
)
Index("payment_statement", payment.c.statement)

deduction = Table(
    "deduction",
    metadata,
    Column("deduction_id", Text, primary_key=True),
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("period", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("amount", Exact, nullable=False),  # above zero is taken from the supplier, below zero given
    Column("state", Text, nullable=False),  # proposed, contested, posted, dropped
    Column("version", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON list
    Column("steps", Text, nullable=False),  # JSON
    Column("numbers", Text, nullable=False, server_default="{}"),  # JSON: what was found, as its rule asks
    Column("proposed_by", Text, nullable=False),
    Column("proposed_name", Text, nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("contest_until", Moment, nullable=False),
    Column("contested_by", Text, nullable=False, server_default=""),
    Column("contested_at", Moment),
    Column("contest_words", Text, nullable=False, server_default=""),
    Column("decision", Text, nullable=False, server_default=""),  # upheld, reduced, dropped
    Column("decided_amount", Exact),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decided_name", Text, nullable=False, server_default=""),
    Column("decided_at", Moment),
    Column("decided_words", Text, nullable=False, server_default=""),
    Column("posted_number", BigInteger, nullable=False, server_default="0"),
)
Index("deduction_contract", deduction.c.contract, deduction.c.period)

# What scores are made of: one row for each finished round of an order, one for what its requester said.
job_record = Table(
    "job_record",
    metadata,
    Column("order_id", Text, nullable=False),
    Column("round", BigInteger, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("scored", Text, nullable=False),  # contract, or crew of our own
    Column("supplier", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("promises", Integer, nullable=False),  # given
    Column("kept", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    PrimaryKeyConstraint("order_id", "round"),
)
Index("job_record_scored", job_record.c.scored, job_record.c.period)
Index("job_record_request", job_record.c.request_id)
opinion = Table(
    "opinion",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("stars", Integer, nullable=False),  # 0 = not rated
    Column("reopened", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
)
# What independent handlers found of complaints about work; the newest answer counts.
complaint = Table(
    "complaint",
    metadata,
    Column("complaint_id", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # upheld, partly, not_upheld
    Column("sequence", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
)
Index("complaint_order", complaint.c.order_id)
score = Table(
    "score",
    metadata,
    Column("scored", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("score", Exact, nullable=False),
    Column("steps", Text, nullable=False),
    Column("consequence", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("scored", "period"),
)

# How far finance was told of each feed by webhook, and how often that failed in a row.
webhook_progress = Table(
    "webhook_progress",
    metadata,
    Column("contract", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Moment),
    Column("next_at", Moment),
)
