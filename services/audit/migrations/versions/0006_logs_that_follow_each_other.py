"""A log can be closed, and the next one begins where it ended.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

import shared.database
from services.audit.tables import closed_seat_belts

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "closed_log",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("next_origin", sa.Text(), nullable=False),
        sa.Column("closed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.add_column("log_head", sa.Column("number", sa.Integer(), server_default="0", nullable=False))
    op.add_column("log_head", sa.Column("first", sa.BigInteger(), server_default="0", nullable=False))
    for statement in closed_seat_belts(op.get_context().dialect.name):
        op.execute(statement)
