"""bookings.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

NO_DOUBLE_BOOKING = """ALTER TABLE booking ADD CONSTRAINT no_double_booking EXCLUDE USING gist
    (int4range(resource, resource, '[]') WITH &&, tstzrange(claimed_from, claimed_until) WITH &&)
    WHERE (state IN ('offered', 'pending', 'booked', 'in_use'))"""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "booking",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("resource", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ends_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("claimed_from", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("claimed_until", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("headcount", sa.Integer(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("until", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("checked_in_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("booking_by_account", "booking", ["account", "ends_at"], unique=False)
    op.create_index("booking_by_resource", "booking", ["resource", "claimed_until"], unique=False)
    op.create_index("booking_by_series", "booking", ["series", "starts_at"], unique=False)
    op.create_index(
        "booking_to_watch",
        "booking",
        ["state", "starts_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('offered', 'pending', 'booked', 'in_use')"),
        postgresql_where=sa.text("state IN ('offered', 'pending', 'booked', 'in_use')"),
    )
    op.create_table(
        "booking_series",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "booking_task",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("booking", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index(op.f("ix_booking_task_booking"), "booking_task", ["booking"], unique=False)
    op.create_table(
        "feed",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("resource", sa.Integer(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("revoked_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("used_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("secret"),
    )
    op.create_index(op.f("ix_feed_account"), "feed", ["account"], unique=False)
    op.create_table(
        "resource",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("approval", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "waiting_for",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("resource", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ends_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("headcount", sa.Integer(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("booking", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_waiting_for_account"), "waiting_for", ["account"], unique=False)
    op.create_index("waiting_for_resource", "waiting_for", ["resource", "state", "ends_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NO_DOUBLE_BOOKING)
