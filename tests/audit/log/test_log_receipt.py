"""Receipts, bundles and folders: what leaves the log."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log.bundle import BundleEntry, make_bundle
from services.audit.log.envelope import seal_event
from services.audit.log.errors import LogError, Malformed, TileMissing, Unproven
from services.audit.log.folder import Folder
from services.audit.log.note import parse_note
from services.audit.log.policy import parse_policy
from services.audit.log.receipt import make_receipt, parse_receipt
from services.audit.log.tiles import TileId, bundles_between, tiles_of
from tests.audit.a_log import NOON, ALog, a_key, some_leaves


def check_by_itself(data):
    receipt = parse_receipt(data)
    return receipt.check(receipt.extra or b"", POLICY)


POLICY = parse_policy(f"log {a_key().public}\nquorum none\n".encode())


@pytest.fixture(scope="module")
def log():
    return ALog(*some_leaves(600))


def test_a_receipt_proves_its_entry_without_the_log(log):
    for index in (0, 255, 256, 511, 599):
        receipt = parse_receipt(make_receipt(log.tree(), index, log.note(), log.entries[index]).encode())
        assert receipt.extra == log.entries[index]
        assert receipt.check(log.entries[index], POLICY).checkpoint.size == 600
        with pytest.raises(Unproven):
            receipt.check(log.entries[index - 1], POLICY)


def test_a_receipt_has_the_form_of_tlog_proof(log):
    text = make_receipt(log.tree(), 5, log.note(), b"leaf 5").encode()
    lines = text.decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra bGVhZiA1", "index 5"]
    assert text.endswith(b"\n\n" + log.note().encode())


def test_no_receipt_is_given_for_an_entry_that_was_changed(log):
    with pytest.raises(Unproven):
        make_receipt(log.tree(), 5, log.note(), b"leaf 6")


@settings(max_examples=40)
@given(st.integers(0, 10**9), st.integers(0, 599))
def test_no_bit_of_a_receipt_can_change(bit, index):
    log = ALog(*some_leaves(600))
    data = bytearray(make_receipt(log.tree(), index, log.note(), log.entries[index]).encode())
    bit %= 8 * len(data)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(LogError):
        check_by_itself(bytes(data))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("index 5", "index 05"),
        lambda text: text.replace("index 5", "index -5"),
        lambda text: text.replace("index 5", "index " + "9" * 400),
        lambda text: text.replace("index 5\n", "index 5\n" + "A" * 43 + "=\n" * 70),
        lambda text: text.replace("index 5\n", ""),
        lambda text: text.replace("\n\n", "\n"),
        lambda text: "",
        lambda text: text * 5000,
        lambda text: "é" + text,
    ],
)
def test_what_is_not_exactly_a_receipt_is_refused(log, change):
    text = make_receipt(log.tree(), 5, log.note(), b"leaf 5").encode().decode()
    with pytest.raises(Malformed):
        parse_receipt(change(text).encode())


def test_a_bundle_holds_each_hash_once(log):
    event = {"id": "1", "source": "s", "type": "t", "time": "2026-11-23T08:00:00Z", "data": {"name": "张三"}}
    sealed = seal_event(event, ["/data/name"])
    other = ALog(*some_leaves(599), sealed.leaf)
    entries = [BundleEntry(index, other.entries[index]) for index in range(590, 599)]
    entries.append(BundleEntry(599, sealed.leaf, sealed.openings))
    form = json.loads(make_bundle("R-1", other.note(), other.tree(), entries))
    assert len(form["hashes"]) == len(set(form["hashes"])) < sum(len(entry["proof"]) for entry in form["entries"])
    assert form["entries"][-1]["openings"][0]["value"] == "张三"
    assert parse_note(form["checkpoint"].encode()) == other.note()


def test_a_bundle_is_not_made_of_damaged_things(log):
    with pytest.raises(Unproven):
        make_bundle("R-1", log.note(), log.tree(), [BundleEntry(5, b"leaf 6")])
    with pytest.raises(Malformed):
        make_bundle("R-1", log.note(500), log.tree(), [BundleEntry(5, b"leaf 5")])
    with pytest.raises(Malformed):
        make_bundle("R-1", log.note(), log.tree(), [BundleEntry(5, b"leaf 5")] * 2)


@settings(max_examples=10)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=5))
def test_a_folder_holds_all_that_each_checkpoint_needs(tmp_path_factory, counts):
    folder, log = Folder(tmp_path_factory.mktemp("log")), ALog()
    for number, count in enumerate(counts):
        log.add(*some_leaves(count, b"%d" % number))
        folder.publish(log.note(), log, log, sync=False)
        assert folder.size == log.state.size
        assert folder.read_tiles(list(tiles_of(folder.size))) == log.read_tiles(list(tiles_of(folder.size)))
        assert folder.read_entries(0, folder.size + 5) == log.entries
        assert all(folder.read(bundle) == log.bundle(bundle) for bundle in bundles_between(0, folder.size))


def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one(tmp_path):
    log, folder = ALog(*some_leaves(300)), Folder(tmp_path)
    folder.publish(log.note(), log, log, sync=False)
    assert folder.read(TileId(0, 0, 7)) == log.widest[0, 0][: 7 * 32]
    assert folder.read(TileId(-1, 0, 7)) == log.bundle(TileId(-1, 0, 7))
    assert folder.read(TileId(0, 9)) is None


def test_a_checkpoint_is_published_only_when_all_below_it_is_there(tmp_path):
    log, folder = ALog(*some_leaves(300)), Folder(tmp_path)
    folder.publish(log.note(), log, log)
    published = folder.checkpoint()
    log.add(*some_leaves(300, b"more"))
    kept = log.widest.pop((0, 1))
    with pytest.raises(TileMissing):
        folder.publish(log.note(), log, log)
    assert folder.checkpoint() == published
    log.widest[0, 1] = kept
    folder.publish(log.note(), log, log)
    assert folder.size == 600
    with pytest.raises(Malformed):
        folder.publish(log.note(300, NOON), log, log)


def test_a_folder_that_lost_a_file_is_written_anew(tmp_path):
    log, folder = ALog(*some_leaves(300)), Folder(tmp_path)
    folder.publish(log.note(), log, log)
    (tmp_path / "tile/0/000").unlink()
    folder.publish(log.note(), log, log)
    assert not (tmp_path / "tile/0/000").exists()
    assert folder.publish(log.note(), log, log, anew=True) == 6
    assert (tmp_path / "tile/0/000").read_bytes() == log.widest[0, 0]
    assert not list(tmp_path.rglob("*.new"))


def test_entries_of_a_folder_are_read_in_any_window(tmp_path):
    log, folder = ALog(*some_leaves(600)), Folder(tmp_path)
    folder.publish(log.note(), log, log, sync=False)
    for first, count in ((0, 1), (255, 2), (256, 256), (599, 1), (590, 100), (600, 5), (700, 5), (10, 0)):
        assert folder.read_entries(first, count) == log.entries[first : first + count]
