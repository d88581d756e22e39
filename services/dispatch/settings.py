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
    Setting(
        "DISPATCH_PLAN_EVERY",
        300,
        "Seconds between plans of all work that has not begun; 0 plans only when asked.",
        least=0,
        most=86400,
    ),
    Setting("DISPATCH_PLAN_SECONDS", 120, "Seconds a plan may take; after that it is given up.", least=1, most=3600),
    Setting("DISPATCH_PLAN_MEMORY", 1024, "Memory a plan may take, MiB of address space.", least=64, most=65536),
    Setting(
        "DISPATCH_PERFORMANCE_SHARE",
        20,
        "Per cent of a wage that the statement of measured work proposes to pay by score.",
        least=0,
        most=100,
    ),
    Setting(
        "DISPATCH_OVERHEAD_PERCENT",
        30,
        "Per cent put on an own wage where an own hour is compared with a bought one.",
        least=0,
        most=500,
    ),
    Setting("DISPATCH_MQTT_URL", "", "Broker of devices, mqtt://host:port or mqtts://host:port; empty: none."),
    Setting("DISPATCH_MQTT_TOPIC", "houqin/alarms/#", "Topics on which devices publish alarms; empty: none."),
    Setting("DISPATCH_MQTT_READINGS", "houqin/readings/#", "Topics on which devices publish readings; empty: none."),
    Setting(
        "DISPATCH_MQTT_CLIENT", "houqin-dispatch", "Name of the lasting session; one process at a time may use it."
    ),
    Setting("DISPATCH_MQTT_USER", "", "User at the MQTT broker; empty: none."),
    Setting("DISPATCH_MQTT_PASSWORD", "", "That user's password.", secret=True),
    Setting("DISPATCH_MQTT_CA", "", "File with the certificates an mqtts broker is checked by; empty: the system's."),
)
