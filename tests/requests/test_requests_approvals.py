"""What is above the standard, over a quota or of a chosen room: one way to approve it, in steps, in time, by others."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from services.requests import approvals, store
from services.requests.bookings import handlers as bookings
from services.requests.bookings import store as booking_store
from services.requests.bookings.model import Wish
from services.requests.catalogue import Rule, Step
from services.requests.handlers import deciding, filing, following
from services.requests.model import Filing
from services.requests.requester import oneself
from services.requests.service import desk_of, watch_bookings
from shared.errors import Absent, Conflict, Invalid, Transient
from shared.language import language
from tests.requests.conftest import NOON, Browser, Program, an_app, person, said

MEAL = Filing(
    item="canteen", level="reception", starts_at=NOON + timedelta(days=1), quantity=8, exception="省里来检查，凭公函",
)  # fmt: skip

ABOVE = Rule(("above",))


def a_desk(running, rule=ABOVE, item="canteen", **changes):
    """A desk whose reception meals are above the standard, with this rule."""
    desk = desk_of(running)
    before = desk.catalogue.get(item)
    levels = tuple(replace(level, above=level.code == "reception") for level in before.levels)
    after = replace(before, version=before.version + 1, rule=rule, levels=levels, **changes)
    desk.shelf._editions[item, after.version] = type(desk.shelf.editions(item)[0])(after, NOON - timedelta(days=1))
    desk.shelf._stands = None
    return desk


def file(running, desk, wanted=MEAL, user="hanbing", **options):
    with running.work() as work:
        return filing.file_request(work, desk, person(user), wanted, "form", **options)


def decide(running, desk, filed, user, granted=True, words=""):
    with running.work() as work:
        return deciding.decide(work, desk, filed.id, person(user), granted=granted, words=words)


def state(running, filed):
    with running.database.read() as connection:
        return store.request_by_id(connection, filed.id).state


def waiting(running, user):
    with running.database.read() as connection:
        return [each.request_id for each in approvals.waiting_for(connection, person(user), running.clock.now())]


def test_above_the_standard_is_refused_where_the_rule_leaves_no_way(quick):
    with pytest.raises(Invalid) as raised:
        file(quick, a_desk(quick, Rule()))
    assert raised.value.fields == {"level": ["approval.field.above"]}


def test_above_the_standard_needs_a_reason_and_awaits_approval(running):
    desk = a_desk(running)
    with pytest.raises(Invalid) as raised:
        file(running, desk, replace(MEAL, exception=""))
    assert raised.value.fields == {"exception": ["approval.field.why"]}
    assert not file(running, desk, replace(MEAL, level="work", exception="")).held
    filed = file(running, desk)
    assert filed.held and state(running, filed) == "awaiting_approval"
    assert waiting(running, "hejing") == [filed.id]
    before = len(said(running, "requests.request_filed"))
    assert decide(running, desk, filed, "hejing") == "granted"
    assert state(running, filed) == "filed" and len(said(running, "requests.request_filed")) == before + 1
    told = said(running, "requests.approval_decided")[0]["data"]
    assert (told["causes"], told["outcome"], told["kind"]) == (["above"], "granted", "request")
    assert "省里" not in str(told)


def test_more_than_the_standard_holds_of_a_number_is_above_it(quick):
    desk = a_desk(quick)
    item = desk.catalogue.get("canteen")
    fields = tuple(replace(each, usual=20) if each.name == "quantity" else each for each in item.fields)
    desk = a_desk(quick, Rule(("above",)), fields=fields)
    plain = replace(MEAL, level="work", exception="")
    assert not file(quick, desk, replace(plain, quantity=20)).held
    with pytest.raises(Invalid):
        file(quick, desk, replace(plain, quantity=21))
    assert file(quick, desk, replace(plain, quantity=21, exception="来人多")).held


def test_who_may_not_ask_can_ask_for_an_exception_where_the_rule_says_so(quick):
    wanted = Filing(item="residence", answers={"what": "cleaning"}, exception="临时安排")
    with pytest.raises(Invalid):
        file(quick, desk_of(quick), wanted)
    assert file(quick, a_desk(quick, Rule(("outside",)), item="residence"), wanted).held


def test_steps_follow_one_another_and_a_refusal_needs_words(running):
    steps = (Step(("role:dispatcher",), within=24), Step(("person:admin",), within=48))
    desk = a_desk(running, Rule(("above",), steps))
    filed = file(running, desk)
    assert waiting(running, "admin") == []
    with pytest.raises(Absent):
        decide(running, desk, filed, "admin")
    assert decide(running, desk, filed, "hejing") == "next"
    assert waiting(running, "hejing") == [] and waiting(running, "admin") == [filed.id]
    with pytest.raises(Invalid):
        decide(running, desk, filed, "admin", granted=False)
    assert decide(running, desk, filed, "admin", granted=False, words="超标准") == "refused"
    assert state(running, filed) == "refused" and said(running, "requests.request_filed") == []
    with pytest.raises(Conflict):
        decide(running, desk, filed, "admin")


def test_a_quorum_counts_and_ends_when_it_cannot_be_reached(running):
    steps = (Step(("person:hejing", "person:admin", "person:sunli"), need=2),)
    desk = a_desk(running, Rule(("above",), steps))
    first, second = file(running, desk), file(running, desk)
    assert decide(running, desk, first, "hejing") == "open"
    with pytest.raises(approvals.Decided):
        decide(running, desk, first, "hejing")
    assert decide(running, desk, first, "sunli") == "granted"
    assert decide(running, desk, second, "hejing", granted=False, words="不急") == "open"
    assert decide(running, desk, second, "admin", granted=False, words="不急") == "refused"
    assert (state(running, first), state(running, second)) == ("filed", "refused")


def test_of_ten_decisions_at_once_one_counts(running):
    desk = a_desk(running)
    filed = file(running, desk)
    start = threading.Barrier(10)

    def one(number):
        start.wait(20)
        while True:
            try:
                return decide(running, desk, filed, "hejing", granted=number % 2 == 0, words="x")
            except Conflict:
                return "late"
            except Transient:
                continue

    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(one, range(10)))
    assert found.count("late") == 9
    assert len(said(running, "requests.request_filed")) == (1 if "granted" in found else 0)


def test_nobody_approves_their_own_nor_does_a_deputy_for_them(quick):
    desk = a_desk(quick, Rule(("above",), (Step(("person:hanbing", "person:hejing")),)))
    filed = file(quick, desk)
    assert waiting(quick, "hanbing") == [] and waiting(quick, "hejing") == [filed.id]
    with pytest.raises(approvals.OwnRequest):
        decide(quick, desk, filed, "hanbing")
    with quick.work() as work:
        approvals.name_deputy(work, person("hanbing").account, person("sunli").account, NOON, NOON + timedelta(days=1))
        approvals.name_deputy(work, person("hejing").account, person("hanbing").account, NOON, NOON + timedelta(days=1))
    for user in ("sunli", "hanbing"):
        assert waiting(quick, user) == []
        with pytest.raises((Absent, approvals.OwnRequest)):
            decide(quick, desk, filed, user)
    by_phone = file(quick, desk, filed_by=person("hejing").account)
    with pytest.raises(approvals.OwnRequest):
        decide(quick, desk, by_phone, "hejing")


def test_a_deputy_decides_while_the_person_is_away_and_not_after(running):
    desk = a_desk(running)
    first, second = file(running, desk), file(running, desk)
    with running.work() as work:
        approvals.name_deputy(work, person("hejing").account, person("sunli").account, NOON, NOON + timedelta(hours=2))
    assert set(waiting(running, "sunli")) == {first.id, second.id}
    assert decide(running, desk, first, "sunli") == "granted"
    with running.database.read() as connection:
        assert approvals.votes(connection, [first.id])[first.id][0].deputy
    running.clock.set(NOON + timedelta(hours=3))
    assert waiting(running, "sunli") == []
    with pytest.raises(Absent):
        decide(running, desk, second, "sunli")


def test_what_is_left_too_long_passes_on_once_and_is_then_refused_across_restarts(running):
    steps = (Step(("person:hejing",), within=10, then=("person:admin",)),)
    desk = a_desk(running, Rule(("above",), steps))
    filed = file(running, desk)
    for _ in range(2):  # as two replicas, or one that was restarted
        watch_bookings(running)
    assert waiting(running, "admin") == []
    running.clock.set(NOON + timedelta(hours=10, seconds=1))
    for _ in range(2):
        with running.work() as work:
            assert deciding.expire(work, desk) == 0
    assert waiting(running, "admin") == [filed.id] == waiting(running, "hejing")
    running.clock.set(NOON + timedelta(hours=20, seconds=2))
    with running.work() as work:
        assert deciding.expire(work, desk) == 1
    with running.work() as work:
        assert deciding.expire(work, desk) == 0
    assert state(running, filed) == "refused" and waiting(running, "admin") == []
    assert [each["data"]["outcome"] for each in said(running, "requests.approval_decided")] == ["late"]


def test_a_room_that_a_request_holds_is_free_again_when_it_is_refused_or_withdrawn(running):
    desk = a_desk(running, Rule(("always",)), item="meeting")
    meeting = Filing(
        item="meeting", place="B2-305", starts_at=NOON + timedelta(hours=3), ends_at=NOON + timedelta(hours=4), headcount=6,
        answers={"subject": "处务会"},
    )  # fmt: skip
    first = file(running, desk, meeting)
    decide(running, desk, first, "hejing", granted=False, words="改天")
    second = file(running, desk, meeting)
    assert second.held
    with running.work() as work:
        following.withdraw(work, store.request_by_id(work.connection, second.id, lock=True), ("韩冰", "Han Bing"))
    assert file(running, desk, meeting).held
    assert len(said(running, "requests.booking_ended")) == 2


def test_a_booking_of_a_chosen_room_goes_the_same_way(running):
    desk = a_desk(running, Rule((), (Step(("role:dispatcher",), within=24),)), item="meeting")
    with running.database.read() as connection:
        room = next(each for each in booking_store.resources(connection, "room") if each.approval)
    wish = Wish(
        resource=room.code, starts_at=NOON + timedelta(days=1, hours=1), ends_at=NOON + timedelta(days=1, hours=2),
        subject="大会", headcount=room.capacity,
    )  # fmt: skip
    with running.work() as work:
        made = bookings.book(work, desk, oneself(person()), wish)
    assert made.state == "pending" and waiting(running, "hejing") == [made.id]
    assert decide(running, desk, made, "hejing") == "granted"
    with running.database.read() as connection:
        assert booking_store.booking(connection, made.id).state == "booked"
        assert booking_store.tasks_of(connection, made.id)
    later = replace(wish, starts_at=wish.starts_at + timedelta(days=1), ends_at=wish.ends_at + timedelta(days=1))
    with running.work() as work:
        late = bookings.book(work, desk, oneself(person()), later)
    running.clock.set(NOON + timedelta(hours=25))
    with running.work() as work:
        assert deciding.expire(work, desk) == 1
    with running.database.read() as connection:
        assert booking_store.booking(connection, late.id).state == "refused"


# ---- page and API


def test_approvers_of_any_role_decide_on_the_page_and_others_see_nothing(quick):
    app = an_app(quick)
    app.own.shelf = a_desk(quick, Rule(("above",), (Step(("person:sunli",)),))).shelf
    filed = file(quick, app.own)
    approver, other, asker = Browser(app), Browser(app), Browser(app)
    asker.sign_in("hanbing")
    assert "超出标准" in (mine := asker.get(f"/requests/{filed.reference}").text) and "第1步，共1步" in mine
    assert "超出标准" in (form := asker.get("/requests/new/canteen").text) and 'name="exception"' in form
    approver.sign_in("sunli")
    other.sign_in("hejing")
    shown = approver.get("/requests/approvals").text
    assert "省里来检查，凭公函" in shown and "超出标准" in shown
    assert "凭公函" not in other.get("/requests/approvals").text
    path = f"/requests/approvals/{filed.reference.partition('-')[2]}"
    wrong = approver.submit("/requests/approvals", path, granted="no")
    assert wrong.status_code == 422 and 'aria-invalid="true"' in wrong.text
    assert approver.submit("/requests/approvals", path, granted="yes").status_code == 303
    assert state(quick, filed) == "filed"
    assert approver.get("/requests/approvals").text.count(path) == 0


def test_deputies_are_named_and_ended_on_the_page(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("hejing")
    page, path = "/requests/approvals", "/requests/approvals/deputies"
    assert browser.submit(page, path, deputy="nobody", from_at="", until_at="2026-11-30T08:00").status_code == 422
    assert browser.submit(page, path, deputy="hejing", from_at="", until_at="2026-11-30T08:00").status_code == 422
    assert browser.submit(page, path, deputy="sunli", from_at="", until_at="2026-11-24T08:00").status_code == 422
    assert browser.submit(page, path, deputy="sunli", from_at="", until_at="2026-11-30T08:00").status_code == 303
    with quick.database.read() as connection:
        made = approvals.deputies_of(connection, person("hejing").account, NOON)
    assert len(made) == 1
    assert browser.submit(page, f"{path}/{made[0].id}/end").status_code == 303
    with quick.database.read() as connection:
        assert approvals.deputies_of(connection, person("hejing").account, NOON) == []


def test_the_same_through_the_api(quick):
    app = an_app(quick)
    app.own.shelf = a_desk(quick).shelf
    program, dispatcher, staff = Program(quick, app), Program(quick, app, "hejing"), Program(quick, app, "sunli")
    body = {"item": "canteen", "level": "reception", "starts_at": "2026-11-26T04:00:00Z", "quantity": 8}
    wrong = program.post("/requests/api/requests", body)
    assert wrong.status_code == 422 and list(wrong.json["errors"]) == ["exception"]
    filed = program.post("/requests/api/requests", {**body, "exception": "凭公函"}).json
    assert staff.get("/requests/api/approvals").json["items"] == []
    item = dispatcher.get("/requests/api/approvals").json["items"][0]
    assert (item["subject"], item["causes"], item["why"], item["steps"]) == (filed["id"], ["above"], "凭公函", 1)
    path = f"/requests/api/approvals/{filed['id']}/decision"
    assert staff.post(path, {"granted": True}).status_code == 404
    assert dispatcher.post(path, {"granted": False}).status_code == 422
    assert dispatcher.post(path, {"granted": True}).json == {"outcome": "granted"}
    assert dispatcher.post(path, {"granted": True}).status_code == 409
    made = dispatcher.post("/requests/api/deputies", {"deputy": "sunli", "until_at": "2026-11-27T00:00:00Z"})
    assert made.status_code == 201
    assert len(dispatcher.get("/requests/api/deputies").json["items"]) == 1
    assert staff.open("DELETE", f"/requests/api/deputies/{made.json['id']}").status_code == 404
    assert dispatcher.open("DELETE", f"/requests/api/deputies/{made.json['id']}").status_code == 204


# ---- what the demonstration shows of it


BANQUET = {"quantity": "20", "starts_at": "2026-11-27T12:00"}


def test_in_the_demonstration_a_banquet_needs_a_reason_and_an_administrators_approval(quick, quick_app):
    staff, admin = Browser(quick_app), Browser(quick_app)
    staff.sign_in("hanbing"), admin.sign_in("admin")
    form = "/requests/new/canteen"
    shown = staff.get(form).text
    assert "超出标准" in shown
    assert 'name="exception"' in shown
    without = staff.submit(form, form, **BANQUET, kind="banquet")
    assert without.status_code == 422
    assert language("zh-Hans")("approval.field.why") in without.text
    filed = staff.submit(form, form, **BANQUET, kind="banquet", exception="市外考察团，公函2026-88")
    assert filed.status_code == 303
    page = filed.headers["Location"].partition("?")[0]
    assert language("zh-Hans").state("request", "awaiting_approval") in staff.get(page).text
    assert "批准以后才派人" in staff.get(filed.headers["Location"]).text and "正在派人" not in staff.get(page).text
    waiting = admin.get("/requests/approvals").text
    assert "市外考察团，公函2026-88" in waiting
    assert "宴席（超出标准）" in waiting and "机关餐厅" in waiting  # whoever decides reads what is asked for
    decide = re.search(r'<form class="body stack" method="post" action="([^"]+)"', waiting)[1]
    assert admin.submit("/requests/approvals", decide, granted="yes").status_code == 303
    assert language("zh-Hans").state("request", "filed") in staff.get(page).text
    again = staff.submit(form, form, **{**BANQUET, "quantity": "31"}, kind="banquet", exception="再来一批")
    page = again.headers["Location"].partition("?")[0]
    decide = re.search(
        r'<form class="body stack" method="post" action="([^"]+)"', admin.get("/requests/approvals").text
    )[1]
    assert admin.submit("/requests/approvals", decide, granted="no", reason="接待标准不含宴席").status_code == 303
    assert "接待标准不含宴席" in staff.get(page).text  # whoever asked reads why
    assert staff.submit(form, form, **BANQUET, kind="buffet").status_code == 303  # what the standard holds needs nobody


def test_in_the_demonstration_gilt_covers_are_refused_with_the_reason(quick, quick_app):
    staff = Browser(quick_app)
    staff.sign_in("hanbing")
    form = staff.get("/requests/new/printing").text
    assert re.search(r'value="hard_cover" disabled><b>精装烫金</b><span class="more">超出标准，不办理', form)
    program = Program(quick, quick_app)
    body = {"item": "printing", "quantity": 5, "answers": {"subject": "手册", "finish": ["binding", "hard_cover"]}}
    refused = program.post("/requests/api/requests", body)
    assert refused.status_code == 422
    assert refused.json["errors"] == {"finish": [language("zh-Hans")("approval.field.above")]}
    body["answers"]["finish"] = ["binding"]
    assert program.post("/requests/api/requests", body).status_code == 201
