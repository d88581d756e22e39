"""Who is told in the bell of complaints, suggestions, improvements and surveys; and that it tells on nobody."""

import json
from collections import Counter
from datetime import date, timedelta

from services.requests.service import watch_voices
from services.requests.voices import complaints, model
from shared.clock import SITE_ZONE, from_text
from tests.requests.conftest import NOON, person
from tests.requests.voices.test_complaints import CHEN, ZHAO, a_request, act, complain
from tests.requests.voices.test_suggestions import begin, move, reply, suggest
from tests.requests.voices.test_surveys import TODAY, answer, of_department, write


def told(running, kind=""):
    """(kind, account) of every notice of this area, and all words that were kept."""
    with running.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT kind, account, words FROM notice ORDER BY id").all()
    mine = [(row[0].removeprefix("voice."), row[1]) for row in rows if row[0].startswith(f"voice.{kind}")]
    return mine, "".join(row[2] for row in rows if row[0].startswith("voice."))


def test_each_handler_is_told_and_the_complainant_of_the_answer(running):
    han = person().account
    made = complain(running, a_request(running))
    act(running, made, complaints.answer, ZHAO, "not_upheld", "没有发现")
    act(running, made, complaints.appeal, "没人来过")
    running.clock.set(model.due(NOON, 5) + timedelta(minutes=1))
    watch_voices(running)
    watch_voices(running)
    notices, words = told(running)
    assert notices == [
        ("complaint_given", ZHAO),
        ("complaint_answered", han),
        ("complaint_given", CHEN),
        ("complaint_late", han),
    ]
    for secret in ("韩冰", "Han Bing", "修了三次", "没人来过", han):
        assert secret not in words


def test_a_late_complaint_that_goes_higher_tells_both_handlers(running):
    made = complain(running, a_request(running))
    running.clock.set(made.due_at + timedelta(minutes=1))
    watch_voices(running)
    assert told(running)[0][1:] == [
        ("complaint_late", person().account),
        ("complaint_taken", ZHAO),
        ("complaint_given", CHEN),
    ]


def test_authors_owners_and_makers_are_told(running):
    suggestion = suggest(running)
    reply(running, suggestion)
    made = begin(running, suggestion)
    for step in ("analyse", "act", "finish"):
        move(running, made, "luomin", step, "说明")
    move(running, made, "zhaomin", "send_back", "还差一点", leads=True)
    luo, he = person("luomin").account, person("hejing").account
    assert told(running)[0] == [
        ("suggestion_replied", person().account), ("improvement_given", luo), ("improvement_done", he), ("improvement_back", luo),
    ]  # fmt: skip


def test_whoever_is_asked_is_told_and_reminded_until_he_has_answered(running):
    survey = write(running, departments=["secretariat"])
    asked = {person(user).account for user in of_department("secretariat")}
    assert Counter(account for _, account in told(running, "survey_opened")[0]) == Counter(asked)
    with running.database.read() as connection:
        words = (
            connection.exec_driver_sql("SELECT words FROM notice WHERE kind = 'voice.survey_opened'").scalars().first()
        )
    until = from_text(json.loads(words)["until"]["moment"])
    assert until.astimezone(SITE_ZONE).date() == survey.closes_on  # its last day is named, not the next
    answer(running, survey, "hanbing")
    watch_voices(running)
    assert told(running, "survey_reminder")[0] == []
    running.clock.set(NOON + timedelta(days=(survey.closes_on - date(2026, 11, 25)).days - 1))
    watch_voices(running)
    watch_voices(running)
    assert {account for _, account in told(running, "survey_reminder")[0]} == asked - {person().account}
    assert len(told(running, "survey_reminder")[0]) == len(asked) - 1


def test_a_survey_of_a_day_does_not_remind(quick):
    write(quick, opens_on=TODAY, closes_on=TODAY + timedelta(days=1), departments=["secretariat"])
    watch_voices(quick)
    assert told(quick, "survey_reminder")[0] == []
