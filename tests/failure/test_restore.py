"""F41 to F43 and F60 to F64: copies, damaged files, databases put back from yesterday."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from shared import inbox, outbox, process, restore, upkeep
from shared.bus.base import on
from shared.clock import ManualClock
from shared.contracts.requests import RequestUrged
from shared.database import Database
from shared.delivery import read
from shared.relay import Relay
from shared.service import Running, Service
from tests.floor.world import NOON, an_event, metadata, note, subjects
from tests.system.office import ROOT, Embedded, person, until

URGED = on(RequestUrged, do=note, service="dispatch")


def a_service(name, url):
    database = Database(url)
    metadata.create_all(database.engine)
    subscriptions = (URGED,) if name == "dispatch" else ()
    service = Service(name, (), metadata, Path(), subscriptions, lambda _: None, lambda _: None)
    return Running(service, database, None, ManualClock(NOON))


@pytest.fixture
def pair(tmp_path):
    """A source and a consumer on files."""
    both = [a_service(name, f"sqlite:///{tmp_path}/{name}.db") for name in ("requests", "dispatch")]
    yield both
    for each in both:
        each.database.close()


def say(running, *words):
    for each in words:
        with running.work() as work:
            work.say(an_event(each))


def carry(source, consumer, subscription=URGED):
    """Everything the source has to send arrives; how many messages."""
    relay = Relay(source.name, source.database.write)
    relay.start()
    carried = 0
    while events := relay.take() or relay.take():
        deliveries = [read(event.body) for event in events]
        wanted = [each for each in deliveries if each.envelope.type in {e.TYPE for e in subscription.events}]
        if wanted:
            consumer.consumer.deliver(subscription, wanted)
        relay.confirm(event.number for event in events)
        carried += len(events)
    relay.note()
    consumer.consumer.fold()
    return carried


def where(*services):
    found = []
    for each in services:
        with each.database.read() as connection:
            found.append(restore.positions(connection, each.name))
    return found


def put_back(running, copy):
    """The service's file is the copy again."""
    running.database.close()
    path = Path(running.database.engine.url.database)
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)
    shutil.copy(copy, path)
    return a_service(running.name, running.database.url)


def test_a_restored_source_gives_no_number_twice(pair, tmp_path):
    requests, dispatch = pair
    say(requests, "1", "2")
    carry(requests, dispatch)
    restore.backup(requests.database, tmp_path / "yesterday")
    say(requests, "3", "4")
    carry(requests, dispatch)
    requests = put_back(requests, tmp_path / "yesterday")
    assert restore.fallen(where(requests, dispatch)) == {"requests"}
    (line,) = restore.disagreements(where(requests, dispatch))
    assert "up to 4, and it has given 2: requests was restored; raise its epoch" in line
    with requests.database.write() as connection:
        assert restore.raise_epoch(connection) == 2
    say(requests, "5", "6")
    carry(requests, dispatch)
    assert subjects(dispatch.database) == ["1", "2", "3", "4", "5", "6"]
    assert restore.disagreements(where(requests, dispatch)) == []


def test_what_was_numbered_and_not_confirmed_goes_out_under_its_old_number(pair, tmp_path):
    requests, dispatch = pair
    say(requests, "1", "2", "3")
    relay = Relay("requests", requests.database.write)
    relay.start()
    bodies = {event.number: event.body for event in relay.take()}
    relay.confirm([2])
    relay.note()
    with requests.database.write() as connection:
        restore.raise_epoch(connection)
        again = outbox.take_resends(connection)
    assert {event.number: event.body for event in again} == {number: bodies[number] for number in (1, 3)}
    assert dispatch.consumer.deliver(URGED, [read(event.body) for event in again]).handled == 2


def test_a_consumer_hears_that_a_source_fell_back_although_nobody_raised_its_epoch(pair, caplog):
    requests, dispatch = pair
    say(requests, "1", "2", "3")
    carry(requests, dispatch)
    heads = {"source": "requests", "epoch": 1, "heads": {"*": 1, RequestUrged.TYPE: 1}}
    for _ in range(2):
        upkeep.note_heads(dispatch, URGED, json.dumps(heads).encode())
    assert "restored without raising its epoch" in caplog.text
    from prometheus_client import REGISTRY

    labels = {"handler": URGED.name, "source": "requests"}
    assert REGISTRY.get_sample_value("houqin_source_fell_back", labels) == 1
    upkeep.note_heads(dispatch, URGED, json.dumps({**heads, "epoch": 2}).encode())
    assert REGISTRY.get_sample_value("houqin_source_fell_back", labels) == 0


def test_a_restored_consumer_asks_for_what_it_misses_and_takes_it_once(pair, tmp_path):
    requests, dispatch = pair
    say(requests, "1", "2")
    carry(requests, dispatch)
    restore.backup(dispatch.database, tmp_path / "yesterday")
    say(requests, "3", "4")
    carry(requests, dispatch)
    dispatch = put_back(dispatch, tmp_path / "yesterday")
    assert subjects(dispatch.database) == ["1", "2"]
    (line,) = restore.disagreements(where(requests, dispatch))
    assert line.endswith("2 are missing and will be asked for")
    with requests.database.read() as connection:
        heads = {"source": "requests", "epoch": 1, "heads": outbox.heads(connection)}
    upkeep.note_heads(dispatch, URGED, json.dumps(heads).encode())
    dispatch.clock.set(NOON + upkeep.ASK_AFTER)
    upkeep.ask(dispatch)
    (wish,) = upkeep.floor_subscriptions("requests")
    carry(dispatch, requests, wish)
    carry(requests, dispatch)
    assert subjects(dispatch.database) == ["1", "2", "3", "4"]
    assert restore.disagreements(where(requests, dispatch)) == []


def test_a_month_sent_again_changes_nothing(pair, capsys):
    requests, dispatch = pair
    say(requests, *map(str, range(1200)))
    carry(requests, dispatch)
    before = subjects(dispatch.database)
    process._again(requests, 1, None)
    assert carry(requests, dispatch) == 1200
    assert subjects(dispatch.database) == before
    assert "1 to 1200" in capsys.readouterr().out


@pytest.mark.postgres
def test_an_epoch_is_not_raised_under_a_running_relay():
    from shared.relay import sole_writer
    from tests.conftest import scratch_postgres

    url, drop = scratch_postgres()
    requests = a_service("requests", url)
    with sole_writer(requests.database), requests.database.write() as connection, pytest.raises(restore.RelayRuns):
        restore.raise_epoch(connection)

    def raised():  # the server notices the end of the relay's connection in a moment
        with contextlib.suppress(restore.RelayRuns), requests.database.write() as connection:
            return restore.raise_epoch(connection) == 2

    until(raised, "the epoch")
    requests.database.close()
    drop()


def test_a_backup_of_a_running_database_is_whole_where_a_copied_file_is_not(pair, tmp_path):
    requests, _ = pair
    say(requests, "1", "2", "3")
    shutil.copy(tmp_path / "requests.db", tmp_path / "copied")
    with (
        closing(sqlite3.connect(tmp_path / "copied")) as copied,
        pytest.raises(sqlite3.OperationalError, match="no such table"),
    ):
        copied.execute("SELECT * FROM outbox")
    restore.backup(requests.database, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("SELECT count(*) FROM outbox").fetchone() == (3,)
    with pytest.raises(restore.CannotCopy, match="exists"):
        restore.backup(requests.database, tmp_path / "copy")


@pytest.mark.postgres
def test_a_dump_of_postgresql_is_put_back_by_its_own_tool(tmp_path):
    from sqlalchemy.engine import make_url

    from tests.conftest import scratch_postgres

    url, drop = scratch_postgres()
    other, drop_other = scratch_postgres()
    requests = a_service("requests", url)
    say(requests, "1", "2")
    assert restore.backup(requests.database, tmp_path / "dump") > 0
    requests.database.close()
    address = make_url(other).set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run(["pg_restore", f"--dbname={address}", str(tmp_path / "dump")], check=True, capture_output=True)
    again = Database(other)
    with again.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() == 2
    again.close()
    drop()
    drop_other()


WRITER = """
import sys
from shared.database import Database
database = Database("sqlite:///" + sys.argv[1])
with database.write() as connection:
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS said (n INTEGER PRIMARY KEY)")
for n in range(1, 100000):
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO said VALUES (?)", (n,))
    print(n, flush=True)
"""


def test_whatever_was_answered_is_in_a_copy_taken_at_any_instant(tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "live.db")], stdout=subprocess.PIPE, cwd=ROOT, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert writer.stdout.readline() == "1\n"
        os.set_blocking(writer.stdout.fileno(), False)
        answered, line = 1, ""
        for turn in range(12):
            time.sleep(0.03 + 0.017 * turn)
            writer.send_signal(signal.SIGSTOP)  # the disk as a power cut would leave it
            until(
                lambda: Path(f"/proc/{writer.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", "standstill"
            )
            for suffix in ("", "-wal"):
                shutil.copy(tmp_path / f"live.db{suffix}", tmp_path / f"{turn}.db{suffix}")
            while part := writer.stdout.readline():  # perhaps half a line
                line += part
                if line.endswith("\n"):
                    answered, line = int(line), ""
            writer.send_signal(signal.SIGCONT)
            with closing(sqlite3.connect(tmp_path / f"{turn}.db")) as copy:
                (there,) = copy.execute("SELECT max(n) FROM said").fetchone()
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert there >= answered
        assert answered > 12
    finally:
        writer.kill()
        writer.wait()


def flip_a_bit(wal):
    """One bit in the middle of the log beside the database."""
    data = bytearray(wal.read_bytes())
    data[len(data) // 2] ^= 1
    wal.write_bytes(data)


def test_a_flipped_bit_silently_cuts_the_log_and_the_numbers_show_it(pair, tmp_path):
    requests, dispatch = pair
    say(requests, *map(str, range(60)))
    carry(requests, dispatch)
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"requests.db{suffix}", tmp_path / f"broken.db{suffix}")
    flip_a_bit(tmp_path / "broken.db-wal")
    broken = a_service("requests", f"sqlite:///{tmp_path}/broken.db")
    with broken.database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one() < 60
    assert restore.fallen(where(broken, dispatch)) == {"requests"}
    broken.database.close()


@pytest.mark.slow
def test_embedded_mode_goes_on_in_a_new_epoch_after_a_flipped_bit(tmp_path):
    office = Embedded(tmp_path)
    body = {"item": "repair", "place": "B2-302", "answers": {"what": "light", "details": "灯"}, "anyway": True}

    def ordered(filed):
        return until(lambda: he.get(f"/dispatch/api/orders/{filed['reference']}-1"), "its order")

    try:
        office.start()
        hanbing, he = person(office, "hanbing"), person(office, "hejing")
        for _ in range(6):
            last = hanbing.post("/requests/api/requests", body)
        ordered(last)
        office.kill()
        wal = tmp_path / "requests.db-wal"
        data = bytearray(wal.read_bytes())
        data[len(data) * 3 // 4] ^= 1
        wal.write_bytes(data)
        office.start()
        assert "it goes on in epoch 2" in (tmp_path / "log").read_text()
        hanbing, he = person(office, "hanbing"), person(office, "hejing")
        with closing(sqlite3.connect(tmp_path / "requests.db")) as raw:
            known = {reference for (reference,) in raw.execute("SELECT reference FROM request")}
        for _ in range(8 - len(known)):  # beyond the references that were forgotten
            filed = hanbing.post("/requests/api/requests", body)
        ordered(filed)
    finally:
        office.close()


def test_positions_of_all_services_are_compared_by_a_command(pair, tmp_path, capsys):
    requests, dispatch = pair
    say(requests, "1", "2", "3")
    carry(requests, dispatch)
    files = []
    for each in where(requests, dispatch):
        files.append(str(tmp_path / f"{each['service']}.json"))
        Path(files[-1]).write_text(json.dumps(each))
    assert process.positions(["requests", "--compare", *files]) == 0
    assert capsys.readouterr().out == "all agree\n"
    told = json.loads(Path(files[0]).read_text())
    told["heads"] = dict.fromkeys(told["heads"], 1)
    Path(files[0]).write_text(json.dumps(told))
    assert process.positions(["requests", "--compare", *files]) == 1
    assert "requests was restored" in capsys.readouterr().out


def test_the_tools_say_in_a_line_what_is_wrong(tmp_path):
    def run(*words):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "services.billing", *words], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, "HOUQIN_DATA": str(tmp_path)}, check=False, timeout=60,
        )  # fmt: skip

    missing = run("backup", str(tmp_path / "copy"))
    assert (missing.returncode, missing.stderr.count("\n")) == (1, 1)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        busy = run("restored")
    assert (busy.returncode, busy.stderr) == (1, "billing: stop the process that uses this folder first\n")
    wrong = run("positions", "--compare", str(tmp_path / "nothing.json"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_gaps_stay_visible_when_a_source_has_forgotten_them(pair):
    requests, dispatch = pair
    with dispatch.database.write() as connection:
        inbox.announce(connection, URGED.name, "requests", 1, {RequestUrged.TYPE: 3}, NOON)
    dispatch.consumer.fold()
    dispatch.clock.set(NOON + upkeep.ASK_AFTER)
    upkeep.ask(dispatch)
    (wish,) = upkeep.floor_subscriptions("requests")
    carry(dispatch, requests, wish)
    assert carry(requests, dispatch) == 0
    with dispatch.database.read() as connection:
        (gap,) = inbox.gaps(connection)
    assert gap.missing == (1, 2, 3)
