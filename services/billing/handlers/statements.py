"""Statements: drawn when a month is closed, disputed by line, signed by different people, stated, paid.

A statement's lines never change. What is decided later is booked in an open month.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from services.billing import tables
from services.billing.handlers.contracts import agreements
from services.billing.handlers.feed import Entry, Writer, spend
from services.billing.handlers.settling import NOTHING, fresh, month_facts, settle
from services.billing.model import SIGNATORIES, Place, feed_body, is_over, statement_ref
from services.billing.pricing.deductions import late_interest
from services.billing.pricing.exact import ZERO, decimal, fraction
from services.billing.pricing.periods import month_of, read_month
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import rounded
from shared.contracts.billing import (
    RetentionMoved,
    StatementDisputeDecided,
    StatementDrawn,
    StatementIssued,
    StatementLineDisputed,
    StatementLineDrawn,
    StatementPaid,
    StatementSigned,
)
from shared.database import Sql
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import Connection, Row

    from services.billing.model import Agreement
    from services.billing.pricing.ledger import Line
    from shared.work import Work

PART = 1_000  # ids of events in one sealed line
S = tables.statement.c
_LOCKED = Sql(
    "SELECT version FROM statement WHERE ref = :ref",
    postgresql="SELECT version FROM statement WHERE ref = :ref FOR UPDATE",
)
KINDS = ("charge", "adjustment", "deduction", "bonus", "tax", "retention_held", "retention_released", "interest")
TAXED = ("charge", "closing", "adjustment", "deduction", "bonus")


def draw(work: Work, contract: str, period: str) -> str:
    """The month is closed and its statement drawn, once: drawing it again gives the same one. Its reference.

    Raises:
        Absent: no such contract. Invalid: no such month, or outside the term. Conflict: the month is not over.
    """
    agreement = agreements(work.connection, [contract]).get(contract)
    if agreement is None:
        raise Absent
    try:
        read_month(period)
    except PricingRefused as fault:
        raise Invalid(fields={"period": ["billing.close.no_month"]}) from fault
    ref = statement_ref(contract, period)
    writer = Writer(work, contract, agreement)
    if period in writer.closed:
        return ref
    # A card may have been put in force while this waited for the contract.
    agreement = writer.agreement = agreements(work.connection, [contract])[contract]
    if not is_over(period, work.now, agreement):
        raise Conflict("billing.close.not_over", period=period)
    if all(card.days_in(period) is None for card in agreement.full.cards) and not _booked(
        work.connection, contract, period
    ):
        raise Invalid(fields={"period": ["billing.close.outside"]})
    settle(work, writer, agreement, period, final=True, kind="closing", cause="closing")
    _hold_back(work, writer, agreement, period, ref)
    _add_tax(work, writer, agreement, period)
    writer.save()
    lines = _lines(work.connection, agreement, period)
    _write(work, writer, agreement, period, ref, lines)
    return ref


def _booked(connection: Connection, contract: str, period: str) -> bool:
    """Whether anything stands in a month's statement: what comes late after the contract's end does."""
    entries = tables.feed_entry.c
    query = select(entries.number).where(entries.contract == contract, entries.booked_in == period).limit(1)
    return connection.execute(query).first() is not None


def _hold_back(work: Work, writer: Writer, agreement: Agreement, period: str, ref: str) -> None:
    """Retention of the month's charges, as an entry of its own."""
    if not agreement.terms.retention_pct:
        return
    writer.save()
    entries = tables.feed_entry.c
    charged = sum(
        work.connection.execute(
            select(entries.amount).where(
                entries.contract == agreement.ref, entries.booked_in == period, entries.kind.in_(("charge", "closing", "adjustment"))
            )
        ).scalars(),
        NOTHING,
    )  # fmt: skip
    held = rounded(fraction(charged) * agreement.terms.retention_pct / 100, agreement.terms.rounding)
    if held > 0:
        move_retention(work, writer, period, decimal(held, 2), "held", ref)


def _add_tax(work: Work, writer: Writer, agreement: Agreement, period: str) -> None:
    """Where prices are without tax: the tax on what the month comes to, as an entry of its own."""
    if agreement.terms.tax_mode != "added" or not agreement.terms.tax_pct:
        return
    writer.save()
    entries = tables.feed_entry.c
    query = select(entries.amount).where(
        entries.contract == agreement.ref, entries.booked_in == period, entries.kind.in_(TAXED)
    )
    net = sum(work.connection.execute(query).scalars(), NOTHING)
    tax = decimal(rounded(fraction(net) * agreement.terms.tax_pct / 100, agreement.terms.rounding), 2)
    if tax:
        more = {"net": format(net, "f"), "rate_pct": format(decimal(agreement.terms.tax_pct), "f"), "budget_line": agreement.paid_from(period)}  # fmt: skip
        writer.book(Entry(kind="tax", period=period, amount=tax, cause="tax", more=more))
        spend(work, agreement.paid_from(period), [tax])


def tax_within(agreement: Agreement, amount: Decimal) -> Decimal:
    """The tax that an amount contains where prices include it."""
    pct = agreement.terms.tax_pct
    return decimal(rounded(fraction(amount) * pct / (100 + pct), agreement.terms.rounding), 2)


def move_retention(work: Work, writer: Writer, period: str, amount: Decimal, move: str, statement: str = "") -> None:
    """Book retention that is held (owed later) or released (owed now)."""
    before = retained(work.connection, writer.contract)
    signed = -amount if move == "held" else amount
    number = writer.book(Entry(kind=f"retention_{move}", period=period, amount=signed, cause="retention"))
    work.say(
        RetentionMoved(
            contract=writer.contract, move=move, amount=amount, balance=before - signed, number=number,
            statement=statement,
        )
    )  # fmt: skip


def retained(connection: Connection, contract: str) -> Decimal:
    """Retention money held of a contract."""
    entries = tables.feed_entry.c
    query = select(entries.amount).where(
        entries.contract == contract, entries.kind.in_(("retention_held", "retention_released"))
    )
    return -sum(connection.execute(query).scalars(), NOTHING)


def release_retention(work: Work, contract: str, amount: Decimal) -> None:
    """Retention money is released: owed with the next statement.

    Raises:
        Conflict: that much is not held.
    """
    agreement = agreements(work.connection, [contract]).get(contract)
    if agreement is None:
        raise Absent
    writer = Writer(work, contract, agreement)
    if amount > retained(work.connection, contract):
        raise Conflict("billing.retention.not_held")
    move_retention(work, writer, month_of(work.now, agreement.full.zone), amount, "released")
    writer.save()


def _lines(connection: Connection, agreement: Agreement, period: str) -> list[dict[str, Any]]:
    """The lines of a month's statement: what its entries come to, with what is behind each."""
    entries = tables.feed_entry
    groups: dict[tuple[Any, ...], list[Row[Any]]] = defaultdict(list)
    query = (
        select(entries)
        .where(entries.c.contract == agreement.ref, entries.c.booked_in == period)
        .order_by(entries.c.number)
    )
    for row in connection.execute(query):
        kind = "charge" if row.kind == "closing" else row.kind
        single = row.number if kind in {"deduction", "bonus", "interest"} or row.cause == "dispute" else 0
        groups[KINDS.index(kind), row.period, row.item, row.meter, row.card_version, single].append(row)
    rated = fresh(agreement, period, month_facts(connection, agreement, period), final=True)
    for place in rated:
        groups.setdefault((0, period, place.item, place.name, place.version, 0), [])
    units = _units(connection, agreement.ref, period)
    found = []
    for key in sorted(groups):
        rows = groups[key]
        kind, for_period, item, meter, version, _ = key
        amount = sum((row.amount for row in rows), NOTHING)
        line = rated.get(Place(period, f"{item}/{meter}", version)) if KINDS[kind] == "charge" else None
        if line is None and not amount:
            continue
        if KINDS[kind] == "charge" and (line.amount if line else NOTHING) != amount:
            # The feed and a fresh rating are two ways to one sum; a statement is made only where they agree.
            raise RuntimeError(f"{agreement.ref} {period} {item} {meter}: feed {amount}, rated {line and line.amount}")
        made = _line(kind, for_period, item, meter, version, amount, line, rows, units)
        if line is not None and not _told(agreement, line, rows):
            behind = _behind(connection, agreement, Place(period, line.meter, version))
            made["events"] = sorted({*made["events"], *behind})
        found.append(made)
    return found


def _told(agreement: Agreement, line: Line, rows: list[Row[Any]]) -> bool:
    """Whether the entries of a line name every event it follows from: a running sum of which each fact was booked once."""
    plain = agreement.card(line.version).lines[line.meter].is_plain_sum
    return plain and sum(row.facts for row in rows) == line.facts and not any(row.cause == "card" for row in rows)


def _behind(connection: Connection, agreement: Agreement, place: Place) -> set[str]:
    """The sealed events of all facts that a line counts, and of what voided or corrected them; of earlier ones too where a
    level is carried over.
    """
    fact, change = tables.fact.c, tables.fact.alias("change")
    carried = agreement.card(place.version).lines[place.meter].aggregation == "time_weighted"
    query = (
        select(fact.said, fact.service_at, change.c.said.label("changed"))
        .outerjoin_from(tables.fact, change, change.c.corrects == fact.fact_id)
        .where(
            fact.contract == agreement.ref, fact.item == place.item, fact.meter == place.name, fact.kind != "void",
            fact.period <= place.period if carried else fact.period == place.period,
        )
    )  # fmt: skip
    found: set[str] = set()
    for row in connection.execute(query):
        at, _ = agreement.place(place.item, place.name, row.service_at)
        if at == place or (carried and at is not None):
            found |= {row.said, row.changed or ""}
    return found - {""}


def _line(
    kind: int, for_period: str, item: str, meter: str, version: int, amount: Decimal, line: Line | None,
    rows: list[Row[Any]], units: dict[tuple[str, str], str],
) -> dict[str, Any]:  # fmt: skip
    quantity = line.quantity if line else sum(
        (Decimal(body["quantity"]) for row in rows if (body := json.loads(row.body))["quantity"]), Decimal(0)
    )  # fmt: skip
    steps = [step.data() for step in line.steps] if line else []
    return {
        "kind": KINDS[kind], "item": item, "meter": meter, "card_version": version, "for_period": for_period,
        "facts": line.facts if line else sum(row.facts for row in rows), "quantity": quantity,
        "unit": units.get((item, meter), ""), "amount": amount, "steps": steps,
        "numbers": [row.number for row in rows], "events": sorted({row.said for row in rows if row.said}),
    }  # fmt: skip


def _units(connection: Connection, contract: str, period: str) -> dict[tuple[str, str], str]:
    fact = tables.fact.c
    query = (
        select(fact.item, fact.meter, fact.unit)
        .where(fact.contract == contract, fact.period == period)
        .distinct()
        .order_by(fact.item, fact.meter, fact.unit)
    )
    return {(row.item, row.meter): row.unit for row in connection.execute(query)}


def document(agreement: Agreement, period: str, lines: Iterable[dict[str, Any]]) -> str:
    """The canonical text of a statement: what is signed. It names amounts and quantities, and no time or id of drawing."""
    return feed_body(
        contract=agreement.ref, supplier=agreement.supplier, period=period, currency="CNY",
        statement=statement_ref(agreement.ref, period),
        lines=[
            {name: format(line[name], "f") if isinstance(line[name], Decimal) else line[name]
             for name in ("kind", "item", "meter", "card_version", "for_period", "facts", "quantity", "unit", "amount", "steps")}
            for line in lines
        ],
    )  # fmt: skip


def redrawn(connection: Connection, contract: str, period: str) -> str:
    """The text that drawing the month's statement from its entries and facts gives, for comparing with the one kept."""
    agreement = agreements(connection, [contract])[contract]
    return document(agreement, period, _lines(connection, agreement, period))


def _write(
    work: Work, writer: Writer, agreement: Agreement, period: str, ref: str, lines: list[dict[str, Any]]
) -> None:
    text = document(agreement, period, lines)
    digest = sha256(text.encode()).hexdigest()
    total = sum((line["amount"] for line in lines), NOTHING)
    card_events = dict(
        work.connection.execute(
            select(tables.card.c.version, tables.card.c.said).where(tables.card.c.contract == agreement.ref)
        ).all()
    )
    line_events: list[str] = []
    rows = []
    for number, line in enumerate(lines, 1):
        corrects = statement_ref(agreement.ref, line["for_period"]) if line["kind"] == "adjustment" else ""
        events = line["events"]
        parts = max(1, -(-len(events) // PART))
        said = [
            work.say(
                StatementLineDrawn(
                    statement=ref, contract=agreement.ref, line=number, kind=line["kind"], item=line["item"],
                    meter=line["meter"], card_version=line["card_version"], for_period=line["for_period"],
                    facts=line["facts"], quantity=line["quantity"], unit=line["unit"], amount=line["amount"],
                    events=tuple(events[part * PART : (part + 1) * PART]), part=part + 1, parts=parts, corrects=corrects,
                    card_event=str(card_events.get(line["card_version"], "")),
                ),
                sequence=1,
            )
            for part in range(parts)
        ]  # fmt: skip
        line_events += said
        rows.append(
            {
                "statement": ref, "number": number, "kind": line["kind"], "item": line["item"], "meter": line["meter"],
                "card_version": line["card_version"], "for_period": line["for_period"], "facts": line["facts"],
                "quantity": line["quantity"], "unit": line["unit"], "amount": line["amount"], "corrects": corrects,
                "steps": json.dumps(line["steps"], ensure_ascii=False), "said": said[0],
            }
        )  # fmt: skip
    drawn = work.say(
        StatementDrawn(
            statement=ref, contract=agreement.ref, supplier=agreement.supplier, period=period, lines=len(lines),
            total=total, document=digest, feed_number=writer.number, feed_head=writer.head, drawn_at=work.now,
        ),
        sequence=1,
    )  # fmt: skip
    third = agreement.terms.third_above is not None and total > agreement.terms.third_above
    work.connection.execute(
        insert(tables.statement),
        {
            "ref": ref, "contract": agreement.ref, "period": period, "state": "draft", "version": 1, "total": total,
            "lines": len(lines), "document": text, "digest": digest, "feed_number": writer.number, "feed_head": writer.head,
            "drawn_at": work.now, "drawn_by": work.actor, "drawn_event": drawn, "line_events": json.dumps(line_events),
            "signatures": max(agreement.terms.signatures, 3 if third else 2), "paid": NOTHING,
        },
    )  # fmt: skip
    if rows:
        work.connection.execute(insert(tables.statement_line), rows)


# ---- what people do with it


def locked(work: Work, ref: str) -> Row[Any]:
    """A statement, held until the end of the transaction.

    Raises:
        Absent: there is none.
    """
    if _LOCKED.run(work.connection, ref=ref).first() is None:
        raise Absent
    return work.connection.execute(select(tables.statement).where(S.ref == ref)).one()


def _move(work: Work, row: Row[Any], **changes: Any) -> int:
    version = int(row.version) + 1
    work.connection.execute(update(tables.statement).where(S.ref == row.ref).values(version=version, **changes))
    return version


def _in(row: Row[Any], *states: str) -> None:
    if row.state not in states:
        raise Conflict("billing.settle.past", state=row.state)


def send(work: Work, ref: str) -> None:
    """The supplier may look at it, agree, or dispute lines."""
    row = locked(work, ref)
    _in(row, "draft")
    _move(work, row, state="with_supplier")


def agree(work: Work, ref: str) -> None:
    """The supplier has looked at it; what it disputed stays disputed."""
    row = locked(work, ref)
    _in(row, "with_supplier")
    _move(work, row, agreed_by=work.actor)


def line_of(work: Work, ref: str, number: int) -> Row[Any]:
    """One line.

    Raises:
        Absent: there is none.
    """
    table = tables.statement_line
    row = work.connection.execute(select(table).where(table.c.statement == ref, table.c.number == number)).first()
    if row is None:
        raise Absent
    return row


def dispute(work: Work, ref: str, number: int, words: str) -> None:
    """The supplier does not agree with a line; the others go on.

    Raises:
        Conflict: the statement is not with the supplier, or the line was disputed before.
    """
    row = locked(work, ref)
    _in(row, "with_supplier")
    line = line_of(work, ref, number)
    if line.dispute:
        raise Conflict("billing.settle.disputed_before")
    table = tables.statement_line
    work.connection.execute(
        update(table)
        .where(table.c.statement == ref, table.c.number == number)
        .values(dispute="disputed", dispute_words=words, disputed_by=work.actor, disputed_at=work.now)
    )
    version = _move(work, row)
    work.say(
        StatementLineDisputed(
            statement=ref, contract=row.contract, line=number, amount=line.amount, disputed_at=work.now
        ),
        sequence=version,
    )


def decide(work: Work, ref: str, number: int, decision: str, words: str, difference: Decimal = NOTHING) -> None:
    """A disputed line stands (``upheld``), or a difference is booked in an open month (``conceded``).

    Raises:
        Conflict: the line is not disputed. Forbidden: by whoever disputed it. Invalid: conceded without a difference.
    """
    row = locked(work, ref)
    line = line_of(work, ref, number)
    if line.dispute != "disputed":
        raise Conflict("billing.settle.not_disputed")
    if line.disputed_by == work.actor:
        raise Forbidden("billing.settle.own")
    if decision == "conceded" and not difference:
        raise Invalid(fields={"difference": ["billing.settle.difference"]})
    if decision == "upheld":
        difference = NOTHING
    if difference:
        agreement = agreements(work.connection, [row.contract])[row.contract]
        writer = Writer(work, row.contract, agreement)
        writer.book(
            Entry(
                kind="adjustment", period=row.period, amount=difference, item=line.item, meter=line.meter,
                card_version=line.card_version, cause="dispute", said=line.said,
                more={"line": number, "budget_line": agreement.paid_from(row.period)},
            )
        )  # fmt: skip
        writer.save()
        spend(work, agreement.paid_from(row.period), [difference])
    table = tables.statement_line
    work.connection.execute(
        update(table)
        .where(table.c.statement == ref, table.c.number == number)
        .values(dispute=decision, decided_words=words, decided_by=work.actor, difference=difference)
    )
    version = _move(work, row)
    work.say(
        StatementDisputeDecided(
            statement=ref, contract=row.contract, line=number, decision=decision, difference=difference, decided_at=work.now
        ),
        sequence=version,
    )  # fmt: skip


def accept(work: Work, ref: str) -> None:
    """The work of the month is accepted: the clock of payment starts (Decree 802), signatures are gathered."""
    row = locked(work, ref)
    _in(row, "with_supplier")
    agreement = agreements(work.connection, [row.contract])[row.contract]
    today = agreement.full.service_day(work.now)
    due = today + timedelta(days=agreement.terms.term_days)
    _move(work, row, state="in_approval", accepted_on=today, accepted_by=work.actor, due_on=due)


def undisputed(connection: Connection, ref: str) -> Decimal:
    """What of a statement falls due whatever comes of the disputes."""
    table = tables.statement_line
    query = select(table.c.amount).where(table.c.statement == ref, table.c.dispute != "disputed")
    return sum(connection.execute(query).scalars(), NOTHING)


def sign(work: Work, ref: str, *, account: str, name: str, role: str) -> bool:
    """One signature more; with the last one the statement is stated. Whether it now is.

    Both roles of ``SIGNATORIES`` must be among those who sign, each person signs once, and whoever drew the statement
    does not sign it.

    Raises:
        Forbidden: this person drew it, or has signed. Conflict: it is not being signed, or the place that is left is the
            other role's.
    """
    row = locked(work, ref)
    _in(row, "in_approval")
    if row.drawn_by == work.actor:
        raise Forbidden("billing.sign.drew")
    table = tables.signature
    signed = work.connection.execute(select(table).where(table.c.statement == ref)).all()
    if any(each.account == account for each in signed):
        raise Forbidden("billing.sign.twice")
    roles = {each.role for each in signed} | {role}
    if len(signed) + 1 == row.signatures and not roles.issuperset(SIGNATORIES):
        raise Conflict("billing.sign.other_role")
    version = _move(work, row)
    said = work.say(
        StatementSigned(
            statement=ref, contract=row.contract, role=role, document=row.digest, signatures=len(signed) + 1,
            needed=row.signatures, signed_at=work.now,
        ),
        sequence=version,
    )  # fmt: skip
    work.connection.execute(
        insert(table), {"statement": ref, "account": account, "name": name, "role": role, "at": work.now, "said": said}
    )
    if len(signed) + 1 < row.signatures:
        return False
    version += 1
    contract = work.connection.execute(select(tables.contract).where(tables.contract.c.ref == row.contract)).one()
    work.say(
        StatementIssued(
            statement=ref, contract=row.contract, supplier=contract.supplier, period=row.period, lines=row.lines,
            total=row.total, undisputed=undisputed(work.connection, ref), document=row.digest,
            drawn_event=row.drawn_event, line_events=tuple(json.loads(row.line_events)[:PART]),
            accepted_on=row.accepted_on, due_on=row.due_on, issued_at=work.now,
        ),
        sequence=version,
    )  # fmt: skip
    work.connection.execute(
        update(tables.statement).where(S.ref == ref).values(state="stated", issued_at=work.now, version=version)
    )
    return True


def pay(work: Work, ref: str, *, amount: Decimal, paid_on: date, reference: str) -> None:
    """A payment is noted; what was paid after its day bears interest, which is owed with the open month.

    Raises:
        Conflict: the statement is not stated, or more would be paid than is owed.
        Invalid: a day before acceptance or after today.
    """
    row = locked(work, ref)
    _in(row, "stated")
    if amount <= 0 or row.paid + amount > row.total:
        raise Conflict("billing.pay.too_much", left=row.total - row.paid)
    agreement = agreements(work.connection, [row.contract])[row.contract]
    if not row.accepted_on <= paid_on <= agreement.full.service_day(work.now):
        raise Invalid(fields={"paid_on": ["billing.pay.day"]})
    late, interest, _ = late_interest(
        amount, row.accepted_on, paid_on, (row.due_on - row.accepted_on).days, agreement.terms.daily_rate,
        agreement.terms.rounding,
    )  # fmt: skip
    owed = decimal(interest, 2)
    if interest != ZERO:
        writer = Writer(work, row.contract, agreement)
        today = month_of(work.now, agreement.full.zone)
        writer.book(
            Entry(
                kind="interest", period=today, amount=owed, cause="late_payment",
                more={"statement": ref, "days": late},
            )
        )  # fmt: skip
        writer.save()
        spend(work, agreement.paid_from(today), [owed])
    paid = row.paid + amount
    version = _move(work, row, paid=paid, state="paid" if paid == row.total else "stated")
    work.connection.execute(
        insert(tables.payment),
        {"payment_id": work.new_id(), "statement": ref, "amount": amount, "paid_on": paid_on, "reference": reference,
         "by": work.actor, "at": work.now, "interest": owed},
    )  # fmt: skip
    work.say(
        StatementPaid(
            statement=ref, contract=row.contract, amount=amount, paid=paid, paid_on=paid_on, days_late=late, interest=owed
        ),
        sequence=version,
    )  # fmt: skip
