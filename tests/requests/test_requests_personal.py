"""What is kept of a person in requests: what goes by itself, what a person is given, and what is erased when he asks."""

from datetime import timedelta

from sqlalchemy import insert

from services.requests import service, store
from services.requests.handlers import following
from services.requests.rights import handling
from shared import personal
from tests.requests.conftest import COMPOUND, REPAIR, Browser, Program, person, said
from tests.web.test_personal_data import a_row

PATH = "/requests/api/requests"
MINE = "/requests/me/data"
API = "/requests/api/me/data-cases"
ADMINISTRATOR = next(each.user for each in COMPOUND.people if "administrator" in each.roles)


def column(running, name, table, where="1 = 1"):
    with running.database.read() as connection:
        return [
            value for (value,) in connection.exec_driver_sql(f"SELECT {name} FROM {table} WHERE {where} ORDER BY 1")
        ]


def test_telephones_are_emptied_a_term_after_the_end_and_not_before(running, app):
    hanbing = Program(running, app)
    closed = hanbing.post(PATH, {**REPAIR, "contact": "13800000001"}).json["reference"]
    hanbing.post(PATH, {**REPAIR, "place": "B2-303", "contact": "13800000002"})
    with running.work() as work:
        following.withdraw(work, store.request_by_reference(work.connection, closed, lock=True), following.NOBODY)
    running.clock.set(running.clock.now() + timedelta(days=180))
    assert personal.expire(running) == 0
    running.clock.set(running.clock.now() + timedelta(seconds=1))
    assert personal.expire(running) == 1
    assert column(running, "contact", "request") == ["", "13800000002"]
    assert personal.expire(running) == 0


def test_a_case_is_due_in_fifteen_working_days_and_answered_by_another_administrator(running, app):
    hanbing = Browser(app)
    hanbing.sign_in("hanbing")
    assert hanbing.submit(MINE, MINE, kind="correct", words="电话不对").status_code == 303
    # Wednesday noon, within the midday break: fifteen working days end on Wednesday 16 December at noon.
    [opened] = said(running, "requests.data_case_opened")
    assert opened["data"]["due_at"].startswith("2026-12-16T04:00")
    assert "电话不对" not in str(opened)
    assert opened["actor"] == f"account:{opened['data']['account_id']}"
    short = opened["data"]["reference"].replace("D-2026-", "D-")
    admin = Browser(app)
    admin.sign_in(ADMINISTRATOR)
    assert "更正" in admin.get("/requests/notices").text
    page = f"/requests/admin/data-cases/{short}"
    assert "电话不对" in admin.get(page).text
    refused = admin.submit(page, f"{page}/answer", outcome="refused", words="")
    assert refused.status_code == 422
    assert admin.submit(page, f"{page}/answer", outcome="refused", words="号码已核对，无误").status_code == 303
    assert "号码已核对，无误" in hanbing.get(MINE).text
    assert "有答复" in hanbing.get("/requests/notices").text
    [closed] = said(running, "requests.data_case_closed")
    assert (closed["data"]["outcome"], closed["data"]["late"]) == ("refused", False)


def test_nobody_answers_his_own_case_nor_sees_another_persons(quick, quick_app):
    admin, hanbing, sunli = (Program(quick, quick_app, user) for user in (ADMINISTRATOR, "hanbing", "sunli"))
    own = admin.post(API, {"kind": "see", "words": "全部"}).json["reference"]
    other = hanbing.post(API, {"kind": "see", "words": "全部"}).json["reference"]
    answer = {"outcome": "granted", "words": "已交付"}
    assert admin.post(f"/requests/api/data-cases/{own}/answer", answer).status_code == 409
    assert admin.post(f"/requests/api/data-cases/{other}/answer", answer).status_code == 204
    assert admin.post(f"/requests/api/data-cases/{other}/answer", answer).status_code == 409
    assert sunli.get("/requests/api/data-cases").status_code == 403
    assert sunli.get(API).json["items"] == []
    assert [each["state"] for each in hanbing.get(API).json["items"]] == ["granted"]
    assert sunli.post(f"/requests/api/data-cases/{other}/answer", answer).status_code == 403
    browser = Browser(quick_app)
    browser.sign_in(ADMINISTRATOR)
    assert "本人的请求" in browser.get(f"/requests/admin/data-cases/{own}").text


def test_the_same_is_not_asked_twice_while_it_waits_and_may_be_taken_back(quick, quick_app):
    hanbing = Program(quick, quick_app)
    first = hanbing.post(API, {"kind": "erase", "words": "对话"})
    assert first.status_code == 201
    assert hanbing.post(API, {"kind": "erase", "words": "对话"}).status_code == 409
    assert hanbing.post(API, {"kind": "see", "words": "对话"}).status_code == 201
    assert hanbing.post(API, {"kind": "burn", "words": "对话"}).status_code == 422
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    short = first.json["reference"].replace("D-2026-", "D-")
    assert browser.submit(MINE, f"/requests/me/data/{short}/take-back").status_code == 303
    assert said(quick, "requests.data_case_closed")[0]["data"]["outcome"] == "withdrawn"
    stranger = Browser(quick_app)
    stranger.sign_in("sunli")
    proof = stranger.get(MINE).text.partition('name="_csrf" value="')[2].partition('"')[0]
    assert stranger.post(f"/requests/me/data/{short}/take-back", {"_csrf": proof}).status_code == 404
    assert hanbing.post(API, {"kind": "erase", "words": "对话"}).status_code == 201


def test_a_late_case_is_said_to_be_late_once_and_seen_by_administrators(running, app):
    Program(running, app).post(API, {"kind": "see", "words": "全部"})
    service.watch_voices(running)
    assert said(running, "requests.data_case_late") == []
    running.clock.set(running.clock.now() + timedelta(days=22))
    service.watch_voices(running)
    service.watch_voices(running)
    assert len(said(running, "requests.data_case_late")) == 1
    admin = Browser(app)
    admin.sign_in(ADMINISTRATOR)
    assert "1件已超期" in admin.get("/requests/admin/data-cases").text
    hanbing = Browser(app)
    hanbing.sign_in("hanbing")
    assert "未按期答复" in hanbing.get("/requests/notices").text


def talked(running, app):
    """A person who has chatted, has a mail address, and has asked for something that is closed and something that is not."""
    hanbing = Program(running, app)
    closed = hanbing.post(PATH, {**REPAIR, "contact": "13800000001"}).json["reference"]
    hanbing.post(PATH, {**REPAIR, "place": "B2-303", "contact": "13800000002"})
    with running.work() as work:
        following.withdraw(work, store.request_by_reference(work.connection, closed, lock=True), following.NOBODY)
    account = person().account
    with running.database.write() as connection:
        for table, given in {
            "chat_conversation": {"id": "k1", "account": account, "channel": "web"},
            "chat_message": {"conversation": "k1", "said": "杏杏杏"},
            "preference": {"account": account, "item": "repair"},
            "mailbox": {"account": account, "address": "hanbing@example.org"},
        }.items():
            held = service.SERVICE.metadata.tables[table]
            connection.execute(insert(held).values(a_row(held, running.clock.now(), **given)))
    return hanbing, account


def test_a_person_is_given_what_is_kept_of_him_and_no_secret(running, app):
    hanbing, _ = talked(running, app)
    copy = hanbing.get("/requests/api/my-data")
    assert copy.status_code == 200
    tables = {each["table"] for each in copy.json["kept"]}
    assert {"account", "request", "chat_message", "mailbox", "token"} <= tables
    assert "杏杏杏" in copy.text and "13800000001" in copy.text
    with running.database.read() as connection:
        secrets = connection.exec_driver_sql("SELECT password FROM account WHERE user_name = 'hanbing'").scalar()
    assert secrets and secrets not in copy.text
    assert "13800000001" not in Program(running, app, "sunli").get("/requests/api/my-data").text
    assert all(each["purpose"] and each["term"] and each["ground"] for each in copy.json["kept"])
    browser = Browser(app)
    browser.sign_in("hanbing")
    assert "杏杏杏" in browser.get("/requests/my-data").text
    running.clock.set(running.clock.now() + timedelta(minutes=11))
    assert browser.get("/requests/my-data").status_code == 303  # the password is asked again


def test_what_is_granted_to_be_erased_is_gone_and_what_others_need_stays(running, app):
    hanbing, account = talked(running, app)
    reference = hanbing.post(API, {"kind": "erase", "words": "全部"}).json["reference"]
    Program(running, app, ADMINISTRATOR).post(
        f"/requests/api/data-cases/{reference}/answer", {"outcome": "in_part", "words": "在办申请保留"}
    )
    for table in ("chat_conversation", "chat_message", "preference", "mailbox"):
        assert column(running, "count(*)", table) == [0], table
    assert column(running, "contact", "request") == ["", "13800000002"]  # one is still under way
    assert column(running, "requester", "request", "contact = ''") == [account]
    [closed] = said(running, "requests.data_case_closed")
    assert (closed["data"]["account_id"], closed["data"]["kind"]) == (account, "erase")
    with running.database.read() as connection:
        [case] = handling.of_account(connection, account)
    assert case.touched == 5


def test_an_objection_ends_what_rests_on_consent_alone(running, app):
    hanbing, _ = talked(running, app)
    reference = hanbing.post(API, {"kind": "object", "words": "不再同意"}).json["reference"]
    Program(running, app, ADMINISTRATOR).post(
        f"/requests/api/data-cases/{reference}/answer", {"outcome": "granted", "words": "已删除"}
    )
    assert column(running, "count(*)", "chat_message") == [0]
    assert column(running, "contact", "request") == ["13800000001", "13800000002"]


def test_a_refusal_erases_nothing(quick, quick_app):
    hanbing, _ = talked(quick, quick_app)
    reference = hanbing.post(API, {"kind": "erase", "words": "全部"}).json["reference"]
    Program(quick, quick_app, ADMINISTRATOR).post(
        f"/requests/api/data-cases/{reference}/answer", {"outcome": "refused", "words": "调查期间须保存"}
    )
    assert column(quick, "count(*)", "chat_message") == [1]
