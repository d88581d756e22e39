"""What every act on a request does: a next version, a line in its timeline, and a word to whoever follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from services.requests import model, store, tables
from shared.web import live

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.store import Request
    from shared.work import Work

Who = tuple[str, str]  # a name as shown in Chinese and in English
NOBODY: Who = ("", "")


def act(work: Work, request: Request, what: str, who: Who, detail: str = "", **values: object) -> None:
    """The request has a next version with these values, and a line in its timeline; whoever follows it is told."""
    store.change_request(work.connection, request.id, version=request.version + 1, changed_at=work.now, **values)
    store.happen(work, request.id, what, who=who[0], who_en=who[1], detail=detail, sequence=request.version + 1)
    tell(work, request)


def others(connection: Connection, request_id: str) -> list[str]:
    """Accounts that ask for the request together with its requester, in the order in which they came."""
    row = tables.together.c
    query = select(row.account).where(row.request_id == request_id, row.left_at.is_(None)).order_by(row.joined_at)
    return [account for (account,) in connection.execute(query)]


def tell(work: Work, request: Request) -> None:
    """Open pages of the requester, of whoever filed it for him, and of those who joined, look again."""
    joined = others(work.connection, request.id) if request.joined > 1 else []
    for account in sorted({request.requester, request.filed_by, *joined} - {""}):
        live.tell(work, f"account:{account}", "row", {"ref": model.short(request.reference)})
