"""Two people for whatever money hangs on: one writes it, another puts it in force. The writer never does both."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.billing import office_tables as tables
from services.billing.model import feed_body
from shared.contracts.billing import AgreementInForce
from shared.database import Sql
from shared.errors import Absent, Conflict, Forbidden

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Row

    from shared.work import Work

P, A = tables.proposal.c, tables.agreed.c
OFFICE = "office"  # what an event is about where no contract is
_LOCKED = Sql(
    "SELECT state FROM proposal WHERE proposal_id = :id",
    postgresql="SELECT state FROM proposal WHERE proposal_id = :id FOR UPDATE",
)


def propose(
    work: Work, kind: str, about: str, body: dict[str, Any], name: str, *, base: int = 0, starts_in: str = ""
) -> str:
    """Something is written down for another person to put in force; its id."""
    proposal_id = work.new_id()
    work.connection.execute(
        insert(tables.proposal),
        {
            "proposal_id": proposal_id, "kind": kind, "about": about, "starts_in": starts_in, "base": base,
            "body": feed_body(**body), "state": "proposed", "proposed_by": work.actor, "proposed_name": name,
            "proposed_at": work.now,
        },
    )  # fmt: skip
    return proposal_id


def waiting(connection: Connection, about: str | None = None, kind: str = "") -> list[Row[Any]]:
    """What waits for a second person, oldest first."""
    query = select(tables.proposal).where(P.state == "proposed").order_by(P.proposed_at, P.proposal_id).limit(200)
    if about is not None:
        query = query.where(P.about == about)
    return list(connection.execute(query.where(P.kind == kind) if kind else query))


def proposal(connection: Connection, proposal_id: str) -> Row[Any] | None:
    """One of them."""
    return connection.execute(select(tables.proposal).where(P.proposal_id == proposal_id)).first()


def locked(work: Work, proposal_id: str) -> Row[Any]:
    """One that is still open, held until the end of the transaction.

    Raises:
        Absent: there is none. Conflict: somebody decided it.
    """
    if _LOCKED.run(work.connection, id=proposal_id).first() is None:
        raise Absent
    row = proposal(work.connection, proposal_id)
    assert row is not None
    if row.state != "proposed":
        raise Conflict("contracting.agree.past")
    return row


def drop(work: Work, proposal_id: str, name: str) -> Row[Any]:
    """It is dropped; by its writer too. Nothing changes."""
    row = locked(work, proposal_id)
    _decided(work, row, "dropped", name)
    return row


def put_in_force(work: Work, proposal_id: str, name: str, apply: Callable[[Work, Row[Any], Any], tuple[int, Sequence[str]]]) -> Row[Any]:  # fmt: skip
    """A second person puts it in force. ``apply`` does it and gives the new version and the names of what changed.

    Raises:
        Forbidden: by whoever wrote it.
    """
    row = locked(work, proposal_id)
    if row.proposed_by == work.actor:
        raise Forbidden("contracting.agree.own")
    _decided(work, row, "in_force", name)
    version, changed = apply(work, row, json.loads(row.body))
    said = work.say(
        AgreementInForce(
            about=row.about or OFFICE, kind=row.kind, version=version, starts_in=row.starts_in,
            document=sha256(row.body.encode()).hexdigest(), changed=tuple(changed), by=row.proposed_by,
            approved_by=work.actor,
        ),
        sequence=version,
    )  # fmt: skip
    work.connection.execute(
        update(tables.agreed)
        .where(A.kind == row.kind, A.about == row.about, A.version == version)
        .values(said=said)
    )  # fmt: skip
    return row


def _decided(work: Work, row: Row[Any], state: str, name: str) -> None:
    work.connection.execute(
        update(tables.proposal)
        .where(P.proposal_id == row.proposal_id)
        .values(state=state, decided_by=work.actor, decided_name=name, decided_at=work.now)
    )


# ---- what holds by month


def keep_version(work: Work, row: Row[Any], body: dict[str, Any]) -> tuple[int, list[str]]:
    """A proposal becomes the next version, from its month on.

    Raises:
        Conflict: another version came in force since it was written.
    """
    newest = latest(work.connection, row.kind, row.about)
    if newest != row.base:
        raise Conflict("contracting.agree.overtaken")
    before = agreed_in(work.connection, row.kind, row.about, "9999-12")
    work.connection.execute(
        insert(tables.agreed),
        {
            "kind": row.kind, "about": row.about, "version": newest + 1, "starts_in": row.starts_in, "body": row.body,
            "by": row.proposed_by, "approved_by": work.actor, "at": work.now, "said": "",
        },
    )  # fmt: skip
    old = before[1] if before else {}
    return newest + 1, sorted(name for name in body.keys() | old.keys() if body.get(name) != old.get(name))


def latest(connection: Connection, kind: str, about: str) -> int:
    """The number of the newest version; 0 where there is none."""
    query = select(func.max(A.version)).where(A.kind == kind, A.about == about)
    return int(connection.execute(query).scalar() or 0)


def agreed_in(connection: Connection, kind: str, about: str, period: str) -> tuple[int, dict[str, Any]] | None:
    """(version, body) that holds in a month: of those that began by then the one that began last, the newest of them."""
    row = connection.execute(
        select(tables.agreed)
        .where(A.kind == kind, A.about == about, A.starts_in <= period)
        .order_by(A.starts_in.desc(), A.version.desc())
        .limit(1)
    ).first()
    return None if row is None else (int(row.version), json.loads(row.body))


def versions(connection: Connection, kind: str, about: str) -> list[Row[Any]]:
    """All versions, newest first."""
    query = select(tables.agreed).where(A.kind == kind, A.about == about).order_by(A.version.desc()).limit(50)
    return list(connection.execute(query))
