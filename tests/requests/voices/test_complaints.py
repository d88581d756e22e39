"""Complaints: linked to a request, looked into by somebody independent, answered in time, appealed once, and unnamed."""

import json
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from services.requests import store as requests_store
from services.requests.compound import load_compound
from services.requests.handlers import accounts, filing
from services.requests.model import Filing
from services.requests.requester import oneself
from services.requests.service import desk_of, watch_voices
from services.requests.voices import complaints, model, store, tables
from shared.contracts.dispatch import WorkOrderAssigned, WorkOrderOpened
from shared.errors import Invalid
from shared.web import noting
from tests.requests.conftest import NOON, Browser, Dispatch, Program, an_app, person, said

REPAIR = Filing(item="repair", place="B2-302", priority=2, answers={"what": "aircon", "details": "不制冷"})


def a_request(running, *, supplier="", crew="in-elec-1", user="hanbing"):
    """A request whose work a crew has been given."""
    desk = desk_of(running)
    with running.work() as work:
        filed = filing.file_request(work, desk, person(user), REPAIR, "form")
    dispatch = Dispatch(running)
    order = f"order-{filed.id[-4:]}"
    dispatch.say(
        WorkOrderOpened(
            order_id=order, reference=f"{filed.reference}-1", request_id=filed.id, request_reference=filed.reference, item="repair",
            priority=2, place="B2-302", department="secretariat", opened_at=running.clock.now(),
        ), 1,
    )  # fmt: skip
    dispatch.say(
        WorkOrderAssigned(
            order_id=order, request_id=filed.id, crew=crew, crew_name="电工一班", supplier=supplier,
            assigned_at=running.clock.now(),
        ), 2,
    )  # fmt: skip
    with running.database.read() as connection:
        return requests_store.request_by_id(connection, filed.id)


def complain(running, request=None, user="hanbing", **values):
    with running.work() as work:
        return complaints.open_complaint(
            work, desk_of(running), oneself(person(user)),
            **{"about": "work" if request else "other", "category": "quality", "words": "修了三次还是不制冷", "request": request, **values},
        )  # fmt: skip


def now(running, complaint):
    with running.database.read() as connection:
        return store.complaint_by_id(connection, complaint.id)


def act(running, complaint, do, *more):
    with running.work() as work:
        do(work, store.complaint_by_id(work.connection, complaint.id, lock=True), *more)


ZHAO, CHEN, HE = person("zhaomin").account, person("chenguang").account, person("hejing").account


def test_about_a_suppliers_work_the_contract_manager_answers_not_the_dispatcher_who_gave_it_out(running):
    request = a_request(running, supplier="HY", crew="hy-ac-1")
    made = complain(running, request)
    assert (made.handler, made.handler_kind) == (ZHAO, "contract_manager")
    assert ("barred_dispatch", 1) in made.reasons
    assert (made.crews.split(), made.suppliers.split()) == (["hy-ac-1"], ["HY"])
    assert made.due_at == model.due(NOON, 5)
    assert model.short(made.reference) == "C-1125-001"


def test_about_our_own_crew_nobody_of_its_department_answers(running):
    with running.work() as work:  # a contract manager beside the crew, in its department
        accounts.make_account(
            work,
            requests_store.Account(
                id="", user_name="nearby", name="近邻", name_en="Nearby", roles=("contract_manager",), department="logistics",
                organisation=person().organisation, supplier="", crew="", office="", phone="", password="",
            ),
        )  # fmt: skip
    made = complain(running, a_request(running))
    assert made.handler == ZHAO
    assert ("barred_department", 2) in made.reasons  # the dispatcher belongs there too


def test_about_nobodys_work_a_dispatcher_may_answer_and_about_a_department_nobody_of_it(running):
    assert complain(running).handler == HE
    assert complain(running, about="department", department="logistics").handler == ZHAO
    assert complain(running, about="department", department="contracts").handler == HE
    assert complain(running, about="dispatch").handler == ZHAO
    assert complain(running, user="hejing").handler == ZHAO  # her own
    assert complain(running, about="dispatch", user="zhaomin").handler == CHEN
    with pytest.raises(Invalid):
        complain(running, about="department", department="nothing")
    with pytest.raises(Invalid):
        complain(running, department="logistics")


def test_the_way_to_an_accepted_answer_and_what_the_log_is_told(running):
    made = complain(running, a_request(running))
    act(running, made, complaints.acknowledge, ZHAO)
    assert now(running, made).state == "investigating"
    act(running, made, complaints.answer, ZHAO, "upheld", "已约谈班组，明天复查")
    answered = now(running, made)
    assert (answered.state, answered.outcome, answered.appeal_until) == ("answered", "upheld", model.due(NOON, 5))
    act(running, made, complaints.accept)
    assert (now(running, made).state, now(running, made).close_reason) == ("closed", "accepted")
    told = said(running, "requests.complaint_")
    assert [each["type"].split(".")[1] for each in told] == [
        "complaint_opened",
        "complaint_answered",
        "complaint_closed",
    ]
    assert [each["sequence"] for each in told] == [1, 3, 4]
    sealed = json.dumps(told, ensure_ascii=False)
    for secret in ("修了三次", "约谈", "韩冰", person().account):
        assert secret not in sealed
    assert told[0]["actor"] == f"complainant:{made.reference}"
    assert told[0]["data"]["words_digest"] == complaints.digest(made.salt, made.words)
    assert told[1]["data"]["order_id"] == made.order_id and told[1]["data"]["late"] is False


def test_an_appeal_goes_to_another_of_a_higher_kind_once_and_its_answer_is_final(running):
    made = complain(running, a_request(running))
    act(running, made, complaints.answer, ZHAO, "not_upheld", "没有发现问题")
    act(running, made, complaints.appeal, "没有人来看过")
    appealed = now(running, made)
    assert (appealed.handler, appealed.handler_kind, appealed.state) == (CHEN, "supervisor", "appealed")
    assert (appealed.first_answer, appealed.first_outcome, appealed.answer) == ("没有发现问题", "not_upheld", "")
    with pytest.raises(model.NotYours):
        act(running, made, complaints.answer, ZHAO, "upheld", "改口")
    act(running, made, complaints.answer, CHEN, "upheld", "监控显示确实没来")
    final = now(running, made)
    assert (final.state, final.close_reason, final.outcome) == ("closed", "decided", "upheld")
    with pytest.raises(model.Past):
        act(running, made, complaints.appeal, "再申诉")
    told = said(running, "requests.complaint_answered")
    assert [(each["data"]["outcome"], each["data"]["round"]) for each in told] == [("not_upheld", 1), ("upheld", 2)]
    sequences = [each["sequence"] for each in said(running, "requests.complaint_")]
    assert sequences == sorted(set(sequences))


def test_an_appeal_has_its_days_and_silence_closes(running):
    made = complain(running, a_request(running))
    act(running, made, complaints.answer, ZHAO, "partly", "部分属实")
    running.clock.set(model.due(NOON, 5) + timedelta(seconds=1))
    with pytest.raises(model.Past):
        act(running, made, complaints.appeal, "晚了")
    watch_voices(running)
    assert (now(running, made).state, now(running, made).close_reason) == ("closed", "no_appeal")


def test_a_late_complaint_goes_higher_once_and_stays_late(running):
    made = complain(running, a_request(running))
    watch_voices(running)
    assert now(running, made).escalated_at is None
    running.clock.set(made.due_at + timedelta(minutes=1))
    watch_voices(running)
    watch_voices(running)
    late = now(running, made)
    assert (late.handler, late.due_at) == (CHEN, made.due_at) and late.escalated_at is not None
    assert len(said(running, "requests.complaint_escalated")) == 1
    act(running, made, complaints.answer, CHEN, "upheld", "拖延属实")
    assert said(running, "requests.complaint_answered")[0]["data"]["late"] is True


def test_who_has_an_interest_steps_aside_and_another_answers_by_the_same_date(running):
    made = complain(running, a_request(running))
    act(running, made, complaints.step_aside, ZHAO)
    after = now(running, made)
    assert (after.handler, after.due_at, after.state) == (CHEN, made.due_at, "received")
    act(running, made, complaints.step_aside, CHEN)
    assert now(running, made).handler == ""  # nobody is left, and it says so
    assert now(running, made).reasons[0] == ("nobody", 0)


def test_a_complaint_that_nobody_may_answer_is_given_to_whoever_comes(running):
    with running.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET enabled = false WHERE user_name IN ('zhaomin', 'chenguang')")
    made = complain(running, a_request(running))
    assert made.handler == ""
    watch_voices(running)
    assert now(running, made).handler == ""
    admin = Browser(an_app(running))
    admin.sign_in("admin")
    page = admin.get("/requests/complaints").text
    assert "1件投诉没有无关的人可以承办" in page and made.words not in page
    with running.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET enabled = true WHERE user_name = 'zhaomin'")
    watch_voices(running)
    assert now(running, made).handler == ZHAO


def test_of_two_answers_at_once_one_counts(running):
    made = complain(running, a_request(running))
    start = threading.Barrier(2)

    def one(number):
        start.wait(20)
        try:
            act(running, made, complaints.answer, ZHAO, "upheld", f"答复{number}")
        except model.Past:
            return "late"
        return f"答复{number}"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(one, range(2)))
    assert sorted(each == "late" for each in answers) == [False, True]
    assert now(running, made).answer in answers
    assert len(said(running, "requests.complaint_answered")) == 1


# ---- over HTTP


def body(**values):
    return {"about": "other", "category": "attitude", "words": "态度差", **values}


def test_the_api_files_answers_and_appeals(quick, quick_app, monkeypatch):
    monkeypatch.setattr(noting, "_seen", OrderedDict())  # nobody in this process has read a name within the hour
    request = a_request(quick, supplier="HY", crew="hy-ac-1")
    han, zhao, chen = (Program(quick, quick_app, user) for user in ("hanbing", "zhaomin", "chenguang"))
    made = han.post(
        "/requests/api/complaints", body(about="work", request=request.reference), **{"Idempotency-Key": "k"}
    )
    assert made.status_code == 201, made.text
    again = han.post(
        "/requests/api/complaints", body(about="work", request=request.reference), **{"Idempotency-Key": "k"}
    )
    assert again.json["reference"] == made.json["reference"]
    path = f"/requests/api/complaints/{model.short(made.json['reference'])}"
    assert made.json["may"] == ["take_back"] and made.json["salt"]
    assert zhao.get(path).json["complainant"] == "韩冰" and zhao.get(path).json["salt"] == ""
    assert chen.get(path).json["complainant"] == ""  # supervision reads it without the name
    (noted,) = said(quick, "requests.access_noted")  # who was given the name stands in the log, once an hour
    assert (noted["data"]["what"], noted["data"]["of"], noted["data"]["account_id"]) == (
        "person",
        made.json["reference"],
        ZHAO,
    )
    assert zhao.post(f"{path}/answer", {"outcome": "maybe", "words": ""}).status_code == 422
    assert zhao.post(f"{path}/accept").status_code == 404  # not hers to accept
    assert zhao.post(f"{path}/acknowledge").status_code == 204
    assert zhao.post(f"{path}/acknowledge").status_code == 409
    assert zhao.post(f"{path}/answer", {"outcome": "not_upheld", "words": "不属实"}).status_code == 204
    assert zhao.post(f"{path}/answer", {"outcome": "upheld", "words": "属实"}).status_code == 409
    assert han.post(f"{path}/appeal", {"words": ""}).status_code == 422
    assert han.post(f"{path}/appeal", {"words": "没人来"}).status_code == 204
    assert zhao.get(path).status_code == 404  # she has it no longer
    assert [each["reference"] for each in chen.get("/requests/api/complaints?view=handling").json["items"]] == [
        made.json["reference"]
    ]
    assert chen.post(f"{path}/answer", {"outcome": "upheld", "words": "属实"}).status_code == 204
    assert han.get(path).json["state"] == "closed"


def test_nobody_else_reads_a_complaint_and_no_word_of_it_reaches_whom_it_is_about(quick, quick_app):
    request = a_request(quick, supplier="HY", crew="hy-ac-1")
    made = complain(quick, request, words="杏杏杏司机骂人")
    short = model.short(made.reference)
    for user in ("sunli", "hejing", "lina", "wangjianguo", "moli", "admin"):
        someone = Program(quick, quick_app, user)
        assert someone.get(f"/requests/api/complaints/{short}").status_code in {403, 404}, user
        assert someone.get("/requests/api/complaints?view=all").status_code == 403, user
    lina = Program(quick, quick_app, "lina")
    mine = lina.get("/requests/api/complaints/about-us").json["items"]
    assert mine == [{"month": "2026-11", "state": "received", "category": "quality", "item": "repair", "outcome": ""}]
    wang = Program(quick, quick_app, "wangjianguo").get("/requests/api/complaints/about-us")
    assert wang.json["items"] == []
    page = Browser(quick_app)
    page.sign_in("lina")
    html = page.get("/requests/complaints/about-us").text
    assert "质量" in html and "杏" not in html and "韩冰" not in html and short not in html
    # On the request's own timeline, which dispatchers read, nothing is said of it.
    with quick.database.read() as connection:
        happened = {each.what for each in requests_store.happenings(connection, request.id)}
    assert not any("complain" in what for what in happened)


def test_a_foreign_request_cannot_be_complained_about_and_a_restricted_one_stays_with_its_people(quick, quick_app):
    request = a_request(quick)
    sun = Program(quick, quick_app, "sunli")
    refused = sun.post("/requests/api/complaints", body(request=request.reference))
    assert refused.status_code == 422 and "request" in refused.json["errors"]
    assert sun.post("/requests/api/complaints", body(request="nothing-9")).status_code == 422
    with quick.work() as work:
        filed = filing.file_request(
            work,
            desk_of(quick),
            person(),
            Filing(item="clinic", starts_at=NOON + timedelta(hours=3), answers={"what": "advice"}),
            "form",
        )
    with quick.database.read() as connection:
        clinic = requests_store.request_by_id(connection, filed.id)
    made = complain(quick, clinic, about="other")
    assert made.restricted
    chen = Program(quick, quick_app, "chenguang")
    assert chen.get(f"/requests/api/complaints/{model.short(made.reference)}").status_code == 404
    assert chen.get("/requests/api/complaints?view=all").json["items"] == []


def test_lists_go_on_by_cursor(quick, quick_app):
    made = [complain(quick, words=f"第{n}件").reference for n in range(5)]
    han = Program(quick, quick_app)
    found, address = [], "/requests/api/complaints?limit=2"
    while True:
        answer = han.get(address).json
        found += [each["reference"] for each in answer["items"]]
        if not answer["next"]:
            break
        address = f"/requests/api/complaints?limit=2&cursor={answer['next']}"
    assert sorted(found) == sorted(made) and len(found) == 5
    assert han.get("/requests/api/complaints?cursor=forged").status_code == 400


def test_the_pages_lead_from_the_request_to_the_accepted_answer(quick, quick_app):
    request = a_request(quick, supplier="HY", crew="hy-ac-1")
    han, zhao = Browser(quick_app), Browser(quick_app)
    han.sign_in("hanbing")
    zhao.sign_in("zhaomin")
    short = request.reference.partition("-")[2]
    assert f'<option value="{short}">' in han.get("/requests/complaints/new").text  # nobody knows a reference by heart
    assert f'<option value="{short}">' not in zhao.get("/requests/complaints/new").text
    form = f"/requests/complaints/new?request={short}"
    assert form in han.get(f"/requests/{short}").text
    assert "不会是被投诉的人" in han.get(form).text
    wrong = han.submit(form, "/requests/complaints", about="work", category="quality", words="")
    assert wrong.status_code == 422 and "有1处需要改" in wrong.text
    there = han.submit(form, "/requests/complaints", about="work", category="quality", words="还是不制冷").headers[
        "Location"
    ]
    page = han.get(there).text
    assert "赵敏" in page and "名调度经手派单" in page and "已受理" in page
    assert "韩冰" in zhao.get(there).text and "电工" not in page
    assert zhao.submit(there, f"{there}/acknowledge").status_code == 303
    empty = zhao.submit(there, f"{there}/answer", words="")
    assert empty.status_code == 422 and "答复：请填写" in empty.text
    assert zhao.submit(there, f"{there}/answer", outcome="upheld", words="已处理").status_code == 303
    assert "已处理" in han.get(there).text
    empty = han.submit(there, f"{there}/appeal", words="")
    assert empty.status_code == 422 and "哪里不同意：请填写" in empty.text
    assert han.submit(there, f"{there}/accept").status_code == 303
    assert "已办结" in han.get(there).text
    assert "C-1125-001" in han.get("/requests/complaints").text
    assert han.get(f"{there}x").status_code == 404


def test_every_word_of_a_complaint_has_its_sentence_in_both_languages(quick):
    from shared.language import CODES, language

    keys = [f"voices.about.{each}" for each in model.ABOUT] + [f"voices.about_more.{each}" for each in model.ABOUT]
    keys += [f"voices.category.{each}" for each in model.CATEGORIES] + [
        f"voices.outcome.{each}" for each in model.OUTCOMES
    ]
    keys += [f"voices.kind.{each}" for each in model.KINDS] + [f"voices.why.kind_{each}" for each in model.KINDS]
    keys += [f"voices.why.barred_{each}" for each in ("self", "crew", "supplier", "department", "dispatch", "before")]
    keys += [f"voices.move.{move}" for moves in model.MOVES.values() for move in moves]
    assert all(language(code).has(key) for code in CODES for key in keys)
    assert tables.complaint.name in {table.name for table in quick.service.metadata.sorted_tables}
    assert load_compound().people
