"""A log is closed and the next one follows: numbers go on, everything stays provable, and nobody goes back behind it."""

import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy

from services.audit import closing, commands, logs, publishing, signing, store, vault
from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import Malformed
from services.audit.log.note import parse_note
from services.audit.log.tiles import bundles_between, tiles_of
from services.audit.service import SERVICE
from services.audit.signing import keys, sign
from shared.bus.base import Delivery
from shared.contracts.base import numbered, unseal
from shared.database import Database
from shared.service import Running
from tests.audit.conftest import Voices, a_chain, a_client, a_running, tell
from tests.audit.test_audit_witnessed import a_witness, backup, with_policy
from tests.audit.verifier import verifier
from tests.people import NOON, headers_of


@pytest.fixture(autouse=True)
def _patience():
    signing._not_before.clear()


def said(running):
    """What the log itself said since it was asked last, as deliveries."""
    with running.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT sealed FROM outbox WHERE type = 'audit.log_opened.v1' ORDER BY row_id"
        ).all()
        there = store.counts(connection).get("audit", 0)
    bodies = [numbered(row, 1, number, number) for number, (row,) in enumerate(rows, 1)]
    return [Delivery(unseal(each), each, False) for each in bodies[there:]]


def followed(running, voices):
    """A chain in the first log and one that begins in it and ends in the next: numbers 0-6, 7-9 | 10, 11-14."""
    tell(running, a_chain(voices))
    late = a_chain(voices, "r2", "2026-1125-002")
    tell(running, late[:3])
    found = closing.close(running)
    tell(running, said(running))
    tell(running, late[3:])
    sign(running)
    return found


def policy_of(running, folder):
    path = folder / "both.policy"
    path.write_text("".join(f"log {each.public}\n" for each in keys(running.settings)) + "quorum none\n", "utf-8")
    return path


def fetched(client, number, folder):
    """One of the logs as anybody copies it over HTTP."""
    note = client.get(f"/audit/logs/{number}/checkpoint").data
    size = Checkpoint.parse(parse_note(note).text).size
    for path in ["checkpoint", *(tile.path for tile in (*tiles_of(size), *bundles_between(0, size)))]:
        answer = client.get(f"/audit/logs/{number}/{path}")
        assert answer.status_code == 200, path
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(answer.data)
    return folder


def verify(*arguments):
    return verifier.main([*map(str, arguments), "--quiet"])


def test_a_log_is_closed_and_the_next_names_its_end(running, tmp_path):
    found = followed(running, Voices())
    assert (found.size, found.beyond, found.next_origin) == (10, 10, "houqin.example/log/2026")
    client = a_client(running)
    old, new = (fetched(client, number, tmp_path / str(number)) for number in (0, 1))
    assert client.get("/audit/log/checkpoint").data == (new / "checkpoint").read_bytes()
    both = policy_of(running, tmp_path)
    assert verify("log", new, "--before", old, "--policy", both) == 0
    every = [word for each in keys(running.settings) for word in ("--key", each.public)]
    assert verify("log", new, "--before", old, *every) == 0
    listed = client.get("/audit/logs").get_json()["logs"]
    assert [(each["first"], each["size"], bool(each["closed_at"])) for each in listed] == [
        (0, 10, True),
        (10, 5, False),
    ]
    assert client.get("/audit/logs/1/vkey").text.split() == [
        str(each.public) for each in keys(running.settings, found.next_origin)
    ]
    assert client.get("/audit/logs/2/checkpoint").status_code == 404
    assert client.get("/audit/logs/0/tile/0/000.p/11").status_code == 404


def test_a_log_that_does_not_name_the_end_of_the_one_before_does_not_follow_it(quick, tmp_path):
    followed(quick, Voices())
    client = a_client(quick)
    old, new = (fetched(client, number, tmp_path / str(number)) for number in (0, 1))
    both = policy_of(quick, tmp_path)
    assert verify("log", old, "--before", new, "--policy", both) == 1
    assert verify("log", new, "--before", new, "--policy", both) == 1
    other = a_running(_made(tmp_path / "other"), f"sqlite:///{tmp_path / 'other' / 'audit.db'}")
    shutil.copy(signing.key_file(quick.settings), tmp_path / "other" / "keys" / "log.key")
    tell(other, a_chain(Voices(), "r9"))
    sign(other)
    shorter = fetched(a_client(other), 0, tmp_path / "shorter")
    assert verify("log", new, "--before", shorter, "--policy", both) == 1


def _made(folder):
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    return folder


def test_entries_of_both_logs_are_proven_by_page_receipt_and_proof(running, tmp_path):
    followed(running, Voices())
    client, who = a_client(running), headers_of(running, "auditor", language="en")
    both = policy_of(running, tmp_path)
    for number, index, log in ((3, 3, "houqin.example/log"), (12, 2, "houqin.example/log/2026")):
        page = client.get(f"/audit/entries/{number}", headers=who).text
        assert 'data-proof="proven"' in page
        assert f"{log}#{index}" in page
        proof = client.get(f"/audit/api/entries/{number}/proof").get_json()
        assert (proof["log"], proof["index"], proof["number"]) == (log, index, number)
        (tmp_path / "receipt").write_bytes(client.get(f"/audit/api/entries/{number}/receipt", headers=who).data)
        assert verify("receipt", tmp_path / "receipt", "--policy", both) == 0
    state = client.get("/audit/api/state", headers=who).get_json()
    assert (state["size"], state["signed_size"], state["log_first"]) == (15, 15, 10)
    for path in ("", "verify", "witnesses", "entries/", "search?q=Hengyue", "digest/2026-11-25"):
        assert client.get(f"/audit/{path}", headers=who).status_code == 200, path
    assert "houqin.example/log/2026" in client.get("/audit/verify").text


def test_the_bundle_of_a_request_that_two_logs_hold_proves_itself(running, tmp_path):
    followed(running, Voices())
    answer = a_client(running).get("/audit/api/bundles/r2", headers=headers_of(running, "auditor"))
    path = tmp_path / "bundle.json"
    path.write_bytes(answer.data)
    form = json.loads(answer.data)
    assert [each["index"] for each in form["entries"]] == [11, 12, 13, 14]
    assert [each["index"] for part in form["earlier"] for each in part["entries"]] == [7, 8, 9]
    both = policy_of(running, tmp_path)
    assert verify("bundle", path, "--policy", both) == 0
    every = [word for each in keys(running.settings) for word in ("--key", each.public)]
    assert verify("bundle", path, *every) == 0
    one = [word for each in keys(running.settings, "houqin.example/log") for word in ("--key", each.public)]
    assert verify("bundle", path, *one) == 1  # nobody vouches for the newer part
    changes = [
        lambda form: form["earlier"][0]["entries"][0].update(leaf="{}"),
        lambda form: form.update(first=9),
        lambda form: form["earlier"][0].update(first=-1),
        lambda form: form.update(earlier={}),
    ]
    for change in changes:
        form = json.loads(answer.data)
        change(form)
        path.write_text(json.dumps(form), "utf-8")
        assert verify("bundle", path, "--policy", both) == 1


def test_a_database_from_before_the_closing_signs_nothing(tmp_path, caplog):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    voices = Voices()
    tell(running, a_chain(voices))
    sign(running)
    backup(tmp_path / "audit.db", tmp_path / "backup.db")
    closing.close(running)
    running.database.close()
    again = Running(SERVICE, Database(f"sqlite:///{tmp_path / 'backup.db'}"), running.settings, running.clock)
    tell(again, a_chain(voices, "r2"))
    sign(again)
    assert "was closed before" in caplog.text
    with again.database.read() as connection:
        assert store.checkpoint(connection)[0] == 7
    again.database.close()


def test_an_empty_log_is_not_closed_and_two_processes_close_one_log_once(quick):
    with pytest.raises(Malformed, match="no entries"):
        closing.close(quick)
    tell(quick, a_chain(Voices()))
    closing.close(quick)
    with pytest.raises(Malformed, match="no entries"):
        closing.close(quick)
    with quick.database.write() as connection:
        of, head = store.current(connection)
        assert (of.number, head.size) == (1, 0)
        with pytest.raises(store.TwoSequencers):
            store.begin_next(connection, logs.Log(0, 0), head)


def test_by_the_year_the_keys_come_first_and_then_the_log(quick):
    quick.settings = quick.settings.with_(AUDIT_NEW_LOG="yearly")
    tell(quick, a_chain(Voices()))
    sign(quick)
    closing.yearly(quick)
    assert keys(quick.settings, "houqin.example/log/2027") == []
    quick.clock.set(NOON + timedelta(days=25))  # 20 December
    closing.yearly(quick)
    made = keys(quick.settings, "houqin.example/log/2027")
    assert len(made) >= 1
    quick.clock.set(NOON.replace(month=12, day=31, hour=15, minute=59))  # 23:59 at the site
    closing.yearly(quick)
    with quick.database.read() as connection:
        assert logs.current(connection).number == 0
    quick.clock.set(NOON.replace(month=12, day=31, hour=16, minute=1))  # 2027 has begun at the site
    closing.yearly(quick)
    closing.yearly(quick)  # a log without entries stays
    with quick.database.read() as connection:
        assert [each.next_origin for each in logs.closed(connection)] == ["houqin.example/log/2027"]
    assert keys(quick.settings, "houqin.example/log/2027") == made
    tell(quick, said(quick))
    closing.yearly(quick)
    with quick.database.read() as connection:
        assert logs.current(connection).number == 1


def test_what_is_kept_of_a_person_is_erased_from_a_closed_log_and_it_still_verifies(quick, tmp_path):
    followed(quick, Voices())
    with quick.work() as work:
        assert vault.erase_person(work, "a1", "request_of_person") == 4
    old = fetched(a_client(quick), 0, tmp_path / "old")
    assert verify("log", old, "--policy", policy_of(quick, tmp_path)) == 0


def test_the_final_checkpoint_is_cosigned_and_an_unlisted_log_counts_as_unwitnessed(quick, tmp_path):
    from services.audit import witnessing

    witnessing._not_before.clear()
    with a_witness(tmp_path, "inside", keys(quick.settings)) as one:
        with_policy(quick, tmp_path, [one])
        followed(quick, Voices())
        witnessing.collect(quick)
        policy = witnessing.policy_of(quick.settings)
        with quick.database.read() as connection:
            before, now = logs.closed(connection)[0], logs.current(connection)
            assert witnessing.shown_of(connection, policy, before.log, before).witnessed
            assert witnessing.shown_of(connection, policy, now, None).witnessed is False


def test_files_and_exports_hold_every_log(quick, tmp_path):
    followed(quick, Voices())
    publishing.export(quick, tmp_path / "out")
    both = policy_of(quick, tmp_path)
    assert verify("log", tmp_path / "out" / "logs" / "1", "--before", tmp_path / "out", "--policy", both) == 0
    assert publishing.publish_to(quick, tmp_path / "out") == 0


def test_the_command_shows_the_logs_their_keys_and_closes_them(quick, capsys, monkeypatch):
    monkeypatch.setattr(commands, "assembled", lambda: quick)
    tell(quick, a_chain(Voices()))
    assert commands.logs_(["--prepare"]) == 0
    prepared = capsys.readouterr().out
    assert "houqin.example/log/2026+" in prepared
    assert commands.logs_(["--close"]) == 0
    shown = capsys.readouterr().out
    assert "0 houqin.example/log: entries 0 to 6, closed" in shown
    assert prepared.splitlines()[-1] in shown
    assert commands.logs_(["--close"]) == 1
    assert "nothing to close" in capsys.readouterr().err


def test_nobody_reopens_a_closed_log(running):
    followed(running, Voices())
    lite = running.database.engine.dialect.name == "sqlite"
    again = "INSERT OR REPLACE INTO closed_log SELECT * FROM closed_log" if lite else "TRUNCATE closed_log"
    for statement in ("UPDATE closed_log SET size = 3", "DELETE FROM closed_log", again):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), running.database.write() as connection:
            connection.exec_driver_sql(statement)
    if lite:  # a foreign tool, without our pragmas
        path = Path(sqlalchemy.engine.make_url(running.database.url).database)
        with sqlite3.connect(path) as foreign, pytest.raises(sqlite3.DatabaseError, match="append-only"):
            foreign.execute(again)
