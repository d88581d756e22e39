"""The feed: signed, acknowledged, compared; pulled by a program that may be killed anywhere."""

import csv
import io
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from werkzeug.serving import make_server

from services.billing import store
from services.billing.handlers import feeding, statements
from services.billing.handlers.facts import Report, record
from services.billing.model import FIRST_HEAD
from services.billing.service import SERVICE
from services.billing.signing import verifies
from tests.billing.conftest import a_client, hours, tell
from tests.people import NOON, headers_of

REF = "HY-2026-01"


def some(running, count, first=0):
    reports = [
        Report(source="x", id=str(first + n), contract=REF, item="repair", meter="hours", unit="hours", quantity=Decimal(n % 7 + 1) / 4, service_at=NOON)
        for n in range(count)
    ]  # fmt: skip
    with running.work() as work:
        for each in reports:
            record(work, [each])


def test_the_head_of_each_page_is_signed(quick):
    some(quick, 5)
    client, finance = a_client(quick), headers_of(quick, "finance")
    key = client.get("/billing/api/feed-key").json["public"].encode()
    cursor = ""
    for number in (2, 4, 5, 5):
        found = client.get(f"/billing/api/feed/{REF}?cursor={cursor}&limit=2", headers=finance).json
        cursor = found["next"]
        signed = found["signed"]
        assert signed["number"] == number
        assert verifies(key, REF, number, signed["head"], signed["signature"])
        assert not verifies(key, REF, number + 1, signed["head"], signed["signature"])
        assert not verifies(key, "JJ-2026-01", number, signed["head"], signed["signature"])


def test_a_cursor_is_good_for_ever_and_none_of_another_feed_is_taken(running):
    some(running, 3)
    client, finance = a_client(running), headers_of(running, "finance")

    def page(cursor, ref=REF):
        return client.get(f"/billing/api/feed/{ref}", query_string={"cursor": cursor, "limit": 2}, headers=finance)

    first = page("").json
    some(running, 2, first=10)
    assert [each["number"] for each in page(first["next"]).json["entries"]] == [3, 4]
    assert [each["number"] for each in page(feeding.write_place(REF, 0, FIRST_HEAD)).json["entries"]] == [1, 2]
    assert page(first["next"], "JJ-2026-01").status_code == 400
    head = first["entries"][-1]["head"]
    assert page(feeding.write_place(REF, 6, head)).status_code == 409  # beyond the end
    assert page(feeding.write_place(REF, 1, head)).status_code == 409  # a feed that went another way
    for wrong in (
        "1",
        "x" * 300,
        "é",
        "W10",
        feeding.write_place(REF, 2, head)[:-3],
        feeding.write_place(REF, -1, head),
    ):
        assert page(wrong).status_code == 400


def test_an_acknowledgement_names_the_head_and_never_goes_back(running):
    some(running, 3)
    client, finance = a_client(running), headers_of(running, "finance")
    heads = [each["head"] for each in client.get(f"/billing/api/feed/{REF}", headers=finance).json["entries"]]

    def post(number, head):
        return client.post(
            f"/billing/api/feed/{REF}/ack", json={"number": number, "head": head}, headers=finance
        ).status_code

    assert [post(2, heads[1]), post(2, heads[0]), post(9, heads[0]), post(1, heads[0]), post(3, heads[2])] == [
        204,
        409,
        404,
        204,
        204,
    ]
    table = SERVICE.metadata.tables["feed_ack"]
    with running.database.read() as connection:
        assert [(row.number, row.head) for row in connection.execute(table.select())] == [(3, heads[2])]


@pytest.mark.parametrize("harm", ["none", "changed", "missing", "doubled", "unknown"])
def test_a_comparison_names_the_very_entry_that_differs(quick, harm):
    some(quick, 40)
    client, finance = a_client(quick), headers_of(quick, "finance")
    [month] = client.get(f"/billing/api/feed/{REF}/totals", headers=finance).json["months"]
    entries = [
        {"number": each["number"], "amount": json.loads(each["body"])["amount"]}
        for each in client.get(f"/billing/api/feed/{REF}", headers=finance).json["entries"]
    ]
    if harm == "changed":
        entries[16]["amount"] = "0.01"
    elif harm == "missing":
        del entries[16]
    elif harm == "doubled":
        entries.append(entries[16])
    elif harm == "unknown":
        entries.append({"number": 77, "amount": "1.00"})
    body = {"period": month["period"], "count": len(entries), "head": month["head"], "entries": entries,
            "sum": format(sum(Decimal(each["amount"]) for each in entries), "f")}  # fmt: skip
    found = client.post(f"/billing/api/feed/{REF}/compare", json=body, headers=finance).json
    assert found["equal"] == (harm == "none")
    assert [(each["number"], each["what"]) for each in found["differing"]] == (
        [] if harm == "none" else [(77 if harm == "unknown" else 17, harm)]
    )


def test_csv_workbook_and_json_have_the_same_control_totals(running):
    """Over several months, with a month that is closed, a late fact, a void, and quantities of many places."""
    tell(running, [hours(n, f"1.3{n}") for n in range(1, 6)])
    with running.work() as work:
        record(work, [Report(source="x", id=f"o{n}", contract=REF, item="repair", meter="materials", unit="yuan", quantity=Decimal(f"{n}.333333"),
                             service_at=datetime(2026, 9 + n % 3, 5, tzinfo=UTC)) for n in range(6)], together=True)  # fmt: skip
        statements.draw(work, REF, "2026-10")
        record(work, [Report(source="x", id="late", contract=REF, item="repair", meter="hours", unit="hours", quantity=Decimal("0.37"), service_at=datetime(2026, 10, 9, tzinfo=UTC))])  # fmt: skip
        record(
            work,
            [
                Report(
                    source="x",
                    id="v",
                    kind="void",
                    corrects="o1",
                    service_at=datetime(2026, 10, 9, tzinfo=UTC),
                    contract=REF,
                )
            ],
        )
    client, finance = a_client(running), headers_of(running, "finance")
    told = {
        each["period"]: each for each in client.get(f"/billing/api/feed/{REF}/totals", headers=finance).json["months"]
    }
    entries, cursor = [], ""
    while (page := client.get(f"/billing/api/feed/{REF}?cursor={cursor}&limit=3", headers=finance).json)["entries"]:
        entries, cursor = entries + [json.loads(each["body"]) for each in page["entries"]], page["next"]
    text = client.get(f"/billing/feed/{REF}.csv", headers=finance).data.decode("utf-8-sig")
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"/billing/feed/{REF}.xlsx", headers=finance).data)).active
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
    head, *cells = sheet.iter_rows(values_only=True)
    forms = {
        "json": entries, "csv": list(csv.DictReader(io.StringIO(text))),
        "xlsx": [{name: "" if value is None else value for name, value in zip(head, row, strict=True)} for row in cells],
    }  # fmt: skip
    sums = {}
    for form, rows in forms.items():
        sums[form] = {}
        for row in rows:
            count, amount = sums[form].get(row["booked_in"], (0, Decimal(0)))
            sums[form][row["booked_in"]] = (count + 1, amount + Decimal(str(row["amount"])))
    assert len(told) == 3
    assert any(row["kind"] == "adjustment" for row in entries)
    assert sums["json"] == sums["csv"] == sums["xlsx"]
    assert sums["json"] == {period: (each["count"], Decimal(each["sum"])) for period, each in told.items()}


def test_a_puller_killed_anywhere_has_everything_once(quick, tmp_path):
    some(quick, 160)
    server = make_server("127.0.0.1", 0, SERVICE.application(quick), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    token = tmp_path / "token"
    quick.clock.set(datetime.now(UTC))
    token.write_text(headers_of(quick, "finance", now=quick.clock.now())["Authorization"].removeprefix("Bearer "))
    into = tmp_path / "finance.db"
    command = [sys.executable, "-m", "services.billing", "pull", "--url", f"http://127.0.0.1:{server.server_port}/billing", "--contract", REF,
               "--into", str(into), "--token-file", str(token), "--limit", "3", "--compare"]  # fmt: skip
    chance = random.Random(4)
    for _ in range(3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.45 + chance.random() * 0.4)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    with quick.database.read() as connection:
        feed = store.feed(connection, REF, 0, 1000)
    assert (said["entries"], said["differing"], Decimal(said["sum"])) == (160, [], sum(each.amount for each in feed))
    kept = sqlite3.connect(into)
    assert [row[0] for row in kept.execute("SELECT head FROM entry ORDER BY number")] == [each.head for each in feed]
    kept.execute("UPDATE entry SET amount = '0.00' WHERE number = 90")
    kept.commit()
    harmed = subprocess.run(command, capture_output=True, text=True, check=False)
    server.shutdown()
    assert harmed.returncode == 1
    assert [each["number"] for each in json.loads(harmed.stdout)["differing"]] == [90]


def test_the_feed_of_events_and_of_batches_is_one(running):
    tell(running, [hours(1, "2")])
    with running.work() as work:
        record(
            work,
            [
                Report(
                    source="b",
                    id=str(n),
                    contract=REF,
                    item="repair",
                    meter="hours",
                    unit="hours",
                    quantity=Decimal(1),
                    service_at=NOON,
                )
                for n in range(4)
            ],
            together=True,
        )
    with running.database.read() as connection:
        assert [(each.number, each.facts, each.amount) for each in store.feed(connection, REF, 0, 9)] == [
            (1, 1, Decimal("170.00")),
            (2, 4, Decimal("340.00")),
        ]
