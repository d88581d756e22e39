"""Thousands of histories of one hop; five planted bugs that they must find."""

import os

import pytest

from tests.simulation.world import CRASHED, HIT, MUTANTS, World

HISTORIES = int(os.environ.get("HOUQIN_TEST_HISTORIES", "1000"))
FIRST = int(os.environ.get("HOUQIN_TEST_SEED", "1"))


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_comes_twice_in_any_history():
    for seed in range(FIRST, FIRST + HISTORIES):
        World(seed).run()
    assert {"handler.before_commit", "handler.after_commit", "relay.numbered", "relay.published", "relay.confirmed",
            "relay.marked", "consumer.claimed", "consumer.before_commit", "consumer.before_ack", "consumer.acked"} <= HIT  # fmt: skip
    assert CRASHED >= HIT - {"relay.before_numbering"}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_planted_bug_is_found(mutant):
    for seed in range(1, 400):
        try:
            World(seed, mutant).run()
        except AssertionError:
            return
    pytest.fail(f"{mutant} was not found in 400 histories")


def test_the_same_seed_gives_the_same_history():
    first, second = World(7).run(), World(7).run()
    assert first.trace.hexdigest() == second.trace.hexdigest()
    assert first.publishes == second.publishes
