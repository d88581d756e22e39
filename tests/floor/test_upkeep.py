"""What a service does by itself: it measures, and asks for what it misses."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import REGISTRY as METRICS

from shared import outbox, upkeep
from shared.bus.base import on
from shared.clock import ManualClock
from shared.contracts.requests import RequestUrged
from shared.database import run_last
from shared.delivery import Consumer
from shared.service import Running, Service
from shared.work import work
from tests.floor.world import NOON, a_delivery, an_event, metadata, note

URGED = on(RequestUrged, do=note, service="dispatch")


def a_service(name, database, now=NOON):
    metadata.create_all(database.engine)
    service = Service(
        name, (), metadata, Path(), (URGED,) if name == "dispatch" else (), lambda _: None, lambda _: None
    )
    return Running(service, database, None, ManualClock(now))


def said(database):
    with database.write() as connection:
        return [json.loads(event.body) for event in outbox.number_rows(connection, 1, 100)]


def test_a_hole_is_asked_for_after_five_minutes_and_not_again_at_once(database):
    dispatch = a_service("dispatch", database)
    dispatch.consumer.deliver(URGED, [a_delivery(1), a_delivery(4)])
    upkeep.fold(dispatch)
    upkeep.ask(dispatch)
    assert said(database) == []
    dispatch.clock.set(NOON + timedelta(minutes=6))
    upkeep.ask(dispatch)
    upkeep.ask(dispatch)
    (wish,) = said(database)
    assert wish["type"] == "dispatch.resend_wanted.v1"
    assert wish["data"] == {"source": "requests", "epoch": 1, "type": RequestUrged.TYPE, "numbers": [2, 3]}


def test_the_source_has_its_relay_send_again_what_is_missed(database):
    requests = a_service("requests", database)
    for number in range(3):
        with work("requests", database, requests.clock) as unit:
            unit.say(an_event(str(number)))
    bodies = said(database)
    wish = upkeep.REGISTRY["dispatch.resend_wanted.v1"](
        source="requests", epoch=1, type=RequestUrged.TYPE, numbers=(2,)
    )
    (subscription,) = upkeep.floor_subscriptions("requests")
    Consumer("requests", database, requests.clock).deliver(subscription, [a_delivery(1, event=wish, source="dispatch")])
    with database.write() as connection:
        (again,) = outbox.take_resends(connection)
        assert outbox.take_resends(connection) == []
    assert json.loads(again.body) == bodies[1]


def test_a_wish_for_another_source_is_none_of_ours(database):
    requests = a_service("requests", database)
    wish = upkeep.REGISTRY["dispatch.resend_wanted.v1"](source="billing", epoch=1, type="*", numbers=(1,))
    (subscription,) = upkeep.floor_subscriptions("requests")
    Consumer("requests", database, requests.clock).deliver(subscription, [a_delivery(1, event=wish, source="dispatch")])
    with database.write() as connection:
        assert outbox.take_resends(connection) == []


def test_the_gauges_say_what_waits_and_how_old_the_oldest_gap_is(database):
    dispatch = a_service("dispatch", database)
    dispatch.consumer.deliver(URGED, [a_delivery(2)])
    upkeep.fold(dispatch)
    dispatch.clock.set(NOON + timedelta(seconds=90))
    with work("dispatch", database, dispatch.clock) as unit:
        unit.say(an_event())
    upkeep.measure(dispatch)
    assert METRICS.get_sample_value("houqin_outbox_waiting", {"service": "dispatch"}) == 1
    assert METRICS.get_sample_value("houqin_gap_age_seconds", {"service": "dispatch"}) == 90
    assert METRICS.get_sample_value("houqin_waiting_events", {"service": "dispatch", "state": "parked"}) == 0


def test_a_source_s_announcement_shows_a_lost_tail(database):
    dispatch = a_service("dispatch", database)
    dispatch.consumer.deliver(URGED, [a_delivery(1)])
    upkeep.fold(dispatch)
    heads = {"source": "requests", "epoch": 1, "heads": {RequestUrged.TYPE: 2, "*": 9}}
    upkeep.note_heads(dispatch, URGED, json.dumps(heads).encode())
    dispatch.clock.set(NOON + timedelta(minutes=6))
    upkeep.ask(dispatch)
    (wish,) = said(database)
    assert wish["data"]["numbers"] == [2]


def test_a_clock_that_is_not_the_databases_is_measured(database):
    name = f"clocked-{database.is_sqlite}"
    upkeep.measure(a_service(name, database, datetime.now(UTC) + timedelta(hours=1)))
    offset = METRICS.get_sample_value("houqin_clock_offset_seconds", {"service": name})
    assert offset is None if database.is_sqlite else 3000 < offset <= 3600


def test_events_that_were_sent_long_ago_are_gone_and_those_not_taken_stay(database):
    requests = a_service("requests", database)
    requests.settings = {"HOUQIN_OUTBOX_DAYS": 400}
    for number in range(4):
        with work("requests", database, requests.clock) as unit:
            unit.say(an_event(str(number)))
        if number == 2:
            requests.clock.set(NOON + timedelta(days=1))
    first = said(database)
    with database.write() as connection:
        run_last(connection, [outbox.set_sent(1, 1, {3})])  # the second was not taken yet
    requests.clock.set(NOON + timedelta(days=400))
    upkeep.forget_sent(requests)
    assert kept_numbers(database) == [1, 2, 3, 4]
    requests.clock.set(NOON + timedelta(days=400, seconds=1))
    upkeep.forget_sent(requests)
    assert kept_numbers(database) == [2, 3, 4]  # nothing behind one that is still to be sent
    with database.write() as connection:
        run_last(connection, [outbox.set_sent(1, 4, set())])
    upkeep.forget_sent(requests)
    assert kept_numbers(database) == [4]  # a day younger
    with database.write() as connection:
        assert [json.loads(each.body)["id"] for each in outbox.of_numbers(connection, 1, "*", [1, 2, 3, 4])] == [
            first[3]["id"]
        ]


def kept_numbers(database):
    with database.read() as connection:
        return [number for (number,) in connection.exec_driver_sql("SELECT sourcenumber FROM outbox ORDER BY 1")]
