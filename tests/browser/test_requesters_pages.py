"""A requester's own page changes by itself while it is open, and nothing moves under the hand."""

import re

from tests.browser.house import people, signed_in


def test_a_request_page_follows_and_keeps_focus_and_what_is_unfolded(browser, house):
    context = signed_in(browser, house, people()["staff"])
    page = context.new_page()
    page.goto(f"{house}/requests/new/repair")
    page.locator("main input[name='what'][value='aircon']").check(force=True)
    page.locator("main input[name='place']").evaluate("(node) => { node.value = 'B2-302'; }")
    page.locator("main button[type=submit]").last.click()
    page.wait_for_url(re.compile(r"/requests/\d{4}-\d+"))
    address = page.url.partition("?")[0]
    page.goto(address)
    page.wait_for_function("document.querySelector('[data-live]')?.dataset.tone === 'move'")
    fold = page.locator("#r-acts details > summary")
    fold.click()
    before = page.locator("#r-happened li").count()
    elsewhere = context.new_page()
    elsewhere.goto(address)
    elsewhere.locator("#r-acts form[action$='/urge'] button").click()
    elsewhere.wait_for_load_state()
    page.wait_for_function(f"document.querySelectorAll('#r-happened li').length > {before}", timeout=15_000)
    assert page.evaluate("document.querySelector('#r-acts details').open")
    assert page.evaluate("document.activeElement.matches('#r-acts summary')")
    context.close()
