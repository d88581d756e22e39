"""Certificates, leave and declared interests bind assignment."""

from tests.dispatch.world import HANBING, HEJING, LINA

REF = "2026-1125-087-1"


def test_a_crew_is_not_sent_where_it_declared_an_interest(world):
    he = world.client(HEJING)
    sent = he.send("/dispatch/crews/interests", crew="in-elec-1", about="account-hanbing", words="亲属")
    assert sent.status_code == 303
    order = world.file()
    assert order.crew != "in-elec-1"
    forced = he.post(f"/dispatch/api/orders/{REF}/assign", {"crew": "in-elec-1"})
    assert forced.status_code == 422
    assert "利益" in forced.text
    found = he.get(f"/dispatch/api/orders/{REF}/suggestion").json["excluded"]["in-elec-1"]
    assert found[0] == "dispatch.why.conflict"
    he.send("/dispatch/crews/interests", crew="in-elec-2", about="department:secretariat", words="曾任职")
    assert world.file(88).crew not in {"in-elec-1", "in-elec-2"}


def test_a_skill_ends_with_its_last_good_certificate(world):
    he = world.client(HEJING)
    given = {"crew": "in-elec-1", "number": "1", "skill": "hvac", "paper": "制冷作业证"}
    he.send("/dispatch/crews/certificates", **given, expires_on="2026-11-25")
    assert world.file(1).crew != "in-elec-1"
    he.send("/dispatch/crews/certificates", **given, expires_on="2027-11-25")
    assert world.file(2).crew == "in-elec-1"
    he.send("/dispatch/crews/leave", crew="in-elec-1", number="1", from_on="2026-11-25", until_on="2026-11-25")
    assert world.file(3).crew != "in-elec-1"
    assert "制冷作业证" in he.get("/dispatch/crews").text


def test_what_makes_no_sense_is_refused(quick):
    he = quick.client(HEJING)
    days = {"crew": "in-elec-1", "number": "1", "from_on": "2026-11-26", "until_on": "2026-11-25"}
    assert he.send("/dispatch/crews/leave", **days).status_code == 422
    assert he.send("/dispatch/crews/leave", **(days | {"number": "99", "until_on": "2026-11-27"})).status_code == 422
    given = {"crew": "in-elec-1", "number": "1", "paper": "x", "expires_on": "2027-01-01"}
    assert he.send("/dispatch/crews/certificates", **given, skill="driving").status_code == 422
    assert he.send("/dispatch/crews/interests", crew="nobody", about="x", words="y").status_code == 422


def test_a_supplier_sees_its_own_people_alone(quick):
    he = quick.client(HEJING)
    he.send("/dispatch/crews/interests", crew="hy-air-1", about="account-hanbing", words="秘密关系")
    page = quick.client(LINA).get("/dispatch/crews").text
    assert "恒岳" in page
    assert "电工一班" not in page
    assert "秘密关系" not in page
    assert quick.client(HANBING).get("/dispatch/crews").status_code == 403
