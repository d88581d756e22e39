"""Changing what was asked for, while that still means something to those who do it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.requests import model, pictures, quotas, same
from services.requests.bookings import claiming
from services.requests.catalogue import PARTS
from services.requests.handlers import filing, joining
from services.requests.handlers.acts import Who, act
from shared.contracts.requests import RequestAmended
from shared.errors import Absent, Invalid, Stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.requests.catalogue import Item
    from services.requests.desk import Desk
    from services.requests.model import Filing
    from services.requests.store import Request
    from shared.work import Work

COLUMNS = ("place", "level", "starts_at", "ends_at", "headcount", "quantity", "asset", "contact")
_BOOKED = frozenset({"place", "level", "starts_at", "ends_at", "headcount", "quantity"})


class ChangedMeanwhile(Stale):
    """The request is no longer as it was when the change was begun."""

    key = "following.error.stale"


def filing_of(request: Request) -> Filing:
    """The request as it would be filed now."""
    return model.Filing(
        item=request.item, place=request.place, level=request.level, priority=request.priority, starts_at=request.starts_at,
        ends_at=request.ends_at, headcount=request.headcount, quantity=request.quantity, contact=request.contact,
        asset=request.asset, answers=dict(request.answers),
    )  # fmt: skip


def changes(item: Item, request: Request, wanted: Filing) -> dict[str, str]:
    """What differs: by field name the part of the rules that it belongs to."""
    now = filing_of(request)
    if not item.field("quantity"):  # the form does not ask for it: one
        now, wanted = replace(now, quantity=0), replace(wanted, quantity=0)
    found = {name: name for name in COLUMNS if getattr(now, name) != getattr(wanted, name)}
    empty: tuple[Any, ...] = (None, "", [], False)
    for each in item.fields:
        if each.name in PARTS:
            continue
        before, after = now.answers.get(each.name), wanted.answers.get(each.name)
        if before != after and not (before in empty and after in empty):
            found[each.name] = "words" if each.type in {"text", "lines"} else "answers"
    return found


def may_change(request: Request, item: Item, part: str) -> bool:
    """Whether this part of the request may still be changed."""
    if request.channel == "booking" or (item.code in claiming.CLAIMED and part in _BOOKED):
        return False  # it follows its booking
    allowed = model.AMENDABLE.get(request.state, frozenset())
    return part in allowed or (part == "words" and "answers" in allowed)


def amend(
    work: Work,
    desk: Desk,
    request: Request,
    who: Who,
    wanted: Filing,
    *,
    version: int | None = None,
    photos: tuple[str, ...] = (),
    alike: Callable[[Request], dict[str, Any]] | None = None,
) -> bool:
    """The request is as ``wanted`` and everyone who works for it is told; false when nothing differs.

    ``version``: the one that was read; None = whatever is there. ``photos``: ids of photos to be added.
    ``alike``: what may be said of an open request that the change would repeat; where it is None the person was told, and
    wants both.

    Raises:
        Alike: the change would make it the very same as another that is open.
        NotInThisState: it is finished, has ended or awaits approval. ChangedMeanwhile: it has another version.
        Invalid: a part may no longer be changed, or the catalogue does not allow it so.
    """
    model.need("amend", request.state)
    if version is not None and version != request.version:
        raise ChangedMeanwhile
    item = desk.catalogue.get(request.item)
    if item is None:
        raise Absent
    found = changes(item, request, wanted)
    late = {name: ["following.field.too_late"] for name, part in found.items() if not may_change(request, item, part)}
    if late:
        raise Invalid(fields=late)
    wrong = {name: said for name, said in model.refusals(wanted, item, work.now).items() if name in found}
    place = filing.place_of(work, desk, item, wanted, wrong)
    if quotas.claimed(work.connection, request.id) and quotas.amount_of(wanted) != quotas.amount_of(filing_of(request)):
        wrong.setdefault("quantity", []).append("following.field.quota")
    if wrong or place is None:
        raise Invalid(fields=wrong)
    added = pictures.attach(work, request.id, request.requester, request.filed_by, photos) if photos else ()
    if not found and not added:
        return False
    values = filing.asked(wanted, item, place.code, wanted.contact)
    key = None if request.channel == "booking" else model.alike(item, wanted, place.code)
    if key is None or key == request.alike:
        alike = None
    if alike is not None:
        joining.need_none(work.connection, item, replace(wanted, place=place.code), alike, but=request.id)
    act(work, request, "amended", who, " ".join([*found, *(["photos"] if added else [])]), **values, alike=key)
    if (
        alike is not None and key is not None and not same.holds(work.connection, request.id, key)
    ):  # another was first at that moment
        joining.need_none(work.connection, item, replace(wanted, place=place.code), alike, but=request.id)
    content: dict[str, Any] = filing.content(
        values, item, place, wanted, pictures.digests(work.connection, request.id, also=added)
    )
    parts = tuple(dict.fromkeys("answers" if part == "words" else part for part in found.values()))
    event = RequestAmended(
        request_id=request.id, amended_at=work.now, parts=parts + (("photos",) if added else ()), **content
    )
    work.say(event, sequence=request.version + 1)
    return True


def described(request: Request) -> dict[str, Any]:
    """The parts that may be changed, by field name, for showing two versions beside each other."""
    answers = request.answers if isinstance(request.answers, dict) else json.loads(request.answers)
    return {**{name: getattr(request, name) for name in COLUMNS}, **answers}
