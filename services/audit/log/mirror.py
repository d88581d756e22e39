"""A full copy of a log, fetched from its public address and checked entry by entry before it counts.

What a supervisor keeps who wants more than a witness: a witness proves a rewrite, a mirror also gives back what was
deleted. The copy is itself a log that any verifier reads.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LogError, RootMismatch, TileMissing
from services.audit.log.note import MAX_NOTE, parse_note
from services.audit.log.sequencer import Head, LogState, append, load_state
from services.audit.log.tiles import ENTRIES, FULL, MAX_BUNDLE, pack_entries, unpack_entries, widest
from services.audit.log.tree import HASH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.audit.log.folder import Folder
    from services.audit.log.policy import Judgement, Policy
    from services.audit.log.tiles import Tile, TileId


class Unfetched(LogError):
    """The address did not give what was asked for."""


def fetcher(address: str, timeout: float = 30.0) -> Callable[[str, int], bytes]:
    """Reads paths below a log's address: no redirect to another host's file, never more than the limit given."""
    if not address.startswith(("http://", "https://")):
        raise Unfetched("a log's address begins with http:// or https://")

    def fetch(path: str, limit: int) -> bytes:
        try:
            with urllib.request.urlopen(f"{address.rstrip('/')}/{path}", timeout=timeout) as answer:  # noqa: S310
                data: bytes = answer.read(limit + 1)
        except (OSError, urllib.error.URLError, ValueError) as error:
            raise Unfetched(f"{path} was not given: {error}") from error
        if len(data) > limit:
            raise Unfetched(f"{path} has more than {limit} bytes")
        return data

    return fetch


class _Grown:
    """What a round adds, for the folder to publish: its hash tiles."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[int, int], bytes] = {}

    def add(self, tiles: Sequence[Tile]) -> None:
        for tile in tiles:
            self._tiles[tile.id.level, tile.id.index] = tile.data

    def read_tiles(self, tiles: Sequence[TileId]) -> Mapping[TileId, bytes]:
        found = {}
        for tile in tiles:
            data = self._tiles.get((tile.level, tile.index), b"")[: tile.width * HASH_SIZE]
            if len(data) == tile.width * HASH_SIZE:
                found[tile] = data
        return found


class _Bundles:
    """Bundles as they were put into the folder in this round."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.size = 0

    def read_entries(self, first: int, count: int) -> Sequence[bytes]:
        tile = widest(ENTRIES, first // FULL, self.size)
        data = self.folder.read(tile)
        if data is None:
            raise TileMissing(f"{tile.path} is absent")
        return unpack_entries(data, tile.width)[first % FULL : first % FULL + count]


def mirror(fetch: Callable[[str, int], bytes], folder: Folder, policy: Policy) -> tuple[Judgement, int]:
    """Bring the copy in ``folder`` up to the log's newest checkpoint; what the policy says of it, and entries added.

    The new entries are hashed onto the tree of the copy: only when that gives the signed root does the checkpoint
    replace the copy's, so a log that was rewritten, cut or forked since is never taken over.

    Raises:
        RootMismatch: the log no longer extends the copy, or its entries do not give its root.
        LogError: the checkpoint is not signed as the policy asks, or something was not given.
    """
    note = parse_note(fetch("checkpoint", MAX_NOTE))
    judgement = policy.judge(note)
    wanted = judgement.checkpoint
    old = folder.checkpoint()
    state = LogState()
    if old is not None:
        there = Checkpoint.parse(old.text)
        state = load_state(Head(there.size, there.root), folder)
        if there.origin != wanted.origin or there.size > wanted.size:
            raise RootMismatch(
                f"the copy holds {there.size} entries of {there.origin}; the log now states {wanted.size}"
            )
        if there.size == wanted.size and there.root != wanted.root:
            raise RootMismatch(f"the log signed two roots of {wanted.size} entries")
    grown, bundles, added = _Grown(), _Bundles(folder), 0
    grown.add(state.partial_tiles())
    bundles.size = wanted.size
    for index in range(state.size // FULL, -(-wanted.size // FULL)):
        tile = widest(ENTRIES, index, wanted.size)
        entries = unpack_entries(_bundle(fetch, tile), tile.width)
        batch = append(state, entries[state.size - tile.first :])
        grown.add(batch.tiles)
        state, added = batch.state, added + len(batch.leaf_hashes)
        folder.put([(tile, pack_entries(entries))])
    if state.head != Head(wanted.size, wanted.root):
        raise RootMismatch("the entries of the log, added to the copy, do not give the root that the log signed")
    folder.publish(note, grown, bundles)
    return judgement, added


def _bundle(fetch: Callable[[str, int], bytes], tile: TileId) -> bytes:
    try:
        return fetch(tile.path, MAX_BUNDLE)
    except Unfetched:
        if tile.width == FULL:
            raise
        data = fetch(tile.full.path, MAX_BUNDLE)  # a partial bundle may go once the full one is there
        return pack_entries(unpack_entries(data, FULL)[: tile.width])
