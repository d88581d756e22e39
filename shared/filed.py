"""The receipt for whoever filed: a signed promise that the event will be in the log by a stated time.

No log shows what was never submitted to it; a promise does. It is a C2SP signed note of five lines
(``docs/reference/bundles.md``), signed with a plain Ed25519 key of the service that accepted the filing, and the one-file
verifier checks it against the log.
"""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

ED25519 = b"\x01"


@dataclass(frozen=True)
class Desk:
    """Who promises.

    Attributes:
        name: of its key, like an address without https://, as ``office.example/filed``.
        origin: the log in which the event will be.
        seed: 32 bytes; never shown.
    """

    name: str
    origin: str
    seed: bytes

    @property
    def vkey(self) -> str:
        """The public key, as the verifier takes it with ``--filed-by``."""
        return f"{self.name}+{self._id.hex()}+{base64.b64encode(ED25519 + self._public).decode()}"

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    @cached_property
    def _id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self._public).digest()[:4]

    def promise(self, event_id: str, filed_at: datetime, within: timedelta) -> str:
        """The text of the ``.promise`` file for an event that was accepted at ``filed_at``."""
        filed = int(filed_at.timestamp())
        until = filed + int(within.total_seconds())
        text = f"houqin/filed/v1\n{self.origin}\n{event_id}\n{filed}\n{until}\n"
        signature = self._key.sign(text.encode())
        return f"{text}\n— {self.name} {base64.b64encode(self._id + signature).decode()}\n"


def desk(folder: Path, name: str, origin: str) -> Desk:
    """The desk whose key lies in ``folder``; the key is made at the first call, readable by its owner alone."""
    path = folder / "filed.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400), "w") as out:
            out.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
        with suppress(FileExistsError):  # two processes starting at once agree on the first
            os.link(temporary, path)
        temporary.unlink()
    return Desk(name, origin, base64.b64decode(path.read_text("ascii").strip(), validate=True))
