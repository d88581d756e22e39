"""Targets by month and year, and the tallies beside which they stand.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

import shared.database
from services.audit.tables import target_seat_belts

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the schema of the revision before to this one; the timer makes the tallies from the log."""
    op.create_table(
        "kpi_tally",
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kpi", "month"),
    )
    op.create_table(
        "target",
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.Column("hundredths", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kpi", "term", "version"),
    )
    for statement in target_seat_belts(op.get_context().dialect.name):
        op.execute(statement)
