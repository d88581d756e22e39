"""Which rooms and vehicles need approval, and which can be booked at all, is set on a page."""

from datetime import timedelta

from services.requests.bookings import store
from tests.requests.conftest import NOON, Browser, Program, said

ROOM = "B2-305"


def of(running, code=ROOM):
    with running.database.read() as connection:
        return store.resource_by_code(connection, code)


def ticked(running, **changes):
    """What the page posts as it is shown, with some ticks otherwise."""
    with running.database.read() as connection:
        found = store.resources(connection)
    posted = {"shown": [each.code for each in found]}
    for each in found:
        posted[f"was.{each.code}"] = ("a" if each.approval else "") + ("e" if each.enabled else "")
        posted |= {f"approval.{each.code}": "on"} if each.approval else {}
        posted |= {f"enabled.{each.code}": "on"} if each.enabled else {}
    for name, on in changes.items():
        key = f"{name}.{ROOM}"
        posted.pop(key, None)
        posted |= {key: "on"} if on else {}
    return posted


def test_a_room_that_is_chosen_needs_approval_from_then_on(quick, quick_app):
    admin, staff = Browser(quick_app), Program(quick, quick_app)
    admin.sign_in("admin")
    page = "/requests/admin/resources"
    assert "课桌式" in admin.get(page).text  # how rooms may be laid out
    shown = ticked(quick, approval=True)
    assert admin.submit(page, page, **shown).status_code == 303
    assert of(quick).approval and of(quick).enabled
    told = said(quick, "requests.resource_changed")
    assert [(each["data"]["resource"], each["data"]["approval"]) for each in told] == [(ROOM, True)]
    assert admin.submit(page, page, **ticked(quick)).status_code == 303  # nothing was ticked otherwise
    assert len(said(quick, "requests.resource_changed")) == 1
    start = NOON + timedelta(days=1)
    body = {
        "resource": ROOM,
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(hours=1)).isoformat(),
        "subject": "会",
        "headcount": 5,
    }
    assert staff.post("/requests/api/bookings", body).json["items"][0]["state"] == "pending"
    assert Browser(quick_app).get(page).status_code in {302, 303}


def test_two_administrators_do_not_undo_each_others_ticks(quick, quick_app):
    admin = Browser(quick_app)
    admin.sign_in("admin")
    page = "/requests/admin/resources"
    first, second = ticked(quick, approval=True), ticked(quick, enabled=False)
    admin.submit(page, page, **first)
    admin.submit(page, page, **second)
    assert (of(quick).approval, of(quick).enabled) == (True, False)


def test_the_same_through_the_api(quick, quick_app):
    admin, staff = Program(quick, quick_app, "admin"), Program(quick, quick_app)
    path = f"/requests/api/resources/{ROOM}"
    assert staff.open("PATCH", path, {"enabled": False}).status_code == 403
    assert admin.open("PATCH", path, {"enabled": False}).json["enabled"] is False
    assert ROOM not in [each["code"] for each in staff.get("/requests/api/resources?kind=room").json["items"]]
    assert admin.open("PATCH", "/requests/api/resources/nowhere", {}).status_code == 404
    assert admin.open("PATCH", path, {"colour": "red"}).status_code == 422
