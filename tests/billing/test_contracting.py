"""Contracts, suppliers' files, bonds and risks: two people, what stays once anything was counted, and who may be given a contract."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from services.billing import office_tables, store, tables
from services.billing.credit_code import check_character, is_credit_code
from services.billing.handlers import outlook, statements, suppliers
from services.billing.handlers.contracts import agreements
from services.billing.handlers.facts import Report, record
from tests.billing.conftest import a_client, hours, tell
from tests.people import NOON, headers_of

REF = "HY-2026-01"
TERMS = {
    "supplier": "HY", "budget_line": "AIRCON", "title": "空调维修", "title_en": "Repair", "items": ["repair"], "starts_on": "2026-01-01",
    "ends_on": "2028-01-01", "content": "维修", "liabilities": "照价赔偿", "payment": "按月", "schedule": "2026-12-31 | 30000 | 年终",
    "retention_pct": "5", "commitment": "60000", "tax_pct": "6",
}  # fmt: skip
NEW = TERMS | {
    "ref": "HY-2027-09", "starts_on": "2027-01-01",
    "lines": json.dumps([{"item": "repair", "meter": "hours", "price": {"model": "per_unit", "unit_price": "90"}}]),
}  # fmt: skip


def someone(running, role, **more):
    return headers_of(running, role, now=running.clock.now(), **more)


def post(running, path, body, role="contract_manager", **more):
    return a_client(running).post(f"/billing/api{path}", json=body, headers=someone(running, role, **more))


def put_in_force(running, made, role="finance"):
    return post(running, f"/proposals/{made.json['id']}/in_force", {}, role)


def the_contract(running, ref=REF):
    with running.database.read() as connection:
        return store.contract(connection, ref)


def test_terms_are_written_by_one_and_put_in_force_by_another(running):
    made = post(running, f"/contracts/{REF}/terms", TERMS)
    assert made.status_code == 201, made.text
    assert the_contract(running).title != "空调维修"
    own = post(running, f"/proposals/{made.json['id']}/in_force", {})
    assert own.status_code == 403
    page = a_client(running).get(f"/billing/proposals/{made.json['id']}", headers=someone(running, "finance"))
    assert "照价赔偿" in page.text
    assert put_in_force(running, made).status_code == 200
    assert put_in_force(running, made).status_code == 409
    found = the_contract(running)
    assert (found.title, found.version, json.loads(found.parts)["schedule"][0]["amount"]) == ("空调维修", 2, "30000.00")
    assert "rules" in json.loads(found.terms)["scheme"], "the scheme of assessment is another agreement and stays"
    outbox = running.service.metadata.tables["outbox"]
    with running.database.read() as connection:
        said = [json.loads(row) for row in connection.execute(select(outbox.c.sealed)).scalars()]
    [event] = [each["data"] for each in said if each["type"] == "billing.agreement_in_force.v1"]
    assert {"title", "parts.liabilities", "terms.retention_pct"} <= set(event["changed"])
    assert event["by"] != event["approved_by"]


def test_a_form_says_what_is_wrong_beside_each_field_and_keeps_what_was_typed(quick):
    client, manager = a_client(quick), someone(quick, "contract_manager")
    for change, words in (
        ({"ends_on": "2025-01-01"}, "终止日要在起始日之后"), ({"schedule": "2026-12-31 | 三万 | 年终"}, "第1行"), ({"retention_pct": "101"}, "f-retention_pct-e"),
        ({"term_days": "61"}, "f-term_days-e"), ({"supplier": "ZZ"}, "没有这个服务商"), ({"bond": "1" + "0" * 30}, "f-bond-e"), ({"commitment": "-1"}, "f-commitment-e"),
        ({"zone": "Mars/Base"}, "没有这个时区"), ({"title": ""}, "f-title-e"), ({"starts_on": "2026-02-30"}, "f-starts_on-e"),
    ):  # fmt: skip
        answer = client.post(f"/billing/contracts/{REF}/terms", data=TERMS | change, headers=manager)
        assert answer.status_code == 422, change
        assert words in answer.text, (change, words)
        assert "照价赔偿" in answer.text
    with quick.database.read() as connection:
        assert connection.execute(select(office_tables.proposal)).first() is None


def test_what_amounts_were_rated_by_stays_once_something_was_counted(quick):
    changed = TERMS | {"rounding_mode": "floor"}
    assert post(quick, f"/contracts/{REF}/terms", changed).status_code == 201
    tell(quick, [hours(1, "1")])
    for change in ({"rounding_mode": "floor"}, {"zone": "UTC"}, {"fixed_days_in_month": "30"}, {"starts_on": "2026-02-01"}, {"tax_mode": "added"}):  # fmt: skip
        answer = post(quick, f"/contracts/{REF}/terms", TERMS | change)
        assert answer.status_code == 422, change
    early = post(quick, f"/contracts/{REF}/terms", TERMS | {"ends_on": "2026-11-20"})
    assert "ends_on" in early.text
    with quick.database.read() as connection:
        [waiting] = connection.execute(select(office_tables.proposal.c.proposal_id)).scalars()
    overtaken = post(quick, f"/proposals/{waiting}/in_force", {}, "finance")
    assert overtaken.status_code == 409, "it was sound when it was written, and no longer is"
    assert post(quick, f"/proposals/{waiting}/drop", {}).status_code == 200


def test_a_new_contract_needs_prices_an_eligible_supplier_and_a_second_person(quick):
    assert post(quick, "/contracts/new", NEW | {"ref": REF}).status_code == 422
    assert post(quick, "/contracts/new", NEW | {"lines": "[]"}).status_code == 422
    post(quick, "/suppliers/HY/bar", {"words": "转包"})
    refused = post(quick, "/contracts/new", NEW)
    assert refused.status_code == 422
    assert "supplier" in refused.text
    post(quick, "/suppliers/HY/bar", {"words": ""})
    made = post(quick, "/contracts/new", NEW)
    assert put_in_force(quick, made).status_code == 200, made.text
    with quick.database.read() as connection:
        agreement = agreements(connection, ["HY-2027-09"])["HY-2027-09"]
    assert (agreement.starts_on, agreement.card(1).version) == (date(2027, 1, 1), 1)
    page = a_client(quick).get("/billing/contracts/HY-2027-09", headers=someone(quick, "contract_manager"))
    assert "照价赔偿" in page.text


def test_the_same_key_writes_one_proposal(quick):
    headers = someone(quick, "contract_manager") | {"Idempotency-Key": "k-1"}
    one, two = (a_client(quick).post(f"/billing/api/contracts/{REF}/terms", json=TERMS, headers=headers) for _ in "ab")
    assert one.json == two.json
    with quick.database.read() as connection:
        assert len(connection.execute(select(office_tables.proposal)).all()) == 1


def test_tax_on_top_is_a_line_of_its_own(quick):
    made = post(quick, f"/contracts/{REF}/terms", TERMS | {"tax_mode": "added", "retention_pct": ""})
    assert put_in_force(quick, made).status_code == 200
    tell(quick, [hours(1, "10")])
    quick.clock.set(datetime(2026, 12, 3, 2, tzinfo=UTC))
    with quick.work(actor="account:clerk") as work:
        ref = statements.draw(work, REF, "2026-11")
    with quick.database.read() as connection:
        lines = [(line.kind, line.amount) for line in store.statement_lines(connection, ref)]
        assert lines == [("charge", Decimal("850.00")), ("tax", Decimal("51.00"))]
        assert statements.redrawn(connection, REF, "2026-11") == store.statement(connection, REF, "2026-11").document


def test_what_comes_after_the_contract_ended_is_still_stated(quick):
    made = post(quick, f"/contracts/{REF}/terms", TERMS | {"ends_on": "2026-12-01", "retention_pct": ""})
    assert put_in_force(quick, made).status_code == 200
    tell(quick, [hours(1, "10")])
    quick.clock.set(datetime(2026, 12, 3, 2, tzinfo=UTC))
    with quick.work() as work:
        statements.draw(work, REF, "2026-11")
        record(
            work,
            [
                Report(
                    source="x",
                    id="1",
                    contract=REF,
                    item="repair",
                    meter="hours",
                    unit="hours",
                    quantity=Decimal(1),
                    service_at=NOON,
                )
            ],
        )
    quick.clock.set(datetime(2027, 1, 3, 2, tzinfo=UTC))
    with quick.work() as work:
        ref = statements.draw(work, REF, "2026-12")
    with quick.database.read() as connection:
        [line] = store.statement_lines(connection, ref)
    assert (line.kind, line.for_period, line.amount) == ("adjustment", "2026-11", Decimal("85.00"))


# ---- suppliers


def test_a_credit_code_checks():
    assert is_credit_code("91350100M000100Y43")  # the example of GB 32100-2015
    assert not is_credit_code("91350100M000100Y44")
    assert not is_credit_code("91350100M000100I43")
    assert check_character("91350100M000100Y4") == "3"


def licence(until="2030-01-01"):
    return {"kind": "business", "number": "L-1", "issuer": "市监局", "issued_on": "2024-01-01", "expires_on": until}


MARKS = {"papers": "80", "credit": "80", "capability": "80", "experience": "80", "words": "可以"}


def hindrances(running, code="NEW"):
    with running.database.read() as connection:
        return [each.key.rpartition(".")[2] for each in suppliers.hindrances(connection, code, date(2026, 11, 25))]


def test_a_supplier_becomes_eligible_by_papers_and_three_seats_of_different_people(running):
    given = {"code": "NEW", "name": "新", "name_en": "New", "short": "新"}
    assert post(running, "/suppliers", given | {"credit_code": "91350100M000100Y44"}).status_code == 422
    assert post(running, "/suppliers", given | {"credit_code": "91350100m000100y43"}).status_code == 201
    assert post(running, "/suppliers", given).status_code == 422
    assert hindrances(running) == ["no_business", "not_reviewed"]
    assert post(running, "/suppliers/NEW/licences", licence("2026-11-25")).status_code == 201
    assert "no_business" in hindrances(running), "its last good day was yesterday"
    assert post(running, "/suppliers/NEW/licences", licence()).status_code == 201
    review = post(running, "/suppliers/NEW/reviews", MARKS).json["id"]
    assert post(running, "/suppliers/NEW/reviews", MARKS).status_code == 409
    seat = f"/suppliers/NEW/reviews/{review}/seat"

    def say(name, role, verdict="agreed", **more):
        return post(running, seat, {"seat": name, "verdict": verdict, "words": "同意"}, role, **more)

    assert say("finance", "contract_manager").status_code == 403
    assert say("logistics", "contract_manager").json["state"] == "open"
    assert say("logistics", "contract_manager", account="another").status_code == 409
    assert say("legal", "contract_manager", department="legal").status_code == 403, "one person, one seat"
    assert say("legal", "supervisor").json["state"] == "open"
    assert hindrances(running) == ["not_reviewed"]
    assert say("finance", "finance").json["state"] == "qualified"
    assert say("finance", "finance").status_code == 409
    assert hindrances(running) == []


@pytest.mark.parametrize(("marks", "refuses"), [(MARKS, True), (MARKS | {"capability": "0", "credit": "20"}, False)])
def test_a_refusal_or_a_low_score_rejects(quick, marks, refuses):
    post(quick, "/suppliers", {"code": "NEW", "name": "新", "name_en": "New", "short": "新"})
    review = post(quick, "/suppliers/NEW/reviews", marks).json["id"]
    path = f"/suppliers/NEW/reviews/{review}/seat"
    states = [
        post(quick, path, {"seat": seat, "verdict": "rejected" if refuses else "agreed", "words": "x"}, role)
        for seat, role in (("logistics", "contract_manager"), ("legal", "supervisor"), ("finance", "finance"))
    ]
    assert [each.json.get("state") for each in states][0 if refuses else -1] == "rejected"
    assert "not_reviewed" in hindrances(quick)


def test_a_grave_record_bars_until_another_person_lifts_it(quick):
    bad = {"grave": True, "happened_on": "2026-10-01", "counts_until": "2028-10-01", "words": "造假", "source": "抽查"}
    assert post(quick, "/suppliers/HY/records", bad | {"counts_until": "2026-01-01"}).status_code == 422
    assert post(quick, "/suppliers/HY/records", bad | {"happened_on": "2027-01-01"}).status_code == 422
    assert post(quick, "/suppliers/HY/records", bad | {"grave": False}).status_code == 201
    assert hindrances(quick, "HY") == []
    assert post(quick, "/suppliers/HY/records", bad).status_code == 201
    assert hindrances(quick, "HY") == ["has_record"]
    with quick.database.read() as connection:
        table = office_tables.bad_record.c
        [record_id] = connection.execute(select(table.record_id).where(table.grave == 1)).scalars()
    path = f"/suppliers/HY/records/{record_id}/lift"
    assert post(quick, path, {"words": "查无实据"}).status_code == 403
    assert post(quick, path, {"words": "查无实据"}, "supervisor").status_code == 200
    assert hindrances(quick, "HY") == []


def test_suppliers_files_are_not_for_suppliers(quick):
    client = a_client(quick)
    for path in ("suppliers", "suppliers/HY", "api/suppliers", "risks", "proposals", f"contracts/{REF}/standing"):
        assert client.get(f"/billing/{path}", headers=headers_of(quick, "supplier", supplier="HY")).status_code == 403


# ---- bonds, risks, renewal


def test_a_bond_comes_in_and_no_more_goes_than_is_held(running):
    path = f"/contracts/{REF}/bond"
    move = {"move": "received", "amount": "10000", "on_day": "2026-11-01", "reference": "B-1"}
    assert post(running, path, move, "finance").status_code == 201
    assert post(running, path, move | {"move": "returned", "amount": "10000.01"}, "finance").status_code == 409
    assert post(running, path, move | {"on_day": "2027-11-01"}, "finance").status_code == 422
    assert post(running, path, move | {"move": "claimed", "amount": "2500.50"}, "finance").status_code == 201
    found = a_client(running).get(f"/billing/api/contracts/{REF}/standing", headers=someone(running, "finance")).json
    assert (found["bond_held"], found["advice"]) == ("7499.50", "too_early")


def scored(running, *values, ref=REF):
    with running.work() as work:
        rows = [
            {"scored": ref, "period": f"2026-{month:02}", "supplier": "HY", "score": Decimal(value), "steps": "[]", "by": "x", "at": NOON,
             "consequence": "none" if value >= 80 else "fewer_orders" if value >= 70 else "no_new_orders"}
            for month, value in enumerate(values, 1)
        ]  # fmt: skip
        work.connection.execute(tables.score.insert(), rows)


@pytest.mark.parametrize(
    ("values", "advice"),
    [((95, 92), "too_early"), ((90, 92, 91, 95), "renew"), ((95, 95, 78, 94), "with_conditions"), ((98, 97, 88, 85), "with_conditions"), ((69, 60, 90, 66), "not_again")],
)  # fmt: skip
def test_renewal_follows_the_evaluation_history(quick, values, advice):
    scored(quick, *values)
    with quick.database.read() as connection:
        assert outlook.renewal(connection, REF).advice == advice
    page = a_client(quick).get(f"/billing/contracts/{REF}/standing", headers=someone(quick, "supervisor"))
    assert page.status_code == 200


def test_risks_show_by_themselves_and_keep_what_is_done_about_them(quick):
    scored(quick, *[90] * 9, 65)
    quick.clock.set(datetime(2026, 12, 20, tzinfo=UTC))
    with quick.work() as work:
        terms = json.loads(the_contract(quick).terms) | {"bond": "5000"}
        work.connection.execute(
            tables.contract.update().where(tables.contract.c.ref == REF).values(terms=json.dumps(terms))
        )
    client, manager = a_client(quick), someone(quick, "contract_manager")
    found = {each["what"]: each for each in client.get("/billing/api/risks", headers=manager).json["risks"]}
    assert {"licence", "single", "bond_short", "score"} <= set(found)
    body = {"key": found["bond_short"]["key"], "measure": "催交", "owner": "赵敏", "review_on": "2026-12-31"}
    assert post(quick, "/risks", body).status_code == 201
    assert post(quick, "/risks", {"measure": "x", "owner": "y"}).status_code == 422
    assert (
        post(
            quick,
            "/risks",
            {"words": "冬季停电", "level": "high", "measure": "备发电机", "owner": "何静"},
            "supervisor",
        ).status_code
        == 201
    )
    page = client.get("/billing/risks", headers=manager).text
    assert "催交" in page
    assert "冬季停电" in page
