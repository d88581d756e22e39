"""On a phone the rows of a table become blocks of labelled values: none of them is squeezed to a column of letters."""

import pytest

from tests.browser.harness import turn
from tests.browser.house import people, signed_in

pytestmark = pytest.mark.slow

# A text of which each line holds hardly a letter, and a cell or heading that is wider than its place.
SQUEEZED = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim();
    const unseen = walk.currentNode.parentElement.closest(".data thead, .visually-hidden");
    if (text.length < 4 || unseen || !walk.currentNode.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const lines = new Set([...range.getClientRects()].filter(box => box.width > 1).map(box => Math.round(box.top))).size;
    if (lines > 2 && text.length / lines < 4) found.push(`${text} in ${lines} lines`);
  }
  for (const cell of document.querySelectorAll("main .data tbody :is(td, th), main .sheet > header > *"))
    if (cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1) found.push(`${cell.textContent} overflows`);
  return found;
}"""


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_no_value_of_a_table_is_squeezed_on_a_phone(browser, house, language):
    window = signed_in(browser, house, people()["finance"])
    window.add_cookies([{"name": "houqin-language", "value": language, "url": house}])
    page = window.new_page()
    found = {}
    for path in (
        "contracts/",
        "suppliers",
        "suppliers/HY",
        "assessment",
        "budget",
        "centres",
        "statements/",
        "costs/basis",
    ):
        page.goto(f"{house}/billing/{path}")
        turn(page, theme="light", width=390)
        found[path] = page.evaluate(SQUEEZED)
    window.close()
    assert {path: each for path, each in found.items() if each} == {}
