"""Mail by single kinds of notices, beside whole topics, and what the daily letter makes of it."""

import re
from datetime import timedelta

import pytest

from services.requests import service
from services.requests.letters import boxes
from services.requests.notices.rules import MAILS, RULES, TOPICS
from shared.errors import Invalid
from shared.language import language
from tests.requests.conftest import NOON, Browser, person
from tests.requests.test_requests_letters import has_mail, letters, mailing, opened, tell, write

PAGE = "/requests/me/mail"


def ways(running, user="hanbing"):
    with running.database.read() as connection:
        return boxes.choices(connection, [person(user).account]).get(person(user).account, {})


def test_a_kind_stands_above_its_topic_and_the_topic_above_the_rules():
    assert boxes.way({}, "request.assigned") == RULES["request.assigned"].mail == "none"
    assert boxes.way({"request": "daily"}, "request.assigned") == "daily"
    assert boxes.way({"request": "none", "request.assigned": "at_once"}, "request.assigned") == "at_once"
    assert boxes.way({"request": "none", "request.assigned": "at_once"}, "request.breached") == "none"
    assert boxes.way({"request": "urgent", "request.breached": "daily"}, "request.breached") == "daily"


def test_one_kind_is_mailed_at_once_and_another_of_the_topic_in_the_daily_letter(running):
    mailing(running)
    has_mail(running)
    with running.work() as work:
        boxes.choose(work, person().account, {"request.assigned": "at_once", "request.to_confirm": "daily"})
    for kind in ("request.assigned", "request.to_confirm", "request.under_way"):
        tell(running, kind, crew="")
    assert write(running) == 1
    assert "given to a crew" in opened(letters(running)[0].message)["Subject"]
    running.clock.set(NOON + timedelta(days=1))
    service.write_daily(running)
    [daily] = letters(running)[1:]
    text = opened(daily.message).get_body(("plain",)).get_content()
    assert "done, please confirm" in text
    assert "begun" not in text


def test_stopping_a_topic_or_the_daily_letter_stops_its_single_kinds_too(running):
    account = person().account
    with running.work() as work:
        boxes.choose(work, account, {"request.assigned": "at_once", "booking.made": "at_once", "chat.called": "daily"})
        boxes.stop(work, account, "request")
    assert ways(running) == {"request": "none", "booking.made": "at_once", "chat.called": "daily"}
    with running.work() as work:
        boxes.stop(work, account, "daily")
    assert ways(running)["chat.called"] == "none"
    assert ways(running)["booking.made"] == "at_once"


@pytest.mark.parametrize("code", ["zh-Hans", "en"])
def test_the_page_offers_every_kind_by_name_and_keeps_what_is_chosen(quick, quick_app, code):
    browser = Browser(quick_app, code)
    browser.sign_in("hanbing")
    html, words = browser.get(PAGE).text, language(code)
    for kind in RULES:
        assert f'name="{kind.replace(".", "-")}"' in html
        assert words(f"notice.each.{kind}") in html
    chosen = {"request": "urgent", "request-assigned": "at_once", "voice-survey_opened": "none", "language": code}
    assert browser.submit(PAGE, PAGE + "/choices", **chosen).status_code == 303
    assert ways(quick) == {"request": "urgent", "request.assigned": "at_once", "voice.survey_opened": "none"}
    html = browser.get(PAGE).text
    assert re.search(r'name="request-assigned".*?<option value="at_once" selected>', html, re.DOTALL)
    assert html.count("<details open>") == 2  # the two topics with single choices are unfolded
    assert browser.submit(PAGE, PAGE + "/choices", **{"request-assigned": "", "language": code}).status_code == 303
    assert ways(quick) == {}


def test_programs_choose_kinds_and_leave_the_others_as_they_are(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    path = "/requests/api/me/mail"
    assert browser.json("GET", path).json["kinds"] == {}
    assert browser.json("PUT", path, {"kinds": {"request.assigned": "daily"}}).json["kinds"] == {
        "request.assigned": "daily"
    }
    answer = browser.json("PUT", path, {"topics": {"chat": "none"}, "kinds": {"chat.called": "at_once"}}).json
    assert answer["kinds"] == {"request.assigned": "daily", "chat.called": "at_once"}
    assert answer["topics"]["chat"] == "none"
    for wrong in ({"request.nothing": "daily"}, {"request.assigned": "urgent"}, {"request": "daily"}):
        assert browser.json("PUT", path, {"kinds": wrong}).status_code == 422, wrong


@pytest.mark.parametrize("wanted", [{"request.assigned": "urgent"}, {"nothing": "daily"}, {"request.x": ""}])
def test_what_cannot_be_chosen_is_named_and_nothing_is_kept(quick, wanted):
    with pytest.raises(Invalid) as refused, quick.work() as work:
        boxes.choose(work, person().account, {"chat": "daily", **wanted})
    assert list(refused.value.fields) == list(wanted)
    assert ways(quick) == {}


def test_every_kind_belongs_to_a_topic_and_has_its_name_in_both_languages():
    for kind, rule in RULES.items():
        assert rule.topic in TOPICS
        assert rule.mail in MAILS
        for code in ("zh-Hans", "en"):
            assert language(code).has(f"notice.each.{kind}"), kind
    named = {key for key in language("en").words if key.startswith("notice.each.")}
    assert named == {f"notice.each.{kind}" for kind in RULES}
