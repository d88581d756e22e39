"""The requests that the public may know of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, Index, Table, Text, select, tuple_

from services.requests import store, tables
from services.requests.store import read_request
from shared.database import Moment, Sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from services.requests.store import Request
    from shared.work import Work

# A row for each request of an item that was public when it was filed, so that the public's list never walks the others.
public_request = Table(
    "public_request",
    tables.metadata,
    Column("request_id", Text, primary_key=True),
    Column("item", Text, nullable=False),
    Column("filed_at", Moment, nullable=False),
)
Index(
    "public_request_by_item",
    public_request.c.item,
    public_request.c.filed_at.desc(),
    public_request.c.request_id.desc(),
)

_PUT = Sql("INSERT INTO public_request (request_id, item, filed_at) VALUES (:request_id, :item, :filed_at)")


def publish(work: Work, request_id: str, item: str) -> None:
    """The public may know of the request that is filed with this work."""
    work.later(_PUT, request_id=request_id, item=item, filed_at=work.now)


def listed(
    connection: Connection, items: Sequence[str], begin: datetime, end: datetime, states: Sequence[str], *,
    after: tuple[datetime, str] | None = None, limit: int = 1000,
) -> list[Request]:  # fmt: skip
    """Public requests of these items filed from ``begin`` to ``end`` that are in these states, newest first."""
    public, request = public_request.c, tables.request.c
    query = (
        select(tables.request).join(public_request, public.request_id == request.id)
        .where(public.item.in_(items), public.filed_at >= begin, public.filed_at <= end, request.state.in_(states), request.restricted.is_(False))
        .order_by(public.filed_at.desc(), public.request_id.desc()).limit(limit)
    )  # fmt: skip
    if after is not None:
        query = query.where(tuple_(public.filed_at, public.request_id) < after)
    return [read_request(row) for row in connection.execute(query).mappings()]


def named(connection: Connection, items: Sequence[str], references: Sequence[str]) -> list[Request]:
    """The public requests of these full references, newest first."""
    public, request = public_request.c, tables.request.c
    query = (
        select(tables.request).join(public_request, public.request_id == request.id)
        .where(request.reference.in_(references), public.item.in_(items), request.restricted.is_(False))
        .order_by(request.filed_at.desc(), request.id.desc())
    )  # fmt: skip
    return [read_request(row) for row in connection.execute(query).mappings()]


def by_token(connection: Connection, items: Sequence[str], token: str) -> Request | None:
    """The public request of this id, which is its token."""
    found = store.request_by_id(connection, token)
    if found is None or found.restricted or found.item not in items:
        return None
    known = select(public_request.c.request_id).where(public_request.c.request_id == token)
    return found if connection.execute(known).first() else None
