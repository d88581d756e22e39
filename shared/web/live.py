"""What changes on live pages: one hub in each process, one table for all replicas, one stream for each open page.

A service calls ``hub.publish(channel, event, data)`` after its commit (``context.after_commit``). Events are ``row``
(something changed: fetch it again), ``gone``, ``say`` (a count or a breach, announced), ``bell`` (a notice) and
``reload`` (too much was missed). Data is JSON and small: a reference and an address, not a page; so each reader fetches what he may see in his
own language. A stream resumes by ``Last-Event-ID``; the ring holds the last 512 of a channel.

Losing one message is harmless by design: it only tells a page to look again, and a page looks again when its stream is
opened anew.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.database import Sql
from shared.errors import TooMany, Transient
from shared.text import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shared.clock import Clock
    from shared.database import Database
    from shared.web.context import Context
    from shared.work import Work

log = logging.getLogger("houqin.live")

RING = 512  # events kept for each channel
BUFFER = 128  # events one reader may lag behind; then its stream ends and it resumes by id
STREAMS_EACH = 6  # for one account
STREAMS_ALL = 1000  # in one process
PING = 15.0  # seconds between comments
POLL = 0.25  # seconds between looks into the table while somebody listens
OVERLAP = 200  # rows looked at again, because transactions may commit out of the order of their ids
KEPT = timedelta(minutes=10)
MAX_DATA = 16_000  # characters

_PUT = Sql("INSERT INTO live_row (channel, event, data, at) VALUES (:channel, :event, :data, :at)")
_AFTER = Sql("SELECT id, channel, event, data FROM live_row WHERE id > :after ORDER BY id LIMIT 2000")
_LAST = Sql("SELECT coalesce(max(id), 0) FROM live_row")
_PRUNE = Sql("DELETE FROM live_row WHERE at < :before")


def tell(work: Work, channel: str, event: str, data: Any) -> None:
    """Pages that listen to ``channel`` will be told once this work is committed; hubs that read the table hear it."""
    text = compact(data)
    work.later(_PUT, channel=channel, event=event, data=text, at=work.now)


def prune(work: Work) -> None:
    """What was told more than ten minutes ago is forgotten; for services whose pages may be open nowhere."""
    work.later(_PRUNE, before=work.now - KEPT)


@dataclass(frozen=True)
class Told:
    """One event as it goes to readers."""

    id: int
    channel: str
    event: str
    data: str


@dataclass(eq=False)
class _Reader:
    account: str
    channels: frozenset[str]
    waiting: queue.Queue[Told] = field(default_factory=lambda: queue.Queue(BUFFER))
    full: bool = False


class Hub:
    """The live events of one service in one process.

    Args:
        database: where replicas meet; None keeps everything in this process (embedded mode, tests).
    """

    def __init__(self, clock: Clock, database: Database | None = None) -> None:
        self._clock = clock
        self._database = database
        self._lock = threading.Lock()
        self._rings: dict[str, deque[Told]] = defaultdict(lambda: deque(maxlen=RING))
        self._dropped: dict[str, int] = defaultdict(int)  # highest id that fell out of a channel's ring
        self._readers: set[_Reader] = set()
        self._outgoing: deque[tuple[str, str, str]] = deque(maxlen=10_000)
        self._wake = threading.Event()
        self._seen: set[int] = set()
        self._last = 0
        self._floor = 0  # nothing below this id was ever seen by this process
        self._thread: threading.Thread | None = None
        self._stopped = False
        self.begun = threading.Event()  # set once the table has been looked into: from here on nothing is missed

    def publish(self, channel: str, event: str, data: Any) -> None:
        """All pages that listen to ``channel`` will be told, in every replica; call it after the commit.

        Raises:
            ValueError: the data is larger than a live event may be.
        """
        text = compact(data)
        if len(text) > MAX_DATA:
            raise ValueError(f"{channel}: {len(text)} characters are too much for a live event")
        if self._database is None:
            with self._lock:
                self._last += 1
                told = Told(self._last, channel, event, text)
            self._distribute([told])
            return
        self._outgoing.append((channel, event, text))
        self._start()
        self._wake.set()

    def place(self) -> str:
        """Where the stream stands now. A page asks before it reads its data and hands it to ``parts/page.html: live``."""
        if self._database is not None and not self._readers:
            with self._database.read() as connection:
                return str(int(_LAST.run(connection).scalar_one()))
        return str(self._last)

    def stream(
        self, context: Context, channels: Iterable[str], *, still: Callable[[], bool] | None = None
    ) -> Iterator[str]:
        """The events of ``channels`` for the person of ``context``, from where he left off.

        ``still`` is asked every second whether the person may still listen, and the stream ends when not; the pass's
        expiry and revocation are checked in any case.

        Raises:
            TooMany: the person has six streams open already, or the process a thousand.
        """
        person = context.principal_or_none
        reader = _Reader(person.account if person else f"peer:{context.peer}", frozenset(channels))
        with self._lock:
            mine = sum(1 for each in self._readers if each.account == reader.account)
            if mine >= STREAMS_EACH or len(self._readers) >= STREAMS_ALL:
                raise TooMany(30)
            self._readers.add(reader)
        if self._database is not None:
            self._start()
            self._wake.set()
        last = context.request.headers.get("Last-Event-ID") or context.request.args.get("last", "")
        application = context.application

        def may() -> bool:
            return (person is None or application.believed(person)) and (still is None or still())

        return _Stream(self, reader, self._missed(reader.channels, last), may)

    @property
    def listening(self) -> int:
        """How many streams are open in this process."""
        return len(self._readers)

    def _missed(self, channels: frozenset[str], last: str) -> list[Told]:
        """What was told after ``last``; one ``reload`` when that is no longer known."""
        if not last:
            return []
        if not last.isdecimal() or len(last) > 18:
            return [Told(self._last, "", "reload", "{}")]
        after = int(last)
        if self._database is not None:
            self._catch_up()
        with self._lock:
            lost = after < self._floor or after > self._last or any(self._dropped[name] > after for name in channels)
            if lost:
                return [Told(self._last, "", "reload", "{}")]
            found = [told for name in channels for told in self._rings[name] if told.id > after]
        return sorted(found, key=lambda told: told.id)

    def _catch_up(self) -> None:
        """Know what the table holds, so that a place given by any replica can be resumed from here."""
        if self.begun.wait(2):
            self._read()

    def leave(self, reader: _Reader) -> None:
        """The reader is gone."""
        with self._lock:
            self._readers.discard(reader)

    def stop(self) -> None:
        """End the pump; streams end at their next look."""
        self._stopped = True
        self._wake.set()

    def _distribute(self, events: list[Told]) -> None:
        with self._lock:
            for told in events:
                ring = self._rings[told.channel]
                if len(ring) == RING:
                    self._dropped[told.channel] = max(self._dropped[told.channel], ring[0].id)
                ring.append(told)
            readers = list(self._readers)
        for reader in readers:
            for told in events:
                if told.channel in reader.channels:
                    try:
                        reader.waiting.put_nowait(told)
                    except queue.Full:
                        reader.full = True

    # ---- the pump: one thread (a greenlet inside the host) writes what was published and reads what others wrote

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._pump, name="live", daemon=True)
                self._thread.start()

    def _pump(self) -> None:
        pruned = 0.0
        started = False
        while not self._stopped:
            try:
                if not started:
                    self._begin()
                    started = True
                    self.begun.set()
                self._write()
                if self._readers:
                    self._read()
                if time.monotonic() - pruned > 60:
                    pruned = time.monotonic()
                    self._forget()
            except Transient as error:
                log.warning("live pages wait for the database: %s", error)
            self._wake.wait(POLL if self._readers else 60)
            self._wake.clear()

    def _begin(self) -> None:
        assert self._database is not None
        with self._database.read() as connection:
            self._last = self._floor = int(_LAST.run(connection).scalar_one())

    def _write(self) -> None:
        assert self._database is not None
        batch: list[tuple[str, str, str]] = []
        while self._outgoing and len(batch) < 500:
            batch.append(self._outgoing.popleft())
        if not batch:
            return
        try:
            with self._database.write() as connection:
                at = self._clock.now()
                for channel, event, data in batch:
                    _PUT.run(connection, channel=channel, event=event, data=data, at=at)
        except Transient:
            self._outgoing.extendleft(reversed(batch))
            raise
        if self._outgoing:
            self._wake.set()

    def _read(self) -> None:
        assert self._database is not None
        with self._database.read() as connection:
            rows: list[Any] = list(_AFTER.run(connection, after=max(self._floor, self._last - OVERLAP)).all())
        with self._lock:
            fresh = [Told(int(row[0]), row[1], row[2], row[3]) for row in rows if int(row[0]) not in self._seen]
            if not fresh:
                return
            self._seen.update(told.id for told in fresh)
            self._last = max(self._last, fresh[-1].id)
            self._seen = {each for each in self._seen if each > self._last - OVERLAP}
        self._distribute(fresh)

    def _forget(self) -> None:
        assert self._database is not None
        with self._database.write() as connection:
            _PRUNE.run(connection, before=self._clock.now() - KEPT)


class _Stream:
    """Text blocks for one open page. Holds no database session while it waits."""

    def __init__(self, hub: Hub, reader: _Reader, missed: list[Told], may: Callable[[], bool]) -> None:
        self._hub, self._reader, self._may = hub, reader, may
        self._ready: deque[str] = deque(["retry: 2000\n\n", *map(block, missed)])
        self._spoke = time.monotonic()

    def __iter__(self) -> _Stream:
        return self

    def __next__(self) -> str:
        if self._ready:
            return self._ready.popleft()
        while True:
            try:
                told = self._reader.waiting.get(timeout=1.0)
            except queue.Empty:
                told = None
            if self._reader.full or self._hub._stopped or not self._may():  # noqa: SLF001  one module
                self.close()
                raise StopIteration
            if told is not None:
                self._spoke = time.monotonic()
                return block(told)
            if time.monotonic() - self._spoke >= PING:
                self._spoke = time.monotonic()
                return ": still here\n\n"

    def close(self) -> None:
        """Called by the server when the reader has gone (PEP 3333), and by ourselves."""
        self._hub.leave(self._reader)


def block(told: Told) -> str:
    """One server-sent event."""
    return f"id: {told.id}\nevent: {told.event}\ndata: {told.data}\n\n"
