"""What every chat program has in common: calls that are checked, and answers that are posted."""

from __future__ import annotations

import base64
import hmac
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha1
from typing import TYPE_CHECKING, Any, ClassVar

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

WINDOW = timedelta(minutes=10)  # how far a platform's clock may be off
MOST_BODY = 256_000  # bytes of a call
MOST_TEXT = 4000  # characters of an answer


class Rejected(Refused):
    """The call is not the platform's, or not meant for us. Why is logged, never answered."""

    status = 401
    key = "error.sign_in"

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why


@dataclass(frozen=True)
class Inbound:
    """A message of somebody on the platform.

    Attributes:
        user: the platform's id of whoever wrote.
        message: the platform's id of the message.
        once: signatures, nonces and ids of which each may come once.
        private: nobody reads along.
        to: where the answer goes, as :meth:`Channel.post` reads it.
    """

    user: str
    message: str
    text: str
    once: tuple[str, ...]
    private: bool
    to: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Challenge:
    """The platform asks whether the address is ours; ``body`` is what it wants to hear."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Ignored:
    """A call of the platform that asks for nothing: a picture, a read mark, an event we do not serve."""

    once: tuple[str, ...] = ()


@dataclass(frozen=True)
class Post:
    """One call to the platform.

    Attributes:
        token: the call is the one that gives an access token; its answer is read for it.
    """

    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Channel(ABC):
    """A chat program.

    Attributes:
        name: as in addresses, settings and links.
        needed: settings without which it cannot be switched on.
        keep: how long a call might be replayed.
    """

    name: ClassVar[str]
    needed: ClassVar[tuple[str, ...]]
    keep: ClassVar[timedelta] = timedelta(hours=8)

    def __init__(self, settings: Mapping[str, str]) -> None:
        missing = [name for name in self.needed if not settings.get(name)]
        if missing:
            raise ValueError(f"{self.name}: {', '.join(missing)} must be set")
        self.settings = settings

    @abstractmethod
    def receive(
        self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, now: datetime
    ) -> Inbound | Challenge | Ignored:
        """What the call says, decided from its raw bytes.

        Raises:
            Rejected: it is not the platform's, is too old, or cannot be read.
        """

    @abstractmethod
    def token(self) -> Post | None:
        """The call that gives an access token; None where none is needed."""

    @abstractmethod
    def post(self, to: Mapping[str, Any], words: str, token: str, now: datetime) -> Post | None:
        """The call that shows ``words`` to ``to``; None when it can no longer be reached there."""

    def ack(self) -> bytes:
        """What the platform wants to hear of a call that was taken."""
        return b""


# ---- what several platforms define alike


def equal(given: str, ours: str) -> bool:
    """Whether two signatures are the same, in constant time; a signature may hold anything."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), ours.encode())


def fresh(seconds: float, now: datetime, window: timedelta = WINDOW) -> bool:
    """Whether an instant given in seconds since 1970 lies within ``window`` of now."""
    return abs(now.timestamp() - seconds) <= window.total_seconds()


def number(text: str) -> float:
    """A time stamp as a platform writes it.

    Raises:
        Rejected: it is no plain number.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise Rejected("timestamp")
    return float(text)


class Envelope:
    """The encryption that WeCom and DingTalk's events share.

    Key = base64(EncodingAESKey + "="), AES-256-CBC, IV = first 16 bytes of the key, PKCS#7 to 32 bytes; inside: 16
    random bytes, length of the message (4 bytes, big-endian), message, receiver. Signature = SHA-1, hexadecimal, of
    token, time stamp, nonce and ciphertext, sorted and joined. (developer.work.weixin.qq.com, 加解密方案说明)
    """

    BLOCK = 32

    def __init__(self, token: str, aes_key: str, receiver: str) -> None:
        self._token = token
        self._key = base64.b64decode(aes_key + "=")
        if len(self._key) != 32:
            raise ValueError("EncodingAESKey must have 43 characters")
        self._receiver = receiver.encode()

    def signature(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """The signature of a call."""
        joined = "".join(sorted([self._token, timestamp, nonce, encrypted]))
        return sha1(
            joined.encode("utf-8", "surrogatepass"), usedforsecurity=False
        ).hexdigest()  # the platform defines it so

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
        """The message inside.

        Raises:
            Rejected: signature, padding, length or receiver are not right.
        """
        if not (signature and timestamp and nonce and encrypted):
            raise Rejected("incomplete")
        if not equal(signature, self.signature(timestamp, nonce, encrypted)):
            raise Rejected("signature")
        plain = unpadded(decrypted(self._key, self._key[:16], decoded(encrypted)), self.BLOCK)
        length = int.from_bytes(plain[16:20], "big")
        if len(plain) < 20 or length > len(plain) - 20:
            raise Rejected("length")
        if not hmac.compare_digest(plain[20 + length :], self._receiver):
            raise Rejected("receiver")
        return plain[20 : 20 + length]

    def seal(self, message: bytes, random: bytes, timestamp: str, nonce: str) -> tuple[str, str]:
        """Ciphertext and signature of an answer; ``random`` is 16 bytes."""
        plain = random + len(message).to_bytes(4, "big") + message + self._receiver
        fill = self.BLOCK - len(plain) % self.BLOCK
        cipher = Cipher(algorithms.AES(self._key), modes.CBC(self._key[:16])).encryptor()
        encrypted = base64.b64encode(cipher.update(plain + bytes([fill]) * fill) + cipher.finalize()).decode()
        return encrypted, self.signature(timestamp, nonce, encrypted)


def decoded(text: str) -> bytes:
    """Base64, strictly.

    Raises:
        Rejected: it is none.
    """
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError) as error:
        raise Rejected("base64") from error


def decrypted(key: bytes, iv: bytes, data: bytes) -> bytes:
    """AES-256-CBC, padding left on.

    Raises:
        Rejected: the length is not that of whole blocks.
    """
    if not data or len(data) % 16:
        raise Rejected("blocks")
    cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    return cipher.update(data) + cipher.finalize()


def unpadded(data: bytes, block: int) -> bytes:
    """``data`` without PKCS#7 padding up to ``block`` bytes.

    Raises:
        Rejected: the padding is none, too long, or its bytes differ.
    """
    fill = data[-1] if data else 0
    if not 1 <= fill <= block or fill > len(data) or data[-fill:] != bytes([fill]) * fill:
        raise Rejected("padding")
    return data[:-fill]
