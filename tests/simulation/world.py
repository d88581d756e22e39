"""A seeded world of one hop: real outbox, relay, inbox and waiting events around a broker that does its worst.

Everything happens in one thread; the seed decides what runs next, what fails and where. A history has a phase of
faults and a quiet one in which all must drain. The same seed gives the same history.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Column, Integer, MetaData, Table, Text

from shared import faults, inbox, outbox
from shared.bus.base import on
from shared.clock import ManualClock
from shared.contracts.base import unseal
from shared.contracts.requests import RequestUrged
from shared.database import Database, Sql
from shared.delivery import Consumer, read
from shared.relay import Relay
from shared.work import work
from tests.floor.world import NOON

MUTANTS = ("mark_before_confirm", "highest_tag_is_proof", "ack_before_commit", "no_inbox", "last_write_wins")
ADD_EFFECT = Sql("INSERT INTO effects (event_id) VALUES (:event_id)")
SET_COPY = Sql(
    """INSERT INTO copies (subject, version, times) VALUES (:subject, :version, :times)
       ON CONFLICT (subject) DO UPDATE SET version = excluded.version, times = excluded.times
       WHERE copies.version < excluded.version"""
)
SET_COPY_BLINDLY = Sql(
    """INSERT INTO copies (subject, version, times) VALUES (:subject, :version, :times)
       ON CONFLICT (subject) DO UPDATE SET version = excluded.version, times = excluded.times"""
)


class Crash(BaseException):
    """The process died here."""


def _schema() -> sqlite3.Connection:
    from shared.service import metadata_of_floor

    metadata: MetaData = metadata_of_floor()
    Table("effects", metadata, Column("id", Integer, primary_key=True), Column("event_id", Text))
    Table(
        "copies",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("version", Integer),
        Column("times", Integer),
    )
    Table("facts", metadata, Column("subject", Text, primary_key=True), Column("version", Integer))
    database = Database("sqlite://")
    metadata.create_all(database.engine)
    with database.engine.connect() as connection:
        return connection.connection.driver_connection


_TEMPLATE = None


def fresh_database() -> Database:
    """An empty store, copied from one that was made once."""
    global _TEMPLATE
    _TEMPLATE = _TEMPLATE or _schema()
    database = Database("sqlite://")
    with database.engine.connect() as connection:
        _TEMPLATE.backup(connection.connection.driver_connection)
    return database


@dataclass
class Broker:
    """A queue that reorders, doubles, refuses, confirms late and forgets.

    ``ready`` and ``unacked`` hold (body, redelivered); ``verdicts`` are confirms and refusals not yet told to the relay.
    """

    chance: random.Random
    rates: dict[str, float]
    ready: list[tuple[bytes, bool]] = field(default_factory=list)
    unacked: list[tuple[bytes, bool]] = field(default_factory=list)
    verdicts: list[tuple[str, int]] = field(default_factory=list)
    accepted: set[int] = field(default_factory=set)

    def happens(self, fault: str) -> bool:
        return self.chance.random() < self.rates.get(fault, 0.0)

    def publish(self, number: int, body: bytes) -> None:
        if self.happens("lost_before"):
            return  # the connection died under it: neither taken nor told
        if self.happens("refuse"):
            self.verdicts.append(("refuse", number))
            return
        self.accepted.add(number)
        self.ready.append((body, False))
        if self.happens("double"):
            self.ready.append((body, False))
        if not self.happens("lost_confirm"):
            self.verdicts.append(("confirm", number))

    def hand_out(self, most: int) -> list[tuple[bytes, bool]]:
        if self.happens("reorder"):
            self.chance.shuffle(self.ready)
        taken, self.ready = self.ready[:most], self.ready[most:]
        self.unacked += taken
        return taken

    def ack(self, messages: list[tuple[bytes, bool]]) -> None:
        for message in messages:
            if message in self.unacked:
                self.unacked.remove(message)

    def give_back(self) -> None:
        """The consumer's connection is gone: what it had comes again."""
        self.ready = [(body, True) for body, _ in self.unacked] + self.ready
        self.unacked = []

    def forget(self) -> None:
        """The queue was deleted, or the broker's disk."""
        self.ready, self.unacked = [], []


class World:
    """Producer, relay, broker, consumer of one hop, and what must hold of them."""

    def __init__(self, seed: int, mutant: str = "") -> None:
        self.seed = seed
        self.mutant = mutant
        self.chance = random.Random(seed)
        # Each history draws its own rate for each fault, some of them none.
        names = ("lost_before", "refuse", "double", "lost_confirm", "reorder", "crash", "forget", "cut", "fail")
        self.rates = {name: self.chance.choice((0.0, 0.0, 0.03, 0.15)) for name in names}
        self.rates["forget"] *= 0.2
        self.heals = not mutant  # gaps asked for again would mend what some planted bugs lose
        if mutant:
            self.rates["forget"] = 0.0
        self.clock = ManualClock(NOON)
        self.producer, self.consumer_store = fresh_database(), fresh_database()
        self.raw_producer = self.producer.engine.raw_connection().driver_connection
        self.raw_consumer = self.consumer_store.engine.raw_connection().driver_connection
        self.broker = Broker(self.chance, self.rates)
        self.counter = 0
        self.said: dict[str, int] = {}  # event id -> version
        self.versions: dict[str, int] = {}
        self.consumer = Consumer("dispatch", self.consumer_store, self.clock, self._id)
        self.subscription = on(RequestUrged, do=self._handle, service="dispatch")
        self.trace = hashlib.sha256()
        self.publishes = 0
        self.relay = self._new_relay()

    def _id(self) -> str:
        self.counter += 1
        return f"00000000-0000-7000-8000-{self.counter:012d}"

    def _new_relay(self) -> Relay:
        relay = Relay("requests", self.producer.write, window=8, batch=4)
        relay.start()
        return relay

    def _handle(self, unit, event, envelope) -> None:
        if self.broker.happens("fail"):
            raise ValueError("a passing bug")
        unit.later(ADD_EFFECT, event_id=envelope.id)
        write = SET_COPY_BLINDLY if self.mutant == "last_write_wins" else SET_COPY
        unit.later(write, subject=event.request_id, version=envelope.sequence, times=event.times)

    # ---- steps

    def command(self) -> None:
        """Somebody urges one of four requests; answered only if the commit was."""
        subject = f"r{self.chance.randrange(4)}"
        version = self.versions.get(subject, 0) + 1
        with work("requests", self.producer, self.clock, ids=self._id) as unit:
            event_id = unit.say(RequestUrged(request_id=subject, urged_at=NOON, times=version), sequence=version)
            faults.fault("handler.before_commit")
        # Whoever dies from here on has answered nobody, but the commit stands.
        self.versions[subject] = version
        self.said[event_id] = version
        faults.fault("handler.after_commit")

    def relay_step(self) -> None:
        for event in self.relay.take():
            self.publishes += 1
            if self.mutant == "mark_before_confirm":
                self.relay.confirm([event.number])
            self.broker.publish(event.number, event.body)
            faults.fault("relay.published")

    def confirm_step(self) -> None:
        """The broker tells some of its verdicts, in any order."""
        self.chance.shuffle(self.broker.verdicts)
        for _ in range(min(len(self.broker.verdicts), self.chance.randrange(1, 6))):
            verdict, number = self.broker.verdicts.pop()
            if verdict == "refuse":
                self.relay.refuse([number])
            elif self.mutant == "highest_tag_is_proof":
                self.relay.confirm([each for each in self.relay.in_flight if each <= number])
            else:
                self.relay.confirm([number])
            faults.fault("relay.confirmed")
        self.relay.note()

    def deliver_step(self) -> None:
        messages = self.broker.hand_out(self.chance.randrange(1, 6))
        if not messages:
            return
        if self.mutant == "ack_before_commit":
            self.broker.ack(messages)
        deliveries = [read(body, redelivered=redelivered) for body, redelivered in messages]
        if self.mutant == "no_inbox":
            with work("dispatch", self.consumer_store, self.clock, ids=self._id) as unit:
                for delivery in deliveries:
                    unit.later(ADD_EFFECT, event_id=delivery.envelope.id)
                    unit.later(SET_COPY, subject=delivery.envelope.subject, version=delivery.envelope.sequence,
                               times=delivery.envelope.data["times"])  # fmt: skip
        else:
            self.consumer.deliver(self.subscription, deliveries)
        self.broker.ack(messages)
        faults.fault("consumer.acked")

    def upkeep_step(self) -> None:
        self.clock.set(self.clock.now() + timedelta(seconds=self.chance.choice((1, 5, 60, 400))))
        self.consumer.retry([self.subscription])
        self.consumer.fold()

    def relay_dies(self) -> None:
        self.relay = self._new_relay()
        self.broker.verdicts.clear()

    def connection_cut(self) -> None:
        self.relay.lose()
        self.broker.verdicts.clear()
        self.broker.give_back()

    def ask_again(self) -> None:
        """What upkeep does with gaps: the source sends the missing numbers again."""
        with self.producer.read() as connection:
            heads = outbox.heads(connection)
        with self.consumer_store.write() as connection:
            typed = {RequestUrged.TYPE: heads.get(RequestUrged.TYPE, 0)}
            inbox.announce(connection, self.subscription.name, "requests", 1, typed, self.clock.now())
        self.consumer.fold()
        with self.consumer_store.read() as connection:
            gaps = inbox.gaps(connection)
        with self.producer.write() as connection:
            for gap in gaps:
                outbox.WANT.run(connection, epoch=gap.epoch, type=gap.type, numbers=json.dumps(gap.missing))

    # ---- a history

    def run(self, steps: int = 60) -> World:
        """One history: faults first, then quiet. Raises AssertionError where an invariant does not hold."""
        actions = (
            [self.command] * 3
            + [self.relay_step] * 4
            + [self.confirm_step] * 4
            + [self.deliver_step] * 4
            + [self.upkeep_step]
        )
        faults._hook = self._maybe_crash
        logging.disable(logging.CRITICAL)  # a failing handler is part of the play
        try:
            for _ in range(steps):
                if self.broker.happens("cut"):
                    self.connection_cut()
                if self.broker.happens("forget"):
                    self.broker.forget()
                self._step(self.chance.choice(actions))
                self.check_always()
            faults._hook = None
            self.broker.rates = {}
            self._drain()
            self.check_drained()
        finally:
            logging.disable(logging.NOTSET)
            faults._hook = None
            self.producer.close()
            self.consumer_store.close()
        return self

    def _maybe_crash(self, point: str) -> None:
        HIT.add(point)
        if self.chance.random() < self.rates["crash"] * 0.3:
            CRASHED.add(point)
            raise Crash(point)

    def _step(self, action) -> None:
        self.trace.update(action.__name__.encode())
        try:
            action()
        except Crash as crash:
            point = str(crash)
            self.trace.update(point.encode())
            if point.startswith("consumer"):
                self.broker.give_back()
            elif point.startswith("relay"):
                self.relay_dies()

    def _drain(self) -> None:
        for round_ in range(200 if self.heals else 30):
            self.relay_step()
            self.confirm_step()
            self.deliver_step()
            self.upkeep_step()
            if self.relay.in_flight and not self.broker.verdicts:
                self.connection_cut()
            if round_ % 5 == 0 and self.heals:
                self.ask_again()
            if self._quiet():
                return
        if not self.heals:
            return
        raise AssertionError(f"seed {self.seed}: not drained after 200 rounds")

    def _quiet(self) -> bool:
        with self.consumer_store.read() as connection:
            waiting = connection.exec_driver_sql("SELECT count(*) FROM waiting WHERE state = 'waiting'").scalar_one()
            gaps = inbox.gaps(connection)
        with self.producer.read() as connection:
            heads = outbox.heads(connection).get("*", 0)
            left = outbox.unnumbered(connection)
        with self.consumer_store.read() as connection:
            upto = connection.exec_driver_sql("SELECT coalesce(max(upto), 0) FROM watermark").scalar_one()
        broker = self.broker.ready or self.broker.unacked or self.broker.verdicts
        return not (waiting or gaps or left or broker or not self.relay.idle) and (
            upto == heads or self.mutant == "no_inbox"
        )

    # ---- what must hold

    def check_always(self) -> None:
        """The invariants of every step, read past SQLAlchemy: they are most of a history's work."""
        sent = self.raw_producer.execute("SELECT upto, ahead FROM sent").fetchone()
        count, distinct, greatest = self.raw_producer.execute(
            "SELECT count(sourcenumber), count(DISTINCT sourcenumber), coalesce(max(sourcenumber), 0) FROM outbox"
        ).fetchone()
        assert count == distinct == greatest, f"seed {self.seed}: numbers have gaps (I2)"
        if sent:
            marked = set(range(1, sent[0] + 1)) | set(json.loads(sent[1]))
            assert marked <= self.broker.accepted, f"seed {self.seed}: marked and never accepted (I3)"
        count, distinct = self.raw_consumer.execute("SELECT count(*), count(DISTINCT event_id) FROM effects").fetchone()
        assert count == distinct, f"seed {self.seed}: an effect came twice (I4)"

    def check_drained(self) -> None:
        effects = self._effects()
        with self.consumer_store.read() as connection:
            parked = {
                row[0] for row in connection.exec_driver_sql("SELECT event_id FROM waiting WHERE state = 'parked'")
            }
            copies = dict(connection.exec_driver_sql("SELECT subject, version FROM copies").all())
        with self.producer.read() as connection:
            told = {
                unseal(text[:-1] + ',"typenumber":1}').id
                for (text,) in connection.exec_driver_sql("SELECT sealed FROM outbox")
            }
        assert len(effects) == len(set(effects)), f"seed {self.seed}: an effect came twice (I4)"
        assert set(effects) | parked == told, f"seed {self.seed}: said and effected differ (I11)"
        assert set(self.said) <= told, f"seed {self.seed}: answered and not in the store (I1)"
        if not parked:
            for subject, version in self.versions.items():
                assert copies[subject] >= version, f"seed {self.seed}: the copy is behind (I12)"
        assert self.publishes <= 40 * (len(told) + 5), f"seed {self.seed}: a storm of publishes (I13)"

    def _effects(self) -> list[str]:
        return [event_id for (event_id,) in self.raw_consumer.execute("SELECT event_id FROM effects")]


HIT: set[str] = set()
CRASHED: set[str] = set()
