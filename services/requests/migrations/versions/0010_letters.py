"""letters.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "letter",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("done_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_index("letter_by_state", "letter", ["state", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "letter_due",
        "letter",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_table(
        "mail_arrival",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("mail_arrival_by_account", "mail_arrival", ["account", "at"], unique=False)
    op.create_index("mail_arrival_by_time", "mail_arrival", ["at"], unique=False)
    op.create_table(
        "mailbox",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("verified_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("refused_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_until", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("code_tries", sa.Integer(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_index(
        "mailbox_by_address",
        "mailbox",
        ["folded"],
        unique=True,
        sqlite_where=sa.text("folded != ''"),
        postgresql_where=sa.text("folded != ''"),
    )
    op.create_index(
        "mailbox_by_secret",
        "mailbox",
        ["secret"],
        unique=True,
        sqlite_where=sa.text("secret != ''"),
        postgresql_where=sa.text("secret != ''"),
    )
    op.create_table(
        "notice_choice",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("mail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "topic"),
    )
