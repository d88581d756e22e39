"""A log as plain files: what a web server, a mirror or a supervisor's disk holds.

The order of writing is the promise: entries and tiles first, the checkpoint last, each file replaced whole. Whoever can
read a checkpoint can therefore read everything below it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import Malformed, TileMissing
from services.audit.log.note import parse_note
from services.audit.log.signer import replace_file, sync_path
from services.audit.log.tiles import (
    ENTRIES,
    FULL,
    TileId,
    bundles_between,
    pack_entries,
    tiles_between,
    unpack_entries,
    widest,
)
from services.audit.log.tree import HASH_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.audit.log.note import Note
    from services.audit.log.tiles import EntrySource, TileSource

CHECKPOINT = "checkpoint"


class Folder:
    """A folder that holds a log; reads what is published and adds what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoint(self) -> Note | None:
        """The published checkpoint, unchecked; None before the first."""
        try:
            return parse_note((self.path / CHECKPOINT).read_bytes())
        except FileNotFoundError:
            return None

    @property
    def size(self) -> int:
        """Size of the published checkpoint; 0 before the first."""
        note = self.checkpoint()
        return 0 if note is None else Checkpoint.parse(note.text).size

    def read(self, tile: TileId) -> bytes | None:
        """The bytes of a tile or bundle, cut from the full one where the partial one is gone; None when absent."""
        try:
            return (self.path / tile.path).read_bytes()
        except FileNotFoundError:
            pass
        try:
            data = (self.path / tile.full.path).read_bytes()
        except FileNotFoundError:
            return None
        if tile.level == ENTRIES:
            return pack_entries(unpack_entries(data, FULL)[: tile.width])
        return data[: tile.width * HASH_SIZE]

    def read_tiles(self, tiles: Sequence[TileId]) -> Mapping[TileId, bytes]:
        """As ``TileSource`` asks."""
        found = ((tile, self.read(tile)) for tile in tiles)
        return {tile: data for tile, data in found if data is not None}

    def read_entries(self, first: int, count: int) -> Sequence[bytes]:
        """As ``EntrySource`` asks.

        Raises:
            TileMissing: a bundle within the published size is absent.
        """
        entries: list[bytes] = []
        end = min(first + count, self.size)
        for index in range(first // FULL, -(-end // FULL)):
            tile = widest(ENTRIES, index, self.size)
            data = self.read(tile)
            if data is None:
                raise TileMissing(f"{tile.path} is absent")
            entries += unpack_entries(data, tile.width)
        skip = first % FULL
        return entries[skip : skip + max(end - first, 0)]

    def publish(
        self, note: Note, tiles: TileSource, entries: EntrySource, *, sync: bool = True, anew: bool = False
    ) -> int:
        """Add all that ``note`` requires and then ``note`` itself; returns the number of files written.

        With ``sync`` everything below the checkpoint is on the disk before the checkpoint is. With ``anew`` what was
        published before is written again, for a folder that lost something. Partial tiles of older checkpoints stay.

        Raises:
            TileMissing: a source lacks something; the published checkpoint is unchanged.
            Malformed: the note is no checkpoint, or smaller than the published one.
        """
        size, old = Checkpoint.parse(note.text).size, self.size
        if size < old:
            raise Malformed(f"a checkpoint of {size} entries cannot follow one of {old}")
        # A partial tile of a crashed, wider attempt may be there: every file of this round is written again.
        old = 0 if anew else old
        written = 0
        # Rounds bound the memory and the number of files that wait to be synced together.
        for resources in _rounds((*bundles_between(old, size), *tiles_between(old, size))):
            written += len(resources)
            self._write(self._data(resources, tiles, entries), sync=sync)
        self.path.mkdir(parents=True, exist_ok=True)
        replace_file(self.path / CHECKPOINT, note.encode(), sync=sync)
        return written + 1

    def put(self, resources: Iterable[tuple[TileId, bytes]]) -> None:
        """Put files in place that no published checkpoint covers yet; they are synced with the next ``publish``."""
        self._write(resources, sync=False)

    @staticmethod
    def _data(resources: Sequence[TileId], tiles: TileSource, entries: EntrySource) -> Iterator[tuple[TileId, bytes]]:
        hashes = tiles.read_tiles([tile for tile in resources if tile.level != ENTRIES])
        for tile in resources:
            if tile.level != ENTRIES:
                if tile not in hashes:
                    raise TileMissing(f"{tile.path} is not kept")
                yield tile, hashes[tile]
                continue
            found = entries.read_entries(tile.first, tile.width)
            if len(found) != tile.width:
                raise TileMissing(f"{tile.path} is incomplete")
            yield tile, pack_entries(found)

    def _write(self, resources: Iterable[tuple[TileId, bytes]], *, sync: bool) -> None:
        """Put files in place, each whole. They are synced together: syncing one by one costs most of the rate."""
        waiting: list[tuple[Path, Path]] = []
        for tile, data in resources:
            path = self.path / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f"{path.name}.{os.getpid()}.new")
            new.write_bytes(data)
            waiting.append((new, path))
        if sync:
            for new, _ in waiting:
                sync_path(new)
        for new, path in waiting:
            new.replace(path)
        if sync:
            # A new folder's own name must last too, so every folder up to the log's is synced.
            folders = {folder for _, path in waiting for folder in path.parents if folder.is_relative_to(self.path)}
            for folder in folders:
                sync_path(folder)


def _rounds(resources: Sequence[TileId]) -> Iterator[Sequence[TileId]]:
    for at in range(0, len(resources), FULL):
        yield resources[at : at + FULL]
