"""public requests.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "public_request",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("filed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index(
        "public_request_by_item",
        "public_request",
        ["item", sa.literal_column("filed_at DESC"), sa.literal_column("request_id DESC")],
        unique=False,
    )
    # The one item that the catalogue has shipped as public.
    op.execute(
        "INSERT INTO public_request (request_id, item, filed_at)"
        " SELECT id, item, filed_at FROM request WHERE item = 'square' AND NOT restricted"
    )
