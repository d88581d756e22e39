"""Named places where a test may kill the process; empty calls in production.

``HOUQIN_FAULT=consumer.before_ack:3`` ends the process without any cleaning up at the third passage of that point.
"""

from __future__ import annotations

import os

POINTS = (
    "handler.before_commit",
    "handler.after_commit",
    "relay.before_numbering",
    "relay.numbered",
    "relay.published",
    "relay.confirmed",
    "relay.marked",
    "consumer.claimed",
    "consumer.before_commit",
    "consumer.before_ack",
    "consumer.acked",
    "log.batched",
    "log.signed",
    "log.published",
)

_name, _, _nth = os.environ.get("HOUQIN_FAULT", "").partition(":")
_left = int(_nth or 1)
_hook = None  # the simulation puts a function here


def fault(point: str) -> None:
    """Pass the point; the chosen one ends the process at its chosen passage."""
    global _left  # noqa: PLW0603  one countdown a process
    if _hook is not None:
        _hook(point)
    if _name == point:
        _left -= 1
        if _left <= 0:
            os._exit(137)
