"""Every page in both languages: they answer, and no key is missing."""

import re

import pytest

from shared.web.states import STATES
from tests.dispatch.world import HANBING, HEJING, LINA, WANG, World, a_person, a_request, urged

REF = "2026-1125-087-1"
PAGES = [
    (HEJING, "/dispatch/"),
    *[(HEJING, f"/dispatch/?view={view}") for view in ("late", "to_assign", "offered", "under_way", "paused", "ended")],
    (HEJING, "/dispatch/?words=空调&item=repair"),
    (HEJING, "/dispatch/day"),
    (HEJING, f"/dispatch/rows/{REF}"),
    (HEJING, f"/dispatch/orders/{REF}"),
    (HEJING, "/dispatch/orders/1125-087-1"),
    (HANBING, f"/dispatch/orders/{REF}"),
    (WANG, "/dispatch/crew/"),
    (WANG, "/dispatch/crew/offers"),
    (WANG, "/dispatch/crew/messages"),
    (WANG, f"/dispatch/crew/{REF}"),
    (LINA, "/dispatch/supplier/"),
    (LINA, "/dispatch/supplier/people"),
    (a_person("auditor"), "/dispatch/"),
]


@pytest.fixture(scope="module")
def busy(template, tmp_path_factory):
    """A day with something in every view; nobody changes it."""
    folder = tmp_path_factory.mktemp("busy")
    quick = World(template.copy("sqlite", folder)[0], folder, new=False)
    quick.file()
    for number, item in enumerate(
        ("meeting", "cleaning", "vehicle", "canteen", "printing", "security", "square", "clinic")
    ):
        quick.file(
            number + 1, item=item, skills=(), priority=3, summary="", place="gate-east", building="", floor="", room=""
        )
    quick.file(20, skills=("lift",))
    quick.do("accept", reference="2026-1125-020-1")
    quick.do("start", reference="2026-1125-020-1")
    quick.do("pause", "awaiting_parts", reference="2026-1125-020-1")
    quick.file(21, item="printing", skills=("printing",))
    quick.do("refuse", "tools", reference="2026-1125-021-1")
    quick.file(22, skills=("plumbing",))
    quick.cancel("2026-1125-022-1")
    quick.hear(urged(a_request()), sequence=2)
    quick.later(hours=1)
    quick.notice()
    yield quick
    quick.close()


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
@pytest.mark.parametrize(("person", "path"), PAGES)
def test_every_page_answers_in_both_languages(busy, person, path, language):
    answer = busy.client(person, **{"Accept-Language": language}).get(path)
    assert answer.status_code == 200, answer.text
    assert "dispatch." not in re.sub(r'(href|src|action|content)="[^"]*"', "", answer.text)
    assert "style=" not in answer.text


def test_only_words_of_the_table_are_used_for_states(busy):
    text = busy.client(HEJING, **{"Accept-Language": "zh-Hans"}).get("/dispatch/").text
    words = busy.app.pages._environments["zh-Hans"].globals["state_word"]
    allowed = {words("order", key) for key in STATES["order"]}
    assert set(re.findall(r'class="state(?: state--box)?" data-tone="\w+">([^<]+)<', text)) <= allowed


def test_a_crew_works_through_its_job_by_forms_alone(quick):
    quick.file()
    crew = quick.client(WANG)
    for act, words in (("accept", "出发"), ("set_off", "到了"), ("arrive", "开工"), ("start", "完工")):
        answer = crew.send(f"/dispatch/crew/{REF}/{act}")
        assert answer.status_code == 303, answer.text
        shown = crew.get(answer.headers["Location"]).text
        assert f"<span>{words}" in shown or f"，{words}" in shown
    wrong = crew.send(f"/dispatch/crew/{REF}/finish", usage_hours="many")
    assert wrong.status_code == 422
    assert quick.order().state == "under_way"
    missing = crew.send(f"/dispatch/crew/{REF}/finish", usage_hours="1.5")
    assert missing.status_code == 422
    assert "缺修前照片" in missing.text
    for number, kind in enumerate(("before", "after")):
        assert crew.photo(REF, kind, number).status_code == 303
    done = crew.send(f"/dispatch/crew/{REF}/finish", usage_hours="1.5", checks=["0", "1"])
    assert done.status_code == 303, done.text
    assert quick.order().usage == [["hours", "1.5", "hours"]]


def test_an_assignment_is_undone_from_its_toast(quick):
    quick.file()
    browser = quick.client(HEJING)
    answer = browser.send(f"/dispatch/orders/{REF}/assign", crew="hy-air-1", version="2")
    assert quick.order().crew == "hy-air-1"
    shown = browser.get(answer.headers["Location"]).text
    assert f'action="/dispatch/orders/{REF}/undo"' in shown
    browser.send(f"/dispatch/orders/{REF}/undo")
    assert quick.order().crew == "in-elec-1"


def test_the_second_dispatcher_sees_in_the_panel_who_was_first(quick):
    quick.file()
    quick.client(HEJING).send(f"/dispatch/orders/{REF}/assign", crew="hy-air-1", version="2")
    second = quick.client(a_person(name="周强")).send(f"/dispatch/orders/{REF}/assign", crew="in-elec-2", version="2")
    assert second.status_code == 409
    assert 'id="panel"' in second.text
    assert "何静 10:42已派给恒岳空调组 赵一鸣" in second.text


def test_the_crews_day_is_given_for_today_alone(quick):
    quick.file()
    he = quick.client(HEJING)
    assert 'data-bar="2026-1125-087-1"' in he.get("/dispatch/lanes/2026-11-25").text
    for day in ("2026-11-24", "today", "2026-13-01"):
        assert he.get(f"/dispatch/lanes/{day}").status_code == 404
