"""Photos have a term.

Revision 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("photo", sa.Column("removed_at", shared.database.Moment(timezone=True), nullable=True))
    op.create_index(
        "photo_there",
        "photo",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
