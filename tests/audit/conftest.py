"""A running audit service, events as the four services say them, and people of every role."""

from __future__ import annotations

import random
import shutil

import pytest
from werkzeug.test import Client

from services.audit import things, vault
from services.audit.service import SERVICE
from services.audit.signing import sign
from shared import process, settings
from shared.bus.base import Delivery
from shared.clock import ManualClock
from shared.contracts import billing, dispatch, requests
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.database import Database
from shared.ids import new_id
from shared.service import Running
from tests.conftest import Template
from tests.people import NOON, headers_of  # noqa: F401  what tests of this folder ask for

EVERYTHING = next(each for each in SERVICE.subscriptions if each.whole)
DEPTH = "一二三"


def a_running(folder, url):
    return a_running_of(folder, url, create=True)


def a_running_of(folder, url, *, create=False):
    """The service over a database that is there, or over one that is made."""
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    running = Running(SERVICE, Database(url), loaded, ManualClock(NOON))
    if create:
        SERVICE.metadata.create_all(running.database.engine)
    vault.use(running)
    return running


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Databases with the log's tables."""
    folder = tmp_path_factory.mktemp("template")
    found = Template("audit", lambda url: a_running(folder, url).database.close(), folder)
    yield found
    found.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def running(request, tmp_path, template):
    """The service on each kind of database, empty."""
    url, drop = template.copy(request.param, tmp_path)
    found = a_running_of(tmp_path, url)
    yield found
    found.database.close()
    drop()


@pytest.fixture
def quick(tmp_path, template):
    """The service on SQLite alone."""
    found = a_running_of(tmp_path, template.copy("sqlite", tmp_path)[0])
    yield found
    found.database.close()


class Voices:
    """Speaks as the four services would: numbered deliveries."""

    def __init__(self):
        self.totals = {}

    def delivery(self, event, source=None, *, redelivered=False, **changes):
        source = source or event.TYPE.partition(".")[0]
        total = self.totals[source] = self.totals.get(source, 0) + 1
        kind = self.totals[event.TYPE] = self.totals.get(event.TYPE, 0) + 1
        sealed = seal(
            Envelope(id=changes.pop("id", new_id()), source=source, type=event.TYPE, subject=event.subject, time=NOON,
                     data=event.data() | changes.pop("data", {}), sequence=1, actor=changes.pop("actor", "account:a1"))
        )  # fmt: skip
        body = numbered(sealed, 1, total, kind)
        return Delivery(unseal(body), body, redelivered)


def a_chain(voices, request="r1", reference="2026-1125-001", **filed):
    """The deliveries of one request from filing to its money."""
    base = {"order_id": f"o-{request}", "request_id": request}
    crew = {**base, "crew": "hy-elec-1"}
    events = [
        requests.RequestFiled(
            request_id=request, reference=reference, item="repair", item_version=1, priority=2, place="B2-302", building="2",
            floor="3", room="302", department="docs", requester="a1", filed_at=NOON, summary="杏302不制冷", contact="8302", **filed,
        ),
        dispatch.WorkOrderOpened(
            **base, reference=f"{reference}-1", request_reference=reference, item="repair", priority=2, place="B2-302",
            department="docs", opened_at=NOON, arrival_due_at=NOON, finish_due_at=NOON,
        ),
        dispatch.WorkOrderAssigned(**crew, crew_name="恒岳空调一班", crew_name_en="Hengyue 1", supplier="HY", contract="HY-2026-01", assigned_at=NOON),
        dispatch.WorkOrderArrived(**crew, arrived_at=NOON),
        dispatch.WorkOrderFinished(
            **crew, reference=f"{reference}-1", request_reference=reference, item="repair", place="B2-302", department="docs",
            supplier="HY", contract="HY-2026-01", started_at=NOON, finished_at=NOON,
            usage=(dispatch.Usage(meter="hours", quantity="3.5", unit="hours"),), arrival_kept=True,
        ),
        billing.UsageRecorded(
            fact_id=f"f-{request}", order_id=f"o-{request}", request_id=request, contract="HY-2026-01", supplier="HY", meter="hours",
            quantity="3.5", unit="hours", service_at=NOON, recorded_at=NOON, state="recorded", amount="297.50", card_version=1,
            budget_line="AIRCON",
        ),
        billing.FeedExtended(contract="HY-2026-01", number=1, fact_id=f"f-{request}", amount="297.50", head="00"),
    ]  # fmt: skip
    return [voices.delivery(each) for each in events]


def tell(running, deliveries):
    """The log takes them in, and its index of things follows, as by the timer."""
    outcome = running.consumer.deliver(EVERYTHING, deliveries)
    things.index(running)
    return outcome


def shuffled(deliveries, seed, times=3):
    """Each delivery some times over, in disorder, in batches of unequal size."""
    chance = random.Random(seed)
    many = [each for each in deliveries for _ in range(chance.randint(1, times))]
    chance.shuffle(many)
    while many:
        size = chance.randint(1, 9)
        yield many[:size]
        many = many[size:]


def leaves(running):
    with running.database.read() as connection:
        return [bytes(leaf) for (leaf,) in connection.exec_driver_sql("SELECT leaf FROM log_entry ORDER BY seq")]


def a_client(running):
    return Client(SERVICE.application(running))


@pytest.fixture
def told(quick):
    """The service with one sealed chain in it."""
    tell(quick, a_chain(Voices()))
    sign(quick)
    return quick


def publish(client, size, folder):
    """The log as anybody mirrors it over HTTP, written to ``folder``."""
    from services.audit.log.tiles import bundles_between, tiles_of

    shutil.rmtree(folder, ignore_errors=True)
    wanted = [tile.path for tile in (*tiles_of(size), *bundles_between(0, size))]
    for path in ["checkpoint", *wanted]:
        answer = client.get(f"/audit/log/{path}")
        assert answer.status_code == 200, path
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(answer.data)
