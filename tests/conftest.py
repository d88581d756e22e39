"""What every test may ask for: real databases, a real broker, and a loud word where one is absent."""

from __future__ import annotations

import glob
import os
import shutil
import socket
import uuid
from collections import Counter
from urllib.parse import urlsplit

import pytest
import sqlalchemy
from hypothesis import settings
from sqlalchemy.engine import make_url

from shared.database import Database

POSTGRES = os.environ.get("HOUQIN_TEST_POSTGRES", "postgresql+psycopg2://root@127.0.0.1:5432/postgres")
BROKER = os.environ.get("HOUQIN_TEST_BROKER", "amqp://guest:guest@127.0.0.1:5672/")
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
CHROMIUM = os.environ.get("HOUQIN_TEST_CHROMIUM", "/usr/bin/chromium")
GOCODE = os.environ.get("HOUQIN_TEST_GOCODE", "/usr/share/gocode")
DEMANDED = os.environ.get("HOUQIN_TEST_ALL") == "1"  # leaving out is a failure

# How long an example takes says more about the machine than about the code.
settings.register_profile("houqin", deadline=None)
settings.load_profile("houqin")

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
    # Go's transparency-log library, as Debian's golang-go and golang-golang-x-mod-dev bring it.
    "go": shutil.which("go") is not None and os.path.isdir(f"{GOCODE}/src/golang.org/x/mod/sumdb/tlog"),
    "mqtt": bool(MOSQUITTO),
    # Tests that kill a database or a broker start one of their own, as the accounts that Debian's packages make.
    "own_servers": os.geteuid() == 0
    and bool(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    and os.path.isdir("/usr/lib/rabbitmq/bin"),
}
WHY = {
    "postgres": "no PostgreSQL answers; set HOUQIN_TEST_POSTGRES",
    "broker": "no RabbitMQ answers; set HOUQIN_TEST_BROKER",
    "go": "no Go to check logs with its own library; install Debian's golang-go and golang-golang-x-mod-dev",
    "browser": "no Chromium; install Debian's chromium or set HOUQIN_TEST_CHROMIUM",
    "mqtt": "no mosquitto; install Debian's mosquitto",
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


def pytest_sessionfinish(session):
    if (out := getattr(session.config, "workeroutput", None)) is not None:  # in a process beside others
        out["left_out"] = dict(_left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Every process collects all tests, so the word of one of them is the word of all."""
    _left_out.update(Counter(getattr(node, "workeroutput", {}).get("left_out", {})) - _left_out)


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
    _on_server(f"CREATE DATABASE {name}")
    url = make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    return url, lambda: _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Template:
    """Databases with the same tables and rows, of both kinds: one is made, the others are copied, which is quicker.

    Args:
        service: what the SQLite files are named after.
        fill: makes tables and rows in the empty database at a URL, and closes it.
        folder: where files may lie.
    """

    def __init__(self, service, fill, folder):
        self._fill, self._first_file, self._names = fill, folder / f"{service}.db", []
        self._first, self._drop = "", lambda: None

    def copy(self, kind, folder):
        """A database of its own for one test: (URL, what drops it)."""
        return self._file(folder / self._first_file.name) if kind == "sqlite" else self._database()

    def _file(self, path):
        if not self._first_file.exists():
            self._fill(f"sqlite:///{self._first_file}")
        shutil.copy(self._first_file, path)
        return f"sqlite:///{path}", lambda: None

    def _database(self):
        if not self._first:
            self._first, self._drop = scratch_postgres()
            self._fill(self._first)
        url = make_url(self._first)
        name = f"{url.database}_{len(self._names)}"
        self._names.append(name)
        _on_server(f"CREATE DATABASE {name} TEMPLATE {url.database}")
        return url.set(database=name).render_as_string(hide_password=False), lambda: _on_server(
            f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
        )

    def close(self):
        self._drop()


def _on_server(statement):
    server = sqlalchemy.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(statement)
    server.dispose()


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
