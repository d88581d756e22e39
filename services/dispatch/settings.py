"""What an operator may set for this service, beside what all have: nothing so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.settings import Setting

SETTINGS: tuple[Setting, ...] = ()
