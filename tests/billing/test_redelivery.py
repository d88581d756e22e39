"""Each fact one to five times, shuffled, and the process killed: the statements are those of every fact once, to the fen.

The whole of it, with 100,000 facts on PostgreSQL, is ``python -m benchmarks.redelivery``.
"""

import argparse

import pytest

from benchmarks import redelivery
from tests.conftest import scratch_postgres


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_statements_are_identical_whatever_is_delivered_again_and_whenever_it_is_killed(tmp_path, kind):
    asked = argparse.Namespace(facts=400, contracts=3, kills=1, seed=7)
    drops = []
    if kind == "sqlite":
        urls = (f"sqlite:///{tmp_path / 'once.db'}", f"sqlite:///{tmp_path / 'again.db'}")
    else:
        (once, drop_once), (again, drop_again) = scratch_postgres(), scratch_postgres()
        urls, drops = (once, again), [drop_once, drop_again]
    said = redelivery.compared(urls, tmp_path, asked)
    assert "killed 1 times" in said
    assert "3 statements identical" in said
    for drop in drops:
        drop()
