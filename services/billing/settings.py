"""What an operator may set for this service, beside what all have."""

from shared.settings import Setting

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "BILLING_FEED_KEY",
        "",
        "Ed25519 private key (PEM) that signs the heads of feeds; empty: kept in HOUQIN_DATA/keys.",
        secret=True,
    ),
    Setting("BILLING_WEBHOOK_URL", "", "https address that is told when a feed grows; empty: nobody is."),
    Setting("BILLING_WEBHOOK_HOSTS", "", "Host names, by comma, that webhooks may go to."),
    Setting(
        "BILLING_WEBHOOK_SECRETS",
        "",
        "What webhooks are signed with: whsec_... by blanks, several during a rotation.",
        secret=True,
    ),
    Setting(
        "BILLING_POSTINGS",
        "",
        "File (TOML) that maps lines of statements to accounts; empty: the example of the service.",
    ),
    Setting("BILLING_FLOOR_AREA", "39235", "Floor area in m² that energy and water are divided by."),
)
