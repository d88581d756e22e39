"""Asking a witness for its cosignature, as a log does after each signature."""

from __future__ import annotations

import http.client
import re
import ssl
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.audit.log.checkpoint import Checkpoint
from services.audit.log.errors import LogError
from services.audit.log.note import Note, check_signatures, parse_note, parse_signatures
from services.audit.witness.rules import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.audit.log.note import SignatureLine, VerifierKey

MAX_ANSWER = 64 * 1024  # bytes


class WitnessUnreachable(LogError):
    """The witness did not answer, or not in the protocol."""


class WitnessRefused(LogError):
    """The witness will not cosign this checkpoint.

    Attributes:
        status: 400 malformed, 403 signature, 404 unknown log, 422 not shown to extend what it has seen.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"the witness answered {status}: {reason}")
        self.status = status


class WitnessElsewhere(LogError):
    """The witness has cosigned another size than the request assumed; ask again from ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the witness has seen {size} entries")
        self.size = size


class WitnessAhead(LogError):
    """The witness has seen more entries than the log has: the log lost some, and must not sign on."""

    def __init__(self, size: int, ours: int) -> None:
        super().__init__(f"the witness has seen {size} entries, the log has {ours}: entries are lost")
        self.size = size


def ask_witness(
    url: str, keys: Sequence[VerifierKey], old: int, proof: Sequence[bytes], note: Note, *, timeout: float = 5.0
) -> list[SignatureLine]:
    """The witness's cosignatures of ``note``, each checked against ``keys``; there is at least one.

    ``url`` is the witness's submission prefix, ``old`` the size that it is believed to have cosigned last (0 needs an
    empty proof), ``timeout`` is in seconds for each step of the exchange.

    Raises:
        WitnessElsewhere: it cosigned another size last.
        WitnessRefused: it will not cosign.
        WitnessUnreachable: no usable answer came.
    """
    status, body = _exchange(url, "POST", "add-checkpoint", Request(old, tuple(proof), note).encode(), timeout)
    if status == 409 and re.fullmatch(rb"(0|[1-9][0-9]{0,18})\n", body):
        raise WitnessElsewhere(int(body))
    if status in {400, 403, 404, 422}:
        raise WitnessRefused(status, body[:200].decode("utf-8", "replace").strip())
    if status != 200:
        raise WitnessUnreachable(f"the witness answered {status}")
    try:
        lines = parse_signatures(body.decode())
        signed = check_signatures(Note(note.text, lines), keys)
    except (LogError, UnicodeDecodeError) as error:
        raise WitnessUnreachable(f"the witness answered with no cosignature of its keys: {error}") from error
    ids = {(each.key.name, each.key.key_id) for each in signed if each.time}
    kept = [line for line in lines if (line.name, line.key_id) in ids]
    if not kept:
        raise WitnessUnreachable("the witness answered with a cosignature without a time")
    return kept


def cosign(
    url: str,
    keys: Sequence[VerifierKey],
    note: Note,
    prove: Callable[[int], Sequence[bytes]],
    *,
    known: int = 0,
    timeout: float = 5.0,
) -> list[SignatureLine]:
    """As ``ask_witness``, finding out by itself what the witness has seen.

    ``prove`` gives the consistency proof from an older size, above 0, to the size of ``note``; ``known`` is the size
    that the witness cosigned last as far as we know, which saves one exchange when right.

    Raises:
        WitnessAhead: it has seen more entries than ``note`` states.
    """
    size = Checkpoint.parse(note.text).size
    old = min(known, size)
    for _ in range(3):  # another sender for the same log may be between two of our questions
        try:
            return ask_witness(url, keys, old, prove(old) if old else [], note, timeout=timeout)
        except WitnessElsewhere as error:
            if error.size > size:
                raise WitnessAhead(error.size, size) from error
            old = error.size
    raise WitnessUnreachable("the witness keeps moving")


def newest_seen(url: str, origin: str, *, timeout: float = 5.0) -> Note | None:
    """The newest checkpoint that a witness shows for a log, unchecked; None when it has cosigned none.

    Raises:
        WitnessUnreachable: no usable answer came.
    """
    path = f"{sha256(origin.encode()).hexdigest()}/checkpoint"
    status, body = _exchange(url, "GET", path, None, timeout)
    if status == 404:
        return None
    if status != 200:
        raise WitnessUnreachable(f"the witness answered {status}")
    try:
        return parse_note(body)
    except LogError as error:
        raise WitnessUnreachable(f"the witness shows no checkpoint: {error}") from error


def _exchange(url: str, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
    """One request. No redirect is followed and no more than ``MAX_ANSWER`` is read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WitnessUnreachable("the witness's address is none") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise WitnessUnreachable("a witness's address begins with http:// or https://")
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, f"{parts.path.rstrip('/')}/{path}", body, {"Accept": "text/plain"})
        answer = connection.getresponse()
        data = answer.read(MAX_ANSWER + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WitnessUnreachable(f"the witness does not answer: {type(error).__name__}") from error
    finally:
        connection.close()
    if len(data) > MAX_ANSWER:
        raise WitnessUnreachable("the witness answered too much")
    return answer.status, data
