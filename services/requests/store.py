"""Loading and saving. Statements of the hot path are ``Sql``; everything else is SQLAlchemy Core."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, or_, select, update

from services.requests import same, tables
from services.requests.compound import Place
from services.requests.model import OPEN_STATES, Order
from shared.bilingual import Words
from shared.clock import SITE_ZONE
from shared.database import Sql, as_moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    from sqlalchemy import Connection, RowMapping, Select

    from shared.work import Work

# ---- numbers

_TAKE = Sql(
    """INSERT INTO number (day, next) VALUES (:day, :count + 1)
       ON CONFLICT (day) DO UPDATE SET next = number.next + :count RETURNING next - :count"""
)


def take_numbers(connection: Connection, day: date, count: int) -> int:
    """The first of ``count`` running numbers of ``day`` that nobody else will be given."""
    return int(_TAKE.run(connection, day=day.isoformat(), count=count).scalar_one())


# ---- requests

_FILING = """INSERT INTO request (id, reference, version, round, state, item, item_version, level, priority, place, department,
    organisation, requester, requester_name, requester_name_en, filed_by, filed_at, starts_at, ends_at, headcount, quantity, restricted,
       summary, answers, contact, channel, urged, stars, tags, words, crew_name, crew_name_en, changed_at, asset, alone, alike)
       VALUES (:id, :reference, 1, 1, :state, :item, :item_version, :level, :priority, :place, :department,
       :organisation, :requester, :requester_name, :requester_name_en, :filed_by, :filed_at, :starts_at, :ends_at, :headcount, :quantity,
       :restricted, :summary, :answers, :contact, :channel, 0, 0, '', '', '', '', :filed_at, :asset, :alone, :alike)"""
_FILE = Sql(_FILING)
# Filed although the same may be open: it stands in the way of the next where nothing else does.
_FILE_BESIDE = Sql(
    _FILING.replace(
        ":alone", "(SELECT CAST(:alike AS TEXT) WHERE NOT EXISTS (SELECT 1 FROM request WHERE alone = :alike))"
    ),
    prepare=True,
)
_HAPPEN = Sql(
    """INSERT INTO happening (request_id, at, what, who, who_en, detail, order_id, sequence, event_id)
       VALUES (:request_id, :at, :what, :who, :who_en, :detail, :order_id, :sequence, :event_id)"""
)


def file_request(work: Work, row: Mapping[str, Any], *, beside: bool = False) -> None:
    """The request is written with this work; its reference must be free.

    ``beside``: the same may be open; where it is not, this one stands in the way of the next.
    """
    work.later(_FILE_BESIDE if beside else _FILE, **row)


def happen(
    work: Work,
    request_id: str,
    what: str,
    *,
    at: datetime | None = None,
    who: str = "",
    who_en: str = "",
    detail: str = "",
    order_id: str = "",
    sequence: int = 0,
    event_id: str = "",
) -> None:
    """One line of the request's timeline is written with this work."""
    work.later(
        _HAPPEN, request_id=request_id, at=at or work.now, what=what, who=who, who_en=who_en or who, detail=detail,
        order_id=order_id, sequence=sequence, event_id=event_id,
    )  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request as it is kept; ``answers`` by field name."""

    id: str
    reference: str
    version: int
    round: int
    state: str
    item: str
    item_version: int
    level: str
    priority: int
    place: str
    department: str
    organisation: str
    requester: str
    requester_name: str
    requester_name_en: str
    filed_by: str
    filed_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    headcount: int
    quantity: int
    restricted: bool
    summary: str
    answers: dict[str, Any]
    contact: str
    channel: str
    urged: int
    urged_at: datetime | None
    withdrawn_at: datetime | None
    closed_at: datetime | None
    stars: int
    tags: str
    words: str
    crew_name: str
    crew_name_en: str
    due_at: datetime | None
    finished_at: datetime | None
    changed_at: datetime
    asset: str
    joined: int
    alone: str | None
    escalated: str
    escalated_at: datetime | None
    answered_at: datetime | None
    alike: str | None


def read_request(row: RowMapping) -> Request:
    """A row of the table as a request."""
    found = dict(row)
    found["answers"] = json.loads(found["answers"])
    return Request(**found)


def request_by_reference(connection: Connection, reference: str, *, lock: bool = False) -> Request | None:
    """The request of this full reference; ``lock`` keeps others from changing it in this transaction."""
    return _one_request(connection, select(tables.request).where(tables.request.c.reference == reference), lock=lock)


def request_by_id(connection: Connection, request_id: str, *, lock: bool = False) -> Request | None:
    """The request of this id; ``lock`` keeps others from changing it in this transaction."""
    return _one_request(connection, select(tables.request).where(tables.request.c.id == request_id), lock=lock)


def _one_request(connection: Connection, query: Select[Any], *, lock: bool) -> Request | None:
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return read_request(row) if row is not None else None


def requests_by_id(connection: Connection, ids: Collection[str]) -> dict[str, Request]:
    """The requests of these ids, by id; nobody else changes them in this transaction. Locked in one order for all."""
    column = tables.request.c.id
    query = select(tables.request).where(column.in_(ids)).order_by(column).with_for_update()
    return {row["id"]: read_request(row) for row in connection.execute(query).mappings()}


FOLLOWED = ("state", "crew_name", "crew_name_en", "due_at", "finished_at", "changed_at")
_FOLLOW = Sql(f"UPDATE request SET {', '.join(f'{name} = :{name}' for name in FOLLOWED)} WHERE id = :id", prepare=True)


def follow(work: Work, requests: Collection[Request]) -> None:
    """How the work for ``requests`` stands is written in this work, which holds their rows.

    All of it is written before any lets go of what makes it the same: it passes on to none that ends beside it.
    """
    for each in requests:
        work.later(_FOLLOW, id=each.id, **{name: getattr(each, name) for name in FOLLOWED})
    unsettled = [each.id for each in requests if each.alone != (each.alike if each.state in OPEN_STATES else None)]
    if not unsettled:
        return
    work.flush()
    request = tables.request.c
    wanted = select(request.id, request.state, request.alike, request.alone)
    for request_id in unsettled:  # read one by one: one before it may have passed on what it held
        row: Any = work.connection.execute(wanted.where(request.id == request_id)).one()
        same.settle(work.connection, row)


def change_request(connection: Connection, request_id: str, **values: Any) -> None:
    """Write some columns of one request; where it is open it stands in the way of the very same, else no longer."""
    request = tables.request.c
    change = update(tables.request).where(request.id == request_id).values(**values)
    if not values.keys() & {"state", "alike"}:
        connection.execute(change)
        return
    for row in connection.execute(change.returning(request.id, request.state, request.alike, request.alone)):
        same.settle(connection, row)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Which requests somebody may see: own, of a department, below a body. Restricted ones only to their own people."""

    account: str
    everywhere: bool = False
    organisation: str = ""
    department: str = ""
    restricted: bool = False


def most_asked(connection: Connection, account: str, among: int = 60, most: int = 3) -> list[str]:
    """Item codes that the account asked for most in its last requests."""
    last = (
        select(tables.request.c.item)
        .where(tables.request.c.requester == account)
        .order_by(tables.request.c.filed_at.desc(), tables.request.c.id.desc())
        .limit(among)
        .subquery()
    )
    query = (
        select(last.c.item, func.count()).group_by(last.c.item).order_by(func.count().desc(), last.c.item).limit(most)
    )
    return [item for item, _ in connection.execute(query)]


def last_places(connection: Connection, account: str, among: int = 40, most: int = 3) -> list[str]:
    """Place codes of the account's last requests, newest first."""
    query = (
        select(tables.request.c.place)
        .where(tables.request.c.requester == account)
        .order_by(tables.request.c.filed_at.desc(), tables.request.c.id.desc())
        .limit(among)
    )
    return list(dict.fromkeys(code for (code,) in connection.execute(query)))[:most]


def unanswered(connection: Connection, before: datetime, limit: int = 200) -> list[str]:
    """Ids of requests finished before ``before`` whose requester has said nothing."""
    request = tables.request.c
    query = (
        select(request.id)
        .where(request.state == "to_confirm", request.finished_at < before)
        .order_by(request.finished_at)
        .limit(limit)
    )
    return [id_ for (id_,) in connection.execute(query)]


@dataclass(frozen=True)
class Happening:
    """One line of a request's timeline."""

    at: datetime
    what: str
    who: str
    who_en: str
    detail: str
    order_id: str
    sequence: int
    event_id: str


def happenings(connection: Connection, request_id: str) -> list[Happening]:
    """What happened to a request, newest first."""
    happening = tables.happening.c
    columns = (happening.at, happening.what, happening.who, happening.who_en, happening.detail, happening.order_id,
               happening.sequence, happening.event_id)  # fmt: skip
    query = select(*columns).where(happening.request_id == request_id)
    query = query.order_by(happening.at.desc(), happening.sequence.desc(), happening.row_id.desc())
    return [Happening(**row) for row in connection.execute(query).mappings()]


@dataclass(frozen=True)
class KnownOrder:
    """Our copy of a work order of dispatch."""

    order_id: str
    request_id: str
    reference: str = ""
    round: int = 0
    happening: str = ""
    sequence: int = -1
    crew: str = ""
    crew_name: str = ""
    crew_name_en: str = ""
    supplier: str = ""
    crew_sequence: int = 0
    opened_at: datetime | None = None
    response_due_at: datetime | None = None
    arrival_due_at: datetime | None = None
    finish_due_at: datetime | None = None
    responded_at: datetime | None = None
    arrived_at: datetime | None = None
    finished_at: datetime | None = None
    breached: str = ""

    def fact(self) -> Order:
        """What the rules need of it."""
        return Order(self.order_id, self.round, self.happening, self.sequence)


def orders(connection: Connection, *request_ids: str) -> dict[str, KnownOrder]:
    """The work orders of these requests by id."""
    query = select(tables.work_order).where(tables.work_order.c.request_id.in_(request_ids))
    return {row["order_id"]: KnownOrder(**row) for row in connection.execute(query).mappings()}


_ORDER = [each.name for each in fields(KnownOrder)]
_SAVE_ORDER = Sql(
    f"""INSERT INTO work_order ({", ".join(_ORDER)}) VALUES ({", ".join(f":{name}" for name in _ORDER)})
        ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _ORDER[2:])}""",
    prepare=True,
)


def save_order(work: Work, order: KnownOrder) -> None:
    """Our copy of an order is written with this work, which holds its request's row."""
    work.later(_SAVE_ORDER, **order.__dict__)


@dataclass(frozen=True)
class Usage:
    """One fact that billing recorded of the work; ``amount`` in yuan, None while unpriced."""

    fact_id: str
    request_id: str
    order_id: str
    contract: str
    meter: str
    quantity: str
    unit: str
    state: str
    amount: str
    recorded_at: datetime
    sequence: int


def usage_of(connection: Connection, request_id: str) -> list[Usage]:
    """What billing recorded of a request's work, oldest first."""
    query = select(tables.usage).where(tables.usage.c.request_id == request_id).order_by(tables.usage.c.recorded_at)
    return [Usage(**row) for row in connection.execute(query).mappings()]


_NOTE_USAGE = Sql(
    """INSERT INTO usage (fact_id, request_id, order_id, contract, meter, quantity, unit, state, amount, recorded_at, sequence)
       VALUES (:fact_id, :request_id, :order_id, :contract, :meter, :quantity, :unit, :state, :amount, :recorded_at, :sequence)
       ON CONFLICT (fact_id) DO UPDATE SET quantity = excluded.quantity, unit = excluded.unit, state = excluded.state,
       amount = excluded.amount, recorded_at = excluded.recorded_at, sequence = excluded.sequence
       WHERE excluded.sequence >= usage.sequence"""
)


def note_usage(work: Work, usage: Usage) -> None:
    """Keep a fact of billing as it stands; the latest sequence wins."""
    work.later(_NOTE_USAGE, **usage.__dict__)


# ---- places and departments


@dataclass(frozen=True)
class Department:
    """A department as it is kept."""

    code: str
    name: Words
    building: str = ""


def places(connection: Connection) -> list[Place]:
    """Every place."""
    query = select(tables.place).order_by(tables.place.c.code)
    return [
        Place(
            row["code"], row["kind"], Words(row["name"], row["name_en"]), row["building"], row["floor"], row["room"],
            row["capacity"], tuple(row["equipment"].split()), row["search"],
        )
        for row in connection.execute(query).mappings()
    ]  # fmt: skip


def department_name(connection: Connection, code: str) -> tuple[str, str]:
    """What a department is called in Chinese and English; empty where there is none."""
    D = tables.department.c  # noqa: N806
    row = connection.execute(select(D.name, D.name_en).where(D.code == code)).first() if code else None
    return (row.name, row.name_en) if row else ("", "")


def departments(connection: Connection) -> list[Department]:
    """Every department."""
    query = select(tables.department).order_by(tables.department.c.code)
    return [
        Department(row["code"], Words(row["name"], row["name_en"]), row["building"])
        for row in connection.execute(query).mappings()
    ]


# ---- accounts


@dataclass(frozen=True)
class Account:
    """Somebody who can sign in."""

    id: str
    user_name: str
    name: str
    name_en: str
    roles: tuple[str, ...]
    department: str
    organisation: str
    supplier: str
    crew: str
    office: str
    phone: str
    password: str = field(repr=False)
    epoch: int = 1
    enabled: bool = True
    until: datetime | None = None
    shown: bool = False
    changed_at: datetime | None = None

    def may_sign_in(self, now: datetime) -> bool:
        """Whether the account is enabled and its time has not run out."""
        return self.enabled and (self.until is None or now < self.until)


def _account(row: RowMapping) -> Account:
    found = dict(row)
    found["roles"] = tuple(found["roles"].split())
    return Account(**found)


def account_by_user(connection: Connection, user: str) -> Account | None:
    """The account that signs in as ``user``."""
    row = (
        connection.execute(select(tables.account).where(tables.account.c.user_name == user.lower())).mappings().first()
    )
    return _account(row) if row is not None else None


def accounts_called(connection: Connection, words: str, organisation: str) -> list[Account]:
    """The account that signs in by these words; else those of the body with this name or telephone, two at most."""
    exact = account_by_user(connection, words)
    if exact is not None:
        return [exact]
    account = tables.account.c
    named = or_(account.name == words, func.lower(account.name_en) == words.lower(), account.phone == words)
    query = select(tables.account).where(account.organisation == organisation, account.enabled, named)
    return [_account(row) for row in connection.execute(query.order_by(account.user_name).limit(2)).mappings()]


def account_by_id(connection: Connection, account_id: str, *, lock: bool = False) -> Account | None:
    """The account of this id."""
    query = select(tables.account).where(tables.account.c.id == account_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _account(row) if row is not None else None


def shown_accounts(connection: Connection) -> list[Account]:
    """The demonstration accounts that the sign-in page lists."""
    query = select(tables.account).where(tables.account.c.shown.is_(True), tables.account.c.enabled.is_(True))
    return [
        _account(row)
        for row in connection.execute(query.order_by(tables.account.c.changed_at, tables.account.c.phone)).mappings()
    ]


def list_accounts(
    connection: Connection, *, text: str = "", role: str = "", after: str = "", limit: int = 50
) -> list[Account]:
    """Accounts by user name, after this one; ``text`` is part of a name, user name or telephone."""
    account = tables.account.c
    query = select(tables.account).where(account.user_name > after).order_by(account.user_name).limit(limit)
    if text:
        query = query.where(
            or_(*(column.contains(text.lower() if column is account.user_name else text, autoescape=True)
                  for column in (account.user_name, account.name, account.name_en, account.phone)))
        )  # fmt: skip
    if role:
        query = query.where((" " + account.roles + " ").contains(f" {role} ", autoescape=True))
    return [_account(row) for row in connection.execute(query).mappings()]


_PHONE = Sql("SELECT phone FROM account WHERE id = :id")


def phone_of(connection: Connection, account_id: str) -> str:
    """The telephone of an account; empty when there is none."""
    return str(_PHONE.run(connection, id=account_id).scalar() or "")


def save_account(connection: Connection, account: Account, *, new: bool) -> None:
    """Write an account whole."""
    values = {**account.__dict__, "roles": " ".join(account.roles)}
    if new:
        connection.execute(insert(tables.account).values(values))
    else:
        connection.execute(update(tables.account).where(tables.account.c.id == account.id).values(values))


def replace_hash(connection: Connection, account: Account, password: str) -> None:
    """The account's password is stored so, unless it has changed since the account was read."""
    A = tables.account.c  # noqa: N806
    same = (A.id == account.id, A.password == account.password)
    connection.execute(update(tables.account).where(*same).values(password=password))


# ---- sessions, devices, failures, tokens


@dataclass(frozen=True)
class Session:
    """One signed-in browser."""

    id: str
    secret: str = field(repr=False)
    account_id: str
    role: str
    proof: str = field(repr=False)
    device: str
    address: str
    begun_at: datetime
    confirmed_at: datetime
    used_at: datetime
    idle_until: datetime
    ends_at: datetime

    def lives(self, now: datetime) -> bool:
        """Whether it has been used lately and is not too old."""
        return now < self.idle_until and now < self.ends_at


def save_session(connection: Connection, session: Session) -> None:
    """Write a new session."""
    connection.execute(insert(tables.session).values(**session.__dict__))


def session_by_secret(connection: Connection, secret: str, *, lock: bool = False) -> Session | None:
    """The session whose cookie has this digest."""
    query = select(tables.session).where(tables.session.c.secret == secret)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Session(**row) if row is not None else None


_ALIVE = Sql(
    """SELECT s.idle_until, s.ends_at, s.role, a.enabled, a.until, a.epoch FROM session s
       JOIN account a ON a.id = s.account_id WHERE s.id = :id"""
)


def session_state(connection: Connection, session_id: str) -> tuple[Any, ...] | None:
    """(idle until, ends, role, enabled, until, epoch) of a session by its public id; None when it has ended."""
    row = _ALIVE.run(connection, id=session_id).first()
    return tuple(row) if row is not None else None


def sessions_of(connection: Connection, account_id: str) -> list[Session]:
    """The account's sessions, last used first."""
    query = (
        select(tables.session)
        .where(tables.session.c.account_id == account_id)
        .order_by(tables.session.c.used_at.desc())
    )
    return [Session(**row) for row in connection.execute(query).mappings()]


def change_session(connection: Connection, session_id: str, **values: Any) -> None:
    """Write some columns of one session."""
    connection.execute(update(tables.session).where(tables.session.c.id == session_id).values(**values))


def delete_sessions(connection: Connection, ids: Iterable[str]) -> None:
    """The sessions are no more."""
    connection.execute(tables.session.delete().where(tables.session.c.id.in_(list(ids))))


def knows_device(connection: Connection, secret: str, account_id: str) -> bool:
    """Whether the account has been used from the device with this digest before."""
    query = select(tables.device.c.account_id).where(tables.device.c.secret == secret)
    return connection.execute(query).scalar() == account_id


def keep_device(connection: Connection, secret: str, account_id: str, now: datetime) -> None:
    """Remember that the account is used from this device."""
    connection.execute(insert(tables.device).values(secret=secret, account_id=account_id, seen_at=now))


_FAILURES = Sql(
    """INSERT INTO failure (subject, times, last_at, until) VALUES (:subject, 1, :now, :now)
       ON CONFLICT (subject) DO UPDATE SET
       times = CASE WHEN failure.until > :now THEN failure.times
                    WHEN failure.last_at < :forgotten THEN 1 ELSE failure.times + 1 END,
       last_at = CASE WHEN failure.until > :now THEN failure.last_at ELSE :now END
       RETURNING times, until"""
)


def try_once(connection: Connection, subject: str, now: datetime, forgotten: datetime) -> tuple[int, datetime]:
    """Count one try, unless the subject has to wait; (tries in a row by now, until when it must wait).

    The row stays locked until the transaction ends, so that tries at the same time are counted one after another.
    """
    row = _FAILURES.run(connection, subject=subject, now=now, forgotten=forgotten).one()
    until = as_moment(row[1])
    assert until is not None
    return int(row[0]), until


def hold(connection: Connection, subject: str, until: datetime) -> None:
    """The subject must wait until then."""
    connection.execute(update(tables.failure).where(tables.failure.c.subject == subject).values(until=until))


def prune_people(connection: Connection, now: datetime, forgotten: datetime, year_ago: datetime) -> None:
    """Ended sessions and forgotten failures are no more, nor what has not been used for a year: browsers, dead tokens."""
    connection.execute(
        tables.session.delete().where(or_(tables.session.c.ends_at <= now, tables.session.c.idle_until <= now))
    )
    connection.execute(
        tables.failure.delete().where(tables.failure.c.last_at < forgotten, tables.failure.c.until < now)
    )
    connection.execute(tables.device.delete().where(tables.device.c.seen_at < year_ago))
    connection.execute(
        tables.token.delete().where(func.coalesce(tables.token.c.revoked_at, tables.token.c.expires_at) < year_ago)
    )


def uncount(connection: Connection, subjects: Iterable[str], now: datetime) -> None:
    """Their last try was right so far: it is not counted, and what went wrong before still is."""
    failure = tables.failure
    connection.execute(
        update(failure).where(failure.c.subject.in_(list(subjects))).values(times=failure.c.times - 1, until=now)
    )


def forgive(connection: Connection, subjects: Iterable[str]) -> None:
    """Their failures are forgotten."""
    connection.execute(tables.failure.delete().where(tables.failure.c.subject.in_(list(subjects))))


@dataclass(frozen=True)
class Token:
    """An API token; its text is not kept."""

    id: str
    secret: str = field(repr=False)
    account_id: str
    name: str
    verbs: str
    services: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def lives(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and now < self.expires_at


def save_token(connection: Connection, token: Token) -> None:
    """Write a new token."""
    connection.execute(insert(tables.token).values(**token.__dict__))


def token_by_secret(connection: Connection, secret: str) -> Token | None:
    """The token whose text has this digest."""
    row = connection.execute(select(tables.token).where(tables.token.c.secret == secret)).mappings().first()
    return Token(**row) if row is not None else None


def tokens_of(connection: Connection, account_id: str) -> list[Token]:
    """The account's tokens, newest first."""
    query = select(tables.token).where(tables.token.c.account_id == account_id).order_by(tables.token.c.made_at.desc())
    return [Token(**row) for row in connection.execute(query).mappings()]


def change_token(connection: Connection, token_id: str, **values: Any) -> None:
    """Write some columns of one token."""
    connection.execute(update(tables.token).where(tables.token.c.id == token_id).values(**values))


# ---- how the service runs


def figures(connection: Connection, now: datetime, day: date) -> dict[str, int]:
    """Counts for the administrator: filed today, open, to confirm, people signed in, events unsent, waiting, parked."""
    request, outbox, waiting = tables.request.c, tables.metadata.tables["outbox"].c, tables.metadata.tables["waiting"].c
    begin = datetime.combine(day, time.min, SITE_ZONE)

    def count(query: Select[Any]) -> int:
        return int(connection.execute(query).scalar_one())

    return {
        "filed_today": count(select(func.count()).where(request.filed_at >= begin)),
        "open": count(select(func.count()).where(request.state.in_(OPEN_STATES))),
        "to_confirm": count(select(func.count()).where(request.state == "to_confirm")),
        "signed_in": count(
            select(func.count()).where(tables.session.c.idle_until > now, tables.session.c.ends_at > now)
        ),
        "accounts": count(select(func.count()).where(tables.account.c.enabled.is_(True))),
        "unsent": count(select(func.count()).where(outbox.sourcenumber.is_(None))),
        "waiting": count(select(func.count()).where(waiting.state == "waiting")),
        "parked": count(select(func.count()).where(waiting.state.in_(("parked", "dead")))),
    }
