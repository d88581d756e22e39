"""Quotas 实物定额: how much of an item a department or a person may use in a period, exact whoever comes together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select, update

from services.requests import model, store, tables
from shared.contracts.base import parse
from shared.contracts.requests import RequestFiled
from shared.database import Sql
from shared.errors import Absent, Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sqlalchemy import Connection

    from services.requests.desk import Desk
    from services.requests.model import Filing
    from services.requests.requester import Requester
    from shared.work import Work

PERIODS = ("month", "quarter", "year")
HOLDERS = ("department", "person")
DECIDE_WITHIN = timedelta(days=3)  # nobody decided by then: refused, so that the requester knows


class Decided(Conflict):
    """Somebody else has decided, or the request was withdrawn."""

    key = "quota.error.decided"


@dataclass(frozen=True)
class Quota:
    """One rule; ``holder`` empty = each department, or person, without a rule of its own."""

    id: str
    item: str
    per: str
    holder: str
    period: str
    most: int
    changed_at: datetime


@dataclass(frozen=True)
class Standing:
    """How a quota stands for somebody; in the item's unit."""

    quota: Quota
    holder: str
    period: str
    used: int

    @property
    def left(self) -> int:
        return max(self.quota.most - self.used, 0)


def period_of(kind: str, day: date) -> str:
    """The name of the period that a day of the site lies in."""
    if kind == "month":
        return f"{day:%Y-%m}"
    return f"{day.year}-Q{(day.month + 2) // 3}" if kind == "quarter" else str(day.year)


def amount_of(filing: Filing) -> int:
    """What a request uses: its quantity, of printing the pages of all copies."""
    pages = filing.answers.get("pages")
    return (filing.quantity or 1) * (pages if isinstance(pages, int) and pages > 0 else 1)


def all_quotas(connection: Connection) -> list[Quota]:
    """Every rule."""
    row = tables.quota.c
    query = select(tables.quota).order_by(row.item, row.per, row.holder)
    return [Quota(**each) for each in connection.execute(query).mappings()]


def applying(quotas: Mapping[str, list[Quota]], item: str, person: Requester) -> Quota | None:
    """The rule that counts for this person: the department's own before that for each."""
    found = quotas.get(item, [])
    own = [each for each in found if each.holder and each.per == "department" and each.holder == person.department]
    return next(iter([*own, *(each for each in found if not each.holder)]), None)


_RESERVE = Sql(
    """INSERT INTO quota_use (item, holder, period, used) VALUES (:item, :holder, :period, :amount)
       ON CONFLICT (item, holder, period) DO UPDATE SET used = quota_use.used + :amount
       WHERE quota_use.used + :amount <= :most RETURNING used"""
)
_ADD = Sql(
    """INSERT INTO quota_use (item, holder, period, used) VALUES (:item, :holder, :period, :amount)
       ON CONFLICT (item, holder, period) DO UPDATE SET used = quota_use.used + :amount"""
)
_CLAIM = Sql(
    """INSERT INTO quota_claim (request_id, item, holder, period, amount)
       VALUES (:request_id, :item, :holder, :period, :amount)"""
)


def reserve(work: Work, quota: Quota, person: Requester, request_id: str, amount: int) -> bool:
    """The amount is reserved for the request, in one statement; false when that would be over the quota."""
    holder = person.account if quota.per == "person" else person.department
    place = {"item": quota.item, "holder": holder, "period": period_of(quota.period, model.day_of(work.now))}
    # The first of a period meets no row that could refuse it.
    fits = amount <= quota.most and bool(_RESERVE.run(work.connection, **place, amount=amount, most=quota.most).first())
    if fits:
        work.later(_CLAIM, request_id=request_id, **place, amount=amount)
    return fits


def release(work: Work, request_id: str) -> None:
    """What the request had reserved is free again; nothing happens when it had reserved nothing, or twice."""
    claim = tables.quota_claim
    row = work.connection.execute(
        claim.delete().where(claim.c.request_id == request_id).returning(claim.c.item, claim.c.holder, claim.c.period, claim.c.amount)
    ).first()  # fmt: skip
    if row is not None:
        use = tables.quota_use.c
        work.connection.execute(
            update(tables.quota_use)
            .where(use.item == row.item, use.holder == row.holder, use.period == row.period)
            .values(used=use.used - row.amount)
        )


def standing(connection: Connection, quota: Quota, person: Requester, now: datetime) -> Standing:
    """How the quota stands for this person."""
    holder = person.account if quota.per == "person" else person.department
    period = period_of(quota.period, model.day_of(now))
    use = tables.quota_use.c
    query = select(use.used).where(use.item == quota.item, use.holder == holder, use.period == period)
    return Standing(quota, holder, period, int(connection.execute(query).scalar() or 0))


def save(work: Work, item: str, per: str, holder: str, period: str, most: int) -> None:
    """The rule is so from now on; what was used in the period counts on."""
    row = tables.quota.c
    same = work.connection.execute(
        update(tables.quota)
        .where(row.item == item, row.per == per, row.holder == holder)
        .values(period=period, most=most, changed_at=work.now)
    )
    if not same.rowcount:
        made = {"id": work.new_id(), "item": item, "per": per, "holder": holder, "period": period, "most": most}
        work.connection.execute(insert(tables.quota).values(**made, changed_at=work.now))


def drop(work: Work, quota_id: str) -> None:
    """The rule holds no longer.

    Raises:
        Absent: there is none.
    """
    if not work.connection.execute(tables.quota.delete().where(tables.quota.c.id == quota_id)).rowcount:
        raise Absent


def used_by(connection: Connection, item: str, day: date) -> list[tuple[str, str, int]]:
    """(holder, period, used) of an item in the periods that the day lies in, the most first."""
    use = tables.quota_use.c
    periods = [period_of(kind, day) for kind in PERIODS]
    query = select(use.holder, use.period, use.used).where(use.item == item, use.period.in_(periods))
    return [tuple(each) for each in connection.execute(query.order_by(use.used.desc()).limit(100))]


# ---- approval


def claim_of(work: Work, quota: Quota, person: Requester, amount: int) -> dict[str, Any]:
    """What a request would reserve."""
    holder = person.account if quota.per == "person" else person.department
    period = period_of(quota.period, model.day_of(work.now))
    return {"item": quota.item, "holder": holder, "period": period, "amount": amount}


def hold(
    work: Work, request_id: str, reason: str, organisation: str, event: RequestFiled, claim: Mapping[str, Any]
) -> None:
    """Nobody hears of the request before it is approved; ``claim`` is reserved then."""
    work.connection.execute(
        insert(tables.approval).values(
            request_id=request_id, reason=reason, state="open", organisation=organisation,
            event=json.dumps(event.data(), ensure_ascii=False), claim=json.dumps(dict(claim)), asked_at=work.now, due_at=work.now + DECIDE_WITHIN,
            decided_by="", words="",
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Approval:
    """A request that awaits approval, or awaited it."""

    request_id: str
    reason: str
    state: str
    organisation: str
    event: str
    claim: str
    asked_at: datetime
    due_at: datetime
    decided_at: datetime | None
    decided_by: str
    words: str


def approval_of(connection: Connection, request_id: str, *, lock: bool = False) -> Approval | None:
    """The approval that a request needed; None when it needed none."""
    query = select(tables.approval).where(tables.approval.c.request_id == request_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Approval(**row) if row is not None else None


def open_approvals(connection: Connection, organisation: str, limit: int = 100) -> list[Approval]:
    """What awaits approval below a body, the most urgent first."""
    row = tables.approval.c
    query = (
        select(tables.approval)
        .where(row.state == "open", or_(row.organisation == organisation, row.organisation.startswith(organisation + "/", autoescape=True)))
        .order_by(row.due_at).limit(limit)
    )  # fmt: skip
    return [Approval(**each) for each in connection.execute(query).mappings()]


def count_open(connection: Connection, organisation: str) -> int:
    """How many await approval below a body."""
    row = tables.approval.c
    query = select(func.count()).where(row.state == "open", or_(row.organisation == organisation, row.organisation.startswith(organisation + "/", autoescape=True)))  # fmt: skip
    return int(connection.execute(query).scalar_one())


def decide(work: Work, request_id: str, who: tuple[str, str], by: str, *, granted: bool, words: str = "") -> None:
    """The request is filed after all, over its quota, or refused with a reason.

    Raises:
        Absent: it needs no approval. Decided: somebody was first.
    """
    found = approval_of(work.connection, request_id, lock=True)
    request = store.request_by_id(work.connection, request_id, lock=True)
    if found is None or request is None:
        raise Absent
    if found.state != "open" or request.state != "awaiting_approval":
        raise Decided
    state = "granted" if granted else "refused"
    _close(work, request_id, state, by, words)
    store.change_request(work.connection, request_id, state="filed" if granted else "refused", changed_at=work.now)
    what = "approved" if granted else "not_approved"
    store.happen(work, request_id, what, who=who[0], who_en=who[1], detail=words, sequence=1)
    if granted:
        event: Any = parse(RequestFiled.TYPE, json.loads(found.event))
        claim = json.loads(found.claim)
        if claim:  # beyond the quota, but counted
            _ADD.run(work.connection, **{name: claim[name] for name in ("item", "holder", "period", "amount")})
            work.later(_CLAIM, request_id=request_id, **claim)
        work.say(event, sequence=1)


def _close(work: Work, request_id: str, state: str, by: str = "", words: str = "") -> None:
    work.connection.execute(
        update(tables.approval)
        .where(tables.approval.c.request_id == request_id)
        .values(state=state, decided_at=work.now, decided_by=by, words=words)
    )


def withdrawn(work: Work, request_id: str) -> None:
    """Nobody needs to decide any more."""
    _close(work, request_id, "withdrawn")


def expire(work: Work, limit: int = 100) -> int:
    """What nobody decided in time is refused; how many."""
    row = tables.approval.c
    query = select(row.request_id).where(row.state == "open", row.due_at < work.now).limit(limit)
    late = [id_ for (id_,) in work.connection.execute(query)]
    for request_id in late:
        found = approval_of(work.connection, request_id, lock=True)
        request = store.request_by_id(work.connection, request_id, lock=True)
        if found is None or found.state != "open" or request is None:
            continue
        _close(work, request_id, "late")
        store.change_request(work.connection, request_id, state="refused", changed_at=work.now)
        store.happen(work, request_id, "approval_late", sequence=1)
    return len(late)


def settle_quotas(work: Work) -> None:
    """The demonstration's rule is there: pages that each department may print in a month."""
    if not all_quotas(work.connection):
        save(work, "printing", "department", "", "month", 200_000)


def of_item(desk: Desk, work: Work | Connection, item: str, person: Requester) -> Quota | None:
    """The rule that counts for this person and item, from rules at most a minute old."""
    return applying(desk.quotas(work), item, person)
