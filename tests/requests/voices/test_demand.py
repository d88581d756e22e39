"""Demand by item and department: counted exactly, bounded, and never by department where that would tell who is ill."""

from datetime import date, timedelta

from services.requests.handlers import filing, following
from services.requests.model import Filing
from services.requests.service import desk_of
from services.requests.store import request_by_id
from services.requests.voices import demand
from tests.requests.conftest import COMPOUND, NOON, Browser, Program, person

TODAY = date(2026, 11, 25)
BODY = person().organisation
REPAIR = Filing(item="repair", place="B2-302", answers={"what": "aircon"})
PRINT = Filing(item="printing", quantity=10, answers={"subject": "材料", "pages": 10})


def file(running, wanted=REPAIR, user="hanbing", *, withdrawn=False):
    with running.work() as work:
        filed = filing.file_request(work, desk_of(running), person(user), wanted, "form")
    if withdrawn:
        with running.work() as work:
            following.withdraw(work, request_by_id(work.connection, filed.id, lock=True), ("韩冰", "Han Bing"))


def test_demand_is_counted_by_item_and_by_department(running):
    for _ in range(3):
        file(running)
    file(running, user="sunli")
    file(running, PRINT, withdrawn=True)
    with running.database.read() as connection:
        items = demand.counts(connection, BODY, TODAY, TODAY)
        assert [(each.code, each.requests, each.people, each.withdrawn) for each in items] == [
            ("repair", 4, 2, 0),
            ("printing", 1, 1, 1),
        ]
        departments = demand.counts(connection, BODY, TODAY, TODAY, by="department", item="repair")
        assert [(each.code, each.requests) for each in departments] == [("secretariat", 3), ("finance-section", 1)]
        staff = sum(each.department == "secretariat" and "staff" in each.roles for each in COMPOUND.people)
        assert departments[0].per_hundred == round(300 / staff, 1)
        assert demand.counts(connection, "cn/zj", TODAY, TODAY) and not demand.counts(
            connection, "cn/other", TODAY, TODAY
        )


def test_days_are_the_sites_and_months_add_up(running):
    file(running)
    running.clock.set(NOON + timedelta(hours=12))  # 0:00 of Thursday at the site
    file(running)
    running.clock.set(NOON + timedelta(days=20))
    file(running)
    with running.database.read() as connection:
        assert demand.counts(connection, BODY, TODAY, TODAY)[0].requests == 1
        assert demand.counts(connection, BODY, TODAY, TODAY + timedelta(days=1))[0].requests == 2
        months = demand.by_month(connection, BODY, date(2026, 11, 1), date(2027, 1, 31))
        assert months == [(2026, 11, 2), (2026, 12, 1), (2027, 1, 0)]
        assert demand.by_month(connection, "cn/other", TODAY, TODAY) == [(2026, 11, 0)]


def test_the_api_and_the_page_count_alike_and_refuse_what_does_not_hold(quick, quick_app):
    file(quick)
    zhao = Program(quick, quick_app, "zhaomin")
    assert zhao.get("/requests/api/demand").json["items"][0]["requests"] == 1
    assert Program(quick, quick_app).get("/requests/api/demand").status_code == 403
    for wrong, field in (
        ("since=2026-12-01&until=2026-11-01", "since"), ("since=2020-01-01&until=2026-11-01", "since"), ("item=nothing", "item"),
        ("until=9999-12-31", "until"), ("until=0001-01-01", "until"), ("by=crew", "by"), ("item=clinic&by=department", "item"),
    ):  # fmt: skip
        refused = zhao.get(f"/requests/api/demand?{wrong}")
        assert refused.status_code == 422 and set(refused.json["errors"]) == {field}, wrong
    browser = Browser(quick_app)
    browser.sign_in("zhaomin")
    page = browser.get("/requests/demand?since=2026-10-01&until=2026-11-25")
    assert "设备维修最多：1件，共1件" in page.text
    assert browser.get("/requests/demand?since=2026-12-01&until=2026-11-01").status_code == 422
    sheet = browser.get("/requests/demand.csv?by=department").data.decode("utf-8-sig")
    assert "文秘科,1,1,0,0," in sheet
