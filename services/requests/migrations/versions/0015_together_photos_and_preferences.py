"""What is asked for together, photos of requests, preferences, and what lists need not to grow with history.

Revision 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "photo",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("photo_of_request", "photo", ["request_id", "made_at"], unique=False)
    op.create_index(
        "photo_waiting",
        "photo",
        ["account", "made_at"],
        unique=False,
        sqlite_where=sa.text("request_id = ''"),
        postgresql_where=sa.text("request_id = ''"),
    )
    op.create_table(
        "preference",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "item"),
    )
    op.create_table(
        "together",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("filed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("joined_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("left_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("confirmed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("stars", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("request_id", "account"),
    )
    op.create_index(
        "together_of",
        "together",
        ["account", sa.literal_column("filed_at DESC"), sa.literal_column("request_id DESC")],
        unique=False,
        sqlite_where=sa.text("left_at IS NULL"),
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.add_column("request", sa.Column("asset", sa.Text(), server_default="", nullable=False))
    op.add_column("request", sa.Column("joined", sa.Integer(), server_default="1", nullable=False))
    op.add_column("request", sa.Column("alone", sa.Text(), nullable=True))
    op.add_column("request", sa.Column("escalated", sa.Text(), server_default="", nullable=False))
    op.add_column("request", sa.Column("escalated_at", shared.database.Moment(timezone=True), nullable=True))
    op.add_column("request", sa.Column("answered_at", shared.database.Moment(timezone=True), nullable=True))
    op.create_index("request_alone", "request", ["alone"], unique=True)
    op.create_index(
        "request_escalated",
        "request",
        ["escalated_at"],
        unique=False,
        sqlite_where=sa.text("escalated != '' AND answered_at IS NULL"),
        postgresql_where=sa.text("escalated != '' AND answered_at IS NULL"),
    )
    op.create_index(
        "request_filed_for",
        "request",
        ["filed_by", sa.literal_column("filed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text("filed_by != ''"),
        postgresql_where=sa.text("filed_by != ''"),
    )
    op.create_index(
        "request_live_here",
        "request",
        ["place", "item"],
        unique=False,
        sqlite_where=sa.text(
            "state IN ('awaiting_approval', 'filed', 'assigned', 'under_way', 'paused', 'reopened', 'to_confirm')"
        ),
        postgresql_where=sa.text(
            "state IN ('awaiting_approval', 'filed', 'assigned', 'under_way', 'paused', 'reopened', 'to_confirm')"
        ),
    )
    op.create_index(
        "request_live_of",
        "request",
        ["requester", sa.literal_column("filed_at DESC"), sa.literal_column("id DESC")],
        unique=False,
        sqlite_where=sa.text(
            "state IN ('awaiting_approval', 'filed', 'assigned', 'under_way', 'paused', 'reopened', 'to_confirm')"
        ),
        postgresql_where=sa.text(
            "state IN ('awaiting_approval', 'filed', 'assigned', 'under_way', 'paused', 'reopened', 'to_confirm')"
        ),
    )
