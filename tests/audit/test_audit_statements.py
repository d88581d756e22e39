"""Statements that billing really drew, sealed, and computed again by the verifier from their events alone."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from services.audit import closing
from services.audit.signing import keys, sign
from services.billing import tables
from services.billing.handlers import statements
from services.billing.handlers.facts import Report, record
from shared.bus.base import Delivery
from shared.contracts.base import numbered, unseal
from tests.audit.a_statement import a_full_month
from tests.audit.conftest import a_client, tell
from tests.billing import conftest as billing
from tests.people import NOON, headers_of

VERIFIER = Path(__file__).parents[2] / "deploy/verify/houqin_verify.py"
REF = "HY-2026-01"
DECEMBER, JANUARY = datetime(2026, 12, 3, 2, tzinfo=UTC), datetime(2027, 1, 12, 2, tzinfo=UTC)


@pytest.fixture
def office(tmp_path):
    """Billing with the demonstration contracts."""
    found = billing.a_running(tmp_path / "billing", f"sqlite:///{_made(tmp_path / 'billing') / 'billing.db'}")
    yield found
    found.database.close()


def _made(folder):
    folder.mkdir(exist_ok=True)
    return folder


def sealed_by(audit, office):
    """Everything that billing said so far is in the log, and signed."""
    with office.database.read() as connection:
        said = connection.exec_driver_sql("SELECT sealed FROM outbox ORDER BY row_id").all()
    bodies = [numbered(row, 1, number, number) for number, (row,) in enumerate(said, 1)]
    tell(audit, [Delivery(unseal(body), body) for body in bodies])
    sign(audit)


def verdict(audit, statement, folder):
    answer = a_client(audit).get(f"/audit/api/bundles/{statement}", headers=headers_of(audit, "auditor"))
    assert answer.status_code == 200, answer.text
    path = folder / f"{statement}.json"
    path.write_bytes(answer.data)
    key = str(keys(audit.settings)[0].public)
    found = subprocess.run(
        [sys.executable, str(VERIFIER), "bundle", str(path), "--key", key, "--lang", "en", "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.returncode, json.loads(found.stdout)


def test_a_statement_of_a_month_in_a_log_that_was_closed_since(quick, office, tmp_path):
    """Usage in December's log, the statement in January's: one bundle, two checkpoints, the same sum."""
    billing.tell(office, [billing.hours(1, "80.5"), billing.hours(2, "60.25")])
    sealed_by(quick, office)
    with office.database.read() as connection:
        before = int(connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar_one())
    closing.close(quick)
    office.clock.set(DECEMBER)
    ref = drawn(office)
    with office.database.read() as connection:
        said = connection.exec_driver_sql("SELECT sealed FROM outbox ORDER BY row_id").all()
    bodies = [numbered(row, 1, number, number) for number, (row,) in enumerate(said, 1)][before:]
    tell(quick, [Delivery(unseal(body), body) for body in bodies])
    sign(quick)
    answer = a_client(quick).get(f"/audit/api/bundles/{ref}", headers=headers_of(quick, "auditor"))
    (tmp_path / "bundle.json").write_bytes(answer.data)
    assert answer.get_json()["earlier"][0]["entries"]
    every = [word for each in keys(quick.settings) for word in ("--key", str(each.public))]
    found = subprocess.run(
        [sys.executable, str(VERIFIER), "bundle", str(tmp_path / "bundle.json"), *every, "--lang", "en"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout
    assert "11678.5" in found.stdout


def drawn(office, period="2026-11"):
    with office.work(actor="account:clerk") as work:
        return statements.draw(work, REF, period)


def test_a_month_of_hours_is_computed_again_to_the_fen(quick, office, tmp_path):
    billing.tell(office, [billing.hours(1, "80.5"), billing.hours(2, "60.25")])
    office.clock.set(DECEMBER)
    ref = drawn(office)
    sealed_by(quick, office)
    code, said = verdict(quick, ref, tmp_path)
    assert code == 0, said
    assert any("11678.5" in each["sentence"] for each in said["facts"])


def test_an_issued_statement_and_one_with_a_late_adjustment(quick, office, tmp_path):
    billing.tell(office, [billing.hours(1, "80.5"), billing.finished(2, ("materials", "100", "yuan"))])
    office.clock.set(DECEMBER)
    first = drawn(office)
    for who, role in (("m", "contract_manager"), ("f", "finance")):
        with office.work(actor=f"account:{who}") as work:
            if who == "m":
                statements.send(work, first)
                statements.accept(work, first)
            statements.sign(work, first, account=who, name=who, role=role)
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
    with office.work() as work:
        record(work, [late])
    office.clock.set(JANUARY)
    second = drawn(office, "2026-12")
    sealed_by(quick, office)
    for ref in (first, second):
        code, said = verdict(quick, ref, tmp_path)
        assert code == 0, (ref, said)


def test_every_model_and_aggregation_through_the_log(quick, tmp_path):
    """The log's own bundle holds all that a stranger needs: the contract, its cards, and what a level is carried from."""
    office, ref = a_full_month(tmp_path / "billing", ends_on=date(2026, 11, 24))
    sealed_by(quick, office)
    office.database.close()
    code, said = verdict(quick, ref, tmp_path)
    assert code == 0, said


def test_retention_held_and_released_and_interest(quick, office, tmp_path):
    with office.work() as work:
        contract = tables.contract
        work.connection.execute(
            contract.update().where(contract.c.ref == REF).values(terms=json.dumps({"retention_pct": "5"}))
        )
    billing.tell(office, [billing.hours(1, "80.5"), billing.hours(2, "60.25")])
    office.clock.set(DECEMBER)
    first = drawn(office)
    for who, role in (("m", "contract_manager"), ("f", "finance")):
        with office.work(actor=f"account:{who}") as work:
            if who == "m":
                statements.send(work, first)
                statements.accept(work, first)
            statements.sign(work, first, account=who, name=who, role=role)
    office.clock.set(JANUARY)
    with office.work(actor="account:f") as work:
        statements.pay(work, first, amount=Decimal("11094.57"), paid_on=date(2027, 1, 12), reference="V-2")
        statements.release_retention(work, REF, Decimal("500.00"))
    office.clock.set(datetime(2027, 2, 3, 2, tzinfo=UTC))
    second = drawn(office, "2027-01")
    sealed_by(quick, office)
    for ref in (first, second):
        code, said = verdict(quick, ref, tmp_path)
        assert code == 0, (ref, said)
