"""Ids of devices' deliveries are forgotten by their age.

Revision 0013, after 0012.
"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_index("alarm_message_at", "alarm_message", ["at"])
