"""lists by time.

Revision 0014, after 0013.
"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.drop_index(op.f("complaint_by_body"), table_name="complaint")
    op.create_index("complaint_by_time", "complaint", ["opened_at", "id"], unique=False)
    op.drop_index(op.f("forum_by_body"), table_name="forum")
    op.create_index("forum_by_time", "forum", ["held_on", "id"], unique=False)
    op.drop_index(op.f("improvement_by_body"), table_name="improvement")
    op.create_index("improvement_by_time", "improvement", ["made_at", "id"], unique=False)
    op.drop_index(op.f("suggestion_by_body"), table_name="suggestion")
    op.create_index("suggestion_by_time", "suggestion", ["made_at", "id"], unique=False)
    op.drop_index(op.f("survey_by_body"), table_name="survey")
    op.create_index("survey_by_time", "survey", ["made_at", "id"], unique=False)
