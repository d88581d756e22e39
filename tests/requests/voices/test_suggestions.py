"""Suggestions with a reply before everybody, minutes of forums, and improvements from finding to verified."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from services.requests.requester import oneself
from services.requests.service import desk_of
from services.requests.voices import model, store, suggestions
from shared.errors import Invalid
from tests.requests.conftest import NOON, Browser, Program, person, said


def suggest(running, user="hanbing", **values):
    with running.work() as work:
        return suggestions.make_suggestion(
            work, desk_of(running), oneself(person(user)),
            **{"title": "食堂延长晚餐到七点", "words": "加班的人赶不上", "item": "canteen", "named": False, **values},
        )  # fmt: skip


def begin(running, origin=None, user="hejing", **values):
    more = {"origin": "suggestion", "origin_id": origin.id, "origin_reference": origin.reference} if origin else {}
    with running.work() as work:
        return suggestions.begin_improvement(
            work, oneself(person(user)),
            **{"finding": "晚餐太早", "action": "", "owner": "luomin", "due_on": date(2026, 12, 10), **more, **values},
        )  # fmt: skip


def reply(running, suggestion, user="hejing", outcome="adopted", words="从下月起延长"):
    with running.work() as work:
        found = store.suggestion_by_reference(work.connection, suggestion.reference, lock=True)
        suggestions.reply(work, found, oneself(person(user)), outcome, words)


def move(running, improvement, user, act, words="", *, leads=False):
    with running.work() as work:
        found = store.improvement_by_reference(work.connection, improvement.reference, lock=True)
        suggestions.move(work, found, oneself(person(user)), act, words, leads=leads)


def state(running, improvement):
    with running.database.read() as connection:
        return store.improvement_by_reference(connection, improvement.reference).state


def test_a_suggestion_has_a_date_and_is_replied_to_once_by_somebody_else(running):
    made = suggest(running)
    assert made.reply_by == model.due(NOON, 10)
    with pytest.raises(model.Own):
        reply(running, made, user="hanbing")
    reply(running, made)
    with pytest.raises(model.Past):
        reply(running, made, outcome="declined")
    told = said(running, "requests.suggestion_")
    assert [each["data"].get("outcome", "") for each in told] == ["", "adopted"]
    assert told[1]["data"]["late"] is False and [each["sequence"] for each in told] == [1, 2]
    assert "食堂延长" not in str(told)
    with pytest.raises(Invalid):
        suggest(running, item="nothing")


def test_of_two_replies_at_once_one_counts(running):
    made = suggest(running)
    start = threading.Barrier(2)

    def one(outcome):
        start.wait(20)
        try:
            reply(running, made, outcome=outcome)
        except model.Past:
            return "late"
        return outcome

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(one, model.SUGGESTION_OUTCOMES))
    assert sorted(each == "late" for each in answers) == [False, True]
    assert len(said(running, "requests.suggestion_replied")) == 1


def test_an_improvement_goes_from_finding_to_verified_by_somebody_else(running):
    suggestion = suggest(running)
    reply(running, suggestion)
    made = begin(running, suggestion)
    with pytest.raises(model.Past):
        move(running, made, "luomin", "finish", "做了")
    with pytest.raises(model.NotYours):
        move(running, made, "hejing", "analyse", "原因", leads=True)
    with pytest.raises(Invalid):
        move(running, made, "luomin", "analyse")
    move(running, made, "luomin", "analyse", "排班只到六点")
    move(running, made, "luomin", "act", "加一班")
    move(running, made, "luomin", "finish", "已延长到七点")
    assert state(running, made) == "acted"
    with pytest.raises(model.Own):
        move(running, made, "luomin", "verify", leads=True)
    move(running, made, "hejing", "send_back", "周五没有延长", leads=True)
    assert state(running, made) == "acting"
    move(running, made, "luomin", "finish", "周五也延长了")
    move(running, made, "hejing", "verify", leads=True)
    assert state(running, made) == "verified"
    with running.database.read() as connection:
        assert store.suggestion_by_reference(connection, suggestion.reference).state == "done"
    states = [each["data"]["state"] for each in said(running, "requests.improvement_moved")]
    assert states == ["found", "analysed", "acting", "acted", "acting", "acted", "verified"]
    assert "排班" not in str(said(running, "requests.improvement_moved"))


def test_an_improvement_has_an_owner_of_the_house_and_a_day_to_come(quick):
    for wrong in (
        {"owner": "nobody"},
        {"owner": "chenguang"},
        {"due_on": date(2026, 11, 24)},
        {"due_on": date(2046, 1, 1)},
    ):
        with pytest.raises(Invalid) as refused:
            begin(quick, **wrong)
        assert set(refused.value.fields) == set(wrong)
    made = begin(quick)
    assert not made.late(date(2026, 12, 10)) and made.late(date(2026, 12, 11))


def test_minutes_give_suggestions_that_want_a_reply(running):
    with running.work() as work:
        forum = suggestions.keep_minutes(
            work, desk_of(running), oneself(person("hejing")), held_on=date(2026, 11, 20), topic="用户座谈会", place="302会议室",
            people="韩冰等12人", minutes="讨论了餐厅与保洁", suggested=["增加素食窗口", "晚上保洁轻声"],
        )  # fmt: skip
    with running.database.read() as connection:
        made = store.suggestions_of_forum(connection, forum.id)
    assert [(each.title, each.author, each.state) for each in made] == [
        ("增加素食窗口", "", "received"),
        ("晚上保洁轻声", "", "received"),
    ]
    assert {each["data"]["forum_id"] for each in said(running, "requests.suggestion_made")} == {forum.id}
    with pytest.raises(Invalid), running.work() as work:
        suggestions.keep_minutes(
            work, desk_of(running), oneself(person("hejing")), held_on=date(2026, 11, 26), topic="明天", place="", people="", minutes="x"
        )  # fmt: skip


# ---- over HTTP


def test_the_api_suggests_replies_and_improves(quick, quick_app):
    han, he, sun = (Program(quick, quick_app, user) for user in ("hanbing", "hejing", "sunli"))
    made = han.post("/requests/api/suggestions", {"title": "换静音门", "item": "repair", "named": False})
    assert made.status_code == 201, made.text
    reference = model.short(made.json["reference"])
    path = f"/requests/api/suggestions/{reference}"
    # Before the reply nobody but the author and whoever replies reads it.
    assert sun.get(path).status_code == 404 and sun.get("/requests/api/suggestions").json["items"] == []
    assert he.get("/requests/api/suggestions?view=waiting").json["items"][0]["author"] == "韩冰"
    assert sun.post(f"{path}/reply", {"outcome": "adopted", "words": "好"}).status_code == 403
    assert he.post(f"{path}/reply", {"outcome": "declined", "words": ""}).status_code == 422
    assert he.post(f"{path}/reply", {"outcome": "adopted", "words": "下周换"}).status_code == 204
    assert he.post(f"{path}/reply", {"outcome": "adopted", "words": "下周换"}).status_code == 409
    shown = sun.get(path).json
    assert (shown["author"], shown["reply"], shown["state"]) == ("", "下周换", "adopted")
    assert han.post(f"{path}/take-back").status_code == 409
    wish = {"of": reference, "finding": "门响", "owner": "hejing", "due_on": "2026-12-01"}
    assert sun.post("/requests/api/improvements", wish).status_code == 403
    assert he.post("/requests/api/improvements", {**wish, "of": "J-0101-999"}).status_code == 422
    improvement = he.post("/requests/api/improvements", wish)
    assert improvement.status_code == 201 and improvement.json["of"] == made.json["reference"]
    there = f"/requests/api/improvements/{model.short(improvement.json['reference'])}"
    assert sun.get(there).status_code == 404
    for step, words in (("analyse", "合页旧"), ("act", "换合页"), ("finish", "换了")):
        assert he.post(f"{there}/moves", {"move": step, "words": words}).status_code == 204
    assert he.post(f"{there}/moves", {"move": "verify"}).status_code == 409  # her own
    assert Program(quick, quick_app, "chenguang").post(f"{there}/moves", {"move": "verify"}).status_code == 204
    assert han.get(path).json["state"] == "done"


def test_an_unanswered_suggestion_can_be_taken_back_and_is_gone_for_others(quick, quick_app):
    han, he = Program(quick, quick_app), Program(quick, quick_app, "hejing")
    reference = model.short(han.post("/requests/api/suggestions", {"title": "不要了"}).json["reference"])
    path = f"/requests/api/suggestions/{reference}"
    assert he.post(f"{path}/take-back").status_code == 404
    assert han.post(f"{path}/take-back").status_code == 204
    assert he.post(f"{path}/reply", {"outcome": "adopted", "words": "好"}).status_code == 409
    assert he.get("/requests/api/suggestions").json["items"] == []


def test_the_pages_show_the_forum_its_suggestions_and_what_comes_of_them(quick, quick_app):
    he, han = Browser(quick_app), Browser(quick_app)
    he.sign_in("hejing")
    han.sign_in("hanbing")
    assert han.get("/requests/forums/new").status_code == 403
    bad = he.submit("/requests/forums/new", "/requests/forums", topic="", held_on="2026-13-01", minutes="x")
    assert bad.status_code == 422 and "需要改" in bad.text
    there = he.submit(
        "/requests/forums/new",
        "/requests/forums",
        topic="保洁座谈会",
        held_on="2026-11-24",
        minutes="记录",
        suggested="增加一次清扫\n换拖把\n",
    ).headers["Location"]
    page = he.get(there).text
    assert "增加一次清扫" in page and "换拖把" in page
    assert he.submit(there, f"{there}/suggestions", title="").status_code == 422
    assert he.submit(there, f"{there}/suggestions", title="修门").status_code == 303
    assert "修门" in han.get(there).text and "保洁座谈会" in han.get("/requests/forums").text
    short = there.rsplit("/", 1)[1]
    wrong = he.submit(there, "/requests/improvements", finding="拖把旧", owner="nobody", due_on="2026-12-05")
    assert wrong.status_code == 422 and "登录名" in wrong.text
    made = he.submit(there, "/requests/improvements", finding="拖把旧", owner="luomin", due_on="2026-12-05").headers[
        "Location"
    ]
    assert short in he.get(made).text and "拖把旧" in he.get(there).text and "拖把旧" in han.get(there).text
    assert han.get(made).status_code == 404
    owner = Browser(quick_app)
    owner.sign_in("luomin")
    assert "拖把旧" in owner.get("/requests/improvements").text
    assert owner.submit(made, f"{made}/moves", words="").status_code == 422
    assert owner.submit(made, f"{made}/moves", words="用了三年").status_code == 303
    assert "用了三年" in owner.get(made).text
    suggestion = han.submit(
        "/requests/suggestions", "/requests/suggestions", title="多放几个垃圾桶", words="", item="cleaning", named="yes"
    ).headers["Location"]
    assert "待回复" in han.get(suggestion).text
    assert han.submit("/requests/suggestions", "/requests/suggestions", title="").status_code == 422
    assert he.submit(suggestion, f"{suggestion}/reply", outcome="declined", words="位置不够").status_code == 303
    assert "位置不够" in han.get(suggestion).text and "多放几个垃圾桶" in he.get("/requests/suggestions").text


def test_lists_go_on_by_cursor(quick, quick_app):
    for n in range(5):
        reply(quick, suggest(quick, title=f"第{n}条"))
        begin(quick)
        quick.clock.set(NOON + timedelta(minutes=n + 1))
    he = Program(quick, quick_app, "hejing")
    for address in ("/requests/api/suggestions", "/requests/api/improvements"):
        first = he.get(f"{address}?limit=3").json
        second = he.get(f"{address}?limit=3&cursor={first['next']}").json
        found = [each["reference"] for each in first["items"] + second["items"]]
        assert len(found) == len(set(found)) == 5 and not second["next"]
