"""The table of docs/explanation/security.md has every line, and each test it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/explanation/security.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| ([A-Z]\d) \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE))
# D5, M2 and M3 are not built; the page says so.
LINES = [
    f"{letter}{n}"
    for letter, last in (
        ("A", 9),
        ("B", 9),
        ("C", 8),
        ("D", 4),
        ("E", 6),
        ("F", 8),
        ("G", 4),
        ("H", 5),
        ("J", 4),
        ("K", 3),
        ("L", 8),
        ("M", 1),
    )
    for n in range(1, last + 1)
]


def test_every_line_has_a_row():
    assert list(ROWS) == LINES


def test_every_test_it_names_exists():
    for line, shown in ROWS.items():
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown)
        assert " ".join(f"`{path}::{name}`" for path, name in named) == shown.strip(), line
        for path, name in named:
            assert re.search(rf"^\s*def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), (line, name)
