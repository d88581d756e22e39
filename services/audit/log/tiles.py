"""C2SP tlog-tiles: where the hashes and entries of a tree are kept, and how proofs are read from them.

A tile of level L holds up to 256 hashes, each the root of ``256**L`` consecutive entries. A partial tile is a prefix
of the full one, so a store may keep only the widest tile of a position and cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.audit.log.errors import Malformed, TileMissing, Unproven
from services.audit.log.tree import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    TILE_HEIGHT,
    consistency_path,
    fold,
    inclusion_path,
    parents,
    perfect,
    subtree_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FULL = 256
ENTRIES = -1  # the "level" of entry bundles
MAX_LEVEL = 63
MAX_ENTRY = 65535  # bytes; the uint16 length prefix of entry bundles
MAX_BUNDLE = FULL * (MAX_ENTRY + 2)

_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, order=True)
class TileId:
    """Which tile: ``level`` 0 to 63 for hashes, ``ENTRIES`` for a bundle of entries.

    Attributes:
        width: number of hashes or entries in it; below 256 it is a partial one.
    """

    level: int
    index: int
    width: int = FULL

    def __post_init__(self) -> None:
        if not (ENTRIES <= self.level <= MAX_LEVEL and 0 <= self.index <= MAX_SIZE >> 8 and 1 <= self.width <= FULL):
            raise Malformed(f"there is no tile of level {self.level}, index {self.index}, width {self.width}")

    @property
    def path(self) -> str:
        """Path below the log's prefix, as in ``tile/0/x001/234.p/5``."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == FULL else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"

    @property
    def full(self) -> TileId:
        """The full tile of the same position."""
        return TileId(self.level, self.index)

    @property
    def first(self) -> int:
        """Index of the first entry below this tile."""
        return self.index << TILE_HEIGHT * (max(self.level, 0) + 1)


def parse_tile_path(path: str) -> TileId:
    """The tile that a path below the log's prefix names.

    Only the one canonical spelling of a path is accepted, so nothing that could climb out of a folder, and no second
    name for the same tile, comes through.

    Raises:
        Malformed: it is not the path of a tile.
    """
    match = _PATH.fullmatch(path) if len(path) <= 64 else None
    if match is None:
        raise Malformed("this is not the path of a tile")
    level, groups, width = match.groups()
    index = int(groups.replace("/", "").replace("x", ""))
    tile = TileId(ENTRIES if level == "entries" else int(level), index, int(width or FULL))
    if tile.path != path:
        raise Malformed("this is not the path of a tile")
    return tile


@dataclass(frozen=True)
class Tile:
    """One hash tile with its bytes: ``width`` hashes of 32 bytes."""

    id: TileId
    data: bytes


class TileSource(Protocol):
    """Where hash tiles are read from; all tiles that a proof needs are asked for at once."""

    def read_tiles(self, tiles: Sequence[TileId]) -> Mapping[TileId, bytes]:
        """The data of each tile, exactly ``32 * width`` bytes; a tile that is not kept is left out."""
        ...


class EntrySource(Protocol):
    """Where the bytes of entries are read from."""

    def read_entries(self, first: int, count: int) -> Sequence[bytes]:
        """Entries ``first`` to ``first + count - 1``; fewer where the log ends."""
        ...


def tiles_of(size: int) -> Iterator[TileId]:
    """Every hash tile that a checkpoint of ``size`` requires, lowest level first."""
    yield from tiles_between(0, size)


def tiles_between(old: int, size: int) -> Iterator[TileId]:
    """The hash tiles that a checkpoint of ``size`` requires and one of ``old`` did not, lowest level first."""
    level = 0
    while size >> TILE_HEIGHT * level:
        yield from _span(level, old >> TILE_HEIGHT * level, size >> TILE_HEIGHT * level)
        level += 1


def bundles_between(old: int, size: int) -> Iterator[TileId]:
    """The entry bundles that a checkpoint of ``size`` requires and one of ``old`` did not."""
    yield from _span(ENTRIES, old, size)


def _span(level: int, old: int, count: int) -> Iterator[TileId]:
    if count <= old:
        return
    for index in range(old // FULL, count // FULL):
        yield TileId(level, index)
    if count % FULL:
        yield TileId(level, count // FULL, count % FULL)


def widest(level: int, index: int, size: int) -> TileId:
    """The tile at a position as a tree of ``size`` has it.

    Raises:
        TileMissing: that tree has nothing there.
    """
    width = min((size >> TILE_HEIGHT * max(level, 0)) - index * FULL, FULL)
    if width <= 0:
        raise TileMissing(f"a tree of {size} entries has no tile {index} at level {level}")
    return TileId(level, index, width)


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """The bytes of an entry bundle.

    Raises:
        Malformed: an entry is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise Malformed(f"an entry of {len(entry)} bytes is longer than {MAX_ENTRY}")
        parts += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(parts)


def unpack_entries(data: bytes, width: int) -> list[bytes]:
    """The ``width`` entries of a bundle.

    Raises:
        Malformed: the bytes hold more or fewer.
    """
    entries, at = [], 0
    for number in range(width):
        length = int.from_bytes(data[at : at + 2], "big")
        if at + 2 + length > len(data) or at + 2 > len(data):
            raise Malformed(f"the bundle ends inside its entry {number}")
        entries.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(data):
        raise Malformed(f"the bundle goes on after its {width} entries")
    return entries


def hashes_in(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


class Tree:
    """A tree of a fixed size, read from its tiles; each tile is read once and kept.

    Nothing read here is trusted: a proof built from a damaged tile does not verify, and ``root`` shows it.
    """

    def __init__(self, source: TileSource, size: int) -> None:
        if not 0 <= size <= MAX_SIZE:
            raise Malformed(f"there is no tree of {size} entries")
        self.size = size
        self._source = source
        self._tiles: dict[TileId, bytes] = {}

    @property
    def tiles_read(self) -> int:
        """How many tiles have been read so far."""
        return len(self._tiles)

    def root(self) -> bytes:
        """Root hash, computed from the tiles of the right edge.

        Raises:
            TileMissing: one of them is not kept.
        """
        return self.roots([(0, self.size)])[0] if self.size else EMPTY_ROOT

    def leaf_hash(self, index: int) -> bytes:
        """The leaf hash that the tiles hold at ``index``."""
        if not 0 <= index < self.size:
            raise Unproven(f"a tree of {self.size} entries has no entry {index}")
        return self.roots([(index, index + 1)])[0]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Hashes that prove entry ``index`` in this tree."""
        return self.roots(inclusion_path(index, self.size))

    def leaf_and_proof(self, index: int) -> tuple[bytes, list[bytes]]:
        """The leaf hash at ``index`` and the hashes that prove it, all their tiles being read in one call."""
        path = inclusion_path(index, self.size)  # refuses an index that the tree does not have
        leaf, *proof = self.roots([(index, index + 1), *path])
        return leaf, proof

    def consistency_proof(self, old: int) -> list[bytes]:
        """Hashes that prove that the tree of ``old`` entries is the beginning of this one; none for ``old == 0``."""
        return self.roots(consistency_path(old, self.size))

    def subtree_proof(self, start: int, end: int) -> list[bytes]:
        """Hashes that prove that the subtree ``[start, end)`` is part of this tree."""
        return self.roots(subtree_path(start, end, self.size))

    def roots(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Root of each range, all their tiles being read in one call."""
        nodes = [list(perfect(start, end)) for start, end in ranges]
        self._load({self._place(*node)[0] for each in nodes for node in each})
        return [fold([self._node(*node) for node in each]) for each in nodes]

    def _place(self, height: int, index: int) -> tuple[TileId, int, int]:
        """The tile below a node, with the first hash and the number of hashes that the node spans in it."""
        level, above = divmod(height, TILE_HEIGHT)
        first = index << above
        return widest(level, first // FULL, self.size), first % FULL, 1 << above

    def _node(self, height: int, index: int) -> bytes:
        tile, first, count = self._place(height, index)
        nodes = hashes_in(self._tiles[tile][first * HASH_SIZE : (first + count) * HASH_SIZE])
        while len(nodes) > 1:
            nodes = parents(nodes)
        return nodes[0]

    def _load(self, wanted: set[TileId]) -> None:
        missing = sorted(wanted - self._tiles.keys())
        if not missing:
            return
        found = self._source.read_tiles(missing)
        for tile in missing:
            data = found.get(tile)
            if data is None:
                raise TileMissing(f"{tile.path} is not kept")
            if len(data) != tile.width * HASH_SIZE:
                raise Malformed(f"{tile.path} has {len(data)} bytes instead of {tile.width * HASH_SIZE}")
            self._tiles[tile] = data
