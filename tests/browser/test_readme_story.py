"""The README's steps by hand, in a browser, in both languages: filed, dispatched, done, confirmed, billed and sealed."""

import re
import subprocess
import sys

import pytest

from services.requests.compound import load_compound
from tests.browser.harness import LANGUAGES, ROOT
from tests.browser.house import signed_in, start

pytestmark = pytest.mark.slow
SOON = 20_000  # milliseconds in which an event has travelled and a page followed it
PLACES = dict(zip(LANGUAGES, ("B2-302", "B2-304"), strict=True))  # the same again would be a duplicate


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house in which nobody has filed anything, as a newcomer's."""
    with start(tmp_path_factory.mktemp("newcomer")) as address:
        yield address


@pytest.fixture
def window(browser, house):
    """Opens a page for somebody who signs in, in a language; all are closed at the end."""
    opened = []

    def open_for(user, language):
        person = next(each for each in load_compound().people if each.user == user)
        opened.append(signed_in(browser, house, person))
        opened[-1].add_cookies([{"name": "houqin-language", "value": language, "url": house}])
        return opened[-1].new_page()

    yield open_for
    for each in opened:
        each.close()


def until_shown(page, address, selector):
    """Go to the page, again and again, until it shows the thing: services follow each other by events."""
    for _ in range(40):
        page.goto(address)
        if page.locator(selector).count():
            return page.locator(selector).first
        page.wait_for_timeout(SOON / 40)
    raise AssertionError(f"{page.url} never shows {selector}: {page.locator('main').inner_html()[:3000]}")


def act(page, name):
    """Press the form of an act in the order's panel, when the panel offers it, and wait until it does no more."""
    button = page.locator(f"form[action$='/{name}'] button:visible").first
    button.wait_for(timeout=SOON)
    button.click()
    button.wait_for(state="hidden", timeout=SOON)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_newcomer_follows_one_request_to_its_seal(window, house, tmp_path, language):
    staff = window("hanbing", language)
    staff.goto(f"{house}/requests/")
    assert staff.locator("html").get_attribute("lang") == language
    staff.locator("a[href*='/requests/new/repair']:visible").first.click()
    staff.locator("main input[name='what'][value='aircon']").check(force=True)
    staff.locator("main input[name='place']").evaluate(f"(node) => {{ node.value = '{PLACES[language]}'; }}")
    staff.locator("main button[type=submit]").last.click()
    staff.wait_for_url(re.compile(r"/requests/\d{4}-\d+"))
    short = re.search(r"\d{4}-\d+", staff.url.rpartition("/")[2])[0]

    desk = window("hejing", language)
    order = until_shown(desk, f"{house}/dispatch/", f"tr[data-ref*='{short}']").get_attribute("data-ref")
    desk.goto(f"{house}/dispatch/orders/{order}")
    desk.locator("details:has(select[name=crew]) > summary").first.click()
    crew = desk.locator("select[name=crew]").first
    crew.select_option(crew.locator("option", has_text=re.compile("恒岳空调|Hengyue")).first.get_attribute("value"))
    desk.locator("form:has(select[name=crew]) button[type=submit]:visible").first.click()
    desk.locator(".toast").wait_for(timeout=SOON)
    for name in ("accept", "arrive", "start"):
        act(desk, name)
    used = desk.locator("form[action$='/finish'] input[name=usage_hours]")
    for _ in range(10):  # a panel that is brought up to date meanwhile folds it again
        if used.is_visible():
            break
        desk.locator("details:has(form[action$='/finish']) > summary").click()
        desk.wait_for_timeout(500)
    used.fill("2.5")
    for check in desk.locator("form[action$='/finish'] input[name=checks]").all():
        check.check()
    desk.locator("form[action$='/finish'] button:visible").last.click()
    desk.wait_for_load_state()

    until_shown(staff, f"{house}/requests/{short}", "#confirm input[name=stars]")
    staff.locator("#confirm input[name=stars][value='5']").check(force=True)
    staff.locator("#confirm button[type=submit]").click()
    staff.wait_for_load_state()

    finance = window("sunli", language)
    until_shown(finance, f"{house}/billing/usage", f"main :text('{short}')")
    assert "HY-2026-01" in finance.locator("main").inner_text()
    assert "2.5" in finance.locator("main").inner_text()
    with finance.expect_download() as awaited:
        finance.evaluate(f"location.href = '{house}/billing/feed/HY-2026-01.csv'")
    assert short in awaited.value.path().read_text("utf-8-sig")

    supervisor = window("chenguang", language)
    until_shown(supervisor, f"{house}/audit/search?q={short}", "main a[href*='/audit/entries/']")

    key = staff.request.get(f"{house}/audit/log/vkey").text().splitlines()[0]
    checked = subprocess.run(
        [sys.executable, "deploy/verify/houqin_verify.py", "log", f"{house}/audit/log", "--key", key, "--lang", language[:2]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
