"""Photos have a term.

Revision 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("photo", sa.Column("removed_at", shared.database.Moment(timezone=True), nullable=True))
    op.create_index(
        "photo_there",
        "photo",
        ["made_at"],
        unique=False,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
