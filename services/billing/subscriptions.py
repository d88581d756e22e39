"""What billing listens to."""

from services.billing.handlers import change_account, end_session, record_usage
from shared.bus.base import on
from shared.contracts.dispatch import WorkOrderFinished
from shared.contracts.requests import AccountChanged, SessionEnded

SUBSCRIPTIONS = (
    on(WorkOrderFinished, do=record_usage),
    on(SessionEnded, do=end_session),
    on(AccountChanged, do=change_account),
)
