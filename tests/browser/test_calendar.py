"""Rooms are booked and moved by dragging and by keys alone; the catalogue's previews follow what is typed."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from shared.clock import SITE_ZONE
from tests.browser.house import people, signed_in

DAY = (datetime.now(SITE_ZONE) + timedelta(days=3)).date().isoformat()
QUARTERS = 60


@pytest.fixture(scope="module")
def staff(browser, house):
    found = signed_in(browser, house, people()["staff"])
    yield found
    found.close()


def lane_of(page, room):
    return page.locator(f'.tl-lane[data-resource="{room}"] .tl-bars')


def drag(page, lane, start, end):
    lane.scroll_into_view_if_needed()
    box = lane.bounding_box()
    at = [box["x"] + box["width"] * (quarter + 0.5) / QUARTERS for quarter in (start, end)]
    middle = box["y"] + box["height"] / 2
    page.mouse.move(at[0], middle)
    page.mouse.down()
    page.mouse.move(at[1], middle, steps=4)
    page.mouse.up()


def test_a_time_is_dragged_into_the_form_booked_and_dragged_elsewhere(staff, house):
    page = staff.new_page()
    page.goto(f"{house}/requests/rooms?day={DAY}")
    drag(page, lane_of(page, "B2-305"), 12, 15)
    form = page.locator(".booking-form")
    expect(form.locator("[name=starts_at]")).to_have_value(f"{DAY}T10:00")
    expect(form.locator("[name=ends_at]")).to_have_value(f"{DAY}T11:00")
    form.locator("[name=subject]").fill("拖出来的会")
    form.locator("[name=headcount]").fill("6")
    form.locator("button[type=submit]").first.click()
    page.wait_for_url("**/requests/bookings/*")
    page.goto(f"{house}/requests/rooms?day={DAY}")
    bar = lane_of(page, "B2-305").locator("[data-move]")
    expect(bar).to_have_class("tl-bar c-13 w-4")
    with page.expect_navigation():
        drag(page, lane_of(page, "B2-305"), 13, 29)
    page.goto(f"{house}/requests/rooms?day={DAY}")
    expect(lane_of(page, "B2-305").locator("[data-move]")).to_have_class("tl-bar c-29 w-4")  # 14:00
    page.close()


def test_the_same_by_keys_alone(staff, house):
    page = staff.new_page()
    page.goto(f"{house}/requests/rooms?day={DAY}")
    lane_of(page, "B2-205").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    form = page.locator(".booking-form")
    expect(form.locator("[name=starts_at]")).to_have_value(f"{DAY}T09:00")
    expect(form.locator("[name=ends_at]")).to_have_value(f"{DAY}T10:15")
    expect(form.locator("[name=subject]")).to_be_focused()
    page.keyboard.type("keys")
    form.locator("[name=headcount]").fill("4")
    form.locator("[name=headcount]").press("Enter")
    page.wait_for_url("**/requests/bookings/*")
    page.goto(f"{house}/requests/rooms?day={DAY}")
    lane_of(page, "B2-205").locator("[data-move]").focus()
    page.keyboard.press("m")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.goto(f"{house}/requests/rooms?day={DAY}")
    expect(lane_of(page, "B2-205").locator("[data-move]")).to_have_class("tl-bar c-13 w-5")  # 10:00
    page.close()


def test_the_catalogues_previews_follow_what_is_typed(browser, house):
    window = signed_in(browser, house, people()["administrator"])
    page = window.new_page()
    page.goto(f"{house}/requests/admin/catalogue?item=barber")
    page.fill('[name="pledge.zh"]', "随到随理")
    expect(page.locator("#previews")).to_contain_text("随到随理")
    page.fill('[name="pledge.en"]', "")
    expect(page.locator("#previews")).to_contain_text("才能预览")
    expect(page.locator('[name="pledge.zh"]')).to_have_value("随到随理")
    window.close()
