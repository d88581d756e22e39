"""Servers of the tests' own, and the toy services on them."""

from __future__ import annotations

import os
import uuid

import pytest
from sqlalchemy import Column, Integer, Table, Text

from shared.bus.base import Subscription
from shared.bus.topology import declare
from shared.contracts.requests import RequestUrged
from shared.database import Database
from shared.service import metadata_of_floor
from shared.upkeep import floor_subscriptions
from tests.bus.bus_suite import Toy
from tests.conftest import HAVE
from tests.failure.nodes import Broker, Postgres
from tests.failure.proxy import Proxy


@pytest.fixture(scope="session")
def own_postgres():
    """A PostgreSQL that may be killed; whoever does so starts it again."""
    if not HAVE["own_servers"]:
        pytest.skip("no server of the test's own")
    found = Postgres().start()
    yield found
    found.close()


@pytest.fixture(scope="session")
def own_broker():
    """A RabbitMQ that may be killed; whoever does so starts it again."""
    if not HAVE["own_servers"]:
        pytest.skip("no server of the test's own")
    found = Broker().start()
    yield found
    found.close()


@pytest.fixture
def bystander(own_postgres):
    """A proxy in front of the database."""
    found = Proxy(("127.0.0.1", own_postgres.port)).start()
    yield found
    found.close()


@pytest.fixture
def wire(own_broker):
    """A proxy in front of the broker."""
    found = Proxy(("127.0.0.1", own_broker.port)).start()
    yield found
    found.close()


@pytest.fixture
def toy(own_postgres, own_broker, tmp_path):
    """Two toy services with databases and a virtual host of their own, prepared; nothing runs yet."""
    mark = f"toy_{os.getpid()}_{uuid.uuid4().hex[:6]}"
    own_broker.control("add_vhost", mark)
    own_broker.control("set_permissions", "-p", mark, "guest", ".*", ".*", ".*")
    raw = own_postgres.connect()
    for name in ("requests", "dispatch"):
        raw.cursor().execute(f"CREATE DATABASE {mark}_{name}")
    raw.close()
    found = Toy(tmp_path, {})
    found.mark, found.host = mark, own_broker

    def address(port, name):
        return f"postgresql+psycopg2://root@127.0.0.1:{port}/{mark}_{name}"

    def broker(port):
        return f"amqp://guest:guest@127.0.0.1:{port}/{mark}"

    found.database, found.broker = address, broker
    found.settings |= {
        "TOY_REQUESTS": address(own_postgres.port, "requests"),
        "TOY_DISPATCH": address(own_postgres.port, "dispatch"),
        "TOY_BROKER": broker(own_broker.port),
    }
    prepare(found)
    yield found
    found.close()


def prepare(toy):
    """What ``toy.py prepare`` does, without a process of its own."""
    says, hears = metadata_of_floor(), metadata_of_floor()
    Table("effects", hears, Column("id", Integer, primary_key=True), Column("what", Text), Column("subject", Text))
    for name, metadata in (("REQUESTS", says), ("DISPATCH", hears)):
        database = Database(toy.settings[f"TOY_{name}"])
        metadata.create_all(database.engine)
        database.close()
    subscriptions = (
        Subscription("dispatch.count_one", None, events=(RequestUrged,)),
        Subscription("dispatch.count_all", None, sources=("requests",)),
        *floor_subscriptions("dispatch"),
        *floor_subscriptions("requests"),
    )
    declare(toy.settings["TOY_BROKER"], subscriptions)
