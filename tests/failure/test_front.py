"""F1, F2, F31, F33, F35, F36, F51, F52, F55: the real requests service, its process, its database and its clients in trouble."""

import os
import resource
import socket
import subprocess
import threading
import time
import uuid
from pathlib import Path
from urllib.request import urlopen

import pytest
import requests

from deploy import local
from deploy.client import Person
from shared.web import idempotency
from tests.failure.proxy import Proxy
from tests.system.office import Embedded, free_port, person, until

pytestmark = pytest.mark.slow
BODY = {"item": "repair", "place": "B2-302", "answers": {"what": "light", "details": "灯"}, "anyway": True}


class Front:
    """The requests service alone, on the test's own servers, its database behind a proxy."""

    def __init__(self, postgres, folder):
        self.postgres, self.folder = postgres, folder
        self.proxy = Proxy(("127.0.0.1", postgres.port)).start()
        self.mark = f"front_{uuid.uuid4().hex[:6]}"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        raw = postgres.connect()
        raw.cursor().execute(f"CREATE DATABASE {self.mark}")
        raw.close()
        url = f"postgresql+psycopg2://root@127.0.0.1:%d/{self.mark}"
        self.settings = {key: value for key, value in os.environ.items() if not key.startswith("HOUQIN_")} | {
            "HOUQIN_DATA": str(folder), "HOUQIN_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}/",
            "HOUQIN_PUBLIC_URL": self.address, "PYTHONWARNINGS": "ignore", "REQUESTS_POOL": "4",
            "REQUESTS_DATABASE_URL": url % postgres.port, "REQUESTS_LISTEN": f"127.0.0.1:{self.port}",
            "REQUESTS_FILINGS_PER_MINUTE": "100000",
        }  # fmt: skip
        code = (
            "from shared import process; s = process.of('requests'); r = process.assemble(s, process._loaded(s));"
            " process.prepare(r); s.demonstrate(r)"
        )
        subprocess.run([local.sys.executable, "-c", code], env=self.settings, cwd=local.ROOT, check=True)
        self.settings["REQUESTS_DATABASE_URL"] = url % self.proxy.port
        self.process = None
        self.start()
        self.person = Person(self.address, "hanbing").sign_in()
        self.bearer = self.person.bearer()

    def start(self):
        self.process = local.start_one(self.settings, "requests", ["serve"], self.folder / "front.log")
        until(lambda: urlopen(f"{self.address}/health", timeout=2).status == 200, "health")

    def post(self, key, timeout=20):
        headers = {"Authorization": f"Bearer {self.bearer}", "Idempotency-Key": key}
        return requests.post(f"{self.address}/requests/api/requests", json=BODY, headers=headers, timeout=timeout)

    def filed(self):
        raw = self.postgres.connect(self.mark)
        cursor = raw.cursor()
        cursor.execute("SELECT count(*), count(DISTINCT reference) FROM request")
        found = cursor.fetchone()
        raw.close()
        return found

    def close(self):
        self.process.kill()
        self.process.wait()
        self.proxy.close()


@pytest.fixture(scope="module")
def front(own_postgres, tmp_path_factory):
    """It runs all the time; there is no broker at all, and nobody who files needs one."""
    found = Front(own_postgres, tmp_path_factory.mktemp("front"))
    yield found
    found.close()


@pytest.mark.own_servers
def test_requests_are_answered_without_any_broker(front):
    assert front.post("no-broker").status_code == 201
    assert requests.get(f"{front.address}/ready", timeout=5).json()["waits_for"].keys() >= {"requests.broker"}


@pytest.mark.own_servers
def test_a_database_that_restarts_at_once_means_503_and_never_500(front, own_postgres):
    before = front.filed()[0]
    answers, unanswered, stop = {}, [], threading.Event()

    def file(hand):
        number = 0
        while not stop.is_set():
            key = f"restart-{hand}-{number}"
            try:
                answers.setdefault(key, []).append(front.post(key))
            except requests.RequestException as error:
                unanswered.append(f"{key}: {error}")
                return
            if answers[key][-1].status_code == 201:
                number += 1
            else:
                time.sleep(0.1)

    hands = [threading.Thread(target=file, args=(hand,)) for hand in range(3)]
    for hand in hands:
        hand.start()
    time.sleep(0.6)
    own_postgres.stop()
    time.sleep(1)
    own_postgres.start()
    time.sleep(1.5)
    stop.set()
    for hand in hands:
        hand.join()
    assert unanswered == []
    statuses = {answer.status_code for each in answers.values() for answer in each}
    assert statuses == {201, 503}
    assert all(
        answer.headers["Retry-After"] for each in answers.values() for answer in each if answer.status_code == 503
    )
    done = [key for key, each in answers.items() if each[-1].status_code == 201]
    for key in set(answers) - set(done):  # asked again, in the end
        assert front.post(key).status_code == 201
    assert front.filed() == (before + len(answers), before + len(answers))
    until(
        lambda: "database" not in str(requests.get(f"{front.address}/ready", timeout=5).json()["waits_for"]),
        "readiness",
    )


@pytest.mark.own_servers
@pytest.mark.parametrize("arrives", [True, False], ids=["it was committed", "it was not"])
def test_a_commit_in_doubt_is_decided_by_the_key(front, arrives):
    # The first filing asks for the catalogue's versions, in a transaction. From then on filing writes everything with
    # one query, which is its own transaction; the key is in it.
    assert front.post(f"warm-{arrives}").status_code == 201
    before = front.filed()[0]
    key = f"doubt-{arrives}"
    front.proxy.up.passes = arrives
    front.proxy.up.cut_at = idempotency._PUT.prepared.encode()
    answer = front.post(key)
    front.proxy.heal()
    assert answer.status_code == 503
    again = front.post(key)
    assert again.status_code == 201
    assert (again.headers.get("Idempotent-Replayed") == "true") is arrives
    assert front.filed()[0] == before + 1


@pytest.mark.own_servers
@pytest.mark.parametrize("arrives", [True, False], ids=["it was committed", "it was not"])
def test_a_commit_in_doubt_of_a_processs_very_first_filing_is_decided_by_the_key(front, arrives):
    # This one reads the catalogue's versions first, so its COMMIT is a message of its own.
    before = front.filed()[0]
    front.process.kill()
    front.process.wait()
    front.start()
    key = f"first-{arrives}"
    front.proxy.up.passes = arrives
    front.proxy.up.armed_by = idempotency._PUT.prepared.encode()
    front.proxy.up.cut_at = b"COMMIT"
    cuts = front.proxy.cuts
    answer = front.post(key)
    front.proxy.heal()
    assert front.proxy.cuts > cuts
    assert answer.status_code == 503
    again = front.post(key)
    assert again.status_code == 201
    assert (again.headers.get("Idempotent-Replayed") == "true") is arrives
    assert front.filed()[0] == before + 1


@pytest.mark.own_servers
def test_a_locked_table_and_an_exhausted_pool_mean_503_within_seconds(front):
    raw = front.postgres.connect(front.mark)
    raw.autocommit = False
    raw.cursor().execute("LOCK TABLE request IN ACCESS EXCLUSIVE MODE")
    began = time.monotonic()
    found = []
    crowd = [threading.Thread(target=lambda n=n: found.append(front.post(f"locked-{n}"))) for n in range(8)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    took = time.monotonic() - began
    raw.rollback()
    raw.close()
    assert {answer.status_code for answer in found} == {503}
    assert took < 8
    assert front.post("locked-0").status_code == 201


@pytest.mark.own_servers
def test_above_its_bound_the_intake_answers_503_at_once_with_the_time_to_come_again(front):
    before = front.filed()[0]
    front.process.kill()
    front.process.wait()
    front.settings["REQUESTS_HTTP_WORKERS"] = "2"
    raw = front.postgres.connect(front.mark)
    raw.autocommit = False
    try:
        front.start()
        assert front.post("bound-warm").status_code == 201
        raw.cursor().execute("LOCK TABLE request IN ACCESS EXCLUSIVE MODE")
        held = [threading.Thread(target=front.post, args=(f"bound-held-{number}",)) for number in range(2)]
        for each in held:
            each.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'request'::regclass"
        watch = front.postgres.connect(front.mark).cursor()
        until(lambda: watch.execute(waiting) or watch.fetchone()[0] == 2, "two posts at work")
        for number in range(10):
            began = time.monotonic()
            answer = front.post(f"bound-{number}")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert time.monotonic() - began < 1
        assert watch.execute(waiting) or watch.fetchone()[0] == 2  # those at work were not disturbed
        raw.rollback()
        for each in held:
            each.join()
        assert (
            'houqin_http_busy_total{service="requests"} 10.0'
            in requests.get(f"{front.address}/metrics", timeout=5).text
        )
        assert front.post("bound-0").status_code == 201  # who comes again is served
        assert front.filed()[0] == before + 4
    finally:
        raw.close()
        del front.settings["REQUESTS_HTTP_WORKERS"]
        front.process.kill()
        front.process.wait()
        front.start()


def descriptors(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


@pytest.mark.own_servers
def test_neither_requests_nor_killed_clients_leave_descriptors_behind(front):
    for number in range(20):
        front.post(f"warm-{number}")
    before = descriptors(front.process)
    for number in range(int(os.environ.get("HOUQIN_TEST_LEAKS", "300"))):
        if number % 3 == 0:
            front.post(f"leak-{number}")
        elif number % 3 == 1:
            with socket.create_connection(("127.0.0.1", front.port)) as half:
                half.sendall(b"POST /requests/api/requests HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        else:
            with socket.create_connection(("127.0.0.1", front.port)) as gone:
                gone.sendall(b"GET /requests/ HTTP/1.1\r\nHost: x\r\n\r\n")
    until(lambda: descriptors(front.process) <= before + 5, "closing", 30)


@pytest.mark.own_servers
def test_a_shortage_of_descriptors_is_outlived(front):
    soft, hard = resource.prlimit(front.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(front.process.pid, resource.RLIMIT_NOFILE, (descriptors(front.process) + 6, hard))
    idle = []
    try:
        idle += [socket.create_connection(("127.0.0.1", front.port)) for _ in range(40)]
        time.sleep(0.5)
    finally:
        for each in idle:
            each.close()
        resource.prlimit(front.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    until(lambda: front.post("after").status_code == 201, "an answer")
    assert front.process.poll() is None


@pytest.mark.own_servers
def test_a_stop_finishes_what_is_in_flight_and_loses_no_answer(front):
    before = front.filed()[0]
    sent, answered, stop = [], [], threading.Event()

    def file(hand):
        number = 0
        while not stop.is_set():
            key = f"stop-{hand}-{number}"
            try:
                answer = front.post(key)
            except requests.ConnectionError:
                stop.set()  # refused: it no longer listens
                return
            sent.append(key)
            if answer.status_code == 201:
                answered.append(key)
            number += 1

    hands = [threading.Thread(target=file, args=(hand,)) for hand in range(3)]
    for hand in hands:
        hand.start()
    time.sleep(0.5)
    front.process.terminate()
    assert front.process.wait(20) == 0
    stop.set()
    for hand in hands:
        hand.join()
    assert answered == sent
    assert front.filed()[0] >= before + len(answered)
    front.start()
    for key in answered[-3:]:
        assert front.post(key).headers["Idempotent-Replayed"] == "true"


def test_a_handler_killed_before_its_commit_stored_nothing_and_after_it_everything(tmp_path):
    office = Embedded(tmp_path)
    try:
        office.start()
        hanbing = person(office, "hanbing")
        hanbing.bearer()
        office.kill()
        for fault in ("handler.before_commit", "handler.after_commit"):
            office.start(HOUQIN_FAULT=fault)
            with pytest.raises(requests.RequestException):
                hanbing.post("/requests/api/requests", BODY, key="one-key")
            assert office.process.wait(10) == 137
        office.start()
        filed = hanbing.post("/requests/api/requests", BODY, key="one-key")
        assert filed["reference"].endswith("-001")
        mine = hanbing.get("/requests/api/requests")
        assert [each["reference"] for each in mine.get("requests", mine.get("items", []))] == [filed["reference"]]
    finally:
        office.close()
