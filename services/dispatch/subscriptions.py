"""What dispatch listens to."""

from __future__ import annotations

from services.dispatch.hearing import (
    FOLLOWED,
    change_account,
    change_item,
    cover_contract,
    end_session,
    erase_person,
    follow_request,
    note_score,
    take_filed,
)
from shared.bus.base import Subscription, on
from shared.contracts.billing import ContractInForce, PerformanceScored
from shared.contracts.requests import AccountChanged, CatalogueChanged, DataCaseClosed, RequestFiled, SessionEnded

SUBSCRIPTIONS = (
    Subscription("dispatch.take_filed", take_filed, events=(RequestFiled,), whole=True, batch=50),
    on(*FOLLOWED, do=follow_request),
    on(ContractInForce, do=cover_contract),
    on(PerformanceScored, do=note_score),
    on(CatalogueChanged, do=change_item),
    on(AccountChanged, do=change_account),
    on(SessionEnded, do=end_session),
    on(DataCaseClosed, do=erase_person),
)
