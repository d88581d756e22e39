"""How a room can be laid out, and is for a booking; those there are stand as the room stands.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    for table, name in (("resource", "layouts"), ("booking", "layout"), ("waiting_for", "layout")):
        op.add_column(table, sa.Column(name, sa.Text(), server_default="", nullable=False))
