"""Schemes of assessment are versions that two people agree; what was seen beside the orders counts once, until it is struck."""

import json
from decimal import Decimal

from sqlalchemy import select

from services.billing import office_tables, tables
from services.billing.handlers import assessing
from tests.billing.conftest import a_client
from tests.people import headers_of

REF, MONTH = "HY-2026-01", "2026-11"
SCHEME = {
    "starts_in": MONTH, "promises_weight": "60", "promises_full": "100", "promises_zero": "50", "complaints_weight": "40",
    "complaints_full": "0", "complaints_zero": "50", "fewer_orders": "85", "no_new_orders": "75", "end_of_contract": "50", "praise": "2",
}  # fmt: skip


def post(running, path, body, role="contract_manager", **more):
    return a_client(running).post(f"/billing/api{path}", json=body, headers=headers_of(running, role, **more))


def in_force(running, made):
    return post(running, f"/proposals/{made.json['id']}/in_force", {}, "finance")


def ten_jobs(running, scored=REF, supplier="HY", kept=2):
    with running.work() as work:
        rows = [
            {"order_id": f"{scored}{n}", "round": 1, "request_id": f"{scored}{n}", "scored": scored, "supplier": supplier, "item": "repair",
             "period": MONTH, "promises": 2, "kept": kept, "event_id": "e"}
            for n in range(10)
        ]  # fmt: skip
        work.connection.execute(tables.job_record.insert(), rows)


def seen(kind, value="1", scored=REF, day="2026-11-20"):
    return {"kind": kind, "scored": scored, "happened_on": day, "value": value, "words": "抽查", "evidence": "R-1, R-2"}


def score(running, scored=REF):
    found = (
        a_client(running)
        .get(f"/billing/api/scores?period={MONTH}", headers=headers_of(running, "finance"))
        .json["scores"]
    )
    return next(each for each in found if each["scored"] == scored)


def test_the_office_and_a_contract_agree_on_weights_and_marks_by_two_people(running):
    ten_jobs(running, kept=1)
    ten_jobs(running, "in-elec-1", "", kept=1)
    made = post(running, "/assessment", SCHEME)
    assert made.status_code == 201, made.text
    assert post(running, f"/proposals/{made.json['id']}/in_force", {}).status_code == 403
    before = score(running)["score"]
    assert in_force(running, made).status_code == 200
    found = score(running)
    assert (found["score"], found["consequence"]) == (
        "40.0",
        "end_of_contract",
    )  # promises 50 % earn nothing, no complaints all
    assert before != found["score"]
    assert score(running, "in-elec-1")["score"] == "40.0", "crews of our own are measured by the same"
    own = SCHEME | {"promises_zero": "0", "rules": "{}"}
    assert in_force(running, post(running, f"/contracts/{REF}/assessment", own)).status_code == 200
    assert (score(running)["score"], score(running, "in-elec-1")["score"]) == ("70.0", "40.0")
    with running.database.read() as connection:
        assert assessing.scheme_in(connection, REF, "2026-10")[1].get("indicators") is None, (
            "earlier months stand by what held then"
        )
        assert assessing.scheme_in(connection, REF, "2027-03")[0] == 1


def test_an_unsound_scheme_is_refused_beside_its_field(quick):
    for change, name in (
        ({"promises_full": ""}, "promises_full"), ({"promises_zero": "100"}, "promises_zero"), ({"starts_in": "2026-13"}, "starts_in"),
        ({"promises_weight": "", "complaints_weight": "0"}, "promises_weight"), ({"no_new_orders": "90"}, "consequences"), ({"promises_weight": "-1"}, "promises_weight"),
        ({"praise": "1" + "0" * 30}, "praise"),
    ):  # fmt: skip
        answer = post(quick, "/assessment", SCHEME | change)
        assert answer.status_code == 422, change
        assert name in answer.text, change
    for rules in (
        "[]",
        "{",
        '{"x": {"kind": "magic"}}',
        '{"x": {"kind": "bands"}}',
        '{"x": {"kind": "fine"}}',
        '{"x": 3}',
        '{"a b": {"kind": "fine", "amount": "1"}}',
    ):
        assert post(quick, f"/contracts/{REF}/assessment", SCHEME | {"rules": rules}).status_code == 422, rules
    form = a_client(quick).post(
        "/billing/assessment", data=SCHEME | {"promises_full": ""}, headers=headers_of(quick, "contract_manager")
    )
    assert form.status_code == 422
    assert 'id="f-promises_full-e"' in form.text


def test_a_scheme_does_not_reach_back_into_confirmed_months(quick):
    ten_jobs(quick)
    waiting = post(quick, "/assessment", SCHEME)
    assert post(quick, "/scores", {"scored": REF, "period": MONTH}).status_code == 200
    assert post(quick, "/assessment", SCHEME).status_code == 422
    assert in_force(quick, waiting).status_code == 409
    one, two = (post(quick, "/assessment", SCHEME | {"starts_in": "2026-12", "praise": p}) for p in "12")
    assert in_force(quick, one).status_code == 200
    assert in_force(quick, two).status_code == 409, "it was written against an older version"


def test_what_was_seen_counts_towards_the_score_until_another_person_strikes_it(running):
    ten_jobs(running)
    assert (
        in_force(
            running,
            post(
                running, "/assessment", SCHEME | {"quality_weight": "100", "quality_full": "100", "quality_zero": "0"}
            ),
        ).status_code
        == 200
    )
    assert score(running)["score"] == "100.0"
    check = post(running, "/observations", seen("quality", "50"), "supervisor")
    assert check.status_code == 201, check.text
    assert score(running)["measures"]["quality"] == "50.0"
    assert score(running)["score"] == "75.0"
    post(running, "/observations", seen("complaint"))
    assert score(running)["measures"]["complaints"] == "10.0"
    post(running, "/observations", seen("praise", "2"))
    assert score(running)["score"] == "75.0"  # 71 and four points of praise
    post(running, "/observations", seen("safety"))
    assert score(running)["measures"]["safety"] == "1.0"
    path = f"/observations/{check.json['id']}/strike"
    assert post(running, path, {"words": "重复"}, "supervisor").status_code == 403
    assert post(running, path, {"words": "重复"}).status_code == 200
    assert post(running, path, {"words": "重复"}).status_code == 404
    assert score(running)["measures"]["quality"] is None
    page = a_client(running).get(f"/billing/observations?period={MONTH}", headers=headers_of(running, "finance")).text
    assert "已撤销：重复" in page


def test_what_cannot_be_noted_is_refused(quick):
    ten_jobs(quick)
    for change, status in (
        ({"kind": "weather"}, 422), ({"value": "101", "kind": "quality"}, 422), ({"value": "-1"}, 422), ({"happened_on": "2027-01-01"}, 422),
        ({"scored": "nobody"}, 404), ({"evidence": ""}, 422), ({"value": "NaN"}, 422),
    ):  # fmt: skip
        assert post(quick, "/observations", seen("safety") | change).status_code == status, change
    assert post(quick, "/scores", {"scored": REF, "period": MONTH}).status_code == 200
    assert post(quick, "/observations", seen("safety")).status_code == 409
    with quick.database.read() as connection:
        assert connection.execute(select(office_tables.observation)).first() is None


def test_from_another_service_it_is_taken_once_for_ever(quick):
    given = {"kind": "complaint", "scored": REF, "happened_on": quick.clock.now().date(), "value": Decimal(1), "words": "x", "evidence": ["e"],
             "name": "", "source": "requests", "source_id": "c-1"}  # fmt: skip
    with quick.work() as work:
        assert assessing.note(work, **given) == assessing.note(work, **given)
    with quick.database.read() as connection:
        assert len(connection.execute(select(office_tables.observation)).all()) == 1


def test_a_supplier_sees_what_was_noted_of_it_and_of_nobody_else(quick):
    post(quick, "/observations", seen("safety"))
    client = a_client(quick)
    assert (
        "抽查"
        in client.get(
            f"/billing/observations?period={MONTH}", headers=headers_of(quick, "supplier", supplier="HY")
        ).text
    )
    assert (
        "抽查"
        not in client.get(
            f"/billing/observations?period={MONTH}", headers=headers_of(quick, "supplier", supplier="JJ")
        ).text
    )
    assert (
        client.get(
            f"/billing/api/assessment?contract={REF}", headers=headers_of(quick, "supplier", supplier="JJ")
        ).status_code
        == 404
    )
    mine = client.get(
        f"/billing/api/assessment?contract={REF}", headers=headers_of(quick, "supplier", supplier="HY")
    ).json
    assert "late" in mine["scheme"]["rules"]


def test_a_confirmed_score_names_the_version_and_tells_dispatch(quick):
    ten_jobs(quick)
    assert in_force(quick, post(quick, "/assessment", SCHEME)).status_code == 200
    assert post(quick, "/scores", {"scored": REF, "period": MONTH}).status_code == 200
    outbox = quick.service.metadata.tables["outbox"]
    with quick.database.read() as connection:
        said = [json.loads(row) for row in connection.execute(select(outbox.c.sealed)).scalars()]
    [event] = [each["data"] for each in said if each["type"] == "billing.performance_scored.v1"]
    assert {each["indicator"] for each in event["measures"]} == {
        "promises",
        "quality",
        "reopened",
        "complaints",
        "stars",
        "safety",
        "saving",
    }
    assert (event["scored"], event["score"], event["scheme_version"]) == (REF, "100.0", 1)
    assert event["consequence"] == "none"
