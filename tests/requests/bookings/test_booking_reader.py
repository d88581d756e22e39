"""A third reader of our feeds, from another world: ical.js, which calendars in browsers use.

``npm ci`` in ``reader/`` fetches it (checked by the lock file); where nobody did, the test is skipped.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.requests.bookings.test_booking_web import a_feed, browser  # noqa: F401  the fixture
from tests.requests.conftest import Browser

READER = Path(__file__).parent / "reader"


@pytest.mark.skipif(
    not (READER / "node_modules" / "ical.js").is_dir() or not shutil.which("node"),
    reason="npm ci was not run in reader/",
)
def test_ical_js_reads_a_feed(browser, quick_app):  # noqa: F811
    fields = {"resource": "B2-305", "starts_at": "2026-11-26T10:00", "ends_at": "2026-11-26T11:00", "subject": "周例会，重要；请准时",
              "headcount": "8"}  # fmt: skip
    browser.submit("/requests/rooms?day=2026-11-26", "/requests/bookings", **fields)
    feed = Browser(quick_app).get(a_feed(browser)).data
    done = subprocess.run(["node", str(READER / "read.mjs")], input=feed, capture_output=True, check=True, timeout=60)
    event = json.loads(done.stdout)[0]
    assert (event["summary"], event["sequence"]) == ("周例会，重要；请准时", 0)
    assert (event["starts"], event["ends"]) == ("2026-11-26T02:00:00.000Z", "2026-11-26T03:00:00.000Z")
