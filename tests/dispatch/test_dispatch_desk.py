"""The dispatcher's desk: modes, saved views, many at once, notes between shifts, the map, the report."""

import csv
import io
import re

from tests.dispatch.world import HEJING, LINA, WANG, a_person

ZHOU = a_person(name="周强", account="account-2")


def test_a_manual_item_waits_without_a_suggestion_and_a_suggested_one_with(world):
    he = world.client(HEJING)
    for mode, advised in (("suggest", True), ("manual", False)):
        assert he.send("/dispatch/modes", item="repair", mode=mode).status_code == 303
        order = world.file(100 + len(mode))
        assert (order.state, order.crew) == ("to_assign", "")
        assert ("采纳</span>" in he.get(f"/dispatch/orders/{order.reference}").text) is advised
    assert he.send("/dispatch/modes", item="repair", mode="automatic").status_code == 303
    assert world.file(90).state == "offered"


def test_a_mode_that_is_none_is_refused_and_others_may_not_change_it(quick):
    assert quick.client(HEJING).send("/dispatch/modes", item="repair", mode="guess").status_code == 422
    assert quick.client(HEJING).send("/dispatch/modes", item="nothing", mode="manual").status_code == 422
    assert quick.client(WANG).send("/dispatch/modes", item="repair", mode="manual").status_code == 403
    assert quick.client(a_person("supervisor")).send("/dispatch/modes", item="repair", mode="manual").status_code == 403


def test_modes_are_read_and_set_through_the_api(world):
    he = world.client(HEJING)
    assert he.post("/dispatch/api/modes", {"item": "repair", "mode": "manual"}).status_code == 200
    modes = {each["item"]: each["mode"] for each in he.get("/dispatch/api/modes").json["modes"]}
    assert (modes["repair"], modes["cleaning"]) == ("manual", "automatic")
    assert world.file().state == "to_assign"
    assert he.post("/dispatch/api/modes", {"item": "repair", "mode": "guess"}).status_code == 422
    assert he.post("/dispatch/api/modes", {"item": "nothing", "mode": "manual"}).status_code == 422
    assert world.client(WANG).get("/dispatch/api/modes").status_code == 403
    noted = [each[1] for each in world.said("access_noted") if each[1]["what"] == "change"][-1]
    assert noted["route"] == "api_set_mode"


def test_views_are_kept_through_the_api_and_are_a_persons_own(world):
    he = world.client(HEJING)
    view = {"name": "二号楼维修", "view": "late", "item": "repair", "building": "2", "words": ""}
    assert he.post("/dispatch/api/views", view).json == view
    assert he.get("/dispatch/api/views").json == {"views": [view]}
    assert "二号楼维修" in he.get("/dispatch/").text
    assert world.client(ZHOU).get("/dispatch/api/views").json == {"views": []}
    assert he.post("/dispatch/api/views", view | {"view": "some"}).status_code == 422
    assert he.post("/dispatch/api/views/drop", {"name": "二号楼维修"}).status_code == 200
    assert he.get("/dispatch/api/views").json == {"views": []}


def test_views_are_a_persons_own(quick):
    he = quick.client(HEJING)
    answer = he.send("/dispatch/views", name="二号楼维修", view="late", item="repair", building="2")
    assert answer.status_code == 303
    assert "item=repair" in answer.headers["Location"]
    assert "二号楼维修" in he.get("/dispatch/").text
    assert "二号楼维修" not in quick.client(ZHOU).get("/dispatch/").text
    he.send("/dispatch/views/drop", name="二号楼维修")
    he.get("/dispatch/")
    assert "二号楼维修" not in he.get("/dispatch/").text


def test_the_twenty_first_view_is_refused_and_the_same_name_replaces(quick):
    he = quick.client(HEJING)
    for number in range(21):
        he.send("/dispatch/views", name=f"视图{number:02}")
    shown = he.get("/dispatch/handover") and he.get("/dispatch/").text
    assert "视图19" in shown
    assert "视图20" not in shown


def test_marked_orders_are_accepted_together_and_who_was_first_counts(world):
    he = world.client(HEJING)
    he.send("/dispatch/modes", item="repair", mode="suggest")
    orders = [world.file(number) for number in range(1, 5)]
    world.do("assign", "hy-air-1", reference=orders[0].reference, who="周强")
    answer = he.send("/dispatch/accept-many", order=[f"{each.reference}@{each.version}" for each in orders])
    assert answer.status_code == 200
    after = [world.order(each.reference) for each in orders]
    assert after[0].crew == "hy-air-1"
    assert all(each.state == "offered" and each.assigned_by == "suggestion" for each in after[1:])
    shown = answer.text
    assert "已派3张；1张其间已变动" in shown


def test_nothing_marked_is_said(quick):
    answer = quick.client(HEJING).send("/dispatch/accept-many")
    assert answer.status_code == 303
    assert quick.client(HEJING).send("/dispatch/accept-many", order="../x@1").status_code == 303


def test_a_note_is_seen_to_once(world):
    world.file()
    he, zhou = world.client(HEJING), world.client(ZHOU)
    assert he.send("/dispatch/handover", words="等配件", reference="1125-087-1").status_code == 303
    page = zhou.get("/dispatch/handover").text
    assert "等配件" in page
    path = re.search(r'action="/dispatch/handover/([^"]+/done)"', page)[1]
    assert zhou.send(f"/dispatch/handover/{path}").status_code == 303
    assert he.send(f"/dispatch/handover/{path}").status_code == 303
    assert "周强已处理" in he.get("/dispatch/handover").text
    wrong = he.send("/dispatch/handover", words="x", reference="1125-999-1")
    assert wrong.status_code == 422
    assert "没有这张工单" in wrong.text
    assert he.send("/dispatch/handover", words=" ").status_code == 422
    assert he.send("/dispatch/handover/none/done").status_code == 404


def test_the_map_shows_open_work_where_it_is(quick):
    quick.file(1, summary="灯管闪烁")
    quick.file(2, place="square", building="", floor="", room="", summary="地砖松动", skills=("general",))
    page = quick.client(HEJING).get("/dispatch/map").text
    assert page.index("2号楼") < page.index("灯管闪烁") < page.index("室外及其他") < page.index("地砖松动")


def test_the_report_counts_what_happened_and_its_file_says_the_same(world):
    world.file(1)
    world.file(2)
    for act in ("accept", "arrive", "start"):
        world.do(act, reference="2026-1125-001-1")
    world.later(minutes=90)
    world.do("finish", [], reference="2026-1125-001-1")
    world.do("refuse", "tools", reference="2026-1125-002-1")
    world.later(hours=5)  # nobody finishes the second: its promises are broken
    world.notice()
    he = world.client(HEJING)
    page = he.get("/dispatch/report/2026-11-25").text
    assert "新开2张，完成1张" in page
    assert "守时100.0%" in page
    text = he.get("/dispatch/report/2026-11-25.csv").get_data().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    repair = next(row for row in rows if row[1:2] == ["设备维修"])
    assert repair[2:4] == ["2", "1"]
    assert repair[7:9] == ["1.50", "100.0"]
    assert sum(int(row[5]) for row in rows[1:] if row[:1] == ["班组"]) == 1
    said = he.get("/dispatch/api/report/2026-11-25").json
    assert (said["opened"], said["finished"], said["in_hand"], said["share"], said["before"]) == (2, 1, 1, 100.0, None)
    assert {(each["reference"], each["kept"]) for each in said["late"]} == {("2026-1125-002-1", False)}
    assert said["breaches"] == len(said["late"]) == sum(each["breaches"] for each in said["items"])
    assert sum(row[0] == "2026-1125-002-1" for row in rows if row) == len(said["late"])
    assert he.get("/dispatch/report/yesterday").status_code == 404
    assert he.get("/dispatch/report/9999-12-31").status_code == 404


def test_the_desk_is_closed_to_crews_and_suppliers(quick):
    for person in (WANG, LINA):
        for path in ("modes", "handover", "map", "report", "report/2026-11-25", "report/2026-11-25.csv"):
            assert quick.client(person).get(f"/dispatch/{path}").status_code == 403


def test_a_shift_signs_for_what_stands_open_and_a_note_is_opened_again(world):
    world.file()
    world.do("recall")
    he, zhou = world.client(HEJING), world.client(ZHOU)
    note = he.post("/dispatch/api/handover", {"words": "等配件", "reference": "1125-087-1"}).json["note_id"]
    assert zhou.send("/dispatch/handover/taken").status_code == 303
    said = zhou.get("/dispatch/api/handover").json
    assert [(each["who"], each["counts"]["to_assign"], each["notes"]) for each in said["shifts"]] == [("周强", 1, 1)]
    page = he.get("/dispatch/handover?about=1125-087-1").text
    assert "周强今天 10:42接班" in page
    assert 'value="1125-087-1"' in page
    assert "2026-1125-087-1" in page  # what waits is listed
    assert zhou.send(f"/dispatch/handover/{note}/done").status_code == 303
    assert zhou.send(f"/dispatch/handover/{note}/open").status_code == 303
    assert he.get("/dispatch/api/handover").json["notes"][0]["done_by"] == ""
    assert he.send("/dispatch/handover/none/open").status_code == 404
    assert world.client(WANG).send("/dispatch/handover/taken").status_code == 403


def test_taking_back_is_undone(quick):
    order = quick.file()
    he = quick.client(HEJING)
    assert he.send(f"/dispatch/orders/{order.reference}/recall", version=order.version).status_code == 303
    assert quick.order().crew == ""
    assert he.send(f"/dispatch/orders/{order.reference}/undo").status_code == 303
    assert quick.order().crew == order.crew


def test_a_sheet_of_open_work_is_printed_from_report_and_hand_over(quick):
    he = quick.client(HEJING)
    for number, building in ((1, "7"), (2, "2")):
        quick.file(number, building=building, place=f"B{building}-302", summary=f"灯{number}")
    he.send("/dispatch/handover", words="钥匙在值班室", reference="")
    for path in ("/dispatch/report", "/dispatch/handover"):
        assert '/dispatch/walk"' in he.get(path).text
    sheet = he.get("/dispatch/walk").text
    assert sheet.index("2号楼") < sheet.index("7号楼")
    assert "1125-001-1" in sheet
    assert "钥匙在值班室" in sheet
    assert "8302" not in sheet  # a sheet lies about: no telephone numbers
    assert quick.client(WANG).get("/dispatch/walk").status_code == 403


def test_an_empty_sheet_says_so(quick):
    assert "没有在办的工单" in quick.client(HEJING).get("/dispatch/walk").text
