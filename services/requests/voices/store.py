"""Loading and saving complaints, suggestions, forums and improvements."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select, tuple_, update

from services.requests import tables as requests_tables
from services.requests.voices import tables
from services.requests.voices.model import KINDS, OPEN, UNDER_WAY, Candidate, reference
from shared.database import Sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection, Table

    from services.requests.store import Seen
    from shared.work import Work

After = tuple[Any, str] | None  # (sort key, id) of the last row of the page before

_TAKE = Sql(
    """INSERT INTO voice_number (letter, day, next) VALUES (:letter, :day, 2)
       ON CONFLICT (letter, day) DO UPDATE SET next = voice_number.next + 1 RETURNING next - 1"""
)


def take_reference(work: Work, letter: str, day: date) -> str:
    """A full reference that nobody else will be given."""
    number = int(_TAKE.run(work.connection, letter=letter, day=day.isoformat()).scalar_one())
    return reference(letter, day, number)


def between_blanks(codes: Iterable[str]) -> str:
    """Codes as a column keeps them, so that one is found as ``% a %``."""
    kept = sorted({code for code in codes if code})
    return f" {' '.join(kept)} " if kept else ""


def _below(column: Any, organisation: str) -> Any:
    return or_(column == organisation, column.startswith(organisation + "/", autoescape=True))


# ---- people


def candidates(connection: Connection, organisation: str, now: datetime) -> list[Candidate]:
    """Everybody who could look into a complaint of this body: with one of the handlers' roles, at it or above it."""
    account = requests_tables.account.c
    parts = organisation.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    query = select(requests_tables.account).where(
        or_(*(account.roles.contains(kind, autoescape=True) for kind in KINDS)),
        account.enabled.is_(True),
        account.organisation.in_(above),
        or_(account.until.is_(None), account.until > now),
    )
    return [
        Candidate(
            row["id"], row["name"], row["name_en"] or row["name"], kinds, row["department"], row["supplier"], row["crew"]
        )
        for row in connection.execute(query).mappings()
        if (kinds := frozenset(KINDS) & frozenset(row["roles"].split()))
    ]  # fmt: skip


def at_hand(connection: Connection) -> dict[str, int]:
    """By handler, how many complaints wait for his answer."""
    row = tables.complaint.c
    query = select(row.handler, func.count()).where(row.state.in_(OPEN), row.handler != "").group_by(row.handler)
    return {handler: int(count) for handler, count in connection.execute(query)}


def departments_of_crews(connection: Connection, crews: Iterable[str]) -> set[str]:
    """The departments to which members of these crews belong."""
    account = requests_tables.account.c
    query = select(account.department).where(account.crew.in_(list(crews)), account.department != "").distinct()
    return {code for (code,) in connection.execute(query)}


def departments_of_role(connection: Connection, role: str, organisation: str) -> set[str]:
    """The departments to which people with this role belong."""
    account = requests_tables.account.c
    query = select(account.department, account.roles).where(
        account.roles.contains(role, autoescape=True), account.department != "", account.organisation == organisation
    )
    return {code for code, roles in connection.execute(query) if role in roles.split()}


@dataclass(frozen=True)
class Colleague:
    """Somebody who could be asked to see to something."""

    user_name: str
    name: str
    name_en: str


def colleagues(connection: Connection, organisation: str, department: str, limit: int) -> list[Colleague]:
    """People of a department who can sign in, by user name."""
    account = requests_tables.account.c
    query = (
        select(account.user_name, account.name, account.name_en)
        .where(account.organisation == organisation, account.department == department, account.enabled.is_(True))
        .order_by(account.user_name)
        .limit(limit)
    )
    return [Colleague(**row) for row in connection.execute(query).mappings()]


# ---- complaints


@dataclass(frozen=True)
class Complaint:
    """A complaint as it is kept."""

    id: str
    reference: str
    version: int
    round: int
    state: str
    about: str
    category: str
    words: str
    salt: str
    request_id: str
    request_reference: str
    order_id: str
    item: str
    crew: str
    supplier: str
    crews: str
    suppliers: str
    department: str
    complainant: str
    complainant_name: str
    complainant_name_en: str
    complainant_department: str
    organisation: str
    restricted: bool
    channel: str
    handler: str
    handler_kind: str
    handler_name: str
    handler_name_en: str
    why: str
    handled_by: str
    opened_at: datetime
    due_at: datetime
    acknowledged_at: datetime | None = None
    answered_at: datetime | None = None
    appeal_until: datetime | None = None
    escalated_at: datetime | None = None
    closed_at: datetime | None = None
    first_outcome: str = ""
    first_answer: str = ""
    appeal_words: str = ""
    outcome: str = ""
    answer: str = ""
    close_reason: str = ""
    changed_at: datetime | None = None

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why this handler: keys of ``voices.why`` with their numbers."""
        return [(key, number) for key, number in json.loads(self.why)]


def save_complaint(work: Work, complaint: Complaint) -> None:
    """The complaint is written."""
    work.connection.execute(insert(tables.complaint).values(complaint.__dict__ | {"changed_at": work.now}))


def complaint_by_reference(connection: Connection, full: str, *, lock: bool = False) -> Complaint | None:
    """The complaint of this full reference; ``lock`` keeps others from changing it in this transaction."""
    query = select(tables.complaint).where(tables.complaint.c.reference == full)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Complaint(**row) if row is not None else None


def complaint_by_id(connection: Connection, complaint_id: str, *, lock: bool = False) -> Complaint | None:
    """The complaint of this id."""
    query = select(tables.complaint).where(tables.complaint.c.id == complaint_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Complaint(**row) if row is not None else None


def change_complaint(work: Work, complaint: Complaint, **values: Any) -> int:
    """Write some columns of a locked complaint; its new version."""
    version = complaint.version + 1
    work.connection.execute(
        update(tables.complaint)
        .where(tables.complaint.c.id == complaint.id)
        .values(version=version, changed_at=work.now, **values)
    )
    return version


def list_complaints(
    connection: Connection, view: str, seen: Seen, *, after: After = None, limit: int = 50
) -> list[Complaint]:
    """Complaints, newest first: ``mine``, ``handling`` (that I look into), ``all`` that lie in the scope.

    Of all, one about a restricted request is shown to its own people alone.
    """
    row = tables.complaint.c
    query = select(tables.complaint)
    if view == "mine":
        query = query.where(row.complainant == seen.account)
    elif view == "handling":
        query = query.where(row.handler == seen.account)
    else:
        query = query.where(_below(row.organisation, seen.organisation), row.restricted.is_(False))
    return [Complaint(**each) for each in connection.execute(_page(query, tables.complaint, row.opened_at, after, limit)).mappings()]  # fmt: skip


def about_us(
    connection: Connection, *, supplier: str, crew: str, after: After = None, limit: int = 50
) -> list[Complaint]:
    """Complaints about a supplier, or about a crew, newest first."""
    if not supplier and not crew:
        return []
    row = tables.complaint.c
    whose = row.supplier == supplier if supplier else row.crew == crew
    query = select(tables.complaint).where(whose, row.state != "withdrawn")
    return [Complaint(**each) for each in connection.execute(_page(query, tables.complaint, row.opened_at, after, limit)).mappings()]  # fmt: skip


def _page(query: Any, table: Table, key: Any, after: After, limit: int) -> Any:
    if after is not None:
        query = query.where(tuple_(key, table.c.id) < after)
    return query.order_by(key.desc(), table.c.id.desc()).limit(limit)


def count_complaints(connection: Connection, account: str) -> dict[str, int]:
    """How many are mine and how many wait for my answer."""
    row = tables.complaint.c
    mine = select(func.count()).where(row.complainant == account)
    handling = select(func.count()).where(row.handler == account, row.state.in_(OPEN))
    return {
        "mine": int(connection.execute(mine).scalar_one()),
        "handling": int(connection.execute(handling).scalar_one()),
    }


def without_handler(connection: Connection, limit: int = 50) -> list[str]:
    """Ids of complaints that nobody independent could be found for, oldest first."""
    row = tables.complaint.c
    query = select(row.id).where(row.state.in_(OPEN), row.handler == "").order_by(row.opened_at).limit(limit)
    return [id_ for (id_,) in connection.execute(query)]


def count_without_handler(connection: Connection, organisation: str) -> int:
    """How many complaints of a body nobody independent could be found for."""
    row = tables.complaint.c
    query = select(func.count()).where(row.state.in_(OPEN), row.handler == "", _below(row.organisation, organisation))
    return int(connection.execute(query).scalar_one())


def overdue(connection: Connection, now: datetime, limit: int = 50) -> list[str]:
    """Ids of complaints that are late and have not gone higher yet."""
    row = tables.complaint.c
    query = (
        select(row.id)
        .where(row.state.in_(OPEN), row.due_at < now, row.escalated_at.is_(None))
        .order_by(row.due_at)
        .limit(limit)
    )
    return [id_ for (id_,) in connection.execute(query)]


def unappealed(connection: Connection, now: datetime, limit: int = 50) -> list[str]:
    """Ids of answered complaints whose time to appeal has passed."""
    row = tables.complaint.c
    query = (
        select(row.id).where(row.state == "answered", row.appeal_until < now).order_by(row.appeal_until).limit(limit)
    )
    return [id_ for (id_,) in connection.execute(query)]


@dataclass(frozen=True)
class StepTaken:
    """One line of a timeline."""

    at: datetime
    what: str
    who: str
    who_en: str
    detail: str


def note_step(work: Work, table: Table, thing_id: str, what: str, who: tuple[str, str] = ("", ""), detail: str = "") -> None:  # fmt: skip
    """One line of the timeline of a complaint or an improvement."""
    name = next(column.name for column in table.c if column.name.endswith("_id") and column.name != "row_id")
    work.connection.execute(
        insert(table).values({name: thing_id, "at": work.now, "what": what, "who": who[0], "who_en": who[1], "detail": detail})
    )  # fmt: skip


def steps(connection: Connection, table: Table, thing_id: str) -> list[StepTaken]:
    """What happened to a complaint or an improvement, newest first."""
    name = next(column.name for column in table.c if column.name.endswith("_id") and column.name != "row_id")
    columns = (table.c.at, table.c.what, table.c.who, table.c.who_en, table.c.detail)
    query = select(*columns).where(table.c[name] == thing_id).order_by(table.c.row_id.desc()).limit(200)
    return [StepTaken(**row) for row in connection.execute(query).mappings()]


# ---- suggestions


@dataclass(frozen=True)
class Suggestion:
    """A suggestion as it is kept."""

    id: str
    reference: str
    version: int
    state: str
    title: str
    words: str
    item: str
    author: str
    author_name: str
    author_name_en: str
    named: bool
    department: str
    organisation: str
    forum_id: str
    made_at: datetime
    reply_by: datetime
    reply: str = ""
    replied_at: datetime | None = None
    replied_by: str = ""
    replied_name: str = ""
    replied_name_en: str = ""
    changed_at: datetime | None = None


def save_suggestion(work: Work, suggestion: Suggestion) -> None:
    """The suggestion is written."""
    work.connection.execute(insert(tables.suggestion).values(suggestion.__dict__ | {"changed_at": work.now}))


def suggestion_by_reference(connection: Connection, full: str, *, lock: bool = False) -> Suggestion | None:
    """The suggestion of this full reference."""
    query = select(tables.suggestion).where(tables.suggestion.c.reference == full)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Suggestion(**row) if row is not None else None


def suggestion_by_id(connection: Connection, suggestion_id: str) -> Suggestion | None:
    """The suggestion of this id."""
    row = (
        connection.execute(select(tables.suggestion).where(tables.suggestion.c.id == suggestion_id)).mappings().first()
    )
    return Suggestion(**row) if row is not None else None


def change_suggestion(work: Work, suggestion: Suggestion, **values: Any) -> int:
    """Write some columns of a suggestion; its new version."""
    version = suggestion.version + 1
    work.connection.execute(
        update(tables.suggestion)
        .where(tables.suggestion.c.id == suggestion.id)
        .values(version=version, changed_at=work.now, **values)
    )
    return version


def list_suggestions(
    connection: Connection,
    seen: Seen,
    *,
    view: str = "all",
    everything: bool = False,
    after: After = None,
    limit: int = 50,
) -> list[Suggestion]:
    """Suggestions, newest first: ``mine``, ``waiting`` for a reply, or ``all`` of the body.

    Those without a reply yet are shown to their authors, and with ``everything`` to whoever replies.
    """
    row = tables.suggestion.c
    query = select(tables.suggestion)
    if view == "mine":
        query = query.where(row.author == seen.account)
    else:
        query = query.where(_below(row.organisation, seen.organisation), row.state != "withdrawn")
        if view == "waiting":
            query = query.where(row.state == "received")
        if not everything:
            query = query.where(or_(row.state != "received", row.author == seen.account, row.forum_id != ""))
    return [Suggestion(**each) for each in connection.execute(_page(query, tables.suggestion, row.made_at, after, limit)).mappings()]  # fmt: skip


def suggestions_of_forum(connection: Connection, forum_id: str) -> list[Suggestion]:
    """What a forum suggested, oldest first."""
    row = tables.suggestion.c
    query = select(tables.suggestion).where(row.forum_id == forum_id).order_by(row.reference).limit(200)
    return [Suggestion(**each) for each in connection.execute(query).mappings()]


# ---- forums


@dataclass(frozen=True)
class Forum:
    """The minutes of a forum (座谈会)."""

    id: str
    reference: str
    held_on: date
    topic: str
    place: str
    people: str
    minutes: str
    organisation: str
    made_by: str
    made_name: str
    made_name_en: str
    made_at: datetime


def save_forum(work: Work, forum: Forum) -> None:
    """The minutes are written."""
    work.connection.execute(insert(tables.forum).values(forum.__dict__))


def forum_by_reference(connection: Connection, full: str) -> Forum | None:
    """The forum of this full reference."""
    row = connection.execute(select(tables.forum).where(tables.forum.c.reference == full)).mappings().first()
    return Forum(**row) if row is not None else None


def forum_by_id(connection: Connection, forum_id: str) -> Forum | None:
    """The forum of this id."""
    row = connection.execute(select(tables.forum).where(tables.forum.c.id == forum_id)).mappings().first()
    return Forum(**row) if row is not None else None


def list_forums(connection: Connection, organisation: str, *, after: After = None, limit: int = 50) -> list[Forum]:
    """Forums of a body and below it, the last held first."""
    row = tables.forum.c
    query = select(tables.forum).where(_below(row.organisation, organisation))
    return [Forum(**each) for each in connection.execute(_page(query, tables.forum, row.held_on, after, limit)).mappings()]  # fmt: skip


# ---- improvements


@dataclass(frozen=True)
class Improvement:
    """Something found, its cause, what is done about it, and whether that was verified."""

    id: str
    reference: str
    version: int
    state: str
    origin: str
    origin_id: str
    origin_reference: str
    finding: str
    cause: str
    action: str
    result: str
    owner: str
    owner_name: str
    owner_name_en: str
    due_on: date
    organisation: str
    made_by: str
    made_at: datetime
    acted_by: str = ""
    changed_at: datetime | None = None

    def late(self, today: date) -> bool:
        """Whether it should be done and is not."""
        return self.state in ("found", "analysed", "acting") and today > self.due_on


def save_improvement(work: Work, improvement: Improvement) -> None:
    """The improvement is written."""
    work.connection.execute(insert(tables.improvement).values(improvement.__dict__ | {"changed_at": work.now}))


def improvement_by_reference(connection: Connection, full: str, *, lock: bool = False) -> Improvement | None:
    """The improvement of this full reference."""
    query = select(tables.improvement).where(tables.improvement.c.reference == full)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Improvement(**row) if row is not None else None


def change_improvement(work: Work, improvement: Improvement, **values: Any) -> int:
    """Write some columns of an improvement; its new version."""
    version = improvement.version + 1
    work.connection.execute(
        update(tables.improvement)
        .where(tables.improvement.c.id == improvement.id)
        .values(version=version, changed_at=work.now, **values)
    )
    return version


def improvements_of(connection: Connection, origin_ids: Sequence[str]) -> list[Improvement]:
    """What came of these complaints, suggestions or forums, oldest first."""
    row = tables.improvement.c
    query = select(tables.improvement).where(row.origin_id.in_(list(origin_ids))).order_by(row.reference).limit(200)
    return [Improvement(**each) for each in connection.execute(query).mappings()]


def list_improvements(
    connection: Connection, seen: Seen, *, view: str = "open", after: After = None, limit: int = 50
) -> list[Improvement]:
    """Improvements, newest first: ``mine`` to do, ``open``, ``all`` of the body."""
    row = tables.improvement.c
    query = select(tables.improvement)
    if view == "mine":
        query = query.where(row.owner == seen.account)
    else:
        query = query.where(_below(row.organisation, seen.organisation))
    if view == "open":
        query = query.where(row.state.in_(UNDER_WAY))
    return [Improvement(**each) for each in connection.execute(_page(query, tables.improvement, row.made_at, after, limit)).mappings()]  # fmt: skip
