"""The word index is made cheaply and holds what the plain way would; its making never holds up others for long."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit import searching, store, things, wording
from shared import apart
from shared.contracts import REGISTRY
from shared.contracts.base import schema_of
from shared.language import CODES, language
from tests.audit import plain_words
from tests.audit.conftest import EVERYTHING, Voices, a_chain
from tests.people import NOON

GOLDEN = sorted((Path(__file__).parents[1] / "contracts" / "golden").glob("*.json"))
HOSTILE = (
    "", "…—！", "８３０２ＡＢＣ", "2号楼B2-302室空调（外机）漏水", "abc中文def𠀀𰀀x", "한국어ひらがなカタカナ々〇", "naïve Straße ǅ ﬁ x²", "ﷺ" * 90,
    "a_b__c", "e\u0301\u0301", "\u0301x", "مرحبا", "🚰水", "a" * 500, "恒" * 500, "恒", "\ud800x", "\u202eabc", "\x00\x1f中", "Ⅷ", "①层", "㈱㎡",
)  # fmt: skip


def an_entry(type_, data, number=0, **more):
    body = {
        "id": f"0193-{number}", "type": type_, "subject": "order-1", "actor": "account:a1", "data": data, "correlationid": "c-7",
    } | more  # fmt: skip
    leaf = json.dumps(body).encode()
    return store.Entry(
        number, body["id"], type_.partition(".")[0], 1, type_, body["subject"], body["actor"], NOON, NOON, leaf
    )


def same(entry):
    for words in map(language, CODES):
        assert wording.say(entry, words).words == plain_words.sentence(entry, words)
    assert searching.words_of(entry) == plain_words.words_of(entry)


def test_every_field_of_every_event_has_a_word_in_both_languages():
    names = {
        name
        for type_, cls in REGISTRY.items()
        if cls.__module__.startswith("shared.contracts")
        for name in schema_of(cls)().fields
    }
    assert [(code, name) for code in CODES for name in sorted(names) if not language(code).has(f"fact.{name}")] == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_event_is_indexed_as_the_plain_way_would(path):
    name, _, version = path.stem.partition(".v")
    same(an_entry(f"{name}.v{version.partition('.')[0]}", json.loads(path.read_bytes())))


@pytest.mark.parametrize("value", HOSTILE)
def test_texts_of_every_script_are_cut_as_the_plain_way_would(value):
    assert list(searching.tokens(value)) == plain_words.tokens(value)
    assert searching.parts(value) == plain_words.parts(value)
    same(
        an_entry(
            "requests.request_filed.v1", {"summary": value, "item": value, "count": 3, "filter": value}, subject=value
        )
    )
    same(an_entry("nobody.knows_this.v1", [value], actor=value))


@given(st.text(st.characters(exclude_categories=())), st.text("aB9 中文恒_-ｘé"))
def test_any_text_is_cut_as_the_plain_way_would(anything, mixed):
    for text in (anything, mixed, f"{mixed}{anything}"):
        assert list(searching.tokens(text)) == plain_words.tokens(text)
        assert searching.parts(text) == plain_words.parts(text)


_PLAIN_VALUES = st.none() | st.booleans() | st.integers(-5, 10**6) | st.sampled_from(HOSTILE) | st.text(max_size=20)


@given(
    st.sampled_from(["audit.access_noted", "billing.statement_issued", "dispatch.work_order_assigned", "requests.request_filed"]),
    st.dictionaries(
        st.sampled_from(["what", "of", "count", "rows", "filter", "name", "name_en", "item", "amount", "due_at", "usage", "reference",
                         "supplier", "supplier_name", "supplier_name_en", "order_id", "crew", "reason"]),
        _PLAIN_VALUES | st.lists(_PLAIN_VALUES | st.dictionaries(st.sampled_from(["unit", "meter", "quantity"]), _PLAIN_VALUES), max_size=4),
    ),
)  # fmt: skip
def test_any_data_is_said_and_indexed_as_the_plain_way_would(fact, data):
    same(an_entry(f"{fact}.v1", data))


def test_an_entry_with_more_words_than_the_index_takes_keeps_the_first():
    entry = an_entry(
        "requests.request_filed.v1", {"answers": [f"word{n} 词{n}" for n in range(150)], "more": ["水电" * 200] * 30}
    )
    same(entry)
    assert len(searching.words_of(entry)) == searching.MOST_TOKENS


def test_both_indexes_let_others_go_on_between_bounded_slices_outside_every_transaction(quick, monkeypatch):
    voices = Voices()
    chains = [each for n in range(20) for each in a_chain(voices, f"r{n}", f"2026-1125-{n:03}")]
    quick.consumer.deliver(EVERYTHING, chains)
    turns = []

    def others_go_on():
        with quick.database.write() as connection:  # is refused if the index is in a transaction meanwhile
            turns.append(store.count(connection))

    monkeypatch.setattr(apart, "SLICE", 0.0)
    monkeypatch.setattr(apart, "_giving_way", [others_go_on])
    for index in (searching.index, things.index):
        turns.clear()
        assert index(quick) == 140
        assert len(turns) == 140  # a slice of no length ends after each entry
