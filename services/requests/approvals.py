"""Approvals 审批: who may decide, step after step, by when, and what came of it; of requests and bookings alike.

The steps are frozen when approval is asked for. A step with ``need`` 1 is decided by whoever comes first; one that needs
more is granted when so many agree, and refused when so many can no more. Where fewer people than that may decide at all,
all of them must agree. Nobody decides about what they asked for or filed themselves, nor does a deputy for such a person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from services.requests import tables
from services.requests.catalogue import USUAL_RULE, Step
from services.requests.notices.telling import MOST_TOLD
from shared.errors import Absent, Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from shared.web.principal import Principal
    from shared.work import Work

PAGE = "/requests/approvals"  # where whoever decides finds it: the thing itself may be none of their business
LEAST_TIME = timedelta(minutes=15)  # to decide, however near the beginning of a booking is
MOST_DEPUTIES = 20
LONGEST_ABSENCE = timedelta(days=366)
_A, _BY, _VOTE, _D = tables.approval, tables.approval_by, tables.approval_vote, tables.deputy


class Decided(Conflict):
    """Somebody else has decided, or it was withdrawn."""

    key = "quota.error.decided"


class OwnRequest(Conflict):
    """Nobody approves what they asked for themselves."""

    key = "approval.error.own"


@dataclass(frozen=True)
class Approval:
    """Something that awaits approval, or awaited it."""

    request_id: str
    kind: str
    reason: str
    why: str
    state: str
    organisation: str
    requester: str
    filed_by: str
    event: str
    claim: str
    steps: tuple[Step, ...]
    step: int
    passed_on: bool
    asked_at: datetime
    due_at: datetime
    decided_at: datetime | None
    decided_by: str
    words: str

    @property
    def causes(self) -> list[str]:
        return self.reason.split()

    @property
    def own(self) -> frozenset[str]:
        """Who may not decide: whose it is."""
        return frozenset({self.requester, self.filed_by} - {""})


@dataclass(frozen=True)
class Vote:
    """What somebody decided in one step."""

    step: int
    name: str
    name_en: str
    deputy: bool
    granted: bool
    words: str
    at: datetime


def steps_text(steps: Sequence[Step]) -> str:
    """The steps as they are stored."""
    return json.dumps([{"by": each.by, "need": each.need, "within": each.within, "then": each.then} for each in steps])


def _approval(row: Any) -> Approval:
    steps = tuple(
        Step(tuple(each["by"]), each["need"], each["within"], tuple(each["then"])) for each in json.loads(row["steps"])
    )
    return Approval(**{**row, "steps": steps or USUAL_RULE.steps})


# ---- asking


def ask(
    work: Work,
    subject_id: str,
    *,
    kind: str,
    causes: Sequence[str],
    organisation: str,
    requester: str,
    filed_by: str = "",
    why: str = "",
    steps: Sequence[Step] = USUAL_RULE.steps,
    event: str = "{}",
    claim: str = "{}",
    until: datetime | None = None,
) -> None:
    """Approval is asked for; asked again about the same thing, it begins anew. ``until``: when it is of no use any more."""
    work.connection.execute(delete(_A).where(_A.c.request_id == subject_id))
    work.connection.execute(delete(_VOTE).where(_VOTE.c.request_id == subject_id))
    due = work.now + timedelta(hours=steps[0].within)
    if until is not None:
        due = max(min(due, until), work.now + LEAST_TIME)
    work.connection.execute(
        insert(_A).values(
            request_id=subject_id, kind=kind, reason=" ".join(causes), why=why, state="open", organisation=organisation,
            requester=requester, filed_by=filed_by, event=event, claim=claim, steps=steps_text(steps), step=0, passed_on=False,
            asked_at=work.now, due_at=due, decided_by="", words="",
        )
    )  # fmt: skip
    _open_to(work, subject_id, steps[0].by)


def _open_to(work: Work, subject_id: str, keys: Iterable[str]) -> None:
    """These may decide from now on, and nobody else."""
    work.connection.execute(delete(_BY).where(_BY.c.request_id == subject_id))
    rows = [{"request_id": subject_id, "key": key} for key in dict.fromkeys(_stored(work.connection, keys))]
    if rows:
        work.connection.execute(insert(_BY), rows)


def _stored(connection: Connection, keys: Iterable[str]) -> list[str]:
    """Keys with accounts for user names: those may change, accounts do not."""
    found = []
    for key in keys:
        kind, _, value = key.partition(":")
        if kind == "person":
            account = tables.account.c
            value = connection.execute(select(account.id).where(account.user_name == value)).scalar() or value
        found.append(f"{kind}:{value}")
    return found


# ---- who


def of(connection: Connection, subject_id: str, *, lock: bool = False) -> Approval | None:
    """The approval that a request or booking needed; None when it needed none."""
    query = select(_A).where(_A.c.request_id == subject_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return _approval(row) if row is not None else None


def votes(connection: Connection, subject_ids: Sequence[str]) -> dict[str, list[Vote]]:
    """What was decided so far, by request or booking, in order."""
    found: dict[str, list[Vote]] = {each: [] for each in subject_ids}
    if subject_ids:
        query = select(_VOTE).where(_VOTE.c.request_id.in_(subject_ids)).order_by(_VOTE.c.step, _VOTE.c.at)
        for row in connection.execute(query):
            deputy = row.account != row.instead_of
            found[row.request_id].append(Vote(row.step, row.name, row.name_en, deputy, row.granted, row.words, row.at))
    return found


def _keys(account: str, roles: Iterable[str], department: str) -> list[str]:
    return [
        f"person:{account}",
        *(f"role:{role}" for role in sorted(roles)),
        *([f"department:{department}"] if department else []),
    ]


def _fits(account: str, roles: Iterable[str], department: str, organisation: str) -> Any:
    """The condition that somebody may decide: named in person, or by role or department in a body of theirs."""
    named = _BY.c.key == f"person:{account}"
    within = or_(_A.c.organisation == organisation, _A.c.organisation.startswith(organisation + "/", autoescape=True))
    group = and_(_BY.c.key.in_(_keys(account, roles, department)[1:]), within)
    return or_(named, group) if organisation else named


def stands_in_for(connection: Connection, account: str, now: datetime) -> list[Any]:
    """The accounts for which somebody decides now."""
    a = tables.account.c
    query = (
        select(a.id, a.roles, a.department, a.organisation)
        .select_from(_D.join(tables.account, a.id == _D.c.account))
        .where(_D.c.deputy == account, _D.c.from_at <= now, _D.c.until_at > now, a.enabled.is_(True))
        .limit(MOST_DEPUTIES)
    )
    return list(connection.execute(query))


def waiting_for(connection: Connection, person: Principal, now: datetime, limit: int = 100) -> list[Approval]:
    """What this person may decide now, for themselves or as a deputy, the most urgent first."""
    own = (person.account, person.roles, person.department, person.organisation)
    others = [
        (row.id, row.roles.split(), row.department, row.organisation)
        for row in stands_in_for(connection, person.account, now)
    ]
    conditions = [and_(_fits(*each), *_not_own(each[0]), *_not_own(person.account)) for each in (own, *others)]
    query = (
        select(_A)
        .where(_A.c.state == "open", _A.c.request_id.in_(select(_BY.c.request_id).where(_BY.c.request_id == _A.c.request_id, or_(*conditions))))
        .order_by(_A.c.due_at)
        .limit(limit)
    )  # fmt: skip
    found = [_approval(row) for row in connection.execute(query).mappings()]
    voted = set()
    if found:
        given = select(_VOTE.c.request_id, _VOTE.c.step).where(
            _VOTE.c.request_id.in_([each.request_id for each in found]), _VOTE.c.account == person.account
        )
        voted = {tuple(row) for row in connection.execute(given)}
    return [each for each in found if (each.request_id, each.step) not in voted]


def _not_own(account: str) -> tuple[Any, Any]:
    return _A.c.requester != account, _A.c.filed_by != account


def count_waiting(connection: Connection, person: Principal, now: datetime) -> int:
    """How many this person may decide now; at most a hundred."""
    return len(waiting_for(connection, person, now))


def instead_of(connection: Connection, found: Approval, person: Principal, now: datetime) -> str:
    """The account whose vote this person may give: their own before that of somebody whose deputy they are.

    Raises:
        Absent: none. OwnRequest: it is their own.
    """
    people = [(person.account, person.roles, person.department, person.organisation)]
    people += [
        (row.id, row.roles.split(), row.department, row.organisation)
        for row in stands_in_for(connection, person.account, now)
    ]
    own = False
    for account, roles, department, organisation in people:
        query = (
            select(_BY.c.key)
            .select_from(_BY.join(_A, _A.c.request_id == _BY.c.request_id))
            .where(_A.c.request_id == found.request_id, _fits(account, roles, department, organisation))
        )
        if connection.execute(query.limit(1)).first() is not None:
            if not {account, person.account} & found.own:
                return str(account)
            own = True
    if own:
        raise OwnRequest
    raise Absent


def eligible(connection: Connection, found: Approval) -> list[str]:
    """Accounts that may decide the present step by themselves; at most fifty."""
    keys = list(connection.execute(select(_BY.c.key).where(_BY.c.request_id == found.request_id)).scalars())
    a = tables.account.c
    parts = found.organisation.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    conditions = []
    for key in keys:
        kind, _, value = key.partition(":")
        if kind == "person":
            conditions.append(a.id == value)
        elif kind == "department":
            conditions.append(and_(a.department == value, a.organisation.in_(above)))
        else:
            padded = " " + a.roles + " "
            conditions.append(and_(padded.contains(f" {value} ", autoescape=True), a.organisation.in_(above)))
    if not conditions:
        return []
    query = (
        select(a.id)
        .where(a.enabled.is_(True), or_(*conditions), a.id.not_in(found.own))
        .order_by(a.id)
        .limit(MOST_TOLD)
    )
    return list(connection.execute(query).scalars())


def audience(found: Approval) -> Callable[[Connection], list[str]]:
    """Who is told that it waits: whoever may decide, and their deputies."""

    def people(connection: Connection) -> list[str]:
        named = eligible(connection, found)
        query = select(_D.c.deputy).where(
            _D.c.account.in_(named), _D.c.from_at <= found.asked_at, _D.c.until_at > found.asked_at
        )
        return list(dict.fromkeys([*named, *connection.execute(query.limit(MOST_TOLD)).scalars()]))

    return people


# ---- deciding


def vote(work: Work, found: Approval, person: Principal, *, granted: bool, words: str) -> str:
    """The vote is given; what the approval came to: ``open``, ``next`` (step), ``granted`` or ``refused``.

    The caller holds the approval's row.

    Raises:
        Absent, OwnRequest: the person may not decide. Decided: the step is over, or they voted in it.
        Invalid: a refusal without words.
    """
    if found.state != "open":
        raise Decided
    account = instead_of(work.connection, found, person, work.now)
    if not granted and not words:
        raise Invalid(fields={"reason": ["field.required"]})
    given = work.connection.execute(
        select(_VOTE.c.instead_of, _VOTE.c.account).where(
            _VOTE.c.request_id == found.request_id, _VOTE.c.step == found.step
        )
    ).all()
    if any(account == row.instead_of or person.account == row.account for row in given):
        raise Decided
    try:
        work.connection.execute(
            insert(_VOTE).values(
                request_id=found.request_id, step=found.step, instead_of=account, account=person.account, name=person.name,
                name_en=person.name_en or person.name, granted=granted, words=words, at=work.now,
            )
        )  # fmt: skip
    except IntegrityError as error:
        raise Decided from error
    outcome = _outcome(work.connection, found)
    if outcome == "granted" and found.step + 1 < len(found.steps):
        _next(work, found)
        return "next"
    if outcome != "open":
        close(work, found.request_id, outcome, person.account, words)
    return outcome


def _outcome(connection: Connection, found: Approval) -> str:
    step = found.steps[found.step]
    query = (
        select(_VOTE.c.granted, func.count())
        .where(_VOTE.c.request_id == found.request_id, _VOTE.c.step == found.step)
        .group_by(_VOTE.c.granted)
    )
    counted = {bool(granted): int(count) for granted, count in connection.execute(query)}
    for_, against = counted.get(True, 0), counted.get(False, 0)
    if step.need == 1:
        return "granted" if for_ else "refused"
    may = max(len(eligible(connection, found)), for_ + against)
    need = min(step.need, may)
    if for_ >= need:
        return "granted"
    return "refused" if may - against < need else "open"


def _next(work: Work, found: Approval) -> None:
    step = found.steps[found.step + 1]
    work.connection.execute(
        update(_A)
        .where(_A.c.request_id == found.request_id)
        .values(step=found.step + 1, passed_on=False, due_at=work.now + timedelta(hours=step.within))
    )
    _open_to(work, found.request_id, step.by)


def close(work: Work, subject_id: str, state: str, by: str = "", words: str = "") -> None:
    """Nobody needs to decide any more: granted, refused, late, withdrawn."""
    work.connection.execute(
        update(_A)
        .where(_A.c.request_id == subject_id, _A.c.state == "open")
        .values(state=state, decided_at=work.now, decided_by=by, words=words)
    )
    work.connection.execute(delete(_BY).where(_BY.c.request_id == subject_id))


def overdue(connection: Connection, now: datetime, limit: int = 100) -> list[str]:
    """What was to be decided by now and was not."""
    query = select(_A.c.request_id).where(_A.c.state == "open", _A.c.due_at < now).order_by(_A.c.due_at).limit(limit)
    return list(connection.execute(query).scalars())


def pass_on(work: Work, found: Approval) -> bool:
    """Others may decide the step too, for the same time again; false when it was passed on before or there is nobody else.

    The others are those the rule names, and whoever was ever named deputy of somebody who may decide and still can be.
    """
    step = found.steps[found.step]
    if found.passed_on:
        return False
    named = eligible(work.connection, found)
    query = select(_D.c.deputy).where(_D.c.account.in_(named), _D.c.until_at > work.now - LONGEST_ABSENCE)
    deputies = [
        f"person:{each}" for each in work.connection.execute(query.limit(MOST_TOLD)).scalars() if each not in found.own
    ]
    more = [*_stored(work.connection, step.then), *deputies]
    there = set(work.connection.execute(select(_BY.c.key).where(_BY.c.request_id == found.request_id)).scalars())
    rows = [{"request_id": found.request_id, "key": key} for key in dict.fromkeys(more) if key not in there]
    if not rows:
        return False
    work.connection.execute(insert(_BY), rows)
    work.connection.execute(
        update(_A)
        .where(_A.c.request_id == found.request_id)
        .values(passed_on=True, due_at=work.now + timedelta(hours=step.within))
    )
    return True


# ---- deputies


@dataclass(frozen=True)
class Deputy:
    """Who decides for whom, from when to when."""

    id: str
    account: str
    deputy: str
    from_at: datetime
    until_at: datetime
    name: str = ""
    name_en: str = ""


def deputies_of(connection: Connection, account: str, now: datetime) -> list[Deputy]:
    """The deputies that somebody named for now or later, in order."""
    a = tables.account.c
    query = (
        select(_D.c.id, _D.c.account, _D.c.deputy, _D.c.from_at, _D.c.until_at, a.name, a.name_en)
        .select_from(_D.join(tables.account, a.id == _D.c.deputy))
        .where(_D.c.account == account, _D.c.until_at > now)
        .order_by(_D.c.from_at)
    )
    return [Deputy(*row) for row in connection.execute(query)]


def name_deputy(work: Work, account: str, deputy: str, from_at: datetime, until_at: datetime) -> str:
    """``deputy`` decides for ``account`` in that time; the id.

    Raises:
        Invalid: by field.
    """
    if deputy == account:
        raise Invalid(fields={"deputy": ["approval.field.oneself"]})
    if until_at <= max(from_at, work.now) or until_at - from_at > LONGEST_ABSENCE:
        raise Invalid(fields={"until_at": ["approval.field.until"]})
    if len(deputies_of(work.connection, account, work.now)) >= MOST_DEPUTIES:
        raise Invalid(fields={"deputy": ["approval.field.many"]})
    made = work.new_id()
    work.connection.execute(
        insert(_D).values(id=made, account=account, deputy=deputy, from_at=from_at, until_at=until_at, made_at=work.now)
    )
    return made


def end_deputy(work: Work, account: str, deputy_id: str) -> None:
    """The person stands in no longer.

    Raises:
        Absent: no such deputy of this account.
    """
    ended = update(_D).where(_D.c.id == deputy_id, _D.c.account == account, _D.c.until_at > work.now)
    if not work.connection.execute(ended.values(until_at=work.now)).rowcount:
        raise Absent
