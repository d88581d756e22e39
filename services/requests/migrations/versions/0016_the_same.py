"""the same.

Revision 0016, after 0015. Requests that were open before keep what they hold; those filed all the same have nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("request", sa.Column("alike", sa.Text(), nullable=True))
    op.execute("UPDATE request SET alike = alone WHERE alone IS NOT NULL")
