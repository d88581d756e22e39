"""The telephone desk files for others; nobody else does."""

from services.requests import store
from tests.requests.conftest import REPAIR, Browser, Program, person

PATH = "/requests/api/requests"


def test_a_dispatcher_files_for_somebody_who_then_follows_it(quick, quick_app):
    desk = Program(quick, quick_app, "hejing")
    answer = desk.post(PATH, {**REPAIR, "on_behalf_of": "hanbing"})
    assert answer.status_code == 201, answer.text
    with quick.database.read() as connection:
        request = store.request_by_id(connection, answer.json["id"])
    assert (request.requester, request.filed_by) == (person().account, person("hejing").account)
    assert (request.department, request.contact) == (person().department, "8302")
    for user in ("hanbing", "hejing"):
        assert Program(quick, quick_app, user).get(f"{PATH}/{answer.json['reference']}").status_code == 200


def test_nobody_else_files_for_others_and_nobody_for_nobody(quick, quick_app):
    staff = Program(quick, quick_app).post(PATH, {**REPAIR, "on_behalf_of": "sunli"})
    assert staff.status_code == 422 and "on_behalf_of" in staff.json["errors"]
    unknown = Program(quick, quick_app, "hejing").post(PATH, {**REPAIR, "on_behalf_of": "nobody"})
    assert unknown.status_code == 422


def test_the_form_has_the_field_for_the_desk_alone(quick_app):
    desk, staff = Browser(quick_app), Browser(quick_app)
    desk.sign_in("hejing")
    staff.sign_in("hanbing")
    assert 'name="on_behalf_of"' not in staff.get("/requests/new/repair").text
    fields = {"place": "B2-302", "what": "aircon", "priority": "2"}
    wrong = desk.submit("/requests/new/repair", "/requests/new/repair", **fields, on_behalf_of="nobody")
    assert wrong.status_code == 422 and 'id="f-on_behalf_of-e"' in wrong.text
    filed = desk.submit("/requests/new/repair", "/requests/new/repair", **fields, on_behalf_of="hanbing")
    assert filed.status_code == 303
    path = filed.headers["Location"].partition("?")[0]
    assert staff.get(path).status_code == 200
    for words in ("韩冰", "han bing", "8302"):  # whoever rings up does not know their user name
        sent = {**fields, "on_behalf_of": words, "contact": "8110", "anyway": "1"}
        filed = desk.submit("/requests/new/repair", "/requests/new/repair", **sent)
        assert filed.status_code == 303, filed.text
        page = staff.get(filed.headers["Location"].partition("?")[0]).text
        assert "何静 提交申请" in page and "8302" in page and "8110" not in page


def test_of_two_people_of_one_name_the_desk_says_which(quick, quick_app):
    with quick.work() as work:
        work.connection.exec_driver_sql("UPDATE account SET name = '韩冰' WHERE user_name = 'sunli'")
    desk = Browser(quick_app)
    desk.sign_in("hejing")
    fields = {"place": "B2-302", "what": "aircon", "priority": "2", "on_behalf_of": "韩冰"}
    refused = desk.submit("/requests/new/repair", "/requests/new/repair", **fields)
    assert refused.status_code == 422 and "代谁提交：不止一个人，请填登录名：hanbing, sunli" in refused.text
