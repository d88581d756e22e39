"""a budget line continues the one of the year before.

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.add_column("budget_line", sa.Column("follows", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "budget_line_followed_once",
        "budget_line",
        ["follows"],
        unique=True,
        sqlite_where=sa.text("follows != ''"),
        postgresql_where=sa.text("follows != ''"),
    )
