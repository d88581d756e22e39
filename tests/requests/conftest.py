"""A running requests service with its demonstration compound, and people who are signed in to it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import jinja2
import pytest
from werkzeug.test import Client

from services.requests.bookings import store as bookings
from services.requests.compound import load_compound
from services.requests.handlers import accounts, signing
from services.requests.service import SERVICE, desk_of
from shared import process, settings
from shared.bus.base import Delivery
from shared.clock import ManualClock
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.database import Database
from shared.service import Running
from shared.web.principal import Principal
from tests.conftest import Template

NOON = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)  # Wednesday 12:00 at the site
SITE = "http://127.0.0.1:8000"
COMPOUND = load_compound()


def a_running(folder, url, *, new=True):
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    running = Running(SERVICE, Database(url), loaded, ManualClock(NOON))
    if new:
        SERVICE.metadata.create_all(running.database.engine)
        settle(running)
    return running


def settle(running):
    with running.work() as work:
        accounts.settle_compound(work, COMPOUND)
        bookings.settle_resources(work.connection, COMPOUND.places)
    with running.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Databases that already hold the compound."""
    folder = tmp_path_factory.mktemp("template")
    found = Template("requests", lambda url: a_running(folder, url).database.close(), folder)
    yield found
    found.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def running(request, tmp_path, template):
    """The service on each kind of database, with the compound in it."""
    url, drop = template.copy(request.param, tmp_path)
    found = a_running(tmp_path, url, new=False)
    yield found
    found.database.close()
    drop()


@pytest.fixture
def quick(tmp_path, template):
    """The service on SQLite alone, for what does not depend on the database."""
    found = a_running(tmp_path, template.copy("sqlite", tmp_path)[0], new=False)
    yield found
    found.database.close()


@pytest.fixture(scope="session")
def house(tmp_path_factory, template):
    """One service for all tests that refuse, or that look only at what they made themselves; its clock stands."""
    folder = tmp_path_factory.mktemp("house")
    found = a_running(folder, template.copy("sqlite", folder)[0], new=False)
    found.settings = found.settings.with_(REQUESTS_FILINGS_PER_MINUTE=1_000_000)
    yield found
    found.database.close()


@pytest.fixture(scope="session")
def house_app(house):
    return an_app(house)


@pytest.fixture(scope="session")
def house_dispatch(house):
    return Dispatch(house)


@pytest.fixture
def desk(running):
    return desk_of(running)


def person(user="hanbing", **changes):
    """A principal as the pass of a demonstration account would carry it."""
    found = next(each for each in COMPOUND.people if each.user == user)
    values = {
        "account": found.id, "name": found.name.zh, "roles": frozenset(found.roles), "role": found.roles[0],
        "session": "s", "epoch": 1, "signed_in_at": NOON, "department": found.department,
        "organisation": found.organisation, "supplier": found.supplier, "crew": found.crew,
    }  # fmt: skip
    return Principal(**{**values, **changes})


def said(running, type_=""):
    """What the service has said so far, oldest first, as envelopes' dictionaries."""
    with running.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT type, sealed FROM outbox ORDER BY row_id").all()
    return [json.loads(sealed) for kind, sealed in rows if kind.startswith(type_)]


class Dispatch:
    """Speaks as dispatch would: numbered envelopes delivered to this service's handlers."""

    def __init__(self, running):
        self.running = running
        self.numbers = {}

    def envelope(self, event, sequence):
        place = self.numbers[event.TYPE] = self.numbers.get(event.TYPE, 0) + 1
        total = self.numbers["*"] = self.numbers.get("*", 0) + 1
        sealed = seal(
            Envelope(
                id=self.running.ids(), source="dispatch", type=event.TYPE, subject=event.subject,
                time=self.running.clock.now(), data=event.data(), sequence=sequence,
            )
        )  # fmt: skip
        return numbered(sealed, 1, total, place)

    def say(self, event, sequence):
        return self.deliver(self.envelope(event, sequence))

    def deliver(self, *bodies, redelivered=False):
        """All of them in one batch; they are of one subscription."""
        deliveries = [Delivery(unseal(body), body, redelivered) for body in bodies]
        kind = deliveries[0].envelope.type
        subscription = next(each for each in SERVICE.subscriptions if any(kind == event.TYPE for event in each.events))
        return self.running.consumer.deliver(subscription, deliveries)


class Browser:
    """One browser with its cookies; fills forms as a person would."""

    def __init__(self, app, language="zh-Hans"):
        self.client = Client(app)
        self.keep("houqin-language", language)
        self.headers = {"Origin": SITE, "User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0"}

    def keep(self, name, value):
        self.client.set_cookie(name, value, domain="127.0.0.1")

    def cookie(self, name):
        return self.client.get_cookie(name, domain="127.0.0.1").value

    def get(self, path, **options):
        return self.client.get(path, base_url=SITE, headers={**self.headers, **options.pop("headers", {})}, **options)

    def post(self, path, data=None, **options):
        return self.client.post(
            path, base_url=SITE, data=data, headers={**self.headers, **options.pop("headers", {})}, **options
        )

    def submit(self, page, path, **fields):
        """Send the form on ``page`` that goes to ``path`` with its hidden fields and these."""
        html = self.get(page, follow_redirects=True).text
        form = re.search(rf'<form[^>]*action="{re.escape(path)}".*?</form>', html, re.DOTALL)
        assert form, f"{page} has no form to {path}"
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
        return self.post(path, {**hidden, **fields})

    def sign_in(self, user, password=accounts.DEMONSTRATION_PASSWORD):
        return self.submit("/requests/sign-in", "/requests/sign-in", user=user, password=password)

    def json(self, method, path, body=None, **headers):
        proof = re.search(r'data-csrf="([^"]*)"', self.get("/requests/track").text)[1]
        return self.client.open(
            path, method=method, base_url=SITE, json=body, headers={**self.headers, "X-CSRF-Token": proof, **headers}
        )


def token_of(running, user="hanbing", verbs=("read", "write"), services=("requests",)):
    """The text of a new API token of this account."""
    with running.work() as work:
        return signing.make_token(work, person(user), "test", verbs, services, 30).text


class Program:
    """A program with an API token."""

    def __init__(self, running, app, user="hanbing", **options):
        self.client = Client(app)
        answer = self.client.post("/requests/api/passes", json={"token": token_of(running, user, **options)})
        assert answer.status_code == 201, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json['access_token']}"}

    def open(self, method, path, body=None, **headers):
        return self.client.open(path, method=method, json=body, headers={**self.headers, **headers})

    def post(self, path, body=None, **headers):
        return self.open("POST", path, {} if body is None else body, **headers)

    def get(self, path):
        return self.open("GET", path)


REPAIR = {
    "item": "repair", "place": "B2-302", "priority": 2, "answers": {"what": "aircon", "details": "不制冷，滴水"}, "anyway": True,
}  # fmt: skip


class Compiled(jinja2.BytecodeCache):
    """Templates compiled once for all applications of a test run; compiling them took half of its time."""

    def __init__(self):
        self.kept = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket):
        self.kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


def an_app(running):
    """The service's web application."""
    found = SERVICE.application(running)
    for environment in found.pages._environments.values():
        environment.bytecode_cache = COMPILED
    return found


@pytest.fixture
def app(running):
    return an_app(running)


@pytest.fixture
def quick_app(quick):
    return an_app(quick)


@pytest.fixture
def dispatch(running):
    return Dispatch(running)
