"""The table of what the log shows names addresses, commands and tests that are there."""

import re
from pathlib import Path

from services.audit.__main__ import COMMANDS
from services.audit.service import routes
from services.requests.service import routes as requests_routes

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/explanation/audit.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
LINES = [row for row in ROWS if row[0] not in {"what holds", "---"}]


def test_every_line_names_a_test_and_every_named_test_exists():
    assert len(LINES) > 40
    for what, _, shown in LINES:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
        assert named, what
        assert ", ".join(f"`{path}::{name}`" for path, name in named) == shown, what
        for path, name in named:
            assert re.search(rf"^\s*def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), (what, name)


def test_every_address_is_a_route_and_every_command_is_one():
    paths = {f"/audit{route.path}" for route in routes()} | {f"/requests{route.path}" for route in requests_routes()}
    commands = {each.name for each in COMMANDS}
    for what, where, _ in LINES:
        for each in re.findall(r"`([^`]+)`", where):
            if each.startswith("/"):
                assert each in paths, (what, each)
            elif each.startswith("python -m services.audit"):
                assert each.split()[3] in commands, (what, each)
            else:
                assert each.startswith(("houqin_verify.py ", "python -m benchmarks.log")), (what, each)
