"""What every handler and view of this service is given beside its database: catalogue, places, numbers, secret."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.requests import model, quotas, store
from services.requests.letters.office import Office, no_mail
from services.requests.shelf import Shelf
from shared.web.live import Hub
from shared.work import Work

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection

    from services.requests.catalogue import Catalogue, Item
    from services.requests.chat.channels import Channel
    from services.requests.chat.second import Second
    from services.requests.compound import Place
    from services.requests.quotas import Quota
    from services.requests.store import Department, Request
    from shared import filed
    from shared.clock import Clock
    from shared.database import Database
    from shared.web.passes import Signer

SMALLEST_BLOCK, LARGEST_BLOCK = 8, 128
BUSY = 2.0  # seconds in which a block is used up when the next should be twice as large
STALE = 60.0  # seconds after which places and departments are read again


@dataclass(frozen=True)
class Open311:
    """How the public may report by Open311.

    Attributes:
        jurisdiction: the id that programs may name; empty = whatever they name is ours.
        account: user name under which reports without a key are filed; empty = a key is needed.
        per_minute: reports without a key, from one address.
    """

    on: bool = True
    jurisdiction: str = ""
    account: str = ""
    per_minute: int = 5


class Numbers:
    """Running numbers of the day without a row that all filings wait for.

    On PostgreSQL a process takes blocks, in a transaction of its own after a filing's commit; a filing that finds no
    block takes one number in its own transaction. On SQLite writers stand in one line anyway: always the latter.
    Numbers are never given twice; those of an unfinished block are lost when the process ends.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._day: date | None = None
        self._next = self._end = 0  # numbers [next, end) are ours
        self._size = SMALLEST_BLOCK
        self._taken_at = 0.0

    def take(self, work: Work) -> tuple[date, int]:
        """The day at the site and the next number in it, for the filing in ``work``."""
        day = model.day_of(work.now)
        with self._lock:
            if self._day == day and self._next < self._end:
                self._next += 1
                return day, self._next - 1
        return day, store.take_numbers(work.connection, day, 1)

    def refill(self) -> None:
        """Have numbers in hand for the next filings; called after a commit, outside any transaction."""
        if self._database.is_sqlite:
            return
        day = model.day_of(self._clock.now())
        if not self._wanted(day) or not self._lock.acquire(blocking=False):
            return
        try:
            if not self._wanted(day):
                return
            now = time.monotonic()
            busy = now - self._taken_at < BUSY
            self._size = min(self._size * 2, LARGEST_BLOCK) if busy else SMALLEST_BLOCK
            with self._database.write() as connection:
                first = store.take_numbers(connection, day, self._size)
            self._day, self._next, self._end, self._taken_at = day, first, first + self._size, now
        finally:
            self._lock.release()

    def _wanted(self, day: date) -> bool:
        return self._day != day or self._next >= self._end


@dataclass
class Desk:
    """The service's own things; ``context.own`` in views.

    Attributes:
        shipped: the catalogue that came with this version; what holds is :attr:`catalogue`.
        secret: signs tracking codes and cursors; the same in all replicas.
        signer: mints passes; in this service alone.
        channels: chat programs that may call, by name.
        second: asked about sentences that the chat is unsure of; None where nobody is.
        demonstration: the sign-in page lists the demonstration accounts.
        second_factor: roles that nobody may use without one.
        catalogue_four_eyes: whoever wrote a version of an item may not publish it.
        office: how this installation uses mail.
        open311: how the public may report.
        promises: signs for whoever files that the log will hold it; None where nobody asked for one.
    """

    shipped: Catalogue
    database: Database
    clock: Clock
    secret: bytes
    signer: Signer
    confirm_days: int = 3
    site_name: str = ""
    emergency: str = "8110"
    demonstration: bool = False
    second_factor: frozenset[str] = frozenset()
    catalogue_four_eyes: bool = False
    channels: dict[str, Channel] = field(default_factory=dict)
    second: Second | None = None
    promises: filed.Desk | None = None
    office: Office = field(default_factory=no_mail)
    open311: Open311 = field(default_factory=Open311)
    numbers: Numbers = field(init=False)
    shelf: Shelf = field(init=False)
    hub: Hub = field(init=False)
    _places: dict[str, Place] = field(default_factory=dict)
    _departments: dict[str, Department] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _phones: dict[str, tuple[str, float]] = field(default_factory=dict)
    _quotas: dict[str, list[Quota]] = field(default_factory=dict)
    _quotas_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.numbers = Numbers(self.database, self.clock)
        self.shelf = Shelf(self.shipped, self.database)
        self.shelf.begin()
        # Handlers tell live pages by rows in their own transactions, so the hub reads the table even in one process.
        self.hub = Hub(self.clock, self.database)

    @property
    def catalogue(self) -> Catalogue:
        """What may be asked for now."""
        return self.shelf.at(self.clock.now())

    def item_of(self, request: Request) -> Item | None:
        """The item of a request in the version it was filed under, retired or not."""
        return self.shelf.item(request.item, request.item_version)

    def place(self, source: Work | Connection, code: str) -> Place | None:
        """The place of this code; None when there is none."""
        return self.places(source).get(code)

    def places(self, source: Work | Connection) -> dict[str, Place]:
        """All places by code, at most a minute old."""
        self._refresh(source)
        return self._places

    def departments(self, source: Work | Connection) -> dict[str, Department]:
        """All departments by code, at most a minute old."""
        self._refresh(source)
        return self._departments

    def phone(self, source: Work | Connection, account: str) -> str:
        """The telephone of an account, at most a minute old; empty when it has none."""
        found, read_at = self._phones.get(account, ("", float("-inf")))
        now = time.monotonic()
        if now - read_at > STALE:
            found = store.phone_of(_connection(source), account)
            if len(self._phones) > 20_000:
                self._phones.clear()
            self._phones[account] = (found, now)
        return found

    def quotas(self, source: Work | Connection) -> dict[str, list[Quota]]:
        """Quotas by item, at most a minute old."""
        now = time.monotonic()
        if now - self._quotas_at > STALE:
            found: dict[str, list[Quota]] = {}
            for each in quotas.all_quotas(_connection(source)):
                found.setdefault(each.item, []).append(each)
            self._quotas, self._quotas_at = found, now
        return self._quotas

    def forget(self) -> None:
        """Places, departments, telephones, quotas and the catalogue are read anew at their next use."""
        self.shelf.forget()
        self._quotas_at = float("-inf")
        self._read_at = float("-inf")
        self._phones.clear()

    def _refresh(self, source: Work | Connection) -> None:
        now = time.monotonic()
        if now - self._read_at <= STALE and self._places:
            return
        connection = _connection(source)
        self._places = {place.code: place for place in store.places(connection)}
        self._departments = {each.code: each for each in store.departments(connection)}
        self._read_at = now


def _connection(source: Work | Connection) -> Connection:
    """Where to read; a work's transaction begins only where something must be read."""
    return source.connection if isinstance(source, Work) else source
