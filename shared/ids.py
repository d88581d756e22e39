"""Identifiers: UUID version 7 (RFC 9562), ordered by creation within a process."""

from __future__ import annotations

import os
import threading
import time
from typing import Protocol


class Ids(Protocol):
    """A source of new identifiers."""

    def __call__(self) -> str:
        """An identifier never given before, UUID text form."""
        ...


_AT_ONCE = 512  # identifiers for which randomness is asked of the system together
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # the first random digit with the variant in it


class _Monotonic:
    """UUIDv7 with a 12-bit counter in rand_a (RFC 9562 section 6.2, method 1).

    Later calls give greater identifiers in this process, also when the machine's clock is set back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0  # milliseconds and counter as one number of 60 bits
        self._digits = ""  # 16 for each identifier
        self._at = 0
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        self._digits = ""  # two processes never draw from one supply

    def __call__(self) -> str:
        tick = (time.time_ns() // 1_000_000) << 12
        with self._lock:
            self._last = tick = max(self._last + 1, tick)
            if self._at >= len(self._digits):
                self._digits, self._at = os.urandom(8 * _AT_ONCE).hex(), 0
            at, digits = self._at, self._digits
            self._at = at + 16
        high = f"{tick >> 12:012x}"
        return (
            f"{high[:8]}-{high[8:]}-7{tick & 0xFFF:03x}-{_VARIANTS[digits[at]]}{digits[at + 1 : at + 4]}"
            f"-{digits[at + 4 : at + 16]}"
        )


new_id: Ids = _Monotonic()
