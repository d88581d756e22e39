"""A request is filed, an order opened and given to a crew, worked on and finished; and what is said of it."""

from decimal import Decimal

import pytest

from services.dispatch.roster import Load
from shared.errors import Invalid
from tests.dispatch.world import a_request


def kinds(world):
    return [(kind, sequence) for kind, _, sequence in world.said()]


def test_a_filed_request_is_opened_and_given_to_a_crew_at_once(world):
    order = world.file()
    assert (order.state, order.crew, order.assigned_by, order.version) == ("offered", "in-elec-1", "automatic", 2)
    assert kinds(world) == [("work_order_opened", 1), ("work_order_assigned", 2)]
    assigned = world.said("work_order_assigned")[0][1]
    assert assigned["crew_name"] == "电工一班 王建国"
    assert "dispatch.reason.in_house" in assigned["reasons"]
    assert world.loads()["in-elec-1"] == Load(1, 45, 0)


def test_the_same_request_twice_has_one_order(world):
    world.file()
    world.hear(a_request())
    assert len(world.said("work_order_opened")) == 1


def test_a_batch_is_given_out_evenly_and_emergencies_first(world):
    requests = [a_request(n, priority=3) for n in range(1, 9)] + [a_request(9, priority=1)]
    world.hear(*requests)
    opened = [data["request_reference"] for _, data, _ in world.said("work_order_opened")]
    assert opened[0] == "2026-1125-009"
    assert len({data["crew"] for _, data, _ in world.said("work_order_assigned")}) > 1


def test_a_crew_accepts_goes_works_and_finishes(world):
    world.file()
    for act in ("accept", "set_off", "arrive", "start"):
        world.later(minutes=5)
        world.do(act, who="王建国")
    assert world.loads()["in-elec-1"] == Load(1, 45, 1)
    world.later(minutes=45)
    order = world.do("finish", [], who="王建国")
    assert order.state == "finished"
    assert order.usage == [["hours", "0.75", "hours"]]
    finished = world.said("work_order_finished")[0]
    assert finished[2] == order.version == 7
    assert finished[1]["finish_kept"] is True
    assert finished[1]["started_at"] == "2026-11-25T03:02:00.000000Z"
    assert world.loads()["in-elec-1"] == Load(0, 0, 0)


def test_what_was_used_is_said_with_its_meter(world):
    world.file(item="cleaning", skills=("cleaning",))
    world.do("accept")
    world.do("start")
    world.do("finish", [("m2", Decimal("120.5"))])
    data = world.said("work_order_finished")[0][1]
    assert data["usage"] == [{"meter": "m2", "quantity": "120.5", "unit": "m2"}]
    assert (data["supplier"], data["contract"]) == ("JJ", "JJ-2026-01")


@pytest.mark.parametrize(
    ("item", "usage"),
    [
        ("cleaning", []),
        ("cleaning", [("hours", Decimal(1))]),
        ("cleaning", [("m2", Decimal(0))]),
        ("cleaning", [("m2", Decimal(1000000))]),
        ("cleaning", [("m2", Decimal("1.55"))]),
        ("printing", [("pages", Decimal("1.5"))]),
        ("repair", [("hours", Decimal(1)), ("hours", Decimal(1))]),
    ],
)
def test_usage_that_cannot_be_is_refused_and_nothing_is_said(quick, item, usage):
    quick.file(item=item, skills=())
    quick.do("accept")
    quick.do("start")
    with pytest.raises(Invalid):
        quick.do("finish", usage)
    assert quick.order().state == "under_way"
    assert quick.said("work_order_finished") == []


def test_a_refused_order_goes_to_the_next_crew_at_once(world):
    world.file()
    order = world.do("refuse", "busy", who="王建国")
    assert order.state == "offered"
    assert order.crew != "in-elec-1"
    assert [kind for kind, _ in kinds(world)][-2:] == ["work_order_refused", "work_order_assigned"]
    assert world.said("work_order_assigned")[-1][1]["previous_crew"] == "in-elec-1"
    assert world.loads()["in-elec-1"] == Load(0, 0, 0)


def test_an_order_that_everybody_refuses_waits_for_a_dispatcher(quick):
    order = quick.file(item="printing", skills=("printing",))
    assert order.crew == "in-print-1"
    order = quick.do("refuse", "tools")
    assert (order.state, order.crew) == ("to_assign", "")
    assert order.reasons[0][0] == "dispatch.suggest.none"


def test_an_item_that_is_not_known_here_waits_for_a_dispatcher(quick):
    order = quick.file(item="surprise", skills=(), summary="", place="Z9", building="99", floor="x", room="")
    assert (order.state, order.crew) == ("to_assign", "")
    assert set(order.due().values()) == {None}


def test_an_event_that_cannot_be_read_does_not_hold_up_the_others_of_its_batch(quick):
    good, bad = quick.delivery(a_request(1)), quick.delivery(a_request(2))
    del bad.envelope.data["priority"]
    quick.take([bad, good])
    assert quick.order("2026-1125-001-1").state == "offered"
    assert quick.waiting() == [("dispatch.take_filed", "parked")]
