"""What the script does: keys, panel, undo, drafts, live rows that never steal, silent renewal, no script at all."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.harness import context_for, problems, visit
from tests.web.site import BOARD, SIGNER, a_person


@pytest.fixture
def board(browser, floor):
    """The live board with three rows, in a signed-in dispatcher's window."""
    site, address = floor
    BOARD.clear()
    BOARD.update({"1124-001": "一号", "1124-002": "二号", "1124-003": "三号"})
    signed = SIGNER.sign(a_person(role="dispatcher"), site.clock.now(), audience=["toy"])
    context = context_for(browser, address, cookies=[("houqin-pass", signed)])
    page = context.new_page()
    page.goto(f"{address}/toy/board")
    yield page
    assert page.evaluate("window.__reports") == []
    context.close()


def selected(page):
    return page.locator("[data-rows] [aria-selected=true]").get_attribute("data-ref")


def test_the_board_is_sound(board):
    assert problems(board) == []


def test_letters_move_the_selection_and_the_panel_follows(board):
    board.locator("main").focus()
    board.keyboard.press("j")
    assert selected(board) == "1124-002"
    expect(board.locator("#panel h2")).to_have_text("1124-002")
    board.keyboard.press("End")
    assert selected(board) == "1124-003"
    board.keyboard.press("k")
    board.keyboard.press("Enter")
    expect(board.locator("#panel :focus")).to_have_count(1)
    board.keyboard.press("Escape")
    board.keyboard.press("Escape")
    assert board.evaluate("document.activeElement.dataset.ref") == "1124-002"


def test_letters_do_nothing_while_typing_or_composing(board):
    board.goto(board.url + "/1124-001")
    board.locator("#say").focus()
    board.keyboard.type("jxa?")
    assert board.locator("#say").input_value() == "jxa?"
    assert selected(board) == "1124-001"
    board.locator("main").focus()
    board.evaluate(
        """() => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "j", isComposing: true, bubbles: true}))"""
    )
    board.evaluate(
        """() => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "j", keyCode: 229, bubbles: true}))"""
    )
    assert selected(board) == "1124-001"


def test_letters_can_be_switched_off_and_arrows_stay(board):
    board.locator("main").focus()
    board.keyboard.press("?")
    dialog = board.locator("#keys-help")
    expect(dialog).to_be_visible()
    assert "上下" in dialog.inner_text()
    dialog.locator("footer button").click()
    board.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    board.locator("[data-rows] [tabindex='0']").focus()
    board.keyboard.press("j")
    assert selected(board) == "1124-001"
    board.keyboard.press("ArrowDown")
    assert selected(board) == "1124-002"
    board.evaluate("localStorage.clear()")


def test_a_key_presses_its_button_and_what_was_done_can_be_undone(board):
    board.goto(board.url + "/1124-001")
    board.locator("#say").fill("改过")
    board.locator("#panel h2").click()
    board.locator("main").focus()
    board.keyboard.press("a")
    expect(board.locator("#toasts")).to_contain_text("撤销")
    assert board.locator("#toasts form").get_attribute("action") == "/toy/undo"
    assert BOARD["1124-001"] == "改过"


def test_a_changed_row_is_swapped_in_place(board, floor):
    expect(board.locator(".live")).to_have_attribute("data-tone", "move")
    board.locator("[data-rows] [tabindex='0']").focus()
    BOARD["1124-001"] = "新的话"
    floor[0].hub.publish("notes", "row", {"ref": "1124-001", "href": "/toy/board/1124-001"})
    expect(board.locator("[data-ref='1124-001'] .sum")).to_contain_text("新的话")
    assert board.evaluate("document.activeElement.dataset.ref") == "1124-001"


def test_new_rows_wait_until_they_are_asked_for(board, floor):
    BOARD["1124-004"] = "四号"
    floor[0].hub.publish("notes", "row", {"ref": "1124-004", "href": "/toy/board/1124-004"})
    expect(board.locator("[data-fresh]")).to_have_text(re.compile("1件新工单"))
    expect(board.locator("[data-ref='1124-004']")).to_have_count(0)
    board.locator("main").focus()
    board.keyboard.press("n")
    expect(board.locator("[data-ref='1124-004']")).to_have_count(1)
    expect(board.locator("[data-fresh]")).to_be_hidden()


def test_a_row_that_left_fades_away_and_one_that_is_hidden_too(board, floor):
    floor[0].hub.publish("notes", "gone", {"ref": "1124-003"})
    expect(board.locator("[data-ref='1124-003']")).to_have_count(0)
    del BOARD["1124-002"]
    floor[0].hub.publish("notes", "row", {"ref": "1124-002", "href": "/toy/board/1124-002"})
    expect(board.locator("[data-ref='1124-002']")).to_have_count(0)


def test_what_is_typed_is_kept_and_comes_back(board):
    where = board.url + "/1124-001"
    board.goto(where)
    board.locator("#say").fill("草稿")
    expect(board.locator("[data-draft-note]")).to_contain_text("草稿已存")
    board.goto(where)
    expect(board.locator("#say")).to_have_value("草稿")
    board.evaluate("localStorage.clear()")


def test_the_theme_changes_at_once_and_is_kept(board):
    before = board.locator("html").get_attribute("data-theme")
    with board.expect_response(lambda response: response.url.endswith("/toy/look")):
        board.locator("[data-act=theme]").click()
    after = board.locator("html").get_attribute("data-theme")
    assert {before, after} == {"light", "dark"}
    board.reload()
    assert board.locator("html").get_attribute("data-theme") == after


def test_language_and_forms_work_without_script(browser, floor):
    site, address = floor
    BOARD.clear()
    BOARD["1124-001"] = "一号"
    signed = SIGNER.sign(a_person(role="dispatcher"), site.clock.now(), audience=["toy"])
    page = visit(browser, f"{address}/toy/board/1124-001", script=False, cookies=[("houqin-pass", signed)])
    page.locator("button[name=language]").click()
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("#say").fill("no script")
    page.locator("#panel button").click()
    assert page.url == f"{address}/toy/board/1124-001"
    assert "no script" in page.locator("[data-ref='1124-001']").inner_text()
    assert page.locator("#toasts form").count() == 1
    page.locator(".bar-end details.who summary").click()
    expect(page.locator(".bar-end .who-menu")).to_be_visible()
    page.context.close()


def test_a_lost_connection_is_said_and_nothing_is_hidden(board, floor):
    expect(board.locator(".live")).to_contain_text("实时")
    board.context.set_offline(True)
    floor[0].hub.publish("notes", "say", {"words": "x"})
    for reader in list(floor[0].hub._readers):
        reader.full = True
        floor[0].hub.publish("notes", "say", {"words": "x"})
    expect(board.locator(".live")).to_contain_text("断开", timeout=15000)
    assert board.locator("[data-rows] [data-ref]").count() == 3
    board.context.set_offline(False)
    expect(board.locator(".live")).to_contain_text("实时", timeout=15000)
