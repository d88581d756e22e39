"""People and their employers: who belongs where and from when, what the workforce is like, what each person's work amounts to.

A move is written down ahead and holds from its instant on, exactly: what a person may see is asked of ``standing`` at each
request. Crews' members and sizes, which only assignment reads, follow within seconds (``settle_moves``).
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, or_, select, update

from services.dispatch import store, tables, work_tables
from services.dispatch.store import T, forget_roster, order_of
from shared.clock import SITE_ZONE
from shared.contracts import dispatch
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from services.dispatch.roster import Demonstration, Roster
    from shared.web.principal import Principal
    from shared.work import Work

EDUCATIONS = ("primary", "junior", "senior", "college", "university")
POSTS = ("leader", "worker")
REASONS = ("contracted_out", "need", "wish", "grade")  # of a move
LEAVINGS = ("resigned", "retired", "dismissed", "term_over")
BANDS = (30, 40, 50, 60)  # years of age, upper bounds; then what is above
TERMS = (1, 3, 5, 7, 10)  # years of service, likewise
AHEAD = timedelta(days=366)  # a move may be written down
MOST_AT_ONCE = 200
HOURS_A_MONTH = Decimal(174)  # 21.75 days of 8 hours: 劳社部发〔2008〕3号
CENT = Decimal("0.01")
INSTANT = timedelta(microseconds=1)
P, E, D = work_tables.person.c, work_tables.employment.c, work_tables.order_person.c
M = tables.member.c
_NAMES = uuid.UUID("9c0d6c1e-2026-5468-8034-000000000000")


class Pending(Conflict):
    """The person has a move that has not begun."""

    key = "workforce.field.pending"


def first_id(crew: str, number: int) -> str:
    """The id of a person who was known only as a member of a crew."""
    return str(uuid.uuid5(_NAMES, f"{crew}/{number}"))


# ---- who belongs where


def standing(connection: Connection, account: str, at: datetime) -> tuple[str, str] | None:
    """(crew, employer) of an account's person at an instant; None for an account of no person here."""
    query = (
        select(E.crew, E.employer)
        .join(work_tables.person, P.person_id == E.person_id)
        .where(P.account == account, E.since_at <= at, or_(E.until_at.is_(None), E.until_at > at))
    )
    row = connection.execute(query).first()
    if row is not None:
        return row.crew, row.employer
    known = select(P.person_id).where(P.account == account)
    return ("", "") if connection.execute(known).first() is not None else None


def as_now(connection: Connection, person: Principal, at: datetime) -> Principal:
    """The person with the crew and employer that hold at ``at``, whatever the pass said when it was signed."""
    if "crew" not in person.roles:
        return person
    found = standing(connection, person.account, at)
    if found is None or found == (person.crew, person.supplier):
        return person
    supplier = person.supplier if "supplier" in person.roles else found[1]
    return replace(person, crew=found[0], supplier=supplier)


def hire(
    work: Work, *, name: str, crew: str, post: str, grade: str, who: str, born_on: date | None = None, education: str = "",
    joined_on: date | None = None, account: str = "",
) -> str:  # fmt: skip
    """The person belongs to the crew from now on; the person's id.

    Raises:
        Invalid: no such crew, dates that cannot be, or an account that is another person's.
    """
    roster = store.read_roster(work.connection)
    wrong: dict[str, list[str]] = {}
    today = work.now.astimezone(SITE_ZONE).date()
    if crew not in roster.teams:
        wrong["crew"] = ["dispatch.field.crew"]
    if born_on and not today.year - 100 <= born_on.year <= today.year - 16:
        wrong["born_on"] = ["workforce.field.born"]
    if joined_on and joined_on > today:
        wrong["joined_on"] = ["dispatch.field.future"]
    if account and work.connection.execute(select(P.person_id).where(P.account == account)).first():
        wrong["account"] = ["workforce.field.account"]
    if wrong:
        raise Invalid(fields=wrong)
    ident = work.new_id()
    work.connection.execute(insert(work_tables.person).values(
        person_id=ident, name=name, born_on=born_on, education=education, joined_on=joined_on or today, account=account))  # fmt: skip
    _belong(work, ident, 1, roster.teams[crew].supplier, crew, post, grade, work.now, "hired", who)
    settle_moves(work)
    return ident


def _belong(
    work: Work, ident: str, sequence: int, employer: str, crew: str, post: str, grade: str, since: datetime, reason: str,
    who: str,
) -> None:  # fmt: skip
    work.connection.execute(insert(work_tables.employment).values(
        person_id=ident, sequence=sequence, employer=employer, crew=crew, post=post, grade=grade, since_at=since,
        until_at=None, reason=reason, noted_by=who, applied=0))  # fmt: skip


def move(
    work: Work, people: Sequence[str], crew: str, at: datetime, who: str, reason: str, *, post: str = "", grade: str = "",
) -> None:  # fmt: skip
    """From ``at`` on these people belong to the crew and its employer; what they did before stays with the old one.

    Raises:
        Invalid: no such crew or person, an instant that has passed or is more than a year away, nothing that changes.
        Pending: one of them has a move that has not begun.
    """
    team = store.read_roster(work.connection).teams.get(crew)
    if team is None:
        raise Invalid(fields={"crew": ["dispatch.field.crew"]})
    _shift(work, people, at, who, reason, employer=team.supplier, crew=crew, post=post, grade=grade)


def leave(work: Work, people: Sequence[str], at: datetime, who: str, reason: str) -> None:
    """From ``at`` on these people belong to no crew here.

    Raises:
        As ``move``.
    """
    _shift(work, people, at, who, reason, employer=None, crew="", post="", grade="")


def _shift(
    work: Work, people: Sequence[str], at: datetime, who: str, reason: str, *, employer: str | None, crew: str, post: str,
    grade: str,
) -> None:  # fmt: skip
    if not people or len(people) > MOST_AT_ONCE:
        raise Invalid(fields={"people": ["workforce.field.people"]})
    if at < work.now - timedelta(minutes=1):
        raise Invalid(fields={"at": ["workforce.field.past"]})
    if at > work.now + AHEAD:
        raise Invalid(fields={"at": ["workforce.field.far"]})
    at = max(at, work.now)
    # Locked in order of id, so that two moves of the same people wait for each other and never for ever.
    locked = select(P.person_id).where(P.person_id.in_(people)).order_by(P.person_id).with_for_update()
    known = [row.person_id for row in work.connection.execute(locked)]
    if len(known) != len(set(people)):
        raise Invalid(fields={"people": ["workforce.field.people"]})
    last = {row.person_id: row for row in work.connection.execute(
        select(work_tables.employment).where(E.person_id.in_(known)).order_by(E.sequence))}  # fmt: skip
    for ident in known:
        row = last[ident]
        if row.since_at > work.now:
            raise Pending
        if row.until_at is not None or not row.crew:
            raise Invalid(fields={"people": ["workforce.field.left"]})
        if crew and (crew, post or row.post, grade or row.grade) == (row.crew, row.post, row.grade):
            raise Invalid(fields={"crew": ["workforce.field.same"]})
        change = update(work_tables.employment).where(E.person_id == ident, E.sequence == row.sequence)
        work.connection.execute(change.values(until_at=at))
        new = row.employer if employer is None else employer
        _belong(work, ident, row.sequence + 1, new, crew, post or row.post, grade or row.grade, at, reason, who)
        work.say(dispatch.PersonMoved(
            person_id=ident, from_crew=row.crew, to_crew=crew, from_employer=row.employer, to_employer=new if crew else "",
            at=at, reason=reason), sequence=row.sequence + 1)  # fmt: skip
    settle_moves(work)


def undo_move(work: Work, person_id: str) -> None:
    """A move that has not begun is taken back; the person stays.

    Raises:
        Absent: there is no such person, or nothing waits.
    """
    query = select(work_tables.employment).where(E.person_id == person_id).order_by(E.sequence.desc()).with_for_update()
    rows = list(work.connection.execute(query))
    if not rows or rows[0].since_at <= work.now or len(rows) < 2:
        raise Absent
    where = and_(E.person_id == person_id, E.sequence == rows[0].sequence)
    work.connection.execute(work_tables.employment.delete().where(where))
    before = and_(E.person_id == person_id, E.sequence == rows[1].sequence)
    work.connection.execute(update(work_tables.employment).where(before).values(until_at=None))
    work.say(dispatch.PersonMoved(
        person_id=person_id, from_crew=rows[0].crew, to_crew=rows[1].crew, from_employer=rows[0].employer,
        to_employer=rows[1].employer, at=work.now, reason="taken_back"), sequence=rows[0].sequence + 1)  # fmt: skip


def settle_moves(work: Work, limit: int = 200) -> int:
    """Crews' members and sizes are as the moves that have begun say; how many were looked at."""
    query = (
        select(work_tables.employment, P.name)
        .join(work_tables.person, P.person_id == E.person_id)
        .where(E.applied == 0, E.since_at <= work.now)
        .order_by(E.since_at, E.person_id, E.sequence)
        .limit(limit)
    )
    rows = list(work.connection.execute(query.with_for_update(skip_locked=True, of=work_tables.employment)))
    crews: set[str] = set()
    for row in rows:
        held = work.connection.execute(select(tables.member).where(M.person == row.person_id)).first()
        if held is not None and held.crew == row.crew:
            work.connection.execute(update(tables.member).where(M.person == row.person_id).values(post=row.post))
        else:
            crews |= _seat(work, row, held)
        change = update(work_tables.employment).where(E.person_id == row.person_id, E.sequence == row.sequence)
        work.connection.execute(change.values(applied=1))
    for crew in sorted(crews - {""}):
        count = work.connection.execute(select(func.count()).where(M.crew == crew)).scalar_one()
        size = update(tables.crew).where(tables.crew.c.code == crew)
        active = 1 - tables.crew.c.retired if count else 0
        work.connection.execute(size.values(size=max(1, count), active=active))
    if crews:
        forget_roster()
    return len(rows)


def _seat(work: Work, row: Row[Any], held: Row[Any] | None) -> set[str]:
    """The person is a member of the crew and of no other; certificates and days away go along."""
    changed = {row.crew}
    if held is not None:
        changed.add(held.crew)
        work.connection.execute(tables.member.delete().where(M.crew == held.crew, M.number == held.number))
    number = 0
    if row.crew:
        top = work.connection.execute(select(func.max(M.number)).where(M.crew == row.crew)).scalar_one()
        number = (top or 0) + 1
        work.connection.execute(insert(tables.member).values(
            crew=row.crew, number=number, name=row.name, post=row.post, person=row.person_id))  # fmt: skip
    if held is not None:
        for table in (tables.certificate, tables.leave):
            where = and_(table.c.crew == held.crew, table.c.number == held.number)
            if row.crew:
                work.connection.execute(update(table).where(where).values(crew=row.crew, number=number))
            else:
                work.connection.execute(table.delete().where(where))
    return changed


# ---- reading


@dataclass(frozen=True)
class Someone:
    """A person as they stand at one instant; ``waiting`` is the move that has not begun."""

    person_id: str
    name: str
    employer: str
    crew: str
    post: str
    grade: str
    since_at: datetime
    born_on: date | None
    education: str
    joined_on: date | None
    account: str
    waiting: tuple[str, datetime] | None = None

    def age(self, on: date) -> int | None:
        """Whole years."""
        return None if self.born_on is None else years(self.born_on, on)

    def service(self, on: date) -> int | None:
        """Whole years since first coming here."""
        return None if self.joined_on is None else years(self.joined_on, on)


def years(since: date, on: date) -> int:
    """Whole years between two days."""
    return on.year - since.year - ((on.month, on.day) < (since.month, since.day))


def people_at(
    connection: Connection, at: datetime, *, supplier: str | None = None, crew: str = "", post: str = "", grade: str = "",
    ids: Iterable[str] | None = None,
) -> list[Someone]:  # fmt: skip
    """Who works here at an instant, by crew; ``supplier`` "" is the bureau itself, None everybody."""
    query = (
        select(work_tables.person, E.employer, E.crew, E.post, E.grade, E.since_at)
        .join(work_tables.employment, P.person_id == E.person_id)
        .where(E.since_at <= at, or_(E.until_at.is_(None), E.until_at > at), E.crew != "")
        .order_by(E.employer, E.crew, E.post, P.name, P.person_id)
    )
    for column, value in ((E.crew, crew), (E.post, post), (E.grade, grade)):
        if value:
            query = query.where(column == value)
    if supplier is not None:
        query = query.where(E.employer == supplier)
    if ids is not None:
        query = query.where(P.person_id.in_(list(ids)))
    rows = list(connection.execute(query.limit(5000)))
    ahead = {row.person_id: (row.crew, row.since_at) for row in connection.execute(
        select(E.person_id, E.crew, E.since_at).where(E.since_at > at, E.applied == 0))}  # fmt: skip
    return [
        Someone(
            row.person_id, row.name, row.employer, row.crew, row.post, row.grade, row.since_at, row.born_on, row.education,
            row.joined_on, row.account, ahead.get(row.person_id),
        )
        for row in rows
    ]  # fmt: skip


def history(connection: Connection, person_id: str) -> tuple[Row[Any], list[Row[Any]]]:
    """A person, and where they belonged, oldest first.

    Raises:
        Absent: there is none.
    """
    row = connection.execute(select(work_tables.person).where(P.person_id == person_id)).first()
    if row is None:
        raise Absent
    rows = connection.execute(select(work_tables.employment).where(E.person_id == person_id).order_by(E.sequence))
    return row, list(rows)


# ---- what the workforce is like


@dataclass(frozen=True)
class Structure:
    """The workforce on a day: (group, count) by age, education, service and employer, and how it came and went."""

    count: int
    ages: list[tuple[str, int]]
    educations: list[tuple[str, int]]
    services: list[tuple[str, int]]
    employers: list[tuple[str, int]]
    grades: list[tuple[str, int]]
    months: list[tuple[str, int, int]]  # month, came, went
    average: Decimal  # people over the twelve months
    went: int
    turnover: Decimal  # per cent


def structure(connection: Connection, now: datetime, supplier: str | None = None) -> Structure:
    """What the workforce is like now, and its turnover over twelve months: those who left an employer by its average number."""
    today = now.astimezone(SITE_ZONE).date()
    people = people_at(connection, now, supplier=supplier)
    firsts = _months(today, 13)
    began = datetime(firsts[0].year, firsts[0].month, 1, tzinfo=SITE_ZONE)
    query = (
        select(work_tables.employment)
        .where(or_(E.until_at.is_(None), E.until_at >= began))
        .order_by(E.person_id, E.sequence)
    )
    spans = [row for row in connection.execute(query) if row.crew and (supplier is None or row.employer == supplier)]
    came, went = Counter[str](), Counter[str]()
    before: dict[str, Any] = {}
    for row in connection.execute(
        select(E.person_id, E.sequence, E.employer, E.crew, E.since_at, E.reason).order_by(E.person_id, E.sequence)
    ):
        last = before.get(row.person_id)
        left = bool(last and last.crew and (not row.crew or row.employer != last.employer))
        joined = row.crew and (last is None or row.employer != last.employer)
        month = f"{row.since_at.astimezone(SITE_ZONE):%Y-%m}"
        if began <= row.since_at <= now:
            if left and last is not None and (supplier is None or last.employer == supplier):
                went[month] += 1
            if joined and row.reason != "known" and (supplier is None or row.employer == supplier):
                came[month] += 1
        before[row.person_id] = row
    heads = []
    for first in firsts[1:]:
        at = min(datetime(first.year, first.month, 1, tzinfo=SITE_ZONE) + timedelta(days=27), now)
        heads.append(len({r.person_id for r in spans if r.since_at <= at and (r.until_at is None or r.until_at > at)}))
    heads = [each for each in heads if each] or [len(people)]
    average = (Decimal(sum(heads)) / len(heads)).quantize(CENT, ROUND_HALF_UP)
    gone = sum(went.values())
    return Structure(
        count=len(people),
        ages=_banded((each.age(today) for each in people), BANDS),
        educations=[(name, n) for name in (*EDUCATIONS, "") if (n := sum(each.education == name for each in people))],
        services=_banded((each.service(today) for each in people), TERMS),
        employers=sorted(Counter(each.employer for each in people).items(), key=lambda pair: (-pair[1], pair[0])),
        grades=sorted(Counter(each.grade for each in people).items(), key=lambda pair: Decimal(pair[0] or 0)),
        months=[(f"{each:%Y-%m}", came[f"{each:%Y-%m}"], went[f"{each:%Y-%m}"]) for each in firsts[1:]],
        average=average, went=gone,
        turnover=(Decimal(100 * gone) / average).quantize(Decimal("0.1"), ROUND_HALF_UP) if average else Decimal(0),
    )  # fmt: skip


def _months(today: date, count: int) -> list[date]:
    found = []
    year, month = today.year, today.month
    for _ in range(count):
        found.append(date(year, month, 1))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found[::-1]


def _banded(values: Iterable[int | None], bounds: Sequence[int]) -> list[tuple[str, int]]:
    """How many lie below each bound: ``-30``, ``30-39``, ..., ``60-``; "" is not known."""
    names = [
        f"-{bounds[0]}",
        *(f"{low}-{high - 1}" for low, high in zip(bounds, bounds[1:], strict=False)),
        f"{bounds[-1]}-",
    ]
    found = Counter[str]()
    for value in values:
        found["" if value is None else names[sum(value >= bound for bound in bounds)]] += 1
    return [(name, found[name]) for name in (*names, "") if found[name]]


# ---- work measured


@dataclass
class Measured:
    """What one person did in a period. An order that several did counts in equal shares."""

    person: Someone
    orders: Decimal = Decimal(0)
    hours: Decimal = Decimal(0)
    promised: Decimal = Decimal(0)  # orders with a promise to keep
    kept: Decimal = Decimal(0)  # of those, with every promise kept
    redone: Decimal = Decimal(0)  # of the orders, found wanting or reopened
    rated: Decimal = Decimal(0)
    stars: Decimal = Decimal(0)  # sum over the rated
    points: int = 0  # 0 to 100; see ``score``
    proposed: Decimal | None = None  # yuan for the month

    @property
    def on_time(self) -> Decimal | None:
        """Per cent of the promised; None where nothing was."""
        return _percent(self.kept, self.promised)

    @property
    def average_stars(self) -> Decimal | None:
        return (self.stars / self.rated).quantize(Decimal("0.1"), ROUND_HALF_UP) if self.rated else None


def _percent(part: Decimal, whole: Decimal) -> Decimal | None:
    return (100 * part / whole).quantize(Decimal("0.1"), ROUND_HALF_UP) if whole else None


def measure(
    connection: Connection, since: datetime, until: datetime, now: datetime, *, supplier: str | None = None, share: int = 20,
) -> list[Measured]:  # fmt: skip
    """What each person's finished work of a month amounts to, best score first; a supplier's part is what it held itself.

    ``share``: per cent of the wage that follows the score against the average of the same post. The sum proposed for all
    equals the sum of their wages up to rounding: what one gets more, others get less. It is a proposal for a person to decide.
    """
    team = people_at(connection, min(now, until - INSTANT), supplier=supplier)
    found = {each.person_id: Measured(each) for each in team}
    done = select(T).where(T.c.finished_at >= since, T.c.finished_at < until).order_by(T.c.finished_at).limit(20000)
    if supplier is not None:
        done = done.where(T.c.supplier == supplier)
    orders = [order_of(row) for row in connection.execute(done)]
    named: dict[str, list[str]] = {}
    for doer in connection.execute(
        select(D.order_id, D.person_id).join(T, T.c.order_id == D.order_id)
        .where(T.c.finished_at >= since, T.c.finished_at < until)
    ):  # fmt: skip
        named.setdefault(doer.order_id, []).append(doer.person_id)
    spans: dict[str, list[Any]] = {}
    for row in connection.execute(
        select(E.person_id, E.crew, E.since_at, E.until_at).where(E.since_at < until, E.crew != "")
    ):
        spans.setdefault(row.crew, []).append(row)
    wanting = {row.parent for row in connection.execute(
        select(T.c.parent).where(T.c.origin == "redo", T.c.opened_at >= since))}  # fmt: skip
    again = {(row.request_id, row.round - 1) for row in connection.execute(
        select(T.c.request_id, T.c.round).where(T.c.round > 1, T.c.opened_at >= since))}  # fmt: skip
    for order in orders:
        at = order.finished_at
        assert at is not None
        doers = named.get(order.order_id) or [
            row.person_id
            for row in spans.get(order.crew, ())
            if row.since_at <= at and (row.until_at is None or row.until_at > at)
        ]
        part = Decimal(1) / len(doers) if doers else Decimal(0)
        worked = Decimal(0)
        if order.started_at:
            worked = Decimal(max(0, round((at - order.started_at).total_seconds()))) / 3600
        judged = [order.judged(kind) for kind in ("response", "arrival", "finish") if order.due()[kind]]
        bad = order.order_id in wanting or (order.request_id, order.round) in again
        for ident in doers:
            if (line := found.get(ident)) is None:
                continue
            line.orders += part
            line.hours += worked if order.order_id in named else worked * part
            line.promised += part if judged else 0
            line.kept += part if judged and all(each is not False for each in judged) else 0
            line.redone += part if bad else 0
            if order.stars:
                line.rated += part
                line.stars += part * order.stars
    for line in found.values():
        line.points = score(line)
    _propose(list(found.values()), share)
    return sorted(found.values(), key=lambda line: (-line.points if line.orders else 1, -line.orders, line.person.name))


def score(line: Measured) -> int:
    """0 to 100: three fifths kept promises, a quarter what requesters said, the rest work that need not be done again.

    What is not known weighs nothing: nobody loses by being rated by no one. 0 where nothing was finished.
    """
    if not line.orders:
        return 0
    parts = [(Decimal(15), 100 * (1 - line.redone / line.orders))]
    if line.promised:
        parts.append((Decimal(60), 100 * line.kept / line.promised))
    if line.rated:
        parts.append((Decimal(25), 20 * line.stars / line.rated))
    weight = sum((each for each, _ in parts), Decimal(0))
    return int((sum((each * value for each, value in parts), Decimal(0)) / weight).quantize(Decimal(1), ROUND_HALF_UP))


def _propose(lines: list[Measured], share: int) -> None:
    """The variable part of all wages of a post is divided by score; who has no measured work keeps the wage."""
    by_post: dict[tuple[str, str], list[Measured]] = {}
    for line in lines:
        if line.person.grade and line.orders:
            by_post.setdefault((line.person.employer, line.person.post), []).append(line)
        elif line.person.grade:
            line.proposed = Decimal(line.person.grade).quantize(CENT)
    for group in by_post.values():
        pot = sum(Decimal(each.person.grade) * share / 100 for each in group)
        weight = sum(Decimal(each.person.grade) * each.points for each in group)
        for each in group:
            wage = Decimal(each.person.grade)
            part = pot * wage * each.points / weight if weight else wage * share / 100
            each.proposed = (wage * (100 - share) / 100 + part).quantize(CENT, ROUND_HALF_UP)


# ---- make or buy


@dataclass
class Side:
    """One way of having an item done: by the bureau's own crews, or by one supplier."""

    supplier: str  # empty = the bureau's own
    contract: str
    orders: int = 0
    hours: Decimal = Decimal(0)
    promised: int = 0
    kept: int = 0
    redone: int = 0
    hourly: Decimal | None = None  # yuan

    @property
    def each(self) -> Decimal | None:
        """Yuan an order."""
        if self.hourly is None or not self.orders:
            return None
        return (self.hourly * self.hours / self.orders).quantize(CENT, ROUND_HALF_UP)

    @property
    def on_time(self) -> Decimal | None:
        return _percent(Decimal(self.kept), Decimal(self.promised))


def make_or_buy(
    connection: Connection, roster: Roster, since: datetime, until: datetime, now: datetime, overhead: int
) -> dict[str, list[Side]]:
    """By item: what its orders of a period took and cost in each way it may be done, own crews first.

    An own hour costs the crew's mean wage over 174 hours a month with ``overhead`` per cent on it; a bought hour what the
    supplier's crews are estimated at. What a contract really costs is billing's to say.
    """
    at = min(now, until - INSTANT)
    today = at.astimezone(SITE_ZONE).date()
    found: dict[str, dict[str, Side]] = {}
    for cover in roster.covers:
        if cover.starts_on <= today < cover.ends_on:
            for item in cover.items:
                found.setdefault(item, {})[cover.supplier] = Side(cover.supplier, cover.contract)
    wages: dict[str, list[Decimal]] = {}
    for each in people_at(connection, at):
        if each.grade:
            wages.setdefault(each.crew, []).append(Decimal(each.grade))
    cost: dict[tuple[str, str], Decimal] = {}
    again = {
        row.parent for row in connection.execute(select(T.c.parent).where(T.c.origin == "redo", T.c.opened_at >= since))
    }
    for row in connection.execute(
        select(T).where(T.c.finished_at >= since, T.c.finished_at < until).order_by(T.c.finished_at).limit(20000)
    ):
        order = order_of(row)
        side = found.setdefault(order.item, {}).setdefault(order.supplier, Side(order.supplier, order.contract))
        assert order.finished_at is not None
        begun = order.started_at or order.finished_at
        hours = Decimal(max(0, round((order.finished_at - begun).total_seconds()))) / 3600
        judged = [order.judged(kind) for kind in ("response", "arrival", "finish") if order.due()[kind]]
        side.orders += 1
        side.hours += hours
        side.promised += bool(judged)
        side.kept += bool(judged) and all(each is not False for each in judged)
        side.redone += order.order_id in again
        rate = _hourly(roster, order.crew, wages, overhead)
        if rate is not None:
            key = (order.item, order.supplier)
            cost[key] = cost.get(key, Decimal(0)) + rate * hours
    for item, sides in found.items():
        for supplier, side in sides.items():
            total = cost.get((item, supplier))
            if total is not None and side.hours:
                side.hourly = (total / side.hours).quantize(CENT, ROUND_HALF_UP)
            side.hours = side.hours.quantize(CENT, ROUND_HALF_UP)
    return {
        item: sorted(sides.values(), key=lambda side: (side.supplier != "", side.supplier))
        for item, sides in sorted(found.items())
    }


def _hourly(roster: Roster, crew: str, wages: Mapping[str, list[Decimal]], overhead: int) -> Decimal | None:
    team = roster.teams.get(crew)
    if team is None:
        return None
    if team.supplier:
        return Decimal(team.hourly) if team.hourly else None
    paid = wages.get(crew)
    return sum(paid, Decimal(0)) / len(paid) / HOURS_A_MONTH * (100 + overhead) / 100 if paid else None


# ---- who of the crew does an order


def name_people(work: Work, order_id: str, crew: str, people: Sequence[str], who: str) -> None:
    """These people of the crew that holds the order do it; none named means the whole crew.

    Raises:
        Invalid: somebody is not of the crew.
    """
    there = {each.person_id for each in people_at(work.connection, work.now, crew=crew)} if crew else set()
    if not set(people) <= there:
        raise Invalid(fields={"people": ["workforce.field.of_crew"]})
    work.connection.execute(work_tables.order_person.delete().where(D.order_id == order_id))
    if people:
        rows = [
            {"order_id": order_id, "person_id": each, "at": work.now, "named_by": who} for each in dict.fromkeys(people)
        ]
        work.connection.execute(insert(work_tables.order_person), rows)


def named_on(connection: Connection, order_id: str) -> list[tuple[str, str]]:
    """(person, name) of those named on an order."""
    query = (
        select(P.person_id, P.name)
        .join(work_tables.order_person, D.person_id == P.person_id)
        .where(D.order_id == order_id)
    )
    return [(row.person_id, row.name) for row in connection.execute(query.order_by(P.name))]


# ---- the demonstration


def demonstrate(work: Work, given: Demonstration) -> None:
    """The demonstration's people: 80 of them, wages of 700 to 1,000 yuan by post, many there since the handover of 1999."""
    chance = random.Random(1999)
    teams = {team.code: team for team in given.teams}
    people, spans = [], []
    for each in given.members:
        ident, team = first_id(each.crew, each.number), teams[each.crew]
        joined = date(chance.choice((1999, 1999, 2004, 2012, 2017, 2019, 2021, 2023, 2025)), chance.randint(1, 12), 1)
        born = date(max(1966, joined.year - chance.randint(19, 38)), chance.randint(1, 12), chance.randint(1, 28))
        grade = 1000 if each.post == "leader" else chance.choice((700, 750, 800, 850, 900))
        people.append({
            "person_id": ident, "name": each.name, "born_on": born, "joined_on": joined,
            "education": chance.choice(("primary", "junior", "junior", "senior", "senior", "college")),
            "account": team.account if each.number == 1 else "",
        })  # fmt: skip
        spans.append({
            "person_id": ident, "sequence": 1, "employer": team.supplier, "crew": each.crew, "post": each.post,
            "grade": str(grade), "since_at": datetime(joined.year, joined.month, 1, tzinfo=SITE_ZONE), "until_at": None,
            "reason": "known", "noted_by": "", "applied": 1,
        })  # fmt: skip
        work.connection.execute(
            update(tables.member).where(M.crew == each.crew, M.number == each.number).values(person=ident)
        )
    work.connection.execute(insert(work_tables.person), people)
    work.connection.execute(insert(work_tables.employment), spans)
