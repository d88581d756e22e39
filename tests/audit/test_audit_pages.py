"""The pages of the log and of what was put aside: for whom they are, in both languages, and what they say."""

import logging
import re
from datetime import UTC, datetime

import pytest

from services.audit.service import routes
from services.audit.signing import sign
from shared.contracts.audit import LogRead
from shared.contracts.base import REGISTRY
from shared.contracts.dispatch import WorkOrderPaused, WorkOrderRefused
from shared.contracts.requests import RequestsAccessNoted
from shared.language import CODES, language
from shared.web.routes import SAFE
from tests.audit.conftest import EVERYTHING, Voices, a_chain, a_client, a_running, leaves, tell
from tests.people import NOON, headers_of

PAGES = [
    "",
    "entries/",
    "entries/0",
    "entries/6",
    "about/r1",
    "about/1125-001",
    "about/HY-2026-01",
    "search",
    "search?q=zzz",
    "verify",
]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """One service with one sealed chain, for all tests that only read."""
    folder = tmp_path_factory.mktemp("audit")
    running = a_running(folder, f"sqlite:///{folder / 'audit.db'}")
    tell(running, a_chain(Voices()))
    running.consumer.fold()
    sign(running)
    yield running
    running.database.close()


@pytest.fixture(scope="module")
def client(house):
    return a_client(house)


@pytest.mark.parametrize("code", CODES)
def test_every_page_is_there_in_both_languages(house, client, code):
    for path in PAGES:
        answer = client.get(f"/audit/{path}", headers=headers_of(house, "auditor", language=code))
        assert answer.status_code == 200, (path, answer.text[-1500:])
        assert f'<html lang="{code}"' in answer.text
    admin = client.get("/audit/dead-letters", headers=headers_of(house, "administrator", language=code))
    assert admin.status_code == 200


@pytest.mark.parametrize("code", CODES)
def test_an_entry_names_its_fields_in_words(house, client, code):
    for path in ("entries/0", "entries/6"):
        text = client.get(f"/audit/{path}", headers=headers_of(house, "auditor", language=code)).text
        names = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<dt>(.*?)</dt>", text, re.DOTALL)]
        assert len(names) > 6
        assert not [name for name in names if "_" in name or (code == "zh-Hans" and name.isascii())], names
    assert not re.search(
        r"\d{4}-\d\d-\d\dT", re.sub(r"<pre.*?</pre>|<script.*?</script>|<[^>]+>", "", text, flags=re.DOTALL)
    )


@pytest.mark.parametrize("code", CODES)
def test_every_event_has_its_sentence_and_its_name(code):
    words = language(code)
    types = {
        type_.rpartition(".")[0]
        for type_ in REGISTRY
        if type_.partition(".")[0] in {"requests", "dispatch", "billing", "audit"}
    }
    assert {
        each for each in types if not (words.has(f"audit.says.{each}") and words.has(f"audit.kind.{each}"))
    } == set()


@pytest.mark.parametrize(
    "role",
    [
        "staff",
        "dispatcher",
        "crew",
        "supplier",
        "finance",
        "contract_manager",
        "supervisor",
        "auditor",
        "administrator",
    ],
)
def test_each_role_comes_to_its_routes_and_to_no_others(house, client, role):
    values = {"number": "0", "thing": "r1", "path": "entries/000.p/7", "row": "7", "day": "2026-11-24"}
    headers = headers_of(house, role)
    for route in routes():
        if route.allow.public:
            continue
        path = "/audit" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], route.path)
        answer = client.open(path, method=route.method, headers=headers, data=None if route.method in SAFE else {})
        if role in route.allow.scopes:
            assert answer.status_code not in {403, 500}, (route.name, answer.status_code)
        else:
            assert answer.status_code == 403, (route.name, answer.status_code)


def test_the_trail_of_a_request_holds_its_money_and_no_personal_data(house, client):
    by_id, by_reference = (
        client.get(f"/audit/about/{each}", headers=headers_of(house, "supervisor")).text for each in ("r1", "1125-001")
    )
    for html in (by_id, by_reference):
        for words in (
            "提交申请 2026-1125-001：设备维修",
            "派给恒岳空调一班",
            "工时 3.5小时",
            "297.50元",
            "的推送增加第1笔",
        ):
            assert words in html, words
        assert "杏" not in html
        assert "8302" not in html


def test_every_thing_and_person_of_an_entry_has_its_trail(house, client):
    auditor = headers_of(house, "auditor", language="en")
    html = client.get("/audit/entries/4", headers=auditor).text
    for thing in ("HY-2026-01", "HY", "hy-elec-1", "o-r1", "a1"):  # contract, supplier, crew, order, whoever acted
        assert f'href="/audit/about/{thing}"' in html, thing
        trail = client.get(f"/audit/about/{thing}", headers=auditor)
        assert trail.status_code == 200, thing
        assert 'href="/audit/entries/4"' in trail.text, thing


def test_an_export_and_a_reading_are_said_without_stray_signs(quick):
    voices = Voices()
    read = LogRead(account_id="a2", what="overview", filter="", count=7, read_at=NOON)
    given = RequestsAccessNoted(account_id="a2", what="export", route="mine_csv", of="", noted_at=NOON, count=1)
    changed = RequestsAccessNoted(account_id="a2", what="change", route="admin_save_quota", of="q1", noted_at=NOON)
    tell(quick, [voices.delivery(read, source="audit"), voices.delivery(given), voices.delivery(changed)])
    client = a_client(quick)
    for code, said in (
        ("en", ["Account a2 read the log (overview) and saw 7 entries", "Account a2 was given an export (1 row)", "Account a2 changed what is kept: admin_save_quota q1"]),
        ("zh-Hans", ["账号 a2 查阅了日志（总览），看到7条", "账号 a2 取得：导出（1行）", "账号 a2 变更了管理内容：admin_save_quota q1"]),
    ):  # fmt: skip
        html = client.get("/audit/entries/", headers=headers_of(quick, "auditor", language=code)).text
        for words in said:
            assert words in html, words


def test_an_entry_shows_its_proof_worked_out(house, client):
    html = client.get("/audit/entries/4", headers=headers_of(house, "auditor")).text
    assert 'data-proof="proven"' in html
    assert "条目 4 核验通过" in html
    assert leaves(house)[4].decode().replace('"', "&#34;") in html
    assert client.get("/audit/entries/999999", headers=headers_of(house, "auditor")).status_code == 404


def test_a_changed_entry_is_shown_as_broken(told):
    with told.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER log_entry_no_update")
        connection.exec_driver_sql(
            "UPDATE log_entry SET leaf = CAST(replace(leaf, 'hy-elec-1', 'jj-elec-9') AS BLOB) WHERE seq = 3"
        )
    html = a_client(told).get("/audit/entries/3", headers=headers_of(told, "auditor")).text
    assert 'data-proof="broken"' in html
    assert "核验不符" in html


def test_an_entry_that_no_checkpoint_covers_says_so(told):
    tell(told, a_chain(Voices(), "r9", "2026-1125-009")[:1])  # a number that was seen: it is known and makes no entry
    late = Voices()
    late.totals = {"requests": 50, "requests.request_filed.v1": 50}
    tell(told, a_chain(late, "r9", "2026-1125-009")[:1])
    html = a_client(told).get("/audit/entries/7", headers=headers_of(told, "auditor")).text
    assert 'data-proof="waiting"' in html
    assert "待封存" in html


def test_a_gap_of_a_source_is_shown_by_its_count(told):
    late = Voices()
    late.totals = {"requests": 4, "requests.request_filed.v1": 4}  # numbers 2, 3 and 4 never came
    tell(told, a_chain(late, "r9", "2026-1125-009")[:1])
    client, auditor = a_client(told), headers_of(told, "auditor")
    before = client.get("/audit/", headers=auditor).text
    told.consumer.fold()
    after = client.get("/audit/", headers=auditor).text
    assert "缺3个号" in before
    assert "缺3个号" in after


def test_a_log_without_gaps_says_so(house, client):
    assert "各来源没有缺号" in client.get("/audit/", headers=headers_of(house, "auditor")).text


@pytest.mark.parametrize("code", CODES)
def test_the_search_offers_only_kinds_of_the_four_services(house, client, code, monkeypatch):
    monkeypatch.setitem(REGISTRY, "toy.thing_moved.v1", REGISTRY["audit.log_read.v1"])
    html = client.get("/audit/search", headers=headers_of(house, "auditor", language=code))
    assert html.status_code == 200
    assert 'value="audit.log_read"' in html.text
    assert "toy." not in html.text


def test_search_leads_to_the_entry_or_to_the_trail(house, client):
    auditor = headers_of(house, "auditor")
    for asked, path in (
        ("3", "/audit/entries/3"),
        ("回 3", "/audit/entries/3"),
        ("1125-001", "/audit/about/2026-1125-001"),
        ("HY-2026-01", "/audit/about/HY-2026-01"),
    ):
        assert (
            client.get("/audit/search", query_string={"q": asked}, headers=auditor).headers["Location"].endswith(path)
        )


def test_reading_is_itself_said(told):
    client, auditor = a_client(told), headers_of(told, "auditor")
    for path in ("", "entries/", "entries/0", "about/r1"):
        client.get(f"/audit/{path}", headers=auditor)
    with told.database.read() as connection:
        said = [type_ for (type_,) in connection.exec_driver_sql("SELECT type FROM outbox")]
    assert said == ["audit.log_read.v1"] * 4


@pytest.mark.parametrize("path", [
    "../../etc/passwd", "%2e%2e/checkpoint", "0/../0/000", "0//000", "0/000/", "0/x000", "0/0", "0/1000", "-1/000", "00/000", "0/000.p/0", "0/000.p/256",
    "0/000.p/8", "64/000", "entries/001", "entries/000.p/8", "0/x999/x999/999", "0/000.p/07", "0/０００",
])  # fmt: skip
def test_paths_that_are_no_tiles_of_the_log_are_absent(client, path):
    assert client.get(f"/audit/log/tile/{path}").status_code in {404, 308}


def test_tiles_and_checkpoint_are_for_everybody(client):
    for path in ("checkpoint", "tile/0/000.p/7", "tile/entries/000.p/7", "vkey"):
        answer = client.get(f"/audit/log/{path}")
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert client.get("/audit/verify").status_code == 200


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{item.__class__}", "{0}"]
)
def test_hostile_words_are_only_words(quick, text):
    chain = a_chain(Voices(), reference=text)
    tell(quick, chain)
    client, auditor = a_client(quick), headers_of(quick, "auditor")
    for path in ("entries/", "entries/0", "about/r1"):
        answer = client.get(f"/audit/{path}", headers=auditor)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text


# ---- what was put aside


def put_aside(running, state="parked"):
    [delivery, *_] = a_chain(Voices(), "r7", "2026-1125-007")
    with running.database.write() as connection:
        connection.execute(
            running.service.metadata.tables["waiting"].insert(),
            {"handler": EVERYTHING.name, "event_id": delivery.envelope.id, "type": delivery.envelope.type, "state": state, "attempt": 5,
             "since": NOON, "not_before": NOON, "error": "KeyError: 'x'", "body": delivery.body.decode()},
        )  # fmt: skip
    with running.database.read() as connection:
        return connection.exec_driver_sql("SELECT max(row_id) FROM waiting").scalar_one()


def states(running):
    with running.database.read() as connection:
        return [state for (state,) in connection.exec_driver_sql("SELECT state FROM waiting ORDER BY row_id")]


def test_an_administrator_reads_an_event_put_aside_without_personal_data(quick):
    row = put_aside(quick)
    client, admin = a_client(quick), headers_of(quick, "administrator")
    assert "requests.request_filed.v1" in client.get("/audit/dead-letters", headers=admin).text
    html = client.get(f"/audit/dead-letters/{row}", headers=admin).text
    assert "2026-1125-007" in html
    assert "杏" not in html
    assert "8302" not in html
    assert client.get("/audit/dead-letters/999", headers=admin).status_code == 404


def test_an_event_is_sent_again_one_or_all(quick):
    row = put_aside(quick)
    client, admin = a_client(quick), headers_of(quick, "administrator")
    assert client.post(f"/audit/dead-letters/{row}/again", headers=admin, data={}).status_code == 303
    assert states(quick) == ["waiting"]
    put_aside(quick)
    put_aside(quick)
    put_aside(quick, "dead")
    assert client.post("/audit/dead-letters", headers=admin, data={}).status_code == 200
    assert states(quick) == ["waiting", "waiting", "waiting", "dead"]


def test_what_cannot_be_read_is_not_sent_again_and_says_why(quick):
    row = put_aside(quick, "dead")
    answer = a_client(quick).post(
        f"/audit/dead-letters/{row}/again", headers=headers_of(quick, "administrator"), data={}
    )
    assert answer.status_code == 409
    assert "重发也没有用" in answer.text
    assert states(quick) == ["dead"]


def test_an_event_is_given_up_only_with_a_reason_and_by_name(quick, caplog):
    row = put_aside(quick)
    client, admin = a_client(quick), headers_of(quick, "administrator")
    with caplog.at_level(logging.WARNING, "houqin.waiting"):
        assert client.post(f"/audit/dead-letters/{row}/discard", headers=admin, data={"reason": " "}).status_code == 422
        assert states(quick) == ["parked"]
        assert (
            client.post(f"/audit/dead-letters/{row}/discard", headers=admin, data={"reason": "重复"}).status_code == 303
        )
    assert states(quick) == []
    assert "discarded in audit by account:account-of-administrator" in caplog.text


@pytest.mark.parametrize("role", ["staff", "supervisor", "auditor"])
def test_nobody_else_touches_what_was_put_aside(quick, role):
    row = put_aside(quick)
    client, headers = a_client(quick), headers_of(quick, role)
    for path in ("dead-letters", f"dead-letters/{row}/again", f"dead-letters/{row}/discard"):
        assert client.post(f"/audit/{path}", headers=headers, data={"reason": "x"}).status_code == 403
    assert states(quick) == ["parked"]


@pytest.mark.parametrize(
    ("said", "whole"),
    [("1130-001", "2026-1130-001"), ("1130-1001-2", "2026-1130-1001-2"), (" 2026-1130-001 ", "2026-1130-001"),
     ("2026-1130-001-1", "2026-1130-001-1"), ("HY-2026-01", "HY-2026-01")],
)  # fmt: skip
def test_a_reference_is_known_short_and_whole(said, whole):
    from services.audit.pages import full_reference

    assert full_reference(said, datetime(2026, 11, 30, 4, tzinfo=UTC)) == whole


def test_what_stops_a_clock_or_moves_work_is_listed_at_once_with_its_reason(quick):
    """Before a checkpoint covers it, and to supervision, whose office does neither."""
    voices = Voices()
    deliveries = a_chain(voices)[:3]
    base = {"order_id": "o-r1", "request_id": "r1"}
    paused = WorkOrderPaused(**base, reason="awaiting_parts", paused_at=NOON, by="dispatcher")
    refused = WorkOrderRefused(**base, crew="hy-elec-1", reason="busy", refused_at=NOON)
    tell(quick, [*deliveries, voices.delivery(paused), voices.delivery(refused)])
    for code in CODES:
        words = language(code)
        page = a_client(quick).get("/audit/entries/", headers=headers_of(quick, "supervisor", language=code)).text
        assert words("dispatch.pause.awaiting_parts") in page
        assert words("dispatch.refusal.busy") in page
