"""Asking for the same thing together: what is open already is shown, joined instead of filed again, and left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from services.requests import model, store, tables
from services.requests.handlers.acts import Who, act, others
from shared.contracts.requests import RequestJoined, RequestLeft
from shared.database import Sql
from shared.errors import Absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from services.requests.catalogue import Item
    from services.requests.model import Filing
    from services.requests.requester import Requester
    from services.requests.store import Request
    from shared.work import Work

SHOWN = 5  # of what is open at one place


def open_here(connection: Connection, item: Item, place: str, filing: Filing | None = None) -> list[Request]:
    """What is open of this item at this place, oldest first; with a filing only what is the very same.

    Never anything restricted, nothing of an item whose requests are never alike, and nothing that follows a booking.
    """
    if not item.alike or item.restricted or not place:
        return []
    request = tables.request.c
    query = (
        select(tables.request)
        .where(request.place == place, request.item == item.code, request.state.in_(model.OPEN_STATES), request.restricted.is_(False), request.channel != "booking")
        .order_by(request.filed_at).limit(SHOWN)
    )  # fmt: skip
    if filing is not None:
        key = model.alike(item, filing, place)
        if key is None:
            return []
        query = query.where(request.alike == key)
    return [store.read_request(row) for row in connection.execute(query).mappings()]


def need_none(
    connection: Connection,
    item: Item | None,
    filing: Filing,
    told: Callable[[Request], dict[str, Any]],
    *,
    but: str = "",
) -> None:
    """Return when nothing of the kind is open, the request ``but`` aside; ``told`` makes what may be said of what is.

    Raises:
        Alike: with ``extra["alike"]``.
    """
    found = open_here(connection, item, filing.place, filing) if item else []
    found = [each for each in found if each.id != but]
    if found:
        error = model.Alike()
        error.extra["alike"] = [told(each) for each in found]
        raise error


def joined_of(connection: Connection, account: str, ids: Iterable[str]) -> frozenset[str]:
    """Which of these requests the account has joined."""
    row, wanted = tables.together.c, list(ids)
    if not wanted:
        return frozenset()
    query = select(row.request_id).where(row.account == account, row.left_at.is_(None), row.request_id.in_(wanted))
    return frozenset(id_ for (id_,) in connection.execute(query))


def confirmations(connection: Connection, request_id: str) -> list[tuple[str, str, int]]:
    """(name, name in English, stars) of those who joined and have confirmed."""
    row = tables.together.c
    query = select(row.name, row.name_en, row.stars).where(row.request_id == request_id, row.confirmed_at.is_not(None))
    return [tuple(each) for each in connection.execute(query.order_by(row.confirmed_at))]


def confirmed(work: Work, request_id: str, account: str, stars: int) -> bool:
    """The person has said that it is done; false when he had said so before."""
    row = tables.together.c
    query = update(tables.together).where(
        row.request_id == request_id, row.account == account, row.left_at.is_(None), row.confirmed_at.is_(None)
    )
    return bool(work.connection.execute(query.values(confirmed_at=work.now, stars=stars)).rowcount)


def unconfirmed(work: Work, request_id: str) -> None:
    """What was said of the round before does not count for the next."""
    row = tables.together.c
    work.connection.execute(
        update(tables.together).where(row.request_id == request_id).values(confirmed_at=None, stars=0)
    )


def acts(connection: Connection, request: Request, account: str) -> tuple[str, frozenset[str]]:
    """What the request is to the account (own, joined, or empty), and what it may do."""
    allowed = model.ACTS.get(request.state, frozenset())
    if account in {request.requester, request.filed_by}:
        return "own", allowed - ({"amend"} if request.channel == "booking" else set())
    if request.joined < 2:
        return "", frozenset()
    row = tables.together.c
    query = select(row.confirmed_at).where(row.request_id == request.id, row.account == account, row.left_at.is_(None))
    found = connection.execute(query).first()
    if found is None:
        return "", frozenset()
    late = {"confirm"} if request.state == "closed" and found.confirmed_at is None else set()
    return "joined", (allowed & model.JOINERS_ACTS) | late | {"leave"}


_JOIN = Sql(
    """INSERT INTO together (request_id, account, name, name_en, filed_at, joined_at)
       VALUES (:request_id, :account, :name, :name_en, :filed_at, :now)
       ON CONFLICT (request_id, account) DO UPDATE SET left_at = NULL, joined_at = :now"""
)


def join(work: Work, request: Request, person: Requester) -> None:
    """The person asks for it too: sees it among his own, is told of everything, and may confirm. Twice is once.

    Raises:
        NotInThisState: it is no longer open. Absent: it is restricted.
    """
    if request.restricted:
        raise Absent
    if person.account in {request.requester, request.filed_by, *others(work.connection, request.id)}:
        return
    if request.state not in model.OPEN_STATES:
        raise model.NotInThisState
    _JOIN.run(
        work.connection, request_id=request.id, account=person.account, name=person.name, name_en=person.name_en,
        filed_at=request.filed_at, now=work.now,
    )  # fmt: skip
    joined = request.joined + 1
    act(work, request, "joined", (person.name, person.name_en), joined=joined)
    if request.state != "awaiting_approval":  # nobody has heard of it yet
        event = RequestJoined(request_id=request.id, account=person.account, joined_at=work.now, joined=joined)
        work.say(event, sequence=request.version + 1)


def leave(work: Work, request: Request, account: str, who: Who) -> None:
    """The person asks for it no longer; somebody who has not joined, or has left, changes nothing."""
    row = tables.together.c
    gone = work.connection.execute(
        update(tables.together)
        .where(row.request_id == request.id, row.account == account, row.left_at.is_(None))
        .values(left_at=work.now)
    )
    if not gone.rowcount:
        return
    joined = request.joined - 1
    act(work, request, "left", who, joined=joined)
    if request.state != "awaiting_approval":
        event = RequestLeft(request_id=request.id, account=account, left_at=work.now, joined=joined)
        work.say(event, sequence=request.version + 1)


def hand_over(work: Work, request: Request, who: Who) -> bool:
    """The requester wants it no longer and the first of those who joined does: it is his now. False when nobody does."""
    row = tables.together.c
    first = work.connection.execute(
        select(tables.together).where(row.request_id == request.id, row.left_at.is_(None)).order_by(row.joined_at)
    ).first()
    if first is None or request.state not in model.OPEN_STATES:
        return False
    work.connection.execute(
        update(tables.together)
        .where(row.request_id == request.id, row.account == first.account)
        .values(left_at=work.now)
    )
    joined, contact = request.joined - 1, store.phone_of(work.connection, first.account)
    act(
        work, request, "handed_over", who, joined=joined, requester=first.account,
        requester_name=first.name, requester_name_en=first.name_en, filed_by="", contact=contact,
    )  # fmt: skip
    if request.state != "awaiting_approval":
        event = RequestLeft(
            request_id=request.id, account=request.requester, left_at=work.now, joined=joined,
            requester=first.account, contact=contact,
        )  # fmt: skip
        work.say(event, sequence=request.version + 1)
    return True
