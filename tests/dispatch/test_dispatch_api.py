"""The JSON routes, through the real application."""

from tests.dispatch.world import HANBING, HEJING, LINA, WANG, a_person

ONE = "/dispatch/api/orders/2026-1125-087-1"


def test_a_crew_does_its_order_through_the_api(quick):
    quick.file()
    crew = quick.client(WANG)
    mine = crew.get("/dispatch/api/mine").json["items"]
    assert [(each["reference"], each["state"]) for each in mine] == [("2026-1125-087-1", "offered")]
    for act in ("accept", "set_off", "arrive", "start"):
        answer = crew.post(f"{ONE}/{act}")
        assert answer.status_code == 200, answer.text
    used = {"usage": [{"meter": "hours", "quantity": "1.5"}, {"meter": "materials", "quantity": "86.40"}]}
    refused = crew.post(f"{ONE}/finish", used)
    assert refused.status_code == 422
    assert set(refused.json["errors"]) == {"checks", "photo_before", "photo_after"}
    for number, kind in enumerate(("before", "after")):
        assert crew.photo("2026-1125-087-1", kind, number).status_code == 303
    answer = crew.post(f"{ONE}/finish", {**used, "checks": [0, 1]})
    assert answer.json["state"] == "finished"
    held = {each["sha256"] for each in crew.get(f"{ONE}/photos").json["photos"]}
    assert set(quick.said("work_order_finished")[0][1]["evidence"]) == held
    assert quick.said("work_order_finished")[0][1]["usage"] == [
        {"meter": "hours", "quantity": "1.5", "unit": "hours"},
        {"meter": "materials", "quantity": "86.40", "unit": "yuan"},
    ]


def test_the_second_dispatcher_is_told_who_was_first(quick):
    quick.file()
    seen = quick.client(HEJING).get(ONE).json["version"]
    quick.later(minutes=1)
    assert quick.client(HEJING).post(f"{ONE}/assign", {"crew": "hy-air-1", "version": seen}).status_code == 200
    second = quick.client(a_person(name="周强", account="account-2")).post(
        f"{ONE}/assign", {"crew": "in-elec-2", "version": seen}
    )
    assert second.status_code == 409
    assert "何静" in second.json["detail"]
    assert "10:43" in second.json["detail"]
    assert quick.order().crew == "hy-air-1"


def test_an_order_is_hidden_from_other_crews_and_suppliers(quick):
    quick.file()
    for stranger in (LINA, a_person("crew", crew="in-net-1"), a_person("staff", account="somebody")):
        answer = quick.client(stranger).get(ONE)
        absent = quick.client(stranger).get("/dispatch/api/orders/2026-1125-999-1")
        assert answer.status_code == absent.status_code == 404
        assert answer.json["detail"] == absent.json["detail"]
    assert quick.client(HANBING).get(ONE).status_code == 200


def test_the_same_step_sent_twice_under_one_key_is_done_once(quick):
    quick.file()
    crew = quick.client(WANG, **{"Idempotency-Key": "step-1"})
    first, again = crew.post(f"{ONE}/accept"), crew.post(f"{ONE}/accept")
    assert first.json == again.json
    assert len(quick.said("work_order_accepted")) == 1
