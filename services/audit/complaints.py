"""Which complaints are to be answered soon, and which should have been: what supervision looks at first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from services.audit import tables
from shared.contracts.requests import ComplaintAppealed, ComplaintOpened

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.bodies import Reads
    from shared.contracts.base import Envelope
    from shared.contracts.requests import ComplaintAnswered, ComplaintClosed
    from shared.work import Work

NEAR = timedelta(days=2)
OWED = (ComplaintOpened, ComplaintAppealed)  # after these an answer is owed; after the others none


def note_complaint(
    work: Work, event: ComplaintOpened | ComplaintAnswered | ComplaintAppealed | ComplaintClosed, envelope: Envelope
) -> None:
    """Until when the complaint is to be answered, and whether it is. Latest sequence wins, so events may come in any order."""
    table, sequence = tables.complaint_due, envelope.sequence
    here = table.c.complaint_id == event.complaint_id
    there = work.connection.execute(select(table).where(here)).first()
    due = {"due_at": event.due_at, "due_sequence": sequence} if isinstance(event, OWED) else {}
    state = {"open": isinstance(event, OWED), "sequence": sequence}
    if there is None:
        values = {"complaint_id": event.complaint_id, "due_at": None, "due_sequence": 0, **due, **state}
        work.connection.execute(insert(table).values(values))
        return
    values = (state if sequence > there.sequence else {}) | (due if sequence > there.due_sequence else {})
    if values:
        work.connection.execute(update(table).where(here).values(values))


@dataclass(frozen=True)
class Waiting:
    """How many complaints await an answer: all, those due within two days, those that are late."""

    all: int
    near: int
    late: int


def waiting(connection: Connection, now: datetime, reads: Reads) -> Waiting:
    """What awaits an answer; nothing for whoever does not read the whole of what requests says."""
    if not reads.whole("requests"):
        return Waiting(0, 0, 0)
    row = tables.complaint_due.c

    def count(*where: object) -> int:
        return int(connection.execute(select(func.count()).where(row.open.is_(True), *where)).scalar_one())  # type: ignore[arg-type]

    return Waiting(count(), count(row.due_at >= now, row.due_at < now + NEAR), count(row.due_at < now))
