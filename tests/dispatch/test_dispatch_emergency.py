"""Emergency plans followed: calls in their order, answers, silence, steps, and the register."""

from services.dispatch import emergency
from tests.dispatch.world import HEJING, WANG, a_person

DUTY = a_person("crew", name="值班电工", account="account-duty", crew="in-elec-2")


def begin(world, plan="power", kind="drill", **more):
    answer = world.client(HEJING).post("/dispatch/api/emergencies", {"plan": plan, "kind": kind, **more})
    assert answer.status_code == 201, answer.text
    return answer.json["id"]


def chain(world):
    found = world.client(HEJING).get("/dispatch/api/emergencies").json["emergencies"][0]["calls"]
    return ["answered" if each["answered_at"] else "called" if each["called_at"] else "" for each in found]


def tick(world):
    with world.running.work() as work:
        return emergency.call_next(work)


def test_calls_go_out_in_order_as_they_are_answered(world):
    ident = begin(world)
    assert chain(world) == ["called", "", ""]
    he = world.client(HEJING)
    assert he.post(f"/dispatch/api/emergencies/{ident}/calls/2/answer").status_code == 409
    assert world.client(DUTY).send(f"/dispatch/emergencies/{ident}/calls/1/answer").status_code == 303
    assert chain(world) == ["answered", "called", ""]
    assert world.client(DUTY).post(f"/dispatch/api/emergencies/{ident}/calls/1/answer").status_code == 201
    assert chain(world) == ["answered", "called", ""]
    assert he.post(f"/dispatch/api/emergencies/{ident}/calls/2/answer").status_code == 201
    assert he.post(f"/dispatch/api/emergencies/{ident}/calls/3/answer").status_code == 201
    assert chain(world) == ["answered"] * 3
    assert he.post(f"/dispatch/api/emergencies/{ident}/calls/9/answer").status_code == 404


def test_silence_calls_the_next_once(world):
    begin(world)
    assert tick(world) == 0
    world.later(minutes=3)
    assert (tick(world), tick(world)) == (1, 0)
    assert chain(world) == ["called", "called", ""]
    world.later(minutes=3)
    assert tick(world) == 1
    world.later(minutes=3)
    assert tick(world) == 1
    assert tick(world) == 0
    assert chain(world) == ["called"] * 3
    page = (
        world.client(HEJING).get(f"/dispatch/emergencies/{world.said('emergency_changed')[0][1]['emergency_id']}").text
    )
    assert "没人应答" in page


def test_a_real_one_has_its_order_at_once_and_a_drill_has_none(world):
    begin(world, "water", "drill")
    assert world.said("work_order_opened") == []
    begin(world, "water", "real", place="B2-302", words="三层爆管")
    opened = world.said("work_order_opened")
    assert [(data["item"], data["priority"], data["place"]) for _, data, _ in opened] == [("repair", 1, "B2-302")]
    assert world.said("work_order_assigned")[-1][1]["crew"] == "in-pipe-1"


def test_a_crew_sees_and_answers_its_own_call_alone(quick):
    ident = begin(quick)
    assert "停电呼叫你们班组" in quick.client(DUTY).get("/dispatch/crew/").text
    assert quick.client(DUTY).get(f"/dispatch/emergencies/{ident}").status_code == 200
    assert "呼叫你们班组" not in quick.client(WANG).get("/dispatch/crew/").text
    assert quick.client(WANG).get(f"/dispatch/emergencies/{ident}").status_code == 404
    assert quick.client(WANG).post(f"/dispatch/api/emergencies/{ident}/calls/1/answer").status_code == 404
    quick.later(minutes=3)
    tick(quick)
    assert quick.client(DUTY).post(f"/dispatch/api/emergencies/{ident}/calls/2/answer").status_code == 404
    assert (
        quick.client(DUTY).post(f"/dispatch/api/emergencies/{ident}/end", {"outcome": "x", "people": 1}).status_code
        == 403
    )


def test_it_ends_in_the_register_with_what_was_done(world):
    ident, he = begin(world, "fire"), world.client(HEJING)
    assert he.post("/dispatch/api/emergencies", {"plan": "fire"}).status_code == 409
    assert he.send(f"/dispatch/emergencies/{ident}/steps/1/done").status_code == 303
    assert he.post(f"/dispatch/api/emergencies/{ident}/steps/9/done").status_code == 404
    world.later(minutes=9)
    wrong = he.send(f"/dispatch/emergencies/{ident}/end", outcome="", people="many")
    assert wrong.status_code == 422
    assert he.send(f"/dispatch/emergencies/{ident}/end", outcome="疏散用时偏长", people="46").status_code == 303
    assert he.post(f"/dispatch/api/emergencies/{ident}/end", {"outcome": "x", "people": 1}).status_code == 409
    page = he.get("/dispatch/drills").text
    assert "疏散用时偏长" in page
    assert "9分" in page
    said = [data["what"] for _, data, _ in world.said("emergency_changed")]
    assert said == ["begun", "ended"]
    assert begin(world, "fire")


def test_what_makes_no_sense_is_refused(quick):
    he = quick.client(HEJING)
    assert he.post("/dispatch/api/emergencies", {"plan": "flood"}).status_code == 422
    assert he.post("/dispatch/api/emergencies", {"plan": "fire", "kind": "joke"}).status_code == 422
    assert he.send("/dispatch/emergencies", plan="flood").status_code == 422
    assert he.get("/dispatch/emergencies/none").status_code == 404
    assert quick.client(WANG).post("/dispatch/api/emergencies", {"plan": "fire"}).status_code == 403
