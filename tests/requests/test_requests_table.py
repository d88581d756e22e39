"""The table of what requests does for each row of the domain names pages, routes and tests that exist."""

import re

import pytest

from services.requests.service import routes
from tests.browser.harness import ROOT

TEXT = (ROOT / "docs/explanation/requests.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if re.match(r"\| \d+(, \d+)* \|", line)
]
TESTS = {path.name: path for path in (ROOT / "tests").rglob("test_*.py")}
PATHS = [re.compile(re.sub(r"<[^>]+>", "[^/]+", route.path)) for route in routes()]


def named(cell, pattern):
    return [match for code in re.findall(r"`([^`]+)`", cell) for match in re.findall(pattern, code)]


def test_no_row_is_left_out():
    numbers = {int(number) for row in ROWS for number in row[0].split(", ")}
    elsewhere = {1, 6, 7, 9}  # items of the catalogue, whose work is dispatch's
    assert set(range(1, 31)) - elsewhere <= numbers
    assert all(len(row) == 5 for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1][:30]}")
def test_pages_and_routes_of_a_row_exist(row):
    found = named(row[2], r"/requests[/\w<>-]*") + named(row[3], r"/requests[/\w<>-]*")
    assert found
    for path in found:
        own = re.sub(r"<[^>]+>", "x", path.removeprefix("/requests")) or "/"
        beneath = path.endswith("/v2/")
        assert any(each.fullmatch(own) or (beneath and each.pattern.startswith(own)) for each in PATHS), path


def names_in(paths):
    return " ".join(name for path in paths for name in re.findall(r"def (test_\w+)", path.read_text("utf-8")))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1][:30]}")
def test_tests_of_a_row_exist_and_hold_what_is_named(row):
    files = named(row[4], r"test_\w+\.py")
    assert [each for each in files if each not in TESTS] == []
    words = named(row[4], r"^\w+$")
    assert files or words
    within, anywhere = names_in(TESTS[each] for each in files), names_in(TESTS.values())
    assert [each for each in words if each not in (anywhere if each.startswith("test_") else within)] == []
