"""What the web floor forgets by itself: old answers under idempotency keys, expired revocations, what pages were told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.web import idempotency, live, revocation

if TYPE_CHECKING:
    from shared.service import Running


def forget(running: Running) -> None:
    """Rows past their time are gone; replicas may do it at once."""
    with running.work() as work:
        idempotency.prune(work)
        revocation.prune(work)
        live.prune(work)
