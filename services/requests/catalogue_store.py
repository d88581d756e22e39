"""Versions of catalogue items in the database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, tuple_, update

from services.requests import tables
from services.requests.model import OPEN_STATES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.work import Work

_T = tables.catalogue_version


@dataclass(frozen=True)
class Version:
    """One row; ``body`` as :func:`catalogue_reading.body_of` writes it."""

    item: str
    version: int
    state: str
    body: dict[str, Any]
    revision: int
    changed_by: str
    changed_at: datetime
    published_by: str
    published_at: datetime | None
    effective_at: datetime | None


def published(connection: Connection) -> dict[tuple[str, int], datetime]:
    """By item and version from when on each published version holds."""
    query = select(_T.c.item, _T.c.version, _T.c.effective_at).where(_T.c.state == "published")
    return {(item, version): at for item, version, at in connection.execute(query)}


def bodies(connection: Connection, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The published bodies of these versions, as JSON."""
    found: dict[tuple[str, int], str] = {}
    for start in range(0, len(keys), 100):
        query = select(_T.c.item, _T.c.version, _T.c.body).where(
            tuple_(_T.c.item, _T.c.version).in_(list(keys[start : start + 100])), _T.c.state == "published"
        )
        found |= {(item, version): body for item, version, body in connection.execute(query)}
    return found


def versions_of(connection: Connection, item: str, limit: int = 100) -> list[Version]:
    """Versions of an item, the newest first; a draft stands first."""
    query = select(_T).where(_T.c.item == item).order_by(_T.c.version.desc()).limit(limit)
    return [_version(row) for row in connection.execute(query).mappings()]


def draft_of(connection: Connection, item: str, *, lock: bool = False) -> Version | None:
    """The draft of an item; None when nobody works at it."""
    query = select(_T).where(_T.c.item == item, _T.c.state == "draft")
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _version(row) if row is not None else None


def drafts(connection: Connection) -> list[Version]:
    """All drafts, by item."""
    query = select(_T).where(_T.c.state == "draft").order_by(_T.c.item).limit(200)
    return [_version(row) for row in connection.execute(query).mappings()]


def _version(row: Any) -> Version:
    return Version(**{**row, "body": json.loads(row["body"])})


def text_of(body: dict[str, Any]) -> str:
    """The body as it is stored: the same text for the same content."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def add_draft(work: Work, item: str, version: int, body: dict[str, Any], by: str) -> None:
    """A draft is there; a second one at the same time breaks the index and with it this work."""
    work.connection.execute(
        insert(_T).values(
            item=item, version=version, state="draft", body=text_of(body), revision=1, changed_by=by, changed_at=work.now,
            published_by="",
        )
    )  # fmt: skip


def change_draft(work: Work, item: str, revision: int, body: dict[str, Any], by: str) -> bool:
    """The draft is as in ``body``; false when it is not at ``revision`` any more."""
    changed = work.connection.execute(
        update(_T)
        .where(_T.c.item == item, _T.c.state == "draft", _T.c.revision == revision)
        .values(body=text_of(body), revision=revision + 1, changed_by=by, changed_at=work.now)
    )
    return bool(changed.rowcount)


def drop_draft(work: Work, item: str, revision: int) -> bool:
    """Nobody works at the item any more; false when the draft is not at ``revision``."""
    gone = delete(_T).where(_T.c.item == item, _T.c.state == "draft", _T.c.revision == revision)
    return bool(work.connection.execute(gone).rowcount)


def publish_draft(work: Work, draft: Version, version: int, by: str, effective_at: datetime) -> bool:
    """The draft is published as ``version``; false when it is not at its revision any more."""
    done = work.connection.execute(
        update(_T)
        .where(_T.c.item == draft.item, _T.c.state == "draft", _T.c.revision == draft.revision)
        .values(version=version, state="published", published_by=by, published_at=work.now, effective_at=effective_at)
    )
    return bool(done.rowcount)


def newest(connection: Connection, item: str) -> int:
    """The highest published version of an item in the database; 0 where there is none."""
    query = select(func.max(_T.c.version)).where(_T.c.item == item, _T.c.state == "published")
    return int(connection.execute(query).scalar() or 0)


def keep(work: Work, versions: Sequence[tuple[str, int, dict[str, Any], datetime]]) -> int:
    """Shipped versions whose number is not taken are kept too, so that requests find theirs after an update."""
    there = {tuple(row) for row in work.connection.execute(select(_T.c.item, _T.c.version))}
    rows = [
        {"item": item, "version": version, "state": "published", "body": text_of(body), "revision": 0, "changed_by": "",
         "changed_at": work.now, "published_by": "", "published_at": at, "effective_at": at}
        for item, version, body, at in versions if (item, version) not in there
    ]  # fmt: skip
    if rows:
        work.connection.execute(insert(_T), rows)
    return len(rows)


def under_way(connection: Connection, item: str) -> int:
    """How many requests for an item are open."""
    request = tables.request.c
    query = select(func.count()).where(request.item == item, request.state.in_(OPEN_STATES))
    return int(connection.execute(query).scalar_one())
