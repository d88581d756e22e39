"""The checking form against a second, slow computation that shares nothing with it: hundredth by hundredth, block by block."""

import json
import random
from fractions import Fraction

import pytest

from services.billing.pricing.cases import answer

F = Fraction


def rounded(value, rounding):
    """By comparing with the two neighbours, not by arithmetic on digits."""
    if rounding is None:
        return value
    unit = F(10) ** -rounding["digits"]
    below = unit * (value // unit)
    if value == below:
        return value
    above, mode = below + unit, rounding["mode"]
    if mode == "floor":
        return below
    if mode == "ceiling":
        return above
    if value - below != above - value:
        return below if value - below < above - value else above
    if mode == "half_up":
        return above if value > 0 else below
    return below if (below / unit) % 2 == 0 else above


def tier_of(tiers, hundredth):
    """The number of the tier in which the hundredth after ``hundredth`` of them lies."""
    return next(i for i, tier in enumerate(tiers) if tier["up_to"] is None or hundredth < F(tier["up_to"]) * 100)


def walked(tiers, q, name, scale):
    counts = [0] * len(tiers)
    for hundredth in range(int(q * 100)):
        counts[tier_of(tiers, hundredth)] += 1
    entered = [i for i, count in enumerate(counts) if count or i == 0]
    money = sum(F(count, 100) * F(tiers[i].get(name, "0")) * scale for i, count in enumerate(counts))
    return money + sum(F(tiers[i].get("flat_fee", "0")) for i in entered)


def started(q, size):
    blocks = 0
    while q > 0:
        blocks, q = blocks + 1, q - size
    return blocks


def blocks_of(tiers, q):
    """(tier, blocks taken in it) one block after the other; the last entry is the tier that held the rest, if one did."""
    taken, rest = [], q
    for number, tier in enumerate(tiers):
        size, most, count = F(tier["block_size"]), tier["max_blocks"], 0
        while rest > 0 and (most is None or count < int(most)):
            rest, count = rest - size, count + 1
        taken.append((number, count))
        if rest <= 0:
            return taken
    return taken


def price_of(price, q):
    model, tiers = price["model"], price.get("tiers", [])
    if model == "flat":
        return F(price["amount"])
    if model == "per_unit":
        return q * F(price["unit_price"])
    if model == "multiplier":
        return q * F(price["multiplier"])
    if model == "package":
        return started(q - F(price["free_units"]), F(price["size"])) * F(price["price"])
    if model == "graduated":
        return walked(tiers, q, "unit_price", 1)
    if model == "graduated_percentage":
        return walked(tiers, q, "rate_pct", F(1, 100))
    if model == "volume":
        tier = tiers[tier_of(tiers, q * 100 - F(1, 2)) if q else 0]
        return q * F(tier.get("unit_price", "0")) + F(tier.get("flat_fee", "0"))
    taken = blocks_of(tiers, q)
    if model == "graduated_blocks":
        return sum(count * F(tiers[number]["block_price"]) for number, count in taken)
    last = tiers[taken[-1][0]]
    return started(q, F(last["block_size"])) * F(last["block_price"])


def net(params, q, rounding):
    if "convert" in params:
        how = params["convert"]
        q = q * F(how["factor"]) if how["op"] == "multiply" else q / F(how["factor"])
        q = rounded(q, how.get("round"))
    q = max(F(0), q - F(params.get("free_quantity", "0")))
    amount = rounded(price_of(params["price"], q), rounding)
    amount = rounded(amount - amount * F(params.get("discount_pct", "0")) / 100, rounding)
    return min(amount, F(params["maximum"])) if "maximum" in params else amount


def number(chance, most, places=2):
    return f"{F(chance.randint(0, most * 10**places), 10**places).__float__():.{places}f}"


def a_price(chance, model):
    def ends(count):
        return [str(each) for each in sorted(chance.sample(range(1, 60), count - 1))] + [None]

    count = chance.randint(1, 4)
    if model in {"graduated", "volume", "graduated_percentage"}:
        name = "rate_pct" if model == "graduated_percentage" else "unit_price"
        tiers = [
            {"up_to": end, name: number(chance, 9, 3)}
            | ({"flat_fee": number(chance, 20)} if chance.random() < 0.5 else {})
            for end in ends(count)
        ]
        return {"model": model, "tiers": tiers}
    if model in {"graduated_blocks", "volume_blocks"}:
        tiers = [
            {
                "block_size": str(chance.randint(1, 9)),
                "max_blocks": str(chance.randint(1, 4)),
                "block_price": number(chance, 30),
            }
            for _ in range(count)
        ]
        tiers[-1]["max_blocks"] = None
        return {"model": model, "tiers": tiers}
    return {"model": model} | {
        "flat": {"amount": number(chance, 900)}, "per_unit": {"unit_price": number(chance, 9, 4)}, "multiplier": {"multiplier": number(chance, 3, 3)},
        "package": {"size": str(chance.randint(1, 9)), "price": number(chance, 50), "free_units": str(chance.randint(0, 6))},
    }[model]  # fmt: skip


def a_case(chance, model):
    params = {"price": a_price(chance, model)}
    if chance.random() < 0.3:
        how = {"op": chance.choice(["multiply", "divide"]), "factor": chance.choice(["2", "4", "0.5", "8"])}
        # Slow walking goes by hundredths, so a converted quantity is rounded to them.
        params["convert"] = how | {
            "round": {
                "mode": chance.choice(["half_up", "half_even", "ceiling", "floor"]),
                "digits": chance.choice([0, 1, 2]),
            }
        }
    offered = {
        "free_quantity": number(chance, 5),
        "discount_pct": number(chance, 40),
        "maximum": number(chance, 200),
        "minimum": number(chance, 150),
    }
    params |= {name: value for name, value in offered.items() if chance.random() < 0.4}
    if F(params.get("minimum", "0")) > F(params.get("maximum", "100000")):
        del params["minimum"]
    digits = chance.choice([0, 1, 2])
    rounding = (
        {"mode": chance.choice(["half_up", "half_even", "ceiling", "floor"]), "digits": digits}
        if chance.random() < 0.8
        else None
    )
    asked = {"quantity": number(chance, 70), "prior_quantity": number(chance, 30)}
    prior = net(params, F(asked["prior_quantity"]), rounding)
    case = {"id": "x", "kind": "rate", "params": params, "input": asked}
    if rounding:
        case["rounding"] = rounding
        asked["prior_billed"] = (
            f"{float(prior):.2f}" if digits == 2 else str(int(prior)) if digits == 0 else f"{float(prior):.1f}"
        )
    else:
        asked["prior_quantity"], asked["prior_billed"] = "0", "0"
    return case


MODELS = (
    "flat",
    "per_unit",
    "multiplier",
    "package",
    "graduated",
    "volume",
    "graduated_percentage",
    "graduated_blocks",
    "volume_blocks",
)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_comes_to_what_a_slow_second_computation_comes_to(model):
    chance = random.Random(model)
    for _ in range(120):
        case = a_case(chance, model)
        said = answer(json.dumps(case))
        assert "result" in said, said
        params, asked, rounding = case["params"], case["input"], case.get("rounding")
        whole = net(params, F(asked["quantity"]) + F(asked["prior_quantity"]), rounding)
        true_up = max(F(0), F(params.get("minimum", "0")) - whole)
        assert F(said["result"]["amount"]) == whole - F(asked["prior_billed"]) + true_up, case
        if "true_up" in said["result"]:
            assert F(said["result"]["true_up"]) == true_up, case


@pytest.mark.parametrize("mode", ["half_up", "half_even", "ceiling", "floor"])
def test_rounding_comes_to_the_nearer_neighbour(mode):
    chance = random.Random(mode)
    for _ in range(300):
        digits = chance.randint(-2, 4)
        value = F(chance.randint(-(10**6), 10**6), 10 ** chance.randint(0, 5))
        case = {
            "id": "x",
            "kind": "round",
            "params": {"mode": mode, "digits": digits},
            "input": {"value": f"{float(value):.5f}"},
        }
        value = F(case["input"]["value"])
        expected = rounded(value, {"mode": mode, "digits": digits})
        if mode == "half_up" and value < 0:  # half away from zero
            expected = -rounded(-value, {"mode": mode, "digits": digits})
        assert F(answer(json.dumps(case))["result"]["value"]) == expected, case


def test_largest_remainder_gives_each_its_floor_and_one_unit_to_the_largest_rests():
    chance = random.Random(3)
    for _ in range(200):
        names = [f"k{n}" for n in range(chance.randint(1, 7))]
        weights = {name: chance.randint(0, 9) for name in names}
        if not any(weights.values()):
            continue
        fen = chance.randint(0, 10**6)
        case = {"id": "x", "kind": "allocate", "params": {"digits": 2, "tie_break": "order"},
                "input": {"amount": f"{fen // 100}.{fen % 100:02}", "weights": [[name, str(weights[name])] for name in names]}}  # fmt: skip
        whole = sum(weights.values())
        floors = {name: fen * weights[name] // whole for name in names}
        rests = sorted(names, key=lambda name: (-(F(fen * weights[name], whole) - floors[name]), names.index(name)))
        for name in rests[: fen - sum(floors.values())]:
            floors[name] += 1
        shares = answer(json.dumps(case))["result"]["shares"]
        assert {name: F(share) * 100 for name, share in shares.items()} == floors, case
