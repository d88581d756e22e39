"""What things cost before they are asked for, and how well rooms and quotas are used."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from services.requests import quotas, use
from services.requests.bookings import handlers as bookings
from services.requests.bookings.model import Wish
from services.requests.catalogue_reading import load_catalogue
from services.requests.handlers import filing
from services.requests.model import Filing
from services.requests.requester import oneself
from services.requests.service import desk_of, watch_bookings
from tests.requests.conftest import NOON, Browser, Program, person

TWO_HOURS = {"starts_at": NOON + timedelta(hours=2), "ends_at": NOON + timedelta(hours=4)}  # 14:00 to 16:00


def book(running, room="B2-305", headcount=8, days=0):
    with running.work() as work:
        wish = Wish(
            resource=room, starts_at=TWO_HOURS["starts_at"] + timedelta(days=days), ends_at=TWO_HOURS["ends_at"] + timedelta(days=days),
            subject="处务会", headcount=headcount,
        )  # fmt: skip
        return bookings.book(work, desk_of(running), oneself(person()), wish)


def of(running, room="B2-305", month=date(2026, 11, 1)):
    with running.database.read() as connection:
        return next(each for each in use.of_month(connection, "room", month) if each.resource.code == room)


def test_use_is_the_share_of_the_months_working_time(running):
    before = of(running)
    made = book(running)
    after = of(running)
    assert (before.minutes, after.bookings, after.minutes) == (0, 1, 120)
    assert after.share == pytest.approx(
        100 * 120 / (21 * 450)
    )  # November 2026: 21 working days of seven and a half hours
    assert after.seats == pytest.approx(100 * made.headcount / after.resource.capacity)
    assert of(running, month=date(2026, 12, 1)).minutes == 0


def test_a_room_where_nobody_came_is_time_lost(running):
    book(running)
    running.clock.set(TWO_HOURS["starts_at"] + timedelta(minutes=16))
    watch_bookings(running)
    found = of(running)
    assert (found.bookings, found.minutes, found.no_shows, found.lost) == (0, 0, 1, 120)


def test_what_is_left_of_quotas_stands_beside_the_period_before(quick):
    with quick.work() as work:
        quotas.save(work, "printing", "department", "", "month", 100)
    desk = desk_of(quick)
    wanted = Filing(item="printing", quantity=10, answers={"subject": "材料", "pages": 3})
    with quick.work() as work:
        filing.file_request(work, desk, person(), wanted, "form")
    with quick.database.read() as connection:
        now = use.quotas_left(connection, date(2026, 11, 25))
        later = use.quotas_left(connection, date(2026, 12, 3))
    assert [(each.used, each.before, each.saved) for each in now] == [(30, 0, 70)]
    assert [(each.used, each.before) for each in later] in ([], [(0, 30)])


@pytest.mark.parametrize(("period", "day", "earlier"), [
    ("month", date(2026, 1, 15), date(2025, 12, 31)), ("quarter", date(2026, 5, 15), date(2026, 3, 31)),
    ("quarter", date(2026, 1, 1), date(2025, 12, 31)), ("year", date(2026, 3, 1), date(2025, 12, 31)),
])  # fmt: skip
def test_the_period_before_ends_where_this_one_begins(period, day, earlier):
    assert use._before(period, day) == earlier


def test_an_estimate_is_exact_and_by_level():
    item = load_catalogue().get("printing")
    assert item.estimate("black", 333) == Decimal("33.30")
    assert item.estimate("colour", 3) == Decimal("3.00")
    assert load_catalogue().get("repair").estimate("", 3) is None


def test_the_cost_is_known_before_filing_and_on_the_request(quick, quick_app):
    program, browser = Program(quick, quick_app), Browser(quick_app)
    found = program.get("/requests/api/catalogue/printing/estimate?level=colour&quantity=10&pages=12").json
    assert (found["amount"], found["yuan"]) == (120, "120.00")
    assert program.get("/requests/api/catalogue/repair/estimate?quantity=3").json["yuan"] is None
    assert program.get("/requests/api/catalogue/nothing/estimate").status_code == 404
    assert program.get("/requests/api/catalogue/printing/estimate?quantity=-1").status_code == 422
    browser.sign_in("hanbing")
    assert "data-estimate" in browser.get("/requests/new/printing").text
    body = {"item": "printing", "level": "colour", "quantity": 10, "answers": {"subject": "材料", "pages": 12}}
    reference = program.post("/requests/api/requests", body).json["reference"]
    assert program.get(f"/requests/api/requests/{reference}").json["estimate"] == "120.00"
    assert "120.00元" in browser.get(f"/requests/{reference}").text


def test_use_is_shown_by_page_and_api_to_those_who_oversee(quick, quick_app):
    book(quick)
    program, staff, browser = Program(quick, quick_app, "hejing"), Program(quick, quick_app), Browser(quick_app)
    found = program.get("/requests/api/use?month=2026-11").json["items"][0]
    assert (found["resource"], found["minutes"], found["share"]) == ("B2-305", 120, 1.3)
    assert staff.get("/requests/api/use").status_code == 403
    assert program.get("/requests/api/use?month=2026-13").status_code == 422
    browser.sign_in("hejing")
    shown = browser.get("/requests/use?month=2026-11").text
    assert "1.3%" in shown and "<svg" in shown
    table = shown.split('<table class="data">')[2].partition("</table>")[0]  # the first is the chart's
    seats = f"{round(of(quick).seats, 1)}%"
    assert ">1.3%<" in table and f">{seats}<" in table
    assert "127.0%" not in shown
    assert browser.get("/requests/use?kind=vehicle&month=2026-10").status_code == 200
