"""What is done with complaints: opened, acknowledged, answered, appealed, closed; late ones go higher, once."""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from services.requests import model as requests_model
from services.requests import store as requests_store
from services.requests.access import where
from services.requests.voices import model, store, tables, telling
from services.requests.voices.model import Complained
from services.requests.voices.store import Complaint
from shared.contracts.requests import (
    ComplaintAnswered,
    ComplaintAppealed,
    ComplaintClosed,
    ComplaintEscalated,
    ComplaintOpened,
)
from shared.errors import Invalid
from shared.web import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from services.requests.desk import Desk
    from services.requests.requester import Requester
    from services.requests.store import Request
    from services.requests.voices.model import Choice
    from shared.work import Work


@contextmanager
def unnamed(work: Work, reference: str, role: str = "complainant") -> Iterator[None]:
    """What is said in here is said by "the complainant of C-…": the log does not tell whose account that is."""
    actor, work.actor = work.actor, f"{role}:{reference}"
    try:
        yield
    finally:
        work.actor = actor


def digest(salt: str, words: str) -> str:
    """What is sealed of the words: nobody can guess them from it, and whoever has salt and words can prove them."""
    return hashlib.sha256(f"{salt}\0{words}".encode()).hexdigest()


def open_complaint(
    work: Work,
    desk: Desk,
    person: Requester,
    *,
    about: str,
    category: str,
    words: str,
    request: Request | None = None,
    department: str = "",
    channel: str = "form",
) -> Complaint:
    """The complaint is filed under a reference of its own, and somebody who had no part in it looks into it.

    ``request`` is one that the person may see; the work done for it in every round counts.

    Raises:
        Invalid: no such department, or it is missing or too much.
    """
    if about == "department":
        if department not in desk.departments(work.connection):
            raise Invalid(fields={"department": ["voices.field.department"]})
    elif department:
        raise Invalid(fields={"department": ["voices.field.department_none"]})
    orders = list(requests_store.orders(work.connection, request.id).values()) if request else []
    last = max(orders, key=lambda order: (order.round, order.crew_sequence, order.order_id), default=None)
    salt, day = secrets.token_hex(16), requests_model.day_of(work.now)
    complaint = Complaint(
        id=work.new_id(), reference=store.take_reference(work, "C", day), version=1, round=1, state="received", about=about,
        category=category, words=words, salt=salt, request_id=request.id if request else "",
        request_reference=request.reference if request else "", order_id=last.order_id if last else "",
        item=request.item if request else "", crew=last.crew if last else "", supplier=last.supplier if last else "",
        crews=store.between_blanks(order.crew for order in orders),
        suppliers=store.between_blanks(order.supplier for order in orders), department=department, complainant=person.account,
        complainant_name=person.name, complainant_name_en=person.name_en, complainant_department=person.department,
        organisation=request.organisation if request else person.organisation, restricted=bool(request and request.restricted),
        channel=channel, handler="", handler_kind="", handler_name="", handler_name_en="", why="[]", handled_by="",
        opened_at=work.now, due_at=model.due(work.now, model.ANSWER_IN),
    )  # fmt: skip
    choice = _choose(work, complaint, request)
    complaint = Complaint(**complaint.__dict__ | _given(choice, complaint))
    store.save_complaint(work, complaint)
    store.note_step(work, tables.complaint_step, complaint.id, "opened")
    _note_handler(work, complaint, choice)
    telling.of_complaint(work, "complaint_given", complaint)
    with unnamed(work, complaint.reference):
        work.say(
            ComplaintOpened(
                complaint_id=complaint.id, reference=complaint.reference, about=about, category=category,
                request_id=complaint.request_id, order_id=complaint.order_id, item=complaint.item, crew=complaint.crew,
                supplier=complaint.supplier, department=department, handler_kind=choice.kind, words_digest=digest(salt, words),
                opened_at=work.now, due_at=complaint.due_at,
            ),
            sequence=1,
        )  # fmt: skip
    tell(work, complaint)
    return complaint


def complained(work: Work, complaint: Complaint, request: Request | None) -> Complained:
    """Whom the complaint is about, as the office stands today."""
    crews, suppliers = frozenset(complaint.crews.split()), frozenset(complaint.suppliers.split())
    departments = {complaint.department} - {""} | store.departments_of_crews(work.connection, crews)
    dispatch = complaint.about in ("work", "dispatch") or bool(complaint.order_id)
    if complaint.about == "dispatch":
        departments |= store.departments_of_role(work.connection, "dispatcher", complaint.organisation)
    people = {complaint.complainant}
    if request is not None:
        people |= where(request).owners
    return Complained(frozenset(people - {""}), crews, suppliers, frozenset(departments), dispatch)


def _choose(work: Work, complaint: Complaint, request: Request | None, *, above: int = 0) -> Choice:
    return model.choose(
        store.candidates(work.connection, complaint.organisation, work.now),
        complained(work, complaint, request),
        store.at_hand(work.connection),
        above=above,
        but=frozenset(complaint.handled_by.split()),
    )


def _chosen(work: Work, complaint: Complaint, *, above: int = 0) -> Choice:
    """The next handler, by the request as it is now."""
    request = requests_store.request_by_id(work.connection, complaint.request_id) if complaint.request_id else None
    return _choose(work, complaint, request, above=above)


def _given(choice: Choice, complaint: Complaint) -> dict[str, Any]:
    return {
        "handler": choice.account, "handler_kind": choice.kind, "handler_name": choice.name, "handler_name_en": choice.name_en,
        "why": json.dumps(choice.reasons), "handled_by": store.between_blanks([*complaint.handled_by.split(), choice.account]),
    }  # fmt: skip


def _note_handler(work: Work, complaint: Complaint, choice: Choice) -> None:
    what = "given" if choice.account else "nobody"
    store.note_step(work, tables.complaint_step, complaint.id, what, (choice.name, choice.name_en), choice.kind)


def tell(work: Work, complaint: Complaint, *others: str) -> None:
    """Open pages of the complainant and the handlers look again."""
    for account in sorted({complaint.complainant, complaint.handler, *others} - {""}):
        live.tell(work, f"account:{account}", "row", {"ref": model.short(complaint.reference)})


# ---- the handler


def acknowledge(work: Work, complaint: Complaint, account: str) -> None:
    """The complainant sees that somebody has begun to look into it.

    Raises:
        NotYours: another has it by now. Past: it was acknowledged or answered before.
    """
    _need_handler(complaint, account, "acknowledge")
    store.change_complaint(work, complaint, state="investigating", acknowledged_at=work.now)
    store.note_step(work, tables.complaint_step, complaint.id, "acknowledged", _who(complaint))
    tell(work, complaint)


def answer(work: Work, complaint: Complaint, account: str, outcome: str, words: str) -> None:
    """The complaint is answered. The first answer may be appealed for some days; the one to an appeal is final.

    Raises:
        NotYours: another has it by now. Past: it was answered before.
    """
    _need_handler(complaint, account, "answer")
    values = {"outcome": outcome, "answer": words, "answered_at": work.now, "state": "answered"}
    version = store.change_complaint(work, complaint, **values, appeal_until=model.due(work.now, model.APPEAL_IN))
    store.note_step(work, tables.complaint_step, complaint.id, "answered", _who(complaint), outcome)
    work.say(
        ComplaintAnswered(
            complaint_id=complaint.id, outcome=outcome, round=complaint.round, order_id=complaint.order_id, item=complaint.item,
            crew=complaint.crew, supplier=complaint.supplier, handler_kind=complaint.handler_kind,
            late=work.now > complaint.due_at, opened_at=complaint.opened_at, answered_at=work.now,
        ),
        sequence=version,
    )  # fmt: skip
    telling.of_complaint(work, "complaint_answered", complaint)
    if complaint.round > 1:
        _end(work, Complaint(**complaint.__dict__ | values | {"version": version}), "closed", "decided")
    else:
        tell(work, complaint)


def step_aside(work: Work, complaint: Complaint, account: str) -> None:
    """The handler has an interest in it after all (回避): another independent one gets it, at the same date.

    Raises:
        NotYours: another has it by now. Past: it was answered before.
    """
    _need_handler(complaint, account, "step_aside")
    above = model.rank(complaint.handler_kind) if complaint.round > 1 else 0
    # After an appeal nobody of a lower kind than this one may follow, but his equal may.
    choice = _chosen(work, complaint, above=max(above - 1, 0))
    store.note_step(work, tables.complaint_step, complaint.id, "stepped_aside", _who(complaint))
    store.change_complaint(
        work, complaint, state="received" if complaint.round == 1 else "appealed", **_given(choice, complaint)
    )
    _hand_on(work, complaint, choice)


def _hand_on(work: Work, complaint: Complaint, choice: Choice, due_at: datetime | None = None) -> None:
    """The next handler is noted, and told by bell and page."""
    _note_handler(work, complaint, choice)
    if choice.account:
        after = Complaint(**complaint.__dict__ | {"due_at": due_at or complaint.due_at})
        telling.of_complaint(work, "complaint_given", after, handler=choice.account)
    tell(work, complaint, choice.account)


def _need_handler(complaint: Complaint, account: str, act: str) -> None:
    if complaint.handler != account:
        raise model.NotYours
    if act not in model.handler_may(complaint.state):
        raise model.Past


def _who(complaint: Complaint) -> tuple[str, str]:
    return complaint.handler_name, complaint.handler_name_en


# ---- the complainant


def _need(complaint: Complaint, act: str, work: Work) -> None:
    if act not in model.complainant_may(complaint.state, complaint.round, complaint.appeal_until, work.now):
        raise model.Past


def accept(work: Work, complaint: Complaint) -> None:
    """The complainant accepts the answer; the complaint is closed.

    Raises:
        Past: it has no answer, or was closed before.
    """
    _need(complaint, "accept", work)
    with unnamed(work, complaint.reference):
        _end(work, complaint, "closed", "accepted")


def take_back(work: Work, complaint: Complaint) -> None:
    """The complainant takes it back before it is answered.

    Raises:
        Past: it has been answered.
    """
    _need(complaint, "take_back", work)
    with unnamed(work, complaint.reference):
        _end(work, complaint, "withdrawn", "taken_back")


def appeal(work: Work, complaint: Complaint, words: str) -> None:
    """Another handler, of a higher kind, looks into it; once.

    Raises:
        Past: it has no answer, was appealed before, or the time for it is over.
    """
    _need(complaint, "appeal", work)
    choice = _chosen(work, complaint, above=model.rank(complaint.handler_kind))
    due_at = model.due(work.now, model.ANSWER_IN)
    version = store.change_complaint(
        work, complaint, state="appealed", round=2, due_at=due_at, escalated_at=None, appeal_words=words,
        first_outcome=complaint.outcome, first_answer=complaint.answer, outcome="", answer="", answered_at=None,
        appeal_until=None, **_given(choice, complaint),
    )  # fmt: skip
    store.note_step(work, tables.complaint_step, complaint.id, "appealed")
    _hand_on(work, complaint, choice, due_at)
    with unnamed(work, complaint.reference):
        work.say(
            ComplaintAppealed(complaint_id=complaint.id, handler_kind=choice.kind, appealed_at=work.now, due_at=due_at),
            sequence=version,
        )


def _end(work: Work, complaint: Complaint, state: str, reason: str) -> None:
    version = store.change_complaint(work, complaint, state=state, closed_at=work.now, close_reason=reason)
    store.note_step(work, tables.complaint_step, complaint.id, "closed", detail=reason)
    work.say(
        ComplaintClosed(complaint_id=complaint.id, reason=reason, outcome=complaint.outcome, closed_at=work.now),
        sequence=version,
    )
    tell(work, complaint)


# ---- time


def watch(work: Work) -> None:
    """Late complaints go higher, once; those without a handler are tried again; unappealed answers are closed."""
    for complaint_id in store.overdue(work.connection, work.now):
        complaint = store.complaint_by_id(work.connection, complaint_id, lock=True)
        if complaint is not None and complaint.state in model.OPEN and complaint.escalated_at is None:
            _escalate(work, complaint)
    for complaint_id in store.without_handler(work.connection):
        complaint = store.complaint_by_id(work.connection, complaint_id, lock=True)
        if complaint is not None and complaint.state in model.OPEN and not complaint.handler:
            _try_again(work, complaint)
    for complaint_id in store.unappealed(work.connection, work.now):
        complaint = store.complaint_by_id(work.connection, complaint_id, lock=True)
        if complaint is not None and complaint.state == "answered":
            _end(work, complaint, "closed", "no_appeal")


def _escalate(work: Work, complaint: Complaint) -> None:
    """A handler of a higher kind has it from now on, where there is one; it stays due when it was."""
    choice = _chosen(work, complaint, above=model.rank(complaint.handler_kind)) if complaint.handler else None
    given = _given(choice, complaint) if choice and choice.account else {}
    version = store.change_complaint(work, complaint, escalated_at=work.now, **given)
    store.note_step(work, tables.complaint_step, complaint.id, "escalated")
    telling.of_complaint(work, "complaint_late", complaint)
    if choice and choice.account:
        telling.of_complaint(work, "complaint_taken", complaint)
        _hand_on(work, complaint, choice)
    else:
        tell(work, complaint)
    work.say(
        ComplaintEscalated(
            complaint_id=complaint.id, handler_kind=given.get("handler_kind", complaint.handler_kind), due_at=complaint.due_at,
            escalated_at=work.now,
        ),
        sequence=version,
    )  # fmt: skip


def _try_again(work: Work, complaint: Complaint) -> None:
    above = 1 if complaint.round > 1 else 0
    choice = _chosen(work, complaint, above=above)
    if not choice.account:
        return
    store.change_complaint(work, complaint, **_given(choice, complaint))
    _hand_on(work, complaint, choice)
