"""A supplier's manager: own orders, own people, own figures; and no byte of another's anything, crawled."""

import re

import pytest

from services.dispatch import workforce
from services.dispatch.service import routes
from shared.web.routes import decide
from tests.dispatch.world import HEJING, LINA, World, a_person

MARK = "杏"
MINE, THEIRS = "2026-1125-001-1", "2026-1125-002-1"
OTHER = a_person("supplier", name="杏经理", account="account-xing", supplier="JJ", organisation="", department="")


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """Two suppliers at work; everything of JJ bears the mark."""
    folder = tmp_path_factory.mktemp("marked")
    world = World(f"sqlite:///{folder / 'a.db'}", folder)
    with world.running.work() as work:
        for statement in (
            "UPDATE crew SET name = '杏' || name, leader = '杏' || leader WHERE supplier = 'JJ'",
            "UPDATE supplier SET name = '杏洁净' WHERE code = 'JJ'",
            "UPDATE member SET name = '杏' || name WHERE crew LIKE 'jj-%'",
            "UPDATE person SET name = '杏' || name WHERE person_id IN (SELECT person_id FROM employment WHERE employer = 'JJ')",
            "UPDATE cover SET contract = '杏-1' WHERE supplier = 'JJ'",
        ):
            work.connection.exec_driver_sql(statement)
    from services.dispatch.store import forget_roster

    forget_roster()
    world.file(1)
    world.do("assign", "hy-air-1", reference=MINE)
    world.file(2, item="cleaning", skills=("cleaning",), summary="杏：地面", contact="杏8302", place="B2-杏间")
    he = world.client(HEJING)
    for act in ("accept", "arrive", "start"):
        world.do(act, reference=THEIRS, who="杏组长")
    he.photo(THEIRS, "after", 3)
    first = workforce.first_id("jj-clean-1", 1)
    he.post(f"/dispatch/api/orders/{THEIRS}/people", {"people": [first]})
    he.send(
        "/dispatch/crews/certificates",
        member="jj-clean-1:1",
        skill="cleaning",
        paper="杏证",
        expires_on="2026-12-01",
    )
    he.send("/dispatch/crews/leave", member="jj-clean-1:2", from_on="2026-11-25", until_on="2026-11-26")
    he.send("/dispatch/crews/interests", crew="jj-clean-1", about="account-x", words="杏关系")
    he.post("/dispatch/api/training", {"name": "杏培训", "on_day": "2026-11-25", "hours": "2", "people": [first]})
    he.post(
        "/dispatch/api/people/moves",
        {"people": [workforce.first_id("jj-clean-2", 2)], "crew": "jj-clean-1", "on": "2026-12-05"},
    )
    he.send("/dispatch/handover", words="杏交接", reference=THEIRS)
    he.post(f"/dispatch/api/orders/{THEIRS}/finish", {"usage": [{"meter": "m2", "quantity": "10"}]})
    yield world
    world.close()


def everything(world, person):
    """The text of all that this person can fetch, by address; places are filled with ids of both suppliers."""
    found = {}
    with world.running.database.read() as connection:
        sha = connection.exec_driver_sql("SELECT sha256 FROM photo").scalar_one()
        places = {
            "ref": (MINE, THEIRS), "sha256": (sha,), "day": ("2026-11-25",), "code": ("jj-clean-1", "hy-air-1", "chiller-1", "pt-tr1"),
            "person_id": (workforce.first_id("jj-clean-1", 1), workforce.first_id("hy-air-1", 1)), "row": ("1",),
        }  # fmt: skip
    caller = world.client(person)
    for route in routes():
        if route.method != "GET" or route.kind == "events" or decide(person, route) != "allow":
            continue
        paths = [route.path]
        while any("<" in path for path in paths):
            paths = [
                re.sub(rf"<(?:\w+:)?{name}>", value, path, count=1)
                for path in paths
                for name in [re.search(r"<(?:\w+:)?(\w+)>", path)[1]]
                for value in places.get(name, ("x",))
            ]
        for path in paths:
            answer = caller.get(f"/dispatch{path}")
            assert answer.status_code < 500, path
            found[path] = (answer.status_code, answer.data.decode("utf-8", "replace"))
            if route.accepts and answer.status_code == 200:
                for query in (
                    "view=all",
                    "view=ended",
                    "words=%E6%9D%8F",
                    "crew=jj-clean-1",
                    "employer=JJ",
                    "item=cleaning",
                ):
                    again = caller.get(f"/dispatch{path}?{query}")
                    if again.status_code == 200:
                        found[f"{path}?{query}"] = (200, again.data.decode("utf-8", "replace"))
    return found


def test_no_byte_of_another_supplier_in_anything_that_can_be_fetched(marked):
    mine = everything(marked, LINA)
    assert len(mine) > 30
    for path, (_, text) in mine.items():
        assert MARK not in text.replace("words=%E6%9D%8F", "").replace('value="杏"', ""), path
    assert any(MARK in text for _, text in everything(marked, OTHER).values())  # the mark is there to be found
    assert "不制冷" in "".join(text for _, text in mine.values())


def test_counts_do_not_tell_of_another_supplier(marked):
    page = marked.client(LINA).get("/dispatch/supplier/").text
    assert re.search(r'view=open"[^>]*>[^<]*<span>1</span>', page), page
    rows = marked.client(LINA).get("/dispatch/api/supplier?view=ended").json["items"]
    assert rows == []


def test_streams_tell_a_supplier_of_its_own_alone(marked):
    from services.dispatch.supplier import _supplier_channel

    class Asking:
        principal = LINA

    assert _supplier_channel(Asking) == ["supplier:HY"]


def test_what_a_suppliers_stream_was_told_names_nothing_of_another(marked):
    with marked.running.database.read() as connection:
        told = connection.exec_driver_sql("SELECT channel, data FROM live_row").fetchall()
    of = {supplier: [data for channel, data in told if channel == f"supplier:{supplier}"] for supplier in ("HY", "JJ")}
    assert any(MINE in each for each in of["HY"])
    assert any(THEIRS in each for each in of["JJ"])
    assert not [each for each in of["HY"] if MARK in each or THEIRS in each or "jj-" in each]
    crews = {channel.removeprefix("crew:") for channel, data in told if channel.startswith("crew:") and THEIRS in data}
    assert all(each.startswith("jj-") for each in crews)


def test_a_manager_names_own_people_and_hands_over_within(quick):
    quick.file(1)
    quick.do("assign", "hy-air-1", reference=MINE)
    lina = quick.client(LINA)
    own, other = workforce.first_id("hy-air-1", 2), workforce.first_id("in-elec-1", 1)
    assert lina.send(f"/dispatch/orders/{MINE}/people", people=[own]).status_code == 303
    assert "指定人员" in lina.get(f"/dispatch/orders/{MINE}").text
    assert lina.post(f"/dispatch/api/orders/{MINE}/people", {"people": [other]}).status_code == 422
    assert (
        lina.post(f"/dispatch/api/orders/{MINE}/transfer", {"crew": "in-elec-1", "reason": "busy"}).status_code == 422
    )
    assert (
        lina.post(f"/dispatch/api/orders/{MINE}/transfer", {"crew": "hy-duty-1", "reason": "busy"}).status_code == 200
    )
    assert quick.order(MINE).crew == "hy-duty-1"


def test_a_manager_sees_how_promises_were_kept(quick):
    for number, minutes in ((1, 20), (2, 400)):
        ref = f"2026-1125-{number:03}-1"
        quick.file(number)
        quick.do("assign", "hy-air-1", reference=ref)
        for act in ("accept", "arrive", "start"):
            quick.do(act, reference=ref)
        quick.later(minutes=minutes)
        done = quick.client(HEJING).post(
            f"/dispatch/api/orders/{ref}/finish", {"usage": [{"meter": "hours", "quantity": "1"}]}
        )
        assert done.status_code == 200
    lina = quick.client(LINA)
    found = lina.get("/dispatch/api/supplier/promises").json["tables"]
    kinds = {each["name"]: (each["due"], each["kept"]) for each in found["kinds"]}
    assert kinds == {"response": (2, 2), "arrival": (2, 2), "finish": (2, 1)}
    assert found["orders"]["finished"] == 2
    page = lina.get("/dispatch/supplier/promises").text
    assert "50.0%" in page
    assert "<svg" in page
    assert "50.0%" in lina.get("/dispatch/supplier/promises.csv").text
    assert quick.client(OTHER).get("/dispatch/api/supplier/promises").json["tables"]["orders"]["finished"] == 0
    assert quick.client(HEJING).get("/dispatch/supplier/promises").status_code == 403
    assert lina.get("/dispatch/supplier/promises?month=1999-12").status_code == 422
