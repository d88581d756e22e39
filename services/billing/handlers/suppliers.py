"""Suppliers' files: papers and their expiry, bad records, a joint review by three seats, and whether one may be given a contract."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from services.billing import office_tables, tables
from services.billing.credit_code import is_credit_code
from shared.clock import SITE_ZONE
from shared.contracts.billing import SupplierFileChanged, SupplierReviewed
from shared.database import Sql
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.work import Work

S, L, B = tables.supplier.c, office_tables.licence.c, office_tables.bad_record.c
Q, T = office_tables.qualification.c, office_tables.seat.c
LICENCES = ("business", "trade", "safety", "insurance", "other")
NEEDED = ("business",)  # papers without which nothing is agreed
SEATS = ("logistics", "legal", "finance")
# Marks of the review: what the plan asks to be looked at, and how much each counts.
CRITERIA = {"papers": 25, "credit": 25, "capability": 30, "experience": 20}
LEAST = Decimal(60)  # the score below which a supplier is rejected whatever the seats say
GOOD_FOR_YEARS = 3
_LOCKED = Sql(
    "SELECT state FROM qualification WHERE qualification_id = :id",
    postgresql="SELECT state FROM qualification WHERE qualification_id = :id FOR UPDATE",
)


@dataclass(frozen=True)
class Hindrance:
    """Why nothing may be agreed with a supplier: a message key and its parameters."""

    key: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """Everything that is kept of a supplier."""

    row: Row[Any]
    licences: list[Row[Any]]
    records: list[Row[Any]]
    reviews: list[Row[Any]]
    seats: dict[str, list[Row[Any]]]


def supplier(connection: Connection, code: str) -> Row[Any]:
    """One supplier.

    Raises:
        Absent: there is none.
    """
    row = connection.execute(select(tables.supplier).where(S.code == code)).first()
    if row is None:
        raise Absent
    return row


def the_file(connection: Connection, code: str) -> File:
    """A supplier's file, newest first.

    Raises:
        Absent: there is no such supplier.
    """
    row = supplier(connection, code)
    query = select(office_tables.licence).where(L.supplier == code).order_by(L.expires_on.desc()).limit(100)
    records = select(office_tables.bad_record).where(B.supplier == code).order_by(B.happened_on.desc()).limit(100)
    reviews = list(
        connection.execute(
            select(office_tables.qualification).where(Q.supplier == code).order_by(Q.opened_at.desc()).limit(20)
        )
    )
    seats: dict[str, list[Row[Any]]] = {}
    taken = select(office_tables.seat).where(T.qualification.in_([each.qualification_id for each in reviews]))
    for each in connection.execute(taken.order_by(T.at)):
        seats.setdefault(each.qualification, []).append(each)
    return File(row, list(connection.execute(query)), list(connection.execute(records)), reviews, seats)


def hindrances(connection: Connection, code: str, on: date) -> list[Hindrance]:
    """Everything that stands against a contract with a supplier on a day; empty = it is eligible."""
    return hindrances_of(connection, [code], on).get(code, [])


def hindrances_of(connection: Connection, codes: list[str], on: date) -> dict[str, list[Hindrance]]:
    """The same of several suppliers at once."""
    found: dict[str, list[Hindrance]] = {code: [] for code in codes}
    for code, barred in connection.execute(select(S.code, S.barred).where(S.code.in_(codes), S.barred != "")):
        found[code].append(Hindrance("supplying.is_barred", {"words": barred}))
    good: dict[str, set[str]] = {code: set() for code in codes}
    papers = select(L.supplier, L.kind).where(
        L.supplier.in_(codes), L.ended_at.is_(None), L.issued_on <= on, L.expires_on > on
    )
    for code, kind in connection.execute(papers):
        good[code].add(kind)
    for code in codes:
        found[code] += [Hindrance(f"supplying.no_{kind}") for kind in NEEDED if kind not in good[code]]
    grave = select(B.supplier, B.happened_on).where(
        B.supplier.in_(codes), B.grave == 1, B.lifted_at.is_(None), B.counts_until > on
    )
    for code, day in connection.execute(grave):
        found[code].append(Hindrance("supplying.has_record", {"day": day.isoformat()}))
    passed = select(Q.supplier).where(Q.supplier.in_(codes), Q.state == "qualified", Q.good_until > on)
    reviewed = set(connection.execute(passed).scalars())
    for code in codes:
        if code not in reviewed:
            found[code].append(Hindrance("supplying.not_reviewed"))
    return found


def register(work: Work, code: str, given: dict[str, Any]) -> None:
    """A supplier is written down, or what is kept of it changed. It is eligible for nothing yet.

    Raises:
        Invalid: its credit code does not check, or another one has it.
    """
    if given["credit_code"]:
        if not is_credit_code(given["credit_code"]):
            raise Invalid(fields={"credit_code": ["supplying.credit_code_bad"]})
        other = select(S.code).where(S.credit_code == given["credit_code"], S.code != code)
        if work.connection.execute(other).first() is not None:
            raise Invalid(fields={"credit_code": ["supplying.credit_code_taken"]})
    there = work.connection.execute(select(S.code).where(S.code == code)).first()
    if there is None:
        work.connection.execute(insert(tables.supplier), {"code": code, "barred": "", **given})
    else:
        work.connection.execute(update(tables.supplier).where(S.code == code).values(**given))
    work.say(SupplierFileChanged(supplier=code, what="registered"))


def add_licence(work: Work, code: str, given: dict[str, Any]) -> None:
    """A paper is put into the file; one of the same kind and number takes the place of the older.

    Raises:
        Invalid: it ends before it begins.
    """
    supplier(work.connection, code)
    if given["issued_on"] >= given["expires_on"]:
        raise Invalid(fields={"expires_on": ["supplying.backwards"]})
    same = (L.supplier == code) & (L.kind == given["kind"]) & (L.number == given["number"])
    values = {**given, "by": work.actor, "at": work.now, "ended_at": None}
    changed = work.connection.execute(update(office_tables.licence).where(same).values(**values))
    if not changed.rowcount:
        work.connection.execute(
            insert(office_tables.licence), {"licence_id": work.new_id(), "supplier": code, **values}
        )
    work.say(SupplierFileChanged(supplier=code, what="licence_added", paper=given["kind"], until=given["expires_on"]))


def end_licence(work: Work, code: str, licence_id: str) -> None:
    """A paper no longer counts.

    Raises:
        Absent: there is none that counts.
    """
    row = work.connection.execute(
        select(office_tables.licence).where(L.licence_id == licence_id, L.supplier == code, L.ended_at.is_(None))
    ).first()
    if row is None:
        raise Absent
    work.connection.execute(update(office_tables.licence).where(L.licence_id == licence_id).values(ended_at=work.now))
    work.say(SupplierFileChanged(supplier=code, what="licence_ended", paper=row.kind))


def note_record(work: Work, code: str, given: dict[str, Any], name: str) -> None:
    """A bad record is entered; a grave one bars the supplier from contracts while it counts.

    Raises:
        Invalid: it happened in the future, or counts until before it happened.
    """
    supplier(work.connection, code)
    if given["happened_on"] > work.now.astimezone(SITE_ZONE).date():
        raise Invalid(fields={"happened_on": ["supplying.future"]})
    if given["happened_on"] >= given["counts_until"]:
        raise Invalid(fields={"counts_until": ["supplying.backwards"]})
    work.connection.execute(
        insert(office_tables.bad_record),
        {"record_id": work.new_id(), "supplier": code, **given, "grave": int(given["grave"]), "by": work.actor,
         "name": name, "at": work.now},
    )  # fmt: skip
    work.say(
        SupplierFileChanged(supplier=code, what="bad_record", until=given["counts_until"], grave=bool(given["grave"]))
    )


def lift_record(work: Work, code: str, record_id: str, words: str) -> None:
    """A bad record no longer counts; it stays in the file with the reason.

    Raises:
        Absent: there is none that counts. Forbidden: by whoever entered it.
    """
    row = work.connection.execute(
        select(office_tables.bad_record).where(B.record_id == record_id, B.supplier == code, B.lifted_at.is_(None))
    ).first()
    if row is None:
        raise Absent
    if row.by == work.actor:
        raise Forbidden("supplying.own_record")
    work.connection.execute(
        update(office_tables.bad_record)
        .where(B.record_id == record_id)
        .values(lifted_at=work.now, lifted_by=work.actor, lifted_words=words)
    )
    work.say(SupplierFileChanged(supplier=code, what="bad_record_lifted", grave=bool(row.grave)))


def bar(work: Work, code: str, words: str) -> None:
    """Nothing more is agreed with the supplier (words say why), or it may be again (no words)."""
    supplier(work.connection, code)
    work.connection.execute(update(tables.supplier).where(S.code == code).values(barred=words))
    work.say(SupplierFileChanged(supplier=code, what="barred" if words else "unbarred"))


# ---- the joint review


def open_review(work: Work, code: str, marks: dict[str, Decimal], words: str, name: str) -> str:
    """A review is begun with marks for each criterion; its id.

    Raises:
        Conflict: one is open already.
    """
    supplier(work.connection, code)
    if work.connection.execute(select(Q.state).where(Q.supplier == code, Q.state == "open")).first() is not None:
        raise Conflict("supplying.review_open")
    score = sum((marks[name] * weight for name, weight in CRITERIA.items()), Decimal(0)) / 100
    qualification_id = work.new_id()
    work.connection.execute(
        insert(office_tables.qualification),
        {"qualification_id": qualification_id, "supplier": code, "state": "open", "version": 1,
         "score": score.quantize(Decimal("0.1")), "marks": json.dumps({name: format(mark, "f") for name, mark in marks.items()}),
         "words": words, "opened_by": work.actor, "opened_name": name, "opened_at": work.now},
    )  # fmt: skip
    return qualification_id


def take_seat(
    work: Work, qualification_id: str, seat: str, verdict: str, words: str, *, account: str, name: str
) -> str:
    """One seat gives its verdict; with the last one the review is closed. The state it is in now.

    All three agree and the score reaches ``LEAST``: qualified for ``GOOD_FOR_YEARS``. Any refusal rejects at once, and
    its reason is kept.

    Raises:
        Absent: no such review. Conflict: it is closed, or the seat has spoken. Forbidden: this person sits elsewhere.
    """
    if _LOCKED.run(work.connection, id=qualification_id).first() is None:
        raise Absent
    row = work.connection.execute(
        select(office_tables.qualification).where(Q.qualification_id == qualification_id)
    ).one()
    if row.state != "open":
        raise Conflict("supplying.review_closed")
    taken = list(work.connection.execute(select(office_tables.seat).where(T.qualification == qualification_id)))
    if any(each.seat == seat for each in taken):
        raise Conflict("supplying.seat_taken")
    if any(each.account == account for each in taken):
        raise Forbidden("supplying.one_seat")
    work.connection.execute(
        insert(office_tables.seat),
        {"qualification": qualification_id, "seat": seat, "verdict": verdict, "words": words, "account": account,
         "name": name, "at": work.now},
    )  # fmt: skip
    agreed = [each.seat for each in taken if each.verdict == "agreed"] + ([seat] if verdict == "agreed" else [])
    if verdict == "agreed" and len(agreed) < len(SEATS):
        return "open"
    result = "qualified" if len(agreed) == len(SEATS) and row.score >= LEAST else "rejected"
    today = work.now.astimezone(SITE_ZONE).date()
    until = _years_on(today, GOOD_FOR_YEARS) if result == "qualified" else None
    work.connection.execute(
        update(office_tables.qualification)
        .where(Q.qualification_id == qualification_id)
        .values(state=result, closed_at=work.now, good_until=until, version=row.version + 1)
    )
    work.say(
        SupplierReviewed(
            supplier=row.supplier, result=result, score=row.score, seats=tuple(agreed), good_until=until,
            reviewed_at=work.now,
        )
    )  # fmt: skip
    return result


def _years_on(day: date, years: int) -> date:
    """The same day years later; the 29th of February becomes the 1st of March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
