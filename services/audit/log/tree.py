"""The Merkle tree of RFC 6962 section 2.1 as arithmetic: hashes, the right edge, proofs and their checks.

Indexes are 0-based. A range ``(start, end)`` is half-open. Subtrees and their proofs follow
draft-ietf-plants-merkle-tree-certs section 4, of which an ordinary consistency proof is the case ``start == 0``.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from services.audit.log.errors import Malformed, Unproven

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1  # what the other implementations (Go's int64) can count
MAX_PROOF = 64
TILE_HEIGHT = 8


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one entry."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """Hashes of many entries, in order."""
    return [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def parents(nodes: Sequence[bytes]) -> list[bytes]:
    """The nodes one level up; an odd last node has no parent yet and is left out."""
    each = iter(nodes)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)]


def fold(peaks: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees given largest first."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root of the tree whose leaf hashes are ``hashes``."""
    return extend(EMPTY_EDGE, hashes).edge.root


@dataclass(frozen=True)
class Edge:
    """The compact right edge of a tree: all that is needed to append to it and to state its root.

    Attributes:
        size: number of leaves.
        peaks: roots of the perfect subtrees that make up the tree, largest first; one for each 1-bit of ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE or len(self.peaks) != self.size.bit_count():
            raise Malformed(f"a tree of {self.size} leaves cannot have {len(self.peaks)} peaks")

    @property
    def root(self) -> bytes:
        """Root hash of the tree."""
        return fold(self.peaks)


EMPTY_EDGE = Edge()


@dataclass(frozen=True)
class Growth:
    """What an append did to a tree.

    Attributes:
        edge: the right edge afterwards.
        levels: for each tile level from 0 up, the hashes that came into being there, in order.
    """

    edge: Edge
    levels: tuple[list[bytes], ...]


def extend(edge: Edge, hashes: Sequence[bytes]) -> Growth:
    """Append leaf hashes; costs one hash for each new leaf and O(log size) besides."""
    if edge.size + len(hashes) > MAX_SIZE:
        raise Malformed("a tree cannot hold more than 2^63-1 leaves")
    peaks = list(edge.peaks)
    grown: list[bytes] = []  # new peaks, smallest first
    levels: list[list[bytes]] = []
    nodes = list(hashes)
    height = 0
    while nodes:
        if height % TILE_HEIGHT == 0:
            levels.append(nodes)
        if edge.size >> height & 1:
            nodes = [peaks.pop(), *nodes]
        if len(nodes) & 1:
            grown.append(nodes[-1])
        nodes = parents(nodes)
        height += 1
    return Growth(Edge(edge.size + len(hashes), (*peaks, *reversed(grown))), tuple(levels))


# Which nodes a proof consists of


def split(size: int) -> int:
    """The largest power of two smaller than ``size``: where RFC 6962 divides a tree of more than one leaf."""
    return 1 << (size - 1).bit_length() - 1


def perfect(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees, as (height, index at that height), that cover a range from left to right."""
    while start < end:
        height = (end - start).bit_length() - 1
        if start:
            height = min(height, (start & -start).bit_length() - 1)
        yield height, start >> height
        start += 1 << height


def is_subtree(start: int, end: int) -> bool:
    """Whether a range is a subtree in the sense of the draft: aligned to the power of two that holds it."""
    return 0 <= start <= end and (start == end or start % (1 << (end - start - 1).bit_length()) == 0)


def inclusion_path(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges whose roots prove leaf ``index`` in a tree of ``size``, sibling of the leaf first.

    Raises:
        Unproven: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise Unproven(f"a tree of {size} entries has no entry {index}")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + split(high - low)
        if index < middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
    return path[::-1]


def subtree_path(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """The ranges whose roots prove that the subtree ``[start, end)`` is part of the tree of ``size``.

    Raises:
        Unproven: the range is no subtree, or ends outside the tree.
    """
    if not is_subtree(start, end) or end > size:
        raise Unproven(f"[{start}, {end}) is not a subtree of a tree of {size} entries")
    if start == end:
        return []
    low, high, path, known = 0, size, [], True
    while (low, high) != (start, end):
        middle = low + split(high - low)
        if end <= middle:
            path.append((middle, high))
            high = middle
        else:
            path.append((low, middle))
            low = middle
            if start < middle:
                start, known = middle, False
    if not known:
        path.append((low, high))
    return path[::-1]


def consistency_path(old: int, size: int) -> list[tuple[int, int]]:
    """The ranges whose roots prove that the tree of ``old`` leaves is a prefix of the tree of ``size``."""
    return subtree_path(0, old, size)


# Checks


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return only if the leaf hash ``leaf`` stands at ``index`` in the tree of ``size`` with ``root``.

    Raises:
        Unproven: it does not, or the proof does not show it.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise Unproven(f"a tree of {size} entries has no entry {index}")
    _check_hashes(proof, leaf, root)
    low, high, node = index, size - 1, leaf
    for sibling in proof:
        if high == 0:
            raise Unproven("the inclusion proof is too long")
        if low & 1 or low == high:
            node = node_hash(sibling, node)
            while low and not low & 1:
                low, high = low >> 1, high >> 1
        else:
            node = node_hash(node, sibling)
        low, high = low >> 1, high >> 1
    if high:
        raise Unproven("the inclusion proof is too short")
    if node != root:
        raise Unproven("the inclusion proof leads to another root")


def check_subtree_inclusion(leaf: bytes, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return only if ``leaf`` stands at ``index`` of the log and in its subtree ``[start, end)`` with ``root``.

    Raises:
        Unproven: it does not, or the proof does not show it.
    """
    if not is_subtree(start, end):
        raise Unproven(f"[{start}, {end}) is not a subtree")
    check_inclusion(leaf, index - start, end - start, proof, root)


def check_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Return only if the tree of ``size`` with ``root`` begins with the tree of ``old`` leaves with ``old_root``.

    Nothing can be proven of the empty tree, so ``old == 0`` passes only for ``size == 0``.

    Raises:
        Unproven: it does not, or the proof does not show it.
    """
    if not 0 <= old <= size <= MAX_SIZE:
        raise Unproven(f"a tree of {size} entries cannot extend one of {old}")
    if old == 0:
        if size or proof or old_root != EMPTY_ROOT or root != EMPTY_ROOT:
            raise Unproven("nothing can be proven from an empty tree")
        return
    check_subtree_consistency(0, old, size, old_root, root, proof)


def check_subtree_consistency(  # the argument order of the draft
    start: int, end: int, size: int, subtree: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Return only if the tree of ``size`` with ``root`` holds the subtree ``[start, end)`` with root ``subtree``.

    Raises:
        Unproven: it does not, or the proof does not show it.
    """
    if not is_subtree(start, end) or end > size or size > MAX_SIZE:
        raise Unproven(f"[{start}, {end}) is not a subtree of a tree of {size} entries")
    if start == end:
        if proof or subtree != EMPTY_ROOT:
            raise Unproven("an empty subtree has the hash of nothing and needs no proof")
        return
    # The length of the two roots is the caller's: equal sizes compare them, and every other case computes them.
    _check_hashes(proof)
    first, last, top = start, end - 1, size - 1
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    steps = iter(proof)
    old = new = subtree if first == last else next(steps, b"")
    if not old:
        raise Unproven("the consistency proof is too short")
    for step in steps:
        if top == 0:
            raise Unproven("the consistency proof is too long")
        if last & 1 or last == top:
            if first < last:
                old = node_hash(step, old)
            new = node_hash(step, new)
            while not last & 1:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            new = node_hash(new, step)
        first, last, top = first >> 1, last >> 1, top >> 1
    if top:
        raise Unproven("the consistency proof is too short")
    if old != subtree:
        raise Unproven("the consistency proof leads to another older root")
    if new != root:
        raise Unproven("the consistency proof leads to another root")


def _check_hashes(proof: Sequence[bytes], *roots: bytes) -> None:
    if len(proof) > MAX_PROOF:
        raise Unproven(f"a proof has at most {MAX_PROOF} hashes")
    if any(len(each) != HASH_SIZE for each in (*proof, *roots)):
        raise Unproven("a hash has 32 bytes")
