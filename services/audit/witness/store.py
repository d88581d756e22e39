"""What a witness remembers: the newest head it cosigned for each log, and signed heads that contradict it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_EVIDENCE = 1000  # rows for each log; a signed contradiction needs one

_TABLES = """
CREATE TABLE IF NOT EXISTS seen (
    origin TEXT PRIMARY KEY, origin_hash TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL CHECK (size >= 0), root BLOB NOT NULL CHECK (length(root) = 32),
    note BLOB NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS evidence (
    origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, kind TEXT NOT NULL,
    seen_size INTEGER NOT NULL, seen_root BLOB NOT NULL, note BLOB NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (origin, size, root, seen_size)
);
CREATE TRIGGER IF NOT EXISTS seen_never_shrinks BEFORE UPDATE ON seen
WHEN new.size < old.size OR new.origin <> old.origin OR (new.size = old.size AND new.root <> old.root)
BEGIN SELECT RAISE(ABORT, 'a witness never takes back what it cosigned'); END;
CREATE TRIGGER IF NOT EXISTS seen_is_kept BEFORE DELETE ON seen
BEGIN SELECT RAISE(ABORT, 'a witness never forgets what it cosigned'); END;
"""


@dataclass(frozen=True)
class Seen:
    """The newest head cosigned for a log; ``note`` holds its checkpoint with the log's and our signatures."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True)
class Evidence:
    """A head that the log signed and that does not extend what the witness had cosigned.

    Attributes:
        kind: ``fork`` when it has the size of the one seen and another root, which proves two histories; ``unproven``
            when only the consistency proof that came with it was wrong.
    """

    origin: str
    size: int
    kind: str
    seen_size: int
    note: bytes
    at: int


class Store:
    """The SQLite file of a witness. Safe for threads and for several processes on one file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        # Recursive triggers make INSERT OR REPLACE fire the delete trigger.
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON;" + _TABLES
        )

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Read and write with nobody between; durable when the block ends, forgotten when it raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Turn(self._connection)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def newest_note(self, origin_hash: str) -> bytes | None:
        """The newest cosigned checkpoint of the log whose origin has this SHA-256, hexadecimal."""
        with self._lock:
            row = self._connection.execute("SELECT note FROM seen WHERE origin_hash = ?", (origin_hash,)).fetchone()
        return None if row is None else bytes(row[0])

    def evidence(self) -> list[Evidence]:
        """All contradictions seen, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT origin, size, kind, seen_size, note, at FROM evidence ORDER BY at, rowid"
            ).fetchall()
        return [Evidence(*row) for row in rows]


class Turn:
    """The store within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def seen(self, origin: str) -> Seen | None:
        """The newest head cosigned for a log."""
        row = self._connection.execute("SELECT size, root, note FROM seen WHERE origin = ?", (origin,)).fetchone()
        return None if row is None else Seen(row[0], bytes(row[1]), bytes(row[2]))

    def keep(self, origin: str, origin_hash: str, head: Seen, at: int) -> None:
        """Let ``head`` be the newest of its log."""
        self._connection.execute(
            "INSERT INTO seen (origin, origin_hash, size, root, note, at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note,"
            " at = excluded.at",
            (origin, origin_hash, head.size, head.root, head.note, at),
        )

    def keep_evidence(self, origin: str, kind: str, claimed: Seen, seen: Seen, at: int) -> None:
        """Note a contradiction once; stops at ``MAX_EVIDENCE`` for each log, so that nobody fills the disk."""
        (count,) = self._connection.execute("SELECT count(*) FROM evidence WHERE origin = ?", (origin,)).fetchone()
        if count < MAX_EVIDENCE:
            self._connection.execute(
                "INSERT OR IGNORE INTO evidence (origin, size, root, kind, seen_size, seen_root, note, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (origin, claimed.size, claimed.root, kind, seen.size, seen.root, claimed.note, at),
            )
