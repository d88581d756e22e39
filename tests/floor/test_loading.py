"""Loading what is right is quick and the same; what is wrong is marshmallow's to say."""

import json
import re
from pathlib import Path

import marshmallow
import pytest
from marshmallow import EXCLUDE, RAISE, Schema, fields

from shared.contracts.base import REGISTRY, schema_of
from shared.loading import Reader

GOLDEN = sorted(Path(__file__).parents[1].glob("contracts/golden/*.json"))


class Thing(Schema):
    name = fields.String(required=True)
    count = fields.Integer(load_default=3)
    tags = fields.List(fields.String(), load_default=list)
    note = fields.String(data_key="remark", allow_none=True)
    id = fields.String(dump_only=True)


class Ruled(Schema):
    count = fields.Integer()

    @marshmallow.post_load
    def double(self, data, **_):
        return {"count": data["count"] * 2}


def outcome(loads, data):
    try:
        return loads.load(data)
    except marshmallow.ValidationError as error:
        return "refused", error.messages


@pytest.mark.parametrize("unknown", [RAISE, EXCLUDE])
@pytest.mark.parametrize(
    "data",
    [
        {"name": "a"},
        {"name": "a", "count": "4", "tags": ["x"], "remark": None},
        {"name": "a", "count": "four"},
        {"count": 1},
        {"name": None},
        {"name": "a", "more": 1},
        {"name": "a", "id": "7"},
        {"name": 7, "tags": "x", "more": 1},
        [],
        None,
    ],
)
def test_it_loads_and_refuses_as_marshmallow_does(data, unknown):
    schema = Thing(unknown=unknown)
    assert outcome(Reader(schema), data) == outcome(schema, data)


def test_a_default_is_made_anew_each_time():
    reader = Reader(Thing())
    reader.load({"name": "a"})["tags"].append("left over")
    assert reader.load({"name": "b"})["tags"] == []


def test_a_schema_with_a_rule_of_its_own_keeps_it():
    assert Reader(Ruled()).load({"count": 2}) == {"count": 4}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_published_event_loads_the_same(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    schema = schema_of(REGISTRY[re.match(r"(.+\.v\d+)", path.stem)[1]])(unknown=EXCLUDE)
    assert Reader(schema).load(data) == schema.load(data)
