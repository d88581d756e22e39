"""Certificates, leave and declared interests bind assignment; people and departments are chosen by name."""

import re
from datetime import timedelta

from shared.contracts.requests import AccountChanged, DataCaseClosed
from tests.dispatch.world import HANBING, HEJING, LINA, NOON

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
    given = {"member": "in-elec-1:1", "skill": "hvac", "paper": "制冷作业证"}
    he.send("/dispatch/crews/certificates", **given, expires_on="2026-11-25")
    assert world.file(1).crew != "in-elec-1"
    he.send("/dispatch/crews/certificates", **given, expires_on="2027-11-25")
    assert world.file(2).crew == "in-elec-1"
    he.send("/dispatch/crews/leave", member="in-elec-1:1", from_on="2026-11-25", until_on="2026-11-25")
    assert world.file(3).crew != "in-elec-1"
    assert "制冷作业证" in he.get("/dispatch/crews").text


def test_what_makes_no_sense_is_refused(quick):
    he = quick.client(HEJING)
    days = {"member": "in-elec-1:1", "from_on": "2026-11-26", "until_on": "2026-11-25"}
    assert he.send("/dispatch/crews/leave", **days).status_code == 422
    assert (
        he.send("/dispatch/crews/leave", **(days | {"member": "in-elec-1:99", "until_on": "2026-11-27"})).status_code
        == 422
    )
    given = {"member": "in-elec-1:1", "paper": "x", "expires_on": "2027-01-01"}
    assert he.send("/dispatch/crews/certificates", **given, skill="driving").status_code == 422
    assert he.send("/dispatch/crews/interests", crew="nobody", about="x", words="y").status_code == 422
    assert he.send("/dispatch/crews/leave", **(days | {"member": "in-elec-1"})).status_code == 422


def beside(page, ident):
    """The words beside a field, and whether the field is marked as wrong."""
    words = re.search(rf'id="{ident}-e">.*?<span>(.*?)</span></span>', page, re.DOTALL)
    return words and words[1], bool(re.search(rf'id="{ident}"[^>]*aria-invalid="true"', page))


def test_what_is_wrong_stands_beside_its_field_and_what_was_written_stays(quick):
    he = quick.client(HEJING)
    days = {"member": "in-elec-2:1", "from_on": "2026-11-26", "until_on": "2026-11-25", "kind": "sick"}
    page = he.send("/dispatch/crews/leave", **days).text
    assert beside(page, "f-l-until") == ("末日早于首日", True)
    assert '<option value="in-elec-2:1" selected>' in page
    assert '<option value="sick" selected>' in page
    # The other forms of the page are as ever.
    assert beside(page, "f-c-member") == (None, False)
    gone = he.send("/dispatch/crews/leave", **(days | {"member": "in-elec-2:99", "until_on": "2026-11-27"})).text
    assert beside(gone, "f-l-member") == ("班组没有此序号的人员", True)
    given = {"member": "in-elec-1:1", "skill": "driving", "paper": "驾照", "expires_on": "2027-01-01"}
    page = he.send("/dispatch/crews/certificates", **given).text
    assert beside(page, "f-c-skill") == ("该班组没有所需技能", True)
    assert 'value="驾照"' in page


def account(ident, name, **more):
    given = {"epoch": 1, "roles": ("staff",), "department": "secretariat", "department_name": "文秘科",
             "department_name_en": "Secretariat", "changed_at": NOON}  # fmt: skip
    return AccountChanged(account_id=ident, name=name, **(given | more))


def test_people_and_departments_are_chosen_by_name(world):
    world.hear(account("account-hanbing", "韩冰"))
    world.hear(account("account-li", "李工", roles=("crew",), crew="in-elec-1", department=""))
    # An older name that comes later changes nothing.
    older = account(
        "account-zhao",
        "赵敏",
        department_name="秘书处",
        department_name_en="Bureau",
        changed_at=NOON - timedelta(days=9),
    )
    world.hear(older)
    he = world.client(HEJING)
    page = he.get("/dispatch/crews").text
    assert '<option value="in-elec-1:1">' in page
    assert '<option value="department:secretariat">文秘科</option>' in page
    assert '<option value="account-hanbing">韩冰 · 文秘科</option>' in page
    assert "秘书处" not in page
    he.send("/dispatch/crews/interests", crew="in-elec-1", about="account-hanbing", words="亲属")
    he.send("/dispatch/crews/interests", crew="in-elec-1", about="department:secretariat", words="曾任职")
    page = he.get("/dispatch/crews").text
    assert "不派往韩冰 · 文秘科" in page
    assert "不派往文秘科" in page
    assert "Not sent to Secretariat" in world.client(HEJING, **{"Accept-Language": "en"}).get("/dispatch/crews").text
    # Who has no account of a crew is not offered for the roster; who is there already is not offered again.
    roster = he.get("/dispatch/workforce").text
    assert '<option value="account-li">李工 · 电工一班</option>' in roster
    assert "account-hanbing" not in roster
    he.send("/dispatch/workforce/hire", name="李工", crew="in-elec-1", account="account-li")
    assert "account-li" not in he.get("/dispatch/workforce").text
    pool = he.get("/dispatch/pool").text
    assert '<option value="secretariat">文秘科</option>' in pool
    assert '<option value="in-car-1">' in pool


def test_a_supplier_sees_its_own_people_alone(quick):
    he = quick.client(HEJING)
    he.send("/dispatch/crews/interests", crew="hy-air-1", about="account-hanbing", words="秘密关系")
    page = quick.client(LINA).get("/dispatch/crews").text
    assert "恒岳" in page
    assert "电工一班" not in page
    assert "秘密关系" not in page
    assert quick.client(HANBING).get("/dispatch/crews").status_code == 403


def test_what_a_person_asked_to_be_erased_is_gone_when_it_was_granted(world):
    world.file()
    with world.running.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO saved_view (account, name, query) VALUES ('account-hanbing', 'x', '{}')"
        )
    world.cancel()
    world.file(88)
    world.hear(a_case(outcome="refused"))
    assert (world.order().contact, views_of(world)) == ("8302", 1)
    world.hear(a_case(outcome="granted", account_id="account-sunli"))
    assert (world.order().contact, views_of(world)) == ("8302", 1)
    world.hear(a_case(outcome="granted"))
    assert (world.order().contact, views_of(world)) == ("", 0)
    assert world.order("2026-1125-088-1").contact == "8302"  # still to be done


def a_case(**changes):
    given = {"case_id": "d1", "reference": "D-2026-1125-001", "account_id": "account-hanbing", "kind": "erase",
             "outcome": "granted", "late": False, "closed_at": NOON}  # fmt: skip
    return DataCaseClosed(**(given | changes))


def views_of(world):
    with world.running.database.read() as connection:
        return connection.exec_driver_sql("SELECT count(*) FROM saved_view").scalar()
