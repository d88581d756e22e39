"""What readers take home, what is disclosed to whom, and what can be erased."""

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from services.audit import handlers, vault
from services.audit.log.envelope import check_opening
from services.audit.signing import keys, sign
from shared.contracts import billing
from shared.contracts.requests import DataCaseClosed
from tests.audit.conftest import Voices, a_chain, a_client, leaves, tell
from tests.people import NOON, headers_of

VERIFIER = Path(__file__).parents[2] / "deploy/verify/houqin_verify.py"


def verified(running, path, *more):
    key = path.parent / "log.vkey"
    key.write_text("".join(f"{each.public}\n" for each in keys(running.settings)), "utf-8")
    found = subprocess.run(
        [sys.executable, str(VERIFIER), *(more or ("bundle", str(path))), "--keys", str(key), "--lang", "en"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.returncode, found.stdout + found.stderr


def taken(running, thing, folder, role="auditor"):
    answer = a_client(running).get(f"/audit/api/bundles/{thing}", headers=headers_of(running, role))
    assert answer.status_code == 200, answer.text
    path = folder / "bundle.json"
    path.write_bytes(answer.data)
    return path


# ---- a request


def test_a_request_and_its_money_are_proven_offline(running, tmp_path):
    tell(running, a_chain(Voices()))
    sign(running)
    path = taken(running, "r1", tmp_path)
    code, said = verified(running, path)
    assert code == 0, said
    assert [each["index"] for each in json.loads(path.read_bytes())["entries"]] == list(range(7))


def test_a_bundle_of_nothing_is_absent_and_of_something_is_an_entry_of_its_own(told):
    client = a_client(told)
    assert client.get("/audit/api/bundles/nothing", headers=headers_of(told, "auditor")).status_code == 404
    assert client.get("/audit/api/bundles/r1", headers=headers_of(told, "staff")).status_code in {403, 404}
    client.get("/audit/api/bundles/r1", headers=headers_of(told, "auditor"))
    with told.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'audit.log_read.v1'").all()
    assert {"what": "export", "filter": "r1", "count": 7}.items() <= json.loads(rows[-1][0])["data"].items()


# ---- a statement

TERMS = {
    "price": {"model": "graduated", "tiers": [{"up_to": "10", "unit_price": "18.00"}, {"up_to": None, "unit_price": "16.50"}]},
    "minimum": "60",
    "rounding": {"mode": "half_up", "digits": 2},
}  # fmt: skip


def a_fact(number, quantity, kind="fact", corrects="", **changes):
    return billing.UsageRecorded(**{
        "fact_id": f"f{number}", "order_id": f"o{number}", "request_id": f"r{number}", "contract": "HY-2026-01", "supplier": "HY",
        "meter": "hours", "item": "repair", "quantity": Decimal(quantity), "unit": "hours", "service_at": NOON, "recorded_at": NOON,
        "state": "recorded", "amount": None, "card_version": 1, "period": "2026-11", "kind": kind, "corrects": corrects, **changes,
    })  # fmt: skip


def a_month(voices, *, charge="236.25", total="214.25", left_out=(), quantity="13.5", facts=3, more=()):
    """A contract's month: prices, facts of which one is voided and one corrected, a deduction, and its statement."""
    card = billing.CardInForce(
        contract="HY-2026-01",
        card_version=1,
        starts_on=NOON.date(),
        lines=(billing.CardLineInForce(item="repair", meter="hours", terms=json.dumps(TERMS)),),
    )
    batch = billing.UsageBatchRecorded(
        contract="HY-2026-01",
        source="meters",
        item="repair",
        meter="hours",
        unit="hours",
        period="2026-11",
        card_version=1,
        recorded_at=NOON,
        facts=(billing.RecordedFact(fact_id="f8", source_id="m1", quantity=Decimal(4), service_at=NOON),),
    )
    behind = [
        voices.delivery(each)
        for each in (a_fact(1, "5"), a_fact(2, "9"), a_fact(3, "0", "void", "f2"), a_fact(4, "3"),
                     a_fact(5, "4.5", "correct", "f4"), batch, *more)
    ]  # fmt: skip
    posted = voices.delivery(
        billing.DeductionPosted(
            deduction_id="d1",
            contract="HY-2026-01",
            number=9,
            booked_in="2026-11",
            amount=Decimal("22.00"),
            decided_event="",
        )
    )
    priced = voices.delivery(card)
    ref = "S-202611-HY-2026-01"
    line = {
        "statement": ref,
        "contract": "HY-2026-01",
        "item": "repair",
        "meter": "hours",
        "card_version": 1,
        "for_period": "2026-11",
    }
    ids = [each.envelope.id for each in behind if each.envelope.data.get("fact_id") not in left_out]
    lines = [
        voices.delivery(billing.StatementLineDrawn(
            **line, line=1, kind="charge", facts=facts, quantity=Decimal(quantity), unit="hours", amount=Decimal(charge),
            events=tuple(sorted(ids)), card_event=priced.envelope.id,
        )),
        voices.delivery(billing.StatementLineDrawn(
            **line, line=2, kind="deduction", facts=0, quantity=Decimal(0), unit="", amount=Decimal("-22.00"), events=(posted.envelope.id,),
        )),
    ]  # fmt: skip
    drawn = voices.delivery(billing.StatementDrawn(
        statement=ref, contract="HY-2026-01", supplier="HY", period="2026-11", lines=2, total=Decimal(total), document="00",
        feed_number=9, feed_head="00", drawn_at=NOON,
    ))  # fmt: skip
    issued = voices.delivery(billing.StatementIssued(
        statement=ref, contract="HY-2026-01", supplier="HY", period="2026-11", lines=2, total=Decimal(total), undisputed=Decimal(total),
        document="00", drawn_event=drawn.envelope.id, line_events=tuple(each.envelope.id for each in lines),
        accepted_on=NOON.date(), due_on=NOON.date(), issued_at=NOON,
    ))  # fmt: skip
    return [priced, *behind, posted, *lines, drawn, issued]


def a_statement(running, folder, **bent):
    voices = Voices()
    tell(running, a_chain(voices, "other", "2026-1125-009"))
    tell(running, a_month(voices, **bent))
    sign(running)
    return verified(running, taken(running, "S-202611-HY-2026-01", folder))


def test_a_stranger_computes_what_is_owed_from_sealed_facts_alone(quick, tmp_path):
    # 5 + 4.5 + 4 = 13.5 hours stand: 10 at 18.00 and 3.5 at 16.50 = 237.75
    code, said = a_statement(quick, tmp_path, charge="237.75", total="215.75")
    assert code == 0, said
    assert "Total 215.75, as stated." in said
    assert "13.5" in said


@pytest.mark.parametrize(
    ("bent", "names"),
    [
        ({"charge": "237.76", "total": "215.76"}, "237.75"),
        ({"charge": "237.75", "total": "300.00"}, "215.75"),
        ({"charge": "237.75", "total": "215.75", "left_out": ("f8", "f1")}, "1 repair hours"),
        ({"charge": "180.00", "total": "158.00", "left_out": ("f3",), "facts": 4}, "180"),
        ({"charge": "237.75", "total": "215.75", "facts": 4}, "1 repair hours"),
    ],
)
def test_a_statement_that_does_not_follow_is_named_by_its_line(quick, tmp_path, bent, names):
    code, said = a_statement(quick, tmp_path, **bent)
    assert code == 1, said
    assert names in said


def test_leaving_an_event_out_of_the_bundle_is_noticed(quick, tmp_path):
    a_statement(quick, tmp_path, charge="237.75", total="215.75")
    path = tmp_path / "bundle.json"
    form = json.loads(path.read_bytes())
    for place, entry in enumerate(form["entries"]):
        if '"fact_id":"f1"' in entry["leaf"]:
            del form["entries"][place]
            break
    path.write_text(json.dumps(form, ensure_ascii=False), "utf-8")
    code, said = verified(quick, path)
    assert code == 1, said


# ---- personal data


def test_a_disclosed_value_is_proven_and_its_reading_is_said(quick, tmp_path):
    tell(quick, a_chain(Voices()))
    sign(quick)
    client, who = a_client(quick), headers_of(quick, "supervisor")
    given = client.get("/audit/api/entries/0/openings", headers=who).get_json()
    assert {each["field"]: each["value"] for each in given["openings"]} == {
        "/data/summary": "杏302不制冷",
        "/data/contact": "8302",
    }
    receipt, opened = tmp_path / "entry.tlog-proof", tmp_path / "opened.json"
    receipt.write_bytes(client.get("/audit/api/entries/0/receipt", headers=who).data)
    opened.write_text(json.dumps(given["openings"], ensure_ascii=False), "utf-8")
    assert verified(quick, receipt, "receipt", str(receipt), "--openings", str(opened))[0] == 0
    opened.write_text(opened.read_text("utf-8").replace("8302", "8303"), "utf-8")
    assert verified(quick, receipt, "receipt", str(receipt), "--openings", str(opened))[0] == 1
    with quick.database.read() as connection:
        said = [json.loads(row)["data"]["what"] for (row,) in connection.exec_driver_sql("SELECT sealed FROM outbox")]
    assert "disclosure" in said


@pytest.mark.parametrize("role", ["administrator", "staff", "dispatcher", "finance", "crew"])
def test_nobody_else_sees_personal_values(told, role):
    assert a_client(told).get("/audit/api/entries/0/openings", headers=headers_of(told, role)).status_code in {403, 404}


def test_what_is_erased_is_gone_and_the_entry_is_proven_as_before(running, tmp_path):
    voices = Voices()
    tell(running, [*a_chain(voices), *a_chain(voices, "r2", "2026-1125-002")])
    sign(running)
    before = leaves(running)
    with running.work(actor="account:admin") as work:
        assert vault.kept_of(work.connection, "a1") == 4
        assert vault.erase_person(work, "a1", "request_of_person") == 4
    assert leaves(running) == before
    with running.database.read() as connection:
        assert vault.openings(connection, 0, running.settings) == []
        [[said]] = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'audit.values_erased.v1'")
    event = json.loads(said)
    assert (event["actor"], event["data"]["entries"], event["data"]["values"]) == ("account:admin", [0, 7], 4)
    assert "杏" not in said
    assert verified(running, taken(running, "r1", tmp_path))[0] == 0


def test_what_a_person_asked_to_be_erased_goes_from_the_vault_when_it_was_granted(running):
    voices = Voices()
    tell(running, a_chain(voices))
    with running.database.read() as connection:
        kept = vault.kept_of(connection, "a1")
    assert kept > 0
    for kind, outcome, left in (("erase", "refused", kept), ("object", "granted", kept), ("erase", "in_part", 0)):
        with running.work() as work:
            handlers.erase_person(work, a_case(kind, outcome), None)
        with running.database.read() as connection:
            assert vault.kept_of(connection, "a1") == left
    with running.database.read() as connection:
        [[said]] = connection.exec_driver_sql("SELECT sealed FROM outbox WHERE type = 'audit.values_erased.v1'")
    assert json.loads(said)["data"]["ground"] == "request_of_person"


def test_a_copy_of_what_is_kept_opens_the_vault_to_the_person_alone(running):
    tell(running, a_chain(Voices()))
    copy = a_client(running).get("/audit/api/my-data", headers=headers_of(running, "supervisor", account="a1"))
    [kept] = [each for each in copy.json["kept"] if each["table"] == "vault"]
    assert (kept["days"], kept["sensitive"]) == (1096, True)
    assert "8302" in [row["value"] for row in kept["rows"]]
    assert "salt" not in kept["rows"][0]
    other = a_client(running).get("/audit/api/my-data", headers=headers_of(running, "supervisor"))
    assert "8302" not in other.text


def a_case(kind, outcome):
    return DataCaseClosed(
        case_id="d1",
        reference="D-2026-1125-001",
        account_id="a1",
        kind=kind,
        outcome=outcome,
        late=False,
        closed_at=NOON,
    )


def test_values_go_by_themselves_when_their_term_is_over(quick):
    tell(quick, a_chain(Voices()))
    assert vault.expire(quick) == 0
    quick.clock.set(NOON + timedelta(days=1097))
    assert vault.expire(quick) == 2
    assert vault.expire(quick) == 0


def test_a_copy_of_the_database_discloses_nothing(quick, tmp_path):
    tell(quick, a_chain(Voices()))
    with sqlite3.connect(tmp_path / "audit.db") as copy:
        kept = "".join(str(row) for row in copy.execute("SELECT * FROM vault"))
    assert "8302" not in kept
    assert "杏" not in kept
    assert (tmp_path / "keys" / "vault.key").stat().st_mode & 0o077 == 0


def test_a_value_moved_to_another_entry_does_not_open(quick):
    tell(quick, a_chain(Voices()))
    with quick.database.read() as connection:
        opening = vault.openings(connection, 0, quick.settings)[0]
    check_opening(json.loads(leaves(quick)[0]), opening)
    key = vault.cipher(quick.settings)
    with pytest.raises(InvalidTag):
        vault.shown(vault.hidden(opening, key), b"another salt", key)


# ---- where an event stands


def test_anybody_who_knows_an_event_learns_where_it_stands_and_nothing_else(quick):
    voices = Voices()
    first = a_chain(voices)
    tell(quick, first)
    sign(quick)
    later = a_chain(voices, "r2", "2026-1125-002")[:1]
    tell(quick, later)
    ids = [first[2].envelope.id, later[0].envelope.id, "unknown"]
    answer = a_client(quick).get("/audit/api/sealed", query_string=[("event", each) for each in ids])
    assert answer.get_json() == {
        "covers": 7,
        "found": [
            {"event_id": ids[0], "number": 2, "sealed": True},
            {"event_id": ids[1], "number": 7, "sealed": False},
        ],
    }
    many = [("event", str(number)) for number in range(51)]
    assert a_client(quick).get("/audit/api/sealed", query_string=many).status_code == 422
