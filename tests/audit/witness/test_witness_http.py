"""The witness over HTTP and on the command line."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.audit.log.note import KeyType, check_signatures, parse_vkey
from services.audit.witness import server as server_module
from services.audit.witness.client import (
    WitnessAhead,
    WitnessElsewhere,
    WitnessRefused,
    WitnessUnreachable,
    ask_witness,
    cosign,
    newest_seen,
)
from services.audit.witness.commands import witness as command
from services.audit.witness.rules import Request, Witness
from services.audit.witness.server import WitnessServer
from services.audit.witness.store import Store
from tests.audit.a_log import NOON, ORIGIN, ALog, a_key, some_leaves

ROOT = Path(__file__).parents[3]
KEY = a_key("w.example", KeyType.ED25519_COSIGNATURE, 3)


@pytest.fixture
def url(tmp_path):
    store = Store(tmp_path / "witness.db")
    server = WitnessServer(("127.0.0.1", 0), Witness(store, {ORIGIN: [a_key().public]}, [KEY]), lambda: NOON)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()
    store.close()


def connection(url):
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)


def test_a_log_collects_a_cosignature_and_it_verifies(url):
    log = ALog(*some_leaves(5))
    lines = ask_witness(url, [KEY.public], 0, [], log.note())
    found = check_signatures(log.note().with_signatures(lines), [a_key().public, KEY.public])
    assert [each.time for each in found] == [0, NOON]
    assert newest_seen(url, ORIGIN) == log.note().with_signatures(lines)
    assert newest_seen(url, "never.seen") is None


def test_a_log_that_forgot_how_far_the_witness_is_finds_out(url):
    log = ALog(*some_leaves(5))
    cosign(url, [KEY.public], log.note(), log.tree().consistency_proof)
    log.add(*some_leaves(300))
    with pytest.raises(WitnessElsewhere) as caught:
        ask_witness(url, [KEY.public], 0, [], log.note())
    assert caught.value.size == 5
    assert cosign(url, [KEY.public], log.note(), log.tree().consistency_proof)
    assert cosign(url, [KEY.public], log.note(), log.tree().consistency_proof, known=305)


def test_a_log_restored_from_an_old_backup_learns_that_entries_are_lost(url):
    log = ALog(*some_leaves(50))
    cosign(url, [KEY.public], log.note(), log.tree().consistency_proof)
    with pytest.raises(WitnessAhead) as caught:
        cosign(url, [KEY.public], log.note(30), log.tree(30).consistency_proof)
    assert caught.value.size == 50


def test_a_fork_is_refused(url):
    log, other = ALog(*some_leaves(5)), ALog(*some_leaves(9, b"other"))
    cosign(url, [KEY.public], log.note(), log.tree().consistency_proof)
    with pytest.raises(WitnessRefused) as caught:
        cosign(url, [KEY.public], other.note(), other.tree().consistency_proof)
    assert caught.value.status == 422


def test_a_cosignature_of_another_key_than_the_known_one_is_no_cosignature(url):
    with pytest.raises(WitnessUnreachable):
        ask_witness(url, [a_key("w.example", KeyType.ED25519_COSIGNATURE, 99).public], 0, [], ALog(b"x").note())


@pytest.mark.parametrize(
    "bad", ["http://127.0.0.1:1", "ftp://x", "http://", "", "http://[::1", "http://127.0.0.1:99999"]
)
def test_an_address_where_no_witness_is(bad):
    with pytest.raises(WitnessUnreachable):
        ask_witness(bad, [KEY.public], 0, [], ALog(b"x").note(), timeout=1)


def test_many_requests_share_one_connection(url):
    log, peer = ALog(), connection(url)
    for old in range(5):
        log.add(b"x")
        proof = log.tree().consistency_proof(old) if old else []
        peer.request("POST", "/add-checkpoint", Request(old, tuple(proof), log.note()).encode())
        answer = peer.getresponse()
        assert (answer.status, answer.read()[:3]) == (200, "—".encode())
    peer.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/add-checkpoint", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", f"/{'0' * 64}/checkpoint", 404),
        ("GET", f"/{'0' * 63}/checkpoint", 404),
        ("POST", "/elsewhere", 404),
        ("POST", "/add-checkpoint", 400),
        ("PUT", "/add-checkpoint", 501),
    ],
)
def test_everything_else_is_a_clear_error(url, method, path, status):
    peer = connection(url)
    peer.request(method, path, b"rubbish")
    answer = peer.getresponse()
    assert answer.status == status
    assert "Traceback" not in answer.read().decode()
    peer.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: 300000\r\n", 413),
        (b"Content-Length: 99999999999999999999\r\n", 413),
        (b"Content-Length: -1\r\n", 411),
        (b"Content-Length: x\r\n", 411),
        (b"Transfer-Encoding: chunked\r\n", 411),
        (b"", 411),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 411),
    ],
)
def test_a_body_without_an_honest_length_is_not_read(url, head, status):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as peer:
        peer.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\n" + head + b"\r\n")
        assert peer.makefile("rb").readline().split()[1] == str(status).encode()


def test_a_silent_peer_loses_its_place(url, monkeypatch):
    monkeypatch.setattr(server_module.WitnessHandler, "timeout", 0.2)
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as peer:
        peer.sendall(b"POST /add-checkpoint HTTP/1.1\r\n")
        assert peer.recv(100) == b""
    assert newest_seen(url, ORIGIN) is None


def test_beyond_the_last_place_peers_are_turned_away_and_the_others_served(url):
    host, port = url.removeprefix("http://").split(":")
    crowd = [socket.create_connection((host, int(port)), timeout=5) for _ in range(server_module.MAX_CONNECTIONS)]
    for peer in crowd:  # each place is taken once its first request is answered
        peer.sendall(b"GET / HTTP/1.1\r\nHost: w\r\n\r\n")
        assert peer.recv(12) == b"HTTP/1.1 404"
    with socket.create_connection((host, int(port)), timeout=5) as late:
        assert late.recv(10) == b""
    for peer in crowd:
        peer.close()


def test_a_supervisor_makes_a_key_and_runs_a_witness(tmp_path, capsys):
    key = tmp_path / "witness.key"
    assert command(["init", "--name", "w.example/upper", "--key", str(key)]) == 0
    vkeys = [parse_vkey(line) for line in capsys.readouterr().out.splitlines()]
    assert [each.kind for each in vkeys] == [KeyType.ED25519_COSIGNATURE, KeyType.ML_DSA_44_COSIGNATURE]
    assert command(["vkey", "--key", str(key)]) == 0
    assert capsys.readouterr().out.splitlines() == list(map(str, vkeys))
    store = tmp_path / "witness.db"
    arguments = ["--listen", "127.0.0.1:0", "--store", store, "--key", key, "--log", str(a_key().public)]
    process = subprocess.Popen(
        [sys.executable, "-m", "services.audit", "witness", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        port = re.search(r":(\d+) ", process.stdout.readline())[1]
        log = ALog(*some_leaves(5))
        assert len(cosign(f"http://127.0.0.1:{port}", vkeys, log.note(), log.tree().consistency_proof)) == 2
        fork = ALog(*some_leaves(5, b"fork"))
        with pytest.raises(WitnessRefused):
            cosign(f"http://127.0.0.1:{port}", vkeys, fork.note(), fork.tree().consistency_proof)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert command(["evidence", "--store", str(store)]) == 1
    assert "fork" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["init", "--name", "a b", "--key", "{new}"], "key name"),
        (["init", "--name", "w", "--key", "{key}"], "exists"),
        (["vkey", "--key", "{new}"], "No such file"),
        (["evidence", "--store", "{new}"], "does not exist"),
        (["--store", "{new}", "--key", "{key}", "--log", "rubbish"], "verifier key"),
        (["--store", "{new}", "--key", "{key}", "--log", "{log}", "--listen", "nonsense"], "host:port"),
        (["--store", "{new}", "--key", "{logkey}", "--log", "{log}"], "cosignature keys"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(tmp_path, capsys, arguments, says):
    from services.audit.log.signer import write_keys

    write_keys(tmp_path / "w.key", [KEY])
    write_keys(tmp_path / "log.key", [a_key()])
    places = {"new": tmp_path / "new", "key": tmp_path / "w.key", "logkey": tmp_path / "log.key", "log": a_key().public}
    assert command([each.format(**places) for each in arguments]) == 1
    assert says in capsys.readouterr().err
