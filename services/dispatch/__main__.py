"""``python -m services.dispatch``: the commands of this service."""

import sys

from shared.cli import Command, commands, main

COMMANDS = (
    *commands("dispatch"),
    Command(
        "decide",
        "The dispatch simulator's protocol: JSON lines in, actions out.",
        "services.dispatch.assignment.commands:decide",
    ),
    Command("plan", "Plan all open orders once; the service starts this by itself.", "services.dispatch.planner:plan"),
    Command(
        "mqtt",
        "Take alarms and readings that devices publish over MQTT, until told to stop.",
        "services.dispatch.mqtt:main",
    ),
    Command("due", "JSON lines of calendar cases in, due times out.", "services.dispatch.assignment.commands:due"),
)

if __name__ == "__main__":
    sys.exit(main("python -m services.dispatch", COMMANDS, sys.argv[1:]))
