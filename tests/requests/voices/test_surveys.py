"""Surveys: written in both languages, answered once and without a name, counted by department, hidden where few answered."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest

from services.requests.handlers import accounts
from services.requests.requester import oneself
from services.requests.service import desk_of, watch_voices
from services.requests.voices import surveying
from shared.errors import Absent, Invalid
from tests.requests.conftest import COMPOUND, NOON, Browser, Program, person, said

QUESTIONS = [
    {"kind": "scale", "zh": "总体满意吗", "en": "How satisfied are you", "options_zh": [], "options_en": []},
    {"kind": "choice", "zh": "最常用哪项", "en": "What do you use most", "options_zh": ["维修", "保洁"], "options_en": ["Repair", "Cleaning"]},
    {"kind": "text", "zh": "还想说什么", "en": "Anything else", "options_zh": [], "options_en": []},
]  # fmt: skip
TODAY = date(2026, 11, 25)


def everything_said(running):
    with running.database.read() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one()


def of_department(code):
    """User names of a department's staff."""
    return [each.user for each in COMPOUND.people if each.department == code and "staff" in each.roles]


def write(running, *, publish=True, **values):
    with running.work() as work:
        made = surveying.write(
            work, desk_of(running), oneself(person("admin")),
            **{"title": "后勤满意度", "title_en": "Logistics", "intro": "", "intro_en": "", "departments": [], "opens_on": TODAY,
               "closes_on": date(2026, 12, 4), "questions": QUESTIONS, **values},
        )  # fmt: skip
        if publish:
            surveying.publish(work, made.id)
    return found(running, made.id)


def found(running, survey_id):
    with running.database.read() as connection:
        return surveying.survey_by_id(connection, survey_id)


def answer(running, survey, user, scale=5, choice="a", text=""):
    with running.work() as work:
        held = surveying.survey_by_id(work.connection, survey.id, share=True)
        surveying.answer(work, held, oneself(person(user)), {"q1": scale, "q2": choice, "q3": text})


def close(running, survey):
    with running.work() as work:
        surveying.close(work, survey.id)
    return found(running, survey.id)


def test_everybody_asked_is_counted_and_answers_once(running):
    survey = write(running, departments=["secretariat", "logistics"])
    with running.database.read() as connection:
        groups = {each.department: each for each in surveying.groups_of(connection, survey.id)}
    assert groups["secretariat"].invited == len(of_department("secretariat"))
    assert set(groups) == {"secretariat", "logistics"}
    answer(running, survey, "hanbing")
    with pytest.raises(surveying.Answered):
        answer(running, survey, "hanbing", scale=1)
    with pytest.raises(Absent):
        answer(running, survey, "sunli")  # her department is not asked
    with pytest.raises(Invalid):
        answer(running, survey, of_department("secretariat")[1], scale=9)
    assert close(running, survey).state == "closed"
    with pytest.raises(surveying.NotOpen):
        answer(running, survey, of_department("secretariat")[1])
    (closed,) = said(running, "requests.survey_closed")
    assert (closed["data"]["invited"], closed["data"]["answered"]) == (sum(each.invited for each in groups.values()), 1)


def test_an_answer_sent_twice_at_once_counts_once_and_different_people_at_once_all_count(running):
    survey = write(running)
    people = of_department("secretariat")[:5]
    crowd = people * 2
    start = threading.Barrier(len(crowd))

    def one(user):
        start.wait(30)
        try:
            answer(running, survey, user, text=f"话{user}")
        except surveying.Answered:
            return False
        return True

    with ThreadPoolExecutor(len(crowd)) as pool:
        counted = list(pool.map(one, crowd))
    assert sum(counted) == len(people)
    survey = close(running, survey)
    with running.database.read() as connection:
        results, written = surveying.results_of(connection, survey)
        (group,) = (each for each in surveying.groups_of(connection, survey.id) if each.department == "secretariat")
    assert (group.answered, results[0].total, dict(results[0].counts)["5"]) == (5, 5, 5)
    assert sorted(written["q3"]) == sorted(f"话{user}" for user in people)


def test_nothing_that_is_kept_joins_who_with_what(running):
    survey = write(running)
    for user in of_department("secretariat")[:3]:
        answer(running, survey, user, scale=1, text="秘密的话")
    accounts = [person(user).account for user in of_department("secretariat")[:3]]
    with running.database.read() as connection:
        for table in ("survey_tally", "survey_text", "survey_group"):
            rows = str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
            assert not any(account in rows for account in accounts), table
        assert "秘密" not in str(connection.exec_driver_sql("SELECT * FROM survey_answered").all())
        told = str(connection.exec_driver_sql("SELECT sealed FROM outbox").all())
        kept = str(connection.exec_driver_sql("SELECT * FROM idempotency").all())
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM survey_text").all()]
        columns = set(connection.exec_driver_sql("SELECT * FROM survey_text").keys())
    assert not any(account in told + kept for account in accounts)
    assert len(set(ids)) == 3 and columns == {"survey_id", "id", "question", "words"}  # no time, no department


def test_results_wait_for_the_end_and_for_five_people(running):
    survey = write(running)
    users = of_department("secretariat")
    for user in users[:4]:
        answer(running, survey, user)
    with running.database.read() as connection:
        assert surveying.results_of(connection, survey) == (None, {})
    shut = close(running, survey)
    with running.database.read() as connection:
        assert surveying.results_of(connection, shut) == (None, {})  # four are too few


def test_surveys_open_and_close_on_their_days(running):
    survey = write(running, opens_on=TODAY + timedelta(days=2), closes_on=TODAY + timedelta(days=4))
    assert survey.state == "planned"
    watch_voices(running)
    assert found(running, survey.id).state == "planned"
    running.clock.set(NOON + timedelta(days=2))
    watch_voices(running)
    watch_voices(running)
    assert found(running, survey.id).state == "open"
    running.clock.set(survey.closes_at)
    with pytest.raises(surveying.NotOpen):
        answer(running, survey, "hanbing")
    watch_voices(running)
    watch_voices(running)
    assert found(running, survey.id).state == "closed"
    assert [len(said(running, f"requests.survey_{what}")) for what in ("opened", "closed")] == [1, 1]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"closes_on": date(2026, 11, 20)}, "closes_on"), ({"closes_on": date(2027, 11, 20)}, "closes_on"),
        ({"departments": ["nothing"]}, "departments"), ({"opens_on": date(2029, 1, 1), "closes_on": date(2029, 1, 2)}, "opens_on"),
        ({"questions": [{**QUESTIONS[1], "options_en": ["one"]}]}, "options_en"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_named(quick, wrong, field):
    with pytest.raises(Invalid) as refused:
        write(quick, **wrong)
    assert set(refused.value.fields) == {field}


def test_a_published_survey_is_not_changed_and_an_empty_one_is_not_published(quick):
    survey = write(quick)
    for act in (
        lambda work: surveying.add_question(work, survey.id, QUESTIONS[0]), lambda work: surveying.drop_question(work, survey.id, "q1"),
        lambda work: surveying.drop(work, survey.id), lambda work: surveying.publish(work, survey.id),
    ):  # fmt: skip
        with pytest.raises(surveying.NotDraft), quick.work() as work:
            act(work)
    draft = write(quick, publish=False, questions=[])
    with pytest.raises(Invalid), quick.work() as work:
        surveying.publish(work, draft.id)


# ---- over HTTP


def test_the_api_writes_asks_and_counts(quick, quick_app):
    admin, han, chen = (Program(quick, quick_app, user) for user in ("admin", "hanbing", "chenguang"))
    body = {
        "title": "满意度",
        "title_en": "Satisfaction",
        "opens_on": "2026-11-25",
        "closes_on": "2026-12-01",
        "questions": QUESTIONS,
    }
    assert han.post("/requests/api/surveys", body).status_code == 403
    bad = admin.post("/requests/api/surveys", {**body, "questions": [{**QUESTIONS[0], "kind": "essay"}]})
    assert bad.status_code == 422
    made = admin.post("/requests/api/surveys", body)
    assert made.status_code == 201, made.text
    path = f"/requests/api/surveys/{made.json['id']}"
    assert han.get(path).status_code == 404 and han.get("/requests/api/surveys").json["items"] == []  # a draft
    assert admin.post(f"{path}/questions", {**QUESTIONS[0]}).json["code"] == "q4"
    assert admin.open("DELETE", f"{path}/questions/q4").status_code == 204
    assert admin.open("DELETE", f"{path}/questions/q4").status_code == 404
    assert admin.post(f"{path}/publish").status_code == 204
    assert [each["answered"] for each in han.get("/requests/api/surveys").json["items"]] == [False]
    assert han.post(f"{path}/answers", {"answers": {"q1": 5}}).status_code == 422
    given = {"answers": {"q1": 5, "q2": "b", "q3": "=很好"}}
    assert admin.post(f"{path}/answers", given).status_code == 403
    before = everything_said(quick)
    assert han.post(f"{path}/answers", given).status_code == 204
    assert everything_said(quick) == before  # that somebody answered is told to nobody
    assert han.post(f"{path}/answers", given).status_code == 409
    assert han.get(path).json["answered"] is True
    for user in of_department("secretariat")[1:6]:
        assert (
            Program(quick, quick_app, user).post(f"{path}/answers", {"answers": {"q1": 3, "q2": "b"}}).status_code
            == 204
        )
    assert admin.get(f"{path}/results").json["shown"] is False
    assert han.get(f"/requests/surveys/{made.json['id']}/results.csv").status_code == 404
    assert admin.post(f"{path}/close").status_code == 204
    shown = admin.get(f"{path}/results").json
    assert shown["shown"] and shown["results"][0]["counts"] == {"1": 0, "2": 0, "3": 5, "4": 0, "5": 1}
    assert shown["results"][2]["words"] == ["=很好"]
    assert {each["department"]: each["answered"] for each in shown["groups"] if each["answered"]} == {"secretariat": 6}
    assert han.get(f"{path}/results").json["groups"] == []  # who takes part is not everybody's business
    assert chen.get(f"{path}/results").json["groups"] != []
    sheet = admin.get(f"/requests/surveys/{made.json['id']}/results.csv").data.decode("utf-8-sig")
    assert "'=很好" in sheet and "总体满意吗,全部,3,5" in sheet


def test_the_pages_write_ask_and_show(quick, quick_app):
    admin, han = Browser(quick_app), Browser(quick_app)
    admin.sign_in("admin")
    han.sign_in("hanbing")
    assert han.get("/requests/surveys/new").status_code == 403
    fields = {"title": "满意度", "title_en": "Satisfaction", "opens_on": "2026-11-25", "closes_on": "2026-12-01"}
    wrong = admin.submit("/requests/surveys/new", "/requests/surveys", **{**fields, "closes_on": "2026-11-01"})
    assert wrong.status_code == 422 and "截止日不能早于" in wrong.text
    empty = admin.submit("/requests/surveys/new", "/requests/surveys", **{**fields, "closes_on": ""})
    assert empty.status_code == 422 and "截止日：请填写" in empty.text
    there = admin.submit("/requests/surveys/new", "/requests/surveys", **fields).headers["Location"]
    wrong = admin.submit(
        there, f"{there}/questions", kind="choice", zh="选", en="choose", options_zh="一\n二", options_en="one"
    )
    assert wrong.status_code == 422 and "中英文选项要一样多" in wrong.text
    for each in QUESTIONS:
        sent = {**each, "options_zh": "\n".join(each["options_zh"]), "options_en": "\n".join(each["options_en"])}
        assert admin.submit(there, f"{there}/questions", **sent).status_code == 303
    assert admin.submit(there, f"{there}/publish").status_code == 303
    page = han.get(there).text
    assert "总体满意吗" in page and "很满意" in page and "不记名" in page
    wrong = han.submit(there, f"{there}/answers", q1="5")
    assert wrong.status_code == 422 and "最常用哪项" in wrong.text
    assert "去填写" in han.get("/requests/surveys").text
    before = everything_said(quick)
    assert han.submit(there, f"{there}/answers", q1="5", q2="a", q3="").status_code == 303
    assert everything_said(quick) == before
    assert "已收到您的答卷" in han.get(there).text
    survey = found(quick, there.rsplit("/", 1)[1])
    for user in of_department("secretariat")[1:6]:
        answer(quick, survey, user, scale=4, text="谢谢")
    assert "平均" not in admin.get(there).text and "答卷率" in admin.get(there).text
    assert admin.submit(there, f"{there}/close").status_code == 303
    page = han.get(there).text
    assert "平均4.2分（6人）" in page and "谢谢" in page and "导出CSV" in page and "答卷率" not in page
    assert "已截止" in han.get("/requests/surveys").text
    english = Browser(quick_app, "en")
    english.sign_in("hanbing")
    assert "How satisfied are you" in english.get(there).text


def test_who_reads_what_another_means_to_ask_is_noted_until_it_is_asked(quick, quick_app):
    def noted():
        rows = [each["data"] for each in said(quick, "requests.access_noted")]
        return [each for each in rows if each["what"] != "change"]

    writer, other = Program(quick, quick_app, "admin"), Browser(quick_app)
    with quick.work() as work:
        accounts.change_account(work, person("chenguang").account, "", roles=("administrator",))
    other.sign_in("chenguang")
    reader = Program(quick, quick_app, "chenguang")
    body = {
        "title": "满意度",
        "title_en": "Satisfaction",
        "opens_on": "2026-12-01",
        "closes_on": "2026-12-09",
        "questions": QUESTIONS,
    }
    survey = writer.post("/requests/api/surveys", body).json["id"]
    path = f"/requests/api/surveys/{survey}"
    assert writer.get(path).status_code == writer.get("/requests/api/surveys").status_code == 200
    assert noted() == []  # one's own
    page, item = (
        f"/requests/surveys/{survey}",
        {"what": "draft", "of": survey, "account_id": person("chenguang").account},
    )
    assert "总体满意吗" in other.get(page).text
    [first] = noted()
    assert first | item == first
    assert first["route"] == "survey"
    assert reader.get("/requests/api/surveys").json["items"][0]["id"] == survey
    assert len(noted()) == 1  # the same reading within the hour
    assert writer.post(f"{path}/publish").status_code == 204  # planned: nobody is asked yet
    quick.clock.set(NOON + timedelta(hours=2))
    assert Program(quick, quick_app, "chenguang").get(path).status_code == 200
    assert len(noted()) == 2
    quick.clock.set(datetime(2026, 12, 1, 2, tzinfo=UTC))
    watch_voices(quick)
    assert found(quick, survey).state == "open"
    assert Program(quick, quick_app, "chenguang").get(path).status_code == 200
    assert len(noted()) == 2


def test_a_draft_is_deleted_on_its_page(quick, quick_app):
    admin = Browser(quick_app)
    admin.sign_in("admin")
    draft = write(quick, publish=False)
    there = f"/requests/surveys/{draft.id}"
    assert admin.submit(there, f"{there}/questions/q2/drop").status_code == 303
    assert "最常用哪项" not in admin.get(there).text
    assert admin.submit(there, f"{there}/drop").status_code == 303
    assert admin.get(there).status_code == 404
