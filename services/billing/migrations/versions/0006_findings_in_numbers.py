"""findings in numbers.

Revision 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("deduction", sa.Column("numbers", sa.Text(), server_default="{}", nullable=False))
