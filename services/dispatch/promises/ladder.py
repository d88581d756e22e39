"""Who is told when a promise is in danger: the escalation ladder (升级) as data, and the instants it gives.

Alerts are derived from the promise each time, never kept in a timer's memory: after a restart the same alerts come
out with the same keys, and the caller's unique row on ``Alert.key`` makes each fire once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.dispatch.promises.clock import Promise
    from shared.working_time import Calendar


@dataclass(frozen=True)
class Rung:
    """One step of the ladder.

    Attributes:
        role: who is told.
        at: "soon" (early warning) or "due".
        after: working minutes after that instant.
        key: message key of what they are told.
    """

    role: str
    at: str
    after: int = 0
    key: str = "promise.soon"


LADDER: tuple[Rung, ...] = (
    Rung("crew_leader", "soon", 0, "promise.soon"),
    Rung("dispatcher", "due", 0, "promise.breached"),
    Rung("supervisor", "due", 60, "promise.still_breached"),
)


@dataclass(frozen=True)
class Alert:
    """Somebody is to be told at ``at`` (UTC) unless the promise is settled before.

    Attributes:
        key: unique for one request: promise, round and rung.
    """

    key: str
    at: datetime
    role: str
    message: str
    promise: str


def alerts(promises: Iterable[Promise], calendar: Calendar, ladder: Sequence[Rung] = LADDER) -> list[Alert]:
    """Every alert of the promises that are neither kept nor standing, by time; those in the past are due now.

    A promise settled too late gives the alerts that fell before it was settled.
    """
    found = []
    for promise in promises:
        if promise.state == "kept" or (promise.state == "stopped" and promise.breached_at is None):
            continue
        for place, rung in enumerate(ladder):
            start = promise.soon_at if rung.at == "soon" else promise.due_at
            at = calendar.add(start, timedelta(minutes=rung.after)) if rung.after else start
            if promise.settled_at is not None and at >= promise.settled_at:
                continue
            key = f"{promise.kind}.{promise.round}.{place}.{rung.role}"
            found.append(Alert(key, at, rung.role, rung.key, promise.kind))
    return sorted(found, key=lambda alert: (alert.at, alert.key))


def next_change(
    promises: Iterable[Promise], calendar: Calendar, now: datetime, ladder: Sequence[Rung] = LADDER
) -> datetime | None:
    """The next instant after ``now`` at which somebody is to be told; None when nothing is coming.

    A standing clock says nothing until it runs again, or until its cap is used up: look at it once an hour.
    """
    return min((alert.at for alert in alerts(promises, calendar, ladder) if alert.at > now), default=None)
