"""What audit listens to: everything, and the end of sessions."""

from services.audit.complaints import note_complaint
from services.audit.handlers import change_account, end_session, erase_person, keep_entries
from shared.bus.base import on, on_everything
from shared.contracts.base import SERVICES
from shared.contracts.requests import (
    AccountChanged,
    ComplaintAnswered,
    ComplaintAppealed,
    ComplaintClosed,
    ComplaintOpened,
    DataCaseClosed,
    SessionEnded,
)

SUBSCRIPTIONS = (
    on_everything(SERVICES, do=keep_entries, batch=500, gather=0.025),
    on(ComplaintOpened, ComplaintAnswered, ComplaintAppealed, ComplaintClosed, do=note_complaint),
    on(SessionEnded, do=end_session),
    on(AccountChanged, do=change_account),
    on(DataCaseClosed, do=erase_person),
)
