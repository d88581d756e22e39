"""What this service listens to."""

from __future__ import annotations

from services.requests.handlers.following import HAPPENINGS, follow_order, note_breach, note_usage
from shared.bus.base import on
from shared.contracts.billing import UsageRecorded
from shared.contracts.dispatch import PromiseBreached

SUBSCRIPTIONS = (
    on(*HAPPENINGS, do=follow_order),
    on(PromiseBreached, do=note_breach),
    on(UsageRecorded, do=note_usage),
)
