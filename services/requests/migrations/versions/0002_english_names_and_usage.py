"""english names and usage.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "usage",
        sa.Column("fact_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount", sa.Text(), nullable=False),
        sa.Column("recorded_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fact_id"),
    )
    op.create_index(op.f("ix_usage_request_id"), "usage", ["request_id"], unique=False)
    op.add_column("request", sa.Column("requester_name_en", sa.Text(), server_default="", nullable=False))
