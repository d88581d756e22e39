"""Telephones have a term: those still to be emptied are found by themselves.

Revision 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_index(
        "request_contact",
        "request",
        ["id"],
        unique=False,
        sqlite_where=sa.text("contact != ''"),
        postgresql_where=sa.text("contact != ''"),
    )
