"""Sub-ledgers of centres (分户核算): income and expense apart (收支两条线), and what the office adds by each one's funding."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.billing import office_tables as tables
from services.billing.handlers.costing import done_in_house, fen
from services.billing.model import feed_body, period_of
from services.billing.pricing.exact import decimal, fraction, read_number
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.shares import allocate
from shared.contracts.billing import CentreMonthClosed, LedgerEntryBooked
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.work import Work

C, E, M = tables.centre.c, tables.ledger_entry.c, tables.centre_month.c
NOTHING = Decimal("0.00")
UNIT_KINDS = ("work_support", "operating", "public_benefit")  # 工作保障型, 经营服务型, 社会公益型
FUNDING = ("grant", "fixed_subsidy", "difference_subsidy", "self_supporting", "mixed")
# Which fundings a type of unit may have: its type drives the mode of its accounts.
MODES = {
    "work_support": ("grant", "mixed"),
    "operating": ("fixed_subsidy", "difference_subsidy", "self_supporting", "mixed"),
    "public_benefit": ("grant", "fixed_subsidy", "difference_subsidy", "mixed"),
}
SUPPORT = ("grant", "subsidy", "target_fee")  # booked by the close of a month alone
CATEGORIES = {
    "income": ("fee", "chargeback", "other_income"),
    "expense": ("labour", "material", "assets", "overhead", "contractor", "other_expense"),
}


def centres(connection: Connection) -> list[Row[Any]]:
    """All centres."""
    return list(connection.execute(select(tables.centre).order_by(C.code)))


def centre(connection: Connection, code: str) -> Row[Any]:
    """One centre.

    Raises:
        Absent: there is none.
    """
    row = connection.execute(select(tables.centre).where(C.code == code)).first()
    if row is None:
        raise Absent
    return row


def check_centre(body: dict[str, Any]) -> None:
    """Return if a centre is sound.

    Raises:
        Invalid: its funding does not go with its type. PricingRefused: a fee is no number.
    """
    if body["funding"] not in MODES[body["kind"]]:
        raise Invalid(fields={"funding": ["accounting.no_such_mode"]})
    for key, fee in body["fees"].items():
        if read_number(fee, f"fees.{key}") < 0:
            raise PricingRefused("negative", "must not be negative", f"fees.{key}")
    if body["fees"] and body["funding"] != "mixed":
        raise Invalid(fields={"fees": ["accounting.fees_mixed"]})


def apply_centre(work: Work, row: Row[Any], body: dict[str, Any]) -> tuple[int, list[str]]:
    """A centre is made or changed: its new version, and what changed.

    Raises:
        Conflict: it was changed since it was written down.
    """
    there = work.connection.execute(select(tables.centre).where(C.code == row.about).with_for_update()).first()
    if (there.version if there else 0) != row.base:
        raise Conflict("contracting.agree.overtaken")
    check_centre(body)
    values = {
        "name": body["name"], "name_en": body["name_en"], "kind": body["kind"], "funding": body["funding"],
        "yearly": Decimal(body["yearly"]), "items": json.dumps(body["items"]), "fees": feed_body(**body["fees"]),
    }  # fmt: skip
    if there is None:
        work.connection.execute(insert(tables.centre), {"code": row.about, "version": 1, **values})
        return 1, ["centre"]
    work.connection.execute(
        update(tables.centre).where(C.code == row.about).values(version=there.version + 1, **values)
    )
    return there.version + 1, [name for name, value in values.items() if getattr(there, name) != value]


# ---- entries


def book(work: Work, code: str, given: dict[str, Any], name: str) -> str:
    """Income or expense is booked in a centre's account; the entry's id.

    Raises:
        Absent: no such centre. Invalid: a category of the other ledger. Conflict: the month is closed.
    """
    locked(work, code)
    if given["category"] not in CATEGORIES[given["side"]]:
        raise Invalid(fields={"category": ["accounting.other_ledger"]})
    _open(work, code, given["period"])
    return _write(work, code, given, name)


def reverse(work: Work, code: str, entry_id: str, words: str, name: str) -> str:
    """An entry is taken back by another one: in its own month while that is open, else in this one.

    Raises:
        Absent: no such entry. Conflict: it was taken back before, takes one back itself, or comes from a closed month's
            support.
    """
    locked(work, code)
    row = work.connection.execute(select(tables.ledger_entry).where(E.centre == code, E.entry_id == entry_id)).first()
    if row is None:
        raise Absent
    done = work.connection.execute(select(E.entry_id).where(E.reverses == entry_id)).first()
    if done is not None or row.reverses or row.category in SUPPORT:
        raise Conflict("accounting.past")
    period = row.period if not closed(work.connection, code, row.period) else period_of(work.now)
    _open(work, code, period)
    given = {
        "side": row.side,
        "category": row.category,
        "period": period,
        "amount": -row.amount,
        "words": words,
        "reference": row.reference,
    }
    try:
        return _write(work, code, given, name, reverses=entry_id, number=int(row.number))
    except IntegrityError as fault:
        raise Conflict("accounting.past") from fault


def locked(work: Work, code: str) -> Row[Any]:
    """A centre, held until the end of the transaction: its entries are numbered one after the other.

    Raises:
        Absent: there is none.
    """
    row = work.connection.execute(select(tables.centre).where(C.code == code).with_for_update()).first()
    if row is None:
        raise Absent
    return row


def closed(connection: Connection, code: str, period: str) -> bool:
    """Whether a centre's month is closed."""
    return connection.execute(select(M.period).where(M.centre == code, M.period == period)).first() is not None


def _open(work: Work, code: str, period: str) -> None:
    if closed(work.connection, code, period):
        raise Conflict("accounting.closed")
    if period > period_of(work.now):
        raise Invalid(fields={"period": ["accounting.future"]})


def _write(work: Work, code: str, given: dict[str, Any], name: str, *, reverses: str = "", number: int = 0) -> str:
    last = work.connection.execute(select(func.max(E.number)).where(E.centre == code)).scalar() or 0
    entry_id = work.new_id()
    said = work.say(
        LedgerEntryBooked(centre=code, number=last + 1, side=given["side"], category=given["category"], period=given["period"],
                          amount=given["amount"], reverses=number),
    )  # fmt: skip
    work.connection.execute(
        insert(tables.ledger_entry),
        {"entry_id": entry_id, "centre": code, "number": last + 1, **given, "reverses": reverses, "by": work.actor, "name": name,
         "at": work.now, "said": said},
    )  # fmt: skip
    return entry_id


def entries(connection: Connection, code: str, period: str) -> list[Row[Any]]:
    """The entries of a centre's month, in order."""
    query = select(tables.ledger_entry).where(E.centre == code, E.period == period).order_by(E.number)
    return list(connection.execute(query))


def sums(rows: list[Row[Any]]) -> dict[str, Decimal]:
    """Income without support, expense, support, and the result of a month's entries."""
    income = sum((row.amount for row in rows if row.side == "income" and row.category not in SUPPORT), NOTHING)
    expense = sum((row.amount for row in rows if row.side == "expense"), NOTHING)
    support = sum((row.amount for row in rows if row.category in SUPPORT), NOTHING)
    return {"income": income, "expense": expense, "support": support, "result": income + support - expense}


# ---- the close of a month


def support(connection: Connection, row: Row[Any], period: str, found: dict[str, Decimal]) -> list[tuple[str, Decimal]]:
    """(category, amount) of what the office adds to a centre's month, by its funding.

    A grant or fixed subsidy is a twelfth of the year (the twelve add up to it to the fen); a difference subsidy covers what
    expense exceeds income by, as far as the year's most is not used; target fees pay for what its items' crews did.
    """
    twelfth = _twelfth(row.yearly, int(period[5:]))
    if row.funding == "grant":
        return [("grant", twelfth)]
    if row.funding == "fixed_subsidy":
        return [("subsidy", twelfth)]
    if row.funding == "difference_subsidy":
        used = connection.execute(
            select(E.amount).where(E.centre == row.code, E.category == "subsidy", E.period.like(f"{period[:4]}-%"))
        ).scalars()
        missing = max(NOTHING, found["expense"] - found["income"])
        return [("subsidy", min(missing, max(NOTHING, row.yearly - sum(used, NOTHING))))]
    if row.funding == "mixed":
        return [("grant", twelfth), ("target_fee", target_fees(connection, row, period))]
    return []


def _twelfth(yearly: Decimal, month: int) -> Decimal:
    shares, _ = allocate(yearly, [(f"{each:02}", fraction(1)) for each in range(1, 13)], 2, "key")
    return decimal(shares[f"{month:02}"], 2)


def target_fees(connection: Connection, row: Row[Any], period: str) -> Decimal:
    """What the office pays a centre for the work that its items' crews did in a month."""
    done = done_in_house(connection, period)
    total = fraction(0)
    for key, fee in json.loads(row.fees).items():
        item, _, meter = key.partition("/")
        if item in done:
            total += done[item].meters.get(meter, fraction(0)) * read_number(fee, f"fees.{key}")
    return fen(total)


def close(work: Work, code: str, period: str, name: str) -> None:
    """A centre's month is closed: support is booked, and nothing more goes in.

    Raises:
        Conflict: it is closed, or not over. Forbidden: by somebody who booked any of it.
    """
    row = locked(work, code)
    if closed(work.connection, code, period):
        raise Conflict("accounting.closed")
    if period >= period_of(work.now):
        raise Conflict("accounting.not_over")
    mine = entries(work.connection, code, period)
    if any(each.by == work.actor for each in mine):
        raise Forbidden("accounting.own_close")
    found = sums(mine)
    for category, amount in support(work.connection, row, period, found):
        if amount:
            given = {
                "side": "income",
                "category": category,
                "period": period,
                "amount": amount,
                "words": "",
                "reference": "",
            }
            _write(work, code, given, name)
            found["support"] += amount
    found["result"] = found["income"] + found["support"] - found["expense"]
    said = work.say(CentreMonthClosed(centre=code, period=period, closed_at=work.now, **found))
    work.connection.execute(
        insert(tables.centre_month),
        {"centre": code, "period": period, **found, "by": work.actor, "name": name, "at": work.now, "said": said},
    )


def months(connection: Connection, code: str) -> list[Row[Any]]:
    """The closed months of a centre, newest first."""
    query = select(tables.centre_month).where(M.centre == code).order_by(M.period.desc()).limit(24)
    return list(connection.execute(query))
