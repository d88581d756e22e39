"""Who supervises: a tree of bodies, what each may read, and which accounts read for it until when.

While no body has been set up, the roles alone decide and every supervisor reads everything. From the first body on, a
supervisor or auditor needs a mandate in force; administrators see the log as they run it, without personal values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.contracts.audit import BodyChanged, MandateChanged
from shared.contracts.base import SERVICES
from shared.database import Sql, as_moment
from shared.errors import Absent, Forbidden, Invalid, SignInNeeded
from shared.language import CODES, language
from shared.web.intake import Said

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.web.principal import Principal
    from shared.work import Work

KINDS = ("government", "industry", "third")
LEVELS = ("nation", "province", "city", "unit")
LONGEST_DAYS = 366  # of a mandate; longer ones are given again

_BODIES = Sql("SELECT code, parent, kind, level, name, name_en, sources, things FROM body ORDER BY code")
_PUT = Sql(
    """INSERT INTO body (code, parent, kind, level, name, name_en, sources, things)
       VALUES (:code, :parent, :kind, :level, :name, :name_en, :sources, :things)
       ON CONFLICT (code) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, level = excluded.level,
       name = excluded.name, name_en = excluded.name_en, sources = excluded.sources, things = excluded.things"""
)
_MANDATES = Sql(
    "SELECT account_id, body, starts_at, ends_at, given_by FROM mandate ORDER BY body, account_id, starts_at"
)
_IN_FORCE = Sql(
    """SELECT b.sources, b.things FROM mandate m JOIN body b ON b.code = m.body
       WHERE m.account_id = :account AND m.starts_at <= :now AND m.ends_at > :now"""
)
_UNTIL = Sql("SELECT max(ends_at) FROM mandate WHERE account_id = :account AND starts_at <= :now AND ends_at > :now")
_GIVE = Sql(
    """INSERT INTO mandate (account_id, body, starts_at, ends_at, given_by)
       VALUES (:account_id, :body, :starts_at, :ends_at, :given_by)"""
)
_END = Sql("UPDATE mandate SET ends_at = :now WHERE account_id = :account_id AND body = :body AND ends_at > :now")
_LAST = Sql("SELECT max(ends_at) FROM mandate WHERE account_id = :account AND ends_at <= :now")
_ANY = Sql("SELECT 1 FROM body LIMIT 1")


class MandateOver(SignInNeeded):
    """The person read for a body until their time was over; to read on, they need to be admitted anew."""

    key = "audit.mandate.over"


@dataclass(frozen=True)
class Body:
    """A supervising body.

    Attributes:
        sources: services whose entries it reads; empty = all.
        things: it reads only entries about these (a contract, a supplier, a department's requests ...); empty = all.
    """

    code: str
    parent: str
    kind: str
    level: str
    name: str
    name_en: str
    sources: tuple[str, ...] = ()
    things: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mandate:
    """An account reads for a body between two instants."""

    account_id: str
    body: str
    starts_at: datetime
    ends_at: datetime
    given_by: str


Scope = tuple[tuple[str, ...], tuple[str, ...]]  # (sources, things), each empty for all


@dataclass(frozen=True)
class Reads:
    """What one person may read, or has chosen to look at: entries that fit any of the scopes; every one where there is none.

    Attributes:
        within: of these, the entries of the one body that was chosen.
    """

    scopes: tuple[Scope, ...] = ()
    within: Scope = ((), ())

    def where(self, entry: str = "e") -> tuple[str, dict[str, str]]:
        """A condition on ``log_entry`` under the name ``entry``, with its parameters."""
        parameters: dict[str, str] = {}
        parts = [_fits(scope, entry, f"{at}", parameters) for at, scope in enumerate(self.scopes)]
        found = f" AND ({' OR '.join(f'({part})' for part in parts)})" if parts else ""
        if self.within != ((), ()):
            found += f" AND {_fits(self.within, entry, 'within', parameters)}"
        return found, parameters

    def whole(self, source: str) -> bool:
        """Whether everything that ``source`` says is read."""

        def all_of(scope: Scope) -> bool:
            return (not scope[0] or source in scope[0]) and not scope[1]

        return (not self.scopes or any(map(all_of, self.scopes))) and all_of(self.within)


def _fits(scope: Scope, entry: str, mark: str, parameters: dict[str, str]) -> str:
    """A condition that an entry lies in the scope; its parameters are added."""
    sources, things = scope
    one = []
    if sources:
        names = {f"source_{mark}_{n}": each for n, each in enumerate(sources)}
        one.append(f"{entry}.source IN ({', '.join(f':{name}' for name in names)})")
        parameters |= names
    if things:
        names = {f"thing_{mark}_{n}": each for n, each in enumerate(things)}
        places = ", ".join(f":{name}" for name in names)
        one.append(f"EXISTS (SELECT 1 FROM about a WHERE a.seq = {entry}.seq AND a.thing IN ({places}))")
        parameters |= names
    return " AND ".join(one) or "1 = 1"


EVERYTHING = Reads()


def _split(text: str) -> tuple[str, ...]:
    return tuple(each for each in text.split(",") if each)


def bodies(connection: Connection) -> list[Body]:
    """Every body, those above before those below."""
    found = [
        Body(code, parent, kind, level, name, name_en, _split(sources), _split(things))
        for code, parent, kind, level, name, name_en, sources, things in _BODIES.run(connection)
    ]
    ordered: list[Body] = []
    waiting = [each for each in found if not each.parent]
    while waiting:
        first = waiting.pop(0)
        ordered.append(first)
        waiting = [each for each in found if each.parent == first.code] + waiting
    return ordered


def mandates(connection: Connection) -> list[Mandate]:
    """Every mandate that was ever given."""
    found = []
    for account, body, starts, ends, given_by in _MANDATES.run(connection):
        starts_at, ends_at = as_moment(starts), as_moment(ends)
        assert starts_at is not None
        assert ends_at is not None
        found.append(Mandate(account, body, starts_at, ends_at, given_by))
    return found


def until(connection: Connection, account: str, now: datetime) -> datetime | None:
    """The last moment in which the account may read; None for one that reads without a mandate."""
    ends = as_moment(_UNTIL.run(connection, account=account, now=now).scalar_one())
    return ends and ends - timedelta(seconds=1)  # one that ends with a day ends at the midnight after it


def reads(connection: Connection, principal: Principal, now: datetime) -> Reads:
    """What this person may read now.

    Raises:
        MandateOver: bodies are set up, and the person's last mandate has ended.
        Forbidden: bodies are set up, and the person never had a mandate, or has one that has not begun.
    """
    if "administrator" in principal.roles:
        return EVERYTHING
    found = reads_of_account(connection, principal.account, now)
    if found is None:
        ended = as_moment(_LAST.run(connection, account=principal.account, now=now).scalar_one())
        if ended is not None:
            last = ended - timedelta(seconds=1)  # one that ends with a day ends at the midnight after it
            raise MandateOver(day=tuple(language(code).date(last) for code in CODES))
        raise Forbidden("audit.mandate.none")
    return found


def choices(connection: Connection, principal: Principal, now: datetime) -> list[tuple[int, Body]]:
    """The bodies through whose eyes the person may look, those above before those below, each with its depth: the bodies
    that he reads for and all below them; every one where he reads without a mandate.
    """
    own = {
        each.body
        for each in mandates(connection)
        if each.account_id == principal.account and each.starts_at <= now < each.ends_at
    }
    everything = "administrator" in principal.roles
    found: list[tuple[int, Body]] = []
    depth: dict[str, int] = {}
    for each in bodies(connection):
        if everything or each.code in own or each.parent in depth:
            depth[each.code] = depth.get(each.parent, -1) + 1
            found.append((depth[each.code], each))
    return found


def narrowed(reads: Reads, chosen: Body) -> Reads:
    """Of what is read, the entries that the chosen body reads."""
    return replace(reads, within=(chosen.sources, chosen.things))


def reads_of_account(connection: Connection, account: str, now: datetime) -> Reads | None:
    """What an account that administers nothing may read now; None when it may read nothing."""
    if _ANY.run(connection).first() is None:
        return EVERYTHING
    rows = _IN_FORCE.run(connection, account=account, now=now).all()
    if not rows:
        return None
    scopes = tuple((_split(sources), _split(things)) for sources, things in rows)
    return EVERYTHING if any(not sources and not things for sources, things in scopes) else Reads(scopes)


def put_body(work: Work, body: Body) -> None:
    """A body is set up or changed, and it is said.

    Raises:
        Invalid: it lies under itself or under none that exists, or would read what the one above it may not, or less than
            one below it.
    """
    there = {each.code: each for each in bodies(work.connection)}
    if body.parent:
        above = there.get(body.parent)
        if above is None:
            raise Invalid(fields={"parent": "audit.body.no_parent"})
        seen = {body.code}
        at: Body | None = above
        while at is not None:
            if at.code in seen:
                raise Invalid(fields={"parent": "audit.body.circle"})
            seen.add(at.code)
            at = there.get(at.parent)
        if name := _wider(body, above):
            raise Invalid(fields={name: "audit.body.beyond"})
    if set(body.sources) - set(SERVICES):
        raise Invalid(fields={"sources": "audit.body.no_source"})
    for each in there.values():
        if each.parent == body.code and (name := _wider(each, body)):
            raise Invalid(fields={name: Said("audit.body.below", body=each.code)})
    _PUT.run(
        work.connection, code=body.code, parent=body.parent, kind=body.kind, level=body.level, name=body.name,
        name_en=body.name_en, sources=",".join(body.sources), things=",".join(body.things),
    )  # fmt: skip
    work.say(
        BodyChanged(
            body=body.code,
            parent=body.parent,
            kind=body.kind,
            level=body.level,
            sources=body.sources,
            things=body.things,
        )
    )


def _wider(below: Body, above: Body) -> str:
    """In what the body below reads beyond the one above: sources or things; empty when in nothing."""
    for name in ("sources", "things"):
        upper, own = set(getattr(above, name)), set(getattr(below, name))
        if upper and (not own or own - upper):
            return name
    return ""


def give(work: Work, account_id: str, body: str, starts_at: datetime, ends_at: datetime) -> None:
    """The account may read for the body between the two instants, and it is said.

    Raises:
        Absent: there is no such body. Invalid: the time is none, over, or longer than a year.
    """
    if body not in {each.code for each in bodies(work.connection)}:
        raise Absent
    if not starts_at < ends_at or ends_at <= work.now or (ends_at - starts_at).days > LONGEST_DAYS:
        raise Invalid(fields={"ends_on": "audit.mandate.time"})
    _GIVE.run(
        work.connection, account_id=account_id, body=body, starts_at=starts_at, ends_at=ends_at, given_by=work.actor
    )
    work.say(MandateChanged(account_id=account_id, body=body, starts_at=starts_at, ends_at=ends_at))


def end(work: Work, account_id: str, body: str) -> None:
    """The account reads no more for the body, from now on.

    Raises:
        Absent: it has no mandate of it in force or ahead.
    """
    if not _END.run(work.connection, account_id=account_id, body=body, now=work.now).rowcount:
        raise Absent
    work.say(MandateChanged(account_id=account_id, body=body, starts_at=work.now, ends_at=work.now))
