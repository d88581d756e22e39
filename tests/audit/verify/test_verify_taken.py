"""The one-file verifier on what people take home: receipts, bundles, statements, promises."""

import contextlib
import gzip
import io
import json
import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.log.bundle import BundleEntry, Drawn, Line, Ref, Statement, make_bundle
from services.audit.log.envelope import seal_event
from services.audit.log.errors import BadSignature, LogError, Malformed
from services.audit.log.folder import Folder
from services.audit.log.note import KeyType
from services.audit.log.promise import Promise, read_promise
from services.audit.log.receipt import make_receipt
from services.billing.pricing.aggregation import ON_CARDS
from services.billing.pricing.models import MODELS
from tests.audit.a_log import NOON, ORIGIN, ALog, a_key, some_leaves
from tests.audit.a_statement import a_full_month, said_by
from tests.audit.verifier import verifier
from tests.billing.test_histories import PRICES

KEYS = [argument for kind in (KeyType.ED25519, KeyType.ML_DSA_44_COSIGNATURE)
        for argument in ("--key", str(a_key(kind=kind).public))]  # fmt: skip


def verify(*arguments, status=None):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        found = verifier.main([*map(str, arguments), "--json"])
    answer = json.loads(out.getvalue())
    assert answer["status"] == found
    if status is not None:
        assert found == status, answer
    return answer


def codes(answer):
    return [each["code"] for each in answer["problems"]]


def an_event(number, type_="requests.request_opened.v1", **data):
    return {"id": f"e{number}", "source": "requests", "type": type_, "time": "2026-11-23T08:00:00Z", "data": data}


def a_signed_log(*leaves):
    return ALog(*leaves, keys=[a_key(), a_key(kind=KeyType.ML_DSA_44_COSIGNATURE)])


SEALED = seal_event(an_event(1, phone="13800001234", item="water"), ["/data/phone"])


@pytest.fixture(scope="module")
def log():
    return a_signed_log(*some_leaves(300), SEALED.leaf)


# Receipts


@pytest.fixture
def receipt(log, tmp_path):
    path = tmp_path / "entry.tlog-proof"
    path.write_bytes(make_receipt(log.tree(), 300, log.note(), SEALED.leaf).encode())
    return path


def test_a_receipt_is_proven_offline(receipt):
    answer = verify("receipt", receipt, *KEYS, status=0)
    assert "requests.request_opened.v1" in answer["facts"][-1]["sentence"]


def test_a_receipt_without_its_entry_asks_for_it(log, tmp_path):
    bare = replace(make_receipt(log.tree(), 300, log.note(), SEALED.leaf), extra=None)
    (tmp_path / "bare").write_bytes(bare.encode())
    (tmp_path / "entry").write_bytes(SEALED.leaf)
    (tmp_path / "other").write_bytes(SEALED.leaf[:-1])
    assert codes(verify("receipt", tmp_path / "bare", *KEYS, status=3)) == ["no_entry"]
    assert verify("receipt", tmp_path / "bare", "--entry", tmp_path / "entry", *KEYS, status=0)
    answer = verify("receipt", tmp_path / "bare", "--entry", tmp_path / "other", *KEYS, status=1)
    assert codes(answer) == ["proof_wrong"]


def test_no_bit_of_a_receipt_can_change(receipt):
    kept, choose = receipt.read_bytes(), random.Random(4)
    for _ in range(60):
        bit = choose.randrange(len(kept) * 8)
        flipped = bytearray(kept)
        flipped[bit // 8] ^= 1 << bit % 8
        receipt.write_bytes(flipped)
        assert verify("receipt", receipt, *KEYS)["status"] in {1, 3}, bit


def test_a_disclosed_value_is_checked_against_its_commitment(receipt, tmp_path):
    (opening,) = SEALED.openings
    import base64

    form = {"field": opening.field, "salt": base64.b64encode(opening.salt).decode(), "value": opening.value}
    path = tmp_path / "openings.json"
    path.write_text(json.dumps([form]))
    answer = verify("receipt", receipt, "--openings", path, *KEYS, status=0)
    assert "13800001234" in answer["facts"][-1]["sentence"]
    for wrong in ({"value": "13800001235"}, {"field": "/data/other"}, {"salt": base64.b64encode(bytes(32)).decode()}):
        path.write_text(json.dumps([{**form, **wrong}]))
        assert codes(verify("receipt", receipt, "--openings", path, *KEYS, status=1)) == ["opening_wrong"]
    for rubbish in ("", "{}", "[1]", '[{"field": 1}]', "[" * 100_000, '{"a":1,"a":2}'):
        path.write_text(rubbish)
        assert codes(verify("receipt", receipt, "--openings", path, *KEYS, status=1)) == ["opening_malformed"]


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(codec="utf-8"))
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_the_verifier_writes_canonical_json_as_rfc8785_does(value):
    text = rfc8785.dumps(value)
    # Whole-numbered floats read back as integers; beyond 2^53 no leaf holds them.
    assert verifier.canonical(verifier.parse_json(text)) == text or b"000000" in text


# Bundles


@pytest.fixture
def bundle(log, tmp_path):
    entries = [BundleEntry(number, log.entries[number]) for number in (3, 200)]
    entries.append(BundleEntry(300, SEALED.leaf, SEALED.openings))
    path = tmp_path / "R-1.json"
    path.write_bytes(make_bundle("R-1", log.note(), log.tree(), entries))
    return path


def changed(path, change):
    form = json.loads(path.read_bytes())
    change(form)
    path.write_text(json.dumps(form))
    return path


def test_a_request_bundle_is_proven_offline(bundle):
    answer = verify("bundle", bundle, *KEYS, status=0)
    assert [fact["key"] for fact in answer["facts"][-2:]] == ["opening", "bundle"]
    bundle.write_bytes(gzip.compress(bundle.read_bytes()))
    assert verify("bundle", bundle, *KEYS, status=0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda form: form["entries"][0].update(leaf="leaf 4"), "proof_wrong"),
        (lambda form: form["entries"][0].update(index=4), "proof_wrong"),
        (lambda form: form["entries"][0].update(index=10**15), "proof_wrong"),
        (lambda form: form["entries"][0]["proof"].pop(), "proof_wrong"),
        (lambda form: form["entries"][2]["openings"][0].update(value="13800001235"), "opening_wrong"),
        (lambda form: form.update(checkpoint=form["checkpoint"].replace("301", "302")), "signature_false"),
        (lambda form: form.update(checkpoint="rubbish"), "note_malformed"),
        (lambda form: form.update(format="houqin.bundle/v2"), "bundle_file_malformed"),
        (lambda form: form["entries"][0].update(proof=[999]), "bundle_file_malformed"),
        (lambda form: form["entries"][0].update(proof=[-1]), "bundle_file_malformed"),
        (lambda form: form["entries"][0].update(proof=[True]), "bundle_file_malformed"),
        (lambda form: form["entries"][0].update(index="3"), "bundle_file_malformed"),
        (lambda form: form["entries"].append(form["entries"][0]), "bundle_file_malformed"),
        (lambda form: form["hashes"].append("AAAA"), "bundle_file_malformed"),
        (lambda form: form["entries"][0].update(leaf="\ud800"), "bundle_file_malformed"),
        (lambda form: form.update(kind="statement"), "bundle_file_malformed"),
        (lambda form: form.update(entries=None), "bundle_file_malformed"),
    ],
)
def test_a_changed_bundle_is_refused_for_its_reason(bundle, change, code):
    assert code in codes(verify("bundle", changed(bundle, change), *KEYS, status=1))


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 200_000, b'{"format":"houqin.bundle/v1","format":1}', b"9" * 100_000,
     b'{"format":NaN}', b"\x1f\x8b rubbish", gzip.compress(b"{", mtime=0)[:-9]],
)  # fmt: skip
def test_a_hostile_bundle_file_is_refused_in_a_sentence(tmp_path, data):
    (tmp_path / "b").write_bytes(data)
    (problem,) = verify("bundle", tmp_path / "b", *KEYS)["problems"]
    assert problem["code"] in {"bundle_file_malformed", "unreachable"}


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(verifier, "MAX_BUNDLE_FILE", 1 << 20)
    (tmp_path / "b").write_bytes(gzip.compress(bytes(20_000_000), 1))
    assert codes(verify("bundle", tmp_path / "b", *KEYS, status=3)) == ["too_large"]


# Statements: a stranger computes what is owed

FEN = {"mode": "half_up", "digits": 2}
CARD = an_event(
    10, "billing.rate_card_published.v1",
    prices={
        "water": {"price": {"model": "graduated", "tiers": [
            {"up_to": "10", "unit_price": "18.00", "flat_fee": "0"}, {"up_to": None, "unit_price": "16.50"}]},
            "free_quantity": "2", "rounding": FEN},
        "cleaning": {"price": {"model": "per_unit", "unit_price": "0.333"}, "minimum": "200", "rounding": FEN},
    },
    vat={"rates_pct": ["6"], "rounding": FEN},
)  # fmt: skip
FACTS = [
    an_event(11, "dispatch.work_order_finished.v1", usage=[{"meter": "water", "quantity": "9"}]),
    an_event(12, "dispatch.work_order_finished.v1", usage=[{"meter": "water", "quantity": "5.5"}]),
    an_event(13, "dispatch.work_order_finished.v1", usage=[{"meter": "cleaning", "quantity": "350"}]),
]
DEDUCTION = an_event(14, "billing.deduction_decided.v1", amount="25.00")
# water: 12.5 left of 14.5 after 2 free: 10 x 18 + 2.5 x 16.5 = 221.25; cleaning 116.55, at least 200; 6 % of 396.25
OWED = an_event(
    15, "billing.statement_issued.v1",
    lines=[
        {"item": "water", "amount": "221.25", "facts": ["e11", "e12"]},
        {"item": "cleaning", "amount": "200.00", "facts": ["e13"]},
        {"item": "late twice", "amount": "-25.00"},
        {"item": "VAT", "amount": "23.78"},
    ],
    total="420.03",
)  # fmt: skip


def a_statement(tmp_path, *, card=CARD, facts=FACTS, deduction=DEDUCTION, owed=OWED, lines=None):
    events = [card, *facts, deduction, owed]
    leaves = [seal_event(event).leaf for event in events]
    log = a_signed_log(*some_leaves(500), *leaves)
    first, issued = 500, 500 + len(leaves) - 1

    def quantity(number):
        return Ref(first + 1 + number, "/data/usage/0/quantity")

    def line(number, name, kind, **more):
        return Line(name, kind, Ref(issued, f"/data/lines/{number}/amount"), **more)

    named = [Ref(issued, f"/data/lines/{number}/facts") for number in range(2)]
    lines = lines or (
        line(
            0, "water", "rate", card=Ref(first, "/data/prices/water"), facts=(quantity(0), quantity(1)), named=named[0]
        ),
        line(1, "cleaning", "rate", card=Ref(first, "/data/prices/cleaning"), facts=(quantity(2),), named=named[1]),
        line(2, "late", "sealed", facts=(Ref(first + 1 + len(facts), "/data/amount"),), negative=True),
        line(3, "VAT", "tax", card=Ref(first, "/data/vat")),
    )
    entries = [BundleEntry(first + number, leaf) for number, leaf in enumerate(leaves)]
    statement = Statement(Ref(issued, "/data/total"), tuple(lines))
    path = tmp_path / "statement.json"
    path.write_bytes(make_bundle("2026-11", log.note(), log.tree(), entries, statement))
    return path


def test_a_stranger_computes_a_statement_from_sealed_facts(tmp_path):
    answer = verify("bundle", a_statement(tmp_path), *KEYS, status=0)
    told = [fact["sentence"] for fact in answer["facts"]]
    assert "Total 420.03, as stated." in told
    assert any("14.5" in text and "221.25" in text for text in told)
    assert [fact["key"] for fact in answer["facts"]].count("unnamed") == 1  # the deduction


def with_data(event, **data):
    return {**event, "data": {**event["data"], **data}}


def lines_with(number, **more):
    return [{**line, **(more if at == number else {})} for at, line in enumerate(OWED["data"]["lines"])]


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"owed": with_data(OWED, lines=lines_with(0, amount="221.26"))}, "amount_wrong", "221.25"),
        ({"owed": with_data(OWED, lines=lines_with(1, amount="116.55"))}, "amount_wrong", "200"),
        ({"owed": with_data(OWED, lines=lines_with(2, amount="25.00"))}, "amount_wrong", "-25"),
        ({"owed": with_data(OWED, lines=lines_with(3, amount="23.77"))}, "amount_wrong", "23.78"),
        ({"owed": with_data(OWED, total="420.04")}, "total_wrong", "420.03"),
        ({"owed": with_data(OWED, lines=lines_with(0, facts=["e11"]))}, "facts_differ", "e12"),
        ({"owed": with_data(OWED, lines=lines_with(0, facts=["e11", "e12", "e99"]))}, "facts_differ", "e99"),
        ({"owed": with_data(OWED, lines=lines_with(0, facts="e11"))}, "card_broken", "list"),
        ({"owed": with_data(OWED, lines=lines_with(0, amount="many"))}, "card_broken", "decimal"),
        ({"owed": with_data(OWED, lines=[])}, "ref_broken", "/data/lines/0/facts"),
        ({"facts": [FACTS[0], with_data(FACTS[1], usage=[]), FACTS[2]]}, "ref_broken", "/data/usage/0"),
        ({"facts": [FACTS[0], with_data(FACTS[1], usage=[{"quantity": "5.6"}]), FACTS[2]]}, "amount_wrong", "222.9"),
        ({"card": with_data(CARD, prices={})}, "ref_broken", "/data/prices/water"),
        (
            {"card": with_data(CARD, prices={"water": {"price": {"model": "?"}}, "cleaning": {}})},
            "card_broken",
            "model",
        ),
    ],
)
def test_a_statement_that_does_not_follow_from_its_facts_is_refused(tmp_path, changes, code, says):
    answer = verify("bundle", a_statement(tmp_path, **changes), *KEYS, status=1)
    assert code in codes(answer)
    assert says in next(each for each in answer["problems"] if each["code"] == code)["sentence"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda lines: lines[0]["facts"].append(lines[0]["facts"][0]), "fact_twice"),
        (lambda lines: lines[1]["facts"].append(lines[0]["facts"][0]), "fact_twice"),
        (lambda lines: lines[0]["facts"].pop(), "facts_differ"),
        (lambda lines: lines[1].pop("facts"), "facts_differ"),  # the minimum alone would give the same amount
        (lambda lines: lines[0]["amount"].update(entry=500), "statement_mixed"),
        (lambda lines: lines[0]["named"].update(entry=501, pointer="/data/usage"), "statement_mixed"),
        (lambda lines: lines[0]["facts"][0].update(entry=3), "ref_broken"),
        (lambda lines: lines[0]["facts"][0].update(pointer="x"), "bundle_file_malformed"),
        (lambda lines: lines[0].update(kind="gift"), "card_broken"),
        (lambda lines: lines[2].pop("negative"), "amount_wrong"),
        (lambda lines: lines.pop(), "total_wrong"),
        (lambda lines: lines[0].pop("amount"), "bundle_file_malformed"),
    ],
)
def test_a_derivation_that_was_bent_is_refused(tmp_path, change, code):
    path = changed(a_statement(tmp_path), lambda form: change(form["statement"]["lines"]))
    assert code in codes(verify("bundle", path, *KEYS, status=1))


# Statements that billing drew: every model, every aggregation

MONTHS = {
    "usual": {},
    "fixed": {"zone": "UTC", "fixed": 30, "seed": 2},
    "cut": {"zone": "America/New_York", "ends_on": date(2026, 11, 24), "seed": 3},
    "cut_fixed": {"fixed": 30, "ends_on": date(2026, 11, 24), "seed": 4},
}


@pytest.fixture(scope="module", params=MONTHS)
def month(request, tmp_path_factory):
    """What billing said until the statement was drawn, and the statement's reference."""
    office, ref = a_full_month(tmp_path_factory.mktemp("month") / "billing", **MONTHS[request.param])
    said = said_by(office)
    office.database.close()
    return said, ref


def drawn_bundle(tmp_path, said, ref):
    leaves = [seal_event(event).leaf for event in said]
    log = a_signed_log(*leaves)
    [drawn] = [number for number, event in enumerate(said)
               if event["type"] == "billing.statement_drawn.v1" and event["data"]["statement"] == ref]  # fmt: skip
    path = tmp_path / "drawn.json"
    entries = [BundleEntry(number, leaf) for number, leaf in enumerate(leaves)]
    path.write_bytes(make_bundle(ref, log.note(), log.tree(), entries, Drawn(drawn)))
    return path


def charges(said, ref):
    return [event for event in said if event["type"] == "billing.statement_line_drawn.v1"
            and event["data"]["statement"] == ref and event["data"]["kind"] == "charge"]  # fmt: skip


def test_a_stranger_computes_every_model_and_every_aggregation(tmp_path, month):
    said, ref = month
    drawn = charges(said, ref)
    assert {event["data"]["meter"] for event in drawn} >= {f"by_{kind}" for kind in ON_CARDS} | PRICES.keys()
    assert {event["data"]["card_version"] for event in drawn} == {1, 3}
    answer = verify("bundle", drawn_bundle(tmp_path, said, ref), *KEYS, status=0)
    assert [fact["key"] for fact in answer["facts"]].count("line") >= len(drawn)


def test_an_altered_amount_of_any_model_or_aggregation_is_refused(tmp_path, month):
    """A fen more on each charge: each is named, none but them."""
    said, ref = json.loads(json.dumps(month[0])), month[1]
    drawn = charges(said, ref)
    for event in drawn:
        event["data"]["amount"] = str(Decimal(event["data"]["amount"]) + Decimal("0.01"))
    answer = verify("bundle", drawn_bundle(tmp_path, said, ref), *KEYS, status=1)
    wrong = [problem for problem in answer["problems"] if problem["code"] == "amount_wrong"]
    assert len(wrong) == len(drawn)
    assert set(codes(answer)) == {"amount_wrong"}


def altered(said, type_, change):
    """``said`` with one thing changed in the data of each event of a type."""
    found = json.loads(json.dumps(said))
    for event in found:
        if event["type"] == type_:
            change(event["data"])
    return found


@pytest.mark.parametrize(
    ("type_", "change", "code"),
    [
        ("billing.usage_recorded.v1", lambda data: data.update(counted_as=data["fact_id"]), "amount_wrong"),
        ("billing.usage_recorded.v1", lambda data: data.update(service_at="2026-11-03T00:00:00Z"), "facts_differ"),
        ("billing.usage_recorded.v1", lambda data: data.update(service_at="yesterday"), "card_broken"),
        ("billing.contract_in_force.v1", lambda data: data.update(rounding_mode="ceiling"), "amount_wrong"),
        ("billing.contract_in_force.v1", lambda data: data.update(zone="Moon/Sea"), "no_zone"),
        ("billing.card_in_force.v1", lambda data: data.update(starts_on="2026-12-01"), "card_broken"),
    ],
)
def test_what_decides_a_line_cannot_be_altered(tmp_path, month, type_, change, code):
    said, ref = month
    assert code in codes(verify("bundle", drawn_bundle(tmp_path, altered(said, type_, change), ref), *KEYS))


def test_a_level_needs_the_facts_of_earlier_months(tmp_path, month):
    said, ref = month
    [line, *_] = [event["data"] for event in charges(said, ref) if event["data"]["meter"] == "by_time_weighted"]
    early = {event["id"] for event in said if event["data"].get("period") == "2026-10"} & set(line["events"])
    assert early
    answer = verify("bundle", drawn_bundle(tmp_path, [each for each in said if each["id"] not in early], ref), *KEYS)
    assert "facts_differ" in codes(answer)


def test_who_was_counted_is_not_sealed(month):
    text = json.dumps(month[0])
    assert "counted_as" in text
    assert not any(who in text for who in ("Wang", "B2-302"))


def test_the_verifier_knows_every_model_and_aggregation_of_billing():
    assert verifier.PRICES.keys() | verifier.EVENT_PRICES.keys() == MODELS.keys()
    assert {name for name, model in MODELS.items() if model.by_event} == verifier.EVENT_PRICES.keys()
    assert set(ON_CARDS) == verifier.AGGREGATIONS.keys()
    for name, model in MODELS.items():
        assert verifier.aggregation_of({"price": {"model": name}}) == model.aggregation


amounts = st.decimals(0, 5000, places=2).map(str)
counts = st.integers(1, 400).map(str)
roundings = st.none() | st.fixed_dictionaries(
    {"mode": st.sampled_from(["half_up", "half_even", "ceiling", "floor"]), "digits": st.integers(-2, 4)}
)


def tiers(*, limits, **fields):
    """Rising tiers of which the last one is open."""

    def build(drawn):
        ends, values = drawn
        return [{limits: end, **each} for end, each in zip([*sorted(ends, key=int), None], values, strict=False)]

    ends = st.lists(counts, max_size=4, unique=True)
    values = st.lists(st.fixed_dictionaries(fields), min_size=5, max_size=5)
    return st.tuples(ends, values).map(build)


prices = st.one_of(
    st.fixed_dictionaries({"model": st.just("flat"), "amount": amounts}),
    st.fixed_dictionaries({"model": st.just("per_unit"), "unit_price": amounts}),
    st.fixed_dictionaries({"model": st.just("multiplier"), "multiplier": amounts}),
    st.fixed_dictionaries(
        {"model": st.just("package"), "size": counts, "price": amounts}, optional={"free_units": counts}
    ),
    *(
        st.fixed_dictionaries(
            {"model": st.just(model), "tiers": tiers(limits="up_to", unit_price=amounts, flat_fee=amounts)}
        )
        for model in ("graduated", "volume")
    ),
    st.fixed_dictionaries(
        {"model": st.just("graduated_percentage"), "tiers": tiers(limits="up_to", rate_pct=amounts, flat_fee=amounts)}
    ),
    *(
        st.fixed_dictionaries(
            {"model": st.just(model), "tiers": tiers(limits="max_blocks", block_size=counts, block_price=amounts)}
        )
        for model in ("graduated_blocks", "volume_blocks")
    ),
    st.fixed_dictionaries({"model": st.just("capacity"), "tiers": tiers(limits="up_to", price=amounts)}),
    st.fixed_dictionaries(
        {"model": st.just("percentage"), "rate_pct": amounts},
        optional={
            "fixed_fee": amounts,
            "free_events": st.integers(0, 3).map(str),
            "free_amount": counts,
            "event_min": amounts,
            "event_max": amounts,
        },
    ),
)
cards = st.fixed_dictionaries(
    {"price": prices},
    optional={
        "convert": st.fixed_dictionaries(
            {"op": st.sampled_from(["multiply", "divide"]), "factor": counts}, optional={"rounding": roundings}
        ),
        "free_quantity": counts, "minimum": amounts, "maximum": amounts,
        "discount_pct": st.integers(0, 100).map(str),
    },
)  # fmt: skip


@settings(max_examples=100)
@given(cards, st.decimals(0, 3000, places=3).map(str), amounts, counts, st.booleans(), roundings)
def test_the_verifier_rates_as_billing_does(card, quantity, billed, prior, final, rounding):
    """Two programs that share no line agree on what is owed, and on what cannot be rated."""
    from services.billing.pricing import cases

    line = {"id": "x", "kind": "rate", "params": card, "rounding": rounding,
            "input": {"quantity": quantity, "prior_billed": billed, "prior_quantity": prior, "final": final}}  # fmt: skip
    theirs = SimpleNamespace(**answer_of(cases, line))
    ours = {**card, "rounding": rounding, "prior_billed": billed, "prior_quantity": prior, "final": final}
    try:
        mine = verifier.rate(ours, verifier.number_of(quantity, "quantity"))
    except verifier.Broken:
        assert not hasattr(theirs, "result")
        return
    shown = theirs.result["amount"]
    if "/" not in verifier.decimal_text(mine):  # a third has no decimal form; billing shows it cut
        assert Fraction(shown) == mine
    else:
        assert abs(Fraction(shown) - mine) < Fraction(1, 10**6)


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 30), max_size=8),
    st.fixed_dictionaries(
        {"rate_pct": amounts},
        optional={"fixed_fee": amounts, "free_events": st.integers(0, 5).map(str), "free_amount": st.integers(0, 60).map(str),
                  "event_min": amounts, "event_max": amounts},
    ),
)  # fmt: skip
def test_the_verifier_prices_events_as_billing_does(events, params):
    from services.billing.pricing import cases

    theirs = cases.answer(json.dumps({"id": "x", "kind": "percentage", "params": params, "input": {"events": events}}))
    try:
        mine = verifier.price(
            {"model": "percentage", **params}, Fraction(sum(events)), [Fraction(each) for each in events]
        )
    except verifier.Broken:
        assert "result" not in theirs
        return
    assert Fraction(theirs["result"]["amount"]) == mine


def answer_of(cases, line):
    if line["rounding"] is None:
        line = {key: value for key, value in line.items() if key != "rounding"}
    return cases.answer(json.dumps(line))


@pytest.mark.parametrize(
    ("value", "text"),
    [(Fraction(0), "0"), (Fraction(5), "5"), (Fraction(-1, 4), "-0.25"), (Fraction(1, 3), "1/3"), (Fraction(100), "100"),
     (Fraction(12345, 1000), "12.345"), (Fraction(1, 1024), "0.0009765625")],
)  # fmt: skip
def test_amounts_are_shown_as_people_read_them(value, text):
    assert verifier.decimal_text(value) == text


# Promises

DESK = a_key("desk.example/requests", seed=40)


def a_promise(event_id="e5", until=NOON - 60, origin=ORIGIN):
    return Promise(origin, event_id, NOON - 600, until)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    log = a_signed_log(*some_leaves(300), *(seal_event(an_event(number)).leaf for number in range(9)))
    path = tmp_path_factory.mktemp("log")
    Folder(path).publish(log.note(), log, log, sync=False)
    return path


def judged(tmp_path, folder, note, status, key=DESK):
    (tmp_path / "p").write_bytes(note if isinstance(note, bytes) else note.encode())
    return verify("promise", tmp_path / "p", "--log", folder, "--filed-by", key.public, *KEYS, status=status)


def test_a_kept_promise_is_proven(tmp_path, folder):
    answer = judged(tmp_path, folder, a_promise().sign(DESK), 0)
    assert "entry 305" in answer["facts"][-1]["sentence"]


def test_an_event_that_was_promised_and_never_recorded_is_named(tmp_path, folder):
    answer = judged(tmp_path, folder, a_promise("e77").sign(DESK), 1)
    assert codes(answer) == ["promised_absent"]
    assert answer["problems"][0]["id"] == "e77"


def test_a_promise_that_is_not_due_is_not_called_broken(tmp_path, folder):
    assert codes(judged(tmp_path, folder, a_promise("e77", NOON + 60).sign(DESK), 3)) == ["promise_pending"]


def test_only_a_promise_of_the_desk_counts(tmp_path, folder):
    forged = a_promise("e77").sign(a_key("desk.example/requests", seed=41))
    assert codes(judged(tmp_path, folder, forged, 1)) == ["signature_missing"]
    moved = a_promise("e77").sign(DESK).encode().replace(b"e77", b"e78")
    assert codes(judged(tmp_path, folder, moved, 1)) == ["signature_false"]
    assert codes(judged(tmp_path, folder, a_promise(origin="other.example").sign(DESK), 1)) == ["other_log"]
    witness = a_key("w.example", KeyType.ED25519_COSIGNATURE)
    assert codes(judged(tmp_path, folder, a_promise().sign(DESK), 2, key=witness)) == ["bad_key"]


@pytest.mark.parametrize("data", [b"", b"houqin/filed/v1\n", b"rubbish\n\n\xe2\x80\x94 n AAAAAAA=\n"])
def test_what_is_no_promise_is_refused(tmp_path, folder, data):
    assert codes(judged(tmp_path, folder, data, 1)) == ["promise_malformed"]


def test_a_promise_is_read_as_it_was_signed():
    assert read_promise(a_promise().sign(DESK).encode(), DESK.public) == a_promise()
    with pytest.raises(BadSignature):
        read_promise(a_promise().sign(DESK).encode().replace(b"e5", b"e6"), DESK.public)
    with pytest.raises(LogError):
        read_promise(ALog(b"x", keys=[DESK], origin=DESK.name).note().encode(), DESK.public)
    for wrong in (("a\nb", 1, 2), ("", 1, 2), ("e", 0, 2), ("e", 3, 2), ("x" * 300, 1, 2)):
        with pytest.raises(Malformed):
            Promise(ORIGIN, *wrong)
    with pytest.raises(Malformed):
        a_promise().sign(a_key(kind=KeyType.ED25519_COSIGNATURE))
