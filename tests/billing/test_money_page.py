"""The page that says where each thing is done names pages, calls and tests that exist."""

import re
from pathlib import Path

import pytest

from services.billing.service import routes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "money.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| #", "| ---"))]
PLACE = re.compile(r"<[^>]*>")


def known(kind=None):
    return {PLACE.sub("<>", route.path) for route in routes() if kind is None or route.method == kind}


def cells(row):
    return [cell.strip() for cell in row.strip("|").split(" | ")]


@pytest.mark.parametrize("row", ROWS)
def test_each_row_names_what_exists(row):
    number, _, page, calls, tests = cells(row)
    paths = re.findall(r"`(/[^`]*)`", page)
    for path in paths:
        plain = PLACE.sub("<>", path).removesuffix("/") or "/"
        assert {plain, f"{plain}/"} & known("GET"), path
    for method, path in re.findall(r"`(GET|POST) (/[^`]*)`", calls):
        plain = PLACE.sub("<>", path)
        assert plain in known(method) | {each.removeprefix("/api") for each in known(method)}, path
    for ending in re.findall(r"`\.\.\.(/[^`]*)`", calls):
        end = PLACE.sub("<>", ending)
        assert any(each.endswith((end, "<do>")) for each in known()), ending
    named = re.findall(r"`((?:tests/)?[a-z_/]*test_[a-z_]+\.py)`", tests)
    assert named or tests == "the same", row
    for name in named:
        folder = ROOT if name.startswith("tests/") else ROOT / "tests" / "billing"
        assert (folder / name).is_file(), name
    assert number == "–" or re.fullmatch(r"\d+(–\d+)?", number)
