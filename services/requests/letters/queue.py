"""The letters on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from services.requests.letters import tables
from shared.retries import pause

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.ids import Ids

WAITS = (60, 300, 900, 3600, 14_400, 43_200)  # seconds after the first, second, … refusal for now
LEASE = timedelta(minutes=10)  # after which a letter whose answer is not known is handed in again, under the same id
GIVEN_UP_AFTER = timedelta(days=3)
KEPT = timedelta(days=30)
_letter = tables.letter


@dataclass(frozen=True)
class Letter:
    """One letter as it is kept."""

    id: str
    message_id: str
    account: str
    address: str
    kind: str
    message: str
    state: str
    tries: int
    due_at: datetime
    made_at: datetime
    done_at: datetime | None
    problem: str


def put(
    connection: Connection,
    new_id: Ids,
    now: datetime,
    *,
    message_id: str,
    account: str,
    address: str,
    kind: str,
    message: str,
) -> bool:
    """The letter will be sent; false when one of this Message-ID was written before."""
    from sqlalchemy.dialects import postgresql, sqlite

    made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {
        "id": new_id(), "message_id": message_id, "account": account, "address": address, "kind": kind,
        "message": message, "state": "waiting", "tries": 0, "due_at": now, "made_at": now, "problem": "",
    }  # fmt: skip
    return bool(connection.execute(made(_letter).values(row).on_conflict_do_nothing()).rowcount)


def due(connection: Connection, now: datetime, limit: int) -> list[Letter]:
    """Letters to be handed in now, the longest due first; those whose answer was not heard among them."""
    query = (
        select(_letter).where(_letter.c.state.in_(("waiting", "sending")), _letter.c.due_at <= now)
        .order_by(_letter.c.due_at, _letter.c.id).limit(limit)
    )  # fmt: skip
    return [Letter(**row) for row in connection.execute(query).mappings()]


def claim(connection: Connection, one: Letter, now: datetime) -> bool:
    """Whether this process hands the letter in: it is noted as being sent before a byte of it leaves."""
    change = update(_letter).where(
        _letter.c.id == one.id, _letter.c.tries == one.tries, _letter.c.state == one.state, _letter.c.due_at == one.due_at
    )  # fmt: skip
    return bool(connection.execute(change.values(state="sending", tries=one.tries + 1, due_at=now + LEASE)).rowcount)


def _settle(connection: Connection, one: Letter, **values: object) -> None:
    mine = update(_letter).where(_letter.c.id == one.id, _letter.c.state == "sending", _letter.c.tries == one.tries + 1)
    connection.execute(mine.values(**values))


def sent(connection: Connection, one: Letter, now: datetime) -> None:
    """The server has it; what it said is kept no longer."""
    _settle(connection, one, state="sent", done_at=now, message="", problem="")


def later(connection: Connection, one: Letter, now: datetime, problem: str, *, counted: bool = True) -> bool:
    """The letter is handed in again after a pause, or parked when there were enough; whether it was parked.

    A try that never came to the letter (``counted`` false: no server answered) is none, for three days.
    """
    spent = one.tries + 1 > len(WAITS) if counted else False
    if spent or now - one.made_at > GIVEN_UP_AFTER:
        park(connection, one, now, problem)
        return True
    tries = one.tries + 1 if counted else one.tries
    wait = pause(WAITS, tries) if counted else timedelta(seconds=WAITS[0])
    _settle(connection, one, state="waiting", tries=tries, due_at=now + wait, problem=problem[:300])
    return False


def park(connection: Connection, one: Letter, now: datetime, problem: str) -> None:
    """An administrator decides about it."""
    _settle(connection, one, state="parked", done_at=now, problem=problem[:300])


# ---- for the administrator


def parked(connection: Connection, after: str = "", limit: int = 50) -> list[Letter]:
    """Parked letters, newest first."""
    query = select(_letter).where(_letter.c.state == "parked").order_by(_letter.c.id.desc()).limit(limit)
    if after:
        query = query.where(_letter.c.id < after)
    return [Letter(**row) for row in connection.execute(query).mappings()]


def one(connection: Connection, letter_id: str) -> Letter | None:
    """The letter of this id."""
    row = connection.execute(select(_letter).where(_letter.c.id == letter_id)).mappings().first()
    return Letter(**row) if row is not None else None


def again(connection: Connection, letter_id: str, now: datetime) -> bool:
    """A parked letter is sent once more; false when it is not parked."""
    change = update(_letter).where(_letter.c.id == letter_id, _letter.c.state == "parked")
    values = {"state": "waiting", "tries": 0, "due_at": now, "made_at": now, "done_at": None}
    return bool(connection.execute(change.values(**values)).rowcount)


def drop(connection: Connection, letter_id: str, now: datetime) -> bool:
    """A parked letter is never sent; false when it is not parked."""
    change = update(_letter).where(_letter.c.id == letter_id, _letter.c.state == "parked")
    return bool(connection.execute(change.values(state="dropped", done_at=now, message="")).rowcount)


def figures(connection: Connection) -> dict[str, int]:
    """How many wait, are parked, and went in what is kept."""
    query = select(_letter.c.state, func.count()).group_by(_letter.c.state)
    found = {state: int(count) for state, count in connection.execute(query)}
    return {state: found.get(state, 0) for state in ("waiting", "sending", "parked", "sent")}


def open_figures(connection: Connection) -> dict[str, int]:
    """How many wait, are being sent, and are parked; by the indexes alone, however many went."""
    found = {}
    for state in ("waiting", "sending", "parked"):
        found[state] = int(connection.execute(select(func.count()).where(_letter.c.state == state)).scalar_one())
    return found


def forget(connection: Connection, now: datetime) -> None:
    """What is done and old is gone."""
    connection.execute(delete(_letter).where(_letter.c.done_at < now - KEPT))
    connection.execute(delete(tables.mail_arrival).where(tables.mail_arrival.c.at < now - 3 * KEPT))
