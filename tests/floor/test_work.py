"""One unit of work is one transaction, on the wire too."""

import psycopg2.extensions
import psycopg2.extras
import pytest
import sqlalchemy.exc
from sqlalchemy import select
from sqlalchemy.event import listen

from shared.bus.base import on
from shared.clock import ManualClock
from shared.contracts.requests import RequestUrged
from shared.database import Database, Sql
from shared.delivery import Consumer
from shared.work import work
from tests.floor.world import NOON, PUT, a_delivery, an_event, effects, metadata

BROKEN = Sql("INSERT INTO effects (id, subject) VALUES (1, :subject)")


@pytest.fixture
def database(database_url):
    found = Database(database_url)
    metadata.create_all(found.engine)
    yield found
    found.close()


@pytest.fixture
def trips():
    """Counts the messages that psycopg2 sends and waits for, BEGIN and COMMIT among them."""
    counted = []

    def wait(connection):
        counted.append(1)
        psycopg2.extras.wait_select(connection)

    psycopg2.extensions.set_wait_callback(wait)
    yield counted
    psycopg2.extensions.set_wait_callback(None)


def subjects(database):
    with database.read() as connection:
        return list(connection.execute(select(effects.c.subject).order_by(effects.c.id)).scalars())


def a_work(database):
    return work("requests", database, ManualClock(NOON))


def test_nothing_is_written_when_the_last_statement_breaks_a_rule(database):
    with a_work(database) as unit:
        unit.later(BROKEN, subject="first")
    with pytest.raises(sqlalchemy.exc.IntegrityError), a_work(database) as unit:
        unit.later(PUT, subject="second")
        unit.say(an_event())
        unit.later(BROKEN, subject="third")
    assert subjects(database) == ["first"]
    with a_work(database) as unit:  # the connection serves on
        unit.later(Sql("INSERT INTO effects (id, subject) VALUES (2, :subject)"), subject="fourth")
    assert subjects(database) == ["first", "fourth"]


def test_nothing_is_written_when_the_work_fails_after_a_statement_of_its_own(database):
    with pytest.raises(ZeroDivisionError), a_work(database) as unit:
        PUT.run(unit.connection, subject="first")
        unit.later(PUT, subject="second")
        raise ZeroDivisionError
    assert subjects(database) == []


def test_what_was_read_and_written_before_belongs_to_the_same_transaction(database):
    with pytest.raises(sqlalchemy.exc.IntegrityError), a_work(database) as unit:
        BROKEN.run(unit.connection, subject="first")
        unit.later(BROKEN, subject="second")
    assert subjects(database) == []


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_work_that_only_writes_is_one_round_trip(database, trips):
    for subject in ("warm", "first"):
        trips.clear()
        with a_work(database) as unit:
            unit.later(PUT, subject=subject)
            unit.say(an_event(subject))
            unit.say(an_event(subject, times=2))
    assert len(trips) == 1


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_work_that_asks_first_adds_begin_its_question_and_commit(database, trips):
    for subject in ("warm", "first"):
        trips.clear()
        with a_work(database) as unit:
            unit.connection.execute(select(effects.c.id)).all()
            unit.later(PUT, subject=subject)
            unit.say(an_event(subject))
    assert len(trips) == 4


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_of_events_whose_handler_asks_nothing_is_one_message_on_the_same_connection(database, trips, count):
    def put_down(unit, event, _envelope):
        unit.later(PUT, subject=event.request_id)

    subscription = on(RequestUrged, do=put_down, service="dispatch")
    consumer = Consumer("dispatch", database, ManualClock(NOON))
    connections = []
    consumer.deliver(subscription, [a_delivery(1000, "warm")])
    consumer.deliver(subscription, [a_delivery(number, f"w{number}") for number in range(2000, 2000 + count)])
    listen(database.engine, "connect", lambda *_: connections.append(1))
    trips.clear()
    outcome = consumer.deliver(subscription, [a_delivery(number, f"r{number}") for number in range(1, count + 1)])
    assert outcome.handled == count
    assert len(trips) == 1  # claim and writes, committed with it
    assert connections == []


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_an_insert_is_prepared_once_on_a_connection_and_again_after_a_refusal(database, trips):
    refused = Sql("INSERT INTO effects (id, subject) VALUES (:id, :subject)")
    with a_work(database) as unit:
        unit.later(refused, id=1, subject="first")
    with database.read() as connection:
        known = connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one()
    assert known == 1
    for _ in range(2):
        trips.clear()
        with pytest.raises(sqlalchemy.exc.IntegrityError), a_work(database) as unit:
            unit.say(an_event())
            unit.later(refused, id=1, subject="second")
        assert len(trips) <= 2
    with a_work(database) as unit:
        unit.say(an_event())
        unit.later(refused, id=2, subject="third")
    assert subjects(database) == ["first", "third"]
