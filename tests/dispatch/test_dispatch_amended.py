"""What a requester changes after filing reaches the order, its crew and the dispatcher."""

import itertools

import pytest

from shared.contracts.requests import Answer, RequestAmended, RequestJoined, RequestLeft
from tests.dispatch.world import HEJING, NOON, WANG, a_request, reopened

REF = "2026-1125-087-1"


def amended(request, **changes):
    given = {
        "request_id": request.request_id, "amended_at": NOON, "parts": ("place", "answers"), "place": "B2-303", "building": "2",
        "floor": "3", "room": "303", "summary": "空调：换到303", "answers": (Answer(name="什么坏了", value="空调"),),
        "contact": "8303", "skills": ("hvac",), "photos": ("ab" * 32,),
    }  # fmt: skip
    return RequestAmended(**(given | changes))


def joined(request, n):
    return RequestJoined(request_id=request.request_id, account="account-sunli", joined_at=NOON, joined=n)


def left(request, n, **more):
    return RequestLeft(request_id=request.request_id, account="account-hanbing", left_at=NOON, joined=n, **more)


def test_the_order_holds_what_is_asked_for_now_and_is_marked(world):
    request = world.file()
    world.hear(amended(request), sequence=2)
    order = world.order(REF)
    assert (order.place, order.room, order.summary, order.contact) == ("B2-303", "303", "空调：换到303", "8303")
    assert (order.answers, order.photos, order.amended_at) == ([["什么坏了", "空调"]], ["ab" * 32], NOON)
    page = world.client(HEJING).get(f"/dispatch/orders/{REF}").text
    assert "改过" in page
    assert f"/requests/1125-087/photos/{'ab' * 32}" in page
    assert "改过" in world.client(HEJING).get("/dispatch/").text
    assert "改过" in world.client(WANG).get(f"/dispatch/crew/{REF}").text


def test_whatever_order_events_come_in_the_latest_counts(quick):
    ends = set()
    for number, order in enumerate(itertools.permutations(range(4)), 100):
        request = a_request(number)
        quick.file(number)
        events = [
            amended(request, summary="一"), joined(request, 2), amended(request, summary="二", contact="8304"),
            left(request, 1, requester="account-sunli", contact="8305"),
        ]  # fmt: skip
        for place in order:
            quick.hear(events[place], sequence=place + 2)
        found = quick.order(f"{request.reference}-1")
        ends.add((found.summary, found.contact, found.joined, found.amended))
    assert ends == {("二", "8305", 1, 5)}


def test_hearing_it_twice_changes_nothing(quick):
    request = quick.file()
    quick.hear(amended(request), sequence=2)
    version = quick.order(REF).version
    quick.hear(amended(request), sequence=2)
    assert quick.order(REF).version == version


def test_promises_stay_unless_the_appointment_moves(quick):
    from datetime import timedelta

    request = quick.file()
    due = quick.order(REF).due()
    quick.hear(amended(request), sequence=2)
    assert quick.order(REF).due() == due
    later = NOON + timedelta(days=2)
    quick.hear(amended(request, starts_at=later), sequence=3)
    assert quick.order(REF).arrival_due_at <= later
    assert quick.order(REF).arrival_due_at > due["arrival"]


def test_a_further_round_begins_with_what_was_changed(quick):
    request = quick.file()
    quick.hear(amended(request), sequence=2)
    for act in ("accept", "arrive", "start"):
        quick.do(act)
    quick.finish(REF) if hasattr(quick, "finish") else quick.do("finish", usage=[])
    quick.hear(reopened(request), sequence=4)
    again = quick.order("2026-1125-087-2")
    assert (again.room, again.contact, again.photos) == ("303", "8303", ["ab" * 32])


def test_who_asks_together_is_shown_in_the_queue(quick):
    request = quick.file()
    quick.hear(joined(request, 3), sequence=2)
    assert quick.order(REF).joined == 3
    assert "3" in quick.client(HEJING).get("/dispatch/").text.partition('class="also"')[2][:40]


@pytest.mark.parametrize("event", [amended, lambda request: joined(request, 2)])
def test_it_waits_for_the_filing(quick, event):
    quick.hear(event(a_request(999)), sequence=2)
    assert len(quick.waiting()) == 1
