"""The registers through the API: certificates, leave, interests, assets, plans with checkpoints, drills."""

import pytest

from services.dispatch import upkeep
from tests.dispatch.world import HEJING, LINA

REF = "2026-1125-087-1"


def rows(world, name):
    return world.client(HEJING).get(f"/dispatch/api/{name}").json["rows"]


def test_an_interest_binds_until_it_is_withdrawn(world):
    he = world.client(HEJING)
    body = {"crew": "in-elec-1", "about": "account-hanbing", "words": "亲属"}
    assert he.post("/dispatch/api/interests", body).status_code == 201
    assert [each["about"] for each in rows(world, "interests")] == ["account-hanbing"]
    assert world.file(1).crew != "in-elec-1"
    assert he.send("/dispatch/crews/interests/withdraw", crew="in-elec-1", about="account-hanbing").status_code == 303
    assert world.file(2).crew == "in-elec-1"
    assert he.post("/dispatch/api/interests/withdraw", {"crew": "in-elec-1", "about": "x"}).status_code == 404


def test_an_interest_in_who_has_the_order_already_is_pointed_out(world):
    order, he = world.file(1), world.client(HEJING)
    bare = he.post("/dispatch/api/interests", {"crew": order.crew, "about": "secretariat", "words": "亲属"})
    assert bare.json["errors"] == {"about": ["这是部门代码，请写department:加代码"]}
    words = "班组在申请人处有利益关系"
    assert words not in he.get(f"/dispatch/orders/{order.reference}").text
    he.post("/dispatch/api/interests", {"crew": order.crew, "about": "department:secretariat", "words": "亲属"})
    assert words in he.get(f"/dispatch/orders/{order.reference}").text
    assert words not in world.client(LINA).get(f"/dispatch/orders/{order.reference}").text


def test_papers_and_leave_go_by_the_api_too(quick):
    he = quick.client(HEJING)
    paper = {"crew": "in-elec-1", "number": 1, "skill": "hvac", "paper": "制冷证", "expires_on": "2027-01-01"}
    assert he.post("/dispatch/api/certificates", paper).status_code == 201
    assert rows(quick, "certificates")[0]["expires_on"] == "2027-01-01"
    assert he.post("/dispatch/api/certificates", paper | {"number": 99}).status_code == 422
    days = {"crew": "in-elec-1", "number": 1, "from_on": "2026-11-25", "until_on": "2026-11-26"}
    assert he.post("/dispatch/api/leave", days).status_code == 201
    assert len(rows(quick, "leave")) == 1
    assert he.post("/dispatch/api/leave", days | {"until_on": "2026-11-01"}).status_code == 422
    assert quick.client(LINA).get("/dispatch/api/interests").status_code == 403


def a_plan(**changes):
    return {"code": "lift-check", "name": "电梯月检", "item": "repair", "place": "plant-room", "rule": "FREQ=DAILY",
            "starts_at": "2026-11-25T11:00:00", "asset": "lift-1"} | changes  # fmt: skip


def test_an_asset_and_its_plan_are_entered_and_make_orders(world):
    he = world.client(HEJING)
    assert (
        he.post(
            "/dispatch/api/assets", {"code": "lift-1", "name": "1号电梯", "kind": "lift", "since": "2010-05-01"}
        ).status_code
        == 201
    )
    assert (
        he.send("/dispatch/assets", code="lift-1", name="一号电梯", kind="lift", since="2010-05-01").status_code == 303
    )
    assert [each["name"] for each in rows(world, "assets") if each["code"] == "lift-1"] == ["一号电梯"]
    assert he.post("/dispatch/api/plans", a_plan()).status_code == 201
    point = {"code": "pt-lift", "name": "轿厢温度", "unit": "°C", "low": "5", "high": "40"}
    assert he.post("/dispatch/api/plans/lift-check/points", point).status_code == 201
    assert he.send("/dispatch/plans/lift-check/points", **(point | {"high": "45"})).status_code == 303
    assert [each["high"] for each in rows(world, "checkpoints") if each["plan"] == "lift-check"] == ["45"]
    world.later(minutes=20)
    with world.running.work() as work:
        assert upkeep.run_plans(work) == 1
    order = world.order("2026-1125-lift-check")
    assert (order.asset, order.summary) == ("lift-1", "电梯月检")
    he = world.client(HEJING)
    shown = he.get("/dispatch/plans").text
    assert "电梯月检" in shown
    assert "每 3 个月：15 日" in shown
    assert "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=15" not in shown
    again = {**a_plan(), "rule": "FREQ=WEEKLY", "other": "FREQ=WEEKLY;BYDAY=SU"}
    assert he.send("/dispatch/plans", **again).status_code == 303
    assert [each["rule"] for each in rows(world, "plans") if each["code"] == "lift-check"] == ["FREQ=WEEKLY;BYDAY=SU"]
    assert he.send("/dispatch/plans", **{**again, "other": "every other day"}).status_code == 422
    assert he.send("/dispatch/plans", **a_plan()).status_code == 303
    assert he.send("/dispatch/plans/lift-check/stop").status_code == 303
    world.later(days=2)
    with world.running.work() as work:
        upkeep.run_plans(work)
    assert world.order("2026-1126-lift-check") is None


@pytest.mark.parametrize(("changes", "field"), [
    ({"item": "flying"}, "item"), ({"rule": "FREQ=SECONDLY"}, "rule"), ({"rule": "often"}, "rule"), ({"asset": "none"}, "asset"),
    ({"minutes": 1}, "minutes"), ({"starts_at": "soon"}, "starts_at"), ({"code": "a b"}, "code"), ({"more": 1}, "more"),
])  # fmt: skip
def test_a_plan_that_makes_no_sense_is_refused(quick, changes, field):
    answer = quick.client(HEJING).post("/dispatch/api/plans", a_plan(asset="chiller-1") | changes)
    assert answer.status_code == 422
    assert field in answer.json["errors"]


@pytest.mark.parametrize(
    "changes", [{"low": "9", "high": "1"}, {"low": "x"}, {"unit": ""}, {"high": "NaN"}, {"code": "pt-tr1"}]
)
def test_a_checkpoint_that_makes_no_sense_is_refused(quick, changes):
    he = quick.client(HEJING)
    point = {"code": "pt-new", "name": "温度", "unit": "°C", "low": "1", "high": "9"} | changes
    assert he.post("/dispatch/api/plans/generator-test/points", point).status_code == 422
    assert he.post("/dispatch/api/plans/none/points", point).status_code == 404


def test_drills_are_noted_and_read_by_the_api(quick):
    he = quick.client(HEJING)
    body = {"plan": "fire", "on": "2026-11-24", "led_by": "何静", "people": 40, "minutes": 12}
    assert he.post("/dispatch/api/drills", body).status_code == 201
    assert rows(quick, "drills")[0]["people"] == 40
    assert he.post("/dispatch/api/drills", body | {"on": "2027-01-01"}).status_code == 422
