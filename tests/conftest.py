"""What every test may ask for: real databases, a real broker, and a loud word where one is absent."""

from __future__ import annotations

import glob
import os
import socket
import uuid
from collections import Counter
from urllib.parse import urlsplit

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from shared.database import Database

POSTGRES = os.environ.get("HOUQIN_TEST_POSTGRES", "postgresql+psycopg2://root@127.0.0.1:5432/postgres")
BROKER = os.environ.get("HOUQIN_TEST_BROKER", "amqp://guest:guest@127.0.0.1:5672/")
CHROMIUM = os.environ.get("HOUQIN_TEST_CHROMIUM", "/usr/bin/chromium")
DEMANDED = os.environ.get("HOUQIN_TEST_ALL") == "1"  # leaving out is a failure

_left_out: Counter[str] = Counter()


def _reachable(url: str, port: int) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), timeout=1).close()
    except OSError:
        return False
    return True


HAVE = {
    "postgres": _reachable(POSTGRES, 5432),
    "broker": _reachable(BROKER, 5672),
    "browser": os.path.exists(CHROMIUM),
    # Tests that kill a database or a broker start one of their own, as the accounts that Debian's packages make.
    "own_servers": os.geteuid() == 0
    and bool(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    and os.path.isdir("/usr/lib/rabbitmq/bin"),
}
WHY = {
    "postgres": "no PostgreSQL answers; set HOUQIN_TEST_POSTGRES",
    "broker": "no RabbitMQ answers; set HOUQIN_TEST_BROKER",
    "browser": "no Chromium; install Debian's chromium or set HOUQIN_TEST_CHROMIUM",
    "own_servers": "starting PostgreSQL and RabbitMQ needs root, Debian's postgresql and rabbitmq-server",
}


def pytest_collection_modifyitems(items):
    for item in items:
        for need, there in HAVE.items():
            if not there and item.get_closest_marker(need):
                _left_out[need] += 1
                if not DEMANDED:
                    item.add_marker(pytest.mark.skip(reason=WHY[need]))


def pytest_runtest_setup(item):
    for need, there in HAVE.items():
        if not there and item.get_closest_marker(need):
            pytest.fail(WHY[need], pytrace=False)


def pytest_terminal_summary(terminalreporter):
    for need, count in _left_out.items():
        terminalreporter.write_line(f"{count} tests left out: {WHY[need]}")


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, one for all tests."""
    from playwright.sync_api import sync_playwright

    from tests.browser.harness import launch

    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


def scratch_postgres():
    """A new, empty PostgreSQL database; (url, drop)."""
    name = f"houqin_test_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    server = sqlalchemy.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")

    def drop():
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.dispose()

    return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False), drop


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request, tmp_path):
    """The address of an empty database, once for each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    url, drop = scratch_postgres()
    yield url
    drop()


@pytest.fixture
def database(database_url):
    """An empty database, once for each kind."""
    opened = Database(database_url)
    yield opened
    opened.close()
