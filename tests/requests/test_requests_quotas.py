"""Quotas: shown before, reserved at filing, released, exact; over them somebody decides."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from services.requests import approvals, quotas, store
from services.requests.handlers import deciding, filing, following
from services.requests.model import Filing
from services.requests.requester import oneself
from services.requests.service import desk_of
from shared.errors import Transient
from tests.requests.conftest import NOON, Browser, Program, person, said

PRINT = Filing(item="printing", quantity=10, answers={"subject": "材料", "pages": 10})


def a_quota(running, most, per="department", holder="", item="printing"):
    with running.work() as work:
        quotas.save(work, item, per, holder, "month", most)
    return desk_of(running)


def file(running, desk, wanted=PRINT, user="hanbing"):
    with running.work() as work:
        return filing.file_request(work, desk, person(user), wanted, "form")


def used(running, desk, user="hanbing"):
    with running.database.read() as connection:
        rule = quotas.of_item(desk, connection, "printing", oneself(person(user)))
        return quotas.standing(connection, rule, oneself(person(user)), running.clock.now()).used


def request(running, filed):
    with running.database.read() as connection:
        return store.request_by_id(connection, filed.id)


def test_of_forty_at_once_exactly_as_many_fit_as_the_quota_holds(running):
    desk = a_quota(running, 1500)
    start = threading.Barrier(20)

    def one(number):
        if number < 20:
            start.wait(20)
        while True:
            try:
                return file(running, desk)
            except Transient:
                continue

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(one, range(40)))
    assert sum(not each.held for each in answers) == 15
    assert used(running, desk) == 1500
    assert len(said(running, "requests.request_filed")) == 15


def test_what_is_withdrawn_is_free_again_once(running):
    desk = a_quota(running, 100)
    first = file(running, desk)
    assert file(running, desk).held
    with running.work() as work:
        following.withdraw(work, store.request_by_id(work.connection, first.id, lock=True), ("韩冰", "Han Bing"))
    assert used(running, desk) == 0
    with running.work() as work:
        quotas.release(work, first.id)
    assert used(running, desk) == 0
    assert not file(running, desk).held


def test_over_the_quota_nobody_hears_of_it_before_it_is_approved(running):
    desk = a_quota(running, 50)
    filed = file(running, desk)
    assert filed.held and request(running, filed).state == "awaiting_approval"
    assert said(running, "requests.request_filed") == []
    with running.work() as work:
        deciding.decide(work, desk, filed.id, person("hejing"), granted=True)
    assert request(running, filed).state == "filed"
    told = said(running, "requests.request_filed")
    assert [(each["data"]["request_id"], each["sequence"]) for each in told] == [(filed.id, 1)]
    assert used(running, desk) == 100  # the figure is what was used, not what was allowed
    with pytest.raises(approvals.Decided), running.work() as work:
        deciding.decide(work, desk, filed.id, person("hejing"), granted=False)


def test_what_nobody_decides_is_refused_in_time_and_what_is_withdrawn_needs_no_decision(running):
    desk = a_quota(running, 50)
    late, gone = file(running, desk), file(running, desk)
    with running.work() as work:
        following.withdraw(work, store.request_by_id(work.connection, gone.id, lock=True), ("韩冰", "Han Bing"))
    assert said(running, "requests.request_withdrawn") == []
    running.clock.set(NOON + timedelta(hours=72, seconds=1))
    with running.work() as work:
        assert deciding.expire(work, desk) == 1
    assert (request(running, late).state, request(running, gone).state) == ("refused", "withdrawn")


def test_a_departments_own_rule_stands_before_that_for_each(quick):
    a_quota(quick, 50)
    desk = a_quota(quick, 1000, holder=person().department)
    assert not file(quick, desk).held
    assert file(quick, desk, user="sunli").held


def test_each_person_has_his_own(quick):
    desk = a_quota(quick, 1, per="person", item="barber")
    cut = Filing(item="barber", starts_at=NOON + timedelta(hours=3), answers={"what": "cut"})
    assert not file(quick, desk, cut).held
    assert file(quick, desk, cut).held
    assert not file(quick, desk, cut, "sunli").held


def test_a_new_month_begins_anew(quick):
    desk = a_quota(quick, 100)
    assert not file(quick, desk).held
    quick.clock.set(NOON + timedelta(days=7))
    assert not file(quick, desk).held


def test_the_page_shows_what_is_left_and_the_dispatcher_decides(quick):
    a_quota(quick, 150)
    from tests.requests.conftest import an_app

    app = an_app(quick)
    browser, dispatcher = Browser(app), Browser(app)
    browser.sign_in("hanbing")
    dispatcher.sign_in("hejing")
    assert "剩150" in browser.get("/requests/new/printing").text
    fields = {"subject": "材料", "quantity": "10", "pages": "10"}
    assert browser.submit("/requests/new/printing", "/requests/new/printing", **fields).status_code == 303
    assert "剩50" in browser.get("/requests/new/printing").text
    held = browser.submit("/requests/new/printing", "/requests/new/printing", **fields).headers["Location"]
    page = browser.get(held).text
    assert "待审批" in page
    reference = held.split("/")[2].partition("?")[0]
    assert "材料" in dispatcher.get("/requests/approvals").text
    path = f"/requests/approvals/{reference}"
    assert dispatcher.submit("/requests/approvals", path, granted="no").status_code == 422
    assert dispatcher.submit("/requests/approvals", path, granted="no", reason="下月再印").status_code == 303
    assert "何静没有批准" in browser.get(held).text
    assert "材料" not in browser.get("/requests/approvals").text
    assert Program(quick, app).get("/requests/api/quotas").json["items"][0]["left"] == 50


def test_where_nothing_is_left_the_button_says_that_somebody_will_approve(quick, quick_app):
    a_quota(quick, 100)
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    page = "/requests/new/printing"
    assert "提交并送审批" not in browser.get(page).text
    browser.submit(page, page, subject="材料", quantity="10", pages="10")
    assert "提交并送审批" in browser.get(page).text


def test_an_administrator_sets_and_drops_quotas_by_the_api(quick, quick_app):
    admin, staff = Program(quick, quick_app, "admin"), Program(quick, quick_app)
    rules, rule = (
        "/requests/api/quotas/rules",
        {"item": "printing", "per": "department", "period": "month", "most": 150},
    )

    def of_all():
        items = admin.get(rules).json["items"]
        return [(each["holder"], each["period"], each["most"]) for each in items if each["item"] == "printing"]

    before = of_all()
    assert admin.open("PUT", rules, rule).status_code == 204
    assert staff.get("/requests/api/quotas?item=printing").json["items"][0]["most"] == 150
    assert admin.open("PUT", rules, rule | {"period": "quarter", "most": 400}).status_code == 204  # replaced, not added
    assert ("", "quarter", 400) in of_all()
    assert ("", "month", 150) not in of_all()
    for wrong, field in (
        ({"item": "none"}, "item"),
        ({"holder": "nowhere"}, "holder"),
        ({"most": 0}, "most"),
        ({"per": "floor"}, "per"),
    ):
        assert set(admin.open("PUT", rules, rule | wrong).json["errors"]) == {field}
    assert staff.open("PUT", rules, rule).status_code == 403
    assert staff.get(rules).status_code == 403
    [made] = [each for each in admin.get(rules).json["items"] if each["most"] == 400]
    assert admin.open("DELETE", f"{rules}/{made['id']}").status_code == 204
    assert admin.open("DELETE", f"{rules}/{made['id']}").status_code == 404
    assert of_all() == [each for each in before if each[0]]


def test_an_administrator_sets_and_drops_quotas_on_the_page(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("admin")
    wrong = browser.submit(
        "/requests/admin/quotas",
        "/requests/admin/quotas",
        item="nothing",
        per="person",
        holder="secretariat",
        period="month",
        most="0",
    )
    assert wrong.status_code == 422
    saved = browser.submit(
        "/requests/admin/quotas",
        "/requests/admin/quotas",
        item="printing",
        per="department",
        holder="",
        period="month",
        most="500",
    )
    assert saved.status_code == 303 and "500" in browser.get("/requests/admin/quotas").text
    both = browser.submit(
        "/requests/admin/quotas", "/requests/admin/quotas", item="printing", per="person", holder="", period="month", most="5",
    )  # fmt: skip
    assert both.status_code == 422 and "只能按部门或按人" in both.text  # it would silently not count
    with quick.database.read() as connection:
        (row,) = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'requests.access_noted.v1'").one()
    noted = json.loads(row)["data"]  # the refused one changed nothing and is none
    assert (noted["what"], noted["route"], json.loads(noted["words"])["most"]) == ("change", "admin_save_quota", "500")
    assert "_csrf" not in noted["words"]
