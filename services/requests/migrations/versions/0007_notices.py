"""notices.

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
        "notice",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("read_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notice_by_account", "notice", ["account", sa.literal_column("id DESC")], unique=False)
    op.create_index("notice_by_time", "notice", ["made_at"], unique=False)
    op.create_index(
        "notice_to_mail",
        "notice",
        ["mail", "id"],
        unique=False,
        sqlite_where=sa.text("mail != 'done'"),
        postgresql_where=sa.text("mail != 'done'"),
    )
    op.create_index(
        "notice_unread",
        "notice",
        ["account", "id"],
        unique=False,
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
    )
