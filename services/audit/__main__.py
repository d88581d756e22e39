"""``python -m services.audit``: the commands of this service."""

import sys

from shared.cli import Command, commands, main

COMMANDS = (
    *commands("audit"),
    Command(
        "witness", "Cosign checkpoints of a log, as a supervisor would.", "services.audit.witness.commands:witness"
    ),
    Command("readings", "Show who was given what, by day, account or thing.", "services.audit.readings:main"),
    Command("export", "Write the whole log to a folder that verifies alone.", "services.audit.commands:export"),
    Command(
        "mirror", "Copy a log from its address to a folder, checking every entry.", "services.audit.commands:mirror"
    ),
    Command("keys", "Show the log's keys, add one, retire one.", "services.audit.commands:keys"),
    Command(
        "logs", "Show the logs, make the keys of the next one, close the current one.", "services.audit.commands:logs_"
    ),
    Command("reindex", "Make the indexes of words and things anew from the log.", "services.audit.commands:reindex"),
    Command(
        "erase",
        "Erase what is kept of a person or behind entries; the log stays provable.",
        "services.audit.commands:erase",
    ),
)

if __name__ == "__main__":
    sys.exit(main("python -m services.audit", COMMANDS, sys.argv[1:]))
