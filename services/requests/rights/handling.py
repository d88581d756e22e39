"""What is done with cases about personal data: opened, answered, taken back, said to be late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, or_, select, update

from services.requests import model as requests_model
from services.requests import tables as requests_tables
from services.requests.notices import About, tell
from services.requests.personal import PERSONAL
from services.requests.rights.tables import data_case
from services.requests.tables import metadata
from services.requests.voices.model import Own, Past, due, short
from services.requests.voices.store import take_reference
from shared import personal
from shared.contracts.requests import DataCaseClosed, DataCaseLate, DataCaseOpened
from shared.errors import Conflict

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.requests.requester import Requester
    from shared.work import Work

KINDS = ("see", "correct", "erase", "object")
OUTCOMES = ("granted", "in_part", "refused")
ANSWER_IN = 15  # working days
MOST_ADMINISTRATORS = 50
LETTER = "D"


class OpenAlready(Conflict):
    """The person has a case of this kind that awaits its answer."""

    key = "rights.error.open_already"


@dataclass(frozen=True)
class Case:
    """A case as it is kept."""

    id: str
    reference: str
    version: int
    state: str
    kind: str
    words: str
    account: str
    name: str
    name_en: str
    made_at: datetime
    due_at: datetime
    late_at: datetime | None = None
    answer: str = ""
    answered_by: str = ""
    answered_name: str = ""
    answered_name_en: str = ""
    closed_at: datetime | None = None
    touched: int = 0

    def late(self, now: datetime) -> bool:
        """Whether an answer is overdue."""
        return self.state == "open" and now > self.due_at


# ---- the store


def of_account(connection: Connection, account: str) -> list[Case]:
    """The cases of a person, newest first."""
    row = data_case.c
    query = select(data_case).where(row.account == account).order_by(row.made_at.desc(), row.id.desc()).limit(100)
    return [Case(**each) for each in connection.execute(query).mappings()]


def by_reference(connection: Connection, full: str, *, lock: bool = False) -> Case | None:
    """The case of this full reference; ``lock`` keeps others from changing it in this transaction."""
    query = select(data_case).where(data_case.c.reference == full)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Case(**row) if row is not None else None


def waiting(connection: Connection, limit: int = 200) -> list[Case]:
    """Cases that await an answer, the one that is due first at the top."""
    query = select(data_case).where(data_case.c.state == "open").order_by(data_case.c.due_at, data_case.c.id)
    return [Case(**each) for each in connection.execute(query.limit(limit)).mappings()]


def closed(connection: Connection, after: tuple[datetime, str] | None, limit: int) -> list[Case]:
    """Cases that were answered or taken back, the last one first."""
    row = data_case.c
    query = select(data_case).where(row.state != "open")
    if after is not None:
        query = query.where(or_(row.closed_at < after[0], (row.closed_at == after[0]) & (row.id < after[1])))
    found = connection.execute(query.order_by(row.closed_at.desc(), row.id.desc()).limit(limit)).mappings()
    return [Case(**each) for each in found]


def _change(work: Work, case: Case, **values: object) -> int:
    version = case.version + 1
    work.connection.execute(update(data_case).where(data_case.c.id == case.id).values(version=version, **values))
    return version


def _administrators(connection: Connection) -> list[str]:
    account = requests_tables.account.c
    query = select(account.id, account.roles).where(
        account.enabled.is_(True), account.roles.contains("administrator", autoescape=True)
    )
    found = connection.execute(query.order_by(account.id).limit(MOST_ADMINISTRATORS))
    return [id_ for id_, roles in found if "administrator" in roles.split()]


# ---- what is done


def ask(work: Work, person: Requester, kind: str, words: str) -> Case:
    """The case has a reference and a day; administrators are told, but never the person as one of them.

    Raises:
        OpenAlready: one of this kind awaits its answer.
    """
    row = data_case.c
    there = select(row.id).where(row.account == person.account, row.kind == kind, row.state == "open")
    if work.connection.execute(there).first() is not None:
        raise OpenAlready
    case = Case(
        id=work.new_id(), reference=take_reference(work, LETTER, requests_model.day_of(work.now)), version=1, state="open",
        kind=kind, words=words, account=person.account, name=person.name, name_en=person.name_en, made_at=work.now,
        due_at=due(work.now, ANSWER_IN),
    )  # fmt: skip
    work.connection.execute(insert(data_case).values(case.__dict__))
    work.say(
        DataCaseOpened(
            case_id=case.id, reference=case.reference, account_id=case.account, kind=kind, opened_at=work.now, due_at=case.due_at
        ),
        sequence=1,
    )  # fmt: skip
    _tell(work, "data_asked", case)
    return case


def answer(work: Work, case: Case, person: Requester, outcome: str, words: str) -> int:
    """The person is told what was done, or why not; how many rows of this service were deleted or emptied.

    An erasure that is granted, wholly or in part, is done here and by every service that hears of it; an objection
    likewise for what rests on consent. What is corrected, an administrator has corrected before.

    Raises:
        Past: it was answered or taken back. Own: it is the administrator's own.
    """
    if case.state != "open":
        raise Past
    if case.account == person.account:
        raise Own
    touched = 0
    if outcome != "refused" and case.kind in personal.ERASING:
        touched = personal.erase(work, metadata, PERSONAL, case.account, consent_alone=case.kind == "object")
    version = _change(
        work, case, state=outcome, answer=words, answered_by=person.account, answered_name=person.name,
        answered_name_en=person.name_en, closed_at=work.now, touched=touched,
    )  # fmt: skip
    _close(work, case, outcome, version)
    _tell(work, "data_answered", case)
    return touched


def take_back(work: Work, case: Case) -> None:
    """The person wants no answer any more.

    Raises:
        Past: it was answered.
    """
    if case.state != "open":
        raise Past
    _close(work, case, "withdrawn", _change(work, case, state="withdrawn", closed_at=work.now))


def _close(work: Work, case: Case, outcome: str, version: int) -> None:
    work.say(
        DataCaseClosed(
            case_id=case.id, reference=case.reference, account_id=case.account, kind=case.kind, outcome=outcome,
            late=work.now > case.due_at, closed_at=work.now,
        ),
        sequence=version,
    )  # fmt: skip


def watch(work: Work) -> None:
    """Cases whose day has passed are said to be late, once, and everybody concerned is told."""
    row = data_case.c
    query = select(row.reference).where(row.state == "open", row.due_at < work.now, row.late_at.is_(None))
    for (reference,) in work.connection.execute(query.order_by(row.due_at).limit(50)).all():
        case = by_reference(work.connection, reference, lock=True)
        if case is None or not case.late(work.now) or case.late_at is not None:
            continue  # another replica was here
        version = _change(work, case, late_at=work.now)
        work.say(
            DataCaseLate(case_id=case.id, reference=case.reference, kind=case.kind, due_at=case.due_at),
            sequence=version,
        )
        _tell(work, "data_late", case)


def _tell(work: Work, kind: str, case: Case) -> None:
    """Administrators of what is asked and late, the person of what was answered and is late."""
    others = [each for each in _administrators(work.connection) if each != case.account]
    what = {"of": [{"key": f"rights.kind.{case.kind}"}, short(case.reference)]}
    for audience, address in (
        ("administrator", f"/requests/admin/data-cases/{short(case.reference)}"),
        ("person", "/requests/me/data"),
    ):
        people = {"administrator": others, "person": [case.account]}[audience]
        about = About(subject="data_case", id=case.id, address=address, words={"what": what}, people={audience: people}, restricted=True)  # fmt: skip
        tell(work, f"voice.{kind}", about, until=case.due_at)
