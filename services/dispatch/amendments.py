"""What requesters change after filing, and who else asks for the same: an order's copy of what was asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared.contracts.base import parse
from shared.contracts.requests import RequestAmended, RequestJoined, RequestLeft

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Row

    from services.dispatch.model import Order

KINDS = frozenset({"amended", "joined", "left"})
CONTENT = ("level", "place", "building", "floor", "room", "headcount", "quantity", "summary", "contact", "asset")


def detail_of(event: RequestAmended | RequestJoined | RequestLeft) -> str:
    """What is kept of the event until it has been applied; JSON."""
    if isinstance(event, RequestAmended):
        data = event.data()
        return json.dumps({name: data[name] for name in data if name not in {"request_id"}}, ensure_ascii=False)
    kept = (
        {"joined": event.joined, "contact": event.contact}
        if isinstance(event, RequestLeft)
        else {"joined": event.joined}
    )
    return json.dumps(kept, ensure_ascii=False)


def apply(order: Order, heard: Iterable[Row[Any]]) -> str:
    """The order's copy is as everything heard says: a function of the set, whatever order it came in.

    Returns:
        What changed: ``content`` (of what is asked for), ``joined`` (who asks), or nothing.
    """
    told = sorted((each for each in heard if each.kind in KINDS), key=lambda each: each.sequence)
    before, joined = _copy(order), order.joined
    for said in told:
        detail = json.loads(said.detail)
        if said.kind == "amended":
            _content(order, detail, said.at)
        else:
            order.joined = detail["joined"]
            if detail.get("contact"):  # it passed to somebody who had joined
                order.contact, order.amended_at = detail["contact"], said.at
    order.amended = max((said.sequence for said in told), default=0)
    if _copy(order) != before:
        return "content"
    return "joined" if order.joined != joined else ""


def _copy(order: Order) -> tuple[Any, ...]:
    names = (*CONTENT, "starts_at", "ends_at", "answers", "skills", "photos")
    return tuple(getattr(order, name) for name in names)


def _content(order: Order, told: dict[str, Any], at: datetime) -> None:
    event = _event(told)
    for name in CONTENT:
        setattr(order, name, getattr(event, name))
    order.starts_at, order.ends_at = event.starts_at, event.ends_at
    order.answers = [[each.name, each.value] for each in event.answers]
    order.skills = list(event.skills) or order.skills
    order.photos = list(event.photos)
    order.amended_at = at


def _event(told: dict[str, Any]) -> RequestAmended:
    found = parse(RequestAmended.TYPE, {"request_id": "-", **told})
    assert isinstance(found, RequestAmended)
    return found
