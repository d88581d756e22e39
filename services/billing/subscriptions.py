"""What billing listens to."""

from services.billing.handlers.hearing import (
    change_account,
    end_session,
    note_complaint,
    note_promises,
    note_reopening,
    note_stars,
    record_cost,
    record_usage,
)
from shared.bus.base import on
from shared.contracts.dispatch import CostMeasured, WorkOrderFinished
from shared.contracts.requests import (
    AccountChanged,
    ComplaintAnswered,
    RequestConfirmed,
    RequestReopened,
    SessionEnded,
)

SUBSCRIPTIONS = (
    on(WorkOrderFinished, do=record_usage),
    on(WorkOrderFinished, do=note_promises),
    on(CostMeasured, do=record_cost),
    on(RequestConfirmed, do=note_stars),
    on(RequestReopened, do=note_reopening),
    on(ComplaintAnswered, do=note_complaint),
    on(SessionEnded, do=end_session),
    on(AccountChanged, do=change_account),
)
