"""``python -m services``: all four services in one process, on SQLite and the in-memory broker."""

# ruff: noqa: I001  the host patches the process and comes first
from __future__ import annotations

import argparse
import fcntl
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.service import Running

log = logging.getLogger(__name__)

SERVICES = ("requests", "dispatch", "billing", "audit")


def main(arguments: list[str]) -> int:
    """Serve everything until told to stop; 0 after a clean end, 1 and one line when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m services", description=__doc__)
    parser.add_argument("--listen", default=os.environ.get("HOUQIN_LISTEN", "127.0.0.1:8000"), help="host:port")
    parser.add_argument("--empty", action="store_true", help="do not load the demonstration compound")
    options = parser.parse_args(arguments)
    os.environ.pop("HOUQIN_LISTEN", None)
    data = Path(os.environ.get("HOUQIN_DATA", "var"))
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        return _sorry(f"the folder {data} cannot be written: {error.strerror}")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return _sorry(f"another process already uses the folder {data}")
    return _serve(options.listen, demonstration=not options.empty)


def _serve(listen: str, *, demonstration: bool) -> int:
    from shared.bus import nameko_host

    from shared import observe, process, settings
    from shared.bus.topology import declare
    from shared.errors import HouqinError

    try:
        where = process.address(listen)
        services = [process.of(name) for name in SERVICES]
        declared = dict.fromkeys(setting for service in services for setting in process.declared(service))
        loaded = settings.load(declared)
        if demonstration and loaded["HOUQIN_PROFILE"] == "production":
            raise settings.BadSettings("the production profile takes no demonstration data; start with --empty")
        for service in services:
            process.refuse_unfit(service, loaded)
    except (ValueError, settings.BadSettings) as error:
        return _sorry(str(error))
    if not _free(where):
        return _sorry(f"{listen} is taken; choose another with LISTEN=127.0.0.1:8001 make up")
    observe.start_logging("houqin", loaded["HOUQIN_LOG_LEVEL"])
    hosts = []
    try:
        for service in services:
            running = process.assemble(service, loaded)
            process.prepare(running)
            if demonstration:
                service.demonstrate(running)
            hosts.append(nameko_host.Host(running, "memory://"))
    except (HouqinError, OSError) as error:
        return _sorry(f"the databases in {loaded['HOUQIN_DATA']} cannot be opened: {error}")
    _mend_epochs([host.running for host in hosts])
    declare("memory://", [each for host in hosts for each in host.running.subscriptions])
    try:
        applications = {f"/{host.running.name}": host.running.service.application(host.running) for host in hosts}
    except settings.BadSettings as error:
        return _sorry(str(error))
    gate = nameko_host.Gate(process.with_operations(under_one_roof(applications), hosts), "houqin", 64)

    def started() -> None:
        print(f"Houqin 后勤  http://{listen}", flush=True)
        if demonstration:
            print(_accounts(), flush=True)
        print("Ctrl-C ends it.", flush=True)

    return process.run_hosts(hosts, where, gate, 500, started)


def _mend_epochs(services: list[Running]) -> None:
    """A database that forgot what others have seen of it (put back, or cut short by a damaged disk) has a new epoch.

    Otherwise its next events would carry numbers that are already seen, and be lost.
    """
    from shared import restore
    from shared.bus.memory import first_unseen

    known = []
    for running in services:
        running.consumer.fold()
        with running.database.read() as connection:
            known.append(restore.positions(connection, running.name))
    for running in services:
        if running.name in restore.fallen(known):
            first = first_unseen(running, services) + 1
            with running.database.write() as connection:
                epoch = restore.raise_epoch(connection, first)
            log.critical("%s has forgotten events that others have seen; it goes on in epoch %d", running.name, epoch)


def _accounts() -> str:
    """The demonstration accounts, as they are told at the start."""
    from services.requests.compound import shown_people
    from services.requests.handlers.accounts import DEMONSTRATION_PASSWORD

    lines = [f"  {each.user:<12} {each.name.zh}  {each.name.en} ({', '.join(each.roles)})" for each in shown_people()]
    return "\n".join([f"Demonstration accounts, password {DEMONSTRATION_PASSWORD}:", *lines])


def _free(where: tuple[str, int]) -> bool:
    import socket

    with socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError:
            return False
    return True


def under_one_roof(applications: dict[str, Callable[..., Any]]) -> Callable[..., Iterable[bytes]]:
    """One application that hands each path to the service whose prefix it has; ``/`` leads to requests."""

    def front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        prefix = "/" + path.lstrip("/").partition("/")[0]
        application = applications.get(prefix)
        if application is None and prefix == "/static":
            application = applications["/requests"]
        if application is not None:
            return application(environ, start_response)  # type: ignore[no-any-return]
        if path in {"", "/"}:
            start_response(
                "303 See Other", [("Location", "/requests/"), ("Content-Length", "0"), ("Cache-Control", "no-store")]
            )
            return [b""]
        return applications["/requests"](environ, start_response)  # type: ignore[no-any-return]  # its error page

    return front


def _sorry(line: str) -> int:
    print(f"houqin: {line}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
