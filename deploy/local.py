"""``make broker``: services and relays as processes of their own, on a local RabbitMQ and PostgreSQL, under one origin.

Databases and the virtual host are made where they are missing; everything this starts ends with it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import sqlalchemy
from sqlalchemy.engine import make_url

SERVICES = ("requests", "dispatch", "billing", "audit")
ROOT = Path(__file__).parents[1]


def environment(postgres: str, broker: str, data: str, ports: dict[str, int], prefix: str = "houqin") -> dict[str, str]:
    """What all processes are started with."""
    found = {key: value for key, value in os.environ.items() if not key.startswith("HOUQIN_")}
    found |= {"HOUQIN_BROKER_URL": broker, "HOUQIN_DATA": data, "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    for name in SERVICES:
        found[f"{name.upper()}_DATABASE_URL"] = (
            make_url(postgres).set(database=f"{prefix}_{name}").render_as_string(hide_password=False)
        )
        found[f"{name.upper()}_LISTEN"] = f"127.0.0.1:{ports[name]}"
    return found


def make_databases(postgres: str, prefix: str = "houqin") -> None:
    """One database for each service exists.

    Raises:
        sqlalchemy.exc.OperationalError: no PostgreSQL answers there.
    """
    server = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        there = set(connection.exec_driver_sql("SELECT datname FROM pg_database").scalars())
        for name in SERVICES:
            if f"{prefix}_{name}" not in there:
                connection.exec_driver_sql(f"CREATE DATABASE {prefix}_{name}")
    server.dispose()


def make_host(broker: str) -> bool:
    """The virtual host of ``broker`` exists; false when nobody could make it."""
    name = urlsplit(broker).path.lstrip("/")
    if not name:
        return True
    management = os.environ.get("HOUQIN_BROKER_MANAGEMENT", "http://127.0.0.1:15672")
    with suppress(OSError):
        request = Request(f"{management}/api/vhosts/{quote(name, safe='')}", method="PUT")  # noqa: S310
        request.add_header("Authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
        urlopen(request, timeout=2).close()  # noqa: S310
        return True
    if shutil.which("rabbitmqctl"):
        subprocess.run(["rabbitmqctl", "-q", "add_vhost", name], capture_output=True, check=False)
        user = urlsplit(broker).username or "guest"
        done = subprocess.run(
            ["rabbitmqctl", "-q", "set_permissions", "-p", name, user, ".*", ".*", ".*"],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0
    return False


def migrate(settings: dict[str, str], *, demonstration: bool = True) -> None:
    """Every schema and queue is up to date.

    Raises:
        subprocess.CalledProcessError: a migration failed; its own words are on standard error.
    """
    for name in SERVICES:
        options = ["--demonstration"] if demonstration else []
        subprocess.run(
            [sys.executable, "-m", f"services.{name}", "migrate", *options], env=settings, cwd=ROOT, check=True
        )


def start(settings: dict[str, str], logs: Path) -> dict[str, subprocess.Popen[bytes]]:
    """The eight processes, by name: ``requests`` and ``requests-relay``, ..."""
    found = {}
    for name in SERVICES:
        for role, words in ((name, ["serve"]), (f"{name}-relay", ["relay"])):
            found[role] = start_one(settings, name, words, logs / f"{role}.log")
    return found


def start_one(settings: dict[str, str], name: str, words: list[str], log: Path) -> subprocess.Popen[bytes]:
    """One process of a service, its log at the end of ``log``."""
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", f"services.{name}", *words], env=settings, cwd=ROOT, stdout=out,
                                stderr=out)  # fmt: skip


def stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    """Ask all of them to end, and end those that do not within fifteen seconds."""
    for process in processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + 15
    for process in processes.values():
        try:
            process.wait(max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Origin:
    """One address for four services: each connection carries one request to the service of its prefix."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.ports = ports

    async def serve(self, host: str, port: int) -> asyncio.Server:
        """A listening server."""
        return await asyncio.start_server(self._connection, host, port, limit=65536)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            await self._forward(head, reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            pass
        finally:
            with suppress(OSError):
                writer.close()

    async def _forward(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, _, rest = head.partition(b"\r\n")
        path = line.split(b" ")[1].decode("latin-1") if line.count(b" ") >= 2 else "/"
        if path == "/":
            writer.write(
                b"HTTP/1.1 303 See Other\r\nLocation: /requests/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()
            return
        prefix = path.lstrip("/").partition("/")[0].partition("?")[0]
        try:
            up_reader, up_writer = await asyncio.open_connection(
                "127.0.0.1", self.ports.get(prefix, self.ports["requests"])
            )
        except OSError:
            body = b'{"type":"about:blank","status":503,"title":"Service Unavailable"}'
            writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
                         b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))  # fmt: skip
            await writer.drain()
            return
        kept = [
            each
            for each in rest.split(b"\r\n")
            if each and not each.lower().startswith((b"connection:", b"keep-alive:"))
        ]
        up_writer.write(line + b"\r\n" + b"\r\n".join(kept) + b"\r\nConnection: close\r\n\r\n")
        upload = asyncio.create_task(self._pump(reader, up_writer))
        try:
            await self._pump(up_reader, writer)
        finally:
            upload.cancel()
            with suppress(OSError):
                up_writer.close()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()


async def keep_open(ports: dict[str, int], host: str, port: int, processes: dict[str, subprocess.Popen[bytes]]) -> int:
    """Serve the origin until a signal, or until a process ends by itself."""
    server = await Origin(ports).serve(host, port)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    print(f"Houqin 后勤  http://{host}:{port}\nCtrl-C ends it.", flush=True)
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 1)
        gone = [name for name, process in processes.items() if process.poll() is not None]
        if gone and not ended.is_set():
            print(f"{', '.join(gone)} ended; see var/full/*.log", file=sys.stderr)
            server.close()
            return 1
    server.close()
    return 0


def main() -> int:
    """Start everything; 1 and one line when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:8000")
    options = parser.parse_args()
    postgres = os.environ.get("HOUQIN_LOCAL_POSTGRES", "postgresql+psycopg2://root@127.0.0.1:5432/postgres")
    broker = os.environ.get("HOUQIN_LOCAL_BROKER", "amqp://guest:guest@127.0.0.1:5672/houqin")
    host, _, port = options.listen.rpartition(":")
    data = ROOT / "var" / "full"
    data.mkdir(parents=True, exist_ok=True)
    ports = {"requests": 8001, "dispatch": 8002, "billing": 8003, "audit": 8004}
    try:
        make_databases(postgres)
    except sqlalchemy.exc.OperationalError:
        print("houqin: no PostgreSQL answers; set HOUQIN_LOCAL_POSTGRES", file=sys.stderr)
        return 1
    if not make_host(broker):
        print("houqin: the virtual host cannot be made; set HOUQIN_LOCAL_BROKER to one that exists", file=sys.stderr)
        return 1
    settings = environment(postgres, broker, str(data), ports)
    settings["HOUQIN_PUBLIC_URL"] = f"http://{options.listen}"
    try:
        migrate(settings)
    except subprocess.CalledProcessError:
        return 1
    processes = start(settings, data)
    try:
        return asyncio.run(keep_open(ports, host, int(port), processes))
    finally:
        stop(processes)


if __name__ == "__main__":
    sys.exit(main())
