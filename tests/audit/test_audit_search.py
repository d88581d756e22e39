"""Entries found by words in both languages on both databases, what an answer covers, and who may see what."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from services.audit import bodies, searching, store
from services.audit.bodies import Body
from services.audit.searching import Wanted
from services.audit.signing import sign
from shared.errors import Forbidden, Invalid
from tests.audit.conftest import Voices, a_chain, a_client, tell
from tests.people import NOON, headers_of

BEYOND = 2**53 - 1


def numbers(running, text="", **more):
    with running.database.read() as connection:
        return [each.seq for each in searching.search(connection, Wanted(text=text, **more), BEYOND, 50)]


@pytest.fixture
def indexed(running):
    voices = Voices()
    tell(running, [*a_chain(voices), *a_chain(voices, "r2", "2026-1125-002")])
    assert searching.index(running) == 14
    return running


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-1125-002", [11, 8, 7]),
        ("1125-001", [4, 1, 0]),
        ("恒岳空调", [9, 2]),
        ("空调一", [9, 2]),
        ("恒", [9, 2]),
        ("Hengyue", [9, 2]),
        ("HENGYUE assigned", [9, 2]),
        ("hengyue breached", []),
        ("hengyue 1", [9, 2]),
        ("o-r2 HY-2026-01", [12, 11, 9]),
        ("没有这样的词", []),
        ("'; DROP TABLE log_entry; --", []),
        ('" OR *', []),
        ("…—！", []),
        ("８３０２", []),  # contact: personal, in no leaf
        ("不制冷", []),
    ],
)  # fmt: skip
def test_words_find_the_same_entries_on_both_databases(indexed, text, found):
    assert numbers(indexed, text) == found


def test_filters_narrow_what_words_find(indexed):
    assert numbers(indexed, source="billing") == [13, 12, 6, 5]
    assert numbers(indexed, "2026-1125-002", source="dispatch") == [11, 8]
    assert numbers(indexed, fact="dispatch.work_order_finished") == [11, 4]
    assert numbers(indexed, fact="dispatch.work_order_f") == []
    assert numbers(indexed, since=NOON + timedelta(days=1)) == []
    assert len(numbers(indexed, until=NOON + timedelta(seconds=1))) == 14
    assert len(numbers(indexed, actor="account:a1")) == 14


def test_an_answer_says_how_far_it_reaches_and_the_index_is_made_anew_from_the_log(indexed):
    tell(indexed, a_chain(Voices_beyond(indexed), "r3", "2026-1125-003"))
    with indexed.database.read() as connection:
        assert (searching.reach(connection), store.head(connection).size) == (14, 21)
    page = a_client(indexed).get("/audit/search?q=Hengyue", headers=headers_of(indexed, "auditor", language="en")).text
    assert "Covers entries 0 to 13" in page
    with indexed.database.write() as connection:
        searching.forget(connection)
    assert numbers(indexed, "Hengyue") == []
    assert searching.index(indexed) == 21
    assert numbers(indexed, "Hengyue") == [16, 9, 2]


def Voices_beyond(running):
    voices = Voices()
    with running.database.read() as connection:
        for source, type_, count in connection.exec_driver_sql(
            "SELECT source, type, count(*) FROM log_entry GROUP BY source, type"
        ).all():
            voices.totals[source] = voices.totals.get(source, 0) + count
            voices.totals[type_] = count
    return voices


def test_the_page_lists_what_was_found_and_the_api_the_same(indexed):
    client, who = a_client(indexed), headers_of(indexed, "supervisor")
    page = client.get("/audit/search?q=恒岳空调一班&source=dispatch", headers=who)
    assert page.status_code == 200
    assert "恒岳空调一班" in page.text
    found = client.get("/audit/api/search?q=恒岳空调一班", headers=who).get_json()
    assert ([each["number"] for each in found["entries"]], found["covers"]) == ([9, 2], 14)
    assert client.get("/audit/api/search?since=yesterday", headers=who).status_code == 422
    assert client.get("/audit/api/search?source=payroll", headers=who).status_code == 422
    assert client.get("/audit/api/search?q=a&q=b", headers=who).status_code == 400


# ---- who may see what

CITY = Body("city", "", "government", "city", "市局", "City bureau")
TRADE = Body("trade", "city", "third", "unit", "第三方", "Third party", ("dispatch",), ("HY-2026-01",))


def with_bodies(running, *mandates):
    with running.work(actor="account:admin") as work:
        bodies.put_body(work, CITY)
        bodies.put_body(work, TRADE)
        for account, body, days in mandates:
            bodies.give(work, account, body, work.now, work.now + timedelta(days=days))


def test_without_bodies_the_roles_decide_and_with_them_a_mandate_is_needed(told):
    client = a_client(told)
    assert client.get("/audit/api/entries", headers=headers_of(told, "supervisor")).status_code == 200
    with_bodies(told)
    for path in ("", "entries/", "entries/0", "about/r1", "search?q=r1", "api/entries", "api/entries/0", "api/entries/0/receipt",
                 "api/entries/0/openings", "api/bundles/r1", "api/search?q=r1"):  # fmt: skip
        assert client.get(f"/audit/{path}", headers=headers_of(told, "supervisor")).status_code == 403, path
    assert client.get("/audit/api/entries", headers=headers_of(told, "administrator")).status_code == 200


def test_a_supervisor_looks_through_the_eyes_of_a_body_below_and_of_no_other(indexed):
    with_bodies(indexed, ("account-of-supervisor", "city", 30), ("account-of-auditor", "trade", 30))
    client, who = a_client(indexed), headers_of(indexed, "supervisor")
    everything = client.get("/audit/entries/?body=", headers=who).text
    assert everything.count('<th scope="row">') == 14
    assert '<option value="trade">\u3000第三方</option>' in everything
    chosen = client.get("/audit/entries/?body=trade", headers=who).text
    own = client.get("/audit/entries/", headers=headers_of(indexed, "auditor")).text
    assert '<option value="trade" selected>' in chosen
    assert numbers_in(chosen) == numbers_in(own) != numbers_in(everything)
    assert numbers_in(client.get("/audit/?body=trade", headers=who).text) == numbers_in(own)
    assert client.get("/audit/search?q=恒岳&body=trade", headers=who).status_code == 200
    found = client.get("/audit/api/search?source=dispatch&body=trade", headers=who).get_json()["entries"]
    assert sorted(each["number"] for each in found) == numbers_in(own)
    for path in (
        "?body=city",
        "entries/?body=city",
        "search?q=a&body=city",
        "api/search?q=a&body=city",
        "?body=nobody",
    ):
        assert client.get(f"/audit/{path}", headers=headers_of(indexed, "auditor")).status_code == 404, path
    assert 'value="city"' not in own


def numbers_in(page):
    return sorted({int(each) for each in re.findall(r'href="/audit/entries/(\d+)"', page)})


def test_a_third_party_reads_its_scope_and_nothing_beside_it_until_its_time_is_over(told):
    with_bodies(told, ("account-of-auditor", "trade", 30))
    client, who = a_client(told), headers_of(told, "auditor")
    listed = client.get("/audit/api/entries", headers=who).get_json()
    assert [each["number"] for each in listed["entries"]] == [4, 2]  # dispatch, about that contract
    assert client.get("/audit/api/entries/2", headers=who).status_code == 200
    for path in ("api/entries/0", "entries/5", "api/entries/0/openings", "api/entries/6/receipt"):
        assert client.get(f"/audit/{path}", headers=who).status_code == 404, path
    bundle = client.get("/audit/api/bundles/r1", headers=who).get_json()
    assert [each["index"] for each in bundle["entries"]] == [2, 4]
    told.clock.set(NOON + timedelta(days=31))
    late = headers_of(told, "auditor", now=NOON + timedelta(days=31))
    for path in ("", "entries/2", "about/r1", "search?q=r1", "api/entries", "api/entries/2", "api/entries/2/openings"):
        assert client.get(f"/audit/{path}", headers=late).status_code == 401, path
    refusal = client.get("/audit/api/entries", headers=late)
    assert refusal.mimetype == "application/problem+json"
    assert "2026年12月25日" in refusal.get_json()["detail"]
    assert "监督授权已到期" in client.get("/audit/", headers=late).text


def test_a_mandate_that_is_ended_ends_at_once_and_is_said(told):
    with_bodies(told, ("account-of-supervisor", "city", 300))
    client, who = a_client(told), headers_of(told, "supervisor")
    assert client.get("/audit/api/entries", headers=who).status_code == 200
    with told.work(actor="account:admin") as work:
        bodies.end(work, "account-of-supervisor", "city")
    assert client.get("/audit/api/entries", headers=who).status_code == 401
    with told.database.read() as connection:
        types = [type_ for (type_,) in connection.exec_driver_sql("SELECT type FROM outbox")]
    assert types.count("audit.mandate_changed.v1") == 2
    assert types.count("audit.body_changed.v1") == 2


@pytest.mark.parametrize(
    "bad",
    [
        Body("x", "nowhere", "third", "unit", "x", "x"),
        Body("city", "trade", "government", "city", "x", "x"),
        Body("x", "x", "third", "unit", "x", "x"),
        Body("x", "trade", "third", "unit", "x", "x"),
        Body("x", "trade", "third", "unit", "x", "x", ("dispatch", "billing"), ("HY-2026-01",)),
        Body("x", "city", "third", "unit", "x", "x", ("payroll",)),
    ],
)
def test_a_tree_without_circles_in_which_nobody_reads_more_than_above(quick, bad):
    with_bodies(quick)
    with pytest.raises(Invalid), quick.work() as work:
        bodies.put_body(work, bad)


def test_a_body_is_not_narrowed_below_what_one_under_it_reads(quick):
    with_bodies(quick)
    with pytest.raises(Invalid) as refusal, quick.work() as work:
        bodies.put_body(work, replace(CITY, things=("HY-2026-02",)))
    assert refusal.value.fields["things"].parameters == {"body": "trade"}
    with quick.work() as work:
        bodies.put_body(work, replace(CITY, sources=("dispatch", "billing"), things=("HY-2026-01", "HY-2026-02")))


@pytest.mark.parametrize(("start", "days"), [(0, 0), (0, 400), (-9, -1), (5, -5)])
def test_a_mandate_has_an_end_within_a_year(quick, start, days):
    with_bodies(quick)
    with pytest.raises(Invalid), quick.work() as work:
        bodies.give(work, "a", "city", work.now + timedelta(days=start), work.now + timedelta(days=start + days))


def test_the_person_of_no_mandate_is_told_so(told):
    with_bodies(told)
    with told.database.read() as connection, pytest.raises(Forbidden):
        bodies.reads(connection, type("P", (), {"roles": {"auditor"}, "account": "a"})(), NOON)
    assert sign(told) is None
