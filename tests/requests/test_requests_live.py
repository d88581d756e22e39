"""The requester's own pages are told what changes on his requests, and nobody else's are."""

import json

from tests.requests.conftest import REPAIR, Browser, Program, person


def a_filed_reference(program):
    return program.post("/requests/api/requests", REPAIR).json["reference"].partition("-")[2]


def told(running):
    with running.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT channel, event, data FROM live_row WHERE event <> 'bell' ORDER BY id"
        ).all()
    return [(channel, event, json.loads(data)["ref"]) for channel, event, data in rows]


def test_an_act_and_a_step_of_the_order_reach_the_requesters_channel(quick, quick_app):
    reference = a_filed_reference(Program(quick, quick_app))
    assert told(quick) == []  # nobody's page shows a request that has just been made
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    browser.submit(f"/requests/{reference}", f"/requests/{reference}/urge")
    assert told(quick) == [(f"account:{person().account}", "row", reference)]


def test_both_pages_listen_and_say_so(quick, quick_app):
    reference = a_filed_reference(Program(quick, quick_app))
    browser = Browser(quick_app)
    browser.sign_in("hanbing")
    for path in (f"/requests/{reference}", "/requests/mine"):
        html = browser.get(path).text
        assert 'data-live="/requests/live"' in html
        assert "data-live-whole" in html
    stranger = Browser(quick_app)
    stranger.sign_in("chenguang")
    assert 'data-live="/requests/live"' not in stranger.get(f"/requests/{reference}").text
