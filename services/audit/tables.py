"""The audit service's schema: the log, what points into it, and the erasable vault beside it."""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, event

from shared.database import Moment
from shared.service import metadata_of_floor

metadata = metadata_of_floor()

# One row for each entry; ``leaf`` holds the bytes that were hashed, and nothing is ever read back through JSON.
log_entry = Table(
    "log_entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("sourcenumber", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("time", Moment, nullable=False),  # the producer's claim
    Column("received_at", Moment, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
)
Index("log_entry_type", log_entry.c.type, log_entry.c.seq)

# Which entries concern a thing: a request, a work order, a contract, a supplier, an account.
about = Table(
    "about",
    metadata,
    Column("thing", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("thing", "seq"),
)

# Hash tiles; a partial one is replaced by a wider one whose beginning it is.
log_tile = Table(
    "log_tile",
    metadata,
    Column("level", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "number"),
)

# One row: the tree as committed. ``UPDATE ... WHERE size = :old`` fences a second sequencer off.
log_head = Table(
    "log_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    Column("signed_at", Moment, nullable=False),
)

# The values behind commitments. Erasing deletes the row: the entry stays provable and says nothing.
vault = Table(
    "vault",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("value", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("seq", "field"),
)

# An event id that came a second time with other bytes: kept as a finding, never as an entry in its place.
conflict = Table(
    "log_conflict",
    metadata,
    Column("event_id", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("noticed_at", Moment, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("event_id", "sha256"),
)

# Seat belts, not proof: the tree and the witnesses are the proof. On PostgreSQL they also hold in replica mode.
APPEND_ONLY = ("log_entry", "about", "log_checkpoint")
_SQLITE = (
    "CREATE TRIGGER {0}_no_update BEFORE UPDATE ON {0} BEGIN SELECT RAISE(ABORT, '{0} is append-only'); END",
    "CREATE TRIGGER {0}_no_delete BEFORE DELETE ON {0} BEGIN SELECT RAISE(ABORT, '{0} is append-only'); END",
)
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
    "CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE ON {0} FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER {0}_no_truncate BEFORE TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE {0} ENABLE ALWAYS TRIGGER {0}_append_only",
    "ALTER TABLE {0} ENABLE ALWAYS TRIGGER {0}_no_truncate",
)


def seat_belts(dialect: str) -> list[str]:
    """The statements that make the log's tables append-only, for one kind of database."""
    if dialect == "sqlite":
        # INSERT OR REPLACE deletes without the trigger unless recursive_triggers is on (see shared/database.py), and
        # that is a matter of the connection; an entry that exists is therefore also refused when it is inserted.
        return [line.format(name) for name in APPEND_ONLY for line in _SQLITE] + [
            "CREATE TRIGGER log_entry_once BEFORE INSERT ON log_entry WHEN EXISTS (SELECT 1 FROM log_entry WHERE"
            " seq = NEW.seq OR event_id = NEW.event_id) BEGIN SELECT RAISE(ABORT, 'log_entry is append-only'); END"
        ]
    return [_POSTGRESQL[0], *(line.format(name) for name in APPEND_ONLY for line in _POSTGRESQL[1:])]


for _dialect in ("sqlite", "postgresql"):
    for _statement in seat_belts(_dialect):
        # DDL fills %(places)s, so a percent sign of the statement's own is doubled.
        event.listen(metadata, "after_create", DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect))
