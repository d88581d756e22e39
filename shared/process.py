"""The processes of a service: ``serve``, ``relay``, ``migrate``, and the tools; the same words for all.

This module imports neither nameko nor eventlet, so that the relay and the tools run unpatched.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import observe, settings, working_time
from shared.database import Database
from shared.errors import Transient
from shared.service import Running, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.settings import Settings

log = logging.getLogger(__name__)

PORTS = {"requests": 8001, "dispatch": 8002, "billing": 8003, "audit": 8004}


def declared(service: Service) -> tuple[settings.Setting, ...]:
    """Every setting a process of this service knows."""
    return (*settings.COMMON, *settings.of_service(service.name, PORTS[service.name]), *service.settings)


def of(name: str) -> Service:
    """The service of this name."""
    found = importlib.import_module(f"services.{name}.service").SERVICE
    assert isinstance(found, Service)
    return found


def assemble(service: Service, loaded: Settings) -> Running:
    """A running service over its database, as the settings say."""
    try:
        working_time.settle(loaded["HOUQIN_WORKDAYS"])
    except ValueError as error:
        raise settings.BadSettings(f"HOUQIN_WORKDAYS: {error}") from error
    upper = service.name.upper()
    url = loaded[f"{upper}_DATABASE_URL"]
    if not url:
        folder = Path(loaded["HOUQIN_DATA"])
        folder.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{folder / service.name}.db"
    return Running(service, Database(url, pool_size=loaded[f"{upper}_POOL"]), loaded)


def broker_url(service: Service, loaded: Settings) -> str:
    """Where this service's broker is."""
    return str(loaded[f"{service.name.upper()}_BROKER_URL"] or loaded["HOUQIN_BROKER_URL"])


def _loaded(service: Service) -> Settings | None:
    try:
        loaded = settings.load(declared(service), mine(service.name))
        _check_authorities(broker_url(service, loaded))
    except settings.BadSettings as error:
        print(f"{service.name}: the settings are wrong:\n{error}", file=sys.stderr)
        return None
    return loaded


def _check_authorities(url: str) -> None:
    from shared.bus import tls

    try:
        tls.context(url)
    except OSError as error:
        why = error.strerror or error
        raise settings.BadSettings(f"the broker's address: cafile {tls.parted(url)[1]}: {why}") from error


def mine(name: str) -> dict[str, str]:
    """The environment without other services' settings, which share it in embedded mode and on one host."""
    others = tuple(f"{other.upper()}_" for other in PORTS if other != name)
    return {key: value for key, value in os.environ.items() if not key.startswith(others)}


def address(text: str) -> tuple[str, int]:
    """``host:port`` as a pair.

    Raises:
        ValueError: it is none.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no address; expected host:port")
    return host.strip("[]"), int(port)


def serve(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean end."""
    argparse.ArgumentParser(prog=f"python -m services.{arguments[0]} serve").parse_args(arguments[1:])
    from shared.bus import nameko_host  # patches the process: first

    service = of(arguments[0])
    loaded = _loaded(service)
    if loaded is None:
        return 2
    observe.start_logging(service.name, loaded["HOUQIN_LOG_LEVEL"])
    running = assemble(service, loaded)
    host = nameko_host.Host(running, broker_url(service, loaded))
    upper = service.name.upper()
    try:
        refuse_unfit(service, loaded)
        application = service.application(running)
    except settings.BadSettings as error:
        print(f"{service.name}: the settings are wrong:\n{error}", file=sys.stderr)
        return 2
    gate = nameko_host.Gate(with_operations(application, [host]), service.name, loaded[f"{upper}_HTTP_WORKERS"])
    return run_hosts([host], address(loaded[f"{upper}_LISTEN"]), gate, loaded[f"{upper}_CONNECTIONS"])


def run_hosts(
    hosts: Sequence[Any],
    where: tuple[str, int],
    application: Any,
    connections: int,
    started: Callable[[], None] | None = None,
) -> int:
    """Serve ``hosts`` until a signal; the exit status."""  # fmt: skip
    from shared.bus import nameko_host

    try:
        runner = nameko_host.serve(hosts, where, application, connections)
    except OSError as error:
        print(f"{where[0]}:{where[1]} cannot be listened on: {error.strerror or error}", file=sys.stderr)
        return 1
    stop_on_signal(runner.stop)
    if started is not None:
        started()
    runner.wait()
    for host in hosts:
        host.running.database.close()
    return 0


def stop_on_signal(stop: Callable[[], None]) -> None:
    """Call ``stop`` once, in a green thread, at the first SIGTERM or SIGINT; the second ends at once."""
    from shared.bus import nameko_host

    asked = False

    def handle(_number: int, _frame: Any) -> None:
        nonlocal asked
        if asked:
            os._exit(1)
        asked = True
        nameko_host.eventlet.spawn_after(0, stop)

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def relay(arguments: Sequence[str]) -> int:
    """Relay until SIGTERM or SIGINT; with ``--again`` ask the active relay to send numbers again."""
    service = of(arguments[0])
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name} relay")
    parser.add_argument("--again", action="store_true", help="have numbered events published once more")
    parser.add_argument("--from", dest="first", type=int, default=1, help="first number of this source")
    parser.add_argument("--to", dest="last", type=int, help="last number; the newest when absent")
    parser.add_argument("--listen", default="", help="host:port for /health, /ready and /metrics")
    options = parser.parse_args(arguments[1:])
    loaded = _loaded(service)
    if loaded is None:
        return 2
    observe.start_logging(f"{service.name}-relay", loaded["HOUQIN_LOG_LEVEL"])
    running = assemble(service, loaded)
    if options.again:
        return _again(running, options.first, options.last)
    url = broker_url(service, loaded)
    if url.startswith("memory"):
        print("the in-memory broker has no relay of its own; use HOUQIN_BROKER_URL=amqp://...", file=sys.stderr)
        return 2
    from shared.bus.rabbit import RabbitRelay

    worker = RabbitRelay(service.name, running.database, url)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: worker.stop())
    if options.listen:
        watch(options.listen, lambda: {"relay": worker.state} if worker.state not in {"", "standing by"} else {})
    worker.run()
    return 0


def _again(running: Running, first: int, last: int | None) -> int:
    import json

    from shared import outbox

    with running.database.write() as connection:
        epoch, _, _ = outbox.sent(connection)
        last = last or outbox.heads(connection).get("*", 0)
        for start in range(first, last + 1, 1000):
            numbers = list(range(start, min(start + 1000, last + 1)))
            outbox.WANT.run(connection, epoch=epoch, type="*", numbers=json.dumps(numbers))
    print(f"{running.name}: numbers {first} to {last} will be sent again")
    return 0


def watch(where: str, waits_for: Callable[[], dict[str, str]]) -> None:
    """``/health``, ``/ready`` and ``/metrics`` answer at ``host:port`` beside what this process does."""
    from werkzeug.serving import make_server

    host, port = address(where)
    server = make_server(host, port, operations(waits_for), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def operations(waits_for: Callable[[], dict[str, str]]) -> Callable[..., Iterable[bytes]]:
    """``/health``, ``/ready`` and ``/metrics`` as a WSGI application; 404 for the rest."""
    import json

    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        kind, status = "application/json", "200 OK"
        if path == "/health":
            body = b'{"status":"ok"}'
        elif path == "/ready":
            missing = waits_for()
            status = "503 Service Unavailable" if missing else "200 OK"
            body = json.dumps({"status": "waiting" if missing else "ready", "waits_for": missing}).encode()
        elif path == "/metrics":
            kind, body = CONTENT_TYPE_LATEST, generate_latest()
        else:
            status, body = "404 Not Found", b'{"status":404}'
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                                ("X-Content-Type-Options", "nosniff")])  # fmt: skip
        return [body]

    return application


OPERATIONS = {"/health", "/ready", "/metrics"}


def with_operations(application: Callable[..., Any], hosts: Sequence[Any]) -> Callable[..., Any]:
    """``application`` with the operator's paths in front."""

    def waits_for() -> dict[str, str]:
        found: dict[str, str] = {}
        for host in hosts:
            found |= {f"{host.running.name}.{what}": why for what, why in host.waits_for.items()}
            if "database" not in host.waits_for:
                try:
                    with host.running.database.read() as connection:
                        connection.exec_driver_sql("SELECT 1 FROM outbox LIMIT 1")
                except Exception as error:  # noqa: BLE001  whatever it is, the service is not ready
                    found[f"{host.running.name}.database"] = f"{type(error).__name__}"
        return found

    inner = operations(waits_for)

    def front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("PATH_INFO") in OPERATIONS:
            return inner(environ, start_response)
        return application(environ, start_response)

    return front


def migrate(arguments: Sequence[str]) -> int:
    """Bring schema and topology up to date; running it again changes nothing."""
    service = of(arguments[0])
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name} migrate")
    parser.add_argument("--demonstration", action="store_true", help="also load the demonstration data")
    options = parser.parse_args(arguments[1:])
    loaded = _loaded(service)
    if loaded is None:
        return 2
    if options.demonstration and loaded["HOUQIN_PROFILE"] == "production":
        print("the production profile takes no demonstration data", file=sys.stderr)
        return 2
    running = assemble(service, loaded)
    try:
        prepare(running)
        url = broker_url(service, loaded)
        if not url.startswith("memory"):
            from shared.bus.topology import declare

            declare(url, running.subscriptions)
        if options.demonstration:
            service.demonstrate(running)
    except (Transient, OSError) as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 1
    finally:
        running.database.close()
    return 0


def prepare(running: Running) -> None:
    """Migrate the service's database to the newest revision; its roles have their rights."""
    from shared.grants import grant
    from shared.migration import upgrade

    upgrade(running.database, running.service)
    grant(running.database, running.service)


def check(arguments: Sequence[str]) -> int:
    """Print every setting, its value and where it came from; 2 when one is wrong."""
    service = of(arguments[0])
    argparse.ArgumentParser(prog=f"python -m services.{service.name} check").parse_args(arguments[1:])
    loaded = _loaded(service)
    if loaded is None:
        return 2
    width = max(len(name) for name, *_ in loaded.shown())
    for name, value, origin, text in loaded.shown():
        print(f"{name:<{width}}  {value or '–':<32}  {origin:<11}  {text}")
    try:
        refuse_unfit(service, loaded)
    except settings.BadSettings as error:
        for problem in str(error).splitlines():
            print(f"! {problem}", file=sys.stderr)
        return 2
    return 0


def refuse_unfit(service: Service, loaded: Settings) -> None:
    """Return when nothing in the settings forbids to use this installation in earnest, or it is a demonstration.

    Raises:
        BadSettings: production, and people come over plain http or the broker has its default account.
    """
    if loaded["HOUQIN_PROFILE"] != "production":
        return
    problems = []
    if not str(loaded["HOUQIN_PUBLIC_URL"]).startswith("https://"):
        problems.append("HOUQIN_PUBLIC_URL must be https in the production profile")
    if "//guest:" in broker_url(service, loaded):
        problems.append("the broker's address has the broker's default account, in the production profile")
    if problems:
        raise settings.BadSettings("\n".join(problems))


def waiting(arguments: Sequence[str]) -> int:
    """List and settle what could not be handled."""
    from shared.waiting import command

    service = of(arguments[0])
    loaded = _loaded(service)
    return 2 if loaded is None else command(assemble(service, loaded), arguments[1:])


def backup(arguments: Sequence[str]) -> int:
    """Copy the database to a file, while the service runs or not."""
    from shared import restore

    service = of(arguments[0])
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name} backup")
    parser.add_argument("file", type=Path, help="a new file; SQLite as it is, PostgreSQL for pg_restore")
    options = parser.parse_args(arguments[1:])
    loaded = _loaded(service)
    if loaded is None:
        return 2
    running = assemble(service, loaded)
    try:
        size = restore.backup(running.database, options.file)
    except restore.CannotCopy as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 1
    print(f"{service.name}: {size} bytes in {options.file}")
    return 0


def restored(arguments: Sequence[str]) -> int:
    """After the database was put back from a copy: raise the epoch, so that no number is given twice."""
    from shared import restore

    service = of(arguments[0])
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name} restored")
    parser.add_argument("--from", dest="first", type=int, help="send again from this number of the old epoch on")
    options = parser.parse_args(arguments[1:])
    loaded = _loaded(service)
    if loaded is None:
        return 2
    running = assemble(service, loaded)
    try:
        with restore.alone(running.database), running.database.write() as connection:
            epoch = restore.raise_epoch(connection, options.first)
    except (restore.RelayRuns, Transient, OSError) as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 1
    print(f"{service.name}: numbers begin at 1 in epoch {epoch}")
    return 0


def positions(arguments: Sequence[str]) -> int:
    """Print how far this service has numbered and seen; or compare what several have printed."""
    import json

    from shared import restore

    service = of(arguments[0])
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name} positions")
    parser.add_argument("--compare", nargs="+", type=Path, metavar="FILE", help="what the services have printed")
    options = parser.parse_args(arguments[1:])
    if options.compare:
        try:
            lines = restore.disagreements(json.loads(each.read_text("utf-8")) for each in options.compare)
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"{service.name}: no positions: {error}", file=sys.stderr)
            return 2
        print("\n".join(lines) if lines else "all agree")
        return 1 if lines else 0
    loaded = _loaded(service)
    if loaded is None:
        return 2
    try:
        with assemble(service, loaded).database.read() as connection:
            print(json.dumps(restore.positions(connection, service.name)))
    except Transient as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 1
    return 0
