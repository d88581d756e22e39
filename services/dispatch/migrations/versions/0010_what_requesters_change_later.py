"""What requesters change after filing.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("work_order", sa.Column("amended", sa.Integer(), server_default="0", nullable=False))
    op.add_column("work_order", sa.Column("amended_at", shared.database.Moment(timezone=True), nullable=True))
    op.add_column("work_order", sa.Column("joined", sa.Integer(), server_default="1", nullable=False))
    op.add_column("work_order", sa.Column("photos", sa.Text(), server_default="[]", nullable=False))
