"""A message's effect comes exactly once, whatever comes how often and in whatever order."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import inbox, waiting
from shared.bus.base import on, on_everything
from shared.contracts.requests import RequestUrged, RequestWithdrawn
from shared.errors import NotYet, Transient
from shared.work import work
from tests.floor.world import NOON, PUT, a_consumer, a_delivery, an_event, count, note, subjects

URGED = on(RequestUrged, do=note, service="dispatch")


def test_an_event_takes_effect_once_however_often_it_comes(database):
    consumer = a_consumer(database)
    delivery = a_delivery(1, "a")
    first = consumer.deliver(URGED, [delivery])
    second = consumer.deliver(URGED, [delivery, delivery])
    assert (first.handled, second.handled) == (1, 0)
    assert subjects(database) == ["a"]


def test_a_batch_shares_one_transaction_and_each_event_counts_once(database):
    consumer = a_consumer(database)
    batch = [a_delivery(n, str(n)) for n in (3, 1, 2)]
    assert consumer.deliver(URGED, [*batch, batch[0]]).handled == 3
    assert subjects(database) == ["1", "2", "3"]


def test_an_event_is_still_known_after_its_row_was_folded_away(database):
    consumer = a_consumer(database)
    batch = [a_delivery(n, str(n)) for n in range(1, 101)]
    consumer.deliver(URGED, batch)
    assert consumer.fold() == 100
    assert count(database, "inbox") == 0
    assert consumer.deliver(URGED, batch).known == 100
    assert len(subjects(database)) == 100


def test_a_hole_stays_open_until_its_event_comes(database):
    consumer = a_consumer(database)
    late = a_delivery(2, "late")
    consumer.deliver(URGED, [a_delivery(1, "one"), a_delivery(3, "three")])
    consumer.fold()
    with database.read() as connection:
        (gap,) = inbox.gaps(connection)
    assert (gap.missing, gap.since) == ((2,), NOON)
    assert consumer.deliver(URGED, [late]).handled == 1
    consumer.fold()
    with database.read() as connection:
        assert inbox.gaps(connection) == []
    assert count(database, "inbox") == 0


def test_a_lost_tail_is_seen_when_the_source_announces_its_heads(database):
    consumer = a_consumer(database)
    consumer.deliver(URGED, [a_delivery(1)])
    consumer.fold()
    with database.write() as connection:
        inbox.announce(connection, URGED.name, "requests", 1, {RequestUrged.TYPE: 3}, NOON)
    with database.read() as connection:
        (gap,) = inbox.gaps(connection)
    assert gap.missing == (2, 3)


def test_numbers_of_another_epoch_are_other_numbers(database):
    consumer = a_consumer(database)
    consumer.deliver(URGED, [a_delivery(1, "before")])
    consumer.deliver(URGED, [a_delivery(1, "after the restore", epoch=2)])
    assert subjects(database) == ["after the restore", "before"]


def test_what_fails_waits_with_growing_patience_and_is_parked_for_a_person(database):
    def refuse(_work, _event, _envelope):
        raise ValueError("no")

    subscription = on(RequestUrged, do=refuse, service="dispatch")
    consumer = a_consumer(database)
    assert consumer.deliver(subscription, [a_delivery(1)]).waiting == 1
    for wait in (1, 10, 60, 300):
        consumer.clock.set(consumer.clock.now() + timedelta(seconds=wait - 0.5))
        assert consumer.retry([subscription]).handled == 0
        consumer.clock.set(consumer.clock.now() + timedelta(seconds=1))
        consumer.retry([subscription])
    with database.read() as connection:
        (row,) = waiting.rows(connection)
    assert (row.state, row.attempt, row.error) == ("parked", 5, "ValueError: no")


def test_a_failing_event_does_not_hold_back_its_neighbours(database):
    def choosy(work, event, envelope):
        if event.request_id == "bad":
            raise ValueError(event.request_id)
        note(work, event, envelope)

    subscription = on(RequestUrged, do=choosy, service="dispatch")
    consumer = a_consumer(database)
    outcome = consumer.deliver(subscription, [a_delivery(n, s) for n, s in ((1, "a"), (2, "bad"), (3, "c"))])
    assert (outcome.handled, outcome.waiting) == (2, 1)
    assert subjects(database) == ["a", "c"]


def test_a_parked_event_that_is_sent_again_takes_effect_once(database):
    broken = [True]

    def mended_later(work, event, envelope):
        if broken[0]:
            raise ValueError
        note(work, event, envelope)

    subscription = on(RequestUrged, do=mended_later, service="dispatch")
    consumer = a_consumer(database)
    delivery = a_delivery(1, "a")
    consumer.deliver(subscription, [delivery])
    broken[0] = False
    with work("dispatch", database, consumer.clock, actor="account:a9") as unit:
        (row,) = waiting.rows(unit.connection)
        waiting.send_again(unit, row.row_id)
    with database.read() as connection:
        [[said]] = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'dispatch.waiting_settled.v1'")
    assert '"act":"sent_again"' in said
    assert '"actor":"account:a9"' in said
    assert consumer.retry([subscription]).handled == 1
    assert consumer.deliver(subscription, [delivery]).known == 1
    assert subjects(database) == ["a"]


def test_an_event_that_came_too_early_waits_for_the_one_before_it(database):
    there = set()

    def in_order(work, event, envelope):
        if envelope.sequence > 1 and (event.request_id, envelope.sequence - 1) not in there:
            raise NotYet
        there.add((event.request_id, envelope.sequence))
        note(work, event, envelope)

    subscription = on(RequestUrged, do=in_order, service="dispatch")
    consumer = a_consumer(database)
    assert consumer.deliver(subscription, [a_delivery(2, "a", sequence=2)]).waiting == 1
    assert consumer.deliver(subscription, [a_delivery(1, "a", sequence=1)]).handled == 1
    consumer.clock.set(NOON + timedelta(seconds=2))
    assert consumer.retry([subscription]).handled == 1
    assert subjects(database) == ["a", "a"]


def test_no_attempt_is_counted_while_the_database_is_away(database):
    def away(_work, _event, _envelope):
        raise Transient("away")

    subscription = on(RequestUrged, do=away, service="dispatch")
    consumer = a_consumer(database)
    with pytest.raises(Transient):
        consumer.deliver(subscription, [a_delivery(1)])
    assert (count(database, "waiting"), count(database, "inbox")) == (0, 0)


def test_an_event_that_kills_its_process_is_parked_after_five_starts_and_its_neighbours_never(database):
    class Killed(BaseException):
        pass

    def deadly(work, event, envelope):
        if event.request_id == "deadly":
            raise Killed
        note(work, event, envelope)

    subscription = on(RequestUrged, do=deadly, service="dispatch")
    consumer = a_consumer(database)
    deadly_one = a_delivery(1, "deadly", redelivered=True)
    neighbours = [a_delivery(n, str(n), redelivered=True) for n in (2, 3)]
    for _ in range(5):
        with pytest.raises(Killed):
            consumer.deliver(subscription, [deadly_one, *neighbours])
    outcome = consumer.deliver(subscription, [deadly_one, *neighbours])
    assert (outcome.parked, outcome.handled) == (1, 2)


def test_a_type_that_this_version_does_not_know_is_parked_and_not_lost(database):
    class Stranger:
        TYPE = "requests.request_teleported.v9"
        subject = "r1"

        @staticmethod
        def data():
            return {}

    consumer = a_consumer(database)
    outcome = consumer.deliver(URGED, [a_delivery(1, event=Stranger())])
    assert outcome.parked == 1


def test_a_handler_of_everything_gets_whole_batches_and_counts_by_the_source(database):
    subscription = on_everything(
        ["requests"], do=lambda work, batch: work.later(PUT, subject=str(len(batch))), service="audit"
    )
    consumer = a_consumer(database)
    batch = [a_delivery(n, typenumber=1 + n % 2) for n in range(1, 6)]
    first = consumer.deliver(subscription, batch)
    again = consumer.deliver(subscription, batch)
    consumer.fold()
    third = consumer.deliver(subscription, batch)  # below the watermark, where no row of the inbox is left
    assert (first.handled, again.known, third.known) == (5, 5, 5)
    assert subjects(database) == ["5"]
    with database.read() as connection:
        assert inbox.complete_to(connection, "audit.<lambda>", "requests", 1) == {"*": 5}


def test_two_instances_with_the_same_message_bring_one_effect(database):
    consumer = a_consumer(database)
    delivery = a_delivery(1, "a")
    start = Barrier(4)

    def instance():
        start.wait()
        while True:
            try:
                consumer.deliver(URGED, [delivery])
            except Transient:
                continue
            return

    threads = [Thread(target=instance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert subjects(database) == ["a"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 30), min_size=1, max_size=120), st.sets(st.integers(0, 119)))
def test_watermark_and_holes_remember_exactly_what_came(numbers, folds):
    from shared.database import Database

    database = Database("sqlite://")
    consumer = a_consumer(database)
    deliveries = {n: a_delivery(n, str(n)) for n in range(1, 31)}
    seen = set()
    for at, number in enumerate(numbers):
        outcome = consumer.deliver(URGED, [deliveries[number]])
        assert outcome.handled == (number not in seen)
        seen.add(number)
        if at in folds:
            consumer.fold()
    consumer.fold()
    with database.read() as connection:
        missing = {n for gap in inbox.gaps(connection) for n in gap.missing}
    assert missing == set(range(1, max(seen) + 1)) - seen
    database.close()


def test_what_a_handler_says_carries_the_cause_and_the_correlation(database):
    import json

    from shared import outbox

    def answer(work, event, _envelope):
        work.say(RequestWithdrawn(request_id=event.request_id, withdrawn_at=NOON), sequence=2)

    consumer = a_consumer(database)
    delivery = a_delivery(1, "a")
    consumer.deliver(on(RequestUrged, do=answer, service="dispatch"), [delivery])
    with database.write() as connection:
        (event,) = outbox.number_rows(connection, 1, 10)
    said = json.loads(event.body)
    assert said["causationid"] == delivery.envelope.id
    assert said["correlationid"] == delivery.envelope.correlationid
    assert (said["sequence"], said["sourcenumber"], said["typenumber"]) == (2, 1, 1)


def test_nothing_is_said_when_the_handler_fails(database):
    def half(work, event, _envelope):
        work.say(an_event(event.request_id))
        raise ValueError

    consumer = a_consumer(database)
    consumer.deliver(on(RequestUrged, do=half, service="dispatch"), [a_delivery(1)])
    assert count(database, "outbox") == 0
