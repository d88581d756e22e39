"""What a service is made of, as data, and the running of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData

from shared import inbox, outbox
from shared.clock import Clock, SystemClock
from shared.delivery import Consumer
from shared.ids import Ids, new_id
from shared.web import tables as web
from shared.work import Work, work

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from shared.bus.base import Subscription
    from shared.database import Database
    from shared.personal import Kept
    from shared.settings import Setting, Settings


@dataclass(frozen=True)
class Timer:
    """Something a service does by itself every so often; ``run(service)`` must tolerate replicas doing it too."""

    name: str
    every: float  # seconds
    run: Callable[[Running], Any]


@dataclass(frozen=True)
class Service:
    """One service as data; ``services/<name>/service.py`` holds it as ``SERVICE``.

    Attributes:
        application: builds the WSGI application of a running service.
        demonstrate: loads the demonstration compound into an empty database; idempotent.
        append_only: tables in which nothing is ever changed or deleted, not even by the service.
        personal: what it keeps of persons, beside what the floor keeps (``shared.personal``).
        private: tables that no report may read: passwords, sessions, keys, what a person alone may see.
    """

    name: str
    settings: tuple[Setting, ...]
    metadata: MetaData
    migrations: Path
    subscriptions: tuple[Subscription, ...]
    application: Callable[[Running], Callable[..., Any]]
    demonstrate: Callable[[Running], None]
    timers: tuple[Timer, ...] = ()
    append_only: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    personal: tuple[Kept, ...] = ()


@dataclass
class Running:
    """A service with its database, clock and settings: what handlers, pages and timers are given."""

    service: Service
    database: Database
    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = new_id

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Everything this service listens to, the floor's own included."""
        from shared.upkeep import floor_subscriptions

        return (*self.service.subscriptions, *floor_subscriptions(self.name))

    def work(self, **who: Any) -> AbstractContextManager[Work]:
        """Open a unit of work of this service; see :func:`shared.work.work`."""
        return work(self.name, self.database, self.clock, ids=self.ids, **who)

    @property
    def consumer(self) -> Consumer:
        """The receiving side of this service."""
        return Consumer(self.name, self.database, self.clock, self.ids)


def metadata_of_floor() -> MetaData:
    """A schema that already holds what every service needs: outbox, inbox, waiting events, the web floor's tables."""
    metadata = MetaData()
    outbox.add_tables(metadata)
    inbox.add_tables(metadata)
    web.add_tables(metadata)
    return metadata
