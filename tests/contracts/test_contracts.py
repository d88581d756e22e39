"""What is on the wire today can still be read tomorrow; the documents say what the code does."""

import json
import types
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Union, get_args, get_origin, get_type_hints

import marshmallow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import REGISTRY, parse
from shared.contracts.base import Envelope, Undecodable, UnknownType, numbered, seal, unseal
from shared.ids import new_id

GOLDEN = Path(__file__).parent / "golden"
OURS = sorted(type_ for type_ in REGISTRY if REGISTRY[type_].__module__.startswith("shared.contracts"))
AT = datetime(2026, 11, 24, 2, 35, tzinfo=UTC)


def a_value(hint, name):
    if get_origin(hint) in {Union, types.UnionType}:
        return a_value(next(each for each in get_args(hint) if each is not type(None)), name)
    if get_origin(hint) is tuple:
        return (a_value(get_args(hint)[0], name),)
    if is_dataclass(hint):
        return an_example(hint)
    return {str: f"{name}-1", int: 2, bool: True, datetime: AT, date: AT.date(), Decimal: Decimal("12.50")}[hint]


def an_example(cls):
    hints = get_type_hints(cls)
    return cls(**{field.name: a_value(hints[field.name], field.name) for field in fields(cls)})


def an_envelope(event, **options):
    return Envelope(id=new_id(), source=event.TYPE.partition(".")[0], type=event.TYPE, subject=event.subject, time=AT,
                    data=event.data(), **options)  # fmt: skip


@pytest.mark.parametrize("type_", OURS)
def test_every_version_ever_published_still_reads(type_):
    paths = sorted(GOLDEN.glob(f"{type_}*.json"), key=lambda path: (len(path.name), path.name))
    assert paths, f"no golden file for {type_}: python -m tests.contracts.golden writes the missing ones"
    for path in paths:
        kept = json.loads(path.read_text("utf-8"))
        event = parse(type_, kept)
        assert event.data() | kept == event.data()


@pytest.mark.parametrize("type_", OURS)
def test_the_newest_golden_file_has_every_field(type_):
    newest = sorted(GOLDEN.glob(f"{type_}*.json"), key=lambda path: (len(path.name), path.name))[-1]
    assert set(json.loads(newest.read_text("utf-8"))) == {field.name for field in fields(REGISTRY[type_])}


@pytest.mark.parametrize("type_", OURS)
def test_what_is_written_is_read_back_equal(type_):
    event = an_example(REGISTRY[type_])
    assert parse(type_, json.loads(json.dumps(event.data()))) == event


@pytest.mark.parametrize("type_", OURS)
def test_a_missing_required_field_is_refused_by_name(type_):
    cls = REGISTRY[type_]
    required = [field.name for field in fields(cls) if field.name == cls.SUBJECT]
    data = an_example(cls).data()
    del data[required[0]]
    with pytest.raises(marshmallow.ValidationError) as refusal:
        parse(type_, data)
    assert required[0] in refusal.value.messages


@pytest.mark.parametrize("type_", OURS)
def test_personal_fields_exist_and_every_type_is_named_for_its_service(type_):
    cls = REGISTRY[type_]
    names = {field.name for field in fields(cls)}
    assert set(getattr(cls, "PERSONAL", ())) <= names
    assert cls.SUBJECT in names
    service, fact, version = type_.split(".")
    assert service == cls.__module__.rpartition(".")[2]
    assert version.removeprefix("v").isdigit()
    assert cls.__doc__ and "Consumers:" in cls.__doc__


def test_fields_of_a_later_version_are_ignored():
    event = an_example(REGISTRY["requests.request_urged.v1"])
    assert parse(event.TYPE, event.data() | {"since_2027": [1, 2]}) == event


def test_an_unknown_type_is_said_to_be_unknown():
    with pytest.raises(UnknownType):
        parse("requests.request_teleported.v9", {})


def test_the_public_sdk_reads_what_we_publish():
    from cloudevents.v1.http import from_json

    for type_ in OURS:
        event = an_example(REGISTRY[type_])
        body = numbered(seal(an_envelope(event, sequence=3)), 1, 7, 5)
        read = from_json(body)
        assert (read["type"], read["specversion"], read["sourcenumber"]) == (type_, "1.0", 7)
        assert read.data == event.data()


def test_an_envelope_is_read_back_equal():
    event = an_example(REGISTRY["dispatch.work_order_finished.v1"])
    envelope = an_envelope(event, sequence=4, correlationid="c", causationid="d", actor="crew:x", traceparent="00-1")
    read = unseal(numbered(seal(envelope), 2, 9, 8))
    assert read.data == event.data()
    assert (read.sourceepoch, read.sourcenumber, read.typenumber, read.sequence) == (2, 9, 8, 4)
    assert (read.id, read.time, read.causationid, read.actor) == (envelope.id, AT, "d", "crew:x")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_bytes_that_are_no_envelope_are_said_to_be_none(body):
    with pytest.raises(Undecodable):
        unseal(body)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)))  # fmt: skip
def test_json_of_any_shape_is_an_envelope_or_said_to_be_none(value):
    good = {"specversion": "1.0", "id": "1", "source": "requests", "type": "x", "subject": "s",
            "time": "2026-11-24T00:00:00Z", "data": {}}  # fmt: skip
    for name in (*good, "sequence", "sourcenumber"):
        try:
            unseal(json.dumps(good | {name: value}))
        except Undecodable:
            continue


@pytest.mark.parametrize("name", ["asyncapi.json", "events.md", "settings.md"])
def test_the_documents_are_what_the_code_generates(name):
    from deploy.docs import PAGES, REFERENCE

    assert (REFERENCE / name).read_text("utf-8") == PAGES[name](), "run make docs"
