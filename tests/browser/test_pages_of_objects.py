"""Pages that show one object: the object is made, then the page is as sound as any other; and no page is forgotten."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.clock import SITE_ZONE
from shared.contracts.base import SERVICES
from shared.web.access import routes_of
from tests.browser.harness import ROOT
from tests.browser.house import pages, people, signed_in
from tests.browser.sound import faults

# Made and looked at here: by route, who reads it.
MADE = {
    ("requests", "request"): "staff",
    ("requests", "amend"): "staff",
    ("requests", "booking"): "staff",
    ("requests", "admin_publish_item"): "administrator",
    ("requests", "admin_person"): "administrator",
    ("requests", "data_case"): "administrator",
    ("dispatch", "order"): "dispatcher",
}
# Looked at elsewhere, and where; parts of pages and pages that only a failure brings about among them.
ELSEWHERE = {
    ("requests", "complaint"): "browser/test_voices_pages.py",
    ("requests", "suggestion"): "browser/test_voices_pages.py",
    ("requests", "forum"): "browser/test_voices_pages.py",
    ("requests", "improvement"): "browser/test_voices_pages.py",
    ("requests", "survey"): "browser/test_voices_pages.py",
    ("requests", "show_stop"): "requests/test_requests_letters.py",  # a link in a letter: the demonstration sends none
    ("requests", "show_welcome"): "requests/test_requests_second_factor.py",  # a link that an operator makes
    ("requests", "renew"): "requests/test_requests_signing.py",  # only leads elsewhere
    # What waits is one page for all four; only a failure brings it about.
    ("requests", "waiting_one"): "audit/test_audit_pages.py",
    ("dispatch", "waiting_one"): "audit/test_audit_pages.py",
    ("billing", "waiting_one"): "audit/test_audit_pages.py",
    ("audit", "waiting_one"): "audit/test_audit_pages.py",
    ("dispatch", "row"): "dispatch/test_dispatch_pages.py",  # one line of the queue
    ("dispatch", "lanes"): "dispatch/test_dispatch_pages.py",  # the crews' day, a part of the queue's page
    ("billing", "tender"): "billing/test_procurement.py",
    ("dispatch", "emergency"): "dispatch/test_dispatch_emergency.py",
    ("dispatch", "crew_job"): "dispatch/test_dispatch_pages.py",
    ("billing", "statement_line"): "browser/test_settlement.py",
    ("billing", "deduction"): "browser/test_settlement.py",
    ("billing", "explain"): "billing/test_billing_pages.py",
    ("billing", "proposal"): "billing/test_contracting.py",
}


def test_every_page_is_looked_at_somewhere():
    found = {(name, route.name) for name, route, _ in pages()}
    known = [*found, *MADE, *ELSEWHERE]
    there = {
        (name, route.name)
        for name in SERVICES
        for route in routes_of(name)
        if route.kind == "page" and route.method == "GET"
    }
    assert there - set(known) == set(), "give the route a sample, or make what it shows here"
    assert set(known) - there == set()
    assert len(known) == len(set(known))
    assert [file for file in ELSEWHERE.values() if not Path(ROOT, "tests", file).exists()] == []


def call(context, house, method, path, body, **headers):
    """What a page's own script would ask for."""
    page = context.new_page()
    page.goto(f"{house}/requests/me")
    proof = page.locator("[data-csrf]").first.get_attribute("data-csrf")
    page.close()
    answer = context.request.fetch(
        house + path, method=method, data=body, headers={"X-CSRF-Token": proof, "Origin": house, **headers}
    )
    assert answer.status in {200, 201}, answer.text()
    return answer.json()


@pytest.fixture(scope="module")
def windows(browser, house):
    opened = {role: signed_in(browser, house, people()[role]) for role in ("staff", "administrator", "dispatcher")}
    yield opened
    for each in opened.values():
        each.close()


@pytest.fixture(scope="module")
def made(windows, house):
    """By route the path of a page of the demonstration that shows one object."""
    staff, administrator, dispatcher = (windows[role] for role in ("staff", "administrator", "dispatcher"))
    wish = {"item": "repair", "place": "B2-304", "answers": {"what": "light", "details": "走廊第三盏"}, "anyway": True}
    short = call(staff, house, "POST", "/requests/api/requests", wish)["reference"].partition("-")[2]
    day = datetime.now(SITE_ZONE).replace(hour=10, minute=0, second=0, microsecond=0) + timedelta(days=40)
    booking = call(
        staff, house, "POST", "/requests/api/bookings",
        {"resource": "B2-305", "starts_at": day.isoformat(), "ends_at": (day + timedelta(hours=1)).isoformat(),
         "subject": "季度例会", "headcount": 6},
    )  # fmt: skip
    case = call(staff, house, "POST", "/requests/api/me/data-cases", {"kind": "see", "words": "想看看留了哪些信息"})
    versions = call(administrator, house, "GET", "/requests/api/catalogue/barber/versions", None)
    body = {**versions["items"][0]["body"], "pledge": {"zh": "预约到点就理", "en": "At the time booked"}}
    call(administrator, house, "PUT", "/requests/api/catalogue/barber/draft", body, **{"If-None-Match": "*"})
    page = administrator.new_page()
    page.goto(f"{house}/requests/admin/people")
    person = next(
        each for each in page.locator("main a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        if re.fullmatch(r"/requests/admin/people/[0-9a-f-]{36}", each)
    )  # fmt: skip
    page.close()
    page = dispatcher.new_page()
    page.goto(f"{house}/dispatch/orders/{short}-1")
    for _ in range(20):
        if page.locator("h1").inner_text().count(short):
            break
        page.wait_for_timeout(500)
        page.reload()
    page.close()
    return {
        ("requests", "request"): f"/requests/{short}",
        ("requests", "amend"): f"/requests/{short}/amend",
        ("requests", "booking"): f"/requests/bookings/{booking['items'][0]['id']}",
        ("requests", "admin_publish_item"): "/requests/admin/catalogue/barber/publish",
        ("requests", "admin_person"): person,
        ("requests", "data_case"): f"/requests/admin/data-cases/{case['reference']}",
        ("dispatch", "order"): f"/dispatch/orders/{short}-1",
    }


@pytest.mark.slow
@pytest.mark.parametrize("route", list(MADE), ids="-".join)
def test_a_page_of_an_object_is_sound(windows, house, made, route):
    assert faults(windows[MADE[route]], house, made[route], "object-" + "-".join(route)) == []
