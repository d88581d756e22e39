"""A running billing service with the demonstration contracts, and finished work as dispatch tells of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from werkzeug.test import Client

from services.billing.service import SERVICE
from shared import process, settings
from shared.bus.base import Delivery
from shared.clock import ManualClock
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.contracts.dispatch import Usage, WorkOrderFinished
from shared.database import Database
from shared.service import Running
from tests.conftest import Template
from tests.people import NOON

FINISHED = next(each for each in SERVICE.subscriptions if each.name == "billing.record_usage")


def a_running(folder, url, *, new=True):
    loaded = settings.load(process.declared(SERVICE), {"HOUQIN_DATA": str(folder)})
    running = Running(SERVICE, Database(url), loaded, ManualClock(NOON))
    if new:
        SERVICE.metadata.create_all(running.database.engine)
        SERVICE.demonstrate(running)
    return running


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Databases that already hold the three contracts."""
    folder = tmp_path_factory.mktemp("template")
    found = Template("billing", lambda url: a_running(folder, url).database.close(), folder)
    yield found
    found.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def running(request, tmp_path, template):
    """The service on each kind of database, with the three contracts and no usage."""
    url, drop = template.copy(request.param, tmp_path)
    found = a_running(tmp_path, url, new=False)
    yield found
    found.database.close()
    drop()


@pytest.fixture
def quick(tmp_path, template):
    """The service on SQLite alone."""
    found = a_running(tmp_path, template.copy("sqlite", tmp_path)[0], new=False)
    yield found
    found.database.close()


def finished(number, *usage, contract="HY-2026-01", item="repair", after=0):
    """The delivery of one finished order; ``usage`` are (meter, quantity, unit), ``number`` from 1 without gaps."""
    order = f"00000000-0000-7000-8000-{number:012}"
    at = NOON + timedelta(minutes=after)
    event = WorkOrderFinished(
        order_id=order, reference=f"2026-1125-{number:03}-1", request_id=f"r{number}", request_reference=f"2026-1125-{number:03}",
        item=item, place="B2-302", department="docs", crew=f"{contract[:2].lower() or 'in'}-1", supplier=contract[:2],
        contract=contract, started_at=at, finished_at=at,
        usage=tuple(Usage(meter=meter, quantity=Decimal(quantity), unit=unit) for meter, quantity, unit in usage),
    )  # fmt: skip
    sealed = seal(
        Envelope(
            id=f"e{number}", source="dispatch", type=event.TYPE, subject=order, time=NOON, data=event.data(), sequence=7
        )
    )
    body = numbered(sealed, 1, number, number)
    return Delivery(unseal(body), body)


def tell(running, deliveries):
    return running.consumer.deliver(FINISHED, deliveries)


def hours(number, quantity, **where):
    return finished(number, ("hours", quantity, "hours"), **where)


def a_client(running):
    return Client(SERVICE.application(running))


def facts(running):
    with running.database.read() as connection:
        return connection.execute(SERVICE.metadata.tables["fact"].select()).all()
