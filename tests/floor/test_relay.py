"""The relay numbers without gaps, keeps order while nothing fails, and marks a row by its own confirm only."""

import json
import time
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import outbox
from shared.clock import ManualClock
from shared.database import Database
from shared.relay import Relay, StandBy, sole_writer
from shared.work import work
from tests.floor.world import NOON, an_event, metadata
from tests.wire import counted


def say(database, count, first=0):
    for number in range(first, first + count):
        with work("requests", database, ManualClock(NOON)) as unit:
            unit.say(an_event(str(number)))


def a_relay(database, **options):
    relay = Relay("requests", database.write, **options)
    relay.start()
    return relay


@pytest.fixture
def store(database):
    metadata.create_all(database.engine)
    return database


def test_events_are_numbered_in_order_without_gaps(store):
    say(store, 7)
    events = a_relay(store, batch=3)
    taken = [event.number for _ in range(3) for event in events.take()]
    assert taken == list(range(1, 8))


def test_an_event_has_the_same_bytes_whenever_it_is_sent(store):
    say(store, 3)
    first = [event.body for event in a_relay(store).take()]
    again = [event.body for event in a_relay(store).take()]
    assert first == again
    with store.read() as connection:
        assert [event.body for event in outbox.of_numbers(connection, 1, "*", [1, 2, 3])] == first
        assert [event.body for event in outbox.of_numbers(connection, 1, an_event().TYPE, [2])] == [first[1]]


def test_what_was_not_confirmed_is_sent_again_by_the_next_relay(store):
    say(store, 5)
    relay = a_relay(store)
    relay.take()
    relay.confirm([1, 2, 4])
    relay.note()
    assert [event.number for event in a_relay(store).take()] == [3, 5]


def test_a_late_low_confirm_proves_nothing_for_others_and_a_high_one_nothing_for_lower(store):
    say(store, 3)
    relay = a_relay(store)
    relay.take()
    relay.confirm([3])
    relay.note()
    with store.read() as connection:
        assert outbox.sent(connection) == (1, 0, {3})


def test_refused_events_go_out_again(store):
    say(store, 2)
    relay = a_relay(store)
    relay.take()
    relay.confirm([1])
    relay.refuse([2])
    assert [event.number for event in relay.take()] == [2]


def test_a_lost_connection_puts_everything_in_flight_in_doubt_oldest_first(store):
    say(store, 4)
    relay = a_relay(store, batch=2)
    relay.take(), relay.take()
    relay.confirm([2])
    relay.lose()
    assert [event.number for event in (*relay.take(), *relay.take())] == [1, 3, 4]


def test_the_window_bounds_what_is_in_flight(store):
    say(store, 10)
    relay = a_relay(store, window=4, batch=3)
    assert [len(relay.take()) for _ in range(3)] == [3, 1, 0]
    relay.confirm([1, 2])
    assert len(relay.take()) == 2


def test_a_transaction_that_commits_late_is_numbered_all_the_same(store):
    say(store, 1)
    with store.write() as connection:  # a row with a lower id than those already numbered
        outbox.PUT.run(connection, type="requests.request_urged.v1", sealed="{}")
        connection.exec_driver_sql("UPDATE outbox SET row_id = 0 WHERE sealed = '{}'")
    say(store, 1, first=1)
    relay = a_relay(store, batch=1)
    assert len({event.number for _ in range(3) for event in relay.take()}) == 3


def test_what_a_consumer_asks_for_is_sent_again_once(store):
    say(store, 3)
    relay = a_relay(store)
    relay.take()
    relay.confirm([1, 2, 3])
    with store.write() as connection:
        outbox.WANT.run(connection, epoch=1, type="*", numbers=json.dumps([2]))
    relay.take()
    assert [event.number for event in relay.take()] == [2]
    relay.confirm([2])
    assert relay.take() == []


@pytest.mark.postgres
def test_a_second_relay_stands_by_until_the_first_is_gone():
    from tests.conftest import scratch_postgres

    url, drop = scratch_postgres()
    with closing(Database(url)) as one, closing(Database(url)) as two:
        metadata.create_all(one.engine)
        with sole_writer(one), pytest.raises(StandBy), sole_writer(two):
            pass
        patience = time.monotonic() + 10  # the server lets go of the lock when it sees that its session ended
        while True:
            try:
                with sole_writer(two) as begin:
                    Relay("requests", begin).start()
                break
            except StandBy:
                assert time.monotonic() < patience
                time.sleep(0.02)
    drop()


@settings(max_examples=80)
@given(st.data())
def test_nothing_is_lost_and_nothing_is_marked_unconfirmed_whatever_fails(data):
    database = Database("sqlite://")
    metadata.create_all(database.engine)
    said, accepted = 0, set()
    relay = a_relay(database, window=6, batch=4)
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.sampled_from(["say", "take", "confirm", "refuse", "lose", "note", "crash"]))
        flying = sorted(relay.in_flight)
        if step == "say":
            say(database, 2, first=said)
            said += 2
        elif step == "take":
            relay.take()
        elif step in {"confirm", "refuse"} and flying:
            chosen = data.draw(st.sets(st.sampled_from(flying), min_size=1))
            if step == "confirm":
                accepted |= chosen
                relay.confirm(chosen)
            else:
                relay.refuse(chosen)
        elif step == "lose":
            relay.lose()
        elif step == "note":
            relay.note()
        elif step == "crash":
            relay = a_relay(database, window=6, batch=4)
        with database.read() as connection:
            _, upto, ahead = outbox.sent(connection)
        assert set(range(1, upto + 1)) | ahead <= accepted
    relay = a_relay(database)
    while events := relay.take():
        accepted |= {event.number for event in events}
        relay.confirm([event.number for event in events])
    assert accepted == set(range(1, said + 1))
    database.close()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("count", [1, 40, 500])
def test_a_relay_batch_is_nine_messages_and_one_commit_however_many_rows(store, count):
    """BEGIN; what was confirmed; what is wanted again; the rows without a number; the last numbers; the rows' numbers;
    the last number of the type and of all, one each; COMMIT. It publishes only afterwards, through its own process.
    """
    with sole_writer(store) as begin:
        relay = Relay("requests", begin)
        relay.start()
        say(store, 1)
        relay.confirm([event.number for event in relay.take()])
        say(store, count, first=1)
        with counted(store) as cost:
            assert len(relay.take()) == count
    assert cost.within(messages=9, commits=1), cost
