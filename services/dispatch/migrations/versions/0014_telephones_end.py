"""Telephones have a term: those still to be emptied are found by themselves.

Revision 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_index(
        "work_order_contact",
        "work_order",
        ["order_id"],
        unique=False,
        sqlite_where=sa.text("contact != ''"),
        postgresql_where=sa.text("contact != ''"),
    )
