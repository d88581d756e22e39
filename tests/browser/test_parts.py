"""Every part in all its states, in both languages and themes, wide and narrow."""

import pytest

from tests.browser.harness import COMBINATIONS, double, problems, shoot, sideways, visit


@pytest.mark.parametrize(("language", "theme", "width"), COMBINATIONS)
def test_the_parts_are_sound(browser, floor, language, theme, width):
    page = visit(browser, f"{floor[1]}/toy/parts", language=language, theme=theme, width=width)
    shoot(page, f"parts-{width}-{theme}-{language}")
    assert problems(page) == []
    page.context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_english_at_twice_its_length_still_fits(browser, floor, width):
    page = visit(browser, f"{floor[1]}/toy/parts", language="en", width=width)
    double(page)
    assert sideways(page) == []
    page.context.close()


def drawn(browser, floor):
    """The page of parts, which notes every text that is drawn in figures."""
    page = visit(browser, f"{floor[1]}/toy/parts")
    page.add_init_script(
        """window.drawn = []; const fill = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) { window.drawn.push(text); return fill.call(this, text, ...rest); };"""
    )
    page.reload()
    return page


def test_an_axis_of_rates_ends_at_a_hundred(browser, floor):
    page = drawn(browser, floor)
    page.locator("figure.chart").nth(1).scroll_into_view_if_needed()
    page.wait_for_function("() => window.drawn.includes('50%')")
    axis = page.evaluate("() => window.drawn.filter((text) => /^[0-9]+%$/.test(text)).map((text) => parseInt(text))")
    assert max(axis) == 100
    page.context.close()


def test_a_drawn_figure_groups_its_numbers_as_its_table_does(browser, floor):
    page = drawn(browser, floor)
    page.locator("figure.chart").last.scroll_into_view_if_needed()
    page.wait_for_function("() => window.drawn.includes('1,214')")
    assert "1,214" in page.locator("figure.chart table td").all_text_contents()
    page.context.close()


def test_without_script_nothing_is_lost(browser, floor):
    page = visit(browser, f"{floor[1]}/toy/parts", script=False)
    assert page.locator("main h2").count() > 20
    page.context.close()


def test_the_watch_on_pages_sees_what_is_wrong(browser, floor):
    page = visit(browser, f"{floor[1]}/toy/parts", width=390)
    page.evaluate(
        """() => { const bad = document.createElement("button"); bad.setAttribute("style", "inline-size: 900px"); document.body.prepend(bad); }"""
    )
    page.evaluate(
        """() => { const wide = document.createElement("div"); wide.style.inlineSize = "900px"; wide.textContent = "x"; document.body.prepend(wide); }"""
    )
    found = " | ".join(problems(page))
    assert "content policy: style-src-attr" in found
    assert "axe button-name" in found
    assert "scrolls sideways" in found
    page.context.close()
