"""Requests are filed at a steady rate while processes are killed; whatever was answered 201 takes its whole way once."""

import contextlib
import json
import os
import random
import threading
import time

import pytest
import requests
import sqlalchemy

from deploy.client import Person, Problem
from tests.failure.nodes import Broker, Postgres
from tests.system.office import Embedded, Full, person, until

SEED = int(os.environ.get("HOUQIN_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
COUNT = int(os.environ.get("HOUQIN_TEST_REQUESTS", "120"))
RATE = float(os.environ.get("HOUQIN_TEST_RATE", "12"))  # requests a second
KILLS = int(os.environ.get("HOUQIN_TEST_KILLS", "4"))
FINISH_EVERY = 10  # every tenth request is also done and metered
HANDS = 4  # people filing at once
PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
AGAIN = {404, 429, 500, 502, 503, 504}


class Load:
    """Files requests at a steady rate and finishes some, each act with a key of its own, again until it is answered."""

    def __init__(self, office, count, rate):
        self.office, self.count, self.rate = office, count, rate
        self.answered = {}
        self.finished = []
        self.failed = []
        self.server_errors = []
        self.people = [person(office, "hanbing") for _ in range(HANDS)]
        self.dispatcher = person(office, "hejing")
        for each in (*self.people, self.dispatcher):
            each.timeout = 8
        self.began = time.monotonic()
        self.threads = [threading.Thread(target=self._file_all, args=(hand,)) for hand in range(HANDS)]
        self.finisher = threading.Thread(target=self._finish_all)

    def start(self):
        for thread in (*self.threads, self.finisher):
            thread.start()

    def join(self):
        for thread in (*self.threads, self.finisher):
            thread.join()

    @property
    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def _file_all(self, hand):
        try:
            for number in range(hand, self.count, HANDS):
                time.sleep(max(0, self.began + number / self.rate - time.monotonic()))
                body = {
                    "item": "repair",
                    "place": f"B2-{300 + number % 9 + 1}",
                    "answers": {"what": "light", "details": f"第{number}件"},
                    "anyway": True,
                }
                self.answered[number] = self._surely(
                    self.people[hand], "/requests/api/requests", body, f"load-{number}"
                )
        except Exception as error:  # noqa: BLE001  told by the test's own thread
            self.failed.append(error)

    def _finish_all(self):
        try:
            for number in range(0, self.count, FINISH_EVERY):
                reference = f"{until(lambda n=number: self.answered.get(n), f'answer {number}', 180)['reference']}-1"
                self._finish(reference, number)
        except Exception as error:  # noqa: BLE001
            self.failed.append(error)

    def _finish(self, reference, number):
        path = f"/dispatch/api/orders/{reference}"

        def assigned():
            with contextlib.suppress(*PASSING):
                return self.dispatcher.get(path)["crew"]

        until(assigned, f"assignment of {reference}", 120)
        for step in ("accept", "arrive", "start"):
            self._surely(self.dispatcher, f"{path}/{step}", {}, f"{step}-{number}")
        usage = {"usage": [{"meter": "hours", "quantity": "0.5"}]}
        self._surely(self.dispatcher, f"{path}/finish", usage, f"finish-{number}")
        self.finished.append(reference)

    def _surely(self, who, path, body, key):
        deadline = time.monotonic() + 90
        last = None
        while True:
            try:
                return who.post(path, body, key=f"{key}-{SEED}")
            except PASSING as error:
                last = error
            except Problem as problem:
                last = problem
                if problem.status == 500:
                    self.server_errors.append(f"{path}: {problem}")
                if problem.status not in AGAIN:
                    raise
            if time.monotonic() > deadline:
                raise AssertionError(f"{path} was not answered for ninety seconds; last: {last!r}")
            time.sleep(0.2)


def rows(url, query):
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(query).all()
    engine.dispose()
    return found


def settled(office):
    """Nothing waits anywhere, no number is missing, and the events of every outbox are the entries of the log."""
    urls = office.databases()
    said = []
    for url in urls.values():
        if rows(url, "SELECT 1 FROM outbox WHERE sourcenumber IS NULL LIMIT 1"):
            return None
        if rows(url, "SELECT 1 FROM waiting WHERE state = 'waiting' LIMIT 1"):
            return None
        if rows(url, "SELECT 1 FROM watermark WHERE upto < head LIMIT 1"):
            return None
        said += [json.loads(sealed)["id"] for (sealed,) in rows(url, "SELECT sealed FROM outbox")]
    entries = [event_id for (event_id,) in rows(urls["audit"], "SELECT event_id FROM log_entry")]
    return entries if sorted(entries) == sorted(said) else None


def check(office, load):
    urls = office.databases()
    answered = {filed["reference"] for filed in load.answered.values()}
    assert load.failed == []
    assert load.server_errors == []
    assert len(load.answered) == load.count
    assert len(answered) == load.count, "two answers for one request, or one for two"
    entries = until(lambda: settled(office), "settling", 150)
    assert len(entries) == len(set(entries))
    orders = [reference for (reference,) in rows(urls["dispatch"], "SELECT request_reference FROM work_order")]
    assert len(orders) == len(set(orders)), "a request has two orders"
    assert answered <= set(orders), "a request has no order"
    facts = [reference for (reference,) in rows(urls["billing"], "SELECT order_reference FROM fact")]
    assert sorted(facts) == sorted(load.finished), "finished orders and usage facts differ"
    for url in urls.values():
        assert rows(url, "SELECT count(*) FROM waiting")[0][0] == 0, "something is parked"
    print(f"{load.count} requests, {len(load.finished)} finished, {len(entries)} entries,"
          f" {time.monotonic() - load.began:.0f} s")  # fmt: skip


@pytest.mark.slow
@pytest.mark.own_servers
def test_services_relays_broker_and_database_are_killed_in_random_order(tmp_path):
    print(f"HOUQIN_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    postgres, broker = Postgres(), Broker()
    office = None
    try:
        postgres.start()
        broker.start()
        office = Full(tmp_path, postgres.url, broker.url, REQUESTS_FILINGS_PER_MINUTE="1000000")
        office.start()
        load = Load(office, COUNT, RATE)
        load.start()
        kills = 0
        while load.running:
            victims = [*office.names, "broker", "postgres"]
            chance.shuffle(victims)
            for victim in victims:
                if kills >= len(victims) and not load.running:
                    break
                time.sleep(chance.uniform(0.1, 0.9))
                server = {"broker": broker, "postgres": postgres}.get(victim)
                server.kill() if server else office.kill(victim)
                time.sleep(chance.uniform(0.0, 0.5))
                server.start() if server else office.restart(victim)
                kills += 1
        load.join()
        office.wait_ready()
        check(office, load)
        print(f"{kills} kills")
    finally:
        if office is not None:
            office.close()
        broker.close()
        postgres.close()


@pytest.mark.slow
def test_the_one_process_of_embedded_mode_is_killed_again_and_again(tmp_path):
    print(f"HOUQIN_TEST_SEED={SEED}")
    chance = random.Random(SEED)
    office = Embedded(tmp_path)
    try:
        office.start()
        load = Load(office, COUNT // 4, rate=4)
        load.start()
        kills = 0
        while kills < KILLS:
            time.sleep(chance.uniform(0.05, 0.8))
            office.kill()
            kills += 1
            office.start()
        load.join()
        check(office, load)
        print(f"{kills} kills")
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
