"""Readings that devices send by themselves.

Revision 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "device_reading",
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False),
        sa.Column("outside", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint", "at"),
    )
