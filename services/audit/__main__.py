"""``python -m services.audit``: the commands of this service."""

import sys

from shared.cli import Command, commands, main

COMMANDS = (
    *commands("audit"),
    Command(
        "witness", "Cosign checkpoints of a log, as a supervisor would.", "services.audit.witness.commands:witness"
    ),
)

if __name__ == "__main__":
    sys.exit(main("python -m services.audit", COMMANDS, sys.argv[1:]))
