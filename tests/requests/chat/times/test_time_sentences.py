"""The office sentences, both halves."""

from pathlib import Path

import pytest

from benchmarks.times import DATA, cases, read, right


def _share_right(path: Path) -> float:
    suite = cases(path)
    return sum(right(case, read(case)) for case in suite) / len(suite)


@pytest.mark.parametrize("case", cases(DATA / "dev_zh.txt") + cases(DATA / "dev_en.txt"), ids=lambda case: case.text)
def test_a_sentence_to_develop_with_is_read_as_written_beside_it(case):
    got = read(case)
    assert right(case, got), got


@pytest.mark.parametrize(("name", "least"), [("test_zh.txt", 0.95), ("test_en.txt", 0.92)])
def test_unseen_sentences_reach_the_goal(name, least):
    assert _share_right(DATA / name) >= least


def test_each_language_has_three_hundred_sentences_and_none_twice():
    for language in ("zh", "en"):
        halves = [cases(DATA / f"{half}_{language}.txt") for half in ("dev", "test")]
        said = [(case.text, case.reference) for half in halves for case in half]
        assert len(said) >= 300
        assert len(set(said)) == len(said)
