"""The worked examples of docs/reference/chat.md are what the commands answer."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest

from services.requests.chat import commands

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "chat.md").read_text("utf-8")
EXAMPLES = re.findall(r"```\n\$ python -m services\.requests (.+)\n((?:[<>] .*\n)+)```", PAGE)


def test_every_command_has_an_example():
    assert {command.split()[0] for command, _ in EXAMPLES} == {"understand", "times", "converse"}


@pytest.mark.parametrize(("command", "lines"), EXAMPLES)
def test_an_example_is_what_the_command_answers(command, lines, monkeypatch):
    name, *arguments = command.split()
    given = "".join(f"{line[2:]}\n" for line in lines.splitlines() if line.startswith("<"))
    stdin, stdout = io.TextIOWrapper(io.BytesIO(given.encode())), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys, "stdout", stdout)
    assert getattr(commands, name)(arguments) == 0
    stdout.flush()
    assert stdout.buffer.getvalue().decode().splitlines() == [
        line[2:] for line in lines.splitlines() if line.startswith(">")
    ]
