"""Every route of every service: a new one without an answer to these questions fails here.

The matrix (role × relation) is walked over HTTP on a service whose views only say that they were reached, with the
real routes, the real policy function and real passes.
"""

import importlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import MetaData
from werkzeug.test import Client

from shared import outbox
from shared.clock import ManualClock
from shared.contracts.base import SERVICES
from shared.database import Database
from shared.web import passes, tables
from shared.web.access import RELATIONS, person_of, routes_of, table, verdicts
from shared.web.answers import nothing
from shared.web.app import Application
from shared.web.navigation import BARS, FOOT, HOMES, LOG_READERS
from shared.web.openapi import document
from shared.web.principal import ROLES
from shared.web.revocation import Revocations
from shared.web.routes import decide
from tests.web.site import NOW, PUBLIC_KEY, SIGNER

ROOT = Path(__file__).parents[2]
PRESENT = [name for name in SERVICES if importlib.util.find_spec(f"services.{name}.service")]
ROUTES = [(name, route) for name in PRESENT for route in routes_of(name)]


def _id(pair):
    return f"{pair[0]}:{pair[1].method}:{pair[1].path}"


def test_all_four_services_have_routes():
    assert list(SERVICES) == PRESENT


@pytest.fixture(scope="module")
def hollow(tmp_path_factory):
    """Each service with its own routes and hollow views."""
    metadata = MetaData()
    outbox.add_tables(metadata)
    tables.add_tables(metadata)
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('hollow') / 'x.db'}")
    metadata.create_all(database.engine)

    def view(thing):
        def reached(context, **_values):
            context.check(thing["is"])
            return nothing()

        return reached

    thing = {"is": RELATIONS["own"]}
    built = {}
    for name in PRESENT:
        routes = importlib.import_module(f"services.{name}.service").routes()
        built[name] = Application(
            name, [replace(route, view=view(thing), limit=None, fresh=False) for route in routes], database=database,
            verifier=passes.Verifier([PUBLIC_KEY], name), revocations=Revocations(database), secret=b"x" * 32, clock=ManualClock(NOW),
        )  # fmt: skip
    yield built, thing
    database.close()


def _path(name, route):
    places = {"int": "7", "date": "2026-11-24"}
    return f"/{name}" + re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda found: places.get(found[1], "x"), route.path)


SIGNED_BY_OTHERS = {
    "chat_arrive",  # read as bytes, because the signature is over them
    "stop_at_once",  # a form of a mail program, authorised by its address (RFC 8058)
    "open311_report_xml",  # a form, authorised by its api_key
    "open311_report_json",
}


def _body(route):
    return {} if not route.changes else {"json": {}} if route.kind == "api" else {"data": {"a": ""}}


@pytest.mark.parametrize("pair", ROUTES, ids=_id)
def test_the_matrix_holds_over_http(hollow, pair):
    built, thing = hollow
    name, route = pair
    if route.name in {"look", "openapi"}:
        return
    client = Client(built[name])
    expected = verdicts(route)
    for role in ROLES:
        person = replace(person_of(role), kind="api")
        headers = {"Authorization": "Bearer " + SIGNER.sign(person, NOW)}
        for relation, scoped in RELATIONS.items():
            thing["is"] = scoped
            found = client.open(_path(name, route), method=route.method, headers=headers, **_body(route))
            assert found.status_code == {"allow": 204, "hide": 404, "refuse": 403}[expected[role, relation]], (
                role,
                relation,
            )
    thing["is"] = RELATIONS["own"]
    found = Client(built[name]).open(_path(name, route), method=route.method, **_body(route))
    if route.allow.public:
        assert found.status_code in {204, 403}  # 403: a form of a page that did not come from it
    else:
        assert found.status_code == (303 if route.kind == "page" else 401)


@pytest.mark.parametrize("pair", ROUTES, ids=_id)
def test_a_route_answers_the_questions_every_route_must(pair):
    _, route = pair
    assert route.allow.public or route.allow.scopes, "who may use it"
    assert route.summary, "what it is for"
    assert (route.view.__doc__ or "").strip() or route.summary
    assert not (route.kind in {"page", "file", "events"} and route.method == "PUT")
    assert not route.creates or route.changes
    if route.kind == "api" and route.method in {"POST", "PUT", "PATCH"} and route.name not in SIGNED_BY_OTHERS:
        assert route.accepts is not None, "what it accepts"
    if route.changes and not route.proof:
        assert "renew" in route.name or route.name in SIGNED_BY_OTHERS, (
            "only the renewal of a pass goes without a form token"
        )
    if route.allow.public and route.changes:
        assert route.limit is not None or route.name.startswith(("renew", "look")), "how often, as anybody may"
    assert route.path.startswith("/")
    # As RFC 8058 and Open311 want it; and the list of logs stands beside the logs.
    elsewhere = route.name == "stop_at_once" or route.path.startswith("/open311/") or route.path == "/logs"
    assert (route.kind == "api") == route.path.startswith("/api/") or route.kind in {"file", "events"} or elsewhere


def test_nobody_signed_in_is_let_in_only_where_everybody_is():
    for _name, route in ROUTES:
        assert (decide(None, route) == "allow") == route.allow.public


def test_the_table_in_the_documents_is_the_table():
    path = ROOT / "docs/reference/access.md"
    assert path.read_text("utf-8") == "\n".join(table(PRESENT)) + "\n", (
        "run: python -m shared.web.access > docs/reference/access.md"
    )


def test_every_word_of_navigation_leads_somewhere_its_reader_may_go():
    apps = {name: _addresses(name) for name in PRESENT}
    wrong = []
    for role in ROLES:
        for path, later in [*((place.path, place.later) for place in BARS[role]), (HOMES[role], False)]:
            route = apps[path.split("/")[1]](path)
            there = (
                route is not None
                and route.kind == "page"
                and path == f"/{path.split('/')[1]}{route.path}"
                and decide(person_of(role), route) == "allow"
            )
            if there == later:
                wrong.append((role, path, "is built: take its later away" if there else "leads nowhere"))
    for place in FOOT:
        route = apps[place.path.split("/")[1]](place.path)
        if (route is not None and route.allow.public and place.path.endswith(route.path)) == place.later:
            wrong.append(("foot", place.path))
    assert wrong == []


def _addresses(name):
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import Map, Rule

    urls = Map(
        [Rule(f"/{name}{route.path}", endpoint=route, methods=[route.method]) for route in routes_of(name)]
    ).bind("x")

    def find(path):
        try:
            return urls.match(path, method="GET")[0]
        except HTTPException:
            return None

    return find


@pytest.mark.parametrize("name", PRESENT)
def test_the_openapi_document_is_valid_and_names_every_api_route(hollow, name):
    import jsonschema

    found = document(hollow[0][name])
    assert found["openapi"] == "3.1.0"
    for route in routes_of(name):
        if route.kind == "api" and route.failure is None:
            path = f"/{name}" + re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", route.path)
            assert route.method.lower() in found["paths"][path]
    for schema in found["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_who_is_shown_the_way_into_the_log_is_who_may_go_there():
    (about,) = [route for route in routes_of("audit") if route.name == "about"]
    assert {role for role in ROLES if decide(person_of(role), about) == "allow"} == LOG_READERS
