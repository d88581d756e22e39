"""What is kept of notices."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, Text

from services.requests.tables import metadata
from shared.database import Moment

notice = Table(
    "notice",
    metadata,
    Column("id", Text, primary_key=True),  # UUIDv7: its order is the order of the list
    Column("account", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # request, booking, ...
    Column("subject_id", Text, nullable=False),
    Column("address", Text, nullable=False),  # path of the page it leads to
    Column("words", Text, nullable=False),  # JSON: what fills the places of notice.<kind>
    Column("restricted", Boolean, nullable=False),  # a mail says only that there is something to read
    Column("made_at", Moment, nullable=False),
    Column("read_at", Moment),
    # due: not looked at yet by the mailer; daily: waits for the digest; done: mailed, or not to be.
    Column("mail", Text, nullable=False),
)
Index("notice_by_account", notice.c.account, notice.c.id.desc())
Index(
    "notice_unread",
    notice.c.account,
    notice.c.id,
    sqlite_where=notice.c.read_at.is_(None),
    postgresql_where=notice.c.read_at.is_(None),
)
Index(
    "notice_to_mail",
    notice.c.mail,
    notice.c.id,
    sqlite_where=notice.c.mail != "done",
    postgresql_where=notice.c.mail != "done",
)
Index("notice_by_time", notice.c.made_at)
