"""A requester's own page changes by itself while it is open, and nothing moves under the hand."""

import base64
import re

import pytest

from services.requests.compound import load_compound
from tests.browser.house import people, signed_in


def test_a_request_page_follows_and_keeps_focus_and_what_is_unfolded(browser, house):
    context = signed_in(browser, house, people()["staff"])
    page = context.new_page()
    page.goto(f"{house}/requests/new/repair")
    page.locator("main input[name='what'][value='aircon']").check(force=True)
    page.locator("main input[name='place']").evaluate("(node) => { node.value = 'B2-311'; }")
    page.locator("main button[type=submit]").last.click()
    page.wait_for_url(re.compile(r"/requests/\d{4}-\d+"))
    address = page.url.partition("?")[0]
    page.goto(address)
    page.locator("[data-live][data-tone=move]").first.wait_for(
        state="attached"
    )  # no function: the policy allows no eval
    fold = page.locator("#r-acts details > summary")
    fold.click()
    before = page.locator("#r-happened li").count()
    elsewhere = context.new_page()
    elsewhere.goto(address)
    elsewhere.locator("#r-acts form[action$='/urge'] button").click()
    elsewhere.wait_for_load_state()
    page.locator("#r-happened li").nth(before).wait_for(timeout=15_000)
    assert page.evaluate("document.querySelector('#r-acts details').open")
    assert page.evaluate("document.activeElement.matches('#r-acts summary')")
    context.close()


PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WORDS = "走廊第三盏，找韩冰"


@pytest.fixture
def windows(browser, house):
    """Windows of people who have signed in; closed at the end."""
    opened = []

    def window(user="hanbing"):
        person = next(each for each in load_compound().people if each.user == user)
        opened.append(signed_in(browser, house, person))
        return opened[-1]

    yield window
    for each in opened:
        each.close()


def typed(context, house, *, wait=True):
    """A form that somebody has begun: a choice, words and a place, kept as a draft."""
    page = context.new_page()
    page.goto(f"{house}/requests/new/repair?place=B2-306")
    page.locator("main input[name='what'][value='light']").check(force=True)
    page.fill("main [name='details']", WORDS)
    if wait:
        page.locator("[data-draft-note]").wait_for(state="visible", timeout=15_000)
    return page


def test_a_draft_is_kept_while_typing_comes_back_and_may_be_dropped(windows, house):
    context = windows()
    typed(context, house).close()
    page = context.new_page()
    page.goto(f"{house}/requests/new/repair")
    note = page.locator("form.item-form > .note[role=status]")
    assert re.search(r"\d\d:\d\d", note.inner_text())
    assert page.locator("[name='details']").input_value() == WORDS
    assert page.locator("[name='what'][value='light']").is_checked()
    assert page.locator("main input[name='place']").input_value() == "B2-306"
    questions, promise = (page.locator(f"form.item-form > {part}").bounding_box() for part in ("div.sheet", "aside"))
    assert promise["x"] > questions["x"] + questions["width"]  # the note moves neither beside nor below
    note.locator("button").click()
    page.wait_for_load_state()
    page.locator("form.item-form > .note[role=status]").wait_for(state="detached")
    assert page.locator("[name='details']").input_value() == ""


def test_a_draft_outlives_a_refusal_and_ends_when_the_request_is_filed(windows, house):
    context = windows()
    page = typed(context, house)
    page.fill("[name='contact']", "12")
    page.locator("aside button[type=submit]").click()
    page.locator("[aria-invalid=true]").first.wait_for()
    assert page.locator("[name='details']").input_value() == WORDS  # the server gave it back
    other = context.new_page()
    other.goto(f"{house}/requests/new/repair")
    assert other.locator("[name='details']").input_value() == WORDS
    other.close()
    page.fill("[name='contact']", "8302")
    page.locator("aside button[type=submit]").click()
    page.wait_for_url(re.compile(r"/requests/\d{4}-\d+"))
    page.goto(f"{house}/requests/new/repair")
    assert page.locator("[name='details']").input_value() == ""


@pytest.mark.parametrize(
    ("form", "field", "choose"),
    [
        ("complaints/new", "words", "label:has(input[name='about'])"),
        ("suggestions", "title", "label:has(input[name='named'])"),
    ],
)
def test_a_complaint_and_a_suggestion_begun_come_back_and_end_when_they_are_sent(windows, house, form, field, choose):
    page = windows().new_page()
    page.goto(f"{house}/requests/{form}")
    begun = page.locator("form[data-draft]")
    begun.locator(choose).first.click()
    begun.locator(f"[name='{field}']").fill(WORDS)
    begun.locator("[data-draft-note]").wait_for(state="visible", timeout=15_000)
    page.goto(f"{house}/requests/{form}")
    assert begun.locator("> .note[role=status]").is_visible()
    assert begun.locator(f"[name='{field}']").input_value() == WORDS
    begun.locator("button[type=submit]").last.click()
    page.wait_for_url(re.compile(rf"/requests/{form.split('/')[0]}/(?!new)[^/?]+"))
    page.goto(f"{house}/requests/{form}")
    assert begun.locator(f"[name='{field}']").input_value() == ""


def test_a_draft_is_nobody_elses_and_goes_with_its_person(windows, house):
    context = windows()
    page = typed(context, house)
    drafts = "Object.keys(localStorage).filter(name => name.startsWith('houqin.draft.')).length"
    assert page.evaluate(drafts) == 1
    page.goto(f"{house}/requests/")
    page.locator("form[action='/requests/sign-out']").first.evaluate("form => form.requestSubmit()")
    page.wait_for_url(re.compile("sign-in"))
    assert page.evaluate(drafts) == 0


def test_the_promise_follows_the_level_and_the_urgency_at_once(windows, house):
    page = windows().new_page()
    page.goto(f"{house}/requests/new/cleaning")
    shown = page.locator("ol.promises:visible")

    def promised():
        assert shown.count() == 1
        return shown.get_attribute("data-level"), shown.get_attribute("data-by"), shown.inner_text()

    level, by, words = promised()
    assert (level, by) == ("", "3")
    page.locator("[name=level][value=deep]").check(force=True)
    deep = promised()
    assert deep[:2] == ("deep", "3") and deep[2] != words
    page.locator("[name=priority][value='1']").check(force=True)
    assert promised()[:2] == ("deep", "1")
    page.locator("[name=level][value=special]").check(force=True)
    assert promised()[:2] == ("", "1")


def test_a_place_is_found_by_its_number_and_one_that_is_not_there_is_said_so(windows, house):
    page = windows().new_page()
    page.goto(f"{house}/requests/new/repair")
    page.locator("[data-place-change]").click()
    search = page.locator("[role=combobox]")
    search.fill("9999")
    page.locator("[data-place-none]:not(:empty)").wait_for()
    assert "2-302" in page.locator("[data-place-none]").inner_text()
    search.fill("2302")
    page.locator("[role=option]").first.wait_for()
    assert page.locator("[data-place-none]").inner_text() == ""
    search.press("Enter")
    assert page.locator("main input[name='place']").input_value() == "B2-302"


@pytest.mark.parametrize(("width", "grid", "listed"), [(1280, True, False), (390, False, True)])
def test_rooms_are_a_plan_on_a_desk_and_a_list_of_what_is_free_on_a_phone(browser, house, width, grid, listed):
    context = signed_in(browser, house, people()["staff"], width=width)
    page = context.new_page()
    page.goto(f"{house}/requests/rooms")
    assert page.locator("[data-timeline]").is_visible() == grid
    assert page.locator("ul.free").is_visible() == listed
    page.goto(f"{house}/requests/rooms?view=day")
    assert page.locator("[data-timeline]").is_visible()
    context.close()


def test_the_layouts_offered_are_those_of_the_room_that_is_chosen_and_a_choice_both_have_stays(windows, house):
    page = windows().new_page()
    page.goto(f"{house}/requests/rooms?resource=B2-305&view=day")
    room, layout = page.locator("#f-resource"), page.locator("#f-layout")
    options = layout.locator("option")
    room.select_option("B2-305")
    assert options.all_inner_texts() == ["按原样：会议桌（16人）", "会议桌（16人）", "U形（12人）", "剧院式（24人）"]
    layout.select_option("u_shape")
    room.select_option("B2-605")
    assert options.all_inner_texts() == ["按原样：会议桌（12人）", "会议桌（12人）", "U形（8人）"]
    assert layout.input_value() == "u_shape"
    room.select_option("B4-101")
    assert layout.input_value() == ""


def test_photos_are_chosen_by_a_button_in_the_language_of_the_page(windows, house):
    page = windows().new_page()
    page.goto(f"{house}/requests/new/repair")
    with page.expect_file_chooser() as chooser:
        page.locator("label[for='f-photo']").click()
    chooser.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": PICTURE})
    page.locator("[data-photos-shown] img").wait_for()
    assert page.locator("label[for='f-photo']").inner_text() == "选照片或拍照"
