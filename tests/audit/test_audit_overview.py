"""What the overview draws: promises kept by week and side, open work by its age; the same as counted one by one."""

import random
import re
from dataclasses import MISSING, fields
from datetime import timedelta

import pytest

from services.audit import bodies, figures, things
from services.audit.bodies import Body, Reads
from shared.clock import SITE_ZONE
from shared.contracts.dispatch import WorkOrderCancelled, WorkOrderFinished, WorkOrderOpened
from shared.contracts.requests import ComplaintOpened
from shared.ids import new_id
from shared.language import CODES
from tests.audit.conftest import EVERYTHING, Voices, a_client
from tests.people import NOON, headers_of

KEPT = ("response_kept", "arrival_kept", "finish_kept")


def opened(number, at, round_=1):
    return WorkOrderOpened(
        order_id=f"o-{number}", reference=f"R-{number}-1", request_id=f"r-{number}", request_reference=f"R-{number}", item="repair",
        priority=2, place="B2-302", department="docs", opened_at=at, round=round_,
    )  # fmt: skip


def finished(number, at, supplier="", note="", **kept):
    return WorkOrderFinished(
        order_id=f"o-{number}", reference=f"R-{number}-1", request_id=f"r-{number}", request_reference=f"R-{number}", item="repair",
        level=note, place="B2-302", department="docs", crew="c-1", supplier=supplier, contract=supplier and f"{supplier}-1",
        started_at=at, finished_at=at, usage=(), **kept,
    )  # fmt: skip


def cancelled(number, at):
    return WorkOrderCancelled(order_id=f"o-{number}", request_id=f"r-{number}", cancelled_at=at, reason="duplicate")


def history(seed):
    """(days before now, event) in the order in which they were received."""
    chance, rows = random.Random(seed), []
    for number in range(60):
        days = chance.choice([0.1, 0.9, 1.1, 2.5, 3.5, 6.9, 8, 20, 27.9, 29, 50, 80, 90])
        rows.append((days, opened(number, NOON)))
        if chance.random() < 0.6:
            kept = {name: chance.choice([True, False, None]) for name in KEPT}
            # What a person wrote looks like a key; in the leaf its quotation marks are escaped.
            note = chance.choice(["", 'a"arrival_kept":true', '","supplier":"XX'])
            rows.append((days * chance.random(), finished(number, NOON, chance.choice(["", "HY", "JJ"]), note, **kept)))
            if chance.random() < 0.3:
                rows.append((rows[-1][0] / 2, opened(number, NOON, 2)))
        elif chance.random() < 0.3:
            rows.append((days * chance.random(), cancelled(number, NOON)))
    return sorted(rows, key=lambda row: -row[0])


@pytest.fixture
def told(running):
    rows, voices = history(7), Voices()
    for days, event in rows:
        running.clock.set(NOON - timedelta(days=days))
        running.consumer.deliver(EVERYTHING, [voices.delivery(event)])
    running.clock.set(NOON)
    while things.index(running):
        pass
    return running, rows


def test_open_work_is_counted_by_its_age(told):
    running, rows = told
    last = {}
    for days, event in rows:
        last[event.order_id] = days if isinstance(event, WorkOrderOpened) else None
    wanted = [0] * 5
    for days in last.values():
        if days is not None:
            wanted[next((place for place, age in enumerate(figures.AGES) if days < age), 4)] += 1
    with running.database.read() as connection:
        assert figures.open_by_age(connection, NOON) == wanted
        assert sum(wanted) == figures.backlog(connection)
    assert all(wanted)


def test_promises_are_counted_by_the_week_in_which_work_was_finished_and_by_who_did_it(told):
    running, rows = told
    today = NOON.astimezone(SITE_ZONE).date()
    first = today - timedelta(days=today.weekday(), weeks=figures.WEEKS - 1)
    wanted = {first + timedelta(weeks=n): {"own": [0, 0], "supplier": [0, 0]} for n in range(figures.WEEKS)}
    for days, event in rows:
        if isinstance(event, WorkOrderFinished):
            day = (NOON - timedelta(days=days)).astimezone(SITE_ZONE).date()
            monday = day - timedelta(days=day.weekday())
            if monday in wanted:
                side = wanted[monday]["supplier" if event.supplier else "own"]
                side[0] += sum(getattr(event, name) is True for name in KEPT)
                side[1] += sum(getattr(event, name) is not None for name in KEPT)
    with running.database.read() as connection:
        found = figures.kept_by_week(connection, today)
    assert [(monday, {side: list(each) for side, each in sides.items()}) for monday, sides in found] == list(
        wanted.items()
    )
    assert sum(each[1] for _, sides in found for each in sides.values()) > 20
    # Weeks that are over are not counted again; this one is.
    voices = Voices()
    voices.totals = {
        "dispatch": len(rows),
        WorkOrderFinished.TYPE: sum(isinstance(event, WorkOrderFinished) for _, event in rows),
    }
    running.consumer.deliver(EVERYTHING, [voices.delivery(finished(900, NOON, "HY", finish_kept=True))])
    with running.database.read() as connection:
        again = figures.kept_by_week(connection, today)
    assert again[:-1] == found[:-1]
    assert again[-1][1]["supplier"] == tuple(each + 1 for each in found[-1][1]["supplier"])
    assert again[-1][1]["own"] == found[-1][1]["own"]


def test_both_stay_within_what_a_person_may_read(told):
    running, rows = told
    reads = Reads((((), ("HY-1",)),))
    with running.database.read() as connection:
        today = NOON.astimezone(SITE_ZONE).date()
        assert all(sides["own"] == (0, 0) for _, sides in figures.kept_by_week(connection, today, reads))
        assert sum(sides["supplier"][1] for _, sides in figures.kept_by_week(connection, today, reads)) > 0
        assert sum(figures.open_by_age(connection, NOON, reads)) == 0  # what is opened names no contract


def test_ages_are_counted_anew_each_minute(quick):
    voices = Voices()
    quick.consumer.deliver(EVERYTHING, [voices.delivery(opened(1, NOON))])
    with quick.database.read() as connection:
        assert figures.open_by_age_lately(connection, NOON) == [1, 0, 0, 0, 0]
    quick.consumer.deliver(EVERYTHING, [voices.delivery(opened(2, NOON))])
    with quick.database.read() as connection:
        assert figures.open_by_age_lately(connection, NOON + timedelta(seconds=59)) == [1, 0, 0, 0, 0]
        assert figures.open_by_age_lately(connection, NOON + timedelta(seconds=60)) == [2, 0, 0, 0, 0]
        assert figures.open_by_age_lately(connection, NOON) == [2, 0, 0, 0, 0]  # a clock that was set back


@pytest.mark.parametrize("code", CODES)
def test_the_page_draws_both_with_their_tables_and_leads_to_the_entries(told, code):
    running, _ = told
    html = a_client(running).get("/audit/", headers=headers_of(running, "supervisor", language=code)).text
    promise, age = ("近12周承诺", "在办工单") if code == "zh-Hans" else ("In 12 weeks", "open work orders")
    [first, second, *_] = re.findall(r"<figcaption>([^<]*)</figcaption>", html)
    assert promise in first
    assert age in second
    tables = re.findall(r"<details><summary>[^<]*</summary><table.*?</table>", html, re.DOTALL)
    assert len(re.findall("<tr>", tables[0])) == 13
    assert len(re.findall("<tr>", tables[1])) == 6
    for fact in (figures.FINISHED, figures.OPENED, figures.FILED):
        assert f'href="/audit/search?kind={fact}"' in html
    order = [html.index(mark) for mark in ("<figure", 'class="tiny sources"', 'class="proof"', "overview-newest")]
    assert order == sorted(order)  # what a telephone shows one below the other


def test_complaints_are_counted_by_item(running):
    voices = Voices()
    for days, items in ((100, ["repair"]), (40, ["repair", "cleaning"]), (1, ["repair", "", "canteen"])):
        running.clock.set(NOON - timedelta(days=days))
        running.consumer.deliver(EVERYTHING, [voices.delivery(a_complaint(item)) for item in items])
    running.clock.set(NOON)
    with running.database.read() as connection:
        found = figures.complaints_by_item(connection, NOON.astimezone(SITE_ZONE).date())
    assert found == [("repair", 2), ("", 1), ("canteen", 1), ("cleaning", 1)]
    html = a_client(running).get("/audit/", headers=headers_of(running, "supervisor", language="en")).text
    assert "5 complaints in 12 weeks, most about Repair" in html


def a_complaint(item):
    values = {
        field.name: {"complaint_id": new_id(), "item": item, "about": "item"}.get(field.name, "x")
        for field in fields(ComplaintOpened)
        if field.default is MISSING or field.name == "item"
    }
    moments = {name: NOON for name in values if name.endswith("_at")}
    return ComplaintOpened(**values | moments)


def test_a_third_party_sees_until_when_it_may_read(quick):
    with quick.work() as work:
        bodies.put_body(work, Body("third", "", "third", "unit", "第三方", "Third party", (), ()))
        bodies.give(
            work,
            "account-of-auditor",
            "third",
            NOON - timedelta(days=1),
            figures.midnight(NOON.date() + timedelta(days=6)),
        )
    html = a_client(quick).get("/audit/", headers=headers_of(quick, "auditor")).text
    assert "您的阅览权限到2026年11月30日" in html
    assert "您的阅览权限" not in a_client(quick).get("/audit/", headers=headers_of(quick, "administrator")).text
