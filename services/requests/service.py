"""The requests service, assembled."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.requests import api, model, pages, store
from services.requests.catalogue import load_catalogue
from services.requests.compound import load_compound
from services.requests.desk import Desk
from services.requests.handlers import accounts, following, signing
from services.requests.settings import SETTINGS
from services.requests.subscriptions import SUBSCRIPTIONS
from services.requests.tables import metadata
from shared.service import Service, Timer
from shared.web import waiting_pages
from shared.web.assembly import application, cursor_secret, signer
from shared.web.limits import Limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.service import Running
    from shared.web.routes import Route

FOLDER = Path(__file__).parent
FILING = {"api_file", "file_form"}  # routes whose limit is a setting


def desk_of(running: Running) -> Desk:
    """What this service's handlers and views need beside the database.

    Raises:
        BadCatalogue: the catalogue does not hold. BadSettings: a secret or key is missing.
    """
    settings = running.settings
    return Desk(
        catalogue=load_catalogue(),
        database=running.database,
        clock=running.clock,
        secret=hmac.new(cursor_secret(settings), b"requests", hashlib.sha256).digest(),
        signer=signer(settings, settings["REQUESTS_PASS_PRIVATE_KEY"]),
        site_name=settings["HOUQIN_SITE_NAME"],
        emergency=settings["REQUESTS_EMERGENCY_NUMBER"],
        demonstration=settings["HOUQIN_PROFILE"] == "demonstration",
    )


def build(running: Running) -> Callable[..., Any]:
    """The web application."""
    desk = desk_of(running)
    each = running.settings["REQUESTS_FILINGS_PER_MINUTE"]
    listed = [
        replace(route, limit=Limit(per_minute=each, burst=each)) if route.name in FILING else route
        for route in routes()
    ]
    return application(running, listed, folder=FOLDER, own=desk, alive=signing.alive(desk))


def routes() -> tuple[Route, ...]:
    """Every route of this service."""
    return (*api.ROUTES, *pages.ROUTES, *waiting_pages.routes())


def demonstrate(running: Running) -> None:
    """The demonstration compound is there: places, departments, people; nothing happens where there are places."""
    with running.work() as work:
        accounts.settle_compound(work, load_compound())


def close_unanswered(running: Running) -> None:
    """Finished work that nobody answered for some days is closed."""
    with running.work() as work:
        following.close_unanswered(work, work.now - timedelta(days=running.settings["REQUESTS_CONFIRM_DAYS"]))


def forget(running: Running) -> None:
    """Ended sessions and old failures to sign in are forgotten."""
    with running.work() as work:
        store.prune_people(work.connection, work.now, work.now - model.FORGOTTEN_AFTER)


SERVICE = Service(
    name="requests",
    settings=SETTINGS,
    metadata=metadata,
    migrations=FOLDER / "migrations",
    subscriptions=SUBSCRIPTIONS,
    application=build,
    demonstrate=demonstrate,
    timers=(Timer("close_unanswered", 600, close_unanswered), Timer("forget", 900, forget)),
    private=("account", "session", "device", "failure", "token"),
)
