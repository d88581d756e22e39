"""What the billing service says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003  read at run time to derive the schema
from decimal import Decimal  # noqa: TC003
from typing import ClassVar

from shared.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class ContractInForce(Event):
    """A contract covers these items from a day on. Consumers: dispatch, audit."""

    TYPE: ClassVar[str] = "billing.contract_in_force.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str  # contract reference, e.g. HY-2026-01
    supplier: str  # supplier code
    supplier_name: str
    supplier_name_en: str
    items: tuple[str, ...]  # catalogue codes
    starts_on: date  # at the site
    ends_on: date  # the first day it no longer covers
    card_version: int


@dataclass(frozen=True, kw_only=True)
class UsageRecorded(Event):
    """Something countable that happened was written down and, where a card covers it, rated. Consumers: requests, audit."""

    TYPE: ClassVar[str] = "billing.usage_recorded.v1"
    SUBJECT: ClassVar[str] = "fact_id"

    fact_id: str
    order_id: str
    request_id: str
    contract: str  # empty = in-house
    supplier: str
    meter: str
    quantity: Decimal
    unit: str
    service_at: datetime  # UTC
    recorded_at: datetime  # UTC
    state: str  # recorded, unpriced, over_budget
    amount: Decimal | None = None  # yuan; None = unpriced
    card_version: int = 0
    budget_line: str = ""


@dataclass(frozen=True, kw_only=True)
class FeedExtended(Event):
    """An entry was added to a contract's gapless feed for finance. Consumers: audit."""

    TYPE: ClassVar[str] = "billing.feed_extended.v1"
    SUBJECT: ClassVar[str] = "contract"

    contract: str
    number: int  # gapless from 1 within the contract
    fact_id: str
    amount: Decimal  # yuan
    head: str  # SHA-256 chain head after this entry, hexadecimal


@dataclass(frozen=True, kw_only=True)
class BillingResendWanted(Event):
    """The billing service misses numbers of another service and asks for them again. Consumers: the source named."""

    TYPE: ClassVar[str] = "billing.resend_wanted.v1"
    SUBJECT: ClassVar[str] = "source"

    source: str
    epoch: int
    type: str  # event type, or "*" for numbers of the source
    numbers: tuple[int, ...]  # at most 1,000
