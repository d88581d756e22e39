"""The web floor's own tables in each service's database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text

from shared.database import Moment, RowId


def add_tables(metadata: MetaData) -> None:
    """Put ``idempotency``, ``revoked`` and ``live_row`` into a service's schema."""
    # The first answer to each key, written in the commit of what it answers. Pruned after two days.
    Table(
        "idempotency",
        metadata,
        Column("account", Text, primary_key=True),
        Column("route", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("status", Integer, nullable=False),
        Column("headers", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("at", Moment, nullable=False, index=True),
    )
    # Passes that must no longer be believed although they have not expired. ``subject`` is ``session:<id>`` or
    # ``account:<id>``; a pass of an account dies when its epoch is below ``epoch``. Pruned after ``until``.
    Table(
        "revoked",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("epoch", BigInteger, nullable=False),
        Column("until", Moment, nullable=False, index=True),
    )
    # What live pages are told, so that each replica's streams see it. Kept for some minutes.
    live = Table(
        "live_row",
        metadata,
        Column("id", RowId, primary_key=True),
        Column("channel", Text, nullable=False),
        Column("event", Text, nullable=False),
        Column("data", Text, nullable=False),
        Column("at", Moment, nullable=False),
        sqlite_autoincrement=True,
    )
    Index("live_row_at", live.c.at)
