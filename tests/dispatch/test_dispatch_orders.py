"""Handing on, no-shows, parts, redos, emergencies that come between, warnings and silence."""

from dataclasses import replace

import pytest

from services.dispatch import orders
from services.dispatch.orders import PartsOpen
from shared.errors import Conflict, Invalid
from tests.dispatch.world import HEJING, WANG

REF = "2026-1125-087-1"


def run(world, name, *given, reference=REF, who="何静", **named):
    with world.running.work(actor="account:x") as work:
        found = getattr(orders, name)(work, orders.handlers.found(work, reference), *given, who, **named)
    return found or world.order(reference)


def timer(world, name):
    with world.running.work() as work:
        return getattr(orders, name)(work)


def test_a_dispatcher_tells_the_leader_or_the_supervisor_by_hand(world):
    world.file()
    he = world.client(HEJING)
    answer = he.post(f"/dispatch/api/orders/{REF}/escalate", {"role": "crew_leader", "words": "门禁没人开"})
    assert answer.status_code == 200
    assert he.post(f"/dispatch/api/orders/{REF}/escalate", {}).status_code == 200
    told = [(data["role"], data["rung"]) for _, data, _ in world.said("promise_escalated")]
    assert told == [("crew_leader", "by_hand.3"), ("supervisor", "by_hand.4")]
    page = he.get(f"/dispatch/orders/{REF}").text
    assert "调度上报班组长" in page
    assert "调度上报监督" in page
    assert "门禁没人开" in page
    assert "请班组长处理" in world.client(replace(WANG, crew=world.order().crew)).get("/dispatch/crew/messages").text


def test_nobody_can_be_told_who_is_not_there_or_may_not_tell(world):
    world.file(skills=("divination",))
    he = world.client(HEJING)
    assert he.post(f"/dispatch/api/orders/{REF}/escalate", {"role": "crew_leader"}).status_code == 422
    assert he.post(f"/dispatch/api/orders/{REF}/escalate", {"role": "mayor"}).status_code == 422
    assert world.client(WANG).post(f"/dispatch/api/orders/{REF}/escalate", {}).status_code in {403, 404}
    world.cancel()
    assert he.post(f"/dispatch/api/orders/{REF}/escalate", {}).status_code == 409


def test_the_requester_is_asked_and_the_question_stands_in_the_history(world):
    order = world.file()
    he = world.client(HEJING)
    shown = he.send(f"/dispatch/orders/{REF}/ask", words="门锁着，几点有人？", version=order.version)
    assert shown.status_code == 303
    (_, data, sequence) = world.said("requester_asked")[0]
    assert (data["words"], data["request_id"], sequence) == ("门锁着，几点有人？", order.request_id, order.version + 1)
    assert "门锁着，几点有人？" in he.get(f"/dispatch/orders/{REF}").text
    assert he.post(f"/dispatch/api/orders/{REF}/ask", {"words": " "}).status_code == 422


def test_nobody_asked_for_a_part_so_nobody_is_asked(world):
    world.file()
    part = run(world, "split", "", words="拆吊顶")
    answer = world.client(HEJING).post(f"/dispatch/api/orders/{part.reference}/ask", {"words": "几点？"})
    assert answer.status_code == 422


def test_a_transfer_stays_with_the_employer_and_keeps_the_promises(world):
    before = world.file()
    with world.running.work() as work, pytest.raises(Invalid):
        orders.transfer(work, orders.handlers.found(work, REF), "hy-air-1", "王建国", "busy")
    with world.running.work() as work:
        orders.transfer(work, orders.handlers.found(work, REF), "in-elec-2", "王建国", "busy")
    after = world.order()
    assert (after.crew, after.state, after.assigned_by) == ("in-elec-2", "offered", "transfer")
    assert after.finish_due_at == before.finish_due_at
    assert world.loads()["in-elec-1"].orders == 0


def test_who_did_not_come_is_not_asked_again_and_the_next_is_at_once(world):
    first = world.file().crew
    world.do("accept")
    order = run(world, "no_show")
    assert order.state == "offered"
    assert order.crew != first
    assert [first, "no_show"] in order.refused_by


def test_an_offer_nobody_answers_goes_on_once(world):
    first = world.file()
    world.later(minutes=14)
    assert timer(world, "redispatch_silent") == 0
    world.later(minutes=20)
    assert timer(world, "redispatch_silent") == 1
    assert timer(world, "redispatch_silent") == 0
    order = world.order()
    assert order.crew != first.crew
    assert [each[1]["crew"] for each in world.said("offer_lapsed")] == [first.crew]


def test_a_dispatchers_choice_that_is_not_answered_waits_for_the_dispatcher(world):
    world.file()
    world.do("assign", "hy-air-1")
    world.later(hours=3)
    timer(world, "redispatch_silent")
    assert world.order().crew == "hy-air-1"
    assert timer(world, "redispatch_silent") == 0


def test_a_whole_waits_for_its_parts(world):
    world.file()
    with world.running.work() as work:
        part = orders.split(work, orders.handlers.found(work, REF), "hy-air-1", "何静", "拆下旧机")
    assert part.reference == f"{REF}.1"
    for act in ("accept", "arrive", "start"):
        world.do(act)
    with world.running.work() as work, pytest.raises(PartsOpen):
        orders.finish_shown(work, orders.handlers.found(work, REF), "何静", [], demanded=False)
    for act in ("accept", "arrive", "start"):
        world.do(act, reference=part.reference)
    with world.running.work() as work:
        orders.finish_shown(work, orders.handlers.found(work, part.reference), "何静", [], demanded=False)
    with world.running.work() as work:
        orders.finish_shown(work, orders.handlers.found(work, REF), "何静", [], demanded=False)
    assert world.order().state == "finished"
    assert [each[1]["request_id"] for each in world.said("work_order_finished")] == ["", world.order().request_id]


def test_a_failed_check_makes_an_order_of_its_own_with_the_same_crew(world):
    crew = world.file().crew
    with world.running.work() as work, pytest.raises(Conflict):
        orders.redo(work, orders.handlers.found(work, REF), "何静", "untidy")
    for act in ("accept", "arrive", "start"):
        world.do(act)
    world.do("finish", [])
    world.later(hours=1)
    with world.running.work() as work:
        again = orders.redo(work, orders.handlers.found(work, REF), "何静", "untidy")
    order = world.order(again.reference)
    assert (order.crew, order.state, order.origin) == (crew, "offered", "redo")
    assert order.finish_due_at > world.order().finish_due_at
    assert world.order().state == "finished"


def test_an_emergency_puts_off_the_least_urgent_work_and_no_clock_stands(world):
    for number, priority in ((1, 2), (2, 4)):
        ref = f"2026-1125-00{number}-1"
        world.file(number, priority=priority, skills=("electric",))
        world.do("assign", "in-elec-1", reference=ref) if world.order(ref).crew != "in-elec-1" else None
        for act in ("accept", "arrive", "start"):
            world.do(act, reference=ref)
    due = world.order("2026-1125-002-1").finish_due_at
    world.file(3, priority=1, skills=("electric",))
    ref = "2026-1125-003-1"
    world.do("assign", "in-elec-1", reference=ref) if world.order(ref).crew != "in-elec-1" else None
    world.do("accept", reference=ref)
    put_off = world.order("2026-1125-002-1")
    assert (put_off.state, put_off.pause_reason) == ("paused", "preempted")
    assert world.order("2026-1125-001-1").state == "under_way"
    world.later(minutes=30)
    world.do("resume", reference="2026-1125-002-1")
    assert world.order("2026-1125-002-1").finish_due_at == due


def test_the_fourth_pause_is_refused(world):
    world.file()
    for act in ("accept", "arrive", "start"):
        world.do(act)
    for _ in range(3):
        world.do("pause", "awaiting_parts")
        world.later(minutes=5)
        world.do("resume")
    with pytest.raises(Invalid):
        world.do("pause", "awaiting_parts")


def test_the_ladder_tells_each_rung_once_also_after_a_restart(world):
    """Soon: the leader; due: the dispatcher; an hour later: the supervisor. The clock may jump over all of them."""
    world.file()
    world.do("accept")
    told = []
    for minutes in (30, 25, 10, 60, 60, 240):
        world.later(minutes=minutes)
        timer(world, "raise_alerts")
        timer(world, "raise_alerts")
        told.append([(each[1]["promise"], each[1]["role"]) for each in world.said("promise_escalated")])
    last = told[-1]
    assert len(last) == len(set(last))
    assert ("arrival", "crew_leader") in last
    assert {("finish", "crew_leader"), ("finish", "dispatcher"), ("finish", "supervisor")} <= set(last)
    jumped = last
    timer(world, "raise_alerts")
    assert [(each[1]["promise"], each[1]["role"]) for each in world.said("promise_escalated")] == jumped


def test_no_rung_is_told_of_a_promise_that_was_kept(world):
    world.file()
    for act in ("accept", "arrive", "start"):
        world.do(act)
    world.do("finish", [])
    world.later(hours=9)
    assert timer(world, "raise_alerts") == 0
    assert world.said("promise_escalated") == []


def test_acts_through_the_api_and_the_page(quick):
    quick.file()
    one = f"/dispatch/api/orders/{REF}"
    assert quick.client(WANG).post(f"{one}/no_show").status_code == 403
    assert quick.client(WANG).post(f"{one}/transfer", {"crew": "in-elec-2", "reason": "nonsense"}).status_code == 422
    assert (
        quick.client(WANG).post(f"{one}/transfer", {"crew": "in-elec-2", "reason": "busy"}).json["crew"] == "in-elec-2"
    )
    page = quick.client(HEJING).get(f"/dispatch/orders/{REF}").text
    assert f"/dispatch/orders/{REF}/split" in page
    sent = quick.client(HEJING).send(f"/dispatch/orders/{REF}/split", words="只换滤网")
    assert sent.status_code == 303
    assert "只换滤网" in quick.client(HEJING).get(f"/dispatch/orders/{REF}").text
