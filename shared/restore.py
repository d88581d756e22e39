"""Copies of a service's database, and what must be said and compared when one is put back.

A source that was restored has forgotten numbers it gave. It must never give them again: its epoch is raised, and the
numbers begin at one in the new epoch. A consumer that was restored asks for what it misses by itself.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import sqlite3
import subprocess
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from shared import outbox
from shared.database import Sql, run_last
from shared.errors import HouqinError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection

    from shared.database import Database

_RELAY_AWAY = Sql("SELECT 1", postgresql="SELECT pg_try_advisory_xact_lock(720001)")
_FORGET_HEADS = Sql("DELETE FROM heads")
_SEEN = Sql("SELECT handler, source, type, epoch, upto, head FROM watermark ORDER BY handler, source, type, epoch")


class CannotCopy(HouqinError):
    """The copy was not made; the words say why."""


class RelayRuns(HouqinError):
    """The service's relay is active: it holds the old epoch in its memory."""


def backup(database: Database, target: Path) -> int:
    """A copy of everything committed, whole in itself, is at ``target``; its size in bytes. The service may run.

    SQLite is copied by its backup interface (a copy of the file alone lacks what is still in the log beside it),
    PostgreSQL by ``pg_dump`` in its own format.

    Raises:
        CannotCopy: with the reason; nothing is left at ``target``.
    """
    if target.exists():
        raise CannotCopy(f"{target} exists")
    part = target.with_name(target.name + ".part")
    try:
        if database.is_sqlite:
            _copy_sqlite(str(make_url(database.url).database), part)
        else:
            _dump(database.url, part)
        part.rename(target)
    except (OSError, sqlite3.Error) as error:
        raise CannotCopy(str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _copy_sqlite(path: str, part: Path) -> None:
    if not Path(path).exists():
        raise CannotCopy(f"{path} does not exist")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")
        (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise CannotCopy(f"the copy is damaged: {verdict}")


def _dump(url: str, part: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise CannotCopy("pg_dump is not installed")
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run(
        [program, "--format=custom", f"--file={part}", f"--dbname={address}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CannotCopy(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "pg_dump failed")


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Hold the folder's lock where the database is a file: the one process of embedded mode is then not running.

    Raises:
        RelayRuns: it is.
    """
    if not database.is_sqlite:
        yield
        return
    with (Path(str(make_url(database.url).database)).parent / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RelayRuns("stop the process that uses this folder first") from error
        yield


def raise_epoch(connection: Connection, first: int | None = None) -> int:
    """Numbers of this source begin at one in a new epoch; the new epoch.

    What was numbered in the old one and not yet confirmed (or from ``first`` on, where that is lower) is sent once
    more under its old numbers.

    Raises:
        RelayRuns: the service's relay is active.
    """
    if not _RELAY_AWAY.run(connection).scalar_one():
        raise RelayRuns("stop the relay first: it would go on in the old epoch")
    epoch, upto, ahead = outbox.sent(connection)
    last = outbox.heads(connection).get("*", 0)
    start = upto + 1 if first is None else min(first, upto + 1)
    again = [number for number in range(start, last + 1) if number not in ahead or number <= upto]
    for at in range(0, len(again), 1000):
        outbox.WANT.run(connection, epoch=epoch, type="*", numbers=json.dumps(again[at : at + 1000]))
    run_last(connection, [outbox.set_sent(epoch + 1, 0, set())])
    _FORGET_HEADS.run(connection)
    return epoch + 1


def positions(connection: Connection, service: str) -> dict[str, Any]:
    """How far ``service`` has numbered, and how far each of its handlers has seen every source, as plain data."""
    epoch, _, _ = outbox.sent(connection)
    seen = [
        {"handler": handler, "source": source, "type": type_, "epoch": int(of), "upto": int(upto), "head": int(head)}
        for handler, source, type_, of, upto, head in _SEEN.run(connection)
    ]
    return {"service": service, "epoch": epoch, "heads": outbox.heads(connection), "seen": seen}


def fallen(all_positions: Iterable[dict[str, Any]]) -> set[str]:
    """Sources that have fallen behind what others saw of them in their present epoch."""
    everything = list(all_positions)
    by_name = {each["service"]: each for each in everything}
    found = set()
    for listener in everything:
        for seen in listener["seen"]:
            source = by_name.get(seen["source"])
            if source and seen["epoch"] == source["epoch"] and seen["head"] > source["heads"].get(seen["type"], 0):
                found.add(seen["source"])
    return found


def disagreements(all_positions: Iterable[dict[str, Any]]) -> list[str]:
    """One line for each pair of source and handler that do not agree; empty when everybody has seen everything."""
    everything = list(all_positions)
    by_name = {each["service"]: each for each in everything}
    lines = []
    for listener in everything:
        for seen in listener["seen"]:
            source = by_name.get(seen["source"])
            if source is None:
                continue
            what = f"{seen['handler']} has seen {seen['source']} {seen['type']} up to {seen['upto']}"
            if seen["epoch"] > source["epoch"]:
                lines.append(f"{what} in epoch {seen['epoch']}, and it is in epoch {source['epoch']}: it was restored")
            elif seen["epoch"] == source["epoch"]:
                given = source["heads"].get(seen["type"], 0)
                if seen["head"] > given:
                    lines.append(f"{what}, and it has given {given}: {seen['source']} was restored; raise its epoch")
                elif seen["upto"] < given:
                    lines.append(
                        f"{what}, and it has given {given}: {given - seen['upto']} are missing and will be asked for"
                    )
    return lines
