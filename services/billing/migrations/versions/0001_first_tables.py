"""First tables.

Revision 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

import services.billing.tables
import shared.database

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "budget_line",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "budget_use",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("accrued", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.PrimaryKeyConstraint("line"),
    )
    op.create_table(
        "fact",
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("order_reference", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("quantity", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("service_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("recorded_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=True),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("budget_line", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
        sa.UniqueConstraint("source", "source_id"),
    )
    op.create_index("fact_contract", "fact", ["contract", "recorded_at", "fact_id"], unique=False)
    op.create_index("fact_order", "fact", ["order_id"], unique=False)
    op.create_index("fact_recorded", "fact", ["recorded_at", "fact_id"], unique=False)
    op.create_table(
        "feed_entry",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "number"),
    )
    op.create_table(
        "feed_head",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contract"),
    )
    op.create_table(
        "heads",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("type"),
    )
    op.create_table(
        "idempotency",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "route", "key"),
    )
    op.create_index(op.f("ix_idempotency_at"), "idempotency", ["at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "source", "type", "epoch", "number"),
    )
    op.create_table(
        "live_row",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("live_row_at", "live_row", ["at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("sourcenumber", sa.BigInteger(), nullable=True),
        sa.Column("typenumber", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("outbox_by_source", "outbox", ["epoch", "sourcenumber"], unique=False)
    op.create_index("outbox_by_type", "outbox", ["type", "epoch", "typenumber"], unique=False)
    op.create_index(
        "outbox_unnumbered",
        "outbox",
        ["row_id"],
        unique=False,
        sqlite_where=sa.text("sourcenumber IS NULL"),
        postgresql_where=sa.text("sourcenumber IS NULL"),
    )
    op.create_table(
        "period_total",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("quantity", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("billed", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "item", "meter", "card_version", "period"),
    )
    op.create_table(
        "resend",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_table(
        "revoked",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("until", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index(op.f("ix_revoked_until"), "revoked", ["until"], unique=False)
    op.create_table(
        "sent",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("ahead", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
    )
    op.create_table(
        "starts",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "event_id"),
    )
    op.create_table(
        "supplier",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("short", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "waiting",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("since", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("not_before", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("waiting_due", "waiting", ["state", "not_before"], unique=False)
    op.create_table(
        "watermark",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("behind_since", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("asked_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("handler", "source", "type", "epoch"),
    )
    op.create_table(
        "contract",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("budget_line", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.CheckConstraint("starts_on < ends_on", name="contract_has_a_term"),
        sa.ForeignKeyConstraint(
            ["budget_line"],
            ["budget_line.code"],
        ),
        sa.ForeignKeyConstraint(
            ["supplier"],
            ["supplier.code"],
        ),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_table(
        "card",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract"],
            ["contract.ref"],
        ),
        sa.PrimaryKeyConstraint("contract", "starts_on"),
        sa.UniqueConstraint("contract", "version"),
    )
