"""Open311 GeoReport v2, field by field as https://wiki.open311.org/GeoReport_v2 has it, and what it keeps to itself."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta

import pytest
from werkzeug.test import Client

from services.requests import service
from services.requests.open311 import xml
from services.requests.open311.points import nearest, points, reach
from shared.clock import from_text
from tests.requests.conftest import NOON, REPAIR, Program, an_app, person, said, token_of

V2 = "/requests/open311/v2"
REQUEST = ["service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address", "address_id", "zipcode", "lat", "long", "media_url"]  # fmt: skip
SQUARE = {
    "item": "square",
    "place": "square",
    "priority": 3,
    "answers": {"what": "light", "details": "电话 13800001234，灯不亮"},
}
REPORT = {
    "service_code": "square",
    "lat": "30.0004",
    "long": "120.0001",
    "attribute[what]": "fountain",
    "description": "喷泉不喷了 <&>",
}


@pytest.fixture
def place(quick):
    """The interface as strangers reach it, and a key of hanbing."""
    quick.settings = quick.settings.with_(HOUQIN_SITE_NAME="市机关大院")
    return quick, Client(an_app(quick)), token_of(quick)


def rows(answer, each="request"):
    """The rows of an XML answer as dictionaries; what stands in them is text."""
    assert answer.content_type == "text/xml; charset=utf-8"
    assert answer.data.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    return [{field.tag: field.text or "" for field in row} for row in ET.fromstring(answer.data).iter(each)]


def both(client, path, **query):
    """The XML rows and the JSON of the same address; they say the same."""
    as_xml, as_json = (
        client.get(f"{V2}/{path}.{kind}", query_string=query, headers={"Accept-Language": "en"})
        for kind in ("xml", "json")
    )
    assert (as_xml.status_code, as_json.status_code) == (200, 200), as_xml.text
    assert as_json.content_type == "application/json; charset=utf-8"
    return as_xml, as_json.json


def report(client, key="", kind="json", **changes):
    body = {**REPORT, **({"api_key": key} if key else {}), **changes}
    return client.post(f"{V2}/requests.{kind}", data={name: value for name, value in body.items() if value is not None})


# ---- what is there


def test_discovery_names_the_interface_and_its_formats(place):
    _, client, _ = place
    for path in ("/requests/open311/discovery", f"{V2}/discovery"):
        tree = ET.fromstring(client.get(f"{path}.xml").data)
        assert [each.tag for each in tree] == ["changeset", "contact", "key_service", "endpoints"]
        endpoint = tree.find("endpoints/endpoint")
        assert [each.tag for each in endpoint] == ["specification", "url", "changeset", "type", "formats"]
        assert endpoint.findtext("specification") == "http://wiki.open311.org/GeoReport_v2"
        assert endpoint.findtext("url") == "http://127.0.0.1:8000/requests/open311/v2"
        assert [each.text for each in endpoint.find("formats")] == ["text/xml", "application/json"]
    found = client.get(f"{V2}/discovery.json").json
    assert found["endpoints"][0]["formats"] == ["text/xml", "application/json"]
    assert found["endpoints"][0]["type"] == "test"


def test_only_public_items_are_services(place):
    _, client, _ = place
    as_xml, as_json = both(client, "services")
    found = rows(as_xml, "service")
    assert [each["service_code"] for each in found] == ["square"]
    assert list(found[0]) == ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]
    assert (found[0]["metadata"], found[0]["type"], as_json[0]["metadata"]) == ("true", "realtime", True)
    assert as_json[0]["service_name"] == "People’s Square"
    assert client.get(f"{V2}/services/repair.xml").status_code == 404


def test_a_definition_asks_for_the_items_own_fields(place):
    _, client, _ = place
    as_xml, as_json = both(client, "services/square")
    tree = ET.fromstring(as_xml.data)
    assert [each.tag for each in tree] == ["service_code", "attributes"]
    first = tree.find("attributes/attribute")
    assert [each.tag for each in first] == [
        "variable",
        "code",
        "datatype",
        "required",
        "datatype_description",
        "order",
        "description",
        "values",
    ]
    assert (first.findtext("code"), first.findtext("datatype"), first.findtext("required")) == (
        "what",
        "singlevaluelist",
        "true",
    )
    assert [each.tag for each in first.find("values/value")] == ["key", "name"]
    attributes = as_json["attributes"]
    assert [each["order"] for each in attributes] == list(range(1, len(attributes) + 1))
    assert {each["datatype"] for each in attributes} <= {
        "string",
        "number",
        "datetime",
        "text",
        "singlevaluelist",
        "multivaluelist",
    }
    assert {"key": "fountain", "name": "Fountain"} in attributes[0]["values"]
    assert "details" not in {each["code"] for each in attributes}


# ---- reporting


def test_a_report_is_a_request_of_the_keys_owner_with_its_id_at_once(place):
    running, client, key = place
    answer = report(client, key, "xml", account_id="17", phone="138 0000 1234", first_name="Li", email="li@example.com")
    assert answer.status_code == 201, answer.text
    (row,) = rows(answer)
    assert list(row) == ["service_request_id", "service_notice", "account_id"]
    assert answer.headers["Location"] == f"http://127.0.0.1:8000{V2}/requests/{row['service_request_id']}.xml"
    (event,) = said(running, "requests.request_filed")
    data = event["data"]
    assert (data["reference"], data["item"], data["place"], data["channel"]) == (
        row["service_request_id"],
        "square",
        "square-fountain",
        "open311",
    )
    assert data["contact"] == "13800001234"
    assert (data["requester"], event["actor"]) == (person().account, f"account:{person().account}")
    assert "li@example.com" not in json.dumps(event)
    one = both(client, f"requests/{row['service_request_id']}")[1][0]
    assert one["description"] == "Fountain\n喷泉不喷了 <&>"


@pytest.mark.parametrize("kind", ["xml", "json"])
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"api_key": None}, 403),
        ({"api_key": "hq_wrong"}, 403),
        ({"api_key": "x" * 5000}, 403),
        ({"service_code": None}, 400),
        ({"service_code": "repair"}, 404),
        ({"service_code": "nothing"}, 404),
        ({"lat": "31.0"}, 400),
        ({"lat": None}, 400),
        ({"lat": "north"}, 400),
        ({"lat": "91"}, 400),
        ({"lat": "1e5"}, 400),
        ({"lat": "nan"}, 400),
        ({"lat": None, "long": None}, 400),
        ({"lat": None, "long": None, "address_id": "B2-302"}, 400),
        ({"lat": None, "long": None, "address_string": "月球"}, 400),
        ({"attribute[what]": None}, 400),
        ({"attribute[what]": "nonsense"}, 400),
        ({"attribute[price]": "1"}, 400),
        ({"attribute[starts_at]": "yesterday"}, 400),
        ({"description": "x" * 5000}, 400),
        ({"description": "a\x00b"}, 400),
        ({"description": "\u202eabc"}, 400),
        ({"description": "x" * 300_000}, 400),
        ({"jurisdiction_id": "other.example"}, 404),
    ],
)
def test_what_is_wrong_is_said_as_the_specification_has_it(place, kind, changes, status):
    running, _, key = place
    running.settings = running.settings.with_(REQUESTS_OPEN311_JURISDICTION="office.example")
    client = Client(an_app(running))
    answer = report(client, kind=kind, **{"api_key": key, "jurisdiction_id": "office.example", **changes})
    assert answer.status_code == status, answer.text
    if kind == "xml":
        assert ET.fromstring(answer.data).tag == "errors"
        found = rows(answer, "error")
    else:
        found = answer.json
    assert found
    assert all(
        list(each) == ["code", "description"] and each["description"] and int(each["code"]) == status for each in found
    )
    assert said(running, "requests.request_filed") == []


def test_a_key_must_be_one_that_may_write_here_and_never_stands_in_an_address(place):
    running, client, key = place
    assert report(client, token_of(running, verbs=("read",))).status_code == 403
    assert report(client, token_of(running, services=("audit",))).status_code == 403
    in_address = client.post(f"{V2}/requests.xml?api_key={key}", data=REPORT)
    assert in_address.status_code == 400
    assert rows(in_address, "error")[0]["code"] == "400"
    with running.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE account SET enabled = FALSE WHERE id = '{person().account}'")
    assert report(client, key).status_code == 403


def test_without_a_key_only_where_it_is_allowed_and_not_often(place):
    running, _, _ = place
    running.settings = running.settings.with_(REQUESTS_OPEN311_ACCOUNT="hejing", REQUESTS_OPEN311_PER_MINUTE=2)
    client = Client(an_app(running))
    assert [report(client).status_code for _ in range(3)] == [201, 201, 429]
    last = report(client, kind="xml")
    assert rows(last, "error")[0]["code"] == "429"
    assert int(last.headers["Retry-After"]) > 0
    assert {event["actor"] for event in said(running, "requests.request_filed")} == {
        f"account:{person('hejing').account}"
    }


def test_a_report_that_is_no_form_is_refused(place):
    _, client, key = place
    for body in (
        {"json": REPORT},
        {"data": b"<x/>", "content_type": "text/xml"},
        {"data": b"", "content_type": "text/plain"},
    ):
        answer = client.post(f"{V2}/requests.xml", **body)
        assert answer.status_code == 400
        assert rows(answer, "error")
    twice = client.post(f"{V2}/requests.xml", data={**REPORT, "api_key": key, "description": ["a", "b"]})
    assert twice.status_code == 400


def test_the_same_idempotency_key_reports_once(place):
    running, client, key = place
    first, second = (
        client.post(f"{V2}/requests.json", data={**REPORT, "api_key": key}, headers={"Idempotency-Key": "a"})
        for _ in range(2)
    )
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert len(said(running, "requests.request_filed")) == 1


@pytest.mark.parametrize(
    ("given", "place_code"),
    [
        ({"address_id": "square-stage"}, "square-stage"),
        ({"address_string": "喷泉"}, "square-fountain"),
        ({"address_string": "stage"}, "square-stage"),
    ],
)
def test_a_place_may_be_named_otherwise(place, given, place_code):
    running, client, key = place
    assert report(client, key, **{"lat": None, "long": None, **given}).status_code == 201
    assert said(running, "requests.request_filed")[0]["data"]["place"] == place_code


def test_a_coordinate_means_the_nearest_place_within_reach():
    assert nearest(30.0005, 120.0, points()) == "square-fountain"
    assert nearest(30.0, 120.0, points()) == "square"
    assert nearest(30.0 + (reach() + 60) / 111_320, 120.0, points()) == ""
    assert nearest(-90, 180, points()) == ""
    assert nearest(30.0, 120.0, ["B2"]) == ""


# ---- following


def test_the_list_has_every_field_of_the_specification_and_tells_no_more_than_it_may(place):
    running, client, key = place
    program = Program(running, an_app(running))
    program.post("/requests/api/requests", SQUARE)
    program.post("/requests/api/requests", REPAIR)
    report(client, key)
    as_xml, as_json = both(client, "requests")
    found = rows(as_xml)
    assert [list(each) for each in found] == [REQUEST, REQUEST]
    assert [list(each) for each in as_json] == [REQUEST, REQUEST]
    reported, inside = found
    assert (reported["status"], reported["service_code"], reported["address_id"]) == (
        "open",
        "square",
        "square-fountain",
    )
    assert (reported["lat"], reported["long"]) == ("30.0004", "120.0")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reported["requested_datetime"])
    assert as_json[0]["media_url"] is None
    assert as_json[0]["agency_responsible"] == "市机关大院"
    # What staff wrote is not the public's, nor who they are.
    assert inside["description"] == "Lights, power"
    for secret in ("13800001234", "韩冰", "Han Bing", person().account, "302"):
        assert secret not in as_xml.text


def test_a_request_that_has_ended_is_closed_with_its_date(place):
    running, client, key = place
    reference = report(client, key).json[0]["service_request_id"]
    running.clock.set(NOON + timedelta(hours=1))
    program = Program(running, an_app(running))
    assert program.post(f"/requests/api/requests/{reference}/withdraw").status_code == 204
    one = both(client, f"requests/{reference}")[1][0]
    assert (one["status"], one["updated_datetime"]) == ("closed", "2026-11-25T05:00:00Z")
    assert both(client, "requests", status="open")[1] == []
    assert len(both(client, "requests", status="open,closed")[1]) == 1
    assert client.get(f"{V2}/requests.xml?status=lost").status_code == 400


def test_dates_span_ninety_days_at_most_and_by_default(place):
    running, client, key = place
    reference = report(client, key).json[0]["service_request_id"]
    running.clock.set(NOON + timedelta(days=89))
    assert len(both(client, "requests")[1]) == 1
    running.clock.set(NOON + timedelta(days=91))
    assert both(client, "requests")[1] == []
    assert len(both(client, "requests", start_date="2026-11-25T04:00:00Z")[1]) == 1
    assert len(both(client, "requests", end_date="2026-11-25T12:00:00+08:00")[1]) == 1
    assert both(client, "requests", end_date="2026-11-25T03:59:59Z")[1] == []
    unescaped = client.get(f"{V2}/requests.json?start_date=2026-11-25T12:00:00+08:00")
    assert len(unescaped.json) == 1
    for wrong in ("start_date=2026-01-01T00:00:00Z&end_date=2026-12-01T00:00:00Z", "start_date=2026-11-25", "start_date=2026-11-25T00:00:00", "end_date=x", "start_date=9999-12-31T23:59:59-14:00",
                  "start_date=2026-12-01T00:00:00Z&end_date=2026-11-01T00:00:00Z", "start_date=0001-01-01T00:00:00%2B14:00", "page_size=0", "page_size=1001", "page_size=x", "cursor=forged"):  # fmt: skip
        answer = client.get(f"{V2}/requests.xml?{wrong}")
        assert answer.status_code == 400, wrong
        assert rows(answer, "error")
    # An id overrides all other arguments.
    assert len(both(client, "requests", service_request_id=reference, start_date="nonsense")[1]) == 1


def test_several_ids_and_services_by_comma(place):
    running, client, key = place
    references = [report(client, key).json[0]["service_request_id"] for _ in range(3)]
    program = Program(running, an_app(running))
    hidden = program.post("/requests/api/requests", REPAIR).json["reference"]
    found = both(client, "requests", service_request_id=f"{references[0]}, {references[2]},{hidden},nonsense")[1]
    assert {each["service_request_id"] for each in found} == {references[0], references[2]}
    assert len(both(client, "requests", service_code="square,other")[1]) == 3
    assert both(client, "requests", service_code="repair")[1] == []
    assert client.get(f"{V2}/requests.xml", query_string={"service_request_id": "x," * 101}).status_code == 400
    assert client.get(f"{V2}/requests/{hidden}.xml").status_code == 404
    assert (
        client.get(f"{V2}/requests/2026-1125-999.xml").data.replace(b"2026-1125-999", b"")
        == client.get(f"{V2}/requests/{hidden}.xml").data
    )


def test_more_than_a_page_is_read_on_by_the_link(place):
    _, client, key = place
    references = [report(client, key).json[0]["service_request_id"] for _ in range(5)]
    seen, address = [], f"{V2}/requests.json?page_size=2&status=open"
    while address:
        answer = client.get(address)
        seen += [each["service_request_id"] for each in answer.json]
        link = re.fullmatch(r'<http://127\.0\.0\.1:8000(\S+)>; rel="next"', answer.headers.get("Link", ""))
        address = link[1] if link else ""
    assert seen == references[::-1]


def test_a_token_leads_to_its_request(place):
    running, client, key = place
    reference = report(client, key).json[0]["service_request_id"]
    token = said(running, "requests.request_filed")[0]["data"]["request_id"]
    as_xml, _ = both(client, f"tokens/{token}")
    assert rows(as_xml) == [{"service_request_id": reference, "token": token}]
    program = Program(running, an_app(running))
    hidden = program.post("/requests/api/requests", REPAIR).json["id"]
    for wrong in (hidden, "nothing"):
        assert client.get(f"{V2}/tokens/{wrong}.json").status_code == 404


def test_an_item_that_is_public_no_more_is_gone_with_its_requests(place, monkeypatch):
    running, client, key = place
    reference = report(client, key).json[0]["service_request_id"]
    desk = service.desk_of(running)
    assert [item.code for item in desk.catalogue if item.public] == ["square"]
    with running.database.read() as connection:
        from services.requests.open311 import store

        assert store.named(connection, [], [reference]) == []
        begin = from_text("2026-11-01T00:00:00Z")
        assert store.listed(connection, [], begin, NOON, ["filed"]) == []


def test_it_can_be_switched_off(place):
    running, _, key = place
    running.settings = running.settings.with_(REQUESTS_OPEN311=False)
    client = Client(an_app(running))
    for path in ("discovery", "services", "requests", "tokens/x"):
        assert client.get(f"{V2}/{path}.xml").status_code == 404
    assert report(client, key).status_code == 404


def test_the_jurisdiction_may_be_left_out_but_not_be_another(place):
    running, _, _ = place
    running.settings = running.settings.with_(REQUESTS_OPEN311_JURISDICTION="office.example")
    client = Client(an_app(running))
    assert client.get(f"{V2}/services.xml").status_code == 200
    assert client.get(f"{V2}/services.xml?jurisdiction_id=").status_code == 200
    assert client.get(f"{V2}/services.xml?jurisdiction_id=office.example").status_code == 200
    wrong = client.get(f"{V2}/services.xml?jurisdiction_id=sfgov.org")
    assert wrong.status_code == 404
    assert "jurisdiction_id" in rows(wrong, "error")[0]["description"]


# ---- XML


@pytest.mark.parametrize(
    "text",
    ["<&>\"'", "]]>", "a\x00b\x0b\x1f\ufffe", "\ud800", "\r\n\t", "😀 中文", "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;"],
)
def test_any_text_is_one_text_of_a_well_formed_document(text):
    found = ET.fromstring(xml.document("a", {"b": text, "c": [("d", text), ("d", 1.5)], "e": None, "f": True}))
    kept = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    assert found.findtext("b") == kept
    assert found.findtext("c/d") == kept
    assert (found.find("e").text, found.findtext("f")) == (None, "true")


def test_times_of_the_list_are_instants(place):
    _, client, key = place
    report(client, key)
    (row,) = both(client, "requests")[1]
    assert datetime.fromisoformat(row["requested_datetime"]) == NOON
