"""alerts, evidence, console, people, upkeep.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "alarm",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("first_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("last_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key"),
    )
    op.create_table(
        "alarm_message",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message"),
    )
    op.create_table(
        "alert",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("promise", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("told_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "key"),
    )
    op.create_index("alert_told", "alert", ["told_at"], unique=False)
    op.create_table(
        "asset",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "certificate",
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("crew", "number", "skill"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("low", sa.Text(), nullable=False),
        sa.Column("high", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "drill",
        sa.Column("drill_id", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("led_by", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("drill_id"),
    )
    op.create_table(
        "employment",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("employer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("person", "from_on"),
    )
    op.create_table(
        "handover",
        sa.Column("note_id", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("done_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("note_id"),
    )
    op.create_index("handover_at", "handover", ["at"], unique=False)
    op.create_table(
        "interest",
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("declared_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("declared_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("crew", "about"),
    )
    op.create_table(
        "leave",
        sa.Column("leave_id", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("noted_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("leave_id"),
    )
    op.create_table(
        "passing",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("checkpoint", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False),
        sa.Column("outside", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "checkpoint"),
    )
    op.create_table(
        "photo",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("claimed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("received_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "sha256"),
    )
    op.create_index("photo_sha256", "photo", ["sha256"], unique=False)
    op.create_table(
        "plan",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("next_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("plan_next", "plan", ["next_at"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "name"),
    )
    op.add_column("work_order", sa.Column("origin", sa.Text(), server_default="request", nullable=False))
    op.add_column("work_order", sa.Column("parent", sa.Text(), server_default="", nullable=False))
    op.add_column("work_order", sa.Column("asset", sa.Text(), server_default="", nullable=False))
    op.add_column("work_order", sa.Column("checks", sa.Text(), server_default="[]", nullable=False))
    op.add_column("work_order", sa.Column("signed_by", sa.Text(), server_default="", nullable=False))
    op.add_column("work_order", sa.Column("answer_by", shared.database.Moment(timezone=True), nullable=True))
    op.add_column("work_order", sa.Column("alert_at", shared.database.Moment(timezone=True), nullable=True))
    op.create_index("work_order_alert", "work_order", ["alert_at"], unique=False)
    op.create_index("work_order_answer", "work_order", ["answer_by"], unique=False)
    op.create_index("work_order_asset", "work_order", ["asset"], unique=False)
    op.create_index("work_order_parent", "work_order", ["parent"], unique=False)
