"""What the person who filed takes home: a signed promise that the event will be in the log by a stated time.

No log shows what was never submitted to it; a promise does. The service that accepts a filing signs one at once, with a
plain Ed25519 key of its own, and anyone who holds it can later check that the event is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.log.errors import Malformed
from services.audit.log.note import KeyType, Note, check_signatures, parse_note

if TYPE_CHECKING:
    from services.audit.log.note import SigningKey, VerifierKey

HEADER = "houqin/filed/v1"
_TIME = re.compile(r"[1-9][0-9]{0,15}")


@dataclass(frozen=True)
class Promise:
    """An event that was accepted and will be an entry.

    Attributes:
        origin: the log it will be in.
        filed: when it was accepted, seconds since 1970.
        until: by when it will be in a checkpoint, seconds since 1970.
    """

    origin: str
    event_id: str
    filed: int
    until: int

    def __post_init__(self) -> None:
        for text in (self.origin, self.event_id):
            if not text or len(text.encode()) > 255 or not text.isprintable():
                raise Malformed("a promise names a log and an event, each on one line")
        if not 0 < self.filed <= self.until < 10**16:
            raise Malformed("a promise is due after it was given")

    @property
    def text(self) -> bytes:
        """The note text."""
        return f"{HEADER}\n{self.origin}\n{self.event_id}\n{self.filed}\n{self.until}\n".encode()

    def sign(self, key: SigningKey) -> Note:
        """The promise as a signed note.

        Raises:
            Malformed: the key is not a plain Ed25519 key.
        """
        if key.kind is not KeyType.ED25519:
            raise Malformed("a promise is signed with a plain Ed25519 key")
        return Note(self.text, (key.sign(self.text, 0),))


def read_promise(data: bytes, key: VerifierKey) -> Promise:
    """The promise that ``key`` signed.

    Raises:
        Malformed: it is none.
        BadSignature, NotSigned: the key did not sign it.
    """
    note = parse_note(data)
    check_signatures(note, [key])
    lines = note.text.decode().split("\n")
    if len(lines) != 6 or lines[0] != HEADER or lines[5] or not all(map(_TIME.fullmatch, lines[3:5])):
        raise Malformed("this is not a promise")
    return Promise(lines[1], lines[2], int(lines[3]), int(lines[4]))
