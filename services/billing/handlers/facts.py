"""Usage facts: taken once for ever, rated at once, booked in the feed. A void or a correction is a fact of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from services.billing import tables
from services.billing.handlers.contracts import agreements
from services.billing.handlers.feed import Entry, Writer, spend
from services.billing.model import Place, digest_of, period_of
from services.billing.pricing.exact import ZERO, decimal, plain
from services.billing.pricing.growing import Growing
from services.billing.pricing.ledger import Fact, Tally
from services.billing.pricing.periods import month_of
from services.billing.pricing.refusal import PricingRefused
from services.billing.tables import as_decimal
from shared.clock import to_text
from shared.contracts.billing import RecordedFact, UsageBatchRecorded, UsageRecorded
from shared.database import Rows, Sql, texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection, Row

    from services.billing.model import Agreement
    from services.billing.pricing.ledger import Key
    from shared.work import Work

BATCH_EVENT = 150  # facts in one sealed event, which holds at most 60,000 bytes
F = tables.fact.c

_TOTAL = Sql(
    """SELECT quantity, billed, facts FROM period_total WHERE contract = :contract AND item = :item AND meter = :meter
       AND card_version = :card_version AND period = :period"""
)
_SET_TOTAL = Sql(
    """INSERT INTO period_total (contract, item, meter, card_version, period, quantity, billed, facts)
       VALUES (:contract, :item, :meter, :card_version, :period, :quantity, :billed, :facts)
       ON CONFLICT (contract, item, meter, card_version, period)
       DO UPDATE SET quantity = excluded.quantity, billed = excluded.billed, facts = excluded.facts"""
)
_TAKEN = Sql(
    """SELECT source_id, fact_id, digest FROM fact
       WHERE source = :source AND source_id IN (SELECT value FROM json_each(:ids))""",
    postgresql="""SELECT source_id, fact_id, digest FROM fact
       WHERE source = :source AND source_id = ANY(CAST(:ids AS text[]))""",
)
_FACTS = Rows(tables.fact)


@dataclass(frozen=True, kw_only=True)
class Report:
    """A fact as somebody reports it. Its identity is (source, id), for ever.

    Attributes:
        kind: ``fact``; ``void`` takes the one that ``corrects`` names back; ``correct`` puts itself in its place.
        corrects: id of the fact first reported; its newest correction is meant.
        of: the source of that fact where it is another one.
        counted: who or what was counted, where the card counts ``unique`` ones.
    """

    source: str
    id: str
    service_at: datetime
    quantity: Decimal = Decimal(0)
    kind: str = "fact"
    corrects: str = ""
    of: str = ""
    contract: str = ""
    item: str = ""
    meter: str = ""
    unit: str = ""
    counted: str = ""
    supplier: str = ""
    crew: str = ""
    department: str = ""
    order_id: str = ""
    order_reference: str = ""
    request_id: str = ""
    event_id: str = field(default="", compare=False)

    def digest(self) -> str:
        """Of everything that was reported; the event that carried it does not count.

        Empty fields are left out, so that a field of a later version changes no digest of an earlier fact.
        """
        body = {name: value for name, value in vars(self).items() if value}
        body.pop("event_id", None)
        quantity = self.quantity.normalize() if self.quantity else Decimal(0)
        body["quantity"], body["service_at"] = format(quantity, "f"), to_text(self.service_at)
        return digest_of(body)


@dataclass(frozen=True)
class Outcome:
    """What became of one report.

    Attributes:
        status: ``recorded``, ``known`` (the same body was taken before), ``conflict`` (another body was), ``refused``.
        reason: message key of a refusal.
    """

    status: str
    fact_id: str = ""
    reason: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Line:
    """A line of a month while facts are being recorded."""

    place: Place
    quantity: Decimal
    billed: Decimal
    facts: int
    live: dict[Key, Fact] | None = None  # only where the quantity is no plain sum
    growing: Growing | None = None  # while facts of a batch are added to a plain sum
    moved: list[dict[str, Any]] = field(default_factory=list)  # fact rows of a batch, not yet booked
    amount: Decimal = Decimal(0)
    added: Decimal = Decimal(0)


def record(work: Work, reports: Sequence[Report], *, together: bool = False) -> list[Outcome]:
    """Take each report once; the outcomes stand in the order of the reports.

    ``together``: facts of one line that came in one batch share a feed entry and a sealed event. A refused report
    changes nothing; the others are taken all the same.
    """
    refs = sorted({each.contract for each in reports})
    writers = {ref: Writer(work, ref, None) for ref in refs}
    # Read under the lock: a card or a budget line may have been put in force while this waited for the contract.
    known = agreements(work.connection, [ref for ref in refs if ref])
    for ref, agreement in known.items():
        writers[ref].agreement = agreement
    there = _there(work.connection, reports)
    outcomes: list[Outcome] = []
    recorders = {ref: _Recorder(work, writers[ref], known.get(ref), together=together) for ref in refs}
    for each in reports:
        digest = each.digest()
        earlier = there.get((each.source, each.id))
        if earlier is not None:
            same = earlier[1] in {digest, ""}
            outcomes.append(
                Outcome("known" if same else "conflict", earlier[0], "" if same else "billing.api.conflict")
            )
            continue
        found = recorders[each.contract].take(each, digest)
        if found.status == "recorded":
            there[each.source, each.id] = (found.fact_id, digest)
        outcomes.append(found)
    for ref in refs:
        recorders[ref].finish()
    return outcomes


def _there(connection: Connection, reports: Sequence[Report]) -> dict[tuple[str, str], tuple[str, str]]:
    found: dict[tuple[str, str], tuple[str, str]] = {}
    by_source: dict[str, list[str]] = defaultdict(list)
    for each in reports:
        by_source[each.source].append(each.id)
    for source, ids in by_source.items():
        given = json.dumps(ids) if connection.dialect.name == "sqlite" else texts(ids)
        for source_id, fact_id, digest in _TAKEN.run(connection, source=source, ids=given):
            found[source, source_id] = (fact_id, digest)
    return found


class _Recorder:
    """Records the reports of one contract within one transaction."""

    def __init__(self, work: Work, writer: Writer, agreement: Agreement | None, *, together: bool) -> None:
        self.work, self.writer, self.agreement, self.together = work, writer, agreement, together
        self._lines: dict[Place, _Line] = {}
        self._rows: list[dict[str, Any]] = []
        self._places: dict[tuple[str, str, date], tuple[Place | None, int]] = {}

    # ---- one report

    def take(self, report: Report, digest: str) -> Outcome:
        """Record a report that is new."""
        if report.kind == "fact":
            return self._new(report, digest)
        self._write_rows()
        old = live_version(self.work.connection, report.of or report.source, report.corrects)
        if old is None:
            return Outcome("refused", reason="billing.api.no_such_fact", parameters={"id": report.corrects})
        if old.contract != self.writer.contract:
            return Outcome("refused", reason="billing.api.other_contract", parameters={"id": report.corrects})
        if old.kind == "void":
            return Outcome("refused", reason="billing.api.is_void", parameters={"id": report.corrects})
        return self._change(report, digest, old)

    def _new(self, report: Report, digest: str) -> Outcome:
        place, version = self._place(report.item, report.meter, report.service_at)
        # A fact that names whom it counted is sealed by itself: it says which fact counted the same one first.
        single = not self.together or (place is not None and (bool(report.counted) or not self._is_sum(place)))
        if single:
            self._write_rows()
        row = self._row(report, digest, place, version)
        if place is not None:
            try:
                if single:
                    self._rate(row, [(place, None, _fact_of(row))])
                else:
                    self._grow(row, place)
            except PricingRefused:
                row |= {"state": "unpriced", "amount": None}
                place = None
        if single:
            self._finish_row(row, cause="late")
        else:
            self._rows.append(row)
            if place is None:
                row["said"] = _say(self.work, row)
        return Outcome("recorded", row["fact_id"])

    def _change(self, report: Report, digest: str, old: Row[Any]) -> Outcome:
        """A void or a correction of ``old``: every line it touches is rated with the old fact out and the new one in."""
        void = report.kind == "void"
        merged = {
            "service_at": old.service_at if void else report.service_at,
            "quantity": old.quantity if void else report.quantity,
            **{
                name: (getattr(report, name) if not void and getattr(report, name) else getattr(old, name))
                for name in ("item", "meter", "unit", "department", "crew", "supplier", "order_id", "order_reference", "request_id", "counted")
            },
        }  # fmt: skip
        full = Report(
            source=report.source, id=report.id, kind=report.kind, corrects=report.corrects, contract=report.contract,
            event_id=report.event_id, **merged,
        )  # fmt: skip
        was, _ = self._place(old.item, old.meter, old.service_at)
        place, version = (was, old.card_version) if void else self._place(full.item, full.meter, full.service_at)
        row = self._row(full, digest, place, version) | {"corrects": old.fact_id}
        moves: list[tuple[Place, Fact | None, Fact | None]] = []
        counts = was is not None and (old.quantity >= 0 or not self._is_sum(was))
        taken = _fact_of(dict(old._mapping)) if counts else None  # noqa: SLF001  SQLAlchemy's documented name
        given = None if void or place is None else _fact_of(row)
        if was is not None and was == place:
            moves.append((was, taken, given))
        else:
            if was is not None and taken is not None:
                moves.append((was, taken, None))
            if place is not None and given is not None:
                moves.append((place, None, given))
        try:
            self._rate(row, moves)
        except PricingRefused as fault:
            self._lines.clear()
            return Outcome("refused", reason=f"refusal.{fault.code}", parameters={"where": fault.field})
        self._finish_row(row, cause=report.kind)
        return Outcome("recorded", row["fact_id"])

    def _place(self, item: str, meter: str, at: datetime) -> tuple[Place | None, int]:
        if self.agreement is None:
            return None, 0
        key = item, meter, self.agreement.full.service_day(at)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = self.agreement.place(item, meter, at)
        return found

    def _is_sum(self, place: Place) -> bool:
        assert self.agreement is not None
        return self.agreement.card(place.version).lines[place.meter].is_plain_sum

    def _row(self, report: Report, digest: str, place: Place | None, version: int) -> dict[str, Any]:
        agreement = self.agreement
        return {
            "fact_id": self.work.new_id(), "source": report.source, "source_id": report.id, "order_id": report.order_id,
            "order_reference": report.order_reference, "request_id": report.request_id, "contract": report.contract,
            "supplier": report.supplier or (agreement.supplier if agreement else ""), "crew": report.crew,
            "department": report.department, "item": report.item, "meter": report.meter, "quantity": report.quantity,
            "unit": report.unit, "service_at": report.service_at, "recorded_at": self.work.now,
            "period": place.period if place else self._month(report.service_at),
            "state": "recorded" if place or not report.contract else "unpriced", "amount": None, "card_version": version,
            "budget_line": agreement.paid_from(place.period) if agreement and place else "", "steps": "[]", "event_id": report.event_id,
            "kind": report.kind, "corrects": "", "digest": digest, "counted": report.counted, "said": "",
        }  # fmt: skip

    def _month(self, at: datetime) -> str:
        return month_of(at, self.agreement.full.zone) if self.agreement else period_of(at)

    # ---- rating

    def _line(self, place: Place) -> _Line:
        found = self._lines.get(place)
        if found is None:
            row = _TOTAL.run(self.work.connection, **self._key(place)).first()
            quantity, billed, facts = row or (Decimal(0), Decimal(0), 0)
            found = _Line(place, as_decimal(quantity) or Decimal(0), as_decimal(billed) or Decimal(0), int(facts))
            assert self.agreement is not None
            if not self._is_sum(place):
                found.live = {
                    each.key: each for each in live_facts(self.work.connection, self.agreement, place=place)
                }  # fmt: skip
            self._lines[place] = found
        return found

    def _key(self, place: Place) -> dict[str, Any]:
        return {"contract": self.writer.contract, "item": place.item, "meter": place.name,
                "card_version": place.version, "period": place.period}  # fmt: skip

    def _grow(self, row: dict[str, Any], place: Place) -> None:
        """Add a fact of a batch to the plain sum of its line; its row keeps what the sum was before.

        Raises:
            PricingRefused: a quantity that cannot be priced; nothing was moved.
        """
        if row["quantity"] < 0:
            raise PricingRefused("negative", "a quantity must not be negative", "quantity")
        line = self._line(place)
        if line.growing is None:
            assert self.agreement is not None
            final = place.period in self.writer.closed
            agreed = self.agreement.line(place, final=final)
            line.growing = Growing(agreed, line.quantity, line.billed, final=final)
        before = _before(line.growing)
        row["amount"] = decimal(line.growing.add(row["quantity"]), 2)
        row["steps"] = before
        line.facts += 1
        line.moved.append(row)

    def _rate(self, row: dict[str, Any], moves: list[tuple[Place, Fact | None, Fact | None]]) -> None:
        """Move each line on and put what it comes to into the fact's row.

        Raises:
            PricingRefused: a quantity that cannot be priced; nothing was moved.
        """
        if not moves:  # work of our own crews, and what no card covers
            row["amount"] = None
            return
        assert self.agreement is not None
        changes = []
        for place, out, into in moves:
            for line, after in self._after(place, out, into):
                final = line.place.period in self.writer.closed
                amount, steps = self.agreement.change(
                    line.place, before=line.quantity, after=after, billed=line.billed, final=final
                )
                changes.append((line, out, into, after, amount, steps))
        total = Decimal("0.00")
        for line, out, into, after, amount, steps in changes:
            row["steps"] = json.dumps([step.data() for step in steps], ensure_ascii=False)
            quantity = decimal(after.quantity)
            line.added += quantity - line.quantity
            line.quantity, line.facts = quantity, after.facts
            line.billed += amount
            line.amount += amount
            if line.live is not None:
                if out is not None:
                    line.live.pop(out.key, None)
                if into is not None:
                    line.live[into.key] = into
            total += amount
        row["amount"] = total if changes else None

    def _after(self, place: Place, out: Fact | None, into: Fact | None) -> list[tuple[_Line, Tally]]:
        """What is counted after the move, of the line itself and, for a carried level, of later months."""
        assert self.agreement is not None
        line = self._line(place)
        if into is not None and into.quantity < 0:
            kind = self.agreement.card(place.version).lines[place.meter].aggregation
            if kind != "time_weighted":
                raise PricingRefused("negative", "a quantity must not be negative", "quantity")
        facts = line.facts - (out is not None) + (into is not None)
        if line.live is None:
            change = (into.quantity if into else ZERO) - (out.quantity if out else ZERO)
            return [(line, Tally(facts, Fraction(line.quantity) + change))]
        found = []
        for each in [line, *self._later(place)]:
            assert each.live is not None
            live = {**each.live}
            if out is not None:
                live.pop(out.key, None)
            if into is not None:
                live[into.key] = into
            found.append((each, self.agreement.quantity(each.place, live.values())))
        return found

    def _later(self, place: Place) -> list[_Line]:
        """Lines of later months that a level carried over from this one changes."""
        assert self.agreement is not None
        if self.agreement.card(place.version).lines[place.meter].aggregation != "time_weighted":
            return []
        table = tables.period_total.c
        query = select(table.period, table.card_version).where(
            table.contract == self.writer.contract, table.item == place.item, table.meter == place.name,
            table.period >= place.period,
        )  # fmt: skip
        places = {Place(row.period, place.meter, row.card_version) for row in self.work.connection.execute(query)}
        places |= {
            Place(period, place.meter, card.version)
            for card in self.agreement.full.cards
            for period in self.writer.closed
            if period >= place.period and place.meter in card.lines and card.days_in(period) is not None
        }
        places = {each for each in places if self._has(each)}
        return [self._line(each) for each in sorted(places - {place}, key=lambda each: (each.period, each.version))]

    def _has(self, place: Place) -> bool:
        """Whether that card is still one of the contract's and carries a level of the meter."""
        assert self.agreement is not None
        card = next((each for each in self.agreement.full.cards if each.version == place.version), None)
        return card is not None and place.meter in card.lines and card.lines[place.meter].aggregation == "time_weighted"

    # ---- writing

    def _finish_row(self, row: dict[str, Any], *, cause: str) -> None:
        """Tell and book a fact by itself."""
        if row["amount"] is not None:
            row["state"] = "over_budget" if self._spend(row["period"]) else "recorded"
        self._rows.append(row)
        row["said"] = _say(self.work, row)
        self._book(row, cause)

    def _spend(self, period: str) -> bool:
        """Move the budget lines of the years that a fact moved; whether one is over its sum now."""
        assert self.agreement is not None
        moved: dict[str, Decimal] = defaultdict(Decimal)
        for line in self._lines.values():
            if line.amount or line.place.period == period:
                moved[self.agreement.paid_from(line.place.period)] += line.amount
        over = [spend(self.work, purse, [amount])[0] for purse, amount in sorted(moved.items())]
        return any(over)

    def _book(self, row: dict[str, Any], cause: str) -> None:
        """One entry for each line that the fact moved."""
        touched = [line for line in self._lines.values() if line.amount or line.added]
        if row["amount"] is not None and not touched:
            touched = [line for line in self._lines.values() if row["kind"] == "fact"][-1:]
        for line in touched:
            quantity = row["quantity"] if row["kind"] == "fact" and line.live is None else line.added
            self.writer.book(
                Entry(
                    kind="charge", period=line.place.period, amount=line.amount, item=line.place.item,
                    meter=line.place.name, card_version=line.place.version, quantity=quantity, unit=row["unit"],
                    facts=1 if row["kind"] == "fact" else 0, fact_id=row["fact_id"], said=row["said"],
                    cause=cause if line.place.period in self.writer.closed or row["kind"] != "fact" else "",
                    corrects=row["corrects"],
                    more={
                        "order": row["order_reference"], "service_at": to_text(row["service_at"]),
                        "budget_line": self._purse(line), "event": row["event_id"],
                    },
                )
            )  # fmt: skip
        for line in self._lines.values():
            self._set_total(line)
        self._lines.clear()

    def _purse(self, line: _Line) -> str:
        return self.agreement.paid_from(line.place.period) if self.agreement else ""

    def _set_total(self, line: _Line) -> None:
        _SET_TOTAL.run(
            self.work.connection, **self._key(line.place), quantity=format(line.quantity, "f"),
            billed=format(line.billed, "f"), facts=line.facts,
        )  # fmt: skip

    def _write_rows(self) -> None:
        """Facts must be in the table before another one can name them."""
        self._book_together()
        if self._rows:
            _FACTS.insert(self.work.connection, self._rows)
            self._rows = []

    def _book_together(self) -> None:
        """One entry and as many sealed events as it takes for the facts of each line of a batch."""
        # By month, so that whoever else moves the lines of two years takes them in the same order.
        for line in sorted(self._lines.values(), key=lambda each: each.place.period):
            if not line.moved:
                continue
            for row, over in zip(
                line.moved, spend(self.work, self._purse(line), [row["amount"] for row in line.moved]), strict=True
            ):
                row["state"] = "over_budget" if over else "recorded"
            first = line.moved[0]
            for start in range(0, len(line.moved), BATCH_EVENT):
                part = line.moved[start : start + BATCH_EVENT]
                said = self.work.say(
                    UsageBatchRecorded(
                        contract=self.writer.contract, source=first["source"], item=line.place.item, meter=line.place.name,
                        unit=first["unit"], period=line.place.period, card_version=line.place.version,
                        recorded_at=self.work.now,
                        facts=tuple(
                            RecordedFact(
                                fact_id=row["fact_id"], source_id=row["source_id"], quantity=row["quantity"],
                                service_at=row["service_at"], amount=row["amount"],
                            )
                            for row in part
                        ),
                    )
                )  # fmt: skip
                for row in part:
                    row["said"] = said
                self.writer.book(
                    Entry(
                        kind="charge", period=line.place.period, amount=sum((row["amount"] for row in part), Decimal("0.00")),
                        item=line.place.item, meter=line.place.name, card_version=line.place.version,
                        quantity=sum((row["quantity"] for row in part), Decimal(0)), unit=first["unit"], facts=len(part),
                        fact_id=part[0]["fact_id"] if len(part) == 1 else "", said=said,
                        more={"order": part[0]["order_reference"] if len(part) == 1 else "", "budget_line": first["budget_line"],
                              "service_at": to_text(first["service_at"]), "event": said},
                    )
                )  # fmt: skip
            assert line.growing is not None
            line.quantity, line.billed = decimal(line.growing.quantity), decimal(line.growing.billed, 2)
            self._set_total(line)
        self._lines.clear()

    def finish(self) -> None:
        """Write what is left."""
        self._write_rows()
        self.writer.save()


def _before(growing: Growing) -> str:
    """What ``explaining.ladder`` makes the rungs of a batch's fact from when somebody asks for them, JSON."""
    final = ', "final": true' if growing.final else ""
    return f'{{"before": "{plain(growing.quantity)}", "billed": "{plain(growing.billed, 2)}"{final}}}'


def _say(work: Work, row: dict[str, Any]) -> str:
    return work.say(
        UsageRecorded(
            fact_id=row["fact_id"], order_id=row["order_id"], request_id=row["request_id"], contract=row["contract"],
            supplier=row["supplier"], meter=row["meter"], quantity=row["quantity"], unit=row["unit"],
            service_at=row["service_at"], recorded_at=row["recorded_at"], state=row["state"], amount=row["amount"],
            card_version=row["card_version"], budget_line=row["budget_line"], kind=row["kind"], corrects=row["corrects"],
            period=row["period"], item=row["item"], event=row["event_id"], source=row["source"], source_id=row["source_id"],
            counted_as=_counted_as(work.connection, row),
        ),
        sequence=1,
    )  # fmt: skip


def _counted_as(connection: Connection, row: Mapping[str, Any]) -> str:
    """The first fact of the meter that counted the same one, by its id: so events tell who was counted again, not who it was."""
    if not row["counted"]:
        return ""
    first = connection.execute(
        select(func.min(F.fact_id)).where(
            F.contract == row["contract"], F.item == row["item"], F.meter == row["meter"], F.counted == row["counted"]
        )
    ).scalar()
    return str(first or row["fact_id"])


def _fact_of(row: Mapping[str, Any]) -> Fact:
    return Fact(
        row["source"], row["source_id"], row["service_at"], Fraction(row["quantity"]), f"{row['item']}/{row['meter']}",
        row["counted"],
    )  # fmt: skip


def live_version(connection: Connection, source: str, source_id: str) -> Row[Any] | None:
    """The newest fact that goes back to the one first reported under this id: itself, its last correction, or its void."""
    row = connection.execute(select(tables.fact).where(F.source == source, F.source_id == source_id)).first()
    while row is not None:
        later = connection.execute(select(tables.fact).where(F.corrects == row.fact_id)).first()
        if later is None:
            return row
        row = later
    return None


def live_facts(
    connection: Connection, agreement: Agreement, *, period: str = "", place: Place | None = None,
    known_at: datetime | None = None,
) -> list[Fact]:  # fmt: skip
    """Priced facts in force of a contract: of a month, or all of one meter; as they were known at a moment."""
    corrected = select(F.corrects).where(F.contract == agreement.ref, F.corrects != "")
    query = select(F.source, F.source_id, F.service_at, F.quantity, F.item, F.meter, F.counted, F.fact_id).where(
        F.contract == agreement.ref, F.kind != "void"
    )
    if known_at is not None:
        corrected = corrected.where(F.recorded_at <= known_at)
    if known_at is not None:
        query = query.where(F.recorded_at <= known_at)
    if period:
        query = query.where(F.period == period)
    if place is not None:
        query = query.where(F.item == place.item, F.meter == place.name)
    gone = set(connection.execute(corrected).scalars())
    found = []
    for row in connection.execute(query):
        if row.fact_id in gone:
            continue
        fact = _fact_of(dict(row._mapping))  # noqa: SLF001  SQLAlchemy's documented name
        at, _ = agreement.place(row.item, row.meter, row.service_at)
        if at is not None and (fact.quantity >= 0 or _may_be_negative(agreement, at)):
            found.append(fact)
    return found


def _may_be_negative(agreement: Agreement, place: Place) -> bool:
    return agreement.card(place.version).lines[place.meter].aggregation == "time_weighted"
