"""What goes to those above the crew: a low rating, work that was reopened for the second time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from services.requests import model, store, tables
from services.requests.handlers.acts import NOBODY, Who, act
from shared.contracts.requests import EscalationAnswered, RequestEscalated
from shared.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.requests.store import Request
    from shared.work import Work


class AnsweredAlready(Conflict):
    """It was not escalated, or somebody has answered."""

    key = "following.error.answered"


def escalate(work: Work, request: Request, why: str, *, stars: int = 0, times: int = 0) -> None:
    """Dispatchers and supervisors see the request until somebody says what was done; ``request`` as it was one act ago."""
    now = replace(request, version=request.version + 1)
    act(work, now, "escalated", NOBODY, why, escalated=why, escalated_at=work.now, answered_at=None)
    event = RequestEscalated(
        request_id=request.id, reference=request.reference, item=request.item, place=request.place,
        department=request.department, escalated_at=work.now, why=why, stars=stars, times=times,
    )  # fmt: skip
    work.say(event, sequence=now.version + 1)


def unanswered(connection: Connection, organisation: str, limit: int = 100) -> list[Request]:
    """What was escalated below a body and not answered, the oldest first; nothing restricted."""
    row = tables.request.c
    query = (
        select(tables.request)
        .where(
            row.escalated != "", row.answered_at.is_(None), row.restricted.is_(False),
            or_(row.organisation == organisation, row.organisation.startswith(organisation + "/", autoescape=True)),
        )
        .order_by(row.escalated_at).limit(limit)
    )  # fmt: skip
    return [store.read_request(each) for each in connection.execute(query).mappings()]


def answer(work: Work, request: Request, who: Who, words: str) -> None:
    """What was done is said to the requester, and the request leaves the list.

    Raises:
        AnsweredAlready: it was not escalated, or somebody was first.
    """
    if not request.escalated or request.answered_at is not None:
        raise AnsweredAlready
    act(work, request, "answered", who, words, answered_at=work.now)
    event = EscalationAnswered(request_id=request.id, answered_at=work.now, words="" if request.restricted else words)
    work.say(event, sequence=request.version + 1)


def is_low(stars: int) -> bool:
    """Whether a rating escalates."""
    return 0 < stars <= model.LOW_RATING
