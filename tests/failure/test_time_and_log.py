"""F46, F48, F49 and F57 to F59: clocks that jump, a long backlog, and an audit service that dies at each point."""

import contextlib
import json
import os
import threading
import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest

from services.audit import handlers as audit
from services.audit import store
from services.audit.log.tiles import Tree
from services.audit.service import SERVICE as AUDIT
from services.audit.signing import sign
from shared import faults, ids, outbox
from shared.clock import ManualClock, from_text
from shared.contracts.base import numbered, seal
from shared.database import Database
from shared.errors import Transient
from shared.relay import Relay
from shared.service import Running
from shared.work import work
from tests.audit.conftest import EVERYTHING, Voices, a_chain
from tests.audit.conftest import a_running as an_audit
from tests.conftest import scratch_postgres
from tests.floor.world import NOON, an_event, metadata
from tests.requests.conftest import Program, an_app
from tests.requests.conftest import a_running as a_requests


def test_a_clock_set_back_neither_repeats_nor_disorders_identifiers(monkeypatch):
    nanoseconds = iter([10**18 + 7200 * 10**9] * 500 + [10**18] * 500)
    monkeypatch.setattr(ids.time, "time_ns", lambda: next(nanoseconds))
    new_id = ids._Monotonic()
    found = [new_id() for _ in range(1000)]
    assert found == sorted(set(found))


@pytest.mark.parametrize("jump", [timedelta(hours=2), -timedelta(hours=2)])
def test_a_clock_that_jumps_changes_no_order_of_what_is_said(database, jump):
    metadata.create_all(database.engine)
    clock = ManualClock(NOON)
    for number in range(3):
        with work("requests", database, clock) as unit:
            unit.say(an_event(str(number)))
        clock.set(clock.now() + jump)
    with database.write() as connection:
        bodies = [json.loads(each.body) for each in outbox.number_rows(connection, 1, 10)]
    assert [each["data"]["request_id"] for each in bodies] == ["0", "1", "2"]
    assert [each["sourcenumber"] for each in bodies] == [1, 2, 3]


def test_a_leap_second_is_no_instant_and_is_refused_by_field(tmp_path):
    with pytest.raises(ValueError, match="second"):
        from_text("2026-12-31T23:59:60Z")
    running = a_requests(tmp_path, f"sqlite:///{tmp_path / 'requests.db'}")
    program = Program(running, an_app(running))
    body = {"item": "meeting", "place": "M-301", "starts_at": "2026-12-31T23:59:60Z", "ends_at": "2027-01-01T01:00:00Z"}
    answer = program.post("/requests/api/requests", body, **{"Idempotency-Key": "leap"})
    assert answer.status_code == 422
    assert "starts_at" in answer.text
    running.database.close()


def test_the_log_keeps_what_a_producer_claims_of_time_beside_its_own(tmp_path):
    running = an_audit(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    (delivery, *_) = a_chain(Voices())
    ahead = replace(delivery.envelope, time=running.clock.now() + timedelta(hours=1))
    body = numbered(seal(ahead), 1, ahead.sourcenumber, ahead.typenumber)
    running.consumer.deliver(EVERYTHING, [replace(delivery, envelope=ahead, body=body)])
    with running.database.read() as connection:
        ((claimed, received),) = connection.exec_driver_sql("SELECT time, received_at FROM log_entry").all()
    assert (from_text(claimed) - from_text(received)) == timedelta(hours=1)
    running.database.close()


def test_a_long_backlog_is_taken_in_batches_of_bounded_memory(database):
    size = int(os.environ.get("HOUQIN_TEST_BACKLOG", "4000"))
    metadata.create_all(database.engine)
    with work("requests", database, ManualClock(NOON)) as unit:
        for number in range(size):
            unit.say(an_event(str(number)))
            if number % 2000 == 1999:
                unit.flush()
    relay = Relay("requests", database.write, window=1000, batch=250)
    relay.start()
    tracemalloc.start()
    taken = 0
    while events := relay.take():
        assert len(events) <= 250
        taken += len(events)
        relay.confirm(event.number for event in events)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken == size
    assert peak < 8_000_000  # bytes; the backlog itself may be any size


@pytest.mark.postgres
def test_of_two_sequencers_each_entry_gets_one_place(tmp_path, monkeypatch):
    url, drop = scratch_postgres()
    first = an_audit(tmp_path, url)
    second = Running(AUDIT, Database(url), first.settings, first.clock)
    monkeypatch.setattr(audit, "_turn", contextlib.nullcontext())  # as in two processes
    voices = Voices()
    chains = [a_chain(voices, f"r{number}", f"2026-1125-{number:03}") for number in range(12)]
    failures = []

    def sequence(running, mine):
        for chain in mine:
            for _ in range(50):
                try:
                    running.consumer.deliver(EVERYTHING, chain)
                    break
                except Transient:
                    continue
            else:
                failures.append("no turn in fifty")

    threads = [threading.Thread(target=sequence, args=(first, chains[:8])),
               threading.Thread(target=sequence, args=(second, chains[4:]))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with first.database.read() as connection:
        total = sum(len(chain) for chain in chains)
        assert connection.exec_driver_sql("SELECT count(*), max(seq) FROM log_entry").one() == (total, total - 1)
        head = store.head(connection)
        assert (head.size, Tree(store.Tiles(connection), head.size).root()) == (total, head.root)
        assert connection.exec_driver_sql("SELECT count(*) FROM waiting").scalar_one() == 0
    for running in (first, second):
        running.database.close()
    drop()


class Died(BaseException):
    """The process ended here."""


@pytest.mark.parametrize(
    "point",
    ["consumer.claimed", "consumer.before_commit", "consumer.before_ack", "log.batched", "log.signed", "log.published"],
)
def test_an_audit_that_dies_anywhere_has_no_checkpoint_without_its_entries_and_no_second_history(
    tmp_path, monkeypatch, point
):
    running = an_audit(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    voices = Voices()
    running.consumer.deliver(EVERYTHING, a_chain(voices))
    sign(running)
    second = a_chain(voices, "r2", "2026-1125-002")

    def die(passed):
        if passed == point:
            raise Died(passed)

    monkeypatch.setattr(faults, "_hook", die)
    with pytest.raises(Died):
        running.consumer.deliver(EVERYTHING, second)
        sign(running)
    monkeypatch.setattr(faults, "_hook", None)
    running.database.close()
    again = Running(AUDIT, Database(f"sqlite:///{tmp_path / 'audit.db'}"), running.settings, running.clock)
    with again.database.read() as connection:
        size, _, _ = store.checkpoint(connection)
        head = store.head(connection)
        assert size <= head.size
        assert Tree(store.Tiles(connection), head.size).root() == head.root
    again.consumer.deliver(EVERYTHING, [replace(each, redelivered=True) for each in second])
    sign(again)
    with again.database.read() as connection:
        size, _, _ = store.checkpoint(connection)
        assert (
            size
            == store.head(connection).size
            == connection.exec_driver_sql("SELECT count(*) FROM log_entry").scalar_one()
        )
    again.database.close()
