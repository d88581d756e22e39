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
)

budget_line = Table(
    "budget_line",
    metadata,
    Column("code", Text, primary_key=True),
    Column("year", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("amount", Exact, nullable=False),
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
    PrimaryKeyConstraint("contract", "starts_on"),
    UniqueConstraint("contract", "version"),
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
    UniqueConstraint("source", "source_id"),
)
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
    PrimaryKeyConstraint("contract", "number"),
)
