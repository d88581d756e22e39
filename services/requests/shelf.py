"""The catalogue as it stands at an instant, in every process alike.

A version is published at least :data:`NOTICE` before it takes effect, and no process relies on what it read longer ago
than that. So all know a version before its instant comes, and filing asks the database once in a while and not each time.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from services.requests import catalogue_store
from services.requests.catalogue import Catalogue, Item
from services.requests.catalogue_reading import read_item
from shared.clock import SITE_ZONE
from shared.errors import Transient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from shared.database import Database
    from shared.work import Work

NOTICE = timedelta(seconds=60)  # between publishing and taking effect, at least
FRESH = 20.0  # seconds after which versions are looked up again
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Edition:
    """One published version of an item and from when on it holds."""

    item: Item
    effective_at: datetime


class Shelf:
    """All published versions, and which of them hold."""

    def __init__(self, shipped: Catalogue, database: Database) -> None:
        self._database = database
        self._order = {item.code: place for place, item in enumerate(shipped)}
        self._shipped = {(item.code, item.version): Edition(item, midnight(item)) for item in shipped}
        self._editions = dict(self._shipped)
        self._stands: tuple[Catalogue, datetime, datetime] | None = None
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def at(self, moment: datetime, work: Work | None = None) -> Catalogue:
        """The catalogue at ``moment``; without the items that are retired by then.

        Versions are looked up, once in a while, in the transaction of ``work`` where there is one: it may hold a lock
        for which everybody who has the pool's other connections waits.

        Raises:
            Transient: the database is away, and what is known may have been overtaken.
        """
        self._look(work)
        stands = self._stands
        if stands is None or not stands[1] <= moment < stands[2]:
            stands = self._stands = self._standing(moment)
        return stands[0]

    def item(self, code: str, version: int = 0) -> Item | None:
        """An item in this version, retired or not; the newest where the version is 0 or lost."""
        found = self._editions.get((code, version))
        if found is None:
            editions = [each for (item, _), each in self._editions.items() if item == code]
            found = max(editions, key=lambda each: each.item.version, default=None)
        return found.item if found else None

    def editions(self, code: str) -> list[Edition]:
        """Every published version of an item, the newest first."""
        self._look(None)
        found = [each for (item, _), each in self._editions.items() if item == code]
        return sorted(found, key=lambda each: -each.item.version)

    def codes(self) -> list[str]:
        """Every item there is or was, in the order in which pages show them."""
        self._look(None)
        return sorted({code for code, _ in self._editions}, key=self._place)

    def begin(self) -> None:
        """Versions are known before the first request, which may ask in the midst of a transaction; or, without the
        database, at their first use.
        """
        with suppress(Transient, SQLAlchemyError):  # no tables, where only documents are made
            self._look(None)

    def forget(self) -> None:
        """Versions are looked up at their next use."""
        self._read_at = float("-inf")

    def _place(self, code: str) -> tuple[int, str]:
        return self._order.get(code, len(self._order)), code

    def _look(self, work: Work | None) -> None:
        age = time.monotonic() - self._read_at
        if age <= FRESH or not self._lock.acquire(blocking=age > NOTICE.total_seconds()):
            return
        try:
            asked = time.monotonic()
            if asked - self._read_at <= FRESH:
                return
            try:
                if work is not None:
                    self._take(work.connection)
                else:
                    with self._database.read() as own:
                        self._take(own)
            except Transient:
                # Whoever asks may hold a connection while all others wait for his lock: what is known serves him still.
                if asked - self._read_at > NOTICE.total_seconds():
                    raise
                return
            self._read_at = asked
        finally:
            self._lock.release()

    def _take(self, connection: Connection) -> None:
        heads = catalogue_store.published(connection)
        unknown = [
            key for key, at in heads.items() if key not in self._editions or self._editions[key].effective_at != at
        ]
        if not unknown:
            return
        found = dict(self._editions)
        for (code, version), body in catalogue_store.bodies(connection, unknown).items():
            at = heads[code, version]
            item, _ = read_item(json.loads(body), version=version, since=at.astimezone(SITE_ZONE).date())
            found[code, version] = Edition(item, at)
        self._editions, self._stands = found, None

    def _standing(self, moment: datetime) -> tuple[Catalogue, datetime, datetime]:
        editions = list(self._editions.values())
        since = max((each.effective_at for each in editions if each.effective_at <= moment), default=_BEGINNING)
        until = min((each.effective_at for each in editions if each.effective_at > moment), default=_END)
        return Catalogue(tuple(self._newest(each for each in editions if each.effective_at <= moment))), since, until

    def _newest(self, editions: Iterable[Edition]) -> list[Item]:
        newest: dict[str, Item] = {}
        for each in sorted(editions, key=lambda each: each.item.version):
            newest[each.item.code] = each.item
        return sorted((item for item in newest.values() if not item.retired), key=lambda item: self._place(item.code))


def midnight(item: Item) -> datetime:
    """The first instant of a shipped version: the beginning of its day at the site."""
    return datetime(item.since.year, item.since.month, item.since.day, tzinfo=SITE_ZONE).astimezone(UTC)
