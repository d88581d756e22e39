"""catalogue versions.

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
        "catalogue_version",
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), server_default="", nullable=False),
        sa.Column("published_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("effective_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("item", "version"),
    )
    op.create_index(
        "catalogue_draft",
        "catalogue_version",
        ["item"],
        unique=True,
        sqlite_where=sa.text("state = 'draft'"),
        postgresql_where=sa.text("state = 'draft'"),
    )
