"""Dispatch's copy of the catalogue says what the catalogue says."""

import tomllib
from pathlib import Path

import pytest

import services
from services.dispatch.standards import FILE

CATALOGUE = tomllib.loads((Path(services.__file__).parent / "requests/data/catalogue.toml").read_text("utf-8"))["item"]
OWN = {each["code"]: each for each in tomllib.loads(FILE.read_text("utf-8"))["item"]}


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item["code"])
def test_names_marks_skills_meters_and_times_are_those_of_the_catalogue(item):
    own = OWN[item["code"]]
    assert own["name"] == item["name"]
    assert own["mark"] == item["mark"]
    assert own["skills"] == item["skills"]
    assert own["usage"]["meter"] == item["meter"]
    assert own["time"] == item["standard"]["time"]
    levels = {each["code"]: each["time"] for each in own.get("level", [])}
    assert levels == {each["code"]: each["standard"]["time"] for each in item.get("level", []) if "standard" in each}
    assert own.get("checklist", []) == item["standard"].get("checklist", [])


def test_no_item_is_left_over():
    assert set(OWN) == {item["code"] for item in CATALOGUE}
