"""second factor, recovery codes, invitations.

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
        "invitation",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("until", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_invitation_account_id"), "invitation", ["account_id"], unique=False)
    op.create_table(
        "recovery_code",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("used_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index(op.f("ix_recovery_code_account_id"), "recovery_code", ["account_id"], unique=False)
    op.create_table(
        "second_factor",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("set_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
