"""Filing a request: the hot path. One round trip writes the request, its first happening and its event."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.requests import model, quotas, store
from services.requests.bookings import claiming
from services.requests.hours import promised
from services.requests.requester import Requester, another, oneself
from shared.contracts.requests import Answer, RequestFiled
from shared.errors import Invalid
from shared.language import language

if TYPE_CHECKING:
    from datetime import datetime

    from services.requests.catalogue import Item
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.model import Filing
    from shared.web.principal import Principal
    from shared.work import Work


@dataclass(frozen=True)
class Filed:
    """What whoever filed a request is told.

    Attributes:
        reference: the full spoken one.
        code: shows its state without sign-in, together with the reference.
        held: it is over its quota and awaits approval.
        event_id: of the event that the log will hold; empty while it awaits approval.
    """

    id: str
    reference: str
    code: str
    filed_at: datetime
    held: bool = False
    event_id: str = ""


def file_request(
    work: Work,
    desk: Desk,
    person: Principal | Requester,
    filing: Filing,
    channel: str,
    *,
    filed_by: str = "",
    claimed: bool = False,
) -> Filed:
    """The request is filed under a new reference, and everyone who listens will be told.

    A request for a meeting room at a time claims the room in the same transaction, unless ``claimed``: a booking is
    behind it already.

    Raises:
        Invalid: the item, place, level, times or answers are not what the catalogue allows, or the person may not
            ask for the item; message keys by field.
        Taken: the room is somebody else's at that time.
    """
    person = person if isinstance(person, Requester) else oneself(person)
    item = desk.catalogue.get(filing.item)
    if item is None:
        raise Invalid(fields={"item": ["requests.field.item"]})
    refused = item.may_ask(person.roles, person.department)
    if refused:
        raise Invalid(fields={"item": [refused]})
    wrong = model.refusals(filing, item, work.now)
    place = _place(work, desk, item, filing, wrong)
    if wrong or place is None:
        raise Invalid(fields=wrong)
    day, number = desk.numbers.take(work)
    request_id = work.new_id()
    reference = model.reference(day, number)
    row = _row(work, desk, person, filing, item, place) | {"filed_by": filed_by}
    if not claimed and filing.starts_at and filing.ends_at and item.code in claiming.CLAIMED:
        claiming.claim_for_request(work, person, filing, place, request_id)
    event = _event(request_id, reference, channel, row, item, place, filing)
    held = _over_quota(work, desk, person, filing, request_id, event)
    store.file_request(
        work,
        {
            "id": request_id,
            "reference": reference,
            "channel": channel,
            "state": "awaiting_approval" if held else "filed",
            **row,
        },
    )
    store.happen(work, request_id, "filed", who=person.name, who_en=person.name_en, sequence=1)
    said = ""
    if held:
        store.happen(work, request_id, "over_quota", sequence=1)
    else:
        said = work.say(event, sequence=1)
    return Filed(request_id, reference, model.tracking_code(desk.secret, request_id), work.now, held, said)


ON_BEHALF = frozenset({"dispatcher", "administrator"})  # the telephone desk


def on_behalf(work: Work, person: Principal, user: str) -> tuple[Requester, str]:
    """For whom ``person`` files, and by whom it is filed when these are two; oneself when ``user`` is empty.

    Raises:
        Invalid: the person may not file for others, or nobody of that name can sign in.
    """
    if not user:
        return oneself(person), ""
    if not ON_BEHALF & set(person.roles):
        raise Invalid(fields={"on_behalf_of": ["requests.field.not_for_others"]})
    account = store.account_by_user(work.connection, user)
    if account is None or not account.may_sign_in(work.now):
        raise Invalid(fields={"on_behalf_of": ["requests.field.nobody"]})
    return another(account), "" if account.id == person.account else person.account


def _over_quota(
    work: Work, desk: Desk, person: Requester, filing: Filing, request_id: str, event: RequestFiled
) -> bool:
    """What the request uses is reserved; or, over the quota, it waits for approval and this is true."""
    quota = quotas.of_item(desk, work, filing.item, person)
    if quota is None:
        return False
    amount = quotas.amount_of(filing)
    if quotas.reserve(work, quota, person, request_id, amount):
        return False
    quotas.hold(
        work, request_id, "over_quota", person.organisation, event, quotas.claim_of(work, quota, person, amount)
    )
    return True


def _place(work: Work, desk: Desk, item: Item, filing: Filing, wrong: dict[str, list[str]]) -> Place | None:
    code = filing.place or (item.places[0] if item.place == "fixed" else "")
    if not code:
        if item.place == "required":
            wrong.setdefault("place", []).append("field.required")
        return None
    place = desk.place(work.connection, code)
    if place is None:
        wrong.setdefault("place", []).append("requests.field.place")
    elif not model.place_fits(item, place.kind, place.code):
        wrong.setdefault("place", []).append("requests.field.place_kind")
    return place


def _row(work: Work, desk: Desk, person: Requester, filing: Filing, item: Item, place: Place) -> dict[str, Any]:
    answers = {name: value for name, value in filing.answers.items() if value not in (None, "", [], False)}
    spoken = {
        **answers,
        **{name: getattr(filing, name) for name in ("headcount", "quantity") if getattr(filing, name)},
    }
    return {
        "item": item.code,
        "item_version": item.version,
        "level": filing.level or (item.levels[0].code if item.levels else ""),
        "priority": filing.priority or item.usual,
        "place": place.code,
        "department": person.department,
        "organisation": person.organisation,
        "requester": person.account,
        "requester_name": person.name,
        "requester_name_en": person.name_en,
        "filed_at": work.now,
        "starts_at": filing.starts_at,
        "ends_at": filing.ends_at,
        "headcount": filing.headcount,
        "quantity": filing.quantity or 1,
        "restricted": item.restricted,
        "summary": item.summarise(spoken, "zh-Hans"),
        "answers": json.dumps(answers, ensure_ascii=False, separators=(",", ":")),
        "contact": filing.contact or desk.phone(work.connection, person.account),
    }


def _event(
    request_id: str, reference: str, channel: str, row: dict[str, Any], item: Item, place: Place, filing: Filing
) -> RequestFiled:
    # What a restricted item is about never leaves this service (security L4).
    told = not item.restricted
    due = promised(item.times(row["priority"]), row["filed_at"])
    return RequestFiled(
        request_id=request_id,
        reference=reference,
        item=item.code,
        item_version=item.version,
        level=row["level"],
        priority=row["priority"],
        place=place.code,
        building=place.building,
        floor=place.floor,
        room=place.room,
        department=row["department"],
        requester=row["requester"],
        filed_at=row["filed_at"],
        starts_at=filing.starts_at,
        ends_at=filing.ends_at,
        headcount=filing.headcount,
        quantity=row["quantity"],
        restricted=item.restricted,
        summary=row["summary"] if told else "",
        answers=spoken_answers(item, filing.answers) if told else (),
        contact=row["contact"],
        channel=channel,
        skills=item.skills_for(filing.answers),
        response_due_at=due.get("response"),
        arrival_due_at=due.get("arrival"),
        finish_due_at=due.get("finish"),
    )


def spoken_answers(item: Item, answers: Any) -> tuple[Answer, ...]:
    """The answers as the crew reads them, in the order of the form."""
    words = language("zh-Hans")
    found = []
    for each in item.fields:
        value = answers.get(each.name)
        text = words.stamp(value) if each.type == "moment" and value else item.said(each, value, "zh-Hans")
        if text:
            found.append(Answer(name=each.label.zh, value=text))
    return tuple(found)
