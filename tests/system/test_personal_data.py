"""A demonstration person over four services: a copy of everything, and an erasure that all of them carry out."""

from tests.system.office import person, until


def test_what_a_person_asks_to_be_erased_is_gone_in_every_service(office):
    hanbing, admin = person(office, "hanbing"), person(office, "admin")
    wish = {
        "item": "repair",
        "place": "B2-302",
        "answers": {"what": "aircon"},
        "contact": "13812345678",
        "anyway": True,
    }
    filed = hanbing.post("/requests/api/requests", wish)

    def copies():
        return {each: str(hanbing.get(f"/{each}/api/my-data")) for each in ("requests", "dispatch", "billing", "audit")}

    def everywhere():
        found = copies()
        return all("13812345678" in found[each] for each in ("requests", "dispatch", "audit"))

    until(everywhere, "the telephone in three copies")
    hanbing.post(f"/requests/api/requests/{filed['reference']}/withdraw", {"reason": "not_needed"})
    until(lambda: "cancelled_at" in copies()["dispatch"], "the end of the order")
    case = hanbing.post("/requests/api/me/data-cases", {"kind": "erase", "words": "全部"})
    admin.post(f"/requests/api/data-cases/{case['reference']}/answer", {"outcome": "granted", "words": "已删除"})
    until(lambda: not any("13812345678" in copy for copy in copies().values()), "the telephone in no copy")
    [mine] = hanbing.get("/requests/api/me/data-cases")["items"]
    assert (mine["state"], mine["answer"]) == ("granted", "已删除")
