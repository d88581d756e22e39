"""Events that wait, are parked or cannot be read: listed, read, sent again, or discarded with a reason."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.contracts.base import REGISTRY
from shared.database import Sql, as_moment
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.service import Running
    from shared.work import Work

_LIST = Sql(
    """SELECT row_id, handler, event_id, type, state, attempt, since, not_before, error FROM waiting
       WHERE row_id > :after ORDER BY row_id LIMIT :limit"""
)
_ONE = Sql("SELECT state, body, error, handler, event_id, type FROM waiting WHERE row_id = :row_id")
_AGAIN = Sql(
    "UPDATE waiting SET state = 'waiting', attempt = 1, not_before = :now WHERE row_id = :row_id AND state <> 'dead'"
)
_DISCARD = Sql("DELETE FROM waiting WHERE row_id = :row_id")


@dataclass(frozen=True)
class Waiting:
    """One event put aside."""

    row_id: int
    handler: str
    event_id: str
    type: str
    state: str  # waiting, parked, dead
    attempt: int
    since: datetime
    not_before: datetime
    error: str


def rows(connection: Connection, after: int = 0, limit: int = 100) -> list[Waiting]:
    """What was put aside, oldest first, above row ``after``."""
    found = []
    for row_id, handler, event_id, type_, state, attempt, since, not_before, error in _LIST.run(
        connection, after=after, limit=limit
    ):
        begun, due = as_moment(since), as_moment(not_before)
        assert begun is not None
        assert due is not None
        found.append(Waiting(row_id, handler, event_id, type_, state, attempt, begun, due, error))
    return found


def body(connection: Connection, row_id: int) -> str:
    """The event as it came.

    Raises:
        Absent: there is no such row.
    """
    row = _ONE.run(connection, row_id=row_id).first()
    if row is None:
        raise Absent
    return str(row[1])


def send_again(work: Work, row_id: int) -> None:
    """Have it tried once more, from the beginning of its patience, and say so.

    Raises:
        Absent: there is no such row.
        Conflict: it cannot be read as an event.
    """
    row = _ONE.run(work.connection, row_id=row_id).first()
    if row is None:
        raise Absent
    if not _AGAIN.run(work.connection, row_id=row_id, now=work.now).rowcount:
        raise Conflict("waiting.dead")
    _say(work, row, "sent_again", "")


def _say(work: Work, row: Any, act: str, reason: str) -> None:
    """That a person settled it is an event of its own, so that it stands in the log under that person's name."""
    _, _, _, handler, event_id, type_ = row
    settled: Any = REGISTRY[f"{work.service}.waiting_settled.v1"]
    work.say(
        settled(
            event_id=event_id or "unreadable", event_type=type_, handler=handler, act=act, reason=reason.strip()[:300],
            settled_at=work.now,
        )
    )  # fmt: skip


def discard(work: Work, row_id: int, reason: str) -> str:
    """Give it up and say so; the body that is given up.

    Raises:
        Absent: there is no such row.
        Invalid: no reason was given.
    """
    if not reason.strip():
        raise Invalid(fields={"reason": "field.required"})
    row = _ONE.run(work.connection, row_id=row_id).first()
    if row is None:
        raise Absent
    _DISCARD.run(work.connection, row_id=row_id)
    _say(work, row, "discarded", reason)
    return str(row[1])


def command(running: Running, arguments: Sequence[str]) -> int:
    """``list | show N | again N... | again --all | discard N --why TEXT``."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{running.name} waiting")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="one line for each event put aside")
    show = actions.add_parser("show", help="the event as it came")
    show.add_argument("row", type=int)
    again = actions.add_parser("again", help="try once more")
    again.add_argument("rows", type=int, nargs="*")
    again.add_argument("--all", action="store_true", help="every parked event")
    drop = actions.add_parser("discard", help="give it up")
    drop.add_argument("row", type=int)
    drop.add_argument("--why", required=True, help="the reason, kept in the log")
    options = parser.parse_args(arguments)
    try:
        return _run(running, options)
    except (Absent, Conflict, Invalid) as error:
        print(f"{running.name}: {error}", file=sys.stderr)
        return 1


def _run(running: Running, options: Any) -> int:
    if options.action == "list":
        with running.database.read() as connection:
            for row in rows(connection, limit=10_000):
                print(
                    f"{row.row_id:>6}  {row.state:<8} {row.attempt:>3}×  {row.since:%Y-%m-%dT%H:%M:%SZ}  {row.handler:<36} {row.type:<36} {row.error}"
                )
        return 0
    if options.action == "show":
        with running.database.read() as connection:
            print(body(connection, options.row))
        return 0
    with running.work() as work:
        if options.action == "discard":
            given_up = discard(work, options.row, options.why)
            print(f"discarded {options.row} ({len(given_up)} characters): {options.why}")
            return 0
        chosen = options.rows or [
            row.row_id for row in rows(work.connection, limit=10_000) if options.all and row.state == "parked"
        ]
        for row_id in chosen:
            send_again(work, row_id)
        print(f"{len(chosen)} will be tried again")
    return 0
