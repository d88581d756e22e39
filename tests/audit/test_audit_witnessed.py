"""A running log with witnesses of other parties: what is shown, and what they make impossible."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.audit import publishing, signing, store, witnessing
from services.audit.log.note import KeyType, generate_key
from services.audit.service import SERVICE
from services.audit.signing import keys, sign
from services.audit.witness.rules import Witness
from services.audit.witness.server import WitnessServer
from services.audit.witness.store import Store
from services.audit.witnessing import collect
from shared.database import Database
from shared.service import Running
from tests.audit.conftest import Voices, a_chain, a_client, a_running, tell
from tests.people import headers_of

VERIFIER = Path(__file__).parents[2] / "deploy/verify/houqin_verify.py"


@contextmanager
def a_witness(folder, name, log_keys):
    """A witness of somebody else's, reached over HTTP."""
    key = generate_key(f"{name}.example/witness", KeyType.ED25519_COSIGNATURE)
    kept = Store(folder / f"{name}.db")
    logs = {each.public.name: [each.public] for each in log_keys[:1]}
    server = WitnessServer(("127.0.0.1", 0), Witness(kept, logs, [key]))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield key.public, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        kept.close()


def with_policy(running, folder, witnesses, quorum="all"):
    names = [f"w{number}" for number, _ in enumerate(witnesses)]
    lines = [f"log {keys(running.settings)[0].public}"]
    lines += [f"witness {name} {key} {url}" for name, (key, url) in zip(names, witnesses, strict=True)]
    path = folder / "policy"
    path.write_text("\n".join([*lines, f"group us {quorum} {' '.join(names)}", "quorum us", ""]), "utf-8")
    running.settings = running.settings.with_(AUDIT_POLICY_FILE=str(path))
    return path


@pytest.fixture(autouse=True)
def _patience():
    witnessing._not_before.clear()
    signing._not_before.clear()


def restored(running, path):
    """The service over another database file, as a process that has just begun, which lost the signer's memory."""
    (Path(running.settings["HOUQIN_DATA"]) / "keys" / "signed.json").unlink()
    return Running(SERVICE, Database(f"sqlite:///{path}"), running.settings, running.clock)


def backup(path, to):
    with sqlite3.connect(path) as now, sqlite3.connect(to) as copy:
        now.backup(copy)


def verdict(client, policy, folder):
    """What the one-file verifier says of the newest checkpoint under the policy."""
    folder.mkdir()
    (folder / "checkpoint").write_bytes(client.get("/audit/log/checkpoint").data)
    for path in ("tile/0/000.p/7", "tile/entries/000.p/7"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(client.get(f"/audit/log/{path}").data)
    return subprocess.run(
        [sys.executable, str(VERIFIER), "log", str(folder), "--policy", str(policy), "--quiet"], check=False
    ).returncode


def test_cosignatures_are_collected_and_the_checkpoint_carries_them(quick, tmp_path):
    log_keys = keys(quick.settings)
    with a_witness(tmp_path, "inside", log_keys) as one, a_witness(tmp_path, "city", log_keys) as two:
        policy = with_policy(quick, tmp_path, [one, two])
        tell(quick, a_chain(Voices()))
        sign(quick)
        client = a_client(quick)
        assert verdict(client, policy, tmp_path / "before") == 4
        collect(quick)
        assert verdict(client, policy, tmp_path / "after") == 0
        with quick.database.read() as connection:
            assert [(each.names, each.size, each.problem) for each in store.witnesses(connection)] == [
                ("city.example/witness", 7, ""), ("inside.example/witness", 7, ""),
            ]  # fmt: skip


def test_a_witness_that_does_not_answer_leaves_the_checkpoint_unwitnessed_and_says_so(quick, tmp_path):
    log_keys = keys(quick.settings)
    with a_witness(tmp_path, "inside", log_keys) as one:
        gone = (generate_key("gone.example/w", KeyType.ED25519_COSIGNATURE).public, "http://127.0.0.1:9")
        with_policy(quick, tmp_path, [one, gone])
        tell(quick, a_chain(Voices()))
        sign(quick)
        collect(quick)
        with quick.database.read() as connection:
            point = witnessing.shown(connection, witnessing.policy_of(quick.settings))
            problems = {each.names: each.problem for each in store.witnesses(connection)}
        assert point.witnessed is False
        assert list(point.judgement.witnesses) == ["w0"]
        assert problems == {"inside.example/witness": "", "gone.example/w": "unreachable"}
        page = a_client(quick).get("/audit/witnesses", headers=headers_of(quick, "supervisor", language="en")).text
        assert "not witnessed" in page.lower()


def test_a_newer_checkpoint_waits_for_its_witnesses_before_it_is_shown(quick, tmp_path):
    with a_witness(tmp_path, "inside", keys(quick.settings)) as one:
        with_policy(quick, tmp_path, [one])
        voices = Voices()
        tell(quick, a_chain(voices))
        sign(quick)
        collect(quick)
        tell(quick, a_chain(voices, "r2", "2026-1125-002"))
        sign(quick)
        policy = witnessing.policy_of(quick.settings)
        with quick.database.read() as connection:
            assert witnessing.shown(connection, policy).size == 7
            assert witnessing.shown(connection, policy, covering=9).size == 14
        collect(quick)
        with quick.database.read() as connection:
            assert witnessing.shown(connection, policy).size == 14


def test_a_restored_backup_is_behind_the_witnesses_and_signs_nothing(tmp_path, caplog):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    with a_witness(tmp_path, "inside", keys(running.settings)) as one:
        with_policy(running, tmp_path, [one])
        voices = Voices()
        tell(running, a_chain(voices))
        sign(running)
        backup(tmp_path / "audit.db", tmp_path / "restored.db")
        tell(running, a_chain(voices, "r2", "2026-1125-002"))
        sign(running)
        collect(running)
        running.database.close()
        again = restored(running, tmp_path / "restored.db")
        tell(again, a_chain(voices, "r3", "2026-1125-003")[:2])
        sign(again)
        with again.database.read() as connection:
            assert store.checkpoint(connection)[0] == 7
            assert store.head(connection).size == 9
            [seen] = store.witnesses(connection)
            assert (seen.problem, seen.size) == ("ahead", 14)
        assert "the log is not signed: ahead" in caplog.text
        again.database.close()


def test_another_history_that_grew_past_the_witnesses_is_a_fork_and_is_not_signed(tmp_path, caplog):
    running = a_running(tmp_path, f"sqlite:///{tmp_path / 'audit.db'}")
    with a_witness(tmp_path, "inside", keys(running.settings)) as one:
        with_policy(running, tmp_path, [one])
        voices = Voices()
        backup(tmp_path / "audit.db", tmp_path / "other.db")
        tell(running, a_chain(voices))
        sign(running)
        collect(running)
        running.database.close()
        again = restored(running, tmp_path / "other.db")
        for number in range(2, 5):
            tell(again, a_chain(voices, f"r{number}", f"2026-1125-00{number}"))
        sign(again)
        with again.database.read() as connection:
            assert store.checkpoint(connection) is None
        assert "fork: inside.example/witness" in caplog.text
        again.database.close()


def test_a_witness_cannot_stop_the_log_with_a_checkpoint_that_the_log_never_signed(quick, tmp_path):
    forged = keys(quick.settings)[:1]
    stranger = [generate_key(forged[0].name, KeyType.ED25519)]
    with a_witness(tmp_path, "bad", stranger) as one:
        with_policy(quick, tmp_path, [one])
        from services.audit.witness.client import cosign
        from tests.audit.a_log import ALog, some_leaves

        cosign(one[1], [one[0]], ALog(*some_leaves(99), keys=stranger, origin=forged[0].name).note(), lambda _old: [])
        tell(quick, a_chain(Voices()))
        sign(quick)
        with quick.database.read() as connection:
            assert store.checkpoint(connection)[0] == 7


def test_the_log_as_files_grows_with_the_checkpoint_and_an_export_stands_alone(quick, tmp_path):
    quick.settings = quick.settings.with_(AUDIT_PUBLISH_FOLDER=str(tmp_path / "www"))
    voices = Voices()
    for number in range(3):
        tell(quick, a_chain(voices, f"r{number}", f"2026-1125-00{number}"))
        sign(quick)
        publishing.publish(quick)
    out = tmp_path / "export"
    assert publishing.export(quick, out) == 3
    for folder, arguments in ((tmp_path / "www", VERIFIER), (out, out / "houqin_verify.py")):
        found = subprocess.run(
            [sys.executable, str(arguments), "log", str(folder), "--keys", str(out / "log.vkey"), "--lang", "en"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert found.returncode == 0, found.stdout
        assert "21" in found.stdout
