"""The pages and routes of money: for whom they are, in both languages, and that suppliers see only their own."""

import csv
import io
import json
import re
from decimal import Decimal

import openpyxl
import pytest

from services.billing.service import routes
from shared.language import CODES
from shared.web.routes import SAFE
from tests.billing.conftest import a_client, a_running, facts, finished, hours, tell
from tests.people import headers_of


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One service with the work of two suppliers and of a crew of our own, for all tests that only read."""
    folder = tmp_path_factory.mktemp("billing")
    running = a_running(folder, f"sqlite:///{folder / 'billing.db'}")
    tell(
        running,
        [
            finished(1, ("hours", "80.5", "hours"), ("materials", "123.45", "yuan")),
            hours(2, "60.25"),
            finished(3, ("m2", "130", "m2"), contract="JJ-2026-01", item="cleaning"),
            finished(4, ("hours", "2", "hours"), contract=""),
            finished(5, ("lifts", "1", "orders")),
        ],
    )
    yield running
    running.database.close()


@pytest.fixture(scope="module")
def client(house):
    return a_client(house)


def ids(running, contract):
    return [row.fact_id for row in facts(running) if row.contract == contract]


def pages(running):
    return [
        "statements/", "statements/HY-2026-01/2026-11", "statements/HY-2026-01/2026-11?line=repair.materials", "statements/JJ-2026-01/2026-10",
        "contracts/", "contracts/HY-2026-01", "contracts/AB-2026-01", "contracts/JJ-2026-01", "usage", "usage?contract=HY-2026-01", "budget", "feed",
        "feed/HY-2026-01", "feed/AB-2026-01", *(f"explain/{row.fact_id}" for row in facts(running)),
    ]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_page_is_there_in_both_languages(house, client, code):
    for path in pages(house):
        answer = client.get(f"/billing/{path}", headers=headers_of(house, "finance", language=code))
        assert answer.status_code == 200, (path, answer.text[-2000:])
        assert f'<html lang="{code}"' in answer.text


@pytest.mark.parametrize(
    "role",
    [
        "staff",
        "dispatcher",
        "crew",
        "supplier",
        "finance",
        "contract_manager",
        "supervisor",
        "auditor",
        "administrator",
    ],
)
def test_each_role_comes_to_its_routes_and_to_no_others(house, client, role):
    values = {
        "ref": "HY-2026-01",
        "contract": "HY-2026-01",
        "period": "2026-11",
        "fact_id": ids(house, "HY-2026-01")[0],
        "row": "7",
        "number": "1",
        "deduction_id": "d-1",
        "draft_id": "c-1",
        "do": "drop",
    }
    headers = headers_of(house, role, supplier="HY" if role in {"supplier", "crew"} else "")
    for route in routes():
        path = "/billing" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values.get(found[1], "none"), route.path)
        answer = client.open(path, method=route.method, headers=headers, data=None if route.method in SAFE else {})
        if route.allow.public or role in route.allow.scopes:
            assert answer.status_code not in {401, 403, 500} or route.fresh, (route.name, answer.status_code)
        else:
            assert answer.status_code == 403, (route.name, answer.status_code)


def test_a_supplier_sees_its_own_and_no_trace_of_another(house, client):
    lina = headers_of(house, "supplier", supplier="HY")
    foreign = ids(house, "JJ-2026-01")[0]
    for path in (
        "statements/",
        "contracts/",
        "usage",
        "api/usage",
        "api/contracts",
        "usage?contract=JJ-2026-01",
        "api/usage?contract=JJ-2026-01",
    ):
        answer = client.get(f"/billing/{path}", headers=lina)
        assert answer.status_code == 200
        for word in ("洁净", "Jiejing", "保洁绿化", "安保达", "1125-003", foreign):
            assert word not in answer.text, (path, word)
    for path in ("statements/JJ-2026-01/2026-11", "contracts/JJ-2026-01", f"explain/{foreign}", f"api/usage/{foreign}"):
        assert client.get(f"/billing/{path}", headers=lina).status_code == 404, path
    own = client.get("/billing/usage", headers=lina).text
    assert "1125-001" in own
    assert "1125-004" not in own  # our own crew's


def test_a_supplier_without_a_name_sees_nothing(house, client):
    nobody = headers_of(house, "supplier")
    assert client.get("/billing/api/usage", headers=nobody).json["facts"] == []
    assert client.get("/billing/api/contracts", headers=nobody).json["contracts"] == []
    assert client.get("/billing/contracts/HY-2026-01", headers=nobody).status_code == 404


def test_a_foreign_thing_and_a_missing_one_look_alike(house, client):
    lina = headers_of(house, "supplier", supplier="HY")
    clean = re.compile(r"[A-Z]{2}-2026-0\d|[0-9a-f]{64}|[0-9a-f]{4}-[0-9a-f]{2}|[0-9a-f-]{36}")
    foreign, missing = (client.get(f"/billing/contracts/{ref}", headers=lina) for ref in ("JJ-2026-01", "ZZ-2026-09"))
    assert foreign.status_code == missing.status_code == 404
    assert clean.sub("", foreign.text) == clean.sub("", missing.text)


def test_the_ladder_of_an_amount_names_its_steps_and_ends_with_it(house, client):
    second = next(row for row in facts(house) if row.order_reference == "2026-1125-002-1")
    answer = client.get(f"/billing/explain/{second.fact_id}", headers=headers_of(house, "auditor"))
    # 80.5 + 60.25 = 140.75 hours: 100 at 85 and 40.75 at 78, less the 6,842.50 of the first order.
    assert second.amount == Decimal("4836.00")
    for words in (
        "60.25",
        "140.75",
        "6842.5",
        "第1档",
        "第2档",
        "4,836.00元怎么来的",
        f"/audit/about/{second.order_id}",
    ):
        assert words in answer.text, words
    assert (
        "/audit/about/"
        not in client.get(f"/billing/explain/{second.fact_id}", headers=headers_of(house, "finance")).text
    )


@pytest.mark.parametrize("path", ["usage?cursor=", "api/usage?cursor="])
@pytest.mark.parametrize("cursor", ["x", "AAAA", "💣", "-" * 300, "MTIzNDU2Nzg5MDEyWyJmYWN0cyJd"])
def test_a_cursor_that_is_not_ours_is_refused(house, client, path, cursor):
    assert client.get(f"/billing/{path}{cursor}", headers=headers_of(house, "finance")).status_code == 400


def test_the_list_of_usage_goes_on_without_loss(house, client):
    finance = headers_of(house, "finance")
    seen, cursor = [], ""
    while cursor is not None:
        found = client.get(f"/billing/api/usage?limit=2&cursor={cursor}", headers=finance).json
        seen += [each["fact_id"] for each in found["facts"]]
        cursor = found["next"]
    assert sorted(seen) == sorted(row.fact_id for row in facts(house))


@pytest.mark.parametrize("period", ["2026-13", "2026-1", "0000-00", "november", "2026-11-01"])
def test_a_month_that_is_none_is_absent(house, client, period):
    assert (
        client.get(f"/billing/statements/HY-2026-01/{period}", headers=headers_of(house, "finance")).status_code == 404
    )


def test_the_csv_and_the_json_of_a_feed_say_the_same(house, client):
    finance = headers_of(house, "finance")
    entries = client.get("/billing/api/feed/HY-2026-01", headers=finance).json["entries"]
    text = client.get("/billing/feed/HY-2026-01.csv", headers=finance).data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["head"] for row in rows] == [each["head"] for each in entries]
    assert len(rows) == 3
    with house.database.read() as connection:
        taken = connection.exec_driver_sql(
            "SELECT sealed FROM outbox WHERE type = 'billing.access_noted.v1' ORDER BY row_id DESC"
        ).first()
    said = json.loads(taken[0])["data"]
    assert (said["what"], said["route"], said["of"]) == (
        "export",
        "feed_csv",
        "HY-2026-01",
    )  # the taking is itself an event
    amounts = [re.search(r'"amount":"([^"]*)"', each["body"])[1] for each in entries]
    assert sum(Decimal(row["amount"]) for row in rows) == sum(map(Decimal, amounts)) == Decimal("11811.83")


def test_words_that_a_spreadsheet_would_run_are_made_text(quick):
    tell(quick, [finished(1, ("hours", "1", "=cmd|' /C calc'!A0"))])
    finance = headers_of(quick, "finance")
    text = a_client(quick).get("/billing/feed/HY-2026-01.csv", headers=finance).data.decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text))
    assert row["unit"] == "'=cmd|' /C calc'!A0"
    assert row["amount"] == "85.00"
    book = openpyxl.load_workbook(
        io.BytesIO(a_client(quick).get("/billing/feed/HY-2026-01.xlsx", headers=finance).data)
    )
    [cell] = [each for line in book.active.iter_rows() for each in line if "calc" in str(each.value)]
    assert (cell.data_type, cell.value) == ("s", "=cmd|' /C calc'!A0")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}"])
def test_hostile_words_are_only_words(quick, text):
    tell(quick, [finished(1, ("hours", "1", text), item=text, contract="")])
    [row] = facts(quick)
    client, finance = a_client(quick), headers_of(quick, "finance")
    for path in ("usage", f"explain/{row.fact_id}"):
        html = client.get(f"/billing/{path}", headers=finance).text
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "49" not in re.findall(r"<dd>([^<]*)</dd>", html)
