"""no employers.

Revision 0003, after 0002.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.drop_table("employment")
