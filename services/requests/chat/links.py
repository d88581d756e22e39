"""Whose words a platform's user speaks, and what is on its way to a platform."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from services.requests import tables
from shared.retries import pause

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.work import Work

PLATFORMS = ("wecom", "dingtalk", "feishu", "mail")
CODE_LIVES = timedelta(minutes=10)
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 10  # 49 bits, guessable only against the limits of a platform within ten minutes
RETRIES = (10, 60, 300, 1800)  # seconds

_link = tables.chat_link
_code = tables.chat_link_code
_arrival = tables.chat_arrival
_outgoing = tables.chat_outgoing


@dataclass(frozen=True)
class Link:
    """A platform's user who speaks for an account."""

    platform: str
    user: str
    account: str
    linked_at: datetime


@dataclass(frozen=True)
class Outgoing:
    """An answer on its way."""

    row_id: int
    platform: str
    to: dict[str, Any]
    words: str
    tries: int
    due_at: datetime | None = None


def make_code(work: Work, account: str) -> str:
    """A new code; sent from a platform within ten minutes it binds that user to ``account``. Older ones are void."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
    work.connection.execute(delete(_code).where(_code.c.account == account))
    row = {"digest": _digest(code), "account": account, "until": work.now + CODE_LIVES}
    work.connection.execute(insert(_code).values(row))
    return code


def looks_like_code(text: str) -> bool:
    """Whether ``text`` is a code and nothing else."""
    bare = text.strip().upper()
    return len(bare) == CODE_LENGTH and set(bare) <= set(_LETTERS)


def redeem(work: Work, platform: str, user: str, text: str) -> str:
    """``done``, ``wrong``, or ``taken`` when the platform's user already speaks for another account.

    The code is used up in any case.
    """
    digest = _digest(text.strip().upper())
    row = work.connection.execute(select(_code).where(_code.c.digest == digest)).mappings().first()
    work.connection.execute(delete(_code).where(_code.c.digest == digest))
    if row is None or row["until"] < work.now:
        return "wrong"
    known = account_of(work.connection, platform, user)
    if known is not None and known != row["account"]:
        return "taken"
    if known is None:
        # One account has one user on a platform: linking again moves it.
        unlink(work.connection, row["account"], platform)
        new = {"platform": platform, "user": user, "account": row["account"], "linked_at": work.now}
        work.connection.execute(insert(_link).values(new))
    return "done"


def void(work: Work, text: str) -> None:
    """The code ``text``, which others have read, binds nobody any more."""
    work.connection.execute(delete(_code).where(_code.c.digest == _digest(text.strip().upper())))


def account_of(connection: Connection, platform: str, user: str) -> str | None:
    """The account for which this user of the platform speaks."""
    return connection.execute(
        select(_link.c.account).where(_link.c.platform == platform, _link.c.user == user)
    ).scalar()


def of_account(connection: Connection, account: str) -> list[Link]:
    """The platforms' users who speak for ``account``."""
    query = select(_link).where(_link.c.account == account).order_by(_link.c.platform)
    return [Link(**row) for row in connection.execute(query).mappings()]


def unlink(connection: Connection, account: str, platform: str) -> None:
    """Nobody on ``platform`` speaks for ``account`` any more."""
    connection.execute(delete(_link).where(_link.c.account == account, _link.c.platform == platform))


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


# ---- replays


def first_time(work: Work, platform: str, keys: tuple[str, ...], keep: timedelta) -> bool:
    """Whether none of ``keys`` has arrived before; they are kept with this work's commit."""
    from sqlalchemy.dialects import postgresql, sqlite

    made = postgresql.insert if work.connection.dialect.name == "postgresql" else sqlite.insert
    new = True
    for key in keys:
        row = {"platform": platform, "key": key[:200], "until": work.now + keep}
        new = bool(work.connection.execute(made(_arrival).values(row).on_conflict_do_nothing()).rowcount) and new
    return new


# ---- answers on their way


def send(work: Work, platform: str, to: dict[str, Any], words: str) -> None:
    """``words`` will reach ``to`` on ``platform`` once this work is committed."""
    work.connection.execute(
        insert(_outgoing).values(
            platform=platform, to=json.dumps(to, ensure_ascii=False), words=words[:4000], due_at=work.now, tries=0,
            given_up=False,
        )
    )  # fmt: skip


def tell(work: Work, conversation: str, words: str) -> None:
    """``words`` also reach the person of ``conversation`` where it is held on a platform."""
    talk = tables.chat_conversation
    row = work.connection.execute(select(talk.c.channel, talk.c.account).where(talk.c.id == conversation)).first()
    if row is None or row[0] not in PLATFORMS:
        return
    for link in of_account(work.connection, row[1]):
        if link.platform == row[0]:
            send(work, link.platform, {"user": link.user}, words)


def keep_unheard(work: Work, platform: str, said: dict[str, Any]) -> None:
    """A message, as plain values with its ``user``, waits to be heard by a timer once this work is committed."""
    work.connection.execute(
        insert(_outgoing).values(
            platform=platform,
            to=json.dumps(said, ensure_ascii=False),
            words="",
            due_at=work.now,
            tries=0,
            given_up=False,
        )
    )


def unheard(connection: Connection, limit: int = 50) -> list[Outgoing]:
    """Messages that wait to be heard, oldest first, whether or not somebody is at it; ``to`` is the message."""
    query = (
        select(_outgoing)
        .where(_outgoing.c.sent_at.is_(None), _outgoing.c.given_up.is_(False), _outgoing.c.words == "")
        .order_by(_outgoing.c.row_id)
        .limit(limit)
    )
    return [
        Outgoing(row["row_id"], row["platform"], json.loads(row["to"]), "", row["tries"], row["due_at"])
        for row in connection.execute(query).mappings()
    ]


def due(connection: Connection, now: datetime, limit: int = 50) -> list[Outgoing]:
    """Answers to be sent now, oldest first."""
    query = (
        select(_outgoing)
        .where(
            _outgoing.c.sent_at.is_(None),
            _outgoing.c.given_up.is_(False),
            _outgoing.c.due_at <= now,
            _outgoing.c.words != "",
        )
        .order_by(_outgoing.c.row_id)
        .limit(limit)
    )
    return [
        Outgoing(row["row_id"], row["platform"], json.loads(row["to"]), row["words"], row["tries"])
        for row in connection.execute(query).mappings()
    ]


def sent(connection: Connection, row_id: int, now: datetime) -> None:
    """The answer has arrived."""
    connection.execute(update(_outgoing).where(_outgoing.c.row_id == row_id).values(sent_at=now))


def put_off(connection: Connection, one: Outgoing, now: datetime) -> None:
    """The answer is tried again later, or given up after the last try."""
    last = one.tries >= len(RETRIES)
    wait = pause(RETRIES, one.tries + 1)
    change = update(_outgoing).where(_outgoing.c.row_id == one.row_id)
    connection.execute(change.values(tries=one.tries + 1, due_at=now + wait, given_up=last))


def claim(connection: Connection, one: Outgoing, until: datetime) -> bool:
    """Whether this process sends ``one``; nobody else does until ``until``."""
    change = (
        update(_outgoing)
        .where(_outgoing.c.row_id == one.row_id, _outgoing.c.sent_at.is_(None), _outgoing.c.tries == one.tries)
        .values(due_at=until)
    )
    return bool(connection.execute(change).rowcount)
