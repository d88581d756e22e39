"""Cases about the data kept of a person.

Revision 0019, after 0018.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0019"
down_revision = "0018"

OPEN = "state = 'open'"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "data_case",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "reference")),
        sa.Column("version", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("state", "kind", "words", "account", "name", "name_en")
        ),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("due_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("late_at", shared.database.Moment(timezone=True), nullable=True),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("answer", "answered_by", "answered_name", "answered_name_en")
        ),
        sa.Column("closed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("data_case_by_account", "data_case", ["account", "made_at"], unique=False)
    op.create_index(
        "data_case_open",
        "data_case",
        ["account", "kind"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    op.create_index(
        "data_case_due",
        "data_case",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
