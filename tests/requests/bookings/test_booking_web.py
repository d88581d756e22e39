"""Bookings on pages, through the API and in calendars that subscribe."""

import re
from datetime import timedelta

import icalendar
import pytest
import vobject

from shared.clock import from_text, to_text
from tests.requests.bookings.test_bookings import TEN
from tests.requests.conftest import Browser, Program, said

PATH = "/requests/api/bookings"
BODY = {
    "resource": "B2-305",
    "starts_at": to_text(TEN),
    "ends_at": to_text(TEN + timedelta(hours=1)),
    "subject": "周例会",
    "headcount": 8,
}


@pytest.fixture
def program(quick, quick_app):
    return Program(quick, quick_app)


@pytest.fixture
def browser(quick_app):
    found = Browser(quick_app)
    found.sign_in("hanbing")
    return found


def test_booking_moving_and_cancelling_by_api(program, quick, quick_app):
    made = program.post(PATH, BODY)
    assert made.status_code == 201, made.text
    booking = made.json["items"][0]
    path = f"{PATH}/{booking['id']}"
    found = program.get(path)
    assert found.headers["ETag"] == '"1"' and len(found.json["requests"]) == 2
    assert found.json["may"] == ["cancel", "move"]
    moved = program.open("PATCH", path, {"starts_at": to_text(TEN + timedelta(hours=2))}, **{"If-Match": '"1"'})
    assert moved.status_code == 200 and moved.json["items"][0]["version"] == 2
    stale = program.open("PATCH", path, {"subject": "别的"}, **{"If-Match": '"1"'})
    assert stale.status_code == 412
    assert program.open("PATCH", path, {"subject": "别的"}, **{"If-Match": "many"}).status_code == 400
    other = Program(quick, quick_app, "sunli")
    assert other.get(path).status_code == 404
    assert other.post(f"{path}/cancel").status_code == 404
    assert other.post(f"{path}/decision", {"granted": True}).status_code == 403
    assert program.post(f"{path}/cancel").status_code == 204
    assert program.post(f"{path}/cancel").status_code == 409


def test_whoever_comes_second_gets_409_with_times_and_rooms(program, quick, quick_app):
    program.post(PATH, BODY)
    other = Program(quick, quick_app, "sunli")
    answer = other.post(PATH, BODY)
    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    assert answer.json["free"][0] == to_text(TEN + timedelta(hours=2))
    assert len(answer.json["others"]) == 3
    listed = other.get(f"{PATH}?begin=2026-11-26T00:00:00Z&end=2026-11-27T00:00:00Z").json["items"]
    assert [(each["mine"], each["subject"], each["id"]) for each in listed] == [(False, "", "")]
    assert other.post("/requests/api/waiting", BODY).status_code == 201


def test_a_series_is_previewed_with_its_conflicts_and_booked_with_choices(program, quick, quick_app):
    second = {
        **BODY,
        "starts_at": to_text(TEN + timedelta(days=7)),
        "ends_at": to_text(TEN + timedelta(days=7, hours=1)),
    }
    Program(quick, quick_app, "sunli").post(PATH, second)
    series = {**BODY, "repeat": "FREQ=WEEKLY;COUNT=3"}
    planned = program.post(f"{PATH}/preview", series).json["items"]
    assert [(each["on"], each["problem"]) for each in planned] == [
        ("2026-11-26", ""),
        ("2026-12-03", "taken"),
        ("2026-12-10", ""),
    ]
    refused = program.post(PATH, series)
    assert refused.status_code == 409 and [each["on"] for each in refused.json["dates"]] == ["2026-12-03"]
    made = program.post(PATH, {**series, "choices": [{"on": "2026-12-03", "resource": planned[1]["others"][0]}]})
    assert made.status_code == 201 and len(made.json["items"]) == 3
    assert program.post(PATH, {**series, "repeat": "FREQ=SECONDLY;COUNT=9"}).status_code == 422


def test_free_rooms_hold_enough_and_have_what_is_needed(program):
    program.post(PATH, BODY)
    query = f"/requests/api/resources/free?starts_at={to_text(TEN)}&minutes=90&headcount=14&equipment=projector"
    found = program.get(query).json["items"]
    assert found and all(each["capacity"] >= 14 and "projector" in each["equipment"] for each in found)
    assert "B2-305" not in {each["code"] for each in found}
    later = {each["code"]: each["starts_at"] for each in program.get(query + "&days=1").json["items"]}
    assert from_text(later["B2-305"]) == TEN + timedelta(hours=2)


def test_a_double_press_books_once(program, quick):
    answers = [program.post(PATH, BODY, **{"Idempotency-Key": "b"}) for _ in range(3)]
    assert [each.status_code for each in answers] == [201] * 3
    assert len({each.json["items"][0]["id"] for each in answers}) == 1
    assert len(said(quick, "requests.booking_made")) == 1


def test_a_room_is_booked_on_the_page_and_the_second_is_shown_what_is_free(browser, quick_app):
    fields = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T10:00",
        "ends_at": "2026-11-26T11:00",
        "subject": "周例会",
        "headcount": "8",
    }
    answer = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields)
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.headers["Location"]).text
    assert "周例会" in page and "随它提交的申请" in page
    assert "周例会" in browser.get("/requests/rooms?day=2026-11-26").text
    other = Browser(quick_app)
    other.sign_in("sunli")
    assert "周例会" not in other.get("/requests/rooms?day=2026-11-26").text
    refused = other.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields)
    assert refused.status_code == 409
    assert "12:00" in refused.text and 'name="wait"' in refused.text
    waits = other.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields, wait="on")
    assert waits.status_code == 303
    assert "候补中" in other.get("/requests/bookings").text


def test_what_was_typed_wrong_is_said_beside_its_field(browser):
    answer = browser.submit(
        "/requests/rooms",
        "/requests/bookings",
        resource="B2-305",
        starts_at="soon",
        ends_at="2026-11-26T11:00",
        subject="",
    )
    assert answer.status_code == 422 and 'id="f-starts_at-e"' in answer.text and 'id="f-subject-e"' in answer.text
    assert browser.get("/requests/rooms?day=never").status_code == 422
    assert browser.get("/requests/bookings/none").status_code == 404


def test_a_series_on_the_page_asks_about_each_date_that_cannot_be_had(browser, quick, quick_app):
    second = {
        **BODY,
        "starts_at": to_text(TEN + timedelta(days=7)),
        "ends_at": to_text(TEN + timedelta(days=7, hours=1)),
    }
    Program(quick, quick_app, "sunli").post(PATH, second)
    fields = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T10:00",
        "ends_at": "2026-11-26T11:00",
        "subject": "周例会",
        "headcount": "8",
        "repeat": "weekly",
        "until": "2026-12-10",
    }
    answer = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields)
    assert answer.status_code == 409 and 'name="on_2026-12-03"' in answer.text
    answer = browser.submit(
        "/requests/rooms?day=2026-11-26", "/requests/bookings", **fields, **{"on_2026-12-03": "skip"}
    )
    assert answer.status_code == 303
    assert browser.get("/requests/bookings").text.count("周例会") == 2


def test_moving_checking_in_and_leaving_on_the_page(browser, quick):
    fields = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T10:00",
        "ends_at": "2026-11-26T11:00",
        "subject": "周例会",
        "headcount": "8",
    }
    address = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields).headers["Location"]
    moved = browser.submit(
        address, f"{address}/move", resource="B2-405", starts_at="2026-11-26T14:00", ends_at="2026-11-26T15:00"
    )
    assert moved.status_code == 303, moved.text
    assert (
        browser.submit(
            address, f"{address}/move", resource="B2-405", starts_at="2026-11-26T14:07", ends_at="x"
        ).status_code
        == 422
    )
    quick.clock.set(TEN + timedelta(hours=4))
    browser.sign_in("hanbing")
    assert browser.submit(address, f"{address}/check-in").status_code == 303
    assert browser.submit(address, f"{address}/end").status_code == 303
    assert "已结束" in browser.get(address).text


def test_a_dispatcher_approves_a_hall_on_the_page(browser, quick_app):
    fields = {
        "resource": "B4-101",
        "starts_at": "2026-11-26T10:00",
        "ends_at": "2026-11-26T11:00",
        "subject": "动员会",
        "headcount": "300",
        "details": "课堂式摆放",
    }
    assert 'name="details"' in browser.get("/requests/rooms").text
    address = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields).headers["Location"]
    page = browser.get(address).text
    assert "待审批" in page and "课堂式摆放" in page and "已订好" not in page  # not booked yet, and not called so
    dispatcher = Browser(quick_app)
    dispatcher.sign_in("hejing")
    waiting = dispatcher.get("/requests/approvals").text
    assert "明天 10:00–11:00" in waiting and "300" in waiting and "课堂式摆放" in waiting
    assert "动员会" in dispatcher.get("/requests/bookings").text
    assert dispatcher.submit(address, f"{address}/decision", granted="yes").status_code == 303
    assert "已订" in browser.get(address).text


# ---- calendars that subscribe


def a_feed(browser, **fields):
    page = (
        browser.submit("/requests/bookings", "/requests/feeds", resource="", **fields)
        if not fields
        else browser.submit("/requests/bookings", "/requests/feeds", **fields)
    )
    return re.search(r"/requests/feeds/([\w-]+)\.ics", page.text)[0]


def test_a_feed_is_read_by_two_libraries_follows_its_bookings_and_dies_when_revoked(browser, quick, quick_app):
    fields = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T10:00",
        "ends_at": "2026-11-26T11:00",
        "subject": "周例会，重要；请准时",
        "headcount": "8",
    }
    address = browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields).headers["Location"]
    path = a_feed(browser)
    stranger = Browser(quick_app)
    answer = stranger.get(path)
    assert answer.status_code == 200 and answer.content_type.startswith("text/calendar")
    event = next(iter(icalendar.Calendar.from_ical(answer.data).walk("VEVENT")))
    assert (event["summary"], event.decoded("dtstart"), event["sequence"]) == ("周例会，重要；请准时", TEN, 0)
    other = vobject.readOne(answer.text)
    assert other.vevent.summary.value == "周例会，重要；请准时" and other.vevent.dtstart.value == TEN
    browser.submit(
        address, f"{address}/move", resource="B2-305", starts_at="2026-11-26T15:00", ends_at="2026-11-26T16:00"
    )
    moved = next(iter(icalendar.Calendar.from_ical(stranger.get(path).data).walk("VEVENT")))
    assert (moved["uid"], moved["sequence"]) == (event["uid"], 1)
    assert moved.decoded("dtstart") == TEN + timedelta(hours=5)
    revoke = re.search(r'action="(/requests/feeds/[\w-]+/revoke)"', browser.get("/requests/bookings").text)[1]
    assert browser.submit("/requests/bookings", revoke).status_code == 303
    assert stranger.get(path).status_code == 404
    assert stranger.get("/requests/feeds/guess.ics").status_code == 404


def test_a_feeds_secret_is_shown_once_kept_as_a_digest_and_written_to_no_log(browser, quick, quick_app, caplog):
    caplog.set_level("DEBUG")
    path = a_feed(browser)
    secret = re.search(r"feeds/([\w-]+)\.ics", path)[1]
    assert len(secret) == 32  # base64 of 192 bits
    assert secret not in browser.get("/requests/bookings").text
    assert Browser(quick_app).get(path).status_code == 200
    assert Browser(quick_app).get(path.replace(".ics", "0.ics")).status_code == 404
    with quick.database.read() as connection:
        kept = "\n".join(connection.connection.driver_connection.iterdump())
    assert "/requests/feeds" not in kept
    assert secret not in kept
    assert secret not in caplog.text


def test_a_rooms_feed_says_busy_and_nothing_else(browser, quick_app):
    fields = {
        "resource": "B2-305",
        "starts_at": "2026-11-26T10:00",
        "ends_at": "2026-11-26T11:00",
        "subject": "周例会",
        "headcount": "8",
    }
    browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields)
    text = Browser(quick_app).get(a_feed(browser, resource="B2-305")).text
    assert "BEGIN:VEVENT" in text and "周例会" not in text and "韩冰" not in text


def test_a_form_begins_with_a_time_that_can_be_had_and_says_when_it_is_open(browser):
    page = browser.get("/requests/slots").text  # noon: the chairs rest until two
    assert re.findall(r'id="f-(?:starts|ends)_at"[^>]*value="([^"]*)"', page) == [
        "2026-11-25T14:00",
        "2026-11-25T14:30",
    ]
    assert re.findall(r'<option value="(\d+)"', page) == ["30"]  # no length that is then refused
    assert 'value="2026-11-28T07:00"' in browser.get("/requests/rooms?day=2026-11-28").text
    late = {"resource": "barber-1", "starts_at": "2026-11-25T19:00", "ends_at": "2026-11-25T19:30", "subject": "cut"}
    refused = browser.submit("/requests/slots", "/requests/bookings", **late)
    assert refused.status_code == 422 and "08:30–12:00 14:00–18:00" in refused.text


def test_a_room_that_was_found_is_booked_for_as_many_as_were_asked_for(browser):
    found = browser.get("/requests/rooms?find=1&day=2026-11-26&at=09:00&people=30").text
    link = re.search(r'<ul class="lines free">.*?href="([^"]+)"', found, re.DOTALL)[1].replace("&amp;", "&")
    form = browser.get(link.partition("#")[0]).text
    assert 'id="f-headcount" name="headcount" type="number" value="30"' in form and 'class="lines free"' not in form


def test_my_bookings_name_their_day_once_and_say_in_words_what_is_waited_for(browser, quick_app):
    fields = {"resource": "barber-1", "starts_at": "2026-11-25T15:00", "ends_at": "2026-11-25T15:30", "subject": "cut"}
    assert browser.submit("/requests/slots", "/requests/bookings", **fields).status_code == 303
    assert browser.get("/requests/bookings").text.count("今天") == 1
    other = Browser(quick_app)
    other.sign_in("sunli")
    assert other.submit("/requests/slots", "/requests/bookings", **fields, wait="on").status_code == 303
    page = other.get("/requests/bookings").text
    assert "<b>剪发</b>" in page and page.count("今天") == 1
