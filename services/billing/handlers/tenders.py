"""Tenders: published by two people, bids sealed until they are opened, marked by several, awarded by two."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.billing import office_tables, tables
from services.billing import procurement_tables as own
from services.billing.handlers.suppliers import hindrances
from services.billing.model import feed_body
from services.billing.pricing.exact import decimal
from services.billing.tendering import LEAST_BIDS, LEAST_MARKS, Company, Offer, Place, faults, good_on, places
from shared.clock import SITE_ZONE, from_text, to_text
from shared.contracts.billing import BidMarked, BidReceived, BidsOpened, TenderEnded
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from decimal import Decimal

    from sqlalchemy import Connection, Row

    from shared.work import Work

T, B, M = own.tender.c, own.bid.c, own.mark.c


def tenders(connection: Connection) -> list[Row[Any]]:
    """All tenders, the newest first."""
    return list(connection.execute(select(own.tender).order_by(T.published_at.desc(), T.ref).limit(200)))


def tender(connection: Connection, ref: str) -> Row[Any]:
    """One tender.

    Raises:
        Absent: there is none.
    """
    row = connection.execute(select(own.tender).where(T.ref == ref)).first()
    if row is None:
        raise Absent
    return row


def may_bid(row: Row[Any], supplier: str) -> bool:
    """Whether the notice is meant for a supplier."""
    return row.method == "open" or supplier in json.loads(row.body).get("invited", [])


def publish(work: Work, row: Row[Any], body: dict[str, Any]) -> tuple[int, list[str]]:
    """A notice that another person agreed to stands from now on.

    Raises:
        Conflict: there is one under this reference, or the day on which it closes has passed.
    """
    closes_at = from_text(body["closes_at"])
    if work.connection.execute(select(T.ref).where(T.ref == row.about)).first() is not None:
        raise Conflict("tendering.taken")
    if closes_at <= work.now:
        raise Conflict("tendering.closes_past")
    work.connection.execute(
        insert(own.tender),
        {"ref": row.about, "state": "published", "version": 1, "method": body["method"], "body": feed_body(**body),
         "closes_at": closes_at, "published_at": work.now},
    )  # fmt: skip
    return 1, ["tender"]


def locked(work: Work, ref: str) -> Row[Any]:
    """One tender, held until the end of the transaction.

    Raises:
        Absent: there is none.
    """
    if work.connection.execute(select(T.ref).where(T.ref == ref).with_for_update()).first() is None:
        raise Absent
    return tender(work.connection, ref)


def _move(work: Work, row: Row[Any], **changes: Any) -> int:
    version = int(row.version) + 1
    work.connection.execute(update(own.tender).where(T.ref == row.ref).values(version=version, **changes))
    return version


def receive(work: Work, ref: str, supplier: str, amount: Decimal, references: int, words: str, name: str) -> int:
    """A supplier's bid is taken, unseen; its number. Only what it amounts to as a digest goes into the log before the opening.

    Raises:
        Absent: no such tender, or it is not meant for this supplier. Conflict: it is closed. Invalid: no such supplier.
    """
    row = locked(work, ref)
    if (
        work.connection.execute(select(tables.supplier.c.code).where(tables.supplier.c.code == supplier)).first()
        is None
    ):
        raise Invalid(fields={"supplier": ["contracting.terms.no_supplier"]})
    if not may_bid(row, supplier):
        raise Absent
    if row.state != "published" or work.now >= row.closes_at:
        raise Conflict("tendering.closed")
    last = work.connection.execute(select(func.max(B.number)).where(B.tender == ref, B.supplier == supplier)).scalar()
    number = int(last or 0) + 1
    body = {"amount": format(amount, "f"), "references": references, "words": words, "at": to_text(work.now)}
    work.connection.execute(
        insert(own.bid),
        {"tender": ref, "supplier": supplier, "number": number, "amount": amount, "references": references, "words": words,
         "by": work.actor, "name": name, "at": work.now},
    )  # fmt: skip
    document = sha256(feed_body(tender=ref, supplier=supplier, number=number, **body).encode()).hexdigest()
    work.say(BidReceived(tender=ref, supplier=supplier, number=number, document=document, received_at=work.now))
    return number


def newest_bids(connection: Connection, ref: str) -> list[Row[Any]]:
    """The bid that counts of each supplier."""
    newest: dict[str, Row[Any]] = {}
    for row in connection.execute(select(own.bid).where(B.tender == ref).order_by(B.number)):
        newest[row.supplier] = row
    return [newest[supplier] for supplier in sorted(newest)]


def open_bids(work: Work, ref: str) -> list[str]:
    """The bids are opened and held against the hard criteria; those who are admitted.

    Raises:
        Conflict: they were opened before, or it is not yet time.
    """
    row = locked(work, ref)
    if row.state != "published":
        raise Conflict("tendering.past")
    if work.now < row.closes_at:
        raise Conflict("tendering.not_yet")
    day = work.now.astimezone(SITE_ZONE).date()
    criteria = json.loads(row.body)["criteria"]
    admitted: list[str] = []
    refused: list[str] = []
    for each in newest_bids(work.connection, ref):
        missed = faults(criteria, _company(work.connection, each.supplier, day), _offer(each))
        (refused if missed else admitted).append(each.supplier)
        work.connection.execute(
            update(own.bid)
            .where(B.tender == ref, B.supplier == each.supplier, B.number == each.number)
            .values(faults=json.dumps(missed))
        )
    version = _move(work, row, state="opened", opened_at=work.now)
    work.say(
        BidsOpened(tender=ref, admitted=tuple(admitted), refused=tuple(refused), opened_at=work.now), sequence=version
    )
    return admitted


def _company(connection: Connection, supplier: str, day: Any) -> Company:
    row = connection.execute(select(tables.supplier).where(tables.supplier.c.code == supplier)).one()
    papers = list(connection.execute(select(office_tables.licence).where(office_tables.licence.c.supplier == supplier)))
    # A joint review comes before the contract, not before the bid: everything else that hinders counts.
    hindered = any(not each.key.endswith("not_reviewed") for each in hindrances(connection, supplier, day))
    return Company(row.capital, good_on(papers, day), hindered)


def _offer(row: Row[Any]) -> Offer:
    return Offer(row.supplier, row.amount, row.references)


def give_marks(
    work: Work, ref: str, supplier: str, quality: Decimal, experience: Decimal, words: str, *, account: str, name: str
) -> None:
    """One person marks an admitted bid, once.

    Raises:
        Conflict: the bids are not open, or this person marked it before. Absent: no such admitted bid.
    """
    row = locked(work, ref)
    if row.state != "opened":
        raise Conflict("tendering.past" if row.state != "published" else "tendering.not_yet")
    if supplier not in {each.supplier for each in newest_bids(work.connection, ref) if not json.loads(each.faults)}:
        raise Absent
    mine = select(M.account).where(M.tender == ref, M.supplier == supplier, M.account == account)
    if work.connection.execute(mine).first() is not None:
        raise Conflict("tendering.marked_before")
    work.connection.execute(
        insert(own.mark),
        {"tender": ref, "supplier": supplier, "account": account, "name": name, "quality": quality,
         "experience": experience, "words": words, "at": work.now},
    )  # fmt: skip
    work.say(BidMarked(tender=ref, supplier=supplier, quality=quality, experience=experience, marked_at=work.now))


@dataclass(frozen=True)
class Standing:
    """The bids of an opened tender.

    Attributes:
        places: those admitted, the best first.
        marks: how many people marked each.
        complete: whether enough people marked every one.
    """

    bids: list[Row[Any]]
    places: list[Place]
    marks: dict[str, int]

    @property
    def complete(self) -> bool:
        return bool(self.places) and all(self.marks.get(each.supplier, 0) >= LEAST_MARKS for each in self.places)


def standing(connection: Connection, row: Row[Any]) -> Standing:
    """How the bids compare."""
    bids = newest_bids(connection, row.ref)
    given: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for each in connection.execute(select(own.mark).where(M.tender == row.ref)):
        given[each.supplier].append((each.quality, each.experience))
    admitted = [_offer(each) for each in bids if not json.loads(each.faults)]
    found = places(admitted, given, json.loads(row.body)["weights"])
    return Standing(bids, found, {supplier: len(marks) for supplier, marks in given.items()})


def check_award(connection: Connection, ref: str, supplier: str) -> Place:
    """How the bid stands that is to be awarded.

    Raises:
        Conflict: not opened, too few admitted bids, or too few marks. Invalid: not an admitted bid.
    """
    row = tender(connection, ref)
    if row.state != "opened":
        raise Conflict("tendering.past" if row.state != "published" else "tendering.not_yet")
    found = standing(connection, row)
    if row.method == "open" and len(found.places) < LEAST_BIDS:
        raise Conflict("tendering.too_few", n=LEAST_BIDS)
    if not found.complete:
        raise Conflict("tendering.too_few_marks", n=LEAST_MARKS)
    place = next((each for each in found.places if each.supplier == supplier), None)
    if place is None:
        raise Invalid(fields={"supplier": ["tendering.not_admitted"]})
    return place


def award(work: Work, row: Row[Any], body: dict[str, Any]) -> tuple[int, list[str]]:
    """The tender is awarded, after a second person agreed.

    Raises:
        Conflict: it ended meanwhile, or the bid no longer stands as it was written.
    """
    found = locked(work, row.about)
    place = check_award(work.connection, found.ref, body["supplier"])
    assert place.total is not None
    bid = next(each for each in newest_bids(work.connection, found.ref) if each.supplier == body["supplier"])
    version = _move(work, found, state="awarded", ended_at=work.now, awarded_to=body["supplier"], words=body["words"])
    work.say(
        TenderEnded(
            tender=found.ref, result="awarded", supplier=body["supplier"], amount=bid.amount, score=decimal(place.total, 2), ended_at=work.now
        ),
        sequence=version,
    )  # fmt: skip
    return version, ["awarded_to"]


def fail(work: Work, ref: str, words: str) -> None:
    """The tender ends without an award.

    Raises:
        Conflict: it ended before.
    """
    row = locked(work, ref)
    if row.state not in {"published", "opened"}:
        raise Conflict("tendering.past")
    version = _move(work, row, state="failed", ended_at=work.now, words=words)
    work.say(TenderEnded(tender=ref, result="failed", ended_at=work.now), sequence=version)


def closes(text: str) -> datetime:
    """A moment at the site as a form gives it, ``2026-12-20T17:00``.

    Raises:
        Invalid: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as fault:
        raise Invalid(fields={"closes_at": ["field.date"]}) from fault
    return found if found.tzinfo else found.replace(tzinfo=SITE_ZONE)
