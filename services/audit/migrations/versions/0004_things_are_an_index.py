"""What an entry concerns is an index that is made anew from the log: no longer append-only, with a reach of its own.

Revision 0004, after 0003.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema of the revision before to this one; what is there was indexed with each batch."""
    if op.get_context().dialect.name == "sqlite":
        statements = [f"DROP TRIGGER IF EXISTS about_no_{verb}" for verb in ("update", "delete")]
    else:
        statements = [f"DROP TRIGGER IF EXISTS about_{name} ON about" for name in ("append_only", "no_truncate")]
    for statement in (
        *statements,
        "INSERT INTO search_progress (one, upto) SELECT 2, size FROM log_head WHERE one = 1",
    ):
        op.execute(statement)
