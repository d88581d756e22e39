import json
from datetime import timedelta

import pytest

from services.requests import api, model, store
from services.requests.catalogue import PARTS
from services.requests.catalogue_reading import load_catalogue
from shared.clock import to_text
from tests.requests.conftest import COMPOUND, NOON, REPAIR, Browser, Dispatch, Program, person, said
from tests.requests.test_requests_following import a_day

PATH = "/requests/api/requests"
CATALOGUE = load_catalogue()


@pytest.fixture
def program(quick, quick_app):
    return Program(quick, quick_app)


@pytest.fixture(scope="module")
def reader(house, house_app):
    """A program in the house that all share."""
    return Program(house, house_app)


@pytest.fixture(scope="module")
def receptionist(house, house_app):
    return Program(house, house_app, next(each.user for each in COMPOUND.people if each.department == "reception"))


def a_filed(program, **changes):
    answer = program.post(PATH, {**REPAIR, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_request_is_filed_read_and_listed(running, app):
    program = Program(running, app)
    answer = program.post(PATH, {**REPAIR, "starts_at": "2026-11-26T01:00:00Z", "contact": "138 0001 0001"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PATH}/{answer.json['reference']}"
    found = program.get(answer.headers["Location"]).json
    assert found["reference"] == "2026-1125-001"
    assert found["state"] == "filed"
    assert found["contact"] == "13800010001"
    assert found["answers"] == REPAIR["answers"]
    assert found["may"] == ["amend", "urge", "withdraw"]
    assert [each["what"] for each in found["timeline"]] == ["filed"]
    listed = program.get(PATH).json
    assert [each["reference"] for each in listed["items"]] == ["2026-1125-001"]
    assert program.get(f"{PATH}/1125-001").json["id"] == found["id"]


def a_value(each):
    """Something that a required question of the catalogue takes, in JSON."""
    if each["type"] == "choice":
        return each["options"][0]["code"]
    if each["type"] == "whole":
        return max(each["least"], 2)
    if each["type"] == "moment":
        return to_text(NOON + timedelta(hours=3 if each["name"] == "starts_at" else 5))
    return "处务会"


@pytest.mark.parametrize("item", [item.code for item in CATALOGUE])
def test_every_item_can_be_filed_with_what_its_form_asks(receptionist, item):
    found = receptionist.get(f"/requests/api/catalogue/{item}").json
    body = {"item": item, "answers": {}}
    if found["place"] != "fixed":
        body["place"] = {"meeting": "B2-305", "square": "square-fountain"}.get(item, "B2-302")
    for each in found["fields"]:
        if each["required"]:
            (body if each["name"] in PARTS else body["answers"])[each["name"]] = a_value(each)
    answer = receptionist.post(PATH, body)
    assert answer.status_code == 201, answer.text


def test_a_list_goes_on_from_its_cursor_without_gap_or_double(program):
    references = [a_filed(program)["reference"] for _ in range(7)]
    seen, cursor = [], ""
    while True:
        answer = program.get(f"{PATH}?limit=3&cursor={cursor}").json
        seen += [each["reference"] for each in answer["items"]]
        cursor = answer["next"]
        if not cursor:
            break
    assert seen == references[::-1]


def test_a_cursor_of_ones_own_making_is_refused(reader):
    assert reader.get(f"{PATH}?cursor=abcdef").status_code == 400
    assert reader.get(f"{PATH}?cursor=%00").status_code in {400, 422}


def test_a_list_shows_only_the_states_and_the_item_asked_for(program):
    first = a_filed(program)
    a_filed(program, item="cleaning", priority=3, answers={"what": "floor"})
    program.post(f"{PATH}/{first['reference']}/withdraw")
    assert [each["item"] for each in program.get(f"{PATH}?state=filed,assigned").json["items"]] == ["cleaning"]
    assert [each["state"] for each in program.get(f"{PATH}?item=repair").json["items"]] == ["withdrawn"]
    assert program.get(f"{PATH}?state=lost").status_code == 422


def test_acts_of_the_requester_by_api(quick, quick_app, program):
    filed = a_filed(program)
    path = f"{PATH}/{filed['reference']}"
    assert program.post(f"{path}/urge").status_code == 204
    assert program.post(f"{path}/urge").status_code == 409
    assert program.post(f"{path}/confirm").status_code == 409
    with quick.database.read() as connection:
        request = store.request_by_id(connection, filed["id"])
    dispatch = Dispatch(quick)
    for sequence, event in enumerate(a_day(request), 1):
        dispatch.say(event, sequence)
    assert program.post(f"{path}/withdraw").status_code == 409
    assert program.post(f"{path}/confirm", {"stars": 9}).status_code == 422
    assert program.post(f"{path}/confirm", {"tags": ["nonsense"]}).status_code == 422
    assert program.post(f"{path}/confirm", {"stars": 4, "tags": ["polite"], "words": "好"}).status_code == 204
    assert program.post(f"{path}/reopen", {"words": "又坏了"}).status_code == 204
    found = program.get(path).json
    assert (found["state"], found["round"], found["stars"]) == ("reopened", 2, 0)


def test_an_act_repeated_under_its_key_gets_the_first_answer(program, quick):
    filed = a_filed(program)
    path = f"{PATH}/{filed['reference']}/withdraw"
    answers = [program.post(path, {"reason": "mistake"}, **{"Idempotency-Key": "w"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204] * 3
    assert len(said(quick, "requests.request_withdrawn")) == 1


def test_what_others_asked_for_is_absent_on_every_way(quick, quick_app, program):
    filed = a_filed(program)
    foreign = Program(quick, quick_app, "sunli")
    absent = foreign.get(f"{PATH}/2026-1125-999")
    for method, path, body in (
        ("GET", f"{PATH}/{filed['reference']}", None), ("POST", f"{PATH}/{filed['reference']}/withdraw", {}),
        ("POST", f"{PATH}/{filed['reference']}/confirm", {}), ("POST", f"{PATH}/{filed['reference']}/reopen", {}),
        ("POST", f"{PATH}/{filed['reference']}/urge", {}),
    ):  # fmt: skip
        answer = foreign.open(method, path, body)
        other = foreign.open(method, path.replace(filed["reference"], "2026-1125-999"), body)
        assert answer.status_code == other.status_code == 404
        assert {name: value for name, value in answer.json.items() if name not in {"instance", "correlation_id"}} == {
            name: value for name, value in absent.json.items() if name not in {"instance", "correlation_id"}
        }
    assert foreign.get(PATH).json["items"] == []


def test_a_dispatcher_sees_the_house_but_nothing_restricted_and_no_full_mobile(quick, quick_app, program):
    a_filed(program, contact="13800010001")
    a_filed(program, item="clinic", place="", priority=3, answers={"what": "advice", "details": "杏"})
    dispatcher = Program(quick, quick_app, "hejing")
    listed = dispatcher.get(PATH)
    assert [each["item"] for each in listed.json["items"]] == ["repair"]
    assert listed.json["items"][0]["contact"] == "138****0001"
    assert listed.json["items"][0]["may"] == []
    assert "杏" not in listed.text
    assert dispatcher.get(f"{PATH}/2026-1125-002").status_code == 404
    assert dispatcher.post(f"{PATH}/2026-1125-001/withdraw").status_code == 404
    assert dispatcher.get(f"{PATH}?mine=true").json["items"] == []


def test_an_upper_supervisor_sees_what_lies_below(quick, quick_app, program):
    a_filed(program)
    assert len(Program(quick, quick_app, "chenguang").get(PATH).json["items"]) == 1


@pytest.mark.parametrize("user", ["wangjianguo", "lina"])
def test_crews_and_suppliers_have_no_way_to_requests(quick, quick_app, user):
    program = Program(quick, quick_app, user)
    assert program.get(PATH).status_code == 403
    assert program.post(PATH, REPAIR).status_code == 403


LONG = "长" * 501
BODIES = [
    ("not json", b"{", 400), ("nothing", b"", 400), ("a list", b"[]", 422), ("a number", b"7", 422), ("NaN", b'{"item":NaN}', 400),
    ("twice", b'{"item":"repair","item":"square"}', 400), ("deep", b'{"answers":' + b"[" * 40 + b"]" * 40 + b"}", 400),
    ("latin", '{"item":"é"}'.encode("latin-1"), 400), ("surrogate", b'{"item":"\\ud800"}', 400), ("digits", b'{"priority":' + b"9" * 5000 + b"}", 400),
]  # fmt: skip
FIELDS = [
    ("item", 7), ("item", None), ("item", "unicorn"), ("item", "x" * 65), ("place", "B9-1"), ("place", ["B2-302"]), ("place", ""),
    ("level", "gold"), ("priority", 0), ("priority", "2x"), ("priority", 1.5), ("priority", True), ("starts_at", "tomorrow"),
    ("starts_at", "2026-11-26T10:00:00"), ("starts_at", "2020-01-01T00:00:00Z"), ("starts_at", "2029-01-01T00:00:00Z"),
    ("ends_at", "2026-11-26T10:00:00Z"), ("headcount", -1), ("headcount", 5), ("quantity", "many"), ("contact", "12345"), ("contact", "8302\x00"),
    ("answers", []), ("answers", {}), ("answers", {"what": "unicorn"}), ("answers", {"what": 5}), ("answers", {"what": "aircon", "price": 1}),
    ("answers", {"what": "aircon", "details": LONG}), ("answers", {"what": "aircon", "details": "a\x00b"}),
    ("answers", {"what": "aircon", "details": "\u202egnp.exe"}), ("answers", {"what": "aircon", "details": {"a": 1}}), ("answers", {"what": ["aircon"]}),
    ("state", "closed"), ("requester", "somebody"), ("reference", "2026-1125-001"), ("filed_at", "2020-01-01T00:00:00Z"), ("version", 9),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "status"), BODIES, ids=[row[0] for row in BODIES])
def test_a_body_that_cannot_be_read_is_refused_and_nothing_kept(house, reader, name, body, status):
    before = len(said(house))
    answer = reader.client.post(PATH, data=body, headers={**reader.headers, "Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    assert len(said(house)) == before


@pytest.mark.parametrize(("name", "value"), FIELDS, ids=[f"{name}-{str(value)[:24]}" for name, value in FIELDS])
def test_a_wrong_field_is_named_and_nothing_kept(house, reader, name, value):
    before = len(said(house))
    answer = reader.post(PATH, {**REPAIR, name: value})
    assert answer.status_code == 422, answer.text
    assert any(key == name or key.startswith(f"{name}.") for key in answer.json["errors"]), answer.json["errors"]
    assert len(said(house)) == before


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "时间已经过了"), ("en", "This time has passed")])
def test_errors_come_in_the_readers_language(reader, language, words):
    answer = reader.post(PATH, {**REPAIR, "starts_at": "2020-01-01T00:00:00Z"}, **{"Accept-Language": language})
    assert answer.json["errors"]["starts_at"] == [words]


def test_a_body_of_ten_megabytes_is_refused_before_it_is_read(reader):
    answer = reader.client.post(
        PATH, data=b"x" * 10_000_000, headers={**reader.headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == 413


def test_plain_text_is_no_json(reader):
    answer = reader.client.post(PATH, data=json.dumps(REPAIR), headers={**reader.headers, "Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_nobody_gets_in_without_a_pass_or_with_a_forged_one(house_app):
    client = Browser(house_app).client
    assert client.get(PATH).status_code == 401
    for forged in ("x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "hq_" + "a" * 32):
        assert client.get(PATH, headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    assert client.get(PATH, headers={"Authorization": "Basic aGFuYmluZzp4"}).status_code == 401


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2-302", "B2-302"), ("302", "B2-302"), ("2号楼302", "B2-302"), ("B2-302", "B2-302"), ("2号楼3层茶水间", "B2-3-tea"),
        ("会议中心 101", "B4-101"), ("people’s square", "square"), ("rmgc", "square"), ("east gate", "gate-east"), ("东门", "gate-east"),
    ],
)  # fmt: skip
def test_a_place_is_found_as_people_say_it(reader, text, code):
    found = reader.client.get(
        "/requests/api/places", query_string={"q": text, "limit": 5}, headers=reader.headers
    ).json["items"]
    assert code in [place["code"] for place in found]


def test_the_compound_has_its_rooms():
    places = COMPOUND.places
    assert sum(place.kind == "office" for place in places) == 468
    assert sum(place.kind == "meeting" for place in places) == 34
    assert all(place.capacity > 0 and place.equipment for place in places if place.kind == "meeting")
    assert len({place.code for place in places}) == len(places)
    assert {person_.office for person_ in COMPOUND.people} - {""} <= {place.code for place in places}


def test_only_places_that_fit_the_item_are_offered(reader):
    found = reader.get("/requests/api/places/pick/meeting?q=305").json["items"]
    assert [each["id"] for each in found] == ["B2-305"]
    assert "16" in found[0]["note"]


def test_the_catalogue_says_what_the_person_may_ask_for(reader):
    items = {item["code"]: item["may_ask"] for item in reader.get("/requests/api/catalogue").json["items"]}
    assert items["repair"] is True
    assert items["residence"] is False
    assert reader.get("/requests/api/catalogue/unicorn").status_code == 404


def test_the_openapi_document_names_every_api_route(reader):
    document = reader.get("/requests/api/openapi.json").json
    assert document["openapi"].startswith("3.1")
    paths = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert {
        ("/requests" + route.path.replace("<", "{").replace(">", "}"), route.method) for route in api.ROUTES
    } <= paths


def test_the_requester_is_who_holds_the_pass(quick, program):
    a_filed(program)
    [envelope] = said(quick, "requests.request_filed")
    assert envelope["data"]["requester"] == person().account
    assert envelope["actor"] == f"account:{person().account}"
    assert model.ACTS.keys() >= {"filed"}
