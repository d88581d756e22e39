"""The catalogue is edited, looked at, published for an instant to come; a request keeps the version it was filed under."""

import json
import re
from dataclasses import fields
from datetime import timedelta

import pytest
from sqlalchemy import event as sql_event
from werkzeug.datastructures import MultiDict
from werkzeug.test import Client

from services.requests import catalogue_forms, catalogue_store
from services.requests.catalogue_reading import body_of, load_catalogue, read_item
from services.requests.chat import conversation
from services.requests.handlers import cataloguing, filing
from services.requests.model import Filing
from services.requests.service import desk_of, keep_catalogue
from shared.errors import Invalid, Stale
from tests.requests.conftest import NOON, REPAIR, Browser, Program, an_app, person, said, token_of

ADMIN = person("admin").account
NEW = {
    "code": "flowers", "name": {"zh": "鲜花租摆", "en": "Flowers"}, "mark": {"zh": "花", "en": "Fl"},
    "pledge": {"zh": "当天送到", "en": "Delivered today"}, "purpose": "work", "place": "required", "meter": "hours",
    "skills": ["landscaping"], "summary": {"zh": "{quantity}盆", "en": "{quantity} pots"},
    "standard": {"scope": {"zh": "会场鲜花。", "en": "Flowers for meetings."}, "time": [{"by": 3, "response": 30}]},
    "field": [{"name": "quantity", "type": "whole", "label": {"zh": "几盆", "en": "How many"}, "least": 1, "most": 50, "required": True}],
}  # fmt: skip
WANTED = Filing(item="repair", place="B2-302", answers={"what": "aircon"})


def a_body(**changes):
    return {**body_of(load_catalogue().get("repair")), **changes}


def publish(running, desk, body, at=None, code="repair", by=ADMIN):
    with running.work() as work:
        revision = cataloguing.save(work, desk, code, body, 0, ADMIN)
        done = cataloguing.publish(work, desk, code, revision, by, at)
    desk.shelf.forget()
    return done


@pytest.mark.parametrize("item", load_catalogue().items, ids=lambda item: item.code)
def test_an_item_written_and_read_again_is_the_same(item):
    again, faults = read_item(json.loads(json.dumps(body_of(item))), version=item.version, since=item.since)
    assert faults == []
    assert body_of(again) == body_of(item)
    assert [getattr(again, each.name) for each in fields(item)] == [getattr(item, each.name) for each in fields(item)]


@pytest.mark.parametrize("item", load_catalogue().items, ids=lambda item: item.code)
def test_a_form_posted_as_it_was_shown_changes_nothing(item):
    posted = MultiDict()

    def walk(node, path):
        if isinstance(node, dict):
            for name, value in node.items():
                walk(value, f"{path}.{name}".strip("."))
        elif isinstance(node, list) and (not node or isinstance(node[0], dict)):
            for number, value in enumerate(node):
                walk(value, f"{path}.{number}")
        elif isinstance(node, list):
            posted.add(path, " ".join(node))
        else:
            posted.add(path, "on" if node is True else str(node))

    walk(body_of(item), "")
    assert catalogue_forms.read(posted) == body_of(item)


def test_a_version_holds_from_its_instant_in_every_process_and_requests_keep_theirs(running):
    desk, other = desk_of(running), desk_of(running)
    assert other.catalogue.get("repair").version == 4
    with running.work() as work:
        before = filing.file_request(work, desk, person(), WANTED, "form")
    done = publish(running, desk, a_body(pledge={"zh": "半小时到场", "en": "On site within 30 min"}))
    assert done.version == 5
    assert done.effective_at == NOON + timedelta(minutes=1)
    for each in (desk, other):
        each.forget()
        assert each.catalogue.get("repair").version == 4
    running.clock.set(done.effective_at)
    for each in (desk, other):
        assert each.catalogue.get("repair").pledge.zh == "半小时到场"
    with running.work() as work:
        after = filing.file_request(work, other, person(), WANTED, "form")
    told = said(running, "requests.request_filed")
    assert [(each["data"]["request_id"], each["data"]["item_version"]) for each in told] == [
        (before.id, 4),
        (after.id, 5),
    ]
    assert other.shelf.item("repair", 4).pledge.zh != "半小时到场"


def test_publishing_is_told_with_what_dispatch_and_the_log_need(quick):
    desk = desk_of(quick)
    body = a_body()
    body["standard"]["time"][1]["arrival"] = 45
    publish(quick, desk, body)
    told = said(quick, "requests.catalogue_changed")[0]
    data = told["data"]
    assert (told["subject"], told["sequence"], data["published_by"]) == ("repair", 5, ADMIN)
    assert data["changes"] == ["standard.time.2.arrival"]
    assert {(each["priority"], each["arrival"]) for each in data["times"]} >= {(2, 45), (1, 15)}
    assert len(data["digest"]) == 64


def test_filing_asks_for_versions_once_in_a_while_and_not_each_time(running):
    desk = desk_of(running)
    with running.work() as work:
        filing.file_request(work, desk, person(), WANTED, "form")
    spoken = []
    sql_event.listen(running.database.engine, "before_cursor_execute", lambda *args: spoken.append(args[2]))
    for _ in range(3):
        with running.work() as work:
            filing.file_request(work, desk, person(), WANTED, "form")
    assert not [text for text in spoken if "catalogue_version" in text]


def test_nobody_relies_on_versions_longer_than_the_notice(quick, monkeypatch):
    from services.requests import shelf

    desk = desk_of(quick)
    assert desk.catalogue.get("repair").version == 4
    now = shelf.time.monotonic()
    monkeypatch.setattr(shelf.time, "monotonic", lambda: now + shelf.FRESH + 1)
    publish(quick, desk_of(quick), a_body(pledge={"zh": "甲", "en": "a"}))
    quick.clock.set(NOON + timedelta(minutes=2))
    assert shelf.FRESH < shelf.NOTICE.total_seconds()
    assert desk.catalogue.get("repair").version == 5


def test_two_people_cannot_save_over_each_other(running):
    desk = desk_of(running)
    with running.work() as work:
        assert cataloguing.save(work, desk, "repair", a_body(), 0, ADMIN) == 1
    with pytest.raises(Stale), running.work() as work:
        cataloguing.save(work, desk, "repair", a_body(), 0, "other")
    with running.work() as work:
        assert cataloguing.save(work, desk, "repair", a_body(skills=["hvac"]), 1, ADMIN) == 2
    for act in (
        lambda work: cataloguing.save(work, desk, "repair", a_body(), 1, "other"),
        lambda work: cataloguing.publish(work, desk, "repair", 1, "other"),
        lambda work: cataloguing.drop(work, "repair", 1),
    ):
        with pytest.raises(Stale), running.work() as work:
            act(work)
    with running.database.read() as connection:
        assert catalogue_store.draft_of(connection, "repair").body["skills"] == ["hvac"]


def test_a_new_item_is_asked_for_and_a_retired_one_is_not(quick):
    desk = desk_of(quick)
    publish(quick, desk, NEW, code="flowers")
    quick.clock.set(NOON + timedelta(minutes=1))
    wanted = Filing(item="flowers", place="B2-302", quantity=3)
    with quick.work() as work:
        filed = filing.file_request(work, desk, person(), wanted, "form")
    publish(quick, desk, {**NEW, "retired": True}, code="flowers")
    quick.clock.set(NOON + timedelta(minutes=5))
    with pytest.raises(Invalid), quick.work() as work:
        filing.file_request(work, desk, person(), wanted, "form")
    assert desk.catalogue.get("flowers") is None
    page = Browser(an_app(quick))
    page.sign_in("hanbing")
    assert "3盆" in page.get(f"/requests/{filed.reference}").text
    assert "鲜花租摆" not in page.get("/requests/").text


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": {"zh": "修"}}, "name.en"),
        ({"mark": {"zh": "会", "en": "Xx"}}, "mark.zh"),
        ({"places": ["moon"]}, "places"),
        ({"departments": ["nowhere"]}, "departments"),
        ({"price": "-1"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"pledge": {"zh": "好\u202e", "en": "a"}}, "pledge.zh"),
        ({"approval": {"for": ["above"], "step": [{"by": ["person:nobody"]}]}}, "approval.step.0.by"),
        ({"approval": {"for": ["beer"], "step": []}}, "approval.for"),
        ({"field": [{"name": "x", "type": "text", "label": {"zh": "甲", "en": "a"}}] * 40}, "field"),
    ],
)
def test_what_does_not_hold_is_told_at_its_place(quick, changes, place):
    with pytest.raises(Invalid) as raised, quick.work() as work:
        cataloguing.save(work, desk_of(quick), "repair", a_body(**changes), 0, ADMIN)
    assert place in raised.value.fields


def test_an_instant_that_some_process_could_miss_is_refused(quick):
    with pytest.raises(Invalid):
        publish(quick, desk_of(quick), a_body(skills=["hvac"]), NOON + timedelta(seconds=30))
    with pytest.raises(cataloguing.NothingChanged):
        publish(quick, desk_of(quick), a_body())


def test_with_four_eyes_somebody_else_publishes(quick):
    desk = desk_of(quick)
    with quick.work() as work:
        cataloguing.save(work, desk, "repair", a_body(skills=["hvac"]), 0, ADMIN)
    with pytest.raises(cataloguing.SameEyes), quick.work() as work:
        cataloguing.publish(work, desk, "repair", 1, ADMIN, four_eyes=True)
    with quick.work() as work:
        assert cataloguing.publish(work, desk, "repair", 1, "another", four_eyes=True).version == 5


def test_shipped_versions_are_kept_once(running):
    keep_catalogue(running)
    keep_catalogue(running)
    with running.database.read() as connection:
        assert len(catalogue_store.published(connection)) == len(load_catalogue().items)
    assert desk_of(running).catalogue.get("repair").version == 4


def test_a_checklist_that_only_moved_is_one_difference():
    before = {"field": [{"name": "a", "least": 1}, {"name": "b"}]}
    after = {"field": [{"name": "b"}, {"name": "a", "least": 2}]}
    found = [(each.path, each.before, each.after) for each in cataloguing.differences(before, after)]
    assert found == [("field.a.least", "1", "2"), ("field", "a, b", "b, a")]


# ---- the page


def test_an_administrator_edits_looks_and_publishes_on_the_pages(quick):
    app = an_app(quick)
    browser = Browser(app)
    browser.sign_in("admin")
    path = "/requests/admin/catalogue/barber"
    shown = fields_of(browser.get("/requests/admin/catalogue?item=barber").text)
    wrong = browser.post(path, {**shown, "name.en": "", "act": "save"})
    assert wrong.status_code == 422
    assert "缺英文" in wrong.text and 'id="f-name.en"' in wrong.text and "机关理发室" in wrong.text
    looked = browser.post(path, {**shown, "pledge.zh": "随到随理", "act": "look"})
    assert looked.status_code == 200 and looked.text.count("随到随理") == 2
    more = browser.post(path, {**shown, "act": "add:field"})
    assert 'name="field.2.name"' in more.text
    saved = browser.post(path, {**shown, "pledge.zh": "随到随理", "act": "save"})
    assert saved.headers["Location"].startswith(f"{path}/publish")
    stale = browser.post(path, {**shown, "pledge.zh": "别的", "act": "save"})
    assert stale.status_code == 412 and "别的" in stale.text
    before = browser.get(f"{path}/publish").text
    assert "随到随理" in before and "按约定时段" in before and "影响0件在办：不变" in before
    done = browser.submit(f"{path}/publish", f"{path}/publish", effective_at="")
    assert done.headers["Location"].startswith(f"{path}/2")
    assert "随到随理" in browser.get(f"{path}/2").text
    quick.clock.set(NOON + timedelta(minutes=1))
    app.own.forget()
    assert "随到随理" in browser.get("/requests/").text
    assert browser.get(f"{path}/publish").status_code == 404


def test_a_new_item_is_made_on_the_page_and_staff_cannot_open_it(quick, quick_app):
    browser, staff = Browser(quick_app), Browser(quick_app)
    browser.sign_in("admin")
    staff.sign_in("hanbing")
    shown = fields_of(browser.get("/requests/admin/catalogue/new").text)
    typed = {
        **shown, "code": "flowers", "name.zh": "鲜花", "name.en": "Flowers", "mark.zh": "花", "mark.en": "Fl", "pledge.zh": "当天", "pledge.en": "Today",
        "skills": "landscaping", "summary.zh": "{quantity}盆", "summary.en": "{quantity} pots", "standard.scope.zh": "花", "standard.scope.en": "Flowers",
        "standard.time.0.response": "30", "field.0.name": "quantity", "field.0.type": "whole", "field.0.label.zh": "几盆", "field.0.label.en": "How many",
        "field.0.least": "1", "field.0.most": "50", "act": "save",
    }  # fmt: skip
    taken = browser.post("/requests/admin/catalogue/new", {**typed, "code": "repair"})
    assert taken.status_code == 422
    assert browser.post("/requests/admin/catalogue/new", typed).status_code == 303
    assert "Flowers" in browser.get("/requests/admin/catalogue?item=flowers").text
    for path in ("", "/new", "/flowers/publish", "/repair/4"):
        assert staff.get(f"/requests/admin/catalogue{path}").status_code == 403
    assert (
        browser.submit("/requests/admin/catalogue?item=flowers", "/requests/admin/catalogue/flowers/drop").status_code
        == 303
    )
    assert browser.get("/requests/admin/catalogue?item=flowers").status_code == 404


def test_a_public_item_made_on_the_page_is_a_service_of_open311_that_can_be_reported(quick, quick_app):
    browser, program = Browser(quick_app), Program(quick, quick_app)
    browser.sign_in("admin")
    page = "/requests/admin/catalogue/new"
    typed = {
        **fields_of(browser.get(page).text), "code": "lake", "name.zh": "湖面", "name.en": "Lake", "mark.zh": "湖", "mark.en": "Lk",
        "pledge.zh": "当天", "pledge.en": "Today", "place": "required", "places": "square", "public": "on", "skills": "square",
        "summary.zh": "{what}", "summary.en": "{what}", "standard.scope.zh": "湖面保洁。", "standard.scope.en": "The lake kept clean.",
        "standard.time.0.response": "30", "field.0.name": "what", "field.0.type": "choice", "field.0.required": "on",
        "field.0.label.zh": "什么事", "field.0.label.en": "What", "field.0.options.0.code": "weed", "field.0.options.0.zh": "水草",
        "field.0.options.0.en": "Weed", "act": "save",
    }  # fmt: skip
    saved = browser.post(page, typed)
    assert saved.status_code == 303, re.findall(r'class="error"[^>]*>.*?</span></span>', saved.text, re.DOTALL)
    publishing = "/requests/admin/catalogue/lake/publish"
    assert browser.submit(publishing, publishing, effective_at="").status_code == 303
    v2, asked, stranger = "/requests/open311/v2", {"Accept-Language": "en"}, Client(quick_app)
    codes = [each["service_code"] for each in stranger.get(f"{v2}/services.json").json]
    assert "lake" not in codes  # it does not hold yet
    quick.clock.set(NOON + timedelta(minutes=1))
    quick_app.own.forget()
    [service] = [
        each for each in stranger.get(f"{v2}/services.json", headers=asked).json if each["service_code"] == "lake"
    ]
    assert (service["service_name"], service["metadata"], service["keywords"]) == ("Lake", True, "Weed")
    [attribute] = stranger.get(f"{v2}/services/lake.json", headers=asked).json["attributes"]
    assert (attribute["code"], attribute["datatype"], attribute["required"]) == ("what", "singlevaluelist", True)
    assert attribute["values"] == [{"key": "weed", "name": "Weed"}]
    report = {"api_key": token_of(quick), "service_code": "lake", "address_id": "square", "attribute[what]": "weed"}
    answer = stranger.post(f"{v2}/requests.json", data=report)
    assert answer.status_code == 201, answer.text
    reference = answer.json[0]["service_request_id"]
    assert program.get(f"/requests/api/requests/{reference}").json["item"] == "lake"
    [seen] = stranger.get(f"{v2}/requests/{reference}.json", headers=asked).json
    assert (seen["service_code"], seen["service_name"], seen["status"]) == ("lake", "Lake", "open")


def fields_of(html):
    """What a browser would post of the editor as it is shown."""
    from html.parser import HTMLParser

    found, inside, select, area = {}, [False], [None], [None]

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            given = dict(attrs)
            if tag == "form":
                inside[0] = "data-editor" in given
            if not inside[0]:
                return
            name = given.get("name")
            if tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
                found.setdefault(name, []).append(given.get("value") or "")
            elif tag == "select":
                select[0] = name
            elif tag == "option" and "selected" in given:
                found[select[0]] = [given["value"]]
            elif tag == "textarea":
                area[0], found[name] = name, [""]

        def handle_data(self, data):
            if area[0] and inside[0]:
                found[area[0]] = [data.strip()]
                area[0] = None

        def handle_endtag(self, tag):
            if tag == "form":
                inside[0] = False

    Reader().feed(html)
    found.pop(None, None)
    return found


# ---- the API


def test_through_the_api_a_stale_draft_is_412(quick, quick_app):
    program, staff = Program(quick, quick_app, "admin"), Program(quick, quick_app)
    path = "/requests/api/catalogue/repair"
    body = program.get(f"{path}/versions").json["items"][0]["body"]
    assert body["code"] == "repair"
    body["skills"] = ["hvac"]
    assert program.open("PUT", f"{path}/draft", body).status_code == 412
    begun = program.open("PUT", f"{path}/draft", body, **{"If-None-Match": "*"})
    assert (begun.status_code, begun.headers["ETag"]) == (200, '"1"')
    assert program.open("PUT", f"{path}/draft", body, **{"If-None-Match": "*"}).status_code == 412
    body["skills"] = ["hvac", "general"]
    assert program.open("PUT", f"{path}/draft", body, **{"If-Match": '"1"'}).headers["ETag"] == '"2"'
    stale = program.open("PUT", f"{path}/draft", body, **{"If-Match": '"1"'})
    assert stale.status_code == 412 and stale.mimetype == "application/problem+json"
    assert program.get(f"{path}/draft").json["body"]["skills"] == ["hvac", "general"]
    wrong = program.open("PUT", f"{path}/draft", {**body, "name": {"zh": "修"}, "beer": 1}, **{"If-Match": '"2"'})
    assert wrong.status_code == 422 and "beer" in wrong.json["errors"]
    wrong = program.open("PUT", f"{path}/draft", {**body, "name": {"zh": "修"}}, **{"If-Match": '"2"'})
    assert wrong.status_code == 422 and "name.en" in wrong.json["errors"]
    assert program.post(f"{path}/publish", {}, **{"If-Match": '"1"'}).status_code == 412
    done = program.post(f"{path}/publish", {}, **{"If-Match": '"2"'})
    assert (done.status_code, done.json["version"]) == (200, 5)
    assert program.get(f"{path}/draft").status_code == 404
    assert staff.get(f"{path}/draft").status_code == 403
    assert staff.open("PUT", f"{path}/draft", body, **{"If-None-Match": "*"}).status_code == 403
    assert program.get("/requests/api/catalogue/nothing/versions").status_code == 404


def test_a_request_names_its_version_through_the_api(quick, quick_app):
    program = Program(quick, quick_app)
    reference = program.post("/requests/api/requests", REPAIR).json["reference"]
    assert program.get(f"/requests/api/requests/{reference}").json["item_version"] == 4


def test_the_chat_names_the_form_of_an_item_that_was_made_here(quick):
    desk = desk_of(quick)
    publish(quick, desk, NEW, code="flowers")
    quick.clock.set(NOON + timedelta(minutes=1))
    message = conversation.Message("web", "k", "鲜花租摆")
    with quick.work() as work:
        answer = conversation.hear(work, desk, person(), message)
    assert any("/requests/new/flowers" in text for text in answer["texts"]), answer
