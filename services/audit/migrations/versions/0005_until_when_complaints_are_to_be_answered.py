"""until when complaints are to be answered.

Revision 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "complaint_due",
        sa.Column("complaint_id", sa.Text(), nullable=False),
        sa.Column("due_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("due_sequence", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("complaint_id"),
    )
    op.create_index("complaint_due_open", "complaint_due", ["open", "due_at"], unique=False)
