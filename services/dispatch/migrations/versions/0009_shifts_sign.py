"""shifts sign.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "shift_change",
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("notes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("change_id"),
    )
    op.create_index("shift_change_at", "shift_change", ["at"], unique=False)
