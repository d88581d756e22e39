"""Decisions about what awaits approval, and what follows from them for requests and bookings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.requests import approvals, notices, quotas, store
from services.requests.bookings import claiming
from services.requests.bookings import handlers as bookings
from services.requests.bookings import store as booking_store
from services.requests.handlers import following
from services.requests.notices.telling import about_booking, about_request
from shared.contracts.base import parse
from shared.contracts.requests import ApprovalDecided, RequestFiled
from shared.errors import Absent

if TYPE_CHECKING:
    from services.requests.approvals import Approval
    from services.requests.desk import Desk
    from services.requests.store import Request
    from shared.web.principal import Principal
    from shared.work import Work

Who = tuple[str, str]
NOBODY: Who = ("", "")


def decide(work: Work, desk: Desk, subject_id: str, person: Principal, *, granted: bool, words: str = "") -> str:
    """The person's decision counts: ``open`` (more must decide), ``next`` (step), ``granted`` or ``refused``.

    Raises:
        Absent: it needs no approval of this person. OwnRequest. Invalid: refused without a reason.
        Decided: somebody was first, or it is gone.
    """
    found = approvals.of(work.connection, subject_id, lock=True)
    if found is None:
        raise Absent
    outcome = approvals.vote(work, found, person, granted=granted, words=words)
    who = (person.name, person.name_en or person.name)
    if outcome == "next":
        _tell_next(work, found, who)
    elif outcome != "open":
        _finish(work, desk, found, outcome, who, person.account, words)
    return outcome


def expire(work: Work, desk: Desk, limit: int = 100) -> int:
    """What nobody decided in time passes to deputies, and at the second time is refused; how many were refused."""
    ended = 0
    for subject_id in approvals.overdue(work.connection, work.now, limit):
        found = approvals.of(work.connection, subject_id, lock=True)
        if found is None or found.state != "open" or found.due_at >= work.now:
            continue  # another replica was first
        if approvals.pass_on(work, found):
            _tell_waiting(work, found)
            continue
        approvals.close(work, subject_id, "late")
        _finish(work, desk, found, "late", NOBODY, "", "")
        ended += 1
    return ended


def _tell_next(work: Work, found: Approval, who: Who) -> None:
    if found.kind == "request":
        store.happen(work, found.request_id, "approval_step", who=who[0], who_en=who[1], sequence=1)
    _tell_waiting(work, found)


def _tell_waiting(work: Work, found: Approval) -> None:
    """Whoever may decide from now on is told."""
    now_open = replace(found, asked_at=work.now)
    if found.kind == "request":
        request = store.request_by_id(work.connection, found.request_id)
        if request is not None:
            about = about_request(request, approver=approvals.audience(now_open))
            notices.tell(work, "approval.request", replace(about, address=approvals.PAGE))
        return
    booking = booking_store.booking(work.connection, found.request_id)
    if booking is not None:
        resource = booking_store.lock(work.connection, [booking.resource])[booking.resource]
        about = about_booking(booking, resource, approver=approvals.audience(now_open))
        who = (booking.name, booking.name_en)
        notices.tell(work, "approval.booking", replace(about, address=approvals.PAGE), who=who)


def _finish(work: Work, desk: Desk, found: Approval, outcome: str, who: Who, by: str, words: str) -> None:
    work.say(
        ApprovalDecided(
            subject_id=found.request_id, kind=found.kind, causes=tuple(found.causes), outcome=outcome, steps=found.step + 1,
            decided_by=by, asked_at=found.asked_at, decided_at=work.now,
        )
    )  # fmt: skip
    if found.kind == "request":
        request = store.request_by_id(work.connection, found.request_id, lock=True)
        if request is None or request.state != "awaiting_approval":
            raise approvals.Decided
        _finish_request(work, found, request, outcome, who, words)
    else:
        booking = booking_store.booking(work.connection, found.request_id, lock=True)
        if booking is None or booking.state != "pending":
            raise approvals.Decided
        bookings.decide(work, desk, booking, by, granted=outcome == "granted", words=words)


def _finish_request(work: Work, found: Approval, request: Request, outcome: str, who: Who, words: str) -> None:
    granted = outcome == "granted"
    state = "filed" if granted else "refused"
    store.change_request(work.connection, request.id, state=state, changed_at=work.now)
    what = {"granted": "approved", "refused": "not_approved", "late": "approval_late"}[outcome]
    store.happen(work, request.id, what, who=who[0], who_en=who[1], detail=words, sequence=1)
    if outcome == "late":
        notices.tell(work, "request.approval_late", about_request(request))
    else:
        notices.tell(work, f"request.{what}", about_request(request), who=who, why=words)
    if granted:
        event: Any = parse(RequestFiled.TYPE, json.loads(found.event))
        claim = json.loads(found.claim)
        if claim:  # beyond the quota, but counted
            quotas.add(work, request.id, claim)
        work.say(event, sequence=1)
        return
    quotas.release(work, request.id)
    release_room(work, request.id)


def release_room(work: Work, request_id: str) -> None:
    """A room that a request had claimed is free again, and the room's other requests are withdrawn."""
    for other_id in claiming.release_for_request(work, request_id):
        other = store.request_by_id(work.connection, other_id, lock=True)
        if other is not None and following.model.may("withdraw", other.state):
            following.withdraw(work, other, NOBODY)
