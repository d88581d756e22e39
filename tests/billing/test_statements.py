"""From a closed month to its payment: every step by the people it needs, and no amount changes once stated."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import select

from services.billing import store, tables
from services.billing.handlers import statements
from services.billing.handlers.facts import Report, record
from shared.errors import Conflict, Forbidden
from tests.billing.conftest import a_client, hours, tell
from tests.people import NOON, headers_of

DECEMBER = datetime(2026, 12, 3, 2, tzinfo=UTC)
REF, PERIOD = "HY-2026-01", "2026-11"
PATH = f"/billing/statements/{REF}/{PERIOD}"


def a_month(running):
    tell(running, [hours(1, "80.5"), hours(2, "60.25")])
    running.clock.set(DECEMBER)


def person(running, role, who="", **more):
    supplier = "HY" if role == "supplier" else ""
    return headers_of(
        running, role, supplier=supplier, now=running.clock.now(), **({"account": who} if who else {}), **more
    )


def drawn(running):
    with running.work(actor="account:clerk") as work:
        return statements.draw(work, REF, PERIOD)


def said(running, type_):
    outbox = running.service.metadata.tables["outbox"]
    with running.database.read() as connection:
        return [
            json.loads(row.sealed)
            for row in connection.execute(select(outbox).where(outbox.c.type == type_).order_by(outbox.c.row_id))
        ]


def test_a_month_goes_all_the_way_to_paid(running):
    a_month(running)
    client = a_client(running)
    clerk, manager, finance, supplier = (
        person(running, "finance", "clerk"), person(running, "contract_manager"), person(running, "finance"), person(running, "supplier")
    )  # fmt: skip
    assert (
        client.post("/billing/statements/close", data={"contract": REF, "period": PERIOD}, headers=clerk).status_code
        == 303
    )
    assert "11,678.50" in client.get(PATH, headers=finance).text
    for step, who in (("send", manager), ("agree", supplier), ("accept", manager), ("sign", manager)):
        assert client.post(f"{PATH}/{step}", data={}, headers=who).status_code == 303, step
    assert client.post(f"{PATH}/sign", data={}, headers=manager).status_code == 403
    assert client.post(f"{PATH}/sign", data={}, headers=clerk).status_code == 403
    assert client.post(f"{PATH}/sign", data={}, headers=finance).status_code == 303
    paid = {"amount": "11678.50", "paid_on": "2026-12-03", "reference": "V-1"}
    assert client.post(f"{PATH}/pay", data=paid, headers=finance).status_code == 303
    with running.database.read() as connection:
        found = store.statement(connection, REF, PERIOD)
    assert (found.state, found.total, found.paid) == ("paid", Decimal("11678.50"), Decimal("11678.50"))
    assert found.due_on == date(2027, 1, 2)
    [issued] = said(running, "billing.statement_issued.v1")
    lines = {each["id"]: each["data"] for each in said(running, "billing.statement_line_drawn.v1")}
    assert set(issued["data"]["line_events"]) == set(lines)
    facts = {each["id"] for each in said(running, "billing.usage_recorded.v1")}
    assert set(next(iter(lines.values()))["events"]) == facts
    assert issued["data"]["total"] == "11678.50"


def test_a_disputed_line_does_not_hold_up_the_rest(quick):
    tell(quick, [hours(1, "10")])
    from tests.billing.conftest import finished

    tell(quick, [finished(2, ("materials", "100", "yuan"))])
    quick.clock.set(DECEMBER)
    drawn(quick)
    client = a_client(quick)
    manager, supplier = person(quick, "contract_manager"), person(quick, "supplier")
    client.post(f"{PATH}/send", data={}, headers=manager)
    assert client.post(f"{PATH}/lines/2/dispute", data={"words": "两小时没有算"}, headers=supplier).status_code == 303
    assert client.post(f"{PATH}/lines/2/dispute", data={"words": "again"}, headers=supplier).status_code == 409
    assert client.post(f"{PATH}/lines/1/dispute", data={"words": ""}, headers=supplier).status_code == 422
    with quick.database.read() as connection:
        assert statements.undisputed(connection, f"S-202611-{REF}") == Decimal("850.00")
    assert "两小时没有算" in client.get(PATH, headers=manager).text
    bad = client.post(f"{PATH}/lines/2/decide", data={"decision": "conceded", "words": "是的"}, headers=manager)
    assert bad.status_code == 422
    good = {"decision": "conceded", "words": "是的", "difference": "-8.00"}
    assert client.post(f"{PATH}/lines/2/decide", data=good, headers=manager).status_code == 303
    with quick.database.read() as connection:
        entry = store.feed(connection, REF, 0, 100)[-1]
        assert (entry.kind, entry.period, entry.booked_in, entry.amount) == (
            "adjustment",
            PERIOD,
            "2026-12",
            Decimal("-8.00"),
        )
        assert store.statement(connection, REF, PERIOD).total == Decimal("958.00")


def test_what_comes_late_is_an_adjustment_that_names_what_it_corrects(running):
    a_month(running)
    drawn(running)
    late = Report(
        source="x",
        id="1",
        contract=REF,
        item="repair",
        meter="hours",
        unit="hours",
        quantity=Decimal(1),
        service_at=NOON,
    )
    with running.work() as work:
        assert [each.status for each in record(work, [late])] == ["recorded"]
    running.clock.set(datetime(2027, 1, 2, tzinfo=UTC))
    with running.work() as work:
        ref = statements.draw(work, REF, "2026-12")
    with running.database.read() as connection:
        [line] = store.statement_lines(connection, ref)
    assert (line.kind, line.for_period, line.corrects, line.amount) == (
        "adjustment",
        PERIOD,
        f"S-202611-{REF}",
        Decimal("78.00"),
    )
    client = a_client(running)
    page = client.get(f"/billing/statements/{REF}/2026-12/lines/1", headers=person(running, "finance"))
    assert page.status_code == 200
    assert "78.00" in page.text


def test_closing_twice_gives_the_same_bytes_and_an_unfinished_month_is_refused(running):
    a_month(running)
    ref = drawn(running)
    with running.database.read() as connection:
        kept = store.statement(connection, REF, PERIOD)
        assert statements.redrawn(connection, REF, PERIOD) == kept.document
    assert drawn(running) == ref
    with running.work() as work, pytest.raises(Conflict):
        statements.draw(work, REF, "2026-12")
    answer = a_client(running).post(
        "/billing/statements/close", data={"contract": REF, "period": "2026-13"}, headers=person(running, "finance")
    )
    assert answer.status_code == 422


def test_late_payment_bears_interest_and_retention_is_held_and_released(quick):
    with quick.work() as work:
        contract = tables.contract
        work.connection.execute(
            contract.update().where(contract.c.ref == REF).values(terms=json.dumps({"retention_pct": "5"}))
        )
    a_month(quick)
    ref = drawn(quick)
    with quick.database.read() as connection:
        assert statements.retained(connection, REF) == Decimal("583.93")
        total = store.statement(connection, REF, PERIOD).total
        assert total == Decimal("11094.57")
    with quick.work(actor="account:m") as work:
        statements.send(work, ref)
        statements.accept(work, ref)
        statements.sign(work, ref, account="m", name="m", role="contract_manager")
    with quick.work(actor="account:f") as work:
        assert statements.sign(work, ref, account="f", name="f", role="finance")
    quick.clock.set(datetime(2027, 1, 12, 2, tzinfo=UTC))
    with quick.work(actor="account:f") as work:
        statements.pay(work, ref, amount=total, paid_on=date(2027, 1, 12), reference="V-2")
        statements.release_retention(work, REF, Decimal("500.00"))
    with quick.work() as work, pytest.raises(Conflict):
        statements.release_retention(work, REF, Decimal("83.94"))
    with quick.database.read() as connection:
        kinds = [(each.kind, each.amount, each.booked_in) for each in store.feed(connection, REF, 0, 100)][-2:]
    assert kinds == [("interest", Decimal("55.47"), "2027-01"), ("retention_released", Decimal("500.00"), "2027-01")]


def test_two_signatures_of_one_role_are_not_enough(quick):
    a_month(quick)
    ref = drawn(quick)
    with quick.work(actor="account:m") as work:
        statements.send(work, ref)
        statements.accept(work, ref)
        statements.sign(work, ref, account="m", name="m", role="finance")
    with quick.work(actor="account:n") as work, pytest.raises(Conflict):
        statements.sign(work, ref, account="n", name="n", role="finance")
    with quick.work(actor="account:clerk") as work, pytest.raises(Forbidden):
        statements.sign(work, ref, account="clerk", name="c", role="contract_manager")


@pytest.mark.parametrize("code", ["zh-Hans", "en"])
def test_paper_and_workbook_say_what_the_page_says(quick, code):
    a_month(quick)
    drawn(quick)
    client, finance = a_client(quick), person(quick, "finance", language=code)
    paper = client.get(f"{PATH}.pdf", headers=finance)
    assert paper.data.startswith(b"%PDF-")
    assert paper.data == client.get(f"{PATH}.pdf", headers=finance).data
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{PATH}.xlsx", headers=finance).data))
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    numbers = [cell.value for cell in cells if cell.data_type == "n" and cell.value is not None]
    assert [round(Decimal(str(each)), 2) for each in numbers] == [Decimal("11678.50")] * 2
    if code == "zh-Hans":
        assert any("壹万壹仟陆佰柒拾捌元伍角整" in str(cell.value) for cell in cells)


def test_whoever_contests_a_line_does_not_decide_it_in_another_role_or_session(quick):
    a_month(quick)
    drawn(quick)
    client = a_client(quick)
    client.post(f"{PATH}/send", data={}, headers=person(quick, "contract_manager"))
    contested = client.post(
        f"{PATH}/lines/1/dispute", data={"words": "少算"}, headers=person(quick, "supplier", "double")
    )
    assert contested.status_code == 303
    decision = {"decision": "upheld", "words": "照算"}
    for session in ("another", "one-more"):
        same = person(quick, "contract_manager", "double", session=session)
        assert client.post(f"{PATH}/lines/1/decide", data=decision, headers=same).status_code == 403
    assert (
        client.post(f"{PATH}/lines/1/decide", data=decision, headers=person(quick, "contract_manager")).status_code
        == 303
    )


def test_another_suppliers_statement_is_absent(quick):
    a_month(quick)
    drawn(quick)
    client, other = a_client(quick), headers_of(quick, "supplier", supplier="JJ", now=quick.clock.now())
    for path in (PATH, f"{PATH}.pdf", f"{PATH}.xlsx", f"{PATH}/lines/1"):
        assert client.get(path, headers=other).status_code == 404, path
    assert client.post(f"{PATH}/agree", data={}, headers=other).status_code == 404


def test_double_entries_balance_and_an_unmapped_line_blocks_them(quick):
    a_month(quick)
    drawn(quick)
    client, finance = a_client(quick), person(quick, "finance")
    text = client.get(f"{PATH}/postings.csv", headers=finance).data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    debit, credit = (sum(Decimal(row[side]) for row in rows) for side in ("debit", "credit"))
    assert debit == credit == Decimal("11678.50")
    assert {row["project"] for row in rows} == {"AIRCON"}
    with quick.work() as work:
        lines = tables.statement_line
        work.connection.execute(lines.update().values(item="barber"))
    answer = client.get(f"{PATH}/postings.csv", headers=finance | {"Accept": "application/json"})
    assert answer.status_code == 409
    assert "barber" in answer.text


def test_a_negative_line_changes_the_sides():
    from datetime import date as day
    from types import SimpleNamespace

    from services.billing.postings import postings, read_mapping

    line = SimpleNamespace(number=1, kind="deduction", item="repair", amount=Decimal("-300.00"))
    one, two = postings(read_mapping(), [line], day(2026, 12, 1), cost_centre="HY", project="AIRCON")
    assert (one.account, one.debit, two.account, two.credit) == (
        "2302.01",
        Decimal("300.00"),
        "5001.13",
        Decimal("300.00"),
    )
