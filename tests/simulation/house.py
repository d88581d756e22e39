"""A seeded world of all four services: real handlers, subscriptions, outbox, relay, inbox, waiting events and upkeep.

Everything happens in one thread on SQLite in memory; the seed decides who acts, what runs next, what the broker does
and where a process dies. Faults come first, then a quiet phase in which all must drain. The same seed gives the same
history.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from unittest import mock

from sqlalchemy.exc import IntegrityError

from services.audit import handlers as audit
from services.audit import signing
from services.audit.log.note import KeyType, generate_key
from services.audit.log.signer import Signer
from services.audit.service import SERVICE as AUDIT
from services.billing.service import SERVICE as BILLING
from services.dispatch import handlers as dispatch
from services.dispatch import model as dispatch_model
from services.dispatch import store as dispatch_store
from services.dispatch.service import SERVICE as DISPATCH
from services.requests import store as requests_store
from services.requests.compound import load_compound
from services.requests.handlers import accounts, filing, following
from services.requests.model import Filing
from services.requests.service import SERVICE as REQUESTS
from services.requests.service import desk_of
from shared import faults, process, settings, upkeep
from shared.bus.topology import heads_body, heads_key
from shared.clock import ManualClock
from shared.database import Database
from shared.delivery import read
from shared.errors import NotYet, Refused
from shared.relay import Relay
from shared.service import Running
from shared.web import idempotency
from shared.web.principal import Principal

SERVICES = {service.name: service for service in (REQUESTS, DISPATCH, BILLING, AUDIT)}
MORNING = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)  # Wednesday 9:00 at the site
MUTANTS = ("too_early_is_dropped", "nobody_asks_again", "sequence_is_ignored", "marked_before_confirm",
           "answered_before_commit")  # fmt: skip
FAULTS = ("lost_before", "refuse", "double", "lost_confirm", "reorder", "crash", "forget", "cut", "fail", "twice")
ITEMS = (
    Filing(item="repair", place="B2-302", answers={"what": "aircon", "details": "不制冷"}),
    Filing(item="repair", place="B2-303", answers={"what": "light", "details": "灯不亮"}),
    Filing(item="printing", level="black", answers={"subject": "通知"}, quantity=30),
)
WHO = ("韩冰", "Han Bing")
KEY = generate_key("houqin.simulation", KeyType.ED25519)


class Crash(BaseException):
    """The process died here."""


class Remembered:
    """The signer's memory, outside the database: it survives crashes."""

    def __init__(self):
        self.head = None

    def last(self):
        return self.head

    def remember(self, head):
        self.head = head


@cache
def templates():
    """Each service's database with its demonstration data and an empty outbox, made once."""
    folder = tempfile.mkdtemp(prefix="houqin-simulation-")
    found = {}
    for name, service in SERVICES.items():
        loaded = settings.load(process.declared(service), {"HOUQIN_DATA": folder})
        running = Running(service, Database("sqlite://"), loaded, ManualClock(MORNING))
        service.metadata.create_all(running.database.engine)
        if name == "requests":
            with running.work() as work:
                accounts.settle_compound(work, load_compound())
        else:
            service.demonstrate(running)
        with running.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM outbox")
        found[name] = (loaded, running.database.engine.raw_connection().driver_connection)
    return found


@cache
def person(user="hanbing"):
    found = next(each for each in load_compound().people if each.user == user)
    return Principal(account=found.id, name=found.name.zh, roles=frozenset(found.roles), role=found.roles[0], session="s",
                     epoch=1, signed_in_at=MORNING, department=found.department, organisation=found.organisation,
                     supplier=found.supplier, crew=found.crew)  # fmt: skip


@dataclass
class Broker:
    """Topic exchanges and queues that reorder, double, refuse, confirm late and forget."""

    chance: random.Random
    rates: dict[str, float]
    bindings: list[tuple[str, str, str]]  # exchange, key, queue
    ready: dict[str, list[tuple[bytes, str, bool]]] = field(default_factory=dict)
    unacked: dict[str, list[tuple[bytes, str, bool]]] = field(default_factory=dict)
    verdicts: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    accepted: dict[str, set[int]] = field(default_factory=dict)

    def happens(self, fault):
        rate = self.rates.get(fault, 0.0)
        return rate > 0 and self.chance.random() < rate

    def route(self, exchange, key, body):
        for where, pattern, queue in self.bindings:
            if where == exchange and pattern in {"#", key}:
                self.ready[queue].append((body, key, False))
                if self.happens("double"):
                    self.ready[queue].append((body, key, False))

    def publish(self, source, event):
        verdicts = self.verdicts[source]
        if self.happens("lost_before"):
            return
        if self.happens("refuse"):
            verdicts.append(("refuse", event.number))
            return
        self.accepted[source].add(event.number)
        self.route(f"{source}.events", event.type, event.body)
        if not self.happens("lost_confirm"):
            verdicts.append(("confirm", event.number))

    def hand_out(self, queue, most):
        if self.happens("reorder"):
            self.chance.shuffle(self.ready[queue])
        taken = self.ready[queue][:most]
        del self.ready[queue][:most]
        self.unacked[queue] += taken
        return taken

    def give_back(self, service):
        for queue, messages in self.unacked.items():
            if queue.startswith(f"{service}."):
                self.ready[queue][:0] = [(body, key, True) for body, key, _ in messages]
                messages.clear()


class House:
    """The four services, what people do to them, and what must hold."""

    def __init__(self, seed, mutant=""):
        self.seed, self.mutant = seed, mutant
        self.chance = random.Random(seed)
        self.rates = {name: self.chance.choice((0.0, 0.0, 0.03, 0.12)) for name in FAULTS}
        self.rates["forget"] *= 0.2
        if mutant == "nobody_asks_again":
            self.rates["forget"] = 0.05
        self.clock = ManualClock(MORNING)
        self.counter = 0
        self.trace = hashlib.sha256()
        self.steps = []
        self.parts, self.raw = {}, {}
        for name, service in SERVICES.items():
            loaded, template = templates()[name]
            database = Database("sqlite://")
            raw = database.engine.raw_connection().driver_connection
            template.backup(raw)
            self.raw[name] = raw
            self.parts[name] = Running(service, database, loaded, self.clock, self._id)
        self.desk = desk_of(self.parts["requests"])
        self.signer = Signer("houqin.simulation", [KEY], Remembered())
        signing._begun.add("sqlite://")  # no witness stands behind this log
        audit._edge.clear()
        self.subscriptions = {}
        self.passed: set[str] = set()
        bindings = []
        for part in self.parts.values():
            for each in part.subscriptions:
                self.subscriptions[each.name] = replace(each, handler=self._touchy(each.handler))
                pairs = each.bindings()
                sources = sorted({exchange.partition(".")[0] for exchange, _ in pairs})
                bindings += [(exchange, key, each.name) for exchange, key in pairs]
                bindings += [(f"{source}.events", heads_key(source), each.name) for source in sources if each.events]
        self.broker = Broker(
            self.chance, self.rates, bindings,
            {name: [] for name in self.subscriptions}, {name: [] for name in self.subscriptions},
            {name: [] for name in SERVICES}, {name: set() for name in SERVICES},
        )  # fmt: skip
        self.relays = {name: self._new_relay(name) for name in SERVICES}
        self.answers = {}  # key -> what was answered
        self.pending = []  # filings whose answer was not seen: the same person tries again
        self.publishes = 0
        self.log_size = 0
        self.copied = {}  # order -> sequence of requests' copy of it
        self.actor = ""

    def _id(self):
        self.counter += 1
        return f"00000000-0000-7000-8000-{self.counter:012d}"

    def _new_relay(self, name):
        relay = Relay(name, self.parts[name].database.write, window=16, batch=8)
        relay.start()
        return relay

    def _touchy(self, handler):
        def handle(work, *given):
            if self.broker.happens("fail"):
                raise ValueError("a passing bug")
            if self.mutant == "too_early_is_dropped":
                try:
                    return handler(work, *given)
                except NotYet:
                    return None
            return handler(work, *given)

        return handle

    # ---- what people do

    def file(self):
        """Somebody files; whoever saw no answer tries again with the same key, and sometimes whoever did."""
        if self.pending and self.chance.random() < 0.7:
            key, wish = self.pending.pop(0)
        elif self.answers and self.broker.happens("twice"):
            key, _ = self.chance.choice(sorted(self.answers.items()))
            wish = ITEMS[int(key.rpartition("-")[2]) % len(ITEMS)]
        else:
            number = len(self.answers) + len(self.pending)
            key, wish = f"key-{self.counter}-{number}", ITEMS[number % len(ITEMS)]
        self.actor = "requests"
        self.pending.append((key, wish))
        answer = self._post(key, wish)
        self.pending.remove((key, wish))
        first = self.answers.setdefault(key, answer)
        assert first == answer, f"seed {self.seed}: one key, two answers (I9)"

    def _post(self, key, wish):
        part = self.parts["requests"]
        claim = idempotency.Claim("account", "POST /requests", key, "digest")
        try:
            with part.work(actor="account:a") as work:
                filed = filing.file_request(work, self.desk, person(), wish, "web")
                answer = json.dumps([filed.id, filed.reference])
                idempotency.keep(work, claim, idempotency.Kept(201, {}, answer))
                if self.mutant == "answered_before_commit":
                    self.answers[key] = answer
                faults.fault("handler.before_commit")
        except IntegrityError:
            with part.database.read() as connection:
                kept = idempotency.find(connection, claim)
            assert kept is not None
            return kept.body
        faults.fault("handler.after_commit")
        return answer

    def follow(self):
        """The requester withdraws, urges, confirms or sends the work back."""
        self.actor = "requests"
        with self.parts["requests"].work(actor="account:a") as work:
            ids = [row[0] for row in self.raw["requests"].execute("SELECT id FROM request ORDER BY id")]
            if not ids:
                return
            request = requests_store.request_by_id(work.connection, self.chance.choice(ids), lock=True)
            act = self.chance.choice(("withdraw", "urge", "urge", "confirm", "confirm", "reopen"))
            given = (5,) if act == "confirm" else ()
            getattr(following, act)(work, request, WHO, *given)
            faults.fault("handler.before_commit")
        faults.fault("handler.after_commit")

    def dispatch(self):
        """A dispatcher or a crew does something to an order."""
        self.actor = "dispatch"
        with self.parts["dispatch"].work(actor="account:b") as work:
            found = [row[0] for row in self.raw["dispatch"].execute(
                "SELECT reference FROM work_order WHERE state NOT IN ('checked', 'cancelled') ORDER BY reference")]  # fmt: skip
            if not found:
                return
            order = dispatch.found(work, self.chance.choice(found))
            given = {
                "refuse": ("busy",), "pause": (self.chance.choice(sorted(dispatch_model.PAUSES)),),
                "cancel": ("duplicate",), "finish": ([],),
            }  # fmt: skip
            act = self.chance.choice(("accept", "arrive", "start", "finish", "finish", "accept", "start", "refuse", "recall",
                                      "pause", "resume", "set_off", "cancel", "assign"))  # fmt: skip
            if act == "assign":
                teams = sorted(dispatch_store.roster(work.connection).teams)
                dispatch.assign(work, order, self.chance.choice(teams), "何静")
            elif act == "cancel":
                if self.chance.random() < 0.2:
                    dispatch.cancel(work, order, "duplicate", "何静")
            else:
                getattr(dispatch, act)(work, order, "王建国", *given.get(act, ()))
            faults.fault("handler.before_commit")
        faults.fault("handler.after_commit")

    # ---- what the machines do

    def relay_step(self):
        name = self.chance.choice(sorted(SERVICES))
        self._relay(name)

    def _relay(self, name):
        self.actor = f"{name}-relay"
        relay = self.relays[name]
        for event in relay.take():
            self.publishes += 1
            if self.mutant == "marked_before_confirm":
                relay.confirm([event.number])
            self.broker.publish(name, event)
            faults.fault("relay.published")

    def confirm_step(self):
        name = self.chance.choice(sorted(SERVICES))
        self._confirm(name, self.chance.randrange(1, 8))

    def _confirm(self, name, most):
        self.actor = f"{name}-relay"
        verdicts = self.broker.verdicts[name]
        self.chance.shuffle(verdicts)
        for _ in range(min(len(verdicts), most)):
            verdict, number = verdicts.pop()
            (self.relays[name].confirm if verdict == "confirm" else self.relays[name].refuse)([number])
            faults.fault("relay.confirmed")
        self.relays[name].note()

    def deliver_step(self):
        busy = sorted(queue for queue, messages in self.broker.ready.items() if messages)
        if busy:
            self._deliver(self.chance.choice(busy), self.chance.randrange(1, 8))

    def _deliver(self, queue, most):
        service = queue.partition(".")[0]
        self.actor = service
        part, subscription = self.parts[service], self.subscriptions[queue]
        messages = self.broker.hand_out(queue, most)
        deliveries = []
        for body, key, redelivered in messages:
            if key.endswith(".heads.v1"):
                upkeep.note_heads(part, subscription, body)
            else:
                deliveries.append(read(body, redelivered=redelivered))
        if deliveries:
            part.consumer.deliver(subscription, deliveries)
            self._check_seen(service, subscription, deliveries)
        unacked = self.broker.unacked[queue]
        for message in messages:
            if message in unacked:
                unacked.remove(message)
        faults.fault("consumer.acked")

    def timers(self):
        """Time passes, and a service does what it does by itself."""
        self.clock.set(self.clock.now() + timedelta(seconds=self.chance.choice((1, 5, 60, 400))))
        self._upkeep(self.chance.choice(sorted(SERVICES)))

    def _upkeep(self, name):
        self.actor = name
        part = self.parts[name]
        subscriptions = [each for each in self.subscriptions.values() if each.service == name]
        part.consumer.retry(subscriptions)
        part.consumer.fold()
        if self.mutant != "nobody_asks_again":
            upkeep.ask(part)
        if name == "audit":
            signing.sign(part)
        if name == "dispatch":
            with part.work() as work:
                dispatch.notice_breaches(work)
        self.broker.route(f"{name}.events", heads_key(name), heads_body(part.database, name))

    # ---- a history

    def run(self, steps=160):
        """Faults first, then quiet. Raises AssertionError where an invariant does not hold."""
        actions = (
            [self.file] * 2 + [self.follow] + [self.dispatch] * 4
            + [self.relay_step] * 6 + [self.confirm_step] * 4 + [self.deliver_step] * 8 + [self.timers]
        )  # fmt: skip
        patches = [mock.patch.object(signing, "signer", return_value=self.signer)]
        if self.mutant == "sequence_is_ignored":
            right = following.told
            patches.append(mock.patch.object(
                following, "told", lambda order, event, sequence, what, at:
                right(replace(order, sequence=-1, crew_sequence=-1), event, sequence, what, at)))  # fmt: skip
        for patch in patches:
            patch.start()
        faults._hook = self._maybe_crash
        logging.disable(logging.CRITICAL)
        try:
            for _ in range(steps):
                if self.broker.happens("cut"):
                    self._cut(self.chance.choice(sorted(SERVICES)))
                if self.broker.happens("forget"):
                    self._forget()
                self._step(self.chance.choice(actions))
                self.check_always()
            faults._hook = None
            self.broker.rates = {}
            self._drain()
            self.check_drained()
        finally:
            logging.disable(logging.NOTSET)
            faults._hook = None
            for patch in patches:
                patch.stop()
            for part in self.parts.values():
                part.database.close()
        return self

    def _maybe_crash(self, point):
        HIT.add(point)
        often = point in self.passed  # points that are seldom passed are not to wait for luck
        self.passed.add(point)
        if self.rates["crash"] and self.chance.random() < self.rates["crash"] * (0.3 if often else 1):
            CRASHED.add(point)
            raise Crash(point)

    def _step(self, action):
        self.trace.update(action.__name__.encode())
        self.steps.append(f"{action.__name__} at {self.clock.now():%H:%M:%S}")
        try:
            action()
        except Refused as refusal:
            self.trace.update(refusal.key.encode())
        except Crash as crash:
            self.trace.update(str(crash).encode() + self.actor.encode())
            self.steps.append(f"  {self.actor} dies at {crash}")
            service, _, relay = self.actor.partition("-")
            if relay:
                self.relays[service] = self._new_relay(service)
                self.broker.verdicts[service].clear()
            else:
                self.broker.give_back(service)
                if service == "audit":
                    audit._edge.clear()

    def _cut(self, name):
        self.relays[name].lose()
        self.broker.verdicts[name].clear()
        self.broker.give_back(name)

    def _forget(self):
        queue = self.chance.choice(sorted(self.subscriptions))
        self.broker.ready[queue].clear()
        self.broker.unacked[queue].clear()

    def _drain(self):
        while self.pending:
            self.file()
        for round_ in range(60):
            for name in sorted(SERVICES):
                self._relay(name)
                self._confirm(name, 1000)
                if self.relays[name].in_flight:
                    self._cut(name)
            for queue in sorted(self.subscriptions):
                while self.broker.ready[queue]:
                    self._deliver(queue, 50)
            self.clock.set(self.clock.now() + timedelta(seconds=200))
            for name in sorted(SERVICES):
                self._send_parked_again(name)
                self._upkeep(name)
            if round_ > 1 and self._quiet():
                return
            assert self.publishes < 60 * (self.counter + 20), f"seed {self.seed}: a storm of publishes (I13)"
        raise AssertionError(f"seed {self.seed}: not drained (I10): {self._restless()}")

    def _send_parked_again(self, name):
        """A person looks at what five passing bugs in a row have parked."""
        with self.parts[name].database.write() as connection:
            connection.exec_driver_sql("UPDATE waiting SET state = 'waiting', attempt = 1 WHERE state = 'parked'")

    def _quiet(self):
        return not self._restless()

    def _restless(self):
        found = []
        for name, raw in self.raw.items():
            if raw.execute("SELECT 1 FROM outbox WHERE sourcenumber IS NULL LIMIT 1").fetchone():
                found.append(f"{name} says")
            if raw.execute("SELECT 1 FROM waiting LIMIT 1").fetchone():
                found.append(f"{name} has something waiting")
            if raw.execute("SELECT 1 FROM watermark WHERE upto < head LIMIT 1").fetchone():
                found.append(f"{name} misses something")
            if not self.relays[name].idle:
                found.append(f"{name} relays")
            heads = dict(raw.execute("SELECT type, last FROM heads"))
            for other, listening in self.raw.items():
                for type_, upto in listening.execute(
                    "SELECT type, min(upto) FROM watermark WHERE source = ? GROUP BY type", (name,)
                ):
                    if upto != heads.get(type_, 0):
                        found.append(f"{other} has not all of {name} {type_}")
        return found

    # ---- what must hold

    def check_always(self):
        """The invariants of every step, for the service that acted."""
        name = self.actor.partition("-")[0]
        raw = self.raw.get(name)
        if raw is None:
            return
        for kind, numbers in (("source", "sourcenumber"), ("type", "typenumber || type")):
            count, distinct = raw.execute(
                f"SELECT count(sourcenumber), count(DISTINCT {numbers}) FROM outbox WHERE sourcenumber IS NOT NULL"
            ).fetchone()
            assert count == distinct, f"seed {self.seed}: a number of the {kind} is given twice (I2)"
        sent = raw.execute("SELECT upto, ahead FROM sent").fetchone()
        if sent:
            marked = set(range(1, sent[0] + 1)) | set(json.loads(sent[1]))
            assert marked <= self.broker.accepted[name], f"seed {self.seed}: marked and never accepted (I3)"
        if name == "audit":
            (size,) = raw.execute("SELECT count(*) FROM log_entry").fetchone()
            assert size >= self.log_size, f"seed {self.seed}: the log shrank (I8)"
            self.log_size = size
        if name == "dispatch":
            self._check_loads(raw)
        if name == "requests":
            self._check_copies_only_grow(raw)

    def _check_seen(self, service, subscription, deliveries):
        for delivery in deliveries:
            source, type_, epoch, number = subscription.place(delivery.envelope)
            place = (subscription.name, source, type_, epoch, number)
            known = self.raw[service].execute(
                "SELECT 1 FROM inbox WHERE handler = ? AND source = ? AND type = ? AND epoch = ? AND number = ? UNION ALL"
                " SELECT 1 FROM watermark WHERE handler = ? AND source = ? AND type = ? AND epoch = ? AND upto >= ?",
                (*place, *place),
            ).fetchone()  # fmt: skip
            assert known, f"seed {self.seed}: about to be acknowledged and not kept (I6)"

    def _check_copies_only_grow(self, raw):
        now = dict(raw.execute("SELECT order_id, sequence FROM work_order"))
        for order, sequence in self.copied.items():
            assert now[order] >= sequence, f"seed {self.seed}: a copy went back (I5)"
        self.copied = now

    def _check_loads(self, raw):
        held = dict(raw.execute("SELECT crew, count(*) FROM work_order WHERE open AND crew <> '' GROUP BY crew"))
        loads = dict(raw.execute("SELECT crew, orders FROM crew_load WHERE orders <> 0"))
        assert held == loads, f"seed {self.seed}: crews' loads differ from their orders (I7)"

    def check_drained(self):
        requests, orders, billing, log = (self.raw[name] for name in ("requests", "dispatch", "billing", "audit"))
        filed = dict(requests.execute("SELECT id, round FROM request"))
        assert {json.loads(answer)[0] for answer in self.answers.values()} <= set(filed), (
            f"seed {self.seed}: answered and not there (I1)"
        )
        assert len(filed) == len(self.answers), f"seed {self.seed}: a request nobody was answered for (I9)"
        rounds = sorted((request, round_) for request, last in filed.items() for round_ in range(1, last + 1))
        there = sorted(orders.execute("SELECT request_id, round FROM work_order"))
        assert rounds == there, f"seed {self.seed}: requests and orders differ (I11)"
        done = sorted(orders.execute("SELECT order_id FROM work_order WHERE finished_at IS NOT NULL"))
        facts = sorted(billing.execute("SELECT order_id FROM fact"))
        assert done == facts, f"seed {self.seed}: finished orders and facts differ (I11)"
        assert sorted(billing.execute("SELECT fact_id FROM fact")) == sorted(
            requests.execute("SELECT fact_id FROM usage")
        ), f"seed {self.seed}: requests' copy of the facts differs (I12)"
        said = sorted(
            json.loads(sealed)["id"]
            for raw in self.raw.values()
            for (sealed,) in raw.execute("SELECT sealed FROM outbox")
        )
        entries = sorted(row[0] for row in log.execute("SELECT event_id FROM log_entry"))
        assert said == entries, f"seed {self.seed}: said and logged differ (I11)"
        assert log.execute("SELECT count(*) FROM log_conflict").fetchone() == (0,), (
            f"seed {self.seed}: one id, two bodies (I2)"
        )
        (signed,) = log.execute("SELECT max(size) FROM log_checkpoint").fetchone()
        assert signed == len(entries) or not entries, f"seed {self.seed}: the log's end is not signed (I8)"
        self._check_copies(requests, orders)
        self._check_feed(billing)
        self.trace.update("".join(said).encode())

    def _check_copies(self, requests, orders):
        theirs = {
            order: (crew, reference)
            for order, crew, reference in orders.execute(
                "SELECT order_id, crew, reference FROM work_order WHERE crew <> ''"
            )
        }
        ours = {
            order: (crew, reference)
            for order, crew, reference in requests.execute("SELECT order_id, crew, reference FROM work_order")
        }
        for order, known in theirs.items():
            assert ours[order] == known, f"seed {self.seed}: requests' copy of {order} is not the original (I12)"
        last = dict(orders.execute("SELECT order_id, max(sequence) FROM happening GROUP BY order_id"))
        copied = dict(requests.execute("SELECT order_id, sequence FROM work_order"))
        assert last == copied, f"seed {self.seed}: a copy stands behind its original (I12)"
        # What the requester withdrew is done by nobody; what was finished first stays finished.
        gone = {row[0] for row in requests.execute("SELECT id FROM request WHERE withdrawn_at IS NOT NULL")}
        for request, open_ in orders.execute("SELECT request_id, max(open) FROM work_order GROUP BY request_id"):
            assert not (request in gone and open_), f"seed {self.seed}: a withdrawn request is still worked on (I12)"

    def _check_feed(self, billing):
        entries = sum((Decimal(amount) for (amount,) in billing.execute("SELECT amount FROM feed_entry")), Decimal())
        facts = sum(
            (Decimal(amount) for (amount,) in billing.execute("SELECT amount FROM fact WHERE amount IS NOT NULL")),
            Decimal(),
        )
        assert entries == facts, f"seed {self.seed}: the feed and the facts differ in money (I7)"


HIT: set[str] = set()
CRASHED: set[str] = set()
