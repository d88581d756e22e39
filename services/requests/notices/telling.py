"""Telling people of a fact, in the transaction of the fact."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from services.requests import tables
from services.requests.notices.rules import RULES
from shared.clock import to_text
from shared.database import Sql
from shared.web import live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Connection

    from services.requests.bookings.model import Resource
    from services.requests.bookings.store import Booking
    from services.requests.store import Request
    from shared.contracts.requests import RequestFiled
    from shared.work import Work

    People = Iterable[str] | Callable[[Connection], Iterable[str]]

MOST_TOLD = 50  # people of one audience; more are a group that looks at its own list

_PUT = Sql(
    """INSERT INTO notice (id, account, kind, subject, subject_id, address, words, restricted, made_at, read_at, mail)
       VALUES (:id, :account, :kind, :subject, :subject_id, :address, :words, :restricted, :made_at, :read_at, 'due')"""
)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a notice is about.

    Attributes:
        subject, id: which thing; mails find its calendar entry by it.
        address: path of its page.
        words: for the places of the sentence. Text, whole numbers, a name as (Chinese, English), an aware instant; and
            ``{"item": code}``, ``{"place": code}``, ``{"span": [from, until]}``, ``{"key": message key}``, ``{"of": [...]}``
            (several, as one name), which are put into the reader's language when it is read.
        people: accounts by audience, or a function of the connection that finds them when a rule needs them.
        restricted: mails say nothing of it.
    """

    subject: str
    id: str
    address: str
    words: Mapping[str, Any] = field(default_factory=dict)
    people: Mapping[str, People] = field(default_factory=dict)
    restricted: bool = False


def tell(work: Work, kind: str, about: About, **words: Any) -> int:
    """Everyone whom the rule of ``kind`` names has a notice with this work, but whoever does it; how many.

    ``words`` fill places of the sentence beside those of ``about``. Audiences the thing does not know are empty.

    Raises:
        KeyError: no rule has this kind.
    """
    rule = RULES[kind]
    told: dict[str, None] = {}
    for audience in rule.to:
        people = about.people.get(audience, ())
        told |= dict.fromkeys(people(work.connection) if callable(people) else people)
    told.pop("", None)
    actor = work.actor.removeprefix("account:")
    if not rule.own:
        told.pop(actor, None)
    text = json.dumps(_stored({**about.words, **words}), ensure_ascii=False, separators=(",", ":"))
    for account in told:
        notice_id = work.new_id()
        work.later(
            _PUT, id=notice_id, account=account, kind=kind, subject=about.subject, subject_id=about.id,
            address=about.address, words=text, restricted=about.restricted, made_at=work.now,
            read_at=work.now if account == actor else None,
        )  # fmt: skip
        if account != actor:
            live.tell(work, f"account:{account}", "bell", {"ref": notice_id})
    return len(told)


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"moment": to_text(value)}
    if isinstance(value, dict):
        return {name: _stored(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_stored(each) for each in value]
    return value


# ---- the things this service has itself


def about_request(request: Request, **people: People) -> About:
    """A request; ``people`` are audiences beside requester and filer."""
    short = request.reference.partition("-")[2]
    what = [
        {"item": request.item},
        short,
        *([] if request.restricted or not request.place else [{"place": request.place}]),
    ]
    return About(
        subject="request", id=request.id, address=f"/requests/{short}", words={"what": {"of": what}},
        people={
            "requester": (request.requester,), "filer": (request.filed_by,),
            "joiner": _joined(request.id) if request.joined > 1 else (), **people,
        },
        restricted=request.restricted,
    )  # fmt: skip


def _joined(request_id: str) -> Callable[[Connection], list[str]]:
    """Who asks for the request together with its requester."""

    def found(connection: Connection) -> list[str]:
        row = tables.together.c
        query = select(row.account).where(row.request_id == request_id, row.left_at.is_(None)).order_by(row.joined_at)
        return [account for (account,) in connection.execute(query.limit(MOST_TOLD))]

    return found


def about_filed(event: RequestFiled, **people: People) -> About:
    """A request that is being filed."""
    short = event.reference.partition("-")[2]
    what = [{"item": event.item}, short, *([] if event.restricted or not event.place else [{"place": event.place}])]
    return About(
        subject="request", id=event.request_id, address=f"/requests/{short}", words={"what": {"of": what}},
        people={"requester": (event.requester,), **people}, restricted=event.restricted,
    )  # fmt: skip


def about_booking(found: Booking, resource: Resource, **people: People) -> About:
    """A booking of a room, vehicle or appointment."""
    subject = found.subject if resource.kind != "slot" else ""
    what = [
        *([subject] if subject else []),
        (resource.name.zh, resource.name.en),
        {"span": [found.starts_at, found.ends_at]},
    ]
    return About(
        subject="booking", id=found.id, address=f"/requests/bookings/{found.id}", words={"what": {"of": what}},
        people={"owner": (found.account,), **people}, restricted=resource.kind == "slot",
    )  # fmt: skip


def responsible(role: str, organisation: str) -> Callable[[Connection], list[str]]:
    """Who has ``role`` for a body: in it, or in one above it."""

    def found(connection: Connection) -> list[str]:
        parts = organisation.split("/")
        above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        account = tables.account.c
        has = or_(
            account.roles == role,
            account.roles.startswith(role + " "),
            account.roles.endswith(" " + role),
            account.roles.contains(f" {role} "),
        )
        query = (
            select(account.id)
            .where(account.organisation.in_(above), account.enabled.is_(True), has)
            .order_by(account.id)
        )
        return [id_ for (id_,) in connection.execute(query.limit(MOST_TOLD))]

    return found
