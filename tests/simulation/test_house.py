"""Hundreds of histories of the four real services; five planted bugs that they must find."""

import os
from pathlib import Path

import pytest

from shared.faults import POINTS
from tests.simulation import house, world

HISTORIES = int(os.environ.get("HOUQIN_TEST_HOUSES", "120"))
FIRST = int(os.environ.get("HOUQIN_TEST_SEED", "1"))
REGRESSIONS = Path(__file__).with_name("regressions.txt")


@pytest.mark.slow
def test_every_request_has_its_order_its_fact_and_its_entries_in_any_history():
    print(f"HOUQIN_TEST_SEED={FIRST}")
    for seed in range(FIRST, FIRST + HISTORIES):
        house.House(seed).run()
    assert house.HIT == set(POINTS), "a fault point is passed by no history"
    assert house.CRASHED == set(POINTS), "no history has died at a fault point"


@pytest.mark.slow
@pytest.mark.parametrize("mutant", house.MUTANTS)
def test_a_planted_bug_of_the_house_is_found(mutant):
    for seed in range(1, 80):
        try:
            house.House(seed, mutant).run()
        except AssertionError:
            return
    pytest.fail(f"{mutant} was not found in 80 histories")


def test_the_same_seed_gives_the_same_history_of_the_house():
    first, second = house.House(5).run(), house.House(5).run()
    assert first.trace.hexdigest() == second.trace.hexdigest()
    assert house.House(6).run().trace.hexdigest() != first.trace.hexdigest()


def test_what_once_found_a_bug_passes():
    lines = [line.split(None, 3) for line in REGRESSIONS.read_text().splitlines() if line and line[0] != "#"]
    assert lines
    for kind, seed, steps, _ in lines:
        {"house": house.House, "hop": world.World}[kind](int(seed)).run(int(steps))
