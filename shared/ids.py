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


_RANDOM, _VARIANT = (1 << 62) - 1, 0b10 << 62


class _Monotonic:
    """UUIDv7 with a 12-bit counter in rand_a (RFC 9562 section 6.2, method 1).

    Later calls give greater identifiers in this process, also when the machine's clock is set back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0  # milliseconds and counter as one number of 60 bits

    def __call__(self) -> str:
        tick = (time.time_ns() // 1_000_000) << 12
        with self._lock:
            self._last = max(self._last + 1, tick)
            tick = self._last
        high = f"{tick >> 12:012x}7{tick & 0xFFF:03x}"
        low = f"{int.from_bytes(os.urandom(8), 'big') & _RANDOM | _VARIANT:016x}"
        return f"{high[:8]}-{high[8:12]}-{high[12:]}-{low[:4]}-{low[4:]}"


new_id: Ids = _Monotonic()
