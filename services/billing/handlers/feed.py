"""The one writer of a contract's feed: whoever holds its head row adds entries, and nobody else does."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.billing import tables
from services.billing.model import FIRST_HEAD, chained, feed_body, statement_ref
from services.billing.pricing.periods import month_of
from services.billing.tables import as_decimal
from shared.contracts.billing import AdjustmentBooked, FeedExtended
from shared.database import Sql

if TYPE_CHECKING:
    from services.billing.model import Agreement
    from shared.work import Work

_HEAD_ROW = Sql("INSERT INTO feed_head (contract, number, head) VALUES (:contract, 0, :head) ON CONFLICT DO NOTHING")
_HEAD = Sql(
    "SELECT number, head FROM feed_head WHERE contract = :contract",
    postgresql="SELECT number, head FROM feed_head WHERE contract = :contract FOR UPDATE",
)
_SET_HEAD = Sql("UPDATE feed_head SET number = :number, head = :head WHERE contract = :contract")
_CLOSED = Sql("SELECT period FROM statement WHERE contract = :contract")
_USE_ROW = Sql("INSERT INTO budget_use (line, accrued) VALUES (:line, '0') ON CONFLICT DO NOTHING")
_USE = Sql(
    """SELECT budget_use.accrued, budget_line.amount FROM budget_use JOIN budget_line ON budget_line.code = line
       WHERE line = :line""",
    postgresql="""SELECT budget_use.accrued, budget_line.amount FROM budget_use
       JOIN budget_line ON budget_line.code = line WHERE line = :line FOR UPDATE OF budget_use""",
)
_SET_USE = Sql("UPDATE budget_use SET accrued = :accrued WHERE line = :line")


@dataclass(kw_only=True)
class Entry:
    """What is to be booked.

    Attributes:
        kind: charge, closing, adjustment, deduction, bonus, retention_held, retention_released, interest.
        period: month that it is for; the writer decides in which month it is booked.
        more: what this kind says beside; goes into the body.
        said: id of the sealed event behind it.
    """

    kind: str
    period: str
    amount: Decimal
    item: str = ""
    meter: str = ""
    card_version: int = 0
    quantity: Decimal | None = None
    unit: str = ""
    facts: int = 0
    fact_id: str = ""
    cause: str = ""
    corrects: str = ""
    said: str = ""
    more: dict[str, Any] = field(default_factory=dict)


class Writer:
    """The feed of one contract, locked until the end of the transaction.

    Attributes:
        closed: months whose statements are drawn; nothing is booked in them any more.
    """

    def __init__(self, work: Work, contract: str, agreement: Agreement | None) -> None:
        self.work, self.contract, self.agreement = work, contract, agreement
        _HEAD_ROW.run(work.connection, contract=contract, head=FIRST_HEAD)
        number, self.head = _HEAD.run(work.connection, contract=contract).one()
        self.number = int(number)
        self.closed = {period for (period,) in _CLOSED.run(work.connection, contract=contract)}
        self._entries: list[dict[str, Any]] = []

    def booked_in(self, period: str) -> str:
        """The month in whose statement something for ``period`` is booked now: its own while it is open, else this one."""
        if period not in self.closed:
            return period
        assert self.agreement is not None
        return month_of(self.work.now, self.agreement.full.zone)

    def book(self, entry: Entry) -> int:
        """Add an entry, chained to the one before; its number."""
        booked_in = self.booked_in(entry.period)
        kind = entry.kind
        if kind in {"charge", "closing"} and booked_in != entry.period:
            kind = "adjustment"
        self.number += 1
        body = feed_body(
            contract=self.contract, number=self.number, kind=kind, period=entry.period, booked_in=booked_in,
            amount=format(entry.amount, "f"), currency="CNY", fact=entry.fact_id, item=entry.item, meter=entry.meter,
            quantity="" if entry.quantity is None else format(entry.quantity, "f"), unit=entry.unit,
            card_version=entry.card_version, facts=entry.facts,
            **({"statement": statement_ref(self.contract, entry.period)} if kind == "adjustment" else {}),
            **({"cause": entry.cause} if entry.cause else {}), **({"corrects": entry.corrects} if entry.corrects else {}),
            **entry.more,
        )  # fmt: skip
        self.head = chained(self.head, body)
        said = entry.said
        if kind == "adjustment":
            said = self.work.say(
                AdjustmentBooked(
                    contract=self.contract, number=self.number, statement=statement_ref(self.contract, entry.period),
                    for_period=entry.period, booked_in=booked_in, item=entry.item, meter=entry.meter,
                    card_version=entry.card_version, amount=entry.amount, cause=entry.cause or "late",
                    fact_id=entry.fact_id, corrects=entry.corrects, event=entry.said,
                )
            )  # fmt: skip
        self._entries.append(
            {
                "contract": self.contract, "number": self.number, "fact_id": entry.fact_id, "at": self.work.now,
                "amount": entry.amount, "body": body, "head": self.head, "kind": kind, "period": entry.period,
                "booked_in": booked_in, "item": entry.item, "meter": entry.meter, "card_version": entry.card_version,
                "facts": entry.facts, "cause": entry.cause, "said": said,
            }
        )  # fmt: skip
        self.work.say(
            FeedExtended(
                contract=self.contract, number=self.number, fact_id=entry.fact_id, amount=entry.amount, head=self.head,
                kind=kind, period=entry.period, booked_in=booked_in, facts=entry.facts,
            ),
            sequence=self.number,
        )  # fmt: skip
        return self.number

    def save(self) -> None:
        """Write what was booked and the new head."""
        if self._entries:
            self.work.connection.execute(insert(tables.feed_entry), self._entries)
            _SET_HEAD.run(self.work.connection, contract=self.contract, number=self.number, head=self.head)
            self._entries = []


def spend(work: Work, line: str, amounts: list[Decimal]) -> list[bool]:
    """Move a budget line on by each amount; whether it was over its ceiling after it. What no line pays for is beyond all."""
    if not line:
        return [amount > 0 for amount in amounts]
    _USE_ROW.run(work.connection, line=line)
    accrued, ceiling = (as_decimal(value) or Decimal(0) for value in _USE.run(work.connection, line=line).one())
    over = []
    for amount in amounts:
        accrued += amount
        over.append(accrued > ceiling)
    _SET_USE.run(work.connection, line=line, accrued=format(accrued, "f"))
    return over


def closed_periods(work: Work, contract: str) -> list[str]:
    """The months of a contract that are closed, oldest first."""
    table = tables.statement
    return list(
        work.connection.execute(
            select(table.c.period).where(table.c.contract == contract).order_by(table.c.period)
        ).scalars()
    )
