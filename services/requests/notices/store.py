"""Reading notices and marking them; always those of one account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from services.requests.notices import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

MOST_COUNTED = 100  # more are shown as 99+
_notice = tables.notice


@dataclass(frozen=True)
class Notice:
    """One notice as it is kept; ``words`` as :func:`services.requests.notices.telling.tell` stored them."""

    id: str
    account: str
    kind: str
    subject: str
    subject_id: str
    address: str
    words: dict[str, Any]
    restricted: bool
    made_at: datetime
    read_at: datetime | None
    mail: str


def read(row: RowMapping) -> Notice:
    """A row of the table as a notice."""
    return Notice(**{**row, "words": json.loads(row["words"])})


def of_account(
    connection: Connection, account: str, *, unread: bool = False, after: str = "", limit: int = 50
) -> list[Notice]:
    """The person's notices, newest first, after the one of id ``after``."""
    query = select(_notice).where(_notice.c.account == account).order_by(_notice.c.id.desc()).limit(limit)
    if unread:
        query = query.where(_notice.c.read_at.is_(None))
    if after:
        query = query.where(_notice.c.id < after)
    return [read(row) for row in connection.execute(query).mappings()]


def one(connection: Connection, account: str, notice_id: str) -> Notice | None:
    """The person's notice of this id."""
    query = select(_notice).where(_notice.c.id == notice_id, _notice.c.account == account)
    row = connection.execute(query).mappings().first()
    return read(row) if row is not None else None


def unread(connection: Connection, account: str) -> int:
    """How many the person has not read, counted up to :data:`MOST_COUNTED`."""
    few = select(_notice.c.id).where(_notice.c.account == account, _notice.c.read_at.is_(None)).limit(MOST_COUNTED)
    return int(connection.execute(select(func.count()).select_from(few.subquery())).scalar_one())


def mark(connection: Connection, account: str, now: datetime, *, ids: Sequence[str] = (), until: str = "") -> int:
    """Those of ``ids``, or all up to the one of id ``until``, are read; how many were not."""
    query = update(_notice).where(_notice.c.account == account, _notice.c.read_at.is_(None)).values(read_at=now)
    query = query.where(_notice.c.id <= until) if until else query.where(_notice.c.id.in_(ids))
    return connection.execute(query).rowcount


def unmark(connection: Connection, account: str, *, ids: Sequence[str] = (), read_at: datetime | None = None) -> int:
    """Those of ``ids``, or those that were marked at this instant, are unread again; how many."""
    query = update(_notice).where(_notice.c.account == account, _notice.c.read_at.is_not(None)).values(read_at=None)
    query = query.where(_notice.c.read_at == read_at) if read_at else query.where(_notice.c.id.in_(ids))
    return connection.execute(query).rowcount


def forget(connection: Connection, before: datetime) -> None:
    """Notices made before ``before`` are gone, read or not."""
    connection.execute(delete(_notice).where(_notice.c.made_at < before))
