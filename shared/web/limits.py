"""How often somebody may do something, counted in this process.

A limit is a bucket that refills evenly (GCRA): ``burst`` at once, then ``per_minute``. With n replicas the bound is
n times as high; sign-in, where that matters, counts in the database besides.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.clock import Clock

MAX_KEYS = 50_000


@dataclass(frozen=True)
class Limit:
    """``burst`` at once, then ``per_minute``, for each account and for each address.

    Attributes:
        peers: how many times the bucket of one address is larger, because an office shares one; 0 does not count it.
    """

    per_minute: int
    burst: int
    peers: int = 20


class Limits:
    """The buckets of one process; the oldest are forgotten beyond 50,000."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, limit: Limit, times: int = 1) -> int:
        """Take one from the bucket ``key``; 0 when it was there, else the seconds to wait (nothing is taken)."""
        now = self._clock.now().timestamp()
        step = 60 / (limit.per_minute * times)
        full_at = max(self._full_at.get(key, now), now)
        wait = full_at - now - step * (limit.burst * times - 1)
        if wait > 1e-9:
            return max(1, math.ceil(wait))
        self._full_at[key] = full_at + step
        self._full_at.move_to_end(key)
        while len(self._full_at) > MAX_KEYS:
            self._full_at.popitem(last=False)
        return 0
