"""Pages of complaints, suggestions, forums, improvements and surveys with life in them, as the demonstration makes it."""

import pytest

from deploy import voices
from services.requests.compound import load_compound
from tests.browser.harness import AXE, LANGUAGES, THEMES, WIDTHS, double, problems, shoot, sideways, turn
from tests.browser.house import signed_in

pytestmark = pytest.mark.slow
READERS = {
    "hanbing": ("complaint", "suggestion", "forum", "survey", "results", "/requests/complaints", "/requests/suggestions", "/requests/surveys"),
    "chenguang": ("appealed", "/requests/complaints?view=all", "/audit/"),
    "zhaomin": ("/requests/complaints?view=handling", "/requests/demand", "improvement", "/requests/improvements"),
    "admin": ("results", "survey", "/requests/surveys"),
}  # fmt: skip
OPPOSITE = {("zh-Hans", "light", 1280), ("en", "dark", 390)}


@pytest.fixture(scope="module")
def spoken(house):
    found = voices.speak(house)
    assert found.counts == {
        "complaints": 3,
        "suggestions": 5,
        "improvements": 2,
        "forums": 1,
        "surveys": 2,
        "survey answers": 15,
    }
    return found.made


@pytest.mark.parametrize("user", READERS)
def test_pages_with_something_in_them_are_sound(browser, house, spoken, user):
    reader = next(each for each in load_compound().people if each.user == user)
    context = signed_in(browser, house, reader)
    page, wrong = context.new_page(), []
    for name in READERS[user]:
        path = spoken.get(name, name)
        for language in LANGUAGES:
            context.add_cookies([{"name": "houqin-language", "value": language, "url": house}])
            answer = page.goto(house + path)
            assert answer.status == 200, (path, answer.status)
            for theme in THEMES:
                for width in WIDTHS:
                    turn(page, theme=theme, width=width)
                    asked = AXE if (language, theme, width) in OPPOSITE else None
                    wrong += [f"{path} {language} {theme} {width}: {each}" for each in problems(page, axe=asked)]
                    if (language, theme, width) in OPPOSITE:
                        shoot(page, f"voices-{user}-{name.replace('/', '-')}-{width}-{theme}-{language}")
        double(page)
        for width in WIDTHS:
            turn(page, theme="light", width=width)
            wrong += [f"{path} doubled at {width}: {each}" for each in sideways(page)]
    context.close()
    assert wrong == []
