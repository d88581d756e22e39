"""Bad input at every edge: whatever is sent to any route that changes something, of any of the four services, the answer
is a clear 4xx in the reader's language and nothing is stored. A new route is tried without being named here.

What one service alone knows (an unknown item, a past time, a foreign request, a form sent twice) is tried beside it:
test_requests_api, test_requests_pages, test_dispatch_access; the matrix of foreign things is test_every_route.
"""

import hashlib
import json
import re
from datetime import UTC, datetime

import marshmallow
import pytest
from werkzeug.test import Client

from shared.contracts.base import SERVICES
from shared.web import assembly, schemas
from shared.web.access import routes_of
from shared.web.principal import ROLES, Principal
from tests.web.house import bearer, running

BODIES = [
    b"", b"{", b"nul", b"\x00", b"\xff\xfe", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": 9007199254740992}', b"[" * 100_000,
    b'{"a": "\\ud800"}', b"[]", b'"x"', b"null", b'{"a":' * 40 + b"1" + b"}" * 40,
]  # fmt: skip
TEXTS = ["a\0b", "\x1b[31m", "\u202e", "\u2066x\u2069", "x" * 100_000]
NUMBERS = [-(2**53), 2**53, 1.5, True, "x", [], {}, "١"]
LOCAL = "2026-01-01T00:00"
MOMENTS = ["", "yesterday", "2026-13-01T00:00:00Z", LOCAL, 5, [], "9999-99-99"]
ANYTHING = [[{}], {"a": [1]}, 7.25]
# Fields that take characters as they are: their value is compared or followed, never kept or shown as words.
RAW = {"password", "again", "next", "ticket", "token", "back", "seed", "language", "theme"}
# Trying to come in is counted and told, whatever is typed; these are tried in test_requests_signing.
COUNTED = {"failure", "outbox", "idempotency"}
# These answer what they cannot take with a word on the page that follows, and may keep the talk; never with a failure.
# What carries a file and nothing else: without the file the answer names the file.
FILES = {"/api/photos"}
IN_WORDS = {"/chat", "/api/chat", "/views", "/accept-many"}
QUIET = {"look", "renew_form", "renew_quietly", "sign_out"}  # without fields; they change nothing but cookies


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """The four services with their demonstration data: name -> (application without rate limits, settings)."""
    opened, found = [], {}
    for name in SERVICES:
        context = running(name, tmp_path_factory.mktemp(name))
        application, service = context.__enter__()
        opened.append(context)
        application.limits.take = lambda *_: 0
        found[name] = (application, service)
    yield found
    for context in opened:
        context.__exit__(None, None, None)


CHANGING = [
    (name, route) for name in SERVICES for route in routes_of(name) if route.changes and route.name not in QUIET
]


def _id(pair):
    return f"{pair[1].method} /{pair[0]}{pair[1].path}"


def path_of(name, route):
    kinds = {"int": "7", "date": "2026-11-24"}
    return f"/{name}" + re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>", lambda found: kinds.get(found[1], "x"), route.path)


def stored(service):
    """What the database holds, but for what only counts tries."""
    with service.database.read() as connection:
        lines = connection.connection.driver_connection.iterdump()
        kept = [line for line in lines if not any(f'"{name}"' in line[:40] for name in COUNTED)]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


class Edge:
    """One route as a hostile caller sees it."""

    def __init__(self, house, pair):
        self.name, self.route = pair
        application, self.service = house[self.name]
        self.client = Client(application, use_cookies=False)
        self.path = path_of(self.name, self.route)
        self.headers = bearer(self.service.settings, self.name)
        self.turn = 0
        self.wrong = []

    def send(self, what, *, within=range(400, 500), names="", headers=None, **options):
        """Send it; whatever is not a clear refusal is noted under ``what``."""
        self.turn += 1
        code = ("zh-Hans", "en")[self.turn % 2]
        own = {"Accept-Language": code, **(self.headers if headers is None else headers)}
        answer = self.client.open(self.path, method=self.route.method, headers=own, **options)
        in_words = self.route.path in IN_WORDS and within == range(400, 500) and answer.status_code in {200, 303}
        if in_words:
            return
        if self.route.failure is not None and answer.status_code in {400, *within}:
            return  # another standard's own error body, tested beside its routes
        if answer.status_code not in within:
            self.wrong.append(f"{what}: {answer.status_code} {answer.text[:200]}")
        elif answer.status_code in {303, 307}:
            return
        elif answer.content_type == "application/problem+json":
            body = answer.json
            if answer.headers["Content-Language"] != code or not body["detail"] or not body["title"]:
                self.wrong.append(f"{what}: says nothing in {code}")
            if (
                names
                and answer.status_code == 422
                and not any(key.split(".")[0] == names for key in body.get("errors", {}))
            ):
                self.wrong.append(f"{what}: {names} is not named in {body.get('errors')}")
        elif f'<html lang="{code}"' not in answer.text:
            self.wrong.append(f"{what}: a page that is not in {code}")
        for secret in ("Traceback", "sqlalchemy", "marshmallow"):
            if secret in answer.text:
                self.wrong.append(f"{what}: shows {secret}")


def hostile(field):
    """Values that a field of this kind must refuse."""
    if isinstance(field, schemas.Text):
        return [*TEXTS, *ANYTHING]
    if isinstance(field, marshmallow.fields.Boolean):
        return [[], {}]
    if isinstance(field, marshmallow.fields.Integer):
        return NUMBERS
    if isinstance(field, marshmallow.fields.DateTime | marshmallow.fields.Date):
        # A form's wall clock is the site's, and a blank date is none.
        also = (
            ""
            if type(field).__name__ == "OptionalDate"
            else LOCAL
            if type(field) is marshmallow.fields.DateTime
            else None
        )
        return [each for each in MOMENTS if each != also]
    if isinstance(field, marshmallow.fields.String):
        return [*TEXTS, *ANYTHING]
    if isinstance(field, marshmallow.fields.Nested | marshmallow.fields.List | marshmallow.fields.Dict):
        return ["x", 5, True]
    return [[{}], {"a": {}}]


@pytest.mark.parametrize("pair", CHANGING, ids=_id)
def test_no_bad_input_is_taken(house, pair):
    edge = Edge(house, pair)
    route, before = edge.route, stored(edge.service)
    edge.send("too long by its own word", within={413}, data=b"x", environ_overrides={"CONTENT_LENGTH": "60000000"})
    if route.kind == "api" and route.accepts:
        for body in BODIES:
            edge.send(f"body {body[:20]!r}", data=body, content_type="application/json")
        edge.send("plain text", within={415}, data=b"{}", content_type="text/plain")
    elif route.accepts:
        edge.send("JSON for a form", data=b"{", content_type="application/json")
        edge.send("given twice", data="a=1&a=2", content_type="application/x-www-form-urlencoded")
        edge.send("no text", data=b"\xff=%ff%00&x", content_type="application/x-www-form-urlencoded")
    fields = route.accepts().load_fields if route.accepts else {}
    for name, field in {**fields, "no_such_field": None}.items():
        name = (field and field.data_key) or name
        if name in RAW or route.accepts is None or (field is None and route.path in FILES):
            continue
        for value in ["x"] if field is None else hostile(field):
            if route.kind == "api":
                body = json.dumps({name: value}).encode("utf-8", "surrogatepass")
                edge.send(f"{name}={str(value)[:20]!r}", names=name, data=body, content_type="application/json")
            elif (
                isinstance(value, str)
                and value
                and not isinstance(field, marshmallow.fields.Nested | marshmallow.fields.List)
            ):
                edge.send(f"{name}={value[:20]!r}", data={name: value})
    assert edge.wrong == []
    assert route.path in IN_WORDS or stored(edge.service) == before


@pytest.mark.parametrize("pair", CHANGING, ids=_id)
def test_nothing_is_done_for_who_is_not_who_he_says(house, pair):
    edge = Edge(house, pair)
    if edge.route.allow.public:
        return
    before = stored(edge.service)
    now = datetime.now(UTC)
    person = Principal(
        account="00000000-0000-7000-8000-000000000002", name="测试", roles=frozenset(ROLES), role="administrator",
        session="s-of-tests", epoch=1, signed_in_at=now, organisation="cn", proof="the-proof-of-this-session",
    )  # fmt: skip
    signed = assembly.signer(edge.service.settings).sign(person, now)
    ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"}
    flipped = signed[:-6] + ("AAAAAA" if signed[-6:] != "AAAAAA" else "BBBBBB")
    body = {"json": {}} if edge.route.kind == "api" else {"data": {"_csrf": person.proof}}
    away = {401} if edge.route.kind == "api" else {303, 401}
    for what, headers, within in (
        ("no pass", ours, away),
        ("a forged pass", {**ours, "Cookie": f"houqin-pass={flipped}"}, away),
        ("an unsigned pass", {**ours, "Cookie": "houqin-pass=eyJhbGciOiJub25lIn0.e30."}, away),
        ("a forged bearer", {"Authorization": f"Bearer {flipped}"}, {401}),
        ("a browser's pass as a program's", {"Authorization": f"Bearer {signed}"}, {401}),
    ):
        edge.send(what, headers=headers, within=within, **body)
    # The sessions of this suite are not in the database of requests, which has the last word about its own.
    known = {**ours, "Cookie": f"houqin-pass={signed}"}
    refused = (
        {401, 403}
        if edge.name == "requests" and edge.route.kind == "api"
        else {303, 403}
        if edge.name == "requests"
        else {403}
    )
    edge.send(
        "another site's page",
        headers={**known, "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        within=refused,
        **body,
    )
    edge.send("no word where from", headers={"Cookie": known["Cookie"]}, within=refused, **body)
    token = {"json": {}, "headers": {**known, "X-CSRF-Token": "another"}} if edge.route.kind == "api" else {
        "data": {"_csrf": "another"}, "headers": known}  # fmt: skip
    edge.send("another session's form token", within=refused, **token)
    assert edge.wrong == []
    assert stored(edge.service) == before


@pytest.mark.parametrize("name", SERVICES)
def test_ten_megabytes_are_refused(house, name):
    application, service = house[name]
    mine = [each for owner, each in CHANGING if owner == name]
    route = next((each for each in mine if each.kind == "api"), mine[0])
    before = stored(service)
    answer = Client(application).open(
        path_of(name, route), method=route.method, data=b"x" * 10_000_000, content_type="application/json",
        headers=bearer(service.settings, name),
    )  # fmt: skip
    assert answer.status_code == 413
    assert stored(service) == before
