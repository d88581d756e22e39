"""What lies ahead: risks that the figures show, and whether a contract should be renewed, from what was scored."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from services.billing import office_tables, store, tables
from services.billing.handlers.assessing import scheme_in
from services.billing.handlers.terms import bond_balance
from services.billing.pricing.exact import decimal
from services.billing.pricing.rounding import FEN, rounded
from services.billing.scheme import consequences_of
from shared.clock import SITE_ZONE
from shared.contracts.billing import BondMoved
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection, Row

    from shared.work import Work

PAPER_DAYS = 60  # papers, bonds: how long before their end somebody must act
TERM_DAYS = 120  # contracts: a tender takes its time
MONTHS = 12  # scores that a recommendation looks back on
LEVELS = ("high", "middle", "low")
R, M = office_tables.risk.c, office_tables.bond_move.c


@dataclass(frozen=True)
class Risk:
    """Something that may go wrong.

    Attributes:
        key: the same for the same risk, whenever it is looked at.
        kind: message key of what it is; ``parameters`` fill its places. Empty: ``words`` say it.
        about: contract, supplier or budget line.
        treated: what people wrote of it: measure, owner, review.
    """

    key: str
    kind: str
    level: str
    about: str
    parameters: dict[str, Any] = field(default_factory=dict)
    words: str = ""
    treated: Row[Any] | None = None


def risks(connection: Connection, today: date) -> list[Risk]:
    """All open risks: those that the figures show and those that people wrote down, the gravest first."""
    kept = {row.key: row for row in connection.execute(select(office_tables.risk))}
    shown = [
        *_papers(connection, today),
        *_contracts(connection, today),
        *_money(connection, today),
        *_scores(connection, today),
    ]
    found = [
        Risk(each.key, each.kind, each.level, each.about, each.parameters, treated=kept.get(each.key)) for each in shown
    ]
    keys = {each.key for each in found}
    found += [
        Risk(row.key, "", row.level, row.about, words=row.words, treated=row)
        for row in kept.values()
        if row.key not in keys and row.state == "open" and ":" not in row.key
    ]
    return sorted(found, key=lambda each: (LEVELS.index(each.level), each.kind, each.key))


def _papers(connection: Connection, today: date) -> list[Risk]:
    contracted = select(tables.contract.c.supplier).where(tables.contract.c.ends_on > today)
    table = office_tables.licence.c
    query = select(table.supplier, table.kind, table.number, table.expires_on).where(
        table.supplier.in_(contracted), table.ended_at.is_(None), table.expires_on <= today + timedelta(days=PAPER_DAYS)
    )
    return [
        Risk(f"licence:{row.supplier}:{row.kind}:{row.number}", "supplying.risk.licence", "high" if row.expires_on <= today else "middle",
             row.supplier, {"supplier": row.supplier, "paper": row.kind, "day": row.expires_on})
        for row in connection.execute(query)
    ]  # fmt: skip


def _contracts(connection: Connection, today: date) -> list[Risk]:
    """Items that one supplier alone covers, contracts that end, bonds that are missing or run out."""
    found = []
    covered: dict[str, set[str]] = defaultdict(set)
    rows = list(connection.execute(select(tables.contract).where(tables.contract.c.ends_on > today)))
    moves: dict[str, list[Row[Any]]] = defaultdict(list)
    for move in connection.execute(select(office_tables.bond_move)):
        moves[move.contract].append(move)
    for row in rows:
        for item in json.loads(row.items):
            covered[item].add(row.supplier)
        left = (row.ends_on - today).days
        if left <= TERM_DAYS:
            found.append(Risk(f"term:{row.ref}:{row.ends_on}", "supplying.risk.term", "high" if left <= 30 else "middle", row.ref,
                              {"contract": row.ref, "day": row.ends_on}))  # fmt: skip
        held = json.loads(row.terms)
        bond, balance = Decimal(str(held.get("bond") or 0)), bond_balance(moves[row.ref])
        if bond > balance:
            found.append(Risk(f"bond:{row.ref}", "supplying.risk.bond_short", "middle", row.ref,
                              {"contract": row.ref, "amount": bond - balance}))  # fmt: skip
        until = held.get("bond_until")
        if until and balance > 0 and until <= (today + timedelta(days=PAPER_DAYS)).isoformat():
            found.append(Risk(f"bond:{row.ref}:{until}", "supplying.risk.bond_ends", "middle", row.ref, {"contract": row.ref, "until": until}))  # fmt: skip
    found += [
        Risk(f"single:{item}", "supplying.risk.single", "low", next(iter(suppliers)), {"item": item, "supplier": next(iter(suppliers))})
        for item, suppliers in sorted(covered.items())
        if len(suppliers) == 1
    ]  # fmt: skip
    return found


def _money(connection: Connection, today: date) -> list[Risk]:
    found = []
    for code, (_, ahead) in store.positions(connection, today).items():
        if ahead is not None and ahead.gap > 0:
            gap = decimal(rounded(ahead.gap, FEN), 2)
            level = "high" if ahead.exhausted_on is not None else "middle"
            found.append(
                Risk(f"budget:{code}:{today.year}", "supplying.risk.budget", level, code, {"line": code, "amount": gap})
            )
    return found


def _scores(connection: Connection, today: date) -> list[Risk]:
    newest: dict[str, Row[Any]] = {}
    since = f"{today - timedelta(days=100):%Y-%m}"
    query = select(tables.score).where(tables.score.c.period >= since).order_by(tables.score.c.period)
    for row in connection.execute(query):
        newest[row.scored] = row
    return [
        Risk(f"score:{row.scored}:{row.period}", "supplying.risk.score", "high" if row.consequence == "end_of_contract" else "middle",
             row.scored, {"scored": row.scored, "score": row.score, "period": row.period})
        for row in newest.values()
        if row.consequence != "none"
    ]  # fmt: skip


def write_risk(work: Work, key: str, given: dict[str, Any]) -> str:
    """A risk is written down, or what is done about one; the key under which it stands."""
    key = key or work.new_id()
    values = {**given, "by": work.actor, "at": work.now}
    work.connection.execute(delete(office_tables.risk).where(R.key == key))
    work.connection.execute(insert(office_tables.risk), {"key": key, **values})
    return key


# ---- renewal


@dataclass(frozen=True)
class Renewal:
    """Whether a contract should be renewed, by the months that were scored.

    Attributes:
        advice: renew, with_conditions, not_again, too_early.
        reasons: message keys with their parameters.
    """

    advice: str
    mean: Decimal | None
    lowest: Decimal | None
    months: int
    trend: Decimal | None
    reasons: list[tuple[str, dict[str, Any]]]


def renewal(connection: Connection, ref: str) -> Renewal:
    """The recommendation for a contract from its evaluation history; people decide."""
    score = tables.score.c
    rows = list(
        connection.execute(select(tables.score).where(score.scored == ref).order_by(score.period.desc()).limit(MONTHS))
    )[::-1]
    table = tables.deduction.c
    posted = list(
        connection.execute(
            select(table.decided_amount).where(table.contract == ref, table.state == "posted", table.decided_amount > 0)
        ).scalars()
    )
    reasons: list[tuple[str, dict[str, Any]]] = []
    if posted:
        reasons.append(("supplying.renewal.deductions", {"n": len(posted), "amount": sum(posted, Decimal(0))}))
    if len(rows) < 3:
        return Renewal(
            "too_early", None, None, len(rows), None, [("supplying.renewal.months", {"n": len(rows)}), *reasons]
        )
    values = [row.score for row in rows]
    mean = (sum(values, Decimal(0)) / len(values)).quantize(Decimal("0.1"))
    half = len(values) // 2
    trend = (sum(values[-half:], Decimal(0)) / half - sum(values[:half], Decimal(0)) / half).quantize(Decimal("0.1"))
    low = [row for row in rows if row.consequence != "none"]
    grave = [row for row in rows if row.consequence in {"no_new_orders", "end_of_contract"}]
    worst = min(rows, key=lambda row: row.score)
    marks = {what: decimal(below) for below, what in consequences_of(scheme_in(connection, ref, rows[-1].period)[1])}
    reasons.insert(0, ("supplying.renewal.mean", {"n": len(rows), "score": mean}))
    reasons.insert(1, ("supplying.renewal.lowest", {"score": worst.score, "period": worst.period}))
    if trend:
        reasons.append(("supplying.renewal.better" if trend > 0 else "supplying.renewal.worse", {"points": abs(trend)}))
    if low:
        reasons.append(("supplying.renewal.low", {"n": len(low)}))
    if mean < marks.get("no_new_orders", Decimal(70)) or len(grave) * 3 >= len(rows):
        advice = "not_again"
    elif mean < marks.get("fewer_orders", Decimal(80)) or low or trend <= -5:
        advice = "with_conditions"
    else:
        advice = "renew"
    return Renewal(advice, mean, worst.score, len(rows), trend, reasons)


# ---- the performance bond


def bond_moves(connection: Connection, ref: str) -> list[Row[Any]]:
    """What came in, went back or was claimed of a contract's bond, newest first."""
    query = select(office_tables.bond_move).where(M.contract == ref).order_by(M.at.desc(), M.move_id.desc()).limit(200)
    return list(connection.execute(query))


def move_bond(work: Work, ref: str, given: dict[str, Any], name: str) -> str:
    """Money of a bond moves; the id of the move.

    Raises:
        Absent: no such contract. Conflict: more would go than is held. Invalid: a day in the future.
    """
    version = work.connection.execute(
        select(tables.contract.c.version).where(tables.contract.c.ref == ref).with_for_update()
    ).first()
    if version is None:
        raise Absent
    if given["on_day"] > work.now.astimezone(SITE_ZONE).date():
        raise Invalid(fields={"on_day": ["supplying.future"]})
    balance = bond_balance(bond_moves(work.connection, ref))
    if given["move"] != "received" and given["amount"] > balance:
        raise Conflict("supplying.bond.not_held", amount=balance)
    after = balance + (given["amount"] if given["move"] == "received" else -given["amount"])
    said = work.say(
        BondMoved(contract=ref, move=given["move"], amount=given["amount"], balance=after, on=given["on_day"])
    )
    move_id = work.new_id()
    work.connection.execute(
        insert(office_tables.bond_move),
        {"move_id": move_id, "contract": ref, **given, "by": work.actor, "name": name, "at": work.now, "said": said},
    )
    return move_id
