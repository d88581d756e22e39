"""What an operator may set for this service, beside what all have."""

from __future__ import annotations

from shared.settings import Setting

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DISPATCH_ALARM_SECRET",
        "",
        "Secret that devices sign their alarms with (Standard Webhooks, HMAC-SHA256); empty refuses every alarm.",
        secret=True,
    ),
)
