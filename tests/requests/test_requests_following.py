import itertools
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.requests import model, store
from services.requests.handlers import filing, following
from services.requests.model import Filing, Order
from shared.contracts import dispatch as told
from shared.contracts.billing import UsageRecorded
from tests.requests.conftest import NOON, Dispatch, desk_of, person, said

ORDER = "0199ffff-0000-7000-8000-000000000001"


def filed(running):
    with running.work() as work:
        return filing.file_request(
            work, desk_of(running), person(), Filing(item="repair", place="B2-302", answers={"what": "light"}), "api"
        )


def now(running, request):
    with running.database.read() as connection:
        return store.request_by_id(connection, request.id)


def a_day(request, order=ORDER, round_=1, start=NOON):
    """What dispatch says of one order from opening to finish, with sequences from 1."""
    at = [start + timedelta(minutes=10 * n) for n in range(8)]
    base = {"order_id": order, "request_id": request.id}
    return [
        told.WorkOrderOpened(
            **base, reference=f"{request.reference}-{round_}", request_reference=request.reference, item="repair", priority=2,
            place="B2-302", department="secretariat", opened_at=at[0], response_due_at=at[2], arrival_due_at=at[3],
            finish_due_at=at[7], round=round_,
        ),
        told.WorkOrderAssigned(**base, crew="in-elec-1", crew_name="电工一班", crew_name_en="Electric 1", assigned_at=at[1]),
        told.WorkOrderAccepted(**base, crew="in-elec-1", accepted_at=at[2]),
        told.WorkOrderArrived(**base, crew="in-elec-1", arrived_at=at[3]),
        told.WorkOrderStarted(**base, crew="in-elec-1", started_at=at[4]),
        told.WorkOrderFinished(
            **base, reference=f"{request.reference}-{round_}", request_reference=request.reference, item="repair",
            place="B2-302", department="secretariat", crew="in-elec-1", started_at=at[4], finished_at=at[6], usage=(),
        ),
    ]  # fmt: skip


def play(running, events, dispatch=None):
    dispatch = dispatch or Dispatch(running)
    for sequence, event in events:
        dispatch.say(event, sequence)


def test_a_request_follows_its_order_to_the_end(running):
    request = filed(running)
    dispatch = Dispatch(running)
    states = []
    for sequence, event in enumerate(a_day(request), 1):
        dispatch.say(event, sequence)
        states.append(now(running, request).state)
    assert states == ["filed", "assigned", "assigned", "under_way", "under_way", "to_confirm"]
    found = now(running, request)
    assert found.crew_name == "电工一班"
    assert found.due_at == NOON + timedelta(minutes=70)
    with running.database.read() as connection:
        assert len(store.happenings(connection, request.id)) == 7


def test_every_order_of_arrival_ends_in_the_same_state(quick):
    ends = set()
    dispatch = Dispatch(quick)
    for order in itertools.islice(itertools.permutations(range(6)), 0, 720, 71):
        request = filed(quick)
        events = list(enumerate(a_day(request, order=quick.ids()), 1))
        play(quick, [events[place] for place in order], dispatch)
        found = now(quick, request)
        with quick.database.read() as connection:
            [known] = store.orders(connection, request.id).values()
        ends.add(
            (
                found.state,
                found.crew_name,
                found.due_at,
                found.finished_at,
                known.round,
                known.responded_at,
                known.arrived_at,
            )
        )
    assert len(ends) == 1
    assert next(iter(ends))[0] == "to_confirm"


def test_an_event_that_comes_twice_counts_once(running):
    request = filed(running)
    dispatch = Dispatch(running)
    body = dispatch.envelope(a_day(request)[0], 1)
    assert dispatch.deliver(body).handled == 1
    assert dispatch.deliver(body).known == 1
    with running.database.read() as connection:
        assert len(store.happenings(connection, request.id)) == 2


def test_an_order_of_an_unknown_request_waits(running):
    class Nobody:
        id, reference = "00000000-0000-7000-8000-000000000000", "2026-0101-001"

    assert Dispatch(running).say(a_day(Nobody)[0], 1).waiting == 1


def test_a_refused_order_waits_for_another_crew_and_a_paused_one_stands(quick):
    request = filed(quick)
    dispatch = Dispatch(quick)
    opened, assigned, *_ = a_day(request)
    base = {"order_id": ORDER, "request_id": request.id}
    dispatch.say(opened, 1)
    dispatch.say(assigned, 2)
    dispatch.say(told.WorkOrderRefused(**base, crew="in-elec-1", refused_at=NOON, reason="other"), 3)
    assert now(quick, request).state == "filed"
    dispatch.say(told.WorkOrderPaused(**base, paused_at=NOON, reason="awaiting_parts", by="crew"), 5)
    assert now(quick, request).state == "paused"
    dispatch.say(assigned, 4)  # late: says who, changes no state
    assert now(quick, request).state == "paused"
    dispatch.say(told.WorkOrderResumed(**base, resumed_at=NOON), 6)
    assert now(quick, request).state == "under_way"
    dispatch.say(told.WorkOrderCancelled(**base, cancelled_at=NOON, reason="other"), 7)
    assert now(quick, request).state == "refused"


def test_a_broken_promise_is_told_on_its_page_and_changes_no_state(quick):
    request = filed(quick)
    dispatch = Dispatch(quick)
    dispatch.say(
        told.PromiseBreached(order_id=ORDER, request_id=request.id, promise="arrival", due_at=NOON, noticed_at=NOON), 0
    )
    dispatch.say(a_day(request)[0], 1)
    assert now(quick, request).state == "filed"
    with quick.database.read() as connection:
        assert store.orders(connection, request.id)[ORDER].breached == "arrival"
        assert store.orders(connection, request.id)[ORDER].finish_due_at is not None


def act(running, request, do, *args):
    with running.work() as work:
        do(work, store.request_by_id(work.connection, request.id, lock=True), ("韩冰", "Han Bing"), *args)


def test_what_a_dispatcher_asks_is_on_the_page_and_in_the_bell(quick):
    request = filed(quick)
    before = now(quick, request).state
    event = told.RequesterAsked(order_id=ORDER, request_id=request.id, words="几点有人？", asked_at=NOON)
    Dispatch(quick).say(event, 2)
    with quick.database.read() as connection:
        found = store.happenings(connection, request.id)[0]
        assert (found.what, found.detail) == ("asked", "几点有人？")
        words = connection.exec_driver_sql("SELECT words FROM notice WHERE kind = 'request.asked'").scalar_one()
    assert "几点有人？" in words
    assert now(quick, request).state == before


def test_a_finished_request_is_confirmed_with_stars(running):
    request = filed(running)
    play(running, enumerate(a_day(request), 1))
    act(running, request, following.confirm, 5, ("on_time",), "谢谢")
    assert now(running, request).state == "closed"
    [envelope] = said(running, "requests.request_confirmed")
    assert envelope["sequence"] == 2
    assert (envelope["data"]["stars"], envelope["data"]["tags"], envelope["data"]["words"]) == (5, ["on_time"], "谢谢")


def test_a_reopened_request_follows_its_new_order_alone(running):
    request = filed(running)
    dispatch = Dispatch(running)
    first = list(enumerate(a_day(request), 1))
    play(running, first, dispatch)
    act(running, request, following.reopen, "还在滴")
    assert now(running, request).state == "reopened"
    # A straggler of the first round says nothing about the second.
    dispatch.say(told.WorkOrderStarted(order_id=ORDER, request_id=request.id, crew="in-elec-1", started_at=NOON), 9)
    assert now(running, request).state == "reopened"
    second = a_day(request, order="0199ffff-0000-7000-8000-000000000002", round_=2, start=NOON + timedelta(hours=2))
    dispatch.say(second[0], 1)
    assert now(running, request).state == "reopened"
    dispatch.say(second[1], 2)
    assert now(running, request).state == "assigned"
    assert said(running, "requests.request_reopened")[0]["data"]["times"] == 1


def test_a_withdrawn_request_stays_withdrawn_whatever_comes(quick):
    request = filed(quick)
    act(quick, request, following.withdraw, "mistake")
    play(quick, enumerate(a_day(request), 1))
    assert now(quick, request).state == "withdrawn"
    assert said(quick, "requests.request_withdrawn")[0]["data"]["reason"] == "mistake"


def test_urging_is_counted_and_has_a_pause(quick):
    request = filed(quick)
    act(quick, request, following.urge)
    with pytest.raises(model.UrgedJustNow):
        act(quick, request, following.urge)
    quick.clock.set(NOON + timedelta(minutes=11))
    act(quick, request, following.urge)
    assert [envelope["data"]["times"] for envelope in said(quick, "requests.request_urged")] == [1, 2]


@pytest.mark.parametrize("do", [following.confirm, following.reopen])
def test_what_is_not_finished_cannot_be_confirmed_or_reopened(quick, do):
    request = filed(quick)
    with pytest.raises(model.NotInThisState):
        act(quick, request, do)
    assert now(quick, request).version == 1


def test_own_facts_are_numbered_without_gaps(quick):
    request = filed(quick)
    act(quick, request, following.urge)
    play(quick, enumerate(a_day(request), 1))
    act(quick, request, following.confirm)
    act(quick, request, following.reopen)
    act(quick, request, following.withdraw)
    assert [envelope["sequence"] for envelope in said(quick) if envelope["subject"] == request.id] == [1, 2, 3, 4, 5]


def test_finished_work_that_nobody_answers_is_closed_after_some_days(running):
    request = filed(running)
    play(running, enumerate(a_day(request), 1))
    running.clock.set(NOON + timedelta(days=2))
    with running.work() as work:
        assert following.close_unanswered(work, work.now - timedelta(days=3)) == 0
    running.clock.set(NOON + timedelta(days=4))
    with running.work() as work:
        assert following.close_unanswered(work, work.now - timedelta(days=3)) == 1
    assert now(running, request).state == "closed"
    assert said(running, "requests.request_confirmed")[0]["data"]["stars"] == 0


@given(
    some.lists(
        some.builds(
            Order, order_id=some.sampled_from("ab"), round=some.integers(0, 2),
            happening=some.sampled_from(sorted(model.STATE_BY_HAPPENING)), sequence=some.integers(1, 50),
        ),
        max_size=6, unique_by=lambda order: (order.order_id, order.sequence),
    ),
    some.integers(1, 2),
    some.randoms(),
)  # fmt: skip
def test_a_state_depends_on_the_facts_and_not_on_their_order(orders, round_, chance):
    shuffled = list(orders)
    chance.shuffle(shuffled)
    first = model.state_of(round_, orders, withdrawn=False, closed=False)[0]
    assert first == model.state_of(round_, shuffled, withdrawn=False, closed=False)[0]
    assert first in model.ACTS


def test_what_billing_recorded_stands_on_the_page_and_the_latest_wins(running):
    request = filed(running)
    dispatch = Dispatch(running)
    fact = {
        "fact_id": "f-1", "order_id": ORDER, "request_id": request.id, "contract": "HY-2026-01", "supplier": "HY", "meter": "hours",
        "unit": "h", "service_at": NOON, "recorded_at": NOON,
    }  # fmt: skip
    dispatch.say(UsageRecorded(**fact, quantity=Decimal("1.50"), state="recorded", amount=Decimal("120.00")), 2)
    dispatch.say(UsageRecorded(**fact, quantity=Decimal("9.00"), state="unpriced"), 1)
    with running.database.read() as connection:
        [kept] = store.usage_of(connection, request.id)
    assert (kept.quantity, kept.state, kept.amount) == ("1.50", "recorded", "120.00")
