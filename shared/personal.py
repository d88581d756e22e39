"""Which columns hold personal data, as data: why, on what ground, how sensitive, and for how long.

``services/<name>/personal.py`` declares a service's columns and :data:`FLOOR` those of every service. The reference page,
what a person is given of the data about him, what is erased when he asks for it, and what is emptied when its term is over
are all read from these declarations; a test holds them to the schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, Table, and_, delete, literal_column, or_, select, tuple_, update

from shared.bilingual import Words
from shared.database import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import ColumnElement, Connection, MetaData

    from shared.service import Running, Service
    from shared.settings import Settings
    from shared.work import Work

BATCH = 500
_NOTHING: ColumnElement[str] = literal_column("''")
ERASING = ("erase", "object")  # cases that, when they are granted, erase something in every service
MOST_GIVEN = 10_000  # rows of one table in a copy


# Grounds: 个人信息保护法 art. 13(1); the office's own counsel decides which of them holds.
DUTY = Words("履行法定职责（第13条第1款第3项、第34条）", "statutory duty of an organ (art. 13(1)(3), 34)")
STAFF = Words("人力资源管理（第13条第1款第2项）", "management of staff (art. 13(1)(2))")
CONTRACT = Words("订立、履行合同（第13条第1款第2项）", "concluding and performing a contract (art. 13(1)(2))")
CONSENT = Words("本人同意（第13条第1款第1项）", "consent (art. 13(1)(1))")
EMERGENCY = Words("紧急情况下保护生命健康和财产（第13条第1款第4项）", "protecting life and property in an emergency (art. 13(1)(4))")  # fmt: skip

CLASSES = {False: Words("一般", "ordinary"), True: Words("敏感", "sensitive")}
ON_REQUEST = {
    "": Words("保留", "stays"),
    "empty": Words("清空", "emptied"),
    "delete": Words("删除", "deleted"),
}


@dataclass(frozen=True)
class Term:
    """How long something is kept.

    Attributes:
        timer: name of the timer of the service that erases it; empty: nothing erases it by itself.
        setting: whose days it counts, where it is set.
    """

    words: Words
    timer: str = ""
    setting: str = ""


RECORD = Term(Words("随业务记录保存，系统不自行删除", "with its record; nothing erases it by itself"))
ACCOUNTS = Term(
    Words("会计档案保管期限（凭证、账簿30年），系统不自行删除", "as accounting records (30 years); nothing erases it by itself")
)  # fmt: skip
OWN_HAND = Term(Words("直至本人或管理员撤销", "until the person or an administrator takes it back"))
CONTACT = Term(
    Words("事项办结后届满即清空", "emptied when so long has passed since the matter ended"),
    timer="hour_personal",
    setting="HOUQIN_CONTACT_DAYS",
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Personal columns that are kept for one purpose.

    Attributes:
        columns: by table, the names of its columns, separated by blanks.
        whose: columns, by blanks, that hold the account of the person the row is about, or, as ``key=table.key.account``, the
            key of a row of ``table`` that does. Empty: rows cannot be found by the account.
        secret: nothing of it is given to anybody: it is what somebody proves with that he is himself.
        on_request: what happens when the person wants it erased: ``delete`` the row, ``empty`` the columns, nothing.
        ended: when the matter of a row ended; null while it has not. What is on request or by its term emptied or deleted is
            that of rows for which it is not null.
        stamp: column that is given the time when a row is emptied.
        opened: puts the values of a row as they are stored into a person's words.
    """

    columns: Mapping[str, str]
    purpose: Words
    ground: Words = DUTY
    term: Term = RECORD
    sensitive: bool = False
    whose: str = ""
    secret: bool = False
    on_request: str = ""
    ended: ColumnElement[Any] | None = None
    stamp: str = ""
    opened: Callable[[Settings, dict[str, Any]], dict[str, Any]] | None = None


FLOOR = (
    Kept(
        columns={"idempotency": "account route key digest headers body"},
        purpose=Words("同一请求重复提交时给出同一答复", "giving the same answer when the same is sent again"),
        term=Term(Words("2天", "2 days"), timer="hour_forget_web"),
    ),
    Kept(
        columns={"revoked": "subject"},
        purpose=Words("令失效的登录立即不可用", "ending sessions and accounts at once everywhere"),
        term=Term(Words("失效凭证到期后", "when what it revokes has expired"), timer="hour_forget_web"),
    ),
    Kept(
        columns={"live_row": "channel data"},
        purpose=Words("更新打开着的页面", "bringing open pages up to date"),
        term=Term(Words("10分钟，逢清理时删除", "10 minutes, when next swept"), timer="hour_forget_web"),
    ),
    Kept(
        columns={"outbox": "sealed"},
        purpose=Words("向其他服务补发事件", "sending events again to services that missed them"),
        term=Term(
            Words("发出后届满即删除", "deleted when so long has passed since it was sent"),
            timer="hour_outbox",
            setting="HOUQIN_OUTBOX_DAYS",
        ),
        sensitive=True,
    ),
    Kept(
        columns={"waiting": "body error"},
        purpose=Words("处理未能送达的事件", "dealing with events that could not be handled"),
        term=Term(Words("重试成功或由管理员处理后", "until it was handled, or an administrator gives it up")),
        sensitive=True,
    ),
)  # fmt: skip

# Names, by blanks, of columns that hold nothing about a person: of one table, or under "*" of any that has it.
NOT_PERSONAL_FLOOR = {
    "heads": "type",
    "inbox": "handler source type",
    "outbox": "type",
    "resend": "type numbers",
    "sent": "ahead",
    "starts": "handler event_id",
    "waiting": "handler event_id type state",
    "watermark": "handler source type",
    "live_row": "event",
}


def declared(service: Service) -> tuple[Kept, ...]:
    """Everything that a service keeps of persons, the floor's own included."""
    return (*FLOOR, *service.personal)


def tables(metadata: MetaData, kept: Kept) -> Iterator[tuple[Table, list[str]]]:
    """The tables of a declaration with the names of their columns."""
    for name, columns in kept.columns.items():
        yield metadata.tables[name], columns.split()


# ---- of one person


def _plain(value: Any) -> Any:
    """A value as it is given out; of a picture only how large it is."""
    return f"{len(value)} B" if isinstance(value, bytes) else value


def rows_of(table: Table, whose: str, account: str) -> ColumnElement[bool]:
    """Which rows are about the account."""
    found: list[ColumnElement[bool]] = []
    for each in whose.split():
        name, _, path = each.partition("=")
        if path:
            other, key, holder = path.split(".")
            far = table.metadata.tables[other]
            found.append(table.c[name].in_(select(far.c[key]).where(far.c[holder] == account)))
        else:
            found.append(table.c[name] == account)
    return or_(*found)


@dataclass(frozen=True)
class Given:
    """Rows of one table as a person is given them."""

    table: str
    kept: Kept
    rows: list[dict[str, Any]]


def copy(running: Running, connection: Connection, account: str) -> list[Given]:
    """What is kept about an account, and can be found by it, with why; newest declarations last, empty tables left out."""
    found = []
    for kept in declared(running.service):
        if kept.secret or not kept.whose:
            continue
        for table, names in tables(running.service.metadata, kept):
            moments = [
                column.name for column in table.c if isinstance(column.type, Moment) and column.name not in names
            ]
            query = select(*(table.c[name] for name in (*names, *moments)))
            query = query.where(rows_of(table, kept.whose, account)).limit(MOST_GIVEN)
            rows = [dict(row) for row in connection.execute(query).mappings()]
            if kept.opened is not None:
                rows = [kept.opened(running.settings, row) for row in rows]
            rows = [{name: _plain(value) for name, value in row.items()} for row in rows]
            if rows:
                found.append(Given(table.name, kept, rows))
    return found


def erase(
    work: Work, metadata: MetaData, declared: Iterable[Kept], account: str, *, consent_alone: bool = False
) -> int:
    """What may be erased of an account when the person asks for it is gone; how many rows were touched.

    ``consent_alone``: only what is kept because the person agreed to it, and agrees no more.
    """
    touched = 0
    # What is found by the row of another table goes before that row does.
    for kept in sorted(declared, key=lambda each: "=" not in each.whose):
        for table, names in tables(metadata, kept):
            if kept.on_request and (kept.ground is CONSENT or not consent_alone):
                there = rows_of(table, kept.whose, account)
                if kept.ended is not None:
                    there = and_(there, kept.ended.is_not(None))
                if kept.on_request == "delete":
                    touched += work.connection.execute(delete(table).where(there)).rowcount
                else:
                    touched += _empty(work, kept, table, names, there)
    return touched


def _empty(work: Work, kept: Kept, table: Table, names: list[str], there: ColumnElement[bool]) -> int:
    values: dict[str, Any] = {name: b"" if isinstance(table.c[name].type, LargeBinary) else "" for name in names}
    full = or_(*(table.c[name] != value for name, value in values.items()))
    if kept.stamp:
        values[kept.stamp] = work.now
    return work.connection.execute(update(table).where(and_(there, full)).values(values)).rowcount


# ---- what goes by itself


def expire(running: Running) -> int:
    """Columns whose term is :data:`CONTACT` are empty where their matters ended so long ago; how many rows."""
    touched = 0
    before = running.clock.now() - timedelta(days=running.settings[CONTACT.setting])
    for kept in running.service.personal:
        if kept.term is not CONTACT or kept.ended is None:
            continue
        for table, names in tables(running.service.metadata, kept):
            keys = list(table.primary_key)
            full = or_(*(table.c[name] != _NOTHING for name in names))  # as in the index of what is still to be emptied
            query = select(*keys).where(full, kept.ended < before).limit(BATCH)
            while True:
                with running.work() as work:
                    found = [tuple(row) for row in work.connection.execute(query)]
                    if found:
                        touched += _empty(work, kept, table, names, tuple_(*keys).in_(found))
                if len(found) < BATCH:
                    break
    return touched
