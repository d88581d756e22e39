"""The log's tables are append-only.

Revision 0002, after 0001.
"""

from alembic import op

from services.audit.tables import seat_belts

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Triggers refuse what would change an entry; the tree and its witnesses are the proof."""
    for statement in seat_belts(op.get_context().dialect.name):
        op.execute(statement)
