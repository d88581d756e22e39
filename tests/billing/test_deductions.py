"""Deductions: proposed with evidence, contested, decided by another person, booked once; scores from what was promised and said."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from services.billing import store, tables
from services.billing.handlers import deductions
from services.billing.service import SERVICE
from shared.bus.base import Delivery
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.contracts.requests import ComplaintAnswered
from tests.billing.conftest import a_client, hours, tell
from tests.people import NOON, headers_of

REF, MONTH = "HY-2026-01", "2026-11"
FORM = {
    "contract": REF,
    "period": MONTH,
    "rule": "late",
    "item": "repair",
    "number": "1",
    "bonus": "",
    "evidence": "2026-1125-001-1",
    "words": "超时四小时",
}


def someone(running, role, who=""):
    supplier = "HY" if role == "supplier" else ""
    return headers_of(running, role, supplier=supplier, now=running.clock.now(), **({"account": who} if who else {}))


def proposed(running, client, **change):
    answer = client.post("/billing/deductions", data=FORM | change, headers=someone(running, "contract_manager"))
    assert answer.status_code == 303, answer.text[-1500:]
    return answer.headers["Location"]


def test_a_deduction_is_contested_decided_by_another_and_booked_once(running):
    tell(running, [hours(1, "100")])
    client = a_client(running)
    path = proposed(running, client)
    with running.database.read() as connection:
        assert len(store.feed(connection, REF, 0, 9)) == 1
    decision = {"decision": "reduced", "amount": "300", "words": "部分成立"}
    assert client.post(f"{path}/decide", data=decision, headers=someone(running, "contract_manager")).status_code == 403
    assert client.post(f"{path}/decide", data=decision, headers=someone(running, "finance")).status_code == 409
    assert (
        client.post(f"{path}/contest", data={"words": "等备件"}, headers=someone(running, "supplier")).status_code
        == 303
    )
    assert (
        client.post(f"{path}/contest", data={"words": "等备件"}, headers=someone(running, "supplier")).status_code
        == 409
    )
    assert (
        client.post(
            f"{path}/decide", data=decision | {"amount": "900"}, headers=someone(running, "finance")
        ).status_code
        == 422
    )
    assert client.post(f"{path}/decide", data=decision, headers=someone(running, "finance")).status_code == 303
    assert client.post(f"{path}/decide", data=decision, headers=someone(running, "finance")).status_code == 409
    with running.database.read() as connection:
        last = store.feed(connection, REF, 0, 9)[-1]
        assert (last.number, last.kind, last.amount, last.booked_in) == (2, "deduction", Decimal("-300.00"), MONTH)
    assert "等备件" in client.get(path, headers=someone(running, "auditor")).text


def test_an_uncontested_one_waits_for_its_days(quick):
    tell(quick, [hours(1, "100")])
    client = a_client(quick)
    path = proposed(quick, client)
    keep = {"decision": "upheld", "amount": "", "words": "成立"}
    assert client.post(f"{path}/decide", data=keep, headers=someone(quick, "finance")).status_code == 409
    quick.clock.set(NOON + timedelta(days=5, hours=1))
    assert client.post(f"{path}/contest", data={"words": "x"}, headers=someone(quick, "supplier")).status_code == 409
    assert client.post(f"{path}/decide", data=keep, headers=someone(quick, "finance")).status_code == 303
    with quick.database.read() as connection:
        assert store.feed(connection, REF, 0, 9)[-1].amount == Decimal("-500.00")


def test_the_month_cap_holds_over_several_findings(quick):
    tell(quick, [hours(1, "100")])  # 8,500: at most 850 are taken
    client = a_client(quick)
    for rule in ("late", "quality", "safety"):
        proposed(quick, client, rule=rule)
    with quick.database.read() as connection:
        amounts = list(
            connection.execute(
                select(tables.deduction.c.amount).order_by(
                    tables.deduction.c.proposed_at, tables.deduction.c.deduction_id
                )
            ).scalars()
        )
    assert sum(amounts) == Decimal("850.00")


def test_a_score_below_the_line_takes_its_share_and_a_bonus_gives(quick):
    tell(quick, [hours(1, "100")])
    client = a_client(quick)
    proposed(quick, client, rule="score", number="80")
    proposed(quick, client, rule="bonus", bonus="200")
    with quick.database.read() as connection:
        found = sorted(connection.execute(select(tables.deduction.c.amount)).scalars())
    assert found == [Decimal("-200.00"), Decimal("425.00")]


def test_what_cannot_be_proposed_is_said_beside_its_field(quick):
    client, manager = a_client(quick), someone(quick, "contract_manager")
    for change in ({"evidence": ""}, {"rule": "no-such"}, {"number": "-1"}, {"number": "1e9"}, {"words": ""}):
        assert client.post("/billing/deductions", data=FORM | change, headers=manager).status_code == 422, change
    assert client.post("/billing/deductions", data=FORM | {"contract": "ZZ-1"}, headers=manager).status_code == 404
    with quick.database.read() as connection:
        assert connection.execute(select(tables.deduction)).first() is None


def test_another_supplier_sees_nothing_of_it(quick):
    tell(quick, [hours(1, "100")])
    client = a_client(quick)
    path = proposed(quick, client, words="杏")
    other = headers_of(quick, "supplier", supplier="JJ")
    assert client.get(path, headers=other).status_code == 404
    assert client.post(f"{path}/contest", data={"words": "x"}, headers=other).status_code == 404
    assert "杏" not in client.get("/billing/deductions", headers=other).text


def test_a_score_comes_from_promises_and_opinions_and_is_confirmed_once(quick):
    with quick.work() as work:
        for number in range(10):
            row = {"order_id": f"o{number}", "round": 1, "request_id": f"r{number}", "scored": REF, "supplier": "HY", "item": "repair",
                   "period": MONTH, "promises": 2, "kept": 2 if number else 0, "event_id": "e"}  # fmt: skip
            work.connection.execute(tables.job_record.insert(), [row])
        work.connection.execute(
            tables.opinion.insert(),
            [
                {"request_id": "r1", "stars": 4, "reopened": 1, "event_id": "e"},
                {"request_id": "r2", "stars": 5, "reopened": 0, "event_id": "e"},
            ],
        )
    with quick.database.read() as connection:
        measured = deductions.measures(connection, REF, MONTH)
        assert measured == {
            "promises": 90,
            "reopened": 10,
            "stars": Decimal("4.5"),
            "quality": None,
            "complaints": 0,
            "safety": 0,
            "saving": None,
        }
        value, _ = deductions.scored_of(connection, REF, MONTH, {})
    assert value == Decimal(
        "79.5"
    )  # (71.43 × 40 + 50 × 10 + 100 × 10 + 100 × 10 + 100 × 10) / 80: no check, so no weight
    client, manager = a_client(quick), someone(quick, "contract_manager")
    assert "79.5" in client.get(f"/billing/deductions?period={MONTH}", headers=manager).text
    form = {"scored": REF, "period": MONTH}
    assert client.post("/billing/scores", data=form, headers=manager).status_code == 303
    assert client.post("/billing/scores", data=form, headers=manager).status_code == 409


def test_a_card_is_previewed_and_put_in_force_by_a_second_person(quick):
    tell(quick, [hours(1, "10")])
    client, manager, finance = a_client(quick), someone(quick, "contract_manager"), someone(quick, "finance")
    path = f"/billing/contracts/{REF}/cards"
    lines = '[{"item": "repair", "meter": "hours", "price": {"model": "per_unit", "unit_price": "90"}}]'
    seen = client.post(path, data={"starts_on": "2026-11-01", "lines": lines, "do": "preview"}, headers=manager)
    assert seen.status_code == 200
    assert "50.00" in seen.text
    assert (
        client.post(
            path, data={"starts_on": "2026-11-01", "lines": lines, "do": "propose"}, headers=manager
        ).status_code
        == 303
    )
    with quick.database.read() as connection:
        [draft] = connection.execute(select(tables.card_draft.c.draft_id)).scalars()
    assert client.post(f"{path}/{draft}/in_force", data={}, headers=manager).status_code == 403
    assert client.post(f"{path}/{draft}/in_force", data={}, headers=finance).status_code == 303
    assert client.post(f"{path}/{draft}/in_force", data={}, headers=finance).status_code == 409
    with quick.database.read() as connection:
        assert sum(each.amount for each in store.feed(connection, REF, 0, 9)) == Decimal("900.00")


def test_an_unsound_card_is_refused_by_the_name_of_its_line(quick):
    client, manager = a_client(quick), someone(quick, "contract_manager")
    good = '{"item": "repair", "meter": "hours", "price": {"model": "per_unit", "unit_price": "9"}}'
    for lines, where in (
        ("[]", "f-lines-e"), ("{}", "f-lines-e"), ("[1", "f-lines-e"), (f"[{good}, {good}]", "f-l1_item-e"),
        (f"[{good.replace('9', '-9')}]", "f-l0_unit_price-e"), (f"[{good.replace('9', '1' + '0' * 30)}]", "f-l0_unit_price-e"),
        (f"[{good.replace('per_unit', 'magic')}]", "f-l0_model-e"),
    ):  # fmt: skip
        answer = client.post(
            f"/billing/contracts/{REF}/cards",
            data={"starts_on": "2026-12-01", "lines": lines, "do": "preview"},
            headers=manager,
        )
        assert answer.status_code == 422, lines
        assert where in answer.text, (lines, where)
    late = client.post(
        f"/billing/contracts/{REF}/cards", data={"starts_on": "2036-12-01", "lines": f"[{good}]"}, headers=manager
    )
    assert late.status_code == 422


def test_an_upheld_complaint_counts_against_whoever_did_the_work_and_the_answer_to_an_appeal_stands(running):
    tell(running, [hours(1, "1"), hours(2, "1")])
    promises = next(each for each in SERVICE.subscriptions if each.name == "billing.note_promises")
    running.consumer.deliver(promises, [hours(1, "1"), hours(2, "1")])
    listens = next(each for each in SERVICE.subscriptions if each.name == "billing.note_complaint")
    order = "00000000-0000-7000-8000-000000000001"

    def answered(number, complaint, outcome, sequence, order_id=order):
        event = ComplaintAnswered(
            complaint_id=complaint, outcome=outcome, round=1, order_id=order_id, item="repair", supplier="HY",
            handler_kind="contract_manager", late=False, opened_at=NOON, answered_at=NOON,
        )  # fmt: skip
        sealed = seal(
            Envelope(
                id=f"c{number}", source="requests", type=event.TYPE, subject=complaint, time=NOON, data=event.data(), sequence=sequence
            )
        )  # fmt: skip
        body = numbered(sealed, 1, number, number)
        return Delivery(unseal(body), body)

    # The answer to the appeal comes first; another complaint is about no work, a third about work of nobody here.
    running.consumer.deliver(listens, [answered(2, "a", "upheld", 6), answered(1, "a", "not_upheld", 3)])
    running.consumer.deliver(listens, [answered(3, "b", "upheld", 2, ""), answered(4, "c", "upheld", 2, "elsewhere")])
    running.consumer.deliver(listens, [answered(5, "d", "not_upheld", 2)])
    with running.database.read() as connection:
        assert deductions.measures(connection, REF, MONTH)["complaints"] == 50  # one of two requests


# ---- every kind of rule, and months with several findings


def by_rules(running, rules, caps=None):
    with running.work() as work:
        terms = json.dumps({"scheme": {"version": 2, "rules": rules, "caps": caps or {}}})
        work.connection.execute(tables.contract.update().where(tables.contract.c.ref == REF).values(terms=terms))


def find(running, rule, **numbers):
    body = {"contract": REF, "period": MONTH, "rule": rule, "item": "repair", "evidence": "x", "words": "y"} | numbers
    answer = a_client(running).post("/billing/api/deductions", json=body, headers=someone(running, "contract_manager"))
    assert answer.status_code in {201, 422}, answer.text
    if answer.status_code == 422:
        return None
    with running.database.read() as connection:
        table = tables.deduction.c
        return connection.execute(select(table.amount).where(table.deduction_id == answer.json["id"])).scalar()


@pytest.mark.parametrize(
    ("rule", "numbers", "amount"),
    [
        ({"kind": "fine", "amount": "500"}, {"number": "2"}, "1000.00"),
        ({"kind": "points", "threshold": "10", "point_value": "5", "bands": [{"up_to": "50", "multiplier": "1"}, {"multiplier": "2"}]}, {"number": "60"}, "300.00"),
        ({"kind": "at_risk", "pct": "8"}, {"pool_pct": "40", "credit_pct": "25"}, "68.00"),
        ({"kind": "linear", "full_from": "85", "add_points": "15"}, {"number": "80"}, "425.00"),
        ({"kind": "bands", "bands": [{"at_least": "95", "pct": "100"}, {"at_least": "85", "pct": "98"}, {"pct": "70"}]}, {"number": "90"}, "170.00"),
        ({"kind": "availability", "rate": "0.05", "used_pct": "50"}, {"area": "200", "hours": "4"}, "40.00"),
        ({"kind": "availability", "rate": "0.05", "used_pct": "50"}, {"area": "200", "hours": "4", "used": True}, "20.00"),
    ],
)  # fmt: skip
def test_each_kind_of_rule_is_proposed_by_what_it_asks_for(quick, rule, numbers, amount):
    tell(quick, [hours(1, "100")])  # 8,500
    by_rules(quick, {"r": rule})
    assert find(quick, "r", **numbers) == Decimal(amount)
    asked = {"at_risk", "availability"} & {rule["kind"]}
    if asked:
        assert find(quick, "r", number="3") is None, "what the rule asks for is missing"


def test_points_of_a_month_add_up_above_one_threshold(quick):
    tell(quick, [hours(1, "100")])
    by_rules(
        quick,
        {
            "points": {
                "kind": "points",
                "threshold": "20",
                "point_value": "3",
                "bands": [{"up_to": "100", "multiplier": "1"}, {"multiplier": "1.2"}],
            }
        },
    )
    amounts = [find(quick, "points", number=each) for each in ("15", "25", "80")]
    assert amounts == [Decimal("0.00"), Decimal("60.00"), Decimal("252.00")]
    assert sum(amounts) == Decimal("312.00"), "120 points at once come to the same"


def test_the_lowest_score_of_several_holds(quick):
    tell(quick, [hours(1, "100")])
    by_rules(quick, {"score": {"kind": "linear", "full_from": "85", "add_points": "15"}})
    assert [find(quick, "score", number=each) for each in ("80", "90", "75")] == [
        Decimal("425.00"),
        Decimal("0.00"),
        Decimal("425.00"),
    ]


def test_caps_by_incident_service_and_month_hold_over_all_findings(quick):
    from tests.billing.conftest import finished

    with quick.work() as work:
        items = {"items": json.dumps(["repair", "printing"])}
        work.connection.execute(tables.contract.update().where(tables.contract.c.ref == REF).values(**items))
    tell(quick, [hours(1, "100"), finished(2, ("hours", "10", "hours"))])  # 8,500 + 850 of repair, 9,230 with tiers
    by_rules(
        quick, {"fine": {"kind": "fine", "amount": "900"}}, {"incident": "500", "service_pct": "8", "month_pct": "8"}
    )
    with quick.database.read() as connection:
        fee = deductions.fees(connection, REF, MONTH)["repair"]
    amounts = [find(quick, "fine", number="1") for _ in range(3)]
    assert amounts[0] == Decimal("500.00")
    assert sum(amounts) == (fee * 8 / 100).quantize(Decimal("0.01"), rounding="ROUND_FLOOR")
    assert find(quick, "fine", number="1", item="printing") == Decimal("0.00"), "nothing was charged for it"
