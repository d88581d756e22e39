"""What a key does shows at once, before the server has answered; what was refused is undone, with the reason."""

import pytest

from services.dispatch import desk, handlers
from shared.web import cookies
from tests.browser.harness import problems
from tests.dispatch.test_dispatch_browser import SHOWN, console  # noqa: F401  the fixture
from tests.dispatch.test_dispatch_shift import ONE, THREE, TWO, held, seen, sent

pytestmark = pytest.mark.browser


def row(ref, *parts):
    return " ".join([f"tr[data-ref='{ref}']{parts[0] if parts else ''}", *parts[1:]])


def settled(page, ref):
    page.wait_for_selector(row(ref, ":not([data-pending])"), timeout=SHOWN)


def silently(world, act, ref, *given):
    """Somebody else acts, and the live word of it never comes, as if the line were slow."""
    with world.running.work() as work:
        getattr(handlers, act)(work, handlers.found(work, ref), *given)
        work._later = [each for each in work._later if "live_row" not in each[0].sqlite]


def test_an_act_shows_before_its_answer_and_stays_with_it(console):  # noqa: F811
    world, page = console
    seen(page, "灯管闪烁")
    waiting = held(page, "orders/*/accept")
    page.keyboard.press("y")
    page.wait_for_selector(row(ONE, "[data-pending]", ".state:has-text('已接')"), timeout=SHOWN)
    page.wait_for_selector("#panel[data-pending] .state--box:has-text('已接')")
    assert world.order(ONE).state == "offered"
    assert problems(page) == []
    page.keyboard.press("y")  # a second press of the same key is not a second act
    sent(page, waiting, 0).continue_()
    settled(page, ONE)
    page.wait_for_selector(".toast", timeout=SHOWN)
    assert world.order(ONE).state == "accepted"
    assert page.locator(row(ONE, "", ".state")).inner_text() == "已接"
    assert len(waiting) == 1


def test_the_next_key_waits_for_the_answer_and_is_for_the_same_order(console):  # noqa: F811
    world, page = console
    seen(page, "灯管闪烁")
    waiting = held(page, "orders/*/accept")
    for key in ("y", "s"):
        page.keyboard.press(key)
    page.wait_for_selector(row(ONE, "[data-pending]", ".state:has-text('已接')"), timeout=SHOWN)
    sent(page, waiting, 0).continue_()
    page.wait_for_selector(row(ONE, ":not([data-pending])", ".state:has-text('办理中')"), timeout=SHOWN)
    assert world.order(ONE).state == "under_way"
    # Once another row is looked at, and where the act before was refused, it is forgotten.
    page.keyboard.press("j")
    seen(page, "水管漏水")
    silently(world, "recall", THREE, "周强")
    for key in ("y", "s"):
        page.keyboard.press(key)
    page.wait_for_selector(row(THREE, "[data-pending]"), timeout=SHOWN)
    sent(page, waiting, 1).continue_()
    page.wait_for_selector("#panel .note:has-text('周强')", timeout=SHOWN)
    page.wait_for_selector(row(THREE, ":not([data-pending])", ".state:has-text('待派')"), timeout=SHOWN)
    assert world.order(THREE).crew == ""


def test_a_number_pressed_twice_chooses_once(console):  # noqa: F811
    world, page = console
    page.keyboard.press("j")
    seen(page, "水管漏水")
    waiting = held(page, "orders/*/assign")
    for key in ("2", "2", "3"):
        page.keyboard.press(key)
    page.wait_for_selector(row(THREE, "[data-pending]"), timeout=SHOWN)
    sent(page, waiting, 0).continue_()
    page.wait_for_selector(".toast", timeout=SHOWN)
    settled(page, THREE)
    assert len(waiting) == 1
    assert world.order(THREE).version == 3  # opened, given by rule, given by hand


def test_a_crew_that_is_chosen_stands_in_the_row_at_once(console):  # noqa: F811
    world, page = console
    page.keyboard.press("j")
    seen(page, "水管漏水")
    before = page.locator(row(THREE, "", "td:nth-child(4)")).inner_text()
    name = page.locator("#panel .next li b").first.inner_text()
    waiting = held(page, "orders/*/assign")
    page.keyboard.press("2")
    page.wait_for_selector(row(THREE, "[data-pending]", f"td:nth-child(4):has-text('{name}')"), timeout=SHOWN)
    assert name != before
    page.keyboard.press("k")  # another row may be looked at meanwhile
    seen(page, "灯管闪烁")
    sent(page, waiting, 0).continue_()
    settled(page, THREE)
    assert page.locator(row(THREE, "", "td:nth-child(4)")).inner_text() == name


def test_what_somebody_else_was_faster_with_is_undone_and_told(console):  # noqa: F811
    world, page = console
    page.keyboard.press("j")
    seen(page, "水管漏水")
    before = page.locator(row(THREE, "", "td:nth-child(4)")).inner_text()
    waiting = held(page, "orders/*/assign")
    again = held(page, "dispatch/rows/*")
    silently(world, "recall", THREE, "周强")
    page.keyboard.press("2")
    page.wait_for_selector(row(THREE, "[data-pending]", ".state:has-text('待接')"), timeout=SHOWN)
    sent(page, waiting, 0).continue_()
    page.wait_for_selector("#panel .note:has-text('周强')", timeout=SHOWN)
    settled(page, THREE)
    assert page.locator(row(THREE, "", "td:nth-child(4)")).inner_text() == before  # what it was, until it is looked up
    while not again:
        page.wait_for_timeout(50)
    again[0].continue_()
    page.wait_for_selector(row(THREE, "", ".state:has-text('待派')"), timeout=SHOWN)
    assert world.order(THREE).crew == ""


def test_a_finish_without_what_must_be_counted_is_undone(console):  # noqa: F811
    world, page = console
    with world.running.work() as work:
        handlers.accept(work, handlers.found(work, ONE), "王建国")
    with world.running.work() as work:
        handlers.start(work, handlers.found(work, ONE), "王建国")
    seen(page, "办理中", "#panel .state--box")
    page.wait_for_selector(row(ONE, "", ".state:has-text('办理中')"), timeout=SHOWN)
    page.keyboard.press("d")
    page.fill("#panel details[open] input[inputmode=decimal]", "many")
    waiting = held(page, "orders/*/finish")
    page.locator("#panel details[open] form button").first.click()
    page.wait_for_selector(row(ONE, "[data-pending]", ".state:has-text('已完工')"), timeout=SHOWN)
    sent(page, waiting, 0).continue_()
    page.wait_for_selector("#panel .error", timeout=SHOWN)
    settled(page, ONE)
    page.wait_for_selector(row(ONE, "", ".state:has-text('办理中')"), timeout=SHOWN)
    assert world.order(ONE).state == "under_way"


def test_what_is_never_answered_is_undone_and_the_page_stays(console):  # noqa: F811
    world, page = console
    seen(page, "灯管闪烁")
    address = page.url
    page.route("**/orders/*/accept", lambda route: route.abort("connectionfailed"))
    page.keyboard.press("y")
    page.wait_for_selector("#panel .note[data-unanswered]:has-text('没有收到回音')", timeout=SHOWN)
    settled(page, ONE)
    assert page.locator(row(ONE, "", ".state")).inner_text() == "待接"
    assert page.url == address
    page.unroute("**/orders/*/accept")
    page.keyboard.press("y")
    page.wait_for_selector(row(ONE, ":not([data-pending])", ".state:has-text('已接')"), timeout=SHOWN)
    page.wait_for_selector("#panel:not(:has(.note[data-unanswered]))", timeout=SHOWN)
    assert world.order(ONE).state == "accepted"


def test_of_many_taken_together_those_that_nobody_can_do_are_as_before(console):  # noqa: F811
    world, page = console
    with world.running.work() as work:
        desk.set_mode(work, "repair", "suggest")
    four = world.file(4, skills=("carpentry",), summary="门锁更换").reference
    page.goto(page.url.partition("/dispatch/")[0] + "/dispatch/?view=to_assign")
    page.wait_for_selector(row(four))
    waiting = held(page, "dispatch/accept-many")
    for key in ("k", "x", "j", "x"):
        page.keyboard.press(key)
    page.wait_for_selector("#many:not([hidden]) [data-count]:has-text('已选2件')")
    page.keyboard.press("Shift+A")
    for ref in (TWO, four):
        page.wait_for_selector(row(ref, "[data-pending]", ".state:has-text('待接')"), timeout=SHOWN)
    sent(page, waiting, 0).continue_()
    page.wait_for_selector("#panel .outcomes", timeout=SHOWN)
    page.wait_for_selector(row(TWO, ":not([data-pending])", ".state:has-text('待派')"), timeout=SHOWN)
    assert world.order(four).crew == "in-wood-1"


def test_the_words_are_in_the_readers_language(console):  # noqa: F811
    world, page = console
    page.context.add_cookies([{"name": cookies.LANGUAGE, "value": "en", "url": page.url}])
    page.reload()
    page.wait_for_selector("html.script[lang=en]")
    waiting = held(page, "orders/*/accept")
    page.keyboard.press("y")
    page.wait_for_selector(row(ONE, "[data-pending]", ".state:has-text('Accepted')"), timeout=SHOWN)
    sent(page, waiting, 0).abort("connectionfailed")
    page.wait_for_selector("#panel .note[data-unanswered]:has-text('No answer came')", timeout=SHOWN)
    settled(page, ONE)
    assert page.locator(row(ONE, "", ".state")).inner_text() == "Offered"
