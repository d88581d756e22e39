"""How long to wait before something that failed outside is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def pause(waits: Sequence[int], failures: int) -> timedelta:
    """The pause after this many failures in a row, from 1; ``waits`` in seconds, the last for all that follow."""
    return timedelta(seconds=waits[min(max(failures, 1), len(waits)) - 1])
