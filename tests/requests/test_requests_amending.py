"""Changing a request, stale edits, reopening with a reason, and what goes to those above the crew."""

import re
from datetime import timedelta

import pytest

from services.requests import store
from services.requests.handlers import following
from shared.contracts import dispatch as told
from tests.requests.conftest import NOON, REPAIR, Browser, Dispatch, Program, said
from tests.requests.test_requests_following import ORDER, a_day, act, play

PATH = "/requests/api/requests"


def a_request(running, reference):
    with running.database.read() as connection:
        return store.request_by_reference(connection, reference)


@pytest.fixture
def mine(quick, quick_app):
    program = Program(quick, quick_app)
    filed = program.post(PATH, REPAIR)
    return program, filed.json["reference"], f"{PATH}/{filed.json['reference']}"


def test_what_was_asked_for_is_changed_and_told_whole(mine, quick):
    program, reference, path = mine
    etag = program.get(path).headers["ETag"]
    body = {"place": "B2-303", "answers": {"details": "换到303了"}, "contact": "8303"}
    answer = program.open("PATCH", path, body, **{"If-Match": etag})
    assert (answer.status_code, answer.json["version"], answer.headers["ETag"]) == (200, 2, '"2"')
    found = program.get(path).json
    assert (found["place"], found["answers"], found["contact"]) == (
        "B2-303",
        {"what": "aircon", "details": "换到303了"},
        "8303",
    )
    [event] = said(quick, "requests.request_amended")
    assert event["sequence"] == 2
    assert set(event["data"]["parts"]) == {"place", "answers", "contact"}
    assert (event["data"]["room"], event["data"]["skills"]) == ("303", ["hvac"])
    assert found["timeline"][0]["what"] == "amended"


def test_a_stale_edit_is_refused_with_what_it_is_now_and_changes_nothing(mine, quick):
    program, _, path = mine
    etag = program.get(path).headers["ETag"]
    assert program.open("PATCH", path, {"contact": "8303"}, **{"If-Match": etag}).status_code == 200
    answer = program.open("PATCH", path, {"answers": {"details": "别的"}}, **{"If-Match": etag})
    assert answer.status_code == 412
    assert answer.json["now"]["version"] == 2
    assert answer.json["now"]["contact"] == "8303"
    assert program.open("PATCH", path, {"contact": "8304"}, **{"If-Match": "W/nonsense"}).status_code == 412
    assert len(said(quick, "requests.request_amended")) == 1


def test_the_works_progress_makes_no_edit_stale(mine, quick):
    program, reference, path = mine
    etag = program.get(path).headers["ETag"]
    play(quick, list(enumerate(a_day(a_request(quick, reference)), 1))[:3])
    assert program.get(path).headers["ETag"] == etag
    assert program.open("PATCH", path, {"contact": "8303"}, **{"If-Match": etag}).status_code == 200


def test_nothing_changed_says_nothing(mine, quick):
    program, _, path = mine
    assert program.open("PATCH", path, {"contact": program.get(path).json["contact"]}).json["version"] == 1
    assert said(quick, "requests.request_amended") == []


def test_once_the_crew_is_at_work_only_words_and_telephone_change(mine, quick):
    program, reference, path = mine
    play(quick, list(enumerate(a_day(a_request(quick, reference)), 1))[:5])
    refused = program.open("PATCH", path, {"place": "B2-303", "answers": {"what": "light"}})
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {"place", "what"}
    assert (
        program.open("PATCH", path, {"answers": {"details": "门锁着，先打电话"}, "contact": "8303"}).status_code == 200
    )
    play(quick, list(enumerate(a_day(a_request(quick, reference)), 1))[5:], None)


def test_what_has_ended_is_changed_no_more(mine, quick):
    program, reference, path = mine
    play(quick, enumerate(a_day(a_request(quick, reference)), 1))
    assert program.open("PATCH", path, {"contact": "8303"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"place": "nowhere"}, "place"),
        ({"answers": {"what": "unicorn"}}, "answers"),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "starts_at"),
        ({"priority": 1}, "priority"),
        ({"requester": "x"}, "requester"),
        ({"photos": ["0" * 32]}, "photos"),
    ],
)
def test_what_the_catalogue_does_not_allow_is_refused_and_nothing_kept(mine, quick, body, field):
    program, _, path = mine
    answer = program.open("PATCH", path, body)
    assert answer.status_code == 422
    assert any(name.partition(".")[0] == field for name in answer.json["errors"])
    assert said(quick, "requests.request_amended") == []


def test_an_appointment_that_has_passed_does_not_stand_in_the_way(quick, quick_app):
    program = Program(quick, quick_app)
    filed = program.post(PATH, {**REPAIR, "starts_at": "2026-11-25T05:00:00Z"}).json
    quick.clock.set(NOON + timedelta(hours=8))
    program = Program(quick, quick_app)
    answer = program.open("PATCH", f"{PATH}/{filed['reference']}", {"answers": {"details": "还没来"}})
    assert answer.status_code == 200
    assert said(quick, "requests.request_amended")[0]["data"]["starts_at"] is not None


def test_somebody_elses_is_absent(mine, quick, quick_app):
    _, _, path = mine
    assert Program(quick, quick_app, "sunli").open("PATCH", path, {"contact": "8303"}).status_code == 404


def test_a_stale_page_shows_both_versions_and_loses_nothing(quick, quick_app):
    program = Program(quick, quick_app)
    reference = program.post(PATH, REPAIR).json["reference"]
    short = reference.partition("-")[2]
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    page = f"/requests/{short}/amend"
    html = browser.get(page).text
    hidden = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html.partition('class="item-form')[2])
    )
    program.open("PATCH", f"{PATH}/{reference}", {"answers": {"details": "手机上改的"}})
    typed = {**hidden, "place": "B2-302", "what": "aircon", "details": "电脑上改的", "contact": "8302"}
    stale = browser.post(page, typed)
    assert stale.status_code == 412
    assert "手机上改的" in stale.text
    assert "电脑上改的" in stale.text
    assert a_request(quick, reference).answers["details"] == "手机上改的"
    version = re.search(r'name="version" value="(\d+)"', stale.text)[1]
    again = browser.post(page, {**typed, "version": version})
    assert again.status_code == 303
    assert a_request(quick, reference).answers["details"] == "电脑上改的"


def the_same_by_a_change(quick_app, quick):
    """Han Bing's request, Sun Li's beside it, and Sun Li's page after changing hers into the same."""
    first = Program(quick, quick_app).post(PATH, REPAIR).json["reference"]
    second = Program(quick, quick_app, "sunli").post(PATH, REPAIR | {"place": "B2-303"}).json["reference"]
    browser = Browser(quick_app)
    browser.sign_in("sunli")
    path = f"/requests/{second[5:]}/amend"
    html = browser.get(path).text.partition('class="item-form')[2]
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))
    form |= {"place": "B2-302", "what": "aircon", "details": "一直滴水"}
    shown = browser.post(path, form)
    return browser, path, form, shown, first, second


def test_the_page_tells_that_the_change_repeats_another_and_keeps_both_when_told(quick, quick_app):
    browser, path, form, shown, first, second = the_same_by_a_change(quick_app, quick)
    assert shown.status_code == 409
    assert "同样的事已经有人报了" in shown.text
    assert "一直滴水" in shown.text  # nothing typed is lost
    assert first not in shown.text
    assert a_request(quick, second).place == "B2-303"
    assert browser.post(path, form | {"anyway": "1"}).status_code == 303
    assert a_request(quick, second).place == "B2-302"
    assert a_request(quick, first).joined == 1


def test_the_page_joins_the_other_and_withdraws_this_one_together(quick, quick_app):
    browser, path, form, shown, first, second = the_same_by_a_change(quick_app, quick)
    token = re.search(r'name="join" value="([^"]+)"', shown.text)[1]
    assert browser.post(path, form | {"join": token[:-2]}).status_code in {400, 404, 422}
    assert a_request(quick, second).state == "filed"
    done = browser.post(path, form | {"join": token})
    assert (done.status_code, done.headers["Location"].endswith(first[5:])) == (303, True)
    assert (a_request(quick, first).joined, a_request(quick, second).state) == (2, "withdrawn")


def test_the_page_to_change_is_there_only_while_it_can_be(quick, quick_app):
    program = Program(quick, quick_app)
    reference = program.post(PATH, REPAIR).json["reference"]
    short = reference.partition("-")[2]
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    assert f"/requests/{short}/amend" in browser.get(f"/requests/{short}").text
    play(quick, enumerate(a_day(a_request(quick, reference)), 1))
    assert f"/requests/{short}/amend" not in browser.get(f"/requests/{short}").text
    assert browser.get(f"/requests/{short}/amend").status_code == 409


# ---- reopening and escalation


def finished(running, program, dispatch=None):
    reference = program.post(PATH, REPAIR).json["reference"]
    play(running, enumerate(a_day(a_request(running, reference), order=running.ids()), 1), dispatch)
    return reference


@pytest.mark.parametrize(("stars", "escalates"), [(0, False), (1, True), (2, True), (3, False)])
def test_two_stars_or_fewer_escalate(quick, quick_app, stars, escalates):
    program = Program(quick, quick_app)
    reference = finished(quick, program)
    program.post(f"{PATH}/{reference}/confirm", {"stars": stars, "words": "来晚了"})
    events = said(quick, "requests.request_escalated")
    assert [(each["data"]["why"], each["data"]["stars"]) for each in events] == (
        [("low_rating", stars)] if escalates else []
    )
    hejing = Program(quick, quick_app, "hejing")
    listed = hejing.get("/requests/api/escalations").json["items"]
    assert [each["reference"] for each in listed] == ([reference] if escalates else [])


def test_the_second_reopening_escalates_and_the_first_does_not(quick, quick_app):
    program = Program(quick, quick_app)
    dispatch = Dispatch(quick)
    reference = finished(quick, program, dispatch)
    for number in (1, 2):
        assert program.post(f"{PATH}/{reference}/reopen", {"reason": "came_back", "words": "又滴水"}).status_code == 204
        assert len(said(quick, "requests.request_escalated")) == number - 1
        assert said(quick, "requests.request_reopened")[-1]["data"]["reason"] == "came_back"
        day = a_day(a_request(quick, reference), order=quick.ids(), round_=number + 1)
        play(quick, enumerate(day, 1), dispatch)
    assert said(quick, "requests.request_escalated")[0]["data"]["times"] == 2


def test_a_dispatcher_says_what_was_done_and_the_requester_reads_it(quick, quick_app):
    program = Program(quick, quick_app)
    reference = finished(quick, program)
    program.post(f"{PATH}/{reference}/confirm", {"stars": 1})
    hejing, hanbing = Browser(quick_app), Browser(quick_app)
    hejing.sign_in("hejing"), hanbing.sign_in("hanbing")
    short = reference.partition("-")[2]
    assert short in hejing.get("/requests/escalations").text
    page = f"/requests/{short}"
    assert hejing.submit(page, page + "/escalation", words="").status_code == 422
    assert hejing.submit(page, page + "/escalation", words="已约谈班组，明天重做").status_code == 303
    assert "已约谈班组" in hanbing.get(page).text
    assert short not in hejing.get("/requests/escalations").text
    again = Program(quick, quick_app, "hejing").post(f"{PATH}/{reference}/escalation", {"words": "再说"})
    assert again.status_code == 409
    assert len(said(quick, "requests.escalation_answered")) == 1
    assert program.post(f"{PATH}/{reference}/escalation", {"words": "自己说"}).status_code == 403


def test_a_reason_to_reopen_stands_in_the_timeline(quick, quick_app):
    program = Program(quick, quick_app)
    reference = finished(quick, program)
    short = reference.partition("-")[2]
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    page = f"/requests/{short}"
    assert browser.submit(page, page + "/reopen", reason="half_done", words="只换了一个").status_code == 303
    text = browser.get(page).text
    assert "只做了一半" in text
    assert "只换了一个" in text
    bad = program.post(f"{PATH}/{reference}/reopen", {"reason": "because"})
    assert bad.status_code == 422


def test_an_amendment_that_comes_between_steps_leaves_the_order_where_it_is(quick, quick_app):
    program = Program(quick, quick_app)
    reference = program.post(PATH, REPAIR).json["reference"]
    request = a_request(quick, reference)
    dispatch = Dispatch(quick)
    dispatch.say(a_day(request)[0], 1)
    dispatch.say(a_day(request)[1], 2)
    program.open("PATCH", f"{PATH}/{reference}", {"contact": "8303"})
    dispatch.say(told.WorkOrderAccepted(order_id=ORDER, request_id=request.id, crew="in-elec-1", accepted_at=NOON), 3)
    assert a_request(quick, reference).state == "assigned"
    act(quick, request, following.urge)
