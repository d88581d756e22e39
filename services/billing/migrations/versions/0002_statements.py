"""Statements, deductions, scores.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

import services.billing.tables
import shared.database

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "feed_ack",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contract"),
    )
    op.create_table(
        "feed_comparison",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("equal", sa.Integer(), nullable=False),
        sa.Column("theirs", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "period"),
    )
    op.create_table(
        "job_record",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("round", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("scored", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("promises", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "round"),
    )
    op.create_index("job_record_request", "job_record", ["request_id"], unique=False)
    op.create_index("job_record_scored", "job_record", ["scored", "period"], unique=False)
    op.create_table(
        "opinion",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_table(
        "score",
        sa.Column("scored", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("score", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("consequence", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scored", "period"),
    )
    op.create_table(
        "card_draft",
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_name", sa.Text(), nullable=False),
        sa.Column("proposed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["contract"],
            ["contract.ref"],
        ),
        sa.PrimaryKeyConstraint("draft_id"),
    )
    op.create_table(
        "card_replaced",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("replaced_by", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract"],
            ["contract.ref"],
        ),
        sa.PrimaryKeyConstraint("contract", "version"),
    )
    op.create_table(
        "deduction",
        sa.Column("deduction_id", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_name", sa.Text(), nullable=False),
        sa.Column("proposed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("contest_until", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("contested_by", sa.Text(), server_default="", nullable=False),
        sa.Column("contested_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("contest_words", sa.Text(), server_default="", nullable=False),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_amount", services.billing.tables.Exact(precision=38, scale=12), nullable=True),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_name", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("decided_words", sa.Text(), server_default="", nullable=False),
        sa.Column("posted_number", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["contract"],
            ["contract.ref"],
        ),
        sa.PrimaryKeyConstraint("deduction_id"),
    )
    op.create_index("deduction_contract", "deduction", ["contract", "period"], unique=False)
    op.create_table(
        "statement",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("total", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("feed_number", sa.BigInteger(), nullable=False),
        sa.Column("feed_head", sa.Text(), nullable=False),
        sa.Column("drawn_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("drawn_event", sa.Text(), nullable=False),
        sa.Column("line_events", sa.Text(), nullable=False),
        sa.Column("signatures", sa.Integer(), nullable=False),
        sa.Column("agreed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("accepted_by", sa.Text(), server_default="", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("issued_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("paid", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["contract"],
            ["contract.ref"],
        ),
        sa.PrimaryKeyConstraint("ref"),
        sa.UniqueConstraint("contract", "period"),
    )
    op.create_table(
        "payment",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("interest", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement"],
            ["statement.ref"],
        ),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_index("payment_statement", "payment", ["statement"], unique=False)
    op.create_table(
        "signature",
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement"],
            ["statement.ref"],
        ),
        sa.PrimaryKeyConstraint("statement", "account"),
    )
    op.create_table(
        "statement_line",
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("for_period", sa.Text(), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.Column("quantity", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("amount", services.billing.tables.Exact(precision=38, scale=12), nullable=False),
        sa.Column("corrects", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("dispute", sa.Text(), server_default="", nullable=False),
        sa.Column("dispute_words", sa.Text(), server_default="", nullable=False),
        sa.Column("disputed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("disputed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("decided_words", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("difference", services.billing.tables.Exact(precision=38, scale=12), nullable=True),
        sa.ForeignKeyConstraint(
            ["statement"],
            ["statement.ref"],
        ),
        sa.PrimaryKeyConstraint("statement", "number"),
    )
    op.add_column("card", sa.Column("said", sa.Text(), server_default="", nullable=False))
    op.add_column("contract", sa.Column("zone", sa.Text(), server_default="Asia/Shanghai", nullable=False))
    op.add_column("contract", sa.Column("terms", sa.Text(), server_default="{}", nullable=False))
    op.add_column("fact", sa.Column("kind", sa.Text(), server_default="fact", nullable=False))
    op.add_column("fact", sa.Column("corrects", sa.Text(), server_default="", nullable=False))
    op.add_column("fact", sa.Column("digest", sa.Text(), server_default="", nullable=False))
    op.add_column("fact", sa.Column("counted", sa.Text(), server_default="", nullable=False))
    op.add_column("fact", sa.Column("said", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "fact_corrected_once",
        "fact",
        ["corrects"],
        unique=True,
        sqlite_where=sa.text("corrects != ''"),
        postgresql_where=sa.text("corrects != ''"),
    )
    op.create_index("fact_month", "fact", ["contract", "period", "item", "meter"], unique=False)
    op.add_column("feed_entry", sa.Column("kind", sa.Text(), server_default="charge", nullable=False))
    op.add_column("feed_entry", sa.Column("period", sa.Text(), server_default="", nullable=False))
    op.add_column("feed_entry", sa.Column("booked_in", sa.Text(), server_default="", nullable=False))
    op.add_column("feed_entry", sa.Column("item", sa.Text(), server_default="", nullable=False))
    op.add_column("feed_entry", sa.Column("meter", sa.Text(), server_default="", nullable=False))
    op.add_column("feed_entry", sa.Column("card_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("feed_entry", sa.Column("facts", sa.Integer(), server_default="1", nullable=False))
    op.add_column("feed_entry", sa.Column("cause", sa.Text(), server_default="", nullable=False))
    op.add_column("feed_entry", sa.Column("said", sa.Text(), server_default="", nullable=False))
    op.create_index("feed_entry_booked", "feed_entry", ["contract", "booked_in", "number"], unique=False)
    op.create_index("feed_entry_period", "feed_entry", ["contract", "period", "number"], unique=False)
    # Entries from before name the month, line and card of their fact.
    op.execute(
        """UPDATE feed_entry SET period = fact.period, booked_in = fact.period, item = fact.item, meter = fact.meter,
           card_version = fact.card_version, said = fact.event_id FROM fact WHERE fact.fact_id = feed_entry.fact_id"""
    )
