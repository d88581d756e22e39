"""``python -m services.requests``: the commands of this service."""

import sys

from shared.cli import Command, commands, main

COMMANDS = (
    *commands("requests"),
    Command(
        "understand", "JSON lines of sentences in, intent and frames out.", "services.requests.chat.commands:understand"
    ),
    Command("times", "JSON lines of sentences in, the time expression out.", "services.requests.chat.commands:times"),
    Command("administrator", "Print a link by which the first administrator comes in.", "services.requests.first:main"),
    Command(
        "office", "Take an office's own departments, places and vehicles from CSV.", "services.requests.office:main"
    ),
    Command(
        "mail", "One mail from standard input: what it asks for is done.", "services.requests.letters.commands:main"
    ),
    Command("converse", "JSON lines of dialogues in, what was filed out.", "services.requests.chat.commands:converse"),
)

if __name__ == "__main__":
    sys.exit(main("python -m services.requests", COMMANDS, sys.argv[1:]))
