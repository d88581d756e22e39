"""surveys remind.

Revision 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("survey", sa.Column("reminded_at", shared.database.Moment(timezone=True), nullable=True))
