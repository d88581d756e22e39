"""What this service listens to."""

from __future__ import annotations

from services.requests.handlers.following import HAPPENINGS, follow_orders, note_breach, note_question, note_usage
from shared.bus.base import Subscription, on
from shared.contracts.billing import UsageRecorded
from shared.contracts.dispatch import PromiseBreached, RequesterAsked

SUBSCRIPTIONS = (
    Subscription("requests.follow_order", follow_orders, events=tuple(HAPPENINGS), whole=True, batch=50, gather=0.025),
    on(PromiseBreached, do=note_breach),
    on(RequesterAsked, do=note_question),
    on(UsageRecorded, do=note_usage),
)
