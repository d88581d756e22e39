"""What assigning costs on the wire: counts, which a busy machine cannot move."""

import pytest

from tests.dispatch.world import HEJING, a_request
from tests.wire import counted

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("count", [1, 40])
def test_from_filed_to_assigned_is_six_messages_and_one_commit_for_one_or_forty(on_postgres, count):
    """BEGIN; the claim in the inbox; which of the requests are known; the crews' loads; all writes; COMMIT."""
    on_postgres.file(1)
    deliveries = [on_postgres.delivery(a_request(100 + number)) for number in range(count)]
    with counted(on_postgres.running.database) as cost:
        assert on_postgres.take(deliveries).handled == count
    assert cost.within(messages=6, commits=1), cost
    assert all(on_postgres.order(f"2026-1125-{100 + number}-1").crew for number in range(count))


def test_a_dispatchers_assign_by_api_is_five_messages_and_one_commit(on_postgres):
    """BEGIN; the order, locked; the crews' loads; all writes; COMMIT."""
    dispatcher = on_postgres.client(HEJING)
    for number in (1, 2):  # the first warms caches and opens the pool's connections
        on_postgres.file(number)
        one = f"/dispatch/api/orders/2026-1125-{number:03}-1"
        seen = dispatcher.get(one).json["version"]
        with counted(on_postgres.running.database) as cost:
            answer = dispatcher.post(f"{one}/assign", {"crew": "hy-air-1", "version": seen})
        assert answer.status_code == 200
    assert on_postgres.order("2026-1125-002-1").crew == "hy-air-1"
    assert cost.within(messages=5, commits=1), cost
