"""Lists of requests, each read from an index that holds what it shows, so that none takes longer as history grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select, tuple_, union

from services.requests import tables
from services.requests.store import Request, Seen, read_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

COUNTED = 100  # lists are counted so far, and called "99+" beyond


def list_requests(
    connection: Connection,
    seen: Seen,
    *,
    states: Sequence[str] = (),
    item: str = "",
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Request]:
    """Requests, newest first, after the one with this (filed_at, id)."""
    if not (seen.everywhere or seen.organisation or seen.department):
        return _own(connection, seen.account, states, item, after, limit)
    request = tables.request.c
    query = select(tables.request).where(_visible(seen), *_narrowed(states, item, after))
    query = query.order_by(request.filed_at.desc(), request.id.desc()).limit(limit)
    return [read_request(row) for row in connection.execute(query).mappings()]


def _narrowed(states: Sequence[str], item: str, after: tuple[datetime, str] | None) -> list[Any]:
    request = tables.request.c
    found: list[Any] = []
    if states:
        found.append(request.state.in_(states))
    if item:
        found.append(request.item == item)
    if after is not None:
        found.append(tuple_(request.filed_at, request.id) < after)
    return found


def _own(
    connection: Connection,
    account: str,
    states: Sequence[str],
    item: str,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Request]:
    """What the account asked for, filed for others or joined: the first of three lists in one order."""
    request, together = tables.request.c, tables.together.c
    narrowed = _narrowed(states, item, after)
    newest = (request.filed_at.desc(), request.id.desc())
    mine = select(request.id, request.filed_at).where(request.requester == account, *narrowed).order_by(*newest)
    filed = select(request.id, request.filed_at).where(request.filed_by == account, request.filed_by != "", *narrowed)
    with_others = (
        select(request.id, together.filed_at)
        .join_from(tables.together, tables.request, request.id == together.request_id)
        .where(together.account == account, together.left_at.is_(None), *narrowed)
        .order_by(together.filed_at.desc(), together.request_id.desc())
    )
    parts = [select(each.limit(limit).subquery()) for each in (mine, filed.order_by(*newest), with_others)]
    ids = union(*parts).subquery()
    query = select(tables.request).join(ids, request.id == ids.c.id).order_by(*newest).limit(limit)
    return [read_request(row) for row in connection.execute(query).mappings()]


def _visible(seen: Seen) -> Any:
    request, together = tables.request.c, tables.together.c
    joined = select(together.request_id).where(together.account == seen.account, together.left_at.is_(None))
    own = or_(request.requester == seen.account, request.filed_by == seen.account, request.id.in_(joined))
    wider = []
    if seen.everywhere:
        wider.append(request.id != "")
    if seen.organisation:
        wider.append(
            or_(
                request.organisation == seen.organisation,
                request.organisation.startswith(seen.organisation + "/", autoescape=True),
            )
        )
    if seen.department:
        wider.append(request.department == seen.department)
    open_to_them = or_(*wider)
    return or_(own, open_to_them if seen.restricted else and_(open_to_them, request.restricted.is_(False)))


def count_own(connection: Connection, account: str, views: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """By view (its states; none = all) how many requests the account has, counted up to COUNTED."""
    request, together = tables.request.c, tables.together.c
    found = {}
    for view, states in views.items():
        narrowed = _narrowed(states, "", None)
        with_others = (
            select(request.id)
            .join_from(tables.together, tables.request, request.id == together.request_id)
            .where(together.account == account, together.left_at.is_(None), *narrowed)
        )
        parts = [
            select(request.id).where(request.requester == account, *narrowed),
            select(request.id).where(request.filed_by == account, request.filed_by != "", *narrowed),
            with_others,
        ]
        ids = union(*(select(each.limit(COUNTED).subquery()) for each in parts)).subquery()
        found[view] = select(func.count()).select_from(ids).scalar_subquery().label(view)
    row = connection.execute(select(*found.values())).mappings().one()
    return {view: min(int(row[view]), COUNTED) for view in views}


def counted(count: int) -> int | str:
    """The count as it is shown: 99+ where the counting stopped."""
    return count if count < COUNTED else f"{COUNTED - 1}+"
