"""How a log grows, starts again, and refuses to go on."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LeafRefused, LogError, Malformed, RootMismatch, TileMissing, WouldFork
from services.audit.log.note import KeyType, check_signatures
from services.audit.log.sequencer import Head, LogState, append, load_state
from services.audit.log.signer import FileMemory, Signer, read_keys, write_keys
from tests.audit.a_log import NOON, ORIGIN, ALog, a_key, mth, some_leaves


@settings(max_examples=20)
@given(st.integers(0, 70_000))
def test_a_log_starts_again_where_it_stopped(size):
    log = ALog(*[b"x"] * size)
    assert load_state(log.state.head, log) == log.state


def test_appending_leaves_the_state_as_it_was_so_that_a_rolled_back_batch_is_nothing():
    state = append(LogState(), some_leaves(300)).state
    before = state.head
    lost = append(state, some_leaves(500, b"lost"))
    assert state.head == before
    assert append(state, some_leaves(500, b"kept")).head != lost.head


def test_an_empty_batch_changes_nothing():
    log = ALog(*some_leaves(10))
    batch = append(log.state, [])
    assert (batch.state, batch.tiles, batch.leaf_hashes) == (log.state, [], [])


def test_a_leaf_too_long_for_a_bundle_takes_its_batch_with_it():
    with pytest.raises(LeafRefused, match="leaf 1 "):
        append(LogState(), [b"fine", bytes(65536)])


def test_a_log_whose_tiles_do_not_give_its_root_is_not_opened():
    log = ALog(*some_leaves(1000))
    head = log.state.head
    damaged = bytearray(log.widest[0, 3])
    damaged[40] ^= 1
    log.widest[0, 3] = bytes(damaged)
    with pytest.raises(RootMismatch):
        load_state(head, log)
    with pytest.raises(RootMismatch):
        load_state(Head(1000, bytes(32)), ALog(*some_leaves(1000)))


def test_a_log_that_lacks_a_tile_of_its_edge_is_not_opened():
    log = ALog(*some_leaves(1000))
    del log.widest[1, 0]
    with pytest.raises(TileMissing, match=r"tile/1/000.p/3"):
        load_state(log.state.head, log)


@pytest.fixture
def signer(tmp_path):
    keys = [a_key(), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)]
    return Signer(ORIGIN, keys, FileMemory(tmp_path / "signed"))


def test_a_checkpoint_is_signed_with_every_key_of_the_log(signer):
    log = ALog(*some_leaves(5))
    note = signer.sign(log.tree(), NOON)
    assert Checkpoint.parse(note.text) == Checkpoint(ORIGIN, 5, mth(log.entries))
    keys = [a_key().public, a_key(kind=KeyType.ML_DSA_44_COSIGNATURE).public]
    assert [(each.key, each.time) for each in check_signatures(note, keys)] == [(keys[0], 0), (keys[1], NOON)]


def test_a_growing_log_is_signed_again_and_again(signer):
    log = ALog()
    for count in (0, 1, 0, 255, 1, 700, 0, 3):
        log.add(*some_leaves(count))
        assert Checkpoint.parse(signer.sign(log.tree(), NOON).text).root == mth(log.entries)


def test_the_signer_refuses_a_log_with_another_past(signer):
    signer.sign(ALog(*some_leaves(100)).tree(), NOON)
    for other in (some_leaves(100, b"other"), some_leaves(300, b"other"), [b"x", *some_leaves(99)]):
        with pytest.raises(WouldFork):
            signer.sign(ALog(*other).tree(), NOON)


def test_the_signer_refuses_a_log_that_became_shorter(signer):
    log = ALog(*some_leaves(100))
    signer.sign(log.tree(), NOON)
    with pytest.raises(WouldFork, match="restored"):
        signer.sign(log.tree(99), NOON)
    with pytest.raises(WouldFork):
        signer.sign_head(Head(), [], NOON)


def test_the_signer_remembers_over_a_restart(tmp_path):
    path = tmp_path / "signed"
    Signer(ORIGIN, [a_key()], FileMemory(path)).sign(ALog(*some_leaves(100)).tree(), NOON)
    again = Signer(ORIGIN, [a_key()], FileMemory(path))
    with pytest.raises(WouldFork):
        again.sign(ALog(*some_leaves(101, b"other")).tree(), NOON)
    assert again.sign(ALog(*some_leaves(101)).tree(), NOON)


def test_the_head_is_remembered_before_its_signature_exists(tmp_path):
    class Stop(Exception):
        pass

    class Broken(FileMemory):
        def remember(self, head):
            super().remember(head)
            raise Stop

    path = tmp_path / "signed"
    with pytest.raises(Stop):
        Signer(ORIGIN, [a_key()], Broken(path)).sign(ALog(*some_leaves(7)).tree(), NOON)
    assert FileMemory(path).last() == Head(7, mth(some_leaves(7)))


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"size": -1, "root": "00"}', json.dumps({"size": 1, "root": "zz"}).encode()]
)
def test_a_damaged_memory_stops_the_signer(tmp_path, damage):
    (tmp_path / "signed").write_bytes(damage)
    with pytest.raises(LogError, match="damaged"):
        Signer(ORIGIN, [a_key()], FileMemory(tmp_path / "signed")).sign(ALog(b"x").tree(), NOON)


def test_a_signer_carries_the_name_of_its_log(tmp_path):
    for origin, keys in (("a b", [a_key()]), (ORIGIN, []), (ORIGIN, [a_key("other.example")])):
        with pytest.raises(Malformed):
            Signer(origin, keys, FileMemory(tmp_path / "signed"))


def test_keys_are_read_from_a_file_that_only_the_owner_may_read(tmp_path):
    path = tmp_path / "log.key"
    keys = [a_key(), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)]
    write_keys(path, keys)
    assert path.stat().st_mode & 0o777 == 0o400
    assert read_keys(path) == keys
    with pytest.raises(FileExistsError):
        write_keys(path, keys)
    path.chmod(0o440)
    with pytest.raises(LogError, match="chmod 400"):
        read_keys(path)


def test_a_key_file_without_a_key_says_nothing_of_its_content(tmp_path):
    path = tmp_path / "log.key"
    path.write_text("PRIVATE+KEY+secret\n")
    path.chmod(0o400)
    with pytest.raises(Malformed) as caught:
        read_keys(path)
    assert "secret" not in str(caught.value)
