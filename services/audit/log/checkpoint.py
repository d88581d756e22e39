"""C2SP tlog-checkpoint: the text that states a log's size and root."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from services.audit.log.errors import Malformed
from services.audit.log.tree import HASH_SIZE, MAX_SIZE

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself at one moment.

    Attributes:
        origin: which log; also the name of its key.
        extensions: further lines. We write none: nobody can audit them, and ML-DSA-44 lines do not cover them.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if any(not line or any(each < " " for each in line) for line in lines):
            raise Malformed("the lines of a checkpoint are not empty and have no control characters")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise Malformed("a checkpoint states a size and a hash of 32 bytes")

    @property
    def text(self) -> bytes:
        """The note text."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()

    @staticmethod
    def parse(text: bytes) -> Checkpoint:
        """The checkpoint that a note text states.

        Raises:
            Malformed: it is none, or not in its one canonical spelling.
        """
        try:
            lines = text.decode().split("\n")
        except UnicodeDecodeError:
            raise Malformed("a checkpoint is UTF-8") from None
        if len(lines) < 4 or lines[-1]:
            raise Malformed("a checkpoint has an origin, a size and a root, each on its line")
        if not _SIZE.fullmatch(lines[1]):
            raise Malformed("the size of a checkpoint is a decimal number")
        try:
            root = base64.b64decode(lines[2], validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("the root of a checkpoint is base64") from None
        checkpoint = Checkpoint(lines[0], int(lines[1]), root, tuple(lines[3:-1]))
        if checkpoint.text != text:
            raise Malformed("the checkpoint is not in its canonical spelling")
        return checkpoint
