"""The audit service's schema: the log, what points into it, and the erasable vault beside it."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    event,
)

from shared.database import Moment
from shared.service import metadata_of_floor

metadata = metadata_of_floor()
metadata.info["apart"] = ("entry_words",)  # FTS5 on SQLite, tsvector on PostgreSQL: made by later_seat_belts

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

# Which entries concern a thing: a request, a work order, a contract, a supplier, an account. An index, see things.py.
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
    Column("level", Integer, nullable=False),  # plus 64 for each log before its own
    Column("number", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("level", "number"),
)

# One row: the current log and its tree as committed. ``UPDATE ... WHERE size = :old`` fences a second sequencer off.
log_head = Table(
    "log_head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("number", Integer, nullable=False, server_default="0"),  # of the log; how many were closed before it
    Column("first", BigInteger, nullable=False, server_default="0"),  # number of its first entry
)

# A log that takes no more entries. Its final checkpoint states this size and root; the next one begins after it.
closed_log = Table(
    "closed_log",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("next_origin", Text, nullable=False),
    Column("closed_at", Moment, nullable=False),
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    # the number after its last entry: ``first`` of its log plus the size that it states
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    Column("signed_at", Moment, nullable=False),
)

# A witness's signature line under the checkpoint of a size; what is served is the note with these lines below it.
log_cosignature = Table(
    "log_cosignature",
    metadata,
    Column("size", BigInteger, nullable=False),
    Column("key", Text, nullable=False),  # name and id of the witness's key
    Column("line", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
    PrimaryKeyConstraint("size", "key"),
)

# What is known of each witness; a fact about the present, not a record.
witness_seen = Table(
    "witness_seen",
    metadata,
    Column("url", Text, primary_key=True),
    Column("names", Text, nullable=False),  # of its keys, by comma
    Column("size", BigInteger, nullable=False),  # that it cosigned last
    Column("asked_at", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("problem", Text, nullable=False),  # unreachable, refused, ahead, fork; empty when all is well
    Column("detail", Text, nullable=False),
)

# How far the index of words (1), that of things (2) and the tallies (3) reach: entries 0 to upto - 1. All are made anew
# from the log at any time.
search_progress = Table(
    "search_progress",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("upto", BigInteger, nullable=False),
)

# The bodies that supervise (国家级、省级、市级、基层单位, industry, third parties): a tree, each with what it may read.
body = Table(
    "body",
    metadata,
    Column("code", Text, primary_key=True),
    Column("parent", Text, nullable=False),  # code; empty for a root
    Column("kind", Text, nullable=False),  # government, industry, third
    Column("level", Text, nullable=False),  # nation, province, city, unit
    Column("name", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("sources", Text, nullable=False),  # services whose entries it reads, by comma; empty = all
    Column("things", Text, nullable=False),  # only entries about these, by comma; empty = all
)

# Who reads for a body, and for how long. Ending one early is a new row's matter: ends_at only ever comes nearer.
mandate = Table(
    "mandate",
    metadata,
    Column("account_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("given_by", Text, nullable=False),
    PrimaryKeyConstraint("account_id", "body", "starts_at"),
)

# Who is sent the daily digest; an address is personal data and never enters the log.
subscription = Table(
    "subscription",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("since", Moment, nullable=False),
    Column("sent_for", Text, nullable=False),  # the last day that was sent, ISO; empty before the first
)

# Until when each complaint is to be answered, and whether it is; told by its events, so that one that is late is seen.
complaint_due = Table(
    "complaint_due",
    metadata,
    Column("complaint_id", Text, primary_key=True),
    Column("due_at", Moment),  # None until an event that says it has come
    Column("due_sequence", BigInteger, nullable=False),  # of the event that said it
    Column("open", Boolean, nullable=False),  # an answer is owed
    Column("sequence", BigInteger, nullable=False),
)
Index("complaint_due_open", complaint_due.c.open, complaint_due.c.due_at)

# What the figures of targets are made of, by month at the site: a quotient's part and whole. Made from sealed entries,
# see targets.py.
kpi_tally = Table(
    "kpi_tally",
    metadata,
    Column("kpi", Text, nullable=False),
    Column("month", Text, nullable=False),  # 2026-11
    Column("part", BigInteger, nullable=False),
    Column("whole", BigInteger, nullable=False),
    PrimaryKeyConstraint("kpi", "month"),
)

# Targets as versions: none is ever changed, a later one only begins later or takes its place from its own period on.
target = Table(
    "target",
    metadata,
    Column("kpi", Text, nullable=False),
    Column("term", Text, nullable=False),  # month, year
    Column("version", Integer, nullable=False),  # from 1, of the figure's months or years
    Column("starts", Text, nullable=False),  # 2026-12 or 2027
    Column("hundredths", Integer, nullable=False),  # of a per cent, or of a star
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Moment, nullable=False),
    PrimaryKeyConstraint("kpi", "term", "version"),
)

# The values behind commitments. Erasing deletes the row: the entry stays provable and says nothing.
vault = Table(
    "vault",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("field", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("value", Text, nullable=False),  # JSON; "gcm1:" and base64 when encrypted with the vault's key
    Column("person", Text, nullable=False, server_default=""),  # account it is said of, as far as the event tells
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

Index("vault_person", vault.c.person)

# Seat belts, not proof: the tree and the witnesses are the proof. On PostgreSQL they also hold in replica mode.
APPEND_ONLY = ("log_entry", "log_checkpoint")  # since revision 0002
APPEND_ONLY_LATER = ("log_cosignature", "log_conflict")  # since revision 0003
APPEND_ONLY_CLOSED = ("closed_log",)  # since revision 0006
APPEND_ONLY_TARGETS = ("target",)  # since revision 0007
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


def later_seat_belts(dialect: str) -> list[str]:
    """As ``seat_belts``, for what revision 0003 adds."""
    if dialect == "sqlite":
        return [line.format(name) for name in APPEND_ONLY_LATER for line in _SQLITE] + [
            "CREATE TRIGGER log_checkpoint_once BEFORE INSERT ON log_checkpoint WHEN EXISTS (SELECT 1 FROM log_checkpoint"
            " WHERE size = NEW.size AND note <> NEW.note) BEGIN SELECT RAISE(ABORT, 'log_checkpoint is append-only'); END",
            "CREATE VIRTUAL TABLE entry_words USING fts5(words, content='', tokenize='unicode61')",
        ]
    return [
        *(line.format(name) for name in APPEND_ONLY_LATER for line in _POSTGRESQL[1:]),
        "CREATE TABLE entry_words (seq bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX entry_words_gin ON entry_words USING gin (words)",
    ]


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


def closed_seat_belts(dialect: str) -> list[str]:
    """As ``seat_belts``, for what revision 0006 adds."""
    if dialect == "sqlite":
        return [line.format(name) for name in APPEND_ONLY_CLOSED for line in _SQLITE] + [
            "CREATE TRIGGER closed_log_once BEFORE INSERT ON closed_log WHEN EXISTS (SELECT 1 FROM closed_log WHERE"
            " number = NEW.number) BEGIN SELECT RAISE(ABORT, 'closed_log is append-only'); END"
        ]
    return [line.format(name) for name in APPEND_ONLY_CLOSED for line in _POSTGRESQL[1:]]


def target_seat_belts(dialect: str) -> list[str]:
    """As ``seat_belts``, for what revision 0007 adds."""
    lines = _SQLITE if dialect == "sqlite" else _POSTGRESQL[1:]
    return [line.format(name) for name in APPEND_ONLY_TARGETS for line in lines]


_BELTS = (seat_belts, later_seat_belts, closed_seat_belts, target_seat_belts)
for _dialect in ("sqlite", "postgresql"):
    for _statement in (line for belts in _BELTS for line in belts(_dialect)):
        # DDL fills %(places)s, so a percent sign of the statement's own is doubled.
        event.listen(metadata, "after_create", DDL(_statement.replace("%", "%%")).execute_if(dialect=_dialect))
