"""Ids of devices' deliveries are forgotten by their age.

Revision 0015, after 0014.
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_index("alarm_message_at", "alarm_message", ["at"])
