"""approvals in steps and deputies.

Revision 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "approval_by",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "key"),
    )
    op.create_index("approval_by_key", "approval_by", ["key"], unique=False)
    op.create_table(
        "approval_vote",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("instead_of", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id", "step", "instead_of"),
    )
    op.create_table(
        "deputy",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("deputy", sa.Text(), nullable=False),
        sa.Column("from_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("until_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_deputy_account"), "deputy", ["account"], unique=False)
    op.create_index(op.f("ix_deputy_deputy"), "deputy", ["deputy"], unique=False)
    op.add_column("approval", sa.Column("kind", sa.Text(), server_default="request", nullable=False))
    op.add_column("approval", sa.Column("why", sa.Text(), server_default="", nullable=False))
    op.add_column("approval", sa.Column("requester", sa.Text(), server_default="", nullable=False))
    op.add_column("approval", sa.Column("filed_by", sa.Text(), server_default="", nullable=False))
    op.add_column("approval", sa.Column("steps", sa.Text(), server_default="[]", nullable=False))
    op.add_column("approval", sa.Column("step", sa.Integer(), server_default="0", nullable=False))
    op.add_column("approval", sa.Column("passed_on", sa.Boolean(), server_default=sa.false(), nullable=False))
    # What waits already can be decided by dispatchers, as before; bookings that await approval are approvals too.
    op.execute(
        """UPDATE approval SET requester = (SELECT requester FROM request WHERE request.id = approval.request_id),
           filed_by = (SELECT filed_by FROM request WHERE request.id = approval.request_id)
           WHERE EXISTS (SELECT 1 FROM request WHERE request.id = approval.request_id)"""
    )
    op.execute(
        """INSERT INTO approval (request_id, kind, reason, why, state, organisation, requester, filed_by, event, claim, steps,
           step, asked_at, due_at, decided_by, words)
           SELECT id, 'booking', 'chosen', '', 'open', organisation, account, made_by, '{}', '{}', '[]', 0, made_at, starts_at, '', ''
           FROM booking WHERE state = 'pending'"""
    )
    op.execute(
        "INSERT INTO approval_by (request_id, key) SELECT request_id, 'role:dispatcher' FROM approval WHERE state = 'open'"
    )
