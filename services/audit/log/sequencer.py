"""How a log grows: a batch of entries becomes leaf hashes, tiles and a new head, as values.

Nothing here touches a database. The caller holds the lock, writes what a ``Batch`` carries in one transaction and goes
on from ``batch.state`` only after the commit; a rolled-back batch is simply forgotten::

    state = load_state(head, tiles)          # refuses when tiles and head disagree
    batch = append(state, leaves)            # pure
    with transaction:                        # UPDATE log_head ... WHERE size = :batch.first (fencing)
        insert entries batch.first + i, leaves[i], batch.leaf_hashes[i]
        upsert batch.tiles                   # or batch.full_tiles and batch.state.partials
        update the head to batch.head
    state = batch.state
    note = signer.sign(state.head, tree)     # only now, see ``signer``
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.log.errors import LeafRefused, RootMismatch, TileMissing
from services.audit.log.tiles import FULL, MAX_ENTRY, Tile, TileId, hashes_in, widest
from services.audit.log.tree import (
    EMPTY_EDGE,
    EMPTY_ROOT,
    HASH_SIZE,
    TILE_HEIGHT,
    Edge,
    extend,
    leaf_hashes,
    parents,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.log.tiles import TileSource

FULL_BYTES = FULL * HASH_SIZE


@dataclass(frozen=True)
class Head:
    """Size and root hash of a tree: what a checkpoint states."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True)
class LogState:
    """All that a sequencer must know to go on: a few kilobytes whatever the size of the log.

    Attributes:
        partials: data of the partial tile at each level from 0 up; empty bytes where the level has none.
    """

    edge: Edge = EMPTY_EDGE
    partials: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Number of entries, which is also the index of the next one."""
        return self.edge.size

    @property
    def head(self) -> Head:
        """The head of this state."""
        return Head(self.edge.size, self.edge.root)

    def partial_tiles(self) -> list[Tile]:
        """The partial tiles that a checkpoint of this size requires."""
        return [
            Tile(widest(level, self.size >> TILE_HEIGHT * (level + 1), self.size), data)
            for level, data in enumerate(self.partials)
            if data
        ]


@dataclass(frozen=True)
class Batch:
    """What one append adds to a log.

    Attributes:
        first: index of the first new entry.
        leaf_hashes: one for each new entry, in order.
        tiles: every hash tile that is new or wider, lowest level first; the partial ones replace narrower ones.
        state: the log afterwards.
        head: size and root afterwards.
    """

    first: int
    leaf_hashes: list[bytes]
    tiles: list[Tile]
    state: LogState
    head: Head

    @property
    def full_tiles(self) -> list[Tile]:
        """The tiles among ``tiles`` that will never change again."""
        return [tile for tile in self.tiles if tile.id.width == FULL]


def append(state: LogState, leaves: Sequence[bytes]) -> Batch:
    """The batch that adds ``leaves`` to a log in this state; the state itself is unchanged.

    Raises:
        LeafRefused: a leaf is longer than an entry bundle can hold; nothing of the batch is taken.
    """
    for number, leaf in enumerate(leaves):
        if len(leaf) > MAX_ENTRY:
            raise LeafRefused(f"leaf {number} of the batch has {len(leaf)} bytes, more than {MAX_ENTRY}")
    return append_hashes(state, leaf_hashes(leaves))


def append_hashes(state: LogState, hashes: list[bytes]) -> Batch:
    """As ``append``, for leaves whose hashes are known."""
    growth = extend(state.edge, hashes)
    partials = list(state.partials)
    tiles: list[Tile] = []
    for level, new in enumerate(growth.levels):
        if level == len(partials):
            partials.append(b"")
        data = partials[level] + b"".join(new)
        index = state.size >> TILE_HEIGHT * (level + 1)
        whole = len(data) // FULL_BYTES * FULL_BYTES
        for at in range(0, whole, FULL_BYTES):
            tiles.append(Tile(TileId(level, index), data[at : at + FULL_BYTES]))
            index += 1
        partials[level] = data[whole:]
        if partials[level]:
            tiles.append(Tile(TileId(level, index, len(partials[level]) // HASH_SIZE), partials[level]))
    after = LogState(growth.edge, tuple(partials))
    return Batch(state.size, hashes, tiles, after, after.head)


def load_state(head: Head, source: TileSource) -> LogState:
    """The state of a log with this head, rebuilt from the tiles of its right edge.

    Raises:
        RootMismatch: the tiles give another root; the log must not be continued or signed.
        TileMissing: a tile of the right edge is not kept.
    """
    ids: list[TileId | None] = []
    while head.size >> TILE_HEIGHT * len(ids):
        level = len(ids)
        width = (head.size >> TILE_HEIGHT * level) % FULL
        ids.append(TileId(level, head.size >> TILE_HEIGHT * (level + 1), width) if width else None)
    found = source.read_tiles([each for each in ids if each is not None])
    partials: list[bytes] = []
    for each in ids:
        data = b"" if each is None else found.get(each)
        if data is None or (each is not None and len(data) != each.width * HASH_SIZE):
            raise TileMissing(f"{each.path if each else ''} of the right edge is not kept whole")
        partials.append(data)
    state = LogState(Edge(head.size, tuple(_peaks(partials))), tuple(partials))
    if state.head != head:
        raise RootMismatch(
            f"the tiles of {head.size} entries give the root {state.edge.root.hex()}, the head states {head.root.hex()}"
        )
    return state


def _peaks(partials: Sequence[bytes]) -> list[bytes]:
    """Peaks, largest first, of the tree whose partial tiles these are."""
    peaks: list[bytes] = []
    for data in partials:
        nodes = hashes_in(data)
        for _ in range(TILE_HEIGHT):
            if len(nodes) & 1:
                peaks.append(nodes[-1])
            nodes = parents(nodes)
    return peaks[::-1]
