"""``python -m services.billing``: the commands of this service."""

import sys

from shared.cli import Command, commands, main

COMMANDS = (
    *commands("billing"),
    Command(
        "rate",
        "JSON lines of pricing cases in, amounts and explanations out.",
        "services.billing.pricing.commands:rate",
    ),
    Command(
        "pull", "Take a contract's feed as finance does, checked, into an SQLite file.", "services.billing.puller:pull"
    ),
)

if __name__ == "__main__":
    sys.exit(main("python -m services.billing", COMMANDS, sys.argv[1:]))
