"""An item made on the catalogue's page is asked for in the chat: its own form, question by question."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.requests.chat import conversation
from tests.requests.chat.test_chat_service import Talk, filed
from tests.requests.conftest import NOON, said
from tests.requests.test_requests_cataloguing import NEW, publish

FIELDS = [
    {"name": "kind", "type": "choice", "required": True, "label": {"zh": "要哪种", "en": "Which"},
     "options": [{"code": "pothos", "zh": "绿萝", "en": "Pothos"}, {"code": "orchid", "zh": "蝴蝶兰", "en": "Orchid"}]},
    {"name": "quantity", "type": "whole", "required": True, "label": {"zh": "几盆", "en": "How many pots"}, "least": 1, "most": 50},
    {"name": "starts_at", "type": "moment", "required": True, "label": {"zh": "什么时候送来", "en": "When to bring them"}},
    {"name": "watered", "type": "yes_no", "required": True, "label": {"zh": "要不要代浇水", "en": "Shall we water them"}},
    {"name": "card", "type": "text", "required": True, "label": {"zh": "卡片上写什么", "en": "Words on the card"}, "most": 12},
]  # fmt: skip
BODY = {**NEW, "field": FIELDS, "summary": {"zh": "{kind} {quantity}盆", "en": "{quantity} {kind}"}}


@pytest.fixture
def talk(running):
    found = Talk(running)
    publish(running, found.desk, BODY, code="flowers")
    running.clock.set(NOON + timedelta(minutes=1))
    return found


def last(answer):
    return "\n".join(answer["texts"])


def test_every_open_question_is_asked_read_back_and_filed_after_a_yes(running, talk):
    asked = talk.say("我要鲜花租摆")
    assert "在哪里" in last(asked)
    assert "/requests/new/flowers" in last(asked)
    asked = talk.say("2号楼302")
    assert "要哪种" in last(asked)
    assert [each["words"] for each in asked["choices"]][:2] == ["绿萝", "蝴蝶兰"]
    assert "几盆" in last(talk.say("蝴蝶兰"))
    assert "什么时候" in last(talk.say("三盆"))
    assert "代浇水" in last(talk.say("明天上午十点"))
    assert "卡片" in last(talk.say("需要"))
    back = talk.say("开业大吉")
    for part in ("蝴蝶兰", "3", "明天 10:00", "是", "开业大吉", "302"):
        assert part in last(back)
    assert filed(running) == []
    done = talk.say("好", key="yes")
    (event,) = filed(running)
    assert (event["item"], event["place"], event["channel"], event["quantity"]) == ("flowers", "B2-302", "chat", 3)
    assert event["starts_at"][:16] == "2026-11-26T02:00"
    assert done["filed"][0]["reference"] in last(done)
    assert talk.say("好", key="yes") == done
    assert len(filed(running)) == 1


def test_what_the_first_sentence_tells_is_not_asked_again(running, talk):
    asked = talk.say("给2号楼302来5盆绿萝，鲜花租摆，明天上午十点送")
    assert "代浇水" in last(asked)
    talk.say("要")
    back = talk.say("欢迎")
    assert "绿萝" in last(back)
    assert "5" in last(back)
    changed = talk.say("改成蝴蝶兰")
    assert "蝴蝶兰" in last(changed)
    talk.say("好")
    assert len(filed(running)) == 1


def test_a_wrong_answer_is_told_and_asked_again_and_nothing_is_lost(running, talk):
    talk.say("给2号楼302来绿萝，鲜花租摆")
    again = talk.say("500盆")
    assert "几盆" in last(again)
    assert len(again["texts"]) == 2  # why, and the question
    talk.say("5盆")
    talk.say("明天上午十点")
    talk.say("是")
    again = talk.say("这一张卡片上要写的字实在是太多太多了")
    assert "卡片" in last(again)
    assert len(again["texts"]) == 2
    assert "绿萝" in last(talk.say("欢迎"))
    assert filed(running) == []


def test_it_can_be_dropped_and_an_emergency_goes_first(running, talk):
    talk.say("我要鲜花租摆")
    talk.say("着火了！2号楼302！")
    assert [event["priority"] for event in filed(running)] == [1]
    assert "要哪种" in last(talk.say("2号楼303"))  # the form goes on
    talk.say("不办了")
    talk.say("好")
    assert len(filed(running)) == 1


def test_who_may_not_ask_is_told_so_and_a_refusal_at_filing_asks_again(running, talk):
    publish(running, talk.desk, {**BODY, "departments": ["reception"]}, code="flowers")
    running.clock.set(NOON + timedelta(minutes=4))
    answer = talk.say("我要鲜花租摆")
    assert "没有办成" in last(answer)
    assert "要哪种" not in last(answer)
    publish(running, talk.desk, BODY, code="flowers")
    running.clock.set(NOON + timedelta(minutes=8))
    talk.say("给2号楼302来5盆绿萝，鲜花租摆，今天上午九点送")  # it is past noon
    talk.say("要")
    talk.say("欢迎")
    refused = talk.say("好")
    assert "没有办成" in last(refused)
    assert "什么时候" in last(refused)
    assert said(running, "requests.request_filed") == []


def test_in_english_it_asks_in_english(running, talk):
    her = Talk(running, "hejing", language="en")
    asked = her.say("I'd like some flowers please")
    assert "Where" in last(asked) or "where" in last(asked)
    her.say("building 2 room 302")
    assert "How many pots?" in last(her.say("orchid"))


def test_a_no_to_what_must_be_agreed_to_is_said_and_asked_again(running, talk):
    talk.say("给2号楼302来5盆绿萝，鲜花租摆，明天上午十点送")
    talk.say("不用")
    talk.say("欢迎")
    refused = talk.say("好")
    assert "没有办成" in last(refused)
    assert "代浇水" in last(refused)
    talk.say("那要吧")
    talk.say("好")
    assert len(filed(running)) == 1


def shown(answer):
    """The rows of the one form beside the conversation: each label with its value, and what is still open."""
    (draft,) = answer["drafts"]
    return {row["label"]: row["value"] for row in draft["rows"]}, draft["missing"]


def test_the_panel_beside_the_chat_fills_in_as_one_speaks(running, talk):
    rows, missing = shown(talk.say("我要鲜花租摆"))
    assert (rows, missing) == ({"地点": ""}, "地点")
    rows, missing = shown(talk.say("2号楼302"))
    assert missing == "要哪种"
    assert "302" in rows["地点"]
    rows, missing = shown(talk.say("蝴蝶兰"))
    assert (rows["要哪种"], missing) == ("蝴蝶兰", "几盆")
    with running.work() as work:  # the page that is opened again shows the same
        standing = conversation.standing(
            work.connection, talk.desk, talk.person, "web", "en", NOON + timedelta(minutes=1)
        )
    rows, missing = shown(standing)
    assert (rows["Which"], missing) == ("Orchid", "How many pots")
    talk.say("三盆")
    talk.say("明天上午十点")
    talk.say("需要")
    back = talk.say("开业大吉")
    rows, missing = shown(back)
    assert rows["什么时候送来"] == "明天 10:00"
    assert (rows["要不要代浇水"], missing, back["drafts"][0]["ready"]) == ("是", "", True)
    assert talk.say("好")["drafts"] == []
