"""What is kept of complaints, suggestions, forums, improvements and surveys."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Index, Integer, PrimaryKeyConstraint, Table, Text

from services.requests.tables import metadata
from shared.database import Moment, RowId

# Running numbers of the day for each kind of thing that has a spoken reference.
voice_number = Table(
    "voice_number",
    metadata,
    Column("letter", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("next", Integer, nullable=False),
    PrimaryKeyConstraint("letter", "day"),
)

# ---- complaints

complaint = Table(
    "complaint",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("round", Integer, nullable=False),  # 1, or 2 after an appeal
    Column("state", Text, nullable=False),  # received, investigating, answered, appealed, closed, withdrawn
    Column("about", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("salt", Text, nullable=False),  # with the words, what the sealed digest was made of
    Column("request_id", Text, nullable=False),  # empty = about no request
    Column("request_reference", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("crew", Text, nullable=False),  # that had the work last
    Column("supplier", Text, nullable=False),
    Column("crews", Text, nullable=False),  # that had it in any round, between blanks: " a b "
    Column("suppliers", Text, nullable=False),
    Column("department", Text, nullable=False),  # complained about
    Column("complainant", Text, nullable=False),
    Column("complainant_name", Text, nullable=False),
    Column("complainant_name_en", Text, nullable=False),
    Column("complainant_department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("restricted", Boolean, nullable=False),
    Column("channel", Text, nullable=False),
    Column("handler", Text, nullable=False),  # account; empty = nobody independent yet
    Column("handler_kind", Text, nullable=False),
    Column("handler_name", Text, nullable=False),
    Column("handler_name_en", Text, nullable=False),
    Column("why", Text, nullable=False),  # reasons of the choice, JSON
    Column("handled_by", Text, nullable=False),  # accounts that have had it, between blanks
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("acknowledged_at", Moment),
    Column("answered_at", Moment),
    Column("appeal_until", Moment),
    Column("escalated_at", Moment),
    Column("closed_at", Moment),
    Column("first_outcome", Text, nullable=False),
    Column("first_answer", Text, nullable=False),
    Column("appeal_words", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("close_reason", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
Index("complaint_by_complainant", complaint.c.complainant, complaint.c.opened_at, complaint.c.id)
Index("complaint_by_handler", complaint.c.handler, complaint.c.opened_at, complaint.c.id)
Index("complaint_by_time", complaint.c.opened_at, complaint.c.id)
Index("complaint_by_supplier", complaint.c.supplier, complaint.c.opened_at, complaint.c.id)
Index("complaint_by_crew", complaint.c.crew, complaint.c.opened_at, complaint.c.id)
Index("complaint_due", complaint.c.state, complaint.c.due_at)
complaint_step = Table(
    "complaint_step",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("complaint_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("what", Text, nullable=False),
    Column("who", Text, nullable=False),  # the handler's name; never the complainant's
    Column("who_en", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
Index("complaint_step_of", complaint_step.c.complaint_id, complaint_step.c.row_id)

# ---- suggestions, forums, improvements

suggestion = Table(
    "suggestion",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),  # received, adopted, declined, done, withdrawn
    Column("title", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("item", Text, nullable=False),  # empty = in general
    Column("author", Text, nullable=False),  # account; empty = a forum
    Column("author_name", Text, nullable=False),
    Column("author_name_en", Text, nullable=False),
    Column("named", Boolean, nullable=False),  # the author's name is shown to everybody
    Column("department", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("forum_id", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("reply_by", Moment, nullable=False),
    Column("reply", Text, nullable=False),
    Column("replied_at", Moment),
    Column("replied_by", Text, nullable=False),
    Column("replied_name", Text, nullable=False),
    Column("replied_name_en", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
Index("suggestion_by_time", suggestion.c.made_at, suggestion.c.id)
Index("suggestion_by_author", suggestion.c.author, suggestion.c.made_at, suggestion.c.id)
Index("suggestion_of_forum", suggestion.c.forum_id)
forum = Table(
    "forum",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("held_on", Date, nullable=False),
    Column("topic", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("people", Text, nullable=False),  # who took part, as the minutes name them
    Column("minutes", Text, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_name", Text, nullable=False),
    Column("made_name_en", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
)
Index("forum_by_time", forum.c.held_on, forum.c.id)
improvement = Table(
    "improvement",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),  # found, analysed, acting, acted, verified, dropped
    Column("origin", Text, nullable=False),  # suggestion, forum, complaint, own
    Column("origin_id", Text, nullable=False),
    Column("origin_reference", Text, nullable=False),
    Column("finding", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("owner_name", Text, nullable=False),
    Column("owner_name_en", Text, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("organisation", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("acted_by", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)
Index("improvement_by_time", improvement.c.made_at, improvement.c.id)
Index("improvement_by_owner", improvement.c.owner, improvement.c.made_at, improvement.c.id)
Index("improvement_by_origin", improvement.c.origin_id)
improvement_step = Table(
    "improvement_step",
    metadata,
    Column("row_id", RowId, primary_key=True),
    Column("improvement_id", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("what", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("who_en", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
Index("improvement_step_of", improvement_step.c.improvement_id, improvement_step.c.row_id)

# ---- surveys

survey = Table(
    "survey",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),  # draft, planned, open, closed
    Column("title", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("intro", Text, nullable=False),
    Column("intro_en", Text, nullable=False),
    Column("questions", Text, nullable=False),  # JSON
    Column("next_question", Integer, nullable=False),  # codes are not used again
    Column("departments", Text, nullable=False),  # codes between blanks: " a b "; empty = all
    Column("organisation", Text, nullable=False),
    Column("opens_on", Date, nullable=False),
    Column("closes_on", Date, nullable=False),  # the last day
    Column("made_by", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("opened_at", Moment),
    Column("reminded_at", Moment),
    Column("closed_at", Moment),
)
Index("survey_by_time", survey.c.made_at, survey.c.id)
Index("survey_by_state", survey.c.state, survey.c.opens_on)
# How many were asked and how many answered, by department.
survey_group = Table(
    "survey_group",
    metadata,
    Column("survey_id", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("invited", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    PrimaryKeyConstraint("survey_id", "department"),
)
# Who has answered, without what or when. On SQLite it lies in the order of its key, not of arrival.
survey_answered = Table(
    "survey_answered",
    metadata,
    Column("survey_id", Text, nullable=False),
    Column("account", Text, nullable=False),
    PrimaryKeyConstraint("survey_id", "account"),
    sqlite_with_rowid=False,
)
# What was answered, as counts alone: no row stands for a person.
survey_tally = Table(
    "survey_tally",
    metadata,
    Column("survey_id", Text, nullable=False),
    Column("department", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("people", Integer, nullable=False),
    PrimaryKeyConstraint("survey_id", "department", "question", "value"),
)
# What was written, without whose it is, from which department, or when; the key is random, and the rows lie in its order.
survey_text = Table(
    "survey_text",
    metadata,
    Column("survey_id", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("words", Text, nullable=False),
    PrimaryKeyConstraint("survey_id", "id"),
    sqlite_with_rowid=False,
)
