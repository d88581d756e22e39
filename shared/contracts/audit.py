"""What the audit service says. It never says anything about an entry as such: that would feed the log with itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  read at run time to derive the schema
from typing import ClassVar

from shared.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class LogRead(Event):
    """A person read sensitive entries or took an export. Consumers: audit itself, as an entry."""

    TYPE: ClassVar[str] = "audit.log_read.v1"
    SUBJECT: ClassVar[str] = "account_id"

    account_id: str
    what: str  # entry, timeline, search, export
    filter: str  # canonical text of what was asked
    count: int  # entries shown
    read_at: datetime  # UTC


@dataclass(frozen=True, kw_only=True)
class AuditResendWanted(Event):
    """The audit service misses numbers of another service and asks for them again. Consumers: the source named."""

    TYPE: ClassVar[str] = "audit.resend_wanted.v1"
    SUBJECT: ClassVar[str] = "source"

    source: str
    epoch: int
    type: str  # event type, or "*" for numbers of the source
    numbers: tuple[int, ...]  # at most 1,000
