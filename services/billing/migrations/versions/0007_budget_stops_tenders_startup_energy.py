"""budget stops, tenders, start-up checks, energy.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

import services.billing.tables
import shared.database

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    exact, moment = services.billing.tables.Exact(precision=38, scale=12), shared.database.Moment(timezone=True)
    op.add_column("budget_line", sa.Column("hard", sa.Integer(), server_default="0", nullable=False))
    op.add_column("budget_line", sa.Column("warn_pct", exact, server_default="90", nullable=False))
    op.create_table(
        "tender",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("closes_at", moment, nullable=False),
        sa.Column("published_at", moment, nullable=False),
        sa.Column("opened_at", moment),
        sa.Column("ended_at", moment),
        sa.Column("awarded_to", sa.Text(), server_default="", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_table(
        "bid",
        sa.Column("tender", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("amount", exact, nullable=False),
        sa.Column("references", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("faults", sa.Text(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"]),
        sa.ForeignKeyConstraint(["tender"], ["tender.ref"]),
        sa.PrimaryKeyConstraint("tender", "supplier", "number"),
    )
    op.create_table(
        "bid_mark",
        sa.Column("tender", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quality", exact, nullable=False),
        sa.Column("experience", exact, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"]),
        sa.ForeignKeyConstraint(["tender"], ["tender.ref"]),
        sa.PrimaryKeyConstraint("tender", "supplier", "account"),
    )
    op.create_table(
        "startup_check",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.ForeignKeyConstraint(["contract"], ["contract.ref"]),
        sa.PrimaryKeyConstraint("contract", "check", "number"),
    )
    op.create_table(
        "resource_reading",
        sa.Column("reading_id", sa.Text(), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("scored", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("quantity", exact, nullable=False),
        sa.Column("cost", exact, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("reading_id"),
    )
    op.create_index("reading_month", "resource_reading", ["period", "resource"], unique=False)
