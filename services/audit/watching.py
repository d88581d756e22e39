"""The overview as it happens: open pages are told when the log has grown, and look again.

What readers do is in the log too, but no news to them: a page that looks again would tell itself so for ever.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from services.audit import store
from shared.database import Sql
from shared.web import live

if TYPE_CHECKING:
    from datetime import datetime

    from shared.service import Running

CHANNEL = "log"
ONE_READING = timedelta(minutes=10)  # an overview that stays open is one reading in that time
MOST_READERS = 10_000

_NEWS = Sql("SELECT 1 FROM log_entry WHERE seq >= :first AND source <> 'audit' LIMIT 1")
_hubs: dict[str, live.Hub] = {}
_told: dict[str, int] = {}
_read_at: dict[tuple[str, str], datetime] = {}
_turn = threading.Lock()


def hub(running: Running) -> live.Hub:
    """The hub of this process for this service."""
    with _turn:
        return _hubs.setdefault(running.database.url, live.Hub(running.clock, running.database))


def tell(running: Running) -> None:
    """Open overviews are told that services have said something since the last time."""
    url = running.database.url
    with running.database.read() as connection:
        size = store.count(connection)
        last = _told.setdefault(url, size)
        news = size > last and _NEWS.run(connection, first=last).first() is not None
    _told[url] = size
    if news:
        with running.work() as work:
            live.tell(work, CHANNEL, "row", {"ref": "overview", "fresh": False})
            live.prune(work)


def newly(url: str, account: str, now: datetime) -> bool:
    """Whether this is another reading of the overview, not the page of the last one looking again."""
    with _turn:
        last = _read_at.get((url, account))
        if last is not None and timedelta(0) <= now - last < ONE_READING:
            return False
        if len(_read_at) >= MOST_READERS:
            _read_at.clear()
        _read_at[url, account] = now
        return True
