"""A dispatcher's shift with the keyboard alone, and orders put on the crews' day by hand and by key."""

import pytest

from services.dispatch import desk, store
from tests.dispatch.test_dispatch_browser import SHOWN, console  # noqa: F401  the fixture
from tests.dispatch.world import HEJING

pytestmark = pytest.mark.browser
ONE, TWO, THREE = "2026-1125-001-1", "2026-1125-002-1", "2026-1125-003-1"


def held(page, act):
    """What is sent for ``act`` waits in the list that is returned until the test lets it go on.

    The browser tells of nothing sent before it took the order to hold: a probe shows when it has.
    """
    waiting = []
    page.route(f"**/{act}", lambda route: waiting.append(route))  # noqa: PLW0108  marked by Playwright
    page.route("**/is-held", lambda route: route.fulfill(status=204))
    for _ in range(SHOWN // 20):
        if page.evaluate("() => fetch('/dispatch/is-held').then((answer) => answer.status)") == 204:
            break
        page.wait_for_timeout(20)
    return waiting


def sent(page, waiting, number):
    """The one that waits at this place, once the browser has told of it: it paints before it sends."""
    for _ in range(SHOWN // 20):
        if len(waiting) > number:
            break
        page.wait_for_timeout(20)
    return waiting[number]


def seen(page, words, where="#panel h2"):
    page.wait_for_selector(f"{where}:has-text('{words}')", timeout=SHOWN)


def tab_to(page, selector):
    """Press Tab until the thing has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement?.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def test_a_whole_shift_with_the_keyboard_alone(console):  # noqa: F811
    world, page = console
    keys = page.keyboard
    # One job from offer to finish, for a crew that has no phone at hand.
    seen(page, "灯管闪烁")
    for key, state in (("y", "已接"), ("s", "办理中")):
        keys.press(key)
        seen(page, state, "#panel:not([data-pending]) .state")
    keys.press("p")
    tab_to(page, "#panel details[open] select")
    keys.press("ArrowDown")
    tab_to(page, "#panel details[open] button")
    keys.press("Enter")
    seen(page, "已暂停", "#panel:not([data-pending]) .state")
    keys.press("z")  # from the toast
    page.wait_for_url("**/orders/**", timeout=SHOWN)
    assert world.order(ONE).state == "under_way"
    page.go_back()
    seen(page, "水管漏水")
    page.wait_for_selector("html.script")
    # Its requester is asked, and the supervisor told.
    keys.press("m")
    tab_to(page, "#panel details[open] textarea")
    keys.type("几点有人？")
    tab_to(page, "#panel details[open] button")
    keys.press("Enter")
    seen(page, "已问", ".toast")
    keys.press("e")
    tab_to(page, "#panel details[open] button")
    keys.press("Enter")
    seen(page, "已上报", ".toast")
    # An order is set to an hour on the crews' day, and that is undone.
    before = world.order(THREE)
    keys.press("l")
    page.wait_for_selector(".job[data-held]")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp"):
        keys.press(key)
    said = page.locator(".held [role=status]").inner_text()
    keys.press("Enter")
    seen(page, "时间已定", ".toast")
    pinned = world.order(THREE)
    assert pinned.pinned_at is not None
    assert f"{pinned.pinned_at.hour + 8:02}:{pinned.pinned_at.minute:02}" in said
    keys.press("z")
    seen(page, "已恢复", ".toast")
    assert world.order(THREE).pinned_at is None
    assert world.order(THREE).crew == before.crew
    # What waits is marked and taken together; each has its result (nobody is left for the second).
    with world.running.work() as work:
        desk.set_mode(work, "repair", "suggest")
    four = world.file(4, skills=("carpentry",), summary="门锁更换").reference
    keys.press("]")
    page.wait_for_url("**view=late**", timeout=SHOWN)
    keys.press("]")
    page.wait_for_url("**view=to_assign**", timeout=SHOWN)
    page.wait_for_selector(f"tr[data-ref='{four}']")
    for key in ("k", "x", "j", "x"):
        keys.press(key)
    page.wait_for_selector("#many:not([hidden]) [data-count]:has-text('已选2件')")
    keys.press("Shift+A")
    page.wait_for_selector("#panel .outcomes li[data-tone=done]", timeout=SHOWN)
    assert page.locator("#panel .outcomes li").count() == 2
    assert world.order(four).crew == "in-wood-1"
    assert world.order(TWO).crew == ""
    # A note for the next shift; letters typed are only letters.
    keys.press("g")
    keys.press("h")
    page.wait_for_url("**/handover", timeout=SHOWN)
    tab_to(page, "textarea[name=words]")
    keys.type("jax g q")
    assert page.url.endswith("/handover")
    tab_to(page, "main form button")
    keys.press("Enter")
    seen(page, "jax g q", ".notes p")
    keys.press("g")
    keys.press("q")
    page.wait_for_selector("[data-rows]")
    # Every key is told; letters can be switched off, and do nothing while an input method composes.
    keys.press("?")
    page.wait_for_selector("#keys-help[open]")
    told = {text.strip() for text in page.locator("#keys-help kbd").all_inner_texts()}
    assert {"J", "K", "X", "A", "L", "H", "R", "T", "E", "M", "[", "]", "Z", "N"} - told <= {"A", "Z", "N"}
    shown = page.locator("#panel [data-key], .tools [data-key]").evaluate_all(
        "(all) => all.filter((each) => each.getClientRects().length).map((each) => each.dataset.key)"
    )
    assert {key.replace("shift+", "⇧").upper() for key in shown} <= told
    tab_to(page, "#keys-help footer button")
    keys.press("Enter")
    keys.press("Escape")
    selected = "document.querySelector('[data-rows] [aria-selected=true]')?.dataset.ref"
    first = page.evaluate(selected)
    keys.press("j")
    assert page.evaluate(selected) == first
    page.evaluate("localStorage.setItem('houqin.keys', 'on')")
    composing = (
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', isComposing: true, bubbles: true}))"
    )
    page.evaluate(composing)
    assert page.evaluate(selected) == first
    keys.press("j")
    page.wait_for_function(f"() => {selected} !== '{first}'")


def test_what_is_held_survives_fresher_lanes(console):  # noqa: F811
    world, page = console
    page.keyboard.press("j")
    seen(page, "水管漏水")
    page.keyboard.press("l")
    page.keyboard.press("ArrowRight")
    said = page.locator(".held [role=status]").inner_text()
    page.evaluate("document.querySelector('#lanes').dataset.old = ''")
    with world.running.work() as work:
        store.tell(work, "queue", "reload", {})
    page.wait_for_selector("#lanes:not([data-old])", timeout=SHOWN)
    assert page.locator(".held [role=status]").inner_text() == said
    assert page.locator(".job[data-held]").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast", timeout=SHOWN)
    assert world.order(THREE).pinned_at is not None


def test_a_bar_moves_by_itself_when_somebody_else_sets_the_hour(console):  # noqa: F811
    world, page = console
    before = page.locator(f"[data-bar='{THREE}']").get_attribute("class")
    answer = world.client(HEJING).post(f"/dispatch/api/orders/{THREE}/pin", {"at": "2026-11-25T15:00:00+08:00"})
    assert answer.status_code == 200
    page.wait_for_function(
        "([ref, before]) => document.querySelector(`[data-bar='${ref}']`)?.className !== before", arg=[THREE, before],
        timeout=SHOWN,
    )  # fmt: skip
    assert "at-29" in page.locator(f"[data-bar='{THREE}']").get_attribute("class")


def test_what_was_done_is_told_although_the_page_looked_again_first(console):  # noqa: F811
    world, page = console
    # The answer to an act is held up until the page, told of the change, has fetched the row and the panel.
    waiting = held(page, "orders/*/accept")
    page.keyboard.press("y")
    page.wait_for_function("() => document.querySelector('#panel [aria-busy=true]')")
    answer = sent(page, waiting, 0).fetch(max_redirects=0)
    cookie = answer.headers["set-cookie"].partition(";")[0].partition("=")
    page.context.add_cookies([{"name": cookie[0], "value": cookie[2], "url": page.url}])
    page.wait_for_selector(f"tr[data-ref='{ONE}'] .state:has-text('已接')", timeout=SHOWN)
    seen(page, "已接", "#panel .state")
    sent(page, waiting, 0).continue_(url=page.url.partition("/dispatch/")[0] + f"/dispatch/orders/{ONE}", method="GET")
    page.wait_for_selector(".toast", timeout=SHOWN)


def test_an_act_is_told_although_the_next_row_was_asked_for_before_its_answer(console):  # noqa: F811
    world, page = console
    seen(page, "灯管闪烁")
    waiting = held(page, "orders/*/accept")
    page.keyboard.press("y")
    page.wait_for_function("() => document.querySelector('#panel [aria-busy=true]')")
    page.keyboard.press("j")
    seen(page, "水管漏水")
    sent(page, waiting, 0).continue_()
    page.wait_for_selector(".toast", timeout=SHOWN)
    assert world.order(ONE).state == "accepted"
    seen(page, "水管漏水")


def test_keys_pressed_fast_are_for_the_row_that_was_moved_to(console):  # noqa: F811
    world, page = console
    seen(page, "灯管闪烁")
    for key in ("j", "y", "k", "y"):
        page.keyboard.press(key)
    for ref in (THREE, ONE):
        # Painted before it is answered: only a row that waits for nothing says what is so.
        page.wait_for_selector(f"tr[data-ref='{ref}']:not([data-pending]) .state:has-text('已接')", timeout=SHOWN)
        assert world.order(ref).state == "accepted"


def test_a_bar_is_dragged_to_an_hour_and_a_row_onto_a_crew(console):  # noqa: F811
    world, page = console
    box = page.locator("li.lane[data-crew='in-pipe-1'] .bars").bounding_box()
    row = page.locator(f"tr[data-ref='{THREE}']")
    page.evaluate("document.querySelector('.lanes-hold').dataset.tall = ''")
    box = page.locator("li.lane[data-crew='in-pipe-1'] .bars").bounding_box()
    start = row.bounding_box()
    page.mouse.move(start["x"] + 200, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 5, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.6125, box["y"] + 5, steps=2)
    page.mouse.up()
    page.wait_for_selector(".toast", timeout=SHOWN)
    pinned = world.order(THREE)
    assert (pinned.crew, pinned.pinned_at.hour + 8, pinned.pinned_at.minute) == ("in-pipe-1", 14, 0)


def test_the_second_dispatcher_sees_who_set_the_hour(console):  # noqa: F811
    world, page = console
    page.keyboard.press("j")
    seen(page, "水管漏水")
    with world.running.work() as work:  # without the live word, as if the line were slow
        from services.dispatch import handlers, schedule

        schedule.pin(work, handlers.found(work, THREE), "", world.clock.now(), "周强")
        work._later = [each for each in work._later if "live_row" not in each[0].sqlite]
    page.keyboard.press("2")
    seen(page, "周强", "#panel .note")
    assert world.order(THREE).crew == "in-pipe-1"


def test_further_rows_come_as_one_scrolls_and_none_comes_twice(console):  # noqa: F811
    from tests.dispatch.world import a_request

    world, page = console
    world.hear(*(a_request(number, skills=("general",), summary=f"事{number}") for number in range(100, 240)))
    page.reload()
    page.wait_for_selector("[data-live]")
    assert page.locator("tr[data-ref]").count() == 60
    total = world.client(HEJING).get("/dispatch/api/board").json["counts"]["open"]
    while page.locator("[data-more]").count():
        shown = page.locator("tr[data-ref]").count()
        page.evaluate("document.querySelector('[data-more]')?.scrollIntoView()")
        page.wait_for_function(f"() => document.querySelectorAll('tr[data-ref]').length > {shown}", timeout=SHOWN)
    page.wait_for_function(f"() => document.querySelectorAll('tr[data-ref]').length === {total}", timeout=SHOWN)
    refs = page.locator("tr[data-ref]").evaluate_all("(all) => all.map((each) => each.dataset.ref)")
    assert len(set(refs)) == len(refs) == total
