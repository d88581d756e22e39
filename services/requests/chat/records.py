"""What the chat keeps: conversations, what was said, calls for a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from services.requests import tables
from services.requests.bookings import store as bookings
from services.requests.bookings.model import overlaps

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

DAY = timedelta(days=1)
_talk = tables.chat_conversation
_said = tables.chat_message
_call = tables.chat_call


@dataclass(frozen=True)
class Conversation:
    """One person on one channel.

    Attributes:
        state: as :mod:`services.requests.chat.conversation` writes it.
        version: how many messages it has had.
    """

    id: str
    channel: str
    account: str
    version: int
    state: dict[str, Any]
    changed_at: datetime


@dataclass(frozen=True)
class Exchange:
    """One message and its answer."""

    id: int
    said: str
    answer: dict[str, Any]
    at: datetime


@dataclass(frozen=True)
class Call:
    """Somebody waits for a person."""

    id: str
    conversation: str
    account: str
    name: str
    name_en: str
    organisation: str
    kind: str
    words: str
    reference: str
    at: datetime
    answered_at: datetime | None = None
    answered_by: str = ""
    answer: str = ""


def conversation(connection: Connection, channel: str, account: str, *, lock: bool = False) -> Conversation | None:
    """The conversation of ``account`` on ``channel``; with ``lock`` nobody else changes it meanwhile."""
    query = select(_talk).where(_talk.c.channel == channel, _talk.c.account == account)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Conversation(**{**row, "state": json.loads(row["state"])}) if row else None


def begin(connection: Connection, new: Conversation) -> bool:
    """Whether the conversation was begun; false when another message of the same person was faster."""
    from sqlalchemy.dialects import postgresql, sqlite

    made = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = {**new.__dict__, "state": json.dumps(new.state, ensure_ascii=False)}
    return bool(connection.execute(made(_talk).values(row).on_conflict_do_nothing()).rowcount)


def keep(connection: Connection, found: Conversation, state: dict[str, Any], now: datetime) -> bool:
    """Whether ``state`` was written; false when the conversation has moved on since it was read."""
    change = (
        update(_talk)
        .where(_talk.c.id == found.id, _talk.c.version == found.version)
        .values(state=json.dumps(state, ensure_ascii=False), version=found.version + 1, changed_at=now)
    )
    return bool(connection.execute(change).rowcount)


def answered(connection: Connection, conversation: str, message: str) -> dict[str, Any] | None:
    """The answer that the message ``message`` was given; None when it is new."""
    query = select(_said.c.answer).where(_said.c.conversation == conversation, _said.c.message == message)
    found = connection.execute(query).scalar()
    return json.loads(found) if found is not None else None


def note(
    connection: Connection, conversation: str, message: str, said: str, answer: dict[str, Any], now: datetime
) -> None:
    """What was said and answered is kept."""
    connection.execute(
        insert(_said).values(
            conversation=conversation, message=message, said=said, at=now, answer=json.dumps(answer, ensure_ascii=False)
        )
    )


def history(connection: Connection, conversation: str, before: int = 0, limit: int = 40) -> list[Exchange]:
    """The last messages before the one of id ``before`` (0: all), oldest first."""
    query = select(_said).where(_said.c.conversation == conversation).order_by(_said.c.row_id.desc()).limit(limit)
    if before:
        query = query.where(_said.c.row_id < before)
    rows = connection.execute(query).mappings().all()
    return [Exchange(row["row_id"], row["said"], json.loads(row["answer"]), row["at"]) for row in reversed(rows)]


def forget(connection: Connection, now: datetime, before: datetime) -> None:
    """What was said before ``before`` is gone, and everything that was kept until now."""
    connection.execute(delete(_said).where(_said.c.at < before))
    connection.execute(delete(_talk).where(_talk.c.changed_at < before))
    connection.execute(delete(_call).where(_call.c.answered_at < before))
    connection.execute(delete(tables.chat_arrival).where(tables.chat_arrival.c.until < now))
    connection.execute(delete(tables.chat_link_code).where(tables.chat_link_code.c.until < now))
    gone = tables.chat_outgoing.c.sent_at < before
    connection.execute(delete(tables.chat_outgoing).where(gone))


def call(connection: Connection, new: Call) -> None:
    """Somebody will be told that a person is wanted."""
    connection.execute(insert(_call).values(new.__dict__))


def waiting_calls(connection: Connection, organisation: str, limit: int = 100) -> list[Call]:
    """Calls nobody has answered, below this body, the longest wait first."""
    query = (
        select(_call)
        .where(
            _call.c.answered_at.is_(None),
            (_call.c.organisation == organisation)
            | _call.c.organisation.startswith(organisation + "/", autoescape=True),
        )
        .order_by(_call.c.at)
        .limit(limit)
    )
    return [Call(**row) for row in connection.execute(query).mappings()]


def one_call(connection: Connection, call_id: str, *, lock: bool = False) -> Call | None:
    """The call of this id."""
    query = select(_call).where(_call.c.id == call_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Call(**row) if row else None


def answer_call(connection: Connection, call_id: str, by: str, answer: str, now: datetime) -> None:
    """The call is answered."""
    connection.execute(
        update(_call).where(_call.c.id == call_id).values(answered_at=now, answered_by=by, answer=answer)
    )


def taken_rooms(connection: Connection, begins: datetime, ends: datetime, but: str = "") -> set[str]:
    """Codes of meeting rooms that somebody has between these instants, set-up included; not for the request ``but``."""
    rooms = bookings.resources(connection, "room")
    without = [found] if but and (found := bookings.booking_of_request(connection, but)) else []
    busy = bookings.claims(connection, [room.number for room in rooms], begins - DAY, ends + DAY, without=without)
    return {
        room.code
        for room in rooms
        if not room.enabled or any(overlaps(room.claim(begins, ends), span) for span in busy[room.number])
    }
