"""C2SP tlog-witness ``add-checkpoint``: what a witness answers to a checkpoint, and when it cosigns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import BadSignature, LogError, Malformed, NotSigned, Unproven
from services.audit.log.note import Note, check_signatures, decode_base64, encode_base64, parse_note
from services.audit.log.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, check_consistency
from services.audit.witness.store import Seen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.audit.log.note import SigningKey, VerifierKey
    from services.audit.witness.store import Store, Turn

MAX_REQUEST = 256 * 1024  # bytes
MAX_PROOF_LINES = 63
TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Request:
    """The body of ``add-checkpoint``."""

    old: int
    proof: tuple[bytes, ...]
    note: Note

    def encode(self) -> bytes:
        """The bytes of the body."""
        lines = [f"old {self.old}", *map(encode_base64, self.proof), "", ""]
        return "\n".join(lines).encode() + self.note.encode()


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: str
    content_type: str = TEXT


def parse_request(body: bytes) -> Request:
    """The request that a body holds, unchecked.

    Raises:
        Malformed: it is none.
    """
    head, gap, rest = body.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("the head of the request is ASCII") from None
    match = _OLD.fullmatch(lines.pop(0))
    if not gap or match is None or int(match[1]) > MAX_SIZE:
        raise Malformed("the request begins with: old, a space, a size")
    if len(lines) > MAX_PROOF_LINES:
        raise Malformed(f"a consistency proof has at most {MAX_PROOF_LINES} lines")
    proof = tuple(map(decode_base64, lines))
    if any(len(each) != HASH_SIZE for each in proof):
        raise Malformed("a hash has 32 bytes")
    return Request(int(match[1]), proof, parse_note(rest))


class Witness:
    """A witness over its store.

    Args:
        logs: the keys that may sign for each origin.
        keys: the witness's own; each adds a line to every answer.
    """

    def __init__(self, store: Store, logs: Mapping[str, Sequence[VerifierKey]], keys: Sequence[SigningKey]) -> None:
        self._store = store
        self._logs = logs
        self._keys = tuple(keys)

    def add_checkpoint(self, body: bytes, now: int) -> Answer:
        """The answer to a submitted checkpoint; when it is 200, the head is on the disk and cosigned as of ``now``."""
        try:
            request = parse_request(body)
            claimed = Checkpoint.parse(request.note.text)
        except Malformed as error:
            return Answer(400, f"{error}\n")
        keys = self._logs.get(claimed.origin)
        if keys is None:
            return Answer(404, "this witness does not watch a log of that origin\n")
        try:
            signed = {verified.key for verified in check_signatures(request.note, keys)}
        except (BadSignature, NotSigned) as error:
            return Answer(403, f"{error}\n")
        except LogError as error:  # only a signature that cannot be checked here
            return Answer(403, f"{error}\n")
        # Lines of others are not passed on: what the witness serves is what it checked.
        ids = {(key.name, key.key_id) for key in signed}
        note = Note(
            request.note.text, tuple(line for line in request.note.signatures if (line.name, line.key_id) in ids)
        )
        if request.old > claimed.size:
            return Answer(400, "the old size is larger than the checkpoint\n")
        with self._store.turn() as turn:
            return self._advance(turn, request, claimed, note, now)

    def _advance(self, turn: Turn, request: Request, claimed: Checkpoint, note: Note, now: int) -> Answer:
        seen = turn.seen(claimed.origin) or Seen(0, EMPTY_ROOT, b"")
        if seen.size != request.old:
            return Answer(409, f"{seen.size}\n", SIZE)
        head = Seen(claimed.size, claimed.root, note.encode())
        try:
            if claimed.size == 0 and claimed.root != EMPTY_ROOT:
                raise Unproven("the empty tree has one root only")
            if seen.size == 0 and request.proof:
                raise Unproven("nothing is to be proven from size 0")
            if seen.size:
                check_consistency(seen.size, claimed.size, seen.root, claimed.root, request.proof)
        except Unproven as error:
            if seen.size:
                fork = seen.size == claimed.size and seen.root != claimed.root
                turn.keep_evidence(claimed.origin, "fork" if fork else "unproven", head, seen, now)
            return Answer(422, f"{error}\n")
        lines = [key.sign(note.text, now) for key in self._keys]
        origin_hash = sha256(claimed.origin.encode()).hexdigest()
        turn.keep(
            claimed.origin, origin_hash, Seen(claimed.size, claimed.root, note.with_signatures(lines).encode()), now
        )
        return Answer(200, "".join(map(str, lines)))

    def newest(self, origin_hash: str) -> Answer:
        """The newest cosigned checkpoint of a log, for monitors."""
        note = self._store.newest_note(origin_hash)
        if note is None:
            return Answer(404, "this witness has cosigned nothing of that log\n")
        return Answer(200, note.decode())
