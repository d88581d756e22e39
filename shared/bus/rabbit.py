"""The relay's publisher on RabbitMQ: pika, many unconfirmed messages in flight, each row marked by its own confirm.

Runs unpatched in a process of its own. Nothing is lost while the broker is away, and nothing spins.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, cast

import pika
import psycopg2
from pika.adapters.select_connection import SelectConnection
from sqlalchemy import exc

from shared import observe
from shared.bus import tls
from shared.bus.topology import LISTEN, heads_body, heads_key
from shared.errors import Transient
from shared.faults import fault
from shared.relay import Relay, StandBy, sole_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.database import Database

log = logging.getLogger(__name__)

POLL = 1.0  # seconds between looks at the outbox when no wake-up came
NOTED_WITHIN = 0.02  # seconds in which confirms are noted together, unless events wait for room
RETURNED_PAUSE = 5.0  # seconds before an unroutable event is tried again
HEADS_EVERY = 60.0  # seconds between announcements of the last numbers
LONGEST_PAUSE = 5.0  # seconds between tries to reach the broker, at most


class RabbitRelay:
    """One service's relay as a process: takes the lock, connects, publishes until told to stop.

    Attributes:
        state: what it waits for, for ``/ready``: empty when it publishes.
    """

    def __init__(self, service: str, database: Database, url: str, *, window: int = 2000) -> None:
        self.service = service
        self.database = database
        self.exchange = f"{service}.events"
        self.window = window
        self.state = "starting"
        self._parameters = pika.URLParameters(tls.parted(url)[0])
        self._url = url
        if self._parameters.heartbeat is None:  # the address may say otherwise
            self._parameters.heartbeat = 60
        self._parameters.blocked_connection_timeout = 30
        self._parameters.socket_timeout = 5
        self._parameters.stack_timeout = 10
        self._parameters.client_properties = {"connection_name": f"{service} relay"}
        self._user = self._parameters.credentials.username
        self._stopping = threading.Event()
        self._connection: Any = None
        self._channel: Any = None
        self._relay: Relay | None = None
        self._tags: OrderedDict[int, int] = OrderedDict()  # delivery tag -> number, in order of tags
        self._returned: set[int] = set()
        self._tag = 0
        self._pump_planned = False
        self._note_planned = False
        self._paused_until = 0.0
        self._failure: Exception | None = None

    def run(self) -> None:
        """Relay until :meth:`stop`; every loss of broker or database is waited out with growing pauses."""
        listener = threading.Thread(target=self._listen, name="listen", daemon=True)
        listener.start()
        pause = 0.2
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                with sole_writer(self.database) as begin:
                    self._relay = Relay(self.service, begin, window=self.window)
                    self._relay.start()
                    self._serve()
            except StandBy:
                self.state = "standing by"
                self._stopping.wait(1.0)
                continue
            except (exc.SQLAlchemyError, Transient, psycopg2.Error) as error:
                self.state = "database away"
                log.warning("the database is away: %s", error)
            except (pika.exceptions.AMQPError, OSError) as error:
                refused = "CERTIFICATE_VERIFY_FAILED" in repr(error)
                self.state = "the broker's certificate is not to be trusted" if refused else "broker away"
                log.warning("the broker is away: %r", error)
            if time.monotonic() - began > 2 * LONGEST_PAUSE:
                pause = 0.2
            self._stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def stop(self) -> None:
        """Ask the relay to end; safe from a signal handler and from any thread."""
        self._stopping.set()
        self.wake(self._close)

    def wake(self, then: Callable[[], None] | None = None) -> None:
        """Look at the outbox now; safe from any thread."""
        connection = self._connection
        if connection is not None and connection.is_open:
            connection.ioloop.add_callback_threadsafe(then or self._plan)

    def _serve(self) -> None:
        """Publish over one connection until it or the lock is lost.

        Raises:
            pika.exceptions.AMQPError: the broker is away.
            sqlalchemy.exc.SQLAlchemyError: the database is away.
        """
        self._tags.clear()
        self._returned.clear()
        self._tag = 0
        self._failure = None
        self._pump_planned = False
        self._note_planned = False
        self._channel = None
        self.state = "broker away"
        if checked := tls.context(self._url):  # read anew, so that a renewed authority needs no restart
            self._parameters.ssl_options = pika.SSLOptions(checked, self._parameters.host)
        self._connection = SelectConnection(
            self._parameters,
            on_open_callback=self._opened,
            on_open_error_callback=self._ended,
            on_close_callback=self._ended,
        )
        try:
            self._connection.ioloop.start()
        finally:
            connection, self._connection, self._channel = self._connection, None, None
            connection.ioloop.close()
            if self._relay is not None:
                self._relay.lose()
        if self._failure is not None:
            raise self._failure

    def _opened(self, connection: Any) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Any) -> None:
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _frame: self._begin(channel))

    def _begin(self, channel: Any) -> None:
        self._channel = channel
        self.state = ""
        self._announce()
        self._poll()

    def _channel_closed(self, _channel: Any, reason: Exception) -> None:
        self._channel = None
        self._fail(reason)

    def _ended(self, connection: Any, reason: Exception | str) -> None:
        if self._failure is None and not self._stopping.is_set():
            known = isinstance(reason, pika.exceptions.AMQPError)  # pika's connectors have failures of their own kind
            self._failure = (
                pika.exceptions.AMQPConnectionError(repr(reason)) if not known else cast("Exception", reason)
            )
        connection.ioloop.stop()

    def _fail(self, error: Exception) -> None:
        if self._failure is None and not self._stopping.is_set():
            self._failure = error
        self._close()

    def _close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if connection.is_open:
            connection.close()
        elif not connection.is_closing:
            connection.ioloop.stop()

    def _poll(self) -> None:
        if self._channel is not None:
            self._connection.ioloop.call_later(POLL, self._poll)
            self._plan()

    def _plan(self) -> None:
        """Have the pump run once soon, however often it is asked for."""
        if not self._pump_planned and self._channel is not None:
            self._pump_planned = True
            self._connection.ioloop.call_later(0, self._pump)

    def _pump(self) -> None:
        self._pump_planned = False
        relay, channel = self._relay, self._channel
        if relay is None or channel is None or self._stopping.is_set() or time.monotonic() < self._paused_until:
            return
        try:
            events = relay.take()
        except Exception as error:  # noqa: BLE001  carried out of pika's loop, judged in run()
            self._fail(error)
            return
        # One object for all: pika writes it out while it publishes.
        said = pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=2, user_id=self._user, app_id=self.service
        )
        for event in events:
            self._tag += 1
            self._tags[self._tag] = event.number
            said.message_id = str(event.number)
            channel.basic_publish(self.exchange, event.type, event.body, said, mandatory=True)
            fault("relay.published")
        observe.OUT.labels(self.service).inc(len(events))
        if relay.more and len(relay.in_flight) < relay.window:
            self._plan()

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        # A return comes before the confirm of the same message and has no tag: remembered until that confirm comes.
        self._returned.add(int(properties.message_id))
        self.state = f"no queue takes {method.routing_key}"

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        tag = method.delivery_tag
        if method.multiple:
            numbers = []
            while self._tags and next(iter(self._tags)) <= tag:
                numbers.append(self._tags.popitem(last=False)[1])
        else:
            number = self._tags.pop(tag, None)
            numbers = [] if number is None else [number]
        relay = self._relay
        assert relay is not None
        full = len(relay.in_flight) >= relay.window
        if method.NAME == "Basic.Nack":
            relay.refuse(numbers)
        elif self._returned:
            back = [number for number in numbers if number in self._returned]
            relay.confirm(number for number in numbers if number not in self._returned)
            if back:
                self._returned.difference_update(back)
                relay.refuse(back)
                self._paused_until = time.monotonic() + RETURNED_PAUSE
                self._connection.ioloop.call_later(RETURNED_PAUSE, self._resume)
        else:
            relay.confirm(numbers)
        fault("relay.confirmed")
        if full:
            self._plan()
        elif not self._note_planned:  # with the next events, or by itself in a moment
            self._note_planned = True
            self._connection.ioloop.call_later(NOTED_WITHIN, self._note)

    def _note(self) -> None:
        self._note_planned = False
        self._plan()

    def _resume(self) -> None:
        self.state = ""
        self._plan()

    def _announce(self) -> None:
        """Say the last numbers, so that whoever misses the newest event learns of it."""
        if self._channel is None or self._relay is None:
            return
        self._connection.ioloop.call_later(HEADS_EVERY, self._announce)
        self._channel.basic_publish(
            self.exchange,
            heads_key(self.service),
            heads_body(self.database, self.service),
            pika.BasicProperties(content_type="application/json", user_id=self._user, message_id="0"),
        )
        self._tag += 1  # it is confirmed like the others, and belongs to no row

    def _listen(self) -> None:
        """Turn PostgreSQL notifications into wake-ups; polling covers whatever is missed."""
        if self.database.is_sqlite:
            return
        while not self._stopping.is_set():
            try:
                raw = psycopg2.connect(self.database.engine.url.set(drivername="postgresql").render_as_string(False))
                raw.autocommit = True
                raw.cursor().execute(f"LISTEN {LISTEN}")
                while not self._stopping.is_set():
                    if select.select([raw], [], [], 1.0)[0]:
                        raw.poll()
                        if raw.notifies:
                            raw.notifies.clear()
                            self.wake()
            except (psycopg2.Error, OSError, ValueError) as error:
                log.info("listening was interrupted: %s", error)
                self._stopping.wait(1.0)
