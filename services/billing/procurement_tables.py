"""Tables of what stands before and beside contracts: tenders with their bids, start-up checks, readings of energy and water."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table, Text

from services.billing.office_tables import metadata
from services.billing.tables import Exact
from shared.database import Moment

__all__ = ["bid", "mark", "metadata", "reading", "startup_check", "tender"]

# A notice that two people agreed on; its text never changes.
tender = Table(
    "tender",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("state", Text, nullable=False),  # published, opened, awarded, failed
    Column("version", Integer, nullable=False),
    Column("method", Text, nullable=False),  # open, invited
    Column("body", Text, nullable=False),  # JSON: see tendering.Notice
    Column("closes_at", Moment, nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("opened_at", Moment),
    Column("ended_at", Moment),
    Column("awarded_to", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),  # why it was awarded so, or failed
)
# What a supplier offers. It may offer again until the tender closes: the newest counts, the others stay.
bid = Table(
    "bid",
    metadata,
    Column("tender", Text, ForeignKey("tender.ref"), nullable=False),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1 for each supplier
    Column("amount", Exact, nullable=False),  # yuan a year; nobody of the office sees it before the opening
    Column("references", Integer, nullable=False),  # comparable contracts of the last three years
    Column("words", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column(
        "faults", Text, nullable=False, server_default="[]"
    ),  # JSON: hard criteria that it misses, found at the opening
    PrimaryKeyConstraint("tender", "supplier", "number"),
)
# The key makes each who marks another person.
mark = Table(
    "bid_mark",
    metadata,
    Column("tender", Text, ForeignKey("tender.ref"), nullable=False),
    Column("supplier", Text, ForeignKey("supplier.code"), nullable=False),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("quality", Exact, nullable=False),  # 0 to 100
    Column("experience", Exact, nullable=False),
    Column("words", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("tender", "supplier", "account"),
)

# What is looked at before a contract's work begins; the newest of each check counts.
startup_check = Table(
    "startup_check",
    metadata,
    Column("contract", Text, ForeignKey("contract.ref"), nullable=False),
    Column("check", Text, nullable=False),  # one of startup.CHECKS, or "ready": the whole list
    Column("number", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("words", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("contract", "check", "number"),
)

# What a month used of electricity, water, gas, heat; the newest of each counts.
reading = Table(
    "resource_reading",
    metadata,
    Column("reading_id", Text, primary_key=True),
    Column("resource", Text, nullable=False),
    Column("scored", Text, nullable=False),  # contract or crew that is answerable for it; empty = the house
    Column("period", Text, nullable=False),
    Column("quantity", Exact, nullable=False),
    Column("cost", Exact, nullable=False),  # yuan
    Column("words", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("reading_month", reading.c.period, reading.c.resource)
