"""Full cost beside the contractor's price; centres whose income and expense stand apart, with support by their funding."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from services.billing import office_tables
from services.billing.handlers import accounting, costing
from tests.billing.conftest import a_client, finished, tell
from tests.people import headers_of

MONTH = "2026-11"
DECEMBER = datetime(2026, 12, 3, 2, tzinfo=UTC)


def post(running, path, body, role="finance", **more):
    headers = headers_of(running, role, now=running.clock.now(), **more)
    return a_client(running).post(f"/billing/api{path}", json=body, headers=headers)


def get(running, path, role="finance"):
    return a_client(running).get(f"/billing/{path}", headers=headers_of(running, role, now=running.clock.now()))


def own(number, *usage, item="repair"):
    return finished(number, *usage, contract="", item=item)


# ---- full cost


def test_full_cost_stands_beside_the_contractors_price(running):
    tell(
        running,
        [
            own(1, ("hours", "10", "hours"), ("materials", "200", "yuan")),
            own(2, ("pages", "500", "pages"), ("hours", "2", "hours"), item="printing"),
        ],
    )
    found = {each["item"]: each for each in get(running, f"api/costs?period={MONTH}").json["costs"]}
    repair = found["repair"]
    # 10 h × 32.50; 200 of material; (96,000 − 6,000) / 60; 9,000 of overhead by hours, 10 of 12.
    assert [repair[kind] for kind in costing.KINDS] == ["325.00", "200.00", "1500.00", "7500.00"]
    assert (repair["amount"], repair["contract"], repair["price"]) == ("9525.00", "HY-2026-01", "1066.00")
    assert (repair["difference"], repair["avoidable"]) == ("8459.00", "959.00")
    assert found["printing"]["price"] is None, "no contract prices it"
    assert Decimal(found["printing"]["overhead"]) + Decimal(repair["overhead"]) == 9000
    page = get(running, f"costs?period={MONTH}").text
    assert "9,525.00" in page
    assert "8,459.00" in page


def test_what_was_corrected_costs_what_it_now_is(quick):
    from services.billing.handlers.facts import Report, record

    tell(quick, [own(1, ("hours", "10", "hours"))])
    change = Report(source="x", id="c", kind="correct", corrects="00000000-0000-7000-8000-000000000001/7/0/hours", of="dispatch",
                    service_at=quick.clock.now(), quantity=Decimal(4))  # fmt: skip
    with quick.work() as work:
        assert [each.status for each in record(work, [change])] == ["recorded"]
    [repair] = get(quick, f"api/costs?period={MONTH}").json["costs"]
    assert repair["labour"] == "130.00"


def test_bases_of_cost_are_agreed_by_two_people_line_by_line(quick):
    tell(quick, [own(1, ("hours", "10", "hours"))])
    good = {
        "starts_in": MONTH,
        "hourly": "default | 40\nhy-1 | 50",
        "assets": "车 | repair | 6000 | 0 | 60 | 50",
        "overheads": "办公室 | 100 | repair=1, printing=3",
    }
    for change, name in (
        ({"hourly": "default"}, "hourly"), ({"hourly": "default | x"}, "hourly"), ({"hourly": "default | -1"}, "hourly"), ({"assets": "车 | repair | 1"}, "assets"),
        ({"assets": "车 | repair | 6000 | 0 | 0 | 50"}, "assets"), ({"assets": "车 | repair | 6000 | 7000 | 60 | 50"}, "assets"), ({"overheads": "办公室 | 100 | repair"}, "overheads"),
        ({"overheads": "办公室 | 1e400 |"}, "overheads"), ({"starts_in": "2026"}, "starts_in"),
    ):  # fmt: skip
        answer = post(quick, "/costs/basis", good | change, "contract_manager")
        assert answer.status_code == 422, change
        assert name in answer.text, change
    made = post(quick, "/costs/basis", good, "contract_manager")
    assert post(quick, f"/proposals/{made.json['id']}/in_force", {}).status_code == 200
    [repair] = get(quick, f"api/costs?period={MONTH}").json["costs"]
    assert [repair[kind] for kind in costing.KINDS] == ["400.00", "0.00", "50.00", "25.00"]


def test_departments_are_charged_the_whole_cost_to_the_fen(quick):
    tell(quick, [own(n, ("hours", "1", "hours")) for n in (1, 2, 3)] + [finished(9, ("hours", "2", "hours"))])
    found = get(quick, f"api/chargeback?period={MONTH}").json
    by = {}
    for each in found["lines"]:
        by[each["by"]] = by.get(each["by"], Decimal(0)) + Decimal(each["amount"])
    [cost] = get(quick, f"api/costs?period={MONTH}").json["costs"]
    assert by == {"own": Decimal(cost["amount"]), "contractor": Decimal("170.00")}
    rows = list(csv.DictReader(io.StringIO(get(quick, f"chargeback.csv?period={MONTH}").data.decode("utf-8-sig"))))
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal(found["total"])
    assert "170.00" in get(quick, f"chargeback?period={MONTH}").text


# ---- centres


def entry(side="income", category="fee", amount="100.00", period=MONTH):
    return {"side": side, "category": category, "period": period, "amount": amount, "words": "餐费", "reference": "V-1"}


def centre(running, code="canteen", period=MONTH):
    return next(each for each in get(running, f"api/centres?period={period}").json["centres"] if each["code"] == code)


def test_income_and_expense_stand_apart_and_the_close_adds_the_difference(running):
    for each in (entry(), entry("expense", "material", "350.50"), entry("expense", "labour", "100")):
        assert post(running, "/centres/canteen/entries", each).status_code == 201
    assert post(running, "/centres/canteen/entries", entry("expense", "fee")).status_code == 422
    assert post(running, "/centres/canteen/close", {"period": MONTH}, "contract_manager").status_code == 409, "not over"
    running.clock.set(DECEMBER)
    assert post(running, "/centres/canteen/close", {"period": MONTH}).status_code == 403, "who booked does not close"
    assert post(running, "/centres/canteen/close", {"period": MONTH}, "contract_manager").status_code == 200
    found = centre(running)
    assert [found[name] for name in ("income", "expense", "support", "result")] == [
        "100.00",
        "450.50",
        "350.50",
        "0.00",
    ]
    assert [(each["number"], each["category"]) for each in found["entries"]] == [
        (1, "fee"),
        (2, "material"),
        (3, "labour"),
        (4, "subsidy"),
    ]
    assert post(running, "/centres/canteen/entries", entry()).status_code == 409
    assert post(running, "/centres/canteen/close", {"period": MONTH}, "contract_manager").status_code == 409
    page = get(running, f"centres/canteen?period={MONTH}").text
    assert "350.50" in page


def test_a_difference_subsidy_ends_with_the_years_most(quick):
    with quick.work() as work:
        work.connection.execute(
            office_tables.centre.update().where(office_tables.centre.c.code == "canteen").values(yearly=Decimal(100))
        )
    for month, expense in (("2026-09", "70"), ("2026-10", "70")):
        post(quick, "/centres/canteen/entries", entry("expense", "labour", expense, month))
        assert post(quick, "/centres/canteen/close", {"period": month}, "contract_manager").status_code == 200
    assert (centre(quick, period="2026-09")["support"], centre(quick, period="2026-10")["support"]) == (
        "70.00",
        "30.00",
    )
    assert centre(quick, period="2026-10")["result"] == "-40.00"


def test_twelve_months_of_a_grant_are_the_years_sum_and_target_fees_pay_for_work(quick):
    rows = {"yearly": Decimal("100000.01"), "funding": "grant", "code": "x"}
    months = [accounting._twelfth(rows["yearly"], month) for month in range(1, 13)]
    assert sum(months) == Decimal("100000.01")
    tell(quick, [own(1, ("hours", "7.5", "hours"))])
    quick.clock.set(DECEMBER)
    assert post(quick, "/centres/upkeep/close", {"period": MONTH}).status_code == 200
    assert [(each["category"], each["amount"]) for each in centre(quick, "upkeep")["entries"]] == [
        ("grant", "10000.00"),
        ("target_fee", "90.00"),
    ]


def test_an_entry_is_taken_back_once_and_by_another_entry(running):
    made = post(running, "/centres/printing/entries", entry(amount="12.30")).json["id"]
    path = f"/centres/printing/entries/{made}/reverse"
    assert post(running, path, {"words": "记错"}).status_code == 200
    assert post(running, path, {"words": "记错"}).status_code == 409
    found = centre(running, "printing")
    assert [each["amount"] for each in found["entries"]] == ["12.30", "-12.30"]
    assert (
        post(running, f"/centres/printing/entries/{found['entries'][1]['id']}/reverse", {"words": "x"}).status_code
        == 409
    )
    assert post(running, "/centres/printing/entries/none/reverse", {"words": "x"}).status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"amount": "-1"}, {"amount": "0"}, {"amount": "1" + "0" * 30}, {"amount": "1.005"}, {"period": "2027-01"}, {"side": "both"}, {"category": "subsidy"}, {"words": ""}],
)  # fmt: skip
def test_what_cannot_be_booked_is_refused_and_nothing_is_kept(quick, change):
    assert post(quick, "/centres/canteen/entries", entry() | change).status_code == 422
    with quick.database.read() as connection:
        assert connection.execute(select(office_tables.ledger_entry)).first() is None


def test_a_centres_type_drives_its_funding_and_two_people_make_it(quick):
    given = {
        "code": "clinic",
        "name": "门诊部",
        "name_en": "Clinic",
        "kind": "public_benefit",
        "funding": "grant",
        "yearly": "36000",
        "items": ["clinic"],
    }
    assert post(quick, "/centres", given | {"funding": "self_supporting"}, "contract_manager").status_code == 422
    assert post(quick, "/centres", given | {"fees": "clinic/hours | 3"}, "contract_manager").status_code == 422
    assert (
        post(quick, "/centres", given | {"funding": "mixed", "fees": "clinic | 3"}, "contract_manager").status_code
        == 422
    )
    made = post(quick, "/centres", given, "contract_manager")
    assert get(quick, "centres/clinic").status_code == 404
    assert "全额拨款" not in get(quick, "centres").text
    assert post(quick, f"/proposals/{made.json['id']}/in_force", {}).status_code == 200
    assert "全额拨款" in get(quick, "centres").text
    assert get(quick, "centres/clinic").status_code == 200


def test_lump_sums_stand_beside_metered_work_on_the_budget(quick):
    tell(quick, [finished(1, ("hours", "10", "hours"))])
    page = get(quick, "budget").text
    assert "包干与计量" in page
    assert "850.00" in page


def test_two_at_once_get_numbers_of_their_own(running):
    ids = [
        post(running, "/centres/canteen/entries", entry(amount=f"{n}.00"), account=f"a{n}").json["id"]
        for n in range(1, 4)
    ]
    assert len(set(ids)) == 3
    assert [each["number"] for each in centre(running)["entries"]] == [1, 2, 3]
