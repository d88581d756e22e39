"""Targets by month and year: what the log says was reached beside them, and how they are set."""

import re
from dataclasses import MISSING, fields
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy.exc
from sqlalchemy import text

from services.audit import bodies, figures, targets
from services.audit.bodies import EVERYTHING, Body, Reads
from services.audit.signing import sign
from shared.clock import SITE_ZONE
from shared.contracts.requests import ComplaintAnswered, RequestConfirmed, RequestReopened
from shared.errors import Conflict, Invalid
from shared.language import CODES
from tests.audit.conftest import EVERYTHING as ALL
from tests.audit.conftest import Voices, a_client
from tests.audit.test_audit_overview import finished
from tests.people import NOON, headers_of

OCTOBER = NOON - timedelta(days=40)
LAST_YEAR = NOON - timedelta(days=365)
PUT = {"kpi": "finish", "starts": "2026-11", "value": "95.5", "reason": "年度计划"}


def of(cls, **given):
    """An event of which only what is given matters."""
    kinds = {"int": 1, "bool": False, "datetime": NOON}
    needed = {each.name: kinds.get(str(each.type), "x") for each in fields(cls) if each.default is MISSING}
    return cls(**needed | given)


def history():
    """(when it is received, event)."""
    kept = [(True, True), (False, True), (True, None), (None, None)]
    return [
        (LAST_YEAR, finished(0, NOON, finish_kept=True)),
        *((OCTOBER, finished(n, NOON, response_kept=one, finish_kept=two)) for n, (one, two) in enumerate(kept, 1)),
        (OCTOBER, of(RequestReopened, request_id="r1")),
        (OCTOBER, of(RequestConfirmed, request_id="r2", stars=5)),
        (OCTOBER, of(RequestConfirmed, request_id="r3", stars=4)),
        (OCTOBER, of(RequestConfirmed, request_id="r4")),
        (OCTOBER, of(ComplaintAnswered, complaint_id="c1", late=False)),
        (OCTOBER, of(ComplaintAnswered, complaint_id="c2", late=True)),
        (OCTOBER, of(ComplaintAnswered, complaint_id="c3", late=False)),
        *((NOON, finished(n, NOON, finish_kept=n % 3 > 0, arrival_kept=False)) for n in range(10, 16)),
        (NOON, of(RequestConfirmed, request_id="r5", stars=2)),
    ]


@pytest.fixture
def told(running):
    voices = Voices()
    for at, event in history():
        running.clock.set(at)
        running.consumer.deliver(ALL, [voices.delivery(event)])
    running.clock.set(NOON)
    sign(running)
    assert targets.tally(running)
    return running


def shown(running, reads=EVERYTHING):
    with running.database.read() as connection:
        found = targets.readings(connection, running.clock.now(), reads)
    return {(kpi.code, each.period): each for kpi, *terms in found for term in terms for each in term}


def put(running, kpi, starts, value, reason="计划"):
    with running.work() as work:
        return targets.put(work, kpi, starts, Decimal(value), reason)


def test_figures_are_counted_exactly_by_month_and_year(told):
    found = shown(told)
    counted = {key: (each.part, each.whole, each.actual) for key, each in found.items() if each.whole}
    assert counted == {
        ("response", "2026-10"): (2, 3, Decimal("66.66")), ("response", "2026"): (2, 3, Decimal("66.66")),
        ("arrival", "2026-11"): (0, 6, Decimal(0)), ("arrival", "2026"): (0, 6, Decimal(0)),
        ("finish", "2026-10"): (2, 2, Decimal(100)), ("finish", "2026-11"): (4, 6, Decimal("66.66")),
        ("finish", "2026"): (6, 8, Decimal(75)), ("finish", "2025"): (1, 1, Decimal(100)),
        ("complaints", "2026-10"): (2, 3, Decimal("66.66")), ("complaints", "2026"): (2, 3, Decimal("66.66")),
        ("rating", "2026-10"): (9, 2, Decimal("4.5")), ("rating", "2026-11"): (2, 1, Decimal(2)),
        ("rating", "2026"): (11, 3, Decimal("3.66")),
        ("reopened", "2026-10"): (1, 4, Decimal(25)), ("reopened", "2026-11"): (0, 6, Decimal(0)),
        ("reopened", "2026"): (1, 10, Decimal(10)), ("reopened", "2025"): (0, 1, Decimal(0)),
    }  # fmt: skip
    # Whatever is counted again is counted once, and made anew from the log it is the same.
    assert targets.tally(told) == 0
    with told.database.write() as connection:
        targets.forget(connection)
    assert not any(each.whole for each in shown(told).values())
    while targets.tally(told):
        pass
    assert shown(told) == found


def test_only_sealed_entries_count(quick):
    quick.consumer.deliver(ALL, [Voices().delivery(finished(1, NOON, finish_kept=True))])
    assert targets.tally(quick) == 0
    sign(quick)
    assert targets.tally(quick) == 1
    assert shown(quick)["finish", "2026-11"].whole == 1


def test_a_month_ends_at_midnight_of_the_site(quick):
    voices = Voices()
    midnight = datetime(2026, 11, 1, tzinfo=SITE_ZONE)
    for at in (midnight - timedelta(seconds=1), midnight):
        quick.clock.set(at)
        quick.consumer.deliver(ALL, [voices.delivery(finished(1, NOON, finish_kept=True))])
    quick.clock.set(NOON)
    sign(quick)
    targets.tally(quick)
    assert [shown(quick)["finish", month].whole for month in ("2026-10", "2026-11")] == [1, 1]


def test_a_figure_stands_beside_the_target_of_its_period(told):
    for kpi, starts, value in (
        ("finish", "2026-11", "66.66"), ("finish", "2026-12", "90"), ("finish", "2026", "75.01"), ("reopened", "2026-11", "0"),
        ("rating", "2026", "3.67"), ("response", "2026-11", "80"),
    ):  # fmt: skip
        put(told, kpi, starts, value)
    found = {key: each.state for key, each in shown(told).items() if each.target}
    assert found == {
        ("finish", "2026-11"): "on_the_way", ("finish", "2026"): "behind", ("reopened", "2026-11"): "on_the_way",
        ("rating", "2026"): "behind", ("response", "2026-11"): "unknown",
    }  # fmt: skip
    # When the month is over, it is as it was; the next one has its own target, or the last that began before it.
    told.clock.set(NOON + timedelta(days=10))
    put(told, "finish", "2026-12", "50")
    after = shown(told)
    assert (after["finish", "2026-11"].state, after["finish", "2026-11"].target.value) == ("reached", Decimal("66.66"))
    assert after["finish", "2026-12"].target.value == Decimal(50)
    assert after["reopened", "2026-12"].target.value == 0
    told.clock.set(NOON + timedelta(days=70))
    assert shown(told)["finish", "2026-12"].state == "unknown"
    assert (shown(told)["rating", "2026"].state, shown(told)["rating", "2027"].target.version) == ("missed", 1)


def test_a_figure_that_is_rounded_is_never_better_than_it_is():
    def actual(kpi, part, whole):
        return targets.Reading(targets.KPIS[kpi], "2026-11", part, whole, None, True).actual

    assert actual("finish", 9_499_999, 10_000_000) == Decimal("94.99")
    assert actual("reopened", 500_001, 10_000_000) == Decimal("5.01")
    assert actual("rating", 4_999_999, 1_000_000) == Decimal("4.99")
    assert actual("finish", 0, 0) is None


def test_a_target_is_a_version_with_its_reason_and_an_event(running):
    first = put(running, "finish", "2026-12", "90")
    again = put(running, "finish", "2026-12", "90")
    second = put(running, "finish", "2026-12", "92.25", "提高")
    assert (first.version, again, second.version) == (1, first, 2)
    assert put(running, "finish", "2027", "91").version == 1
    with running.database.read() as connection:
        assert targets.in_force(targets.versions(connection), "finish", "2026-12") == second
        assert targets.in_force(targets.versions(connection), "finish", "2026-11") is None
        said = connection.execute(text("SELECT sealed FROM outbox WHERE type = 'audit.target_set.v1' ORDER BY 1")).all()
    assert len(said) == 3
    assert any('"value":"92.25","version":2,"reason":"提高"' in each for (each,) in said)
    for change in ("UPDATE target SET hundredths = 1", "DELETE FROM target"):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), running.database.write() as connection:
            connection.execute(text(change))


@pytest.mark.parametrize(
    ("kpi", "starts", "value", "field"),
    [
        ("finish", "2026-10", "90", "starts"), ("finish", "2025", "90", "starts"), ("finish", "2037", "90", "starts"),
        ("finish", "2026-11", "100.01", "value"), ("rating", "2026-11", "0.99", "value"), ("rating", "2026-11", "5.01", "value"),
    ],
)  # fmt: skip
def test_a_past_period_or_a_value_out_of_range_is_refused(quick, kpi, starts, value, field):
    with pytest.raises(Invalid) as refused:
        put(quick, kpi, starts, value)
    assert list(refused.value.fields) == [field]
    with quick.database.read() as connection:
        assert targets.versions(connection) == []


def test_of_two_at_once_the_second_is_told(running, monkeypatch):
    put(running, "finish", "2026-12", "90")
    monkeypatch.setattr(targets, "versions", lambda _connection: [])
    with pytest.raises(Conflict):
        put(running, "finish", "2026-12", "91")


def test_the_api_sets_and_shows_and_says_what_is_wrong(told):
    client, admin = a_client(told), headers_of(told, "administrator", language="en")
    made = client.put("/audit/api/targets", json=PUT, headers=admin)
    assert made.status_code == 200
    assert (
        made.json["version"] == 1
        and made.json["value"] == "95.50"
        and made.json["set_by"] == "account-of-administrator"
    )
    found = client.get("/audit/api/targets", headers=headers_of(told, "dispatcher")).json
    assert found["covers"] == len(history())
    assert found["versions"] == [made.json]
    assert {
        "kpi": "finish", "period": "2026-11", "part": 4, "whole": 6, "actual": "66.66", "target": "95.50", "version": 1,
        "state": "behind",
    } in found["readings"]  # fmt: skip
    for wrong, field in (
        ({"kpi": "profit"}, "kpi"), ({"starts": "2026-13"}, "starts"), ({"starts": "2026-11\n"}, "starts"), ({"starts": "2026-10"}, "starts"),
        ({"value": "95.555"}, "value"), ({"value": "many"}, "value"), ({"value": "-1"}, "value"), ({"value": 95.5}, "value"),
        ({"reason": " "}, "reason"), ({"more": "x"}, "more"),
    ):  # fmt: skip
        answer = client.put("/audit/api/targets", json=PUT | wrong, headers=admin)
        assert answer.status_code == 422, wrong
        assert answer.mimetype == "application/problem+json"
        assert field in answer.text
    assert client.get("/audit/api/targets", headers=admin).json["versions"] == [made.json]


def test_who_may_read_and_who_may_set(quick):
    client = a_client(quick)
    for role in ("supervisor", "auditor", "administrator", "dispatcher", "staff", "crew", "supplier", "finance"):
        who = headers_of(quick, role)
        reads = role in {"supervisor", "auditor", "administrator", "dispatcher"}
        for path in ("targets", "api/targets"):
            assert client.get(f"/audit/{path}", headers=who).status_code == (200 if reads else 403), (role, path)
        sets = role == "administrator"
        assert client.put("/audit/api/targets", json=PUT, headers=who).status_code == (200 if sets else 403), role
        assert client.post("/audit/targets", data=PUT, headers=who).status_code == (303 if sets else 403), role


def test_a_figure_is_shown_to_whoever_reads_all_that_it_is_counted_from(told):
    everywhere = {"response", "arrival", "finish", "complaints", "rating", "reopened"}
    assert {kpi for kpi, _ in shown(told)} == everywhere
    assert {kpi for kpi, _ in shown(told, Reads(((("dispatch",), ()),)))} == {"response", "arrival", "finish"}
    assert shown(told, Reads((((), ("HY-1",)),))) == {}
    with told.work() as work:
        bodies.put_body(work, Body("city", "", "government", "city", "市局", "City", ("requests",), ()))
        until = figures.midnight(NOON.date() + timedelta(days=6))
        bodies.give(work, "account-of-auditor", "city", NOON - timedelta(days=1), until)
    client = a_client(told)
    of_auditor = client.get("/audit/api/targets", headers=headers_of(told, "auditor")).json
    assert {each["kpi"] for each in of_auditor["readings"]} == {"complaints", "rating"}
    assert client.get("/audit/targets", headers=headers_of(told, "supervisor")).status_code == 403
    of_dispatcher = client.get("/audit/api/targets", headers=headers_of(told, "dispatcher")).json
    assert {each["kpi"] for each in of_dispatcher["readings"]} == everywhere


@pytest.mark.parametrize("code", CODES)
def test_the_page_shows_each_figure_its_formula_and_the_form(told, code):
    client, admin = a_client(told), headers_of(told, "administrator", language=code)
    assert client.post("/audit/targets", data=PUT, headers=admin).status_code == 303
    html = client.get("/audit/targets", headers=admin).text
    name, formula, state, target = (
        ("完工守时率", "按时完成的占比", "目前未达到", "≥ 95.50%")
        if code == "zh-Hans"
        else ("Finish in time", "the share finished in time", "Behind", "≥ 95.50%")
    )
    row = next(each for each in re.findall(r"<tr>.*?</tr>", html) if name in each)
    assert target in row and "66.66%" in row and state in row
    assert formula in html and "年度计划" in html and 'action="/audit/targets"' in html
    wrong = client.post("/audit/targets", data=PUT | {"kpi": "rating"}, headers=admin)
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text and "95.5" in wrong.text
    assert 'action="/audit/targets"' not in client.get("/audit/targets", headers=headers_of(told, "auditor")).text
