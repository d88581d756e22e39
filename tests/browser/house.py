"""The whole house, started as a newcomer starts it, and people of the demonstration signed in to it."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from services.requests.compound import load_compound
from services.requests.handlers.accounts import DEMONSTRATION_PASSWORD
from shared.contracts.base import SERVICES
from shared.web.access import person_of, routes_of
from shared.web.routes import decide
from tests.browser.harness import ROOT, context_for

START_SECONDS = 60  # on a busy machine; a second start takes three


@contextlib.contextmanager
def start(folder):
    """The address of a house with its data in ``folder``; ended by SIGTERM.

    Raises:
        RuntimeError: it did not start, with the end of what it said.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HOUQIN_", *(f"{each.upper()}_" for each in SERVICES)))
    }
    out = (folder / "house.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "services", "--listen", f"127.0.0.1:{port}"], cwd=ROOT, stdout=out, stderr=out,
        env={**kept, "HOUQIN_DATA": str(folder / "data"), "HOUQIN_PUBLIC_URL": address},
    )  # fmt: skip
    try:
        _wait(process, address, folder / "house.log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
        out.close()


def _wait(process, address, log):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/ready", timeout=2) as found:
                if found.status == 200:
                    return
        except OSError:
            time.sleep(0.2)  # the process is still importing; there is nothing else to wait on
    raise RuntimeError(f"the house did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")


def people():
    """One person of the demonstration for each role, those of the sign-in page first."""
    found = {}
    for person in sorted(load_compound().people, key=lambda each: not each.shown):
        for role in person.roles:
            found.setdefault(role, person)
    return found


def signed_in(browser, address, person, **look):
    """A window in which ``person`` has signed in by the form."""
    context = context_for(browser, address, **look)
    page = context.new_page()
    page.goto(f"{address}/requests/sign-in")
    page.fill("main input[type=text], main input[name=user]", person.user)
    page.fill("main input[type=password]", DEMONSTRATION_PASSWORD)
    page.press("main input[type=password]", "Enter")
    page.wait_for_load_state()
    if "sign-in" in page.url:
        raise AssertionError(f"{person.user} could not sign in: {page.locator('main').inner_text()}")
    page.close()
    return context


def pages():
    """Every page of every service that can be visited without knowing an object: (service, route, path)."""
    for name in SERVICES:
        for route in routes_of(name):
            if (
                route.kind == "page"
                and route.method == "GET"
                and (route.sample is not None or "<" not in route.path)
                and "renew" not in route.name
            ):
                path = route.path
                for place, value in (route.sample or {}).items():
                    path = _filled(path, place, value)
                yield name, route, f"/{name}{path}"


def _filled(path, place, value):
    import re

    return re.sub(rf"<(?:\w+(?:\([^)]*\))?:)?{place}>", value, path)


def reader_of(route):
    """The role whose person visits a page: the first that may."""
    from shared.web.principal import ROLES

    if route.allow.public:
        return None
    return next(role for role in ROLES if decide(person_of(role), route) == "allow")


def application_modules():
    """The services' assemblies, for tests that need their routes."""
    return [importlib.import_module(f"services.{name}.service") for name in SERVICES]
