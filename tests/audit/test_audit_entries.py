"""Every event becomes one entry, once, whatever comes twice or in disorder; and nothing changes it afterwards."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit import handlers, signing, store, things, vault
from services.audit.handlers import keep_entries
from services.audit.log.envelope import check_opening
from services.audit.log.tree import leaf_hash, root_of
from services.audit.service import SERVICE
from services.audit.signing import sign
from shared.bus.base import Delivery
from shared.contracts import REGISTRY
from shared.contracts.base import unseal
from shared.contracts.requests import RequestUrged
from shared.database import Database
from shared.errors import Transient
from shared.service import Running
from tests.audit.conftest import Voices, a_chain, a_client, a_running, leaves, publish, shuffled, tell
from tests.conftest import scratch_postgres
from tests.people import NOON, headers_of

VERIFIER = Path(__file__).parents[2] / "deploy/verify/houqin_verify.py"


def ids_of(running):
    return [json.loads(leaf)["id"] for leaf in leaves(running)]


def table(running, name):
    with running.database.read() as connection:
        return connection.exec_driver_sql(f"SELECT * FROM {name}").all()


def some(voices, count=4):
    return [each for number in range(count) for each in a_chain(voices, f"r{number}", f"2026-1125-{number:03}")]


@pytest.mark.parametrize("seed", range(3))
def test_every_event_is_one_entry_under_duplicates_and_disorder(running, seed):
    deliveries = some(Voices())
    for batch in shuffled(deliveries, seed):
        tell(running, batch)
    running.consumer.fold()
    assert sorted(ids_of(running)) == sorted(each.envelope.id for each in deliveries)
    with running.database.read() as connection:
        head = store.head(connection)
        assert (head.size, head.root) == (len(deliveries), root_of([leaf_hash(leaf) for leaf in leaves(running)]))
        complete = store.completeness(connection, "audit.keep_entries")
        assert {source: (upto, last) for source, _, upto, last in complete} == {
            source: (count, count) for source, count in (("requests", 4), ("dispatch", 16), ("billing", 8))
        }
    assert table(running, "log_conflict") == []


@settings(max_examples=15)
@given(seed=st.integers(0, 2**20), count=st.integers(1, 4))
def test_the_root_is_that_of_the_entries_whatever_the_order(tmp_path_factory, seed, count):
    folder = tmp_path_factory.mktemp("any")
    running = a_running(folder, f"sqlite:///{folder / 'audit.db'}")
    for batch in shuffled(some(Voices(), count), seed):
        tell(running, batch)
    with running.database.read() as connection:
        head = store.head(connection)
    assert head.root == root_of([leaf_hash(leaf) for leaf in leaves(running)])
    assert head.size == len(set(ids_of(running))) == 7 * count
    running.database.close()


def test_an_event_id_that_comes_again_with_other_bytes_is_kept_as_a_finding(running):
    voices = Voices()
    [first, *_] = a_chain(voices)
    tell(running, [first])
    before = leaves(running)
    body = first.body.replace(b'"priority":2', b'"priority":1').replace(b'"sourcenumber":1', b'"sourcenumber":2')
    tell(running, [Delivery(unseal(body), body)])
    assert leaves(running) == before
    [(event_id, _digest, _at, kept)] = table(running, "log_conflict")
    assert (event_id, kept) == (first.envelope.id, body.decode())
    with running.database.read() as connection:
        said = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'audit.conflict_noticed.v1'").all()
    assert [json.loads(sealed)["data"]["event_id"] for (sealed,) in said] == [first.envelope.id]


def test_what_is_said_of_persons_is_committed_to_and_kept_apart(running):
    tell(running, a_chain(Voices())[:1])
    [leaf] = leaves(running)
    assert "杏" not in leaf.decode()
    assert "8302" not in leaf.decode()
    with running.database.read() as connection:
        openings = vault.openings(connection, 0, running.settings)
    assert {opening.field: opening.value for opening in openings} == {
        "/data/summary": "杏302不制冷",
        "/data/contact": "8302",
    }
    for opening in openings:
        check_opening(json.loads(leaf), opening)


@pytest.mark.parametrize("bad", ["𠮷" * 30_000, 2**60])
def test_an_event_without_a_leaf_is_committed_to_with_a_salt(running, bad):
    voices = Voices()
    delivery = voices.delivery(unknown(), source="requests", data={"words": bad})
    assert tell(running, [delivery]).handled == 1
    [leaf] = leaves(running)
    entry = json.loads(leaf)
    with running.database.read() as connection:
        [opening] = vault.openings(connection, 0, running.settings)
    assert opening.value == delivery.body.decode()
    check_opening(entry, opening)
    assert set(entry["data"]) == {"refused", "bytes"}


@pytest.mark.parametrize("odd", ["a\x00b", 'quote " and \\ and {,}', "half \ud83d"])
def test_odd_text_enters_the_log_as_it_was_said(running, odd):
    """NUL, half a surrogate pair and the signs of a database's own literals: nothing is lost, nothing is put aside."""
    voices = Voices()
    marked = [voices.delivery(unknown(), source="requests", actor="@@@") for _ in range(2)]
    bodies = [
        each.body.replace(b'"@@@"', json.dumps(odd).encode()).replace(b'"r1"', json.dumps(odd).encode())
        for each in marked
    ]
    assert tell(running, [Delivery(unseal(each), each, False) for each in bodies]).handled == 2
    refused = not odd.isascii()  # it has no canonical form, so the entry commits to its bytes
    assert [json.loads(leaf).get("actor") for leaf in leaves(running)] == [None if refused else odd] * 2
    with running.database.read() as connection:
        assert [each.actor for each in store.newest(connection, 10, 10)] == [store.column(odd)] * 2
        assert len(store.timeline(connection, store.column(odd), 10, 10)) == (0 if refused else 2)
        kept = [vault.openings(connection, number, running.settings) for number in range(2)]
    assert [opening.value for (opening,) in kept] == [each.decode() for each in bodies] if refused else kept == [[], []]


def test_what_an_entry_concerns_is_made_anew_from_the_log(running):
    tell(running, a_chain(Voices()))
    with running.database.read() as connection:
        before = connection.exec_driver_sql("SELECT thing, seq FROM about ORDER BY thing, seq").all()
    with running.database.write() as connection:
        things.forget(connection)
    with running.database.read() as connection:
        assert (things.reach(connection), store.timeline(connection, "r1", 10, 10)) == (0, [])
    assert things.index(running) == 7
    with running.database.read() as connection:
        assert connection.exec_driver_sql("SELECT thing, seq FROM about ORDER BY thing, seq").all() == before
    assert not things.FIELDS & {name for each in REGISTRY.values() for name in getattr(each, "PERSONAL", ())}


def unknown():
    return RequestUrged(request_id="r1", urged_at=NOON, times=1)


@pytest.mark.parametrize("name", ["log_entry", "log_checkpoint"])
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE", "REPLACE"])
def test_nobody_changes_what_was_written(running, name, verb):
    tell(running, a_chain(Voices()))
    sign(running)
    before = table(running, name)
    statement = {
        "UPDATE": f"UPDATE {name} SET {'size' if name == 'log_checkpoint' else 'actor'} = '7'",
        "DELETE": f"DELETE FROM {name}",
        "REPLACE": f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}",
    }[verb]
    if verb == "REPLACE" and running.database.engine.dialect.name != "sqlite":
        statement = f"TRUNCATE {name}"
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), running.database.write() as connection:
        connection.exec_driver_sql(statement)
    assert table(running, name) == before


# ---- what anybody can check from outside


def verifier(running, folder, *more):
    key = folder.parent / "log.vkey"
    key.write_bytes(a_client(running).get("/audit/log/vkey").data)
    found = subprocess.run(
        [sys.executable, str(VERIFIER), *more, "--keys", str(key), "--lang", "en"], capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    return found.returncode, found.stdout + found.stderr


def test_the_published_log_is_proven_by_the_verifier(running, tmp_path):
    deliveries = some(Voices(), 40)  # 280 entries: more than one tile
    tell(running, deliveries)
    sign(running)
    folder = tmp_path / "mirror"
    publish(a_client(running), 280, folder)
    code, said = verifier(running, folder, "log", str(folder))
    assert code == 0, said


def forge(running, statement, *triggers):
    """What only the owner of the tables can do: switch the seat belts off, change, switch them on again."""
    with running.database.write() as connection:
        lite = connection.dialect.name == "sqlite"
        for table, name in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}" if lite else f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        connection.exec_driver_sql(statement)


LEAF_11 = {
    "sqlite": "UPDATE log_entry SET leaf = CAST(replace(leaf, 'hy-elec-1', 'jj-elec-9') AS BLOB) WHERE seq = 11",
    "postgresql": "UPDATE log_entry SET leaf ="
    " convert_to(replace(convert_from(leaf, 'UTF8'), 'hy-elec-1', 'jj-elec-9'), 'UTF8') WHERE seq = 11",
}


def test_an_entry_forged_by_the_owner_of_the_database_is_named(running, tmp_path):
    tell(running, some(Voices()))
    sign(running)
    forge(running, LEAF_11[running.database.engine.dialect.name], ("log_entry", "log_entry_no_update"))
    folder = tmp_path / "mirror"
    publish(a_client(running), 28, folder)
    code, said = verifier(running, folder, "log", str(folder))
    assert code == 1
    assert "Entry 11 " in said


def test_an_entry_forged_with_its_tile_does_not_give_the_root_and_is_never_signed(running, caplog):
    voices = Voices()
    tell(running, some(voices))
    sign(running)
    tell(running, a_chain(voices, "r8", "2026-1125-008"))
    lite = running.database.engine.dialect.name == "sqlite"
    wipe = "zeroblob(32)" if lite else "decode(repeat('00', 32), 'hex')"
    with running.database.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE log_tile SET data = {'CAST(' if lite else ''}substr(data, 1, 352) || {wipe} || substr(data, 385)"
            f"{' AS BLOB)' if lite else ''} WHERE level = 0"
        )
    started_anew()
    sign(running)
    with pytest.raises(Transient):
        tell(running, a_chain(voices, "r9", "2026-1125-009"))
    with running.database.read() as connection:
        assert store.checkpoint(connection)[0] == 28
        assert store.head(connection).size == 35
    assert "the log is not signed" in caplog.text
    assert "nothing is appended" in caplog.text


def started_anew():
    """As in a process that has just begun: nothing is remembered of the log."""
    handlers._edge.clear()
    signing._begun.clear()
    signing._not_before.clear()


def test_replica_mode_of_a_superuser_does_not_pass_the_seat_belts():
    url, drop = scratch_postgres()
    engine = sqlalchemy.create_engine(url)
    SERVICE.metadata.create_all(engine)
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO log_checkpoint VALUES (1, 'x', now())")
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql("DELETE FROM log_checkpoint")
    engine.dispose()
    drop()


test_replica_mode_of_a_superuser_does_not_pass_the_seat_belts.pytestmark = [pytest.mark.postgres]


def test_insert_or_replace_of_a_foreign_tool_changes_nothing(quick, tmp_path):
    tell(quick, a_chain(Voices()))
    sign(quick)
    with sqlite3.connect(tmp_path / "audit.db") as tool:  # without recursive_triggers
        for name in ("log_entry", "log_checkpoint"):
            columns = [row[1] for row in tool.execute(f"PRAGMA table_info({name})")]
            bent = ", ".join("x'00'" if each in {"leaf", "note"} else each for each in columns)
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                tool.execute(f"INSERT OR REPLACE INTO {name} SELECT {bent} FROM {name}")


def test_a_receipt_is_proven_offline_and_a_changed_one_is_not(quick, tmp_path):
    tell(quick, some(Voices()))
    sign(quick)
    receipt = tmp_path / "entry.tlog-proof"
    body = a_client(quick).get("/audit/api/entries/9/receipt", headers=headers_of(quick, "auditor")).data
    receipt.write_bytes(body)
    code, said = verifier(quick, tmp_path / "x", "receipt", str(receipt))
    assert code == 0, said
    receipt.write_bytes(body.replace(b"index 9", b"index 8"))
    assert verifier(quick, tmp_path / "x", "receipt", str(receipt))[0] == 1


# ---- who signs


def test_the_signer_signs_only_what_was_committed(quick):
    tell(quick, a_chain(Voices()))
    sign(quick)

    def stopped_halfway():
        with quick.work() as work:
            keep_entries(work, a_chain(Voices(), "r2", "2026-1125-002"))
            sign_of_another_process(quick)
            raise RuntimeError("the machine stops before the commit")

    with pytest.raises(RuntimeError):
        stopped_halfway()
    sign(quick)
    with quick.database.read() as connection:
        size, _note, _at = store.checkpoint(connection)
    assert size == len(leaves(quick)) == 7


def sign_of_another_process(running):
    """What a signer would see now: only what was committed."""
    with running.database.read() as connection:
        assert store.head(connection).size == 7


def test_the_signer_refuses_a_database_that_was_rolled_back(tmp_path, caplog):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    voices = Voices()
    tell(running, a_chain(voices))
    sign(running)
    with sqlite3.connect(tmp_path / "audit.db") as now, sqlite3.connect(tmp_path / "restored.db") as backup:
        now.backup(backup)
    tell(running, a_chain(voices, "r2", "2026-1125-002"))
    sign(running)
    running.database.close()
    restored = Running(SERVICE, Database(f"sqlite:///{tmp_path / 'restored.db'}"), running.settings, running.clock)
    for number in range(3, 6):  # another history grows on the old one, beyond what was signed
        tell(restored, a_chain(voices, f"r{number}", f"2026-1125-{number:03}"))
        sign(restored)
    with restored.database.read() as connection:
        size, _note, _at = store.checkpoint(connection)
        assert store.head(connection).size == 28
    assert size == 7
    assert "the log is not signed" in caplog.text
    restored.database.close()
