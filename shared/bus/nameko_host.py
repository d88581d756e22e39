"""The host: nameko runs each service; HTTP, events and timers have separate pools.

The only file that imports nameko or eventlet. Importing it patches the process, so it is imported first, by the
commands that serve. It consumes and never publishes: a connection that publishes is blocked, acknowledgements
included, while the broker is in alarm.
"""

# ruff: noqa: E402  the patch comes before whatever it patches
from __future__ import annotations

import os
import warnings

warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # its own resolver costs 8 MiB and 0.3 s a process: see _resolve
import eventlet

eventlet.monkey_patch()

import psycogreen.eventlet

psycogreen.eventlet.patch_psycopg()

import contextlib
import errno
import gc
import io
import json
import logging
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import amqp.exceptions
import eventlet.green.socket
import eventlet.tpool
import eventlet.wsgi
import kombu.exceptions
from eventlet.greenpool import GreenPool
from eventlet.semaphore import Semaphore
from kombu import Connection, Consumer, Queue
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from nameko.runners import ServiceRunner
from nameko.timer import Timer as NamekoTimer

from shared import apart, observe
from shared.bus import tls
from shared.bus.memory import TRANSPORT, URL, MemoryPublisher, first_unseen
from shared.bus.topology import LISTEN, heads_body, heads_key
from shared.contracts.base import Undecodable
from shared.database import Sql
from shared.delivery import read
from shared.errors import Transient
from shared.faults import fault
from shared.relay import Relay, sole_writer
from shared.upkeep import UPKEEP, note_heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.bus.base import Delivery, Subscription
    from shared.service import Running

log = logging.getLogger(__name__)

LOST = (OSError, amqp.exceptions.AMQPError, kombu.exceptions.KombuError)
BODY_SECONDS = 15  # a request's body must have come by then
MAX_BODY = 12_000_000  # bytes; JSON and forms have narrower limits of their own
LOOKUP_THREADS = 4  # for names that the system resolves
HEAVY_THREADS = 2  # for passwords: each hash takes 19 MiB, and more threads than processors win nothing
FEW = 64  # messages at hand for which no others are waited for
AT_HAND = 100  # messages the broker hands over before their acknowledgement, at least: it is slow to send the next
TOGETHER = 0.005  # seconds after a wake-up of the relay in which further commits wait for one more
NOTIFY = Sql(f"NOTIFY {LISTEN}")
POLITE = (
    0.01  # seconds that work in the background waits for requests that are being answered, between two slices of it
)
GRACE = 10  # seconds in flight requests and handlers have when the process is asked to stop

eventlet.tpool.set_num_threads(HEAVY_THREADS + LOOKUP_THREADS)
_heavy = Semaphore(HEAVY_THREADS)


def _apart(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    with _heavy:
        return eventlet.tpool.execute(function, *arguments, **named)


def _resolve(*arguments: Any, **named: Any) -> Any:
    """``socket.getaddrinfo`` by the system's own resolver, while others go on."""
    return eventlet.tpool.execute(_system_getaddrinfo, *arguments, **named)


_system_getaddrinfo = eventlet.patcher.original("socket").getaddrinfo
socket.getaddrinfo = eventlet.green.socket.getaddrinfo = _resolve
apart.use(_apart)


@dataclass
class Host:
    """What a running service shows of its inner state."""

    running: Running
    broker_url: str
    waits_for: dict[str, str] = field(default_factory=dict)  # what is not ready -> why

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        return self.running.subscriptions

    def speaker_for(self, source: str) -> str:
        """The broker's user that alone may speak for ``source``; empty where all processes share one user.

        Where this service has a user of its own, named after it (``dispatch``, or with a prefix ``site-dispatch``), each
        relay has one too: ``requests-relay``, ``site-requests-relay``.
        """
        user = unquote(urlsplit(self.broker_url).username or "")
        own = self.running.name
        return f"{user.removesuffix(own)}{source}-relay" if user.endswith(own) else ""


class Intake(SharedExtension, ProviderCollector):  # type: ignore[misc]  # nameko has no types
    """One connection to the broker for all subscriptions of a service; a channel for each."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host
        self.stopping = False
        self.thread: Any = None

    def start(self) -> None:
        if self.thread is None:
            self.thread = self.container.spawn_managed_thread(self._run, identifier="intake")

    def stop(self) -> None:
        self.stopping = True
        deadline = time.monotonic() + GRACE
        while any(each.busy for each in self._providers) and time.monotonic() < deadline:
            eventlet.sleep(0.02)
        if self.thread is not None:
            self.thread.kill()

    def kill(self) -> None:
        self.stopping = True

    def _run(self) -> None:
        pause = 0.2
        options = TRANSPORT if self.host.broker_url.startswith("memory") else {}
        while not self.stopping:
            self.host.waits_for["broker"] = "no connection"
            try:
                with Connection(
                    **tls.for_kombu(self.host.broker_url),
                    heartbeat=60,
                    connect_timeout=5,
                    transport_options=dict(options),
                ) as connection:
                    connection.connect()
                    for provider in self._providers:
                        provider.attach(connection.channel(), memory=bool(options))
                    self.host.waits_for.pop("broker", None)
                    pause = 0.2
                    self._drain(connection)
            except LOST as error:
                self.host.waits_for["broker"] = f"{type(error).__name__}: {error}"
                log.warning("the broker is away: %r", error)
            finally:
                for provider in self._providers:
                    provider.detach()
            if not self.stopping:
                eventlet.sleep(pause)
                pause = min(pause * 2, 5)

    def _drain(self, connection: Any) -> None:
        beat = time.monotonic()
        while not self.stopping:
            with contextlib.suppress(TimeoutError):
                connection.drain_events(timeout=1)
            if time.monotonic() - beat > 10:
                connection.heartbeat_check()
                beat = time.monotonic()


class Subscribed(Entrypoint):  # type: ignore[misc]
    """A subscription as nameko's entrypoint: whatever has come is one batch, one worker, one transaction, then acked."""

    def __init__(self, intake: Intake, subscription: Subscription) -> None:
        super().__init__()
        self.intake = intake
        self.subscription = subscription
        self.buffer: deque[Any] = deque()
        self.channel: Any = None
        self.memory = False
        self.busy = False

    def setup(self) -> None:
        self.intake.register_provider(self)

    def stop(self) -> None:
        self.intake.stopping = True

    def attach(self, channel: Any, *, memory: bool) -> None:
        """Begin consuming on ``channel``; the queue must exist."""
        self.channel, self.memory = channel, memory
        channel.basic_qos(0, max(2 * self.subscription.batch, AT_HAND), False)
        queue = Queue(self.subscription.name, channel=channel, no_declare=True)
        consumer = Consumer(channel, [queue], no_ack=False, auto_declare=False, on_message=self._arrived, accept=None)
        consumer.consume()

    def detach(self) -> None:
        """Forget what has come over a connection that is gone; the broker hands it out again."""
        self.buffer.clear()
        self.channel = None

    def _arrived(self, message: Any) -> None:
        self.buffer.append(message)
        self._next()

    def _next(self) -> None:
        if self.busy or not self.buffer or self.intake.stopping:
            return
        self.busy = True
        self.container.spawn_worker(self, (self._batch,), {}, handle_result=self._ended)

    def _ended(self, _context: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        self.busy = False
        self._next()
        return result, exc_info

    def _batch(self) -> None:
        """Handle up to one batch; messages are acknowledged after the commit, and never when nothing was decided."""
        host, subscription, channel = self.intake.host, self.subscription, self.channel
        if subscription.gather and len(self.buffer) < FEW:
            eventlet.sleep(subscription.gather)
            if channel is not self.channel:
                return  # forgotten with their connection: they come again
        messages = [self.buffer.popleft() for _ in range(min(len(self.buffer), subscription.batch))]
        deliveries: list[Delivery] = []
        unreadable: list[Any] = []
        for message in messages:
            body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
            key = message.delivery_info.get("routing_key", "")
            try:
                if key.endswith(".heads.v1"):
                    self._check_speaker(message, key.removesuffix(".heads.v1"))
                    self._patiently(partial(note_heads, host.running, subscription, body))
                    continue
                delivery = read(body, redelivered=bool(message.delivery_info.get("redelivered")))
                self._check_speaker(message, delivery.envelope.source)
                deliveries.append(delivery)
            except Undecodable as error:
                unreadable.append(message)
                self._patiently(partial(host.running.consumer.bury, subscription, body, error))
        if deliveries:
            began = time.perf_counter()
            outcome = self._patiently(lambda: host.running.consumer.deliver(subscription, deliveries))
            observe.HANDLER_SECONDS.labels(subscription.name).observe(time.perf_counter() - began)
            observe.IN.labels(subscription.name).inc(len(deliveries))
            if outcome.known:
                observe.DUPLICATES.labels(subscription.name).inc(outcome.known)
            for state, count in (("waiting", outcome.waiting), ("parked", outcome.parked)):
                if count:
                    observe.PUT_ASIDE.labels(subscription.name, state).inc(count)
        if channel is not self.channel:
            return  # the connection they came over is gone: they come again, and the inbox knows them
        self._settle(messages, unreadable)
        fault("consumer.acked")

    def _check_speaker(self, message: Any, source: str) -> None:
        """The broker vouches for ``user_id``: a service is believed only where its own relay says it."""
        expected = self.intake.host.speaker_for(source)
        user = str(message.properties.get("user_id") or "nobody")
        if expected and user != expected:
            log.error("security: %s speaks for %s; refused", user, source)
            raise Undecodable(f"{user} speaks for {source}")

    def _settle(self, messages: list[Any], unreadable: list[Any]) -> None:
        try:
            if not self.memory and not unreadable:
                messages[-1].channel.basic_ack(messages[-1].delivery_tag, multiple=True)
                return
            for message in messages:
                if message in unreadable and not self.memory:
                    message.reject()
                else:
                    message.ack()
        except LOST as error:
            log.info("an acknowledgement was lost, the inbox knows these events: %r", error)

    def _patiently(self, act: Callable[[], Any]) -> Any:
        """Do ``act``, again while the database is away; no attempt is counted against an event."""
        pause = 0.1
        while True:
            try:
                result = act()
            except Transient as error:
                self.intake.host.waits_for["database"] = str(error)
                log.warning("%s waits: %s", self.subscription.name, error)
                eventlet.sleep(pause)
                pause = min(pause * 2, 5)
            else:
                self.intake.host.waits_for.pop("database", None)
                return result


class Patient:
    """A listening socket that outlives a shortage of file descriptors."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener

    def __getattr__(self, name: str) -> Any:
        return getattr(self._listener, name)

    def accept(self) -> Any:
        while True:
            try:
                return self._listener.accept()
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    raise
                log.warning("no file descriptor for a new connection: %s", error)
                eventlet.sleep(0.1)


class Gate:
    """Bounds in front of an application: bodies are read under a deadline before a worker is taken; above it 503."""

    def __init__(self, application: Callable[..., Any], service: str, workers: int) -> None:
        self.application = application
        self.service = service
        self.workers = workers
        self.active = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["eventlet.minimum_write_chunk_size"] = 0
        problem = self._read_body(environ)
        if problem is not None:
            return self._problem(start_response, *problem)
        if self.active >= self.workers:
            observe.REFUSED_BUSY.labels(self.service).inc()
            return self._problem(start_response, "503 Service Unavailable", "too many requests at once")
        self.active += 1
        released = False

        def release() -> None:
            nonlocal released
            if not released:
                released = True
                self.active -= 1

        # A stream of events gives its place back once it has begun: it waits, it does not work.
        environ["houqin.release"] = release
        try:
            return self.application(environ, start_response)  # type: ignore[no-any-return]
        finally:
            release()

    def _read_body(self, environ: dict[str, Any]) -> tuple[str, str] | None:
        length = environ.get("CONTENT_LENGTH") or ""
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
        if length and chunked:
            return "400 Bad Request", "two lengths"
        if not chunked and length in {"", "0"}:
            return None
        if length and (not length.isdigit() or int(length) > MAX_BODY):
            return (
                ("413 Content Too Large", "the body is too large")
                if length.isdigit()
                else ("400 Bad Request", "length")
            )
        wanted = int(length) if length else MAX_BODY + 1
        try:
            with eventlet.Timeout(BODY_SECONDS):
                body = environ["wsgi.input"].read(wanted)
        except (eventlet.Timeout, OSError, ValueError):
            return "408 Request Timeout", "the body did not come in time"
        if (length and len(body) < wanted) or len(body) > MAX_BODY:
            return "400 Bad Request", "the body is not as long as announced"
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return None

    @staticmethod
    def _problem(start_response: Callable[..., Any], status: str, detail: str) -> Iterable[bytes]:
        body = json.dumps({"type": "about:blank", "status": int(status[:3]), "title": status[4:], "detail": detail})
        headers = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body))),
                   ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
                   ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
                   ("Referrer-Policy", "same-origin")]  # fmt: skip
        if status.startswith("503"):
            headers.append(("Retry-After", "1"))
        else:
            headers.append(("Connection", "close"))  # what is left of the body is not ours to read
        start_response(status, headers)
        return [body.encode()]


class Web(Entrypoint):  # type: ignore[misc]
    """HTTP for one or more services behind one listening socket; its pool is apart from that of events."""

    def __init__(self, address: tuple[str, int], application: Callable[..., Any], connections: int) -> None:
        super().__init__()
        self.address, self.application = address, application
        self.pool = GreenPool(connections)
        self.listener: Any = None
        self.thread: Any = None

    def setup(self) -> None:
        self.listener = listen(self.address)

    def start(self) -> None:
        self.thread = self.container.spawn_managed_thread(self._serve, identifier="web")

    def stop(self) -> None:
        self.thread.kill()
        self.listener.close()
        deadline = time.monotonic() + GRACE
        while self.pool.running() and time.monotonic() < deadline and getattr(self.application, "active", 0):
            eventlet.sleep(0.02)

    def _serve(self) -> None:
        eventlet.wsgi.server(
            Patient(self.listener), self.application, custom_pool=self.pool, socket_timeout=BODY_SECONDS,
            log_output=False, debug=False, log=logging.getLogger("eventlet.wsgi"),
        )  # fmt: skip


def listen(address: tuple[str, int]) -> Any:
    """A listening socket.

    Raises:
        OSError: the port is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return eventlet.listen(address, family=family, backlog=512, reuse_port=False)


class Clockwork(NamekoTimer):  # type: ignore[misc]
    """nameko's timer, whose turn may fail without ending anything."""

    def handle_result(self, worker_ctx: Any, result: Any, exc_info: Any) -> Any:
        if exc_info is not None and not isinstance(exc_info[1], Transient):
            log.error("timer %s failed", self.method_name, exc_info=exc_info)
        return super().handle_result(worker_ctx, result, None)


def service_class(host: Host, web: Web | None) -> type:
    """The nameko service of ``host``: a method for each subscription and each timer."""
    running = host.running
    intake = Intake(host)
    methods: dict[str, Any] = {"name": running.name}

    def add(name: str, function: Callable[..., Any], entrypoint: Entrypoint) -> None:
        function.__name__ = name
        function.nameko_entrypoints = {entrypoint}  # type: ignore[attr-defined]
        methods[name] = function

    for subscription in running.subscriptions:

        def handle(_self: Any, batch: Callable[[], None]) -> None:
            batch()

        add(subscription.name.replace(".", "_"), handle, Subscribed(intake, subscription))
    for timer in (*UPKEEP, *running.service.timers):

        def turn(_self: Any, run: Callable[[Running], Any] = timer.run) -> None:
            with contextlib.suppress(Transient):
                run(running)

        add(f"every_{timer.name}", turn, Clockwork(timer.every))
    if web is not None:
        add("web", lambda _self: None, web)
    return type(running.name.title(), (), methods)


def start_waking(running: Running) -> None:
    """Tell the relay's process of commits: one NOTIFY for however many, outside every transaction."""
    if running.database.is_sqlite:
        return
    wanted = eventlet.event.Event()
    state = {"event": wanted}

    def wake() -> None:
        if not state["event"].ready():
            state["event"].send(None)

    def notify() -> None:
        while True:
            state["event"].wait()
            state["event"] = eventlet.event.Event()
            with contextlib.suppress(Transient):
                running.database.write_at_once([(NOTIFY, {})])
            eventlet.sleep(TOGETHER)

    running.database.after_commit.append(wake)
    eventlet.spawn(notify)


def start_watching(service: str) -> None:
    """Measure how long the event loop is silent."""

    def watch() -> None:
        worst, since = 0.0, time.monotonic()
        while True:
            began = time.monotonic()
            eventlet.sleep(0.05)
            lag = time.monotonic() - began - 0.05
            worst = max(worst, lag)
            if lag > 0.5:
                log.warning("the event loop was silent for %.2f s", lag)
            if began - since > 10:
                observe.HUB_LAG.labels(service).set(worst)
                worst, since = 0.0, began

    eventlet.spawn(watch)


def start_memory_relay(running: Running, listeners: Sequence[Running]) -> None:
    """Relay a service's outbox to the queues of this process, from the lowest watermark of those who listen."""
    unseen: int | None = None
    woken = {"event": eventlet.event.Event()}

    def wake() -> None:
        if not woken["event"].ready():
            woken["event"].send(None)

    def relay() -> None:
        nonlocal unseen
        publisher = MemoryPublisher()
        while True:
            try:
                with sole_writer(running.database) as begin:
                    core = Relay(running.name, begin)
                    core.start()
                    if unseen is None:
                        unseen = first_unseen(running, listeners)
                        core.rewind(unseen)
                    while True:
                        events = core.take()
                        if events:
                            core.confirm(publisher.publish(running.name, events))
                            observe.OUT.labels(running.name).inc(len(events))
                        else:
                            core.note()
                            with contextlib.suppress(eventlet.Timeout), eventlet.Timeout(1):
                                woken["event"].wait()
                            woken["event"] = eventlet.event.Event()
            except Transient as error:
                log.warning("the relay of %s waits: %s", running.name, error)
                eventlet.sleep(1)

    def announce() -> None:
        publisher = MemoryPublisher()
        while True:
            eventlet.sleep(20)
            with contextlib.suppress(Transient):
                publisher.publish_raw(running.name, heads_key(running.name), heads_body(running.database, running.name))

    running.database.after_commit.append(wake)
    eventlet.spawn(relay)
    eventlet.spawn(announce)


def _let_others_go_on(gate: Any) -> None:
    """Whoever is ready goes on; as long as requests are being answered, but not for ever, they go first."""
    eventlet.sleep(0)
    until = time.monotonic() + POLITE
    while getattr(gate, "active", 0) and time.monotonic() < until:
        eventlet.sleep(0.001)


def serve(hosts: Sequence[Host], address: tuple[str, int], application: Callable[..., Any], connections: int) -> Any:
    """Start the services and answer their runner; ``wait`` on it.

    Raises:
        OSError: the address cannot be listened on.
    """
    most = max(len(host.running.subscriptions) + len(host.running.service.timers) for host in hosts)
    runner = ServiceRunner({"max_workers": most + len(UPKEEP) + 10})
    for index, host in enumerate(hosts):
        web = Web(address, application, connections) if index == 0 else None
        runner.add_service(service_class(host, web))
        if host.broker_url == URL:
            start_memory_relay(host.running, [each.running for each in hosts])
        else:
            start_waking(host.running)
    start_watching(hosts[0].running.name if len(hosts) == 1 else "embedded")
    apart.give_way_by(partial(_let_others_go_on, application))
    # What was imported and built stays for good: looking through it for garbage would silence the loop each time.
    gc.collect()
    gc.freeze()
    runner.start()
    return runner
