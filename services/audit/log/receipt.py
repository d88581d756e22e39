"""C2SP tlog-proof: the receipt of an entry, which a reader keeps and checks without the log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import Malformed
from services.audit.log.note import Note, decode_base64, encode_base64, parse_note
from services.audit.log.tree import HASH_SIZE, MAX_PROOF, check_inclusion, leaf_hash

if TYPE_CHECKING:
    from services.audit.log.policy import Judgement, Policy
    from services.audit.log.tiles import Tree

HEADER = "c2sp.org/tlog-proof@v1"
MAX_RECEIPT = 1 << 20  # bytes
SUFFIX = ".tlog-proof"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Receipt:
    """An entry's place in a signed tree.

    Attributes:
        index: of the entry, from 0.
        proof: sibling of the leaf first.
        extra: not authenticated by itself. Ours is the leaf, which the proof then authenticates.
    """

    index: int
    proof: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The bytes of the ``.tlog-proof`` file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines += [f"index {self.index}", *map(encode_base64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.encode()

    def check(self, leaf: bytes, policy: Policy) -> Judgement:
        """What is known of the checkpoint in which ``leaf`` is proven to stand.

        Raises:
            Unproven: the proof does not place this leaf there.
            BadSignature, NotSigned, Malformed: the checkpoint is not one that the policy accepts.
        """
        judgement = policy.judge(self.note)
        checkpoint = judgement.checkpoint
        check_inclusion(leaf_hash(leaf), self.index, checkpoint.size, self.proof, checkpoint.root)
        return judgement


def make_receipt(tree: Tree, index: int, note: Note, leaf: bytes) -> Receipt:
    """The receipt of entry ``index``, checked before it is given out.

    Raises:
        Unproven: tiles, entry and checkpoint do not agree; what is kept has been damaged.
    """
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.size != tree.size:
        raise Malformed("the checkpoint is of another size than the tree")
    proof = tree.inclusion_proof(index)
    check_inclusion(leaf_hash(leaf), index, checkpoint.size, proof, checkpoint.root)
    return Receipt(index, tuple(proof), note, leaf)


def parse_receipt(data: bytes) -> Receipt:
    """The receipt that a file holds, unchecked.

    Raises:
        Malformed: it is none.
    """
    if len(data) > MAX_RECEIPT:
        raise Malformed(f"a receipt has at most {MAX_RECEIPT} bytes")
    head, gap, rest = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("the head of a receipt is ASCII") from None
    if not gap or lines.pop(0) != HEADER:
        raise Malformed(f"a receipt begins with {HEADER}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
    match = _INDEX.fullmatch(lines.pop(0)) if lines else None
    if match is None:
        raise Malformed("a receipt states the index of its entry")
    if len(lines) > MAX_PROOF:
        raise Malformed(f"a proof has at most {MAX_PROOF} hashes")
    proof = tuple(map(decode_base64, lines))
    if any(len(each) != HASH_SIZE for each in proof):
        raise Malformed("a hash has 32 bytes")
    return Receipt(int(match[1]), proof, parse_note(rest), extra)
