"""What the log's taking of a batch costs on the wire: counts, which a busy machine cannot move."""

import pytest

from tests.audit.conftest import EVERYTHING, Voices, a_chain, tell
from tests.wire import counted


@pytest.mark.parametrize("running", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
@pytest.mark.parametrize("count", [1, 40])
def test_a_batch_is_taken_with_nine_messages_and_one_commit_for_one_or_forty(running, count):
    """BEGIN; the claim in the inbox; the log's head, locked; which events are known; entries; the vault; tiles; the new
    head; COMMIT.
    """
    voices = Voices()
    tell(running, a_chain(voices, "r0"))
    deliveries = [each for number in range(1, 7) for each in a_chain(voices, f"r{number}")][:count]
    with counted(running.database) as cost:
        assert running.consumer.deliver(EVERYTHING, deliveries).handled == count
    assert cost.within(messages=9, commits=1), cost
