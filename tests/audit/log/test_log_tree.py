"""Tree arithmetic against the vectors of transparency-dev/merkle and against RFC 6962 written out recursively."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log.errors import Malformed, Unproven
from services.audit.log.tree import (
    EMPTY_EDGE,
    EMPTY_ROOT,
    Edge,
    check_consistency,
    check_inclusion,
    check_subtree_consistency,
    check_subtree_inclusion,
    extend,
    is_subtree,
    leaf_hash,
    leaf_hashes,
    perfect,
    root_of,
    subtree_path,
)
from tests.audit.a_log import ALog, mth, path, proof, some_leaves

VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle-rfc6962.json").read_text("utf-8"))


def raw(text):
    return base64.b64decode(text or "")


def hashes(case):
    return [raw(each) for each in case["proof"] or []]


def accepts(check, *arguments):
    try:
        check(*arguments)
    except Unproven:
        return False
    return True


def test_every_leaf_of_the_vectors_has_its_hash():
    for case in VECTORS["leaves"]:
        assert leaf_hash(bytes.fromhex(case["data_hex"])) == raw(case["leaf_hash"])


def test_every_prefix_of_the_vectors_has_its_root():
    leaves = [bytes.fromhex(case["data_hex"]) for case in VECTORS["leaves"]]
    for case in VECTORS["roots"]:
        assert root_of(leaf_hashes(leaves[: case["size"]])) == raw(case["root"])
        assert ALog(*leaves[: case["size"]]).tree().root() == raw(case["root"])


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: case["name"])
def test_an_inclusion_vector_is_judged_right(case):
    arguments = (raw(case["leafHash"]), case["leafIdx"], case["treeSize"], hashes(case), raw(case["root"]))
    assert accepts(check_inclusion, *arguments) is not case["wantErr"]


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: case["name"])
def test_a_consistency_vector_is_judged_right(case):
    arguments = (case["size1"], case["size2"], raw(case["root1"]), raw(case["root2"]), hashes(case))
    assert accepts(check_consistency, *arguments) is not case["wantErr"]


@pytest.mark.parametrize("case", VECTORS["subtree_inclusion"], ids=lambda case: case["name"])
def test_a_subtree_inclusion_vector_is_judged_right(case):
    arguments = (raw(case["leafHash"]), case["leafIdx"], case["start"], case["end"], hashes(case), raw(case["root"]))
    assert accepts(check_subtree_inclusion, *arguments) is not case["wantErr"]


@pytest.mark.parametrize("case", VECTORS["subtree_consistency"], ids=lambda case: case["name"])
def test_a_subtree_consistency_vector_is_judged_right(case):
    roots = (raw(case["root1"]), raw(case["root2"]))
    arguments = (case["start"], case["end"], case["size"], *roots, hashes(case))
    assert accepts(check_subtree_consistency, *arguments) is not case["wantErr"]


def test_every_proof_of_a_small_tree_is_the_one_of_the_rfc_and_verifies():
    for size in range(1, 18):
        leaves = some_leaves(size)
        tree, root = ALog(*leaves).tree(), mth(leaves)
        for index in range(size):
            assert tree.inclusion_proof(index) == path(index, leaves)
            check_inclusion(leaf_hash(leaves[index]), index, size, path(index, leaves), root)
            assert tree.consistency_proof(index + 1) == proof(index + 1, leaves)
            check_consistency(index + 1, size, mth(leaves[: index + 1]), root, proof(index + 1, leaves))


def test_every_subtree_of_a_small_tree_is_proven():
    leaves = some_leaves(23)
    tree, root = ALog(*leaves).tree(), mth(leaves)
    for start in range(23):
        for end in range(start, 24):
            if is_subtree(start, end):
                check_subtree_consistency(start, end, 23, mth(leaves[start:end]), root, tree.subtree_proof(start, end))
            else:
                with pytest.raises(Unproven):
                    subtree_path(start, end, 23)


@settings(max_examples=30)
@given(st.integers(0, 700), st.lists(st.integers(0, 300), max_size=6), st.randoms(use_true_random=False))
def test_a_log_grown_in_any_batches_is_the_tree_of_its_leaves(first, batches, random):
    log = ALog(*some_leaves(first))
    for number, count in enumerate(batches):
        log.add(*some_leaves(count, b"batch %d" % number))
    leaves = log.entries
    assert log.state.head.root == mth(leaves) == log.tree().root()
    if leaves:
        index, old = random.randrange(len(leaves)), random.randint(1, len(leaves))
        assert log.tree().inclusion_proof(index) == path(index, leaves)
        assert log.tree().consistency_proof(old) == proof(old, leaves)
        assert log.tree(old).root() == mth(leaves[:old])
        assert log.tree().leaf_hash(index) == leaf_hash(leaves[index])
        assert log.tree().leaf_and_proof(index) == (leaf_hash(leaves[index]), path(index, leaves))


@settings(max_examples=40)
@given(st.integers(2, 400), st.randoms(use_true_random=False))
def test_no_bit_of_a_proof_can_change(size, random):
    leaves = some_leaves(size)
    index, old = random.randrange(size), random.randint(1, size - 1)
    included, consistent = path(index, leaves), proof(old, leaves)
    for kept, check in (
        (included, lambda each: check_inclusion(leaf_hash(leaves[index]), index, size, each, mth(leaves))),
        (consistent, lambda each: check_consistency(old, size, mth(leaves[:old]), mth(leaves), each)),
    ):
        check(kept)
        step = random.randrange(len(kept))
        flipped = bytearray(kept[step])
        flipped[random.randrange(32)] ^= 1 << random.randrange(8)
        for wrong in (
            [*kept[:step], bytes(flipped), *kept[step + 1 :]],
            kept[:-1],
            [*kept, bytes(32)],
            [*kept[::-1], b""],
        ):
            assert not accepts(check, wrong)


def test_a_proof_of_another_place_is_refused():
    leaves = some_leaves(29)
    for index in range(29):
        for other in range(29):
            wrong = accepts(check_inclusion, leaf_hash(leaves[index]), other, 29, path(index, leaves), mth(leaves))
            assert wrong is (index == other)


def test_nothing_follows_from_an_empty_tree_but_itself():
    check_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not accepts(check_consistency, 0, 3, EMPTY_ROOT, mth(some_leaves(3)), [])
    assert not accepts(check_consistency, 3, 2, mth(some_leaves(3)), mth(some_leaves(2)), [])


def test_an_edge_has_a_peak_for_each_bit_of_its_size():
    edge = EMPTY_EDGE
    for size in range(1, 70):
        edge = extend(edge, [leaf_hash(b"x")]).edge
        assert len(edge.peaks) == size.bit_count()
    with pytest.raises(Malformed):
        Edge(3, (bytes(32),))


@given(st.integers(0, 2**40), st.integers(0, 2**20))
def test_a_range_is_covered_by_perfect_subtrees_without_gap(start, length):
    at = start
    for height, index in perfect(start, start + length):
        assert index << height == at
        at += 1 << height
    assert at == start + length
