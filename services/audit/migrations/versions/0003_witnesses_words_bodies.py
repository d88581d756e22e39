"""Witnesses and their cosignatures, the index of words, supervising bodies and their mandates.

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

import shared.database
from services.audit.tables import later_seat_belts

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "body",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("things", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "key"),
    )
    op.create_table(
        "mandate",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("starts_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("ends_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "body", "starts_at"),
    )
    op.create_table(
        "search_progress",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "subscription",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("since", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("sent_for", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "witness_seen",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("answered_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("url"),
    )
    op.add_column("vault", sa.Column("person", sa.Text(), server_default="", nullable=False))
    op.create_index("vault_person", "vault", ["person"], unique=False)
    for statement in later_seat_belts(op.get_context().dialect.name):
        op.execute(statement)
