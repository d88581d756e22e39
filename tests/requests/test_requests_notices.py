"""People are told of what concerns them, in the transaction of the fact, and nobody else is."""

import json
import re
import string

import pytest

from services.requests import notices, store
from services.requests import tables as service_tables
from services.requests.bookings import store as bookings
from services.requests.handlers import filing, following
from services.requests.model import Filing
from services.requests.notices import store as kept
from services.requests.notices.rules import MAILS, RULES, TOPICS
from services.requests.notices.telling import About, responsible
from services.requests.notices.wording import said as worded
from services.requests.service import desk_of
from shared.contracts import dispatch as told_by
from shared.language import CODES, language
from tests.requests.conftest import NOON, REPAIR, Browser, Dispatch, Program, person

EN, ZH = language("en"), language("zh-Hans")


def of(running, user="hanbing", **how):
    with running.database.read() as connection:
        return kept.of_account(connection, person(user).account, **how)


def kinds(running, user="hanbing"):
    return [each.kind for each in reversed(of(running, user))]


def text(running, notice, words=EN):
    desk = desk_of(running)
    with running.database.read() as connection:
        return worded(words, notice, desk.catalogue, desk.places(connection), NOON)


def tell(running, kind="request.paused", account="", n=1, **words):
    with running.work() as work:
        about = About(
            subject="request", id="x", address="/requests/1125-001", words={"what": "a lamp", **words},
            people={"requester": (account or person().account,)},
        )  # fmt: skip
        for _ in range(n):
            notices.tell(work, kind, about)


# ---- the rules


def test_every_rule_has_its_words_in_both_languages_and_a_topic():
    for kind, rule in RULES.items():
        assert rule.topic in TOPICS
        assert rule.mail in MAILS
        for code in CODES:
            assert language(code).has(f"notice.{kind}"), kind
    assert {f"notice.topic.{topic}" for topic in TOPICS} == {key for key in EN.words if key.startswith("notice.topic.")}


def test_every_sentence_names_what_is_known_when_it_is_told(running):
    """Whatever the words of a kind name is among what its tellers give."""
    given = {"what", "who", "why", "crew", "promise", "n", "until"}
    for kind in RULES:
        found = EN.words[f"notice.{kind}"]
        for each in found.values() if isinstance(found, dict) else [found]:
            assert {name for _, name, _, _ in string.Formatter().parse(each) if name} <= given, kind


# ---- who is told of what


def a_request(running, user="hanbing", filing_=None, **changes):
    desk = desk_of(running)
    wanted = filing_ or Filing(item="repair", place="B2-302", answers=REPAIR["answers"])
    with running.work(actor=person(changes.get("by", user)).actor) as work:
        requester, filed_by = (
            (filing.on_behalf(work, person(changes["by"]), user)) if "by" in changes else (person(user), "")
        )
        found = filing.file_request(work, desk, requester, wanted, "form", filed_by=filed_by)
    with running.database.read() as connection:
        return store.request_by_id(connection, found.id)


def opened(request):
    return told_by.WorkOrderOpened(
        order_id="o-1", reference=f"{request.reference}-1", request_id=request.id, item="repair", place="B2-302", priority=2, opened_at=NOON, round=1,
        request_reference=request.reference, department="x",
        response_due_at=NOON, arrival_due_at=NOON, finish_due_at=NOON,
    )  # fmt: skip


def test_the_requester_hears_of_each_step_once_and_not_of_his_own(running):
    request = a_request(running)
    dispatch = Dispatch(running)
    step = {"order_id": "o-1", "request_id": request.id}
    dispatch.say(opened(request), 1)
    dispatch.say(
        told_by.WorkOrderAssigned(**step, assigned_at=NOON, crew="w1", crew_name="王建国", crew_name_en="Wang Jianguo"),
        2,
    )
    accepted = dispatch.envelope(told_by.WorkOrderAccepted(**step, crew="w1", accepted_at=NOON), 3)
    dispatch.deliver(accepted)
    dispatch.deliver(accepted, redelivered=True)
    dispatch.say(told_by.WorkOrderStarted(**step, crew="w1", started_at=NOON), 4)
    dispatch.say(told_by.WorkOrderPaused(**step, paused_at=NOON, reason="awaiting_parts", by="w1"), 5)
    dispatch.say(told_by.PromiseBreached(**step, promise="arrival", due_at=NOON, noticed_at=NOON), 6)
    assert kinds(running) == ["request.assigned", "request.under_way", "request.paused", "request.breached"]
    first, last = of(running)[-1], of(running)[0]
    short = request.reference.partition("-")[2]
    assert text(running, first) == f"Repairs · {short} · Building 2, floor 3, office 302: Wang Jianguo will see to it"
    assert text(running, last, ZH).endswith("：没有按时到场，我们在跟进")
    assert first.address == f"/requests/{short}"
    with running.work(actor=person().actor) as work:
        following.withdraw(work, store.request_by_id(work.connection, request.id, lock=True), ("韩冰", "Han Bing"))
    assert "request.withdrawn" not in kinds(running)


def test_whoever_joined_hears_too_until_leaving(running):
    request = a_request(running)
    joiner = person("hejing").account
    with running.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE request SET joined = 2 WHERE id = '{request.id}'")
        connection.execute(
            service_tables.together.insert().values(
                request_id=request.id, account=joiner, joined_at=NOON, filed_at=NOON, name="何静", name_en="He Jing"
            )
        )
    dispatch = Dispatch(running)
    dispatch.say(opened(request), 1)
    dispatch.say(told_by.WorkOrderStarted(order_id="o-1", request_id=request.id, crew="w1", started_at=NOON), 2)
    assert kinds(running) == kinds(running, "hejing") == ["request.under_way"]
    with running.database.write() as connection:
        connection.execute(service_tables.together.update().values(left_at=NOON))
    dispatch.say(
        told_by.WorkOrderPaused(
            order_id="o-1", request_id=request.id, paused_at=NOON, reason="awaiting_parts", by="w1"
        ),
        3,
    )
    assert kinds(running, "hejing") == ["request.under_way"]


def test_steps_that_come_late_tell_of_nothing_that_is_past(running):
    request = a_request(running)
    dispatch = Dispatch(running)
    step = {"order_id": "o-1", "request_id": request.id}
    dispatch.say(opened(request), 1)
    whole = {
        "reference": "r",
        "request_reference": "r",
        "item": "repair",
        "place": "B2-302",
        "department": "x",
        "crew": "w1",
    }
    dispatch.say(told_by.WorkOrderFinished(**step, **whole, started_at=NOON, finished_at=NOON, usage=()), 9)
    dispatch.say(told_by.WorkOrderStarted(**step, crew="w1", started_at=NOON), 4)
    assert kinds(running) == ["request.to_confirm"]


def test_whoever_asked_by_telephone_hears_that_it_was_filed(running):
    request = a_request(running, by="hejing")
    assert kinds(running) == ["request.filed_for_you"]
    assert kinds(running, "hejing") == []
    with running.work(actor=person("hejing").actor) as work:
        following.withdraw(work, store.request_by_id(work.connection, request.id, lock=True), ("何静", "He Jing"))
    assert text(running, of(running)[0], ZH).endswith("：何静已撤回")


def test_what_is_restricted_names_no_place(running):
    desk = desk_of(running)
    item = next(each for each in desk.catalogue if each.restricted)
    about = __import__("services.requests.notices.telling", fromlist=["x"]).about_request(
        type("R", (), {"id": "r", "reference": "2026-1125-009", "item": item.code, "place": "B2-302", "restricted": True, "requester": "a", "filed_by": "", "joined": 0})
    )  # fmt: skip
    assert about.restricted
    assert about.words["what"]["of"] == [{"item": item.code}, "1125-009"]


def test_nothing_is_told_when_the_work_is_given_up(running):
    with pytest.raises(RuntimeError), running.work() as work:
        notices.tell(
            work,
            "request.paused",
            About(subject="request", id="x", address="/", words={"what": "x"}, people={"requester": ["a"]}),
        )
        raise RuntimeError
    with running.database.read() as connection:
        assert kept.of_account(connection, "a") == []


def test_who_is_responsible_is_in_the_body_or_above_it(running):
    with running.database.read() as connection:
        dispatchers = responsible("dispatcher", person("hejing").organisation)(connection)
        assert person("hejing").account in dispatchers
        assert person("hanbing").account not in dispatchers
        assert responsible("dispatcher", "another/tree")(connection) == []


# ---- bookings


def a_booking(program, room="B2-305", **changes):
    body = {
        "resource": room,
        "starts_at": "2026-11-26T02:00:00Z",
        "ends_at": "2026-11-26T03:00:00Z",
        "subject": "例会",
        "headcount": 4,
    }
    return program.post("/requests/api/bookings", {**body, **changes})


def test_the_owner_of_a_booking_has_it_by_mail_alone_when_he_made_it(quick, quick_app):
    answer = a_booking(Program(quick, quick_app))
    assert answer.status_code == 201, answer.text
    (made,) = of(quick)
    assert (made.kind, made.subject, made.mail) == ("booking.made", "booking", "due")
    assert made.read_at is not None
    assert "例会" in text(quick, made)
    assert "26 Nov" in text(quick, made) or "tomorrow" in text(quick, made)


def test_the_tasks_of_a_booking_ring_when_something_is_wrong_and_not_when_all_is_well(quick, quick_app):
    answer = a_booking(Program(quick, quick_app))
    with quick.database.read() as connection:
        task = store.request_by_id(connection, bookings.tasks_of(connection, answer.json["items"][0]["id"])[0][0])
    dispatch = Dispatch(quick)
    step = {"order_id": "o-1", "request_id": task.id}
    dispatch.say(opened(task), 1)
    dispatch.say(told_by.WorkOrderAssigned(**step, assigned_at=NOON, crew="w1", crew_name="会务", crew_name_en="M"), 2)
    dispatch.say(told_by.WorkOrderStarted(**step, crew="w1", started_at=NOON), 3)
    dispatch.say(told_by.WorkOrderPaused(**step, paused_at=NOON, reason="awaiting_parts", by="w1"), 4)
    assert kinds(quick) == ["booking.made", "request.paused"]


# ---- reading them


def test_the_list_is_paged_by_cursor_and_shows_only_ones_own(quick, quick_app):
    tell(quick, n=3)
    tell(quick, account=person("hejing").account)
    program = Program(quick, quick_app)
    first = program.get("/requests/api/notices?limit=2").json
    rest = program.get(f"/requests/api/notices?limit=2&cursor={first['next']}").json
    ids = [each["id"] for each in first["items"] + rest["items"]]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert rest["next"] is None
    assert program.get("/requests/api/notices?cursor=forged").status_code == 400
    assert program.get("/requests/api/notices/count").json["unread"] == 3


def test_marking_touches_nobody_elses(quick, quick_app):
    tell(quick, n=2)
    (theirs, other) = (of(quick), Program(quick, quick_app, "hejing"))
    assert other.post("/requests/api/notices/read", {"ids": [theirs[0].id]}).json == {"changed": 0}
    assert other.post("/requests/api/notices/read", {"until": theirs[0].id}).json == {"changed": 0}
    mine = Program(quick, quick_app)
    assert mine.post("/requests/api/notices/read", {"ids": [theirs[0].id]}).json == {"changed": 1}
    assert mine.post("/requests/api/notices/read", {"ids": [theirs[0].id]}).json == {"changed": 0}
    assert mine.get("/requests/api/notices/count").json["unread"] == 1
    assert mine.post("/requests/api/notices/unread", {"ids": [theirs[0].id]}).json == {"changed": 1}
    assert mine.post("/requests/api/notices/read", {}).status_code == 422


def test_all_are_marked_up_to_what_was_shown_and_that_can_be_undone(quick, quick_app):
    tell(quick, n=2)
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    page = browser.get("/requests/notices").text
    until = re.search(r'name="until" value="([^"]+)"', page)[1]
    tell(quick)  # after the page was shown
    proof = re.search(r'data-csrf="([^"]+)"', page)[1]
    done = browser.post("/requests/notices/read", {"_csrf": proof, "until": until})
    assert done.status_code == 303
    assert [each.read_at is None for each in of(quick)] == [True, False, False]
    shown = browser.get("/requests/notices").text
    undo = re.search(r'action="(/requests/notices/unread/\d+)"', shown)[1]
    assert browser.post(undo, {"_csrf": proof}).status_code == 303
    assert all(each.read_at is None for each in of(quick))


def test_opening_one_marks_it_and_goes_to_what_it_is_about(quick, quick_app):
    tell(quick)
    (one,) = of(quick)
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    answer = browser.submit("/requests/notices", f"/requests/notices/{one.id}/open")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/requests/1125-001")
    assert of(quick)[0].read_at is not None
    assert of(quick, unread=True) == []
    other = Browser(quick_app)
    other.sign_in("hejing")
    proof = re.search(r'data-csrf="([^"]+)"', other.get("/requests/notices").text)[1]
    assert other.post(f"/requests/notices/{one.id}/open", {"_csrf": proof}).status_code == 404


def test_every_page_carries_the_bell_and_nobody_signed_out_does(quick, quick_app):
    browser = Browser(quick_app)
    assert "data-bell" not in browser.get("/requests/track").text
    browser.sign_in("hanbing")
    for path in ("/requests/", "/requests/me", "/requests/notices"):
        assert 'data-bell="/requests/api/notices/count"' in browser.get(path).text


def test_a_page_that_is_open_is_told_and_the_stream_is_the_persons_own(quick):
    tell(quick)
    with quick.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT channel, event, data FROM live_row").all()
    assert [(channel, event) for channel, event, _ in rows] == [(f"account:{person().account}", "bell")]
    assert json.loads(rows[0][2]) == {"ref": of(quick)[0].id}


def test_a_notice_of_another_version_is_said_in_general_words(quick):
    tell(quick)
    with quick.database.write() as connection:
        connection.exec_driver_sql("UPDATE notice SET words = '{}'")
    assert text(quick, of(quick)[0], EN) == EN("notice.unknown")
