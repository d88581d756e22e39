"""Every fact's amount explains itself, also of one that came in with hundreds of others."""

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from services.billing.explaining import ladder
from services.billing.handlers import cards, statements
from services.billing.handlers.contracts import put_contract_in_force
from tests.billing.conftest import a_client, facts
from tests.people import headers_of

TIERS = [{"up_to": "10", "unit_price": "85", "flat_fee": "5"}, {"up_to": None, "unit_price": "72.5"}]
LINES = [
    {"item": "repair", "meter": "hours", "price": {"model": "graduated", "tiers": TIERS}, "free_quantity": "2", "discount_pct": "5"},
    {"item": "repair", "meter": "materials", "price": {"model": "package", "size": "4", "price": "19.9"}, "minimum": "300"},
]  # fmt: skip
REF = "EX-2026-01"


@pytest.fixture
def agreed(running):
    with running.work() as work:
        put_contract_in_force(
            work,
            {"ref": REF, "supplier": "HY", "budget_line": "AIRCON", "title": "t", "title_en": "t", "items": ["repair"],
             "starts_on": date(2026, 8, 1), "ends_on": date(2027, 1, 1)},
            [{"version": 1, "starts_on": date(2026, 8, 1), "lines": LINES}],
        )  # fmt: skip
    return running


def report(running, first, quantities, meter="hours", day="2026-11-03"):
    units = {"hours": "hours", "materials": "yuan"}
    items = [
        {"id": f"{meter}-{number}", "contract": REF, "item": "repair", "meter": meter, "unit": units[meter], "quantity": quantity,
         "service_at": f"{day}T02:00:00Z"}
        for number, quantity in enumerate(quantities, first)
    ]  # fmt: skip
    answer = a_client(running).post(
        "/billing/api/facts", json={"source": "t", "facts": items}, headers=headers_of(running, "finance")
    )
    assert {each["status"] for each in answer.json["results"]} == {201}, answer.text


def explained(running):
    """Each fact's amount, and what its rungs add up to."""
    with running.database.read() as connection:
        return [
            (Fraction(row.amount), sum((Fraction(rung.get("amount", "0")) for rung in ladder(connection, row)), Fraction()))
            for row in facts(running)
        ]  # fmt: skip


def test_the_ladders_of_a_batch_add_up_to_its_amounts_across_tiers(agreed):
    report(agreed, 0, ["1.5", "3", "0", "7.25", "11.333"])
    report(agreed, 5, ["2", "3"])
    report(agreed, 0, ["3", "2", "40"], meter="materials")
    found = explained(agreed)
    assert len(found) == 10
    assert all(amount == told for amount, told in found)
    assert sum(amount for amount, _ in found) > 0


def test_a_batch_that_comes_late_explains_itself_with_the_minimum_of_its_closed_month(agreed):
    with agreed.work() as work:
        statements.draw(work, REF, "2026-10")
    report(agreed, 0, ["3", "90", "5"], meter="materials", day="2026-10-05")
    found = explained(agreed)
    assert [amount for amount, _ in found].count(0) == 1, "the minimum had paid for the first"
    assert all(amount == told for amount, told in found)


def test_the_version_that_priced_a_fact_explains_it_after_another_took_its_place(agreed):
    report(agreed, 0, ["4", "5"])
    dearer = [LINES[0] | {"price": {"model": "per_unit", "unit_price": "200"}}, LINES[1]]
    with agreed.work(actor="account:one") as work:
        draft = cards.propose_card(work, REF, date(2026, 8, 1), dearer, "one")
    with agreed.work(actor="account:two") as work:
        cards.put_card_in_force(work, REF, draft)
    report(agreed, 2, ["6", "1"])
    found = explained(agreed)
    assert len(found) == 4
    assert all(amount == told for amount, told in found)


def test_after_a_version_was_cut_short_what_no_longer_adds_up_is_not_told(agreed):
    report(agreed, 0, ["6", "7"])
    with agreed.work(actor="account:one") as work:
        draft = cards.propose_card(work, REF, date(2026, 11, 16), LINES, "one")
    with agreed.work(actor="account:two") as work:
        cards.put_card_in_force(work, REF, draft)
    with agreed.database.read() as connection:
        rungs = [[rung["key"] for rung in ladder(connection, row)] for row in facts(agreed)]
    assert sorted(rungs) == [["cumulative"], ["quantity"]]


@pytest.mark.parametrize("language", ["zh-Hans", "en"])
def test_the_page_and_the_api_tell_it(agreed, language):
    report(agreed, 0, ["11", "3.5"])
    client, head = (
        a_client(agreed),
        headers_of(agreed, "finance", language=language, now=datetime(2026, 11, 25, 4, tzinfo=UTC)),
    )
    for row in facts(agreed):
        page = client.get(f"/billing/explain/{row.fact_id}", headers=head)
        assert page.status_code == 200, page.text[-500:]
        assert "72.5" in page.text if row.source_id == "hours-1" else "85" in page.text
        told = client.get(f"/billing/api/usage/{row.fact_id}", headers=head).json
        assert sum(Fraction(step.get("amount", "0")) for step in told["steps"]) == Fraction(told["amount"])
