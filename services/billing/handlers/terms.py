"""A contract's parts and terms: written by one person, put in force by another. Nothing that was rated is rated otherwise.

What amounts were rated by (zone, rounding, length of months, kind of tax, first day, supplier, budget line) stays once there
are facts or a statement; another agreement is then another contract. The rest holds for what is drawn afterwards.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from services.billing import tables
from services.billing.handlers import budgeting
from services.billing.handlers.cards import say_contract
from services.billing.handlers.contracts import put_contract_in_force
from services.billing.handlers.feed import Writer
from services.billing.handlers.settling import settle
from services.billing.handlers.suppliers import hindrances
from services.billing.model import agreement_of, feed_body, gaps
from services.billing.pricing.periods import month_days
from services.billing.pricing.refusal import PricingRefused
from services.billing.purses import series
from shared.clock import SITE_ZONE
from shared.errors import Conflict, Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from services.billing.model import Agreement
    from shared.work import Work

C = tables.contract.c
HEAD = ("supplier", "budget_line", "title", "title_en", "items", "starts_on", "ends_on", "zone")
# What stays once anything was counted under the contract.
FIXED = (
    "supplier",
    "budget_line",
    "starts_on",
    "zone",
    "terms.rounding",
    "terms.fixed_days_in_month",
    "terms.tax_mode",
)


@dataclass(frozen=True)
class Before:
    """A contract as it is.

    Attributes:
        begun: whether anything was counted or stated under it.
    """

    row: Row[Any]
    begun: bool

    def body(self) -> dict[str, Any]:
        """In the form in which changes are proposed."""
        row = self.row
        terms = {name: value for name, value in json.loads(row.terms).items() if name != "scheme"}
        return {
            "supplier": row.supplier, "budget_line": row.budget_line, "title": row.title, "title_en": row.title_en,
            "items": json.loads(row.items), "starts_on": row.starts_on.isoformat(), "ends_on": row.ends_on.isoformat(),
            "zone": row.zone, "terms": terms, "parts": json.loads(row.parts),
        }  # fmt: skip


def before(connection: Connection, ref: str) -> Before | None:
    """The contract as it is; None where there is none."""
    row = connection.execute(select(tables.contract).where(C.ref == ref)).first()
    if row is None:
        return None
    begun = any(
        connection.execute(select(table.c.contract).where(table.c.contract == ref).limit(1)).first() is not None
        for table in (tables.fact, tables.statement)
    )
    return Before(row, begun)


def flat(body: dict[str, Any]) -> dict[str, Any]:
    """A body with its terms and parts under dotted names; what is empty is left out."""
    found = {name: body[name] for name in HEAD if name in body}
    for inner in ("terms", "parts"):
        found |= {f"{inner}.{name}": value for name, value in body.get(inner, {}).items()}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(name, before, after) of everything that is another."""
    one, two = flat(old), flat(new)
    return [(name, one.get(name), two.get(name)) for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)]  # fmt: skip


def checked(connection: Connection, ref: str, body: dict[str, Any], today: date) -> Agreement:
    """The contract as it would be.

    Raises:
        PricingRefused: a term, price or day cannot be, with its field.
        Invalid: there is no such supplier or budget line, the supplier may be given nothing, or what stays would change.
    """
    old = before(connection, ref)
    errors: dict[str, list[Any]] = {}
    supplier = connection.execute(
        select(tables.supplier.c.code).where(tables.supplier.c.code == body["supplier"])
    ).first()
    if supplier is None:
        errors["supplier"] = ["contracting.terms.no_supplier"]
    line = select(tables.budget_line.c.code).where(tables.budget_line.c.code == body["budget_line"])
    if connection.execute(line).first() is None:
        errors["budget_line"] = ["contracting.terms.no_line"]
    if not body["items"]:
        errors["items"] = ["field.required"]
    if body["starts_on"] >= body["ends_on"]:
        errors["ends_on"] = ["contracting.terms.backwards"]
    if errors:
        raise Invalid(fields=errors)
    if old is not None and old.begun:
        for name, _, _ in differences(old.body(), body):
            if name in FIXED:
                errors[name.removeprefix("terms.")] = ["contracting.terms.fixed"]
        if body["ends_on"] < old.row.ends_on.isoformat() and date.fromisoformat(body["ends_on"]) < _begun_until(
            connection, ref
        ):
            errors["ends_on"] = ["contracting.terms.begun"]
    longer = old is None or body["ends_on"] > old.row.ends_on.isoformat()
    if longer and hindrances(connection, body["supplier"], today):
        errors.setdefault("supplier", []).append("contracting.terms.not_eligible")
    if errors:
        raise Invalid(fields=errors)
    budgeting.hold(connection, ref, body, today)
    cards = (
        [(date.fromisoformat(body["starts_on"]), 1, body.get("lines", []))] if old is None else _cards(connection, ref)
    )
    terms = dict(body["terms"])
    if old is not None and "scheme" in (kept := json.loads(old.row.terms)):
        terms["scheme"] = kept["scheme"]
    agreement = agreement_of(
        ref=ref, supplier=body["supplier"], budget_line=body["budget_line"], starts_on=date.fromisoformat(body["starts_on"]),
        ends_on=date.fromisoformat(body["ends_on"]), zone=body["zone"], terms=terms, cards=cards,
        budget_lines=series(connection)[body["budget_line"]],
    )  # fmt: skip
    if old is None and not body.get("lines"):
        raise PricingRefused("missing", "a contract needs prices", "lines")
    for fault in gaps(agreement):
        raise PricingRefused("gap", fault, "starts_on")
    return agreement


def _cards(connection: Connection, ref: str) -> list[tuple[date, int, list[dict[str, Any]]]]:
    query = select(tables.card).where(tables.card.c.contract == ref)
    return [(row.starts_on, row.version, json.loads(row.lines)) for row in connection.execute(query)]


def _begun_until(connection: Connection, ref: str) -> date:
    """The day from which on nothing was counted or stated yet."""
    last = connection.execute(select(func.max(tables.fact.c.service_at)).where(tables.fact.c.contract == ref)).scalar()
    month = connection.execute(
        select(func.max(tables.statement.c.period)).where(tables.statement.c.contract == ref)
    ).scalar()
    days = [month_days(month)[1]] if month else []
    if last is not None:
        # One day beyond the site's, so that it holds on the wall clock of every contract.
        days.append(last.astimezone(SITE_ZONE).date() + timedelta(days=2))
    return max(days, default=date.min)


def apply_contract(work: Work, row: Row[Any], body: dict[str, Any]) -> tuple[int, list[str]]:
    """A contract is made, or changed: its new version, and what changed. Open months come to what they now are.

    Raises:
        Conflict: it was changed since, or it can no longer be as it was written.
    """
    ref = row.about
    writer = Writer(work, ref, None)  # everything about one contract waits here
    old = before(work.connection, ref)
    if (old.row.version if old else 0) != row.base:
        raise Conflict("contracting.agree.overtaken")
    lines_lock(work, body["budget_line"])
    try:
        agreement = checked(work.connection, ref, body, work.now.astimezone(SITE_ZONE).date())
    except (PricingRefused, Invalid) as fault:
        raise Conflict("contracting.agree.no_longer") from fault
    if old is None:
        _make(work, ref, body)
        return 1, ["contract"]
    changed = [name for name, _, _ in differences(old.body(), body)]
    terms = dict(body["terms"])
    if "scheme" in (kept := json.loads(old.row.terms)):
        terms["scheme"] = kept["scheme"]
    work.connection.execute(
        update(tables.contract)
        .where(C.ref == ref)
        .values(
            **{name: body[name] for name in ("supplier", "budget_line", "title", "title_en", "zone")},
            items=json.dumps(body["items"]), starts_on=agreement.starts_on, ends_on=agreement.ends_on,
            terms=json.dumps(terms, ensure_ascii=False), parts=feed_body(**body["parts"]),
        )
    )  # fmt: skip
    writer.agreement = agreement
    if "ends_on" in changed:
        first = min(agreement.ends_on, old.row.ends_on)
        for period in _open_months(work.connection, ref, f"{first:%Y-%m}", writer):
            settle(work, writer, agreement, period, final=False, kind="charge", cause="terms")
    writer.save()
    newest = work.connection.execute(
        select(func.max(tables.card.c.version)).where(tables.card.c.contract == ref)
    ).scalar_one()
    say_contract(work, ref, int(newest))
    return int(old.row.version) + 1, changed


def lines_lock(work: Work, code: str) -> None:
    """Whatever else would be committed on the line, or on those of other years that it continues or is continued by, waits
    until this transaction ends: two contracts cannot both take the rest.
    """
    codes = list(series(work.connection).get(code, {0: code}).values())
    line = tables.budget_line.c.code
    work.connection.execute(select(line).where(line.in_(codes)).order_by(line).with_for_update()).all()


def _open_months(connection: Connection, ref: str, first: str, writer: Writer) -> list[str]:
    table = tables.period_total.c
    query = select(table.period).where(table.contract == ref, table.period >= first).distinct()
    return sorted(set(connection.execute(query).scalars()) - writer.closed)


def _make(work: Work, ref: str, body: dict[str, Any]) -> None:
    contract = {name: body[name] for name in HEAD} | {
        "ref": ref, "starts_on": date.fromisoformat(body["starts_on"]), "ends_on": date.fromisoformat(body["ends_on"]),
        "terms": body["terms"], "parts": feed_body(**body["parts"]),
    }  # fmt: skip
    card = {"version": 1, "starts_on": contract["starts_on"], "lines": body["lines"]}
    put_contract_in_force(work, contract, [card])


# ---- the performance bond


def bond_balance(moves: list[Row[Any]]) -> Decimal:
    """What of a bond is held after its moves."""
    return sum((move.amount if move.move == "received" else -move.amount for move in moves), Decimal("0.00"))
