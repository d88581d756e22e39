"""Requests are filed at a steady rate while processes are killed; whatever was answered 201 takes its whole way once."""

import os
import random
import threading
import time

import pytest
import requests
import sqlalchemy

from deploy.client import Person, Problem
from tests.system.office import Embedded, Full, person, until

SEED = int(os.environ.get("HOUQIN_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
COUNT = int(os.environ.get("HOUQIN_TEST_REQUESTS", "160"))
KILLS = int(os.environ.get("HOUQIN_TEST_KILLS", "5"))
PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class Load:
    """Files requests one after the other, each with a key of its own, again until it is answered."""

    def __init__(self, office, count, rate):
        self.office, self.count, self.rate = office, count, rate
        self.answered = {}
        self.failed = []
        self.person = person(office, "hanbing")
        self.person.timeout = 5
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        began = time.monotonic()
        for number in range(self.count):
            time.sleep(max(0, began + number / self.rate - time.monotonic()))
            body = {
                "item": "repair",
                "place": f"B2-{300 + number % 9 + 1}",
                "answers": {"what": "light", "details": f"第{number}件"},
            }
            try:
                self.answered[number] = self._file(number, body)
            except Problem as problem:
                self.failed.append(problem)

    def _file(self, number, body):
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.person.post("/requests/api/requests", body, key=f"load-{SEED}-{number}")
            except PASSING:
                pass
            except Problem as problem:
                if problem.status not in {429, 502, 503, 504}:
                    raise
            if time.monotonic() > deadline:
                raise AssertionError(f"request {number} was not answered for a minute")
            time.sleep(0.2)


def finish_some(office, load, every=10):
    """Dispatchers finish every fifth order that was answered; the references of those finished."""
    he = person(office, "hejing")
    done = []
    for number, filed in sorted(load.answered.items()):
        if number % every:
            continue
        reference = f"{filed['reference']}-1"

        def assigned(reference=reference):
            order = he.get(f"/dispatch/api/orders/{reference}")
            return order["crew"] and order

        until(assigned, f"assignment of {reference}", 60)
        for step in ("accept", "arrive", "start"):
            he.post(f"/dispatch/api/orders/{reference}/{step}")
        he.post(f"/dispatch/api/orders/{reference}/finish", {"usage": [{"meter": "hours", "quantity": "0.5"}]})
        done.append(reference)
    return done


def rows(url, query):
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query).all()
    engine.dispose()
    return found


def settled(office):
    """Nothing waits anywhere and every event of every outbox is an entry, once."""
    urls = office.databases()
    said = 0
    for url in urls.values():
        ((left, total),) = rows(url, "SELECT count(*) - count(sourcenumber), count(*) FROM outbox")
        waiting = rows(url, "SELECT count(*) FROM waiting WHERE state = 'waiting'")[0][0]
        if left or waiting:
            return None
        said += total
    entries, distinct = rows(urls["audit"], "SELECT count(*), count(DISTINCT event_id) FROM log_entry")[0]
    return (entries, distinct) if entries == said else None


def check(office, load, finished):
    urls = office.databases()
    answered = {filed["reference"] for filed in load.answered.values()}
    assert load.failed == []
    assert len(answered) == load.count, "two answers for one request, or one for two"
    entries, distinct = until(lambda: settled(office), "settling", 120)
    assert entries == distinct
    orders = [reference for (reference,) in rows(urls["dispatch"], "SELECT request_reference FROM work_order")]
    assert len(orders) == len(set(orders)), "a request has two orders"
    assert answered <= set(orders), "a request has no order"
    facts = [reference for (reference,) in rows(urls["billing"], "SELECT order_reference FROM fact")]
    assert sorted(facts) == sorted(finished), "finished orders and usage facts differ"
    for url in urls.values():
        assert rows(url, "SELECT count(*) FROM waiting WHERE state <> 'waiting'")[0][0] == 0, "something is parked"


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.postgres
def test_services_and_relays_are_killed_in_random_order(tmp_path):
    print(f"HOUQIN_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    office = Full(tmp_path)
    try:
        office.start()
        load = Load(office, COUNT, rate=12)
        load.thread.start()
        victims = list(office.names)
        chance.shuffle(victims)
        for victim in victims:
            if not load.thread.is_alive():
                break
            time.sleep(chance.uniform(0.1, 0.9))
            office.kill(victim)
            time.sleep(chance.uniform(0.0, 0.5))
            office.restart(victim)
        load.thread.join()
        office.wait_ready()
        check(office, load, finish_some(office, load))
    finally:
        office.close()


@pytest.mark.slow
def test_the_one_process_of_embedded_mode_is_killed_again_and_again(tmp_path):
    print(f"HOUQIN_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    office = Embedded(tmp_path)
    try:
        office.start()
        load = Load(office, COUNT // 4, rate=4)
        load.thread.start()
        kills = 0
        while load.thread.is_alive() and kills < KILLS:
            time.sleep(chance.uniform(0.05, 0.6))
            office.kill()
            kills += 1
            office.start()
        load.thread.join()
        check(office, load, finish_some(office, load))
    finally:
        office.close()


def test_a_stop_is_clean_and_quick(tmp_path):
    office = Embedded(tmp_path)
    try:
        office.start()
        Person(office.address, "hanbing").sign_in()
        began = time.monotonic()
        assert office.stop() == 0
        assert time.monotonic() - began < 15
    finally:
        office.close()
