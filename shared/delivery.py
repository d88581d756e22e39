"""From a message to its effect, exactly once: claim, handle, say, one commit, and only then the acknowledgement.

An event whose handler fails waits in the consumer's own database and is parked for a person when patience ends.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import marshmallow

from shared import inbox
from shared.contracts.base import Undecodable, UnknownType, parse, unseal
from shared.database import Sql
from shared.errors import NotYet, Transient
from shared.faults import fault
from shared.ids import Ids, new_id
from shared.work import Work, work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from shared.bus.base import Delivery, Subscription
    from shared.clock import Clock
    from shared.database import Database

log = logging.getLogger(__name__)

PATIENCE = (1, 10, 60, 300)  # seconds between tries of a handler that fails; then it is parked
PATIENCE_ORDER = 900  # seconds an event may wait for the one before it
FATAL_STARTS = 5  # starts without an end after which an event is taken to kill its process
MAX_KEPT = 65_536  # characters of an undecodable body that are kept for reading

_PUT = Sql(
    """INSERT INTO waiting (handler, event_id, type, state, attempt, since, not_before, error, body)
       VALUES (:handler, :event_id, :type, :state, :attempt, :since, :not_before, :error, :body)"""
)
_START = Sql(
    """INSERT INTO starts (handler, event_id, attempts) VALUES (:handler, :event_id, 1)
       ON CONFLICT (handler, event_id) DO UPDATE SET attempts = starts.attempts + 1 RETURNING attempts"""
)
_END = Sql("DELETE FROM starts WHERE handler = :handler AND event_id = :event_id")
_DUE = Sql(
    """SELECT row_id, handler, event_id, attempt, since, body FROM waiting
       WHERE state = 'waiting' AND not_before <= :now ORDER BY not_before, row_id LIMIT :limit"""
)
_TAKE = Sql(
    "SELECT row_id FROM waiting WHERE row_id = :row_id AND state = 'waiting'",
    postgresql="SELECT row_id FROM waiting WHERE row_id = :row_id AND state = 'waiting' FOR UPDATE SKIP LOCKED",
)
_DONE = Sql("DELETE FROM waiting WHERE row_id = :row_id")
_AGAIN = Sql(
    """UPDATE waiting SET attempt = :attempt, not_before = :not_before, state = :state, error = :error
       WHERE row_id = :row_id"""
)


@dataclass(frozen=True)
class Outcome:
    """What became of a batch: handled, known before, put aside."""

    handled: int = 0
    known: int = 0
    waiting: int = 0
    parked: int = 0


@dataclass
class Consumer:
    """The receiving side of one service: its database, its clock, its handlers.

    The host feeds it; it never touches a broker, so that memory, RabbitMQ and the simulation share it.
    """

    service: str
    database: Database
    clock: Clock
    ids: Ids = new_id

    def deliver(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> Outcome:
        """Bring the effects of ``deliveries`` about, each exactly once. When it returns they may be acknowledged.

        Raises:
            Transient: the database is away; nothing is decided, the messages must come again. No attempt is counted.
        """
        calm = [delivery for delivery in deliveries if not delivery.redelivered]
        total = Outcome()
        if len(calm) == 1:
            total = self._alone(subscription, calm[0])
        elif calm:
            try:
                total = self._together(subscription, calm)
            except Exception as error:  # noqa: BLE001  any of them; each is then tried alone and judged
                log.info("batch of %d for %s is tried one by one: %r", len(calm), subscription.name, error)
                for delivery in calm:
                    total = _sum(total, self._alone(subscription, delivery))
        for delivery in deliveries:
            if delivery.redelivered:
                total = _sum(total, self._suspected(subscription, delivery))
        return total

    def _together(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> Outcome:
        """Handle what is new among ``deliveries`` in one transaction.

        On PostgreSQL it is first taken for granted that all of them are: then the claim goes with the writes, and a
        handler that asks nothing is one message. Where that fails, for whatever reason, the claim comes first.
        """
        if not self.database.is_sqlite:
            try:
                return self._hopefully(subscription, deliveries)
            except Transient:
                raise
            except Exception as error:  # noqa: BLE001  seen before, or a failure that is judged below
                log.debug("%s asks what is new: %r", subscription.name, error)
        return self._surely(subscription, deliveries)

    def _hopefully(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> Outcome:
        with work(self.service, self.database, self.clock, ids=self.ids) as unit:
            inbox.take(unit, subscription.name, [subscription.place(each.envelope) for each in deliveries])
            fault("consumer.claimed")
            self._handle(unit, subscription, deliveries)
            fault("consumer.before_commit")
        fault("consumer.before_ack")
        return Outcome(handled=len(deliveries))

    def _surely(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> Outcome:
        with work(self.service, self.database, self.clock, ids=self.ids) as unit:
            fresh = self._fresh(unit.connection, subscription, deliveries)
            fault("consumer.claimed")
            self._handle(unit, subscription, fresh)
            fault("consumer.before_commit")
        fault("consumer.before_ack")
        return Outcome(handled=len(fresh), known=len(deliveries) - len(fresh))

    def _fresh(
        self, connection: Connection, subscription: Subscription, deliveries: Sequence[Delivery]
    ) -> list[Delivery]:
        places = {subscription.place(delivery.envelope): delivery for delivery in reversed(deliveries)}
        new = inbox.claim(connection, subscription.name, list(places))
        return [delivery for place, delivery in reversed(places.items()) if place in new]

    def _handle(self, unit: Work, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        if subscription.whole:
            if deliveries:
                subscription.handler(unit, deliveries)
            return
        for delivery in deliveries:
            envelope = delivery.envelope
            unit.correlation_id, unit.causation_id = envelope.correlationid, envelope.id
            unit.traceparent = envelope.traceparent
            subscription.handler(unit, parse(envelope.type, envelope.data), envelope)

    def _alone(self, subscription: Subscription, delivery: Delivery) -> Outcome:
        try:
            return self._together(subscription, [delivery])
        except NotYet as error:
            return self._put_aside(subscription, delivery, error, "waiting")
        except Transient:
            raise
        except (UnknownType, marshmallow.ValidationError) as error:
            return self._put_aside(subscription, delivery, error, "parked")
        except Exception as error:
            log.exception("%s failed on %s", subscription.name, delivery.envelope.id)
            return self._put_aside(subscription, delivery, error, "waiting")

    def _suspected(self, subscription: Subscription, delivery: Delivery) -> Outcome:
        """Handle one that came before: counted in a commit of its own, so that a death is blamed on it alone."""
        key = {"handler": subscription.name, "event_id": delivery.envelope.id}
        with self.database.write() as connection:
            attempts = int(_START.run(connection, **key).scalar_one())
        if attempts > FATAL_STARTS:
            outcome = self._put_aside(
                subscription, delivery, RuntimeError(f"begun {FATAL_STARTS} times without an end"), "parked"
            )
        else:
            outcome = self._alone(subscription, delivery)
        with self.database.write() as connection:
            _END.run(connection, **key)
        return outcome

    def _put_aside(self, subscription: Subscription, delivery: Delivery, error: Exception, state: str) -> Outcome:
        envelope, now = delivery.envelope, self.clock.now()
        with self.database.write() as connection:
            if not self._fresh(connection, subscription, [delivery]):
                return Outcome(known=1)
            _PUT.run(
                connection, handler=subscription.name, event_id=envelope.id, type=envelope.type, state=state,
                attempt=1, since=now, not_before=now + timedelta(seconds=PATIENCE[0]), error=describe(error),
                body=delivery.body.decode(),
            )  # fmt: skip
        return Outcome(waiting=1) if state == "waiting" else Outcome(parked=1)

    def bury(self, subscription: Subscription, body: bytes, error: Exception) -> None:
        """Keep a body that cannot be read as an event, for a person to look at."""
        now = self.clock.now()
        with self.database.write() as connection:
            _PUT.run(
                connection, handler=subscription.name, event_id="", type="", state="dead", attempt=1, since=now,
                not_before=now, error=describe(error), body=readable(body),
            )  # fmt: skip

    def retry(self, subscriptions: Sequence[Subscription], limit: int = 100) -> Outcome:
        """Try again what has waited long enough; each in a transaction of its own."""
        by_name = {each.name: each for each in subscriptions}
        with self.database.read() as connection:
            due = _DUE.run(connection, now=self.clock.now(), limit=limit).all()
        total = Outcome()
        for row_id, handler, _event_id, attempt, since, body in due:
            if handler in by_name:
                total = _sum(total, self._retry_one(by_name[handler], row_id, attempt, since, body))
        return total

    def _retry_one(self, subscription: Subscription, row_id: int, attempt: int, since: object, body: str) -> Outcome:
        from shared.bus.base import Delivery
        from shared.database import as_moment

        try:
            delivery = Delivery(unseal(body), body.encode())
            with work(self.service, self.database, self.clock, ids=self.ids) as unit:
                if _TAKE.run(unit.connection, row_id=row_id).first() is None:
                    return Outcome(known=1)
                _DONE.run(unit.connection, row_id=row_id)
                self._handle(unit, subscription, [delivery])
        except NotYet as error:
            begun = as_moment(since)
            assert isinstance(begun, datetime)
            patient = self.clock.now() - begun < timedelta(seconds=PATIENCE_ORDER)
            return self._postpone(row_id, attempt, error, patient=patient, wait=PATIENCE[0])
        except Transient:
            raise
        except Exception as error:
            log.exception("%s failed again, attempt %d", subscription.name, attempt + 1)
            wait = PATIENCE[min(attempt, len(PATIENCE) - 1)]
            return self._postpone(row_id, attempt, error, patient=attempt < len(PATIENCE), wait=wait)
        return Outcome(handled=1)

    def _postpone(self, row_id: int, attempt: int, error: Exception, *, patient: bool, wait: int) -> Outcome:
        with self.database.write() as connection:
            _AGAIN.run(
                connection, row_id=row_id, attempt=attempt + 1, error=describe(error),
                not_before=self.clock.now() + timedelta(seconds=wait), state="waiting" if patient else "parked",
            )  # fmt: skip
        return Outcome(waiting=1) if patient else Outcome(parked=1)

    def fold(self) -> int:
        """Move the watermarks; how many inbox rows it took away."""
        with self.database.write() as connection:
            if not self.database.is_sqlite and not _FOLD_LOCK.run(connection).scalar_one():
                return 0
            return inbox.fold(connection, self.clock.now())


_FOLD_LOCK = Sql("SELECT 1", postgresql="SELECT pg_try_advisory_xact_lock(710001)")


def read(body: bytes, *, redelivered: bool = False) -> Delivery:
    """A message body as a delivery.

    Raises:
        Undecodable: it is no event that this system wrote.
    """
    from shared.bus.base import Delivery

    if len(body) > 1_000_000:
        raise Undecodable(f"{len(body)} bytes")
    return Delivery(unseal(body), body, redelivered)


def readable(body: bytes) -> str:
    """The beginning of a body as text that any database keeps."""
    return body[:MAX_KEPT].decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def describe(error: Exception) -> str:
    """One line about an error, bounded."""
    return f"{type(error).__name__}: {error}".replace("\x00", "\\x00")[:500]


def _sum(a: Outcome, b: Outcome) -> Outcome:
    return Outcome(a.handled + b.handled, a.known + b.known, a.waiting + b.waiting, a.parked + b.parked)
