"""Prices and deduction rules are written in forms of their own fields: rows come and go without a script, and faults stand beside."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from services.billing import office_tables, store, tables
from services.billing.handlers import statements
from services.billing.handlers.facts import Report, record
from services.billing.pages import price_form, rule_form
from services.billing.pages.entries import Entry
from services.billing.pricing.models import MODELS
from services.billing.wording import conditions, rates
from shared.language import CODES, language
from tests.billing.conftest import a_client, hours, tell
from tests.billing.test_contracting import NEW, REF, someone
from tests.billing.test_histories import PRICES
from tests.people import NOON

CARD = f"/billing/contracts/{REF}/cards"
LINES = {
    "l0_item": "repair", "l0_meter": "hours", "l0_model": "volume", "l0_t0_up_to": "15", "l0_t0_unit_price": "10",
    "l0_t1_up_to": "", "l0_t1_unit_price": "9", "l0_t1_flat_fee": "2.50", "l0_minimum": "100",
    "l1_item": "repair", "l1_meter": "materials", "l1_model": "multiplier", "l1_multiplier": "1.08",
}  # fmt: skip


def post(running, data, path=CARD, role="contract_manager", **headers):
    return a_client(running).post(path, data=data, headers=someone(running, role) | headers)


def drafts(running):
    with running.database.read() as connection:
        return [json.loads(each) for each in connection.execute(select(tables.card_draft.c.lines)).scalars()]


def test_a_card_is_written_in_fields_previewed_and_handed_in(running):
    tell(running, [hours(1, "20")])
    page = a_client(running).get(CARD, headers=someone(running, "contract_manager")).text
    assert 'name="l0_t2_unit_price" value="72.00"' in page, "the form is filled with the card in force"
    form = {"starts_on": "2026-11-01", **LINES}
    seen = post(running, form | {"do": "preview"})
    assert seen.status_code == 200
    assert "−1,517.50" in seen.text, "20 hours at 9 and 2.50 instead of 85 each"
    assert "16个单位只要146.5" in seen.text, "16 cost less than 15"
    assert "only" not in seen.text
    english = post(running, form | {"do": "preview"}, **{"Accept-Language": "en"})
    assert "16 units cost 146.5, less than 15 units: 150" in english.text
    assert drafts(running) == []
    assert post(running, form | {"do": "propose"}).status_code == 303
    assert drafts(running) == [
        [
            {"item": "repair", "meter": "hours", "minimum": "100", "price": {"model": "volume", "tiers": [
                {"up_to": "15", "unit_price": "10"}, {"up_to": None, "unit_price": "9", "flat_fee": "2.50"}]}},
            {"item": "repair", "meter": "materials", "price": {"model": "multiplier", "multiplier": "1.08"}},
        ]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "there", "gone"),
    [
        ("row.0", ["l0_t2_up_to", "l1_multiplier"], []), ("unrow.0.1", ["l0_t0_up_to"], ["l0_t1_up_to"]), ("add", ["l2_item"], []),
        ("drop.0", ["l0_multiplier"], ["l1_item", "l0_t0_up_to"]), ("kind.0", ["l0_t1_flat_fee"], []), ("drop.9", ["l1_item"], []), ("nonsense", ["l1_item"], []),
        ("unrow.0.x", ["l0_t1_up_to"], []),
    ],
)  # fmt: skip
def test_buttons_change_the_form_and_keep_what_was_typed(quick, change, there, gone):
    answer = post(quick, {"starts_on": "2026-12-01", **LINES, "change": change})
    assert answer.status_code == 200
    assert all(f'name="{name}"' in answer.text for name in there)
    assert not any(f'name="{name}"' in answer.text for name in gone)
    assert 'value="2026-12-01"' in answer.text
    assert 'value="1.08"' in answer.text
    assert drafts(quick) == []


def test_another_model_shows_its_own_fields(quick):
    answer = post(quick, {"starts_on": "", **LINES, "l0_model": "percentage", "change": "kind.0"}).text
    assert 'name="l0_event_min"' in answer
    assert 'name="l0_t0_up_to"' not in answer


def test_faults_stand_beside_their_fields_all_of_them(quick):
    wrong = LINES | {
        "l0_t0_up_to": "",
        "l0_t1_unit_price": "-9",
        "l1_multiplier": "viel",
        "l1_meter": "",
        "starts_on": "2026-12-01",
    }
    answer = post(quick, wrong | {"do": "propose"})
    assert answer.status_code == 422
    for name in ("l0_t0_up_to", "l0_t1_unit_price", "l1_multiplier", "l1_meter"):
        assert f'id="f-{name}-e"' in answer.text, name
        assert f'href="#f-{name}"' in answer.text
    assert 'value="viel"' in answer.text
    assert "lines[" not in answer.text, "places are named in words"
    far = post(quick, LINES | {"starts_on": "2031-01-01", "do": "preview"})
    assert 'id="f-starts_on-e"' in far.text
    for name, value in (("l0_magic", "1"), ("l1000_item", "x"), ("x", "y"), ("l0_item", "x" * 100)):
        assert post(quick, LINES | {"starts_on": "2026-12-01", name: value}).status_code == 422, name


@pytest.mark.parametrize("model", PRICES)
def test_every_model_goes_through_the_form_unchanged_and_is_told_in_both_languages(model):
    line = {"item": "repair", "meter": "hours", "price": PRICES[model], "maximum": "500.5"}
    [again] = price_form.lines_from(price_form.entries_from([line]))
    assert price_form.faults([again]) == []
    assert price_form.lines_from(price_form.entries_from([again])) == [again]
    assert {name: value for name, value in again["price"].items() if name != "tiers"} == {
        n: v for n, v in line["price"].items() if n != "tiers"
    }
    for code in CODES:
        told = rates(language(code), line)
        assert told
        assert model not in {rate for _, rate in told}
        assert any("500.50" in each for each in conditions(language(code), line))


def test_every_model_and_field_has_words():
    for code in CODES:
        words = language(code)
        for plan in (price_form.PLAN, rule_form.PLAN):
            for kind, shape in plan.kinds.items():
                assert words.has(f"{plan.words}.kind.{kind}")
                for column in (*shape.fields, *shape.rows):
                    assert words.has(f"{plan.words}.field.{column.name}"), column
    assert set(price_form.PLAN.kinds) == set(MODELS)


def test_the_api_takes_lines_as_json_and_a_second_person_puts_them_in_force(running):
    client = a_client(running)
    lines = [{"item": "repair", "meter": "people", "price": PRICES["capacity"]}]
    bad = client.post(f"/billing/api/contracts/{REF}/cards", json={"starts_on": "2026-11-01", "lines": [{"item": "repair", "price": {"model": "flat"}}], "do": "propose"},
                      headers=someone(running, "contract_manager"))  # fmt: skip
    assert bad.status_code == 422
    assert {"lines[0].price.amount", "lines[0].meter"} <= set(bad.json["errors"])
    seen = client.post(f"/billing/api/contracts/{REF}/cards", json={"starts_on": "2026-11-01", "lines": lines}, headers=someone(running, "contract_manager"))  # fmt: skip
    assert (seen.json["state"], seen.json["total"], seen.json["warnings"][0]["line"]) == ("previewed", "0.00", 1)
    made = client.post(f"/billing/api/contracts/{REF}/cards", json={"starts_on": "2026-11-01", "lines": lines, "do": "propose"}, headers=someone(running, "contract_manager"))  # fmt: skip
    path = f"/billing/api/contracts/{REF}/cards/{made.json['id']}/in_force"
    assert client.post(path, json={}, headers=someone(running, "contract_manager")).status_code == 403
    assert client.post(path.replace(REF, "AB-2026-01"), json={}, headers=someone(running, "finance")).status_code == 404
    assert client.post(path, json={}, headers=someone(running, "finance")).json["state"] == "in_force"


def test_capacity_and_percentage_go_from_fact_to_statement(running):
    """The peak of a month picks its tier; each fact pays its share, whatever the order in which facts come."""
    client, manager = a_client(running), someone(running, "contract_manager")
    lines = [
        {"item": "repair", "meter": "people", "price": {"model": "capacity", "tiers": [{"up_to": "4", "price": "900"}, {"up_to": None, "price": "1500"}]}},
        {"item": "repair", "meter": "materials", "price": {"model": "percentage", "rate_pct": "2", "fixed_fee": "1", "free_events": "1", "event_max": "8"}},
    ]  # fmt: skip
    made = client.post(
        f"/billing/api/contracts/{REF}/cards",
        json={"starts_on": "2026-11-01", "lines": lines, "do": "propose"},
        headers=manager,
    )
    client.post(
        f"/billing/api/contracts/{REF}/cards/{made.json['id']}/in_force", json={}, headers=someone(running, "finance")
    )
    first = NOON - timedelta(days=3)

    def fact(name, meter, quantity, days, **more):
        return Report(source="t", id=name, contract=REF, item="repair", meter=meter, unit="people" if meter == "people" else "yuan",
                      quantity=Decimal(quantity), service_at=first + timedelta(days=days), **more)  # fmt: skip

    with running.work() as work:
        record(
            work,
            [fact("a", "people", 3, 0), fact("m2", "materials", 100, 1), fact("m3", "materials", 900, 2)],
            together=True,
        )
        record(work, [fact("b", "people", 6, 1)])
        record(work, [fact("m1", "materials", 50, 0)])  # earlier than the others: now this one is free
        record(work, [fact("v", "people", 0, 0, kind="void", corrects="b")])
        record(work, [fact("c", "people", 5, 2)])
    running.clock.set(datetime(2026, 12, 3, 2, tzinfo=UTC))
    with running.work() as work:
        statements.draw(work, REF, "2026-11")
    with running.database.read() as connection:
        drawn = store.statement(connection, REF, "2026-11")
        amounts = {
            line.meter: line.amount for line in store.statement_lines(connection, drawn.ref) if line.kind == "charge"
        }
        assert statements.redrawn(connection, REF, "2026-11") == drawn.document
    assert amounts == {"people": Decimal("1500.00"), "materials": Decimal("11.00")}, (
        "100 x 2% + 1 = 3; 900 is held to 8"
    )
    reader = someone(running, "contract_manager")
    pages = [client.get(f"/billing/statements/{REF}/2026-11/lines/{n}", headers=reader).text for n in (1, 2)]
    assert any("第3笔收费限于 8" in each for each in pages)
    assert any("峰值落在第2档" in each for each in pages)


RULES = {
    "r0_code": "late", "r0_kind": "fine", "r0_amount": "500", "r1_code": "points", "r1_kind": "points", "r1_threshold": "20",
    "r1_point_value": "3", "r1_t0_up_to": "100", "r1_t0_multiplier": "1", "r1_t1_multiplier": "1.2",
    "r2_code": "score", "r2_kind": "bands", "r2_t0_at_least": "85", "r2_t0_pct": "100", "r2_t1_pct": "80",
}  # fmt: skip
SCHEME = {"promises_weight": "100", "promises_full": "98", "promises_zero": "70", "fewer_orders": "80", "no_new_orders": "70",
          "end_of_contract": "60", "starts_in": "2026-12"}  # fmt: skip


def test_deduction_rules_are_written_in_fields(running):
    path = f"/billing/contracts/{REF}/assessment"
    page = a_client(running).get(path, headers=someone(running, "contract_manager")).text
    assert 'value="2000"' in page
    changed = post(running, SCHEME | RULES | {"change": "row.1"}, path)
    assert changed.status_code == 200
    assert 'name="r1_t2_multiplier"' in changed.text
    assert 'value="2026-12"' in changed.text
    wrong = post(running, SCHEME | RULES | {"r0_amount": "x", "r2_t0_pct": "", "r1_code": "late"}, path)
    assert wrong.status_code == 422
    assert all(f'id="f-{name}-e"' in wrong.text for name in ("r0_amount", "r2_t0_pct", "r1_code"))
    assert post(running, SCHEME | RULES, path).status_code == 303
    with running.database.read() as connection:
        [body] = connection.execute(select(office_tables.proposal.c.body)).scalars()
    assert json.loads(body)["rules"] == {
        "late": {"kind": "fine", "amount": "500"},
        "points": {"kind": "points", "threshold": "20", "point_value": "3", "bands": [{"up_to": "100", "multiplier": "1"}, {"multiplier": "1.2"}]},
        "score": {"kind": "bands", "bands": [{"at_least": "85", "pct": "100"}, {"pct": "80"}]},
    }  # fmt: skip
    reader = a_client(running).get(path, headers=someone(running, "finance")).text
    assert "定额扣款" in reader
    assert "<textarea" not in reader


def test_a_new_contract_is_written_with_its_prices_in_fields(quick):
    body = {name: value for name, value in NEW.items() if name != "lines"}
    prices = {name: value for name, value in LINES.items() if name.startswith("l0")}
    more = post(quick, body | prices | {"change": "add"}, "/billing/contracts/new")
    assert more.status_code == 200
    assert 'name="l1_item"' in more.text
    assert 'value="HY-2027-09"' in more.text
    assert re.search(r'value="repair" checked', more.text)
    wrong = post(quick, body | prices | {"l0_t1_unit_price": "", "l0_t1_flat_fee": ""}, "/billing/contracts/new")
    assert 'id="f-l0_t1_unit_price-e"' in wrong.text
    assert post(quick, body | prices, "/billing/contracts/new").status_code == 303


def test_a_typed_number_may_be_grouped():
    [line] = price_form.lines_from([Entry("flat", {"item": "repair", "meter": "hours", "amount": "12,500.00"})])
    assert line["price"]["amount"] == "12500.00"
