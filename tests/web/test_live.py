"""Streams resume where they were, stay bounded, end with the right to listen, and reach every replica."""

import json
import threading

import pytest

from shared.web import live, revocation
from tests.web.site import Site, a_person


def listen(site, person=None, *, last=None, client=None):
    """An open stream as the browser reads it."""
    headers = {"Last-Event-ID": str(last)} if last is not None else {}
    found = (client or site.browser(person or a_person())).get("/toy/live", headers=headers, buffered=False)
    assert found.status_code == 200
    blocks = iter(found.response)
    assert text(next(blocks)).startswith("retry:")
    return found, blocks


def text(part):
    return part.decode() if isinstance(part, bytes) else part


def read(blocks):
    """The next event as (id, event, data)."""
    while (found := text(next(blocks))).startswith(":"):
        pass
    lines = dict(line.split(": ", 1) for line in found.strip().splitlines())
    return int(lines["id"]), lines["event"], json.loads(lines["data"])


def test_an_event_reaches_those_who_listen_to_its_channel_only(site):
    found, blocks = listen(site)
    site.hub.publish("others", "row", {"ref": "x"})
    site.hub.publish("notes", "row", {"ref": "1124-087", "words": "换行\n不行"})
    assert read(blocks)[1:] == ("row", {"ref": "1124-087", "words": "换行\n不行"})
    found.close()


def test_a_stream_has_the_headers_that_keep_it_open(site):
    found, _ = listen(site)
    assert found.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert found.headers["Cache-Control"] == "no-store"
    assert found.headers["X-Accel-Buffering"] == "no"
    found.close()


def test_a_stream_resumes_after_the_last_id_it_had(site):
    for number in range(5):
        site.hub.publish("notes", "row", {"n": number})
    found, blocks = listen(site, last=2)
    assert [read(blocks)[2]["n"] for _ in range(3)] == [2, 3, 4]
    found.close()


@pytest.mark.parametrize("last", ["99", "x", "1" * 30, "-1"])
def test_an_id_that_was_never_given_means_reload(site, last):
    site.hub.publish("notes", "row", {})
    found, blocks = listen(site, last=last)
    assert read(blocks)[1] == "reload"
    found.close()


def test_an_id_older_than_the_ring_means_reload(site):
    for number in range(live.RING + 5):
        site.hub.publish("notes", "row", {"n": number})
    found, blocks = listen(site, last=3)
    assert read(blocks)[1] == "reload"
    found.close()
    found, blocks = listen(site, last=6)
    assert read(blocks)[2]["n"] == 6
    found.close()


def test_one_account_has_six_streams_and_a_place_is_free_again_when_one_closes(site):
    opened = [listen(site)[0] for _ in range(live.STREAMS_EACH)]
    refused = site.browser(a_person()).get("/toy/live", buffered=False)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    other, _ = listen(site, a_person("b2"))
    opened.pop().close()
    again, _ = listen(site)
    for each in (*opened, other, again):
        each.close()


def test_a_reader_who_does_not_read_is_dropped_and_costs_nothing_more(site):
    found, blocks = listen(site)
    for number in range(live.BUFFER * 3):
        site.hub.publish("notes", "row", {"n": number})
    assert list(blocks) == []
    assert site.hub._readers == set()
    found.close()


def test_a_revoked_session_hears_nothing_more(site):
    found, blocks = listen(site)
    with site.work() as work:
        revocation.end_session(work, "s-a1")
    site.later(seconds=2)
    site.hub.publish("notes", "row", {"secret": 1})
    assert list(blocks) == []
    found.close()


def test_a_stream_does_not_outlast_its_pass(site):
    found, blocks = listen(site)
    site.later(minutes=10)
    site.hub.publish("notes", "row", {"secret": 1})
    assert list(blocks) == []
    found.close()


def test_data_that_is_too_large_is_refused(site):
    with pytest.raises(ValueError, match="too much"):
        site.hub.publish("notes", "row", {"x": "y" * 20_000})


def test_line_breaks_in_data_cannot_forge_an_event(site):
    found, blocks = listen(site)
    site.hub.publish("notes", "row", {"words": "x\n\nevent: say\ndata: {}\r\n\r\n"})
    assert read(blocks)[1] == "row"
    found.close()


def test_what_one_replica_says_is_heard_at_the_other(database_url):
    one = Site(database_url)
    one.hub = one.app.own = live.Hub(one.clock, one.database)
    two = Site(database_url)
    two.hub = two.app.own = live.Hub(two.clock, two.database)
    found, blocks = listen(two)
    heard = []
    reader = threading.Thread(target=lambda: heard.extend(read(blocks)[2]["n"] for _ in range(20)))
    reader.start()
    assert two.hub.begun.wait(10)
    for number in range(20):
        one.hub.publish("notes", "row", {"n": number})
    reader.join(10)
    assert heard == list(range(20))
    found.close()
    for site in (one, two):
        site.hub.stop()
        site.database.close()
