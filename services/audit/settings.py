"""The settings of the audit service."""

from shared.settings import Setting

SETTINGS = (
    Setting("AUDIT_ORIGIN", "houqin.example/log", "Name of the log in every checkpoint; never changes in its life."),
    Setting("AUDIT_KEY_FILE", "", "File with the log's private keys (mode 400); empty: one made in HOUQIN_DATA/keys."),
    Setting("AUDIT_SIGNER_FILE", "", "Where the signer remembers what it signed last, apart from the database; empty: HOUQIN_DATA/keys."),
    Setting("AUDIT_POLICY_FILE", "", "C2SP tlog-policy: the log's keys, its witnesses with their addresses, and how many must cosign."),
    Setting("AUDIT_PUBLISH_FOLDER", "", "Folder in which the log is also kept as plain files, for a web server or mirrors; empty: none."),
    Setting("AUDIT_NEW_LOG", "on_command", "When the log is closed and the next one begins: on_command or yearly, at the turn of the year at the site.",
            choices=("on_command", "yearly")),
    Setting("AUDIT_VAULT_KEY_FILE", "", "File with the key of the personal values (mode 400); empty: one made in HOUQIN_DATA/keys."),
    Setting("AUDIT_VAULT_DAYS", 1096, "Days after which personal values behind entries are erased.", least=1, most=36500),
    Setting("AUDIT_MAIL_URL", "", "Where the daily digest is handed over: smtp://, smtp+starttls:// or smtps://user:password@host:port; empty: no mail.",
            secret=True),
    Setting("AUDIT_MAIL_FROM", "houqin@localhost", "Address that the daily digest comes from."),
)  # fmt: skip
