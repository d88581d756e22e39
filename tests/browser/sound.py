"""What is asked of every page: no fault in both languages and themes, wide and narrow."""

import os

from tests.browser.harness import AXE, AXE_ON_LOOKS, LANGUAGES, THEMES, WIDTHS, double, problems, shoot, sideways, turn

ALL = os.environ.get("HOUQIN_TEST_ALL") == "1"
OPPOSITE = {("zh-Hans", "light", 1280), ("en", "dark", 390)}


def axe_for(language, theme, width):
    """What axe is asked in one combination: everything in light, the looks in dark (words have no colours of their own)."""
    if (language, theme, width) in OPPOSITE:
        return AXE
    if not ALL:
        return None
    return AXE if theme == "light" else AXE_ON_LOOKS if language == LANGUAGES[0] else None


def faults(context, house, path, name):
    """Everything that is wrong with the page at ``path``; its pictures are kept under ``name``."""
    page, wrong = context.new_page(), []
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
                    shoot(page, f"{name}-{width}-{theme}-{language}")
    double(page)  # the last language is English
    for width in WIDTHS:
        turn(page, theme="light", width=width)
        wrong += [f"doubled at {width}: {each}" for each in sideways(page)]
    page.close()
    return wrong
