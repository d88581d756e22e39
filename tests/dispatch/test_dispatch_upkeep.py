"""Plans, rounds, readings, alarms, drills."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from services.dispatch import upkeep
from shared.errors import Invalid
from tests.dispatch.world import HEJING, SITE, a_person

ROUND = a_person("crew", name="曹丽萍", crew="in-elec-2")


def timer(world):
    with world.running.work() as work:
        return upkeep.run_plans(work)


def test_a_plan_opens_its_order_once_for_each_occurrence(world):
    assert timer(world) == 0
    world.later(hours=23)
    assert timer(world) == 1
    assert timer(world) == 0
    order = world.order("2026-1126-plant-round")
    assert (order.origin, order.item, order.asked) == ("plan", "repair", "")
    assert order.crew


def test_of_occurrences_missed_in_a_stop_the_latest_is_made_up(world):
    world.later(days=5)
    timer(world)
    opened = [each[1]["reference"] for each in world.said("work_order_opened")]
    assert opened == ["2026-1130-plant-round"]
    assert timer(world) == 0


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=MINUTELY", "nonsense", "", "X" * 300,
                                  "FREQ=HOURLY;BYMINUTE=0,5"])  # fmt: skip
def test_a_rule_without_end_or_sense_is_refused(rule):
    begin = datetime(2026, 11, 1, 1, tzinfo=UTC)
    with pytest.raises(Invalid) as refused:
        upkeep.next_after(rule, begin, begin + timedelta(days=400))
    assert set(refused.value.fields) == {"rule"}


def test_a_rule_keeps_the_sites_hour():
    begin = datetime(2026, 11, 2, 1, tzinfo=UTC)
    assert upkeep.next_after("FREQ=MONTHLY;BYDAY=1MO", begin, begin) == datetime(2026, 12, 7, 1, tzinfo=UTC)


def a_round(world):
    world.later(hours=23)
    timer(world)
    order = world.order("2026-1126-plant-round")
    if order.crew != "in-elec-2":
        world.do("assign", "in-elec-2", reference=order.reference)


def test_a_reading_outside_its_limits_opens_one_order(world):
    a_round(world)
    crew = world.client(ROUND)
    assert "到点" in crew.get("/dispatch/at/pt-tr1").text
    assert crew.send("/dispatch/at/pt-tr1", reading="hot").status_code == 422
    assert crew.send("/dispatch/at/pt-tr1", reading="NaN").status_code == 422
    assert crew.send("/dispatch/at/pt-tr1", reading="91.5").status_code == 303
    assert crew.send("/dispatch/at/pt-tr1", reading="91.5").status_code == 409
    assert crew.send("/dispatch/at/pt-gen", reading="26").status_code == 303
    assert crew.send("/dispatch/at/pt-door").status_code == 303
    page = world.client(HEJING).get("/dispatch/alarms").text
    assert page.count("1号变压器温度：91.5°C") == 1
    assert "超限" in world.client(HEJING).get("/dispatch/assets/transformer-1").text


def test_a_round_is_passed_by_the_api_too(world):
    a_round(world)
    crew = world.client(ROUND)
    passed = "/dispatch/api/checkpoints/pt-tr1/pass"
    assert crew.post(passed, {"reading": "hot"}).status_code == 422
    stranger = world.client(a_person("crew", account="x", crew="in-net-1"))
    assert stranger.post(passed, {"reading": "50"}).status_code == 404
    answer = crew.post(passed, {"reading": "91.5"})
    assert answer.json == {"order": "2026-1126-plant-round", "outside": True}
    assert crew.post(passed, {"reading": "91.5"}).status_code == 409
    assert crew.post("/dispatch/api/checkpoints/pt-gen/pass", {"reading": "26"}).json["outside"] is False
    opened = [data for _, data, _ in world.said("work_order_opened")]
    assert len(opened) == 2


def test_an_asset_shows_who_keeps_it_what_is_planned_and_what_happened(world):
    a_round(world)
    world.client(ROUND).post("/dispatch/api/checkpoints/pt-tr1/pass", {"reading": "91.5"})
    he = world.client(HEJING)
    found = he.get("/dispatch/api/assets/transformer-1").json
    assert [each["code"] for each in found["plans"]] == ["plant-round"]
    assert [(each["reading"], each["outside"]) for each in found["readings"]] == [("91.5", True)]
    assert [each["order"] for each in found["alarms"]] == [each["reference"] for each in found["orders"]]
    page = he.get("/dispatch/assets/transformer-1").text
    assert "机房巡检" in page
    assert "没有维保合同" in page
    assert page.count("1号变压器温度：91.5°C") == 2  # as an order and as an alarm
    kept = he.get("/dispatch/api/assets/chiller-1").json
    assert (kept["contract"], kept["supplier"]) == ("HY-2026-01", "恒岳机电")
    assert [each["code"] for each in kept["plans"]] == ["chiller-service"]
    assert "恒岳机电" in he.get("/dispatch/assets/chiller-1").text
    assert "恒岳机电" in he.get("/dispatch/assets").text
    assert he.get("/dispatch/api/assets/none").status_code == 404


def test_a_checkpoint_shows_nothing_of_anothers_round(world):
    a_round(world)
    stranger = world.client(a_person("crew", account="x", crew="in-net-1"))
    assert stranger.send("/dispatch/at/pt-tr1", reading="50").status_code == 404
    assert "到点" not in stranger.get("/dispatch/at/pt-tr1").text
    assert stranger.get("/dispatch/at/none").status_code == 404


def sent(world, ident, secret="s" * 24, at=None, **changes):
    body = json.dumps(
        {"source": "bms", "key": "pump-3", "words": "3号泵停机", "severity": "critical"} | changes
    ).encode()
    stamp = str(int((at or world.clock.now()).timestamp()))
    mac = hmac.new(secret.encode(), f"{ident}.{stamp}.".encode() + body, hashlib.sha256).digest()
    headers = {"webhook-id": ident, "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.b64encode(mac).decode(),
               "Content-Type": "application/json"}  # fmt: skip
    return world.client().client.post("/dispatch/api/alarms", data=body, headers=headers, base_url=SITE)


def test_an_alarm_storm_is_one_order(quick):
    quick.app.own = quick.app.own.__class__(quick.app.own.hub, "s" * 24)
    answers = [sent(quick, f"m{number}") for number in range(30)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["order"] for answer in answers}) == 1
    assert [each[1]["priority"] for each in quick.said("work_order_opened")] == [1]
    assert sent(quick, "m1").status_code == 200
    assert "30次" in quick.client(HEJING).get("/dispatch/alarms").text
    order = next(each[1]["reference"] for each in quick.said("work_order_opened"))
    quick.cancel(order)
    sent(quick, "again")
    assert len(quick.said("work_order_opened")) == 2


def test_an_alarm_without_our_signature_is_refused(quick):
    assert sent(quick, "m1").status_code == 403
    quick.app.own = quick.app.own.__class__(quick.app.own.hub, "s" * 24)
    assert sent(quick, "m1", secret="t" * 24).status_code == 403
    assert sent(quick, "m1", at=quick.clock.now() - timedelta(minutes=11)).status_code == 403
    assert sent(quick, "m1", severity="loud").status_code == 422
    assert sent(quick, "m1", state="open").status_code == 422
    assert quick.said("work_order_opened") == []


def test_a_drill_is_noted_and_one_of_tomorrow_is_refused(quick):
    he = quick.client(HEJING)
    given = {"plan": "fire", "kind": "drill", "on": "2026-11-20", "led_by": "周强", "people": "40", "minutes": "12"}
    assert he.send("/dispatch/drills", **given).status_code == 303
    assert "周强，40人" in he.get("/dispatch/drills").text
    assert he.send("/dispatch/drills", **(given | {"on": "2026-11-26"})).status_code == 422
    assert he.send("/dispatch/drills", **(given | {"people": "many"})).status_code == 422
