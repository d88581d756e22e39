"""The signature under a feed's head: Ed25519 over four lines that name the contract, the entry and its head."""

from __future__ import annotations

import base64
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.settings import BadSettings
from shared.web.passes import key_id, new_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from shared.settings import Settings

PURPOSE = "houqin-feed/v1"


def signed_text(contract: str, number: int, head: str) -> bytes:
    """What is signed: after entry ``number`` the chain of this contract's feed stood at ``head``."""
    return f"{PURPOSE}\n{contract}\n{number}\n{head}\n".encode()


class FeedSigner:
    """Signs heads with the key of the settings, or with one made once and kept in HOUQIN_DATA/keys."""

    def __init__(self, settings: Settings) -> None:
        given = str(settings["BILLING_FEED_KEY"])
        self.key: Ed25519PrivateKey = load_pem_private_key(  # type: ignore[assignment]
            given.encode() if given else _kept(settings), password=None
        )
        if not hasattr(self.key, "sign") or self.key.public_key().__class__.__name__ != "Ed25519PublicKey":
            raise BadSettings("BILLING_FEED_KEY: an Ed25519 private key in PEM is needed")
        self.id = key_id(self.key.public_key())

    @property
    def public(self) -> str:
        """The public half, PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, contract: str, number: int, head: str) -> dict[str, str | int]:
        """A head with its signature."""
        value = base64.b64encode(self.key.sign(signed_text(contract, number, head))).decode()
        return {"number": number, "head": head, "key": self.id, "signature": value}


def _kept(settings: Settings) -> bytes:
    path = Path(settings["HOUQIN_DATA"]) / "keys" / "feed.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(new_key())
        with suppress(FileExistsError):  # of two processes starting at once, the first one's key is kept
            os.link(temporary, path)
        temporary.unlink()
    return path.read_bytes()


def verifies(public_pem: bytes, contract: str, number: int, head: str, signature: str) -> bool:
    """Whether the signature under a head is good."""
    try:
        load_pem_public_key(public_pem).verify(  # type: ignore[call-arg, union-attr]
            base64.b64decode(signature), signed_text(contract, number, head)
        )
    except (InvalidSignature, ValueError):
        return False
    return True
