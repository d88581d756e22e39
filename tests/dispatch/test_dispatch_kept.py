"""What dispatchers and administrators keep: crews, what contracts cover, emergency plans; each change a version and an event."""

import pytest

from services.dispatch import store
from tests.dispatch.world import HEJING, LINA, WANG, a_person

ADMIN = a_person("administrator", name="管理员")
CREW = {
    "name": "电工一班", "leader": "王建国", "skills": ["electric:3", "hvac:3", "general:2"], "shift_from": "08:00", "shift_until": "18:00",
    "days": "worked", "base": "1", "seats": 0, "hourly": "",
}  # fmt: skip
PLAN = {
    "name": "燃气泄漏", "name_en": "Gas leak", "item": "repair",
    "calls": [{"name": "值班电工", "crew": "in-elec-2"}, {"name": "燃气公司"}], "steps": [{"name": "关总阀"}, {"name": "开窗"}],
}  # fmt: skip


def crew_of(world, code):
    with world.running.database.read() as connection:
        return store.read_roster(connection).teams[code]


# ---- crews


def test_a_crew_is_changed_and_what_it_was_stays(world):
    he, url = world.client(HEJING), "/dispatch/api/crews/in-elec-1"
    before = he.get(url).json
    assert before["versions"] == []
    assert he.post(url, CREW | {"shift_until": "20:00", "version": 0}).status_code == 201
    team = crew_of(world, "in-elec-1")
    assert (team.shift[1], team.skills) == (1200, {"electric": 3, "hvac": 3, "general": 2})
    found = he.get(url).json
    assert found["now"]["version"] == 1
    assert found["versions"][0]["who"] == "何静"
    assert found["versions"][0]["changed"]["shift_until"][1] == 1200
    (_, data, sequence) = world.said("crew_changed")[0]
    assert (data["crew"], data["version"], sequence) == ("in-elec-1", 1, 1)
    assert "shift_until" in data["changed"]
    assert "leader" not in str(data.keys())


def test_the_second_who_changes_a_crew_is_told_and_the_same_again_is_no_version(world):
    he, url = world.client(HEJING), "/dispatch/api/crews/in-elec-1"
    assert he.post(url, CREW | {"seats": 4, "version": 0}).status_code == 201
    late = world.client(ADMIN).post(url, CREW | {"seats": 7, "version": 0})
    assert late.status_code in {409, 412}
    assert he.post(url, CREW | {"seats": 4, "version": 1}).status_code == 201
    assert len(he.get(url).json["versions"]) == 1
    assert crew_of(world, "in-elec-1").seats == 4


def test_a_crew_that_holds_orders_is_not_retired_and_a_retired_one_gets_none(world):
    order = world.file()
    he, url = world.client(HEJING), f"/dispatch/api/crews/{order.crew}"
    now = he.get(url).json["now"]
    body = CREW | {name: now[name] for name in ("name", "leader", "days", "base", "seats", "hourly")}
    body |= {"skills": [f"{skill}:{level}" for skill, level in now["skills"].items()], "retired": True}
    assert he.post(url, body).status_code == 409
    world.cancel()
    assert he.post(url, body).status_code == 201
    assert crew_of(world, order.crew).active is False
    assert world.file(88).crew != order.crew


def test_nobody_who_joins_brings_a_retired_crew_back(world):
    he = world.client(HEJING)
    assert he.post("/dispatch/api/crews/in-wood-1", CREW | {"name": "木工", "retired": True}).status_code == 201
    hired = {"name": "新人", "crew": "in-wood-1", "post": "worker", "grade": "700"}
    assert he.post("/dispatch/api/people", hired).status_code == 201
    assert crew_of(world, "in-wood-1").active is False


def test_a_new_crew_works_once_somebody_belongs_to_it(world):
    he = world.client(HEJING)
    made = CREW | {"code": "in-lift-1", "name": "电梯班", "skills": ["lift:3"], "supplier": ""}
    assert he.post("/dispatch/api/crews", made).status_code == 201
    assert he.post("/dispatch/api/crews", made).status_code == 422
    assert crew_of(world, "in-lift-1").active is False
    hired = {"name": "电梯工", "crew": "in-lift-1", "post": "leader", "grade": "900"}
    assert he.post("/dispatch/api/people", hired).status_code == 201
    assert world.file(skills=("lift",)).crew == "in-lift-1"


@pytest.mark.parametrize("wrong", [
    {"shift_until": "07:00"}, {"shift_from": "8:00"}, {"shift_from": "25:00"}, {"skills": ["electric:9"]}, {"skills": ["Electric"]},
    {"name": ""}, {"days": "some"}, {"hourly": "many"}, {"seats": -1}, {"more": 1},
])  # fmt: skip
def test_a_crew_that_cannot_be_is_refused(quick, wrong):
    assert quick.client(HEJING).post("/dispatch/api/crews/in-elec-1", CREW | wrong).status_code == 422


def test_who_may_keep_crews_and_who_may_look(quick):
    for person in (WANG, LINA, a_person("supervisor")):
        assert quick.client(person).post("/dispatch/api/crews/in-elec-1", CREW).status_code in {403, 404}
    assert quick.client(HEJING).post("/dispatch/api/crews/none", CREW).status_code == 404
    assert quick.client(HEJING).get("/dispatch/crews/none/edit").status_code == 404
    assert "保存班组" in quick.client(ADMIN).get("/dispatch/crews/in-elec-1/edit").text
    looked = quick.client(a_person("supervisor")).get("/dispatch/crews/in-elec-1/edit")
    assert looked.status_code == 200
    assert "保存班组" not in looked.text


def test_a_crew_is_changed_by_form_and_the_page_says_who_changed_what(quick):
    he = quick.client(HEJING)
    form = CREW | {"version": "0", "seats": "2", "skills": ["electric:3", "", "general:1"]}
    assert he.send("/dispatch/crews/in-elec-1/edit", **form).status_code == 303
    shown = he.get("/dispatch/crews/in-elec-1/edit").text
    assert "车座位数：0 → 2" in shown
    assert "何静" in shown
    wrong = he.send("/dispatch/crews/in-elec-1/edit", **(form | {"version": "1", "shift_until": "06:00"}))
    assert wrong.status_code == 422
    assert "下班要晚于上班" in wrong.text
    made = he.send("/dispatch/crews/new", **(form | {"code": "in-x-1", "supplier": "", "name": "新班"}))
    assert made.status_code == 303
    assert "新班" in he.get("/dispatch/crews").text


# ---- what contracts cover


def test_what_a_contract_covers_is_entered_until_contract_management_says_so(world):
    from datetime import date

    from shared.contracts.billing import ContractInForce

    he = world.client(HEJING)
    cover = {
        "contract": "HT-9",
        "supplier": "HY",
        "items": ["canteen"],
        "starts_on": "2026-01-01",
        "ends_on": "2027-01-01",
    }
    assert he.post("/dispatch/api/covers", cover).status_code == 201
    assert he.post("/dispatch/api/covers", cover | {"items": ["canteen", "cleaning"]}).status_code == 201
    with world.running.database.read() as connection:
        roster = store.read_roster(connection)
    assert roster.contract_for("HY", "canteen", date(2026, 11, 25)) == "HT-9"
    world.hear(ContractInForce(
        contract="HT-9", supplier="HY", supplier_name="恒岳", supplier_name_en="HY", items=("barber",), card_version=1, starts_on=date(2026, 1, 1),
        ends_on=date(2027, 1, 1)))  # fmt: skip
    assert he.post("/dispatch/api/covers", cover).status_code == 409
    row = next(each for each in he.get("/dispatch/api/covers").json["covers"] if each["contract"] == "HT-9")
    assert (row["items"], row["told_by_billing"]) == (["barber"], True)
    assert "HT-9" in he.get("/dispatch/covers").text
    assert world.said("access_noted")[-1][1]["what"] == "change"


@pytest.mark.parametrize("wrong", [
    {"supplier": "nobody"}, {"items": ["nothing"]}, {"items": []}, {"ends_on": "2025-01-01"}, {"starts_on": "soon"},
])  # fmt: skip
def test_a_cover_that_cannot_be_is_refused(quick, wrong):
    cover = {
        "contract": "HT-9",
        "supplier": "HY",
        "items": ["canteen"],
        "starts_on": "2026-01-01",
        "ends_on": "2027-01-01",
    }
    assert quick.client(HEJING).post("/dispatch/api/covers", cover | wrong).status_code == 422
    form = cover | wrong
    assert quick.client(HEJING).send("/dispatch/covers", **form).status_code == 422


# ---- emergency plans


def test_a_plan_is_written_followed_changed_and_ended(world):
    he, url = world.client(HEJING), "/dispatch/api/emergency-plans/gas"
    assert he.post(url, PLAN).status_code == 201
    ident = he.post("/dispatch/api/emergencies", {"plan": "gas", "kind": "drill"}).json["id"]
    changed = PLAN | {"calls": [{"name": "保安"}], "version": 1}
    assert world.client(ADMIN).post(url, changed).status_code == 201
    followed = he.get("/dispatch/api/emergencies").json["emergencies"][0]
    assert [each["name"] for each in followed["calls"]] == ["值班电工", "燃气公司"]  # as it was begun
    found = he.get(url).json
    assert [each["version"] for each in found["versions"]] == [2, 1]
    assert [each["name"] for each in found["versions"][1]["calls"]] == ["值班电工", "燃气公司"]
    assert [data["version"] for _, data, _ in world.said("emergency_plan_changed")] == [1, 2]
    assert he.post(f"/dispatch/api/emergencies/{ident}/end", {"outcome": "完", "people": 3}).status_code == 201
    assert he.post(url, changed | {"version": 2, "active": False}).status_code == 201
    assert he.post("/dispatch/api/emergencies", {"plan": "gas", "kind": "drill"}).status_code == 422
    assert "燃气泄漏" in he.get("/dispatch/drills").text  # its drill still has its name


def test_a_plan_that_came_with_the_system_can_be_changed(world):
    he = world.client(HEJING)
    before = he.get("/dispatch/api/emergency-plans/fire").json["now"]
    assert before["version"] == 0
    body = {name: before[name] for name in ("name", "name_en", "item", "skills", "calls", "steps")} | {"version": 0}
    body["calls"] = [*body["calls"], {"name": "保卫处长", "name_en": "", "crew": ""}]
    assert he.post("/dispatch/api/emergency-plans/fire", body).status_code == 201
    assert he.post("/dispatch/api/emergency-plans/fire", body).status_code in {409, 412}
    ident = he.post("/dispatch/api/emergencies", {"plan": "fire", "kind": "drill"}).json["id"]
    assert "保卫处长" in he.get(f"/dispatch/emergencies/{ident}").text


def test_a_plan_is_written_by_form_and_empty_lines_do_not_count(quick):
    he = quick.client(ADMIN)
    form = {
        "code": "gas", "name": "燃气泄漏", "item": "repair", "call_name": ["保安", "", "电工"], "call_name_en": ["", "", ""],
        "call_crew": ["", "", "in-elec-2"], "step_name": ["关阀", ""], "step_name_en": ["", ""], "active": "true",
    }  # fmt: skip
    assert he.send("/dispatch/emergency-plans/new", **form).status_code == 303
    found = he.get("/dispatch/api/emergency-plans/gas").json["now"]
    assert [(each["name"], each["crew"]) for each in found["calls"]] == [("保安", ""), ("电工", "in-elec-2")]
    assert he.send("/dispatch/emergency-plans/new", **form).status_code == 422
    wrong = he.send("/dispatch/emergency-plans/gas", **(form | {"call_name": [""], "version": "1"}))
    assert wrong.status_code == 422
    assert "请填1到30位要呼叫的人" in wrong.text
    assert "关阀" in wrong.text


@pytest.mark.parametrize("wrong", [
    {"item": "nothing"}, {"calls": []}, {"steps": []}, {"calls": [{"name": "x", "crew": "none"}]}, {"calls": [{"name": "x"}] * 31},
    {"name": ""}, {"calls": "x"},
])  # fmt: skip
def test_a_plan_that_cannot_be_is_refused(quick, wrong):
    assert quick.client(HEJING).post("/dispatch/api/emergency-plans/gas", PLAN | wrong).status_code == 422


def test_crews_and_supervisors_keep_no_plans(quick):
    for person in (WANG, LINA, a_person("supervisor")):
        assert quick.client(person).post("/dispatch/api/emergency-plans/gas", PLAN).status_code == 403
    assert quick.client(HEJING).get("/dispatch/api/emergency-plans/none").status_code == 404
    assert quick.client(HEJING).get("/dispatch/emergency-plans/none").status_code == 404
