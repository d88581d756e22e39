"""People and employers: moves at an instant, what stays behind, the roster, structure, work measured, make or buy."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services.dispatch import workforce
from tests.dispatch.world import HEJING, LINA, WANG, a_person

REF = "2026-1125-087-1"
WANG_ID = workforce.first_id("in-elec-1", 1)
MATE_ID = workforce.first_id("in-elec-1", 2)


@pytest.fixture
def wang(quick):
    """Wang Jianguo's account is a person of the roster."""
    return _bind(quick)


def _bind(world):
    with world.running.work() as work:
        work.connection.exec_driver_sql(f"UPDATE person SET account = '{WANG.account}' WHERE person_id = '{WANG_ID}'")
    return world


def moved(world, people, crew, after, **more):
    at = (world.clock.now() + after).isoformat()
    body = {"people": people, "crew": crew, "at": at, "reason": "contracted_out", **more}
    return world.client(HEJING).post("/dispatch/api/people/moves", body)


def test_scope_is_lost_and_gained_at_the_instant_of_a_move(wang):
    wang.file(1, skills=("electric",))
    theirs = "2026-1125-001-1"
    assert wang.order(theirs).crew == "in-elec-1"
    wang.file(2)
    wang.do("assign", "hy-air-1", reference="2026-1125-002-1")
    mine, program = wang.client(WANG), "/dispatch/api/orders/"
    assert moved(wang, [WANG_ID], "hy-air-1", timedelta(minutes=5)).status_code == 201
    for after, old, new in ((299, 200, 404), (1, 404, 200), (1, 404, 200)):
        wang.later(seconds=after)
        assert mine.get(program + theirs).status_code == old
        assert mine.get(program + "2026-1125-002-1").status_code == new
        assert mine.get(f"/dispatch/crew/{theirs}").status_code == old
        assert ("灯" in mine.get("/dispatch/crew/").text) is False
    assert mine.get("/dispatch/api/mine").json["items"][0]["reference"] == "2026-1125-002-1"


def test_a_live_stream_ends_with_the_employer(wang):
    from dataclasses import replace

    moved(wang, [WANG_ID], "hy-air-1", timedelta(minutes=5))
    person = replace(WANG, until=wang.clock.now() + timedelta(hours=1))
    wang.later(seconds=299)
    assert wang.app.believed(person)
    wang.later(seconds=1)
    assert not wang.app.believed(person)


def test_who_leaves_reaches_nothing(wang):
    wang.file(1, skills=("electric",))
    body = {"people": [WANG_ID], "reason": "retired"}
    assert wang.client(HEJING).post("/dispatch/api/people/leavings", body).status_code == 201
    assert wang.client(WANG).get("/dispatch/api/orders/2026-1125-001-1").status_code == 404
    assert wang.client(WANG).get("/dispatch/api/mine").json["items"] == []
    assert wang.client(WANG).get("/dispatch/crew/live").status_code == 404


def test_members_certificates_and_sizes_follow_a_move(world):
    he = world.client(HEJING)
    he.send(
        "/dispatch/crews/certificates",
        member="in-elec-1:2",
        skill="hvac",
        paper="制冷证",
        expires_on="2027-01-01",
    )
    assert moved(world, [MATE_ID], "hy-air-1", timedelta(days=1)).status_code == 201
    world.later(days=1)
    with world.running.work() as work:
        assert workforce.settle_moves(work) == 1
        assert workforce.settle_moves(work) == 0
    he = world.client(HEJING)
    crews = {each["code"]: each for each in he.get("/dispatch/api/crews").json["crews"]}
    assert (crews["in-elec-1"]["size"], crews["hy-air-1"]["size"]) == (1, 3)
    page = he.get("/dispatch/crews").text
    assert page.rindex("恒岳空调组") < page.index("制冷证")
    assert world.said("person_moved")[-1][1]["to_employer"] == "HY"


def test_history_keeps_the_old_employer(world):
    began = world.clock.now()
    moved(world, [MATE_ID], "hy-air-1", timedelta(0))
    found = world.client(HEJING).get(f"/dispatch/api/people/{MATE_ID}").json["history"]
    assert [(each["employer"], each["crew"]) for each in found] == [("", "in-elec-1"), ("HY", "hy-air-1")]
    assert found[0]["until_at"] == found[1]["since_at"]
    with world.running.database.read() as connection:
        before = workforce.people_at(connection, began - timedelta(microseconds=1), crew="in-elec-1")
        after = workforce.people_at(connection, began, crew="in-elec-1")
    assert len(before) == len(after) + 1
    page = world.client(HEJING).get(f"/dispatch/workforce/people/{MATE_ID}").text
    assert page.index("恒岳机电") < page.index("电工一班")
    lina = world.client(LINA).get(f"/dispatch/api/people/{MATE_ID}").json["history"]
    assert [each["employer"] for each in lina] == ["HY"]
    other = world.client(a_person("supplier", account="o", supplier="JJ", organisation="", department=""))
    assert other.get(f"/dispatch/api/people/{MATE_ID}").status_code == 404


def test_forty_people_go_over_at_once(world):
    with world.running.database.read() as connection:
        own = [each.person_id for each in workforce.people_at(connection, world.clock.now(), supplier="")][:40]
    assert len(own) == 40
    assert moved(world, own, "jj-clean-1", timedelta(0)).status_code == 201
    roster = world.client(HEJING).get("/dispatch/api/people?employer=JJ").json["people"]
    assert {each["person_id"] for each in roster} >= set(own)
    assert world.client(HEJING).get("/dispatch/api/crews").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"people": [], "crew": "hy-air-1"}, "people"),
        ({"people": ["nobody"], "crew": "hy-air-1"}, "people"),
        ({"people": [MATE_ID], "crew": "nowhere"}, "crew"),
        ({"people": [MATE_ID], "crew": "in-elec-1"}, "crew"),
        ({"people": [MATE_ID], "crew": "hy-air-1", "on": "2026-11-01"}, "at"),
        ({"people": [MATE_ID], "crew": "hy-air-1", "on": "2028-11-01"}, "at"),
        ({"people": [MATE_ID], "crew": "hy-air-1", "grade": "-1"}, "grade"),
        ({"people": [MATE_ID], "crew": "hy-air-1", "employer": "HY"}, "employer"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused_beside_its_field(quick, body, field):
    answer = quick.client(HEJING).post("/dispatch/api/people/moves", body)
    assert answer.status_code == 422
    assert field in answer.json["errors"]
    assert quick.said("person_moved") == []


def test_one_move_waits_at_a_time_and_may_be_taken_back(quick):
    he = quick.client(HEJING)
    assert moved(quick, [MATE_ID], "hy-air-1", timedelta(days=2)).status_code == 201
    assert moved(quick, [MATE_ID], "in-net-1", timedelta(days=1)).status_code == 409
    assert "调往" in he.get("/dispatch/workforce").text
    assert he.post(f"/dispatch/api/people/{MATE_ID}/undo").status_code == 201
    assert he.post(f"/dispatch/api/people/{MATE_ID}/undo").status_code == 404
    quick.later(days=3)
    with quick.running.work() as work:
        assert workforce.settle_moves(work) == 0
    found = quick.client(HEJING).get(f"/dispatch/api/people/{MATE_ID}").json["history"]
    assert (len(found), found[-1]["until_at"]) == (1, None)


def test_the_page_moves_those_marked_and_shows_what_is_wrong(quick):
    he = quick.client(HEJING)
    wrong = he.send("/dispatch/workforce/move", people=[MATE_ID], crew="in-elec-1")
    assert wrong.status_code == 422
    assert "都没变" in wrong.text
    done = he.send("/dispatch/workforce/move", people=[MATE_ID, WANG_ID], crew="in-net-1")
    assert done.status_code == 303
    page = he.get("/dispatch/workforce?crew=in-net-1").text
    assert page.count('name="people"') == 5 + 1  # and the form of leaving
    assert he.get("/dispatch/workforce?post=boss").status_code == 422


def test_somebody_new_is_of_the_crew_at_once(quick):
    he = quick.client(HEJING)
    body = {"name": "新来的", "crew": "in-net-1", "grade": "850", "born_on": "1990-02-01", "education": "college"}
    made = he.post("/dispatch/api/people", body)
    assert made.status_code == 201
    people = he.get("/dispatch/api/people?crew=in-net-1").json["people"]
    found = next(each for each in people if each["person_id"] == made.json["id"])
    assert (found["age"], found["grade"], found["post"]) == (36, "850", "worker")
    assert next(c for c in he.get("/dispatch/api/crews").json["crews"] if c["code"] == "in-net-1")["size"] == 4
    for wrong in (
        {"born_on": "2020-01-01"},
        {"crew": "x"},
        {"joined_on": "2030-01-01"},
        {"name": ""},
        {"grade": "1e3"},
    ):
        assert he.post("/dispatch/api/people", body | wrong).status_code == 422


def test_a_supplier_sees_its_own_roster_alone(quick):
    lina = quick.client(LINA)
    people = lina.get("/dispatch/api/people").json["people"]
    assert {each["employer"] for each in people} == {"HY"}
    assert {each["employer"] for each in lina.get("/dispatch/api/people?employer=JJ").json["people"]} == {"HY"}
    assert "王建国" not in lina.get("/dispatch/workforce").text
    assert lina.post("/dispatch/api/people/moves", {"people": [MATE_ID], "crew": "hy-air-1"}).status_code == 403
    assert lina.get("/dispatch/workforce/make-or-buy").status_code == 403


def test_structure_and_turnover(quick):
    found = quick.client(HEJING).get("/dispatch/api/workforce/structure").json["tables"]
    for name in ("ages", "services", "educations", "employers", "grades"):
        assert sum(row[1] for row in found[name]) == 80, name
    assert found["turnover"][0][:2] == ["0.0", 0]
    moved(quick, [WANG_ID, MATE_ID], "hy-air-1", timedelta(0))
    quick.client(HEJING).post(
        "/dispatch/api/people/leavings", {"people": [workforce.first_id("in-net-1", 2)], "reason": "resigned"}
    )
    found = quick.client(HEJING).get("/dispatch/api/workforce/structure").json["tables"]
    assert found["months"][-1] == ["2026-11", 2, 3]
    assert found["turnover"][0][1] == 3
    csv = quick.client(HEJING).get("/dispatch/workforce/structure.csv")
    assert csv.data.startswith(b"\xef\xbb\xbf")
    assert "2026-11,2,3" in csv.text


def a_day(world):
    """Two orders done by the electricians on time, one late; one by the supplier."""
    done = {"usage": [{"meter": "hours", "quantity": "1"}]}
    he = world.client(HEJING)
    for number, crew in ((1, "in-elec-1"), (2, "in-elec-1"), (3, "hy-air-1")):
        world.file(number, skills=("hvac",))
        ref = f"2026-1125-{number:03}-1"
        if world.order(ref).crew != crew:
            world.do("assign", crew, reference=ref)
        for act in ("accept", "arrive", "start"):
            world.do(act, reference=ref)
        if number == 1:
            he.post(f"/dispatch/api/orders/{ref}/people", {"people": [WANG_ID]})
        world.later(minutes=30 if number != 2 else 300)
        he = world.client(HEJING)  # passes last ten minutes
        assert he.post(f"/dispatch/api/orders/{ref}/finish", done).status_code == 200
    return he


def test_work_is_measured_by_person(quick):
    he = a_day(quick)
    people = {each["person_id"]: each for each in he.get("/dispatch/api/workforce/measured").json["tables"]["people"]}
    wang, mate = people[WANG_ID], people[MATE_ID]
    assert (wang["orders"], mate["orders"]) == ("1.50", "0.50")
    assert (wang["hours"], mate["hours"]) == ("3.00", "2.50")
    assert Decimal(wang["on_time"]) > Decimal(mate["on_time"]) == 0
    assert wang["points"] > mate["points"]
    assert people[workforce.first_id("in-net-1", 1)]["points"] is None
    total = sum(Decimal(each["proposed"]) for each in people.values())
    assert abs(total - sum(Decimal(each["grade"]) for each in people.values())) < 1
    page = he.get("/dispatch/workforce/measured").text
    assert "王建国" in page
    assert "<svg" in page
    assert he.get("/dispatch/workforce/measured?month=2026-13").status_code == 422
    assert "王建国" in he.get("/dispatch/workforce/measured.csv").text


def test_a_supplier_measures_only_what_it_held(quick):
    a_day(quick)
    rows = quick.client(LINA).get("/dispatch/api/workforce/measured").json["tables"]["people"]
    assert {each["crew"][:2] for each in rows} == {"hy"}
    assert sum(Decimal(each["orders"]) for each in rows) == 1


def test_a_crew_member_sees_their_own_measure_and_no_others(wang):
    a_day(wang)
    page = wang.client(WANG).get("/dispatch/crew/mine").text
    assert "王建国" in page
    with wang.running.database.read() as connection:
        mate = next(p.name for p in workforce.people_at(connection, wang.clock.now(), ids=[MATE_ID]))
    assert mate not in page


def test_only_people_of_the_crew_are_named_on_an_order(quick):
    quick.file()
    stranger = workforce.first_id("hy-air-1", 1)
    he = quick.client(HEJING)
    assert he.post(f"/dispatch/api/orders/{REF}/people", {"people": [stranger]}).status_code == 422
    assert quick.client(WANG).send(f"/dispatch/orders/{REF}/people", people=[MATE_ID]).status_code == 303
    with quick.running.database.read() as connection:
        assert [ident for ident, _ in workforce.named_on(connection, quick.order().order_id)] == [MATE_ID]
    assert he.post(f"/dispatch/api/orders/{REF}/people", {"people": []}).status_code == 201
    with quick.running.database.read() as connection:
        assert workforce.named_on(connection, quick.order().order_id) == []


def test_own_crews_stand_beside_suppliers_by_item(quick):
    he = a_day(quick)
    sides = {each["supplier"]: each for each in he.get("/dispatch/api/workforce/make-or-buy").json["tables"]["repair"]}
    assert (sides[""]["orders"], sides["HY"]["orders"]) == (2, 1)
    assert sides["HY"]["hourly"] == "85.00"
    assert sides["HY"]["each"] == "42.50"
    assert Decimal(sides[""]["hourly"]) < 10
    assert "恒岳机电" in he.get("/dispatch/workforce/make-or-buy").text
    assert "HY-2026-01" in he.get("/dispatch/workforce/make-or-buy.csv").text


# ---- training


def planned(world, who, **changes):
    body = {"name": "电工复训", "skill": "electric", "on_day": "2026-11-25", "hours": "4", "people": who} | changes
    return world.client(HEJING).post("/dispatch/api/training", body)


def test_a_training_certifies_those_who_came(world):
    made = planned(world, [WANG_ID, MATE_ID])
    assert made.status_code == 201
    he = world.client(HEJING)
    body = {"people": [WANG_ID], "paper": "电工证", "expires_on": "2029-11-25"}
    assert he.post(f"/dispatch/api/training/{made.json['id']}/attendance", body).status_code == 201
    found = he.get("/dispatch/api/training").json
    assert found["trainings"][0]["people"] == {WANG_ID: "attended", MATE_ID: "absent"}
    assert (found["trained"], found["people"]) == (1, 80)
    assert "电工证" in he.get("/dispatch/crews").text
    with world.running.work() as work:  # the leader's certificate is the crew's only one: away with him goes the skill
        from services.dispatch import people

        people.take_leave(work, "in-elec-1", 1, world.clock.now().date(), world.clock.now().date(), "sick", "何静")
    assert world.file(9, skills=("electric",)).crew != "in-elec-1"


def test_certificates_that_end_are_pointed_out(quick):
    made = planned(quick, [WANG_ID])
    he = quick.client(HEJING)
    body = {"people": [WANG_ID], "paper": "电工证", "expires_on": "2026-12-20"}
    he.post(f"/dispatch/api/training/{made.json['id']}/attendance", body)
    page = he.get("/dispatch/training").text
    assert "到期和将到期的证件" in page
    assert "电工证" in page
    assert "电工证" not in quick.client(LINA).get("/dispatch/training").text


@pytest.mark.parametrize(("changes", "field"), [
    ({"people": []}, "people"), ({"people": ["x"]}, "people"), ({"skill": "flying"}, "skill"), ({"hours": "0"}, "hours"),
    ({"on_day": "soon"}, "on_day"), ({"name": " "}, "name"),
])  # fmt: skip
def test_a_training_that_makes_no_sense_is_refused(quick, changes, field):
    answer = planned(quick, [WANG_ID], **changes)
    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_attendance_is_noted_after_the_day_and_of_those_planned(quick):
    he = quick.client(HEJING)
    ahead = planned(quick, [WANG_ID], on_day="2026-11-26").json["id"]
    assert he.post(f"/dispatch/api/training/{ahead}/attendance", {"people": [WANG_ID]}).status_code == 409
    today = planned(quick, [WANG_ID]).json["id"]
    assert he.post(f"/dispatch/api/training/{today}/attendance", {"people": [MATE_ID]}).status_code == 422
    assert he.post(f"/dispatch/api/training/{today}/attendance", {"people": [WANG_ID], "paper": "x"}).status_code == 422
    assert he.post("/dispatch/api/training/none/attendance", {"people": []}).status_code == 404
    assert he.send(f"/dispatch/training/{today}/attendance", people=[WANG_ID]).status_code == 303
