"""The bell counts on pages of every service, by itself while a page is open, and leads to the list without a script."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.harness import context_for, problems, shoot, turn
from tests.browser.house import people, signed_in

SOME = re.compile(r"^[1-9]\d*$")  # dispatch may assign what is filed, which is one more
FILE = """async () => (await fetch("/requests/api/requests", { method: "POST", credentials: "same-origin",
  headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
  body: JSON.stringify({ anyway: true, item: "repair", place: "B2-302", on_behalf_of: "hanbing", answers: { what: "aircon", details: "滴水" } }) })).status"""


@pytest.fixture(scope="module")
def windows(browser, house):
    found = [signed_in(browser, house, people()[role]) for role in ("staff", "dispatcher", "finance")]
    yield found
    for each in found:
        each.close()


def test_the_bell_rings_where_one_is_and_on_pages_of_other_services(windows, house):
    staff, desk, finance = windows
    there = staff.new_page()
    streams = []
    there.on("request", lambda request: streams.append(request.url) if "live" in request.url else None)
    there.goto(f"{house}/requests/me")  # a page without a stream of its own
    bell = there.locator("[data-bell]")
    expect(bell.locator(".count")).to_be_hidden()
    with there.expect_request("**/requests/notices/live*"):
        pass
    asking = desk.new_page()
    asking.goto(f"{house}/dispatch/")
    assert asking.evaluate(FILE) == 201
    expect(bell.locator(".count")).to_have_text(SOME)
    expect(bell).to_have_attribute("aria-label", re.compile(r"^通知，[1-9]\d*条未读$"))
    expect(there.locator("#announce")).to_have_text(re.compile(r"^通知，[1-9]\d*条未读$"))
    assert len(streams) == 1
    assert problems(there) == []
    # On a page that follows a stream of requests the bell rides on it.
    streams.clear()
    there.goto(f"{house}/requests/mine")
    expect(bell.locator(".count")).to_have_text(SOME)
    before = int(bell.locator(".count").text_content())
    assert asking.evaluate(FILE) == 201
    there.wait_for_function(
        "(before) => Number(document.querySelector('[data-bell] .count').textContent) > before", arg=before
    )
    assert [url.split("?")[0] for url in streams] == [f"{house}/requests/live"]
    # Pages of the other services count too.
    for window, path in ((desk, "/dispatch/"), (finance, "/billing/statements/")):
        page = window.new_page()
        with page.expect_response("**/requests/api/notices/count") as told:
            page.goto(house + path)
        assert told.value.status == 200
        assert problems(page, axe=None) == []
        page.close()
    there.close()
    asking.close()


def test_new_ones_wait_above_the_list_and_marking_can_be_undone(windows, house):
    staff, desk, _ = windows
    page, asking = staff.new_page(), desk.new_page()
    asking.goto(f"{house}/requests/me")
    assert asking.evaluate(FILE) == 201
    page.goto(f"{house}/requests/notices")
    rows = page.locator("#notices li[data-unread]")
    before = rows.count()
    assert before >= 1
    assert asking.evaluate(FILE) == 201
    fresh = page.locator("[data-fresh]")
    expect(fresh).to_be_visible()
    assert rows.count() == before  # nothing moved under the hand
    fresh.click()
    page.wait_for_function(
        "(before) => document.querySelectorAll('#notices li[data-unread]').length > before", arg=before
    )
    for theme, width in (("light", 1280), ("dark", 390)):
        turn(page, theme=theme, width=width)
        assert problems(page) == []
        shoot(page, f"notices-filled-{theme}-{width}")
    page.get_by_role("button", name="全部标为已读").click()
    expect(page.locator("#toasts")).to_contain_text("已标为已读")
    assert rows.count() < before  # what came after the page was shown is still new
    page.locator("#toasts button").click()
    page.wait_for_function(
        "(before) => document.querySelectorAll('#notices li[data-unread]').length > before", arg=before
    )
    rows.first.locator(".link").click()
    page.wait_for_url("**/requests/1*")
    page.close()
    asking.close()


def test_without_a_script_the_bell_is_a_link_to_the_list(browser, windows, house):
    window = context_for(browser, house, script=False)
    window.add_cookies(windows[0].cookies())
    page = window.new_page()
    page.goto(f"{house}/requests/me")
    page.locator("a[data-bell]").click()
    assert page.url == f"{house}/requests/notices"
    expect(page.locator("#notices li").first).to_be_visible()
    window.close()
