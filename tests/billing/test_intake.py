"""Facts from outside: once for ever, an answer for each, a file whole or not at all, and every fault named by its row."""

import io
import random
import time
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import select

from services.billing import store, tables
from tests.billing.conftest import a_client, facts, hours, tell
from tests.people import NOON, headers_of

REF = "HY-2026-01"
GOOD = {
    "id": "a",
    "contract": REF,
    "item": "repair",
    "meter": "hours",
    "quantity": "2.5",
    "unit": "hours",
    "service_at": "2026-11-20T01:00:00Z",
}


def post(running, *items, source="meter", client=None):
    client = client or a_client(running)
    return client.post(
        "/billing/api/facts", json={"source": source, "facts": list(items)}, headers=headers_of(running, "finance")
    )


def statuses(answer):
    return [each["status"] for each in answer.json["results"]]


def test_the_same_body_is_known_and_another_is_a_conflict(running):
    first = post(running, GOOD)
    again = post(running, GOOD | {"quantity": "2.50"}, GOOD | {"quantity": "3"}, GOOD | {"id": "b"})
    assert statuses(first) == [201]
    assert statuses(again) == [200, 409, 201]
    assert again.json["results"][0]["fact_id"] == first.json["results"][0]["fact_id"]
    assert statuses(post(running, GOOD, source="other")) == [201]
    assert len(facts(running)) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": "-1"}, "quantity"), ({"quantity": "1e30"}, "quantity"), ({"quantity": "1" + "0" * 30}, "quantity"),
        ({"quantity": "NaN"}, "quantity"), ({"quantity": ""}, "quantity"), ({"unit": "parsec"}, "unit"), ({"contract": "ZZ-1"}, "contract"),
        ({"service_at": "2026-11-20T01:00:00"}, "service_at"), ({"service_at": "yesterday"}, "service_at"),
        ({"service_at": "2036-11-20T01:00:00Z"}, "service_at"), ({"kind": "oops"}, "kind"), ({"price": "1"}, "price"), ({"id": ""}, "id"),
        ({"kind": "void"}, "corrects"), ({"item": "a/b"}, "item"),
    ],
)  # fmt: skip
def test_a_bad_fact_is_named_and_the_others_are_taken(quick, change, field):
    answer = post(quick, GOOD, GOOD | {"id": "bad"} | change, GOOD | {"id": "c"})
    assert statuses(answer) == [201, 422, 201]
    assert field in answer.json["results"][1]["errors"]
    assert len(facts(quick)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"source": "x"},
        {"source": "x", "facts": []},
        {"source": "dispatch", "facts": [GOOD]},
        {"source": "x", "facts": [GOOD] * 501},
    ],
)
def test_a_bad_batch_is_refused_whole(quick, body):
    answer = a_client(quick).post("/billing/api/facts", json=body, headers=headers_of(quick, "finance"))
    assert answer.status_code == 422
    assert facts(quick) == []


def test_half_a_batch_on_the_way_takes_nothing(quick):
    headers = headers_of(quick, "finance") | {"Content-Type": "application/json"}
    answer = a_client(quick).post("/billing/api/facts", data=b'{"source": "x", "facts": [{"id": "a", ', headers=headers)
    assert answer.status_code == 400
    assert facts(quick) == []


def test_a_void_and_a_correction_are_facts_that_name_the_old(running):
    tell(running, [hours(1, "10")])
    [old] = facts(running)
    fix = {
        "id": "fix",
        "kind": "correct",
        "of": "dispatch",
        "corrects": old.source_id,
        "contract": REF,
        "quantity": "4",
        "service_at": "2026-11-25T04:00:00Z",
    }
    assert statuses(post(running, fix)) == [201]
    assert statuses(
        post(running, fix, {"id": "v", "kind": "void", "of": "dispatch", "corrects": old.source_id, "contract": REF})
    ) == [200, 201]
    gone = post(
        running,
        {"id": "w", "kind": "void", "of": "dispatch", "corrects": old.source_id, "contract": REF},
        {"id": "n", "kind": "void", "corrects": "none", "contract": REF},
    )
    assert statuses(gone) == [422, 422]
    with running.database.read() as connection:
        assert [each.amount for each in store.feed(connection, REF, 0, 9)] == [
            Decimal("850.00"),
            Decimal("-510.00"),
            Decimal("-340.00"),
        ]
        [total] = store.totals(connection, REF)
    assert (total.quantity, total.billed, total.facts) == (0, 0, 0)


def test_shuffled_and_repeated_batches_come_to_the_same(running):
    chance = random.Random(5)
    items = [
        GOOD
        | {"id": f"f{n}", "quantity": f"{chance.randint(1, 900) / 100}", "meter": chance.choice(["hours", "materials"])}
        for n in range(200)
    ]
    items = [each | {"unit": "yuan" if each["meter"] == "materials" else "hours"} for each in items]
    sent = [each for each in items for _ in range(chance.randint(1, 5))]
    chance.shuffle(sent)
    client = a_client(running)
    for start in range(0, len(sent), 60):
        assert set(statuses(post(running, *sent[start : start + 60], client=client))) <= {200, 201}
    assert len(facts(running)) == 200
    from tests.billing.test_billing_facts import check_money_of

    check_money_of(running, REF)


def a_csv(*rows):
    head = "id,contract,item,meter,quantity,unit,service_at"
    return "\n".join([head, *rows]).encode("utf-8-sig")


def hand_in(running, body, name="facts.csv"):
    data = {"source": "file", "file": (io.BytesIO(body), name)}
    return a_client(running).post(
        "/billing/import", data=data, headers=headers_of(running, "finance"), content_type="multipart/form-data"
    )


ROW = "{},HY-2026-01,repair,hours,1.5,hours,2026-11-20T09:00:00+08:00"


def test_a_file_is_taken_whole_and_again_changes_nothing(quick):
    body = a_csv(*(ROW.format(n) for n in range(30)))
    assert hand_in(quick, body).status_code == 200
    assert hand_in(quick, body).status_code == 200
    assert len(facts(quick)) == 30


def test_one_bad_row_and_nothing_is_taken(quick):
    answer = hand_in(
        quick,
        a_csv(ROW.format(1), ROW.format(2).replace("1.5", "-1"), ROW.format(3).replace("hours,2026", "parsec,2026")),
    )
    assert answer.status_code == 422
    assert [f">{number}</th>" in answer.text for number in (2, 3, 4)] == [False, True, True]
    assert facts(quick) == []


def test_a_row_that_conflicts_with_what_was_taken_undoes_the_file(quick):
    hand_in(quick, a_csv(ROW.format(1)))
    answer = hand_in(quick, a_csv(ROW.format(7), ROW.format(1).replace("1.5", "9")))
    assert answer.status_code == 422
    assert len(facts(quick)) == 1


def a_book(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_is_read_like_a_csv_and_its_formulas_are_refused(quick):
    head = ["id", "contract", "item", "meter", "quantity", "unit", "service_at"]
    good = ["1", REF, "repair", "hours", 1.5, "hours", NOON.replace(tzinfo=None)]
    assert hand_in(quick, a_book(head, good), "a.xlsx").status_code == 200
    answer = hand_in(
        quick,
        a_book(head, ["2", *good[1:]], ["3", REF, "repair", "hours", "=1+1", "hours", NOON.replace(tzinfo=None)]),
        "a.xlsx",
    )
    assert answer.status_code == 422
    assert ">3</th>" in answer.text
    with quick.database.read() as connection:
        [row] = connection.execute(select(tables.fact)).all()
    assert row.quantity == Decimal("1.5")


@pytest.mark.parametrize(
    "body",
    [b"", b"PK\x03\x04junk", b"\xff\xfe\x00", b"a,b\n1,2", a_csv('"never'), b"id,contract,id\n", b"id,contract\n"],
)
def test_a_file_that_is_none_is_refused(quick, body):
    assert hand_in(quick, body).status_code == 422
    assert facts(quick) == []


SHEET = "xl/worksheets/sheet1.xml"
ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "'
    + b"x" * 1000
    + b'">'
    + b"".join(b'<!ENTITY %c "%s">' % (n + 1, b"&%c;" % n * 10) for n in range(97, 105))
    + b"]>"
)
FILE = b'<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'
CELL = b"<is><t>repair</t></is>"


def a_changed_book(change, part=SHEET, also=0):
    """A good workbook of one fact with ``change`` made to the text of one part, and more parts without anything in them."""
    good = a_book(
        ["id", "contract", "item", "meter", "quantity", "unit", "service_at"],
        ["1", REF, "repair", "hours", 1.5, "hours", NOON.replace(tzinfo=None)],
    )
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
        for number in range(also):
            new.writestr(f"{number}.xml", b"")
    return out.getvalue()


def declared(text, what):
    return text.replace(b"<worksheet", what + b"<worksheet", 1).replace(CELL, b"<is><t>&i;</t></is>")


def with_rows(text, row):
    return text.replace(b"</sheetData>", row + b"</sheetData>")


HOSTILE_BOOKS = {
    "entities": lambda: a_changed_book(lambda text: declared(text, ENTITIES)),
    "an entity of a file": lambda: a_changed_book(lambda text: declared(text, FILE)),
    "an entity in other letters": lambda: a_changed_book(lambda text: declared(text, FILE).decode().encode("utf-16")),
    "an entity in a part beside": lambda: a_changed_book(
        lambda text: text.replace(b"<styleSheet", ENTITIES + b"<styleSheet", 1), "xl/styles.xml"
    ),
    "a million rows": lambda: a_changed_book(lambda text: with_rows(text, b'<row r="3"><c r="A3"/></row>' * 1_048_576)),
    "the last row there can be": lambda: a_changed_book(
        lambda text: with_rows(text, b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>')
    ),
    "deep": lambda: a_changed_book(lambda text: with_rows(text, b"<row>" * 2_000_000)),
    "zeros": lambda: a_changed_book(lambda _: b"\0" * 70_000_000, "docProps/app.xml"),
    "many parts": lambda: a_changed_book(lambda text: text, also=20_000),
    "an archive for a sheet": lambda: a_changed_book(lambda _: a_book(["id"])),
    "a sheet that is cut": lambda: a_changed_book(lambda text: text[: text.index(CELL)]),
    "no workbook in it": lambda: a_changed_book(lambda _: b"", "xl/workbook.xml"),
}


@pytest.mark.parametrize("name", HOSTILE_BOOKS)
def test_a_hostile_workbook_costs_little_and_nothing_is_taken(quick, name):
    body = HOSTILE_BOOKS[name]()
    began = time.process_time()
    answer = hand_in(quick, body, "a.xlsx")
    assert time.process_time() - began < 3
    assert answer.status_code == 422
    assert "root:" not in answer.text
    assert facts(quick) == []


def test_a_workbook_that_was_only_packed_anew_is_taken(quick):
    assert hand_in(quick, a_changed_book(lambda text: text), "a.xlsx").status_code == 200
    assert len(facts(quick)) == 1


@pytest.mark.parametrize(
    "body",
    [a_csv('"' + "\n" * 7_000_000 + '",'), a_csv(*["x"] * 1_000_000), b"id," * 2_000_000 + b"\n1", a_csv("," * 7_000_000), b"x" * 8_000_001],
    ids=["a cell of lines", "a million rows", "columns without end", "a row without end", "too large"],
)  # fmt: skip
def test_a_hostile_csv_costs_little_and_nothing_is_taken(quick, body):
    began = time.process_time()
    answer = hand_in(quick, body)
    assert time.process_time() - began < 3
    assert answer.status_code == 422
    assert facts(quick) == []


def test_work_of_our_own_crews_is_reported_voided_and_corrected_like_any_other(running):
    client, finance = a_client(running), headers_of(running, "finance")
    fact = {
        "id": "o-1",
        "crew": "in-elec-1",
        "item": "repair",
        "meter": "hours",
        "unit": "hours",
        "quantity": "3",
        "service_at": "2026-11-20T02:00:00Z",
    }

    def post(**change):
        body = {"source": "clerk", "facts": [{**fact, **change}]}
        return client.post("/billing/api/facts", json=body, headers=finance).json["results"][0]["status"]

    assert [post(), post(), post(quantity="4")] == [201, 200, 409]
    assert post(id="o-2", kind="correct", corrects="o-1", quantity="5") == 201
    assert (
        client.post(
            "/billing/api/facts",
            json={"source": "clerk", "facts": [{"id": "o-3", "kind": "void", "corrects": "o-1"}]},
            headers=finance,
        ).json["results"][0]["status"]
        == 201
    )
    assert post(id="o-4", contract="ZZ-1") == 422
