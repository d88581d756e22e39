"""What is kept of cases about personal data."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from services.requests.tables import metadata
from shared.database import Moment

data_case = Table(
    "data_case",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),  # open, granted, in_part, refused, withdrawn
    Column("kind", Text, nullable=False),  # see, correct, erase, object
    Column("words", Text, nullable=False),
    Column("account", Text, nullable=False),  # whose data it is about
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("late_at", Moment),  # when it was said to be late, once
    Column("answer", Text, nullable=False),
    Column("answered_by", Text, nullable=False),  # account
    Column("answered_name", Text, nullable=False),
    Column("answered_name_en", Text, nullable=False),
    Column("closed_at", Moment),
    Column("touched", Integer, nullable=False),  # rows of this service that were deleted or emptied
)
Index("data_case_by_account", data_case.c.account, data_case.c.made_at)
# One of a kind and person at a time.
_open = data_case.c.state == "open"
Index("data_case_open", data_case.c.account, data_case.c.kind, unique=True, sqlite_where=_open, postgresql_where=_open)
Index("data_case_due", data_case.c.due_at, sqlite_where=_open, postgresql_where=_open)
