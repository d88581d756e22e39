"""What an operator may set for this service, beside what all have."""

from __future__ import annotations

from shared.settings import Setting

SETTINGS = (
    Setting(
        "REQUESTS_PASS_PRIVATE_KEY",
        "",
        "Ed25519 private key (PEM) that signs passes; empty: kept in HOUQIN_DATA/keys.",
        secret=True,
    ),
    Setting(
        "REQUESTS_SECOND_FACTOR",
        "finance administrator supervisor",
        "Roles, by blank, that cannot be used without a second factor; in a demonstration none unless set.",
    ),
    Setting(
        "REQUESTS_CONFIRM_DAYS", 3, "Days after which finished work that nobody answered is closed.", least=1, most=60
    ),
    Setting(
        "REQUESTS_FILINGS_PER_MINUTE", 600, "Requests that one account may file in a minute.", least=1, most=10_000_000
    ),
    Setting("REQUESTS_EMERGENCY_NUMBER", "8110", "Telephone number for emergencies, shown on the pages."),
)
