"""Killed at any moment, sequencer, signer and publisher lose nothing, double nothing and never sign two histories."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.note import check_signatures, parse_note
from services.audit.log.tree import leaf_hash, root_of
from services.audit.signing import keys
from tests.audit.conftest import Voices, a_chain, a_running_of, leaves
from tests.audit.verifier import verifier
from tests.conftest import scratch_postgres

ROOT = Path(__file__).parents[2]
POINTS = ("log.batched", "consumer.before_commit", "consumer.before_ack", "log.signed", "log.published")


def begin(folder, url, seed, fault=""):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOUQIN_FAULT": fault}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.audit.killed", str(folder), url, str(seed)],
        cwd=ROOT, env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def seen_in(folder):
    """The checkpoint that a passer-by sees now."""
    path = folder / "www" / "checkpoint"
    return {path.read_bytes()} if path.exists() else set()


@pytest.mark.parametrize(("kind", "together"), [("sqlite", 1), pytest.param("postgres", 2, marks=pytest.mark.postgres)])
def test_killed_at_random_under_load_the_log_stays_one_and_whole(tmp_path, kind, together):
    url, drop = (f"sqlite:///{tmp_path / 'audit.db'}", None) if kind == "sqlite" else scratch_postgres()
    running = a_running_of(tmp_path, url, create=True)
    keys(running.settings)
    voices = Voices()
    events = [each for number in range(80) for each in a_chain(voices, f"r{number}", f"2026-1125-{number:03}")]
    (tmp_path / "events").write_bytes(b"".join(each.body + b"\n" for each in events))
    chance, seen, killed = random.Random(2026), set(), 0
    for number, point in enumerate((*(POINTS if together == 1 else POINTS[::2]), *[""] * (3 if together == 1 else 2))):
        processes = [
            begin(tmp_path, url, number * 10 + each, f"{point}:{chance.randint(1, 3)}" if point and not each else "")
            for each in range(together)
        ]
        if point:
            processes[0].wait(timeout=30)
            killed += processes[0].returncode == 137
        else:
            time.sleep(chance.uniform(0.7, 1.1))
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.wait()
        seen |= seen_in(tmp_path)
    last = begin(tmp_path, url, 99)
    assert last.wait(timeout=60) == 0
    seen |= seen_in(tmp_path)
    assert killed >= 5

    kept = leaves(running)
    assert sorted(json.loads(leaf)["id"] for leaf in kept) == sorted(each.envelope.id for each in events)
    hashes = [leaf_hash(leaf) for leaf in kept]
    with running.database.read() as connection:
        notes = [bytes(note) for (note,) in connection.exec_driver_sql("SELECT note FROM log_checkpoint")]
    public = [key.public for key in keys(running.settings)]
    for body in {*seen, *notes}:
        note = parse_note(body)
        check_signatures(note, public)
        point = Checkpoint.parse(note.text)
        assert point.root == root_of(hashes[: point.size])
    assert verifier.main(["log", str(tmp_path / "www"), "--key", str(public[0]), "--quiet"]) == 0
    assert Checkpoint.parse(parse_note((tmp_path / "www/checkpoint").read_bytes()).text).size == len(events)
    running.database.close()
    if drop:
        drop()


@pytest.mark.postgres
def test_of_two_sequencers_at_once_each_entry_is_written_by_one(tmp_path):
    url, drop = scratch_postgres()
    running = a_running_of(tmp_path, url, create=True)
    keys(running.settings)
    voices = Voices()
    events = [each for number in range(40) for each in a_chain(voices, f"r{number}", f"2026-1125-{number:03}")]
    (tmp_path / "events").write_bytes(b"".join(each.body + b"\n" for each in events))
    processes = [begin(tmp_path, url, seed) for seed in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    kept = leaves(running)
    assert len(kept) == len(events) == len({json.loads(leaf)["id"] for leaf in kept})
    assert verifier.main(["log", str(tmp_path / "www"), "--key", str(keys(running.settings)[0].public), "--quiet"]) == 0
    running.database.close()
    drop()
