"""What metering costs on the wire: counts, which a busy machine cannot move."""

import pytest

from tests.billing.conftest import facts, hours, tell
from tests.wire import counted


@pytest.mark.parametrize("running", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
@pytest.mark.parametrize("count", [1, 40])
def test_from_finished_to_rated_is_four_messages_and_fourteen_a_fact_in_one_commit(running, count):
    """Of the batch: BEGIN, the claim in the inbox, the outbox, COMMIT. Of each fact, because each stands on the total of
    the one before: card, contract, the feed's head (made if absent, then locked), the closed periods, the same fact
    before, the period's total, the budget's use (made if absent, read, written); then total, fact, feed entry, feed head.
    """
    tell(running, [hours(1, "1.5")])
    deliveries = [hours(100 + number, "1.5") for number in range(count)]
    with counted(running.database) as cost:
        assert tell(running, deliveries).handled == count
    assert cost.within(messages=4 + 14 * count, commits=1), cost
    rated = facts(running)
    assert len(rated) == 1 + count
    assert all(each.amount > 0 for each in rated)
