"""What an entry holds: the canonical bytes of an event, with commitments in place of personal fields.

A leaf is the RFC 8785 form of the event's envelope with ``v`` (this format's version) and, where it has personal
fields, ``commitments``. It is made once, at ingest, and from then on only its bytes count. Because every sealing draws
fresh salts, whether a redelivered event is the same must be asked of the bytes that arrived, never of the leaf.
"""

from __future__ import annotations

import copy
import hmac
import json
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import rfc8785

from services.audit.log.errors import LeafRefused, Malformed, Unproven
from services.audit.log.tiles import MAX_ENTRY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

VERSION = 1
SALT_SIZE = 32
REQUIRED = ("id", "source", "type", "time")
_SAFE_INTEGER = 2**53 - 1


@dataclass(frozen=True)
class Opening:
    """The value behind a commitment: personal data, kept in the erasable vault and nowhere else.

    Attributes:
        field: JSON pointer (RFC 6901) of the value in the envelope, as in ``/data/contact/phone``.
        salt: 32 random bytes of its own; without it the commitment says nothing about the value.
    """

    field: str
    salt: bytes
    value: Any

    @property
    def commitment(self) -> str:
        """What the leaf states, hexadecimal: HMAC-SHA256(salt, RFC 8785 of [field, value])."""
        return hmac.new(self.salt, canonical([self.field, self.value]), sha256).hexdigest()


@dataclass(frozen=True)
class Sealed:
    """An event ready to be an entry, and what must be put in the vault beside it."""

    leaf: bytes
    openings: tuple[Opening, ...] = ()


def seal_event(
    event: Mapping[str, Any],
    personal: Sequence[str] = (),
    *,
    salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_SIZE),
) -> Sealed:
    """The leaf of an event, with the values at ``personal`` replaced by commitments.

    ``personal`` holds JSON pointers below ``/data``; ``*`` stands for every element or key of its place. A field of an
    object is left out of the leaf, an element of a list becomes null; where an event has no such field there is
    nothing to commit to.

    Raises:
        LeafRefused: the event has no canonical form, lacks an attribute, or is longer than an entry can be.
    """
    return _sealed({**event, "data": copy.deepcopy(event.get("data"))} if personal else dict(event), personal, salt)


def seal_text(
    body: bytes,
    personal: Sequence[str] = (),
    *,
    salt: Callable[[], bytes] = lambda: secrets.token_bytes(SALT_SIZE),
) -> Sealed:
    """As ``seal_event``, for an event as it came over the wire; the same bytes, found in half the time.

    Raises:
        LeafRefused: as ``seal_event``; also where the body is no JSON object.
    """
    try:
        event = _READ(body.decode())
        fast = True
    except (ValueError, RecursionError):  # a number that JSON's standard encoder would write otherwise, or no JSON
        try:
            event, fast = json.loads(body), False
        except (ValueError, RecursionError) as error:
            raise LeafRefused("the event is no JSON") from error
    if not isinstance(event, dict):
        raise LeafRefused("the event is no object")
    return _sealed(event, personal, salt, canonical_read if fast else canonical)


def _sealed(
    envelope: dict[str, Any],
    personal: Sequence[str],
    salt: Callable[[], bytes],
    written: Callable[[Any], bytes] | None = None,
) -> Sealed:
    """Seal an envelope of one's own; its data are changed in place."""
    for name in REQUIRED:
        if not isinstance(envelope.get(name), str) or not envelope[name]:
            raise LeafRefused(f"an event needs {name}, a string")
    if not isinstance(envelope.get("data"), dict):
        raise LeafRefused("an event needs data, an object")
    if "commitments" in envelope or envelope.get("v", VERSION) != VERSION:
        raise LeafRefused("v and commitments belong to the log")
    envelope["v"] = VERSION
    openings: list[Opening] = []
    for pattern in personal:
        tokens = _tokens(pattern)
        if tokens[0] != "data" or len(tokens) < 2:
            raise LeafRefused(f"{pattern} is not a place in the data of an event")
        openings += [Opening(field, salt(), value) for field, value in _taken(envelope["data"], tokens[1:], "/data")]
    if openings:
        envelope["commitments"] = {each.field: each.commitment for each in openings}
    leaf = (written or canonical)(envelope)
    if len(leaf) > MAX_ENTRY:
        raise LeafRefused(f"the event takes {len(leaf)} bytes as an entry, more than {MAX_ENTRY}")
    return Sealed(leaf, tuple(openings))


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value.

    Raises:
        LeafRefused: it has none: a number is too large or not finite, text is broken, or it is nested too deep.
    """
    try:
        if _is_plain(value):
            return _WRITE(value).encode()
        return rfc8785.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise LeafRefused(f"this has no canonical form: {error}") from error


def canonical_read(value: Any) -> bytes:
    """As ``canonical``, for what ``_READ`` has read: it holds no float and no large number.

    RFC 8785 orders keys by UTF-16, Python by code point. They differ only where a character is beyond the basic plane,
    and such a text has more than two bytes of UTF-16 for a character.
    """
    try:
        text = _WRITE(value)
        if len(text.encode("utf-16-le")) == 2 * len(text):
            return text.encode()
    except (ValueError, RecursionError) as error:
        raise LeafRefused(f"this has no canonical form: {error}") from error
    return canonical(value)


def _small(text: str) -> int:
    if len(text) > 15:
        raise ValueError(text)
    return int(text)


def _no(text: str) -> Any:
    raise ValueError(text)


_READ = json.JSONDecoder(parse_int=_small, parse_float=_no, parse_constant=_no).decode
_WRITE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _is_plain(value: Any) -> bool:
    """Whether the standard encoder gives the RFC 8785 form: no floats, safe integers, keys of ASCII alone.

    RFC 8785 orders keys by UTF-16, Python by code point; they agree on ASCII.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        kind = type(each)
        if kind is dict:
            if not all(type(key) is str and key.isascii() for key in each):
                return False
            waiting.extend(each.values())
        elif kind is list:
            waiting.extend(each)
        elif kind is int:
            if not -_SAFE_INTEGER <= each <= _SAFE_INTEGER:
                return False
        elif kind is not str and kind is not bool and each is not None:
            return False
    return True


def read_leaf(leaf: bytes) -> dict[str, Any]:
    """The envelope that a leaf states.

    Raises:
        Malformed: it is not the canonical form of an envelope.
    """
    try:
        envelope = json.loads(leaf)
    except (ValueError, RecursionError):
        raise Malformed("the entry is not JSON") from None
    try:
        if not isinstance(envelope, dict) or canonical(envelope) != leaf:
            raise Malformed("the entry is not in canonical form")
    except LeafRefused:
        raise Malformed("the entry is not in canonical form") from None
    return envelope


def check_opening(envelope: Mapping[str, Any], opening: Opening) -> None:
    """Return only if the envelope of an entry commits to exactly this value.

    Raises:
        Unproven: it does not, or the entry has no commitment for the field.
    """
    commitments = envelope.get("commitments")
    stated = commitments.get(opening.field) if isinstance(commitments, dict) else None
    if not isinstance(stated, str):
        raise Unproven(f"the entry has no commitment for {opening.field}")
    if len(opening.salt) != SALT_SIZE or not hmac.compare_digest(stated.encode(), opening.commitment.encode()):
        raise Unproven(f"the value for {opening.field} is not the one that the entry commits to")


def _tokens(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise LeafRefused(f"{pointer} is not a JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/")]


def _taken(holder: Any, tokens: list[str], at: str) -> Iterator[tuple[str, Any]]:
    """Take what ``tokens`` reach out of ``holder``; yields the exact place and value of each."""
    if isinstance(holder, dict):
        places: list[Any] = list(holder) if tokens[0] == "*" else [key for key in (tokens[0],) if key in holder]
    elif isinstance(holder, list):
        places = list(range(len(holder))) if tokens[0] == "*" else _position(tokens[0], len(holder))
    else:
        return
    for place in places:
        here = f"{at}/{str(place).replace('~', '~0').replace('/', '~1')}"
        if len(tokens) > 1:
            yield from _taken(holder[place], tokens[1:], here)
        elif isinstance(holder, dict):
            yield here, holder.pop(place)
        elif holder[place] is not None:
            yield here, holder[place]
            holder[place] = None


def _position(token: str, length: int) -> list[int]:
    return [int(token)] if token.isascii() and token.isdigit() and len(token) < 10 and int(token) < length else []
