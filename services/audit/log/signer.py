"""Who signs: a party of its own that signs nothing but what extends what it signed last.

It trusts neither the sequencer nor its tiles: the consistency proof from the head it remembers is checked before every
signature, and the new head is remembered, durably, before the signature leaves.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Protocol

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LogError, Malformed, Unproven, WouldFork
from services.audit.log.note import Note, SigningKey, name_is_valid, parse_secret
from services.audit.log.sequencer import Head
from services.audit.log.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, check_consistency

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.audit.log.tiles import Tree


class Memory(Protocol):
    """Where the signer keeps the one head that it must never contradict."""

    def last(self) -> Head | None:
        """The head signed last; None before the first signature."""
        ...

    def remember(self, head: Head) -> None:
        """Keep ``head`` so that it survives a crash of the machine; returns only then."""
        ...


class FileMemory:
    """The signer's head in a small file, replaced whole and synced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def last(self) -> Head | None:
        """The head signed last.

        Raises:
            LogError: the file is damaged; a person must restore it, for an empty memory would sign anything.
        """
        try:
            kept = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise LogError(f"{self._path} is damaged: the signer no longer knows what it signed") from error
        try:
            size, root = kept["size"], bytes.fromhex(kept["root"])
        except (KeyError, TypeError, ValueError) as error:
            raise LogError(f"{self._path} is damaged: the signer no longer knows what it signed") from error
        if not isinstance(size, int) or not 0 <= size <= MAX_SIZE or len(root) != HASH_SIZE:
            raise LogError(f"{self._path} is damaged: the signer no longer knows what it signed")
        return Head(size, root)

    def remember(self, head: Head) -> None:
        """Keep ``head``, synced to the disk with its folder."""
        replace_file(self._path, json.dumps({"size": head.size, "root": head.root.hex()}).encode(), sync=True)


def replace_file(path: Path, data: bytes, *, sync: bool, mode: int = 0o644) -> None:
    """Let ``path`` hold ``data`` whole or what it held before, whatever happens; durable at once when ``sync``."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    new.replace(path)
    if sync:
        sync_path(path.parent)


def sync_path(path: Path) -> None:
    """Let what was written to a file or folder survive a crash of the machine."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Signer:
    """Signs the checkpoints of one log."""

    def __init__(self, origin: str, keys: Sequence[SigningKey], memory: Memory) -> None:
        if not name_is_valid(origin) or not 1 <= len(origin.encode()) <= 255:
            raise Malformed("an origin is 1 to 255 bytes without spaces and plus signs")
        if not keys or any(key.name != origin for key in keys):
            raise Malformed("the keys of a log carry its origin as their name, and there is at least one")
        self.origin = origin
        self._keys = tuple(keys)
        self._memory = memory

    def sign(self, tree: Tree, time: int) -> Note:
        """A checkpoint of ``tree``, signed with every key of the log; timestamped lines state ``time``, Unix seconds.

        Raises:
            WouldFork: the tree does not extend the one signed last.
            TileMissing: the tiles of the tree are incomplete.
        """
        return self.sign_head(Head(tree.size, tree.root()), self._proof(tree), time)

    def sign_head(self, head: Head, proof: Sequence[bytes], time: int) -> Note:
        """As ``sign``, given the head and its consistency proof from the head signed last.

        Raises:
            WouldFork: the proof does not show that the head extends the one signed last.
        """
        last = self._memory.last()
        if head.size == 0 and head.root != EMPTY_ROOT:
            raise WouldFork("the empty tree has one root only")
        if last is not None and last.size:
            try:
                check_consistency(last.size, head.size, last.root, head.root, proof)
            except Unproven as error:
                raise WouldFork(
                    f"a head of {head.size} entries is not shown to extend the signed one of {last.size}: {error}"
                ) from error
        text = Checkpoint(self.origin, head.size, head.root).text
        if head != last:
            self._memory.remember(head)
        return Note(text, tuple(key.sign(text, time) for key in self._keys))

    def _proof(self, tree: Tree) -> list[bytes]:
        last = self._memory.last()
        if last is None or last.size == 0:
            return []
        if last.size > tree.size:
            raise WouldFork(f"{last.size} entries were signed and the tree now has {tree.size}: was it restored?")
        return tree.consistency_proof(last.size)


def read_keys(path: Path) -> list[SigningKey]:
    """The private keys of a key file: one a line, ``#`` begins a comment.

    Raises:
        LogError: others than the owner may read it.
        Malformed: it holds no key, or something else; the message holds nothing of it.
    """
    if path.stat().st_mode & 0o077:
        raise LogError(f"{path} can be read by others than its owner; chmod 400 it")
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    keys = [parse_secret(line) for line in lines if line and not line.startswith("#")]
    if not keys:
        raise Malformed(f"{path} holds no key")
    return keys


def write_keys(path: Path, keys: Sequence[SigningKey]) -> None:
    """Create a key file that its owner alone can read.

    Raises:
        FileExistsError: there is one already; a key is never overwritten.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(key.secret() + "\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
