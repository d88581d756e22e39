"""Parts, purchases, shared things with split costs, vehicles with drivers and their journeys."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch import costs, pool, supplies, workforce
from shared.errors import Conflict
from tests.dispatch.world import HEJING, LINA, NOON, WANG, a_person, a_request

REF = "2026-1125-087-1"
ADMIN = a_person("administrator", account="account-admin", name="管理员")
DRIVER = workforce.first_id("in-car-1", 1)
OTHER_DRIVER = workforce.first_id("in-car-1", 2)


def stock(world, code="led-18w"):
    parts = world.client(HEJING).get("/dispatch/api/stock").json["parts"]
    return next(each["quantity"] for each in parts if each["code"] == code)


# ---- parts


def test_parts_go_into_an_order_and_their_worth_into_its_materials(world):
    world.file()
    world.do("accept")
    crew = world.client(WANG)
    assert crew.post(f"/dispatch/api/orders/{REF}/parts", {"code": "led-18w", "quantity": "3"}).status_code == 201
    assert crew.send(f"/dispatch/orders/{REF}/parts", code="led-18w", quantity="-1").status_code == 303
    assert stock(world) == "38"
    page = crew.get(f"/dispatch/orders/{REF}").text
    assert "LED灯管 18W 3 支" in page
    assert "物料合计33.00元" in page
    world.do("start")
    assert 'name="usage_materials" type="text" value="33.00"' in crew.get(f"/dispatch/crew/{REF}").text


@pytest.mark.parametrize(("body", "status"), [
    ({"code": "led-18w", "quantity": "41"}, 409), ({"code": "nothing", "quantity": "1"}, 422),
    ({"code": "led-18w", "quantity": "0"}, 422), ({"code": "led-18w", "quantity": "-1"}, 422),
    ({"code": "led-18w", "quantity": "1.234"}, 422), ({"code": "led-18w"}, 422),
])  # fmt: skip
def test_nothing_is_issued_that_is_not_there(quick, body, status):
    quick.file()
    assert quick.client(WANG).post(f"/dispatch/api/orders/{REF}/parts", body).status_code == status
    assert stock(quick) == "40"


@pytest.mark.postgres
def test_two_who_issue_the_last_parts_at_once_do_not_both_get_them(on_postgres):
    world = on_postgres
    world.file()
    order = world.order()

    def take(_):
        try:
            with world.running.work() as work:
                supplies.issue(work, order, "led-18w", Decimal(30), "x")
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(4) as many:
        assert sum(many.map(take, range(4))) == 1
    assert stock(world) == "10"


def test_a_purchase_is_approved_by_somebody_else_and_fills_the_store(world):
    he, admin = world.client(HEJING), world.client(ADMIN)
    world.file()
    body = {"code": "valve-15", "quantity": "20", "estimate": "360", "reference": REF, "words": "不足"}
    made = he.post("/dispatch/api/purchases", body)
    assert made.status_code == 201
    ident = made.json["id"]
    assert he.post(f"/dispatch/api/purchases/{ident}/decide", {"approve": "yes"}).status_code == 403
    own = admin.post("/dispatch/api/purchases", body | {"reference": ""}).json["id"]
    assert admin.post(f"/dispatch/api/purchases/{own}/decide", {"approve": "yes"}).status_code == 403
    assert he.post(f"/dispatch/api/purchases/{ident}/receive", {"paid": "350"}).status_code == 409
    assert admin.send(f"/dispatch/purchases/{ident}/decide", approve="yes").status_code == 303
    assert admin.post(f"/dispatch/api/purchases/{ident}/decide", {"approve": "no"}).status_code == 409
    assert he.post(f"/dispatch/api/purchases/{ident}/receive", {"paid": "350"}).status_code == 201
    assert he.post(f"/dispatch/api/purchases/{ident}/receive", {"paid": "350"}).status_code == 409
    assert stock(world, "valve-15") == "26"
    part = next(p for p in he.get("/dispatch/api/stock").json["parts"] if p["code"] == "valve-15")
    assert part["price"] == "17.50"
    page = he.get("/dispatch/stock").text
    assert "已入库" in page
    assert "1125-087-1" in page


def test_what_runs_short_is_marked_and_counts_are_corrected(quick):
    he = quick.client(HEJING)
    assert he.get("/dispatch/stock").text.count("不足") == 1
    assert he.send("/dispatch/stock/count", code="valve-15", quantity="10").status_code == 303
    assert "不足" not in he.get("/dispatch/stock").text
    wrong = he.send("/dispatch/stock/count", code="valve-15", quantity="-99")
    assert wrong.status_code == 409
    assert "库存只有16个" in wrong.text
    assert he.post("/dispatch/api/purchases", {"code": "x", "quantity": "1", "estimate": "1"}).status_code == 422
    assert quick.client(WANG).get("/dispatch/stock").status_code == 403


def with_parts(world, quantity, **usage):
    world.file()
    order = world.do("accept")
    crew = world.client(replace(WANG, crew=order.crew, supplier=order.supplier))
    world.client(HEJING).post(f"/dispatch/api/orders/{REF}/parts", {"code": "led-18w", "quantity": quantity})
    world.do("start")
    body = {"usage": [{"meter": meter, "quantity": value} for meter, value in usage.items()]}
    assert world.client(HEJING).post(f"/dispatch/api/orders/{REF}/finish", body).status_code == 200
    return crew


def test_parts_that_no_usage_counts_are_told_as_our_own_cost_once(world):
    with_parts(world, "2", hours="1")
    ((_, data, _),) = world.said("cost_measured")
    assert (data["yuan"], data["meter"], data["item"], data["crew"]) == (
        "33.00",
        "materials",
        "repair",
        world.order().crew,
    )
    assert data["cost_id"] == f"parts/{world.order().order_id}"
    assert world.said("work_order_finished")[0][1]["usage"][0]["meter"] == "hours"


def test_parts_that_the_crew_counted_itself_are_not_told_twice(quick):
    with_parts(quick, "2", hours="1", materials="33.00")
    assert quick.said("cost_measured") == []


def test_no_supplier_is_paid_for_parts_of_our_store(world):
    world.file()
    world.do("assign", "hy-air-1")
    world.do("accept")
    world.client(HEJING).post(f"/dispatch/api/orders/{REF}/parts", {"code": "led-18w", "quantity": "2"})
    world.do("start")
    shown = world.client(HEJING).get(f"/dispatch/orders/{REF}").text
    assert 'name="usage_materials" type="text" value=""' in shown
    body = {"usage": [{"meter": "hours", "quantity": "1"}, {"meter": "materials", "quantity": "80"}]}
    assert world.client(HEJING).post(f"/dispatch/api/orders/{REF}/finish", body).status_code == 200
    ((_, data, _),) = world.said("cost_measured")
    assert (data["yuan"], data["crew"]) == ("33.00", "")


def test_parts_in_an_order_that_is_cancelled_cost_all_the_same(quick):
    quick.file()
    quick.do("accept")
    quick.client(HEJING).post(f"/dispatch/api/orders/{REF}/parts", {"code": "led-18w", "quantity": "1"})
    quick.cancel()
    assert [data["yuan"] for _, data, _ in quick.said("cost_measured")] == ["16.50"]


# ---- shared things


def booking(hours=2, after=24, **changes):
    begin = NOON + timedelta(hours=after)
    given = {
        "code": "lift-1", "starts_at": begin.isoformat(), "ends_at": (begin + timedelta(hours=hours)).isoformat(),
        "purpose": "换灯", "parties": ["机关事务局", "恒岳机电"], "percents": [60, 40],
    }  # fmt: skip
    return given | changes


def test_a_booking_costs_each_party_its_share(world):
    he = world.client(HEJING)
    assert he.post("/dispatch/api/pool/bookings", booking()).status_code == 201
    thing = next(each for each in he.get("/dispatch/api/pool").json["things"] if each["code"] == "lift-1")
    assert thing["taken"][0]["cost"] == "70.00"
    assert thing["taken"][0]["parties"] == [["机关事务局", 60, "42.00"], ["恒岳机电", 40, "28.00"]]
    assert he.post("/dispatch/api/pool/bookings", booking(after=25)).status_code == 409
    assert he.post("/dispatch/api/pool/bookings", booking(after=26)).status_code == 201
    csv = he.get("/dispatch/pool.csv?month=2026-11").text
    assert "恒岳机电,40,28.00" in csv
    assert "换灯" in he.get("/dispatch/pool").text


def test_each_party_is_told_its_share_once_the_time_is_over(world):
    he = world.client(HEJING)
    assert he.post("/dispatch/api/pool/bookings", booking()).status_code == 201
    gone = he.post("/dispatch/api/pool/bookings", booking(after=30)).json["id"]
    assert he.post(f"/dispatch/api/pool/bookings/{gone}/cancel").status_code == 201

    def settle():
        with world.running.work() as work:
            return costs.settle_shares(work)

    assert settle() == 0
    world.later(hours=40)
    assert [settle(), settle()] == [1, 0]
    told = [(data["department"], data["yuan"], data["meter"]) for _, data, _ in world.said("cost_measured")]
    assert told == [("机关事务局", "42.00", "shared"), ("恒岳机电", "28.00", "shared")]


@given(st.integers(0, 10**7), st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_shares_add_up_to_the_cost_to_the_cent(cents, parts):
    percents = [*parts, 100 - sum(parts)] if sum(parts) < 100 else [100]
    cost = Decimal(cents) / 100
    shares = pool.split(cost, percents)
    assert sum(shares) == cost
    assert all(
        abs(share - cost * percent / 100) < Decimal("0.01") for share, percent in zip(shares, percents, strict=True)
    )


@pytest.mark.parametrize(("changes", "field"), [
    ({"percents": [60, 41]}, "percents"), ({"percents": [100]}, "percents"), ({"parties": ["a", "a"]}, "percents"),
    ({"code": "none"}, "code"), ({"ends_at": NOON.isoformat()}, "ends_at"), ({"starts_at": "2020-01-01T00:00:00Z"}, "starts_at"),
    ({"ends_at": "2027-03-01T00:00:00Z"}, "ends_at"), ({"purpose": ""}, "purpose"), ({"percents": [0, 100]}, "percents.0"),
])  # fmt: skip
def test_a_booking_that_makes_no_sense_is_refused(quick, changes, field):
    answer = quick.client(HEJING).post("/dispatch/api/pool/bookings", booking(**changes))
    assert answer.status_code == 422
    assert field in answer.json["errors"], answer.json


@pytest.mark.postgres
def test_of_many_who_book_at_once_one_gets_it(on_postgres):
    world = on_postgres
    given_ = booking() | {"starts_at": NOON + timedelta(hours=24), "ends_at": NOON + timedelta(hours=26)}

    def take(_):
        try:
            with world.running.work() as work:
                pool.book(work, **given_, supplier="", who="x")
        except Conflict:
            return 0
        return 1

    with ThreadPoolExecutor(6) as many:
        assert sum(many.map(take, range(6))) == 1


def test_a_supplier_books_for_itself_and_sees_of_others_only_that_it_is_taken(quick):
    he, lina = quick.client(HEJING), quick.client(LINA)
    he.post("/dispatch/api/pool/bookings", booking(purpose="秘密工程"))
    made = lina.post("/dispatch/api/pool/bookings", booking(after=30, purpose="自己的"))
    assert made.status_code == 201
    page = lina.get("/dispatch/pool").text
    assert "秘密工程" not in page
    assert "已占用" in page
    assert "自己的" in page
    assert "秘密工程" not in lina.get("/dispatch/api/pool").text
    assert "秘密工程" not in lina.get("/dispatch/pool.csv").text
    other = quick.client(a_person("supplier", account="o", supplier="JJ", organisation="", department=""))
    assert other.post(f"/dispatch/api/pool/bookings/{made.json['id']}/cancel").status_code == 404
    assert lina.send(f"/dispatch/pool/bookings/{made.json['id']}/cancel").status_code == 303
    assert lina.post(f"/dispatch/api/pool/bookings/{made.json['id']}/cancel").status_code == 409
    assert lina.post("/dispatch/api/pool/bookings", booking(after=30)).status_code == 201


# ---- journeys


def journey(world, number=1, people=3, hours=3, **changes):
    begin = world.clock.now() + timedelta(hours=hours)
    world.file(number, item="vehicle", skills=("driving",), summary="去火车站接站", headcount=people, starts_at=begin,
               ends_at=begin + timedelta(hours=1), **changes)  # fmt: skip
    ref = f"2026-1125-{number:03}-1"
    if world.order(ref).crew != "in-car-1":
        world.do("assign", "in-car-1", reference=ref)
    return ref


def test_a_journey_has_a_vehicle_with_seats_a_driver_and_its_kilometres(world):
    ref, he = journey(world), world.client(HEJING)
    assert he.post(f"/dispatch/api/orders/{ref}/journey", {"vehicle": "car-1", "driver": DRIVER}).status_code == 201
    world.do("accept", reference=ref)
    world.do("start", reference=ref)
    assert he.post(f"/dispatch/api/orders/{ref}/trip", {"km_from": "48210"}).status_code == 201
    assert he.post(f"/dispatch/api/orders/{ref}/trip", {"km_from": "48210", "km_until": "48195"}).status_code == 422
    assert he.send(f"/dispatch/orders/{ref}/trip", km_from="48210", km_until="48247.5").status_code == 303
    page = he.get(f"/dispatch/orders/{ref}").text
    assert "行驶37.5公里" in page
    assert 'name="usage_km" type="text" value="37.5"' in page
    thing = next(each for each in he.get("/dispatch/api/pool").json["things"] if each["code"] == "car-1")
    assert thing["odometer"] == "48247.5"


def a_journey(number, hours=3.0, length=1.0, people=2):
    begin = NOON + timedelta(hours=hours)
    return a_request(number, item="vehicle", skills=("driving",), headcount=people, starts_at=begin,
                     ends_at=begin + timedelta(hours=length))  # fmt: skip


def test_journeys_at_one_time_go_to_crews_whose_vehicle_is_there(world):
    world.hear(a_journey(1), a_journey(2, hours=3.5), a_journey(3, hours=2.8))
    world.hear(a_journey(4, hours=4.0))
    crews = [world.order(f"2026-1125-{number:03}-1").crew for number in range(1, 5)]
    assert sorted(crews[:3]) == ["in-car-1", "in-car-2", "in-car-3"]
    assert crews[3] in {crews[0], crews[2]}, "both are back by then"
    # Where all are away somebody is sent all the same, and it is said.
    world.hear(a_journey(5, hours=3.2))
    late = world.order("2026-1125-005-1")
    assert late.reasons[0] == ["dispatch.reason.away", {}]
    assert "车辆这段时间已派出" in world.client(HEJING).get(f"/dispatch/orders/{late.reference}").text
    # Of those who are away and those who are not, the API says which.
    world.cancel("2026-1125-002-1")
    world.do("recall", reference=late.reference)
    found = world.client(HEJING).get(f"/dispatch/api/orders/{late.reference}/suggestion").json
    assert [each["crew"] for each in found["choices"]] == [crews[1]]
    assert found["excluded"][crews[0]] == ["dispatch.why.away", {}]


def test_a_vehicle_that_is_booked_is_away_and_a_second_one_is_not(world):
    he = world.client(HEJING)
    world.hear(a_journey(1, hours=3.0))
    crew = world.order("2026-1125-001-1").crew
    he.post("/dispatch/api/pool", {"code": "spare", "name": "备用车", "kind": "vehicle", "seats": 5, "crew": crew})
    world.hear(a_journey(2))
    second = world.order("2026-1125-002-1")
    found = he.get(f"/dispatch/api/orders/{second.reference}/suggestion").json
    assert crew in [each["crew"] for each in found["choices"]]
    assert he.post("/dispatch/api/pool/bookings", booking(after=3, code="spare")).status_code == 201
    found = he.get(f"/dispatch/api/orders/{second.reference}/suggestion").json
    assert found["excluded"][crew] == ["dispatch.why.away", {}]


def test_no_vehicle_and_no_driver_is_in_two_places(world):
    first, he = journey(world, 1), world.client(HEJING)
    second = journey(world, 2, hours=3.5)
    assert he.post(f"/dispatch/api/orders/{first}/journey", {"vehicle": "car-1", "driver": DRIVER}).status_code == 201
    taken = he.post(f"/dispatch/api/orders/{second}/journey", {"vehicle": "car-1", "driver": OTHER_DRIVER})
    assert taken.status_code == 409
    assert "14:42" in taken.json["detail"]
    he.post("/dispatch/api/pool", {"code": "car-9", "name": "9号车", "kind": "vehicle", "seats": 5})
    assert he.post(f"/dispatch/api/orders/{second}/journey", {"vehicle": "car-9", "driver": DRIVER}).status_code == 409
    assert (
        he.post(f"/dispatch/api/orders/{second}/journey", {"vehicle": "car-9", "driver": OTHER_DRIVER}).status_code
        == 201
    )
    world.cancel(first)  # the vehicle is free again
    assert he.post(f"/dispatch/api/orders/{second}/journey", {"vehicle": "car-1", "driver": DRIVER}).status_code == 201


def test_seats_crews_and_orders_are_checked(quick):
    ref, he = journey(quick, people=5), quick.client(HEJING)
    for body in ({"vehicle": "car-1", "driver": DRIVER}, {"vehicle": "car-2", "driver": DRIVER}, {"vehicle": "lift-1", "driver": DRIVER},
                 {"vehicle": "bus-1", "driver": DRIVER}):  # fmt: skip
        assert he.post(f"/dispatch/api/orders/{ref}/journey", body).status_code == 422, body
    he.post("/dispatch/api/pool", {"code": "big", "name": "大车", "kind": "vehicle", "seats": 9})
    stranger = workforce.first_id("in-elec-1", 1)
    assert he.post(f"/dispatch/api/orders/{ref}/journey", {"vehicle": "big", "driver": stranger}).status_code == 422
    assert he.post(f"/dispatch/api/orders/{ref}/trip", {"km_from": "1"}).status_code == 422
    quick.file(9)
    assert (
        he.post("/dispatch/api/orders/2026-1125-009-1/journey", {"vehicle": "big", "driver": DRIVER}).status_code == 422
    )
    assert he.post("/dispatch/api/pool", {"code": "x", "name": "x", "kind": "vehicle"}).status_code == 422
