"""Deductions: proposed with evidence, contested, decided by another person, booked once; scores from what was promised and said."""

from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from services.billing import store, tables
from services.billing.handlers import deductions
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
        assert measured == {"promises": 90, "reopened": 10, "stars": Decimal("4.5")}
        value, _ = deductions.scored_of(connection, REF, MONTH, {})
    assert value == Decimal("73.2")  # 71.43 × 0.5 + 50 × 0.25 + 100 × 0.25
    client, manager = a_client(quick), someone(quick, "contract_manager")
    assert "73.2" in client.get(f"/billing/deductions?period={MONTH}", headers=manager).text
    form = {"scored": REF, "period": MONTH}
    assert client.post("/billing/scores", data=form, headers=manager).status_code == 303
    assert client.post("/billing/scores", data=form, headers=manager).status_code == 422


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
        ("[]", "lines"), ("{}", "lines"), ("[1", "lines"), (f"[{good}, {good}]", "lines[1]"),
        (f"[{good.replace('9', '-9')}]", "lines[0].price.unit_price"), (f"[{good.replace('9', '1' + '0' * 30)}]", "lines[0].price.unit_price"),
        (f"[{good.replace('per_unit', 'magic')}]", "lines[0].price.model"),
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
