"""Tenders, the hard stop of budget lines, start-up lists, energy, and figures to compare by."""

import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from services.billing import procurement_tables as own
from services.billing.handlers import assessing, energy, tenders
from services.billing.tendering import Company, Offer, faults, places
from tests.billing.conftest import a_client, facts, finished, tell
from tests.billing.test_contracting import NEW, REF, TERMS, post, put_in_force, someone
from tests.people import headers_of

GOOD = Company(Decimal(2_000_000), frozenset({"business", "trade"}), hindered=False)
CRITERIA = {"capital": "1000000", "licences": ["business", "trade"], "references": 2, "most": "100000"}


@pytest.mark.parametrize(
    ("company", "offer", "missed"),
    [
        (GOOD, ("a", "100000", 2), []), (GOOD, ("a", "100000.01", 2), ["most"]), (GOOD, ("a", "1", 1), ["references"]),
        (Company(Decimal(999_999), GOOD.licences, hindered=False), ("a", "1", 9), ["capital"]), (Company(None, frozenset({"trade"}), hindered=True), ("a", "1", 9), ["capital", "licence_business", "hindered"]),
    ],
)  # fmt: skip
def test_hard_criteria_are_checked_by_the_machine(company, offer, missed):
    name, amount, references = offer
    assert faults(CRITERIA, company, Offer(name, Decimal(amount), references)) == missed
    assert faults({}, company, Offer(name, Decimal(amount), references)) == (["hindered"] if company.hindered else [])


def test_bids_compare_by_weighted_marks_and_price():
    offers = [Offer("A", Decimal(100), 0), Offer("B", Decimal(80), 0), Offer("C", Decimal(160), 0)]
    marks = {"A": [(Decimal(90), Decimal(80)), (Decimal(95), Decimal(70))], "B": [(Decimal(60), Decimal(60))]}
    found = {each.supplier: each for each in places(offers, marks, {"quality": 40, "experience": 30, "price": 30})}
    assert (found["A"].quality, found["A"].price, found["A"].total) == (Decimal("92.5"), 80, Decimal("83.5"))
    assert (found["B"].price, found["B"].total) == (100, 72)
    assert found["C"].total is None
    assert list(found) == ["A", "B", "C"]


NOTICE = {
    "ref": "T-2027-01", "method": "open", "title": "维修外包", "title_en": "Repair", "items": ["repair"], "content": "维修", "standards": "《标准》",
    "starts_on": "2028-01-01", "ends_on": "2029-01-01", "closes_at": "2026-12-01T17:00", "licences": ["business", "trade"], "references": 1,
    "quality": 40, "experience": 30, "price": 30,
}  # fmt: skip


def the_tender(running):
    with running.database.read() as connection:
        return tenders.tender(connection, "T-2027-01")


def supplier(running, code):
    return headers_of(running, "supplier", supplier=code, account=f"of-{code}", now=running.clock.now())


def said(running, kind):
    outbox = running.service.metadata.tables["outbox"]
    with running.database.read() as connection:
        found = [json.loads(row) for row in connection.execute(select(outbox.c.sealed)).scalars()]
    return [each["data"] for each in found if each["type"] == kind]


def test_a_tender_from_notice_to_award(running):
    client = a_client(running)
    form = client.get(f"/billing/tenders/new?contract={REF}", headers=someone(running, "contract_manager"))
    assert "《设备维修服务标准》第4版" in form.text, "the notice is made from the standards of a contract"
    for change, field in (
        ({"price": 31}, "price"), ({"closes_at": "2026-11-01T17:00"}, "closes_at"), ({"closes_at": "soon"}, "closes_at"), ({"ends_on": "2027-01-01"}, "ends_on"),
        ({"method": "invited", "invited": ["HY"]}, "invited"), ({"items": []}, "items"), ({"capital": "1" + "0" * 30}, "capital"),
    ):  # fmt: skip
        refused = post(running, "/tenders/new", NOTICE | change)
        assert refused.status_code == 422, change
        assert field in refused.json["errors"]
    form = {name: value for name, value in NOTICE.items() if name != "items"}
    nothing = client.post("/billing/tenders/new", data=form, headers=someone(running, "contract_manager"))
    assert nothing.status_code == 422, "the summary names a field called items too"
    assert 'href="#f-items"' in nothing.text
    made = post(running, "/tenders/new", NOTICE)
    assert client.get("/billing/api/tenders", headers=supplier(running, "HY")).json["tenders"] == []
    assert post(running, f"/proposals/{made.json['id']}/in_force", {}).status_code == 403, "by whoever wrote it"
    assert put_in_force(running, made).status_code == 200
    assert put_in_force(running, post(running, "/tenders/new", NOTICE | {"ref": "T-2"})).status_code == 200

    path = "/billing/api/tenders/T-2027-01/bids"
    for code, amount in (("HY", "90000"), ("AB", "60000"), ("JJ", "75000.50")):
        answer = client.post(
            path, json={"amount": amount, "references": 3, "words": "方案"}, headers=supplier(running, code)
        )
        assert answer.status_code == 201, answer.text
    assert (
        client.post(
            path, json={"amount": "80000", "references": 3, "words": "降价"}, headers=supplier(running, "HY")
        ).json["id"]
        == "HY-2"
    )
    assert (
        client.post(
            path, json={"supplier": "AB", "amount": "1", "words": "x"}, headers=supplier(running, "HY")
        ).status_code
        == 403
    )
    assert client.post(path, json={"amount": "0", "words": "x"}, headers=supplier(running, "HY")).status_code == 422
    office = client.get("/billing/tenders/T-2027-01", headers=someone(running, "contract_manager")).text
    assert "60,000" not in office
    assert "封存" in office, "sealed until the opening"
    own_view = client.get("/billing/tenders/T-2027-01", headers=supplier(running, "HY")).text
    assert "80,000.00" in own_view
    assert "75,000" not in own_view
    assert "60000" not in json.dumps(said(running, "billing.bid_received.v1"))
    assert post(running, "/tenders/T-2027-01/open", {}).status_code == 409

    running.clock.set(datetime(2026, 12, 1, 9, 0, tzinfo=UTC))
    assert client.post(path, json={"amount": "1", "words": "late"}, headers=supplier(running, "HY")).status_code == 409
    assert post(running, "/tenders/T-2027-01/open", {}, "finance").status_code == 200
    [opened] = said(running, "billing.bids_opened.v1")
    assert (opened["admitted"], opened["refused"]) == (["HY", "JJ"], ["AB"]), (
        "AB has a paper of safety, none of its trade"
    )
    assert "当日无效" in client.get("/billing/tenders/T-2027-01", headers=someone(running, "finance")).text
    mark = "/tenders/T-2027-01/marks"
    assert post(running, mark, {"supplier": "AB", "quality": "90", "experience": "90", "words": "x"}).status_code == 404
    for role in ("contract_manager", "supervisor"):
        for code, marks in (("HY", "90"), ("JJ", "70")):
            assert (
                post(
                    running, mark, {"supplier": code, "quality": marks, "experience": marks, "words": "看过方案"}, role
                ).status_code
                == 201
            )
    assert post(running, mark, {"supplier": "HY", "quality": "1", "experience": "1", "words": "x"}).status_code == 409
    assert post(running, "/tenders/T-2027-01/award", {"supplier": "HY", "words": "x"}).status_code == 409, (
        "an open tender needs three admitted bids"
    )
    with running.work() as work:
        work.connection.execute(own.tender.update().where(own.tender.c.ref == "T-2027-01").values(method="invited"))
    award = post(running, "/tenders/T-2027-01/award", {"supplier": "HY", "words": "总分最高"})
    assert award.status_code == 201, award.text
    assert put_in_force(running, award).status_code == 200
    assert (the_tender(running).state, the_tender(running).awarded_to) == ("awarded", "HY")
    [ended] = said(running, "billing.tender_ended.v1")
    assert (ended["supplier"], ended["amount"], ended["score"]) == ("HY", "80000.00", "91.13"), (
        "63 of marks, 75,000.50 / 80,000 of price"
    )
    loser = client.get("/billing/tenders/T-2", headers=supplier(running, "ZZ"))
    assert loser.status_code == 200
    assert post(running, "/tenders/T-2/fail", {"words": "无人投标"}).status_code == 200
    assert post(running, "/tenders/T-2/fail", {"words": "x"}).status_code == 409


def test_only_who_is_invited_sees_an_invited_tender(quick):
    post(quick, "/suppliers", {"code": "NEW", "name": "新", "name_en": "New", "short": "新"})
    assert (
        put_in_force(
            quick, post(quick, "/tenders/new", NOTICE | {"method": "invited", "invited": ["HY", "JJ", "NEW"]})
        ).status_code
        == 200
    )
    client = a_client(quick)
    assert client.get("/billing/tenders/T-2027-01", headers=supplier(quick, "HY")).status_code == 200
    assert client.get("/billing/tenders/T-2027-01", headers=supplier(quick, "AB")).status_code == 404
    assert (
        client.post(
            "/billing/api/tenders/T-2027-01/bids", json={"amount": "5", "words": "x"}, headers=supplier(quick, "AB")
        ).status_code
        == 404
    )
    assert client.get("/billing/api/tenders", headers=supplier(quick, "AB")).json["tenders"] == []


# ---- the hard stop


LINE = {
    "name": "空调机组维护费",
    "name_en": "Air-conditioning",
    "year": 2026,
    "amount": "120000",
    "hard": True,
    "warn_pct": "90",
}


def test_a_hard_stop_holds_back_commitments_until_two_people_let_them(running):
    """Facts are recorded all the same."""
    made = post(running, "/budget/AIRCON", LINE, "finance")
    assert made.status_code == 201, made.text
    assert post(running, f"/proposals/{made.json['id']}/in_force", {}, "finance").status_code == 403
    assert put_in_force(running, made, "contract_manager").status_code == 200
    assert post(running, "/budget/AIRCON", LINE, "finance").status_code == 422, "nothing is another"
    assert post(running, "/budget/AIRCON", LINE | {"year": 2027}, "finance").status_code == 422, (
        "contracts are paid from it"
    )
    new = NEW | {"starts_on": "2026-01-01"}  # another that binds the line's year
    stopped = post(running, "/contracts/new", new | {"commitment": "60000.01"})
    assert stopped.status_code == 422
    assert "0.01" in stopped.json["errors"]["commitment"][0]
    page = a_client(running).post(
        f"/billing/contracts/{REF}/terms",
        data=TERMS | {"commitment": "120000.50"},
        headers=someone(running, "contract_manager"),
    )
    assert 'id="f-commitment-e"' in page.text
    waiting = post(running, f"/contracts/{REF}/terms", TERMS | {"commitment": "120000"})
    assert waiting.status_code == 201
    other = post(running, "/contracts/new", new)
    assert other.status_code == 201
    assert put_in_force(running, other).status_code == 200
    late = put_in_force(running, waiting)
    assert late.status_code == 409, "it was sound when it was written; another contract took the rest meanwhile"
    assert post(running, "/budget/STAFF/overrides", {"amount": "1", "words": "x"}, "finance").status_code == 422, (
        "that line has no stop"
    )
    assert post(running, "/budget/AIRCON/overrides", {"amount": "60000", "words": ""}, "finance").status_code == 422
    asked = post(running, "/budget/AIRCON/overrides", {"amount": "60000", "words": "主机大修"}, "finance")
    assert asked.status_code == 201
    assert put_in_force(running, waiting).status_code == 409, "an override counts when it is in force"
    assert post(running, f"/proposals/{asked.json['id']}/in_force", {}, "finance").status_code == 403
    assert put_in_force(running, asked, "contract_manager").status_code == 200
    again = post(running, f"/contracts/{REF}/terms", TERMS | {"commitment": "120000"})
    assert put_in_force(running, again).status_code == 200
    assert post(running, f"/contracts/{REF}/terms", TERMS | {"commitment": "120000.01"}).status_code == 422
    tell(running, [finished(1, ("materials", "200000", "yuan"))])
    [fact] = facts(running)
    assert (fact.state, fact.amount) == ("over_budget", Decimal("216000.00"))
    client = a_client(running)
    found = client.get("/billing/api/budget/AIRCON", headers=someone(running, "finance")).json
    assert (found["hard"], found["over_budget"], found["overrides"][0]["words"]) == (True, 1, "主机大修")
    seen = client.get("/billing/budget/AIRCON", headers=someone(running, "supervisor")).text
    assert "主机大修" in seen
    assert fact.fact_id in seen
    agreed = [each for each in said(running, "billing.agreement_in_force.v1") if each["kind"] == "override"]
    assert (agreed[0]["about"], agreed[0]["by"] != agreed[0]["approved_by"]) == ("AIRCON", True)


def test_a_new_line_is_made_by_two(quick):
    body = LINE | {"code": "WATER", "hard": False}
    assert post(quick, "/budget/new", body | {"code": "FIRE"}, "finance").status_code == 422
    assert post(quick, "/budget/new", body | {"amount": "-1"}, "finance").status_code == 422
    assert put_in_force(quick, post(quick, "/budget/new", body, "finance"), "contract_manager").status_code == 200
    assert "WATER" in a_client(quick).get("/billing/api/budget", headers=someone(quick, "finance")).text
    assert a_client(quick).get("/billing/budget/NONE", headers=someone(quick, "finance")).status_code == 404


# ---- start-up


def test_a_startup_list_is_confirmed_by_who_looked_at_none_of_it(running):
    path, client = f"/contracts/{REF}/startup", a_client(running)
    found = client.get(f"/billing/api{path}", headers=someone(running, "finance")).json
    assert (found["ready"], found["open"]) == (
        False,
        ["facilities", "records", "people", "keys", "safety", "emergency", "insurance"],
    )
    assert post(running, path, {"check": "content", "passed": True, "words": "x"}).status_code == 422, (
        "the contract answers it"
    )
    assert post(running, f"{path}/confirm", {"words": "x"}, "finance").status_code == 409
    for check in found["open"]:
        assert (
            post(running, path, {"check": check, "passed": check != "keys", "words": "看过"}, "supervisor").status_code
            == 201
        )
    assert client.get(f"/billing/api{path}", headers=someone(running, "finance")).json["open"] == ["keys"]
    assert post(running, path, {"check": "keys", "passed": True, "words": "补齐"}).status_code == 201
    assert post(running, f"{path}/confirm", {"words": "x"}).status_code == 403, "it looked at one"
    assert post(running, f"{path}/confirm", {"words": "可以开工"}, "finance").status_code == 200
    assert post(running, path, {"check": "keys", "passed": False, "words": "x"}).status_code == 409
    assert "可以开工" in client.get(f"/billing{path}", headers=someone(running, "supervisor")).text
    assert [each["check"] for each in said(running, "billing.startup_checked.v1")][-1] == "ready"


# ---- energy


def test_energy_is_read_by_month_and_saving_counts_in_a_score(running):
    def read(period, quantity, **more):
        return post(
            running,
            "/resources",
            {"resource": "electricity", "period": period, "quantity": quantity, "cost": "100.00", **more},
            "finance",
        )

    assert read("2025-11", "1000", scored=REF).status_code == 201
    assert read("2026-11", "950", scored=REF).status_code == 201
    assert read("2026-11", "900", scored=REF).status_code == 201, "the newest reading counts"
    assert read("2026-12", "1").status_code == 422
    assert read("2026-13", "1").status_code == 422
    assert read("2026-11", "-1").status_code == 422
    found = a_client(running).get("/billing/api/resources?year=2026", headers=someone(running, "supervisor")).json
    [row] = found["readings"]
    assert (row["quantity"], row["per_m2"], row["saved_pct"]) == ("900.00", "0.023", "10.0")
    page = a_client(running).get("/billing/resources", headers=someone(running, "supervisor")).text
    assert "10.0%" in page
    with running.database.read() as connection:
        assert energy.saving(connection, REF, "2026-11") == 10
        assert energy.saving(connection, "", "2026-11") is None
        assert assessing.scored_of(connection, REF, "2026-11") is None, "without a weight it counts nothing"
        scheme = {"indicators": [{"code": "saving", "weight": "1", "full_at": "20", "zero_at": "0"}]}
        assert assessing.scored_of(connection, REF, "2026-11", scheme)[0] == 50


# ---- figures to compare by


def test_figures_of_another_compound_stand_beside_ours_and_are_not_kept(quick):
    client, reader = a_client(quick), someone(quick, "finance")
    theirs = {
        "year": 2026,
        "items": [
            {"item": "repair", "promises_kept_pct": "93.5", "stars": None, "contractor_unit_yuan": {"hours": "77.00"}}
        ],
    }

    def hand_in(body):
        return client.post("/billing/benchmark", data={"file": (io.BytesIO(body), "x.json")}, headers=reader)

    shown = hand_in(json.dumps(theirs).encode())
    assert shown.status_code == 200
    assert "93.5" in shown.text
    assert "77" in shown.text
    for bad in (b"", b"x", b"[]", b'{"year": 2026, "items": [1]}', json.dumps(theirs | {"items": [{"item": "<b>"}]}).encode(),
                json.dumps(theirs | {"items": [{"item": "repair", "stars": "=1+1"}]}).encode(), b"{" * 250_000):  # fmt: skip
        assert hand_in(bad).status_code == 422, bad[:40]
    assert client.get("/billing/benchmark.csv?year=2026", headers=reader).text.startswith("\ufeffitem,finished")
    assert client.get("/billing/benchmark", headers=headers_of(quick, "supplier", supplier="HY")).status_code == 403
