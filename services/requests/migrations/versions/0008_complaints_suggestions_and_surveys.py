"""complaints suggestions and surveys.

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

import shared.database

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema of the revision before to this one."""
    op.create_table(
        "complaint",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("request_reference", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=False),
        sa.Column("supplier", sa.Text(), nullable=False),
        sa.Column("crews", sa.Text(), nullable=False),
        sa.Column("suppliers", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("complainant", sa.Text(), nullable=False),
        sa.Column("complainant_name", sa.Text(), nullable=False),
        sa.Column("complainant_name_en", sa.Text(), nullable=False),
        sa.Column("complainant_department", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("restricted", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("handler_kind", sa.Text(), nullable=False),
        sa.Column("handler_name", sa.Text(), nullable=False),
        sa.Column("handler_name_en", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("handled_by", sa.Text(), nullable=False),
        sa.Column("opened_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("due_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("acknowledged_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("answered_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("appeal_until", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("escalated_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("closed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("first_outcome", sa.Text(), nullable=False),
        sa.Column("first_answer", sa.Text(), nullable=False),
        sa.Column("appeal_words", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("close_reason", sa.Text(), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("complaint_by_body", "complaint", ["organisation", "opened_at", "id"], unique=False)
    op.create_index("complaint_by_complainant", "complaint", ["complainant", "opened_at", "id"], unique=False)
    op.create_index("complaint_by_crew", "complaint", ["crew", "opened_at", "id"], unique=False)
    op.create_index("complaint_by_handler", "complaint", ["handler", "opened_at", "id"], unique=False)
    op.create_index("complaint_by_supplier", "complaint", ["supplier", "opened_at", "id"], unique=False)
    op.create_index("complaint_due", "complaint", ["state", "due_at"], unique=False)
    op.create_table(
        "complaint_step",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("who_en", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("complaint_step_of", "complaint_step", ["complaint_id", "row_id"], unique=False)
    op.create_table(
        "forum",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("people", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_name", sa.Text(), nullable=False),
        sa.Column("made_name_en", sa.Text(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("forum_by_body", "forum", ["organisation", "held_on", "id"], unique=False)
    op.create_table(
        "improvement",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Text(), nullable=False),
        sa.Column("origin_reference", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("owner_name_en", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("acted_by", sa.Text(), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("improvement_by_body", "improvement", ["organisation", "made_at", "id"], unique=False)
    op.create_index("improvement_by_origin", "improvement", ["origin_id"], unique=False)
    op.create_index("improvement_by_owner", "improvement", ["owner", "made_at", "id"], unique=False)
    op.create_table(
        "improvement_step",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("improvement_id", sa.Text(), nullable=False),
        sa.Column("at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("who_en", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_id"),
    )
    op.create_index("improvement_step_of", "improvement_step", ["improvement_id", "row_id"], unique=False)
    op.create_table(
        "suggestion",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("author_name_en", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("forum_id", sa.Text(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("reply_by", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("replied_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("replied_by", sa.Text(), nullable=False),
        sa.Column("replied_name", sa.Text(), nullable=False),
        sa.Column("replied_name_en", sa.Text(), nullable=False),
        sa.Column("changed_at", shared.database.Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("suggestion_by_author", "suggestion", ["author", "made_at", "id"], unique=False)
    op.create_index("suggestion_by_body", "suggestion", ["organisation", "made_at", "id"], unique=False)
    op.create_index("suggestion_of_forum", "suggestion", ["forum_id"], unique=False)
    op.create_table(
        "survey",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("intro", sa.Text(), nullable=False),
        sa.Column("intro_en", sa.Text(), nullable=False),
        sa.Column("questions", sa.Text(), nullable=False),
        sa.Column("next_question", sa.Integer(), nullable=False),
        sa.Column("departments", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", shared.database.Moment(timezone=True), nullable=False),
        sa.Column("opened_at", shared.database.Moment(timezone=True), nullable=True),
        sa.Column("closed_at", shared.database.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("survey_by_body", "survey", ["organisation", "made_at", "id"], unique=False)
    op.create_index("survey_by_state", "survey", ["state", "opens_on"], unique=False)
    op.create_table(
        "survey_answered",
        sa.Column("survey_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("survey_id", "account"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "survey_group",
        sa.Column("survey_id", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("invited", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("survey_id", "department"),
    )
    op.create_table(
        "survey_tally",
        sa.Column("survey_id", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("survey_id", "department", "question", "value"),
    )
    op.create_table(
        "survey_text",
        sa.Column("survey_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("survey_id", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "voice_number",
        sa.Column("letter", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("letter", "day"),
    )
