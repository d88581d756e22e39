"""One shape for every command line: ``python -m services.<name> <command> ...``."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Command:
    """One word after ``python -m services.<name>``.

    Attributes:
        run: ``package.module:function``, imported only when called, so that no command pays for another's imports.
            The function takes the remaining arguments and returns the exit status.
    """

    name: str
    help: str
    run: str
    first: tuple[str, ...] = ()  # arguments that stand before those of the caller


def commands(name: str) -> tuple[Command, ...]:
    """The commands that every service has."""
    return (
        Command("serve", "Answer HTTP and handle events until told to stop.", "shared.process:serve", (name,)),
        Command("relay", "Publish this service's outbox; --again --for SERVICE --from N sends again.", "shared.process:relay", (name,)),
        Command("migrate", "Bring the database and the broker's topology up to date; --demonstration loads the demonstration data.", "shared.process:migrate", (name,)),
        Command("check", "Check the settings and print them with their origin; secrets are masked.", "shared.process:check", (name,)),
        Command("waiting", "List, show, send again or discard events that wait, are parked or cannot be read.", "shared.process:waiting", (name,)),
        Command("backup", "Copy the database to a file, while the service runs or not.", "shared.process:backup", (name,)),
        Command("restored", "After the database was put back from a copy: raise the epoch, so that no number is given twice.", "shared.process:restored", (name,)),
        Command("positions", "Print how far this service has numbered and seen; --compare FILE... says which services disagree.", "shared.process:positions", (name,)),
    )  # fmt: skip


def main(program: str, commands: Sequence[Command], arguments: Sequence[str]) -> int:
    """Run the command that ``arguments`` names; 2 and a list of the commands when it names none."""
    name, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    for command in commands:
        if command.name == name:
            module, _, function = command.run.partition(":")
            return int(getattr(importlib.import_module(module), function)([*command.first, *rest]) or 0)
    wanted = name in {"-h", "--help", "help"}
    out = sys.stdout if wanted else sys.stderr
    if name and not wanted:
        print(f"{program}: there is no command {name!r}", file=out)
    print(f"usage: {program} <command> [...]\n", file=out)
    width = max((len(command.name) for command in commands), default=0)
    for command in commands:
        print(f"  {command.name:<{width}}  {command.help}", file=out)
    return 0 if wanted else 2
