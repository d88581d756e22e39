"""Photos of requests: sent before or with the form, kept with the request, reached only through it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from services.requests import model, tables
from shared.errors import Invalid, TooMany

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.photos import Drawn
    from shared.work import Work

PENDING_FOR = timedelta(days=3)  # how long a photo waits for its form
MOST_PENDING = 24  # of one account


@dataclass(frozen=True)
class Picture:
    """A photo without its bytes."""

    id: str
    request_id: str
    account: str
    sha256: str
    content_type: str
    width: int
    height: int
    made_at: datetime
    removed_at: datetime | None = None


_LOOKS = tuple(tables.photo.c[name] for name in Picture.__dataclass_fields__)


def put(work: Work, account: str, drawn: Drawn) -> Picture:
    """The photo waits for a form of this account.

    Raises:
        TooMany: as many wait already as one account may have.
    """
    row = tables.photo.c
    query = select(func.count()).where(row.request_id == "", row.account == account)
    if int(work.connection.execute(query).scalar_one()) >= MOST_PENDING:
        raise TooMany(3600)
    made = Picture(
        id=secrets.token_hex(16), request_id="", account=account, sha256=drawn.photo.sha256,
        content_type=drawn.photo.content_type, width=drawn.photo.width, height=drawn.photo.height, made_at=work.now,
    )  # fmt: skip
    work.connection.execute(
        insert(tables.photo).values(**made.__dict__, body=drawn.photo.body, thumbnail=drawn.thumbnail)
    )
    return made


def pending(connection: Connection, account: str, ids: Sequence[str]) -> list[Picture]:
    """Which of these photos wait for a form of this account."""
    row = tables.photo.c
    query = select(*_LOOKS).where(row.id.in_(list(ids)[:MOST_PENDING]), row.account == account, row.request_id == "")
    return [Picture(**each) for each in connection.execute(query.order_by(row.made_at, row.id)).mappings()]


def attach(work: Work, request_id: str, account: str, other: str, ids: Sequence[str]) -> tuple[str, ...]:
    """The waiting photos belong to the request from now on; their SHA-256 in the order in which they were sent.

    Raises:
        Invalid: one of them does not wait for a form of ``account`` or ``other``, or there would be too many.
    """
    row, wanted = tables.photo.c, list(dict.fromkeys(ids))
    there = int(work.connection.execute(select(func.count()).where(row.request_id == request_id)).scalar_one())
    if there + len(wanted) > model.MOST_PHOTOS:
        raise Invalid(fields={"photos": ["following.field.photos"]})
    owners = [each for each in (account, other) if each]
    changed = work.connection.execute(
        update(tables.photo)
        .where(row.id.in_(wanted), row.request_id == "", row.account.in_(owners))
        .values(request_id=request_id)
    )
    if changed.rowcount != len(wanted):
        raise Invalid(fields={"photos": ["following.field.photo_gone"]})
    found = work.connection.execute(select(row.sha256).where(row.id.in_(wanted)).order_by(row.made_at, row.id))
    return tuple(dict.fromkeys(sha256 for (sha256,) in found))


def of_request(connection: Connection, request_id: str) -> list[Picture]:
    """The photos of a request, in the order in which they were sent."""
    row = tables.photo.c
    query = select(*_LOOKS).where(row.request_id == request_id).order_by(row.made_at, row.id)
    return [Picture(**each) for each in connection.execute(query).mappings()]


def digests(connection: Connection, request_id: str, also: Sequence[str] = ()) -> tuple[str, ...]:
    """SHA-256 of the request's photos, each once."""
    return tuple(dict.fromkeys([*(each.sha256 for each in of_request(connection, request_id)), *also]))


def body(
    connection: Connection, *, small: bool, request_id: str = "", sha256: str = "", waiting: str = "", account: str = ""
) -> bytes | None:
    """The bytes of a request's photo by its digest, or of a waiting one by its id and account; None when there is none."""
    row = tables.photo.c
    column = row.thumbnail if small else row.body
    if waiting:
        query = select(column).where(row.id == waiting, row.account == account, row.request_id == "")
    else:
        there = (row.request_id == request_id, row.request_id != "", row.sha256 == sha256, row.removed_at.is_(None))
        query = select(column).where(*there).limit(1)
    found = connection.execute(query).scalar()
    return bytes(found) if found is not None else None


def drop(work: Work, account: str, ids: Sequence[str]) -> None:
    """Waiting photos of the account are no more."""
    row = tables.photo
    work.connection.execute(
        row.delete().where(row.c.id.in_(list(ids)), row.c.account == account, row.c.request_id == "")
    )


def remove_old(work: Work, before: datetime, limit: int) -> int:
    """Pictures of requests that ended before ``before`` are gone, at most ``limit``; rows and hashes stay. How many."""
    row, request = tables.photo.c, tables.request.c
    query = (
        select(row.id)
        .join(tables.request, request.id == row.request_id)
        .where(row.removed_at.is_(None), row.made_at < before, request.state.not_in(tables.LIVE), request.changed_at < before)
        .order_by(row.made_at)
        .limit(limit)
    )  # fmt: skip
    gone = {"body": b"", "thumbnail": b"", "removed_at": work.now}
    return work.connection.execute(update(tables.photo).where(row.id.in_(query)).values(**gone)).rowcount


def prune(work: Work) -> None:
    """Photos whose form was never filed are no more."""
    row = tables.photo
    work.connection.execute(row.delete().where(row.c.request_id == "", row.c.made_at < work.now - PENDING_FOR))
