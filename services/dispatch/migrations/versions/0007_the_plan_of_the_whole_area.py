"""the plan of the whole area.

Revision 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "plan_run",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("started_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ended_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("orders", sa.Integer(), server_default="0", nullable=False),
        sa.Column("crews", sa.Integer(), server_default="0", nullable=False),
        sa.Column("placed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("proposed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("moved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("milliseconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("mebibytes", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("plan_run_started", "plan_run", ["started_at"], unique=False)
    op.create_table(
        "plan_slot",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ends_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("gain", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("next_crews", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("plan_slot_act", "plan_slot", ["act", "run_id"], unique=False)
    op.add_column("work_order", sa.Column("pinned_at", shared.database.Moment(timezone=True), nullable=True))
