"""Every page of every service, found from the route tables: sound in both languages and themes, wide and narrow.

A page is loaded once for each language and turned: theme and width are changed in place. Axe reads the whole tree once
for each language and width that show different things; what depends on colour and size it reads in every combination.
By default that is two opposite combinations, with HOUQIN_TEST_ALL=1 all of them.
"""

import pytest

from tests.browser.harness import context_for
from tests.browser.house import pages, people, reader_of, signed_in
from tests.browser.sound import faults

pytestmark = pytest.mark.slow


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
    assert faults(windows(reader_of(route)), house, path, f"{name}{path.replace('/', '-')}") == []
