"""What finance says of the feed: how far it has it, and whether both sides have the same."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from services.billing import tables
from services.billing.handlers.feed import Writer
from services.billing.model import FIRST_HEAD
from shared.contracts.billing import FeedAcknowledged, FeedCompared
from shared.errors import Absent, Conflict, Malformed

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.work import Work

E = tables.feed_entry.c
ZERO = Decimal("0.00")
MOST = 2**53 - 1  # of a number that JSON carries exactly


def write_place(contract: str, number: int, head: str) -> str:
    """The cursor of a reader who has entries up to ``number``. It is no secret: what it claims is compared with the feed."""
    return urlsafe_b64encode(json.dumps([contract, number, head], ensure_ascii=False).encode()).decode().rstrip("=")


def read_place(contract: str, cursor: str) -> tuple[int, str]:
    """(number, head) that a cursor stands after; the beginning for an empty one.

    Raises:
        Malformed: it is no cursor of this contract's feed.
    """
    if not cursor:
        return 0, FIRST_HEAD
    try:
        of, number, head = json.loads(urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError) as error:
        raise Malformed("error.cursor") from error
    if of != contract or type(number) is not int or not 0 <= number <= MOST or not isinstance(head, str):
        raise Malformed("error.cursor")
    return number, head


def acknowledge(work: Work, contract: str, number: int, head: str) -> None:
    """Finance has everything up to ``number``; the mark never goes back.

    Raises:
        Absent: there is no such entry. Conflict: its head is another one.
    """
    Writer(work, contract, None)  # everything about one contract's feed waits here
    row = work.connection.execute(select(E.head).where(E.contract == contract, E.number == number)).first()
    if row is None:
        raise Absent
    if row.head != head:
        raise Conflict("billing.feed.other_head", number=number)
    table = tables.feed_ack
    before = work.connection.execute(select(table).where(table.c.contract == contract)).first()
    if before is not None and before.number >= number:
        return
    work.connection.execute(delete(table).where(table.c.contract == contract))
    work.connection.execute(
        insert(table), {"contract": contract, "number": number, "head": head, "at": work.now, "by": work.actor}
    )
    # Finance is there again: webhooks that were given up start anew.
    hooks = tables.webhook_progress
    work.connection.execute(
        update(hooks).where(hooks.c.contract == contract).values(failures=0, failing_since=None, next_at=None)
    )
    work.say(FeedAcknowledged(contract=contract, number=number, head=head, acknowledged_at=work.now))


@dataclass(frozen=True)
class Totals:
    """What the entries booked in one month come to."""

    period: str
    count: int
    total: Decimal
    head: str  # after the last of them

    def data(self) -> dict[str, Any]:
        return {"period": self.period, "count": self.count, "sum": format(self.total, "f"), "head": self.head}


def totals(connection: Connection, contract: str) -> list[Totals]:
    """The control totals of each month, oldest first."""
    found: dict[str, list[Any]] = {}
    query = select(E.booked_in, E.amount, E.head).where(E.contract == contract).order_by(E.number)
    for row in connection.execute(query):
        mine = found.setdefault(row.booked_in, [0, ZERO, ""])
        mine[0], mine[1], mine[2] = mine[0] + 1, mine[1] + row.amount, row.head
    return [Totals(period, *mine) for period, mine in sorted(found.items())]


def compare(
    work: Work, contract: str, period: str, *, count: int, total: Decimal, head: str, entries: list[dict[str, Any]]
) -> dict[str, Any]:
    """Whether finance's month is ours; where it is not, and it sent its entries, exactly which differ.

    Each of ``entries`` is {number, amount, head?}. A differing one is ``missing`` (we have it, they do not), ``unknown``
    (they have it, we do not), ``doubled`` or ``changed``.
    """
    ours = next(
        (each for each in totals(work.connection, contract) if each.period == period), Totals(period, 0, ZERO, "")
    )
    equal = (ours.count, ours.total, ours.head) == (count, total, head)
    differing = [] if equal and not entries else _differing(work.connection, contract, period, entries)
    equal = equal and not differing
    theirs = {"count": count, "sum": format(total, "f"), "head": head}
    table = tables.feed_comparison
    work.connection.execute(delete(table).where(table.c.contract == contract, table.c.period == period))
    work.connection.execute(
        insert(table),
        {"contract": contract, "period": period, "at": work.now, "equal": int(equal), "theirs": json.dumps(theirs),
         "ours": json.dumps(ours.data()), "by": work.actor},
    )  # fmt: skip
    work.say(
        FeedCompared(
            contract=contract, period=period, equal=equal, count=ours.count, total=ours.total, differing=len(differing),
            compared_at=work.now,
        )
    )  # fmt: skip
    return {"equal": equal, "ours": ours.data(), "differing": differing}


def _differing(
    connection: Connection, contract: str, period: str, entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    query = select(E.number, E.amount, E.head).where(E.contract == contract, E.booked_in == period).order_by(E.number)
    ours: dict[int, Any] = {row.number: row for row in connection.execute(query)}
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    for each in entries:
        number, row = each["number"], ours.get(each["number"])
        given = {"number": number, "theirs": format(each["amount"], "f")}
        if row is None:
            found.append({**given, "what": "unknown"})
        elif number in seen:
            found.append({**given, "what": "doubled", "ours": format(row.amount, "f")})
        elif row.amount != each["amount"] or (each.get("head") and each["head"] != row.head):
            found.append({**given, "what": "changed", "ours": format(row.amount, "f"), "head": row.head})
        seen.add(number)
    if entries:
        found += [
            {"number": number, "what": "missing", "ours": format(row.amount, "f"), "head": row.head}
            for number, row in ours.items()
            if number not in seen
        ]
    return sorted(found, key=lambda each: each["number"])
