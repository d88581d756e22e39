"""The export of one's own requests, status without sign-in, and what forms begin with."""

import csv
import io

import pytest

from services.requests import lists, store
from shared.web import sheets
from tests.requests.conftest import REPAIR, Browser, Program, person
from tests.requests.test_requests_following import a_day, play

PATH = "/requests/api/requests"


def rows_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠A1", "\t=1", " =1", "\r\n=cmd|' /C calc'!A0"]
)
def test_no_cell_of_text_is_a_formula(text):
    [[shown]] = csv.reader(io.StringIO(sheets.csv_bytes([[text]]).decode("utf-8-sig")))
    assert shown.startswith("'")
    assert sheets.safe_text(-5) == -5
    assert sheets.safe_text("") == ""


def test_my_requests_are_exported_with_words_and_without_formulas(quick, quick_app):
    program = Program(quick, quick_app)
    for n, words in enumerate(("=1+1", "滴水", "@x")):
        details = {"what": "other", "details": words}
        program.post(PATH, {**REPAIR, "place": f"B2-30{n + 1}", "answers": details})
    sunli = Program(quick, quick_app, "sunli")
    sunli.post(PATH, {**REPAIR, "place": "B2-304"})
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    head, *rows = rows_of(browser.get("/requests/mine.csv"))
    assert len(rows) == 3
    assert len(head) == len(rows[0]) == 10
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert rows_of(browser.get("/requests/mine.csv?view=ended"))[1:] == []
    assert "/requests/mine.csv" in browser.get("/requests/mine").text


def test_status_by_reference_and_code_for_programs(quick, quick_app):
    program = Program(quick, quick_app)
    filed = program.post(PATH, REPAIR).json
    with quick.database.read() as connection:
        request = store.request_by_reference(connection, filed["reference"])
    play(quick, list(enumerate(a_day(request), 1))[:2])
    anybody = quick_app_client(quick_app)
    found = anybody.post("/requests/api/track", json={"reference": filed["reference"], "code": filed["code"]})
    assert found.status_code == 200
    assert set(found.json) == {"reference", "state", "filed_at", "due_at", "finished_at", "steps"}
    assert found.json["state"] == "assigned"
    assert "韩冰" not in found.text
    assert "滴水" not in found.text
    wrong = anybody.post("/requests/api/track", json={"reference": filed["reference"], "code": "0000-0000-0000"})
    absent = anybody.post("/requests/api/track", json={"reference": "2026-1125-999", "code": filed["code"]})
    assert (
        (wrong.status_code, wrong.json["title"])
        == (absent.status_code, absent.json["title"])
        == (404, wrong.json["title"])
    )


def quick_app_client(app):
    from werkzeug.test import Client

    return Client(app)


def test_a_form_begins_as_its_person_likes_it_until_he_stops_that(quick, quick_app):
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    form = "/requests/new/cleaning"
    fields = {"place": "B2-302", "what": "floor", "level": "deep", "contact": "8399", "remember": "1"}
    item = Program(quick, quick_app).get("/requests/api/catalogue/cleaning").json
    fields["what"] = next(each for each in item["fields"] if each["name"] == "what")["options"][0]["code"]
    assert browser.submit(form, form, **fields).status_code == 303
    shown = browser.get(form).text
    assert "8399" in shown
    assert 'value="deep" checked' in shown
    assert f'value="{fields["what"]}" checked' not in shown  # what is dirty this time is asked each time
    program = Program(quick, quick_app)
    assert program.get("/requests/api/preferences").json["items"] == [
        {"item": "cleaning", "answers": {"level": "deep", "contact": "8399"}}
    ]
    assert browser.submit(form, form + "/forget").status_code == 303
    assert "8399" not in browser.get(form).text
    assert program.open("PUT", "/requests/api/preferences/cleaning", {"level": "deep"}).status_code == 204
    assert program.open("PUT", "/requests/api/preferences/cleaning", {"level": "royal"}).status_code == 422
    assert program.open("PUT", "/requests/api/preferences/nothing", {}).status_code == 404
    assert program.open("DELETE", "/requests/api/preferences/cleaning").status_code == 204
    assert program.get("/requests/api/preferences").json["items"] == []


def test_counts_stop_where_nobody_counts_on(quick, quick_app):
    program = Program(quick, quick_app)
    for _ in range(3):
        program.post(PATH, REPAIR)
    account = person().account
    with quick.database.write() as connection:
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(request)")]
        made = {"id": "id || n", "reference": "reference || n", "alone": "NULL"}
        copied = ", ".join(made.get(each, each) for each in columns)
        connection.exec_driver_sql(
            f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50)"
            f" INSERT INTO request ({', '.join(columns)}) SELECT {copied} FROM request, c"
        )
    with quick.database.read() as connection:
        found = lists.count_own(connection, account, {"all": (), "open": ("filed",), "ended": ("closed",)})
    assert found == {"all": lists.COUNTED, "open": lists.COUNTED, "ended": 0}
    assert lists.counted(found["all"]) == "99+"
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    assert "99+" in browser.get("/requests/mine").text
