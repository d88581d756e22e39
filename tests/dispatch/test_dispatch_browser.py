"""The console in a real browser: letters alone, live rows, and nothing that steals."""

import threading

import pytest
from werkzeug.serving import make_server

from shared.web import passes
from tests.dispatch.world import HEJING, a_request, urged

pytestmark = pytest.mark.browser
SHOWN = 10_000  # milliseconds a change may take to be seen


@pytest.fixture
def console(quick, browser):
    """A dispatcher's browser on the queue, with three orders in it."""
    quick.file(1, skills=("electric",), summary="灯管闪烁")
    quick.later(minutes=2)
    quick.file(2, item="printing", skills=("printing",), summary="装订200份")
    quick.do("refuse", "tools", reference="2026-1125-002-1", who="文印")
    quick.do("assign", "in-print-1", reference="2026-1125-002-1")
    quick.do("recall", reference="2026-1125-002-1")
    quick.file(3, skills=("plumbing",), summary="水管漏水")
    server = make_server("127.0.0.1", 0, quick.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    private, _ = passes.keep_key(quick.folder / "keys")
    signed = passes.Signer.of(private.read_bytes()).sign(HEJING, quick.clock.now())
    address = f"http://127.0.0.1:{server.server_port}"
    quick.app.public_url = address
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    context.add_cookies([{"name": "houqin-pass", "value": signed, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/dispatch/")
    page.wait_for_selector("[data-live]")
    yield quick, page
    context.close()
    quick.app.own.hub.stop()
    server.shutdown()


def test_a_dispatcher_works_with_letters_alone(console):
    world, page = console
    page.keyboard.press("j")
    page.wait_for_selector("#panel h2:has-text('水管漏水')")
    page.keyboard.press("k")
    page.wait_for_selector("#panel h2:has-text('灯管闪烁')")
    page.keyboard.press("2")
    page.wait_for_selector(".toast")
    moved = world.order("2026-1125-001-1").crew
    assert moved != "in-elec-1"
    page.keyboard.press("z")
    page.wait_for_selector(".toast:has-text('已恢复')")
    assert world.order("2026-1125-001-1").crew == "in-elec-1"


def test_a_row_changes_by_itself_and_a_new_one_waits(console):
    world, page = console
    world.do("accept", reference="2026-1125-001-1", who="王建国")
    page.wait_for_selector("tr[data-ref='2026-1125-001-1'] .state:has-text('已接')", timeout=SHOWN)
    world.file(4, skills=("carpentry",), summary="门锁更换")
    page.wait_for_selector("button.fresh:not([hidden])", timeout=SHOWN)
    assert page.locator("tr[data-ref='2026-1125-004-1']").count() == 0
    page.keyboard.press("n")
    page.wait_for_selector("tr[data-ref='2026-1125-004-1']", timeout=SHOWN)


def test_an_order_taken_by_somebody_else_is_not_overwritten(console):
    world, page = console
    page.keyboard.press("j")
    page.wait_for_selector("#panel h2:has-text('水管漏水')")
    with world.running.work() as work:  # without the live word, as if the line were slow
        from services.dispatch import handlers

        handlers.recall(work, handlers.found(work, "2026-1125-003-1"), "周强")
        work._later = [each for each in work._later if "live_row" not in each[0].sqlite]
    page.keyboard.press("2")
    page.wait_for_selector("#panel .note:has-text('周强')", timeout=SHOWN)
    assert world.order("2026-1125-003-1").crew == ""


def test_an_urge_reaches_the_queue(console):
    world, page = console
    world.hear(urged(a_request(1)), sequence=2)
    page.wait_for_selector("tr[data-ref='2026-1125-001-1'] small:has-text('催办1次')", timeout=SHOWN)
