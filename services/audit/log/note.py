"""C2SP signed-note and tlog-cosignature: a text, signed by keys that are named beside their signatures.

Three kinds of key are known: plain Ed25519 (0x01), which a log signs its checkpoints with; timestamped Ed25519
cosignatures (0x04) and timestamped ML-DSA-44 cosignatures (0x06), which witnesses and, beside its Ed25519 line, the log
itself make. Reading is strict: base64 has one spelling only, so no bit of a note can change unseen.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import warnings
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import BadSignature, LogError, Malformed, NotSigned

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_NOTE = 512 * 1024  # bytes; sixteen post-quantum signatures take 80 kB
MAX_SIGNATURES = 100
MAX_TIME = 2**63 - 1  # seconds
DASH = "— "


class KeyType(IntEnum):
    """Signature type identifier bytes that we make and check."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44_COSIGNATURE = 0x06


PUBLIC_SIZE = {KeyType.ED25519: 32, KeyType.ED25519_COSIGNATURE: 32, KeyType.ML_DSA_44_COSIGNATURE: 1312}
SIGNATURE_SIZE = {KeyType.ED25519: 64, KeyType.ED25519_COSIGNATURE: 72, KeyType.ML_DSA_44_COSIGNATURE: 2428}


class MlDsaUnavailable(LogError):
    """The ``cryptography`` that is installed has no ML-DSA-44: such a line can neither be made nor checked."""


def name_is_valid(name: str) -> bool:
    """Whether ``name`` can name a key: not empty, without spaces, plus signs and control characters."""
    return bool(name) and not any(each.isspace() or each == "+" or ord(each) < 0x20 for each in name)


def decode_base64(text: str) -> bytes:
    """The bytes of standard base64.

    Raises:
        Malformed: it is not base64, or not in its one canonical spelling.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("this is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Malformed("this base64 has another spelling than the canonical one")
    return data


def encode_base64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name: a *vkey*."""

    name: str
    kind: KeyType
    public: bytes

    def __post_init__(self) -> None:
        if not name_is_valid(self.name):
            raise Malformed("a key name is not empty and has no space and no plus sign")
        if len(self.public) != PUBLIC_SIZE[self.kind]:
            raise Malformed(f"a key of type {self.kind:#04x} has {PUBLIC_SIZE[self.kind]} bytes")
        if self.kind is KeyType.ML_DSA_44_COSIGNATURE and len(self.name.encode()) > 255:
            raise Malformed("the name of an ML-DSA-44 key has at most 255 bytes")

    @property
    def key_id(self) -> int:
        """The 32-bit id that stands in signatures; no secret and no strong hash."""
        text = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return int.from_bytes(sha256(text).digest()[:4], "big")

    def __str__(self) -> str:
        """The vkey text form."""
        return f"{self.name}+{self.key_id:08x}+{encode_base64(bytes([self.kind]) + self.public)}"

    def check(self, text: bytes, signature: bytes) -> int:
        """The time, in seconds since 1970, that a valid signature of ``text`` states; 0 when it states none.

        Raises:
            BadSignature: this key did not sign this text.
            Malformed: the text is not a checkpoint, and this kind signs checkpoints only.
            MlDsaUnavailable: the signature cannot be checked here.
        """
        if len(signature) != SIGNATURE_SIZE[self.kind]:
            raise BadSignature(f"the signature of {self.name} has a wrong length")
        time = 0
        if self.kind is not KeyType.ED25519:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if time > MAX_TIME:
                raise BadSignature(f"the signature of {self.name} states an impossible time")
        try:
            _public_key(self.kind, self.public).verify(signature, message(self.kind, self.name, time, text))
        except InvalidSignature:
            raise BadSignature(f"the signature of {self.name} does not fit") from None
        return time


def parse_vkey(text: str) -> VerifierKey:
    """The public key that a vkey text states.

    Raises:
        Malformed: it is no vkey, of a type not known here, or its key id is not that of its key.
    """
    match = re.fullmatch(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})", text.strip())
    if match is None:
        raise Malformed("a verifier key reads name+id+key")
    data = decode_base64(match[3])
    try:
        kind = KeyType(data[0])
    except ValueError:
        raise Malformed(f"keys of type {data[0]:#04x} are not known here") from None
    key = VerifierKey(match[1], kind, data[1:])
    if f"{key.key_id:08x}" != match[2]:
        raise Malformed(f"the id of the verifier key is {match[2]}, its key gives {key.key_id:08x}")
    return key


@dataclass(frozen=True)
class SigningKey:
    """A private key under a name.

    Attributes:
        seed: 32 bytes; never shown by ``repr``.
    """

    name: str
    kind: KeyType
    seed: bytes = field(repr=False)

    @property
    def public(self) -> VerifierKey:
        """The vkey of this key."""
        return VerifierKey(self.name, self.kind, _private_key(self.kind, self.seed).public_key().public_bytes_raw())

    def secret(self) -> str:
        """The text form kept in a key file; the one of Go's ``note`` for Ed25519."""
        return f"PRIVATE+KEY+{self.name}+{self.public.key_id:08x}+{encode_base64(bytes([self.kind]) + self.seed)}"

    def sign(self, text: bytes, time: int) -> SignatureLine:
        """A signature line for ``text``; ``time`` (seconds since 1970) is stated by cosignatures only.

        Raises:
            Malformed: the text is not a checkpoint, and this kind signs checkpoints only.
            MlDsaUnavailable: this kind cannot be made here.
        """
        if not 0 <= time <= MAX_TIME:
            raise Malformed(f"{time} is not a time")
        public = self.public
        signature = _private_key(self.kind, self.seed).sign(message(self.kind, self.name, time, text))
        stamp = b"" if self.kind is KeyType.ED25519 else time.to_bytes(8, "big")
        return SignatureLine(self.name, public.key_id, stamp + signature)


def generate_key(name: str, kind: KeyType) -> SigningKey:
    """A fresh private key.

    Raises:
        Malformed: the name cannot name a key.
        MlDsaUnavailable: this kind cannot be made here.
    """
    key = SigningKey(name, kind, secrets.token_bytes(32))
    _ = key.public
    return key


def parse_secret(text: str) -> SigningKey:
    """The private key of a key file's line.

    Raises:
        Malformed: it is no such line; the message holds nothing of it.
    """
    match = re.fullmatch(r"PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})", text.strip())
    if match is None:
        raise Malformed("a private key reads PRIVATE+KEY+name+id+key")
    data = decode_base64(match[3])
    if len(data) != 33 or data[0] not in set(KeyType):
        raise Malformed("the private key is of a type not known here")
    key = SigningKey(match[1], KeyType(data[0]), data[1:])
    checkable = key.kind is not KeyType.ML_DSA_44_COSIGNATURE or ml_dsa_is_available()
    if checkable and f"{key.public.key_id:08x}" != match[2]:
        raise Malformed("the id of the private key is not that of its key")
    return key


def usable(keys: Iterable[SigningKey]) -> list[SigningKey]:
    """The keys that can sign here; says loudly, as a warning, which ones cannot."""
    kept = []
    for key in keys:
        if key.kind is KeyType.ML_DSA_44_COSIGNATURE and not ml_dsa_is_available():
            warnings.warn(
                f"the ML-DSA-44 key of {key.name} is left unused: this installation of cryptography cannot sign with it",
                stacklevel=2,
            )
        else:
            kept.append(key)
    return kept


@dataclass(frozen=True)
class SignatureLine:
    """One line under a note.

    Attributes:
        signature: the bytes after the key id.
    """

    name: str
    key_id: int
    signature: bytes

    def __str__(self) -> str:
        """The line with its newline."""
        return f"{DASH}{self.name} {encode_base64(self.key_id.to_bytes(4, 'big') + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """A text with its signatures, none of them checked yet.

    Attributes:
        text: UTF-8, ending in a newline.
    """

    text: bytes
    signatures: tuple[SignatureLine, ...] = ()

    def encode(self) -> bytes:
        """The bytes of the signed note."""
        return self.text + b"\n" + "".join(map(str, self.signatures)).encode()

    def with_signatures(self, lines: Iterable[SignatureLine]) -> Note:
        """The note with these lines added; one that is there already is not added again."""
        return Note(self.text, (*self.signatures, *(each for each in lines if each not in self.signatures)))


_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def parse_note(data: bytes) -> Note:
    """The note that ``data`` holds, unchecked.

    Raises:
        Malformed: it is not a signed note.
    """
    if len(data) > MAX_NOTE:
        raise Malformed(f"a note has at most {MAX_NOTE} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Malformed("a note is UTF-8") from None
    if _CONTROL.search(text):
        raise Malformed("a note has no control characters")
    body, gap, tail = text.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise Malformed("a note ends in a blank line and signature lines")
    return Note((body + "\n").encode(), parse_signatures(tail))


def parse_signatures(text: str) -> tuple[SignatureLine, ...]:
    """The signature lines of ``text``, at least one.

    Raises:
        Malformed: a line is not of the form of a signature.
    """
    if not text.endswith("\n"):
        raise Malformed("a signature line ends in a newline")
    lines = text[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(f"a note has at most {MAX_SIGNATURES} signatures")
    return tuple(map(_parse_signature, lines))


def _parse_signature(line: str) -> SignatureLine:
    name, space, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not space or not name_is_valid(name):
        raise Malformed("a signature line reads: dash, name, base64")
    data = decode_base64(encoded)
    if len(data) < 5:
        raise Malformed("a signature is longer than its key id")
    return SignatureLine(name, int.from_bytes(data[:4], "big"), data[4:])


@dataclass(frozen=True)
class Verified:
    """A signature that was checked.

    Attributes:
        time: seconds since 1970 as the signer states it; 0 when it states none.
    """

    key: VerifierKey
    time: int


def check_signatures(note: Note, keys: Sequence[VerifierKey]) -> list[Verified]:
    """The valid signatures of keys that we know; lines of other keys are ignored, as the specification asks.

    Raises:
        BadSignature: a known key's line is not its signature; the whole note is refused.
        NotSigned: no known key signed.
        MlDsaUnavailable: the only known signatures cannot be checked here.
    """
    known = {(key.name, key.key_id): key for key in keys}
    valid: dict[VerifierKey, Verified] = {}
    unavailable: MlDsaUnavailable | None = None
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        try:
            valid.setdefault(key, Verified(key, key.check(note.text, line.signature)))
        except MlDsaUnavailable as error:
            warnings.warn(str(error), stacklevel=2)
            unavailable = error
    if not valid:
        raise unavailable or NotSigned("no key that is known here has signed this note")
    return list(valid.values())


def message(kind: KeyType, name: str, time: int, text: bytes) -> bytes:
    """The bytes that a key of this kind signs for a note text.

    Raises:
        Malformed: a cosignature is asked for a text that is not a checkpoint.
    """
    if kind is KeyType.ED25519:
        return text
    checkpoint = Checkpoint.parse(text)
    if kind is KeyType.ED25519_COSIGNATURE:
        return b"cosignature/v1\ntime %d\n" % time + text
    return subtree_message(name, time, checkpoint.origin, 0, checkpoint.size, checkpoint.root)


def subtree_message(name: str, time: int, origin: str, start: int, end: int, root: bytes) -> bytes:
    """``cosigned_message`` of tlog-cosignature, for the subtree ``[start, end)`` of a log."""
    parts = [b"subtree/v1\n\x00"]
    for label in (name.encode(), origin.encode()):
        if not 1 <= len(label) <= 255:
            raise Malformed("ML-DSA-44 cosignatures need names of 1 to 255 bytes")
    parts += [
        bytes([len(name.encode())]),
        name.encode(),
        time.to_bytes(8, "big"),
        bytes([len(origin.encode())]),
        origin.encode(),
        start.to_bytes(8, "big"),
        end.to_bytes(8, "big"),
        root,
    ]
    return b"".join(parts)


class _Public(Protocol):
    def verify(self, signature: bytes, data: bytes) -> None: ...
    def public_bytes_raw(self) -> bytes: ...


class _Private(Protocol):
    def sign(self, data: bytes) -> bytes: ...
    def public_key(self) -> _Public: ...


@lru_cache(maxsize=256)
def _public_key(kind: KeyType, public: bytes) -> _Public:
    try:
        if kind is not KeyType.ML_DSA_44_COSIGNATURE:
            return Ed25519PublicKey.from_public_bytes(public)
        return _ml_dsa().MLDSA44PublicKey.from_public_bytes(public)  # type: ignore[no-any-return]
    except ValueError:
        raise Malformed("these bytes are not a public key") from None


@lru_cache(maxsize=16)
def _private_key(kind: KeyType, seed: bytes) -> _Private:
    if kind is not KeyType.ML_DSA_44_COSIGNATURE:
        return Ed25519PrivateKey.from_private_bytes(seed)
    return _ml_dsa().MLDSA44PrivateKey.from_seed_bytes(seed)  # type: ignore[no-any-return]


def ml_dsa_is_available() -> bool:
    """Whether this installation of ``cryptography`` can sign and check ML-DSA-44."""
    try:
        _ml_dsa()
    except MlDsaUnavailable:
        return False
    return True


@lru_cache(maxsize=1)
def _ml_dsa() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa

        mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(32)).sign(b"")
    except (ImportError, AttributeError, UnsupportedAlgorithm) as error:
        raise MlDsaUnavailable("ML-DSA-44 needs a newer cryptography, built with an OpenSSL that has it") from error
    return mldsa
