"""Departments by name, and of which department an account is.

Revision 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "department",
        sa.Column("code", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
    )
    op.add_column("crew_account", sa.Column("department", sa.Text(), nullable=False, server_default=""))
