"""Who reaches what: every route for every role, other suppliers' and other crews' orders, and what comes in broken."""

import pytest

from services.dispatch.service import routes
from shared.web.principal import ROLES
from tests.dispatch.world import HEJING, LINA, SITE, WANG, a_person

REF = "2026-1125-087-1"
ABSENT = "2026-1125-999-1"
OF_ORDERS = [route for route in routes() if "<ref>" in route.path]
OTHER_SUPPLIER = a_person("supplier", account="account-other", supplier="JJ", organisation="", department="")
OTHER_CREW = a_person("crew", account="account-crew-2", crew="in-net-1")
OTHER_STAFF = a_person("staff", account="account-nobody", department="archive")
BODIES = {
    "assign": {"crew": "hy-fix-1"},
    "refuse": {"reason": "busy"},
    "pause": {"reason": "awaiting_parts"},
    "cancel": {"reason": "duplicate"},
    "transfer": {"crew": "in-elec-2", "reason": "busy"},
    "split": {"words": "part"},
    "redo": {"reason": "untidy"},
    "claims": {"step": "arrive", "claimed_at": "2026-11-25T02:45:00Z"},
    "parts": {"code": "led-18w", "quantity": "1"},
    "journey": {"vehicle": "car-1", "driver": "somebody"},
    "trip": {"km_from": "1"},
    "finish": {"usage": [{"meter": "hours", "quantity": "1"}]},
}


def ask(world, person, route, ref):
    caller = world.client(person)
    path = f"/dispatch{route.path}".replace("<ref>", ref)
    name = route.path.rpartition("/")[2]
    if route.method == "GET":
        return caller.get(path)
    if route.kind == "api":
        return caller.post(path, BODIES.get(name, {}))
    body = BODIES.get(name, {})
    return caller.send(path, **({"usage_hours": "1"} if name == "finish" else body))


def snapshot(world):
    with world.running.database.read() as connection:
        return [
            tuple(row)
            for row in connection.exec_driver_sql("SELECT reference, state, version, crew FROM work_order ORDER BY 1")
        ]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """An order of another supplier's contract, held by its crew, that nobody here changes."""
    from tests.dispatch.world import World

    folder = tmp_path_factory.mktemp("held")
    world = World(f"sqlite:///{folder / 'a.db'}", folder)
    world.file()
    world.do("assign", "hy-air-1")
    yield world
    world.close()


@pytest.mark.parametrize("person", [OTHER_SUPPLIER, OTHER_CREW, OTHER_STAFF], ids=lambda person: person.role)
def test_a_foreign_order_answers_as_an_absent_one_on_every_route(held, person):
    before = snapshot(held)
    for route in OF_ORDERS:
        foreign, absent = ask(held, person, route, REF), ask(held, person, route, ABSENT)
        assert foreign.status_code == absent.status_code, route.name
        assert foreign.status_code in {403, 404}, route.name
        assert "hy-air-1" not in foreign.text
        assert "不制冷" not in foreign.text
    assert snapshot(held) == before


@pytest.mark.parametrize("role", ROLES)
def test_a_role_gets_in_exactly_where_the_table_lets_it(held, role):
    person = a_person(role, account="account-role", crew="", supplier="", department="", organisation="")
    for route in routes():
        if route.kind == "events" or route.allow.public:
            continue
        answer = ask(held, person, route, ABSENT) if "<ref>" in route.path else None
        if answer is None:
            path = (
                f"/dispatch{route.path}".replace("<code>", "absent")
                .replace("<int:row>", "7")
                .replace("<int:position>", "7")
            )
            answer = held.client(person).get(path) if route.method == "GET" else held.client(person).post(path)
        allowed = bool(route.allow.of(person))
        assert (answer.status_code != 403) == allowed, (route.name, answer.status_code)


def test_nobody_gets_in_without_signing_in(held):
    for route in routes():
        if route.allow.public:
            continue
        path = (
            f"/dispatch{route.path}".replace("<ref>", REF)
            .replace("<code>", "in-elec-1")
            .replace("<int:row>", "7")
            .replace("<int:position>", "7")
        )
        caller = held.client()
        answer = caller.get(path) if route.method == "GET" else caller.post(path)
        assert answer.status_code in {303, 401, 403}, route.name


def test_a_supplier_sees_only_its_own_in_every_list(held):
    held.file(1, skills=("electric",))
    mine, other = held.client(LINA), held.client(OTHER_SUPPLIER)
    assert [each["reference"] for each in mine.get("/dispatch/api/supplier").json["items"]] == [REF]
    assert other.get("/dispatch/api/supplier?view=all").json["items"] == []
    assert "不制冷" not in other.get("/dispatch/supplier/").text
    assert {each["supplier"] for each in mine.get("/dispatch/api/crews").json["crews"]} == {"HY"}
    assert other.get("/dispatch/api/crews/hy-air-1/orders").status_code == 404
    assert mine.get("/dispatch/api/crews/hy-air-1/orders").status_code == 200
    assert mine.get("/dispatch/api/crews/in-elec-1/orders").status_code == 404


def test_an_order_moved_to_another_supplier_is_gone_at_once(quick):
    quick.file()
    quick.do("assign", "hy-air-1")
    lina = quick.client(LINA)
    assert lina.get(f"/dispatch/api/orders/{REF}").status_code == 200
    quick.do("assign", "in-elec-1")
    assert lina.get(f"/dispatch/api/orders/{REF}").status_code == 404
    assert lina.send(f"/dispatch/orders/{REF}/accept").status_code == 404


def test_the_requester_sees_the_order_but_neither_advice_nor_prices(quick):
    quick.file()
    me = a_person("staff", account="account-hanbing")
    found = quick.client(me).get(f"/dispatch/api/orders/{REF}").json
    assert (found["state"], found["reasons"], found["next_crews"]) == ("offered", [], [])
    other = quick.client(a_person("auditor")).get(f"/dispatch/api/orders/{REF}").json
    assert (other["contact"], other["answers"]) == ("", [])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("assign", {}),
        ("assign", {"crew": ["in-elec-2"]}),
        ("assign", {"crew": "no-such-crew"}),
        ("assign", {"crew": "jj-clean-1"}),
        ("assign", {"crew": "in-elec-1"}),
        ("assign", {"crew": "hy-air-1", "version": "x"}),
        ("assign", {"crew": "hy-air-1", "more": 1}),
        ("refuse", {"reason": "because"}),
        ("refuse", {}),
        ("pause", {"reason": "lunch"}),
        ("finish", {"usage": "much"}),
        ("finish", {"usage": [{"meter": "hours", "quantity": "1e5"}]}),
        ("finish", {"usage": [{"meter": "hours", "quantity": 1.5}]}),
        ("finish", {"evidence": ["x"]}),
        ("finish", {"usage": [{"meter": "hours", "quantity": "1"}] * 11}),
    ],
)
def test_what_is_wrong_is_refused_with_words_and_nothing_changes(quick, path, body):
    quick.file()
    answer = quick.client(HEJING).post(f"/dispatch/api/orders/{REF}/{path}", body)
    assert answer.status_code == (409 if path == "pause" and body.get("reason") != "lunch" else 422), answer.text
    assert answer.json["errors"]
    assert quick.order().version == 2


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'{"crew": "a", "crew": "b"}', b'{"crew": NaN}', b"[" * 100])
def test_a_body_that_cannot_be_read_is_refused(quick, body):
    quick.file()
    caller = quick.client(HEJING)
    answer = caller.client.post(
        f"/dispatch/api/orders/{REF}/assign", data=body, base_url=SITE, content_type="application/json",
        headers={"Origin": SITE, "X-CSRF-Token": HEJING.proof},
    )  # fmt: skip
    assert answer.status_code in {400, 422}
    assert quick.order().version == 2


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "view=nothing",
        "cursor=abc",
        "words=" + "x" * 61,
        "words=%00",
        "other=1",
        "limit=1&limit=2",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(quick, query):
    assert quick.client(HEJING).get(f"/dispatch/api/orders?{query}").status_code in {400, 422}


def test_a_step_out_of_turn_says_how_the_order_stands(quick):
    quick.file()
    answer = quick.client(WANG).post(f"/dispatch/api/orders/{REF}/start")
    assert answer.status_code == 409
    assert "系统 10:42已派给电工一班 王建国" in answer.json["detail"]


def test_the_queue_goes_on_where_the_cursor_stands(quick):
    for number in range(7):
        quick.file(number)
        quick.later(minutes=1)
    caller, seen, cursor = quick.client(HEJING), [], ""
    while True:
        found = caller.get(f"/dispatch/api/orders?limit=3&cursor={cursor}").json
        seen += [each["reference"] for each in found["items"]]
        cursor = found["next"]
        if not cursor:
            break
    assert seen == [f"2026-1125-{number:03}-1" for number in range(7)]


def test_words_with_wildcards_are_only_words(quick):
    quick.file()
    caller = quick.client(HEJING)
    assert len(caller.get("/dispatch/api/orders?words=空调").json["items"]) == 1
    assert caller.get("/dispatch/api/orders?words=%25").json["items"] == []
    assert caller.get("/dispatch/api/orders?words=_").json["items"] == []
