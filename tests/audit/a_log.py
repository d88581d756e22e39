"""A log in memory, the way the audit service drives one, and a second opinion on RFC 6962 to compare it with."""

from __future__ import annotations

from hashlib import sha256

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.note import KeyType, Note, SigningKey
from services.audit.log.sequencer import LogState, append
from services.audit.log.tiles import Tree, pack_entries
from services.audit.log.tree import HASH_SIZE

ORIGIN = "log.example/houqin"
NOON = 1_790_000_000


def a_key(name=ORIGIN, kind=KeyType.ED25519, seed=1):
    return SigningKey(name, kind, seed.to_bytes(32, "big"))


class ALog:
    """Entries, tiles and state in memory; the widest tile of each position is kept and cut when asked."""

    def __init__(self, *leaves, keys=None, origin=ORIGIN):
        self.origin = origin
        self.keys = [a_key(origin)] if keys is None else keys
        self.entries = []
        self.widest = {}
        self.state = LogState()
        self.asked = 0
        self.add(*leaves)

    def add(self, *leaves):
        batch = append(self.state, leaves)
        for tile in batch.tiles:
            self.widest[tile.id.level, tile.id.index] = tile.data
        self.entries += leaves
        self.state = batch.state
        return batch

    def read_tiles(self, tiles):
        self.asked += 1
        kept = ((tile, self.widest.get((tile.level, tile.index), b"")[: tile.width * HASH_SIZE]) for tile in tiles)
        return {tile: data for tile, data in kept if len(data) == tile.width * HASH_SIZE}

    def read_entries(self, first, count):
        return self.entries[first : first + count]

    def tree(self, size=None):
        return Tree(self, self.state.size if size is None else size)

    def note(self, size=None, time=NOON):
        tree = self.tree(size)
        text = Checkpoint(self.origin, tree.size, tree.root()).text
        return Note(text, tuple(key.sign(text, time) for key in self.keys))

    def bundle(self, tile):
        return pack_entries(self.entries[tile.first : tile.first + tile.width])


def some_leaves(count, salt=b"leaf"):
    return [b"%s %d" % (salt, number) for number in range(count)]


def mth(leaves):
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m, leaves):
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def proof(m, leaves):
    """PROOF of RFC 6962 section 2.1.2."""
    return subproof(m, leaves, True)


def subproof(m, leaves, whole):
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def largest_power_below(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k
