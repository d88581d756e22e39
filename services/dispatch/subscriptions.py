"""What dispatch listens to."""

from __future__ import annotations

from services.dispatch.handlers import (
    FOLLOWED,
    change_account,
    cover_contract,
    end_session,
    follow_request,
    take_filed,
)
from shared.bus.base import Subscription, on
from shared.contracts.billing import ContractInForce
from shared.contracts.requests import AccountChanged, RequestFiled, SessionEnded

SUBSCRIPTIONS = (
    Subscription("dispatch.take_filed", take_filed, events=(RequestFiled,), whole=True, batch=50),
    on(*FOLLOWED, do=follow_request),
    on(ContractInForce, do=cover_contract),
    on(AccountChanged, do=change_account),
    on(SessionEnded, do=end_session),
)
