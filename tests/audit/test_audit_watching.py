"""The overview as it happens: told of what services say, not of what readers do, and one reading while it stays open."""

from datetime import timedelta

import pytest

from services.audit import watching
from shared.contracts.audit import LogRead
from tests.audit.conftest import Voices, a_chain, a_client, tell
from tests.people import NOON, headers_of


@pytest.fixture
def watched(quick):
    tell(quick, a_chain(Voices())[:1])
    watching.tell(quick)  # from here on
    return quick


def rows(running):
    with running.database.read() as connection:
        return [channel for (channel,) in connection.exec_driver_sql("SELECT channel FROM live_row ORDER BY id")]


def read_once(voices, account="a1"):
    read = LogRead(account_id=account, what="overview", filter="", count=1, read_at=NOON)
    return voices.delivery(read, source="audit")


def test_open_overviews_are_told_of_what_services_say_and_not_of_what_readers_do(watched):
    voices = Voices()
    tell(watched, [read_once(voices)])
    watching.tell(watched)
    assert rows(watched) == []
    voices.totals = {"requests": 1, "requests.request_filed.v1": 1}
    tell(watched, a_chain(voices, "r2", "2026-1125-002"))
    watching.tell(watched)
    watching.tell(watched)
    assert rows(watched) == ["log"]


def test_what_was_told_is_forgotten_soon(watched):
    voices = Voices()
    voices.totals = {"requests": 1, "requests.request_filed.v1": 1}
    for number in (2, 3):
        tell(watched, a_chain(voices, f"r{number}", f"2026-1125-00{number}"))
        watching.tell(watched)
        watched.clock.set(watched.clock.now() + timedelta(minutes=20))
    assert rows(watched) == ["log"]


def test_an_overview_that_stays_open_is_one_reading_in_ten_minutes(quick):
    tell(quick, a_chain(Voices()))
    client = a_client(quick)
    for minutes in (0, 1, 9, 11):
        quick.clock.set(NOON + timedelta(minutes=minutes))
        html = client.get("/audit/", headers=headers_of(quick, "supervisor", now=quick.clock.now())).text
        assert 'data-live="/audit/live"' in html
    with quick.database.read() as connection:
        said = connection.exec_driver_sql("SELECT count(*) FROM outbox WHERE type = 'audit.log_read.v1'").scalar_one()
    assert said == 2


def test_nobody_listens_who_may_not_read(quick):
    tell(quick, a_chain(Voices()))
    client = a_client(quick)
    for role, status in (("staff", 403), ("crew", 403), ("auditor", 200)):
        answer = client.get("/audit/live", headers=headers_of(quick, role), buffered=False)
        assert answer.status_code == status, role
        answer.close()


def test_the_open_orders_of_earlier_days_follow_from_todays(quick):
    tell(quick, a_chain(Voices())[:3])  # filed, opened and assigned, not finished
    html = a_client(quick).get("/audit/", headers=headers_of(quick, "auditor", language="en")).text
    assert "1 open work order now, 0 13 days before" in html
