"""What the page about dispatch names is there: routes, tests, settings, events."""

import re
from pathlib import Path

import pytest

from services.dispatch.service import SERVICE, routes
from shared.contracts import REGISTRY

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/explanation/dispatch.md").read_text("utf-8")
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ") and "test_" in line]
PATHS = {re.sub(r"<(?:int:)?", "<", route.path) for route in routes()}


def cells(row):
    return [each.strip() for each in row.strip("|").split("|")]


@pytest.mark.parametrize("row", ROWS, ids=[cells(each)[0][:24] for each in ROWS])
def test_routes_and_tests_of_a_row_exist(row):
    asked, _, where, tested = cells(row)
    names = re.findall(r"`((?:POST )?/[^`]*)`", where)
    for name in names:
        path = name.removeprefix("POST ")
        assert path == "/api" or path in PATHS, (asked, path)
    tests = re.findall(r"`([^`]+\.py)`", tested)
    assert tests, asked
    for name in tests:
        there = ROOT / name if name.startswith("tests/") else ROOT / "tests/dispatch" / name
        assert there.exists(), (asked, name)


def test_rows_stand_for_all_of_a_part_of_the_brief():
    for words in ("车辆调度", "分工明确", "外包", "共聘临时人员", "物业公司", "年龄较大", "裙带关系", "干好干坏", "应急管理", "智能巡检", "物联网",
                  "实时监控", "溴化锂", "物资采购", "共享", "专业公司"):  # fmt: skip
        assert any(words in row for row in ROWS), words


def test_events_and_settings_that_are_named_exist():
    for name in re.findall(r"`(dispatch\.[a-z_]+\.v\d)`", TEXT):
        assert name in REGISTRY
    known = {each.name for each in SERVICE.settings}
    for name in re.findall(r"`(DISPATCH_[A-Z_]+)`", TEXT):
        assert name in known


def test_files_that_are_named_exist():
    for name in re.findall(r"`((?:static|assignment)/[a-z_-]+\.(?:js|py))`", TEXT):
        assert (ROOT / "services/dispatch" / name).exists(), name
