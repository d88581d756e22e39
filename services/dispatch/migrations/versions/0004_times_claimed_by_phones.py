"""times claimed by phones.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("happening", sa.Column("claimed_at", shared.database.Moment(timezone=True), nullable=True))
