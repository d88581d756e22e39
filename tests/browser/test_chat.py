"""The conversation in a real browser: by keyboard alone, on its page and in the panel of another page, in both languages."""

import pytest
from playwright.sync_api import expect

from tests.browser.harness import problems, shoot, turn
from tests.browser.house import people, signed_in

SAID = {
    "zh-Hans": ("2号楼303空调不制冷", "303", "算了"),
    "en": ("the aircon in room 304 of building 2 does not cool", "304", "forget it"),
}


@pytest.fixture(scope="module", params=["zh-Hans", "en"])
def window(request, browser, house):
    found = signed_in(browser, house, people()["staff"], language=request.param)
    yield found, SAID[request.param], request.param
    found.close()


def quiet(page):
    """Every answer has come and is shown."""
    expect(page.locator("[data-composer][aria-busy]")).to_have_count(0)


def test_one_talks_by_keyboard_and_the_form_beside_fills_in(window, house):
    there, (words, room, drop), language = window
    page = there.new_page()
    page.goto(f"{house}/requests/chat")
    page.locator("#m").focus()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    slip = page.locator("[data-drafts] .draft")
    expect(slip).to_have_count(1)
    expect(slip.locator("dl")).to_contain_text(room)
    quiet(page)
    expect(page.locator("#m")).to_be_focused()
    expect(page.locator("[data-log] .say--it").last).to_be_visible()
    for theme in ("light", "dark"):
        for width in (1280, 390):
            turn(page, theme=theme, width=width)
            assert problems(page) == []
            shoot(page, f"chat-{language}-{theme}-{width}")
    # The same conversation after the page is opened anew.
    page.goto(f"{house}/requests/chat")
    expect(page.locator("[data-log]")).to_contain_text(words)
    expect(page.locator("[data-drafts] .draft")).to_have_count(1)
    # Its short answers are buttons that the keyboard reaches.
    page.locator("[data-choices] [data-say]").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-drafts] .draft")).to_have_count(0)
    page.close()


def test_the_panel_of_another_page_opens_talks_and_closes_by_keyboard(window, house):
    there, (words, room, drop), language = window
    page = there.new_page()
    page.goto(f"{house}/requests/mine")
    opener = page.locator("[data-chat-open]")
    opener.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#chat-panel")
    expect(panel).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(panel.locator("[name=text]")).to_be_focused()
    expect(panel.locator("[data-log] li")).not_to_have_count(0)  # what was said before
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(panel.locator(".say--it").filter(has_text=room)).not_to_have_count(0)
    quiet(page)
    page.keyboard.type(drop)
    page.keyboard.press("Enter")
    expect(panel.locator(".say--me").last).to_have_text(drop)
    quiet(page)
    assert problems(page) == []
    shoot(page, f"chat-panel-{language}")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(opener).to_be_focused()
    page.close()
