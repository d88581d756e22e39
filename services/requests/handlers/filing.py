"""Filing a request: the hot path. One round trip writes the request, its first happening and its event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from services.requests import approvals, model, notices, pictures, quotas, same, standing, store
from services.requests.bookings import claiming
from services.requests.hours import promised
from services.requests.notices.telling import about_filed
from services.requests.open311 import store as public
from services.requests.requester import Requester, another, oneself
from shared.contracts.requests import Answer, RequestFiled
from shared.errors import Invalid
from shared.language import language
from shared.text import compact
from shared.web.intake import Said

if TYPE_CHECKING:
    from datetime import datetime

    from services.requests.catalogue import Item
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.model import Filing
    from shared.web.principal import Principal
    from shared.work import Work


# Where the very same is open already: file and say nothing, refuse, or file all the same because somebody was told of it.
Same = Literal["pass", "refuse", "anyway"]


@dataclass(frozen=True)
class Filed:
    """What whoever filed a request is told.

    Attributes:
        reference: the full spoken one.
        code: shows its state without sign-in, together with the reference.
        held: it is over its quota or above the standard and awaits approval.
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
    same_open: Same = "pass",
    photos: tuple[str, ...] = (),
) -> Filed:
    """The request is filed under a new reference, and everyone who listens will be told.

    With ``same_open="refuse"`` the commit fails (IntegrityError) where the very same is asked for already and still open;
    whoever asks for that looks with ``joining.need_none`` first, or when it has failed. ``photos``: ids of photos sent
    before.

    A request for a meeting room at a time claims the room in the same transaction, unless ``claimed``: a booking is
    behind it already.

    Raises:
        Invalid: the item, place, level, times or answers are not what the catalogue allows, or the person may not
            ask for the item; message keys by field.
        Taken: the room is somebody else's at that time.
    """
    person = person if isinstance(person, Requester) else oneself(person)
    item = desk.shelf.at(work.now, work).get(filing.item)
    if item is None:
        raise Invalid(fields={"item": ["requests.field.item"]})
    if claimed:  # a booking's own request: what it is for is reason enough
        filing = replace(filing, exception=filing.exception or str(filing.answers.get("subject") or item.name.zh))
    wrong = model.refusals(filing, item, work.now)
    place = place_of(work, desk, item, filing, wrong)
    causes = standing.causes(filing, item, person.roles, person.department)
    if claimed:  # the booking itself was open to the person, and is approved where that is needed
        causes = [each for each in causes if each == "above"]
    if wrong or place is None:
        raise Invalid(fields=wrong)
    day, number = desk.numbers.take(work)
    request_id = work.new_id()
    reference = model.reference(day, number)
    row = _row(work, desk, person, filing, item, place) | {"filed_by": filed_by}
    if not claimed and filing.starts_at and filing.ends_at and item.code in claiming.CLAIMED:
        claiming.claim_for_request(work, person, filing, place, request_id)
    row["alike"] = None if claimed else model.alike(item, filing, place.code)
    row["alone"] = row["alike"] if same_open == "refuse" else None
    shown = pictures.attach(work, request_id, person.account, filed_by, photos) if photos else ()
    event = _event(request_id, reference, channel, row, item, place, filing, shown)
    claim = _over_quota(work, desk, person, filing, request_id)
    if claim is not None:
        causes = ["over_quota", *causes]
    held = bool(causes)
    if held:
        _hold(work, item, person, filing, event, causes, claim, filed_by)
    store.file_request(
        work,
        {
            "id": request_id,
            "reference": reference,
            "channel": channel,
            "state": "awaiting_approval" if held else "filed",
            **row,
        },
        beside=bool(row["alike"]) and same_open == "anyway",
    )
    if item.public and not item.restricted:
        public.publish(work, request_id, item.code)
    filer = store.account_by_id(work.connection, filed_by) if filed_by else None
    who: Requester | store.Account = filer or person
    store.happen(work, request_id, "filed", who=who.name, who_en=who.name_en, sequence=1)
    if filed_by and not claimed:
        notices.tell(work, "request.filed_for_you", about_filed(event))
    said = ""
    if held:
        what = "over_quota" if causes == ["over_quota"] else "needs_approval"
        store.happen(work, request_id, what, detail=filing.exception, sequence=1)
    else:
        said = work.say(event, sequence=1)
    if row["alike"] and same_open == "pass":
        same.take(work, request_id, row["alike"])
    return Filed(request_id, reference, model.tracking_code(desk.secret, request_id), work.now, held, said)


ON_BEHALF = frozenset({"dispatcher", "administrator"})  # the telephone desk


def on_behalf(work: Work, person: Principal, user: str) -> tuple[Requester, str]:
    """For whom ``person`` files, and by whom it is filed when these are two; oneself when ``user`` is empty.

    Raises:
        Invalid: the person may not file for others, or not exactly one of that name can sign in.
    """
    if not user:
        return oneself(person), ""
    if not ON_BEHALF & set(person.roles):
        raise Invalid(fields={"on_behalf_of": ["requests.field.not_for_others"]})
    account = somebody(work, user, person.organisation, "on_behalf_of")
    return another(account), "" if account.id == person.account else person.account


def somebody(work: Work, words: str, organisation: str, field: str) -> store.Account:
    """The one account meant by a user name, or by a name or telephone that only one person of the body has.

    Raises:
        Invalid: nobody, or several; said of ``field``.
    """
    found = [each for each in store.accounts_called(work.connection, words, organisation) if each.may_sign_in(work.now)]
    if not found:
        raise Invalid(fields={field: ["requests.field.nobody"]})
    if len(found) > 1:
        raise Invalid(
            fields={field: [Said("requests.field.several", users=", ".join(each.user_name for each in found))]}
        )
    return found[0]


def _over_quota(work: Work, desk: Desk, person: Requester, filing: Filing, request_id: str) -> dict[str, Any] | None:
    """What the request uses is reserved, and this is None; or, over the quota, what it would have reserved."""
    quota = quotas.of_item(desk, work, filing.item, person)
    if quota is None:
        return None
    amount = quotas.amount_of(filing)
    if quotas.reserve(work, quota, person, request_id, amount):
        return None
    return quotas.claim_of(work, quota, person, amount)


def _hold(
    work: Work, item: Item, person: Requester, filing: Filing, event: RequestFiled, causes: list[str],
    claim: dict[str, Any] | None, filed_by: str,
) -> None:  # fmt: skip
    """Nobody hears of the request before it is approved; ``claim`` is reserved then."""
    approvals.ask(
        work, event.request_id, kind="request", causes=causes, organisation=person.organisation, requester=person.account,
        filed_by=filed_by, why=filing.exception, steps=item.rule.steps, event=compact(event.data()),
        claim=compact(claim or {}),
    )  # fmt: skip
    asked = approvals.of(work.connection, event.request_id)
    if asked is not None:
        about = about_filed(event, approver=approvals.audience(asked))
        notices.tell(work, "approval.request", replace(about, address=approvals.PAGE))


def place_of(work: Work, desk: Desk, item: Item, filing: Filing, wrong: dict[str, list[str]]) -> Place | None:
    """Where it is; a fault is noted in ``wrong``."""
    code = filing.place or (item.places[0] if item.place == "fixed" else "")
    if not code:
        if item.place == "required":
            wrong.setdefault("place", []).append("field.required")
        return None
    place = desk.place(work, code)
    if place is None:
        wrong.setdefault("place", []).append("requests.field.place")
    elif not model.place_fits(item, place.kind, place.code):
        wrong.setdefault("place", []).append("requests.field.place_kind")
    return place


def _row(work: Work, desk: Desk, person: Requester, filing: Filing, item: Item, place: Place) -> dict[str, Any]:
    return {
        "item": item.code,
        "item_version": item.version,
        "priority": filing.priority or item.usual,
        "department": person.department,
        "organisation": person.organisation,
        "requester": person.account,
        "requester_name": person.name,
        "requester_name_en": person.name_en,
        "filed_at": work.now,
        "restricted": item.restricted,
        **asked(filing, item, place.code, filing.contact or desk.phone(work, person.account)),
    }


def asked(filing: Filing, item: Item, place: str, contact: str) -> dict[str, Any]:
    """What is asked for, as columns."""
    answers = {name: value for name, value in filing.answers.items() if value not in (None, "", [], False)}
    spoken = {
        **answers,
        **{name: getattr(filing, name) for name in ("headcount", "quantity") if getattr(filing, name)},
    }
    return {
        "level": filing.level or (item.levels[0].code if item.levels else ""),
        "place": place,
        "starts_at": filing.starts_at,
        "ends_at": filing.ends_at,
        "headcount": filing.headcount,
        "quantity": filing.quantity or 1,
        "summary": item.summarise(spoken, "zh-Hans"),
        "answers": compact(answers),
        "contact": contact,
        "asset": filing.asset,
    }


def _event(
    request_id: str, reference: str, channel: str, row: dict[str, Any], item: Item, place: Place, filing: Filing,
    photos: tuple[str, ...],
) -> RequestFiled:  # fmt: skip
    due = promised(item.times(row["priority"], row["level"]), row["filed_at"])
    return RequestFiled(
        request_id=request_id,
        reference=reference,
        item=item.code,
        item_version=item.version,
        priority=row["priority"],
        department=row["department"],
        requester=row["requester"],
        filed_at=row["filed_at"],
        restricted=item.restricted,
        channel=channel,
        response_due_at=due.get("response"),
        arrival_due_at=due.get("arrival"),
        finish_due_at=due.get("finish"),
        **content(row, item, place, filing, photos),
    )


def content(
    row: dict[str, Any], item: Item, place: Place, filing: Filing, photos: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What is asked for, as events tell it; what a restricted item is about never leaves this service (security L4)."""
    told = not item.restricted
    return {
        "level": row["level"],
        "place": place.code,
        "building": place.building,
        "floor": place.floor,
        "room": place.room,
        "starts_at": filing.starts_at,
        "ends_at": filing.ends_at,
        "headcount": filing.headcount,
        "quantity": row["quantity"],
        "summary": row["summary"] if told else "",
        "answers": spoken_answers(item, filing.answers) if told else (),
        "contact": row["contact"],
        "skills": item.skills_for(filing.answers),
        "asset": filing.asset,
        "photos": photos if told else (),
    }


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
