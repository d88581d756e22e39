"""Tiles: their paths, their bytes, and how few of them a proof reads."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log.errors import Malformed, TileMissing
from services.audit.log.sequencer import LogState, append_hashes
from services.audit.log.tiles import (
    ENTRIES,
    TileId,
    Tree,
    bundles_between,
    pack_entries,
    parse_tile_path,
    tiles_between,
    tiles_of,
    unpack_entries,
)
from services.audit.log.tree import check_inclusion, leaf_hash
from tests.audit.a_log import ALog, some_leaves


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TileId(0, 1234067), "tile/0/x001/x234/067"),
        (TileId(0, 0, 1), "tile/0/000.p/1"),
        (TileId(2, 999, 255), "tile/2/999.p/255"),
        (TileId(63, 1000), "tile/63/x001/000"),
        (TileId(ENTRIES, 67), "tile/entries/067"),
        (TileId(ENTRIES, 1067, 12), "tile/entries/x001/067.p/12"),
    ],
)
def test_a_tile_has_one_path(tile, path):
    assert tile.path == path
    assert parse_tile_path(path) == tile


@given(st.integers(-1, 63), st.integers(0, 2**50), st.integers(1, 256))
def test_every_tile_is_found_again_by_its_path(level, index, width):
    assert parse_tile_path(TileId(level, index, width).path) == TileId(level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/../../etc/passwd",
        "tile/0/000/../001",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/067",
        "tile/0/x001",
        "tile/0/001/067",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/0/٠٠٠",
        "tile/entries/000.gz",
        "tile/Entries/000",
        "tile/0/%30%30%30",
        "tile/0/" + "x999/" * 9 + "999",
        "checkpoint",
        "",
        "tile/0/" + "x001/" * 100_000 + "000",
    ],
)
def test_any_other_path_is_refused(path):
    with pytest.raises(Malformed):
        parse_tile_path(path)


def test_the_tiles_of_a_tree_of_70000_are_those_of_the_specification():
    found = list(tiles_of(70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in found) == 273
    assert [tile for tile in found if tile.width < 256] == [TileId(0, 273, 112), TileId(1, 1, 17), TileId(2, 0, 1)]
    assert sum(tile.level == 1 and tile.width == 256 for tile in found) == 1
    assert list(tiles_of(256)) == [TileId(0, 0), TileId(1, 0, 1)]
    assert list(tiles_of(0)) == []


@settings(max_examples=50)
@given(st.integers(0, 2000), st.integers(0, 2000))
def test_what_is_new_between_two_sizes_is_what_the_append_writes(old, new):
    state = append_hashes(LogState(), [bytes(32)] * old).state
    batch = append_hashes(state, [bytes(32)] * new)
    assert [tile.id for tile in batch.tiles] == list(tiles_between(old, old + new))
    assert [tile.id.width for tile in batch.state.partial_tiles()] == [
        tile.width for tile in tiles_of(old + new) if tile.width < 256
    ]
    bundles = list(bundles_between(old, old + new))
    assert [(tile.index, tile.width) for tile in bundles] == [
        (tile.id.index, tile.id.width) for tile in batch.tiles if tile.id.level == 0
    ]


def test_entries_come_out_of_a_bundle_as_they_went_in():
    entries = [b"", b"x", "后勤".encode(), bytes(65535)]
    assert unpack_entries(pack_entries(entries), 4) == entries


def test_an_entry_of_65536_bytes_has_no_bundle():
    with pytest.raises(Malformed):
        pack_entries([bytes(65536)])


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\x00\x05ab", b"\x00\x01a\x00\x01b\x00\x01c", b"\x00\x01a\x00"])
def test_a_bundle_that_does_not_hold_exactly_its_entries_is_refused(damage):
    with pytest.raises(Malformed):
        unpack_entries(damage, 2)


def a_million():
    """The tiles and the head of a tree of a million equal leaves."""
    log = ALog()
    state = append_hashes(LogState(), [leaf_hash(b"x")] * 1_000_000)
    for tile in state.tiles:
        log.widest[tile.id.level, tile.id.index] = tile.data
    return log, state.head


def test_a_proof_in_a_million_entries_reads_at_most_five_tiles_in_one_call():
    log, head = a_million()
    for index in (0, 255, 256, 65_535, 65_536, 123_456, 999_935, 999_999):
        log.asked = 0
        tree = Tree(log, 1_000_000)
        proof = tree.inclusion_proof(index)
        check_inclusion(leaf_hash(b"x"), index, 1_000_000, proof, head.root)
        assert tree.tiles_read <= 5
        assert log.asked == 1


def test_a_missing_tile_is_named():
    log = ALog(*some_leaves(600))
    del log.widest[0, 1]
    with pytest.raises(TileMissing, match="tile/0/001"):
        log.tree().inclusion_proof(300)


def test_a_tile_of_a_wrong_length_is_refused():
    class Short:
        def read_tiles(self, tiles):
            return {tile: bytes(31) for tile in tiles}

    with pytest.raises(Malformed):
        Tree(Short(), 5).root()
