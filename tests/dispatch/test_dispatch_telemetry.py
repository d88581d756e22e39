"""Readings that devices send by themselves: signed, counted once, kept a month, and an alarm where a limit is broken."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from tests.dispatch.world import HEJING, SITE

SECRET = "s" * 24


@pytest.fixture
def house(world):
    world.app.own = world.app.own.__class__(world.app.own.hub, SECRET)
    return world


def send(world, ident, *readings, secret=SECRET):
    """What the points (code, reading) show, as a building's controller sends it."""
    body = json.dumps({"readings": [{"point": point, "reading": text} for point, text in readings]}).encode()
    stamp = str(int(world.clock.now().timestamp()))
    mac = hmac.new(secret.encode(), f"{ident}.{stamp}.".encode() + body, hashlib.sha256).digest()
    headers = {"webhook-id": ident, "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.b64encode(mac).decode(),
               "Content-Type": "application/json"}  # fmt: skip
    return world.client().client.post("/dispatch/api/readings", data=body, headers=headers, base_url=SITE)


def history(world, asset="transformer-1"):
    return world.client(HEJING).get(f"/dispatch/api/assets/{asset}").json


def test_a_reading_is_kept_and_one_that_breaks_a_limit_opens_one_order(house):
    assert send(house, "r1", ("pt-tr1", "61.5"), ("pt-gen", "26")).json == {"taken": 2, "outside": []}
    assert house.said("work_order_opened") == []
    house.later(minutes=1)
    assert send(house, "r2", ("pt-tr1", "91.5"), ("pt-gen", "23.9")).json["outside"] == ["pt-gen", "pt-tr1"]
    house.later(minutes=1)
    assert send(house, "r3", ("pt-tr1", "92")).json["outside"] == ["pt-tr1"]
    opened = {data["place"] for _, data, _ in house.said("work_order_opened")}
    assert (len(house.said("work_order_opened")), opened) == (2, {"plant-room"})
    found = history(house)
    assert [(each["reading"], each["outside"], each["who"]) for each in found["readings"]] == [
        ("92", True, ""), ("91.5", True, ""), ("61.5", False, "")
    ]  # fmt: skip
    assert [each["times"] for each in found["alarms"]] == [2]
    page = house.client(HEJING).get("/dispatch/assets/transformer-1").text
    assert "设备自动读数" in page
    assert "超限" in page


def test_the_same_delivery_counts_once_and_old_readings_are_forgotten(house):
    assert send(house, "r1", ("pt-tr1", "61.5")).json["taken"] == 1
    assert send(house, "r1", ("pt-tr1", "61.5")).json["taken"] == 0
    assert len(history(house)["readings"]) == 1
    house.later(days=31)
    send(house, "r2", ("pt-tr1", "60"))
    assert [each["reading"] for each in history(house)["readings"]] == ["60"]
    # Of one point named twice the last counts.
    house.later(minutes=1)
    send(house, "r3", ("pt-tr1", "99"), ("pt-tr1", "62"))
    assert [each["reading"] for each in history(house)["readings"]] == ["62", "60"]
    assert history(house)["alarms"] == []


@pytest.mark.parametrize("readings", [
    [("nowhere", "1")], [("pt-door", "1")], [("pt-tr1", "hot")], [("pt-tr1", "NaN")], [("pt-tr1", "Infinity")], [],
    [("pt-gen", "26"), ("pt-tr1", "")], [("pt-tr1", "1")] * 101,
])  # fmt: skip
def test_what_cannot_be_read_is_refused_whole(house, readings):
    assert send(house, "r1", *readings).status_code == 422
    assert history(house)["readings"] == []
    assert history(house, "generator")["readings"] == []
    # It was not taken, so the same delivery may come again, mended.
    assert send(house, "r1", ("pt-tr1", "60")).json["taken"] == 1


def test_a_reading_without_our_signature_is_refused(world):
    assert send(world, "r1", ("pt-tr1", "60")).status_code == 403
    world.app.own = world.app.own.__class__(world.app.own.hub, SECRET)
    assert send(world, "r1", ("pt-tr1", "60"), secret="t" * 24).status_code == 403
    world.clock.set(world.clock.now() + timedelta(seconds=1))
    assert send(world, "r1", ("pt-tr1", "60")).status_code == 200
