"""Asking for the same thing together: shown, joined, told, left, handed over."""

import threading

import pytest
from sqlalchemy import event

from services.requests import store
from tests.requests.conftest import Browser, Dispatch, Program, an_app, said
from tests.requests.test_requests_following import a_day, play

PATH = "/requests/api/requests"
LIGHT = {"item": "repair", "place": "B2-302", "answers": {"what": "light", "details": "走廊第三盏，找韩冰"}}


def a_request(running, reference):
    with running.database.read() as connection:
        return store.request_by_reference(connection, reference)


@pytest.fixture
def two(quick, quick_app):
    """Han Bing's request, and Sun Li who wants the same."""
    hanbing, sunli = Program(quick, quick_app), Program(quick, quick_app, "sunli")
    filed = hanbing.post(PATH, LIGHT).json
    refused = sunli.post(PATH, LIGHT)
    return hanbing, sunli, filed, refused


def test_the_second_is_told_of_the_first_and_nothing_is_filed(two, quick):
    _, _, filed, refused = two
    assert refused.status_code == 409
    [found] = refused.json["alike"]
    assert set(found) == {"item", "place", "filed_at", "join"}  # security B5: place, item, hour
    assert filed["reference"] not in refused.text
    assert "韩冰" not in refused.text
    assert len(said(quick, "requests.request_filed")) == 1


def test_whose_own_it_is_gets_its_reference(quick, quick_app):
    hanbing = Program(quick, quick_app)
    filed = hanbing.post(PATH, LIGHT).json
    [found] = hanbing.post(PATH, LIGHT).json["alike"]
    assert found["reference"] == filed["reference"]
    assert "join" not in found


def test_it_may_be_filed_all_the_same_and_other_things_are_not_alike(quick, quick_app):
    hanbing = Program(quick, quick_app)
    for changes in ({}, {"anyway": True}, {"place": "B2-303"}, {"answers": {"what": "pipe"}}, {"asset": "L-17"}):
        assert hanbing.post(PATH, {**LIGHT, **changes}).status_code == 201, changes
    other = {**LIGHT, "answers": {"what": "other"}}
    assert [hanbing.post(PATH, other).status_code for _ in range(2)] == [201, 201]
    assert hanbing.post(PATH, {**LIGHT, "asset": "l-17"}).status_code == 409


def test_what_is_done_stands_in_nobodys_way(two, quick):
    hanbing, sunli, filed, _ = two
    assert hanbing.post(f"{PATH}/{filed['reference']}/withdraw").status_code == 204
    assert sunli.post(PATH, LIGHT).status_code == 201


def test_of_many_at_once_exactly_one_files(running):
    app = an_app(running)
    programs = [Program(running, app, user) for user in ("hanbing", "sunli", "hejing") for _ in range(4)]
    answers = []
    threads = [threading.Thread(target=lambda each=each: answers.append(each.post(PATH, LIGHT))) for each in programs]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert all(answer.json["alike"] for answer in answers if answer.status_code == 409)
    assert len(said(running, "requests.request_filed")) == 1


def test_the_check_costs_no_message_to_the_database(running):
    app = an_app(running)
    program = Program(running, app)
    counts = []
    for number, changes in enumerate(({"anyway": True}, {"place": "B2-303"}, {"place": "B2-304"}, {"anyway": True})):
        statements = []
        listen = lambda *args, into=statements: into.append(args[2])  # noqa: E731
        event.listen(running.database.engine, "before_cursor_execute", listen)
        program.post(PATH, {**LIGHT, **changes}, **{"Idempotency-Key": f"k{number}"})
        event.remove(running.database.engine, "before_cursor_execute", listen)
        counts.append(len(statements))
    assert counts[2] <= counts[3]


def test_who_joins_follows_it_is_told_and_confirms(two, quick):
    hanbing, sunli, filed, refused = two
    token = refused.json["alike"][0]["join"]
    joined = sunli.post("/requests/api/joins", {"join": token})
    assert (joined.status_code, joined.json) == (201, {"reference": filed["reference"], "joined": 2})
    assert sunli.post("/requests/api/joins", {"join": token}).json["joined"] == 2
    assert [each["data"]["joined"] for each in said(quick, "requests.request_joined")] == [2]
    [mine] = sunli.get(PATH + "?mine=true").json["items"]
    assert (mine["mine"], mine["joined"]) == ("joined", 2)
    found = sunli.get(f"{PATH}/{filed['reference']}")
    assert "找韩冰" not in found.text  # what made it the same, not what the other wrote
    assert found.json["answers"] == {"what": "light"}
    assert found.json["contact"] == ""
    assert "urge" in found.json["may"]
    assert "withdraw" not in found.json["may"]
    assert sunli.post(f"{PATH}/{filed['reference']}/withdraw").status_code == 404
    play(quick, enumerate(a_day(a_request(quick, filed["reference"])), 1))
    with quick.database.read() as connection:
        told = {row[0] for row in connection.exec_driver_sql("SELECT channel FROM live_row")}
    accounts = {store_id(quick, user) for user in ("hanbing", "sunli")}
    assert {f"account:{each}" for each in accounts} <= told
    assert sunli.post(f"{PATH}/{filed['reference']}/confirm", {"stars": 4}).status_code == 204
    assert hanbing.get(f"{PATH}/{filed['reference']}").json["state"] == "closed"
    assert sunli.post(f"{PATH}/{filed['reference']}/confirm", {"stars": 4}).status_code == 409


def store_id(running, user):
    with running.database.read() as connection:
        return store.account_by_user(connection, user).id


def test_whoever_joined_may_say_so_after_it_was_closed(two, quick):
    hanbing, sunli, filed, refused = two
    sunli.post("/requests/api/joins", {"join": refused.json["alike"][0]["join"]})
    play(quick, enumerate(a_day(a_request(quick, filed["reference"])), 1))
    assert hanbing.post(f"{PATH}/{filed['reference']}/confirm", {"stars": 5}).status_code == 204
    assert sunli.post(f"{PATH}/{filed['reference']}/confirm", {"stars": 1}).status_code == 204
    request = a_request(quick, filed["reference"])
    assert (request.state, request.stars, request.escalated) == ("closed", 5, "low_rating")
    assert [each["data"]["stars"] for each in said(quick, "requests.request_confirmed")] == [5, 1]


def test_who_leaves_sees_it_no_longer(two, quick):
    _, sunli, filed, refused = two
    sunli.post("/requests/api/joins", {"join": refused.json["alike"][0]["join"]})
    assert sunli.post(f"{PATH}/{filed['reference']}/leave").status_code == 204
    assert sunli.get(f"{PATH}/{filed['reference']}").status_code == 404
    assert sunli.get(PATH + "?mine=true").json["items"] == []
    assert said(quick, "requests.request_left")[0]["data"]["joined"] == 1


def test_when_the_requester_withdraws_it_is_theirs_who_joined(two, quick):
    hanbing, sunli, filed, refused = two
    sunli.post("/requests/api/joins", {"join": refused.json["alike"][0]["join"]})
    assert hanbing.post(f"{PATH}/{filed['reference']}/withdraw").status_code == 204
    request = a_request(quick, filed["reference"])
    assert (request.state, request.requester, request.joined) == ("filed", store_id(quick, "sunli"), 1)
    assert not said(quick, "requests.request_withdrawn")
    assert said(quick, "requests.request_left")[0]["data"]["requester"] == store_id(quick, "sunli")
    assert hanbing.get(f"{PATH}/{filed['reference']}").status_code == 404
    assert sunli.post(f"{PATH}/{filed['reference']}/withdraw").status_code == 204
    own = [each["sequence"] for each in said(quick) if each["subject"] == request.id]
    assert own == list(range(1, len(own) + 1))


def test_a_word_that_joins_serves_one_person_alone_and_is_not_made_up(two, quick, quick_app):
    _, _, _, refused = two
    token = refused.json["alike"][0]["join"]
    assert Program(quick, quick_app, "hejing").post("/requests/api/joins", {"join": token + "x"}).status_code == 400
    other = Program(quick, quick_app, "zhaomin" if has(quick, "zhaomin") else "wuqian")
    assert other.post("/requests/api/joins", {"join": token}).status_code in {403, 404}


def has(running, user):
    with running.database.read() as connection:
        return store.account_by_user(connection, user) is not None


def test_nothing_restricted_is_ever_shown_or_joined(quick, quick_app):
    hanbing, sunli = Program(quick, quick_app), Program(quick, quick_app, "sunli")
    body = {"item": "security", "place": "B2-302", "answers": {"what": "key"}}
    item = sunli.get("/requests/api/catalogue/security").json
    body["answers"]["what"] = next(each for each in item["fields"] if each["name"] == "what")["options"][0]["code"]
    assert hanbing.post(PATH, body).status_code == 201
    assert sunli.post(PATH, body).status_code == 201
    assert sunli.get("/requests/api/open?item=security&place=B2-302").json["items"] == []


def test_the_form_shows_what_is_open_here_joins_it_or_files_all_the_same(quick, quick_app):
    hanbing, sunli = Browser(quick_app), Browser(quick_app)
    hanbing.sign_in("hanbing"), sunli.sign_in("sunli")
    form = "/requests/new/repair"
    first = hanbing.submit(form, form, place="B2-302", what="light", details="找韩冰")
    assert first.status_code == 303
    shown = sunli.get(form + "?place=B2-302").text
    assert "这里正在办的1件" in shown
    assert "找韩冰" not in shown
    refused = sunli.submit(form, form, place="B2-302", what="light", details="我的话")
    assert refused.status_code == 409
    assert "我的话" in refused.text
    assert 'name="anyway"' in refused.text
    token = refused.text.partition('name="join" value="')[2].partition('"')[0]
    joined = sunli.submit(form, form, place="B2-302", what="light", join=token)
    assert joined.status_code == 303
    page = sunli.get(joined.headers["Location"]).text
    assert "2人一起报" in page
    assert "找韩冰" not in page
    mine = sunli.get("/requests/mine").text
    assert "2人一起报" in mine
    assert "找韩冰" not in mine
    left = sunli.submit(joined.headers["Location"], joined.headers["Location"] + "/leave")
    assert left.status_code == 303
    anyway = sunli.submit(form, form, place="B2-302", what="light", anyway="1")
    assert anyway.status_code == 303
    assert "filed=1" in anyway.headers["Location"]


def test_a_dispatcher_joins_for_whoever_is_on_the_telephone(quick, quick_app):
    hanbing, hejing = Program(quick, quick_app), Program(quick, quick_app, "hejing")
    filed = hanbing.post(PATH, LIGHT).json
    refused = hejing.post(PATH, {**LIGHT, "on_behalf_of": "sunli"})
    assert refused.status_code == 409
    assert hejing.post("/requests/api/joins", {"join": refused.json["alike"][0]["join"]}).status_code == 201
    sunli = Program(quick, quick_app, "sunli")
    assert sunli.get(f"{PATH}/{filed['reference']}").json["mine"] == "joined"


def test_events_of_the_order_go_on_after_a_hand_over(two, quick):
    hanbing, sunli, filed, refused = two
    sunli.post("/requests/api/joins", {"join": refused.json["alike"][0]["join"]})
    hanbing.post(f"{PATH}/{filed['reference']}/withdraw")
    play(quick, enumerate(a_day(a_request(quick, filed["reference"])), 1), Dispatch(quick))
    assert sunli.get(f"{PATH}/{filed['reference']}").json["state"] == "to_confirm"
