"""The table of failures names a test for each fault, and each named test exists."""

import re
from pathlib import Path

from shared.faults import POINTS

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/explanation/failures.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (F\d+) \|.*\| ([^|]+) \|$", TABLE, re.MULTILINE))
LEFT_OUT = {"F30", "F32"}


def test_every_fault_of_the_catalogue_has_a_row():
    assert sorted(ROWS, key=lambda name: int(name[1:])) == [f"F{number}" for number in range(1, 65)]


def test_every_named_test_exists_and_only_two_faults_are_left_out_with_a_reason():
    for fault, shown in ROWS.items():
        if fault in LEFT_OUT:
            assert re.fullmatch(r"left out: .{20,}", shown), fault
            continue
        path, name = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", shown).groups()
        assert re.search(rf"^\s*def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), shown


def test_every_fault_point_is_passed_somewhere_in_the_code():
    code = "".join(
        path.read_text("utf-8") for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py")
    )
    for point in POINTS:
        assert f'fault("{point}")' in code, point
