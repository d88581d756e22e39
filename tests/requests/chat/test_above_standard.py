"""Nothing above the standard is had by talking: it is refused, or asked for with a reason and approved first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.requests import tables
from services.requests.approvals import of
from tests.requests.chat.test_chat_service import Talk, filed
from tests.requests.chat.test_made_by_chat import BODY, FIELDS
from tests.requests.conftest import NOON
from tests.requests.test_requests_cataloguing import publish

BANQUET = {
    "zh-Hans": (("明天中午订一桌宴席，10个人", "好"), "理由", "外宾来访，局长批示", "先批准", "算了"),
    "en": (
        ("a banquet for 10 people tomorrow at noon", "yes"),
        "Say why",
        "foreign guests, the director asked",
        "approved first",
        "forget it",
    ),
}
GILDED = {
    "zh-Hans": ("打印20份年报，精装烫金", "好", "超出标准"),
    "en": ("print 20 annual reports, hard cover with gilding", "yes", "above the standard"),
}


def rows(running):
    with running.work() as work:
        return work.connection.execute(select(tables.request)).all()


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_what_is_above_the_standard_is_asked_for_with_a_reason_and_awaits_approval(running, language):
    said, ask, reason, held, _ = BANQUET[language]
    talk = Talk(running, language=language)
    asked = talk.say(*said)
    assert ask in "\n".join(asked["texts"])
    assert rows(running) == []
    answer = talk.say(reason)
    assert held in "\n".join(answer["texts"])
    (row,) = rows(running)
    assert (row.item, row.state) == ("canteen", "awaiting_approval")
    with running.work() as work:
        approval = of(work.connection, row.id)
    assert (approval.causes, approval.why) == (["above"], reason)
    assert filed(running) == []  # nobody hears of it before it is approved


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_without_a_reason_nothing_is_filed(running, language):
    said, *_, drop = BANQUET[language]
    talk = Talk(running, language=language)
    talk.say(*said)
    assert talk.say(drop)["drafts"] == []
    assert rows(running) == []


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_what_the_item_leaves_no_way_to_ask_for_is_refused(running, language):
    said, yes, why = GILDED[language]
    talk = Talk(running, language=language)
    answer = talk.say(said, yes)
    assert why in "\n".join(answer["texts"])
    assert rows(running) == []


@pytest.mark.parametrize(
    "said", ["明天中午10个人吃饭，不要宴席，工作餐就行", "lunch for 10 tomorrow at noon, not a banquet"]
)
def test_what_is_turned_down_is_not_above_the_standard(running, said):
    Talk(running, language="zh-Hans" if said[0] == "明" else "en").say(said, "好" if said[0] == "明" else "yes")
    assert [event["item"] for event in filed(running)] == ["canteen"]


def test_an_item_made_on_the_catalogue_page_asks_for_the_reason_too(running):
    talk = Talk(running)
    kind = {**FIELDS[0], "options": [FIELDS[0]["options"][0], {**FIELDS[0]["options"][1], "above": True}]}
    rule = {"approval": {"for": ["above"], "step": [{"by": ["role:administrator"], "within": 48}]}}
    publish(running, talk.desk, {**BODY, **rule, "field": [kind, *FIELDS[1:]]}, code="flowers")
    running.clock.set(NOON + timedelta(minutes=1))
    talk.say("给2号楼302来5盆蝴蝶兰，鲜花租摆，明天上午十点送", "要", "欢迎")
    assert "理由" in "\n".join(talk.say("好")["texts"])
    back = talk.say("市里接待")
    assert "市里接待" in "\n".join(back["texts"])
    assert "先批准" in "\n".join(talk.say("好")["texts"])
    assert [row.state for row in rows(running)] == ["awaiting_approval"]
