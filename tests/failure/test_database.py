"""F34 to F40 and F45: crossed, slow, exhausted, full and locked databases: a clear answer, nothing half done."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from shared import outbox
from shared.clock import ManualClock
from shared.database import Database, Sql
from shared.errors import Crossed, OutOfSpace, Transient
from shared.work import work
from tests.conftest import scratch_postgres
from tests.floor.world import NOON, an_event, metadata
from tests.requests.conftest import REPAIR, Program, a_running, an_app
from tests.system.office import ROOT


@pytest.fixture
def postgres():
    """An empty PostgreSQL database with the floor's tables; a statement may take 300 ms, two connections are had."""
    url, drop = scratch_postgres()
    found = Database(url, pool_size=2, statement_timeout_ms=300)
    metadata.create_all(found.engine)
    yield found
    found.close()
    drop()


@pytest.mark.postgres
def test_of_two_crossed_transactions_one_is_given_up_and_said_to_be_crossed(postgres):
    with postgres.write() as connection:
        connection.exec_driver_sql("CREATE TABLE pair (n integer PRIMARY KEY, v integer)")
        connection.exec_driver_sql("INSERT INTO pair VALUES (1, 0), (2, 0)")
    meet = threading.Barrier(2)
    given_up = []

    def cross(first, second):
        try:
            with postgres.write() as connection:
                connection.exec_driver_sql("SET LOCAL statement_timeout = 5000")
                connection.exec_driver_sql("UPDATE pair SET v = v + 1 WHERE n = %s", (first,))
                meet.wait(5)
                connection.exec_driver_sql("UPDATE pair SET v = v + 1 WHERE n = %s", (second,))
        except Transient as error:
            given_up.append(error)

    threads = [threading.Thread(target=cross, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (error,) = given_up
    assert isinstance(error, Crossed)
    with postgres.read() as connection:
        assert connection.exec_driver_sql("SELECT sum(v) FROM pair").scalar_one() == 2


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("SELECT pg_sleep(2)", Transient),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100'; END $$", OutOfSpace),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$", Crossed),
        ("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53300'; END $$", Transient),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Transient),
    ],
)
def test_what_passes_is_told_from_what_is_wrong(postgres, statement, error):
    with pytest.raises(error), work("requests", postgres, ManualClock(NOON)) as unit:
        # A statement beside it makes the work a transaction; what it says is written by the floor at its end.
        unit.connection.exec_driver_sql("INSERT INTO heads (type, last) VALUES ('x', 1)")
        unit.say(an_event())
        unit.connection.exec_driver_sql(statement)
    with postgres.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM heads").scalar_one() == 0


@pytest.mark.postgres
def test_what_is_only_said_is_written_whole_or_not_at_all(postgres):
    too_long = Sql("INSERT INTO heads (type, last) VALUES (:type, CAST(:last AS bigint))")
    with pytest.raises(DBAPIError), work("requests", postgres, ManualClock(NOON)) as unit:
        unit.say(an_event())
        unit.later(too_long, type="x", last="no number")
    with postgres.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() == 0


@pytest.mark.postgres
def test_without_a_free_connection_it_is_over_within_a_second_or_so(postgres):
    with postgres.read(), postgres.read():
        began = time.monotonic()
        with pytest.raises(Transient), postgres.write():
            pass
        assert 0.8 < time.monotonic() - began < 2.5
    with postgres.write():
        pass


@pytest.mark.postgres
def test_a_transaction_that_commits_late_is_numbered_late_and_not_forgotten(postgres):
    clock = ManualClock(NOON)
    with work("requests", postgres, clock) as slow:
        slow.connection.exec_driver_sql("SELECT 1")  # a transaction from here on
        slow.say(an_event("early and late"))
        slow.flush()
        with work("requests", postgres, clock) as quick:
            quick.say(an_event("quick"))
        with postgres.write() as connection:
            assert [each.number for each in outbox.number_rows(connection, 1, 10)] == [1]
    with postgres.write() as connection:
        (late,) = outbox.number_rows(connection, 1, 10)
    assert late.number == 2
    assert b"early and late" in late.body


# ---- SQLite


def test_a_file_that_another_program_holds_is_given_up_quickly_and_works_afterwards(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(database.engine)
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(Transient, match="locked"), database.write():
            pass
        assert time.monotonic() - began < 0.5
        tool.execute("ROLLBACK")
    with database.write():
        pass
    database.close()


def test_a_lock_that_passes_in_a_moment_is_waited_out(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(database.engine)
    tool = sqlite3.connect(tmp_path / "store.db", isolation_level=None, check_same_thread=False)
    tool.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.01, tool.execute, ["ROLLBACK"])
    release.start()
    with work("requests", database, ManualClock(NOON)) as unit:
        unit.say(an_event())
    release.join()
    tool.close()
    database.close()


def test_a_full_disk_is_answered_507_and_nothing_is_half_done(tmp_path):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'requests.db'}")
    program = Program(running, an_app(running))

    def counts():
        with running.database.read() as connection:
            return [
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                for table in ("request", "outbox", "idempotency", "happening")
            ]

    with running.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit = [pages + 4]

    @event.listens_for(running.database.engine, "begin")
    def small(connection):
        connection.connection.driver_connection.execute(f"PRAGMA max_page_count = {limit[0]}")

    statuses = []
    while 507 not in statuses:
        before = counts()
        answer = program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": f"k{len(statuses)}"})
        statuses.append(answer.status_code)
        assert len(statuses) < 100
    assert set(statuses) == {201, 507}
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert counts() == before
    assert program.get("/requests/api/requests").status_code == 200
    limit[0] = pages + 1000
    again = program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": f"k{len(statuses) - 1}"})
    assert again.status_code == 201
    running.database.close()


def test_crossed_transactions_are_done_again_by_the_floor_and_after_three_times_answered_503(tmp_path):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'requests.db'}")
    program = Program(running, an_app(running))
    left = [0]
    whole = running.database.write

    def write():
        if left[0]:
            left[0] -= 1
            raise Crossed("deadlock detected")
        return whole()

    running.database.write = write
    try:
        left[0] = 2
        assert program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "a"}).status_code == 201
        left[0] = 50
        answer = program.post("/requests/api/requests", REPAIR, **{"Idempotency-Key": "b"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert left[0] == 47
    finally:
        running.database.write = whole
    with running.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM request").scalar_one() == 1
    running.database.close()


@pytest.mark.parametrize("data", ["/proc/houqin", "/dev/null"])
def test_a_folder_that_cannot_be_written_is_named_in_one_line(data):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "services"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "HOUQIN_DATA": data},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert data in done.stderr
