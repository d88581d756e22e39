"""No line can break the form: every answer is a result or a refusal in words."""

import json
import random

import pytest

from services.billing.pricing.cases import KINDS, answer
from tests.billing.pricing.documented import EXAMPLES

CASES = [example["case"] for example in EXAMPLES]
CASES += [{**case, "kind": "ledger_order"} for case in CASES if case["kind"] == "ledger"]
STRANGE = [
    None, True, False, 0, -1, 1.5, 10**30, "", "0", "-0", "-1", "1e17", "999999999999999999", "1e-40", "NaN", "Infinity", "1e400", "x", "五",
    [], {}, [[]], [None], {"a": None}, [[], []], "2026-02-30", "2026-03-01", "2199-12-31T23:59:59Z", "1900-01-01T00:00:00+14:00", "2026-03", "Asia/Shanghai",
    "half_up", "floor", "graduated_blocks", "time_weighted", "close", "\ud800", "\0", "a" * 5000, ["1"] * 50, {"model": "volume", "tiers": [{}]},
]  # fmt: skip


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


def strange(chance):
    return json.loads(json.dumps(chance.choice(STRANGE)))


def changed(case, chance):
    """``case`` with a few places replaced, removed or doubled."""
    case = json.loads(json.dumps(case))
    for _ in range(chance.randint(1, 3)):
        *way, last = chance.choice([path for path in places(case) if path])
        holder = case
        for step in way:
            holder = holder[step]
        deed = chance.random()
        if deed < 0.2:
            del holder[last]
        elif deed < 0.3 and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[last])))
        elif deed < 0.4 and isinstance(holder, dict):
            holder[chance.choice(["convert", "round", "period", "bands", "fines", "minimum", "from", "to"])] = strange(
                chance
            )
        else:
            holder[last] = strange(chance)
    return case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["kind"])
def test_a_damaged_case_is_answered_or_refused_in_words_and_never_breaks(case):
    chance = random.Random(case["kind"])
    for _ in range(150):
        line = json.dumps(changed(case, chance))
        said = answer(line)
        if "error" in said:
            assert said["error"].keys() == {"code", "message", "field"}
            assert said["error"]["code"]
            assert said["error"]["message"]
            assert len(said["error"]["message"]) < 400
        else:
            assert said.keys() == {"id", "result", "explain"}
        assert "E+" not in json.dumps(said.get("result"))


def test_every_kind_is_damaged():
    assert {case["kind"] for case in CASES} == set(KINDS)


def test_random_bytes_are_refused():
    chance = random.Random(1)
    for _ in range(500):
        said = answer(bytes(chance.randrange(256) for _ in range(chance.randrange(60))))
        assert "error" in said
