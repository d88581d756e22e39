"""Where a list goes on: an opaque, signed text over the last row's sort key, so that nobody can ask with his own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from shared.errors import Malformed

_MAC = 12  # bytes


@dataclass(frozen=True)
class Cursors:
    """Makes and reads cursors.

    Attributes:
        secret: the service's own; the same in all replicas.
    """

    secret: bytes

    def write(self, purpose: str, *key: Any) -> str:
        """A cursor that stands after the row with sort key ``key`` in the list ``purpose``."""
        body = json.dumps([purpose, *key], separators=(",", ":"), ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).decode().rstrip("=")

    def read(self, purpose: str, text: str) -> tuple[Any, ...]:
        """The sort key in ``text``; empty for an empty text.

        Raises:
            Malformed: it is no cursor of ours for this list.
        """
        if not text:
            return ()
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except ValueError as error:
            raise Malformed("error.cursor") from error
        mac, body = raw[:_MAC], raw[_MAC:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise Malformed("error.cursor")
        found, *key = json.loads(body)
        if found != purpose:
            raise Malformed("error.cursor")
        return tuple(key)

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self.secret, b"cursor\0" + body, hashlib.sha256).digest()[:_MAC]
