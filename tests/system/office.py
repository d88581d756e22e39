"""A whole installation as processes: embedded in one, or eight of them on RabbitMQ and PostgreSQL, under one origin."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import sqlalchemy

from deploy import local
from deploy.client import Person, Problem
from tests.conftest import BROKER, POSTGRES

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port below those that the system gives to outgoing connections: nobody takes it while its server is dead."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def until(question, what, limit=30.0):
    """The first true answer to ``question``, asked again and again; a 404, 502 or 503 is no answer yet."""
    deadline = time.monotonic() + limit
    last = None
    while time.monotonic() < deadline:
        try:
            found = question()
            if found:
                return found
        except Problem as problem:
            if problem.status not in {404, 502, 503}:
                raise
            last = problem
        except OSError as error:
            last = error
        time.sleep(0.03)
    raise AssertionError(f"{what} did not come about in {limit} s; last: {last}")


class Embedded:
    """All four services in one process on SQLite."""

    kind = "embedded"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, **settings: str) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HOUQIN_")} | settings
        environment |= {"HOUQIN_DATA": str(self.folder), "HOUQIN_PUBLIC_URL": self.address}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "services", "--listen", f"127.0.0.1:{self.port}"],
                env=environment, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        self.wait_ready()

    def wait_ready(self, limit=60.0) -> None:
        until(lambda: urlopen(f"{self.address}/ready", timeout=2).status == 200, "readiness", limit)

    def kill(self, _name: str = "") -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def databases(self) -> dict[str, str]:
        return {name: f"sqlite:///{self.folder / name}.db" for name in local.SERVICES}

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def names(self) -> list[str]:
        return ["all"]


class Full:
    """Four services and four relays as processes, with a scratch virtual host and scratch databases."""

    kind = "full"

    def __init__(self, folder: Path, postgres: str = POSTGRES, broker: str = "", **settings: str) -> None:
        self.folder = folder
        self.mark = f"houqin_test_{os.getpid()}_{uuid.uuid4().hex[:6]}"
        self.postgres = postgres
        self.shares_broker = not broker
        self.broker = broker or urlsplit(BROKER)._replace(path=f"/{self.mark}").geturl()
        self.more = settings
        self.ports = {name: free_port() for name in local.SERVICES}
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.processes = {}
        self._loop = asyncio.new_event_loop()

    def start(self) -> None:
        local.make_databases(self.postgres, self.mark)
        if not local.make_host(self.broker):
            raise RuntimeError("no virtual host for the test could be made")
        self.settings = local.environment(self.postgres, self.broker, str(self.folder), self.ports, self.mark)
        self.settings["HOUQIN_PUBLIC_URL"] = self.address
        self.settings.update({key: value for key, value in os.environ.items() if key.startswith("PYTHON")})
        self.settings["PYTHONWARNINGS"] = "ignore"
        self.settings.update(self.more)
        local.migrate(self.settings)
        self.processes = local.start(self.settings, self.folder)
        threading.Thread(target=self._origin, daemon=True).start()
        self.wait_ready()

    def _origin(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(local.Origin(self.ports).serve("127.0.0.1", self.port))
        self._loop.run_forever()

    def wait_ready(self, limit=60.0) -> None:
        for name in local.SERVICES:
            until(lambda name=name: urlopen(f"http://127.0.0.1:{self.ports[name]}/ready", timeout=2).status == 200,
                  f"readiness of {name}", limit)  # fmt: skip

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def restart(self, name: str) -> None:
        service, _, relay = name.partition("-")
        words = ["relay"] if relay else ["serve"]
        self.processes[name] = local.start_one(self.settings, service, words, self.folder / f"{name}.log")

    def databases(self) -> dict[str, str]:
        return {name: self.settings[f"{name.upper()}_DATABASE_URL"] for name in local.SERVICES}

    @property
    def names(self) -> list[str]:
        return list(self.processes)

    def stop(self) -> int:
        local.stop(self.processes)
        return 0

    def close(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        if not self.shares_broker:
            return  # the test's own servers go with everything in them
        subprocess.run(["rabbitmqctl", "-q", "delete_vhost", self.mark], capture_output=True, check=False)
        server = sqlalchemy.create_engine(self.postgres, isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            for name in local.SERVICES:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.mark}_{name} WITH (FORCE)")
        server.dispose()


OFFICES = {"embedded": Embedded, "full": Full}


def person(office, user: str) -> Person:
    """Somebody signed in there."""
    return until(lambda: Person(office.address, user).sign_in(), f"sign-in of {user}")
