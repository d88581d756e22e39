"""Figures of the transparency log: appending, proving, signing, witnessing, verifying, and finding every flipped bit.

    python -m benchmarks.log                       one million entries of 700 bytes, 10,000 flips; some minutes
    python -m benchmarks.log --entries 100000 --flips 500 --only flips

Rates are per second of processor time of one core unless they say otherwise, medians of ``--rounds``. A whole run of a
million entries and 10,000 flips is written to ``benchmarks/RESULTS.md``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.__main__ import conditions, keep
from services.audit.log.checkpoint import Checkpoint
from services.audit.log.envelope import canonical
from services.audit.log.folder import Folder
from services.audit.log.note import KeyType, Note, SigningKey, check_signatures
from services.audit.log.sequencer import LogState, append, load_state
from services.audit.log.tiles import ENTRIES, Tree, bundles_between, tiles_of, unpack_entries
from services.audit.log.tree import HASH_SIZE, check_inclusion, leaf_hash, leaf_hashes
from services.audit.witness.client import ask_witness
from services.audit.witness.rules import Witness
from services.audit.witness.server import WitnessServer
from services.audit.witness.store import Store

ORIGIN = "log.example/bench"
VERIFIER = Path(__file__).parents[1] / "deploy" / "verify" / "houqin_verify.py"
CHECK_LOG = Path(__file__).parents[1] / "tests" / "audit" / "log" / "go" / "check_log.go"
GOCODE = os.environ.get("HOUQIN_TEST_GOCODE", "/usr/share/gocode")
ENTRY_BYTES = 700
KEYS = [SigningKey(ORIGIN, KeyType.ED25519, b"1" * 32), SigningKey(ORIGIN, KeyType.ML_DSA_44_COSIGNATURE, b"2" * 32)]


class Memory:
    """Tiles and entries in memory."""

    def __init__(self):
        self.tiles, self.entries, self.state = {}, [], LogState()

    def add(self, leaves):
        batch = append(self.state, leaves)
        for tile in batch.tiles:
            self.tiles[tile.id.level, tile.id.index] = tile.data
        self.entries += leaves
        self.state = batch.state

    def read_tiles(self, tiles):
        return {tile: self.tiles[tile.level, tile.index][: tile.width * HASH_SIZE] for tile in tiles}

    def read_entries(self, first, count):
        return self.entries[first : first + count]

    def note(self):
        text = Checkpoint(ORIGIN, self.state.size, self.state.head.root).text
        return Note(text, tuple(key.sign(text, int(time.time())) for key in KEYS))


ROWS = []  # of the section in the results


def say(name, value, unit, *, least=None, most=None):
    """A figure, on the screen and for the results; whether it meets its goal, where it has one."""
    print(f"{name:<70} {value:>14,.1f} {unit}", flush=True)
    met = (least is None or value >= least) and (most is None or value <= most)
    goal = f"≥ {least:,}" if least is not None else f"≤ {most:,}" if most is not None else "–"
    ROWS.append(f"| {name} | {value:,.1f} {unit} | {goal} | {'–' if goal == '–' else 'yes' if met else 'no'} |")
    return met


def rate(work, count, rounds):
    """Median of ``count`` a second of processor time."""
    found = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        found.append(count / (time.process_time() - start))
    return statistics.median(found)


def hashing_and_appending(rounds):
    leaves = [os.urandom(ENTRY_BYTES) for _ in range(100_000)]
    say("leaf hashes, 700 bytes", rate(lambda: leaf_hashes(leaves), len(leaves), rounds), "/s")
    for size in (1, 16, 256, 1000):
        count = min(len(leaves), 20_000 if size == 1 else 100_000)

        def grow(size=size, count=count):
            state = LogState()
            for at in range(0, count, size):
                state = append(state, leaves[at : at + size]).state

        say(f"append: leaf hashes, tiles, head; batches of {size}", rate(grow, count, rounds), "entries/s")
    event = {"id": "0197", "source": "dispatch", "type": "dispatch.work_order_finished.v1", "sequence": 3,
             "time": "2026-11-23T08:00:00Z", "data": {f"field_{n}": f"值 {n}" for n in range(20)}}  # fmt: skip
    say(
        "canonical leaf of an event with 20 fields",
        rate(lambda: [canonical(event) for _ in range(10_000)], 10_000, rounds),
        "/s",
    )


def signing(rounds):
    text = Checkpoint(ORIGIN, 5, bytes(32)).text
    for key in KEYS:
        note = Note(text, (key.sign(text, 1),))
        say(
            f"{key.kind.name} signatures made",
            rate(lambda key=key: [key.sign(text, 1) for _ in range(1000)], 1000, rounds),
            "/s",
        )
        check = lambda note=note, key=key: [check_signatures(note, [key.public]) for _ in range(1000)]  # noqa: E731
        say(f"{key.kind.name} signatures checked", rate(check, 1000, rounds), "/s")


def proving(folder, log, rounds):
    size, root = log.state.size, log.state.head.root
    choose, times, most = random.Random(1), [], 0
    for _ in range(200):
        index = choose.randrange(size)
        start = time.perf_counter()
        tree = Tree(Folder(folder), size)
        proof = tree.inclusion_proof(index)
        entry = Folder(folder).read_entries(index, 1)[0]
        times.append(time.perf_counter() - start)
        check_inclusion(leaf_hash(entry), index, size, proof, root)
        most = max(most, tree.tiles_read)
    times.sort()
    say(
        f"cold inclusion proof and its entry, {size:,} entries in files, median",
        times[100] * 1000,
        "ms of wall time",
        most=50,
    )
    say("the same, p99", times[198] * 1000, "ms of wall time", most=50)
    say("tiles read for one proof, at most, beside one bundle", most, "tiles", most=5)
    start = time.perf_counter()
    load_state(log.state.head, Folder(folder))
    say("start-up: state and root from the tiles", (time.perf_counter() - start) * 1000, "ms of wall time", most=2000)


def witnessing(rounds):
    with tempfile.TemporaryDirectory() as scratch:
        store = Store(Path(scratch) / "witness.db")
        key = SigningKey("w.example", KeyType.ED25519_COSIGNATURE, b"3" * 32)
        server = WitnessServer(("127.0.0.1", 0), Witness(store, {ORIGIN: [KEYS[0].public]}, [key]))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        log, url, count = Memory(), f"http://127.0.0.1:{server.server_address[1]}", 200
        start = time.perf_counter()
        for old in range(count):
            log.add([b"x"])
            proof = Tree(log, log.state.size).consistency_proof(old) if old else []
            ask_witness(url, [key.public], old, proof, log.note())
        say(
            "durable cosignatures over HTTP, one after the other",
            count / (time.perf_counter() - start),
            "/s of wall time",
        )
        server.shutdown()
        thread.join()
        server.server_close()
        store.close()


def by_go(folder, size, scratch):
    """The same log read by Go's own library, where Debian's golang-go and golang-golang-x-mod-dev are installed."""
    go = shutil.which("go")
    if go is None or not Path(GOCODE, "src/golang.org/x/mod/sumdb/tlog").is_dir():
        print("Go is not installed: not read by its library", flush=True)
        return
    program = Path(scratch) / "check_log"
    environment = {
        **os.environ, "GO111MODULE": "off", "GOPATH": GOCODE, "GOFLAGS": "", "GOPROXY": "off", "CGO_ENABLED": "0",
        "GOCACHE": str(Path(scratch) / "go-cache"),
    }  # fmt: skip
    subprocess.run([go, "build", "-o", program, CHECK_LOG], check=True, env=environment)
    start = time.perf_counter()
    found = subprocess.run([program, folder, str(KEYS[0].public)], capture_output=True, text=True, check=False)
    if found.stdout != f"{size} entries verified\n":
        raise SystemExit(f"Go's library refuses the log: {found.stdout}{found.stderr}")
    say("whole log by Go's sumdb/tlog and sumdb/note", size / (time.perf_counter() - start), "entries/s of wall time")


def verifier_arguments(folder):
    return [str(VERIFIER), "log", str(folder), *(word for key in KEYS for word in ("--key", str(key.public)))]


def verifying(folder, size, rounds):
    found, walls = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        before = os.times()
        subprocess.run([sys.executable, *verifier_arguments(folder)], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        walls.append(size / (time.perf_counter() - start))
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        found.append(size / spent)
    say("one-file verifier, whole log, process start included", statistics.median(found), "entries/s", least=150_000)
    say("the same by the clock on the wall", statistics.median(walls), "entries/s")


def flipping(flips, scratch):
    """Flip single bits at random over all files of a small log; each must be found, and its place named."""
    sys.path.insert(0, str(VERIFIER.parent))
    import houqin_verify

    log, folder, choose = Memory(), Path(scratch) / "small", random.Random(2026)
    log.add([os.urandom(choose.randint(0, 120)) for _ in range(256 * 3 + 91)])
    Folder(folder).publish(log.note(), log, log, sync=False)
    size = log.state.size
    tiles = {tile.path: tile for tile in (*tiles_of(size), *bundles_between(0, size))}
    files = ["checkpoint", *tiles]
    lengths = [(folder / name).stat().st_size for name in files]
    arguments = [*verifier_arguments(folder)[1:], "--json"]
    found = named = 0
    start = time.perf_counter()
    for _ in range(flips):
        name = choose.choices(files, lengths)[0]
        path = folder / name
        kept = path.read_bytes()
        bit = choose.randrange(len(kept) * 8)
        path.write_bytes(kept[: bit // 8] + bytes([kept[bit // 8] ^ 1 << bit % 8]) + kept[bit // 8 + 1 :])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = houqin_verify.main(arguments)
        found += status == 1
        named += is_named(json.loads(out.getvalue())["problems"], name, tiles.get(name), bit // 8, kept)
        path.write_bytes(kept)
    say("single-bit flips that are found", found, "flips", least=flips)
    say("single-bit flips that are named to the hash, the entry or the checkpoint", named, "flips", least=flips)
    say("checks a second", flips / (time.perf_counter() - start), "/s of wall time")
    return found == named == flips


def is_named(problems, name, tile, at, kept):
    first = problems[0] if problems else {}
    if tile is None:
        return first.get("what") == "checkpoint"
    if len(problems) != 1 or first.get("path") != name:
        return False
    if tile.level != ENTRIES:
        return first["position"] == str(at // HASH_SIZE)
    number, end = -1, 0
    for entry in unpack_entries(kept, tile.width):
        number, end = number + 1, end + 2 + len(entry)
        if at < end:
            break
    return first["index"] == str(tile.first + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("flips",), help="nothing else")
    options = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="houqin-log-")
    load, began = os.getloadavg()[0], time.monotonic()
    try:
        if options.only == "flips":
            return 0 if flipping(options.flips, scratch) else 1
        hashing_and_appending(options.rounds)
        signing(options.rounds)
        witnessing(options.rounds)
        log, folder = Memory(), Path(scratch) / "log"
        for at in range(0, options.entries, 1000):
            log.add([b"%012d" % number + os.urandom(ENTRY_BYTES - 12)
                     for number in range(at, min(at + 1000, options.entries))])  # fmt: skip
        start = time.perf_counter()
        Folder(folder).publish(log.note(), log, log, sync=False)
        say("published as files, not synced", options.entries / (time.perf_counter() - start), "entries/s of wall time")
        log.entries = []
        proving(folder, log, options.rounds)
        verifying(folder, options.entries, options.rounds)
        by_go(folder, options.entries, scratch)
        shutil.rmtree(folder)
        good = flipping(options.flips, scratch)
        if options.entries >= 1_000_000 and options.flips >= 10_000:
            head = conditions(f"{load:.1f} → {os.getloadavg()[0]:.1f}", short=False)
            took = f"Took {time.monotonic() - began:.0f} s, `python -m benchmarks.log`."
            table = "\n".join(("| | found | goal | met |", "| --- | --- | --- | --- |", *ROWS))
            keep(
                "whole_log",
                f"## Log: {options.entries:,} entries as files, and flipped bits\n\n{head} {took}\n\n{table}",
            )
        return 0 if good else 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
