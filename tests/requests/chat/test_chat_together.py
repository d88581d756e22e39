"""The very same is open already: the chat offers to join it or to file all the same, and does what is chosen once."""

from __future__ import annotations

import contextlib
import threading

import pytest
from sqlalchemy import select

from services.requests import quotas, tables
from services.requests.chat import conversation
from services.requests.chat.conversation import Message, Overtaken
from tests.requests.chat.test_chat_service import Talk, filed
from tests.requests.conftest import said

LIGHT = "2号楼302的灯不亮"


def joined(running):
    with running.database.read() as connection:
        return connection.execute(select(tables.together)).mappings().all()


def first_of_two(running, language="zh-Hans"):
    """Han Bing has asked; what Sun Li is told who wants the same."""
    reference = Talk(running).say(LIGHT, "好")["filed"][0]["reference"]
    talk = Talk(running, "sunli", language=language)
    return talk, reference, talk.say("light is out in building 2 room 302" if language == "en" else LIGHT, "好")


def test_the_second_is_asked_and_nothing_is_filed(running):
    _, reference, asked = first_of_two(running)
    assert len(filed(running)) == 1
    assert asked["filed"] == []
    assert [choice["say"] for choice in asked["choices"]] == ["加入那一件", "仍然单独提交", "不报了"]
    told = "".join(asked["texts"])
    assert "302" in told
    assert reference not in told and "韩冰" not in told  # place, item and hour, not whose


@pytest.mark.parametrize("words", ["加入那一件", "好的", "那就一起吧", "算我一个", "Join that one"])
def test_who_joins_by_chat_is_joined_once_and_files_nothing(running, words):
    talk, reference, _ = first_of_two(running)
    answer = talk.say(words, key="again")
    assert reference in answer["texts"][0]
    assert talk.say(words, key="again") == answer
    talk.say("好")
    assert len(joined(running)) == 1
    assert [event["data"]["joined"] for event in said(running, "requests.request_joined")] == [2]
    assert len(filed(running)) == 1
    assert answer["drafts"] == []


@pytest.mark.parametrize("words", ["仍然单独提交", "不加入，我单独报", "照样报", "file mine anyway"])
def test_who_files_all_the_same_files_once(running, words):
    talk, _, _ = first_of_two(running)
    answer = talk.say(words, key="again")
    assert talk.say(words, key="again") == answer
    talk.say("好")
    assert len(filed(running)) == 2
    assert joined(running) == []
    assert answer["filed"][0]["reference"] in answer["texts"][0]


@pytest.mark.parametrize("words", ["不报了", "算了", "leave it"])
def test_who_leaves_it_files_and_joins_nothing(quick, words):
    talk, _, _ = first_of_two(quick)
    assert talk.say(words)["drafts"] == []
    talk.say("好")
    assert (len(filed(quick)), joined(quick)) == (1, [])


def test_a_choice_that_chooses_nothing_is_asked_again(quick):
    talk, _, _ = first_of_two(quick)
    assert len(talk.say("我不加入")["choices"]) == 3
    talk.say("加入")
    assert len(joined(quick)) == 1


def test_something_else_said_changes_the_draft_and_another_place_is_filed(quick):
    talk, _, _ = first_of_two(quick)
    talk.say("不对，是303", "好")
    assert [event["place"] for event in filed(quick)] == ["B2-302", "B2-303"]
    assert joined(quick) == []


def test_in_english_the_words_are_english(quick):
    talk, reference, asked = first_of_two(quick, "en")
    assert "still open" in asked["texts"][0]
    assert [choice["words"] for choice in asked["choices"]] == ["Join that one", "File mine anyway", "Leave it"]
    assert reference in talk.say("join")["texts"][0]


def test_ones_own_is_named_and_cannot_be_joined(quick):
    talk = Talk(quick)
    reference = talk.say(LIGHT, "好")["filed"][0]["reference"]
    asked = talk.say("还要报修，" + LIGHT, "好")
    assert reference in "".join(asked["texts"])
    assert [choice["say"] for choice in asked["choices"]] == ["仍然单独提交", "不报了"]
    talk.say("加入那一件")
    assert (len(filed(quick)), joined(quick)) == (1, [])


def test_what_was_done_meanwhile_is_not_joined_and_the_draft_stands(quick):
    owner = Talk(quick)
    reference = owner.say(LIGHT, "好")["filed"][0]["reference"]
    talk = Talk(quick, "sunli")
    talk.say(LIGHT, "好")
    owner.say(f"取消{reference}", "是的")
    talk.say("加入那一件")
    assert (len(filed(quick)), joined(quick)) == (1, [])
    talk.say("好")
    assert len(filed(quick)) == 2


def test_an_emergency_is_filed_whoever_else_called(quick):
    Talk(quick).say("2号楼302水管爆了！！")
    Talk(quick, "sunli").say("2号楼302水管爆了！！")
    assert len(filed(quick)) == 2


def test_of_two_who_say_yes_at_once_one_files_and_the_other_is_asked(running):
    talks = [Talk(running), Talk(running, "sunli")]
    for talk in talks:
        talk.say(LIGHT)
    answers = []

    def agree(talk):
        for _ in range(8):
            with contextlib.suppress(Overtaken), running.work() as work:
                answers.append(conversation.hear(work, talk.desk, talk.person, Message("web", "yes", "好", "zh-Hans")))
                return

    threads = [threading.Thread(target=agree, args=(talk,)) for talk in talks]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(filed(running)) == 1
    assert sorted(len(answer["choices"]) for answer in answers)[-1] == 3


def test_what_is_over_the_quota_is_said_to_await_approval_and_can_be_taken_back(running):
    with running.work() as work:
        quotas.save(work, "printing", "department", "", "month", 20)
    talk = Talk(running)
    answer = talk.say("打印会议材料30份", "好")
    assert filed(running) == []  # nobody hears of it before it is approved
    reference = answer["filed"][0]["reference"]
    assert any(reference in text and "批准" in text for text in answer["texts"])
    talk.say(answer["choices"][0]["say"], "是的")
    with running.database.read() as connection:
        assert [row.state for row in connection.execute(select(tables.request))] == ["withdrawn"]
