"""Door labels: a sheet for each floor, and what scanning one opens."""

import re
import zlib

import pytest

from services.requests import labels
from tests.requests.conftest import COMPOUND, Browser

DOORS = [place for place in COMPOUND.places if place.kind in {"office", "meeting"}]


@pytest.fixture
def browser(quick_app):
    found = Browser(quick_app)
    found.sign_in("admin")
    return found


def pages(body):
    return len(re.findall(rb"/Type /Page\b", body))


def test_all_doors_have_a_label_and_the_same_doors_the_same_bytes():
    assert len(DOORS) == 468 + 34
    body = labels.sheet(DOORS, "http://127.0.0.1:8000/requests/at/{code}", "扫码", "后勤")
    assert body.startswith(b"%PDF-") and pages(body) == 24  # 502 labels, 21 on a page
    assert body == labels.sheet(DOORS, "http://127.0.0.1:8000/requests/at/{code}", "扫码", "后勤")
    assert zlib.crc32(body) != zlib.crc32(labels.sheet(DOORS, "http://127.0.0.1:8000/x/{code}", "扫码", "后勤"))


def test_a_floors_sheet_is_a_file_and_a_floor_that_is_not_there_is_refused(browser):
    answer = browser.get("/requests/admin/labels.pdf?building=2&floor=3")
    assert answer.status_code == 200 and answer.content_type == "application/pdf"
    assert pages(answer.data) == 1
    assert browser.get("/requests/admin/labels.pdf?building=99").status_code == 422
    assert "502" in browser.get("/requests/admin/labels").text


def test_scanning_a_label_opens_the_likely_items_with_the_place_filled_in(quick_app):
    staff = Browser(quick_app)
    staff.sign_in("hanbing")
    page = staff.get("/requests/at/B2-302").text
    assert page.index("/requests/new/repair?place=B2-302") < page.index("/requests/new/cleaning?place=B2-302")
    form = staff.get("/requests/new/repair?place=B2-302").text
    assert 'name="place" value="B2-302"' in form
    assert "/requests/rooms?" in staff.get("/requests/at/B2-305").text
    assert staff.get("/requests/at/nowhere").status_code == 404
    assert staff.get("/requests/admin/labels.pdf").status_code == 403
