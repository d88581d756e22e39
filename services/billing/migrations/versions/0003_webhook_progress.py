"""Webhook progress.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "webhook_progress",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("next_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("contract"),
    )
