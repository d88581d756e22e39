"""A request as lists show it, in the reader's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.requests import model
from services.requests.api import alike_answers, sees_words

if TYPE_CHECKING:
    from datetime import datetime

    from services.requests.catalogue import Item
    from services.requests.compound import Place
    from services.requests.store import Request
    from shared.web.context import Context

SOON = 0.75  # share of a promise's time after which it is shown as soon


@dataclass(frozen=True)
class Row:
    """A request as one line shows it."""

    request: Request
    title: str
    mark: str
    place: str
    promise: str  # running, soon, breached, kept; empty = nothing to show
    crew: str
    joined: bool = False  # somebody else's, which the reader joined


def row_of(context: Context, request: Request, places: dict[str, Place]) -> Row:
    """A request in the words of one who has it in a list of his own; of one that he joined only what made it the same."""
    code = context.language.code
    item = context.own.item_of(request)
    place = places.get(request.place)
    joined = context.principal.account not in {request.requester, request.filed_by} and not sees_words(context, request)
    title = item.summarise(spoken(item, request), code) if item else request.summary
    return Row(
        request=request,
        title=alike_answers(item, request, code)[1] if joined else title,
        mark=item.mark.in_(code) if item else "·",
        place=place.name.in_(code) if place else request.place,
        promise=promise_of(request.due_at, request.filed_at, context.now) if request.state in model.OPEN_STATES else "",
        crew=request.crew_name if context.language.chinese else request.crew_name_en,
        joined=joined,
    )


def spoken(item: Item, request: Request) -> dict[str, Any]:
    """The answers together with the numbers that the summary may name."""
    numbers = {
        name: getattr(request, name)
        for name in ("headcount", "quantity")
        if item.field(name) and getattr(request, name)
    }
    return {**request.answers, **numbers}


def promise_of(due: datetime | None, started: datetime, now: datetime) -> str:
    """How a promise that is not kept yet stands."""
    if due is None:
        return ""
    if now > due:
        return "breached"
    whole = (due - started).total_seconds()
    return "soon" if whole > 0 and (now - started).total_seconds() / whole > SOON else "running"
