"""Crews and emergency plans change, and what they were stays.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("crew", sa.Column("retired", sa.Integer(), server_default="0", nullable=False))
    op.add_column("shared_booking", sa.Column("told", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "crew_version",
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("changed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("crew", "version"),
    )
    op.create_table(
        "emergency_plan",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", "version"),
    )
