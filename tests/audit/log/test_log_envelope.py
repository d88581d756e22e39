"""What an entry holds, and what it keeps to itself."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log.envelope import Opening, canonical, check_opening, read_leaf, seal_event, seal_text
from services.audit.log.errors import LeafRefused, Malformed, Unproven

EVENT = {
    "id": "0197", "source": "requests", "type": "requests.request_opened.v1", "time": "2026-11-23T08:00:00Z",
    "data": {"item": "water.18l", "contact": {"name": "张三", "phone": "13800001234"}, "people": [{"name": "李四"}, {"name": "王五"}],
             "names": ["a", None, "b"]},
}  # fmt: skip
PERSONAL = ("/data/contact/phone", "/data/people/*/name", "/data/names/*", "/data/absent/name", "/data/item/name")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=30)
@given(json_values)
def test_the_canonical_form_is_that_of_rfc8785(value):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [2**53, -(2**53), float("nan"), float("inf"), "\ud800", {"\udfff": 1}, {1: 2}, {"x": b"bytes"}, {"x": {1, 2}}],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(LeafRefused):
        canonical(value)


def test_nesting_without_end_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(LeafRefused):
        canonical(value)


def test_personal_fields_leave_commitments_and_nothing_else():
    sealed = seal_event(EVENT, PERSONAL)
    text = sealed.leaf.decode()
    for value in ("13800001234", "李四", "王五"):
        assert value not in text
    envelope = read_leaf(sealed.leaf)
    assert envelope["data"] == {
        "item": "water.18l", "contact": {"name": "张三"}, "people": [{}, {}], "names": [None, None, None],
    }  # fmt: skip
    assert {each.field: each.value for each in sealed.openings} == {
        "/data/contact/phone": "13800001234",
        "/data/people/0/name": "李四",
        "/data/people/1/name": "王五",
        "/data/names/0": "a",
        "/data/names/2": "b",
    }
    assert set(envelope["commitments"]) == {each.field for each in sealed.openings}
    for opening in sealed.openings:
        check_opening(envelope, opening)


@settings(max_examples=60)
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), json_values, max_size=4), st.booleans())
def test_what_came_over_the_wire_is_sealed_as_the_event_it_states(data, escaped):
    event = EVENT | {"data": data}
    body = json.dumps(event, ensure_ascii=escaped).encode()
    assert seal_text(body).leaf == seal_event(json.loads(body)).leaf == rfc8785.dumps(json.loads(body) | {"v": 1})


@pytest.mark.parametrize(
    "data",
    [{"\ue000": 1, "😀": 2}, {"x": '\ud83d\ude00 \u0000 \u007f \u2028 "\\ /'}, {"n": [1e3, 1.0, -0.0, 9007199254740991, 123456789012345]}],
)  # fmt: skip
def test_text_whose_order_or_numbers_differ_from_the_standard_encoder_is_sealed_by_rfc8785(data):
    body = json.dumps(EVENT | {"data": data}).encode()
    assert seal_text(body).leaf == rfc8785.dumps(json.loads(body) | {"v": 1})


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"id":', b"[" * 100_000, json.dumps(EVENT | {"data": {"x": "\ud800"}}).encode(),
                                  json.dumps(EVENT | {"data": {"x": 2**53}}).encode(), json.dumps(EVENT | {"data": []}).encode()])  # fmt: skip
def test_a_body_that_cannot_be_an_entry_is_refused(body):
    with pytest.raises(LeafRefused):
        seal_text(body)


def test_personal_fields_are_taken_out_of_a_body_too():
    sealed = seal_text(json.dumps(EVENT).encode(), PERSONAL)
    plain = seal_event(EVENT, PERSONAL)
    assert [(each.field, each.value) for each in sealed.openings] == [
        (each.field, each.value) for each in plain.openings
    ]
    entries = [read_leaf(each.leaf) for each in (sealed, plain)]
    for entry, made in zip(entries, (sealed, plain), strict=True):
        for opening in made.openings:
            check_opening(entry, opening)
    assert entries[0]["data"] == entries[1]["data"]


def test_the_event_itself_is_left_as_it_was():
    before = json.dumps(EVENT)
    seal_event(EVENT, PERSONAL)
    assert json.dumps(EVENT) == before


def test_equal_values_have_unequal_commitments():
    first, second = (read_leaf(seal_event(EVENT, PERSONAL).leaf)["commitments"] for _ in range(2))
    assert not set(first.values()) & set(second.values())
    assert len(set(first.values())) == len(first)


def test_only_the_value_field_and_salt_that_were_sealed_open_a_commitment():
    sealed = seal_event(EVENT, PERSONAL)
    envelope, opening = read_leaf(sealed.leaf), sealed.openings[0]
    for wrong in (
        Opening(opening.field, opening.salt, "13800001235"),
        Opening(opening.field, bytes(32), opening.value),
        Opening(opening.field, opening.salt[:-1], opening.value),
        Opening("/data/people/0/name", opening.salt, opening.value),
        Opening("/data/none", opening.salt, opening.value),
    ):
        with pytest.raises(Unproven):
            check_opening(envelope, wrong)


def test_a_commitment_is_the_one_that_the_reference_states():
    opening = Opening("/data/phone", bytes(range(32)), "13800001234")
    # printf '["/data/phone","13800001234"]' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
    assert opening.commitment == "3dcb242e7e1d66b646c75006b9a8880616035ea55e8808e650380af5f1046d48"


@pytest.mark.parametrize(
    "event",
    [
        {},
        {**EVENT, "id": ""},
        {**EVENT, "id": 5},
        {**EVENT, "data": []},
        {**EVENT, "commitments": {}},
        {**EVENT, "v": 2},
        {**EVENT, "data": {"x": "\ud800"}},
        {**EVENT, "data": {"x": 1e999}},
        {**EVENT, "data": {"x": "x" * 65_535}},
    ],
)
def test_an_event_that_cannot_be_an_entry_is_refused(event):
    with pytest.raises(LeafRefused):
        seal_event(event)


@pytest.mark.parametrize("pattern", ["data/x", "/id", "/data", "", "/commitments/x"])
def test_only_places_in_the_data_can_be_personal(pattern):
    with pytest.raises(LeafRefused):
        seal_event(EVENT, [pattern])


def test_a_leaf_of_exactly_65535_bytes_is_an_entry():
    room = 65_535 - len(seal_event({**EVENT, "data": {"x": ""}}).leaf)
    assert len(seal_event({**EVENT, "data": {"x": "y" * room}}).leaf) == 65_535
    with pytest.raises(LeafRefused):
        seal_event({**EVENT, "data": {"x": "y" * (room + 1)}})


@pytest.mark.parametrize(
    "leaf", [b"", b"{", b"[]", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":NaN}', b"\xff"]
)
def test_what_is_not_canonical_is_not_read_as_a_leaf(leaf):
    with pytest.raises(Malformed):
        read_leaf(leaf)


def test_names_with_slashes_and_tildes_are_places_too():
    sealed = seal_event({**EVENT, "data": {"a/b": {"~": "secret"}}}, ["/data/a~1b/~0"])
    assert sealed.openings[0].field == "/data/a~1b/~0"
    assert b"secret" not in sealed.leaf
