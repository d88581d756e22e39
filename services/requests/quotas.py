"""Quotas 实物定额: how much of an item a department or a person may use in a period, exact whoever comes together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from services.requests import model, tables
from shared.database import Sql
from shared.errors import Absent

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
    return amount_asked(filing.quantity, filing.answers)


def amount_asked(quantity: int, answers: Mapping[str, Any]) -> int:
    """The same of a request as it is kept."""
    pages = answers.get("pages")
    return (quantity or 1) * (pages if isinstance(pages, int) and pages > 0 else 1)


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


def claimed(connection: Connection, request_id: str) -> bool:
    """Whether the request has reserved something of a quota."""
    query = select(tables.quota_claim.c.request_id).where(tables.quota_claim.c.request_id == request_id)
    return connection.execute(query).first() is not None


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


def claim_of(work: Work, quota: Quota, person: Requester, amount: int) -> dict[str, Any]:
    """What a request would reserve."""
    holder = person.account if quota.per == "person" else person.department
    period = period_of(quota.period, model.day_of(work.now))
    return {"item": quota.item, "holder": holder, "period": period, "amount": amount}


def add(work: Work, request_id: str, claim: Mapping[str, Any]) -> None:
    """What was granted beyond the quota counts as used too."""
    _ADD.run(work.connection, **{name: claim[name] for name in ("item", "holder", "period", "amount")})
    work.later(_CLAIM, request_id=request_id, **claim)


def settle_quotas(work: Work) -> None:
    """The demonstration's rule is there: pages that each department may print in a month."""
    if not all_quotas(work.connection):
        save(work, "printing", "department", "", "month", 200_000)


def of_item(desk: Desk, work: Work | Connection, item: str, person: Requester) -> Quota | None:
    """The rule that counts for this person and item, from rules at most a minute old."""
    return applying(desk.quotas(work), item, person)
