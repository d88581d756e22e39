"""Every page of every service, found from the route tables: sound in both languages and themes, wide and narrow.

A page is loaded once for each language and turned: theme and width are changed in place. Axe reads the whole tree once
for each language and width that show different things; what depends on colour and size it reads in every combination.
By default that is two opposite combinations, with HOUQIN_TEST_ALL=1 all of them.
"""

import os

import pytest

from tests.browser.harness import (
    AXE,
    AXE_ON_LOOKS,
    LANGUAGES,
    THEMES,
    WIDTHS,
    context_for,
    double,
    problems,
    shoot,
    sideways,
    turn,
)
from tests.browser.house import pages, people, reader_of, signed_in

pytestmark = pytest.mark.slow
ALL = os.environ.get("HOUQIN_TEST_ALL") == "1"
OPPOSITE = {("zh-Hans", "light", 1280), ("en", "dark", 390)}


def axe_for(language, theme, width):
    """What axe is asked in one combination: everything in light, the looks in dark (words have no colours of their own)."""
    if (language, theme, width) in OPPOSITE:
        return AXE
    if not ALL:
        return None
    return AXE if theme == "light" else AXE_ON_LOOKS if language == LANGUAGES[0] else None


@pytest.fixture(scope="module")
def windows(browser, house):
    """A signed-in window for each role, opened when first asked for."""
    opened = {}

    def window(role):
        if role not in opened:
            opened[role] = signed_in(browser, house, people()[role]) if role else context_for(browser, house)
        return opened[role]

    yield window
    for each in opened.values():
        each.close()


@pytest.mark.parametrize(
    ("name", "route", "path"), list(pages()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_page_is_sound(windows, house, name, route, path):
    context = windows(reader_of(route))
    page = context.new_page()
    wrong = []
    for language in LANGUAGES:
        context.add_cookies([{"name": "houqin-language", "value": language, "url": house}])
        answer = page.goto(house + path)
        assert answer.status == 200, (path, answer.status)
        assert page.locator("html").get_attribute("lang") == language
        for theme in THEMES:
            for width in WIDTHS:
                turn(page, theme=theme, width=width)
                asked = axe_for(language, theme, width)
                wrong += [f"{language} {theme} {width}: {each}" for each in problems(page, axe=asked)]
                if (language, theme) in {("zh-Hans", "light"), ("en", "dark")}:
                    shoot(page, f"{name}{path.replace('/', '-')}-{width}-{theme}-{language}")
    double(page)  # the last language is English
    for width in WIDTHS:
        turn(page, theme="light", width=width)
        wrong += [f"doubled at {width}: {each}" for each in sideways(page)]
    page.close()
    assert wrong == []
