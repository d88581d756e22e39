"""How a room is laid out: what each can be, what may be wished, and who is told."""

import html
import json
import re
from datetime import timedelta

import icalendar
import pytest
from sqlalchemy import insert, select, update

from services.requests import store as requests_store
from services.requests import tables
from services.requests.bookings import handlers, store
from services.requests.bookings.model import Taken
from services.requests.compound import LAYOUTS, layouts
from services.requests.requester import oneself
from shared.clock import to_text
from shared.errors import Invalid
from tests.requests.bookings.test_booking_web import BODY, PATH, a_feed
from tests.requests.bookings.test_bookings import HOUR, TEN, a_wish, book, change, kept
from tests.requests.conftest import Browser, Program, person, said

FORM = {
    "resource": "B2-305",
    "starts_at": "2026-11-26T10:00",
    "ends_at": "2026-11-26T11:00",
    "subject": "周例会",
    "headcount": "8",
}


@pytest.fixture
def program(quick, quick_app):
    return Program(quick, quick_app)


@pytest.fixture
def browser(quick_app):
    found = Browser(quick_app)
    found.sign_in("hanbing")
    return found


def set_up(running, booking):
    """What the crew of the booking's set-up task reads."""
    with running.database.read() as connection:
        found = [requests_store.request_by_id(connection, id_) for id_, _ in store.tasks_of(connection, booking.id)]
    return next(each.answers.get("details", "") for each in found if each.item == "meeting" and each.state == "filed")


# ---- what rooms can be


def test_each_of_the_34_rooms_can_be_laid_out_and_stands_as_it_is_said_to_hold(quick):
    with quick.database.read() as connection:
        rooms = store.resources(connection, "room")
        others = [each for each in store.resources(connection) if each.kind != "room"]
    assert len(rooms) == 34 and {each.code for each in rooms} == set(layouts())
    for room in rooms:
        assert room.layouts and set(room.layouts) <= set(LAYOUTS) and min(room.layouts.values()) > 0
        assert next(iter(room.layouts.values())) == room.capacity == room.seats()
    assert {name for room in rooms for name in room.layouts} == set(LAYOUTS)
    assert not any(each.layouts for each in others)


def test_rooms_that_were_there_before_get_the_layouts_of_the_compound_unless_they_are_others(running, desk):
    with running.work() as work:
        work.connection.execute(update(tables.resource).values(layouts=""))
        own = tables.resource.c.code == "B2-605"
        work.connection.execute(update(tables.resource).where(own).values(capacity=99))
        store.settle_resources(work.connection, requests_store.places(work.connection))
        rooms = {each.code: each.layouts for each in store.resources(work.connection, "room")}
    assert rooms == {**layouts(), "B2-605": {}}


# ---- what may be wished


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"layout": "round"}, "layout"),  # not this room
        ({"layout": "u_shape", "headcount": 13}, "layout"),
        ({"layout": "in a heap"}, "layout"),
        ({"headcount": 17}, "headcount"),  # as it stands
        ({"layout": "theatre", "headcount": 25}, "layout"),
        ({"resource": "van-1", "layout": "theatre", "headcount": 1}, "layout"),
    ],
)
def test_a_layout_that_the_room_cannot_have_or_that_is_too_small_is_refused_beside_its_field(quick, changes, field):
    from services.requests.service import desk_of

    with pytest.raises(Invalid) as refusal:
        book(quick, desk_of(quick), a_wish(**changes))
    assert list(refusal.value.fields) == [field]


def test_a_room_holds_more_in_another_layout_than_as_it_stands(running, desk):
    made = book(running, desk, a_wish(layout="theatre", headcount=24))
    assert kept(running, made).layout == "theatre"
    told = said(running, "requests.booking_made")[0]["data"]
    assert (told["layout"], told["headcount"]) == ("theatre", 24)


def test_instead_of_a_taken_room_only_those_are_named_that_hold_as_many_in_the_layout(running, desk):
    book(running, desk, a_wish(layout="u_shape", headcount=12))
    with pytest.raises(Taken) as refusal:
        book(running, desk, a_wish(layout="u_shape", headcount=12), "sunli")
    assert refusal.value.others
    assert all(layouts()[code]["u_shape"] >= 12 for code in refusal.value.others)


# ---- who is told


def test_the_crew_reads_the_layout_before_the_notes_and_nothing_when_the_room_stays_as_it_stands(running, desk):
    made = book(running, desk, a_wish(layout="u_shape", details="九点前"))
    assert set_up(running, made) == (
        "摆成U形（12人），会后恢复原样。\nLay out as U-shape (12); put back afterwards.\n九点前"
    )
    plain = book(running, desk, a_wish(TEN + 4 * HOUR, details="九点前"))
    assert set_up(running, plain) == "九点前" and kept(running, plain).layout == ""


def test_another_layout_later_is_kept_said_and_told_to_the_crew_anew(running, desk):
    made = book(running, desk, a_wish(layout="u_shape"))

    def move(**changes):
        wish = a_wish(**changes)
        change(running, lambda work: handlers.move(work, desk, handlers.wanted(work.connection, made.id), wish))

    move(layout="theatre")
    assert kept(running, made).layout == "theatre" and set_up(running, made).startswith("摆成剧院式（24人）")
    assert said(running, "requests.booking_moved")[-1]["data"]["layout"] == "theatre"
    with pytest.raises(Invalid) as refusal:
        move(resource="B2-605", layout="theatre")
    assert list(refusal.value.fields) == ["layout"]
    assert kept(running, made).layout == "theatre"
    move()
    assert kept(running, made).layout == "" and set_up(running, made) == ""


def test_a_freed_room_is_offered_as_it_was_waited_for(running, desk):
    made = book(running, desk)
    wish = a_wish(layout="theatre", headcount=20)
    waiter = change(running, lambda work: handlers.wait(work, desk, oneself(person("sunli")), wish))
    change(running, lambda work: handlers.cancel(work, desk, handlers.wanted(work.connection, made.id)))
    with running.database.read() as connection:
        offered = store.booking(connection, store.waiter(connection, waiter.id).booking)
    assert (offered.state, offered.layout) == ("offered", "theatre")
    change(running, lambda work: handlers.accept(work, desk, handlers.wanted(work.connection, offered.id)))
    assert set_up(running, offered).startswith("摆成剧院式")


def test_a_series_is_laid_out_alike_on_each_date(running, desk):
    with running.work() as work:
        made = handlers.book_series(work, desk, oneself(person()), a_wish(layout="u_shape"), "FREQ=WEEKLY;COUNT=3", {})
    assert [kept(running, each).layout for each in made] == ["u_shape"] * 3
    assert all("U形" in set_up(running, each) for each in made)


def test_a_booking_written_without_a_layout_stands_as_the_room_stands(running, desk):
    made = book(running, desk)
    values = {**made.__dict__, "id": "old", "starts_at": TEN + 4 * HOUR, "ends_at": TEN + 5 * HOUR}
    values |= {"claimed_from": TEN + 4 * HOUR, "claimed_until": TEN + 5 * HOUR}
    del values["layout"]
    with running.database.write() as connection:
        connection.execute(insert(tables.booking).values(values))
    with running.database.read() as connection:
        assert connection.execute(select(tables.booking.c.layout).where(tables.booking.c.id == "old")).scalar() == ""


# ---- through the API


def test_the_api_names_the_layouts_finds_by_them_and_books_one(program):
    rooms = {each["code"]: each for each in program.get("/requests/api/resources?kind=room").json["items"]}
    assert rooms["B2-305"]["layouts"] == [
        {"layout": "boardroom", "seats": 16},
        {"layout": "u_shape", "seats": 12},
        {"layout": "theatre", "seats": 24},
    ]
    query = f"/requests/api/resources/free?starts_at={to_text(TEN)}&equipment=projector&headcount="
    found = [each["code"] for each in program.get(f"{query}20&layout=theatre").json["items"]]
    assert found and set(found) == {
        code for code, each in rooms.items()
        if layouts()[code].get("theatre", 0) >= 20 and "projector" in each["equipment"]
    }  # fmt: skip
    assert "B2-305" in found
    assert "B2-305" not in [each["code"] for each in program.get(f"{query}20").json["items"]]  # 16 as it stands
    assert program.get(f"{query}241&layout=round").json["items"] == []
    assert program.get(f"{query}2&layout=heap").status_code == 422
    made = program.post(PATH, {**BODY, "layout": "u_shape"})
    assert made.status_code == 201, made.text
    booking = made.json["items"][0]
    assert booking["layout"] == "u_shape"
    path = f"{PATH}/{booking['id']}"
    later = {"starts_at": to_text(TEN + timedelta(hours=2))}
    assert program.open("PATCH", path, later).json["items"][0]["layout"] == "u_shape"  # what is not said stays
    assert program.open("PATCH", path, {"layout": ""}).json["items"][0]["layout"] == ""
    refused = program.open("PATCH", path, {"layout": "round"})
    assert refused.status_code == 422 and "layout" in json.dumps(refused.json["errors"])


def test_a_wrong_layout_is_a_problem_by_field(program):
    for layout in ("round", "heap"):
        refused = program.post(PATH, {**BODY, "layout": layout})
        assert refused.status_code == 422 and refused.content_type.startswith("application/problem+json")
        assert "layout" in json.dumps(refused.json["errors"])


def test_the_layout_of_somebody_elses_booking_is_not_told(program, quick, quick_app):
    program.post(PATH, {**BODY, "layout": "u_shape"})
    query = f"{PATH}?begin={to_text(TEN - HOUR)}&end={to_text(TEN + HOUR)}&resource=B2-305"
    assert [each["layout"] for each in program.get(query).json["items"]] == ["u_shape"]
    assert [each["layout"] for each in Program(quick, quick_app, "sunli").get(query).json["items"]] == [""]


# ---- on the pages


def test_the_page_of_a_room_and_the_list_say_how_it_can_be_laid_out(browser):
    week = browser.get("/requests/rooms?view=week&resource=B2-305&day=2026-11-26").text
    assert "布置形式" in week and "会议桌（16人）" in week
    listed = browser.get("/requests/rooms?view=list&day=2026-11-26").text
    assert "剧院式（600人）" in listed and "圆桌（240人）" in listed
    assert "布置形式" not in browser.get("/requests/vehicles").text


def test_the_finder_lists_rooms_with_enough_seats_in_the_layout_and_fills_the_form_with_it(browser):
    page = browser.get("/requests/rooms?day=2026-11-26&at=10:00&minutes=60&people=20&layout=theatre&find=1").text
    links = [html.unescape(each) for each in re.findall(r'<li><a href="([^"]+)#book"', page)]
    found = {re.search(r"resource=([\w-]+)", each)[1] for each in links}
    assert found == {code for code, each in layouts().items() if each.get("theatre", 0) >= 20}
    form = browser.get(links[0]).text.partition('id="book"')[2]
    assert '<option value="theatre" selected>' in form


def test_a_layout_is_booked_shown_changed_and_in_the_calendar(browser, quick_app):
    page = browser.get("/requests/rooms?day=2026-11-26").text
    offered = json.loads(html.unescape(re.search(r'data-layouts="([^"]+)"', page)[1]))
    assert offered["B2-305"][:2] == [["", "按原样：会议桌（16人）"], ["boardroom", "会议桌（16人）"]]
    assert "桌椅怎么摆" not in page
    answer = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **FORM, layout="u_shape")
    assert answer.status_code == 303, answer.text
    address = answer.headers["Location"]
    assert re.search(r"<dt>布置形式</dt>\s*<dd[^>]*>U形<", browser.get(address).text)
    event = next(iter(icalendar.Calendar.from_ical(browser.get(a_feed(browser)).data).walk("VEVENT")))
    assert event["description"] == "布置形式：U形"
    moving = {name: FORM[name] for name in ("resource", "starts_at", "ends_at")}
    browser.submit(address, f"{address}/move", **moving)  # as dragging does: the layout stays
    assert '<option value="u_shape" selected>' in browser.get(address).text
    refused = browser.submit(address, f"{address}/move", **moving, layout="round")
    assert refused.status_code == 422 and 'id="f-layout-e"' in refused.text
    assert browser.submit(address, f"{address}/move", **moving, layout="").status_code == 303
    assert '<option value="u_shape" selected>' not in browser.get(address).text


def test_a_room_feed_does_not_tell_the_layout(browser):
    browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **FORM, layout="u_shape")
    event = next(
        iter(icalendar.Calendar.from_ical(browser.get(a_feed(browser, resource="B2-305")).data).walk("VEVENT"))
    )
    assert "description" not in event


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"layout": "round"}, "不能这样布置"),
        ({"layout": "u_shape", "headcount": "13"}, "这样布置只坐12人"),
        ({"layout": "heap"}, 'id="f-layout-e"'),
        ({"headcount": "20"}, "按原样坐16人；换一种布置形式最多坐24人"),
    ],
)
def test_a_wrong_layout_is_said_beside_its_field_with_the_rest_kept(browser, chosen, words):
    answer = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **{**FORM, **chosen})
    field = "layout" if "layout" in chosen else "headcount"
    assert answer.status_code == 422 and f'id="f-{field}-e"' in answer.text and words in answer.text
    assert 'value="周例会"' in answer.text


def test_whoever_approves_a_hall_reads_its_layout(browser, quick_app):
    fields = {**FORM, "resource": "B4-101", "headcount": "200", "layout": "round"}
    browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields)
    dispatcher = Browser(quick_app)
    dispatcher.sign_in("hejing")
    assert "圆桌" in dispatcher.get("/requests/approvals").text
