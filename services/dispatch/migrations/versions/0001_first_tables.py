"""First tables.

Revision 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "breach",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("promise", sa.Text(), nullable=False),
        sa.Column("due_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("noticed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "promise"),
    )
    op.create_table(
        "cover",
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("contract"),
    )
    op.create_table(
        "crew",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("leader", sa.Text(), nullable=False),
        sa.Column("leader_en", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("shift_from", sa.Integer(), nullable=False),
        sa.Column("shift_until", sa.Integer(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("hourly", sa.Text(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "crew_account",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "crew_load",
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("crew"),
    )
    op.create_table(
        "happening",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "sequence"),
    )
    op.create_table(
        "heads",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("type"),
    )
    op.create_table(
        "heard",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "sequence"),
    )
    op.create_table(
        "idempotency",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "route", "key"),
    )
    op.create_index(op.f("ix_idempotency_at"), "idempotency", ["at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "source", "type", "epoch", "number"),
    )
    op.create_table(
        "item_mode",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("item"),
    )
    op.create_table(
        "live_row",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("live_row_at", "live_row", ["at"], unique=False)
    op.create_table(
        "member",
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("crew", "number"),
    )
    op.create_table(
        "outbox",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("sourcenumber", sa.BigInteger(), nullable=True),
        sa.Column("typenumber", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("outbox_by_source", "outbox", ["epoch", "sourcenumber"], unique=False)
    op.create_index("outbox_by_type", "outbox", ["type", "epoch", "typenumber"], unique=False)
    op.create_index(
        "outbox_unnumbered",
        "outbox",
        ["row_id"],
        unique=False,
        sqlite_where=sa.text("sourcenumber IS NULL"),
        postgresql_where=sa.text("sourcenumber IS NULL"),
    )
    op.create_table(
        "resend",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_table(
        "revoked",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("until", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index(op.f("ix_revoked_until"), "revoked", ["until"], unique=False)
    op.create_table(
        "sent",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("ahead", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("epoch"),
    )
    op.create_table(
        "starts",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("handler", "event_id"),
    )
    op.create_table(
        "supplier",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "waiting",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("since", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("not_before", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("waiting_due", "waiting", ["state", "not_before"], unique=False)
    op.create_table(
        "watermark",
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("behind_since", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("asked_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("handler", "source", "type", "epoch"),
    )
    op.create_table(
        "work_order",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("request_reference", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("building", sa.Text(), nullable=False),
        sa.Column("floor", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("filed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("ends_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("headcount", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("restricted", sa.Integer(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("skills", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("crew", sa.Text(), server_default="", nullable=False),
        sa.Column("supplier", sa.Text(), server_default="", nullable=False),
        sa.Column("contract", sa.Text(), server_default="", nullable=False),
        sa.Column("assigned_by", sa.Text(), server_default="", nullable=False),
        sa.Column("previous_crew", sa.Text(), server_default="", nullable=False),
        sa.Column("reasons", sa.Text(), server_default="[]", nullable=False),
        sa.Column("next_crews", sa.Text(), server_default="[]", nullable=False),
        sa.Column("refused_by", sa.Text(), server_default="[]", nullable=False),
        sa.Column("planned_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("opened_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("assigned_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("accepted_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("set_off_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("arrived_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("started_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("paused_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("paused_from", sa.Text(), server_default="", nullable=False),
        sa.Column("pause_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("finished_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("cancelled_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("confirmed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("stars", sa.Integer(), server_default="0", nullable=False),
        sa.Column("urged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("urged_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("usage", sa.Text(), server_default="[]", nullable=False),
        sa.Column("evidence", sa.Text(), server_default="[]", nullable=False),
        sa.Column("terms", sa.Text(), server_default="[]", nullable=False),
        sa.Column("response_due_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("arrival_due_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("finish_due_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("responded_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("response_kept", sa.Integer(), nullable=True),
        sa.Column("arrival_kept", sa.Integer(), nullable=True),
        sa.Column("finish_kept", sa.Integer(), nullable=True),
        sa.Column("look_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("urgency_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_what", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("request_id", "round"),
    )
    op.create_index("work_order_crew", "work_order", ["crew", "open"], unique=False)
    op.create_index("work_order_look", "work_order", ["look_at"], unique=False)
    op.create_index("work_order_opened", "work_order", ["opened_at", "order_id"], unique=False)
    op.create_index("work_order_queue", "work_order", ["open", "urgency_at", "order_id"], unique=False)
    op.create_index("work_order_supplier", "work_order", ["supplier", "opened_at"], unique=False)
