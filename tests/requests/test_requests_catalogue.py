import copy
import tomllib

import pytest

from services.requests import catalogue_reading as catalogue
from services.requests import forms
from services.requests.catalogue_reading import BadCatalogue, load_catalogue, read_catalogue
from shared.errors import Invalid
from shared.language import CODES

CATALOGUE = load_catalogue()
DOCUMENT = tomllib.loads(catalogue.FILE.read_text("utf-8"))
TWELVE = {
    "security", "meeting", "canteen", "barber", "clinic", "repair", "cleaning", "vehicle", "landscaping", "residence",
    "printing", "square",
}  # fmt: skip


def a_document(**changes):
    """A catalogue of one item, with some of it replaced; a value of None takes it out."""
    found = copy.deepcopy(next(item for item in DOCUMENT["item"] if item["code"] == "repair"))
    for name, value in changes.items():
        if value is None:
            found.pop(name)
        else:
            found[name] = value
    return {"item": [found]}


def faults(document):
    with pytest.raises(BadCatalogue) as raised:
        read_catalogue(document)
    return str(raised.value)


def test_there_are_the_twelve_items_of_the_compound():
    assert {item.code for item in CATALOGUE} == TWELVE


def test_the_marks_are_those_of_the_design():
    assert "".join(item.mark.zh for item in CATALOGUE if item.code in TWELVE) == "会修洁车餐印安绿理医居场"
    assert {item.mark.en for item in CATALOGUE} == {
        "Se",
        "Me",
        "Ca",
        "Ba",
        "Md",
        "Re",
        "Cl",
        "Ve",
        "La",
        "Rs",
        "Pr",
        "Sq",
    }


def test_clinic_residence_and_security_are_restricted_and_nothing_else():
    assert {item.code for item in CATALOGUE if item.restricted} == {"clinic", "residence", "security"}


@pytest.mark.parametrize("item", CATALOGUE.items, ids=lambda item: item.code)
def test_every_item_promises_something_for_every_priority_it_takes(item):
    for priority in item.accepted:
        times = item.times(priority)
        assert times.response or times.arrival or times.finish


@pytest.mark.parametrize("item", CATALOGUE.items, ids=lambda item: item.code)
@pytest.mark.parametrize("language", CODES)
def test_a_summary_of_nothing_is_the_items_name_or_says_no_empty_place(item, language):
    line = item.summarise({}, language)
    assert line
    assert "{" not in line
    assert not line.endswith(("：", ":", "，", ","))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": None}, "code: This is missing"),
        ({"code": "Repair Shop"}, "Small letters"),
        ({"version": "4"}, "version: This is of the wrong kind"),
        ({"version": 0}, "A version is at least 1"),
        ({"name": {"zh": "设备维修"}}, "name.en: The English is missing"),
        ({"name": {"zh": "设备维修", "en": "Repairs", "fr": "x"}}, "Chinese and English, and nothing more"),
        ({"mark": {"zh": "维修了", "en": "Re"}}, "At most 2 characters"),
        ({"purpose": "fun"}, "must be one of personal, work"),
        ({"meter": "beers"}, "meter: This must be one of"),
        ({"place": "fixed"}, "needs exactly one place"),
        ({"skills": []}, "nobody could do it"),
        ({"summary": {"zh": "{nothing}", "en": "{what}"}}, "names no field"),
        ({"colour": "red"}, "colour: Nobody knows this name"),
        ({"standard": {"scope": {"zh": "甲", "en": "a"}}}, "promises no times"),
        ({"field": [{"name": "item", "type": "text", "label": {"zh": "甲", "en": "a"}}]}, "taken by the form"),
        ({"field": [{"name": "x", "type": "choice", "label": {"zh": "甲", "en": "a"}}]}, "need some"),
        ({"field": [{"name": "x", "type": "whole", "label": {"zh": "甲", "en": "a"}}]}, "least < most"),
        ({"field": [{"name": "headcount", "type": "text", "label": {"zh": "甲", "en": "a"}}]}, "must be of type whole"),
        ({"field": "none"}, "field: This is of the wrong kind"),
    ],
)
def test_what_is_wrong_in_a_catalogue_is_named_with_its_item(changes, words):
    assert words in faults(a_document(**changes))


def test_every_fault_has_its_line():
    assert len(faults(a_document(version=0, meter="beers", skills=[])).splitlines()) == 3


def test_two_items_may_not_share_a_mark():
    document = {"item": [*a_document()["item"], {**a_document()["item"][0], "code": "other"}]}
    assert "mark.zh '修' is given to two items" in faults(document)


def test_a_standard_that_arrives_before_it_answers_is_refused():
    item = a_document()["item"][0]
    item["standard"]["time"] = [{"by": 2, "response": 60, "arrival": 15}]
    assert "must not come one before the other" in faults({"item": [item]})


def test_only_reception_may_ask_for_the_residence():
    item = CATALOGUE.get("residence")
    assert item.may_ask({"staff"}, "reception") == ""
    assert item.may_ask({"staff"}, "secretariat") == "requests.ask.department"
    assert item.may_ask({"crew"}, "reception") == "requests.ask.role"


def test_the_skill_comes_from_what_is_broken():
    item = CATALOGUE.get("repair")
    assert item.skills_for({"what": "aircon"}) == ("hvac",)
    assert item.skills_for({}) == ("general",)


def test_a_form_reads_the_sites_wall_clock():
    filing = forms.from_form(CATALOGUE.get("meeting"), {
        "place": "B2-305", "subject": "处务会", "starts_at": "2026-11-26T15:00", "ends_at": "2026-11-26T16:30", "headcount": "12",
        "equipment": ["tea", "projector"], "details": "",
    })  # fmt: skip
    assert filing.starts_at.isoformat() == "2026-11-26T07:00:00+00:00"
    assert filing.answers == {"subject": "处务会", "equipment": ["tea", "projector"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("what", "unicorn"), ("details", "字" * 501), ("starts_at", "tomorrow"), ("starts_at", "99999-01-01T00:00"),
        ("contact", "123"), ("place", "../etc"), ("level", "a b"), ("priority", "9"), ("details", "x\x00y"),
        ("details", "evil\u202etxt"), ("nonsense", "1"), ("headcount", "5"),
    ],
)  # fmt: skip
def test_a_form_refuses_what_its_item_does_not_ask(field, value):
    with pytest.raises(Invalid) as raised:
        forms.from_form(CATALOGUE.get("repair"), {"what": "aircon", "place": "B2-302", field: value})
    assert list(raised.value.fields) == [field]
